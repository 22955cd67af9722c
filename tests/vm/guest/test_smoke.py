# SPDX-License-Identifier: LGPL-2.1-or-later
"""Is this the guest that its name says, and do the tools work that its other tests are made of?"""
import os
import sys

import lsm
from domain import Bus, RemoteError, run_in, verdict
from marks import skip_for

GUEST = sys.argv[1]
MODULE, SERIES = GUEST.rsplit('-', 1)
NO_SELINUX = ('none-6.1', 'apparmor-6.1', 'apparmor-new')
NO_APPARMOR = ('none-6.1', 'selinux-6.1', 'selinux-new')
# Two domains of each module that may connect to a bus.
DOMAINS = {'selinux': ('cli_t', 'svc_t'), 'apparmor': ('vm.client', 'vm.service'), 'none': (None, None)}[MODULE]


def label_of(domain):
    """As a socket tells it."""
    return {'selinux': lsm.context(domain), 'apparmor': '%s (enforce)' % domain}[MODULE]


def fails(function, *args, **kw):
    """The exception, as text."""
    try:
        value = function(*args, **kw)
    except (OSError, RemoteError) as e:
        return str(e)
    raise AssertionError('it did not fail: %r' % (value,))


def test_kernel():
    version = os.uname().release
    assert version.startswith('6.1.') if SERIES == '6.1' else lsm.new_kernel(), version


def test_module():
    assert lsm.kind() == (None if MODULE == 'none' else MODULE), lsm.modules()


@skip_for(*NO_SELINUX)
def test_selinux_enforces():
    assert lsm.read(lsm.SELINUX + '/enforce') == '1'
    assert lsm.current() == 'system_u:system_r:kernel_t:s0'
    assert run_in('cli_t', lsm.current) == lsm.context('cli_t')

    def leave():
        with open(lsm.current_file(), 'w') as file:
            file.write(lsm.context('cli_t'))
    run_in('svc_t', leave)
    assert 'Permission denied' in fails(run_in, 'nobus_t', leave)
    assert 'Invalid argument' in fails(run_in, 'nosuch_t', lsm.current)


@skip_for(*NO_SELINUX)
def test_selinux_policies():
    def row(source, target, allowed):
        assert lsm.selinux_allows(source, target, 'send_msg') == allowed
    for source, target, allowed in (('cli_t', 'svc_t', True), ('svc_t', 'cli_t', True), ('deny_cli_t', 'svc_t', False),
                                    ('svc_t', 'deny_cli_t', True), ('nobus_t', 'busd_t', False), ('cli_t', 'busd_t', True),
                                    ('container_t:s0:c1,c2', 'container_t:s0:c1,c2', True),
                                    ('container_t:s0:c1,c2', 'container_t:s0:c1,c3', False), ('spc_t', 'container_t:s0:c1', True)):
        yield '%s-%s' % (source, target), row, source, target, allowed


@skip_for(*NO_SELINUX)
def test_selinux_other_policy():
    try:
        lsm.load('domains2')
        assert not lsm.selinux_allows('cli_t', 'svc_t', 'send_msg')
        assert lsm.selinux_allows('svc_t', 'cli_t', 'send_msg')
    finally:
        lsm.load('domains')
    assert lsm.selinux_allows('cli_t', 'svc_t', 'send_msg')


@skip_for(*NO_SELINUX)
def test_selinux_names():
    assert lsm.selinux_allows('svc_t', 'svc_name_t', 'acquire_svc')
    assert not lsm.selinux_allows('cli_t', 'svc_name_t', 'acquire_svc')


@skip_for(*NO_APPARMOR)
def test_apparmor_profiles():
    loaded = lsm.read(lsm.APPARMOR + '/profiles').splitlines()
    for name in ('snap.hello.world (enforce)', 'snap.hello.complain (complain)',
                 'vm.client (enforce)', 'vm.complain (complain)', 'v8.client (enforce)'):
        assert name in loaded, loaded
    assert run_in('snap.hello.world', lsm.current) == 'snap.hello.world (enforce)'
    assert fails(run_in, 'no.such.profile', lsm.current)


@skip_for(*NO_APPARMOR)
def test_apparmor_answers():
    fields = ('session', 'org.ex.Dest', 'unconfined', '/org/ex', 'org.ex.Iface')
    assert lsm.apparmor_allows('snap.hello.world', lsm.SEND, *fields, 'Method')
    assert not lsm.apparmor_allows('snap.hello.world', lsm.SEND, *fields, 'Nope')
    assert lsm.apparmor_allows('snap.hello.world', lsm.BIND, 'session', 'org.ex.Own')
    assert not lsm.apparmor_allows('snap.hello.world', lsm.BIND, 'session', 'org.ex.Other')
    # The new kernel does not ask a profile of this kind, and allows everything.
    assert lsm.apparmor_allows('v8.client', lsm.BIND, 'session', 'org.ex.Other') == lsm.new_kernel()


