#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The module exports its one symbol and leaves the process alone; the daemon exports nothing of ours.
set -u
failed=0
module=.libs/mediator.so

exported() { nm -D --defined-only "$1" | awk '{print $NF}' | sed 's/@.*//'; }

found=$(exported $module) || exit 1
if [ "$found" != postern_module_v1 ]; then
    echo "$module exports:" $found
    failed=1
fi

found=$(exported posternd | grep -i postern)
if [ -n "$found" ]; then
    echo "posternd exports:" $found
    failed=1
fi

# What belongs to the whole process is its host's: locale, signals, environment, umask, working folder, identity, children, standard
# output (module.h, "never changes process-wide state").
found=$(nm -D --undefined-only $module | awk '{print $NF}' | sed 's/@.*//' | grep -xE "$(echo '
    setlocale|uselocale|signal|sigaction|sigprocmask|pthread_sigmask|setenv|unsetenv|putenv|clearenv|umask|chdir|fchdir|chroot|
    set(e|re|res|fs)?[ug]id|setgroups|initgroups|v?fork|clone|posix_spawnp?|exec[lv]p?e?|system|popen|_?exit|
    (__)?v?f?printf(_chk)?|puts|putchar|stdout|stderr|selinux_set_callback' | tr -d ' \n')")
if [ -n "$found" ]; then
    echo "$module uses:" $found
    failed=1
fi
exit $failed
