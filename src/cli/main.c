/* The command line: global options, the table of verbs, and what happens when there is none. */
#include "base/clock.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/progress.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* A line a verb. */
/* clang-format off */
const struct jb_verb *const jb_verb_table[] = {
    &jb_verb_sources,
    &jb_verb_meter,
    &jb_verb_top,
    &jb_verb_run,
    &jb_verb_balance,
    &jb_verb_statement,
    &jb_verb_explain,
    &jb_verb_export,
    &jb_verb_import,
    &jb_verb_label,
    &jb_verb_factors,
    &jb_verb_kpi,
    &jb_verb_check,
    &jb_verb_rank,
    &jb_verb_plan,
    &jb_verb_estimate,
    &jb_verb_payback,
    &jb_verb_index,
    NULL,
};
/* clang-format on */

static void print_help(FILE *out) {
    fputs("joulebook - a double-entry ledger for the energy of computing\n"
          "\n"
          "usage: joulebook [--book URL] [--root DIR] [--config FILE] VERB [ARGUMENTS]\n"
          "\n"
          "verbs\n",
          out);
    for (size_t i = 0; jb_verb_table[i]; i++)
        fprintf(out, "  %-10s %s\n", jb_verb_table[i]->name, jb_verb_table[i]->summary);
    fputs("\n"
          "global options\n"
          "  --book URL     a path, sqlite:PATH or memory:; default $JOULEBOOK_BOOK, else the user's data "
          "folder\n"
          "  --root DIR     read another /sys and /proc\n"
          "  --config FILE  the setting: an INI file, see docs/SPEC-setting.md\n"
          "  --version      print the version\n"
          "  --help         print this; `joulebook VERB --help` explains a verb, and\n"
          "                 `joulebook help VERB` says all that there is to it\n"
          "\n"
          "exit status: 0 done and good, 1 done but the answer is bad, 2 wrong usage, 3 bad input, 4 could "
          "not\n",
          out);
}

static const struct jb_verb *find_verb(const char *name) {
    for (size_t i = 0; jb_verb_table[i]; i++) {
        if (strcmp(jb_verb_table[i]->name, name) == 0)
            return jb_verb_table[i];
    }
    return NULL;
}

/* Takes "--name VALUE" or "--name=VALUE" at argv[*index]. */
static bool take_global(const char *name, int argc, char **argv, int *index, const char **ret_value) {
    size_t length = strlen(name);
    if (strncmp(argv[*index], name, length) != 0)
        return false;
    if (argv[*index][length] == '=') {
        *ret_value = argv[(*index)++] + length + 1;
        return true;
    }
    if (argv[*index][length] == '\0' && *index + 1 < argc) {
        *ret_value = argv[*index + 1];
        *index += 2;
        return true;
    }
    return false;
}

int main(int argc, char **argv) {
    struct jb_cli cli = {.program = argv[0]};
    int index = 1;
    cli.pipe_was_ignored = signal(SIGPIPE, SIG_IGN) == SIG_IGN;
    while (index < argc && argv[index][0] == '-') {
        if (strcmp(argv[index], "--help") == 0 || strcmp(argv[index], "-h") == 0) {
            print_help(stdout);
            return 0;
        }
        if (strcmp(argv[index], "--version") == 0) {
            puts("joulebook " JB_VERSION);
            return 0;
        }
        if (take_global("--book", argc, argv, &index, &cli.book) ||
            take_global("--root", argc, argv, &index, &cli.root) ||
            take_global("--config", argc, argv, &index, &cli.config))
            continue;
        fprintf(stderr, "joulebook: unknown or incomplete option '%s'; try joulebook --help\n", argv[index]);
        return 2;
    }
    if (index >= argc) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[index], "help") == 0) {
        const struct jb_verb *about = index + 1 < argc ? find_verb(argv[index + 1]) : NULL;
        if (about)
            fputs(about->help, stdout);
        else
            print_help(stdout);
        return 0;
    }
    const struct jb_verb *verb = find_verb(argv[index]);
    if (!verb) {
        fprintf(stderr, "joulebook: there is no verb '%s'; try joulebook --help\n", argv[index]);
        return 2;
    }
    cli.argc = argc - index;
    cli.argv = argv + index;
    int status = verb->run(&cli);
    progress_end();
    return status;
}
