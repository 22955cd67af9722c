# SPDX-License-Identifier: LGPL-2.1-or-later
"""Unmodified clients: busctl, gdbus, dbus-send, dbus-monitor, GDBus, sd-bus and dbus-python, outside and inside of containers."""
import os
import select
import socket

import dbus
import dbus.bus
import gi
import pytest

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

from bus import CALL_, NAME_SUBTREE, OWN, RECEIVE_FDS, SEND_FDS, TALK, rule, wait_for  # noqa: E402
from helpers import Echo  # noqa: E402
from wirebus import CALL, CONTAINERS, DRIVER, DRIVER_PATH, E, Message  # noqa: E402

SERVICE, SECRET = 'com.example.Service', 'com.example.Secret'
IFACE = 'com.example.Iface'
FLAGS = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION


@pytest.fixture
def echo(bus):
    services = Echo(bus.connect(), SERVICE), Echo(bus.connect(), SECRET)
    yield services
    for s in services:
        s.conn.sock.shutdown(socket.SHUT_RDWR)
        s.join()


def gdbus(address):
    return Gio.DBusConnection.new_for_address_sync(address, FLAGS, None, None)


def gcall(conn, method, args, reply, dest=DRIVER, path=DRIVER_PATH, iface=DRIVER, fds=None):
    """A call with GDBus; returns (value, descriptors)."""
    value, out = conn.call_with_unix_fd_list_sync(dest, path, iface, method, args, GLib.VariantType(reply), Gio.DBusCallFlags.NO_AUTO_START,
                                                  10000, fds, None)
    return value.unpack(), out


def gerror(conn, *args, **kw):
    try:
        value = gcall(conn, *args, **kw)
    except GLib.Error as e:
        return Gio.dbus_error_get_remote_error(e)
    raise AssertionError('succeeded: %r' % (value,))


def add_server(conn, arguments, fds=None, name='gdbus app'):
    args = GLib.Variant('(ssa{sv}a{sv})', ('com.example.GDBus', name, {'key': GLib.Variant('s', 'value')}, arguments))
    return gcall(conn, 'AddServer', args, '(oays)', iface=CONTAINERS, fds=fds)[0]


def dbus_python(address):
    c = dbus.bus.BusConnection(address)
    c.set_exit_on_disconnect(False)
    return c


# ---- outside: these hold for any bus
def test_tools_outside(bus, echo):
    a = bus.address
    assert '"hi"' in bus.run('busctl', '--address=' + a, 'call', SERVICE, '/obj', IFACE, 'Echo', 's', 'hi')
    assert "'hi'" in bus.run('gdbus', 'call', '--address', a, '--dest', SERVICE, '--object-path', '/obj', '--method', IFACE + '.Echo', 'hi')
    assert 'string "hi"' in bus.run('dbus-send', '--bus=' + a, '--print-reply', '--dest=' + SERVICE, '/obj', IFACE + '.Echo', 'string:hi')
    assert SERVICE in bus.run('busctl', '--address=' + a, '--no-pager', 'list')
    assert str(os.getpid()) in bus.run('busctl', '--address=' + a, '--no-pager', 'status', SERVICE)
    assert SERVICE in bus.run('gdbus', 'call', '--address', a, '--dest', DRIVER, '--object-path', DRIVER_PATH, '--method', DRIVER + '.ListNames')


def test_gdbus_outside(bus, echo):
    a, b = gdbus(bus.address), gdbus(bus.address)
    assert gcall(a, 'Echo', GLib.Variant('(s)', ('hi',)), '(s)', SERVICE, '/obj', IFACE)[0] == ('hi',)
    assert gerror(a, 'Nothing', None, '()', SERVICE, '/obj', IFACE) == E + 'UnknownMethod'
    value, fds = gcall(a, 'GiveFd', None, '(h)', SERVICE, '/obj', IFACE)
    assert os.read(fds.get(value[0]), 100) == b'from the service'
    heard = []
    loop = GLib.MainLoop()
    b.signal_subscribe(SERVICE, IFACE, 'Sig', None, None, 0, lambda *x: (heard.append(x[5].unpack()), loop.quit()))
    gcall(b, 'GetId', None, '(s)')
    echo[0].conn.signal('Sig', 's', 'heard')
    GLib.timeout_add(8000, loop.quit)
    loop.run()
    assert heard == [('heard',)]
    for c in (a, b):
        c.close_sync(None)


