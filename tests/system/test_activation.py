# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services that are started on demand: by Exec=, by the helper, by systemd; who may start them, who waits, and how failures are told."""
import json
import os
import re
import stat
import subprocess
import sys
import time

import pytest

from bus import CALL_, SANITIZED, SEE, STOCK, TALK, rule, wait_for
from wirebus import CALL, DRIVER, DRIVER_PATH, E, ERROR, NO_REPLY, RETURN, SIGNAL, DBusError, Message

SLEEPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'sleeper.py')
SERVICE = 'com.example.Sleeper'
SYSTEMD = 'org.freedesktop.systemd1'
NO_AUTO_START = 2
SPAWN = E + 'Spawn.'


class Services:
    """A folder of service files, and what the services report."""

    def __init__(self, bus):
        self.bus, self.dir, self.path = bus, os.path.join(bus.dir, 'services'), os.path.join(bus.dir, 'report')
        os.mkdir(self.dir)

    def add(self, name=SERVICE, exec=None, how='', **keys):
        keys['Exec'] = exec if exec is not None else '%s %s %s %s %s' % (sys.executable, SLEEPER, name, self.path, how)
        text = '[D-BUS Service]\nName=%s\n' % name + ''.join('%s=%s\n' % kv for kv in keys.items())
        with open(os.path.join(self.dir, name + '.service'), 'w') as f:
            f.write(text)

    def config(self, more=''):
        return '<servicedir>%s</servicedir>%s' % (self.dir, more)

    def start(self, more='', **kw):
        return self.bus.start(body=self.config(more), **kw)

    def report(self):
        try:
            with open(self.path) as f:
                return [json.loads(line) for line in f]
        except FileNotFoundError:
            return []

    def starts(self):
        return [r for r in self.report() if 'environment' in r]

    def heard(self):
        return [r for r in self.report() if 'member' in r]


@pytest.fixture
def services(new_bus):
    return Services(new_bus)


def quit_service(c, name=SERVICE):
    c.signal('Quit', dest=name)
    wait_for(lambda: not c.has_owner(name))


# ---- by Exec=

def test_a_call_starts_the_service(services):
    services.add()
    bus = services.start()
    c = bus.connect()
    assert SERVICE in c.call('ListActivatableNames')[0] and not c.has_owner(SERVICE)
    assert c.call('Echo', 's', 'hello', dest=SERVICE, path='/x', iface='a.b') == ('hello',)
    assert c.call('StartServiceByName', 'su', SERVICE, 0) == (2,)
    assert len(services.starts()) == 1
    quit_service(c)
    # Again: it is a service like any other.
    assert c.call('StartServiceByName', 'su', SERVICE, 0) == (1,)
    assert c.has_owner(SERVICE) and len(services.starts()) == 2
    quit_service(c)


@pytest.mark.postern
def test_variables_that_no_program_could_be_given(services):
    """They are refused, and later starts do not suffer."""
    services.add()
    c = services.start().connect()
    assert c.error('UpdateActivationEnvironment', 'a{ss}', {'POSTERN_TEST_LARGE': 'x' * (128 << 10)}) == E + 'LimitsExceeded'
    for i in range(12):
        c.call('UpdateActivationEnvironment', 'a{ss}', {'POSTERN_TEST_MANY_%d_%d' % (i, j): '' for j in range(2000)})
    large = [('POSTERN_TEST_MORE_%d' % i, 'x' * 100000) for i in range(12)]
    with pytest.raises(DBusError, match='larger'):
        for name, value in large:
            c.call('UpdateActivationEnvironment', 'a{ss}', {name: value})
    c.call('StartServiceByName', 'su', SERVICE, 0)
    env = services.starts()[0]['environment']
    assert 'POSTERN_TEST_LARGE' not in env and 'POSTERN_TEST_MANY_11_1999' in env
    quit_service(c)


