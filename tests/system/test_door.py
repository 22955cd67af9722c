# SPDX-License-Identifier: LGPL-2.1-or-later
"""The container's door: baseline, rules, replies, descriptors. Each denial has a neighbour that is allowed."""
import os

import pytest

from bus import CALL_, HEAR, MEMBER, NAME_SUBTREE, OWN, PATH_SUBTREE, RECEIVE_FDS, SEE, SEND_FDS, TALK, rule, wait_for
from helpers import pipe_reads
from wirebus import CALL, DRIVER, E, ERROR, NO_REPLY, RETURN, SIGNAL, DBusError, Message

pytestmark = pytest.mark.postern
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


# ---- CALL: rules -> whom they reach
CALL_ROWS = [
    ([], ''),
    ([rule(CALL_, 'com.example.A')], 'a'), ([rule(TALK, 'com.example.A')], 'a'),
    ([rule(CALL_ | NAME_SUBTREE, 'com.example.A')], 'a dot'), ([rule(CALL_ | NAME_SUBTREE, 'com.example')], 'a ab dot other'),
    ([rule(CALL_, 'com.example.A.B')], 'dot'), ([rule(CALL_, 'com.example.AB')], 'ab'),
    ([rule(CALL_, 'com.example.A'), rule(CALL_, 'com.example.AB')], 'a ab'),
    ([rule(CALL_, '')], 'a ab dot plain'), ([rule(TALK | NAME_SUBTREE, '')], 'a ab dot plain'),
    ([rule(CALL_, 'com.example.Other')], 'other'), ([rule(CALL_ | NAME_SUBTREE, 'com.example.Other')], 'other'),
    ([rule(SEE, '')], ''), ([rule(SEE | HEAR, 'com.example.A')], ''), ([rule(HEAR, '')], ''), ([rule(OWN, 'com.example.A')], ''),
    ([rule(RECEIVE_FDS | SEE, 'com.example.A')], ''),
]


@pytest.mark.parametrize('rules, reached', CALL_ROWS)
def test_call(world, rules, reached):
    try:
        c = world.app(*rules)
    except DBusError as e:
        assert rules and rules[0][1] == '' and rules[0][0] & NAME_SUBTREE and e.name == E + 'InvalidArgs'
        return
    got = [k for k, s in world.services.items() if sends(c, s)]
    assert got == [k for k in world.services if k in reached.split()]
    by_name = {'a': 'com.example.A', 'ab': 'com.example.AB', 'dot': 'com.example.A.B', 'other': 'com.example.Other'}
    assert [k for k, n in by_name.items() if sends(c, world.services[k], n)] == [k for k in got if k != 'plain']


def test_unique_name_in_a_rule(world):
    c = world.app(rule(CALL_, world.plain.name), rule(CALL_, world.other.name))
    assert [k for k, s in world.services.items() if sends(c, s)] == ['plain']


# ---- path and interface: (flags, path, interface) -> the (path, interface, member) of messages that pass
MESSAGES = [('/a', 'x.y', 'M'), ('/a/b', 'x.y', 'M'), ('/ab', 'x.y', 'M'), ('/', 'x.y', 'M'), ('/a', 'x.y', 'N'), ('/a', 'x.y.M', 'M'),
            ('/a', 'x.z', 'M'), ('/a', None, 'M'), ('/a/b/c', None, 'N')]
BOUNDS = [
    (PATH_SUBTREE, '/', '', '012345678'), (0, '/a', '', '04567'), (PATH_SUBTREE, '/a', '', '0145678'), (0, '/', '', '3'), (0, '/a/b', '', '1'),
    (PATH_SUBTREE, '/', 'x.y', '01234'), (PATH_SUBTREE, '/', 'x.z', '6'), (0, '/a', 'x.y', '04'), (PATH_SUBTREE, '/b', '', ''),
    (PATH_SUBTREE | MEMBER, '/', 'x.y.M', '0123'), (PATH_SUBTREE | MEMBER, '/a', 'x.y.M', '01'), (PATH_SUBTREE, '/', 'x.y.M', '5'),
    (PATH_SUBTREE | MEMBER, '/', 'x.y.N', '4'), (PATH_SUBTREE | MEMBER, '/', 'M', '012356'), (PATH_SUBTREE | MEMBER, '/', 'N', '4'),
]


@pytest.mark.parametrize('flags, path, iface, passes', BOUNDS)
def test_bounds_of_a_call(world, flags, path, iface, passes):
    c = world.app((CALL_ | flags, 'com.example.A', path, iface))
    got = [str(n) for n, (p, i, m) in enumerate(MESSAGES) if sends(c, world.a, path=p, interface=i, member=m)]
    assert ''.join(got) == passes


