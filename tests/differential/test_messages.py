# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages between clients: calls and their replies, signals, headers, bodies, byte orders, descriptors."""
import itertools

import pytest

from compare import Scenario, check, table
from ops import answer, call, close, connect, error, match, peer_call, raw, release, reply, request, send, signal, wait
from wirebus import CALL, DRIVER, DRIVER_PATH, E, ERROR, NO_AUTO_START, NO_REPLY, RETURN, SIGNAL, Message, pack_raw

NAME = 'com.example.Name'
ALL_TYPES = [('y', 255), ('b', True), ('n', -2), ('q', 65535), ('i', -3), ('u', 4000000000), ('x', -5), ('t', 2 ** 63), ('d', 1.5), ('s', 'é\u2603'),
             ('o', '/a'), ('g', 'a{sv}'), ('v', ('v', ('s', 'x'))), ('as', ['a', '']), ('a{sv}', {'a': ('u', 1), 'b': ('as', ['c'])}), ('(s(uy)d)', ('x', (1, 2), 0.5)),
             ('a(yx)', [(1, 2), (3, 4)]), ('aay', [b'a', b'']), ('a{ya{sas}}', {1: {'x': ['y']}}), ('ax', []), ('a(t)', []), ('ay', bytes(range(256)))]

# ---- replies

REPLIES = {
    'answered': [peer_call(0, '@1'), reply(1, 's', 'yes')],
    'error': [peer_call(0, '@1'), error(1)],
    'error of the driver\'s kind': [peer_call(0, '@1'), error(1, E + 'UnknownMethod', 'text')],
    'error without text': [peer_call(0, '@1'), answer(1, '@0', 2, type=ERROR)],
    'twice': [peer_call(0, '@1'), reply(1, keep=True), reply(1)],
    'error, then reply': [peer_call(0, '@1'), error(1, keep=True), reply(1)],
    'unsolicited': [answer(1, '@0', 2), answer(1, '@0', 99), answer(1, '@0', 99, type=ERROR), answer(1, NAME, 1), answer(1, 'com.example.No', 1)],
    'by another': [peer_call(0, '@1'), answer(2, '@0', 2), reply(1)],
    'to another': [peer_call(0, '@1'), reply(1, destination='@2', keep=True), reply(1)],
    'to itself': [peer_call(0, '@0'), reply(0), reply(0, keep=True)],
    'no reply expected': [peer_call(0, '@1', flags=NO_REPLY), reply(1, keep=True), error(1)],
    'no reply expected, unowned': [peer_call(0, NAME, flags=NO_REPLY), peer_call(0, NAME, flags=NO_REPLY | NO_AUTO_START), peer_call(0, ':1.9999', flags=NO_REPLY)],
    'unowned': [peer_call(0, NAME), peer_call(0, ':1.9999'), peer_call(0, NAME, flags=NO_AUTO_START), signal(0, dest=NAME), answer(0, NAME, 3)],
    'to a name': [request(1, NAME), peer_call(0, NAME), reply(1, 's', 'x')],
    'name changes hands': [request(1, NAME, 1), peer_call(0, NAME), request(2, NAME, 2), reply(1), peer_call(0, NAME), reply(2)],
    'addressed by name of the caller': [request(0, NAME), peer_call(0, '@1'), reply(1, destination=NAME)],
    'callee goes, watched': [match(2, "type='signal'"), match(0, "type='signal'"), request(1, NAME), peer_call(0, '@1'), peer_call(2, '@1'), close(1)],
    'callee goes': [peer_call(0, '@1'), peer_call(0, '@1'), close(1)],
    'callee goes, no reply wanted': [peer_call(0, '@1', flags=NO_REPLY), close(1)],
    'caller goes': [peer_call(0, '@1'), close(0), reply(1)],
    'both go': [peer_call(0, '@1'), peer_call(1, '@0'), close(0), close(1)],
    'out of order': [peer_call(0, '@1', 'A'), peer_call(0, '@1', 'B'), peer_call(0, '@1', 'C'), reply(1, nth=1), reply(1, nth=0), reply(1)],
    'same serial twice': [peer_call(0, '@1', serial=77), peer_call(0, '@1', serial=77), reply(1, keep=True), reply(1), reply(1)],
    'same serial to two': [peer_call(0, '@1', serial=77), peer_call(0, '@2', serial=77), reply(1), reply(2)],
    'same serial later': [peer_call(0, '@1', serial=77), reply(1), peer_call(0, '@1', serial=77), reply(1)],
    'big serial': [peer_call(0, '@1', serial=0x7effffff), reply(1)],
    'call with reply serial': [peer_call(0, '@1', reply_serial=5), reply(1), signal(0, reply_serial=5), signal(0, dest='@1', reply_serial=5),
                               peer_call(1, '@0', serial=5), peer_call(0, '@1', reply_serial=5), signal(0, dest='@1', reply_serial=5), reply(0)],
    'reply with flags': [peer_call(0, '@1'), reply(1, flags=0), peer_call(0, '@1'), reply(1, flags=7), peer_call(0, '@1'), reply(1, flags=0xf0)],
    'reply with a path': [peer_call(0, '@1'), reply(1, path='/a', interface='a.b', member='M')],
    'call with flags': [(peer_call(0, '@1', flags=f), reply(1)) for f in (2, 4, 6, 8, 0x80)],
    'no reply to a name': [request(1, NAME), peer_call(0, NAME, flags=NO_REPLY), release(1, NAME), peer_call(0, NAME)],
    'eavesdropper answers': [match(2, "eavesdrop='true'"), peer_call(0, '@1'), reply(2), reply(1)],
}
# Limits in milliseconds.
TIMEOUTS = {
    'no answer in time': [peer_call(0, '@1'), wait(0.6), reply(1)],
    'answer in time': [peer_call(0, '@1'), reply(1), wait(0.6)],
    'callee goes before': [peer_call(0, '@1'), close(1), wait(0.6)],
    'not wanted': [peer_call(0, '@1', flags=NO_REPLY), wait(0.6)],
    'two calls': [peer_call(0, '@1'), peer_call(0, '@2'), reply(2), wait(0.6), reply(1)],
}

