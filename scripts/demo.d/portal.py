#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A portal-like service: it has to know which app calls, and takes three ways to find out. org.example.Portal, with GDBus."""
import struct

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

NAME, PATH = 'org.example.Portal', '/org/example/Portal'
INSTANCE_FIELD = 10  # header field with the sender's container instance, set by the bus
INTERFACE = """<node><interface name='org.example.Portal'>
  <method name='WhoAmI'><arg type='a{ss}' direction='out'/></method>
  <method name='TakeFile'><arg type='h' direction='in'/><arg type='s' direction='out'/></method>
  <method name='GiveFile'><arg type='h' direction='out'/></method>
</interface></node>"""


def header_field(message, wanted):
    """One string field of a message's header, or None. PyGObject's get_header() takes only the field numbers that it knows itself."""
    blob = message.to_blob(Gio.DBusCapabilityFlags.UNIX_FD_PASSING)
    order = '<' if blob[0] == ord('l') else '>'
    pos, end = 16, 16 + struct.unpack_from(order + 'I', blob, 12)[0]
    while pos < end:
        pos = (pos + 7) & ~7
        field, signature, pos = blob[pos], chr(blob[pos + 2]), pos + 4
        if signature in 'so':
            size = 4 + struct.unpack_from(order + 'I', blob, pos)[0] + 1
            if field == wanted:
                return blob[pos + 4:pos + size - 1].decode()
        else:
            size = 4 if signature == 'u' else blob[pos] + 2
        pos += size
    return None


def ask_driver(bus, interface, member, *args):
    return bus.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', interface, member,
                         GLib.Variant('(%s)' % ('s' * len(args)), args), None, Gio.DBusCallFlags.NONE, 5000, None).unpack()


def who_calls(bus, message):
    """What is known of the sender: header, credentials, and the bus's own answer."""
    sender = message.get_sender()
    facts = {'header': header_field(message, INSTANCE_FIELD) or '(none)'}
    credentials = ask_driver(bus, 'org.freedesktop.DBus', 'GetConnectionCredentials', sender)[0]
    facts['credentials'] = ' '.join(str(credentials.get('org.freedesktop.DBus.Containers1.' + key, '-')) for key in ('Instance', 'Type', 'Name'))
    facts['source'] = str(credentials.get('org.postern.IdentitySource', '-'))
    try:
        instance, _, kind, name, _ = ask_driver(bus, 'org.freedesktop.DBus.Containers1', 'GetConnectionInstance', sender)
        facts['instance'] = ' '.join((instance, kind, name))
    except GLib.Error as e:
        facts['instance'] = Gio.DBusError.get_remote_error(e) or str(e)
    return facts


def called(bus, sender, path, interface, method, parameters, invocation):
    if method == 'WhoAmI':
        invocation.return_value(GLib.Variant('(a{ss})', (who_calls(bus, invocation.get_message()),)))
    elif method == 'GiveFile':
        fds = Gio.UnixFDList.new()
        with open('/dev/null') as null:
            fds.append(null.fileno())
        invocation.return_value_with_unix_fd_list(GLib.Variant('(h)', (0,)), fds)
    else:
        invocation.return_value(GLib.Variant('(s)', ('got it',)))


def main():
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    bus.register_object(PATH, Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0], called, None, None)
    Gio.bus_own_name_on_connection(bus, NAME, Gio.BusNameOwnerFlags.NONE, lambda *_: print('ready', flush=True), None)
    GLib.MainLoop().run()


main()
