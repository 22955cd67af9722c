# SPDX-License-Identifier: LGPL-2.1-or-later
"""What hostile managers, apps and strangers try against the bus."""
import fcntl
import os
import socket
import threading
import time

import pytest

from bus import HEAR, OPEN_POLICY, OWN, SEE, rule
from helpers import as_other_user, is_root
from test_container_fds import listening, with_fds
from test_door import world  # noqa: F401
from test_visibility import CHANGED, changes
from wirebus import E, SIGNAL, Closed, pack_raw, unix_address

pytestmark = pytest.mark.postern
SO_PASSSEC, SO_PASSPIDFD = 34, 76


def cpu_seconds(bus):
    with open('/proc/%d/stat' % bus.pid) as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def test_refused_connections_do_not_fill_the_log(bus):
    i = bus.container(Limits=('a{su}', {'connections': 1}))
    i.connect()
    before = len(bus.log())
    for _ in range(300):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(unix_address(i.address))
        s.recv(1)
        s.close()
    assert bus.log()[before:].count('\n') < 100
