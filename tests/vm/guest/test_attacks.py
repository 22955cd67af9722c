# SPDX-License-Identifier: LGPL-2.1-or-later
"""Peers that want to be taken for others, or for nobody.

The bus is stopped while a peer prepares what the bus is to find: the connection waits in the queue of the listening socket meanwhile, and
what the bus sees when it goes on is what it would see in a race that the attacker wins.
"""
import contextlib
import os
import signal
import sys

import lsm
from bus import wait_for
from child import become, fork, get, outcome, put, settle
from domain import Bus, verdict
from marks import skip_for, timeout
from wirebus import Closed, Conn, DBusError

MODULE = sys.argv[1].rsplit('-', 1)[0]
PINNED = lsm.new_kernel()
FLATPAK = 'user.slice/app-flatpak-org.example.Victim-77.scope'
IDENTIFY = '<mediator><identity unpinned="identify"/></mediator>'
NAME, SOURCE = 'org.freedesktop.DBus.Containers1.Name', 'org.postern.IdentitySource'
LAST_PID = '/proc/sys/kernel/ns_last_pid'
# A domain that may connect, and one of a container.
DOMAIN = {'selinux': 'svc_t', 'apparmor': 'vm.service', 'none': None}[MODULE]
CONTAINED = {'selinux': 'container_t:s0:c1,c2', 'apparmor': 'snap.second.app', 'none': None}[MODULE]


@contextlib.contextmanager
def stopped(bus):
    bus.process.send_signal(signal.SIGSTOP)
    wait_for(lambda: lsm.read('/proc/%d/stat' % bus.pid).rpartition(')')[2].split()[0] == 'T')
    try:
        yield
    finally:
        bus.process.send_signal(signal.SIGCONT)


def seen(bus, name):
    """(name of its container, source), or (None, None)"""
    with bus.connect() as c:
        found = c.credentials(name)
    return found.get(NAME, (0, None))[1], found.get(SOURCE, (0, None))[1]


class Orphan:
    """A connection whose process has ended and is reaped, while a child of it keeps the socket."""

    def __init__(self, bus, cgroup=None, early=True):
        """early: it says nothing before its process has ended."""
        self.pid, self.sock = fork(lambda sock: self.live(sock, bus.address, cgroup, early))
        self.keeper = settle(get(self.sock))
        os.waitpid(self.pid, 0)

    @staticmethod
    def live(sock, address, cgroup, early):
        def begin():
            become(cgroup=cgroup)
            return Conn(address, auth=not early)
        ok, conn = outcome(begin)
        keeper = os.fork() if ok else 0
        if keeper > 0:
            put(sock, (True, keeper))
            return
        if not ok:
            put(sock, (False, conn))
            return
        while True:
            try:
                get(sock)
            except EOFError:
                return
            put(sock, outcome(Orphan.speak, conn))

    @staticmethod
    def speak(conn):
        if conn.name is None:
            conn.authenticate()
            conn.name, = conn.call('Hello')
        conn.sync()
        return conn.name

    def name(self):
        """Authenticates, says Hello where that has not been done, and asks for something."""
        put(self.sock, None)
        return settle(get(self.sock))

    def close(self):
        self.sock.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.keeper, signal.SIGKILL)

    __enter__ = lambda self: self
    __exit__ = lambda self, *_: self.close()


@contextlib.contextmanager
def process_with(pid, domain=None, cgroup=None):
    """A new process with this number, in a domain or a control group."""
    def live(sock):
        put(sock, outcome(become, domain, None, cgroup))
        with contextlib.suppress(EOFError):
            get(sock)

    for _ in range(200):
        with open(LAST_PID, 'w') as file:
            file.write(str(pid - 1))
        made, sock = fork(live)
        settle(get(sock))
        if made == pid:
            break
        sock.close()
        os.waitpid(made, 0)
    else:
        raise AssertionError('no process got the number %d' % pid)
    try:
        yield
    finally:
        sock.close()
        os.waitpid(made, 0)


# ---- who the peer is ---------------------------------------------------------------------------------------------

