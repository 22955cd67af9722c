/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/credentials.h"

static void write_groups(struct postern_writer *w, const struct postern_peer_facts *facts)
{
    postern_writer_entry_open(w, "UnixGroupIDs", "au");
    postern_writer_open(w, 'a', "u");
    for (size_t i = 0; i < facts->n_groups; i++)
        postern_writer_u32(w, facts->groups[i]);
    postern_writer_close(w);
    postern_writer_entry_close(w);
}

/* The specification wants the label's bytes with a NUL at the end, whether or not the LSM counts one. */
void postern_credentials_write_label(struct postern_writer *w, const struct postern_peer_facts *facts)
{
    postern_writer_entry_open(w, "LinuxSecurityLabel", "ay");
    postern_writer_bytes(w, facts->label, (uint32_t)facts->label_len + 1);
    postern_writer_entry_close(w);
}

void postern_credentials_write(struct postern_writer *w, uint32_t uid, const struct postern_peer_facts *facts)
{
    if (uid != UINT32_MAX)
        postern_writer_entry_u32(w, "UnixUserID", uid);
    if (facts->uid == POSTERN_PEER_UNKNOWN)
        return;
    if (facts->groups != NULL)
        write_groups(w, facts);
    if (facts->pid > 0)
        postern_writer_entry_u32(w, "ProcessID", (uint32_t)facts->pid);
    if (facts->label != NULL)
        postern_credentials_write_label(w, facts);
}
