# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services that open themselves: what a grant lets through, for whom, and when it ends."""
import pytest

from bus import CALL_, HEAR, MEMBER, NAME_SUBTREE, OPEN_POLICY, OWN, PATH_SUBTREE, RECEIVE_FDS, SEE, SEND_FDS, TALK, rule
from mediator1 import explain, grant, grant_error, m1, m1_error, plain, revoke, set_rules
from wirebus import CALL, CONTAINERS, DRIVER, E, SIGNAL, DBusError, Message
from world import clear, fd_gets_through, pipe, sends  # noqa: F401

pytestmark = pytest.mark.postern

NAME = 'com.example.Settings'
APP = 'com.example.Sandbox'


@pytest.fixture
def service(bus):
    conn = bus.connect()
    conn.request_name(NAME)
    return conn


def app(bus, name='app', **kw):
    instance = bus.container(name=name, **kw)
    return instance, instance.connect()


# ---- for whom
WHO = [
    # who, and which of the four containers it is for: (type, name) a/one, a/two, b/one and a second instance of a/one
    (lambda i: {}, '0123'),
    (lambda i: {'type': 'com.example.A'}, '013'),
    (lambda i: {'name': 'one'}, '023'),
    (lambda i: {'type': 'com.example.A', 'name': 'one'}, '03'),
    (lambda i: {'type': 'com.example.B', 'name': 'two'}, ''),
    (lambda i: {'type': 'com.example'}, ''),
    (lambda i: {'name': ''}, ''),
    (lambda i: {'instance': i.path}, '0'),
    (lambda i: {'instance': i.path, 'type': 'com.example.A', 'name': 'one'}, '0'),
]


@pytest.mark.parametrize('who, reached', WHO)
def test_who(bus, service, who, reached):
    """Two containers of one app are two: neither gets what the other was granted."""
    made = [bus.container(type='com.example.' + t, name=n) for t, n in (('A', 'one'), ('A', 'two'), ('B', 'one'), ('A', 'one'))]
    conns = [i.connect() for i in made]
    grant(service, [rule(CALL_, '')], **who(made[0]))
    assert ''.join(str(n) for n, c in enumerate(conns) if sends(c, service)) == reached
    assert ''.join(str(n) for n, c in enumerate(conns) if sends(c, service, NAME)) == reached
    assert ''.join(str(n) for n, c in enumerate(conns) if c.has_owner(NAME)) == reached
    assert ''.join(str(n) for n, c in enumerate(conns) if service.name in c.names()) == reached


# ---- what: (flags, path, interface) -> the (path, interface, member) of messages that pass
MESSAGES = [('/a', 'x.y', 'M'), ('/a/b', 'x.y', 'M'), ('/ab', 'x.y', 'M'), ('/', 'x.y', 'M'), ('/a', 'x.y', 'N'), ('/a', 'x.y.M', 'M'),
            ('/a', 'x.z', 'M'), ('/a', None, 'M'), ('/a/b/c', None, 'N'), ('/a/bc', 'x.y', 'M')]
BOUNDS = [
    (PATH_SUBTREE, '/', '', '0123456789'), (0, '/a', '', '04567'), (PATH_SUBTREE, '/a', '', '01456789'), (0, '/', '', '3'), (0, '/a/b', '', '1'),
    (PATH_SUBTREE, '/a/b', '', '18'), (PATH_SUBTREE, '/a/b/c', '', '8'), (PATH_SUBTREE, '/a/b/c/d', '', ''), (0, '/a/b/c', '', '8'),
    (PATH_SUBTREE, '/', 'x.y', '012349'), (PATH_SUBTREE, '/', 'x.z', '6'), (0, '/a', 'x.y', '04'), (PATH_SUBTREE, '/b', '', ''),
    (PATH_SUBTREE | MEMBER, '/', 'x.y.M', '01239'), (PATH_SUBTREE | MEMBER, '/a', 'x.y.M', '019'), (PATH_SUBTREE, '/', 'x.y.M', '5'),
    (PATH_SUBTREE | MEMBER, '/', 'x.y.N', '4'), (PATH_SUBTREE | MEMBER, '/', 'M', '0123569'), (PATH_SUBTREE | MEMBER, '/', 'N', '4'),
]


