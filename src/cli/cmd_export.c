/* The verb `export`. */
#include "cli/cli.h"

static int run(struct jb_cli *cli) {
    struct jb_error error = {0};
    return jb_cli_fail(cli, jb_error_set(&error, JB_UNSUPPORTED, "not in this build"), &error);
}

const struct jb_verb jb_verb_export = {
    .name = "export",
    .summary = "write flows as CSV or JSON lines",
    .help = "usage: joulebook export\n",
    .run = run,
};
