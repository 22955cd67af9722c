# SPDX-License-Identifier: LGPL-2.1-or-later
"""All combinations of what the three doors say to one kind of message, sent between peers in real domains.

Each message says of itself what each door is to say: its member, or its error's name, is "deny" when the policy of the bus is to deny it,
"refuse" when to deny it to the receiver; its interface, or that it carries a descriptor, says the same of the container; the first part of
its path, or the domains of its two ends, of the security module. So one bus and two or four peers serve all combinations, and a message
that arrives tells which one it was.
"""
import collections
import contextlib
import itertools
import os
import shlex

import lsm
from bus import CALL_, HEAR, NAME_SUBTREE, OWN, RECEIVE_FDS, rule, wait_for
from domain import Peer
from mediator1 import explain
from wirebus import CALL, DRIVER, E, ERROR, NO_REPLY, RETURN, SIGNAL

DENIED = E + 'AccessDenied'
POLICY = ('<deny send_interface="com.example.allow" send_member="deny"/><deny send_interface="com.example.deny" send_member="deny"/>'
          '<deny receive_interface="com.example.allow" receive_member="refuse"/>'
          '<deny receive_interface="com.example.deny" receive_member="refuse"/>'
          '<deny send_type="error" send_error="com.example.deny" send_requested_reply="true"/><deny own_prefix="com.example.deny"/>')
SERVICE = 'com.example.Service'
KIND = lsm.kind() if lsm.peer_labels() else None  # of the door that is to be there
DO_NOT_QUEUE = 4
Row = collections.namedtuple('Row', 'xml container lsm')


# ---- the security module's part -----------------------------------------------------------------------------------

def messages():
    """{value of the axis: the rule that denies, or None}. Where the door is absent, all is sent that AppArmor's profiles would deny."""
    return {'selinux': {'allow': None, 'deny': 'selinux:send_msg'},
            'apparmor': {'allow': None, 'send': 'apparmor:send', 'receive': 'apparmor:receive'}}.get(KIND, {'absent': None})


def names():
    return {'selinux': {'allow': None, 'deny': 'selinux:acquire_svc'},
            'apparmor': {'allow': None, 'send': 'apparmor:bind'}}.get(KIND, messages())


def replies():
    """AppArmor's profile would deny the reply, but is not asked about the one that a caller waits for."""
    return {'unasked': None} if KIND == 'apparmor' else messages()


def unlabelled():
    """Nobody knows the label of the service: a rule that names a label does not cover it."""
    return {'anybody': None, 'allow': 'apparmor:send'} if KIND == 'apparmor' else messages()


def domains(value, owns):
    """Of the sender and the receiver."""
    if lsm.kind() == 'apparmor':
        return 'vm.table.sender', 'vm.table.receiver'
    if lsm.kind() is None:
        return None, None
    if owns:
        return 'cli_t' if value == 'deny' else 'svc_t', None
    return 'deny_cli_t' if value == 'deny' else 'cli_t', 'svc_t'


# ---- what is done ---------------------------------------------------------------------------------------------------

class Action:
    """One kind of message, in one direction. out: its sender is in the container; fds(row): does it carry a descriptor?"""

    def __init__(self, name, run, out, axis, rules=(), type=CALL, to=True, fds=lambda row: False, label=None):
        self.name, self.run, self.out, self.axis, self.rules, self.type, self.to, self.fds, self.label = \
            name, run, out, axis(), list(rules), type, to, fds, label
        self.rows = [Row(*values) for values in itertools.product(('allow', 'deny'), ('allow', 'deny'), self.axis)]
        if run is send:  # the policy may also deny it to the receiver; for all combinations the log has no room, see its budget
            self.rows += [Row('refuse', container, next(iter(self.axis))) for container in ('allow', 'deny')]

    def path(self, row):
        return '/%s/%s/%s/%s' % (row.lsm, self.name, row.xml, row.container)

    def service(self, row):
        return '.'.join((SERVICE, self.name, *row))

    def ends(self, bus):
        """Yields the sender, the receiver and their rows."""
        inside = bus.container(rules=self.rules, name=self.name).address
        owns = self.run is own
        for pair, rows in itertools.groupby(sorted(self.rows, key=lambda row: row.lsm), lambda row: domains(row.lsm, owns)):
            with contextlib.ExitStack() as peers:
                sender = peers.enter_context(Peer(inside if self.out else bus.address, pair[0]))
                receiver = None if owns else peers.enter_context(Peer(bus.address if self.out else inside, pair[1]))
                yield sender, receiver, list(rows)

    def fields(self, row, destination):
        return dict(type=self.type, destination=destination if self.to else None, path=self.path(row),
                    interface='com.example.' + row.container, member=row.xml, fds=[1] if self.fds(row) else [])


