# SPDX-License-Identifier: LGPL-2.1-or-later
"""The buses of the stage: the system's and a user's session, each with the distribution's own configuration."""
import os
import re
import signal
import subprocess
import time

import stage

DAEMON = os.environ['STAGE_DAEMON']
DROP_IN = '/usr/bin/dbus-daemon'
DRIVER, DRIVER_PATH = 'org.freedesktop.DBus', '/org/freedesktop/DBus'
TIMEOUT = 40
TROUBLE = re.compile(r'AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:|Assertion|SUMMARY:|core dumped')


def wait_for(what, timeout=TIMEOUT, step=0.05):
    """Polls until what() is true; returns its last value."""
    end = time.monotonic() + timeout
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)


def read(path):
    with open(path, errors='replace') as f:
        return f.read()


def processes(uid=None):
    """The living processes of the stage, of one user or all: pid -> command line."""
    found = {}
    for pid in (name for name in os.listdir('/proc') if name.isdigit()):
        try:
            if uid is not None and os.stat('/proc/' + pid).st_uid != uid:
                continue
            command = read('/proc/%s/cmdline' % pid).replace('\0', ' ').strip()
        except OSError:  # gone meanwhile
            continue
        if command:
            found[int(pid)] = command
    return found


class Place:
    """Where programs run: a user with the environment of a log-in."""

    def __init__(self, name, uid, home, env=None):
        self.name, self.uid, self.home = name, uid, home
        self.env = {'PATH': stage.PATH, 'HOME': home, 'USER': name, 'LOGNAME': name, 'SHELL': '/bin/bash', 'LANG': 'C.UTF-8', 'LC_ALL': 'C.UTF-8'}
        self.env.update({k: os.environ[k] for k in ('ASAN_OPTIONS', 'UBSAN_OPTIONS') if k in os.environ})
        self.env.update(env or {})
        self.children = []

    def options(self, **more):
        options = {'env': dict(self.env, **more.pop('env', {})), 'cwd': self.home, 'stdin': subprocess.DEVNULL, 'text': True}
        if self.uid != 0:
            options.update(user=self.uid, group=self.uid, extra_groups=[])
        options.update(more)
        return options

    def ran(self, *argv, timeout=TIMEOUT, **kw):
        """Runs a program to its end; the result may be a failure."""
        if 'input' in kw:
            kw['stdin'] = None
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, **self.options(**kw))

    def run(self, *argv, **kw):
        """Runs a program that must succeed; returns what it wrote."""
        p = self.ran(*argv, **kw)
        assert p.returncode == 0, '%s: exit %d\n%s%s' % (' '.join(argv), p.returncode, p.stdout, p.stderr)
        return p.stdout

    def python(self, text, *argv, **kw):
        return self.run('/usr/bin/python3', '-B', '-c', text, *argv, **kw)

    def spawn(self, *argv, log=None, **kw):
        """Starts a program that is to stay; what it writes goes to a file."""
        with open(log or '/run/postern/%s-%s.log' % (self.name, os.path.basename(argv[0])), 'ab') as f:
            p = subprocess.Popen(argv, stdout=f, stderr=subprocess.STDOUT, **self.options(**kw))
        p.log_path = f.name
        self.children.append(p)
        return p

    def write(self, path, data):
        """A file of the user's; returns its path."""
        path = os.path.join(self.home, path)
        if not os.path.isdir(os.path.dirname(path)):
            self.run('mkdir', '-p', os.path.dirname(path))
        with open(path, 'wb' if isinstance(data, bytes) else 'w') as f:
            f.write(data)
        os.chown(path, self.uid, self.uid)
        return path


class Bus:
    """A daemon that was started by the name that everybody knows, and who uses it."""

    def __init__(self, place, kind, address=None):
        self.place, self.kind = place, kind
        self.log_path = '/run/postern/bus-%s.log' % kind
        r, w = os.pipe()
        argv = [DROP_IN, '--' + kind, '--nofork', '--print-address=%d' % w] + (['--address=' + address] if address else [])
        self.process = place.spawn(*argv, log=self.log_path, pass_fds=[w])
        os.close(w)
        with os.fdopen(r) as f:
            self.address = f.readline().rstrip('\n')
        assert self.address, 'the %s bus did not start:\n%s' % (kind, self.log())
        self.program = os.readlink('/proc/%d/exe' % self.process.pid)

    def log(self):
        return read(self.log_path)

    def is_running(self):
        return self.process.poll() is None

    def stop(self):
        """Ends the daemon, which must have lived till now."""
        assert self.is_running(), 'the bus died with %r:\n%s' % (self.process.returncode, self.log())
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(TIMEOUT) == 0, self.log()
        assert not TROUBLE.search(self.log()), self.log()


SESSION = stage.USER, stage.UID, stage.HOME


def owner(place, name, bus='--system'):
    """The process id of a name's owner; 0 without one."""
    p = place.ran('busctl', bus, 'call', DRIVER, DRIVER_PATH, DRIVER, 'GetConnectionUnixProcessID', 's', name)
    return int(p.stdout.split()[1]) if p.returncode == 0 else 0


