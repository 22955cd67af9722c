/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What reading works on. */
struct reading {
    int argc, next;
    char **argv;
    struct postern_daemon_options options;
    struct postern_error *error;
};

/* How an option takes its value. */
enum value_kind {
    VALUE_NONE,
    VALUE_NEEDED,   /* --option=V or --option V */
    VALUE_POSSIBLE, /* a file descriptor: --option, --option=N, --option N */
};

struct option {
    const char *name;
    enum value_kind kind;
    int (*apply)(struct reading *reading, const char *value);
};

static int set_config(struct reading *reading, const char *file)
{
    if (reading->options.config_file != NULL)
        return postern_error_set(reading->error, -EINVAL,
                                 "only one of --session, --system and --config-file can be given, and once");
    reading->options.config_file = file;
    return 0;
}

static int apply_session(struct reading *reading, const char *value)
{
    return set_config(reading, POSTERN_DBUS_DATADIR "/session.conf");
}

static int apply_system(struct reading *reading, const char *value)
{
    return set_config(reading, POSTERN_DBUS_DATADIR "/system.conf");
}

static int apply_config_file(struct reading *reading, const char *value)
{
    return set_config(reading, value);
}

static int apply_mediator_config(struct reading *reading, const char *value)
{
    reading->options.mediator_config = value;
    return 0;
}

static int apply_module(struct reading *reading, const char *value)
{
    if (value[0] != '/' && strcmp(value, "none") != 0)
        return postern_error_set(reading->error, -EINVAL, "--module=%s: give an absolute path, or none", value);
    reading->options.module = value;
    return 0;
}

static int apply_address(struct reading *reading, const char *value)
{
    reading->options.address = value;
    return 0;
}

static int parse_fd(struct reading *reading, const char *option, const char *value, int *fd)
{
    char *end;
    long number;

    if (value == NULL) {
        *fd = STDOUT_FILENO;
        return 0;
    }
    errno = 0;
    number = strtol(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number > INT_MAX)
        return postern_error_set(reading->error, -EINVAL, "%s=%s: this must be the number of a file descriptor", option, value);
    *fd = (int)number;
    return 0;
}

static int apply_print_address(struct reading *reading, const char *value)
{
    return parse_fd(reading, "--print-address", value, &reading->options.print_address);
}

static int apply_print_pid(struct reading *reading, const char *value)
{
    return parse_fd(reading, "--print-pid", value, &reading->options.print_pid);
}

static int apply_fork(struct reading *reading, const char *value)
{
    reading->options.fork = POSTERN_FORK_YES;
    return 0;
}

static int apply_nofork(struct reading *reading, const char *value)
{
    reading->options.fork = POSTERN_FORK_NO;
    return 0;
}

static int apply_nopidfile(struct reading *reading, const char *value)
{
    reading->options.no_pidfile = true;
    return 0;
}

static int apply_verbose(struct reading *reading, const char *value)
{
    reading->options.verbose = true;
    return 0;
}

static int apply_syslog(struct reading *reading, const char *value)
{
    reading->options.log = POSTERN_LOG_BOTH;
    return 0;
}

static int apply_nosyslog(struct reading *reading, const char *value)
{
    reading->options.log = POSTERN_LOG_STDERR;
    return 0;
}

static int apply_syslog_only(struct reading *reading, const char *value)
{
    reading->options.log = POSTERN_LOG_SYSLOG;
    return 0;
}

static int apply_systemd_activation(struct reading *reading, const char *value)
{
    reading->options.systemd_activation = true;
    return 0;
}

static int apply_launch_unit(struct reading *reading, const char *value)
{
    static const char ending[] = "@.service";
    size_t len = strlen(value), ending_len = sizeof(ending) - 1;

    if (len <= ending_len || strchr(value, '@') != value + len - ending_len || strcmp(value + len - ending_len, ending) != 0)
        return postern_error_set(reading->error, -EINVAL, "--launch-unit=%s: this must be the name of a template, NAME@.service", value);
    reading->options.launch_unit = value;
    return 0;
}

