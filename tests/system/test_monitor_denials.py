# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every way in which a message is refused, with a monitor watching: it is shown the message and then the error, one for each receiver to
whom it was refused, whether or not anybody on the bus is told; and the bus lives on. CVE-2023-34969 was a crash on this path."""
import os

import pytest

from bus import OPEN_POLICY, TALK, config_text, rule, wait_for
from watch import MONITORING, Watch, become_monitor
from wirebus import CALL, DRIVER, E, ERROR, NO_REPLY, PROPERTIES, RETURN, SIGNAL, DBusError, Message

ONE, TWO = 'com.example.One', 'com.example.Two'
NO = 'com.example.No'
AD, LE = 'AccessDenied', 'LimitsExceeded'


class Scene:
    """a owns a name; a and c listen to all signals; b acts; w watches."""

    def __init__(self, bus):
        self.bus = bus
        self.w, self.a, self.b, self.c = Watch(bus), bus.connect(), bus.connect(), bus.connect()
        self.a.request_name(ONE)
        for x in (self.a, self.c):
            x.match("type='signal'")
        self.w.know(a=self.a, b=self.b, c=self.c)
        self.settle()

    def settle(self):
        self.w.all()
        for x in (self.a, self.b, self.c):
            x.inbox = []

    def told(self, conn):
        """The errors that a connection has been sent."""
        conn.sync()
        return [(m.error[len(E):], m.reply_serial) for m in conn.take(ERROR)]


def start(new_bus, policy='', limits=''):
    new_bus.start(policy=OPEN_POLICY + policy, body=''.join('<limit name="%s">%d</limit>' % x for x in limits))
    return Scene(new_bus)


# ---- the policy

POLICIES = {
    'send': "<deny send_interface='%s'/>" % NO,
    'receive': "<deny receive_interface='%s'/>" % NO,
}
WAYS = {
    # what b sends -> what is shown, how many errors after it, how many of them b is told
    'call': (dict(type=CALL, destination=ONE), ('call', 'b', ONE, 'M'), 1, 1),
    'call by unique name': (dict(type=CALL, destination='a'), ('call', 'b', 'a', 'M'), 1, 1),
    'call without reply': (dict(type=CALL, destination=ONE, flags=NO_REPLY), ('call', 'b', ONE, 'M'), 1, 1),
    'signal': (dict(type=SIGNAL, destination=ONE), ('signal', 'b', ONE, 'M'), 1, 1),
    'broadcast': (dict(type=SIGNAL), ('signal', 'b', None, 'M'), 2, 0),
}


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('policy', POLICIES)
def test_policy(new_bus, policy, way):
    fields, shown, errors, told = WAYS[way]
    s = start(new_bus, POLICIES[policy])
    fields = dict(fields, path='/', interface=NO, member='M')
    if fields.get('destination') == 'a':
        fields['destination'] = s.a.name
    serial = s.b.send(Message(**fields))
    assert s.w.seen() == [shown] + [('error', 'bus', 'b', AD, serial)] * errors
    assert s.told(s.b) == [(AD, serial)] * told
    for x in (s.a, s.c):
        x.sync()
        assert not [m for m in x.take() if m.interface == NO]


def test_broadcast_that_nobody_wants(new_bus):
    """Only a receiver can be refused one."""
    s = start(new_bus, POLICIES['send'])
    for x in (s.a, s.c):
        x.call('RemoveMatch', 's', "type='signal'")
    s.settle()
    s.b.signal('M', iface=NO)
    assert s.w.seen() == [('signal', 'b', None, 'M')]


@pytest.mark.parametrize('kind', [CALL, SIGNAL])
def test_to_the_bus(new_bus, kind):
    s = start(new_bus, POLICIES['send'])
    serial = s.b.send(Message(kind, destination=DRIVER, path='/', interface=NO, member='M'))
    assert s.w.seen() == [({CALL: 'call', SIGNAL: 'signal'}[kind], 'b', 'bus', 'M'), ('error', 'bus', 'b', AD, serial)]


def test_one_receiver_of_several(new_bus):
    """By the name that it owns, one of them is kept from sending to."""
    s = start(new_bus, "<deny send_destination='%s' send_interface='%s'/>" % (ONE, NO))
    serial = s.b.signal('M', iface=NO)
    assert s.w.seen() == [('signal', 'b', None, 'M'), ('error', 'bus', 'b', AD, serial)]
    assert s.told(s.b) == [] and s.c.wait_signal('M')


def test_eavesdropper(new_bus):
    """Who wants to listen in and may not is a refused receiver too; the message itself arrives."""
    new_bus.start(policy='<allow send_destination="*"/><allow receive_type="signal"/><allow receive_type="method_call"/>'
                         '<allow receive_type="method_return"/><allow receive_type="error"/><allow own="*"/>')
    s = Scene(new_bus)
    s.c.match("eavesdrop='true',interface='com.example.I'")
    s.settle()
    serial = s.b.signal('M', iface='com.example.I', dest=s.a.name)
    assert s.w.seen() == [('signal', 'b', 'a', 'M'), ('error', 'bus', 'b', AD, serial)]
    assert s.a.wait_signal('M') and s.told(s.b) == []


@pytest.mark.postern
@pytest.mark.parametrize('way', ['send', 'receive'])
def test_reply(new_bus, way):
    """Who waits for it learns that it was refused; who sent it, that it did not arrive."""
    s = start(new_bus, "<deny {0}_type='error' {0}_error='com.example.Error' {0}_requested_reply='true'/>".format(way))
    call = s.b.send_call('M', dest=ONE)
    got = s.a.wait_call('M')
    reply = s.a.reply_error(got)
    assert s.w.seen() == [('call', 'b', ONE, 'M'), ('error', 'a', 'b', 'com.example.Error', call), ('error', 'bus', 'a', AD, reply),
                          ('error', 'bus', 'b', AD, call)]
    assert s.told(s.b) == [(AD, call)] and s.told(s.a) == [(AD, reply)]


def test_own(new_bus):
    s = start(new_bus, "<deny own='%s'/>" % TWO)
    serial = s.b.send_call('RequestName', 'su', TWO, 0)
    assert s.w.seen() == [('call', 'b', 'bus', 'RequestName'), ('error', 'bus', 'b', AD, serial)]


# ---- the bus's own messages

def pairs(w):
    """The bus's own messages; each refusal as the member or kind of the message that it answers."""
    out, by_serial = [], {}
    for m in w.all():
        if m.sender != DRIVER:
            continue
        by_serial[m.serial] = m.member or m.reply_serial
        if m.destination == DRIVER:
            assert (m.type, m.error) == (ERROR, E + AD)
            out.append(('refused', by_serial[m.reply_serial]))
        else:
            out.append((m.member or m.type, m.destination))
    return out


