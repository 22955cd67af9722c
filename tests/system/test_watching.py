# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mediator1.Watch: who watches hears what is decided, and nobody else pays for it."""
import contextlib
import os
import signal
import time

import pytest

from bus import CALL_, OPEN_POLICY, rule
from mediator1 import m1, m1_error, plain
from wirebus import CALL, DRIVER, E, SIGNAL, Closed, Conn, Message
from world import DENIED, world  # noqa: F401

pytestmark = pytest.mark.postern


def watch(conn, **options):
    m1(conn, 'Watch', 'a{sv}', {k: ('b', v) for k, v in options.items()})


def verdicts(conn):
    """What came until now. Asking for it would be watched, so this waits until nothing comes any more."""
    with contextlib.suppress(TimeoutError):
        while True:
            conn.inbox.append(conn.next(0.1))
    got = [plain(m.body[0]) for m in conn.inbox if m.type == SIGNAL and m.member == 'Verdict' and m.sender == DRIVER]
    conn.inbox = [m for m in conn.inbox if m.member != 'Verdict']
    return got


def test_denials(world):  # noqa: F811
    watcher = world.bus.connect()
    watch(watcher)
    instance = world.bus.container(name='app', rules=[rule(CALL_, 'com.example.A')])
    c = instance.connect()
    c.send_call('M', dest='com.example.A', path='/', iface='x.y', flags=1)
    assert c.error('Secret', dest='com.example.AB', path='/obj', iface='x.y') == DENIED
    assert c.error('RequestName', 'su', 'com.example.Mine', 0) == DENIED
    got = verdicts(watcher)
    assert [v['verdict'] for v in got] == ['denied', 'denied']
    call, own = got
    assert {k: call[k] for k in ('door', 'rule', 'end', 'action', 'from', 'to', 'from_instance', 'from_type', 'from_name', 'type', 'destination', 'path',
                                 'interface', 'member', 'needs')} == {
        'door': 'container', 'rule': 'none', 'end': 'sender', 'action': 'send', 'from': c.name, 'to': world.ab.name, 'from_instance': instance.path,
        'from_type': 'com.example.Sandbox', 'from_name': 'app', 'type': 'method_call', 'destination': 'com.example.AB', 'path': '/obj',
        'interface': 'x.y', 'member': 'Secret', 'needs': 'call=com.example.AB=x.y.Secret@/obj'}
    assert call['why'] and call['from_uid'] == c.credentials(c.name)['UnixUserID'][1] and 'to_instance' not in call
    assert own['action'] == 'own' and own['name'] == 'com.example.Mine' and own['needs'] == 'own=com.example.Mine' and 'to' not in own


def test_a_few_watchers(world):  # noqa: F811
    """Each hears what it asked for; the second call counts, and Unwatch ends it."""
    some, all_, none = (world.bus.connect() for _ in range(3))
    watch(some)
    watch(all_, all=True)
    watch(none, all=True)
    m1(none, 'Unwatch')
    verdicts(none)  # what was decided in between
    c = world.app()
    c.error('M', dest='com.example.A', path='/', iface='x.y')
    c.sync()
    assert [v['verdict'] for v in verdicts(some)] == ['denied']
    got = verdicts(all_)
    assert [v for v in got if v['verdict'] == 'denied'] and [v for v in got if v['verdict'] == 'allowed' and v.get('from') == c.name]
    assert verdicts(none) == []
    watch(some, all=True)
    watch(all_, all=False)
    verdicts(some), verdicts(all_)
    c.call('GetId')
    assert any(v.get('member') == 'GetId' and v['from'] == c.name for v in verdicts(some))
    assert verdicts(all_) == []


def test_watching_is_not_watched(bus):
    """The signals themselves are no news: else they would never end."""
    watcher = bus.connect()
    watch(watcher, all=True)
    verdicts(watcher)
    time.sleep(0.2)
    assert verdicts(watcher) == []


def test_xml_denials_and_complaints(new_bus):
    bus = new_bus.start(policy=OPEN_POLICY + '<deny send_interface="no.send"/>')
    watcher, service = bus.connect(), bus.connect()
    service.request_name('com.example.A')
    watch(watcher)
    assert watcher.error('M', dest='com.example.A', path='/', iface='no.send') == DENIED
    v, = verdicts(watcher)
    assert v['door'] == 'xml' and v['rule'] == '%s:5' % bus.config and v['from'] == watcher.name and 'needs' not in v
    c = bus.container(rules=[], Mode=('s', 'complain')).connect()
    c.send_call('M', dest='com.example.A', path='/', iface='x.y', flags=1)
    c.sync()
    got = verdicts(watcher)
    assert [(v['verdict'], v['needs'], v['door']) for v in got] == [('complained', 'call=com.example.A=x.y.M@/', 'container')]


def test_receivers_left_out_of_broadcasts_are_news_to_few(world):  # noqa: F811
    some, all_ = world.bus.connect(), world.bus.connect()
    c = world.app()
    c.match("type='signal'")
    watch(some)
    watch(all_, all=True)
    verdicts(all_)
    world.a.signal()
    world.a.sync()
    assert verdicts(some) == []
    assert [v['verdict'] for v in verdicts(all_) if v.get('member') == 'Sig' and v.get('to') == c.name] == ['denied']


