# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a container may not see does not exist for it, wherever it asks; what made contact, and what a rule shows."""
import os

import pytest

from bus import CALL_, HEAR, NAME_SUBTREE, OWN, SEE, TALK, rule, wait_for
from world import clear, fd_gets_through, pipe, sends, world  # noqa: F401
from wirebus import CONTAINERS, DRIVER, E, SIGNAL

pytestmark = pytest.mark.postern
DENIED, NO_OWNER = E + 'AccessDenied', E + 'NameHasNoOwner'
INSPECT = ('GetConnectionUnixUser', 'GetConnectionUnixProcessID', 'GetConnectionCredentials', 'GetConnectionSELinuxSecurityContext',
           'GetAdtAuditSessionData')
CHANGED = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"


def invisible(c, *names):
    """Each of these is as if it did not exist, word for word as one that does not."""
    missing = 'com.example.Missing'
    listed = c.names()
    for name in names:
        none = ':1.99999' if name[0] == ':' else missing
        assert name not in listed and not c.has_owner(name)
        for method in ('GetNameOwner', 'ListQueuedOwners') + INSPECT:
            hidden, gone = c.failure(method, 's', name), c.failure(method, 's', none)
            assert (hidden.name, hidden.text.replace(name, 'N')) == (NO_OWNER, gone.text.replace(none, 'N')), (method, name)
        hidden, gone = (c.failure('GetConnectionInstance', 's', n, iface=CONTAINERS) for n in (name, none))
        assert (hidden.name, hidden.text.replace(name, 'N')) == (NO_OWNER, gone.text.replace(none, 'N'))
        hidden, gone = (c.failure('StartServiceByName', 'su', n, 0) for n in (name, none))
        assert (hidden.name, hidden.text.replace(name, 'N')) == (DENIED, gone.text.replace(none, 'N')), name
    return True


def visible(c, *names, inspect=True):
    listed = c.names()
    for name in names:
        assert name in listed and c.has_owner(name) and c.call('GetNameOwner', 's', name)[0] in listed, name
        for method in INSPECT[:3]:
            if inspect:
                c.call(method, 's', name)
            else:
                assert c.error(method, 's', name) == DENIED, (method, name)
    return True


def changes(c):
    """The NameOwnerChanged signals that came."""
    c.sync()
    return [s[1:] for s in c.take_driver() if s[0] == 'NameOwnerChanged']


def test_nothing_but_oneself(world):
    i = world.bus.container(rules=[rule(OWN, 'com.example.Mine')])
    c, d = i.connect(), i.connect()
    d.request_name('com.example.Mine')
    assert sorted(c.names()) == sorted([DRIVER, c.name, d.name, 'com.example.Mine'])
    assert visible(c, c.name, d.name, 'com.example.Mine')
    assert invisible(c, 'com.example.A', 'com.example.Other', world.a.name, world.plain.name, world.other.name)
    assert c.has_owner(DRIVER) and c.call('GetNameOwner', 's', DRIVER) == (DRIVER,)
    # The neighbour: who is not contained sees all.
    assert visible(world.plain, 'com.example.A', 'com.example.Other', world.other.name, c.name, 'com.example.Mine')


ROWS = [
    ([rule(SEE, 'com.example.A')], 'a'), ([rule(CALL_, 'com.example.A')], 'a'), ([rule(HEAR, 'com.example.A')], 'a'),
    ([rule(OWN, 'com.example.A')], 'a'), ([rule(SEE | NAME_SUBTREE, 'com.example.A')], 'a dot'), ([rule(SEE, 'com.example.AB')], 'ab'),
    ([(CALL_, 'com.example.A', '/only', 'x.y')], 'a'), ([rule(SEE, 'com.example.Other')], 'other'), ([rule(SEE, '')], 'a ab dot plain'),
    ([rule(SEE | NAME_SUBTREE, 'com.example')], 'a ab dot other'),
]


@pytest.mark.parametrize('rules, seen', ROWS)
def test_rules_show(world, rules, seen):
    """The names, and the unique names of their owners."""
    c = world.app(*rules)
    names = {'a': 'com.example.A', 'ab': 'com.example.AB', 'dot': 'com.example.A.B', 'other': 'com.example.Other'}
    unique = {k: s.name for k, s in world.services.items()}
    shown = seen.split()
    assert visible(c, *[n for k, n in names.items() if k in shown], *[n for k, n in unique.items() if k in shown])
    assert invisible(c, *[n for k, n in names.items() if k not in shown], *[n for k, n in unique.items() if k not in shown])


