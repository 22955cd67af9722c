# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks the portal for a file and cancels the dialog that comes up, as a screen reader would. Prints what the portal answered."""
import sys

import pyatspi
from gi.repository import Gio, GLib

TITLE = 'Choose one'
PORTAL, PATH = 'org.freedesktop.portal.Desktop', '/org/freedesktop/portal/desktop'
loop = GLib.MainLoop()
bus = Gio.bus_get_sync(Gio.BusType.SESSION)


def answered(connection, sender, path, interface, member, parameters):
    print('%s answered %d' % (path, parameters.unpack()[0]))
    loop.quit()


def press_cancel():
    for app in pyatspi.Registry.getDesktop(0):
        for window in app or ():
            if window.name == TITLE:
                button = pyatspi.findDescendant(window, lambda x: x.name == 'Cancel' and x.getRole() == pyatspi.ROLE_PUSH_BUTTON)
                if button:
                    print('%s shows "%s"' % (app.name, window.name))
                    button.queryAction().doAction(0)
                    return False
    return True


bus.signal_subscribe(PORTAL, PORTAL.replace('Desktop', 'Request'), 'Response', None, None, 0, answered)
bus.call_sync(PORTAL, PATH, 'org.freedesktop.portal.FileChooser', 'OpenFile', GLib.Variant('(ssa{sv})', ('', TITLE, {})),
              GLib.VariantType('(o)'), 0, 20000)
GLib.timeout_add(100, press_cancel)
GLib.timeout_add_seconds(20, lambda: sys.exit('no answer'))
loop.run()
