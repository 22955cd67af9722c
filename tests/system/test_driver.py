# SPDX-License-Identifier: LGPL-2.1-or-later
"""The driver's methods and the error of each wrong call: what clients of org.freedesktop.DBus rely on."""
import os
import re
import select
import xml.etree.ElementTree as ElementTree

import pytest

from bus import STOCK, wait_for
from wirebus import CALL, DRIVER, DRIVER_PATH, E, PROPERTIES, RETURN, Message

PEER = 'org.freedesktop.DBus.Peer'
INTROSPECTABLE = 'org.freedesktop.DBus.Introspectable'
NOBODY = 'com.example.Nobody'

# method, signature, arguments -> error
ERRORS = [
    ('NoSuchMethod', '', (), 'UnknownMethod'),
    ('Hello', '', (), 'Failed'),
    ('RequestName', 's', (NOBODY,), 'InvalidArgs'),
    ('RequestName', 'us', (0, NOBODY), 'InvalidArgs'),
    ('RequestName', 'suu', (NOBODY, 0, 0), 'InvalidArgs'),
    ('ReleaseName', '', (), 'InvalidArgs'),
    ('ListNames', 's', ('x',), 'InvalidArgs'),
    ('GetId', 'u', (1,), 'InvalidArgs'),
    ('AddMatch', 'o', ('/',), 'InvalidArgs'),
    ('GetNameOwner', 's', (NOBODY,), 'NameHasNoOwner'),
    ('GetNameOwner', 's', ('not valid',), 'NameHasNoOwner'),
    ('GetNameOwner', 's', (':1.99999',), 'NameHasNoOwner'),
    ('ListQueuedOwners', 's', (NOBODY,), 'NameHasNoOwner'),
    ('GetConnectionUnixUser', 's', (NOBODY,), 'NameHasNoOwner'),
    ('GetConnectionUnixUser', 's', ('not valid',), 'NameHasNoOwner'),
    ('GetConnectionUnixProcessID', 's', (NOBODY,), 'NameHasNoOwner'),
    ('GetConnectionCredentials', 's', (':1.99999',), 'NameHasNoOwner'),
    ('GetConnectionSELinuxSecurityContext', 's', (NOBODY,), 'NameHasNoOwner'),
    ('GetConnectionSELinuxSecurityContext', 's', (DRIVER,), 'SELinuxSecurityContextUnknown'),
    ('GetAdtAuditSessionData', 's', (NOBODY,), 'NameHasNoOwner'),
    ('GetAdtAuditSessionData', 's', (DRIVER,), 'AdtAuditDataUnknown'),
    ('StartServiceByName', 'su', (NOBODY, 0), 'ServiceUnknown'),
    ('StartServiceByName', 'su', (':1.99999', 0), 'ServiceUnknown'),
    ('StartServiceByName', 's', (NOBODY,), 'InvalidArgs'),
    ('AddMatch', 's', ('nonsense',), 'MatchRuleInvalid'),
    ('AddMatch', 's', ("type='nothing'",), 'MatchRuleInvalid'),
    ('AddMatch', 's', ("foo='bar'",), 'MatchRuleInvalid'),
    ('AddMatch', 's', ("member='x',member='y'",), 'MatchRuleInvalid'),
    ('AddMatch', 's', ("arg64='x'",), 'MatchRuleInvalid'),
    ('AddMatch', 's', ("path='/a',path_namespace='/a'",), 'MatchRuleInvalid'),
    ('AddMatch', 's', ("eavesdrop='maybe'",), 'MatchRuleInvalid'),
    ('AddMatch', 's', ("interface='a",), 'MatchRuleInvalid'),
    ('RemoveMatch', 's', ("type='nothing'",), 'MatchRuleInvalid'),
    ('RemoveMatch', 's', ("type='signal'",), 'MatchRuleNotFound'),
]


@pytest.mark.parametrize('method, sig, args, error', ERRORS)
def test_error(bus, method, sig, args, error):
    c = bus.connect()
    e = c.failure(method, sig, *args)
    assert e.name == E + error and isinstance(e.text, str) and e.text
    assert c.is_alive()