@pytest.mark.postern
def test_signals_of_the_bus(new_bus):
    s = start(new_bus, "<deny receive_sender='%s' receive_type='signal'/>" % DRIVER)
    s.w.conns = []
    s.settle()
    n = new_bus.connect()
    assert pairs(s.w) == [(RETURN, n.name), ('NameOwnerChanged', None), ('refused', 'NameOwnerChanged'), ('refused', 'NameOwnerChanged'),
                          ('NameAcquired', n.name), ('refused', 'NameAcquired')]
    n.request_name(TWO, 1)
    s.w.all()
    s.b.request_name(TWO, 2)
    assert pairs(s.w) == [('NameLost', n.name), ('refused', 'NameLost'), ('NameOwnerChanged', None), ('refused', 'NameOwnerChanged'),
                          ('refused', 'NameOwnerChanged'), ('NameAcquired', s.b.name), ('refused', 'NameAcquired'), (RETURN, s.b.name)]
    m = new_bus.connect()
    s.w.all()
    become_monitor(m)
    assert pairs(s.w) == [(RETURN, m.name), ('NameLost', m.name), ('refused', 'NameLost'), ('NameOwnerChanged', None),
                          ('refused', 'NameOwnerChanged'), ('refused', 'NameOwnerChanged')]
    assert not m.take_driver(), 'policy keeps these from it while it is a client'
    n.close()
    new_bus.connect().sync()
    assert ('NameOwnerChanged', None) in pairs(s.w)
    assert not s.a.take_driver() and not s.c.take_driver() and s.a.is_alive()


@pytest.mark.postern
@pytest.mark.parametrize('kind, member', [('method_return', 'ListNames'), ('error', 'Nonsense')])
def test_answers_of_the_bus(new_bus, kind, member):
    s = start(new_bus)
    # Not from the start, since then nobody would hear the answer to Hello.
    new_bus.write('bus.conf', config_text('unix:path=%s/bus' % new_bus.dir, policy=OPEN_POLICY + "<deny receive_sender='%s' receive_type='%s' receive_requested_reply='true'/>" % (DRIVER, kind)))
    new_bus.sighup()
    assert wait_for(lambda: 'configuration reloaded' in new_bus.log())
    s.w.conns = []
    s.settle()
    serial = s.b.send_call(member)
    got = []
    wait_for(lambda: got.extend(pairs(s.w)) or len(got) >= 2)
    assert got == [({'method_return': RETURN, 'error': ERROR}[kind], s.b.name), ('refused', serial)]


