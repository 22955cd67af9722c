# SPDX-License-Identifier: LGPL-2.1-or-later
"""An emulated machine: how it is booted, and what it says."""
import os
import subprocess

from kernels import Failure

# name: (kernel, what its command line has besides)
GUESTS = {
    'selinux-6.1': ('6.1', 'security=selinux selinux=1 enforcing=1'),
    'apparmor-6.1': ('6.1', 'security=apparmor apparmor=1'),
    'none-6.1': ('6.1', 'lsm=landlock,yama'),
    'apparmor-new': ('new', 'security=apparmor apparmor=1'),
    'selinux-new': ('new', 'security=selinux selinux=1 enforcing=1'),
}
SECONDS = 240
MEMORY = 256
CONTAINERS = ('apparmor-new', 'selinux-new')  # these have container managers, and more memory for them
# Of an emulated machine with threads of its own about one boot in sixty dies of a race in the kernel.
QEMU = ['qemu-system-x86_64', '-M', 'q35', '-cpu', 'max', '-smp', '1', '-nodefaults', '-display', 'none', '-no-reboot']
EMULATED = ['-accel', 'tcg,thread=single']
COUNTED = EMULATED + ['-icount', 'shift=0,sleep=off']  # an instruction takes a nanosecond, whatever else this machine does


class Result:
    """What a guest reported; whole() tells whether that is all it had to."""

    def __init__(self, name, lines, console):
        self.name, self.console = name, console
        self.kernel, self.passed, self.failures, self.problem, self.records = '', 0, [], None, []
        self.seconds, self.retried = 0.0, None
        plan = done = None
        for line in lines:
            word, _, rest = line.partition(' ')
            if done is not None:
                self.problem = 'said more after its end: %s' % line
            elif word == 'guest':
                self.kernel = rest.partition(' ')[2]
                if rest.split(' ')[0] != name:
                    self.problem = 'says that it is %s' % rest
            elif word == 'plan':
                plan = int(rest) if rest.isdigit() else None
            elif word == 'ok':
                self.passed += 1
            elif line.startswith('not ok '):
                self.failures.append(line[len('not ok '):])
            elif word == 'record':
                self.records.append(rest)
            elif word == 'done':
                done = rest
            else:
                self.problem = 'said what is no result: %.200s' % line
        if done is None:
            self.problem = self.problem or 'did not come to its end'
        elif done != '%d %d' % (self.passed, len(self.failures)) or plan != self.passed + len(self.failures) or plan == 0:
            self.problem = self.problem or 'planned %s tests, counted %s, reported %d and %d' % (
                plan, done.replace(' ', ' and '), self.passed, len(self.failures))

    def whole(self):
        return self.problem is None

    def last_lines(self, count=40):
        try:
            with open(self.console, errors='replace') as file:
                return file.read().splitlines()[-count:]
        except FileNotFoundError:
            return []


def command(name, kernel, image, serials, more='', accel=None):
    line = 'console=ttyS0 quiet panic=-1 guest=%s %s %s' % (name, GUESTS[name][1], more)
    words = QEMU + [*(accel or EMULATED), '-m', str(MEMORY * (2 if name in CONTAINERS else 1)), '-kernel', kernel, '-initrd', image]
    words += ['-append', line]
    for serial in serials:
        words += ['-serial', serial]
    return words


def run(name, kernel, image, folder, more='', seconds=SECONDS, accel=None):
    """Boots a guest, which ends itself. more: for the command line of the kernel. ([what it reported], path of what is for reading, None
    or what went wrong)"""
    console, results = (os.path.join(folder, '%s.%s' % (name, what)) for what in ('console', 'results'))
    for path in (console, results):
        if os.path.exists(path):
            os.unlink(path)
    words = command(name, kernel, image, ('file:' + console, 'file:' + results), more, accel) + ['-monitor', 'none']
    problem = None
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
        try:
            said, _ = qemu.communicate(timeout=seconds)
            if qemu.returncode != 0:
                problem = 'qemu ended with %d: %s' % (qemu.returncode, said.decode(errors='replace').strip()[-500:])
        except subprocess.TimeoutExpired:
            problem = 'did not end within %d s' % seconds
        finally:
            if qemu.poll() is None:
                qemu.kill()
    try:
        with open(results, errors='replace') as file:
            text = file.read()
    except FileNotFoundError:
        text = ''
    lines = text.replace('\r', '').splitlines()
    if text and not text.endswith('\n'):
        lines.append('')  # the last line is not all of it
    return lines, console, problem


def boot(name, kernel, image, folder, more=''):
    """Boots a guest, which runs its tests."""
    lines, console, problem = run(name, kernel, image, folder, more)
    result = Result(name, lines, console)
    result.problem = problem or result.problem
    return result


def shell(name, kernel, image):
    """A guest with a shell on this terminal, instead of the tests."""
    try:
        os.execvp(QEMU[0], command(name, kernel, image, ('mon:stdio',), 'shell=1'))
    except OSError as error:
        raise Failure('qemu: %s' % error)
