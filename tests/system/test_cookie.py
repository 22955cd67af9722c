# SPDX-License-Identifier: LGPL-2.1-or-later
"""DBUS_COOKIE_SHA1: who can read a secret in the home of the bus's user is that user."""
import os
import re
import time

import pytest

from bus import OPEN_POLICY, STOCK, config_text
from helpers import Home, as_other_user, is_root
from wirebus import CONTAINERS, E, Conn, DBusError

COOKIE = '<auth>DBUS_COOKIE_SHA1</auth>'
BOTH = '<auth>EXTERNAL</auth>' + COOKIE


@pytest.fixture
def home(new_bus):
    """The home of a bus that listens on a Unix socket and on the network, and offers cookies."""
    return start(new_bus)


def start(bus, body=BOTH, policy=OPEN_POLICY):
    home = Home(bus)
    bus.start(text=config_text('unix:path=%s/bus' % bus.dir, '<listen>tcp:host=127.0.0.1</listen>' + body, policy),
              auth=home.authenticate if 'EXTERNAL' not in body else True)
    return home


def tcp(home, auth=True):
    address = next(e for e in home.bus.address.split(';') if e.startswith('tcp:'))
    return home.bus.keep(Conn(address, auth=home.authenticate if auth is True else auth))


def raw(home, **kw):
    c = tcp(home, auth=False)
    c.send_bytes(b'\0')
    return c


def test_authenticates(home):
    c = tcp(home)
    assert c.is_alive()
    assert c.call('GetConnectionUnixUser', 's', c.name) == (os.geteuid(),)
    creds, = c.call('GetConnectionCredentials', 's', c.name)
    assert creds['UnixUserID'] == ('u', os.geteuid())
    assert STOCK or set(creds) == {'UnixUserID'}


def test_over_a_unix_socket(home):
    with Conn('unix:path=%s/bus' % home.bus.dir, auth=home.authenticate) as c:
        creds, = c.call('GetConnectionCredentials', 's', c.name)
        assert creds['UnixUserID'] == ('u', os.geteuid()) and creds['ProcessID'] == ('u', os.getpid())


def test_by_number(home):
    c = raw(home)
    _, number, challenge = home.ask(c, str(os.geteuid()))
    assert home.prove(c, number, challenge).startswith('OK ')


def test_is_the_user_itself(home):
    """With the rights of the bus's user, as dbus-daemon has it."""
    tcp(home).call('UpdateActivationEnvironment', 'a{ss}', {'A': 'b'})


@pytest.mark.parametrize('body, mechanisms', [(COOKIE, 'DBUS_COOKIE_SHA1'), (BOTH, 'EXTERNAL DBUS_COOKIE_SHA1'), ('<auth>EXTERNAL</auth>', 'EXTERNAL'),
                                              ('', 'EXTERNAL DBUS_COOKIE_SHA1')])
def test_offered_as_configured(new_bus, body, mechanisms):
    """All there are without any <auth>; not a thing more than those otherwise."""
    if STOCK and not body:
        mechanisms += ' ANONYMOUS'
    home = start(new_bus, body)
    c = raw(home)
    c.send_bytes(b'AUTH\r\n')
    assert sorted(c.line().split(' ')) == sorted(['REJECTED'] + mechanisms.split(' '))
    if 'DBUS_COOKIE_SHA1' not in mechanisms:
        with pytest.raises(DBusError):
            home.ask(c)


@pytest.mark.parametrize('how', ['cookie', 'challenge', 'number', 'mine'])
def test_wrong_proof(home, how):
    c = raw(home)
    _, number, challenge = home.ask(c)
    wrong = {'cookie': dict(cookie='00' * 24), 'challenge': {}, 'number': dict(cookie='ab'), 'mine': dict(mine='')}[how]
    if how == 'challenge':
        challenge = 'f' * 32
    assert home.prove(c, number, challenge, **wrong).startswith('REJECTED')
    # Another try is another challenge; the right answer to it still counts.
    _, number, challenge = home.ask(c)
    assert home.prove(c, number, challenge).startswith('OK ')


