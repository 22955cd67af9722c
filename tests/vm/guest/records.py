# SPDX-License-Identifier: LGPL-2.1-or-later
"""The audit system of the kernel: what a test heard of it, and what it passes out of the guest for the tools that read such records."""
import socket
import struct
import time

NETLINK_AUDIT, READLOG = 9, 1  # the group that everybody with CAP_AUDIT_READ may join
USER_AVC = 1107
HEADER = struct.Struct('=IHHII')

kept = []  # of this test, which main.py hands to the host


def keep(text):
    kept.append(text)


class Listener:
    """Hears all records from now on."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_AUDIT)
        self.sock.bind((0, 1 << READLOG - 1))
        self.heard = []

    def wait(self, *words, type=USER_AVC, timeout=10):
        """The first record of a type with all these words; it is taken away."""
        end = time.monotonic() + timeout
        while True:
            for record in self.heard:
                if record[0] == type and all(word in record[1] for word in words):
                    self.heard.remove(record)
                    return record[1]
            self.sock.settimeout(max(end - time.monotonic(), 0.001))
            try:
                data = self.sock.recv(1 << 16)
            except (TimeoutError, socket.timeout):
                raise AssertionError('no record of type %d has %s; there were %s' % (type, words, self.heard[-5:]))
            kind = HEADER.unpack_from(data)[1]
            self.heard.append((kind, data[HEADER.size:].rstrip(b'\0\n').decode(errors='replace')))

    def drop(self):
        """Forgets what was heard so far, and returns it."""
        heard = self.heard
        self.heard = []
        while True:
            try:
                self.sock.settimeout(0.2)
                data = self.sock.recv(1 << 16)
            except (TimeoutError, socket.timeout):
                return heard
            heard.append((HEADER.unpack_from(data)[1], data[HEADER.size:].decode(errors='replace')))

    def close(self):
        self.sock.close()

    __enter__ = lambda self: self
    __exit__ = lambda self, *_: self.close()
