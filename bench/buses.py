# SPDX-License-Identifier: LGPL-2.1-or-later
"""The buses that are compared: how each is started, privately, and which processes count as it."""
import ctypes
import os
import shutil
import signal
import subprocess
import time

import config

TIMEOUT = 30
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    pass


class Machine:
    """What all buses share: programs, folders and CPUs."""

    def __init__(self, build, folder, bus_cpu, client_cpu):
        self.build, self.folder, self.bus_cpu, self.client_cpu = build, folder, bus_cpu, client_cpu
        self.count = 0
        self.runtime = os.path.join(folder, 'run')
        os.mkdir(self.runtime, 0o700)
        self.mediator = self.write('mediator.conf', config.MEDIATOR)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return path

    def new_name(self):
        self.count += 1
        return 'b%d' % self.count

    def program(self, name):
        return os.path.join(self.build, name)

    def environment(self):
        """Nothing of the session that we run in."""
        env = {k: v for k, v in os.environ.items() if not k.startswith('DBUS_') and k not in ('LISTEN_FDS', 'LISTEN_PID', 'NOTIFY_SOCKET')}
        env.update(XDG_RUNTIME_DIR=self.runtime, HOME=self.folder, XDG_CONFIG_HOME=self.folder)
        return env

    def spawn(self, argv, log, **more):
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=log, env=self.environment(), cwd=self.folder, preexec_fn=self.prepare, **more)

    def prepare(self):
        """In the child: its CPU, and its end when we end, however that comes about."""
        os.sched_setaffinity(0, {self.bus_cpu})
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Bus:
    """A running bus. door: where callers come in; service: where services do."""
    raw = False
    programs = ()
    arguments = ()  # for bench-load
    process_of = '' # another in BUSES, whose running process this is, too

    def __init__(self, machine, kind='', rules=0, fan=False, text=None):
        self.machine, self.kind, self.rules, self.fan = machine, kind, rules, fan
        self.name = machine.new_name()
        self.door = self.service = os.path.join(machine.folder, self.name)
        self.text = text or config.bus_config(self.door, kind, rules)
        self.processes, self.pids = [], []
        self.log = open(self.door + '.log', 'ab')
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def run(self, argv, ready, **more):
        """Starts a process of this bus and waits for the line that says it is ready."""
        process = self.machine.spawn(argv, self.log, stdout=subprocess.PIPE, text=True, **more)
        self.processes.append(process)
        line = process.stdout.readline()
        if not line.startswith(ready):
            raise Failed('%s did not start: %s' % (argv[0], self.complaints()))
        return process

    def start_daemon(self, argv):
        path = self.machine.write(self.name + '.conf', self.text)
        process = self.run(argv + ['--config-file=' + path, '--nofork', '--print-address'], 'unix:')
        self.pids.append(process.pid)

    def complaints(self):
        with open(self.log.name, errors='replace') as f:
            return f.read()[-2000:]

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout and process.stdout.close()
        self.processes = []
        self.log.close()


class Posternd(Bus):
    def start(self):
        self.start_daemon([self.machine.program('posternd'), '--mediator-config=' + self.machine.mediator])


class Bare(Bus):
    """posternd without its mediator: what it costs to ask."""

    def start(self):
        self.start_daemon([self.machine.program('posternd'), '--module=none'])


class Contained(Posternd):
    """The same posternd, for callers that come from a container."""
    arguments = ('--container=20',)
    process_of = 'posternd'


class DBusDaemon(Bus):
    programs = ('dbus-daemon',)

    def start(self):
        self.start_daemon(['dbus-daemon'])


class DBusBroker(Bus):
    programs = ('dbus-broker',)

    def start(self):
        argv = [self.machine.program('bench-broker'), shutil.which('dbus-broker'), self.door]
        process = self.run(argv + ([self.kind, str(self.rules)] if self.rules else []), 'ready')
        self.pids.append(process.pid)


class Proxy(Bus):
    """dbus-daemon, and before it the filter that sandboxes use today. Both count."""
    programs = ('xdg-dbus-proxy', 'dbus-daemon')

    def start(self):
        self.start_daemon(['dbus-daemon'])
        self.door = self.service + 'p'
        # It says that it listens through this fd, and ends when we close it.
        ours, its = os.pipe()
        argv = ['xdg-dbus-proxy', '--fd=%d' % its, 'unix:path=' + self.service, self.door, '--filter', '--talk=org.bench.*']
        process = self.machine.spawn(argv, self.log, stdout=subprocess.DEVNULL, pass_fds=[its])
        os.close(its)
        self.processes.append(process)
        self.pids.append(process.pid)
        self.fd = ours
        if os.read(ours, 1) != b'x':
            raise Failed('xdg-dbus-proxy did not start: ' + self.complaints())

    def stop(self):
        super().stop()
        if hasattr(self, 'fd'):
            os.close(self.fd)
            del self.fd


class Relay(Bus):
    raw = True
    mode = ''

    def start(self):
        process = self.run([self.machine.program('bench-relay'), self.mode, self.door] + (['fan'] if self.fan else []), 'ready')
        self.pids.append(process.pid)


class Frame(Relay):
    mode = 'frame'


class Stream(Relay):
    mode = 'stream'


BUSES = {'posternd': Posternd, 'posternd-contained': Contained, 'posternd-bare': Bare, 'dbus-broker': DBusBroker,
         'dbus-daemon': DBusDaemon, 'proxy': Proxy, 'relay-frame': Frame, 'relay-stream': Stream}
PACKAGES = {'dbus-daemon': 'dbus-daemon', 'dbus-broker': 'dbus-broker', 'xdg-dbus-proxy': 'xdg-dbus-proxy'}


def missing_programs(name):
    return [program for program in BUSES[name].programs if not shutil.which(program)]


def load(bus, arguments, cpu, timeout=TIMEOUT):
    """Runs bench-load against a running bus; its result as text."""
    argv = [bus.machine.program('bench-load'), '--address=' + bus.door, '--service=' + bus.service, '--cpu=%d' % cpu,
            '--pids=' + ','.join(map(str, bus.pids))] + (['--raw'] if bus.raw else []) + arguments
    try:
        p = subprocess.run(argv, env=bus.machine.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failed('no end after %d s' % timeout)
    if p.returncode != 0:
        raise Failed((p.stderr.strip() or 'exit status %d' % p.returncode) + bus.complaints()[-300:])
    return p.stdout


def start_up(machine, name, folders):
    """How long a bus needs until it listens, with a distribution's policies, in ms: on the clock and of CPU time."""
    bus_class = BUSES[name]
    socket = os.path.join(machine.folder, 'b%d' % (machine.count + 1))
    begin = time.monotonic()
    bus = bus_class(machine, text=config.system_config(socket, folders))
    wall = time.monotonic() - begin
    with open('/proc/%d/schedstat' % bus.pids[0]) as f:
        cpu = int(f.read().split()[0])
    bus.stop()
    return {'wall_ms': wall * 1e3, 'cpu_ms': cpu / 1e6}
