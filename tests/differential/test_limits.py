# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens at a limit of the configuration."""
import pytest

from compare import Scenario, check, table
from ops import call, close, connect, match, peer_call, raw, release, reply, request, signal, unmatch, wait
from wirebus import NO_REPLY


def limited(*ops, n=3, **limits):
    return Scenario(*ops, n=n, body=''.join('<limit name="%s">%d</limit>' % kv for kv in limits.items()))


def sizes(*lengths):
    return [(peer_call(0, '@1', 'M', 'ay', bytes(n)), signal(1)) for n in lengths]


SCENARIOS = {
    'names': limited([request(0, 'com.example.N%d' % i) for i in range(5)], release(0, 'com.example.N1'), request(0, 'com.example.N4'), request(1, 'com.example.N0'),
                     request(1, 'com.example.N2'), request(1, 'com.example.N3'), request(1, 'com.example.N0', 4), max_names_per_connection=3),
    'names waited for': limited(request(1, 'com.example.A'), request(1, 'com.example.B'), request(0, 'com.example.A'), request(0, 'com.example.B'), request(0, 'com.example.C'),
                                request(0, 'com.example.A'), request(0, 'com.example.B', 4), request(0, 'com.example.C'), max_names_per_connection=3),
    'a name only': limited(request(0, 'com.example.A'), max_names_per_connection=1),
    'match rules': limited([match(0, "member='M%d'" % i) for i in range(5)], unmatch(0, "member='M0'"), match(0, "member='M1'"), match(0, "member='M1'"), match(1, ''),
                           max_match_rules_per_connection=3),
    'replies': limited([peer_call(0, '@1') for _ in range(4)], peer_call(0, '@2'), peer_call(0, '@1', flags=NO_REPLY), reply(1), peer_call(0, '@2'), peer_call(2, '@1'),
                       max_replies_per_connection=2),
    'replies, callee goes': limited([peer_call(0, '@1') for _ in range(3)], close(1), peer_call(0, '@2'), peer_call(0, '@2'), max_replies_per_connection=2),
    'replies to the driver': limited([peer_call(0, '@1') for _ in range(3)], call(0, 'GetId'), peer_call(0, 'com.example.No'), max_replies_per_connection=2),
    'size of a message': limited(match(1, "type='signal'"), sizes(1000, 3800, 4200), max_message_size=4096),
    'descriptors': limited(match(2, ''), peer_call(0, '@1', 'M', fds=['a']), peer_call(0, '@1', 'M', fds=['a', 'b']), max_message_unix_fds=1),
    'completed connections': limited([connect(i) for i in (3, 4, 5)], close(0), connect(6), max_completed_connections=5),
    'connections per user': limited([connect(i) for i in (3, 4, 5)], close(0), connect(6), max_connections_per_user=5),
    'connections, without hello': limited([connect(i, hello=False) for i in (3, 4)], [call(i, 'Hello') for i in (3, 4)], connect(5), max_completed_connections=5),
    'incoming one by one': limited(match(1, ''), [peer_call(0, '@1', 'M', 'ay', bytes(500), flags=NO_REPLY) for _ in range(20)], max_incoming_bytes=1),
    'reply timeout': limited(peer_call(0, '@1'), peer_call(0, '@2', flags=NO_REPLY), wait(0.6), reply(1), peer_call(0, '@1'), reply(1), reply_timeout=300),
    'everything 1': limited(request(0, 'com.example.A'), match(0, ''), match(0, ''), peer_call(0, '@1'), peer_call(0, '@1'), max_names_per_connection=1, max_match_rules_per_connection=1,
                            max_replies_per_connection=1),
    'everything 0': limited(request(0, 'com.example.A'), match(0, ''), peer_call(0, '@1'), max_match_rules_per_connection=0, max_replies_per_connection=0),
    'unknown': Scenario(body='<limit name="max_of_something">1</limit>', refused=True),
    'negative': Scenario(body='<limit name="max_replies_per_connection">-1</limit>', refused=True),
    'no number': Scenario(body='<limit name="max_replies_per_connection">many</limit>', refused=True),
    'without a name': Scenario(body='<limit>1</limit>', refused=True),
}


@pytest.mark.parametrize('name', table(__name__, SCENARIOS))
def test_limits(name):
    check(__name__, SCENARIOS, name)
