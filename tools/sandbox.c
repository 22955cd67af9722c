/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/name.h"

/* The real paths of what must stay out of reach. */
struct hidden {
    struct postern_list empty;  /* folders that are empty inside */
    struct postern_list sealed; /* files and folders that --bind must not bring back */
};

static bool is_under(const char *path, const char *root)
{
    return postern_path_in_subtree(path, strlen(path), root, strlen(root));
}

static void hide_folder(struct hidden *hidden, const char *path)
{
    char real[PATH_MAX];

    if (realpath(path, real) == NULL)
        return; /* what does not exist cannot be entered, and cannot come into being on a read-only file system */
    for (size_t i = 0; i < hidden->empty.n; i++) {
        if (is_under(real, hidden->empty.items[i]))
            return;
    }
    postern_list_add(&hidden->empty, real, NULL);
}

/* A socket is hidden with its folder: a mount over the file alone would go away when the bus is restarted and makes a new one. */
static int hide_socket(struct hidden *hidden, const char *path, struct postern_error *error)
{
    char folder[PATH_MAX], real[PATH_MAX];
    char *slash;

    if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder || folder[0] != '/')
        return postern_error_set(error, -EINVAL, "the bus socket %s is no absolute path", path);
    slash = strrchr(folder, '/');
    *slash = '\0';
    if (realpath(slash == folder ? "/" : folder, real) == NULL)
        return 0;
    if (strcmp(real, "/") == 0)
        return postern_error_set(error, -EINVAL, "the bus socket %s lies in the root folder, which cannot be hidden", path);
    hide_folder(hidden, real);
    postern_list_add(&hidden->sealed, real, NULL);
    return 0;
}

static int hide_bus(struct hidden *hidden, const char *path, struct postern_error *error)
{
    char real[PATH_MAX];
    int r = hide_socket(hidden, path, error);

    if (r == 0 && realpath(path, real) != NULL) {
        postern_list_add(&hidden->sealed, real, NULL);
        r = hide_socket(hidden, real, error); /* elsewhere when path is a symbolic link */
    }
    return r;
}

static int hide_all(struct hidden *hidden, const struct postern_buses *buses, const char *socket, struct postern_error *error)
{
    char real[PATH_MAX];
    int r = 0;

    hide_folder(hidden, "/tmp");
    hide_folder(hidden, "/var/tmp");
    hide_folder(hidden, "/run");
    postern_list_addf(&hidden->sealed, "/run/user/%u", (unsigned)getuid());
    postern_list_add(&hidden->sealed, "/proc", NULL);
    if (buses->runtime_dir != NULL) {
        hide_folder(hidden, buses->runtime_dir);
        if (realpath(buses->runtime_dir, real) != NULL)
            postern_list_add(&hidden->sealed, real, NULL);
    }
    for (size_t i = 0; r == 0 && i < buses->sockets.n; i++)
        r = hide_bus(hidden, buses->sockets.items[i], error);
    if (r == 0)
        r = hide_bus(hidden, socket, error); /* the sockets of other containers are in the same folder */
    if (r == 0 && (hidden->empty.failed || hidden->sealed.failed))
        r = postern_error_set(error, -ENOMEM, "out of memory");
    return r;
}

/* how: "--bind" or "--ro-bind", of postern-run and of bwrap alike. */
static int add_binds(struct postern_list *argv, const struct hidden *hidden, const char *how, const struct postern_list *binds,
                     struct postern_error *error)
{
    char real[PATH_MAX];

    for (size_t i = 0; i < binds->n; i++) {
        if (realpath(binds->items[i], real) == NULL)
            return postern_error_set(error, -errno, "%s=%s: %s", how, binds->items[i], strerror(errno));
        for (size_t k = 0; k < hidden->sealed.n; k++) {
            if (is_under(hidden->sealed.items[k], real))
                return postern_error_set(error, -EINVAL, "%s=%s would bring %s back into reach", how, binds->items[i],
                                         hidden->sealed.items[k]);
        }
        postern_list_add(argv, how, real, real, NULL);
    }
    return 0;
}

