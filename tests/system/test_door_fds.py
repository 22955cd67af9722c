# SPDX-License-Identifier: LGPL-2.1-or-later
"""Descriptors at the container's door: out, in, in replies and broadcasts."""
import os

import pytest

from bus import CALL_, HEAR, RECEIVE_FDS, SEE, SEND_FDS, TALK, rule, wait_for
from helpers import pipe_reads
from wirebus import CALL, DRIVER, ERROR, NO_REPLY, RETURN, SIGNAL
from world import DENIED, ask, fd_gets_through, pipe, replies_to, sends, world  # noqa: F401,F811

pytestmark = pytest.mark.postern


@pytest.mark.parametrize('kind', [CALL, SIGNAL])
@pytest.mark.parametrize('rules, out, inwards', [
    ([], False, False), ([rule(TALK, 'com.example.A')], False, False), ([rule(CALL_ | SEND_FDS, 'com.example.A')], True, False),
    ([rule(SEE | RECEIVE_FDS, 'com.example.A')], False, True), ([rule(CALL_ | SEND_FDS | RECEIVE_FDS, 'com.example.A')], True, True),
    ([(CALL_ | SEND_FDS | RECEIVE_FDS, 'com.example.A', '/other', '')], False, False),
    ([(CALL_ | SEND_FDS | RECEIVE_FDS, 'com.example.A', '/', 'x.y')], True, True),
    ([rule(CALL_, 'com.example.A'), (CALL_ | SEND_FDS, 'com.example.A', '/', 'x.z')], False, False),
])
def test_fds(world, pipe, kind, rules, out, inwards):
    c = world.app(*rules)
    assert fd_gets_through(c, world.a, pipe, kind=kind) == out
    assert fd_gets_through(world.a, c, pipe, kind=kind) == inwards
    assert not fd_gets_through(c, world.plain, pipe, kind=kind) and not fd_gets_through(world.plain, c, pipe, kind=kind)


def test_fds_within_the_instance(bus, pipe):
    i = bus.container()
    a, b = i.connect(), i.connect()
    assert not fd_gets_through(a, b, pipe)
    assert sends(a, b)
    assert fd_gets_through(bus.connect(), bus.connect(), pipe)


def test_fds_to_the_driver(bus, pipe):
    c, out = bus.container().connect(), bus.connect()
    assert c.error('GetId', fds=[pipe[0]]) == DENIED
    assert c.call('GetId') and out.call('GetId', fds=[pipe[0]])


@pytest.mark.parametrize('rules, allowed', [([rule(CALL_, 'com.example.A')], False), ([rule(CALL_ | RECEIVE_FDS, 'com.example.A')], True),
                                            ([(CALL_ | RECEIVE_FDS, 'com.example.A', '/only', 'x.y')], True),
                                            ([rule(CALL_ | SEND_FDS, 'com.example.A')], False)])
def test_fds_in_a_reply_to_the_container(world, pipe, rules, allowed):
    """Refused for its descriptors: the caller hears so at once; replies are not bound by path and interface."""
    c = world.app(*rules)
    serial = c.send_call('Give', dest='com.example.A', path='/only', iface='x.y')
    world.a.reply(world.a.wait_call('Give'), 'h', 0, fds=[pipe[0]])
    m = c.wait(lambda m: m.reply_serial == serial)
    if allowed:
        assert m.type == RETURN and pipe_reads(m.fds[0], pipe[1])
    else:
        assert (m.type, m.error) == (ERROR, DENIED)
    assert world.a.is_alive() and not world.a.take(ERROR)


@pytest.mark.parametrize('rules, allowed', [([], False), ([rule(CALL_, 'com.example.A')], False), ([rule(CALL_ | SEND_FDS, 'com.example.A')], True),
                                            ([rule(SEE | RECEIVE_FDS, 'com.example.A')], False),
                                            ([(CALL_ | SEND_FDS, 'com.example.A', '/other', 'x.z')], True)])
def test_fds_in_a_reply_of_the_container(world, pipe, rules, allowed):
    c = world.app(*rules)
    serial, call = ask(world.a, c)
    c.reply(call, 'h', 0, fds=[pipe[0]])
    m = world.a.wait(lambda m: m.reply_serial == serial)
    if allowed:
        assert m.type == RETURN and pipe_reads(m.fds[0], pipe[1])
    else:
        assert (m.type, m.error) == (ERROR, DENIED)
        # It was the one reply: nothing may follow it.
        c.reply(call, 's', 'then without')
        assert replies_to(world.a, c) == []


def test_fds_in_broadcasts(world, pipe):
    hearing = world.app(rule(HEAR, 'com.example.A'))
    taking = world.app(rule(HEAR | RECEIVE_FDS, 'com.example.A'))
    c = world.app(rule(CALL_ | SEND_FDS, ''))
    for x in (hearing, taking, world.plain):
        x.match("type='signal',member='Fd'")
        x.sync()
    world.a.signal('Fd', 'h', 0, fds=[pipe[0]])
    world.a.sync()
    got = taking.wait_signal('Fd')
    assert pipe_reads(got.fds[0], pipe[1])
    os.close(got.fds[0])
    hearing.sync()
    assert not hearing.take(SIGNAL)
    world.plain.sync()
    for m in world.plain.take(SIGNAL):
        os.close(m.fds[0])
    c.signal('Fd', 'h', 0, fds=[pipe[0]])
    c.sync()
    world.plain.sync()
    assert not world.plain.take(SIGNAL)
    world.a.signal('Fd')
    assert hearing.wait_signal('Fd')


def test_no_fds_leak(world, pipe):
    """Refused descriptors are closed."""
    c = world.app(rule(CALL_, 'com.example.A'))
    before = world.bus.settled_fds()
    for _ in range(300):
        c.send_call('Fd', 'h', 0, dest='com.example.A', fds=[pipe[0]] * 8, flags=NO_REPLY)
        c.send_call('Fd', 'h', 0, dest=DRIVER, fds=[pipe[0]] * 8, flags=NO_REPLY)
    c.sync()
    assert wait_for(lambda: world.bus.n_fds() <= before)
