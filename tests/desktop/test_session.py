# SPDX-License-Identifier: LGPL-2.1-or-later
"""A desktop session: every service is started by the bus for a client that asks for it, and does its work."""
import os
import signal
import struct
import urllib.parse
import zlib

import buses
import stage
from buses import DRIVER, DRIVER_PATH, read, wait_for

DCONF, XFCONF, TERMINAL, EDITOR = 'ca.desrt.dconf', 'org.xfce.Xfconf', 'org.gnome.Terminal', 'ca.desrt.dconf-editor'
NOTIFICATIONS, SECRETS = 'org.freedesktop.Notifications', 'org.freedesktop.secrets'
PORTAL, GTK_PORTAL = 'org.freedesktop.portal.Desktop', 'org.freedesktop.impl.portal.desktop.gtk'
DOCUMENTS, PERMISSIONS = 'org.freedesktop.portal.Documents', 'org.freedesktop.impl.portal.PermissionStore'
A11Y, THUMBNAILER, JOURNAL = 'org.a11y.Bus', 'org.freedesktop.thumbnails.Thumbnailer1', 'org.gnome.zeitgeist.Engine'


def watch(session, *argv):
    """A client that waits for signals, ready to; returns a function that says whether it wrote a text."""
    lines = read(session.monitors[1].log_path).count('member=AddMatch')
    p = session.place.spawn(*argv)
    before = len(read(p.log_path))
    assert wait_for(lambda: read(session.monitors[1].log_path).count('member=AddMatch') > lines)
    return lambda text: wait_for(lambda: text in read(p.log_path)[before:])


def a_picture():
    """A red PNG of 300 by 200."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = (b'\0' + b'\xff\0\0' * 300) * 200
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 300, 200, 8, 2, 0, 0, 0)) +
            chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


def test_bus(session):
    """It is the daemon under test that serves, found by the name of dbus-daemon, with the distribution's configuration."""
    assert session.bus.program == buses.DAEMON
    assert session.owner(DRIVER) == session.bus.process.pid
    assert session.bus.address.startswith(session.place.env['DBUS_SESSION_BUS_ADDRESS'] + ',guid=')
    names = session.place.run('busctl', '--user', 'list', '--activatable', '--no-legend')
    for name in (DCONF, XFCONF, TERMINAL, EDITOR, NOTIFICATIONS, SECRETS, PORTAL, GTK_PORTAL, DOCUMENTS, A11Y, THUMBNAILER, JOURNAL):
        assert name in names and not session.owner(name)
    services = session.place.env['XDG_RUNTIME_DIR'] + '/dbus-1/services'
    assert os.stat(services).st_mode & 0o7777 == 0o700 and os.stat(services).st_uid == stage.UID


def test_settings(session):
    """dconf: a first write starts the service, which tells everybody who watches."""
    seen = watch(session, 'dconf', 'watch', '/')
    session.place.run('gsettings', 'set', 'org.gnome.desktop.interface', 'cursor-size', '42')
    pid = session.activated(DCONF)
    assert session.place.run('gsettings', 'get', 'org.gnome.desktop.interface', 'cursor-size') == '42\n'
    assert seen('/org/gnome/desktop/interface/cursor-size\n  42')
    assert wait_for(lambda: buses.environment(pid).get('XDG_CURRENT_DESKTOP') == 'GNOME', 1), 'the bus forgot what it was told at log-in'
    assert session.place.run('dconf', 'read', '/org/gnome/desktop/interface/cursor-size') == '42\n'


def test_settings_after_a_crash(session):
    os.kill(session.owner(DCONF), signal.SIGKILL)
    assert wait_for(lambda: not session.owner(DCONF))
    session.place.run('dconf', 'write', '/stage/act', "'second'")
    session.activated(DCONF)
    assert session.place.run('dconf', 'read', '/stage/act') == "'second'\n"


def test_crowd(session):
    """Many ask for a service that does not run yet: it is started once, and all are answered."""
    argv = ['xfconf-query', '-c', 'stage', '-p']
    crowd = [session.place.spawn(*argv, '/seat/%d' % i, '-n', '-t', 'int', '-s', str(i * i), log='/run/postern/crowd.log') for i in range(12)]
    assert [p.wait(20) for p in crowd] == [0] * 12, read('/run/postern/crowd.log')
    pid = session.activated(XFCONF)
    assert [p for p, command in buses.processes(stage.UID).items() if command.endswith('xfconfd')] == [pid]
    assert [session.place.run(*argv, '/seat/%d' % i) for i in range(12)] == ['%d\n' % (i * i) for i in range(12)]
    seen = watch(session, 'xfconf-query', '-c', 'stage', '-m')
    session.place.run(*argv, '/seat/3', '-s', '333')
    assert seen('set: /seat/3')


