# SPDX-License-Identifier: LGPL-2.1-or-later
"""Monitors: what they see and in which order, and that nobody notices them. And Debug.Stats, which monitors are for, too."""
import pytest

from compare import Scenario, check, table
from daemons import OPEN_POLICY
from ops import answer, call, close, connect, error, match, peer_call, release, reply, request, send, signal, until, wait
from records import view_keys, view_sorted, view_stripped
from wirebus import DRIVER, DRIVER_PATH, ERROR, NO_REPLY, SIGNAL

MONITORING, STATS = 'org.freedesktop.DBus.Monitoring', 'org.freedesktop.DBus.Debug.Stats'
NAME = 'com.example.Name'


def monitor(conn, *rules, flags=0, sig='asu', **kw):
    return call(conn, 'BecomeMonitor', sig, list(rules), flags, iface=MONITORING, **kw)


def traffic():
    return [
        request(1, NAME, 1), request(2, NAME, 2), release(2, NAME), peer_call(1, '@2'), reply(2, 's', 'a'), peer_call(1, '@2'), error(2), peer_call(2, NAME), reply(1), signal(1), signal(1, dest='@2'),
        signal(1, 'Other', 's', 'a'), match(2, "type='signal'"), signal(1), peer_call(1, 'com.example.Nobody'), signal(1, dest='com.example.Nobody'), call(1, 'GetId'), call(1, 'NoSuchMethod'),
        call(1, 'GetId', flags=NO_REPLY), call(1, 'NameHasOwner', 's', NAME), call(1, 'Ping', iface='org.freedesktop.DBus.Peer', dest=None), answer(1, '@2', 99), answer(1, DRIVER, 99),
        answer(1, 'com.example.Nobody', 99), peer_call(1, '@2', flags=NO_REPLY), peer_call(1, '@2', 'M', 'h', 0, fds=['a']), reply(2, 'h', 0, fds=['b']), connect(3), peer_call(3, '@1'), close(1), close(3),
    ]


RULES = ['', "type='signal'", "type='method_call'", "type='method_return'", "type='error'", "sender='@1'", "destination='@2'", "sender='com.example.Name'", "destination='com.example.Name'",
         "sender='org.freedesktop.DBus'", "destination='org.freedesktop.DBus'", "member='Method'", "interface='com.example.Iface'", "path='/obj'", "path_namespace='/org'", "arg0='a'", "arg0='com.example.Name'",
         "eavesdrop='true'", "eavesdrop='false'", "eavesdrop='false',type='signal'", "type='signal',member='NameOwnerChanged'", "member='NameAcquired'"]
PRIVATE = '<deny send_interface="com.example.Iface" send_member="Method"/><deny receive_interface="com.example.Iface" receive_member="Sig"/>'

