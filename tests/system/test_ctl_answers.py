# SPDX-License-Identifier: LGPL-2.1-or-later
"""posternctl at a bus that says anything: what it makes of answers and refusals, and what never reaches the terminal."""
import json
import os
import pty
import re
import signal
import subprocess

import pytest

from bus import CALL_, HEAR, MEMBER, PATH_SUBTREE, SEE
from ctl import CTL, FAILED, OK, UNASKED, USAGE, Watcher, ctl, environment, fails, says, tells
from fakebus import MEDIATOR1, FakeBus, Refusal, verdict
from wirebus import CONTAINERS, DRIVER, E

INSTANCES = '/org/freedesktop/DBus/Containers1/'
HOSTILE = 'a\x1b]0;x\x07\x9b31m\r\nc99  com.fake  \u202eevil\u200b\U000e0041\\x'
SHOWN = 'a\\x1b]0;x\\x07\\u009b31m\\x0d\\nc99  com.fake  \\u202eevil\\u200b\\U000e0041\\\\x'
ACTIVE = re.compile('[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]')

LIST = ('a(osssu)', [(INSTANCES + 'c1', 'com.example.Sandbox', 'app', 'socket', 2), (INSTANCES + 'c12', 'io.snapcraft', '', 'apparmor', 0)])
HOSTILE_LIST = ('a(osssu)', [(INSTANCES + 'c1', 'com.example.Sandbox', HOSTILE, 'socket', 2)])


@pytest.fixture
def fake(tmp_path):
    bus = FakeBus(str(tmp_path))
    yield bus
    bus.close()


# ---- the command line

USAGES = [
    ([], 'no verb'),
    (['frobnicate'], 'there is no verb "frobnicate"'),
    (['--frobnicate', 'list'], '--frobnicate is no option'),
    (['list', '--all'], '--all is no option'),
    (['--all', 'watch'], '--all is no option'),
    (['list', '--no-legend=x'], '--no-legend=x is no option here, or is one without a value'),
    (['--json=yes', 'list'], 'must be short, pretty or off'),
    (['list', '--json'], '--json needs a value'),
    (['list', 'c1'], '"c1" is too much'),
    (['status', 'x'], '"x" is too much'),
    (['reload', 'x'], '"x" is too much'),
    (['show'], 'one instance'),
    (['show', 'c1', 'c2'], 'one instance'),
    (['show', 'd1'], '"d1" is no instance'),
    (['show', 'c'], 'is no instance'),
    (['show', ''], 'is no instance'),
    (['show', 'c1x'], 'is no instance'),
    (['show', '/a//b'], 'is no instance'),
    (['show', '9' * 21], 'is no instance'),
    (['stop'], 'stop what?'),
    (['stop', '--listening'], 'stop what?'),
    (['stop', 'c1', 'x'], '"x" is no instance'),
    (['rules'], 'which instance'),
    (['rules', 'c1', 'talk=a.b'], '"talk=a.b" is too much'),
    (['rules', 'c1', '--set'], 'need a rule'),
    (['rules', 'c1', '--add', '--remove', 'talk=a.b'], 'need a rule'),
    (['rules', 'c1', '--add', 'talk'], '"talk" is no rule'),
    (['rules', 'c1', '--add', 'walk=a.b'], 'walk=a.b: "walk" is no kind of rule'),
    (['rules', 'c1', '--add', 'talk=a'], 'talk=a: '),
    (['rules', 'c1', '--set', 'talk=a.b', '--add', 'talk=a.c'], 'with no other change'),
    (['rules', 'c1', '--add', 'talk=a.b', '--clear'], 'with no other change'),
    (['rules', 'c1', '--clear', '--set', 'talk=a.b'], 'with no other change'),
    (['rules', 'c1', '--clear', 'talk=a.b'], '"talk=a.b" is too much'),
    (['explain'], 'explain what?'),
    (['explain', 'a.b', 'c.d', '/', 'e.f', 'G', 'h'], '"h" is too much'),
    (['explain', 'colour=red'], 'colour=red: a question has'),
    (['explain', 'send=a.b'], 'send=a.b: a question has'),
    (['explain', 'a.b', 'sender=c.d'], 'sender is given twice'),
    (['explain', 'sender-instance=x'], '"x" is no instance'),
    (['explain', 'fds=two'], 'fds=two: must be a number'),
    (['explain', 'fds=4294967296'], 'must be a number'),
    (['explain', 'sender-uid=-1'], 'must be a number'),
    (['watch', 'x'], '"x" is too much'),
    (['watch', '--count=0'], '--count=0: must be a number, 1 or more'),
    (['watch', '--count=1x'], 'must be a number'),
    (['watch', '--count=99999999999999999999999'], 'must be a number'),
    (['watch', '--timeout=0'], 'must be a number of seconds'),
    (['watch', '--door'], '--door needs a value'),
]


