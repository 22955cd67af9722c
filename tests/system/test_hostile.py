# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile bytes after authentication: each breach closes its sender and nobody else, in both byte orders."""
import os
import struct

import pytest

from wirebus import CALL, DRIVER, ERROR, NO_REPLY, RETURN, SIGNAL, Closed, Message, Writer, message_size, pack_raw

PATH, IFACE, MEMBER, ERRNAME, REPLY, DEST, SENDER, SIG, FDS, INSTANCE = range(1, 11)


def call_fields(dest, **change):
    """The header fields of a method call, some replaced or left out (None), some added (a list of fields)."""
    f = {PATH: ('o', '/a'), IFACE: ('s', 'a.b'), MEMBER: ('s', 'M'), DEST: ('s', dest)}
    more = change.pop('more', [])
    f.update({int(k[1:]): v for k, v in change.items()})
    return [(k, v) for k, v in f.items() if v is not None] + more


def header(order, dest, type=CALL, flags=0, version=1, body=b'', serial=77, **change):
    return pack_raw(order, type, flags, version, len(body), serial, call_fields(dest, **change)) + body


def with_body(order, dest, sig, body):
    return header(order, dest, f8=('g', sig), body=body)


def packed(order, sig, value):
    w = Writer(order)
    w.put(sig, value)
    return bytes(w.b)


def u32(order, *values):
    return b''.join(struct.pack('<I' if order == 'l' else '>I', v) for v in values)


def patch(data, at, new):
    return data[:at] + new + data[at + len(new):]


def string(order, raw, end=b'\0'):
    return u32(order, len(raw)) + raw + end


def nested(order, depth):
    """A variant in a variant in a variant."""
    return b'\1v\0' * (depth - 1) + b'\1y\0' + b'\7'


# Faults of the header. o: byte order, d: the destination.
HEADER = {
    'byte-order': lambda o, d: patch(header(o, d), 0, b'x'),
    'version': lambda o, d: header(o, d, version=2),
    'type-0': lambda o, d: header(o, d, type=0),
    'serial-0': lambda o, d: header(o, d, serial=0),
    'body-too-long': lambda o, d: patch(header(o, d), 4, u32(o, 0x08000001)),
    'body-huge': lambda o, d: patch(header(o, d), 4, u32(o, 0xffffffff)),
    'fields-too-long': lambda o, d: patch(header(o, d), 12, u32(o, 0x04000001)),
    'fields-huge': lambda o, d: patch(header(o, d), 12, u32(o, 0xfffffff0)),
    'fields-cut': lambda o, d: patch(header(o, d), 12, u32(o, struct.unpack_from('<I' if o == 'l' else '>I', header(o, d), 12)[0] - 3)),
    'path-invalid': lambda o, d: header(o, d, f1=('o', 'a/b')),
    'path-trailing-slash': lambda o, d: header(o, d, f1=('o', '/a/')),
    'path-of-type-s': lambda o, d: header(o, d, f1=('s', '/a')),
    'interface-one-element': lambda o, d: header(o, d, f2=('s', 'a')),
    'interface-too-long': lambda o, d: header(o, d, f2=('s', 'a.' + 'b' * 254)),
    'interface-of-type-o': lambda o, d: header(o, d, f2=('o', '/a')),
    'member-with-dot': lambda o, d: header(o, d, f3=('s', 'a.b')),
    'member-empty': lambda o, d: header(o, d, f3=('s', '')),
    'destination-invalid': lambda o, d: header(o, 'x', f6=('s', 'no dots')),
    'destination-of-type-u': lambda o, d: header(o, d, f6=('u', 1)),
    'sender-invalid': lambda o, d: header(o, d, f7=('s', '..')),
    'signature-unknown-type': lambda o, d: with_body(o, d, '!', b''),
    'signature-open-struct': lambda o, d: with_body(o, d, '(i', u32(o, 1)),
    'signature-empty-struct': lambda o, d: with_body(o, d, '()', b''),
    'signature-array-of-nothing': lambda o, d: with_body(o, d, 'a', u32(o, 0)),
    'signature-dict-outside': lambda o, d: with_body(o, d, '{ss}', string(o, b'a') + b'\0\0' + string(o, b'b')),
    'signature-dict-key': lambda o, d: with_body(o, d, 'a{vs}', u32(o, 0)),
    'signature-dict-three': lambda o, d: with_body(o, d, 'a{sss}', u32(o, 0)),
    'signature-nested-arrays': lambda o, d: with_body(o, d, 'a' * 33 + 'y', u32(o, 0)),
    'signature-nested-structs': lambda o, d: with_body(o, d, '(' * 33 + 'y' + ')' * 33, b'\1'),
    'signature-of-type-s': lambda o, d: header(o, d, f8=('s', 'u'), body=u32(o, 1)),
    'body-without-signature': lambda o, d: header(o, d, body=b'1234'),
    'call-without-path': lambda o, d: header(o, d, f1=None),
    'call-without-member': lambda o, d: header(o, d, f3=None),
    'signal-without-interface': lambda o, d: header(o, d, type=SIGNAL, f2=None),
    'signal-without-member': lambda o, d: header(o, d, type=SIGNAL, f3=None),
    'signal-without-path': lambda o, d: header(o, d, type=SIGNAL, f1=None),
    'return-without-serial': lambda o, d: header(o, d, type=RETURN),
    'error-without-name': lambda o, d: header(o, d, type=ERROR, more=[(REPLY, ('u', 1))]),
    'error-without-serial': lambda o, d: header(o, d, type=ERROR, more=[(ERRNAME, ('s', 'a.b'))]),
    'error-name-invalid': lambda o, d: header(o, d, type=ERROR, more=[(REPLY, ('u', 1)), (ERRNAME, ('s', 'a'))]),
    'reply-serial-0': lambda o, d: header(o, d, type=RETURN, more=[(REPLY, ('u', 0))]),
    'field-twice': lambda o, d: header(o, d, more=[(MEMBER, ('s', 'N'))]),
    'field-0': lambda o, d: header(o, d, more=[(0, ('s', 'x'))]),
    'local-interface': lambda o, d: header(o, d, f2=('s', 'org.freedesktop.DBus.Local')),
    'local-path': lambda o, d: header(o, d, f1=('o', '/org/freedesktop/DBus/Local')),
    'fds-promised': lambda o, d: header(o, d, f9=('u', 1)),
    'fds-promised-many': lambda o, d: header(o, d, f9=('u', 0xffffffff)),
}

