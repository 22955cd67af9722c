# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tells the log of activities of a file, and asks the log for it. usage: journal.py FILE. Prints what the log knows."""
import sys

import gi

gi.require_version('Zeitgeist', '2.0')
from gi.repository import GLib, Zeitgeist  # noqa: E402

ONTOLOGY = 'http://www.zeitgeist-project.com/ontologies/2010/01/27/zg#'
loop = GLib.MainLoop()
log = Zeitgeist.Log.get_default()


def an_event(**of_subject):
    event = Zeitgeist.Event(interpretation=ONTOLOGY + 'AccessEvent', manifestation=ONTOLOGY + 'UserActivity', actor='application://stage.desktop')
    event.add_subject(Zeitgeist.Subject(uri='file://' + sys.argv[1], **of_subject))
    return event


def found(log, result):
    events = log.find_events_finish(result)
    for _ in range(events.size()):
        subject = events.next_value().get_subject(0)
        print('found', subject.get_uri(), subject.get_text())
    loop.quit()


def inserted(log, result):
    print('inserted', log.insert_event_finish(result))
    log.find_events(Zeitgeist.TimeRange.anytime(), [Zeitgeist.Event()], Zeitgeist.StorageState.ANY, 10,
                    Zeitgeist.ResultType.MOST_RECENT_EVENTS, None, found)


log.insert_event(an_event(text='a play', mimetype='text/plain'), None, inserted)
GLib.timeout_add_seconds(20, lambda: sys.exit('no answer'))
loop.run()
