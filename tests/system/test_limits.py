# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every <limit>: what it bounds, what the client hears, and that others do not suffer."""
import os
import time

import pytest

from bus import CALL_, OPEN_POLICY, SANITIZED, STOCK, rule, wait_for
from helpers import as_other_user, is_root
from wirebus import CALL, DRIVER, E, NO_REPLY, Closed, Conn, DBusError, Message

EXCEEDED = E + 'LimitsExceeded'


def limit(**limits):
    return ''.join('<limit name="%s">%d</limit>' % kv for kv in limits.items())


@pytest.mark.parametrize('to_driver', [True, False])
def test_max_message_size(new_bus, to_driver):
    new_bus.start(limit(max_message_size=5000))
    a, b = new_bus.connect(), new_bus.connect()
    dest = DRIVER if to_driver else b.name
    a.send_call('Fits', 'ay', bytes(4000), dest=dest, flags=NO_REPLY)
    assert a.is_alive()
    try:
        a.send_call('TooBig', 'ay', bytes(6000), dest=dest, flags=NO_REPLY)
    except Closed:
        pass
    assert a.is_closed() and b.is_alive()
    assert [m.member for m in b.take(CALL)] == ([] if to_driver else ['Fits'])


def test_a_header_alone_tells_the_size(new_bus):
    """The connection ends as soon as the size is known: nothing is kept for a body that is too big."""
    new_bus.start(limit(max_message_size=5000))
    a = new_bus.connect()
    a.send_bytes(Message(CALL, serial=3, destination=DRIVER, path='/', member='M', signature='ay', body=(bytes(100000),)).pack()[:200])
    assert a.is_closed()


def test_max_message_unix_fds(new_bus):
    new_bus.start(limit(max_message_unix_fds=2))
    a, b, c = new_bus.connect(), new_bus.connect(), new_bus.connect()
    r, w = os.pipe()
    a.send_call('Two', 'hh', 0, 1, dest=b.name, flags=NO_REPLY, fds=[r, r])
    assert len(b.wait_call('Two').fds) == 2
    c.send_call('Three', 'hhh', 0, 1, 2, dest=b.name, flags=NO_REPLY, fds=[r, r, r])
    assert c.is_closed()
    assert a.is_alive() and b.is_alive() and not b.take(CALL)
    os.close(r)
    os.close(w)


def test_max_match_rules(new_bus):
    new_bus.start(limit(max_match_rules_per_connection=3))
    a, b = new_bus.connect(), new_bus.connect()
    for n in range(3):
        a.match("member='M%d'" % n)
    assert a.error('AddMatch', 's', "member='M3'") == EXCEEDED and a.error('AddMatch', 's', "member='M0'") == EXCEEDED
    b.match("member='M3'")
    a.call('RemoveMatch', 's', "member='M1'")
    a.match("member='M3'")


def test_max_names(new_bus):
    """The unique name counts."""
    new_bus.start(limit(max_names_per_connection=3))
    a, b = new_bus.connect(), new_bus.connect()
    assert a.request_name('a.a') == 1 and a.request_name('a.b') == 1
    assert a.error('RequestName', 'su', 'a.c', 0) == EXCEEDED
    assert not b.has_owner('a.c') and b.request_name('a.c') == 1
    a.release_name('a.a')
    assert a.request_name('a.d') == 1


def test_max_replies(new_bus):
    new_bus.start(limit(max_replies_per_connection=2))
    a, b, c = (new_bus.connect() for _ in range(3))
    serial = a.send_call('One', dest=b.name)
    a.send_call('Two', dest=b.name)
    assert a.error('Three', dest=b.name) == EXCEEDED
    a.send_call('Tell', dest=b.name, flags=NO_REPLY)
    assert b.wait_call('Tell') and c.is_alive()
    b.reply(b.wait_call('One'))
    a.reply_to(serial)
    a.send_call('Four', dest=b.name)
    assert b.wait_call('Four') and not [m for m in b.take(CALL) if m.member == 'Three']


def connects(bus, **kw):
    """A connection, or None when the bus turns it away at connect or at Hello."""
    try:
        return bus.connect(**kw)
    except (Closed, ConnectionRefusedError, BrokenPipeError):
        return None
    except DBusError as e:
        assert e.name == EXCEEDED
        return None