def test_unknown_interface_and_method(bus):
    c = bus.connect()
    assert c.error('Foo', iface='com.example.Nothing') == E + 'UnknownInterface'
    assert c.error('Foo', iface=None) == E + 'UnknownMethod'
    assert c.error('ListNames', iface=INTROSPECTABLE) == E + 'UnknownMethod'
    assert c.names() == c.call('ListNames', iface=None)[0]


def test_any_path(bus):
    """The plain methods are answered at any path; what is privileged or new, only at the driver's own."""
    c = bus.connect()
    for path in ('/', '/foo/bar', DRIVER_PATH):
        assert c.name in c.call('ListNames', path=path)[0]
        assert c.call('Introspect', iface=INTROSPECTABLE, path=path)
        c.call('Ping', iface=PEER, path=path)
    assert c.error('UpdateActivationEnvironment', 'a{ss}', {}, path='/') == E + 'AccessDenied'
    assert c.error('Get', 'ss', DRIVER, 'Features', iface=PROPERTIES, path='/') == E + 'UnknownInterface'
    assert c.error('BecomeMonitor', 'asu', [], 0, iface='org.freedesktop.DBus.Monitoring', path='/') == E + 'UnknownInterface'


def test_properties(bus):
    c = bus.connect()
    assert 'HeaderFiltering' in c.get(DRIVER, 'Features')
    interfaces = c.get(DRIVER, 'Interfaces')
    assert not {DRIVER, PROPERTIES, INTROSPECTABLE, PEER} & set(interfaces)
    got = c.call('GetAll', 's', DRIVER, iface=PROPERTIES)[0]
    assert got['Features'] == ('as', c.get(DRIVER, 'Features')) and got['Interfaces'] == ('as', interfaces)
    assert c.error('Get', 'ss', DRIVER, 'Nothing', iface=PROPERTIES) == E + 'UnknownProperty'
    assert c.error('Get', 'ss', 'com.example.Nothing', 'Nothing', iface=PROPERTIES) == E + 'UnknownInterface'
    assert c.error('GetAll', 's', 'com.example.Nothing', iface=PROPERTIES) == E + 'UnknownInterface'
    assert c.error('Set', 'ssv', DRIVER, 'Features', ('as', []), iface=PROPERTIES) == E + 'PropertyReadOnly'
    assert c.error('Set', 'ssv', DRIVER, 'Nothing', ('as', []), iface=PROPERTIES) == E + 'UnknownProperty'


@pytest.mark.postern
def test_containers_is_listed(bus):
    c = bus.connect()
    assert 'org.freedesktop.DBus.Containers1' in c.get(DRIVER, 'Interfaces')
    assert sorted(c.get('org.freedesktop.DBus.Containers1', 'SupportedArguments')) == sorted(
        ['Allow', 'Mode', 'ListenFD', 'ReadyFD', 'CloseFD', 'Limits'])
    assert 'SupportedArguments' in c.call('GetAll', 's', 'org.freedesktop.DBus.Containers1', iface=PROPERTIES)[0]


def test_ids(bus):
    c = bus.connect()
    assert re.fullmatch('[0-9a-f]{32}', c.call('GetId')[0])
    assert c.call('GetId') == bus.connect().call('GetId')
    if os.path.exists('/etc/machine-id'):
        with open('/etc/machine-id') as f:
            assert c.call('GetMachineId', iface=PEER) == (f.read().strip(),)


def test_start_service_that_runs(new_bus):
    os.mkdir(new_bus.dir + '/services')
    new_bus.write('services/com.example.Runs.service', '[D-BUS Service]\nName=com.example.Runs\nExec=/bin/false\n')
    new_bus.start('<servicedir>%s/services</servicedir>' % new_bus.dir)
    c = new_bus.connect()
    c.request_name('com.example.Runs')
    assert c.call('StartServiceByName', 'su', 'com.example.Runs', 0) == (2,)


@pytest.mark.postern
def test_no_reply_expected(bus):
    """The driver returns nothing to a call that wants no answer."""
    c = bus.connect()
    serial = c.send_call('ListNames', flags=1)
    c.sync()
    assert not [m for m in c.inbox if m.reply_serial == serial]


