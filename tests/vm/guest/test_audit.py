# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is denied is on record where audit2allow and aa-logprof look: in the kernel's audit system, as USER_AVC, from a bus that may write
there; else in the log of the bus. What the tools make of the records the host looks at afterwards (tools.py)."""
import re
import sys

import lsm
import records
from domain import Bus, verdict
from marks import skip_for

GUEST = sys.argv[1]
NO_SELINUX, NO_APPARMOR = ('apparmor-6.1', 'apparmor-new'), ('selinux-6.1', 'selinux-new', 'apparmor-6.1')
DENIED = 'org.freedesktop.DBus.Error.AccessDenied'

# What the kernel and libaudit put around a record.
AROUND = (r"^audit\([0-9.]+:[0-9]+\): pid=%d uid=0 auid=\d+ ses=\d+( subj=\S+( \([a-z]+\))?)? "
          r"msg='%s exe=\"/opt/postern/posternd\" sauid=0 hostname=\? addr=\? terminal=\?'$")
SELINUX = (r'avc:  denied  \{ send_msg \} for  msgtype=method_call path=/obj interface=com\.example\.Iface member=Ping dest=:1\.\d+ '
           r'spid=%d tpid=%d scontext=system_u:system_r:%s:s0 tcontext=system_u:system_r:%s:s0 tclass=dbus permissive=%d')
SELINUX_NAME = (r'avc:  denied  \{ acquire_svc \} for  service=com\.example\.Named spid=%d scontext=system_u:system_r:cli_t:s0 '
                r'tcontext=system_u:object_r:svc_name_t:s0 tclass=dbus permissive=0')
APPARMOR = (r'apparmor="%s" operation="dbus_method_call" bus="session" path="/obj" interface="com\.example\.Iface" member="%s" mask="%s" '
            r'name=":1\.\d+" pid=%d label="%s" peer_pid=%d peer_label="%s"')
APPARMOR_NAME = r'apparmor="DENIED" operation="dbus_bind" bus="session" name="com\.example\.Named" mask="bind" pid=%d label="vm\.service"'


def matches(record, bus, pattern):
    assert re.search(AROUND % (bus.pid, pattern), record), record


def user_bus():
    """Of somebody who may not write to the audit system."""
    return Bus().as_user('alice').start()


def fails_to(function, *args):
    try:
        function(*args)
    except Exception as e:
        assert getattr(e, 'name', '') == DENIED, e
        return
    raise AssertionError('it was allowed')


# ---- SELinux ---------------------------------------------------------------------------------------------------

@skip_for(*NO_SELINUX)
def test_selinux():
    with records.Listener() as audit:
        bus = Bus().start()
        client, service = bus.peer('deny_cli_t'), bus.peer('svc_t')
        assert verdict(client, service) == 'call ' + DENIED
        record = audit.wait('avc:')
        records.keep(record)
        matches(record, bus, SELINUX % (client.pid, service.pid, 'deny_cli_t', 'svc_t', 0))
        assert verdict(service, client).startswith('reply')


@skip_for(*NO_SELINUX)
def test_selinux_permissive():
    """lax_t does what it may not; that the other may not answer is another record."""
    with records.Listener() as audit:
        bus = Bus().start()
        client, service = bus.peer('lax_t'), bus.peer('unconfined_t')
        audit.drop()
        assert verdict(client, service) == 'ok'
        record = audit.wait('avc:', 'member=Ping')
        records.keep(record)
        matches(record, bus, SELINUX % (client.pid, service.pid, 'lax_t', 'unconfined_t', 1))


@skip_for(*NO_SELINUX)
def test_selinux_name():
    with records.Listener() as audit:
        body = '<selinux><associate own="com.example.Named" context="system_u:object_r:svc_name_t:s0"/></selinux>'
        bus = Bus().start(body)
        client = bus.peer('cli_t')
        fails_to(client.request_name, 'com.example.Named')
        record = audit.wait('acquire_svc')
        records.keep(record)
        matches(record, bus, SELINUX_NAME % client.pid)


@skip_for(*NO_SELINUX)
def test_selinux_user_bus():
    with records.Listener() as audit:
        bus = user_bus()
        client, service = bus.peer('deny_cli_t'), bus.peer('svc_t')
        assert verdict(client, service) == 'call ' + DENIED
        pattern = SELINUX % (client.pid, service.pid, 'deny_cli_t', 'svc_t', 0)
        assert bus.log_has(r'(^|\s)%s$' % pattern), bus.log()
        assert not [text for kind, text in audit.drop() if kind == records.USER_AVC]


# ---- AppArmor --------------------------------------------------------------------------------------------------

@skip_for(*NO_APPARMOR)
def test_apparmor():
    with records.Listener() as audit:
        bus = Bus().start()
        client, service = bus.peer('vm.narrow'), bus.peer('vm.service')
        assert verdict(client, service, member='Other') == 'call ' + DENIED
        record = audit.wait('apparmor=', 'mask="send"')
        records.keep(record)
        matches(record, bus, APPARMOR % ('DENIED', 'Other', 'send', client.pid, r'vm\.narrow', service.pid, r'vm\.service'))
        assert verdict(client, service, member='Ping') == 'ok'
        assert verdict(client, service, member='Quiet') == 'call ' + DENIED
        assert not [text for _, text in audit.drop() if 'apparmor=' in text], 'a rule denies this without a record'


@skip_for(*NO_APPARMOR)
def test_apparmor_receiver():
    with records.Listener() as audit:
        bus = Bus().start()
        client, service = bus.peer('vm.caller'), bus.peer('vm.deaf')
        assert verdict(client, service) == 'call ' + DENIED
        record = audit.wait('apparmor=', 'mask="receive"')
        records.keep(record)
        matches(record, bus, APPARMOR % ('DENIED', 'Ping', 'receive', service.pid, r'vm\.deaf', client.pid, r'vm\.caller'))


@skip_for(*NO_APPARMOR)
def test_apparmor_name():
    with records.Listener() as audit:
        bus = Bus().start()
        service = bus.peer('vm.service')
        fails_to(service.request_name, 'com.example.Named')
        record = audit.wait('apparmor=', 'dbus_bind')
        records.keep(record)
        matches(record, bus, APPARMOR_NAME % service.pid)


@skip_for(*NO_APPARMOR)
def test_apparmor_allowed_on_record():
    """What an audit rule allows, and what a complaining profile would not."""
    with records.Listener() as audit:
        bus = Bus().start()
        client, service = bus.peer('vm.narrow'), bus.peer('vm.service')
        audit.drop()
        assert verdict(client, service, member='Audited') == 'ok'
        record = audit.wait('apparmor=', 'Audited')
        records.keep(record)
        matches(record, bus, APPARMOR % ('[A-Z]+', 'Audited', 'send', client.pid, r'vm\.narrow', service.pid, r'vm\.service'))
        client = bus.peer('vm.complain')
        audit.drop()
        assert verdict(client, service) == 'ok'
        record = audit.wait('apparmor=', 'Ping')
        records.keep(record)
        matches(record, bus, APPARMOR % ('ALLOWED', 'Ping', 'send', client.pid, r'vm\.complain', service.pid, r'vm\.service'))


@skip_for(*NO_APPARMOR)
def test_apparmor_user_bus():
    with records.Listener() as audit:
        bus = user_bus()
        client, service = bus.peer('vm.narrow'), bus.peer('vm.service')
        assert verdict(client, service, member='Other') == 'call ' + DENIED
        pattern = APPARMOR % ('DENIED', 'Other', 'send', client.pid, r'vm\.narrow', service.pid, r'vm\.service')
        assert bus.log_has(r'(^|\s)%s$' % pattern), bus.log()
        assert not [text for kind, text in audit.drop() if kind == records.USER_AVC]
