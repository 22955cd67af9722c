# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random sequences of operations, the same for the same seed, and what remains of a failing one."""
import random

from daemons import OPEN_POLICY, Setup
from ops import answer, call, close, connect, error, match, peer_call, release, reply, request, signal, unmatch
from wirebus import DRIVER, DRIVER_PATH, ERROR, NO_AUTO_START, NO_REPLY, PROPERTIES, RETURN

NAMES = ['com.example.A', 'com.example.B', 'com.example.A.Sub']
PATHS = ['/', '/obj', '/obj/a', '/obj/a/b', '/other']
IFACES = ['com.example.Iface', 'com.example.Other']
MEMBERS = ['Sig', 'Method', 'Other']
STRINGS = ['', 'a', 'b', '/', '/obj', '/obj/', '/obj/a', 'com.example', 'com.example.A', 'com', 'é']
BODIES = [('', ()), ('s', None), ('ss', None), ('u', (7,)), ('o', ('/obj/a',)), ('us', (1, 'a')), ('as', (['a'],)), ('v', (('s', 'a'),)), ('a{sv}', ({'k': ('u', 1)},)), ('ay', (b'xyz',))]
SUBJECTS = ['GetNameOwner', 'NameHasOwner', 'ListQueuedOwners', 'GetConnectionUnixUser', 'GetConnectionUnixProcessID', 'GetConnectionCredentials',
            'GetConnectionSELinuxSecurityContext', 'GetAdtAuditSessionData']

BASE = '<allow send_type="method_call"/><allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>' \
       '<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/><allow receive_type="method_return"/>' \
       '<allow receive_type="error"/><allow receive_type="signal"/><allow own="*"/>'
TALK = '<allow send_destination="%s"/><allow receive_sender="%s"/>' % (DRIVER, DRIVER)
CONFIGURATIONS = 10  # so many sequences in a row use one configuration


