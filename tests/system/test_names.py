# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names with queues, and the exact order of the signals: D-Bus Specification, "Message Bus Names"."""
import pytest

from wirebus import DRIVER, E, SIGNAL

ALLOW, REPLACE, NO_QUEUE = 1, 2, 4
OWNER, QUEUED, EXISTS, ALREADY = 1, 2, 3, 4
NAME = 'com.example.Name'


def queue(c, name=NAME):
    return c.call('ListQueuedOwners', 's', name)[0]


# flags of the owner, flags of the second -> its answer, then who is in the queue.
REQUESTS = [
    (0, 0, QUEUED, 'ab'), (0, NO_QUEUE, EXISTS, 'a'), (0, REPLACE, QUEUED, 'ab'), (0, REPLACE | NO_QUEUE, EXISTS, 'a'),
    (ALLOW, 0, QUEUED, 'ab'), (ALLOW, NO_QUEUE, EXISTS, 'a'), (ALLOW, REPLACE, OWNER, 'ba'),
    (ALLOW | NO_QUEUE, REPLACE, OWNER, 'b'), (ALLOW, REPLACE | NO_QUEUE, OWNER, 'ba'), (NO_QUEUE, REPLACE, QUEUED, 'ab'),
]


@pytest.mark.parametrize('first, second, answer, order', REQUESTS)
def test_request(bus, first, second, answer, order):
    a, b = bus.connect(), bus.connect()
    assert a.request_name(NAME, first) == OWNER
    assert b.request_name(NAME, second) == answer
    assert queue(a) == [{'a': a, 'b': b}[c].name for c in order]
    assert a.call('GetNameOwner', 's', NAME) == (queue(a)[0],)


def test_again(bus):
    a, b = bus.connect(), bus.connect()
    assert [a.request_name(NAME), a.request_name(NAME, ALLOW)] == [OWNER, ALREADY]
    assert b.request_name(NAME) == QUEUED and b.request_name(NAME) == QUEUED
    assert b.request_name(NAME, NO_QUEUE) == EXISTS
    assert queue(a) == [a.name]
    # The flags of the last request count.
    assert b.request_name(NAME, REPLACE) == OWNER
    a.request_name(NAME)
    assert queue(a) == [b.name, a.name]


def test_release(bus):
    a, b, c = bus.connect(), bus.connect(), bus.connect()
    assert a.release_name(NAME) == 2
    a.request_name(NAME)
    assert b.release_name(NAME) == 3
    b.request_name(NAME)
    c.request_name(NAME)
    assert b.release_name(NAME) == 1 and queue(a) == [a.name, c.name]
    assert a.release_name(NAME) == 1 and queue(a) == [c.name]
    assert c.release_name(NAME) == 1 and not a.has_owner(NAME)
    assert c.release_name(NAME) == 2


@pytest.mark.parametrize('how', ['unique', 'owned'])
def test_who_was_called_last_is_gone(bus, how):
    """The bus may remember whom somebody called last, and not beyond the end of that."""
    a, b, other = bus.connect(), bus.connect(), bus.connect()
    dest = b.name if how == 'unique' else NAME
    if how == 'owned':
        b.request_name(NAME)
    for _ in range(2):
        a.signal('Ping', path='/obj', iface='com.example.Iface', dest=dest)
        assert b.wait_signal('Ping').sender == a.name
    b.close()
    while a.has_owner(dest):
        pass
    assert a.error('Ping', dest=dest, path='/obj', iface='com.example.Iface', flags=2) in (E + 'NameHasNoOwner', E + 'ServiceUnknown')
    if how == 'owned':
        other.request_name(NAME)
        a.signal('Ping', path='/obj', iface='com.example.Iface', dest=dest)
        assert other.wait_signal('Ping').sender == a.name


def test_order_of_signals_on_first_request(bus):
    """NameOwnerChanged, NameAcquired, then the reply."""
    a = bus.connect()
    a.match("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'")
    a.sync()
    a.take()
    serial = a.send_call('RequestName', 'su', NAME, 0)
    got = [a.next() for _ in range(3)]
    assert [m.member for m in got[:2]] == ['NameOwnerChanged', 'NameAcquired']
    assert got[0].body == (NAME, '', a.name) and got[1].body == (NAME,)
    assert got[2].reply_serial == serial and got[2].body == (OWNER,)
    assert got[0].destination is None and got[1].destination == a.name
    assert all(m.sender == DRIVER and m.path == '/org/freedesktop/DBus' and m.interface == DRIVER and m.serial for m in got[:2])


