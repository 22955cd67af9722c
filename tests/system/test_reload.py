# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reading the configuration again: what takes effect and when, what a fault does, whom it is told, and which folders are watched."""
import os
import re
import socket
import threading
import time

import pytest

from bus import OPEN_POLICY, SANITIZED, STOCK, config_text, wait_for
from helpers import may_own
from wirebus import DRIVER, DRIVER_PATH, ERROR, NO_REPLY, RETURN, SIGNAL, TIMEOUT, Conn, E

CHANGED = "type='signal',sender='%s',member='ActivatableServicesChanged'" % DRIVER


def snippet(rules):
    return '<busconfig><policy context="default">%s</policy></busconfig>' % rules


def service_file(name):
    return '[D-BUS Service]\nName=%s\nExec=/bin/false\n' % name


def activatable(c):
    return set(c.call('ListActivatableNames')[0]) - {DRIVER}


@pytest.fixture
def drop_ins(new_bus):
    """A bus with an <includedir> and a <servicedir>."""
    os.mkdir(new_bus.dir + '/conf.d')
    os.mkdir(new_bus.dir + '/services')
    new_bus.body = '<includedir>conf.d</includedir><servicedir>%s/services</servicedir><servicedir>%s/later/on</servicedir>' % (
        new_bus.dir, new_bus.dir)
    return new_bus


# ---- faults in files of an <includedir>
def test_faulty_file_is_passed_over_at_the_start(drop_ins):
    """One broken snippet does not keep a machine's bus from starting; nothing in it counts, also not what stands before the fault."""
    drop_ins.write('conf.d/a.conf', snippet('<deny own="a.b"/>'))
    drop_ins.write('conf.d/b.conf', '<busconfig><policy context="default"><deny own="c.d"/></policy>\n  <oops/></busconfig>')
    drop_ins.write('conf.d/c.conf', snippet('<deny own="e.f"/>'))
    drop_ins.start(drop_ins.body)
    assert not may_own(drop_ins, 'a.b') and may_own(drop_ins, 'c.d') and not may_own(drop_ins, 'e.f')
    if not STOCK:
        assert len(re.findall(r'conf\.d/b\.conf:2:3: .*passed over', drop_ins.log())) == 1, drop_ins.log()


@pytest.mark.parametrize('fault', ['not XML', '', '<busconfig><include>/nonexistent</include></busconfig>',
                                   '<busconfig><includedir>/dev/null</includedir></busconfig>',
                                   '<busconfig><include>../bad.part</include></busconfig>', None])
@pytest.mark.postern
def test_what_is_a_faulty_file(drop_ins, fault):
    drop_ins.write('bad.part', '<busconfig><policy context="default"><deny own="a.b"/></policy><oops/></busconfig>')
    if fault is None:
        os.mkdir(drop_ins.dir + '/conf.d/b.conf')
    else:
        drop_ins.write('conf.d/b.conf', fault)
    drop_ins.start(drop_ins.body)
    assert may_own(drop_ins, 'a.b') and 'b.conf' in drop_ins.log() and 'passed over' in drop_ins.log()


@pytest.mark.postern
@pytest.mark.parametrize('body', ['<include>bad.part</include>', '<oops/>'])
def test_the_file_itself_and_includes_must_be_right(new_bus, body):
    new_bus.write('bad.part', '<busconfig>\n<oops/></busconfig>')
    with pytest.raises(AssertionError, match='did not start'):
        new_bus.start(body)
    assert re.search(r':\d+:\d+: unknown element <oops>', new_bus.log())
    new_bus.process.wait()
    new_bus.process = None


@pytest.mark.postern
def test_a_file_in_force_must_stay_right(drop_ins):
    """What is in force is not lost to a mistake made later: only a file that was not in force before is passed over by a reload."""
    drop_ins.write('conf.d/a.conf', snippet('<deny own="a.b"/>'))
    drop_ins.start(drop_ins.body)
    c = drop_ins.connect()
    drop_ins.write('conf.d/b.conf', snippet('<deny own="c.d"/><oops/>'))
    assert c.call('ReloadConfig') == ()
    assert not may_own(drop_ins, 'a.b') and may_own(drop_ins, 'c.d') and re.search(r'conf\.d/b\.conf:1:\d+: .*passed over', drop_ins.log())
    drop_ins.write('conf.d/a.conf', snippet('<deny own="e.f"/><oops/>'))
    drop_ins.write('conf.d/b.conf', snippet('<deny own="c.d"/>'))
    error = c.failure('ReloadConfig')
    assert error.name == E + 'Failed' and re.search(r'conf\.d/a\.conf:1:\d+: .*in force', error.text), error
    assert not may_own(drop_ins, 'a.b') and may_own(drop_ins, 'c.d') and may_own(drop_ins, 'e.f')
    os.unlink(drop_ins.dir + '/conf.d/a.conf')
    assert c.call('ReloadConfig') == ()
    assert may_own(drop_ins, 'a.b') and not may_own(drop_ins, 'c.d')


