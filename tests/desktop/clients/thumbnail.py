# SPDX-License-Identifier: LGPL-2.1-or-later
"""Has a thumbnail made. usage: thumbnail.py FILE TYPE. Prints the signals that came for it."""
import sys

from gi.repository import Gio, GLib

NAME, PATH = 'org.freedesktop.thumbnails.Thumbnailer1', '/org/freedesktop/thumbnails/Thumbnailer1'
loop = GLib.MainLoop()
bus = Gio.bus_get_sync(Gio.BusType.SESSION)


def heard(connection, sender, path, interface, member, parameters):
    print(member, *parameters.unpack())
    if member == 'Finished':
        loop.quit()


bus.signal_subscribe(NAME, NAME, None, PATH, None, 0, heard)
bus.call_sync(NAME, PATH, NAME, 'Queue', GLib.Variant('(asasssu)', (['file://' + sys.argv[1]], [sys.argv[2]], 'normal', 'default', 0)),
              GLib.VariantType('(u)'), 0, 20000)
GLib.timeout_add_seconds(20, lambda: sys.exit('never finished'))
loop.run()
