# SPDX-License-Identifier: LGPL-2.1-or-later
"""Header field 250: facts about the sender, for receivers that asked by RequestFacts, written by the bus alone."""
import os
import socket

import gi
import pytest

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

from bus import CALL_, OWN, SANITIZED, SEE, SEND_FDS, config_text, rule  # noqa: E402
from helpers import OTHER_UID, anonymous, as_other_user, is_root, pipe_reads  # noqa: E402
from watch import become_monitor  # noqa: E402
from wirebus import CALL, DRIVER, E, ERROR, NO_REPLY, RETURN, SIGNAL, Conn, Message  # noqa: E402

pytestmark = pytest.mark.postern

MEDIATOR = 'org.postern.Mediator1'
FACTS = ['UnixUserID', 'ProcessID', 'LinuxSecurityLabel', 'ContainerType', 'ContainerName']
NAME = 'com.example.Asks'
PROCESS = {'UnixUserID': ('u', os.geteuid()), 'ProcessID': ('u', os.getpid())}
FORGED = {'UnixUserID': ('u', 0), 'ProcessID': ('u', 1), 'ContainerName': ('s', 'root'), 'LinuxSecurityLabel': ('ay', b'kernel\0')}


def label_of_this_process():
    """As GetConnectionCredentials has it; empty without a security module that labels sockets."""
    a, b = socket.socketpair()
    try:
        return a.getsockopt(socket.SOL_SOCKET, 31, 256)  # SO_PEERSEC
    except OSError:
        return b''
    finally:
        a.close()
        b.close()


LABEL = label_of_this_process().rstrip(b'\0')
if LABEL:
    PROCESS['LinuxSecurityLabel'] = ('ay', LABEL + b'\0')


def contained(instance_name='app', type='com.example.Sandbox'):
    return {'ContainerType': ('s', type), 'ContainerName': ('s', instance_name)}


def request(conn, *names):
    conn.call('RequestFacts', 'as', list(names), iface=MEDIATOR)
    return conn


def asking(bus, *names, **kw):
    return request(bus.connect(**kw), *(names or FACTS))


def facts(message):
    """Field 250 of a message, None without one. It is there once, and nothing else that is unknown is."""
    assert len(message.extra) == message.fields_seen.count(250) == len(message.extra) <= 1, message
    if not message.extra:
        return None
    code, signature, value = message.extra[0]
    assert (code, signature) == (250, 'a{sv}')
    return value


def told(to, frm, kind=CALL, **kw):
    """The facts on a message as the receiver gets it."""
    m = dict(destination=to.name, path='/', interface='x.y', member='M', flags=NO_REPLY)
    m.update(kw)
    frm.send(Message(kind, **m))
    return facts(to.wait(lambda x: x.sender == frm.name and x.type == kind))


# ---- which messages have them

@pytest.mark.parametrize('order', 'lB')
def test_every_message(bus, order):
    """Calls, signals, broadcasts, replies and errors, in the byte order of who sent them."""
    app = bus.container(rules=[rule(CALL_, '')])
    for c, more in ((bus.connect(order=order), {}), (app.connect(order=order), contained())):
        w = asking(bus)
        w.match("member='M'")
        expected = {**PROCESS, **more}
        assert told(w, c) == expected
        assert told(w, c, SIGNAL) == expected
        c.signal('M')
        m = w.wait_signal('M')
        assert (m.order, facts(m)) == (order, expected)
        for answer in (c.reply, c.reply_error):
            serial = w.send_call('Ask', dest=c.name)
            answer(c.wait_call('Ask'))
            m = w.wait(lambda m: m.type in (RETURN, ERROR) and m.reply_serial == serial)
            assert facts(m) == expected and m.order == order


@pytest.mark.parametrize('order', 'lB')
def test_body_and_fields_are_untouched(bus, order):
    """Of whatever length what stands before and behind is."""
    c, w = bus.connect(order=order), asking(bus, 'UnixUserID', 'ProcessID')
    for n in range(20):
        body = ('s' * n, ('u', 7), {'k': n})
        c.send(Message(CALL, destination=w.name, path='/' + 'p' * (n + 1), interface='x.y', member='M' * (n + 1), flags=NO_REPLY, signature='sva{su}',
                       body=body))
        m = w.wait_call()
        assert (m.body, m.path, m.member, facts(m)) == (body, '/' + 'p' * (n + 1), 'M' * (n + 1), {k: PROCESS[k] for k in ('UnixUserID', 'ProcessID')})


