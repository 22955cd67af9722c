# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.freedesktop.DBus.Containers1: making instances, asking about them, their life and their limits."""
import os
import re
import stat

import pytest

from bus import CALL_, HEAR, MEMBER, NAME_SUBTREE, OPEN_POLICY, OWN, PATH_SUBTREE, RECEIVE_FDS, SEE, SEND_FDS, TALK, rule, wait_for
from helpers import as_other_user, is_root
from wirebus import CALL, CONTAINERS, DRIVER, DRIVER_PATH, E, Closed, Conn, DBusError, Message, unix_address

pytestmark = pytest.mark.postern
NO_SUCH = '/org/freedesktop/DBus/Containers1/c4711'
PRIVATE = 'org.freedesktop.DBus.Containers1.'


def sockets(bus):
    d = bus.runtime + '/dbus-1/containers'
    return sorted(os.listdir(d)) if os.path.isdir(d) else []


def watch(bus):
    """A connection that hears InstanceRemoved."""
    w = bus.connect()
    w.match("type='signal',sender='org.freedesktop.DBus',interface='%s',member='InstanceRemoved'" % CONTAINERS)
    return w


def removed(w):
    w.sync()
    return [s[1] for s in w.take_driver() if s[0] == 'InstanceRemoved']


def info(c, path):
    return c.call('GetInstanceInfo', 'o', path, iface=CONTAINERS)


def no_info(c, path):
    try:
        info(c, path)
        return False
    except DBusError as e:
        return e.name == E + 'NotContainer'


def unreachable(address):
    try:
        Conn(address).close()
        return False
    except (Closed, ConnectionRefusedError, FileNotFoundError):
        return True


def test_add_server(bus):
    manager = bus.connect()
    meta = {'a': ('s', 'text'), 'nested': ('a{sv}', {'x': ('(ub)', (7, True)), 'y': ('v', ('ay', b'\0\1'))}), 'ä': ('as', [])}
    path, sock, address = manager.call('AddServer', 'ssa{sv}a{sv}', 'com.example.Sandbox', 'my app', meta, {}, iface=CONTAINERS)
    assert re.fullmatch('/org/freedesktop/DBus/Containers1/c[0-9]+', path)
    assert sock.endswith(b'\0') and sock.count(b'\0') == 1
    file = sock[:-1].decode()
    assert os.path.isabs(file) and os.path.dirname(file) == bus.runtime + '/dbus-1/containers'
    assert stat.S_ISSOCK(os.stat(file).st_mode)
    assert address.startswith('unix:') and ';' not in address and unix_address(address) == sock[:-1]
    c = bus.keep(Conn(address))
    w = bus.connect()
    got = w.call('GetConnectionInstance', 's', c.name, iface=CONTAINERS)
    assert got[0] == path and got[2:] == ('com.example.Sandbox', 'my app', meta)
    creator = got[1]
    assert creator['UnixUserID'] == ('u', os.geteuid()) and creator['ProcessID'] == ('u', os.getpid())
    assert 'ProcessFD' not in creator
    assert info(w, path) == got[1:]
    cred = w.credentials(c.name)
    assert cred[PRIVATE + 'Instance'] == ('o', path) and cred[PRIVATE + 'Type'] == ('s', 'com.example.Sandbox')
    assert cred[PRIVATE + 'Name'] == ('s', 'my app') and cred['org.postern.IdentitySource'] == ('s', 'socket')
    assert cred['UnixUserID'] == ('u', os.geteuid())
    assert not [k for k in w.credentials(manager.name) if 'Containers1' in k or 'postern' in k]


def test_names_are_free(bus):
    for name in ('', 'ä€\U0001d11e', ' ', '/etc/passwd', '%s%n', 'x' * 1000, '\n\x1b[31m'):
        i = bus.container(name=name)
        assert info(i.manager, i.path)[2] == name


def test_paths_are_never_used_again(bus):
    manager, seen = bus.connect(), set()
    for _ in range(10):
        i = bus.container(manager)
        assert i.path not in seen and i.socket not in (b'',)
        seen.add(i.path)
        i.stop()
        assert no_info(manager, i.path)


