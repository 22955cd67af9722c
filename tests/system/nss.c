/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A directory service for tests, as a module of the name service switch (nss(5)). It knows what the files `passwd` and `group` in
 * $POSTERN_TEST_NSS say, each line a name and a number, as far as the file `mode` there lets it: "ok"; "down", then every look-up fails; or
 * "hang", then look-ups of names that begin with "slow" have no answer until the mode is another; or "die", then such a look-up ends the
 * process that asked, and leaves a child that has all its descriptors until the mode is another.
 */
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum nss_status _nss_postern_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t len, int *error);
enum nss_status _nss_postern_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t len, int *error);

static FILE *open_file(const char *name)
{
    const char *dir = getenv("POSTERN_TEST_NSS");
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : "/nonexistent", name);
    return fopen(path, "re");
}

static bool mode_is(const char *mode)
{
    char text[16] = "";
    FILE *file = open_file("mode");

    if (file == NULL)
        return false;
    if (fgets(text, sizeof(text), file) == NULL)
        text[0] = '\0';
    fclose(file);
    return strncmp(text, mode, strlen(mode)) == 0;
}

static void die(void)
{
    if (fork() == 0)
        while (mode_is("die"))
            usleep(10000);
    _exit(EXIT_FAILURE);
}

static enum nss_status find(const char *table, const char *name, unsigned *id, int *error)
{
    char found[64];
    FILE *file;

    while (strncmp(name, "slow", 4) == 0 && mode_is("hang"))
        usleep(10000);
    if (strncmp(name, "slow", 4) == 0 && mode_is("die"))
        die();
    if (mode_is("down")) {
        *error = ECONNREFUSED;
        return NSS_STATUS_UNAVAIL;
    }
    file = open_file(table);
    while (file != NULL && fscanf(file, "%63s %u", found, id) == 2)
        if (strcmp(found, name) == 0) {
            fclose(file);
            return NSS_STATUS_SUCCESS;
        }
    if (file != NULL)
        fclose(file);
    *error = ENOENT;
    return NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_postern_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t len, int *error)
{
    unsigned id;
    enum nss_status status = find("passwd", name, &id, error);

    if (status == NSS_STATUS_SUCCESS) {
        snprintf(buffer, len, "%s", name);
        *entry = (struct passwd){.pw_name = buffer, .pw_passwd = buffer, .pw_gecos = buffer, .pw_dir = buffer, .pw_shell = buffer};
        entry->pw_uid = entry->pw_gid = id;
    }
    return status;
}

enum nss_status _nss_postern_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t len, int *error)
{
    static char *nobody[] = {NULL};
    unsigned id;
    enum nss_status status = find("group", name, &id, error);

    if (status == NSS_STATUS_SUCCESS) {
        snprintf(buffer, len, "%s", name);
        *entry = (struct group){.gr_name = buffer, .gr_passwd = buffer, .gr_gid = id, .gr_mem = nobody};
    }
    return status;
}
