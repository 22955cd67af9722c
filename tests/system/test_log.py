# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the log goes: standard error, the journal with its fields, syslog; what a service manager is told."""
import os
import socket
import struct
import subprocess

import pytest

from bus import DAEMON, SEE, rule, wait_for
from wirebus import E, TIMEOUT

DENIED = 'debdbc820f7346b28259219f4d46e847'
pytestmark = pytest.mark.postern
HAS_SYSTEMD = '+systemd' in subprocess.run([DAEMON, '--version'], stdout=subprocess.PIPE, text=True).stdout


def fields_of(datagram):
    """An entry in the native protocol of the journal: KEY=value lines, and KEY, newline, length, value for what has newlines."""
    fields = {}
    while datagram:
        head, datagram = datagram.split(b'\n', 1)
        if b'=' in head:
            key, value = head.split(b'=', 1)
        else:
            n, = struct.unpack('<Q', datagram[:8])
            key, value, datagram = head, datagram[8:8 + n], datagram[9 + n:]
        fields[key.decode()] = value.decode()
    return fields


class Journal:
    """A journal of our own, which only the bus sees at the place of the machine's: in a mount namespace."""

    def __init__(self, bus):
        self.place = bus.dir + '/journal'
        os.mkdir(self.place)
        self.sockets = {}
        for name in ('socket', 'log'):
            s = self.sockets[name] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.bind(self.place + '/' + name)
            s.settimeout(TIMEOUT)
        bus.prefix = ['unshare', '-m' if os.geteuid() == 0 else '-mr', '/bin/sh', '-ec',
                      'mount -t tmpfs run /run; mkdir -p /run/systemd/journal; mount --bind "$1" /run/systemd/journal; '
                      # /dev/log is syslog(3)'s, on most machines a link to the journal's
                      'touch /run/log; mount -t tmpfs dev /dev; mknod -m 666 /dev/null c 1 3 2>/dev/null || touch /dev/null; '
                      'ln -s /run/systemd/journal/log /dev/log; shift; exec "$@"', 'sh', self.place]

    def entries(self, want, name='socket'):
        """Reads entries until one that want() likes has come; that one."""
        while True:
            data = self.sockets[name].recv(1 << 16)
            entry = fields_of(data) if name == 'socket' else {'MESSAGE': data.decode()}
            if want(entry):
                return entry

    def nothing(self, name):
        self.sockets[name].settimeout(0.2)
        with pytest.raises(TimeoutError):
            self.sockets[name].recv(1 << 16)
        self.sockets[name].settimeout(TIMEOUT)

    def close(self):
        for s in self.sockets.values():
            s.close()


@pytest.fixture
def journal(new_bus):
    j = Journal(new_bus)
    yield j
    j.close()


def a_denial(bus):
    service = bus.connect()
    service.request_name('com.example.Service')
    app = bus.container(rules=[rule(SEE, 'com.example.Service')], name='an app').connect()
    assert app.error('Echo', dest='com.example.Service', iface='com.example.I', path='/x') == E + 'AccessDenied'
    return app, service


def is_denial(entry):
    return entry.get('POSTERN_VERDICT') == 'denied' and entry.get('POSTERN_MESSAGE_MEMBER') == 'Echo'


