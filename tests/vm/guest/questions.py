# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random questions to a policy, made from its own rules so that enough of them are allowed, and from what nearly matches these."""
import random
import re

LEVELS = 5  # categories c0 to c4
SELINUX_ODD = ['', 'kernel', 'system_u:system_r:nosuch_t:s0', 'system_u:system_r:cli_t', 'system_u:system_r:cli_t:s0:c9',
               'user_u:system_r:cli_t:s0', 'system_u:nosuch_r:cli_t:s0', 'system_u:system_r:unlabeled_t:s0',
               'system_u:system_r:cli_t:s0:c1-s0', 'system_u:object_r:unlabeled_t:s0', 'system_u:object_r:svc_name_t:s0',
               'system_u:system_r:svc_name_t:s0:c2']
PERMISSIONS = ('send', 'receive', 'bind', 'eavesdrop')
USUAL = {'bus': ['session', 'system', 'accessibility'], 'name': [':1.7', 'org.freedesktop.DBus', 'com.example.None'],
         'label': ['unconfined', 'nosuch.profile'], 'path': ['/', '/obj', '/org/freedesktop/DBus'],
         'interface': ['', 'com.example.Iface', 'org.freedesktop.DBus'], 'member': ['Ping', 'Hello', '']}
ORDER = ('name', 'label', 'path', 'interface', 'member')


# ---- SELinux ---------------------------------------------------------------------------------------------------

def level(rng):
    """Of every form: one category, several, a range of them, none; and two levels."""
    def one():
        chosen = sorted(rng.sample(range(LEVELS), rng.choice((0, 0, 1, 2, 2, 3, LEVELS))))
        if len(chosen) > 1 and chosen[-1] - chosen[0] == len(chosen) - 1:
            return 's0:c%d.c%d' % (chosen[0], chosen[-1])
        return ':'.join(['s0'] + [','.join('c%d' % n for n in chosen)] * bool(chosen))
    return one() if rng.random() < 0.8 else '%s-%s' % (one(), one())


def selinux(seed, count, policy):
    """policy: the source, in CIL."""
    rng = random.Random(seed)
    types = re.findall(r'^\(type (\w+)\)', policy, re.M)
    domains = [name for name in types if name not in ('unlabeled_t', 'svc_name_t')]
    busy = ['container_t', 'container_t', 'cli_t', 'svc_t']  # of which there is more to be said than of the others

    def context():
        if rng.random() < 0.04:
            return rng.choice(SELINUX_ODD)
        return 'system_u:system_r:%s:%s' % (rng.choice(rng.choice((domains, busy))), level(rng) if rng.random() < 0.6 else 's0')

    def ask():
        if rng.random() < 0.75:
            return context(), context(), 'send_msg'
        return context(), rng.choice([context(), 'system_u:object_r:svc_name_t:s0', 'system_u:system_r:busd_t:s0']), 'acquire_svc'
    return repeated(rng, count, ask)


# ---- AppArmor --------------------------------------------------------------------------------------------------

def rules(source):
    """{profile: [(its permissions, {field: pattern})]} of the D-Bus rules."""
    found = {}
    source = re.sub(r'^#.*$', '', source, flags=re.M)
    for profile, body in re.findall(r'^profile (\S+)(.*?)(?=^profile |\Z)', source, re.M | re.S):
        found[profile] = []
        for rule in re.findall(r'\bdbus\b((?:"[^"]*"|[^,"])*),', body):
            own = re.sub(r'peer=\([^)]*\)', '', rule)
            fields = dict(re.findall(r'\b(bus|path|interface|member)="?([^" ()]*)', own))
            peer = ''.join(re.findall(r'peer=\(([^)]*)\)', rule))
            for part, pattern in ((own, r'\b(name)="?([^" ()]*)'), (peer, r'\b(name|label)="?([^" ()]*)')):
                fields.update(re.findall(pattern, part))
            head = own.split('bus=')[0]
            found[profile].append(([word for word in PERMISSIONS if word in head] or list(PERMISSIONS), fields))
    return found


def expand(rng, pattern):
    """Something that a pattern matches, most times."""
    pattern = re.sub(r'\{([^}]*)\}', lambda m: rng.choice(m.group(1).split(',')), pattern)
    pattern = pattern.replace('**', rng.choice(('a', 'a/b', 'x.y', '')))
    return pattern.replace('*', rng.choice(('x', '7', 'client', 'a/b', '')))


def near_miss(rng, text):
    return rng.choice((text[:-1], text[1:], text + 'x', text + '.x', text.upper(), text.swapcase(), '', ' ' + text, text + '/',
                       text + '\xe4', text + 'x' * 300, text + 'y' * 600, text * 60,
                       text + 'z' * rng.choice((1500, 3000, 3900, 4100, 8000))))


def apparmor(seed, count, source):
    """source: that of all profiles that are loaded."""
    rng = random.Random(seed)
    known = rules(source)
    profiles = sorted(known)
    words = {key: list(values) for key, values in USUAL.items()}
    words['label'] += profiles
    for _, fields in sum(known.values(), []):
        for key, pattern in fields.items():
            words[key].append(pattern)

    def ask():
        profile = rng.choice(profiles)
        permissions, fields = rng.choice(known[rng.choice((profile, rng.choice(profiles)))] or [(PERMISSIONS, {})])
        permission = rng.choice(permissions if rng.random() < 0.9 else PERMISSIONS)
        values = {key: expand(rng, fields.get(key) or rng.choice(words[key])) for key in words}
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            key = rng.choice(sorted(values))
            values[key] = near_miss(rng, values[key]) if rng.random() < 0.6 else expand(rng, rng.choice(words[key]))
        if rng.random() < 0.05:
            profile = rng.choice(('unconfined', '', 'nosuch.profile', near_miss(rng, profile)))
        wanted = {'bind': ('name',), 'eavesdrop': ()}.get(permission, ORDER)
        return (profile, permission, values['bus'], *(values[key] for key in wanted))
    return repeated(rng, count, ask)


def repeated(rng, count, ask):
    """Some of them once more, which the mediator then answers from memory."""
    asked = []
    for _ in range(count):
        asked.append(rng.choice(asked) if asked and rng.random() < 0.1 else ask())
    return asked
