# SPDX-License-Identifier: LGPL-2.1-or-later
"""Unicast, broadcast, match rules, descriptors and replies between uncontained clients."""
import os
import re

import pytest

from bus import OPEN_POLICY, wait_for
from helpers import pipe_reads
from wirebus import CALL, DRIVER, E, ERROR, NO_REPLY, RETURN, SIGNAL, DBusError, Message

IFACE = 'com.example.Iface'


def test_call_and_reply(bus):
    a, b = bus.connect(), bus.connect()
    serial = a.send_call('Ask', 'as(ub)a{sv}', ['x', 'y'], (7, True), {'k': ('d', 1.5)}, dest=b.name, path='/p', iface=IFACE)
    call = b.wait_call('Ask')
    assert (call.sender, call.destination, call.path, call.interface, call.serial) == (a.name, b.name, '/p', IFACE, serial)
    assert call.body == (['x', 'y'], (7, True), {'k': ('d', 1.5)})
    b.reply(call, 's', 'answer')
    m = a.reply_to(serial, full=True)
    assert m.body == ('answer',) and m.sender == b.name
    serial = a.send_call('Ask', dest=b.name)
    b.reply_error(b.wait_call('Ask'), 'com.example.Bad', 'why')
    with pytest.raises(DBusError) as e:
        a.reply_to(serial)
    assert (e.value.name, e.value.text) == ('com.example.Bad', 'why')


def test_call_to_oneself(bus):
    a = bus.connect()
    serial = a.send_call('Self', dest=a.name)
    a.reply(a.wait_call('Self'), 's', 'me')
    assert a.reply_to(serial) == ('me',)


def test_order_is_kept(bus):
    a, b = bus.connect(), bus.connect()
    for i in range(2000):
        a.send_call('N', 'u', i, dest=b.name, flags=NO_REPLY)
    assert [b.wait_call('N').body[0] for i in range(2000)] == list(range(2000))


def test_causal_order(bus):
    """What a peer caused after it received a message comes after that message for everybody."""
    a, b, w = bus.connect(), bus.connect(), bus.connect()
    w.match("type='signal',interface='%s'" % IFACE)
    for i in range(50):
        a.signal('Cause', 'u', i)
        a.send_call('Go', dest=b.name, flags=NO_REPLY)
        b.wait_call('Go')
        b.signal('Effect', 'u', i)
        b.sync()
    w.sync()
    got = [(m.member, m.body[0]) for m in w.take(SIGNAL)]
    assert got == [(x, i) for i in range(50) for x in ('Cause', 'Effect')]


@pytest.mark.parametrize('big', [0, 512, 513])
def test_headers_of_any_length(bus, big):
    """Above a length, of the header or the body, the bus puts messages together in another way."""
    a, b = bus.connect(), bus.connect()
    body = bytes(big - 4) if big else b''
    for n in list(range(1, 64)) + list(range(3300, 3700, 3)) + list(range(4000, 4100, 5)):
        path = '/' + 'p' * n
        a.send_call('N', 'ay' if big else '', *([body] if big else []), dest=b.name, path=path, flags=NO_REPLY)
        m = b.wait_call('N')
        assert (m.path, m.sender, m.body) == (path, a.name, (body,) if big else ())


def test_big_body(bus):
    a, b = bus.connect(), bus.connect()
    data = os.urandom(3 << 20)
    import threading
    t = threading.Thread(target=lambda: a.send_call('Big', 'ay', data, dest=b.name, flags=NO_REPLY))
    t.start()
    assert b.wait_call('Big').body[0] == data
    t.join()


def test_many_calls_outstanding(new_bus):
    new_bus.start('<limit name="max_replies_per_connection">50000</limit>')
    a, b = new_bus.connect(), new_bus.connect()
    for i in range(3000):
        a.send_call('N', 'u', i, dest=b.name)
    calls = [b.wait_call('N') for i in range(3000)]
    for m in reversed(calls):
        b.reply(m, 'u', m.body[0])
    for m in calls:
        assert a.reply_to(m.serial) == m.body


def test_no_reply_on_disconnect(bus):
    """A peer that leaves without answering: NoReply, from the bus, for the newest call first."""
    a, b = bus.connect(), bus.connect()
    one, two = a.send_call('One', dest=b.name), a.send_call('Two', dest=b.name)
    a.send_call('Three', dest=b.name, flags=NO_REPLY)
    b.wait_call('Three')
    b.close()
    for serial in (two, one):
        m = a.wait(lambda m: m.type == ERROR)
        assert (m.reply_serial, m.error, m.sender) == (serial, E + 'NoReply', DRIVER)
    a.sync()
    assert not a.take(ERROR, RETURN)


