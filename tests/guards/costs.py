# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a message costs a bus: counted, written down, and compared with what was written down."""

TOLERANCE = 0.03 # of the instructions; whatever else is counted is exact
ONCE = 0.2 # so often in a round memory is taken by chance: by a hash table that grows, since with this run's secret many keys fall together

ALLOCATING = ('malloc', 'calloc', 'realloc', 'memalign', 'posix_memalign', 'aligned_alloc')
CHECKS = ('postern_memo_parse', 'postern_header_parse', 'postern_header_strip', 'postern_body_validate', 'postern_mediator_mediate')

# A connection is something new. A message is not, and takes neither memory nor a clock, nor does it move anything in epoll: valgrind shows each
# reading of a clock as a system call, which without it many are not.
NEW = ('connection',)
NEVER = ALLOCATING + ('epoll_ctl', 'clock_gettime', 'gettimeofday', 'time', 'timerfd_settime')

# Whatever a header is full of, and however many receivers it has: it is cleaned once and parsed once more.
MOST = {'postern_header_parse': 2, 'postern_header_strip': 1}
FORGED = ('forged-to-1', 'forged-to-10')
# How many times the instructions of the other load the first may need: rules and receivers that change nothing cost nothing much.
RATIOS = (('forged-to-10', 'forged-to-1', 1.1), ('xml-1000/call-64', 'call-64', 1.1), ('xml-1000/call-1', 'call-1', 1.1))


class Cost:
    """What a load costs: instructions for a message, counts for a round."""

    def __init__(self, instructions, counts):
        self.instructions, self.counts = instructions, {name: round(n, 2) for name, n in counts.items() if n != 0}

    @classmethod
    def between(cls, once, twice, rounds, messages):
        """The second profile is one of twice as many rounds: what does not belong to them cancels out."""
        counts = {name: (twice.system[name] - once.system[name]) / rounds for name in {**once.system, **twice.system}}
        counts.update({name: (twice.calls[name] - once.calls[name]) / rounds for name in ALLOCATING + CHECKS})
        return cls((twice.instructions - once.instructions) / rounds / messages, counts)

    @classmethod
    def parse(cls, words):
        return cls(float(words[0]), {name: float(n) for name, n in (word.split('=') for word in words[1:])})

    def __str__(self):
        return ' '.join(['%.1f' % self.instructions] + ['%s=%g' % count for count in sorted(self.counts.items())])


# ---- records ---------------------------------------------------------------------------------------------------


def read_records(path):
    """What stands above the first build, and {build: {load: cost}}."""
    head, records = [], {}
    with open(path, encoding='utf-8') as f:
        for line in f:
            if line.startswith('build: '):
                costs = records[line[len('build: '):].strip()] = {}
            elif not records:
                head.append(line)
            elif line.strip():
                words = line.split()
                costs[words[0]] = Cost.parse(words[1:])
    return ''.join(head), records


def write_records(path, build, costs):
    head, records = read_records(path)
    records[build] = costs
    with open(path, 'w', encoding='utf-8') as f:
        f.write(head.rstrip('\n') + '\n')
        for name, loads in sorted(records.items()):
            f.write('\nbuild: %s\n' % name)
            f.writelines('%-17s %s\n' % (load, cost) for load, cost in loads.items())


# ---- judging ---------------------------------------------------------------------------------------------------


def is_forbidden(load, name):
    return name in NEVER and load not in NEW


def never_faults(costs):
    """What no record can permit."""
    for load, cost in costs.items():
        for name in NEVER:
            if is_forbidden(load, name) and cost.counts.get(name, 0) > ONCE:
                yield '%s: %s() is called %g times a round, and must not be' % (load, name, cost.counts[name])


def forged_faults(costs):
    for load in FORGED:
        for name, most in MOST.items():
            if costs[load].counts.get(name, 0) > most:
                yield '%s: %s() is called %g times a round, and must not be more than %d times' % (load, name, costs[load].counts[name], most)


def ratio_faults(costs):
    for load, other, most in RATIOS:
        ratio = costs[load].instructions / costs[other].instructions
        if ratio > most:
            yield '%s: %.2f times the instructions of %s, and must not be more than %g times' % (load, ratio, other, most)


def forbidden(costs):
    return [*never_faults(costs), *forged_faults(costs), *ratio_faults(costs)]


def compare(load, found, recorded):
    if recorded is None:
        yield '%s: there is no record of it' % load
        return
    more = found.instructions / recorded.instructions - 1
    if abs(more) > TOLERANCE:
        yield '%s: %.1f instructions a message, %.1f recorded: %.1f %% %s' % (
            load, found.instructions, recorded.instructions, abs(more) * 100, 'more' if more > 0 else 'less')
    for name in sorted({*found.counts, *recorded.counts}):
        pair = found.counts.get(name, 0), recorded.counts.get(name, 0)
        if abs(pair[0] - pair[1]) > (ONCE if name in ALLOCATING else 0) and not is_forbidden(load, name):
            yield '%s: %s() is called %g times a round, %g recorded' % ((load, name) + pair)


def judge(costs, recorded, but=()):
    """What is wrong with these costs; `but` are loads that cannot be compared here."""
    faults = []
    for load, cost in costs.items():
        if load not in but:
            faults += compare(load, cost, recorded.get(load))
    return faults + ['%s: recorded, but not measured' % load for load in recorded if load not in costs]
