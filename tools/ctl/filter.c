/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/ctl/filter.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "tools/ctl/words.h"

/* What each filter looks at; one of them must match. Of the two ends of a message, either may be the container. */
static const struct {
    int option;
    const char *keys[3];
} filters[] = {
    {CTL_FILTER_INSTANCE, {"from_instance", "to_instance"}},
    {CTL_FILTER_TYPE, {"from_type", "to_type"}},
    {CTL_FILTER_NAME, {"from_name", "to_name"}},
    {CTL_FILTER_DOOR, {"door"}},
    {CTL_FILTER_VERDICT, {"verdict"}},
    {CTL_FILTER_ACTION, {"action"}},
    {CTL_FILTER_SENDER, {"from"}},
    {CTL_FILTER_DESTINATION, {"to", "destination", "name"}},
    {CTL_FILTER_INTERFACE, {"interface"}},
    {CTL_FILTER_MEMBER, {"member"}},
};
#define N_FILTERS (sizeof filters / sizeof *filters)

/* An instance is meant by its short name, its number or its path. */
static bool matches_instance(const char *pattern, const char *path)
{
    const char *name = postern_ctl_instance_short(path);

    return fnmatch(pattern, name, 0) == 0 || fnmatch(pattern, path, 0) == 0 || (*name == 'c' && fnmatch(pattern, name + 1, 0) == 0);
}

static bool matches(size_t filter, const char *pattern, const struct postern_value *verdict)
{
    for (size_t i = 0; i < 3 && filters[filter].keys[i] != NULL; i++) {
        const char *value = postern_value_text(verdict, filters[filter].keys[i]);

        if (value == NULL)
            continue;
        if (filters[filter].option == CTL_FILTER_INSTANCE ? matches_instance(pattern, value) : fnmatch(pattern, value, 0) == 0)
            return true;
    }
    return false;
}

bool postern_ctl_filter_matches(const struct postern_ctl_arg *args, size_t n, const struct postern_value *verdict)
{
    for (size_t filter = 0; filter < N_FILTERS; filter++) {
        bool asked = false, found = false;

        for (size_t i = 0; i < n; i++) {
            if (args[i].option != filters[filter].option)
                continue;
            asked = true;
            found |= matches(filter, args[i].value, verdict);
        }
        if (asked && !found)
            return false;
    }
    return true;
}

/* " word value", when there is one. */
static void print_part(struct postern_output *out, const char *before, const struct postern_value *verdict, const char *key, const char *behind)
{
    const struct postern_value *value = postern_value_get(verdict, key);

    if (value == NULL || value->kind == POSTERN_VALUE_NULL)
        return;
    postern_output_printf(out, "%s", before);
    postern_output_cell(out, value);
    postern_output_printf(out, "%s", behind);
}

/* ":1.5 [com.example.Sandbox/app c3]", or another name where there is no connection (yet). */
static void print_end(struct postern_output *out, const struct postern_value *verdict, const char *const *keys, const char *instead)
{
    const char *who = postern_value_text(verdict, keys[0]), *path = postern_value_text(verdict, keys[1]);

    if (who == NULL)
        who = instead;
    postern_output_text(out, who != NULL ? who : "?");
    if (path == NULL)
        return;
    print_part(out, " [", verdict, keys[2], "");
    print_part(out, "/", verdict, keys[3], "");
    postern_output_printf(out, " ");
    postern_output_text(out, postern_ctl_instance_short(path));
    postern_output_printf(out, "]");
}

static void print_what(struct postern_output *out, const struct postern_value *verdict)
{
    const char *to = postern_value_text(verdict, "to"), *destination = postern_value_text(verdict, "destination");

    if (destination != NULL && to != NULL && strcmp(to, destination) != 0)
        print_part(out, " (", verdict, "destination", ")");
    print_part(out, " ", verdict, "name", "");
    print_part(out, " ", verdict, "type", "");
    print_part(out, " ", verdict, "interface", postern_value_get(verdict, "member") != NULL ? "." : "");
    print_part(out, postern_value_get(verdict, "interface") != NULL ? "" : " ", verdict, "member", "");
    print_part(out, " ", verdict, "path", "");
    print_part(out, " ", verdict, "error", "");
    print_part(out, " to serial ", verdict, "reply_serial", "");
    if (postern_value_number(verdict, "fds") > 0)
        print_part(out, " with ", verdict, "fds", " fds");
}

void postern_ctl_filter_print(struct postern_output *out, const struct postern_value *verdict)
{
    static const char *const from[] = {"from", "from_instance", "from_type", "from_name"};
    static const char *const to[] = {"to", "to_instance", "to_type", "to_name"};
    const char *door = postern_value_text(verdict, "door"), *word = postern_value_text(verdict, "verdict");
    const char *destination = postern_value_text(verdict, "destination");

    print_part(out, "", verdict, "clock", " ");
    for (const char *c = word != NULL ? word : "?"; *c != '\0'; c++)
        postern_output_printf(out, isgraph((unsigned char)*c) ? "%c" : "?", toupper((unsigned char)*c));
    if (door != NULL && strcmp(door, "none") != 0)
        print_part(out, " ", verdict, "door", "");
    print_part(out, " ", verdict, "action", "");
    postern_output_printf(out, " ");
    print_end(out, verdict, from, NULL);
    if (postern_value_get(verdict, "to") != NULL || destination != NULL) {
        postern_output_printf(out, " -> ");
        print_end(out, verdict, to, destination);
    }
    print_what(out, verdict);
    print_part(out, ": ", verdict, "why", "");
    print_part(out, " [", verdict, "rule", "]");
    print_part(out, "; needs ", verdict, "needs", "");
    postern_output_printf(out, "\n");
}