def test_reply_timeout(new_bus):
    new_bus.start('<limit name="reply_timeout">400</limit>')
    a, b = new_bus.connect(), new_bus.connect()
    new_bus.connect(auth=False) # may take longer
    serial = a.send_call('Late', dest=b.name)
    call = b.wait_call('Late')
    with pytest.raises(DBusError) as e:
        a.reply_to(serial)
    assert e.value.name == E + 'NoReply'
    assert b.is_alive()
    quick = a.send_call('Quick', dest=b.name)
    b.reply(b.wait_call('Quick'))
    a.reply_to(quick)


# ---- match rules: the rule, and which of the signals below it matches
SIGNALS = {
    'a': dict(member='Sig', path='/a/b', iface='a.b', args=('s', 'x')),
    'b': dict(member='Other', path='/a', iface='a.b', args=('s', 'com.example.X')),
    'c': dict(member='Sig', path='/ab', iface='a.c', args=('o', '/x/y')),
    'd': dict(member='Sig', path='/a/b/c', iface='a.b', args=('us', 5, 'x')),
    'e': dict(member='Sig', path='/', iface='a.d', args=('ss', 'com.exampleX', '/x/')),
    'f': dict(member='Empty', path='/a/b', iface='a.d', args=('',)),
}
RULES = {
    "": 'abcdef', "type='signal'": 'abcdef', "type='method_call'": '', "type='error'": '', 'type=signal,member=Sig': 'acde',
    "interface='a.b'": 'abd', "member='Sig'": 'acde', "path='/a/b'": 'af', "path_namespace='/a'": 'abdf',
    "path_namespace='/'": 'abcdef', "path_namespace='/a/b'": 'adf', "arg0='x'": 'a', "arg1='x'": 'd', "arg0='/x/y'": '',
    "arg0path='/x/y'": 'c', "arg0path='/x/'": 'c', "arg0path='/x'": '', "arg1path='/x/y'": 'e', "arg1path='/'": 'e',
    "arg0namespace='com.example'": 'b', "arg0namespace='com.example.X'": 'b', "arg0namespace='com'": 'be', "arg63='x'": '',
    "interface='a.b',member='Sig',path='/a/b',arg0='x'": 'a', "arg0='x',arg1='y'": '', " type = 'signal' , member = 'Other' ": 'b',
    "sender='com.example.Sender'": 'abcdef', "sender='com.example.Nobody'": '', "eavesdrop='false',member='Other'": 'b',
    "destination=':1.99999'": '',
}
STRICTER = {" type = 'signal' , member = 'Other' "}


@pytest.mark.parametrize('rule', sorted(RULES))
def test_match_rule(bus, rule):
    a, w = bus.connect(), bus.connect()
    a.request_name('com.example.Sender')
    try:
        w.match(rule)
    except DBusError:
        assert rule in STRICTER
        return
    for s in SIGNALS.values():
        a.signal(s['member'], *s['args'], path=s['path'], iface=s['iface'])
    a.sync()
    w.sync()
    got = [(m.member, m.path, m.interface) for m in w.take(SIGNAL)]
    assert got == [(s['member'], s['path'], s['iface']) for k, s in SIGNALS.items() if k in RULES[rule]]
    # Gone when removed.
    w.call('RemoveMatch', 's', rule)
    a.signal('Sig', 's', 'x', path='/a/b', iface='a.b')
    a.sync()
    w.sync()
    assert not w.take(SIGNAL)


def test_quoted_values(bus):
    a, w = bus.connect(), bus.connect()
    w.match("arg0='it'\\''s',member=Q")
    w.match("member='R',arg0='a,b'")
    a.signal('Q', 's', "it's")
    a.signal('R', 's', 'a,b')
    a.signal('R', 's', 'a')
    a.sync()
    w.sync()
    assert [m.body for m in w.take(SIGNAL)] == [("it's",), ('a,b',)]


def test_rules_that_come_and_go_between(bus):
    """The same signal again and again: who asks for it meanwhile, by whatever is in it, hears the next one, and no more once the rule is gone."""
    a, always = bus.connect(), bus.connect()
    always.match("type='signal',interface='%s'" % IFACE)
    for rule in ("path='/obj'", "member='Sig'", "path='/obj',member='Sig'", "arg0='x'", "path='/obj',interface='%s',arg0='x'" % IFACE):
        late = bus.connect()
        for comes in (True, False):
            a.signal('Sig', 's', 'x')
            a.sync()
            if comes:
                late.match(rule)
            else:
                late.call('RemoveMatch', 's', rule)
        a.signal('Sig', 's', 'x')
        a.sync()
        late.sync()
        assert len(late.take(SIGNAL)) == 1, rule
    always.sync()
    assert len(always.take(SIGNAL)) == 15


