# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guests' kernels: Debian's, fetched with apt, unpacked into a cache and never installed.

apt works with lists, sources and a cache of its own, below the folder of the cache, so that neither root nor any change of the machine is
needed. Where the packages come from is what the machine's own apt knows; $POSTERN_VM_MIRROR and $POSTERN_VM_SECURITY_MIRROR are for a
machine that is no Debian.
"""
import fcntl
import glob
import os
import re
import shutil
import subprocess
import tempfile
import time

PACKAGE = 'linux-image-cloud-amd64'
KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
# What the guests call a kernel, and the suites of which it is the newest.
SERIES = {'6.1': ('bookworm', 'bookworm-security'), 'new': ('trixie-backports',)}
FRESH_SECONDS = 24 * 3600


class Failure(Exception):
    """What keeps the guests from being run."""


def run(*command, **kw):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)
    if done.returncode != 0:
        raise Failure('%s: status %d\n%s' % (' '.join(command[:6]), done.returncode, (done.stdout + done.stderr)[-2000:]))
    return done.stdout


def mirrors():
    """(Debian's mirror, that of its security updates)"""
    main, security = os.environ.get('POSTERN_VM_MIRROR'), os.environ.get('POSTERN_VM_SECURITY_MIRROR')
    if main is None:
        listed = run('apt-get', 'indextargets', '--format', '$(ORIGIN)|$(CODENAME)|$(REPO_URI)', 'Created-By: Packages').splitlines()
        found = [line.split('|')[1:] for line in listed if line.startswith('Debian|')]
        main = next((uri for suite, uri in found if not suite.endswith('-security')), None)
        security = security or next((uri for suite, uri in found if suite.endswith('-security')), None)
    if main is None:
        raise Failure('apt knows no packages of Debian: run apt-get update, or set POSTERN_VM_MIRROR to the URI of a mirror')
    return main, security


class Apt:
    """apt with everything of its own below a folder."""

    def __init__(self, folder, suites):
        self.folder = folder
        for name in ('state/lists/partial', 'cache/archives/partial'):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        main, security = mirrors()
        with open(self.path('sources.list'), 'w') as file:
            for suite in suites:
                uri = security if suite.endswith('-security') else main
                if uri:
                    file.write('deb [arch=amd64 signed-by=%s] %s %s main\n' % (KEYRING, uri, suite))
        open(self.path('status'), 'a').close()
        settings = {'APT::Architecture': 'amd64', 'APT::Sandbox::User': '', 'Acquire::Languages': 'none',  # _apt may not write here
                    'Dir::State': self.path('state'), 'Dir::State::status': self.path('status'), 'Dir::Cache': self.path('cache'),
                    'Dir::Etc::sourcelist': self.path('sources.list'), 'Dir::Etc::sourceparts': '/dev/null',
                    'Dir::Etc::preferences': '/dev/null', 'Dir::Etc::preferencesparts': '/dev/null'}
        self.options = [word for item in settings.items() for word in ('-o', '%s=%s' % item)]

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, program, *args, **kw):
        return run(program, *args, *self.options, **kw)

    def update(self):
        """Once a day; '' or why the lists are still those of before."""
        stamp = self.path('updated')
        if os.path.exists(stamp) and time.time() - os.path.getmtime(stamp) < FRESH_SECONDS:
            return ''
        try:
            self.run('apt-get', '--error-on=any', '-q', 'update')
        except Failure as error:
            return str(error)
        open(stamp, 'w').close()
        return ''

    def version(self):
        """That of the newest kernel, such as 6.1.0-9-cloud-amd64."""
        found = re.findall(r'Depends: linux-image-(\d\S*)$', self.run('apt-cache', 'depends', PACKAGE), re.M)
        if not found:
            raise Failure('%s does not say which kernel it stands for' % PACKAGE)
        return found[0]

    def unpack(self, version, folder):
        """Newer packages keep the kernel in one of their own, which linux-image-... only depends on."""
        for package in ('linux-binary-' + version, 'linux-image-' + version):
            if not self.run('apt-cache', 'search', '--names-only', '^%s$' % re.escape(package)):
                continue
            self.run('apt-get', '-q', 'download', package, cwd=folder)
            for deb in glob.glob(os.path.join(folder, '*.deb')):
                run('dpkg-deb', '-x', deb, os.path.join(folder, 'tree'))
            for pattern in ('boot/vmlinuz-*', 'usr/lib/modules/*/vmlinuz'):
                for path in glob.glob(os.path.join(folder, 'tree', pattern)):
                    if os.path.isfile(path):
                        return path
        raise Failure('no package of the kernel %s holds it' % version)


def cached(cache, series):
    """The newest that is there, or None."""
    paths = glob.glob(os.path.join(cache, series, 'vmlinuz-*'))
    return max(paths, key=os.path.getmtime) if paths else None


def fetch(cache, series, say):
    """The path of the kernel of a series; its name ends in the version."""
    folder = os.path.join(cache, series)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the cache may be shared
        have = cached(cache, series)
        stale = ''
        try:
            apt = Apt(os.path.join(folder, 'apt'), SERIES[series])
            stale = apt.update()
            version = apt.version()
        except (Failure, OSError) as error:
            if have is None:
                raise Failure('there is no kernel %s: %s' % (series, stale or error))
            stale, version = str(error), have.rsplit('/vmlinuz-', 1)[1]
        if stale:
            say('the kernel %s may be an old one: %s' % (series, stale.strip().splitlines()[-1]))
        path = os.path.join(folder, 'vmlinuz-' + version)
        if not os.path.exists(path):
            if shutil.which('dpkg-deb') is None:
                raise Failure('dpkg-deb is needed to unpack a kernel')
            try:
                with tempfile.TemporaryDirectory(dir=folder) as work:
                    os.rename(apt.unpack(version, work), path)
            except Failure as error:
                if have is None:
                    raise
                say('the kernel %s is not the newest: %s' % (series, str(error).strip().splitlines()[-1]))
                return have
            os.utime(path)
            say('fetched the kernel %s' % version)
        return path