BAD = {
    'type-empty': dict(type=''), 'type-one-element': dict(type='sandbox'), 'type-digit': dict(type='com.1example'),
    'type-dash': dict(type='com.ex-ample'), 'type-dots': dict(type='com..example'), 'type-too-long': dict(type='a.' + 'b' * 254),
    'type-unicode': dict(type='com.exämple'),
    'unknown-argument': dict(Foo=('s', 'x')), 'argument-case': dict(allow=('a(usos)', [])), 'argument-empty': {'': ('s', '')},
    'allow-of-type-s': dict(Allow=('s', 'x')), 'allow-of-type-av': dict(Allow=('av', [])), 'allow-short-tuple': dict(Allow=('a(uso)', [])),
    'mode-of-type-u': dict(Mode=('u', 1)), 'mode-unknown': dict(Mode=('s', 'permissive')), 'mode-empty': dict(Mode=('s', '')),
    'identify-with-rules': dict(Mode=('s', 'identify'), Allow=('a(usos)', [rule(SEE, 'a.b')])),
    'listenfd-of-type-u': dict(ListenFD=('u', 0)), 'readyfd-of-type-s': dict(ReadyFD=('s', '')), 'closefd-of-type-i': dict(CloseFD=('i', 0)),
    'limits-of-type-asv': dict(Limits=('a{sv}', {})), 'limits-unknown': dict(Limits=('a{su}', {'wishes': 3})),
    'limits-no-connections': dict(Limits=('a{su}', {'connections': 0})),
    'limits-more-connections': dict(Limits=('a{su}', {'connections': 100000})),
}
WORD = {'allow': 'Allow', 'mode': 'Mode', 'listenfd': 'ListenFD', 'readyfd': 'ReadyFD', 'closefd': 'CloseFD', 'limits': 'Limits',
        'identify': 'Mode', 'unknown': 'Foo', 'argument': '', 'type': 'type'}


@pytest.mark.parametrize('name', sorted(BAD))
def test_faulty_arguments(bus, name):
    """InvalidArgs that says which argument; nothing is created."""
    manager = bus.connect()
    before, fds = sockets(bus), bus.settled_fds()
    e = bus.container_fails(manager, **BAD[name])
    assert e.name == E + 'InvalidArgs'
    assert WORD[name.split('-')[0]].lower() in e.text.lower(), e.text
    assert sockets(bus) == before and bus.settled_fds() == fds
    assert bus.container(manager).connect().is_alive()


@pytest.mark.parametrize('value', [('h', 0), ('ah', [0]), ('a{sv}', {'deep': ('(vy)', (('h', 0), 1))})])
def test_no_descriptors_in_metadata(bus, value):
    """Answers that hand the metadata out carry no descriptors; a handle in them would be malformed."""
    manager = bus.connect()
    r, w = os.pipe()
    e = bus.container_fails(manager, metadata={'a': ('s', 'x'), 'fd': value}, fds=[r])
    os.close(r)
    os.close(w)
    assert e.name == E + 'InvalidArgs' and 'metadata' in e.text
    assert bus.container(manager).connect().is_alive()


@pytest.mark.parametrize('order', 'lB')
@pytest.mark.parametrize('reader', 'lB')
def test_metadata_comes_back(bus, order, reader):
    """Every type, in either byte order, wherever the dictionary happens to lie in the message."""
    metadata = {'y': ('y', 255), 'b': ('b', True), 'n': ('n', -5), 'q': ('q', 65535), 'i': ('i', -2**31), 'u': ('u', 2**32 - 1), 'x': ('x', -2**63),
                't': ('t', 2**64 - 1), 'd': ('d', 1.5), 's': ('s', 'höö'), 'o': ('o', '/a/b'), 'g': ('g', 'a{sv}'), 'v': ('v', ('v', ('s', 'deep'))),
                'ay': ('ay', b'\0\1\2'), 'none': ('at', []), 'r': ('a(yt)', [(1, 2), (3, 4)]), 'e': ('a{sv}', {'k': ('a{xv}', {5: ('d', 2.5)})}),
                'aas': ('aas', [['x'], [], ['y', 'z']]), '': ('av', [('y', 1), ('as', ['q'])])}
    manager, c = bus.connect(order=order), bus.connect(order=reader)
    for n in range(9):
        i = bus.container(manager, name='n' * n, metadata=metadata)
        creator, type, name, got = c.call('GetInstanceInfo', 'o', i.path, iface=CONTAINERS)
        assert got == metadata and name == 'n' * n and creator['UnixUserID'] == ('u', os.geteuid())
        assert c.call('GetConnectionInstance', 's', i.connect().name, iface=CONTAINERS) == (i.path, creator, type, name, got)