# Faults of the body: (signature, bytes).
BODY = {
    'short': lambda o: ('uu', u32(o, 1)),
    'long': lambda o: ('u', u32(o, 1, 2)),
    'bool-2': lambda o: ('b', u32(o, 2)),
    'string-cut': lambda o: ('s', u32(o, 100) + b'abc\0'),
    'string-huge': lambda o: ('s', u32(o, 0xffffffff) + b'abc\0'),
    'string-unterminated': lambda o: ('s', string(o, b'abc', b'x')),
    'string-nul-inside': lambda o: ('s', string(o, b'a\0c')),
    'string-not-utf8': lambda o: ('s', string(o, b'a\xff')),
    'string-surrogate': lambda o: ('s', string(o, b'\xed\xa0\x80')),
    'string-overlong': lambda o: ('s', string(o, b'\xc0\x80')),
    'path-invalid': lambda o: ('o', string(o, b'/a//b')),
    'path-empty': lambda o: ('o', string(o, b'')),
    'signature-invalid': lambda o: ('g', b'\x01!\0'),
    'signature-cut': lambda o: ('g', b'\x09u\0'),
    'padding-not-zero': lambda o: ('yu', b'\1\0\1\0' + u32(o, 1)),
    'array-odd-length': lambda o: ('au', u32(o, 3) + b'\0\0\0'),
    'array-beyond-end': lambda o: ('ay', u32(o, 100) + b'abc'),
    'array-too-long': lambda o: ('ay', u32(o, 0x04000001)),
    'array-padding': lambda o: ('at', u32(o, 0) + b'\0\0\0\1'),
    'array-element-cut': lambda o: ('as', u32(o, 6) + u32(o, 1) + b'ab' + b'\0'),
    'variant-two-types': lambda o: ('v', b'\2yy\0\1\1'),
    'variant-empty': lambda o: ('v', b'\0\0'),
    'variant-bad-type': lambda o: ('v', b'\1z\0\1'),
    'variant-too-deep': lambda o: ('v', nested(o, 66)),
    'dict-entry-padding': lambda o: ('a{yy}', u32(o, 2) + b'\0\0\0\1' + b'\1\1'),
}
# What looks odd and is good.
GOOD = {
    'variants-deep': lambda o: ('v', nested(o, 60)),
    'empty-array': lambda o: ('at', u32(o, 0, 0)),
    'empty-string': lambda o: ('s', string(o, b'')),
    'utf8': lambda o: ('s', string(o, 'ä€\U0001d11e\ufffe'.encode())),
    'arrays-deep': lambda o: ('a' * 32 + 'y', u32(o, 0)),
    'structs-deep': lambda o: ('(' * 32 + 'y' + ')' * 32, b'\1'),
    'empty-signature': lambda o: ('g', b'\0\0'),
}


