# SPDX-License-Identifier: LGPL-2.1-or-later
"""posternctl at a real bus: every verb, in text and in JSON. What it makes of odd answers is in test_ctl_answers.py."""
import json
import os
import re
import signal
import subprocess

import pytest

from bus import CALL_, OPEN_POLICY, OWN, SEE, TALK, config_text, rule
from ctl import CTL, FAILED, OK, UNASKED, USAGE, Watcher, ctl, environment, fails, says, tells
from helpers import as_other_user, is_root
from wirebus import CALL, ERROR, DBusError

pytestmark = pytest.mark.postern
COMPLETION = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../data/completions/posternctl')
HOSTILE = 'a\x1b[31m\nc99\u202e\\'
SHOWN = 'a\\x1b[31m\\nc99\\u202e\\\\'
SITE = '<mediator><container type="com.example.Sandbox" name="app"><allow see="com.example.Site"/></container></mediator>'


class Scene:
    """A service, a manager and its container with one connection."""

    def __init__(self, bus, *rules, **named):
        self.bus, self.address = bus, bus.address
        self.service, self.manager = bus.connect(), bus.connect()
        self.service.request_name('com.example.Service')
        self.instance = bus.container(self.manager, rules=rules, **named)
        self.short = self.instance.path.rpartition('/')[2]
        self.app = self.instance.connect()

    def calls(self):
        """Does a call of the app reach the service?"""
        serial = self.app.send_call('M', dest='com.example.Service', path='/p', iface='com.example.I')
        self.app.sync()
        self.service.sync()
        got = [m for m in self.service.take(CALL) if m.sender == self.app.name]
        assert bool(got) != bool([m for m in self.app.take(ERROR) if m.reply_serial == serial])
        return bool(got)


@pytest.fixture
def scene(bus):
    return Scene(bus)


# ---- list, show

def test_list(scene):
    other = scene.bus.container(scene.manager, name=HOSTILE, type='org.example.Other')
    idle = other.path.rpartition('/')[2]
    out = says(scene.address, 'list')
    assert [line.split() for line in out.splitlines()] == [
        ['INSTANCE', 'TYPE', 'NAME', 'SOURCE', 'CONNECTIONS'],
        [scene.short, 'com.example.Sandbox', 'app', 'socket', '1'],
        [idle, 'org.example.Other', SHOWN, 'socket', '0']]
    assert tells(scene.address, 'list') == [
        dict(instance=scene.short, path=scene.instance.path, type='com.example.Sandbox', name='app', source='socket', connections=1),
        dict(instance=idle, path=other.path, type='org.example.Other', name=HOSTILE, source='socket', connections=0)]
    other.stop()
    assert len(tells(scene.address, 'list')) == 1


def test_show(bus):
    metadata = {'k': ('s', HOSTILE), 'n': ('au', [1, 2])}
    scene = Scene(bus, rule(OWN, 'com.example.App'), rule(TALK, 'com.example.Service'), metadata=metadata, name=HOSTILE)
    scene.app.request_name('com.example.App')
    assert scene.calls()
    for way in (scene.short, scene.short[1:], scene.instance.path):
        got = tells(bus.address, 'show', way)
        assert (got['instance'], got['path'], got['type'], got['name']) == (scene.short, scene.instance.path, 'com.example.Sandbox', HOSTILE)
        assert (got['source'], got['mode']) == ('socket', 'restrict')
        assert got['creator']['UnixUserID'] == os.geteuid() and got['creator']['ProcessID'] == os.getpid()
        assert got['metadata'] == {'k': HOSTILE, 'n': [1, 2]}
        assert got['figures']['Rules'] == 2 and got['figures']['Connections'] == 1 and got['figures']['MessagesSent'] >= 1
        assert got['connections'] == [dict(name=scene.app.name, uid=os.geteuid(), pid=os.getpid(), owns=['com.example.App'])]
    out = says(bus.address, 'show', scene.short)
    assert 'Name:         %s\n' % SHOWN in out and '  k: %s\n' % SHOWN in out and 'Mode:         restrict\n' in out
    assert '  %s  pid %d  uid %d  owns com.example.App\n' % (scene.app.name, os.getpid(), os.geteuid()) in out
    assert 'no such instance' in fails(bus.address, 'show', 'c4711')