def test_order_of_signals_on_replacement(bus):
    """NameLost to the old, NameOwnerChanged to all, NameAcquired to the new, then the reply."""
    a, b, w = bus.connect(), bus.connect(), bus.connect()
    for c in (a, b, w):
        c.match("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'" % NAME)
    a.request_name(NAME, ALLOW)
    for c in (a, b, w):
        c.sync()
        c.inbox.clear()
    serial = b.send_call('RequestName', 'su', NAME, REPLACE)
    got = [b.next() for _ in range(3)]
    assert [m.member for m in got] == ['NameOwnerChanged', 'NameAcquired', None] and got[2].reply_serial == serial
    a.sync()
    assert a.take_driver() == [('NameLost', NAME), ('NameOwnerChanged', NAME, a.name, b.name)]
    w.sync()
    assert w.take_driver() == [('NameOwnerChanged', NAME, a.name, b.name)]
    # The replaced owner waits in the queue and follows.
    b.release_name(NAME)
    a.sync()
    assert a.take_driver() == [('NameOwnerChanged', NAME, b.name, a.name), ('NameAcquired', NAME)]
    assert b.take_driver() == [('NameLost', NAME), ('NameOwnerChanged', NAME, b.name, a.name)]


def test_order_of_signals_on_disconnect(bus):
    a, b, w = bus.connect(), bus.connect(), bus.connect()
    w.match("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'")
    a.request_name(NAME)
    a.request_name('com.example.Second')
    b.request_name(NAME)
    w.sync()
    w.inbox.clear()
    b.sync()
    b.inbox.clear()
    gone = a.name
    a.close()
    got = {w.wait_signal('NameOwnerChanged').body for _ in range(3)}
    assert got == {(NAME, gone, b.name), ('com.example.Second', gone, ''), (gone, gone, '')}
    assert b.wait_signal('NameAcquired').body == (NAME,)
    assert not w.has_owner(gone)


def test_hello_order(bus):
    """The reply, then NameAcquired; others see NameOwnerChanged. Unique names are never used again."""
    w = bus.connect()
    w.match("type='signal',member='NameOwnerChanged'")
    w.sync()
    w.inbox.clear()
    c = bus.connect(hello=False)
    serial = c.send_call('Hello')
    first, second = c.next(), c.next()
    name = first.body[0]
    assert first.reply_serial == serial and (second.member, second.body) == ('NameAcquired', (name,))
    assert first.destination == name
    assert w.wait_signal('NameOwnerChanged').body == (name, '', name)
    c.close()
    assert w.wait_signal('NameOwnerChanged').body == (name, name, '')
    assert bus.connect().name not in (name, w.name)


def test_match_follows_the_owner(bus):
    """A rule that names a well-known sender means whoever owns it now."""
    a, b, w = bus.connect(), bus.connect(), bus.connect()
    w.match("type='signal',sender='%s'" % NAME)

    def heard():
        for c in (a, b):
            c.signal()
            c.sync()
        w.sync()
        return [m.sender for m in w.take(SIGNAL)]
    assert heard() == []
    a.request_name(NAME)
    b.request_name(NAME)
    assert heard() == [a.name]
    a.release_name(NAME)
    assert heard() == [b.name]


def test_invalid_names(bus):
    c = bus.connect()
    for name in ('', 'nodots', '.a.b', 'a..b', 'a.1b', 'a.b.', ':1.5', c.name, DRIVER, 'a.' + 'b' * 254, 'a b.c', 'ä.b'):
        assert c.error('RequestName', 'su', name, 0) == E + 'InvalidArgs', name
        assert c.error('ReleaseName', 's', name) == E + 'InvalidArgs', name
    for name in ('a.b-c', 'a._b', '-a.b', 'a.' + 'b' * 253):
        assert c.request_name(name) == OWNER, name


def test_list_names(bus):
    c = bus.connect()
    c.request_name(NAME)
    other = bus.connect()
    other.request_name(NAME)
    names = other.names()
    assert sorted(names) == sorted({DRIVER, NAME, c.name, other.name})
    assert c.has_owner(DRIVER) and c.has_owner(other.name) and not c.has_owner(':1.99999') and not c.has_owner('not valid')
    assert c.call('GetNameOwner', 's', DRIVER) == (DRIVER,)
    assert c.call('GetNameOwner', 's', c.name) == (c.name,)
    assert queue(c, DRIVER) == [DRIVER] and queue(c, c.name) == [c.name]


def test_message_to_a_name_reaches_its_owner(bus):
    a, b, c = bus.connect(), bus.connect(), bus.connect()
    a.request_name(NAME, ALLOW)
    c.send_call('First', dest=NAME)
    b.request_name(NAME, REPLACE)
    c.send_call('Second', dest=NAME)
    m = a.wait_call('First')
    assert m.destination == NAME
    assert b.wait_call('Second')
    a.sync()
    assert not a.take(1)


@pytest.mark.postern
def test_serials_do_not_tell_who_listens(bus):
    """A signal that nobody wants takes its number all the same."""
    c = bus.connect()

    def step():
        before = c.call('GetId', full=True).serial
        bus.connect().close()
        bus.connect().sync()
        return c.call('GetId', full=True).serial - before
    alone = step()
    c.call('AddMatch', 's', "member='NameOwnerChanged'")
    assert step() == alone
