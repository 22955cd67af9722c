# SPDX-License-Identifier: LGPL-2.1-or-later
"""The order of messages. The specification: a bus handles one message at a time, those of one sender in the order sent, and each receiver
gets them in that order. Random clients say what they like, in one piece or torn, and read at once, slowly or at last; afterwards what they
got is compared with a model (order_model.py).

    make check-system PYTEST_ARGS="-k test_order --seed=1000 --count=500"       # other seeds
    POSTERN_TEST_DAEMON=/usr/bin/dbus-daemon make check-system PYTEST_ARGS=...  # the reference passes, too"""
import collections
import os
import random
import select
import signal
import time

import pytest

from bus import OWN, NAME_SUBTREE, RECEIVE_FDS, SEND_FDS, STOCK, TALK, rule
from order_model import ALLOW_REPLACEMENT, DO_NOT_QUEUE, IFACE, REPLACE_EXISTING, Model, Passed, find_cycle
from order_player import SLOW, Player
from wirebus import CALL, DRIVER, DRIVER_PATH, NO_REPLY, RETURN, SIGNAL, TIMEOUT, Message

BLOB = random.Random(7).randbytes(1 << 19)
SIZES = [0] * 16 + [100] * 16 + [20 << 10] * 5 + [300 << 10]
CONTESTED = ['com.example.W%d' % n for n in range(3)]
MEMBERS = ['M%d' % n for n in range(4)]
RULES = ["type='signal'", "type='signal',interface='%s'" % IFACE,
         "type='signal',sender='%s',member='NameOwnerChanged'" % DRIVER,
         "type='signal',sender='%s',member='NameOwnerChanged',arg0='%s'" % (DRIVER, CONTESTED[0])]
RULES += ["type='signal',member='%s'" % m for m in MEMBERS] + ["type='signal',sender='%s'" % name for name in CONTESTED]
EAVESDROP = "type='method_call',interface='%s',eavesdrop='true'" % IFACE
HEAR_ALL = ["type='%s',eavesdrop='true'" % kind for kind in ('signal', 'method_call', 'method_return', 'error')]
MONITORING = 'org.freedesktop.DBus.Monitoring'
# Who tells the order in which the bus handled all: a monitor, somebody who eavesdrops, or nobody.
WITNESSES = ('monitor', 'monitor', 'scribe', 'nobody')
# Where nothing is refused for being too much, nothing is lost.
LIMITS = {'max_outgoing_unix_fds': 20000, 'max_replies_per_connection': 20000, 'max_match_rules_per_connection': 20000}
STEPS = 150
HEAVY = 17 << 20  # bytes: more than a client may have to read before it is not listened to


class Wrong(AssertionError):
    pass


