# SPDX-License-Identifier: LGPL-2.1-or-later
"""What service files say to the mediator, group [X-Postern]: services that open themselves to containers before they run, and on a system bus
without a snippet of policy."""
import os
import pwd
import re
import shutil
import subprocess
import sys
import time

import pytest

from bus import DAEMON, OPEN_POLICY, wait_for
from helpers import as_other_user, is_root
from test_accounts import DirectoryBus
from test_system import STOCK_CONF
from wirebus import DRIVER, E, Conn, DBusError

pytestmark = pytest.mark.postern
SLEEPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'sleeper.py')
SERVICE, OTHER = 'com.example.Sleeper', 'com.example.Other'
DENIED = E + 'AccessDenied'
ROOT = pytest.mark.skipif(not is_root(), reason='only root can become another user')


class Files:
    """A folder of service files."""

    def __init__(self, bus):
        self.bus, self.dir = bus, os.path.join(bus.dir, 'services')
        os.mkdir(self.dir)
        self.config = '<servicedir>%s</servicedir>' % self.dir

    def path(self, name=SERVICE):
        return os.path.join(self.dir, name + '.service')

    def add(self, *ours, name=SERVICE, exec=None):
        """ours: lines of [X-Postern], which begin on line 5. Written as package managers do: the file is whole at once."""
        exec = exec or '%s %s %s %s/report' % (sys.executable, SLEEPER, name, self.bus.dir)
        self.bus.write('new', '[D-BUS Service]\nName=%s\nExec=%s\n[X-Postern]\n%s\n' % (name, exec, '\n'.join(ours)))
        os.rename(os.path.join(self.bus.dir, 'new'), self.path(name))

    def remove(self, name=SERVICE):
        os.unlink(self.path(name))


@pytest.fixture
def files(new_bus):
    return Files(new_bus)


def echo(c, path='/x', dest=SERVICE):
    """None, or the error of a call."""
    try:
        assert c.call('Echo', 's', 'hello', dest=dest, path=path, iface='a.b') == ('hello',)
        return None
    except DBusError as e:
        return e.name


def activatable(c):
    return set(c.call('ListActivatableNames')[0]) - {DRIVER}


def quit_service(c, name=SERVICE):
    c.signal('Quit', dest=name)
    wait_for(lambda: not c.has_owner(name))


# ---- Allow=

def test_a_container_starts_and_calls_it(files):
    files.add('Allow=call')
    files.add(name=OTHER)
    bus = files.bus.start(files.config)
    outside, inside = bus.connect(), bus.container().connect()
    assert activatable(outside) == {SERVICE, OTHER} and activatable(inside) == {SERVICE}
    assert SERVICE not in inside.names() and OTHER not in inside.names()
    assert inside.error('StartServiceByName', 'su', OTHER, 0) == DENIED and echo(inside, dest=OTHER) == DENIED
    assert echo(inside) is None
    assert SERVICE in inside.names() and outside.has_owner(SERVICE) and not outside.has_owner(OTHER)
    assert inside.call('StartServiceByName', 'su', SERVICE, 0) == (2,)
    assert inside.error('RequestName', 'su', SERVICE, 0) == DENIED
    quit_service(outside)
    assert inside.call('StartServiceByName', 'su', SERVICE, 0) == (1,)
    # A second container, of another sort, may as well: it is said to all of them.
    assert echo(bus.container(name='b', type='org.other').connect()) is None
    quit_service(outside)


def test_paths_bound_the_start_as_well(files):
    files.add('Allow=call=*@/open/*;see')
    bus = files.bus.start(files.config)
    outside, inside = bus.connect(), bus.container().connect()
    assert activatable(inside) == {SERVICE}
    assert echo(inside, '/closed') == DENIED and not outside.has_owner(SERVICE), 'refused before anything is started'
    assert echo(inside, '/open/x') is None
    assert echo(inside, '/closed') == DENIED and echo(inside, '/open') is None and echo(inside, '/openX') == DENIED
    # It is the name's rule, not the connection's: whoever owns the name has it, by either name.
    owner = outside.call('GetNameOwner', 's', SERVICE)[0]
    assert echo(inside, '/open', dest=owner) is None and echo(inside, '/', dest=owner) == DENIED
    quit_service(outside)
    assert inside.error('GetNameOwner', 's', owner) == E + 'NameHasNoOwner'


def test_see_is_not_call(files):
    files.add('Allow=see')
    bus = files.bus.start(files.config)
    inside = bus.container().connect()
    assert activatable(inside) == {SERVICE}
    assert inside.error('StartServiceByName', 'su', SERVICE, 0) == DENIED and echo(inside) == DENIED