# ---- headers


def message(*fields, type=CALL, flags=0, version=1, serial=77, body=b'', order='l', body_len=None):
    return pack_raw(order, type, flags, version, len(body) if body_len is None else body_len, serial, list(fields)) + body


TO_1 = (6, ('s', ':1.999999'))
PATH, MEMBER, IFACE, BUS = (1, ('o', '/a')), (3, ('s', 'M')), (2, ('s', 'a.b')), (6, ('s', DRIVER))
GOOD = (PATH, IFACE, MEMBER, BUS)
# What a client may not send ends its connection, and has no other consequence.
MALFORMED = {
    'version 0': message(*GOOD, version=0), 'version 2': message(*GOOD, version=2), 'serial 0': message(*GOOD, serial=0), 'type 0': message(*GOOD, type=0),
    'order x': b'x' + message(*GOOD)[1:], 'order 0': b'\0' + message(*GOOD)[1:], 'order L': b'L' + message(*GOOD)[1:],
    'call without path': message(IFACE, MEMBER, BUS), 'call without member': message(PATH, IFACE, BUS), 'signal without interface': message(PATH, MEMBER, BUS, type=SIGNAL),
    'signal without path': message(IFACE, MEMBER, BUS, type=SIGNAL), 'signal without member': message(IFACE, PATH, BUS, type=SIGNAL),
    'return without reply serial': message(BUS, type=RETURN), 'error without name': message(BUS, (5, ('u', 1)), type=ERROR),
    'error without reply serial': message(BUS, (4, ('s', 'a.b')), type=ERROR), 'reply serial 0': message(BUS, (5, ('u', 0)), type=RETURN),
    'path twice': message(*GOOD, PATH), 'member twice': message(*GOOD, MEMBER), 'destination twice': message(*GOOD, BUS), 'field 0': message(*GOOD, (0, ('s', 'x'))),
    'path of type s': message((1, ('s', '/a')), IFACE, MEMBER, BUS), 'member of type o': message(PATH, IFACE, (3, ('o', '/M')), BUS),
    'destination of type g': message(PATH, IFACE, MEMBER, (6, ('g', 's'))), 'reply serial of type i': message(BUS, (5, ('i', 1)), type=RETURN),
    'signature of type s': message(*GOOD, (8, ('s', 's')), body=b'\1\0\0\0a\0'), 'sender of type u': message(*GOOD, (7, ('u', 1))),
    'bad path': message((1, ('o', 'a')), IFACE, MEMBER, BUS), 'path with a slash at the end': message((1, ('o', '/a/')), IFACE, MEMBER, BUS),
    'empty path': message((1, ('o', '')), IFACE, MEMBER, BUS), 'path local': message((1, ('o', '/org/freedesktop/DBus/Local')), IFACE, MEMBER, BUS),
    'interface local': message(PATH, (2, ('s', 'org.freedesktop.DBus.Local')), MEMBER, BUS), 'bad interface': message(PATH, (2, ('s', 'a')), MEMBER, BUS),
    'interface with a dash': message(PATH, (2, ('s', 'a.b-c')), MEMBER, BUS), 'empty interface': message(PATH, (2, ('s', '')), MEMBER, BUS),
    'bad member': message(PATH, IFACE, (3, ('s', 'M.N')), BUS), 'empty member': message(PATH, IFACE, (3, ('s', '')), BUS), 'member with digit first': message(PATH, IFACE, (3, ('s', '1M')), BUS),
    'long member': message(PATH, IFACE, (3, ('s', 'M' * 256)), BUS), 'bad destination': message(PATH, IFACE, MEMBER, (6, ('s', 'a'))), 'empty destination': message(PATH, IFACE, MEMBER, (6, ('s', ''))),
    'bad error name': message(BUS, (5, ('u', 1)), (4, ('s', 'x')), type=ERROR), 'bad sender': message(*GOOD, (7, ('s', 'x'))),
    'body without signature': message(*GOOD, body=b'abcd'), 'signature without body': message(*GOOD, (8, ('g', 's'))), 'bad signature': message(*GOOD, (8, ('g', 'z'))),
    'signature not complete': message(*GOOD, (8, ('g', 'a'))), 'signature of an empty struct': message(*GOOD, (8, ('g', '()'))), 'signature with an entry alone': message(*GOOD, (8, ('g', '{ss}'))),
    'entry with a container as key': message(*GOOD, (8, ('g', 'a{vs}')), body=b'\0' * 8), 'string too long': message(*GOOD, (8, ('g', 's')), body=b'\xff\0\0\0a\0'),
    'string without end': message(*GOOD, (8, ('g', 's')), body=b'\1\0\0\0ab'), 'string not UTF-8': message(*GOOD, (8, ('g', 's')), body=b'\1\0\0\0\xff\0'),
    'string with NUL': message(*GOOD, (8, ('g', 's')), body=b'\2\0\0\0\0a\0'), 'boolean 2': message(*GOOD, (8, ('g', 'b')), body=b'\2\0\0\0'),
    'bad object path': message(*GOOD, (8, ('g', 'o')), body=b'\1\0\0\0a\0'), 'bad signature in the body': message(*GOOD, (8, ('g', 'g')), body=b'\1z\0'),
    'variant of two types': message(*GOOD, (8, ('g', 'v')), body=b'\2yy\0ab'), 'variant of none': message(*GOOD, (8, ('g', 'v')), body=b'\0\0'),
    'padding not zero': message(*GOOD, (8, ('g', 'yu')), body=b'\1\1\1\1\2\0\0\0'), 'body left over': message(*GOOD, (8, ('g', 'y')), body=b'ab'),
    'array too long': message(*GOOD, (8, ('g', 'ay')), body=b'\xff\0\0\0abc'), 'array that ends within an element': message(*GOOD, (8, ('g', 'au')), body=b'\3\0\0\0abc'),
    'message too long': message(*GOOD, body_len=1 << 28), 'header too long': b'l\1\0\1\0\0\0\0\1\0\0\0\xff\xff\xff\x7f', 'array of 64 MiB and more': message(*GOOD, body_len=(1 << 27) - 1)[:12] + b'\1\0\0\4' + b'\0' * 16,
    'nested too deep': message(*GOOD, (8, ('g', 'a' * 33 + 'y')), body=b'\0\0\0\0'), 'structs too deep': message(*GOOD, (8, ('g', '(' * 33 + 'y' + ')' * 33)), body=b'\1'),
    'fds that are not there': message(*GOOD, (9, ('u', 1))), 'fd index without fds': message(*GOOD, (8, ('g', 'h')), body=b'\0\0\0\0'),
    'garbage': b'GET / HTTP/1.0\r\n\r\n' + b'x' * 100, 'zeros': b'\0' * 64, 'instance of type s': message(*GOOD, (10, ('s', 'x'))),
}
# What looks odd and is allowed.
ODD = {
    'unknown field': message(*GOOD, (77, ('s', 'x'))), 'unknown field of several types': message(*GOOD, (77, ('v', ('u', 1))), (78, ('as', ['a'])), (255, ('(yu)', (1, 2)))),
    'unknown field twice': message(*GOOD, (77, ('s', 'x')), (77, ('s', 'y'))), 'sender of others': message(*GOOD, (7, ('s', ':1.0'))), 'sender of the bus': message(*GOOD, (7, ('s', DRIVER))),
    'flags': message(*GOOD, flags=0xfa), 'type 9': message(*GOOD, type=9), 'type 9 without anything': message(type=9), 'type 255': message(type=255), 'error name in a call': message(*GOOD, (4, ('s', 'a.b'))),
    'reply serial in a call': message(*GOOD, (5, ('u', 1))), 'fds 0': message(*GOOD, (9, ('u', 0))), 'empty signature': message(*GOOD, (8, ('g', ''))),
    'big endian': message(*GOOD, order='B'), 'fields in another order': message(*reversed(GOOD)), 'instance': message(*GOOD, (10, ('o', '/x'))),
    'depth 32': message(*GOOD, (8, ('g', 'a' * 32 + 'y')), body=b'\0\0\0\0'), 'structs of depth 32': message(*GOOD, (8, ('g', '(' * 32 + 'y' + ')' * 32)), body=b'\1'),
}

