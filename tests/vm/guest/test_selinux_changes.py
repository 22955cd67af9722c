# SPDX-License-Identifier: LGPL-2.1-or-later
"""SELinux's policy changes while the bus runs: what was asked before must not be believed after."""
import contextlib

import lsm
from domain import Bus, verdict
from marks import timeout
from trail import Records, fields, value
from traffic import check_changes, ping, refused, send_many, settled
from wirebus import DBusError

DENIED = 'call org.freedesktop.DBus.Error.AccessDenied'
ASSOCIATE = '<selinux><associate own="com.example.Service" context="%s"/></selinux>'
NAME_CONTEXT = 'system_u:object_r:svc_name_t:s0'


@contextlib.contextmanager
def policy(name):
    """Another one than domains, and domains again afterwards, whatever comes."""
    try:
        lsm.load(name)
        yield
    finally:
        lsm.enforce(True)
        lsm.load('domains')


def pair(bus):
    return bus.peer('cli_t'), bus.peer('svc_t')


def results(client, count):
    return [client.result() for _ in range(count)]


def test_load_amid_traffic():
    bus = Bus().start()
    client, service = pair(bus)
    assert verdict(client, service) == 'ok'
    send_many(client, service, 60)
    with policy('domains2'):
        send_many(client, service, 30)
        before, after = results(client, 60), results(client, 30)
        got, refused = settled(client, service)
        assert set(after) <= refused, 'allowed after the policy was loaded: %r' % (set(after) - refused)
        assert got | refused == set(before + after) and not got & refused
        assert not got or not refused or max(got) < min(refused), (got, refused)
    send_many(client, service, 30)
    again = results(client, 30)
    assert settled(client, service) == (set(again), set())
    assert verdict(service, client) == 'ok'


@timeout(120)
def test_change_between_messages():
    """What is kept ends with the policy: the first message that is sent after it has changed is decided by the new one. Neither answer leaves a
    record, so that both are kept."""
    def row(allow, deny):
        bus = Bus().start()
        client, service = pair(bus)
        client.do('become', 'kernel_t')
        with policy('hush'):
            with Records() as records:
                check_changes(client, service, allow, deny, 1)
                assert not records.matching('member=Quiet')
            check_changes(client, service, allow, deny, 200)
    yield 'load', row, (lsm.load, 'domains'), (lsm.load, 'hush')
    yield 'enforce', row, (lsm.enforce, False), (lsm.enforce, True)


def test_loads_back_and_forth():
    """Each answer belongs to one of two policies, and to the one that is in force."""
    bus = Bus().start()
    client, service = pair(bus)
    with policy('domains2'):
        for name, wanted in (('domains', 'ok'), ('domains2', DENIED)) * 4:
            lsm.load(name)
            assert verdict(client, service) == wanted


def test_boolean():
    bus = Bus().start()
    client, service = pair(bus)
    with policy('flag'):
        for on in (True, False, True, False):
            lsm.set_boolean('talk', on)
            assert verdict(client, service) == ('ok' if on else DENIED)


def test_enforcing_toggled():
    bus = Bus().start()
    client, service = bus.peer('deny_cli_t'), bus.peer('svc_t')
    with Records() as records:
        assert verdict(client, service) == DENIED
        records.wait('send_msg', 'scontext=' + lsm.context('deny_cli_t'), 'permissive=0')
        try:
            lsm.enforce(False)
            records.forget()
            assert verdict(client, service) == 'ok'
            text = records.wait('denied', 'scontext=' + lsm.context('deny_cli_t'), 'permissive=1')
        finally:
            lsm.enforce(True)
        assert verdict(client, service) == DENIED
    assert text.startswith('avc:  denied  { send_msg } for  msgtype=method_call path=/obj '
                           'interface=com.example.Iface member=Ping dest=:'), text
    assert fields(text) == ['msgtype', 'path', 'interface', 'member', 'dest', 'spid', 'tpid', 'scontext', 'tcontext', 'tclass',
                            'permissive'], text
    assert (value(text, 'spid'), value(text, 'tpid'), value(text, 'tclass')) == (str(client.pid), str(service.pid), 'dbus')
    assert value(text, 'tcontext') == lsm.context('svc_t')


