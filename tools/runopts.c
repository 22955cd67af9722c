/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/runopts.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "core/ruletext.h"
#include "wire/name.h"

/* Options that stand for a rule are called like the words of its text form. They come first in long_options, in this order. */
static const char *const rule_words[] = {"see", "talk", "own", "call", "broadcast", "send-fds", "receive-fds"};
#define N_RULE_WORDS (sizeof rule_words / sizeof *rule_words)

/* What getopt_long() returns for the others; rule options return their index. */
enum { OPT_TYPE = 100, OPT_NAME, OPT_MODE, OPT_ADDRESS, OPT_BIND, OPT_RO_BIND, OPT_SHARE_NET, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
    {"see", required_argument, NULL, 0},
    {"talk", required_argument, NULL, 1},
    {"own", required_argument, NULL, 2},
    {"call", required_argument, NULL, 3},
    {"broadcast", required_argument, NULL, 4},
    {"send-fds", required_argument, NULL, 5},
    {"receive-fds", required_argument, NULL, 6},
    {"type", required_argument, NULL, OPT_TYPE},
    {"name", required_argument, NULL, OPT_NAME},
    {"mode", required_argument, NULL, OPT_MODE},
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"bind", required_argument, NULL, OPT_BIND},
    {"ro-bind", required_argument, NULL, OPT_RO_BIND},
    {"share-net", no_argument, NULL, OPT_SHARE_NET},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

const char *postern_runopts_help(void)
{
    return "Usage: postern-run [OPTION...] [--] COMMAND [ARGUMENT...]\n"
           "Runs COMMAND in a sandbox. Its only bus is a socket of its own, behind which the\n"
           "bus allows what the options say and nothing else.\n"
           "\n"
           "What the command may do on the bus; each option may be given many times:\n"
           "  --talk=NAME          see NAME, call it and hear its broadcasts\n"
           "  --see=NAME           see that NAME exists, and who owns it\n"
           "  --own=NAME           own NAME\n"
           "  --call=NAME=RULE     send NAME the calls and signals that RULE describes\n"
           "  --broadcast=NAME=RULE  hear those broadcasts of NAME\n"
           "  --send-fds=NAME=RULE   like --call; these may carry file descriptors\n"
           "  --receive-fds=NAME=RULE  like --call; what NAME sends may carry them\n"
           "NAME may end in .* (the name and all below it). RULE is\n"
           "[INTERFACE.][METHOD|*][@PATH], PATH may end in /*; without =RULE: everything.\n"
           "\n"
           "The container:\n"
           "  --type=TYPE          its type, a reversed domain name [org.postern.Run]\n"
           "  --name=NAME          its name [the last part of COMMAND]\n"
           "  --mode=MODE          restrict, complain (let pass, but log) or identify\n"
           "                       (no rules) [restrict]\n"
           "  --address=ADDRESS    the bus to ask [the session bus]\n"
           "\n"
           "The sandbox: the file system is read-only, /tmp, /var/tmp, /run and the folders\n"
           "of the buses are empty, there is no network.\n"
           "  --bind=PATH          let the command see PATH and write to it\n"
           "  --ro-bind=PATH       let it see PATH\n"
           "  --share-net          leave it the network\n"
           "\n"
           "  --help, --version    print this, or the version\n"
           "\n"
           "Exit status: that of COMMAND, 128+N when signal N ended it; 125 postern-run or\n"
           "bubblewrap failed, 126 COMMAND cannot be executed, 127 it does not exist.\n";
}

static int add_rule(struct postern_runopts *options, const char *word, const char *text, const char *argument,
                    struct postern_error *error)
{
    struct postern_runopts_rule *rules = reallocarray(options->rules, options->n_rules + 1, sizeof *rules);
    struct postern_error why = {.text = ""};
    int r;

