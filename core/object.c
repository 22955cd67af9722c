/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wire/name.h"

#define ERROR "org.freedesktop.DBus.Error."

static int fail(struct postern_mediator *mediator, struct postern_reply *reply, const char *name, const char *text)
{
    snprintf(mediator->reply_error, sizeof(mediator->reply_error), "%s", text);
    /* Cutting may have split a character. */
    for (size_t len = strlen(mediator->reply_error); len > 0 && !postern_utf8_is_valid(mediator->reply_error, len); len--)
        mediator->reply_error[len - 1] = '\0';
    reply->error_name = name;
    reply->error_text = mediator->reply_error;
    return 0;
}

static const char *error_name(int r)
{
    switch (r) {
    case -EINVAL:
        return ERROR "InvalidArgs";
    case -EDQUOT:
        return ERROR "LimitsExceeded";
    case -EACCES:
        return ERROR "AccessDenied";
    case -ENOMEM:
        return ERROR "NoMemory";
    case -ENXIO:
        return ERROR "NotContainer";
    case -ENOENT:
        return ERROR "NameHasNoOwner";
    case -EOPNOTSUPP:
        return ERROR "NotSupported";
    default:
        return ERROR "Failed";
    }
}

int postern_object_answer(struct postern_mediator *mediator, struct postern_reply *reply)
{
    int r = postern_writer_finish(&mediator->reply);

    if (r == -EMSGSIZE)
        return fail(mediator, reply, ERROR "LimitsExceeded", "the answer would be longer than a message may be");
    if (r < 0)
        return r;
    reply->signature = mediator->reply.signature;
    reply->body = mediator->reply.buf.data;
    reply->body_len = (uint32_t)mediator->reply.buf.len;
    return 0;
}

int postern_object_no_property(struct postern_mediator *mediator, const char *interface, struct postern_reply *reply)
{
    struct postern_error error;

    postern_error_set(&error, -ENOENT, "%s has no such property", interface);
    return fail(mediator, reply, ERROR "UnknownProperty", error.text);
}

#define ANSWER_KEPT (256u << 10) /* bytes of memory that are kept for the next answer */

static void begin_answer(struct postern_mediator *mediator)
{
    if (mediator->reply.buf.cap > ANSWER_KEPT)
        postern_writer_free(&mediator->reply);
    postern_writer_reset(&mediator->reply);
}

int postern_object_call(struct postern_mediator *mediator, const struct postern_call *call, const char *interface,
                        const struct postern_object_method *methods, size_t n, struct postern_reply *reply)
{
    const struct postern_message *m = call->message;
    const char *signature = m->signature.data != NULL ? m->signature.data : "";
    const struct postern_object_method *method = NULL;
    struct postern_error error = {.text = ""};
    int r;

    for (size_t i = 0; i < n; i++)
        if (m->member.data != NULL && strcmp(methods[i].name, m->member.data) == 0)
            method = &methods[i];
    if (method == NULL) {
        postern_error_set(&error, -ENOENT, "%s has no such method", interface);
        return fail(mediator, reply, ERROR "UnknownMethod", error.text);
    }
    if (strcmp(signature, method->signature) != 0) {
        postern_error_set(&error, -EINVAL, "%s takes (%s), not (%s)", method->name, method->signature, signature);
        return fail(mediator, reply, ERROR "InvalidArgs", error.text);
    }
    begin_answer(mediator);
    r = method->fn(mediator, call, &error);
    if (r == -ENOMEM && error.text[0] == '\0')
        postern_error_set(&error, r, "out of memory");
    return r < 0 ? fail(mediator, reply, error_name(r), error.text) : postern_object_answer(mediator, reply);
}

int postern_object_read_text(const struct postern_call *call, const char **text)
{
    const struct postern_message *m = call->message;
    struct postern_reader r;

    postern_reader_init(&r, (char)m->order, m->signature.data, m->body, m->body_len);
    postern_reader_string(&r, text, NULL);
    return postern_reader_finish(&r) < 0 ? -EINVAL : 0;
}

int postern_object_read_entries(struct postern_reader *r, postern_object_entry_fn *fn, void *data, struct postern_error *error)
{
    int result = 0;

    postern_reader_enter(r, 'a');
    while (result == 0 && postern_reader_more(r)) {
        const char *key = "";

        postern_reader_enter(r, 'e');
        postern_reader_string(r, &key, NULL);
        postern_reader_enter(r, 'v');
        result = fn(data, r, key, error);
        postern_reader_leave(r);
        postern_reader_leave(r);
    }
    if (result == 0 && postern_reader_leave(r) < 0)
        result = postern_error_set(error, -EINVAL, "the arguments cannot be read");
    return result;
}

bool postern_object_is_privileged(const struct postern_party *caller)
{
    return caller->instance == NULL && !caller->anonymous && caller->uid != UINT32_MAX && (caller->uid == 0 || caller->uid == geteuid());
}

/* The writer is at a multiple of 8 behind an array's length, as it was when they were written. */
void postern_object_write_entries(struct postern_writer *w, const struct postern_buf *entries)
{
    postern_writer_open(w, 'a', "{sv}");
    if (w->error == 0 && postern_buf_append(&w->buf, entries->data, entries->len) < 0)
        w->error = -ENOMEM;
    postern_writer_close(w);
}

int postern_object_find_instance(struct postern_mediator *mediator, const struct postern_party *caller, const char *path,
                                 struct postern_instance **instance, struct postern_error *error)
{
    struct postern_instance *found = postern_instance_find(mediator, path);

    if (found == NULL || (caller->instance != NULL && caller->instance != found))
        return postern_error_set(error, -ENXIO, "there is no container instance %s", path);
    *instance = found;
    return 0;
}

int postern_object_find_own_instance(struct postern_mediator *mediator, const struct postern_party *caller, const char *path,
                                     bool privileged_too, struct postern_instance **instance, struct postern_error *error)
{
    struct postern_instance *found;
    int r;

    if (caller->instance != NULL)
        return postern_error_set(error, -EACCES, "containers may not look into containers, change or stop them");
    r = postern_object_find_instance(mediator, caller, path, &found, error);
    if (r < 0)
        return r;
    if ((caller->anonymous || caller->uid != found->creator_uid) && !(privileged_too && postern_object_is_privileged(caller)))
        return postern_error_set(error, -EACCES, "the container instance %s was made by another user", found->path);
    *instance = found;
    return 0;
}
