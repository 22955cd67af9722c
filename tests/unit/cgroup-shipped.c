/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The patterns that Postern ships, against the groups that managers make. */
#include "tests/unit/cgroup.h"

#include <stdio.h>
#include <string.h>

#include "backends/cgroup/path.h"
#include "policy/mediatorconf.h"

#define USER "/user.slice/user-1000.slice/user@1000.service"
#define APP USER "/app.slice/"
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UUID "3c6b7d0a-7d5e-4c52-9f0c-0a1b2c3d4e5f"
#define SNAP "io.snapcraft"
#define PODS "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_34.slice/"
#define CRI "io.kubernetes.cri"
#define MACHINE "org.freedesktop.machine1"
#define LXC "org.linuxcontainers.lxc"
#define OCI "org.opencontainers.runtime"

/* Of the unified hierarchy, unless the path has a ":": then it is a whole line. type NULL: no container. */
static const struct {
    const char *path, *type, *name, *instance;
} rows[] = {
    {"/"},
    {"/init.scope"},
    {"/system.slice/dbus.service"},
    {APP "dbus.service"},
    {APP "app-gnome-org.gnome.Terminal-1234.scope"},
    {USER "/session.slice/org.gnome.Shell@wayland.service"},

    {APP "app-flatpak-org.gnome.Maps-2345.scope", "org.flatpak", "org.gnome.Maps", "2345"},
    {APP "app-flatpak-org.gnome.Maps-1834761923.scope", "org.flatpak", "org.gnome.Maps", "1834761923"},
    {APP "app-flatpak-org.example.a\\x2db-7.scope", "org.flatpak", "org.example.a-b", "7"},
    {APP "app-flatpak-org.gnome.Maps-7.scope/app-flatpak-org.evil.X-8.scope", "org.flatpak", "org.gnome.Maps", "7"},
    {APP "app-flatpak-org.gnome.Maps.scope"},
    {APP "app-flatpak-org.gnome.Maps-7.service"},

    {APP "snap.firefox.firefox." UUID ".scope", SNAP, "firefox", ""},
    {APP "snap.firefox.firefox.0123abcd.scope", SNAP, "firefox", ""},
    {APP "snap.firefox.firefox-" UUID ".scope", SNAP, "firefox", ""},
    {APP "snap.foo-bar.an-app-" UUID ".scope", SNAP, "foo-bar", ""},
    {APP "snap.foo-bar.an-app." UUID ".scope", SNAP, "foo-bar", ""},
    {APP "snap.foo-bar_key.an-app-" UUID ".scope", SNAP, "foo-bar_key", ""},
    {APP "snap.firefox.hook.configure-" UUID ".scope", SNAP, "firefox", ""},
    {"/system.slice/snap.firefox.hook.configure." UUID ".scope", SNAP, "firefox", ""},
    {"/system.slice/snap.cups.cups-browsed.service", SNAP, "cups", ""},
    {"/system.slice/snap.cups.cupsd.service/child", SNAP, "cups", ""},
    {APP "snap.cups.user-daemon.service", SNAP, "cups", ""},
    {"/snap.group.slice/snap.cups.cupsd.service", SNAP, "cups", ""},
    {"/snap.group.slice/other.service"},
    {"/system.slice/snapd.service"},
    {"/system.slice/snap.cups.scope"},
    {"7:freezer:/snap.firefox", SNAP, "firefox", ""},
    {"7:freezer:/snap.firefox/child", SNAP, "firefox", ""},
    {"7:memory,freezer:/snap.firefox", SNAP, "firefox", ""},
    {"7:memory:/snap.firefox"},
    {"1:name=systemd:/snap.group.slice"},

    {"/machine.slice/libpod-" ID ".scope", "io.podman", ID, ""},
    {"/machine.slice/libpod-" ID ".scope/container", "io.podman", ID, ""},
    {"/machine.slice/libpod-" ID ".scope/container/libpod-fake.scope", "io.podman", ID, ""},
    {USER "/user.slice/libpod-" ID ".scope", "io.podman", ID, ""},
    {"/machine.slice/machine-libpod_pod_" ID ".slice/libpod-" ID ".scope", "io.podman", ID, ""},
    {"/machine.slice/libpod-conmon-" ID ".scope"},
    {USER "/user.slice/libpod-conmon-" ID ".scope"},
    {"/libpod_parent/libpod-" ID, "io.podman", ID, ""},
    {"/libpod_parent/" ID "/libpod-" ID, "io.podman", ID, ""},
    {"/libpod_parent/conmon"},
    {"/system.slice/web.service/libpod-payload-" ID, "io.podman", ID, ""},
    {"/system.slice/web.service/runtime"},
    {"/system.slice/docker-" ID ".scope", "com.docker", ID, ""},
    {"/system.slice/docker-" ID ".scope/init.scope", "com.docker", ID, ""},
    {USER "/user.slice/docker-" ID ".scope", "com.docker", ID, ""},
    {"/docker/" ID, "com.docker", ID, ""},
    {"/docker/" ID "/system.slice/libpod-x.scope", "com.docker", ID, ""},
    {"/docker"},
    {"/system.slice/docker/" ID},
    {"/system.slice/docker.service"},
    {"4:memory:/docker/" ID, "com.docker", ID, ""},
    {"/system.slice/crun-box.scope", OCI, "box", ""},
    {"/system.slice/runc-box.scope", OCI, "box", ""},

    {PODS "cri-containerd-" ID ".scope", CRI, ID, ""},
    {PODS "crio-" ID ".scope", CRI, ID, ""},
    {"/system.slice/crio-conmon-" ID ".scope"},
    {PODS "docker-" ID ".scope", "com.docker", ID, ""},
    {"/kubepods-burstable-pod12_34.slice:cri-containerd:" ID, CRI, ID, ""},
    {"/system.slice/containerd.service/kubepods-burstable-pod12_34.slice:cri-containerd:" ID, CRI, ID, ""},
    {"/kubepods/burstable/pod12-34/" ID, CRI, ID, ""},
    {"/kubepods/besteffort/pod12-34/" ID, CRI, ID, ""},
    {"/kubepods/pod12-34/" ID, CRI, ID, ""},
    {"/kubepods/burstable/pod12-34"},
    {"/kubepods/pod12-34"},
    {"5:cpu,cpuacct:/kubepods/burstable/pod12-34/" ID, CRI, ID, ""},

    {"/machine.slice/machine-box.scope", MACHINE, "box", ""},
    {"/machine.slice/machine-my\\x2dbox.scope", MACHINE, "my-box", ""},
    {"/machine.slice/machine-my.box.scope", MACHINE, "my.box", ""},
    {"/machine.slice/machine-box.scope/payload/init.scope", MACHINE, "box", ""},
    {"/machine.slice/machine-box.scope/payload/system.slice/docker-fake.scope", MACHINE, "box", ""},
    {"/machine.slice/systemd-nspawn@my\\x2dbox.service/payload/init.scope", MACHINE, "my-box", ""},
    {"/machine.slice/systemd-nspawn@a.b.service", MACHINE, "a.b", ""},
    {"/system.slice/systemd-machined.service"},
    {"/lxc.payload.web", LXC, "web", ""},
    {"/lxc.payload.web.site-1/init.scope", LXC, "web.site-1", ""},
    {USER "/lxc.payload.web", LXC, "web", ""},
    {"/lxc.monitor.web"},
    {"/lxc.pivot"},
    {"/lxc/web", LXC, "web", ""},
    {"/lxc/web/init.scope", LXC, "web", ""},
    {"1:name=systemd:/lxc/web", LXC, "web", ""},
};

