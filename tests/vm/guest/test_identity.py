# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers that nobody announced: recognised by a label of the security module or by a control group, and what follows from it."""
import collections
import sys

import lsm
from domain import Bus, Peer, as_user, verdict, with_mount
from marks import skip_for
from wirebus import CONTAINERS, Closed, DBusError, E

MODULE = sys.argv[1].rsplit('-', 1)[0]
NO_APPARMOR = ('none-6.1', 'selinux-6.1', 'selinux-new')
NO_SELINUX = ('none-6.1', 'apparmor-6.1', 'apparmor-new')
OLD, NEW = ('none-6.1', 'selinux-6.1', 'apparmor-6.1'), ('selinux-new', 'apparmor-new')
DENIED = E + 'AccessDenied'
# An old kernel hands out no handles of peers: what has to be looked up by a number identifies nobody, unless the configuration says so.
BELIEVE = '' if lsm.new_kernel() else 'unpinned="identify"'
FLATPAK = 'user.slice/app-flatpak-org.ex.App-123.scope'
Identity = collections.namedtuple('Identity', 'source type name key')

# Domains that stand for a container, and which; None: for none. Those of a kind that has no domains: none.
LABELS = {
    'selinux': {
        'container_t:s0:c1,c2': Identity('selinux', 'org.selinuxproject.container', '', 's0:c1,c2'),
        'container_t:s0:c3': Identity('selinux', 'org.selinuxproject.container', '', 's0:c3'),
        'container_t:s0': Identity('selinux', 'org.selinuxproject.container', '', 's0'),
        'spc_t': None, 'unconfined_t': None, 'cli_t': None, 'kernel_t': None},
    'apparmor': {
        'snap.first.app': Identity('apparmor', 'io.snapcraft', 'first', ''),
        'snap.first.hook.configure': Identity('apparmor', 'io.snapcraft', 'first', ''),
        'snap.second.app': Identity('apparmor', 'io.snapcraft', 'second', ''),
        'snap.first.app//&vm.open': Identity('apparmor', 'io.snapcraft', 'first', ''),
        'snap.first.app//&snap.first.hook.configure': Identity('apparmor', 'io.snapcraft', 'first', ''),
        # Whatever its mode is: "(complain)" and "(mixed)" are in the label of the socket, too.
        'snap.complain.app': Identity('apparmor', 'io.snapcraft', 'complain', ''),
        'snap.complain.app//&vm.open': Identity('apparmor', 'io.snapcraft', 'complain', ''),
        'vm.open': None, 'unconf.prof': None, None: None},
    'none': {None: None},
}[MODULE]
# One of each provider that this guest has: how a peer gets there, who it is then, and somebody else.
CGROUP = (dict(cgroup=FLATPAK), Identity('cgroup', 'org.flatpak', 'org.ex.App', '123'), dict(cgroup='app-flatpak-org.ex.Other-1.scope'))
LABEL = {'selinux': (dict(domain='container_t:s0:c1,c2'), LABELS.get('container_t:s0:c1,c2'), dict(domain='container_t:s0:c1,c3')),
         'apparmor': (dict(domain='snap.first.app'), LABELS.get('snap.first.app'), dict(domain='snap.second.app'))}.get(MODULE)
PROVIDERS = [CGROUP] + ([LABEL] if LABEL else [])


def settings(more='', identity=BELIEVE):
    return '<mediator><identity %s/>%s</mediator>' % (identity, more)


def start(more='', identity=BELIEVE, bus=None):
    return (bus or Bus()).start(mediator=settings(more, identity))


def instance(bus, peer):
    """(the Identity, the instance's path) as the bus tells them to others, in all its words; or None."""
    words = ['org.freedesktop.DBus.Containers1.' + word for word in ('Instance', 'Type', 'Name')] + ['org.postern.IdentitySource']
    with bus.connect() as c:
        credentials = c.credentials(peer.name)
        if not any(word in credentials for word in words):
            assert c.error('GetConnectionInstance', 's', peer.name, iface=CONTAINERS) == E + 'NotContainer'
            return None
        (_, path), (_, type), (_, name), (_, source) = (credentials[word] for word in words)
        told = c.call('GetConnectionInstance', 's', peer.name, iface=CONTAINERS)
    creator, metadata = told[1], told[4]
    assert (told[0], told[2], told[3]) == (path, type, name), told
    assert creator['org.postern.IdentitySource'] == ('s', source), creator
    if source != 'socket':
        assert set(creator) == {'org.postern.IdentitySource'}, creator
    return Identity(source, type, name, metadata.get('org.postern.InstanceKey', ('s', ''))[1]), path


def identity(bus, peer):
    found = instance(bus, peer)
    return found and found[0]


# ---- who is recognised ------------------------------------------------------------------------------------------------

def test_labels():
    bus = start()
    paths = {}
    for domain, who in LABELS.items():
        found = instance(bus, bus.peer(domain))
        assert (found and found[0]) == who, (domain, found)
        if found:
            assert paths.setdefault(who, found[1]) == found[1], 'two instances of %r' % (who,)
    assert len(set(paths.values())) == len(paths), paths


