# SPDX-License-Identifier: LGPL-2.1-or-later
"""posternctl at a bus that says anything: what it makes of answers and refusals, and what never reaches the terminal."""
import json
import os

import pytest

from bus import CALL_, HEAR, MEMBER, PATH_SUBTREE, SEE
from ctl import ACTIVE, FAILED, HOSTILE, INSTANCES, LIST, SHOWN, UNASKED, ctl, fails, fake, says, tells  # noqa: F401, the fixture
from fakebus import MEDIATOR1, Refusal
from wirebus import CONTAINERS, DRIVER, E

HOSTILE_LIST = ('a(osssu)', [(INSTANCES + 'c1', 'com.example.Sandbox', HOSTILE, 'socket', 2)])


# ---- errors in words

ADVICE = 'refuses' if os.geteuid() == 0 else 'sudo posternctl'
REFUSALS = [
    (['explain', 'a.b', 'c.d'], 'Explain', 'AccessDenied', UNASKED, ['root and the user that the bus runs as', ADVICE, 'words of the bus']),
    (['watch'], 'Watch', 'AccessDenied', FAILED, ['root and the user that the bus runs as', ADVICE]),
    (['rules', '1'], 'GetRules', 'AccessDenied', FAILED, ['the user who made the instance', ADVICE]),
    (['rules', '1', '--clear'], 'SetRules', 'AccessDenied', FAILED, ['the user who made the instance']),
    (['stop', '1'], 'StopInstance', 'AccessDenied', FAILED, ['the user who made the instance', 'posternctl show', '1: ']),
    (['reload'], 'ReloadConfig', 'AccessDenied', FAILED, ['root and the user that the bus runs as']),
    (['list'], 'ListInstances', 'AccessDenied', FAILED, ['inside a container', 'send_interface="org.postern.Mediator1"']),
    (['rules', '1'], 'GetRules', 'NotContainer', FAILED, ['no such instance', 'posternctl list']),
    (['stop', '1'], 'StopInstance', 'NotContainer', FAILED, ['no such instance']),
    (['reload'], 'ReloadConfig', 'Failed', FAILED, ['words of the bus']),
    (['explain', 'a.b', 'c.d'], 'Explain', 'InvalidArgs', UNASKED, ['words of the bus']),
    (['explain', 'a.b', 'c.d'], 'Explain', 'UnknownMethod', UNASKED, ['older than this posternctl']),
    (['list'], 'ListInstances', 'NoReply', FAILED, ['did not answer ListInstances in time']),
]


@pytest.mark.parametrize('args, member, error, status, words', REFUSALS, ids=lambda x: str(x))
def test_refusals(fake, args, member, error, status, words):
    fake.answers[member] = Refusal(E + error, 'words of the bus\x1b[2J\x9b31m\u202e')
    text = fails(fake.address, *args, status=status)
    assert all(word in text for word in words) and not ACTIVE.search(text), text
    assert 'sudo' not in text or member not in ('SetRules', 'StopInstance', 'ListInstances')  # root is nobody's creator


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
    fake.answers['ListInstances'] = ('a(osssu)', [(INSTANCES + c, 'a.b', name, 'socket', 1) for c, name in (('c1', 'größe'), ('c2', 'groesse'))])
    lines = says(fake.address, 'list').splitlines()
    assert len({line.index('socket') for line in lines[1:]}) == 1


# ---- show

def show_answers(fake, **info):
    creator = {'UnixUserID': ('u', 1000), 'ProcessID': ('u', 77), 'LinuxSecurityLabel': ('ay', b'snap.x (enforce)\0'), 'UnixGroupIDs': ('au', [1, 2])}
    metadata = info.get('metadata', {'a': ('s', 'text'), 'n': ('a{sv}', {'x': ('(ub)', (7, True)), 'y': ('v', ('ay', b'\0\1'))}), 'd': ('d', -0.5),
                                     'i': ('a{iv}', {-5: ('x', -1 << 63), 6: ('t', (1 << 64) - 1)})})
    places = {':1.5': 'c12', ':1.6': 'c1', ':1.7': 'c1'}
    fake.answers.update(
        ListInstances=LIST,
        GetInstanceInfo=('a{sv}ssa{sv}', creator, 'com.example.Sandbox', info.get('name', 'app'), metadata),
        GetInstanceStats=('a{sv}', {'Mode': ('s', 'restrict'), 'Connections': ('u', 2), 'Rules': ('u', 3), 'MessagesSent': ('t', 1 << 40)}),
        ListNames=('as', [DRIVER, 'com.example.App', ':1.5', ':1.6', ':1.7', ':1.8', 'com.example.Else']),
        GetNameOwner=lambda call: ('s', {'com.example.App': ':1.7'}.get(call.body[0], ':1.5')),
        GetConnectionCredentials=lambda call: ('a{sv}', dict(
            {'UnixUserID': ('u', 1000), 'ProcessID': ('u', int(call.body[0][3:]))},
            **({CONTAINERS + '.Instance': ('o', INSTANCES + places[call.body[0]])} if call.body[0] in places else {}))))


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
    assert got['connections'] == [dict(name=':1.6', uid=1000, pid=6, owns=[]), dict(name=':1.7', uid=1000, pid=7, owns=['com.example.App'])]
    # When both are found no more are asked about.
    assert [c.body[0] for c in fake.calls if c.member == 'GetConnectionCredentials'] == [':1.5', ':1.6', ':1.7'] * 2


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