def test_credentials(bus):
    c, w = bus.connect(), bus.connect()
    c.request_name('com.example.Cred')
    for name in (c.name, 'com.example.Cred'):
        got = w.call('GetConnectionCredentials', 's', name, full=True)
        cred = got.body[0]
        assert cred['UnixUserID'] == ('u', os.geteuid())
        assert cred['ProcessID'] == ('u', os.getpid())
        assert w.call('GetConnectionUnixUser', 's', name) == (os.geteuid(),)
        assert w.call('GetConnectionUnixProcessID', 's', name) == (os.getpid(),)
        assert cred['UnixGroupIDs'] == ('au', sorted(set(os.getgroups()) | {os.getegid()}))
        for fd in got.fds:
            os.close(fd)
    driver = w.credentials(DRIVER)
    assert driver['UnixUserID'] == ('u', os.geteuid()) and driver['ProcessID'] == ('u', bus.pid)
    assert w.call('GetConnectionUnixProcessID', 's', DRIVER) == (bus.pid,)


@pytest.mark.postern
def test_process_fd(bus):
    """ProcessFD is a pidfd of the process that connected; a receiver that takes no descriptors does not get one."""
    c, w, plain = bus.connect(), bus.connect(), bus.connect(fds=False)
    got = w.call('GetConnectionCredentials', 's', c.name, full=True)
    kind, index = got.body[0]['ProcessFD']
    assert kind == 'h' and index == 0 and len(got.fds) == 1
    with open('/proc/self/fdinfo/%d' % got.fds[0]) as f:
        assert re.search(r'^Pid:\s+%d$' % os.getpid(), f.read(), re.M)
    assert not select.select([got.fds[0]], [], [], 0)[0]
    os.close(got.fds[0])
    assert 'ProcessFD' not in plain.credentials(c.name)


@pytest.mark.postern
def test_process_fd_of_another_process(bus):
    """The pidfd names the client, not the bus, and becomes readable when the client ends."""
    w = bus.connect()
    p = bus.spawn('/usr/bin/dbus-monitor', '--address', bus.address) if STOCK else bus.spawn('/usr/bin/gdbus', 'monitor', '--address',
                                                                                           bus.address, '--dest', w.name)
    name = wait_for(lambda: [n for n in w.names() if n[0] == ':' and n != w.name and
                             w.call('GetConnectionUnixProcessID', 's', n)[0] == p.pid])[0]
    got = w.call('GetConnectionCredentials', 's', name, full=True)
    fd, = got.fds
    p.kill()
    assert select.select([fd], [], [], 10)[0] == [fd]
    os.close(fd)


def test_before_hello(bus):
    """Nothing but Hello; the connection stays. A message to anybody else ends it."""
    w = bus.connect()
    c = bus.connect(hello=False)
    for member, iface in (('ListNames', DRIVER), ('Nothing', DRIVER), ('Hello', 'com.example.Foreign'), ('Ping', PEER)):
        assert c.error(member, iface=iface) == E + 'AccessDenied', (member, iface)
    assert c.call('Hello', iface=None)[0].startswith(':1.')
    assert c.error('Hello') == E + 'Failed'
    d = bus.connect(hello=False)
    d.send_call('Hello', dest=w.name)
    assert d.is_closed()
    w.sync()
    assert not w.take(CALL)


def test_no_destination(bus):
    c = bus.connect()
    c.call('Ping', iface=PEER, dest=None)
    assert c.error('ListNames', dest=None) == E + 'UnknownMethod'
    assert c.error('Foo', iface='a.b', path='/x', dest=None) == E + 'UnknownMethod'


def test_unowned_destination(bus):
    c = bus.connect()
    for dest in (NOBODY, ':1.99999'):
        assert c.error('Foo', dest=dest, path='/', iface='a.b') in (E + 'ServiceUnknown', E + 'NameHasNoOwner')
    c.signal(dest=NOBODY)
    assert c.is_alive()


def test_driver_ignores_what_is_no_call(bus):
    c = bus.connect()
    c.signal('NameOwnerChanged', 'sss', 'a.b', '', c.name, dest=DRIVER, path=DRIVER_PATH, iface=DRIVER)
    c.send(Message(RETURN, destination=DRIVER, reply_serial=1))
    assert c.is_alive()


def test_nobody_speaks_as_the_driver(bus):
    """A signal of the driver's interface from a client carries the client's name."""
    c, w = bus.connect(), bus.connect()
    w.match("type='signal',interface='org.freedesktop.DBus',member='NameOwnerChanged'")
    w.match("type='signal',sender='org.freedesktop.DBus',path='/forged'")
    w.sync()
    w.inbox.clear()
    c.signal('NameOwnerChanged', 'sss', 'a.b', '', c.name, path='/forged', iface=DRIVER, sender=DRIVER)
    c.sync()
    w.sync()
    assert [m.sender for m in w.take()] == [c.name]