SCENARIOS = {'all': Scenario(monitor(0), traffic())}
SCENARIOS.update({'rule %d %s' % (i, rule): Scenario(monitor(0, rule), traffic()) for i, rule in enumerate(RULES)})
SCENARIOS.update({
    'two rules': Scenario(monitor(0, "type='signal'", "type='error'", "type='signal'"), traffic()),
    'two monitors': Scenario(connect(4), monitor(0), monitor(4, "type='signal'"), traffic()),
    'flags': Scenario(monitor(0, flags=1), monitor(0, flags=0x80000000), signal(1), call(0, 'GetId')),
    'bad rule': Scenario(monitor(0, 'foo'), monitor(0, '', 'foo'), monitor(0, "type='signal'", "member='a.b'"), signal(1), call(0, 'GetId')),
    'wrong arguments': Scenario(call(0, 'BecomeMonitor', 'as', [], iface=MONITORING), call(0, 'BecomeMonitor', 'asi', [], 0, iface=MONITORING), call(0, 'BecomeMonitor', '', iface=MONITORING),
                                call(0, 'NoSuch', 'asu', [], 0, iface=MONITORING), call(0, 'GetId')),
    'elsewhere': Scenario(monitor(0, path='/'), call(0, 'GetId')),
    'without interface': Scenario(call(0, 'BecomeMonitor', 'asu', [], 0, iface=None), signal(1)),
    'names are lost': Scenario(connect(4), match(1, "type='signal'"), request(0, NAME), request(0, 'com.example.B'), request(1, 'com.example.B'), request(2, NAME), monitor(4), monitor(0), call(1, 'ListNames')),
    'names that it waits for': Scenario(request(1, NAME), request(0, NAME), request(2, NAME), monitor(0), call(1, 'ListQueuedOwners', 's', NAME), close(1), call(2, 'ListQueuedOwners', 's', NAME)),
    'rules are lost': Scenario(match(0, ''), match(0, "eavesdrop='true'"), monitor(0, "type='error'"), signal(1), signal(1, dest='@2')),
    'is nobody': Scenario(monitor(0), call(1, 'ListNames'), call(1, 'NameHasOwner', 's', '@0'), peer_call(1, '@0'), call(1, 'GetConnectionUnixUser', 's', '@0'), signal(1, dest='@0')),
    'calls in flight': Scenario(peer_call(0, '@1'), peer_call(2, '@0'), monitor(0), reply(1), signal(1)),
    'speaks': Scenario(monitor(0), call(0, 'GetId'), signal(1)),
    'speaks a signal': Scenario(monitor(0), signal(0), signal(1)),
    'answers': Scenario(monitor(0), peer_call(1, '@2'), reply(0), reply(2)),
    'goes': Scenario(connect(4), match(1, "type='signal'"), monitor(4), monitor(0), close(0), signal(1)),
    'hello is seen': Scenario(monitor(0), connect(5), close(5), connect(6, hello=False), call(6, 'GetId'), call(6, 'Hello'), call(6, 'Hello')),
    'denied': Scenario(connect(4), match(2, ''), monitor(4), traffic(), policy=OPEN_POLICY + PRIVATE),
    'denied, the bus itself': Scenario(connect(4), match(2, ''), monitor(4), traffic(), stock_dies=True, policy=OPEN_POLICY + '<deny receive_sender="%s" receive_interface="%s" receive_member="NameAcquired"/>'
                                       '<deny receive_sender="%s" receive_interface="%s" receive_member="NameOwnerChanged"/>' % ((DRIVER,) * 4)),
    'cannot take descriptors': Scenario(connect(0, fds=False), connect(1), connect(2), monitor(0), peer_call(1, '@2', 'M', 'h', 0, fds=['a']), reply(2, 'h', 0, fds=['b']), signal(1), n=0),
    'timeouts': Scenario(monitor(0), peer_call(1, '@2'), wait(0.6), reply(2), body='<limit name="reply_timeout">300</limit>'),
    'limits': Scenario(monitor(0), [match(1, "member='%s'" % m) for m in 'abc'], [peer_call(1, '@2') for _ in range(3)], [request(1, 'com.example.%s' % m) for m in 'ABC'],
                       body='<limit name="max_match_rules_per_connection">2</limit><limit name="max_replies_per_connection">2</limit><limit name="max_names_per_connection">2</limit>'),
    'unknown fields': Scenario(monitor(0), send(1, SIGNAL, path='/a', interface='a.b', member='M', extra=[(77, 's', 'x'), (10, 'o', '/i')])),
    'both byte orders': Scenario(connect(0), connect(1, order='B'), connect(2), monitor(0), traffic(), n=0),
    'big endian monitor': Scenario(connect(0, order='B'), connect(1), connect(2), monitor(0), traffic(), n=0),
    'stats': Scenario(call(0, 'GetStats', iface=STATS, view=view_keys), call(0, 'GetConnectionStats', 's', '@1', iface=STATS, view=view_keys), call(0, 'GetConnectionStats', 's', NAME, iface=STATS),
                      call(0, 'GetConnectionStats', 's', DRIVER, iface=STATS), call(0, 'GetStats', 's', '', iface=STATS), call(0, 'GetStats', iface=STATS, path='/'), call(0, 'GetAllMatchRules', 's', '', iface=STATS)),
    'all match rules': Scenario(match(0, "type='signal',member='A'"), match(0, ''), match(0, ''), match(1, "path='/a',arg0='b',eavesdrop='true'"), match(1, "arg0path='/a/',sender='com.example.A'"),
                                match(2, "arg3='\\''"), match(2, "arg0namespace='a.b',destination=':1.1'"), match(2, "path_namespace='/a',type='error',interface='a.b'"), call(0, 'GetAllMatchRules', iface=STATS)),
    'verbose': Scenario([call(0, m, iface='org.freedesktop.DBus.Verbose') for m in ('EnableVerbose', 'DisableVerbose')]),
    'introspect': Scenario([call(0, 'Introspect', iface='org.freedesktop.DBus.Introspectable', path=p) for p in ('/', '/org', '/org/freedesktop', DRIVER_PATH, '/org/freedesktop/DBus/x', '/org/free', '/x')]),
})


@pytest.mark.parametrize('name', table(__name__, SCENARIOS))
def test_monitor(name):
    check(__name__, SCENARIOS, name)
