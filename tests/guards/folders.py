#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints the top-level folders with sources, for the guards that are shell scripts."""

import os

import tree

print('\n'.join(tree.folders(os.environ['top_srcdir'])))
