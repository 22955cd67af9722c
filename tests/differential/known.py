# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where posternd deliberately does something else than dbus-daemon, and why.

An entry turns what the stock daemon did in a step into what posternd must then do, exactly; or returns None when the step is none
of its business. A difference is explained when the entries that apply turn one transcript into the other."""
import os
import re

from daemons import stock_version
from records import CLOSED, view_hex
from wirebus import CALL, DRIVER, E, ERROR, NO_REPLY, RETURN, SIGNAL, Message

RAN, USED = set(), set()
VERSION = stock_version()


class Known:
    def __init__(self, id, reason, expect, ends=False, until=None):
        """ends: afterwards the two daemons are in different states, and the rest of the sequence is not compared. until: a version of
        dbus-daemon from which on the difference may be gone."""
        self.id, self.reason, self.expect, self.ends = id, reason, expect, ends
        self.must_be_seen = until is None or VERSION < until


# ---- how entries say what must be different

def answers(step, records):
    """Which of the records answer the message that the operation sent?"""
    return [r for r in records if r.type in ('return', 'error') and r.reply in (step.serial, 'driver %s' % step.serial) and r.sender in (DRIVER, None)]


def change(step, outcome, fn, conn=None):
    """The outcome with fn applied to what one connection (by default the one that acted) got; fn returns the new records, or None for
    no change."""
    conn = step.op.conn if conn is None else conn
    old = outcome.get(conn, ())
    new = fn(old)
    if new is None or tuple(new) == tuple(old):
        return None
    outcome = dict(outcome)
    if new:
        outcome[conn] = tuple(new)
    else:
        outcome.pop(conn, None)
    return outcome


def change_answer(step, outcome, fn):
    """The same for the driver's answer to the operation alone; fn returns the new record, or None for none."""
    def change_all(records):
        mine = answers(step, records)
        return [fn(r) if r in mine else r for r in records if r not in mine or fn(r) is not None]
    return change(step, outcome, change_all)


def is_answer(step, r):
    """The driver's answer to the operation, be it to the one who acted, be it as monitors see it?"""
    return r.type in ('return', 'error') and r.sender in (DRIVER, None) and r.reply == step.serial and r.destination in (step.names.get(step.op.conn), None)


def change_all(step, outcome, fn):
    """The outcome with fn applied to every record; fn returns the new one, or None for none."""
    new = {conn: tuple(x for x in map(fn, records) if x is not None) for conn, records in outcome.items()}
    new = {conn: records for conn, records in new.items() if records}
    return new if new != outcome else None


def said_hello(step):
    return any(r.type == 'return' and r.signature == 's' and r.sender == DRIVER and str(r.body[0]).startswith(':')
               for s in step.before for r in s.ours.get(step.op.conn, ()) if s.op.kind == 'connect' or s.op.member == 'Hello')


# ---- the list

def no_reply(step, outcome):
    op = step.op
    if op.kind != 'send' or op.type != CALL or op.destination not in (DRIVER, None) or not (op.flags or 0) & NO_REPLY:
        return None
    return change_all(step, outcome, lambda r: None if is_answer(step, r) else r)


def process_fd(step, outcome):
    if not step.op.is_call('GetConnectionCredentials'):
        return None

    def add(r):
        if r.type != 'return' or r.body[0].get('ProcessID') == ('u', 'PID'):
            return r
        return r.changed(body=({**r.body[0], 'ProcessFD': ('h', 0)},), fds=('anon_inode:[pidfd]',))
    return change_answer(step, outcome, add)


def driver_groups(step, outcome):
    if not step.op.is_call('GetConnectionCredentials') or step.op.body != (DRIVER,):
        return None
    return change_answer(step, outcome, lambda r: r.changed(body=({**r.body[0], 'UnixGroupIDs': ('au', GROUPS)},)) if r.type == 'return' else r)


GROUPS = sorted({os.getegid(), *os.getgroups()})
OWN_INTERFACES = ('org.freedesktop.DBus.Containers1', 'org.postern.')


def own_interfaces(step, outcome):
    if not step.op.is_call('Introspect', 'Get', 'GetAll'):
        return None
    mine = [r for r in answers(step, step.ours.get(step.op.conn, ())) if r.type == 'return']

    def add(r):
        if r.type != 'return' or len(mine) != 1 or r.signature != mine[0].signature:
            return r
        return r.changed(body=add_own(r.body, mine[0].body))
    return change_answer(step, outcome, add)


