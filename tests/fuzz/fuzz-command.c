/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An Exec= line. Words come from the line alone: together they are no longer than it, and there is at least one. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "daemon/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_error error = {""};
    char *line = malloc(size + 1), **words;
    size_t total = 0;
    int r;

    FUZZ_REQUIRE(line != NULL);
    memcpy(line, data, size);
    line[size] = '\0';
    r = postern_command_split(line, &words, &error);
    if (r == 0) {
        FUZZ_REQUIRE(words[0] != NULL);
        for (char **word = words; *word != NULL; word++)
            total += strlen(*word);
        FUZZ_REQUIRE(total <= strlen(line));
        postern_command_free(words);
    } else {
        FUZZ_REQUIRE(r == -EINVAL && error.text[0] != '\0');
    }
    free(line);
    return 0;
}