@pytest.mark.parametrize('args, text', USAGES, ids=lambda x: ' '.join(x) if isinstance(x, list) else '')
def test_usage(args, text):
    """Told before any bus is looked for."""
    assert text in fails('unix:path=/nonexistent', *args, status=USAGE)


def test_help_and_version():
    assert 'explain SENDER' in says(None, '--help') and says(None, 'list', '--help') == says(None, '--help')
    assert says(None, '--version').startswith('posternctl ')


def test_which_bus(fake, tmp_path):
    fake.answers['ListInstances'] = LIST
    there = ['c1', 'c12']
    names = lambda out: [line.split()[0] for line in out.splitlines()[1:]]
    assert names(says(None, 'list', DBUS_SESSION_BUS_ADDRESS=fake.address)) == there
    assert names(says(None, '--user', 'list', DBUS_SESSION_BUS_ADDRESS=fake.address)) == there
    assert names(says(None, 'list', '--system', DBUS_SYSTEM_BUS_ADDRESS=fake.address)) == there
    assert names(says('unix:path=/nonexistent', '--address', fake.address, 'list')) == there
    assert names(says('unix:path=/nonexistent', '--user', 'list', DBUS_SESSION_BUS_ADDRESS=fake.address)) == there
    os.symlink(fake.path, tmp_path / 'bus')
    assert names(says(None, 'list', XDG_RUNTIME_DIR=str(tmp_path))) == there
    assert 'neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR' in fails(None, 'list')
    assert 'cannot connect to unix:path=/nonexistent: No such file' in fails('unix:path=/nonexistent', 'list')
    assert 'cannot connect to the system bus' in fails(None, '--system', 'list', DBUS_SYSTEM_BUS_ADDRESS='unix:path=/nonexistent')
    assert 'no address of a bus' in fails('rubbish', 'list')


# ---- errors in words

ADVICE = 'send_interface="org.postern.Mediator1"' if os.geteuid() == 0 else 'sudo posternctl'
REFUSALS = [
    (['explain', 'a.b', 'c.d'], 'Explain', 'AccessDenied', UNASKED, ['root and the user that the bus runs as', ADVICE, 'words of the bus']),
    (['watch'], 'Watch', 'AccessDenied', FAILED, ['root and the user that the bus runs as', ADVICE]),
    (['rules', '1'], 'GetRules', 'AccessDenied', FAILED, ['the user who made the instance', ADVICE]),
    (['rules', '1', '--clear'], 'SetRules', 'AccessDenied', FAILED, ['the user who made the instance']),
    (['stop', '1'], 'StopInstance', 'AccessDenied', FAILED, ['the user who made the instance', '1: ']),
    (['reload'], 'ReloadConfig', 'AccessDenied', FAILED, ['root and the user that the bus runs as']),
    (['list'], 'ListInstances', 'AccessDenied', FAILED, ['From inside a container', 'send_interface="org.postern.Mediator1"']),
    (['rules', '1'], 'GetRules', 'NotContainer', FAILED, ['no such instance', 'posternctl list']),
    (['stop', '1'], 'StopInstance', 'NotContainer', FAILED, ['no such instance']),
    (['reload'], 'ReloadConfig', 'Failed', FAILED, ['words of the bus']),
    (['explain', 'a.b', 'c.d'], 'Explain', 'InvalidArgs', UNASKED, ['words of the bus']),
    (['explain', 'a.b', 'c.d'], 'Explain', 'UnknownMethod', UNASKED, ['older than this posternctl']),
    (['list'], 'ListInstances', 'NoReply', FAILED, ['did not answer ListInstances in time']),
]


@pytest.mark.parametrize('args, member, error, status, words', REFUSALS, ids=lambda x: str(x))
def test_refusals(fake, args, member, error, status, words):
    fake.answers[member] = Refusal(E + error, 'words of the bus\x1b[2J')
    text = fails(fake.address, *args, status=status)
    assert all(word in text for word in words) and not ACTIVE.search(text), text


