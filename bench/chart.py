# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bar chart as SVG: a group for each row, a bar for each bus. Each group has a scale of its own."""
from xml.sax.saxutils import escape

from report import HEADS, number

COLOURS = {'posternd': '#1b6ca8', 'posternd-contained': '#5aa0d0', 'posternd-bare': '#7fb2d6', 'dbus-broker': '#e08e0b', 'dbus-daemon': '#8c8c8c',
           'proxy': '#b0413e', 'relay-frame': '#b9c7a5', 'relay-stream': '#7d9a5f'}
WIDTH, LEFT, BAR, GAP, RIGHT = 900, 330, 13, 14, 90
HEAD = 70


def text(x, y, words, size=12, anchor='start', weight='normal', fill='#222'):
    return ('<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" font-weight="%s" fill="%s">%s</text>'
            % (x, y, size, anchor, weight, fill, escape(words)))


def bars(row, y):
    """One group, from y down; its elements and where it ends."""
    buses = [bus for bus in COLOURS if row.median(bus) is not None]
    most = max([row.spread(bus)[1] for bus in buses] + [1e-9])
    scale = (WIDTH - LEFT - RIGHT) / most
    out = [text(LEFT - 10, y + BAR, row.label, anchor='end', weight='bold'),
           text(LEFT - 10, y + BAR + 14, '%s: %s' % (row.section, row.unit), 10, 'end')]
    for bus in buses:
        value, (low, high) = max(row.median(bus), 0), row.spread(bus)
        out.append('<rect x="%d" y="%.1f" width="%.1f" height="%d" fill="%s"/>' % (LEFT, y, max(value * scale, 0.5), BAR - 2, COLOURS[bus]))
        out.append('<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#222"/>'
                   % (LEFT + max(low, 0) * scale, LEFT + high * scale, y + BAR / 2 - 1, y + BAR / 2 - 1))
        out.append(text(LEFT + high * scale + 6, y + BAR - 3, number(value), 11))
        y += BAR
    return out, max(y, y - BAR * len(buses) + 2 * BAR + 4)


def legend(buses):
    out, x = [], 20
    for bus in buses:
        words = HEADS.get(bus, bus)
        out += ['<rect x="%d" y="42" width="12" height="12" fill="%s"/>' % (x, COLOURS[bus]), text(x + 17, 53, words)]
        x += 34 + 7 * len(words)
    return out


def chart(rows, title):
    """The SVG's text; less is better in all rows."""
    out, y = [], HEAD
    for row in rows:
        group, y = bars(row, y)
        out += group
        y += GAP
    buses = [bus for bus in COLOURS if any(row.median(bus) is not None for row in rows)]
    begin = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif">' % (WIDTH, y, WIDTH, y),
             '<rect width="100%" height="100%" fill="#fff"/>', text(20, 26, title, 16, weight='bold')]
    return '\n'.join(begin + legend(buses) + out + ['</svg>', ''])
