# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the guests boot into: one small tree for all of them, packed as the kernel wants it."""
import glob
import os
import platform
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig

from kernels import Failure, run

CLIENTS = ('busctl', 'dbus-send', 'gdbus')
TOOLS = {'busybox': 'busybox-static', 'cpio': 'cpio', 'secilc': 'secilc', 'apparmor_parser': 'apparmor', 'busctl': 'systemd',
         'dbus-send': 'dbus-bin', 'gdbus': 'libglib2.0-bin', 'qemu-system-x86_64': 'qemu-system-x86',
         'audit2allow': 'policycoreutils-python-utils', 'aa-logprof': 'apparmor-utils',
         'crun': 'crun', 'podman': 'podman', 'conmon': 'conmon', 'systemd-nspawn': 'systemd-container'}
# What the tests have no use for, of the standard library and of its extensions.
LEFT_OUT = {'test', 'idlelib', 'ensurepip', 'lib2to3', 'distutils', 'tkinter', 'turtledemo', 'pydoc_data', 'asyncio', 'email', 'xml',
            'http', 'xmlrpc', 'wsgiref', 'venv', 'curses', 'dbm', 'sqlite3', 'html', 'multiprocessing', 'unittest', 'site-packages',
            'dist-packages', 'turtle.py', '_pydecimal.py'}
EXTENSIONS = ('_bz2', '_ctypes.', '_hashlib', '_json', '_lzma', '_posixsubprocess', '_queue', '_contextvars', '_struct', '_socket', 'array',
              'fcntl', 'math', 'mmap', 'resource', 'select', 'termios', '_typing', '_random', '_pickle', '_datetime', '_uuid', 'binascii')
USERS = {'root': 0, 'messagebus': 100, 'alice': 1000, 'bob': 1001, 'nobody': 65534}
APPARMOR = ('query', 'bus', 'less', 'table', 'snap')
APPARMOR_NEW = ('change',)  # in words that only a recent parser has
SELINUX_VERSION = '33'
PROGRAM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

INIT = '''#!/bin/busybox sh
# The second serial port carries the results, and nothing else.
/bin/busybox mkdir -p /proc /sys /dev /run /tmp /root
busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sysfs /sys
$busybox mount -t devtmpfs dev /dev
$busybox mount -t tmpfs -o mode=755 tmpfs /run
$busybox mount -t tmpfs -o mode=1777 tmpfs /tmp
$busybox mount -t securityfs securityfs /sys/kernel/security
[ -d /sys/fs/selinux ] && $busybox mount -t selinuxfs selinuxfs /sys/fs/selinux
$busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup
$busybox ln -s /proc/self/fd /dev/fd
$busybox ip link set lo up
export PATH=%(path)s HOME=/root PYTHONDONTWRITEBYTECODE=1 POSTERND=/opt/postern/posternd
if [ -n "$shell" ]; then
    /usr/bin/python3 -S /tests/guest/lsm.py $guest
    $busybox --install -s /bin
    $busybox setsid $busybox cttyhack $busybox sh
elif [ -n "$bench" ]; then
    $busybox stty raw -F /dev/ttyS1
    /usr/bin/python3 -S /tests/guest/cost.py $guest /dev/ttyS1 $bench
else
    $busybox stty raw -F /dev/ttyS1
    /usr/bin/python3 -S /tests/guest/main.py $guest /dev/ttyS1
fi
$busybox poweroff -f
'''


def find(tool):
    """Those of an administrator are not in everybody's $PATH."""
    return shutil.which(tool, path=os.environ.get('PATH', '') + ':' + PROGRAM_PATH)


def check_tools():
    missing = sorted({package for tool, package in TOOLS.items() if find(tool) is None})
    if platform.machine() != 'x86_64':
        raise Failure('the guests run programs of this machine, and have kernels for x86_64 only')
    if missing:
        raise Failure('these packages are needed: %s' % ' '.join(missing))