SCENARIOS = {'reply: ' + k: Scenario(v) for k, v in REPLIES.items()}
SCENARIOS.update({'timeout: ' + k: Scenario(v, body='<limit name="reply_timeout">300</limit>') for k, v in TIMEOUTS.items()})
SCENARIOS.update({'malformed: ' + k: Scenario(match(1, "type='signal'"), request(0, NAME), raw(0, v), signal(1)) for k, v in MALFORMED.items()})
SCENARIOS.update({'odd: ' + k: Scenario(match(1, "type='signal'"), match(2, "eavesdrop='true'"), raw(0, v), signal(0), signal(1)) for k, v in ODD.items()})
SCENARIOS.update({'malformed before hello: ' + k: Scenario(connect(3, hello=False), raw(3, MALFORMED[k]), signal(1), n=2) for k in ('version 0', 'garbage', 'bad path')})
SCENARIOS['unknown fields to others'] = Scenario(match(2, ''), [send(0, t, destination=d, path='/a', interface='a.b', member='M', error='a.b', reply_serial=9,
                                                                  extra=[(77, 's', 'x'), (11, 'u', 1), (10, 'o', '/i'), (250, 'a{sv}', {'a': ('s', 'b')})])
                                                             for t in (CALL, SIGNAL) for d in (None, '@1')])