def test_other_names_of_a_visible_owner(world):
    """A rule shows a name and who owns it, not what else the owner owns."""
    world.a.request_name('org.example.Secret')
    c = world.app(rule(SEE, 'com.example.A'))
    assert visible(c, 'com.example.A', world.a.name) and invisible(c, 'org.example.Secret')


def test_visibility_ends_with_the_name(world):
    c = world.app(rule(SEE, 'com.example.A'))
    assert visible(c, world.a.name)
    world.a.release_name('com.example.A')
    assert invisible(c, world.a.name) and not c.has_owner('com.example.A')
    world.plain.request_name('com.example.A')
    assert visible(c, world.plain.name, 'com.example.A')


def test_queued_owners(world):
    """Who waits in a visible name's queue is not shown by it."""
    world.plain.request_name('com.example.A')
    c = world.app(rule(SEE, 'com.example.A'))
    assert c.call('ListQueuedOwners', 's', 'com.example.A')[0][0] == world.a.name
    assert world.plain.name not in c.call('ListQueuedOwners', 's', 'com.example.A')[0]
    assert invisible(c, world.plain.name)


def test_see_is_not_call(world):
    """Sending to a visible peer that no rule allows to be called: AccessDenied."""
    c = world.app(rule(SEE, 'com.example.A'))
    assert not sends(c, world.a) and not sends(c, world.a, 'com.example.A')
    assert sends(world.app(rule(CALL_, 'com.example.A')), world.a)


# ---- contact
def test_contact(world):
    """Who sent the instance a unicast message is visible to all of it, by the unique name alone, and is not to be inspected."""
    i = world.bus.container()
    c, d = i.connect(), i.connect()
    elsewhere = world.app()
    assert invisible(c, world.a.name)
    world.a.send_call('Hello', dest=c.name, flags=1)
    c.wait_call('Hello')
    for x in (c, d, i.connect()):
        assert visible(x, world.a.name, inspect=False) and invisible(x, 'com.example.A')
        assert not sends(x, world.a)
    assert invisible(elsewhere, world.a.name)
    world.ab.signal(dest=c.name)
    c.wait_signal()
    assert visible(c, world.ab.name, inspect=False) and invisible(c, world.dot.name)


def test_contact_ends_with_the_connection(world):
    c = world.app()
    c.match(CHANGED)
    world.plain.send_call('Hello', dest=c.name, flags=1)
    c.wait_call('Hello')
    clear(c)
    gone = world.plain.name
    world.plain.close()
    assert c.wait_signal('NameOwnerChanged').body == (gone, gone, '')
    assert not c.has_owner(gone) and gone not in c.names()


def test_a_refused_message_is_no_contact(world, pipe):  # noqa: F811
    c = world.app()
    assert not fd_gets_through(world.plain, c, pipe)
    assert invisible(c, world.plain.name)
    world.a.signal()
    clear(world.a)
    assert invisible(c, world.a.name)
    assert fd_gets_through(world.plain, world.a, pipe)


def test_contact_with_see_may_be_inspected(world):
    c = world.app(rule(SEE, 'com.example.A'))
    world.a.send_call('Hello', dest=c.name, flags=1)
    c.wait_call('Hello')
    assert visible(c, world.a.name)


# ---- NameOwnerChanged
def test_owner_changes(world):
    c, w = world.app(rule(SEE, 'com.example.New')), world.plain
    for x in (c, w):
        x.match(CHANGED)
        clear(x)
    new = world.bus.connect()
    new.request_name('org.example.Hidden')
    new.request_name('com.example.New')
    unique = new.name
    clear(new)
    assert [s for s in changes(w) if unique in s] == [(unique, '', unique), ('org.example.Hidden', '', unique), ('com.example.New', '', unique)]
    assert [s for s in changes(c) if s[0] != c.name] == [('com.example.New', '', unique)]
    new.release_name('org.example.Hidden')
    new.close()
    wait_for(lambda: not w.has_owner(unique))
    assert set(changes(w)) == {('org.example.Hidden', unique, ''), ('com.example.New', unique, ''), (unique, unique, '')}
    assert set(changes(c)) == {('com.example.New', unique, ''), (unique, unique, '')}