BAD_RULES = {
    'no-action': (0, 'a.b', '/', ''), 'only-subtree': (NAME_SUBTREE | PATH_SUBTREE, 'a.b', '/', ''),
    'only-fds': (RECEIVE_FDS, 'a.b', '/', ''), 'send-fds-without-call': (SEE | HEAR | SEND_FDS, 'a.b', '/', ''),
    'unknown-bit': (SEE | 0x40, 'a.b', '/', ''), 'high-bit': (SEE | 0x80000000, 'a.b', '/', ''), 'all-ones': (0xffffffff, 'a.b', '/', ''),
    'name-invalid': (SEE, 'nodots', '/', ''), 'name-with-star': (SEE, 'a.b.*', '/', ''), 'name-driver': (SEE, DRIVER, '/', ''),
    'name-unique-invalid': (SEE, ':1', '/', ''), 'name-unique-empty': (SEE, ':1.', '/', ''), 'name-too-long': (SEE, 'a.' + 'b' * 254, '/', ''),
    'interface-invalid': (CALL_, 'a.b', '/', 'nodots'), 'interface-star': (CALL_, 'a.b', '/', 'a.*'),
    'interface-too-long': (CALL_, 'a.b', '/', 'a.' + 'b' * 254), 'member-empty': (CALL_ | MEMBER, 'a.b', '/', ''),
    'member-invalid': (CALL_ | MEMBER, 'a.b', '/', 'a.b.1x'), 'member-dot': (CALL_ | MEMBER, 'a.b', '/', 'a.b.'),
    'own-with-path': (OWN | PATH_SUBTREE, 'a.b', '/x', ''), 'own-without-subtree': (OWN, 'a.b', '/', ''),
    'own-with-interface': (OWN | PATH_SUBTREE, 'a.b', '/', 'a.b'),
}


@pytest.mark.parametrize('name', sorted(BAD_RULES))
def test_faulty_rules(bus, name):
    """InvalidArgs naming the index, which counts from 0."""
    good = rule(TALK, 'com.example.Good')
    for at in (0, 2):
        rules = [good] * at + [BAD_RULES[name]] + [good]
        e = bus.container_fails(Allow=('a(usos)', rules))
        assert e.name == E + 'InvalidArgs' and re.search(r'\b%d\b' % at, e.text), e.text
    assert not sockets(bus)


GOOD_RULES = [rule(TALK, 'a.b'), rule(SEE, ''), rule(SEE, ':1.5'), rule(OWN, 'a.b'), rule(OWN | NAME_SUBTREE, 'a.b'), (CALL_, 'a.b', '/x', 'a.b'),
              (CALL_ | MEMBER, 'a.b', '/x', 'a.b.Member'), (HEAR | MEMBER, 'a.b', '/', 'Member'), rule(CALL_ | SEND_FDS | RECEIVE_FDS, 'a.b'),
              rule(SEE | RECEIVE_FDS, 'a.b'), rule(CALL_ | NAME_SUBTREE, 'org.freedesktop')]


def test_good_rules(bus):
    assert bus.container(rules=GOOD_RULES).connect().is_alive()
    for r in GOOD_RULES:
        bus.container(rules=[r])


def test_not_a_container(bus):
    c = bus.connect()
    for method in ('StopListening', 'StopInstance', 'GetInstanceInfo'):
        for path in (NO_SUCH, '/', '/org/freedesktop/DBus/Containers1', '/org/freedesktop/DBus/Containers1/c1x'):
            assert c.error(method, 'o', path, iface=CONTAINERS) == E + 'NotContainer'
        assert c.error(method, 's', NO_SUCH, iface=CONTAINERS) == E + 'InvalidArgs'
    for name, error in ((c.name, 'NotContainer'), (DRIVER, 'NotContainer'), (':1.4711', 'NameHasNoOwner'), ('a.b', 'NameHasNoOwner')):
        assert c.error('GetConnectionInstance', 's', name, iface=CONTAINERS) == E + error
    assert c.error('NoSuchMethod', iface=CONTAINERS) == E + 'UnknownMethod'
    assert c.error('AddServer', 'ss', 'a.b', 'x', iface=CONTAINERS) == E + 'InvalidArgs'
    assert c.error('RequestHeader', path='/', iface=CONTAINERS) in (E + 'UnknownInterface', E + 'AccessDenied', E + 'UnknownMethod')


