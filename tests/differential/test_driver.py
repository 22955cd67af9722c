# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hello, and every method of the driver with good and bad arguments, at right and wrong places."""
import pytest

from compare import Scenario, check, table
from ops import answer, call, connect, get, match, peer_call, request, send, signal, wait
from records import view_stripped
from wirebus import CALL, DRIVER, DRIVER_PATH, ERROR, NO_AUTO_START, NO_REPLY, PROPERTIES

INTROSPECTABLE, PEER = 'org.freedesktop.DBus.Introspectable', 'org.freedesktop.DBus.Peer'
MONITORING, STATS = 'org.freedesktop.DBus.Monitoring', 'org.freedesktop.DBus.Debug.Stats'

# Interface, member, signature, arguments that are good, and what is compared of the answer.
METHODS = [
    (DRIVER, 'RequestName', 'su', ('com.example.A', 0), None), (DRIVER, 'ReleaseName', 's', ('com.example.A',), None),
    (DRIVER, 'NameHasOwner', 's', ('com.example.A',), None), (DRIVER, 'ListNames', '', (), None),
    (DRIVER, 'ListActivatableNames', '', (), None), (DRIVER, 'AddMatch', 's', ("member='M'",), None),
    (DRIVER, 'RemoveMatch', 's', ("member='M'",), None), (DRIVER, 'GetNameOwner', 's', ('@1',), None),
    (DRIVER, 'ListQueuedOwners', 's', ('@1',), None), (DRIVER, 'StartServiceByName', 'su', ('com.example.Nobody', 0), None),
    (DRIVER, 'GetConnectionUnixUser', 's', ('@1',), None), (DRIVER, 'GetConnectionUnixProcessID', 's', ('@1',), None),
    (DRIVER, 'GetConnectionCredentials', 's', ('@1',), None), (DRIVER, 'GetConnectionSELinuxSecurityContext', 's', ('@1',), None),
    (DRIVER, 'GetAdtAuditSessionData', 's', ('@1',), None), (DRIVER, 'GetId', '', (), None), (DRIVER, 'ReloadConfig', '', (), None),
    (DRIVER, 'UpdateActivationEnvironment', 'a{ss}', ({'TEST_A': 'a'},), None), (DRIVER, 'Hello', '', (), None),
    (PROPERTIES, 'Get', 'ss', (DRIVER, 'Features'), None), (PROPERTIES, 'GetAll', 's', (DRIVER,), None),
    (PROPERTIES, 'Set', 'ssv', (DRIVER, 'Features', ('as', [])), None), (INTROSPECTABLE, 'Introspect', '', (), view_stripped),
    (PEER, 'Ping', '', (), None), (PEER, 'GetMachineId', '', (), None),
    (DRIVER, 'NoSuchMethod', '', (), None), (DRIVER, 'NameAcquired', 's', ('com.example.A',), None), ('com.example.No', 'Hello', '', (), None),
    ('com.example.No', 'GetId', '', (), None), (PEER, 'GetId', '', (), None), (DRIVER, 'Ping', '', (), None), (DRIVER, 'Introspect', '', (), None),
    (INTROSPECTABLE, 'Ping', '', (), None), (PROPERTIES, 'No', '', (), None),
]
PATHS = [DRIVER_PATH, '/', '/org', '/org/freedesktop/DBus/x', '/com/example', '/org/freedesktop']


def method(m, conn=0, args=None, sig=None, **kw):
    iface, member, good_sig, good, view = m
    kw.setdefault('iface', iface)
    return call(conn, member, good_sig if sig is None else sig, *(good if args is None else args), view=view, **kw)


def everywhere(m):
    """At each path, with and without an interface, in both byte orders, with flags."""
    return [method(m, path=p) for p in PATHS] + [method(m, path=p, iface=None) for p in PATHS] + \
        [method(m, 2), method(m, 2, path='/'), method(m, flags=NO_REPLY), method(m, flags=NO_AUTO_START), method(m, flags=4), method(m, flags=0xf8)]


def wrong_signatures(m):
    good = m[2]
    tries = [('', ()), ('s', ('com.example.A',)), ('u', (1,)), ('su', ('com.example.A', 1)), ('us', (1, 'com.example.A')), ('as', (['a', 'b'],)),
             ('v', (('s', 'com.example.A'),)), ('sss', ('a.a', 'b.b', 'c.c')), ('si', ('com.example.A', 1)), ('o', ('/com/example',)),
             ('g', ('s',)), ('(su)', (('com.example.A', 1),)), ('a{ss}', ({'A': 'b'},)), ('a{sv}', ({},)), ('ay', (b'com.example.A\0',)), ('x', (1,)),
             ('ss', ('a.a', 'b.b')), ('ssv', ('a.a', 'b', ('s', 'c'))), (good + 's', m[3] + ('more',))]
    return [method(m, args=args, sig=sig) for sig, args in tries if sig != good]


def title(m):
    return '%s.%s' % (m[0].rsplit('.', 1)[1], m[1])


HELLO = call(0, 'Hello')
NAMES = ['@0', '@1', DRIVER, 'com.example.Mine', 'com.example.Queued', 'com.example.Nobody', ':1.99999', 'bad', '', 'a..b', ':', '@0x', 'org.freedesktop.systemd1']
SUBJECTS = ['GetNameOwner', 'NameHasOwner', 'ListQueuedOwners', 'GetConnectionUnixUser', 'GetConnectionUnixProcessID', 'GetConnectionCredentials',
            'GetConnectionSELinuxSecurityContext', 'GetAdtAuditSessionData']


