# SPDX-License-Identifier: LGPL-2.1-or-later
"""What callgrind has written, for the guards that count instead of timing."""

import re
from collections import Counter

# Names in full, and a function's cost in one line.
OPTIONS = ['--tool=callgrind', '--collect-systime=yes', '--compress-strings=no', '--compress-pos=no', '--dump-line=no']


def plain_name(name):
    """Without the version of the symbol, and without what callgrind adds for recursion."""
    return re.split("[@']", name)[0]


class Profile:
    """One dump: instructions, and how often each function was called; system: how often each went into the kernel."""

    def __init__(self, path):
        self.instructions, self.system, self.calls = 0, Counter(), Counter()
        self.system_at, self.function, self.inclusive = None, None, False
        with open(path, encoding='utf-8', errors='replace') as f:
            for line in f:
                self.read(line.rstrip('\n'))

    def read(self, line):
        key, _, value = line.partition('=')
        if line.startswith('events:'):
            self.system_at = line.split().index('sysCount')
        elif key == 'fn':
            self.function = plain_name(value)
        elif key == 'cfn':
            self.called = plain_name(value)
        elif key == 'calls':
            self.calls[self.called] += int(value.split()[0])
            self.inclusive = True # the next line is what was called, which is counted where it arises
        elif line[:1].isdigit():
            if not self.inclusive:
                self.count([int(number) for number in line.split()])
            self.inclusive = False

    def count(self, numbers):
        self.instructions += numbers[1]
        if len(numbers) > self.system_at: # zeros at the end are left out
            self.system[self.function] += numbers[self.system_at]
