# SPDX-License-Identifier: LGPL-2.1-or-later
"""Explain: its answer is what the bus then really does; and what it tells of each door."""
import contextlib
import os
import random

import pytest

from bus import CALL_, HEAR, MEMBER, NAME_SUBTREE, OPEN_POLICY, OWN, PATH_SUBTREE, RECEIVE_FDS, SEE, SEND_FDS, TALK, rule
from mediator1 import explain, explain_error, grant, m1, plain, revoke, set_rules
from watch import become_monitor
from wirebus import CALL, DRIVER, E, ERROR, RETURN, SIGNAL, DBusError, Message
from world import DENIED

pytestmark = pytest.mark.postern

# ---- what is true of thousands of random questions
NAMES = ['com.example.A', 'com.example.A.B', 'com.example.C', 'com.example.D', 'org.other.E']
PATHS = ['/', '/a', '/a/b', '/ab', '/c']
INTERFACES = ['x.y', 'x.z', 'no.send', 'no.receive']
MEMBERS = ['M', 'N']
POLICY = OPEN_POLICY + ('<deny send_interface="no.send"/><deny receive_interface="no.receive"/>'
                        '<deny send_destination="com.example.D" send_path="/c"/><deny own="com.example.C"/>')
QUESTIONS, WORLDS = 250, 8