# What was seen of a row: did the message arrive, how was its sender answered, was the service started; where the log speaks of it; and what
# Explain says, None where nobody asked it.
Seen = collections.namedtuple('Seen', 'arrived answer started key explained', defaults=[None])


def explanations(action, bus, sender, receiver, rows):
    """What Explain says of each row, asked by somebody whom no policy confines."""
    kind = {CALL: 'method_call', SIGNAL: 'signal' if action.to else 'broadcast'}[action.type]
    with bus.connect() as c:
        return {row: explain(c, type=kind, sender=sender.name, destination=receiver.name, path=action.path(row), interface='com.example.' + row.container,
                             member=row.xml, fds=int(action.fds(row))) for row in rows}


def send(action, bus, sender, receiver, rows):
    if not action.to:
        receiver.match("type='signal',sender='%s'" % sender.name)
    explained = explanations(action, bus, sender, receiver, rows)
    serials = {row: sender.send(**action.fields(row, receiver.name)) for row in rows}
    sender.sync()
    receiver.sync()
    arrived = {message.path for message in receiver.take()}
    answers = {message.reply_serial: message.error for message in sender.take(ERROR)}
    return {row: Seen(action.path(row) in arrived, answers.get(serials[row]), None, {'path': action.path(row)}, explained[row]) for row in rows}


def reply(action, bus, sender, receiver, rows):
    """The sender is the one who was called. A reply has no path and no interface: its call has those."""
    call = dict(destination=sender.name, interface='com.example.call', member='call')
    serials = {row: receiver.send(CALL, path='/call' + action.path(row), **call) for row in rows}
    receiver.sync()
    sender.sync()
    calls = {message.path: message for message in sender.take(CALL)}
    for row in rows:
        call = calls['/call' + action.path(row)]
        fields = dict(destination=call.sender, reply_serial=call.serial, flags=NO_REPLY, fds=[1] if action.fds(row) else [])
        if row.xml == 'deny':
            sender.send(ERROR, error='com.example.deny', **fields)
        else:
            sender.send(RETURN, **fields)
    sender.sync()
    receiver.sync()
    got = {message.reply_serial: message for message in receiver.take(RETURN, ERROR)}
    seen = {}
    for row in rows:
        message = got[serials[row]]
        key = {'from': sender.name, 'reply_serial': str(serials[row])}
        seen[row] = Seen(message.sender == sender.name, message.error if message.sender == DRIVER else None, None, key)
    return seen


def own(action, bus, sender, _, rows):
    wanted = {row: 'com.example.' + '.'.join(row) for row in rows}
    serials = {row: sender.send_call('RequestName', 'su', wanted[row], DO_NOT_QUEUE) for row in rows}
    sender.sync()
    answers = {message.reply_serial: message for message in sender.take(RETURN, ERROR)}
    seen = {}
    with bus.connect() as c:
        for row in rows:
            answer, owned = answers[serials[row]], c.has_owner(wanted[row])
            assert owned == (answer.type == RETURN and answer.body == (1,)), answer
            explained = explain(c, type='own', sender=sender.name, destination=wanted[row])
            seen[row] = Seen(owned, answer.error, None, {'name': wanted[row]}, explained)
    return seen


def activate(action, bus, sender, receiver, rows):
    """The programs that are started only say so: the name is then taken by a peer that is in the right domain."""
    serials = {row: sender.send(**action.fields(row, action.service(row))) for row in rows}
    sender.sync()
    for row in rows:
        assert receiver.request_name(action.service(row)) == 1
    sender.sync()
    receiver.sync()
    arrived = {message.path for message in receiver.take()}
    answers = {message.reply_serial: message.error for message in sender.take(ERROR)}
    for row in rows:
        if starts(action, row):
            wait_for(lambda: os.path.exists(marker(bus, action, row)), 5)
    return {row: Seen(action.path(row) in arrived, answers.get(serials[row]), os.path.exists(marker(bus, action, row)),
                      {'path': action.path(row)}) for row in rows}


def marker(bus, action, row):
    return os.path.join(bus.dir, 'started', action.service(row))


def write_services(bus, action):
    """Returns what the configuration needs for them."""
    for folder in ('services', 'started'):
        os.makedirs(os.path.join(bus.dir, folder), exist_ok=True)
    for row in action.rows:
        bus.write('services/%s.service' % action.service(row), '[D-BUS Service]\nName=%s\nExec=/bin/busybox touch %s\n%s' % (
            action.service(row), marker(bus, action, row), 'AssumedAppArmorLabel=%s\n' % action.label if action.label else ''))


