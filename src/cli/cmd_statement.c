/* The verb `statement`. */
#include "cli/cli.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/time.h"
#include "cli/grounds.h"
#include "cli/progress.h"
#include "report/view.h"

#include <string.h>

enum { FROM, TO, BY, DEPTH, ACCOUNT, COMMODITY, LIMIT, SORT, EVERY, PER, BASIS, JSON, CSV };

#define PERIOD_CEILING 10000 /* of --every */

struct wish {
    struct jb_statement_request request;
    enum jb_form form;
    uint64_t limit;
    bool by_name;
    const char *every, *unit, *basis;
};

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

static int parse_request(const struct jb_cli *cli, const struct jb_option *options, struct wish *wish) {
    struct jb_error error = {0};
    struct jb_statement_request *request = &wish->request;
    uint64_t depth = 0;
    int status = jb_cli_period(cli, options[FROM].value, options[TO].value, &request->query);
    if (status < 0)
        status = jb_cli_group_by(cli, options[BY].value ? options[BY].value : "process", request);
    if (status < 0)
        status = parse_count(cli, "--depth", options[DEPTH].value, 512, &depth);
    if (status < 0)
        status = parse_count(cli, "--limit", options[LIMIT].value, UINT32_MAX, &wish->limit);
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
    wish->by_name = strcmp(sort, "name") == 0;
    wish->every = options[EVERY].value;
    wish->unit = options[PER].value;
    wish->basis = options[BASIS].value;
    if (wish->every && strcmp(wish->every, "hour") != 0 && strcmp(wish->every, "day") != 0 &&
        strcmp(wish->every, "month") != 0)
        return jb_cli_usage(cli, "--every: '%.60s' is none of hour, day, month", wish->every);
    if (request->query.commodity && (wish->unit || wish->basis))
        return jb_cli_usage(cli, "--commodity states what is booked alone; leave out --per and --basis");
    return -1;
}

/* ---- periods ---- */

struct parts {
    struct jb_statement_part *items;
    size_t count, capacity;
};

static void parts_free(struct parts *parts) {
    for (size_t i = 0; i < parts->count; i++) {
        jb_statement_free(&parts->items[i].statement);
        jb_valuation_free(parts->items[i].valuation);
    }
    free(parts->items);
}

/* The start of the calendar hour, day or month (UTC) that follows. */
static int64_t next_edge(const char *every, int64_t ns) {
    int64_t bucket_ns = strcmp(every, "hour") == 0 ? JB_HOUR_NS : JB_DAY_NS, year;
    unsigned month, day;
    if (strcmp(every, "month") != 0)
        return jb_time_floor(ns, bucket_ns) + bucket_ns;
    jb_civil_from_days(jb_time_floor(ns, JB_DAY_NS) / JB_DAY_NS, &year, &month, &day);
    return jb_days_from_civil(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) * JB_DAY_NS;
}

static enum jb_code add_part(struct jb_ledger *ledger, const struct wish *wish, const struct grounds *grounds,
                             const struct jb_valuation *whole, int64_t from_ns, int64_t to_ns,
                             struct jb_error *error, struct parts *parts) {
    struct jb_statement_part part = {.from_ns = from_ns, .to_ns = to_ns};
    struct jb_value_request request = {.statement = wish->request,
                                       .setting = grounds->setting,
                                       .factors = grounds->factors,
                                       .unit = wish->unit,
                                       .whole = whole};
    enum jb_code code = jb_array_reserve(&parts->items, &parts->capacity, parts->count + 1, PERIOD_CEILING,
                                         "periods of --every", error);
    request.statement.query.from_ns = from_ns;
    request.statement.query.to_ns = to_ns;
    if (!code)
        code = jb_statement_make(ledger, &request.statement, error, &part.statement);
    /* A period of --every in which nothing is booked has no figures, and needs no amounts of a unit. */
    if (!code && grounds->setting && !(wish->every && part.statement.total_count == 0))
        code = jb_value_make(ledger, &request, error, &part.valuation);
    if (code) {
        jb_statement_free(&part.statement);
        return code;
    }
    parts->items[parts->count++] = part;
    return JB_OK;
}

static enum jb_code make_parts(struct jb_ledger *ledger, const struct wish *wish,
                               const struct grounds *grounds, struct jb_error *error, struct parts *parts) {
    const struct jb_query *query = &wish->request.query;
    if (!wish->every)
        return add_part(ledger, wish, grounds, NULL, query->from_ns, query->to_ns, error, parts);
    struct jb_statement statement;
    _cleanup_(jb_valuation_free_cleanup) struct jb_valuation *whole = NULL;
    enum jb_code code = jb_statement_make(ledger, &wish->request, error, &statement);
    if (code)
        return code;
    int64_t from_ns = statement.first_ns, to_ns = statement.last_ns;
    jb_statement_free(&statement);
    if (from_ns >= to_ns)
        return add_part(ledger, wish, grounds, NULL, query->from_ns, query->to_ns, error, parts);
    if (grounds->setting) {
        struct jb_value_request request = {
            .statement = wish->request, .setting = grounds->setting, .factors = grounds->factors};
        code = jb_value_make(ledger, &request, error, &whole);
    }
    for (int64_t next_ns; from_ns < to_ns && !code; from_ns = next_ns) {
        next_ns = next_edge(wish->every, from_ns);
        code =
            add_part(ledger, wish, grounds, whole, from_ns, next_ns < to_ns ? next_ns : to_ns, error, parts);
    }
    return code;
}

