#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The pkg-config file says where the module will be and how to compile against its header.
set -u
failed=0
PKG_CONFIG_PATH=$PWD/data
export PKG_CONFIG_PATH

# same WHAT EXPECTED FOUND
same() {
    if [ "$2" != "$3" ]; then
        echo "$1: expected \"$2\", found \"$3\""
        failed=1
    fi
}

same version "$VERSION" "$($PKG_CONFIG --modversion postern)"
same module "$PKGLIBDIR/mediator.so" "$($PKG_CONFIG --variable=module postern)"
same includedir "$INCLUDEDIR" "$($PKG_CONFIG --variable=includedir postern)"
same libs '' "$($PKG_CONFIG --libs postern | tr -d ' ')"
exit $failed