def test_only_what_was_asked_for(bus):
    app = bus.container(rules=[rule(CALL_, '')], name='Ünïcode name')
    c, w, other = app.connect(), bus.connect(), bus.connect()
    all_ = {**PROCESS, **contained('Ünïcode name')}
    assert told(w, c) is None
    for name in FACTS:
        request(w, name)
        assert told(w, c) == {k: v for k, v in all_.items() if k == name}
    request(w, 'ContainerType', 'UnixUserID', 'ContainerType')
    assert sorted(told(w, c)) == ['ContainerType', 'UnixUserID']
    for names in (['Nothing'], ['UnixUserID', 'nothing'], ['ProcessFD'], ['']):
        e = w.failure('RequestFacts', 'as', names, iface=MEDIATOR)
        assert e.name == E + 'InvalidArgs' and '"%s"' % names[-1] in e.text
    assert w.error('RequestFacts', 's', 'UnixUserID', iface=MEDIATOR) == E + 'InvalidArgs'
    assert sorted(told(w, c)) == ['ContainerType', 'UnixUserID']  # as it was
    request(w)
    assert told(w, c) is None and told(other, c) is None


def test_empty_is_not_absent(bus):
    """Nothing known of an uncontained sender's container: that is told apart from a bus that tells nothing."""
    assert told(asking(bus, 'ContainerType', 'ContainerName'), bus.connect()) == {}


def test_the_bus_itself_has_none(bus):
    w, plain = asking(bus), bus.connect()
    assert facts(w.call('GetId', full=True)) is None
    w.match("member='NameOwnerChanged'")
    plain.request_name('com.example.X')
    assert facts(w.wait_signal('NameOwnerChanged')) is None
    serial = w.send_call('Nowhere', dest='com.example.Nobody')
    assert facts(w.wait(lambda m: m.reply_serial == serial)) is None


def test_feature(bus):
    c = bus.connect()
    assert c.get(DRIVER, 'Features').count('org.postern.SenderFacts') == 1
    assert 'RequestFacts' in c.call('Introspect', iface='org.freedesktop.DBus.Introspectable')[0]


def test_no_feature_without_a_mediator(new_bus):
    c = new_bus.start(args=['--module=none']).connect()
    assert 'org.postern.SenderFacts' not in c.get(DRIVER, 'Features')
    assert c.error('RequestFacts', 'as', ['UnixUserID'], iface=MEDIATOR) in (E + 'UnknownInterface', E + 'UnknownMethod')
    assert told(c, new_bus.connect(), extra=[(250, 'a{sv}', FORGED)]) is None


# ---- nobody else writes them

@pytest.mark.parametrize('order', 'lB')
def test_forged(bus, order):
    """Whatever a client puts there is gone, asked for or not, once or more often, of the right type or not."""
    app = bus.container(rules=[rule(CALL_, '')])
    w, plain = asking(bus), bus.connect()
    for c, more in ((bus.connect(order=order), {}), (app.connect(order=order), contained())):
        for extra in ([(250, 'a{sv}', FORGED)], [(250, 'a{sv}', FORGED)] * 3, [(250, 'u', 0)], [(250, 's', 'x' * 1000)], [(250, 'v', ('a{sv}', FORGED))],
                      [(249, 'a{sv}', FORGED), (251, 'a{sv}', FORGED), (255, 'a{sv}', FORGED)], [(250, 'a{sv}', {})]):
            assert told(w, c, extra=extra) == {**PROCESS, **more}
            assert told(plain, c, extra=extra) is None
        c.signal('M', extra=[(250, 'a{sv}', FORGED)])
        serial = plain.send_call('Ask', dest=c.name)
        c.reply(c.wait_call('Ask'), extra=[(250, 'a{sv}', FORGED)])
        assert facts(plain.reply_to(serial, full=True)) is None


# ---- one message, many receivers

@pytest.mark.parametrize('order', 'lB')
def test_one_broadcast_many_receivers(bus, order):
    """With facts and without, asked for the instance or not, in any order of who comes first."""
    app = bus.container()
    c = app.connect(order=order)
    receivers = [bus.connect() for _ in range(16)]
    for n, w in enumerate(receivers):
        w.match("member='Wide'")
        if n & 1 or n == 6:
            request(w, *(FACTS[:1] if n & 4 else FACTS))
        if n & 2:
            w.call('RequestHeader', iface='org.freedesktop.DBus.Containers1')
    for sender, more in ((c, contained()), (bus.connect(order=order), {})):
        for text in ('one', 'two'):
            sender.signal('Wide', 's', text)
            for n, w in enumerate(receivers):
                m = w.wait_signal('Wide')
                expected = None if not (n & 1 or n == 6) else {'UnixUserID': PROCESS['UnixUserID']} if n & 4 else {**PROCESS, **more}
                assert (n, m.body, m.sender, m.order, facts(m)) == (n, (text,), sender.name, order, expected)
                assert m.instance == (app.path if sender is c else '/' if n & 2 else None)


