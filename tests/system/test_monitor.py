# SPDX-License-Identifier: LGPL-2.1-or-later
"""Monitors: becoming one, what is shown and in which order, what it may not do, and that nobody but itself pays for one that does not
read."""
import contextlib
import os
import pwd
import resource
import signal
import socket
import threading
import time

import pytest

from bus import OPEN_POLICY, SEE, STOCK, rule, wait_for
from helpers import as_other_user, is_root, pipe_reads
from watch import MONITORING, NOT_ACTIVE, Watch, become_monitor
from wirebus import CALL, DRIVER, E, ERROR, NO_AUTO_START, NO_REPLY, RETURN, SIGNAL, Conn, DBusError, Message

ONE, TWO = 'com.example.One', 'com.example.Two'
DENIED = E + 'AccessDenied'


def name_signals(conn):
    """The driver's signals about names that a connection has got, in order."""
    conn.sync()
    return [m for m in conn.take_driver() if m[0].startswith('Name')]


# ---- becoming one

def test_becoming(bus):
    """The reply first, then the loss of every name; the others see it leave; an earlier monitor sees both."""
    first, other, m = Watch(bus), bus.connect(), bus.connect()
    other.match("type='signal',sender='%s'" % DRIVER)
    m.request_name(ONE)
    m.request_name(TWO)
    first.know(m=m.name, other=other).all()
    name_signals(other)
    m.take_driver()
    serial = m.send_call('BecomeMonitor', 'asu', [], 0, iface=MONITORING)
    reply = m.next()
    assert (reply.type, reply.reply_serial, reply.body) == (RETURN, serial, ())
    m.wait(lambda x: x.member == 'NameLost' and x.body == (TWO,))
    assert [(x.member, x.body, x.destination) for x in m.inbox if STOCK is False or x.member == 'NameLost'] == [
        ('NameLost', (m.name,), m.name), ('NameLost', (ONE,), m.name)]
    assert name_signals(other) == [('NameOwnerChanged', n, m.name, '') for n in (m.name, ONE, TWO)]
    assert first.seen() == [
        ('call', 'm', 'bus', 'BecomeMonitor'), ('return', 'bus', 'm', serial),
        ('signal', 'bus', 'm', 'NameLost', 'm'), ('signal', 'bus', None, 'NameOwnerChanged', 'm', 'm', ''),
        ('signal', 'bus', 'm', 'NameLost', ONE), ('signal', 'bus', None, 'NameOwnerChanged', ONE, 'm', ''),
        ('signal', 'bus', 'm', 'NameLost', TWO), ('signal', 'bus', None, 'NameOwnerChanged', TWO, 'm', '')]


def test_a_monitor_is_not_on_the_bus(bus):
    c, m, waiting = bus.connect(), bus.connect(), bus.connect()
    m.request_name(ONE)
    waiting.request_name(ONE)
    m.match("type='signal'")
    m.sync()
    become_monitor(m)
    assert m.name not in c.names() and not c.has_owner(m.name)
    assert c.error('GetNameOwner', 's', m.name) == E + 'NameHasNoOwner'
    assert c.error('GetConnectionUnixUser', 's', m.name) == E + 'NameHasNoOwner'
    assert c.call('GetNameOwner', 's', ONE) == (waiting.name,), 'who waited for a name of the monitor has it'
    with pytest.raises(DBusError):
        c.call('Foo', dest=m.name, path='/', iface='com.example.I')
    # One copy of each broadcast: as a monitor, not by the match rule that it had.
    m.inbox = []
    c.signal('Once')
    c.sync()
    m.wait_signal('Once')
    c.signal('Last')
    m.wait_signal('Last')
    assert not [x for x in m.inbox if x.member == 'Once']


