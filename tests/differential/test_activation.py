# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services that are started on demand, by the daemon and by something that looks like systemd."""
import pytest

from compare import Scenario, check, table
from daemons import OPEN_POLICY
from ops import Op, answer, call, close, connect, match, peer_call, release, reply, request, signal, until, wait, write
from wirebus import DRIVER, DRIVER_PATH, E, ERROR, NO_AUTO_START, NO_REPLY

NAME, OTHER, SYSTEMD = 'com.example.Act', 'com.example.Act.Other', 'org.freedesktop.systemd1'
MANAGER, ACTIVATOR = 'org.freedesktop.systemd1.Manager', 'org.freedesktop.systemd1.Activator'


def file(name=NAME, how='', exec=None, unit=None, user=None, head='[D-BUS Service]\n', more=''):
    lines = ['Name=' + name, 'Exec=' + (exec if exec is not None else 'PYTHON HERE/service.py %s %s' % (name, how))]
    lines += ['SystemdService=' + unit] if unit else []
    lines += ['User=' + user] if user else []
    return head + '\n'.join(lines) + '\n' + more


def services(*ops, how='', files=None, args=(), body='', n=3, **kw):
    files = {'services/a.service': file(how=how)} if files is None else files
    return Scenario(*ops, n=n, fresh=True, files=files, args=args, body='<servicedir>DIR/services</servicedir>' + body, **kw)


def systemd(*ops, files=None, **kw):
    return services(*ops, files=files or {'services/a.service': file(unit='act.service', exec='/bin/false'), 'services/b.service': file(OTHER, unit='other.service', exec='/bin/false')},
                    args=('--systemd-activation',), **kw)


def starts(conn=0, name=NAME, member='Method', **kw):
    """A call that starts the service and gets its answer."""
    return peer_call(conn, name, member, until=until(conn, type='return'), **kw)


def fails(conn=0, name=NAME, **kw):
    return peer_call(conn, name, until=until(conn, type='error'), **kw)


def start(conn, name=NAME, flags=0, **kw):
    return call(conn, 'StartServiceByName', 'su', name, flags, **kw)


WATCH = match(2, "type='signal',sender='org.freedesktop.DBus'")
# What connection 2 sees when the service takes its name, leaves, and when there are other services.
COMES = until(2, body=(NAME, '', ':1.4'))
GOES = until(2, body=(':1.4', ':1.4', ''))
NEWS = until(2, member='ActivatableServicesChanged')
REPORT = peer_call(0, NAME, 'Report', until=until(0, type='return'))
FAILURES = {
    'no such program': file(exec='/nonexistent/program'), 'not executable': file(exec='/etc/passwd'), 'a folder': file(exec='/tmp'), 'exits with 1': file(exec='/bin/false'),
    'exits with 7': file(how='exit=7'), 'is killed': file(how='kill'), 'bad quotes': file(exec="/bin/true 'x"), 'empty': file(exec=''), 'relative': file(exec='true'),
}
FILES = {
    'another group': file(head='[Other]\nName=a.b\n[D-BUS Service]\n'), 'comments': file(head='# a\n\n[D-BUS Service]\n# b\n'), 'no group': file(head=''), 'no name': '[D-BUS Service]\nExec=/bin/true\n',
    'no exec': '[D-BUS Service]\nName=%s\n' % NAME, 'bad name': file('bad name'), 'unique name': file(':1.5'), 'of the driver': file(DRIVER), 'name twice': file(more='Name=com.example.Second\n'),
    'unknown keys': file(more='Foo=bar\nX-Foo=bar\n'), 'unknown group': file(more='[Foo]\nbar=x\n'), 'blanks': '[D-BUS Service]\nName = %s\nExec = /bin/true\n' % NAME, 'no equals': file(more='garbage\n'),
    'empty': '', 'garbage': 'garbage\n', 'no newline at the end': '[D-BUS Service]\nExec=/bin/true\nName=%s' % NAME, 'not UTF-8 free': file(more='# ä\n'),
}

