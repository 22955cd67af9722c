/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench/question.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/message.h"
#include "bench/options.h"

#define PATHS 4096u /* a power of two */

/* What the bus remembers of headers is less than all those paths: what it has not seen lately is of a new kind. */
static uint64_t new_kind(void)
{
    static uint64_t last;

    return ++last;
}

static struct postern_view view(const char *text)
{
    return (struct postern_view){.data = text, .len = (uint32_t)strlen(text)};
}

void question_init(struct question *question, const struct postern_party *from, struct postern_party *to)
{
    question->varied = false;
    question->at_once = 1;
    question->turn = 0;
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
    question->request.kind = new_kind();
    question->paths = calloc(PATHS, sizeof(*question->paths));
    if (question->paths == NULL)
        bench_fail("memory");
    for (unsigned i = 0; i < PATHS; i++)
        snprintf(question->paths[i], sizeof(*question->paths), BENCH_PATH "/number%u", i);
}

void question_finish(struct question *question)
{
    free(question->paths);
    question->paths = NULL;
}

/* It has neither path nor interface: what sorts rules by these has nothing to go by. */
void question_turn(struct question *question)
{
    const struct postern_party *from = question->request.from;

    question->message.type = POSTERN_MESSAGE_METHOD_RETURN;
    question->message.reply_serial = 7;
    question->message.path = question->message.interface = question->message.member = (struct postern_view){.data = NULL};
    question->message.destination = view(":1.1");
    question->request.flags = POSTERN_REQUEST_REPLY;
    question->request.kind = new_kind();
    question->request.from = question->request.to;
    question->request.to = question->request.addressed = from;
}

uint64_t question_cpu_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void question_ask(struct stage *stage, const struct question *question)
{
    struct postern_verdict verdict = {.size = sizeof(verdict)};

    errno = 0;
    if (stage->module->mediate(stage->mediator, &question->request, &verdict) < 0 || verdict.allowed != 1)
        bench_fail("denied: %s", verdict.error_text);
}

static void ask_often(struct stage *stage, struct question *question, unsigned times)
{
    const uint32_t flags = question->request.flags;

    for (unsigned i = 0; i < times; i++) {
        if (question->varied) {
            question->message.path = view(question->paths[question->turn++ & (PATHS - 1)]);
            question->request.kind = new_kind();
        }
        question->request.flags = flags | (i % question->at_once != 0 ? POSTERN_REQUEST_SAME_INPUT : 0);
        question_ask(stage, question);
    }
    question->request.flags = flags;
}

double question_ask_for(struct stage *stage, struct question *question, double seconds)
{
    uint64_t begin, spent, n = 0;

    question_ask(stage, question);
    begin = question_cpu_now();
    do {
        ask_often(stage, question, 256);
        n += 256;
        spent = question_cpu_now() - begin;
    } while (spent < (uint64_t)(seconds * 1e9));
    return (double)spent / (double)n;
}
