# SPDX-License-Identifier: LGPL-2.1-or-later
"""posternctl's command line: what is wrong with one, which bus it means, and where the answer goes."""
import os
import pty
import subprocess

import pytest

from ctl import CTL, FAILED, INSTANCES, LIST, OK, USAGE, environment, fails, fake, says  # noqa: F401, the fixture

USAGES = [
    ([], 'no verb'),
    (['frobnicate'], 'there is no verb "frobnicate"'),
    (['--frobnicate', 'list'], '--frobnicate is no option'),
    (['list', '--all'], '--all is no option'),
    (['--all', 'watch'], '--all is no option'),
    (['list', '--no-legend=x'], '--no-legend=x is no option here, or is one without a value'),
    (['--json=yes', 'list'], 'must be short, pretty or off'),
    (['list', '--json'], '--json needs a value'),
    (['list', 'c1'], '"c1" is too much'),
    (['status', 'x'], '"x" is too much'),
    (['reload', 'x'], '"x" is too much'),
    (['show'], 'one instance'),
    (['show', 'c1', 'c2'], 'one instance'),
    (['show', 'd1'], '"d1" is no instance'),
    (['show', 'c'], 'is no instance'),
    (['show', ''], 'is no instance'),
    (['show', 'c1x'], 'is no instance'),
    (['show', '/a//b'], 'is no instance'),
    (['show', '9' * 21], 'is no instance'),
    (['stop'], 'stop what?'),
    (['stop', '--listening'], 'stop what?'),
    (['stop', 'c1', 'x'], '"x" is no instance'),
    (['rules'], 'which instance'),
    (['rules', 'c1', 'talk=a.b'], '"talk=a.b" is too much'),
    (['rules', 'c1', '--set'], 'need a rule'),
    (['rules', 'c1', '--add', '--remove', 'talk=a.b'], 'need a rule'),
    (['rules', 'c1', '--add', 'talk'], '"talk" is no rule'),
    (['rules', 'c1', '--add', 'walk=a.b'], 'walk=a.b: "walk" is no kind of rule'),
    (['rules', 'c1', '--add', 'talk=a'], 'talk=a: '),
    (['rules', 'c1', '--set', 'talk=a.b', '--add', 'talk=a.c'], 'with no other change'),
    (['rules', 'c1', '--add', 'talk=a.b', '--clear'], 'with no other change'),
    (['rules', 'c1', '--clear', '--set', 'talk=a.b'], 'with no other change'),
    (['rules', 'c1', '--clear', 'talk=a.b'], '"talk=a.b" is too much'),
    (['explain'], 'explain what?'),
    (['explain', 'a.b', 'c.d', '/', 'e.f', 'G', 'h'], '"h" is too much'),
    (['explain', 'colour=red'], 'colour=red: a question has'),
    (['explain', 'send=a.b'], 'send=a.b: a question has'),
    (['explain', 'a.b', 'sender=c.d'], 'sender is given twice'),
    (['explain', 'sender-instance=x'], '"x" is no instance'),
    (['explain', 'fds=two'], 'fds=two: must be a number'),
    (['explain', 'fds=4294967296'], 'must be a number'),
    (['explain', 'sender-uid=-1'], 'must be a number'),
    (['watch', 'x'], '"x" is too much'),
    (['watch', '--count=0'], '--count=0: must be a number, 1 or more'),
    (['watch', '--count=1x'], 'must be a number'),
    (['watch', '--count=99999999999999999999999'], 'must be a number'),
    (['watch', '--timeout=0'], 'must be a number of seconds'),
    (['watch', '--door'], '--door needs a value'),
]


@pytest.mark.parametrize('args, text', USAGES, ids=lambda x: ' '.join(x) if isinstance(x, list) else '')
def test_usage(args, text):
    """Told before any bus is looked for."""
    assert text in fails('unix:path=/nonexistent', *args, status=USAGE)


