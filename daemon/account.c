/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/account.h"

#include <stdlib.h>

#include "util/zalloc.h"

struct postern_account *postern_account_get(struct postern_accounts *accounts, uint64_t key)
{
    struct postern_account *account;

    HASH_FIND(hh, accounts->by_key, &key, sizeof(key), account);
    if (account != NULL)
        return postern_account_ref(account);
    account = postern_zalloc(sizeof(*account));
    if (account == NULL)
        return NULL;
    account->key = key;
    account->table = accounts;
    account->refs = 1;
    account->limit = (struct postern_quota){UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    HASH_ADD(hh, accounts->by_key, key, sizeof(account->key), account);
    if (account->hh.tbl == NULL) {
        free(account);
        return NULL;
    }
    return account;
}

struct postern_account *postern_account_ref(struct postern_account *account)
{
    account->refs++;
    return account;
}

void postern_account_unref(struct postern_account *account)
{
    if (account == NULL || --account->refs > 0)
        return;
    HASH_DEL(account->table->by_key, account);
    free(account);
}