def test_calls_that_wait_for_who_becomes_a_monitor(bus):
    """Its callers are told that no reply will come; replies to its own calls go nowhere."""
    c, m, s = bus.connect(), bus.connect(), bus.connect()
    serial = c.send_call('Foo', dest=m.name)
    m.wait_call('Foo')
    m.send_call('Bar', dest=s.name)
    call = s.wait_call('Bar')
    become_monitor(m)
    with pytest.raises(DBusError) as e:
        c.reply_to(serial)
    assert e.value.name == E + 'NoReply'
    s.reply(call)
    s.sync()
    assert bus.is_running() and [x.reply_serial for x in [m.wait(lambda x: x.type == RETURN and x.sender == s.name)]] == [call.serial]


@pytest.mark.parametrize('rules, flags, error', [
    ([], 1, 'InvalidArgs'), ([], 0x80000000, 'InvalidArgs'), (["type='signal'"], 1, 'InvalidArgs'),
    (['nonsense'], 0, 'MatchRuleInvalid'), (["type='signal'", "type='x'"], 0, 'MatchRuleInvalid'),
    (["type='signal'", "foo='x'", "type='signal'"], 0, 'MatchRuleInvalid'), (['nonsense'], 1, 'InvalidArgs')])
def test_refused_it_stays_a_normal_client(bus, rules, flags, error):
    c, o = bus.connect(), bus.connect()
    c.request_name(ONE)
    c.match("type='signal',member='Wanted'")
    assert c.error('BecomeMonitor', 'asu', rules, flags, iface=MONITORING) == E + error
    assert o.call('GetNameOwner', 's', ONE) == (c.name,)
    o.signal('Wanted')
    o.signal('Other')
    o.sync()
    assert [m.member for m in (c.wait_signal('Wanted'),)] == ['Wanted']
    c.sync()
    assert not [m for m in c.take() if m.member == 'Other' or m.type == CALL]
    assert c.release_name(ONE) == 1


@pytest.mark.parametrize('sig, args', [('', ()), ('as', ([],)), ('asi', ([], 0)), ('asuu', ([], 0, 0)), ('su', ('', 0)), ('aou', ([], 0))])
def test_wrong_arguments(bus, sig, args):
    assert bus.connect().error('BecomeMonitor', sig, *args, iface=MONITORING) == E + 'InvalidArgs'


@pytest.mark.postern
def test_a_monitor_has_no_more_rules_than_others(new_bus):
    new_bus.start('<limit name="max_match_rules_per_connection">3</limit>')
    c = new_bus.connect()
    assert c.error('BecomeMonitor', 'asu', ["type='signal'"] * 4, 0, iface=MONITORING) == E + 'LimitsExceeded'
    become_monitor(c, ["type='signal'"] * 3)


def test_without_reply(bus):
    """NO_REPLY_EXPECTED is honoured; the rest is the same."""
    m = bus.connect()
    m.sync()
    m.inbox = []
    m.send_call('BecomeMonitor', 'asu', [], 0, iface=MONITORING, flags=NO_REPLY)
    assert m.next().member == 'NameLost'
    c = bus.connect()
    c.signal('Seen')
    m.wait_signal('Seen')


@pytest.mark.postern
@pytest.mark.parametrize('mode', ['restrict', 'complain', 'identify'])
def test_containers_may_not(bus, mode):
    c = bus.container(rules=None, Mode=('s', mode)).connect()
    assert c.error('BecomeMonitor', 'asu', [], 0, iface=MONITORING) == DENIED
    assert c.error('BecomeMonitor', 'asu', ['nonsense'], 7, iface=MONITORING) == DENIED
    assert c.error('BecomeMonitor', 'asu', [], 0, iface=None) == DENIED
    assert c.is_alive()


@pytest.mark.skipif(not is_root(), reason='needs to be another user')
def test_other_users_may_not(new_bus):
    new_bus.start(policy='<allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>')

    def ask(address):
        with Conn(address) as c:
            return c.error('BecomeMonitor', 'asu', [], 0, iface=MONITORING), c.is_alive()

    assert as_other_user(ask, new_bus.address) == (DENIED, True)