# ---- rules

def test_rules(new_bus):
    bus = new_bus.start(mediator=SITE)
    scene = Scene(bus, rule(SEE, 'com.example.A'), rule(CALL_, '', '/p', anywhere=False))
    at = '%s:1' % bus.mediator
    assert [(r['rule'], r['source']) for r in tells(bus.address, 'rules', '1')] == [
        ('see=com.example.A', 'index:0'), ('CALL name=(any) path=/p', 'index:1'), ('see=com.example.Site', at)]
    out = says(bus.address, 'rules', scene.short, '--no-legend')
    assert [line.rsplit(None, 1) for line in out.splitlines()] == [
        ['see=com.example.A', 'index:0'], ['CALL name=(any) path=/p', 'index:1'], ['see=com.example.Site', at]]


def test_rules_change(scene):
    rules = lambda *args: [r['rule'] for r in tells(scene.address, 'rules', scene.short, *args)]
    assert not scene.calls() and rules() == []
    one = 'call=com.example.Service=com.example.I.M@/p'
    assert rules('--add', one) == [one] and scene.calls()
    assert rules('--add', 'see=com.example.A', 'own=com.example.B.*') == [one, 'see=com.example.A', 'own=com.example.B.*']
    assert scene.app.request_name('com.example.B.C') == 1
    assert rules('--remove', one) == ['see=com.example.A', 'own=com.example.B.*'] and not scene.calls()
    assert rules('--set', 'talk=com.example.Service') == ['talk=com.example.Service'] and scene.calls()
    assert not scene.manager.has_owner('com.example.B.C')
    assert rules('--remove', 'talk=com.example.Service', '--add', 'call=com.example.Service') == ['call=com.example.Service'] and scene.calls()
    assert rules('--clear') == [] and not scene.calls()


def test_rules_that_the_bus_refuses(scene):
    assert 'bus itself' in fails(scene.address, 'rules', scene.short, '--add', 'talk=org.freedesktop.DBus', status=USAGE)
    assert 'no such instance' in fails(scene.address, 'rules', 'c4711', '--add', 'talk=a.b')
    assert 'no such instance' in fails(scene.address, 'rules', 'c4711', '--set', 'talk=a.b')
    identity = scene.bus.container(rules=None, name='id', Mode=('s', 'identify'))
    assert 'SetRules: ' in fails(scene.address, 'rules', identity.path, '--set', 'talk=a.b')


def test_grants_are_shown(scene):
    number, = scene.service.call('Grant', 'a{sv}a(usos)', {}, [rule(CALL_, '')], iface='org.postern.Mediator1')
    got, = tells(scene.address, 'rules', scene.short)
    assert got['source'] == 'grant:%d of %s' % (number, scene.service.name)
    assert 'none of the instance\'s own' in fails(scene.address, 'rules', scene.short, '--remove', 'call=' + scene.service.name)


# ---- explain

def test_explain(scene):
    ask = [scene.app.name, 'com.example.Service', '/p', 'com.example.I', 'M']
    out = says(scene.address, 'explain', *ask, status=FAILED)
    assert out.splitlines()[0].startswith('DENIED by the container\'s door: method_call %s -> com.example.Service, ' % scene.app.name)
    fix = re.search('to allow it, the rule: (.*)', out).group(1)
    got = tells(scene.address, 'explain', *ask, status=FAILED)
    assert (got['allowed'], got['door'], got['container']['verdict'], got['container']['fix']) == (False, 'container', 'deny', fix)
    assert got['xml']['verdict'] == 'allow' and got['xml']['rule'].startswith(scene.bus.config + ':')
    says(scene.address, 'rules', scene.short, '--add', fix)
    out = says(scene.address, 'explain', *ask)
    assert out.startswith('ALLOWED: ') and 'rule index:0' in out and scene.calls()
    assert tells(scene.address, 'explain', 'sender-instance=' + scene.short, 'destination=com.example.Service', 'path=/p', 'interface=com.example.I',
                 'member=M')['allowed'] is True


