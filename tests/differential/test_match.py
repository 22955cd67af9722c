# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which messages a match rule lets through, and which rules are none."""
import pytest

from compare import Scenario, check, table
from ops import answer, call, close, connect, match, peer_call, release, reply, request, send, signal, unmatch
from wirebus import DRIVER, DRIVER_PATH

NAME = 'com.example.Name'


def traffic():
    """What the rules of connection 0 choose from: 1 owns a name, 2 is somebody else."""
    return [
        signal(1), signal(2), signal(1, 'Other'), signal(1, iface='com.example.Other'), signal(1, path='/obj/a'), signal(1, path='/obj/a/b'),
        signal(1, path='/objx'), signal(1, path='/'), signal(1, 'Sig', 's', 'a'), signal(1, 'Sig', 's', 'b'), signal(1, 'Sig', 's', ''),
        signal(1, 'Sig', 'ss', 'a', 'b'), signal(1, 'Sig', 'us', 1, 'a'), signal(1, 'Sig', 'o', '/a'), signal(1, 'Sig', 'o', '/a/b'),
        signal(1, 'Sig', 's', '/a/b/'), signal(1, 'Sig', 's', '/a/'), signal(1, 'Sig', 's', '/'), signal(1, 'Sig', 's', '/a/b/c'),
        signal(1, 'Sig', 's', '/ab'), signal(1, 'Sig', 's', 'com.example'), signal(1, 'Sig', 's', 'com.example.x'),
        signal(1, 'Sig', 's', 'com.examplex'), signal(1, 'Sig', 's', 'com'), signal(1, 'Sig', 'v', ('s', 'a')), signal(1, 'Sig', 'g', 's'),
        signal(1, 'Sig', 'as', ['a']), signal(1, 'Sig', 's' * 64, *['%d' % i for i in range(64)]), signal(1, dest='@2'), signal(1, dest=NAME),
        signal(1, dest='@0'), peer_call(1, '@2'), peer_call(2, NAME), reply(1, 's', 'a'), reply(2, 's', 'a'), call(1, 'NameHasOwner', 's', 'a'),
        signal(1, dest=DRIVER), peer_call(1, 'com.example.Nobody'), answer(1, '@2', 999), request(2, 'com.example.Second'),
        release(2, 'com.example.Second'),
    ]


RULES = [
    '', "type='signal'", "type='method_call'", "type='method_return'", "type='error'", 'type=signal', "sender='@1'", "sender='@2'",
    "sender='com.example.Name'", "sender='com.example.Nobody'", "sender='org.freedesktop.DBus'", "interface='com.example.Iface'",
    "interface='com.example.Other'", "member='Sig'", "member='Other'", "path='/obj'", "path='/'", "path_namespace='/obj'", "path_namespace='/'",
    "path_namespace='/obj/a'", "destination='@0'", "destination='@2'", "destination='com.example.Name'", "destination='org.freedesktop.DBus'",
    "arg0='a'", "arg0=''", "arg1='b'", "arg0='a',arg1='b'", "arg63='63'", "arg0path='/a/'", "arg0path='/a/b'", "arg0path='/a/b/'", "arg0path='/'",
    "arg1path='/a/'", "arg0path='/aa/'", "arg0namespace='com.example'", "arg0namespace='com'", "arg0namespace='com.example.x'", "eavesdrop='true'",
    "eavesdrop=true", "eavesdrop='false'", "eavesdrop='true',type='signal'", "eavesdrop='true',destination='@2'", "eavesdrop='true',sender='@1'",
    "eavesdrop='true',type='method_call'", "eavesdrop='true',type='method_return'", "eavesdrop='true',type='error'",
    "eavesdrop='true',destination='com.example.Name'", "eavesdrop='true',arg0='a'", "eavesdrop='true',destination='org.freedesktop.DBus'",
    "eavesdrop='true',sender='org.freedesktop.DBus'", "eavesdrop='true',path='/obj'",
    "type='signal',sender='com.example.Name',path='/obj',interface='com.example.Iface',member='Sig',arg0='a'",
]

