# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the app tries, and what must come of it."""
import re
import shlex
from dataclasses import dataclass

NOTES, PORTAL, SETTINGS, VAULT = 'org.example.Notes', 'org.example.Portal', 'org.example.Settings', 'org.example.Vault'
DRIVER = 'org.freedesktop.DBus'
PATHS = {PORTAL: '/org/example/portal'}  # of the others as their names

# The rules of the app's container, as options of postern-run.
RULES = [
    '--talk=org.example.Notes',
    '--send-fds=org.example.Notes',
    '--receive-fds=org.example.Notes',
    '--own=org.example.App',
]


NOT_LOGGED = '-'


@dataclass
class Verdict:
    """A decision, as the bus logged it."""
    allowed: bool
    door: str
    rule: str
    why: str = ''


@dataclass
class Step:
    attempt: str              # what app.py calls it
    tried: str
    client: str
    saw: str                  # regular expression: what the client must see
    log: dict                 # fields of the line in the log that tells of the decision; None: nothing is decided about a message
    verdict: str = 'allowed'
    door: str = 'container'   # the door that must have decided
    rule: str = '.*'          # regular expression: the rule that must have decided
    why: str = NOT_LOGGED     # without a line in the log: what the table says instead
    arguments: tuple = ()
    meanwhile: object = None  # what happens outside while the app waits

    def is_right(self, saw, verdict):
        if not re.fullmatch(self.saw, show(saw)):
            return False
        if self.log is None:
            return True
        return verdict.allowed == (self.verdict == 'allowed') and verdict.door == self.door and re.fullmatch(self.rule, verdict.rule) is not None


def show(saw):
    if isinstance(saw, dict):
        return ', '.join('%s: %s' % item for item in sorted(saw.items()))
    return str(saw)


def fields_of(line):
    """The key=value pairs of a line of the log; {} when it is no decision."""
    if 'verdict=' not in line:
        return {}
    return dict(word.split('=', 1) for word in shlex.split(line[line.index('verdict='):]) if '=' in word)


def verdict_of(step, lines):
    """What the log says of the attempt: the last decision that fits."""
    if step.log is None:
        return Verdict(True, NOT_LOGGED, step.why)
    wanted = dict(step.log, verdict=step.verdict)
    found = [f for f in map(fields_of, lines) if all(re.fullmatch(value, f.get(key, '')) for key, value in wanted.items())]
    if not found:
        return Verdict(step.verdict != 'allowed', 'none', 'no such line in the log')
    f = found[-1]
    return Verdict(f['verdict'] == 'allowed', f['door'], f['rule'], f.get('why', ''))


def gdbus(bus, peer, method, *args):
    path = PATHS.get(peer, '/' + peer.replace('.', '/'))
    return bus.run('gdbus', 'call', '--session', '--dest', peer, '--object-path', path, '--method', method, *args)


def consent(bus):
    """What a dialog would do."""
    gdbus(bus, PORTAL, PORTAL + '.Consent', 'org.example.Demo', 'org.example.App', 'true')


def announce(bus):
    """Both services broadcast; the app hears what it may."""
    for name in (NOTES, VAULT):
        gdbus(bus, name, name + '.Announce')


INSIDE = r'/org/freedesktop/DBus/Containers1/c\d+'
FROM_APP, TO_APP = {'from_instance': INSIDE}, {'to_instance': INSIDE}
WHO = r'name: org\.example\.App, place: container, type: org\.example\.Demo'
GRANTED = r'grant:\d+'