@pytest.mark.parametrize('args', [['list'], ['show', '1'], ['rules', '1'], ['explain', 'a.b', 'c.d'], ['watch'], ['stop', '1']], ids=lambda x: x[0])
def test_not_posterns(fake, args):
    fake.properties.clear()
    text = fails(fake.address, *args, status=UNASKED if args[0] == 'explain' else FAILED)
    assert 'this bus is not run by Postern (no interface org.postern.Mediator1)' in text


SENSELESS = [
    (['list'], 'ListInstances', ('a(osss)', [])),
    (['list'], 'ListInstances', ('s', 'none')),
    (['list'], 'ListInstances', ('',)),
    (['rules', '1'], 'GetRules', ('a(usos)', [])),
    (['explain', 'a.b', 'c.d'], 'Explain', ('as', [])),
    (['explain', 'a.b', 'c.d'], 'Explain', ('a{sv}', {})),
    (['show', '1'], 'GetInstanceInfo', ('a{sv}ss', {}, '', '')),
]


@pytest.mark.parametrize('args, member, answer', SENSELESS, ids=lambda x: str(x))
def test_senseless_answers(fake, args, member, answer):
    fake.answers[member] = answer
    assert fails(fake.address, *args, status=UNASKED if args[0] == 'explain' else FAILED)


def test_bus_that_goes_away(fake):
    fake.answers['ListInstances'] = lambda call: fake.clients[-1].sock.shutdown(2)
    assert 'closed the connection during ListInstances' in fails(fake.address, 'list')


# ---- list

def test_list(fake):
    fake.answers['ListInstances'] = LIST
    assert says(fake.address, 'list') == (
        'INSTANCE  TYPE                 NAME  SOURCE    CONNECTIONS\n'
        'c1        com.example.Sandbox  app   socket    2\n'
        'c12       io.snapcraft         ""    apparmor  0\n')
    assert says(fake.address, '--no-legend', 'list') == (
        'c1   com.example.Sandbox  app  socket    2\n'
        'c12  io.snapcraft         ""   apparmor  0\n')
    rows = [dict(instance='c1', path=INSTANCES + 'c1', type='com.example.Sandbox', name='app', source='socket', connections=2),
            dict(instance='c12', path=INSTANCES + 'c12', type='io.snapcraft', name='', source='apparmor', connections=0)]
    assert tells(fake.address, 'list') == rows
    pretty = says(fake.address, 'list', '--json=pretty')
    assert json.loads(pretty) == rows and pretty.count('\n') == 18
    assert json.loads(says(fake.address, 'list', '-j')) == rows
    assert says(fake.address, '-j', 'list', '--json=off') == says(fake.address, 'list')


def test_empty_list(fake):
    fake.answers['ListInstances'] = ('a(osssu)', [])
    assert says(fake.address, 'list').split() == ['INSTANCE', 'TYPE', 'NAME', 'SOURCE', 'CONNECTIONS']
    assert says(fake.address, 'list', '--no-legend') == '' and tells(fake.address, 'list') == []


def test_hostile_names(fake):
    fake.answers['ListInstances'] = HOSTILE_LIST
    out = says(fake.address, 'list')
    assert out.count('\n') == 2 and not ACTIVE.search(out) and SHOWN in out
    out = says(fake.address, 'list', '--json=short')
    assert not ACTIVE.search(out) and json.loads(out)[0]['name'] == HOSTILE


def test_columns_hold_other_scripts(fake):
    fake.answers['ListInstances'] = ('a(osssu)', [(INSTANCES + 'c1', 'a.b', 'größe', 'socket', 1), (INSTANCES + 'c2', 'a.b', 'groesse', 'socket', 1)])
    lines = says(fake.address, 'list').splitlines()
    assert len({line.index('socket') for line in lines[1:]}) == 1


# ---- show

def show_answers(fake, **info):
    creator = {'UnixUserID': ('u', 1000), 'ProcessID': ('u', 77), 'LinuxSecurityLabel': ('ay', b'snap.x (enforce)\0'), 'UnixGroupIDs': ('au', [1, 2])}
    metadata = info.get('metadata', {'a': ('s', 'text'), 'n': ('a{sv}', {'x': ('(ub)', (7, True)), 'y': ('v', ('ay', b'\0\1'))}), 'd': ('d', -0.5),
                                     'i': ('a{iv}', {-5: ('x', -1 << 63), 6: ('t', (1 << 64) - 1)})})
    fake.answers.update(
        ListInstances=LIST,
        GetInstanceInfo=('a{sv}ssa{sv}', creator, 'com.example.Sandbox', info.get('name', 'app'), metadata),
        GetInstanceStats=('a{sv}', {'Mode': ('s', 'restrict'), 'Connections': ('u', 2), 'Rules': ('u', 3), 'MessagesSent': ('t', 1 << 40)}),
        ListNames=('as', [DRIVER, 'com.example.App', ':1.5', ':1.6', ':1.7', ':1.8', 'com.example.Else']),
        GetNameOwner=lambda call: ('s', {'com.example.App': ':1.7'}.get(call.body[0], ':1.5')),
        GetConnectionCredentials=lambda call: ('a{sv}', dict(
            {'UnixUserID': ('u', 1000), 'ProcessID': ('u', int(call.body[0][3:]))},
            **({CONTAINERS + '.Instance': ('o', INSTANCES + 'c1')} if call.body[0] in (':1.6', ':1.7') else {}))))