@pytest.mark.parametrize('name', ['max_completed_connections', 'max_connections_per_user'])
def test_max_connections(new_bus, name):
    new_bus.start(limit(**{name: 3}))
    a, b, c = (new_bus.connect() for _ in range(3))
    assert connects(new_bus) is None and connects(new_bus) is None
    assert a.is_alive() and b.is_alive()
    c.close()
    assert wait_for(lambda: connects(new_bus))


def test_max_incomplete_connections(new_bus):
    """Silent connections do not keep others out for longer than auth_timeout; completed ones are not troubled."""
    new_bus.start(limit(max_incomplete_connections=3, auth_timeout=700))
    a = new_bus.connect()
    for _ in range(12):
        try:
            new_bus.connect(auth=False)
        except (ConnectionRefusedError, BlockingIOError):
            pass
    assert a.is_alive()
    assert wait_for(lambda: connects(new_bus))
    assert a.is_alive()


@pytest.mark.postern
def test_silence_in_containers_does_not_starve_the_bus(new_bus):
    """A container that opens connections and says nothing keeps nobody else out."""
    new_bus.start(limit(max_incomplete_connections=8, auth_timeout=60000, max_connections_per_container=20))
    manager = new_bus.connect()
    containers = [new_bus.container(manager) for _ in range(2)]
    for c in containers:
        for _ in range(15):
            c.connect(auth=False)
    start = time.monotonic()
    assert new_bus.connect().is_alive() and new_bus.container(manager).connect().is_alive()
    assert time.monotonic() - start < 5


def test_max_incoming_bytes(new_bus):
    """However small, messages come through one by one."""
    new_bus.start(limit(max_incoming_bytes=1))
    a, b = new_bus.connect(), new_bus.connect()
    for n in range(100):
        a.send_call('N', 'uay', n, bytes(300), dest=b.name, flags=NO_REPLY)
    assert [b.wait_call('N').body[0] for _ in range(100)] == list(range(100))


def fill(a, b, size=20000, rounds=300, **kw):
    """Sends to b, which does not read, until the bus refuses; how many got away."""
    for n in range(rounds):
        serial = a.send_call('Fill', 'ay', bytes(size), dest=b.name, **kw)
        a.sync()
        for m in a.inbox:
            if m.reply_serial == serial:
                assert m.error == EXCEEDED
                return n
    raise AssertionError('never refused')


def memory(bus):
    with open('/proc/%d/statm' % bus.pid) as f:
        return int(f.read().split()[1]) * os.sysconf('SC_PAGESIZE')


def test_max_outgoing_bytes(new_bus):
    """A receiver that does not read: its senders hear of it, others go on, and later so does it."""
    new_bus.start(limit(max_outgoing_bytes=200000, max_replies_per_connection=5000))
    a, b, c, d = new_bus.connect(), new_bus.connect(rcvbuf=1), new_bus.connect(), new_bus.connect()
    sent = fill(a, b)
    assert sent >= 9
    before = memory(new_bus)
    for _ in range(500):
        c.signal('Noise', 'ay', bytes(20000), dest=b.name, flags=NO_REPLY)
    c.sync()
    assert SANITIZED or memory(new_bus) - before < 5 << 20
    d.send_call('Fine', dest=c.name, flags=NO_REPLY)
    assert c.wait_call('Fine')
    for _ in range(sent):
        b.wait_call('Fill')
    assert b.is_alive()
    a.send_call('Again', dest=b.name, flags=NO_REPLY)
    assert b.wait_call('Again')


@pytest.mark.postern
def test_what_a_container_leaves_waiting(bus):
    """All that a container has sent and nobody has read counts, whoever is to read it; others may still send there."""
    app = bus.container(rules=[rule(CALL_, '')], Limits=('a{su}', {'bytes': 300000})).connect()
    slow, quick, outsider = bus.connect(rcvbuf=1), bus.connect(), bus.connect()
    sent = fill(app, slow, flags=NO_REPLY)
    assert app.error('Fill', 'ay', bytes(20000), dest=quick.name) == EXCEEDED
    outsider.send_call('Fine', 'ay', bytes(20000), dest=quick.name, flags=NO_REPLY)
    assert quick.wait_call('Fine')
    for _ in range(sent):
        slow.wait_call('Fill')
    app.sync()
    app.send_call('Again', 'ay', bytes(20000), dest=quick.name, flags=NO_REPLY)
    assert quick.wait_call('Again')


