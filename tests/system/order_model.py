# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a bus does, as the specification has it: one message after the other. Told the messages in the order in which a bus handled them, the
model says what each connection must have received, in which order."""
import collections

from wirebus import CALL, DRIVER, E, ERROR, RETURN, SIGNAL

ALLOW_REPLACEMENT, REPLACE_EXISTING, DO_NOT_QUEUE = 1, 2, 4
IFACE = 'com.example.Iface'

# What somebody got. A message of another client is known by its sender and serial, one of the bus by what it says.
Passed = collections.namedtuple('Passed', 'sender serial')
Answer = collections.namedtuple('Answer', 'reply_serial body')
Refused = collections.namedtuple('Refused', 'reply_serial error')
News = collections.namedtuple('News', 'member body')


def parse_rule(text):
    return dict((key, value.strip("'")) for key, value in (part.split('=') for part in text.split(',')))


class Names:
    """Who owns each name, and who waits for it."""

    def __init__(self):
        self.queues = collections.defaultdict(list)  # name -> [[unique, flags]]

    def owner(self, name):
        return self.queues[name][0][0] if self.queues[name] else None

    def place(self, who, name):
        return next((place for place in self.queues[name] if place[0] == who), None)

    def request(self, who, name, flags):
        """The answer of RequestName."""
        queue, place = self.queues[name], self.place(who, name)
        if not queue:
            queue.append([who, flags])
            return 1
        if queue[0] is place:
            place[1] = flags
            return 4
        may = flags & REPLACE_EXISTING and queue[0][1] & ALLOW_REPLACEMENT
        if place in queue and (may or flags & (DO_NOT_QUEUE | REPLACE_EXISTING)):
            queue.remove(place)
        if may:
            queue[:1] = [] if queue[0][1] & DO_NOT_QUEUE else queue[:1]
            queue.insert(0, [who, flags])
            return 1
        if flags & DO_NOT_QUEUE:
            return 3
        if flags & REPLACE_EXISTING:
            queue.insert(1, [who, flags])
        elif place is None:
            queue.append([who, flags])
        else:
            place[1] = flags
        return 2

    def release(self, who, name):
        """The answer of ReleaseName."""
        if not self.queues[name]:
            return 2
        place = self.place(who, name)
        if place is None:
            return 3
        self.queues[name].remove(place)
        return 1


class Model:
    def __init__(self, bus_id, takes_fds, contained, witness=None):
        """takes_fds: {unique: can it receive fds?}; contained: who is in a container; witness: a monitor, who sees all."""
        self.bus_id, self.takes_fds, self.contained, self.witness = bus_id, takes_fds, contained, witness
        self.names = Names()
        self.rules = {unique: collections.Counter() for unique in takes_fds}
        self.received = collections.defaultdict(list)  # unique -> [(what, how many messages had been handled)]
        self.waiting = set()  # (caller, callee, serial)
        self.handled = 0

    # ---- what leaves the bus
    def give(self, who, what):
        self.received[who].append((what, self.handled))

    def show(self, what, destination):
        if self.witness:
            self.received[self.witness].append(((what, destination), self.handled))

    def tell(self, who, what):
        self.show(what, who)
        self.give(who, what)

    def tell_all(self, what, subject):
        self.show(what, None)
        for who in self.rules:
            if self.wants(who, SIGNAL, DRIVER, DRIVER, what.member, subject):
                self.give(who, what)

    def wants(self, who, type, sender, interface, member, arg0=None, eavesdrop=False):
        return any(n > 0 and self.fits(parse_rule(text), type, sender, interface, member, arg0, eavesdrop)
                   for text, n in self.rules[who].items())

    def fits(self, rule, type, sender, interface, member, arg0, eavesdrop):
        bearer = rule.get('sender', sender)
        return (rule['type'] == {CALL: 'method_call', RETURN: 'method_return', ERROR: 'error', SIGNAL: 'signal'}[type] and
                (not eavesdrop or 'eavesdrop' in rule) and rule.get('interface', interface) == interface and
                rule.get('member', member) == member and rule.get('arg0', arg0) == arg0 and
                sender in (bearer, self.names.owner(bearer)))

    # ---- what comes in
    def handle(self, message):
        self.handled += 1
        self.show(Passed(message.sender, message.serial), message.destination)
        if message.destination == DRIVER:
            self.to_driver(message)
        elif message.destination is None:
            self.broadcast(message)
        else:
            to = message.destination if message.destination[0] == ':' else self.names.owner(message.destination)
            self.unicast(message, to)

    def broadcast(self, message):
        for who in self.rules:
            if self.wants(who, SIGNAL, message.sender, message.interface, message.member):
                self.overhear(message, who)

    def unicast(self, message, to):
        if to is None:
            if message.type == CALL or message.sender not in self.contained:
                self.tell(message.sender, Refused(message.serial, E + 'ServiceUnknown'))
            return
        if message.n_fds and not self.takes_fds[to]:
            self.tell(message.sender, Refused(message.serial, E + 'NotSupported'))
            return
        self.give(to, Passed(message.sender, message.serial))
        for who in self.rules:
            if who != to and self.wants(who, message.type, message.sender, message.interface, message.member, eavesdrop=True):
                self.overhear(message, who)

    def overhear(self, message, who):
        """One of several receivers. If it cannot take the message, only monitors are told."""
        if message.n_fds and not self.takes_fds[who]:
            self.show(Refused(message.serial, E + 'NotSupported'), message.sender)
        else:
            self.give(who, Passed(message.sender, message.serial))

    def to_driver(self, message):
        method = getattr(self, 'do_' + message.member)
        what = method(message.sender, *message.body)
        if isinstance(what, str):
            self.tell(message.sender, Refused(message.serial, E + what))
        else:
            self.tell(message.sender, Answer(message.serial, what))

    def owner_changed(self, name, old, new):
        if old == new:
            return
        if old:
            self.tell(old, News('NameLost', (name,)))
        self.tell_all(News('NameOwnerChanged', (name, old or '', new or '')), name)
        if new:
            self.tell(new, News('NameAcquired', (name,)))

    def do_RequestName(self, who, name, flags):
        old = self.names.owner(name)
        result = self.names.request(who, name, flags)
        self.owner_changed(name, old, self.names.owner(name))
        return (result,)

    def do_ReleaseName(self, who, name):
        old = self.names.owner(name)
        result = self.names.release(who, name)
        self.owner_changed(name, old, self.names.owner(name))
        return (result,)

    def do_AddMatch(self, who, text):
        self.rules[who][text] += 1
        return ()

    def do_RemoveMatch(self, who, text):
        if not self.rules[who][text]:
            return 'MatchRuleNotFound'
        self.rules[who][text] -= 1
        return ()

    def do_GetId(self, who):
        return (self.bus_id,)

    def do_NameHasOwner(self, who, name):
        return (self.names.owner(name) is not None,)

    def do_GetNameOwner(self, who, name):
        return (self.names.owner(name),) if self.names.owner(name) else 'NameHasNoOwner'

    def do_ListQueuedOwners(self, who, name):
        return ([place[0] for place in self.names.queues[name]],) if self.names.queues[name] else 'NameHasNoOwner'


# ---- the order itself, without a model ------------------------------------------------------------------------------------

def find_cycle(edges):
    """A shortest circle in {node: {follower: why}}, as [(node, why, follower)]; None: there is an order."""
    indegree = collections.Counter(follower for followers in edges.values() for follower in followers)
    free = [node for node in edges if not indegree[node]]
    left = set(edges) | set(indegree)
    while free:
        node = free.pop()
        left.discard(node)
        for follower in edges.get(node, ()):
            indegree[follower] -= 1
            if not indegree[follower]:
                free.append(follower)
    circles = [circle for circle in (circle_through(edges, start, left) for start in sorted(left, key=repr)[:200]) if circle]
    return min(circles, key=len) if circles else None


def circle_through(edges, start, among):
    """Breadth first, hence the shortest."""
    came, queue = {start: None}, collections.deque([start])
    while queue:
        node = queue.popleft()
        for follower, why in edges.get(node, {}).items():
            if follower == start:
                path = [(node, why, start)]
                while came[node]:
                    before, why = came[node]
                    path.insert(0, (before, why, node))
                    node = before
                return path
            if follower in among and follower not in came:
                came[follower] = (node, why)
                queue.append(follower)
    return None