class Scene:
    """Connections in and out of containers, with rules, grants and names that change all the time."""

    def __init__(self, bus, seed):
        self.random = random.Random(seed)
        self.asker, self.watcher = bus.connect(), bus.connect()
        m1(self.watcher, 'Watch', 'a{sv}', {'all': ('b', True)})
        self.instances = [bus.container(name='one'), bus.container(name='one'), bus.container(name='two'),
                          bus.container(name='soft', Mode=('s', 'complain')), bus.container(name='free', rules=None, Mode=('s', 'identify'))]
        self.conns = [bus.connect() for _ in range(3)]
        self.inside = {}
        for instance in self.instances:
            for _ in range(2 if instance is self.instances[0] else 1):
                conn = instance.connect()
                self.conns.append(conn)
                self.inside[conn.name] = instance
        for conn in self.conns:
            conn.match("type='signal'")
        self.owners, self.grants = {}, []
        for _ in range(12):
            self.change()

    def some_rule(self, names, bits):
        pick = self.random.choice
        flags = 0
        while flags & (SEE | CALL_ | HEAR | OWN) == 0:
            flags = sum(bit for bit in bits if self.random.random() < 0.4)
        if not flags & CALL_:
            flags &= ~SEND_FDS
        name = pick(names)
        if flags & OWN:
            return rule(flags & ~(SEND_FDS | MEMBER) | PATH_SUBTREE, pick(NAMES))
        flags &= ~NAME_SUBTREE
        interface, path = pick([''] + INTERFACES), pick(PATHS)
        if interface and self.random.random() < 0.4:
            interface, flags = interface + '.' + pick(MEMBERS), flags | MEMBER
        if self.random.random() < 0.5:
            path, flags = pick(['/', '/a']), flags | PATH_SUBTREE
        if name and name in NAMES and NAME_SUBTREE in bits and self.random.random() < 0.3:
            flags |= NAME_SUBTREE
        return (flags, name, path, interface)

    def change(self):
        self.random.choice([self.change_rules, self.change_name, self.change_grants])()
        for conn in self.conns:
            conn.sync()
            conn.take()
        # Also other rules may have taken names away.
        self.owners = {n: c for n in NAMES for c in self.conns if self.asker.has_owner(n) and self.asker.call('GetNameOwner', 's', n)[0] == c.name}

    def change_rules(self):
        instance = self.random.choice(self.instances[:4])
        names = NAMES + ['', ''] + [c.name for c in self.conns]
        bits = (SEE, CALL_, HEAR, SEND_FDS, RECEIVE_FDS, NAME_SUBTREE, OWN)
        set_rules(instance, [self.some_rule(names, bits) for _ in range(self.random.randrange(5))])

    def change_name(self):
        conn, name = self.random.choice(self.conns), self.random.choice(NAMES)
        owner = self.owners.get(name)
        with contextlib.suppress(DBusError):
            if owner is conn:
                conn.release_name(name)
            else:
                conn.request_name(name, 0x1 | 0x2 | 0x4)

    def change_grants(self):
        if self.grants and self.random.random() < 0.4:
            conn, number = self.grants.pop(self.random.randrange(len(self.grants)))
            with contextlib.suppress(DBusError):
                revoke(conn, number)
            return
        conn = self.random.choice(self.conns)
        instance = self.random.choice(self.instances)
        who = self.random.choice([{}, {'name': 'one'}, {'type': 'com.example.Sandbox'}, {'instance': instance.path}])
        names = ['', ''] + [n for n, c in self.owners.items() if c is conn] * 2
        with contextlib.suppress(DBusError):
            rules = [self.some_rule(names, (SEE, CALL_, HEAR, SEND_FDS, RECEIVE_FDS)) for _ in range(self.random.randrange(1, 4))]
            self.grants.append((conn, grant(conn, rules, **who)))

    def question(self):
        pick = self.random.choice
        kind = pick(['method_call', 'method_call', 'signal', 'broadcast', 'reply', 'own', 'see', 'activate'])
        sender, receiver = self.random.sample(self.conns, 2)
        names = [receiver.name] + [n for n, c in self.owners.items() if c is receiver] * 2
        q = dict(type=kind, sender=pick([sender.name] + [n for n, c in self.owners.items() if c is sender]), destination=pick(names))
        if kind in ('own', 'see', 'activate'):
            q['destination'] = pick(NAMES + ([receiver.name] if kind == 'see' else []))
        if kind in ('method_call', 'signal', 'broadcast'):
            q.update(path=pick(PATHS), interface=pick(INTERFACES), member=pick(MEMBERS))
            if kind == 'method_call' and self.random.random() < 0.2:
                q['interface'] = None
        if kind in ('method_call', 'signal', 'broadcast', 'reply') and self.random.random() < 0.3:
            q['fds'] = 1
        return q, sender, receiver

    # ---- what the bus says of it
    def verdicts(self):
        """What was decided since the last call. It is sent in the round after, or behind an answer in the same."""
        for _ in range(3):
            self.watcher.sync()
        got = [plain(m.body[0]) for m in self.watcher.inbox if m.member == 'Verdict']
        self.watcher.inbox = []
        return got

    def decision(self, q, sender, receiver):
        """The verdict about this very question; None when the bus had to decide no such thing."""
        types = {'method_call': 'method_call', 'signal': 'signal', 'broadcast': 'signal', 'reply': 'method_return'}
        for v in reversed(self.verdicts()):
            if v.get('from') != sender.name or v['verdict'] == 'complained':
                continue
            if q['type'] in types and v['action'] == 'send' and v.get('to') == receiver.name and v['type'] == types[q['type']]:
                return v
            if q['type'] == v['action'] == 'own' and v['name'] == q['destination']:
                return v
        return None

    # ---- what really happens
    def arrives(self, sender, receiver, message):
        r, w = os.pipe()
        receiver.sync()
        receiver.take()  # broadcasts of earlier questions
        try:
            if message.fds:
                message.fds, message.signature, message.body = [r], 'h', (0,)
            message.flags = 1 if message.type == CALL else message.flags
            sender.send(message)
        finally:
            os.close(r)
            os.close(w)
        for conn in (sender, receiver):
            conn.sync()
        got = [m for m in receiver.take() if m.sender == sender.name and m.type == message.type]
        for m in got:
            for fd in m.fds:
                os.close(fd)
        return bool(got)

    def replies(self, sender, receiver, fds):
        """The receiver calls the sender, which answers; None: it cannot even call."""
        call = Message(CALL, destination=sender.name, path='/', interface='x.y', member='Ask')
        receiver.send(call)
        receiver.sync()
        sender.sync()
        asked = [m for m in sender.take(CALL) if m.sender == receiver.name]
        if not asked:
            return None
        receiver.take()
        return self.arrives(sender, receiver, Message(RETURN, destination=receiver.name, reply_serial=asked[0].serial, flags=1, fds=fds))

    def happens(self, q, sender, receiver):
        kind, fds = q['type'], [0] * q.get('fds', 0)
        fields = dict(path=q.get('path'), interface=q.get('interface'), member=q.get('member'), fds=fds)
        if kind == 'method_call':
            return self.arrives(sender, receiver, Message(CALL, destination=q['destination'], **fields))
        if kind == 'signal':
            return self.arrives(sender, receiver, Message(SIGNAL, destination=q['destination'], **fields))
        if kind == 'broadcast':
            return self.arrives(sender, receiver, Message(SIGNAL, **fields))
        if kind == 'reply':
            return self.replies(sender, receiver, fds)
        if kind == 'see':
            there = self.asker.has_owner(q['destination'])
            return sender.has_owner(q['destination']) if there else None
        try:
            if kind == 'own':
                got = sender.request_name(q['destination'], 0x4)
                if got == 1:
                    sender.release_name(q['destination'])
            else:
                sender.call('StartServiceByName', 'su', q['destination'], 0)
            return True
        except DBusError as e:
            assert e.name in (DENIED, E + 'ServiceUnknown'), e
            return e.name != DENIED


