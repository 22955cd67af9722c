/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A service that keeps the settings of apps, each app's apart from the others': org.example.Settings, with GDBus.
 *
 * Everybody, in a container or not, may call Open() on one object, the rendezvous: that is granted to all containers when the service
 * starts. Open() answers the path of an object that is the caller's own. For a container instance that opens for the first time, the bus is
 * asked to let this instance, and no other, call what is below that path: so it is the bus that keeps the apps apart. The service looks at
 * the caller of each call all the same: two locks are better than one, and an uncontained program may call whatever it likes.
 *
 *   rendezvous  /org/example/Settings                     org.example.Settings        Open() -> o, Stores() -> a{os}
 *   store       /org/example/Settings/APP/INSTANCE        org.example.Settings.Store  Get(s) -> s, Set(ss), List() -> as, signal Changed(ss)
 *   host        /org/example/Settings/host                the same, for who is in no container
 *
 * Settings belong to the app (whom its container's manager names by type and name), rights to the instance: when that ends, they end.
 * Settings are kept in memory only, which is not what this shows.
 */
#include <gio/gio.h>
#include <string.h>

#define NAME "org.example.Settings"
#define STORE_INTERFACE "org.example.Settings.Store"
#define ROOT "/org/example/Settings"
#define HOST_PATH ROOT "/host"

#define DRIVER "org.freedesktop.DBus"
#define DRIVER_PATH "/org/freedesktop/DBus"
#define CONTAINERS "org.freedesktop.DBus.Containers1"
#define MEDIATOR "org.postern.Mediator1"
#define INSTANCE_FIELD 10 /* header field: the sender's container instance; written by the bus alone */

/* Bits of a rule of the bus: docs/containers.md, "Rules". */
#define ALLOW_CALL 0x02
#define ALLOW_HEAR 0x04
#define ALLOW_PATH_SUBTREE 0x200

/* Apps are not to be trusted with our memory either. */
#define KEYS_MAX 1000
#define TEXT_MAX 4096

static const char introspection[] =
    "<node>"
    "  <interface name='org.example.Settings'>"
    "    <method name='Open'><arg type='o' name='store' direction='out'/></method>"
    "    <method name='Stores'><arg type='a{os}' name='stores' direction='out'/></method>"
    "  </interface>"
    "  <interface name='org.example.Settings.Store'>"
    "    <method name='Get'><arg type='s' name='key' direction='in'/><arg type='s' name='value' direction='out'/></method>"
    "    <method name='Set'><arg type='s' name='key' direction='in'/><arg type='s' name='value' direction='in'/></method>"
    "    <method name='List'><arg type='as' name='keys' direction='out'/></method>"
    "    <signal name='Changed'><arg type='s' name='key'/><arg type='s' name='value'/></signal>"
    "  </interface>"
    "</node>";

/* An app: what its settings are kept under as long as the service runs. */
struct app {
    char *id;           /* "UID TYPE NAME", see app_id(); "host" */
    char *element;      /* the same as an element of an object path */
    GHashTable *values; /* key -> value */
};

/* An instance that has opened its store, or the host. */
struct store {
    struct app *app;
    char *instance; /* "/": whoever is in no container */
    char *path;
    guint object; /* registered at the path */
};

static GDBusConnection *bus;
static GDBusNodeInfo *node;
static GHashTable *apps;   /* id -> struct app */
static GHashTable *stores; /* instance -> struct store */
static gboolean knows_instances, can_grant;

/* ---- who is calling ------------------------------------------------------------------------------------------ */

/*
 * The instance of who sent this message; "/": it is in no container; NULL: not known, which is nobody's right to anything.
 *
 * RequestHeader makes the bus say "/" about who is in no container. Where that call failed the field means nothing, since anybody could
 * have put it there; but then there are no containers either, and all who reach this bus are outside.
 */
static const char *caller_of(GDBusMethodInvocation *call)
{
    GVariant *field = g_dbus_message_get_header(g_dbus_method_invocation_get_message(call), (GDBusMessageHeaderField)INSTANCE_FIELD);

    if (!knows_instances)
        return "/";
    if (field == NULL || !g_variant_is_of_type(field, G_VARIANT_TYPE_OBJECT_PATH))
        return NULL;
    return g_variant_get_string(field, NULL); /* it lives as long as the message */
}

static gboolean is_outside(const char *caller)
{
    return strcmp(caller, "/") == 0;
}

static void deny(GDBusMethodInvocation *call, const char *why)
{
    g_dbus_method_invocation_return_error_literal(call, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED, why);
}

/* ---- what is asked of the bus --------------------------------------------------------------------------------- */

/* Waits for the answer: the bus itself answers at once, and nothing is to be done before. NULL with *error. Takes a floating reference. */
static GVariant *ask_bus(const char *interface, const char *method, GVariant *arguments, GError **error)
{
    return g_dbus_connection_call_sync(bus, DRIVER, DRIVER_PATH, interface, method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE, 5000, NULL, error);
}

/* Lets containers (instance NULL: all of them) send us what the one rule says. A grant ends with us, or with the instance that it is for. */
static gboolean grant(const char *instance, guint32 flags, const char *path, const char *interface, GError **error)
{
    GVariantBuilder who, rules;
    GVariant *answer;

    g_variant_builder_init(&who, G_VARIANT_TYPE("a{sv}"));
    if (instance != NULL)
        g_variant_builder_add(&who, "{sv}", "instance", g_variant_new_object_path(instance));
    g_variant_builder_init(&rules, G_VARIANT_TYPE("a(usos)"));
    g_variant_builder_add(&rules, "(usos)", flags, "", path, interface); /* "": all of this connection, whatever name it is called by */
    answer = ask_bus(MEDIATOR, "Grant", g_variant_new("(a{sv}a(usos))", &who, &rules), error);
    if (answer == NULL)
        return FALSE;
    g_variant_unref(answer);
    return TRUE;
}

/*
 * Which app the sender is. Type and name are what its container's manager says, and any program of the same user may be a manager: they are
 * to be trusted as far as that user's own programs are. Hence the uid is part of it. NULL with *error.
 */
static char *app_id(const char *sender, GError **error)
{
    GVariant *answer = ask_bus(DRIVER, "GetConnectionCredentials", g_variant_new("(s)", sender), error), *facts;
    const char *type = "", *name = "";
    guint32 uid = G_MAXUINT32;
    char *id;

    if (answer == NULL)
        return NULL;
    facts = g_variant_get_child_value(answer, 0);
    g_variant_lookup(facts, "UnixUserID", "u", &uid);
    g_variant_lookup(facts, CONTAINERS ".Type", "&s", &type);
    g_variant_lookup(facts, CONTAINERS ".Name", "&s", &name);
    id = g_strdup_printf("%u %s %s", uid, type, name);
    g_variant_unref(facts);
    g_variant_unref(answer);
    return id;
}

/* ---- apps and stores ------------------------------------------------------------------------------------------- */

/* Readable for people, and different for different apps: what cannot stand in a path becomes "_", so a hash is added. */
static char *path_element(const char *id)
{
    char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, id, -1), *element;
    char *readable = g_strndup(strrchr(id, ' ') != NULL ? strrchr(id, ' ') + 1 : id, 64);

    g_strcanon(readable, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS, '_');
    element = g_strdup_printf("%s_%.12s", readable, hash);
    g_free(readable);
    g_free(hash);
    return element;
}

