#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a security module costs, in the guests of `make check-vm`: a question to the kernel, a verdict that rests on such answers, a message
on a bus; and what a connection costs where control groups are unified. As the guests are run unless told otherwise, an instruction takes one nanosecond of their time, the kernel's as any other's, whatever this
machine does besides: the numbers are the same each time. They are no times: only ratios within one guest mean anything."""
import argparse
import json
import os
import shutil
import sys

import bench
import facts
import report

sys.path.insert(1, os.path.join(bench.SOURCE, 'tests', 'vm'))
import initramfs  # noqa: E402
import kernels  # noqa: E402
import machine  # noqa: E402

GUESTS = ('apparmor-6.1', 'apparmor-new', 'selinux-6.1', 'selinux-new')
PROGRAMS = ('bench-lsm', 'bench-load', 'bench-broker')
OTHERS = ('dbus-broker',)
# (section, row, key of what the guest measured)
MEASURED = (
    ('questions', 'a question to the kernel that nobody asked before', 'kernel'),
    ('questions', 'verdict, both confined, each received alone', 'confined, alone'),
    ('questions', 'verdict, both confined, 64 received together', 'confined, together'),
    ('questions', 'the same, from a container', 'contained, together'),
    ('questions', 'the same, each of another of 4096 paths', 'confined, new'),
    ('questions', 'the same, without the cache of the mediator', 'no cache, together'),
    ('questions', 'verdict, nobody confined, each received alone', 'free, alone'),
    ('questions', 'verdict, nobody confined, 64 received together', 'free, together'),
    ('bus', 'nobody confined, one call at a time', 'bus free, alone'),
    ('bus', 'both confined, one call at a time', 'bus confined, alone'),
    ('bus', 'both confined, caller in a container, one call at a time', 'bus contained, alone'),
    ('bus', 'nobody confined, 64 calls under way', 'bus free, together'),
    ('bus', 'both confined, 64 calls under way', 'bus confined, together'),
    ('bus', 'both confined, caller in a container, 64 calls under way', 'bus contained, together'),
    ('connections', 'connect, authenticate, Hello, close, on posternd', 'connect posternd'),
    ('connections', 'the same on dbus-broker', 'connect dbus-broker'),
)
HOW = {'counted': machine.COUNTED, 'emulated': machine.EMULATED, 'kvm': ['-accel', 'kvm']}
COUNTED = {'questions': 'instructions', 'bus': '1000 instructions/message', 'connections': '1000 instructions/connection'}
TIMED = {'questions': 'ns', 'bus': 'CPU us/message', 'connections': 'CPU us/connection'}
# (row, what is divided, by what)
RATIOS = (
    ('question to the kernel : verdict, each received alone', 'kernel', 'confined, alone'),
    ('question to the kernel : verdict, 64 received together', 'kernel', 'confined, together'),
    ('verdict, confined : not, each received alone', 'confined, alone', 'free, alone'),
    ('verdict, confined : not, 64 received together', 'confined, together', 'free, together'),
    ('message on a bus, confined : not, one call at a time', 'bus confined, alone', 'bus free, alone'),
    ('message on a bus, confined and contained : neither, one call at a time', 'bus contained, alone', 'bus free, alone'),
    ('message on a bus, confined : not, 64 calls under way', 'bus confined, together', 'bus free, together'),
    ('message on a bus, confined and contained : neither, 64 calls under way', 'bus contained, together', 'bus free, together'),
    ('connection, posternd : dbus-broker', 'connect posternd', 'connect dbus-broker'),
)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', type=os.path.abspath, default='.')
    parser.add_argument('--output', help='where the results go (default: bench in the build folder)')
    parser.add_argument('--guests', default=','.join(GUESTS))
    parser.add_argument('--rounds', type=int, help='default: 3')
    parser.add_argument('--seconds', type=float, help='of each measurement, in the time of the guest (default: 0.05)')
    parser.add_argument('--how', choices=HOW, default='counted', help='how guests are run (default: %(default)s)')
    parser.add_argument('--quick', action='store_true', help='one round of 0.005 s unless told otherwise: does it work at all?')
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 3)
    arguments.seconds = arguments.seconds or (0.005 if arguments.quick else 0.05)
    arguments.guests = arguments.guests.split(',')
    for name in arguments.guests:
        if name not in GUESTS:
            parser.error('%s is none of %s' % (name, ', '.join(GUESTS)))
    return arguments


def measure(arguments, name, image, work):
    """({key: [value of each round]}, the kernel's release, is the module asked about messages there?)"""
    cache = os.environ.get('POSTERN_VM_CACHE') or os.path.join(arguments.build, 'vm-cache')
    kernel = kernels.fetch(os.path.abspath(cache), machine.GUESTS[name][0], bench.say)
    limit = 120 + arguments.rounds * (30 + 100 * arguments.seconds)  # on the clock of this machine, which may be busy
    lines, console, problem = machine.run(name, kernel, image, work, 'bench=%d,%g' % (arguments.rounds, arguments.seconds), limit, HOW[arguments.how])
    found = [json.loads(line) for line in lines if line.startswith('{') and line.endswith('}')]
    if problem or not found or found[-1] != {'end': True}:
        raise kernels.Failure('%s %s: see %s' % (name, problem or 'did not come to its end', console))
    values = {}
    for line in found[1:-1]:
        values.setdefault(line['key'], []).append(line['value'])
    return values, found[0]['release'], found[0]['door']


def rows_of(guests, units):
    """guests: {name: what measure() found}. Where the module is not asked about messages, nothing is said about what rests on it."""
    rows = {}

    def add(section, label, unit, name, values):
        row = rows.setdefault((section, label), report.Row(section, label, label, unit))
        for value in values:
            row.add(name, value)

    for name, (values, _, door) in guests.items():
        known = {key: found for key, found in values.items() if door or not ('confined' in key or 'contained' in key or 'no cache' in key)}
        for section, label, key in MEASURED:
            add(section, label, units[section], name, known.get(key, [None]))
        for label, over, under in RATIOS:
            pairs = zip(known.get(over, ()), known.get(under, ()))
            add('ratios', label, 'times', name, [a / b for a, b in pairs] or [None])
    return list(rows.values())


def main():
    arguments = parse_arguments()
    described = facts.machine_facts(bench.SOURCE, arguments.build, ' '.join(['bench/vm.py'] + sys.argv[1:]))
    described['guests'] = arguments.how
    others, guests = facts.Others(), {}
    work = os.path.join(arguments.build, 'vm', 'bench')
    os.makedirs(work, exist_ok=True)
    root, image = os.path.join(work, 'root'), os.path.join(work, 'initramfs')
    try:
        initramfs.check_tools()
        for name in OTHERS:
            if initramfs.find(name) is None:
                bench.say('%s: not measured, since it is not installed (Debian and Ubuntu: package %s)' % (name, name))
        initramfs.build(root, image, arguments.build, bench.SOURCE, PROGRAMS, OTHERS)
        for name in arguments.guests:
            bench.say('%s, %d rounds' % (name, arguments.rounds))
            guests[name] = measure(arguments, name, image, work)
            described[name] = 'Linux ' + guests[name][1] + ('' if guests[name][2] else ', which does not mediate D-Bus: no door')
    except (kernels.Failure, OSError) as error:
        sys.exit('bench-vm: %s' % error)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        if os.path.exists(image):
            os.unlink(image)
    described['noise'] = others.text()
    rows = rows_of(guests, COUNTED if arguments.how == 'counted' else TIMED)
    bench.write_files(arguments.output or os.path.join(arguments.build, 'bench'), {
        'lsm.json': bench.results_json(arguments, described, rows, []),
        'lsm.txt': report.facts_text(described) + '\n\n' + report.text_table(rows),
        'lsm.md': report.markdown_table(rows)})


if __name__ == '__main__':
    main()
