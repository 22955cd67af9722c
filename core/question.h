/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The question of Mediator1.Explain, read and made into a request as delivery would make it. */
#ifndef POSTERN_CORE_QUESTION_H
#define POSTERN_CORE_QUESTION_H

#include "core/ghost.h"
#include "core/mediator.h"
#include "util/error.h"
#include "wire/reader.h"

/* One end as the question speaks of it; NULL: it does not. */
struct postern_question_end {
    const char *name;
    const char *instance, *type, *container, *label;
    bool has_uid;
    uint32_t uid;
    struct postern_party *party; /* it, or a ghost; NULL: the bus, or nobody */
    bool is_driver;
    bool is_there; /* somebody has the name, and nothing is supposed */
    struct postern_ghost ghost;
};

enum postern_question_kind {
    POSTERN_QUESTION_METHOD_CALL,
    POSTERN_QUESTION_SIGNAL,
    POSTERN_QUESTION_BROADCAST,
    POSTERN_QUESTION_REPLY,
    POSTERN_QUESTION_OWN,
    POSTERN_QUESTION_SEE,
    POSTERN_QUESTION_ACTIVATE,
    POSTERN_QUESTION_KINDS,
};

struct postern_asking {
    enum postern_question_kind kind;
    struct postern_question_end sender, destination;
    const char *path, *interface, *member;
    bool has_fds;
    uint32_t fds;
    struct postern_message message;
    struct postern_request request; /* points into this struct */
};

/* Reads the a{sv} that comes next and makes the request of it, as seen by the caller. The strings are those of the reader's data. 0, or -EINVAL with
 * what is missing or contradicts itself in *error; -ENXIO: there is no such instance. */
int postern_question_read(struct postern_mediator *mediator, const struct postern_party *caller, struct postern_reader *r,
                          struct postern_asking *asking, struct postern_error *error);

#endif