@pytest.mark.parametrize('args, rules', CHANGES, ids=lambda x: ' '.join(x) if x and isinstance(x[0], str) else '')
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
    assert got['question'] == dict(PING, type='method_call', sender=':1.5', destination='c.d')
    assert got['allowed'] is False and got['container']['fix'] == 'call=c.d=e.f.G@/'
    assert got['lsm'] == dict(verdict='abstain', rule='none', source='absent')
    fake.answers['Explain'] = ('a{sv}', {'allowed': ('b', True), 'door': ('s', ''), 'see': ('s', 'inspect')})
    assert says(fake.address, 'explain', ':1.5', HOSTILE, 'type=see') == 'ALLOWED: see :1.5 -> %s\n  it sees:   inspect\n' % SHOWN


@pytest.mark.parametrize('name, words', [('xml', 'the XML policy'), ('lsm', 'the LSM'), ('new', 'new')])
def test_who_denied(fake, name, words):
    fake.answers['Explain'] = ('a{sv}', {'allowed': ('b', False), 'door': ('s', name)})
    assert says(fake.address, 'explain', 'a.b', 'c.d', 'type=own', status=FAILED) == 'DENIED by %s: own a.b -> c.d\n' % words


ENDS = {'sender': 'a.b', 'destination': 'c.d'}
PING = {'path': '/', 'interface': 'org.freedesktop.DBus.Peer', 'member': 'Ping'}
C7, MAX = ('o', INSTANCES + 'c7'), 0xffffffff
# what is written, what is asked; numbers are u, text is s
QUESTIONS = [
    ('a.b c.d', dict(ENDS, **PING)),
    ('a.b c.d /e', dict(ENDS, path='/e')),
    ('a.b c.d /e f.g H', dict(ENDS, path='/e', interface='f.g', member='H')),
    ('a.b c.d type=method_call', dict(ENDS, **PING)),
    ('a.b type=signal', {'type': 'signal', 'sender': 'a.b'}),
    ('type=own sender=:1.5 destination=c.d', {'type': 'own', 'sender': ':1.5', 'destination': 'c.d'}),
    ('a.b fds=3 destination-instance=7 type=reply', {'type': 'reply', 'sender': 'a.b', 'fds': 3, 'destination-instance': C7}),
    ('sender-instance=/a/b sender-uid=%d sender-label=x=y type=see' % MAX,
     {'type': 'see', 'sender-instance': ('o', '/a/b'), 'sender-uid': MAX, 'sender-label': 'x=y'}),
    ('sender-type=t.t sender-name= destination-type=u.u destination-name=n type=own', {'type': 'own', 'sender-type': 't.t', 'sender-name': '',
                                                                                       'destination-type': 'u.u', 'destination-name': 'n'}),
    ('destination-uid=0 destination-label=l type=own', {'type': 'own', 'destination-uid': 0, 'destination-label': 'l'}),
]


@pytest.mark.parametrize('line, question', QUESTIONS, ids=lambda x: x if isinstance(x, str) else '')
def test_questions(fake, line, question):
    fake.answers['Explain'] = ('a{sv}', {'allowed': ('b', True)})
    says(fake.address, 'explain', *line.split())
    typed = {k: v if isinstance(v, tuple) else ('u' if isinstance(v, int) else 's', v) for k, v in question.items()}
    assert fake.calls[-1].body == (dict({'type': ('s', 'method_call')}, **typed),)


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
