# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the security module of this guest costs, and a connection. usage: cost.py GUEST RESULTS ROUNDS,SECONDS

For bench/vm.py, which boots this instead of the tests. Each line of RESULTS is a JSON object; the last one says that it is the end.
"""
import contextlib
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'system')]

import lsm  # noqa: E402

PROGRAMS = '/opt/postern/'
BROKER, BROKER_SOCKET = '/usr/bin/dbus-broker', '/run/broker'
# Who calls, and who is called; and one that may do both, since bench-load is both in one process.
DOMAINS = {'selinux': ('cli_t', 'svc_t', 'unconfined_t'), 'apparmor': ('vm.client', 'vm.service', 'vm.bus')}
LOADS = {'alone': ['latency'], 'together': ['window', '--window=64']}
# What they are called, are both confined, and does the caller come from a container?
CLIENTS = [('free', False, False), ('confined', True, False), ('contained', True, True)]


def has_door():
    """Does the mediator ask the module about messages here?"""
    return lsm.kind() == 'selinux' or lsm.peer_labels()


def measure_mediator(rounds, seconds, say):
    caller, called, _ = (lsm.context(name) for name in DOMAINS[lsm.kind()])
    words = [PROGRAMS + 'bench-lsm', lsm.kind(), PROGRAMS + '.libs/mediator.so', seconds, rounds, caller, called]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as bench:
        for line in bench.stdout:
            say(json.loads(line))
    assert bench.returncode == 0, bench.returncode


def load(socket, pid, seconds, words, prefix=(), **more):
    """CPU us of the bus for each message, or connection."""
    words = [*prefix, PROGRAMS + 'bench-load', '--address=' + socket, '--pids=%d' % pid, '--seconds=' + seconds, '--warm=0.1', *words]
    return json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True, **more).stdout)['cpu_us']


def load_calls(bus, seconds, how, confined, contained):
    domain = DOMAINS[lsm.kind()][2] if confined else None
    words = LOADS[how] + (['--container=20'] if contained else [])
    return load(bus.dir + '/bus', bus.pid, seconds, words, lsm.shell_prefix(domain) if domain else (), env=bus.env())


@contextlib.contextmanager
def dbus_broker():
    """Its pid, where it came along."""
    if not os.path.exists(BROKER):
        yield None
        return
    with subprocess.Popen([PROGRAMS + 'bench-broker', BROKER, BROKER_SOCKET], stdout=subprocess.PIPE) as broker:
        try:
            assert broker.stdout.readline() == b'ready\n'
            yield broker.pid
        finally:
            broker.kill()


def measure_round(number, bus, broker, seconds, say):
    def found(key, value):
        say({'round': number, 'key': key, 'value': value})

    for how in LOADS:
        for name, *where in CLIENTS[::1 if number % 2 else -1]:  # nobody is always the one behind another
            found('bus %s, %s' % (name, how), load_calls(bus, seconds, how, *where))
    # The control groups of these guests are one unified hierarchy, as on most machines by now.
    found('connect posternd', load(bus.dir + '/bus', bus.pid, seconds, ['churn']))
    if broker:
        found('connect dbus-broker', load(BROKER_SOCKET, broker, seconds, ['churn']))


def measure_bus(rounds, seconds, say):
    from domain import Bus
    bus = Bus()
    bus.check_fds = False
    bus.start()
    try:
        with dbus_broker() as broker:
            for number in range(int(rounds)):
                measure_round(number, bus, broker, seconds, say)
    finally:
        print(bus.log(), flush=True)
        bus.close()


def main(guest, path, what):
    rounds, seconds = what.split(',')
    with open(path, 'w', buffering=1) as results:
        def say(found):
            results.write(json.dumps(found) + '\n')

        lsm.start(guest)
        say({'guest': guest, 'release': os.uname().release, 'door': has_door()})
        measure_mediator(rounds, seconds, say)
        measure_bus(rounds, seconds, say)
        say({'end': True})


if __name__ == '__main__':
    sys.stdout.reconfigure(errors='backslashreplace')
    sys.stderr = sys.stdout
    main(*sys.argv[1:])
