# SPDX-License-Identifier: LGPL-2.1-or-later
"""postern-run: the command gets one bus, the container's, and nothing of the others."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from bus import config_text, wait_for
from wirebus import CONTAINERS

pytestmark = pytest.mark.postern
BUILD = os.environ.get('POSTERN_BUILD', '.')
RUN = os.path.join(BUILD, 'postern-run')
INSIDE = '/run/user/%d' % os.getuid()

if not os.path.exists(RUN):
    pytest.skip('this build has no postern-run (it needs libsystemd)', allow_module_level=True)


def start(bus, *args, env=None, **how):
    process = subprocess.Popen([RUN, *args], env=env or bus.env(DBUS_SESSION_BUS_ADDRESS=bus.address), text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)
    bus.children.append(process)
    return process


def run(bus, *args, **how):
    """(exit status, stdout, stderr)"""
    process = start(bus, *args, **how)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def output(bus, *args, **how):
    status, out, err = run(bus, *args, **how)
    assert status == 0, out + err
    return out


def call(bus, options, peer, method, *args):
    """A method call by gdbus in the container: its answer, or the error's last part."""
    status, out, err = run(bus, *options, '--', 'gdbus', 'call', '--session', '--dest', peer[0], '--object-path', peer[1], '--method', method, *args)
    return out.strip() if status == 0 else err.partition('DBus.Error.')[2].partition(':')[0]


DRIVER = ('org.freedesktop.DBus', '/org/freedesktop/DBus')


# ---- exit status ----

@pytest.mark.parametrize('command, status', [
    (['true'], 0),
    (['false'], 1),
    (['sh', '-c', 'exit 42'], 42),
    (['sh', '-c', 'kill -KILL $$'], 137),
    (['sh', '-c', 'kill -TERM $$'], 143),
    (['/nonexistent/program'], 127),
    (['no-such-program-anywhere'], 127),
    (['/etc/passwd'], 126),
])
def test_exit_status(bus, command, status):
    assert run(bus, '--', *command)[0] == status


def test_arguments_of_the_command_are_its_own(bus):
    show = ['sh', '-c', 'echo "$@"', 'sh']
    assert output(bus, *show, '--help', '--talk=x', '--').split() == ['--help', '--talk=x', '--']
    assert output(bus, '--', *show, '--version').split() == ['--version']


def test_help_and_version(bus):
    assert '--talk=NAME' in output(bus, '--help')
    assert output(bus, '--version').startswith('postern-run ')


# ---- the container ----

HOLD_NAME = "import dbus, time; dbus.SessionBus().request_name('com.example.App'); print('up', flush=True); time.sleep(60)"


@pytest.mark.parametrize('options, identity', [
    (['--type=com.example.Type', '--name=An App'], ('com.example.Type', 'An App')),
    (['--name='], ('org.postern.Run', '')),
    ([], ('org.postern.Run', 'python3')),
])
def test_identity(bus, options, identity):
    with bus.connect() as c:
        process = start(bus, *options, '--own=com.example.App', '--', '/usr/bin/python3', '-c', HOLD_NAME)
        assert process.stdout.readline() == 'up\n'
        info = c.call('GetConnectionInstance', 's', 'com.example.App', iface=CONTAINERS)
        assert tuple(info[2:4]) == identity and info[4] == {}


def test_sees_only_itself_and_the_bus(bus):
    with bus.connect() as c:
        c.request_name('com.example.Service')
        names = call(bus, [], DRIVER, 'org.freedesktop.DBus.ListNames')
        assert 'org.freedesktop.DBus' in names and 'com.example.Service' not in names and c.name not in names
        names = call(bus, ['--see=com.example.Service'], DRIVER, 'org.freedesktop.DBus.ListNames')
        assert 'com.example.Service' in names


@pytest.mark.parametrize('options, answer', [
    ([], 'AccessDenied'),
    (['--own=com.example.Other'], 'AccessDenied'),
    (['--own=com.example.App'], '(uint32 1,)'),
    (['--own=com.example.*'], '(uint32 1,)'),
    (['--talk=com.example.App'], 'AccessDenied'),
    (['--mode=complain'], '(uint32 1,)'),
    (['--mode=identify'], '(uint32 1,)'),
])
def test_own(bus, options, answer):
    assert call(bus, options, DRIVER, 'org.freedesktop.DBus.RequestName', 'com.example.App', '0') == answer


