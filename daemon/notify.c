/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "daemon/bus.h"

void postern_notify(const char *state)
{
#ifdef HAVE_LIBSYSTEMD
    sd_notify(0, state);
#else
    (void)state;
#endif
}

void postern_notify_reloading(void)
{
    struct timespec now;
    char state[160];

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Serving messages; reading the configuration again",
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    postern_notify(state);
}

static size_t append(char *state, size_t size, size_t len, const char *what, unsigned n)
{
    int added = n > 0 ? snprintf(state + len, size - len, "; %s: %u", what, n) : 0;

    return added > 0 && (size_t)added < size - len ? len + (size_t)added : len;
}

void postern_notify_ready(const struct postern_bus *bus, const char *fault)
{
    char state[1536];
    size_t len = (size_t)snprintf(state, sizeof(state), "READY=1\nSTATUS=Serving messages");

    len = append(state, sizeof(state), len, "faulty configuration files passed over", bus->config->n_passed_over);
    len = append(state, sizeof(state), len, "users and groups that cannot be looked up", postern_lookups_failed(&bus->reload.in_force));
    /* An error is one line without control characters, says util/error.h: no file can put another assignment there. */
    if (fault != NULL)
        snprintf(state + len, sizeof(state) - len, "; reload refused: %s", fault);
    postern_notify(state);
}