def add_own(v, ours):
    """What begins with the name of an interface of ours may be there in addition."""
    if isinstance(v, dict) and isinstance(ours, dict):
        return {**{k: add_own(x, ours.get(k)) for k, x in v.items()}, **{k: x for k, x in ours.items() if k.startswith(OWN_INTERFACES)}}
    if isinstance(v, list) and isinstance(ours, list):
        return sorted(set(v) | {x for x in ours if str(x).startswith(OWN_INTERFACES)})
    if isinstance(v, tuple) and isinstance(ours, tuple) and len(v) == len(ours):
        return tuple(add_own(a, b) for a, b in zip(v, ours))
    return v


INVALID = {'type': 'error', 'signature': 's', 'body': ('TEXT',)}


def undirected(step, outcome):
    op = step.op
    if op.kind != 'send' or op.type != CALL or op.destination is not None:
        return None
    unique = step.names.get(op.conn)

    def signed(r):
        body = ('TEXT',) if r.type == 'error' else view_hex(r.body) if op.member == 'GetId' else r.body
        r = r.changed(sender=DRIVER, destination=unique, reply=step.serial, body=body) if r.sender is None else r
        return r.changed(**INVALID, error=E + 'UnknownMethod') if op.member == 'Introspect' and r.type == 'return' else r
    return change_answer(step, outcome, signed)


def not_active_yet(step, outcome):
    if said_hello(step):
        return None
    return change_answer(step, outcome, lambda r: r.changed(destination=None) if r.destination == ':not.active.yet' else r)


def no_call_before_hello(step, outcome):
    op = step.op
    if op.kind != 'send' or op.type == CALL or op.destination != DRIVER or said_hello(step):
        return None
    return change_answer(step, outcome, lambda r: None if r.is_error('AccessDenied') else r)


def undirected_before_hello(step, outcome):
    op = step.op
    if op.kind != 'send' or op.destination is not None or said_hello(step):
        return None
    return change(step, outcome, lambda records: (CLOSED,))


def variable_names(step, outcome):
    op = step.op
    if not op.is_call('UpdateActivationEnvironment') or all(k and '=' not in k for k in op.body[0]):
        return None
    return change_answer(step, outcome, lambda r: r.changed(**INVALID, error=E + 'InvalidArgs') if r.type == 'return' else r)


def unknown_type(step, outcome):
    type = step.op.data[1] if step.op.kind == 'raw' else step.op.type
    if type is None or type <= SIGNAL:
        return None
    return change_answer(step, outcome, lambda r: None if r.is_error('AccessDenied') else r)


def fd_index(step, outcome):
    """The body names descriptors that did not come along: nobody gets the message, and its sender is gone for the others."""
    op = step.op
    body = Message.unpack(op.data) if op.kind == 'raw' else op
    if 'h' not in (body.signature or '') or all(i < len(op.fds or ()) for i in handles(body.body)):
        return None
    return dict(step.ours) if step.ours.get(op.conn) == (CLOSED,) else None


def handles(body):
    return [x for v in body for x in (v if isinstance(v, (list, tuple)) else (v,)) if isinstance(x, int)]


def byte_order(step, outcome):
    """Messages of clients that speak big endian may arrive in either order."""
    changed = {}
    for conn, records in outcome.items():
        ours = step.ours.get(conn, ())
        changed[conn] = tuple(a.changed(order='B') if a.sender != DRIVER and a.order == 'l' and b.order == 'B' else a
                              for a, b in zip(records, ours)) + records[len(ours):]
    return changed if changed != outcome else None


def reply_not_taken(step, outcome):
    """The replier has been told; now the caller is."""
    op, new = step.op, None
    if op.kind != 'reply' or not op.fds or not any(r.is_error('NotSupported') for r in outcome.get(op.conn, ())):
        return None
    for conn, records in step.ours.items():
        told = [r for r in records if r.is_error('NotSupported')]
        if conn != op.conn and told:
            new = change(step, outcome, lambda old: (*old, *told), conn)
    return new


