# SPDX-License-Identifier: LGPL-2.1-or-later
"""Authentication: D-Bus Specification, "Authentication Protocol"; hostile bytes close their own connection only."""
import os
import re
import signal
import socket

import pytest

from bus import OPEN_POLICY, wait_for
from helpers import OTHER_UID, as_other_user, is_root
from wirebus import CALL, DRIVER, DRIVER_PATH, Closed, Conn, DBusError, Message

UID = str(os.geteuid()).encode().hex().encode()
OTHER = str(os.geteuid() + 1).encode().hex().encode()
# Another uid: of a child where the tests run as root, else nobody here.
STRANGER = OTHER_UID if is_root() else os.geteuid() + 1
OK = r'OK [0-9a-f]{32}'
REJECTED = r'REJECTED .*EXTERNAL.*'

# What is sent after the first NUL -> the lines that answer it, the last one 'closed' when the bus must hang up.
DIALOGUES = {
    'no-mechanism': (b'AUTH\r\n', [REJECTED]),
    'unknown-mechanism': (b'AUTH FOO 00\r\n', [REJECTED]),
    'external': (b'AUTH EXTERNAL ' + UID + b'\r\n', [OK]),
    'external-data': (b'AUTH EXTERNAL\r\nDATA\r\n', ['DATA', OK]),
    'external-data-uid': (b'AUTH EXTERNAL\r\nDATA ' + UID + b'\r\n', ['DATA', OK]),
    'external-wrong-uid': (b'AUTH EXTERNAL ' + OTHER + b'\r\n', [REJECTED]),
    'external-data-wrong-uid': (b'AUTH EXTERNAL\r\nDATA ' + OTHER + b'\r\n', ['DATA', REJECTED]),
    'external-bad-hex': (b'AUTH EXTERNAL zz\r\n', ['(REJECTED|ERROR).*']),
    'external-not-a-number': (b'AUTH EXTERNAL 2d31\r\n', ['(REJECTED|ERROR).*']),
    'second-attempt': (b'AUTH EXTERNAL ' + OTHER + b'\r\nAUTH EXTERNAL ' + UID + b'\r\n', [REJECTED, OK]),
    'fds': (b'AUTH EXTERNAL ' + UID + b'\r\nNEGOTIATE_UNIX_FD\r\n', [OK, 'AGREE_UNIX_FD']),
    'fds-too-early': (b'NEGOTIATE_UNIX_FD\r\n', ['ERROR.*']),
    'unknown-command': (b'FOO bar\r\n', ['ERROR.*']),
    'unknown-command-later': (b'AUTH EXTERNAL ' + UID + b'\r\nFOO\r\n', [OK, 'ERROR.*']),
    'cancel': (b'AUTH EXTERNAL\r\nCANCEL\r\n', ['DATA', REJECTED]),
    'cancel-after-ok': (b'AUTH EXTERNAL ' + UID + b'\r\nCANCEL\r\n', [OK, REJECTED]),
    'data-too-early': (b'DATA 00\r\n', ['ERROR.*']),
    'begin-too-early': (b'BEGIN\r\n', ['closed']),
    'begin-in-exchange': (b'AUTH EXTERNAL\r\nBEGIN\r\n', ['DATA', 'closed']),
    'begin-after-rejected': (b'AUTH EXTERNAL ' + OTHER + b'\r\nBEGIN\r\n', [REJECTED, 'closed']),
    'begin-after-cancel': (b'AUTH EXTERNAL ' + UID + b'\r\nCANCEL\r\nBEGIN\r\n', [OK, REJECTED, 'closed']),
    'endless-line': (b'A' * 20000, ['closed']),
    'endless-line-after-ok': (b'AUTH EXTERNAL ' + UID + b'\r\n' + b'B' * 20000, [OK, 'closed']),
    'cookie': (b'AUTH DBUS_COOKIE_SHA1 ' + UID + b'\r\n', ['.*']),
}


def raw(bus):
    return bus.connect(auth=False)


@pytest.mark.parametrize('name', sorted(DIALOGUES))
def test_dialogue(bus, name):
    data, answers = DIALOGUES[name]
    witness, c = bus.connect(), raw(bus)
    try:
        c.send_bytes(b'\0' + data)
    except Closed:
        assert answers[-1] == 'closed'
    for answer in answers:
        if answer == 'closed':
            assert c.is_closed()
        else:
            assert re.fullmatch(answer, c.line()), answer
    assert witness.is_alive()


def test_first_byte_is_nul(bus):
    c = raw(bus)
    c.send_bytes(b'AUTH EXTERNAL ' + UID + b'\r\n')
    assert c.is_closed()


