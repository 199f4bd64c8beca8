/* The verb `balance`. */
#include "cli/cli.h"

#include "cli/progress.h"
#include "report/view.h"

enum { FROM, TO, JSON, CSV };

static int print_balance(const struct jb_cli *cli, struct jb_ledger *ledger, enum jb_form form,
                         const struct jb_query *query) {
    struct jb_error error = {0};
    struct jb_balance balance = {0};
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    struct jb_view view = {
        .form = form, .layout = jb_layout_of_stdout(), .ledger = ledger, .query = *query, .out = &out};
    enum jb_code code = jb_ledger_balance(ledger, query, &error, &balance);
    if (code)
        return jb_cli_fail(cli, code, &error);
    code = jb_view_balance(&view, &balance, &error);
    int status = code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
    if (status == 0 && !jb_balance_is_good(&balance))
        status = 1;
    jb_balance_free(&balance);
    return status;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [FROM] = {"--from", true, NULL}, [TO] = {"--to", true, NULL}, [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},  {NULL, false, NULL},
    };
    struct jb_query query = {0};
    struct jb_ledger *ledger;
    enum jb_form form;
    size_t operand_count;
    int status = jb_cli_parse(cli, &jb_verb_balance, options, NULL, 0, &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status < 0)
        status = jb_cli_period(cli, options[FROM].value, options[TO].value, &query);
    if (status < 0)
        status = jb_cli_open_book(cli, JB_STORE_READ, &ledger);
    if (status >= 0)
        return status;
    progress_wait("reading the book");
    status = print_balance(cli, ledger, form, &query);
    jb_ledger_close(ledger);
    return status;
}

const struct jb_verb jb_verb_balance = {
    .name = "balance",
    .summary = "check that every account balances, exactly",
    .help = "usage: joulebook balance [--from TIME] [--to TIME] [--json | --csv]\n"
            "\n"
            "Checks that in every account which neither supplies nor consumes, what came in went out\n"
            "again, to the microjoule, in every stretch of time. Says what was supplied and consumed,\n"
            "what could not be attributed, and lists each account and stretch that does not balance.\n"
            "\n"
            "options\n"
            "  --from TIME    from this time on: ISO 8601 in UTC, or such as 'last 24h'\n"
            "  --to TIME      up to, and without, this time\n"
            "  --json, --csv  for machines\n"
            "\n"
            "examples\n"
            "  joulebook balance\n"
            "  joulebook balance --from 'last 1h' || echo 'call somebody'\n"
            "\n"
            "exit status: 0 it balances (also when nothing is booked), 1 it does not, 2 wrong usage,\n"
            "3 the book is damaged or foreign, 4 could not\n",
    .run = run,
};