def test_notifications(session):
    """Shown, replaced, closed by another client; the one who waits is told. The program is the one of the user's own service file."""
    place = session.place
    number = place.run('notify-send', '-p', '-t', '0', 'Curtain', 'down').strip()
    pid = session.activated(NOTIFICATIONS)
    assert read('/proc/%d/cmdline' % pid).split('\0')[:3] == ['/usr/bin/dunst', '-config', stage.HOME + '/my settings/dunst rc']
    assert "'body'" in session.call(NOTIFICATIONS, '/org/freedesktop/Notifications', NOTIFICATIONS + '.GetCapabilities')
    waiting = place.spawn('notify-send', '-w', '-t', '0', '-r', number, 'Curtain', 'still up')
    assert wait_for(lambda: 'still up' in read(session.monitors[0].log_path))
    assert place.run('dunstctl', 'count', 'displayed').strip() == '1'
    assert waiting.poll() is None
    session.call(NOTIFICATIONS, '/org/freedesktop/Notifications', NOTIFICATIONS + '.CloseNotification', number)
    assert waiting.wait(10) == 0
    assert 'still up' in place.run('dunstctl', 'history')


def test_portal(session):
    """Settings, by way of a backend that the portal has the bus start in its turn."""
    said = session.call(PORTAL, '/org/freedesktop/portal/desktop', 'org.freedesktop.portal.Settings.Read', 'org.gnome.desktop.interface',
                        'cursor-size')
    assert said == '(<<42>>,)\n'
    for name in (PORTAL, GTK_PORTAL, DOCUMENTS, PERMISSIONS):
        session.activated(name)
    seen = watch(session, 'gdbus', 'monitor', '--session', '--dest', PORTAL)
    session.place.run('gsettings', 'set', 'org.gnome.desktop.interface', 'cursor-size', '44')
    assert seen("SettingChanged ('org.gnome.desktop.interface', 'cursor-size', <44>)")


def test_portal_dialog(session):
    """From the portal to its backend, to a window, to the accessibility bus, and all the way back."""
    said = session.client('chooser')
    assert 'xdg-desktop-portal-gtk shows "Choose one"' in said and said.endswith(' answered 1\n')


def test_documents(session):
    """An open file goes through the bus; the portal serves it at another place."""
    text = session.place.write('text', 'all the world\n')
    served = session.client('document', text).strip()
    assert served.startswith('/run/user/%d/doc/' % stage.UID)
    assert session.place.run('cat', served) == 'all the world\n'


def test_permissions(session):
    seen = watch(session, 'gdbus', 'monitor', '--session', '--dest', PERMISSIONS)
    path = '/org/freedesktop/impl/portal/PermissionStore'
    session.call(PERMISSIONS, path, PERMISSIONS + '.Set', 'stage', 'true', 'lamp', "{'com.example.App': ['on']}", "<'bright'>")
    assert session.call(PERMISSIONS, path, PERMISSIONS + '.Lookup', 'stage', 'lamp') == "({'com.example.App': ['on']}, <'bright'>)\n"
    assert seen("Changed ('stage', 'lamp', false, <'bright'>, {'com.example.App': ['on']})")


def test_accessibility_bus(session):
    """at-spi's own bus: another dbus-daemon, which another service starts, with a configuration of its own."""
    session.activated(A11Y)
    address = session.call(A11Y, '/org/a11y/bus', A11Y + '.GetAddress').split("'")[1]
    said = session.place.run('busctl', '--address=' + address, 'call', DRIVER, DRIVER_PATH, DRIVER, 'GetConnectionUnixProcessID', 's', DRIVER)
    pid = int(said.split()[1])
    assert os.readlink('/proc/%d/exe' % pid) == buses.DAEMON and 'accessibility.conf' in read('/proc/%d/cmdline' % pid)
    said = session.place.run('busctl', '--address=' + address, 'call', DRIVER, DRIVER_PATH, DRIVER, 'GetConnectionUnixProcessID', 's',
                             'org.a11y.atspi.Registry')
    env = buses.environment(int(said.split()[1]))
    assert env['DBUS_STARTER_ADDRESS'] == address and env['DBUS_STARTER_BUS_TYPE'] == 'accessibility'


def test_application(session):
    """An application that its desktop file lets the bus start; its window; an action of it; its end."""
    session.place.run('gsettings', 'set', 'ca.desrt.dconf-editor.Settings', 'show-warning', 'false')
    session.place.run('gapplication', 'launch', EDITOR, timeout=40)
    session.activated(EDITOR)
    assert wait_for(lambda: 'dconf-editor: dconf Editor: ' in session.client('windows'), 20, 0.5)
    session.place.run('gapplication', 'action', EDITOR, 'quit')
    assert wait_for(lambda: not session.owner(EDITOR))