def burst(c, n, **call):
    """Many calls in one piece: each by itself would fill the socket sooner."""
    c.serial += n
    c.send_bytes(b''.join(Message(CALL, serial=c.serial - i, flags=1, **call).pack() for i in range(n)))


@contextlib.contextmanager
def stopped(bus):
    """What is sent meanwhile comes all at once."""
    os.kill(bus.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(bus.pid, signal.SIGCONT)


def test_events_that_do_not_fit_are_counted(bus):
    """All that was decided is either told or counted, for each sort by itself: much that passes does not push out what was denied."""
    some, all_ = bus.connect(), bus.connect()
    watch(some)
    watch(all_, all=True)
    floods = [bus.connect() for _ in range(20)]
    container = bus.container()
    deniers = [container.connect() for _ in range(20)]
    verdicts(some), verdicts(all_)
    with stopped(bus):
        for c in floods:
            burst(c, 120, destination=DRIVER, path='/', interface=DRIVER, member='GetId')
        for c in deniers:
            burst(c, 120, destination='com.example.Nobody', path='/', interface='a.b', member='M')
    for c in floods + deniers:
        c.sync()
    got, everything = verdicts(some), verdicts(all_)
    deniers[0].error('M', dest='com.example.Nobody', path='/last', iface='a.b')
    floods[0].sync()
    got += verdicts(some)
    assert all(v['verdict'] == 'denied' for v in got)
    assert len(got) + sum(v.get('lost', 0) for v in got) == 2401 and len(got) < 2401
    everything += verdicts(all_)
    lost = sum(v.get('lost', 0) for v in everything)
    assert {v['verdict'] for v in everything} == {'denied', 'allowed'} and lost > 0 and len(everything) + lost >= 2401 + 2400


def test_each_thing_that_mode_complain_lets_through(bus):
    service, watcher = bus.connect(), bus.connect()
    service.request_name('com.example.A')
    watch(watcher)
    c = bus.container(rules=[], Mode=('s', 'complain')).connect()
    for _ in range(10):
        c.send_call('M', dest='com.example.A', path='/', iface='x.y', flags=1)
    c.sync()
    c.has_owner('com.example.A')
    got = verdicts(watcher)
    assert [v['needs'] for v in got] == ['call=com.example.A=x.y.M@/'] * 10 + ['see=com.example.A'] and {v['verdict'] for v in got} == {'complained'}


def test_connections_that_are_not_let_in(new_bus):
    bus = new_bus.start(mediator='<mediator><containers max-connections="1"/></mediator>')
    watcher = bus.connect()
    watch(watcher)
    instance = bus.container(name='full')
    instance.connect()
    with pytest.raises((Closed, OSError, AssertionError)):
        instance.connect()
    v, = verdicts(watcher)
    assert (v['verdict'], v['action'], v['to_instance'], v['to_type'], v['to_name']) == ('refused', 'connect', instance.path, 'com.example.Sandbox', 'full')
    assert v['from_uid'] == os.geteuid() and v['from_pid'] == os.getpid() and v['why']


def test_a_hostile_message(world):  # noqa: F811
    """Long values are cut, and the bus lives."""
    watcher = world.bus.connect()
    watch(watcher)
    c = world.app()
    c.error('M', dest='com.example.AB', path='/' + 'a' * 100000, iface='x.y')
    v, = verdicts(watcher)
    assert len(v['path']) == 1024 and len(v['needs']) == 1024


def test_a_watcher_that_goes_and_one_that_does_not_read(bus):
    gone = bus.connect()
    watch(gone, all=True)
    gone.close()
    deaf = bus.keep(Conn(bus.address, rcvbuf=4096))
    watch(deaf, all=True)
    busy = bus.connect()
    for _ in range(20):
        for _ in range(500):
            busy.send_call('GetId', flags=1)
        busy.sync()
    assert bus.is_running() and busy.is_alive()


def test_a_watcher_that_does_not_read_stays(bus):
    """It misses what it could not be sent, and hears how much that was; the bus keeps little for it."""
    deaf = bus.keep(Conn(bus.address, rcvbuf=4096))
    watch(deaf)
    c = bus.container().connect()
    path = '/' + 'a' * 1000
    for _ in range(60):
        burst(c, 100, destination='com.example.Nobody', path=path, interface='a.b', member='M')
        c.sync()
    got = verdicts(deaf)
    c.error('Last', dest='com.example.Nobody', path='/', iface='a.b')
    got += verdicts(deaf)
    assert len(got) + sum(v.get('lost', 0) for v in got) == 6001 and len(got) < 3000
    assert got[-1]['member'] == 'Last'


@pytest.mark.parametrize('options', [{'any': ('b', True)}, {'all': ('u', 1)}, {'all': ('s', 'yes')}])
def test_wrong_options(bus, options):
    c = bus.connect()
    assert m1_error(c, 'Watch', 'a{sv}', options).name == E + 'InvalidArgs'
    bus.container().connect().error('RequestName', 'su', 'a.b', 0)
    assert verdicts(c) == []


def test_too_many_watchers(bus):
    conns = [bus.connect() for _ in range(65)]
    for c in conns[:64]:
        watch(c)
    assert m1_error(conns[64], 'Watch', 'a{sv}', {}).name == E + 'LimitsExceeded'
    conns[0].close()
    bus.connect().sync()
    watch(conns[64])
