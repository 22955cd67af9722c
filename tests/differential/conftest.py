# SPDX-License-Identifier: LGPL-2.1-or-later
import os
import signal
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'system')]


def pytest_addoption(parser):
    parser.addoption('--seed', type=int, default=1, help='seed of the first random sequence')
    parser.addoption('--count', type=int, default=300, help='how many random sequences')
    parser.addoption('--ops', type=int, default=60, help='how many operations in each')


def pytest_configure(config):
    # Started in the background of a script, we were born ignoring these, and so would be the daemons.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def pytest_collection_modifyitems(items):
    # Which entries of the list of differences are stale is known when everything else has run.
    items.sort(key=lambda item: item.module.__name__ == 'test_known')


@pytest.fixture(scope='session', autouse=True)
def pool():
    from compare import POOL
    yield POOL
    POOL.finish()
