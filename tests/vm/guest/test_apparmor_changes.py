# SPDX-License-Identifier: LGPL-2.1-or-later
"""AppArmor where it mediates D-Bus: profiles that change while the bus runs, modes and stacks of them, and the records."""
import contextlib
import os

import lsm
from domain import Bus, is_mute, run_in, verdict
from marks import timeout
from trail import Records, fields, value
from traffic import check_changes, ping, refused, send_many, settled
from wirebus import CALL, Closed, DBusError

DENIED = 'call org.freedesktop.DBus.Error.AccessDenied'
NS = lsm.APPARMOR + '/policy/namespaces/ns1'
MESSAGE = ['apparmor', 'operation', 'bus', 'path', 'interface', 'member', 'mask', 'name', 'pid', 'label', 'peer_pid', 'peer_label']


@contextlib.contextmanager
def loaded(*names):
    """Other profiles, or the same again; bus as it was afterwards."""
    try:
        for name in names:
            lsm.load(name)
        yield
    finally:
        lsm.load('bus')


def pair(bus):
    return bus.peer('vm.client'), bus.peer('vm.service')


def test_load_amid_traffic():
    bus = Bus().start()
    client, service = pair(bus)
    assert verdict(client, service) == 'ok'
    send_many(client, service, 60)
    with loaded('less'):
        send_many(client, service, 30)
        before, after = ([client.result() for _ in range(count)] for count in (60, 30))
        got, errors = settled(client, service)
        assert set(after) <= errors, 'allowed after the profile was replaced: %r' % (set(after) - errors)
        assert got | errors == set(before + after) and not got & errors
        assert not got or not errors or max(got) < min(errors), (got, errors)
    send_many(client, service, 30)
    again = [client.result() for _ in range(30)]
    assert settled(client, service) == (set(again), set())


@timeout(120)
def test_load_between_messages():
    """What is kept ends with the policy: the first message that is sent after it has changed is decided by the new one. Neither answer leaves a
    record, so that both are kept."""
    bus = Bus().start()
    sender, service = bus.peer('vm.narrow'), bus.peer('vm.service')
    with loaded():
        sender.do('become', 'unconfined')
        changes = (lsm.load, 'bus', ('vm.narrow', 'vm.client')), (lsm.load, 'bus')
        with Records() as records:
            check_changes(sender, service, *changes, 1)
            assert not records.matching('member="Quiet"')
        check_changes(sender, service, *changes, 200)


def test_loads_back_and_forth():
    bus = Bus().start()
    client, service = pair(bus)
    with loaded():
        for name, wanted in (('less', DENIED), ('bus', 'ok')) * 4:
            lsm.load(name)
            assert verdict(client, service) == wanted


def test_profile_removed():
    """Its sockets keep the label, of which nobody knows any more what it may."""
    bus = Bus().start()
    client, service = pair(bus)
    assert verdict(client, service) == 'ok'
    with Records() as records, loaded():
        lsm.remove('vm.client')
        assert refused(client, ping(client, service))
        text = records.wait('mask="send"', 'label="vm.client"')
        assert text.startswith('apparmor="DENIED"') and value(text, 'info') == 'ENOENT', text
    assert verdict(client, service) == 'ok'


def test_complain():
    bus = Bus().start()
    with Records() as records:
        peer = bus.peer('vm.complain')
        peer.sync()
        records.wait('apparmor="ALLOWED"', 'member="GetId"', 'label="vm.complain"')
        assert peer.request_name('com.example.Any') == 1
        records.wait('apparmor="ALLOWED" operation="dbus_bind"', 'name="com.example.Any"')
        assert not [text for text in records.matching('label="vm.complain"') if 'DENIED' in text]
        records.forget()
        assert peer.request_name('x.y') == 1  # has a rule
        peer.sync()
        assert not records.matching('name="x.y"')


def test_stack():
    """Every component must agree, and one of them is vm.denied."""
    lsm.load('change')
    bus = Bus().start()
    service = bus.peer()
    for label, wanted in (('vm.service//&vm.bare', True), ('vm.denied//&vm.bare', False), ('vm.bare//&vm.denied', False),
                          ('vm.bare', True)):
        peer = bus.peer(label)
        assert sorted(peer.label().split(' ')[0].split('//&')) == sorted(label.split('//&'))
        serial = ping(peer, service)
        peer.sync()
        service.sync()
        assert bool([m for m in service.do('take', CALL) if m.sender == peer.name and m.serial == serial]) == wanted, label
        peer.close()


def test_stack_identifies():
    """A stack of two profiles of one container is in that container."""
    with loaded('change'):
        bus = Bus().start()
        for label in ('snap.stack.one', 'snap.stack.one//&snap.stack.two', 'snap.stack.two//&vm.client'):
            with bus.connect() as c:
                seen = c.credentials(bus.peer(label).name)
            assert seen['org.freedesktop.DBus.Containers1.Name'] == ('s', 'stack'), (label, seen)
            assert seen['org.postern.IdentitySource'] == ('s', 'apparmor')
        try:
            bus.peer('snap.stack.one//&snap.other.app')
        except (Closed, DBusError):
            assert bus.log_has('provider apparmor: its label .*snap.stack.one.* stands for two containers')
        else:
            raise AssertionError('it is in two containers')


