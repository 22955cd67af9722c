# SPDX-License-Identifier: LGPL-2.1-or-later
"""The installed test suites of the distribution's packages: what there is, and how each is run."""
import glob
import os
import re
import shlex

INSTALLED = '/usr/share/installed-tests'
DBUSMOCK = '/usr/share/doc/python3-dbusmock/examples'
SD_BUS = ('/usr/lib/systemd/tests', '/usr/lib/systemd/tests/unit-tests')

# Programs of dbus-tests that test libdbus against itself and start no daemon: not worth their time. Others that start none are found out.
LIBDBUS_ALONE = ('assertions', 'atomic', 'corrupt', 'counter', 'desktop-file', 'fdpass', 'hash', 'loopback', 'marshal', 'message',
                 'misc-internals', 'printf', 'refs', 'relay', 'server-oom', 'shell', 'syntax', 'sysdeps', 'syslog', 'userdb', 'variant')

# Tests of GLib besides gdbus-* that start a bus.
GLIB_OTHERS = ('actions', 'dbus-appinfo', 'debugcontroller', 'defaultvalue', 'fdo-notification-backend', 'gapplication', 'gmenumodel',
               'gnotification', 'memory-monitor-dbus', 'memory-monitor-portal', 'power-profile-monitor-dbus',
               'power-profile-monitor-portal')

# sd-bus' programs that open a bus; the others talk to themselves over a socket pair, or to nobody.
SD_BUS_CLIENTS = ('test-bus-chat', 'test-bus-cleanup', 'test-bus-marshal', 'test-bus-match', 'test-bus-queue-ref-cycle',
                  'test-bus-track', 'test-bus-util')

# package, and a file of it that is needed; a name that begins with a slash is one of several that will do.
NEEDED = (
    ('dbus', ('/usr/bin/dbus-daemon',)),
    ('dbus-bin', ('/usr/bin/dbus-daemon', '/usr/bin/dbus-run-session')),
    ('dbus-x11', ('/usr/bin/dbus-launch',)),
    ('dbus-tests', (INSTALLED + '/dbus/*.test',)),
    ('libglib2.0-tests', (INSTALLED + '/glib/gdbus-*.test',)),
    ('python3-dbus-tests', (INSTALLED + '/dbus-python/*/*.test', INSTALLED + '/dbus-python/*.test')),
    ('python3-dbusmock', (DBUSMOCK + '/test_*.py',)),
    ('xdg-dbus-proxy-tests', (INSTALLED + '/xdg-dbus-proxy/*.test',)),
    ('systemd-tests', tuple(folder + '/test-bus-chat' for folder in SD_BUS)),
    ('python3-pytest', ('/usr/lib/python3/dist-packages/pytest',)),
    ('python3-gi', ('/usr/lib/python3/dist-packages/gi',)),
    ('xvfb', ('/usr/bin/xvfb-run',)),
    ('xauth', ('/usr/bin/xauth',)),
    ('util-linux', ('/usr/bin/setpriv',)),
)


class Suite:
    """One program: group is the row of the table it counts in; kind how its output is read (results.py); bus: 'own' when it starts its
    daemons itself, 'given' when it wants a running one; stock: the daemon to compare with; glib: has GLib's -p and -s."""

    def __init__(self, group, name, argv, kind='tap', bus='own', env=None, stock=None, glib=False, lock=None, limit=120, cwd=None):
        self.group, self.name, self.argv, self.kind, self.bus, self.env = group, name, argv, kind, bus, env or {}
        self.stock, self.glib, self.lock, self.limit, self.cwd = stock, glib, lock, limit, cwd

    @property
    def id(self):
        return '%s: %s' % (self.group, self.name)


def missing_packages():
    """Those whose files are not there."""
    return [package for package, files in NEEDED if not any(glob.glob(name) for name in files)]


def read_exec(path):
    """The Exec= of an installed test, split as a shell would."""
    with open(path) as f:
        for line in f:
            if line.startswith('Exec='):
                return shlex.split(line[len('Exec='):].strip())
    raise ValueError('%s: no Exec=' % path)


def installed(pattern):
    return [(os.path.basename(path)[:-len('.test')], read_exec(path)) for path in sorted(glob.glob(INSTALLED + '/' + pattern))]


def dbus_group(folder, name):
    build = 'debug' if 'debug' in folder else 'normal'
    if name.startswith('test-containers'):
        return 'dbus-tests %s: containers' % build
    return 'dbus-tests %s%s' % (build, ' with config' if name.endswith('_with_config') else '')


def dbus_suites():
    """All builds of dbus-tests. Each is compared with the daemon of its own build, which comes first in the PATH its Exec= sets."""
    for folder in sorted(os.path.basename(path) for path in glob.glob(INSTALLED + '/dbus*')):
        if folder == 'dbus-python':
            continue
        for name, argv in installed(folder + '/*.test'):
            plain = name.replace('_with_config', '')
            if plain.startswith('test-') and plain[len('test-'):] in LIBDBUS_ALONE:
                continue
            path = re.search(r'\bPATH=([^:]+):', ' '.join(argv))
            yield Suite(dbus_group(folder, name), name, argv, stock=path and path.group(1) + '/dbus-daemon',
                        glib=not plain.endswith('.sh'), lock='x11' if 'x11' in name else None)
        for name, argv in installed(folder + '/integration/*.test'):
            yield Suite(dbus_group(folder, name), name, argv, bus='given')


def glib_suites():
    for name, argv in installed('glib/gdbus-*.test'):
        yield Suite('GLib: gdbus', name, argv, glib=True)
    for name, argv in installed('glib/*.test'):
        if name in GLIB_OTHERS:
            yield Suite('GLib: others', name, argv)


def python_suites():
    for pattern in ('dbus-python/*/*.test', 'dbus-python/*.test'):
        for name, argv in installed(pattern):
            yield Suite('dbus-python', name, argv, kind='tap' if name.endswith('.sh') else 'exit')
    for path in sorted(glob.glob(DBUSMOCK + '/test_*.py')):
        # Looks at its own source, not at a bus.
        if os.path.basename(path) != 'test_code.py':
            yield Suite('python-dbusmock', os.path.basename(path), kind='pytest', limit=240, cwd=DBUSMOCK, argv=[
                '/usr/bin/python3', '-B', '-m', 'pytest', '-v', '-p', 'no:cacheprovider', os.path.basename(path)])


def other_suites():
    for name, argv in installed('xdg-dbus-proxy/*.test'):
        yield Suite('xdg-dbus-proxy', name, argv, glib=True)
    for name in SD_BUS_CLIENTS:
        for folder in SD_BUS:
            if os.path.exists(os.path.join(folder, name)):
                yield Suite('sd-bus', name, [os.path.join(folder, name)], kind='exit', bus='given')


def all_suites():
    return list(dbus_suites()) + list(glib_suites()) + list(python_suites()) + list(other_suites())
