# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers of real managers, in real control groups, which the bus is to recognise; they see nothing of it but its socket."""
import json
import os
import shutil
import subprocess
import tempfile

import lsm
from bus import wait_for
from domain import Bus
from marks import timeout
from wirebus import CONTAINERS, DBusError

NOT_CONTAINER = 'org.freedesktop.DBus.Error.NotContainer'
ROOTFS = '/containers/rootfs'
GROUPS = '/sys/fs/cgroup'
ID = '0123456789abcdef' * 4
SEND = ['/usr/bin/dbus-send', '--bus=unix:path=/bus/bus', '--print-reply', '--reply-timeout=60000', '--dest=com.example.Probe', '/obj',
        'com.example.Iface.Ping']


def setup_mounts():
    """More of a machine than the other tests need."""
    for path, kind in (('/dev/pts', 'devpts'), ('/dev/shm', 'tmpfs'), ('/dev/mqueue', 'mqueue')):
        if not os.path.ismount(path):
            os.makedirs(path, exist_ok=True)
            subprocess.run(['/bin/busybox', 'mount', '-t', kind, kind, path], check=True)


def seen(command, group=None):
    """Starts a container that calls the test; returns ((type, name) that the bus takes the caller for, or None, and its control group)."""
    bus = Bus().start()
    probe = bus.connect()
    assert probe.request_name('com.example.Probe') == 1
    setup_mounts()
    argv = command(bus)
    if group:
        os.makedirs(GROUPS + group, exist_ok=True)
        argv = ['/bin/sh', '-c', 'echo 0 > "$0"/cgroup.procs && exec "$@"', GROUPS + group, *argv]
    with open(bus.dir + '/out', 'wb') as out:
        container = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        assert wait_for(lambda: calls(probe) or container.poll() is not None, 60, 0.1), said(bus)
        assert container.poll() is None, said(bus)
        call = probe.wait_call('Ping', timeout=1)
        group = lsm.read('/proc/%d/cgroup' % probe.credentials(call.sender)['ProcessID'][1])
        with bus.connect() as c:
            found = instance(c, call.sender)
        probe.reply(call)
        assert container.wait(60) == 0, said(bus)
        return found, group
    finally:
        if container.poll() is None:
            container.kill()
            container.wait()


def calls(probe):
    probe.sync()
    return any(m.member == 'Ping' for m in probe.inbox)


def said(bus):
    with open(bus.dir + '/out', errors='replace') as file:
        return file.read()[-1500:]


def instance(conn, name):
    try:
        path = conn.call('GetConnectionInstance', 's', name, iface=CONTAINERS)[0]
    except DBusError as e:
        assert e.name == NOT_CONTAINER, e
        return None
    return conn.call('GetInstanceInfo', 'o', path, iface=CONTAINERS)[1:3]


# ---- crun ------------------------------------------------------------------------------------------------------

def bundle(bus, group):
    """A container of crun's, as podman describes one to it."""
    folder = tempfile.mkdtemp(dir=bus.dir)
    subprocess.run(['crun', 'spec'], cwd=folder, check=True)
    with open(folder + '/config.json') as file:
        spec = json.load(file)
    spec['process'].update(args=SEND, terminal=False)
    spec['root'] = {'path': ROOTFS, 'readonly': True}
    spec['mounts'].append({'destination': '/bus', 'type': 'bind', 'source': bus.dir, 'options': ['rbind']})
    spec['linux']['cgroupsPath'] = group
    with open(folder + '/config.json', 'w') as file:
        json.dump(spec, file)
    return folder


def crun(group):
    return lambda bus: ['crun', '--cgroup-manager=cgroupfs', '--root=' + bus.runtime + '/crun', 'run', '--no-pivot',
                        '--bundle=' + bundle(bus, group), ID]


@timeout(120)
def test_crun():
    """In the groups that podman's managers name."""
    def row(group, wanted):
        found, real = seen(crun(group))
        assert real == '0::' + group and found == wanted, (found, real)
    for group, wanted in (('/machine.slice/libpod-%s.scope' % ID, ('io.podman', ID)),
                          ('/machine.slice/libpod-%s.scope/container' % ID, ('io.podman', ID)),
                          ('/libpod_parent/libpod-' + ID, ('io.podman', ID)),
                          ('/system.slice/crun-%s.scope' % ID, ('org.opencontainers.runtime', ID)),
                          ('/system.slice/docker-%s.scope' % ID, ('com.docker', ID)),
                          ('/machine.slice/libpod-conmon-%s.scope' % ID, None), ('/elsewhere/' + ID, None)):
        yield group.replace(ID, 'ID'), row, group, wanted


# ---- podman ----------------------------------------------------------------------------------------------------

@timeout(180)
def test_podman():
    def command(bus):
        return ['podman', 'run', '--rm', '--rootfs', '--network=none', '--security-opt=label=disable', '--security-opt=apparmor=unconfined',
                '--cidfile=' + bus.dir + '/id', '--volume=%s:/bus' % bus.dir, '--read-only', ROOTFS, *SEND]
    found, real = seen(command)
    assert found and found[0] == 'io.podman' and real.endswith('/libpod_parent/libpod-' + found[1]), (found, real)


# ---- systemd-nspawn --------------------------------------------------------------------------------------------

@timeout(120)
def test_nspawn():
    """In the group that it would be given by machined, which is not here; it makes those below."""
    def command(bus):
        shutil.rmtree('/tmp/machine', ignore_errors=True)
        shutil.copytree(ROOTFS, '/tmp/machine', symlinks=True)
        return ['systemd-nspawn', '--register=no', '--keep-unit', '--quiet', '--pipe', '--directory=/tmp/machine', '--machine=my-box',
                '--bind=%s:/bus' % bus.dir, '--resolv-conf=off', '--timezone=off', '--link-journal=no', '--as-pid2', *SEND]
    group = '/machine.slice/machine-my\\x2dbox.scope'
    found, real = seen(command, group)
    assert real == '0::' + group + '/payload' and found == ('org.freedesktop.machine1', 'my-box'), (found, real)