def test_policy_may_forbid_it(new_bus):
    new_bus.start(policy='<allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/><deny send_interface="%s"/>' % MONITORING)
    assert new_bus.connect().error('BecomeMonitor', 'asu', [], 0, iface=MONITORING) == DENIED


# ---- what is shown, and when

def test_hello(bus):
    """The call bears the name that it brings."""
    w = Watch(bus)
    c = bus.connect()
    assert w.know(c=c).seen() == [
        ('call', 'c', 'bus', 'Hello'), ('return', 'bus', 'c', 1),
        ('signal', 'bus', None, 'NameOwnerChanged', 'c', '', 'c'), ('signal', 'bus', 'c', 'NameAcquired', 'c')]


def test_before_hello(bus):
    w = Watch(bus)
    c = bus.connect(hello=False)
    a = c.send_call('ListNames')
    c.wait(lambda m: m.type == ERROR)
    assert w.seen() == [('call', NOT_ACTIVE, 'bus', 'ListNames'), ('error', 'bus', NOT_ACTIVE, 'AccessDenied', a)]
    c.send_call('Foo', dest=ONE, path='/', iface='com.example.I')
    assert c.is_closed()
    assert w.seen() == [('call', NOT_ACTIVE, ONE, 'Foo')]


def test_names(bus):
    w, a, b = Watch(bus), bus.connect(), bus.connect()
    w.know(a=a, b=b).all()
    a.request_name(ONE, 1)
    serial = a.serial
    assert w.seen() == [
        ('call', 'a', 'bus', 'RequestName'), ('signal', 'bus', None, 'NameOwnerChanged', ONE, '', 'a'),
        ('signal', 'bus', 'a', 'NameAcquired', ONE), ('return', 'bus', 'a', serial)]
    b.request_name(ONE, 3)
    serial = b.serial
    assert w.seen() == [
        ('call', 'b', 'bus', 'RequestName'), ('signal', 'bus', 'a', 'NameLost', ONE),
        ('signal', 'bus', None, 'NameOwnerChanged', ONE, 'a', 'b'), ('signal', 'bus', 'b', 'NameAcquired', ONE),
        ('return', 'bus', 'b', serial)]
    b.release_name(ONE)
    serial = b.serial
    assert w.seen() == [
        ('call', 'b', 'bus', 'ReleaseName'), ('signal', 'bus', 'b', 'NameLost', ONE),
        ('signal', 'bus', None, 'NameOwnerChanged', ONE, 'b', 'a'), ('signal', 'bus', 'a', 'NameAcquired', ONE),
        ('return', 'bus', 'b', serial)]
    b.request_name(ONE)
    serial = b.serial
    assert w.seen() == [('call', 'b', 'bus', 'RequestName'), ('return', 'bus', 'b', serial)]


def test_leaving(bus):
    """Of each name: the loss, though nobody is there to be told, then the news; then who waited for a reply."""
    w, a, b = Watch(bus), bus.connect(), bus.connect()
    a.request_name(ONE)
    serial = b.send_call('Foo', dest=ONE)
    a.wait_call()
    w.know(a=a, b=b).all()
    a.close()
    b.wait(lambda m: m.type == ERROR)
    assert w.seen() == [
        ('signal', 'bus', 'a', 'NameLost', ONE), ('signal', 'bus', None, 'NameOwnerChanged', ONE, 'a', ''),
        ('signal', 'bus', 'a', 'NameLost', 'a'), ('signal', 'bus', None, 'NameOwnerChanged', 'a', 'a', ''),
        ('error', 'bus', 'b', 'NoReply', serial)]


