#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Run by installcheck: what was installed is whole, and a program compiles against it by pkg-config alone.
set -u
failed=0
# With DESTDIR, pkg-config must not look for headers at their later place.
PKG_CONFIG_PATH=$DESTDIR$LIBDIR/pkgconfig
PKG_CONFIG_SYSROOT_DIR=$DESTDIR
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR

fault() {
    echo "installed: $1"
    failed=1
}

module=$($PKG_CONFIG --variable=moduledir postern)/mediator.so
case $module in "$DESTDIR"/*) ;; *) module=$DESTDIR$module ;; esac
[ -f "$module" ] || fault "no $module"
[ -e "${module%.so}.la" ] && fault 'a libtool archive beside the module'
for program in $PROGRAMS; do
    [ -x "$DESTDIR$BINDIR/$program" ] || fault "no $BINDIR/$program"
done
[ -f "$DESTDIR$DATADIR/dbus-1/system.d/org.postern.conf" ] || fault "no $DATADIR/dbus-1/system.d/org.postern.conf"
object=$(mktemp) || exit 1
printf '#include <postern/module.h>\nint x = POSTERN_ABI_MAJOR;\n' |
    $CC $($PKG_CONFIG --cflags postern) -x c -c -o "$object" - || fault 'a program does not compile against postern/module.h'
rm -f "$object"
exit $failed