def test_dbus_python_outside(bus, echo):
    c = dbus_python(bus.address)
    obj = c.get_object(SERVICE, '/obj', introspect=False)
    assert obj.Echo('hi', dbus_interface=IFACE) == 'hi'
    assert os.read(obj.GiveFd(dbus_interface=IFACE).take(), 100) == b'from the service'
    assert c.request_name('com.example.Python') == 1
    assert bus.connect().has_owner('com.example.Python')
    c.close()


def test_monitor_tool(bus):
    """dbus-monitor works, by whichever way the bus offers it."""
    p = bus.spawn('/usr/bin/stdbuf', '-oL', '/usr/bin/dbus-monitor', '--address', bus.address, "member='Watched'")
    c = bus.connect()
    line = ''
    for _ in range(50):
        c.signal('Watched')
        c.sync()
        if select.select([p.stdout], [], [], 0.1)[0]:
            line = p.stdout.readline()
            if 'Watched' in line:
                break
    assert 'Watched' in line


# ---- inside
@pytest.mark.postern
def test_gdbus_manager_and_client(bus, echo):
    manager, i_am = gdbus(bus.address), bus.connect()
    path, sock, address = add_server(manager, {'Allow': GLib.Variant('a(usos)', [rule(TALK, SERVICE)]), 'Mode': GLib.Variant('s', 'restrict')})
    assert bytes(sock).endswith(b'\0') and os.path.exists(bytes(sock)[:-1])
    app = gdbus(address)
    assert gcall(app, 'Echo', GLib.Variant('(s)', ('hi',)), '(s)', SERVICE, '/obj', IFACE)[0] == ('hi',)
    assert gcall(app, 'Header', None, '(s)', SERVICE, '/obj', IFACE)[0] == (path,)
    assert gerror(app, 'Echo', GLib.Variant('(s)', ('hi',)), '(s)', SECRET, '/obj', IFACE) == E + 'AccessDenied'
    assert gerror(app, 'GetNameOwner', GLib.Variant('(s)', (SECRET,)), '(s)') == E + 'NameHasNoOwner'
    assert gerror(app, 'RequestName', GLib.Variant('(su)', ('com.example.Own', 0)), '(u)') == E + 'AccessDenied'
    assert gerror(app, 'GiveFd', None, '(h)', SERVICE, '/obj', IFACE) == E + 'AccessDenied'
    r, w = os.pipe()
    fds = Gio.UnixFDList.new()
    fds.append(w)
    assert gerror(app, 'TakeFd', GLib.Variant('(h)', (0,)), '()', SERVICE, '/obj', IFACE, fds=fds) == E + 'AccessDenied'
    os.close(r)
    os.close(w)
    info = gcall(manager, 'GetInstanceInfo', GLib.Variant('(o)', (path,)), '(a{sv}ssa{sv})', iface=CONTAINERS)[0]
    assert info[1:] == ('com.example.GDBus', 'gdbus app', {'key': 'value'}) and info[0]['UnixUserID'] == os.geteuid()
    value, out = gcall(manager, 'GetConnectionCredentials', GLib.Variant('(s)', (app.get_unique_name(),)), '(a{sv})')
    assert value[0]['org.freedesktop.DBus.Containers1.Instance'] == path and out.get_length() == 1
    gcall(manager, 'StopInstance', GLib.Variant('(o)', (path,)), '()', iface=CONTAINERS)
    assert wait_for(lambda: not i_am.has_owner(app.get_unique_name()))
    manager.close_sync(None)


