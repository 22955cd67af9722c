# SPDX-License-Identifier: LGPL-2.1-or-later
"""Profiles compiled for older kernels, whose D-Bus rules a new one silently does not enforce; mode required."""
import contextlib

import lsm
from domain import Bus, is_mute, verdict
from marks import timeout
from test_modes import refuses
from wirebus import DBusError

REQUIRED = '<apparmor mode="required"/>'
SAID = 'AppArmor does not mediate D-Bus for the profile "%s"'
# What says no to all, and what says yes to all that a rule can.
MEDIATED = ('vm.mute', 'vm.bus', 'vm.bare', 'vm.all', 'vm.audit', 'snap.hello.world', 'snap.quietonly', 'vm.eavesdrop')
ANYTHING = 0x08  # none of the permissions that rules for D-Bus give


@contextlib.contextmanager
def only(*names):
    """No other profiles are loaded than these."""
    try:
        for line in lsm.read(lsm.APPARMOR + '/profiles').splitlines():
            lsm.remove(line.rpartition(' ')[0])
        for name in names:
            lsm.load(name)
        yield
    finally:
        lsm.start('apparmor-new')


def test_how_it_is_told():
    """The kernel's own answer to the question that tells whether it mediates: it allows what no rule can allow."""
    def row(profile, mediated):
        lsm.load('change')
        assert lsm.apparmor_allows(profile, lsm.BIND | ANYTHING, 'postern-no-such-bus', 'org.postern.Nobody') == (not mediated)
    for profile in MEDIATED:
        yield profile, row, profile, True
    for profile in ('v8.client', 'v8.service', 'unconf.prof', 'vm.default'):  # the last two are in mode unconfined
        yield profile, row, profile, False


def test_said_once_each():
    lsm.load('change')
    bus = Bus().start()
    for profile in ('v8.client', 'v8.service') * 2:
        peer = bus.peer(profile)
        peer.sync()
        peer.request_name('com.example.Name')
        peer.close()
    for profile in ('vm.bare', 'vm.all', 'vm.client', 'vm.complain'):
        bus.peer(profile).sync()
    log = bus.log()
    assert [log.count(SAID % profile) for profile in ('v8.client', 'v8.service')] == [1, 1], log
    assert log.count('does not mediate D-Bus') == 2, log


def test_required():
    """It mediates here. Whom it does not mediate may nothing."""
    lsm.load('change')
    bus = Bus().start(REQUIRED)
    client, service = bus.peer('vm.client'), bus.peer('vm.service')
    assert verdict(client, service) == 'ok'
    assert verdict(bus.peer('vm.denied'), service) == 'call org.freedesktop.DBus.Error.AccessDenied'
    assert verdict(bus.peer(), bus.peer('vm.all')) == 'ok'
    for profile in ('v8.client', 'v8.service'):
        assert is_mute(bus, profile), profile
        assert bus.log().count(SAID % profile) == 1


@timeout(60)
def test_required_with_old_profiles_only():
    with only('v8'):
        said = refuses(Bus(), body=REQUIRED)
        assert 'bus.conf:6:' in said and 'mediates D-Bus for none of the loaded profiles, such as "v8.' in said, said
        bus = Bus().start()  # not required: it starts, and says so when one comes
        with bus.peer('v8.client') as peer:
            peer.sync()
        assert bus.log_has(SAID % 'v8.client')
        bus.close()
    with only('v8', 'bus'):
        Bus().start(REQUIRED).close()
    with only():
        Bus().start(REQUIRED).close()  # nobody is confined, and whoever will be is looked at


def test_old_profile_of_a_running_bus():
    """A profile that is replaced by one of the old kind is not mediated from then on, and the log says so."""
    bus = Bus().start(REQUIRED)
    client, service = bus.peer('vm.client'), bus.peer('vm.service')
    assert verdict(client, service) == 'ok'
    try:
        with open('%s/v8/less.apparmor' % lsm.POLICY, 'rb') as file:
            lsm.write_once(lsm.APPARMOR + '/.replace', file.read())
        try:
            client.call('GetId')
        except DBusError as e:
            assert e.name.endswith('.AccessDenied')
        else:
            raise AssertionError('it may speak')
        assert bus.log_has(SAID % 'vm.client')
    finally:
        lsm.load('bus')
    assert verdict(client, service) == 'ok'
