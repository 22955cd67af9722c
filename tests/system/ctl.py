# SPDX-License-Identifier: LGPL-2.1-or-later
"""posternctl as the tests run it."""
import json
import os
import re
import signal
import subprocess

import pytest

from fakebus import FakeBus

BUILD = os.environ.get('POSTERN_BUILD', '.')
CTL = os.path.join(BUILD, 'posternctl')
OK, FAILED, USAGE, UNASKED = 0, 1, 2, 3

# A name that would do something to a terminal, how it is shown, and the characters that no terminal may get.
INSTANCES = '/org/freedesktop/DBus/Containers1/'
HOSTILE = 'a\x1b]0;x\x07\x9b31m\r\nc99  com.fake  \u202eevil\u200b\U000e0041\\x'
SHOWN = 'a\\x1b]0;x\\x07\\u009b31m\\x0d\\nc99  com.fake  \\u202eevil\\u200b\\U000e0041\\\\x'
ACTIVE = re.compile('[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]')
LIST = ('a(osssu)', [(INSTANCES + 'c1', 'com.example.Sandbox', 'app', 'socket', 2), (INSTANCES + 'c12', 'io.snapcraft', '', 'apparmor', 0)])

if not os.path.exists(CTL):
    pytest.skip('this build has no posternctl (it needs libsystemd)', allow_module_level=True)


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(('DBUS_', 'SYSTEMD_', 'PAGER', 'XDG_', 'SUDO_', 'PKEXEC_', 'LESS'))}
    env.update(more)
    return env


def ctl(address, *args, timeout=40, **env):
    """(exit status, stdout, stderr) of posternctl at this bus."""
    p = subprocess.run([CTL, *(['--address=' + address] if address else []), *args], env=environment(**env), timeout=timeout,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def says(address, *args, status=OK, **env):
    """What it writes, when it ends with this status and complains of nothing."""
    got, out, err = ctl(address, *args, **env)
    assert (got, err) == (status, ''), (got, out, err)
    return out


def tells(address, *args, status=OK):
    """The same as JSON, which is also the same in all forms."""
    out = says(address, '--json=short', *args, status=status)
    assert out.count('\n') == 1
    value = json.loads(out)
    return value


def fails(address, *args, status=FAILED, **env):
    """What it complains of, in one line, when it ends with this status and writes nothing."""
    got, out, err = ctl(address, *args, **env)
    assert (got, out) == (status, ''), (got, out, err)
    lines = err.splitlines()
    assert lines and lines[0].startswith('posternctl: ') and all(line.startswith('Usage: ') for line in lines[1:]), err
    return lines[0][len('posternctl: '):]


class Watcher:
    """posternctl watch, up to its end."""

    def __init__(self, address, *args):
        self.process = subprocess.Popen([CTL, '--address=' + address, 'watch', *args], env=environment(TZ='UTC'), text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.first = self.process.stderr.readline()
        assert self.first == 'posternctl: watching; Ctrl-C ends it\n', self.first + self.process.communicate()[1]

    def line(self):
        return self.process.stdout.readline().rstrip('\n')

    def end(self, number=signal.SIGINT):
        """(exit status, what was not read of stdout, stderr)"""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture
def fake(tmp_path):
    bus = FakeBus(str(tmp_path))
    yield bus
    bus.close()
