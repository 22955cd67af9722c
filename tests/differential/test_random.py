# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random sequences. --seed=N --count=1 runs one again."""
import pytest

import compare
from generate import Generator, minimise

# Of many failures that have one cause, so many are enough.
MINIMISE, MINIMISED = 3, []


def pytest_generate_tests(metafunc):
    option = metafunc.config.getoption
    metafunc.parametrize('seed', range(option('seed'), option('seed') + option('count')))


def run_alone(setup, ops):
    pair = compare.Pair(setup)
    try:
        pair.run(ops)
    finally:
        pair.kill()


def difference(setup, ops):
    """What differs when daemons of their own run it, or None."""
    try:
        run_alone(setup, ops)
    except compare.Difference as e:
        return e
    return None


def test_sequence(seed, request):
    generator = Generator(seed, request.config.getoption('ops'))
    ops = generator.sequence()
    try:
        compare.POOL.run(generator.setup, ops)
        return
    except compare.Difference as e:
        found = e
    ops = ops[:len(found.steps)]
    MINIMISED.append(seed)
    if len(MINIMISED) <= MINIMISE and difference(generator.setup, ops):
        ops = minimise(ops, lambda less: difference(generator.setup, less))
        found = difference(generator.setup, ops) or found
    pytest.fail('seed %d, %d operations\n%s\n%s' % (seed, len(ops), generator.setup.text, found), pytrace=False)