STEPS = [
    Step('call-allowed', 'call the allowed service', 'gdbus', r"\('hello',\)", dict(FROM_APP, member='Echo'), rule='index:0'),
    Step('call-portal', 'ask the portal who it is', 'dbus-python', WHO, dict(FROM_APP, member='WhoAmI'), rule=GRANTED),
    Step('call-other-interface', 'call the portal by another interface', 'busctl', 'Access denied', dict(FROM_APP, member='Ping'), 'denied'),
    Step('call-forbidden', 'call the forbidden service', 'dbus-send', 'AccessDenied', dict(FROM_APP, member='Open'), 'denied'),
    Step('call-nobody', 'call a name that nobody has', 'dbus-send', 'AccessDenied', dict(FROM_APP, member='Open'), 'denied'),
    Step('own-own', 'own its own name', 'dbus-python', 'PrimaryOwner', dict(FROM_APP, action='own', name='org.example.App'), rule='index:3'),
    Step('own-foreign', 'own a foreign name', 'dbus-python', 'AccessDenied', dict(FROM_APP, action='own', name='org.example.Bank'), 'denied'),
    Step('send-fd', 'pass the allowed service a file', 'dbus-python', 'from the app', dict(FROM_APP, member='TakeFile', fds='1'), rule='index:1'),
    Step('send-fd-denied', 'pass the portal a file', 'dbus-python', 'AccessDenied', dict(FROM_APP, member='TakeFile', fds='1'), 'denied'),
    Step('receive-fd', 'get a file from the allowed service', 'dbus-python', 'from the service',
         dict(TO_APP, type='method_return', fds='1'), rule='index:2'),
    Step('portal-file', 'get a file from the portal, unasked', 'dbus-python', 'NoConsent', dict(FROM_APP, member='OpenFile'), rule=GRANTED),
    Step('portal-file-agreed', 'get it when somebody has agreed', 'dbus-python', 'dear reader', dict(TO_APP, type='method_return', fds='1'), rule=GRANTED,
         meanwhile=consent),
    Step('settings-open', 'ask for a place for its settings', 'gdbus', r"\(objectpath '/org/example/Settings/org_example_App_\w+/c\d+',\)",
         dict(FROM_APP, member='Open'), rule=GRANTED),
    Step('settings-own', 'write and read a setting there', 'dbus-python', 'red', dict(FROM_APP, member='Get'), rule=GRANTED),
    Step('settings-foreign', "read the user's settings", 'busctl', 'Access denied|AccessDenied', dict(FROM_APP, member='Get'), 'denied'),
    Step('answer-twice', 'answer one call twice', 'GDBus', 'service got: first', dict(FROM_APP, type='method_return'), 'denied'),
    Step('list', 'list all names', 'dbus-python', r'org\.example\.App org\.example\.Notes org\.example\.Portal org\.example\.Settings org\.freedesktop\.DBus', None,
         why='(the rest is hidden)'),
    Step('owner-hidden', 'ask who owns the forbidden name', 'busctl', 'no such name', None,
         why='(it is hidden)'),
    Step('broadcast', 'broadcast a signal', 'gdbus', 'service heard: Hello', dict(FROM_APP, member='Hello'), rule='baseline:4'),
    Step('hear', 'hear the broadcasts of both services', 'GDBus', 'heard: News', dict(TO_APP, member='Secret'), 'denied', meanwhile=announce),
    Step('nest', 'make a container itself', 'dbus-python', 'AccessDenied', dict(FROM_APP, member='AddServer'), 'denied'),
    Step('monitor', 'watch everything', 'dbus-python', 'AccessDenied', dict(FROM_APP, member='BecomeMonitor'), 'denied'),
    Step('real-bus', 'connect to the real bus', 'dbus-send', 'No such file or directory', None, why='(the sandbox hides it)',
         arguments=('{bus.socket}',)),
]


def check_managers(bus, programs):
    """Other managers than postern-run, with sockets of their own: rows for the table, and how many are wrong."""
    rows, wrong = [], 0
    for name, *program in programs:
        saw = bus.run(*program, 'io.example.Other', '--', 'gdbus', 'call', '--session', '--dest', PORTAL, '--object-path', PATHS[PORTAL],
                      '--method', PORTAL + '.WhoAmI')
        right = "'place': 'container'" in saw and "'name': 'io.example.Other'" in saw and "'type': 'org.example.Manager'" in saw
        wrong += not right
        rows.append(('in a container of %s: ask the portal' % name, 'gdbus', NOT_LOGGED, '(its log is not read)', saw, 'yes' if right else 'NO'))
    return rows, wrong


def check_outside(bus, app):
    """What an uncontained client sees: rows for the table, and how many are wrong."""
    rows, wrong = [], 0

    def row(tried, saw, right, client='gdbus'):
        nonlocal wrong
        wrong += not right
        rows.append((tried, client, NOT_LOGGED, '(not contained)', saw, 'yes' if right else 'NO'))

    saw = gdbus(bus, PORTAL, PORTAL + '.WhoAmI')
    row('from outside: ask the portal who it is', saw, "'place': 'outside'" in saw)
    saw = gdbus(bus, SETTINGS, SETTINGS + '.Stores')
    row('from outside: list all settings', saw, '/Settings/host' in saw and 'org.example.Demo org.example.App' in saw)
    saw = gdbus(bus, DRIVER, DRIVER + '.Containers1.GetConnectionInstance', 'org.example.App')
    instance = re.search(INSIDE, saw)
    row("from outside: ask for the app's instance", saw, instance is not None and "'org.example.Demo', 'org.example.App'" in saw)
    status = app.end()
    row('the app ends, and postern-run with it', 'exit status %d' % status, status == 0, 'postern-run')
    saw = gdbus(bus, DRIVER, DRIVER + '.Containers1.GetInstanceInfo', instance.group() if instance else '/')
    row("from outside: ask for it again", saw, 'NotContainer' in saw)
    return rows, wrong