EXPLANATIONS = [
    (['sender-instance={c}', 'destination=com.example.Service'], FAILED, 'container'),
    (['type=own', 'sender={app}', 'destination=com.example.New'], FAILED, 'container'),
    (['type=see', 'sender={app}', 'destination=com.example.Service'], FAILED, 'container'),
    (['type=activate', 'sender={app}', 'destination=com.example.Service'], FAILED, 'container'),
    (['{service}', '{app}', '/', 'a.b', 'C', 'type=signal'], OK, ''),
    (['{service}', '{app}', '/', 'a.b', 'C', 'type=signal', 'fds=1'], FAILED, 'container'),
    (['sender-type=t.t', 'sender-name=n', 'destination=com.example.Service'], FAILED, 'container'),
    (['sender-uid=12345', 'destination=com.example.Service'], OK, ''),
]


@pytest.mark.parametrize('args, status, door', EXPLANATIONS, ids=lambda x: ' '.join(x) if isinstance(x, list) else str(x))
def test_explanations(scene, args, status, door):
    args = [a.format(c=scene.short, app=scene.app.name, service=scene.service.name) for a in args]
    got = tells(scene.address, 'explain', *args, status=status)
    assert got['allowed'] == (status == OK) and got['door'] == door


def test_the_xml_door_explains_itself(new_bus):
    bus = new_bus.start(policy=OPEN_POLICY + '<deny send_interface="com.example.No"/>')
    scene = Scene(bus)
    out = says(bus.address, 'explain', scene.manager.name, 'com.example.Service', '/', 'com.example.No', 'M', status=FAILED)
    assert out.startswith('DENIED by the XML policy: ') and 'to allow it, in the policy, behind what denies: <allow ' in out


def test_questions_that_the_bus_refuses(scene):
    assert 'destination' in fails(scene.address, 'explain', scene.app.name, status=UNASKED)
    assert fails(scene.address, 'explain', scene.app.name, 'com.example.Service', '/', status=UNASKED)
    assert fails(scene.address, 'explain', 'no name', 'com.example.Service', status=UNASKED)


# ---- watch

def test_watch(scene):
    w = Watcher(scene.address, '--instance=' + scene.short)
    scene.calls()
    line = w.line()
    assert re.match(r'\d\d:\d\d:\d\d\.\d{3} DENIED container send %s \[com\.example\.Sandbox/app %s\] -> %s \(com\.example\.Service\) method_call '
                    r'com\.example\.I\.M /p: ' % (scene.app.name, scene.short, scene.service.name), line)
    assert line.endswith('; needs call=com.example.Service=com.example.I.M@/p')
    with pytest.raises(DBusError):
        scene.app.request_name('com.example.New')
    assert re.search(r' DENIED container own .*com\.example\.New.*needs own=com\.example\.New$', w.line())
    assert w.end() == (OK, '', '')


def test_watch_all_as_json(scene):
    says(scene.address, 'rules', scene.short, '--set', 'talk=com.example.Service')
    w = Watcher(scene.address, '-j', '--all', '--count=2', '--member=M', '--type=com.example.*')
    assert scene.calls()
    scene.app.signal('Other')
    assert scene.calls()
    lines = [json.loads(w.line()) for _ in range(2)]
    status, out, err = w.end(None)
    assert (status, out, err) == (OK, '', '')
    for got in lines:
        assert (got['verdict'], got['member'], got['from'], got['to']) == ('allowed', 'M', scene.app.name, scene.service.name)
        assert got['from_instance'] == scene.instance.path and got['from_name'] == 'app'


