/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/introspect.h"

#include <errno.h>
#include <string.h>

#include "daemon/bus.h"
#include "daemon/driver.h"
#include "wire/name.h"
#include "wire/signature.h"

static int add_args(struct postern_buf *xml, const char *signature, const char *direction)
{
    int r = 0;

    while (r == 0 && *signature != '\0') {
        size_t len = postern_signature_next(signature);

        r = postern_buf_printf(xml, "      <arg type=\"%.*s\"%s/>\n", (int)len, signature, direction);
        signature += len;
    }
    return r;
}

static int add_method(struct postern_buf *xml, const struct postern_driver_method *method)
{
    int r = postern_buf_printf(xml, "    <method name=\"%s\">\n", method->name);

    if (r == 0)
        r = add_args(xml, method->in, " direction=\"in\"");
    if (r == 0)
        r = add_args(xml, method->out, " direction=\"out\"");
    return r < 0 ? r : postern_buf_printf(xml, "    </method>\n");
}

static int add_interface(struct postern_buf *xml, const struct postern_driver_interface *interface)
{
    int r = postern_buf_printf(xml, "  <interface name=\"%s\">\n", interface->name);

    for (const struct postern_driver_method *const *table = interface->methods; *table != NULL; table++)
        for (const struct postern_driver_method *method = *table; r == 0 && method->name != NULL; method++)
            r = add_method(xml, method);
    for (const struct postern_driver_signal *signal = interface->signals; r == 0 && signal->name != NULL; signal++) {
        r = postern_buf_printf(xml, "    <signal name=\"%s\">\n", signal->name);
        if (r == 0)
            r = add_args(xml, signal->signature, "");
        if (r == 0)
            r = postern_buf_printf(xml, "    </signal>\n");
    }
    for (const struct postern_driver_property *property = interface->properties; r == 0 && property->name != NULL; property++)
        r = postern_buf_printf(xml,
                               "    <property name=\"%s\" type=\"%s\" access=\"read\">\n"
                               "      <annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\" value=\"const\"/>\n"
                               "    </property>\n",
                               property->name, property->signature);
    return r < 0 ? r : postern_buf_printf(xml, "  </interface>\n");
}

static int add_module_interfaces(const struct postern_bus *bus, struct postern_buf *xml)
{
    const struct postern_interface *list = NULL;
    uint32_t n = bus->module != NULL ? bus->module->interfaces(&list) : 0;
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < n; i++)
        r = postern_buf_printf(xml, "%s", list[i].introspection);
    return r;
}

/* The way from path to the driver's object; in one step, so that tools show no objects between that are none. */
static int add_child(struct postern_buf *xml, const char *path)
{
    static const char home[] = POSTERN_DRIVER_PATH;
    size_t len = strlen(path);
    const char *next;

    if (!postern_path_in_subtree(home, sizeof(home) - 1, path, len) || len == sizeof(home) - 1)
        return 0;
    next = home + (len == 1 ? 1 : len + 1);
    return postern_buf_printf(xml, "  <node name=\"%s\"/>\n", next);
}

int postern_introspect(const struct postern_bus *bus, const char *path, struct postern_buf *xml)
{
    bool home = strcmp(path, POSTERN_DRIVER_PATH) == 0;
    int r = postern_buf_printf(xml, "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
                                    " \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n");

    for (const struct postern_driver_interface *const *at = postern_driver_interfaces; r == 0 && *at != NULL; at++)
        if (home || (*at)->any_path)
            r = add_interface(xml, *at);
    if (r == 0 && home)
        r = add_module_interfaces(bus, xml);
    if (r == 0)
        r = add_child(xml, path);
    return r < 0 ? r : postern_buf_append(xml, "</node>\n", sizeof("</node>\n"));
}
