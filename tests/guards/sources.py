#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""House rules that a look at the text can settle. usage: sources.py TOP_SRCDIR"""

import os
import re
import sys

import tree

LICENCE = 'SPDX-License-Identifier: LGPL-2.1-or-later'

# Unbounded writes, the shell, guessable files, the caller's stack, and what belongs to the whole process.
FORBIDDEN = re.compile(r'(?<![\w.>])(strcpy|strcat|stpcpy|v?sprintf|gets|system|popen|tmpnam|tempnam|mktemp|alloca|setlocale)\s*\(')
UTHASH = re.compile(r'^\s*#\s*include\s*[<"]uthash\.h[>"]')


def scripts(top):
    """Scripts have no common ending."""
    for folder in ('scripts', '.ci'):
        if os.path.isdir(os.path.join(top, folder)):
            yield from sorted(os.path.join(folder, name) for name in os.listdir(os.path.join(top, folder))
                              if os.path.isfile(os.path.join(top, folder, name)))


def faults(top):
    for path in list(tree.files(top, '.py', '.sh')) + list(scripts(top)):
        # Behind the line that names the interpreter, if there is one.
        if not any(LICENCE in line for line in tree.read(top, path).split('\n')[:2]):
            yield '%s:1: no line "%s" at the top' % (path, LICENCE)
    for path in tree.files(top, '.c', '.h'):
        text = tree.read(top, path)
        if LICENCE not in text.split('\n')[0]:
            yield '%s:1: the licence is not the first line' % path
        for number, line in tree.code_lines(text):
            for found in FORBIDDEN.finditer(line):
                yield '%s:%d: %s() is not used here' % (path, number, found.group(1))
        for number, line in enumerate(text.splitlines(), 1):
            if UTHASH.match(line) and path != 'util/hash.h':
                yield '%s:%d: uthash only through util/hash.h, which keys it' % (path, number)


if __name__ == '__main__':
    found = list(faults(sys.argv[1] if len(sys.argv) > 1 else os.environ['top_srcdir']))
    print('\n'.join(found) or 'all sources keep the house rules')
    sys.exit(1 if found else 0)
