#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service that the daemons start. usage: service.py NAME [HOW]

HOW: late (takes its time), exit=N, kill, idle (never takes the name), other=NAME (takes that one), fork (goes to the background).
Answers Report with what it has got until then, Variables with values of its environment, Arguments with those it was started with;
Quit ends it."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'system'))
from wirebus import CALL, NO_REPLY, RETURN, Closed, Conn  # noqa: E402


def prepare(how):
    if how == 'late':
        time.sleep(0.3)
    elif how.startswith('exit='):
        sys.exit(int(how[5:]))
    elif how == 'kill':
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == 'idle':
        time.sleep(30)
        sys.exit(0)
    elif how == 'fork' and os.fork():
        os._exit(0)


def answer(c, m, heard):
    if m.member == 'Report':
        c.reply(m, 'as', heard)
    elif m.member == 'Variables':
        c.reply(m, 'as', [os.environ.get(v, '(unset)') for v in m.body])
    elif m.member == 'Arguments':
        c.reply(m, 'as', sys.argv[1:])
    elif not m.flags & NO_REPLY:
        c.reply(m, 's', 'from the service')


def main(name, how=''):
    signal.alarm(30)
    prepare(how)
    heard = []
    c = Conn(os.environ['DBUS_STARTER_ADDRESS'])
    serial = c.send_call('RequestName', 'su', how[6:] if how.startswith('other=') else name, 0)
    for m in c.inbox:
        heard.append(m.member)
    c.inbox = []
    try:
        while True:
            m = c.next(30)
            heard.append('RequestName' if m.type == RETURN and m.reply_serial == serial else m.member or str(m.type))
            if m.member == 'Quit':
                return
            if m.type == CALL:
                answer(c, m, heard)
    except Closed:
        pass


main(*sys.argv[1:3])