def test_between_clients(bus):
    """A message once, however many get it, and what the bus answers after it."""
    w, a, b, c = Watch(bus), bus.connect(), bus.connect(), bus.connect()
    for x in (a, b, c):
        x.match("type='signal'")
    a.request_name(ONE)
    w.know(a=a, b=b, c=c).all()
    call = b.send_call('Foo', dest=ONE)
    a.reply(a.wait_call())
    b.reply_to(call)
    assert w.seen() == [('call', 'b', ONE, 'Foo'), ('return', 'a', 'b', call)]
    call = b.send_call('Foo', dest=a.name)
    a.reply_error(a.wait_call())
    assert w.seen() == [('call', 'b', 'a', 'Foo'), ('error', 'a', 'b', 'com.example.Error', call)]
    b.signal('Broadcast')
    b.signal('Unicast', dest=ONE)
    assert w.seen() == [('signal', 'b', None, 'Broadcast'), ('signal', 'b', ONE, 'Unicast')]
    nobody = b.send_call('Foo', dest='com.example.Nobody')
    assert w.seen() == [('call', 'b', 'com.example.Nobody', 'Foo'), ('error', 'bus', 'b', 'ServiceUnknown', nobody)]
    unknown = b.send_call('NoSuchMethod')
    assert w.seen() == [('call', 'b', 'bus', 'NoSuchMethod'), ('error', 'bus', 'b', 'UnknownMethod', unknown)]
    b.signal('ToTheBus', dest=DRIVER)
    b.send(Message(RETURN, destination=DRIVER, reply_serial=77))
    b.send(Message(7, destination=a.name, path='/', interface='com.example.I', member='Strange'))
    assert w.seen()[:3] == [('signal', 'b', 'bus', 'ToTheBus'), ('return', 'b', 'bus', 77), (7, 'b', 'a')]
    b.send(Message(RETURN, destination=a.name, reply_serial=4711))
    assert ('return', 'b', 'a', 4711) in w.seen()


@pytest.mark.postern
def test_without_destination(bus):
    w, a = Watch(bus), bus.connect()
    w.know(a=a).all()
    ping = a.send(Message(CALL, path='/', interface='org.freedesktop.DBus.Peer', member='Ping'))
    other = a.send(Message(CALL, path='/', interface='com.example.I', member='Other'))
    a.send(Message(RETURN, reply_serial=5))
    assert w.seen() == [('call', 'a', None, 'Ping'), ('return', 'bus', 'a', ping), ('call', 'a', None, 'Other'),
                        ('error', 'bus', 'a', 'UnknownMethod', other), ('return', 'a', None, 5)]


@pytest.mark.parametrize('order', 'lB')
def test_content(bus, order):
    """The message as its receiver gets it: the sender is the bus's word, unknown fields are gone, the body is untouched."""
    w, a, b = Watch(bus), bus.connect(order=order), bus.connect()
    w.know(a=a).all()
    serial = a.send(Message(CALL, flags=NO_AUTO_START, destination=b.name, path='/obj', interface='com.example.I', member='M', sender=':1.99999',
                   signature='sa{sv}', body=('text', {'k': ('u', 7)}), extra=[(10, 'o', '/fake'), (99, 's', 'x')]))
    m, got = [x for x in w.all() if x.member == 'M'][0], b.wait_call('M')
    for x in (m, got):
        assert x.sender == a.name and x.order == order and x.flags == NO_AUTO_START and x.serial == serial
        assert x.body == ('text', {'k': ('u', 7)}) and x.instance is None and not x.extra
    assert sorted(m.fields_seen) == sorted(got.fields_seen)


@pytest.mark.postern
def test_instance_header(bus):
    """Field 10 tells monitors too who is in a container, also before Hello."""
    w = Watch(bus)
    i = bus.container(rules=[])
    w.all()
    c = i.connect()
    c.signal('FromInside')
    c.sync()
    assert [m.instance for m in w.all() if m.sender == c.name] == [i.path] * 3
    d = i.connect(hello=False)
    d.send_call('Nonsense')
    d.wait(lambda m: m.type == ERROR)
    assert [m.instance for m in w.all() if m.sender == NOT_ACTIVE] == [i.path]


