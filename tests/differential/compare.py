# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a sequence of operations against both daemons in lock step and compares what every connection gets after each."""
import itertools
import time

import known
from daemons import OURS, STOCK, Daemon, NotStarted, Setup
from ops import connect
from wirebus import Closed


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
        except BaseException as e:
            self.stock.kill()
            raise AssertionError('dbus-daemon starts, posternd does not') from e

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
        step = Step(op, self.stock.last_serial, self.stock.take(), self.ours.take(), before)
        step.setup, step.names = self.setup, {n: c.name for n, c in self.ours.conns.items()}
        return step

    def run(self, ops, stock_dies=False):
        """Raises Difference with all steps up to the first one that nothing explains; returns the steps otherwise. stock_dies: may the
        stock daemon crash?"""
        steps, self.spoilt = [], True
        if any(d.quiet for d in self.daemons()):
            ops = ops[:12]  # where nobody gets an answer, nothing more comes of it
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
        except (TimeoutError, Closed) as e:
            time.sleep(0.2)  # for one that is dying
            if stock_dies and self.stock.process.poll() is not None and self.ours.process.poll() is None:
                known.USED.add('stock-dies')
                return steps
            e = '; '.join('%s has died with %d' % (d.kind, d.process.poll()) for d in self.daemons() if d.process.poll() is not None) or e
            raise Difference(steps, 'operation %d (%r): %s' % (len(steps) + 1, ops[len(steps)], e))
        finally:
            self.finish_sequence()
        return steps

    def finish_sequence(self):
        try:
            alive = [d.finish_sequence() for d in self.daemons()]
        except (OSError, AssertionError, Closed):
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

    def run(self, setup, ops, **kw):
        pair = self.get(setup)
        try:
            steps = pair.run(ops, **kw)
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
    """Operations, before which n connections are made. fresh: with daemons of their own. refused: no daemon starts with this setup.
    stock_dies: older versions of dbus-daemon crash here."""

    def __init__(self, *ops, n=3, fresh=False, refused=False, stock_dies=False, **more):
        self.refused, self.stock_dies, self.setup = refused, stock_dies, Setup(**more)
        self.fresh, self.ops = fresh, [connect(i) for i in range(n)] + flatten(ops)

    def run(self):
        if self.refused:
            return self.run_refused()
        if not self.fresh:
            return POOL.run(self.setup, self.ops, stock_dies=self.stock_dies)
        pool = Pool()
        try:
            return pool.run(self.setup, self.ops, stock_dies=self.stock_dies)
        finally:
            pool.finish()

    def run_refused(self):
        for kind in (STOCK, OURS):
            try:
                Daemon(kind, self.setup).kill()
            except NotStarted:
                continue
            raise AssertionError('%s starts with\n%s' % (kind, self.setup.text))


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
