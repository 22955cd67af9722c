# SPDX-License-Identifier: LGPL-2.1-or-later
"""What several tests need beside a bus."""
import hashlib
import os
import pickle
import pwd
import signal
import threading

from wirebus import E, Closed, DBusError

OTHER_UID = 65534


def is_root():
    return os.geteuid() == 0


def may_own(bus, name):
    """Does the policy let a new connection have the name?"""
    with bus.connect() as c:
        try:
            return c.request_name(name) == 1
        except DBusError as e:
            assert e.name == E + 'AccessDenied'
            return False


def as_other_user(fn, *args, timeout=30, uid=OTHER_UID, groups=()):
    """Runs fn in a child that gave up root for another uid; returns what it returned, raises what it raised."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        try:
            signal.alarm(timeout)
            os.setgroups(groups)
            os.setgid(OTHER_UID)
            os.setuid(uid)
            result = (True, fn(*args))
        except BaseException as e:  # to be raised again in the parent
            result = (False, RuntimeError('in the child: %r' % e))
        with os.fdopen(w, 'wb') as f:
            pickle.dump(result, f)
        os._exit(0)
    os.close(w)
    with os.fdopen(r, 'rb') as f:
        data = f.read()
    os.waitpid(pid, 0)
    assert data, 'the child died'
    ok, value = pickle.loads(data)
    if not ok:
        raise value
    return value


def pipe_reads(fd, w, text=b'through the bus'):
    """Is fd the reading end of the pipe that w writes to?"""
    os.write(w, text)
    return os.read(fd, 100) == text


def anonymous(conn):
    """Authenticates as nobody; for Conn(auth=...)."""
    conn.send_bytes(b'\0AUTH ANONYMOUS 74657374\r\n')
    answer = conn.line()
    if not answer.startswith('OK '):
        raise DBusError('auth', answer)
    conn.send_bytes(b'BEGIN\r\n')


class Home:
    """The home in which the bus keeps its cookies: the folder of the test."""

    def __init__(self, bus):
        self.bus = bus

    def path(self, name=''):
        return self.bus.dir + '/.dbus-keyrings/' + name

    def cookie(self, number):
        with open(self.path('org_freedesktop_general')) as f:
            return next(line.split()[2] for line in f if line.split()[0] == number)

    def ask(self, conn, who=None):
        """Begins; the words of the challenge."""
        conn.send_bytes(b'AUTH DBUS_COOKIE_SHA1 ' + (who or pwd.getpwuid(os.geteuid()).pw_name).encode().hex().encode() + b'\r\n')
        answer = conn.line()
        if not answer.startswith('DATA '):
            raise DBusError('auth', answer)
        return bytes.fromhex(answer[5:]).decode().split(' ')

    def prove(self, conn, number, challenge, cookie=None, mine='abcd'):
        text = ':'.join((challenge, mine, cookie or self.cookie(number)))
        response = '%s %s' % (mine, hashlib.sha1(text.encode()).hexdigest())
        conn.send_bytes(b'DATA ' + response.encode().hex().encode() + b'\r\n')
        return conn.line()

    def authenticate(self, conn):
        """For Conn(auth=...)."""
        conn.send_bytes(b'\0')
        context, number, challenge = self.ask(conn)
        assert context == 'org_freedesktop_general'
        answer = self.prove(conn, number, challenge)
        if not answer.startswith('OK '):
            raise DBusError('auth', answer)
        conn.send_bytes(b'BEGIN\r\n')


class Echo(threading.Thread):
    """A service on a connection of its own: answers Echo with its arguments, Header with the caller's instance, GiveFd with one."""

    def __init__(self, conn, *names):
        super().__init__(daemon=True)
        self.conn, self.seen = conn, []
        for name in names:
            conn.request_name(name)
        self.start()

    def run(self):
        try:
            while True:
                call = self.conn.wait_call(timeout=3600)
                self.seen.append(call)
                if call.member == 'Echo':
                    self.conn.reply(call, call.signature or '', *call.body)
                elif call.member == 'Header':
                    self.conn.reply(call, 's', call.instance or '')
                elif call.member == 'GiveFd':
                    r, w = os.pipe()
                    os.write(w, b'from the service')
                    os.close(w)
                    self.conn.reply(call, 'h', 0, fds=[r])
                    os.close(r)
                elif call.member == 'TakeFd':
                    os.write(call.fds[0], b'from the service')
                    os.close(call.fds[0])
                    self.conn.reply(call)
                else:
                    self.conn.reply_error(call, 'org.freedesktop.DBus.Error.UnknownMethod', 'no such method')
        except (Closed, OSError, ValueError, AssertionError, TimeoutError):
            pass
