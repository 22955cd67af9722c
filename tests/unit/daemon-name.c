/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/name.h"
#include "tests/unit/daemon.h"

#define NAME "com.example.A"
#define N_OWNERS 5

/*
 * One row is a play: steps by a, b, c, d, each with what it answers and who then stands in the queue, first the primary owner.
 * "a+AR" is a's RequestName with flags (A allow replacement, R replace existing, Q do not queue), "a-" its ReleaseName.
 */
static const struct play {
    const char *what;
    struct {
        const char *step;
        uint32_t result;
        const char *queue;
        const char *change; /* previous and next primary owner, '.' for nobody, '*' when the previous one still waits */
    } steps[6];
} plays[] = {
    {"first come", {{"a+", 1, "a", ".a"}, {"b+", 2, "ab", "aa"}, {"c+Q", 3, "ab", "aa"}, {"a+", 4, "ab", "aa"}}},
    {"release hands over",
     {{"a+", 1, "a", ".a"},
      {"b+", 2, "ab", "aa"},
      {"c+", 2, "abc", "aa"},
      {"a-", 1, "bc", "ab"},
      {"b-", 1, "c", "bc"},
      {"c-", 1, "", "c."}}},
    {"release from the queue",
     {{"a+", 1, "a", ".a"}, {"b+", 2, "ab", "aa"}, {"c+", 2, "abc", "aa"}, {"b-", 1, "ac", "aa"}, {"b-", 3, "ac", "aa"}}},
    {"release of what is not there",
     {{"a-", 2, "", ".."}, {"a+", 1, "a", ".a"}, {"b-", 3, "a", "aa"}, {"a-", 1, "", "a."}, {"a-", 2, "", ".."}}},
    {"replacement needs both flags", {{"a+", 1, "a", ".a"}, {"b+R", 2, "ab", "aa"}, {"c+RQ", 3, "ab", "aa"}}},
    {"allowed, not asked for", {{"a+A", 1, "a", ".a"}, {"b+", 2, "ab", "aa"}, {"c+Q", 3, "ab", "aa"}}},
    {"replaced owner is second", {{"a+A", 1, "a", ".a"}, {"b+", 2, "ab", "aa"}, {"c+R", 1, "cab", "ac*"}, {"c-", 1, "ab", "ca"}}},
    {"replaced owner does not wait", {{"a+AQ", 1, "a", ".a"}, {"b+", 2, "ab", "aa"}, {"c+R", 1, "cb", "ac"}}},
    {"who replaces may refuse to wait", {{"a+A", 1, "a", ".a"}, {"b+RQ", 1, "ba", "ab*"}, {"c+R", 2, "bca", "bb"}}},
    {"replacement from the queue",
     {{"a+A", 1, "a", ".a"}, {"b+", 2, "ab", "aa"}, {"c+", 2, "abc", "aa"}, {"c+R", 1, "cab", "ac*"}}},
    {"a waiting one keeps its place",
     {{"a+", 1, "a", ".a"},
      {"b+", 2, "ab", "aa"},
      {"c+", 2, "abc", "aa"},
      {"b+A", 2, "abc", "aa"},
      {"a-", 1, "bc", "ab"},
      {"c+R", 1, "cb", "bc*"}}},
    {"a waiting one gives up",
     {{"a+", 1, "a", ".a"}, {"b+", 2, "ab", "aa"}, {"c+", 2, "abc", "aa"}, {"b+Q", 3, "ac", "aa"}, {"b+RQ", 3, "ac", "aa"}}},
    {"flags of the last request count",
     {{"a+", 1, "a", ".a"}, {"a+A", 4, "a", "aa"}, {"b+R", 1, "ba", "ab*"}, {"b+A", 4, "ba", "bb"}, {"a+R", 1, "ab", "ba*"}}},
    {"flags can be taken back",
     {{"a+A", 1, "a", ".a"}, {"a+", 4, "a", "aa"}, {"b+R", 2, "ab", "aa"}, {"a+AQ", 4, "ab", "aa"}, {"b+R", 1, "b", "ab"}}},
    {"a primary owner may refuse to wait",
     {{"a+Q", 1, "a", ".a"}, {"a+Q", 4, "a", "aa"}, {"b+", 2, "ab", "aa"}, {"a+Q", 4, "ab", "aa"}}},
    {"who may not replace waits second",
     {{"a+", 1, "a", ".a"}, {"b+", 2, "ab", "aa"}, {"c+R", 2, "acb", "aa"}, {"c+R", 2, "acb", "aa"}}},
    {"unknown flags are nothing", {{"a+X", 1, "a", ".a"}, {"b+X", 2, "ab", "aa"}}},
};

