#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An ordinary service that the app may talk to: org.example.Notes, with GDBus."""
import os
import threading
import time

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

NAME, PATH = 'org.example.Notes', '/org/example/Notes'
INTERFACE = """<node><interface name='org.example.Notes'>
  <method name='Echo'><arg type='s' direction='in'/><arg type='s' direction='out'/></method>
  <method name='TakeFile'><arg type='h' direction='in'/><arg type='s' direction='out'/></method>
  <method name='GiveFile'><arg type='h' direction='out'/></method>
  <method name='CallBack'><arg type='s' direction='in'/><arg type='as' direction='out'/></method>
  <method name='Heard'><arg type='as' direction='out'/></method>
  <method name='Announce'/>
</interface></node>"""


class Notes:
    def __init__(self, bus):
        self.bus, self.heard, self.replies, self.peer = bus, [], [], None
        bus.register_object(PATH, Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0], self.called, None, None)
        bus.signal_subscribe(None, 'org.example.App', None, None, None, Gio.DBusSignalFlags.NONE, self.on_signal)
        bus.add_filter(self.on_message)

    def on_message(self, bus, message, incoming):
        """Runs in GDBus's own thread, before GDBus matches replies to calls: sees every reply that really arrives."""
        if incoming and message.get_sender() == self.peer and message.get_message_type() == Gio.DBusMessageType.METHOD_RETURN:
            self.replies.append(message.get_body().get_child_value(0).get_string())
        return message

    def on_signal(self, bus, sender, path, interface, member, parameters):
        self.heard.append(member)

    def called(self, bus, sender, path, interface, method, parameters, invocation):
        getattr(self, method)(invocation, *parameters.unpack())

    def Echo(self, invocation, text):
        invocation.return_value(GLib.Variant('(s)', (text,)))

    def TakeFile(self, invocation, index):
        fds = invocation.get_message().get_unix_fd_list()
        fd = fds.get(index)
        with os.fdopen(fd) as file:
            invocation.return_value(GLib.Variant('(s)', (file.read(),)))

    def GiveFile(self, invocation):
        r, w = os.pipe()
        os.write(w, b'from the service')
        os.close(w)
        fds = Gio.UnixFDList.new()
        fds.append(r)
        os.close(r)
        invocation.return_value_with_unix_fd_list(GLib.Variant('(h)', (0,)), fds)

    def CallBack(self, invocation, peer):
        """Calls the peer and tells which replies came, all of them."""
        threading.Thread(target=self.call_back, args=(invocation, peer)).start()

    def call_back(self, invocation, peer):
        call = Gio.DBusMessage.new_method_call(peer, '/', 'org.example.App', 'Ping')
        self.replies.clear()
        self.peer = peer  # before the call: the reply may be here before we know the call's serial
        self.bus.send_message(call, Gio.DBusSendMessageFlags.NONE)
        for _ in range(50):  # the first comes when it comes, a second would be right behind it
            time.sleep(0.1)
            if self.replies:
                break
        time.sleep(0.5)
        invocation.return_value(GLib.Variant('(as)', (list(self.replies),)))

    def Heard(self, invocation):
        invocation.return_value(GLib.Variant('(as)', (self.heard,)))

    def Announce(self, invocation):
        self.bus.emit_signal(None, PATH, NAME, 'News', GLib.Variant('(s)', ('good news',)))
        invocation.return_value(None)


def main():
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    notes = Notes(bus)
    Gio.bus_own_name_on_connection(bus, NAME, Gio.BusNameOwnerFlags.NONE, lambda *_: print('ready', flush=True), None)
    GLib.MainLoop().run()
    del notes


main()
