/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* explain: would a message pass, which door says so, by which rule, and what would change that. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/bus.h"
#include "tools/ctl/read.h"
#include "tools/ctl/words.h"
#include "util/cleanup.h"

#define autovalue __attribute__((cleanup(postern_value_freep)))

/* What a question consists of. The first five are what arguments without a key are, in this order. */
static const struct question_key {
    const char *key;
    char type;
    bool instance; /* c7 stands for a path */
} question_keys[] = {
    {"sender", 's', false}, {"destination", 's', false}, {"path", 's', false}, {"interface", 's', false}, {"member", 's', false},
    {"type", 's', false}, {"fds", 'u', false},
    {"sender-instance", 'o', true}, {"sender-type", 's', false}, {"sender-name", 's', false}, {"sender-uid", 'u', false},
    {"sender-label", 's', false},
    {"destination-instance", 'o', true}, {"destination-type", 's', false}, {"destination-name", 's', false}, {"destination-uid", 'u', false},
    {"destination-label", 's', false},
};
#define N_KEYS (sizeof question_keys / sizeof *question_keys)
#define N_POSITIONAL 5
enum { PATH_KEY = 2, INTERFACE_KEY, MEMBER_KEY, TYPE_KEY };

/* The values given, one for each key; NULL: not asked. */
struct question {
    const char *values[N_KEYS];
};

static size_t find_key(const char *text, size_t len)
{
    size_t i = 0;

    while (i < N_KEYS && (strncmp(question_keys[i].key, text, len) != 0 || question_keys[i].key[len] != '\0'))
        i++;
    return i;
}

/* One value as the bus wants it, or NULL to see whether it is one. */
static int append_value(sd_bus_message *call, const struct question_key *key, const char *value, struct postern_error *error)
{
    postern_autofree char *path = NULL;
    uint64_t number = 0;

    if (key->instance) {
        path = postern_ctl_instance_path(value, error);
        if (path == NULL)
            return -EINVAL;
        value = path;
    } else if (key->type == 'u' && !postern_ctl_number(value, UINT32_MAX, &number)) {
        return postern_error_set(error, -EINVAL, "%s=%s: must be a number", key->key, value);
    }
    if (call == NULL)
        return 0;
    if (key->type == 'u')
        return sd_bus_message_append(call, "{sv}", key->key, "u", (uint32_t)number);
    return sd_bus_message_append(call, "{sv}", key->key, key->type == 'o' ? "o" : "s", value);
}

/* Two names are no message. "Can it reach it at all" is asked with the call that everybody answers; what was asked is shown. */
static void ask_for_ping(struct question *question)
{
    if (strcmp(question->values[TYPE_KEY], "method_call") != 0 || question->values[PATH_KEY] != NULL ||
        question->values[INTERFACE_KEY] != NULL || question->values[MEMBER_KEY] != NULL)
        return;
    question->values[PATH_KEY] = "/";
    question->values[INTERFACE_KEY] = "org.freedesktop.DBus.Peer";
    question->values[MEMBER_KEY] = "Ping";
}

static int read_question(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n, struct question *question)
{
    struct postern_error error;
    size_t positional = 0;

    for (size_t i = 0; i < n; i++) {
        const char *text = args[i].value, *equals = strchr(text, '=');
        size_t key = equals != NULL ? find_key(text, (size_t)(equals - text)) : positional++;

        if (equals != NULL && key == N_KEYS)
            return postern_ctl_usage(ctl, "%s: a question has sender=, destination=, path=, interface=, member=, type=, fds=, and behind sender- and "
                                  "destination-: instance=, type=, name=, uid=, label=", text);
        if (equals == NULL && key >= N_POSITIONAL)
            return postern_ctl_usage(ctl, "\"%s\" is too much behind sender, destination, path, interface and member", text);
        if (question->values[key] != NULL)
            return postern_ctl_usage(ctl, "%s is given twice", question_keys[key].key);
        question->values[key] = equals != NULL ? equals + 1 : text;
        if (append_value(NULL, &question_keys[key], question->values[key], &error) < 0)
            return postern_ctl_usage(ctl, "%s", error.text);
    }
    if (n == 0)
        return postern_ctl_usage(ctl, "explain what? It needs a sender and a destination");
    if (question->values[TYPE_KEY] == NULL)
        question->values[TYPE_KEY] = "method_call";
    ask_for_ping(question);
    return CTL_OK;
}

static struct postern_value *ask(struct postern_ctl *ctl, const struct question *question, struct postern_error *error)
{
    postern_ctl_automessage sd_bus_message *call = NULL, *answer = NULL;
    struct postern_value *value;
    int r = postern_ctl_new_call(ctl, CTL_MEDIATOR1, "Explain", &call);

    if (r >= 0)
        r = sd_bus_message_open_container(call, 'a', "{sv}");
    for (size_t i = 0; r >= 0 && i < N_KEYS; i++) {
        if (question->values[i] != NULL)
            r = append_value(call, &question_keys[i], question->values[i], error);
    }
    if (r >= 0)
        r = sd_bus_message_close_container(call);
    if (r < 0)
        postern_error_set(error, r, "cannot put the question into a message: %s; an object path is wrong, or something is no UTF-8", strerror(-r));
    else
        r = postern_ctl_send_call(ctl, call, &answer, error);
    if (r < 0)
        return NULL;
    if (!sd_bus_message_has_signature(answer, "a{sv}") || postern_ctl_read(answer, &value) < 0) {
        postern_error_set(error, -EBADMSG, "the bus's answer to Explain makes no sense");
        return NULL;
    }
    return value;
}

