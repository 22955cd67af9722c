#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plants what can go wrong with a suite or with a daemon, and checks that the runner notices."""
import argparse
import os
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import exceptions  # noqa: E402
from compare import judge  # noqa: E402
from report import make_rows  # noqa: E402
from floors import too_few  # noqa: E402
from results import FAIL, PASS, SKIP, parse_pytest, parse_tap, read_cases  # noqa: E402
from run import Job, try_again  # noqa: E402
from runner import User  # noqa: E402
from suites import Suite  # noqa: E402

DAEMON = '#!/bin/sh\nexit 0\n'
# Three cases as a program of GLib's reports them; the second is $MIDDLE, the daemon is started once.
PROGRAM = '''
skip=" "; only=
while [ $# -gt 0 ]; do
    case $1 in
        -l) printf '/a\\n/b\\n/c\\n'; exit 0 ;;
        -s) skip="$skip$2 "; shift ;;
        -p) only=$2; shift ;;
    esac
    shift
done
"$DBUS_TEST_DAEMON"
echo 1..3
n=0
for name in /a /b /c; do
    n=$((n + 1))
    case $skip in *" $name "*) echo "ok $n $name # SKIP asked for"; continue ;; esac
    [ -z "$only" ] || [ "$only" = $name ] || continue
    case $name in /b) %s ;; *) echo "ok $n $name" ;; esac
done
'''
OURS = 'grep -q /ours "$DBUS_TEST_DAEMON"'


class Parsers(unittest.TestCase):
    def test_tap(self):
        cases = parse_tap('1..3\nok 1 /a\nok 2 - b c # SKIP no\nnot ok 3 /a\n')
        self.assertEqual(cases, {'/a': (PASS, ''), 'b c': (SKIP, 'no'), '/a #2': (FAIL, '')})

    def test_tap_levels(self):
        cases = parse_tap('1..2\n# Subtest: x\n    ok 1 /x/a\n    not ok 2 /x/b\n    1..2\nnot ok 1 x\nok 2 y\n')
        self.assertEqual(cases, {'/x/a': (PASS, ''), '/x/b': (FAIL, ''), 'y': (PASS, '')})
        self.assertEqual(parse_tap('    ok 1 a\nnot ok 1 x\n1..1\n'), {'a': (PASS, ''), 'x': (FAIL, '')})

    def test_tap_cut_short(self):
        for text in ('ok 1 /a\n', '1..2\nok 1 /a\n', '1..1\nBail out! x\n', ''):
            self.assertEqual(parse_tap(text)['(to the end)'][0], FAIL, text)

    def test_tap_all_skipped(self):
        self.assertEqual(parse_tap('1..0 # SKIP no display\n'), {'(all)': (SKIP, 'no display')})
        self.assertEqual(read_cases('tap', 'ok 1 # SKIP unreliable\n', 77, 1), {'1': (SKIP, 'unreliable')})

    def test_pytest(self):
        text = 't.py::A::x PASSED   [ 33%]\nt.py::A::y SKIPPED (no nmcli)  [ 66%]\nt.py::A::z FAILED [100%]\n'
        end = '==== 1 failed, 1 passed, 1 skipped in 0.10s ====\n'
        self.assertEqual(parse_pytest(text + end),
                         {'t.py::A::x': (PASS, ''), 't.py::A::y': (SKIP, 'no nmcli'), 't.py::A::z': (FAIL, '')})
        self.assertEqual(parse_pytest(text)['(to the end)'][0], FAIL)

    def test_status(self):
        self.assertEqual(read_cases('exit', '', 0, 1), {'(exit status)': (PASS, '')})
        self.assertEqual(read_cases('exit', '', 3, 1)['(exit status)'][0], FAIL)
        for text in ('1..1\nnot ok 1 - x\n', 'x\nFAILED (failures=1)\n', 'FAIL: test_fd (test.A.test_fd)\n'):
            self.assertEqual(read_cases('exit', text, 0, 1)['(exit status)'][0], FAIL, text)
        self.assertEqual(read_cases('tap', '1..1\nok 1 a\n', -11, 1)['(exit status)'], (FAIL, 'killed by signal 11'))
        self.assertEqual(read_cases('tap', '1..1\nok 1 a\n', None, 7)['(exit status)'][0], FAIL)


class Judging(unittest.TestCase):
    def test_against_stock(self):
        passed, failed, skipped = (PASS, ''), (FAIL, ''), (SKIP, '')
        for stock, own, verdict in ((passed, passed, PASS), (passed, failed, FAIL), (passed, skipped, FAIL), (passed, None, FAIL),
                                    (skipped, skipped, SKIP), (skipped, None, FAIL), (skipped, failed, FAIL), (skipped, passed, PASS),
                                    (failed, failed, SKIP), (failed, passed, PASS), (failed, None, SKIP), (None, failed, FAIL)):
            self.assertEqual(judge(stock, own)[0], verdict, (stock, own))


