# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints every application, its windows and the names of what is in them, as a screen reader sees them."""
import pyatspi

for app in pyatspi.Registry.getDesktop(0):
    for window in app or ():
        inside = pyatspi.findAllDescendants(window, lambda x: bool(x.name))
        print('%s: %s: %s' % (app.name, window.name, ', '.join(sorted({x.name for x in inside}))))
