#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every #include follows build-aux/layers.txt. usage: layers.py TOP_SRCDIR"""

import os
import re
import sys

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<(postern/[^>]+)>)')


def locate(top, name):
    for path in (name, os.path.join('include', name)):
        if os.path.isfile(os.path.join(top, path)):
            return path
    return None


def covers(entry, header):
    if entry.endswith('/.'):
        return os.path.dirname(header) == entry[:-2]
    return header == entry or header.startswith(entry + '/')


def faults(top):
    table = tree.layers(top)
    for name in tree.unlisted_folders(top):
        yield '%s: not in %s' % (name, tree.LAYERS)
    for path in tree.files(top, '.c', '.h'):
        pattern, folder = tree.match_folder(table, path)
        for number, line in enumerate(tree.read(top, path).splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            name = found.group(1) or found.group(2)
            header = locate(top, name)
            if header is None:
                yield '%s:%d: no header "%s", seen from the top of the tree' % (path, number, name)
            elif not any(covers(entry, header) for entry in [folder] + table[pattern]):
                yield '%s:%d: %s may not include %s' % (path, number, pattern, header)


if __name__ == '__main__':
    found = list(faults(sys.argv[1] if len(sys.argv) > 1 else os.environ['top_srcdir']))
    print('\n'.join(found) or 'all includes follow the layers')
    sys.exit(1 if found else 0)
