#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What docs/one-message.md names is there: every file, and every function.
usage: tour.py TOP_SRCDIR"""
import os
import re
import sys

import tree

PAGE = 'docs/one-message.md'
NAMED = re.compile(r'`([a-z]+/[\w/.-]+)`|`(\w+)\(\)`')


def faults(top):
    sources = {path: tree.read(top, path) for path in tree.files(top, '.c', '.h')}
    for number, line in enumerate(tree.read(top, PAGE).split('\n'), 1):
        for file, function in NAMED.findall(line):
            if file and not os.path.exists(os.path.join(top, file)):
                yield '%s:%d: there is no %s' % (PAGE, number, file)
            # Defined or declared at the start of a line, not just called.
            if function and not any(re.search(r'^\w[\w\s*]*\b%s\(' % function, text, re.M) for text in sources.values()):
                yield '%s:%d: there is no function %s()' % (PAGE, number, function)


if __name__ == '__main__':
    found = list(faults(sys.argv[1] if len(sys.argv) > 1 else os.environ['top_srcdir']))
    print('\n'.join(found) or 'everything on the tour is there')
    sys.exit(1 if found else 0)
