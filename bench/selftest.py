#!/usr/bin/python3 -B
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The arithmetic and the tables of the benchmark, without a bus."""
import os
import sys
import unittest
from xml.etree import ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench  # noqa: E402
import chart  # noqa: E402
import config  # noqa: E402
import report  # noqa: E402
from buses import BUSES, PACKAGES, missing_programs  # noqa: E402
from sections import SECTIONS  # noqa: E402
import vm  # noqa: E402


def row(section='window', label='64 calls', **values):
    made = report.Row(section, label, 'cpu_us', 'CPU us/message')
    for bus, numbers in values.items():
        for number in numbers:
            made.add(bus.replace('_', '-'), number)
    return made


def source(name):
    with open(os.path.join(bench.SOURCE, 'bench', name), encoding='utf-8') as f:
        return f.read()


class Rows(unittest.TestCase):
    def test_median_and_spread(self):
        made = row(posternd=[3, 1, 2, 100, 2.5])
        self.assertEqual(made.median('posternd'), 2.5)
        self.assertEqual(made.spread('posternd'), (1, 100))

    def test_a_failed_run_is_no_number(self):
        made = row(posternd=[None, 4, 2], dbus_broker=[None, None, None])
        self.assertEqual(made.median('posternd'), 3)
        self.assertIsNone(made.median('dbus-broker'))
        self.assertEqual(report.cell(made, 'dbus-broker'), '-')

    def test_ratios_are_of_the_same_round(self):
        """The machine got three times as slow after the first round: each ratio is the same nevertheless, the medians' ratio would not be."""
        made = row(posternd=[1, 3, 3], dbus_broker=[2, 6, None])
        self.assertEqual(made.ratio('posternd', 'dbus-broker'), 0.5)
        self.assertIsNone(made.ratio('posternd', 'proxy'))
        self.assertIsNone(row(posternd=[1], proxy=[0]).ratio('posternd', 'proxy'))

    def test_as_json(self):
        made = row(posternd=[1, 3], dbus_daemon=[4, 6]).as_json()
        self.assertEqual(made['buses']['posternd'], {'values': [1, 3], 'median': 2, 'spread': (1, 3)})
        self.assertEqual(made['ratios'], {'posternd : daemon': 0.375})

    def test_numbers(self):
        self.assertEqual([report.number(n) for n in (None, 0.123, 12.34, 123.4, -0.5)], ['-', '0.12', '12.3', '123', '-0.50'])


class Guests(unittest.TestCase):
    @staticmethod
    def rows(door):
        values = {'kernel': [100, 300], 'confined, alone': [10, 20], 'free, alone': [5, 5], 'bus free, alone': [2, 4], 'bus contained, alone': [3, 5]}
        return {made.label: made for made in vm.rows_of({'guest': (values, '6.1', door)}, vm.COUNTED)}

    def test_ratios(self):
        rows = self.rows(True)
        self.assertEqual(rows['question to the kernel : verdict, each received alone'].values['guest'], [10, 15])
        self.assertEqual(rows['message on a bus, confined and contained : neither, one call at a time'].values['guest'], [1.5, 1.25])
        self.assertEqual(rows['question to the kernel : verdict, 64 received together'].values['guest'], [None])

    def test_where_the_module_is_not_asked(self):
        """What is measured there says nothing about the module."""
        rows = self.rows(False)
        self.assertEqual(rows['a question to the kernel that nobody asked before'].values['guest'], [100, 300])
        self.assertEqual(rows['verdict, nobody confined, each received alone'].values['guest'], [5, 5])
        for label in ('verdict, both confined, each received alone', 'question to the kernel : verdict, each received alone'):
            self.assertEqual(rows[label].values['guest'], [None])

    def test_every_key_is_known(self):
        keys = {key for _, _, key in vm.MEASURED}
        self.assertLessEqual({key for _, over, under in vm.RATIOS for key in (over, under)}, keys)


