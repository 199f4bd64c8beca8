/* The verb `run`: like time(1), for energy. */
#include "cli/run_report.h"
#include "cli/sampling.h"

#include <errno.h>
#include <string.h>

static const char help[] =
    "usage: joulebook [--book URL] run [OPTIONS] [--] COMMAND [ARGUMENTS]\n"
    "\n"
    "Runs COMMAND and says what energy it took, with all its descendants, even those that detach themselves: "
    "in a\n"
    "control group of their own where that is permitted (root, or a group delegated to the user: systemd-run "
    "--user\n"
    "--scope joulebook run …), else by descent. The report goes to standard error and says which way it "
    "was;\n"
    "COMMAND keeps terminal, input and output, and gets the signals that are sent to this process. With "
    "--book the\n"
    "energy is also booked, unless a meter books it into the same book already.\n"
    "\n"
    "options\n"
    "  --json                 report one JSON object (docs/SPEC-output.md)\n"
    "  --output FILE          write the report to FILE instead of standard error\n"
    "  --interval DURATION    time between samples (default 100ms, at least 10ms)\n"
    "  --wait-all             count until the last descendant has ended, not only COMMAND; a signal ends the "
    "wait\n"
    "  --no-cgroup            count by descent even where a control group is permitted\n" JB_SAMPLING_HELP
    "  --help                 print this\n"
    "\n"
    "Energy that cannot be known is reported as unknown, with the reason; never as 0. Figures have a 95 % "
    "interval:\n"
    "the meter's uncertainty and that of splitting by CPU time.\n"
    "\n"
    "examples\n"
    "  joulebook run -- make -j8\n"
    "  joulebook run --json --output energy.json -- python3 train.py\n"
    "  joulebook --book builds.db run -- ./nightly && joulebook --book builds.db statement --by process\n"
    "\n"
    "exit status: that of COMMAND; when a signal ended it, this process ends by the same signal (a shell "
    "shows\n"
    "128 + its number); 127 there is no such command, 126 it cannot be executed; before COMMAND was "
    "started:\n"
    "2 wrong usage, 3 bad input, 4 could not\n";

enum {
    JSON,
    OUTPUT,
    INTERVAL,
    WAIT_ALL,
    NO_CGROUP,
    IDLE,
    PROCESS_LOAD,
    REPLAY,
    NVML,
    OPTION_COUNT,
};

/* Marks COMMAND's environment with the book, so that a `run` inside it does not book the same energy again.
 */
#define BOOK_VARIABLE "JOULEBOOK_RUN_BOOK"

static FILE *open_output(const struct jb_cli *cli, const char *path, int *ret_status) {
    FILE *file = fopen(path, "we");
    if (!file) {
        struct jb_error error = {0};
        *ret_status = jb_cli_fail(cli, jb_error_set_errno(&error, errno, "--output %s", path), &error);
    }
    return file;
}

static void write_report(const struct jb_cli *cli, const struct jb_run_report *report, bool is_json,
                         FILE *file) {
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_error error = {0};
    if (is_json)
        jb_run_report_json(report, &out);
    else
        jb_run_report_text(report, &out);
    enum jb_code code = jb_buffer_check(&out, &error);
    if (!code && fwrite(out.bytes, 1, out.length, file) != out.length)
        code = jb_error_set_errno(&error, errno, "report");
    if (!code && fflush(file) != 0)
        code = jb_error_set_errno(&error, errno, "report");
    if (code)
        jb_cli_fail(cli, code, &error); /* the status stays COMMAND's */
}

/* What is the matter with COMMAND itself. 127 and 126 as env(1) and the shells have them. */
static int fail_command(const struct jb_cli *cli, enum jb_code code, const struct jb_error *error) {
    int status = jb_cli_fail(cli, code, error);
    if (code == JB_NO_DATA)
        return 127;
    return code == JB_PERMISSION ? 126 : status;
}

static int run_and_report(const struct jb_cli *cli, const struct jb_run_options *options,
                          struct jb_ledger *ledger, bool is_json, FILE *file) {
    struct jb_error error = {0}, book_error = {0};
    struct jb_run_booking booking = {0};
    _cleanup_free_ struct jb_run_result *result = calloc(1, sizeof *result);
    if (!result)
        return jb_cli_fail(cli, jb_error_set(&error, JB_MEMORY, "out of memory"), &error);
    const char *outer = getenv(BOOK_VARIABLE);
    _cleanup_free_ char *outer_url = outer ? strdup(outer) : NULL;
    if (ledger)
        setenv(BOOK_VARIABLE, jb_ledger_url(ledger), 1);
    enum jb_code code = jb_run_measure(options, &error, result);
    if (code) {
        jb_ledger_close(ledger);
        return fail_command(cli, code, &error);
    }
    struct jb_run_report report = {.result = result, .argv = options->argv};
    if (ledger) {
        report.booking = &booking;
        if (jb_run_book(ledger, result, options->argv[0], outer_url, &book_error, &booking))
            report.book_error = &book_error;
        jb_ledger_close(ledger); /* before this process may end by a signal */
    }
    write_report(cli, &report, is_json, file);
    jb_run_child_close(&result->child);
    jb_run_child_die_alike(&result->child);
    return jb_run_child_status(&result->child);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[OPTION_COUNT + 1] = {
        [JSON] = {.name = "--json"},
        [OUTPUT] = {.name = "--output", .takes_value = true},
        [INTERVAL] = {.name = "--interval", .takes_value = true},
        [WAIT_ALL] = {.name = "--wait-all"},
        [NO_CGROUP] = {.name = "--no-cgroup"},
        [IDLE] = {.name = "--idle", .takes_value = true},
        [PROCESS_LOAD] = {.name = "--process-load", .takes_value = true},
        [REPLAY] = {.name = "--replay", .takes_value = true},
        [NVML] = {.name = "--nvml", .takes_value = true},
    };
    const char *first[1];
    size_t count;
    int status = jb_cli_parse(cli, &jb_verb_run, options, first, 1, &count, true);
    if (status >= 0)
        return status;
    if (count == 0)
        return jb_cli_usage(cli, "which command? joulebook run -- COMMAND");
    struct jb_sampling sampling;
    const struct jb_sampling_texts texts = {.interval = options[INTERVAL].value,
                                            .idle = options[IDLE].value,
                                            .replay = options[REPLAY].value,
                                            .nvml = options[NVML].value,
                                            .process_load = options[PROCESS_LOAD].value};
    status = jb_cli_sampling(cli, &texts, 100 * INT64_C(1000000), &sampling);
    if (status >= 0)
        return status;
    FILE *file = stderr;
    struct jb_ledger *ledger = NULL;
    if (options[OUTPUT].value)
        file = open_output(cli, options[OUTPUT].value, &status);
    if (file && cli->book)
        status = jb_cli_open_book(cli, JB_STORE_CREATE, &ledger);
    if (status < 0 && file) {
        const struct jb_run_options run_options = {
            .sampler = sampling.options,
            .interval_ns = sampling.interval_ns,
            .wait_all = options[WAIT_ALL].value,
            .without_group = options[NO_CGROUP].value,
            .restore_pipe = !cli->pipe_was_ignored,
            .argv = cli->argv + (cli->argc - (int)count),
        };
        status = run_and_report(cli, &run_options, ledger, options[JSON].value, file);
    }
    if (file && file != stderr)
        fclose(file);
    jb_root_close(&sampling.root);
    return status;
}

const struct jb_verb jb_verb_run = {
    .name = "run",
    .summary = "run a command and say what energy it took",
    .help = help,
    .run = run,
};
