/* The verb `check`. */
#include "cli/cli.h"
#include "cli/grounds.h"

#include "base/clock.h"
#include "base/time.h"
#include "decide/claim.h"
#include "report/view_check.h"

#include <stdlib.h>

enum { AT, JSON, CSV };

struct request {
    const char *path;
    enum jb_form form;
    int64_t now_ns;
};

static const struct jb_setting no_setting = {.file = "joulebook.ini"};

/* The book, when there is one: claims of others are checked without, too. Returns -1 to go on. */
static int open_book(const struct jb_cli *cli, struct jb_ledger **ret_ledger) {
    struct jb_error error = {0};
    enum jb_code code = jb_ledger_open(cli->book, JB_STORE_READ, &error, ret_ledger);
    if (code == JB_NO_DATA && !cli->book && !getenv("JOULEBOOK_BOOK"))
        *ret_ledger = NULL;
    else if (code)
        return jb_cli_fail(cli, code, &error);
    return -1;
}

static enum jb_code read_claims(const struct request *request, struct jb_error *error,
                                struct jb_claims **ret_claims) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = (size_t)16 << 20};
    enum jb_code code = jb_factor_file_read(request->path, &text, error);
    if (code)
        return code == JB_NO_DATA ? JB_IO : code;
    return jb_claims_parse(text.bytes ? text.bytes : "", text.length, request->path, error, ret_claims);
}

static int check(const struct jb_cli *cli, const struct request *request, struct jb_ledger *ledger,
                 const struct jb_setting *setting, const struct jb_factors *factors,
                 const struct jb_claims *claims) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    struct jb_check_item *items = calloc(claims->count, sizeof *items);
    enum jb_code code =
        items ? JB_OK : jb_error_set(&error, JB_MEMORY, "no memory for %zu claims", claims->count);
    bool is_contradicted = false;
    for (size_t i = 0; !code && i < claims->count; i++) {
        items[i].claim = &claims->items[i];
        code = jb_claim_look(ledger, setting, factors, items[i].claim, request->path, request->now_ns, &error,
                             &items[i].evidence);
        if (!code)
            items[i].result = jb_claim_judge(items[i].claim, &items[i].evidence, request->now_ns);
        is_contradicted = is_contradicted || items[i].result.verdict == JB_CLAIM_CONTRADICTED;
    }
    struct jb_check_view view = {.form = request->form, .items = items, .count = claims->count, .out = &out};
    if (!code)
        code = jb_view_checks(&view, &error);
    int status = code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
    for (size_t i = 0; items && i < claims->count; i++)
        jb_claim_evidence_free(&items[i].evidence);
    free(items);
    return status == 0 && is_contradicted ? 1 : status;
}

static int run_request(const struct jb_cli *cli, const struct request *request) {
    struct jb_error error = {0};
    struct grounds grounds = {0};
    struct jb_ledger *ledger = NULL;
    _cleanup_(jb_claims_free_cleanup) struct jb_claims *claims = NULL;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    enum jb_code code = read_claims(request, &error, &claims);
    if (code)
        return jb_cli_fail(cli, code, &error);
    int status = open_book(cli, &ledger);
    if (status < 0 && ledger)
        status = grounds_load(cli, ledger, NULL, &grounds);
    if (status < 0 && !grounds.factors)
        status = jb_cli_load_factors(cli, &factors);
    if (status < 0)
        status = check(cli, request, ledger, grounds.setting ? grounds.setting : &no_setting,
                       grounds.factors ? grounds.factors : factors, claims);
    grounds_free(&grounds);
    jb_ledger_close(ledger);
    return status;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [AT] = {"--at", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    struct request request = {0};
    struct jb_error error = {0};
    size_t operand_count;
    int status = jb_cli_parse(cli, &jb_verb_check, options, &request.path, 1, &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &request.form);
    if (status >= 0)
        return status;
    if (operand_count == 0)
        return jb_cli_usage(cli, "name a file of claims");
    request.now_ns = jb_clock_system.realtime_ns(&jb_clock_system);
    if (options[AT].value && jb_time_parse(options[AT].value, &error, &request.now_ns))
        return jb_cli_usage(cli, "--at: %s", error.message);
    return run_request(cli, &request);
}

const struct jb_verb jb_verb_check = {
    .name = "check",
    .summary = "hold claims of PUE, clean electricity and the like against evidence",
    .help =
        "usage: joulebook check CLAIMS.ini [--at TIME] [--json | --csv]\n"
        "\n"
        "Holds claims such as 'average PUE 1.200 in FY2024', '56 % clean electricity' or '100 % by\n"
        "2030' against what meters, contracts and factors say, and gives a verdict for each:\n"
        "\n"
        "  supported     the figure keeps the claim, and its 95 % interval does not reach past it by\n"
        "                more than the materiality (5 % unless the claim says otherwise)\n"
        "  contradicted  the whole interval breaks it, or its date has passed and it was not reached\n"
        "  not shown     no meter of yours covers it, too little is known, or the interval does not\n"
        "                tell. A claim that only its maker's own word backs is not shown.\n"
        "\n"
        "Claims of clean or renewable electricity show both what was bought by volume over the\n"
        "period and what of it was used in the hour of generation, and how much rests on contracts\n"
        "from other hours or from grids that do not reach the site. Goals show the change a year so\n"
        "far and the one that is needed.\n"
        "\n"
        "CLAIMS.ini has a section for each claim:\n"
        "\n"
        "  [claim pue-2024]\n"
        "  kind = pue               pue, wue, cue, clean, renewable or reuse\n"
        "  value = 1.200            as it was claimed: its digits say how it was rounded\n"
        "  from = 2023-04-01        and until, the day after the last; or year = 2024; or, of a\n"
        "  until = 2024-04-01       goal, by = 2030\n"
        "  basis = annual           of clean and renewable: annual (by volume) or hourly\n"
        "  site = seoul1            whose meters are the evidence; default those of its provider, else all\n"
        "  provider = alibaba       whose sites it is about (and region); what it declares itself is\n"
        "                           shown beside, and is no evidence\n"
        "  materiality = 5 %\n"
        "  says = average PUE 1.200 in FY2024\n"
        "  source = ESG report 2024\n"
        "\n"
        "options\n"
        "  --at TIME      what is past and what is still to come: as of then; default now\n"
        "  --json, --csv  for machines\n"
        "\n"
        "examples\n"
        "  joulebook check claims.ini\n"
        "  joulebook check data/claims/alibaba-cloud.ini\n"
        "\n"
        "exit status: 0 no claim is contradicted, 1 one is, 2 wrong usage, 3 the claims or the setting\n"
        "are wrong, 4 could not\n",
    .run = run,
};
