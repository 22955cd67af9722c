# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hands an open file to the document portal. usage: document.py FILE. Prints where others find it."""
import os
import sys

from gi.repository import Gio, GLib

PORTAL, PATH, INTERFACE = 'org.freedesktop.portal.Documents', '/org/freedesktop/portal/documents', 'org.freedesktop.portal.Documents'
bus = Gio.bus_get_sync(Gio.BusType.SESSION)


def call(method, arguments, reply, fds=None):
    return bus.call_with_unix_fd_list_sync(PORTAL, PATH, INTERFACE, method, arguments, GLib.VariantType(reply), 0, 20000, fds)[0].unpack()


with open(sys.argv[1], 'rb') as f:
    fds = Gio.UnixFDList.new()
    document, = call('Add', GLib.Variant('(hbb)', (fds.append(f.fileno()), False, False)), '(s)', fds)
mount, = call('GetMountPoint', None, '(ay)')
assert call('Info', GLib.Variant('(s)', (document,)), '(aya{sas})')[0] == list(os.fsencode(sys.argv[1]) + b'\0')
print(os.path.join(bytes(mount).rstrip(b'\0').decode(), document, os.path.basename(sys.argv[1])))
