# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.postern.Mediator1 beside grants and explanations: rules of a living instance, lists and figures, and who may ask for them."""
import contextlib
import os

import pytest

from bus import CALL_, NAME_SUBTREE, OPEN_POLICY, OWN, SEE, SEND_FDS, TALK, rule
from helpers import OTHER_UID, is_root
from mediator1 import MEDIATOR1, m1, m1_error, plain, set_rules
from wirebus import CALL, CONTAINERS, DRIVER, E, RETURN
from world import DENIED, clear, sends, world  # noqa: F401

pytestmark = pytest.mark.postern


# ---- SetRules
def test_set_rules(world):  # noqa: F811
    instance = world.bus.container(rules=[rule(CALL_, 'com.example.A')])
    c = instance.connect()
    assert [k for k, s in world.services.items() if sends(c, s)] == ['a']
    set_rules(instance, [rule(CALL_, 'com.example.AB'), rule(SEE, 'com.example.A.B')])
    assert [k for k, s in world.services.items() if sends(c, s)] == ['ab']
    assert [n for n in ('com.example.A', 'com.example.AB', 'com.example.A.B') if c.has_owner(n)] == ['com.example.AB', 'com.example.A.B']
    set_rules(instance, [])
    assert [k for k, s in world.services.items() if sends(c, s)] == []


def test_set_rules_hold_for_all_of_the_instance_and_no_other(world):  # noqa: F811
    one, other = world.bus.container(name='same'), world.bus.container(name='same')
    conns = [one.connect(), one.connect(), other.connect()]
    set_rules(one, [rule(CALL_, 'com.example.A')])
    later = one.connect()
    assert [sends(c, world.a) for c in conns + [later]] == [True, True, False, True]


def test_set_rules_take_effect_with_the_next_message(world):  # noqa: F811
    """The order of the bus counts: what it got before passes by the old rules, what it got after by the new ones."""
    instance = world.bus.container(rules=[rule(CALL_, 'com.example.A')])
    c = instance.connect()
    clear(c, world.a)
    for i in range(100):
        c.send_call('Before', 'u', i, dest='com.example.A', path='/', iface='a.b')
    c.sync()
    set_rules(instance, [])
    for i in range(100):
        c.send_call('After', 'u', i, dest='com.example.A', path='/', iface='a.b')
    c.sync()
    world.a.sync()
    assert [m.member for m in world.a.take(CALL)] == ['Before'] * 100


def test_set_rules_know_names_that_come_and_go(bus):
    instance = bus.container()
    c = instance.connect()
    set_rules(instance, [rule(CALL_, 'com.example.Late')])
    c.match("type='signal',member='NameOwnerChanged'")
    service = bus.connect()
    assert not sends(c, service)
    service.request_name('com.example.Late')
    assert c.wait_signal('NameOwnerChanged').body == ('com.example.Late', '', service.name)
    assert sends(c, service)
    service.release_name('com.example.Late')
    assert not sends(c, service)


def test_names_that_rules_do_not_allow_any_more_are_released(bus):
    instance = bus.container(rules=[rule(OWN | NAME_SUBTREE, 'com.example.App'), rule(OWN, 'com.example.Other')])
    c, queued, outside = instance.connect(), instance.connect(), bus.connect()
    outside.match("type='signal',member='NameOwnerChanged'")
    for name in ('com.example.App', 'com.example.App.Part', 'com.example.Other'):
        c.request_name(name)
        queued.request_name(name)
    clear(c, outside)
    set_rules(instance, [rule(OWN, 'com.example.App.Part')])
    c.sync()
    outside.sync()
    assert sorted(m.body[0] for m in c.inbox if m.member == 'NameLost') == ['com.example.App', 'com.example.Other']
    gone = [m.body for m in outside.inbox if m.member == 'NameOwnerChanged' and m.body[2] == '']
    assert sorted(b[0] for b in gone) == ['com.example.App', 'com.example.Other']
    assert outside.call('GetNameOwner', 's', 'com.example.App.Part')[0] == c.name
    assert not outside.has_owner('com.example.App') and not outside.has_owner('com.example.Other')
    assert c.error('RequestName', 'su', 'com.example.App', 0) == DENIED


