#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the mediator alone costs, without a bus around it: ns of CPU time per question, memory, and changes of rules."""
import argparse
import json
import os
import subprocess
import sys

import bench
import facts
import report

SECTIONS = ('xml', 'rules', 'grants', 'memory', 'change')
METRICS = {'same_ns': 'ns/call, always the same', 'varied_ns': 'ns/call, 4096 paths', 'reply_ns': 'ns/reply', 'mib': 'MiB',
           'change_us': 'us, first change', 'worst_us': 'us, slowest of 20'}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', default='.')
    parser.add_argument('--output', help='where the results go (default: bench in the build folder)')
    parser.add_argument('--sections', default=','.join(SECTIONS))
    parser.add_argument('--rounds', type=int, help='default: 5')
    parser.add_argument('--seconds', type=float, help='CPU time of each measurement (default: 0.05)')
    parser.add_argument('--cpu', type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument('--quick', action='store_true', help='small numbers; and one round of 0.005 s unless told otherwise')
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 5)
    arguments.seconds = arguments.seconds or (0.005 if arguments.quick else 0.05)
    for name in arguments.sections.split(','):
        if name not in SECTIONS:
            parser.error('%s is none of %s' % (name, ', '.join(SECTIONS)))
    return arguments


def measure(arguments, section):
    argv = [os.path.join(arguments.build, 'bench-verdict'), section, os.path.abspath(os.path.join(arguments.build, '.libs/mediator.so')),
            '%g' % arguments.seconds] + (['quick'] if arguments.quick else [])
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=300,
                       preexec_fn=lambda: os.sched_setaffinity(0, {arguments.cpu}))
    if p.returncode != 0:
        sys.exit('bench-verdict %s failed' % section)
    return [json.loads(line) for line in p.stdout.splitlines()]


def main():
    arguments = parse_arguments()
    described = facts.machine_facts(bench.SOURCE, arguments.build, ' '.join(['bench/mediator.py'] + sys.argv[1:]))
    described['pinned'] = 'CPU %d' % arguments.cpu
    others, rows = facts.Others(), {}
    for number in range(arguments.rounds):
        for section in arguments.sections.split(','):
            bench.say('round %d of %d, %s' % (number + 1, arguments.rounds, section))
            for result in measure(arguments, section):
                for key, unit in METRICS.items():
                    if key in result:
                        row = rows.setdefault((section, result['point'], key), report.Row(section, result['point'], key, unit))
                        row.add(result['variant'], result[key])
    described['noise'] = others.text()
    bench.write_files(arguments.output or os.path.join(arguments.build, 'bench'), {
        'mediator.json': bench.results_json(arguments, described, rows.values(), []),
        'mediator.txt': report.facts_text(described) + '\n\n' + report.text_table(rows.values()),
        'mediator.md': report.markdown_table(rows.values())})


if __name__ == '__main__':
    main()
