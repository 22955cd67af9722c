# SPDX-License-Identifier: LGPL-2.1-or-later
"""Container managers for the guests that run them: a tree of its own, packed behind the one of all guests."""
import initramfs

PROGRAMS = ('crun', 'podman', 'conmon', 'systemd-nspawn')
# What boots from memory has no root file system that one could turn away from.
CONF = '''[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
no_pivot_root = true
runtime = "crun"
[containers]
log_driver = "none"
default_sysctls = []
'''
STORAGE = '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/tmp/containers/storage"\n'
ROOTFS = '/containers/rootfs'


def build(root, image, base):
    """base: the tree of all guests, whose libraries are there already."""
    tree = initramfs.Tree(root, base)
    for name in PROGRAMS:
        tree.program(initramfs.find(name), '/usr/bin/' + name)
    tree.write('/etc/containers/containers.conf', CONF)
    tree.write('/etc/containers/storage.conf', STORAGE)
    tree.write('/etc/containers/policy.json', '{"default": [{"type": "insecureAcceptAnything"}]}\n')
    tree.copy('/usr/share/containers/seccomp.json')
    tree.write('/etc/os-release', 'ID=guest\n')
    # What the containers see as their root.
    inner = initramfs.Tree(root + ROOTFS)
    inner.copy(initramfs.find('busybox'), '/bin/busybox')
    inner.program(initramfs.find('dbus-send'), '/usr/bin/dbus-send')
    inner.write('/etc/os-release', 'ID=test\n')
    inner.write('/etc/passwd', 'root:x:0:0::/:/bin/sh\n')
    inner.write('/etc/machine-id', '')
    for name in ('proc', 'sys', 'dev', 'run', 'tmp', 'var', 'bus'):
        inner.path('/%s/x' % name)
    initramfs.pack(root, image)