def reply_refused(step, outcome):
    """A reply that policy refuses: the caller learns that none will come."""
    if step.op.kind not in ('reply', 'send') or step.op.type not in (RETURN, ERROR):
        return None
    for conn, records in step.ours.items():
        told = [r for r in records if r.is_error('AccessDenied') and r.reply == (step.op.reply_serial or r.reply)]
        if conn != step.op.conn and len(told) == 1:
            return change(step, outcome, lambda old: (*old, *told), conn)
    return None


def policy_rule(pattern):
    """Setups with such a rule: the stock daemon decides otherwise about any message."""
    def expect(step, outcome):
        return dict(step.ours) if re.search(pattern, step.setup.text) else None
    return expect


def no_reply_twice(step, outcome):
    """NoReply for calls that were answered before."""
    answered = {(conn, r.reply) for s in step.before for conn, records in s.stock.items() for r in records if r.is_error('NotSupported')}
    new = {conn: tuple(r for r in records if not (r.is_error('NoReply') and (conn, r.reply) in answered)) for conn, records in outcome.items()}
    new = {conn: records for conn, records in new.items() if records}
    return new if new != outcome else None


def names_limit(step, outcome):
    """A request at the limit that adds no name: who has it hears so, who waits for it goes on waiting, and who would not wait need not."""
    op = step.op
    if not op.is_call('RequestName'):
        return None
    mine = [r for r in answers(step, step.ours.get(op.conn, ())) if r.type == 'return']
    held = any(s.op.is_call('RequestName') and s.op.conn == op.conn and s.op.body[0] == op.body[0] and r.type == 'return' and r.body[0] in (1, 2)
               for s in step.before for r in s.ours.get(op.conn, ()))
    if len(mine) != 1 or not (mine[0].body[0] == 3 or (held and mine[0].body[0] in (2, 4))):
        return None
    return change_answer(step, outcome, lambda r: mine[0] if r.is_error('LimitsExceeded') else r)


def service_files(step, outcome):
    """Names that no connection could own, and files with a key that is there twice, or with nothing to start."""
    if not step.op.is_call('ListActivatableNames'):
        return None
    bad = {'bad name', ':1.5'} | {line[5:] for _, text in step.setup.files for line in text.split('\n') if text.count('Name=') > 1 or 'Exec=\n' in text
                                  if line.startswith('Name=')}
    return change_answer(step, outcome, lambda r: r.changed(body=(sorted(set(r.body[0]) - bad),)))


def activation_request(step, outcome):
    """Eavesdroppers have it from nobody else than the one it is addressed to."""
    private = [(conn, r) for conn, records in outcome.items() for r in records if r.member == 'ActivationRequest' and r.destination == 'org.freedesktop.systemd1']
    if len(private) != 2:
        return None
    return {conn: tuple(r for r in records if not (r.member == 'ActivationRequest' and r not in step.ours.get(conn, ()))) for conn, records in outcome.items()
            if not (len(records) == 1 and records[0].member == 'ActivationRequest' and conn not in step.ours)}


def undirected_monitored(step, outcome):
    """The call and its answer, as those see them who see it."""
    op, new = step.op, outcome
    if op.kind != 'send' or op.type != CALL or op.destination is not None:
        return None
    for conn, records in step.ours.items():
        more = [r for r in records if r not in outcome.get(conn, ()) and
                (is_answer(step, r) or (r.type == 'call' and r.destination is None and r.sender == step.names.get(op.conn) and r.member == op.member))]
        if conn != op.conn and len(more) <= 2:
            new = change(step, new, lambda old: (*old, *more), conn) or new
    return new


def monitor_leaves(step, outcome):
    """Of what follows when it becomes one, a monitor has only what is for itself."""
    op = step.op
    if not op.is_call('BecomeMonitor'):
        return None
    own = step.names.get(op.conn)
    return change(step, outcome, lambda old: [r for r in old if r.destination == own])


def destination_in_time(step, outcome):
    """NameAcquired goes to one who has the name, NameLost to one who had it: seen by who watches messages to the name."""
    op, new = step.op, outcome
    if not (op.kind == 'close' or op.is_call('RequestName', 'ReleaseName')):
        return None
    for conn in set(outcome) | set(step.ours):
        records = step.ours.get(conn, ())
        more = [r for r in records if r not in outcome.get(conn, ()) and r.member == 'NameAcquired']
        less = [r for r in outcome.get(conn, ()) if r not in records and r.member == 'NameLost']
        if conn != op.conn and (more or less):
            new = change(step, new, lambda old: (*more, *(r for r in old if r not in less)), conn) or new
    return new


