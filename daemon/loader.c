/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/cleanup.h"

/* No table grows to this in the life of one major version; a size beyond it is garbage, and reading that far could crash. */
#define TABLE_SIZE_MAX 65536u

/* The name under which the dynamic linker gets an open file. By pid, not "self", so that debuggers and symbolizers find it too. */
#define FD_PATH_MAX 64

static void fd_path(int fd, char text[FD_PATH_MAX])
{
    snprintf(text, FD_PATH_MAX, "/proc/%ld/fd/%d", (long)getpid(), fd);
}

/* ---- may the file be trusted? ------------------------------------------------------------------ */

/* Is gid the group that only the daemon's own user is in? Distributions with such groups set umask 0002, and what is built there is
 * writable for its group. The superuser gets no such leniency: nothing that root runs needs it. */
static bool group_is_private(gid_t gid)
{
    const struct passwd *user = geteuid() != 0 ? getpwuid(geteuid()) : NULL;
    const struct group *group;

    if (user == NULL || user->pw_gid != gid)
        return false;
    group = getgrgid(gid);
    if (group == NULL || strcmp(group->gr_name, user->pw_name) != 0)
        return false;
    for (char **member = group->gr_mem; *member != NULL; member++)
        if (strcmp(*member, user->pw_name) != 0)
            return false;
    return true;
}

/* With an access list the group's write bit is the list's mask: it may let in users whom neither owner nor group names. */
static bool has_access_list(int fd)
{
    char text[FD_PATH_MAX];

    fd_path(fd, text);
    return getxattr(text, "system.posix_acl_access", NULL, 0) >= 0 || (errno != ENODATA && errno != ENOTSUP);
}

/* May only root and the daemon's user change what fd is? name is its path, up to name_len. */
static int check_trust(int fd, const struct stat *st, const char *path, int name_len, struct postern_error *error)
{
    const char *kind = S_ISDIR(st->st_mode) ? "folder " : "file ";

    if (st->st_uid != 0 && st->st_uid != geteuid())
        return postern_error_set(error, -EPERM,
                                 "module \"%s\": %s%.*s belongs to uid %u, neither to root nor to the bus (uid %u): change its owner",
                                 path, kind, name_len, path, (unsigned)st->st_uid, (unsigned)geteuid());
    /* In a sticky folder others may add entries, but not replace or rename the one on our way: that one has a trusted owner. */
    if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0)
        return 0;
    if ((st->st_mode & S_IWOTH) != 0)
        return postern_error_set(error, -EPERM, "module \"%s\": %s%.*s is writable for everybody: chmod o-w it", path, kind,
                                 name_len, path);
    if ((st->st_mode & S_IWGRP) != 0 && (!group_is_private(st->st_gid) || has_access_list(fd)))
        return postern_error_set(error, -EPERM, "module \"%s\": %s%.*s is writable for its group (gid %u): chmod g-w it", path, kind,
                                 name_len, path, (unsigned)st->st_gid);
    return 0;
}

/* Opens one step of the way from folder parent and checks it. The last step must be a regular file, the others folders. */
static int open_step(int parent, const char *real, const char *name, size_t name_len, bool last, struct postern_error *error)
{
    const int shown = (int)(name + name_len - real);
    char step[NAME_MAX + 1];
    postern_autoclose int fd = -1;
    struct stat st;
    int r;

    if (name_len > NAME_MAX)
        return postern_error_set(error, -ENAMETOOLONG, "module \"%s\": %s", real, strerror(ENAMETOOLONG));
    memcpy(step, name, name_len);
    step[name_len] = '\0';
    /* O_NOFOLLOW: the path has no links any more; one that turns up was put there after we looked. O_NONBLOCK: a FIFO must not
     * stop the daemon before it is found to be one. */
    fd = openat(parent, step, O_NOFOLLOW | O_CLOEXEC | (last ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH | O_DIRECTORY));
    if (fd < 0 || fstat(fd, &st) < 0) {
        r = -errno;
        return postern_error_set(error, r, "module \"%s\": %.*s: %s", real, shown, real, strerror(-r));
    }
    if (last && !S_ISREG(st.st_mode))
        return postern_error_set(error, S_ISDIR(st.st_mode) ? -EISDIR : -EPERM, "module \"%s\" is %s, not a regular file", real,
                                 S_ISDIR(st.st_mode) ? "a folder" : "something special");
    r = check_trust(fd, &st, real, shown, error);
    if (r < 0)
        return r;
    r = fd;
    fd = -1;
    return r;
}

/* Walks the real path from the root down and checks each step on the very object that is then passed through. Returns the file. */
static int open_trusted(const char *real, struct postern_error *error)
{
    postern_autoclose int folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const char *name = real + 1;
    struct stat st;
    int r;

    if (folder < 0 || fstat(folder, &st) < 0) {
        r = -errno;
        return postern_error_set(error, r, "module \"%s\": /: %s", real, strerror(-r));
    }
    r = check_trust(folder, &st, real, 1, error);
    if (r < 0)
        return r;
    for (;;) {
        const size_t len = strcspn(name, "/");
        const bool last = name[len] == '\0';

        r = open_step(folder, real, name, len, last, error);
        if (r < 0 || last)
            return r;
        close(folder);
        folder = r;
        name += len + 1;
    }
}

/* ---- is it a module for us? -------------------------------------------------------------------- */

