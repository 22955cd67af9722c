# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table and the list of what failed."""
import textwrap

from results import FAIL, PASS, SKIP

HEADINGS = ('who', 'suite', 'cases', 'passed', 'failed', 'skipped', 'excepted', 'starts', 'seconds',
            '|', 'passed', 'failed', 'skipped', 'starts', 'seconds')


class Row:
    """The sum of one group of suites, as one user."""

    def __init__(self, who, group):
        self.who, self.group, self.outcomes = who, group, []

    def count(self, verdict):
        return sum(outcome.count(verdict) for outcome in self.outcomes)

    def excepted(self):
        return sum(len(outcome.excepted) for outcome in self.outcomes)

    def cells(self):
        counts = [self.count(verdict) for verdict in (PASS, FAIL, SKIP)]
        cells = [self.who, self.group, sum(counts) + self.excepted()] + counts + [
            self.excepted(), sum(o.own.starts for o in self.outcomes), '%.1f' % sum(o.own.seconds for o in self.outcomes), '|']
        stocks = [o.stock for o in self.outcomes if o.stock]
        if stocks:
            cells += [sum(1 for s in stocks for v, _ in s.cases.values() if v == verdict) for verdict in (PASS, FAIL, SKIP)]
            cells += [sum(s.starts for s in stocks), '%.1f' % sum(s.seconds for s in stocks)]
        return [str(cell) for cell in cells]


def make_rows(outcomes):
    """outcomes: (who, outcome), in any order; rows in that of the groups' first appearance."""
    rows = {}
    for who, outcome in outcomes:
        key = who, outcome.suite.group
        rows.setdefault(key, Row(*key)).outcomes.append(outcome)
    return list(rows.values())


def print_table(rows, name):
    table = [list(HEADINGS)] + [row.cells() for row in rows]
    table = [line + [''] * (len(HEADINGS) - len(line)) for line in table]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEADINGS))]
    at = sum(widths[:9]) + 2 * 9
    print('%s%s%s' % (name.ljust(at)[:at], '|  ', 'dbus-daemon'))
    for line in table:
        print('  '.join(cell.ljust(width) if i < 2 else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
    print()


def print_failure(who, outcome):
    print('FAILED as %s: %s' % (who, outcome.suite.id))
    for name, remark in outcome.failures().items():
        print('    %s%s' % (name, ': ' + remark if remark else ''))
    try:
        with open(outcome.own.log, errors='replace') as f:
            lines = f.read().splitlines()
    except (OSError, TypeError):
        return
    print('    ---- end of %s' % outcome.own.log)
    print(textwrap.indent('\n'.join(line[:300] for line in lines[-25:]), '      '))
    print()


def print_remarks(outcomes, quiet):
    """Exceptions, what fails with dbus-daemon alike, and what was left out."""
    lines = set()
    for who, outcome in outcomes:
        for name, reason in outcome.excepted.items():
            lines.add('exception: %s: %s: %s' % (outcome.suite.id, name, reason))
        for name, remark in outcome.before.items():
            lines.add('failed at first, then passed three times alone: %s: %s as %s: %s' % (outcome.suite.id, name, who, remark))
        for name, (verdict, remark) in outcome.cases.items():
            if verdict == SKIP and remark.startswith('fails with dbus-daemon'):
                lines.add('no verdict: %s: %s as %s: %s' % (outcome.suite.id, name, who, remark))
    if quiet:
        lines.add('started no daemon with dbus-daemon, not counted: ' + ', '.join(sorted(quiet)))
    for line in sorted(lines):
        print(textwrap.fill(line, 140, subsequent_indent='    '))


def print_closing(rows, more_failures):
    passed, failed, skipped = (sum(row.count(verdict) for row in rows) for verdict in (PASS, FAIL, SKIP))
    skipped += sum(row.excepted() for row in rows)
    failed += more_failures
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    return failed
