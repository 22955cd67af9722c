/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/mechanisms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "config/location.h"
#include "daemon/bus.h"

_Static_assert(POSTERN_CHALLENGE_DIGITS == 32, "a challenge is made like a guid");

/* What the keyring's interface in sasl_cookie.h says. */
static int make_challenge(void *data, struct postern_challenge *challenge)
{
    struct postern_bus *bus = data;
    struct postern_error error;
    struct postern_cookie cookie;
    int r = postern_keyring_current(&bus->keyring, time(NULL), &cookie, &error);

    if (r < 0) {
        if (postern_conn_may_log(bus))
            postern_log(&bus->log, LOG_WARNING, "DBUS_COOKIE_SHA1: %s", error.text);
        return r;
    }
    r = postern_guid_make(challenge->digits); /* as many random digits */
    if (r == 0) {
        challenge->id = cookie.id;
        memcpy(challenge->cookie, cookie.digits, sizeof(challenge->cookie));
    }
    explicit_bzero(&cookie, sizeof(cookie));
    return r;
}

/* asked: somebody wrote so into the configuration, and is told when it cannot be. */
static void enable_cookies(struct postern_bus *bus, bool asked)
{
    /* As libdbus finds it, in clients, too; but what root's environment says is not the home of who the bus has become. */
    const char *home = bus->config->user == NULL ? getenv("HOME") : NULL;
    struct postern_error error;

    if (bus->keyring.home == NULL && postern_keyring_init(&bus->keyring, home, &error) < 0) {
        postern_log(&bus->log, asked ? LOG_WARNING : LOG_DEBUG, "authentication mechanism DBUS_COOKIE_SHA1 is not offered: %s",
                    error.text);
        return;
    }
    bus->sasl_keyring = (struct postern_sasl_keyring){
        .data = bus, .user = bus->keyring.user, .uid = bus->keyring.uid, .challenge = make_challenge};
    bus->sasl_mechanisms |= POSTERN_SASL_COOKIE;
}

static void enable(struct postern_bus *bus, const char *name)
{
    if (strcmp(name, "EXTERNAL") == 0)
        bus->sasl_mechanisms |= POSTERN_SASL_EXTERNAL;
    else if (strcmp(name, "DBUS_COOKIE_SHA1") == 0)
        enable_cookies(bus, true);
    else if (strcmp(name, "ANONYMOUS") == 0 && bus->config->allow_anonymous)
        bus->sasl_mechanisms |= POSTERN_SASL_ANONYMOUS;
    else
        postern_log(&bus->log, LOG_WARNING,
                    "authentication mechanism %s is not offered: this bus knows EXTERNAL, DBUS_COOKIE_SHA1, and ANONYMOUS with "
                    "<allow_anonymous/>",
                    name);
}

int postern_mechanisms_enable(struct postern_bus *bus, struct postern_error *error)
{
    char **names = bus->config->auth;

    if (names == NULL) {
        bus->sasl_mechanisms = POSTERN_SASL_EXTERNAL | (bus->config->allow_anonymous ? POSTERN_SASL_ANONYMOUS : 0);
        enable_cookies(bus, false);
    }
    for (; names != NULL && *names != NULL; names++)
        enable(bus, *names);
    if (bus->sasl_mechanisms == 0)
        return postern_location_error(&bus->config->auth_where, error,
                                      "none of the <auth> mechanisms can be offered; add <auth>EXTERNAL</auth>");
    return 0;
}
