#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small application with one action, for its desktop and service files to start. usage: late.py FILE: what is said goes there"""
import sys

from gi.repository import Gio, GLib

app = Gio.Application(application_id='com.example.Late', flags=Gio.ApplicationFlags.IS_SERVICE)
say = Gio.SimpleAction.new('say', GLib.VariantType('s'))


def said(action, parameter):
    with open(sys.argv[1], 'a') as f:
        f.write(parameter.get_string() + '\n')


say.connect('activate', said)
app.add_action(say)
app.connect('activate', lambda app: None)
app.set_inactivity_timeout(60000)
sys.exit(app.run(sys.argv[:1]))
