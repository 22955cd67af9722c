# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a sequence of operations against both daemons in lock step and compares what every connection gets after each."""
import itertools
import time

import known
from daemons import OURS, STOCK, Daemon, Setup
from ops import connect


class Step:
    """One operation and what it caused: {connection: records} of each daemon."""

    def __init__(self, op, serial, stock, ours, before=()):
        """serial: of the message that the operation sent. before: the steps until now."""
        self.op, self.serial, self.stock, self.ours, self.before, self.explained = op, serial, stock, ours, before, ()


class Difference(AssertionError):
    def __init__(self, steps, why):
        super().__init__(why + '\n' + '\n'.join(side_by_side(steps)))
        self.steps, self.why = steps, why


def side_by_side(steps, width=88):
    """Both transcripts, the stock daemon's on the left; lines that differ begin with '!', or '~' when the
    difference is a known one."""
    yield '  %-*s | %s' % (width, STOCK, OURS)
    for step in steps:
        yield '%r%s' % (step.op, ''.join(' (%s)' % e.id for e in step.explained or ()))
        for conn in sorted(set(step.stock) | set(step.ours)):
            for a, b in itertools.zip_longest(step.stock.get(conn, ()), step.ours.get(conn, ())):
                left, right = ('' if r is None else '%d: %r' % (conn, r) for r in (a, b))
                mark = ' ' if a is not None and b is not None and a == b else '!' if step.explained is None else '~'
                for i in range(0, max(len(left), len(right), 1), width):
                    yield '%s   %-*s | %s' % (mark, width, left[i:i + width], right[i:i + width])


class Pair:
    """Both daemons with the same setup, which several sequences may use one after the other."""

    def __init__(self, setup):
        self.setup, self.spoilt = setup, False
        self.stock = Daemon(STOCK, setup)
        try:
            self.ours = Daemon(OURS, setup)
        except BaseException:
            self.stock.kill()
            raise

    def daemons(self):
        return self.stock, self.ours

    def step(self, op, before):
        for d in self.daemons():
            d.do(op)
        if op.kind == 'wait':
            time.sleep(op.seconds)
        for d in self.daemons():
            if op.until:
                d.wait_until(op)
            d.drain(op)
        return Step(op, self.stock.last_serial, self.stock.take(), self.ours.take(), before)

    def run(self, ops):
        """Raises Difference with all steps up to the first one that nothing explains; returns the steps otherwise."""
        steps, self.spoilt = [], True
        try:
            for op in ops:
                step = self.step(op, tuple(steps))
                steps.append(step)
                step.explained = known.explain(step)
                if step.explained is None:
                    raise Difference(steps, 'unexplained difference after operation %d' % len(steps))
                if any(e.ends for e in step.explained):
                    return steps  # the two are in different states now
            self.spoilt = False
        except TimeoutError as e:
            raise Difference(steps, 'operation %d (%r): %s' % (len(steps) + 1, ops[len(steps)], e))
        finally:
            self.finish_sequence()
        return steps

    def finish_sequence(self):
        try:
            alive = [d.finish_sequence() for d in self.daemons()]
        except (OSError, AssertionError):
            alive = [False]
        self.spoilt = self.spoilt or not all(alive)

    def finish(self):
        """Ends both daemons and checks how they end."""
        try:
            self.stock.kill()
        finally:
            self.ours.finish()

    def kill(self):
        for d in self.daemons():
            d.kill()


class Pool:
    """Pairs that are running, by setup: starting daemons takes longer than most sequences."""
    SIZE = 4

    def __init__(self):
        self.pairs = {}

    def get(self, setup):
        key = setup.key()
        if key not in self.pairs:
            while len(self.pairs) >= self.SIZE:
                self.pairs.pop(next(iter(self.pairs))).finish()
            self.pairs[key] = Pair(setup)
        return self.pairs[key]

    def run(self, setup, ops):
        pair = self.get(setup)
        try:
            steps = pair.run(ops)
        except BaseException:
            del self.pairs[setup.key()]
            crash = pair.ours.process.poll()
            log = pair.ours.log()
            pair.kill()
            if crash is not None:
                raise AssertionError('posternd died with %d:\n%s' % (crash, log))
            raise
        if pair.spoilt:
            del self.pairs[setup.key()]
            pair.finish()
        return steps

    def finish(self):
        try:
            for pair in self.pairs.values():
                pair.finish()
        finally:
            for pair in self.pairs.values():
                pair.kill()
            self.pairs = {}


POOL = Pool()
TABLES = {}


class Scenario:
    """Operations, before which n connections are made. fresh: with daemons of their own."""

    def __init__(self, *ops, n=3, fresh=False, setup=None, **more):
        self.setup = setup or Setup(**more)
        self.fresh, self.ops = fresh, [connect(i) for i in range(n)] + flatten(ops)

    def run(self):
        if not self.fresh:
            return POOL.run(self.setup, self.ops)
        pool = Pool()
        try:
            return pool.run(self.setup, self.ops)
        finally:
            pool.finish()


def flatten(ops):
    out = []
    for op in ops:
        out += flatten(op) if isinstance(op, (list, tuple)) else [op]
    return out


def table(module, scenarios):
    """Registers the scenarios of a test module; returns the parameters of its test."""
    TABLES[module] = set(scenarios)
    return sorted(scenarios)


def check(module, scenarios, name):
    known.RAN.add((module, name))
    scenarios[name].run()
