/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Service files are desktop files (Desktop Entry Specification, "Basic format of the file"): groups, keys, comments, escapes.
 * Groups and keys of others are theirs, and are passed over; what is not of this form at all spoils the file. The group [X-Postern] is ours
 * alone: there a key that we do not know is a mistake. It opens something or does not; the service can be started in either case.
 */
#include "daemon/service.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "wire/name.h"

#define GROUP "D-BUS Service"
#define OUR_GROUP "X-Postern"
#define SUFFIX POSTERN_SERVICE_SUFFIX

enum group { NO_GROUP, SERVICE_GROUP, POSTERN_GROUP, OTHER_GROUP };

/* One file being read. */
struct parser {
    const char *file;
    unsigned line;
    enum group group; /* that the line stands in */
    bool had_group, had_our_group;
    struct postern_service *found;
    struct postern_error *error;
};

void postern_service_free(struct postern_service *service)
{
    if (service == NULL)
        return;
    free(service->name);
    free(service->file);
    free(service->exec);
    free(service->user);
    free(service->systemd_unit);
    free(service->apparmor_label);
    free(service->allow.text);
    free(service->owner_user.text);
    free(service->access_control.text);
    free(service->refused);
    free(service);
}

static int fault(const struct parser *parser, const char *what)
{
    return postern_error_set(parser->error, -EINVAL, "%s:%u: %s", parser->file, parser->line, what);
}

/* What is wrong in the group [X-Postern], the first of it, for the log. 0 or -ENOMEM. */
static int refuse(struct parser *parser, const char *what)
{
    struct postern_error text;

    if (parser->found->refused != NULL)
        return 0;
    postern_error_set(&text, 0, "%s:%u: %s - nothing in the group [" OUR_GROUP "] counts", parser->file, parser->line, what);
    parser->found->refused = strdup(text.text);
    return parser->found->refused != NULL ? 0 : -ENOMEM;
}

/* Where the value of a key goes, and its line, if that is of interest. */
struct target {
    const char *key;
    enum group group;
    char **text;
    unsigned *line;
};

static bool find_target(const struct parser *parser, const char *key, size_t len, struct target *target)
{
    struct postern_service *found = parser->found;
    const struct target targets[] = {
        {"Name", SERVICE_GROUP, &found->name, NULL},
        {"Exec", SERVICE_GROUP, &found->exec, NULL},
        {"User", SERVICE_GROUP, &found->user, NULL},
        {"SystemdService", SERVICE_GROUP, &found->systemd_unit, NULL},
        {"AssumedAppArmorLabel", SERVICE_GROUP, &found->apparmor_label, NULL},
        {"Allow", POSTERN_GROUP, &found->allow.text, &found->allow.line},
        {"OwnerUser", POSTERN_GROUP, &found->owner_user.text, &found->owner_user.line},
        {"AccessControl", POSTERN_GROUP, &found->access_control.text, &found->access_control.line},
    };

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        if (targets[i].group == parser->group && strlen(targets[i].key) == len && memcmp(targets[i].key, key, len) == 0) {
            *target = targets[i];
            return true;
        }
    return false;
}

/* The value with its escapes undone. 0, -ENOMEM, or -EINVAL when they are none. */
static int unescape(const char *value, size_t len, char **result)
{
    static const char codes[] = "sntr\\", meanings[] = " \n\t\r\\";
    char *text = malloc(len + 1);
    size_t n = 0;

    if (text == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        const char *code;

        if (value[i] != '\\') {
            text[n++] = value[i];
            continue;
        }
        code = ++i < len ? strchr(codes, value[i]) : NULL;
        if (code == NULL) {
            free(text);
            return -EINVAL;
        }
        text[n++] = meanings[code - codes];
    }
    text[n] = '\0';
    *result = text;
    return 0;
}

static bool line_is(const char *text, size_t len, const char *wanted)
{
    return len == strlen(wanted) && memcmp(text, wanted, len) == 0;
}

static int take_group(struct parser *parser, const char *line, size_t len)
{
    size_t name_len = len - 2;
    bool twice;

    if (len < 3 || line[len - 1] != ']' || memchr(line + 1, ']', name_len) != NULL || memchr(line + 1, '[', name_len) != NULL)
        return fault(parser, "a group must be written [NAME]");
    parser->group = line_is(line + 1, name_len, GROUP)       ? SERVICE_GROUP
                    : line_is(line + 1, name_len, OUR_GROUP) ? POSTERN_GROUP
                                                             : OTHER_GROUP;
    if (parser->group == SERVICE_GROUP && parser->had_group)
        return fault(parser, "the group [" GROUP "] stands there twice");
    twice = parser->group == POSTERN_GROUP && parser->had_our_group;
    parser->had_group |= parser->group == SERVICE_GROUP;
    parser->had_our_group |= parser->group == POSTERN_GROUP;
    return twice ? refuse(parser, "the group [" OUR_GROUP "] stands there twice") : 0;
}

/* KEY or KEY[LOCALE]; the latter is a translation, which none of our keys has. */
static bool key_is_valid(const char *key, size_t len)
{
    size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

    if (n == 0 || n >= len)
        return n == len && len > 0;
    return key[n] == '[' && key[len - 1] == ']' && len - n > 2;
}