@pytest.mark.postern
def test_gdbus_with_descriptors(bus, echo):
    manager = gdbus(bus.address)
    rules = [rule(CALL_ | SEND_FDS | RECEIVE_FDS, SERVICE)]
    fds = Gio.UnixFDList.new()
    r, w = os.pipe()
    close_fd = fds.append(r)
    os.close(r)
    path, _, address = add_server(manager, {'Allow': GLib.Variant('a(usos)', rules), 'CloseFD': GLib.Variant('h', close_fd)}, fds)
    fds = None
    manager.close_sync(None)
    app = gdbus(address)
    value, out = gcall(app, 'GiveFd', None, '(h)', SERVICE, '/obj', IFACE)
    assert os.read(out.get(value[0]), 100) == b'from the service'
    r2, w2 = os.pipe()
    fds = Gio.UnixFDList.new()
    fds.append(w2)
    gcall(app, 'TakeFd', GLib.Variant('(h)', (0,)), '()', SERVICE, '/obj', IFACE, fds=fds)
    assert os.read(r2, 100) == b'from the service'
    fds = None
    for fd in (w, r2, w2):
        os.close(fd)
    app.close_sync(None)


@pytest.mark.postern
def test_gdbus_messages_field_by_field(bus):
    """Field 10 as GDBus hands it on; a reply twice; a serial of one's own choice."""
    i = bus.container(rules=[rule(CALL_, SERVICE)])
    service, app = gdbus(bus.address), gdbus(i.address)
    gcall(service, 'RequestName', GLib.Variant('(su)', (SERVICE, 0)), '(u)')
    seen, w = [], bus.connect()

    def on_message(conn, message, incoming, *_):
        if incoming and message.get_message_type() == Gio.DBusMessageType.METHOD_CALL and message.get_member() == 'Ask':
            # The bindings know no name for field 10: look into the message as GDBus writes it.
            seen.append((Message.unpack(message.to_blob(Gio.DBusCapabilityFlags.NONE)).instance, message.get_sender()))
        return message
    service.add_filter(on_message)
    forged = Message(CALL, serial=1, destination=SERVICE, path='/obj', interface=IFACE, member='Ask', instance='/forged',
                     extra=[(123, 's', 'unknown')])
    app.send_message(Gio.DBusMessage.new_from_blob(forged.pack(), Gio.DBusCapabilityFlags.NONE), Gio.DBusSendMessageFlags.NONE)
    assert wait_for(lambda: seen) == [(i.path, app.get_unique_name())]
    # A contained service that answers twice.
    calls = []

    def answer_twice(conn, message, incoming, *_):
        if incoming and message.get_message_type() == Gio.DBusMessageType.METHOD_CALL:
            calls.append(message.get_serial())
            for text in ('one', 'two'):
                reply = Gio.DBusMessage.new_method_reply(message)
                reply.set_body(GLib.Variant('(s)', (text,)))
                conn.send_message(reply, Gio.DBusSendMessageFlags.NONE)
            return None
        return message
    app.add_filter(answer_twice)
    w.serial = 0x70000000
    serial = w.send_call('Twice', dest=app.get_unique_name())
    assert w.reply_to(serial) == ('one',) and serial == 0x70000001
    gcall(app, 'GetId', None, '(s)')
    w.sync()
    assert not w.take() and calls == [serial]
    for c in (service, app):
        c.close_sync(None)


@pytest.mark.postern
def test_sd_bus(bus, echo):
    """A manager and a client written with sd-bus, with ListenFD, ReadyFD, CloseFD and Limits."""
    program = os.path.join(os.environ.get('POSTERN_BUILD', '.'), 'addserver')
    out = bus.run(program, bus.address, bus.dir + '/sdbus', SERVICE, SECRET).splitlines()
    words = dict(line.split(' ', 1) for line in out)
    assert words['socket'] == bus.dir + '/sdbus'
    assert words[SERVICE] == 'hello' and words[SECRET] == E + 'AccessDenied'
    assert [c.instance for c in echo[0].seen] == [words['instance']] and not echo[1].seen


