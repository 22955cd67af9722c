# SPDX-License-Identifier: LGPL-2.1-or-later
"""Child processes in security domains, as other users, in control groups."""
import os
import pickle
import pwd
import signal
import socket
import struct
import traceback

import lsm
from wirebus import Closed, DBusError, TIMEOUT

CGROUPS = '/sys/fs/cgroup'
opened = []  # peers and buses of a test, of which a child must forget what is the parent's


class RemoteError(Exception):
    """What went wrong in a child and is none of the exceptions that tests expect."""


# ---- getting there -----------------------------------------------------------------------------------------------

def enter_cgroup(path):
    """Moves this process; the groups on the way are made."""
    folder = os.path.join(CGROUPS, path.strip('/'))
    os.makedirs(folder, exist_ok=True)
    with open(folder + '/cgroup.procs', 'w') as file:
        file.write('0')


def become(domain=None, user=None, cgroup=None):
    """For a child: there is no way back. user: a name or a number."""
    if cgroup:
        enter_cgroup(cgroup)
    # A process that gave up root may no longer open the file, and one that is confined may no longer give up root.
    attr = os.open(lsm.current_file(), os.O_WRONLY) if domain else -1
    if user is not None:
        entry = pwd.getpwnam(user) if isinstance(user, str) else pwd.getpwuid(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if domain:
        os.write(attr, lsm.request(domain))
        os.close(attr)


# ---- what is said between a child and the test ---------------------------------------------------------------------

def put(sock, value):
    data = pickle.dumps(value)
    sock.sendall(struct.pack('=I', len(data)) + data)


def receive(sock, size):
    data = b''
    while len(data) < size:
        got = sock.recv(size - len(data))
        if not got:
            raise EOFError('the child ended without an answer')
        data += got
    return data


def get(sock):
    return pickle.loads(receive(sock, struct.unpack('=I', receive(sock, 4))[0]))


def outcome(function, *args, **kw):
    """(True, what it returned) or (False, how to raise it again)"""
    try:
        return True, function(*args, **kw)
    except DBusError as e:
        return False, ('DBusError', (e.name, e.text))
    except (Closed, TimeoutError, PermissionError) as e:
        return False, (type(e).__name__, e.args)
    except BaseException as e:
        return False, ('RemoteError', ('in the child: %r\n%s' % (e, traceback.format_exc()),))


def settle(answer):
    """Returns or raises what the child had as its outcome()."""
    ok, value = answer
    if ok:
        return value
    kinds = {'DBusError': DBusError, 'Closed': Closed, 'TimeoutError': TimeoutError, 'PermissionError': PermissionError}
    raise kinds.get(value[0], RemoteError)(*value[1])


def fork(child):
    """Forks; child(socket) is what the other process does. Returns (pid, socket)."""
    mine, its = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            mine.close()
            for other in opened:
                other.forget()
            child(its)
        finally:
            os._exit(0)
    its.close()
    mine.settimeout(TIMEOUT * 2)
    return pid, mine


def run_in(domain, function, *args, user=None, cgroup=None):
    """Calls function(*args) in a child in a domain; returns what it returns, raises what it raises."""
    def child(sock):
        def work():
            become(domain, user, cgroup)
            return function(*args)
        put(sock, outcome(work))
    pid, sock = fork(child)
    try:
        return settle(get(sock))
    finally:
        sock.close()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
