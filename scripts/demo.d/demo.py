#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts a private bus, services and a contained app, lets the app make its attempts one by one, and prints what came of each:
what the client saw, and what the bus's log says of the decision. usage: demo.py BUILD_FOLDER TEMPORARY_FOLDER"""
import os
import sys

from stage import HERE, PYTHON, App, Bus, Failure
from steps import RULES, STEPS, check_managers, check_outside, show, verdict_of
from table import print_table

LEGEND = """
door and rule are what the bus logged of its decision: index:N is the rule above with that number, counted from 0; baseline:N a
statement of what every container may do (docs/containers.md); grant:N what a service lets containers do with it; none: no rule
allowed it, with the reason. .../ is short for /org/freedesktop/DBus/Containers1/."""


def play(bus, app):
    """Makes every attempt; returns the table's rows and how many came out wrong."""
    rows, wrong = [], 0
    for step in STEPS:
        bus.new_log()
        saw = app.play(step, bus)
        verdict = verdict_of(step, bus.new_log())
        right = step.is_right(saw, verdict)
        wrong += not right
        rule = verdict.rule if verdict.why == '' else '%s: %s' % (verdict.rule, verdict.why)
        rows.append((step.tried, step.client, verdict.door, rule, show(saw), 'yes' if right else 'NO'))
    return rows, wrong


def main(build, folder):
    bus = Bus(build, folder)
    try:
        for script in ('notes.py', 'vault.py'):
            bus.start_service(PYTHON, os.path.join(HERE, script))
        bus.start_service(PYTHON, os.path.join(HERE, 'portal-service.py'), bus.files)
        bus.start_service(os.path.join(build, 'examples', 'settings-service'))
        app = App(bus, build, RULES)
        rows, wrong = play(bus, app)
        more = []
        managers = (('manager.c', os.path.join(build, 'examples', 'manager')), ('manager.py', PYTHON, os.path.join(HERE, 'manager.py')))
        for check in (check_managers(bus, managers), check_outside(bus, app)):
            more, wrong = more + check[0], wrong + check[1]
    finally:
        status = bus.stop()
    print('\nThe app was started by: postern-run --type=org.example.Demo --name=org.example.App \\\n    %s -- app\n' % ' \\\n    '.join(RULES))
    print_table(rows + more)
    print(LEGEND)
    if status != 0:
        print('\nposternd ended with exit status %s' % status)
    print('\n%d attempts, %s' % (len(rows + more), 'all as they must be' if wrong == 0 else '%d NOT as they must be' % wrong))
    return 0 if wrong == 0 and status == 0 else 1


if __name__ == '__main__':
    try:
        sys.exit(main(*sys.argv[1:]))
    except Failure as e:
        sys.exit('scripts/demo: %s' % e)