@pytest.mark.parametrize('seed', range(WORLDS))
def test_explanation_is_reality(new_bus, seed):
    """Two thousand questions in all, each asked and then done."""
    scene = Scene(new_bus.start(policy=POLICY), seed)
    asked = allowed = told = 0
    while asked < QUESTIONS:
        if scene.random.random() < 0.3:
            scene.change()
        q, sender, receiver = scene.question()
        answer = explain(scene.asker, **q)
        scene.verdicts()
        done = scene.happens(q, sender, receiver)
        if done is None:
            continue
        assert answer['allowed'] == done, (q, answer, scene.inside.get(sender.name), scene.inside.get(receiver.name))
        decided = scene.decision(q, sender, receiver)
        told += decided is not None
        if decided is not None and not done:
            said = answer[answer['door']]
            assert (decided['door'], decided['rule'], decided['why'], decided['end'], decided.get('needs')) == \
                (answer['door'], said['rule'], said['why'], said['end'], said.get('fix') if answer['door'] == 'container' else None), (q, answer, decided)
        elif decided is not None:
            # Of a message that passes, the log and whoever watches hear of the last door that had a say.
            assert decided['verdict'] == 'allowed' and decided['rule'] == next(
                answer[d]['rule'] for d in ('lsm', 'container', 'xml') if answer[d]['verdict'] != 'abstain'), (q, answer, decided)
        assert answer['door'] == next((d for d in ('xml', 'container', 'lsm') if answer[d]['verdict'] == 'deny'), '')
        asked += 1
        allowed += done
    assert QUESTIONS / 5 < allowed < QUESTIONS * 4 / 5, 'the questions are not all of one sort'
    assert told > QUESTIONS / 2, 'and of most the bus has said how it decided'


def test_the_fix_fixes(bus):
    """What Explain says would help, does: the rule alone, or after it one more for the other end."""
    scene = Scene(bus, 99)
    fixed = 0
    for _ in range(600):
        if scene.random.random() < 0.3:
            scene.change()
        q, sender, receiver = scene.question()
        answer = explain(scene.asker, **q)
        if answer['allowed'] or 'fix' not in answer['container']:
            continue
        end = sender if answer['container']['end'] == 'sender' else receiver
        instance = scene.inside[end.name]
        rules = [tuple(r)[:4] for r in m1(scene.asker, 'GetRules', 'o', instance.path)[0] if r[4].startswith('index:')]
        set_rules(instance, rules + [rule_of(answer['container']['fix'])])
        after = explain(scene.asker, **q)
        assert after['container']['verdict'] == 'allow' or after['container']['end'] != answer['container']['end'] or \
            after['container']['fix'] != answer['container']['fix'], (q, answer, after)
        fixed += after['container']['verdict'] == 'allow'
        set_rules(instance, rules)
    assert fixed > 50


def rule_of(text):
    """The rule of a text form such as explanations have."""
    word, _, rest = text.partition('=')
    name, _, what = rest.partition('=')
    flags = {'see': SEE, 'call': CALL_, 'own': OWN, 'broadcast': HEAR, 'send-fds': CALL_ | SEND_FDS, 'receive-fds': CALL_ | RECEIVE_FDS}[word]
    if not what:
        return rule(flags, name)
    interface, _, path = what.partition('@')
    return (flags | (0 if interface == '*' else MEMBER), name, path, '' if interface == '*' else interface)