def test_set_rules_of_mode_complain(bus):
    """Nothing is taken away from whom nothing is denied."""
    instance = bus.container(rules=[], Mode=('s', 'complain'))
    c = instance.connect()
    c.request_name('com.example.App')
    set_rules(instance, [rule(SEE, 'com.example.A')])
    assert bus.connect().has_owner('com.example.App')


@pytest.mark.parametrize('rules, text', [
    ([(0, 'a.b', '/', '')], 'rule 0'), ([rule(CALL_, 'a.b'), (CALL_, 'a b', '/', '')], 'rule 1'), ([(CALL_, 'a.b', '/', 'x')], 'rule 0'),
    ([(SEND_FDS, 'a.b', '/', '')], 'rule 0'), ([(OWN, 'a.b', '/x', '')], 'rule 0'), ([(CALL_, DRIVER, '/', '')], 'rule 0'),
])
def test_faulty_rules_change_nothing(world, rules, text):  # noqa: F811
    instance = world.bus.container(rules=[rule(CALL_, 'com.example.A')])
    c = instance.connect()
    failure = m1_error(instance.manager, 'SetRules', 'oa(usos)', instance.path, rules)
    assert failure.name == E + 'InvalidArgs' and text in failure.text
    assert sends(c, world.a)


def test_set_rules_errors(bus):
    instance = bus.container(rules=None, Mode=('s', 'identify'))
    manager = instance.manager
    assert m1_error(manager, 'SetRules', 'oa(usos)', instance.path, []).name == E + 'InvalidArgs'
    assert m1_error(manager, 'SetRules', 'oa(usos)', '/org/freedesktop/DBus/Containers1/c99', []).name == E + 'NotContainer'
    assert m1_error(manager, 'SetRules', 'oa(us)', instance.path, []).name == E + 'InvalidArgs'
    assert m1_error(manager, 'SetRules', 'o', instance.path).name == E + 'InvalidArgs'


def test_another_connection_of_the_same_user_may_set_rules(world):  # noqa: F811
    instance = world.bus.container()
    c = instance.connect()
    set_rules(instance, [rule(CALL_, 'com.example.A')], world.bus.connect())
    assert sends(c, world.a)


def test_limits_of_rules(new_bus):
    new_bus.start(mediator='<mediator><containers max-rules="2"/></mediator>')
    rules = [rule(CALL_, 'a.b%d' % i) for i in range(3)]
    assert new_bus.container_fails(Allow=('a(usos)', rules)).name == E + 'LimitsExceeded'
    instance = new_bus.container(rules=rules[:2])
    failure = m1_error(instance.manager, 'SetRules', 'oa(usos)', instance.path, rules)
    assert failure.name == E + 'LimitsExceeded'
    assert len(m1(instance.manager, 'GetRules', 'o', instance.path)[0]) == 2
    set_rules(instance, rules[1:])


def test_rules_of_a_great_many_bytes(bus):
    instance = bus.container()
    rules = [(CALL_, 'a.b', '/' + 'x' * 4000, '')] * 80
    assert m1_error(instance.manager, 'SetRules', 'oa(usos)', instance.path, rules).name == E + 'LimitsExceeded'


@contextlib.contextmanager
def other_user():
    """Connects as another user meanwhile: the kernel tells the effective one."""
    os.setegid(OTHER_UID)
    os.seteuid(OTHER_UID)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.skipif(not is_root(), reason='only root can be another user')
def test_another_users_instance(new_bus):
    """Rules are the creator's uid's to set, and root's and the bus's user's to read; what is there is no secret outside of containers."""
    bus = new_bus.start(policy=OPEN_POLICY + '<allow user="*"/>')
    os.chmod(bus.dir, 0o755)
    instance = bus.container(rules=[rule(CALL_, 'com.example.A')])
    with other_user():
        c = bus.connect()
        theirs = bus.container(c, rules=[rule(CALL_, 'com.example.B')])
    path = instance.path
    assert [m1_error(c, *call).name for call in (('SetRules', 'oa(usos)', path, []), ('GetRules', 'o', path), ('Explain', 'a{sv}', {}),
                                                 ('Watch', 'a{sv}', {}))] == [DENIED] * 4
    assert len(m1(c, 'ListInstances')[0]) == 2 and m1(c, 'GetInstanceStats', 'o', path)[0]
    assert len(m1(c, 'GetRules', 'o', theirs.path)[0]) == 1
    set_rules(theirs, [])
    root = bus.connect()
    assert m1_error(root, 'SetRules', 'oa(usos)', theirs.path, []).name == DENIED
    assert m1(root, 'GetRules', 'o', theirs.path)[0] == [] and m1(root, 'GetRules', 'o', path)[0]