def unsaid(*ops):
    return Scenario(connect(1), connect(0, hello=False), *ops, call(0, 'GetId'), call(1, 'ListNames'), HELLO, call(0, 'GetId'), n=0)


SCENARIOS = {
    'hello': Scenario(call(0, 'Hello'), call(0, 'GetId'), fresh=True),
    'hello without interface': unsaid(call(0, 'Hello', iface=None)),
    'hello elsewhere': unsaid(call(0, 'Hello', path='/')),
    'hello with arguments': unsaid(call(0, 'Hello', 's', 'x')),
    'hello without reply': unsaid(call(0, 'Hello', flags=NO_REPLY)),
    'hello of a foreign interface': unsaid(call(0, 'Hello', iface='com.example.No')),
    'hello to nobody': unsaid(call(0, 'Hello', dest=None)),
    'hello to somebody': unsaid(call(0, 'Hello', dest='@1')),
    'hello as a signal': unsaid(signal(0, 'Hello', dest=DRIVER, iface=DRIVER)),
    'before hello: unknown': unsaid(call(0, 'NoSuchMethod')),
    'before hello: peer': unsaid(call(0, 'Ping', iface=PEER)),
    'before hello: introspect': unsaid(call(0, 'Introspect', iface=INTROSPECTABLE)),
    'before hello: names': unsaid(request(0, 'com.example.A'), call(0, 'NameHasOwner', 's', 'com.example.A'), call(1, 'NameHasOwner', 's', 'com.example.A')),
    'before hello: matches': unsaid(match(0, ''), signal(1)),
    'before hello: signal': unsaid(match(1, ''), signal(0)),
    'before hello: signal to the driver': unsaid(signal(0, dest=DRIVER)),
    'before hello: reply to the driver': unsaid(answer(0, DRIVER, 1)),
    'before hello: error to the driver': unsaid(answer(0, DRIVER, 1, type=ERROR)),
    'before hello: call to somebody': unsaid(peer_call(0, '@1')),
    'before hello: call to nobody': unsaid(peer_call(0, 'com.example.Nobody')),
    'before hello: peer without destination': unsaid(call(0, 'Ping', iface=PEER, dest=None)),
    'before hello: unknown type': unsaid(send(0, 9, destination=DRIVER, path='/', member='M')),
    'subjects': Scenario(request(0, 'com.example.Mine'), request(0, 'com.example.Queued'), request(1, 'com.example.Queued'),
                         [call(c, m, 's', n) for m in SUBJECTS for n in NAMES for c in (0, 1)]),
    'start': Scenario(request(0, 'com.example.Mine'),
                      [call(1, 'StartServiceByName', 'su', n, f) for n in NAMES for f in (0, 1, 0xffffffff)]),
    'environment': Scenario([call(0, 'UpdateActivationEnvironment', 'a{ss}', d, path=p) for p in (DRIVER_PATH, '/')
                             for d in ({}, {'A': ''}, {'A': 'b', 'C': 'd'}, {'A=B': 'c'}, {'': 'x'}, {'1': 'x'}, {'A B': 'x'}, {'PATH': '/x'}, {'Ä': 'ö'})]),
    'properties': Scenario([get(0, i, n, path=p) for i in (DRIVER, '', 'com.example.No', PROPERTIES, PEER, INTROSPECTABLE, MONITORING, STATS)
                            for n in ('Features', 'Interfaces', 'No', '') for p in (DRIVER_PATH, '/')],
                           [call(0, 'GetAll', 's', i, iface=PROPERTIES, path=p) for i in (DRIVER, '', 'com.example.No', PROPERTIES, PEER)
                            for p in (DRIVER_PATH, '/')],
                           [call(0, 'Set', 'ssv', i, n, v, iface=PROPERTIES, path=p) for i in (DRIVER, '', 'com.example.No', PEER)
                            for n in ('Features', 'Interfaces', 'No') for v in (('as', []), ('s', 'x')) for p in (DRIVER_PATH, '/')]),
    'no destination': Scenario(match(1, ''), [method(m, dest=None, path=p) for m in METHODS for p in (DRIVER_PATH, '/x') if m[1] != 'Hello' and m[0] != DRIVER],
                               [method(m, dest=None, iface=None) for m in METHODS], [method(m, dest=None) for m in METHODS if m[0] == DRIVER],
                               peer_call(0, None), peer_call(0, None, iface=None), call(0, 'Ping', iface=PEER, dest=None, flags=NO_REPLY)),
    'not a call': Scenario([send(0, t, destination=DRIVER, path=DRIVER_PATH, interface=DRIVER, member='GetId', reply_serial=1, error='a.b') for t in (2, 3, 4)],
                           [answer(0, DRIVER, n) for n in (1, 2, 99)]),
    'system bus': Scenario([method(m) for m in METHODS], call(0, 'UpdateActivationEnvironment', 'a{ss}', {'A': 'b'}), type='system'),
    'credentials of one that goes': Scenario(wait(0), call(0, 'GetConnectionCredentials', 's', '@2'), call(0, 'GetConnectionCredentials', 's', DRIVER)),
}
for m in METHODS:
    SCENARIOS['%s everywhere' % title(m)] = Scenario(connect(2, order='B'), everywhere(m), n=2)
    SCENARIOS['%s wrong signatures' % title(m)] = Scenario(wrong_signatures(m))


@pytest.mark.parametrize('name', table(__name__, SCENARIOS))
def test_driver(name):
    check(__name__, SCENARIOS, name)
