# SPDX-License-Identifier: LGPL-2.1-or-later
"""Users and groups from a directory service that is slow, down, or has two names for one user; and who is at the console. The C library of
the bus is given a service of the tests' own, in a mount namespace with another nsswitch.conf, which needs root."""
import os
import re
import time

import pytest

from bus import OPEN_POLICY, Bus, config_text, wait_for
from helpers import as_other_user, is_root
from wirebus import E, RETURN, Conn, DBusError

pytestmark = [pytest.mark.postern, pytest.mark.skipif(not is_root(), reason='only root can mount another nsswitch.conf')]

ALICE, BOB, SLOW, DEVS, SLOWERS = 61001, 61002, 61003, 62001, 62002
ENTER = 'mount --make-rprivate / && mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf && mount --bind "$1/system" /run && shift && exec "$@"'
EVERYBODY = OPEN_POLICY + '<allow user="*"/><deny own="org.test.*"/>'
MODULE = os.path.join(os.environ.get('POSTERN_BUILD', '.'), 'tests/system/.libs/nss.so')


class DirectoryBus(Bus):
    def __init__(self):
        super().__init__()
        os.mkdir(self.dir + '/system')
        os.symlink(MODULE, self.dir + '/libnss_postern.so.2')
        self.write('nsswitch.conf', 'passwd: files postern\ngroup: files postern\n')
        self.write('passwd', 'alice %d\nalias %d\nbob %d\nslow %d\n' % (ALICE, ALICE, BOB, SLOW))
        self.write('group', 'devs %d\nslowers %d\n' % (DEVS, SLOWERS))
        self.mode('ok')

    def mode(self, mode):
        self.write('mode.new', mode)
        os.rename(self.dir + '/mode.new', self.dir + '/mode')

    def arguments(self, *args, **kw):
        return ['unshare', '-m', 'sh', '-ec', ENTER, 'sh', self.dir] + super().arguments(*args, **kw)

    def env(self, **more):
        return super().env(LD_LIBRARY_PATH=self.dir, POSTERN_TEST_NSS=self.dir, **more)

    def serve(self, policies, **kw):
        return self.start(policies, EVERYBODY, **kw)

    def conf(self, policies):
        self.write(self.config, config_text('unix:path=%s/bus' % self.dir, policies, EVERYBODY))

    def owned(self, *names, uid, groups=()):
        """Which of the names may a user own, who connects for it?"""
        def ask(address):
            try:
                with Conn(address) as c:
                    return {name for name in names if not tried(c, name)}
            except Exception as e:
                return type(e).__name__
        return as_other_user(ask, self.address, uid=uid, groups=groups)


def tried(c, name):
    """The error of a RequestName, or None."""
    try:
        c.request_name(name)
        return None
    except DBusError as e:
        assert e.name == E + 'AccessDenied'
        return e


@pytest.fixture
def directory():
    b = DirectoryBus()
    yield b
    b.finish()


def user(name, rules):
    return '<policy user="%s">%s</policy>' % (name, rules)


def group(name, rules):
    return '<policy group="%s">%s</policy>' % (name, rules)


CLOSED = '<policy context="default"><deny own="a.b"/><deny own="c.d"/><deny own="e.f"/></policy>'


# ---- names
def test_users_and_groups_of_a_directory(directory):
    directory.serve(CLOSED + user('alice', '<allow own="a.b"/>') + group('devs', '<allow own="c.d"/>') + user('nosuch', '<allow own="e.f"/>'))
    names = 'a.b', 'c.d', 'e.f'
    assert directory.owned(*names, uid=ALICE) == {'a.b'}
    assert directory.owned(*names, uid=ALICE, groups=[DEVS]) == {'a.b', 'c.d'}
    assert directory.owned(*names, uid=BOB, groups=[DEVS, DEVS, DEVS]) == {'c.d'}
    assert directory.owned(*names, uid=BOB, groups=[SLOWERS]) == set()
    directory.write('passwd', 'alice %d\n' % BOB)
    directory.connect().call('ReloadConfig')
    assert directory.owned(*names, uid=ALICE) == set() and directory.owned(*names, uid=BOB) == {'a.b'}


