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
import costs  # noqa: E402
from callgrind import OPTIONS, Profile  # noqa: E402

RECORDS = os.path.join(TOP, 'tests/guards/message-cost.txt')
TIMEOUT = 120
SKIP = 77

# The buses: kind and number of their XML rules, and what message-cost.c does to them.
BUSES = {
    '': ('', 0, ['call-64', 'call-1', 'contained-64', 'contained-1', '4-KiB', 'fd', 'broadcast-8', 'broadcast-1', 'connection']),
    'forged': ('', 0, ['forged-to-1', 'forged-to-10']),
    'xml-1000': ('nodest', 1000, ['call-64', 'call-1']),
}


# ---- counting ------------------------------------------------------------------------------------------------


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
    bus, found = Counted(machine, kind, rules), {}
    try:
        for i, (load, rounds, messages) in enumerate(run_client(machine, bus, loads)):
            found[name + '/' + load if rules else load] = costs.Cost.between(bus.profile(3 * i + 2), bus.profile(3 * i + 3), int(rounds), int(messages))
    finally:
        bus.stop()
    return found


def measure_all():
    folder = tempfile.mkdtemp(prefix='pm', dir='/tmp') # sockets have short paths
    try:
        with concurrent.futures.ThreadPoolExecutor(len(BUSES)) as pool:
            found = list(pool.map(lambda name: measure(folder, name), BUSES))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {load: cost for one in found for load, cost in one.items()}


# ---- judging ---------------------------------------------------------------------------------------------------


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


def not_compared():
    """Loads that cost more with this user."""
    with open('/proc/sys/kernel/overflowuid', encoding='ascii') as f:
        nobody = int(f.read())
    if os.geteuid() == 0 or (os.geteuid() != nobody and not set(os.getgroups()) - {os.getegid()}):
        return ()
    print('connection: not compared, since the bus has more to find out about this user: ' +
          ('is it everybody from outside?' if os.geteuid() == nobody else 'further groups'))
    return ('connection',)


def why_not():
    """Why nothing can be compared here."""
    if os.environ['SANITIZERS'] != 'no':
        return 'valgrind runs no sanitized program; the plain build is measured'
    if os.path.exists('/sys/fs/selinux/enforce'):
        return 'SELinux has a say on this machine, and asking it is not what is recorded'
    return ''


def compare(found, recorded):
    for load, cost in found.items():
        print('%-17s %s' % (load, cost))
    faults = costs.forbidden(found)
    if recorded is not None:
        faults += costs.judge(found, recorded, not_compared())
    print('\n'.join(faults) or 'no message costs more or less than it may')
    return faults


def main(arguments):
    recording = arguments == ['--record']
    if why_not():
        print(why_not())
        return SKIP
    if not shutil.which('valgrind'):
        print('valgrind is missing: scripts/deps check')
        return 1
    recorded = costs.read_records(RECORDS)[1].get(build())
    if recorded is None and not recording:
        print('there is no record for this build: %s.\n`make record-message-cost` writes one into %s.' % (build(), RECORDS))
        return SKIP
    try:
        found = measure_all()
    except (buses.Failed, subprocess.TimeoutExpired) as e:
        print(e)
        return 1
    faults = compare(found, None if recording else recorded)
    if recording and not faults:
        costs.write_records(RECORDS, build(), found)
    elif faults and not recording:
        print('Is it meant? Then `make record-message-cost`, here in the build folder, writes it down; the commit message says why. Less is a\n'
              'change, too: what is not written down can be lost again without anybody noticing.')
    return 1 if faults else 0


if __name__ == '__main__':
    if sys.argv[1:] not in ([], ['--record']):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
