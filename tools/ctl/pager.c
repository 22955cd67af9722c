/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/ctl/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 16 /* of a pager with its options */

char **postern_pager_choose(bool secure)
{
    const char *pager = secure ? NULL : getenv("SYSTEMD_PAGER");
    char **words, *rest, *word;
    size_t n = 0, room = (WORDS_MAX + 1) * sizeof *words;

    if (pager == NULL && !secure)
        pager = getenv("PAGER");
    if (pager == NULL)
        pager = "less";
    words = calloc(1, room + strlen(pager) + 1);
    if (words == NULL)
        return NULL;
    rest = memcpy((char *)words + room, pager, strlen(pager) + 1);
    while (n < WORDS_MAX && (word = strtok_r(rest, " \t\n", &rest)) != NULL)
        words[n++] = word;
    if (n == 0 || strcmp(words[0], "cat") == 0) {
        free(words);
        return NULL;
    }
    return words;
}

/* By sudo, pkexec or a set-user-ID bit. */
static bool runs_for_another(void)
{
    return getauxval(AT_SECURE) != 0 || getenv("SUDO_UID") != NULL || getenv("PKEXEC_UID") != NULL;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno != EINTR)
            return -errno;
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static void __attribute__((noreturn)) become_pager(char **words, int fd)
{
    const char *options = getenv("SYSTEMD_LESS");

    signal(SIGPIPE, SIG_DFL);
    setenv("LESS", options != NULL ? options : "FRSXMK", 1);
    /* No shell, no editor, no other file: nothing here asks for them. */
    setenv("LESSSECURE", "1", 1);
    if (dup2(fd, STDIN_FILENO) >= 0)
        execvp(words[0], words);
    _exit(127);
}

/* -ENOEXEC: there is no such pager, nothing was shown. */
static int show_in(char **words, const void *data, size_t len)
{
    int fds[2], status = 0, r;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    pid = fork();
    if (pid == 0)
        become_pager(words, fds[0]);
    close(fds[0]);
    /* A pager that is left before the end is no failure. */
    signal(SIGPIPE, SIG_IGN);
    r = pid < 0 ? -EAGAIN : write_all(fds[1], data, len);
    close(fds[1]);
    if (pid < 0)
        return r;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return -ENOEXEC;
    return r == -EPIPE ? 0 : r;
}

int postern_pager_show(const void *data, size_t len, bool wanted)
{
    char **words = NULL;
    int r = -ENOEXEC;

    if (len == 0)
        return 0;
    if (wanted && isatty(STDOUT_FILENO))
        words = postern_pager_choose(runs_for_another());
    if (words != NULL)
        r = show_in(words, data, len);
    free(words);
    return r < 0 && r != -EPIPE ? write_all(STDOUT_FILENO, data, len) : r;
}
