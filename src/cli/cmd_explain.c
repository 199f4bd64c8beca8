/* The verb `explain`. */
#include "cli/cli.h"

static int run(struct jb_cli *cli) {
    struct jb_error error = {0};
    return jb_cli_fail(cli, jb_error_set(&error, JB_UNSUPPORTED, "not in this build"), &error);
}

const struct jb_verb jb_verb_explain = {
    .name = "explain",
    .summary = "take a figure apart down to its readings",
    .help = "usage: joulebook explain\n",
    .run = run,
};
