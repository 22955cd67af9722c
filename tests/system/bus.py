# SPDX-License-Identifier: LGPL-2.1-or-later
"""A private bus of one test: started from the build tree, watched, and asked to account for itself at the end."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from wirebus import CONTAINERS, Conn, TIMEOUT

DAEMON = os.environ.get('POSTERN_TEST_DAEMON') or os.environ.get('POSTERND') or os.path.abspath('posternd')
STOCK = os.path.basename(DAEMON) == 'dbus-daemon'
with open(DAEMON, 'rb') as daemon_file:
    SANITIZED = b'__asan_init' in daemon_file.read()

SEE, CALL_, HEAR, OWN, SEND_FDS, RECEIVE_FDS = 1, 2, 4, 8, 0x10, 0x20
NAME_SUBTREE, PATH_SUBTREE, MEMBER = 0x100, 0x200, 0x400
TALK = SEE | CALL_ | HEAR
TROUBLE = re.compile(r'AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:|Assertion|SUMMARY:|core dumped')

OPEN_POLICY = '<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>'


def config_text(listen, body='', policy=OPEN_POLICY, type='session'):
    return ('<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" '
            '"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">\n'
            '<busconfig>\n<type>%s</type>\n<listen>%s</listen>\n<policy context="default">%s</policy>\n%s\n</busconfig>\n'
            % (type, listen, policy, body))


def wait_for(what, timeout=TIMEOUT, step=0.01):
    """Polls until what() is true; returns its last value."""
    end = time.monotonic() + timeout
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)


def rule(flags, name, path='/', iface='', anywhere=True):
    """A rule for all paths unless told otherwise."""
    return (flags | (PATH_SUBTREE if anywhere and path == '/' else 0), name, path, iface)


class Instance:
    """A container that a manager made."""

    def __init__(self, bus, manager, path, socket, address):
        self.bus, self.manager, self.path, self.socket, self.address = bus, manager, path, socket, address

    def connect(self, **kw):
        return self.bus.keep(Conn(self.address, **kw))

    def stop(self):
        self.manager.call('StopInstance', 'o', self.path, iface=CONTAINERS)

    def stop_listening(self):
        self.manager.call('StopListening', 'o', self.path, iface=CONTAINERS)


class Bus:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='pt', dir='/tmp')
        os.chmod(self.dir, 0o755)
        self.runtime = os.path.join(self.dir, 'run')
        os.mkdir(self.runtime, 0o700)
        self.config = os.path.join(self.dir, 'bus.conf')
        self.mediator = os.path.join(self.dir, 'mediator.conf')
        self.log_path = os.path.join(self.dir, 'log')
        self.process = self.address = None
        self.auth = True
        self.conns, self.children, self.fds_at_start = [], [], None
        self.check_fds = True
        self.prefix = []  # a program that starts the daemon
        self.write(self.mediator, '<mediator/>\n')

    def write(self, path, text):
        path = os.path.join(self.dir, path)
        with open(path, 'w') as f:
            f.write(text)
        return path

    def env(self, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith('DBUS_') and k not in ('LISTEN_FDS', 'LISTEN_PID')}
        env.update(XDG_RUNTIME_DIR=self.runtime, HOME=self.dir, XDG_CONFIG_HOME=self.dir, **more)
        return env

    def arguments(self, *args, mediator=True):
        return self.prefix + [DAEMON] + list(args) + (['--mediator-config=' + self.mediator] if mediator and not STOCK else [])

    def start(self, body='', policy=OPEN_POLICY, type='session', text=None, args=(), mediator=None, auth=True):
        """Starts the daemon; body: more of the configuration; text: all of it; mediator: mediator.conf's text; auth: that of Conn."""
        self.auth = auth
        self.write(self.config, text or config_text('unix:path=%s/bus' % self.dir, body, policy, type))
        if mediator is not None:
            self.write(self.mediator, mediator)
        r, w = os.pipe()
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(
                self.arguments('--config-file=' + self.config, '--nofork', '--print-address=%d' % w, *args),
                pass_fds=[w], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env(), cwd=self.dir)
        os.close(w)
        with os.fdopen(r) as f:
            self.address = f.readline().rstrip('\n')
        assert self.address, 'the bus did not start:\n' + self.log()
        wait_for(lambda: os.path.exists('/proc/%d/fd' % self.pid))
        with self.connect() as c:
            c.sync()
        self.fds_at_start = self.settled_fds()
        return self

    @property
    def pid(self):
        return self.process.pid

    def keep(self, conn):
        self.conns.append(conn)
        return conn

    def connect(self, **kw):
        kw.setdefault('auth', self.auth)
        return self.keep(Conn(self.address, **kw))

    def log(self):
        with open(self.log_path, errors='replace') as f:
            return f.read()

    def n_fds(self):
        return len(os.listdir('/proc/%d/fd' % self.pid))

    def settled_fds(self):
        """The number of open fds once it has stopped changing."""
        last = self.n_fds()
        for _ in range(100):
            time.sleep(0.01)
            now = self.n_fds()
            if now == last:
                break
            last = now
        return last

    def is_running(self):
        return self.process.poll() is None

    def sighup(self):
        self.process.send_signal(signal.SIGHUP)

    def container(self, manager=None, rules=(), name='app', type='com.example.Sandbox', metadata=None, fds=(), **named):
        """AddServer; rules None: without Allow. Named arguments as (signature, value)."""
        manager = manager or self.connect()
        if rules is not None:
            named['Allow'] = ('a(usos)', list(rules))
        path, socket, address = manager.call('AddServer', 'ssa{sv}a{sv}', type, name, metadata or {}, named, iface=CONTAINERS, fds=fds)
        return Instance(self, manager, path, socket, address)

    def container_fails(self, manager=None, type='com.example.Sandbox', name='app', metadata=None, fds=(), **named):
        """The error of an AddServer that must fail."""
        manager = manager or self.connect()
        return manager.failure('AddServer', 'ssa{sv}a{sv}', type, name, metadata or {}, named, iface=CONTAINERS, fds=fds)

    def run(self, *argv, address=None, timeout=30, check=True, stdin=None):
        """Runs a client program against the bus; returns its stdout."""
        p = subprocess.run(argv, env=self.env(DBUS_SESSION_BUS_ADDRESS=address or self.address), timeout=timeout,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if check:
            assert p.returncode == 0, p.stdout + p.stderr
            return p.stdout
        return p

    def spawn(self, *argv, address=None, **kw):
        """Starts a client program that is ended with the test."""
        p = subprocess.Popen(argv, env=self.env(DBUS_SESSION_BUS_ADDRESS=address or self.address), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)
        self.children.append(p)
        return p

    def finish(self):
        """Ends everything and checks that the bus lived, ends well, and leaves nothing behind."""
        try:
            for p in self.children:
                if p.poll() is None:
                    p.kill()
                p.communicate()
            for c in self.conns:
                c.close()
            if self.process is None:
                return
            assert self.is_running(), 'the bus died with %r:\n%s' % (self.process.returncode, self.log())
            if self.check_fds and self.fds_at_start is not None:
                wait_for(lambda: self.n_fds() <= self.fds_at_start, 5)
                assert self.n_fds() <= self.fds_at_start, 'fds leaked: ' + str(
                    [os.readlink('/proc/%d/fd/%s' % (self.pid, n)) for n in os.listdir('/proc/%d/fd' % self.pid)])
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                raise AssertionError('SIGTERM does not end the bus:\n' + self.log())
            log = self.log()
            assert code == 0, 'exit %d:\n%s' % (code, log)
            assert not TROUBLE.search(log), log
            left = [os.path.join(d, f) for d, _, files in os.walk(self.dir) for f in files
                    if f.startswith('dbus-') or f == 'bus']
            assert not left, 'sockets left behind: %s' % left
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self.dir, ignore_errors=True)