# Rules that are odd, and what else may be said of the same.
ODD = [
    '', ' ', ',', ' ,', "type='signal',", ",type='signal'", "type='signal',,member='a'", " type='signal'", "type ='signal'", "type= 'signal'",
    "type='signal' ", "type='signal' ,member='a'", "type='signal', member='a'", "\ttype='signal'", "\ntype='signal'\n", "type='sig'nal",
    "type=sig'nal'", "ty'pe'='signal'", "type='signal", "type=signal'", 'type="signal"', "type=\\'signal\\'", "type=si\\gnal", "type='si\\gnal'",
    "member=\\'", "member='a\\'b'", "arg0=\\'", "arg0='\\'", "arg0='a'\\''b'", "arg0=\\\\", "arg0=a\\", "arg0='a,b'", "arg0=a,b", "arg0=a\\,b",
    "arg0='a=b'", "arg0=a=b", "arg0", "arg0=", "=", "=a", "type", "type=", "type=''", "type='SIGNAL'", "type='x'", "type='invalid'",
    "type='signal',type='signal'", "member='a',member='a'", "member='a',member='b'", "sender=''", "sender='a'", "sender='a.b'", "sender=':1.1'",
    "sender=':'", "sender='a..b'", "sender='@1',sender='@1'", "interface=''", "interface='a'", "interface='a.b'", "interface='a.b-c'", "member=''",
    "member='a.b'", "member='1a'", "member='a'", "path=''", "path='a'", "path='/'", "path='/a/'", "path='/a//b'", "path='/a'",
    "path='/a',path='/a'", "path_namespace=''", "path_namespace='/'", "path_namespace='/a/'", "path_namespace='/a'",
    "path='/a',path_namespace='/a'", "path_namespace='/a',path='/a'", "destination=''", "destination='a'", "destination='a.b'", "arg='a'",
    "arg-1='a'", "arg+1='a'", "arg 1='a'", "arg01='a'", "arg00='a'", "arg63='a'", "arg64='a'", "arg63path='/a'", "arg64path='/a'", "arg99999999999='a'",
    "arg0x='a'", "arg0Path='a'", "arg0path=''", "arg0path='a'", "arg0path='/a//'", "arg0namespace=''", "arg0namespace='a'", "arg0namespace='a.b'",
    "arg0namespace='a.b.'", "arg0namespace='.a'", "arg0namespace='a b'", "arg0namespace=':1.1'", "arg0namespace=':1'", "arg0namespace=':'", "arg0namespace=':1.1.x'", "arg1namespace='a.b'", "arg0='a',arg0='a'", "arg0='a',arg0='b'",
    "arg0='a',arg0path='/a'", "arg0path='/a',arg0='a'", "arg0path='/a',arg0path='/a'", "arg0='a',arg0namespace='a'", "arg0namespace='a',arg0namespace='a'",
    "eavesdrop=''", "eavesdrop='TRUE'", "eavesdrop='1'", "eavesdrop='true',eavesdrop='true'", "eavesdrop='true',eavesdrop='false'", "foo='a'", "Type='signal'",
    "arg0='é'", "arg0='\u2603'", "sender='org.freedesktop.DBus',sender='org.freedesktop.DBus'", "type='signal' member='a'", "type='signal';member='a'",
    "arg0=\"a\"", "arg0='" + 'x' * 1000 + "'", "member='" + 'x' * 255 + "'", "member='" + 'x' * 256 + "'", ','.join("arg%d='a'" % i for i in range(64)),
    "x" * 1025, "arg0='" + 'x' * 1017 + "'", "arg0='" + 'x' * 1018 + "'", "arg0='" + 'x' * 2000 + "'",
]


def busy(*ops):
    return Scenario(request(1, NAME), *ops)


def odd(i, rule):
    """Is it a rule, is it the same rule as itself, does it let anything through?"""
    return Scenario(match(0, rule), signal(1, 'a'), signal(1, 'Sig', 's', 'a'), signal(1, 'Sig', 's', '/a'), signal(1, dest='@2'), unmatch(0, rule),
                    signal(1, 'a'), unmatch(0, rule), n=3)