@pytest.mark.parametrize('flags, path, iface, passes', BOUNDS)
@pytest.mark.parametrize('name', ['', NAME])
def test_bounds_of_a_call(bus, service, flags, path, iface, passes, name):
    _, c = app(bus)
    grant(service, [(CALL_ | flags, name, path, iface)])
    # Others, which must neither help nor hinder.
    grant(service, [(SEE, '', '/', ''), (HEAR | PATH_SUBTREE, '', '/', ''), (CALL_, '', '/zz/y', 'q.q')], type=APP)
    got = [str(n) for n, (p, i, m) in enumerate(MESSAGES) if sends(c, service, path=p, interface=i, member=m)]
    assert ''.join(got) == passes


def test_actions(bus, service):
    """SEE shows, CALL calls, HEAR hears; and each no more than it says."""
    _, c = app(bus)
    c.match("type='signal'")

    def state():
        clear(c, service)
        service.signal()
        service.sync()
        c.sync()
        heard = [m.member for m in c.take(SIGNAL)] == ['Sig']
        return service.name in c.names(), sends(c, service, path='/obj', interface='com.example.Iface'), heard

    assert state() == (False, False, False)
    for flags, expected in ((SEE, (True, False, False)), (CALL_, (True, True, False)), (HEAR, (True, False, True)), (TALK, (True, True, True))):
        number = grant(service, [rule(flags, '')])
        assert state() == expected
        assert c.credentials(service.name)
        revoke(service, number)
        assert state() == (False, False, False)


def test_descriptors(bus, service, pipe):  # noqa: F811
    r, w = pipe
    _, c = app(bus)
    grant(service, [rule(CALL_, '')])
    message = dict(destination=service.name, path='/', interface='a.b', member='M', signature='h', body=(0,), fds=[r])
    for flags, passes in ((0, False), (SEND_FDS, True)):
        number = grant(service, [rule(CALL_ | flags, '')])
        clear(c, service)
        c.send(Message(CALL, **message))
        c.sync()
        service.sync()
        assert bool(service.take(CALL)) == passes
        revoke(service, number)
    for flags, passes in ((0, False), (RECEIVE_FDS, True)):
        number = grant(service, [rule(SEE | flags, '')])
        clear(c, service)
        service.send(Message(CALL, **dict(message, destination=c.name)))
        service.sync()
        c.sync()
        assert bool(c.take(CALL)) == passes
        revoke(service, number)


def test_descriptors_in_replies(bus, service, pipe):  # noqa: F811
    r, w = pipe
    _, c = app(bus)
    grant(service, [rule(CALL_, '')])
    for flags, passes in ((0, False), (RECEIVE_FDS, True)):
        number = grant(service, [(SEE | flags, '', '/nowhere', 'no.such')])
        serial = c.send_call('Give', dest=NAME, path='/', iface='a.b')
        service.reply(service.wait_call('Give'), 'h', 0, fds=[r])
        try:
            assert c.reply_to(serial, full=True).fds and passes
        except DBusError as e:
            assert e.name == E + 'AccessDenied' and not passes
        revoke(service, number)


def test_additive(bus, service):
    """A grant and the container's own rules: each opens what it says; the XML policy closes both."""
    _, c = app(bus, rules=[(CALL_, NAME, '/own', '')])
    grant(service, [(CALL_, '', '/granted', '')])
    assert [p for p in ('/own', '/granted', '/other') if sends(c, service, path=p)] == ['/own', '/granted']


@pytest.mark.parametrize('side', ['send_destination="com.example.Settings"', 'receive_interface="com.example.Iface"'])
def test_xml_still_denies(new_bus, side):
    bus = new_bus
    bus.start(policy=OPEN_POLICY + '<deny %s/>' % side)
    service = bus.connect()
    service.request_name(NAME)
    _, c = app(bus)
    grant(service, [rule(TALK, '')])
    assert c.has_owner(NAME)
    assert c.error('M', dest=NAME, path='/', iface='com.example.Iface') == E + 'AccessDenied'


# ---- the end of a grant
def reaches(c, service):
    return sends(c, service)


def test_ends_when_revoked(bus, service):
    _, c = app(bus)
    numbers = [grant(service, [rule(CALL_, '')]) for _ in range(2)]
    assert reaches(c, service)
    revoke(service, numbers[0])
    assert reaches(c, service)
    revoke(service, numbers[1])
    assert not reaches(c, service)
    assert m1_error(service, 'Revoke', 'u', numbers[1]).name == E + 'InvalidArgs'