def test_eavesdroppers_are_receivers(bus):
    """Each gets what it asked for, whatever the receiver asked for."""
    c, w, plain = bus.connect(), asking(bus, 'ProcessID'), bus.connect()
    eager, quiet = asking(bus, 'UnixUserID'), bus.connect()
    for e in (eager, quiet):
        e.match("eavesdrop='true',member='M'")
    for to, expected in ((w, {'ProcessID': PROCESS['ProcessID']}), (plain, None), (w, {'ProcessID': PROCESS['ProcessID']})):
        assert told(to, c) == expected
        assert facts(eager.wait_call('M')) == {'UnixUserID': PROCESS['UnixUserID']}
        assert facts(quiet.wait_call('M')) is None


def test_monitors_see_none(bus):
    """Also when they asked while they were on the bus; and the receiver gets its own all the same."""
    c, w, plain = bus.connect(), asking(bus), bus.connect()
    monitor = become_monitor(asking(bus), ["member='M'"])
    for to, expected in ((w, PROCESS), (plain, None), (w, PROCESS)):
        assert told(to, c, extra=[(250, 'a{sv}', FORGED)]) == expected
        assert facts(monitor.wait(lambda m: m.member == 'M')) is None


# ---- messages that wait, descriptors, lengths

def test_messages_that_wait_for_a_service(new_bus):
    """A service that asks before it takes its name has them on all it gets, also on what waited for it."""
    folder = os.path.join(new_bus.dir, 'services')
    os.mkdir(folder)
    new_bus.write('services/asks.service', '[D-BUS Service]\nName=%s\nExec=/bin/true\n' % NAME)
    bus = new_bus.start(body='<servicedir>%s</servicedir>' % folder)
    callers = [bus.connect(order=o) for o in 'lB'] + [bus.container(rules=[rule(CALL_, NAME)]).connect()]
    for c in callers:
        c.send_call('Wait', dest=NAME, path='/x', iface='a.b', extra=[(250, 'a{sv}', FORGED)])
        c.sync()
    w = asking(bus)
    w.request_name(NAME)
    for n, c in enumerate(callers):
        m = w.wait_call('Wait')
        assert (m.sender, facts(m)) == (c.name, {**PROCESS, **(contained() if n == 2 else {})})


@pytest.mark.parametrize('order', 'lB')
def test_descriptors(bus, order):
    r, wr = os.pipe()
    w, c = asking(bus), bus.container(rules=[rule(CALL_ | SEND_FDS, '')]).connect(order=order)
    for _ in range(3):
        c.send(Message(CALL, destination=w.name, path='/', interface='x.y', member='Fd', flags=NO_REPLY, signature='h', body=(0,), fds=[r]))
        m = w.wait_call('Fd')
        assert facts(m) == {**PROCESS, **contained()} and pipe_reads(m.fds[0], wr)
        os.close(m.fds[0])
    os.close(r)
    os.close(wr)


def drain(conn, n):
    """Reads n bytes that are not worth keeping."""
    n -= len(conn.buf)
    conn.buf, block = b'', bytearray(1 << 20)
    while n > 0:
        got = conn.sock.recv_into(block, min(n, len(block)))
        assert got > 0
        n -= got


def test_longest_message(new_bus):
    """What is as long as a message may be with its sender's name does not fit with facts; its sender hears that, and nothing comes."""
    bus = new_bus.start(body='<limit name="max_message_size">1000000000</limit><limit name="max_incoming_bytes">1000000000</limit>')
    c, plain, w = bus.connect(), bus.connect(), asking(bus, 'UnixUserID')
    c.sock.settimeout(100)
    limit, padded = 128 << 20, lambda n: n + -n % 8

    def send(to, more=0):
        m = Message(CALL, destination=to.name, path='/', interface='x.y', member='Long', signature='ayay', serial=c.serial + 1)
        c.serial += 1
        kept = int.from_bytes(m.pack(b'')[12:16], 'little')
        n = limit - padded(16 + padded(kept) + 8 + len(c.name) + 1) - 8 + more
        first = n // 2 & ~3
        c.sock.sendall(m.pack(first.to_bytes(4, 'little') + bytes(first) + (n - first).to_bytes(4, 'little') + bytes(n - first)))
        return m.serial

    def refused(serial):
        m = c.wait(lambda m: m.reply_serial == serial, 100)
        return m.error == E + 'LimitsExceeded' and 'longer than a message may be' in m.body[0]

    assert len(plain.name) == len(w.name) and refused(send(w))
    w.sync()
    assert not w.take(CALL)
    if SANITIZED:
        return  # one such message takes the sanitizers as long as all other tests of this page
    assert refused(send(plain, more=1))
    plain.sync()
    assert not plain.take(CALL)
    send(plain)
    drain(plain, limit)
    assert plain.is_alive() and c.is_alive()


