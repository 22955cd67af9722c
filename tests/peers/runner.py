# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a suite with a daemon of our choice, as a user of our choice, cut off from all other buses."""
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from results import FAIL, add, read_cases

# The daemon's start is noted before it becomes the daemon: same process, same files.
WRAPPER = '''#!/bin/sh
echo "$$ $*" >>'%s'
exec '%s' "$@"
'''
TROUBLE = re.compile(r'.*(AddressSanitizer|LeakSanitizer|runtime error:|SUMMARY: \w*Sanitizer).*')
KEPT = ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS')
CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'clients.py')
MARK = 'POSTERN_PEERS_RUN'
MAX_RUNS = 60
LOCKS = {'x11': threading.Lock()}


class User:
    """Who runs the suites; uid None: whoever we are."""

    def __init__(self, name, uid=None, gid=None):
        self.name, self.uid, self.gid = name, uid, gid

    def prefix(self):
        if self.uid is None:
            return []
        return ['/usr/bin/setpriv', '--reuid=%d' % self.uid, '--regid=%d' % self.gid, '--clear-groups', '--no-new-privs', '--']

    def give(self, *paths):
        for path in paths:
            if self.uid is not None:
                os.chown(path, self.uid, self.gid)


class Result:
    """status: the exit status, None when time was up; clients: of a given bus; left: daemons still running at the end."""

    def __init__(self, cases, status=0, starts=0, seconds=0.0, clients=None, left=0, log=None):
        self.cases, self.status, self.starts, self.seconds = cases, status, starts, seconds
        self.clients, self.left, self.log = clients, left, log


class Scratch:
    """The folder of one run: home, runtime folder, temporary files, the wrapper, and the list of starts."""

    def __init__(self, daemon, user):
        self.dir = tempfile.mkdtemp(prefix='peer', dir='/tmp')
        os.chmod(self.dir, 0o755)
        self.mark = '%d-%s' % (os.getpid(), os.path.basename(self.dir))
        self.bin, self.starts = self.dir + '/bin', self.dir + '/starts'
        for name, mode in (('bin', 0o755), ('home', 0o700), ('run', 0o700), ('tmp', 0o1777)):
            os.mkdir(os.path.join(self.dir, name))
            os.chmod(os.path.join(self.dir, name), mode)
        with open(self.starts, 'w'):
            pass
        # Some suites start the daemon as yet another user.
        os.chmod(self.starts, 0o666)
        self.wrapper = self.bin + '/dbus-daemon'
        with open(self.wrapper, 'w') as f:
            f.write(WRAPPER % (self.starts, daemon))
        os.chmod(self.wrapper, 0o755)
        user.give(*(os.path.join(self.dir, name) for name in ('home', 'run')))

    def env(self, user):
        env = {'PATH': self.bin + ':/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', 'HOME': self.dir + '/home', 'LC_ALL': 'C.UTF-8',
               'XDG_RUNTIME_DIR': self.dir + '/run', 'TMPDIR': self.dir + '/tmp', 'DBUS_TEST_DAEMON': self.wrapper,
               # Nothing here may find the machine's own system bus.
               'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=%s/none' % self.dir,
               'COLUMNS': '400', 'PYTHONDONTWRITEBYTECODE': '1', MARK: self.mark}
        env.update((name, os.environ[name]) for name in KEPT if name in os.environ)
        return env

    def n_starts(self):
        with open(self.starts) as f:
            return len(f.readlines())


def marked(mark):
    """Running processes whose mark begins so: pid -> name of the program."""
    found, mark = {}, ('%s=%s' % (MARK, mark)).encode()
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/environ' % pid, 'rb') as f:
                if not any(variable.startswith(mark) for variable in f.read().split(b'\0')):
                    continue
            with open('/proc/%s/stat' % pid) as f:
                name, state = re.search(r'\((.*)\) (\S)', f.read(), re.S).groups()
            if state not in 'ZX':
                found[int(pid)] = name
        except OSError:
            pass
    return found


def end_marked(mark):
    """Also what is started while we end the others."""
    for _ in range(50):
        running = marked(mark)
        if not running:
            return
        for pid in running:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)


def end_all():
    """All that this process has started in any run."""
    end_marked('%d-' % os.getpid())


def clean_up(mark, daemon_name):
    """Ends what the suite left running; returns how many daemons there were among it."""
    end = time.monotonic() + 3
    while marked(mark) and time.monotonic() < end:
        time.sleep(0.05)
    left = marked(mark)
    end_marked(mark)
    return sum(1 for name in left.values() if name == daemon_name[:15])


