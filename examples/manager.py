#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a program as an app in a container of the bus, with dbus-python: what a sandboxing tool does beside its sandbox.

usage: manager.py APP [NAME]... -- COMMAND [ARGUMENT]...

APP is what the container is called; the program may talk to the owners of the NAMEs, and own APP if that is a bus name. Nothing here keeps
the program from the real bus's socket: that is the sandbox's part.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

import dbus

DRIVER, DRIVER_PATH, CONTAINERS = 'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.Containers1'
SEE, CALL, HEAR, OWN, PATH_SUBTREE = 0x01, 0x02, 0x04, 0x08, 0x200  # bits of a rule: docs/containers.md, "Rules"


def rules_for(app, names):
    rules = [(SEE | CALL | HEAR | PATH_SUBTREE, name, dbus.ObjectPath('/'), '') for name in names]
    if '.' in app:
        rules.append((OWN | PATH_SUBTREE, app, dbus.ObjectPath('/'), ''))
    return dbus.Array(rules, signature='(usos)')


def add_server(bus, app, names, listener, ready, close):
    """The bus listens on our socket from when `ready` says so until `close` is closed at our end."""
    driver = dbus.Interface(bus.get_object(DRIVER, DRIVER_PATH), CONTAINERS)
    arguments = dbus.Dictionary({'Allow': rules_for(app, names), 'ListenFD': dbus.types.UnixFd(listener),
                                 'ReadyFD': dbus.types.UnixFd(ready), 'CloseFD': dbus.types.UnixFd(close)}, signature='sv')
    instance, _, address = driver.AddServer('org.example.Manager', app, dbus.Dictionary({}, signature='sv'), arguments)
    return str(instance), str(address)


def run(bus, app, names, command):
    folder = tempfile.mkdtemp(prefix='manager-', dir=os.environ.get('XDG_RUNTIME_DIR'))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    ready_theirs, ready = os.pipe()
    close_theirs, close = os.pipe()
    try:
        listener.bind(os.path.join(folder, 'bus'))
        _, address = add_server(bus, app, names, listener, ready_theirs, close_theirs)
        os.close(ready_theirs)
        os.close(close_theirs)
        # A manager may call AddServer before it has its sandbox, and say later that all is in place.
        listener.listen()
        listener.close()  # the bus has its own
        os.close(ready)
        return subprocess.run(command, env={**os.environ, 'DBUS_SESSION_BUS_ADDRESS': address}).returncode
    except OSError as e:
        print('manager: %s: %s' % (e.filename or command[0], e.strerror), file=sys.stderr)
        return 127
    finally:
        os.close(close)  # nobody gets in any more; it would be the same if we died
        shutil.rmtree(folder)


def main():
    if '--' not in sys.argv[2:] or sys.argv[-1] == '--':
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    end = sys.argv.index('--', 2)
    try:
        status = run(dbus.SessionBus(), sys.argv[1], sys.argv[2:end], sys.argv[end + 1:])
    except dbus.DBusException as e:
        sys.exit('manager: %s: %s' % (e.get_dbus_name(), e.get_dbus_message()))
    sys.exit(status if status >= 0 else 128 - status)


main()
