# SPDX-License-Identifier: LGPL-2.1-or-later
"""One of the two daemons, in a folder of its own, and the connections to it."""
import array
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from records import CLOSED, REFUSED, Book
from wirebus import CALL, DRIVER, DRIVER_PATH, ERROR, RETURN, Closed, Conn, DBusError, Message, TIMEOUT, message_size

HERE = os.path.dirname(os.path.abspath(__file__))
OURS, STOCK = 'posternd', 'dbus-daemon'
PROGRAMS = {OURS: os.environ.get('POSTERND') or os.path.abspath('posternd'),
            STOCK: os.environ.get('POSTERN_TEST_STOCK') or shutil.which('dbus-daemon') or '/usr/bin/dbus-daemon'}
TROUBLE = re.compile(r'AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:|Assertion|SUMMARY:|core dumped')

ANCILLARY = socket.CMSG_SPACE(4 * 253)

# So many seconds of silence mean that nothing more comes, where the policy keeps the driver from answering.
QUIET = 0.04

# Serials that only the emptying of connections uses.
DRAIN = 0x7f000000
# Without a destination no policy keeps it from being answered; before Hello that is not allowed.
PING = {(order, to): Message(CALL, destination=to, path=DRIVER_PATH, interface='org.freedesktop.DBus.Peer', member='Ping', order=order).pack()
        for order in 'lB' for to in (DRIVER, None)}

OPEN_POLICY = '<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>'


def stock_version():
    text = subprocess.run([PROGRAMS[STOCK], '--version'], stdout=subprocess.PIPE, text=True, check=True).stdout
    return tuple(int(n) for n in re.search(r'(\d+)\.(\d+)\.(\d+)', text).groups())


class Setup:
    """What both daemons are started with: the policy of the default context, more of the configuration, options, files."""

    def __init__(self, policy=OPEN_POLICY, body='', type='session', args=(), files=()):
        self.args, self.files = tuple(args), tuple(dict(files).items())
        self.text = ('<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" '
                     '"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">\n'
                     '<busconfig>\n<type>%s</type>\n<listen>unix:path=DIR/bus</listen>\n<policy context="default">%s</policy>\n%s\n</busconfig>\n'
                     % (type, policy, body))

    def key(self):
        return self.text, self.args, self.files


class NotStarted(Exception):
    pass


