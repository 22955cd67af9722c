# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small D-Bus client that can say anything, also what no well-behaved library would send."""
import array
import os
import select
import socket
import struct
import time

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY, NO_AUTO_START = 1, 2
DRIVER = 'org.freedesktop.DBus'
DRIVER_PATH = '/org/freedesktop/DBus'
PROPERTIES = 'org.freedesktop.DBus.Properties'
CONTAINERS = 'org.freedesktop.DBus.Containers1'
E = 'org.freedesktop.DBus.Error.'
TIMEOUT = float(os.environ.get('POSTERN_TEST_TIMEOUT', 15))

# Header fields of the specification, and 10: the sender's container instance.
FIELDS = {1: ('path', 'o'), 2: ('interface', 's'), 3: ('member', 's'), 4: ('error', 's'), 5: ('reply_serial', 'u'),
          6: ('destination', 's'), 7: ('sender', 's'), 8: ('signature', 'g'), 9: ('n_fds', 'u'), 10: ('instance', 'o')}
FIXED = {'y': 'B', 'b': 'I', 'n': 'h', 'q': 'H', 'i': 'i', 'u': 'I', 'x': 'q', 't': 'Q', 'd': 'd', 'h': 'I'}
ALIGN = {'y': 1, 'g': 1, 'v': 1, 'n': 2, 'q': 2, 'x': 8, 't': 8, 'd': 8, '(': 8, '{': 8}


class DBusError(Exception):
    def __init__(self, name, text):
        super().__init__('%s: %s' % (name, text))
        self.name, self.text = name, text


class Closed(Exception):
    """The bus closed the connection."""


def first_type(sig):
    """Splits the first complete type off a signature."""
    if sig[0] == 'a':
        head, rest = first_type(sig[1:])
        return 'a' + head, rest
    if sig[0] in '({':
        depth = 0
        for i, c in enumerate(sig):
            depth += c in '({'
            depth -= c in ')}'
            if depth == 0:
                return sig[:i + 1], sig[i + 1:]
    return sig[0], sig[1:]


def types(sig):
    out = []
    while sig:
        head, sig = first_type(sig)
        out.append(head)
    return out


class Writer:
    def __init__(self, order):
        self.e = '<' if order == 'l' else '>'
        self.b = bytearray()

    def align(self, n):
        self.b += b'\0' * (-len(self.b) % n)

    def put(self, sig, v):
        c = sig[0]
        self.align(ALIGN.get(c, 4))
        if c in FIXED:
            self.b += struct.pack(self.e + FIXED[c], int(v) if c != 'd' else v)
        elif c in 'sog':
            v = v.encode() if isinstance(v, str) else v
            self.b += struct.pack(self.e + ('B' if c == 'g' else 'I'), len(v)) + v + b'\0'
        elif c == 'v':
            self.put('g', v[0])
            self.put(*v)
        elif c == 'a':
            self.array(sig[1:], v)
        else:
            for t, x in zip(types(sig[1:-1]), v):
                self.put(t, x)

    def array(self, sig, v):
        at = len(self.b)
        self.b += b'\0\0\0\0'
        self.align(ALIGN.get(sig[0], 4))
        start = len(self.b)
        if sig == 'y':
            self.b += bytes(v)
        else:
            for x in (v.items() if isinstance(v, dict) else v):
                self.put(sig, x)
        struct.pack_into(self.e + 'I', self.b, at, len(self.b) - start)


class Reader:
    def __init__(self, data, order):
        self.d, self.i, self.e = data, 0, '<' if order == 'l' else '>'

    def fixed(self, c):
        n = struct.calcsize(FIXED[c])
        self.i += -self.i % n
        v, = struct.unpack_from(self.e + FIXED[c], self.d, self.i)
        self.i += n
        return bool(v) if c == 'b' else v

    def get(self, sig):
        c = sig[0]
        if c in FIXED:
            return self.fixed(c)
        if c in 'so' or c == 'g':
            n = self.fixed('y' if c == 'g' else 'u')
            v = bytes(self.d[self.i:self.i + n]).decode()
            self.i += n + 1
            return v
        if c == 'v':
            t = self.get('g')
            return (t, self.get(t))
        if c == 'a':
            n = self.fixed('u')
            self.i += -self.i % ALIGN.get(sig[1], 4)
            end = self.i + n
            if sig == 'ay':
                self.i = end
                return bytes(self.d[end - n:end])
            out = []
            while self.i < end:
                out.append(self.get(sig[1:]))
            return dict(out) if sig[1] == '{' else out
        self.i += -self.i % 8
        return tuple(self.get(t) for t in types(sig[1:-1]))


