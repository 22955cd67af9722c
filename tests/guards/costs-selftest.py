#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How message-cost.py reads, keeps and compares, without a bus."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import costs  # noqa: E402
from callgrind import Profile  # noqa: E402
from costs import Cost  # noqa: E402

DUMP = '''# callgrind format
events: Ir sysCount sysTime

fn=take_message
10 %(messages)d00
cob=/lib/x86_64-linux-gnu/libc.so.6
cfn=malloc
calls=%(messages)d 12
11 9999
12 5
cfn=recvmsg@@GLIBC_2.2.5
calls=%(reads)d 0
12 77 %(reads)d 3

fn=recvmsg@@GLIBC_2.2.5
0 %(reads)d0 %(reads)d 1
'''
HEAD = '# words\n# more words\n'


def on_disk(text):
    """A file that is gone with its object."""
    file = tempfile.NamedTemporaryFile('w+', encoding='utf-8')
    file.write(text)
    file.flush()
    return file


def profile(messages, reads):
    with on_disk(DUMP % {'messages': messages, 'reads': reads}) as file:
        return Profile(file.name)


def sound():
    """Costs as they should be."""
    found = {load: Cost(1000, {'recvmsg': 2}) for load in ('call-64', 'call-1', 'xml-1000/call-64', 'xml-1000/call-1')}
    found.update({load: Cost(9000, {'postern_header_parse': 2, 'postern_header_strip': 1}) for load in costs.FORGED})
    found['broadcast-1'] = Cost(1000, {'recvmsg': 1, 'sendmsg': 10})
    found['connection'] = Cost(5000, {'clock_gettime': 7, 'epoll_ctl': 2, 'malloc': 9})
    return found


class Counting(unittest.TestCase):
    def test_a_dump(self):
        found = profile(3, 2)
        self.assertEqual(found.instructions, 300 + 5 + 20) # what was called counts where it was
        self.assertEqual((found.system['recvmsg'], found.system['take_message']), (2, 0))
        self.assertEqual((found.calls['malloc'], found.calls['recvmsg']), (3, 2))

    def test_what_does_not_belong_to_the_rounds_cancels_out(self):
        cost = Cost.between(profile(4, 3), profile(8, 5), 2, 2)
        self.assertEqual((cost.instructions, cost.counts), (420 / 4, {'recvmsg': 1, 'malloc': 2}))


class Records(unittest.TestCase):
    def test_they_are_read_as_they_were_written(self):
        with on_disk(HEAD) as file:
            costs.write_records(file.name, 'gcc, -O2', sound())
            costs.write_records(file.name, 'another', {'call-1': Cost(1, {})})
            costs.write_records(file.name, 'gcc, -O2', sound())
            head, records = costs.read_records(file.name)
        self.assertEqual(head.strip(), HEAD.strip())
        self.assertEqual(sorted(records), ['another', 'gcc, -O2'])
        self.assertEqual({load: str(cost) for load, cost in records['gcc, -O2'].items()}, {load: str(cost) for load, cost in sound().items()})


class Judging(unittest.TestCase):
    def faults(self, load, instructions=None, but=(), **counts):
        """What is found when this load has changed."""
        found = sound()
        changed = dict(found[load].counts, **counts)
        found[load] = Cost(instructions or found[load].instructions, changed)
        return costs.forbidden(found) + costs.judge(found, sound(), but)

    def test_nothing(self):
        self.assertEqual(self.faults('call-64'), [])

    def test_more_and_less(self):
        self.assertEqual(self.faults('broadcast-1', 1029) + self.faults('broadcast-1', 971), [])
        self.assertIn('3.1 % more', self.faults('broadcast-1', 1031)[0])
        self.assertIn('3.1 % less', self.faults('broadcast-1', 969)[0])

    def test_other_counts(self):
        for change in ({'sendmsg': 11}, {'sendmsg': 9}, {'sendmsg': 10.01}, {'recvfrom': 1}, {'postern_body_validate': 1}):
            self.assertEqual(len(self.faults('broadcast-1', **change)), 1, change)

    def test_what_must_not_be(self):
        for name in costs.NEVER:
            self.assertIn('must not be', ' '.join(self.faults('broadcast-1', **{name: 1})), name)
            self.assertEqual(len(self.faults('broadcast-1', **{name: 1})), 1)
        self.assertEqual(self.faults('broadcast-1', calloc=0.05), [])
        self.assertEqual(len(self.faults('connection', malloc=10)), 1)

    def test_forged(self):
        for load in costs.FORGED:
            self.assertIn('more than 2', self.faults(load, postern_header_parse=3)[0])
            self.assertIn('more than 1', self.faults(load, postern_header_strip=2)[0])
        self.assertIn('times the instructions of forged-to-1,', self.faults('forged-to-10', 9901)[0])

    def test_loads_come_and_go(self):
        found = sound()
        del found['broadcast-1']
        self.assertEqual(costs.judge(found, sound()), ['broadcast-1: recorded, but not measured'])
        self.assertEqual(costs.judge(sound(), found), ['broadcast-1: there is no record of it'])
        self.assertEqual(self.faults('connection', 9000, ('connection',)), [])


if __name__ == '__main__':
    unittest.main()
