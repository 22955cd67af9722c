# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small world around a container: services outside, a second container, and who reaches whom."""
import os

import pytest

from bus import OWN, rule
from helpers import pipe_reads
from wirebus import CALL, E, ERROR, RETURN, SIGNAL, Message

DENIED = E + 'AccessDenied'


class World:
    """Outside services and a second container, to be reached or not."""

    def __init__(self, bus):
        self.bus = bus
        self.a, self.ab, self.dot, self.plain = (bus.connect() for _ in range(4))
        self.a.request_name('com.example.A')
        self.dot.request_name('com.example.A.B')
        self.ab.request_name('com.example.AB')
        self.other = bus.container(rules=[rule(OWN, 'com.example.Other')], name='other').connect()
        self.other.request_name('com.example.Other')
        self.services = {'a': self.a, 'ab': self.ab, 'dot': self.dot, 'plain': self.plain, 'other': self.other}

    def app(self, *rules, **named):
        return self.bus.container(rules=rules, **named).connect()


@pytest.fixture
def world(bus):
    return World(bus)


def clear(*conns):
    for c in conns:
        c.sync()
        c.take()


def sends(c, to, dest=None, **kw):
    """Does a call of c reach `to`? When not, c must hear AccessDenied; the same is asked of a signal, of which c hears nothing."""
    results = []
    for kind in (CALL, SIGNAL):
        m = dict(destination=dest or to.name, path='/', interface='com.example.Iface', member='M')
        m.update(kw)
        if kind == SIGNAL and m['interface'] is None:
            continue
        serial = c.send(Message(kind, **m))
        c.sync()
        to.sync()
        got = [x for x in to.take(kind) if x.sender == c.name]
        errors = [x for x in c.take(ERROR) if x.reply_serial == serial]
        if kind == CALL:
            assert bool(got) != bool(errors) and all(x.error == DENIED for x in errors), (got, errors)
        else:
            assert not errors
        results.append(bool(got))
    assert len(set(results)) == 1, 'calls and signals are judged alike'
    return results[0]


def ask(caller, c, member='Ask', **kw):
    serial = caller.send_call(member, dest=c.name, **kw)
    return serial, c.wait_call(member)


def replies_to(caller, *conns):
    for c in conns:
        c.sync()
    caller.sync()
    return [(m.type, m.body, m.sender) for m in caller.take(RETURN, ERROR)]


@pytest.fixture
def pipe():
    r, w = os.pipe()
    yield r, w
    os.close(r)
    os.close(w)


def fd_gets_through(sender, receiver, pipe, dest=None, kind=CALL, **kw):
    m = dict(destination=dest or receiver.name, path='/', interface='x.y', member='Fd', signature='h', body=(0,), fds=[pipe[0]])
    m.update(kw)
    serial = sender.send(Message(kind, **m))
    sender.sync()
    receiver.sync()
    got = [x for x in receiver.take(kind) if x.sender == sender.name]
    errors = [x.error for x in sender.take(ERROR) if x.reply_serial == serial]
    if got:
        assert len(got) == 1 and pipe_reads(got[0].fds[0], pipe[1]) and not errors
        os.close(got[0].fds[0])
    elif kind == CALL:
        assert errors == [DENIED]
    return bool(got)
