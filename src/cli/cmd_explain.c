/* The verb `explain`. */
#include "cli/cli.h"

#include "base/decimal.h"
#include "ledger/explain.h"
#include "report/view.h"

enum { FROM, TO, FLOWS, COMMODITY, JSON, CSV };

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
    status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status < 0)
        status = parse_request(cli, options, &request);
    if (status < 0)
        status = jb_cli_open_book(cli, JB_STORE_READ, &ledger);
    if (status >= 0)
        return status;
    status = print_explanation(cli, ledger, form, &request);
    jb_ledger_close(ledger);
    return status;
}

const struct jb_verb jb_verb_explain = {
    .name = "explain",
    .summary = "take one account's figure apart, down to meter readings",
    .help = "usage: joulebook explain ACCOUNT [--from TIME] [--to TIME] [OPTIONS]\n"
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
            "options\n"
            "  --from TIME       from this time on: ISO 8601 in UTC, or such as 'last 24h'\n"
            "  --to TIME         up to, and without, this time\n"
            "  --flows N         also list the N largest flows, with their batches\n"
            "  --commodity NAME  energy, embodied, water, or a currency such as EUR; default energy\n"
            "                    when there is some\n"
            "  --json, --csv     for machines; --csv gives the routes alone\n"
            "\n"
            "A route further up than the first shares the amount out in proportion to what came in\n"
            "there in the period; its parts sum to it exactly.\n"
            "\n"
            "examples\n"
            "  joulebook explain nginx.service --from 'last 24h'\n"
            "  joulebook explain host/h1/idle\n"
            "  joulebook explain host/h1/cgroup/system.slice --flows 10\n"
            "\n"
            "exit status: 0 done, 2 wrong usage (also when several accounts fit), 3 the book is damaged\n"
            "or foreign, 4 could not (also when there is no such account)\n",
    .run = run,
};
