/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/services.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "core/decide.h"
#include "core/mediator.h"
#include "core/ruletext.h"
#include "util/cleanup.h"
#include "wire/name.h"

#define USER_MAX 256 /* bytes of a user's name; no system has longer ones */

/* What one reading works on. */
struct reading {
    const struct postern_mediator *mediator;
    postern_services_user_fn *user;
    void *data;
    bool is_system; /* the bus that the keys about the policy are for */
    struct postern_service_table *table;
    struct postern_rule *rules;
    size_t n_rules, cap_rules;
};

/* ---- what is wrong ----------------------------------------------------------------------------------------- */

/* Logs it with its place. A host need not know lines. */
static void tell(const struct reading *reading, int priority, const struct postern_service_entry *entry, uint32_t line, const char *text)
{
    if (line > 0)
        postern_mediator_log(reading->mediator, priority, "%s:%u: %s", entry->file, line, text);
    else
        postern_mediator_log(reading->mediator, priority, "%s: %s", entry->file, text);
}

static int fault(const struct reading *reading, const struct postern_service_entry *entry, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int fault(const struct reading *reading, const struct postern_service_entry *entry, uint32_t line, const char *format, ...)
{
    char text[700], whole[800];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(whole, sizeof(whole), "%s - nothing in the group [X-Postern] counts", text);
    tell(reading, LOG_ERR, entry, line, whole);
    return -EINVAL;
}

/* The text of a key. 1 with *text; 0: the file has no such key, or nothing stands behind it; -EINVAL with a line in the log. */
static int text_of(const struct reading *reading, const struct postern_service_entry *entry, const char *key, const struct postern_view *view,
                   uint32_t line, size_t max, const char **text)
{
    if (view->data == NULL || view->len == 0)
        return 0;
    if (view->len > max)
        return fault(reading, entry, line, "%s= is longer than %zu bytes", key, max);
    if (strnlen(view->data, view->len) != view->len || !postern_utf8_is_valid(view->data, view->len))
        return fault(reading, entry, line, "%s= is not text", key);
    *text = view->data;
    return 1;
}

/* ---- Allow= -------------------------------------------------------------------------------------------------- */

static int add_rule(struct reading *reading, const struct postern_rule *rule)
{
    if (reading->n_rules == reading->cap_rules) {
        size_t cap = reading->cap_rules > 0 ? 2 * reading->cap_rules : 16;
        struct postern_rule *grown = reallocarray(reading->rules, cap, sizeof(*grown));

        if (grown == NULL)
            return -ENOMEM;
        reading->rules = grown;
        reading->cap_rules = cap;
    }
    reading->rules[reading->n_rules++] = *rule;
    return 0;
}

static void drop_rules(struct reading *reading, size_t from)
{
    while (reading->n_rules > from)
        postern_rule_finish(&reading->rules[--reading->n_rules]);
}

/* One rule, KIND or KIND=WHAT: the text form without the name, which is the file's own and nobody else's. */
static int read_rule(struct reading *reading, const struct postern_service_entry *entry, uint32_t line, char *word)
{
    char *what = strchr(word, '=');
    postern_autofree char *text = NULL;
    struct postern_rule rule;
    struct postern_error error;
    int r;

    if (what != NULL)
        *what++ = '\0';
    if (strcmp(word, "own") == 0)
        return fault(reading, entry, line, "Allow=: own is not for a service to give away: containers could take its place");
    /* A forgotten restriction must not become a rule without one. */
    if (what != NULL && *what == '\0')
        return fault(reading, entry, line, "Allow=: nothing stands behind \"%s=\"", word);
    if (asprintf(&text, "%s%s%s", entry->name, what != NULL ? "=" : "", what != NULL ? what : "") < 0) {
        text = NULL;
        return -ENOMEM;
    }
    r = postern_ruletext_parse(word, text, &rule, &error);
    if (r == -EINVAL)
        return fault(reading, entry, line, "Allow=: %s", error.text);
    if (r < 0)
        return r;
    rule.ref = (struct postern_rule_ref){.kind = POSTERN_RULE_FILE, .file = entry->file, .line = line};
    r = add_rule(reading, &rule);
    if (r < 0)
        postern_rule_finish(&rule);
    return r;
}

/* RULE;RULE;... - as lists in these files are written, with or without a last semicolon. */
static int read_list(struct reading *reading, const struct postern_service_entry *entry, uint32_t line, char *list)
{
    size_t before = reading->n_rules;

    for (char *word = list, *end; word != NULL; word = end) {
        size_t len;
        int r;

        end = strchr(word, ';');
        if (end != NULL)
            *end++ = '\0';
        word += strspn(word, " \t");
        for (len = strlen(word); len > 0 && (word[len - 1] == ' ' || word[len - 1] == '\t');)
            word[--len] = '\0';
        if (len == 0 && end == NULL)
            break;
        if (len == 0)
            return fault(reading, entry, line, "Allow=: a rule is missing before a \";\"");
        if (reading->n_rules - before == POSTERN_SERVICES_RULES_PER_FILE)
            return fault(reading, entry, line, "Allow=: more than %u rules", POSTERN_SERVICES_RULES_PER_FILE);
        if (reading->n_rules == POSTERN_SERVICES_RULES_MAX)
            return fault(reading, entry, line, "Allow=: more than %u rules in all service files together", POSTERN_SERVICES_RULES_MAX);
        r = read_rule(reading, entry, line, word);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_allow(struct reading *reading, const struct postern_service_entry *entry, const struct postern_activatable *told)
{
    const char *text;
    int r = text_of(reading, entry, "Allow", &told->allow, told->allow_line, POSTERN_SERVICES_TEXT_MAX, &text);
    postern_autofree char *copy = NULL;

    if (r <= 0)
        return r;
    copy = strdup(text);
    return copy != NULL ? read_list(reading, entry, told->allow_line, copy) : -ENOMEM;
}

/* ---- OwnerUser=, AccessControl= ---------------------------------------------------------------------------------- */

static int no_effect(const struct reading *reading, const struct postern_service_entry *entry, const char *key, uint32_t line)
{
    char text[200];

    snprintf(text, sizeof(text), "%s= has no effect on this bus: it is for buses of <type>system</type>", key);
    tell(reading, LOG_NOTICE, entry, line, text);
    return 0;
}

static int read_owner(struct reading *reading, struct postern_service_entry *entry, const struct postern_activatable *told)
{
    uint32_t line = told->owner_user_line, uid;
    const char *name;
    int r = text_of(reading, entry, "OwnerUser", &told->owner_user, line, USER_MAX, &name);

    if (r <= 0)
        return r;
    if (!reading->is_system)
        return no_effect(reading, entry, "OwnerUser", line);
    r = reading->user(reading->data, name, &uid);
    if (r == -ENOMEM)
        return r;
    if (r == -ESTALE) {
        reading->table->missed = true;
        tell(reading, LOG_INFO, entry, line, "the user of OwnerUser= is being looked up - until then nothing in the group [X-Postern] counts");
        return -EINVAL;
    }
    if (r < 0)
        return fault(reading, entry, line, "cannot look up OwnerUser=%s: %s", name, strerror(-r));
    if (r == 0)
        return fault(reading, entry, line, "OwnerUser=%s: there is no such user", name);
    entry->has_owner = true;
    entry->owner = uid;
    entry->owner_line = line;
    return 0;
}

static int read_access(const struct reading *reading, struct postern_service_entry *entry, const struct postern_activatable *told)
{
    uint32_t line = told->access_control_line;
    const char *text;
    int r = text_of(reading, entry, "AccessControl", &told->access_control, line, USER_MAX, &text);

    if (r <= 0)
        return r;
    if (strcmp(text, "self") != 0)
        return fault(reading, entry, line, "AccessControl=%s: only \"self\" can stand there", text);
    if (!reading->is_system)
        return no_effect(reading, entry, "AccessControl", line);
    entry->is_open = true;
    entry->open_line = line;
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------------------------------ */

/* The whole group, or nothing of it. 0 in both cases, or -ENOMEM. */
static int read_group(struct reading *reading, struct postern_service_entry *entry, const struct postern_activatable *told)
{
    size_t before = reading->n_rules;
    int r = read_access(reading, entry, told);

    if (r == 0)
        r = read_allow(reading, entry, told);
    if (r == 0)
        r = read_owner(reading, entry, told);
    if (r < 0) {
        drop_rules(reading, before);
        entry->has_owner = entry->is_open = false;
    }
    return r == -ENOMEM ? r : 0;
}

static void entry_free(struct postern_service_entry *entry)
{
    free(entry->name);
    free(entry->file);
    free(entry->assumed_label);
    free(entry);
}

static char *copy_of(const struct postern_view *view)
{
    return strndup(view->data, view->len);
}

static struct postern_service_entry *entry_new(struct postern_service_table *table, const struct postern_activatable *told)
{
    struct postern_service_entry *entry = calloc(1, sizeof(*entry));
    const struct postern_view *file = &told->file;

    if (entry == NULL)
        return NULL;
    entry->name = copy_of(&told->name);
    /* Places get into messages, which must be UTF-8; the bus itself holds its files to it, folders may be called anything. */
    if (file->data != NULL && postern_utf8_is_valid(file->data, file->len))
        entry->file = copy_of(file);
    else if (entry->name != NULL && asprintf(&entry->file, "the service file of %s", entry->name) < 0)
        entry->file = NULL;
    if (told->assumed_label.data != NULL && told->assumed_label.len > 0)
        entry->assumed_label = copy_of(&told->assumed_label);
    if (entry->name != NULL && entry->file != NULL && (told->assumed_label.len == 0 || entry->assumed_label != NULL))
        HASH_ADD_KEYPTR(hh, table->entries, entry->name, strlen(entry->name), entry);
    if (entry->hh.tbl != NULL)
        return entry;
    entry_free(entry);
    return NULL;
}

static struct postern_service_entry *find(const struct postern_service_table *table, const char *name, size_t len)
{
    struct postern_service_entry *found;

    HASH_FIND(hh, table->entries, name, len, found);
    return found;
}

static int read_service(struct reading *reading, const struct postern_activatable *told)
{
    const struct postern_view *name = &told->name;
    struct postern_service_entry *entry;

    if (name->data == NULL || !postern_name_is_well_known(name->data, name->len) ||
        (name->len == strlen(POSTERN_DRIVER_NAME) && memcmp(name->data, POSTERN_DRIVER_NAME, name->len) == 0)) {
        postern_mediator_log(reading->mediator, LOG_ERR, "%s is a service without a name that a service can have: it is passed over",
                             told->file.data != NULL ? told->file.data : "(no file)");
        return 0;
    }
    if (find(reading->table, name->data, name->len) != NULL)
        return 0; /* the first one is what would be started */
    entry = entry_new(reading->table, told);
    return entry != NULL ? read_group(reading, entry, told) : -ENOMEM;
}

static int read_all(struct reading *reading, const struct postern_activatable *const *list, uint32_t n)
{
    int r = n > 0 && list == NULL ? -EINVAL : 0;

    for (uint32_t i = 0; r == 0 && i < n; i++) {
        r = list[i] != NULL ? postern_abi_check(list[i], list[i]->size, sizeof(*list[i])) : -EINVAL;
        if (r == 0)
            r = read_service(reading, list[i]);
    }
    if (r < 0 || reading->n_rules == 0)
        return r; /* no set at all costs containers nothing */
    r = postern_ruleset_new(reading->rules, reading->n_rules, &reading->table->rules);
    reading->rules = NULL;
    reading->n_rules = 0;
    return r;
}

int postern_services_read(const struct postern_mediator *mediator, const struct postern_activatable *const *list, uint32_t n,
                          postern_services_user_fn *user, void *data, struct postern_service_table **table)
{
    const char *type = mediator->settings.bus_type;
    struct reading reading = {.mediator = mediator, .user = user, .data = data, .is_system = type != NULL && strcmp(type, "system") == 0};
    int r;

    reading.table = calloc(1, sizeof(*reading.table));
    if (reading.table == NULL)
        return -ENOMEM;
    r = read_all(&reading, list, n);
    drop_rules(&reading, 0);
    free(reading.rules);
    if (r < 0)
        postern_services_free(reading.table);
    else
        *table = reading.table;
    return r;
}

void postern_services_free(struct postern_service_table *table)
{
    struct postern_service_entry *entry, *next;

    if (table == NULL)
        return;
    HASH_ITER(hh, table->entries, entry, next)
    {
        HASH_DEL(table->entries, entry);
        entry_free(entry);
    }
    postern_ruleset_free(table->rules);
    free(table);
}

void postern_services_put(struct postern_mediator *mediator, struct postern_service_table *table)
{
    struct postern_service_table *old = mediator->services;

    mediator->services = table;
    mediator->service_rules = table->rules;
    postern_cache_flush(&mediator->cache);
    postern_services_free(old);
}

const struct postern_service_entry *postern_services_find_entry(const struct postern_mediator *mediator, const char *name, size_t len)
{
    return mediator->services != NULL ? find(mediator->services, name, len) : NULL;
}