class Generator:
    def __init__(self, seed, n_ops):
        self.r, self.n_ops = random.Random(seed), n_ops
        self.setup = setup(random.Random('setup %d' % (seed // CONFIGURATIONS)))
        self.n = self.r.randint(4, 6)

    def sequence(self):
        ops = [self.connect(i) for i in range(self.n)]
        kinds, weights = zip(*self.WEIGHTS)
        return ops + [self.r.choices(kinds, weights)[0](self) for _ in range(self.n_ops)]

    # ---- the parts
    def conn(self):
        return self.r.randrange(self.n)

    def peer(self):
        return '@%d' % self.conn()

    def name(self):
        return self.r.choice(NAMES)

    def destination(self):
        return self.r.choice([self.peer(), self.peer(), self.name(), self.name(), 'com.example.Nobody', ':1.77777'])

    def body(self):
        sig, values = self.r.choice(BODIES)
        return (sig, *(self.r.choice(STRINGS) for _ in sig)) if values is None else (sig, *values)

    def fields(self):
        return {'path': self.r.choice(PATHS), 'iface': self.r.choice(IFACES), **({'fds': ['a', 'b'][:self.r.randint(1, 2)]} if self.r.random() < 0.08 else {})}

    def flags(self):
        return self.r.choices([0, NO_REPLY, NO_AUTO_START, NO_REPLY | NO_AUTO_START, 0x40], [12, 3, 1, 1, 1])[0]

    def rule(self):
        r, keys = self.r, {}
        for _ in range(r.choices([0, 1, 2, 3], [1, 5, 5, 3])[0]):
            key = r.choice(['type', 'sender', 'interface', 'member', 'path', 'path_namespace', 'destination', 'arg0', 'arg1', 'arg0path', 'arg0namespace', 'eavesdrop'])
            if (key.startswith('path') and any(k.startswith('path') for k in keys)) or (key.startswith('arg0') and any(k.startswith('arg0') for k in keys)):
                continue  # such pairs are in the scripted scenarios
            keys[key] = r.choice({'type': ['signal', 'method_call', 'method_return', 'error'], 'sender': [self.peer(), self.name(), DRIVER], 'interface': IFACES + [DRIVER],
                                  'member': MEMBERS + ['NameOwnerChanged'], 'path': PATHS + [DRIVER_PATH], 'path_namespace': PATHS, 'destination': [self.peer(), self.name()],
                                  'arg0': STRINGS + [self.name(), self.peer()], 'arg1': STRINGS, 'arg0path': [s for s in STRINGS if s.startswith('/')],
                                  'arg0namespace': ['com', 'com.example', 'com.example.A'], 'eavesdrop': ['true', 'true', 'false']}[key])
        return ','.join("%s='%s'" % kv for kv in keys.items())

    # ---- the operations
    def connect(self, conn=None):
        return connect(self.conn() if conn is None else conn, order=self.r.choice('lllB'), fds=self.r.random() < 0.8)

    def request(self):
        return request(self.conn(), self.name(), self.r.randrange(8))

    def release(self):
        return release(self.conn(), self.name())

    def match(self):
        return match(self.conn(), self.rule())

    def simple_match(self):
        return match(self.conn(), self.r.choice(['', "type='signal'", "eavesdrop='true'", "sender='%s'" % self.name()]))

    def unmatch(self):
        return unmatch(self.conn(), self.r.choice(['', "type='signal'", "eavesdrop='true'", "sender='%s'" % self.name()]))

    def call(self):
        return peer_call(self.conn(), self.destination(), self.r.choice(MEMBERS), *self.body(), flags=self.flags(), **self.fields())

    def reply(self):
        make = self.r.choice([reply, reply, error])
        kw = {'nth': self.r.choice([0, -1]), 'keep': self.r.random() < 0.1}
        if make is error:
            return error(self.conn(), **kw)
        fds = ['c'] if self.r.random() < 0.05 else []
        return reply(self.conn(), *(('h', 0) if fds else self.body()), fds=fds, **kw)

    def unsolicited(self):
        return answer(self.conn(), self.destination(), self.r.randint(1, 40), *self.body(), type=self.r.choice([RETURN, ERROR]))

    def signal(self):
        return signal(self.conn(), self.r.choice(MEMBERS), *self.body(), **self.fields())

    def unicast(self):
        return signal(self.conn(), self.r.choice(MEMBERS), *self.body(), dest=self.destination(), **self.fields())

    def ask(self):
        return call(self.conn(), self.r.choice(SUBJECTS), 's', self.r.choice([self.peer(), self.name(), DRIVER, 'com.example.Nobody', 'bad name']))

    def ask_more(self):
        return self.r.choice([
            lambda c: call(c, 'ListNames'), lambda c: call(c, 'ListActivatableNames'), lambda c: call(c, 'GetId'), lambda c: call(c, 'Hello'),
            lambda c: call(c, 'NoSuchMethod'), lambda c: call(c, 'GetId', 's', 'x'), lambda c: call(c, 'GetId', path='/x'), lambda c: call(c, 'GetId', iface=None),
            lambda c: call(c, 'Get', 'ss', DRIVER, 'No', iface=PROPERTIES), lambda c: call(c, 'GetAll', 's', 'com.example.No', iface=PROPERTIES),
            lambda c: call(c, 'Ping', iface='org.freedesktop.DBus.Peer', dest=self.r.choice([None, DRIVER])), lambda c: call(c, 'No', iface='com.example.No'),
            lambda c: call(c, 'StartServiceByName', 'su', 'com.example.Nobody', 0), lambda c: call(c, 'GetId', flags=NO_REPLY),
            lambda c: signal(c, dest=DRIVER), lambda c: answer(c, DRIVER, 3), lambda c: call(c, 'RequestName', 'su', self.r.choice([DRIVER, ':1.1', 'bad', 'a..b']), 0),
        ])(self.conn())

    def close(self):
        return close(self.conn())

    WEIGHTS = [(request, 12), (release, 6), (match, 8), (simple_match, 3), (unmatch, 3), (call, 14), (reply, 14), (unsolicited, 3), (signal, 10), (unicast, 6), (ask, 6),
               (ask_more, 5), (close, 3), (connect, 6)]


def attributes(r):
    """Of one random rule that both daemons understand alike."""
    iface, name = r.choice(IFACES), r.choice(NAMES)
    return r.choice([
        'send_destination="%s"' % name, 'send_destination_prefix="%s"' % r.choice(['com', 'com.example', 'com.example.A']), 'send_interface="%s"' % iface,
        'send_interface="%s" send_member="%s"' % (iface, r.choice(MEMBERS)), 'send_path="%s"' % r.choice(PATHS), 'send_type="%s"' % r.choice(['method_call', 'signal']),
        'send_destination="%s" send_interface="%s"' % (name, iface), 'send_destination="%s" send_type="%s"' % (name, r.choice(['signal', 'method_call', 'method_return'])),
        'send_broadcast="%s" send_type="signal"' % r.choice(['true', 'false']), 'send_requested_reply="false" send_type="%s"' % r.choice(['method_return', 'error']),
        'receive_sender="%s"' % name, 'receive_interface="%s"' % iface, 'receive_interface="%s" receive_member="%s"' % (iface, r.choice(MEMBERS)), 'receive_path="%s"' % r.choice(PATHS),
        'receive_sender="%s" receive_type="signal"' % name, 'receive_requested_reply="false" receive_type="error"', 'send_interface="%s" min_fds="1"' % iface, 'receive_interface="%s" max_fds="0"' % iface,
        'own="%s"' % name, 'own_prefix="%s"' % r.choice(['com.example', 'com.example.A']), 'send_interface="%s" eavesdrop="true"' % iface, 'receive_interface="%s" eavesdrop="true"' % iface,
    ])


def setup(r):
    base = r.choice([OPEN_POLICY, OPEN_POLICY, BASE, TALK + '<allow own="*"/>' + BASE])
    rules = ['<%s %s/>' % (r.choice(['allow', 'deny']), attributes(r)) for _ in range(r.choice([0, 0, 1, 2, 4]))]
    return Setup(policy=base + ''.join(rules), type=r.choice(['session', 'system']))


def minimise(ops, fails):
    """Leaves out operations, in ever smaller pieces, as long as the rest still fails."""
    size = len(ops) // 2
    while size:
        at = len(ops)
        while at > 0:
            less = ops[:max(0, at - size)] + ops[at:]
            if less and fails(less):
                ops = less
                at = min(at, len(ops))
            at -= size
        size //= 2
    return ops
