/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/selinux/offline.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sepol/debug.h>
#include <sepol/policydb.h>
#include <sepol/policydb/policydb.h>
#include <sepol/policydb/services.h>
#include <sepol/sepol.h>

#include "util/cleanup.h"

_Static_assert(POSTERN_SELINUX_REASON_TE == SEPOL_COMPUTEAV_TE && POSTERN_SELINUX_REASON_CONSTRAINT == SEPOL_COMPUTEAV_CONS &&
                   POSTERN_SELINUX_REASON_RBAC == SEPOL_COMPUTEAV_RBAC && POSTERN_SELINUX_REASON_BOUNDS == SEPOL_COMPUTEAV_BOUNDS,
               "the reasons are libsepol's");

struct postern_selinux_offline {
    /* A policy of our own beside the one that libsepol evaluates: that one it does not show. */
    sepol_policydb_t *policy;
    enum postern_selinux_unknown unknown;
};

static bool opened;

/* The beginning of a policy file: the magic number, eight bytes "SE Linux" behind their number, a version, and flags. */
struct header {
    uint32_t version;
    uint32_t flags;
};

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int read_header(FILE *file, struct header *header, const char *path, struct postern_error *error)
{
    uint8_t bytes[24];

    if (fread(bytes, 1, sizeof(bytes), file) != sizeof(bytes) || le32(bytes) != SELINUX_MAGIC || le32(bytes + 4) != 8 ||
        memcmp(bytes + 8, "SE Linux", 8) != 0)
        return postern_error_set(error, -EBADMSG, "%s: not a compiled SELinux policy for the kernel", path);
    header->version = le32(bytes + 16);
    header->flags = le32(bytes + 20);
    rewind(file);
    return 0;
}

/*
 * What is looked at of a policy lies where the headers said when this was compiled. A library that has moved it since would be
 * read wrongly, so two fields, beside the one that matters, are compared with what the file says.
 */
static bool same_layout(const policydb_t *policy, const struct header *header)
{
    uint32_t unknown = header->flags & (SEPOL_REJECT_UNKNOWN | SEPOL_ALLOW_UNKNOWN);

    return policy->policy_type == POLICY_KERN && policy->policyvers == header->version && policy->handle_unknown == unknown;
}

/* Reads the policy that is ours. */
static int read_own(FILE *file, struct postern_selinux_offline *handle, const char *path, struct postern_error *error)
{
    sepol_policy_file_t *source = NULL;
    struct header header = {0};
    int r = read_header(file, &header, path, error);

    if (r < 0)
        return r;
    if (sepol_policy_file_create(&source) < 0)
        return postern_error_set(error, -ENOMEM, "out of memory");
    sepol_policy_file_set_fp(source, file);
    if (sepol_policydb_read(handle->policy, source) < 0)
        r = postern_error_set(error, -EBADMSG, "%s: libsepol does not take this policy", path);
    else if (!same_layout(&handle->policy->p, &header))
        r = postern_error_set(error, -ENOTSUP, "libsepol is not the one that this was built with");
    sepol_policy_file_free(source);
    rewind(file);
    return r;
}

static enum postern_selinux_unknown unknown_of(unsigned int handle_unknown)
{
    switch (handle_unknown) {
    case SEPOL_ALLOW_UNKNOWN:
        return POSTERN_SELINUX_UNKNOWN_ALLOW;
    case SEPOL_REJECT_UNKNOWN:
        return POSTERN_SELINUX_UNKNOWN_REJECT;
    default:
        return POSTERN_SELINUX_UNKNOWN_DENY;
    }
}

static int open_file(FILE *file, const char *path, struct postern_selinux_offline **handle, struct postern_error *error)
{
    struct postern_selinux_offline *made = calloc(1, sizeof(*made));
    int r;

    if (made == NULL || sepol_policydb_create(&made->policy) < 0) {
        free(made);
        return postern_error_set(error, -ENOMEM, "out of memory");
    }
    r = read_own(file, made, path, error);
    if (r == 0 && sepol_set_policydb_from_file(file) < 0)
        r = postern_error_set(error, -EBADMSG, "%s: libsepol does not take this policy", path);
    if (r < 0) {
        sepol_policydb_free(made->policy);
        free(made);
        return r;
    }
    made->unknown = unknown_of(made->policy->p.handle_unknown);
    *handle = made;
    return 0;
}

