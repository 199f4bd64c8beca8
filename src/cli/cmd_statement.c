/* The verb `statement`. */
#include "cli/cli.h"

#include "base/decimal.h"
#include "ledger/statement.h"
#include "report/view.h"

#include <string.h>

enum { FROM, TO, BY, DEPTH, ACCOUNT, COMMODITY, LIMIT, SORT, JSON, CSV };

static int parse_by(const struct jb_cli *cli, const char *by, struct jb_statement_request *request) {
    static const struct {
        const char *name;
        enum jb_group_by by;
    } groups[] = {{"account", JB_BY_ACCOUNT},
                  {"host", JB_BY_HOST},
                  {"cgroup", JB_BY_CGROUP},
                  {"process", JB_BY_PROCESS}};
    for (size_t i = 0; i < JB_COUNT(groups); i++) {
        if (strcmp(by, groups[i].name) == 0) {
            request->by = groups[i].by;
            return -1;
        }
    }
    if (strncmp(by, "label:", 6) == 0 && by[6] && strlen(by + 6) < sizeof((struct jb_label *)0)->key) {
        request->by = JB_BY_LABEL;
        request->label_key = by + 6;
        return -1;
    }
    return jb_cli_usage(cli, "--by: '%.60s' is none of account, host, cgroup, process, label:KEY", by);
}

static int parse_count(const struct jb_cli *cli, const char *option, const char *text, uint64_t ceiling,
                       uint64_t *ret) {
    uint64_t value;
    if (!text)
        return -1;
    if (jb_uint64_parse(text, NULL, &value) || value == 0 || value > ceiling)
        return jb_cli_usage(cli, "%s: '%.60s' is no number from 1 to %llu", option, text,
                            (unsigned long long)ceiling);
    *ret = value;
    return -1;
}

static int parse_request(const struct jb_cli *cli, const struct jb_option *options,
                         struct jb_statement_request *request, uint64_t *ret_limit, bool *ret_by_name) {
    struct jb_error error = {0};
    uint64_t depth = 0;
    int status = jb_cli_period(cli, options[FROM].value, options[TO].value, &request->query);
    if (status < 0)
        status = parse_by(cli, options[BY].value ? options[BY].value : "process", request);
    if (status < 0)
        status = parse_count(cli, "--depth", options[DEPTH].value, 512, &depth);
    if (status < 0)
        status = parse_count(cli, "--limit", options[LIMIT].value, UINT32_MAX, ret_limit);
    if (status >= 0)
        return status;
    if (depth && request->by != JB_BY_ACCOUNT && request->by != JB_BY_CGROUP)
        return jb_cli_usage(cli, "--depth goes with --by account and --by cgroup");
    request->depth = (unsigned)depth;
    request->query.account = options[ACCOUNT].value;
    if (options[ACCOUNT].value && jb_account_validate(options[ACCOUNT].value, &error))
        return jb_cli_usage(cli, "--account: %s", error.message);
    if (options[COMMODITY].value &&
        jb_commodity_parse(options[COMMODITY].value, &error, &request->query.commodity))
        return jb_cli_usage(cli, "--commodity: %s", error.message);
    const char *sort = options[SORT].value ? options[SORT].value : "amount";
    if (strcmp(sort, "amount") != 0 && strcmp(sort, "name") != 0)
        return jb_cli_usage(cli, "--sort: '%.60s' is neither amount nor name", sort);
    *ret_by_name = strcmp(sort, "name") == 0;
    return -1;
}

static int print_statement(const struct jb_cli *cli, struct jb_ledger *ledger, enum jb_form form,
                           const struct jb_statement_request *request, size_t limit, bool by_name) {
    struct jb_error error = {0};
    struct jb_statement statement;
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    struct jb_view view = {.form = form,
                           .layout = jb_layout_of_stdout(),
                           .ledger = ledger,
                           .query = request->query,
                           .out = &out};
    enum jb_code code = jb_statement_make(ledger, request, &error, &statement);
    if (code)
        return jb_cli_fail(cli, code, &error);
    code = jb_view_statement(&view, request, &statement, limit, by_name, &error);
    int status = code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
    if (status == 0 && form == JB_FORM_CSV && statement.gap_count)
        fprintf(
            stderr,
            "joulebook statement: note: %zu stretch%s not known and not in the figures; --json lists them\n",
            statement.gap_count, statement.gap_count > 1 ? "es are" : " is");
    jb_statement_free(&statement);
    return status;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [FROM] = {"--from", true, NULL},
        [TO] = {"--to", true, NULL},
        [BY] = {"--by", true, NULL},
        [DEPTH] = {"--depth", true, NULL},
        [ACCOUNT] = {"--account", true, NULL},
        [COMMODITY] = {"--commodity", true, NULL},
        [LIMIT] = {"--limit", true, NULL},
        [SORT] = {"--sort", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    struct jb_statement_request request = {0};
    struct jb_ledger *ledger;
    enum jb_form form;
    uint64_t limit = 0;
    bool by_name = false;
    size_t operand_count;
    int status = jb_cli_parse(cli, &jb_verb_statement, options, NULL, 0, &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status < 0)
        status = parse_request(cli, options, &request, &limit, &by_name);
    if (status < 0)
        status = jb_cli_open_book(cli, JB_STORE_READ, &ledger);
    if (status >= 0)
        return status;
    status = print_statement(cli, ledger, form, &request, (size_t)limit, by_name);
    jb_ledger_close(ledger);
    return status;
}

const struct jb_verb jb_verb_statement = {
    .name = "statement",
    .summary = "what was consumed, by process, cgroup, host, account or label",
    .help = "usage: joulebook statement [--from TIME] [--to TIME] [--by WHAT] [OPTIONS]\n"
            "\n"
            "Adds up what was consumed in a period, with how it was obtained and its 95 % interval.\n"
            "The total is the same whatever it is grouped by. Stretches of which nothing is known\n"
            "are listed, and not counted as zero; so are services of clouds that were billed and whose\n"
            "energy is not known, with their share of the cost.\n"
            "\n"
            "options\n"
            "  --from TIME       from this time on: ISO 8601 in UTC, or such as 'last 24h'\n"
            "  --to TIME         up to, and without, this time\n"
            "  --by WHAT         process (default), cgroup, host, account, or label:KEY\n"
            "  --depth N         with --by account or cgroup: the first N parts of the path\n"
            "  --account PATH    only what lies at or below this account\n"
            "  --commodity NAME  energy, embodied, water, or a currency such as EUR; default all\n"
            "  --limit N         the N largest; the rest as one row\n"
            "  --sort HOW        amount (default) or name\n"
            "  --json, --csv     for machines: amounts exact, in the commodity's smallest unit\n"
            "\n"
            "What is no process, cgroup or host stands in brackets: (idle) is power drawn with nothing\n"
            "to do, (rest) what the outer meter sees and no inner one, (exited) processes that ended\n"
            "between two samples, (kernel), (interrupt) and (steal) CPU time of no process,\n"
            "(unattributed) energy used while the meter was down.\n"
            "\n"
            "Figures have no more digits than their interval supports. Errors of one meter are common\n"
            "to all that it measured and add up; those of different meters are combined in quadrature.\n"
            "\n"
            "examples\n"
            "  joulebook statement --from 'last 24h'\n"
            "  joulebook statement --by cgroup --depth 2 --limit 10\n"
            "  joulebook statement --from 2026-07-01 --to 2026-08-01 --by label:team --csv\n"
            "\n"
            "exit status: 0 done (also when nothing is booked in the period), 2 wrong usage,\n"
            "3 the book is damaged or foreign, 4 could not\n",
    .run = run,
};
