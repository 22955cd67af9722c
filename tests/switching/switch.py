#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Switches a machine to Postern and back, as docs/switching.md says: a Debian or Ubuntu in a container of its own, with systemd as PID 1.

usage: switch.py WORK BUILD SOURCE MEDIATOR_CONFIG

WORK: folder for the guest; what its packages were is kept there for the next run. BUILD: the build tree, whose `make install` puts Postern
into the guest. The guest has no network, and nothing of the host's is written to. Four boots: the stock bus, where the switch is made; a
boot with a faulty configuration, from which there is a way back by hand; Postern, where everything is looked at; the stock bus again.
"""
import os
import shutil
import signal
import subprocess
import sys
import time

STAGES = ('stock', 'rescue', 'postern', 'back')
BOOT_SECONDS = 150
# What a clean shutdown does not have: services that PID 1 had to kill, or had to wait for until something timed out.
UNCLEAN = ('timed out', 'Killing process', 'Failed with result')
SHUTDOWN_SECONDS = 20
TOOLS = {'mmdebstrap': 'mmdebstrap', 'systemd-nspawn': 'systemd-container'}
PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'dbus-user-session', 'libpam-systemd', 'passwd', 'libexpat1', 'libsystemd0', 'libapparmor1',
            'libselinux1', 'libaudit1', 'libcap-ng0']
LEFT_OUT = ['/usr/share/%s/*' % what for what in ('doc', 'man', 'info', 'locale', 'lintian')]
EXPECTED_WARNINGS = [
    'reload refused',  # a faulty file is part of the test
    'Unit switch-missing.service not found',  # so is a service whose unit is missing
    'limit of open descriptors cannot be raised',  # a container may not, where the host's own limit is lower
]

SERVICES = {
    'Unit': 'Exec=/bin/false\nUser=root\nSystemdService=switch-unit.service\n',
    'Plain': 'Exec=/switch/peer serve org.postern.Switch.Plain\nUser=root\n',
    'Broken': 'Exec=/bin/false\nUser=root\nSystemdService=switch-missing.service\n',
}
POLICY = ('<busconfig><policy context="default"><allow own_prefix="org.postern.Switch"/>'
          '<allow send_interface="org.postern.Switch"/></policy></busconfig>\n')
STAGE_UNIT = '''[Unit]
%(order)s
SuccessAction=poweroff
FailureAction=poweroff
[Service]
ExecStart=/switch/guest.sh %(stage)s
StandardOutput=file:/switch/%(stage)s.log
StandardError=inherit
'''


class Failure(Exception):
    """What keeps the test from being run, or from going on."""


def run(*command, **kw):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)
    if done.returncode != 0:
        raise Failure('%s: status %d\n%s' % (' '.join(command), done.returncode, done.stdout[-3000:]))
    return done.stdout


def say(text):
    print(text, flush=True)


def write(root, path, text, mode=0o644):
    full = os.path.join(root, path.lstrip('/'))
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, 'w') as file:
        file.write(text)
    os.chmod(full, mode)


# ---- the guest's files -----------------------------------------------------------------------------------------

def check_tools():
    if os.geteuid() != 0:
        raise Failure('this must be run as root: it boots a machine in a container')
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        raise Failure('these packages are needed: %s' % ' '.join(missing))


def sources():
    """Where this machine's own distribution comes from, so that what was compiled here runs there."""
    with open('/etc/os-release') as file:
        release = dict(line.rstrip('\n').split('=', 1) for line in file if '=' in line)
    origin = release['ID'].strip('"').capitalize()
    listed = run('apt-get', 'indextargets', '--format', '$(CREATED_BY) $(ORIGIN) deb $(REPO_URI) $(RELEASE) $(COMPONENT)')
    prefix = 'Packages %s ' % origin
    lines = sorted({line[len(prefix):] for line in listed.splitlines() if line.startswith(prefix)})
    if not lines:
        raise Failure('apt knows no packages of %s: run apt-get update' % origin)
    return ''.join(line + '\n' for line in lines)


