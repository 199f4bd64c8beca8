/* What every verb is handed, and the table of verbs. */
#ifndef JB_CLI_CLI_H
#define JB_CLI_CLI_H

#include "base/buffer.h"
#include "base/error.h"
#include "factor/factor.h"
#include "ledger/statement.h"
#include "report/form.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

struct jb_cli {
    const char *book;      /* --book URL, NULL: default */
    const char *root;      /* --root DIR, NULL: "/" */
    const char *config;    /* --config FILE, NULL */
    const char *program;   /* argv[0], to find data/ beside a build */
    bool pipe_was_ignored; /* SIGPIPE, before main ignored it */
    int argc;              /* of the verb: argv[0] is its name */
    char **argv;
};

struct jb_verb {
    const char *name;
    const char *summary; /* one line for `joulebook help` */
    const char *help;    /* `joulebook help VERB`, whole */
    const char *brief;   /* `joulebook VERB --help`, of one screen; NULL: the whole is short enough */
    int (*run)(struct jb_cli *cli); /* exit status: 0 good, 1 bad answer, 2 usage, 3 bad input, 4 could not */
};

extern const struct jb_verb jb_verb_balance, jb_verb_check, jb_verb_estimate, jb_verb_explain, jb_verb_export,
    jb_verb_factors, jb_verb_import, jb_verb_index, jb_verb_kpi, jb_verb_label, jb_verb_meter,
    jb_verb_payback, jb_verb_plan, jb_verb_rank, jb_verb_run, jb_verb_sources, jb_verb_statement, jb_verb_top;

extern const struct jb_verb *const jb_verb_table[]; /* in the order of `help`; ends with NULL */

/* Prints "joulebook VERB: message" to stderr; returns the exit status of the code. */
int jb_cli_fail(const struct jb_cli *cli, enum jb_code code, const struct jb_error *error);
/* The same for wrong usage, with "try joulebook VERB --help"; returns 2. */
int jb_cli_usage(const struct jb_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One option of a verb's command line: "--name VALUE", "--name=VALUE" or a bare "--name". */
struct jb_option {
    const char *name; /* "--from" */
    bool takes_value;
    const char *value; /* set: NULL when not given; "" for a bare one that was */
};
/* Parses cli->argv[1…] against options (terminated by a NULL name). Operands go to operands (at most
 * operand_ceiling; "--" ends options; stop_at_operand leaves the rest untouched after the first operand).
 * --help prints the verb's help and sets *ret_done. Returns -1 to go on, or an exit status. */
int jb_cli_parse(const struct jb_cli *cli, const struct jb_verb *verb, struct jb_option *options,
                 const char **operands, size_t operand_ceiling, size_t *ret_operand_count,
                 bool stop_at_operand);

/* Output form from the values of --json and --csv. Returns -1 to go on. */
int jb_cli_form(const struct jb_cli *cli, const char *json, const char *csv, enum jb_form *ret_form);

/* Opens cli->book for reading, or fails with a hint to run `meter` first. Returns -1 to go on. */
int jb_cli_open_book(const struct jb_cli *cli, enum jb_store_mode mode, struct jb_ledger **ret_ledger);
/* A whole number from low to high; text NULL: *ret stays. Returns -1 to go on. */
int jb_cli_count(const struct jb_cli *cli, const char *option, const char *text, uint64_t low, uint64_t high,
                 uint64_t *ret);
/* --by of what is grouped: account, host, cgroup, process or label:KEY. Returns -1 to go on. */
int jb_cli_group_by(const struct jb_cli *cli, const char *by, struct jb_statement_request *request);
/* --from and --to ("last 24h", ISO 8601) into a query. Returns -1 to go on. */
int jb_cli_period(const struct jb_cli *cli, const char *from, const char *to, struct jb_query *ret_query);

/* Writes a whole buffer to stdout; status 0, or 4 with a message when that failed (disk full, closed pipe).
 */
int jb_cli_print(const struct jb_cli *cli, const struct jb_buffer *buffer);

/* Folder with the factor tables: $JOULEBOOK_DATA, the installed one, or data/ beside the build. */
const char *jb_cli_data_path(const struct jb_cli *cli);
/* Folder of the user's own factor tables, which need not be there: $JOULEBOOK_FACTORS, joulebook/factors in
 * the user's data folder, or /var/lib/joulebook/factors for root. */
enum jb_code jb_cli_own_factors_path(struct jb_error *error, char ret[static PATH_MAX]);
/* The tables that ship and the user's own, all of them good: figures are not cited from tables that are
 * partly wrong. */
enum jb_code jb_cli_factors(const struct jb_cli *cli, struct jb_error *error,
                            struct jb_factors **ret_factors);
/* The same, with the message when it fails. Returns -1 to go on. */
int jb_cli_load_factors(const struct jb_cli *cli, struct jb_factors **ret_factors);

/* Where the setting is: --config, $JOULEBOOK_CONFIG, joulebook.ini beside the book, or in the user's
 * configuration folder. JB_NO_DATA: there is none (what was named must be there). */
enum jb_code jb_cli_setting_path(const struct jb_cli *cli, const struct jb_ledger *ledger,
                                 struct jb_error *error, char ret[static PATH_MAX]);

#endif