def test_late_application(session):
    """One that is installed while the session runs; the bus finds it by itself."""
    place, name = session.place, 'com.example.Late'
    assert place.ran('gapplication', 'action', name, 'say', "'too soon'").returncode != 0
    place.write('%s/dbus-1/services/%s.service' % (session.own_data, name),
                '[D-BUS Service]\nName=%s\nExec=/usr/bin/python3 -B /run/postern/tests/clients/late.py %s/late\n' % (name, stage.HOME))
    assert wait_for(lambda: name in place.run('busctl', '--user', 'list', '--activatable'))
    place.run('gapplication', 'action', name, 'say', "'better late'")
    assert wait_for(lambda: os.path.exists(stage.HOME + '/late')) and read(stage.HOME + '/late') == 'better late\n'
    session.activated(name)


def test_terminal(session):
    session.place.run('gnome-terminal', '--wait', '--', 'sh', '-c', 'echo "$GNOME_TERMINAL_SERVICE $DBUS_SESSION_BUS_ADDRESS" >said; sleep 1')
    said = read(stage.HOME + '/said').split()
    assert said[0].startswith(':1.') and said[1] == session.place.env['DBUS_SESSION_BUS_ADDRESS']
    assert wait_for(lambda: all(TERMINAL in read(m.log_path) for m in session.monitors))


def test_secrets(session):
    """Of a collection that lives in memory."""
    place = session.place
    place.run('secret-tool', 'store', '--collection=session', '--label=Prompt', 'line', 'one', input='to be')
    session.activated(SECRETS)
    assert place.run('secret-tool', 'lookup', 'line', 'one') == 'to be'
    place.run('secret-tool', 'clear', 'line', 'one')
    assert place.ran('secret-tool', 'lookup', 'line', 'one').returncode == 1


def test_secrets_on_disk(session):
    """The first secret makes a keyring, for which the service asks a password by way of a prompter that the bus starts."""
    place = session.place
    answer = place.spawn('/usr/bin/python3', '-B', '/run/postern/tests/clients/keyring.py', 'yorick', log='/run/postern/keyring.log')
    place.run('secret-tool', 'store', '--label=Kept', 'line', 'two', input='or not to be')
    assert answer.wait(20) == 0, read(answer.log_path)
    assert place.run('secret-tool', 'lookup', 'line', 'two') == 'or not to be'
    files = [f for f in os.listdir(stage.HOME + '/.local/share/keyrings') if f.endswith('.keyring')]
    assert files and b'or not to be' not in open(stage.HOME + '/.local/share/keyrings/' + files[0], 'rb').read()


def test_files(session):
    """gvfs: the trash, notes about a file, and the inside of an archive, each a process of its own that talks to its peers."""
    place = session.place
    name = place.write('skull', 'alas\n')
    place.run('gio', 'set', name, 'metadata::owner', 'yorick')
    assert 'metadata::owner: yorick' in place.run('gio', 'info', '-a', 'metadata::owner', name)
    place.run('gio', 'trash', name)
    assert not os.path.exists(name) and place.run('gio', 'list', 'trash:///') == 'skull\n'
    place.run('gio', 'trash', '--restore', 'trash:///skull')
    assert read(name) == 'alas\n'
    place.run('tar', '-cf', 'props.tar', 'skull')
    mounted = 'archive://' + urllib.parse.quote(urllib.parse.quote('file://%s/props.tar' % stage.HOME, ''), '')
    place.run('gio', 'mount', urllib.parse.unquote(mounted))
    assert place.run('gio', 'cat', mounted + '/skull') == 'alas\n'
    assert 'props.tar' in place.run('gio', 'mount', '-l')
    place.run('gio', 'mount', '-u', mounted)
    assert 'props.tar' not in place.run('gio', 'mount', '-l')
    for service in ('Daemon', 'Metadata', 'UDisks2VolumeMonitor'):
        session.activated('org.gtk.vfs.' + service)


def test_thumbnail(session):
    place = session.place
    name = place.write('red.png', a_picture())
    said = session.client('thumbnail', name, 'image/png').splitlines()
    assert [line.split()[0] for line in said] == ['Started', 'Ready', 'Finished']
    session.activated(THUMBNAILER)
    made = os.listdir(stage.HOME + '/.cache/thumbnails/normal')
    assert len(made) == 1
    with open(stage.HOME + '/.cache/thumbnails/normal/' + made[0], 'rb') as f:
        assert struct.unpack('>II', f.read(24)[16:]) == (128, 85)


def test_journal(session):
    """zeitgeist, whose service file has a shell run it, and which has the bus start its indexer."""
    session.place.run('mkdir', '-p', '.local/share/zeitgeist')
    said = session.client('journal', session.place.write('text', 'all the world\n'))
    assert said == 'inserted [1]\nfound file://%s/text a play\n' % stage.HOME
    session.activated(JOURNAL)
    assert wait_for(lambda: session.owner('org.gnome.zeitgeist.SimpleIndexer'))
    session.activated('org.gnome.zeitgeist.SimpleIndexer')