def start_monitors(place, bus):
    """Both kinds of clients that look on, waited for until they do."""
    monitors = [place.spawn('busctl', bus[0], 'monitor'), place.spawn('dbus-monitor', bus[1])]
    assert wait_for(lambda: 'Monitoring bus message stream' in read(monitors[0].log_path) and 'member=NameLost' in read(monitors[1].log_path)), \
        '\n'.join(read(m.log_path) for m in monitors)
    return monitors


def environment(pid):
    with open('/proc/%d/environ' % pid, 'rb') as f:
        return dict(entry.decode().split('=', 1) for entry in f.read().split(b'\0') if b'=' in entry)


def assert_activated(place, bus, name, kind):
    """The name's owner must be a process that our bus has started. Returns its process id."""
    pid = owner(place, name, '--user' if kind == 'session' else '--system')
    assert pid, '%s has no owner' % name
    env = environment(pid)
    # The setuid helper trusts nothing it was given: its services get the address that everybody knows.
    address = bus.address if kind == 'session' else bus.address.split(',guid=')[0]
    assert env.get('DBUS_STARTER_BUS_TYPE') == kind and env.get('DBUS_STARTER_ADDRESS') == address, '%s: %r' % (name, env)
    return pid


class System:
    """The system bus, and beside it what only systemd could start: a file with Exec=/bin/false names a unit, which we act out."""
    UNITS = {
        'org.freedesktop.hostname1': ['/lib/systemd/systemd-hostnamed'],
        'org.freedesktop.locale1': ['/lib/systemd/systemd-localed'],
        'org.freedesktop.Avahi': ['/usr/sbin/avahi-daemon', '-s'],
    }

    def __init__(self):
        self.root = Place('root', 0, '/root')
        self.user = Place(*SESSION)
        self.bus = Bus(self.root, 'system')

    def start(self):
        self.monitors = start_monitors(self.root, ('--system', '--system'))
        for name, argv in self.UNITS.items():
            self.root.spawn(*argv)
            assert wait_for(lambda: self.owner(name)), '%s did not come up' % name
        return self

    def activated(self, name):
        return assert_activated(self.root, self.bus, name, 'system')

    def owner(self, name):
        return owner(self.root, name)


class Session:
    """A log-in: the bus first, then a display whose name the bus is told, as a log-in does; and two monitors that see all of it."""
    TOLD = ('DISPLAY', 'XDG_CURRENT_DESKTOP', 'XDG_SESSION_TYPE')

    def __init__(self):
        runtime = '/run/user/%d' % stage.UID
        self.own_data = os.path.join(stage.HOME, 'data')
        self.place = Place(*SESSION, env={
            'XDG_RUNTIME_DIR': runtime, 'DBUS_SESSION_BUS_ADDRESS': 'unix:path=%s/bus' % runtime,
            'XDG_DATA_DIRS': self.own_data + ':/usr/local/share:/usr/share'})
        self.write_own_service()
        self.bus = Bus(self.place, 'session', self.place.env['DBUS_SESSION_BUS_ADDRESS'])

    def start(self):
        self.start_display()
        self.place.env.update(XDG_CURRENT_DESKTOP='GNOME', XDG_SESSION_TYPE='x11')
        self.monitors = start_monitors(self.place, ('--user', '--session'))
        self.place.run('dbus-update-activation-environment', *self.TOLD)
        return self

    def write_own_service(self):
        """The user's choice comes before the distribution's file for the same name; its program has arguments to be unquoted."""
        settings = self.place.write('my settings/dunst rc', '[global]\n    history_length = 17\n')
        self.place.write(self.own_data + '/dbus-1/services/org.knopwob.dunst.service',
                         '[D-BUS Service]\nName=org.freedesktop.Notifications\nExec=/usr/bin/dunst -config "%s"\n' % settings)

    def start_display(self):
        r, w = os.pipe()
        self.display = self.place.spawn('Xvfb', '-displayfd', str(w), '-screen', '0', '1024x768x24', '-nolisten', 'tcp', pass_fds=[w])
        os.close(w)
        with os.fdopen(r) as f:
            number = f.readline().strip()
        assert number, read(self.display.log_path)
        self.place.env['DISPLAY'] = ':' + number

    def client(self, name, *argv, **kw):
        return self.place.run('/usr/bin/python3', '-B', '/run/postern/tests/clients/%s.py' % name, *argv, **kw)

    def call(self, name, path, method, *argv):
        return self.place.run('gdbus', 'call', '--session', '--timeout', '20', '-d', name, '-o', path, '-m', method, *argv)

    def owner(self, name):
        return owner(self.place, name, '--user')

    def activated(self, name):
        return assert_activated(self.place, self.bus, name, 'session')

    def end_by_force(self):
        """For a session whose last test was not run."""
        for p in self.place.children:
            if p.poll() is None:
                p.kill()
            p.wait()
