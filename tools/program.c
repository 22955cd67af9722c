/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/program.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0, -ENOENT or -EACCES. */
static int check_file(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return -ENOENT;
    return S_ISREG(st.st_mode) && access(path, X_OK) == 0 ? 0 : -EACCES;
}

/* Looks into each folder of PATH; an empty one is the current folder. */
static int search_path(const char *program, const char *folders, char **path)
{
    int result = -ENOENT;

    for (;;) {
        size_t len = strcspn(folders, ":");
        char *candidate;
        int r;

        if (asprintf(&candidate, "%.*s%s%s", (int)len, folders, len > 0 ? "/" : "./", program) < 0)
            return -ENOMEM;
        r = check_file(candidate);
        if (r == 0) {
            *path = candidate;
            return 0;
        }
        free(candidate);
        if (r == -EACCES)
            result = r;
        if (folders[len] == '\0')
            return result;
        folders += len + 1;
    }
}

int postern_program_find(const char *program, char **path)
{
    const char *folders = getenv("PATH");
    char *copy;
    int r;

    if (strchr(program, '/') == NULL)
        return *program == '\0' ? -ENOENT : search_path(program, folders != NULL ? folders : "/usr/local/bin:/bin:/usr/bin", path);
    r = check_file(program);
    if (r < 0)
        return r;
    copy = strdup(program);
    if (copy == NULL)
        return -ENOMEM;
    *path = copy;
    return 0;
}

/* The number in a file of /proc/sys, or `absent`. */
static long read_setting(const char *path, long absent)
{
    FILE *file = fopen(path, "re");
    long value = absent;

    if (file != NULL) {
        if (fscanf(file, "%ld", &value) != 1)
            value = absent;
        fclose(file);
    }
    return value;
}

/* Tries it in a child, as bubblewrap does: root makes its namespaces directly, everybody else inside a user namespace. */
static int can_unshare(void)
{
    int status = 1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(unshare(geteuid() == 0 ? CLONE_NEWNS | CLONE_NEWPID : CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) == 0 ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

const char *postern_program_diagnose_bwrap(void)
{
    if (geteuid() != 0 && read_setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 1)
        return "this machine lets programs make user namespaces only under an AppArmor profile that allows it: install such a profile for bwrap "
               "(Ubuntu: package apparmor-profiles), or set kernel.apparmor_restrict_unprivileged_userns=0 with sysctl";
    if (geteuid() != 0 && read_setting("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0)
        return "user namespaces are switched off for ordinary users: set kernel.unprivileged_userns_clone=1 with sysctl";
    if (geteuid() != 0 && read_setting("/proc/sys/user/max_user_namespaces", 1) == 0)
        return "user namespaces are switched off: user.max_user_namespaces is 0, see sysctl";
    if (!can_unshare())
        return geteuid() == 0 ? "namespaces are forbidden to this process although it runs as root: probably it is in a container without that right"
                              : "user namespaces are forbidden to this process: by the kernel, a security module, or the container it is in";
    return NULL;
}