class Scene:
    """A bus, its clients, and what they do."""

    def __init__(self, bus, seed):
        self.bus, self.seed, self.random = bus, seed, random.Random(seed)
        self.kind = WITNESSES[seed % len(WITNESSES)]
        self.heavy = seed % 7 == 5  # with every witness
        self.stopped, self.sizes = False, SIZES
        self.players, self.names = [], {}
        self.open()

    # ---- setting up
    def open(self):
        self.bus.start(''.join('<limit name="%s">%d</limit>' % kv for kv in LIMITS.items()))
        with self.bus.connect() as conn:
            self.bus_id, = conn.call('GetId')
        inside = [] if STOCK else [True, True]
        paces = ['eager', 'eager', 'slow', 'late'] if not self.heavy else ['eager', 'eager', 'late']
        ways = [self.bus.connect] * (len(paces) + 1)
        if inside:
            flags = TALK | OWN | SEND_FDS | RECEIVE_FDS | NAME_SUBTREE
            ways += [self.bus.container(rules=[rule(flags, 'com.example')]).connect] * 2
        for n, way in enumerate(ways):
            takes_fds = n != len(paces)
            conn = way(fds=takes_fds)
            conn.request_name('com.example.P%d' % n)
            player = Player(conn, paces[n] if n < len(paces) else 'slow', n > len(paces), takes_fds)
            self.players.append(player)
            self.names[player.name] = 'com.example.P%d' % n
            if n == 0 and self.kind == 'scribe':  # it stays in these queues: a call to nobody would not be heard
                for name in CONTESTED:
                    conn.request_name(name, ALLOW_REPLACEMENT)
        self.witness = self.open_witness()
        self.everybody = self.players + ([self.witness] if self.witness else [])
        self.talkers = [p for p in self.everybody if not p.is_monitor]
        self.barrier()
        for player in self.everybody:  # what was said so far is not judged
            player.sent, player.got, player.messages = [], [], []
            player.early = {p.name: p.serial for p in self.everybody}

    def open_witness(self):
        if self.kind == 'nobody':
            return None
        conn = self.bus.connect()
        if self.kind == 'monitor':
            conn.call('BecomeMonitor', 'asu', [], 0, iface=MONITORING)
        else:
            for text in HEAR_ALL:
                conn.match(text)
        return Player(conn, self.random.choice(['eager', 'slow', 'late']), is_monitor=self.kind == 'monitor')

    # ---- what is said
    def to_bus(self, member, sig='', *body):
        return Message(CALL, destination=DRIVER, path=DRIVER_PATH, interface=DRIVER, member=member, signature=sig or None, body=body)

    def with_body(self, m, with_fds):
        """Bytes that no other message has, and files that say whose they are."""
        size, at = self.random.choice(self.sizes), self.random.randrange(1 << 17)
        m.texts = ['%s %x' % (self.seed, self.random.getrandbits(64)) for _ in range(self.random.randint(1, 3))] if with_fds else []
        for text in m.texts:
            m.fds.append(os.memfd_create('order'))
            os.write(m.fds[-1], text.encode())
        m.signature, m.body = 'h' * len(m.fds), tuple(range(len(m.fds)))
        if size:
            m.signature, m.body = m.signature + 'ay', m.body + (BLOB[at:at + size],)
        m.signature = m.signature or None
        return m

    def somebody(self, player):
        """A destination, and may it be sent fds?"""
        other = self.random.choice(self.players)
        return self.random.choice([other.name, self.names[other.name]]), other.takes_fds

    def peer_message(self, player, kind):
        r = self.random
        if r.random() < 0.3:
            dest, fds = r.choice(CONTESTED), True
        else:
            dest, fds = self.somebody(player)
        if kind == CALL and self.kind == 'monitor' and r.random() < 0.05:
            dest = 'com.example.Nobody'
        if self.kind != 'scribe' and kind == CALL:
            fds = fds or r.random() < 0.2  # refused, which only its sender hears
        # Replies with fds into a container, and signals from there to several names, are tests of their own.
        m = Message(kind, destination=dest, path='/obj', interface=IFACE, member=r.choice(MEMBERS),
                    flags=NO_REPLY if kind == SIGNAL or r.random() < 0.3 else 0)
        return self.with_body(m, fds and player.takes_fds and r.random() < 0.1)

    def broadcast(self, player):
        m = Message(SIGNAL, path='/obj', interface=IFACE, member=self.random.choice(MEMBERS), flags=NO_REPLY)
        return self.with_body(m, player.takes_fds and not player.contained and self.random.random() < 0.05)

    def name_call(self, player):
        r = self.random
        name = r.choice(CONTESTED)
        if r.random() < 0.3:
            return self.to_bus(r.choice(['NameHasOwner'] + (['GetNameOwner', 'ListQueuedOwners'] if self.kind == 'monitor' else [])), 's', name)
        if not player.takes_fds or (player is self.players[0] and self.kind == 'scribe'):
            return self.to_bus('GetId')
        if r.random() < 0.4:
            return self.to_bus('ReleaseName', 's', name)
        flags = r.choice([0, ALLOW_REPLACEMENT, REPLACE_EXISTING, DO_NOT_QUEUE]) | r.choice([ALLOW_REPLACEMENT, REPLACE_EXISTING])
        return self.to_bus('RequestName', 'su', name, flags)

    def match_call(self, player):
        r = self.random
        if r.random() < 0.6:
            may = not player.contained and not self.heavy and r.random() < 0.2
            player.rules.append(EAVESDROP if may else r.choice(RULES))
            return self.to_bus('AddMatch', 's', player.rules[-1])
        if self.kind == 'monitor':
            return self.to_bus('RemoveMatch', 's', r.choice(RULES))
        if not player.rules:
            return self.to_bus('GetId')
        return self.to_bus('RemoveMatch', 's', player.rules.pop(r.randrange(len(player.rules))))

    def say_something(self, player):
        what = self.random.choice(['call', 'call', 'signal', 'broadcast', 'broadcast', 'name', 'match', 'noise'])
        if what in ('call', 'signal'):
            return self.peer_message(player, CALL if what == 'call' else SIGNAL)
        return {'broadcast': self.broadcast, 'name': self.name_call, 'match': self.match_call,
                'noise': lambda player: self.to_bus('GetId')}[what](player)

    def answer(self, player):
        """Some of the calls that wait, in any order."""
        while player.unanswered and self.random.random() < 0.7:
            call = player.unanswered.pop(self.random.randrange(len(player.unanswered)))
            to = next((p for p in self.players if p.name == call.sender), None)
            if call.flags & NO_REPLY or to is None or not self.is_for(player, call):
                continue
            m = Message(RETURN, destination=call.sender, reply_serial=call.serial, flags=NO_REPLY)
            fds = player.takes_fds and to.takes_fds and not to.contained and not player.contained
            player.send([self.with_body(m, fds and self.random.random() < 0.1)], self.cuts)

    def is_for(self, player, call):
        """Who eavesdrops answers nothing. A name may have moved on since; who has it gets the calls that were for it then."""
        if call.destination[0] == ':':
            return call.destination == player.name
        return call.destination == self.names[player.name] or (call.destination in CONTESTED and not self.eavesdrops(player))

    def eavesdrops(self, player):
        return any(m.member == 'AddMatch' and m.body[0] == EAVESDROP for m in player.sent)

    def cuts(self, n):
        r = self.random
        if n < 2 or r.random() < 0.5:
            return []
        return r.sample(range(1, n), min(n - 1, r.randint(1, 3)))

    # ---- the play
    def begin(self):
        for player in self.players:
            player.rules = self.random.sample(RULES, 2)
            player.send([self.to_bus('AddMatch', 's', text) for text in player.rules], self.cuts)

    def play(self, steps):
        r = self.random
        self.begin()
        for step in range(steps):
            player = r.choice(self.players)
            player.send([self.say_something(player) for _ in range(r.choice([1, 1, 2, 6]))], self.cuts)
            if r.random() < 0.01:
                self.burst(player)
            if self.heavy and step == steps // 2:
                self.overwhelm()
            self.let_run(r.random())
            for other in r.sample(self.everybody, len(self.everybody)):
                self.act(other)
        self.let_run(1)
        self.settle()

    def let_run(self, chance):
        """Sometimes the bus finds that much has arrived while it did something else."""
        if not self.stopped and chance < 0.1:
            self.bus.process.send_signal(signal.SIGSTOP)
            self.stopped = True
        elif self.stopped and chance > 0.8:
            self.bus.process.send_signal(signal.SIGCONT)
            self.stopped = False

    def act(self, player):
        r = self.random
        for _ in range(r.choice([0, 1, 1, 3])):
            player.write()
        if player.pace == 'eager' or (player.pace == 'slow' and r.random() < 0.2):
            player.read(SLOW if player.pace == 'slow' else 1 << 18)
            if not player.is_monitor and player is not self.witness:
                self.answer(player)

    def burst(self, player):
        """More in one write than the bus handles of one client in one turn."""
        self.sizes = SIZES[:32]
        player.send([self.say_something(player) for _ in range(100)], self.cuts)
        self.sizes = SIZES

    def overwhelm(self):
        """One who reads late has so much to read that the bus stops listening to it; the rest of what it says is for later."""
        self.let_run(1)
        late = next(p for p in self.players if p.pace == 'late')
        others = [p for p in self.everybody if p is not late]
        for n in range(HEAVY // (300 << 10) + 1):
            m = Message(SIGNAL, destination=late.name, path='/obj', interface=IFACE, member='M0', flags=NO_REPLY, signature='ay',
                        body=(BLOB[n:n + (300 << 10)],))
            self.players[n % 2].send([m])
        self.pump(lambda: not any(p.out for p in others), others)
        for _ in range(5):
            late.send([self.say_something(late) for _ in range(5)], self.cuts)

    def settle(self):
        """Until nobody has anything to say: all that was sent was handled, and all that is to come has come."""
        while True:
            before = self.n_sent()
            for _ in range(2):
                self.barrier()
            for p in self.players:
                self.answer(p)
            if self.n_sent() == before + 2 * len(self.talkers):
                return

    def barrier(self):
        """All have an answer to what they say last, and the witness has seen those."""
        for p in self.talkers:
            p.send([self.to_bus('GetId')])
        last = {p.name: p.serial for p in self.talkers}
        self.pump(lambda: all(last[p.name] in p.answers for p in self.talkers))
        if self.kind == 'monitor':
            self.pump(lambda: all((p.name, last[p.name]) in self.witness.answers for p in self.talkers))

    def n_sent(self):
        return sum(len(p.sent) for p in self.talkers)

    def pump(self, done, among=None):
        among = among or self.everybody
        end = time.monotonic() + TIMEOUT
        while not done():
            if time.monotonic() > end:
                raise Wrong('nothing more came; unwritten: %r' % {p.name: len(p.out) for p in self.everybody if p.out})
            r, w, _ = select.select([p.sock for p in among], [p.sock for p in among if p.out], [], 1)
            for p in among:
                p.sock in w and p.write()
                if p.sock in r and p.read() and p in self.players:
                    self.answer(p)


# ---- what must hold ------------------------------------------------------------------------------------------------------


def window(items, at, n=4):
    return ''.join('\n      %s %r' % ('->' if i == at else '  ', items[i]) for i in range(max(0, at - n), min(len(items), at + n + 1)))


def describe(sent, what):
    m = sent.get(what)
    return repr(what) if m is None else '%r: type %d to %s, %s, %d bytes, %d fds' % (what, m.type, m.destination, m.member, len(m.raw), m.n_fds or 0)


def check_contents(scene, sent):
    """Nothing is invented, and what comes is what was sent, with its files."""
    for player in scene.everybody:
        for m in player.messages:
            if m.sender == DRIVER:
                continue
            was = sent.get(Passed(m.sender, m.serial))
            if was is None:
                raise Wrong('%s got what nobody sent: %r' % (player.name, m))
            mine = (m.type, m.destination, m.interface, m.member, m.reply_serial, m.signature, m.flags)
            if mine != (was.type, was.destination, was.interface, was.member, was.reply_serial, was.signature, was.flags) or m.raw != was.raw:
                raise Wrong('%s got another message than was sent: %s' % (player.name, describe(sent, Passed(m.sender, m.serial))))
            if m.texts != getattr(was, 'texts', []):
                raise Wrong('%s got the fds of another message with %s: %r' % (player.name, describe(sent, Passed(m.sender, m.serial)), m.texts))


def check_twice(scene):
    for player in scene.everybody:
        counts = collections.Counter((m.sender, m.serial) for m in player.messages if m.sender != DRIVER)
        twice = [key for key, n in counts.items() if n > 1]
        if twice:
            raise Wrong('%s got twice: %r' % (player.name, twice[:3]))


def check_unicast(scene, sent):
    """What was for somebody by its unique name has come, whoever may have been a witness."""
    got = {p.name: {w for w in p.got if isinstance(w, Passed)} for p in scene.players}
    for what, m in sent.items():
        to = next((p for p in scene.players if p.name == m.destination), None)
        if to is not None and not (m.n_fds and not to.takes_fds) and what not in got[to.name]:
            raise Wrong('%s never got %s' % (to.name, describe(sent, what)))


def nodes_of(player):
    """What a player got as nodes of the order: the same wherever somebody sees it. What the bus says again in the same words is counted."""
    counts = collections.Counter()
    for m in player.messages:
        if m.sender != DRIVER:
            # Whoever eavesdrops hears a call to the bus after what it led to, as on every bus.
            yield Passed(m.sender, m.serial) if m.destination != DRIVER or player.is_monitor else None
        elif m.destination is None:  # it gives these serials that tell one from another; dbus-daemon does not
            yield ('news', m.serial, repr(m.body)) if not STOCK else None
        else:
            what = (m.destination, m.type, m.reply_serial, m.member, repr(m.body))
            counts[what] += 1
            yield what + (counts[what],)


def check_one_order(scene, sent):
    edges = {what: {} for what in sent}

    def link(a, b, why):
        edges.setdefault(a, {}).setdefault(b, why)

    for player in scene.everybody:
        last, seen = None, {}
        for i, node in enumerate(nodes_of(player), 1):
            if node is not None:
                if last is not None:
                    link(last, node, '%s got it before' % player.name)
                last = node
            seen[i] = last
        for a, b in zip(player.sent, player.sent[1:]):
            link(Passed(a.sender, a.serial), Passed(b.sender, b.serial), '%s sent it before' % player.name)
        for m in player.sent:
            if seen.get(m.after) is not None:
                link(seen[m.after], Passed(m.sender, m.serial), '%s had got it when it sent' % player.name)
    circle = find_cycle(edges)
    if circle:
        raise Wrong('there is no order that all saw:' + ''.join('\n    %s\n      %s' % (describe(sent, a), why) for a, why, b in circle))


def handled_order(scene, sent):
    """The order in which the bus handled all, as the witness saw it."""
    seen = [Passed(m.sender, m.serial) for m in scene.witness.messages if m.sender in scene.names]
    order = [sent[what] for what in seen if what in sent]
    missing = [what for what, m in sent.items() if m.sender in scene.names and what not in set(seen)]
    if missing:
        raise Wrong('the witness missed %d: %s' % (len(missing), describe(sent, missing[0])))
    return order


def check_causes(scene, order, model):
    """What somebody sent was handled after what it had got before."""
    for position, m in enumerate(order, 1):
        received = model.received[m.sender]
        if m.after and received[m.after - 1][1] >= position:
            raise Wrong('%r was handled before %r, which its sender had got before it sent it' % (m, received[m.after - 1][0]))


def replay(scene, order):
    takes = {p.name: p.takes_fds for p in scene.players}
    model = Model(scene.bus_id, takes, {p.name for p in scene.players if p.contained}, scene.witness.name if scene.kind == 'monitor' else None)
    for p in scene.players:
        model.names.request(p.name, scene.names[p.name], 0)
    for name in CONTESTED if scene.kind == 'scribe' else []:
        model.names.request(scene.players[0].name, name, ALLOW_REPLACEMENT)
    for m in order:
        model.handle(m)
    return model


def check_model(scene, sent):
    order = handled_order(scene, sent)
    model = replay(scene, order)
    for player in scene.players + ([scene.witness] if scene.kind == 'monitor' else []):
        expected = [what for what, _ in model.received[player.name]]
        if expected != player.got:
            at = next((i for i, (a, b) in enumerate(zip(expected, player.got)) if a != b), min(len(expected), len(player.got)))
            raise Wrong('%s, %s: from item %d on it got something else than it should.\n    should:%s\n    got:%s\n    %s' % (
                player.name, 'the monitor' if player.is_monitor else player.pace, at, window(expected, at), window(player.got, at),
                describe(sent, expected[at]) if at < len(expected) else ''))
    check_causes(scene, order, model)


def check(scene):
    sent = {Passed(m.sender, m.serial): m for p in scene.everybody for m in p.sent}
    check_contents(scene, sent)
    check_twice(scene)
    check_unicast(scene, sent)
    check_one_order(scene, sent)
    if scene.witness:
        check_model(scene, sent)


def run(new_bus, seed, steps):
    scene = Scene(new_bus, seed)
    try:
        scene.play(steps)
        check(scene)
    except Wrong as e:
        raise Wrong('seed %d, witness: %s; again with --seed=%d --count=1\n    %s' % (seed, scene.kind, seed, e)) from None
    finally:
        scene.bus.process.send_signal(signal.SIGCONT)
    return scene


def pytest_generate_tests(metafunc):
    if 'seed' in metafunc.fixturenames:
        first, count = metafunc.config.getoption('--seed'), metafunc.config.getoption('--count')
        metafunc.parametrize('seed', range(first, first + count))


def test_one_order(new_bus, seed):
    run(new_bus, seed, STEPS)