@pytest.mark.postern
def test_requested_header(new_bus):
    new_bus.start(mediator='<mediator><containers instance-header="requested"/></mediator>')
    asks, not_asks = new_bus.connect(), new_bus.connect()
    asks.call('RequestHeader', iface='org.freedesktop.DBus.Containers1')
    become_monitor(asks)
    become_monitor(not_asks)
    i = new_bus.container(rules=[])
    c = i.connect()
    new_bus.connect().signal('Outside')
    c.signal('Inside')
    for m, inside, outside in ((asks, i.path, '/'), (not_asks, None, None)):
        assert (m.wait_signal('Inside').instance, m.wait_signal('Outside').instance) == (inside, outside)


@pytest.mark.postern
def test_one_name_change_is_shown_once(bus):
    """Containers may get a version of their own of NameOwnerChanged, monitors only the whole one."""
    a, b = bus.connect(), bus.connect()
    a.request_name(ONE, 1)
    app = bus.container(rules=[rule(SEE, 'com.example.A')]).connect()
    app.match("type='signal'")
    a.request_name('com.example.A')
    w = Watch(bus).know(a=a, b=b)
    b.request_name(ONE, 3)
    assert [x for x in w.seen() if 'NameOwnerChanged' in x] == [('signal', 'bus', None, 'NameOwnerChanged', ONE, 'a', 'b')]


def test_two_monitors_see_the_same(bus):
    v, w, c = Watch(bus), Watch(bus), bus.connect()
    v.all()
    w.all()
    c.request_name(ONE)
    c.signal('S')
    c.sync()
    v, w = ([(m.type, m.serial, m.sender, m.body) for m in x.all() if c.name in (m.sender, m.destination)] for x in (v, w))
    assert v == w and len(v) >= 4


# ---- rules

RULES = {
    '': 'call_one call_a sig_uni sig_all ret',
    "type='signal'": 'sig_uni sig_all', "type='method_call'": 'call_one call_a', "type='method_return'": 'ret',
    "member='call_one'": 'call_one', "interface='com.example.I'": 'call_one call_a sig_uni sig_all', "path='/p'": 'call_one call_a sig_uni sig_all',
    "sender='{b}'": 'call_one call_a sig_uni sig_all', "sender='{a}'": 'ret', "sender='com.example.One'": 'ret',
    "destination='com.example.One'": 'call_one call_a sig_uni', "destination='{a}'": 'call_one call_a sig_uni', "destination='{b}'": 'ret',
    "destination='com.example.Two'": '', "sender='com.example.Two'": '', "arg0='x'": 'call_one', "arg0='y'": 'sig_all',
    "eavesdrop='true',type='signal'": 'sig_uni sig_all', "eavesdrop='false',type='signal'": 'sig_uni sig_all',
}


@pytest.mark.parametrize('text', RULES)
def test_rules(bus, text):
    a, b = bus.connect(), bus.connect()
    a.request_name(ONE)
    w = Watch(bus, *filter(None, [text.format(a=a.name, b=b.name)])).know(a=a, b=b)
    w.all()
    m = dict(path='/p', iface='com.example.I')
    b.send_call('call_one', 's', 'x', dest=ONE, **m)
    b.send_call('call_a', 's', 'z', dest=a.name, **m)
    b.signal('sig_uni', dest=a.name, **m)
    b.signal('sig_all', 's', 'y', **m)
    a.reply(a.wait_call('call_a'))
    seen = [x.member or 'ret' for x in w.all() if x.sender in (a.name, b.name) and x.destination != DRIVER]
    assert seen == RULES[text].split()


def test_several_rules_show_a_message_once(bus):
    w = Watch(bus, "type='signal'", "type='signal'", "member='S'", "interface='com.example.I'")
    c = bus.connect()
    w.know(c=c)
    c.signal('S', iface='com.example.I')
    assert [m.member for m in w.all() if m.member == 'S'] == ['S']


def test_to_names_that_nobody_owns(bus):
    """A message that goes nowhere is matched by the destination that it names."""
    w = Watch(bus, "destination='com.example.Nobody'")
    c = bus.connect()
    w.know(c=c).all()
    c.send_call('Foo', dest='com.example.Nobody')
    assert [m.member for m in w.all() if m.type == CALL] == ['Foo']


