/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/policy.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int memory_file(const char *text, size_t len, char name[64])
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq((int)write(fd, text, len), (int)len);
    snprintf(name, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static int look_up(void *data, enum postern_lookup_kind kind, const char *name, uint32_t *id)
{
    if (strncmp(name, "down", 4) == 0)
        return -ECONNREFUSED;
    if (strcmp(name, "gone") == 0)
        return -ESTALE;
    if (strcmp(name, "root") == 0)
        *id = 0;
    else if (strcmp(name, "alice") == 0 || strcmp(name, "alias") == 0)
        *id = 1000;
    else if (strcmp(name, "staff") == 0 && kind == POSTERN_LOOKUP_GROUP)
        *id = 20;
    else
        return 0;
    return 1;
}

int config_read(const char *text, struct postern_busconfig **config, struct postern_error *error)
{
    char name[64];
    int fd = memory_file(text, strlen(text), name);
    int code = postern_busconfig_read(name, &(struct postern_busconfig_source){.lookup = look_up}, config, error);

    close(fd);
    return code;
}

struct postern_xml *xml_of(const char *policies)
{
    static uint64_t generation;
    struct postern_busconfig *config;
    struct postern_error error;
    struct postern_xml *xml;
    char *text;

    ck_assert_int_gt(asprintf(&text, "<busconfig>\n<listen>unix:path=/nowhere</listen>\n%s\n</busconfig>", policies), 0);
    if (config_read(text, &config, &error) < 0)
        ck_abort_msg("%s\n%s", error.text, text);
    ck_assert_int_eq(postern_xml_new(config, ++generation, &xml), 0);
    free(text);
    return xml;
}

void write_file(const char *dir, const char *name, const char *text)
{
    char path[300];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

void remove_tree(const char *dir)
{
    ck_assert_int_eq(nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void add_name(struct postern_party *party, const char *text, size_t len)
{
    bool queued = *text == '~';
    struct postern_bus_name *name = calloc(1, sizeof(*name));

    name->name = strndup(text + queued, len - queued);
    name->len = (uint32_t)(len - queued);
    name->primary = queued ? NULL : party;
    party->names = reallocarray(party->names, party->n_names + 1, sizeof(party->names[0]));
    party->names[party->n_names++] = (struct postern_party_name){.name = name, .primary = !queued};
}

struct postern_party *party_new(const char *unique_name, uint32_t uid, const char *names)
{
    struct postern_party *party = calloc(1, sizeof(*party));

    party->authenticated = true;
    party->uid = uid;
    party->unique_name = unique_name != NULL ? strdup(unique_name) : NULL;
    while (names != NULL && *names != '\0') {
        size_t len = strcspn(names, " ");

        add_name(party, names, len);
        names += len + strspn(names + len, " ");
    }
    return party;
}

void party_groups(struct postern_party *party, const gid_t *groups, size_t n)
{
    party->facts.groups = malloc((n + 1) * sizeof(*groups));
    memcpy(party->facts.groups, groups, n * sizeof(*groups));
    party->facts.n_groups = n;
}

void party_free(struct postern_party *party)
{
    for (size_t i = 0; i < party->n_names; i++) {
        free(party->names[i].name->name);
        free(party->names[i].name);
    }
    free(party->names);
    free(party->facts.groups);
    free(party->unique_name);
    free(party);
}

struct postern_view view_of(const char *s)
{
    return (struct postern_view){.data = s, .len = s != NULL ? (uint32_t)strlen(s) : 0};
}

const char *opinion_text(const struct postern_opinion *opinion)
{
    static const char *const kinds[] = {"deny", "abstain", "allow"};
    static char text[64];

    if (opinion->rule.kind == POSTERN_RULE_FILE)
        snprintf(text, sizeof(text), "%s:%u%s", kinds[opinion->kind], opinion->rule.line, opinion->log ? " log" : "");
    else
        snprintf(text, sizeof(text), "%s", kinds[opinion->kind]);
    return text;
}

const char *ask(struct postern_xml *xml, const struct postern_request *request)
{
    struct postern_opinion opinion = {0};

    postern_xml_door(xml, request, &opinion);
    ck_assert_ptr_nonnull(opinion.why);
    return opinion_text(&opinion);
}

SUITE_MAIN(policy_config_suite, policy_rules_suite, policy_door_suite, policy_index_suite, policy_default_suite,
           policy_markup_suite, policy_mediatorconf_suite, policy_parts_suite, policy_subjects_suite, policy_services_suite)
