# SPDX-License-Identifier: LGPL-2.1-or-later
"""Configuration files of the buses: everything is allowed and nothing is limited, so that only what is measured costs anything."""

DOCTYPE = ('<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" '
           '"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">\n')

LIMITS = {'max_incoming_bytes': 1000000000, 'max_outgoing_bytes': 1000000000, 'max_incoming_unix_fds': 250000000,
          'max_outgoing_unix_fds': 250000000, 'max_message_size': 134217728, 'max_completed_connections': 100000,
          'max_incomplete_connections': 10000, 'max_connections_per_user': 100000, 'max_names_per_connection': 50000,
          'max_match_rules_per_connection': 50000, 'max_replies_per_connection': 50000}

ALLOW_ALL = '<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/>'

# What N more XML rules name; bench-broker knows the same.
KINDS = {
    'dest': '<allow send_destination="org.example.Name%(i)d" send_interface="org.example.Interface"/>',
    'nodest': '<allow send_interface="org.example.Interface%(i)d"/>',
    'dest-match': '<allow send_destination="org.bench.Service" send_interface="org.bench.Interface"/>',
    'nodest-match': '<allow send_interface="org.bench.Interface"/>',
}

MEDIATOR = '<mediator><containers max-rules="100000" max-grants="100000"/></mediator>\n'


def bus_config(socket, kind='', rules=0, body=''):
    """The text of a bus' configuration that listens at socket."""
    limits = ''.join('<limit name="%s">%d</limit>\n' % limit for limit in LIMITS.items())
    more = ''.join(KINDS[kind] % {'i': i} + '\n' for i in range(rules))
    return ('%s<busconfig>\n<type>session</type>\n<listen>unix:path=%s</listen>\n<policy context="default">%s\n%s</policy>\n%s%s</busconfig>\n'
            % (DOCTYPE, socket, ALLOW_ALL, more, body, limits))


def system_config(socket, folders):
    """Like a distribution's system.conf: its policies and services, without its user, its socket and its pid file."""
    body = ''.join('<includedir>%s</includedir>\n' % folder for folder in folders)
    return bus_config(socket, body=body + '<servicedir>/usr/share/dbus-1/system-services</servicedir>\n')
