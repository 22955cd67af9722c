# SPDX-License-Identifier: LGPL-2.1-or-later
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import buses  # noqa: E402

running = []


@pytest.fixture(scope='session')
def system():
    """The machine's system bus: one for all tests, so that services meet each other as they do on a desktop."""
    s = buses.System()
    running.append(s.bus)
    yield s.start()


@pytest.fixture(scope='session')
def session(system):
    """A user's session on that machine."""
    s = buses.Session()
    running.append(s.bus)
    try:
        yield s.start()
    finally:
        s.end_by_force()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What went wrong is often told by a bus alone."""
    report = (yield).get_result()
    if report.failed:
        for bus in running:
            report.sections.append(('end of the log of the %s bus' % bus.kind, bus.log()[-2000:]))