@skip_for('none-6.1', 'selinux-6.1', 'selinux-new', 'apparmor-new')
def test_labels_are_not_looked_up():
    """Where the kernel tells no label of a peer, unless that is wanted."""
    bus = Bus().start()
    assert identity(bus, bus.peer('snap.first.app')) is None


@skip_for(*NO_APPARMOR)
def test_a_label_of_two_containers():
    """Is of neither, and no reason to take the peer for somebody in none."""
    bus = start()
    try:
        peer = bus.peer('snap.first.app//&snap.second.app')
    except (Closed, DBusError):
        peer = None
    assert peer is None, identity(bus, peer)
    assert bus.log_has('stands for two containers')


def cgroup_of(name, key=''):
    return Identity('cgroup', 'org.flatpak', name, key)


def test_cgroups():
    bus = start()
    for path, who in ((FLATPAK, cgroup_of('org.ex.App', '123')),
                      # Whoever is in a container may make groups, but not leave that one by it.
                      (FLATPAK + '/app-flatpak-org.ex.Forged-1.scope', cgroup_of('org.ex.App', '123')),
                      ('system.slice/docker-abc.scope/app-flatpak-org.ex.Forged-1.scope', Identity('cgroup', 'com.docker', 'abc', '')),
                      ('user.slice/app-flatpak-.scope', None), ('user.slice/plain.scope', None), ('/', None)):
        found = identity(bus, bus.peer(cgroup=path))
        assert found == who, (path, found)


@skip_for('none-6.1', 'apparmor-6.1', 'apparmor-new')
def test_privileged_container():
    """Its label says that it is none, and the control group has nothing to add. Of other types it has."""
    bus = start()
    assert identity(bus, bus.peer('spc_t', cgroup=FLATPAK)) is None
    assert identity(bus, bus.peer('unconfined_t', cgroup=FLATPAK)) == cgroup_of('org.ex.App', '123')


# A program that its user has started can be seen by him; one that has only changed its user, as a Peer, cannot.
IN_GROUP = 'mkdir -p "$1" && echo 0 > "$1/cgroup.procs" && shift && exec "$@"'
WHO_AM_I = ("import sys; sys.path[:0] = ['/tests/system']; from wirebus import Conn; c = Conn(sys.argv[1]); print(c.credentials(c.name))")


def hidden_bus(mediator):
    """Of alice, to whom /proc shows nobody else's processes."""
    bus = Bus()
    bus.prefix = with_mount('-t', 'proc', '-o', 'hidepid=2', 'proc', '/proc')
    bus.as_user('alice').start(mediator=mediator)
    assert bus.log_has('/proc hides the processes of other users')
    return bus


def test_hidden_processes():
    """Nothing is known of them, which must not matter to any rule."""
    bus = hidden_bus(settings())
    bob = bus.peer(user='bob', cgroup=FLATPAK)
    assert 'org.postern.IdentitySource' not in bob.credentials(bob.name)
    bob.close()
    # A program of alice's own can be seen: that it is in a container, too.
    said = bus.run('/bin/sh', '-c', IN_GROUP, 'sh', '/sys/fs/cgroup/' + FLATPAK, *as_user('alice'), '/usr/bin/python3', '-S', '-c', WHO_AM_I,
                   bus.address)
    assert 'IdentitySource' in said, said
    bus.reload(mediator=settings('<containers implicit-mode="restrict"/>'))
    try:
        bus.peer(user='bob')
    except (Closed, DBusError, ConnectionError):
        assert bus.log_has('verdict=refused.*hidepid=')
        return
    raise AssertionError('somebody of whom nothing is known was let in')


@skip_for(*NEW)
def test_cgroups_are_not_looked_up():
    bus = Bus().start()
    assert identity(bus, bus.peer(cgroup=FLATPAK)) is None


@skip_for(*OLD)
def test_nothing_needs_to_be_believed():
    """A new kernel pins what it tells: the shipped settings do."""
    bus = Bus().start()
    for how, who, _ in PROVIDERS:
        assert identity(bus, bus.peer(**how)) == who, who


@skip_for('none-6.1')
def test_order():
    label, group = LABEL[1], CGROUP[1]
    both = dict(LABEL[0], **CGROUP[0])
    bus = start()
    for order, who in (('socket %s cgroup' % MODULE, label), ('socket cgroup %s' % MODULE, group), ('socket cgroup', group),
                       ('socket %s' % MODULE, label), ('socket', None)):
        bus.reload(mediator=settings(identity='order="%s" %s' % (order, BELIEVE)))
        found = identity(bus, bus.peer(**both))
        assert found == who, (order, found)
    bus.reload(mediator=settings())
    assert identity(bus, bus.peer(**both)) == label
    assert identity(bus, bus.peer(LABEL[0]['domain'])) == label