def test_what_the_service_inherits(services, monkeypatch):
    monkeypatch.setenv('NOTIFY_SOCKET', '/nowhere')
    monkeypatch.setenv('POSTERN_TEST_KEEPS', 'this')
    services.add()
    bus = services.start()
    c = bus.connect()
    c.call('UpdateActivationEnvironment', 'a{ss}', {'POSTERN_TEST_NEW': 'a=b c', 'POSTERN_TEST_KEEPS': 'changed', 'DBUS_STARTER_ADDRESS': 'unix:path=/no'})
    c.call('StartServiceByName', 'su', SERVICE, 0)
    first, = services.starts()
    env = first['environment']
    assert env['POSTERN_TEST_NEW'] == 'a=b c' and env['POSTERN_TEST_KEEPS'] == 'changed'
    assert env['DBUS_STARTER_ADDRESS'] == env['DBUS_SESSION_BUS_ADDRESS'] == bus.address and env['DBUS_STARTER_BUS_TYPE'] == 'session'
    assert 'NOTIFY_SOCKET' not in env
    assert first['fds'] == [0, 1, 2] and first['stdin'] == '/dev/null'
    assert int(first['blocked'], 16) == 0 and first['ignored'] == 0
    quit_service(c)


def test_a_service_that_goes_to_the_background(services):
    services.add(how='daemon')
    bus = services.start()
    c = bus.connect()
    for i in range(20 if not SANITIZED else 5):
        assert c.call('Echo', 'u', i, dest=SERVICE, path='/x', iface='a.b') == (i,)
        quit_service(c)


def test_waiting_messages_keep_their_order(services):
    services.add(how='late')
    bus = services.start()
    a, b = bus.connect(), bus.connect()
    serials = [a.send_call('Echo', 'u', i, dest=SERVICE, path='/x', iface='a.b') for i in range(5)]
    a.signal('Ping', 'u', 5, dest=SERVICE)
    started = b.send_call('StartServiceByName', 'su', SERVICE, 0)
    for i in range(6, 10):
        a.send_call('Echo', 'u', i, dest=SERVICE, path='/x', iface='a.b', flags=NO_REPLY)
    assert b.reply_to(started) == (1,)
    assert [a.reply_to(s) for s in serials] == [(i,) for i in range(5)]
    assert a.call('Echo', 'u', 10, dest=SERVICE, path='/x', iface='a.b') == (10,)
    assert [r['body'] for r in services.heard()] == [[i] for i in range(11)]
    assert len(services.starts()) == 1
    quit_service(a)


def test_descriptors_wait_with_their_message(services):
    services.add(how='late')
    bus = services.start()
    c = bus.connect()
    r, w = os.pipe()
    c.send_call('Take', 'h', 0, dest=SERVICE, path='/x', iface='a.b', fds=[w], flags=NO_REPLY)
    os.close(w)
    assert os.read(r, 100) == b'from the service'
    os.close(r)
    quit_service(c)


def test_a_sender_that_leaves_takes_its_messages_along(services):
    services.add(how='late')
    bus = services.start()
    a, b = bus.connect(), bus.connect()
    r, w = os.pipe()
    a.send_call('Gone', 'h', 0, dest=SERVICE, path='/x', iface='a.b', fds=[w])
    os.close(w)
    b.send_call('Stays', dest=SERVICE, path='/x', iface='a.b', flags=NO_REPLY)
    a.sync()
    a.close()
    assert b.call('Echo', dest=SERVICE, path='/x', iface='a.b') == ()
    assert [x['member'] for x in services.heard()] == ['Stays', 'Echo']
    assert os.read(r, 1) == b'', 'the descriptor stayed open'
    os.close(r)
    quit_service(b)


def test_the_order_around_the_name(services):
    """The signals, the answer of StartServiceByName; the name, the first message."""
    services.add(exec='/bin/true')
    bus = services.start()
    c, s = bus.connect(), bus.connect()
    c.match("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'")
    started = c.send_call('StartServiceByName', 'su', SERVICE, 0)
    c.send_call('Foo', dest=SERVICE, path='/x', iface='a.b')
    c.sync()
    c.take_driver()
    requested = s.send_call('RequestName', 'su', SERVICE, 0)
    s.reply_to(requested)
    assert [m.member or m.type for m in s.inbox if m.member != 'NameAcquired' or m.body == (SERVICE,)] == ['NameAcquired', 'Foo']
    c.sync()
    assert [(m.member, m.reply_serial) for m in c.inbox] == [('NameOwnerChanged', None), (None, started)]


