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
    socklen_t len = 0;

    /* The first call only tells the length: ERANGE for a process with supplementary groups. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) < 0 && errno != ERANGE)
        return -errno;
    facts->groups = malloc((size_t)len + sizeof(gid_t));
    if (facts->groups == NULL)
        return -ENOMEM;
    if (len > 0 && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, facts->groups, &len) < 0)
        return -errno;
    facts->n_groups = len / sizeof(gid_t);
    groups_normalise(facts);
    return 0;
}

static int read_label(int fd, struct postern_peer_facts *facts)
{
    socklen_t len = 256;

    for (;;) {
        char *label = realloc(facts->label, (size_t)len + 1);

        if (label == NULL)
            return -ENOMEM;
        facts->label = label;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERSEC, label, &len) == 0)
            break;
        if (errno == ERANGE)
            continue; /* len is now what it takes */
        free(facts->label);
        facts->label = NULL;
        /* No LSM that labels sockets. Every other error hides a label that may exist. */
        return errno == ENOPROTOOPT || errno == EOPNOTSUPP ? 0 : -errno;
    }
    /* SELinux counts the trailing NUL, AppArmor does not. */
    while (len > 0 && facts->label[len - 1] == '\0')
        len--;
    facts->label[len] = '\0';
    facts->label_len = len;
    if (len == 0) {
        free(facts->label);
        facts->label = NULL;
    }
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

int postern_peer_facts_read(int fd, struct postern_peer_facts *facts)
{
    struct postern_peer_facts found = {0};
    struct ucred cred;
    socklen_t len = sizeof(cred);
    int r = is_internet(fd);

    if (r < 0)
        return r;
    if (r == 1) {
        *facts = (struct postern_peer_facts){.uid = POSTERN_PEER_UNKNOWN, .gid = (gid_t)-1};
        return 0;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return -errno;
    /* The kernel fills a socket without credentials with -1. */
    if (cred.uid == (uid_t)-1 || cred.gid == (gid_t)-1 || !is_mapped(cred.uid))
        return -EPERM;
    found.uid = cred.uid;
    found.gid = cred.gid;
    found.pid = cred.pid;
    r = read_groups(fd, &found);
    if (r == 0)
        r = read_label(fd, &found);
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
