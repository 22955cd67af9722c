#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is installed is hardened: position independent, relocations read-only before the first instruction, no executable stack,
# stack canaries.
set -u
failed=0

if [ "$SANITIZERS" = yes ]; then
    echo 'a build with sanitizers is not hardened'
    exit 77
fi

fault() {
    echo "$1: $2"
    failed=1
}

for file in .libs/mediator.so $PROGRAMS; do
    # A program that needs a shared library of the build tree would be a script here, and the binary in .libs.
    [ -f ".libs/$file" ] && file=.libs/$file
    elf=$(readelf -W -h -l -d --dyn-syms "$file") || exit 1
    has() { printf '%s\n' "$elf" | grep -qE "$1"; }
    has '^ +Type: +DYN' || fault "$file" 'is not position independent (-fPIE -pie)'
    has '^ +GNU_RELRO' || fault "$file" 'has no read-only relocations (-z relro)'
    has 'BIND_NOW|FLAGS_1.*NOW' || fault "$file" 'binds lazily (-z now)'
    has '^ +GNU_STACK .* RW +0x' || fault "$file" 'has an executable stack (-z noexecstack)'
    has 'TEXTREL' && fault "$file" 'has text relocations'
    has '__stack_chk_fail' || fault "$file" 'has no stack canaries (-fstack-protector-strong)'
done
exit $failed