/* The name service's configuration often is a link into /run. */
static void add_resolver(struct postern_list *argv)
{
    char real[PATH_MAX];

    if (realpath("/etc/resolv.conf", real) != NULL)
        postern_list_add(argv, "--ro-bind", real, real, NULL);
}

static int compose_argv(struct postern_list *argv, const struct postern_runopts *options, const struct hidden *hidden, const char *socket,
                        int status_fd, struct postern_error *error)
{
    int r;

    /* --new-session: no pushing of input into our terminal. --cap-drop: root would keep its capabilities, and could unmount. */
    postern_list_add(argv, "bwrap", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
                     "--unshare-cgroup-try", NULL);
    if (!options->share_net)
        postern_list_add(argv, "--unshare-net", NULL);
    postern_list_add(argv, "--json-status-fd", NULL);
    postern_list_addf(argv, "%d", status_fd);
    postern_list_add(argv, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", NULL);
    for (size_t i = 0; i < hidden->empty.n; i++) {
        bool temporary = strcmp(hidden->empty.items[i], "/tmp") == 0 || strcmp(hidden->empty.items[i], "/var/tmp") == 0;

        postern_list_add(argv, "--perms", temporary ? "1777" : "0755", "--tmpfs", hidden->empty.items[i], NULL);
    }
    if (options->share_net)
        add_resolver(argv);
    r = add_binds(argv, hidden, "--ro-bind", &options->ro_binds, error);
    if (r == 0)
        r = add_binds(argv, hidden, "--bind", &options->binds, error);
    if (r < 0)
        return r;
    postern_list_add(argv, "--perms", "0700", "--dir", NULL);
    postern_list_addf(argv, "/run/user/%u", (unsigned)getuid());
    postern_list_add(argv, "--ro-bind", socket, NULL);
    postern_list_addf(argv, "/run/user/%u/bus", (unsigned)getuid());
    postern_list_add(argv, "--", NULL);
    for (char **word = options->command; *word != NULL; word++)
        postern_list_add(argv, *word, NULL);
    return 0;
}

static void compose_env(struct postern_list *env)
{
    for (char **entry = environ; *entry != NULL; entry++) {
        if (!postern_buses_is_variable(*entry) && strncmp(*entry, "XDG_RUNTIME_DIR=", 16) != 0 && strncmp(*entry, "TMPDIR=", 7) != 0)
            postern_list_add(env, *entry, NULL);
    }
    postern_list_addf(env, "XDG_RUNTIME_DIR=/run/user/%u", (unsigned)getuid());
    postern_list_addf(env, "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/%u/bus", (unsigned)getuid());
}

int postern_sandbox_compose(struct postern_sandbox *sandbox, const struct postern_runopts *options, const struct postern_buses *buses,
                            const char *socket, int status_fd, struct postern_error *error)
{
    struct hidden hidden = {0};
    int r;

    *sandbox = (struct postern_sandbox){0};
    if (options->share_net && buses->beyond_files != NULL)
        return postern_error_set(error, -EINVAL, "--share-net would leave the bus at %s within reach: it is no socket file", buses->beyond_files);
    r = hide_all(&hidden, buses, socket, error);
    if (r == 0)
        r = compose_argv(&sandbox->argv, options, &hidden, socket, status_fd, error);
    compose_env(&sandbox->env);
    if (r == 0 && (sandbox->argv.failed || sandbox->env.failed))
        r = postern_error_set(error, -ENOMEM, "out of memory");
    postern_list_finish(&hidden.empty);
    postern_list_finish(&hidden.sealed);
    if (r < 0)
        postern_sandbox_finish(sandbox);
    return r;
}

void postern_sandbox_finish(struct postern_sandbox *sandbox)
{
    postern_list_finish(&sandbox->argv);
    postern_list_finish(&sandbox->env);
}
