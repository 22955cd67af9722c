# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bus over the network: tcp and nonce-tcp. Whom the kernel does not name has no facts, and no rights that rest on them."""
import os
import pwd
import re
import socket
import subprocess

import pytest

from bus import OPEN_POLICY, STOCK, config_text, wait_for
from helpers import anonymous, is_root
from wirebus import CONTAINERS, DRIVER, E, TIMEOUT, Closed, Conn, DBusError, entries_of

HAS_IPV6 = os.path.exists('/proc/net/if_inet6') and '00000000000000000000000000000001' in open('/proc/net/if_inet6').read()
ANONYMOUS = '<allow_anonymous/><auth>ANONYMOUS</auth><auth>EXTERNAL</auth>'


def conf(*listen, body='', policy=OPEN_POLICY):
    return config_text(listen[0], ''.join('<listen>%s</listen>' % more for more in listen[1:]) + body, policy)


def of_tcp(bus):
    """The tcp part of the bus's address."""
    return next(e for e in bus.address.split(';') if 'tcp:' in e)


def start(bus, *listen, body=ANONYMOUS, policy=OPEN_POLICY):
    """A bus on a Unix socket and these; the test connects anonymously."""
    bus.start(text=conf('unix:path=%s/bus' % bus.dir, *listen, body=body, policy=policy))
    return lambda: bus.keep(Conn(of_tcp(bus), auth=anonymous, fds=False))


def listening(pid):
    """[(family, port)] of the listening Internet sockets of a process."""
    inodes = set()
    for n in os.listdir('/proc/%d/fd' % pid):
        try:
            inodes.add(os.readlink('/proc/%d/fd/%s' % (pid, n)))
        except OSError:
            pass
    found = []
    for family in ('tcp', 'tcp6'):
        with open('/proc/%d/net/%s' % (pid, family)) as f:
            for line in list(f)[1:]:
                fields = line.split()
                if fields[3] == '0A' and 'socket:[%s]' % fields[9] in inodes:
                    found.append((family, int(fields[1].rsplit(':', 1)[1], 16)))
    return sorted(found)


@pytest.mark.parametrize('listen, printed, families', [
    ('tcp:host=127.0.0.1', r'tcp:host=127\.0\.0\.1,port=(\d+),family=ipv4', ['tcp']),
    ('tcp:host=localhost,port=0,family=ipv4', r'tcp:host=localhost,port=(\d+),family=ipv4', ['tcp']),
    ('tcp:host=some%20where,bind=127.0.0.1', r'tcp:host=some%20where,port=(\d+),family=ipv4', ['tcp']),
    ('tcp:host=localhost,bind=*,family=ipv4', r'tcp:host=localhost,port=(\d+),family=ipv4', ['tcp']),
    ('tcp:host=%3a%3a1', r'tcp:host=%3a%3a1,port=(\d+),family=ipv6', ['tcp6']),
    ('nonce-tcp:host=127.0.0.1', r'nonce-tcp:host=127\.0\.0\.1,port=(\d+),family=ipv4,noncefile=[^,;]+', ['tcp']),
])
def test_address(new_bus, listen, printed, families):
    if 'tcp6' in families and not HAS_IPV6:
        return
    start(new_bus, listen)
    m = re.fullmatch(printed + ',guid=([0-9a-f]{32})', of_tcp(new_bus))
    assert m, new_bus.address
    assert listening(new_bus.pid) == [(f, int(m.group(1))) for f in families]
    if 'some' not in listen:
        c = Conn(of_tcp(new_bus), auth=anonymous)
        assert c.is_alive()
        c.close()


@pytest.mark.postern
def test_everywhere(new_bus):
    """One port for all addresses of the host, one address for clients, which work with either family."""
    start(new_bus, 'tcp:host=localhost,bind=*')
    found = listening(new_bus.pid)
    assert [f for f, _ in found] == (['tcp', 'tcp6'] if HAS_IPV6 else ['tcp']) and len({port for _, port in found}) == 1
    assert new_bus.address.count('tcp:') == 1
    for family in ('ipv4', 'ipv6') if HAS_IPV6 else ('ipv4',):
        host = {'ipv4': '127.0.0.1', 'ipv6': '%3a%3a1'}[family]
        with Conn('tcp:host=%s,port=%d,family=%s' % (host, found[0][1], family), auth=anonymous) as c:
            assert c.is_alive()


