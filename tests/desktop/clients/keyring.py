# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers the dialog that asks for a new keyring's password, as a screen reader would. usage: keyring.py PASSWORD"""
import sys
import time

import pyatspi


def fields():
    """The password fields of whatever dialog shows some, and its buttons."""
    for app in pyatspi.Registry.getDesktop(0):
        for window in app or ():
            entries = pyatspi.findAllDescendants(window, lambda x: x.getRole() == pyatspi.ROLE_PASSWORD_TEXT)
            if entries:
                return entries, pyatspi.findAllDescendants(window, lambda x: x.getRole() == pyatspi.ROLE_PUSH_BUTTON)
    return None


end = time.monotonic() + 20
while not fields():
    if time.monotonic() > end:
        sys.exit('no dialog')
    time.sleep(0.1)
entries, buttons = fields()
for entry in entries:
    entry.queryEditableText().setTextContents(sys.argv[1])
print('%d fields, buttons %s' % (len(entries), [b.name for b in buttons]))
next(b for b in buttons if b.name == 'Continue').queryAction().doAction(0)
