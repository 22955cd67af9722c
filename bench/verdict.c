/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-verdict: the mediator alone, without sockets in between: what one question costs, and what many containers do.
 *
 *     bench-verdict SECTION MODULE SECONDS [quick]
 *
 * Prints one JSON object per measurement. bench/mediator.py runs it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/message.h"
#include "bench/options.h"
#include "bench/stage.h"
#include "bench/usage.h"
#include "core/rule.h"

#define PATHS 4096u /* a power of two */
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

struct question {
    struct postern_message message;
    struct postern_request request;
    char (*paths)[64];
};

static struct postern_view view(const char *text)
{
    return (struct postern_view){.data = text, .len = (uint32_t)strlen(text)};
}

static void question_init(struct question *question, const struct postern_party *from, struct postern_party *to)
{
    question->message = (struct postern_message){
        .size = sizeof(question->message),
        .type = POSTERN_MESSAGE_METHOD_CALL,
        .order = 'l',
        .serial = 7,
        .path = view(BENCH_PATH),
        .interface = view(BENCH_INTERFACE),
        .member = view("Method"),
        .destination = view(BENCH_SERVICE),
    };
    question->request = (struct postern_request){
        .size = sizeof(question->request), .action = POSTERN_ACTION_SEND, .from = from, .to = to, .addressed = to, .message = &question->message};
    question->paths = calloc(PATHS, sizeof(*question->paths));
    if (question->paths == NULL)
        bench_fail("memory");
    for (unsigned i = 0; i < PATHS; i++)
        snprintf(question->paths[i], sizeof(*question->paths), BENCH_PATH "/number%u", i);
}

/* The answer to that call, the other way. It has neither path nor interface: what sorts rules by these has nothing to go by. */
static void question_turn(struct question *question)
{
    const struct postern_party *from = question->request.from;

    question->message.type = POSTERN_MESSAGE_METHOD_RETURN;
    question->message.reply_serial = 7;
    question->message.path = question->message.interface = question->message.member = (struct postern_view){.data = NULL};
    question->message.destination = view(":1.1");
    question->request.flags = POSTERN_REQUEST_REPLY;
    question->request.from = question->request.to;
    question->request.to = question->request.addressed = from;
}

static uint64_t cpu_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void ask(struct stage *stage, const struct question *question)
{
    struct postern_verdict verdict = {.size = sizeof(verdict)};

    errno = 0;
    if (stage->module->mediate(stage->mediator, &question->request, &verdict) < 0 || verdict.allowed != 1)
        bench_fail("denied: %s", verdict.error_text);
}

/* ns of CPU time per answer. varied: of a different path each time, as far as there are paths. */
static double ask_for(const struct bench *bench, struct stage *stage, struct question *question, bool varied)
{
    uint64_t begin, spent, n = 0;

    ask(stage, question);
    begin = cpu_now();
    do {
        for (unsigned i = 0; i < 256; i++, n++) {
            if (varied)
                question->message.path = view(question->paths[n & (PATHS - 1)]);
            ask(stage, question);
        }
        spent = cpu_now() - begin;
    } while (spent < (uint64_t)(bench->seconds * 1e9));
    return (double)spent / (double)n;
}

static void report_question(const struct bench *bench, struct stage *stage, const struct postern_party *from, struct postern_party *to,
                            const char *point)
{
    struct question question;

    question_init(&question, from, to);
    printf("{\"point\": \"%s\", \"variant\": \"%s\", \"same_ns\": %.1f", point, bench->variant->name, ask_for(bench, stage, &question, false));
    printf(", \"varied_ns\": %.1f", ask_for(bench, stage, &question, true));
    question_turn(&question);
    printf(", \"reply_ns\": %.1f}\n", ask_for(bench, stage, &question, false));
    free(question.paths);
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
    begin = cpu_now();
    stage_call(stage, manager, "org.postern.Mediator1", "SetRules", &w, &reply);
    ask(stage, question);
    return (double)(cpu_now() - begin) / 1e3;
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
    ask(&stage, &question);
    first = change_rules(&stage, manager, container.instance, &question, 21);
    for (unsigned i = 0; i < 20; i++) {
        double spent = change_rules(&stage, manager, container.instance, &question, 20 + i % 2);

        worst = spent > worst ? spent : worst;
    }
    printf("{\"point\": \"20 rules of an instance with %u connections\", \"variant\": \"%s\", \"change_us\": %.1f, \"worst_us\": %.1f}\n", parties,
           bench->variant->name, first, worst);
    free(question.paths);
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
