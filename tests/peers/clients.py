#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints the number in the next unique name of a bus, by taking it: how many clients have said Hello. usage: clients.py SOCKET"""
import os
import re
import socket
import sys

HELLO = (b'l\1\0\1\0\0\0\0\1\0\0\0\x6e\0\0\0' b'\1\1o\0\x15\0\0\0/org/freedesktop/DBus\0\0\0'
         b'\6\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0' b'\2\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0'
         b'\3\1s\0\5\0\0\0Hello\0\0\0')


def client_number(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(b'\0AUTH EXTERNAL %s\r\nBEGIN\r\n' % str(os.getuid()).encode().hex().encode() + HELLO)
        got = b''
        while True:
            found = re.search(rb':1\.(\d+)\0', got)
            if found:
                return int(found.group(1))
            more = s.recv(4096)
            if not more:
                raise SystemExit('the bus closed the connection')
            got += more


if __name__ == '__main__':
    print(client_number(sys.argv[1]))
