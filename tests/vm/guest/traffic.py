# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages between two peers while the policy changes under them."""
import struct

from wirebus import CALL, ERROR, SIGNAL, DBusError, Message

MEMBER = 'Quiet'
BEFORE, AFTER, AT_ONCE = 8, 3, 20


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


# ---- changes between two messages of one connection --------------------------------------------------------------

def change_amid_signals(conn, receiver, changes, settle):
    """In the child of the sender, which must be free to change the policy. Each change is (function, arguments...) and stands between two
    signals. settle: the bus has dealt with all before it; otherwise they are under way. [(serials before it, serials after it)]"""
    data = bytearray(Message(SIGNAL, serial=1, destination=receiver, path='/obj', interface='com.example.Iface', member=MEMBER).pack())

    def send(count):
        first = conn.serial + 1
        for conn.serial in range(first, first + count):
            struct.pack_into('<I', data, 8, conn.serial)
            conn.send_bytes(data)
        return range(first, first + count)

    rounds = []
    for function, *arguments in changes:
        before = send(BEFORE)
        if settle:
            conn.sync()
        function(*arguments)
        rounds.append((before, send(AFTER)))
        conn.sync()
    return rounds


def serials(conn):
    """In the child of the receiver: those of the signals that came."""
    conn.sync()
    return {m.serial for m in conn.take(SIGNAL) if m.member == MEMBER}


def check_round(before, after, was, now, settle, got):
    """What arrived of one round, where the policy allowed nothing else than `was` before and `now` after the change."""
    arrived = [serial in got for serial in before]
    assert [serial in got for serial in after] == [now] * len(after), 'sent after the change: %s arrived, allowed: %s' % (
        [serial in got for serial in after], now)
    if settle:
        assert arrived == [was] * len(arrived), (arrived, was)
    else:  # the bus has read some of them when the change came, and the others after it
        assert arrived in [[was] * n + [now] * (len(arrived) - n) for n in range(len(arrived) + 1)], (arrived, was, now)


def check_changes(sender, receiver, allow, deny, count):
    """Changes the policy so often in each direction; it denies now. allow, deny: (function, arguments...)"""
    checked = 0
    while checked < count:
        number = min(AT_ONCE, count - checked)
        settle = checked // AT_ONCE % 2 == 0
        rounds = sender.do(change_amid_signals, receiver.name, (allow, deny) * number, settle)
        got = receiver.do(serials)
        for i, (before, after) in enumerate(rounds):
            check_round(before, after, i % 2 == 1, i % 2 == 0, settle, got)
        checked += number