def test_namespace():
    """The label has the namespace in front; its rules are asked like any other's, and it is no snap, whatever its name is."""
    os.mkdir(NS)
    try:
        for name in ('bus', 'query'):
            with open('%s/v9/%s.apparmor' % (lsm.POLICY, name), 'rb') as file:
                lsm.write_once(lsm.APPARMOR + '/policy/namespaces/ns1/.replace', file.read())
        bus = Bus().start()
        service = bus.peer('vm.service')
        with Records() as records:
            peer, snap = (bus.peer(':ns1:' + profile) for profile in ('vm.client', 'snap.quietonly'))
            with bus.connect() as c:
                assert c.credentials(peer.name)['LinuxSecurityLabel'] == ('ay', b':ns1:vm.client (enforce)\0')
                assert 'org.postern.IdentitySource' not in c.credentials(snap.name)
            peer.sync()
            assert is_mute(bus, ':ns1:vm.mute')
            assert refused(service, ping(service, peer))  # peer=(label=vm.*) is not of that namespace
            assert value(records.wait('member="Ping"'), 'peer_label') == ':ns1:vm.client'
            records.wait('apparmor="DENIED"', 'label=":ns1:vm.mute"')
        for one in (peer, snap):
            one.close()
    finally:
        os.rmdir(NS)


def test_unconfined():
    """Nobody asks about them, not even where nothing would be allowed; the other end is asked all the same."""
    bus = Bus().start()
    plain, other, mute = bus.peer(), bus.peer('unconf.prof'), bus.peer('vm.deaf')
    with Records() as records:
        assert verdict(plain, other) == 'ok' and verdict(other, plain) == 'ok'
        assert plain.request_name('com.example.Plain') == 1 and other.request_name('com.example.Other') == 1
        assert not records.read()
        assert verdict(plain, mute) == DENIED
        assert value(records.wait('operation="dbus_method_call"'), 'label') == 'vm.deaf'


def test_eavesdrop():
    bus = Bus().start()
    listener, client = bus.peer('vm.eavesdrop'), bus.peer('vm.client')
    with Records() as records:
        assert client.do('error', 'AddMatch', 's', "eavesdrop='true'").endswith('.AccessDenied')
        text = records.wait('operation="dbus_eavesdrop"')
        assert fields(text) == ['apparmor', 'operation', 'bus', 'mask', 'pid', 'label'], text
        assert (value(text, 'mask'), value(text, 'label')) == ('eavesdrop', 'vm.client')
        records.forget()
        monitor = 'org.freedesktop.DBus.Monitoring'
        assert client.do('error', 'BecomeMonitor', 'asu', [], 0, iface=monitor).endswith('.AccessDenied')
        records.wait('operation="dbus_eavesdrop"', 'label="vm.client"')
        records.forget()
        listener.match("eavesdrop='true'")
        listener.call('BecomeMonitor', 'asu', [], 0, iface=monitor)
        assert not records.matching('dbus_eavesdrop')


def test_records():
    bus = Bus().start()
    narrow, service = bus.peer('vm.narrow'), bus.peer('vm.service')
    with Records() as records:
        assert refused(narrow, ping(narrow, service, 'Quiet')) and not records.read()
        assert verdict(narrow, service) == 'ok' and not records.read()
        ping(narrow, service, 'Audited')
        service.wait_call('Audited')
        text = records.wait('member="Audited"')
        assert text.startswith('apparmor="ALLOWED" operation="dbus_method_call" bus="session" path="/obj"'), text
        assert fields(text) == MESSAGE, text
        assert refused(narrow, ping(narrow, service, 'Loud'))
        text = records.wait('member="Loud"')
        assert text.startswith('apparmor="DENIED" operation="dbus_method_call"') and fields(text) == MESSAGE, text
        assert [value(text, key) for key in ('mask', 'name', 'pid', 'label', 'peer_pid', 'peer_label')] == [
            'send', service.name, str(narrow.pid), 'vm.narrow', str(service.pid), 'vm.service'], text
        assert len(records.matching('member="Loud"')) == 1
        narrow.signal('Shout', dest=service.name)
        records.wait('operation="dbus_signal"', 'member="Shout"')
        assert narrow.do('error', 'RequestName', 'su', 'com.example.Mine', 0).endswith('.AccessDenied')
        text = records.wait('operation="dbus_bind"')
        assert fields(text) == ['apparmor', 'operation', 'bus', 'name', 'mask', 'pid', 'label'], text
        deaf, caller = bus.peer('vm.deaf'), bus.peer('vm.caller')
        assert refused(caller, ping(caller, deaf))
        text = records.wait('mask="receive"')
        assert [value(text, key) for key in ('name', 'label', 'peer_label')] == [caller.name, 'vm.deaf', 'vm.caller'], text


def test_confined_bus():
    """What peers may say to it, they may say to its label."""
    bus = Bus('vm.bus').start()
    client, service = pair(bus)
    assert verdict(client, service) == 'ok'
    with Records() as records:
        assert is_mute(bus, 'vm.mute')
        assert value(records.wait('member="Hello"'), 'peer_label') == 'vm.bus'


def test_label_stays():
    """A connection has the label of its socket, whatever its process becomes afterwards."""
    bus = Bus().start()
    client, service = pair(bus)
    client.do('become', 'vm.denied')
    assert client.label() == 'vm.denied (enforce)' and verdict(client, service) == 'ok'
    assert run_in('vm.mute', lsm.current) == 'vm.mute (enforce)'
