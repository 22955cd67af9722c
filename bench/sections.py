# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured: sections of points. A point is one run of bench-load with each of its buses."""
import collections

ALL = ('posternd', 'dbus-broker', 'dbus-daemon', 'proxy', 'relay-frame', 'relay-stream')
BUSES_ONLY = ('posternd', 'dbus-broker', 'dbus-daemon', 'proxy')
WITH_POLICY = ('posternd', 'dbus-broker', 'dbus-daemon')

CPU = ('cpu_us', 'CPU us/message')
DELIVERY = ('cpu_us', 'CPU us/delivery')
TIME = ('p50_us', 'round trip us, median')
SLOW = ('p99_us', 'round trip us, 99 %')

# load: arguments of bench-load; metrics: (key of its result, unit); one_cpu: client and bus share one; kind, rules: XML rules;
# fresh: a new bus for each run
Point = collections.namedtuple('Point', 'label load buses metrics one_cpu kind rules fresh')


def point(label, load, buses=ALL, metrics=(CPU,), one_cpu=False, kind='', rules=0, fresh=False):
    return Point(label, load.split(), buses, metrics, one_cpu, kind, rules, fresh)


def both_ways(label, load, *arguments, **more):
    """Across two CPUs, and with client and bus on one: nobody's CPU has to be woken up there."""
    return [point(label, load, *arguments, **more), point(label + ', one CPU', load, *arguments, one_cpu=True, **more)]


def latency(quick):
    return [point('one call at a time', 'latency', metrics=(CPU, TIME, SLOW), one_cpu=True)]


def window(quick):
    return [point('%d call%s under way' % (n, 's' if n > 1 else ''), 'window --window=%d' % n) for n in (1, 4, 16)] + both_ways(
        '64 calls under way', 'window --window=64')


def single(quick):
    return both_ways('64 calls under way, one send() each', 'window --window=64 --each')


def callers(quick):
    return both_ways('32 callers', 'callers --callers=32', BUSES_ONLY) + ([] if quick else [point('1000 callers', 'callers --callers=1000', BUSES_ONLY)])


def payload(quick):
    def size(n):
        return '%d B' % n if n < 1024 else '%d KiB' % (n >> 10) if n < 1 << 20 else '%d MiB' % (n >> 20)
    sizes = (0, 4096) if quick else (0, 64, 1024, 4096, 16384, 65536, 1 << 20)
    return [point('%s each way, %d under way' % (size(n), w), 'window --window=%d --payload=%d' % (w, n))
            for n in sizes for w in [64 if n < 1 << 20 else 4]]


def fds(quick):
    return [point('%d fd%s with each call, 16 under way' % (n, 's' if n > 1 else ''), 'window --window=16 --fds=%d' % n, BUSES_ONLY)
            for n in ((1,) if quick else (1, 10))]


def fanout(quick):
    m = 10 if quick else 1000
    return [*both_ways('10 receivers, one signal at a time', 'fanout --receivers=10', metrics=(DELIVERY,)),
            point('10 receivers', 'fanout --receivers=10 --window=64', metrics=(DELIVERY,)),
            *both_ways('10 receivers, %d rules that do not match' % m, 'fanout --receivers=10 --window=64 --rules=%d' % m, metrics=(DELIVERY,)),
            point('100 receivers', 'fanout --receivers=100 --window=64', metrics=(DELIVERY,))]


FLOODS = {'calls': '64 calls each', 'deep': '2000 calls each', 'bodies': '16 calls of 64 KiB each', 'driver': '64 calls to the bus each',
          'signals': '64 broadcasts to 10 each', 'churn': 'connecting'}


def fairness(quick):
    """One call at a time while others keep the bus busy, against the same call alone."""
    metrics = (TIME, SLOW, ('p50_times', 'times the median alone'), ('p99_times', 'times the 99 % alone'))
    return [point('%d flooding: %s' % (n, words), 'fairness --flood=%s --callers=%d' % (kind, n), WITH_POLICY, metrics)
            for kind, words in FLOODS.items() for n in ((1,) if quick or kind == 'churn' else (1, 10, 50))]


def churn(quick):
    return both_ways('connect, authenticate, Hello, close', 'churn', BUSES_ONLY, metrics=(('cpu_us', 'CPU us/connection'),))


KIND_WORDS = {'dest': 'with destination', 'nodest': 'without destination', 'dest-match': 'with destination, all matching',
              'nodest-match': 'without destination, all matching'}


def xml(quick):
    counts = (10,) if quick else (10, 100, 1000, 10000)
    points = [point('no rules', 'window --window=16', WITH_POLICY)]
    for kind, words in KIND_WORDS.items():
        points += [point('%d rules %s' % (n, words), 'window --window=16', WITH_POLICY, kind=kind, rules=n) for n in counts]
    return points


def rules(quick):
    return [point('a container with %d rules more' % n, 'window --window=16 --container=%d' % n, ('posternd-contained',))
            for n in ((0, 10) if quick else (0, 10, 100, 1000))]


def contained(quick):
    """The peers' answer to a sandbox is the proxy; ours is the mediator."""
    buses = ('posternd', 'posternd-contained', 'dbus-daemon', 'proxy')
    return [point('one call at a time', 'latency', buses, (CPU, TIME), one_cpu=True),
            point('64 calls under way', 'window --window=64', buses),
            point('64 calls under way, one send() each', 'window --window=64 --each', buses),
            point('64 calls under way, 4 KiB each way', 'window --window=64 --payload=4096', buses)]


def idle(quick):
    counts = (10,) if quick else (100, 1000, 10000)
    return [point('%d connections' % n, 'idle --connections=%d' % n, BUSES_ONLY if n < 10000 else WITH_POLICY,
                  (('kib', 'KiB/connection'),), fresh=True) for n in counts]


def startup(quick):
    return [point("a distribution's system.d", 'startup', ('posternd', 'dbus-daemon'),
                  (('wall_ms', 'ms until it listens'), ('cpu_ms', 'CPU ms until it listens')), fresh=True)]


SECTIONS = collections.OrderedDict((f.__name__, f) for f in (latency, window, single, callers, payload, fds, fanout, fairness, churn, xml, rules, contained,
                                                              idle, startup))
