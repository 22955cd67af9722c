# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.freedesktop.DBus.Debug.Stats, what it says of containers, and org.freedesktop.DBus.Verbose where the build has it."""
import os

import pytest

from bus import OWN, STOCK, rule, wait_for
from helpers import as_other_user, is_root
from watch import become_monitor
from wirebus import DRIVER, E, Conn, DBusError

STATS = 'org.freedesktop.DBus.Debug.Stats'
VERBOSE = 'org.freedesktop.DBus.Verbose'
NO_LIMIT = (1 << 64) - 1
KEYS = ('Serial', 'ActiveConnections', 'IncompleteConnections', 'BusNames', 'PeakBusNames', 'PeakBusNamesPerConnection', 'MatchRules',
        'PeakMatchRules', 'PeakMatchRulesPerConnection')
CONN_KEYS = ('Serial', 'MatchRules', 'PeakMatchRules', 'BusNames', 'PeakBusNames', 'IncomingBytes', 'PeakIncomingBytes', 'IncomingFDs',
             'PeakIncomingFDs', 'OutgoingBytes', 'PeakOutgoingBytes', 'OutgoingFDs', 'PeakOutgoingFDs')


def stats(c):
    got, = c.call('GetStats', iface=STATS)
    return {k: v for k, (t, v) in got.items()}


def of(c, name):
    got, = c.call('GetConnectionStats', 's', name, iface=STATS)
    return {k: v for k, (t, v) in got.items()}


def test_keys(bus):
    c = bus.connect()
    got, = c.call('GetStats', iface=STATS)
    assert {k: got[k][0] for k in KEYS} == {k: 'u' for k in KEYS}
    got, = c.call('GetConnectionStats', 's', c.name, iface=STATS)
    assert {k: got[k][0] for k in CONN_KEYS} == {k: 'u' for k in CONN_KEYS} and got['UniqueName'] == ('s', c.name)


def test_listed(bus):
    c = bus.connect()
    interfaces = c.get(DRIVER, 'Interfaces')
    assert STATS in interfaces and 'org.freedesktop.DBus.Monitoring' in interfaces
    assert not [i for i in interfaces if i in (DRIVER, 'org.freedesktop.DBus.Properties', 'org.freedesktop.DBus.Introspectable', 'org.freedesktop.DBus.Peer')]


def test_counts(bus):
    c, d = bus.connect(), bus.connect()
    before = stats(c)
    assert before['ActiveConnections'] == 2 and before['IncompleteConnections'] == 0 and before['BusNames'] == 2
    for n in range(3):
        d.request_name('com.example.N%d' % n)
        d.match("member='m%d'" % n)
        d.match("member='m%d'" % n)
    raw = bus.connect(hello=False)
    now = stats(c)
    assert (now['ActiveConnections'], now['IncompleteConnections'], now['BusNames'], now['MatchRules']) == (2, 1, 5, before['MatchRules'] + 6)
    d.release_name('com.example.N0')
    d.call('RemoveMatch', 's', "member='m0'")
    raw.close()
    assert wait_for(lambda: stats(c)['IncompleteConnections'] == 0)
    now = stats(c)
    assert (now['BusNames'], now['MatchRules']) == (4, before['MatchRules'] + 5)
    assert now['PeakBusNames'] == 5 and now['PeakBusNamesPerConnection'] == 4
    assert now['PeakMatchRules'] >= 6 and now['PeakMatchRulesPerConnection'] == 6
    mine = of(c, d.name)
    assert (mine['BusNames'], mine['PeakBusNames'], mine['MatchRules'], mine['PeakMatchRules']) == (3, 4, 5, 6)
    assert of(c, 'com.example.N1') == dict(of(c, d.name), Serial=of(c, 'com.example.N1')['Serial'] - 2)
    d.close()
    assert wait_for(lambda: stats(c)['ActiveConnections'] == 1)
    now = stats(c)
    assert (now['BusNames'], now['MatchRules']) == (1, 0) and (now['PeakBusNames'], now['PeakMatchRulesPerConnection']) == (5, 6)


def test_serial(bus):
    c = bus.connect()
    first = stats(c)['Serial']
    assert [stats(c)['Serial'] for _ in range(3)] == [first + 1, first + 2, first + 3]