static void note_gaps(const struct parts *parts) {
    size_t count = 0;
    for (size_t i = 0; i < parts->count; i++)
        count += parts->items[i].statement.gap_count;
    if (!count)
        return;
    progress_end();
    fprintf(stderr,
            "joulebook statement: note: %zu stretch%s not known and not in the figures; --json lists them\n",
            count, count > 1 ? "es are" : " is");
}

static int print_statement(const struct jb_cli *cli, struct jb_ledger *ledger, const struct wish *wish,
                           const struct grounds *grounds) {
    struct jb_error error = {0};
    _cleanup_(parts_free) struct parts parts = {0};
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    struct jb_view view = {.form = wish->form,
                           .layout = jb_layout_of_stdout(),
                           .ledger = ledger,
                           .query = wish->request.query,
                           .out = &out};
    enum jb_code code = make_parts(ledger, wish, grounds, &error, &parts);
    struct jb_statement_view statement = {
        .request = &wish->request,
        .parts = parts.items,
        .part_count = parts.count,
        .every = wish->every,
        .unit = wish->unit,
        .basis = grounds->setting ? &grounds->basis : NULL,
        .lacks = grounds->setting || wish->request.query.commodity
                     ? NULL
                     : "there is no setting that names a site; `joulebook statement "
                       "--help` says where it is looked for",
        .limit = (size_t)wish->limit,
        .by_name = wish->by_name};
    if (!code)
        code = jb_view_statement(&view, &statement, &error);
    int status = code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
    if (status == 0 && wish->form == JB_FORM_CSV)
        note_gaps(&parts);
    return status;
}

/* Values the statement when there is something to value it by; what was asked for and cannot be, is an error.
 */
static int value_and_print(const struct jb_cli *cli, struct jb_ledger *ledger, const struct wish *wish) {
    _cleanup_(grounds_free) struct grounds grounds = {0};
    if (!wish->request.query.commodity) {
        int status = grounds_load(cli, ledger, wish->basis, &grounds);
        if (status >= 0)
            return status;
    }
    if (wish->unit && !grounds.setting)
        return jb_cli_usage(cli,
                            "--per needs a setting with a [unit %.60s]: joulebook.ini beside the book, or "
                            "--config FILE",
                            wish->unit);
    return print_statement(cli, ledger, wish, &grounds);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [FROM] = {"--from", true, NULL},       [TO] = {"--to", true, NULL},
        [BY] = {"--by", true, NULL},           [DEPTH] = {"--depth", true, NULL},
        [ACCOUNT] = {"--account", true, NULL}, [COMMODITY] = {"--commodity", true, NULL},
        [LIMIT] = {"--limit", true, NULL},     [SORT] = {"--sort", true, NULL},
        [EVERY] = {"--every", true, NULL},     [PER] = {"--per", true, NULL},
        [BASIS] = {"--basis", true, NULL},     [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},        {NULL, false, NULL},
    };
    struct wish wish = {0};
    struct jb_ledger *ledger;
    size_t operand_count;
    int status = jb_cli_parse(cli, &jb_verb_statement, options, NULL, 0, &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &wish.form);
    if (status < 0)
        status = parse_request(cli, options, &wish);
    if (status < 0)
        status = jb_cli_open_book(cli, JB_STORE_READ, &ledger);
    if (status >= 0)
        return status;
    progress_wait("reading the book");
    status = value_and_print(cli, ledger, &wish);
    jb_ledger_close(ledger);
    return status;
}

const struct jb_verb jb_verb_statement = {
    .name = "statement",
    .summary = "what was consumed and what it is worth, by process, cgroup, host, account or label",
    .help = "usage: joulebook statement [--from TIME] [--to TIME] [--by WHAT] [OPTIONS]\n"
            "\n"
            "Adds up what was consumed in a period, with how it was obtained and its 95 % interval.\n"
            "The total is the same whatever it is grouped by. Stretches of which nothing is known\n"
            "are listed, and not counted as zero; so are services of clouds that were billed and whose\n"
            "energy is not known, with their share of the cost.\n"
            "\n"
            "With a setting (joulebook.ini) it values the energy: carbon by location, by market and\n"
            "matched by the hour, scope 2 and 3, embodied carbon, water and money, with intervals, with\n"
            "what they rest on, and with how much of the energy they cover. Without one it states what\n"
            "is booked.\n"
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
            "  --every PERIOD    hour, day or month (UTC): a row for each\n"
            "  --per UNIT        carbon per functional unit of the setting, as request: SCI (ISO/IEC 21031)\n"
            "  --basis DIGEST    value by the factors and the setting that an earlier statement used, as\n"
            "                    the book keeps them\n"
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
            "The setting is the file of --config, of $JOULEBOOK_CONFIG, joulebook.ini beside the book, or\n"
            "joulebook/joulebook.ini in the user's configuration folder.\n"
            "\n"
            "examples\n"
            "  joulebook statement --from 'last 24h'\n"
            "  joulebook statement --by cgroup --depth 2 --limit 10\n"
            "  joulebook statement --from 2026-07-01 --to 2026-08-01 --by label:team --csv\n"
            "  joulebook --config joulebook.ini statement --by label:team --per request --every month\n"
            "\n"
            "exit status: 0 done (also when nothing is booked in the period), 2 wrong usage,\n"
            "3 the book or the setting is wrong, or a unit's amount is 0, 4 could not\n",
    .run = run,
};
