# SPDX-License-Identifier: LGPL-2.1-or-later
"""Peers that live in security domains, and a bus that may; functions that run there are run_in()'s.

A socket has the label that its process had when it was created, so a process is confined first and connects then. What a test leaves
open ends with it: the runner calls close_all().
"""
import os
import pwd
import re
import signal

import bus as system
import lsm
from child import RemoteError, become, fork, get, opened, outcome, put, run_in, settle
from wirebus import CALL, Closed, Conn, DBusError, Message

__all__ = ['Bus', 'Peer', 'RemoteError', 'as_user', 'become', 'close_all', 'is_mute', 'run_in', 'verdict', 'with_mount']
OPEN = '<allow user="*"/>' + system.OPEN_POLICY


def is_mute(bus, domain):
    """May a peer in this domain say nothing at all to the bus, not even Hello?"""
    try:
        bus.peer(domain).close()
        return False
    except DBusError as e:
        return e.name.endswith('.AccessDenied') and 'Hello' in e.text


class Peer:
    """A process in a domain with one connection to a bus, of which it does whatever the test says.

    All methods of wirebus.Conn are there and work in the child: peer.call('GetId'), peer.wait_call('Ping'); its attributes are had with
    peer.do('guid'). peer.post('call', ...) only begins, peer.result() waits for it. peer.do('become', 'other_t') changes the domain of
    the process, but not that of its connection. peer.do(function, ...) calls a function of a module there, with the connection first. Other
    functions cannot be passed; no file descriptors come back.
    """

    def __init__(self, address, domain=None, user=None, cgroup=None, **conn):
        self.domain, self.posted = domain, 0
        self.pid, self.sock = fork(lambda sock: self.live(sock, address, domain, user, cgroup, conn))
        opened.append(self)
        try:
            self.name = settle(get(self.sock))
        except BaseException:
            self.close()
            raise

    @staticmethod
    def live(sock, address, domain, user, cgroup, conn):
        def begin():
            become(domain, user, cgroup)
            return Conn(address, **conn)
        ok, value = outcome(begin)
        put(sock, (ok, value.name if ok else value))
        while ok:
            try:
                what, args, kw = get(sock)
            except EOFError:
                return
            put(sock, outcome(Peer.act, value, what, args, kw))

    @staticmethod
    def act(conn, what, args, kw):
        if what == 'become':
            return become(*args, **kw)
        if what == 'label':
            return lsm.current()
        if callable(what):
            return what(conn, *args, **kw)
        target = getattr(conn, what)
        value = target(*args, **kw) if callable(target) else target
        return None if what == 'sync' else value  # the inbox stays there

    def post(self, what, *args, **kw):
        put(self.sock, (what, args, kw))
        self.posted += 1

    def result(self):
        self.posted -= 1
        return settle(get(self.sock))

    def do(self, what, *args, **kw):
        assert self.posted == 0, 'the result of what was posted has not been taken'
        self.post(what, *args, **kw)
        return self.result()

    def __getattr__(self, what):
        if what.startswith('__') or not hasattr(Conn, what):
            raise AttributeError(what)
        return lambda *args, **kw: self.do(what, *args, **kw)

    def label(self):
        """The process's own, now."""
        return self.do('label')

    def send(self, type=CALL, **fields):
        """A message with exactly these header fields, and flags, body or extra; returns its serial."""
        return self.do('send', Message(type, **fields))

    def close(self):
        """Ends the connection and the process."""
        if self in opened:
            opened.remove(self)
            self.sock.close()
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def forget(self):
        self.sock.close()

    __enter__ = lambda self: self
    __exit__ = lambda self, *_: self.close()


def verdict(caller, callee, member='Ping', timeout=2, dest=None, path='/obj', iface='com.example.Iface', sig='', body=()):
    """Calls from one peer to the other, which answers. 'ok', or 'call' or 'reply', whichever did not come through, and the error's name
    or 'lost'."""
    serial = caller.send_call(member, sig, *body, dest=dest or callee.name, path=path, iface=iface)
    on = 'call'
    caller.sync()  # the call is with the other, or the error is here
    callee.sync()
    try:
        try:
            callee.reply(callee.wait_call(member, timeout=0))
            on = 'reply'
        except TimeoutError:
            pass
        caller.reply_to(serial, timeout=timeout)
        return 'ok'
    except DBusError as e:
        return '%s %s' % (on, e.name)
    except TimeoutError:
        return on + ' lost'


# ---- the bus ---------------------------------------------------------------------------------------------------

def as_user(name):
    """A command that runs the one behind it as this user."""
    return ['/usr/bin/python3', '-S', '-c', 'import os, sys; n = int(sys.argv[1]); os.setgroups([]); os.setgid(n); os.setuid(n); '
            'os.execv(sys.argv[2], sys.argv[2:])', str(pwd.getpwnam(name).pw_uid)]


def with_mount(*mount):
    """A command that runs the one behind it where something is mounted that others do not see."""
    script = '/bin/busybox mount %s && exec "$@"' % ' '.join(mount)
    return ['/bin/busybox', 'unshare', '-m', '/bin/sh', '-c', script, 'sh']


class Bus(system.Bus):
    """The bus of the system tests, but it lets in every user unless told otherwise, and it can be in a domain."""

    def __init__(self, domain=None):
        super().__init__()
        opened.append(self)
        if domain:
            self.prefix = lsm.shell_prefix(domain)

    def as_user(self, name):
        """Before start(): the bus is to be this user's."""
        user = pwd.getpwnam(name)
        for path in (self.dir, self.runtime, self.config, self.mediator):
            if os.path.exists(path):
                os.chown(path, user.pw_uid, user.pw_gid)
        self.prefix += as_user(name)
        return self

    def start(self, body='', policy=OPEN, **kw):
        return super().start(body, policy, **kw)

    def peer(self, domain=None, **kw):
        return Peer(self.address, domain, **kw)

    def run(self, *argv, domain=None, **kw):
        """A client program, which may be in a domain."""
        return super().run(*(lsm.shell_prefix(domain) if domain else []), *argv, **kw)

    def log_has(self, pattern, timeout=5):
        """Waits for a line of the log that matches; returns it, or None."""
        def look():
            return next((line for line in self.log().splitlines() if re.search(pattern, line)), None)
        return system.wait_for(look, timeout)

    def reload(self, text=None, mediator=None):
        """Other files, then SIGHUP; returns when the bus has read them, or refused them."""
        if text is not None:
            self.write(self.config, text)
        if mediator is not None:
            self.write(self.mediator, mediator)
        with self.connect() as c:
            c.call('ReloadConfig')

    def close(self):
        if self in opened:
            opened.remove(self)
            self.finish()

    def forget(self):
        for conn in self.conns:
            conn.sock.close()

    __enter__ = lambda self: self
    __exit__ = lambda self, *_: self.close()


def close_after_failure():
    """What the buses said helps to understand it; how they end does not matter any more."""
    for thing in opened:
        if isinstance(thing, Bus):
            print('the bus %s said:\n%s' % (thing.address, thing.log()), flush=True)
    try:
        close_all()
    except BaseException as e:
        print('and then: %r' % e, flush=True)


def close_all():
    """Ends what a test left open. A bus that does not end well raises."""
    error = None
    for thing in reversed(list(opened)):
        try:
            thing.close()
        except BaseException as e:
            error = error or e
    if error is not None:
        raise error
