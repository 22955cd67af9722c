/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text form of a rule: what is read and can be written means the same when it is read again. The same text as Allow= of a service file is about
 * that service and nobody else. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/mediator.h"
#include "core/ruletext.h"
#include "core/services.h"

/* Cuts at the first "=": word and text. */
static int parse(char *line, struct postern_rule *rule)
{
    char *text = strchr(line, '=');
    struct postern_error error;

    if (text == NULL)
        return -1;
    *text = '\0';
    return postern_ruletext_parse(line, text + 1, rule, &error);
}

static void no_log(void *data, int32_t priority, const char *text)
{
    FUZZ_REQUIRE(data == NULL && priority >= 0 && text != NULL);
}

static int no_user(void *data, const char *name, uint32_t *uid)
{
    (void)data;
    (void)name;
    (void)uid;
    return 0;
}

static bool covers(const struct postern_service_table *table, const char *name, uint32_t need)
{
    return postern_ruleset_find_name(table->rules, name, strlen(name), &(struct postern_rule_query){.need = need}) != NULL;
}

static void as_allow(const char *text, size_t size)
{
    static const struct postern_host host = {.log = no_log};
    static const struct postern_mediator mediator = {.host = &host};
    const struct postern_activatable file = {.size = sizeof(file),
                                             .name = {.data = "com.example.A", .len = 13},
                                             .file = {.data = "/a", .len = 2},
                                             .allow = {.data = text, .len = (uint32_t)size}};
    const struct postern_activatable *list = &file;
    struct postern_service_table *table;

    FUZZ_REQUIRE(postern_services_read(&mediator, &list, 1, no_user, NULL, &table) == 0 && !table->missed);
    FUZZ_REQUIRE(HASH_COUNT(table->entries) == 1 && !covers(table, "com.example.A", POSTERN_ALLOW_OWN));
    FUZZ_REQUIRE(!covers(table, "com.example.A.B", 0) && !covers(table, "com.example", 0) && !covers(table, "com.example.B", 0));
    FUZZ_REQUIRE(postern_ruleset_find_any(table->rules, &(struct postern_rule_query){.need = 0}) == NULL);
    postern_services_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_rule rule, again;
    struct postern_buf text = {0};
    char *line = malloc(size + 1);

    FUZZ_REQUIRE(line != NULL);
    memcpy(line, data, size);
    line[size] = '\0';
    as_allow(line, size);
    if (parse(line, &rule) == 0) {
        FUZZ_REQUIRE((rule.flags & POSTERN_ALLOW_ACTIONS) != 0 && *rule.name != '\0');
        FUZZ_REQUIRE(postern_ruletext_print(&rule, &text) == 0 && postern_buf_append(&text, "", 1) == 0);
        FUZZ_REQUIRE(parse((char *)text.data, &again) == 0);
        FUZZ_REQUIRE(rule.flags == again.flags && strcmp(rule.name, again.name) == 0 && strcmp(rule.path, again.path) == 0);
        FUZZ_REQUIRE(strcmp(rule.interface, again.interface) == 0 && strcmp(rule.member, again.member) == 0);
        postern_rule_finish(&again);
        postern_rule_finish(&rule);
    }
    postern_buf_finish(&text);
    free(line);
    return 0;
}
