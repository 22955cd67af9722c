# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the tests of this guest. usage: main.py GUEST [RESULTS]

A test is a function test_NAME() of a module in MODULES; one that yields (row, function, arguments...) stands for as many tests.
@timeout(N) of marks.py gives it more than SECONDS. The results go to RESULTS, a line each, and are what counts: the second serial port;
what is printed helps to understand them. Lines "record TEXT" are what records.keep() was given, for the host to look at.
"""
import importlib
import inspect
import os
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'system')]

SECONDS = 30
EVERYWHERE = ['test_smoke', 'test_table', 'test_identity', 'test_modes', 'test_attacks']
SELINUX = EVERYWHERE + ['test_selinux_changes', 'test_oracle', 'test_audit']
MODULES = {
    'selinux-6.1': SELINUX,
    'selinux-new': SELINUX + ['test_containers'],
    'apparmor-6.1': EVERYWHERE + ['test_oracle'],
    'apparmor-new': EVERYWHERE + ['test_apparmor_changes', 'test_apparmor_old', 'test_oracle', 'test_audit', 'test_containers'],
    'none-6.1': EVERYWHERE,
}


class TookTooLong(BaseException):
    """Not an Exception, so that no test takes it for one of its own."""


def ring(*_):
    raise TookTooLong()


def collect(guest):
    """(name, function, arguments, seconds) of all tests; one that cannot be had fails by its name."""
    tests = []
    for module_name in MODULES[guest]:
        try:
            module = importlib.import_module(module_name)
            found = [f for name, f in vars(module).items() if name.startswith('test_') and callable(f)]
            for function in sorted(found, key=lambda f: f.__code__.co_firstlineno):
                tests += rows(module_name, function, guest)
        except BaseException:
            tests.append((module_name, fail_with, (traceback.format_exc(),), SECONDS))
    return tests


def rows(module_name, function, guest):
    if guest in getattr(function, 'not_in', ()):
        return []
    name, seconds = '%s.%s' % (module_name, function.__name__), getattr(function, 'seconds', SECONDS)
    if not inspect.isgeneratorfunction(function):
        return [(name, function, (), seconds)]
    found = [('%s[%s]' % (name, row[0]), row[1], tuple(row[2:]), seconds) for row in function()]
    if not found:
        raise AssertionError('%s yields no rows' % name)
    return found


def fail_with(text):
    raise AssertionError(text)


def run_one(function, args, seconds):
    """None, or why it failed."""
    import domain
    try:
        try:
            signal.alarm(seconds)
            function(*args)
        except BaseException:
            signal.alarm(seconds)
            domain.close_after_failure()
            raise
        signal.alarm(seconds)
        domain.close_all()
        return None
    except TookTooLong:
        traceback.print_exc()
        where = traceback.extract_tb(sys.exc_info()[2])[-2:]
        return 'took longer than %d s, in %s' % (seconds, ' < '.join('%s:%d' % (f.name, f.lineno) for f in reversed(where)))
    except BaseException as e:
        traceback.print_exc()
        place = traceback.extract_tb(e.__traceback__)
        here = next((f for f in reversed(place) if os.path.basename(f.filename).startswith('test_')), place[-1])
        return '%s:%d: %s: %s' % (os.path.basename(here.filename), here.lineno, here.line, ''.join(traceback.format_exception_only(e)))
    finally:
        signal.alarm(0)


def main(guest, path='/proc/self/fd/1'):
    passed = failed = 0
    signal.signal(signal.SIGALRM, ring)
    with open(path, 'w', buffering=1) as results:
        def report(line):
            results.write(' | '.join(part.strip() for part in line.splitlines() if part.strip())[:1500] + '\n')

        report('guest %s %s' % (guest, os.uname().release))
        import lsm
        import records
        lsm.start(guest)
        tests = collect(guest)
        report('plan %d' % len(tests))
        for name, function, args, seconds in tests:
            start = time.monotonic()
            print('---- %s' % name, flush=True)
            why = run_one(function, args, seconds)
            print('     %s, %.1f s' % ('failed' if why else 'passed', time.monotonic() - start), flush=True)
            report('not ok %s | %s' % (name, why) if why else 'ok ' + name)
            passed, failed = passed + (not why), failed + bool(why)
            while records.kept:
                report('record ' + records.kept.pop(0))
        report('done %d %d' % (passed, failed))


if __name__ == '__main__':
    sys.stdout.reconfigure(errors='backslashreplace')
    sys.stderr = sys.stdout
    main(*sys.argv[1:])
