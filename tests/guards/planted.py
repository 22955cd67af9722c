#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guards of the text can fail: each planted fault is found, and a sound tree passes. usage: planted.py TOP_SRCDIR"""

import contextlib
import os
import shutil
import sys
import tempfile

import layers
import sources
import tree

SPDX = '/* SPDX-License-Identifier: LGPL-2.1-or-later */\n'
SOUND = {
    'include/postern/module.h': SPDX,
    'util/hash.h': SPDX + '#include <uthash.h>\n',
    'wire/name.h': SPDX + '#include "util/hash.h"\n',
    'wire/header.h': SPDX,
    'core/rule.h': SPDX,
    'core/mediator.h': SPDX,
    'backends/backend.h': SPDX,
    'backends/socket/socket.h': SPDX,
    'backends/registry.c': SPDX + '#include "backends/socket/socket.h"\n',
    'backends/cgroup/cgroup.c': SPDX + '#include "backends/backend.h"\n#include "core/rule.h"\n',
    'daemon/main.c': SPDX + '/* strcpy( */ // gets(\nconst char *x = "system(";\nint y = a.popen(1) + my_system(2);\n',
    'scripts/check': '#!/bin/bash\n# SPDX-License-Identifier: LGPL-2.1-or-later\n',
    'build-1/config.status': '',
    'build-1/config.h': '',
}

# guard, file, text appended to it, what the guard must say and nothing else
FAULTS = [
    (layers, 'util/hash.h', '#include "wire/name.h"', 'util/hash.h:3: util may not include wire/name.h'),
    (layers, 'wire/name.h', '#include "core/rule.h"', 'wire may not include core/rule.h'),
    (layers, 'config/file.h', '#include "wire/header.h"', 'config may not include wire/header.h'),
    (layers, 'daemon/main.c', '#include "core/rule.h"', 'daemon may not include core/rule.h'),
    (layers, 'tools/run.c', '#include "core/mediator.h"', 'tools may not include core/mediator.h'),
    (layers, 'backends/cgroup/cgroup.c', '#include "backends/socket/socket.h"', 'backends/* may not include backends/socket/socket.h'),
    (layers, 'backends/backend.h', '#include "daemon/loader.h"', 'no header "daemon/loader.h"'),
    (layers, 'module/module.c', '  #  include <postern/absent.h>', 'no header "postern/absent.h"'),
    (layers, 'include/postern/module.h', '#include "util/hash.h"', 'include may not include util/hash.h'),
    (layers, 'wire/header.h', '#include "name.h"', 'no header "name.h", seen from the top'),
    (layers, 'extra/new.c', SPDX, 'extra: not in build-aux/layers.txt'),
    (sources, 'core/new.c', '#include <string.h>', 'core/new.c:1: the licence is not the first line'),
    (sources, 'tests/system/new.py', 'import os', 'tests/system/new.py:1: no line "SPDX'),
    (sources, 'scripts/new', '#!/bin/sh', 'scripts/new:1: no line "SPDX'),
    (sources, 'core/rule.h', '#include <uthash.h>', 'core/rule.h:2: uthash only through util/hash.h'),
] + [(sources, 'core/rule.h', '/* a\n */ x = %s (y);' % name, 'core/rule.h:3: %s() is not used here' % name)
     for name in ('strcpy', 'strcat', 'sprintf', 'vsprintf', 'gets', 'system', 'popen', 'tmpnam', 'mktemp', 'alloca', 'setlocale')]


def make_tree(top, layers_file):
    os.mkdir(os.path.join(top, 'build-aux'))
    shutil.copy(layers_file, os.path.join(top, tree.LAYERS))
    for path, text in SOUND.items():
        os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
        with open(os.path.join(top, path), 'w', encoding='utf-8') as f:
            f.write(text)


@contextlib.contextmanager
def plant(layers_file, path, text):
    """A tree with the fault in it, or a sound one."""
    top = tempfile.mkdtemp(prefix='postern-guards-')
    try:
        make_tree(top, layers_file)
        if path is not None:
            os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
            with open(os.path.join(top, path), 'a', encoding='utf-8') as f:
                f.write(text + '\n')
        yield top
    finally:
        shutil.rmtree(top)


def main(top):
    failed = 0
    for guard, path, text, expected in [(layers, None, '', ''), (sources, None, '', '')] + FAULTS:
        with plant(os.path.join(top, tree.LAYERS), path, text) as planted:
            found = list(guard.faults(planted))
        good = not found if path is None else len(found) == 1 and expected in found[0]
        if not good:
            failed += 1
            print('%s, %s: expected "%s", found %s' % (guard.__name__, path, expected, found))
    print('%d of %d planted faults were noticed' % (len(FAULTS) + 2 - failed, len(FAULTS) + 2))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.environ['top_srcdir']))