def test_by_well_known_name(bus):
    i = bus.container(rules=[rule(OWN, 'com.example.Own')])
    c = i.connect()
    c.request_name('com.example.Own')
    assert i.manager.call('GetConnectionInstance', 's', 'com.example.Own', iface=CONTAINERS)[0] == i.path


# ---- life
def test_stop_listening(bus):
    w = watch(bus)
    i = bus.container()
    c = i.connect()
    i.stop_listening()
    assert not sockets(bus) and unreachable(i.address)
    assert c.is_alive() and info(w, i.path) and removed(w) == []
    i.stop_listening()
    c.close()
    assert wait_for(lambda: no_info(w, i.path))
    assert removed(w) == [i.path]
    assert w.error('StopListening', 'o', i.path, iface=CONTAINERS) == E + 'NotContainer'
    w.sync()
    assert removed(w) == []


def test_stop_listening_without_clients(bus):
    w = watch(bus)
    i = bus.container()
    i.stop_listening()
    assert removed(w) == [i.path] and no_info(w, i.path) and not sockets(bus)


def test_stop_instance(bus):
    w = watch(bus)
    i, other = bus.container(), bus.container()
    c, d, o = i.connect(), i.connect(), other.connect()
    i.stop()
    assert c.is_closed() and d.is_closed() and unreachable(i.address)
    assert wait_for(lambda: no_info(w, i.path)) and removed(w) == [i.path]
    assert o.is_alive() and info(w, other.path)


def test_stop_instance_with_silent_connection(bus):
    """A connection that has not authenticated is ended too."""
    i = bus.container()
    c = i.connect(auth=False)
    i.stop()
    assert c.is_closed()


def test_manager_leaves(bus):
    """The creator's end stops the listening, not the clients."""
    w = watch(bus)
    i = bus.container()
    c = i.connect()
    i.manager.close()
    assert wait_for(lambda: not sockets(bus)) and unreachable(i.address)
    assert c.is_alive() and info(w, i.path) and removed(w) == []
    c.close()
    assert wait_for(lambda: no_info(w, i.path)) and removed(w) == [i.path]


def test_instance_lives_while_it_listens(bus):
    w = watch(bus)
    i = bus.container()
    for _ in range(3):
        i.connect().close()
    w.sync()
    assert removed(w) == [] and info(w, i.path) and i.connect().is_alive()


def test_unfinished_connection_keeps_the_instance(bus):
    w = watch(bus)
    i = bus.container()
    c = i.connect(auth=False)
    c.send_bytes(b'\0AUTH\r\n')
    c.line()
    i.stop_listening()
    assert removed(w) == [] and info(w, i.path)
    c.close()
    assert wait_for(lambda: no_info(w, i.path)) and removed(w) == [i.path]


def test_many_instances_of_one_manager(bus):
    w = watch(bus)
    manager = bus.connect()
    made = [bus.container(manager) for _ in range(20)]
    assert len(sockets(bus)) == 20
    manager.close()
    assert wait_for(lambda: not sockets(bus))
    got = []
    wait_for(lambda: got.extend(removed(w)) or len(got) >= 20)
    assert sorted(got) == sorted(i.path for i in made)


def test_stop_is_for_the_same_user(new_bus):
    """Another uid may not stop an instance, nor connect to its socket. (Another uid needs root.)"""
    new_bus.start(policy=OPEN_POLICY + '<allow user="*"/>')
    i = new_bus.container()
    other_manager = new_bus.connect()
    if is_root():
        os.chmod(new_bus.dir + '/bus', 0o777)
        for d in ('', '/dbus-1', '/dbus-1/containers'):
            os.chmod(new_bus.runtime + d, 0o755)
        os.chmod(i.socket[:-1], 0o777)

        def stranger(address):
            c = Conn(address)
            return [c.error(m, 'o', i.path, iface=CONTAINERS) for m in ('StopListening', 'StopInstance')] + [info(c, i.path)[1]]

        def intruder(address):
            try:
                Conn(address)
                return 'hello'
            except (Closed, PermissionError):
                return 'closed'
        assert as_other_user(stranger, new_bus.address) == [E + 'AccessDenied', E + 'AccessDenied', 'com.example.Sandbox']
        assert as_other_user(intruder, i.address) == 'closed'
    assert i.connect().is_alive()
    other_manager.call('StopInstance', 'o', i.path, iface=CONTAINERS)
    assert no_info(other_manager, i.path)