def test_show(fake):
    show_answers(fake)
    out = says(fake.address, 'show', 'c1')
    assert out == '''\
Instance:     c1
Path:         /org/freedesktop/DBus/Containers1/c1
Type:         com.example.Sandbox
Name:         app
Source:       socket
Mode:         restrict
Creator:
  UnixUserID: 1000
  ProcessID: 77
  LinuxSecurityLabel: snap.x (enforce)
  UnixGroupIDs: 1, 2
Metadata:
  a: text
  n: {"x":[7,true],"y":[0,1]}
  d: -0.5
  i: {"-5":-9223372036854775808,"6":18446744073709551615}
Figures:
  Connections: 2
  Rules: 3
  MessagesSent: 1099511627776
Connections:
  :1.6  pid 6  uid 1000
  :1.7  pid 7  uid 1000  owns com.example.App
'''
    got = tells(fake.address, 'show', INSTANCES + 'c1')
    assert got['creator']['LinuxSecurityLabel'] == 'snap.x (enforce)' and got['mode'] == 'restrict'
    assert got['metadata'] == {'a': 'text', 'n': {'x': [7, True], 'y': [0, 1]}, 'd': -0.5, 'i': {'-5': -1 << 63, '6': (1 << 64) - 1}}
    assert got['figures'] == {'Connections': 2, 'Rules': 3, 'MessagesSent': 1 << 40}
    assert got['connections'] == [{'name': ':1.6', 'uid': 1000, 'pid': 6, 'owns': []}, {'name': ':1.7', 'uid': 1000, 'pid': 7, 'owns': ['com.example.App']}]
    assert [c.body[0] for c in fake.calls if c.member == 'GetConnectionCredentials'][:3] == [':1.5', ':1.6', ':1.7']  # and no more when both are found


def test_show_hostile(fake):
    show_answers(fake, name=HOSTILE, metadata={HOSTILE: ('s', HOSTILE)})
    out = says(fake.address, 'show', '1')
    assert not ACTIVE.search(out) and out.count(SHOWN) == 3 and not [line for line in out.splitlines() if line.startswith('c99')]
    out = says(fake.address, 'show', '1', '-j')
    assert not ACTIVE.search(out) and json.loads(out)['metadata'] == {HOSTILE: HOSTILE}


def test_show_what_has_just_ended(fake):
    show_answers(fake)
    assert 'just ended' in fails(fake.address, 'show', '7')


# ---- rules

RULES = ('a(usosss)', [
    (SEE | CALL_ | HEAR | PATH_SUBTREE, 'org.a', '/', '', 'index:0', 'talk=org.a'),
    (CALL_ | PATH_SUBTREE | MEMBER, 'org.b', '/b', 'org.b.I.M', 'index:1', 'call=org.b=org.b.I.M@/b/*'),
    (SEE | CALL_, '', '/p', 'x.y', 'grant:7 of :1.5', ''),
    (0x8000000 | CALL_, 'org.new', '/', '', 'index:2', ''),
    (SEE | PATH_SUBTREE, 'org.conf', '/', '', '/etc/mediator.conf:7', 'see=org.conf'),
])
OWN_RULES = [rule[:4] for rule in RULES[1] if rule[4].startswith('index:')]
NEW = (SEE | PATH_SUBTREE, 'org.n', '/', '')


