# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the policy of the configuration lets through, and who is told of what it does not."""
import grp
import os
import pwd

import pytest

from compare import Scenario, check, table
from daemons import OPEN_POLICY
from ops import answer, call, close, connect, error, match, peer_call, release, reply, request, send, signal
from wirebus import DRIVER, ERROR, NO_REPLY, RETURN

USER, GROUP = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
MINE, OTHER = 'com.example.Mine', 'com.example.Mine.Sub'


def traffic():
    """0 calls, 1 owns names, 2 hears all broadcasts and waits for a name."""
    return [
        match(2, "type='signal'"), request(1, MINE), request(1, OTHER), request(2, OTHER), request(2, 'com.other.Name'), request(0, 'org.example.A.B'),
        [(peer_call(0, dest, member, path=path, iface=iface), reply(1, 's', 'x')) for dest in ('@1', MINE) for member, path, iface in
         (('Method', '/obj', 'com.example.Iface'), ('Other', '/obj', 'com.example.Iface'), ('Method', '/other', 'com.example.Iface'),
          ('Method', '/obj/sub', 'com.example.Iface'), ('Method', '/obj', 'com.example.Other'), ('Method', '/obj', None))],
        peer_call(0, OTHER), error(1, 'com.example.Error'), peer_call(0, '@1'), error(1, 'com.example.Other'), peer_call(0, '@1', flags=NO_REPLY), reply(1),
        peer_call(1, '@0'), reply(0), peer_call(2, '@1'), reply(1), signal(0), signal(1), signal(1, 'Other'), signal(1, iface='com.example.Other'), signal(1, path='/other'),
        signal(0, dest='@1'), signal(0, dest=MINE), signal(1, dest='@0'), signal(0, 'Other', dest='@1'), answer(0, '@1', 900), answer(1, '@0', 900, type=ERROR), answer(0, MINE, 901),
        peer_call(0, '@1', 'M', 'h', 0, fds=['a']), reply(1, 'h', 0, fds=['b']), peer_call(0, '@1', 'M', 'hh', 0, 1, fds=['a', 'b']), reply(1, 'hh', 0, 1, fds=['a', 'b']), signal(0, 'S', 'h', 0, fds=['a']),
        peer_call(0, 'com.example.Nobody'), peer_call(0, 'com.example.Nobody', flags=NO_REPLY), call(0, 'GetId'), call(0, 'NameHasOwner', 's', MINE), call(0, 'GetId', path='/other'), call(0, 'GetId', iface=None),
        call(0, 'Ping', iface='org.freedesktop.DBus.Peer'), call(0, 'Ping', iface='org.freedesktop.DBus.Peer', dest=None), signal(0, dest=DRIVER), answer(0, DRIVER, 1), call(0, 'GetId', flags=NO_REPLY),
        release(1, OTHER), release(1, MINE), release(2, 'com.other.Name'), match(0, "eavesdrop='true'"), peer_call(1, '@2'), reply(2), signal(1, dest='@2'), close(1),
    ]


A = '<allow %s/>'
D = '<deny %s/>'
BASE = '<allow send_type="method_call"/><allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>' \
       '<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/><allow receive_type="method_return"/>' \
       '<allow receive_type="error"/><allow receive_type="signal"/><allow own="*"/>'

