# SPDX-License-Identifier: LGPL-2.1-or-later
"""The container's door: baseline, rules and modes. Each denial has a neighbour that is allowed."""
import os

import pytest

from bus import CALL_, HEAR, MEMBER, NAME_SUBTREE, OWN, PATH_SUBTREE, RECEIVE_FDS, SEE, TALK, rule
from wirebus import CALL, DRIVER, E, SIGNAL, DBusError, Message
from world import DENIED, World, clear, fd_gets_through, pipe, replies_to, sends, world  # noqa: F401,F811

pytestmark = pytest.mark.postern


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