/* A fault of one key's: in our group it is the group's, elsewhere the file's. */
static int key_fault(struct parser *parser, const char *what)
{
    return parser->group == POSTERN_GROUP ? refuse(parser, what) : fault(parser, what);
}

static int take_value(struct parser *parser, const char *key, size_t key_len, const char *value, size_t len)
{
    struct target target;
    int r;

    if (!find_target(parser, key, key_len, &target))
        return parser->group == POSTERN_GROUP
                   ? refuse(parser, "a key that this group does not have; Allow, OwnerUser and AccessControl are its keys")
                   : 0;
    if (*target.text != NULL)
        return key_fault(parser, "the key stands there twice");
    if (target.line != NULL)
        *target.line = parser->line;
    r = unescape(value, len, target.text);
    return r == -EINVAL ? key_fault(parser, "a backslash must be followed by s, n, t, r or another backslash") : r;
}

static int take_key(struct parser *parser, const char *line, size_t len)
{
    const char *equals = memchr(line, '=', len), *value;
    size_t key_len;

    if (equals == NULL)
        return key_fault(parser, "neither a comment, nor [GROUP], nor KEY=VALUE");
    if (parser->group == NO_GROUP)
        return fault(parser, "a key stands before the first [GROUP]");
    key_len = (size_t)(equals - line);
    while (key_len > 0 && line[key_len - 1] == ' ')
        key_len--;
    if (!key_is_valid(line, key_len))
        return key_fault(parser, "this is not the name of a key");
    value = equals + 1;
    while (value < line + len && *value == ' ')
        value++;
    return take_value(parser, line, key_len, value, (size_t)(line + len - value));
}

static int take_line(struct parser *parser, const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
            return fault(parser, "there is a control character");
    if (strspn(line, " \t") >= len || line[0] == '#')
        return 0;
    return line[0] == '[' ? take_group(parser, line, len) : take_key(parser, line, len);
}

/* A key without a value says nothing. */
static void drop_empty(char **text)
{
    if (*text != NULL && **text == '\0') {
        free(*text);
        *text = NULL;
    }
}

static void drop_key(struct postern_service_key *key)
{
    free(key->text);
    *key = (struct postern_service_key){.text = NULL};
}

/* What was found, once all lines are read: a group that does not count says nothing. */
static void settle(struct postern_service *found)
{
    drop_empty(&found->exec);
    drop_empty(&found->user);
    drop_empty(&found->systemd_unit);
    drop_empty(&found->allow.text);
    drop_empty(&found->owner_user.text);
    drop_empty(&found->access_control.text);
    if (found->refused == NULL)
        return;
    drop_key(&found->allow);
    drop_key(&found->owner_user);
    drop_key(&found->access_control);
}

/* Is what was found a service that can be started? The fault is what is missing, so there is no line to name. */
static int check_found(const struct parser *parser, bool by_helper)
{
    const struct postern_service *found = parser->found;
    const char *slash = strrchr(parser->file, '/'), *base = slash != NULL ? slash + 1 : parser->file;

    if (!parser->had_group)
        return postern_error_set(parser->error, -EINVAL, "%s: there is no group [" GROUP "]", parser->file);
    if (found->name == NULL)
        return postern_error_set(parser->error, -EINVAL, "%s: Name= is missing", parser->file);
    if (!postern_name_is_well_known(found->name, strlen(found->name)) || strcmp(found->name, POSTERN_DRIVER_NAME) == 0)
        return postern_error_set(parser->error, -EINVAL, "%s: Name=%s is not a well-known bus name", parser->file, found->name);
    if (found->exec == NULL && found->systemd_unit == NULL)
        return postern_error_set(parser->error, -EINVAL, "%s: there is neither Exec= nor SystemdService=", parser->file);
    /* dbus-daemon(1): so that the set-user-id helper finds the file by the name alone. */
    if (by_helper &&
        (strlen(base) != strlen(found->name) + strlen(SUFFIX) || strncmp(base, found->name, strlen(found->name)) != 0))
        return postern_error_set(parser->error, -EINVAL, "%s: for the <servicehelper> this file must be called %s" SUFFIX, parser->file,
                                 found->name);
    return 0;
}

static int parse_lines(struct parser *parser, const char *text, size_t len)
{
    const char *end = text + len;

    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t line_len = (size_t)((newline != NULL ? newline : end) - line);
        int r;

        parser->line++;
        r = take_line(parser, line, line_len);
        if (r < 0)
            return r;
        line += line_len + (newline != NULL);
    }
    return 0;
}

int postern_service_parse(const char *file, const char *text, size_t len, bool by_helper, struct postern_service **service,
                          struct postern_error *error)
{
    struct parser parser = {.file = file, .found = calloc(1, sizeof(*parser.found)), .error = error};
    int r;

    if (parser.found == NULL)
        return -ENOMEM;
    parser.found->file = strdup(file);
    if (parser.found->file == NULL)
        r = -ENOMEM;
    else if (!postern_utf8_is_valid(text, len))
        r = postern_error_set(error, -EINVAL, "%s: this is not UTF-8 text", file);
    else
        r = parse_lines(&parser, text, len);
    settle(parser.found);
    if (r == 0)
        r = check_found(&parser, by_helper);
    if (r < 0)
        postern_service_free(parser.found);
    else
        *service = parser.found;
    return r;
}
