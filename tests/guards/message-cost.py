#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What posternd needs for a message with the mediator loaded: instructions, system calls, and which checks it makes. Nothing is timed.

message-cost.txt beside this file says what was found last. Neither more nor less passes, so that what was won stays won.

usage: message-cost.py [--record]     in a build folder; `make check` and `make record-message-cost` set the environment"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.environ['top_srcdir']
sys.path.insert(0, os.path.join(TOP, 'bench'))
import buses  # noqa: E402
import config  # noqa: E402
from callgrind import OPTIONS, Profile  # noqa: E402

RECORDS = os.path.join(TOP, 'tests/guards/message-cost.txt')
TOLERANCE = 0.03 # of the instructions; whatever else is counted is exact
ONCE = 0.2 # so often in a round memory is taken by chance: by a hash table that grows, since with this run's secret many keys fall together
TIMEOUT = 300
SKIP = 77

# The buses: kind and number of their XML rules, and what message-cost.c does to them.
BUSES = {
    '': ('', 0, ['call-64', 'call-1', 'contained-64', 'contained-1', '4-KiB', 'fd', 'broadcast-16', 'broadcast-1', 'connection']),
    'forged': ('', 0, ['forged-to-1', 'forged-to-10']),
    'xml-1000': ('nodest', 1000, ['call-64', 'call-1']),
}

ALLOCATING = ('malloc', 'calloc', 'realloc', 'memalign', 'posix_memalign', 'aligned_alloc')
CHECKS = ('postern_header_parse', 'postern_header_strip', 'postern_body_validate', 'postern_mediator_mediate')

# A connection is something new. A message is not, and takes neither memory nor a clock, nor does it move anything in epoll: valgrind shows each
# reading of a clock as a system call, which without it many are not.
NEW = ('connection',)
NEVER = ALLOCATING + ('epoll_ctl', 'clock_gettime', 'gettimeofday', 'time', 'timerfd_settime')
# What is known and to become less. The table of awaited replies is made when there is one and freed when there is none (daemon/reply.c).
# Descriptors wait in a list for their message (daemon/input_fds.c) and are handed on in a set (daemon/fdset.c).
KNOWN = {'malloc': ('call-64', 'call-1', 'contained-64', 'contained-1', '4-KiB', 'fd', 'xml-1000/call-64', 'xml-1000/call-1')}

# A header full of what a client may not say is cleaned once, not for each receiver.
FORGED_PARSES = 2
FORGED_RATIO = 1.1


# ---- counting ------------------------------------------------------------------------------------------------


class Cost:
    """What a load costs: instructions for a message, counts for a round."""

    def __init__(self, instructions, counts):
        self.instructions, self.counts = instructions, {name: round(n, 2) for name, n in counts.items() if n != 0}

    @classmethod
    def between(cls, once, twice, rounds, messages):
        """The second profile is one of twice as many rounds: what does not belong to them cancels out."""
        counts = {name: (twice.system[name] - once.system[name]) / rounds for name in {**once.system, **twice.system}}
        counts.update({name: (twice.calls[name] - once.calls[name]) / rounds for name in ALLOCATING + CHECKS})
        return cls((twice.instructions - once.instructions) / rounds / messages, counts)

    @classmethod
    def parse(cls, words):
        return cls(float(words[0]), {name: float(n) for name, n in (word.split('=') for word in words[1:])})

    def __str__(self):
        return ' '.join(['%.1f' % self.instructions] + ['%s=%g' % count for count in sorted(self.counts.items())])


class Counted(buses.Bus):
    """posternd, run by callgrind, which writes a file whenever somebody asks for the bus's id. No security module of the machine has a say."""

    def start(self):
        self.text = self.text.replace('</busconfig>', '<apparmor mode="disabled"/></busconfig>')
        self.start_daemon(['valgrind', *OPTIONS, '--callgrind-out-file=%s.out' % self.door, '--dump-before=get_id',
                           self.machine.program('posternd'), '--module=' + self.machine.program('.libs/mediator.so'),
                           '--mediator-config=' + self.machine.write('mediator.conf', self.machine.MEDIATOR)])

    def profile(self, number):
        try:
            return Profile('%s.out.%d' % (self.door, number))
        except FileNotFoundError as e:
            raise buses.Failed('callgrind did not write %s: has get_id() of daemon/driver_bus.c another name?' % e.filename)


