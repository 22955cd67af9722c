# SPDX-License-Identifier: LGPL-2.1-or-later
"""When all has been used: what the monitors saw, what introspection shows, and that everything goes with its bus."""
import os
import signal

import stage
from buses import DRIVER, TIMEOUT, owner, processes, read, wait_for


def owned(place, bus):
    lines = place.run('busctl', bus, 'list', '--acquired', '--no-legend').splitlines()
    return [line.split()[0] for line in lines if not line.startswith(':')]


def walk(place, bus):
    """Every owned name has objects that introspect; returns how many names. Some services leave when nobody asks for a while."""
    assert '/org/freedesktop/DBus\n' in place.run('busctl', bus, 'tree', '--list', DRIVER)
    assert 'org.freedesktop.DBus.Peer' in place.run('busctl', bus, 'introspect', DRIVER, '/org/freedesktop/DBus')
    walked = 0
    for name in owned(place, bus):
        tree = place.ran('busctl', bus, 'tree', '--list', name)
        if not owner(place, name, bus):
            continue
        assert tree.returncode == 0 and tree.stdout.startswith('/'), (name, tree)
        for path in tree.stdout.splitlines()[-1:] if name != DRIVER else ():
            assert '<node' in place.run('busctl', bus, 'introspect', '--xml-interface', name, path)
        walked += 1
    return walked


def test_session_is_walked(session):
    assert walk(session.place, '--user') > 20
    session.place.run('busctl', '--user', 'tree')


def test_system_is_walked(system):
    assert walk(system.root, '--system') > 9


def assert_all_was_seen(monitors, texts):
    for monitor in monitors:
        assert monitor.poll() is None, read(monitor.log_path)[-2000:]
        seen = read(monitor.log_path)
        for text in texts:
            assert text in seen, '%s was not seen by %s' % (text, monitor.args[0])


def test_monitors_of_the_session(session):
    """Both lived through all of it, and saw it: calls, the arrival of each service, the signals of the bus."""
    assert_all_was_seen(session.monitors, [name for name in owned(session.place, '--user') if name != DRIVER] + [
        'NameOwnerChanged', 'NameAcquired', 'StartServiceByName', 'Notify', 'CreateItem', 'RequestName'])


def test_monitors_of_the_system(system):
    """They saw also what others were refused, and the refusal."""
    assert_all_was_seen(system.monitors, [name for name in owned(system.root, '--system') if name != DRIVER] + [
        'NameOwnerChanged', 'NameAcquired', 'CheckAuthorization', 'SetHostName', 'org.freedesktop.DBus.Error.AccessDenied',
        'org.freedesktop.DBus.Error.Spawn.ChildExited'])


def test_session_ends(session):
    """A log-out: the bus goes, then the display, and every service of the user is gone."""
    monitors = [m.pid for m in session.monitors]
    assert len(processes(stage.UID)) > 20
    session.bus.stop()
    assert not os.path.exists(session.place.env['XDG_RUNTIME_DIR'] + '/bus')
    assert wait_for(lambda: not any(pid in processes() for pid in monitors)), 'a monitor survives its bus'
    session.display.send_signal(signal.SIGTERM)
    session.display.wait(TIMEOUT)
    for p in session.place.children:
        p.poll()
    left = wait_for(lambda: not processes(stage.UID)) or processes(stage.UID)
    assert left is True, left


def test_system_ends(system):
    for p in system.root.children[1:]:
        p.terminate()
        p.wait(TIMEOUT)
    system.bus.stop()
    assert not os.path.exists('/run/dbus/system_bus_socket')
    left = wait_for(lambda: len(processes()) <= 2) or processes()
    assert left is True, left
