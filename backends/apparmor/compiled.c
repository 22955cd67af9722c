/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/apparmor/compiled.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/apparmor/policy.h"
#include "backends/apparmor/stream.h"

#define ABI_MASK 0x3ffu
#define ABI_MIN 5u
#define ABI_MAX 9u
#define FORCE_COMPLAIN 0x800u /* beside the version: whatever the profiles say, they complain */
#define FLAG_HAT 1u
#define PERMS_VERSION 1u /* of an entry in the table of permissions */
#define PERMS_ABI_MAX 3u /* of what the table as a whole means ("permsv"); for D-Bus all are the same */
#define PERMS_ENTRY_MIN (POSTERN_APPARMOR_PERMS_WORDS * 5u) /* bytes that an entry takes at least */

struct postern_apparmor_compiled {
    uint8_t *data; /* everything points in here */
    size_t n;
    size_t cap;
    struct postern_apparmor_compiled_profile *profiles;
};

struct reader {
    struct postern_apparmor_stream stream;
    uint32_t version; /* holds for profiles behind it, too */
    const char *ns;   /* of the next profile alone; NULL: it has none */
};

static int want_u32(struct postern_apparmor_stream *stream, const char *name, uint32_t *value, struct postern_error *error)
{
    struct postern_apparmor_element element;
    int r = postern_apparmor_stream_want(stream, POSTERN_APPARMOR_U32, name, &element, error);

    if (r == 0)
        *value = (uint32_t)element.number;
    return r;
}

static int read_perms_entry(struct postern_apparmor_stream *stream, struct postern_apparmor_perms *perms,
                            struct postern_error *error)
{
    uint32_t words[POSTERN_APPARMOR_PERMS_WORDS];

    for (size_t i = 0; i < POSTERN_APPARMOR_PERMS_WORDS; i++) {
        int r = want_u32(stream, NULL, &words[i], error);

        if (r < 0)
            return r;
    }
    return postern_apparmor_perms_read(words, perms, error);
}