def test_matches_are_counted(bus):
    """Added twice, removed twice, in any order of keys; a message is delivered once however many rules match."""
    a, w = bus.connect(), bus.connect()
    w.match("type='signal',member='Sig'")
    w.match("member='Sig',type='signal'")
    w.match("type='signal'")

    def heard():
        a.signal()
        a.sync()
        w.sync()
        return len(w.take(SIGNAL))
    assert heard() == 1
    w.call('RemoveMatch', 's', "type='signal'")
    w.call('RemoveMatch', 's', "type='signal',member='Sig'")
    assert heard() == 1
    w.call('RemoveMatch', 's', "member=Sig,type=signal")
    assert heard() == 0
    assert w.error('RemoveMatch', 's', "type='signal',member='Sig'") == E + 'MatchRuleNotFound'


def test_rules_of_others_cannot_be_removed(bus):
    a, w = bus.connect(), bus.connect()
    w.match("type='signal',member='Sig'")
    assert a.error('RemoveMatch', 's', "type='signal',member='Sig'") == E + 'MatchRuleNotFound'
    a.signal()
    assert w.wait_signal('Sig')


def test_unicast_signal(bus):
    """Reaches its destination without a match rule, and nobody else with one."""
    a, b, w = bus.connect(), bus.connect(), bus.connect()
    w.match("type='signal',interface='%s'" % IFACE)
    a.signal('Only', dest=b.name)
    assert b.wait_signal('Only').destination == b.name
    w.sync()
    assert not w.take(SIGNAL)


def test_eavesdropping(bus):
    """With eavesdrop=true and a policy that allows it, others' unicast messages are seen; else not."""
    a, b, e, w = (bus.connect() for _ in range(4))
    e.match("eavesdrop='true',interface='%s'" % IFACE)
    w.match("eavesdrop='false',interface='%s'" % IFACE)
    a.send_call('Secret', dest=b.name, iface=IFACE, flags=NO_REPLY)
    b.wait_call('Secret')
    e.sync()
    w.sync()
    assert [m.member for m in e.take(CALL)] == ['Secret'] and not w.take()
    # Who is called and listens, too, has it once.
    a.send_call('Own', dest=e.name, iface=IFACE, flags=NO_REPLY)
    a.sync()
    e.sync()
    assert [m.member for m in e.take(CALL)] == ['Own']


def test_eavesdropping_on_the_bus(bus):
    """A call to the bus is heard after it was carried out, and only if it was; the answer is not."""
    a, e = bus.connect(), bus.connect()
    e.match("eavesdrop='true'")
    e.sync()
    e.inbox = []
    a.request_name('com.example.Heard')
    a.error('NoSuchMethod')
    a.error('RequestName', 'su', 'not valid', 0)
    a.call('AddMatch', 's', "type='error'")
    a.release_name('com.example.Heard')
    e.sync()
    assert [m.member for m in e.inbox if m.sender in (a.name, DRIVER) and m.destination != e.name] == [
        'NameOwnerChanged', 'RequestName', 'AddMatch', 'NameOwnerChanged', 'ReleaseName']


def test_eavesdropping_needs_policy(new_bus):
    new_bus.start(policy='<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>')
    a, b, e = (new_bus.connect() for _ in range(3))
    try:
        e.match("eavesdrop='true'")
    except DBusError:
        pass
    a.send_call('Secret', dest=b.name, iface=IFACE, flags=NO_REPLY)
    b.wait_call('Secret')
    e.sync()
    assert not e.take(CALL)


# ---- descriptors
@pytest.mark.parametrize('count', [1, 2, 3, 5, 15, 16])
@pytest.mark.parametrize('order', 'lB')
def test_fds_pass(bus, count, order):
    a, b = bus.connect(order=order), bus.connect()
    before = bus.n_fds()
    pipes = [os.pipe() for _ in range(count)]
    a.send_call('Take', 'ah', list(range(count)), dest=b.name, flags=NO_REPLY, fds=[r for r, _ in pipes])
    m = b.wait_call('Take')
    assert len(m.fds) == m.n_fds == count and m.body == (list(range(count)),)
    for (r, w), got in zip(pipes, m.fds):
        assert got != r and pipe_reads(got, w)
        for fd in (r, w, got):
            os.close(fd)
    assert wait_for(lambda: bus.n_fds() <= before)