CALLS = [
    ([], 'AccessDenied'),
    (['--see={}'], 'AccessDenied'),
    (['--broadcast={}'], 'AccessDenied'),
    (['--talk={}'], 'pong'),
    (['--talk=com.example.*'], 'pong'),
    (['--talk=com.exampl.*'], 'AccessDenied'),
    (['--call={}'], 'pong'),
    (['--call={}=*'], 'pong'),
    (['--call={}=com.example.I.*'], 'pong'),
    (['--call={}=com.example.J.*'], 'AccessDenied'),
    (['--call={}=com.example.I.Ping'], 'pong'),
    (['--call={}=com.example.I.Pong'], 'AccessDenied'),
    (['--call={}=Ping'], 'pong'),
    (['--call={}=Pong'], 'AccessDenied'),
    (['--call={}=*@/a/b'], 'pong'),
    (['--call={}=*@/a'], 'AccessDenied'),
    (['--call={}=@/a/*'], 'pong'),
    (['--call={}=com.example.I.Ping@/a/b/*'], 'pong'),
    (['--call={}=com.example.I.Ping@/c/*'], 'AccessDenied'),
    (['--call={}=com.example.J.*', '--call={}=com.example.I.*'], 'pong'),
]


@pytest.mark.parametrize('options, answer', CALLS)
def test_call(bus, options, answer):
    """One call, to interface com.example.I, member Ping, path /a/b, under these rules."""
    with bus.connect() as service:
        service.request_name('com.example.Service')
        process = start(bus, *[o.format('com.example.Service') for o in options], '--', 'dbus-send', '--session', '--print-reply=literal',
                        '--dest=com.example.Service', '/a/b', 'com.example.I.Ping')
        if answer == 'pong':
            m = service.wait_call('Ping')
            service.reply(m, 's', 'pong')
        out, err = process.communicate(timeout=30)
        assert answer in out + err


# ---- nothing of other buses ----

def test_environment_and_descriptors(bus):
    env = bus.env(DBUS_SESSION_BUS_ADDRESS=bus.address, DBUS_SYSTEM_BUS_ADDRESS=bus.address, AT_SPI_BUS_ADDRESS=bus.address, LISTEN_FDS='1',
                  KEPT='yes')
    r, w = os.pipe()
    try:
        out = output(bus, '--', 'sh', '-c', 'env; for fd in /proc/self/fd/*; do echo fd=$(basename $fd); done', env=env, pass_fds=[r, w])
    finally:
        os.close(r)
        os.close(w)
    lines = out.splitlines()
    assert 'DBUS_SESSION_BUS_ADDRESS=unix:path=%s/bus' % INSIDE in lines
    assert 'XDG_RUNTIME_DIR=' + INSIDE in lines and 'KEPT=yes' in lines
    assert not [x for x in lines if x.startswith(('DBUS_SYSTEM', 'AT_SPI', 'LISTEN_'))]
    assert 'fd=%d' % w not in lines


def test_real_bus_is_out_of_reach(bus):
    path = bus.address.partition('path=')[2].partition(',')[0]
    assert os.path.exists(path)
    for inside in (path, bus.dir, bus.runtime + '/dbus-1', '/run/dbus'):
        assert run(bus, '--', 'test', '-e', inside)[0] == 1, inside
    assert output(bus, '--', 'ls', INSIDE).split() == ['bus']


def test_bus_elsewhere_is_hidden_too(new_bus):
    """A bus whose socket is in none of the folders that are empty anyway."""
    folder = tempfile.mkdtemp(prefix='pt', dir=os.environ.get('HOME', '/'))
    try:
        bus = new_bus.start(text=config_text('unix:path=%s/bus' % folder))
        assert output(bus, '--', 'sh', '-c', 'ls %s; echo end' % folder) == 'end\n'
        env = bus.env(DBUS_SESSION_BUS_ADDRESS='unix:path=/nonexistent/bus')
        assert output(bus, '--address=' + bus.address, '--', 'sh', '-c', 'ls %s; echo end' % folder, env=env) == 'end\n'
        assert 'back into reach' in run(bus, '--bind=' + folder, '--', 'true')[2]
        new_bus.process.send_signal(signal.SIGTERM)
        new_bus.process.wait()
        new_bus.process = None
    finally:
        shutil.rmtree(folder)