def test_from_inside(bus):
    """A contained caller makes and stops nothing, and learns of its own instance only."""
    for mode in ('restrict', 'complain', 'identify'):
        i, other = bus.container(rules=None, Mode=('s', mode)), bus.container()
        c, d = i.connect(), i.connect()
        o = other.connect()
        e = c.failure('AddServer', 'ssa{sv}a{sv}', 'a.b', '', {}, {}, iface=CONTAINERS)
        assert e.name == E + 'AccessDenied', mode
        for path in (i.path, other.path, NO_SUCH):
            for method in ('StopListening', 'StopInstance'):
                assert c.error(method, 'o', path, iface=CONTAINERS) == E + 'AccessDenied', mode
        assert c.error('ReloadConfig') == E + 'AccessDenied', mode
        assert c.error('UpdateActivationEnvironment', 'a{ss}', {}) == E + 'AccessDenied', mode
        assert c.error('BecomeMonitor', 'asu', [], 0, iface='org.freedesktop.DBus.Monitoring') == E + 'AccessDenied', mode
        assert info(c, i.path)[1:] == ('com.example.Sandbox', 'app', {})
        assert c.call('GetConnectionInstance', 's', d.name, iface=CONTAINERS)[0] == i.path
        assert no_info(c, NO_SUCH)
        if mode == 'restrict':
            assert no_info(c, other.path)
            assert c.error('GetConnectionInstance', 's', o.name, iface=CONTAINERS) == E + 'NameHasNoOwner'
            assert c.error('GetConnectionInstance', 's', bus.connect().name, iface=CONTAINERS) == E + 'NameHasNoOwner'
        c.call('RequestHeader', iface=CONTAINERS)


# ---- limits
LIMITS = '<limit name="max_containers">%d</limit><limit name="max_containers_per_user">%d</limit>' \
         '<limit name="max_connections_per_container">%d</limit><limit name="max_container_metadata_bytes">%d</limit>'


@pytest.mark.parametrize('total, per_user', [(2, 100), (100, 2)])
def test_number_of_containers(new_bus, total, per_user):
    new_bus.start(LIMITS % (total, per_user, 10, 1000))
    manager, second = new_bus.connect(), new_bus.connect()
    i, _ = new_bus.container(manager), new_bus.container(second)
    assert new_bus.container_fails(manager).name == E + 'LimitsExceeded'
    assert new_bus.container_fails(second).name == E + 'LimitsExceeded'
    i.stop()
    i = new_bus.container(second)
    # A stopped one counts for as long as it has a connection.
    c = i.connect()
    i.stop_listening()
    assert new_bus.container_fails(manager).name == E + 'LimitsExceeded'
    c.close()
    assert wait_for(lambda: no_info(manager, i.path))
    new_bus.container(manager)


def test_mediator_conf_overrides_the_limits(new_bus):
    new_bus.start(LIMITS % (50, 50, 50, 5000), mediator='<mediator><containers max-per-user="1" max-connections="1" max-metadata="200"/></mediator>')
    i = new_bus.container()
    assert new_bus.container_fails().name == E + 'LimitsExceeded'
    c = i.connect()
    assert unreachable(i.address) and c.is_alive()
    i.stop()
    assert new_bus.container_fails(metadata={'x': ('s', 'y' * 300)}).name == E + 'LimitsExceeded'


def test_metadata_limit(new_bus):
    """What counts are the serialised bytes of type, name and dictionary together."""
    new_bus.start(LIMITS % (100, 100, 10, 1000))
    for big in (dict(metadata={'x': ('ay', b'x' * 1000)}), dict(name='x' * 1000), dict(name='x' * 500, metadata={'x': ('s', 'y' * 500)})):
        assert new_bus.container_fails(**big).name == E + 'LimitsExceeded'
    for small in (dict(metadata={'x': ('ay', b'x' * 900)}), dict(name='x' * 900), dict(name='x' * 450, metadata={'x': ('s', 'y' * 450)})):
        new_bus.container(**small)