SCENARIOS['forged sender'] = Scenario(match(2, ''), [send(0, t, destination=d, path='/a', interface='a.b', member='M', sender=s)
                                                  for t in (CALL, SIGNAL) for d in (None, '@1') for s in ('@1', DRIVER, 'com.example.No')])

for order, (i, (sig, value)) in itertools.product('lB', enumerate(ALL_TYPES)):
    SCENARIOS['body %s %s %d' % (order, sig, i)] = Scenario(connect(1), connect(0, order=order), peer_call(0, '@1', 'M', sig, value), reply(1, sig, value), peer_call(1, '@0', 'M', sig, value),
                                                            reply(0, sig, value), match(1, ''), signal(0, 'S', sig + 's', value, 'end'), n=0)
for order in 'lB':
    sig, values = ''.join(s for s, _ in ALL_TYPES), [v for _, v in ALL_TYPES]
    SCENARIOS['body %s of all types' % order] = Scenario(connect(1), connect(0, order=order), match(1, "arg9='é\u2603'"), peer_call(0, '@1', 'M', sig, *values), reply(1, sig, *values),
                                                         signal(0, 'S', sig, *values), [call(0, m, 's', '@1') for m in ('GetConnectionUnixUser', 'ListQueuedOwners', 'GetConnectionCredentials')],
                                                         request(0, NAME), release(0, NAME), call(0, 'NoSuch'), peer_call(0, 'com.example.No'), n=0)
SCENARIOS.update({
    'large': Scenario(match(2, ''), [(peer_call(0, '@1', 'M', 'ay', bytes(n)), reply(1, 'ay', bytes(n)), signal(0, 'S', 'ay', bytes(n))) for n in (1000, 100000, 3000000)]),
    'broadcast': Scenario(match(1, ''), match(2, ''), signal(0), signal(0, 'A', 's', 'b'), signal(0, flags=3), close(1), signal(0)),
    'unicast signal': Scenario(match(1, ''), match(2, ''), request(1, NAME), signal(0, dest='@1'), signal(0, dest=NAME), signal(0, dest='com.example.No'), signal(0, dest=':1.9999'), signal(0, dest=DRIVER)),
    'undirected reply': Scenario(match(1, ''), peer_call(0, '@1'), answer(1, None, 2), answer(1, None, 2, type=ERROR), reply(1)),
    'local': Scenario([send(0, t, destination=d, path='/a', interface='org.freedesktop.DBus.Local', member='Disconnected') for t in (SIGNAL,) for d in (None,)]),
    'local path': Scenario(send(0, SIGNAL, path='/org/freedesktop/DBus/Local', interface='a.b', member='Disconnected')),
    'local name': Scenario(peer_call(0, 'org.freedesktop.DBus.Local'), signal(0, dest='org.freedesktop.DBus.Local')),
    'to itself': Scenario(match(0, ''), signal(0, dest='@0'), signal(0), peer_call(0, '@0'), reply(0)),
    'driver interface between clients': Scenario(match(2, "type='signal',interface='org.freedesktop.DBus'"), match(2, "sender='org.freedesktop.DBus'"),
                                                 signal(0, 'NameOwnerChanged', 'sss', 'a.b', '', ':1.1', iface=DRIVER, path=DRIVER_PATH),
                                                 signal(0, 'NameOwnerChanged', 'sss', 'a.b', '', ':1.1', iface=DRIVER, path=DRIVER_PATH, dest='@1'), peer_call(0, '@1', 'Hello', iface=DRIVER)),
})