#define MEMBER(name) {offsetof(struct postern_module, name), #name}
static const struct {
    size_t offset;
    const char *name;
} members_1_0[] = {
    MEMBER(name), MEMBER(version), MEMBER(open), MEMBER(close), MEMBER(reload), MEMBER(party_new), MEMBER(party_identity),
    MEMBER(party_authenticated), MEMBER(party_hello), MEMBER(party_name), MEMBER(party_leave), MEMBER(party_free), MEMBER(mediate),
    MEMBER(see), MEMBER(delivered), MEMBER(stamp), MEMBER(interfaces), MEMBER(driver_call), MEMBER(get_property), MEMBER(credentials),
    MEMBER(features),
};
#undef MEMBER
/* Where what came later begins. */
#define TABLE_SIZE_1_0 offsetof(struct postern_module, services)
/* All members are pointers of one size without gaps, so the list is complete when it fills version 1.0. */
_Static_assert(sizeof(struct postern_abi) + sizeof(members_1_0) / sizeof(members_1_0[0]) * sizeof(void *) == TABLE_SIZE_1_0,
               "a member of the module's table is not checked");

/* The version rule at the head of module.h. */
static int check_table(const struct postern_module *module, const char *path, struct postern_error *error)
{
    const uint32_t size = module->abi.size;
    const unsigned char *bytes = (const unsigned char *)module;

    if (module->abi.major != POSTERN_ABI_MAJOR)
        return postern_error_set(error, -ELIBBAD,
                                 "module \"%s\" has interface version %u, this bus needs %u: install both from one release", path,
                                 module->abi.major, POSTERN_ABI_MAJOR);
    if (size < TABLE_SIZE_1_0)
        return postern_error_set(error, -EINVAL, "module \"%s\": its table has %u bytes, version %u.0 has %zu", path, size,
                                 POSTERN_ABI_MAJOR, TABLE_SIZE_1_0);
    if (size > TABLE_SIZE_MAX)
        return postern_error_set(error, -E2BIG, "module \"%s\": its table claims to have %u bytes", path, size);
    for (size_t i = 0; i < sizeof(members_1_0) / sizeof(members_1_0[0]); i++) {
        uintptr_t pointer;

        memcpy(&pointer, bytes + members_1_0[i].offset, sizeof(pointer));
        if (pointer == 0)
            return postern_error_set(error, -ELIBBAD, "module \"%s\": its table has no %s", path, members_1_0[i].name);
    }
    for (size_t i = sizeof(*module); i < size; i++)
        if (bytes[i] != 0)
            return postern_error_set(error, -E2BIG,
                                     "module \"%s\" is version %u.%u and insists on what this bus, version %u.%u, does not know",
                                     path, module->abi.major, module->abi.minor, POSTERN_ABI_MAJOR, POSTERN_ABI_MINOR);
    return 0;
}

static int load(int fd, const char *path, void **handle, struct postern_error *error)
{
    char text[FD_PATH_MAX];
    const char *why;
    size_t n;

    /* By descriptor: what gets loaded is the file that was checked, whatever its name means by now. */
    fd_path(fd, text);
    *handle = dlopen(text, RTLD_NOW | RTLD_LOCAL);
    if (*handle != NULL)
        return 0;
    why = dlerror();
    n = strlen(text);
    if (strncmp(why, text, n) == 0 && strncmp(why + n, ": ", 2) == 0)
        why += n + 2;
    return postern_error_set(error, -ELIBBAD, "module \"%s\" does not load: %s", path, why);
}

static int find_table(void *handle, const char *path, const struct postern_module **module, struct postern_error *error)
{
    postern_module_fn *entry = (postern_module_fn *)dlsym(handle, POSTERN_MODULE_SYMBOL);

    if (entry == NULL)
        return postern_error_set(error, -ELIBBAD, "\"%s\" is no module of Postern: it does not export %s", path,
                                 POSTERN_MODULE_SYMBOL);
    *module = entry(POSTERN_ABI_MAJOR, POSTERN_ABI_MINOR);
    if (*module == NULL)
        return postern_error_set(error, -ELIBBAD, "module \"%s\" does not serve a bus of interface version %u.%u", path,
                                 POSTERN_ABI_MAJOR, POSTERN_ABI_MINOR);
    return check_table(*module, path, error);
}

int postern_loader_open(struct postern_loader *loader, const char *path, struct postern_error *error)
{
    struct postern_loader new = {0};
    int r;

    if (path[0] != '/')
        return postern_error_set(error, -EINVAL, "module \"%s\": the path must be absolute", path);
    new.path = realpath(path, NULL);
    if (new.path == NULL) {
        r = -errno;
        return postern_error_set(error, r, "module \"%s\": %s", path, strerror(-r));
    }
    new.fd = open_trusted(new.path, error);
    if (new.fd < 0) {
        free(new.path);
        return new.fd;
    }
    r = load(new.fd, new.path, &new.handle, error);
    if (r == 0)
        r = find_table(new.handle, new.path, &new.module, error);
    if (r < 0) {
        postern_loader_close(&new);
        return r;
    }
    *loader = new;
    return 0;
}

void postern_loader_close(struct postern_loader *loader)
{
    if (loader->handle != NULL)
        dlclose(loader->handle);
    if (loader->path != NULL)
        close(loader->fd);
    free(loader->path);
    *loader = (struct postern_loader){0};
}

/* ---- where is it? ------------------------------------------------------------------------------ */

char *postern_loader_default_path(void)
{
    postern_autofree char *program = realpath("/proc/self/exe", NULL);
    char *slash = program != NULL ? strrchr(program, '/') : NULL;
    char *path;

    if (slash != NULL) {
        *slash = '\0';
        if (strcmp(program, POSTERN_BINDIR) != 0) {
            if (asprintf(&path, "%s/.libs/mediator.so", program) < 0)
                return NULL;
            if (access(path, F_OK) == 0)
                return path;
            free(path);
        }
    }
    return strdup(POSTERN_MODULE_PATH);
}
