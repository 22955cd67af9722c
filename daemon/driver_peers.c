/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.freedesktop.DBus: who stands behind a name. */
#include <errno.h>
#include <string.h>

#include "daemon/bus.h"
#include "daemon/driver.h"
#include "daemon/mediation.h"
#include "wire/credentials.h"
#include "wire/name.h"

/* Who is asked about: the driver itself (*conn NULL), or a connection that the caller may inspect. */
static int read_subject(struct postern_driver_call *call, const char **name, struct postern_conn **conn)
{
    uint32_t see;
    size_t len;

    if (postern_reader_string(&call->in, name, &len) < 0)
        return postern_driver_no_memory(call);
    *conn = NULL;
    if (strcmp(*name, POSTERN_DRIVER_NAME) != 0) {
        *conn = postern_bus_find(call->bus, *name, (uint32_t)len);
        see = *conn != NULL ? postern_mediation_see(call->conn, *conn, *name) : POSTERN_SEE_HIDDEN;
    } else {
        see = postern_mediation_see(call->conn, NULL, *name);
    }
    if (see == POSTERN_SEE_HIDDEN)
        return postern_driver_fail(call, "NameHasNoOwner", "Could not get credentials of name '%s': no such name", *name);
    if (see == POSTERN_SEE_EXISTS)
        return postern_driver_fail(call, "AccessDenied", "This connection may not be told who '%s' is", *name);
    return 0;
}

static const struct postern_peer_facts *facts_of(const struct postern_driver_call *call, const struct postern_conn *conn)
{
    return conn != NULL ? &conn->facts : &call->bus->self;
}

/* Who authenticated; UINT32_MAX: nobody by name. */
static uint32_t uid_of(const struct postern_driver_call *call, const struct postern_conn *conn)
{
    return conn != NULL ? conn->uid : call->bus->self.uid;
}

static int get_user(struct postern_driver_call *call)
{
    struct postern_conn *conn;
    const char *name;
    int r = read_subject(call, &name, &conn);

    if (r < 0)
        return r;
    if (uid_of(call, conn) == UINT32_MAX)
        return postern_driver_fail(call, "Failed", "The user of '%s' is not known", name);
    postern_writer_u32(&call->out, uid_of(call, conn));
    return 0;
}

static int get_process(struct postern_driver_call *call)
{
    const struct postern_peer_facts *facts;
    struct postern_conn *conn;
    const char *name;
    int r = read_subject(call, &name, &conn);

    if (r < 0)
        return r;
    facts = facts_of(call, conn);
    if (facts->pid <= 0)
        return postern_driver_fail(call, "UnixProcessIdUnknown", "The process id of '%s' is not known", name);
    postern_writer_u32(&call->out, (uint32_t)facts->pid);
    return 0;
}

static int get_selinux_context(struct postern_driver_call *call)
{
    const struct postern_peer_facts *facts;
    struct postern_conn *conn;
    const char *name;
    int r = read_subject(call, &name, &conn);

    if (r < 0)
        return r;
    facts = facts_of(call, conn);
    /* A label of another LSM has no colon-separated parts; it is not what this method is about. */
    if (facts->label == NULL || strchr(facts->label, ':') == NULL)
        return postern_driver_fail(call, "SELinuxSecurityContextUnknown", "The SELinux context of '%s' is not known", name);
    postern_writer_bytes(&call->out, facts->label, (uint32_t)facts->label_len);
    return 0;
}

static int get_adt_data(struct postern_driver_call *call)
{
    struct postern_conn *conn;
    const char *name;
    int r = read_subject(call, &name, &conn);

    return r < 0 ? r : postern_driver_fail(call, "AdtAuditDataUnknown", "There is no Solaris audit data of '%s' on this system", name);
}

static int write_extra(void *data, const char *key, const char *signature, const void *value, uint32_t len)
{
    struct postern_writer *w = data;

    postern_writer_entry_open(w, key, signature);
    postern_writer_value(w, signature, value, len);
    postern_writer_entry_close(w);
    return 0;
}

/* The process behind a connection, as a descriptor that no later process can be mistaken for. */
static void write_process_fd(struct postern_driver_call *call, const struct postern_conn *conn)
{
    int fd;

    /* Into a container with rules no descriptor comes, also not from the bus. */
    if (!call->conn->can_fds || call->conn->identity.mode == POSTERN_MODE_RESTRICT)
        return;
    fd = postern_peer_pidfd(conn->source.fd);
    if (fd < 0)
        return; /* an older kernel, or the process is gone: the key is optional */
    call->reply_fd = fd;
    postern_writer_entry_open(&call->out, "ProcessFD", "h");
    postern_writer_fd(&call->out, 0);
    postern_writer_entry_close(&call->out);
}

static int get_credentials(struct postern_driver_call *call)
{
    const struct postern_module *module = call->bus->module;
    struct postern_conn *conn;
    const char *name;
    int r = read_subject(call, &name, &conn);

    if (r < 0)
        return r;
    if (conn != NULL && postern_peer_facts_groups(conn->source.fd, &conn->facts) < 0)
        return postern_driver_no_memory(call);
    postern_writer_open(&call->out, 'a', "{sv}");
    postern_credentials_write(&call->out, uid_of(call, conn), facts_of(call, conn));
    if (conn != NULL)
        write_process_fd(call, conn);
    if (conn != NULL && module != NULL && module->credentials(conn->party, write_extra, &call->out) < 0)
        return postern_driver_no_memory(call);
    postern_writer_close(&call->out);
    return 0;
}

const struct postern_driver_method postern_driver_peer_methods[] = {
    {"GetConnectionUnixUser", "s", "u", false, get_user},
    {"GetConnectionUnixProcessID", "s", "u", false, get_process},
    {"GetConnectionCredentials", "s", "a{sv}", false, get_credentials},
    {"GetConnectionSELinuxSecurityContext", "s", "ay", false, get_selinux_context},
    {"GetAdtAuditSessionData", "s", "ay", false, get_adt_data},
    {0},
};