# ---- what goes wrong

FAILURES = [
    ('/bin/false', SPAWN + 'ChildExited', 'status 1'),
    ('/bin/sh -c "exit 77"', SPAWN + 'ChildExited', 'status 77'),
    ('/bin/sh -c "kill -9 $$"', SPAWN + 'ChildSignaled', 'signal 9'),
    ('/bin/sh -c \'kill -TERM $$\'', SPAWN + 'ChildSignaled', 'signal 15'),
    ('/nonexistent/program', SPAWN + 'ExecFailed', 'No such file'),
    ('/etc/passwd', SPAWN + 'ExecFailed', 'Permission denied'),
    ('false', SPAWN + 'ExecFailed', 'No such file'),
    ('/bin/false "', E + 'InvalidArgs', ''),
]


@pytest.mark.parametrize('exec, error, text', FAILURES)
def test_failures_are_told(services, exec, error, text):
    services.add(exec=exec)
    bus = services.start()
    c, other = bus.connect(), bus.connect()
    waiting = other.send_call('Echo', dest=SERVICE, path='/x', iface='a.b')
    with pytest.raises(DBusError) as e:
        c.call('StartServiceByName', 'su', SERVICE, 0)
    assert e.value.name == error
    with pytest.raises(DBusError) as e:
        other.reply_to(waiting)
    assert e.value.name == error
    assert c.error('Echo', dest=SERVICE, path='/x', iface='a.b') == error


@pytest.mark.postern
@pytest.mark.parametrize('exec, error, text', FAILURES)
def test_failures_name_their_cause(services, exec, error, text):
    services.add(exec=exec)
    bus = services.start()
    failure = bus.connect().failure('StartServiceByName', 'su', SERVICE, 0)
    assert text in failure.text and SERVICE in failure.text
    assert text in bus.log() and error in bus.log()


def test_a_service_that_takes_too_long(services):
    services.add(exec='/bin/sleep 1000')
    bus = services.start('<limit name="service_start_timeout">300</limit>')
    c = bus.connect()
    begin = time.monotonic()
    assert c.error('Echo', dest=SERVICE, path='/x', iface='a.b') == E + 'TimedOut'
    assert 0.2 < time.monotonic() - begin < 5
    assert wait_for(lambda: not subprocess.run(['pgrep', '-P', str(bus.pid)], stdout=subprocess.PIPE).stdout), 'its process is still there'


@pytest.mark.parametrize('type, flags, error', [
    (CALL, 0, 'ServiceUnknown'), (CALL, NO_REPLY, 'ServiceUnknown'), (SIGNAL, 0, 'ServiceUnknown'), (RETURN, 0, 'ServiceUnknown'),
    (CALL, NO_AUTO_START, 'NameHasNoOwner'), (SIGNAL, NO_AUTO_START, 'NameHasNoOwner')])
def test_nobody_is_there(services, type, flags, error):
    bus = services.start()
    c = bus.connect()
    fields = {'path': '/x', 'interface': 'a.b', 'member': 'C'} if type != RETURN else {'reply_serial': 77}
    serial = c.send(Message(type, flags=flags, destination='com.example.Nobody', **fields))
    with pytest.raises(DBusError) as e:
        c.reply_to(serial)
    assert e.value.name == E + error


def test_no_auto_start(services):
    services.add()
    bus = services.start()
    c = bus.connect()
    assert c.error('Echo', dest=SERVICE, path='/x', iface='a.b', flags=NO_AUTO_START) == E + 'NameHasNoOwner'
    assert not services.starts()