@pytest.mark.postern
def test_waiting_to_be_read(bus):
    c, slow = bus.connect(), bus.connect(rcvbuf=4096)
    for _ in range(30):
        c.signal('S', 'ay', b'x' * 10000, dest=slow.name)
    r = os.open('/dev/null', os.O_RDONLY)
    c.signal('S', 'h', 0, dest=slow.name, fds=[r])
    os.close(r)
    got = of(c, slow.name)
    assert got['OutgoingBytes'] > 10000 and got['OutgoingFDs'] == 1 and got['PeakOutgoingBytes'] >= got['OutgoingBytes'] and got['PeakOutgoingFDs'] == 1
    half = bus.connect()
    half.signal('T')
    half.send_bytes(b'l\4\0\1' + b'\0\1\0\0' + b'\1\0\0\0' + b'\x20\0\0\0')
    assert wait_for(lambda: of(c, half.name)['IncomingBytes'] == 16)
    for _ in range(31):
        for fd in slow.wait_signal('S').fds:
            os.close(fd)
    assert wait_for(lambda: of(c, slow.name)['OutgoingBytes'] == 0)
    assert of(c, slow.name)['PeakOutgoingBytes'] >= got['OutgoingBytes'] and of(c, slow.name)['OutgoingFDs'] == 0


@pytest.mark.parametrize('name, error', [('com.example.Nobody', 'NameHasNoOwner'), ('not valid', 'NameHasNoOwner'), (':1.99999', 'NameHasNoOwner'),
                                         ('', 'NameHasNoOwner'), (DRIVER, 'InvalidArgs')])
def test_of_whom(bus, name, error):
    assert bus.connect().error('GetConnectionStats', 's', name, iface=STATS) == E + error


def test_match_rules(bus):
    c, d = bus.connect(), bus.connect()
    rules = ["type='signal',sender='com.example.S',arg0='a b'", "member='m'", "type='signal',sender='com.example.S',arg0='a b'"]
    for text in rules:
        d.match(text)
    got, = c.call('GetAllMatchRules', iface=STATS)
    assert sorted(got[d.name]) == sorted(rules) and got[c.name] == []
    assert STOCK or got[d.name] == rules, 'in the order in which they were added'


def test_match_rules_can_be_read_again(bus):
    """What is shown is a rule: given to AddMatch, it is the same rule."""
    c = bus.connect()
    for text in ("type='method_call',sender='com.example.S',interface='com.example.I',member='M',path='/a',destination='com.example.D'",
                 "path_namespace='/a/b',arg1='it',arg2path='/x/'", "arg0namespace='com.example'", "arg0=''", "eavesdrop='true'"):
        c.match(text)
    shown = c.call('GetAllMatchRules', iface=STATS)[0][c.name]
    for text in shown:
        c.call('RemoveMatch', 's', text)
    assert c.call('GetAllMatchRules', iface=STATS)[0][c.name] == []


@pytest.mark.postern
def test_quoted_match_rule(bus):
    c = bus.connect()
    c.match("arg0='it'\\''s, \\so'")
    shown, = c.call('GetAllMatchRules', iface=STATS)[0][c.name]
    c.call('RemoveMatch', 's', shown)


def test_monitors_are_not_listed(bus):
    c, m = bus.connect(), bus.connect()
    m.match("member='m'")
    become_monitor(m, ["member='x'"])
    assert m.name not in c.call('GetAllMatchRules', iface=STATS)[0]
    assert STOCK or stats(c)['MatchRules'] == 0
    assert c.error('GetConnectionStats', 's', m.name, iface=STATS) == E + 'NameHasNoOwner'
    assert stats(c)['ActiveConnections'] == 2
    assert STOCK or stats(c)['org.postern.Monitors'] == 1
    m.close()
    assert wait_for(lambda: stats(c)['ActiveConnections'] == 1)
    assert STOCK or stats(c)['org.postern.Monitors'] == 0


# ---- containers

@pytest.mark.postern
def test_containers(bus):
    c = bus.connect()
    assert stats(c)['org.postern.Containers'] == {}
    one = bus.container(rules=[rule(OWN, 'com.example.App')], Limits=('a{su}', {'names': 7, 'connections': 5}))
    two = bus.container(rules=[], name='two')
    a, b, x = one.connect(), one.connect(), two.connect()
    a.request_name('com.example.App')
    a.match("member='m'")
    b.match("member='m'")
    s = bus.connect()
    got = stats(c)['org.postern.Containers']
    assert sorted(got) == sorted([one.path, two.path])
    app = got[one.path]
    assert sorted(app) == ['bytes', 'connections', 'fds', 'matches', 'names', 'pending-replies']
    assert app['connections'] == (2, 5) and app['names'] == (1, 7) and app['matches'][0] == 2
    assert app['fds'][0] == 0 and app['pending-replies'][0] == 0
    assert got[two.path]['connections'][0] == 1 and got[two.path]['names'][0] == 0
    a.send_call('Foo', dest=b.name)
    b.wait_call('Foo')
    assert stats(c)['org.postern.Containers'][one.path]['pending-replies'][0] == 1
    assert of(c, a.name)['org.freedesktop.DBus.Containers1.Instance'] == one.path and of(c, a.name)['org.postern.PendingReplies'] == 1
    assert 'org.freedesktop.DBus.Containers1.Instance' not in of(c, s.name)
    x.close()
    assert wait_for(lambda: sorted(stats(c)['org.postern.Containers']) == [one.path])


