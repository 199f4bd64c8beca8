/* The verb `sources`. */
#include "cli/cli.h"

static int run(struct jb_cli *cli) {
    struct jb_error error = {0};
    return jb_cli_fail(cli, jb_error_set(&error, JB_UNSUPPORTED, "not in this build"), &error);
}

const struct jb_verb jb_verb_sources = {
    .name = "sources",
    .summary = "list power sources and their domains",
    .help = "usage: joulebook sources\n",
    .run = run,
};