def stats(step, outcome):
    if not step.op.is_call('GetStats', 'GetConnectionStats'):
        return None
    mine = [r for r in answers(step, step.ours.get(step.op.conn, ())) if r.type == 'return']

    def adapt(r):
        if r.type != 'return' or len(mine) != 1:
            return r
        return r.changed(body=({**{k: v for k, v in r.body[0].items() if not k.startswith('ListMemPool') and not k.endswith('Messages')},
                                **{k: v for k, v in mine[0].body[0].items() if k.startswith('org.postern.')}},))
    return change_answer(step, outcome, adapt)


def refused_rule(pattern):
    """AddMatch of such a rule, which dbus-daemon takes."""
    def expect(step, outcome):
        if not step.op.is_call('AddMatch') or not re.search(pattern, step.op.body[0]):
            return None

        def refuse(records):
            mine = [r for r in answers(step, records) if r.type == 'return']
            return [r.changed(**INVALID, error=E + 'MatchRuleInvalid') for r in mine] or None
        return change(step, outcome, refuse)
    return expect


def accepted_rule(pattern):
    def expect(step, outcome):
        if not step.op.is_call('AddMatch') or not re.search(pattern, step.op.body[0]):
            return None
        return change_answer(step, outcome, lambda r: r.changed(type='return', error=None, signature=None, body=())
                             if r.is_error('MatchRuleInvalid') else r)
    return expect


def path_is_no_namespace(step, outcome):
    if not step.op.is_call('RemoveMatch') or 'path' not in step.op.body[0]:
        return None
    return change_answer(step, outcome, lambda r: r.changed(**INVALID, error=E + 'MatchRuleNotFound') if r.type == 'return' else r)