class Message:
    """A message; absent header fields are None. extra: more header fields as (code, signature, value)."""

    def __init__(self, type, flags=0, serial=0, body=(), fds=(), extra=(), order='l', **fields):
        self.type, self.flags, self.serial, self.body, self.fds, self.extra, self.order = \
            type, flags, serial, tuple(body), list(fds), list(extra), order
        self.fields_seen = []
        for name, _ in FIELDS.values():
            setattr(self, name, fields.pop(name, None))
        assert not fields, fields

    def __repr__(self):
        return '<%s>' % ' '.join('%s=%r' % kv for kv in vars(self).items() if kv[1] not in (None, [], (), 0))

    def pack(self, body_bytes=None):
        body = Writer(self.order)
        if self.signature:
            for t, v in zip(types(self.signature), self.body):
                body.put(t, v)
        data = bytes(body.b) if body_bytes is None else body_bytes
        fields = [(code, (sig, getattr(self, name))) for code, (name, sig) in FIELDS.items() if getattr(self, name) is not None]
        fields += [(code, (sig, v)) for code, sig, v in self.extra]
        return pack_raw(self.order, self.type, self.flags, 1, len(data), self.serial, fields) + data

    @classmethod
    def unpack(cls, data):
        order = chr(data[0])
        r = Reader(data, order)
        r.i = 4
        n, serial = r.fixed('u'), r.fixed('u')
        m = cls(data[1], data[2], serial, order=order)
        for code, (sig, v) in r.get('a(yv)'):
            m.fields_seen.append(code)
            if code in FIELDS:
                assert sig == FIELDS[code][1], (code, sig)
                setattr(m, FIELDS[code][0], v)
            else:
                m.extra.append((code, sig, v))
        r = Reader(data[len(data) - n:], order)
        m.body = tuple(r.get(t) for t in types(m.signature or ''))
        return m


def pack_raw(order, type, flags, version, body_len, serial, fields):
    w = Writer(order)
    for t, v in zip('yyyyuu', (ord(order), type, flags, version, body_len, serial)):
        w.put(t, v)
    w.put('a(yv)', fields)
    w.align(8)
    return bytes(w.b)


def message_size(data):
    """The size of the message that data begins with, or None when that cannot be told yet."""
    if len(data) < 16:
        return None
    e = '<' if data[0:1] == b'l' else '>'
    n, = struct.unpack_from(e + 'I', data, 4)
    h, = struct.unpack_from(e + 'I', data, 12)
    return 16 + h + (-h % 8) + n


def unix_address(address):
    """The socket address of the first unix: entry of a D-Bus address."""
    for entry in address.split(';'):
        pairs = dict(p.split('=', 1) for p in entry.split(':', 1)[1].split(','))
        unquote = lambda s: __import__('urllib.parse', fromlist=['x']).unquote_to_bytes(s)
        if 'abstract' in pairs:
            return b'\0' + unquote(pairs['abstract'])
        if 'path' in pairs:
            return unquote(pairs['path'])
    raise ValueError(address)


def entries_of(address):
    """[(transport, {key: bytes})] of a D-Bus address."""
    unquote = lambda s: __import__('urllib.parse', fromlist=['x']).unquote_to_bytes(s)
    result = []
    for entry in address.split(';'):
        transport, options = entry.split(':', 1)
        result.append((transport, {k: unquote(v) for k, v in (p.split('=', 1) for p in options.split(',') if p)}))
    return result


def tcp_socket(address):
    """A socket connected to the first tcp: or nonce-tcp: entry of an address, the nonce said; None when there is a unix: entry."""
    entries = entries_of(address)
    for transport, options in entries:
        if 'unix' not in dict(entries) and transport in ('tcp', 'nonce-tcp'):
            family = {b'ipv4': socket.AF_INET, b'ipv6': socket.AF_INET6}[options['family']]
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.settimeout(TIMEOUT)
            sock.connect((options['host'].decode(), int(options['port'])))
            if 'noncefile' in options:
                with open(options['noncefile'], 'rb') as f:
                    sock.sendall(f.read())
            return sock
    return None