SCENARIOS = {'rule %d %s' % (i, rule): busy(match(0, rule), traffic(), unmatch(0, rule), signal(1)) for i, rule in enumerate(RULES)}
SCENARIOS.update({'odd %d %s' % (i, ascii(rule)[:40]): odd(i, rule) for i, rule in enumerate(ODD)})
SCENARIOS.update({
    'counted': Scenario(match(0, "member='Sig'"), match(0, "member='Sig'"), signal(1), unmatch(0, "member='Sig'"), signal(1), unmatch(0, "member='Sig'"),
                        signal(1), unmatch(0, "member='Sig'"), signal(1)),
    'same in other words': Scenario(match(0, "type='signal',member='Sig'"), unmatch(0, 'member=Sig,type=signal'), unmatch(0, "member='Sig'"),
                                    match(0, "arg1='b',arg0='a'"), unmatch(0, "arg0='a',arg1='b'"), match(0, "eavesdrop='false'"), unmatch(0, ''),
                                    match(0, "member='Sig'"), unmatch(0, "member='Sig',eavesdrop='true'"), unmatch(0, "member='Sig',eavesdrop='false'"),
                                    match(0, "arg0='/a'"), unmatch(0, "arg0path='/a'"),
                                    match(0, "arg0='a'"), unmatch(0, "arg0namespace='a'"), match(0, "path_namespace='/a/b'"), unmatch(0, "path_namespace='/a'")),
    'path and namespace': Scenario(match(0, "path='/a'"), unmatch(0, "path_namespace='/a'")),
    'of others': Scenario(match(0, "member='Sig'"), unmatch(1, "member='Sig'"), signal(1), signal(0), unmatch(0, "member='Sig'")),
    'several fit': Scenario(match(0, ''), match(0, "type='signal'"), match(0, "member='Sig'"), match(0, "eavesdrop='true'"), signal(1), signal(1, dest='@2'),
                            signal(1, dest='@0'), peer_call(1, '@0')),
    'own signals': Scenario(match(0, ''), signal(0), signal(0, dest='@0'), peer_call(0, '@0'), reply(0)),
    'own, eavesdropping': Scenario(match(0, "eavesdrop='true'"), signal(0), signal(0, dest='@0'), signal(0, dest='@1'), peer_call(0, '@0'), reply(0), peer_call(0, '@1'),
                                   peer_call(1, '@0'), reply(1), reply(0), call(0, 'GetId'), peer_call(0, 'com.example.Nobody'), request(0, NAME), release(0, NAME)),
    'owner changes': Scenario(match(0, "sender='%s'" % NAME), signal(1), request(1, NAME, 1), signal(1), request(2, NAME, 2), signal(1), signal(2), release(2, NAME),
                              signal(1), signal(2), close(1), connect(1), signal(1)),
    'queued owner': Scenario(match(0, "sender='%s'" % NAME), request(1, NAME), request(2, NAME), signal(1), signal(2), release(1, NAME), signal(2)),
    'destination changes': Scenario(match(0, "eavesdrop='true',destination='%s'" % NAME), signal(1, dest='@2'), request(2, NAME), signal(1, dest='@2'), signal(1, dest=NAME),
                                    peer_call(1, '@2'), peer_call(1, NAME), release(2, NAME), signal(1, dest='@2')),
    'gone': Scenario(match(0, "sender='@1'"), match(0, "sender='@2'"), close(1), connect(1), signal(1), signal(2)),
    'eavesdropping on hello': Scenario(match(0, "eavesdrop='true'"), match(1, "type='signal'"), connect(3), connect(4, hello=False), call(4, 'GetId'), call(4, 'Hello'), call(4, 'Hello')),
    'two receive': Scenario(match(0, ''), match(1, ''), match(2, ''), signal(0), signal(1), signal(2), request(0, NAME), close(0)),
    'names of names': Scenario(match(2, "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0namespace='com.example'"),
                               match(2, "arg0='@1'"), request(0, 'com.example.A'), request(0, 'com.other.A'), request(0, 'com.example'), close(1), close(0)),
    'acquired of others': Scenario(match(2, "member='NameAcquired'"), match(2, "member='NameLost'"), request(0, NAME, 1), request(1, NAME, 2), close(1)),
    'acquired of others, eavesdropping': Scenario(match(2, "eavesdrop='true',member='NameAcquired'"), match(2, "eavesdrop='true',member='NameLost'"),
                                                  request(0, NAME, 1), request(1, NAME, 2), release(1, NAME)),
    'reply to addmatch eavesdropped': Scenario(match(0, "eavesdrop='true'"), match(1, ''), match(0, "eavesdrop='true'"), unmatch(0, "eavesdrop='true'"), unmatch(0, "eavesdrop='true'"),
                                               match(1, '')),
    'wrong signature': Scenario(call(0, 'AddMatch', 'ss', '', ''), call(0, 'AddMatch', ''), call(0, 'AddMatch', 'o', '/a'), call(0, 'RemoveMatch', 'u', 1)),
    'at other paths': Scenario(call(0, 'AddMatch', 's', '', path='/'), signal(1), call(0, 'RemoveMatch', 's', '', path='/a'), signal(1)),
    'without reply': Scenario(match(0, '', flags=1), signal(1), unmatch(0, '', flags=1), signal(1), match(0, 'x', flags=1), unmatch(0, '', flags=1)),
    'unknown type of message': Scenario(match(1, ''), match(2, "eavesdrop='true'"), send(0, 9, path='/a', interface='a.b', member='M'),
                                        send(0, 9, path='/a', interface='a.b', member='M', destination='@1'),
                                        send(0, 9, path=DRIVER_PATH, interface=DRIVER, member='GetId', destination=DRIVER)),
})


@pytest.mark.parametrize('name', table(__name__, SCENARIOS))
def test_match(name):
    check(__name__, SCENARIOS, name)
