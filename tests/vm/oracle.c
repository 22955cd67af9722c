/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Puts each question that is read to two: to the policy of this kernel, through the backends of the mediator, and to the evaluators of
 * the files that were loaded. For each line "OURS\tTHEIRS\n" is written: "allow", "deny", "lenient" (a denial that a permissive domain
 * passes), with " audit" where a record is wanted, or "error NAME". Comparing is left to the caller, as are the questions.
 *
 * usage: vm-oracle selinux POLICY      SOURCE \t TARGET \t send_msg|acquire_svc
 *        vm-oracle apparmor FILE...    LABEL \t send|receive|bind|eavesdrop \t BUS [\t NAME [\t LABEL \t PATH \t INTERFACE \t MEMBER]]
 *
 * The second answer comes from bytes that are written here anew, so that a mistake in how the mediator asks is a difference.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/apparmor/compiled.h"
#include "backends/apparmor/state.h"
#include "backends/selinux/offline.h"
#include "backends/selinux/state.h"

#define FIELDS_MAX 8u
#define APPARMOR "/sys/kernel/security/apparmor"

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "vm-oracle: %s\n", what);
    exit(2);
}

static void say_error(int error, char end)
{
    printf("error %s%c", strerrorname_np(-error), end);
}

/* ---- SELinux ---------------------------------------------------------------------------------------- */

static void ask_selinux(struct postern_selinux_server *server, struct postern_selinux_offline *offline, char *const *fields, size_t n)
{
    enum postern_selinux_permission permission;
    struct postern_selinux_answer answer;
    struct postern_selinux_verdict verdict;
    int r;

    if (n != 3)
        fail("a question about SELinux has three fields");
    permission = strcmp(fields[2], "send_msg") == 0 ? POSTERN_SELINUX_SEND_MSG : POSTERN_SELINUX_ACQUIRE_SVC;
    r = postern_selinux_ask(server, fields[0], fields[1], permission, &answer);
    if (r < 0)
        say_error(r, '\t');
    else
        printf("%s%s\t", answer.lenient ? "lenient" : answer.allowed ? "allow" : "deny", answer.audit ? " audit" : "");
    r = postern_selinux_offline_check(offline, fields[0], fields[1], "dbus", fields[2], &verdict);
    if (r < 0)
        say_error(r, '\n');
    else /* the guests' policies have no rules about records: every denial gets one */
        puts(verdict.allowed ? "allow" : verdict.permissive ? "lenient audit" : "deny audit");
}

/* ---- AppArmor --------------------------------------------------------------------------------------- */

struct profiles {
    struct postern_apparmor_compiled *sets[16];
    size_t n_sets;
    bool need_network_v9; /* this kernel mediates D-Bus for no profile without it */
};

static void add_profiles(struct profiles *profiles, const char *path)
{
    static char data[1 << 20];
    struct postern_error error = {0};
    FILE *file = fopen(path, "re");
    size_t len;

    if (file == NULL || profiles->n_sets == sizeof(profiles->sets) / sizeof(profiles->sets[0]))
        fail(path);
    len = fread(data, 1, sizeof(data), file);
    fclose(file);
    if (len == sizeof(data) || postern_apparmor_compiled_parse(data, len, &profiles->sets[profiles->n_sets++], &error) < 0)
        fail(path);
}

/* What was loaded last takes the place of what was there. */
static const struct postern_apparmor_compiled_profile *find_profile(const struct profiles *profiles, const char *name)
{
    const struct postern_apparmor_compiled_profile *found = NULL;

    name += strspn(name, " \t\n"); /* as the kernel does */
    for (size_t i = profiles->n_sets; i > 0 && found == NULL; i--)
        found = postern_apparmor_compiled_find(profiles->sets[i - 1], NULL, name);
    return found;
}

/* The class, then the fields with NULs between them: apparmor's dbus_mediation in documentation and parser. */
static int evaluate(const struct profiles *profiles, uint32_t mask, char *const *fields, size_t n, bool *allow, bool *audit)
{
    const struct postern_apparmor_compiled_profile *profile = find_profile(profiles, fields[0]);
    static char query[1 << 16];
    size_t len = 0;

    *allow = true;
    *audit = false;
    if (*fields[0] == '\0')
        return -EINVAL;
    if (strcmp(fields[0], "unconfined") == 0)
        return 0;
    if (profile == NULL)
        return -ENOENT;
    query[len++] = POSTERN_APPARMOR_COMPILED_CLASS_DBUS;
    for (size_t i = 2; i < n; i++) {
        size_t more = strlen(fields[i]);

        if (more >= sizeof(query) - len - 1)
            return -EFBIG;
        memcpy(query + len, fields[i], more);
        len += more;
        if (i + 1 < n)
            query[len++] = '\0';
    }
    if (profiles->need_network_v9 && !profile->mediates_network_v9)
        return len > POSTERN_APPARMOR_COMPILED_QUERY_MAX ? -EFBIG : 0;
    return postern_apparmor_compiled_query(profile, mask, query, len, allow, audit);
}