@pytest.mark.postern
def test_bytes_of_a_container(bus):
    c = bus.connect()
    i = bus.container(rules=[])
    a, slow = i.connect(), i.connect(rcvbuf=4096)
    for _ in range(30):
        a.signal('S', 'ay', b'x' * 10000, dest=slow.name)
    a.sync()
    used, limit = stats(c)['org.postern.Containers'][i.path]['bytes']
    assert used == of(c, slow.name)['OutgoingBytes'] > 10000 and limit >= used


# ---- who may ask

@pytest.mark.postern
@pytest.mark.parametrize('mode', ['restrict', 'complain', 'identify'])
@pytest.mark.parametrize('member, sig, args', [('GetStats', '', ()), ('GetConnectionStats', 's', (DRIVER,)), ('GetAllMatchRules', '', ())])
def test_containers_may_not(bus, mode, member, sig, args):
    c = bus.container(rules=None, Mode=('s', mode)).connect()
    assert c.error(member, sig, *args, iface=STATS) == E + 'AccessDenied'
    assert c.error(member, sig, *args, iface=None) == E + 'AccessDenied'


def test_policy_decides(new_bus):
    new_bus.start(policy='<allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/><deny send_interface="%s"/>' % STATS)
    assert new_bus.connect().error('GetStats', iface=STATS) == E + 'AccessDenied'


@pytest.mark.skipif(not is_root(), reason='needs to be another user')
def test_other_users_may_where_policy_lets_them(new_bus):
    new_bus.start(policy='<allow user="*"/><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/>')

    def ask(address):
        with Conn(address) as c:
            return stats(c)['ActiveConnections']

    assert as_other_user(ask, new_bus.address) == 1


@pytest.mark.parametrize('path', ['/', '/org/freedesktop/DBus/x'])
def test_only_at_home(bus, path):
    assert bus.connect().error('GetStats', iface=STATS, path=path) == E + 'UnknownInterface'


# ---- Verbose

def has_verbose():
    with open(os.path.join(os.environ['POSTERN_BUILD'], 'config.h')) as f:
        return '#define POSTERN_VERBOSE_MODE 1' in f.read()


@pytest.mark.postern
def test_verbose(bus):
    """There in builds with --enable-verbose-mode, and only in these."""
    c = bus.connect()
    app = bus.container(rules=None, Mode=('s', 'identify')).connect()
    assert app.error('EnableVerbose', iface=VERBOSE) == E + 'AccessDenied'
    if not has_verbose():
        assert VERBOSE not in c.get(DRIVER, 'Interfaces')
        assert c.error('EnableVerbose', iface=VERBOSE) == E + 'UnknownInterface' and c.error('EnableVerbose', iface=None) == E + 'UnknownMethod'
        return
    assert VERBOSE in c.get(DRIVER, 'Interfaces')
    logged = lambda member: [line for line in bus.log().splitlines() if 'verdict=allowed' in line and member in line]
    c.signal('Before', dest=c.name)
    c.call('EnableVerbose', iface=VERBOSE)
    c.signal('Between', dest=c.name)
    c.call('DisableVerbose', iface=VERBOSE)
    c.signal('After', dest=c.name)
    c.sync()
    assert logged('Between') and not logged('Before') and not logged('After')


@pytest.mark.postern
@pytest.mark.skipif(not is_root(), reason='needs to be another user')
def test_verbose_is_not_for_everybody(new_bus):
    new_bus.start(policy='<allow user="*"/><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/>')

    def ask(address):
        with Conn(address) as c:
            return c.error('EnableVerbose', iface=VERBOSE)

    assert as_other_user(ask, new_bus.address) == E + ('AccessDenied' if has_verbose() else 'UnknownInterface')