def test_two_users_with_one_uid(directory):
    """The rules for either name are the rules of the one user, whatever order and however often the users are read anew."""
    rules = CLOSED + user('alias', '<allow own="a.b"/>') + user('alice', '<allow own="c.d"/>') + user('bob', '<allow own="e.f"/>')
    directory.serve(rules)
    names = 'a.b', 'c.d', 'e.f'
    for _ in range(3):
        assert directory.owned(*names, uid=ALICE) == {'a.b', 'c.d'} and directory.owned(*names, uid=BOB) == {'e.f'}
        directory.connect().call('ReloadConfig')
    directory.conf(rules + user('alias', '<deny own="c.d"/>'))
    directory.connect().call('ReloadConfig')
    assert directory.owned(*names, uid=ALICE) == {'a.b'}
    directory.write('passwd', 'alice %d\nalias %d\nbob %d\n' % (BOB, ALICE, ALICE))
    directory.connect().call('ReloadConfig')
    assert directory.owned(*names, uid=ALICE) == {'a.b', 'e.f'} and directory.owned(*names, uid=BOB) == {'c.d'}


# ---- the process that asks
def test_who_asks_dies_and_leaves_a_child(directory):
    """The end of the pipe is not seen, since the child holds it; the end of the process is. Nobody is told that it still runs."""
    directory.serve(CLOSED)
    c = directory.connect()
    directory.mode('die')
    directory.conf(CLOSED + user('alice', '<allow own="c.d"/>') + user('slow', '<allow own="a.b"/>'))
    for _ in range(2):
        start = time.monotonic()
        assert 'ended early, at the user "slow"' in c.failure('ReloadConfig').text
        assert time.monotonic() < start + 10, 'it waited for the time-out'
    assert directory.owned('c.d', uid=ALICE) == set()
    directory.mode('ok')
    c.call('ReloadConfig')
    assert directory.owned('c.d', uid=ALICE) == {'c.d'}


def test_a_monitor_that_wanted_a_reload(directory):
    """It has left the bus, and is gone, when the answer comes."""
    directory.serve(CLOSED)
    directory.mode('hang')
    directory.conf(CLOSED + user('slow', '<allow own="a.b"/>'))
    m, other = directory.connect(), directory.connect()
    m.send_call('ReloadConfig')
    m.call('BecomeMonitor', 'asu', [], 0, iface='org.freedesktop.DBus.Monitoring')
    m.close()
    serial = other.send_call('ReloadConfig')
    other.sync()
    directory.mode('ok')
    assert other.wait(lambda x: x.reply_serial == serial).type == RETURN
    assert directory.connect().is_alive()


def test_a_file_that_comes_into_a_new_folder_during_a_reload(directory):
    """Nobody watches the folder yet when its files are read; a reload that brings one is followed by another."""
    for name in 'old.d', 'new.d':
        os.mkdir(os.path.join(directory.dir, name))
    directory.serve('<includedir>old.d</includedir>' + CLOSED)
    c = directory.connect()
    directory.mode('hang')
    directory.conf('<includedir>new.d</includedir>' + CLOSED + user('slow', '<allow own="c.d"/>'))
    serial = c.send_call('ReloadConfig')
    c.sync()
    directory.write('new.d/a.conf', '<busconfig><limit name="max_match_rules_per_connection">1</limit></busconfig>')
    directory.mode('ok')
    assert c.reply_to(serial) == ()

    def is_limited():
        with directory.connect() as new:
            new.match("member='A'")
            try:
                new.match("member='B'")
            except DBusError as e:
                return e.name == E + 'LimitsExceeded'
    assert wait_for(is_limited)


# ---- slow
def test_the_bus_goes_on_while_a_directory_is_slow(directory):
    directory.serve(CLOSED)
    directory.mode('hang')
    directory.conf(CLOSED + user('slow', '<allow own="a.b"/>') + user('alice', '<allow own="c.d"/>'))
    c, gone, other = directory.connect(), directory.connect(), directory.connect()
    serial = c.send_call('ReloadConfig')
    gone.send_call('ReloadConfig')
    gone.sync()
    gone.close()
    later = other.send_call('ReloadConfig')
    directory.sighup()
    slowest, start = 0, time.monotonic()
    while time.monotonic() < start + 3:
        before = time.monotonic()
        other.call('GetId')
        with directory.connect() as fresh:
            fresh.call('GetId')
        slowest = max(slowest, time.monotonic() - before)
        time.sleep(0.01)
    assert slowest < 1, slowest  # who waits for the directory waits three seconds
    c.sync()
    assert not [m for m in c.inbox if m.reply_serial == serial] and directory.owned('a.b', 'c.d', uid=ALICE) == set()
    directory.mode('ok')
    assert c.reply_to(serial) == () and other.reply_to(later) == ()
    assert directory.owned('a.b', 'c.d', uid=ALICE) == {'c.d'} and directory.owned('a.b', uid=SLOW) == {'a.b'}
    # One reload for the first, one more for all who came while it was under way.
    assert wait_for(lambda: directory.log().count('configuration reloaded') == 2)


