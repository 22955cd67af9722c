# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages that are begun and not ended, and answers that nobody reads: what they may hold of the bus."""
import os
import resource
import time

import pytest

from bus import CALL_, RECEIVE_FDS, SANITIZED, SEE, rule, wait_for
from test_limits import limit
from wirebus import CALL, DRIVER, E, ERROR, NO_REPLY, Closed, Message

MIB = 1 << 20

pytestmark = pytest.mark.postern


@pytest.fixture
def null():
    fd = os.open('/dev/null', os.O_RDONLY)
    yield fd
    os.close(fd)


def begin(conn, size=20 * MIB, **kw):
    """The header of a large message, and nothing of its body."""
    data = Message(CALL, serial=900, destination=DRIVER, path='/', member='M', signature='ay', body=(b'',), **kw).pack()[:-4]
    conn.send_bytes(data[:4] + size.to_bytes(4, 'little') + data[8:] + (size - 4).to_bytes(4, 'little'))
    return conn


def give(conn, fds):
    conn.send_bytes(b'\0', fds=fds)


def rss(bus):
    with open('/proc/%d/statm' % bus.pid) as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def fill(conn, message):
    """Sends it as often as the bus takes it; the last one may be cut."""
    conn.sock.setblocking(False)
    at = 0
    try:
        while True:
            at = (at + conn.sock.send((message * 100)[at:])) % len(message)
    except BlockingIOError:
        conn.sock.setblocking(True)


def settled(bus, n):
    return wait_for(lambda: bus.n_fds() == n)


def test_descriptors(new_bus, null):
    """As many as one message may carry, whatever max_incoming_unix_fds allows."""
    bus = new_bus.start(limit(max_message_unix_fds=100, max_incoming_unix_fds=250000000))
    hostile, other = begin(bus.connect()), bus.connect()
    other.sync()
    before = bus.n_fds()
    give(hostile, [null] * 60)
    give(hostile, [null] * 40)
    assert settled(bus, before + 100) and other.is_alive()
    give(hostile, [null])
    assert hostile.is_closed() and settled(bus, before - 1)
    assert 'more file descriptors than one message may carry' in bus.log()


def test_descriptors_of_a_container(new_bus, null):
    bus = new_bus.start(limit(max_message_unix_fds=100, max_incoming_unix_fds=250000000))
    instance = bus.container(Limits=('a{su}', {'fds': 30}))
    a, b = begin(instance.connect()), begin(instance.connect())
    before = bus.n_fds()
    give(a, [null] * 20)
    assert settled(bus, before + 20)
    give(b, [null] * 20)
    assert b.is_closed() and settled(bus, before + 19)


def test_who_holds_the_most_makes_room(new_bus, null):
    bus = new_bus.start(limit(max_message_unix_fds=100, max_incoming_unix_fds=250000000))
    hostile, unlucky, other, receiver = begin(bus.connect()), bus.connect(), bus.connect(), bus.connect()
    receiver.sync()
    before = bus.n_fds()
    resource.prlimit(bus.pid, resource.RLIMIT_NOFILE, (before + 40, before + 40))
    for n in range(40):
        give(hostile, [null])
        assert settled(bus, before + n + 1)
    # The descriptor of this one is lost, and a message without what it announces can be delivered to nobody.
    unlucky.send_call('M', 'h', 0, dest=receiver.name, flags=NO_REPLY, fds=[null])
    assert unlucky.is_closed() and hostile.is_closed()
    other.send_call('N', 'h', 0, dest=receiver.name, flags=NO_REPLY, fds=[null])
    assert len(receiver.wait_call('N').fds) == 1
    log = bus.log()
    assert 'it holds the most of all' in log and 'those that it sent are lost' in log


def test_bytes_of_a_container(new_bus):
    """What its connections have begun and not ended counts as what is queued for them does; one may always begin."""
    bus = new_bus.start()
    instance = bus.container(Limits=('a{su}', {'bytes': MIB}))
    a, b = instance.connect(), instance.connect()
    begin(a).send_bytes(bytes(2 * MIB))
    begin(b).send_bytes(bytes(1000))
    assert not a.is_closed(0.2) and not b.is_closed(0.2), 'both have only begun, and one of them little'
    try:
        b.send_bytes(bytes(2 * MIB))
    except Closed:
        pass
    assert b.is_closed()
    a.send_bytes(bytes(18 * MIB - 4))
    assert a.is_alive() and bus.connect().is_alive()


