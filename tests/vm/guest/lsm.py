# SPDX-License-Identifier: LGPL-2.1-or-later
"""The security module of this guest: which one it is, its policy, and how a process gets into a domain of it."""
import os
import sys

SECURITY = '/sys/kernel/security'
SELINUX = '/sys/fs/selinux'
APPARMOR = SECURITY + '/apparmor'
POLICY = '/policy'
# What is loaded at the start. AppArmor's are there in two kinds, v9 for kernels that mediate Unix sockets and v8 for others. The profiles
# called v8 are of the old kind everywhere: a new kernel takes them, but does not ask them about D-Bus.
POLICIES = {'selinux': ['domains'], 'apparmor': ['query', 'bus', 'table', 'snap', 'v8'], 'none': []}
SEND, RECEIVE, EAVESDROP, BIND = 0x02, 0x04, 0x20, 0x40  # what AppArmor is asked about D-Bus


def read(path):
    with open(path) as file:
        return file.read().strip('\0\n')


def modules():
    """The names of all that are active."""
    return read(SECURITY + '/lsm').split(',')


def kind():
    """The one that has domains: selinux, apparmor or None."""
    return next((name for name in ('selinux', 'apparmor') if name in modules()), None)


def new_kernel():
    """Does the kernel hand out labels, handles and control groups of peers, whatever the module is?"""
    return tuple(int(n) for n in os.uname().release.split('.')[:2]) >= (6, 13)


def peer_labels():
    """Does a socket tell the label of its peer?"""
    return kind() == 'selinux' or kind() == 'apparmor' and new_kernel()


def write_once(path, data):
    """The kernel wants a policy in one write. It answers with the size, or with what a compressed policy unpacks to."""
    fd = os.open(path, os.O_WRONLY)
    try:
        if os.write(fd, data) < len(data):
            raise OSError('%s: a short write' % path)
    finally:
        os.close(fd)


def apparmor_file(name):
    """That which this kernel is given, below POLICY."""
    return '%s/%s.apparmor' % ('v9' if new_kernel() and name != 'v8' else 'v8', name)


def load(name, exchange=None):
    """Loads, or replaces, a policy by its name. exchange: AppArmor: two of its profiles, with names of one length, which change places.

    SELinux: domains; domains2, without leave of cli_t to send to svc_t; hush, where that leaves no record either; more, with gone_t; order, with its classes and permissions in
    another order; flag, where that leave hangs on the boolean talk; unheard-allow and unheard-deny, which have no class dbus; noask, where
    busd_t may not ask. AppArmor: query, bus, less, table, snap and v8, and, of new kernels, change.
    """
    if kind() == 'selinux':
        path, target = 'selinux/%s.selinux' % name, SELINUX + '/load'
    else:
        path, target = apparmor_file(name), APPARMOR + '/.replace'
    with open(os.path.join(POLICY, path), 'rb') as file:
        data = file.read()
    if exchange:
        one, other = (profile.encode() + b'\0' for profile in exchange)
        assert len(one) == len(other) and data.count(one) == data.count(other) == 1, exchange
        at, to = data.index(one), data.index(other)
        data = bytearray(data)
        data[at:at + len(one)], data[to:to + len(one)] = other, one
    write_once(target, data)


def remove(profile):
    """Removes a profile of AppArmor, with its children."""
    write_once(APPARMOR + '/.remove', profile.encode())


def set_boolean(name, on):
    """SELinux."""
    write_once('%s/booleans/%s' % (SELINUX, name), b'1' if on else b'0')
    write_once(SELINUX + '/commit_pending_bools', b'1')


def enforce(on):
    """SELinux: enforcing or permissive."""
    write_once(SELINUX + '/enforce', b'1' if on else b'0')


def selinux_allows(source, target, permission, category='dbus'):
    """What the kernel says, whatever a bus does with it."""
    folder = '%s/class/%s' % (SELINUX, category)
    words = (context(source), context(target), read(folder + '/index'))
    fd = os.open(SELINUX + '/access', os.O_RDWR)
    try:
        os.write(fd, ' '.join(words).encode())
        allowed = int(os.read(fd, 200).split()[0], 16)
    finally:
        os.close(fd)
    return bool(allowed >> int(read('%s/perms/%s' % (folder, permission))) - 1 & 1)


def apparmor_allows(profile, mask, *fields):
    """The same of AppArmor. mask: SEND, ...; fields: bus, name, the peer's label, path, interface, member; or those that a mask has."""
    fd = os.open(APPARMOR + '/.access', os.O_RDWR)
    try:
        os.write(fd, b'label\0' + profile.encode() + b'\0\x20' + '\0'.join(fields).encode())
        said = dict(line.split(' ') for line in os.read(fd, 1000).decode().splitlines())
    finally:
        os.close(fd)
    return int(said['allow'], 16) & ~int(said['deny'], 16) & mask == mask


def context(domain):
    """The label of a domain: cli_t, container_t:s0:c1,c2 or all of a context; AppArmor's profiles as they are."""
    if kind() != 'selinux' or domain is None or domain.startswith('system_u:'):
        return domain
    return 'system_u:system_r:%s%s' % (domain, '' if ':' in domain else ':s0')


def current_file():
    return '/proc/self/attr/%scurrent' % ('apparmor/' if kind() == 'apparmor' else '')


def request(domain):
    """What a process writes to current_file() to get into a domain."""
    return (b'changeprofile ' if kind() == 'apparmor' else b'') + context(domain).encode()


def current():
    """This process's own label, or None."""
    return read(current_file()) if kind() else None


def shell_prefix(domain):
    """A command that runs the one behind it in a domain."""
    return ['/bin/sh', '-c', 'printf %s "$2" > "$1" && shift 2 && exec "$@"', 'sh', current_file(), request(domain).decode()]


def start(guest):
    """At the boot."""
    for name in POLICIES[guest.rsplit('-', 1)[0]]:
        load(name)


if __name__ == '__main__':
    start(sys.argv[1])