def test_challenges_differ(home):
    """Who has seen one proof go by cannot use it."""
    a, b = raw(home), raw(home)
    first, second = home.ask(a), home.ask(b)
    assert first[2] != second[2] and first[1] == second[1]
    assert home.prove(a, *first[1:]).startswith('OK ')
    assert home.prove(b, second[1], first[2]).startswith('REJECTED')


@pytest.mark.parametrize('who', ['daemon', 'no-such-user', '1', '4294967295', pytest.param('0' * 40, id='zeros', marks=pytest.mark.postern),
                                 pytest.param('x' * 2000, id='long')])
def test_other_users(home, who):
    with pytest.raises(DBusError, match='REJECTED'):
        home.ask(raw(home), who)


@pytest.mark.postern
def test_socket_of_another_user(home):
    """On a Unix socket the kernel has the last word on who somebody is."""
    if not is_root():
        return  # it takes root to be another

    def attempt(address):
        with Conn(address, auth=False) as c:
            c.send_bytes(b'\0AUTH DBUS_COOKIE_SHA1 ' + b'root'.hex().encode() + b'\r\n')
            return c.line()
    assert as_other_user(attempt, 'unix:path=%s/bus' % home.bus.dir).startswith('REJECTED')


@pytest.mark.postern
def test_not_in_containers(home):
    """A container's socket is for its creator, whom the kernel names."""
    instance = home.bus.container(rules=[])
    with Conn(instance.address, auth=False) as c:
        c.send_bytes(b'\0AUTH\r\n')
        assert c.line() == 'REJECTED EXTERNAL'
        with pytest.raises(DBusError):
            home.ask(c)


@pytest.mark.postern
def test_containers_made_over_the_network(home):
    """Its creator is who proved to be the user; the container is as strong as any."""
    manager = tcp(home)
    path, _, address = manager.call('AddServer', 'ssa{sv}a{sv}', 'com.example.Sandbox', 'app', {}, {'Allow': ('a(usos)', [])}, iface=CONTAINERS)
    creator, type_, name, _ = manager.call('GetInstanceInfo', 'o', path, iface=CONTAINERS)
    assert creator == {'UnixUserID': ('u', os.geteuid()), 'org.postern.IdentitySource': ('s', 'socket')} and name == 'app'
    with Conn(address) as c:
        assert c.error('RequestName', 'su', 'com.example.Mine', 0) == E + 'AccessDenied'
        assert c.error('Anything', dest=manager.name, iface='com.example.I') == E + 'AccessDenied'


@pytest.mark.postern
def test_groups_count(new_bus):
    """A policy that denies something to a group of the user's denies it over the network, too."""
    gid = os.getegid()
    home = start(new_bus, BOTH + '<policy group="%d"><deny own="com.example.Denied"/></policy>' % gid)
    for c in (new_bus.connect(), tcp(home)):
        assert c.error('RequestName', 'su', 'com.example.Denied', 0) == E + 'AccessDenied'
        assert c.request_name('com.example.Allowed') in (1, 2)


def test_a_keyring_open_to_others(home):
    tcp(home).close()
    os.chmod(home.path(), 0o755)
    with pytest.raises(DBusError, match='REJECTED'):
        home.ask(raw(home))
    if not STOCK:
        assert re.search(r'\.dbus-keyrings in .* is open to others: its mode is 0755', home.bus.log())
    os.chmod(home.path(), 0o700)
    assert tcp(home).is_alive()


@pytest.mark.postern
def test_a_lock_does_not_stop_the_bus(home):
    os.mkdir(home.path(), 0o700)
    open(home.path('org_freedesktop_general.lock'), 'w').close()
    witness, start_time = home.bus.connect(), time.monotonic()
    for _ in range(20):
        with pytest.raises(DBusError, match='REJECTED'):
            home.ask(raw(home))
        assert witness.is_alive()
    assert time.monotonic() - start_time < 5
    os.unlink(home.path('org_freedesktop_general.lock'))
    assert tcp(home).is_alive()


@pytest.mark.postern
def test_private_files(home):
    tcp(home)
    for name, mode in (('', 0o40700), ('org_freedesktop_general', 0o100600)):
        st = os.stat(home.path(name))
        assert st.st_mode == mode and st.st_uid == os.geteuid()
    assert not os.path.exists(home.path('org_freedesktop_general.lock'))
