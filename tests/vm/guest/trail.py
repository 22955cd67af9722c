# SPDX-License-Identifier: LGPL-2.1-or-later
"""What programs write to the trail of the kernel's audit system, as its readers get it."""
import re
import socket
import struct

from bus import wait_for

NETLINK_AUDIT, READERS, USER_AVC = 9, 1, 1107
FIELD = re.compile(r'(\w+)=("[^"]*"|\S+)')


class Records:
    """Those of a bus, from now on."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.bind((0, READERS))
        self.sock.setblocking(False)
        self.texts = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def read(self):
        """All so far, each what the bus said and nothing around it."""
        while True:
            try:
                data = self.sock.recv(1 << 16)
            except BlockingIOError:
                return self.texts
            if struct.unpack_from('=IH', data)[1] == USER_AVC:
                text = data[16:].rstrip(b'\0\n').decode()
                self.texts.append(re.search(r"msg='(.*?) exe=", text, re.S).group(1).strip())

    def matching(self, *parts):
        return [text for text in self.read() if all(part in text for part in parts)]

    def wait(self, *parts):
        """The first that has all the parts; its arrival takes a moment."""
        found = wait_for(lambda: self.matching(*parts), 5)
        assert found, 'no record has %r among %r' % (parts, self.texts)
        return found[0]

    def forget(self):
        self.read()
        self.texts = []


def fields(text):
    """The names of the fields, in their order."""
    return [key for key, _ in FIELD.findall(text)]


def value(text, key):
    return dict(FIELD.findall(text))[key].strip('"')
