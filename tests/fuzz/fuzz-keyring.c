/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file of cookies: what is kept of it is what would be kept of what is then written, and stays within its bounds. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "daemon/keyring.h"

#define NOW 1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct postern_cookies first, second;
    struct postern_buf text = {0}, again = {0};
    const struct postern_cookie *best;

    postern_cookies_parse((const char *)data, size, NOW, &first);
    FUZZ_REQUIRE(first.n <= POSTERN_COOKIES_MAX && postern_cookies_format(&first, &text) == 0);
    FUZZ_REQUIRE(text.len <= POSTERN_KEYRING_FILE_MAX);
    postern_cookies_parse((const char *)text.data, text.len, NOW, &second);
    FUZZ_REQUIRE(postern_cookies_format(&second, &again) == 0 && text.len == again.len && first.n == second.n);
    FUZZ_REQUIRE(text.len == 0 || memcmp(text.data, again.data, text.len) == 0);
    best = postern_cookies_best(&first, NOW);
    FUZZ_REQUIRE(best == NULL || (best->made > NOW - POSTERN_COOKIE_FRESH && best->made <= NOW + POSTERN_COOKIE_FRESH));
    postern_buf_finish(&text);
    postern_buf_finish(&again);
    return 0;
}