def test_start_limits(services):
    for i in range(3):
        services.add('com.example.S%d' % i, exec='/bin/sleep 1000')
    bus = services.start('<limit name="max_pending_service_starts">2</limit><limit name="service_start_timeout">1000</limit>')
    c = bus.connect()
    waiting = [c.send_call('StartServiceByName', 'su', 'com.example.S%d' % i, 0) for i in range(2)]
    assert c.error('StartServiceByName', 'su', 'com.example.S2', 0) == E + 'LimitsExceeded'
    for serial in waiting:
        with pytest.raises(DBusError) as e:
            c.reply_to(serial)
        assert e.value.name == E + 'TimedOut'
    assert c.error('StartServiceByName', 'su', 'com.example.S2', 0) == E + 'TimedOut'


@pytest.mark.postern
def test_waiting_is_bounded(services):
    """Each sender by its own limits: it takes nothing away from another."""
    services.add(exec='/bin/true')
    bus = services.start('<limit name="max_incoming_bytes">100000</limit>')
    c, other = bus.connect(), bus.connect()
    c.send_call('Foo', 's', 'x' * 90000, dest=SERVICE, path='/x', iface='a.b')
    assert c.error('Foo', 's', 'x' * 20000, dest=SERVICE, path='/x', iface='a.b') == E + 'LimitsExceeded'
    first = other.send_call('Foo', 's', 'x' * 200000, dest=SERVICE, path='/x', iface='a.b')
    service = bus.connect()
    service.request_name(SERVICE)
    assert [len(service.wait_call('Foo').body[0]) for _ in range(2)] == [90000, 200000]
    assert first


@pytest.mark.postern
def test_calls_that_wait_count_as_calls(services):
    services.add(exec='/bin/true')
    bus = services.start('<limit name="max_replies_per_connection">3</limit>')
    c, service = bus.connect(), bus.connect()
    for _ in range(3):
        c.send_call('Foo', dest=SERVICE, path='/x', iface='a.b')
    assert c.error('Foo', dest=SERVICE, path='/x', iface='a.b') == E + 'LimitsExceeded'
    service.request_name(SERVICE)
    for _ in range(3):
        service.reply(service.wait_call('Foo'))
    c.sync()
    assert len(c.take(RETURN)) == 3


def test_a_name_that_somebody_else_takes(services):
    """Whoever owns the name is the service."""
    services.add(exec='/bin/true')
    bus = services.start()
    c, other = bus.connect(), bus.connect()
    serial = c.send_call('Foo', dest=SERVICE, path='/x', iface='a.b')
    c.sync()
    other.request_name(SERVICE)
    other.reply(other.wait_call('Foo'), 's', 'it is me')
    assert c.reply_to(serial) == ('it is me',)


def test_a_reload_changes_what_can_be_started(services):
    services.add(exec='/bin/true')
    bus = services.start()
    c = bus.connect()
    serial = c.send_call('Foo', dest=SERVICE, path='/x', iface='a.b')
    c.sync()
    os.unlink(os.path.join(services.dir, SERVICE + '.service'))
    services.add('com.example.Other')
    c.call('ReloadConfig')
    assert 'com.example.Other' in c.call('ListActivatableNames')[0]
    assert c.call('StartServiceByName', 'su', 'com.example.Other', 0) == (1,)
    # What began before goes on.
    other = bus.connect()
    other.request_name(SERVICE)
    other.reply(other.wait_call('Foo'))
    assert c.reply_to(serial) == ()
    quit_service(c, 'com.example.Other')


# ---- policy

def test_policy_is_asked_before_anything_starts(services):
    services.add()
    bus = services.start(policy='<allow send_destination="*"/><allow own="*"/><allow receive_type="signal"/><allow receive_requested_reply="true"/>'
                                '<deny send_destination="%s" send_interface="com.example.Bad"/>' % SERVICE)
    c = bus.connect()
    assert c.error('Foo', dest=SERVICE, path='/x', iface='com.example.Bad') == E + 'AccessDenied'
    assert not services.starts()


