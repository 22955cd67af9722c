/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to the security server: one write to selinuxfs, one read. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/selinux/state.h"
#include "util/cleanup.h"
#include "util/hash.h"

static const char *const permission_names[POSTERN_SELINUX_PERMISSIONS] = {
    [POSTERN_SELINUX_SEND_MSG] = "send_msg",
    [POSTERN_SELINUX_ACQUIRE_SVC] = "acquire_svc",
};

const char *postern_selinux_permission_name(enum postern_selinux_permission permission)
{
    return permission_names[permission];
}

/* ---- files --------------------------------------------------------------------------------------------- */

static int open_below(const struct postern_selinux_server *server, const char *name, int flags)
{
    char path[256];
    int fd;

    if (snprintf(path, sizeof(path), "%s/%s", server->mount, name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Writes a question and reads the answer. 0 or negative errno. */
static int transact(const struct postern_selinux_server *server, const char *name, const char *question, char *answer, size_t size)
{
    postern_autoclose int fd = open_below(server, name, O_RDWR);
    ssize_t n;

    if (fd < 0)
        return fd;
    if (write(fd, question, strlen(question)) < 0)
        return -errno;
    if (answer == NULL)
        return 0;
    n = read(fd, answer, size - 1);
    if (n <= 0)
        return n < 0 ? -errno : -EIO;
    answer[n] = '\0';
    return 0;
}

/* 0: the policy has no such class or permission. While a policy is loaded, the folders of the old one are taken away from under whoever is on
 * the way into them: that something is missing counts only when it is so twice. */
static int read_number(const struct postern_selinux_server *server, const char *name, uint32_t *number)
{
    postern_autoclose int fd = open_below(server, name, O_RDONLY);
    char text[32];
    ssize_t n;

    *number = 0;
    if (fd == -ENOENT)
        fd = open_below(server, name, O_RDONLY);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    n = read(fd, text, sizeof(text) - 1);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    *number = (uint32_t)strtoul(text, NULL, 10);
    return 0;
}

static int read_class(struct postern_selinux_server *server)
{
    int r = read_number(server, "class/dbus/index", &server->class_number);

    for (int i = 1; r == 0 && i < POSTERN_SELINUX_PERMISSIONS; i++) {
        char name[64];
        uint32_t number;

        snprintf(name, sizeof(name), "class/dbus/perms/%s", permission_names[i]);
        r = read_number(server, name, &number);
        server->bits[i] = number >= 1 && number <= 32 ? UINT32_C(1) << (number - 1) : 0;
    }
    return r;
}

/* ---- the status page ----------------------------------------------------------------------------------------- */

struct moment {
    uint32_t sequence;
    bool enforcing, deny_unknown;
};

uint32_t postern_selinux_sequence(const struct postern_selinux_server *server)
{
    return atomic_load_explicit((const _Atomic uint32_t *)&server->page->sequence, memory_order_acquire);
}

/* The values of one moment: the kernel makes the sequence odd before it changes them. -EAGAIN: it does not come to rest. */
static int look(const struct postern_selinux_server *server, struct moment *moment)
{
    const volatile struct postern_selinux_page *page = server->page;

    for (int tries = 0; tries < 10000; tries++) {
        moment->sequence = postern_selinux_sequence(server);
        moment->enforcing = page->enforcing != 0;
        moment->deny_unknown = page->deny_unknown != 0;
        atomic_thread_fence(memory_order_acquire);
        if ((moment->sequence & 1) == 0 && postern_selinux_sequence(server) == moment->sequence)
            return 0;
        sched_yield();
    }
    return -EAGAIN;
}

/* ---- what is kept ---------------------------------------------------------------------------------------------- */

#define KEPT_MAX 4096u

/* What the policy says of a pair of contexts and class dbus. */
struct postern_selinux_cached {
    uint32_t allowed, audit_allow, audit_deny;
    bool permissive; /* the source's domain */
    UT_hash_handle hh;
    size_t len;
    char pair[]; /* source NUL target NUL */
};

static void forget(struct postern_selinux_server *server)
{
    struct postern_selinux_cached *kept, *next;

    HASH_ITER(hh, server->cache, kept, next)
    {
        HASH_DEL(server->cache, kept);
        free(kept);
    }
}

/* Without memory nothing is kept. */
static void keep(struct postern_selinux_server *server, const struct postern_selinux_cached *found, const char *pair, size_t len)
{
    struct postern_selinux_cached *made;

    if (HASH_COUNT(server->cache) >= KEPT_MAX)
        forget(server);
    made = calloc(1, sizeof(*made) + len);
    if (made == NULL)
        return;
    *made = *found;
    made->len = len;
    memcpy(made->pair, pair, len);
    HASH_ADD(hh, server->cache, pair[0], len, made);
    if (made->hh.tbl == NULL)
        free(made);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

#define AVD_PERMISSIVE 1u

static int ask_kernel(const struct postern_selinux_server *server, const char *source, const char *target, struct postern_selinux_cached *found)
{
    uint32_t allowed, decided, audit_allow, audit_deny, number, flags = 0;
    postern_autofree char *question = NULL;
    char answer[256];
    int r;

    if (asprintf(&question, "%s %s %" PRIu32, source, target, server->class_number) < 0) {
        question = NULL;
        return -ENOMEM;
    }
    r = transact(server, "access", question, answer, sizeof(answer));
    if (r < 0)
        return r;
    if (sscanf(answer, "%" SCNx32 " %" SCNx32 " %" SCNx32 " %" SCNx32 " %" SCNu32 " %" SCNx32, &allowed, &decided, &audit_allow, &audit_deny,
               &number, &flags) < 5)
        return -EBADMSG;
    *found = (struct postern_selinux_cached){
        .allowed = allowed, .audit_allow = audit_allow, .audit_deny = audit_deny, .permissive = (flags & AVD_PERMISSIVE) != 0};
    return 0;
}

/* Of two contexts; -EMSGSIZE: they are longer than a question can be. */
static int make_pair(char *pair, size_t size, const char *source, const char *target, size_t *len)
{
    size_t a = strlen(source) + 1, b = strlen(target) + 1;

    if (a > size || b > size - a)
        return -EMSGSIZE;
    memcpy(pair, source, a);
    memcpy(pair + a, target, b);
    *len = a + b;
    return 0;
}

static int find_or_ask(struct postern_selinux_server *server, const char *source, const char *target, struct postern_selinux_cached *found)
{
    struct postern_selinux_cached *kept;
    char pair[4096];
    size_t len;
    int r = make_pair(pair, sizeof(pair), source, target, &len);

    if (r < 0)
        return r;
    HASH_FIND(hh, server->cache, pair, len, kept);
    if (kept != NULL) {
        *found = *kept;
        return 0;
    }
    r = ask_kernel(server, source, target, found);
    if (r == 0)
        keep(server, found, pair, len);
    return r;
}

static void judge(const struct postern_selinux_cached *found, const struct moment *moment, uint32_t bit, struct postern_selinux_answer *answer)
{
    bool allowed = (found->allowed & bit) != 0;

    answer->lenient = !allowed && (!moment->enforcing || found->permissive);
    answer->allowed = allowed || answer->lenient;
    answer->audit = ((allowed ? found->audit_allow : found->audit_deny) & bit) != 0;
}

/* One attempt, whose answer holds if the sequence is still the same after it. */
static int ask_once(struct postern_selinux_server *server, const struct moment *moment, const char *source, const char *target,
                    enum postern_selinux_permission permission, struct postern_selinux_answer *answer)
{
    struct postern_selinux_cached found;
    int r;

    *answer = (struct postern_selinux_answer){.audit = true};
    if (server->sequence != moment->sequence) {
        forget(server);
        r = read_class(server);
        if (r < 0)
            return r;
        server->sequence = moment->sequence;
    }
    if (server->class_number == 0 || server->bits[permission] == 0) {
        answer->unknown = true;
        answer->lenient = moment->deny_unknown && !moment->enforcing;
        answer->allowed = !moment->deny_unknown || answer->lenient; /* the policy says so: handle_unknown */
        answer->audit = !answer->allowed || answer->lenient;
        return 0;
    }
    r = find_or_ask(server, source, target, &found);
    if (r == 0)
        judge(&found, moment, server->bits[permission], answer);
    else if (!moment->enforcing)
        answer->lenient = answer->allowed = true; /* permissive: also what the policy cannot answer is only reported */
    return r;
}

int postern_selinux_ask(struct postern_selinux_server *server, const char *source, const char *target,
                        enum postern_selinux_permission permission, struct postern_selinux_answer *answer)
{
    struct moment moment;
    int r = 0;

    for (int tries = 0; tries < 16; tries++) {
        r = look(server, &moment);
        if (r < 0)
            break;
        r = ask_once(server, &moment, source, target, permission, answer);
        if (postern_selinux_sequence(server) == moment.sequence)
            return r;
        server->sequence = moment.sequence - 1; /* what was kept may belong to either */
    }
    *answer = (struct postern_selinux_answer){.audit = true};
    return r < 0 ? r : -EAGAIN;
}

int postern_selinux_context_check(const struct postern_selinux_server *server, const char *context)
{
    return transact(server, "context", context, NULL, 0);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

int postern_selinux_server_open(struct postern_selinux_server *server, struct postern_error *error)
{
    postern_autoclose int fd = -1;
    void *page;
    int r;

    server->mount = "/sys/fs/selinux";
    fd = open_below(server, "status", O_RDONLY);
    if (fd < 0)
        return postern_error_set(error, fd, "%s/status cannot be opened, which tells when the policy changes: %s", server->mount, strerror(-fd));
    page = mmap(NULL, sizeof(*server->page), PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return postern_error_set(error, -errno, "%s/status cannot be mapped: %s", server->mount, strerror(errno));
    server->page = page;
    server->sequence = postern_selinux_sequence(server) - 1; /* nothing is known yet */
    r = server->page->version == 1 ? 0 : -EPROTO;
    return r < 0 ? postern_error_set(error, r, "%s/status is of an unknown version", server->mount) : 0;
}

void postern_selinux_server_close(struct postern_selinux_server *server)
{
    forget(server);
    if (server->page != NULL)
        munmap((void *)(uintptr_t)server->page, sizeof(*server->page));
    server->page = NULL;
}
