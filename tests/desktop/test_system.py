# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system bus with the distribution's own configuration: who may start, own, call and hear what, and services that do their work.

They are started by the setuid helper, as on a machine without systemd; user is somebody ordinary, root is root."""
import os
import pwd

import pytest

import buses
import stage
from buses import DRIVER, DRIVER_PATH, processes, read, wait_for

DENIED = 'Access denied'
SUPPLICANT, ACCOUNTS, AVAHI = 'fi.w1.wpa_supplicant1', 'org.freedesktop.Accounts', 'org.freedesktop.Avahi'
SUPPLICANT_PATH = '/fi/w1/wpa_supplicant1'
PAT = '/org/freedesktop/Accounts/User%d' % stage.UID


def call(place, *argv):
    """A method call with sd-bus; (worked, what it said)."""
    p = place.ran('busctl', 'call', *argv)
    return p.returncode == 0, (p.stdout + p.stderr).strip()


def driver_call(place, *argv, interface=DRIVER):
    return call(place, DRIVER, DRIVER_PATH, interface, *argv)


def test_bus(system):
    """The daemon under test gave up root, and serves where the configuration says."""
    pid = system.bus.process.pid
    assert system.bus.program == buses.DAEMON and system.owner(DRIVER) == pid
    assert system.bus.address.startswith('unix:path=/run/dbus/system_bus_socket,guid=')
    assert ('Uid:' + 4 * ('\t%d' % pwd.getpwnam('messagebus').pw_uid)) in read('/proc/%d/status' % pid)
    assert os.stat('/run/dbus/system_bus_socket').st_mode & 0o666 == 0o666


@pytest.mark.parametrize('name', ['org.freedesktop.UPower', SUPPLICANT, AVAHI, 'org.freedesktop.hostname1', 'com.example.Nobody'])
def test_users_own_no_names(system, name):
    assert driver_call(system.user, 'RequestName', 'su', name, '4') == (False, 'Call failed: ' + DENIED)


def test_users_do_not_monitor(system):
    assert DENIED in system.user.ran('busctl', 'monitor').stderr
    rule = "eavesdrop='true',type='method_call'"
    assert driver_call(system.user, 'AddMatch', 's', rule) == (False, 'Call failed: ' + DENIED)
    assert driver_call(system.root, 'AddMatch', 's', rule)[0]


def test_users_do_not_administrate(system):
    for argv in ['UpdateActivationEnvironment', 'a{ss}', '1', 'LD_PRELOAD', '/tmp/evil.so'], ['GetStats']:
        interface = DRIVER + '.Debug.Stats' if argv == ['GetStats'] else DRIVER
        assert driver_call(system.user, *argv, interface=interface) == (False, 'Call failed: ' + DENIED)
    assert driver_call(system.root, 'GetStats', interface=DRIVER + '.Debug.Stats')[0]
    assert driver_call(system.root, 'ReloadConfig')[0]


def test_denied_calls_start_nothing(system):
    """The policy is asked before the service is started. Root may call it, and then it works on the private cable."""
    get = SUPPLICANT, SUPPLICANT_PATH, 'org.freedesktop.DBus.Properties', 'Get', 'ss', SUPPLICANT, 'EapMethods'
    assert call(system.user, *get) == (False, 'Call failed: ' + DENIED)
    assert not system.owner(SUPPLICANT) and not any('wpa_supplicant' in command for command in processes().values())
    made, path = call(system.root, SUPPLICANT, SUPPLICANT_PATH, SUPPLICANT, 'CreateInterface', 'a{sv}', '2',
                      'Ifname', 's', 'cable1', 'Driver', 's', 'wired')
    assert made, path
    system.activated(SUPPLICANT)
    assert '%s/Interfaces/0' % SUPPLICANT_PATH in system.root.run('busctl', 'tree', '--list', SUPPLICANT)
    assert call(system.user, *get) == (False, 'Call failed: ' + DENIED)


def test_failing_helper(system):
    """What only systemd could start: the helper runs /bin/false, and whoever asked is told so."""
    said = system.user.ran('gdbus', 'call', '--system', '-d', 'org.freedesktop.login1', '-o', '/org/freedesktop/login1',
                           '-m', 'org.freedesktop.login1.Manager.ListSessions')
    assert said.returncode != 0 and 'org.freedesktop.DBus.Error.Spawn.ChildExited' in said.stderr, said.stderr


def test_polkit(system):
    """It starts for whoever asks, runs as its own user, and believes the bus about who is asking."""
    assert 'org.freedesktop.hostname1.set-hostname' in system.user.run('pkaction')
    pid = system.activated('org.freedesktop.PolicyKit1')
    assert 'Uid:\t%d\t' % pwd.getpwnam('polkitd').pw_uid in read('/proc/%d/status' % pid)
    check = ['--action-id', 'org.freedesktop.hostname1.set-hostname', '--process']
    system.root.run('pkcheck', *check, '1')
    said = system.user.ran('pkcheck', *check, '1')
    assert said.returncode != 0 and 'Only trusted callers' in said.stderr
    said = system.user.ran('sh', '-c', 'pkcheck --action-id org.freedesktop.hostname1.set-hostname --process $$')
    assert said.returncode != 0 and 'Only trusted callers' not in said.stderr


def test_host_name(system):
    """hostnamed asks polkit, by way of the bus, about whoever asks hostnamed."""
    system.root.run('hostnamectl', 'set-hostname', 'globe')
    assert os.uname().nodename == 'globe' and read('/etc/hostname').strip() == 'globe'
    assert system.user.run('hostnamectl', '--static').strip() == 'globe'
    move = ['hostnamectl', '--no-ask-password', 'set-location', 'Bankside']
    assert 'authentication required' in system.user.ran(*move).stderr
    assert system.user.run('hostnamectl', 'location').strip() == ''
    with open('/etc/polkit-1/rules.d/10-stage.rules', 'w') as f:
        f.write('polkit.addRule(function(action, subject) {\n    if (action.id == "org.freedesktop.hostname1.set-machine-info" && '
                'subject.user == "%s")\n        return polkit.Result.YES;\n});\n' % stage.USER)
    os.chmod('/etc/polkit-1/rules.d/10-stage.rules', 0o644)
    assert wait_for(lambda: system.user.ran(*move).returncode == 0, 5), system.user.ran(*move).stderr
    assert system.user.run('hostnamectl', 'location').strip() == 'Bankside'
    assert system.user.ran('hostnamectl', '--no-ask-password', 'set-hostname', 'swan').returncode != 0 and os.uname().nodename == 'globe'


def test_locale(system):
    system.root.run('localectl', 'set-locale', 'LANG=C.UTF-8', 'LC_TIME=POSIX')
    assert 'LC_TIME=POSIX' in system.user.run('localectl', 'status')
    assert system.user.ran('localectl', '--no-ask-password', 'set-locale', 'LANG=POSIX').returncode != 0


def test_accounts(system):
    """Everybody may change what is their own, root all."""
    assert call(system.user, ACCOUNTS, '/org/freedesktop/Accounts', ACCOUNTS, 'FindUserByName', 's', stage.USER) == (True, 'o "%s"' % PAT)
    system.activated(ACCOUNTS)
    assert call(system.user, ACCOUNTS, PAT, ACCOUNTS + '.User', 'SetEmail', 's', 'pat@example.com')[0]
    assert system.root.run('busctl', 'get-property', ACCOUNTS, PAT, ACCOUNTS + '.User', 'Email') == 's "pat@example.com"\n'
    worked, said = call(system.root, ACCOUNTS, '/org/freedesktop/Accounts', ACCOUNTS, 'FindUserById', 'x', '0')
    root = said.split('"')[1]
    assert worked and not call(system.user, ACCOUNTS, root, ACCOUNTS + '.User', 'SetEmail', 's', 'pat@example.com')[0]
    assert call(system.root, ACCOUNTS, root, ACCOUNTS + '.User', 'SetEmail', 's', 'root@example.com')[0]


def test_power(system):
    assert 'Daemon:' in system.user.run('upower', '--dump')
    system.activated('org.freedesktop.UPower')


def test_colour(system):
    """It runs as another user, which the helper has to become."""
    system.user.run('colormgr', 'get-profiles')
    assert os.stat('/proc/%d' % system.activated('org.freedesktop.ColorManager')).st_uid == pwd.getpwnam('colord').pw_uid
    said = system.user.ran('colormgr', 'create-device', 'curtain', 'disk', 'display')
    assert said.returncode != 0 and 'failed to obtain org.freedesktop.color-manager.create-device auth' in said.stderr + said.stdout
    system.root.run('colormgr', 'create-device', 'curtain', 'disk', 'display')
    assert 'curtain' in system.root.run('colormgr', 'get-devices')


def test_disks(system):
    assert 'org.freedesktop.UDisks2.Manager:' in system.user.run('udisksctl', 'dump')
    system.activated('org.freedesktop.UDisks2')


def test_bolt(system):
    system.user.run('boltctl', 'list')
    system.activated('org.freedesktop.bolt')


def test_realtime(system):
    """It wants to know of the bus which process and user asks to run ahead of others."""
    name, path = 'org.freedesktop.RealtimeKit1', '/org/freedesktop/RealtimeKit1'
    worked, said = call(system.user, name, path, 'org.freedesktop.DBus.Properties', 'Get', 'ss', name, 'MaxRealtimePriority')
    assert worked and said.startswith('v i ')
    system.activated(name)
    worked, said = call(system.user, name, path, name, 'MakeThreadRealtime', 'tu', '1', '1')
    assert not worked and 'No such file or directory' in said, said


def test_avahi(system):
    """One user announces a service on the private cable, another hears of it; who may rename the machine is policy."""
    announcing = system.user.spawn('avahi-publish', '-s', 'Hamlet', '_stage._tcp', '1603', 'act=5')
    assert wait_for(lambda: 'Established' in read(announcing.log_path)), read(announcing.log_path)
    said = wait_for(lambda: [line for line in system.root.run('avahi-browse', '-rtp', '_stage._tcp').splitlines() if line.startswith('=')])
    assert said and 'Hamlet' in said[0] and '"act=5"' in said[0]
    denied = system.user.ran('avahi-set-host-name', 'rose')
    assert denied.returncode != 0 and DENIED in denied.stderr
    system.root.run('avahi-set-host-name', 'rose')
    assert call(system.user, AVAHI, '/', AVAHI + '.Server', 'GetHostName') == (True, 's "rose"')
    announcing.terminate()
    announcing.wait()
