# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who floods the bus keeps nobody waiting for more than his turn. Nothing is timed: while the bus is stopped all fill their sockets, and the
order in which it then handles what they sent says how long the last one waited."""
import contextlib
import os
import signal

import pytest

from bus import CALL_, rule
from wirebus import CALL, CONTAINERS, DRIVER, DRIVER_PATH, NO_REPLY, RETURN, SIGNAL, Message
from world import clear

pytestmark = pytest.mark.postern
TURN = 64      # messages
WORK = 128     # receivers, or pieces of 2048 bytes
MATCH = "type='signal',interface='com.example.Iface'"


@contextlib.contextmanager
def stopped(bus):
    """Whatever is sent meanwhile is there when the bus goes on; what came before is forgotten."""
    clear(*[c for c in bus.conns if c.sock.fileno() >= 0])
    bus.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, bus.pid, os.WSTOPPED | os.WNOWAIT)
    try:
        yield
    finally:
        bus.process.send_signal(signal.SIGCONT)


def signals(n, member, dest=None):
    """So many in one piece."""
    return b''.join(Message(SIGNAL, serial=1000 + i, flags=NO_REPLY, destination=dest, path='/obj', interface='com.example.Iface', member=member).pack()
                    for i in range(n))


def members(conn, n):
    return [conn.wait_signal().member for _ in range(n)]


@pytest.mark.parametrize('flooders', [1, 10])
def test_one_turn_of_messages(bus, flooders):
    sink, victim = bus.connect(), bus.connect()
    conns = [bus.connect() for _ in range(flooders)]
    n = 1000
    with stopped(bus):
        for c in conns:
            c.send_bytes(signals(n, 'Flood', sink.name))
        victim.send_bytes(signals(1, 'Victim', sink.name))
    got = members(sink, n * flooders + 1)
    assert got.count('Flood') == n * flooders and got.index('Victim') <= TURN * flooders


def test_one_turn_of_receivers(bus):
    """A message to many counts as many."""
    receivers = [bus.connect() for _ in range(200)]
    for c in receivers:
        c.match(MATCH)
    flooder, victim = bus.connect(), bus.connect()
    with stopped(bus):
        flooder.send_bytes(signals(50, 'Flood'))
        victim.send_bytes(signals(1, 'Victim'))
    for c in (receivers[0], receivers[-1]):
        got = members(c, 51)
        assert got.count('Flood') == 50 and got.index('Victim') <= WORK // 200 + 1


def test_one_turn_of_refusals(bus):
    """One that gets nothing was asked about all the same."""
    manager = bus.connect()
    instance = bus.container(manager)
    for c in [instance.connect() for _ in range(60)]:
        c.match(MATCH)
    flooder, victim, witness = bus.connect(), bus.connect(), bus.connect()
    witness.match(MATCH)
    with stopped(bus):
        flooder.send_bytes(signals(50, 'Flood'))
        victim.send_bytes(signals(1, 'Victim'))
    got = members(witness, 51)
    assert got.count('Flood') == 50 and got.index('Victim') <= WORK // 61 + 1


def test_one_turn_of_long_answers(bus):
    """The bus itself can be made to say much."""
    flooder, victim, keeper = bus.connect(), bus.connect(), bus.connect()
    for n in range(200):
        keeper.request_name('com.example.' + 'n' * 200 + str(n))
    flooder.match(MATCH)
    calls = [Message(CALL, serial=1000 + n, destination=DRIVER, path=DRIVER_PATH, interface=DRIVER, member='ListNames') for n in range(60)]
    with stopped(bus):
        flooder.send_bytes(b''.join(m.pack() for m in calls))
        victim.send_bytes(signals(1, 'Victim'))
    flooder.reply_to(1059)
    got = [m.type for m in flooder.inbox]
    assert got.count(RETURN) == 59 and got.index(SIGNAL) <= WORK * 2048 // (200 * 210) + 1


def test_what_waited_is_not_the_same_input(new_bus):
    """What was read long ago is asked about as if it had come now: what a policy said then need not hold any more."""
    new_bus.start('<limit name="max_outgoing_bytes">20000</limit>',
                  args=['--module=' + os.path.join(os.environ['POSTERN_BUILD'], 'tests/mocks/.libs/mock-flags.so')])
    hoarder, sink = new_bus.connect(), new_bus.connect()
    for n in range(100):
        sink.request_name('com.example.' + 'n' * 200 + str(n))
    calls = [Message(CALL, serial=1000 + n, destination=DRIVER, path=DRIVER_PATH, interface=DRIVER, member='ListNames') for n in range(40)]
    hoarder.send_bytes(b''.join(m.pack() for m in calls) + signals(3, 'Late', sink.name))
    sink.sync()
    assert 'Late' not in new_bus.log() # it waits until the answers are read
    hoarder.reply_to(1039)
    members(sink, 3)
    asked = [line for line in new_bus.log().splitlines() if 'asked about Late' in line]
    assert 'input=new' in asked[0] and all('input=same' in line for line in asked[1:]) and len(asked) == 3


def test_what_nobody_sent_is_not_the_same_input(new_bus):
    """That somebody leaves is told by what holds then, however long ago anything arrived."""
    new_bus.start(args=['--module=' + os.path.join(os.environ['POSTERN_BUILD'], 'tests/mocks/.libs/mock-flags.so')])
    watcher, other = new_bus.connect(), new_bus.connect()
    watcher.match("type='signal',member='NameOwnerChanged',arg0='%s'" % other.name)
    watcher.sync()
    other.close()
    watcher.wait_signal('NameOwnerChanged')
    asked = [line for line in new_bus.log().splitlines() if 'asked about NameOwnerChanged' in line]
    assert len(asked) == 1 and 'input=new' in asked[0]


def test_one_turn_of_who_is_gone(bus):
    """What somebody sent before leaving counts, in order, and is no shorter way to be handled."""
    sink, victim, flooder = bus.connect(), bus.connect(), bus.connect()
    sink.match("type='signal',member='NameOwnerChanged',arg0='%s'" % flooder.name)
    n = 1000
    with stopped(bus):
        flooder.send_bytes(signals(n, 'Flood', sink.name))
        flooder.close()
        victim.send_bytes(signals(1, 'Victim', sink.name))
    got = members(sink, n + 2)
    assert got.count('Flood') == n and got[-1] == 'NameOwnerChanged' and got.index('Victim') <= TURN


def test_who_floods_is_read_no_further(bus):
    """Its turns use up what was read; only then more is read. In the end all has come, in the order sent."""
    sink, flooder = bus.connect(), bus.connect()
    n = 0
    with stopped(bus):
        flooder.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                flooder.send(Message(SIGNAL, destination=sink.name, path='/obj', interface='com.example.Iface', member='Flood', flags=NO_REPLY))
                n += 1
    assert [sink.wait_signal('Flood').serial for _ in range(n)] == list(range(flooder.serial - n, flooder.serial))


def test_who_is_closed_between_two_turns(bus):
    """What it still had to say is forgotten with it, and nobody else's turn."""
    manager, sink, other = bus.connect(), bus.connect(), bus.connect()
    sink.request_name('com.example.Sink')
    instance = bus.container(manager, rules=[rule(CALL_, 'com.example.Sink')])
    flooders = [instance.connect() for _ in range(3)]
    with stopped(bus):
        for c in flooders:
            c.send_bytes(signals(300, 'Flood', sink.name))
        other.send_bytes(signals(300, 'Other', sink.name))
        manager.send_call('StopInstance', 'o', instance.path, iface=CONTAINERS)
    assert all(c.is_closed() for c in flooders)
    sink.wait_signal('Other')
    other.sync()
    got = [m.member for m in sink.sync()]
    assert got.count('Other') == 299 and 0 < got.count('Flood') <= 2 * 3 * TURN