def test_revoke_is_the_granters(bus, service):
    _, c = app(bus)
    number = grant(service, [rule(CALL_, '')])
    for other in (bus.connect(), c):
        assert m1_error(other, 'Revoke', 'u', number).name == E + 'InvalidArgs'
    assert m1_error(service, 'Revoke', 'u', 0).name == E + 'InvalidArgs'
    assert reaches(c, service)


def test_ends_with_the_connection(bus, service):
    _, c = app(bus)
    grant(service, [rule(CALL_, '')])
    c.match("type='signal'")
    old = service.name
    assert reaches(c, service)
    service.close()
    changed = c.wait_signal('NameOwnerChanged')
    names = {changed.body[0]}
    names.add(c.wait_signal('NameOwnerChanged').body[0])
    assert names == {NAME, old}, 'whoever could see it hears that it goes'
    again = bus.connect()
    again.request_name(NAME)
    assert not reaches(c, again) and not c.has_owner(NAME)


@pytest.mark.parametrize('how', ['release', 'replaced', 'replaced, queued'])
def test_ends_with_the_name(bus, how):
    """A rule about a name ends when the name is lost, at once, and does not come back; a rule about all of the granter stays."""
    service, rival = bus.connect(), bus.connect()
    service.request_name(NAME, 0x1 | (0 if how == 'replaced, queued' else 0x4))
    service.request_name('com.example.Second')
    _, c = app(bus)
    c.match("type='signal',member='NameOwnerChanged'")
    grant(service, [(CALL_, NAME, '/named', ''), (CALL_, '', '/all', ''), (CALL_, 'com.example.Second', '/second', '')])
    clear(c)

    def open_paths():
        return [p for p in ('/named', '/all', '/second') if sends(c, service, path=p)]

    assert open_paths() == ['/named', '/all', '/second']
    if how == 'release':
        service.release_name(NAME)
    else:
        rival.request_name(NAME, 0x2)
    c.sync()
    assert (NAME, service.name, '') in [m.body for m in c.inbox if m.member == 'NameOwnerChanged']
    assert open_paths() == ['/all', '/second']
    assert not sends(c, rival, path='/named') if how != 'release' else True
    rival.release_name(NAME)
    if how != 'replaced, queued':
        service.request_name(NAME)
    assert open_paths() == ['/all', '/second']


def test_a_named_rule_alone_hides_the_granter_when_it_ends(bus, service):
    _, c = app(bus)
    c.match("type='signal',member='NameOwnerChanged'")
    grant(service, [rule(CALL_, NAME)])
    assert c.has_owner(NAME) and service.name in c.names()
    clear(c)
    service.release_name(NAME)
    c.sync()
    assert [m.body for m in c.inbox if m.member == 'NameOwnerChanged'] == [(NAME, service.name, '')]
    assert service.name not in c.names() and not reaches(c, service)


def test_ends_with_the_instance(bus, service):
    instance, c = app(bus)
    number = grant(service, [rule(CALL_, '')], instance=instance.path)
    assert reaches(c, service)
    instance.stop()
    assert c.is_closed()
    service.match("interface='%s'" % CONTAINERS)
    assert m1_error(service, 'Revoke', 'u', number).name == E + 'InvalidArgs'
    assert grant_error(service, [rule(CALL_, '')], instance=instance.path).name == E + 'NotContainer'
    other, d = app(bus)
    assert not reaches(d, service)


def test_ends_with_messages_in_flight(bus, service):
    """In the order in which the bus got them: what came before the end passes, what came after does not."""
    _, c = app(bus)
    for end in ('revoke', 'name'):
        number = grant(service, [rule(CALL_, NAME if end == 'name' else '')])
        clear(c, service)
        rounds = 60  # twice, since nobody answers, and a container may have 128 calls waiting
        for i in range(rounds):
            c.send_call('Before', 'u', i, dest=NAME, path='/', iface='a.b')
        c.sync()
        if end == 'revoke':
            m1(service, 'Revoke', 'u', number)
        else:
            service.release_name(NAME)
        after = [c.send_call('After', 'u', i, dest=service.name, path='/', iface='a.b') for i in range(rounds)]
        c.sync()
        service.sync()
        got = [(m.member, m.body[0]) for m in service.take(CALL)]
        assert got == [('Before', i) for i in range(rounds)]
        assert {m.reply_serial for m in c.take(3)} == set(after)


