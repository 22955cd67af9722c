# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests use of the machine: a file that shows whether it is there -> the package that brings it on Debian and Ubuntu."""
import glob
import os
import shutil
import subprocess

BUS_FILES = '/usr/share/dbus-1/'
FILES = {
    '/usr/bin/dbus-daemon': 'dbus-daemon',
    '/usr/lib/dbus-1.0/dbus-daemon-launch-helper': 'dbus',
    BUS_FILES + 'session.conf': 'dbus-session-bus-common',
    BUS_FILES + 'system.conf': 'dbus-system-bus-common',
    # the session
    BUS_FILES + 'services/ca.desrt.dconf.service': 'dconf-service',
    BUS_FILES + 'services/ca.desrt.dconf-editor.service': 'dconf-editor',
    '/usr/lib/*/gio/modules/libdconfsettings.so': 'dconf-gsettings-backend',
    BUS_FILES + 'services/org.freedesktop.portal.Desktop.service': 'xdg-desktop-portal',
    BUS_FILES + 'services/org.freedesktop.impl.portal.desktop.gtk.service': 'xdg-desktop-portal-gtk',
    BUS_FILES + 'services/org.a11y.Bus.service': 'at-spi2-core',
    BUS_FILES + 'services/org.gtk.vfs.Daemon.service': 'gvfs-daemons',
    '/usr/lib/*/gvfs/gvfsd-archive /usr/libexec/gvfsd-archive': 'gvfs-backends',
    '/usr/lib/*/gio/modules/libgvfsdbus.so': 'gvfs',
    BUS_FILES + 'services/org.knopwob.dunst.service': 'dunst',
    BUS_FILES + 'services/org.freedesktop.secrets.service': 'gnome-keyring',
    BUS_FILES + 'services/org.gnome.keyring.SystemPrompter.service': 'gcr',
    BUS_FILES + 'services/org.xfce.Xfconf.service': 'xfconf',
    '/usr/lib/*/libxfconf-0.so.3': 'libxfconf-0-3',
    BUS_FILES + 'services/org.xfce.Tumbler.Thumbnailer1.service': 'tumbler',
    BUS_FILES + 'services/org.gnome.Terminal.service': 'gnome-terminal',
    BUS_FILES + 'services/org.gnome.zeitgeist.Engine.service': 'zeitgeist-core',
    # the system
    BUS_FILES + 'system-services/org.freedesktop.PolicyKit1.service': 'polkitd',
    BUS_FILES + 'system-services/org.freedesktop.Accounts.service': 'accountsservice',
    BUS_FILES + 'system-services/org.freedesktop.UPower.service': 'upower',
    BUS_FILES + 'system-services/org.freedesktop.RealtimeKit1.service': 'rtkit',
    BUS_FILES + 'system-services/org.freedesktop.ColorManager.service': 'colord',
    BUS_FILES + 'system-services/org.freedesktop.UDisks2.service': 'udisks2',
    BUS_FILES + 'system-services/org.freedesktop.bolt.service': 'bolt',
    BUS_FILES + 'system-services/fi.w1.wpa_supplicant1.service': 'wpasupplicant',
    BUS_FILES + 'system-services/org.freedesktop.Avahi.service': 'avahi-daemon',
    '/lib/systemd/systemd-hostnamed': 'systemd',
    # the kernel
    '/dev/fuse': 'no package brings it, but the kernel module fuse',
}
PROGRAMS = {
    'Xvfb': 'xvfb', 'fusermount3': 'fuse3', 'ip': 'iproute2', 'unshare': 'util-linux', 'busctl': 'systemd',
    'dbus-monitor': 'dbus-bin', 'dbus-update-activation-environment': 'dbus-bin', 'dconf': 'dconf-cli', 'gsettings': 'libglib2.0-bin',
    'notify-send': 'libnotify-bin', 'secret-tool': 'libsecret-tools', 'avahi-browse': 'avahi-utils', 'pkcheck': 'polkitd',
}
MODULES = {'pytest': 'python3-pytest', 'gi': 'python3-gi', 'pyatspi': 'python3-pyatspi'}
TYPELIBS = {('Zeitgeist', '2.0'): 'gir1.2-zeitgeist-2.0', ('Atspi', '2.0'): 'gir1.2-atspi-2.0'}


def has_module(statement):
    return subprocess.run(['/usr/bin/python3', '-c', statement], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def missing():
    """One line for each package that is not there; empty when all are."""
    path = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'
    lines = ['%s: %s' % (package, name) for name, package in FILES.items() if not any(glob.glob(g) for g in name.split())]
    lines += ['%s: %s' % (package, name) for name, package in PROGRAMS.items() if not shutil.which(name, path=path)]
    lines += ['%s: module %s' % (package, name) for name, package in MODULES.items() if not has_module('import ' + name)]
    lines += ['%s: typelib %s-%s' % ((package,) + of) for of, package in TYPELIBS.items()
              if not has_module('import gi; gi.require_version(%r, %r)' % of)]
    return sorted(lines)
