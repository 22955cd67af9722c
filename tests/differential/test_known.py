# SPDX-License-Identifier: LGPL-2.1-or-later
"""The list of differences, and whether a difference would be seen at all."""
import glob
import os

import pytest

import known
from compare import TABLES, Pair, Step
from daemons import Setup
from generate import minimise
from ops import call, connect, match, peer_call, reply, request
from records import FIELDS

HERE = os.path.dirname(os.path.abspath(__file__))
WITHOUT_TABLE = {'test_random', 'test_known'}


@pytest.mark.parametrize('entry', known.ENTRIES, ids=lambda e: e.id)
def test_entry_is_not_stale(entry):
    """What no scenario needs any more is to be taken off the list."""
    modules = {os.path.basename(p)[:-3] for p in glob.glob(os.path.join(HERE, 'test_*.py'))} - WITHOUT_TABLE
    if modules != set(TABLES) or known.RAN != {(m, name) for m in TABLES for name in TABLES[m]}:
        pytest.skip('not all scenarios were run')
    if not entry.must_be_seen:
        pytest.skip('may be gone in this version of dbus-daemon')
    assert entry.id in known.USED


def test_entries_have_reasons():
    assert len({e.id for e in known.ENTRIES}) == len(known.ENTRIES)
    assert all(len(e.reason) > 30 for e in known.ENTRIES)


OPS = [connect(0), connect(1), match(1, "type='signal'"), request(0, 'com.example.A'), peer_call(1, 'com.example.A', 'M', 's', 'x'), reply(0, 's', 'y'), call(0, 'NoSuch')]


@pytest.fixture(scope='module')
def steps():
    pair = Pair(Setup())
    try:
        yield pair.run(OPS)
    finally:
        pair.kill()


def faults(records):
    """The same with one thing wrong: a record missing, twice, in another place, or with another value."""
    for i, r in enumerate(records):
        yield records[:i] + records[i + 1:]
        yield records[:i] + (r,) + records[i:]
        if i:
            yield records[:i - 1] + (r, records[i - 1]) + records[i + 1:]
        for name in FIELDS:
            yield records[:i] + (r.changed(**{name: 'something else'}),) + records[i + 1:]


def test_every_fault_is_seen(steps):
    n = 0
    for step in steps:
        for conn, records in step.ours.items():
            for wrong in faults(records):
                new = Step(step.op, step.serial, step.stock, {**step.ours, conn: wrong}, step.before)
                new.names, new.setup = step.names, step.setup
                assert known.explain(new) is None, (step.op, wrong)
                n += 1
    assert n > 100


def test_a_message_too_many_for_others_is_seen(steps):
    step = steps[-1]
    new = Step(step.op, step.serial, step.stock, {**step.ours, 1: step.ours[0]}, step.before)
    new.names, new.setup = step.names, step.setup
    assert known.explain(new) is None


def test_minimise():
    assert minimise(list(range(100)), lambda ops: 17 in ops and 80 in ops) == [17, 80]
    assert minimise([1], lambda ops: True) == [1]
