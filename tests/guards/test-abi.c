/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The golden table of version 1.5 of the module interface: where each member stands, how large each struct is, what each constant
 * is. A released version never moves: structs grow behind what stands here, and new rows come after the old ones.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "postern/module.h"

#define AT(type, member, place) {#type "." #member, offsetof(struct postern_##type, member), place}
#define SIZE(type, bytes) {"size of " #type, sizeof(struct postern_##type), bytes}
#define IS(name, value) {"POSTERN_" #name, (size_t)POSTERN_##name, value}

static const struct {
    const char *what;
    size_t found, expected;
} golden[] = {
/* clang-format off */
    AT(abi, size, 0), AT(abi, major, 4), AT(abi, minor, 6), SIZE(abi, 8),
    AT(view, data, 0), AT(view, len, 8), AT(view, reserved, 12), SIZE(view, 16),
    AT(fault, size, 0), AT(fault, reserved, 4), AT(fault, text, 8), SIZE(fault, 1024),
    AT(message, size, 0), AT(message, type, 4), AT(message, flags, 5), AT(message, order, 6),
    AT(message, reserved, 7), AT(message, serial, 8), AT(message, reply_serial, 12), AT(message, fds, 16),
    AT(message, body_len, 20), AT(message, path, 24), AT(message, interface, 40), AT(message, member, 56),
    AT(message, error, 72), AT(message, destination, 88), AT(message, signature, 104), AT(message, body, 120),
    SIZE(message, 128),
    AT(request, size, 0), AT(request, action, 4), AT(request, flags, 8), AT(request, reserved, 12),
    AT(request, from, 16), AT(request, to, 24), AT(request, addressed, 32), AT(request, message, 40),
    AT(request, name, 48), AT(request, assumed_label, 64), AT(request, kind, 80), SIZE(request, 88),
    AT(verdict, size, 0), AT(verdict, allowed, 4), AT(verdict, door, 5), AT(verdict, reserved, 6),
    AT(verdict, flags, 8), AT(verdict, reserved2, 12), AT(verdict, error_name, 16), AT(verdict, error_text, 24),
    SIZE(verdict, 32),
    AT(peer, size, 0), AT(peer, fd, 4), AT(peer, host_id, 8), AT(peer, listener, 16), SIZE(peer, 24),
    AT(quota, connections, 0), AT(quota, names, 8), AT(quota, matches, 16), AT(quota, bytes, 24), AT(quota, fds, 32),
    AT(quota, pending_replies, 40), SIZE(quota, 48),
    AT(identity, size, 0), AT(identity, mode, 4), AT(identity, account, 8), AT(identity, quota, 16),
    AT(identity, instance, 64), AT(identity, type, 80), AT(identity, name, 96), AT(identity, source, 112),
    SIZE(identity, 128),
    AT(signal, size, 0), AT(signal, body_len, 4), AT(signal, to, 8), AT(signal, interface, 16),
    AT(signal, member, 24), AT(signal, signature, 32), AT(signal, body, 40), SIZE(signal, 48),
    AT(host, abi, 0), AT(host, data, 8), AT(host, log, 16), AT(host, watch_add, 24), AT(host, watch_remove, 32),
    AT(host, listener_add, 40), AT(host, listener_remove, 48), AT(host, disconnect, 56), AT(host, emit, 64),
    AT(host, release_name, 72), AT(host, log_fields, 80), AT(host, account, 88), SIZE(host, 96),
    AT(options, size, 0), AT(options, flags, 4), AT(options, host, 8), AT(options, bus_config, 16),
    AT(options, mediator_config, 24), SIZE(options, 32),
    AT(call, size, 0), AT(call, n_fds, 4), AT(call, caller, 8), AT(call, message, 16), AT(call, fds, 24),
    SIZE(call, 32),
    AT(reply, size, 0), AT(reply, body_len, 4), AT(reply, signature, 8), AT(reply, body, 16),
    AT(reply, error_name, 24), AT(reply, error_text, 32), SIZE(reply, 40),
    AT(interface, size, 0), AT(interface, reserved, 4), AT(interface, name, 8), AT(interface, introspection, 16),
    SIZE(interface, 24),
    AT(module, abi, 0), AT(module, name, 8), AT(module, version, 16), AT(module, open, 24), AT(module, close, 32),
    AT(module, reload, 40), AT(module, party_new, 48), AT(module, party_identity, 56),
    AT(module, party_authenticated, 64), AT(module, party_hello, 72), AT(module, party_name, 80),
    AT(module, party_leave, 88), AT(module, party_free, 96), AT(module, mediate, 104), AT(module, see, 112),
    AT(module, delivered, 120), AT(module, stamp, 128), AT(module, interfaces, 136), AT(module, driver_call, 144),
    AT(module, get_property, 152), AT(module, credentials, 160), AT(module, features, 168), AT(module, services, 176),
    AT(module, sender_facts, 184), SIZE(module, 192),
    AT(activatable, size, 0), AT(activatable, allow_line, 4), AT(activatable, owner_user_line, 8),
    AT(activatable, access_control_line, 12), AT(activatable, name, 16), AT(activatable, file, 32),
    AT(activatable, assumed_label, 48), AT(activatable, allow, 64), AT(activatable, owner_user, 80),
    AT(activatable, access_control, 96), SIZE(activatable, 112),
    IS(ABI_MAJOR, 1), IS(ABI_MINOR, 5), IS(REQUEST_TO_DRIVER, 0x01), IS(REQUEST_FROM_DRIVER, 0x02),
    IS(REQUEST_REPLY, 0x04), IS(REQUEST_BROADCAST, 0x08), IS(REQUEST_RELEASE, 0x10), IS(MESSAGE_METHOD_CALL, 1),
    IS(MESSAGE_METHOD_RETURN, 2), IS(MESSAGE_ERROR, 3), IS(MESSAGE_SIGNAL, 4),
    IS(MESSAGE_FLAG_NO_REPLY_EXPECTED, 0x1), IS(MESSAGE_FLAG_NO_AUTO_START, 0x2), IS(VERDICT_TELL_DELIVERED, 0x01),
    IS(SEE_HIDDEN, 0), IS(SEE_EXISTS, 1), IS(SEE_INSPECT, 2), IS(NAME_GONE, 0), IS(NAME_QUEUED, 1),
    IS(NAME_PRIMARY, 2), IS(OPTION_LOG_ALL, 0x1), IS(ACTION_NONE, 0), IS(ACTION_CONNECT, 1), IS(ACTION_OWN, 2),
    IS(ACTION_SEND, 3), IS(ACTION_RECEIVE, 4), IS(ACTION_SEE, 5), IS(ACTION_ACTIVATE, 6), IS(ACTION_MONITOR, 7),
    IS(DOOR_NONE, 0), IS(DOOR_XML, 1), IS(DOOR_CONTAINER, 2), IS(DOOR_LSM, 3), IS(MODE_NONE, 0), IS(MODE_RESTRICT, 1),
    IS(MODE_COMPLAIN, 2), IS(MODE_IDENTIFY, 3),
    IS(ACCOUNT_USER, 1), IS(ACCOUNT_GROUP, 2),
    /* 1.4 */
    IS(REQUEST_SAME_MESSAGE, 0x40), IS(REQUEST_SAME_INPUT, 0x80), IS(VERDICT_PLAIN, 0x02), IS(VERDICT_NO_FACTS, 0x04),
    IS(OPTION_NO_CACHE, 0x2),
    /* 1.5 */
    IS(VERDICT_INSTANCE, 0x08),
/* clang-format on */
};

int main(void)
{
    int moved = 0;

    /* Pointers are narrower elsewhere; the rules that keep the table stable are the same. */
    if (sizeof(void *) != 8)
        return 77;
    for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
        if (golden[i].found == golden[i].expected)
            continue;
        printf("%s: %zu, not %zu\n", golden[i].what, golden[i].found, golden[i].expected);
        moved = 1;
    }
    return moved;
}
