# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs in examples/ do what their comments say, on this bus, with stock clients."""
import os
import re
import select
import signal

import pytest

from bus import CALL_, rule, wait_for
from helpers import Echo
from watch import Watch
from wirebus import CALL, CONTAINERS, DRIVER, E, NO_REPLY, TIMEOUT

pytestmark = pytest.mark.postern

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../examples')
BUILT = os.path.join(os.environ.get('POSTERN_BUILD', '.'), 'examples')
MEDIATOR = 'org.postern.Mediator1'
ONE, TWO = 'io.example.One', 'io.example.Two'
DENIED = E + 'AccessDenied'

SETTINGS, SETTINGS_PATH = 'org.example.Settings', '/org/example/Settings'
STORE, HOST = SETTINGS + '.Store', SETTINGS_PATH + '/host'
PORTAL, PORTAL_PATH = 'org.example.Portal', '/org/example/portal'
NO_CONSENT = PORTAL + '.Error.NoConsent'


def until_ready(process):
    ready, _, _ = select.select([process.stdout], [], [], TIMEOUT)
    line = process.stdout.readline() if ready else ''
    assert line == 'ready\n', line + (process.communicate()[1] if process.poll() is not None else '')
    return process



# ---- the settings service

@pytest.fixture
def settings(bus):
    return until_ready(bus.spawn(os.path.join(BUILT, 'settings-service')))


def ask(c, member, *args, path=SETTINGS_PATH, iface=None, **kw):
    return c.call(member, 's' * len(args), *args, dest=SETTINGS, path=path, iface=iface or (SETTINGS if path == SETTINGS_PATH else STORE), **kw)


def failure(c, member, *args, path=SETTINGS_PATH, iface=None):
    return c.failure(member, 's' * len(args), *args, dest=SETTINGS, path=path, iface=iface or (SETTINGS if path == SETTINGS_PATH else STORE))


def app(bus, name=ONE, *rules, type='org.example.Manager', **named):
    return bus.container(rules=rules, name=name, type=type, **named)


def opened(instance):
    """A connection in the container, and the path of its store."""
    c = instance.connect()
    path, = ask(c, 'Open')
    return c, path


def test_each_instance_has_a_subtree(bus, settings):
    """Two instances of one app share settings, through different paths; another app has its own."""
    instances = [app(bus), app(bus), app(bus, TWO), app(bus, ONE, type='org.example.Other'), app(bus, ''), app(bus, 'Ünï cöde/x')]
    opens = [opened(i) for i in instances]
    paths = [path for _, path in opens]
    assert len(set(paths)) == len(paths) and all(p.startswith(SETTINGS_PATH + '/') for p in paths)
    assert [os.path.basename(p) for p in paths] == [os.path.basename(i.path) for i in instances]
    assert os.path.dirname(paths[0]) == os.path.dirname(paths[1]) and len({os.path.dirname(p) for p in paths}) == 5
    for n, (c, path) in enumerate(opens[1:]):
        ask(c, 'Set', 'key', 'of %d' % n, path=path)
    assert [ask(c, 'Get', 'key', path=path) for c, path in opens] == [('of %d' % n,) for n in (0, 0, 1, 2, 3, 4)]
    assert ask(opens[0][0], 'List', path=paths[0]) == (['key'],) and ask(opens[0][0], 'Get', 'nothing', path=paths[0]) == ('',)


def test_nobody_reads_another_store(bus, settings):
    """The bus refuses, in its words; the service never sees it. That of the same app's other instance counts as another."""
    opens = [opened(app(bus)), opened(app(bus)), opened(app(bus, TWO))]
    for c, own in opens:
        ask(c, 'Set', 'key', own, path=own)
        for path in [p for _, p in opens if p != own] + [HOST, os.path.dirname(own)]:
            for args in (('Get', 'key'), ('Set', 'key', 'mine now'), ('List',)):
                e = failure(c, *args, path=path)
                assert e.name == DENIED and 'settings' not in e.text
        # And nothing but that interface, neither there nor elsewhere.
        assert failure(c, 'Introspect', path=own, iface='org.freedesktop.DBus.Introspectable').name == DENIED
        assert failure(c, 'Open', path=own, iface=SETTINGS).name == DENIED
        assert failure(c, 'Get', 'key', path=SETTINGS_PATH, iface=STORE).name == DENIED
    assert ask(opens[2][0], 'Get', 'key', path=opens[2][1]) == (opens[2][1],)