def test_policy_is_asked_again_on_delivery(services):
    services.add(exec='/bin/true')
    bus = services.start(policy='<allow send_destination="*"/><allow own="*"/><allow receive_type="*"/><deny receive_interface="com.example.Bad"/>')
    c, service = bus.connect(), bus.connect()
    bad = c.send_call('Bad', dest=SERVICE, path='/x', iface='com.example.Bad')
    c.send_call('Good', dest=SERVICE, path='/x', iface='com.example.Good')
    c.sync()
    assert not c.take(ERROR)
    service.request_name(SERVICE)
    assert service.wait_call().member == 'Good'
    with pytest.raises(DBusError) as e:
        c.reply_to(bad)
    assert e.value.name == E + 'AccessDenied'


def test_denied_starts_leave_memory_flat(services):
    services.add()
    bus = services.start(policy='<allow send_destination="org.freedesktop.DBus"/><allow receive_type="*"/>')
    c = bus.connect()

    def storm(n):
        for at in range(0, n, 500):
            serials = [c.send_call('Foo', dest=SERVICE, path='/x', iface='a.b') for _ in range(500)]
            c.sync()
            assert len(c.take(ERROR)) == len(serials)

    def rss():
        with open('/proc/%d/statm' % bus.pid) as f:
            return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    storm(5000)
    before = rss()
    storm(95000 if not SANITIZED else 5000)
    if not SANITIZED: # the smallest piece of memory, for each of them, would be 3 MB; a buffer of up to 600 KiB is kept, when it was needed
        assert rss() - before < 3 << 19
    assert not services.starts()


# ---- containers

DENIED = E + 'AccessDenied'


@pytest.mark.postern
def test_a_container_starts_what_it_may_call(services):
    services.add()
    services.add('com.example.Secret')
    bus = services.start()
    c = bus.container(rules=[rule(CALL_, SERVICE, '/open', '', anywhere=False)]).connect()
    for name in ('com.example.Secret', 'com.example.No'):
        assert c.error('StartServiceByName', 'su', name, 0) == DENIED
        assert c.error('Echo', dest=name, path='/open', iface='a.b') == DENIED
    assert c.error('Echo', dest=SERVICE, path='/closed', iface='a.b') == DENIED
    assert not services.starts()
    assert c.call('Echo', 's', 'in', dest=SERVICE, path='/open', iface='a.b') == ('in',)
    assert len(services.starts()) == 1
    quit_service(bus.connect())


@pytest.mark.postern
def test_seeing_is_not_starting(services):
    services.add()
    bus = services.start()
    c = bus.container(rules=[rule(SEE, SERVICE)]).connect()
    assert SERVICE in c.call('ListActivatableNames')[0]
    assert c.error('StartServiceByName', 'su', SERVICE, 0) == DENIED
    assert c.error('Echo', dest=SERVICE, path='/x', iface='a.b') == DENIED
    assert not services.starts()


@pytest.mark.postern
def test_a_container_does_not_learn_why(services):
    services.add(exec='/nonexistent/program')
    bus = services.start()
    c = bus.container(rules=[rule(TALK, SERVICE)]).connect()
    failure = c.failure('StartServiceByName', 'su', SERVICE, 0)
    assert failure.name == SPAWN + 'ExecFailed' and failure.text == 'The service could not be started'
    assert c.failure('Foo', dest=SERVICE, path='/x', iface='a.b').text == failure.text


@pytest.mark.postern
def test_what_a_container_leaves_waiting_is_counted(services):
    services.add(exec='/bin/true')
    bus = services.start()
    i = bus.container(rules=[rule(TALK, SERVICE)], Limits=('a{su}', {'bytes': 50000}))
    c = i.connect()
    c.send_call('Foo', 's', 'x' * 40000, dest=SERVICE, path='/x', iface='a.b')
    assert c.error('Foo', 's', 'x' * 20000, dest=SERVICE, path='/x', iface='a.b') == E + 'LimitsExceeded'
    service = bus.connect()
    service.request_name(SERVICE)
    assert len(service.wait_call('Foo').body[0]) == 40000
    c.send_call('Foo', 's', 'x' * 40000, dest=SERVICE, path='/x', iface='a.b')
    assert len(service.wait_call('Foo').body[0]) == 40000


