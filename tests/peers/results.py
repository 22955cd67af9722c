# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a suite printed, as cases: name -> (PASS, FAIL or SKIP, remark)."""
import re

PASS, FAIL, SKIP = 'passed', 'failed', 'skipped'

TAP_LINE = re.compile(r'^( *)(ok|not ok)\b *(\d*) *(?:- +)?(.*)$')
TAP_PLAN = re.compile(r'^1\.\.(\d+)(?: *# *SKIP *(.*))?', re.I)
DIRECTIVE = re.compile(r'(?:^| )# *(SKIP|TODO)\b *(.*)$', re.I)
PYTEST_LINE = re.compile(r'^(\S+\.py::\S.*?) (PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS)(?: \((.*?)\))?(?: +\[ *\d+%\])?$')
UNITTEST_FAILURE = re.compile(r'^(not ok\b.*|FAILED \(.*\)|(FAIL|ERROR): \w+ \(.*\))', re.M)
PYTEST_VERDICTS = {'PASSED': PASS, 'XPASS': PASS, 'SKIPPED': SKIP, 'XFAIL': SKIP, 'FAILED': FAIL, 'ERROR': FAIL}


def add(cases, name, verdict, remark=''):
    """Two cases of one name are two cases."""
    unique, n = name, 1
    while unique in cases:
        n += 1
        unique = '%s #%d' % (name, n)
    cases[unique] = (verdict, remark)


def parse_tap(text):
    """The Test Anything Protocol as GLib and shell scripts write it. A line that sums up indented ones before it is none of its own,
    unless it fails and none of them did."""
    cases, planned, bailed, deeper = {}, None, None, []
    for line in text.splitlines():
        plan = TAP_PLAN.match(line)
        if plan:
            planned = int(plan.group(1))
            if planned == 0:
                add(cases, '(all)', SKIP, plan.group(2) or 'nothing to run')
        elif line.startswith('Bail out!'):
            bailed = line[len('Bail out!'):].strip() or 'gave up'
        found = TAP_LINE.match(line)
        if not found:
            continue
        depth, verdict = len(found.group(1)), PASS if found.group(2) == 'ok' else FAIL
        below = [v for d, v in deeper if d > depth]
        deeper = [(d, v) for d, v in deeper if d <= depth] + [(depth, verdict)]
        if below and (verdict == PASS or FAIL in below):
            continue
        name = found.group(4)
        directive = DIRECTIVE.search(name)
        if directive:
            name, verdict = name[:directive.start()].strip(), SKIP
        add(cases, name or found.group(3), verdict, directive.group(2) if directive else '')
    if bailed:
        add(cases, '(to the end)', FAIL, 'gave up: ' + bailed)
    elif planned is None:
        add(cases, '(to the end)', FAIL, 'no plan: it ended too early')
    elif planned and planned != sum(1 for line in text.splitlines() if re.match(r'(not )?ok\b', line)):
        add(cases, '(to the end)', FAIL, 'not as many cases as the %d announced' % planned)
    return cases


def parse_pytest(text):
    """The lines of pytest -v."""
    cases = {}
    for line in text.splitlines():
        found = PYTEST_LINE.match(line)
        if found:
            add(cases, found.group(1), PYTEST_VERDICTS[found.group(2)], found.group(3) or '')
    if not re.search(r'^=+ .*\b(passed|failed|skipped|error|errors)\b.* in [0-9.]+s', text, re.M):
        add(cases, '(to the end)', FAIL, 'no closing line of pytest')
    return cases


PARSERS = {'tap': parse_tap, 'pytest': parse_pytest}


def read_cases(kind, text, status, limit):
    """All of it: what was printed and how the program ended. status: as of subprocess, None when the time limit ended it.

    kind 'exit' is one case that is its exit status; some programs of Python's report a failure and exit with 0 all the same."""
    if kind == 'exit':
        verdict = PASS if status == 0 else SKIP if status == 77 else FAIL
        reported = UNITTEST_FAILURE.search(text)
        if verdict != FAIL and reported:
            return {'(exit status)': (FAIL, reported.group())}
        return {'(exit status)': (verdict, '' if verdict == PASS else describe_status(status, limit))}
    cases = PARSERS[kind](text)
    if status == 77 and all(verdict == SKIP for name, (verdict, _) in cases.items() if name != '(to the end)'):
        cases.pop('(to the end)', None)
    # Some suites report all their failures in the exit status again; what matters is one that nothing else explains.
    if status not in (0, 77) and not any(verdict == FAIL for verdict, _ in cases.values()):
        add(cases, '(exit status)', FAIL, describe_status(status, limit))
    elif status is None:
        cases['(to the end)'] = (FAIL, describe_status(status, limit))
    return cases


def describe_status(status, limit):
    if status is None:
        return 'ended after %d s, its time limit' % limit
    return 'killed by signal %d' % -status if status < 0 else 'exit status %d' % status
