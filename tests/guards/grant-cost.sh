#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Ten thousand grants of a service cost a message to it no instructions that could be measured, against one grant; nor does what is decided cost
# more when somebody has watched it and does not any more.
set -eu
LC_ALL=C
export LC_ALL
: "${SANITIZERS:=no}"
[ "$SANITIZERS" = no ] || exit 77 # valgrind runs no sanitized program; the plain build is measured
command -v valgrind >/dev/null || { echo "valgrind is missing: scripts/deps check" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# instructions GRANTS same|each|watched
instructions() {
    ./libtool --mode=execute valgrind --tool=callgrind --toggle-collect=measured --callgrind-out-file="$work/out" ./grant-cost "$1" "$2" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; exit 1; }
    sed -n 's/^totals: \([0-9]*\)$/\1/p' "$work/out"
}

compare() {
    echo "$1: $2 instructions, then $3"
    [ $(($3 * 100)) -le $(($2 * 103)) ] || { echo "that is more than 3 % more" >&2; exit 1; }
}

one=$(instructions 1 same)
[ "$one" -gt 1000000 ] # 2,000 questions were measured
compare "ten thousand grants to one container" "$one" "$(instructions 10000 same)"
compare "ten thousand grants to fifty containers" "$one" "$(instructions 10000 each)"
compare "watched before" "$one" "$(instructions 1 watched)"
