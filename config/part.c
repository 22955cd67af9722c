/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file of an <includedir>: it is read into a configuration of its own, which becomes part of the whole when all of it is good. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"

#define WARNINGS_MAX 64

int postern_busconfig_warn(struct postern_busconfig *config, const char *text)
{
    size_t n = 0;

    while (config->warnings != NULL && config->warnings[n] != NULL)
        n++;
    return n < WARNINGS_MAX ? postern_strings_append(&config->warnings, text) : 0;
}

/* The later one wins. */
static void merge_string(char **to, char **from)
{
    if (*from == NULL)
        return;
    free(*to);
    *to = *from;
    *from = NULL;
}

static int merge_strings(char ***to, char *const *from, int (*append)(char ***array, const char *s))
{
    int code = 0;

    for (; code == 0 && from != NULL && *from != NULL; from++)
        code = append(to, *from);
    return code;
}

static int merge_listen(struct postern_busconfig *whole, const struct postern_busconfig *part)
{
    size_t before = 0, n = 0;
    struct postern_location *grown;

    while (whole->listen != NULL && whole->listen[before] != NULL)
        before++;
    while (part->listen != NULL && part->listen[n] != NULL)
        n++;
    if (n == 0)
        return 0;
    grown = reallocarray(whole->listen_where, before + n, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    memcpy(grown + before, part->listen_where, n * sizeof(*grown));
    whole->listen_where = grown;
    return merge_strings(&whole->listen, part->listen, postern_strings_append);
}

static int merge_associates(struct postern_busconfig *whole, struct postern_busconfig *part)
{
    struct postern_busconfig_associate *grown;

    if (part->n_associates == 0)
        return 0;
    grown = reallocarray(whole->associates, whole->n_associates + part->n_associates, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    memcpy(grown + whole->n_associates, part->associates, part->n_associates * sizeof(*grown));
    whole->associates = grown;
    whole->n_associates += part->n_associates;
    part->n_associates = 0; /* they have moved */
    return 0;
}

static int merge_rules(struct postern_busconfig_reader *reader, struct postern_busconfig *part)
{
    int code = postern_busconfig_rules_append(reader, part->rules, part->n_rules);

    if (code == 0)
        part->n_rules = 0;
    return code;
}

static void merge_values(struct postern_busconfig *whole, struct postern_busconfig *part)
{
    if (part->user != NULL)
        whole->user_where = part->user_where;
    if (part->auth != NULL)
        whole->auth_where = part->auth_where;
    if (part->apparmor_given) {
        whole->apparmor_given = true;
        whole->apparmor = part->apparmor;
        whole->apparmor_where = part->apparmor_where;
    }
    merge_string(&whole->type, &part->type);
    merge_string(&whole->user, &part->user);
    merge_string(&whole->pidfile, &part->pidfile);
    merge_string(&whole->servicehelper, &part->servicehelper);
    merge_string(&whole->runtime_dir, &part->runtime_dir);
    whole->fork = whole->fork || part->fork;
    whole->keep_umask = whole->keep_umask || part->keep_umask;
    whole->syslog = whole->syslog || part->syslog;
    whole->allow_anonymous = whole->allow_anonymous || part->allow_anonymous;
    whole->at_console = whole->at_console || part->at_console;
    whole->limits = part->limits; /* it began with those of the whole */
    whole->n_passed_over += part->n_passed_over;
    whole->n_failed += part->n_failed;
}

/* As if what stands in the part stood in the whole. What is taken over, the part does not have any more. */
static int merge(struct postern_busconfig_reader *reader, struct postern_busconfig *part)
{
    struct postern_busconfig *whole = reader->config;
    int code = merge_listen(whole, part);

    if (code == 0)
        code = merge_strings(&whole->auth, part->auth, postern_strings_append);
    if (code == 0)
        code = merge_strings(&whole->servicedirs, part->servicedirs, postern_strings_append_unique);
    if (code == 0)
        code = merge_strings(&whole->includedirs, part->includedirs, postern_strings_append_unique);
    for (char **warning = part->warnings; code == 0 && warning != NULL && *warning != NULL; warning++)
        code = postern_busconfig_warn(whole, *warning);
    if (code == 0)
        code = merge_associates(whole, part);
    if (code == 0)
        code = merge_rules(reader, part);
    if (code == 0)
        merge_values(whole, part);
    return code;
}

/* Is this a fault of the file? The others are the bus's, or of no single file. */
static bool is_of_file(int code)
{
    return code != -ENOMEM && code != -E2BIG && code != -ESTALE;
}

static int pass_over(struct postern_busconfig *whole, const char *file, const struct postern_error *why)
{
    struct postern_error text;

    whole->n_passed_over++;
    /* The fault may stand in a file that this one includes. */
    postern_error_set(&text, 0, "%.600s - %.250s is passed over: nothing in it counts, neither what it allows nor what it denies", why->text, file);
    return postern_busconfig_warn(whole, text.text);
}

int postern_busconfig_part(void *data, const char *file, const struct postern_location *where, struct postern_error *error)
{
    struct postern_busconfig_reader *reader = data;
    struct postern_busconfig *whole = reader->config, *part = calloc(1, sizeof(*part));
    const struct postern_busconfig *in_force = reader->source.in_force;
    size_t n_files = reader->files.n, cap_rules = reader->cap_rules;
    struct postern_error why = {.text = ""};
    int code;

    if (part == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    part->limits = whole->limits;
    reader->config = part;
    reader->cap_rules = 0;
    /* A file that vanished since the directory was listed is not there: no error. */
    code = postern_files_read(&reader->files, file, where, true, &why);
    reader->config = whole;
    reader->cap_rules = cap_rules;
    if (code == 0) {
        code = merge(reader, part);
        if (code < 0)
            postern_error_set(error, code, code == -E2BIG ? "more than %u rules" : "out of memory", POSTERN_BUSCONFIG_RULES_MAX);
    } else if (!is_of_file(code)) {
        postern_error_set(error, code, "%s", why.text);
    } else if (in_force != NULL && postern_strings_have(in_force->files, file)) {
        postern_error_set(error, code, "%.600s - %.250s is in force, and stays so until it can be read or is removed", why.text, file);
    } else {
        postern_files_forget(&reader->files, n_files);
        code = pass_over(whole, file, &why);
        if (code < 0)
            postern_error_set(error, code, "out of memory");
    }
    postern_busconfig_free(part);
    return code;
}