def test_slow_reader_of_broadcasts(new_bus):
    """Broadcasts do not pile up for who does not read; those who read get all."""
    new_bus.start(limit(max_outgoing_bytes=200000))
    a, slow, quick = new_bus.connect(), new_bus.connect(rcvbuf=1), new_bus.connect()
    for w in (slow, quick):
        w.match("member='Noise'")
    before = memory(new_bus)
    for n in range(300):
        a.signal('Noise', 'uay', n, bytes(20000))
        assert quick.wait_signal('Noise').body[0] == n
    # AddressSanitizer keeps what was freed for a while, to see who still uses it.
    if not STOCK and not SANITIZED:
        assert memory(new_bus) - before < 5 << 20
    assert a.is_alive()


def test_driver_replies_are_bounded(new_bus):
    """A client that asks and never reads does not make the bus grow without end."""
    new_bus.start(limit(max_outgoing_bytes=200000))
    a, w = new_bus.connect(rcvbuf=1), new_bus.connect()
    before = memory(new_bus)
    a.sock.settimeout(0.5)
    try:
        for _ in range(20000):
            a.send_call('Introspect', iface='org.freedesktop.DBus.Introspectable')
    except (Closed, TimeoutError, BlockingIOError):
        pass
    assert w.is_alive()
    if not STOCK:
        assert memory(new_bus) - before < 30 << 20


@pytest.mark.postern
def test_max_outgoing_unix_fds(new_bus):
    new_bus.start(limit(max_outgoing_unix_fds=20, max_message_unix_fds=16))
    a, b, c = new_bus.connect(), new_bus.connect(rcvbuf=1), new_bus.connect()
    # Fill the socket, then queue descriptors behind.
    for _ in range(100):
        a.send_call('Fill', 'ay', bytes(20000), dest=b.name, flags=NO_REPLY)
    r, w = os.pipe()
    before = new_bus.n_fds()
    refused = 0
    for _ in range(10):
        serial = a.send_call('Fd', 'h', 0, dest=b.name, fds=[r] * 10)
        a.sync()
        refused += any(m.reply_serial == serial and m.error == EXCEEDED for m in a.inbox)
    os.close(r)
    os.close(w)
    assert refused >= 7 and new_bus.n_fds() - before <= 20
    assert c.is_alive()


def half_a_message(address, seconds):
    """Sends a descriptor with half a message and waits; True when the bus ends the connection."""
    c = Conn(address)
    r, w = os.pipe()
    m = Message(CALL, serial=77, destination=DRIVER, path='/', interface='a.b', member='M', signature='h', body=(0,), n_fds=1)
    c.send_bytes(m.pack()[:-2], fds=[r])
    return c.is_closed(seconds)


def test_pending_fd_timeout(new_bus):
    """Half a message that holds a descriptor: dropped after the time."""
    new_bus.start(limit(pending_fd_timeout=300), policy=OPEN_POLICY + '<allow user="*"/>')
    idle = new_bus.connect()
    if is_root():
        os.chmod(new_bus.dir + '/bus', 0o777)
        assert as_other_user(half_a_message, new_bus.address, 8)
    else:
        assert half_a_message(new_bus.address, 8)
    assert idle.is_alive()


def test_flood_of_small_messages(bus):
    """One client's flood does not keep another from its answers."""
    import threading
    a, b, c = bus.connect(), bus.connect(), bus.connect()
    stop = []

    def flood():
        try:
            while not stop:
                a.send_bytes(data)
        except Closed:
            pass
    data = b''.join(Message(CALL, flags=NO_REPLY, serial=n, destination=DRIVER, path='/', interface=DRIVER, member='GetId').pack()
                    for n in range(1, 500))
    t = threading.Thread(target=flood)
    t.start()
    try:
        start = time.monotonic()
        for _ in range(20):
            c.send_call('Ping', dest=b.name, flags=NO_REPLY)
            b.wait_call('Ping')
            c.sync()
        assert time.monotonic() - start < 10
    finally:
        stop.append(1)
        drain = time.monotonic() + 5
        while t.is_alive() and time.monotonic() < drain:
            try:
                a.read_some(0.05)
            except Closed:
                break
            a.buf = b''
        a.sock.shutdown(2)
        t.join(5)


def test_many_connections(bus):
    """Come and go: nothing stays."""
    for _ in range(5):
        conns = [bus.connect() for _ in range(40)]
        assert len(conns[0].names()) == 41
        for c in conns:
            c.close()
    assert wait_for(lambda: len(bus.connect().names()) < 10)
