#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every header compiles alone, and twice. The environment comes from the Makefile.
set -u
failed=0 n=0

# try WHAT LANGUAGE FLAGS: compiles the standard input
try() {
    what=$1 language=$2
    shift 2
    if ! $CC $CPPFLAGS $CFLAGS "$@" -fsyntax-only -Werror -x "$language" -; then
        echo "$what does not compile alone"
        failed=1
    fi
}

for folder in $("$top_srcdir/tests/guards/folders.py"); do
    for header in $(cd "$top_srcdir" && find "$folder" -name '*.h' | sort); do
        n=$((n + 1))
        printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
            try "$header" c $LIBRARY_CFLAGS -include config.h -I. -I"$top_srcdir" -I"$top_srcdir/include"
    done
done

# Others include the interface's header, from older languages and with their own switches.
interface='#include <postern/module.h>
'
for standard in c99 c11; do
    printf '%s' "$interface" | try "postern/module.h as $standard" c -std=$standard -Wall -Wextra -pedantic -I"$top_srcdir/include"
done
if printf 'int x;' | $CC -fsyntax-only -x c++ - 2>/dev/null; then
    printf '%s' "$interface" | try 'postern/module.h as C++' c++ -std=c++11 -Wall -Wextra -pedantic -I"$top_srcdir/include"
else
    echo 'no C++ compiler: postern/module.h was not tried as C++'
fi

# The guard itself: a header that needs another must be noticed.
planted=$(printf 'extern size_t missing;\n' | { try planted c; echo "$failed"; } 2>/dev/null | tail -n 1)
[ "$planted" = 1 ] || { echo 'a planted fault was not noticed'; failed=1; }

echo "$n headers"
[ "$n" -gt 0 ] || failed=1
exit $failed
