/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/cgroup/path.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/pattern.h"
#include "wire/name.h"

struct slice {
    const char *at;
    size_t len;
};

/* One line. */
struct hierarchy {
    struct slice controllers; /* empty: the unified hierarchy */
    struct slice path;
};

enum rank { UNIFIED, SYSTEMD, FREEZER, OTHER, RANKS };

/* What find looks for, and where. */
struct search {
    const struct postern_cgroup_pattern *patterns;
    size_t n_patterns;
    const struct hierarchy *hierarchy;
};

/* Takes what stands before the delimiter, and the delimiter, off the front of *rest. false: there is none. */
static bool cut(struct slice *rest, char delimiter, struct slice *piece)
{
    const char *found = rest->len > 0 ? memchr(rest->at, delimiter, rest->len) : NULL;

    if (found == NULL)
        return false;
    *piece = (struct slice){rest->at, (size_t)(found - rest->at)};
    rest->at = found + 1;
    rest->len -= piece->len + 1;
    return true;
}

static bool slice_is(struct slice slice, const char *text)
{
    return slice.len == strlen(text) && memcmp(slice.at, text, slice.len) == 0;
}

static bool slice_ends(struct slice slice, const char *text)
{
    size_t len = strlen(text);

    return slice.len >= len && memcmp(slice.at + slice.len - len, text, len) == 0;
}

/* The next line; it has been checked. false: there is no more. */
static bool next_hierarchy(struct slice *rest, struct hierarchy *hierarchy)
{
    struct slice line, id;

    return cut(rest, '\n', &line) && cut(&line, ':', &id) && cut(&line, ':', &hierarchy->controllers) &&
           (hierarchy->path = line, true);
}

static bool has_controller(struct slice controllers, struct slice wanted)
{
    struct slice one;

    while (cut(&controllers, ',', &one))
        if (one.len == wanted.len && memcmp(one.at, wanted.at, one.len) == 0)
            return true;
    return controllers.len == wanted.len && controllers.len > 0 && memcmp(controllers.at, wanted.at, wanted.len) == 0;
}

static enum rank rank_of(const struct hierarchy *hierarchy)
{
    if (hierarchy->controllers.len == 0)
        return UNIFIED;
    if (slice_is(hierarchy->controllers, "name=systemd"))
        return SYSTEMD;
    return has_controller(hierarchy->controllers, (struct slice){"freezer", 7}) ? FREEZER : OTHER;
}

/* The component of a path that ends, without its "/", at *end; moves *end to the end of the one behind it. false: there is no more. */
static bool next_component(struct slice path, size_t *end, struct slice *component)
{
    size_t start = *end + 1;
    const char *slash;

    if (start >= path.len)
        return false;
    slash = memchr(path.at + start, '/', path.len - start);
    *end = slash != NULL ? (size_t)(slash - path.at) : path.len;
    *component = (struct slice){path.at + start, *end - start};
    return true;
}

static int check_path(struct slice path, struct postern_error *error)
{
    struct slice component;

    if (path.len == 0 || path.at[0] != '/')
        return postern_error_set(error, -EPERM, "the path of a control group does not begin with \"/\"");
    if (path.len > POSTERN_CGROUP_PATH_MAX)
        return postern_error_set(error, -EPERM, "the path of a control group is longer than %u bytes", POSTERN_CGROUP_PATH_MAX);
    for (size_t i = 0; i < path.len; i++)
        if ((uint8_t)path.at[i] < ' ' || path.at[i] == 0x7f)
            return postern_error_set(error, -EPERM, "a control character in the path of a control group");
    /* cgroup_path_ns() of the kernel cannot tell where that is; and what is removed says nothing of where the process is. */
    if (slice_ends(path, " (deleted)"))
        return postern_error_set(error, -EPERM, "the control group \"%.*s\" is removed", (int)path.len, path.at);
    if (path.len > 1 && path.at[path.len - 1] == '/')
        return postern_error_set(error, -EPERM, "the control group \"%.*s\" ends with \"/\"", (int)path.len, path.at);
    for (size_t end = 0; next_component(path, &end, &component);)
        if (component.len == 0 || slice_is(component, ".") || slice_is(component, ".."))
            return postern_error_set(error, -EPERM, "the control group \"%.*s\" cannot be seen from here", (int)path.len, path.at);
    return 0;
}

static int check_line(struct slice line, struct postern_error *error)
{
    struct slice id, controllers;

    if (!cut(&line, ':', &id) || !cut(&line, ':', &controllers) || id.len == 0 || strspn(id.at, "0123456789") < id.len)
        return postern_error_set(error, -EPERM, "a line about control groups is not of the form N:CONTROLLERS:/PATH");
    /* cgroups(7): the unified hierarchy has the number 0 and no controllers, the others have both. */
    if (slice_is(id, "0") != (controllers.len == 0))
        return postern_error_set(error, -EPERM, "a control group hierarchy with number %.*s and controllers \"%.*s\"", (int)id.len, id.at,
                                 (int)controllers.len, controllers.at);
    for (size_t i = 0; i < controllers.len; i++)
        if ((uint8_t)controllers.at[i] <= ' ' || controllers.at[i] == '/')
            return postern_error_set(error, -EPERM, "a strange character in the controllers of a control group hierarchy");
    return check_path(line, error);
}

int postern_cgroup_check(const char *text, size_t len, struct postern_error *error)
{
    struct slice rest = {text, len}, line;
    int r;

    if (len == 0)
        return postern_error_set(error, -EPERM, "no control group is told");
    if (len > POSTERN_CGROUP_TEXT_MAX)
        return postern_error_set(error, -EPERM, "more than %u bytes about control groups", POSTERN_CGROUP_TEXT_MAX);
    while (cut(&rest, '\n', &line)) {
        r = check_line(line, error);
        if (r < 0)
            return r;
    }
    if (rest.len > 0)
        return postern_error_set(error, -EPERM, "the last line about control groups is cut off");
    return 0;
}