@pytest.mark.postern
def test_rules_are_asked_again_on_delivery(services):
    """The name's new owner may be somebody whom the rule does not mean: another container."""
    services.add(exec='/bin/true')
    bus = services.start()
    c = bus.container(rules=[rule(TALK, SERVICE)]).connect()
    inner = bus.container(name='other', rules=[rule(8, SERVICE)]).connect()
    serial = c.send_call('Foo', dest=SERVICE, path='/x', iface='a.b')
    c.sync()
    inner.request_name(SERVICE)
    call = inner.wait_call('Foo')
    inner.reply(call)
    assert c.reply_to(serial) == ()


# ---- the helper of a system bus

HELPER_CODES = [(1, SPAWN + 'ChildExited'), (2, E + 'NoMemory'), (3, SPAWN + 'ConfigInvalid'), (4, SPAWN + 'FailedToSetup'),
                (5, SPAWN + 'ServiceNotValid'), (6, SPAWN + 'ServiceNotFound'), (7, SPAWN + 'PermissionsInvalid'), (8, SPAWN + 'FileInvalid'),
                (9, SPAWN + 'ExecFailed'), (10, E + 'InvalidArgs'), (11, SPAWN + 'ChildSignaled'), (12, SPAWN + 'ChildExited')]


def helper(services, text):
    path = services.bus.write('helper', '#!/bin/sh\n' + text + '\n')
    os.chmod(path, 0o755)
    return '<servicehelper>%s</servicehelper>' % path


def test_the_helper_starts_services_of_a_system_bus(services):
    services.add(exec='/bin/false', User='root')
    more = helper(services, 'exec %s %s "$1" %s' % (sys.executable, SLEEPER, services.path))
    bus = services.start(more, type='system', policy='<allow send_destination="*"/><allow own="*"/><allow receive_type="*"/><allow user="*"/>')
    c = bus.connect()
    assert c.call('Echo', 'u', 7, dest=SERVICE, path='/x', iface='a.b') == (7,)
    assert c.error('UpdateActivationEnvironment', 'a{ss}', {'PATH': '/tmp'}) == E + 'AccessDenied'
    env = services.starts()[0]['environment']
    assert env['DBUS_STARTER_BUS_TYPE'] == 'system' and env['DBUS_STARTER_ADDRESS'] == bus.address
    assert env['DBUS_SYSTEM_BUS_ADDRESS'] == bus.address and 'DBUS_SESSION_BUS_ADDRESS' not in env
    quit_service(c)


@pytest.mark.parametrize('code, error', HELPER_CODES)
def test_what_the_helper_says(services, code, error):
    services.add(exec='/bin/false', User='root')
    bus = services.start(helper(services, 'exit %d' % code), type='system',
                         policy='<allow send_destination="*"/><allow own="*"/><allow receive_type="*"/><allow user="*"/>')
    found = bus.connect().error('StartServiceByName', 'su', SERVICE, 0)
    assert found == error or (STOCK and code == 8 and found == SPAWN + 'PermissionsInvalid')  # which is another thing


def test_the_helper_needs_a_user(services):
    services.add(exec='/bin/true')
    bus = services.start(helper(services, 'exit 0'), type='system',
                         policy='<allow send_destination="*"/><allow own="*"/><allow receive_type="*"/><allow user="*"/>')
    assert bus.connect().error('StartServiceByName', 'su', SERVICE, 0) == SPAWN + 'FileInvalid'


# ---- systemd

