#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the test suites that the distribution installs for D-Bus' clients and libraries with our daemon, and with dbus-daemon to compare.

The last line counts the cases: "N passed, N failed, N skipped"; the exit status is 0 only when none failed."""
import argparse
import concurrent.futures
import os
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import time

from compare import compare, says_nothing
from exceptions import exceptions_of
from floors import too_few
from report import make_rows, print_closing, print_failure, print_remarks, print_table
from results import FAIL, SKIP
from runner import User, end_all, run, run_once
from suites import all_suites, missing_packages


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--daemon', default=os.environ.get('POSTERN_TEST_DAEMON') or os.environ.get('POSTERND'),
                        help='the daemon under test (default: $POSTERN_TEST_DAEMON, else $POSTERND)')
    parser.add_argument('--stock', default='/usr/bin/dbus-daemon', help='the daemon to compare with; "none" compares with none')
    parser.add_argument('--user', default='nobody', help='the ordinary user to run as, when we are root')
    parser.add_argument('--as', dest='who', choices=('both', 'root', 'user'), default='both', help='when we are root')
    parser.add_argument('--only', default='', help='a regular expression: only suites whose "group: name" it is found in')
    parser.add_argument('--jobs', type=int, default=2 * (os.cpu_count() or 1), help='so many at once')
    parser.add_argument('--logs', help='keep what the suites print in this folder')
    parser.add_argument('--verbose-mode', action='store_true', help='the daemon under test offers Debug.Verbose')
    parser.add_argument('--list', action='store_true', help='only list the suites')
    arguments = parser.parse_args()
    if not arguments.daemon and not arguments.list:
        parser.error('which daemon? Set POSTERND or give --daemon=')
    return arguments


def choose_users(arguments):
    """Whoever we are; root also becomes an ordinary user."""
    if os.getuid() != 0:
        return [User(pwd.getpwuid(os.getuid()).pw_name)]
    users = []
    if arguments.who != 'user':
        users.append(User('root'))
    if arguments.who != 'root':
        entry = pwd.getpwnam(arguments.user)
        users.append(User(entry.pw_name, entry.pw_uid, entry.pw_gid))
    return users


def unreachable(users, daemon):
    """A daemon that a user may not run makes suites wait for ever."""
    for user in users:
        p = subprocess.run(user.prefix() + [daemon, '--version'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=60, text=True, cwd='/')
        if p.returncode != 0:
            yield '%s: %s cannot run it: %s' % (daemon, user.name, p.stdout.strip())


# So many suites may fail on a busy machine.
MAX_AGAIN = 3


class Job:
    def __init__(self, arguments, logs, user, suite):
        self.arguments, self.logs, self.user, self.suite = arguments, logs, user, suite

    def log(self, what):
        name = '%s-%s-%s-%s.log' % (what, self.user.name, self.suite.group, self.suite.name)
        return os.path.join(self.logs, re.sub(r'[^A-Za-z0-9.]+', '-', name))

    def stock_daemon(self):
        if self.arguments.stock == 'none':
            return None
        return self.suite.stock if self.suite.stock and os.path.exists(self.suite.stock) else self.arguments.stock

    def run(self):
        """Returns the outcome; None when the suite says nothing about a daemon."""
        stock, daemon = None, self.stock_daemon()
        if daemon:
            stock = run(self.suite, daemon, self.user, self.log('stock'))
            if says_nothing(self.suite, stock):
                return None
        exceptions = exceptions_of(self.suite, self.arguments.verbose_mode)
        own = run(self.suite, self.arguments.daemon, self.user, self.log('own'), exceptions if self.suite.glib else ())
        excepted = {case: self.try_exception(own, stock, case) for case in exceptions}
        outcome = compare(self.suite, own, stock)
        for case, verdict in excepted.items():
            if verdict == FAIL:
                outcome.excepted[case] = exceptions[case]
            elif verdict != SKIP:
                outcome.cases[case] = (FAIL, 'stands in the table of exceptions and passes: take it out')
        return outcome

    def try_exception(self, own, stock, case):
        """Takes the case out of both results; runs it alone where the suite can, so that it takes no other with it."""
        starts = 0
        verdict = own.cases.pop(case, (None, ''))[0]
        if self.suite.glib:
            alone = run_once(self.suite, self.arguments.daemon, self.user, self.log('alone' + case), ['-p', case])
            verdict, starts = alone.cases.get(case, (FAIL, ''))[0], alone.starts
        if stock:
            stock.cases.pop(case, None)
        own.starts += starts
        return verdict


def run_all(jobs, n):
    """The long ones first, so that the end is not a wait for one."""
    jobs = sorted(jobs, key=lambda job: (job.suite.lock is None, -job.suite.limit))
    outcomes, quiet, done = {}, set(), 0
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        futures = {pool.submit(job.run): job for job in jobs}
        for future in concurrent.futures.as_completed(futures):
            job, outcome = futures[future], future.result()
            done += 1
            if outcome is None:
                quiet.add(job.suite.id)
            else:
                outcomes[job] = outcome
                if sys.stdout.isatty() or outcome.failures():
                    print('%3d of %d  %-6s  %s as %s' % (done, len(jobs), 'FAILED' if outcome.failures() else 'ok', job.suite.id,
                                                        job.user.name), flush=True)
    return outcomes, quiet


def try_again(outcomes):
    """Some suites measure time and are wrong on a busy machine: the few that failed get three tries more, with nothing beside them, and
    must pass every time. What failed at first is told all the same. When many fail it is not the machine."""
    failed = [job for job, outcome in outcomes.items() if outcome.failures()]
    if len(failed) > MAX_AGAIN:
        return
    for job in failed:
        for _ in range(3):
            again = job.run()
            if again is None or again.failures():
                break
        else:
            again.before = outcomes[job].failures()
            outcomes[job] = again


def give_up(number, frame):
    """Nothing of ours survives us."""
    end_all()
    os._exit(128 + number)


def main():
    arguments = parse_arguments()
    missing = missing_packages()
    if missing:
        print('not installed, or not whole: %s' % ' '.join(missing))
        print('scripts/deps peers installs the packages that these suites are in')
        print('0 passed, %d failed, 0 skipped' % len(missing))
        return 1
    suites = [suite for suite in all_suites() if re.search(arguments.only, suite.id)]
    if arguments.list:
        print('\n'.join(suite.id for suite in suites))
        return 0
    users = choose_users(arguments)
    wrong = list(unreachable(users, arguments.daemon))
    if wrong or not suites:
        print('\n'.join(wrong or ['no suite matches --only=' + arguments.only]))
        print('0 passed, 1 failed, 0 skipped')
        return 1
    start = time.monotonic()
    logs = arguments.logs or tempfile.mkdtemp(prefix='postern-peers-')
    os.makedirs(logs, exist_ok=True)
    jobs = [Job(arguments, logs, user, suite) for user in users for suite in suites]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, give_up)
    outcomes, quiet = run_all(jobs, arguments.jobs)
    try_again(outcomes)
    ordered = [(job.user.name, outcomes[job]) for job in jobs if job in outcomes]
    for who, outcome in ordered:
        if outcome.failures():
            print_failure(who, outcome)
    rows = make_rows(ordered)
    print_table(rows, os.path.basename(arguments.daemon))
    print_remarks(ordered, quiet)
    floors = [] if arguments.only else list(too_few(rows, lambda who: who == 'root'))
    for line in floors:
        print('FAILED: ' + line)
    print('took %d s; logs: %s' % (time.monotonic() - start, logs))
    return 1 if print_closing(rows, len(floors)) else 0


if __name__ == '__main__':
    sys.exit(main())