def expect_closed(bus, order, data, fds=()):
    """A sender of data is closed; the peer it was meant for and the bus are not troubled."""
    peer, c = bus.connect(), bus.connect(order=order)
    data = data(peer.name) if callable(data) else data
    try:
        c.send_bytes(data, fds)
        c.send_call('GetId')
    except Closed:
        pass
    assert c.is_closed(), 'the sender of a malformed message lives on'
    peer.sync()
    assert not peer.take(CALL, SIGNAL, RETURN, ERROR)
    assert bus.connect().is_alive()


@pytest.mark.parametrize('order', 'lB')
@pytest.mark.parametrize('name', sorted(HEADER))
def test_header(bus, order, name):
    expect_closed(bus, order, lambda dest: HEADER[name](order, dest))


@pytest.mark.parametrize('order', 'lB')
@pytest.mark.parametrize('name', sorted(BODY))
def test_body_to_a_peer(bus, order, name):
    expect_closed(bus, order, lambda dest: with_body(order, dest, *BODY[name](order)))


@pytest.mark.parametrize('name', ['string-cut', 'string-not-utf8', 'variant-too-deep', 'array-too-long', 'long'])
def test_body_to_the_driver(bus, name):
    for order in 'lB':
        expect_closed(bus, order, with_body(order, DRIVER, *BODY[name](order)))


def handles_beyond(order):
    """Signature and body, with handles that point beyond the attached descriptors, which are none."""
    return ('h', u32(order, 0)), ('v', b'\1h\0\0' + u32(order, 5)), ('ah', u32(order, 4, 1))


@pytest.mark.postern
@pytest.mark.parametrize('order', 'lB')
def test_handle_index_to_the_driver(bus, order):
    for sig, body in handles_beyond(order):
        expect_closed(bus, order, with_body(order, DRIVER, sig, body))


@pytest.mark.postern
@pytest.mark.parametrize('order', 'lB')
def test_handle_index_from_a_container(bus, order):
    """Some services follow a handle unchecked; a container has no business to try them."""
    instance = bus.container()
    peer = instance.connect()
    for sig, body in handles_beyond(order):
        c = instance.connect(order=order)
        try:
            c.send_bytes(with_body(order, peer.name, sig, body))
            c.send_call('GetId')
        except Closed:
            pass
        assert c.is_closed()
    peer.sync()
    assert not peer.take(CALL)


@pytest.mark.parametrize('order', 'lB')
def test_handle_index_between_peers(bus, order):
    """Outside containers it is the receiver who judges."""
    for sig, body in handles_beyond(order):
        peer, c = bus.connect(), bus.connect(order=order)
        c.send_bytes(with_body(order, peer.name, sig, body))
        assert c.is_alive()
        peer.read_until(lambda: any(m[-len(body):] == body for m in split_messages(peer.buf)[0]))


@pytest.mark.parametrize('order', 'lB')
@pytest.mark.parametrize('name', sorted(GOOD))
def test_good_body(bus, order, name):
    """The neighbours of the faults pass, byte for byte."""
    peer, c = bus.connect(), bus.connect(order=order)
    sig, body = GOOD[name](order)
    c.send_bytes(with_body(order, peer.name, sig, body))
    c.sync()
    peer.read_until(lambda: b'M\0' in peer.buf and not split_messages(peer.buf)[1])
    data = split_messages(peer.buf)[0][-1]
    assert data[0:1] == order.encode() and data.endswith(body)


def split_messages(data):
    out = []
    while message_size(data) and len(data) >= message_size(data):
        out.append(data[:message_size(data)])
        data = data[len(out[-1]):]
    return out, data


@pytest.mark.parametrize('order', 'lB')
@pytest.mark.parametrize('step', [1, 3, 7, 16, 17])
def test_split_writes(bus, order, step):
    peer, c = bus.connect(), bus.connect(order=order)
    m = Message(CALL, flags=NO_REPLY, serial=9, order=order, path='/a', interface='a.b', member='Split', destination=peer.name, signature='sau',
                body=('text', [1, 2, 3]))
    c.send_bytes(m.pack() * 2, step=step)
    for _ in range(2):
        got = peer.wait_call('Split')
        assert (got.body, got.order, got.sender) == (('text', [1, 2, 3]), order, c.name)
    assert c.is_alive()