def reused(settings, wanted, domain, cgroup):
    bus = Bus().start(mediator=settings)
    with contextlib.ExitStack() as ends:
        with stopped(bus):
            orphan = ends.enter_context(Orphan(bus))
            ends.enter_context(process_with(orphan.pid, domain, cgroup))
        assert seen(bus, orphan.name()) == wanted
        assert orphan.name()


def test_number_reused():
    """Another process has the number of the one that connected, and is in a container. The peer is not taken for it."""
    yield 'cgroup', reused, '<mediator/>', (None, None), None, FLATPAK
    if CONTAINED:
        yield 'domain', reused, '<mediator/>', (None, None), CONTAINED, None


def test_number_reused_where_numbers_identify():
    """unpinned="identify" is what it says where the kernel knows no more than the number: who wins the race is taken for another. A kernel
    that pins the process is not fooled, whatever the setting."""
    yield 'cgroup', reused, IDENTIFY, (None, None) if PINNED else ('org.example.Victim', 'cgroup'), None, FLATPAK
    if MODULE == 'apparmor':
        yield 'domain', reused, IDENTIFY, (None, None) if PINNED else ('second', 'apparmor'), CONTAINED, None


def test_gone_before_it_was_seen():
    """The process has ended, and nobody has its number. With unpinned="identify" that is an error, and an error refuses."""
    bus = Bus().start(mediator=IDENTIFY)
    with stopped(bus):
        orphan, contained = Orphan(bus), Orphan(bus, FLATPAK)
    with orphan, contained:
        if PINNED:  # the kernel still tells the control group in which it ended
            assert seen(bus, orphan.name()) == (None, None)
            assert seen(bus, contained.name()) == ('org.example.Victim', 'cgroup')
            return
        for peer in (orphan, contained):
            try:
                peer.name()
            except (Closed, DBusError):
                continue
            raise AssertionError('it was let in')
    provider = 'apparmor' if MODULE == 'apparmor' else 'cgroup'
    assert bus.log_has('verdict=refused .*provider %s: cannot open process %d: No such process' % (provider, contained.pid)), bus.log()


def test_gone_afterwards():
    """What was found stays: the keeper of the socket is who connected."""
    bus = Bus().start(mediator=IDENTIFY)
    with Orphan(bus, FLATPAK, early=False) as orphan:
        name = orphan.name()
        with process_with(orphan.pid):
            assert seen(bus, orphan.name()) == ('org.example.Victim', 'cgroup') and orphan.name() == name


def test_moved_afterwards():
    """Who moves into a container after connecting is in none, and who leaves one stays in it."""
    bus = Bus().start(mediator=IDENTIFY)
    outside, inside = bus.peer(), bus.peer(cgroup=FLATPAK)
    for peer, wanted in ((outside, (None, None)), (inside, ('org.example.Victim', 'cgroup'))):
        assert seen(bus, peer.name) == wanted
    outside.do('become', cgroup=FLATPAK)
    inside.do('become', cgroup='/')
    assert lsm.read('/proc/%d/cgroup' % outside.pid).endswith(FLATPAK)
    for peer, wanted in ((outside, (None, None)), (inside, ('org.example.Victim', 'cgroup'))):
        peer.sync()
        assert seen(bus, peer.name) == wanted


@skip_for('none-6.1')
def test_domain_changed_afterwards():
    """As above, with domains. The domain counts where the kernel tells it of the socket, or where numbers may identify."""
    bus = Bus().start(mediator=IDENTIFY)
    outside, inside = bus.peer(DOMAIN), bus.peer(CONTAINED)
    before = seen(bus, outside.name), seen(bus, inside.name)
    assert before[0] == (None, None) and before[1][1] == MODULE, before
    outside.do('become', CONTAINED)
    outside.sync()
    assert (seen(bus, outside.name), seen(bus, inside.name)) == before


def test_many_containers_of_one_user():
    """Whoever makes a container for each connection competes with others as the one user that he is."""
    bus = Bus().start('<limit name="max_incomplete_connections">8</limit>', mediator=IDENTIFY)
    crowd = [bus.peer(user='alice', cgroup='app-flatpak-org.example.N%d-1.scope' % n, auth=False) for n in range(7)]
    others = [bus.peer(user='bob', auth=False) for _ in range(2)]
    for peer in others:
        peer.do('authenticate')
        assert peer.call('Hello')
    assert bus.log_has('max_incomplete_connections')
    for peer in crowd:
        peer.close()