SCENARIOS = {
    'call': services(WATCH, call(0, 'ListActivatableNames'), starts(), REPORT, starts(), call(0, 'ListActivatableNames'), call(0, 'NameHasOwner', 's', NAME)),
    'call with arguments': services(peer_call(0, NAME, 'Echo', 'sua{sv}', 'a', 7, {'k': ('s', 'v')}, until=until(0, type='return')), REPORT),
    'order': services([peer_call(0, NAME, 'M%d' % i, flags=NO_REPLY) for i in range(5)], peer_call(1, NAME, 'Of1', flags=NO_REPLY), signal(1, 'Signal', dest=NAME), peer_call(0, NAME, 'Last', until=until(0, type='return')), REPORT, how='late'),
    'start': services(WATCH, start(0, until=until(0, type='return')), start(0), start(0, flags=7), REPORT),
    'start and calls': services(start(1), peer_call(0, NAME, 'A', flags=NO_REPLY), start(0, until=until(0, type='return')), REPORT, how='late'),
    'start without reply': services(start(0, flags=0), start(1, until=until(1, type='return')), REPORT, how='late'),
    'no auto start': services(peer_call(0, NAME, flags=NO_AUTO_START), signal(0, dest=NAME, flags=NO_AUTO_START), call(0, 'NameHasOwner', 's', NAME), starts(), peer_call(0, NAME, flags=NO_AUTO_START, until=until(0, type='return'))),
    'signal': services(WATCH, signal(0, 'Wake', dest=NAME, until=COMES), REPORT),
    'reply': services(WATCH, answer(0, NAME, 7, until=COMES), answer(0, NAME, 8, type=ERROR), REPORT),
    'no reply wanted': services(peer_call(0, NAME, 'Quiet', flags=NO_REPLY), starts(), REPORT),
    'driver questions do not start': services([call(0, m, 's', NAME) for m in ('GetNameOwner', 'NameHasOwner', 'ListQueuedOwners', 'GetConnectionUnixUser', 'GetConnectionCredentials')], wait(0.3), call(0, 'NameHasOwner', 's', NAME)),
    'taken by another': services(start(0), peer_call(0, NAME, 'Method', flags=NO_REPLY), request(1, NAME), peer_call(2, NAME), reply(1), how='late'),
    'sender goes': services(peer_call(1, NAME, 'OfGone'), close(1), starts(), REPORT, how='late'),
    'sender goes, nobody else': services(WATCH, peer_call(1, NAME, 'OfGone'), Op('close', 1, until=COMES), REPORT, how='late'),
    'name in the file is not the one taken': services(fails(), body='<limit name="service_start_timeout">700</limit>', how='other=com.example.Else'),
    'never takes the name': services(WATCH, start(1), fails(), call(0, 'NameHasOwner', 's', NAME), fails(), body='<limit name="service_start_timeout">500</limit>', how='idle'),
    'ends well without the name': services(fails(), body='<limit name="service_start_timeout">500</limit>', how='exit=0'),
    'goes to the background': services(WATCH, starts(), REPORT, peer_call(0, NAME, 'Quit', flags=NO_REPLY, until=GOES), starts(), how='fork'),
    'again after it has gone': services(WATCH, starts(), peer_call(0, NAME, 'Quit', flags=NO_REPLY, until=GOES), starts(), REPORT),
    'variables': services(call(0, 'UpdateActivationEnvironment', 'a{ss}', {'TEST_NEW': 'a=b c', 'TEST_INHERITED': 'changed'}), starts(), peer_call(0, NAME, 'Variables', 'ssssss', 'TEST_NEW', 'TEST_INHERITED', 'DBUS_STARTER_BUS_TYPE',
                          'DBUS_STARTER_ADDRESS', 'DBUS_SESSION_BUS_ADDRESS', 'NOTIFY_SOCKET', until=until(0, type='return'))),
    'variables of a system bus': services(starts(), peer_call(0, NAME, 'Variables', 'sss', 'DBUS_STARTER_BUS_TYPE', 'DBUS_STARTER_ADDRESS', 'DBUS_SESSION_BUS_ADDRESS', until=until(0, type='return')), type='system'),
    'variables without update': services(starts(), peer_call(0, NAME, 'Variables', 'ss', 'TEST_NEW', 'TEST_INHERITED', until=until(0, type='return'))),
    'quoted arguments': services(starts(), peer_call(0, NAME, 'Arguments', until=until(0, type='return')), files={'services/a.service': file(exec="PYTHON \"HERE/service.py\" %s 'a b' \"c\\\"d\" e\\ f '' 'it'\\''s' $HOME *" % NAME)}),
    'too many starts': services(start(0), start(0, OTHER), peer_call(0, OTHER), wait(0.6), body='<limit name="max_pending_service_starts">1</limit>', how=None,
                                files={'services/a.service': file(how='late'), 'services/b.service': file(OTHER)}),
    'descriptors': services(peer_call(0, NAME, 'Take', 'h', 0, fds=['a'], until=until(0, type='return')), REPORT),
    'eavesdropped': services(match(2, "eavesdrop='true'"), starts(), REPORT),
    'several files': services(call(0, 'ListActivatableNames'), starts(0, OTHER), call(0, 'NameHasOwner', 's', NAME), files={'services/a.service': file(), 'services/b.service': file(OTHER), 'services/c.txt': file('com.example.No')}),
    'two files for a name': services(call(0, 'ListActivatableNames'), files={'services/a.service': file(), 'services/b.service': file()}),
    'new file, reload': services(call(0, 'ListActivatableNames'), write('services/b.service', file(OTHER)), call(0, 'ReloadConfig'), call(0, 'ListActivatableNames'), starts(0, OTHER), write('services/a.service', None),
                                 call(0, 'ReloadConfig'), call(0, 'ListActivatableNames'), peer_call(0, NAME)),
    'new file, watched': services(WATCH, Op('write', path='services/b.service', text=file(OTHER), until=NEWS), call(0, 'ListActivatableNames'), starts(0, OTHER)),
    'file changes, watched': services(WATCH, Op('write', path='services/a.service', text=file(OTHER), until=NEWS), call(0, 'ListActivatableNames'),
                                      Op('write', path='services/a.service', text=None, until=NEWS), call(0, 'ListActivatableNames')),
    'reload while starting': services(peer_call(0, NAME, 'A'), call(1, 'ReloadConfig'), peer_call(1, NAME, 'B', until=until(1, type='return')), wait(0.2), REPORT, how='late'),
    'reload is told': services(WATCH, call(0, 'ReloadConfig')),
    # ---- policy
    'may not be sent to': services(peer_call(0, NAME), start(0), wait(0.5), call(0, 'NameHasOwner', 's', NAME), policy=OPEN_POLICY + '<deny send_destination="%s"/>' % NAME),
    'may not be sent to, prefix': services(peer_call(0, NAME), wait(0.5), call(0, 'NameHasOwner', 's', NAME), policy=OPEN_POLICY + '<deny send_destination_prefix="com.example"/>'),
    'may not be sent to, member': services(peer_call(0, NAME), peer_call(0, NAME, 'Other', until=until(0, type='return')), REPORT, policy=OPEN_POLICY + '<deny send_destination="%s" send_interface="com.example.Iface" send_member="Method"/>' % NAME),
    'may not receive': services(peer_call(0, NAME, until=until(0, type='error')), wait(0.2), peer_call(0, NAME, 'Report', iface='com.example.Rep', until=until(0, type='return')),
                                policy=OPEN_POLICY + '<deny receive_interface="com.example.Iface" receive_type="method_call"/>'),
    'may not own': services(fails(), body='<limit name="service_start_timeout">800</limit>', policy=OPEN_POLICY + '<deny own="%s"/>' % NAME),
    # ---- systemd
    'systemd: request': systemd(request(1, SYSTEMD), peer_call(0, NAME), start(0), peer_call(0, OTHER), request(2, NAME), reply(2), signal(1, 'ActivationFailure', 'sss', 'other.service', 'com.example.Failed', 'text', dest=DRIVER,
                                iface=ACTIVATOR, path='/org/freedesktop/systemd1')),
    'systemd: comes later': systemd(peer_call(0, NAME), peer_call(0, NAME, 'Second'), request(1, SYSTEMD), request(2, NAME), reply(2), reply(2)),
    'systemd: does not come': systemd(fails(), files={'services/a.service': file(unit='act.service', exec='/bin/false')}, body='<limit name="service_start_timeout">500</limit>'),
    'systemd: is activatable': systemd(peer_call(0, NAME), wait(0.6), files={'services/a.service': file(unit='act.service', exec='/bin/false'), 'services/s.service': file(SYSTEMD)}),
    'systemd: failure': systemd(request(1, SYSTEMD), peer_call(0, NAME), start(0), signal(2, 'ActivationFailure', 'sss', 'act.service', 'com.example.Forged', 'text', dest=DRIVER, iface=ACTIVATOR, path='/org/freedesktop/systemd1'),
                                signal(1, 'ActivationFailure', 'sss', 'act.service', 'com.example.Failed', 'text', dest=DRIVER, iface=ACTIVATOR, path='/org/freedesktop/systemd1'), peer_call(0, NAME),
                                signal(1, 'ActivationFailure', 'sss', 'none.service', 'com.example.Failed', 'text', dest=DRIVER, iface=ACTIVATOR, path='/org/freedesktop/systemd1'),
                                signal(1, 'Other', 'sss', 'act.service', 'com.example.Failed', 'text', dest=DRIVER, iface=ACTIVATOR, path='/org/freedesktop/systemd1')),
    'systemd: malformed failure': systemd(request(1, SYSTEMD), peer_call(0, NAME), signal(1, 'ActivationFailure', 's', 'act.service', dest=DRIVER, iface=ACTIVATOR, path='/org/freedesktop/systemd1'),
                                          signal(1, 'ActivationFailure', 'sss', 'act.service', 'bad', 'text', dest=DRIVER, iface=ACTIVATOR, path='/org/freedesktop/systemd1'), stock_dies=True),
    'systemd: goes': systemd(request(1, SYSTEMD), peer_call(0, NAME), close(1), connect(3), request(3, SYSTEMD), peer_call(0, OTHER), request(2, NAME)),
    'systemd: environment': systemd(call(0, 'UpdateActivationEnvironment', 'a{ss}', {'EARLY': 'x'}), request(1, SYSTEMD), call(0, 'UpdateActivationEnvironment', 'a{ss}', {'A': 'b', 'C': 'd e'}), reply(1),
                                    call(0, 'UpdateActivationEnvironment', 'a{ss}', {})),
    'systemd: policy': systemd(request(1, SYSTEMD), peer_call(0, NAME), start(0), policy=OPEN_POLICY + '<deny send_destination="%s"/>' % NAME),
    'systemd: watched': systemd(match(2, "eavesdrop='true'"), request(1, SYSTEMD), peer_call(0, NAME), request(1, NAME), reply(1)),
    'systemd: timeout': systemd(request(1, SYSTEMD), fails(), peer_call(0, NAME), body='<limit name="service_start_timeout">500</limit>'),
    'systemd: no unit': systemd(request(1, SYSTEMD), starts(), REPORT, files={'services/a.service': file()}),
    'systemd: off': services(request(1, SYSTEMD), starts(), REPORT, files={'services/a.service': file(unit='act.service')}),
}
for name, text in FAILURES.items():
    SCENARIOS['fails: ' + name] = services(WATCH, call(0, 'ListActivatableNames'), fails(), start(0, until=until(0, type='error')), signal(0, dest=NAME, until=until(0, type='error')), files={'services/a.service': text},
                                           body='<limit name="service_start_timeout">10000</limit>')
for name, text in FILES.items():
    SCENARIOS['file: ' + name] = services(call(0, 'ListActivatableNames'), start(0, 'com.example.Nobody'), files={'services/a.service': text, 'services/good.service': file(OTHER)})


@pytest.mark.parametrize('name', table(__name__, SCENARIOS))
def test_activation(name):
    check(__name__, SCENARIOS, name)