def test_rules(fake):
    fake.answers['GetRules'] = RULES
    assert says(fake.address, 'rules', 'c1') == '''\
RULE                                       SOURCE
talk=org.a                                 index:0
call=org.b=org.b.I.M@/b/*                  index:1
SEE|CALL name=(any) path=/p interface=x.y  grant:7 of :1.5
CALL|0x8000000 name=org.new path=/         index:2
see=org.conf                               /etc/mediator.conf:7
'''
    got = tells(fake.address, 'rules', '1')
    assert got[1] == dict(flags=CALL_ | PATH_SUBTREE | MEMBER, flag_names=['CALL', 'PATH_SUBTREE', 'MEMBER'], bus_name='org.b', path='/b',
                          interface='org.b.I.M', source='index:1', text='call=org.b=org.b.I.M@/b/*', rule='call=org.b=org.b.I.M@/b/*')
    assert fake.calls[-1].body == (INSTANCES + 'c1',)


CHANGES = [
    (['--set', 'see=org.n'], [NEW]),
    (['--set', 'call=org.b=org.b.I.M@/b/*', 'see=org.n'], [OWN_RULES[1], NEW]),
    (['--clear'], []),
    (['--add', 'see=org.n'], OWN_RULES + [NEW]),
    (['--add', 'see=org.n', 'talk=org.a', 'see=org.n'], OWN_RULES + [NEW]),
    (['--remove', 'talk=org.a'], OWN_RULES[1:]),
    (['--remove', 'talk=org.a', 'call=org.b=org.b.I.M@/b/*', '--add', 'see=org.n'], [OWN_RULES[2], NEW]),
]


@pytest.mark.parametrize('args, rules', CHANGES, ids=lambda x: ' '.join(map(str, x)))
def test_changes(fake, args, rules):
    fake.answers.update(GetRules=RULES, SetRules=('',))
    out = says(fake.address, 'rules', 'c1', *args)
    assert out == says(fake.address, 'rules', 'c1')
    assert [c.body for c in fake.calls if c.member == 'SetRules'] == [(INSTANCES + 'c1', rules)]


@pytest.mark.parametrize('rule', ['see=org.conf', 'see=org.absent', 'call=org.b'])
def test_only_own_rules_are_removed(fake, rule):
    fake.answers.update(GetRules=RULES, SetRules=('',))
    assert rule + ' is none of the instance\'s own rules' in fails(fake.address, 'rules', 'c1', '--remove', 'talk=org.a', rule)
    assert not [c for c in fake.calls if c.member == 'SetRules']


# ---- explain

def door(verdict, **more):
    return 'a{sv}', dict({'verdict': ('s', verdict)}, **{k: ('s', v) for k, v in more.items()})


DENIED = {'allowed': ('b', False), 'door': ('s', 'container'),
          'xml': door('allow', rule='/etc/s.conf:12', source='/etc/s.conf:12', why='<allow send_destination="*"/>', end='sender'),
          'container': door('deny', rule='none', source='no rule', why='nothing lets ' + HOSTILE + ' call it', end='sender', fix='call=c.d=e.f.G@/'),
          'lsm': door('abstain', rule='none', source='absent')}


def test_explain(fake):
    fake.answers['Explain'] = ('a{sv}', DENIED)
    assert says(fake.address, 'explain', ':1.5', 'c.d', status=FAILED) == '''\
DENIED by the container's door: method_call :1.5 -> c.d, path=/ interface=org.freedesktop.DBus.Peer member=Ping
  xml        allow, at the sender, rule /etc/s.conf:12
             <allow send_destination="*"/>
  container  deny, at the sender, no rule
             nothing lets %s call it
             to allow it, the rule: call=c.d=e.f.G@/
  lsm        abstain, absent
''' % SHOWN
    got = tells(fake.address, 'explain', ':1.5', 'c.d', status=FAILED)
    assert got['question'] == dict(type='method_call', sender=':1.5', destination='c.d', path='/', interface='org.freedesktop.DBus.Peer', member='Ping')
    assert got['allowed'] is False and got['container']['fix'] == 'call=c.d=e.f.G@/' and got['lsm'] == dict(verdict='abstain', rule='none', source='absent')
    fake.answers['Explain'] = ('a{sv}', {'allowed': ('b', True), 'door': ('s', ''), 'see': ('s', 'inspect')})
    assert says(fake.address, 'explain', ':1.5', HOSTILE, 'type=see') == 'ALLOWED: see :1.5 -> %s\n  it sees:   inspect\n' % SHOWN


@pytest.mark.parametrize('name, words', [('xml', 'the XML policy'), ('lsm', 'the LSM'), ('new', 'new')])
def test_who_denied(fake, name, words):
    fake.answers['Explain'] = ('a{sv}', {'allowed': ('b', False), 'door': ('s', name)})
    assert says(fake.address, 'explain', 'a.b', 'c.d', 'type=own', status=FAILED) == 'DENIED by %s: own a.b -> c.d\n' % words