def test_before_open_nothing_is_open(bus, settings):
    first, path = opened(app(bus))
    late = app(bus).connect()
    guess = os.path.dirname(path) + '/' + 'c%d' % (int(os.path.basename(path)[1:]) + 1)
    assert failure(late, 'Get', 'key', path=guess).name == DENIED
    assert ask(late, 'Open') == (guess,) and ask(late, 'Get', 'key', path=guess) == ('',)
    assert ask(late, 'Open') == (guess,)  # once more is no mistake, and no second grant
    del first


def test_the_service_checks_as_well(bus, settings):
    """Where somebody's rule lets a container call everything, the service's own check is left."""
    victim, path = opened(app(bus))
    ask(victim, 'Set', 'key', 'secret', path=path)
    nosy, own = opened(app(bus, TWO, rule(CALL_, SETTINGS)))
    for where in (path, HOST):
        e = failure(nosy, 'Get', 'key', path=where)
        assert e.name == DENIED and e.text == 'These settings are not yours'
    assert ask(nosy, 'Get', 'key', path=own) == ('',)
    assert ask(nosy, 'Stores')[0].keys() == {own}


def test_rights_belong_to_the_instance(bus, settings):
    """Not to the connection that opened: another of the same instance has them, also after the first has gone."""
    instance = app(bus)
    first, path = opened(instance)
    second = instance.connect()
    ask(second, 'Set', 'key', 'value', path=path)
    first.close()
    assert ask(second, 'Get', 'key', path=path) == ('value',)


def test_rights_end_with_the_instance(bus, settings):
    outside = bus.connect()
    instance = app(bus)
    c, path = opened(instance)
    ask(c, 'Set', 'key', 'value', path=path)
    assert path in ask(outside, 'Stores')[0]
    instance.stop()
    assert c.is_closed()
    assert wait_for(lambda: path not in ask(outside, 'Stores')[0])
    assert failure(outside, 'Get', 'key', path=path).name in (E + 'UnknownMethod', E + 'UnknownObject')
    # The app's next container gets another path, and finds what it had set.
    c, again = opened(app(bus))
    assert again != path and ask(c, 'Get', 'key', path=again) == ('value',)
    assert failure(c, 'Get', 'key', path=path).name == DENIED


def test_outside_everything_is_open(bus, settings):
    outside = bus.connect()
    (a, path_a), (b, path_b) = opened(app(bus)), opened(app(bus, TWO))
    for c, path in ((a, path_a), (b, path_b)):
        ask(c, 'Set', 'key', path, path=path)
    assert ask(outside, 'Open') == (HOST,)
    assert ask(outside, 'Stores') == ({HOST: 'host', path_a: '%d org.example.Manager %s' % (os.geteuid(), ONE),
                                       path_b: '%d org.example.Manager %s' % (os.geteuid(), TWO)},)
    assert [ask(outside, 'Get', 'key', path=p) for p in (path_a, path_b, HOST)] == [(path_a,), (path_b,), ('',)]
    ask(outside, 'Set', 'key', 'from outside', path=path_a)
    assert ask(a, 'Get', 'key', path=path_a) == ('from outside',)


def test_changes_are_heard_by_the_app_alone(bus, settings):
    opens = [opened(app(bus)), opened(app(bus)), opened(app(bus, TWO))]
    outside = bus.connect()
    for c in [c for c, _ in opens] + [outside]:
        c.match("type='signal',interface='%s'" % STORE)
    ask(opens[0][0], 'Set', 'colour', 'red', path=opens[0][1])
    for c, path in opens[:2]:
        m = c.wait_signal('Changed')
        assert (m.path, m.body) == (path, ('colour', 'red'))
    assert {outside.wait_signal('Changed').path for _ in range(2)} == {path for _, path in opens[:2]}
    for c, _ in opens:
        c.sync()
        assert not [m for m in c.take() if m.member == 'Changed']


