/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who takes part in the tables of the container's door, and how their messages and rules are written down. */
#ifndef POSTERN_TESTS_UNIT_DOOR_SCENE_H
#define POSTERN_TESTS_UNIT_DOOR_SCENE_H

#include <check.h>

#include "core/rule.h"
#include "tests/unit/door-fixture.h"

#define CALL POSTERN_MESSAGE_METHOD_CALL
#define RETURN POSTERN_MESSAGE_METHOD_RETURN
#define ERROR POSTERN_MESSAGE_ERROR
#define SIGNAL POSTERN_MESSAGE_SIGNAL
#define REPLY POSTERN_REQUEST_REPLY
#define BROADCAST POSTERN_REQUEST_BROADCAST

#define SERVICE "com.example.Service"
#define ANY_PATH "/", ""

#define METHOD(...) {.type = CALL, .path = "/obj", .interface = "a.b", .member = "M", __VA_ARGS__}
#define NOTE(...) {.type = SIGNAL, .path = "/obj", .interface = "a.b", .member = "M", __VA_ARGS__}
#define ANSWER(...) {.type = RETURN, .reply_serial = 3, __VA_ARGS__}
#define RULE(bits, name) {(bits) | POSTERN_ALLOW_PATH_SUBTREE, name, ANY_PATH}
#define NO_RULE {0}

/* Who takes part. */
enum who {
    APP,      /* in the container under test */
    SIBLING,  /* in the same container */
    STRANGER, /* in another container; owns com.stranger.Name */
    SERVER,   /* outside; owns com.example.Service */
    OTHER,    /* outside; owns com.example.ServiceX and com.example.Other.Sub */
    NAMELESS, /* outside; owns nothing */
    WHO_MAX,
};

extern struct fixture fixture;
extern struct postern_party *party[WHO_MAX], *manager;
extern struct fixture_container container, stranger_container;
extern const char *policy; /* of the bus; NULL: everything is allowed */

/* A container with this mode and these rules, and all who take part. */
void set_up(const char *mode, const struct fixture_rule *rules, size_t n_rules, const char *mediator_conf);
void tear_down(void);

/* The test cases, by subject. */
TCase *door_alike_case(void);
TCase *door_cache_case(void);
TCase *door_messages_case(void);
TCase *door_names_case(void);
TCase *door_grants_case(void);
TCase *door_driver_case(void);

#endif