# Each on top of what allows everything.
DENIES = [
    'send_destination="%s"' % MINE, 'send_destination="%s"' % OTHER, 'send_destination="com.example.Nobody"', 'send_destination="*" send_interface="com.example.Iface" send_member="Other"',
    'send_destination_prefix="com.example"', 'send_destination_prefix="com.example.Mine"', 'send_destination_prefix="com"', 'send_destination="com.other.Name"',
    'send_interface="com.example.Iface"', 'send_interface="com.example.Iface" send_member="Other"', 'send_interface="com.example.Other"', 'send_path="/obj" send_member="Method"', 'send_path="/obj"', 'send_path="/other"',
    'send_type="method_call"', 'send_type="method_return"', 'send_type="error"', 'send_type="signal"', 'send_error="com.example.Error"', 'send_error="com.example.Other"',
    'send_broadcast="true"', 'send_broadcast="false"', 'send_broadcast="true" send_type="signal"', 'send_broadcast="false" send_type="signal"', 'send_broadcast="true" send_interface="com.example.Iface"',
    'send_requested_reply="true"', 'send_requested_reply="false"', 'send_requested_reply="true" send_type="error"', 'send_requested_reply="false" send_type="method_return"',
    'send_destination="%s" send_type="signal"' % MINE, 'send_destination="%s" send_interface="com.example.Iface" send_member="Method"' % MINE, 'send_destination="%s" send_path="/obj"' % MINE,
    'send_interface="com.example.Iface" eavesdrop="true"', 'send_interface="com.example.Iface" eavesdrop="false"',
    'receive_sender="%s"' % MINE, 'receive_sender="com.example.Nobody"', 'receive_interface="com.example.Iface"', 'receive_interface="com.example.Iface" receive_member="Other"', 'receive_path="/obj" receive_member="Method"', 'receive_path="/obj"',
    'receive_type="method_call"', 'receive_type="signal"', 'receive_error="com.example.Error"', 'receive_sender="%s" receive_type="signal"' % MINE,
    'receive_requested_reply="false"', 'receive_requested_reply="false" receive_type="error"', 'receive_requested_reply="true" receive_sender="%s"' % MINE, 'receive_interface="com.example.Iface" eavesdrop="true"',
    'eavesdrop="true"', 'own="%s"' % MINE, 'own="*"', 'own_prefix="com.example"', 'own_prefix="com.example.Mine"', 'own_prefix="com"', 'own="%s"' % OTHER, 'own_prefix="org.example.A"', 'own_prefix="org.example.A.B"',
    'send_destination="*" min_fds="1"', 'send_destination="*" max_fds="1"', 'send_interface="com.example.Iface" min_fds="2"', 'receive_sender="*" min_fds="1"', 'receive_type="method_call" min_fds="1" max_fds="1"', 'send_type="method_return" min_fds="1"',
    'send_destination="%s" send_interface="%s" send_member="GetId"' % (DRIVER, DRIVER), 'send_destination="%s" send_type="signal"' % DRIVER, 'send_destination="%s" send_interface="%s" send_member="NameHasOwner"' % (DRIVER, DRIVER),
    'send_destination="%s" send_path="/other"' % DRIVER, 'send_destination="%s" send_interface="org.freedesktop.DBus.Properties"' % DRIVER,
    'receive_sender="%s" receive_interface="%s" receive_member="NameAcquired"' % (DRIVER, DRIVER), 'receive_sender="%s" receive_interface="%s" receive_member="NameOwnerChanged"' % (DRIVER, DRIVER), 'receive_sender="%s" receive_type="error"' % DRIVER,
    'send_destination="%s" send_interface="%s" send_member="RequestName"' % (DRIVER, DRIVER), 'send_destination="%s" send_interface="%s" send_member="AddMatch"' % (DRIVER, DRIVER),
]
# Each on top of what denies everything but talking to the bus.
ALLOWS = [
    'send_destination="%s"' % MINE, 'send_destination="*"', 'send_destination_prefix="com.example"', 'send_destination_prefix="com.example.Mine.Sub"', 'send_interface="com.example.Iface"', 'send_path="/obj"',
    'send_type="signal"', 'send_type="method_call"', 'send_requested_reply="true"', 'send_requested_reply="false"', 'send_requested_reply="false" send_type="error"', 'send_requested_reply="true" send_type="method_return"', 'send_interface="com.example.Iface" send_member="Method"',
    'send_broadcast="true"', 'send_broadcast="false"', 'send_error="com.example.Error"', 'send_destination="%s" send_interface="com.example.Iface"' % MINE, 'send_destination="%s" send_path="/obj"' % MINE,
    'send_destination="%s" send_path="/obj" send_member="Method"' % MINE, 'send_destination="*" eavesdrop="true"', 'send_interface="com.example.Iface" send_member="Sig" send_broadcast="true"', 'send_type="method_call" send_interface="com.example.Iface"',
]
SECOND = {
    'user deny': '<policy user="%s">%s</policy>' % (USER, D % 'send_interface="com.example.Iface"'),
    'user by number': '<policy user="%d">%s</policy>' % (os.geteuid(), D % 'send_interface="com.example.Iface"'),
    'group deny': '<policy group="%s">%s</policy>' % (GROUP, D % 'send_path="/obj" send_member="Method"'),
    'group deny, user allow': '<policy user="%s">%s</policy><policy group="%s">%s</policy>' % (USER, A % 'send_path="/obj" send_member="Method"', GROUP, D % 'send_path="/obj" send_member="Method"'),
    'user deny, group allow': '<policy user="%s">%s</policy><policy group="%s">%s</policy>' % (USER, D % 'send_path="/obj" send_member="Method"', GROUP, A % 'send_path="/obj" send_member="Method"'),
    'user of another': '<policy user="nobody">%s</policy>' % (D % 'send_path="/obj" send_member="Method"'),
    'mandatory deny': '<policy context="mandatory">%s</policy><policy user="%s">%s</policy>' % (D % 'send_path="/obj" send_member="Method"', USER, A % 'send_path="/obj" send_member="Method"'),
    'mandatory allow': '<policy context="mandatory">%s</policy><policy context="default">%s</policy>' % (A % 'send_path="/obj" send_member="Method"', D % 'send_interface="com.example.Iface"'),
    'default twice': '<policy context="default">%s</policy><policy context="default">%s</policy>' % (D % 'own="*"', A % ('own="%s"' % MINE)),
    'own prefix and own': '<policy context="default">%s%s</policy>' % (D % 'own_prefix="com.example"', A % ('own="%s"' % OTHER)),
    'deny then allow a name': '<policy context="default">%s%s</policy>' % (D % ('send_destination="%s"' % MINE), A % ('send_destination="%s"' % OTHER)),
    'deny prefix then allow name': '<policy context="default">%s%s</policy>' % (D % 'send_destination_prefix="com"', A % ('send_destination="%s"' % OTHER)),
    'deny interface then allow member': '<policy context="default">%s%s</policy>' % (D % 'send_interface="com.example.Iface"', A % 'send_interface="com.example.Iface" send_member="Other"'),
    'deny replies then allow': '<policy context="default">%s%s</policy>' % (D % 'send_type="method_return"', A % 'send_requested_reply="true" send_type="method_return"'),
    'user star': '<policy context="default">%s</policy>' % (D % 'user="*"'),
    'group star': '<policy context="default">%s</policy>' % (D % 'group="*"'),
    'user not this': '<policy context="default">%s</policy>' % (D % 'user="nobody"'),
    'user this': '<policy context="default">%s</policy>' % (D % ('user="%s"' % USER)),
    'group this': '<policy context="default">%s%s</policy>' % (D % 'user="*"', A % ('group="%s"' % GROUP)),
    'log': '<policy context="default">%s</policy>' % ('<deny send_path="/obj" send_member="Method" log="true"/>'),
}
# What is no rule.
REFUSED = ['<deny send_member="A"/>', '<allow receive_member="A"/>', '<deny send_destination="a.b" receive_sender="a.b"/>', '<deny own="a.b" send_path="/"/>', '<deny/>',
           '<deny foo="bar"/>', '<deny send_type="call"/>', '<deny send_broadcast="yes"/>', '<deny min_fds="x"/>', '<deny min_fds="-1"/>', '<allow own="a.b" own_prefix="a.b"/>',
           '<deny eavesdrop="1"/>', '<deny send_requested_reply="maybe"/>', '<deny user="root" group="root"/>', '<deny own="a.b" user="root"/>', '<permit own="*"/>',
           '<deny send_destination="a.b" send_destination_prefix="a.b"/>']
