# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a connection got, in a form that is the same whichever daemon sent it, as long as both did the same."""
import os
import xml.etree.ElementTree as ElementTree

from wirebus import CALL, DRIVER, E, ERROR, RETURN, SIGNAL

TYPES = {CALL: 'call', RETURN: 'return', ERROR: 'error', SIGNAL: 'signal'}
FIELDS = ('type', 'flags', 'order', 'path', 'interface', 'member', 'error', 'reply', 'sender', 'destination', 'signature', 'body', 'fds', 'extra',
          'fault')


class Record:
    """A message, or the end of the connection (type 'closed')."""
    __slots__ = FIELDS

    def __init__(self, **fields):
        for name in FIELDS:
            setattr(self, name, fields.get(name))

    def key(self):
        return tuple(getattr(self, name) for name in FIELDS)

    def __eq__(self, other):
        return self.key() == other.key()

    def changed(self, **fields):
        new = Record(**{name: getattr(self, name) for name in FIELDS})
        for name, value in fields.items():
            setattr(new, name, value)
        return new

    def fits(self, want):
        return all(getattr(self, name) == value for name, value in want.items())

    def is_error(self, name):
        """An error that the driver made?"""
        return self.type == 'error' and self.sender == DRIVER and self.error == E + name

    def __repr__(self):
        parts = [self.type]
        if self.error:
            parts.append(self.error.replace(E, '~'))
        if self.member:
            parts.append('%s%s' % (self.interface + '.' if self.interface not in (None, DRIVER) else '', self.member))
        if self.sender or self.destination:
            parts.append('%s>%s' % tuple('driver' if x == DRIVER else x or '-' for x in (self.sender, self.destination)))
        if self.path and self.sender != DRIVER:
            parts.append(self.path)
        if self.reply is not None:
            parts.append('re %s' % self.reply)
        if self.signature:
            parts.append('%s %s' % (self.signature, ' '.join(repr(x) for x in self.body)))
        parts += ['%s=%r' % (n, getattr(self, n)) for n in ('flags', 'fds', 'extra', 'fault') if getattr(self, n)]
        return ' '.join(parts) + (' (big endian)' if self.order == 'B' else '')


CLOSED = Record(type='closed')
REFUSED = Record(type='refused')


# ---- views: what of an answer is compared where daemons may word it differently

def view_sorted(body):
    """Lists in no particular order."""
    return tuple(sorted(v) if isinstance(v, list) else v for v in body)


def view_variant_sorted(body):
    return tuple((v[0], sorted(v[1])) if isinstance(v, tuple) and isinstance(v[1], list) else v for v in body)


def view_properties(body):
    """a{sv} with lists in no particular order."""
    return tuple({k: (s, sorted(v) if isinstance(v, list) else v) for k, (s, v) in d.items()} for d in body)


def view_keys(body):
    """Which entries a dictionary has, not their values."""
    return tuple({k: v[0] if isinstance(v, tuple) else '' for k, v in d.items()} for d in body)


def view_introspect(body):
    """Interfaces with the signatures of what they have, and the first steps to the nodes below."""
    root = ElementTree.fromstring(body[0])
    interfaces = {}
    for interface in root.findall('interface'):
        interfaces[interface.get('name')] = sorted(describe(x) for x in interface if x.tag in ('method', 'signal', 'property'))
    return ({'interfaces': interfaces, 'nodes': sorted({n.get('name').split('/')[0] for n in root.findall('node')})},)


def describe(element):
    args = [(a.get('direction') or ('out' if element.tag == 'signal' else 'in'), a.get('type')) for a in element.findall('arg')]
    return '%s %s %s%s' % (element.tag, element.get('name'), element.get('type', '') + element.get('access', ''),
                           ' '.join('%s:%s' % (d, ''.join(t for d2, t in args if d2 == d)) for d in ('in', 'out') if any(d2 == d for d2, _ in args)))


def view_rules(body):
    """Match rules in no particular order."""
    return tuple({k: sorted(v) for k, v in d.items()} for d in body)


def view_stripped(body):
    """Nothing but that there is an answer of this signature."""
    return ()


def view_hex(body):
    """32 hexadecimal digits of this daemon's own."""
    return tuple('HEX' if len(v) == 32 and set(v) <= set('0123456789abcdef') else v for v in body)


VIEWS = {'GetId': view_hex, 'ListNames': view_sorted, 'ListActivatableNames': view_sorted, 'Introspect': view_introspect,
 'GetAll': view_properties, 'GetAllMatchRules': view_rules, 'Get': view_variant_sorted}


class Book:
    """Makes the records of one daemon."""

    def __init__(self, daemon):
        self.daemon, self.guid, self.views, self.replies, self.driver_serials = daemon, None, {}, set(), {}

    def forget(self):
        self.views, self.replies, self.driver_serials = {}, set(), {}

    def note(self, op, conn, fields):
        """A message is about to be sent whose answer may need a view."""
        if op.kind == 'reply':
            self.replies.add((conn.name, fields['serial']))
        view = op.view or (VIEWS.get(op.member) if op.is_call() else None)
        if view is not None:
            self.views[conn.name, fields['serial']] = view

    def record(self, m, conn):
        r = Record(type=TYPES.get(m.type, 'type %d' % m.type), flags=m.flags, order=m.order, path=m.path, interface=m.interface, member=m.member,
                   error=m.error, reply=m.reply_serial, sender=m.sender, destination=m.destination, signature=m.signature, body=m.body,
                   fds=tuple(self.name_fd(fd) for fd in m.fds), extra=tuple(m.extra) + ((10, 'o', m.instance),) * (m.instance is not None))
        if m.version != 1 or m.serial == 0:
            r.fault = 'version %d, serial %d' % (m.version, m.serial)
        if m.sender == DRIVER:
            self.record_driver(r, m, conn)
        elif m.destination == DRIVER and (m.sender, m.serial) in self.replies:
            r.reply = 'driver %s' % self.driver_serials.get(m.reply_serial, m.reply_serial)
        if self.daemon.setup.files and m.sender != DRIVER:
            r.body = self.neutral(r.body)  # of services, which know the daemon's folder
        return r

    def record_driver(self, r, m, conn):
        if m.serial in conn.driver_serials and self.daemon.kind == 'posternd':
            r.fault = 'two messages of the driver with one serial'
        conn.driver_serials.add(m.serial)
        self.driver_serials[m.serial] = m.member or m.error or 'return'
        if m.destination == DRIVER:
            r.reply = 'driver %s' % self.driver_serials.get(m.reply_serial, m.reply_serial)
        view = self.views.get((m.destination, m.reply_serial))
        if m.type == ERROR and m.signature == 's' and m.error != E + 'NoReply':
            r.body = ('TEXT',) if m.body[0] else ('',)
        else:
            r.body = self.neutral(view(m.body) if view and m.type == RETURN else m.body)

    def neutral(self, v):
        """Values without what belongs to this one daemon."""
        if isinstance(v, str):
            v = v.replace(self.daemon.dir, 'DIR')
            return v.replace(self.guid, 'GUID') if self.guid else v
        if isinstance(v, (tuple, list)):
            return type(v)(self.neutral(x) for x in v)
        if isinstance(v, dict):
            return {self.neutral(k): self.neutral(x) for k, x in v.items()}
        return 'PID' if v == self.daemon.process.pid and not isinstance(v, bool) else v

    def name_fd(self, fd):
        """Which file it is, and that it is one."""
        return os.readlink('/proc/self/fd/%d' % fd).replace(' (deleted)', '')
