# SPDX-License-Identifier: LGPL-2.1-or-later
"""The source tree as the guards see it."""

import fnmatch
import os
import re

LAYERS = 'build-aux/layers.txt'


def read(top, path):
    with open(os.path.join(top, path), encoding='utf-8') as f:
        return f.read()


def layers(top):
    """folder pattern -> what it may include"""
    table = {}
    for line in read(top, LAYERS).splitlines():
        line = line.split('#')[0].strip()
        if line:
            folder, _, allowed = line.partition(':')
            table[folder.strip()] = allowed.split()
    return table


def folders(top):
    """The top-level folders of the table that exist."""
    names = {name.split('/')[0] for name in layers(top)}
    return sorted(name for name in names if os.path.isdir(os.path.join(top, name)))


def unlisted_folders(top):
    """Top-level folders with C sources that the table forgets. Build folders (config.status) and hidden ones do not count, nor
    those of make distcheck, which begin with an underscore."""
    known = folders(top)
    for name in sorted(os.listdir(top)):
        path = os.path.join(top, name)
        if name in known or name[0] in '._' or not os.path.isdir(path) or os.path.exists(os.path.join(path, 'config.status')):
            continue
        if any(f.endswith(('.c', '.h')) for _, dirs, files in os.walk(path) for f in files if 'config.status' not in files):
            yield name


def files(top, *suffixes):
    """Paths, from the top, of the files with these endings in the folders of the table."""
    for folder in folders(top):
        for base, dirs, names in os.walk(os.path.join(top, folder)):
            dirs[:] = sorted(d for d in dirs if d[0] != '.' and d != '__pycache__')
            for name in sorted(names):
                if name.endswith(suffixes):
                    yield os.path.relpath(os.path.join(base, name), top)


def match_folder(table, path):
    """The line of the table that holds for a file: the one with the longest matching folder."""
    folder = os.path.dirname(path)
    while folder:
        for name in table:
            if fnmatch.fnmatchcase(folder, name) and folder.count('/') == name.count('/'):
                return name, folder
        folder = os.path.dirname(folder)
    return None, None


COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_lines(text):
    """The lines of a C source without comments and the contents of strings, numbered from 1."""
    def blank(found):
        return '\n' * found.group().count('\n') if found.group()[0] == '/' else '""'
    return enumerate(COMMENT_OR_STRING.sub(blank, text).split('\n'), 1)
