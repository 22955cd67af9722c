/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control groups and the patterns for them. The first line is the bus's own group, empty for unknown, with "," for a newline; the second
 * a pattern; the rest what is read of the peer. What is found can be used as a name, and a pattern takes its captures out of the text.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "backends/cgroup/path.h"
#include "core/pattern.h"
#include "wire/name.h"

static void require_inside(const struct postern_pattern_capture *capture, const char *text, size_t len)
{
    if (capture->text != NULL)
        FUZZ_REQUIRE(capture->text >= text && capture->len > 0 && capture->text + capture->len <= text + len);
}

/* With every separator; what matches with one matches without. */
static void try_pattern(const char *pattern, const char *text, size_t len)
{
    struct postern_pattern_captures with, without;
    struct postern_error error;

    if (postern_pattern_match(pattern, text, len, '/', &with) == 1) {
        FUZZ_REQUIRE(postern_pattern_match(pattern, text, len, '\0', &without) == 1);
        FUZZ_REQUIRE(with.name.text == without.name.text && with.instance.len == without.instance.len);
        require_inside(&with.name, text, len);
        require_inside(&with.instance, text, len);
    }
    if (postern_pattern_match(pattern, text, len, ':', &with) == 1 && postern_pattern_check(pattern, &error) == 0)
        FUZZ_REQUIRE((strstr(pattern, "{name}") != NULL) == (with.name.text != NULL));
}

static void try_find(const char *own, size_t own_len, const char *pattern, const char *text, size_t len)
{
    const struct postern_cgroup_pattern patterns[] = {
        {pattern, "a.b"},           {"no-{*}", POSTERN_SETTINGS_NO_CONTAINER}, {"{name}-{instance}.scope", "a.c"},
        {"freezer:/{name}", "a.d"}, {"/x/{name}", "a.e"},
    };
    struct postern_cgroup_container found = {.type = NULL};
    struct postern_error error = {""};
    int r = postern_cgroup_find(text, len, own, own_len, patterns, sizeof(patterns) / sizeof(patterns[0]), &found, &error);

    FUZZ_REQUIRE(r == 1 || r == 0 || (r == -EPERM && error.text[0] != '\0'));
    FUZZ_REQUIRE((found.type != NULL) == (r == 1));
    if (r >= 0)
        FUZZ_REQUIRE(postern_cgroup_check(text, len, &error) == 0);
    if (r == 1) {
        FUZZ_REQUIRE(postern_utf8_is_valid(found.name, strlen(found.name)));
        FUZZ_REQUIRE(postern_utf8_is_valid(found.instance, strlen(found.instance)));
        /* Nobody is in a container that the bus is in, too. */
        FUZZ_REQUIRE(postern_cgroup_find(text, len, text, len, patterns, sizeof(patterns) / sizeof(patterns[0]), &found, &error) == 0 ||
                     memchr(text, '\n', len) != text + len - 1); /* two lines of one hierarchy */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1), *pattern, *text;

    FUZZ_REQUIRE(copy != NULL);
    memcpy(copy, data, size);
    copy[size] = '\0';
    pattern = memchr(copy, '\n', size);
    text = pattern != NULL ? memchr(pattern + 1, '\n', size - (size_t)(pattern + 1 - copy)) : NULL;
    if (text != NULL) {
        size_t own_len = (size_t)(pattern - copy), len;
        char *exact;

        *pattern++ = '\0';
        *text++ = '\0';
        len = size - (size_t)(text - copy);
        for (size_t i = 0; i < own_len; i++)
            if (copy[i] == ',')
                copy[i] = '\n';
        exact = malloc(len > 0 ? len : 1); /* so that one byte too many is seen */
        FUZZ_REQUIRE(exact != NULL);
        memcpy(exact, text, len);
        try_pattern(pattern, exact, len);
        if (strlen(pattern) > 0)
            try_find(own_len > 0 ? copy : NULL, own_len, pattern, exact, len);
        free(exact);
    }
    free(copy);
    return 0;
}