# ---- who is told
@pytest.fixture
def manager(new_bus, monkeypatch):
    """What a service manager hears."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(new_bus.dir + '/notify')
    s.settimeout(TIMEOUT)
    monkeypatch.setenv('NOTIFY_SOCKET', new_bus.dir + '/notify')
    yield lambda: dict(line.split('=', 1) for line in s.recv(4096).decode().split('\n'))
    s.close()


@pytest.mark.postern
def test_the_service_manager_is_told(drop_ins, manager):
    drop_ins.write('conf.d/a.conf', '<oops/>')
    drop_ins.start(drop_ins.body)
    told = manager()
    assert told['READY'] == '1' and 'passed over: 1' in told['STATUS']
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    os.unlink(drop_ins.dir + '/conf.d/a.conf')
    drop_ins.sighup()
    told = manager()
    assert told['RELOADING'] == '1' and before <= int(told['MONOTONIC_USEC']) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    told = manager()
    assert told['READY'] == '1' and 'passed over' not in told['STATUS'] and 'refused' not in told['STATUS']


@pytest.mark.postern
def test_the_service_manager_is_told_of_a_refusal(new_bus, manager):
    new_bus.start()
    assert manager()['READY'] == '1'
    new_bus.write(new_bus.config, config_text('unix:path=' + new_bus.dir + '/bus', '<oops\nMAINPID="1"/>'))
    new_bus.sighup()
    assert manager()['RELOADING'] == '1'
    told = manager()
    assert set(told) == {'READY', 'STATUS'} and told['READY'] == '1'
    assert re.search(r'reload refused: .*bus\.conf:\d+:\d+: ', told['STATUS'])
    assert new_bus.connect().is_alive()


def test_the_answer_follows_the_signal(bus):
    c, other = bus.connect(), bus.connect()
    c.match(CHANGED)
    other.match(CHANGED)
    serial = c.send_call('ReloadConfig')
    c.reply_to(serial)
    kinds = [m.type for m in c.inbox if m.member == 'ActivatableServicesChanged']
    assert kinds == [SIGNAL]
    m = other.wait_signal('ActivatableServicesChanged')
    assert m.path == DRIVER_PATH and m.interface == DRIVER and m.sender == DRIVER and not m.signature
    assert 'ActivatableServicesChanged' in c.get(DRIVER, 'Features')


def test_many_callers(bus):
    """Each gets its answer, unless it wants none or is gone."""
    conns = [bus.connect() for _ in range(5)]
    serials = [(c, c.send_call('ReloadConfig')) for c in conns for _ in range(20)]
    conns[0].send_call('ReloadConfig', flags=NO_REPLY)
    gone = bus.connect()
    gone.send_call('ReloadConfig')
    gone.close()
    for c, serial in serials:
        assert c.reply_to(serial) == ()
    conns[0].sync()
    assert STOCK or not conns[0].take(RETURN, ERROR)


# ---- folders that are watched
def test_service_files_come_and_go(drop_ins):
    drop_ins.start(drop_ins.body)
    c = drop_ins.connect()
    c.match(CHANGED)
    assert activatable(c) == set()
    drop_ins.write('services/a.b.service', service_file('a.b'))
    assert c.wait_signal('ActivatableServicesChanged') and wait_for(lambda: activatable(c) == {'a.b'})
    drop_ins.write('elsewhere', service_file('c.d'))
    os.rename(drop_ins.dir + '/elsewhere', drop_ins.dir + '/services/c.d.service')
    assert c.wait_signal('ActivatableServicesChanged') and wait_for(lambda: activatable(c) == {'a.b', 'c.d'})
    os.unlink(drop_ins.dir + '/services/a.b.service')
    assert c.wait_signal('ActivatableServicesChanged') and wait_for(lambda: activatable(c) == {'c.d'})


@pytest.mark.postern
def test_links_and_folders_that_come_later(drop_ins):
    drop_ins.start(drop_ins.body)
    c = drop_ins.connect()
    there = drop_ins.dir + '/services'
    drop_ins.write('elsewhere', service_file('a.b'))
    os.symlink('../elsewhere', there + '/a.b.service')
    assert wait_for(lambda: activatable(c) == {'a.b'})
    os.makedirs(drop_ins.dir + '/later/on')
    drop_ins.write('later/on/c.d.service', service_file('c.d'))
    assert wait_for(lambda: activatable(c) == {'a.b', 'c.d'})
    os.rename(drop_ins.dir + '/later', drop_ins.dir + '/sooner')
    assert wait_for(lambda: activatable(c) == {'a.b'})
    drop_ins.write('sooner/on/e.f.service', service_file('e.f'))
    os.rename(drop_ins.dir + '/sooner', drop_ins.dir + '/later')
    assert wait_for(lambda: activatable(c) == {'a.b', 'c.d', 'e.f'})
    os.rename(there, there + '.old')
    assert wait_for(lambda: activatable(c) == {'c.d', 'e.f'})
    os.mkdir(there)
    drop_ins.write('services/g.h.service', service_file('g.h'))
    assert wait_for(lambda: activatable(c) == {'c.d', 'e.f', 'g.h'})


@pytest.mark.postern
def test_more_events_than_the_kernel_keeps(drop_ins):
    """What was lost among them is found, too."""
    drop_ins.start(drop_ins.body)
    c = drop_ins.connect()
    with open('/proc/sys/fs/inotify/max_queued_events') as f:
        n = int(f.read()) // 2 + 10
    assert n < 100000
    os.kill(drop_ins.pid, 19)
    for i in range(n):
        path = '%s/services/%d' % (drop_ins.dir, i)
        open(path, 'w').close()
        os.unlink(path)
    drop_ins.write('services/a.b.service', service_file('a.b'))
    os.kill(drop_ins.pid, 18)
    assert wait_for(lambda: activatable(c) == {'a.b'})


@pytest.mark.postern
def test_a_busy_folder_does_not_keep_the_bus_busy(drop_ins):
    """Whoever may write to a folder of service files can do so all day."""
    drop_ins.start(drop_ins.body)
    c = drop_ins.connect()
    c.match(CHANGED)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            drop_ins.write('services/a.b.service', service_file('a.b'))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        end, slowest = time.monotonic() + 2, 0
        while time.monotonic() < end:
            start = time.monotonic()
            c.sync()
            slowest = max(slowest, time.monotonic() - start)
            time.sleep(0.01)
    finally:
        stop.set()
        writer.join()
    told = len([m for m in c.inbox if m.member == 'ActivatableServicesChanged'])
    assert 1 <= told <= 12 and slowest < (2 if SANITIZED else 0.5), (told, slowest)
    assert wait_for(lambda: activatable(c) == {'a.b'})


def test_configuration_files_come_and_go(drop_ins):
    """As with dbus-daemon: a file in an <includedir> counts once it is there."""
    drop_ins.start(drop_ins.body)
    drop_ins.write('conf.d/a.conf', snippet('<deny own="a.b"/>'))
    assert wait_for(lambda: not may_own(drop_ins, 'a.b')) and may_own(drop_ins, 'c.d')
    os.unlink(drop_ins.dir + '/conf.d/a.conf')
    assert wait_for(lambda: may_own(drop_ins, 'a.b'))


@pytest.mark.postern
def test_what_is_watched_follows_a_reload(drop_ins):
    drop_ins.start(drop_ins.body)
    c = drop_ins.connect()
    os.mkdir(drop_ins.dir + '/other')
    drop_ins.write('services/a.b.service', service_file('a.b'))
    drop_ins.write(drop_ins.config, config_text('unix:path=%s/bus' % drop_ins.dir, '<servicedir>%s/other</servicedir>' % drop_ins.dir))
    c.call('ReloadConfig')
    assert activatable(c) == set()
    drop_ins.write('other/c.d.service', service_file('c.d'))
    assert wait_for(lambda: activatable(c) == {'c.d'})


@pytest.mark.postern
def test_containers_do_not_hear_of_services(drop_ins):
    drop_ins.start(drop_ins.body)
    inside = drop_ins.container(rules=[]).connect()
    inside.match(CHANGED)
    outside = drop_ins.connect()
    outside.match(CHANGED)
    outside.call('ReloadConfig')
    assert outside.wait_signal('ActivatableServicesChanged')
    inside.sync()
    assert not inside.take(SIGNAL)


@pytest.mark.postern
def test_a_start_goes_on_through_a_reload(drop_ins):
    """Nothing that waits for a service is lost when its file goes."""
    drop_ins.write('services/a.b.service', '[D-BUS Service]\nName=a.b\nExec=/bin/true\n')
    drop_ins.start(drop_ins.body)
    c, service = drop_ins.connect(), drop_ins.connect()
    serial = c.send_call('Ping', dest='a.b', path='/x', iface='c.d')
    c.sync()
    os.unlink(drop_ins.dir + '/services/a.b.service')
    service.call('ReloadConfig')
    assert activatable(service) == set()
    service.request_name('a.b')
    service.reply(service.wait_call('Ping'), 's', 'done')
    assert c.reply_to(serial) == ('done',)
