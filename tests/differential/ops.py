# SPDX-License-Identifier: LGPL-2.1-or-later
"""The operations of a sequence: plain data, so that they can be printed, generated and left out one by one.

Strings in them may say @0, @1...: the unique name of that connection."""
from wirebus import CALL, DRIVER, DRIVER_PATH, ERROR, NO_REPLY, PROPERTIES, RETURN, SIGNAL

TYPES = {CALL: 'call', RETURN: 'return', ERROR: 'error', SIGNAL: 'signal'}
IFACE, PATH = 'com.example.Iface', '/obj'


class Op:
    """kind: what is done; conn: by which connection (None: by the test itself); the rest depends on the kind."""

    def __init__(self, kind, conn=None, view=None, until=None, **args):
        self.kind, self.conn, self.view, self.until, self.args = kind, conn, view, until, args

    def __getattr__(self, name):
        return self.__dict__['args'].get(name)

    def is_call(self, *members):
        """A call to the driver, of one of these members when any are named?"""
        return (self.kind == 'send' and self.type == CALL and self.destination in (DRIVER, None) and
                (not members or self.member in members))

    def __repr__(self):
        args = {k: v for k, v in self.args.items() if v not in (None, (), 0)}
        head = self.kind
        if self.kind == 'send':
            head = TYPES.get(args.pop('type', None), 'type %r' % self.type)
        text = ' '.join('%s=%s' % (k, repr(v) if len(repr(v)) < 160 else repr(v)[:150] + '...') for k, v in args.items())
        return '%s %s %s' % ('' if self.conn is None else self.conn, head, text)


def until(conn, **want):
    """Goes on reading until that connection has got a message with these fields: reply, error, member, interface, type or closed."""
    return (conn, want)


def connect(conn, hello=True, order='l', fds=True):
    return Op('connect', conn, hello=hello, order=order, fds=fds)


def send(conn, type, view=None, until=None, **fields):
    """fds: names; each becomes a descriptor of a file of that name. serial: else the next one. extra: (code, signature, value)..."""
    return Op('send', conn, view=view, until=until, type=type, **fields)


def call(conn, member, sig='', *body, dest=DRIVER, path=DRIVER_PATH, iface=DRIVER, **kw):
    return send(conn, CALL, destination=dest, path=path, interface=iface, member=member, signature=sig or None, body=body, **kw)


def peer_call(conn, dest, member='Method', sig='', *body, path=PATH, iface=IFACE, **kw):
    return call(conn, member, sig, *body, dest=dest, path=path, iface=iface, **kw)


def signal(conn, member='Sig', sig='', *body, dest=None, path=PATH, iface=IFACE, **kw):
    return send(conn, SIGNAL, destination=dest, path=path, interface=iface, member=member, signature=sig or None, body=body, **kw)


def reply(conn, sig='', *body, nth=-1, keep=False, **kw):
    """Answers the nth call that this connection got and did not answer; keep: and can answer it again."""
    return Op('reply', conn, type=RETURN, signature=sig or None, body=body, nth=nth, keep=keep, flags=kw.pop('flags', NO_REPLY), **kw)


def error(conn, name='com.example.Error', text='oops', nth=-1, keep=False, **kw):
    return Op('reply', conn, type=ERROR, error=name, signature='s', body=(text,), nth=nth, keep=keep, flags=kw.pop('flags', NO_REPLY), **kw)


def answer(conn, dest, reply_serial, sig='', *body, type=RETURN, **kw):
    """A reply to what may never have been asked."""
    if type == ERROR:
        kw.setdefault('error', 'com.example.Error')
    return send(conn, type, destination=dest, reply_serial=reply_serial, signature=sig or None, body=body, flags=kw.pop('flags', NO_REPLY), **kw)


def request(conn, name, flags=0, **kw):
    return call(conn, 'RequestName', 'su', name, flags, **kw)


def release(conn, name, **kw):
    return call(conn, 'ReleaseName', 's', name, **kw)


def match(conn, rule, **kw):
    return call(conn, 'AddMatch', 's', rule, **kw)


def unmatch(conn, rule, **kw):
    return call(conn, 'RemoveMatch', 's', rule, **kw)


def get(conn, interface, name, **kw):
    return call(conn, 'Get', 'ss', interface, name, iface=PROPERTIES, **kw)


def raw(conn, data):
    """Bytes as they are."""
    return Op('raw', conn, data=data)


def close(conn):
    return Op('close', conn)


def wait(seconds, until=None):
    return Op('wait', until=until, seconds=seconds)


def write(path, text):
    """A file in the daemon's own folder; DIR in the text is that folder. text None: the file goes away."""
    return Op('write', path=path, text=text)