    if (rules == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    options->rules = rules;
    rules[options->n_rules] = (struct postern_runopts_rule){.option = argument};
    r = postern_ruletext_parse(word, text, &rules[options->n_rules].rule, &why);
    if (r < 0)
        return postern_error_set(error, r, "--%s=%s: %s", word, text, why.text);
    options->n_rules++;
    return 0;
}

static int set_text(struct postern_runopts *options, int option, const char *text, struct postern_error *error)
{
    if (option == OPT_TYPE && !postern_name_is_interface(text, strlen(text)))
        return postern_error_set(error, -EINVAL, "--type=%s: must be a reversed domain name such as org.example.Runner", text);
    if (option == OPT_NAME && !postern_utf8_is_valid(text, strlen(text)))
        return postern_error_set(error, -EINVAL, "--name: must be valid UTF-8");
    if (option == OPT_MODE && strcmp(text, "restrict") != 0 && strcmp(text, "complain") != 0 && strcmp(text, "identify") != 0)
        return postern_error_set(error, -EINVAL, "--mode=%s: must be restrict, complain or identify", text);
    switch (option) {
    case OPT_TYPE:
        options->type = text;
        break;
    case OPT_NAME:
        options->name = text;
        break;
    case OPT_MODE:
        options->mode = text;
        break;
    default:
        options->address = text;
    }
    return 0;
}

static int add_path(struct postern_list *paths, const char *path, struct postern_error *error)
{
    postern_list_add(paths, path, NULL);
    return paths->failed ? postern_error_set(error, -ENOMEM, "out of memory") : 0;
}

static int take_option(struct postern_runopts *options, int option, const char *argument, struct postern_error *error)
{
    if (option >= 0 && (size_t)option < N_RULE_WORDS)
        return add_rule(options, rule_words[option], optarg, argument, error);
    switch (option) {
    case OPT_TYPE:
    case OPT_NAME:
    case OPT_MODE:
    case OPT_ADDRESS:
        return set_text(options, option, optarg, error);
    case OPT_BIND:
    case OPT_RO_BIND:
        return add_path(option == OPT_BIND ? &options->binds : &options->ro_binds, optarg, error);
    case OPT_SHARE_NET:
        options->share_net = true;
        return 0;
    case OPT_HELP:
        options->help = true;
        return 0;
    case OPT_VERSION:
        options->version = true;
        return 0;
    case ':':
        return postern_error_set(error, -EINVAL, "%s needs a value: %s=VALUE; see --help", argument, argument);
    default:
        return postern_error_set(error, -EINVAL, "%s is no option, or is one without a value; see --help", argument);
    }
}

static int finish_reading(struct postern_runopts *options, int argc, char **argv, struct postern_error *error)
{
    const char *slash;

    if (options->help || options->version)
        return 0;
    if (optind >= argc)
        return postern_error_set(error, -EINVAL, "no command to run; see --help");
    if (options->mode != NULL && strcmp(options->mode, "identify") == 0 && options->n_rules > 0)
        return postern_error_set(error, -EINVAL, "%s would have no effect with --mode=identify", options->rules[0].option);
    options->command = argv + optind;
    if (options->name == NULL) {
        slash = strrchr(options->command[0], '/');
        return set_text(options, OPT_NAME, slash != NULL ? slash + 1 : options->command[0], error);
    }
    return 0;
}

int postern_runopts_parse(int argc, char **argv, struct postern_runopts *options, struct postern_error *error)
{
    int r = 0;

    *options = (struct postern_runopts){.type = "org.postern.Run"};
    optind = 1;
    opterr = 0;
    while (r == 0) {
        const char *argument = optind < argc ? argv[optind] : NULL;
        int option = getopt_long(argc, argv, "+:", long_options, NULL);

        if (option == -1)
            break;
        r = take_option(options, option, argument, error);
    }
    if (r == 0)
        r = finish_reading(options, argc, argv, error);
    if (r < 0)
        postern_runopts_finish(options);
    return r;
}

void postern_runopts_finish(struct postern_runopts *options)
{
    for (size_t i = 0; i < options->n_rules; i++)
        postern_rule_finish(&options->rules[i].rule);
    free(options->rules);
    postern_list_finish(&options->binds);
    postern_list_finish(&options->ro_binds);
    *options = (struct postern_runopts){0};
}