/* "CONTROLLER" of "CONTROLLER:/path"; empty for other patterns. */
static struct slice pattern_controller(const char *pattern)
{
    size_t slash = strcspn(pattern, "/");

    if (pattern[slash] == '\0' || slash < 2 || pattern[slash - 1] != ':')
        return (struct slice){pattern, 0};
    return (struct slice){pattern, slash - 1};
}

static size_t count_slashes(const char *text)
{
    size_t n = 0;

    while ((text = strchr(text, '/')) != NULL) {
        text++;
        n++;
    }
    return n;
}

/* Does the pattern match the group whose path ends with this component, the depth-th (from 1) of the whole? */
static bool matches(const struct search *search, const char *pattern, struct slice component, size_t depth,
                    struct postern_pattern_captures *captures)
{
    struct slice path = search->hierarchy->path, controller = pattern_controller(pattern);

    if (controller.len > 0) {
        if (!has_controller(search->hierarchy->controllers, controller))
            return false;
        pattern += controller.len + 1;
    }
    if (*pattern != '/')
        return postern_pattern_match(pattern, component.at, component.len, '/', captures);
    return count_slashes(pattern) == depth &&
           postern_pattern_match(pattern, path.at, (size_t)(component.at - path.at) + component.len, '/', captures);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

    return found != NULL ? (int)(found - digits) : -1;
}

/* What unit_name_escape() of systemd has made of characters that a unit's name cannot have: "\xNN". No capture: "". */
static int unescape(const struct postern_pattern_capture *capture, char out[POSTERN_CGROUP_NAME_MAX + 1], struct postern_error *error)
{
    size_t n = 0;

    for (size_t i = 0; i < capture->len; i++) {
        char c = capture->text[i];

        if (n == POSTERN_CGROUP_NAME_MAX)
            return postern_error_set(error, -EPERM, "a container's name in \"%.*s\" is longer than %u bytes", (int)capture->len,
                                     capture->text, POSTERN_CGROUP_NAME_MAX);
        if (c == '\\') {
            int high = capture->len - i > 3 && capture->text[i + 1] == 'x' ? hex_digit(capture->text[i + 2]) : -1;
            int low = high >= 0 ? hex_digit(capture->text[i + 3]) : -1;

            if (low < 0)
                return postern_error_set(error, -EPERM, "\"%.*s\" is not escaped as a unit's name", (int)capture->len, capture->text);
            c = (char)(high << 4 | low);
            i += 3;
        }
        out[n++] = c;
    }
    out[n] = '\0';
    if (!postern_utf8_is_valid(out, n))
        return postern_error_set(error, -EPERM, "a container's name in \"%.*s\" is not valid UTF-8", (int)capture->len, capture->text);
    return 0;
}

/* Is this group a container's? As postern_cgroup_find(). */
static int find_at(const struct search *search, struct slice component, size_t depth, struct postern_cgroup_container *container,
                   struct postern_error *error)
{
    struct postern_cgroup_container found;
    struct postern_pattern_captures captures;
    const struct postern_cgroup_pattern *pattern = search->patterns, *end = search->patterns + search->n_patterns;
    int r;

    while (pattern < end && !matches(search, pattern->pattern, component, depth, &captures))
        pattern++;
    if (pattern == end || strcmp(pattern->type, POSTERN_SETTINGS_NO_CONTAINER) == 0)
        return 0;
    found.type = pattern->type;
    r = unescape(&captures.name, found.name, error);
    if (r == 0)
        r = unescape(&captures.instance, found.instance, error);
    if (r < 0)
        return r;
    *container = found;
    return 1;
}

/* The path of the bus itself in the same hierarchy; empty: unknown. */
static struct slice own_path(const struct hierarchy *hierarchy, struct slice own)
{
    struct hierarchy other;

    while (next_hierarchy(&own, &other))
        if (other.controllers.len == hierarchy->controllers.len &&
            memcmp(other.controllers.at, hierarchy->controllers.at, other.controllers.len) == 0)
            return other.path;
    return (struct slice){"", 0};
}

static int find_in(const struct search *search, struct slice own, struct postern_cgroup_container *container, struct postern_error *error)
{
    struct slice path = search->hierarchy->path, component, own_component;
    size_t depth = 0, own_end = 0;
    bool common = true;
    int r = 0;

    own = own_path(search->hierarchy, own);
    for (size_t end = 0; r == 0 && next_component(path, &end, &component);) {
        depth++;
        common = common && next_component(own, &own_end, &own_component) && component.len == own_component.len &&
                 memcmp(component.at, own_component.at, component.len) == 0;
        if (!common)
            r = find_at(search, component, depth, container, error);
    }
    return r;
}

int postern_cgroup_find(const char *text, size_t len, const char *own, size_t own_len, const struct postern_cgroup_pattern *patterns,
                        size_t n_patterns, struct postern_cgroup_container *container, struct postern_error *error)
{
    struct slice own_text = {own != NULL ? own : "", own != NULL ? own_len : 0};
    int r = postern_cgroup_check(text, len, error);

    if (r == 0 && own != NULL)
        r = postern_cgroup_check(own, own_len, error);
    for (enum rank rank = UNIFIED; r == 0 && rank < RANKS; rank++) {
        struct slice rest = {text, len};
        struct hierarchy hierarchy;

        while (r == 0 && next_hierarchy(&rest, &hierarchy)) {
            struct search search = {patterns, n_patterns, &hierarchy};

            if (rank_of(&hierarchy) == rank)
                r = find_in(&search, own_text, container, error);
        }
    }
    return r;
}
