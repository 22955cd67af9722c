# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mediator's questions to the kernel, and what the files of the policy say without one: every answer must be the same.

The seed is another with each run, and is printed; `seed=N` on the command line of the kernel sets it (run.py --seed=N).
"""
import collections
import os
import re
import subprocess
import sys
import time

import lsm
import questions
from marks import skip_for, timeout

GUEST = sys.argv[1]
NO_SELINUX, NO_APPARMOR = ('apparmor-6.1', 'apparmor-new'), ('selinux-6.1', 'selinux-new')
ORACLE = '/opt/postern/vm-oracle'
COUNT = 1000


def seed():
    found = re.search(r'\bseed=(\d+)', lsm.read('/proc/cmdline'))
    return int(found.group(1)) if found else int.from_bytes(os.urandom(4), 'little')


def read(path):
    with open(path) as file:
        return file.read()


def answers(arguments, asked):
    """[(what the mediator says, what the evaluator says)]"""
    text = ''.join('\t'.join(question) + '\n' for question in asked)
    done = subprocess.run([ORACLE, *arguments], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, (done.returncode, done.stderr)
    found = [tuple(line.split('\t')) for line in done.stdout.decode().splitlines()]
    assert len(found) == len(asked), (len(found), len(asked))
    return found


def length(question):
    """What the kernel is given of it: label, class, and the fields."""
    return len('\0'.join((question[0], ' ' + question[2], *question[3:])).encode())


def same(question, ours, theirs):
    # The kernel takes a little less than a page. The other end of the same is what neither may answer with anything else.
    if 'error EFBIG' in (ours, theirs):
        return length(question) > 4000
    return ours == theirs


def compare(what, arguments, asked, number):
    start = time.monotonic()
    found = answers(arguments, asked)
    counts = collections.Counter(ours for ours, _ in found)
    print('seed %d: %d questions about %s in %.1f s: %s' % (number, len(asked), what, time.monotonic() - start, dict(counts)), flush=True)
    differences = ['%.300r: %s, evaluated: %s' % (question, *pair) for question, pair in zip(asked, found) if not same(question, *pair)]
    for line in differences:
        print('difference: ' + line, flush=True)
    assert not differences, 'seed %d: %d differences, the first: %s' % (number, len(differences), differences[0])
    least = 0.1 if len(asked) == COUNT else 0.02  # fewer questions vary more
    for kind in ('allow', 'deny'):
        share = sum(n for said, n in counts.items() if said.split()[0] == kind) / len(asked)
        assert share >= least, 'seed %d: only %.0f %% of the answers are %s: %s' % (number, 100 * share, kind, dict(counts))


@skip_for(*NO_SELINUX)
@timeout(90)
def test_selinux():
    number = seed()
    asked = questions.selinux(number, COUNT, read('/policy/selinux/domains.cil'))
    compare('domains', ['selinux', '/policy/selinux/domains.selinux'], asked, number)
    try:
        lsm.load('domains2')
        compare('domains2', ['selinux', '/policy/selinux/domains2.selinux'], asked[:COUNT // 4], number)
    finally:
        lsm.load('domains')


@skip_for(*NO_APPARMOR)
@timeout(90)
def test_apparmor():
    def files(names):
        return [os.path.join(lsm.POLICY, lsm.apparmor_file(name)) for name in names]
    number, loaded = seed(), lsm.POLICIES['apparmor']
    asked = questions.apparmor(number, COUNT, ''.join(read('/policy/v8/%s.profiles' % name) for name in loaded))
    compare('all profiles', ['apparmor', *files(loaded)], asked, number)
    try:
        lsm.load('less')
        asked = questions.apparmor(number, COUNT // 4, read('/policy/v8/less.profiles'))
        compare('a profile that took the place of another', ['apparmor', *files(loaded + ['less'])], asked, number)
    finally:
        lsm.load('bus')