# ---- limits, and what cannot be delivered

def test_too_many_calls(new_bus):
    s = start(new_bus, limits=[('max_replies_per_connection', 1)])
    s.b.send_call('M', dest=ONE)
    s.a.wait_call('M')
    s.w.conns = [s.a]
    s.settle()
    serial = s.b.send_call('M', dest=ONE)
    s.b.wait(lambda m: m.type == ERROR)
    assert s.w.seen() == [('call', 'b', ONE, 'M'), ('error', 'bus', 'b', LE, serial)]


@pytest.mark.parametrize('member, sig, args, limit', [
    ('RequestName', 'su', (TWO, 0), ('max_names_per_connection', 2)), ('AddMatch', 's', ("type='error'",), ('max_match_rules_per_connection', 1))])
def test_limits_of_the_bus(new_bus, member, sig, args, limit):
    s = start(new_bus, limits=[limit])
    serial = s.a.send_call(member, sig, *args)
    assert s.w.seen() == [('call', 'a', 'bus', member), ('error', 'bus', 'a', LE, serial)]


@pytest.mark.postern
@pytest.mark.parametrize('kind', ['call', 'signal', 'broadcast'])
def test_full_queue(new_bus, kind):
    """A receiver does not read. Who sent to it alone is told; of a broadcast, only monitors know."""
    s = start(new_bus, limits=[('max_outgoing_bytes', 100000)])
    r = new_bus.connect(rcvbuf=4096)
    r.match("member='Bulk'")
    s.w.know(r=r.name)
    body = b'x' * 40000
    for x in (s.a, s.c):
        x.call('RemoveMatch', 's', "type='signal'")
    s.settle()
    send = {'call': lambda: s.b.send_call('Bulk', 'ay', body, dest=r.name, flags=NO_REPLY),
            'signal': lambda: s.b.signal('Bulk', 'ay', body, dest=r.name), 'broadcast': lambda: s.b.signal('Bulk', 'ay', body)}[kind]
    shown = {'call': ('call', 'b', 'r', 'Bulk'), 'signal': ('signal', 'b', 'r', 'Bulk'), 'broadcast': ('signal', 'b', None, 'Bulk')}[kind]
    for _ in range(50):
        serial = send()
        seen = s.w.seen()
        if len(seen) > 1:
            break
        assert seen == [shown]
    assert seen == [shown, ('error', 'bus', 'b', LE, serial)]
    assert s.told(s.b) == ([(LE, serial)] if kind != 'broadcast' else [])


@pytest.mark.parametrize('kind', ['call', 'broadcast'])
def test_descriptors_to_who_takes_none(new_bus, kind):
    s = start(new_bus)
    r = new_bus.connect(fds=False)
    r.match("member='WithFd'")
    for x in (s.a, s.c):
        x.call('RemoveMatch', 's', "type='signal'")
    s.w.know(r=r.name)
    s.settle()
    fd = os.open('/dev/null', os.O_RDONLY)
    if kind == 'call':
        serial = s.b.send_call('WithFd', 'h', 0, dest=r.name, fds=[fd])
    else:
        serial = s.b.signal('WithFd', 'h', 0, fds=[fd])
    os.close(fd)
    got = s.w.seen()
    assert got == [('call', 'b', 'r', 'WithFd') if kind == 'call' else ('signal', 'b', None, 'WithFd'), ('error', 'bus', 'b', 'NotSupported', serial)]


# ---- the container's door

