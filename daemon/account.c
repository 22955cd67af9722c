/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/account.h"

#include <stdlib.h>

static uint64_t *field(struct postern_quota *quota, enum postern_charge what)
{
    return (uint64_t *)(void *)((char *)quota + what);
}

static uint64_t value(const struct postern_quota *quota, enum postern_charge what)
{
    return *(const uint64_t *)(const void *)((const char *)quota + what);
}

uint64_t postern_account_used(const struct postern_account *account, enum postern_charge what)
{
    return value(&account->used, what);
}

uint64_t postern_account_limit(const struct postern_account *account, enum postern_charge what)
{
    return value(&account->limit, what);
}

struct postern_account *postern_account_get(struct postern_accounts *accounts, uint64_t key)
{
    struct postern_account *account;

    HASH_FIND(hh, accounts->by_key, &key, sizeof(key), account);
    if (account != NULL)
        return postern_account_ref(account);
    account = calloc(1, sizeof(*account));
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

bool postern_account_fits(const struct postern_account *account, enum postern_charge what, uint64_t amount)
{
    uint64_t used, limit;

    if (account == NULL)
        return true;
    used = value(&account->used, what);
    limit = value(&account->limit, what);
    return amount <= limit && used <= limit - amount;
}

void postern_account_charge(struct postern_account *account, enum postern_charge what, uint64_t amount)
{
    if (account != NULL)
        *field(&account->used, what) += amount;
}

void postern_account_discharge(struct postern_account *account, enum postern_charge what, uint64_t amount)
{
    if (account != NULL)
        *field(&account->used, what) -= amount;
}