QUESTIONS = [
    (['a.b', 'c.d'], dict(sender=('s', 'a.b'), destination=('s', 'c.d'), path=('s', '/'), interface=('s', 'org.freedesktop.DBus.Peer'), member=('s', 'Ping'))),
    (['a.b', 'c.d', '/e'], dict(sender=('s', 'a.b'), destination=('s', 'c.d'), path=('s', '/e'))),
    (['a.b', 'type=signal'], dict(type=('s', 'signal'), sender=('s', 'a.b'))),
    (['a.b', 'c.d', '/e', 'f.g', 'H'], dict(sender=('s', 'a.b'), destination=('s', 'c.d'), path=('s', '/e'), interface=('s', 'f.g'), member=('s', 'H'))),
    (['type=own', 'sender=:1.5', 'destination=c.d'], dict(type=('s', 'own'), sender=('s', ':1.5'), destination=('s', 'c.d'))),
    (['a.b', 'fds=3', 'destination-instance=7', 'type=reply'], {'sender': ('s', 'a.b'), 'fds': ('u', 3), 'type': ('s', 'reply'), 'destination-instance': ('o', INSTANCES + 'c7')}),
    (['sender-instance=/a/b', 'sender-uid=4294967295', 'sender-label=x=y', 'type=see'],
     {'type': ('s', 'see'), 'sender-instance': ('o', '/a/b'), 'sender-uid': ('u', 0xffffffff), 'sender-label': ('s', 'x=y')}),
    (['sender-type=t.t', 'sender-name=', 'destination-type=u.u', 'destination-name=n', 'destination-uid=0', 'destination-label=l', 'type=own'],
     {'sender-type': ('s', 't.t'), 'sender-name': ('s', ''), 'destination-type': ('s', 'u.u'), 'destination-name': ('s', 'n'), 'type': ('s', 'own'),
      'destination-uid': ('u', 0), 'destination-label': ('s', 'l')}),
]


@pytest.mark.parametrize('args, question', QUESTIONS, ids=lambda x: ' '.join(x))
def test_questions(fake, args, question):
    fake.answers['Explain'] = ('a{sv}', {'allowed': ('b', True)})
    says(fake.address, 'explain', *args)
    assert fake.calls[-1].body == (dict({'type': ('s', 'method_call')}, **question),)


# ---- watch

SEND = dict(verdict='denied', door='container', rule='none', why='no rule', end='sender', needs='call=c.d=e.f.G@/', action='send', from_uid=1000,
            to='unnamed', destination='c.d', type='method_call', path='/', interface='e.f', member='G', fds=2, **{'from': ':1.5'})
SEND.update(to=':1.2', from_instance=('o', INSTANCES + 'c3'), from_type='com.example.Sandbox', from_name='app')
OWN = dict(verdict='complained', door='container', rule='none', action='own', name='c.d', from_instance=('o', INSTANCES + 'c4'), from_type='t.t',
           from_name=HOSTILE, **{'from': ':1.6'})


def verdicts(*all):
    return lambda client: [verdict(client, **v) for v in all]


@pytest.fixture
def watched(fake):
    fake.answers.update(Watch=('',), Unwatch=('',))
    fake.after['Watch'] = verdicts(SEND, OWN)
    return fake


def test_watch(watched):
    w = Watcher(watched.address)
    assert re.fullmatch(r'\d\d:\d\d:\d\d\.\d\d\d DENIED container send :1\.5 \[com\.example\.Sandbox/app c3\] -> :1\.2 \(c\.d\) method_call '
                        r'e\.f\.G / with 2 fds: no rule \[none\]; needs call=c\.d=e\.f\.G@/', w.line())
    second = w.line()
    assert second[13:] == 'COMPLAINED container own :1.6 [t.t/%s c4] c.d [none]' % SHOWN
    assert w.end() == (OK, '', '')
    assert [(c.member, c.body) for c in watched.calls[1:]] == [('Watch', ({},)), ('Unwatch', ())]


def test_watch_as_json(watched):
    status, out, err = ctl(watched.address, 'watch', '--count=2', '-j', '--no-legend', '--all')
    assert (status, err) == (OK, '') and not ACTIVE.search(out)
    first, second = map(json.loads, out.splitlines())
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z', first.pop('time'))
    assert first == {k: v[1] if isinstance(v, tuple) else v for k, v in SEND.items()} and second['from_name'] == HOSTILE
    assert watched.calls[1].body == ({'all': ('b', True)},)


