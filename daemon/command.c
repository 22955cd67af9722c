/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct splitting {
    const char *at; /* what is still to be read */
    char *word;     /* the word being made: as long as the whole line at most */
    size_t len;
    bool begun;     /* '' is a word, too */
    char **words;
    size_t n;
    struct postern_error *error;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static void put(struct splitting *splitting, char c)
{
    splitting->word[splitting->len++] = c;
    splitting->begun = true;
}

static int end_word(struct splitting *splitting)
{
    char **grown;

    if (!splitting->begun)
        return 0;
    if (splitting->n == POSTERN_COMMAND_WORDS_MAX)
        return postern_error_set(splitting->error, -EINVAL, "the command has more than %u words", POSTERN_COMMAND_WORDS_MAX);
    grown = reallocarray(splitting->words, splitting->n + 2, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    splitting->words = grown;
    grown[splitting->n] = strndup(splitting->word, splitting->len);
    if (grown[splitting->n] == NULL)
        return -ENOMEM;
    grown[++splitting->n] = NULL;
    splitting->len = 0;
    splitting->begun = false;
    return 0;
}

/* Behind a backslash outside of quotes. */
static int take_escape(struct splitting *splitting)
{
    char c = *splitting->at;

    if (c == '\0')
        return postern_error_set(splitting->error, -EINVAL, "the command ends in a backslash");
    splitting->at++;
    if (c != '\n')
        put(splitting, c);
    return 0;
}

/* Behind an opening quote. */
static int take_quoted(struct splitting *splitting, char quote)
{
    splitting->begun = true;
    for (; *splitting->at != '\0'; splitting->at++) {
        char c = *splitting->at;

        if (c == quote) {
            splitting->at++;
            return 0;
        }
        if (c == '\\' && quote == '"' && splitting->at[1] != '\0' && strchr("$`\"\\\n", splitting->at[1]) != NULL) {
            c = *++splitting->at;
            if (c == '\n')
                continue;
        }
        put(splitting, c);
    }
    return postern_error_set(splitting->error, -EINVAL, "the command has a %c without its other half", quote);
}

static int take_all(struct splitting *splitting)
{
    int r = 0;

    while (r == 0 && *splitting->at != '\0') {
        char c = *splitting->at++;

        if (is_blank(c))
            r = end_word(splitting);
        else if (c == '\\')
            r = take_escape(splitting);
        else if (c == '\'' || c == '"')
            r = take_quoted(splitting, c);
        else if (c == '#' && !splitting->begun)
            splitting->at += strcspn(splitting->at, "\n");
        else
            put(splitting, c);
    }
    return r == 0 ? end_word(splitting) : r;
}

int postern_command_split(const char *line, char ***words, struct postern_error *error)
{
    struct splitting splitting = {.at = line, .word = malloc(strlen(line) + 1), .error = error};
    int r;

    if (splitting.word == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    r = take_all(&splitting);
    free(splitting.word);
    if (r == 0 && splitting.n == 0)
        r = postern_error_set(error, -EINVAL, "the command is empty");
    if (r == -ENOMEM)
        postern_error_set(error, r, "out of memory");
    if (r < 0)
        postern_command_free(splitting.words);
    else
        *words = splitting.words;
    return r;
}

void postern_command_free(char **words)
{
    for (char **word = words; word != NULL && *word != NULL; word++)
        free(*word);
    free(words);
}