# ---- descriptors

fd_call = [peer_call(0, '@1', 'M', 'h', 0, fds=['a'])]
SCENARIOS.update({
    'fds: one': Scenario(fd_call, reply(1, 'h', 0, fds=['b'])),
    'fds: several': Scenario(peer_call(0, '@1', 'M', 'hhh', 2, 0, 1, fds=['a', 'b', 'c']), peer_call(0, '@1', 'M', 'ah', [0, 0, 1], fds=['a', 'b'])),
    'fds: not in the body': Scenario(peer_call(0, '@1', 'M', fds=['a', 'b']), peer_call(0, '@1', 'M', 's', 'x', fds=['a'])),
    'fds: index too big': Scenario(peer_call(0, '@1', 'M', 'h', 1, fds=['a']), signal(1)),
    'fds: index without any': Scenario(peer_call(0, '@1', 'M', 'h', 0), signal(1)),
    'fds: broadcast': Scenario(match(1, ''), match(2, ''), signal(0, 'S', 'h', 0, fds=['a'])),
    'fds: broadcast to some who cannot': Scenario(connect(0), connect(1, fds=False), connect(2), match(1, ''), match(2, ''), signal(0, 'S', 'h', 0, fds=['a']), signal(0), n=0),
    'fds: receiver cannot': Scenario(connect(0), connect(1, fds=False), fd_call, signal(0, 'S', 'h', 0, fds=['a'], dest='@1'), peer_call(0, '@1', 'M', 'h', 0, fds=['a'], flags=NO_REPLY), peer_call(0, '@1'), n=0),
    'fds: receiver cannot, and goes': Scenario(connect(0), connect(1, fds=False), fd_call, close(1), n=0),
    'fds: replier cannot': Scenario(connect(0, fds=False), connect(1), peer_call(0, '@1'), reply(1, 'h', 0, fds=['a']), n=0),
    'fds: sender cannot': Scenario(connect(0, fds=False), connect(1), fd_call, n=0),
    'fds: to the driver': Scenario(call(0, 'GetId', fds=['a']), call(0, 'NameHasOwner', 's', 'a.b', fds=['a']), call(0, 'NoSuch', 'h', 0, fds=['a']), call(0, 'Ping', dest=None, iface='org.freedesktop.DBus.Peer', fds=['a'])),
    'fds: to nobody': Scenario(peer_call(0, NAME, 'M', 'h', 0, fds=['a']), signal(0, 'S', 'h', 0, fds=['a'], dest=NAME)),
    'fds: many': Scenario(peer_call(0, '@1', 'M', fds=['%d' % i for i in range(16)])),
    'fds: eavesdropped': Scenario(match(2, "eavesdrop='true'"), fd_call, reply(1, 'h', 0, fds=['b']), signal(0, 'S', 'h', 0, fds=['c'], dest='@1')),
    'fds: eavesdropper cannot': Scenario(connect(0), connect(1), connect(2, fds=False), match(2, "eavesdrop='true'"), fd_call, reply(1, 'h', 0, fds=['b']), n=0),
    'fds: to itself': Scenario(peer_call(0, '@0', 'M', 'h', 0, fds=['a']), reply(0, 'h', 0, fds=['b'])),
    'fds: unsolicited': Scenario(answer(0, '@1', 55, 'h', 0, fds=['a'])),
    'fds: big endian': Scenario(connect(1), connect(0, order='B'), fd_call, reply(1, 'h', 0, fds=['b']), n=0),
    'fds: more than allowed': Scenario(match(1, ''), peer_call(0, '@1', fds=['a', 'b']), peer_call(0, '@1', fds=['a', 'b', 'c']), body='<limit name="max_message_unix_fds">2</limit>'),
})


@pytest.mark.parametrize('name', table(__name__, SCENARIOS))
def test_messages(name):
    check(__name__, SCENARIOS, name)