def test_introspection(bus):
    """The tree leads to the driver, and describes what is answered."""
    c = bus.connect()

    def children(path):
        return [n.get('name') for n in ElementTree.fromstring(c.call('Introspect', iface=INTROSPECTABLE, path=path)[0]).findall('node')]
    path = '/'
    while path != DRIVER_PATH:
        child = [n for n in children(path) if (path.rstrip('/') + '/' + n + '/').startswith('/org/') and DRIVER_PATH.startswith(path.rstrip('/') + '/' + n)]
        assert len(child) == 1, path
        path = path.rstrip('/') + '/' + child[0]
    root = ElementTree.fromstring(c.call('Introspect', iface=INTROSPECTABLE)[0])
    methods = {i.get('name'): {m.get('name') for m in i.findall('method')} for i in root.findall('interface')}
    assert {'Hello', 'RequestName', 'ReleaseName', 'StartServiceByName', 'NameHasOwner', 'ListNames', 'ListActivatableNames', 'AddMatch',
            'RemoveMatch', 'GetNameOwner', 'ListQueuedOwners', 'GetConnectionUnixUser', 'GetConnectionUnixProcessID',
            'GetConnectionCredentials', 'GetId', 'ReloadConfig', 'UpdateActivationEnvironment'} <= methods[DRIVER]
    assert {'GetStats', 'GetConnectionStats', 'GetAllMatchRules'} == methods['org.freedesktop.DBus.Debug.Stats']
    assert {'BecomeMonitor'} == methods['org.freedesktop.DBus.Monitoring']
    assert 'Introspect' in methods[INTROSPECTABLE] and 'Get' in methods[PROPERTIES] and 'Ping' in methods[PEER]
    if not STOCK:
        assert {'AddServer', 'StopListening', 'StopInstance', 'GetInstanceInfo', 'GetConnectionInstance', 'RequestHeader'} == \
            methods['org.freedesktop.DBus.Containers1']


def test_introspection_with_clients(bus):
    text = bus.run('busctl', '--address=' + bus.address, 'introspect', DRIVER, DRIVER_PATH)
    assert 'GetConnectionCredentials' in text and 'NameOwnerChanged' in text
    assert bus.run('busctl', '--address=' + bus.address, 'tree', DRIVER).split() == ['└─/org/freedesktop/DBus']
    assert 'RequestName' in bus.run('gdbus', 'introspect', '--address', bus.address, '--dest', DRIVER, '--object-path', DRIVER_PATH)
    assert 'string ":1.' in bus.run('dbus-send', '--bus=' + bus.address, '--print-reply', '--dest=' + DRIVER, DRIVER_PATH, DRIVER + '.ListNames')
    assert '--session' not in bus.run('busctl', '--address=' + bus.address, 'list', '--no-pager')


def test_environment_is_for_the_owner(bus):
    c = bus.connect()
    assert c.call('UpdateActivationEnvironment', 'a{ss}', {'A': 'b'}) == ()
    assert c.error('UpdateActivationEnvironment', 'a{sv}', {}) == E + 'InvalidArgs'


def test_list_activatable_names(new_bus):
    """Service files are listed, and the driver always is."""
    os.mkdir(new_bus.dir + '/services')
    new_bus.write('services/a.service', '[D-BUS Service]\nName=com.example.Activatable\nExec=/bin/false\n')
    new_bus.write('services/b.service', '[D-BUS Service]\nExec=/bin/false\n')
    new_bus.write('services/c.txt', '[D-BUS Service]\nName=com.example.NoServiceFile\nExec=/bin/false\n')
    new_bus.start('<servicedir>%s/services</servicedir>' % new_bus.dir)
    c = new_bus.connect()
    assert sorted(c.call('ListActivatableNames')[0]) == ['com.example.Activatable', DRIVER]
    new_bus.write('services/d.service', '[D-BUS Service]\nName=com.example.Later\nExec=/bin/false\n')
    c.call('ReloadConfig')
    assert 'com.example.Later' in c.call('ListActivatableNames')[0]
