/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-verdict: the mediator alone, without sockets in between: what one question costs, and what many containers do.
 *
 *     bench-verdict SECTION MODULE SECONDS [quick]
 *
 * Prints one JSON object per measurement. bench/mediator.py runs it.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/message.h"
#include "bench/options.h"
#include "bench/question.h"
#include "bench/stage.h"
#include "bench/usage.h"
#include "core/rule.h"

#define LIMITS "max-total=\"100000\" max-per-user=\"100000\" max-connections=\"100000\" max-rules=\"100000\" max-grants=\"100000\""

/* What is measured is each of these. A switch of the mediator that changes what a question costs becomes a row here, and a column of the table. */
static const struct variant {
    const char *name;
    uint32_t flags; /* POSTERN_OPTION_... */
} variants[] = {
    {"cache", 0},
    {"no cache", POSTERN_OPTION_NO_CACHE},
};

struct bench {
    const char *library;
    double seconds;
    bool quick;
    const struct variant *variant;
};

/* ---- one question ------------------------------------------------------------------------------------------ */

static void report_question(const struct bench *bench, struct stage *stage, const struct postern_party *from, struct postern_party *to,
                            const char *point)
{
    struct question question;

    question_init(&question, from, to);
    printf("{\"point\": \"%s\", \"variant\": \"%s\", \"same_ns\": %.1f", point, bench->variant->name,
           question_ask_for(stage, &question, bench->seconds));
    question.varied = true;
    printf(", \"varied_ns\": %.1f", question_ask_for(stage, &question, bench->seconds));
    question.varied = false;
    question_turn(&question);
    printf(", \"reply_ns\": %.1f}\n", question_ask_for(stage, &question, bench->seconds));
    question_finish(&question);
}

/* ---- rules and grants ---------------------------------------------------------------------------------------- */

static void measure_xml(const struct bench *bench, const char *kind, unsigned rules)
{
    struct postern_party *from, *to;
    struct stage stage;
    char point[64];

    stage_open(&stage, bench->library, kind, rules, LIMITS, bench->variant->flags);
    from = stage_enter(&stage, NULL);
    to = stage_enter(&stage, NULL);
    stage_own(&stage, to, BENCH_SERVICE);
    snprintf(point, sizeof(point), "%u XML rules%s%s", rules, rules > 0 ? ", " : "", rules > 0 ? kind : "");
    report_question(bench, &stage, from, to, point);
    stage_close(&stage);
}

static void run_xml(const struct bench *bench)
{
    static const char *const kinds[] = {"dest", "nodest", "dest-match", "nodest-match", "path"};

    measure_xml(bench, "dest", 0);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        for (unsigned rules = 10; rules <= (bench->quick ? 10 : 10000); rules *= 10)
            measure_xml(bench, kinds[i], rules);
}

static void measure_rules(const struct bench *bench, unsigned rules)
{
    struct stage_container container;
    struct postern_party *to;
    struct stage stage;
    char point[64];

    stage_open(&stage, bench->library, "dest", 0, LIMITS, bench->variant->flags);
    to = stage_enter(&stage, NULL);
    stage_own(&stage, to, BENCH_SERVICE);
    stage_add_container(&stage, to, rules, true, &container);
    snprintf(point, sizeof(point), "a container with %u rules more", rules);
    report_question(bench, &stage, stage_enter(&stage, &container), to, point);
    stage_close(&stage);
}

static void run_rules(const struct bench *bench)
{
    measure_rules(bench, 0);
    for (unsigned rules = 10; rules <= (bench->quick ? 10 : 1000); rules *= 10)
        measure_rules(bench, rules);
}

static void grant(struct stage *stage, struct postern_party *service, const char *instance, const char *path)
{
    struct postern_reply reply;
    struct postern_writer w;

    postern_writer_init(&w);
    postern_writer_open(&w, 'a', "{sv}");
    postern_writer_entry_path(&w, "instance", instance);
    postern_writer_close(&w);
    postern_writer_open(&w, 'a', "(usos)");
    postern_writer_open(&w, 'r', NULL);
    postern_writer_u32(&w, POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE);
    postern_writer_string(&w, "");
    postern_writer_path(&w, path);
    postern_writer_string(&w, BENCH_INTERFACE);
    postern_writer_close(&w);
    postern_writer_close(&w);
    stage_call(stage, service, "org.postern.Mediator1", "Grant", &w, &reply);
}

