/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory that runs out, at each allocation in turn: the answer is -ENOMEM, and all is as it was. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/listen.h"
#include "daemon/matchset.h"
#include "daemon/name.h"
#include "daemon/sasl.h"
#include "daemon/service.h"
#include "tests/unit/daemon.h"

/* The linker puts these in the places of the C library's. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static int left = -1; /* allocations that still succeed; -1: all */

static int fails(void)
{
    return left == 0 || (left > 0 && left-- == 0);
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
    return fails() ? NULL : __real_strndup(s, n);
}

#define MANY 400 /* enough for tables to grow */

/* Runs the expression with 0, 1, 2... allocations until it succeeds, `check` after each failure; it must fail at least once. */
#define EXHAUST(expression, check)                                                                                               \
    do {                                                                                                                         \
        int allowed_ = 0, r_;                                                                                                    \
                                                                                                                                 \
        for (;; allowed_++) {                                                                                                    \
            left = allowed_;                                                                                                     \
            r_ = (expression);                                                                                                   \
            left = -1;                                                                                                           \
            if (r_ >= 0)                                                                                                         \
                break;                                                                                                           \
            ck_assert_int_eq(r_, -ENOMEM);                                                                                       \
            check;                                                                                                               \
        }                                                                                                                        \
        ck_assert_int_gt(allowed_, 0);                                                                                           \
    } while (0)

static struct postern_match *rule(int i)
{
    static const char *const forms[] = {"member='M%d'", "sender='com.example.A',arg0='a%d'", "eavesdrop='true',path='/a%d'",
                                        "eavesdrop='true',sender=':1.%d',path='/a'"};
    const char *form = forms[i % 4], *gap = strstr(form, "%d");
    struct postern_match *match;
    char text[128];

    snprintf(text, sizeof(text), "%.*s%d%s", (int)(gap - form), form, i, gap + 2);
    ck_assert_int_eq(postern_match_parse(text, strlen(text), &match, NULL), 0);
    return match;
}

START_TEST(match_rules)
{
    struct postern_matchset *set = postern_matchset_new();
    struct postern_match_owner owner = {0};

    for (int i = 0; i < MANY; i++) {
        struct postern_match *match = rule(i);

        EXHAUST(postern_matchset_add(set, &owner, match), {
            ck_assert_uint_eq(owner.n_rules, (unsigned)i);
            ck_assert_int_eq(postern_matchset_remove(set, &owner, match), -ENOENT);
        });
    }
    for (int i = 0; i < MANY; i++) {
        struct postern_match *match = rule(i);

        ck_assert_int_eq(postern_matchset_remove(set, &owner, match), 0);
        postern_match_free(match);
    }
    ck_assert_uint_eq(owner.n_rules, 0);
    postern_matchset_free(set);
}
END_TEST

START_TEST(name_queues)
{
    struct postern_names names = {0};
    struct postern_name_owner owners[2] = {{0}, {0}};
    struct postern_name_change change = {0};
    uint32_t result = 77;
    char name[64];

    for (int i = 0; i < MANY; i++) {
        size_t len = (size_t)snprintf(name, sizeof(name), "com.example.A%d", i / 2);

        EXHAUST(postern_names_request(&names, &owners[i % 2], name, len, 0, &result, &change), {
            ck_assert_uint_eq(result, 77);
            ck_assert_ptr_null(change.next);
            ck_assert_uint_eq(owners[i % 2].n_names, (unsigned)i / 2);
            ck_assert_ptr_eq(postern_name_primary(postern_names_find(&names, name, len)), i % 2 ? &owners[0] : NULL);
        });
        ck_assert_uint_eq(result, i % 2 ? POSTERN_REQUEST_NAME_IN_QUEUE : POSTERN_REQUEST_NAME_PRIMARY_OWNER);
        result = 77;
        change.next = NULL;
    }
    postern_names_finish(&names);
}
END_TEST

START_TEST(addresses)
{
    char dir[] = "/tmp/postern-oom-XXXXXX", text[128];
    struct postern_listen listen = {0};
    struct postern_error error;
    char *all;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(text, sizeof(text), "unix:path=%s/a;unix:abstract=%s/b", dir, dir);
    EXHAUST(postern_listen_open(&listen, text, "0123456789abcdef0123456789abcdef", &error), {
        ck_assert_uint_eq(listen.n, 0);
        ck_assert_int_eq(rmdir(dir), 0); /* it is empty */
        ck_assert_int_eq(mkdir(dir, 0700), 0);
    });
    left = 0;
    all = postern_listen_addresses(&listen);
    left = -1;
    ck_assert_ptr_null(all);
    all = postern_listen_addresses(&listen);
    ck_assert_ptr_nonnull(all);
    free(all);
    postern_listen_close(&listen);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(service_files)
{
    static const char text[] = "[D-BUS Service]\nName=com.example.A\nExec=/bin/a\nUser=root\nSystemdService=a\n"
                               "[X-Postern]\nAllow=call\nOwnerUser=a\nAccessControl=self\n";
    static const char refused[] = "[D-BUS Service]\nName=com.example.A\nExec=/bin/a\n[X-Postern]\nAllow=call\nAlow=call\n";
    struct postern_service *service = NULL;
    struct postern_error error;

    EXHAUST(postern_service_parse("/a.service", text, sizeof(text) - 1, false, &service, &error), ck_assert_ptr_null(service));
    ck_assert_str_eq(service->allow.text, "call");
    postern_service_free(service);
    service = NULL;
    EXHAUST(postern_service_parse("/a.service", refused, sizeof(refused) - 1, false, &service, &error), ck_assert_ptr_null(service));
    ck_assert(service->refused != NULL && service->allow.text == NULL);
    postern_service_free(service);
}
END_TEST

START_TEST(handshake)
{
    static const char text[] = "\0AUTH EXTERNAL 30\r\nBEGIN\r\n";
    struct postern_sasl sasl;
    struct postern_buf out = {0};
    size_t used;
    int r;

    postern_sasl_init(&sasl, "0123456789abcdef0123456789abcdef", POSTERN_SASL_EXTERNAL, 0, true);
    left = 0;
    r = postern_sasl_feed(&sasl, (const uint8_t *)text, sizeof(text) - 1, &used, &out);
    left = -1;
    ck_assert_int_eq(r, -ENOMEM);
    /* Whoever could not be told that he is in is not in. */
    ck_assert_int_eq(postern_sasl_feed(&sasl, (const uint8_t *)"BEGIN\r\n", 7, &used, &out), -EPROTO);
    postern_buf_finish(&out);
}
END_TEST

Suite *oom_suite(void)
{
    Suite *suite = suite_create("daemon/oom");
    TCase *tcase = tcase_create("oom");

    tcase_add_test(tcase, match_rules);
    tcase_add_test(tcase, name_queues);
    tcase_add_test(tcase, addresses);
    tcase_add_test(tcase, service_files);
    tcase_add_test(tcase, handshake);
    suite_add_tcase(suite, tcase);
    return suite;
}