/* Takes id over. */
static struct app *app_get(char *id)
{
    struct app *app = g_hash_table_lookup(apps, id);

    if (app != NULL) {
        g_free(id);
        return app;
    }
    app = g_new0(struct app, 1);
    app->id = id;
    app->element = path_element(id);
    app->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert(apps, app->id, app);
    return app;
}

static void store_free(gpointer data)
{
    struct store *store = data;

    if (store->object != 0)
        g_dbus_connection_unregister_object(bus, store->object);
    g_free(store->instance);
    g_free(store->path);
    g_free(store);
}

static void called_store(GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *method,
                         GVariant *arguments, GDBusMethodInvocation *call, gpointer data);

/* Takes path over. NULL with *error. */
static struct store *store_add(struct app *app, const char *instance, char *path, GError **error)
{
    static const GDBusInterfaceVTable functions = {.method_call = called_store};
    struct store *store = g_new0(struct store, 1);
    GDBusInterfaceInfo *info = g_dbus_node_info_lookup_interface(node, STORE_INTERFACE);

    store->app = app;
    store->instance = g_strdup(instance);
    store->path = path;
    store->object = g_dbus_connection_register_object(bus, path, info, &functions, store, NULL, error);
    if (store->object == 0) {
        store_free(store);
        return NULL;
    }
    g_hash_table_insert(stores, store->instance, store);
    return store;
}

