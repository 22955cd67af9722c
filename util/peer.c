/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/peer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

static int compare_gid(const void *a, const void *b)
{
    gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

    return x < y ? -1 : x > y;
}

/* Sorts the groups with the effective gid among them, each once. There is room for one more than n_groups. */
static void groups_normalise(struct postern_peer_facts *facts)
{
    size_t out = 0;

    facts->groups[facts->n_groups++] = facts->gid;
    qsort(facts->groups, facts->n_groups, sizeof(gid_t), compare_gid);
    for (size_t i = 0; i < facts->n_groups; i++)
        if (out == 0 || facts->groups[out - 1] != facts->groups[i])
            facts->groups[out++] = facts->groups[i];
    facts->n_groups = out;
}

static int read_groups(int fd, struct postern_peer_facts *facts)
{
    gid_t few[64]; /* as many as hardly anybody has: one question is enough then */
    gid_t *groups = NULL;
    socklen_t len = sizeof(few);
    int r = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &len);

    if (r < 0 && errno != ERANGE)
        return -errno;
    /* After ERANGE len is what they take. */
    groups = malloc((size_t)len + sizeof(gid_t));
    if (groups == NULL)
        return -ENOMEM;
    if (r == 0) {
        memcpy(groups, few, len);
    } else if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0) {
        r = -errno;
        free(groups);
        return r;
    }
    facts->groups = groups;
    facts->n_groups = len / sizeof(gid_t);
    groups_normalise(facts);
    return 0;
}

/* Asks into a buffer of *len bytes. 1 with *len: how long the label is; 0: there is none; -ERANGE with *len: it takes so much; or another
 * negative errno. */
static int ask_label(int fd, char *label, socklen_t *len)
{
    if (getsockopt(fd, SOL_SOCKET, SO_PEERSEC, label, len) < 0)
        /* No LSM that labels sockets. Every other error hides a label that may exist. */
        return errno == ENOPROTOOPT || errno == EOPNOTSUPP ? 0 : -errno;
    /* SELinux counts the trailing NUL, AppArmor does not. */
    while (*len > 0 && label[*len - 1] == '\0')
        --*len;
    return *len > 0;
}

static int read_label(int fd, struct postern_peer_facts *facts)
{
    char few[256];
    socklen_t len = sizeof(few);
    int r = ask_label(fd, few, &len);

    if (r == 1) {
        facts->label = malloc((size_t)len + 1);
        if (facts->label == NULL)
            return -ENOMEM;
        memcpy(facts->label, few, len);
    }
    while (r == -ERANGE) {
        char *label = realloc(facts->label, (size_t)len + 1);

        if (label == NULL)
            return -ENOMEM;
        facts->label = label;
        r = ask_label(fd, label, &len);
    }
    if (r < 0)
        return r;
    if (r == 0) {
        free(facts->label);
        facts->label = NULL;
        return 0;
    }
    facts->label[len] = '\0';
    facts->label_len = len;
    return 0;
}

/* Is it one of the sockets that programs on other machines can be behind? Whatever is neither that nor a Unix socket is an error. */
static int is_internet(int fd)
{
    int domain;
    socklen_t len = sizeof(domain);

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
        return -errno;
    if (domain == AF_UNIX)
        return 0;
    return domain == AF_INET || domain == AF_INET6 ? 1 : -EAFNOSUPPORT;
}

/* Does /proc/self/uid_map give this uid to somebody? */
static bool uid_map_has(uid_t uid)
{
    FILE *map = fopen("/proc/self/uid_map", "re");
    unsigned long long inside, outside, n;
    bool has = false;

    while (map != NULL && !has && fscanf(map, "%llu %llu %llu", &inside, &outside, &n) == 3)
        has = uid >= inside && uid - inside < n;
    if (map != NULL)
        fclose(map);
    return has;
}

/* The uid that everybody from outside our user namespace has, which may even be ours: user_namespaces(7). Asked once, since it is the whole
 * machine's and needed for each connection. */
static uid_t overflow_uid(void)
{
    static bool known;
    static unsigned uid = 65534;
    FILE *file = known ? NULL : fopen("/proc/sys/kernel/overflowuid", "re");

    if (file == NULL)
        return uid;
    known = fscanf(file, "%u", &uid) == 1;
    fclose(file);
    return uid;
}

/* Whoever has that uid counts only where it is a user's of this namespace. */
static bool is_mapped(uid_t uid)
{
    return uid != overflow_uid() || uid_map_has(uid);
}

/* uid, gid and pid; nothing in them is allocated. */
static int read_cred(int fd, struct postern_peer_facts *facts)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);
    int r;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return -errno;
    /* The kernel fills a socket without credentials with -1; all Internet sockets are such. */
    if (cred.uid == (uid_t)-1 || cred.gid == (gid_t)-1) {
        r = is_internet(fd);
        if (r <= 0)
            return r < 0 ? r : -EPERM;
        *facts = (struct postern_peer_facts){.uid = POSTERN_PEER_UNKNOWN, .gid = (gid_t)-1};
        return 0;
    }
    if (!is_mapped(cred.uid))
        return -EPERM;
    *facts = (struct postern_peer_facts){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
    return 0;
}

int postern_peer_facts_begin(int fd, struct postern_peer_facts *facts)
{
    struct postern_peer_facts found;
    int r = read_cred(fd, &found);

    if (r == 0 && found.uid != POSTERN_PEER_UNKNOWN) {
        r = read_label(fd, &found);
        if (r < 0)
            postern_peer_facts_finish(&found);
    }
    if (r == 0)
        *facts = found;
    return r;
}

int postern_peer_facts_groups(int fd, struct postern_peer_facts *facts)
{
    if (facts->uid == POSTERN_PEER_UNKNOWN || facts->groups != NULL)
        return 0;
    return read_groups(fd, facts);
}

int postern_peer_facts_read(int fd, struct postern_peer_facts *facts)
{
    struct postern_peer_facts found;
    int r = postern_peer_facts_begin(fd, &found);

    if (r < 0)
        return r;
    r = postern_peer_facts_groups(fd, &found);
    if (r < 0) {
        postern_peer_facts_finish(&found);
        return r;
    }
    *facts = found;
    return 0;
}

int postern_peer_facts_self(struct postern_peer_facts *facts)
{
    struct postern_peer_facts found = {.uid = geteuid(), .gid = getegid(), .pid = getpid()};
    int n = getgroups(0, NULL);

    if (n < 0)
        return -errno;
    found.groups = calloc((size_t)n + 1, sizeof(gid_t));
    if (found.groups == NULL)
        return -ENOMEM;
    n = getgroups(n, found.groups);
    if (n < 0) {
        int r = -errno;

        postern_peer_facts_finish(&found);
        return r;
    }
    found.n_groups = (size_t)n;
    groups_normalise(&found);
    *facts = found;
    return 0;
}

void postern_peer_facts_finish(struct postern_peer_facts *facts)
{
    free(facts->groups);
    free(facts->label);
    *facts = (struct postern_peer_facts){0};
}

int postern_peer_pidfd(int fd)
{
    int pidfd;
    socklen_t len = sizeof(pidfd);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
        return pidfd;
    /* Of a reaped peer: ESRCH or EINVAL, depending on the kernel; ENODATA: there never was a process, as on an Internet socket. */
    if (errno == EINVAL)
        return -ESRCH;
    return errno == ENOPROTOOPT ? -EOPNOTSUPP : -errno;
}
