/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-broker: runs dbus-broker without systemd and without its launcher, with a policy that allows everything and any number of rules more.
 *
 *     bench-broker PROGRAM PATH [KIND RULES]
 *
 * The broker takes its orders from a controller: over a socket that it inherits, in D-Bus messages (org.bus1.DBus.Broker). One call is all it
 * needs: AddListener with a listening socket and the policy. KIND says what the rules name: dest another destination and an interface, nodest
 * another interface, dest-match and nodest-match those of the messages that bench-load sends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/link.h"
#include "bench/options.h"
#include "postern/module.h"
#include "wire/message.h"

/* The policy of dbus-broker 29 to 36: for users, for groups, names' SELinux labels, AppArmor, the type of bus. */
#define TRANSMIT "(btssssuutt)" /* verdict, priority, name, path, interface, member, type, broadcast, fds from, fds to */
#define BATCH "(bta(btbs)a" TRANSMIT "a" TRANSMIT ")" /* may connect, priority, own, send, receive */
#define POLICY "(a(u" BATCH ")a(buu" BATCH ")a(ss)bs)"

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0)
        bench_fail("%s", path);
    return fd;
}

static _Noreturn void run_broker(const char *program, int fd)
{
    char number[16];

    fcntl(fd, F_SETFD, 0);
    snprintf(number, sizeof(number), "%d", fd);
    execl(program, program, "--controller", number, "--machine-id", "0123456789abcdef0123456789abcdef", "--max-matches", "1000000",
          "--max-objects", "1000000", "--max-bytes", "1000000000", "--max-fds", "1000000", (char *)NULL);
    bench_fail("%s", program);
}

static void write_transmit(struct postern_writer *w, uint64_t priority, const char *name, const char *interface)
{
    postern_writer_open(w, 'r', NULL);
    postern_writer_bool(w, true);
    postern_writer_u64(w, priority);
    postern_writer_string(w, name);
    postern_writer_string(w, "");
    postern_writer_string(w, interface);
    postern_writer_string(w, "");
    postern_writer_u32(w, 0);
    postern_writer_u32(w, 0);
    postern_writer_u64(w, 0);
    postern_writer_u64(w, UINT64_MAX);
    postern_writer_close(w);
}

/* As bench/config.py writes them into the other buses' files. */
static void write_rule(struct postern_writer *w, const char *kind, unsigned i)
{
    bool matches = strstr(kind, "match") != NULL;
    bool has_name = strncmp(kind, "dest", 4) == 0;
    char name[64] = BENCH_SERVICE, interface[64] = BENCH_INTERFACE;

    if (!matches) {
        snprintf(name, sizeof(name), "org.example.Name%u", i);
        snprintf(interface, sizeof(interface), has_name ? "org.example.Interface" : "org.example.Interface%u", i);
    }
    write_transmit(w, 2 + i, has_name ? name : "", interface);
}

static void write_batch(struct postern_writer *w, const char *kind, unsigned rules)
{
    postern_writer_open(w, 'r', NULL);
    postern_writer_bool(w, true);
    postern_writer_u64(w, 1);
    postern_writer_open(w, 'a', "(btbs)");
    postern_writer_open(w, 'r', NULL);
    postern_writer_bool(w, true);
    postern_writer_u64(w, 1);
    postern_writer_bool(w, true);
    postern_writer_string(w, "");
    postern_writer_close(w);
    postern_writer_close(w);
    postern_writer_open(w, 'a', TRANSMIT);
    write_transmit(w, 1, "", "");
    for (unsigned i = 0; i < rules; i++)
        write_rule(w, kind, i);
    postern_writer_close(w);
    postern_writer_open(w, 'a', TRANSMIT);
    write_transmit(w, 1, "", "");
    postern_writer_close(w);
    postern_writer_close(w);
}

static void write_arguments(struct postern_writer *w, const char *kind, unsigned rules)
{
    postern_writer_init(w);
    postern_writer_path(w, "/org/bus1/DBus/Listener/0");
    postern_writer_fd(w, 0);
    postern_writer_open(w, 'v', POLICY);
    postern_writer_open(w, 'r', NULL);
    postern_writer_open(w, 'a', "(u" BATCH ")");
    postern_writer_open(w, 'r', NULL);
    postern_writer_u32(w, UINT32_MAX); /* every user */
    write_batch(w, kind, rules);
    postern_writer_close(w);
    postern_writer_close(w);
    postern_writer_open(w, 'a', "(buu" BATCH ")");
    postern_writer_close(w);
    postern_writer_open(w, 'a', "(ss)");
    postern_writer_close(w);
    postern_writer_bool(w, false);
    postern_writer_string(w, "session");
    postern_writer_close(w);
    postern_writer_close(w);
    errno = -postern_writer_finish(w);
    if (errno != 0)
        bench_fail("the broker's policy");
}

static void add_listener(struct bench_link *controller, int listener, const char *kind, unsigned rules)
{
    struct postern_writer w;
    struct postern_message_parts parts = {.type = POSTERN_MESSAGE_METHOD_CALL, .path = "/org/bus1/DBus/Broker", .interface = "org.bus1.DBus.Broker",
                                          .member = "AddListener", .serial = 1, .fds = 1};
    struct bench_message message = {.fds = 1};

    write_arguments(&w, kind, rules);
    parts.signature = w.signature;
    parts.body = w.buf.data;
    parts.body_len = (uint32_t)w.buf.len;
    errno = -postern_message_build(&message.bytes, &parts);
    if (errno != 0)
        bench_fail("AddListener");
    bench_link_send_fds(controller, &message, listener);
    bench_link_wait(controller, POSTERN_MESSAGE_METHOD_RETURN);
    bench_message_finish(&message);
    postern_writer_free(&w);
}

/* The controller, as a process of its own beside the broker; ends with it. */
static _Noreturn void control(int fd, int listener, const char *kind, unsigned rules)
{
    struct bench_link controller = {.fd = fd};
    char ignored[1024];

    bench_link_authenticate(&controller);
    add_listener(&controller, listener, kind, rules);
    puts("ready");
    fflush(stdout);
    while (recv(fd, ignored, sizeof(ignored), 0) > 0)
        ; /* what the broker tells its controller is not for us */
    exit(0);
}

int main(int argc, char **argv)
{
    int pair[2], listener;
    pid_t pid;

    if (argc != 3 && argc != 5) {
        fputs("usage: bench-broker PROGRAM PATH [KIND RULES]\n", stderr);
        return 2;
    }
    listener = listen_at(argv[2]);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || (pid = fork()) < 0)
        bench_fail("starting the broker");
    if (pid == 0) {
        close(pair[1]);
        control(pair[0], listener, argc == 5 ? argv[3] : "", argc == 5 ? (unsigned)strtoul(argv[4], NULL, 10) : 0);
    }
    run_broker(argv[1], pair[1]); /* we become it: whoever started us knows its number */
}