class Tree:
    """The files of a guest, below a folder. base: another one, which the guest has as well."""

    def __init__(self, root, base=None):
        self.root, self.base = root, base
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(root)

    def path(self, path):
        full = os.path.join(self.root, path.lstrip('/'))
        os.makedirs(os.path.dirname(full), exist_ok=True)
        return full

    def write(self, path, text, mode=0o644):
        with open(self.path(path), 'w') as file:
            file.write(text)
        os.chmod(self.path(path), mode)

    def copy(self, source, path=None):
        shutil.copy2(os.path.realpath(source), self.path(path or source))

    def program(self, source, path=None):
        """A program or a library, and all that it is linked with."""
        self.copy(source, path)
        done = subprocess.run(['ldd', source], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in done.stdout.splitlines():
            if 'not found' in line:
                raise Failure('%s: %s' % (source, line.strip()))
            for word in line.split():
                if word.startswith('/') and not os.path.exists(self.path(word)) and not (self.base and os.path.exists(self.base + word)):
                    self.copy(word)


def add_python(tree):
    """The interpreter that runs this, with the part of its library that tests may want, compiled already."""
    lib = sysconfig.get_path('stdlib')
    tree.program(os.path.realpath(sys.executable), '/usr/bin/python3')
    for name in sorted(os.listdir(lib)):
        source = os.path.join(lib, name)
        if name in LEFT_OUT or name.startswith('config-') or name == 'lib-dynload':
            continue
        if name.endswith('.py'):
            tree.copy(source)
        elif os.path.exists(os.path.join(source, '__init__.py')):
            shutil.copytree(source, tree.path(source), ignore=shutil.ignore_patterns('test', 'tests', '__pycache__', 'cjkencodings'))
    for source in glob.glob(os.path.join(lib, 'lib-dynload', '*.so')):
        if os.path.basename(source).startswith(EXTENSIONS):
            tree.program(source)
    compile_below(tree, tree.path(lib))


def compile_below(tree, folder):
    """Compiling in an emulated machine takes longer than all else there."""
    for base, _, names in os.walk(folder):
        for name in names:
            if name.endswith('.py'):
                source = os.path.join(base, name)
                py_compile.compile(source, dfile='/' + os.path.relpath(source, tree.root), doraise=True, quiet=2,
                                   invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def add_postern(tree, build):
    """As in a build tree, where the daemon finds its module by itself."""
    libs = os.path.join(build, '.libs')
    daemon = next((path for path in (os.path.join(libs, 'posternd'), os.path.join(build, 'posternd')) if os.path.exists(path)), None)
    if daemon is None or not os.path.exists(os.path.join(libs, 'mediator.so')):
        raise Failure('%s has no posternd or no mediator.so: run make' % build)
    tree.program(daemon, '/opt/postern/posternd')
    tree.program(os.path.join(libs, 'mediator.so'), '/opt/postern/.libs/mediator.so')
    oracle = os.path.join(build, 'vm-oracle')
    if not os.path.exists(oracle):
        raise Failure('%s has no vm-oracle: it takes the libraries of AppArmor and SELinux and libsepol' % build)
    tree.program(oracle, '/opt/postern/vm-oracle')


def add_tests(tree, source):
    for name in ('bus.py', 'mediator1.py', 'wirebus.py', 'helpers.py'):
        tree.copy(os.path.join(source, 'tests/system', name), '/tests/system/' + name)
    for path in glob.glob(os.path.join(source, 'tests/vm/guest/*.py')):
        tree.copy(path, '/tests/guest/' + os.path.basename(path))
    compile_below(tree, tree.path('/tests/'))


def changed(text, *changes):
    """Each of (old, new) must be there to be changed."""
    for old, new in changes:
        if old not in text:
            raise Failure('domains.cil has no more: %s' % old)
        text = text.replace(old, new)
    return text


def selinux_variants(lines):
    """(name, lines) of the policy and of those made of it; lsm.py says what they are for."""
    def without(pattern, source=lines):
        return [line for line in source if not re.search(pattern, line)]

    text, talk = ''.join(lines), '(allow cli_t svc_t (dbus (send_msg)))'
    classes, order = '(class dbus (acquire_svc send_msg))', '(classorder (process dbus))'
    unheard = changed(''.join(without(r'\(dbus ', without(r'^\(class dbus'))), (order, '(classorder (process))'))
    # A kernel whose policy denies the unknown denies nearly everything, of which it only complains where the domain is permissive.
    lax = ''.join('(typepermissive %s_t)\n' % name for name in ('kernel', 'busd', 'deny_cli', 'svc'))
    less = without(';first$')
    return [('domains', lines), ('domains2', less), ('hush', ''.join(less) + '(dontaudit cli_t svc_t (dbus (send_msg)))\n'),
            ('more', text + '(type gone_t) (typeattributeset dom (gone_t))\n'),
            ('order', changed(text, (order, '(classorder (dbus process))'), (classes, '(class dbus (send_msg acquire_svc))'))),
            ('flag', changed(text, (talk, '(boolean talk true) (booleanif talk (true %s))' % talk))),
            ('unheard-allow', unheard), ('unheard-deny', changed(unheard, ('(handleunknown allow)', '(handleunknown deny)')) + lax),
            ('noask', changed(text, (order, '(class security (compute_av)) (classorder (process dbus security))')) +
             '(typeattribute asks) (typeattributeset asks (and dom (not (busd_t))))\n'
             '(allow asks unlabeled_t (security (compute_av)))\n')]


def add_selinux(tree, folder):
    with open(os.path.join(folder, 'domains.cil')) as file:
        lines = file.readlines()
    for name, text in selinux_variants(lines):
        cil, out = tree.path('/policy/selinux/%s.cil' % name), tree.path('/policy/selinux/%s.selinux' % name)
        tree.write('/policy/selinux/%s.cil' % name, ''.join(text))
        run(find('secilc'), '-c', SELINUX_VERSION, '-o', out, '-f', '/dev/null', cil)
    # Without it libselinux takes SELinux for disabled, and allows everything.
    tree.write('/etc/selinux/config', 'SELINUX=enforcing\nSELINUXTYPE=test\n')


def add_apparmor(tree, folder):
    """/policy/KIND/NAME.apparmor: those of kind v9 come compiled; v8 are the same, compiled here for kernels that take no others."""
    for kind, name in [('v9', name) for name in APPARMOR + APPARMOR_NEW] + [('v8', name) for name in APPARMOR + ('v8',)]:
        compiled, source = '/policy/%s/%s.apparmor' % (kind, name), '/policy/%s/%s.profiles' % (kind, name)
        if kind == 'v9':
            shutil.copy(os.path.join(folder, 'apparmor-%s-profiles.bin' % name), tree.path(compiled))
            continue
        with open(os.path.join(folder, 'apparmor-%s-profiles' % name)) as file:
            tree.write(source, file.read().replace('<abi/5.0>', '<abi/3.0>'))
        # The features are given, as the kernel's own, without D-Bus in them, would leave its rules out.
        run(find('apparmor_parser'), '--config-file=/dev/null', '--kernel-features=/etc/apparmor.d/abi/3.0', '-Q', '-K', '-T',
            '-o', tree.path(compiled), tree.path(source))


def add_accounts(tree):
    tree.write('/etc/passwd', ''.join('%s:x:%d:%d::/root:/bin/sh\n' % (name, n, n) for name, n in USERS.items()))
    tree.write('/etc/group', ''.join('%s:x:%d:\n' % (name, n) for name, n in USERS.items()))
    tree.write('/etc/nsswitch.conf', 'passwd: files\ngroup: files\n')
    tree.write('/etc/machine-id', '0123456789abcdef' * 2 + '\n')


def build(root, image, build_tree, source, programs=(), others=()):
    """Makes the tree in root and packs it as image. programs: more of the build; others: of this machine, where it has them."""
    tree = Tree(root)
    tree.copy(find('busybox'), '/bin/busybox')
    os.symlink('busybox', tree.path('/bin/sh'))
    add_python(tree)
    add_postern(tree, build_tree)
    for name in programs:
        tree.program(os.path.join(build_tree, name), '/opt/postern/' + name)
    for name in CLIENTS + tuple(name for name in others if find(name)):
        tree.program(find(name), '/usr/bin/' + name)
    add_tests(tree, source)
    add_selinux(tree, os.path.join(source, 'tests/vm/policy'))
    add_apparmor(tree, os.path.join(source, 'tests/vm/policy'))
    add_accounts(tree)
    tree.write('/init', INIT % {'path': PROGRAM_PATH}, 0o755)
    pack(root, image)


def pack(root, image):
    for base, folders, _ in os.walk(root):  # whatever the umask is: users of the guest must get in
        os.chmod(base, 0o755)
    names = subprocess.run(['find', '.'], cwd=root, stdout=subprocess.PIPE, check=True).stdout
    with open(image, 'wb') as out:
        packed = subprocess.run(['cpio', '--quiet', '-o', '-H', 'newc', '-R', '0:0'], cwd=root, input=names, stdout=out)
    if packed.returncode != 0:
        raise Failure('cpio could not pack the guests')