FILTERS = [
    ({'instance': 'c3'}, 'S'), ({'instance': '4'}, 'O'), ({'type': 'com.*'}, 'S'), ({'name': 'a*'}, 'SO'), ({'door': 'xml'}, ''), ({'sender': ':1.6'}, 'O'),
    ({'destination': 'c.d'}, 'SO'), ({'member': 'G', 'interface': 'e.*'}, 'S'), ({'verdict': 'complained', 'action': 'own'}, 'O'), ({'member': '*'}, 'S'),
]
LOOKS_AT = {'instance': 'to_instance', 'type': 'to_type', 'name': 'to_name', 'sender': 'from', 'destination': 'destination'}


@pytest.mark.parametrize('filters, seen', FILTERS, ids=lambda x: str(x))
def test_filters(watched, filters, seen):
    """A third verdict, that matches, ends it."""
    last = {LOOKS_AT.get(k, k): INSTANCES + 'c' + v.strip('c') if k == 'instance' else v for k, v in filters.items()}
    watched.after['Watch'] = verdicts(SEND, OWN, dict(last, why='the last'))
    status, out, err = ctl(watched.address, 'watch', '-j', '--count=%d' % (len(seen) + 1), *['--%s=%s' % f for f in filters.items()])
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == OK and ''.join(line['action'][0].upper() for line in lines[:-1]) == seen and lines[-1]['why'] == 'the last'


def test_what_was_lost(watched):
    lost = [dict(SEND, lost=('t', 5)), dict(OWN, lost=('t', 7)), dict(SEND), dict(SEND, lost=('t', 1 << 40))]
    watched.after['Watch'] = verdicts(*lost)
    status, out, err = ctl(watched.address, 'watch', '--count=3', '--action=send')
    lines = out.splitlines()
    assert status == OK and ('%d verdicts were lost' % ((1 << 40) + 12)) in err
    assert [line.split()[1] for line in lines] == ['5', 'DENIED', '7', 'DENIED', str(1 << 40), 'DENIED']
    status, out, err = ctl(watched.address, 'watch', '--count=3', '--action=send', '-j')
    assert [json.loads(line).get('lost') for line in out.splitlines()] == [5, 7, 1 << 40]


def test_only_the_bus_is_believed(watched):
    watched.after['Watch'] = lambda client: [verdict(client, sender=':1.66', **SEND), verdict(client, **OWN)]
    status, out, err = ctl(watched.address, 'watch', '--count=1')
    assert status == OK and out.count('\n') == 1 and 'COMPLAINED' in out


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it(watched, number):
    w = Watcher(watched.address)
    w.line(), w.line()
    assert w.end(number) == (OK, '', '') and watched.calls[-1].member == 'Unwatch'


def test_a_flood_does_not_keep_signals_out(watched):
    def flood(client):
        while True:
            verdict(client, **SEND)
    watched.after['Watch'] = flood
    w = Watcher(watched.address, '--action=none')
    w.process.send_signal(signal.SIGINT)
    # Nobody answers Unwatch here, either: a second signal ends that wait.
    with pytest.raises(subprocess.TimeoutExpired):
        w.process.wait(1)
    w.process.send_signal(signal.SIGINT)
    assert w.process.wait(10) == -signal.SIGINT
    w.process.communicate()


def test_time_ends_it(watched):
    status, out, err = ctl(watched.address, 'watch', '--timeout=1')
    assert status == OK and out.count('\n') == 2 and watched.calls[-1].member == 'Unwatch'


def test_senseless_verdict(watched):
    def senseless(client):
        client.say(4, path='/org/freedesktop/DBus', interface=MEDIATOR1, member='Verdict', signature='as', body=([],))
    watched.after['Watch'] = senseless
    status, out, err = ctl(watched.address, 'watch', '--count=1')
    assert status == FAILED and 'makes no sense' in err


# ---- stop, reload, status

def test_stop(fake):
    fake.answers.update(StopInstance=('',), StopListening=('',))
    assert says(fake.address, 'stop', 'c1', '2', INSTANCES + 'c3') == ''
    assert [(c.interface, c.member, c.body[0][-2:]) for c in fake.calls[1:]] == [(CONTAINERS, 'StopInstance', 'c%d' % n) for n in (1, 2, 3)]
    assert says(fake.address, 'stop', 'c1', '--listening') == '' and fake.calls[-1].member == 'StopListening'