def test_owner_changes_on_disconnect_hide_what_is_hidden(world):
    c = world.app(rule(SEE, 'com.example.A'))
    c.match(CHANGED)
    clear(c)
    for s in (world.ab, world.other):
        gone = s.name
        s.close()
        wait_for(lambda: not world.plain.has_owner(gone))
    assert changes(c) == []
    gone = world.a.name
    world.a.close()
    wait_for(lambda: not world.plain.has_owner(gone))
    assert set(changes(c)) == {('com.example.A', gone, ''), (gone, gone, '')}


def test_own_instance_changes(bus):
    i = bus.container(rules=[rule(OWN, 'com.example.Mine')])
    c = i.connect()
    c.match(CHANGED)
    clear(c)
    d = i.connect()
    d.request_name('com.example.Mine')
    clear(d)
    assert changes(c) == [(d.name, '', d.name), ('com.example.Mine', '', d.name)]
    gone = d.name
    d.close()
    wait_for(lambda: not c.has_owner(gone))
    assert set(changes(c)) == {('com.example.Mine', gone, ''), (gone, gone, '')}
    assert bus.container().connect() and changes(c) == []


def test_acquired_and_lost(bus):
    """NameAcquired and NameLost reach a contained owner as any other."""
    c = bus.container(rules=[rule(OWN, 'com.example.Mine')]).connect()
    c.request_name('com.example.Mine', 1)
    bus.connect().request_name('com.example.Mine', 2)
    c.sync()
    got = [s for s in c.take_driver() if s[0] != 'NameOwnerChanged']
    assert got == [('NameAcquired', c.name), ('NameAcquired', 'com.example.Mine'), ('NameLost', 'com.example.Mine')]


def test_instance_removed_of_others(world):
    """Broadcasts of the driver other than about names stay outside."""
    i = world.bus.container()
    c = world.app()
    c.match("type='signal'")
    world.plain.match("type='signal'")
    clear(c)
    i.stop()
    world.plain.wait_signal('InstanceRemoved')
    c.sync()
    assert not [m for m in c.inbox if m.member == 'InstanceRemoved']


# ---- activatable names
def test_activatable(new_bus):
    os.mkdir(new_bus.dir + '/services')
    for name in ('com.example.Yes', 'com.example.No'):
        new_bus.write('services/%s.service' % name, '[D-BUS Service]\nName=%s\nExec=/bin/false\n' % name)
    new_bus.start('<servicedir>%s/services</servicedir>' % new_bus.dir)
    c = new_bus.container(rules=[rule(TALK, 'com.example.Yes')]).connect()
    assert sorted(c.call('ListActivatableNames')[0]) == sorted(['com.example.Yes', DRIVER])
    assert sorted(new_bus.connect().call('ListActivatableNames')[0]) == sorted(['com.example.Yes', 'com.example.No', DRIVER])
    plain = new_bus.container().connect()
    assert plain.call('ListActivatableNames')[0] == [DRIVER]
    texts = set()
    owner = new_bus.connect()
    owner.request_name('com.example.Runs')
    for name in ('com.example.Yes', 'com.example.No', 'com.example.Runs', 'com.example.Missing'):
        for flags in (0, 2):
            e = plain.failure('M', dest=name, path='/', iface='x.y', flags=flags)
            assert e.name == DENIED
            texts.add(e.text.replace(name, 'N'))
    assert len(texts) == 1
    texts = {(e.name, e.text.replace(n, 'N')) for n in ('com.example.Yes', 'com.example.Runs', 'com.example.Missing')
             for e in [plain.failure('StartServiceByName', 'su', n, 0)]}
    assert len(texts) == 1 and texts.pop()[0] == DENIED
    assert c.error('StartServiceByName', 'su', 'com.example.No', 0) == DENIED


def test_match_rules_tell_nothing(world):
    """A rule about a hidden sender is accepted and hears nothing; not an error that would tell."""
    c = world.app()
    for sender in ('com.example.A', 'com.example.Missing', world.a.name, ':1.99999'):
        c.match("type='signal',sender='%s'" % sender)
    world.a.signal()
    clear(world.a)
    c.sync()
    assert not c.take(SIGNAL)
