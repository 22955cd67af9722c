/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A busconfig file: read, and when it is a good one compiled and asked, with and without the index. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy/policy.h"
#include "policy/xml.h"

static struct postern_view view(const char *s)
{
    return (struct postern_view){.data = s, .len = (uint32_t)strlen(s)};
}

static void ask_kind(struct postern_policy *policy, enum postern_access_kind kind, const struct postern_message *message, const char *name)
{
    const gid_t groups[] = {0, 20};
    struct postern_subject subject = {.has_uid = true, .groups = groups, .n_groups = 2};
    const void *snapshot = postern_policy_snapshot(policy, &subject);
    struct postern_question question;

    if (kind == POSTERN_ACCESS_OWN)
        postern_question_own(&question, subject, view(name));
    else
        postern_question_message(&question, kind, subject, message, NULL, view(name));
    FUZZ_REQUIRE(postern_policy_find(policy, snapshot, &question) == postern_policy_find_linear(policy, &question));
    postern_policy_find_connect(policy, &subject);
}

static void ask(const struct postern_busconfig *config)
{
    static const char *const names[] = {"org.freedesktop.DBus", "a.b", "a.b.c"};
    struct postern_message message = {.path = view("/p"), .interface = view("a.b.I"), .member = view("M"), .error = view("a.b.E")};
    struct postern_policy *policy;

    FUZZ_REQUIRE(postern_policy_new(config->rules, config->n_rules, &policy) == 0);
    for (message.type = 0; message.type < 6; message.type++)
        for (size_t i = 0; i < 3; i++)
            for (int kind = POSTERN_ACCESS_OWN; kind < POSTERN_ACCESS_CONNECT; kind++)
                ask_kind(policy, (enum postern_access_kind)kind, &message, names[i]);
    message = (struct postern_message){.type = POSTERN_MESSAGE_METHOD_CALL, .member = view("M")};
    ask_kind(policy, POSTERN_ACCESS_SEND, &message, names[0]);
    postern_policy_free(policy);
}

/* No look-up leaves the process; some fail. */
static int look_up(void *data, enum postern_lookup_kind kind, const char *name, uint32_t *id)
{
    if (*name == 'z')
        return -EIO;
    *id = (uint32_t)kind + (uint32_t)*name % 4;
    return *name != 'y';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_busconfig_source source = {.lookup = look_up};
    struct postern_busconfig *config;
    struct postern_error error;
    char name[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    FUZZ_REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    error.text[0] = '\0';
    if (postern_busconfig_read(name, &source, &config, &error) == 0) {
        ask(config);
        postern_busconfig_free(config);
    } else {
        FUZZ_REQUIRE(error.text[0] != '\0');
    }
    close(fd);
    return 0;
}
