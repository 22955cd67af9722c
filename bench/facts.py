# SPDX-License-Identifier: LGPL-2.1-or-later
"""On what the numbers were measured: without it they are worth nothing."""
import os
import platform
import subprocess
import time


def first_line(argv):
    try:
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10)
        return p.stdout.strip().split('\n')[0] if p.returncode == 0 else 'unknown'
    except (OSError, subprocess.TimeoutExpired):
        return 'not installed'


def cpu_model():
    with open('/proc/cpuinfo') as f:
        for line in f:
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    return platform.machine()


def distribution():
    try:
        return platform.freedesktop_os_release()['PRETTY_NAME']
    except (OSError, KeyError, AttributeError):
        return 'unknown'


def commit(source):
    """Of the source tree; "+" when files differ from it."""
    found = first_line(['git', '-C', source, 'rev-parse', '--short=12', 'HEAD'])
    if found in ('unknown', 'not installed'):
        return 'not a git checkout'
    clean = subprocess.run(['git', '-C', source, 'diff', '--quiet', 'HEAD'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    return found + ('' if clean else '+')


def compiler_flags(build):
    try:
        with open(os.path.join(build, 'config.log'), errors='replace') as f:
            return next(line.split('=', 1)[1].strip().strip("'") for line in f if line.startswith('CFLAGS='))
    except (OSError, StopIteration):
        return 'unknown'


def machine_facts(source, build, command):
    return {
        'date': time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime()),
        'command': command,
        'commit': commit(source),
        'flags': compiler_flags(build),
        'machine': '%s, %d CPUs%s' % (cpu_model(), os.cpu_count(), ', virtual' if os.path.exists('/sys/hypervisor/type') or is_virtual() else ''),
        'system': '%s, Linux %s' % (distribution(), platform.release()),
        'posternd': first_line([os.path.join(build, 'posternd'), '--version']),
        'dbus-daemon': first_line(['dbus-daemon', '--version']),
        'dbus-broker': first_line(['dbus-broker', '--version']),
        'xdg-dbus-proxy': first_line(['xdg-dbus-proxy', '--version']),
    }


def is_virtual():
    with open('/proc/cpuinfo') as f:
        return any(line.startswith('flags') and ' hypervisor' in line for line in f)


class Others:
    """How busy the machine was with other work than ours: CPU time of all, less that of our children and of ourselves."""

    def __init__(self):
        self.begin = self.read()

    @staticmethod
    def read():
        with open('/proc/stat') as f:
            numbers = list(map(int, f.readline().split()[1:9]))
        tick = os.sysconf('SC_CLK_TCK')
        total, idle, steal = sum(numbers) / tick, (numbers[3] + numbers[4]) / tick, numbers[7] / tick
        ours = sum(os.times()[:4])
        return total, idle, steal, ours

    def text(self):
        total, idle, steal, ours = (b - a for a, b in zip(self.begin, self.read()))
        others = max(0.0, total - idle - steal - ours)
        return '%.0f %% of the machine was busy with other work, %.0f %% was taken by the hypervisor' % (100 * others / max(total, 0.01),
                                                                                                    100 * steal / max(total, 0.01))
