#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Feeds every fuzz target its corpus: the program fuzz-NAME what is in corpus/NAME. Each has both, or this fails.
set -eu
corpus=${srcdir:-.}/tests/fuzz/corpus
for directory in "$corpus"/*; do
    name=$(basename "$directory")
    echo "$name"
    "./fuzz-$name" "$directory"/*
done
for program in ./fuzz-*; do
    test -d "$corpus/${program#./fuzz-}" || { echo "$program has no corpus" >&2; exit 1; }
done