# ---- who may know

def test_senders_without_facts(new_bus):
    """Nobody by name, from the network: nothing is known, and that is said."""
    new_bus.start(text=config_text('unix:path=%s/bus' % new_bus.dir, '<listen>tcp:host=127.0.0.1,bind=127.0.0.1,port=0</listen>'
                                   '<allow_anonymous/><auth>ANONYMOUS</auth><auth>EXTERNAL</auth>'))
    w = asking(new_bus)
    c = new_bus.keep(Conn(next(a for a in new_bus.address.split(';') if a.startswith('tcp:')), auth=anonymous, fds=False))
    assert told(w, c) == {}
    local = new_bus.keep(Conn(next(a for a in new_bus.address.split(';') if a.startswith('unix:')), auth=anonymous))
    assert told(w, local) == {k: v for k, v in PROCESS.items() if k != 'UnixUserID'}


@pytest.mark.skipif(not is_root(), reason='needs two users')
def test_another_user(new_bus):
    new_bus.start(policy='<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/>')
    w = asking(new_bus, 'UnixUserID', 'ProcessID')

    def there(address, to):
        with Conn(address) as c:
            c.send_call('M', dest=to, flags=NO_REPLY, extra=[(250, 'a{sv}', FORGED)])
            c.sync()
        return os.getpid()

    pid = as_other_user(there, new_bus.address, w.name)
    assert facts(w.wait_call('M')) == {'UnixUserID': ('u', OTHER_UID), 'ProcessID': ('u', pid)}


@pytest.mark.parametrize('mode', ['restrict', 'complain'])
def test_inside_a_container(bus, mode):
    """A contained receiver is told all of its own instance, of outside what it may inspect, of other containers nothing."""
    service, stranger = bus.connect(), bus.connect()
    service.request_name('com.example.Seen')
    rules = [rule(OWN, 'com.example.In'), rule(SEE, 'com.example.Seen')]
    app = bus.container(rules=rules, Mode=('s', mode))
    other = bus.container(rules=[rule(CALL_, 'com.example.In')], name='other').connect()
    w, sibling = app.connect(), app.connect()
    w.request_name('com.example.In')
    request(w, *FACTS)
    lines = len(bus.log().splitlines())
    for n in range(3):
        assert told(w, sibling) == {**PROCESS, **contained()}
        assert told(w, service) == PROCESS
        assert told(w, stranger) == {}
        assert told(w, other, destination='com.example.In') == {}
    assert len(bus.log().splitlines()) == lines, bus.log()
    service.release_name('com.example.Seen')
    assert told(w, service) == {}


def test_inside_a_container_without_rules(bus):
    """Mode identify hides nothing; whose container others are in is still theirs."""
    w = request(bus.container(rules=None, Mode=('s', 'identify')).connect(), *FACTS)
    other = bus.container(rules=None, Mode=('s', 'identify'), name='other').connect()
    assert told(w, bus.connect()) == PROCESS and told(w, other) == PROCESS


# ---- a stock client

def test_gdbus(bus):
    """GDBus takes the field as one it does not know, and hands it to who asks for it."""
    address, seen = bus.address, []
    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    conn = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
    conn.call_sync(DRIVER, '/org/freedesktop/DBus', MEDIATOR, 'RequestFacts', GLib.Variant('(as)', (FACTS,)), None, Gio.DBusCallFlags.NONE, 5000, None)

    def keep(_, message, incoming):
        if incoming and message.get_member() == 'M':
            seen.append(Message.unpack(message.to_blob(Gio.DBusCapabilityFlags.NONE)))
        return message

    conn.add_filter(keep)
    app = bus.container(rules=[rule(CALL_, '')])
    for order in 'lB':
        for c in (bus.connect(order=order), app.connect(order=order)):
            serial = c.send_call('M', dest=conn.get_unique_name(), iface='x.y', path='/')
            m = c.wait(lambda m: m.reply_serial == serial)
            assert m.error == E + 'UnknownMethod'  # it read the call, and answers as ever
    expected = [PROCESS, {**PROCESS, **contained()}] * 2
    assert [facts(m) for m in seen] == expected
    conn.close_sync(None)
