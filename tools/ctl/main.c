/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* posternctl: asks a bus that Postern runs what it does, and why. The options, and the table of verbs. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/ctl.h"
#include "tools/ctl/pager.h"
#include "util/cleanup.h"

enum { OPT_USER = CTL_GLOBAL, OPT_SYSTEM, OPT_ADDRESS, OPT_JSON, OPT_NO_PAGER, OPT_NO_LEGEND, OPT_HELP, OPT_VERSION };
#define OPT_J 'j'
#define ORDERED 1 /* what getopt_long() calls an argument that is no option, when it is asked to keep the order */
#define OPTIONS_MAX 32

static const struct option global_options[] = {
    {"user", no_argument, NULL, OPT_USER},
    {"system", no_argument, NULL, OPT_SYSTEM},
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"json", required_argument, NULL, OPT_JSON},
    {"no-pager", no_argument, NULL, OPT_NO_PAGER},
    {"no-legend", no_argument, NULL, OPT_NO_LEGEND},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};
#define N_GLOBAL (sizeof global_options / sizeof *global_options - 1)

const struct option postern_ctl_no_options[] = {{NULL, 0, NULL, 0}};

static const struct postern_ctl_verb verbs[] = {
    {"list", "", "the container instances", postern_ctl_no_options, postern_ctl_list},
    {"show", "INSTANCE", "everything about one", postern_ctl_no_options, postern_ctl_show},
    {"rules", "INSTANCE [--set|--add|--remove RULE...] [--clear]", "what it may do, or change that", postern_ctl_rules_options, postern_ctl_rules},
    {"explain",
     "SENDER DESTINATION [PATH [INTERFACE [MEMBER]]] [KEY=VALUE...]",
     "would that message pass, and why", postern_ctl_no_options, postern_ctl_explain},
    {"watch", "[--all] [--FILTER=PATTERN...]", "what is refused, as it happens", postern_ctl_watch_options, postern_ctl_watch},
    {"stop", "[--listening] INSTANCE...", "end an instance, or its socket", postern_ctl_stop_options, postern_ctl_stop},
    {"reload", "", "make the bus read its configuration again", postern_ctl_no_options, postern_ctl_reload},
    {"status", "", "the bus, and the doors that it asks", postern_ctl_no_options, postern_ctl_status},
};
#define N_VERBS (sizeof verbs / sizeof *verbs)

static void print_help(void)
{
    fputs("Usage: posternctl [OPTION...] VERB [ARGUMENT...]\n"
          "Asks a bus that Postern runs what it does, and why.\n\nVerbs:\n", stdout);
    for (size_t i = 0; i < N_VERBS; i++)
        printf("  %s %s\n        %s\n", verbs[i].name, verbs[i].arguments, verbs[i].does);
    fputs("INSTANCE is c7, 7 or the whole object path; RULE is written as in postern-run(1):\n"
          "talk=NAME, call=NAME=INTERFACE.METHOD@PATH, ...\n"
          "KEY of explain is type (method_call, signal, broadcast, reply, own, see, activate),\n"
          "sender, destination, path, interface, member, fds, or what is only supposed:\n"
          "sender- or destination- and instance, type, name, uid, label.\n"
          "FILTER of watch is instance, type, name, door (xml, container, lsm), verdict (denied,\n"
          "allowed, complained, refused), action, sender, destination, interface or member.\n"
          "\n"
          "Options:\n"
          "  --user               the bus of the session [default]\n"
          "  --system             the bus of the system\n"
          "  --address=ADDRESS    the bus there\n"
          "  --json=short|pretty|off  the answer as JSON; -j: in the form that fits\n"
          "  --no-pager           not a screen at a time\n"
          "  --no-legend          without headings\n"
          "  --help, --version    print this, or the version\n"
          "\n"
          "Exit status: 0 done, 1 it failed, 2 the command line is wrong. Of explain: 0 the\n"
          "message would pass, 1 it would not, 2 the command line is wrong, 3 it failed.\n", stdout);
}

__attribute__((format(printf, 1, 0))) static void complain(const char *format, va_list args)
{
    postern_autofree char *text = NULL;
    struct postern_output out = {0};

    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
        return;
    }
    postern_output_text(&out, text);
    fprintf(stderr, "posternctl: %.*s\n", (int)out.buf.len, out.failed ? "out of memory" : (const char *)out.buf.data);
    postern_output_finish(&out);
}

int postern_ctl_complain(int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(format, args);
    va_end(args);
    return status;
}

int postern_ctl_usage(const struct postern_ctl *ctl, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(format, args);
    va_end(args);
    for (size_t i = 0; i < N_VERBS; i++) {
        if (ctl->verb != NULL && strcmp(verbs[i].name, ctl->verb) == 0)
            fprintf(stderr, "Usage: posternctl %s %s\n", verbs[i].name, verbs[i].arguments);
    }
    return CTL_USAGE;
}