# ---- what a label says ---------------------------------------------------------------------------------------------

@skip_for('none-6.1', 'apparmor-6.1')
def test_socket_made_before():
    """The label is that of the socket, which it has since it was created: a launcher confines its process first and connects then."""
    bus = Bus().start()
    service = bus.peer(DOMAIN)
    pid, sock = fork(lambda sock: confined_late(sock, bus.address))
    try:
        name, now = settle(get(sock))
        denied = {'selinux': 'nobus_t', 'apparmor': 'vm.mute'}[MODULE]
        assert denied in now
        with bus.connect() as c:
            label = c.credentials(name)['LinuxSecurityLabel'][1]
        assert label == {'selinux': b'system_u:system_r:kernel_t:s0\0', 'apparmor': b'unconfined\0'}[MODULE], label
    finally:
        sock.close()
        os.waitpid(pid, 0)
    service.sync()


def confined_late(sock, address):
    def work():
        import socket
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        become({'selinux': 'nobus_t', 'apparmor': 'vm.mute'}[MODULE])
        real, socket.socket = socket.socket, lambda *_: made
        conn = Conn(address)
        socket.socket = real
        kept.append(conn)
        return conn.name, lsm.current()
    kept = []
    put(sock, outcome(work))
    with contextlib.suppress(EOFError):
        get(sock)


@skip_for('none-6.1')
def test_program_changed():
    """A program that another domain runs goes on with the connection of the one that made it."""
    bus = Bus().start()
    denied = {'selinux': 'deny_cli_t', 'apparmor': 'vm.denied'}[MODULE]
    service = bus.peer(DOMAIN)
    pid, sock = fork(lambda sock: exec_elsewhere(sock, bus.address, denied))
    try:
        name = settle(get(sock))
        wait_for(lambda: denied in lsm.read('/proc/%d/attr/current' % pid))
        assert denied in lsm.read('/proc/%d/attr/current' % pid) and lsm.read('/proc/%d/comm' % pid) == 'busybox'
        with bus.connect() as c:
            found = c.credentials(name)
        label = {'selinux': b'system_u:system_r:unconfined_t:s0\0', 'apparmor': b'vm.client (enforce)\0'}[MODULE]
        assert found.get('LinuxSecurityLabel') == (('ay', label) if lsm.peer_labels() else None), found
        assert found['ProcessID'] == ('u', pid)
    finally:
        sock.close()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    service.sync()


def exec_elsewhere(sock, address, denied):
    def work():
        become({'selinux': 'unconfined_t', 'apparmor': 'vm.client'}[MODULE])
        conn = Conn(address)
        os.set_inheritable(conn.sock.fileno(), True)
        conns.append(conn)
        return conn.name
    conns = []
    put(sock, outcome(work))
    with open(lsm.current_file().replace('current', 'exec'), 'wb', buffering=0) as file:
        file.write(lsm.request(denied).replace(b'changeprofile', b'exec'))
    os.execv('/bin/busybox', ['busybox', 'sleep', '60'])


# ---- many of them ------------------------------------------------------------------------------------------------------

@timeout(60)
def test_many_that_vanish():
    """Processes that connect and end at once, some of them while they authenticate."""
    bus = Bus().start(mediator=IDENTIFY)
    before = bus.settled_fds()
    for _ in range(4):
        with stopped(bus):
            for i in range(10):
                vanish(bus.address, FLATPAK if i % 2 else None)
        with bus.connect() as c:
            c.sync()
    assert bus.is_running() and wait_for(lambda: bus.settled_fds() <= before, 10), (before, bus.settled_fds())
    assert verdict(bus.peer(), bus.peer()) == 'ok'


def vanish(address, cgroup):
    """Five connections: some said nothing, some half of what authenticates them, some all that they can say without an answer."""
    pid = os.fork()
    if pid == 0:
        try:
            become(cgroup=cgroup)
            conns = [Conn(address, auth=False) for _ in range(5)]
            for conn, said in zip(conns, (b'', b'\0AUTH EXTERNAL ', b'\0AUTH EXTERNAL 30\r\nBEGIN\r\n') * 2):
                conn.sock.sendall(said)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