@pytest.mark.postern
@pytest.mark.parametrize('line', [b'AUTH\tEXTERNAL\t' + UID, b'AUTH EXTERNAL\0' + UID, b'AUTH EXTERNAL ' + UID + b'\0',
                                  b' AUTH EXTERNAL ' + UID, b'auth external ' + UID, b'AUTH EXTERNAL ' + UID + b'\xc3\xa9',
                                  b'AUTH EXTERNAL ' + UID + b'\rX', b'AUTH\x0bEXTERNAL ' + UID,
                                  b'AUTH EXTERNAL ' + (UID[:-1] or b'3')])
def test_strict_lines(bus, line):
    """Other whitespace, control characters and half digits never authenticate: two readers must not disagree about them."""
    c = raw(bus)
    c.send_bytes(b'\0' + line + b'\r\n')
    try:
        assert not c.line().startswith('OK')
    except Closed:
        pass
    assert bus.connect().is_alive()


def test_lone_line_feed(bus):
    """Only CR LF ends a line."""
    c = raw(bus)
    c.send_bytes(b'\0AUTH EXTERNAL ' + UID + b'\nBEGIN\n')
    try:
        assert not c.line(0.3).startswith('OK')
    except (Closed, TimeoutError):
        pass


def test_byte_by_byte(bus):
    c = raw(bus)
    c.send_bytes(b'\0AUTH EXTERNAL ' + UID + b'\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n', step=1)
    assert c.line().startswith('OK ')
    assert c.line() == 'AGREE_UNIX_FD'
    assert c.call('Hello')[0].startswith(':1.')


@pytest.mark.parametrize('order', 'lB')
def test_everything_at_once(bus, order):
    """Bytes behind BEGIN are messages."""
    c = raw(bus)
    hello = Message(CALL, serial=1, destination=DRIVER, path=DRIVER_PATH, interface=DRIVER, member='Hello', order=order)
    ping = Message(CALL, serial=2, destination=DRIVER, path=DRIVER_PATH, interface=DRIVER, member='GetId', order=order)
    c.send_bytes(b'\0AUTH EXTERNAL ' + UID + b'\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n' + hello.pack() + ping.pack())
    guid = c.line()
    assert c.line() == 'AGREE_UNIX_FD'
    assert c.reply_to(1)[0].startswith(':1.')
    assert re.fullmatch('[0-9a-f]{32}', c.reply_to(2)[0])
    assert bus.address.endswith('guid=' + guid[3:])


def test_many_at_once(new_bus):
    """Whoever waits is let in, in the order of coming, however many there are; and the next one is let in alone."""
    new_bus.start('<limit name="max_incomplete_connections">1000</limit>')
    hello = Message(CALL, serial=1, destination=DRIVER, path=DRIVER_PATH, interface=DRIVER, member='Hello')
    for n in (1, 2, 3, 200, 1):
        new_bus.process.send_signal(signal.SIGSTOP)
        conns = [raw(new_bus) for _ in range(n)]
        for c in conns:
            c.send_bytes(b'\0AUTH EXTERNAL ' + UID + b'\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n' + hello.pack())
        new_bus.process.send_signal(signal.SIGCONT)
        names = []
        for c in conns:
            assert c.line().startswith('OK ')
            assert c.line() == 'AGREE_UNIX_FD'
            names.append(int(c.reply_to(1)[0].rsplit('.', 1)[1]))
        assert names == sorted(names) and len(set(names)) == n
        assert new_bus.connect().is_alive()


def test_guid_is_the_address_guid(bus):
    assert 'guid=' + bus.connect().guid in bus.address


@pytest.mark.postern
def test_attempts_are_bounded(bus):
    c = raw(bus)
    with pytest.raises(Closed):
        c.send_bytes(b'\0')
        for _ in range(100):
            c.send_bytes(b'AUTH FOO\r\n')
            c.line()


def test_fds_during_authentication(bus):
    """A descriptor that comes before BEGIN is attached to no message."""
    before = bus.n_fds()
    c = raw(bus)
    r, w = os.pipe()
    try:
        c.send_bytes(b'\0AUTH EXTERNAL ' + UID + b'\r\n', fds=[r])
        c.line()
        c.send_bytes(b'NEGOTIATE_UNIX_FD\r\n', fds=[r, w])
        c.line()
        c.send_bytes(b'BEGIN\r\n')
        c.name, = c.call('Hello')
        c.send_call('Nothing', dest=c.name)
        assert not c.wait_call('Nothing').fds and not c.fdq
    except (Closed, DBusError):
        pass
    finally:
        os.close(r)
        os.close(w)
    c.close()
    assert wait_for(lambda: bus.n_fds() <= before)


def test_without_negotiation_no_fds(bus):
    """Who did not negotiate gets no descriptors: the caller hears of it."""
    plain, c = bus.connect(fds=False), bus.connect()
    r, w = os.pipe()
    serial = c.send_call('TakeThis', 'h', 0, dest=plain.name, path='/', iface='a.b', fds=[r])
    os.close(r)
    os.close(w)
    with pytest.raises(DBusError):
        c.reply_to(serial)
    assert plain.is_alive() and not plain.take(CALL)
    c.send_call('Plain', dest=plain.name, path='/', iface='a.b')
    assert plain.wait_call('Plain')


