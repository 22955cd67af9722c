/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mediator.conf file; the rules of a good one must have a text form that says the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/ruletext.h"
#include "policy/mediatorconf.h"

static void check_rule(const struct postern_rule *rule)
{
    struct postern_buf buf = {0};
    struct postern_rule again;
    char *text;

    FUZZ_REQUIRE(rule->ref.kind == POSTERN_RULE_FILE && rule->ref.line > 0);
    FUZZ_REQUIRE(postern_ruletext_print(rule, &buf) == 0 && postern_buf_append(&buf, "", 1) == 0);
    text = strchr((char *)buf.data, '=');
    *text = '\0';
    FUZZ_REQUIRE(postern_ruletext_parse((char *)buf.data, text + 1, &again, NULL) == 0);
    FUZZ_REQUIRE(again.flags == rule->flags && strcmp(again.name, rule->name) == 0 && strcmp(again.path, rule->path) == 0);
    FUZZ_REQUIRE(strcmp(again.interface, rule->interface) == 0 && strcmp(again.member, rule->member) == 0);
    postern_rule_finish(&again);
    postern_buf_finish(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_mediatorconf *conf;
    struct postern_error error;
    char name[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    FUZZ_REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    error.text[0] = '\0';
    if (postern_mediatorconf_read(name, false, &conf, &error) == 0) {
        for (size_t i = 0; i < conf->n_containers; i++)
            for (size_t k = 0; k < conf->containers[i].n_rules; k++)
                check_rule(&conf->containers[i].rules[k]);
        postern_mediatorconf_free(conf);
    } else {
        FUZZ_REQUIRE(error.text[0] != '\0');
    }
    close(fd);
    return 0;
}