class Running(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix='peers-selftest-')
        self.addCleanup(shutil.rmtree, self.dir)
        self.table = dict(exceptions.EXCEPTIONS)
        self.addCleanup(exceptions.EXCEPTIONS.update, self.table)
        self.addCleanup(exceptions.EXCEPTIONS.clear)
        for name in ('ours', 'stock'):
            self.write(name, DAEMON)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, 0o755)
        return path

    def job(self, script, **how):
        suite = Suite('group', 'name', ['/bin/sh', self.write('suite', script)], **how)
        arguments = argparse.Namespace(daemon=self.dir + '/ours', stock=self.dir + '/stock', verbose_mode=False)
        return Job(arguments, self.dir, User('me'), suite)

    def run_suite(self, script, **how):
        return self.job(script, **how).run()

    def glib(self, middle):
        return self.run_suite(PROGRAM % middle, glib=True)

    def failures(self, script, **how):
        return set(self.run_suite(script, **how).failures())

    def test_all_well(self):
        outcome = self.glib('echo "ok 2 /b"')
        self.assertEqual((outcome.count(PASS), outcome.count(FAIL), outcome.own.starts, outcome.stock.starts), (3, 0, 1, 1))

    def test_one_failure_hides_no_other(self):
        outcome = self.glib('if %s; then echo "Bail out! wrong"; exit 1; fi; echo "ok 2 /b"' % OURS)
        self.assertEqual(outcome.cases, {'/a': (PASS, ''), '/b': (FAIL, 'gave up: wrong'), '/c': (PASS, '')})

    def test_exception(self):
        exceptions.EXCEPTIONS[('group', 'name', '/b')] = 'is different'
        outcome = self.glib('if %s; then echo "Bail out! wrong"; exit 1; fi; echo "ok 2 /b"' % OURS)
        self.assertEqual((outcome.excepted, outcome.failures(), outcome.count(PASS)), ({'/b': 'is different'}, {}, 2))

    def test_needless_exception(self):
        exceptions.EXCEPTIONS[('group', 'name', '/b')] = 'is different'
        self.assertEqual(set(self.glib('echo "ok 2 /b"').failures()), {'/b'})

    def test_missing_case(self):
        self.assertEqual(self.failures('"$DBUS_TEST_DAEMON"; %s && echo 1..1 && echo ok 1 a && exit; echo 1..2; echo ok 1 a; echo ok 2 b' % OURS),
                         {'b'})

    def test_another_bus(self):
        self.assertEqual(self.failures('%s || "$DBUS_TEST_DAEMON"; echo 1..1; echo ok 1 a' % OURS), {'(starts)'})

    def test_no_bus_at_all(self):
        self.assertIsNone(self.run_suite('echo 1..1; echo ok 1 a'))

    def test_first_in_path(self):
        outcome = self.run_suite('dbus-daemon && echo 1..1 && echo ok 1 a')
        self.assertEqual((outcome.own.starts, outcome.failures()), (1, {}))

    def test_time_limit(self):
        self.assertEqual(self.failures('"$DBUS_TEST_DAEMON"; echo 1..1; echo ok 1 a; %s && sleep 60; exit 0' % OURS, limit=1), {'(exit status)'})

    def test_left_running(self):
        self.write('ours', '#!/bin/sh\n: >%s/runs\nsleep 60\n' % self.dir)
        self.assertEqual(self.failures('"$DBUS_TEST_DAEMON" & %s && until [ -e %s/runs ]; do sleep 0.05; done; echo 1..1; echo ok 1 a' % (OURS, self.dir)),
                         {'(left)'})

    def test_sanitizer(self):
        self.assertEqual(self.failures('"$DBUS_TEST_DAEMON"; echo 1..1; echo ok 1 a; %s && echo "x.c:1: runtime error: shift"; exit 0' % OURS),
                         {'(sanitizer)'})

    def test_own_environment(self):
        os.environ['DBUS_SESSION_BUS_ADDRESS'] = 'unix:path=/elsewhere'
        self.addCleanup(os.environ.pop, 'DBUS_SESSION_BUS_ADDRESS')
        self.assertEqual(self.failures('"$DBUS_TEST_DAEMON"; echo 1..1; [ -z "$DBUS_SESSION_BUS_ADDRESS" ] || printf "not "; echo ok 1 a'), set())

    def again(self, condition):
        """What is left of the failures of a suite that fails while the condition holds, once it got its other tries."""
        job = self.job('"$DBUS_TEST_DAEMON"; echo x >>%s/runs; echo 1..1; %s && %s && printf "not "; echo ok 1 a' % (self.dir, OURS, condition))
        outcomes = {job: job.run()}
        try_again(outcomes)
        return outcomes[job]

    def test_failed_once(self):
        outcome = self.again('[ $(wc -l <%s/runs) -le 2 ]' % self.dir)
        self.assertEqual((outcome.failures(), outcome.before), ({}, {'a': ''}))

    def test_fails_now_and_then(self):
        self.assertEqual(set(self.again('[ $(( $(wc -l <%s/runs) %% 4 )) -eq 2 ]' % self.dir).failures()), {'a'})

    def test_floor(self):
        rows = make_rows([('root', self.glib('echo "ok 2 /b"'))])
        rows[0].group = 'dbus-python'
        self.assertTrue(re.search('3 cases passed', ' '.join(too_few(rows, lambda who: True, ('debian', '12')))))


if __name__ == '__main__':
    unittest.main(verbosity=2)
