#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs Postern in emulated machines that have SELinux, AppArmor or neither, whatever this machine has.

usage: run.py [--guests=NAME,...] [--jobs=N] [--keep] [--seed=N] BUILD SOURCE
       run.py --shell=NAME BUILD SOURCE

`make check-vm` runs all guests; VM_ARGS='--guests=selinux-new' one of them. It needs neither root nor /dev/kvm. The kernels are fetched
from Debian once, into $POSTERN_VM_CACHE or BUILD/vm-cache, and looked for anew once a day. What the guests said stays in BUILD/vm:
NAME.console is for reading, NAME.results is what counts; NAME/records are audit records of the guest, from which the tools of
this machine must learn rules (tools.py). --keep leaves the tree of files that the guests boot into there, too. --seed makes the
random questions of test_oracle those of an earlier run.

--shell boots a guest with its policy loaded and gives a shell in it instead of running the tests: `python3 -S /tests/guest/main.py NAME`
runs them, `poweroff -f` or Ctrl-A X ends it. The files of the build and of the tests are in it as they are when it starts.

A test of a guest passes or fails; there is no third way. A guest that has not reported every test that it planned is booted once more,
as an emulated machine may die of itself, and has failed when it does so again, or when a test had failed before.
"""
import argparse
import concurrent.futures
import os
import shutil
import sys
import threading
import time

import containers
import initramfs
import kernels
import machine
import tools
from kernels import Failure

printing = threading.Lock()


def say(text):
    with printing:
        print(text, flush=True)


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].replace('usage: ', '', 1))
    parser.add_argument('--guests', default=','.join(machine.GUESTS))
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--keep', action='store_true')
    parser.add_argument('--seed', type=int)
    parser.add_argument('--shell', choices=machine.GUESTS)
    parser.add_argument('build', type=os.path.abspath)
    parser.add_argument('source', type=os.path.abspath)
    args = parser.parse_args()
    args.guests = [args.shell] if args.shell else args.guests.split(',')
    for name in args.guests:
        if name not in machine.GUESTS:
            parser.error('there is no guest %s; there are %s' % (name, ', '.join(machine.GUESTS)))
    return args


def add_containers(work, image, root):
    """Another image: the kernel unpacks one packed tree behind the other."""
    more, both = os.path.join(work, 'containers'), image + '-containers'
    containers.build(more + '-root', more, root)
    with open(both, 'wb') as out:
        for path in (image, more):
            with open(path, 'rb') as file:
                shutil.copyfileobj(file, out)
    shutil.rmtree(more + '-root')
    os.unlink(more)
    return both


def prepare(args, work):
    """({series: kernel or a Failure}, {guest: the image that it boots})"""
    initramfs.check_tools()
    cache = os.environ.get('POSTERN_VM_CACHE') or os.path.join(args.build, 'vm-cache')
    found = {}
    for series in sorted({machine.GUESTS[name][0] for name in args.guests}):
        try:
            found[series] = kernels.fetch(os.path.abspath(cache), series, say)
        except Failure as error:
            found[series] = error
    image = os.path.join(work, 'initramfs')
    root = os.path.join(work, 'root')
    initramfs.build(root, image, args.build, args.source)
    images = dict.fromkeys(machine.GUESTS, image)
    if set(args.guests) & set(machine.CONTAINERS):
        images.update(dict.fromkeys(machine.CONTAINERS, add_containers(work, image, root)))
    shutil.copy(os.path.join(root, 'policy/selinux/domains.selinux'), work)
    if not args.keep:
        shutil.rmtree(root)
    return found, images


def run_guest(name, kernel, image, work, more):
    start = time.monotonic()
    if isinstance(kernel, Failure):
        result = machine.Result(name, [], '')
        result.problem = 'cannot be booted: %s' % kernel
    else:
        result = machine.boot(name, kernel, image, work, more)
        if not result.whole() and not result.failures:
            first, console = result.problem, result.console
            if os.path.exists(console):
                os.replace(console, console + '.first')
            result = machine.boot(name, kernel, image, work, more)
            result.retried = '%s: %s.first' % (first, console)
    os.makedirs(os.path.join(work, name), exist_ok=True)
    with open(os.path.join(work, name, 'records'), 'w') as file:
        file.writelines(record + '\n' for record in result.records)
    result.seconds = time.monotonic() - start
    report(result)
    return result


def report(result):
    failed = len(result.failures) + (not result.whole())
    lines = ['%-13s %-26s %3d passed, %d failed (%.0f s)' % (result.name, result.kernel or '-', result.passed, failed, result.seconds)]
    if result.retried:
        lines.append('    booted twice, as the first time it %s' % result.retried)
    lines += ['    not ok ' + line for line in result.failures]
    if not result.whole():
        lines.append('    not ok the guest: it %s' % result.problem)
        lines += ['        | ' + line for line in result.last_lines()]
    say('\n'.join(lines))


def look_at_records(guests, work):
    """(passed, failed) of what the tools of this machine make of the guests' records."""
    passed = failed = 0
    for name in guests:
        if name in tools.GUESTS:
            good, bad = tools.look(name, work, os.path.join(work, 'domains.selinux'))
            say('\n'.join(['%-13s %-26s %3d passed, %d failed' % (name, 'records', good, len(bad))] + ['    not ok ' + why for why in bad]))
            passed, failed = passed + good, failed + len(bad)
    return passed, failed


def main():
    args = arguments()
    passed = failed = 0
    start = time.monotonic()
    work = os.path.join(args.build, 'vm')
    try:
        os.makedirs(work, exist_ok=True)
        found, images = prepare(args, work)
        if args.shell:
            kernel = found[machine.GUESTS[args.shell][0]]
            if isinstance(kernel, Failure):
                raise kernel
            machine.shell(args.shell, kernel, images[args.shell])
        more = '' if args.seed is None else 'seed=%d' % args.seed
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            jobs = [pool.submit(run_guest, name, found[machine.GUESTS[name][0]], images[name], work, more)
                    for name in args.guests]
            for result in (job.result() for job in jobs):
                passed += result.passed
                failed += len(result.failures) + (not result.whole())
        good, bad = look_at_records(args.guests, work)
        passed, failed = passed + good, failed + bad
        if not args.keep:
            for image in set(images.values()):
                os.unlink(image)
    except (Failure, OSError) as error:
        say('check-vm: %s' % error)
        failed += 1
    say('took %.0f s; what the guests said is in %s' % (time.monotonic() - start, work))
    say('%d passed, %d failed, 0 skipped' % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
