/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text form of a rule: what is read and can be written means the same when it is read again. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/ruletext.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_rule rule, again;
    struct postern_buf text = {0};
    char *line = malloc(size + 1);

    FUZZ_REQUIRE(line != NULL);
    memcpy(line, data, size);
    line[size] = '\0';
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