#define PATTERNS_MAX 64

/* Only the groups' patterns: those of labels have another separator. */
static size_t shipped(const struct postern_mediatorconf *conf, struct postern_cgroup_pattern patterns[PATTERNS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < conf->n_matches; i++)
        if (conf->matches[i].provider == POSTERN_PROVIDER_CGROUP && n < PATTERNS_MAX)
            patterns[n++] = (struct postern_cgroup_pattern){conf->matches[i].pattern, conf->matches[i].type};
    return n;
}

START_TEST(managers)
{
    struct postern_cgroup_pattern patterns[PATTERNS_MAX];
    struct postern_cgroup_container found = {.type = NULL};
    struct postern_mediatorconf *conf;
    struct postern_error error;
    char text[1024];
    int r;

    if (postern_mediatorconf_read(TEST_SRCDIR "/data/mediator.conf", false, &conf, &error) < 0)
        ck_abort_msg("%s", error.text);
    snprintf(text, sizeof(text), "%s%s\n", rows[_i].path[0] == '/' ? "0::" : "", rows[_i].path);
    r = postern_cgroup_find(text, strlen(text), NULL, 0, patterns, shipped(conf, patterns), &found, &error);
    if (r < 0)
        ck_abort_msg("%s: %s", text, error.text);
    if (r != (rows[_i].type != NULL))
        ck_abort_msg("%s: %s", text, r == 1 ? found.type : "no container");
    if (r == 1) {
        ck_assert_str_eq(found.type, rows[_i].type);
        ck_assert_str_eq(found.name, rows[_i].name);
        ck_assert_str_eq(found.instance, rows[_i].instance);
    }
    postern_mediatorconf_free(conf);
}
END_TEST

Suite *cgroup_shipped_suite(void)
{
    Suite *suite = suite_create("cgroup-shipped");
    TCase *tcase = tcase_create("shipped");

    tcase_add_loop_test(tcase, managers, 0, sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(suite, tcase);
    return suite;
}