@pytest.mark.parametrize('args', [('--syslog',), ('--syslog-only',)])
def test_denial_in_the_journal(new_bus, journal, args):
    if not HAS_SYSTEMD:
        return  # this build knows no journal; syslog is tested below
    new_bus.start(args=args)
    app, service = a_denial(new_bus)
    entry = journal.entries(is_denial)
    expected = {
        'MESSAGE_ID': DENIED, 'PRIORITY': '5', 'SYSLOG_IDENTIFIER': 'posternd', 'SYSLOG_FACILITY': '3', 'OBJECT_PID': str(os.getpid()),
        'POSTERN_ACTION': 'send', 'POSTERN_TRANSMIT_ACTION': 'send', 'POSTERN_POLICY_TYPE': 'container', 'POSTERN_POLICY_RULE': 'none',
        'POSTERN_SENDER_UNIQUE_NAME': app.name, 'POSTERN_SENDER_CONTAINER_TYPE': 'com.example.Sandbox', 'POSTERN_SENDER_CONTAINER_NAME': 'an app',
        'POSTERN_RECEIVER_UNIQUE_NAME': service.name, 'POSTERN_RECEIVER_WELL_KNOWN_NAME_0': 'com.example.Service',
        'POSTERN_MESSAGE_TYPE': 'method_call', 'POSTERN_MESSAGE_PATH': '/x', 'POSTERN_MESSAGE_INTERFACE': 'com.example.I',
        'POSTERN_MESSAGE_DESTINATION': 'com.example.Service', 'POSTERN_MESSAGE_UNIX_FDS': '0'}
    assert {k: entry.get(k) for k in expected} == expected
    assert 'verdict=denied door=container' in entry['MESSAGE'] and 'posternd: ' not in entry['MESSAGE']
    assert 'CODE_FILE' not in entry
    journal.nothing('log')
    assert ('verdict=denied' in new_bus.log()) == ('--syslog' in args)


def test_standard_error_is_the_journal(new_bus, journal):
    """As a service of systemd: then nothing goes there twice."""
    if not HAS_SYSTEMD:
        return
    new_bus.prefix += ['/bin/sh', '-c', 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"', 'sh']
    new_bus.start()
    a_denial(new_bus)
    assert journal.entries(is_denial)['MESSAGE_ID'] == DENIED
    assert 'verdict=denied' not in new_bus.log()


def test_another_journal_stream(new_bus, journal):
    """Standard error was redirected since: it is what the user wants to read."""
    new_bus.prefix += ['/usr/bin/env', 'JOURNAL_STREAM=1:1']
    new_bus.start()
    a_denial(new_bus)
    assert wait_for(lambda: 'verdict=denied' in new_bus.log())
    journal.nothing('socket')


def test_syslog_without_a_journal(new_bus, journal):
    os.unlink(journal.place + '/socket')
    new_bus.start(args=['--syslog-only'])
    a_denial(new_bus)
    assert 'posternd[' in journal.entries(lambda e: 'verdict=denied' in e['MESSAGE'], 'log')['MESSAGE']
    assert 'verdict=denied' not in new_bus.log()


def test_hostile_values(new_bus, journal):
    """A name with a line break in it forges no field and no entry."""
    if not HAS_SYSTEMD:
        return
    new_bus.start(args=['--syslog-only'])
    name = 'x\nPOSTERN_VERDICT=allowed\n\nMESSAGE=fine'
    app = new_bus.container(rules=[], name=name).connect()
    assert app.error('Echo', dest='com.example.Service', iface='com.example.I') == E + 'AccessDenied'
    entry = journal.entries(is_denial)
    assert entry['POSTERN_SENDER_CONTAINER_NAME'] == name and entry['POSTERN_VERDICT'] == 'denied' and '\n' not in entry['MESSAGE']


def test_a_journal_that_ends(new_bus, journal):
    """Gone in the middle of everything, it takes nobody along."""
    new_bus.start(args=['--syslog-only'])
    journal.close()
    a_denial(new_bus)
    assert new_bus.connect().is_alive()


def test_notifications(new_bus):
    """READY when clients can connect, STOPPING at the end, each with words for systemctl status."""
    if not HAS_SYSTEMD:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(new_bus.dir + '/notify')
        s.settimeout(TIMEOUT)
        new_bus.prefix = ['/usr/bin/env', 'NOTIFY_SOCKET=%s/notify' % new_bus.dir]
        new_bus.start()
        assert s.recv(1000).decode().split('\n') == ['READY=1', 'STATUS=Serving messages']
        new_bus.process.terminate()
        assert s.recv(1000).decode().split('\n') == ['STOPPING=1', 'STATUS=Closing connections']
        assert new_bus.process.wait(TIMEOUT) == 0
        new_bus.process = None