APP = {
    # what the app does -> what is shown after it; (AD, told): an error for the app, of which it is told or not
    'call': (lambda s, app, fd: app.send_call('M', dest=ONE), ('call', 'app', ONE, 'M'), True),
    'call to nobody': (lambda s, app, fd: app.send_call('M', dest='com.example.Nobody'), ('call', 'app', 'com.example.Nobody', 'M'), True),
    'signal': (lambda s, app, fd: app.signal('M', dest=ONE), ('signal', 'app', ONE, 'M'), False),
    'reply that nobody waits for': (lambda s, app, fd: app.send(Message(RETURN, destination=s.b.name, reply_serial=9)), ('return', 'app', 'b', 9), False),
    'call with descriptors to the bus': (lambda s, app, fd: app.send_call('GetNameOwner', 'sh', DRIVER, 0, fds=[fd]), ('call', 'app', 'bus', 'GetNameOwner'), True),
    'signal to the bus': (lambda s, app, fd: app.signal('M', dest=DRIVER), ('signal', 'app', 'bus', 'M'), False),
    'name': (lambda s, app, fd: app.send_call('RequestName', 'su', TWO, 0), ('call', 'app', 'bus', 'RequestName'), True),
    'activation': (lambda s, app, fd: app.send_call('StartServiceByName', 'su', ONE, 0), ('call', 'app', 'bus', 'StartServiceByName'), True),
    'eavesdropping': (lambda s, app, fd: app.send_call('AddMatch', 's', "eavesdrop='true'"), ('call', 'app', 'bus', 'AddMatch'), True),
    'monitoring': (lambda s, app, fd: app.send_call('BecomeMonitor', 'asu', [], 0, iface=MONITORING), ('call', 'app', 'bus', 'BecomeMonitor'), True),
    'statistics': (lambda s, app, fd: app.send_call('GetStats', iface='org.freedesktop.DBus.Debug.Stats'), ('call', 'app', 'bus', 'GetStats'), True),
    'inspection': (lambda s, app, fd: app.send_call('GetConnectionUnixUser', 's', s.w.marker.name), ('call', 'app', 'bus', 'GetConnectionUnixUser'), None),
}


@pytest.mark.postern
@pytest.mark.parametrize('what', APP)
def test_app(new_bus, what):
    do, shown, told = APP[what]
    s = start(new_bus)
    app = new_bus.container(rules=[]).connect()
    s.w.know(app=app)
    s.settle()
    fd = os.open('/dev/null', os.O_RDONLY)
    serial = do(s, app, fd)
    os.close(fd)
    error = AD if told is not None else 'NameHasNoOwner'
    assert s.w.seen() == [shown, ('error', 'bus', 'app', error, serial)]
    assert s.told(app) == ([(error, serial)] if told is not False else [])


@pytest.mark.postern
def test_broadcast_into_a_container(new_bus):
    s = start(new_bus)
    app = new_bus.container(rules=[]).connect()
    app.match("type='signal'")
    s.w.know(app=app)
    s.settle()
    serial = s.b.signal('M')
    assert s.w.seen() == [('signal', 'b', None, 'M'), ('error', 'bus', 'b', AD, serial)]
    assert s.told(s.b) == [] and s.a.wait_signal('M')


@pytest.mark.postern
def test_descriptors_out_of_a_container(new_bus):
    s = start(new_bus)
    app = new_bus.container(rules=[rule(TALK, ONE)]).connect()
    s.w.know(app=app)
    s.settle()
    fd = os.open('/dev/null', os.O_RDONLY)
    call = s.b.send_call('M', dest=app.name)
    reply = app.reply(app.wait_call('M'), 'h', 0, fds=[fd])
    assert s.w.seen() == [('call', 'b', 'app', 'M'), ('return', 'app', 'b', call), ('error', 'bus', 'app', AD, reply), ('error', 'bus', 'b', AD, call)]
    broadcast = app.signal('M', 'h', 0, fds=[fd])
    # To a and c, one error each.
    assert s.w.seen() == [('signal', 'app', None, 'M')] + [('error', 'bus', 'app', AD, broadcast)] * 2
    os.close(fd)
    assert s.told(app) == []


@pytest.mark.postern
def test_signals_of_the_bus_into_a_container(new_bus):
    """What it may not see is no refusal: of names that are hidden from it there is nothing to refuse. InstanceRemoved is none of its business."""
    s = start(new_bus)
    app = new_bus.container(rules=[]).connect()
    app.match("type='signal'")
    other = new_bus.container(rules=[], name='other')
    s.w.know(app=app)
    s.settle()
    s.b.request_name(TWO)
    assert [x[3] for x in s.w.seen()[:3]] == ['RequestName', 'NameOwnerChanged', 'NameAcquired']
    s.settle()
    other.stop()
    seen = s.w.seen()
    removed = [x for x in seen if 'InstanceRemoved' in x]
    assert len(removed) == 1 and seen[seen.index(removed[0]) + 1][:4] == ('error', 'bus', 'bus', AD)


def test_properties(new_bus):
    """The errors of the bus itself follow the call like any other."""
    s = start(new_bus)
    serial = s.b.send_call('Get', 'ss', 'com.example.None', 'X', iface=PROPERTIES)
    assert s.w.seen() == [('call', 'b', 'bus', 'Get'), ('error', 'bus', 'b', 'UnknownInterface', serial)]
    with pytest.raises(DBusError):
        s.b.reply_to(serial)
