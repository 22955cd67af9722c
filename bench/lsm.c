/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-lsm: what a security module costs the mediator: questions to the kernel that nobody has asked before, beside verdicts that rest on
 * answers to such questions.
 *
 *     bench-lsm selinux|apparmor MODULE SECONDS ROUNDS FROM TO
 *
 * FROM and TO are the labels of who calls and who is called; the policy must let them. Runs as root, outside of both. Prints one JSON object
 * per measurement: ns of CPU time. bench/vm.py runs it in guests that have such modules.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/apparmor.h>
#include <unistd.h>

#include "bench/message.h"
#include "bench/options.h"
#include "bench/question.h"
#include "bench/stage.h"

#define AT_ONCE 64u /* how many messages the host receives in one go, when it does not receive each alone */

struct bench {
    const char *library, *from, *to;
    bool selinux;
    double seconds;
    int round;
    char class_number[16]; /* SELinux: of dbus */
    unsigned asked;        /* AppArmor: questions so far */
};

static void report(const struct bench *bench, const char *key, double ns)
{
    printf("{\"round\": %d, \"key\": \"%s\", \"value\": %.1f}\n", bench->round, key, ns);
    fflush(stdout);
}

/* ---- questions to the kernel ------------------------------------------------------------------------------------ */

static void read_class(struct bench *bench)
{
    FILE *file = fopen("/sys/fs/selinux/class/dbus/index", "re");

    if (file == NULL || fgets(bench->class_number, sizeof(bench->class_number), file) == NULL)
        bench_fail("the policy has no class dbus");
    fclose(file);
}

/* Of this the kernel keeps nothing: each time it computes the answer, so that the same question is a new one. */
static void ask_selinux(struct bench *bench)
{
    char question[512], answer[256];
    int len = snprintf(question, sizeof(question), "%s %s %s", bench->from, bench->to, bench->class_number);
    int fd = open("/sys/fs/selinux/access", O_RDWR | O_CLOEXEC);

    if (fd < 0 || write(fd, question, (size_t)len) != len || read(fd, answer, sizeof(answer)) <= 0)
        bench_fail("the kernel says nothing about %s", question);
    close(fd);
}

static void ask_apparmor(struct bench *bench)
{
    char question[512];
    int allowed, audited;
    size_t at = AA_QUERY_CMD_LABEL_SIZE;

    at += (size_t)snprintf(question + at, sizeof(question) - at, "%s%c%csession%c%s%c%s%c" BENCH_PATH "/number%u%c%s%c%s", bench->from, 0,
                           AA_CLASS_DBUS, 0, BENCH_SERVICE, 0, bench->to, 0, bench->asked++, 0, BENCH_INTERFACE, 0, "Method");
    if (aa_query_label(AA_DBUS_SEND, question, at, &allowed, &audited) < 0 || !allowed)
        bench_fail("the kernel does not allow what was to be measured");
}

static void ask(struct bench *bench)
{
    if (bench->selinux)
        ask_selinux(bench);
    else
        ask_apparmor(bench);
}

static double ask_kernel_for(struct bench *bench)
{
    uint64_t begin, spent, n = 0;

    ask(bench); /* the library looks once where the kernel is to be asked */
    begin = question_cpu_now();
    do {
        for (unsigned i = 0; i < 64; i++, n++)
            ask(bench);
        spent = question_cpu_now() - begin;
    } while (spent < (uint64_t)(bench->seconds * 1e9));
    return (double)spent / (double)n;
}

/* ---- verdicts ---------------------------------------------------------------------------------------------------- */

/* Two on a stage of their own. */
struct scene {
    const char *name;
    bool confined, contained; /* contained: who calls */
    uint32_t flags;           /* POSTERN_OPTION_... */
    struct stage stage;
    struct question question;
};

static struct postern_party *enter(const struct bench *bench, struct stage *stage, const struct stage_container *container, const char *label)
{
    char text[300];

    if (label == NULL)
        return stage_enter(stage, container);
    snprintf(text, sizeof(text), "%s%s", bench->selinux ? "" : "changeprofile ", label);
    return stage_enter_as(stage, container, bench->selinux ? "/proc/self/attr/current" : "/proc/self/attr/apparmor/current", text);
}

static void scene_open(const struct bench *bench, struct scene *scene)
{
    struct stage *stage = &scene->stage;
    struct stage_container container;
    struct postern_party *to;

    stage_open(stage, bench->library, "dest", 0, "", scene->flags);
    to = enter(bench, stage, NULL, scene->confined ? bench->to : NULL);
    stage_own(stage, to, BENCH_SERVICE);
    if (scene->contained)
        stage_add_container(stage, stage_enter(stage, NULL), 20, true, &container);
    question_init(&scene->question, enter(bench, stage, scene->contained ? &container : NULL, scene->confined ? bench->from : NULL), to);
}

static void measure(const struct bench *bench, struct scene *scene, const char *how, unsigned at_once, bool varied)
{
    char key[64];

    scene->question.at_once = at_once;
    scene->question.varied = varied;
    snprintf(key, sizeof(key), "%s, %s", scene->name, how);
    report(bench, key, question_ask_for(&scene->stage, &scene->question, bench->seconds));
}

static void run(struct bench *bench, int rounds)
{
    static struct scene scenes[] = {
        {.name = "confined", .confined = true},
        {.name = "contained", .confined = true, .contained = true},
        {.name = "no cache", .confined = true, .flags = POSTERN_OPTION_NO_CACHE},
        {.name = "free"},
    };
    const size_t n = sizeof(scenes) / sizeof(*scenes);

    for (size_t i = 0; i < n; i++)
        scene_open(bench, &scenes[i]);
    for (bench->round = 0; bench->round < rounds; bench->round++) {
        report(bench, "kernel", ask_kernel_for(bench));
        for (size_t i = 0; i < n; i++) {
            measure(bench, &scenes[i], "alone", 1, false);
            measure(bench, &scenes[i], "together", AT_ONCE, false);
            measure(bench, &scenes[i], "new", AT_ONCE, true);
        }
    }
    for (size_t i = 0; i < n; i++) {
        question_finish(&scenes[i].question);
        stage_close(&scenes[i].stage);
    }
}

int main(int argc, char **argv)
{
    struct bench bench = {.selinux = argc == 7 && strcmp(argv[1], "selinux") == 0};

    if (argc != 7 || (!bench.selinux && strcmp(argv[1], "apparmor") != 0)) {
        fputs("usage: bench-lsm selinux|apparmor MODULE SECONDS ROUNDS FROM TO\n", stderr);
        return 2;
    }
    bench.library = argv[2];
    bench.seconds = strtod(argv[3], NULL);
    bench.from = argv[5];
    bench.to = argv[6];
    if (bench.selinux)
        read_class(&bench);
    run(&bench, atoi(argv[4]));
    return 0;
}
