# SPDX-License-Identifier: LGPL-2.1-or-later
"""ListenFD, ReadyFD and CloseFD of AddServer: a listener of the manager's own, and how long it lives."""
import os
import socket

import pytest

from bus import wait_for
from test_containers import info, no_info, removed, sockets, unreachable, watch
from wirebus import CALL, CONTAINERS, DRIVER, DRIVER_PATH, E, Closed, Conn, Message

pytestmark = pytest.mark.postern


def listening(bus, name='own', listen=True, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(os.path.join(bus.dir, name) if isinstance(name, str) else name)
    if listen:
        s.listen(10)
    return s


def with_fds(bus, manager=None, **fds):
    """AddServer with these sockets or descriptors as named arguments."""
    raw = [getattr(f, 'fileno', lambda f=f: f)() for f in fds.values()]
    return bus.container(manager, fds=raw, **{k: ('h', n) for n, k in enumerate(fds)})


def refused(bus, **fds):
    raw = [getattr(f, 'fileno', lambda f=f: f)() for f in fds.values()]
    e = bus.container_fails(fds=raw, **{k: ('h', n) for n, k in enumerate(fds)})
    assert e.name == E + 'InvalidArgs'
    return e.text


def test_listen_fd(bus):
    s = listening(bus)
    i = with_fds(bus, ListenFD=s)
    s.close()
    path = bus.dir + '/own'
    assert i.socket == path.encode() + b'\0' and i.address.startswith('unix:path=' + path)
    c = i.connect()
    assert bus.connect().call('GetConnectionInstance', 's', c.name, iface=CONTAINERS)[0] == i.path
    assert not sockets(bus)
    i.stop_listening()
    assert unreachable(i.address) and c.is_alive()
    # The manager's own file is the manager's to remove.
    assert os.path.exists(path)


def test_listen_fd_abstract(bus):
    name = b'\0postern test ' + os.urandom(6).hex().encode()
    s = listening(bus, name)
    i = with_fds(bus, ListenFD=s)
    s.close()
    assert i.socket == b'\0' and i.address.startswith('unix:abstract=')
    assert i.connect().is_alive()
    i.stop()
    assert unreachable(i.address)


def test_connections_that_waited(bus):
    """Who connected before AddServer is served, and is contained."""
    s = listening(bus)
    early = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    early.connect(bus.dir + '/own')
    i = with_fds(bus, ListenFD=s)
    s.close()
    c = i.connect(auth=False)
    c.sock.close()
    c.sock = early
    c.authenticate()
    c.name, = c.call('Hello')
    assert i.manager.call('GetConnectionInstance', 's', c.name, iface=CONTAINERS)[0] == i.path


def test_faulty_listen_fds(bus):
    before = bus.settled_fds()
    r, w = os.pipe()
    pair = socket.socketpair()
    wrong = {
        'pipe': r, 'connected': pair[0], 'unbound': socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        'inet': socket.socket(socket.AF_INET, socket.SOCK_STREAM), 'dgram': listening(bus, 'd', False, socket.SOCK_DGRAM),
        'seqpacket': listening(bus, 's', True, socket.SOCK_SEQPACKET), 'not-listening': listening(bus, 'n', False),
    }
    for name, fd in wrong.items():
        assert 'ListenFD' in refused(bus, ListenFD=fd), name
    assert 'ReadyFD' in refused(bus, ReadyFD=r)
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(bus.dir + '/bus')
    assert 'ListenFD' in refused(bus, ListenFD=client)
    for s in [x for x in wrong.values() if x != r] + [client, pair[1]]:
        s.close()
    os.close(r)
    os.close(w)
    for c in bus.conns:
        c.close()
    assert wait_for(lambda: bus.n_fds() <= before)


def test_handle_beyond_the_fds(bus):
    """Malformed: the sender is closed."""
    c = bus.connect()
    c.send(Message(CALL, destination=DRIVER, path=DRIVER_PATH, interface=CONTAINERS, member='AddServer', signature='ssa{sv}a{sv}',
                   body=('a.b', '', {}, {'ListenFD': ('h', 0)})))
    assert c.is_closed()
    d = bus.connect()
    r, w = os.pipe()
    d.send(Message(CALL, destination=DRIVER, path=DRIVER_PATH, interface=CONTAINERS, member='AddServer', signature='ssa{sv}a{sv}',
                   body=('a.b', '', {}, {'CloseFD': ('h', 1)}), fds=[r]))
    assert d.is_closed()
    os.close(r)
    os.close(w)


@pytest.mark.parametrize('how', ['byte', 'hang-up', 'socket'])
def test_ready_fd(bus, how):
    """The bus accepts only when it is told that bind and listen are done."""
    s = listening(bus, listen=False)
    r, w = (x.detach() for x in socket.socketpair()) if how == 'socket' else os.pipe()
    i = with_fds(bus, ListenFD=s, ReadyFD=r)
    os.close(r)
    w_events = watch(bus)
    assert removed(w_events) == [] and info(i.manager, i.path)
    s.listen(5)
    s.close()
    c = i.connect(auth=False)
    c.send_bytes(b'\0AUTH\r\n')
    i.manager.sync()
    with pytest.raises(TimeoutError):
        c.line(0.3)
    if how == 'byte':
        os.write(w, b'x')
        assert c.line().startswith('REJECTED')
    os.close(w)
    if how != 'byte':
        assert c.line().startswith('REJECTED')
    assert i.connect().is_alive() and removed(w_events) == []


def test_ready_but_not_listening(bus):
    """The instance goes, with a line in the log."""
    s = listening(bus, listen=False)
    r, w = os.pipe()
    events = watch(bus)
    i = with_fds(bus, ListenFD=s, ReadyFD=r)
    os.close(r)
    before = len(bus.log())
    os.close(w)
    assert wait_for(lambda: no_info(i.manager, i.path))
    assert removed(events) == [i.path]
    assert i.path.rsplit('/', 1)[1] in bus.log()[before:]
    s.close()


def test_ready_fd_and_manager_leaves(bus):
    """Without CloseFD the wait ends with the creator."""
    s = listening(bus, listen=False)
    r, w = os.pipe()
    events = watch(bus)
    i = with_fds(bus, ListenFD=s, ReadyFD=r)
    i.manager.close()
    assert wait_for(lambda: no_info(events, i.path)) and removed(events) == [i.path]
    for fd in (r, w):
        os.close(fd)
    s.close()


@pytest.mark.parametrize('own_socket', [False, True])
def test_close_fd(bus, own_socket):
    """With it the listener outlives its creator, until the other end hangs up."""
    r, w = os.pipe()
    events = watch(bus)
    if own_socket:
        s = listening(bus)
        i = with_fds(bus, ListenFD=s, CloseFD=r)
        s.close()
    else:
        i = with_fds(bus, CloseFD=r)
    os.close(r)
    i.manager.close()
    c = i.connect()
    events.sync()
    assert info(events, i.path) and i.connect().is_alive()
    os.close(w)
    assert wait_for(lambda: unreachable(i.address))
    assert c.is_alive() and removed(events) == []
    for x in bus.conns:
        if x is not events:
            x.close()
    assert wait_for(lambda: no_info(events, i.path)) and removed(events) == [i.path]


def test_close_fd_data_is_no_hang_up(bus):
    a, b = socket.socketpair()
    i = with_fds(bus, CloseFD=a)
    a.close()
    b.send(b'still here')
    i.manager.sync()
    assert i.connect().is_alive()
    b.close()
    assert wait_for(lambda: unreachable(i.address))


def test_close_fd_already_gone(bus):
    r, w = os.pipe()
    os.close(w)
    events = watch(bus)
    i = with_fds(bus, CloseFD=r)
    os.close(r)
    assert wait_for(lambda: no_info(events, i.path)) and removed(events) == [i.path] and not sockets(bus)


def test_stop_closes_what_was_handed_over(bus):
    """The listener, ReadyFD and CloseFD are given back: the other ends see it."""
    before = bus.settled_fds()
    s = listening(bus)
    r, w = os.pipe()
    r2, w2 = os.pipe()
    i = with_fds(bus, ListenFD=s, ReadyFD=r, CloseFD=r2)
    for fd in (r, r2):
        os.close(fd)
    s.close()
    i.stop()
    i.manager.sync()
    for fd in (w, w2):
        with pytest.raises(BrokenPipeError):
            os.write(fd, b'x')
        os.close(fd)
    for c in bus.conns:
        c.close()
    assert wait_for(lambda: bus.n_fds() <= before)


def test_same_descriptor_twice(bus):
    r, w = os.pipe()
    i = bus.container(fds=[r], CloseFD=('h', 0))
    os.close(r)
    assert i.connect().is_alive()
    os.close(w)
    assert wait_for(lambda: unreachable(i.address))


def test_listener_of_the_bus_itself(bus):
    """A second container on one inherited socket, or a closed peer: hostile, but nobody else's problem."""
    s = listening(bus)
    i, j = with_fds(bus, ListenFD=s), with_fds(bus, ListenFD=s)
    s.close()
    c = i.connect()
    inst = i.manager.call('GetConnectionInstance', 's', c.name, iface=CONTAINERS)[0]
    assert inst in (i.path, j.path)
    i.stop()
    j.stop()
    assert bus.connect().is_alive()
    with pytest.raises((Closed, ConnectionRefusedError)):
        Conn(i.address)