def test_ends_with_the_connection_and_messages_in_flight(bus, service):
    """The next owner of the name gets nothing of what was meant for the granter."""
    heir = bus.connect()
    heir.request_name(NAME)
    _, c = app(bus)
    grant(service, [rule(CALL_, NAME), rule(CALL_, '')])
    clear(c, service, heir)
    for i in range(60):
        c.send_call('Call', 'u', i, dest=NAME, path='/', iface='a.b')
        if i == 30:
            service.close()
    c.sync()
    heir.sync()
    assert heir.has_owner(NAME) and heir.take(CALL) == []
    assert not reaches(c, heir)


def test_ends_with_the_instance_and_messages_in_flight(bus, service):
    """What the instance had sent before it was stopped is delivered, and nothing of what another one of the same app sends."""
    instance, c = app(bus)
    other, d = app(bus)
    grant(service, [rule(CALL_, '')], instance=instance.path)
    clear(c, d, service)
    for i in range(60):
        c.send_call('Mine', 'u', i, dest=NAME, path='/', iface='a.b', flags=1)
        d.send_call('Other', 'u', i, dest=NAME, path='/', iface='a.b', flags=1)
    c.sync()
    instance.stop()
    assert c.is_closed()
    for i in range(60):
        d.send_call('Other', 'u', i, dest=NAME, path='/', iface='a.b', flags=1)
    d.sync()
    service.sync()
    assert [(m.member, m.body[0]) for m in service.take(CALL)] == [('Mine', i) for i in range(60)]


def test_answers_to_what_was_let_through(bus, service):
    """A call that the grant let through is answered although the grant has ended since."""
    _, c = app(bus)
    number = grant(service, [rule(CALL_, '')])
    serial = c.send_call('Ask', dest=NAME, path='/', iface='a.b')
    call = service.wait_call('Ask')
    revoke(service, number)
    service.reply(call, 's', 'late')
    assert c.reply_to(serial) == ('late',)


# ---- what may not be granted
@pytest.mark.parametrize('rules, error', [
    ([], 'InvalidArgs'),
    ([rule(OWN, NAME)], 'InvalidArgs'),
    ([rule(CALL_ | NAME_SUBTREE, NAME)], 'InvalidArgs'),
    ([(CALL_, ':1.0', '/', '')], 'InvalidArgs'),
    ([(0, '', '/', '')], 'InvalidArgs'),
    ([(1 << 11 | CALL_, '', '/', '')], 'InvalidArgs'),
    ([rule(CALL_, ''), (SEND_FDS, '', '/', '')], 'InvalidArgs'),
    ([rule(CALL_, 'com.example.Nobody')], 'AccessDenied'),
    ([rule(CALL_, 'com.example.Theirs')], 'AccessDenied'),
    ([rule(CALL_, 'com.example.Queued')], 'AccessDenied'),
    ([rule(CALL_, ''), rule(CALL_, 'com.example.Theirs')], 'AccessDenied'),
    ([rule(CALL_, DRIVER)], 'InvalidArgs'),
    ([(CALL_, '', '/' + 'a' * 512, '')], 'InvalidArgs'),
    ([(CALL_, '', '/a' * 25, '')], 'InvalidArgs'),
])
def test_what_cannot_be_granted(bus, service, rules, error):
    other = bus.connect()
    other.request_name('com.example.Theirs')
    other.request_name('com.example.Queued')
    service.request_name('com.example.Queued')
    _, c = app(bus)
    failure = grant_error(service, rules)
    assert failure.name == E + error
    if len(rules) > 1:
        assert 'rule 1' in failure.text, 'the index is told, from 0'
    assert not reaches(c, service) and not reaches(c, other), 'and nothing of it was granted'


@pytest.mark.parametrize('who, error', [
    ({'uid': ('u', 0)}, 'InvalidArgs'), ({'type': ('u', 1)}, 'InvalidArgs'), ({'type': ('s', 'nodot')}, 'InvalidArgs'),
    ({'type': ('s', '')}, 'InvalidArgs'), ({'instance': ('s', '/x')}, 'InvalidArgs'), ({'name': ('o', '/x')}, 'InvalidArgs'),
    ({'instance': ('o', '/org/freedesktop/DBus/Containers1/c99')}, 'NotContainer'), ({'instance': ('o', '/')}, 'NotContainer'),
])
def test_faulty_who(bus, service, who, error):
    assert m1_error(service, 'Grant', 'a{sv}a(usos)', who, [rule(CALL_, '')]).name == E + error


