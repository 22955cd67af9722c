# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line, the configuration and its errors, addresses, signals, the end."""
import os
import pwd
import re
import signal
import subprocess
import time
from xml.etree import ElementTree

import pytest

from bus import DAEMON, OPEN_POLICY, STOCK, config_text, wait_for
from helpers import may_own
from wirebus import DRIVER, E, TIMEOUT, Conn, DBusError

ADDRESS = r'unix:(path|abstract)=[^,;]+,guid=[0-9a-f]{32}'


def run(bus, *args, mediator=True, **kw):
    """Runs the daemon to its end, which must come."""
    return subprocess.run(bus.arguments(*args, mediator=mediator), env=bus.env(), cwd=bus.dir, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT, **kw)


def conf(bus, *more, **kw):
    bus.write(bus.config, config_text('unix:path=%s/bus' % bus.dir, *more, **kw))
    return '--config-file=' + bus.config


def outlives(bus, *args, **kw):
    """Does the daemon start with this? It is ended again."""
    p = subprocess.Popen(bus.arguments('--nofork', '--print-address=1', *args, **kw), env=bus.env(), cwd=bus.dir, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = p.stdout.readline()
    if line:
        Conn(line).close()
        p.terminate()
    _, err = p.communicate(timeout=TIMEOUT)
    assert p.returncode == 0 if line else p.returncode > 0, err
    return line.rstrip('\n') if line else None, err


BAD_OPTIONS = [(), ('--session', '--system'), ('--no-such-option',), ('--print-address=x', 'C'), ('--print-pid=x', 'C'), ('C', 'C'),
               ('--config-file=/nonexistent/file',), ('--config-file',), ('--session', 'C'), ('surplus', 'C')]


@pytest.mark.parametrize('args', BAD_OPTIONS)
def test_bad_options(new_bus, args):
    c = conf(new_bus)
    p = run(new_bus, *[c if a == 'C' else a for a in args], mediator=False)
    assert p.returncode > 0 and p.stderr.strip()
    assert not os.path.exists(new_bus.dir + '/bus')


@pytest.mark.postern
@pytest.mark.parametrize('args', [('--module',), ('--module=relative.so', 'C'), ('--module=/nonexistent/mediator.so', 'C'), ('--module=', 'C'),
                                  ('--module=/etc/passwd', 'C'), ('--mediator-config=/nonexistent/mediator.conf', 'C'),
                                  ('--print-address=99', 'C')])
def test_bad_options_of_posternd(new_bus, args):
    c = conf(new_bus)
    p = run(new_bus, *[c if a == 'C' else a for a in args], mediator=False)
    assert p.returncode > 0 and p.stderr.strip()
    if '=/' in args[0]:
        assert args[0].split('=')[1] in p.stderr


def test_help_and_version(new_bus):
    p = run(new_bus, '--version', mediator=False)
    assert p.returncode == 0 and re.search(r'\d+\.\d+', p.stdout)
    for flag in ('--help',) if STOCK else ('--help', '-h', '-?'):
        p = run(new_bus, flag, mediator=False)
        text = p.stdout + p.stderr
        for option in ('--version', '--session', '--system', '--config-file', '--print-address', '--print-pid', '--fork', '--nofork',
                       '--address') + (() if STOCK else ('--module', '--mediator-config', '--nopidfile', '--syslog', '--nosyslog',
                                                         '--syslog-only', '--systemd-activation', '--introspect', '--help')):
            assert option in text, option
        assert STOCK or p.returncode == 0


def test_introspect(new_bus):
    """What the bus would answer, without a bus."""
    p = run(new_bus, '--introspect', mediator=False)
    assert p.returncode == 0
    names = {i.get('name') for i in ElementTree.fromstring(p.stdout).iter('interface')}
    assert {DRIVER, DRIVER + '.Properties', DRIVER + '.Introspectable'} <= names
    if not STOCK:
        assert DRIVER + '.Containers1' in names
        p = run(new_bus, '--module=none', '--introspect', mediator=False)
        assert p.returncode == 0 and 'Containers1' not in p.stdout and DRIVER in p.stdout
        with open('/dev/full', 'w') as full:
            assert subprocess.run([DAEMON, '--introspect'], stdout=full, stderr=subprocess.DEVNULL).returncode > 0


# ---- <user>
AUDIT_WRITE = 1 << 29


def privileges(pid):
    with open('/proc/%d/status' % pid) as f:
        fields = dict(line.split(':', 1) for line in f)
    return {k: int(fields['Cap' + k], 16) for k in ('Inh', 'Prm', 'Eff', 'Amb')}, [int(n) for n in fields['Uid'].split()], fields['Groups'].split()


@pytest.mark.postern
@pytest.mark.parametrize('prefix', [[], ['setpriv', '--bounding-set', '-audit_write', '--']])
def test_becomes_a_user(new_bus, prefix):
    """Of all that root can do, the bus keeps the right to write audit records; where it has not got that, it starts without."""
    if os.geteuid() != 0:
        return  # an ordinary user has nothing to give up; the next test is his
    new_bus.prefix = prefix
    os.chmod(new_bus.dir, 0o777)
    os.chmod(new_bus.runtime, 0o777)
    new_bus.start('<user>nobody</user><policy context="mandatory"><allow user="*"/></policy>')
    caps, uids, groups = privileges(new_bus.pid)
    has_audit = {'+audit', '+libcap-ng'} <= set(run(new_bus, '--version', mediator=False).stdout.split()) if not prefix else False
    kept = AUDIT_WRITE if has_audit else 0
    assert caps == {'Inh': 0, 'Prm': kept, 'Eff': kept, 'Amb': 0}
    assert set(uids) == {pwd.getpwnam('nobody').pw_uid} and groups == [str(pwd.getpwnam('nobody').pw_gid)]
    assert has_audit or 'denials will not be in the audit log: ' in new_bus.log()


@pytest.mark.postern
def test_is_the_user_already(new_bus):
    """What whoever started it wanted its children to have, they do not get."""
    me = pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        new_bus.prefix = ['setpriv', '--inh-caps', '+audit_write', '--ambient-caps', '+audit_write', '--']
    new_bus.start('<user>%s</user>' % me)
    assert privileges(new_bus.pid)[0]['Amb'] == 0


@pytest.mark.postern
def test_only_root_becomes_a_user(new_bus):
    if os.geteuid() == 0:
        new_bus.prefix = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--']
        os.chmod(new_bus.dir, 0o777)
    p = run(new_bus, '--nofork', conf(new_bus, '<user>daemon</user>'))
    assert p.returncode > 0 and re.search(re.escape(new_bus.config) + r':\d+:\d+: only root can become the user daemon', p.stderr)


def fd_limits(pid):
    with open('/proc/%d/limits' % pid) as f:
        return [int(n) for n in re.search(r'Max open files\s+(\d+)\s+(\d+)', f.read()).groups()]


@pytest.mark.postern
def test_limit_of_descriptors(new_bus):
    """The soft limit becomes the hard one; where root may raise that, to 65536. Failing to is a warning."""
    new_bus.prefix = ['/bin/sh', '-c', 'ulimit -Sn 256; ulimit -Hn 2048; exec "$@"', 'sh']
    new_bus.start()
    soft, hard = fd_limits(new_bus.pid)
    raised = os.geteuid() == 0 and 'cannot be raised' not in new_bus.log()
    assert soft == hard == (65536 if raised else 2048)
    assert not [line for line in new_bus.log().splitlines() if 'cannot be raised' in line and os.geteuid() != 0]


@pytest.mark.parametrize('args', [('--print-address={w}',), ('--print-address', '{w}'), ('--print-pid={w}', '--print-address={w}'),
                                  ('--print-address={w}', '--print-pid', '{w}')])
def test_print(new_bus, args):
    """The address line comes first, in one write, then the pid line, nothing else; then the end of the pipe."""
    if STOCK and len(args) > 1 and 'pid' in ''.join(args):
        pytest.skip('dbus-daemon closes a descriptor other than stdout in between')
    r, w = os.pipe2(os.O_DIRECT)
    p = subprocess.Popen(new_bus.arguments(conf(new_bus), '--nofork', *[a.format(w=w) for a in args]), env=new_bus.env(), pass_fds=[w],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    os.close(w)
    first = os.read(r, 4096).decode()
    rest = b''
    while True:
        more = os.read(r, 4096)
        if not more:
            break
        rest += more
    os.close(r)
    assert first.endswith('\n')
    lines = (first + rest.decode()).splitlines()
    assert re.fullmatch(ADDRESS, lines[0])
    assert lines[1:] == ([str(p.pid)] if len(lines) > 1 else []) and len(lines) == 1 + any('pid' in a for a in args)
    Conn(lines[0]).close()
    p.terminate()
    assert p.communicate(timeout=TIMEOUT)[0] == b'' and (p.returncode == 0 or STOCK)


def test_print_to_stdout(new_bus):
    for args in (('--print-address=1', '--print-pid=1'), ('--print-pid=1', '--print-address=1')):
        p = subprocess.Popen(new_bus.arguments(conf(new_bus), *args, '--nofork'), env=new_bus.env(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, text=True)
        assert re.fullmatch(ADDRESS + '\n', p.stdout.readline())
        assert p.stdout.readline() == '%d\n' % p.pid
        time.sleep(0.1 if STOCK else 0)
        p.terminate()
        assert p.communicate(timeout=TIMEOUT)[0] == '' and p.returncode == 0


@pytest.mark.parametrize('how', ['--fork', '<fork/>'])
def test_fork(new_bus, how):
    """The parent returns when both lines are out; the daemon is in a session of its own."""
    c = conf(new_bus, '<fork/>' if how == '<fork/>' else '')
    with open(new_bus.dir + '/out', 'w+') as out:
        p = subprocess.run(new_bus.arguments(c, '--print-address=1', '--print-pid=1', *([how] if how[0] == '-' else [])), env=new_bus.env(),
                           stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, timeout=TIMEOUT)
        out.seek(0)
        lines = out.read().splitlines()
    assert p.returncode == 0 and len(lines) == 2
    pid = int(lines[1])
    try:
        assert os.getsid(pid) == pid or os.getsid(pid) != os.getsid(0)
        with Conn(lines[0]) as x:
            assert x.call('GetConnectionUnixProcessID', 's', DRIVER) == (pid,)
    finally:
        os.kill(pid, signal.SIGTERM)
    assert wait_for(lambda: not os.path.exists(new_bus.dir + '/bus'))


@pytest.mark.parametrize('keep', [False, True])
def test_fork_leaves_the_callers_umask(new_bus, keep):
    c = conf(new_bus, '<keep_umask/>' if keep else '')
    p = subprocess.run(new_bus.arguments(c, '--fork', '--print-pid=1'), env=new_bus.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, timeout=TIMEOUT, umask=0o077)
    pid = int(p.stdout)
    try:
        with open('/proc/%d/status' % pid) as f:
            assert 'Umask:\t%04o\n' % (0o077 if keep else 0o022) in f.read()
        assert os.readlink('/proc/%d/cwd' % pid) == '/'
    finally:
        os.kill(pid, signal.SIGTERM)


def test_nofork_wins(new_bus):
    new_bus.start('<fork/>')
    assert new_bus.connect().call('GetConnectionUnixProcessID', 's', DRIVER) == (new_bus.pid,)


@pytest.mark.postern
def test_closed_standard_files(new_bus):
    """With 0, 1 and 2 closed nothing lands on them unnoticed."""
    c = conf(new_bus)
    pidfile = new_bus.dir + '/pid'
    p = subprocess.run(['/bin/sh', '-c', 'exec "$@" 8>%s 0<&- 1>&- 2>&-' % pidfile, 'sh'] +
                       new_bus.arguments(c, '--fork', '--print-pid=8'), env=new_bus.env(), timeout=TIMEOUT)
    assert p.returncode == 0
    with open(pidfile) as f:
        pid = int(f.read())
    try:
        with Conn('unix:path=%s/bus' % new_bus.dir) as x:
            x.sync()
        for n in (0, 1, 2):
            link = '/proc/%d/fd/%d' % (pid, n)
            assert not os.path.islink(link) or os.readlink(link) == '/dev/null', os.readlink(link)
    finally:
        os.kill(pid, signal.SIGTERM)
    assert wait_for(lambda: not os.path.exists(new_bus.dir + '/bus'))


def test_address_option(new_bus):
    """Replaces what the configuration says; lists; both spellings."""
    d = new_bus.dir
    for args in (('--address=unix:path=%s/x' % d,), ('--address', 'unix:path=%s/x' % d), ('--address=unix:path=%s/x;unix:path=%s/y' % (d, d),)):
        if STOCK and ';' in args[-1]:
            break  # it takes the first alone
        p = subprocess.Popen(new_bus.arguments(conf(new_bus), '--nofork', '--print-address', *args), env=new_bus.env(),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        entries = p.stdout.readline().rstrip('\n').split(';')
        assert sorted(e.split('=')[1].split(',')[0] for e in entries) == [d + '/x', d + '/y'][:len(entries)]
        assert len(entries) == len(args[-1].split(';')) and not os.path.exists(d + '/bus')
        for e in entries:
            assert re.fullmatch(ADDRESS, e)
            Conn(e).close()
        time.sleep(0.1 if STOCK else 0)
        p.terminate()
        p.communicate(timeout=TIMEOUT)
        assert p.returncode == 0 and not os.path.exists(d + '/x') and not os.path.exists(d + '/y')


def abstract():
    return 'postern-test-' + os.urandom(6).hex()


@pytest.mark.parametrize('listen, printed', [
    ('unix:path={d}/s%20p%2fc', 'unix:path={d}/s%20p/c,'), ('unix:abstract={a}', 'unix:abstract={a},'),
    ('unix:dir={d}', 'unix:path={d}/dbus-[^/]+,'), ('unix:tmpdir={d}', 'unix:(path|abstract)={d}/dbus-[^/]+,'),
    ('unix:runtime=yes', 'unix:path={d}/run/bus,')])
def test_listen(new_bus, listen, printed):
    a, d = abstract(), new_bus.dir
    os.mkdir(d + '/s p')
    listen, printed = listen.format(d=d, a=a), printed.format(d=d, a=a)
    new_bus.start(text=config_text(listen))
    assert re.match(printed, new_bus.address), new_bus.address
    if 'runtime' in listen:
        assert re.search(':1', new_bus.run('dbus-send', '--bus=unix:path=%s/bus' % new_bus.runtime, '--print-reply', '--dest=' + DRIVER, '/',
                                           DRIVER + '.ListNames'))


def test_stale_socket_is_replaced(new_bus):
    import socket
    s = socket.socket(socket.AF_UNIX)
    s.bind(new_bus.dir + '/bus')
    s.close()
    assert new_bus.start().connect().is_alive()


def test_configuration_from_a_descriptor(new_bus):
    fd = os.memfd_create('config', 0)
    os.write(fd, config_text('unix:path=%s/bus' % new_bus.dir).encode())
    p = subprocess.Popen(new_bus.arguments('--config-file=/proc/self/fd/%d' % fd, '--nofork', '--print-address'), pass_fds=[fd],
                         env=new_bus.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    Conn(p.stdout.readline().rstrip('\n')).close()
    time.sleep(0.1 if STOCK else 0)
    p.terminate()
    p.communicate(timeout=TIMEOUT)
    os.close(fd)
    assert p.returncode == 0


def test_pidfile(new_bus):
    """Written, and removed at the end; one that is there refuses the start unless told to ignore it."""
    pidfile = new_bus.dir + '/pid'
    new_bus.start('<pidfile>%s</pidfile>' % pidfile)
    assert wait_for(lambda: os.path.exists(pidfile) and open(pidfile).read() == '%d\n' % new_bus.pid)
    second = new_bus.write('second.conf', config_text('unix:path=%s/second' % new_bus.dir, '<pidfile>%s</pidfile>' % pidfile))
    p = run(new_bus, '--nofork', '--config-file=' + second)
    assert p.returncode > 0 and pidfile in p.stderr
    assert new_bus.connect().is_alive()
    if not STOCK:
        assert outlives(new_bus, '--config-file=' + second, '--nopidfile')[0]
    assert os.path.exists(pidfile)
    new_bus.process.terminate()
    new_bus.process.wait(TIMEOUT)
    assert not os.path.exists(pidfile) and new_bus.process.returncode == 0
    new_bus.process = None


@pytest.mark.postern
def test_terminated_at_once(new_bus):
    """A SIGTERM right after the address line is obeyed, and leaves nothing."""
    for _ in range(5):
        p = subprocess.Popen(new_bus.arguments(conf(new_bus), '--nofork', '--print-address'), env=new_bus.env(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, text=True)
        p.stdout.readline()
        p.terminate()
        p.communicate(timeout=TIMEOUT)
        assert p.returncode == 0 and not os.path.exists(new_bus.dir + '/bus')


# ---- faults of the bus configuration: what stands in line 3 of the file
FAULTS = {
    'element': '<nonsense/>', 'context': '<policy context="nowhere"/>', 'policy-bare': '<policy><allow own="*"/></policy>',
    'policy-two': '<policy context="default" user="root"/>', 'limit-name': '<limit name="max_wishes">3</limit>',
    'limit-negative': '<limit name="max_message_size">-1</limit>', 'limit-word': '<limit name="max_message_size">many</limit>',
    'limit-empty': '<limit name="max_message_size"></limit>', 'attribute': '<policy context="default"><allow sned_member="x"/></policy>',
    'no-attribute': '<policy context="default"><allow/></policy>', 'mixed': '<policy context="default"><allow send_member="x" own="y"/></policy>',
    'send-and-receive': '<policy context="default"><allow send_member="x" receive_member="y"/></policy>',
    'type-of-message': '<policy context="default"><allow send_type="letter"/></policy>', 'text': 'words', 'mismatch': '<policy context="default"></allow>',
    'include-missing': '<include>/nonexistent/file</include>', 'entity': '<type>&nothing;</type>',
    'attribute-of-element': '<listen kind="x">unix:path=/x</listen>', 'yes-no': '<policy context="default"><allow eavesdrop="maybe" send_type="signal"/></policy>',
    'apparmor-mode': '<apparmor mode="sometimes"/>', 'associate': '<selinux><associate own="a.b"/></selinux>',
    'user': '<user>no-such-user</user>', 'auth': '<auth>TELEPATHY</auth>', 'listen': '<listen>unix</listen>', 'transport': '<listen>pigeon:nest=1</listen>',
}


@pytest.mark.postern
@pytest.mark.parametrize('name', sorted(FAULTS))
def test_configuration_faults(new_bus, name):
    """The daemon does not start, and names file:line:column."""
    text = '<busconfig>\n<listen>unix:path=%s/bus</listen>\n  %s\n<type>session</type>\n</busconfig>\n' % (new_bus.dir, FAULTS[name])
    new_bus.write(new_bus.config, text)
    p = run(new_bus, '--nofork', '--config-file=' + new_bus.config)
    assert p.returncode > 0
    assert re.search(re.escape(new_bus.config) + r':[1345]:\d+', p.stderr), p.stderr
    assert not os.path.exists(new_bus.dir + '/bus')


@pytest.mark.parametrize('text', ['', '<busconfig>', '<busconfig></busconfig>', '<other/>', '\0', 'no xml', '<busconfig/><busconfig/>',
                                  '<busconfig><include>bus.conf</include></busconfig>'])
def test_useless_configuration(new_bus, text):
    new_bus.write(new_bus.config, text)
    p = run(new_bus, '--nofork', '--config-file=' + new_bus.config)
    assert p.returncode > 0 and p.stderr.strip()
    assert STOCK or new_bus.config in p.stderr


@pytest.mark.postern
def test_fault_in_an_included_file(new_bus):
    os.mkdir(new_bus.dir + '/conf.d')
    bad = new_bus.write('conf.d/bad.conf', '<busconfig>\n  <policy context="default">\n    <deny nonsense="x"/>\n</policy></busconfig>')
    p = run(new_bus, '--nofork', conf(new_bus, '<include>conf.d/bad.conf</include>'))
    assert p.returncode > 0 and re.search(re.escape(bad) + r':3:\d+', p.stderr), p.stderr
    # Like the stock daemon, a bus goes on without a bad file of an includedir, and says so.
    new_bus.start('<includedir>conf.d</includedir>')
    assert re.search(re.escape(bad) + r':3:\d+', new_bus.log())


MEDIATOR_FAULTS = {
    'root': '<busconfig/>', 'element': '<mediator>\n<nonsense/></mediator>', 'attribute': '<mediator>\n<containers colour="red"/></mediator>',
    'mode': '<mediator>\n<containers default-mode="permissive"/></mediator>', 'number': '<mediator>\n<containers max-total="many"/></mediator>',
    'negative': '<mediator>\n<containers max-total="-1"/></mediator>', 'broadcasts': '<mediator>\n<containers broadcasts="some"/></mediator>',
    'header': '<mediator>\n<containers instance-header="sometimes"/></mediator>',
    'provider': '<mediator>\n<identity order="socket guess"/></mediator>', 'unpinned': '<mediator>\n<identity unpinned="perhaps"/></mediator>',
    'rule-name': '<mediator>\n<container type="a.b" name="c"><allow talk="nodots"/></container></mediator>',
    'rule-driver': '<mediator>\n<container type="a.b" name="c"><allow talk="org.freedesktop.DBus"/></container></mediator>',
    'rule-two': '<mediator>\n<container type="a.b" name="c"><allow talk="a.b" own="c.d"/></container></mediator>',
    'rule-empty': '<mediator>\n<container type="a.b" name="c"><allow/></container></mediator>',
    'rule-path': '<mediator>\n<container type="a.b" name="c"><allow call="a.b" path="no"/></container></mediator>',
    'rule-own-path': '<mediator>\n<container type="a.b" name="c"><allow own="a.b" path="/x"/></container></mediator>',
    'container-type': '<mediator>\n<container type="bad" name="c"/></mediator>', 'container-bare': '<mediator>\n<container/></mediator>',
    'container-mode': '<mediator>\n<container type="a.b" name="c" mode="x"/></mediator>', 'label-lsm': '<mediator>\n<label lsm="x" match="y" type="a.b"/></mediator>',
    'label-type': '<mediator>\n<label lsm="apparmor" match="snap.{name}.{app}" type="bad"/></mediator>', 'unclosed': '<mediator>\n<containers>',
    'text': '<mediator>\nwords</mediator>', 'empty': '',
}


@pytest.mark.postern
@pytest.mark.parametrize('name', sorted(MEDIATOR_FAULTS))
def test_mediator_faults(new_bus, name):
    new_bus.write(new_bus.mediator, MEDIATOR_FAULTS[name])
    p = run(new_bus, '--nofork', conf(new_bus))
    assert p.returncode > 0
    assert re.search(re.escape(new_bus.mediator) + r':\d+:\d+', p.stderr), p.stderr


@pytest.mark.postern
def test_mediator_configuration_is_good(new_bus):
    new_bus.write('extra.conf', '<mediator><containers broadcasts="instance"/></mediator>')
    os.mkdir(new_bus.dir + '/m.d')
    new_bus.write('m.d/1.conf', '<mediator><container type="a.b" name="d"><allow talk="x.y"/></container></mediator>')
    new_bus.start(mediator='''<mediator>
      <identity order="socket selinux apparmor cgroup" unpinned="ignore"/>
      <containers default-mode="restrict" implicit-mode="identify" broadcasts="everyone" instance-header="always"
                  max-total="512" max-per-user="16" max-connections="8" max-metadata="4096"/>
      <label lsm="apparmor" match="snap.{name}.{app}" type="io.snapcraft"/>
      <cgroup match="app-flatpak-{name}-{instance}.scope" type="org.flatpak"/>
      <container type="io.snapcraft" name="firefox" mode="restrict">
        <allow talk="org.freedesktop.portal.*"/>
        <allow call="org.freedesktop.Notifications" path="/org/freedesktop/Notifications" interface="org.freedesktop.Notifications"/>
        <allow own="org.mozilla.firefox.*"/>
      </container>
      <includedir>m.d</includedir>
    </mediator>''')
    assert new_bus.connect().is_alive()


# ---- reload
def reloaded(bus, how):
    before = len(bus.log())
    if how == 'SIGHUP':
        bus.sighup()
        wait_for(lambda: len(bus.log()) > before, 2)
        return None
    try:
        bus.connect().call('ReloadConfig')
        return None
    except DBusError as e:
        return e


@pytest.mark.parametrize('how', ['SIGHUP', 'ReloadConfig'])
def test_reload(bus, how):
    """New rules count at once; a faulty file keeps the old ones, whole, and says so."""
    assert may_own(bus, 'a.b') and may_own(bus, 'c.d')
    conf(bus, policy=OPEN_POLICY + '<deny own="a.b"/>')
    assert reloaded(bus, how) is None
    assert wait_for(lambda: not may_own(bus, 'a.b')) and may_own(bus, 'c.d')
    conf(bus, '<nonsense/>', policy=OPEN_POLICY + '<deny own="c.d"/>')
    before = len(bus.log())
    e = reloaded(bus, how)
    assert how == 'SIGHUP' or e is not None
    if not STOCK:
        assert wait_for(lambda: re.search(re.escape(bus.config) + r':\d+:\d+', bus.log()[before:])), bus.log()
    assert not may_own(bus, 'a.b') and may_own(bus, 'c.d')
    conf(bus)
    assert reloaded(bus, how) is None
    assert wait_for(lambda: may_own(bus, 'a.b'))


@pytest.mark.postern
def test_reload_of_faulty_mediator_conf(bus):
    """Neither file takes effect when one of them is faulty."""
    conf(bus, policy=OPEN_POLICY + '<deny own="a.b"/>')
    bus.write(bus.mediator, '<mediator><oops/></mediator>')
    e = reloaded(bus, 'ReloadConfig')
    assert e is not None and e.name.startswith(E)
    assert may_own(bus, 'a.b') and re.search(re.escape(bus.mediator) + r':\d+:\d+', bus.log())
    bus.write(bus.mediator, '<mediator/>')
    assert reloaded(bus, 'ReloadConfig') is None and not may_own(bus, 'a.b')


def test_reload_spares_connections(bus):
    c = bus.connect()
    c.request_name('a.b')
    conf(bus, policy=OPEN_POLICY + '<deny own="a.b"/>')
    reloaded(bus, 'ReloadConfig')
    assert c.is_alive() and c.call('GetNameOwner', 's', 'a.b') == (c.name,)


# ---- the module
@pytest.mark.postern
def test_without_a_mediator(new_bus):
    """Only when told so; then there are no containers."""
    new_bus.start(args=['--module=none'])
    c = new_bus.connect()
    assert c.error('RequestHeader', iface='org.freedesktop.DBus.Containers1') == E + 'UnknownInterface'
    assert 'org.freedesktop.DBus.Containers1' not in c.get(DRIVER, 'Interfaces')
    assert c.request_name('com.example.X') == 1


@pytest.mark.postern
@pytest.mark.parametrize('module', ['mock-older', 'mock-older-4'])
def test_older_module(new_bus, module):
    """Which refuses what came after it: it is not asked in words that it does not know."""
    new_bus.start(args=['--module=' + os.path.join(os.environ['POSTERN_BUILD'], 'tests/mocks/.libs/%s.so' % module)])
    conns = [new_bus.connect() for _ in range(3)]
    for c in conns:
        c.match("type='signal',member='Tick'")
    for n in range(3):
        conns[0].signal('Tick', path='/obj', iface='com.example.Iface')
    for c in conns:
        assert [c.wait_signal('Tick').member for _ in range(3)] == ['Tick'] * 3
        assert c.call('GetNameOwner', 's', conns[0].name) == (conns[0].name,)


@pytest.mark.postern
def test_what_is_no_answer(new_bus):
    """An error, whatever verdict comes with it, and a verdict that is neither: both are a no."""
    new_bus.start(args=['--module=' + os.path.join(os.environ['POSTERN_BUILD'], 'tests/mocks/.libs/mock-odd.so')])
    a, b = new_bus.connect(), new_bus.connect()
    for member in ('Fails', 'Two'):
        assert a.error(member, dest=b.name, path='/x', iface='a.b') == E + 'AccessDenied'
    a.send_call('Ping', dest=b.name, path='/x', iface='a.b')
    assert b.wait_call().member == 'Ping'


@pytest.mark.postern
def test_module_is_checked(new_bus):
    """A module that others may write to is not loaded."""
    so = new_bus.write('mediator.so', 'not a library')
    for mode, word in ((0o666, ''), (0o755, '')):
        os.chmod(so, mode)
        p = run(new_bus, '--nofork', '--module=' + so, conf(new_bus))
        assert p.returncode > 0 and so in p.stderr and word in p.stderr
    os.mkdir(new_bus.dir + '/open')
    os.chmod(new_bus.dir + '/open', 0o777)
    p = run(new_bus, '--nofork', '--module=%s/open/m.so' % new_bus.dir, conf(new_bus))
    assert p.returncode > 0 and new_bus.dir + '/open' in p.stderr


def test_session_bus(new_bus):
    """The default configuration of a session bus starts as it is."""
    p = subprocess.Popen([DAEMON, '--session', '--nofork', '--print-address=1', '--address=unix:tmpdir=' + new_bus.dir], env=new_bus.env(),
                         cwd='/', stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = p.stdout.readline()
    assert line, p.communicate()
    with Conn(line.rstrip('\n')) as c:
        assert c.request_name('com.example.X') == 1
    time.sleep(0.1 if STOCK else 0)
    p.terminate()
    p.communicate(timeout=TIMEOUT)
    assert p.returncode == 0


@pytest.mark.parametrize('options', [(), (16, 34, 76)], ids=['plain', 'passcred'])  # SO_PASSCRED, SO_PASSSEC, SO_PASSPIDFD
def test_inherited_sockets(new_bus, options):
    """LISTEN_FDS and LISTEN_PID: the sockets from 3 on are served, and stay the giver's to remove. Options of them do not bring descriptors in."""
    import socket
    path = new_bus.dir + '/inherited'
    s = socket.socket(socket.AF_UNIX)
    for option in options:
        try:
            s.setsockopt(socket.SOL_SOCKET, option, 1)
        except OSError:
            pass  # an older kernel
    s.bind(path)
    s.listen(5)

    def hand_over():
        os.dup2(s.fileno(), 3)
        os.set_inheritable(3, True)
    c = conf(new_bus)
    argv = ['/bin/sh', '-c', 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', 'sh'] + new_bus.arguments(c, '--nofork', '--address=systemd:', '--print-address=1')
    p = subprocess.Popen(argv, env=new_bus.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         preexec_fn=hand_over, close_fds=False)
    s.close()
    line = p.stdout.readline()
    if line:
        assert 'unix:path=' + path in line
        with Conn(line.rstrip('\n')) as x:
            x.sync()
            before = len(os.listdir('/proc/%d/fd' % p.pid))
            for _ in range(50):
                x.sync()
            assert STOCK or len(os.listdir('/proc/%d/fd' % p.pid)) == before
        time.sleep(0.1 if STOCK else 0)
        p.terminate()
    _, err = p.communicate(timeout=TIMEOUT)
    # Without libsystemd it is refused, in words.
    assert p.returncode == 0 if line else p.returncode > 0 and 'systemd' in err
    assert os.path.exists(path)
