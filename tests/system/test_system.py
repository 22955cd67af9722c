# SPDX-License-Identifier: LGPL-2.1-or-later
"""A system bus: the distribution's own system.conf with the place and the user changed, and a service's policy snippet."""
import os
import pwd
import re
import socket

import pytest

from bus import CALL_, OPEN_POLICY, OWN, STOCK, rule, wait_for
from helpers import as_other_user, is_root
from world import sends
from wirebus import CALL, CONTAINERS, DRIVER, E, ERROR, NO_REPLY, RETURN, Conn, DBusError, Message

STOCK_CONF = '/usr/share/dbus-1/system.conf'
SNIPPET = '''<busconfig>
  <policy user="%s"><allow own="com.example.Service"/></policy>
  <policy context="default">
    <allow send_destination="com.example.Service" send_interface="com.example.Open"/>
    <allow send_destination="com.example.Service" send_interface="com.example.Iface" send_member="Ping"/>
    <allow send_destination="com.example.Service" send_interface="org.freedesktop.DBus.Introspectable"/>
  </policy>
</busconfig>
'''


@pytest.fixture
def system(new_bus):
    with open(STOCK_CONF) as f:
        text = f.read()
    text = re.sub('<listen>.*?</listen>', '<listen>unix:path=%s/bus</listen>' % new_bus.dir, text)
    text = re.sub('<pidfile>.*?</pidfile>', '<pidfile>%s/pid</pidfile>' % new_bus.dir, text)
    text = re.sub('<user>.*?</user>|<fork/>|<syslog/>', '', text)
    text = re.sub('<includedir>system.d</includedir>', '<includedir>/usr/share/dbus-1/system.d</includedir><includedir>snippets</includedir>', text)
    os.mkdir(new_bus.dir + '/snippets')
    new_bus.write('snippets/service.conf', SNIPPET % pwd.getpwuid(os.geteuid()).pw_name)
    new_bus.start(text=text)
    os.chmod(new_bus.dir + '/bus', 0o777)
    return new_bus


def test_firewall(system):
    """Method calls need a hole; signals and asked-for replies do not."""
    service, c = system.connect(), system.connect()
    assert service.request_name('com.example.Service') == 1

    def outcome(**kw):
        serial = c.send_call(kw.pop('member', 'Ping'), path='/x', **kw)
        c.sync()
        service.sync()
        got = service.take(CALL)
        errors = [m for m in c.take(ERROR) if m.reply_serial == serial]
        assert bool(got) != bool(errors)
        for m in errors:
            assert m.error == E + 'AccessDenied' and m.sender == DRIVER
            return m.body[0]
        service.reply(got[0], 's', 'fine')
        assert c.reply_to(serial) == ('fine',)
        return None
    name = 'com.example.Service'
    assert outcome(dest=name, iface='com.example.Open', member='Anything') is None
    assert outcome(dest=service.name, iface='com.example.Open', member='Anything') is None
    assert outcome(dest=name, iface='com.example.Iface') is None
    text = outcome(dest=name, iface='com.example.Iface', member='Pong')
    assert text and outcome(dest=name, iface='com.example.Closed')
    assert outcome(dest=service.name, iface='com.example.Closed') and outcome(dest=c.name, iface='com.example.Open')
    assert 'Pong' in text and 'com.example.Iface' in text
    service.match("member='Sig'")
    c.signal()
    assert service.wait_signal('Sig')
    c.reply(Message(CALL, serial=4711, sender=service.name))
    c.sync()
    service.sync()
    assert not service.take(RETURN)


def test_names_need_a_hole(system):
    c = system.connect()
    assert c.error('RequestName', 'su', 'com.example.Nope', 0) == E + 'AccessDenied'
    assert c.request_name('com.example.Service') == 1
    if is_root():
        def owns(address):
            try:
                return Conn(address).request_name('com.example.Service')
            except DBusError as e:
                return e.name
        assert as_other_user(owns, system.address) == E + 'AccessDenied'


def test_other_users_may_connect_and_call(system):
    """Every user is served; who is not the owner of the bus is not privileged. (Another uid needs root.)"""
    service = system.connect()
    service.request_name('com.example.Service')

    def visit(address):
        c = Conn(address)
        c.send_call('Ping', dest='com.example.Service', iface='com.example.Iface', flags=NO_REPLY)
        return c.credentials(c.name)['UnixUserID'][1], c.error('UpdateActivationEnvironment', 'a{ss}', {}), \
            c.error('Ping', dest='com.example.Service', iface='com.example.Closed'), c.error('ReloadConfig') if not STOCK else E + 'AccessDenied'
    if is_root():
        assert as_other_user(visit, system.address) == (65534, E + 'AccessDenied', E + 'AccessDenied', E + 'AccessDenied')
        assert service.wait_call('Ping')
    assert service.is_alive()


def test_without_interface(system):
    """An allow that names an interface also lets a call without one pass, as in the stock daemon; a deny that does is no way round it."""
    service, c = system.connect(), system.connect()
    service.request_name('com.example.Service')
    serial = c.send_call('Ping', dest='com.example.Service', iface=None)
    c.sync()
    service.sync()
    got, errors = service.take(CALL), [m for m in c.inbox if m.reply_serial == serial]
    assert bool(got) != bool(errors)


