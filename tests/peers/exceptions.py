# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cases that posternd is not asked to pass: all of them, by name, each with its reason.

They are run all the same, one by one: an exception that passes is reported, since it is no longer needed."""

# (group of suites.py, program without _with_config, case): reason
EXCEPTIONS = {
    ('dbus-tests normal: containers', 'test-containers', '/containers/get-supported-arguments'):
        'asserts that there is no Containers1',
    ('dbus-tests normal: containers', 'test-containers', '/containers/invalid-metadata-getters'):
        'asserts that there is no Containers1',
    ('dbus-tests debug: containers', 'test-containers', '/containers/get-supported-arguments'):
        'asserts that there is no Containers1',
    ('dbus-tests debug: containers', 'test-containers', '/containers/invalid-metadata-getters'):
        'asserts that there is no Containers1',
    ('dbus-tests debug', 'test-dbus-daemon', '/properties/interfaces'):
        'asserts that Debug.Verbose is there, the same case of the normal build that it is not',
}

# Cases that skip themselves by chance: a skip, never a failure, is then no worse than a pass with dbus-daemon.
BY_CHANCE = {
    ('GLib: gdbus', 'gdbus-export', '/gdbus/threaded-unregistration/'):
        'waits for two threads of the client to meet both ways often enough, and gives up when they do not',
}


def skips_by_chance(suite, case):
    return any((group, program) == (suite.group, suite.name) and case.startswith(prefix) for group, program, prefix in BY_CHANCE)


def exceptions_of(suite):
    """case -> reason"""
    group, program = suite.group.replace(' with config', ''), suite.name.replace('_with_config', '')
    return {case: reason for (g, p, case), reason in EXCEPTIONS.items() if (g, p) == (group, program)}
