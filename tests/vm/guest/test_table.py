# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of verdicts: what the policy of the bus, the container and the security module say to a message, in every combination.

A message passes if all doors that are there let it pass; otherwise the log names the first that does not, in the order xml, container,
lsm. All messages are sent when the first row is looked at.
"""
import sys

import lsm
import table
from domain import OPEN, Bus
from marks import skip_for, timeout

GUEST = sys.argv[1]
ABSENT = 'AppArmor confines processes here, but its D-Bus rules are not enforced'
NAMED = ('<selinux>%s</selinux>' % ''.join('<associate own="com.example.%s" context="%s"/>' % ('.'.join(row), lsm.context('svc_name_t'))
                                           for action in table.ACTIONS if action.run is table.own for row in action.rows)
         if table.KIND == 'selinux' else '')
# Of each bus: its domain, arguments and actions.
BUSES = [(None, (), table.ACTIONS),
         ({'selinux': 'busd_t', 'apparmor': 'vm.bus'}.get(lsm.kind()), ('--verbose',), table.BROADCASTS)]
done = {}


def play(domain, args, actions):
    """All rows of the actions: {(action, row): what was seen and what the log says, or why it could not be had}, and the log."""
    bus = Bus(domain)
    for action in actions:
        if action.run is table.activate:
            table.write_services(bus, action)
    bus.start(NAMED + '<servicedir>%s/services</servicedir>' % bus.dir, policy=OPEN + table.POLICY, args=args)
    seen = {}
    for action in actions:
        try:
            for sender, receiver, rows in action.ends(bus):
                seen.update(((action, row), of) for row, of in action.run(action, bus, sender, receiver, rows).items())
        except Exception as e:
            seen.update(((action, row), e) for row in action.rows)
    log = bus.log()
    lines = table.log_fields(log)
    bus.close()
    for key, of in seen.items():
        if not isinstance(of, Exception):
            seen[key] = of, [line for line in lines if of.key.items() <= line.items()]
    return seen, log


def played(number):
    """Once only, whatever comes of it."""
    if number not in done:
        try:
            done[number] = play(*BUSES[number])
        except BaseException as e:
            done[number] = e
    if isinstance(done[number], BaseException):
        raise done[number]
    return done[number]


def look(number, action, row):
    found = played(number)[0][action, row]
    if isinstance(found, BaseException):
        raise found
    seen, lines = found
    wanted, said = table.expected(action, row)
    assert seen[:3] == wanted, 'saw %r instead of %r; the log: %r' % (seen[:3], wanted, lines)
    if seen.explained is not None:
        table.explains(action, row, seen.explained)
    denials = [line for line in lines if line['verdict'] == 'denied']
    if said is None:
        assert not denials, denials
    else:
        assert len(denials) == 1 and said.items() <= denials[0].items(), 'the log says %r instead of %r' % (denials, said)


@timeout(60)
def test_row():
    for number, (_, _, actions) in enumerate(BUSES):
        for action in actions:
            for row in action.rows:
                yield '%s xml:%s container:%s lsm:%s' % (action.name, *row), look, number, action, row


def test_absent_door():
    """The log says once that AppArmor is there and not asked, and only where that is so."""
    for number in range(len(BUSES)):
        assert played(number)[1].count(ABSENT) == (GUEST == 'apparmor-6.1'), played(number)[1]


@skip_for('none-6.1', 'selinux-6.1', 'selinux-new')
def test_replies_would_be_denied():
    """Else it would show nothing that they pass."""
    fields = ('session', ':1.7', 'vm.table.receiver', '', '', '')
    assert not lsm.apparmor_allows('vm.table.sender', lsm.SEND, *fields)
    assert not lsm.apparmor_allows('vm.table.receiver', lsm.RECEIVE, *fields)