class Machine(buses.Machine):
    MEDIATOR = '<mediator><identity order="socket"/><containers max-rules="100000"/></mediator>\n'

    def environment(self):
        """The C library chooses by the CPU how it copies and compares: here what every CPU can do."""
        return dict(super().environment(), GLIBC_TUNABLES='glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX_Usable,-AVX2_Usable,-ERMS,-FSRM,-RTM')

    def prepare(self):
        buses.LIBC.prctl(buses.PR_SET_PDEATHSIG, buses.signal.SIGTERM)


def run_client(machine, bus, loads):
    """Without further groups where that can be had: the bus looks at each."""
    more = {'extra_groups': []} if os.geteuid() == 0 else {}
    p = subprocess.run([machine.program('message-cost'), bus.door, *loads], env=machine.environment(), stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT, check=False, **more)
    if p.returncode != 0:
        raise buses.Failed((p.stderr.strip() or 'message-cost: exit status %d' % p.returncode) + '\n' + bus.complaints())
    return [line.split() for line in p.stdout.splitlines()]


def measure(folder, name):
    """{load: cost} of one bus."""
    kind, rules, loads = BUSES[name]
    os.mkdir(os.path.join(folder, name or 'plain'))
    machine = Machine(os.getcwd(), os.path.join(folder, name or 'plain'), 0, 0)
    bus, costs = Counted(machine, kind, rules), {}
    try:
        for i, (load, rounds, messages) in enumerate(run_client(machine, bus, loads)):
            costs[name + '/' + load if rules else load] = Cost.between(bus.profile(3 * i + 2), bus.profile(3 * i + 3), int(rounds), int(messages))
    finally:
        bus.stop()
    return costs


def measure_all():
    folder = tempfile.mkdtemp(prefix='pm', dir='/tmp') # sockets have short paths
    try:
        with concurrent.futures.ThreadPoolExecutor(len(BUSES)) as pool:
            found = list(pool.map(lambda name: measure(folder, name), BUSES))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {load: cost for costs in found for load, cost in costs.items()}


# ---- records ---------------------------------------------------------------------------------------------------


