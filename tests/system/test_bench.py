# SPDX-License-Identifier: LGPL-2.1-or-later
"""The benchmark runs to its end and says what it measured. Not what: that is for a quiet machine and a longer run."""
import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

BUILD = os.environ.get('POSTERN_BUILD', '.')
BENCH = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'bench', 'bench.py')
EXPECTED = {
    'latency': {'posternd', 'dbus-daemon', 'relay-frame', 'relay-stream'},
    'callers': {'posternd', 'dbus-daemon'},
    'fds': {'posternd', 'dbus-daemon'},
    'fanout': {'posternd', 'dbus-daemon', 'relay-frame', 'relay-stream'},
    'fairness': {'posternd', 'dbus-daemon'},
    'churn': {'posternd', 'dbus-daemon'},
    'rules': {'posternd-contained'},
    'contained': {'posternd', 'posternd-contained', 'dbus-daemon'},
    'startup': {'posternd', 'dbus-daemon'},
}


def run(output, *arguments, **more):
    return subprocess.run([sys.executable, '-B', BENCH, '--build=' + BUILD, '--output=%s' % output, '--quick', *arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, **more)


@pytest.mark.postern
def test_results_are_whole(tmp_path):
    buses = sorted(set().union(*EXPECTED.values()))
    p = run(tmp_path, '--sections=' + ','.join(EXPECTED), '--buses=' + ','.join(buses))
    assert p.returncode == 0, p.stderr
    results = json.loads((tmp_path / 'results.json').read_text())
    assert results['failures'] == []
    assert results['facts']['posternd'].startswith('posternd ')
    assert {row['section'] for row in results['rows']} == set(EXPECTED)
    for row in results['rows']:
        assert set(row['buses']) == EXPECTED[row['section']], row
        for bus in row['buses'].values():
            assert len(bus['values']) == 1 and bus['values'][0] == bus['median'] > 0, row
    assert 'posternd : daemon' in results['rows'][0]['ratios']
    assert (tmp_path / 'table.txt').read_text() in p.stdout
    assert ElementTree.fromstring((tmp_path / 'chart.svg').read_text()).tag.endswith('svg')


@pytest.mark.postern
def test_xml_rules_and_memory(tmp_path):
    p = run(tmp_path, '--sections=xml,idle', '--buses=posternd')
    assert p.returncode == 0, p.stderr
    rows = json.loads((tmp_path / 'results.json').read_text())['rows']
    assert len(rows) == 6 and all(row['buses']['posternd']['median'] is not None for row in rows)


@pytest.mark.postern
def test_a_missing_peer_is_named_and_left_out(tmp_path):
    p = run(tmp_path, '--sections=latency', '--buses=posternd,dbus-broker,proxy', env=dict(os.environ, PATH='/nowhere'))
    assert p.returncode == 0, p.stderr
    assert 'package dbus-broker' in p.stderr and 'package xdg-dbus-proxy dbus-daemon' in p.stderr
    rows = json.loads((tmp_path / 'results.json').read_text())['rows']
    assert [set(row['buses']) for row in rows] == [{'posternd'}] * 3


@pytest.mark.postern
def test_a_failed_run_is_no_success(tmp_path):
    """bench-load cannot pin itself to a CPU that is not there."""
    p = run(tmp_path, '--sections=churn', '--buses=posternd', '--cpus=4000,%d' % min(os.sched_getaffinity(0)))
    assert p.returncode == 1
    results = json.loads((tmp_path / 'results.json').read_text())
    assert len(results['failures']) == 1 and 'CPU 4000' in results['failures'][0]
    assert results['rows'][0]['buses']['posternd']['values'] == [None]


@pytest.mark.postern
def test_a_bus_that_does_not_start_is_told_and_the_others_go_on(tmp_path):
    fake = tmp_path / 'dbus-daemon'
    fake.write_text('#!/bin/sh\necho no thanks >&2\nexit 1\n')
    fake.chmod(0o755)
    p = run(tmp_path, '--sections=churn', '--buses=posternd,dbus-daemon', env=dict(os.environ, PATH='%s:%s' % (tmp_path, os.environ['PATH'])))
    assert p.returncode == 1
    results = json.loads((tmp_path / 'results.json').read_text())
    assert 'no thanks' in results['failures'][0]
    assert results['rows'][0]['buses']['posternd']['median'] > 0 and results['rows'][0]['buses']['dbus-daemon']['median'] is None