def count_clients(path, user, env):
    """How many clients have been on a bus; None when it does not answer."""
    p = subprocess.run(user.prefix() + ['/usr/bin/python3', CLIENTS, path], env=env, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30)
    return int(p.stdout) if p.returncode == 0 else None


class GivenBus:
    """A running bus, as session bus and as system bus, for suites that want one."""

    def __init__(self, scratch, user, log):
        self.path = scratch.dir + '/run/bus'
        self.process = subprocess.Popen(
            user.prefix() + [scratch.wrapper, '--session', '--address=unix:path=' + self.path, '--nofork', '--print-address=1'],
            env=scratch.env(user), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        self.address = self.process.stdout.readline().decode().strip() if ready else ''

    def end(self):
        self.process.terminate()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def execute(suite, argv, env, cwd, user, log):
    """Returns the exit status, None when time was up."""
    process = subprocess.Popen(user.prefix() + argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                               start_new_session=True)
    try:
        return process.wait(suite.limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def run_given(suite, argv, scratch, user, log):
    """With a bus that we start; returns status and number of clients, or what was wrong with the bus and None."""
    bus = GivenBus(scratch, user, log)
    try:
        if not bus.address:
            return 'the bus did not start', None
        env = dict(scratch.env(user), DBUS_SYSTEM_BUS_ADDRESS='unix:path=' + bus.path, **suite.env)
        if suite.kind == 'exit':
            env['DBUS_SESSION_BUS_ADDRESS'] = 'unix:path=' + bus.path
        before = count_clients(bus.path, user, env)
        status = execute(suite, argv, env, suite.cwd or scratch.dir + '/home', user, log)
        after = count_clients(bus.path, user, env)
        return ('the bus does not answer', None) if None in (before, after) else (status, after - before - 1)
    finally:
        ended = bus.end()
        if ended != 0:
            log.write(b'\nthe bus ended with status %d\n' % ended)


def skip_arguments(names):
    return [word for name in names for word in ('-s', name)]


def list_cases(suite, user):
    """The names of a GLib program's cases in their order. Starts no daemon."""
    p = subprocess.run(user.prefix() + suite.argv + ['-l'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, timeout=60, text=True, cwd='/')
    return [line for line in p.stdout.splitlines() if line.startswith('/')]


def run(suite, daemon, user, log_path, skip=()):
    """Runs a suite without the cases in skip. A program of GLib's ends at its first failure: the cases behind it get a run of their own,
    so that no failure hides another."""
    result = run_once(suite, daemon, user, log_path, skip_arguments(skip))
    if not suite.glib:
        return result
    names, done, last, stop = None, set(skip), result, '(to the end)'
    for n in range(2, MAX_RUNS):
        if stop not in last.cases or last.status is None or result.seconds > suite.limit:
            break
        names = names or list_cases(suite, user)
        culprit = next((name for name in names if name not in done and name not in last.cases), None)
        if culprit is None:
            break
        done.update(name for name in names if name in last.cases or name == culprit)
        result.cases[culprit] = result.cases.pop(stop)
        last = run_once(suite, daemon, user, '%s.%d' % (log_path, n), skip_arguments(sorted(done)))
        result.cases.update((name, value) for name, value in last.cases.items() if name not in done)
        result.starts, result.seconds, result.left = result.starts + last.starts, result.seconds + last.seconds, result.left + last.left
    for name in skip:
        result.cases.pop(name, None)
    return result


def run_once(suite, daemon, user, log_path, more=()):
    """One run; more: arguments added to the suite's own."""
    scratch = Scratch(daemon, user)
    lock = LOCKS.get(suite.lock) or threading.Lock()
    clients = None
    try:
        with lock, open(log_path, 'wb') as log:
            start = time.monotonic()
            argv = suite.argv + list(more)
            if suite.bus == 'given':
                status, clients = run_given(suite, argv, scratch, user, log)
            else:
                status = execute(suite, argv, dict(scratch.env(user), **suite.env), suite.cwd or scratch.dir + '/home', user, log)
            seconds = time.monotonic() - start
            left = clean_up(scratch.mark, os.path.basename(daemon))
        with open(log_path, errors='replace') as f:
            text = f.read()
        if isinstance(status, str):
            cases = {'(bus)': (FAIL, status)}
        else:
            cases = read_cases(suite.kind, text, status, suite.limit)
        trouble = TROUBLE.search(text)
        if trouble:
            add(cases, '(sanitizer)', FAIL, trouble.group().strip())
        ended = re.search(r'^the bus ended with status .*', text, re.M)
        if ended:
            add(cases, '(end of the bus)', FAIL, ended.group())
        return Result(cases, status, scratch.n_starts(), seconds, clients, left, log_path)
    finally:
        shutil.rmtree(scratch.dir, ignore_errors=True)