def test_abstract_bus(new_bus):
    name = 'postern-test-%d' % os.getpid()
    bus = new_bus.start(text=config_text('unix:abstract=' + name))
    with socket.socket(socket.AF_UNIX) as s:
        s.connect('\0' + name)
    connect = 'import socket; socket.socket(socket.AF_UNIX).connect(chr(0) + "%s")' % name
    status, _, err = run(bus, '--', '/usr/bin/python3', '-c', connect)
    assert status == 1 and 'refused' in err
    status, _, err = run(bus, '--share-net', '--', 'true')
    assert status == 125 and '--share-net' in err and name in err


def test_file_system(bus):
    assert run(bus, '--', 'sh', '-c', 'touch /etc/postern-test 2>/dev/null')[0] != 0
    assert output(bus, '--', 'sh', '-c', 'touch /tmp/x /var/tmp/x; ls /tmp /var/tmp').split() == ['/tmp:', 'x', '/var/tmp:', 'x']
    folder = tempfile.mkdtemp(prefix='pt')
    try:
        assert run(bus, '--ro-bind=' + folder, '--', 'sh', '-c', 'cd %s && ! touch x 2>/dev/null' % folder)[0] == 0
        assert run(bus, '--bind=' + folder, '--', 'touch', folder + '/x')[0] == 0
        assert os.listdir(folder) == ['x']
    finally:
        shutil.rmtree(folder)


def test_no_capabilities_and_own_processes(bus):
    out = output(bus, '--', 'sh', '-c', 'grep -E "^(CapEff|CapPrm|NoNewPrivs)" /proc/self/status; ls -d /proc/[0-9]* | wc -l')
    values = out.split()
    assert values[values.index('CapEff:') + 1] == values[values.index('CapPrm:') + 1] == '0' * 16
    assert values[values.index('NoNewPrivs:') + 1] == '1' and int(values[-1]) < 8


@pytest.mark.parametrize('path', ['/', '/run', '/tmp', '/proc'])
def test_binds_that_would_bring_a_bus_back(bus, path):
    for option in ('--bind', '--ro-bind'):
        status, _, err = run(bus, '%s=%s' % (option, path), '--', 'true')
        assert status == 125 and 'back into reach' in err and option in err


# ---- lifetime ----

def instances(bus):
    """The sockets of the containers that there are."""
    folder = bus.runtime + '/dbus-1/containers'
    return os.listdir(folder) if os.path.isdir(folder) else []


def test_instance_ends_with_the_command(bus):
    with bus.connect() as c:
        c.match("type='signal',interface='%s'" % CONTAINERS)
        assert run(bus, '--', 'true')[0] == 0
        assert c.wait_signal('InstanceRemoved')
    assert instances(bus) == []


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM])
def test_instance_ends_with_postern_run(bus, number):
    marker = '7%d%d' % (os.getpid(), number)
    process = start(bus, '--', 'sleep', marker)
    assert wait_for(lambda: running(marker))
    assert len(instances(bus)) == 1
    process.send_signal(number)
    process.wait(10)
    assert wait_for(lambda: not running(marker))
    assert wait_for(lambda: instances(bus) == [])
    if number == signal.SIGTERM:
        assert process.returncode == 128 + number


def running(argument):
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/cmdline' % pid, 'rb') as f:
                if f.read() == b'sleep\0' + argument.encode() + b'\0':
                    return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_handed_on(bus, number):
    process = start(bus, '--', 'sh', '-c', 'trap "exit 7" TERM INT HUP USR1; echo ready; while :; do sleep 0.05; done')
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(number)
    assert process.wait(10) == 7