/* 0, or the exit status and one more: an option for every verb. */
static int take_global(struct postern_ctl *ctl, int option, const char *argument)
{
    switch (option) {
    case OPT_USER:
    case OPT_SYSTEM:
        ctl->system = option == OPT_SYSTEM;
        ctl->address = NULL;
        return 0;
    case OPT_ADDRESS:
        ctl->address = optarg;
        return 0;
    case OPT_J:
        ctl->json = isatty(STDOUT_FILENO) ? POSTERN_JSON_PRETTY : POSTERN_JSON_SHORT;
        return 0;
    case OPT_JSON:
        if (strcmp(optarg, "short") != 0 && strcmp(optarg, "pretty") != 0 && strcmp(optarg, "off") != 0)
            return 1 + postern_ctl_usage(ctl, "--json=%s: must be short, pretty or off", optarg);
        ctl->json = *optarg == 's' ? POSTERN_JSON_SHORT : *optarg == 'p' ? POSTERN_JSON_PRETTY : POSTERN_JSON_OFF;
        return 0;
    case OPT_NO_PAGER:
        ctl->no_pager = true;
        return 0;
    case OPT_NO_LEGEND:
        ctl->no_legend = true;
        return 0;
    case OPT_HELP:
        print_help();
        return 1 + CTL_OK;
    case OPT_VERSION:
        puts("posternctl " PACKAGE_VERSION);
        return 1 + CTL_OK;
    case ':':
        return 1 + postern_ctl_usage(ctl, "%s needs a value; see --help", argument);
    default:
        return 1 + postern_ctl_usage(ctl, "%s is no option here, or is one without a value; see --help", argument);
    }
}

/* Reads the options in front of the verb. 0 with optind at the verb, or the exit status and one more. */
static int read_front(struct postern_ctl *ctl, int argc, char **argv)
{
    for (;;) {
        const char *argument = optind < argc ? argv[optind] : "";
        int option = getopt_long(argc, argv, "+:j", global_options, NULL), r;

        if (option == -1)
            return 0;
        r = take_global(ctl, option, argument);
        if (r != 0)
            return r;
    }
}

/* Reads what stands behind the verb: its options and the global ones anywhere. args has room for all. */
static int read_back(struct postern_ctl *ctl, const struct postern_ctl_verb *verb, int argc, char **argv, struct postern_ctl_arg *args, size_t *n)
{
    struct option options[OPTIONS_MAX] = {{0}};
    size_t n_own = 0;

    while (verb->options[n_own].name != NULL && n_own + N_GLOBAL + 1 < OPTIONS_MAX) {
        options[n_own] = verb->options[n_own];
        n_own++;
    }
    memcpy(options + n_own, global_options, sizeof global_options);
    for (;;) {
        int at = optind > 0 ? optind : 1;
        const char *argument = at < argc ? argv[at] : "";
        int option = getopt_long(argc, argv, "-:j", options, NULL), r;

        if (option == -1)
            break;
        if (option == ORDERED || (option >= CTL_OWN && option < CTL_GLOBAL)) {
            args[(*n)++] = (struct postern_ctl_arg){option == ORDERED ? CTL_ARGUMENT : option, optarg};
            continue;
        }
        r = take_global(ctl, option, argument);
        if (r != 0)
            return r;
    }
    while (optind < argc) /* behind "--" */
        args[(*n)++] = (struct postern_ctl_arg){CTL_ARGUMENT, argv[optind++]};
    return 0;
}

static const struct postern_ctl_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

/* The exit status. */
static int run(struct postern_ctl *ctl, const struct postern_ctl_verb *verb, const struct postern_ctl_arg *args, size_t n)
{
    int status = verb->run(ctl, args, n), r = 0;

    if (ctl->out.failed)
        status = postern_ctl_complain(CTL_FAILED, "out of memory");
    else
        r = postern_pager_show(ctl->out.buf.data, ctl->out.buf.len, !ctl->no_pager);
    if (r < 0)
        status = postern_ctl_complain(CTL_FAILED, "cannot write the answer: %s", strerror(-r));
    sd_bus_flush_close_unref(ctl->bus);
    postern_output_finish(&ctl->out);
    return status;
}

int main(int argc, char **argv)
{
    struct postern_ctl ctl = {0};
    postern_autofree struct postern_ctl_arg *args = calloc((size_t)argc + 1, sizeof *args);
    const struct postern_ctl_verb *verb;
    size_t n = 0;
    int r;

    if (args == NULL)
        return postern_ctl_complain(CTL_FAILED, "out of memory");
    opterr = 0;
    r = read_front(&ctl, argc, argv);
    if (r != 0)
        return r - 1;
    if (optind >= argc)
        return postern_ctl_usage(&ctl, "no verb; see --help");
    verb = find_verb(argv[optind]);
    if (verb == NULL)
        return postern_ctl_usage(&ctl, "there is no verb \"%s\"; see --help", argv[optind]);
    ctl.verb = verb->name;
    argc -= optind;
    argv += optind;
    optind = 0; /* begins anew, at the verb: it stands where a program's name would */
    r = read_back(&ctl, verb, argc, argv, args, &n);
    return r != 0 ? r - 1 : run(&ctl, verb, args, n);
}