class Party(Conn):
    """A connection that never waits for anything but the end of what the daemon sends."""

    def __init__(self, daemon, address, order, fds):
        self.daemon, self.calls, self.got, self.closed, self.is_monitor = daemon, [], [], False, False
        self.drains, self.pending, self.driver_serials, self.forgotten, self.becoming = DRAIN, None, set(), False, None
        super().__init__(address, hello=False, order=order, fds=fds)
        # Blocking in the kernel saves a call to poll() each time.
        self.sock.settimeout(None)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack('ll', int(TIMEOUT), 0))

    def read_some(self, timeout):
        try:
            data, anc, flags, _ = self.sock.recvmsg(1 << 16, ANCILLARY, socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return timeout > 0 and bool(select.select([self.sock], [], [], timeout)[0]) and self.read_some(0)
        for level, kind, payload in anc:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self.fdq += array.array('i', payload)
        if not data:
            raise Closed('end of file')
        self.buf += data
        return True

    def next_serial(self):
        self.serial += 1
        return self.serial

    def learn(self, m):
        """From what the driver answers: our name, and that we are a monitor now."""
        if m.sender == DRIVER and m.member == 'NameAcquired' and m.destination == m.body[0] and self.name is None:
            self.name = m.destination
        if m.sender != DRIVER or m.type not in (RETURN, ERROR):
            return
        if m.reply_serial == self.becoming:
            self.becoming, self.is_monitor = None, m.type == RETURN
        if m.type == RETURN and self.name is None and m.signature == 's' and m.body[0].startswith(':'):
            self.name = m.body[0]

    def finish_becoming(self):
        """A monitor may not send any more, so that the answer must be known before the next question."""
        end = time.monotonic() + TIMEOUT
        while self.becoming is not None and not self.closed and time.monotonic() < end:
            self.receive(0.05)

    def start_drain(self):
        """Asks the driver something; the answer comes after all that the daemon has for us now."""
        self.drains += 1
        self.pending = [b'\x05\x01u\0' + struct.pack(e + 'I', self.drains) for e in '<>']
        ping = PING[self.order, None if self.name else DRIVER]
        try:
            self.sock.sendall(ping[:8] + struct.pack(('<' if self.order == 'l' else '>') + 'I', self.drains) + ping[12:])
        except OSError:
            pass  # what was sent before the end is still to be read

    def finish_drain(self):
        end = time.monotonic() + TIMEOUT
        while self.pending and not self.closed:
            if not self.receive(end - time.monotonic()):
                raise TimeoutError('%s does not answer %s:\n%s' % (self.daemon.kind, self.name, self.daemon.log()))

    def receive(self, timeout=0):
        """Reads what is there; was there anything?"""
        if self.closed:
            return False
        try:
            some = self.read_some(timeout)
        except (Closed, OSError):
            self.closed = some = True
            self.got.append(CLOSED)
        self.take_messages()
        return some

    def take_messages(self):
        while True:
            n = message_size(self.buf)
            if n is None or n > len(self.buf):
                return
            data, self.buf = self.buf[:n], self.buf[n:]
            if self.pending and data[1] in (2, 3) and any(p in data[:400] for p in self.pending):
                self.pending = None
                continue
            m = Message.unpack(data)
            m.version = data[3]
            m.fds, self.fdq = self.fdq[:m.n_fds or 0], self.fdq[m.n_fds or 0:]
            if m.serial < DRAIN and (m.reply_serial or 0) < DRAIN:
                self.got.append(self.daemon.book.record(m, self))
                if m.type == CALL:
                    self.calls.append(m)
                self.learn(m)
            for fd in m.fds:
                os.close(fd)


class Daemon:
    def __init__(self, kind, setup):
        self.kind, self.setup, self.quiet = kind, setup, 0
        self.dir = tempfile.mkdtemp(prefix='pd', dir='/tmp')
        os.chmod(self.dir, 0o755)
        self.log_path = os.path.join(self.dir, 'log')
        self.conns, self.files, self.names = {}, {}, {}
        os.mkdir(os.path.join(self.dir, 'run'), 0o700)
        self.write('bus.conf', setup.text)
        self.write('mediator.conf', '<mediator/>\n')
        for path, text in setup.files:
            self.write(path, text)
        try:
            self.start()
        except BaseException:
            self.kill()
            raise

    def write(self, path, text):
        path = os.path.join(self.dir, path)
        if text is None:
            os.unlink(path)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # In one step, and from elsewhere: the daemons may watch the folder.
        new = os.path.join(self.dir, 'new')
        with open(new, 'w') as f:
            f.write(text.replace('DIR', self.dir).replace('HERE', HERE).replace('PYTHON', sys.executable))
        os.rename(new, path)

    def start(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith('DBUS_') and k not in ('LISTEN_FDS', 'LISTEN_PID', 'NOTIFY_SOCKET')}
        env.update(XDG_RUNTIME_DIR=self.dir + '/run', XDG_DATA_HOME=self.dir + '/data', XDG_DATA_DIRS=self.dir + '/data', HOME=self.dir,
                   XDG_CONFIG_HOME=self.dir, TEST_INHERITED='yes')
        args = [PROGRAMS[self.kind], '--config-file=%s/bus.conf' % self.dir, '--nofork']
        if self.kind == OURS:
            args.append('--mediator-config=%s/mediator.conf' % self.dir)
        r, w = os.pipe()
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(args + ['--print-address=%d' % w, *self.setup.args], pass_fds=[w], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=env, cwd=self.dir)
        os.close(w)
        with os.fdopen(r) as f:
            self.address = f.readline().rstrip('\n')
        if not self.address:
            raise NotStarted('%s did not start:\n%s\n%s' % (self.kind, self.log(), self.setup.text))
        self.book = Book(self)
        self.refused = self.last_serial = self.observer = None
        self.start_observer()

    def start_observer(self):
        """A connection of the test's own, unless the policy lets nobody in or keeps the driver's answers away."""
        try:
            observer = Party(self, self.address, 'l', True)
            observer.serial = DRAIN
            self.book.guid = observer.guid
            observer.name, = observer.call('Hello', timeout=1)
            self.observer = observer
        except (Closed, OSError, DBusError, TimeoutError):
            self.quiet = QUIET

    def log(self):
        with open(self.log_path, errors='replace') as f:
            return f.read()

    # ---- what sequences do
    def resolve(self, v):
        """@N in strings becomes the unique name of connection N."""
        if isinstance(v, str):
            return re.sub(r'@(\d)', lambda m: self.unique(int(m.group(1))), v) if '@' in v else v
        if isinstance(v, (tuple, list)):
            return type(v)(self.resolve(x) for x in v)
        if isinstance(v, dict):
            return {self.resolve(k): self.resolve(x) for k, x in v.items()}
        return v

    def unique(self, n):
        conn = self.conns.get(n)
        if conn is not None and conn.name:
            self.names[n] = conn.name
        return self.names.get(n, ':1.999999')  # of a closed one, too

    def do(self, op):
        """Does it, without waiting for what comes of it."""
        conn = self.conns.get(op.conn)
        self.last_serial = None
        if op.kind == 'connect':
            self.do_connect(op)
        elif op.kind == 'write':
            self.write(op.path, op.text)
        elif op.kind == 'close' and conn is not None:
            self.unique(op.conn)
            del self.conns[op.conn]
            self.leave(conn)
        elif conn is not None and not conn.closed:
            self.do_send(op, conn)

    def do_connect(self, op):
        if op.conn in self.conns:
            if not self.conns[op.conn].closed:
                return
            self.conns[op.conn].close()
        try:
            conn = Party(self, self.address, op.order, op.fds)
        except (Closed, OSError, DBusError):
            self.refused = op.conn
            return
        self.conns[op.conn] = conn
        if op.hello:
            self.last_serial = conn.next_serial()
            try:
                conn.send(Message(CALL, serial=self.last_serial, destination=DRIVER, path=DRIVER_PATH, interface=DRIVER, member='Hello'))
            except Closed:
                pass

    def do_send(self, op, conn):
        try:
            if op.kind == 'raw':
                self.last_serial = int.from_bytes(op.data[8:12], 'little')
                conn.send_bytes(op.data)
            elif op.kind in ('send', 'reply'):
                m = self.make_message(op, conn)
                if m is not None:
                    self.send_message(m, conn)
        except (Closed, OSError):
            pass  # seen when the connection is emptied

    def make_message(self, op, conn):
        fields = {k: self.resolve(v) for k, v in op.args.items() if k not in ('nth', 'keep', 'copies')}
        if op.kind == 'reply':
            try:
                answered = conn.calls[op.nth] if op.keep else conn.calls.pop(op.nth)
            except IndexError:
                return None  # nobody has called
            fields.setdefault('destination', answered.sender)
            fields['reply_serial'] = answered.serial
        if not fields.get('serial'):
            fields['serial'] = conn.next_serial()
        self.last_serial = fields['serial']
        self.book.note(op, conn, fields)
        if op.is_call('BecomeMonitor'):
            conn.becoming = fields['serial']
        return Message(**fields)

    def send_message(self, m, conn):
        fds = [self.file(name) for name in m.fds]
        if fds and m.n_fds is None:
            m.n_fds = len(fds)
        m.order = conn.order
        conn.send_bytes(m.pack(), fds)

    def file(self, name):
        """An open file that its receiver can tell from others."""
        if name not in self.files:
            self.files[name] = os.memfd_create('test-' + name)
        return self.files[name]

    # ---- reading what came of it
    def drain(self, op):
        """Reads all that the daemon has sent because of the operation."""
        if self.quiet:
            self.drain_by_time()
            return
        first = self.conns.get(op.conn)
        if first is not None:
            first.finish_becoming()
            if not first.is_monitor:
                self.drain_some([first])
        self.round_trip()
        if self.sweep():
            self.round_trip()
            self.sweep()

    def sweep(self):
        """Reads what has come; did the daemon close a connection? What it sends because of something is written at the latest in the
        round after, so that a round trip of somebody else is enough to wait for. What does not fit the socket then is asked for."""
        for c in self.conns.values():
            if c.is_monitor:
                while c.receive() or (c.buf and not c.closed):
                    pass
            elif c.receive() and not c.closed:
                self.drain_some([c])
        return self.settle()

    def drain_by_time(self):
        """Where the policy keeps the driver's answers away."""
        end = time.monotonic() + self.quiet
        while time.monotonic() < end:
            for c in self.conns.values():
                c.receive(0.005)

    def drain_some(self, conns):
        for c in conns:
            if not c.closed:
                c.start_drain()
        for c in conns:
            c.finish_drain()

    def settle(self):
        """Waits until the daemon has forgotten the connections that it closed; was there any?"""
        gone = [c for c in self.conns.values() if c.closed and c.name and not c.forgotten]
        for c in gone:
            self.wait_gone(c.name)
            c.forgotten = True
        return bool(gone)

    def wait_until(self, op):
        n, want = op.until
        end = time.monotonic() + TIMEOUT
        while True:
            conn = self.conns.get(n)
            if conn is None or conn.closed or any(r.fits(want) for r in conn.got):
                return
            if time.monotonic() > end:
                return  # the comparison shows what is missing
            conn.receive(0.05)
            self.drain(op)

    def round_trip(self):
        if self.observer:
            self.observer.start_drain()
            self.observer.finish_drain()

    def has_owner(self, name):
        o = self.observer
        o.drains += 1
        serial = o.send(Message(CALL, serial=o.drains, destination=DRIVER, path=DRIVER_PATH, interface=DRIVER, member='NameHasOwner',
                                signature='s', body=(name,)))
        return o.reply_to(serial)[0]

    def wait_gone(self, name):
        end = time.monotonic() + TIMEOUT
        try:
            while self.has_owner(name):
                assert time.monotonic() < end, '%s keeps the name %s of a closed connection' % (self.kind, name)
        except DBusError:
            time.sleep(0.1)  # the policy forbids to ask

    def leave(self, conn):
        name = conn.name
        conn.close()
        if self.quiet:
            time.sleep(self.quiet)
        if name and self.observer:
            self.wait_gone(name)

    def take(self):
        """What each connection has got since the last time."""
        out, self.refused = ({} if self.refused is None else {self.refused: (REFUSED,)}), None
        for n, conn in self.conns.items():
            if conn.got:
                out[n], conn.got = tuple(conn.got), []
        return out

    # ---- the end
    def finish_sequence(self):
        for conn in self.conns.values():
            conn.close()
        for conn in self.conns.values():
            if conn.name and self.observer:
                self.wait_gone(conn.name)
        self.conns = {}
        self.book.forget()
        return self.process.poll() is None

    def kill(self):
        process = getattr(self, 'process', None)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        while self.files:
            os.close(self.files.popitem()[1])
        shutil.rmtree(self.dir, ignore_errors=True)

    def finish(self):
        """Ends the daemon, which must have lived until now without complaint."""
        try:
            for conn in [*self.conns.values(), *filter(None, [self.observer])]:
                conn.close()
            assert self.process.poll() is None, '%s died with %r:\n%s' % (self.kind, self.process.returncode, self.log())
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(TIMEOUT)
            assert code == 0, '%s: exit %d:\n%s' % (self.kind, code, self.log())
            assert not TROUBLE.search(self.log()), self.log()
        finally:
            self.kill()
