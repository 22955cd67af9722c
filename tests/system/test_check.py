# SPDX-License-Identifier: LGPL-2.1-or-later
"""posternd --check: says of a configuration what a start would say, and leaves no trace."""
import os
import re
import subprocess

import pytest

from bus import config_text
from wirebus import TIMEOUT

pytestmark = pytest.mark.postern


def check(bus, body='', mediator=None, listen=None, more=(), **kw):
    """The check, and then the start: they must agree. Returns standard output and error of the check."""
    bus.write(bus.config, config_text(listen or 'unix:path=%s/bus' % bus.dir, body, **kw))
    option = ['--config-file=' + bus.config, *more]
    if mediator is not None:
        bus.write(bus.dir + '/mediator.conf', mediator)
        option.append('--mediator-config=%s/mediator.conf' % bus.dir)
    before = sorted(os.listdir(bus.dir))
    p = subprocess.run(bus.arguments(*option, '--check', mediator=mediator is None), env=bus.env(), cwd=bus.dir, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
    assert sorted(os.listdir(bus.dir)) == before
    started = subprocess.Popen(bus.arguments(*option, '--nofork', '--print-address', mediator=mediator is None), env=bus.env(), cwd=bus.dir,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = started.stdout.readline()
    started.terminate()
    started.communicate(timeout=TIMEOUT)
    assert (p.returncode == 0) == (line != ''), (p.returncode, p.stdout, p.stderr, line)
    assert (p.stdout == '') == (p.returncode != 0)
    return p.stdout, p.stderr


def test_sound(new_bus):
    out, err = check(new_bus, '<syslog/><pidfile>%s/pid</pidfile><fork/>' % new_bus.dir)
    assert re.fullmatch(r'%s: a bus would start \(configuration files: 1, policy rules: \d+, services: 0, mediator: /.*\)\n' % re.escape(new_bus.config), out)
    assert 'mediator' in err, 'the log is standard error, whatever <syslog/> says'


def test_faulty_service_file_is_told(new_bus):
    os.mkdir(new_bus.dir + '/services')
    new_bus.write(new_bus.dir + '/services/a.service', '[D-BUS Service]\nName=org.example.A\nExec=/bin/true\n')
    new_bus.write(new_bus.dir + '/services/b.service', '[D-BUS Service]\nName\n')
    out, err = check(new_bus, '<servicedir>%s/services</servicedir>' % new_bus.dir)
    assert 'services: 1,' in out and 'b.service:2: ' in err


@pytest.mark.parametrize('more', [(), ('--module=none',)])
def test_file_that_would_be_passed_over_is_told(new_bus, more):
    os.mkdir(new_bus.dir + '/conf.d')
    faulty = new_bus.write(new_bus.dir + '/conf.d/a.conf', '<busconfig><oops/></busconfig>')
    err = check(new_bus, '<includedir>conf.d</includedir>', more=more)[1]
    assert faulty + ':1:' in err and 'oops' in err


def test_users_and_groups_of_the_policy(new_bus):
    more = ''.join('<policy %s="%s"><allow own="a.b"/></policy>' % x for x in (('user', 'nobody'), ('group', 'nogroup'), ('user', 'no-such-user')))
    assert 'policy rules: 6,' in check(new_bus, more)[0]


FAULTS = {
    'unknown element': (dict(body='<nonsense/>'), r'\.conf:\d+:\d+: .*nonsense'),
    'unknown user': (dict(body='<user>no-such-user</user>'), r'\.conf:\d+:\d+: the user no-such-user '),
    'address': (dict(listen='unix'), r'\.conf:\d+:\d+: address "unix"'),
    'mechanism': (dict(body='<auth>NONE</auth>'), r'\.conf:\d+:\d+: .*<auth>'),
    'mediator.conf': (dict(mediator='<mediator>\n<nonsense/></mediator>'), r'mediator\.conf:2:1: '),
}


@pytest.mark.parametrize('name', sorted(FAULTS))
def test_fault(new_bus, name):
    arguments, expected = FAULTS[name]
    assert re.search(expected, check(new_bus, **arguments)[1])
