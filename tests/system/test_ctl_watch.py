# SPDX-License-Identifier: LGPL-2.1-or-later
"""posternctl watch at a bus whose verdicts the test makes up."""
import json
import re
import signal

import pytest

from bus import wait_for
from ctl import ACTIVE, FAILED, HOSTILE, INSTANCES, OK, SHOWN, Watcher, ctl, fake  # noqa: F401, the fixture
from fakebus import MEDIATOR1, verdict, verdict_message
from wirebus import DRIVER

SEND = dict(verdict='denied', door='container', rule='none', why='no rule', end='sender', needs='call=c.d=e.f.G@/', action='send', from_uid=1000,
            to=':1.2', destination='c.d', type='method_call', path='/', interface='e.f', member='G', fds=2,
            from_instance=('o', INSTANCES + 'c3'), from_type='com.example.Sandbox', from_name='app', **{'from': ':1.5'})
OWN = dict(verdict='complained', door='container', rule='none', action='own', name='c.d', from_instance=('o', INSTANCES + 'c4'), from_type='t.t',
           from_name=HOSTILE, **{'from': ':1.6'})


def verdicts(*all):
    return lambda client: [verdict(client, **v) for v in all]


@pytest.fixture
def watched(fake):
    fake.answers.update(Watch=('',), Unwatch=('',))
    fake.after['Watch'] = verdicts(SEND, OWN)
    return fake


def test_watch(watched):
    w = Watcher(watched.address)
    assert re.fullmatch(r'\d\d:\d\d:\d\d\.\d\d\d DENIED container send :1\.5 \[com\.example\.Sandbox/app c3\] -> :1\.2 \(c\.d\) method_call '
                        r'e\.f\.G / with 2 fds: no rule \[none\]; needs call=c\.d=e\.f\.G@/', w.line())
    second = w.line()
    assert second[13:] == 'COMPLAINED container own :1.6 [t.t/%s c4] c.d [none]' % SHOWN
    assert w.end() == (OK, '', '')
    assert [(c.member, c.body) for c in watched.calls[1:]] == [('Watch', ({},)), ('Unwatch', ())]


def test_watch_as_json(watched):
    status, out, err = ctl(watched.address, 'watch', '--count=2', '-j', '--no-legend', '--all')
    assert (status, err) == (OK, '') and not ACTIVE.search(out)
    first, second = map(json.loads, out.splitlines())
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z', first.pop('time'))
    assert first == {k: v[1] if isinstance(v, tuple) else v for k, v in SEND.items()} and second['from_name'] == HOSTILE
    assert watched.calls[1].body == ({'all': ('b', True)},)


FILTERS = [
    ({'instance': 'c3'}, 'S'), ({'instance': '4'}, 'O'), ({'type': 'com.*'}, 'S'), ({'name': 'a*'}, 'SO'), ({'door': 'xml'}, ''),
    ({'sender': ':1.6'}, 'O'), ({'destination': 'c.d'}, 'SO'), ({'member': 'G', 'interface': 'e.*'}, 'S'), ({'member': '*'}, 'S'),
    ({'verdict': 'complained', 'action': 'own'}, 'O'),
]
LOOKS_AT = {'instance': 'to_instance', 'type': 'to_type', 'name': 'to_name', 'sender': 'from', 'destination': 'destination'}


@pytest.mark.parametrize('filters, seen', FILTERS, ids=lambda x: str(x))
def test_filters(watched, filters, seen):
    """A third verdict, that matches, ends it."""
    last = {LOOKS_AT.get(k, k): INSTANCES + 'c' + v.strip('c') if k == 'instance' else v for k, v in filters.items()}
    watched.after['Watch'] = verdicts(SEND, OWN, dict(last, why='the last'))
    status, out, err = ctl(watched.address, 'watch', '-j', '--count=%d' % (len(seen) + 1), *['--%s=%s' % f for f in filters.items()])
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == OK and ''.join(line['action'][0].upper() for line in lines[:-1]) == seen and lines[-1]['why'] == 'the last'


def test_what_was_lost(watched):
    lost = [dict(SEND, lost=('t', 5)), dict(OWN, lost=('t', 7)), dict(SEND), dict(SEND, lost=('t', 1 << 40))]
    watched.after['Watch'] = verdicts(*lost)
    status, out, err = ctl(watched.address, 'watch', '--count=3', '--action=send')
    lines = out.splitlines()
    assert status == OK and ('%d verdicts were lost' % ((1 << 40) + 12)) in err
    assert [line.split()[1] for line in lines] == ['5', 'DENIED', '7', 'DENIED', str(1 << 40), 'DENIED']
    status, out, err = ctl(watched.address, 'watch', '--count=3', '--action=send', '-j')
    assert [json.loads(line).get('lost') for line in out.splitlines()] == [5, 7, 1 << 40]


def test_only_the_bus_is_believed(watched):
    watched.after['Watch'] = lambda client: [verdict(client, sender=':1.66', **SEND), verdict(client, **OWN)]
    status, out, err = ctl(watched.address, 'watch', '--count=1')
    assert status == OK and out.count('\n') == 1 and 'COMPLAINED' in out


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it(watched, number):
    w = Watcher(watched.address)
    w.line(), w.line()
    assert w.end(number) == (OK, '', '') and watched.calls[-1].member == 'Unwatch'


def test_a_flood_does_not_keep_signals_out(watched):
    """All that waits came with the answer to Watch; the pipe is full when the signal comes, and is read when it is there."""
    def flood(call):
        client = watched.clients[-1]
        client.sock.sendall(verdict_message(client, DRIVER, SEND).pack() * 20000)
        return ('',)
    watched.answers['Watch'], watched.after = flood, {}
    w = Watcher(watched.address)
    assert ' DENIED ' in w.line()
    status, out, err = w.end()
    assert status == OK and out.count('\n') < 5000


def test_goodbye_can_be_cut_short(watched):
    watched.answers['Unwatch'] = None
    w = Watcher(watched.address)
    w.process.send_signal(signal.SIGINT)
    assert wait_for(lambda: watched.calls[-1].member == 'Unwatch')
    assert w.end()[0] == -signal.SIGINT


def test_time_ends_it(watched):
    status, out, err = ctl(watched.address, 'watch', '--timeout=1')
    assert status == OK and out.count('\n') == 2 and watched.calls[-1].member == 'Unwatch'


def test_senseless_verdict(watched):
    def senseless(client):
        client.say(4, path='/org/freedesktop/DBus', interface=MEDIATOR1, member='Verdict', signature='as', body=([],))
    watched.after['Watch'] = senseless
    status, out, err = ctl(watched.address, 'watch', '--count=1')
    assert status == FAILED and 'makes no sense' in err
