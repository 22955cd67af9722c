/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One question to the mediator of a stage, and what it costs to have it answered. */
#ifndef POSTERN_BENCH_QUESTION_H
#define POSTERN_BENCH_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/stage.h"

struct question {
    struct postern_message message;
    struct postern_request request;
    char (*paths)[64];
    bool varied;      /* of a different path each time, as far as there are paths */
    unsigned at_once; /* so many in a row arrived together, as the host says; at least 1 */
    unsigned turn;    /* which path is the next one */
};

/* May the one call the other? From always the same path, each call alone, unless changed. */
void question_init(struct question *question, const struct postern_party *from, struct postern_party *to);
void question_finish(struct question *question);
/* The answer to that call, the other way. */
void question_turn(struct question *question);

/* Asks once, which must be allowed. */
void question_ask(struct stage *stage, const struct question *question);
/* Asks again and again for so many seconds of CPU time; the ns of it per answer. */
double question_ask_for(struct stage *stage, struct question *question, double seconds);

/* CPU time of this process in ns. */
uint64_t question_cpu_now(void);

#endif