def test_all_are_stopped_that_can_be(fake):
    fake.answers['StopInstance'] = lambda call: ('',) if call.body[0].endswith('c2') else Refusal(E + 'NotContainer', 'no')
    status, out, err = ctl(fake.address, 'stop', 'c1', 'c2', 'c3')
    assert status == FAILED and err.count('no such instance') == 2 and len(fake.calls) == 4
    assert err.splitlines()[0].startswith('posternctl: c1: ')


def test_reload(fake):
    fake.answers['ReloadConfig'] = ('',)
    assert says(fake.address, 'reload') == '' and fake.calls[-1].interface == DRIVER


def test_status(fake):
    fake.answers.update(ListInstances=LIST, ListNames=('as', [DRIVER, 'a.b', ':1.0', ':1.1', ':1.2']), GetConnectionUnixUser=('u', 81))
    fake.properties[(DRIVER, 'Features')] = ('as', ['A', 'B'])
    fake.properties[(MEDIATOR1, 'Doors')] = ('a{sv}', {'xml': ('s', 'on'), 'apparmor': ('s', 'absent: this kernel has no ' + HOSTILE)})
    assert says(fake.address, 'status') == '''\
Postern:      0.1.0
Address:      %s
Id:           0123456789abcdef0123456789abcdef
User:         81
Features:     A, B
Connections:  2
Instances:    2
Doors:        xml: on
              apparmor: absent: this kernel has no %s
''' % (fake.address, SHOWN)
    got = tells(fake.address, 'status')
    assert got == dict(postern=True, version='0.1.0', address=fake.address, id='0123456789abcdef' * 2, user=81, features=['A', 'B'], connections=2,
                       instances=2, doors={'xml': 'on', 'apparmor': 'absent: this kernel has no ' + HOSTILE})


def test_status_says_what_can_be_had(fake):
    fake.answers['ListInstances'] = Refusal(E + 'AccessDenied', 'no')
    assert 'Instances:    -\n' in says(fake.address, 'status')
    fake.properties.clear()
    status, out, err = ctl(fake.address, 'status')
    assert status == FAILED and out.startswith('Postern:      not here\n') and 'not run by Postern' in err
    status, out, err = ctl(fake.address, 'status', '-j')
    assert status == FAILED and json.loads(out)['postern'] is False and json.loads(out)['doors'] is None


# ---- the pager

def on_terminal(fake, *args, **env):
    """What a terminal gets to see."""
    master, slave = pty.openpty()
    p = subprocess.Popen([CTL, '--address=' + fake.address, *args], env=environment(TERM='xterm', **env), stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen = b''
    try:
        while True:
            chunk = os.read(master, 4096)
            if not chunk:
                break
            seen += chunk
    except OSError:
        pass
    os.close(master)
    assert p.wait(20) == OK
    return seen.decode()


PAGER = 'sed s/^/paged:/'
PAGERS = [
    ([], dict(PAGER=PAGER), True),
    ([], dict(SYSTEMD_PAGER=PAGER, PAGER='cat'), True),
    ([], dict(SYSTEMD_PAGER='', PAGER=PAGER), False),
    ([], dict(PAGER='cat'), False),
    ([], dict(PAGER='no-such-pager-anywhere'), False),
    (['--no-pager'], dict(PAGER=PAGER), False),
    ([], dict(PAGER=PAGER, SUDO_UID='1000'), False),
    ([], dict(SYSTEMD_PAGER=PAGER, PKEXEC_UID='1000'), False),
]


@pytest.mark.parametrize('args, env, paged', PAGERS, ids=lambda x: str(x))
def test_pager(fake, args, env, paged):
    fake.answers['ListInstances'] = LIST
    seen = on_terminal(fake, *args, 'list', **env)
    assert ('paged:INSTANCE' in seen) == paged and 'c12 ' in seen


def test_pager_that_is_left(fake):
    fake.answers['ListInstances'] = ('a(osssu)', [(INSTANCES + 'c%d' % n, 'a.b', 'n' * 200, 'socket', 1) for n in range(2000)])
    assert on_terminal(fake, 'list', PAGER='head -n 1').count('\n') == 1


def test_json_on_a_terminal_is_pretty(fake):
    fake.answers['ListInstances'] = LIST
    assert on_terminal(fake, 'list', '-j', '--no-pager').count('\n') == 18 and on_terminal(fake, 'list', '--json=short', '--no-pager').count('\n') == 1


def test_full_disk(fake):
    fake.answers['ListInstances'] = LIST
    with open('/dev/full', 'w') as full:
        p = subprocess.run([CTL, '--address=' + fake.address, 'list'], env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
    assert p.returncode == FAILED and 'No space left' in p.stderr