static int apply_check(struct reading *reading, const char *value)
{
    reading->options.check = true;
    return 0;
}

static int apply_help(struct reading *reading, const char *value)
{
    reading->options.help = true;
    return 0;
}

static int apply_version(struct reading *reading, const char *value)
{
    reading->options.version = true;
    return 0;
}

static int apply_introspect(struct reading *reading, const char *value)
{
    reading->options.introspect = true;
    return 0;
}

static const struct option known[] = {
    {"--session", VALUE_NONE, apply_session},
    {"--system", VALUE_NONE, apply_system},
    {"--config-file", VALUE_NEEDED, apply_config_file},
    {"--mediator-config", VALUE_NEEDED, apply_mediator_config},
    {"--module", VALUE_NEEDED, apply_module},
    {"--address", VALUE_NEEDED, apply_address},
    {"--print-address", VALUE_POSSIBLE, apply_print_address},
    {"--print-pid", VALUE_POSSIBLE, apply_print_pid},
    {"--fork", VALUE_NONE, apply_fork},
    {"--nofork", VALUE_NONE, apply_nofork},
    {"--nopidfile", VALUE_NONE, apply_nopidfile},
    {"--syslog", VALUE_NONE, apply_syslog},
    {"--nosyslog", VALUE_NONE, apply_nosyslog},
    {"--syslog-only", VALUE_NONE, apply_syslog_only},
    {"--systemd-activation", VALUE_NONE, apply_systemd_activation},
    {"--launch-unit", VALUE_NEEDED, apply_launch_unit},
    {"--verbose", VALUE_NONE, apply_verbose},
    {"--check", VALUE_NONE, apply_check},
    {"--help", VALUE_NONE, apply_help},
    {"-h", VALUE_NONE, apply_help},
    {"-?", VALUE_NONE, apply_help},
    {"--version", VALUE_NONE, apply_version},
    {"--introspect", VALUE_NONE, apply_introspect},
};

static const struct option *find_option(const char *argument, size_t len)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strlen(known[i].name) == len && memcmp(known[i].name, argument, len) == 0)
            return &known[i];
    return NULL;
}