@pytest.mark.parametrize('flags, path, iface, passes', BOUNDS)
def test_bounds_of_a_broadcast(world, flags, path, iface, passes):
    c = world.app((HEAR | flags, 'com.example.A', path, iface))
    c.match("type='signal'")
    for n, (p, i, m) in enumerate(MESSAGES):
        if i:
            world.a.signal(m, 'u', n, path=p, iface=i)
    world.a.sync()
    c.sync()
    assert ''.join(str(m.body[0]) for m in c.take(SIGNAL)) == passes.replace('7', '').replace('8', '')


def test_only_the_primary_owner_counts(world):
    """Checked at each message; nothing sticks after the name has gone; who waits in the queue is not meant."""
    c = world.app(rule(CALL_, 'com.example.A'))
    world.plain.request_name('com.example.A')
    assert sends(c, world.a) and sends(c, world.a, 'com.example.A') and not sends(c, world.plain)
    world.a.release_name('com.example.A')
    assert not sends(c, world.a) and sends(c, world.plain) and sends(c, world.plain, 'com.example.A')
    world.plain.release_name('com.example.A')
    assert not sends(c, world.plain)
    world.a.request_name('com.example.A')
    assert sends(c, world.a)


def test_refusals_read_the_same(world):
    """The words do not tell whether a hidden name exists."""
    c = world.app(rule(CALL_, 'com.example.A'))

    def words(dest, **kw):
        e = c.failure('M', dest=dest, path='/', iface='x.y', **kw)
        assert e.name == DENIED
        return e.text.replace(dest, 'NAME')
    hidden, missing = 'com.example.AB', 'com.example.AC'
    assert words(hidden) == words(missing)
    assert words(world.plain.name) == words(':1.99999') == words(world.other.name)
    assert words(hidden, flags=2) == words(missing, flags=2)
    r, w = os.pipe()
    assert words(hidden, fds=[r]) == words(missing, fds=[r])
    os.close(r)
    os.close(w)


# ---- baseline
def test_same_instance(bus):
    i = bus.container()
    a, b = i.connect(), i.connect()
    assert sends(a, b) and sends(b, a)
    serial = a.send_call('Ask', dest=b.name)
    b.reply(b.wait_call('Ask'), 's', 'yes')
    assert a.reply_to(serial) == ('yes',)
    serial = a.send_call('Ask', dest=b.name)
    b.reply_error(b.wait_call('Ask'))
    with pytest.raises(DBusError):
        a.reply_to(serial)
    # Not without having been asked.
    b.reply(Message(CALL, serial=4711, sender=a.name))
    b.sync()
    a.sync()
    assert not a.take()


def test_another_instance_is_outside(bus):
    """Also one with the same name and type, by the same manager."""
    manager = bus.connect()
    a, b = bus.container(manager).connect(), bus.container(manager).connect()
    assert not sends(a, b) and not sends(b, a)


def test_to_the_driver(bus):
    c = bus.container().connect()
    for member in ('GetId', 'ListNames', 'ListActivatableNames'):
        c.call(member)
    c.call('Introspect', iface='org.freedesktop.DBus.Introspectable')
    c.call('Ping', iface='org.freedesktop.DBus.Peer')
    c.get(DRIVER, 'Features')
    c.match("type='signal'")
    c.call('RemoveMatch', 's', "type='signal'")
    assert c.error('NoSuchMethod') == DENIED
    for member, iface in (('EnableVerbose', 'org.freedesktop.DBus.Verbose'), ('GetStats', 'org.freedesktop.DBus.Debug.Stats'),
                          ('BecomeMonitor', 'org.freedesktop.DBus.Monitoring')):
        assert c.error(member, iface=iface) == DENIED, member
    assert c.error('ReloadConfig') == DENIED
    bus.connect().call('ReloadConfig')


def test_eavesdropping(bus):
    c = bus.container().connect()
    for text in ("eavesdrop='true'", "eavesdrop=true", "type='signal',eavesdrop='true'", "eavesdrop = 'true'", "eavesdrop =\t'true'",
                 " eavesdrop='true'", "eavesdrop='tr''ue'", "member='x', eavesdrop='true'"):
        assert c.error('AddMatch', 's', text) in (DENIED, E + 'MatchRuleInvalid'), text
    assert c.error('AddMatch', 's', "eavesdrop='true'") == DENIED
    c.match("eavesdrop='false'")
    assert c.error('AddMatch', 's', "eavesdrop='maybe'") == E + 'MatchRuleInvalid'
    out = bus.connect()
    out.send_call('Secret', dest=bus.connect().name)
    out.sync()
    c.sync()
    assert not c.take()


def test_from_outside(world):
    """Calls and unicast signals come in, from other containers too when those may send."""
    c, d = world.app(), world.app(rule(CALL_, 'com.example.In'))
    assert sends(world.plain, c)
    owner = world.app(rule(OWN, 'com.example.In'))
    owner.request_name('com.example.In')
    assert sends(d, owner) and not sends(d, c)