def test_no_eavesdropping(system):
    service, c, e = system.connect(), system.connect(), system.connect()
    service.request_name('com.example.Service')
    try:
        e.match("eavesdrop='true'")
    except DBusError as x:
        assert x.name == E + 'AccessDenied'
    c.send_call('Ping', dest='com.example.Service', iface='com.example.Iface', flags=NO_REPLY)
    assert service.wait_call('Ping')
    e.sync()
    assert not e.take(CALL)


def test_privileged_driver_methods(system):
    c = system.connect()
    assert c.credentials(c.name)['UnixUserID'] == ('u', os.geteuid())
    assert c.error('UpdateActivationEnvironment', 'a{ss}', {}, path='/') == E + 'AccessDenied'
    assert c.call('Introspect', iface='org.freedesktop.DBus.Introspectable', path='/')


@pytest.mark.postern
def test_containers_on_a_system_bus(system):
    """Identity and rules work beside the XML policy: both must agree."""
    service = system.connect()
    service.request_name('com.example.Service')
    s = socket.socket(socket.AF_UNIX)
    s.bind(system.dir + '/app')
    s.listen(5)
    i = system.container(rules=[rule(CALL_, 'com.example.Service'), rule(OWN, 'com.example.Mine')], fds=[s.fileno()], ListenFD=('h', 0))
    s.close()
    c = i.connect()
    assert sends(c, service, 'com.example.Service', interface='com.example.Open')
    # Signals pass the XML policy, calls to a closed interface do not.
    assert c.error('Ping', dest='com.example.Service', iface='com.example.Closed', path='/x') == E + 'AccessDenied'
    assert c.error('RequestName', 'su', 'com.example.Mine', 0) == E + 'AccessDenied'
    other = system.connect()
    assert other.credentials(c.name)['org.freedesktop.DBus.Containers1.Instance'] == ('o', i.path)


@pytest.mark.postern
def test_system_defaults(system):
    """Shipped limits of a system bus: 16 containers of one user, 8 connections each, 4096 bytes of metadata."""
    made = []

    def container(**kw):
        s = socket.socket(socket.AF_UNIX)
        s.bind('%s/s%d' % (system.dir, len(made)))
        s.listen(20)
        made.append(s)
        try:
            return system.container(manager, rules=[], fds=[s.fileno()], ListenFD=('h', 0), **kw)
        finally:
            s.close()
    manager = system.connect()
    first = container()
    conns = [first.connect() for _ in range(8)]
    assert first.connect(auth=False).is_closed() and conns[0].is_alive()
    with pytest.raises(DBusError) as e:
        container(metadata={'x': ('ay', bytes(4096))})
    assert e.value.name == E + 'LimitsExceeded'
    for _ in range(15):
        container()
    with pytest.raises(DBusError) as e:
        container()
    assert e.value.name == E + 'LimitsExceeded'
    first.stop()
    assert wait_for(lambda: container())
    assert manager.error('GetInstanceInfo', 'o', first.path, iface=CONTAINERS) == E + 'NotContainer'


@pytest.mark.postern
@pytest.mark.skipif(not is_root(), reason='only root can become another user')
@pytest.mark.parametrize('capability, kept', [('audit_write', 1 << 29), ('sys_admin', 0)])
def test_started_as_its_user(new_bus, capability, kept):
    """Of what a service manager gave it, it keeps the right to write to the audit log, where that is built in, and nothing else."""
    os.chown(new_bus.dir, pwd.getpwnam('nobody').pw_uid, -1)
    new_bus.prefix = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--inh-caps=+' + capability,
                      '--ambient-caps=+' + capability]
    new_bus.start('<user>nobody</user>', OPEN_POLICY + '<allow user="*"/>', type='system')
    with open('/proc/%d/status' % new_bus.pid) as f:
        status = dict(line.split(None, 1) for line in f if len(line.split()) > 1)
    assert int(status['CapAmb:'], 16) == 0
    assert int(status['CapPrm:'], 16) in (0, kept) and int(status['CapEff:'], 16) in (0, kept)


@pytest.mark.postern
@pytest.mark.skipif(not is_root(), reason='only root can become another user')
def test_user_of_the_bus(new_bus):
    """<user>: the bus is that user from then on, says so of itself, and serves that user as its own."""
    new_bus.start('<user>nobody</user>', OPEN_POLICY + '<allow user="*"/>', type='system')
    uid = pwd.getpwnam('nobody').pw_uid
    with open('/proc/%d/status' % new_bus.pid) as f:
        status = dict(line.split(None, 1) for line in f if len(line.split()) > 1)
    assert set(status['Uid:'].split()) == {str(uid)} and int(status['CapEff:'], 16) in (0, 1 << 29)  # CAP_AUDIT_WRITE
    with open('/proc/%d/limits' % new_bus.pid) as f:
        soft, hard = re.search(r'Max open files +([0-9]+) +([0-9]+)', f.read()).groups()
    assert soft == hard
    c = new_bus.connect()
    assert c.credentials(DRIVER)['UnixUserID'] == ('u', uid) and c.call('GetConnectionUnixUser', 's', DRIVER) == (uid,)
    os.chmod(new_bus.dir + '/bus', 0o777)

    def reload(address):
        with Conn(address) as x:
            return x.call('ReloadConfig')
    assert as_other_user(reload, new_bus.address) == ()
    new_bus.check_fds = False
    os.chown(new_bus.dir, uid, -1)  # so that it can remove its socket