def test_answers_that_a_container_does_not_read(new_bus):
    """They are kept for all its connections together as for one."""
    bus = new_bus.start()
    instance = bus.container(Limits=('a{su}', {'bytes': 256 << 10}))
    conns = [instance.connect() for _ in range(10)]
    call = Message(CALL, serial=900, destination=DRIVER, path='/org/freedesktop/DBus', interface='org.freedesktop.DBus.Introspectable',
                   member='Introspect').pack()
    before = rss(bus)
    for c in conns:
        fill(c, call)
    assert bus.connect().is_alive()
    assert SANITIZED or rss(bus) - before < 16 * MIB
    # Each of them is served on when it reads, whatever the others do.
    last = conns[-1]
    for _ in range(1000):
        last.next()
    conns[0].close()
    assert bus.connect().is_alive()


def test_who_uploads_disturbs_nobody(new_bus):
    """What is unfinished does not count as what is not read: signals still come, and newcomers are served."""
    bus = new_bus.start()
    instance = bus.container(rules=[rule(SEE, '')], Limits=('a{su}', {'bytes': MIB}))
    a, sibling = instance.connect(), instance.connect()
    for c in a, sibling:
        c.match("type='signal',member='NameOwnerChanged'")
    begin(a, 4 * MIB).send_bytes(bytes(3 * MIB))
    outsider = bus.connect()
    outsider.request_name('com.example.New')
    for c in a, sibling:
        assert c.wait(lambda m: m.member == 'NameOwnerChanged' and m.body[0] == 'com.example.New')
    assert sibling.is_alive() and instance.connect().is_alive() and outsider.is_alive()
    a.send_bytes(bytes(MIB - 4))
    assert a.is_alive()


def test_message_after_message(new_bus):
    """The second does not fit beside the first, which nobody reads: its sender is told, and lives."""
    bus = new_bus.start()
    slow = bus.connect(rcvbuf=4096)
    c = bus.container(rules=[rule(CALL_, '')], Limits=('a{su}', {'bytes': MIB})).connect()
    for n in range(2):
        c.send_call('M', 'ay', bytes(MIB * 8 // 10), dest=slow.name)
    assert c.wait(lambda m: m.type == ERROR).error == E + 'LimitsExceeded'
    assert c.is_alive()


def test_beginning_behind_a_large_message(new_bus):
    """The memory of the one is not what the other takes."""
    bus = new_bus.start()
    slow = bus.connect(rcvbuf=4096)
    instance = bus.container(rules=[rule(CALL_, '')], Limits=('a{su}', {'bytes': MIB}))
    c, sibling = instance.connect(), instance.connect()
    large = Message(CALL, serial=900, destination=slow.name, path='/', interface='a.b', member='M', signature='ay', body=(bytes(900000),),
                    flags=NO_REPLY).pack()
    next_call = Message(CALL, serial=901, destination=DRIVER, path='/', interface=DRIVER, member='GetId').pack()
    c.send_bytes(large[:-20000])
    time.sleep(0.1)
    c.send_bytes(large[-20000:] + next_call[:40])
    assert not c.is_closed(0.2)
    begin(sibling).send_bytes(bytes(300000))
    assert not sibling.is_closed(0.2)
    c.send_bytes(next_call[40:])
    assert c.reply_to(901)


def test_descriptors_that_others_send(new_bus, null):
    """Those wait for it to read, and are no reason why it should not send its own."""
    bus = new_bus.start(limit(max_message_unix_fds=100, max_incoming_unix_fds=250000000))
    instance = bus.container(rules=[rule(CALL_ | RECEIVE_FDS, '')], Limits=('a{su}', {'fds': 10}))
    c, outsider = instance.connect(rcvbuf=4096), bus.connect()
    outsider.send_call('Large', 'ay', bytes(MIB), dest=c.name, flags=NO_REPLY)
    outsider.send_call('M', 'h', 0, dest=c.name, flags=NO_REPLY, fds=[null] * 10)
    assert outsider.is_alive()
    give(begin(c), [null])
    assert not c.is_closed(0.2)
    assert {m.member: len(m.fds) for m in c.take(CALL)} == {'Large': 0, 'M': 10}
