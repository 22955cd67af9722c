/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/check.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "daemon/bus.h"
#include "daemon/mechanisms.h"
#include "daemon/mediation.h"
#include "daemon/reload.h"
#include "daemon/reload_services.h"
#include "wire/address.h"

static int check_user(const struct postern_busconfig *config, struct postern_error *error)
{
    if (config->user == NULL || getpwnam(config->user) != NULL)
        return 0;
    return postern_location_error(&config->user_where, error, "the user %s of <user> does not exist", config->user);
}

/* Only whether they are written as addresses are: to know more they would have to be opened. */
static int check_addresses(const struct postern_busconfig *config, struct postern_error *error)
{
    for (size_t i = 0; config->listen != NULL && config->listen[i] != NULL; i++) {
        struct postern_address *list;
        struct postern_error fault;
        size_t n;

        if (postern_address_parse(config->listen[i], &list, &n, &fault) < 0)
            return postern_location_error(&config->listen_where[i], error, "%s", fault.text);
        postern_address_free(list, n);
    }
    return 0;
}

int postern_check_run(struct postern_bus *bus, struct postern_error *error)
{
    const struct postern_busconfig *config = bus->config;
    size_t files = 0;
    int r = check_user(config, error);

    if (r == 0)
        r = check_addresses(config, error);
    if (r == 0)
        r = postern_mechanisms_enable(bus, error);
    if (r < 0)
        return r;
    postern_reload_log_warnings(bus, config);
    if (postern_reload_services(bus, config, &bus->services) < 0)
        return postern_error_set(error, -ENOMEM, "out of memory");
    postern_mediation_services(bus); /* it logs what is wrong in them, which is what this is for */
    while (config->files[files] != NULL)
        files++;
    printf("%s: a bus would start (configuration files: %zu, policy rules: %zu, services: %u, mediator: %s)\n",
           bus->config_file, files, config->n_rules, HASH_COUNT(bus->services.table), bus->module != NULL ? bus->loader.path : "none");
    return fflush(stdout) == 0 ? 0 : postern_error_set(error, -EIO, "standard output cannot be written");
}