def test_settings_are_bounded(bus, settings):
    c, path = opened(app(bus))
    assert failure(c, 'Set', 'k' * 5000, '', path=path).name == E + 'LimitsExceeded'
    for n in range(1000):
        c.send_call('Set', 'ss', str(n), '', dest=SETTINGS, path=path, iface=STORE, flags=NO_REPLY)
    assert failure(c, 'Set', 'one more', '', path=path).name == E + 'LimitsExceeded'
    ask(c, 'Set', '0', 'again', path=path)


def test_settings_without_a_mediator(new_bus):
    """On a bus that knows no containers everybody is outside, whatever is in a header."""
    new_bus.start(args=['--module=none'])
    service = until_ready(new_bus.spawn(os.path.join(BUILT, 'settings-service')))
    c = new_bus.connect()
    assert ask(c, 'Open', instance='/org/freedesktop/DBus/Containers1/c1') == (HOST,)
    ask(c, 'Set', 'key', 'value', path=HOST)
    assert ask(c, 'Get', 'key', path=HOST, instance='/org/freedesktop/DBus/Containers1/c1') == ('value',)
    service.kill()
    assert 'only who is in no container is served' in service.communicate()[1]


# ---- the portal

@pytest.fixture
def portal(bus):
    folder = os.path.join(bus.dir, 'files')
    os.mkdir(folder)
    bus.write('files/letter', 'dear reader')
    bus.write('secret', 'not for you')
    os.symlink('../secret', folder + '/link')
    return until_ready(bus.spawn('/usr/bin/python3', os.path.join(SOURCES, 'portal-service.py'), folder))


def portal_call(c, member, sig='', *args, **kw):
    return c.call(member, sig, *args, dest=PORTAL, path=PORTAL_PATH, iface=PORTAL, **kw)


def portal_error(c, member, sig='', *args):
    return c.error(member, sig, *args, dest=PORTAL, path=PORTAL_PATH, iface=PORTAL)


def reads(c, file='letter'):
    m = portal_call(c, 'OpenFile', 's', file, full=True)
    with os.fdopen(m.fds.pop()) as f:
        return f.read()


def test_the_portal_tells_apart(bus, portal):
    outside, inside, other = bus.connect(), app(bus).connect(), app(bus, TWO, type='org.example.Other').connect()
    assert portal_call(outside, 'WhoAmI') == ({'place': 'outside'},)
    assert portal_call(inside, 'WhoAmI') == ({'place': 'container', 'type': 'org.example.Manager', 'name': ONE},)
    assert portal_call(other, 'WhoAmI') == ({'place': 'container', 'type': 'org.example.Other', 'name': TWO},)
    assert portal_call(outside, 'WhoAmI', instance='/org/freedesktop/DBus/Containers1/c1') == ({'place': 'outside'},)


def test_consent(bus, portal):
    """Outside it is not needed; inside it is, for each app once, and no app gives it."""
    outside, instance = bus.connect(), app(bus)
    inside, other = instance.connect(), app(bus, TWO).connect()
    assert reads(outside) == 'dear reader'
    assert portal_error(inside, 'OpenFile', 's', 'letter') == portal_error(other, 'OpenFile', 's', 'letter') == NO_CONSENT
    assert portal_error(inside, 'Consent', 'ssb', 'org.example.Manager', ONE, True) == DENIED
    portal_call(outside, 'Consent', 'ssb', 'org.example.Manager', ONE, True)
    assert reads(inside) == 'dear reader' and portal_error(other, 'OpenFile', 's', 'letter') == NO_CONSENT
    # It is the app's: its next container has it, too.
    instance.stop()
    assert reads(app(bus).connect()) == 'dear reader'
    portal_call(outside, 'Consent', 'ssb', 'org.example.Manager', ONE, False)
    assert portal_error(app(bus).connect(), 'OpenFile', 's', 'letter') == NO_CONSENT


