# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where posternd deliberately does something else than dbus-daemon, and why.

An entry turns what the stock daemon did in a step into what posternd must then do, exactly; or returns None when the step is none
of its business. A difference is explained when the entries that apply turn one transcript into the other."""
import os
import re

from daemons import stock_version
from records import CLOSED, view_hex
from wirebus import CALL, DRIVER, E, NO_REPLY, RETURN, SIGNAL, Message

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


def said_hello(step):
    return any(r.type == 'return' and r.signature == 's' and r.sender == DRIVER and str(r.body[0]).startswith(':')
               for s in step.before for r in s.ours.get(step.op.conn, ()) if s.op.kind == 'connect' or s.op.member == 'Hello')


# ---- the list

def no_reply(step, outcome):
    op = step.op
    if op.kind != 'send' or op.type != CALL or op.destination not in (DRIVER, None) or not (op.flags or 0) & NO_REPLY:
        return None
    return change_answer(step, outcome, lambda r: None)


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
    unique = next((r.destination for s in step.before for r in s.ours.get(op.conn, ()) if r.member == 'NameAcquired'), None)

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
