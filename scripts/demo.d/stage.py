# SPDX-License-Identifier: LGPL-2.1-or-later
"""The private bus of the demo, and those who are on it."""
import json
import os
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = '/usr/bin/python3'


class Failure(Exception):
    pass


class Bus:
    """posternd in a folder of its own, and its log, read bit by bit."""

    def __init__(self, build, folder):
        self.log_path, self.children = os.path.join(folder, 'bus.log'), []
        self.runtime = os.path.join(folder, 'runtime')
        self.socket = os.path.join(self.runtime, 'bus')
        os.mkdir(self.runtime, 0o700)
        self.files = os.path.join(folder, 'files')  # what the portal can hand out
        os.mkdir(self.files)
        with open(os.path.join(self.files, 'letter'), 'w') as letter:
            letter.write('dear reader')
        self.env = {k: v for k, v in os.environ.items() if not k.startswith('DBUS_')}
        self.env.update(XDG_RUNTIME_DIR=self.runtime, XDG_CONFIG_HOME=folder, PYTHONDONTWRITEBYTECODE='1',
                        DBUS_SESSION_BUS_ADDRESS='unix:path=' + self.socket)
        with open(self.log_path, 'w') as log:
            self.daemon = self.start([os.path.join(build, 'posternd'), '--session', '--nofork', '--nosyslog', '--verbose',
                                      '--print-address', '--address=unix:path=' + self.socket], stdout=subprocess.PIPE, stderr=log)
        self.log = open(self.log_path, errors='replace')
        if not self.daemon.stdout.readline():
            raise Failure('posternd did not start:\n' + self.log.read())

    def start(self, argv, **how):
        child = subprocess.Popen(argv, env=self.env, text=True, **how)
        self.children.append(child)
        return child

    def start_service(self, *command):
        service = self.start(command, stdout=subprocess.PIPE)
        if service.stdout.readline() != 'ready\n':
            raise Failure(' '.join(command) + ' did not get onto the bus:\n' + self.log.read())

    def run(self, *argv):
        """What an uncontained client prints."""
        done = subprocess.run(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
        return ' '.join(done.stdout.split())

    def new_log(self):
        """The lines since the last call. The bus writes them before it answers; a refused reply or signal needs a moment."""
        time.sleep(0.1)
        return self.log.read().splitlines()

    def stop(self):
        """The exit status of the bus."""
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        return self.daemon.returncode


class App:
    """The contained app, behind postern-run."""

    def __init__(self, bus, build, rules):
        command = [os.path.join(build, 'postern-run'), '--type=org.example.Demo', '--name=org.example.App', '--ro-bind=' + HERE, *rules]
        self.process = bus.start(command + ['--', PYTHON, os.path.join(HERE, 'app.py')], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure('the app ended too early, with exit status %d' % self.process.wait())
        return json.loads(line)

    def play(self, step, bus):
        """Lets the app make one attempt; returns what its client saw."""
        self.tell(' '.join((step.attempt, *(argument.format(bus=bus) for argument in step.arguments))))
        if step.meanwhile:
            self.answer()
            step.meanwhile(bus)
            self.tell('')
        return self.answer()

    def end(self):
        """Ends the app as it would itself; returns the exit status of postern-run."""
        self.process.stdin.close()
        return self.process.wait(20)