@skip_for(*NO_APPARMOR)
def test_apparmor_bus_profiles():
    def row(source, target, allowed):
        fields = ('session', ':1.7', target, '/obj', 'com.example.Iface', 'Ping')
        assert lsm.apparmor_allows(source, lsm.SEND, *fields) == allowed[0]
        assert lsm.apparmor_allows(target, lsm.RECEIVE, *fields[:2], source, *fields[3:]) == allowed[1]
    for source, target, *allowed in (('vm.client', 'vm.service', True, True), ('vm.service', 'vm.client', True, True),
                                     ('vm.denied', 'vm.service', False, True), ('vm.service', 'vm.denied', True, True),
                                     ('vm.caller', 'vm.deaf', True, False), ('vm.narrow', 'vm.service', True, True),
                                     ('vm.mute', 'vm.service', False, True), ('vm.client', 'vm.mute', False, False)):
        yield '%s-%s' % (source, target), row, source, target, allowed


@skip_for(*NO_APPARMOR)
def test_apparmor_other_profiles():
    fields = ('session', ':1.7', 'vm.service', '/obj', 'com.example.Iface', 'Ping')
    driver = ('session', 'org.freedesktop.DBus', 'unconfined', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'Hello')
    try:
        lsm.load('less')
        assert not lsm.apparmor_allows('vm.client', lsm.SEND, *fields)
        assert lsm.apparmor_allows('vm.client', lsm.SEND, *driver)
    finally:
        lsm.load('bus')
    assert lsm.apparmor_allows('vm.client', lsm.SEND, *fields)
    assert not lsm.apparmor_allows('vm.mute', lsm.SEND, *driver)


@skip_for(*NO_APPARMOR)
def test_apparmor_enforces():
    def open_network():
        import socket
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
    assert 'denied' in fails(run_in, 'snap.other.app', open_network)


def test_bus_starts():
    with Bus().start() as bus:
        with bus.connect() as c:
            assert 'org.freedesktop.DBus' in c.names()
            bus.reload()


def test_clients():
    bus = Bus().start()
    assert 'org.freedesktop.DBus' in bus.run('busctl', '--address=' + bus.address, 'list', domain=DOMAINS[1])
    assert 'org.freedesktop.DBus' in bus.run('busctl', '--address=' + bus.address, 'list')
    for member, wanted in (('ListNames', 'org.freedesktop.DBus'), ('GetId', '')):
        said = bus.run('gdbus', 'call', '--address', bus.address, '--dest', 'org.freedesktop.DBus',
                       '--object-path', '/org/freedesktop/DBus', '--method', 'org.freedesktop.DBus.' + member)
        assert wanted in said and said.startswith('('), said
        said = bus.run('dbus-send', '--bus=' + bus.address, '--print-reply', '--dest=org.freedesktop.DBus', '/org/freedesktop/DBus',
                       'org.freedesktop.DBus.' + member)
        assert wanted in said and 'string "' in said, said


def test_user_and_cgroup():
    bus = Bus().start()
    peer = bus.peer(user='alice', cgroup='user.slice/test.scope')
    with bus.connect() as c:
        seen = c.credentials(peer.name)
    assert seen['UnixUserID'] == ('u', 1000), seen
    assert lsm.read('/proc/%d/cgroup' % seen['ProcessID'][1]) == '0::/user.slice/test.scope'


def test_peers_talk():
    bus = Bus().start()
    first, second = bus.peer(), bus.peer()
    assert verdict(first, second) == 'ok'
    assert second.request_name('com.example.Second') == 1
    assert verdict(first, second, dest='com.example.Second', sig='s', body=('words',)) == 'ok'
    assert verdict(first, second, dest='com.example.None') == 'call org.freedesktop.DBus.Error.ServiceUnknown'


@skip_for('none-6.1')
def test_confined_bus():
    domain = {'selinux': 'busd_t', 'apparmor': 'vm.bus'}[MODULE]
    bus = Bus(domain).start()
    assert lsm.read('/proc/%d/attr/current' % bus.pid) == label_of(domain)
    for domain in DOMAINS:
        bus.peer(domain).sync()


def test_labels():
    """Of the socket, which stays, and not that of the process, which changes."""
    bus = Bus().start()
    for domain in DOMAINS:
        peer = bus.peer(domain, user='bob')
        with bus.connect() as c:
            label = c.credentials(peer.name).get('LinuxSecurityLabel')
        if lsm.peer_labels():
            assert label == ('ay', label_of(domain).encode() + b'\0'), label
        else:
            assert label is None, label
        if domain:
            assert peer.label() == label_of(domain)


@skip_for('none-6.1')
def test_policies_change_while_peers_talk():
    """What is allowed changes at once in the kernel, while connections stay; what the bus makes of it is not looked at here."""
    bus = Bus().start()
    client, service = (bus.peer(domain) for domain in DOMAINS)
    assert verdict(client, service) == 'ok'
    try:
        lsm.load({'selinux': 'domains2', 'apparmor': 'less'}[MODULE])
        client.post('call', 'GetId')
        service.sync()
        assert len(client.result()[0]) == 32
    finally:
        lsm.load({'selinux': 'domains', 'apparmor': 'bus'}[MODULE])
    assert verdict(service, client) == 'ok'
    client.do('become', DOMAINS[1])
    assert client.label() == label_of(DOMAINS[1])
    client.sync()
