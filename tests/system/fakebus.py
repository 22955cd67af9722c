# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bus that answers what a test tells it to, also what no sound bus would say: for the clients that ask one."""
import os
import socket
import threading

from wirebus import CALL, DRIVER, DRIVER_PATH, E, ERROR, RETURN, SIGNAL, Closed, Conn, Message

MEDIATOR1 = 'org.postern.Mediator1'


class Refusal:
    """An answer that is an error."""

    def __init__(self, name, text):
        self.name, self.text = name, text


class Client(Conn):
    """The bus's end of a connection."""

    def __init__(self, sock):  # instead of Conn's, which connects
        sock.settimeout(30)
        self.sock, self.buf, self.fdq, self.inbox, self.serial, self.order, self.name = sock, b'', [], [], 0, 'l', ':1.1'

    def authenticate(self, fds=True):
        """EXTERNAL, as sd-bus does it: all that it has to say at once."""
        while True:
            line = self.line(30).lstrip('\0')
            if line == 'BEGIN':
                return
            answer = {'DATA': b'OK ' + b'0123456789abcdef' * 2, 'NEGOTIATE_UNIX_FD': b'AGREE_UNIX_FD'}.get(line)
            self.send_bytes((answer or (b'DATA' if line == 'AUTH EXTERNAL' else b'OK ' + b'0123456789abcdef' * 2)) + b'\r\n')

    def say(self, kind, **fields):
        self.send(Message(kind, sender=fields.pop('sender', DRIVER), destination=self.name, **fields))


class FakeBus:
    """answers: member, or (interface, member) -> (signature, *values), a Refusal, None (no answer at all), or a function of the call that
    returns one of these. Properties: (interface, name) -> the same in answers['Get']."""

    def __init__(self, directory, **answers):
        self.path = os.path.join(directory, 'fake')
        self.address = 'unix:path=' + self.path
        self.answers = {'Hello': ('s', ':1.1'), 'GetId': ('s', '0123456789abcdef' * 2)}
        self.answers.update(answers)
        self.properties = {(MEDIATOR1, 'Version'): ('s', '0.1.0')}
        self.calls, self.clients = [], []
        self.after = {}  # member -> a function of the client, run when it has been answered
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                client = Client(self.listener.accept()[0])
                self.clients.append(client)
                threading.Thread(target=self.serve, args=[client], daemon=True).start()
        except OSError:
            pass

    def serve(self, client):
        try:
            client.authenticate()
            while True:
                call = client.next(30)
                if call.type == CALL:
                    self.calls.append(call)
                    self.answer(client, call)
        except (Closed, OSError, ValueError, TimeoutError):
            client.sock.close()

    def lookup(self, call):
        if call.member == 'Get' and 'Get' not in self.answers:
            value = self.properties.get(call.body)
            return ('v', value) if value else Refusal(E + 'UnknownInterface', 'no such property')
        return self.answers.get((call.interface, call.member), self.answers.get(call.member, Refusal(E + 'UnknownMethod', 'no such method')))

    def answer(self, client, call):
        answer = self.lookup(call)
        if callable(answer):
            answer = answer(call)
        if isinstance(answer, Refusal):
            client.say(ERROR, reply_serial=call.serial, error=answer.name, signature='s', body=(answer.text,))
        elif answer is not None:
            client.say(RETURN, reply_serial=call.serial, signature=answer[0] or None, body=answer[1:])
        if call.member in self.after:
            self.after[call.member](client)

    def close(self):
        self.listener.close()
        for client in self.clients:
            client.sock.close()


def verdict(client, sender=DRIVER, **what):
    """Sends the client a Verdict; numbers are u, text is s."""
    client.send(verdict_message(client, sender, what))


def verdict_message(client, sender, what):
    body = {k: v if isinstance(v, tuple) else ('u', v) if isinstance(v, int) else ('s', v) for k, v in what.items()}
    return Message(SIGNAL, serial=1, sender=sender, destination=client.name, path=DRIVER_PATH, interface=MEDIATOR1, member='Verdict',
                   signature='a{sv}', body=(body,))