@pytest.mark.parametrize('order', 'lB')
def test_both_orders_talk(bus, order):
    """A call and its answer between peers of different byte order; the driver answers both."""
    other = bus.connect(order='B' if order == 'l' else 'l')
    c = bus.connect(order=order)
    serial = c.send_call('Add', 'ux', 2, -3, dest=other.name, path='/', iface='a.b')
    call = other.wait_call('Add')
    assert call.body == (2, -3) and call.sender == c.name
    other.reply(call, 'x', -1)
    assert c.reply_to(serial) == (-1,)
    assert c.request_name('com.example.Order') == 1
    assert other.call('GetNameOwner', 's', 'com.example.Order') == (c.name,)
    other.match("type='signal',member='Sig',arg0='x'")
    other.sync()
    c.signal('Sig', 's', 'x')
    assert other.wait_signal('Sig').body == ('x',)


@pytest.mark.parametrize('order', 'lB')
def test_unknown_fields_and_sender_do_not_pass(bus, order):
    """Unknown header fields are removed; the sender is the bus's to set."""
    peer, c = bus.connect(), bus.connect(order=order)
    extra = [(100, 's', 'smuggled'), (255, '(a{sv})', ({'k': ('u', 1)},)), (10, 'o', '/forged'), (250, 'a{sv}', {'UnixUserID': ('u', 0)})]
    c.send_call('Odd', 's', 'body', dest=peer.name, path='/', iface='a.b', sender=':1.4711', extra=extra)
    m = peer.wait_call('Odd')
    assert m.sender == c.name and m.body == ('body',) and m.path == '/' and m.interface == 'a.b'
    assert set(m.fields_seen) <= {1, 2, 3, 6, 7, 8}, m.fields_seen
    assert m.fields_seen.count(7) == 1


@pytest.mark.postern
@pytest.mark.parametrize('field', [('s', '/a'), ('u', 1), ('o', 'bad'), ('o', '/a/'), ('g', 's')])
def test_malformed_instance_field(bus, field):
    """Field 10 has a type and is held to it, whoever sends it."""
    for order in 'lB':
        expect_closed(bus, order, lambda dest: header(order, dest, more=[(INSTANCE, field)]))


def test_unknown_message_type_is_ignored(bus):
    """Unknown types have a place in the protocol: they do not close the sender, and reach nobody who did not expect them."""
    c = bus.connect()
    c.send_bytes(header('l', DRIVER, type=5))
    assert c.is_alive()


def test_malformed_before_hello(bus):
    witness = bus.connect()
    for data in (header('l', DRIVER, serial=0), b'\0' * 64, os.urandom(64).replace(b'l', b'x').replace(b'B', b'x'),
                 header('l', witness.name)):
        c = bus.connect(hello=False)
        try:
            c.send_bytes(data)
        except Closed:
            pass
        assert c.is_closed()
    assert witness.is_alive() and not witness.take(CALL)


def test_cut_message_then_gone(bus):
    """A peer that dies in the middle of a message."""
    for cut in (1, 15, 16, 40):
        c = bus.connect()
        c.send_bytes(header('l', DRIVER)[:cut])
        c.close()
    assert bus.connect().is_alive()


@pytest.mark.parametrize('order', 'lB')
def test_surplus_descriptors(bus, order):
    """Descriptors that no message claims close the sender, or are attached to nothing."""
    peer, c = bus.connect(), bus.connect(order=order)
    before = bus.n_fds()
    r, w = os.pipe()
    fds = [os.dup(r) for _ in range(40)]
    try:
        for _ in range(5):
            c.send_bytes(header(order, peer.name), fds=fds)
        c.sync()
    except Closed:
        pass
    for fd in fds + [r, w]:
        os.close(fd)
    c.close()
    peer.sync()
    assert all(not m.fds for m in peer.inbox)
    peer.close()
    assert bus.n_fds() <= before


@pytest.mark.postern  # dbus-daemon keeps it for a message to come
def test_a_descriptor_that_nobody_claims(bus):
    """It came with a message that says nothing of it: the next message that has one must not get this one."""
    peer, c = bus.connect(), bus.connect()
    r, w = os.pipe()
    c.send_bytes(header('l', peer.name), fds=[r])
    os.close(r)
    os.close(w)
    assert c.is_closed()
    assert peer.is_alive()


def test_random_bytes(bus):
    """Mutations of a good message: whatever happens to their sender, the bus and its other clients live."""
    import random
    rng = random.Random(4711)
    peer = bus.connect()
    peer.match("type='signal'")
    for _ in range(150):
        c = bus.connect(order=rng.choice('lB'))
        data = bytearray(Message(rng.choice([CALL, SIGNAL]), serial=5, order=c.order, path='/a/b', interface='a.b', member='M',
                                 destination=rng.choice([peer.name, DRIVER]), signature='sa{sv}u',
                                 body=('text', {'key': ('as', ['x', 'y'])}, 7)).pack())
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            c.send_bytes(bytes(data))
        except Closed:
            pass
        c.close()
        bus.conns.remove(c)
    peer.sync()
    assert peer.is_alive()