def test_files_that_change_while_a_directory_is_slow(directory):
    """The names that are in them by then are looked up, too."""
    directory.serve(CLOSED)
    directory.mode('hang')
    directory.conf(CLOSED + user('slow', '<allow own="a.b"/>'))
    c = directory.connect()
    serial = c.send_call('ReloadConfig')
    c.sync()
    directory.conf(CLOSED + user('bob', '<allow own="a.b"/>'))
    directory.mode('ok')
    assert c.reply_to(serial) == ()
    assert directory.owned('a.b', uid=BOB) == {'a.b'} and directory.owned('a.b', uid=SLOW) == set()


def test_a_faulty_file_is_refused_at_once(directory):
    directory.serve(CLOSED)
    directory.mode('hang')
    directory.conf(CLOSED + user('slow', '<allow own="a.b"/>') + '<oops/>')
    assert re.search(r'bus\.conf:\d+:\d+: ', directory.connect().failure('ReloadConfig', timeout=5).text)


def test_the_end_while_a_directory_is_slow(directory):
    """Nothing is left behind: not the process that asks, either."""
    directory.serve(CLOSED)
    directory.mode('hang')
    directory.conf(CLOSED + user('slow', '<allow own="a.b"/>'))
    directory.sighup()

    def children():
        with open('/proc/%d/task/%d/children' % (directory.pid, directory.pid)) as f:
            return f.read().split()
    assert wait_for(children)
    child = int(children()[0])

    def is_clean():
        with open('/proc/%d/status' % child) as f:
            status = dict(line.split(':\t', 1) for line in f if ':\t' in line)
        try:
            fds = [os.readlink('/proc/%d/fd/%s' % (child, n)) for n in os.listdir('/proc/%d/fd' % child)]
        except FileNotFoundError:
            return False  # it is still closing them
        return not any(int(status[key], 16) & 0xffff for key in ('SigBlk', 'SigIgn', 'SigCgt')) and \
            not any(target.startswith(('socket:', 'anon_inode:')) for target in fds)
    assert wait_for(is_clean)
    directory.process.terminate()
    assert directory.process.wait(10) == 0
    assert wait_for(lambda: not os.path.exists('/proc/%d' % child) or ') Z ' in open('/proc/%d/stat' % child).read())
    directory.process = None


def test_a_reload_does_not_wait_for_ever(directory):
    directory.serve(CLOSED + user('alice', '<allow own="a.b"/>'))
    directory.mode('hang')
    directory.conf(CLOSED + user('alice', '<allow own="c.d"/>') + user('slow', '<allow own="a.b"/>'))
    start = time.monotonic()
    error = directory.connect().failure('ReloadConfig', timeout=60)
    assert 10 < time.monotonic() - start < 40 and error.name == E + 'Failed' and 'user "slow"' in error.text
    assert directory.owned('a.b', 'c.d', uid=ALICE) == {'a.b'}
    directory.mode('ok')
    assert directory.connect().call('ReloadConfig') == ()
    assert directory.owned('a.b', 'c.d', uid=ALICE) == {'c.d'}


def test_a_start_does_not_wait_for_ever(directory):
    """The bus starts without an answer, and what is known by then counts; the rest, once it is known."""
    directory.mode('hang')
    start = time.monotonic()
    directory.serve(CLOSED + user('slow', '<allow own="a.b"/>') + user('alice', '<allow own="c.d"/>'))
    assert 10 < time.monotonic() - start < 40
    assert re.search(r'bus\.conf:\d+:\d+: cannot look up user="slow": ', directory.log()), directory.log()
    assert directory.owned('a.b', uid=SLOW) == set()
    # One name that has no answer does not keep the others from having theirs.
    assert wait_for(lambda: directory.owned('c.d', uid=ALICE) == {'c.d'}, 40, 0.5)
    directory.mode('ok')
    assert wait_for(lambda: directory.owned('a.b', uid=SLOW) == {'a.b'}, 40, 0.5)