@pytest.mark.postern
def test_systemd_runs_the_helper_from_a_unit(services):
    """One instance for each start: the one before may still be about to end."""
    services.add(exec='/bin/false', User='root')
    services.add('com.example.Unit', exec='/bin/false', User='root', SystemdService='own.service')
    services.add('com.example.Nobody', exec='/bin/false')
    bus = services.start(helper(services, 'touch %s; exit 1' % services.path), type='system',
                         policy='<allow send_destination="*"/><allow own="*"/><allow receive_type="*"/><allow user="*"/>',
                         args=['--systemd-activation', '--launch-unit=launch@.service'])
    c, systemd, service = (bus.connect() for _ in range(3))
    systemd.request_name(SYSTEMD)
    asked = []
    for _ in range(2):
        serial = c.send_call('Foo', dest=SERVICE, path='/x', iface='a.b')
        asked.append(systemd.wait_signal('ActivationRequest').body[0])
        service.request_name(SERVICE)
        service.reply(service.wait_call('Foo'))
        assert c.reply_to(serial) == ()
        service.call('ReleaseName', 's', SERVICE)
    assert all(re.fullmatch(r'launch@com\.example\.Sleeper:%d\.[0-9]+\.service' % bus.pid, unit) for unit in asked) and asked[0] != asked[1]
    c.send_call('Foo', dest='com.example.Unit', path='/x', iface='a.b')
    assert systemd.wait_signal('ActivationRequest').body == ('own.service',)
    assert c.error('StartServiceByName', 'su', 'com.example.Nobody', 0) == SPAWN + 'FileInvalid'
    serial = c.send_call('Foo', dest=SERVICE, path='/x', iface='a.b')
    systemd.signal('ActivationFailure', 'sss', systemd.wait_signal('ActivationRequest').body[0], 'com.example.Nope', 'no', dest=DRIVER,
                   path='/org/freedesktop/systemd1', iface='org.freedesktop.systemd1.Activator')
    with pytest.raises(DBusError) as e:
        c.reply_to(serial)
    assert e.value.name == 'com.example.Nope'
    assert not os.path.exists(services.path), 'the bus ran the helper by itself'


def systemd_services(services, n=1):
    services.add(SYSTEMD, exec='/bin/false')
    for i in range(n):
        services.add(SERVICE + str(i), exec='/bin/false', SystemdService='dbus-%d.service' % i)
    return services.start(args=['--systemd-activation'])


def requests(conn):
    return [m.body[0] for m in conn.inbox if m.member == 'ActivationRequest']


def test_systemd_starts_the_unit(services):
    bus = systemd_services(services)
    c, systemd, service = (bus.connect() for _ in range(3))
    assert 'SystemdActivation' in c.get(DRIVER, 'Features')
    systemd.request_name(SYSTEMD)
    serial = c.send_call('Foo', dest=SERVICE + '0', path='/x', iface='a.b')
    m = systemd.wait_signal('ActivationRequest')
    assert (m.sender, m.destination, m.path, m.interface, m.body) == (
        DRIVER, SYSTEMD, DRIVER_PATH, 'org.freedesktop.systemd1.Activator', ('dbus-0.service',))
    c.send_call('Bar', dest=SERVICE + '0', path='/x', iface='a.b')
    c.sync()
    systemd.sync()
    assert not requests(systemd), 'asked twice'
    service.request_name(SERVICE + '0')
    service.reply(service.wait_call('Foo'))
    assert c.reply_to(serial) == ()
    assert service.wait_call('Bar')


def test_systemd_that_comes_later(services):
    bus = systemd_services(services, 3)
    c, systemd = bus.connect(), bus.connect()
    c.call('UpdateActivationEnvironment', 'a{ss}', {'POSTERN_A': 'b'})
    for i in range(3):
        c.send_call('Foo', dest=SERVICE + str(i), path='/x', iface='a.b')
    c.send_call('Hi', dest=SYSTEMD, path='/x', iface='a.b')
    c.sync()
    systemd.request_name(SYSTEMD)
    m = systemd.wait_call('SetEnvironment')
    assert (m.destination, m.path, m.interface, m.body, m.flags & NO_REPLY) == (
        SYSTEMD, '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager', (['POSTERN_A=b'],), NO_REPLY)
    systemd.wait_call('Hi')
    assert requests(systemd) == ['dbus-0.service', 'dbus-1.service', 'dbus-2.service']