def test_instance_of_another_name(bus, service):
    instance, c = app(bus)
    for who in ({'type': 'com.example.Other'}, {'name': 'other'}):
        assert grant_error(service, [rule(CALL_, '')], instance=instance.path, **who).name == E + 'InvalidArgs'
    assert not reaches(c, service)


# ---- granters in containers
def test_contained_granter(bus):
    """It may grant what is about a name that a rule lets it own, and nothing else."""
    instance = bus.container(rules=[rule(OWN, NAME)], name='service')
    granter = instance.connect()
    granter.request_name(NAME)
    _, c = app(bus)
    assert grant_error(granter, [rule(CALL_, '')]).name == E + 'AccessDenied'
    assert grant_error(granter, [rule(CALL_, 'com.example.Other')]).name == E + 'AccessDenied'
    assert not reaches(c, granter)
    grant(granter, [rule(CALL_, NAME)])
    assert reaches(c, granter) and c.has_owner(NAME)
    set_rules(instance, [])
    assert not reaches(c, granter), 'the name is gone, and the grant with it'


def test_contained_granter_without_names(bus):
    _, granter = app(bus, 'service')
    for name in ('', NAME):
        assert grant_error(granter, [rule(CALL_, name)]).name == E + 'AccessDenied'


def test_contained_granter_in_mode_identify(bus):
    granter = bus.container(rules=None, Mode=('s', 'identify'), name='service').connect()
    granter.request_name(NAME)
    instance, c = app(bus)
    assert grant_error(granter, [rule(CALL_, '')]).name == E + 'AccessDenied'
    grant(granter, [rule(CALL_, NAME)], instance=instance.path)
    assert reaches(c, granter)


def test_contained_granter_knows_only_whom_it_has_met(bus):
    """Which instances there are is not for containers to find out."""
    granter = bus.container(rules=[rule(OWN, NAME)], name='service').connect()
    granter.request_name(NAME)
    instance, c = app(bus, rules=[(CALL_, NAME, '/hello', '')])
    rules = [(CALL_, NAME, '/more', '')]
    hidden = grant_error(granter, rules, instance=instance.path)
    nothing = grant_error(granter, rules, instance='/org/freedesktop/DBus/Containers1/c999')
    assert hidden.name == nothing.name == E + 'NotContainer'
    assert hidden.text.replace(instance.path, 'X') == nothing.text.replace('/org/freedesktop/DBus/Containers1/c999', 'X')
    assert sends(c, granter, path='/hello')
    grant(granter, rules, instance=instance.path)
    assert sends(c, granter, path='/more')


def test_contained_granter_cannot_guess(bus):
    """What type and name another instance has is not for containers to find out."""
    granter = bus.container(rules=[rule(OWN, NAME)], name='service').connect()
    granter.request_name(NAME)
    instance, c = app(bus, rules=[(CALL_, NAME, '/hello', '')])
    assert sends(c, granter, path='/hello')
    texts = {grant_error(granter, [(CALL_, NAME, '/more', '')], instance=instance.path, name=name).text for name in ('app', 'other')}
    assert len(texts) == 1


# ---- what a grant about one name tells of others
def test_names_that_no_rule_shows(bus, service):
    """They are as if they did not exist, also when their owner may be reached by another name."""
    service.request_name('com.example.Secret')
    for open_it in (lambda i: grant(service, [rule(CALL_, NAME)]), lambda i: set_rules(i, [rule(CALL_, NAME)])):
        instance, c = app(bus)
        number = open_it(instance)
        assert sends(c, service, NAME) and sends(c, service)
        assert not sends(c, service, 'com.example.Secret')
        answers = []
        for name in ('com.example.Secret', 'com.example.Nothing'):
            call = c.failure('M', dest=name, path='/', iface='a.b')
            start = c.failure('StartServiceByName', 'su', name, 0)
            answers.append((c.has_owner(name), call.name, call.text, start.name, start.text))
        assert answers[0] == answers[1]
        if number:
            revoke(service, number)