def test_fds_in_replies_and_signals(bus):
    a, b, w = bus.connect(), bus.connect(), bus.connect()
    r, wr = os.pipe()
    serial = a.send_call('Give', dest=b.name)
    b.reply(b.wait_call('Give'), 'h', 0, fds=[r])
    got = a.reply_to(serial, full=True).fds
    w.match("member='Fd'")
    a.signal('Fd', 'h', 0, fds=[r])
    got += w.wait_signal('Fd').fds
    b.signal('Fd', 'h', 0, dest=a.name, fds=[r])
    got += a.wait_signal('Fd').fds
    assert len(got) == 3 and all(pipe_reads(fd, wr) for fd in got)
    for fd in got + [r, wr]:
        os.close(fd)


def test_fds_burst(bus):
    """Many messages with descriptors in one write: each gets its own."""
    a, b = bus.connect(), bus.connect()
    pipes = [os.pipe() for _ in range(20)]
    for i, (r, _) in enumerate(pipes):
        a.send_call('Take', 'hu', 0, i, dest=b.name, flags=NO_REPLY, fds=[r])
        a.send_call('Plain', 'u', i, dest=b.name, flags=NO_REPLY)
    for i, (r, w) in enumerate(pipes):
        m = b.wait_call('Take')
        assert m.body[1] == i and pipe_reads(m.fds[0], w)
        for fd in (r, w, m.fds[0]):
            os.close(fd)
    b.sync()
    assert all(not m.fds for m in b.take(CALL))


@pytest.mark.parametrize('step', [1, 16, 50])
def test_fds_with_split_messages(bus, step):
    a, b = bus.connect(), bus.connect()
    r, w = os.pipe()
    m = Message(CALL, serial=50, destination=b.name, path='/', interface=IFACE, member='Take', signature='h', body=(0,), n_fds=1,
                flags=NO_REPLY)
    plain = Message(CALL, serial=51, destination=b.name, path='/', interface=IFACE, member='Plain', flags=NO_REPLY)
    a.send_bytes(m.pack() + plain.pack(), fds=[r], step=step)
    got = b.wait_call('Take')
    assert pipe_reads(got.fds[0], w)
    assert not b.wait_call('Plain').fds
    for fd in got.fds + [r, w]:
        os.close(fd)


