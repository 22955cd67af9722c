/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compiled AppArmor profiles, and a query about each of them. The last byte says how many bytes in front of it are the query, and
 * the byte in front of that which bits are asked for; what is left are the profiles. Where a profile says nothing, all is
 * allowed.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "backends/apparmor/compiled.h"

static void ask(const struct postern_apparmor_compiled_profile *profile, uint32_t mask, const uint8_t *query, size_t len)
{
    bool allow, audit, again;
    int r = postern_apparmor_compiled_query(profile, mask, query, len, &allow, &audit);

    FUZZ_REQUIRE(profile->name[0] != '\0' && (profile->ns == NULL || strlen(profile->ns) < SIZE_MAX));
    if (mask == 0 || len == 0 || query[0] == POSTERN_APPARMOR_COMPILED_CLASS_FILE) {
        FUZZ_REQUIRE(r == -EINVAL);
        return;
    }
    FUZZ_REQUIRE(r == 0);
    if (query[0] == POSTERN_APPARMOR_COMPILED_CLASS_DBUS && !profile->mediates_dbus)
        FUZZ_REQUIRE(allow && !audit);
    if (profile->mode == POSTERN_APPARMOR_COMPILED_UNCONFINED)
        FUZZ_REQUIRE(allow && !audit);
    /* What is allowed together is allowed one by one. */
    for (uint32_t bit = 1; allow && bit != 0; bit <<= 1)
        if ((mask & bit) != 0)
            FUZZ_REQUIRE(postern_apparmor_compiled_query(profile, bit, query, len, &again, &audit) == 0 && again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_apparmor_compiled *set = NULL;
    struct postern_error error = {""};
    size_t len;
    uint32_t mask;
    int r;

    if (size < 2)
        return 0;
    len = data[size - 1];
    mask = data[size - 2];
    size -= 2;
    if (len > size)
        len = size;
    size -= len;
    r = postern_apparmor_compiled_parse(data, size, &set, &error);
    if (r < 0) {
        FUZZ_REQUIRE(r == -EBADMSG && error.text[0] != '\0' && set == NULL);
        return 0;
    }
    FUZZ_REQUIRE(postern_apparmor_compiled_count(set) > 0);
    for (size_t i = 0; i < postern_apparmor_compiled_count(set); i++)
        ask(postern_apparmor_compiled_at(set, i), mask, data + size, len);
    postern_apparmor_compiled_free(set);
    return 0;
}