def test_watch_sees_hostile_names(bus):
    scene = Scene(bus, name=HOSTILE)
    w = Watcher(bus.address, '--count=1')
    scene.calls()
    assert SHOWN in w.line() and w.end(None)[0] == OK


def test_watch_filters(scene):
    """What the first two hide, the third shows."""
    w = Watcher(scene.address, '--action=own', '--door=c*', '--count=1')
    scene.calls()
    with pytest.raises(DBusError):
        scene.app.request_name('com.example.New')
    assert ' own ' in w.line() and w.end(None)[0] == OK


def test_forged_verdicts_are_not_shown(scene):
    w = Watcher(scene.address, '--count=1', '--timeout=30')
    with scene.bus.connect() as c:
        peer = [n for n in c.names() if n[0] == ':'][-2:]
        for name in peer:
            c.signal('Verdict', 'a{sv}', {'verdict': ('s', 'forged')}, dest=name, path='/org/freedesktop/DBus', iface='org.postern.Mediator1')
        c.sync()
    scene.calls()
    assert ' DENIED ' in w.line() and w.end(None)[:2] == (OK, '')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_watch_ends_and_leaves_nothing(scene, number):
    before = scene.bus.settled_fds()
    w = Watcher(scene.address, '--all')
    assert w.end(number)[0] == OK
    scene.manager.sync()
    assert scene.bus.settled_fds() == before


def test_bus_ends_while_watched(new_bus):
    bus = new_bus.start()
    w = Watcher(bus.address)
    bus.process.terminate()
    status, out, err = w.end(None)
    assert status == FAILED and 'closed the connection' in err
    bus.process.wait(20)
    bus.process = None


# ---- stop, reload, status

def test_stop(scene):
    assert says(scene.address, 'stop', '--listening', scene.short) == ''
    scene.app.sync()
    with pytest.raises((OSError, EOFError)):
        scene.instance.connect()
    assert says(scene.address, 'stop', scene.short) == '' and tells(scene.address, 'list') == []
    assert 'no such instance' in fails(scene.address, 'stop', scene.short)


def test_reload(scene):
    scene.bus.write(scene.bus.mediator, SITE)
    assert says(scene.address, 'reload') == '' and [r['rule'] for r in tells(scene.address, 'rules', '1')] == ['see=com.example.Site']
    scene.bus.write(scene.bus.mediator, '<mediator>\n <nonsense/>\n</mediator>')
    assert '%s:2:' % scene.bus.mediator in fails(scene.address, 'reload')
    assert [r['rule'] for r in tells(scene.address, 'rules', '1')] == ['see=com.example.Site']


def test_status(scene):
    got = tells(scene.address, 'status')
    assert got['postern'] is True and re.fullmatch(r'\d+\.\d+\.\d+.*', got['version']) and got['user'] == os.geteuid()
    assert got['address'] == scene.address and re.fullmatch('[0-9a-f]{32}', got['id']) and 'HeaderFiltering' in got['features']
    assert got['connections'] == 3 and got['instances'] == 1 and {'xml', 'container'} <= set(got['doors'])
    out = says(scene.address, 'status')
    assert 'Postern:      %s\n' % got['version'] in out and 'Instances:    1\n' in out and 'Doors:        xml: ' in out


# ---- who may

def test_another_user(new_bus):
    if not is_root():
        pytest.skip('needs root, to be another user')
    bus = new_bus.start(policy=OPEN_POLICY + '<allow user="*"/>')
    scene = Scene(bus)

    def ask():
        return [ctl(bus.address, *args) for args in (['list'], ['show', scene.short], ['status'], ['rules', scene.short], ['explain', 'a.b', 'c.d'],
                                                     ['watch', '--timeout=1'], ['stop', scene.short], ['rules', scene.short, '--set', 'talk=a.b'])]
    got = as_other_user(ask)
    assert [status for status, out, err in got] == [OK, OK, OK, FAILED, UNASKED, FAILED, FAILED, FAILED]
    for status, out, err in got[3:]:
        assert 'the bus refuses' in err and not out
    assert ['sudo posternctl' in err for status, out, err in got[3:]] == [True, True, True, False, False]