def test_connections_count_from_accept(new_bus):
    """Surplus connections are accepted and closed; authenticated or not, each counts; per instance."""
    new_bus.start(LIMITS % (10, 10, 2, 1000))
    i, other = new_bus.container(), new_bus.container()
    a, b = i.connect(auth=False), i.connect()
    surplus = i.connect(auth=False)
    assert surplus.is_closed()
    assert b.is_alive() and other.connect().is_alive()
    a.authenticate()
    a.call('Hello')
    assert unreachable(i.address)


def test_freed_slot_is_free_at_once(new_bus):
    """close() and then connect() never needs a second try."""
    new_bus.start(LIMITS % (10, 10, 1, 1000))
    i = new_bus.container()
    for n in range(100):
        c = i.connect(auth=n % 3 != 0)
        if n % 3 == 0:
            c.authenticate()
            c.call('Hello')
        c.sync()
        c.close()


def test_own_limits(bus):
    """Limits of AddServer bound the instance, not each connection."""
    own = [rule(OWN | NAME_SUBTREE, 'com.example')]
    i = bus.container(rules=own, Limits=('a{su}', {'connections': 2, 'names': 2, 'matches': 2}))
    a, b = i.connect(), i.connect()
    assert unreachable(i.address)
    a.request_name('com.example.A')
    b.request_name('com.example.B')
    assert a.error('RequestName', 'su', 'com.example.C', 0) == E + 'LimitsExceeded'
    b.release_name('com.example.B')
    a.request_name('com.example.C')
    a.match("member='A'")
    b.match("member='B'")
    assert b.error('AddMatch', 's', "member='C'") == E + 'LimitsExceeded'
    a.call('RemoveMatch', 's', "member='A'")
    b.match("member='C'")
    b.close()
    assert wait_for(lambda: a.call('RequestName', 'su', 'com.example.C', 0) == (4,))
    free = bus.container(rules=own).connect()
    for n in range(5):
        free.request_name('com.example.N%d' % n)


def test_limits_of_zero_mean_none(bus):
    i = bus.container(rules=[rule(OWN, 'com.example.A'), rule(CALL_ | SEND_FDS, '')], Limits=('a{su}', {'names': 0, 'matches': 0, 'pending-replies': 0}))
    c, out = i.connect(), bus.connect()
    assert c.error('RequestName', 'su', 'com.example.A', 0) == E + 'LimitsExceeded'
    assert c.error('AddMatch', 's', "member='A'") == E + 'LimitsExceeded'
    assert c.error('Ask', dest=out.name) == E + 'LimitsExceeded'
    c.send_call('Tell', dest=out.name, flags=1)
    assert out.wait_call('Tell')


def test_pending_replies_of_an_instance(bus):
    i = bus.container(rules=[rule(CALL_, '')], Limits=('a{su}', {'pending-replies': 2}))
    a, b, out = i.connect(), i.connect(), bus.connect()
    serial = a.send_call('One', dest=out.name)
    b.send_call('Two', dest=out.name)
    assert b.error('Three', dest=out.name) == E + 'LimitsExceeded'
    out.reply(out.wait_call('One'))
    a.reply_to(serial)
    b.send_call('Four', dest=out.name)
    assert out.wait_call('Four')


def test_bytes_of_an_instance(bus):
    """What is queued to an instance that does not read is bounded; the sender hears of it, and the rest of the bus lives."""
    i = bus.container(Limits=('a{su}', {'bytes': 300000}))
    c, out = i.connect(rcvbuf=1), bus.connect()
    assert out.call('Ping', iface='org.freedesktop.DBus.Peer', dest=DRIVER) == ()
    refused = None
    for _ in range(200):
        serial = out.send_call('Fill', 'ay', bytes(20000), dest=c.name, flags=1)  # no reply: waiting calls have a limit of their own
        out.sync()
        refused = next((m for m in out.inbox if m.reply_serial == serial), None)
        if refused:
            break
    assert refused and refused.error == E + 'LimitsExceeded'
    other = bus.container().connect()
    out.send_call('Fill', 'ay', bytes(20000), dest=other.name, flags=1)
    assert other.wait_call('Fill') and c.wait_call('Fill')