/* The store of an instance that calls for the first time. NULL with *error. */
static struct store *store_open(const char *instance, const char *sender, GError **error)
{
    struct store *store;
    struct app *app;
    char *id = app_id(sender, error);

    if (id == NULL)
        return NULL;
    app = app_get(id);
    store = store_add(app, instance, g_strdup_printf(ROOT "/%s/%s", app->element, strrchr(instance, '/') + 1), error);
    if (store == NULL)
        return NULL;
    if (!grant(instance, ALLOW_CALL | ALLOW_HEAR | ALLOW_PATH_SUBTREE, store->path, STORE_INTERFACE, error)) {
        g_hash_table_remove(stores, instance);
        return NULL;
    }
    return store;
}

/* The instance is gone, its number never comes again, and the bus has ended the grant: only we still remember. */
static void instance_removed(GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
                             GVariant *arguments, gpointer data)
{
    const char *instance;

    if (!g_variant_is_of_type(arguments, G_VARIANT_TYPE("(o)")))
        return;
    g_variant_get(arguments, "(&o)", &instance);
    g_hash_table_remove(stores, instance);
}

/* ---- methods ----------------------------------------------------------------------------------------------------- */

static void open_store(GDBusMethodInvocation *call, const char *caller)
{
    struct store *store = g_hash_table_lookup(stores, caller);
    GError *error = NULL;

    if (store == NULL && !can_grant) {
        g_dbus_method_invocation_return_error_literal(call, G_DBUS_ERROR, G_DBUS_ERROR_NOT_SUPPORTED,
                                                      "This bus lets no service open itself to containers");
        return;
    }
    if (store == NULL)
        store = store_open(caller, g_dbus_method_invocation_get_sender(call), &error);
    if (store == NULL) {
        g_dbus_method_invocation_take_error(call, error);
        return;
    }
    g_dbus_method_invocation_return_value(call, g_variant_new("(o)", store->path));
}

/* All stores for who is outside; for a container there is but its own. */
static void list_stores(GDBusMethodInvocation *call, const char *caller)
{
    GVariantBuilder list;
    GHashTableIter at;
    gpointer value;

    g_variant_builder_init(&list, G_VARIANT_TYPE("a{os}"));
    g_hash_table_iter_init(&at, stores);
    while (g_hash_table_iter_next(&at, NULL, &value)) {
        const struct store *store = value;

        if (is_outside(caller) || strcmp(caller, store->instance) == 0)
            g_variant_builder_add(&list, "{os}", store->path, store->app->id);
    }
    g_dbus_method_invocation_return_value(call, g_variant_new("(a{os})", &list));
}

static void called_rendezvous(GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *method,
                              GVariant *arguments, GDBusMethodInvocation *call, gpointer data)
{
    const char *caller = caller_of(call);

    if (caller == NULL)
        deny(call, "The bus does not say who you are");
    else if (strcmp(method, "Open") == 0)
        open_store(call, caller);
    else
        list_stores(call, caller);
}

/* Tells all instances of the app, each at its own path: that of another it may not hear. */
static void tell_changed(const struct app *app, const char *key, const char *value)
{
    GHashTableIter at;
    gpointer item;

    g_hash_table_iter_init(&at, stores);
    while (g_hash_table_iter_next(&at, NULL, &item)) {
        const struct store *store = item;

        if (store->app == app)
            g_dbus_connection_emit_signal(bus, NULL, store->path, STORE_INTERFACE, "Changed", g_variant_new("(ss)", key, value), NULL);
    }
}

static void set_value(GDBusMethodInvocation *call, struct app *app, const char *key, const char *value)
{
    if (strlen(key) > TEXT_MAX || strlen(value) > TEXT_MAX ||
        (g_hash_table_size(app->values) >= KEYS_MAX && !g_hash_table_contains(app->values, key))) {
        g_dbus_method_invocation_return_error_literal(call, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED, "That is more than an app may keep");
        return;
    }
    g_hash_table_replace(app->values, g_strdup(key), g_strdup(value));
    g_dbus_method_invocation_return_value(call, NULL);
    tell_changed(app, key, value);
}

