# SPDX-License-Identifier: LGPL-2.1-or-later
"""Replies of and to containers: exactly one, by whom it was asked of, to whom asked."""
import pytest

from bus import CALL_, rule, wait_for
from wirebus import CALL, DRIVER, E, ERROR, NO_REPLY, RETURN, SIGNAL, DBusError, Message
from world import ask, replies_to, world  # noqa: F401,F811

pytestmark = pytest.mark.postern


@pytest.mark.parametrize('mode', ['restrict', 'identify', 'complain'])
def test_exactly_one_reply(bus, mode):
    c, out = bus.container(rules=None, Mode=('s', mode)).connect(), bus.connect()
    serial, call = ask(out, c)
    c.reply(call, 's', 'one')
    c.reply(call, 's', 'two')
    c.reply_error(call)
    assert replies_to(out, c) == [(RETURN, ('one',), c.name)]
    serial, call = ask(out, c)
    c.reply_error(call, text='no')
    c.reply(call)
    assert replies_to(out, c) == [(ERROR, ('no',), c.name)]
    assert c.is_alive()


def test_replies_that_are_not_the_reply(bus):
    """Wrong serial, wrong sender, wrong addressee, nobody's."""
    i, out, other = bus.container(), bus.connect(), bus.connect()
    c, d = i.connect(), i.connect()
    serial, call = ask(out, c)
    c.reply(call, reply_serial=serial + 1)
    c.reply(call, dest=other.name)
    c.reply(call, dest=DRIVER)
    d.reply(call, 's', 'not asked')
    assert replies_to(out, c, d) == [] and replies_to(other) == []
    c.reply(call, 's', 'right')
    assert replies_to(out, c) == [(RETURN, ('right',), c.name)]


@pytest.mark.parametrize('first', [0, 1])
def test_equal_serials_of_two_callers(bus, first):
    """The key is caller and serial: an answer to one is none to the other, whoever called first."""
    c, callers = bus.container().connect(), [bus.connect(), bus.connect()]
    for caller in callers:
        caller.serial = 1000
    asked = [ask(caller, c) for caller in callers]
    assert asked[0][0] == asked[1][0]
    one, other = callers[first], callers[1 - first]
    c.reply(asked[first][1], 's', 'to one')
    c.reply(asked[first][1], 's', 'again')
    assert replies_to(one, c) == [(RETURN, ('to one',), c.name)] and replies_to(other) == []
    c.reply(asked[1 - first][1], 's', 'to the other')
    assert replies_to(other, c) == [(RETURN, ('to the other',), c.name)]


def test_reply_to_a_name_of_the_caller(bus):
    c, out, other = bus.container().connect(), bus.connect(), bus.connect()
    out.request_name('com.example.Caller')
    other.request_name('com.example.Stranger')
    _, call = ask(out, c)
    c.reply(call, 's', 'strange', dest='com.example.Stranger')
    c.reply(call, 's', 'by name', dest='com.example.Caller')
    assert replies_to(out, c) == [(RETURN, ('by name',), c.name)] and replies_to(other) == []


def test_replies_out_of_turn(bus):
    """Each call gets its own reply, whichever is answered first, and by nobody else who was called as well."""
    a, container = bus.connect(), bus.container()
    b, c = container.connect(), container.connect()
    serials = [a.send_call('M%d' % i, dest=(b, c)[i % 2].name) for i in range(8)]
    calls = [(b, c)[i % 2].wait_call('M%d' % i) for i in range(8)]
    for i in (6, 0, 2, 7, 5, 4, 1, 3):
        (c, b)[i % 2].reply(calls[i], 's', 'not mine to answer')
        (b, c)[i % 2].reply(calls[i], 's', 'M%d' % i)
        (b, c)[i % 2].reply(calls[i], 's', 'once more')
    for peer in (b, c):
        peer.sync()
    a.sync()
    assert sorted((m.reply_serial, m.body) for m in a.take(RETURN)) == [(serial, ('M%d' % i,)) for i, serial in enumerate(serials)]


def test_no_reply_to_who_wants_none(bus):
    c, out = bus.container().connect(), bus.connect()
    _, call = ask(out, c, flags=NO_REPLY)
    c.reply(call)
    assert replies_to(out, c) == []


def test_no_reply_after_the_time(new_bus):
    new_bus.start('<limit name="reply_timeout">300</limit>')
    c, out = new_bus.container().connect(), new_bus.connect()
    serial, call = ask(out, c)
    with pytest.raises(DBusError) as e:
        out.reply_to(serial)
    assert e.value.name == E + 'NoReply'
    c.reply(call)
    assert replies_to(out, c) == []


def test_no_reply_to_a_successor(bus):
    """The caller's name passes to another connection; the answer does not."""
    c, out, heir = bus.container().connect(), bus.connect(), bus.connect()
    out.request_name('com.example.Caller')
    heir.request_name('com.example.Caller')
    serial, call = ask(out, c)
    out.close()
    wait_for(lambda: heir.call('GetNameOwner', 's', 'com.example.Caller') == (heir.name,))
    c.reply(call, dest='com.example.Caller')
    c.reply(call)
    assert replies_to(heir, c) == [] and c.is_alive()


@pytest.mark.parametrize('kind', [CALL, SIGNAL])
def test_reply_serial_makes_no_reply(bus, kind):
    """A call or signal with a REPLY_SERIAL is still a call or a signal, and uses the reply up in no way."""
    c, out = bus.container().connect(), bus.connect()
    serial, call = ask(out, c)
    c.send(Message(kind, destination=out.name, reply_serial=serial, path='/', interface='a.b', member='Smuggled'))
    c.sync()
    out.sync()
    assert not out.take(CALL, SIGNAL)
    c.reply(call, 's', 'right')
    assert replies_to(out, c) == [(RETURN, ('right',), c.name)]


def test_replies_to_a_container(world):
    """A call that went out is answered whatever path and interface the rule names; unasked replies do not come in."""
    c = world.app((CALL_, 'com.example.A', '/only', 'x.y'))
    serial = c.send_call('Ask', dest='com.example.A', path='/only', iface='x.y')
    call = world.a.wait_call('Ask')
    world.a.reply(call, 's', 'fine')
    assert c.reply_to(serial) == ('fine',)
    world.a.reply(call, 's', 'again')
    world.plain.reply(call, 's', 'forged')
    assert replies_to(c, world.a, world.plain) == []


def test_two_at_once(world):
    """Pipelined calls each get their answer, in any order."""
    c = world.app(rule(CALL_, 'com.example.A'))
    serials = [c.send_call('N', 'u', n, dest='com.example.A') for n in range(20)]
    calls = [world.a.wait_call('N') for _ in serials]
    for call in reversed(calls):
        world.a.reply(call, 'u', call.body[0])
    assert [c.reply_to(s)[0] for s in serials] == list(range(20))


def test_the_answerer_leaves(bus):
    """Who waits for a container that goes hears so from the bus, once."""
    i, out = bus.container(), bus.connect()
    c = i.connect()
    serial, call = ask(out, c)
    i.stop()
    with pytest.raises(DBusError) as e:
        out.reply_to(serial)
    assert e.value.name == E + 'NoReply' and call.sender == out.name
    assert replies_to(out) == []