# ---- limits
def test_limit_of_a_connection(new_bus):
    bus = new_bus
    bus.start(mediator='<mediator><containers max-grants="3"/></mediator>')
    service = bus.connect()
    numbers = [grant(service, [(CALL_, '', '/%d' % i, '')]) for i in range(2)]
    assert grant_error(service, [(CALL_, '', '/a', ''), (CALL_, '', '/b', '')]).name == E + 'LimitsExceeded'
    numbers.append(grant(service, [(CALL_, '', '/2', '')]))
    assert grant_error(service, [(CALL_, '', '/3', '')]).name == E + 'LimitsExceeded'
    grant(bus.connect(), [(CALL_, '', '/3', '')])
    revoke(service, numbers[0])
    grant(service, [(CALL_, '', '/3', '')])


def test_limit_of_texts(new_bus):
    """Names of containers may be long, and what they are kept in is the bus's memory."""
    bus = new_bus.start(mediator='<mediator><containers max-grants="16"/></mediator>')
    service = bus.connect()
    assert grant_error(service, [(CALL_, '', '/a', '')], name='n' * 5000).name == E + 'LimitsExceeded'
    numbers = [grant(service, [(CALL_, '', '/a', '')], name='%d' % i + 'n' * 900) for i in range(4)]
    assert grant_error(service, [(CALL_, '', '/a', '')], name='n' * 900).name == E + 'LimitsExceeded'
    for number in numbers[1:]:
        revoke(service, number)
    for i in range(3):
        grant(service, [(CALL_, '', '/a', '')], name='%d' % i + 'm' * 900)


def test_numbers_are_the_granters_own(bus, service):
    """Nobody can use up the numbers of others, and what fails uses up none."""
    other = bus.connect()
    first = grant(service, [rule(CALL_, '')])
    for _ in range(50):
        revoke(other, grant(other, [rule(CALL_, '')]))
        grant_error(other, [rule(CALL_, 'com.example.Nobody')])
    assert grant(service, [rule(CALL_, '')]) == first + 1
    assert grant(other, [rule(CALL_, '')]) == 51


def test_limit_of_rules_that_are_alike(bus, service):
    _, c = app(bus)
    for i in range(64):
        number = grant(service, [(CALL_, '', '/a', 'x.y')])
    assert grant_error(service, [(CALL_, '', '/b', 'x.y'), (CALL_, '', '/a', 'x.y')]).name == E + 'LimitsExceeded'
    assert not sends(c, service, path='/b', interface='x.y'), 'all or nothing'
    grant(service, [(CALL_, '', '/a', 'x.y')], type='com.example.Other')
    revoke(service, number)
    grant(service, [(CALL_, '', '/a', 'x.y')])


def test_many_grants_come_and_go(bus, service):
    """Ten thousand, by instance, path and name, and none left."""
    instance, c = app(bus)
    other, _ = app(bus, 'other')
    numbers = []
    for i in range(5000):
        numbers.append(grant(service, [(CALL_ | PATH_SUBTREE, '', '/app/n%d' % i, 'x.y'), (HEAR, NAME, '/n%d' % i, '')],
                             instance=(instance if i % 2 else other).path))
    assert sends(c, service, path='/app/n4999/deep', interface='x.y') and not sends(c, service, path='/app/n4998', interface='x.y')
    stats = plain(m1(bus.connect(), 'GetInstanceStats', 'o', instance.path)[0])
    assert stats['Grants'] == 5000
    service.release_name(NAME)
    service.sync()
    assert plain(m1(bus.connect(), 'GetInstanceStats', 'o', instance.path)[0])['Grants'] == 2500
    for number in numbers[::2]:
        revoke(service, number)
    assert sends(c, service, path='/app/n4999', interface='x.y')
    service.close()
    bus.connect().sync()
    assert plain(m1(bus.connect(), 'GetInstanceStats', 'o', instance.path)[0])['Grants'] == 0


def test_explained(bus, service):
    instance, c = app(bus)
    number = grant(service, [(CALL_, NAME, '/a', '')], instance=instance.path)
    answer = explain(bus.connect(), type='method_call', sender=c.name, destination=NAME, path='/a', member='M')
    assert answer['allowed'] and answer['container']['rule'] == 'grant:%d' % number
    assert answer['container']['source'] == 'grant %d of %s' % (number, service.name)
    rules = m1(instance.manager, 'GetRules', 'o', instance.path)[0]
    assert [tuple(r) for r in rules] == [(CALL_, NAME, '/a', '', 'grant:%d of %s' % (number, service.name), 'call=%s=*@/a' % NAME)]