def fetch(work):
    """A tree with a freshly installed minimal system; made once, then taken from WORK."""
    stamp, tarball = os.path.join(work, 'root.stamp'), os.path.join(work, 'root.tar')
    wanted = '\n'.join(PACKAGES + LEFT_OUT) + '\n' + sources()
    if os.path.exists(stamp) and open(stamp).read() == wanted:
        return tarball
    start = time.monotonic()
    listing = os.path.join(work, 'sources.list')
    write(work, 'sources.list', wanted[wanted.index('deb '):])
    run('mmdebstrap', '--mode=root', '--variant=essential', '--include=' + ','.join(PACKAGES),
        *['--dpkgopt=path-exclude=' + path for path in LEFT_OUT], '', tarball, listing)
    write(work, 'root.stamp', wanted)
    say('installed a guest system in %d s' % (time.monotonic() - start))
    return tarball


def furnish(root, build, source, mediator_config):
    """What the guest has besides its distribution: Postern, and what the checks need."""
    run('make', '-C', build, 'install', 'DESTDIR=' + root)
    shutil.copy(os.path.join(build, 'switch-peer'), os.path.join(root, 'switch', 'peer'))
    shutil.copy(os.path.join(source, 'tests/switching/guest.sh'), os.path.join(root, 'switch', 'guest.sh'))
    run('chroot', root, 'useradd', '--create-home', '--shell', '/bin/bash', 'tester')
    write(root, '/var/lib/systemd/linger/tester', '')
    write(root, '/switch/mediator-config', mediator_config + '\n')
    write(root, '/switch/expected', ''.join(line + '\n' for line in EXPECTED_WARNINGS))
    for name, text in SERVICES.items():
        write(root, '/usr/share/dbus-1/system-services/org.postern.Switch.%s.service' % name,
              '[D-BUS Service]\nName=org.postern.Switch.%s\n%s' % (name, text))
    write(root, '/switch/new.service',
          '[D-BUS Service]\nName=org.postern.Switch.New\nExec=/switch/peer serve org.postern.Switch.New\nUser=root\n')
    write(root, '/usr/share/dbus-1/services/org.postern.Switch.Session.service',
          '[D-BUS Service]\nName=org.postern.Switch.Session\nExec=/switch/peer serve org.postern.Switch.Session\n')
    write(root, '/usr/share/dbus-1/system.d/org.postern.Switch.conf', POLICY)
    write(root, '/etc/systemd/system/switch-unit.service',
          '[Service]\nType=dbus\nBusName=org.postern.Switch.Unit\nExecStart=/switch/peer serve org.postern.Switch.Unit\n')
    os.makedirs(os.path.join(root, 'var/log/journal'), exist_ok=True)


def prepare_stage(root, stage):
    uid = run('chroot', root, 'id', '-u', 'tester').strip()
    order = 'After=multi-user.target user@%s.service\nWants=user@%s.service' % (uid, uid)
    # Without a bus logind waits, and with it all that comes after it.
    write(root, '/etc/systemd/system/switch-test.service', STAGE_UNIT % {'order': '' if stage == 'rescue' else order, 'stage': stage})
    link = os.path.join(root, 'etc/systemd/system/multi-user.target.wants/switch-test.service')
    os.makedirs(os.path.dirname(link), exist_ok=True)
    if not os.path.islink(link):
        os.symlink('../switch-test.service', link)


# ---- boots -----------------------------------------------------------------------------------------------------

def control_groups(name):
    """Groups of our own, so that guests do not share any; where systemd runs it makes one for the guest itself."""
    if os.path.isdir('/run/systemd/system'):
        return []
    tops = [path for path in ('/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd')
            if os.path.exists(os.path.join(path, 'cgroup.procs'))]
    return [os.path.join(path, name) for path in tops]


def remove_group(top):
    for folder, _, _ in os.walk(top, topdown=False):
        os.rmdir(folder)


def remove_groups(groups):
    """What was in them ended with the guest's PID 1, but it may take its time."""
    for top in groups:
        for patience in range(100):
            try:
                remove_group(top)
                break
            except OSError as error:
                if patience == 99:
                    say('a control group of the guest stays: %s' % error)
                time.sleep(0.1)


def enter_groups(groups):
    for path in groups:
        with open(os.path.join(path, 'cgroup.procs'), 'w') as file:
            file.write('0')


