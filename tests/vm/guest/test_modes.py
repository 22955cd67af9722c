# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a bus starts: what the configuration asks of the security module, and what the guest has of it."""
import os
import re
import sys
import time

import lsm
from domain import Bus, is_mute, verdict, with_mount
from marks import skip_for
from trail import Records
from wirebus import DBusError

MODULE = sys.argv[1].rsplit('-', 1)[0]
NO_SELINUX = ('none-6.1', 'apparmor-6.1', 'apparmor-new')
DOMAINS = {'selinux': ('cli_t', 'svc_t'), 'apparmor': ('vm.client', 'vm.service'), 'none': (None, None)}[MODULE]
REQUIRED, ENABLED, DISABLED = ('<apparmor mode="%s"/>' % mode for mode in ('required', 'enabled', 'disabled'))
CONFIG = '/etc/selinux/config'


def refuses(bus, **kw):
    """What a bus says that must not start."""
    try:
        bus.start(**kw)
    except AssertionError as e:
        assert 'did not start' in str(e), e
        assert bus.process.wait(10) != 0
        bus.process = None
        return str(e)
    raise AssertionError('it started:\n' + bus.log())


@skip_for('apparmor-new')
def test_required_without_apparmor():
    said = refuses(Bus(), body=REQUIRED)
    why = {'apparmor': 'this kernel does not mediate D-Bus'}.get(MODULE, 'the kernel does not run it')
    assert 'bus.conf:6:' in said and 'AppArmor mediation is required here, but ' + why in said, said


@skip_for('apparmor-new')
def test_not_required_without_apparmor():
    for body in (ENABLED, DISABLED, ''):
        bus = Bus().start(body)
        first, second = (bus.peer(domain) for domain in DOMAINS)
        assert verdict(first, second) == 'ok' and verdict(second, first) == 'ok'
        assert bus.log().count('its D-Bus rules are not enforced: this kernel does not mediate D-Bus') == (MODULE == 'apparmor'), bus.log()
        for peer in (first, second):
            peer.close()
        bus.close()


@skip_for('apparmor-new')
def test_required_by_a_reload():
    """What was in force stays, and the log says why."""
    bus = Bus().start()
    with open(bus.config) as file:
        text = file.read()
    try:
        bus.reload(text.replace('</busconfig>', REQUIRED + '</busconfig>'))
    except DBusError:
        pass
    assert bus.log_has('AppArmor mediation is required here')
    assert verdict(bus.peer(DOMAINS[0]), bus.peer(DOMAINS[1])) == 'ok'


@skip_for('selinux-6.1', 'selinux-new', 'apparmor-6.1', 'apparmor-new')
def test_nothing_asked():
    """Without a module nothing is said of one, and there is nothing to be recorded."""
    with Records() as records:
        bus = Bus().start()
        peer = bus.peer()
        assert peer.do('error', 'GetNameOwner', 's', 'com.example.None').endswith('.NameHasNoOwner')
        with bus.connect() as c:
            assert 'LinuxSecurityLabel' not in c.credentials(peer.name)
        assert 'SELinux' not in bus.log() and 'AppArmor' not in bus.log()
        assert not records.read()


@skip_for('none-6.1', 'selinux-6.1', 'selinux-new', 'apparmor-6.1')
def test_apparmor_disabled():
    """It is not asked, also after a reload, and is again after another."""
    bus = Bus().start(DISABLED)
    mute, service = bus.peer('vm.mute'), bus.peer('vm.service')
    with Records() as records:
        assert verdict(mute, service) == 'ok' and verdict(service, mute) == 'ok'
        assert mute.request_name('com.example.Any') == 1
        assert not records.read()
    with open(bus.config) as file:
        text = file.read()
    bus.reload(text.replace('disabled', 'enabled'))
    assert mute.do('error', 'GetId').endswith('.AccessDenied')
    bus.reload(text)
    mute.sync()


@skip_for(*NO_SELINUX)
def test_unknown_context_of_a_name():
    said = refuses(Bus(), body='<selinux>\n  <associate own="com.example.Name" context="system_u:object_r:no_such_t:s0"/>\n</selinux>')
    assert 'bus.conf:7:3: the SELinux policy knows no context "system_u:object_r:no_such_t:s0"' in said, said


@skip_for(*NO_SELINUX)
def test_libselinux_believes_off():
    """Without its configuration the library takes SELinux to be off. A bus that believed it would allow everything."""
    os.rename(CONFIG, CONFIG + '.away')
    try:
        said = refuses(Bus())
        assert 'enforces an SELinux policy, but libselinux takes SELinux to be off: is /etc/selinux/config missing' in said, said
        lsm.enforce(False)
        bus = Bus().start()
        assert bus.log_has('SELinux policy in permissive mode, and libselinux takes SELinux to be off: it takes no part')
        assert verdict(bus.peer('deny_cli_t'), bus.peer('svc_t')) == 'ok'
    finally:
        lsm.enforce(True)
        os.rename(CONFIG + '.away', CONFIG)


@skip_for(*NO_SELINUX)
def test_selinuxfs_read_only():
    """As container managers mount it: SELinux is not for the container, whose bus starts and says so."""
    bus = Bus()
    bus.prefix = with_mount('-o', 'remount,bind,ro', lsm.SELINUX)
    bus.start()
    assert bus.log_has('selinuxfs is not mounted here, or read-only')
    assert verdict(bus.peer('deny_cli_t'), bus.peer('svc_t')) == 'ok'


@skip_for(*NO_SELINUX)
def test_confined_bus():
    bus = Bus('busd_t').start()
    client, service = bus.peer('cli_t'), bus.peer('svc_t')
    assert verdict(client, service) == 'ok'
    assert verdict(bus.peer('deny_cli_t'), service) == 'call org.freedesktop.DBus.Error.AccessDenied'
    with Records() as records:
        assert is_mute(bus, 'nobus_t')
        records.wait('member=Hello', 'scontext=' + lsm.context('nobus_t'), 'tcontext=' + lsm.context('busd_t'), 'permissive=0')


@skip_for('none-6.1', 'apparmor-6.1')
def test_flood_of_denials():
    """Records are for people: so many a second, and the messages are denied all the same."""
    bus = Bus().start()
    sender, service = {'selinux': ('deny_cli_t', 'svc_t'), 'apparmor': ('vm.denied', 'vm.service')}[MODULE]
    sender, service = bus.peer(sender), bus.peer(service)
    with Records() as records:
        start = time.monotonic()
        for _ in range(300):
            sender.post('send_call', 'Flood', dest=service.name, path='/obj', iface='com.example.Iface')
        for _ in range(300):
            sender.result()
        sender.sync()
        seconds = int(time.monotonic() - start) + 2
        assert len([m for m in sender.do('take') if m.error is not None]) == 300
        written = len(records.matching('Flood'))
        assert 10 <= written <= 20 * seconds, 'in %d s: %d records' % (seconds, written)
        service.sync()
        assert not service.do('take')
        time.sleep(1.1)
        assert sender.do('error', 'After', dest=service.name, path='/obj', iface='com.example.Iface').endswith('.AccessDenied')
        assert records.wait('After')
    # What was left out is counted, of lines in the line that comes next, of records in one of its own.
    assert bus.log_has('member=After')
    lines = [line for line in bus.log().splitlines() if 'verdict=denied' in line]
    left_out = sum(int(n) for line in lines for n in re.findall(r'suppressed=(\d+)', line))
    assert len(lines) + left_out == 301 and left_out > 0, (len(lines), left_out)
    assert bus.log_has(r'[1-9]\d* records of security modules about what :1\.\d+ caused were suppressed')
