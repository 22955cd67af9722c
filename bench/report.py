# SPDX-License-Identifier: LGPL-2.1-or-later
"""From values to medians, ratios and tables."""
import statistics

COLUMNS = ('posternd', 'posternd-contained', 'posternd-bare', 'dbus-broker', 'dbus-daemon', 'proxy', 'relay-frame', 'relay-stream')
HEADS = {'posternd-contained': 'posternd, contained', 'posternd-bare': 'posternd, no mediator',
         'proxy': 'proxy + daemon', 'relay-frame': 'relay, frames', 'relay-stream': 'relay, stream'}
# What is divided by what.
RATIOS = (('posternd : broker', 'posternd', 'dbus-broker'), ('posternd : daemon', 'posternd', 'dbus-daemon'),
          ('contained : not', 'posternd-contained', 'posternd'), ('contained : proxy', 'posternd-contained', 'proxy'))


class Row:
    """One metric of one point: the values of each bus, one per round (None: that run failed)."""

    def __init__(self, section, label, key, unit):
        self.section, self.label, self.key, self.unit, self.values = section, label, key, unit, {}

    def add(self, bus, value):
        self.values.setdefault(bus, []).append(value)

    def median(self, bus):
        good = [v for v in self.values.get(bus, ()) if v is not None]
        return statistics.median(good) if good else None

    def spread(self, bus):
        good = [v for v in self.values[bus] if v is not None]
        return (min(good), max(good)) if good else None

    def ratio(self, of, to):
        """The median of the rounds' own ratios: what disturbs one round disturbs both of its runs."""
        pairs = [a / b for a, b in zip(self.values.get(of, ()), self.values.get(to, ())) if a is not None and b]
        return statistics.median(pairs) if pairs else None

    def as_json(self):
        buses = {bus: {'values': self.values[bus], 'median': self.median(bus), 'spread': self.spread(bus)} for bus in self.values}
        return {'section': self.section, 'point': self.label, 'metric': self.key, 'unit': self.unit, 'buses': buses,
                'ratios': {head: self.ratio(of, to) for head, of, to in RATIOS if self.ratio(of, to) is not None}}


def number(value):
    if value is None:
        return '-'
    return '%.0f' % value if abs(value) >= 100 else '%.1f' % value if abs(value) >= 10 else '%.2f' % value


def cell(row, bus):
    if row.median(bus) is None:
        return '-'
    low, high = row.spread(bus)
    return '%s (%s..%s)' % (number(row.median(bus)), number(low), number(high)) if len(row.values[bus]) > 1 else number(row.median(bus))


def ratio_cell(row, of, to):
    return '-' if row.ratio(of, to) is None else '%.2f' % row.ratio(of, to)


def grid(rows):
    """The cells of the rows of one section, with the heads first; only columns that somebody fills."""
    columns = [bus for bus in COLUMNS if any(bus in row.values for row in rows)]
    columns += sorted({name for row in rows for name in row.values} - set(COLUMNS)) # variants of the mediator
    ratios = [ratio for ratio in RATIOS if any(row.ratio(*ratio[1:]) is not None for row in rows)]
    lines = [['', 'unit'] + [HEADS.get(bus, bus) for bus in columns] + [head for head, _, _ in ratios]]
    for row in rows:
        lines.append([row.label, row.unit] + [cell(row, bus) for bus in columns] + [ratio_cell(row, of, to) for _, of, to in ratios])
    return lines


def sections_of(rows):
    sections = {}
    for row in rows:
        sections.setdefault(row.section, []).append(row)
    return sections


def text_table(rows):
    out = []
    for section, members in sections_of(rows).items():
        lines = grid(members)
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        out.append(section)
        out += ['  ' + '  '.join(c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))).rstrip() for line in lines]
        out.append('')
    return '\n'.join(out)


def markdown_table(rows):
    out = []
    for section, members in sections_of(rows).items():
        lines = grid(members)
        out += ['### ' + section, '', '| ' + ' | '.join(lines[0]) + ' |', '|---|---' + '|--:' * (len(lines[0]) - 2) + '|']
        out += ['| ' + ' | '.join(line) + ' |' for line in lines[1:]] + ['']
    return '\n'.join(out)


def facts_text(facts):
    return '\n'.join('%s: %s' % (key, value if isinstance(value, str) else ', '.join(map(str, value)) if isinstance(value, list) else value)
                     for key, value in facts.items())