@pytest.mark.parametrize('listen', ['tcp:host=127.0.0.1,port=65536', 'tcp:host=127.0.0.1,port=x', 'tcp:family=ipx', 'tcp:host=no-such-host.invalid'])
def test_faults(new_bus, listen):
    new_bus.write(new_bus.config, conf(listen))
    if 'port=65536' in listen and STOCK:
        return  # it takes the lower 16 bits
    p = subprocess.run(new_bus.arguments('--nofork', '--config-file=' + new_bus.config), env=new_bus.env(), stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
    assert p.returncode > 0 and p.stderr.strip()


def test_never_a_default(bus):
    """Without being asked to, the bus has no Internet socket at all."""
    assert listening(bus.pid) == []
    assert 'tcp' not in bus.address


@pytest.mark.postern
def test_facts_are_unknown(new_bus):
    connect = start(new_bus, 'tcp:host=127.0.0.1')
    c, witness = connect(), new_bus.connect()
    for who in (c, witness):
        creds, = who.call('GetConnectionCredentials', 's', c.name)
        assert creds == {}
        assert who.error('GetConnectionUnixUser', 's', c.name) == E + 'Failed'
        assert who.error('GetConnectionUnixProcessID', 's', c.name) == E + 'UnixProcessIdUnknown'
        assert who.error('GetConnectionSELinuxSecurityContext', 's', c.name) == E + 'SELinuxSecurityContextUnknown'
    assert c.call('GetConnectionUnixProcessID', 's', witness.name) == (os.getpid(),)


def test_anonymous_has_no_privileges(new_bus):
    c = start(new_bus, 'tcp:host=127.0.0.1')()
    assert c.error('UpdateActivationEnvironment', 'a{ss}', {'A': 'b'}) == E + 'AccessDenied'
    assert c.error('BecomeMonitor', 'asu', [], 0, iface=DRIVER + '.Monitoring') == E + 'AccessDenied'
    assert c.request_name('com.example.Anonymous') == 1  # as the policy says


@pytest.mark.postern
def test_anonymous_makes_no_containers(new_bus):
    c = start(new_bus, 'tcp:host=127.0.0.1')()
    assert c.error('AddServer', 'ssa{sv}a{sv}', 'com.example.Sandbox', 'app', {}, {}, iface=CONTAINERS) == E + 'AccessDenied'


@pytest.mark.parametrize('body', ['<auth>EXTERNAL</auth>', '<auth>ANONYMOUS</auth><auth>EXTERNAL</auth>', '<allow_anonymous/><auth>EXTERNAL</auth>'])
def test_anonymous_only_as_configured(new_bus, body):
    """It takes both <allow_anonymous/> and its mechanism."""
    connect = start(new_bus, 'tcp:host=127.0.0.1', body=body)
    with pytest.raises((DBusError, Closed)):
        connect()


@pytest.mark.postern  # dbus-daemon answers ERROR to one of them
@pytest.mark.parametrize('line', [b'AUTH EXTERNAL ' + str(os.geteuid()).encode().hex().encode(), b'AUTH EXTERNAL\r\nDATA', b'AUTH EXTERNAL 30'])
def test_nobody_is_external(new_bus, line):
    start(new_bus, 'tcp:host=127.0.0.1')
    c = new_bus.keep(Conn(of_tcp(new_bus), auth=False))
    c.send_bytes(b'\0' + line + b'\r\n')
    assert [c.line() for _ in line.split(b'\r\n')][-1].startswith('REJECTED')


def test_no_descriptors(new_bus):
    """They cannot be agreed to, and messages that carry some do not come, by whichever way they are sent."""
    connect = start(new_bus, 'tcp:host=127.0.0.1')
    c = new_bus.keep(Conn(of_tcp(new_bus), auth=False))
    c.send_bytes(b'\0AUTH ANONYMOUS\r\nNEGOTIATE_UNIX_FD\r\n')
    assert c.line().startswith('OK ') and c.line().startswith('ERROR')
    remote, local = connect(), new_bus.connect()
    remote.match("type='signal'")
    r, w = os.pipe()
    assert local.error('Take', 'h', 0, dest=remote.name, iface='com.example.I', fds=[r]) in (E + 'NotSupported', E + 'AccessDenied', E + 'LimitsExceeded')
    local.signal('Broadcast', 'h', 0, fds=[r])
    local.signal('After')
    assert remote.wait_signal('After')
    assert not [m for m in remote.inbox if m.member in ('Take', 'Broadcast')]
    os.close(r)
    os.close(w)


def test_messages(new_bus):
    """Between both kinds, in both directions, large ones too."""
    connect = start(new_bus, 'tcp:host=127.0.0.1')
    remote, local = connect(), new_bus.connect()
    for a, b in ((remote, local), (local, remote), (remote, connect())):
        for n in (0, 100, 3 << 20):
            serial = a.send_call('Echo', 'ay', b'x' * n, dest=b.name, iface='com.example.I')
            call = b.wait_call('Echo')
            assert call.sender == a.name and len(call.body[0]) == n
            b.reply(call, 'ay', call.body[0])
            assert len(a.reply_to(serial)[0]) == n


@pytest.mark.postern
def test_strangers_do_not_shut_others_out(new_bus):
    start(new_bus, 'tcp:host=127.0.0.1', body=ANONYMOUS + '<limit name="max_incomplete_connections">8</limit>')
    options = entries_of(of_tcp(new_bus))[0][1]
    strangers = [socket.create_connection(('127.0.0.1', int(options['port']))) for _ in range(50)]
    with new_bus.connect() as c:
        assert c.is_alive()
    for s in strangers:
        s.close()


def test_gone_peer(new_bus):
    """A connection that is reset in the middle of everything is only its own end."""
    connect = start(new_bus, 'tcp:host=127.0.0.1')
    witness = new_bus.connect()
    for _ in range(20):
        c = connect()
        c.send_call('Echo', 'ay', b'x' * 100000, dest=witness.name, iface='com.example.I')
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        c.sock.close()
        assert wait_for(lambda: not witness.has_owner(c.name))


# ---- nonce-tcp
def test_nonce(new_bus):
    start(new_bus, 'nonce-tcp:host=127.0.0.1')
    options = entries_of(of_tcp(new_bus))[0][1]
    path = options['noncefile'].decode()
    with open(path, 'rb') as f:
        nonce = f.read()
    assert len(nonce) == 16 and os.stat(path).st_mode & 0o777 == 0o600
    for wrong in (bytes(16), nonce[:15] + bytes([nonce[15] ^ 1]), b'\0AUTH ANONYMOUS\r\n'):
        with socket.create_connection(('127.0.0.1', int(options['port'])), TIMEOUT) as s:
            s.sendall(wrong + b'\0AUTH ANONYMOUS\r\n')
            try:
                assert s.recv(100) == b''
            except ConnectionResetError:
                pass
    with socket.create_connection(('127.0.0.1', int(options['port'])), TIMEOUT) as s:
        s.sendall(nonce + b'\0AUTH ANONYMOUS\r\n')
        assert s.recv(100).startswith(b'OK ')
    if STOCK:
        return  # it leaves the file
    new_bus.process.terminate()
    assert new_bus.process.wait(TIMEOUT) == 0
    assert not os.path.exists(os.path.dirname(path))
    new_bus.process = None


@pytest.mark.postern
@pytest.mark.skipif(not is_root(), reason='only root can become another user')
def test_nonce_of_another_user(new_bus):
    """The bus that becomes a user can still remove the file and its folder at its end."""
    start(new_bus, 'nonce-tcp:host=127.0.0.1', body=ANONYMOUS + '<user>nobody</user>', policy=OPEN_POLICY + '<allow user="*"/>')
    path = entries_of(of_tcp(new_bus))[0][1]['noncefile'].decode()
    for x in path, os.path.dirname(path):
        assert os.stat(x).st_uid == pwd.getpwnam('nobody').pw_uid and os.stat(x).st_mode & 0o077 == 0
    new_bus.process.terminate()
    assert new_bus.process.wait(TIMEOUT) == 0
    assert not os.path.exists(os.path.dirname(path))
    new_bus.process = None


# ---- real clients
CLIENTS = {
    'dbus-send': ['dbus-send', '--bus={a}', '--print-reply', '--dest=' + DRIVER, '/', DRIVER + '.GetId'],
    'gdbus': ['gdbus', 'call', '--address', '{a}', '--dest', DRIVER, '--object-path', '/', '--method', DRIVER + '.GetId'],
    'python': ['/usr/bin/python3', '-c', 'import dbus.bus, sys; print(dbus.bus.BusConnection(sys.argv[1]).get_is_connected())', '{a}'],
}


def run_client(bus, name):
    assert re.search(r'[0-9a-f]{32}|True|1', bus.run(*[word.format(a=of_tcp(bus)) for word in CLIENTS[name]]))


@pytest.mark.parametrize('listen', ['tcp:host=127.0.0.1', 'nonce-tcp:host=localhost,family=ipv4'])
@pytest.mark.parametrize('name', sorted(CLIENTS))
def test_anonymous_clients(new_bus, name, listen):
    start(new_bus, listen, body='<allow_anonymous/><auth>EXTERNAL</auth><auth>ANONYMOUS</auth>')
    run_client(new_bus, name)


@pytest.mark.parametrize('listen', ['tcp:host=127.0.0.1', 'nonce-tcp:host=localhost,family=ipv4'])
@pytest.mark.parametrize('name', sorted(CLIENTS))
def test_cookie_clients(new_bus, name, listen):
    start(new_bus, listen, body='<auth>EXTERNAL</auth><auth>DBUS_COOKIE_SHA1</auth>')
    run_client(new_bus, name)


@pytest.mark.postern
def test_inherited(new_bus):
    """A socket of systemd may be of the network, too: whoever wrote the unit asked for it."""
    with socket.create_server(('127.0.0.1', 0)) as s:
        def hand_over():
            os.dup2(s.fileno(), 3)
            os.set_inheritable(3, True)
        new_bus.write(new_bus.config, conf('unix:path=%s/bus' % new_bus.dir, body=ANONYMOUS))
        p = subprocess.Popen(['/bin/sh', '-c', 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', 'sh'] +
                             new_bus.arguments('--config-file=' + new_bus.config, '--nofork', '--address=systemd:', '--print-address=1'),
                             preexec_fn=hand_over, close_fds=False, env=new_bus.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        line = p.stdout.readline().rstrip('\n')
        if line:
            assert line.startswith('tcp:host=127.0.0.1,port=%d,family=ipv4,guid=' % s.getsockname()[1])
            Conn(line, auth=anonymous).close()
            p.terminate()
        _, err = p.communicate(timeout=TIMEOUT)
        assert p.returncode == 0 if line else p.returncode > 0 and 'built without libsystemd' in err, err