@pytest.mark.parametrize('file', ['', '.', '..', '../secret', '/etc/passwd', 'link', 'missing'])
def test_there_is_no_way_out_of_the_folder(bus, portal, file):
    assert portal_error(bus.connect(), 'OpenFile', 's', file) in (E + 'InvalidArgs', E + 'FileNotFound')


def test_the_portal_opens_nothing_else(bus, portal):
    inside = app(bus).connect()
    for kw in (dict(path='/org/example/portals'), dict(path='/'), dict(iface='org.example.Portal2'), dict(iface='org.freedesktop.DBus.Properties')):
        kw = {**dict(path=PORTAL_PATH, iface=PORTAL), **kw}
        assert inside.error('WhoAmI', dest=PORTAL, **kw) == DENIED


def test_the_bus_is_asked_once_for_each_instance(bus, portal):
    """However many connections and calls it has; another instance of the same app is asked about anew."""
    watch = Watch(bus, "member='GetInstanceInfo'")
    instances = [app(bus) for _ in range(3)]
    for i in instances:
        for c in (i.connect(), i.connect()):
            assert portal_call(c, 'WhoAmI') == portal_call(c, 'WhoAmI')
        i.stop()
    asked = [m.body for m in watch.all() if m.member == 'GetInstanceInfo' and m.type == CALL]
    assert asked == [(i.path,) for i in instances]


# ---- the managers

MANAGERS = {'c': [os.path.join(BUILT, 'manager')], 'python': ['/usr/bin/python3', os.path.join(SOURCES, 'manager.py')]}


@pytest.fixture(params=sorted(MANAGERS))
def manager(request):
    return MANAGERS[request.param]


@pytest.fixture
def echo(bus):
    services = [Echo(bus.connect(), name) for name in ('com.example.Echo', 'com.example.Secret')]
    yield services
    for s in services:
        s.conn.sock.shutdown(2)
        s.join()


def instances(c):
    return c.call('ListInstances', iface=MEDIATOR)[0]


def test_stock_clients_in_a_container(bus, manager, echo):
    """They reach what the rules name, and nothing else; what the program returns is returned."""
    run = manager + [ONE, 'com.example.Echo', '--']
    gdbus = ['gdbus', 'call', '--session', '--object-path', '/obj', '--method', 'com.example.Iface.Echo', '--dest']
    assert "'hi'" in bus.run(*run, *gdbus, 'com.example.Echo', 'hi')
    assert '"hi"' in bus.run(*run, 'busctl', '--user', 'call', 'com.example.Echo', '/obj', 'com.example.Iface', 'Echo', 's', 'hi')
    assert 'string "hi"' in bus.run(*run, 'dbus-send', '--session', '--print-reply', '--dest=com.example.Echo', '/obj', 'com.example.Iface.Echo',
                                    'string:hi')
    refused = bus.run(*run, *gdbus, 'com.example.Secret', 'hi', check=False)
    assert refused.returncode == 1 and 'AccessDenied' in refused.stderr
    names = bus.run(*run, 'dbus-send', '--session', '--print-reply', '--dest=' + DRIVER, '/', DRIVER + '.ListNames')
    assert 'com.example.Echo' in names and 'com.example.Secret' not in names
    assert bus.run(*run, 'sh', '-c', 'exit 7', check=False).returncode == 7
    assert bus.run(*run, 'sh', '-c', 'kill -9 $$', check=False).returncode == 137
    assert {s.instance is not None for s in echo[0].seen} == {True} and not echo[1].seen
    with bus.connect() as c:
        assert wait_for(lambda: not instances(c))
    assert not [f for f in os.listdir(bus.runtime) if f.startswith('manager-')]


