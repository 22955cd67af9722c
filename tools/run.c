/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* postern-run: runs a command in a sandbox whose only session bus is a container socket. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/buses.h"
#include "tools/program.h"
#include "tools/runopts.h"
#include "tools/sandbox.h"
#include "tools/server.h"
#include "tools/supervise.h"

/* Exit statuses of our own, as env(1) and timeout(1) have them. */
#define EXIT_OURS 125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

static void __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("postern-run: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

/* 0, or the exit status: nothing has been asked of the bus yet. */
static int check_programs(const struct postern_runopts *options, char **bwrap)
{
    char *command = NULL;
    int r = postern_program_find(options->command[0], &command);

    free(command);
    if (r < 0) {
        complain("%s: %s", options->command[0], strerror(-r));
        return r == -EACCES ? EXIT_NOT_EXECUTABLE : r == -ENOENT ? EXIT_NOT_FOUND : EXIT_OURS;
    }
    r = postern_program_find("bwrap", bwrap);
    if (r < 0) {
        complain("bwrap: %s; install bubblewrap (Debian, Ubuntu, Fedora: package bubblewrap)", strerror(-r));
        return EXIT_OURS;
    }
    return 0;
}

static void explain_not_started(const struct postern_runopts *options)
{
    const char *why = postern_program_diagnose_bwrap();

    if (why != NULL)
        complain("bubblewrap cannot make a sandbox: %s", why);
    else
        complain("bubblewrap did not run %s, its message stands above; /tmp, /var/tmp and /run are empty inside, see --bind", options->command[0]);
}

static int run_in_sandbox(const char *bwrap, const struct postern_runopts *options, const struct postern_buses *buses,
                          const struct postern_server *server, struct postern_error *error)
{
    struct postern_sandbox sandbox;
    struct postern_outcome outcome;
    int fds[2];
    int r = postern_supervise_pipe(fds);

    if (r < 0)
        return postern_error_set(error, r, "cannot make a pipe: %s", strerror(-r));
    r = postern_sandbox_compose(&sandbox, options, buses, server->path, fds[1], error);
    if (r < 0) {
        close(fds[0]);
        close(fds[1]);
        return r;
    }
    r = postern_supervise_run(bwrap, &sandbox, fds, server->bus, &outcome, error);
    postern_sandbox_finish(&sandbox);
    if (r < 0)
        return r;
    if (!outcome.started) {
        explain_not_started(options);
        return EXIT_OURS;
    }
    return outcome.status;
}

/* The exit status. */
static int run(const struct postern_runopts *options)
{
    struct postern_error error;
    struct postern_buses buses;
    struct postern_server server;
    char *bwrap = NULL;
    int status = check_programs(options, &bwrap);

    if (status == 0) {
        status = postern_buses_find(&buses, options->address, &error);
        if (status == 0) {
            status = postern_server_start(&server, buses.address, options, &error);
            if (status == 0) {
                status = run_in_sandbox(bwrap, options, &buses, &server, &error);
                postern_server_stop(&server);
            }
            postern_buses_finish(&buses);
        }
        if (status < 0) {
            complain("%s", error.text);
            status = EXIT_OURS;
        }
    }
    free(bwrap);
    return status;
}

int main(int argc, char **argv)
{
    struct postern_runopts options;
    struct postern_error error;
    int status = 0;

    if (postern_runopts_parse(argc, argv, &options, &error) < 0) {
        complain("%s", error.text);
        return EXIT_OURS;
    }
    if (options.help)
        fputs(postern_runopts_help(), stdout);
    else if (options.version)
        puts("postern-run " PACKAGE_VERSION);
    else
        status = run(&options);
    postern_runopts_finish(&options);
    return status;
}