static void say(int error, bool allow, bool audit, char end)
{
    if (error < 0)
        say_error(error, end);
    else
        printf("%s%s%c", allow ? "allow" : "deny", audit ? " audit" : "", end);
}

static void ask_apparmor(struct postern_apparmor *apparmor, const struct profiles *profiles, char *const *fields, size_t n)
{
    static const struct {
        const char *name;
        uint32_t ours, theirs;
        size_t fields;
    } kinds[] = {{"send", AA_DBUS_SEND, POSTERN_APPARMOR_COMPILED_SEND, 8},
                 {"receive", AA_DBUS_RECEIVE, POSTERN_APPARMOR_COMPILED_RECEIVE, 8},
                 {"bind", AA_DBUS_BIND, POSTERN_APPARMOR_COMPILED_BIND, 4},
                 {"eavesdrop", AA_DBUS_EAVESDROP, POSTERN_APPARMOR_COMPILED_EAVESDROP, 3}};
    struct postern_apparmor_query query;
    struct postern_apparmor_label label = {.data = fields[0], .len = strlen(fields[0])};
    bool allow = false, audit = false;
    size_t kind = 0;
    int r;

    while (n > 1 && kind < 4 && strcmp(kinds[kind].name, fields[1]) != 0)
        kind++;
    if (n < 2 || kind == 4 || n != kinds[kind].fields)
        fail("a question about AppArmor has another number of fields");
    postern_apparmor_query_begin(&query, kinds[kind].ours, &label, fields[2]);
    for (size_t i = 3; i < n; i++) /* an empty one as the mediator passes it */
        postern_apparmor_query_add(&query, *fields[i] != '\0' ? fields[i] : NULL, strlen(fields[i]));
    r = postern_apparmor_ask(apparmor, &query, &allow, &audit);
    say(r, allow, audit, '\t');
    r = evaluate(profiles, kinds[kind].theirs, fields, n, &allow, &audit);
    say(r, allow, audit, '\n');
}

/* ---- the program ------------------------------------------------------------------------------------ */

static size_t split(char *line, char *fields[FIELDS_MAX])
{
    size_t n = 0;
    char *field;

    line[strcspn(line, "\n")] = '\0';
    while ((field = strsep(&line, "\t")) != NULL) {
        if (n == FIELDS_MAX)
            fail("a question has too many fields");
        fields[n++] = field;
    }
    return n;
}

int main(int argc, char **argv)
{
    struct postern_error error = {0};
    struct postern_selinux_server server = {0};
    struct postern_selinux_offline *offline = NULL;
    struct postern_mediator mediator = {.flags = 0};
    struct postern_apparmor apparmor = {.mediator = &mediator, .revision_fd = -1};
    struct profiles profiles = {.need_network_v9 = access(APPARMOR "/features/network_v9", F_OK) == 0};
    bool selinux = argc == 3 && strcmp(argv[1], "selinux") == 0;
    char *line = NULL, *fields[FIELDS_MAX];
    size_t size = 0;

    if (!selinux && (argc < 3 || strcmp(argv[1], "apparmor") != 0))
        fail("usage: vm-oracle selinux POLICY | apparmor FILE...");
    if (selinux && (postern_selinux_server_open(&server, &error) < 0 || postern_selinux_offline_open(argv[2], &offline, &error) < 0))
        fail(error.text);
    for (int i = 2; !selinux && i < argc; i++)
        add_profiles(&profiles, argv[i]);
    if (!selinux)
        apparmor.revision_fd = open(APPARMOR "/revision", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    while (getline(&line, &size, stdin) > 0) {
        size_t n = split(line, fields);

        if (selinux)
            ask_selinux(&server, offline, fields, n);
        else
            ask_apparmor(&apparmor, &profiles, fields, n);
    }
    free(line);
    free(apparmor.cache);
    for (size_t i = 0; i < profiles.n_sets; i++)
        postern_apparmor_compiled_free(profiles.sets[i]);
    postern_selinux_offline_close(offline);
    postern_selinux_server_close(&server);
    return fflush(stdout) == 0 ? 0 : 1;
}