def test_the_bus_as_destination_and_sender(bus):
    v, w = Watch(bus, "destination='%s'" % DRIVER), Watch(bus, "sender='%s',type='method_return'" % DRIVER)
    v.all()
    w.all()
    c = bus.connect()
    v.know(c=c.name)
    w.know(c=c.name)
    c.names()
    assert v.seen() == [('call', 'c', 'bus', 'Hello'), ('call', 'c', 'bus', 'ListNames')]
    assert w.seen() == [('return', 'bus', 'c', 1), ('return', 'bus', 'c', 2)]


# ---- what it may not do

@pytest.mark.parametrize('what', ['call', 'signal', 'reply', pytest.param('peer', marks=pytest.mark.postern), 'again', 'garbage', 'pipelined', 'to-itself'])
def test_a_monitor_that_sends_is_disconnected(bus, what):
    m, c = bus.connect(), bus.connect()
    c.match("type='signal'")
    if what == 'pipelined':
        call = Message(CALL, destination=DRIVER, path='/org/freedesktop/DBus', interface=MONITORING, member='BecomeMonitor', signature='asu',
                       body=([], 0), serial=50)
        signal = Message(SIGNAL, path='/', interface='com.example.I', member='Sent', serial=51)
        m.send_bytes(call.pack() + signal.pack())
    else:
        become_monitor(m)
    if what == 'call':
        m.send_call('Foo', dest=c.name)
    elif what == 'signal':
        m.signal('Sent')
    elif what == 'reply':
        m.send(Message(RETURN, destination=c.name, reply_serial=1))
    elif what == 'peer':
        m.send(Message(CALL, path='/', interface='org.freedesktop.DBus.Peer', member='Ping'))
    elif what == 'again':
        m.send_call('BecomeMonitor', 'asu', [], 0, iface=MONITORING)
    elif what == 'garbage':
        m.send_bytes(b'x' * 64)
    elif what == 'to-itself':
        m.send_call('Foo', dest=m.name)
    assert m.is_closed()
    c.sync()
    assert not [x for x in c.take() if x.member in ('Sent', 'Foo')], 'nothing that it sent arrives'
    assert not [x for x in m.inbox if x.type == ERROR]


def test_its_end_is_silent(bus):
    """It left the bus before: nobody hears anything when it disconnects."""
    c, m = bus.connect(), bus.connect()
    c.match("type='signal'")
    become_monitor(m)
    name_signals(c)
    n = bus.n_fds()
    m.close()
    assert wait_for(lambda: bus.n_fds() < n)
    assert name_signals(c) == []


# ---- descriptors

def test_descriptors(bus):
    """A monitor that can take descriptors gets its own copies; one that cannot is not shown those messages, but all others."""
    can, cannot, a, b = Watch(bus), Watch(bus, fds=False), bus.connect(), bus.connect()
    can.know(b=b)
    r, w = os.pipe()
    b.send_call('TakeFd', 'h', 0, dest=a.name, fds=[r])
    b.send_call('After', dest=a.name)
    os.close(r)
    b.sync()
    got = a.wait_call('TakeFd')
    shown = [m for m in can.all() if m.member in ('TakeFd', 'After')]
    assert [(m.member, len(m.fds)) for m in shown] == [('TakeFd', 1), ('After', 0)]
    assert pipe_reads(got.fds[0], w, b'one') and pipe_reads(shown[0].fds[0], w, b'two')
    for fd in (w, got.fds[0], shown[0].fds[0]):
        os.close(fd)
    assert [m.member for m in cannot.all() if m.member in ('TakeFd', 'After')] == ['After']


@pytest.mark.postern
def test_descriptors_of_the_bus(bus):
    """A process as a descriptor goes with the answer, in every copy of it."""
    w, plain, c = Watch(bus), Watch(bus, fds=False), bus.connect()
    answer = c.call('GetConnectionCredentials', 's', c.name, full=True)
    shown = [m for m in w.all() if m.reply_serial == answer.reply_serial and m.destination == c.name]
    assert [len(m.fds) for m in shown] == [len(answer.fds)]
    assert any(m.member == 'GetConnectionCredentials' for m in plain.all())
    for fd in answer.fds + shown[0].fds:
        os.close(fd)


