/* The verb `export`. */
#include "cli/cli.h"

#include "cli/progress.h"
#include "import/flows.h"
#include "report/output.h"

#include <string.h>

#define CHUNK ((size_t)256 << 10)

enum { FROM, TO, FORMAT, ACCOUNT };

/* Writes the flows that start in the period, chunk by chunk. */
static enum jb_code write_flows(struct jb_ledger *ledger, const struct jb_query *query, bool is_csv,
                                struct jb_progress *progress, struct jb_output *output,
                                struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(ledger);
    struct jb_flow_cursor *cursor;
    struct jb_import_record record;
    _cleanup_buffer_ struct jb_buffer chunk = {0};
    enum jb_code code = store->ops->flows_open(store, query, error, &cursor);
    if (code)
        return code;
    if (is_csv)
        jb_flows_write_csv_heading(&chunk);
    while (!code && (code = store->ops->flows_next(cursor, error, &record.flow, &record.batch)) == JB_OK) {
        /* The store gives every flow that reaches into the period: one that began before belongs to an
         * earlier export, so that exports of one period after the other hold every flow once. */
        if (record.flow.start_ns < query->from_ns)
            continue;
        record.from = jb_ledger_path(ledger, record.flow.from);
        record.to = jb_ledger_path(ledger, record.flow.to);
        if (is_csv)
            jb_flows_write_csv(&record, &chunk);
        else
            jb_flows_write_json(&record, &chunk);
        jb_progress_add(progress, 1);
        if (chunk.length >= CHUNK)
            code = jb_output_write(output, &chunk, error);
    }
    store->ops->flows_close(cursor);
    return code == JB_NO_DATA ? jb_output_write(output, &chunk, error) : code;
}

static int export_flows(const struct jb_cli *cli, struct jb_ledger *ledger, const struct jb_query *query,
                        bool is_csv, const char *path) {
    struct jb_error error = {0};
    struct jb_output output;
    static struct jb_progress progress;
    enum jb_code code = jb_output_open(path, &error, &output);
    if (code)
        return jb_cli_fail(cli, code, &error);
    /* Flows that pass by on the terminal are progress enough. */
    jb_progress_begin(&progress, "exporting", "flows", 0);
    if (output.path || !isatty(STDOUT_FILENO))
        progress_show(&progress, NULL, 0);
    code = write_flows(ledger, query, is_csv, &progress, &output, &error);
    if (!code)
        code = jb_output_commit(&output, &error);
    bool is_closed = output.is_closed;
    jb_output_close(&output);
    if (is_closed)
        return jb_error_exit_status(code);
    return code ? jb_cli_fail(cli, code, &error) : 0;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [FROM] = {"--from", true, NULL},
        [TO] = {"--to", true, NULL},
        [FORMAT] = {"--format", true, NULL},
        [ACCOUNT] = {"--account", true, NULL},
        {NULL, false, NULL},
    };
    struct jb_query query = {0};
    struct jb_error error = {0};
    struct jb_ledger *ledger;
    const char *path = NULL;
    size_t operand_count;
    int status = jb_cli_parse(cli, &jb_verb_export, options, &path, 1, &operand_count, false);
    if (status < 0)
        status = jb_cli_period(cli, options[FROM].value, options[TO].value, &query);
    if (status >= 0)
        return status;
    const char *format = options[FORMAT].value ? options[FORMAT].value : "csv";
    if (strcmp(format, "csv") != 0 && strcmp(format, "jsonl") != 0)
        return jb_cli_usage(cli, "--format: '%.60s' is neither csv nor jsonl", format);
    query.account = options[ACCOUNT].value;
    if (query.account && jb_account_validate(query.account, &error))
        return jb_cli_usage(cli, "--account: %s", error.message);
    status = jb_cli_open_book(cli, JB_STORE_READ, &ledger);
    if (status >= 0)
        return status;
    status = export_flows(cli, ledger, &query, strcmp(format, "csv") == 0, path);
    jb_ledger_close(ledger);
    return status;
}

const struct jb_verb jb_verb_export = {
    .name = "export",
    .summary = "write flows as CSV or JSON lines",
    .help = "usage: joulebook export [--from TIME] [--to TIME] [OPTIONS] [FILE]\n"
            "\n"
            "Writes the flows of the book, one a line, exact and complete: `joulebook import --format\n"
            "flows` books the same again elsewhere. What a reversal takes back has a negative amount.\n"
            "Without FILE, or with -, to standard output; a FILE appears whole or not at all.\n"
            "\n"
            "options\n"
            "  --from TIME     flows that start at this time or later: ISO 8601 in UTC, or such as\n"
            "                  'last 24h'\n"
            "  --to TIME       flows that start before this time\n"
            "  --account PATH  only flows into or out of this account and those below it\n"
            "  --format NAME   csv (default) or jsonl, one JSON object a line\n"
            "\n"
            "fields: start, end, from, to, commodity, amount (a whole number, as text in JSON), unit,\n"
            "method, uncertainty_ppm (relative standard uncertainty; empty or null when not known),\n"
            "batch\n"
            "\n"
            "examples\n"
            "  joulebook export flows.csv\n"
            "  joulebook export --from 2026-07-01 --to 2026-08-01 --format jsonl | zstd >july.jsonl.zst\n"
            "  joulebook export | ssh head joulebook import --format flows -\n"
            "\n"
            "exit status: 0 done (also when there is no flow), 2 wrong usage, 3 the book is damaged or\n"
            "foreign, 4 could not (no book, disk full, may not write)\n",
    .run = run,
};