static bool all_digits(const char *s)
{
    return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* The value of an option: behind its '=', or the next word. */
static int find_value(struct reading *reading, const struct option *option, const char *behind, const char **value)
{
    const char *word = reading->next < reading->argc ? reading->argv[reading->next] : NULL;

    *value = behind;
    if (option->kind == VALUE_NONE && behind != NULL)
        return postern_error_set(reading->error, -EINVAL, "%s takes no value", option->name);
    if (option->kind == VALUE_NEEDED && behind == NULL) {
        *value = word;
        reading->next++;
    } else if (option->kind == VALUE_POSSIBLE && behind == NULL && word != NULL && all_digits(word)) {
        *value = word;
        reading->next++;
    }
    if (option->kind == VALUE_NEEDED && (*value == NULL || (*value)[0] == '\0'))
        return postern_error_set(reading->error, -EINVAL, "%s needs a value", option->name);
    return 0;
}

static int read_one(struct reading *reading)
{
    const char *argument = reading->argv[reading->next++];
    const char *equals = strchr(argument, '=');
    const struct option *option = find_option(argument, equals != NULL ? (size_t)(equals - argument) : strlen(argument));
    const char *value;
    int r;

    if (option == NULL)
        return postern_error_set(reading->error, -EINVAL, "%s: there is no such option; --help lists them all", argument);
    r = find_value(reading, option, equals != NULL ? equals + 1 : NULL, &value);
    return r < 0 ? r : option->apply(reading, value);
}

/* Is it a question that is answered without a bus? */
static bool asks(const struct postern_daemon_options *options)
{
    return options->help || options->version || options->introspect;
}

int postern_options_parse(int argc, char **argv, struct postern_daemon_options *options, struct postern_error *error)
{
    struct reading reading = {
        .argc = argc, .next = 1, .argv = argv, .options = {.print_address = -1, .print_pid = -1}, .error = error};

    /* Who asks is answered, whatever comes behind. */
    while (reading.next < argc && !asks(&reading.options)) {
        int r = read_one(&reading);

        if (r < 0)
            return r;
    }
    if (reading.options.config_file == NULL && !asks(&reading.options))
        return postern_error_set(error, -EINVAL, "no configuration: give --session, --system or --config-file=FILE");
    if (reading.options.launch_unit != NULL && !reading.options.systemd_activation)
        return postern_error_set(error, -EINVAL, "--launch-unit is of use only with --systemd-activation");
    /* Whoever asks wants to see the answer, wherever a running bus would log. */
    if (reading.options.check)
        reading.options.log = POSTERN_LOG_STDERR;
    *options = reading.options;
    return 0;
}

const char *postern_options_help(void)
{
    return "Usage: posternd --session|--system|--config-file=FILE [OPTION...]\n"
           "A D-Bus message bus that holds contained apps to their rules.\n"
           "\n"
           "Configuration\n"
           "  --session                 read " POSTERN_DBUS_DATADIR "/session.conf\n"
           "  --system                  read " POSTERN_DBUS_DATADIR "/system.conf\n"
           "  --config-file=FILE        read FILE\n"
           "  --mediator-config=FILE    read the mediator's settings from FILE alone\n"
           "  --module=PATH|none        load the mediator from PATH; none: run without one\n"
           "  --address=ADDRESS         listen there, not where the configuration says\n"
           "\n"
           "Start\n"
           "  --print-address[=FD]      write the bus's address to FD (standard output)\n"
           "  --print-pid[=FD]          write the process id to FD (standard output)\n"
           "  --fork, --nofork          go to the background, or stay, whatever is configured\n"
           "  --nopidfile               write no pid file\n"
           "  --systemd-activation      let systemd start the services that have a unit\n"
           "  --launch-unit=TEMPLATE    let systemd run the helper of a system bus, from TEMPLATE\n"
           "\n"
           "Log\n"
           "  --syslog                  log to the system log (the journal, or syslog) and standard error\n"
           "  --nosyslog                log to standard error only\n"
           "  --syslog-only             log to the system log only\n"
           "  --verbose                 log every verdict, also what was allowed\n"
           "\n"
           "  --check                   say whether a bus would start, and do not start it\n"
           "  --help, -h, -?            show this text\n"
           "  --version                 show the version and what was built in\n"
           "  --introspect              show the interfaces of the bus as XML\n";
}

#ifdef HAVE_LIBSYSTEMD
#define FEATURE_SYSTEMD "+systemd"
#else
#define FEATURE_SYSTEMD "-systemd"
#endif
#ifdef HAVE_LIBAPPARMOR
#define FEATURE_APPARMOR "+apparmor"
#else
#define FEATURE_APPARMOR "-apparmor"
#endif
#ifdef HAVE_LIBSELINUX
#define FEATURE_SELINUX "+selinux"
#else
#define FEATURE_SELINUX "-selinux"
#endif
#ifdef HAVE_LIBAUDIT
#define FEATURE_AUDIT "+audit"
#else
#define FEATURE_AUDIT "-audit"
#endif
#ifdef HAVE_LIBCAP_NG
#define FEATURE_LIBCAP_NG "+libcap-ng"
#else
#define FEATURE_LIBCAP_NG "-libcap-ng"
#endif

const char *postern_options_version(void)
{
    return "posternd " PACKAGE_VERSION "\n" FEATURE_SYSTEMD " " FEATURE_APPARMOR " " FEATURE_SELINUX " " FEATURE_AUDIT " " FEATURE_LIBCAP_NG "\n";
}