# ---- what it tells
def test_doors_rules_and_fixes(new_bus):
    bus = new_bus.start(policy=OPEN_POLICY + '\n<deny send_interface="no.send"/>',
                        mediator='<mediator><container type="com.example.Sandbox" name="app">\n<allow talk="org.example.Site"/></container></mediator>')
    asker, service = bus.connect(), bus.connect()
    service.request_name('com.example.A')
    instance = bus.container(rules=[rule(CALL_, 'com.example.B'), (CALL_, 'com.example.A', '/ok', '')])
    c = instance.connect()

    def ask(**more):
        return explain(asker, **dict(dict(type='method_call', sender=c.name, destination='com.example.A', path='/ok', interface='x.y', member='M'), **more))

    answer = ask()
    assert answer['allowed'] and answer['door'] == ''
    assert answer['container'] == {'verdict': 'allow', 'rule': 'index:1', 'source': 'rule 1 of ' + instance.path, 'end': 'sender'}
    assert answer['xml']['verdict'] == 'allow' and answer['xml']['rule'] == '%s:5' % bus.config and 'fix' not in answer['xml']
    answer = ask(path='/no')
    assert not answer['allowed'] and answer['door'] == 'container' and answer['xml']['verdict'] == 'allow'
    assert answer['container']['verdict'] == 'deny' and answer['container']['rule'] == 'none' and answer['container']['source'] == ''
    assert answer['container']['fix'] == 'call=com.example.A=x.y.M@/no' and answer['container']['why']
    assert ask(path='/no', interface=None)['container']['fix'] == 'call=com.example.A=*@/no'
    assert ask(fds=1)['container']['fix'] == 'send-fds=com.example.A=x.y.M@/ok'
    # Every door is asked, also behind one that denies.
    answer = ask(path='/no', interface='no.send')
    assert not answer['allowed'] and answer['door'] == 'xml' and answer['container']['verdict'] == 'deny'
    assert answer['xml']['rule'] == '%s:6' % bus.config
    assert answer['xml']['fix'] == '<allow send_destination="com.example.A" send_interface="no.send" send_member="M" send_path="/no"/>'
    assert ask(destination='org.example.Site')['container']['rule'] == '%s:2' % bus.mediator
    assert ask(destination=DRIVER, path='/', interface=DRIVER, member='GetId')['container']['rule'] == 'baseline:1'
    answer = ask(destination=DRIVER, path='/', interface=DRIVER, member='ReloadConfig')
    assert not answer['allowed'] and 'fix' not in answer['container']
    outside = ask(sender=asker.name)
    assert outside['allowed'] and outside['container'] == {'verdict': 'abstain'}


def test_a_smallest_rule_of_xml(new_bus):
    bus = new_bus.start(policy=OPEN_POLICY + '<deny own="com.example.No"/>')
    asker = bus.connect()
    answer = explain(asker, type='own', sender=asker.name, destination='com.example.No')
    assert not answer['allowed'] and answer['door'] == 'xml' and answer['xml']['fix'] == '<allow own="com.example.No"/>'


def test_mode_complain(bus):
    asker, service = bus.connect(), bus.connect()
    service.request_name('com.example.A')
    c = bus.container(rules=[], Mode=('s', 'complain')).connect()
    answer = explain(asker, type='method_call', sender=c.name, destination='com.example.A', path='/', interface='x.y', member='M')
    assert answer['allowed'] and answer['container']['verdict'] == 'complain' and answer['container']['fix'] == 'call=com.example.A=x.y.M@/'
    answer = explain(asker, type='see', sender=c.name, destination='com.example.A')
    assert answer['allowed'] and answer['see'] == 'inspect' and answer['container']['verdict'] == 'complain'


def test_see(bus):
    asker, service, visitor = bus.connect(), bus.connect(), bus.connect()
    service.request_name('com.example.A')
    instance = bus.container(rules=[rule(SEE, 'com.example.A')])
    c = instance.connect()
    visitor.send_call('M', dest=c.name, path='/', iface='x.y', flags=1)
    visitor.sync()

    def seen(name):
        answer = explain(asker, type='see', sender=c.name, destination=name)
        return answer['see'], answer['allowed'], answer['container']['rule']

    assert seen('com.example.A') == ('inspect', True, 'index:0')
    assert seen(service.name) == ('inspect', True, 'index:0')
    assert seen(visitor.name) == ('exists', True, 'baseline:3')
    assert seen(DRIVER) == ('exists', True, 'baseline:1')
    assert seen(c.name) == ('inspect', True, 'baseline:2')
    assert seen(asker.name) == ('hidden', False, 'none') and seen('com.example.Nobody') == ('hidden', False, 'none')
    # Rules are about names, and about unique names of who is in no other container.
    other = bus.container(name='other').connect()
    fixes = [explain(asker, type='see', sender=c.name, destination=n)['container'].get('fix') for n in ('com.example.Nobody', asker.name, other.name)]
    assert fixes == ['see=com.example.Nobody', 'see=' + asker.name, None]


