/* The verb `explain`. */
#include "cli/cli.h"

#include "base/decimal.h"
#include "cli/grounds.h"
#include "cli/progress.h"
#include "ledger/explain.h"
#include "report/view.h"

#include <string.h>

enum { FROM, TO, FLOWS, COMMODITY, FIGURE, BY, PER, BASIS, JSON, CSV };

static int print_explanation(const struct jb_cli *cli, struct jb_ledger *ledger, enum jb_form form,
                             const struct jb_explain_request *request) {
    struct jb_error error = {0};
    struct jb_explanation explanation;
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    struct jb_view view = {.form = form,
                           .layout = jb_layout_of_stdout(),
                           .ledger = ledger,
                           .query = request->query,
                           .out = &out};
    enum jb_code code = jb_explain_make(ledger, request, &error, &explanation);
    if (code)
        return jb_cli_fail(cli, code, &error);
    code = jb_view_explanation(&view, &explanation, &error);
    int status = code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
    jb_explanation_free(&explanation);
    return status;
}

/* ---- figures of a valued statement ---- */

struct wish {
    struct jb_statement_request request;
    enum jb_value_column column;
    const char *of, *unit, *basis;
    bool is_row; /* `of` is the name of a row of --by, else an account or "total" */
};

/* Finds what is meant: a row of the statement, an account with all below it, or the total. */
static enum jb_code make_figure(struct jb_ledger *ledger, struct wish *wish, const struct grounds *grounds,
                                struct jb_error *error, char account[static JB_ACCOUNT_SIZE],
                                struct jb_valuation **ret_valuation, const struct jb_figure **ret_figure) {
    uint32_t group = JB_FIGURE_TOTAL;
    enum jb_code code = JB_OK;
    account[0] = '\0';
    if (!wish->is_row && strcmp(wish->of, "total") != 0) {
        code = jb_explain_resolve(ledger, wish->of, error, account);
        wish->of = account;
        wish->request.query.account = account;
    }
    struct jb_value_request request = {.statement = wish->request,
                                       .setting = grounds->setting,
                                       .factors = grounds->factors,
                                       .unit = wish->unit,
                                       .with_touch = true};
    if (!code)
        code = jb_value_make(ledger, &request, error, ret_valuation);
    if (code)
        return code;
    if (wish->is_row && strcmp(wish->of, "total") != 0) {
        group = jb_valuation_find_group(*ret_valuation, wish->of);
        if (group == JB_FIGURE_TOTAL)
            return jb_error_set(error, JB_NO_DATA,
                                "the statement has no row '%.200s'; `joulebook statement` lists them",
                                wish->of);
    }
    *ret_figure = jb_valuation_figure(*ret_valuation, group, wish->column);
    if (!*ret_figure)
        return jb_error_set(
            error, JB_NO_DATA,
            "nothing is known of %s here: the setting, the factors and the book say nothing of it",
            jb_column_info(wish->column)->name);
    return JB_OK;
}

static int explain_figure(const struct jb_cli *cli, struct jb_ledger *ledger, enum jb_form form,
                          struct wish *wish) {
    struct jb_error error = {0};
    _cleanup_(grounds_free) struct grounds grounds = {0};
    _cleanup_(jb_valuation_free_cleanup) struct jb_valuation *valuation = NULL;
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    struct jb_explanation energy = {0};
    const struct jb_figure *figure = NULL;
    char account[JB_ACCOUNT_SIZE];
    int status = grounds_load(cli, ledger, wish->basis, &grounds);
    if (status >= 0)
        return status;
    if (!grounds.setting)
        return jb_cli_usage(cli, "--figure needs a setting: joulebook.ini beside the book, or --config FILE");
    struct jb_query query = wish->request.query;
    enum jb_code code = make_figure(ledger, wish, &grounds, &error, account, &valuation, &figure);
    struct jb_explain_request request = {.query = query, .account = account};
    request.query.commodity = JB_ENERGY;
    if (!code && *account && form == JB_FORM_TEXT)
        code = jb_explain_make(ledger, &request, &error, &energy);
    struct jb_view view = {
        .form = form, .layout = jb_layout_of_stdout(), .ledger = ledger, .query = query, .out = &out};
    struct jb_figure_view figure_view = {.of = wish->of,
                                         .valuation = valuation,
                                         .figure = figure,
                                         .unit = wish->unit,
                                         .basis = &grounds.basis,
                                         .energy = *account ? &energy : NULL};
    if (!code)
        code = jb_view_figure(&view, &figure_view, &error);
    status = code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
    jb_explanation_free(&energy);
    return status;
}

static int parse_wish(const struct jb_cli *cli, const struct jb_option *options, const char *of,
                      struct wish *wish) {
    const char *by = options[BY].value, *name = options[FIGURE].value ? options[FIGURE].value : "carbon_sci";
    int status = jb_cli_period(cli, options[FROM].value, options[TO].value, &wish->request.query);
    if (status >= 0)
        return status;
    if (options[FLOWS].value || options[COMMODITY].value)
        return jb_cli_usage(cli,
                            "--flows and --commodity are of what is booked; leave them out with --figure");
    if (!jb_column_of_name(name, &wish->column))
        return jb_cli_usage(
            cli,
            "--figure: '%.60s' is none of carbon_location, carbon_market, carbon_hourly, "
            "scope2_location, scope2_market, scope3_location, scope3_market, carbon_embodied, "
            "carbon_sci, water_used, cost",
            name);
    wish->of = of;
    wish->unit = options[PER].value;
    wish->basis = options[BASIS].value;
    wish->is_row = by != NULL;
    return by ? jb_cli_group_by(cli, by, &wish->request) : -1;
}