# ---- GetRules
def test_get_rules(new_bus):
    bus = new_bus.start(mediator='<mediator><container type="com.example.Sandbox" name="app"><allow talk="org.example.Site"/></container></mediator>')
    given = [rule(TALK, 'a.b'), rule(OWN | NAME_SUBTREE, 'a.c'), (CALL_, 'a.d', '/x', 'i.f'), (CALL_ | 0x400, 'a.d', '/x', 'i.f.M'), rule(CALL_, '')]
    instance = bus.container(rules=given)
    got = [tuple(r) for r in m1(instance.manager, 'GetRules', 'o', instance.path)[0]]
    assert [r[:4] for r in got[:5]] == given
    assert [r[4] for r in got[:5]] == ['index:%d' % i for i in range(5)]
    assert [r[5] for r in got] == ['talk=a.b', 'own=a.c.*', 'call=a.d=i.f.*@/x', 'call=a.d=i.f.M@/x', '', 'talk=org.example.Site']
    assert got[5][4] == '%s:1' % bus.mediator
    assert m1(bus.container(rules=None, Mode=('s', 'identify')).manager, 'GetRules', 'o', instance.path)[0]


# ---- ListInstances, InstanceAdded
def test_list_instances(bus):
    watcher = bus.connect()
    watcher.match("type='signal',interface='%s'" % MEDIATOR1)
    watcher.match("type='signal',interface='%s'" % CONTAINERS)
    assert m1(watcher, 'ListInstances')[0] == []
    one, two = bus.container(name='one'), bus.container(type='com.example.Other', name='zwei \u00e4')
    c = one.connect()
    assert watcher.wait_signal('InstanceAdded').body == (one.path,) and watcher.wait_signal('InstanceAdded').body == (two.path,)
    got = [tuple(i) for i in m1(watcher, 'ListInstances')[0]]
    assert got == [(one.path, 'com.example.Sandbox', 'one', 'socket', 1), (two.path, 'com.example.Other', 'zwei \u00e4', 'socket', 0)]
    assert one.connect().name and m1(watcher, 'ListInstances')[0][0][4] == 2
    watcher.sync()
    assert [m for m in watcher.take_driver() if m[0] == 'InstanceAdded'] == [], 'once'
    one.stop()
    two.stop()
    assert c.is_closed()
    assert {watcher.wait_signal('InstanceRemoved').body[0] for _ in range(2)} == {one.path, two.path}
    assert m1(watcher, 'ListInstances')[0] == []


def test_instance_added_does_not_go_into_containers(bus):
    c = bus.container().connect()
    c.match("type='signal'")
    bus.container(name='another')
    c.sync()
    assert [m for m in c.take_driver() if m[0].startswith('Instance')] == []


def test_an_instance_is_announced_before_its_manager_knows_it(bus):
    manager = bus.connect()
    manager.match("type='signal',interface='%s'" % MEDIATOR1)
    instance = bus.container(manager)
    assert [m.body for m in manager.inbox if m.member == 'InstanceAdded'] == [(instance.path,)]


# ---- figures
def stats(conn, instance):
    return plain(m1(conn, 'GetInstanceStats', 'o', instance.path)[0])


def test_figures(bus):
    service, watcher = bus.connect(), bus.connect()
    service.request_name('com.example.A')
    instance = bus.container(rules=[rule(CALL_, 'com.example.A'), rule(SEE, 'com.example.B')])
    assert stats(watcher, instance) == dict.fromkeys(
        ('Connections', 'Grants', 'SiteRules', 'MessagesSent', 'MessagesReceived', 'DeniedByXml', 'DeniedByContainer', 'DeniedByLsm',
         'Complaints', 'BytesSent', 'BytesReceived', 'FdsSent', 'FdsReceived'), 0) | {'Rules': 2, 'Mode': 'restrict'}
    c = instance.connect()
    before = stats(watcher, instance)
    assert before['Connections'] == 1
    c.send_call('M', 's', 'x' * 1000, dest='com.example.A', path='/', iface='a.b')
    c.error('N', dest='com.example.B', path='/', iface='a.b')
    c.error('RequestName', 'su', 'com.example.A', 0)
    c.match("type='signal'")
    service.signal()  # that no rule lets in, as is normal: no denial
    service.sync()
    after = stats(watcher, instance)
    grown = {k: after[k] - before[k] for k in after if k != 'Mode' and after[k] != before[k]}
    # Three messages out, one of which asked the bus; in came the errors of the bus.
    assert grown['DeniedByContainer'] == 1 and grown['MessagesSent'] >= 2 and grown['MessagesReceived'] >= 2
    assert 1000 < grown['BytesSent'] < 1200 and 'DeniedByXml' not in grown


