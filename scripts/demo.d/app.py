#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The app in the container. It reads the name of an attempt per line, makes it with a stock D-Bus client, and answers with one
line of JSON: what the client saw."""
import json
import os
import re
import subprocess
import sys
import time

import dbus
import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

NOTES = ('org.example.Notes', '/org/example/Notes')
PORTAL = ('org.example.Portal', '/org/example/portal')
SETTINGS = ('org.example.Settings', '/org/example/Settings')
STORE = 'org.example.Settings.Store'
VAULT = ('org.example.Vault', '/org/example/Vault')
DRIVER = ('org.freedesktop.DBus', '/org/freedesktop/DBus')


def run(*argv):
    """What a command-line client printed: its answer, or the D-Bus error that it tells of."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
    if done.returncode == 0:
        return ' '.join(done.stdout.split())
    error = re.search(r'org\.freedesktop\.DBus\.Error\.(\w+)', done.stderr)
    return error.group(1) if error else ' '.join(done.stderr.split()).rpartition(': ')[2]


def gdbus(peer, method, *args):
    return run('gdbus', 'call', '--session', '--dest', peer[0], '--object-path', peer[1], '--method', method, *args)


def dbus_send(peer, method, *args):
    return run('dbus-send', '--session', '--print-reply=literal', '--dest=' + peer[0], peer[1], method, *args)


def busctl(peer, interface, member, *args):
    return run('busctl', '--user', 'call', *peer, interface, member, *args)


def python(peer, interface, member, *args):
    """A call with dbus-python, on the one connection that this program keeps."""
    try:
        return session().get_object(*peer, introspect=False).get_dbus_method(member, interface)(*args)
    except dbus.DBusException as e:
        return e.get_dbus_name().rpartition('.')[2]


def session():
    return dbus.SessionBus()


def own(name):
    try:
        return {1: 'PrimaryOwner'}.get(session().request_name(name), 'other answer')
    except dbus.DBusException as e:
        return e.get_dbus_name().rpartition('.')[2]


def pass_file(peer):
    r, w = os.pipe()
    os.write(w, b'from the app')
    os.close(w)
    try:
        return python(peer, peer[0], 'TakeFile', dbus.types.UnixFd(r))
    finally:
        os.close(r)


def receive_file(peer, method='GiveFile', *args):
    answer = python(peer, peer[0], method, *args)
    if not isinstance(answer, dbus.types.UnixFd):
        return answer
    with os.fdopen(answer.take()) as file:
        return file.read()


def receive_after(trigger):
    """Asks the portal again, when somebody has been told by a line on standard input."""
    print(json.dumps('waiting'), flush=True)
    trigger()
    return receive_file(PORTAL, 'OpenFile', 'letter')


def own_setting():
    store = (SETTINGS[0], python(SETTINGS, SETTINGS[0], 'Open'))
    python(store, STORE, 'Set', 'colour', 'red')
    return python(store, STORE, 'Get', 'colour')


def answer_twice():
    """Asks the service to call us back, and answers that one call with two replies."""
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)

    def on_message(_, message, incoming):
        if not incoming or message.get_message_type() != Gio.DBusMessageType.METHOD_CALL or message.get_member() != 'Ping':
            return message
        for text in ('first', 'second'):
            reply = Gio.DBusMessage.new_method_reply(message)
            reply.set_body(GLib.Variant('(s)', (text,)))
            bus.send_message(reply, Gio.DBusSendMessageFlags.NONE)
        return None

    handler = bus.add_filter(on_message)
    answer = bus.call_sync(*NOTES, NOTES[0], 'CallBack', GLib.Variant('(s)', (bus.get_unique_name(),)), None,
                           Gio.DBusCallFlags.NONE, 10000, None).unpack()[0]
    bus.remove_filter(handler)
    return 'service got: ' + ', '.join(answer)


def list_names():
    return ' '.join(sorted(n for n in python(DRIVER, DRIVER[0], 'ListNames') if not n.startswith(':')))


def broadcast():
    """A signal to everybody; then asks the service, which listens, what it heard."""
    run('gdbus', 'emit', '--session', '--object-path', '/org/example/App', '--signal', 'org.example.App.Hello', 'hi')
    return 'service heard: ' + ', '.join(python(NOTES, NOTES[0], 'Heard'))


def hear(trigger):
    """Which broadcasts arrive when two services make one each? They make them when told by a line on standard input."""
    heard = []
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    for peer in (NOTES, VAULT):
        # By interface: GDBus itself would drop signals of a sender whose name it cannot resolve.
        bus.signal_subscribe(None, peer[0], None, None, None, Gio.DBusSignalFlags.NONE,
                             lambda _bus, _sender, _path, interface, member, _args: heard.append(member))
    python(DRIVER, DRIVER[0], 'GetId')
    print(json.dumps('listening'), flush=True)
    trigger()
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        GLib.MainContext.default().iteration(False)
        time.sleep(0.01)
    return 'heard: ' + ', '.join(heard)


def real_bus(path):
    return run('dbus-send', '--bus=unix:path=' + path, '--print-reply=literal', '--dest=' + DRIVER[0], DRIVER[1], DRIVER[0] + '.GetId')


def attempt(step, *args):
    return {
        'call-allowed': lambda: gdbus(NOTES, NOTES[0] + '.Echo', 'hello'),
        'call-portal': lambda: dict(python(PORTAL, PORTAL[0], 'WhoAmI')),
        'call-forbidden': lambda: dbus_send(VAULT, VAULT[0] + '.Open'),
        'call-nobody': lambda: dbus_send(('org.example.Nobody', '/'), 'org.example.Nobody.Open'),
        'call-other-interface': lambda: busctl(PORTAL, 'org.freedesktop.DBus.Peer', 'Ping'),
        'own-own': lambda: own('org.example.App'),
        'own-foreign': lambda: own('org.example.Bank'),
        'send-fd': lambda: pass_file(NOTES),
        'send-fd-denied': lambda: pass_file(PORTAL),
        'receive-fd': lambda: receive_file(NOTES),
        'portal-file': lambda: receive_file(PORTAL, 'OpenFile', 'letter'),
        'portal-file-agreed': lambda: receive_after(sys.stdin.readline),
        'settings-open': lambda: gdbus(SETTINGS, SETTINGS[0] + '.Open'),
        'settings-own': own_setting,
        'settings-foreign': lambda: busctl((SETTINGS[0], SETTINGS[1] + '/host'), STORE, 'Get', 's', 'colour'),
        'answer-twice': answer_twice,
        'list': list_names,
        'owner-hidden': lambda: busctl(DRIVER, DRIVER[0], 'GetNameOwner', 's', VAULT[0]),
        'broadcast': broadcast,
        'hear': lambda: hear(sys.stdin.readline),
        'nest': lambda: python(DRIVER, 'org.freedesktop.DBus.Containers1', 'AddServer', 'org.example.Inner', 'x',
                               dbus.Dictionary(signature='sv'), dbus.Dictionary(signature='sv')),
        'monitor': lambda: python(DRIVER, 'org.freedesktop.DBus.Monitoring', 'BecomeMonitor', dbus.Array(signature='s'), dbus.UInt32(0)),
        'real-bus': lambda: real_bus(*args),
    }[step]()


def main():
    for line in iter(sys.stdin.readline, ''):
        try:
            saw = attempt(*line.split())
        except Exception as e:  # to be shown in the table, where it is not what was expected
            saw = '%s: %s' % (type(e).__name__, e)
        print(json.dumps(saw), flush=True)


main()