static void measure_grants(const struct bench *bench, unsigned grants)
{
    struct stage_container container;
    struct postern_party *to;
    struct stage stage;
    char point[64];

    stage_open(&stage, bench->library, "dest", 0, LIMITS, bench->variant->flags);
    to = stage_enter(&stage, NULL);
    stage_own(&stage, to, BENCH_SERVICE);
    stage_add_container(&stage, to, 0, false, &container);
    for (unsigned i = 1; i < grants; i++) {
        snprintf(point, sizeof(point), "/org/bench/Other%u", i);
        grant(&stage, to, container.instance, point);
    }
    grant(&stage, to, container.instance, BENCH_PATH);
    snprintf(point, sizeof(point), "%u grants to a container", grants);
    report_question(bench, &stage, stage_enter(&stage, &container), to, point);
    stage_close(&stage);
}

static void run_grants(const struct bench *bench)
{
    for (unsigned grants = 1; grants <= (bench->quick ? 10 : 10000); grants *= 10)
        measure_grants(bench, grants);
}

/* ---- many of them ---------------------------------------------------------------------------------------------- */

static void run_memory(const struct bench *bench)
{
    const struct bench_options self = {.pids = {getpid()}, .n_pids = 1};
    unsigned instances = bench->quick ? 10 : 10000;
    struct stage_container container;
    struct postern_party *manager;
    struct stage stage;
    uint64_t before, after;

    stage_open(&stage, bench->library, "dest", 0, LIMITS, bench->variant->flags);
    manager = stage_enter(&stage, NULL);
    stage_add_container(&stage, manager, 20, false, &container);
    before = bench_memory(&self);
    for (unsigned i = 0; i < instances; i++)
        stage_add_container(&stage, manager, 20, false, &container);
    after = bench_memory(&self);
    printf("{\"point\": \"%u instances with 20 rules each\", \"variant\": \"%s\", \"mib\": %.2f}\n", instances, bench->variant->name,
           ((double)after - (double)before) / 1024);
    stage_close(&stage);
}

/* The new rules are in force when the call returns: the next question is asked as part of it. */
static double change_rules(struct stage *stage, struct postern_party *manager, const char *instance, const struct question *question, unsigned rules)
{
    struct postern_reply reply;
    struct postern_writer w;
    uint64_t begin;

    postern_writer_init(&w);
    postern_writer_path(&w, instance);
    stage_write_rules(&w, rules, true);
    begin = question_cpu_now();
    stage_call(stage, manager, "org.postern.Mediator1", "SetRules", &w, &reply);
    question_ask(stage, question);
    return (double)(question_cpu_now() - begin) / 1e3;
}

static void run_change(const struct bench *bench)
{
    unsigned parties = bench->quick ? 10 : 10000;
    struct stage_container container;
    struct postern_party *manager, *last = NULL;
    struct question question;
    struct stage stage;
    double worst = 0, first;

    stage_open(&stage, bench->library, "dest", 0, LIMITS, bench->variant->flags);
    manager = stage_enter(&stage, NULL);
    stage_own(&stage, manager, BENCH_SERVICE);
    stage_add_container(&stage, manager, 20, true, &container);
    for (unsigned i = 0; i < parties; i++)
        last = stage_enter(&stage, &container);
    question_init(&question, last, manager);
    question_ask(&stage, &question);
    first = change_rules(&stage, manager, container.instance, &question, 21);
    for (unsigned i = 0; i < 20; i++) {
        double spent = change_rules(&stage, manager, container.instance, &question, 20 + i % 2);

        worst = spent > worst ? spent : worst;
    }
    printf("{\"point\": \"20 rules of an instance with %u connections\", \"variant\": \"%s\", \"change_us\": %.1f, \"worst_us\": %.1f}\n", parties,
           bench->variant->name, first, worst);
    question_finish(&question);
    stage_close(&stage);
}

static const struct section {
    const char *name;
    void (*run)(const struct bench *bench);
} sections[] = {
    {"xml", run_xml}, {"rules", run_rules}, {"grants", run_grants}, {"memory", run_memory}, {"change", run_change},
};

int main(int argc, char **argv)
{
    struct bench bench = {.library = argc > 2 ? argv[2] : "", .seconds = argc > 3 ? strtod(argv[3], NULL) : 0, .quick = argc > 4};
    bool known = false;

    bench_allow_fds();
    for (size_t i = 0; argc > 3 && i < sizeof(sections) / sizeof(*sections); i++) {
        if (strcmp(sections[i].name, argv[1]) != 0)
            continue;
        known = true;
        for (size_t v = 0; v < sizeof(variants) / sizeof(*variants); v++) {
            bench.variant = &variants[v];
            sections[i].run(&bench);
        }
    }
    if (!known) {
        fputs("usage: bench-verdict xml|rules|grants|memory|change MODULE SECONDS [quick]\n", stderr);
        return 2;
    }
    return 0;
}