static const struct door {
    const char *key, *denied, *fix;
} doors[] = {
    {"xml", "the XML policy", "to allow it, in the policy, behind what denies: "},
    {"container", "the container's door", "to allow it, the rule: "},
    {"lsm", "the LSM", "to allow it: "},
};

static void print_text(struct postern_output *out, const char *before, const char *text)
{
    if (text == NULL || *text == '\0')
        return;
    postern_output_printf(out, "%s", before);
    postern_output_text(out, text);
}

/* One door: what it says and by which rule in the first line, why and what would change it below. */
static void print_door(struct postern_output *out, const struct door *door, const struct postern_value *says)
{
    const char *verdict = postern_value_text(says, "verdict"), *end = postern_value_text(says, "end");
    const char *rule = postern_value_text(says, "rule"), *source = postern_value_text(says, "source");

    if (says == NULL)
        return;
    postern_output_printf(out, "  %-11s", door->key);
    print_text(out, "", verdict != NULL ? verdict : "nothing");
    print_text(out, ", at the ", end);
    print_text(out, ", rule ", rule != NULL && strcmp(rule, "none") == 0 ? NULL : rule);
    if (source != NULL && (rule == NULL || strcmp(rule, source) != 0))
        print_text(out, ", ", source);
    postern_output_printf(out, "\n");
    print_text(out, "             ", postern_value_text(says, "why"));
    if (postern_value_text(says, "why") != NULL)
        postern_output_printf(out, "\n");
    if (postern_value_text(says, "fix") != NULL) {
        postern_output_printf(out, "             %s", door->fix);
        print_text(out, "", postern_value_text(says, "fix"));
        postern_output_printf(out, "\n");
    }
}

/* What was asked, for the answer in JSON and for its first line. */
static struct postern_value *question_value(const struct question *question)
{
    struct postern_value *value = postern_value_new(POSTERN_VALUE_OBJECT);

    for (size_t i = 0; i < N_KEYS; i++) {
        if (question->values[i] != NULL)
            postern_value_set(value, question_keys[i].key, postern_value_string(question->values[i]));
    }
    return value;
}

/* "method_call a.b -> c.d, path=/, ..." */
static void print_question(struct postern_output *out, const struct postern_value *question)
{
    static const char *const head[] = {"type", "sender", "destination"};
    const char *before = ", ";

    print_text(out, ": ", postern_value_text(question, "type"));
    print_text(out, " ", postern_value_text(question, "sender"));
    print_text(out, " -> ", postern_value_text(question, "destination"));
    for (size_t i = 0; i < question->n; i++) {
        if (strcmp(question->keys[i], head[0]) == 0 || strcmp(question->keys[i], head[1]) == 0 || strcmp(question->keys[i], head[2]) == 0)
            continue;
        postern_output_printf(out, "%s%s=", before, question->keys[i]);
        postern_output_text(out, question->items[i]->text);
        before = " ";
    }
}

static void print_answer(struct postern_output *out, const struct postern_value *answer)
{
    const char *by = postern_value_text(answer, "door"), *see = postern_value_text(answer, "see");

    postern_output_printf(out, "%s", postern_value_is_true(answer, "allowed") ? "ALLOWED" : "DENIED");
    if (by != NULL && *by != '\0') {
        size_t i = 0;

        while (i < sizeof doors / sizeof *doors && strcmp(doors[i].key, by) != 0)
            i++;
        print_text(out, " by ", i < sizeof doors / sizeof *doors ? doors[i].denied : by);
    }
    print_question(out, postern_value_get(answer, "question"));
    postern_output_printf(out, "\n");
    print_text(out, "  it sees:   ", see);
    postern_output_printf(out, "%s", see != NULL ? "\n" : "");
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
        print_door(out, &doors[i], postern_value_get(answer, doors[i].key));
}

int postern_ctl_explain(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n)
{
    struct question question = {{NULL}};
    autovalue struct postern_value *answer = NULL;
    struct postern_error error;
    int status = read_question(ctl, args, n, &question);

    if (status != CTL_OK)
        return status;
    if (postern_ctl_connect(ctl, &error) < 0 || (answer = ask(ctl, &question, &error)) == NULL)
        return postern_ctl_complain(CTL_UNASKED, "%s", error.text);
    if (postern_value_get(answer, "allowed") == NULL)
        return postern_ctl_complain(CTL_UNASKED, "the bus's answer to Explain has no \"allowed\"");
    postern_value_set(answer, "question", question_value(&question));
    if (ctl->json != POSTERN_JSON_OFF || answer->failed)
        postern_output_json(&ctl->out, answer, ctl->json);
    else
        print_answer(&ctl->out, answer);
    return postern_value_is_true(answer, "allowed") ? CTL_OK : CTL_FAILED;
}
