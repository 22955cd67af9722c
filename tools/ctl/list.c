/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list, stop: the instances of the bus. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/bus.h"
#include "tools/ctl/instances.h"
#include "tools/ctl/read.h"
#include "tools/ctl/words.h"
#include "util/cleanup.h"

struct postern_value *postern_ctl_instances(struct postern_ctl *ctl, struct postern_error *error)
{
    static const char *const keys[] = {"path", "type", "name", "source", "connections", NULL};
    postern_ctl_automessage sd_bus_message *answer = NULL;
    struct postern_value *rows;

    if (postern_ctl_call(ctl, CTL_MEDIATOR1, "ListInstances", &answer, error, "") < 0)
        return NULL;
    if (postern_ctl_read_rows(answer, "a(osssu)", keys, &rows) < 0) {
        postern_error_set(error, -EBADMSG, "the bus's list of instances makes no sense");
        return NULL;
    }
    for (size_t i = 0; i < rows->n; i++) {
        const char *path = postern_value_text(rows->items[i], "path");

        postern_value_set(rows->items[i], "instance", postern_value_string(postern_ctl_instance_short(path)));
        rows->failed |= rows->items[i]->failed;
    }
    return rows;
}

int postern_ctl_list(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n)
{
    static const struct postern_column columns[] = {
        {"INSTANCE", "instance"}, {"TYPE", "type"}, {"NAME", "name"}, {"SOURCE", "source"}, {"CONNECTIONS", "connections"},
    };
    __attribute__((cleanup(postern_value_freep))) struct postern_value *rows = NULL;
    struct postern_error error;

    if (n > 0)
        return postern_ctl_usage(ctl, "list takes no arguments; \"%s\" is too much", args[0].value);
    if (postern_ctl_connect(ctl, &error) < 0 || (rows = postern_ctl_instances(ctl, &error)) == NULL)
        return postern_ctl_complain(CTL_FAILED, "%s", error.text);
    if (ctl->json != POSTERN_JSON_OFF)
        postern_output_json(&ctl->out, rows, ctl->json);
    else
        postern_output_table(&ctl->out, rows, columns, sizeof columns / sizeof *columns, !ctl->no_legend);
    return CTL_OK;
}

enum { OPT_LISTENING = CTL_OWN };

const struct option postern_ctl_stop_options[] = {
    {"listening", no_argument, NULL, OPT_LISTENING},
    {NULL, 0, NULL, 0},
};

static int stop_one(struct postern_ctl *ctl, const char *member, const char *text)
{
    struct postern_error error;
    postern_autofree char *path = postern_ctl_instance_path(text, &error);

    /* It was looked at before; what is left is memory. */
    if (path == NULL || postern_ctl_call(ctl, CTL_CONTAINERS1, member, NULL, &error, "o", path) < 0)
        return postern_ctl_complain(CTL_FAILED, "%s: %s", text, error.text);
    return CTL_OK;
}

int postern_ctl_stop(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n)
{
    const char *member = "StopInstance";
    struct postern_error error;
    int status = CTL_OK;
    size_t n_instances = 0;

    /* All of the line is looked at before anything ends. */
    for (size_t i = 0; i < n; i++) {
        postern_autofree char *path = NULL;

        if (args[i].option == OPT_LISTENING) {
            member = "StopListening";
            continue;
        }
        path = postern_ctl_instance_path(args[i].value, &error);
        if (path == NULL)
            return postern_ctl_usage(ctl, "%s", error.text);
        n_instances++;
    }
    if (n_instances == 0)
        return postern_ctl_usage(ctl, "stop what? It needs an instance");
    if (postern_ctl_connect(ctl, &error) < 0)
        return postern_ctl_complain(CTL_FAILED, "%s", error.text);
    for (size_t i = 0; i < n; i++) {
        if (args[i].option == CTL_ARGUMENT && stop_one(ctl, member, args[i].value) != CTL_OK)
            status = CTL_FAILED;
    }
    return status;
}