class Conn:
    """A connection. Whatever it is not asked for, it keeps in inbox."""

    def __init__(self, address, hello=True, auth=True, order='l', fds=True, rcvbuf=0):
        """auth: True: EXTERNAL; False: none; else a function that does it."""
        tcp = tcp_socket(address)
        self.sock = tcp or socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.buf, self.fdq, self.inbox = b'', [], []
        self.serial, self.order, self.name, self.guid = 0, order, None, None
        try:
            if not tcp:
                self.sock.connect(unix_address(address))
            if callable(auth):
                auth(self)
            elif auth:
                self.authenticate(fds)
            if auth:
                if hello:
                    self.name, = self.call('Hello')
        except BaseException:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- authentication
    def line(self, timeout=TIMEOUT):
        self.read_until(lambda: b'\n' in self.buf, timeout)
        line, self.buf = self.buf.split(b'\n', 1)
        return line.rstrip(b'\r').decode('latin-1')

    def authenticate(self, fds=True):
        self.send_bytes(b'\0AUTH EXTERNAL ' + str(os.geteuid()).encode().hex().encode() + b'\r\n')
        answer = self.line()
        if not answer.startswith('OK '):
            raise DBusError('auth', answer)
        self.guid = answer[3:]
        if fds:
            self.send_bytes(b'NEGOTIATE_UNIX_FD\r\n')
            assert self.line() == 'AGREE_UNIX_FD'
        self.send_bytes(b'BEGIN\r\n')

    # ---- bytes
    def send_bytes(self, data, fds=(), step=None):
        """Sends data, fds with its first byte; step: so many bytes per system call."""
        anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        try:
            at = 0
            while at < len(data):
                chunk = data[at:at + (step or len(data))]
                at += self.sock.sendmsg([chunk], anc)
                anc = []
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Closed(str(e))

    def read_some(self, timeout):
        if not select.select([self.sock], [], [], max(0, timeout))[0]:
            return False
        try:
            data, anc, flags, _ = self.sock.recvmsg(1 << 18, socket.CMSG_SPACE(4 * 253), socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError as e:
            raise Closed(str(e))
        for level, kind, payload in anc:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                a = array.array('i')
                a.frombytes(payload[:len(payload) - len(payload) % 4])
                self.fdq += list(a)
        assert not flags & socket.MSG_CTRUNC
        if not data:
            raise Closed('end of file')
        self.buf += data
        return True

    def read_until(self, done, timeout=TIMEOUT):
        end = time.monotonic() + timeout
        while not done():
            if not self.read_some(end - time.monotonic()):
                raise TimeoutError('nothing came within %.1f s' % timeout)

    # ---- messages
    def send(self, m):
        if not m.serial:
            self.serial += 1
            m.serial = self.serial
        m.order = self.order
        if m.fds and m.n_fds is None:
            m.n_fds = len(m.fds)
        self.send_bytes(m.pack(), m.fds)
        return m.serial

    def send_call(self, member, sig='', *body, dest=DRIVER, path=DRIVER_PATH, iface=DRIVER, fds=(), **kw):
        return self.send(Message(CALL, destination=dest, path=path, interface=iface, member=member,
                                 signature=sig or None, body=body, fds=fds, **kw))

    def call(self, member, sig='', *body, timeout=TIMEOUT, full=False, **kw):
        """Calls and returns the reply's body (full: the whole message); raises DBusError."""
        return self.reply_to(self.send_call(member, sig, *body, **kw), timeout, full)

    def reply_to(self, serial, timeout=TIMEOUT, full=False):
        m = self.wait(lambda m: m.type in (RETURN, ERROR) and m.reply_serial == serial, timeout)
        if m.type == ERROR:
            raise DBusError(m.error, m.body[0] if m.body else '')
        return m if full else m.body

    def signal(self, member='Sig', sig='', *body, dest=None, path='/obj', iface='com.example.Iface', fds=(), **kw):
        return self.send(Message(SIGNAL, destination=dest, path=path, interface=iface, member=member,
                                 signature=sig or None, body=body, fds=fds, **kw))

    def reply(self, call, sig='', *body, fds=(), **kw):
        return self.send(Message(RETURN, destination=kw.pop('dest', call.sender), reply_serial=kw.pop('reply_serial', call.serial),
                                 signature=sig or None, body=body, fds=fds, flags=NO_REPLY, **kw))

    def reply_error(self, call, name='com.example.Error', text='oops', **kw):
        return self.send(Message(ERROR, destination=call.sender, reply_serial=call.serial, error=name,
                                 signature='s', body=(text,), flags=NO_REPLY, **kw))

    def next(self, timeout=TIMEOUT):
        """The next message from the socket, past the inbox."""
        self.read_until(lambda: (message_size(self.buf) or 1 << 40) <= len(self.buf), timeout)
        n = message_size(self.buf)
        m = Message.unpack(self.buf[:n])
        self.buf = self.buf[n:]
        m.fds, self.fdq = self.fdq[:m.n_fds or 0], self.fdq[m.n_fds or 0:]
        assert len(m.fds) == (m.n_fds or 0)
        return m

    def wait(self, want, timeout=TIMEOUT):
        """The first message that is wanted, from the inbox or the socket."""
        for i, m in enumerate(self.inbox):
            if want(m):
                return self.inbox.pop(i)
        end = time.monotonic() + timeout
        while True:
            m = self.next(end - time.monotonic())
            if want(m):
                return m
            self.inbox.append(m)

    def wait_call(self, member=None, timeout=TIMEOUT):
        return self.wait(lambda m: m.type == CALL and member in (None, m.member), timeout)

    def wait_signal(self, member=None, timeout=TIMEOUT):
        return self.wait(lambda m: m.type == SIGNAL and member in (None, m.member), timeout)

    def sync(self):
        """Everything that the bus queued for us before now is in the inbox afterwards; so is, for others, all that we sent."""
        self.call('GetId')
        return self.inbox

    def take(self, *kinds):
        """Empties the inbox; returns its messages, of these types when any are named, but not the signals about names."""
        got, self.inbox = self.inbox, []
        return [m for m in got if m.type in (kinds or (CALL, RETURN, ERROR, SIGNAL)) and
                not (m.sender == DRIVER and m.type == SIGNAL)]

    def take_driver(self):
        """Empties the inbox; returns the driver's signals as (member, *arguments)."""
        got, self.inbox = self.inbox, []
        return [(m.member,) + m.body for m in got if m.sender == DRIVER and m.type == SIGNAL]

    # ---- what is often wanted of the driver
    def request_name(self, name, flags=0):
        return self.call('RequestName', 'su', name, flags)[0]

    def release_name(self, name):
        return self.call('ReleaseName', 's', name)[0]

    def match(self, rule):
        self.call('AddMatch', 's', rule)

    def names(self):
        return self.call('ListNames')[0]

    def has_owner(self, name):
        return self.call('NameHasOwner', 's', name)[0]

    def credentials(self, name):
        return self.call('GetConnectionCredentials', 's', name)[0]

    def get(self, interface, name):
        return self.call('Get', 'ss', interface, name, iface=PROPERTIES)[0][1]

    def error(self, member, *args, **kw):
        """The error name of a call that must fail."""
        return self.failure(member, *args, **kw).name

    def failure(self, member, *args, **kw):
        try:
            got = self.call(member, *args, **kw)
        except DBusError as e:
            return e
        raise AssertionError('%s%r succeeded: %r' % (member, args, got))

    # ---- the end
    def is_closed(self, timeout=TIMEOUT):
        """Does the bus close this connection within the time? Reads what still comes into the inbox."""
        try:
            end = time.monotonic() + timeout
            while True:
                self.inbox.append(self.next(end - time.monotonic()))
        except Closed:
            return True
        except TimeoutError:
            return False

    def is_alive(self):
        try:
            self.sync()
            return True
        except Closed:
            return False

    def close(self):
        for m in self.inbox:
            for fd in m.fds:
                try:
                    os.close(fd)
                except OSError:
                    pass
        for fd in self.fdq:
            os.close(fd)
        self.fdq, self.inbox = [], []
        self.sock.close()