int postern_selinux_offline_open(const char *path, struct postern_selinux_offline **handle, struct postern_error *error)
{
    FILE *file;
    int r;

    if (opened)
        return postern_error_set(error, -EBUSY, "libsepol evaluates one policy at a time");
    file = fopen(path, "re");
    if (file == NULL) {
        int code = -errno;

        return postern_error_set(error, code, "%s: %s", path, strerror(-code));
    }
    sepol_debug(0);
    r = open_file(file, path, handle, error);
    fclose(file);
    opened = r == 0;
    return r;
}

void postern_selinux_offline_close(struct postern_selinux_offline *handle)
{
    if (handle == NULL)
        return;
    sepol_policydb_free(handle->policy);
    free(handle);
    opened = false;
}

/* The map goes by the numbers of types. Of the library's functions on maps none is exported. */
static bool in_map(const ebitmap_t *map, uint32_t value)
{
    for (const ebitmap_node_t *node = map->node; node != NULL; node = node->next)
        if (value >= node->startbit && value - node->startbit < MAPSIZE)
            return ebitmap_node_get_bit(node, value) != 0;
    return false;
}

/* Whether the type in a context is permissive: USER:ROLE:TYPE, with a level behind it or not. */
static bool type_is_permissive(const policydb_t *policy, const char *context)
{
    const char *role = strchr(context, ':');
    const char *type = role != NULL ? strchr(role + 1, ':') : NULL;
    size_t len;

    if (type == NULL)
        return false;
    type++;
    len = strcspn(type, ":");
    for (uint32_t i = 0; i < policy->p_types.nprim; i++) {
        const char *name = policy->p_type_val_to_name[i];

        if (name != NULL && strlen(name) == len && memcmp(name, type, len) == 0)
            return in_map(&policy->permissive_map, i + 1);
    }
    return false;
}

static int is_permissive(const policydb_t *policy, sepol_security_id_t source, bool *permissive)
{
    postern_autofree char *context = NULL;
    size_t len;

    if (policy->permissive_map.node == NULL) {
        *permissive = false;
        return 0;
    }
    /* Not as the caller wrote it: that may have been another name of the type. */
    if (sepol_sid_to_context(source, &context, &len) < 0)
        return -EIO;
    *permissive = type_is_permissive(policy, context);
    return 0;
}

/* The rules for a class and permission that are known. */
static int compute(sepol_security_id_t source, sepol_security_id_t target, sepol_security_class_t class,
                   sepol_access_vector_t bit, struct postern_selinux_verdict *verdict)
{
    struct sepol_av_decision decision;
    unsigned int reasons = 0;

    if (sepol_compute_av_reason(source, target, class, bit, &decision, &reasons) < 0)
        return -EIO;
    verdict->allowed = bit != 0 && (decision.allowed & bit) == bit;
    verdict->reasons = verdict->allowed ? 0 : reasons;
    return 0;
}

int postern_selinux_offline_check(struct postern_selinux_offline *handle, const char *scontext, const char *tcontext,
                                  const char *class, const char *permission, struct postern_selinux_verdict *verdict)
{
    struct postern_selinux_verdict found = {.unknown = handle->unknown};
    sepol_security_id_t source, target;
    sepol_security_class_t number;
    sepol_access_vector_t bit;
    int r;

    if (sepol_context_to_sid(scontext, strlen(scontext), &source) < 0 ||
        sepol_context_to_sid(tcontext, strlen(tcontext), &target) < 0)
        return -EINVAL;
    r = is_permissive(&handle->policy->p, source, &found.permissive);
    if (r < 0)
        return r;
    if (sepol_string_to_security_class(class, &number) < 0)
        found.unknown_class = true;
    else if (sepol_string_to_av_perm(number, permission, &bit) < 0)
        found.unknown_permission = true;
    else
        r = compute(source, target, number, bit, &found);
    /* A policy may want what it does not know allowed: Fedora's and Debian's do, so that a new kernel works with an old policy.
     */
    if (found.unknown_class || found.unknown_permission)
        found.allowed = handle->unknown == POSTERN_SELINUX_UNKNOWN_ALLOW;
    if (r == 0)
        *verdict = found;
    return r;
}
