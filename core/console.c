/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/console.h"

#include <stddef.h>

#include "core/mediator.h"
#include "util/console.h"

/* Whose file is looked for. */
struct search {
    const struct postern_host *host;
    uint32_t uid;
};

bool postern_host_has_account(const struct postern_host *host)
{
    return host->abi.size >= offsetof(struct postern_host, account) + sizeof(host->account) && host->account != NULL;
}

/* By the number, not by the name: a user may have several names. */
static bool is_of_user(void *data, const char *name)
{
    const struct search *search = data;
    uint32_t id;

    return search->host->account(search->host->data, POSTERN_ACCOUNT_USER, name, &id) == 1 && id == search->uid;
}

bool postern_console_has(const struct postern_mediator *mediator, uint32_t uid)
{
    struct search search = {.host = mediator->host, .uid = uid};

    if (!mediator->settings.asks_console || uid == UINT32_MAX)
        return false;
    if (postern_console_seated(uid))
        return true;
    /* Another host would have to ask NSS here, which may block. */
    return postern_host_has_account(mediator->host) && postern_console_any(POSTERN_CONSOLE_DIR, is_of_user, &search);
}
