# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls between two peers while the policy changes under them."""
from wirebus import CALL, ERROR, DBusError


def ping(client, callee, member='Ping'):
    return client.send_call(member, dest=callee.name, path='/obj', iface='com.example.Iface')


def refused(client, serial):
    """Unlike verdict() it asks nothing more of the bus, which may be refused, too."""
    try:
        client.reply_to(serial)
        return False
    except DBusError as e:
        return e.name == 'org.freedesktop.DBus.Error.AccessDenied'


def send_many(client, service, count):
    """The child sends them while this process goes on."""
    for _ in range(count):
        client.post('send_call', 'Ping', dest=service.name, path='/obj', iface='com.example.Iface')


def settled(client, service):
    """({serials that the service got}, {serials that came back as errors})"""
    client.sync()
    service.sync()
    return ({m.serial for m in service.do('take', CALL)},
            {m.reply_serial for m in client.do('take', ERROR) if m.error.endswith('.AccessDenied')})