# ---- what is to be expected -------------------------------------------------------------------------------------------

def door(action, row):
    """The first that denies, and the rule of the security module, where it is that."""
    if row.xml != 'allow':
        return 'xml', None
    if row.container == 'deny':
        return 'container', None
    return ('lsm', action.axis[row.lsm]) if action.axis[row.lsm] else (None, None)


def explains(action, row, answer):
    """Is this explanation of the row right? All doors are asked, whichever denies first."""
    denies, _ = door(action, row)
    why = action.axis[row.lsm]
    assert answer['allowed'] == (denies is None) and answer['door'] == (denies or ''), answer
    assert (answer['xml']['verdict'] == 'deny') == (row.xml != 'allow'), answer['xml']
    assert (answer['container']['verdict'] == 'deny') == (row.container == 'deny'), answer['container']
    if KIND is None:
        assert answer['lsm'] == {'verdict': 'abstain'}, answer['lsm']
        return
    assert answer['lsm']['verdict'] == ('deny' if why else 'allow'), answer['lsm']
    if why:
        assert answer['lsm']['rule'] == why and answer['lsm']['source'].startswith('label '), answer['lsm']
        assert answer['lsm']['fix'].startswith('allow ' if KIND == 'selinux' else 'in profile "'), answer['lsm']


def starts(action, row):
    """SELinux is asked when the service runs, and so is AppArmor about the receiver."""
    return door(action, row) in ((None, None), ('lsm', 'apparmor:receive'), ('lsm', 'selinux:send_msg'))


def expected(action, row):
    """(what is seen, less the key; what the log says of the denial, or None)"""
    denies, why = door(action, row)
    answer = None
    if denies and (action.run is not send or action.type == CALL or action.to and denies == 'xml' and not action.out):
        answer = DENIED  # senders of signals outside of containers are told what the policy of the bus denies, as by other daemons
    seen = (denies is None, answer, starts(action, row) if action.run is activate else None)
    if denies is None:
        return seen, None
    said = {'door': denies, 'action': 'own' if action.run is own else 'send'}
    if denies == 'xml':
        said['end'] = 'receiver' if row.xml == 'refuse' else 'sender'
    if action.run is activate and not starts(action, row):
        said['action'] = 'activate'
    if why:
        said.update(rule=why, end='receiver' if why == 'apparmor:receive' else 'sender')
    return seen, said


def log_fields(log):
    return [dict(word.split('=', 1) for word in shlex.split(line[line.index('verdict='):]) if '=' in word)
            for line in log.splitlines() if 'verdict=' in line]


# ---- the actions ------------------------------------------------------------------------------------------------------

ALLOW = 'com.example.allow'
OWNED = [rule(OWN | NAME_SUBTREE, 'com.example.%s.allow' % xml) for xml in ('allow', 'deny')]


def always(_):
    return True


def when_denied(row):
    return row.container == 'deny'


# A container may be called and sent signals by anybody, unless they carry descriptors; and it may answer, and send broadcasts, without.
ACTIONS = [
    Action('call_out', send, True, messages, [rule(CALL_, '', iface=ALLOW)]),
    Action('call_in', send, False, messages, [rule(CALL_ | RECEIVE_FDS, '', iface=ALLOW)], fds=always),
    Action('signal_out', send, True, messages, [rule(CALL_, '', iface=ALLOW)], type=SIGNAL),
    Action('signal_in', send, False, messages, [rule(CALL_ | RECEIVE_FDS, '', iface=ALLOW)], type=SIGNAL, fds=always),
    Action('reply_out', reply, True, replies, fds=when_denied),
    Action('reply_in', reply, False, replies, [rule(CALL_, '')], fds=when_denied),
    Action('own', own, True, names, OWNED),
    Action('activate', activate, True, messages, [rule(CALL_ | NAME_SUBTREE, SERVICE, iface=ALLOW)], label='vm.table.receiver'),
    Action('activate_unlabelled', activate, True, unlabelled, [rule(CALL_ | NAME_SUBTREE, SERVICE, iface=ALLOW)]),
]
# They are only logged by a bus that logs everything.
BROADCASTS = [
    Action('broadcast_out', send, True, messages, type=SIGNAL, to=False, fds=when_denied),
    Action('broadcast_in', send, False, messages, [rule(HEAR, '', iface=ALLOW)], type=SIGNAL, to=False),
]
