# SPDX-License-Identifier: LGPL-2.1-or-later
"""Header field 10: the sender's container instance, written by the bus alone."""
import pytest

from bus import CALL_, OWN, rule
from wirebus import CALL, CONTAINERS, NO_REPLY, SIGNAL, Message

pytestmark = pytest.mark.postern


def seen_by(w, c, kind=CALL, dest=None, **kw):
    """The field 10 of a message from c as w sees it."""
    m = dict(destination=dest or w.name, path='/', interface='x.y', member='M', flags=NO_REPLY)
    m.update(kw)
    c.send(Message(kind, **m))
    got = w.wait(lambda x: x.sender == c.name and x.type == kind)
    assert got.fields_seen.count(10) <= 1
    return got.instance


@pytest.mark.parametrize('order', 'lB')
def test_set_on_every_message(bus, order):
    i = bus.container(rules=[rule(CALL_, '')])
    c, w, plain = i.connect(order=order), bus.connect(), bus.connect()
    w.match("member='M'")
    assert seen_by(w, c) == i.path
    assert seen_by(w, c, SIGNAL) == i.path
    c.signal('M')
    assert w.wait_signal('M').instance == i.path
    serial = w.send_call('Ask', dest=c.name)
    c.reply(c.wait_call('Ask'))
    assert w.reply_to(serial, full=True).instance == i.path
    # Nothing of the kind on what others send, unless it is asked for.
    assert seen_by(w, plain) is None
    assert w.call('GetId', full=True).instance is None


@pytest.mark.parametrize('order', 'lB')
def test_own_field_is_dropped(bus, order):
    """Whatever the sender put there."""
    i = bus.container(rules=[rule(CALL_, '')])
    c, w, plain = i.connect(order=order), bus.connect(), bus.connect(order=order)
    for forged in ('/', '/org/freedesktop/DBus/Containers1/c99999', i.path, '/a' * 100):
        assert seen_by(w, c, instance=forged) == i.path
        assert seen_by(w, plain, instance=forged) is None
    w.call('RequestHeader', iface=CONTAINERS)
    for forged in ('/org/freedesktop/DBus/Containers1/c99999', i.path):
        assert seen_by(w, plain, instance=forged) == '/'


def test_request_header(bus):
    i = bus.container(rules=[rule(CALL_, '')])
    c, w, plain, other = i.connect(), bus.connect(), bus.connect(), bus.connect()
    assert w.call('RequestHeader', iface=CONTAINERS) == ()
    w.call('RequestHeader', iface=CONTAINERS)
    assert seen_by(w, plain) == '/' and seen_by(w, c) == i.path
    assert seen_by(other, plain) is None
    w.match("member='M'")
    plain.signal('M')
    assert w.wait_signal('M').instance == '/'
    # The driver's own messages carry none.
    assert w.call('GetId', full=True).instance is None
    plain.request_name('com.example.X')
    w.match("member='NameOwnerChanged'")
    plain.release_name('com.example.X')
    assert w.wait_signal('NameOwnerChanged').instance is None


def test_only_on_request(new_bus):
    new_bus.start(mediator='<mediator><containers instance-header="requested"/></mediator>')
    i = new_bus.container(rules=[rule(CALL_, '')])
    c, w, asked = i.connect(), new_bus.connect(), new_bus.connect()
    asked.call('RequestHeader', iface=CONTAINERS)
    assert seen_by(w, c) is None and seen_by(asked, c) == i.path
    assert seen_by(w, c, instance='/forged') is None
    assert seen_by(asked, new_bus.connect()) == '/'


def test_on_request_between_containers(new_bus):
    """Of the containers of others a container learns nothing, also when it asks."""
    new_bus.start(mediator='<mediator><containers instance-header="requested"/></mediator>')
    a = new_bus.container(rules=[rule(OWN, 'com.example.In')])
    b = new_bus.container(rules=[rule(CALL_, 'com.example.In')])
    owner, caller = a.connect(), b.connect()
    owner.request_name('com.example.In')
    owner.call('RequestHeader', iface=CONTAINERS)
    assert seen_by(owner, caller, dest='com.example.In') is None
    assert seen_by(owner, a.connect(), dest='com.example.In') == a.path


def test_between_containers(bus):
    """A contained receiver is told too."""
    a = bus.container(rules=[rule(OWN, 'com.example.In')])
    b = bus.container(rules=[rule(CALL_, 'com.example.In')])
    owner, caller = a.connect(), b.connect()
    owner.request_name('com.example.In')
    assert seen_by(owner, caller, dest='com.example.In') == b.path
    owner.call('RequestHeader', iface=CONTAINERS)
    out = bus.connect()
    assert seen_by(owner, out) == '/'
    assert seen_by(a.connect(), owner) == a.path


def test_one_broadcast_many_receivers(bus):
    """Receivers that asked and those that did not, of one message."""
    i, plain = bus.container(), bus.connect()
    c, receivers = i.connect(), [bus.connect() for _ in range(6)]
    for n, w in enumerate(receivers):
        w.match("member='Wide'")
        if n % 2:
            w.call('RequestHeader', iface=CONTAINERS)
    for sender, expected in ((plain, [None, '/']), (c, [i.path, i.path])):
        sender.signal('Wide', 's', 'body')
        for n, w in enumerate(receivers):
            m = w.wait_signal('Wide')
            assert (m.instance, m.body, m.sender) == (expected[n % 2], ('body',), sender.name)


@pytest.mark.parametrize('mode', ['complain', 'identify'])
def test_in_every_mode(bus, mode):
    i = bus.container(rules=None, Mode=('s', mode))
    assert seen_by(bus.connect(), i.connect()) == i.path
