/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rules: what an instance may do, in the form in which people write it, and changing that. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/ruletext.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/read.h"
#include "tools/ctl/words.h"
#include "util/cleanup.h"

#define autovalue __attribute__((cleanup(postern_value_freep)))

enum { OPT_SET = CTL_OWN, OPT_ADD, OPT_REMOVE, OPT_CLEAR };

const struct option postern_ctl_rules_options[] = {
    {"set", no_argument, NULL, OPT_SET},
    {"add", no_argument, NULL, OPT_ADD},
    {"remove", no_argument, NULL, OPT_REMOVE},
    {"clear", no_argument, NULL, OPT_CLEAR},
    {NULL, 0, NULL, 0},
};

static bool needs_rule(int option)
{
    return option == OPT_SET || option == OPT_ADD || option == OPT_REMOVE;
}

static const struct {
    uint32_t bit;
    const char *name;
} flag_names[] = {
    {POSTERN_ALLOW_SEE, "SEE"},
    {POSTERN_ALLOW_CALL, "CALL"},
    {POSTERN_ALLOW_HEAR, "HEAR"},
    {POSTERN_ALLOW_OWN, "OWN"},
    {POSTERN_ALLOW_SEND_FDS, "SEND_FDS"},
    {POSTERN_ALLOW_RECEIVE_FDS, "RECEIVE_FDS"},
    {POSTERN_ALLOW_NAME_SUBTREE, "NAME_SUBTREE"},
    {POSTERN_ALLOW_PATH_SUBTREE, "PATH_SUBTREE"},
    {POSTERN_ALLOW_MEMBER, "MEMBER"},
};
#define N_FLAGS (sizeof flag_names / sizeof *flag_names)

/* ---- rules as values: flags (a number), name, path, interface with the member behind it */

static struct postern_value *make_rule(const struct postern_rule *rule)
{
    struct postern_value *value = postern_value_new(POSTERN_VALUE_OBJECT);
    struct postern_output interface = {0};

    postern_output_printf(&interface, "%s%s%s", rule->interface, *rule->interface != '\0' && *rule->member != '\0' ? "." : "", rule->member);
    postern_value_set(value, "flags", postern_value_unsigned(rule->flags));
    postern_value_set(value, "bus_name", postern_value_string(rule->name));
    postern_value_set(value, "path", postern_value_string(rule->path));
    postern_value_set(value, "interface", postern_output_take(&interface));
    return value;
}

static struct postern_value *parse_rule(const char *text, struct postern_error *error)
{
    const char *equals = strchr(text, '=');
    postern_autofree char *word = equals != NULL ? strndup(text, (size_t)(equals - text)) : NULL;
    struct postern_error why = {.text = ""};
    struct postern_value *value;
    struct postern_rule rule;

    if (equals == NULL) {
        postern_error_set(error, -EINVAL, "\"%s\" is no rule: it is written WORD=NAME, as talk=org.example.Service", text);
        return NULL;
    }
    if (word == NULL || postern_ruletext_parse(word, equals + 1, &rule, &why) < 0) {
        postern_error_set(error, -EINVAL, "%s: %s", text, word != NULL ? why.text : "out of memory");
        return NULL;
    }
    value = make_rule(&rule);
    postern_rule_finish(&rule);
    return value;
}