@contextlib.contextmanager
def one_round(bus):
    """All that is sent within is there before the bus looks."""
    bus.process.send_signal(signal.SIGSTOP)
    yield
    bus.process.send_signal(signal.SIGCONT)


@pytest.mark.postern
def test_more_descriptors_than_a_queue_holds(new_bus):
    """One round may bring more than max_outgoing_unix_fds; a monitor that reads sees them all, and keeps its connection."""
    new_bus.start('<limit name="max_outgoing_unix_fds">4</limit>')
    w = Watch(new_bus)
    senders, receivers = [new_bus.connect() for _ in range(12)], [new_bus.connect() for _ in range(12)]
    r, wr = os.pipe()
    with one_round(new_bus):
        for s, x in zip(senders, receivers):
            s.send_call('TakeFd', 'h', 0, dest=x.name, fds=[r], flags=NO_REPLY)
    for x in receivers:
        os.close(x.wait_call('TakeFd').fds[0])
    shown = [m for m in w.all() if m.member == 'TakeFd']
    assert len(shown) == 12 and all(len(m.fds) == 1 for m in shown)
    for fd in [m.fds[0] for m in shown] + [r, wr]:
        os.close(fd)


@pytest.mark.postern
def test_more_than_a_queue_holds(new_bus):
    """The same of bytes."""
    new_bus.start('<limit name="max_outgoing_bytes">20000</limit>')
    w, senders, receiver = Watch(new_bus), [new_bus.connect() for _ in range(12)], new_bus.connect()
    with one_round(new_bus):
        for s in senders:
            s.signal('Many', 'ay', b'x' * 8000)
    receiver.sync()
    assert len([m for m in w.all() if m.member == 'Many']) == 12


# ---- one that does not read

LIMIT = '<limit name="max_outgoing_bytes">200000</limit>'


def flood(c, n, dest=None, size=10000):
    for _ in range(n):
        c.signal('Flood', 'ay', b'x' * size, dest=dest)
    c.sync()


@pytest.mark.postern
def test_one_that_does_not_read_is_disconnected(new_bus):
    """It is not served without bound, and nobody else notices: no error, no missing message, no fuller account."""
    new_bus.start(LIMIT)
    m, c, r = become_monitor(new_bus.connect(rcvbuf=4096)), new_bus.connect(), new_bus.connect()
    for k in range(60):
        flood(c, 2, dest=r.name)
        assert len([x for x in (r.wait_signal('Flood'), r.wait_signal('Flood')) if len(x.body[0]) == 10000]) == 2
    assert wait_for(lambda: 'does not read what it monitors' in new_bus.log())
    assert m.is_closed()
    c.sync()
    assert not c.take(ERROR)
    stats, = c.call('GetStats', iface='org.freedesktop.DBus.Debug.Stats')
    assert stats['org.postern.Monitors'] == ('u', 0)


@pytest.mark.postern
def test_a_container_does_not_pay_for_a_monitor(new_bus):
    """What waits for a monitor is not in the account of who sent it."""
    new_bus.start()
    become_monitor(new_bus.connect(rcvbuf=4096))
    i = new_bus.container(rules=[], Limits=('a{su}', {'bytes': 100000}))
    a, b = i.connect(), i.connect()
    for _ in range(100):
        a.signal('S', 'ay', b'x' * 20000, dest=b.name)
        assert len(b.wait_signal('S').body[0]) == 20000
    assert not [m for m in a.sync() if m.type == ERROR]


