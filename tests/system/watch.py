# SPDX-License-Identifier: LGPL-2.1-or-later
"""A monitor, and what it has seen in a form that a table can hold."""
import itertools

from wirebus import CALL, DRIVER, ERROR, RETURN, SIGNAL, E

MONITORING = 'org.freedesktop.DBus.Monitoring'
KINDS = {CALL: 'call', RETURN: 'return', ERROR: 'error', SIGNAL: 'signal'}
NOT_ACTIVE = ':not.active.yet'

marks = itertools.count()


def become_monitor(conn, rules=(), flags=0):
    conn.call('BecomeMonitor', 'asu', list(rules), flags, iface=MONITORING)
    return conn


class Watch:
    """A connection that monitors, and one that marks where to read up to."""

    def __init__(self, bus, *rules, **kw):
        self.marker = bus.connect()
        self.people, self.conns = {DRIVER: 'bus', None: None}, []
        rules = list(rules) + ["interface='com.example.Mark'"] if rules else []
        self.conn = become_monitor(bus.connect(**kw), rules)
        self.all()

    def know(self, **conns):
        """Connections, or unique names, and what they are called in what is seen. Of connections, all that they sent is waited for."""
        self.people.update({c if isinstance(c, str) else c.name: name for name, c in conns.items()})
        self.conns += [c for c in conns.values() if not isinstance(c, str)]
        return self

    def all(self):
        """Every message that the monitor is shown up to now."""
        for c in self.conns:
            if c.sock.fileno() >= 0:
                c.sync()
        member = 'Mark%d' % next(marks)
        self.marker.signal(member, iface='com.example.Mark')
        self.conn.wait_signal(member)
        got, self.conn.inbox = self.conn.inbox, []
        return [m for m in got if self.marker.name not in (m.sender, m.destination) and m.interface != 'com.example.Mark']

    def seen(self):
        """The same in brief, less the calls by which connections wait for the bus (Conn.sync)."""
        got = self.all()
        waits = {(m.sender, m.serial) for m in got if m.type == CALL and m.member == 'GetId'}
        return [self.brief(m) for m in got if (m.sender, m.serial) not in waits and (m.destination, m.reply_serial) not in waits]

    def brief(self, m):
        """(kind, from, to, what): the member and the arguments of the bus's own signals, or the error and the serial that it answers."""
        assert m.serial and m.sender
        who = lambda name: self.people.get(name, name)
        what = ()
        if m.type in (CALL, SIGNAL):
            what = (m.member,)
            if m.sender == DRIVER:
                what += tuple(who(x) for x in m.body)
        elif m.type in (RETURN, ERROR):
            what = (m.reply_serial,)
            if m.type == ERROR:
                what = (m.error[len(E):] if m.error.startswith(E) else m.error,) + what
        return (KINDS.get(m.type, m.type), who(m.sender), who(m.destination)) + what