struct stage {
    struct postern_names names;
    struct postern_name_owner owners[N_OWNERS];
};

static char letter(const struct stage *stage, const struct postern_name_owner *owner)
{
    return owner == NULL ? '.' : (char)('a' + (owner - stage->owners));
}

static uint32_t parse_flags(const char *text)
{
    uint32_t flags = 0;

    for (; *text != '\0'; text++)
        flags |= *text == 'A'   ? POSTERN_NAME_ALLOW_REPLACEMENT
                 : *text == 'R' ? POSTERN_NAME_REPLACE_EXISTING
                 : *text == 'Q' ? POSTERN_NAME_DO_NOT_QUEUE
                                : 0x40;
    return flags;
}

static uint32_t act(struct stage *stage, const char *step, const char *name, struct postern_name_change *change)
{
    struct postern_name_owner *owner = &stage->owners[step[0] - 'a'];
    uint32_t result, expected;

    if (step[1] == '-')
        return postern_names_release(&stage->names, owner, name, strlen(name), change);
    expected = postern_names_would_request(&stage->names, owner, name, strlen(name), parse_flags(step + 2));
    ck_assert_int_eq(postern_names_request(&stage->names, owner, name, strlen(name), parse_flags(step + 2), &result, change), 0);
    ck_assert_uint_eq(result, expected);
    return result;
}

static void queue_text(const struct stage *stage, const char *name, char *text)
{
    const struct postern_name *entry = postern_names_find(&stage->names, name, strlen(name));

    for (const struct postern_ownership *o = entry != NULL ? entry->queue : NULL; o != NULL; o = o->queue_next)
        *text++ = letter(stage, o->owner);
    *text = '\0';
}

/* Each owner's list and count agree with the queues. */
static void check_lists(const struct stage *stage)
{
    uint32_t queued = 0, owned = 0, counted = 0;

    for (const struct postern_name *name = stage->names.table; name != NULL; name = name->hh.next) {
        ck_assert_ptr_nonnull(name->queue);
        for (const struct postern_ownership *o = name->queue; o != NULL; o = o->queue_next) {
            ck_assert_ptr_eq(o->name, name);
            ck_assert_ptr_eq(postern_name_place(name, o->owner), o);
            queued++;
        }
    }
    for (size_t i = 0; i < N_OWNERS; i++) {
        counted += stage->owners[i].n_names;
        for (const struct postern_ownership *o = stage->owners[i].names; o != NULL; o = o->owner_next) {
            ck_assert_ptr_eq(o->owner, &stage->owners[i]);
            owned++;
        }
    }
    ck_assert_uint_eq(queued, owned);
    ck_assert_uint_eq(counted, owned);
}

START_TEST(queue)
{
    const struct play *play = &plays[_i];
    struct stage stage = {0};

    for (size_t i = 0; i < 6 && play->steps[i].step != NULL; i++) {
        struct postern_name_change change;
        uint32_t result = act(&stage, play->steps[i].step, NAME, &change);
        char text[N_OWNERS + 1], changed[4];

        queue_text(&stage, NAME, text);
        snprintf(changed, sizeof(changed), "%c%c%s", letter(&stage, change.previous), letter(&stage, change.next),
                 change.previous_still_queued ? "*" : "");
        ck_assert_msg(result == play->steps[i].result && strcmp(text, play->steps[i].queue) == 0 &&
                          strcmp(changed, play->steps[i].change) == 0,
                      "%s, %s: result %u, queue %s, change %s", play->what, play->steps[i].step, result, text, changed);
        check_lists(&stage);
    }
    postern_names_finish(&stage.names);
    check_lists(&stage);
}
END_TEST

