#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares what message buses cost. Less is better everywhere.

Every bus is started privately. In each round every bus has its turn with every point of a section, so that whatever disturbs the machine
disturbs all alike; what counts is the median of the rounds, and ratios within one run."""
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time

import chart
import facts
import report
from buses import BUSES, PACKAGES, Failed, Machine, load, missing_programs, start_up
from sections import SECTIONS

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SYSTEM_D = ('/usr/share/dbus-1/system.d', '/etc/dbus-1/system.d')
IN_CHART = {'latency': ('cpu_us',), 'window': ('64 calls',), 'single': ('',), 'callers': ('',), 'payload': ('64 KiB',), 'fds': ('1 fd ',),
            'fanout': ('10 receivers, 1000', 'one signal'), 'churn': ('',), 'idle': ('1000 ',), 'startup': ('cpu_ms',), 'contained': ()}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--build', default='.', help='the build folder (default: here)')
    parser.add_argument('--output', help='where the results go (default: bench in the build folder)')
    parser.add_argument('--sections', default=','.join(SECTIONS), help='which (default: all): ' + ', '.join(SECTIONS))
    parser.add_argument('--buses', default=','.join(bus for bus in BUSES if bus != 'posternd-bare'), help='which: ' + ', '.join(BUSES))
    parser.add_argument('--rounds', type=int, help='default: 5')
    parser.add_argument('--seconds', type=float, help='that each measurement lasts (default: 0.3)')
    parser.add_argument('--cpus', help='CPU of the client, CPU of the bus (default: the first and the last we may use)')
    parser.add_argument('--quick', action='store_true', help='small numbers; and one round of 0.05 s unless told otherwise: does it work at all?')
    arguments = parser.parse_args()
    arguments.sections, arguments.buses = arguments.sections.split(','), arguments.buses.split(',')
    for given, known in ((arguments.sections, SECTIONS), (arguments.buses, BUSES)):
        for name in given:
            if name not in known:
                parser.error('%s is none of %s' % (name, ', '.join(known)))
    if arguments.rounds is None:
        arguments.rounds = 1 if arguments.quick else 5
    if arguments.seconds is None:
        arguments.seconds = 0.05 if arguments.quick else 0.3
    if arguments.rounds < 1 or not arguments.seconds > 0:
        parser.error('at least one round, and some time')
    return arguments


def say(words, end='\n'):
    print(words, end=end, file=sys.stderr, flush=True)


def choose_buses(wanted):
    """Those that are installed."""
    found = []
    for name in wanted:
        missing = missing_programs(name)
        if missing:
            say('%s: not measured, since %s is not installed (Debian and Ubuntu: package %s)' % (
                name, ' and '.join(missing), ' '.join(PACKAGES[program] for program in missing)))
        else:
            found.append(name)
    return found


class Run:
    def __init__(self, arguments, machine, buses):
        self.arguments, self.machine, self.buses = arguments, machine, buses
        self.rows, self.failures = [], []

    def key(self, point, name):
        return (BUSES[name].process_of or name, point.kind, point.rules, point.load[0] == 'fanout')

    def start(self, key):
        name, kind, rules, fan = key
        return BUSES[name](self.machine, kind, rules, fan)

    def try_start(self, section, key):
        try:
            return self.start(key)
        except Failed as e:
            self.fail('%s: %s' % (section, e))
            return None

    def fail(self, words):
        self.failures.append(words)
        say('failed: ' + words)

    def measure(self, point, name, running):
        if point.load[0] == 'startup':
            return start_up(self.machine, name, SYSTEM_D)
        key = self.key(point, name)
        bus = self.start(key) if point.fresh else running[key]
        if bus is None:
            raise Failed('it does not run')
        try:
            arguments = ['--seconds=%g' % self.arguments.seconds, '--warm=%g' % (self.arguments.seconds / 3), *BUSES[name].arguments, *point.load]
            return json.loads(load(bus, arguments, self.machine.bus_cpu if point.one_cpu else self.machine.client_cpu))
        finally:
            if point.fresh:
                bus.stop()

    def try_measure(self, section, point, name, running):
        try:
            return self.measure(point, name, running)
        except Failed as e:
            self.fail('%s, %s, %s: %s' % (section, point.label, name, e))
            return {}

    def section(self, section):
        points = SECTIONS[section](self.arguments.quick)
        running, rows = {}, {}
        try:
            for point in points:
                for name in point.buses:
                    key = self.key(point, name)
                    if name in self.buses and not point.fresh and key not in running:
                        running[key] = self.try_start(section, key)
            for number in range(self.arguments.rounds):
                say('\r%-10s round %d of %d ' % (section, number + 1, self.arguments.rounds), end='')
                for point in points:
                    self.round(section, point, number, running, rows)
            say('')
        finally:
            for bus in running.values():
                bus and bus.stop()
        self.rows += rows.values()

    def round(self, section, point, number, running, rows):
        names = [name for name in point.buses if name in self.buses]
        first = number % len(names) if names else 0 # nobody is always the one behind another
        for name in names[first:] + names[:first]:
            result = self.try_measure(section, point, name, running)
            for key, unit in point.metrics:
                row = rows.setdefault((point.label, key), report.Row(section, point.label, key, unit))
                row.add(name, result.get(key))


def chart_rows(rows):
    """Not every row: a picture is for the whole."""
    return [row for row in rows if any(words in row.label + ' ' + row.key for words in IN_CHART.get(row.section, ()))]


def results_json(arguments, described, rows, failures):
    return json.dumps({'facts': described, 'rounds': arguments.rounds, 'seconds': arguments.seconds, 'failures': failures,
                       'rows': [row.as_json() for row in rows]}, indent=1) + '\n'


def write_files(folder, files):
    """{name: text}; what ends in .txt is also printed."""
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as f:
            f.write(text)
        if name.endswith('.txt'):
            print(text)
    say('results are in ' + folder)


def write_results(arguments, described, run):
    write_files(arguments.output or os.path.join(arguments.build, 'bench'), {
        'results.json': results_json(arguments, described, run.rows, run.failures),
        'table.txt': report.facts_text(described) + '\n\n' + report.text_table(run.rows),
        'table.md': report.markdown_table(run.rows),
        'chart.svg': chart.chart(chart_rows(run.rows), 'What a bus costs; less is better (bar: median, line: from least to most)')})


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    cpus = sorted(os.sched_getaffinity(0))
    client_cpu, bus_cpu = map(int, arguments.cpus.split(',')) if arguments.cpus else (cpus[0], cpus[-1])
    described = facts.machine_facts(SOURCE, arguments.build, ' '.join(['bench/bench.py'] + sys.argv[1:]))
    described['pinned'] = 'client on CPU %d, bus on CPU %d; one call at a time, and where it says one CPU: both on CPU %d' % (client_cpu, bus_cpu, bus_cpu)
    described['policies'] = '%d files in %s' % (sum(len(os.listdir(d)) for d in SYSTEM_D if os.path.isdir(d)), ' and '.join(SYSTEM_D))
    folder = tempfile.mkdtemp(prefix='pb', dir='/tmp') # sockets have short paths
    others, begin = facts.Others(), time.monotonic()
    try:
        run = Run(arguments, Machine(os.path.abspath(arguments.build), folder, bus_cpu, client_cpu), choose_buses(arguments.buses))
        for section in arguments.sections:
            run.section(section)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    described['took'] = '%.0f s' % (time.monotonic() - begin)
    described['noise'] = others.text()
    write_results(arguments, described, run)
    return 1 if run.failures else 0


if __name__ == '__main__':
    sys.exit(main())