# ---- what the wire type of the property is
def test_supported_arguments(bus):
    c = bus.connect()
    got = c.call('Get', 'ss', CONTAINERS, 'SupportedArguments', iface='org.freedesktop.DBus.Properties')[0]
    assert got[0] == 'as' and set(got[1]) == {'Allow', 'Mode', 'ListenFD', 'ReadyFD', 'CloseFD', 'Limits'}


def test_signal_form(bus):
    w = watch(bus)
    i = bus.container()
    i.stop()
    m = w.wait_signal('InstanceRemoved')
    assert (m.sender, m.path, m.interface, m.signature, m.body, m.instance) == (DRIVER, DRIVER_PATH, CONTAINERS, 'o', (i.path,), None)


def test_sockets_end_with_the_bus(bus):
    """finish() looks for left-over sockets."""
    bus.container()
    assert len(sockets(bus)) == 1


@pytest.mark.parametrize('key', ['connections', 'names', 'matches', 'bytes', 'fds', 'pending-replies'])
def test_limits_are_not_raised(bus, key):
    """More than is configured: InvalidArgs that names the key; less: accepted."""
    e = bus.container_fails(Limits=('a{su}', {key: 0xffffffff}))
    assert e.name == E + 'InvalidArgs' and key in e.text
    assert bus.container(Limits=('a{su}', {key: 1})).manager.is_alive()


def check_fds_that_wait(bus, sender, receiver, dest):
    """The receiver does not read, and at most 5 descriptors may wait for it."""
    filler = bus.connect()
    r, w = os.pipe()
    for _ in range(60):
        filler.send_call('Fill', 'ay', bytes(20000), dest=receiver.name, flags=1)
    filler.sync()
    before = bus.n_fds()
    for _ in range(10):
        sender.send_call('Fd', 'h', 0, dest=dest, fds=[r, r])
    sender.sync()
    os.close(r)
    os.close(w)
    assert bus.n_fds() - before <= 5
    assert sum(m.error == E + 'LimitsExceeded' for m in sender.inbox) >= 8


def test_fds_of_an_instance(bus):
    """What waits for an instance that does not read is bounded in descriptors too."""
    i = bus.container(rules=[rule(SEE | RECEIVE_FDS, '')], Limits=('a{su}', {'fds': 5}))
    c = i.connect(rcvbuf=1)
    check_fds_that_wait(bus, bus.connect(), c, c.name)


def test_fds_that_an_instance_sends(bus):
    """So is what waits, of what it sent, for somebody outside who does not read."""
    i = bus.container(rules=[rule(CALL_ | SEND_FDS, 'com.example.Out')], Limits=('a{su}', {'fds': 5}))
    out = bus.connect(rcvbuf=1)
    out.request_name('com.example.Out')
    check_fds_that_wait(bus, i.connect(), out, 'com.example.Out')


def test_mutated_arguments(bus):
    """Damaged AddServer calls: whatever becomes of their sender, the bus lives, and nothing stays behind."""
    import random
    rng = random.Random(815)
    witness = bus.connect()
    m = Message(CALL, serial=9, destination=DRIVER, path=DRIVER_PATH, interface=CONTAINERS, member='AddServer', signature='ssa{sv}a{sv}',
                body=('com.example.Sandbox', 'app', {'key': ('as', ['a', 'b'])}, {
                    'Allow': ('a(usos)', [rule(TALK, 'com.example.A'), (CALL_ | MEMBER, 'a.b', '/x', 'a.b.C')]), 'Mode': ('s', 'restrict'),
                    'CloseFD': ('h', 0), 'Limits': ('a{su}', {'connections': 3, 'names': 2})}), n_fds=1)
    good = m.pack()
    r, w = os.pipe()
    for _ in range(300):
        data = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(16, len(data))] = rng.choice([0, 1, 2, 7, 0x7f, 0x80, 0xff, rng.randrange(256)])
        c = bus.connect()
        try:
            c.send_bytes(bytes(data), fds=[r])
        except Closed:
            pass
        c.close()
        bus.conns.remove(c)
    witness.sync()
    os.close(r)
    os.close(w)
    assert wait_for(lambda: not sockets(bus)) and witness.is_alive()