def test_inside_a_container(scene):
    """Its own bus refuses nearly everything, in every mode."""
    for args in (['list'], ['rules', scene.short], ['watch'], ['stop', scene.short]):
        assert fails(scene.instance.address, *args)
    assert fails(scene.instance.address, 'explain', 'a.b', 'c.d', status=UNASKED)


# What system.conf gives everybody of the bus itself, and no more.
SYSTEM_POLICY = ('<allow user="*"/><deny own="*"/><deny send_type="method_call"/><allow send_type="signal"/>'
                 '<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>'
                 '<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>'
                 '<allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>'
                 '<allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>')


def test_the_policy_that_is_missing_is_named(new_bus):
    bus = new_bus.start(type='system', policy=SYSTEM_POLICY)
    missing = re.search('<allow .*/>', fails(bus.address, 'list')).group()
    bus.write(bus.config, config_text('unix:path=%s/bus' % bus.dir, '', SYSTEM_POLICY + missing, 'system'))
    assert says(bus.address, 'reload') == '' and tells(bus.address, 'list') == []


# ---- completion

COMPLETIONS = [
    ('posternctl st', 'stop status'),
    ('posternctl --sys', '--system'),
    ('posternctl {a} show ', '{c}'),
    ('posternctl {a} stop --l', '--listening'),
    ('posternctl {a} rules {c} --r', '--remove'),
    ('posternctl {a} rules {c} --add ta', 'talk='),
    ('posternctl {a} explain type = m', 'method_call'),
    ('posternctl {a} explain sender-instance =', '{c}'),
    ('posternctl watch --door = ', 'xml container lsm'),
    ('posternctl --json = s', 'short'),
    ('posternctl list --co', ''),
]
COMPLETE = 'source "$1"; IFS=" "; COMP_LINE=$2; read -ra COMP_WORDS <<<"$2"; [[ $2 == *" " ]] && COMP_WORDS+=(""); ' \
           'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); unset IFS; _posternctl; echo "${COMPREPLY[@]}"'


@pytest.mark.parametrize('line, words', COMPLETIONS)
def test_completion(scene, line, words):
    """Words as readline splits them: "=" is one."""
    line = line.format(a='--address=' + scene.address, c=scene.short)
    p = subprocess.run(['bash', '-c', COMPLETE, 'bash', COMPLETION, line], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30,
                       env=environment(PATH=os.path.dirname(os.path.abspath(CTL)) + ':' + os.environ['PATH']))
    assert p.stderr == '' and set(p.stdout.split()) == set(words.format(c=scene.short).split())


# ---- a bus that is not Postern's

@pytest.fixture
def stock(tmp_path):
    if not os.path.exists('/usr/bin/dbus-daemon'):
        pytest.skip('no dbus-daemon here')
    config = tmp_path / 'bus.conf'
    config.write_text(config_text('unix:path=%s/bus' % tmp_path))
    p = subprocess.Popen(['/usr/bin/dbus-daemon', '--config-file=%s' % config, '--nofork', '--print-address'], env=environment(), text=True,
                         stdout=subprocess.PIPE)
    yield p.stdout.readline().rstrip('\n')
    p.kill()
    p.communicate()


def test_stock(stock):
    for args in (['list'], ['show', '1'], ['rules', '1'], ['rules', '1', '--clear'], ['watch'], ['stop', '1']):
        assert 'this bus is not run by Postern' in fails(stock, *args)
    assert 'this bus is not run by Postern' in fails(stock, 'explain', 'a.b', 'c.d', status=UNASKED)
    assert says(stock, 'reload') == ''
    status, out, err = ctl(stock, 'status')
    assert status == FAILED and 'Postern:      not here' in out and 'not run by Postern' in err
    status, out, err = ctl(stock, 'status', '--json=pretty')
    assert status == FAILED and json.loads(out)['postern'] is False and json.loads(out)['user'] == os.geteuid()