# ---- down
def test_a_directory_that_comes_up_later(directory):
    """Nobody is allowed what nobody can be named for; everybody but root is denied it; and when the directory is there, all is as written."""
    directory.mode('down')
    directory.serve(CLOSED + user('alice', '\n<allow own="a.b"/><deny own="x.y"/>') + group('devs', '<allow own="c.d"/>')
                    + '<policy context="mandatory"><deny own="m.n"/></policy>')
    log = directory.log()
    assert re.search(r'bus\.conf:\d+:\d+: cannot look up user="alice": Connection refused', log), log
    assert re.search(r'bus\.conf:\d+:\d+: cannot look up group="devs"', log)
    names = 'a.b', 'c.d', 'x.y', 'p.q'
    assert directory.owned(*names, uid=ALICE, groups=[DEVS]) == {'p.q'}
    assert directory.owned(*names, uid=BOB) == {'p.q'}
    root = directory.connect()
    assert tried(root, 'a.b') and not tried(root, 'x.y')
    root.release_name('x.y')
    directory.mode('ok')
    assert wait_for(lambda: directory.owned(*names, uid=ALICE, groups=[DEVS]) == {'a.b', 'c.d', 'p.q'}, 40, 0.5)
    assert directory.owned(*names, uid=BOB) == {'x.y', 'p.q'}
    # An outage later on changes nothing until the configuration is read again, and a directory that is back is noticed without.
    directory.mode('down')
    time.sleep(1)
    assert directory.owned(*names, uid=ALICE) == {'a.b', 'p.q'}
    assert root.call('ReloadConfig') == ()
    assert directory.owned(*names, uid=ALICE) == {'p.q'}
    directory.mode('ok')
    assert wait_for(lambda: directory.owned(*names, uid=ALICE) == {'a.b', 'p.q'}, 40, 0.5)


def test_who_may_connect_while_a_directory_is_down(directory):
    directory.mode('down')
    directory.start(policy=OPEN_POLICY + '<allow user="*"/><deny user="bob"/>')
    assert directory.owned('a.b', uid=ALICE) == 'Closed' and directory.connect().is_alive()
    directory.mode('ok')
    assert wait_for(lambda: directory.owned('a.b', uid=ALICE) == {'a.b'}, 40, 0.5)
    assert directory.owned('a.b', uid=BOB) == 'Closed'


# ---- the console
AT_CONSOLE = CLOSED + '<policy at_console="true"><allow own="a.b"/></policy><policy at_console="false"><allow own="c.d"/></policy>'


def seat(directory, uid, seats):
    os.makedirs(directory.dir + '/system/systemd/users', exist_ok=True)
    os.makedirs(directory.dir + '/system/systemd/seats', exist_ok=True)
    directory.write('system/systemd/users/%d' % uid, 'NAME=x\nSTATE=active\nSEATS=%s\nONLINE_SEATS=%s\nACTIVE_SEATS=\n' % (seats, seats))


def test_at_console_by_logind(directory):
    seat(directory, ALICE, 'seat0')
    seat(directory, BOB, '')
    directory.serve(AT_CONSOLE)
    assert directory.owned('a.b', 'c.d', uid=ALICE) == {'a.b'} and directory.owned('a.b', 'c.d', uid=BOB) == {'c.d'}
    seat(directory, BOB, 'seat1')
    seat(directory, ALICE, '')
    assert directory.owned('a.b', 'c.d', uid=ALICE) == {'c.d'} and directory.owned('a.b', 'c.d', uid=BOB) == {'a.b'}


def test_at_console_by_files(directory):
    """Any of the names that a user has will do, also from a folder that was not there at the start."""
    directory.serve(AT_CONSOLE)
    assert directory.owned('a.b', 'c.d', uid=ALICE) == {'c.d'}
    os.mkdir(directory.dir + '/system/console')
    directory.write('system/console/alias', '')
    assert wait_for(lambda: directory.owned('a.b', 'c.d', uid=ALICE) == {'a.b'}, step=0.2)
    assert directory.owned('a.b', 'c.d', uid=BOB) == {'c.d'}
    directory.write('system/console/bob', '')
    assert wait_for(lambda: directory.owned('a.b', 'c.d', uid=BOB) == {'a.b'}, step=0.2)
    os.unlink(directory.dir + '/system/console/alias')
    assert directory.owned('a.b', 'c.d', uid=ALICE) == {'c.d'}
    directory.connect().call('ReloadConfig')
    assert directory.owned('a.b', 'c.d', uid=BOB) == {'a.b'}


def test_at_console_is_asked_again_by_a_reload(directory):
    directory.serve(AT_CONSOLE)
    root = directory.connect()
    assert tried(root, 'a.b') and not tried(root, 'c.d')
    root.release_name('c.d')
    seat(directory, 0, 'seat0')
    assert tried(root, 'a.b')
    root.call('ReloadConfig')
    assert not tried(root, 'a.b') and tried(root, 'c.d')