# ---- what is only supposed
def test_names_that_do_not_exist_yet(bus):
    asker = bus.connect()
    instance = bus.container(rules=[(CALL_, 'com.example.Later', '/a', '')])
    c = instance.connect()

    def ask(**more):
        return explain(asker, **dict(dict(type='method_call', destination='com.example.Later', path='/a', interface='x.y', member='M'), **more))

    assert ask(sender=c.name)['allowed'] and not ask(sender=c.name, path='/b')['allowed']
    assert ask(sender_instance=instance.path)['allowed'] and not ask(sender_instance=instance.path, path='/b')['allowed']
    assert ask(sender='com.example.Nobody')['allowed'], 'a program outside'
    assert not ask(sender_type='com.example.Sandbox', sender_name='app')['allowed'], 'a new container, without the rules of the other'
    assert ask(sender=c.name, destination_type='com.example.Other')['allowed'], 'by a name that it owns'
    assert not explain(asker, type='method_call', sender=c.name, destination_type='com.example.Other', path='/a', member='M')['allowed']
    assert ask(sender_uid=12345)['allowed']


def test_supposed_containers_have_the_sites_rules(new_bus):
    bus = new_bus.start(mediator='<mediator><container type="com.example.Sandbox" name="app"><allow talk="org.example.Site"/></container></mediator>')
    asker = bus.connect()
    for name, expected in (('app', True), ('other', False)):
        answer = explain(asker, type='method_call', sender_type='com.example.Sandbox', sender_name=name, destination='org.example.Site', path='/', member='M')
        assert answer['allowed'] == expected


def test_a_supposed_user(new_bus):
    bus = new_bus.start(policy=OPEN_POLICY, body='<policy user="65534"><deny send_destination="com.example.A"/></policy>')
    asker = bus.connect()
    for uid, expected in ((65534, False), (65533, True), (os.geteuid(), True)):
        assert explain(asker, type='method_call', sender_uid=uid, destination='com.example.A', path='/', member='M')['allowed'] == expected


def test_a_supposed_program_of_the_asker_has_its_groups(new_bus):
    bus = new_bus.start(policy=OPEN_POLICY, body='<policy group="%d"><deny send_destination="com.example.A"/></policy>' % os.getegid())
    asker = bus.connect()
    for uid, expected in ((os.geteuid(), False), (12345, True)):
        assert explain(asker, type='method_call', sender_uid=uid, destination='com.example.A', path='/', member='M')['allowed'] == expected


def test_replies_need_a_rule_and_no_path(bus):
    asker, service = bus.connect(), bus.connect()
    service.request_name('com.example.A')
    c = bus.container().connect()
    fixes = [explain(asker, type='reply', sender=a, destination=b, fds=1)['container']['fix'] for a, b in ((c.name, service.name), (service.name, c.name))]
    assert fixes == ['send-fds=com.example.A=*@/', 'receive-fds=com.example.A=*@/']


def test_grants_to_supposed_containers(bus):
    asker, service = bus.connect(), bus.connect()
    service.request_name('com.example.A')
    grant(service, [rule(CALL_, '')], type='com.example.Sandbox')
    for kind, expected in (('com.example.Sandbox', True), ('com.example.Other', False)):
        answer = explain(asker, type='method_call', sender_type=kind, destination='com.example.A', path='/', member='M')
        assert answer['allowed'] == expected


def test_asking_changes_nothing(bus):
    """Nothing that was supposed is there afterwards, and the asked ones know nothing of it."""
    asker = bus.connect()
    instance = bus.container()
    c = instance.connect()
    before = m1(asker, 'ListInstances')[0], sorted(asker.names()), m1(asker, 'GetInstanceStats', 'o', instance.path)[0]
    for _ in range(50):
        explain(asker, type='method_call', sender_type='a.b', sender_name='x', destination='com.example.Q', path='/', member='M')
        explain(asker, type='signal', sender='com.example.P', destination=c.name, path='/', interface='a.b', member='M')
        explain(asker, type='own', sender=c.name, destination='com.example.R')
    assert before == (m1(asker, 'ListInstances')[0], sorted(asker.names()), m1(asker, 'GetInstanceStats', 'o', instance.path)[0])
    assert c.names() == [DRIVER, c.name]
    assert 'verdict=denied' not in bus.log()


def test_a_monitor_is_not_on_the_bus(bus):
    asker, service = bus.connect(), bus.connect()
    service.request_name('com.example.A')
    grant(service, [rule(CALL_, '')])
    c = bus.container().connect()
    question = dict(type='method_call', sender=c.name, destination=service.name, path='/', member='M')
    assert explain(asker, **question)['allowed']
    become_monitor(service)
    assert not explain(asker, **question)['allowed'] and c.error('M', dest=service.name, path='/', iface='a.b') == DENIED