def test_figures_of_what_policy_denies(new_bus):
    bus = new_bus.start(policy=OPEN_POLICY + '<deny send_interface="no.such"/>')
    service = bus.connect()
    service.request_name('com.example.A')
    instance = bus.container(rules=[rule(CALL_, 'com.example.A')])
    c = instance.connect()
    assert c.error('M', dest='com.example.A', path='/', iface='no.such') == DENIED
    assert stats(service, instance)['DeniedByXml'] == 1 and stats(service, instance)['DeniedByContainer'] == 0


def test_figures_of_complaints_and_descriptors(bus):
    service = bus.connect()
    service.request_name('com.example.A')
    instance = bus.container(rules=[], Mode=('s', 'complain'))
    c = instance.connect()
    r, w = os.pipe()
    c.send_call('M', 'h', 0, dest='com.example.A', path='/', iface='a.b', fds=[r])
    call = service.wait_call('M')
    service.reply(call, 'h', 0, fds=[call.fds[0]])
    c.wait(lambda m: m.type == RETURN and m.sender == service.name)
    got = stats(service, instance)
    assert got['FdsSent'] == 1 and got['FdsReceived'] == 1 and got['Complaints'] == 2 and got['DeniedByContainer'] == 0
    os.close(r)
    os.close(w)


# ---- who may ask
PRIVATE = [('SetRules', 'oa(usos)', '/x', []), ('GetRules', 'o', '/x'), ('ListInstances', ''), ('GetInstanceStats', 'o', '/x'),
           ('Explain', 'a{sv}', {}), ('Watch', 'a{sv}', {}), ('Unwatch', '')]


@pytest.mark.parametrize('mode', ['restrict', 'complain', 'identify'])
@pytest.mark.parametrize('call', PRIVATE)
def test_containers_may_not(bus, mode, call):
    instance = bus.container(rules=None, Mode=('s', mode))
    member, sig, *args = call
    args = [instance.path if a == '/x' else a for a in args]
    failure = m1_error(instance.connect(), member, sig, *args)
    assert failure.name == DENIED and failure.text == 'The policy of this bus does not allow this'


def test_introspection_and_properties(bus):
    c = bus.connect()
    xml = c.call('Introspect', iface='org.freedesktop.DBus.Introspectable')[0]
    for member in ('SetRules', 'GetRules', 'Grant', 'Revoke', 'ListInstances', 'GetInstanceStats', 'Explain', 'RequestFacts', 'Watch', 'Unwatch',
                   'InstanceAdded', 'Verdict', 'Version', 'Doors'):
        assert 'name="%s"' % member in xml
    assert MEDIATOR1 in c.get(DRIVER, 'Interfaces')
    everything = plain(c.call('GetAll', 's', MEDIATOR1, iface='org.freedesktop.DBus.Properties')[0])
    assert set(everything) == {'Version', 'Doors'} and everything['Version'] == c.get(MEDIATOR1, 'Version')
    doors = plain(c.get(MEDIATOR1, 'Doors'))
    assert doors['xml'] == 'on' and doors['container'].startswith('on') and set(doors) <= {'xml', 'container', 'selinux', 'apparmor'}
    assert c.error('Get', 'ss', MEDIATOR1, 'Nothing', iface='org.freedesktop.DBus.Properties') == E + 'UnknownProperty'
    assert c.error('Nothing', iface=MEDIATOR1) == E + 'UnknownMethod'
    assert c.error('SetRules', 'o', '/x', iface=MEDIATOR1) == E + 'InvalidArgs'
    assert c.error('ListInstances', iface=MEDIATOR1, path='/elsewhere') == E + 'UnknownInterface'
