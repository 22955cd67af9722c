# SPDX-License-Identifier: LGPL-2.1-or-later
"""What several tests need beside a bus."""
import os
import pickle
import signal
import threading

from wirebus import Closed

OTHER_UID = 65534


def is_root():
    return os.geteuid() == 0


def as_other_user(fn, *args, timeout=30):
    """Runs fn in a child that gave up root for another uid; returns what it returned, raises what it raised."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        try:
            signal.alarm(timeout)
            os.setgroups([])
            os.setgid(OTHER_UID)
            os.setuid(OTHER_UID)
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
