# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many cases must pass at least where the packages' versions are known, so that a suite that shrinks without a failure is noticed.

Everywhere else, and beyond this, the measure is what the same suites do with dbus-daemon in the same run."""

# (ID, VERSION_ID) of /etc/os-release: group -> (as root, as an ordinary user)
FLOORS = {
    ('debian', '12'): {
        'dbus-tests normal': (45, 45),
        'dbus-tests normal with config': (74, 71),
        'dbus-tests debug': (49, 49),
        'dbus-tests debug with config': (78, 75),
        'GLib: gdbus': (145, 145),
        'GLib: others': (105, 104),
        'dbus-python': (12, 12),
        'python-dbusmock': (110, 110),
        'xdg-dbus-proxy': (2, 2),
        'sd-bus': (7, 7),
    },
}


def read_os_release(path='/etc/os-release'):
    values = {}
    try:
        with open(path) as f:
            for line in f:
                name, equals, value = line.strip().partition('=')
                if equals:
                    values[name] = value.strip('"\'')
    except OSError:
        pass
    return values.get('ID', ''), values.get('VERSION_ID', '')


def too_few(rows, is_root, release=None):
    """A sentence for each row that is below its floor. is_root: who -> whether that is root."""
    floors = FLOORS.get(release or read_os_release(), {})
    for row in rows:
        floor = floors.get(row.group)
        passed = row.count('passed')
        if floor and passed < floor[0 if is_root(row.who) else 1]:
            yield '%s as %s: %d cases passed, at least %d are there' % (row.group, row.who, passed, floor[0 if is_root(row.who) else 1])