/* The last acquired goes first, and the name may be the entry's own text. */
START_TEST(leaving)
{
    static const char *const names[] = {"com.example.A", "com.example.B", "com.example.C"};
    struct stage stage = {0};
    struct postern_name_change change;

    for (size_t i = 0; i < 3; i++)
        act(&stage, "a+", names[i], &change);
    act(&stage, "b+", names[1], &change);
    for (size_t i = 3; i-- > 0;) {
        const struct postern_name *last = stage.owners[0].names->name;

        ck_assert_str_eq(last->name, names[i]);
        ck_assert_uint_eq(postern_names_release(&stage.names, &stage.owners[0], last->name, last->len, &change),
                          POSTERN_RELEASE_NAME_RELEASED);
        ck_assert_int_eq(letter(&stage, change.next), i == 1 ? 'b' : '.');
    }
    ck_assert_ptr_null(stage.owners[0].names);
    ck_assert_ptr_null(postern_names_find(&stage.names, names[0], strlen(names[0])));
    ck_assert_ptr_eq(postern_name_primary(postern_names_find(&stage.names, names[1], strlen(names[1]))), &stage.owners[1]);
    postern_names_finish(&stage.names);
}
END_TEST

/* What the specification says of a request, on plain arrays: the slow way. */
struct reference {
    size_t n;
    struct {
        char who;
        uint32_t flags;
    } queue[N_OWNERS];
};

static void reference_remove(struct reference *ref, char who)
{
    size_t out = 0;

    for (size_t i = 0; i < ref->n; i++)
        if (ref->queue[i].who != who)
            ref->queue[out++] = ref->queue[i];
    ref->n = out;
}

static void reference_request(struct reference *ref, char who, uint32_t flags)
{
    bool replace =
        ref->n > 0 && (flags & POSTERN_NAME_REPLACE_EXISTING) && (ref->queue[0].flags & POSTERN_NAME_ALLOW_REPLACEMENT);
    size_t at = ref->n, kept = 1;

    for (size_t i = 0; i < ref->n; i++)
        if (ref->queue[i].who == who)
            at = i;
    if (at > 0 && replace) {
        reference_remove(ref, who);
        memmove(&ref->queue[1], &ref->queue[0], ref->n * sizeof(ref->queue[0]));
        ref->n++;
        at = 0;
    } else if (at > 0 && ref->n > 0 && (flags & POSTERN_NAME_REPLACE_EXISTING) && !(flags & POSTERN_NAME_DO_NOT_QUEUE)) {
        reference_remove(ref, who);
        memmove(&ref->queue[2], &ref->queue[1], (ref->n - 1) * sizeof(ref->queue[0]));
        ref->n++;
        at = 1;
    } else if (at == ref->n) {
        ref->n++;
    }
    ref->queue[at].who = who;
    ref->queue[at].flags = flags;
    for (size_t i = 1; i < ref->n; i++)
        if (!(ref->queue[i].flags & POSTERN_NAME_DO_NOT_QUEUE))
            ref->queue[kept++] = ref->queue[i];
    ref->n = kept;
}

START_TEST(random_plays)
{
    struct stage stage = {0};
    struct reference ref = {0};

    srandom(7);
    for (int i = 0; i < 50000; i++) {
        char who = (char)('a' + random() % N_OWNERS), text[N_OWNERS + 1], expected[N_OWNERS + 1] = "";
        const char step[] = {
            who, random() % 4 ? '+' : '-', random() & 1 ? 'A' : 'X', random() & 1 ? 'R' : 'X', random() % 4 ? 'X' : 'Q', '\0'};
        struct postern_name_change change;

        act(&stage, step, NAME, &change);
        if (step[1] == '+')
            reference_request(&ref, who, parse_flags(step + 2));
        else
            reference_remove(&ref, who);
        for (size_t j = 0; j < ref.n; j++)
            expected[j] = ref.queue[j].who;
        queue_text(&stage, NAME, text);
        ck_assert_str_eq(text, expected);
        ck_assert_int_eq(letter(&stage, change.next), ref.n > 0 ? expected[0] : '.');
    }
    check_lists(&stage);
    postern_names_finish(&stage.names);
}
END_TEST

Suite *name_suite(void)
{
    Suite *suite = suite_create("daemon/name");
    TCase *tcase = tcase_create("name");

    tcase_add_loop_test(tcase, queue, 0, sizeof(plays) / sizeof(plays[0]));
    tcase_add_test(tcase, leaving);
    tcase_add_test(tcase, random_plays);
    suite_add_tcase(suite, tcase);
    return suite;
}