def test_one_that_reads_sees_everything(new_bus):
    """A burst far above its limit reaches a monitor that keeps reading."""
    new_bus.start('<limit name="max_outgoing_bytes">1000000</limit>')
    w, c = Watch(new_bus, "member='Flood'"), new_bus.connect()
    total = 400
    got = []

    def read():
        while len(got) < total:
            got.append(w.conn.wait_signal('Flood'))

    t = threading.Thread(target=read)
    t.start()
    for sent in range(0, total, 10):
        wait_for(lambda: len(got) >= sent - 10)  # however slow this machine is: it reads, and is not far behind
        flood(c, 10)
    t.join(30)
    assert len(got) == total and [m.serial for m in got] == sorted(m.serial for m in got)


@pytest.mark.postern
def test_a_large_message_fits_an_empty_queue(new_bus):
    new_bus.start('<limit name="max_outgoing_bytes">1000</limit>')
    w, c = Watch(new_bus), new_bus.connect()
    w.all()
    c.signal('Large', 'ay', b'x' * 3000000)
    assert len(w.conn.wait_signal('Large').body[0]) == 3000000


@pytest.mark.postern
@pytest.mark.skipif(not is_root(), reason='only root can make a bus that is another user')
def test_a_message_that_cannot_be_shown_ends_the_monitor(new_bus):
    """The kernel lets a user have only so many descriptors in flight. Who should get more gets no such message; a monitor would not notice."""
    os.chown(new_bus.dir, pwd.getpwnam('nobody').pw_uid, -1)
    new_bus.start('<user>nobody</user>', OPEN_POLICY + '<allow user="*"/>', type='system')
    m, c, lazy, other = (new_bus.connect() for _ in range(4))
    null = os.open('/dev/null', os.O_RDONLY)
    for n in range(6):  # they stay in the socket of who does not read
        c.send_call('Fill', 'h', 0, dest=lazy.name, flags=NO_REPLY, fds=[null] * 16)
    c.sync()
    become_monitor(m)
    as_other_user(resource.prlimit, new_bus.pid, resource.RLIMIT_NOFILE, (60, 60), uid=pwd.getpwnam('nobody').pw_uid)
    c.send_call('Take', 'h', 0, dest=other.name, flags=NO_REPLY, fds=[null])
    os.close(null)
    assert m.is_closed() and 'cannot be shown to it' in new_bus.log()
    assert other.is_alive() and not other.take(CALL) and c.is_alive() and lazy.is_alive()


# ---- configuration, containers, the end

@pytest.mark.postern
def test_reload_keeps_monitors(bus):
    w, c = Watch(bus), bus.connect()
    w.know(c=c)
    c.call('ReloadConfig')
    c.signal('After')
    assert [m.member for m in w.all() if m.member == 'After'] == ['After']


@pytest.mark.postern
def test_a_manager_that_becomes_a_monitor_has_left(bus):
    """As for any creator that leaves: nobody can enter its container any more; who is inside stays."""
    manager = bus.connect()
    i = bus.container(manager, rules=[])
    inside = i.connect()
    become_monitor(manager)
    assert inside.is_alive()
    with pytest.raises((ConnectionError, FileNotFoundError)):
        i.connect()


def test_half_a_message_before(bus):
    """The rest of a message that it had begun counts as sending."""
    m = bus.connect()
    become = Message(CALL, destination=DRIVER, path='/org/freedesktop/DBus', interface=MONITORING, member='BecomeMonitor', signature='asu',
                     body=([], 0), serial=50).pack()
    more = Message(SIGNAL, path='/', interface='com.example.I', member='Half', serial=51).pack()
    m.send_bytes(become + more[:20])
    m.wait(lambda x: x.type == RETURN and x.reply_serial == 50)
    time.sleep(0.1)
    m.send_bytes(more[20:])
    assert m.is_closed()


def test_many_come_and_go(bus):
    for _ in range(50):
        become_monitor(bus.connect()).close()
    ms = [become_monitor(bus.connect()) for _ in range(20)]
    c = bus.connect()
    c.signal('ForAll')
    for m in ms:
        m.wait_signal('ForAll')
        m.sock.shutdown(socket.SHUT_RDWR)
    c.sync()
    assert c.is_alive()
