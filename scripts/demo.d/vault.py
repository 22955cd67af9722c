#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service that no rule lets the app near: org.example.Vault, with dbus-python."""
import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

NAME, PATH = 'org.example.Vault', '/org/example/Vault'


class Vault(dbus.service.Object):
    @dbus.service.method(NAME, in_signature='', out_signature='s')
    def Open(self):
        return 'the treasure'

    @dbus.service.method(NAME, in_signature='', out_signature='')
    def Announce(self):
        self.Secret('the treasure was moved')

    @dbus.service.signal(NAME, signature='s')
    def Secret(self, text):
        pass


def main():
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SessionBus()
    vault = Vault(dbus.service.BusName(NAME, bus), PATH)
    print('ready', flush=True)
    GLib.MainLoop().run()
    del vault


main()
