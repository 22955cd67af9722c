#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service that the bus starts: owns NAME on the bus that its environment names, answers, and writes down what it sees.

usage: sleeper.py NAME REPORT [daemon|late]
"""
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wirebus import Closed, Conn  # noqa: E402


def report(path, what):
    with open(path, 'a') as f:
        f.write(json.dumps(what) + '\n')


def inherited():
    """What came with us through execve()."""
    with open('/proc/self/status') as f:
        status = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
    fds = sorted(int(n) for n in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + n))  # less that of the listing
    return {'environment': dict(os.environ), 'fds': fds, 'stdin': os.readlink('/proc/self/fd/0'),
            'blocked': status['SigBlk'], 'ignored': int(status['SigIgn'], 16) & ~(1 << signal.SIGPIPE - 1) & ~(1 << signal.SIGXFSZ - 1) & ~(3 << 31)}  # Python's own, and the C library's


def main():
    name, path = sys.argv[1:3]
    how = sys.argv[3] if len(sys.argv) > 3 else ''
    first = inherited()
    if how == 'daemon' and os.fork() > 0:
        os._exit(0)
    signal.alarm(60)
    report(path, first)
    if how == 'late':
        time.sleep(0.3)
    conn = Conn(os.environ['DBUS_STARTER_ADDRESS'])
    conn.request_name(name)
    try:
        while True:
            m = conn.wait(lambda m: m.member not in ('NameAcquired', 'NameLost', None), timeout=60)
            report(path, {'member': m.member, 'sender': m.sender, 'body': [b for b in m.body if isinstance(b, (int, str))], 'fds': len(m.fds)})
            if m.member == 'Quit':
                return
            if m.member == 'Echo':
                conn.reply(m, m.signature or '', *m.body)
            for fd in m.fds:
                os.write(fd, b'from the service')
                os.close(fd)
    except (Closed, TimeoutError):
        pass


if __name__ == '__main__':
    main()
