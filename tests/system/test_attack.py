# SPDX-License-Identifier: LGPL-2.1-or-later
"""What hostile managers, apps and strangers try against the bus."""
import fcntl
import os
import socket
import threading
import time

import pytest

from bus import HEAR, OPEN_POLICY, OWN, SEE, rule, wait_for
from helpers import as_other_user, is_root
from test_container_fds import listening, with_fds
from test_door import world  # noqa: F401
from test_visibility import CHANGED, changes
from wirebus import E, SIGNAL, Closed, Message, pack_raw, unix_address

pytestmark = pytest.mark.postern
SO_PASSSEC, SO_PASSPIDFD = 34, 76


def cpu_seconds(bus):
    with open('/proc/%d/stat' % bus.pid) as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def test_blocking_listen_fd(bus):
    """Who shares the socket can make it block again; the bus must not wait on it."""
    s = listening(bus)
    i = with_fds(bus, ListenFD=s)
    other = bus.connect()
    fcntl.fcntl(s, fcntl.F_SETFL, fcntl.fcntl(s, fcntl.F_GETFL) & ~os.O_NONBLOCK)
    raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    raw.connect(unix_address(i.address))
    time.sleep(0.1)
    assert other.is_alive() and bus.connect().is_alive()


def test_shut_listen_fd(bus):
    """A listening socket that is shut down stays ready for ever; the bus must not spin on it."""
    s = listening(bus)
    s.shutdown(socket.SHUT_RDWR)
    i = with_fds(bus, ListenFD=s)
    assert bus.connect().is_alive()
    before = cpu_seconds(bus)
    time.sleep(0.5)
    assert cpu_seconds(bus) - before < 0.25
    i.stop()
    assert bus.connect().is_alive()


@pytest.mark.parametrize('when', ['before', 'after'])
def test_options_of_a_listen_fd(bus, when):
    """The kernel hands options of a listening socket on to what it accepts: also that each read comes with a descriptor."""
    s = listening(bus)
    i = with_fds(bus, ListenFD=s) if when == 'after' else None
    for option in (socket.SO_PASSCRED, SO_PASSSEC, SO_PASSPIDFD):
        try:
            s.setsockopt(socket.SOL_SOCKET, option, 1)
        except OSError:
            pass  # an older kernel
    c = (i or with_fds(bus, ListenFD=s)).connect()
    before = bus.settled_fds()
    for _ in range(50):
        c.sync()
    assert bus.settled_fds() == before


@pytest.mark.parametrize('depth', [58, 59, 60, 61, 62, 63, 64])
def test_deep_unknown_field(bus, depth):
    """However deep an unknown field is: what stands behind it arrives, or its sender is cut off."""
    sender, receiver = bus.connect(), bus.connect()
    value = ('y', 7)
    for _ in range(depth):
        value = ('v', value)
    fields = [(200, value), (1, ('o', '/o')), (2, ('s', 'com.example.I')), (3, ('s', 'Member')), (6, ('s', receiver.name))]
    try:
        sender.send_bytes(pack_raw('l', SIGNAL, 0, 1, 0, 77, fields))
        sender.sync()
    except Closed:
        assert receiver.is_alive()
        return
    got = receiver.wait(lambda m: m.type == SIGNAL and m.sender == sender.name)
    assert (got.path, got.interface, got.member, got.destination) == ('/o', 'com.example.I', 'Member', receiver.name)


def test_strangers_take_no_places(new_bus):
    """Another user's connections to a container's socket do not count against it. (Another uid needs root.)"""
    if not is_root():
        pytest.skip('needs another uid')
    new_bus.start(policy=OPEN_POLICY + '<allow user="*"/>')
    i = new_bus.container(Limits=('a{su}', {'connections': 2}))
    for d in ('', '/dbus-1', '/dbus-1/containers'):
        os.chmod(new_bus.runtime + d, 0o755)
    os.chmod(i.socket[:-1], 0o777)
    ready, done = os.pipe(), os.pipe()

    def crowd(address):
        held = []
        for _ in range(4):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            s.connect(unix_address(address))
            held.append(s)
        time.sleep(0.2)
        os.write(ready[1], b'x')
        os.read(done[0], 1)
        return 'ok'
    t = threading.Thread(target=as_other_user, args=(crowd, i.address))
    t.start()
    os.read(ready[0], 1)
    try:
        assert i.connect().is_alive()
    finally:
        os.write(done[1], b'x')
        t.join()


def test_owner_changes_between_hidden_and_visible(bus):
    """A name goes from one whom the app may see to one whom it may not, and back: to the app it goes and comes."""
    name = 'com.example.Shared'
    hidden = bus.container(rules=[rule(OWN, name)], name='other').connect()
    seen = bus.connect()
    c = bus.container(rules=[rule(SEE, '')]).connect()
    c.match(CHANGED)
    seen.request_name(name, 1)
    assert changes(c)[-1] == (name, '', seen.name)
    hidden.request_name(name, 2 | 1)
    assert changes(c) == [(name, seen.name, '')]
    seen.request_name(name, 2)
    assert changes(c) == [(name, '', seen.name)]


def test_match_by_a_hidden_name_of_a_visible_sender(world):
    """Hearing somebody does not tell which other names it has."""
    world.a.request_name('com.example.Hidden')
    c = world.app(rule(HEAR, 'com.example.A'))
    c.match("type='signal',sender='com.example.Hidden'")
    world.a.signal()
    world.a.sync()
    c.sync()
    assert not c.take(SIGNAL)
    c.match("type='signal',sender='com.example.A'")
    world.a.signal()
    world.a.sync()
    c.sync()
    assert len(c.take(SIGNAL)) == 1


def test_no_descriptor_of_a_process(world):
    """Descriptors do not come in, not from the bus either."""
    c = world.app(rule(SEE, 'com.example.A'))
    for name in (world.a.name, c.name):
        reply = c.call('GetConnectionCredentials', 's', name, full=True)
        assert not reply.fds and 'UnixUserID' in reply.body[0]


def test_refused_connections_do_not_fill_the_log(bus):
    i = bus.container(Limits=('a{su}', {'connections': 1}))
    i.connect()
    before = len(bus.log())
    for _ in range(300):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(unix_address(i.address))
        s.recv(1)
        s.close()
    assert bus.log()[before:].count('\n') < 100


def test_enormous_rules(bus):
    rules = [rule(SEE, 'com.example.A%d' % n, '/' + 'x' * 900) for n in range(20000)]
    e = bus.container_fails(Allow=('a(usos)', rules))
    assert e.name == E + 'LimitsExceeded'


@pytest.mark.parametrize('n_fds', [None, 1])
def test_surplus_descriptors_reach_nobody(bus, n_fds):
    """Descriptors that no message claims by its end would else be taken for those of a later one."""
    victim, attacker = bus.connect(), bus.connect()
    before = bus.n_fds()
    r, w = os.pipe()
    attacker.send(Message(SIGNAL, serial=50, destination=victim.name, path='/', interface='a.b', member='Loose', fds=[r, r], n_fds=n_fds or 0,
                          signature='h' if n_fds else None, body=(0,) if n_fds else ()))
    with pytest.raises(Closed):
        attacker.send(Message(SIGNAL, serial=51, destination=victim.name, path='/', interface='a.b', member='Later', n_fds=1, signature='h',
                              body=(0,)))
        attacker.sync()
    victim.sync()
    assert not [m for m in victim.take(SIGNAL) if m.member == 'Later']
    for fd in (r, w):
        os.close(fd)
    for m in victim.inbox:
        for fd in m.fds:
            os.close(fd)
    assert wait_for(lambda: bus.n_fds() < before)
