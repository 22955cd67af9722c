# SPDX-License-Identifier: LGPL-2.1-or-later
"""A table for the terminal."""
import textwrap

SHORT = (('/org/freedesktop/DBus/Containers1/', '.../'), ('GDBus.Error:org.freedesktop.DBus.Error.', ''), ('org.freedesktop.DBus.Error.', ''))
HEAD = ('tried', 'by', 'door', 'rule', 'the client saw', 'right')
WIDTHS = (38, 11, 9, 26, 44, 5)


def print_row(cells):
    columns = [textwrap.wrap(cell, width) or [''] for cell, width in zip(cells, WIDTHS)]
    for i in range(max(map(len, columns))):
        print('  '.join((column[i] if i < len(column) else '').ljust(width) for column, width in zip(columns, WIDTHS)).rstrip())


def print_table(rows):
    print_row(HEAD)
    print_row(['-' * width for width in WIDTHS])
    for row in rows:
        for long, short in SHORT:
            row = [cell.replace(long, short) for cell in row]
        print_row(row)