def test_broadcasts_out(world):
    c = world.app()
    world.plain.match("type='signal'")
    world.other.match("type='signal'")
    c.signal('Out')
    c.sync()
    clear(world.other)
    world.plain.sync()
    assert [m.member for m in world.plain.take(SIGNAL)] == ['Out']


def test_broadcasts_kept_inside(new_bus):
    new_bus.start(mediator='<mediator><containers broadcasts="instance"/></mediator>')
    i, w = new_bus.container(), new_bus.connect()
    a, b = i.connect(), i.connect()
    for c in (b, w):
        c.match("type='signal',interface='com.example.Iface'")
    a.signal('In')
    assert b.wait_signal('In')
    w.sync()
    assert not w.take(SIGNAL)
    w.signal('In')
    assert w.wait_signal('In')


def test_broadcasts_in(world):
    """From the same instance; from outside only with HEAR."""
    i = world.bus.container()
    a, b = i.connect(), i.connect()
    listener = world.app(rule(HEAR, 'com.example.A'))
    caller = world.app(rule(CALL_, 'com.example.A'))
    everything = world.app(rule(HEAR, ''))
    for c in (b, listener, caller, everything):
        c.match("type='signal',interface='com.example.Iface'")
        c.sync()
    a.signal('Inside')
    for s in world.services.values():
        s.signal('Outside', 's', s.name)
        s.sync()
    clear(a)
    heard = {}
    for k, c in dict(b=b, listener=listener, caller=caller, everything=everything).items():
        c.sync()
        heard[k] = [m.sender for m in c.take(SIGNAL)]
    assert heard == {'b': [a.name], 'listener': [world.a.name], 'caller': [],
                     'everything': [world.a.name, world.ab.name, world.dot.name, world.plain.name]}


def test_own(world):
    c = world.app(rule(OWN, 'com.example.Mine'), rule(OWN | NAME_SUBTREE, 'com.example.Tree'))
    for name, allowed in (('com.example.Mine', True), ('com.example.Mine.Sub', False), ('com.example.Min', False), ('com.example.A', False),
                          ('com.example.Tree', True), ('com.example.Tree.Sub.Sub', True), ('com.example.TreeX', False),
                          ('com.example.Nobody', False)):
        if allowed:
            assert c.request_name(name) == 1 and c.release_name(name) == 1 and c.release_name(name) == 2
        else:
            assert c.error('RequestName', 'su', name, 0) == DENIED, name
            assert c.error('ReleaseName', 's', name) == DENIED, name
    texts = {c.failure('RequestName', 'su', n, 0).text.replace(n, 'NAME') for n in ('com.example.A', 'com.example.Nobody', 'com.example.AB')}
    assert len(texts) == 1
    assert c.error('RequestName', 'su', 'not valid', 0) in (E + 'InvalidArgs', DENIED)
    plain = world.app()
    assert plain.error('RequestName', 'su', 'com.example.Mine', 0) == DENIED
    c.request_name('com.example.Mine')
    assert sends(world.plain, c, 'com.example.Mine')


# ---- replies
def ask(caller, c, member='Ask', **kw):
    serial = caller.send_call(member, dest=c.name, **kw)
    return serial, c.wait_call(member)


def replies_to(caller, *conns):
    for c in conns:
        c.sync()
    caller.sync()
    return [(m.type, m.body, m.sender) for m in caller.take(RETURN, ERROR)]


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


def test_equal_serials_of_two_callers(bus):
    """The key is caller and serial: an answer to one is none to the other."""
    c, one, two = bus.container().connect(), bus.connect(), bus.connect()
    one.serial = two.serial = 1000
    s1, call1 = ask(one, c, 'One')
    s2, call2 = ask(two, c, 'Two')
    assert s1 == s2
    c.reply(call1, 's', 'to one')
    c.reply(call1, 's', 'again')
    assert replies_to(one, c) == [(RETURN, ('to one',), c.name)] and replies_to(two) == []
    c.reply(call2, 's', 'to two')
    assert replies_to(two, c) == [(RETURN, ('to two',), c.name)]


def test_reply_to_a_name_of_the_caller(bus):
    c, out, other = bus.container().connect(), bus.connect(), bus.connect()
    out.request_name('com.example.Caller')
    other.request_name('com.example.Stranger')
    _, call = ask(out, c)
    c.reply(call, 's', 'strange', dest='com.example.Stranger')
    c.reply(call, 's', 'by name', dest='com.example.Caller')
    assert replies_to(out, c) == [(RETURN, ('by name',), c.name)] and replies_to(other) == []


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


# ---- descriptors
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