def test_identity_and_own_name(bus, manager):
    """The app may own the name that it is called by; the bus knows it by that."""
    c, name = bus.connect(), 'io.example.Mine'
    process = bus.spawn(*manager, name, '--', 'dbus-test-tool', 'echo', '--session', '--name=' + name)
    if not wait_for(lambda: c.has_owner(name)):
        raise AssertionError(process.communicate()[1])
    assert c.call('GetConnectionInstance', 's', name, iface=CONTAINERS)[2:4] == ('org.example.Manager', name)
    assert [(kind, app_name, source) for _, kind, app_name, source, _ in instances(c)] == [('org.example.Manager', name, 'socket')]
    # It dies without a word: nobody gets in any more, and when the app ends, nothing is left.
    folder, = [f for f in os.listdir(bus.runtime) if f.startswith('manager-')]
    c.match("member='InstanceRemoved'")
    pid = c.call('GetConnectionUnixProcessID', 's', name)[0]
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.kill(pid, signal.SIGTERM)
    c.wait_signal('InstanceRemoved')
    assert not instances(c)
    os.unlink(os.path.join(bus.runtime, folder, 'bus'))


@pytest.mark.parametrize('arguments', [[], [ONE], [ONE, '--'], [ONE, 'true']])
def test_usage(bus, manager, arguments):
    p = bus.run(*manager, *arguments, check=False)
    assert p.returncode in (1, 2) and 'usage' in p.stderr


def test_a_manager_without_a_mediator_says_so(new_bus, manager):
    new_bus.start(args=['--module=none'])
    p = new_bus.run(*manager, ONE, '--', 'echo', 'was run', check=False)
    assert p.returncode == 1 and 'manager: ' in p.stderr and 'was run' not in p.stdout
    assert not [f for f in os.listdir(new_bus.runtime) if f.startswith('manager-')]


def test_services_and_managers_together(bus, settings, portal, manager):
    """What the README has one type."""
    run = manager + [ONE, '--']
    path = bus.run(*run, 'gdbus', 'call', '--session', '--dest', SETTINGS, '--object-path', SETTINGS_PATH, '--method', SETTINGS + '.Open')
    assert SETTINGS_PATH in path and 'objectpath' in path
    refused = bus.run(*run, 'gdbus', 'call', '--session', '--dest', SETTINGS, '--object-path', HOST, '--method', STORE + '.List', check=False)
    assert refused.returncode == 1 and 'AccessDenied' in refused.stderr
    assert ONE in bus.run(*run, 'gdbus', 'call', '--session', '--dest', PORTAL, '--object-path', PORTAL_PATH, '--method', PORTAL + '.WhoAmI')


# ---- started by the bus

def activatable(bus, name, program):
    """Puts the example's service file where the bus looks, with the program's real path."""
    folder = os.path.join(bus.dir, 'services')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(SOURCES, name + '.service')) as f:
        text = re.sub('^Exec=.*$', lambda _: 'Exec=' + program, f.read(), flags=re.M)
    bus.write('services/%s.service' % name, text)


def test_a_container_starts_the_services(new_bus):
    """By what their files say: they are reached before they run. What waited for them is judged by the same rules."""
    bus = new_bus
    os.mkdir(os.path.join(bus.dir, 'files'))
    activatable(bus, SETTINGS, os.path.join(BUILT, 'settings-service'))
    activatable(bus, PORTAL, '/usr/bin/python3 %s %s/files' % (os.path.join(SOURCES, 'portal-service.py'), bus.dir))
    bus.start(body='<servicedir>%s/services</servicedir>' % bus.dir)
    instance, outside = app(bus), bus.connect()
    c, nosy = instance.connect(), app(bus, TWO).connect()
    assert failure(nosy, 'Get', 'key', path=HOST).name == DENIED  # that is not in the file, and starts nothing
    assert not outside.has_owner(SETTINGS)
    path, = ask(c, 'Open')
    assert os.path.basename(path) == os.path.basename(instance.path) and outside.has_owner(SETTINGS)
    ask(c, 'Set', 'key', 'value', path=path)
    assert failure(nosy, 'Get', 'key', path=path).name == DENIED
    assert not outside.has_owner(PORTAL)
    assert portal_call(c, 'WhoAmI')[0]['name'] == ONE
    for name in (SETTINGS, PORTAL):
        os.kill(outside.call('GetConnectionUnixProcessID', 's', name)[0], signal.SIGTERM)
        assert wait_for(lambda: not outside.has_owner(name))
