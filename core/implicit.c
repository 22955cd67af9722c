/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Instances that nobody announced: one for each container that a label or control group tells of. */
#include <errno.h>
#include <string.h>

#include "core/containers1.h"
#include "core/mediator.h"
#include "wire/name.h"

#define EVIDENCE_MAX 4096u /* bytes; it is for people */

/* What the instance is found by. The source is part of it: whoever is recognised by something that could be forged never shares an
 * instance, and with it what all in one instance may do, with those that were recognised by something better. So is the user: a label
 * often says which program it is, and not whose. */
static int write_key(const struct postern_sign *sign, struct postern_buf *key)
{
    return postern_buf_printf(key, "%s %u %zu:%s %zu:%s %zu:%s", sign->source, (unsigned)sign->uid, strlen(sign->type), sign->type,
                              strlen(sign->name), sign->name, strlen(sign->instance), sign->instance);
}

/* The metadata: by what it was recognised, as far as D-Bus has words for it. */
static int write_metadata(const struct postern_sign *sign, struct postern_buf *metadata)
{
    struct postern_writer w;
    int r;

    postern_writer_init(&w);
    postern_writer_open(&w, 'a', "{sv}");
    if (*sign->instance != '\0')
        postern_writer_entry_string(&w, "org.postern.InstanceKey", sign->instance);
    if (strlen(sign->evidence) <= EVIDENCE_MAX && postern_utf8_is_valid(sign->evidence, strlen(sign->evidence)))
        postern_writer_entry_string(&w, "org.postern.IdentityEvidence", sign->evidence);
    postern_writer_close(&w);
    r = postern_writer_finish(&w);
    if (r == 0)
        r = postern_buf_append(metadata, w.buf.data + 8, w.buf.len - 8); /* behind length and padding */
    postern_writer_free(&w);
    return r;
}

static int make(struct postern_mediator *mediator, const struct postern_sign *sign, struct postern_buf *key,
                struct postern_instance **instance)
{
    struct postern_instance_plan plan = {
        .type = sign->type,
        .name = sign->name,
        .source = sign->source,
        .mode = postern_settings_implicit_mode(&mediator->settings, sign->type, sign->name),
        .creator_uid = sign->uid,
        .quota = mediator->settings.quota,
    };
    struct postern_instance *made;
    int r;

    /* Where only the identity is wanted, what a container may use is what its connections and its user may: the limits of containers
     * are made for those that somebody announced, knowing of them. */
    if (plan.mode == POSTERN_MODE_IDENTIFY)
        plan.quota = (struct postern_quota){UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    r = write_metadata(sign, &plan.metadata);
    if (r == 0)
        r = postern_containers1_write_creator(sign->source, NULL, &plan.credentials);
    if (r == 0)
        r = postern_instance_new(mediator, &plan, &made);
    if (r < 0) {
        postern_buf_finish(&plan.metadata);
        postern_buf_finish(&plan.credentials);
        return r;
    }
    made->recognised = *key;
    *key = (struct postern_buf){0};
    HASH_ADD_KEYPTR(hh_implicit, mediator->implicit, made->recognised.data, made->recognised.len, made);
    if (made->hh_implicit.tbl == NULL) {
        postern_buf_finish(&made->recognised);
        postern_instance_free(made);
        return -ENOMEM;
    }
    *instance = made;
    return 0;
}

int postern_instance_recognise(struct postern_mediator *mediator, const struct postern_sign *sign, struct postern_instance **instance,
                               struct postern_error *error)
{
    struct postern_instance *found = NULL;
    struct postern_buf key = {0};
    int r;

    if (!postern_utf8_is_valid(sign->name, strlen(sign->name)) || !postern_utf8_is_valid(sign->instance, strlen(sign->instance)))
        return postern_error_set(error, -EBADMSG, "the name of its container is not valid UTF-8");
    r = write_key(sign, &key);
    if (r == 0)
        HASH_FIND(hh_implicit, mediator->implicit, key.data, key.len, found);
    if (r == 0 && found == NULL)
        r = make(mediator, sign, &key, &found);
    postern_buf_finish(&key);
    if (r < 0)
        return postern_error_set(error, r, "out of memory");
    *instance = found;
    return 0;
}