def test_only_restricted_containers_need_it(files):
    """Without it, or with a rule of its own, a container is what it was."""
    files.add()
    bus = files.bus.start(files.config)
    assert activatable(bus.container(name='a').connect()) == set()
    assert activatable(bus.container(rules=None, name='b', Mode=('s', 'identify')).connect()) == {SERVICE}


def test_changed_files_take_effect(files):
    """The folders are watched; what a rule allowed is gone with it, also for containers that live."""
    files.add('Allow=call')
    bus = files.bus.start(files.config)
    outside, inside = bus.connect(), bus.container().connect()
    assert echo(inside) is None
    files.add('Allow=see')
    assert wait_for(lambda: echo(inside) == DENIED)
    assert SERVICE in inside.names()
    files.add('Allow=call')
    assert wait_for(lambda: echo(inside) is None)
    files.remove()
    assert wait_for(lambda: SERVICE not in inside.names())
    assert echo(inside) == DENIED and echo(outside) is None
    files.add('Allow=talk')
    assert wait_for(lambda: SERVICE in inside.names())
    quit_service(outside)


def test_reload_config(files):
    """A reload reads them too, also when nobody saw the change (the folder is new); and what was told is not lost when nothing changes."""
    os.mkdir(files.bus.dir + '/empty')
    bus = files.bus.start('<servicedir>%s/empty</servicedir>' % files.bus.dir)
    outside, inside = bus.connect(), bus.container().connect()
    files.add('Allow=call')
    assert activatable(inside) == set()
    with open(bus.config) as f:
        text = f.read()
    bus.write(bus.config, text.replace('</busconfig>', files.config + '</busconfig>'))
    outside.call('ReloadConfig')
    assert activatable(inside) == {SERVICE} and echo(inside) is None
    outside.call('ReloadConfig')
    assert echo(inside) is None
    bus.write(bus.config, '<oops/>')
    assert outside.error('ReloadConfig') == E + 'Failed'
    assert echo(inside) is None
    quit_service(outside)
    bus.write(bus.config, text)
    outside.call('ReloadConfig')
    assert activatable(inside) == set()


FAULTS = [
    ('Allow=tlak', 5, '"tlak" is no kind of rule'), ('Allow=call;own', 5, 'own is not for a service to give away'),
    ('\nAllow=call=*@x', 6, '"x" is not a valid object path'), ('Allow=talk=com.example.Other', 5, 'too much'),
    ('Allow', 5, 'neither a comment, nor [GROUP], nor KEY=VALUE'), ('All_ow=call', 5, 'not the name of a key'),
    ('Alow=call', 5, 'a key that this group does not have'), ('Allow=call\nAllow=see', 6, 'the key stands there twice'),
    ('Allow=call\nAccessControl=all', 6, 'only "self" can stand there'), ('Allow=' + 'see;' * 257, 5, 'more than 256 rules'),
]


@pytest.mark.parametrize('ours, line, says', FAULTS)
def test_faults(files, ours, line, says):
    """A file with a fault opens nothing, the log has its place, the service can be started, and the other files count."""
    files.add(ours)
    files.add('Allow=call', name=OTHER)
    bus = files.bus.start(files.config)
    outside, inside = bus.connect(), bus.container().connect()
    assert activatable(inside) == {OTHER} and echo(inside, dest=OTHER) is None and echo(inside) == DENIED and echo(outside) is None
    lines = [s for s in bus.log().splitlines() if 'X-Postern' in s]
    assert len(lines) == 1 and '%s:%d: ' % (files.path(), line) in lines[0] and says in lines[0], lines
    quit_service(outside)
    quit_service(outside, OTHER)
    p = subprocess.run(bus.arguments('--config-file=' + bus.config, '--check'), env=bus.env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=30)
    assert p.returncode == 0 and '%s:%d: ' % (files.path(), line) in p.stdout, p.stdout


def test_no_effect_on_a_session_bus(files):
    files.add('Allow=see', 'OwnerUser=nobody whom anybody knows', 'AccessControl=self')
    bus = files.bus.start(files.config)
    assert activatable(bus.container().connect()) == {SERVICE}
    for key, line in (('OwnerUser', 6), ('AccessControl', 7)):
        assert '%s:%d: %s= has no effect on this bus' % (files.path(), line, key) in bus.log()
    bus = files.bus
    with bus.connect() as c:
        assert c.request_name(SERVICE) == 1  # the policy of this bus is open


