# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.postern.Mediator1 as the tests call it."""
MEDIATOR1 = 'org.postern.Mediator1'


def m1(conn, member, sig='', *body, **kw):
    """Calls a method; returns the reply's body."""
    return conn.call(member, sig, *body, iface=MEDIATOR1, **kw)


def m1_error(conn, member, sig='', *body, **kw):
    return conn.failure(member, sig, *body, iface=MEDIATOR1, **kw)


def plain(value):
    """A dictionary of variants as one of values."""
    return {key: plain(v[1]) if v[0] == 'a{sv}' else v[1] for key, v in value.items()}


def grant(conn, rules, **who):
    signatures = {'instance': 'o'}
    return m1(conn, 'Grant', 'a{sv}a(usos)', {k: (signatures.get(k, 's'), v) for k, v in who.items()}, list(rules))[0]


def grant_error(conn, rules, **who):
    signatures = {'instance': 'o'}
    return m1_error(conn, 'Grant', 'a{sv}a(usos)', {k: (signatures.get(k, 's'), v) for k, v in who.items()}, list(rules))


def revoke(conn, number):
    m1(conn, 'Revoke', 'u', number)


def set_rules(instance, rules, conn=None):
    m1(conn or instance.manager, 'SetRules', 'oa(usos)', instance.path, list(rules))


def explain(conn, **question):
    """Keys with _ for -; the answer as plain dictionaries."""
    types = {'fds': 'u', 'sender-uid': 'u', 'destination-uid': 'u', 'path': 'o', 'sender-instance': 'o', 'destination-instance': 'o'}
    entries = {k.replace('_', '-'): v for k, v in question.items() if v is not None}
    return plain(m1(conn, 'Explain', 'a{sv}', {k: (types.get(k, 's'), v) for k, v in entries.items()})[0])


def explain_error(conn, **question):
    """The same with (signature, value), for what must be refused."""
    return m1_error(conn, 'Explain', 'a{sv}', {k.replace('_', '-'): v for k, v in question.items()})