def output(argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout


def build():
    """What the numbers depend on: compiler without the name it was called by, machine, C library, flags, libraries."""
    compiler = os.environ['CC'].split()
    version = output(compiler + ['--version']).split('\n')[0].partition(' ')[2]
    with open('config.h', encoding='utf-8') as f:
        libraries = re.findall(r'^#define HAVE_LIB(\w+) 1', f.read(), re.M)
    return ', '.join([version, output(compiler + ['-dumpmachine']).strip(), output(['getconf', 'GNU_LIBC_VERSION']).strip(),
                      ' '.join((os.environ['CPPFLAGS'] + ' ' + os.environ['CFLAGS']).split()), ' '.join(libraries).lower()])


def read_records():
    """What stands above the first build, and {build: {load: cost}}."""
    head, records = [], {}
    with open(RECORDS, encoding='utf-8') as f:
        for line in f:
            if line.startswith('build: '):
                costs = records[line[len('build: '):].strip()] = {}
            elif not records:
                head.append(line)
            elif line.strip():
                words = line.split()
                costs[words[0]] = Cost.parse(words[1:])
    return ''.join(head), records


def write_records(costs):
    head, records = read_records()
    records[build()] = costs
    with open(RECORDS, 'w', encoding='utf-8') as f:
        f.write(head.rstrip('\n') + '\n')
        for name, loads in sorted(records.items()):
            f.write('\nbuild: %s\n' % name)
            f.writelines('%-17s %s\n' % (load, cost) for load, cost in loads.items())


# ---- judging ---------------------------------------------------------------------------------------------------


def is_forbidden(load, name):
    return name in NEVER and load not in NEW and load not in KNOWN.get(name, ())


def never_faults(costs):
    """What no record can permit."""
    for load, cost in costs.items():
        for name in NEVER:
            if is_forbidden(load, name) and cost.counts.get(name, 0) > ONCE:
                yield '%s: %s() is called %g times a round, and must not be' % (load, name, cost.counts[name])
            if load in KNOWN.get(name, ()) and cost.counts.get(name, 0) <= ONCE:
                yield '%s: %s() is not called any more: take it out of KNOWN in tests/guards/message-cost.py' % (load, name)


def forged_faults(costs):
    one, ten = costs['forged-to-1'], costs['forged-to-10']
    for load, cost in (('forged-to-1', one), ('forged-to-10', ten)):
        if cost.counts.get('postern_header_parse', 0) > FORGED_PARSES:
            yield '%s: the header is parsed %g times' % (load, cost.counts['postern_header_parse'])
        if cost.counts.get('postern_header_strip', 0) > 1:
            yield '%s: the header is cleaned %g times' % (load, cost.counts['postern_header_strip'])
    if ten.instructions > FORGED_RATIO * one.instructions:
        yield 'a forged header costs %.2f times as much with ten receivers as with one' % (ten.instructions / one.instructions)


def compare(load, found, recorded):
    if recorded is None:
        yield '%s: there is no record of it' % load
        return
    more = found.instructions / recorded.instructions - 1
    if abs(more) > TOLERANCE:
        yield '%s: %.1f instructions a message, %.1f recorded: %.1f %% %s' % (
            load, found.instructions, recorded.instructions, abs(more) * 100, 'more' if more > 0 else 'less')
    for name in sorted({*found.counts, *recorded.counts}):
        pair = found.counts.get(name, 0), recorded.counts.get(name, 0)
        if abs(pair[0] - pair[1]) > (ONCE if name in ALLOCATING else 0) and not is_forbidden(load, name):
            yield '%s: %s() is called %g times a round, %g recorded' % ((load, name) + pair)


def not_compared():
    """Loads whose cost is this user's."""
    if os.geteuid() != 0 and set(os.getgroups()) - {os.getegid()}:
        print('connection: not compared, since this user has further groups, at each of which the bus looks')
        return ('connection',)
    return ()


def judge(costs, recorded):
    faults = list(never_faults(costs)) + list(forged_faults(costs))
    for load, cost in costs.items():
        if load not in not_compared():
            faults += compare(load, cost, recorded.get(load))
    return faults + ['%s: recorded, but not measured' % load for load in recorded if load not in costs]


def why_not():
    """Why nothing can be compared here."""
    if os.environ['SANITIZERS'] != 'no':
        return 'valgrind runs no sanitized program; the plain build is measured'
    if os.path.exists('/sys/fs/selinux/enforce'):
        return 'SELinux has a say on this machine, and asking it is not what is recorded'
    return ''


def main(arguments):
    recording = arguments == ['--record']
    if why_not():
        print(why_not())
        return SKIP
    if not shutil.which('valgrind'):
        print('valgrind is missing: scripts/deps check')
        return 1
    recorded = read_records()[1].get(build())
    if recorded is None and not recording:
        print('%s: there is no record for this build.\n`make record-message-cost` writes one into %s.' % (build(), RECORDS))
        return SKIP
    costs = measure_all()
    for load, cost in costs.items():
        print('%-17s %s' % (load, cost))
    if recording:
        write_records(costs)
    faults = judge(costs, costs if recording else recorded)
    print('\n'.join(faults) or 'no message costs more or less than it did')
    if faults and not recording:
        print('Is it meant? Then `make record-message-cost`, here in the build folder, writes it down; the commit message says why. Less is a\n'
              'change, too: what is not written down can be lost again without anybody noticing.')
    return 1 if faults else 0


if __name__ == '__main__':
    if sys.argv[1:] not in ([], ['--record']):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
