# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who owns a name, who waits for it, and what they are told."""
import itertools

import pytest

from compare import Scenario, check, table
from ops import call, close, connect, match, release, request

NAME = 'com.example.Name'
NOC = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"


def look(conn=2):
    return [call(conn, 'ListQueuedOwners', 's', NAME), call(conn, 'GetNameOwner', 's', NAME), call(conn, 'NameHasOwner', 's', NAME)]


def watched(*ops, **kw):
    return Scenario([match(i, NOC) for i in range(3)], *ops, **kw)


SCENARIOS = {'order of several names': watched([request(0, 'com.example.%s' % n) for n in 'BAC'], [request(1, 'com.example.%s' % n) for n in 'CAB'],
                                               close(0), close(1))}

# All flags of the owner, of the second and of the third; then the owner, whoever it is, goes away in three ways.
for a, b, c in itertools.product(range(8), range(8), (0, 2, 4, 6)):
    end = [[release(0, NAME), look()], [release(1, NAME), look()], [close(0), look()], [close(1), look()]][(a + b + c // 2) % 4]
    SCENARIOS['requests %d %d %d' % (a, b, c)] = watched(request(0, NAME, a), request(1, NAME, b), look(), request(2, NAME, c), look(), end,
                                                         release(2, NAME), look())

# The same connection asks again with other flags, as owner and in the queue.
for a, b, c in itertools.product(range(8), repeat=3):
    if (a + b + c) % 2 == 0:
        SCENARIOS['again %d %d %d' % (a, b, c)] = watched(
            request(0, NAME, a), request(0, NAME, b), request(1, NAME, c), look(), request(1, NAME, b), look(), request(0, NAME, c), look(),
            request(2, NAME, 2), look(), request(1, NAME, a), look(), release(0, NAME), close(2), look(1))

SCENARIOS.update({
    'unknown flags': watched([request(i % 3, NAME, f) for i, f in enumerate((8, 0x10, 0x80000000, 0xffffffff, 3, 9))], look()),
    'release by others': watched(release(0, NAME), request(0, NAME), release(1, NAME), request(1, NAME), release(2, NAME), release(1, NAME),
                                 release(0, NAME), release(0, NAME)),
    'long queue': Scenario([match(5, NOC)], [request(i, NAME, i % 2) for i in range(6)], look(5), [(close(i), look(5)) for i in (0, 3, 1, 2)],
                           request(5, NAME, 2), release(4, NAME), look(5), n=6),
    'gone and back': watched(request(0, NAME), close(0), connect(0), request(0, NAME), look(), close(0), connect(0), look()),
    'names of the driver': Scenario(
        [(request(0, n), release(0, n), call(0, 'GetNameOwner', 's', n), call(0, 'NameHasOwner', 's', n), call(0, 'ListQueuedOwners', 's', n))
         for n in ('org.freedesktop.DBus', '@0', '@1', ':1.77777', ':9', '', 'nodots', 'a.b', '.a.b', 'a..b', 'a.b.', 'a.1b', 'a-b.c_d', 'a b.c',
                   'com.example.' + 'x' * 243, 'com.example.' + 'x' * 244, 'com.exämple.A', 'org.freedesktop.DBus.Local', ':a', ':1', ':1.a')]),
})


@pytest.mark.parametrize('name', table(__name__, SCENARIOS))
def test_names(name):
    check(__name__, SCENARIOS, name)