def test_help_and_version():
    assert 'explain SENDER' in says(None, '--help') and says(None, 'list', '--help') == says(None, '--help')
    assert says(None, '--version').startswith('posternctl ')


def test_which_bus(fake, tmp_path):
    fake.answers['ListInstances'] = LIST
    there = ['c1', 'c12']
    names = lambda out: [line.split()[0] for line in out.splitlines()[1:]]
    assert names(says(None, 'list', DBUS_SESSION_BUS_ADDRESS=fake.address)) == there
    assert names(says(None, '--user', 'list', DBUS_SESSION_BUS_ADDRESS=fake.address)) == there
    assert names(says(None, 'list', '--system', DBUS_SYSTEM_BUS_ADDRESS=fake.address)) == there
    assert names(says('unix:path=/nonexistent', '--address', fake.address, 'list')) == there
    assert names(says('unix:path=/nonexistent', '--user', 'list', DBUS_SESSION_BUS_ADDRESS=fake.address)) == there
    os.symlink(fake.path, tmp_path / 'bus')
    assert names(says(None, 'list', XDG_RUNTIME_DIR=str(tmp_path))) == there
    assert 'neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR' in fails(None, 'list')
    assert 'cannot connect to unix:path=/nonexistent: No such file' in fails('unix:path=/nonexistent', 'list')
    assert 'cannot connect to the system bus' in fails(None, '--system', 'list', DBUS_SYSTEM_BUS_ADDRESS='unix:path=/nonexistent')
    assert 'no address of a bus' in fails('rubbish', 'list')


# ---- the pager

def on_terminal(fake, *args, **env):
    """What a terminal gets to see."""
    master, slave = pty.openpty()
    p = subprocess.Popen([CTL, '--address=' + fake.address, *args], env=environment(TERM='xterm', **env), stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen = b''
    try:
        while True:
            chunk = os.read(master, 4096)
            if not chunk:
                break
            seen += chunk
    except OSError:
        pass
    os.close(master)
    assert p.wait(20) == OK
    return seen.decode()


PAGER = 'sed s/^/paged:/'
PAGERS = [
    ([], dict(PAGER=PAGER), True),
    ([], dict(SYSTEMD_PAGER=PAGER, PAGER='cat'), True),
    ([], dict(SYSTEMD_PAGER='', PAGER=PAGER), False),
    ([], dict(PAGER='cat'), False),
    ([], dict(PAGER='no-such-pager-anywhere'), False),
    (['--no-pager'], dict(PAGER=PAGER), False),
    ([], dict(PAGER=PAGER, SUDO_UID='1000'), False),
    ([], dict(SYSTEMD_PAGER=PAGER, PKEXEC_UID='1000'), False),
]


@pytest.mark.parametrize('args, env, paged', PAGERS, ids=lambda x: str(x))
def test_pager(fake, args, env, paged):
    fake.answers['ListInstances'] = LIST
    seen = on_terminal(fake, *args, 'list', **env)
    assert ('paged:INSTANCE' in seen) == paged and 'c12 ' in seen


def test_pager_that_is_left(fake):
    fake.answers['ListInstances'] = ('a(osssu)', [(INSTANCES + 'c%d' % n, 'a.b', 'n' * 200, 'socket', 1) for n in range(2000)])
    assert on_terminal(fake, 'list', PAGER='head -n 1').count('\n') == 1


def test_json_on_a_terminal_is_pretty(fake):
    fake.answers['ListInstances'] = LIST
    lines = lambda *args: on_terminal(fake, 'list', '--no-pager', *args).count('\n')
    assert (lines('-j'), lines('--json=pretty'), lines('--json=short')) == (18, 18, 1)


def test_full_disk(fake):
    fake.answers['ListInstances'] = LIST
    with open('/dev/full', 'w') as full:
        p = subprocess.run([CTL, '--address=' + fake.address, 'list'], env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
    assert p.returncode == FAILED and 'No space left' in p.stderr