static bool same_text(const struct postern_value *a, const struct postern_value *b, const char *key)
{
    const char *x = postern_value_text(a, key), *y = postern_value_text(b, key);

    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

static bool is_same(const struct postern_value *a, const struct postern_value *b)
{
    return postern_value_number(a, "flags") == postern_value_number(b, "flags") && same_text(a, b, "bus_name") && same_text(a, b, "path") &&
           same_text(a, b, "interface");
}

/* Where it stands in an array, n when it does not. */
static size_t find_rule(const struct postern_value *rules, const struct postern_value *rule)
{
    size_t i = 0;

    while (i < rules->n && !is_same(rules->items[i], rule))
        i++;
    return i;
}

/* ---- the bus's */

static struct postern_value *get_rules(struct postern_ctl *ctl, const char *path, struct postern_error *error)
{
    static const char *const keys[] = {"flags", "bus_name", "path", "interface", "source", "text", NULL};
    postern_ctl_automessage sd_bus_message *answer = NULL;
    struct postern_value *rules;

    if (postern_ctl_call(ctl, CTL_MEDIATOR1, "GetRules", &answer, error, "o", path) < 0)
        return NULL;
    if (postern_ctl_read_rows(answer, "a(usosss)", keys, &rules) < 0) {
        postern_error_set(error, -EBADMSG, "the bus's list of rules makes no sense");
        return NULL;
    }
    return rules;
}

static int append_rules(sd_bus_message *call, const struct postern_value *rules)
{
    int r = sd_bus_message_open_container(call, 'a', "(usos)");

    for (size_t i = 0; r >= 0 && i < rules->n; i++) {
        const struct postern_value *rule = rules->items[i];

        r = sd_bus_message_append(call, "(usos)", (uint32_t)postern_value_number(rule, "flags"), postern_value_text(rule, "bus_name"),
                                  postern_value_text(rule, "path"), postern_value_text(rule, "interface"));
    }
    return r < 0 ? r : sd_bus_message_close_container(call);
}

static int set_rules(struct postern_ctl *ctl, const char *path, const struct postern_value *rules, struct postern_error *error)
{
    postern_ctl_automessage sd_bus_message *call = NULL;
    int r = postern_ctl_new_call(ctl, CTL_MEDIATOR1, "SetRules", &call);

    if (r >= 0)
        r = sd_bus_message_append(call, "o", path);
    if (r >= 0)
        r = append_rules(call, rules);
    if (r < 0)
        return postern_error_set(error, r, "cannot put the rules into a message: %s", strerror(-r));
    return postern_ctl_send_call(ctl, call, NULL, error);
}

/* ---- changing */

/* Those of the rules in force that SetRules replaces: the others belong to the configuration and to services. */
static struct postern_value *own_rules(struct postern_value *in_force)
{
    struct postern_value *own = postern_value_new(POSTERN_VALUE_ARRAY);

    for (size_t i = 0; i < in_force->n; i++) {
        const char *source = postern_value_text(in_force->items[i], "source");

        if (source == NULL || strncmp(source, "index:", 6) != 0)
            continue;
        postern_value_add(own, in_force->items[i]);
        in_force->items[i] = NULL;
    }
    return own;
}

static int remove_rule(struct postern_value *rules, const char *text, struct postern_value *rule, struct postern_error *error)
{
    size_t i = find_rule(rules, rule);

    postern_value_free(rule);
    if (i == rules->n)
        return postern_error_set(error, -ENOENT, "%s is none of the instance's own rules; those of the configuration and of services "
                                                 "are taken away there", text);
    postern_value_free(rules->items[i]);
    rules->n--;
    memmove(rules->items + i, rules->items + i + 1, (rules->n - i) * sizeof *rules->items);
    return 0;
}

/* Carries out the options on the instance's own rules. The command line has been looked at before. */
static int edit(struct postern_value *rules, const struct postern_ctl_arg *args, size_t n, struct postern_error *error)
{
    int mode = CTL_ARGUMENT;

    for (size_t i = 0; i < n; i++) {
        struct postern_value *rule;
        int r = 0;

        if (args[i].option != CTL_ARGUMENT)
            mode = args[i].option;
        if (args[i].option != CTL_ARGUMENT || !needs_rule(mode)) /* the latter is the instance */
            continue;
        rule = parse_rule(args[i].value, error);
        if (rule == NULL)
            return -EINVAL;
        if (mode == OPT_REMOVE)
            r = remove_rule(rules, args[i].value, rule, error);
        else if (mode == OPT_ADD && find_rule(rules, rule) < rules->n)
            postern_value_free(rule);
        else
            postern_value_add(rules, rule);
        if (r < 0)
            return r;
    }
    return rules->failed ? postern_error_set(error, -ENOMEM, "out of memory") : 0;
}

static int change(struct postern_ctl *ctl, const char *path, bool from_scratch, const struct postern_ctl_arg *args, size_t n,
                  struct postern_error *error)
{
    autovalue struct postern_value *in_force = from_scratch ? postern_value_new(POSTERN_VALUE_ARRAY) : get_rules(ctl, path, error);
    autovalue struct postern_value *rules = in_force != NULL ? own_rules(in_force) : NULL;
    int r;

    if (in_force == NULL && !from_scratch)
        return -EINVAL;
    if (rules == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    r = edit(rules, args, n, error);
    return r < 0 ? r : set_rules(ctl, path, rules, error);
}

/* ---- showing */

/* The rule in words of its own where the text form has none. */
static void spell_out(struct postern_output *out, const struct postern_value *rule)
{
    uint64_t flags = postern_value_number(rule, "flags");
    const char *name = postern_value_text(rule, "bus_name"), *interface = postern_value_text(rule, "interface");
    bool first = true;

    for (size_t i = 0; i < N_FLAGS; i++) {
        if ((flags & flag_names[i].bit) == 0)
            continue;
        postern_output_printf(out, "%s%s", first ? "" : "|", flag_names[i].name);
        flags &= ~(uint64_t)flag_names[i].bit;
        first = false;
    }
    if (flags != 0 || first)
        postern_output_printf(out, "%s0x%llx", first ? "" : "|", (unsigned long long)flags);
    postern_output_printf(out, " name=%s path=%s%s%s", *name != '\0' ? name : "(any)", postern_value_text(rule, "path"),
                          *interface != '\0' ? " interface=" : "", interface);
}

static void spell_rule(struct postern_value *rule)
{
    struct postern_value *flags = postern_value_new(POSTERN_VALUE_ARRAY);
    const char *text = postern_value_text(rule, "text");
    struct postern_output out = {0};

    for (size_t i = 0; i < N_FLAGS; i++) {
        if ((postern_value_number(rule, "flags") & flag_names[i].bit) != 0)
            postern_value_add(flags, postern_value_string(flag_names[i].name));
    }
    if (*text != '\0')
        postern_output_printf(&out, "%s", text);
    else
        spell_out(&out, rule);
    postern_value_set(rule, "flag_names", flags);
    postern_value_set(rule, "rule", postern_output_take(&out));
}

static int print_rules(struct postern_ctl *ctl, const char *path, struct postern_error *error)
{
    static const struct postern_column columns[] = {{"RULE", "rule"}, {"SOURCE", "source"}};
    autovalue struct postern_value *rules = get_rules(ctl, path, error);

    if (rules == NULL)
        return -EINVAL;
    for (size_t i = 0; i < rules->n; i++) {
        spell_rule(rules->items[i]);
        rules->failed |= rules->items[i]->failed;
    }
    if (ctl->json != POSTERN_JSON_OFF)
        postern_output_json(&ctl->out, rules, ctl->json);
    else
        postern_output_table(&ctl->out, rules, columns, sizeof columns / sizeof *columns, !ctl->no_legend);
    return 0;
}

/* ---- the command line */

struct line {
    const char *instance;
    bool changes;
    bool from_scratch; /* --set or --clear: nothing of what is there stays */
};

/* Does each option that takes rules have some, and do these go together? Rules are read once here: nothing is asked when one is faulty. */
static int check_rules(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n, struct line *line)
{
    int mode = CTL_ARGUMENT;

    for (size_t i = 0; i < n; i++) {
        struct postern_error error;
        autovalue struct postern_value *rule = NULL;

        if (args[i].option != CTL_ARGUMENT) {
            if (needs_rule(args[i].option) && (i + 1 == n || args[i + 1].option != CTL_ARGUMENT))
                return postern_ctl_usage(ctl, "--set, --add and --remove need a rule behind them; --clear takes all away");
            if (line->changes && (args[i].option != mode) && (line->from_scratch || args[i].option == OPT_SET || args[i].option == OPT_CLEAR))
                return postern_ctl_usage(ctl, "--set and --clear go with no other change");
            mode = args[i].option;
            line->changes = true;
            line->from_scratch = mode == OPT_SET || mode == OPT_CLEAR;
        } else if (!needs_rule(mode) && line->instance == NULL) {
            line->instance = args[i].value;
        } else if (!needs_rule(mode)) {
            return postern_ctl_usage(ctl, "\"%s\" is too much: rules come behind --set, --add or --remove", args[i].value);
        } else if ((rule = parse_rule(args[i].value, &error)) == NULL) {
            return postern_ctl_usage(ctl, "%s", error.text);
        }
    }
    return line->instance != NULL ? CTL_OK : postern_ctl_usage(ctl, "rules of which instance? It comes first");
}

int postern_ctl_rules(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n)
{
    struct line line = {0};
    struct postern_error error;
    postern_autofree char *path = NULL;
    int status = check_rules(ctl, args, n, &line), r;

    if (status != CTL_OK)
        return status;
    path = postern_ctl_instance_path(line.instance, &error);
    if (path == NULL)
        return postern_ctl_usage(ctl, "%s", error.text);
    r = postern_ctl_connect(ctl, &error);
    if (r == 0 && line.changes)
        r = change(ctl, path, line.from_scratch, args, n, &error);
    if (r == 0)
        r = print_rules(ctl, path, &error);
    return r < 0 ? postern_ctl_complain(CTL_FAILED, "%s", error.text) : CTL_OK;
}