/* The inside of the struct "perms". */
static int read_perms(struct postern_apparmor_stream *stream, struct postern_apparmor_policy *policy, struct postern_error *error)
{
    struct postern_apparmor_element element;
    uint32_t version = 0;
    int r = want_u32(stream, "version", &version, error);

    if (r == 0 && (version != PERMS_VERSION || policy->perms != NULL))
        r = postern_error_set(error, -EBADMSG, "a table of permissions of version %u, or a second one", version);
    if (r == 0)
        r = postern_apparmor_stream_want(stream, POSTERN_APPARMOR_ARRAY, NULL, &element, error);
    if (r == 0 && (element.number == 0 || element.number > (stream->len - stream->at) / PERMS_ENTRY_MIN))
        r = postern_error_set(error, -EBADMSG, "a table of permissions that is empty or ends behind the end");
    if (r < 0)
        return r;
    policy->n_perms = (uint32_t)element.number;
    policy->perms = calloc(policy->n_perms, sizeof(*policy->perms));
    if (policy->perms == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    for (uint32_t i = 0; r == 0 && i < policy->n_perms; i++)
        r = read_perms_entry(stream, &policy->perms[i], error);
    if (r == 0)
        r = postern_apparmor_stream_want(stream, POSTERN_APPARMOR_ARRAY_END, NULL, &element, error);
    if (r == 0)
        r = postern_apparmor_stream_want(stream, POSTERN_APPARMOR_STRUCT_END, NULL, &element, error);
    return r;
}

/* An element in the struct "policydb". */
static int read_policy_part(struct postern_apparmor_stream *stream, const struct postern_apparmor_element *element,
                            struct postern_apparmor_policy *policy, struct postern_error *error)
{
    if (postern_apparmor_element_is(element, POSTERN_APPARMOR_STRUCT, "perms"))
        return read_perms(stream, policy, error);
    if (postern_apparmor_element_is(element, POSTERN_APPARMOR_BLOB, "aadfa")) {
        if (policy->dfa.base.data != NULL)
            return postern_error_set(error, -EBADMSG, "two automata where one belongs");
        return postern_apparmor_dfa_read(element->data, element->len, &policy->dfa, error);
    }
    if (postern_apparmor_element_is(element, POSTERN_APPARMOR_U32, "start"))
        policy->start = (uint32_t)element->number;
    if (postern_apparmor_element_is(element, POSTERN_APPARMOR_U32, "permsv") && element->number > PERMS_ABI_MAX)
        return postern_error_set(error, -EBADMSG, "a table of permissions of an unknown version");
    /* Tags, the targets of transitions and what a newer parser may add do not concern D-Bus. */
    return postern_apparmor_stream_skip(stream, element, error);
}

/* The inside of the struct "policydb". */
static int read_policy(struct postern_apparmor_stream *stream, struct postern_apparmor_policy *policy,
                       struct postern_error *error)
{
    for (;;) {
        struct postern_apparmor_element element;
        int r = postern_apparmor_stream_next(stream, &element, error);

        if (r == 0 && element.tag == POSTERN_APPARMOR_STRUCT_END)
            break;
        if (r == 0)
            r = read_policy_part(stream, &element, policy, error);
        if (r < 0)
            return r;
    }
    if (policy->dfa.base.data == NULL)
        return postern_error_set(error, -EBADMSG, "rules without an automaton");
    return postern_apparmor_policy_check(policy, error);
}

static int new_policy(struct reader *reader, struct postern_apparmor_compiled_profile *profile, struct postern_error *error)
{
    struct postern_apparmor_policy *policy;
    int r;

    if (profile->policy != NULL)
        return postern_error_set(error, -EBADMSG, "profile \"%s\" has rules twice", profile->name);
    policy = calloc(1, sizeof(*policy));
    if (policy == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    policy->start = POSTERN_APPARMOR_DFA_START;
    policy->abi = profile->abi;
    r = read_policy(&reader->stream, policy, error);
    if (r < 0) {
        postern_apparmor_policy_free(policy);
        return r;
    }
    profile->policy = policy;
    profile->mediates_dbus = postern_apparmor_policy_mediates(policy, POSTERN_APPARMOR_COMPILED_CLASS_DBUS);
    profile->mediates_network_v9 = postern_apparmor_policy_mediates(policy, POSTERN_APPARMOR_COMPILED_CLASS_NET_V9);
    return 0;
}

/* The inside of the struct "flags". */
static int read_flags(struct reader *reader, struct postern_apparmor_compiled_profile *profile, struct postern_error *error)
{
    struct postern_apparmor_element end;
    uint32_t flags = 0, mode = 0, audit = 0;
    int r = want_u32(&reader->stream, NULL, &flags, error);

    if (r == 0)
        r = want_u32(&reader->stream, NULL, &mode, error);
    if (r == 0)
        r = want_u32(&reader->stream, NULL, &audit, error);
    if (r == 0)
        r = postern_apparmor_stream_want(&reader->stream, POSTERN_APPARMOR_STRUCT_END, NULL, &end, error);
    if (r < 0)
        return r;
    if (mode > POSTERN_APPARMOR_COMPILED_USER)
        return postern_error_set(error, -EBADMSG, "profile \"%s\" has an unknown mode, %u", profile->name, mode);
    profile->hat = (flags & FLAG_HAT) != 0;
    profile->audit_all = audit != 0;
    profile->mode =
        (reader->version & FORCE_COMPLAIN) != 0 ? POSTERN_APPARMOR_COMPILED_COMPLAIN : (enum postern_apparmor_compiled_mode)mode;
    return 0;
}

/* NAME, :NAMESPACE:NAME or :NAMESPACE://NAME. Puts a NUL behind the namespace. */
static int split_name(struct postern_apparmor_compiled_profile *profile, char *text, struct postern_error *error)
{
    char *end;

    profile->name = text;
    if (text[0] == ':') {
        end = strchr(text + 1, ':');
        if (end == NULL || end == text + 1)
            return postern_error_set(error, -EBADMSG, "\"%s\" is no name of a profile", text);
        *end = '\0';
        profile->ns = text + 1;
        profile->name = strncmp(end + 1, "//", 2) == 0 ? end + 3 : end + 1;
    }
    if (profile->name[0] == '\0')
        return postern_error_set(error, -EBADMSG, "a profile without a name");
    return 0;
}

/* The inside of the struct "profile". */
static int read_profile(struct reader *reader, struct postern_apparmor_compiled_profile *profile, struct postern_error *error)
{
    struct postern_apparmor_element element;
    bool flags = false;
    int r = postern_apparmor_stream_want(&reader->stream, POSTERN_APPARMOR_STRING, NULL, &element, error);

    if (r == 0)
        r = split_name(profile, (char *)element.data, error);
    while (r == 0) {
        r = postern_apparmor_stream_next(&reader->stream, &element, error);
        if (r == 0 && element.tag == POSTERN_APPARMOR_STRUCT_END)
            break;
        if (r == 0 && postern_apparmor_element_is(&element, POSTERN_APPARMOR_STRUCT, "flags")) {
            r = flags ? postern_error_set(error, -EBADMSG, "profile \"%s\" has flags twice", profile->name)
                      : read_flags(reader, profile, error);
            flags = true;
        } else if (r == 0 && postern_apparmor_element_is(&element, POSTERN_APPARMOR_STRUCT, "policydb")) {
            r = new_policy(reader, profile, error);
        } else if (r == 0) {
            r = postern_apparmor_stream_skip(&reader->stream, &element, error);
        }
    }
    if (r == 0 && !flags)
        r = postern_error_set(error, -EBADMSG, "profile \"%s\" has no flags", profile->name);
    return r;
}

/* What may come ahead of a profile, and the beginning of its struct. */
static int read_header(struct reader *reader, struct postern_error *error)
{
    struct postern_apparmor_element element;
    uint32_t abi;
    int r = postern_apparmor_stream_next(&reader->stream, &element, error);

    reader->ns = NULL;
    if (r == 0 && postern_apparmor_element_is(&element, POSTERN_APPARMOR_U32, "version")) {
        reader->version = (uint32_t)element.number;
        r = postern_apparmor_stream_next(&reader->stream, &element, error);
    }
    abi = reader->version & ABI_MASK;
    if (r == 0 && (abi < ABI_MIN || abi > ABI_MAX))
        r = postern_error_set(error, -EBADMSG, "this is no compiled AppArmor profile of version %u to %u", ABI_MIN, ABI_MAX);
    if (r == 0 && postern_apparmor_element_is(&element, POSTERN_APPARMOR_STRING, "namespace")) {
        reader->ns = (const char *)element.data;
        r = postern_apparmor_stream_next(&reader->stream, &element, error);
    }
    if (r == 0 && !postern_apparmor_element_is(&element, POSTERN_APPARMOR_STRUCT, "profile"))
        r = postern_error_set(error, -EBADMSG, "something else than a profile at byte %zu", reader->stream.at);
    return r;
}

/* Room for one more profile, which counts from now on. NULL: out of memory. */
static struct postern_apparmor_compiled_profile *add_profile(struct postern_apparmor_compiled *set)
{
    if (set->n == set->cap) {
        size_t cap = set->cap > 0 ? 2 * set->cap : 4;
        struct postern_apparmor_compiled_profile *profiles = realloc(set->profiles, cap * sizeof(*profiles));

        if (profiles == NULL)
            return NULL;
        set->profiles = profiles;
        set->cap = cap;
    }
    set->profiles[set->n] = (struct postern_apparmor_compiled_profile){0};
    return &set->profiles[set->n++];
}

static int read_profiles(struct postern_apparmor_compiled *set, size_t len, struct postern_error *error)
{
    struct reader reader = {.stream = {.data = set->data, .len = len}};
    int r = 0;

    while (r == 0 && reader.stream.at < len) {
        struct postern_apparmor_compiled_profile *profile;

        r = read_header(&reader, error);
        if (r < 0)
            return r;
        profile = add_profile(set);
        if (profile == NULL)
            return postern_error_set(error, -ENOMEM, "out of memory");
        profile->ns = reader.ns;
        profile->abi = reader.version & ABI_MASK;
        r = read_profile(&reader, profile, error);
    }
    return r;
}

/* Newer parsers compress, with or without a header of their own in front. */
static bool is_compressed(const uint8_t *data, size_t len)
{
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    static const uint8_t plain[] = {POSTERN_APPARMOR_NAME, 8, 0, 'v', 'e', 'r', 's', 'i', 'o', 'n', 0};

    if (len >= sizeof(plain) && memcmp(data, plain, sizeof(plain)) == 0)
        return false;
    return memmem(data, len < 64 ? len : 64, magic, sizeof(magic)) != NULL;
}

int postern_apparmor_compiled_parse(const void *data, size_t len, struct postern_apparmor_compiled **set,
                                    struct postern_error *error)
{
    struct postern_apparmor_compiled *read;
    int r;

    if (len > POSTERN_APPARMOR_COMPILED_MAX)
        return postern_error_set(error, -EFBIG, "a compiled AppArmor profile of more than %u bytes",
                                 POSTERN_APPARMOR_COMPILED_MAX);
    if (len == 0)
        return postern_error_set(error, -EBADMSG, "an empty file is no compiled AppArmor profile");
    if (is_compressed(data, len))
        return postern_error_set(
            error, -EBADMSG,
            "the compiled AppArmor profile is compressed (zstd); compile it without the feature compressed_load");
    read = calloc(1, sizeof(*read));
    if (read == NULL || (read->data = malloc(len)) == NULL) {
        free(read);
        return postern_error_set(error, -ENOMEM, "out of memory");
    }
    memcpy(read->data, data, len);
    r = read_profiles(read, len, error);
    if (r < 0) {
        postern_apparmor_compiled_free(read);
        return r;
    }
    *set = read;
    return 0;
}

void postern_apparmor_compiled_free(struct postern_apparmor_compiled *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->n; i++)
        postern_apparmor_policy_free((struct postern_apparmor_policy *)set->profiles[i].policy);
    free(set->profiles);
    free(set->data);
    free(set);
}

size_t postern_apparmor_compiled_count(const struct postern_apparmor_compiled *set)
{
    return set->n;
}

const struct postern_apparmor_compiled_profile *postern_apparmor_compiled_at(const struct postern_apparmor_compiled *set,
                                                                             size_t i)
{
    return &set->profiles[i];
}

const struct postern_apparmor_compiled_profile *postern_apparmor_compiled_find(const struct postern_apparmor_compiled *set,
                                                                               const char *ns, const char *name)
{
    for (size_t i = 0; i < set->n; i++) {
        const char *its = set->profiles[i].ns;

        if (strcmp(set->profiles[i].name, name) == 0 && (its == NULL) == (ns == NULL) && (ns == NULL || strcmp(its, ns) == 0))
            return &set->profiles[i];
    }
    return NULL;
}

/* What the kernel answers: four masks. */
static struct postern_apparmor_perms answer(const struct postern_apparmor_compiled_profile *profile, const uint8_t *query,
                                            size_t len)
{
    /* A class that the profile does not mediate, and a profile that confines nobody: all is allowed. */
    const struct postern_apparmor_perms everything = {.allow = UINT32_MAX, .quiet = UINT32_MAX};
    struct postern_apparmor_perms perms;

    if (profile->mode == POSTERN_APPARMOR_COMPILED_UNCONFINED || profile->policy == NULL ||
        !postern_apparmor_policy_mediates(profile->policy, query[0]))
        return everything;
    perms = postern_apparmor_policy_match(profile->policy, query, len);
    if (profile->audit_all) {
        perms.audit = UINT32_MAX;
        perms.quiet = 0;
    }
    perms.audit &= perms.allow;
    perms.quiet &= ~perms.allow;
    perms.allow &= ~perms.deny;
    return perms;
}

int postern_apparmor_compiled_query(const struct postern_apparmor_compiled_profile *profile, uint32_t mask, const void *query,
                                    size_t len, bool *allow, bool *audit)
{
    struct postern_apparmor_perms perms;
    const uint8_t *bytes = query;

    if (mask == 0 || len == 0 || bytes[0] == POSTERN_APPARMOR_COMPILED_CLASS_FILE)
        return -EINVAL;
    if (len > POSTERN_APPARMOR_COMPILED_QUERY_MAX)
        return -EFBIG;
    perms = answer(profile, bytes, len);
    /* From here on as in libapparmor: each bit of the mask has to be allowed, and each has to be audited. */
    *allow = (mask & ~perms.allow) == 0;
    if (!*allow)
        perms.audit = UINT32_MAX;
    *audit = (mask & ~(perms.audit & ~perms.quiet)) == 0;
    return 0;
}
