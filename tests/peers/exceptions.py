# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cases that posternd is not asked to pass: all of them, by name, each with its reason.

They are run all the same, one by one: an exception that passes is a failure, since it is no longer needed."""

NO_CONTAINERS = 'asserts that there is no Containers1'

# (group of suites.py less " with config", program less "_with_config", case): reason
EXCEPTIONS = {
    ('dbus-tests normal: containers', 'test-containers', '/containers/get-supported-arguments'): NO_CONTAINERS,
    ('dbus-tests normal: containers', 'test-containers', '/containers/invalid-metadata-getters'): NO_CONTAINERS,
    ('dbus-tests debug: containers', 'test-containers', '/containers/get-supported-arguments'): NO_CONTAINERS,
    ('dbus-tests debug: containers', 'test-containers', '/containers/invalid-metadata-getters'): NO_CONTAINERS,
}

# Each build of dbus-tests asserts that Debug.Verbose is there or is not, as in the daemon of the same build, and that in two cases.
WITHOUT, WITH = ('asserts that there is Debug.Verbose, which posternd has when configured with --enable-verbose-mode',
                 'asserts that there is no Debug.Verbose, but posternd was configured with --enable-verbose-mode')
WITHOUT_VERBOSE = {('dbus-tests debug', 'test-dbus-daemon', case): WITHOUT for case in ('/properties/interfaces', '/properties/get-all')}
WITH_VERBOSE = {('dbus-tests normal', 'test-dbus-daemon', case): WITH for case in ('/properties/interfaces', '/properties/get-all')}

# Cases that skip themselves by chance: a skip, never a failure, is then no worse than a pass with dbus-daemon.
BY_CHANCE = {
    ('GLib: gdbus', 'gdbus-export', '/gdbus/threaded-unregistration/'):
        'waits for two threads of the client to meet both ways often enough, and gives up when they do not',
}


def skips_by_chance(suite, case):
    return any((group, program) == (suite.group, suite.name) and case.startswith(prefix) for group, program, prefix in BY_CHANCE)


def exceptions_of(suite, verbose_mode=False):
    """case -> reason. verbose_mode: the daemon under test offers Debug.Verbose."""
    key = suite.group.replace(' with config', ''), suite.name.replace('_with_config', '')
    table = dict(EXCEPTIONS)
    table.update(WITH_VERBOSE if verbose_mode else WITHOUT_VERBOSE)
    return {case: reason for (group, program, case), reason in table.items() if (group, program) == key}