class Tables(unittest.TestCase):
    rows = [row(posternd=[1, 3], dbus_broker=[4, 6], no_cache=[1, 1]), row('idle', '10 <connections>', posternd=[1])]

    def test_text(self):
        lines = report.text_table(self.rows).split('\n')
        self.assertEqual(lines[0], 'window')
        self.assertEqual(lines[1].split('  ')[-1].strip(), 'posternd : broker')
        self.assertIn('2.00 (1.00..3.00)', lines[2])
        self.assertIn('no-cache', lines[1]) # a column that nobody foresaw
        self.assertEqual(len({len(line) for line in lines[1:3]}), 1)

    def test_markdown(self):
        lines = report.markdown_table(self.rows).split('\n')
        self.assertEqual(lines[0], '### window')
        self.assertEqual(len({line.count('|') for line in lines[2:5]}), 1)

    def test_chart(self):
        root = ElementTree.fromstring(chart.chart(self.rows, 'a < b'))
        bars = [e for e in root.iter('{http://www.w3.org/2000/svg}rect') if e.get('fill') == chart.COLOURS['posternd']]
        self.assertEqual(len(bars), 3) # two rows and the legend
        width = chart.WIDTH - chart.LEFT - chart.RIGHT
        self.assertAlmostEqual(float(bars[1].get('width')), 2 / 6 * width, delta=0.1)
        self.assertLess(float(bars[2].get('y')) + float(bars[2].get('height')), float(root.get('height')))


class Plans(unittest.TestCase):
    def test_points(self):
        for quick in (True, False):
            for name, make in SECTIONS.items():
                points = make(quick)
                self.assertEqual(len({point.label for point in points}), len(points), name)
                for point in points:
                    self.assertLessEqual(set(point.buses), set(BUSES), name)
                    self.assertTrue(point.kind in config.KINDS or point.rules == 0, name)

    def test_every_section_is_in_the_chart_or_left_out_on_purpose(self):
        left_out = {'xml', 'rules', 'contained', 'fairness'}
        for name, make in SECTIONS.items():
            rows = [report.Row(name, point.label, key, unit) for point in make(False) for key, unit in point.metrics]
            self.assertEqual(bool(bench.chart_rows(rows)), name not in left_out, name)

    def test_what_is_missing_has_a_package(self):
        path, os.environ['PATH'] = os.environ['PATH'], '/nowhere'
        try:
            for name in BUSES:
                self.assertLessEqual(set(missing_programs(name)), set(PACKAGES))
            self.assertEqual(missing_programs('proxy'), ['xdg-dbus-proxy', 'dbus-daemon'])
            self.assertEqual(bench.choose_buses(['posternd', 'dbus-broker']), ['posternd'])
        finally:
            os.environ['PATH'] = path


class Rules(unittest.TestCase):
    """Who writes XML rules in Python and in C writes the same ones."""

    def test_configuration(self):
        text = config.bus_config('/tmp/x', 'nodest', 3)
        root = ElementTree.fromstring(text[text.index('<busconfig>'):])
        found = [rule.get('send_interface') for rule in root.iter('allow') if rule.get('send_interface')]
        self.assertEqual(found, ['org.example.Interface0', 'org.example.Interface1', 'org.example.Interface2'])

    def test_stage(self):
        text = source('stage.c').replace('\\"', '"')
        text = text.replace('" BENCH_SERVICE "', 'org.bench.Service').replace('" BENCH_INTERFACE "', 'org.bench.Interface')
        for kind, rule in config.KINDS.items():
            self.assertIn(rule.replace('%(i)d', '%u'), text, kind)

    def test_broker(self):
        text = source('broker.c')
        for kind, rule in config.KINDS.items():
            for words in ('org.example.Name', 'org.example.Interface'):
                self.assertTrue(words not in rule or words in text, kind)
        self.assertIn('#define BENCH_SERVICE "org.bench.Service"', source('message.h'))
        self.assertIn('#define BENCH_INTERFACE "org.bench.Interface"', source('message.h'))


if __name__ == '__main__':
    unittest.main()