def end(guest):
    """By asking, by not asking, by force; the last may leave processes behind, as only systemd-nspawn knows its guest."""
    for request in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        guest.send_signal(request)
        try:
            guest.wait(15)
            return
        except subprocess.TimeoutExpired:
            pass


def boot(root, name, console):
    """Boots the guest, which ends itself. True: it did so in time, with status 0."""
    command = ['systemd-nspawn', '--quiet', '--boot', '--register=no', '--private-network', '--settings=no', '--link-journal=no',
               '--resolv-conf=off', '--timezone=off', '--console=pipe', '--machine=' + name, '--directory=' + root]
    groups = control_groups(name)
    if groups:
        command.append('--keep-unit')
    for path in groups:
        os.makedirs(path, exist_ok=True)
    with open(console, 'w') as out:
        guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                                 preexec_fn=lambda: enter_groups(groups))
        try:
            return guest.wait(BOOT_SECONDS) == 0
        except subprocess.TimeoutExpired:
            say('    the guest did not end within %d s: %s' % (BOOT_SECONDS, console))
            end(guest)
            return False
        except BaseException:  # whoever ends the test ends the guest, too
            end(guest)
            raise
        finally:
            remove_groups(groups)


def read_results(root, stage):
    path = os.path.join(root, 'switch', stage + '.results')
    try:
        lines = open(path).read().splitlines()
    except FileNotFoundError:
        return ['not ok the checks: they did not run']
    if lines[-1:] != ['end']:
        return lines + ['not ok the checks: they did not come to their end']
    return lines[:-1]


def end_of_checks(root, stage):
    try:
        return os.path.getmtime(os.path.join(root, 'switch', stage + '.results'))
    except OSError:
        return 0.0


def trouble(root):
    """What PID 1 said of services since the checks ended, and ought not have to."""
    said = run('chroot', root, 'journalctl', '-D', '/var/log/journal', '-b', '-q', '-o', 'cat', '_PID=1').splitlines()
    last = max((n for n, line in enumerate(said) if 'switch-test.service' in line), default=0)
    return [line for line in said[last:] if any(words in line for words in UNCLEAN)]


def run_stage(work, root, stage):
    start = time.monotonic()
    prepare_stage(root, stage)
    console = os.path.join(work, stage + '.console')
    ended = boot(root, 'switch-%d' % os.getpid(), console)
    results = read_results(root, stage)
    seconds = time.time() - end_of_checks(root, stage)
    unclean = trouble(root)
    results.append('ok clean shutdown' if ended and seconds < SHUTDOWN_SECONDS and not unclean else
                   'not ok clean shutdown: it took %d s: %s' % (seconds, '|'.join(unclean) or 'see ' + console))
    log = os.path.join(root, 'switch', stage + '.log')
    if os.path.exists(log):
        shutil.copy(log, os.path.join(work, stage + '.log'))
    failed = [line for line in results if not line.startswith('ok ')]
    say('%-10s %3d checks, %d failed (%d s)' % (stage, len(results), len(failed), time.monotonic() - start))
    for line in failed:
        say('    ' + line)
    return len(results) - len(failed), len(failed)


def main(work, build, source, mediator_config):
    passed = failed = 0
    start = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('check-switch: terminated'))
    root = os.path.join(work, 'root')
    try:
        check_tools()
        os.makedirs(work, exist_ok=True)
        shutil.rmtree(root, ignore_errors=True)
        tarball = fetch(work)
        os.makedirs(os.path.join(root, 'switch'))
        run('tar', '-xf', tarball, '-C', root)
        furnish(root, build, source, mediator_config)
        for stage in STAGES:
            done = run_stage(work, root, stage)
            passed, failed = passed + done[0], failed + done[1]
            if stage == STAGES[0] and failed:
                raise Failure('the guest does not work with its own bus: nothing can be told about another one')
    except (Failure, OSError) as error:
        say('check-switch: %s' % error)
        failed += 1
    say('took %d s; logs of the boots are in %s' % (time.monotonic() - start, work))
    say('%d passed, %d failed' % (passed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    sys.exit(main(*map(os.path.abspath, sys.argv[1:])))