ENTRIES = [
    Known('no-reply', """A call to the bus that is flagged NO_REPLY_EXPECTED gets no reply. The specification says that the reply should be
          omitted; dbus-daemon omits only the empty ones.""", no_reply),
    Known('process-fd', """GetConnectionCredentials has ProcessFD, a descriptor of the process that no later process can be mistaken for.
          dbus-daemon has it since 1.15.8.""", process_fd, until=(1, 15, 8)),
    Known('driver-groups', """Asked for the credentials of the bus itself, it tells its groups, too.""", driver_groups, until=(1, 15, 0)),
    Known('own-interfaces', """The bus has interfaces more: Containers1 and those of Postern. Introspection and the property Interfaces list
          them.""", own_interfaces),
    Known('undirected', """What the bus answers to a call without a destination says that it is from the bus, and to whom it is. In
          dbus-daemon the library answers such calls as one of two peers, without either field, Introspect with an empty node. The specification demands SENDER on a bus.""",
          undirected),
    Known('not-active-yet', """Before Hello a connection has no name, and what the bus answers has no DESTINATION; dbus-daemon writes the
          made-up name :not.active.yet there.""", not_active_yet),
    Known('no-call-before-hello', """Before Hello, a signal or a reply to the bus is ignored; dbus-daemon answers also these with an error,
          although they are no calls.""", no_call_before_hello),
    Known('undirected-before-hello', """Before Hello, a message without a destination ends the connection, as one to anybody but the bus does.
          In dbus-daemon the library answers calls as if it were the peer of a direct connection.""", undirected_before_hello, ends=True),
    Known('variable-names', """UpdateActivationEnvironment refuses variables that no program could be given: without a name, or with '=' in
          it.""", variable_names),
    Known('unknown-type', """A message of an unknown type is ignored, as the specification demands; dbus-daemon answers one that has a
          destination.""", unknown_type),
    Known('fd-index', """A message whose body names a descriptor that did not come along is malformed and ends its sender's connection.
          dbus-daemon passes it on.""", fd_index, ends=True),
    Known('byte-order', """A message is passed on in the byte order of its sender; dbus-daemon swaps those that it had to look into.""", byte_order),
    Known('reply-not-taken', """When a reply cannot be delivered because the caller cannot take descriptors, the caller is told, too, instead of
          waiting for nothing.""", reply_not_taken),
    Known('reply-refused', """When policy refuses a reply, the caller is told at once, with AccessDenied, that none will come; with
          dbus-daemon it waits until it gives up.""", reply_refused),
    Known('policy-forgets', """A rule with no other attribute than send_broadcast, eavesdrop, receive_requested_reply, min_fds or max_fds is about
          the messages that it names, and no others. dbus-daemon takes it for one about all messages and forgets those before it.""",
          policy_rule('<(allow|deny) ((send_destination|receive_sender)="[*]" )?(send_broadcast|eavesdrop|receive_requested_reply|min_fds|max_fds)="[^"]*"/>'
                      '</policy>'), ends=True),
    Known('policy-error', """<allow send_error="..."/> is about errors of that name; with dbus-daemon it also allows all messages that are no
          errors.""", policy_rule('<allow send_error="[^"]*"/></policy>'), ends=True),
    Known('no-reply-twice', """A call that could not be delivered is over. dbus-daemon forgets that it has said so when the receiver cannot take
          descriptors, and says NoReply as well when that one leaves.""", no_reply_twice),
    Known('names-limit', """A request that adds no name is not refused because of max_names_per_connection; dbus-daemon looks at the limit
          first.""", names_limit, ends=True),
    Known('service-files', """A service file whose name no connection could own, which has a key twice or nothing to start, is reported and
          ignored. dbus-daemon lists its name, once more what is there already.""", service_files, ends=True),
    Known('activation-request', """What the bus itself sends to one connection is for this one alone, also the request to start a unit. dbus-daemon lets
          eavesdroppers have that one, and none of the others.""", activation_request),
    Known('undirected-monitored', """Monitors see calls without a destination and what the bus answers. In dbus-daemon the library answers them
          behind the bus's back.""", undirected_monitored),
    Known('monitor-leaves', """A connection that becomes a monitor is told which names it loses, and sees nothing else of its own leaving.""", monitor_leaves),
    Known('monitor-destination', """A monitor's rule with a well-known destination matches all that goes to the one who has the name, NameAcquired of
          this name included, and NameLost not; dbus-daemon sends both before it gives and takes the name.""", destination_in_time),
    Known('stats', """GetStats has figures of containers and monitors, and none of the memory pools that only dbus-daemon has; GetConnectionStats
          counts bytes and descriptors that wait, not messages.""", stats),
    Known('stock-dies', """What ends the stock daemon is still carried out, or refused.""", lambda step, outcome: None, until=(1, 14, 11)),
    Known('match-eavesdrop-twice', """A match rule has each key once. dbus-daemon takes eavesdrop= more than once, and the last counts: an
          invitation to filters that look for the first.""", refused_rule('eavesdrop=.*eavesdrop='), ends=True),
    Known('match-number', """The N of argN is a number without sign and without leading zeros, so that a key is written in one way.""",
          refused_rule(r'arg(\+|0\d)'), ends=True),
    Known('match-no-key', """A match rule's '=' has a key before it.""", refused_rule(r'(^|,)\s*='), ends=True),
    Known('match-comma', """Outside quotes, a comma ends a value also after a backslash, which according to the specification stands for
          itself there. dbus-daemon swallows the comma.""", refused_rule(r'\\,'), ends=True),
    Known('match-colon', """A unique name has two elements or more behind its colon; dbus-daemon takes less for one.""", refused_rule(r"=':\d*'"), ends=True),
    Known('match-kinds', """argN, argNpath and arg0namespace are keys of their own, and a rule may have them together; dbus-daemon takes but
          one of them for the same N.""", accepted_rule('arg0.*arg0'), ends=True),
    Known('match-path-namespace', """RemoveMatch of a rule with path_namespace does not remove the rule with the same path. dbus-daemon does not
          tell them apart there.""", path_is_no_namespace, ends=True),
]


def explain(step):
    """The entries that explain the step's difference; () when there is none; None when nothing explains it."""
    if step.stock == step.ours:
        return ()
    outcome, used = step.stock, []
    for entry in ENTRIES:
        new = entry.expect(step, outcome)
        if new is None:
            continue
        if new == step.ours:
            return mark(used + [entry])
        outcome = new
        used.append(entry)
    # One alone may do, when others apply to the step but not to this difference.
    for entry in used:
        if entry.expect(step, step.stock) == step.ours:
            return mark([entry])
    return None


def mark(entries):
    USED.update(e.id for e in entries)
    return tuple(entries)