TALK = A % ('send_destination="%s"' % DRIVER) + A % ('receive_sender="%s"' % DRIVER) + A % 'own="*"'
CLOSED_DOOR = D % 'send_type="method_call"' + D % 'send_type="signal"' + D % 'send_type="method_return"' + D % 'send_type="error"'

SCENARIOS = {
    'nothing': Scenario(traffic(), policy=''),
    'no own': Scenario(traffic(), policy=A % 'send_destination="*"'),
    'as on a session bus': Scenario(traffic(), policy=OPEN_POLICY),
    'as on a system bus': Scenario(traffic(), policy=BASE, type='system'),
    'as recommended': Scenario(traffic(), policy=A % 'user="*"' + D % 'own="*"' + D % 'send_type="method_call"' + A % 'send_type="signal"' + A % 'send_requested_reply="true" send_type="method_return"' +
                               A % 'send_requested_reply="true" send_type="error"' + A % 'receive_type="method_call"' + A % 'receive_type="method_return"' + A % 'receive_type="error"' + A % 'receive_type="signal"' +
                               A % ('send_destination="%s" send_interface="%s"' % (DRIVER, DRIVER)) + A % ('send_destination="%s" send_interface="org.freedesktop.DBus.Introspectable"' % DRIVER) +
                               D % ('send_destination="%s" send_interface="%s" send_member="UpdateActivationEnvironment"' % (DRIVER, DRIVER)),
                               body='<policy user="%s">%s%s</policy>' % (USER, A % 'own_prefix="com.example"', A % ('send_destination="%s"' % MINE))),
}
for i, rule in enumerate(REFUSED):
    SCENARIOS['refused %d %s' % (i, rule)] = Scenario(policy=OPEN_POLICY + rule, refused=True)
for i, rule in enumerate(DENIES):
    SCENARIOS['deny %d %s' % (i, rule)] = Scenario(traffic(), policy=OPEN_POLICY + D % rule)
    SCENARIOS['base, deny %d %s' % (i, rule)] = Scenario(traffic(), policy=BASE + D % rule)
for i, rule in enumerate(ALLOWS):
    SCENARIOS['allow %d %s' % (i, rule)] = Scenario(traffic(), policy=BASE + CLOSED_DOOR + TALK + A % rule)
    SCENARIOS['only %d %s' % (i, rule)] = Scenario(traffic(), policy=TALK + A % rule)
for name, text in SECOND.items():
    SCENARIOS['contexts: ' + name] = Scenario(traffic(), policy=OPEN_POLICY, body=text)


@pytest.mark.parametrize('name', table(__name__, SCENARIOS))
def test_policy(name):
    check(__name__, SCENARIOS, name)