static void list_keys(GDBusMethodInvocation *call, const struct app *app)
{
    GVariantBuilder list;
    GHashTableIter at;
    gpointer key;

    g_variant_builder_init(&list, G_VARIANT_TYPE("as"));
    g_hash_table_iter_init(&at, app->values);
    while (g_hash_table_iter_next(&at, &key, NULL))
        g_variant_builder_add(&list, "s", key);
    g_dbus_method_invocation_return_value(call, g_variant_new("(as)", &list));
}

static void called_store(GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *method,
                         GVariant *arguments, GDBusMethodInvocation *call, gpointer data)
{
    const struct store *store = data;
    const char *caller = caller_of(call), *key, *value;

    /* The bus lets no other container in here. Should it ever do so, by a rule of somebody's for all of us, this still holds. */
    if (caller == NULL || (!is_outside(caller) && strcmp(caller, store->instance) != 0)) {
        deny(call, "These settings are not yours");
    } else if (strcmp(method, "Get") == 0) {
        g_variant_get(arguments, "(&s)", &key);
        value = g_hash_table_lookup(store->app->values, key);
        g_dbus_method_invocation_return_value(call, g_variant_new("(s)", value != NULL ? value : ""));
    } else if (strcmp(method, "Set") == 0) {
        g_variant_get(arguments, "(&s&s)", &key, &value);
        set_value(call, store->app, key, value);
    } else {
        list_keys(call, store->app);
    }
}

/* ---- starting ------------------------------------------------------------------------------------------------------ */

/* What has to be in place before anybody can call: thus before the name is requested. */
static gboolean set_up(GError **error)
{
    static const GDBusInterfaceVTable functions = {.method_call = called_rendezvous};
    GError *missing = NULL;
    GVariant *answer = ask_bus(CONTAINERS, "RequestHeader", NULL, &missing);

    knows_instances = answer != NULL;
    g_clear_pointer(&answer, g_variant_unref);
    g_clear_error(&missing);
    /* Before the first container can open anything, or one that ends at once would be remembered for ever. */
    g_dbus_connection_signal_subscribe(bus, DRIVER, CONTAINERS, "InstanceRemoved", DRIVER_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, instance_removed,
                                       NULL, NULL);
    can_grant = knows_instances && grant(NULL, ALLOW_CALL, ROOT, NAME, &missing);
    if (!can_grant)
        g_printerr("settings-service: this bus has no %s%s%s: only who is in no container is served\n", MEDIATOR, missing != NULL ? ": " : "",
                   missing != NULL ? missing->message : "");
    g_clear_error(&missing);
    if (store_add(app_get(g_strdup("host")), "/", g_strdup(HOST_PATH), error) == NULL)
        return FALSE;
    return g_dbus_connection_register_object(bus, ROOT, g_dbus_node_info_lookup_interface(node, NAME), &functions, NULL, NULL, error) != 0;
}

static void name_acquired(GDBusConnection *connection, const char *name, gpointer data)
{
    g_print("ready\n");
}

static void name_lost(GDBusConnection *connection, const char *name, gpointer data)
{
    g_printerr("settings-service: the name %s is taken, or not ours to have\n", name);
    g_main_loop_quit(data);
}

int main(void)
{
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    GError *error = NULL;

    apps = g_hash_table_new(g_str_hash, g_str_equal);
    stores = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, store_free);
    node = g_dbus_node_info_new_for_xml(introspection, NULL);
    bus = g_bus_get_sync(g_getenv("DBUS_STARTER_ADDRESS") != NULL ? G_BUS_TYPE_STARTER : G_BUS_TYPE_SESSION, NULL, &error);
    if (bus == NULL || !set_up(&error)) {
        g_printerr("settings-service: %s\n", error->message);
        return 1;
    }
    g_bus_own_name_on_connection(bus, NAME, G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE, name_acquired, name_lost, loop, NULL);
    g_main_loop_run(loop);
    return 1;
}