@pytest.mark.postern
def test_fds_without_negotiation_close_the_sender(bus):
    plain, c = bus.connect(fds=False), bus.connect()
    r, w = os.pipe()
    plain.send(Message(CALL, destination=c.name, path='/', interface='a.b', member='Bad', fds=[r]))
    os.close(r)
    os.close(w)
    assert plain.is_closed()
    assert c.is_alive() and not c.take(CALL)


def test_auth_timeout(new_bus):
    new_bus.start('<limit name="auth_timeout">500</limit>')
    silent, half, ready = raw(new_bus), raw(new_bus), new_bus.connect()
    half.send_bytes(b'\0AUTH EXTERNAL ' + UID + b'\r\n')
    assert silent.is_closed(8)
    half.buf = b''
    assert half.is_closed(8)
    assert ready.is_alive()


def say_hello(address):
    """In a child of another uid: 'hello', or how the bus refused."""
    try:
        Conn(address)
        return 'hello'
    except Closed:
        return 'closed'
    except DBusError as e:
        return e.name


@pytest.mark.parametrize('policy, outcome', [(OPEN_POLICY, 'closed'), (OPEN_POLICY + '<allow user="*"/>', 'hello'),
                                             (OPEN_POLICY + '<allow user="*"/><deny user="%d"/>' % STRANGER, 'closed')])
def test_other_user(new_bus, policy, outcome):
    """A uid that the policy does not admit authenticates and is then closed without a message. (Another uid needs root; without
    it, claiming one is refused, which the dialogues cover.)"""
    new_bus.start(policy=policy)
    os.chmod(new_bus.dir + '/bus', 0o777)
    if is_root():
        assert as_other_user(say_hello, new_bus.address) == outcome
    assert say_hello(new_bus.address) == 'hello'


@pytest.mark.parametrize('more, outcome', [('<auth>ANONYMOUS</auth>', 'closed'),
                                           ('<auth>ANONYMOUS</auth><allow_anonymous/>', 'hello'),
                                           ('<auth>EXTERNAL</auth><allow_anonymous/>', 'rejected')])
def test_anonymous(new_bus, more, outcome):
    text = '<busconfig><type>session</type><listen>unix:path=%s/bus</listen>%s<policy context="default">%s</policy></busconfig>'
    if outcome == 'rejected':
        new_bus.start(text=text % (new_bus.dir, more, OPEN_POLICY))
    else:
        new_bus.start(text=text % (new_bus.dir, more + '<auth>EXTERNAL</auth>', OPEN_POLICY))
    c = raw(new_bus)
    c.send_bytes(b'\0AUTH ANONYMOUS 746573\r\n')
    try:
        answer = c.line()
        if answer.startswith('OK'):
            c.send_bytes(b'BEGIN\r\n')
            c.call('Hello')
            answer = 'hello'
        elif answer.startswith('REJECTED'):
            answer = 'rejected'
    except Closed:
        answer = 'closed'
    assert answer == outcome or (outcome == 'closed' and answer == 'rejected')
    assert new_bus.connect().is_alive()


def test_hostile_socket_names(bus):
    """The client's own socket name is the client's choice; nothing may read an identity out of it."""
    for name in (b'\0;uid=0;pid=1', b'\0' + b'%n%s' * 10, b'\0\xff\n\r;'):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.bind(name + os.urandom(4).hex().encode())
        s.connect(bus.dir + '/bus')
        c = bus.connect(auth=False)
        c.sock.close()
        c.sock = s
        c.authenticate()
        c.call('Hello')
        assert c.credentials(c.call('GetNameOwner', 's', DRIVER)[0])['UnixUserID'] == ('u', os.geteuid())


@pytest.mark.postern
@pytest.mark.skipif(not is_root(), reason='only root can become another user')
@pytest.mark.parametrize('prefix', [[], ['unshare', '--user', '--map-root-user']])
def test_users_outside_the_namespace(new_bus, prefix):
    """They all look like one user there, whom nothing should be granted, least of all when the bus itself looks like that."""
    new_bus.prefix = prefix
    new_bus.start(policy=OPEN_POLICY + '<allow user="*"/>')

    def is_let_in(address):
        try:
            with Conn(address, auth=False, hello=False) as c:
                c.send_bytes(b'\0AUTH EXTERNAL\r\nDATA\r\n')  # as whom the bus sees
                return c.line() == 'DATA' and c.line().startswith('OK ')
        except (Closed, OSError):
            return False
    assert as_other_user(is_let_in, new_bus.address, uid=1234) == (prefix == [])
    assert new_bus.connect().is_alive()
