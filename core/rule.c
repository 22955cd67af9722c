/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/name.h"

static int check_flags(uint32_t flags, struct postern_error *error)
{
    if ((flags & ~POSTERN_ALLOW_ALL) != 0)
        return postern_error_set(error, -EINVAL, "the flags 0x%x have bits that mean nothing: 0x%x", flags,
                                 flags & ~POSTERN_ALLOW_ALL);
    if ((flags & POSTERN_ALLOW_ACTIONS) == 0)
        return postern_error_set(error, -EINVAL, "the flags 0x%x name no action; SEE, CALL, HEAR or OWN is needed", flags);
    if ((flags & POSTERN_ALLOW_SEND_FDS) != 0 && (flags & POSTERN_ALLOW_CALL) == 0)
        return postern_error_set(error, -EINVAL, "SEND_FDS needs CALL");
    return 0;
}

/* The form in which buses give unique names, ":N.N"; what the specification would allow besides is a mistake in a rule. */
static bool is_unique(const char *name)
{
    size_t first = *name == ':' ? strspn(name + 1, "0123456789") : 0;
    const char *rest = name + 1 + first;

    return first > 0 && *rest == '.' && rest[1] != '\0' && rest[1 + strspn(rest + 1, "0123456789")] == '\0' &&
           strlen(name) <= POSTERN_NAME_MAX;
}

static int check_name(uint32_t flags, const char *name, struct postern_error *error)
{
    size_t len = strlen(name);
    bool unique = is_unique(name);

    if (len > 0 && !unique && !postern_name_is_well_known(name, len))
        return postern_error_set(error, -EINVAL, "\"%s\" is not a valid bus name", name);
    if (strcmp(name, POSTERN_DRIVER_NAME) == 0)
        return postern_error_set(error, -EINVAL, "%s is the bus itself, no rule can be about it", name);
    if (unique && (flags & POSTERN_ALLOW_NAME_SUBTREE) != 0)
        return postern_error_set(error, -EINVAL,
                                 "the unique name \"%s\" stands for one connection, NAME_SUBTREE means nothing there", name);
    if ((unique || len == 0) && (flags & POSTERN_ALLOW_OWN) != 0)
        return postern_error_set(error, -EINVAL, "\"%s\" is no name that could be owned; OWN needs a well-known name", name);
    return 0;
}

/* interface: with the member behind its last dot when there is one. */
static int check_interface(uint32_t flags, const char *interface, const char *member, struct postern_error *error)
{
    size_t len = member == NULL ? strlen(interface) : member == interface ? 0 : (size_t)(member - interface) - 1;

    if ((flags & POSTERN_ALLOW_MEMBER) != 0 && *interface == '\0')
        return postern_error_set(error, -EINVAL, "MEMBER needs the name of a member in the interface");
    if (member != NULL && !postern_name_is_member(member, strlen(member)))
        return postern_error_set(error, -EINVAL, "\"%s\" is not a valid member name, in \"%s\"", member, interface);
    if (member != NULL ? member != interface && !postern_name_is_interface(interface, len)
                       : len > 0 && !postern_name_is_interface(interface, len))
        return postern_error_set(error, -EINVAL, "\"%.*s\" is not a valid interface name", (int)len, interface);
    return 0;
}

static int check_own(uint32_t flags, const char *path, const char *interface, struct postern_error *error)
{
    if ((flags & POSTERN_ALLOW_OWN) == 0)
        return 0;
    if (strcmp(path, "/") != 0 || (flags & POSTERN_ALLOW_PATH_SUBTREE) == 0 || *interface != '\0')
        return postern_error_set(error, -EINVAL,
                                 "OWN is not bound to objects: its path must be \"/\" with PATH_SUBTREE, its interface empty");
    return 0;
}

/* All four strings in one piece of memory: a bus may have a great many rules. */
static int copy_strings(struct postern_rule *rule, const char *name, const char *path, const char *interface,
                        size_t interface_len, const char *member)
{
    size_t name_size = strlen(name) + 1, path_size = strlen(path) + 1, member_size = strlen(member) + 1;
    char *p = malloc(name_size + path_size + interface_len + 1 + member_size);

    if (p == NULL)
        return -ENOMEM;
    rule->name = memcpy(p, name, name_size);
    rule->path = memcpy(p + name_size, path, path_size);
    rule->interface = memcpy(rule->path + path_size, interface, interface_len);
    rule->interface[interface_len] = '\0';
    rule->member = memcpy(rule->interface + interface_len + 1, member, member_size);
    return 0;
}

int postern_rule_init(struct postern_rule *rule, uint32_t flags, const char *name, const char *path, const char *interface,
                      struct postern_error *error)
{
    const char *dot = strrchr(interface, '.');
    const char *member = (flags & POSTERN_ALLOW_MEMBER) == 0 ? NULL : dot != NULL ? dot + 1 : interface;
    size_t interface_len = member == NULL ? strlen(interface) : member == interface ? 0 : (size_t)(member - interface) - 1;
    struct postern_rule made = {.flags = flags};
    int r = check_flags(flags, error);

    if (r == 0)
        r = check_name(flags, name, error);
    if (r == 0 && !postern_path_is_valid(path, strlen(path)))
        r = postern_error_set(error, -EINVAL, "\"%s\" is not a valid object path", path);
    if (r == 0)
        r = check_interface(flags, interface, member, error);
    if (r == 0)
        r = check_own(flags, path, interface, error);
    if (r == 0 && copy_strings(&made, name, path, interface, interface_len, member != NULL ? member : "") < 0)
        r = postern_error_set(error, -ENOMEM, "out of memory");
    if (r == 0)
        *rule = made;
    return r;
}

void postern_rule_finish(struct postern_rule *rule)
{
    free(rule->name); /* and the other strings with it */
    *rule = (struct postern_rule){0};
}