/* ---- what is booked ---- */

static int parse_request(const struct jb_cli *cli, const struct jb_option *options,
                         struct jb_explain_request *request) {
    struct jb_error error = {0};
    uint64_t flows = 0;
    int status = jb_cli_period(cli, options[FROM].value, options[TO].value, &request->query);
    if (status >= 0)
        return status;
    if (options[FLOWS].value &&
        (jb_uint64_parse(options[FLOWS].value, NULL, &flows) || flows == 0 || flows > 100000))
        return jb_cli_usage(cli, "--flows: '%.60s' is no number from 1 to 100000", options[FLOWS].value);
    request->flows_wanted = (size_t)flows;
    if (options[COMMODITY].value &&
        jb_commodity_parse(options[COMMODITY].value, &error, &request->query.commodity))
        return jb_cli_usage(cli, "--commodity: %s", error.message);
    return -1;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [FROM] = {"--from", true, NULL},
        [TO] = {"--to", true, NULL},
        [FLOWS] = {"--flows", true, NULL},
        [COMMODITY] = {"--commodity", true, NULL},
        [FIGURE] = {"--figure", true, NULL},
        [BY] = {"--by", true, NULL},
        [PER] = {"--per", true, NULL},
        [BASIS] = {"--basis", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    struct jb_explain_request request = {0};
    struct jb_ledger *ledger;
    enum jb_form form;
    size_t operand_count;
    int status = jb_cli_parse(cli, &jb_verb_explain, options, &request.account, 1, &operand_count, false);
    if (status >= 0)
        return status;
    if (operand_count != 1 || !*request.account)
        return jb_cli_usage(cli, "no account is named");
    bool is_valued = options[FIGURE].value || options[PER].value;
    struct wish wish = {0};
    if (!is_valued && (options[BY].value || options[BASIS].value))
        return jb_cli_usage(cli, "--by and --basis go with --figure");
    status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status < 0)
        status = is_valued ? parse_wish(cli, options, request.account, &wish)
                           : parse_request(cli, options, &request);
    if (status < 0)
        status = jb_cli_open_book(cli, JB_STORE_READ, &ledger);
    if (status >= 0)
        return status;
    progress_wait("reading the book");
    status =
        is_valued ? explain_figure(cli, ledger, form, &wish) : print_explanation(cli, ledger, form, &request);
    jb_ledger_close(ledger);
    return status;
}

const struct jb_verb jb_verb_explain = {
    .name = "explain",
    .summary = "take a figure apart, down to meter readings, bills and cited factors",
    .help = "usage: joulebook explain ACCOUNT [--from TIME] [--to TIME] [OPTIONS]\n"
            "       joulebook explain ACCOUNT --figure NAME [--per UNIT] [OPTIONS]\n"
            "       joulebook explain ROW --by WHAT --figure NAME [--per UNIT] [OPTIONS]\n"
            "\n"
            "Says where an account's figure comes from: every route it came by, up to the supply, with\n"
            "amount, share, 95 % uncertainty, method and the rule by which it was split; the meters\n"
            "behind it and where they stood; the batches that hold it; the labels that it bears; and\n"
            "the stretches of which nothing is known.\n"
            "\n"
            "ACCOUNT is a path such as host/h1/cgroup/system.slice/nginx.service, with everything below\n"
            "it. A pattern (host/*/cgroup/nginx*) or a piece of a path (nginx.service) will do when only\n"
            "one account fits. `joulebook statement --by account` lists them.\n"
            "\n"
            "With --figure it takes apart what that is worth, as `statement` gives it: the formula and\n"
            "its standard; every input with its value, source and date; what of the figure goes with it,\n"
            "and what its error adds to the figure's; the accounts that it is made of; and their energy.\n"
            "ROW is a row of `statement --by WHAT`; total, all of them.\n"
            "\n"
            "options\n"
            "  --from TIME       from this time on: ISO 8601 in UTC, or such as 'last 24h'\n"
            "  --to TIME         up to, and without, this time\n"
            "  --figure NAME     carbon_location, carbon_market, carbon_hourly, scope2_location,\n"
            "                    scope2_market, scope3_location, scope3_market, carbon_embodied,\n"
            "                    carbon_sci (default with --per), water_used or cost\n"
            "  --by WHAT         process, cgroup, host, account or label:KEY: explain a row of these\n"
            "  --per UNIT        and SCI per functional unit of the setting (ISO/IEC 21031)\n"
            "  --basis DIGEST    by the factors and the setting that the book keeps under this digest\n"
            "  --flows N         also list the N largest flows, with their batches\n"
            "  --commodity NAME  energy, embodied, water, or a currency such as EUR; default energy\n"
            "                    when there is some\n"
            "  --json, --csv     for machines; --csv gives the routes (with --figure the inputs) alone\n"
            "\n"
            "A route further up than the first shares the amount out in proportion to what came in\n"
            "there in the period; its parts sum to it exactly.\n"
            "\n"
            "examples\n"
            "  joulebook explain nginx.service --from 'last 24h'\n"
            "  joulebook explain host/h1/idle\n"
            "  joulebook explain host/h1/cgroup/system.slice --flows 10\n"
            "  joulebook --config joulebook.ini explain search --by label:team --figure carbon_market\n"
            "\n"
            "exit status: 0 done, 2 wrong usage (also when several accounts fit), 3 the book is damaged\n"
            "or foreign, 4 could not (also when there is no such account)\n",
    .run = run,
};