# ---- modes
def test_identify(world, pipe):
    """Known, not held: but no more privileged than any contained connection."""
    c = world.bus.container(rules=None, Mode=('s', 'identify')).connect()
    assert all(sends(c, s) and sends(s, c) for k, s in world.services.items() if k != 'other')
    assert fd_gets_through(c, world.a, pipe) and fd_gets_through(world.a, c, pipe)
    assert c.request_name('com.example.Any') == 1 and world.a.name in c.names()
    assert c.credentials(world.a.name)['UnixUserID'] == ('u', os.geteuid())
    c.match("type='signal',member='Heard'")
    world.a.signal('Heard')
    assert c.wait_signal('Heard')
    assert world.a.credentials(c.name)['org.freedesktop.DBus.Containers1.Name'] == ('s', 'app')
    c.reply(Message(CALL, serial=4711, sender=world.a.name))
    assert replies_to(world.a, c) == []
    bus_container = world.bus.container(rules=[], Mode=('s', 'identify'))
    assert sends(bus_container.connect(), world.a)


def test_complain(world, pipe):
    """Everything passes, and the log says what would have been refused, and which rule would allow it."""
    c = world.bus.container(Mode=('s', 'complain')).connect()
    before = len(world.bus.log())
    assert sends(c, world.a, 'com.example.A') and fd_gets_through(c, world.a, pipe)
    assert c.request_name('com.example.Any') == 1
    assert 'com.example.A' in c.names() and c.credentials('com.example.AB')
    log = world.bus.log()[before:]
    assert 'call=com.example.A' in log and 'own=com.example.Any' in log, log
    for line in log.splitlines():
        if 'call=com.example.A' in line:
            assert 'container' in line
    quiet = len(world.bus.log())
    d = world.bus.container(rules=[rule(TALK, 'com.example.A')], Mode=('s', 'complain')).connect()
    assert sends(d, world.a, 'com.example.A')
    assert 'com.example.A' not in world.bus.log()[quiet:]


@pytest.mark.parametrize('default, held', [(None, True), ('restrict', True), ('identify', False), ('complain', False)])
def test_default_mode(new_bus, default, held):
    """What a container gets that names neither rules nor mode. With rules it is restrict, whatever the default."""
    new_bus.start(mediator='<mediator>%s</mediator>' % ('<containers default-mode="%s"/>' % default if default else ''))
    out = new_bus.connect()
    assert sends(new_bus.container(rules=None).connect(), out) != held
    assert not sends(new_bus.container(rules=[]).connect(), out)
    assert sends(new_bus.container(rules=[rule(CALL_, '')]).connect(), out)


def test_rules_of_mediator_conf(new_bus):
    """A <container> entry adds to what AddServer gave, and follows a reload; its mode is for others."""
    conf = '<mediator><container type="com.example.Sandbox" name="app" mode="identify">%s</container></mediator>'
    new_bus.start(mediator=conf % '<allow call="com.example.A"/>')
    world = World(new_bus)
    c, other = world.app(rule(CALL_, 'com.example.AB')), world.app(name='another')
    assert [k for k, s in world.services.items() if sends(c, s)] == ['a', 'ab']
    assert not sends(other, world.a)
    new_bus.write('mediator.conf', conf % '<allow talk="com.example.A.*"/><allow own="com.example.Mine"/>')
    world.plain.call('ReloadConfig')
    assert [k for k, s in world.services.items() if sends(c, s)] in (['a', 'ab', 'dot'], ['ab', 'dot'])
    assert c.request_name('com.example.Mine') == 1
    new_bus.write('mediator.conf', '<mediator/>')
    world.plain.call('ReloadConfig')
    assert [k for k, s in world.services.items() if sends(c, s)] == ['ab']


# ---- the other doors
def test_xml_policy_still_counts(new_bus):
    """A container rule cannot undo what the bus configuration refuses."""
    new_bus.start(policy='<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>'
                  '<deny send_destination="com.example.AB"/><deny own="com.example.Never"/>')
    world = World(new_bus)
    c = world.app(rule(CALL_, ''), rule(OWN, 'com.example.Never'), rule(OWN, 'com.example.Fine'))
    assert sends(c, world.a) and not sends(c, world.ab)
    assert c.error('RequestName', 'su', 'com.example.Never', 0) == DENIED and c.request_name('com.example.Fine') == 1


def test_container_goes_while_asking(world):
    """Calls of a stopped instance: its socket closes, its callers' replies go nowhere, the bus lives."""
    i = world.bus.container(rules=[rule(CALL_, 'com.example.A')])
    c = i.connect()
    c.send_call('Ask', dest='com.example.A')
    call = world.a.wait_call('Ask')
    i.stop()
    world.a.reply(call)
    assert world.a.is_alive() and c.is_closed()


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