def test_background_processes_end(bus):
    marker = '8%d' % os.getpid()
    assert run(bus, '--', 'sh', '-c', 'sleep %s >/dev/null 2>&1 & sleep 0.2' % marker)[0] == 0
    assert wait_for(lambda: not running(marker))


# ---- errors ----

@pytest.mark.parametrize('options, words', [
    (['--bogus', '--', 'true'], ['--bogus']),
    (['--talk'], ['--talk']),
    (['--help=x'], ['--help']),
    ([], ['no command']),
    (['--talk=not a name', '--', 'true'], ['--talk=not a name']),
    (['--own=org.freedesktop.DBus', '--', 'true'], ['--own=org.freedesktop.DBus']),
    (['--call=com.example.A=x.y.z.@', '--', 'true'], ['--call=com.example.A=x.y.z.@']),
    (['--type=nodots', '--', 'true'], ['--type=nodots']),
    (['--mode=loose', '--', 'true'], ['--mode=loose']),
    (['--mode=identify', '--talk=com.example.A', '--', 'true'], ['--talk=com.example.A', 'identify']),
    (['--bind=/nonexistent', '--', 'true'], ['--bind=/nonexistent']),
    (['--address=unix:path=/nonexistent/bus', '--', 'true'], ['unix:path=/nonexistent/bus']),
    (['--address=nonsense', '--', 'true'], ['--address']),
])
def test_faulty_command_lines(bus, options, words):
    status, out, err = run(bus, *options)
    assert status == 125 and out == '' and err.startswith('postern-run: ') and err.count('\n') == 1
    for word in words:
        assert word in err


def test_no_bus(bus):
    env = {k: v for k, v in bus.env().items() if k != 'XDG_RUNTIME_DIR'}
    status, _, err = run(bus, '--', 'true', env=env)
    assert status == 125 and 'no session bus' in err and '--address' in err


def test_finds_the_bus_in_the_runtime_folder(new_bus):
    bus = new_bus.start(text=config_text('unix:path=%s/bus' % new_bus.runtime))
    assert run(bus, '--', 'true', env=bus.env())[0] == 0


def test_bus_without_containers(new_bus):
    bus = new_bus.start(args=['--module=none'])
    status, _, err = run(bus, '--', 'true')
    assert status == 125 and 'Containers1' in err and bus.address.partition(',')[0] in err


def test_bus_without_a_place_for_sockets(new_bus):
    new_bus.runtime = ''
    bus = new_bus.start()
    status, _, err = run(bus, '--', 'true')
    assert status == 125 and 'XDG_RUNTIME_DIR' in err
    with bus.connect() as c:
        assert c.error('AddServer', 'ssa{sv}a{sv}', 'com.example.Type', '', {}, {}, iface=CONTAINERS) == 'org.freedesktop.DBus.Error.Failed'


def test_no_bubblewrap(bus):
    empty = tempfile.mkdtemp(prefix='pt')
    try:
        status, _, err = run(bus, '--', '/bin/true', env=bus.env(DBUS_SESSION_BUS_ADDRESS=bus.address, PATH=empty))
        assert status == 125 and 'package bubblewrap' in err
        assert instances(bus) == []
    finally:
        shutil.rmtree(empty)


def test_bubblewrap_that_fails(bus):
    folder = tempfile.mkdtemp(prefix='pt')
    try:
        with open(folder + '/bwrap', 'w') as f:
            f.write('#!/bin/sh\necho no sandbox today >&2\nexit 1\n')
        os.chmod(folder + '/bwrap', 0o755)
        status, _, err = run(bus, '--', '/bin/true', env=bus.env(DBUS_SESSION_BUS_ADDRESS=bus.address, PATH=folder))
        assert status == 125 and 'no sandbox today' in err and 'bubblewrap did not run' in err
        assert wait_for(lambda: instances(bus) == [])
    finally:
        shutil.rmtree(folder)


def test_not_from_inside_a_container(bus):
    """The sandbox has no capabilities; what refuses first is the bus."""
    status, _, err = run(bus, '--ro-bind=' + os.path.abspath(BUILD), '--', os.path.abspath(RUN), '--', 'true')
    assert status == 125 and 'in a container itself' in err
