#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts up a machine of its own for the tests, and runs a program on it. usage: stage.py DAEMON PROGRAM [ARGUMENT...]

Mounts, processes, network and host name are private, /run, /tmp, /etc and what services keep in /var/lib are copies that vanish with
it; the programs and the configuration of the buses are the machine's own. Whatever starts /usr/bin/dbus-daemon gets DAEMON.
Needs root, or sudo that asks no password."""
import os
import shutil
import signal
import socket
import subprocess
import sys

import needs

NAMESPACES = ['unshare', '--mount', '--pid', '--net', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc']
INSIDE = '--inside'
LIMIT = 600
HERE = '/run/postern'
USER, UID = 'pat', 61234
HOME = '/run/home/' + USER
# What the services of the tests write. The policy of polkit is only read.
STATE = ('AccountsService', 'colord', 'upower', 'udisks2', 'boltd', 'systemd')
# Passed on to the programs of the stage; nothing else of the caller's session may reach them.
KEPT = ('LANG', 'LC_ALL', 'CI', 'ASAN_OPTIONS', 'UBSAN_OPTIONS')
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'


def fail(why):
    print('check-desktop: ' + why)
    print('0 passed, 1 failed')
    sys.exit(1)


def run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def mount_tmpfs(path, mode='755', uid=0, gid=0):
    run('mount', '-n', '-t', 'tmpfs', '-o', 'mode=%s,uid=%d,gid=%d' % (mode, uid, gid), 'tmpfs', path)


def copy_here(daemon):
    """Into a folder of root's: a bus of root's loads no module that somebody else could have changed. The tests come along."""
    mount_tmpfs('/mnt')
    here = '/mnt' + HERE.removeprefix('/run')
    os.makedirs(here + '/.libs')
    shutil.copy(daemon, here)
    module = os.path.join(os.path.dirname(os.path.realpath(daemon)), '.libs', 'mediator.so')
    if os.path.exists(module):
        shutil.copy(module, here + '/.libs')
    shutil.copytree(os.path.dirname(os.path.abspath(__file__)), here + '/tests', ignore=shutil.ignore_patterns('__pycache__'))
    run('mount', '-n', '--move', '/mnt', '/run')
    return os.path.join(HERE, os.path.basename(daemon))


def put_in_place(copy):
    """Whatever starts dbus-daemon by its path gets ours."""
    # Not the binary itself: it would look for its module beside the place where it is mounted.
    with open(HERE + '/drop-in', 'w') as f:
        f.write('#!/bin/sh\nexec %s "$@"\n' % copy)
    os.chmod(HERE + '/drop-in', 0o755)
    run('mount', '-n', '--bind', HERE + '/drop-in', '/usr/bin/dbus-daemon')


def make_private_folders():
    run('cp', '-a', '/etc', '/run/etc')
    run('mount', '-n', '--bind', '/run/etc', '/etc')
    run('mount', '-n', '-t', 'sysfs', 'sysfs', '/sys')
    mount_tmpfs('/tmp', '1777')
    for path in ('/var/lib/' + name for name in STATE):
        if os.path.isdir(path):
            of = os.stat(path)
            mount_tmpfs(path, '%o' % (of.st_mode & 0o7777), of.st_uid, of.st_gid)
    # hostnamectl and its like ask the bus only where the last says that systemd runs.
    for path in ('/run/dbus', '/run/lock', '/run/user', '/run/home', '/run/systemd/system'):
        os.makedirs(path, 0o755)
    shutil.chown('/run/dbus', 'messagebus', 'messagebus')
    os.mkdir('/tmp/.X11-unix')
    os.chmod('/tmp/.X11-unix', 0o1777)


def append(path, line):
    with open(path, 'a') as f:
        f.write(line + '\n')


def make_user():
    append('/etc/passwd', '%s:x:%d:%d:Pat:%s:/bin/bash' % (USER, UID, UID, HOME))
    append('/etc/shadow', '%s:*:20000:0:99999:7:::' % USER)
    append('/etc/group', '%s:x:%d:' % (USER, UID))
    for path in (HOME, '/run/user/%d' % UID):
        os.mkdir(path, 0o700)
        os.chown(path, UID, UID)


def make_network():
    """A cable whose two ends are both here: avahi wants a network card that can multicast."""
    socket.sethostname('stage')
    append('/etc/hosts', '127.0.1.1 stage')
    run('ip', 'link', 'set', 'lo', 'up')
    run('ip', 'link', 'add', 'cable0', 'type', 'veth', 'peer', 'name', 'cable1')
    run('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'cable0')
    for end in ('cable0', 'cable1'):
        run('ip', 'link', 'set', end, 'up')


def attend(argv, env):
    """The first process of the stage: what is orphaned here is ours to reap."""
    pid = os.fork()
    if pid == 0:
        os.execvpe(argv[0], argv, env)
    signal.signal(signal.SIGALRM, lambda *_: fail('still not done after %d seconds' % LIMIT))
    signal.alarm(LIMIT)
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status) & 0xff


def inside(daemon, argv):
    copy = copy_here(daemon)
    make_private_folders()
    make_user()
    make_network()
    put_in_place(copy)
    os.chdir(HERE + '/tests')
    os.umask(0o022)
    env = {k: v for k, v in os.environ.items() if k in KEPT}
    env.update(HOME='/root', PATH=PATH, STAGE_DAEMON=copy, PYTHONDONTWRITEBYTECODE='1')
    sys.exit(attend(argv, env))


def main(argv):
    if len(argv) > 3 and argv[1] == INSIDE:
        inside(argv[2], argv[3:])
    if len(argv) < 3:
        sys.exit('usage: stage.py DAEMON PROGRAM [ARGUMENT...]')
    daemon = shutil.which(argv[1]) or fail('%s: no such program' % argv[1])
    missing = needs.missing()
    if missing:
        fail('missing, by package:\n  ' + '\n  '.join(missing) + '\nOn Debian and Ubuntu `scripts/deps desktop` installs them.')
    become_root = []
    if os.geteuid() != 0:
        if not shutil.which('sudo') or subprocess.run(['sudo', '-n', 'true'], stderr=subprocess.DEVNULL).returncode != 0:
            fail('needs root, or sudo without a password: it makes private mounts, users and a network, and a setuid helper starts services')
        become_root = ['sudo', '-n', '--preserve-env=' + ','.join(KEPT)]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp((become_root + NAMESPACES)[0],
              become_root + NAMESPACES + [sys.executable, '-B', os.path.abspath(__file__), INSIDE, os.path.abspath(daemon)] + argv[2:])


if __name__ == '__main__':
    main(sys.argv)
