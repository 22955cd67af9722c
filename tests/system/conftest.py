# SPDX-License-Identifier: LGPL-2.1-or-later
import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bus as bus_module  # noqa: E402


def pytest_addoption(parser):
    parser.addoption('--seed', type=int, default=1, help='seed of the first random scene of test_order.py')
    parser.addoption('--count', type=int, default=40, help='how many of them')


def pytest_configure(config):
    # Started in the background of a script or by nohup, we were born ignoring these, and so would be all programs that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    config.addinivalue_line('markers', 'postern: says more than dbus-daemon does; not run against it')


def pytest_collection_modifyitems(config, items):
    """POSTERN_TEST_DAEMON=dbus-daemon proves the tests themselves: what both daemons must do."""
    if bus_module.STOCK:
        skip = pytest.mark.skip(reason='not a feature of dbus-daemon')
        for item in items:
            if item.get_closest_marker('postern'):
                item.add_marker(skip)


@pytest.fixture
def new_bus():
    """A bus that the test starts itself, with its own configuration."""
    b = bus_module.Bus()
    yield b
    b.finish()


@pytest.fixture
def bus(new_bus):
    """A running session bus that allows everything to everybody uncontained."""
    return new_bus.start()
