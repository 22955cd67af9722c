# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds what a suite did with our daemon against what it did with dbus-daemon."""
from exceptions import skips_by_chance
from results import FAIL, PASS, SKIP


class Outcome:
    """cases: name -> (verdict, remark) after the comparison; excepted: those of the table of exceptions that fail as it says;
    before: what failed before it passed three times in a row alone."""

    def __init__(self, suite, own, stock):
        self.suite, self.own, self.stock = suite, own, stock
        self.cases, self.excepted, self.before = {}, {}, {}

    def count(self, verdict):
        return sum(1 for v, _ in self.cases.values() if v == verdict)

    def failures(self):
        return {name: remark for name, (verdict, remark) in self.cases.items() if verdict == FAIL}


def judge(stock, own):
    """The verdict on one case; None for a case that did not run."""
    if own is None:
        if stock[0] == FAIL:
            return SKIP, 'fails with dbus-daemon, did not run'
        return FAIL, 'did not run; %s with dbus-daemon' % stock[0]
    if own[0] == FAIL and stock is not None and stock[0] == FAIL:
        return SKIP, 'fails with dbus-daemon, too'
    if own[0] == SKIP and stock is not None and stock[0] == PASS:
        return FAIL, 'skipped (%s); passes with dbus-daemon' % own[1]
    return own


def compare(suite, own, stock):
    """own and stock: runner.Result; stock None: own alone."""
    outcome = Outcome(suite, own, stock)
    if stock is None:
        outcome.cases = dict(own.cases)
        return outcome
    for name in list(stock.cases) + [name for name in own.cases if name not in stock.cases]:
        mine = own.cases.get(name)
        by_chance = mine is not None and mine[0] == SKIP and skips_by_chance(suite, name)
        outcome.cases[name] = mine if by_chance else judge(stock.cases.get(name), mine)
    if not outcome.failures():
        check_around(outcome)
    return outcome


def check_around(outcome):
    """What a suite does not notice itself: that it used another bus, or left one running."""
    own, stock = outcome.own, outcome.stock
    if own.starts < stock.starts:
        outcome.cases['(starts)'] = (FAIL, 'started the daemon %d times, dbus-daemon %d times' % (own.starts, stock.starts))
    if stock.clients and not own.clients:
        outcome.cases['(clients)'] = (FAIL, 'nobody came to the bus; with dbus-daemon %d' % stock.clients)
    if own.left > stock.left:
        outcome.cases['(left)'] = (FAIL, '%d daemons left running; with dbus-daemon %d' % (own.left, stock.left))


def says_nothing(suite, stock):
    """A suite that starts no daemon and whose cases say nothing about one; all of gdbus counts, as a whole."""
    return stock is not None and stock.starts == 0 and suite.bus == 'own' and not suite.group.startswith('GLib: gdbus')