def test_the_environment_is_passed_on(services):
    bus = systemd_services(services)
    c, systemd = bus.connect(), bus.connect()
    systemd.request_name(SYSTEMD)
    for variables in ({'POSTERN_A': 'b', 'POSTERN_C': 'd=e'}, {'POSTERN_A': 'f'}, {}):
        c.call('UpdateActivationEnvironment', 'a{ss}', variables)
        m = systemd.wait_call('SetEnvironment')
        assert m.destination == systemd.name and sorted(m.body[0]) == sorted('%s=%s' % kv for kv in variables.items())


def test_a_unit_that_fails(services):
    bus = systemd_services(services, 2)
    c, systemd = bus.connect(), bus.connect()
    systemd.request_name(SYSTEMD)
    first, second = (c.send_call('Foo', dest=SERVICE + str(i), path='/x', iface='a.b') for i in range(2))
    systemd.wait_signal('ActivationRequest')

    def fail(conn, error, text='%s%n oops', signature='sss'):
        conn.signal('ActivationFailure', signature, *('dbus-0.service', error, text)[:len(signature)], dest=DRIVER, path='/org/freedesktop/systemd1',
                    iface='org.freedesktop.systemd1.Activator')
        conn.sync()

    fail(c, 'com.example.Forged')
    if not STOCK:  # dbus-daemon 1.14 does not survive this
        fail(systemd, 'com.example.Short', signature='ss')
    c.sync()
    assert not c.take(ERROR), 'somebody else was believed'
    fail(systemd, 'com.example.Nope')
    with pytest.raises(DBusError) as e:
        c.reply_to(first)
    assert (e.value.name, e.value.text) == ('com.example.Nope', '%s%n oops')
    c.sync()
    assert not c.take(ERROR), 'another unit failed with it'
    assert second


@pytest.mark.postern
def test_an_error_without_a_name(services):
    bus = systemd_services(services)
    c, systemd = bus.connect(), bus.connect()
    systemd.request_name(SYSTEMD)
    serial = c.send_call('Foo', dest=SERVICE + '0', path='/x', iface='a.b')
    systemd.wait_signal('ActivationRequest')
    systemd.signal('ActivationFailure', 'sss', 'dbus-0.service', 'not a name', 'x', dest=DRIVER, iface='org.freedesktop.systemd1.Activator')
    with pytest.raises(DBusError) as e:
        c.reply_to(serial)
    assert e.value.name == E + 'Failed'


@pytest.mark.postern
def test_a_container_cannot_pose_as_systemd(services):
    bus = systemd_services(services)
    systemd = bus.connect()
    systemd.request_name(SYSTEMD)
    c = bus.container(rules=[rule(TALK, SERVICE + '0')]).connect()
    serial = c.send_call('Foo', dest=SERVICE + '0', path='/x', iface='a.b')
    systemd.wait_signal('ActivationRequest')
    c.signal('ActivationFailure', 'sss', 'dbus-0.service', 'a.b.C', 'x', dest=DRIVER, iface='org.freedesktop.systemd1.Activator')
    c.sync()
    assert not c.take(ERROR)
    service = bus.connect()
    service.request_name(SERVICE + '0')
    service.reply(service.wait_call('Foo'))
    assert c.reply_to(serial) == ()


# ---- the folder of this session

def test_services_for_this_session(new_bus):
    new_bus.start(body='<standard_session_servicedirs/>')
    path = os.path.join(new_bus.runtime, 'dbus-1', 'services')
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
    c = new_bus.connect()
    with open(os.path.join(path, 'com.example.Here.service'), 'w') as f:
        f.write('[D-BUS Service]\nName=com.example.Here\nExec=/bin/false\n')
    c.call('ReloadConfig')
    assert c.error('StartServiceByName', 'su', 'com.example.Here', 0) == SPAWN + 'ChildExited'