@pytest.mark.postern  # dbus-daemon takes some of these and waits for ever with others
@pytest.mark.parametrize('pieces', [(6,), (6, 0), (5, 1), (4, 2), (3, 3), (3, 1, 2), (3, 1, 1, 1), (12,), (10, 2), (7, 5), (6, 6), (6, 1, 2, 3)])
def test_fds_come_as_they_like(bus, pieces):
    """Three messages, whose descriptors are passed in other pieces than the messages: each gets its own, in their order. The first piece comes with
    all of the first two messages and a byte of the third, which the others are within."""
    a, b = bus.connect(), bus.connect()
    before, total = bus.n_fds(), sum(pieces)
    pipes = [os.pipe() for _ in range(total)]
    counts = [total // 6, total // 3, total // 2]
    messages = [Message(CALL, serial=50 + i, destination=b.name, path='/', interface=IFACE, member='Take', signature='ah', n_fds=n,
                        body=(list(range(n)),), flags=NO_REPLY).pack() for i, n in enumerate(counts)]
    data, at, reads = b''.join(messages), 0, [r for r, _ in pipes]
    for i, n in enumerate(pieces):
        end = len(messages[0] + messages[1]) + 1 + i if i + 1 < len(pieces) else len(data)
        a.send_bytes(data[at:end], fds=reads[:n])
        at, reads = end, reads[n:]
    got = [fd for n in counts for fd in b.wait_call('Take').fds]
    assert len(got) == total and all(pipe_reads(fd, w) for fd, (_, w) in zip(got, pipes))
    for fd in got + [fd for pipe in pipes for fd in pipe]:
        os.close(fd)
    assert wait_for(lambda: bus.n_fds() <= before)


def test_fds_close_on_exec(bus):
    """What the bus holds is no child's: every descriptor is close-on-exec."""
    a, b = bus.connect(), bus.connect(rcvbuf=1)
    r, w = os.pipe()
    for _ in range(5):
        a.send_call('Take', 'h', 0, dest=b.name, flags=NO_REPLY, fds=[r])
    a.sync()
    os.close(r)
    os.close(w)
    for n in os.listdir('/proc/%d/fd' % bus.pid):
        try:
            with open('/proc/%d/fdinfo/%s' % (bus.pid, n)) as f:
                flags = int(f.read().split('flags:')[1].split()[0], 8)
        except FileNotFoundError:
            continue
        assert int(n) < 3 or flags & os.O_CLOEXEC, os.readlink('/proc/%d/fd/%s' % (bus.pid, n))


def test_fds_to_a_receiver_that_leaves(bus):
    before = bus.n_fds()
    for _ in range(5):
        a, b = bus.connect(), bus.connect(rcvbuf=1)
        r, w = os.pipe()
        for _ in range(20):
            a.send_call('Take', 'h', 0, dest=b.name, flags=NO_REPLY, fds=[r])
        b.close()
        a.close()
        os.close(r)
        os.close(w)
    assert wait_for(lambda: bus.n_fds() <= before)


def test_nested_descriptors(bus):
    """A socket that holds sockets in flight: the receiver must survive it."""
    import socket
    a, b = bus.connect(), bus.connect()
    x, y = socket.socketpair()
    socket.send_fds(x, [b'x'], [y.fileno(), x.fileno()])
    a.send_call('Take', 'hh', 0, 1, dest=b.name, flags=NO_REPLY, fds=[x.fileno(), y.fileno()])
    m = b.wait_call('Take')
    for fd in m.fds:
        os.close(fd)
    x.close()
    y.close()
    assert a.is_alive() and b.is_alive()


# ---- replies
def test_unsolicited_replies(new_bus):
    """Replies that nobody waits for are not delivered where the policy is Debian's: neither is a second one."""
    new_bus.start(policy='<allow send_type="method_call"/><allow send_type="signal"/><allow own="*"/>'
                  '<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>'
                  '<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/>'
                  '<allow receive_type="signal"/>')
    a, b, c = (new_bus.connect() for _ in range(3))
    serial = a.send_call('Ask', dest=b.name)
    call = b.wait_call('Ask')
    c.reply(Message(CALL, serial=serial, sender=a.name), 's', 'forged')
    c.sync()
    b.reply(call, 's', 'wrong serial', reply_serial=serial + 1000)
    b.reply(call, 's', 'first')
    b.reply(call, 's', 'second')
    b.reply_error(call)
    b.sync()
    assert a.reply_to(serial) == ('first',)
    a.sync()
    assert not a.take(RETURN, ERROR)


def test_refused_messages_of_any_type(new_bus):
    """Who sends what the policy refuses is told so, of signals and replies, too; of a broadcast that one receiver must not have, not."""
    new_bus.start(policy=OPEN_POLICY +
                  '<deny receive_type="signal" receive_interface="com.example.Shut"/>'
                  '<deny send_type="error" send_error="com.example.Bad" send_requested_reply="true"/>')
    a, b = new_bus.connect(), new_bus.connect()
    b.match("type='signal'")

    def told(serial):
        a.sync()
        b.sync()
        return [(m.error, m.sender) for m in a.take(ERROR) if m.reply_serial == serial]
    denied = [(E + 'AccessDenied', DRIVER)]
    assert told(a.signal(iface='com.example.Shut', dest=b.name)) == denied
    assert told(a.signal(iface='com.example.Shut')) == []
    assert told(a.signal(dest=b.name)) == [] and len(b.take(SIGNAL)) == 1
    b.send_call('Ask', dest=a.name)
    assert told(a.reply_error(a.wait_call('Ask'), 'com.example.Bad')) == denied
    assert not [m for m in b.take(ERROR) if m.error == 'com.example.Bad']


@pytest.mark.postern
def test_rules_that_ask_for_a_line(new_bus):
    """log="true" of a rule puts what it decides into the log, allowed or denied, without --verbose."""
    new_bus.start(policy=OPEN_POLICY + '<allow send_interface="com.example.I" send_member="Yes" log="true"/>'
                  '<deny send_interface="com.example.I" send_member="No" log="true"/><allow send_interface="com.example.I" send_member="Still"/>')
    a, b = new_bus.connect(), new_bus.connect()
    for member in ('Yes', 'No', 'Still'):
        a.send_call(member, dest=b.name, iface='com.example.I', path='/')
    a.sync()
    log = new_bus.log()
    assert re.search('verdict=allowed door=.*member=Yes', log) and re.search('verdict=denied door=xml .*member=No', log), log
    assert 'member=Still' not in log


def test_policy_keeps_the_bus_from_telling(new_bus):
    """What the receiver's policy refuses does not come from the bus itself either; its other signals do."""
    new_bus.start(policy=OPEN_POLICY + '<deny receive_sender="org.freedesktop.DBus" '
                  'receive_interface="org.freedesktop.DBus" receive_member="NameAcquired"/>')
    c = new_bus.connect()
    assert c.request_name('a.b') == 1
    assert c.release_name('a.b') == 1
    c.sync()
    assert c.take_driver() == [('NameLost', 'a.b')]