def test_a_socket_is_stronger():
    bus = start()
    container = bus.container(name='announced')
    for how, _, _ in PROVIDERS + [(dict(PROVIDERS[-1][0], **CGROUP[0]), None, None)]:
        with bus.peer(**how) as outside:
            assert identity(bus, outside).source != 'socket'
        peer = Peer(container.address, **how)
        assert instance(bus, peer) == (Identity('socket', 'com.example.Sandbox', 'announced', ''), container.path)


# ---- the bus in a container -------------------------------------------------------------------------------------------

def test_the_bus_in_a_cgroup():
    """Its own container is none to it; those beside it and in it are."""
    bus = Bus()
    own = 'machine.slice/docker-bus.scope'
    bus.prefix = ['/bin/sh', '-c', 'mkdir -p "$1" && echo 0 > "$1/cgroup.procs" && shift && exec "$@"', 'sh', '/sys/fs/cgroup/' + own]
    start(bus=bus)
    for path, who in ((own, None), (own + '/x.scope', None), (own + '/app-flatpak-org.ex.In-1.scope', cgroup_of('org.ex.In', '1')),
                      ('machine.slice/docker-other.scope', Identity('cgroup', 'com.docker', 'other', ''))):
        found = identity(bus, bus.peer(cgroup=path))
        assert found == who, (path, found)


@skip_for('none-6.1')
def test_the_bus_in_a_labelled_container():
    how, _, other = LABEL
    bus = start(bus=Bus(how['domain']))
    assert identity(bus, bus.peer(**how)) is None
    if MODULE == 'apparmor':  # SELinux does not let another category speak to the bus at all
        assert identity(bus, bus.peer(**other)) == LABELS[other['domain']]


# ---- instances ----------------------------------------------------------------------------------------------------------

def test_life():
    """One instance for all that are recognised as the same; it goes with the last."""
    bus = start()
    with bus.connect() as c:
        c.match("type='signal',sender='org.freedesktop.DBus'")
        for how, who, other in PROVIDERS:
            first, second, third = bus.peer(**how), bus.peer(**how), bus.peer(**other)
            path = instance(bus, first)[1]
            assert instance(bus, second)[1] == path != instance(bus, third)[1]
            second.signal('Header', dest=c.name)
            assert c.wait_signal('Header').instance == path
            first.close()
            c.wait(lambda m: m.member == 'NameOwnerChanged' and m.body == (first.name, first.name, ''))
            c.sync()
            assert [m for m in c.inbox if m.member == 'InstanceRemoved' and m.body == (path,)] == []
            assert identity(bus, second) == who
            second.close()
            assert c.wait(lambda m: m.member == 'InstanceRemoved').body == (path,)
            assert c.error('GetInstanceInfo', 'o', path, iface=CONTAINERS) == E + 'NotContainer'
            assert instance(bus, third)
            with bus.peer(**how) as again:  # numbers are not given twice
                assert instance(bus, again)[0] == who and instance(bus, again)[1] != path
            third.close()
            c.wait(lambda m: m.member == 'InstanceRemoved')
            c.wait(lambda m: m.member == 'InstanceRemoved')


def test_users():
    """The same label or group of another user is another's container."""
    bus = start()
    for how, who, _ in PROVIDERS:
        found = [instance(bus, bus.peer(user=user, **how)) for user in ('alice', 'bob', None, 'alice')]
        assert [identity for identity, _ in found] == [who] * 4, found
        paths = [path for _, path in found]
        assert len(set(paths)) == 3 and paths[0] == paths[3], paths


RULES = '''<containers implicit-mode="restrict"/>
<container type="%s" name="%s">
<allow call="com.example.Service" interface="com.example.Open"/><allow own="com.example.Mine"/></container>'''


def call(peer, service, iface):
    return verdict(peer, service, dest='com.example.Service', iface=iface)


def test_restrict():
    for how, who, other in PROVIDERS:
        bus = start(RULES % (who.type, who.name))
        service = bus.connect()
        for name in ('com.example.Service', 'com.example.Hidden'):
            service.request_name(name)
        peer = bus.peer(**how)
        assert identity(bus, peer) == who
        assert call(peer, service, 'com.example.Open') == 'ok'
        assert call(peer, service, 'com.example.Closed') == 'call ' + DENIED
        assert bus.log_has('verdict=denied door=container .*from=%s .*interface=com.example.Closed' % peer.name)
        assert peer.request_name('com.example.Mine') == 1 and peer.error('RequestName', 'su', 'com.example.Other', 0) == DENIED
        assert {'com.example.Service', 'com.example.Mine'} <= set(peer.names()) and 'com.example.Hidden' not in peer.names()
        stranger = bus.peer(**other)
        also = identity(bus, stranger)[1:3] == who[1:3]  # containers of SELinux have no names, so that rules are for all of them
        assert call(stranger, service, 'com.example.Open') == ('ok' if also else 'call ' + DENIED)
        assert also == (who.source == 'selinux')
        assert call(bus.peer(), service, 'com.example.Closed') == 'ok'
        bus.reload(mediator=settings((RULES % (who.type, who.name)).replace(' name=', ' mode="identify" name=')))
        assert call(bus.peer(**dict(how, user='alice')), service, 'com.example.Closed') == 'ok'
