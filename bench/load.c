/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench-load: a client that loads a bus in one way for a short time and says what that cost the bus. bench.py runs it. */
#include <errno.h>
#include <string.h>

#include "bench/options.h"
#include "bench/sections.h"
#include "bench/usage.h"

static const struct section {
    const char *name;
    void (*run)(const struct bench_options *options);
} sections[] = {
    {"latency", bench_latency}, {"window", bench_window}, {"callers", bench_callers},
    {"fairness", bench_fairness},
    {"fanout", bench_fanout},   {"churn", bench_churn},   {"idle", bench_idle},
};

int main(int argc, char **argv)
{
    struct bench_options options;

    bench_options_read(&options, argc, argv);
    bench_allow_fds();
    bench_pin(options.cpu);
    for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
        if (strcmp(options.section, sections[i].name) == 0) {
            sections[i].run(&options);
            return 0;
        }
    }
    errno = 0;
    bench_fail("no section %s", options.section);
}
