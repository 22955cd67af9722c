#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Ten thousand grants of a service cost a message to it no instructions that could be measured, against one grant.
set -eu
LC_ALL=C
export LC_ALL
: "${SANITIZERS:=no}"
[ "$SANITIZERS" = no ] || exit 77 # valgrind runs no sanitized program; the plain build is measured
command -v valgrind >/dev/null || { echo "valgrind is missing: scripts/deps check" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# instructions GRANTS same|each
instructions() {
    ./libtool --mode=execute valgrind --tool=callgrind --toggle-collect=measured --callgrind-out-file="$work/out" ./grant-cost "$1" "$2" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; exit 1; }
    sed -n 's/^totals: \([0-9]*\)$/\1/p' "$work/out"
}

for sort in same each; do
    one=$(instructions 1 $sort)
    many=$(instructions 10000 $sort)
    echo "$sort: $one instructions with one grant, $many with ten thousand"
    [ "$one" -gt 1000000 ] # 2,000 questions were measured
    [ $((many * 100)) -le $((one * 103)) ] || { echo "that is more than 3 % more" >&2; exit 1; }
done