def test_permissive_domain():
    bus = Bus().start()
    service = bus.peer('svc_t')
    with Records() as records:
        lax = bus.peer('lax_t')
        lax.sync()
        records.wait('member=GetId', 'scontext=' + lsm.context('lax_t'), 'permissive=1')
        ping(lax, service)
        service.wait_call('Ping')
        records.wait('member=Ping', 'scontext=' + lsm.context('lax_t'), 'tcontext=' + lsm.context('svc_t'), 'permissive=1')
        # What is permissive is the source's domain: nobody else may send to it for that.
        assert verdict(service, lax) == DENIED
        assert verdict(bus.peer('deny_cli_t'), service) == DENIED
        assert not [text for text in records.matching('permissive=1') if 'scontext=' + lsm.context('lax_t') not in text]


def test_type_removed():
    with policy('more'):
        bus = Bus().start()
        gone, other = bus.peer('gone_t'), bus.peer('unconfined_t')
        assert verdict(other, gone).startswith('reply')
        with Records() as records:
            lsm.load('domains')
            assert refused(other, ping(other, gone)) and refused(gone, ping(gone, other))
            text = records.wait('tcontext=' + lsm.context('gone_t'))
            assert value(text, 'info') == 'EINVAL' and value(text, 'permissive') == '0', text
            lsm.enforce(False)
            ping(other, gone)
            gone.wait_call('Ping')
            records.wait('tcontext=' + lsm.context('gone_t'), 'permissive=1')
        gone.close()


def test_class_numbers_change():
    """What was called send_msg is acquire_svc now, by its number."""
    bus = Bus().start(ASSOCIATE % NAME_CONTEXT)
    client, service = pair(bus)
    number = lsm.read(lsm.SELINUX + '/class/dbus/index')
    assert service.request_name('com.example.Service') == 1 and verdict(client, service) == 'ok'
    with policy('order'):
        assert lsm.read(lsm.SELINUX + '/class/dbus/index') != number
        assert verdict(client, service) == 'ok' and verdict(bus.peer('deny_cli_t'), service) == DENIED
        service.release_name('com.example.Service')
        assert client.do('error', 'RequestName', 'su', 'com.example.Service', 0).endswith('.AccessDenied')
        assert service.request_name('com.example.Service') == 1
    assert verdict(client, service) == 'ok'


def test_policy_without_the_class():
    def row(name, wanted):
        bus = Bus().start()
        client, service = bus.peer('deny_cli_t'), bus.peer('svc_t')
        assert verdict(client, service) == DENIED
        with policy(name), Records() as records:
            serial = ping(client, service)
            if wanted:
                service.wait_call('Ping')
                assert not records.read()
            else:
                assert refused(client, serial)
                records.wait('denied  { send_msg }', 'permissive=0')
                lsm.enforce(False)
                ping(client, service, 'Pong')
                service.wait_call('Pong')
                records.wait('member=Pong', 'permissive=1')
        assert verdict(client, service) == DENIED
    yield 'allow', row, 'unheard-allow', True
    yield 'deny', row, 'unheard-deny', False


def test_bus_may_not_ask():
    bus = Bus('busd_t').start()
    client, service = pair(bus)
    assert verdict(client, service) == 'ok'
    with Records() as records, policy('noask'):
        assert refused(client, ping(client, service))
        records.wait('info=EACCES')
    assert verdict(client, service) == 'ok'


def test_associate():
    bus = Bus().start(ASSOCIATE % NAME_CONTEXT)
    client, service = pair(bus)
    with Records() as records:
        assert client.do('error', 'RequestName', 'su', 'com.example.Service', 0).endswith('.AccessDenied')
        text = records.wait('acquire_svc')
    assert text.startswith('avc:  denied  { acquire_svc } for  service=com.example.Service '), text
    assert fields(text) == ['service', 'spid', 'scontext', 'tcontext', 'tclass', 'permissive'], text
    assert value(text, 'tcontext') == NAME_CONTEXT
    assert client.request_name('com.example.Other') == 1  # the label of the bus is that of all other names
    assert service.request_name('com.example.Service') == 1


def test_associate_reloaded():
    """An unknown context keeps what was in force."""
    bus = Bus().start(ASSOCIATE % NAME_CONTEXT)
    client = bus.peer('cli_t')
    with open(bus.config) as file:
        text = file.read()
    try:
        bus.reload(text.replace('svc_name_t', 'no_such_t'))
    except DBusError as e:
        assert 'no_such_t' in e.text, e.text
    assert bus.log_has(r'bus\.conf:6:\d+: the SELinux policy knows no context "system_u:object_r:no_such_t:s0"')
    assert client.do('error', 'RequestName', 'su', 'com.example.Service', 0).endswith('.AccessDenied')
    bus.reload(text.replace(NAME_CONTEXT, lsm.context('busd_t')))
    assert client.request_name('com.example.Service') == 1