# ---- OwnerUser=, AccessControl=: Debian's own system.conf, which denies all of it

def start_system(files, snippet='', **kw):
    bus = files.bus
    with open(STOCK_CONF) as f:
        text = f.read()
    text = re.sub('<listen>.*?</listen>', '<listen>unix:path=%s/bus</listen>' % bus.dir, text)
    text = re.sub('<pidfile>.*?</pidfile>|<user>.*?</user>|<servicehelper>.*?</servicehelper>', '', text)
    text = re.sub('<fork/>|<syslog/>|<standard_system_servicedirs/>', '', text)
    text = re.sub('<includedir>system.d</includedir>', '<includedir>snippets</includedir>' + files.config, text)
    os.makedirs(bus.dir + '/snippets', exist_ok=True)
    if snippet:
        bus.write('snippets/a.conf', '<busconfig>%s</busconfig>' % snippet)
    bus.start(text=text, **kw)
    os.chmod(bus.dir + '/bus', 0o777)
    return bus


def may_own(bus, name=SERVICE, uid=65534):
    def ask(address):
        with Conn(address) as c:
            try:
                return c.request_name(name) == 1
            except DBusError as e:
                assert e.name == DENIED
                return False
    return as_other_user(ask, bus.address, uid=uid) if uid else ask(bus.address)


def may_call(bus, to, dest=SERVICE, uid=65534):
    """Does a call of another user arrive?"""
    def ask(address):
        with Conn(address) as c:
            serial = c.send_call('Knock', dest=dest, path='/x', iface='any.thing')
            c.sync()
            errors = [m for m in c.inbox if m.reply_serial == serial]
            assert all(m.error == DENIED for m in errors)
            return not errors
    result = as_other_user(ask, bus.address, uid=uid)
    to.sync()
    assert len(to.take(1)) == result
    return result


@ROOT
@pytest.mark.parametrize('user', ['nobody', '65534'])
def test_owner_and_access_on_a_system_bus(files, user):
    assert pwd.getpwnam('nobody').pw_uid == 65534
    files.add('OwnerUser=' + user, 'AccessControl=self')
    files.add('OwnerUser=root', name=OTHER)
    bus = start_system(files)
    assert may_own(bus) and not may_own(bus, uid=0) and not may_own(bus, uid=1) and not may_own(bus, SERVICE + '.Sub')
    assert may_own(bus, OTHER, 0) and not may_own(bus, OTHER)
    service = bus.connect()
    assert service.request_name(OTHER) == 1
    assert not may_call(bus, service, OTHER), 'each key does its own part'
    files.add('OwnerUser=root', 'AccessControl=self', name=OTHER)
    assert wait_for(lambda: may_call(bus, service, OTHER))
    files.add(name=OTHER)
    assert wait_for(lambda: not may_call(bus, service, OTHER))
    assert may_own(bus)
    bus.connect().call('ReloadConfig')
    assert may_own(bus) and not may_own(bus, OTHER, 0)
    files.remove()
    assert wait_for(lambda: not may_own(bus))


@ROOT
def test_anybody_may_start_what_is_open(files):
    files.add('OwnerUser=root', 'AccessControl=self')
    files.add('OwnerUser=root', name=OTHER)
    bus = start_system(files)

    def visit(address):
        with Conn(address) as c:
            return echo(c), echo(c, dest=OTHER)
    assert as_other_user(visit, bus.address) == (None, DENIED)
    quit_service(bus.connect())


@ROOT
@pytest.mark.parametrize('attribute, rule, owns, calls', [
    ('context="mandatory"', '<deny own="%s"/>' % SERVICE, False, True),
    ('context="mandatory"', '<deny send_destination="%s"/>' % OTHER, True, False),
    ('user="nobody"', '<deny own="%s"/>' % SERVICE, False, True),
    ('user="nobody"', '<deny send_interface="any.thing"/>', True, False),
    ('context="default"', '<deny own="%s"/>' % SERVICE, True, True),  # they come last in the default context
    ('context="default"', '<deny send_destination="%s"/>' % OTHER, True, True),
])
def test_what_wins(files, attribute, rule, owns, calls):
    files.add('OwnerUser=nobody')
    files.add('OwnerUser=root', 'AccessControl=self', name=OTHER)
    bus = start_system(files, '<policy %s>%s</policy>' % (attribute, rule))
    service = bus.connect()
    assert service.request_name(OTHER) == 1
    assert may_own(bus) == owns and may_call(bus, service, OTHER) == calls

    def denial(address):
        with Conn(address) as c:
            return c.failure('Knock', dest=OTHER, path='/x', iface='any.thing').text
    if not calls:
        assert 'snippets/a.conf:1' in as_other_user(denial, bus.address)


