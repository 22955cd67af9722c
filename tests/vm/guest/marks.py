# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a test may say of itself to the runner."""


def timeout(seconds):
    """For a test that takes longer than others."""
    def mark(function):
        function.seconds = seconds
        return function
    return mark


def skip_for(*guests):
    """For a test that has no meaning in some guests of its module."""
    def mark(function):
        function.not_in = guests
        return function
    return mark
