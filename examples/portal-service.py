#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service that hands out what a container cannot reach itself, after a person has agreed: org.example.Portal, with GDBus.

usage: portal-service.py FOLDER

Everybody may call it; that is granted to all containers when it starts, for its own path alone. Who is in no container reads the files in
FOLDER anyway: it gets what it asks for. An app in a container gets a file only after somebody outside has consented, once, for that app;
consent belongs to the app (whom its container's manager names by type and name), so that it holds for the next container of the same app.

    WhoAmI() -> a{ss}                what the portal knows of its caller
    OpenFile(s file) -> h            a descriptor to read the file in FOLDER from
    Consent(s type, s name, b yes)   from outside of containers alone: what a dialog would call
"""
import os
import struct
import sys

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

NAME, PATH = 'org.example.Portal', '/org/example/portal'
DRIVER, DRIVER_PATH = 'org.freedesktop.DBus', '/org/freedesktop/DBus'
CONTAINERS, MEDIATOR = 'org.freedesktop.DBus.Containers1', 'org.postern.Mediator1'
ERROR = 'org.freedesktop.DBus.Error.'
CALL, RECEIVE_FDS, PATH_SUBTREE = 0x02, 0x20, 0x200  # bits of a rule: docs/containers.md, "Rules"
INSTANCE_FIELD = 10  # header field: the sender's container instance; written by the bus alone
INTERFACE = """<node><interface name='org.example.Portal'>
  <method name='WhoAmI'><arg type='a{ss}' direction='out'/></method>
  <method name='OpenFile'><arg type='s' name='file' direction='in'/><arg type='h' direction='out'/></method>
  <method name='Consent'><arg type='s' name='type' direction='in'/><arg type='s' name='name' direction='in'/><arg type='b' name='yes' direction='in'/></method>
</interface></node>"""


class Refused(Exception):
    def __init__(self, name, text):
        super().__init__(text)
        self.name, self.text = name, text


def header_field(message, wanted):
    """One string field of a message's header, or None. In C this is g_dbus_message_get_header(); PyGObject's takes only the numbers that
    it knows itself, so the bytes are read: after 12 bytes an array of (byte, variant), each beginning at a multiple of 8."""
    blob = message.to_blob(Gio.DBusCapabilityFlags.UNIX_FD_PASSING)
    order = '<' if blob[0] == ord('l') else '>'
    pos, end = 16, 16 + struct.unpack_from(order + 'I', blob, 12)[0]
    while pos < end:
        pos = (pos + 7) & ~7
        field, signature, pos = blob[pos], chr(blob[pos + 2]), pos + 4
        if signature in 'so':
            length, = struct.unpack_from(order + 'I', blob, pos)
            if field == wanted:
                return blob[pos + 4:pos + 4 + length].decode()
            pos += 4 + length + 1
        elif signature == 'g':
            pos += blob[pos] + 2
        elif signature == 'u':
            pos += 4
        else:
            return None  # a field that has no business here: GDBus writes those it knows in front
    return None


class Portal:
    def __init__(self, bus, folder):
        self.bus, self.folder = bus, os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.apps = {}       # instance -> (type, name): as long as the instance lives
        self.consents = set()  # (type, name)
        self.knows_instances = self.prepare()

    # ---- what is asked of the bus; it answers at once
    def ask_bus(self, interface, member, arguments=None):
        return self.bus.call_sync(DRIVER, DRIVER_PATH, interface, member, arguments, None, Gio.DBusCallFlags.NONE, 5000, None).unpack()

    def prepare(self):
        """Before anybody can call: header field 10 also of who is in no container, and that containers may call at all."""
        self.bus.signal_subscribe(DRIVER, CONTAINERS, 'InstanceRemoved', DRIVER_PATH, None, Gio.DBusSignalFlags.NONE,
                                  lambda *args: self.apps.pop(args[5].unpack()[0], None))
        try:
            self.ask_bus(CONTAINERS, 'RequestHeader')
        except GLib.Error:
            print('portal-service: this bus knows nothing of containers', file=sys.stderr)
            return False
        try:
            # The fds bit is about what containers may receive from us: the answers of OpenFile.
            rules = [(CALL | RECEIVE_FDS | PATH_SUBTREE, '', PATH, NAME)]
            self.ask_bus(MEDIATOR, 'Grant', GLib.Variant('(a{sv}a(usos))', ({}, rules)))
        except GLib.Error as e:
            print('portal-service: containers reach this only by rules of their own:', e.message, file=sys.stderr)
        return True

    # ---- who is calling
    def app_of(self, message):
        """(type, name) of the app; None: the caller is in no container. Raises Refused when the bus does not say which."""
        if not self.knows_instances:
            return None  # there are no containers here; what a client writes into that field means nothing
        instance = header_field(message, INSTANCE_FIELD)
        if instance is None:
            raise Refused(ERROR + 'AccessDenied', 'The bus does not say who you are')
        if instance == '/':
            return None
        if instance not in self.apps:
            _, kind, name, _ = self.ask_bus(CONTAINERS, 'GetInstanceInfo', GLib.Variant('(o)', (instance,)))
            self.apps[instance] = (kind, name)
        return self.apps[instance]

    # ---- methods; each returns what it answers, and a descriptor or None
    def WhoAmI(self, app):
        known = {'place': 'outside'} if app is None else {'place': 'container', 'type': app[0], 'name': app[1]}
        return GLib.Variant('(a{ss})', (known,)), None

    def OpenFile(self, app, file):
        if app is not None and app not in self.consents:
            raise Refused(NAME + '.Error.NoConsent', 'Nobody has agreed to that yet')
        # One plain file in the folder: no way out of it, and nothing that could make us wait.
        if '/' in file or file in ('', '.', '..'):
            raise Refused(ERROR + 'InvalidArgs', 'That is not the name of a file')
        try:
            return GLib.Variant('(h)', (0,)), os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self.folder)
        except OSError as e:
            raise Refused(ERROR + 'FileNotFound', e.strerror)

    def Consent(self, app, kind, name, yes):
        if app is not None:
            raise Refused(ERROR + 'AccessDenied', 'Apps do not consent for people')
        (self.consents.add if yes else self.consents.discard)((kind, name))
        return None, None

    def called(self, bus, sender, path, interface, method, arguments, invocation):
        try:
            answer, fd = getattr(self, method)(self.app_of(invocation.get_message()), *arguments.unpack())
        except Refused as e:
            invocation.return_dbus_error(e.name, e.text)
        except GLib.Error as e:
            invocation.return_dbus_error(ERROR + 'Failed', e.message)  # of the bus: the instance has just ended
        else:
            if fd is None:
                invocation.return_value(answer)
            else:
                fds = Gio.UnixFDList.new()
                fds.append(fd)  # a copy
                os.close(fd)
                invocation.return_value_with_unix_fd_list(answer, fds)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    loop = GLib.MainLoop()
    bus = Gio.bus_get_sync(Gio.BusType.STARTER if 'DBUS_STARTER_ADDRESS' in os.environ else Gio.BusType.SESSION, None)
    portal = Portal(bus, sys.argv[1])
    bus.register_object(PATH, Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0], portal.called, None, None)
    Gio.bus_own_name_on_connection(bus, NAME, Gio.BusNameOwnerFlags.DO_NOT_QUEUE, lambda *_: print('ready', flush=True), lambda *_: loop.quit())
    loop.run()
    sys.exit('portal-service: the name %s is taken, or not ours to have' % NAME)


main()