@ROOT
def test_user_who_does_not_exist(files):
    files.add('OwnerUser=postern-has-no-such-user', 'AccessControl=self', 'Allow=talk')
    files.add('OwnerUser=nobody', name=OTHER)
    bus = start_system(files)
    service = bus.connect()
    assert not may_own(bus) and may_own(bus, OTHER)
    assert len(re.findall(re.escape(files.path()) + ':5: OwnerUser=postern-has-no-such-user: there is no such user', bus.log())) == 1
    assert echo(service) == DENIED and activatable(service) == {SERVICE, OTHER}, 'nothing of the group counts, and the service is there'


# ---- the policy that is installed

@ROOT
@pytest.mark.parametrize('installed, error', [(False, DENIED), (True, E + 'UnknownMethod')])
def test_the_mediators_own_interface(files, installed, error):
    """Debian's system.conf lists the interfaces of the bus that may be called; our snippet adds one, for everybody."""
    snippet = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../data/system.d/org.postern.conf')
    if installed:
        os.mkdir(files.bus.dir + '/snippets')
        shutil.copy(snippet, files.bus.dir + '/snippets')
    bus = start_system(files)

    def ask(address):
        with Conn(address) as c:
            return c.error('NoSuchMethod', iface='org.postern.Mediator1')
    assert ask(bus.address) == as_other_user(ask, bus.address) == error
    with bus.connect() as c, bus.connect() as other:
        assert c.error('NoSuchMethod', dest=other.name, path='/x', iface='org.postern.Mediator1') == DENIED, 'of the bus alone'
    assert 'passed over' not in bus.log()


# ---- users from a directory service

@pytest.fixture
def directory():
    b = DirectoryBus()
    yield b
    b.finish()


def serve(directory, *ours):
    files = Files(directory)
    files.add(*ours)
    directory.start(files.config, OPEN_POLICY + '<allow user="*"/><deny own="*"/>', type='system')
    os.chmod(directory.dir + '/bus', 0o777)
    return files


ALICE, BOB, SLOW = 61001, 61002, 61003


@ROOT
def test_users_of_a_directory_service(directory):
    """Known from the start; one who comes with a changed file is looked up then, while the bus goes on."""
    files = serve(directory, 'OwnerUser=alice')
    assert directory.owned(SERVICE, uid=ALICE) == {SERVICE} and not directory.owned(SERVICE, uid=BOB)
    files.add('OwnerUser=bob')
    assert wait_for(lambda: directory.owned(SERVICE, uid=BOB) == {SERVICE})
    assert not directory.owned(SERVICE, uid=ALICE)
    # An account that is new is known with the next reload.
    files.add('OwnerUser=carol')
    assert wait_for(lambda: 'OwnerUser=carol: there is no such user' in directory.log())
    directory.write('passwd', 'carol 61009\n')
    directory.connect().call('ReloadConfig')
    assert directory.owned(SERVICE, uid=61009) == {SERVICE}


@ROOT
def test_directory_service_is_down(directory):
    """Nothing is given, and it is tried again."""
    directory.mode('down')
    files = serve(directory, 'OwnerUser=alice', 'AccessControl=self', 'Allow=talk')
    assert '%s:5: cannot look up OwnerUser=alice' % files.path() in directory.log()
    assert not directory.owned(SERVICE, uid=ALICE)
    directory.mode('ok')
    assert wait_for(lambda: directory.owned(SERVICE, uid=ALICE) == {SERVICE}, 25)


@ROOT
def test_the_bus_goes_on_while_a_directory_is_slow(directory):
    """A file that names somebody new: what the others say counts at once, and nobody waits for the directory."""
    files = serve(directory, 'OwnerUser=alice')
    directory.mode('hang')
    files.add('OwnerUser=slow')
    files.add('OwnerUser=alice', name='com.example.Second')
    assert wait_for(lambda: directory.owned('com.example.Second', uid=ALICE) == {'com.example.Second'})
    assert 'the user of OwnerUser= is being looked up' in directory.log()
    start = time.monotonic()
    assert not directory.owned(SERVICE, uid=ALICE) and not directory.owned(SERVICE, uid=SLOW)
    assert time.monotonic() - start < 2, 'who waits for the directory waits three seconds'
    directory.mode('ok')
    assert wait_for(lambda: directory.owned(SERVICE, uid=SLOW) == {SERVICE}, 25)