@pytest.mark.postern
def test_dbus_python(bus, echo):
    manager = dbus_python(bus.address)
    containers = dbus.Interface(manager.get_object(DRIVER, DRIVER_PATH, introspect=False), CONTAINERS)
    rules = dbus.Array([dbus.Struct((dbus.UInt32(f), n, dbus.ObjectPath(p), i), signature='usos')
                        for f, n, p, i in (rule(TALK, SERVICE), rule(OWN | NAME_SUBTREE, 'com.example.Mine'))], signature='(usos)')
    path, sock, address = containers.AddServer('com.example.Python', 'py', dbus.Dictionary({}, signature='sv'),
                                               dbus.Dictionary({'Allow': rules}, signature='sv'))
    app = dbus_python(str(address))
    assert app.get_object(SERVICE, '/obj', introspect=False).Echo('hi', dbus_interface=IFACE) == 'hi'
    assert app.get_object(SERVICE, '/obj', introspect=False).Header(dbus_interface=IFACE) == path
    assert app.request_name('com.example.Mine.Too') == 1
    assert not app.name_has_owner(SECRET) and app.name_has_owner(SERVICE)
    for fails in (lambda: app.call_blocking(SECRET, '/obj', IFACE, 'Echo', 's', ('hi',)), lambda: app.request_name('com.example.Other')):
        with pytest.raises(dbus.DBusException) as e:
            fails()
        assert e.value.get_dbus_name() == E + 'AccessDenied'
    containers.StopListening(path)
    with pytest.raises(dbus.DBusException):
        dbus_python(str(address))
    assert app.name_has_owner(SERVICE)
    app.close()
    manager.close()


@pytest.mark.postern
def test_tools_inside(bus, echo):
    """What the command-line clients do when their bus is a container's socket."""
    i = bus.container(rules=[rule(TALK, SERVICE)])
    a = i.address
    assert '"hi"' in bus.run('busctl', '--address=' + a, 'call', SERVICE, '/obj', IFACE, 'Echo', 's', 'hi')
    assert "'hi'" in bus.run('gdbus', 'call', '--address', a, '--dest', SERVICE, '--object-path', '/obj', '--method', IFACE + '.Echo', 'hi')
    assert 'string "hi"' in bus.run('dbus-send', '--bus=' + a, '--print-reply', '--dest=' + SERVICE, '/obj', IFACE + '.Echo', 'string:hi')
    denied = [bus.run('busctl', '--address=' + a, 'call', SECRET, '/obj', IFACE, 'Echo', 's', 'hi', check=False),
              bus.run('gdbus', 'call', '--address', a, '--dest', SECRET, '--object-path', '/obj', '--method', IFACE + '.Echo', 'hi', check=False),
              bus.run('dbus-send', '--bus=' + a, '--print-reply', '--dest=' + SECRET, '/obj', IFACE + '.Echo', 'string:hi', check=False)]
    assert all(p.returncode for p in denied) and 'AccessDenied' in denied[1].stderr + denied[1].stdout and 'AccessDenied' in denied[2].stderr
    listed = bus.run('busctl', '--address=' + a, '--no-pager', 'list')
    assert SERVICE in listed and SECRET not in listed
    assert 'GetId' in bus.run('busctl', '--address=' + a, '--no-pager', 'introspect', DRIVER, DRIVER_PATH)
    assert not echo[1].seen
    # The manager's part, by tools alone.
    out = bus.run('busctl', '--address=' + bus.address, 'call', DRIVER, DRIVER_PATH, CONTAINERS, 'GetInstanceInfo', 'o', i.path)
    assert '"com.example.Sandbox" "app"' in out
    bus.run('gdbus', 'call', '--address', bus.address, '--dest', DRIVER, '--object-path', DRIVER_PATH, '--method', CONTAINERS + '.StopInstance', i.path)
    assert bus.run('busctl', '--address=' + a, 'call', SERVICE, '/obj', IFACE, 'Echo', 's', 'hi', check=False).returncode != 0


@pytest.mark.postern
def test_busctl_monitors_from_outside_only(bus):
    i = bus.container()
    p = bus.run('busctl', '--address=' + i.address, 'monitor', check=False, timeout=20)
    assert p.returncode != 0


@pytest.mark.postern
def test_add_server_with_busctl(bus):
    """Made and gone within one call: without CloseFD the container ends with its maker."""
    w = bus.connect()
    w.match("member='InstanceRemoved'")
    out = bus.run('busctl', '--address=' + bus.address, 'call', DRIVER, DRIVER_PATH, CONTAINERS, 'AddServer', 'ssa{sv}a{sv}', 'com.example.Tool', 'x',
                  '0', '1', 'Allow', 'a(usos)', '1', str(TALK | 0x200), SERVICE, '/', '')
    path = out.split('"')[1]
    assert w.wait_signal('InstanceRemoved').body == (path,)