CALL_TO = {'type': ('s', 'method_call'), 'sender': ('s', ':1.0'), 'destination': ('s', 'a.b'), 'path': ('o', '/'), 'member': ('s', 'M')}


@pytest.mark.parametrize('question, word', [
    ({}, 'type'), ({'type': ('s', 'call')}, 'type'), ({'type': ('u', 1)}, 'type'), ({'type': ('s', 'own')}, 'sender'),
    ({'type': ('s', 'own'), 'sender': ('s', 'a.b')}, 'destination'), (dict(CALL_TO, kind=('s', 'x')), 'kind'), (dict(CALL_TO, fds=('s', '1')), 'fds'),
    (dict(CALL_TO, sender=('s', 'no name')), 'no name'), (dict(CALL_TO, destination=('s', '')), 'bus name'), (dict(CALL_TO, path=('s', 'x')), 'path'),
    (dict(CALL_TO, interface=('s', 'x')), 'interface'), (dict(CALL_TO, member=('s', 'a.b')), 'member'), ({k: v for k, v in CALL_TO.items() if k != 'path'}, 'path'),
    ({k: v for k, v in CALL_TO.items() if k != 'member'}, 'member'), (dict(CALL_TO, type=('s', 'signal')), 'interface'), (dict(CALL_TO, type=('s', 'reply')), 'reply'),
    (dict(CALL_TO, type=('s', 'own')), 'own'), (dict(CALL_TO, type=('s', 'see')), 'see'),
    (dict(CALL_TO, **{'destination-name': ('s', 'x')}), 'destination-type'), (dict(CALL_TO, **{'destination-type': ('s', 'x')}), 'destination-type'),
    (dict(CALL_TO, **{'destination-type': ('s', 'x.y'), 'destination-instance': ('o', '/')}), 'destination-instance'),
    (dict(CALL_TO, **{'destination-instance': ('o', '/nothing')}), '/nothing'),
    (dict(CALL_TO, destination=('s', DRIVER), **{'destination-uid': ('u', 0)}), DRIVER),
    ({'type': ('s', 'own'), 'sender': ('s', 'a.b'), 'destination': ('s', ':1.0')}, 'well-known'),
    ({'type': ('s', 'own'), 'sender': ('s', 'a.b'), 'destination': ('s', 'c.d'), 'destination-uid': ('u', 0)}, 'destination'),
    ({'type': ('s', 'own'), 'sender': ('s', DRIVER), 'destination': ('s', 'c.d')}, 'bus'),
    (dict(CALL_TO, type=('s', 'broadcast'), interface=('s', 'a.b'), destination=('s', DRIVER)), 'broadcast'),
])
def test_questions_that_are_none(bus, question, word):
    failure = explain_error(bus.connect(), **question)
    assert failure.name == E + ('NotContainer' if '/nothing' in word else 'InvalidArgs') and word in failure.text, failure


def test_what_is_there_cannot_be_supposed_to_be_another(bus):
    asker, service = bus.connect(), bus.connect()
    failure = explain_error(asker, type=('s', 'own'), sender=('s', service.name), sender_uid=('u', 1), destination=('s', 'a.b'))
    assert failure.name == E + 'InvalidArgs' and service.name in failure.text


def test_services_that_do_not_run_yet(new_bus):
    """What would start them is asked as delivery asks it, with the rules of the service's own file."""
    os.mkdir(new_bus.dir + '/services')
    file = new_bus.write('services/a.service', '[D-BUS Service]\nName=com.example.Later\nExec=/bin/false\n[X-Postern]\nAllow=call=*@/open\n')
    bus = new_bus.start(body='<servicedir>%s/services</servicedir>' % new_bus.dir)
    asker = bus.connect()
    c = bus.container().connect()
    for path, expected in (('/open', True), ('/closed', False)):
        answer = explain(asker, type='method_call', sender=c.name, destination='com.example.Later', path=path, interface='a.b', member='M')
        assert answer['allowed'] == expected
        if expected:
            assert answer['container']['rule'] == file + ':5'
        else:
            assert answer['container']['fix'] == 'call=com.example.Later=a.b.M@/closed'
        failure = c.failure('M', dest='com.example.Later', path=path, iface='a.b')
        assert (failure.name != DENIED) == expected
    assert explain(asker, type='activate', sender=c.name, destination='com.example.Later')['allowed']
