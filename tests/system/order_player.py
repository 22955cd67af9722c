# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client for tests of order: it never waits, writes in the pieces it is told, reads as fast or slowly as it is told, and keeps what it got."""
import array
import collections
import os
import socket

from order_model import Answer, News, Passed, Refused
from wirebus import CALL, DRIVER, ERROR, RETURN, Conn, Message, message_size

SLOW = 4096  # bytes that a slow reader takes at a time


class Player:
    def __init__(self, conn, pace='eager', contained=False, takes_fds=True, is_monitor=False):
        self.conn, self.name, self.pace, self.contained, self.takes_fds, self.is_monitor = conn, conn.name, pace, contained, takes_fds, is_monitor
        self.sock, self.serial = conn.sock, 1000
        self.sock.setblocking(False)
        self.buf, self.fds = bytearray(conn.buf), collections.deque()
        self.out = collections.deque()  # [bytes, fds]
        self.sent, self.got, self.messages = [], [], []
        self.early = {}  # up to which serial of whom nothing is kept: who eavesdrops hears calls to the bus late
        self.unanswered, self.answers = [], set()  # answers: of the bus, by serial; of a monitor, by caller and serial

    # ---- writing
    def send(self, messages, cuts=lambda n: []):
        """Queues messages as one write, or torn at these bytes; one with fds begins a write of its own."""
        for m in messages:
            self.serial += 1
            m.serial, m.sender, m.n_fds = self.serial, None, len(m.fds) or None
            data = m.pack()
            m.raw = data[len(data) - body_size(data):]
            m.sender, m.after = self.name, len(self.got)
            self.sent.append(m)
            if m.fds or not self.out or m is messages[0]:
                self.out.append([data, m.fds])
            else:
                self.out[-1][0] += data
        piece = self.out.pop()
        edges = [0] + sorted(cuts(len(piece[0]))) + [len(piece[0])]
        for a, b in zip(edges, edges[1:]):
            self.out.append([piece[0][a:b], piece[1] if a == 0 else []])

    def write(self):
        """One system call, when something waits. Did anything leave?"""
        if not self.out:
            return False
        data, fds = self.out[0]
        anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        try:
            n = self.sock.sendmsg([data], anc)
        except BlockingIOError:
            return False
        for fd in fds:
            os.close(fd)
        self.out[0] = [data[n:], []]
        if n == len(data):
            self.out.popleft()
        return True

    # ---- reading
    def read(self, size=1 << 18):
        """One system call. Did anything come?"""
        try:
            data, anc, _, _ = self.sock.recvmsg(size, socket.CMSG_SPACE(4 * 253), socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return False
        for _, _, payload in anc:
            a = array.array('i')
            a.frombytes(payload)
            self.fds.extend(a)
        assert data, '%s was disconnected' % self.name
        self.buf += data
        self.parse()
        return True

    def parse(self):
        at = 0
        while True:
            head = bytes(self.buf[at:at + 16])
            size = message_size(head)
            if size is None or at + size > len(self.buf):
                break
            self.take(bytes(self.buf[at:at + size]))
            at += size
        del self.buf[:at]

    def take(self, data):
        m = Message.unpack(data)
        m.raw = data[len(data) - body_size(data):]
        m.texts = []
        for _ in range(m.n_fds or 0):
            fd = self.fds.popleft()
            m.texts.append(os.pread(fd, 100, 0).decode())
            os.close(fd)
        if m.serial <= self.early.get(m.sender, 0):
            return
        if self.is_monitor:
            self.got.append((what_it_is(m), m.destination))
        else:
            self.got.append(what_it_is(m))
        self.messages.append(m)
        if m.sender == DRIVER and m.type == RETURN:
            self.answers.add((m.destination, m.reply_serial) if self.is_monitor else m.reply_serial)
        if m.type == CALL and m.destination and not self.is_monitor and m.sender != DRIVER:
            self.unanswered.append(m)


def body_size(data):
    return int.from_bytes(data[4:8], 'little' if data[:1] == b'l' else 'big')


def what_it_is(m):
    if m.sender != DRIVER:
        return Passed(m.sender, m.serial)
    if m.type == RETURN:
        return Answer(m.reply_serial, m.body)
    if m.type == ERROR:
        return Refused(m.reply_serial, m.error)
    return News(m.member, m.body)
