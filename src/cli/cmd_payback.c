/* The verb `payback`: whether what a project saves exceeds what it costs, and how surely. */
#include "cli/project_run.h"

#include "base/decimal.h"
#include "report/view_payback.h"

#include <string.h>

enum { DRAWS, SEED, THREADS, REQUIRE, JSON, CSV };

struct request {
    struct jb_payback_request run;
    double required[JB_WORTH_COUNT]; /* least probabilities; 0: none */
    enum jb_form form;
};

/* "carbon=0.9,money=0.5" */
static int parse_required(const struct jb_cli *cli, const char *text,
                          double required[static JB_WORTH_COUNT]) {
    char copy[128];
    if (!text)
        return -1;
    (void)snprintf(copy, sizeof copy, "%s", text);
    char *rest = copy, *part;
    while ((part = strsep(&rest, ","))) {
        int64_t millionths = 0;
        char *equals = strchr(part, '=');
        int worth = 0;
        if (equals)
            *equals++ = '\0';
        while (worth < JB_WORTH_COUNT && strcmp(part, jb_worth_name((enum jb_worth)worth)) != 0)
            worth++;
        if (worth == JB_WORTH_COUNT || !equals || jb_decimal_parse(equals, 1000000, NULL, &millionths) ||
            millionths <= 0 || millionths > 1000000)
            return jb_cli_usage(
                cli, "--require: '%.40s' is not such as carbon=0.9, with energy, carbon or money", text);
        required[worth] = (double)millionths / 1e6;
    }
    return -1;
}

static int parse_request(const struct jb_cli *cli, const struct jb_option *options,
                         struct request *ret_request) {
    struct request request = {.run = project_run_usual()};
    uint64_t draws = request.run.draw_count, threads = request.run.thread_count;
    int status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &request.form);
    if (status < 0)
        status = jb_cli_count(cli, "--draws", options[DRAWS].value, JB_PAYBACK_DRAWS_FLOOR,
                              JB_PAYBACK_DRAWS_CEILING, &draws);
    if (status < 0)
        status = jb_cli_count(cli, "--seed", options[SEED].value, 0, UINT64_MAX, &request.run.seed);
    if (status < 0)
        status = jb_cli_count(cli, "--threads", options[THREADS].value, 1, 64, &threads);
    if (status < 0)
        status = parse_required(cli, options[REQUIRE].value, request.required);
    request.run.draw_count = (uint32_t)draws;
    request.run.thread_count = (unsigned)threads;
    *ret_request = request;
    return status;
}

/* Whether every probability that was asked for is reached. */
static bool is_reached(const struct request *request, const struct jb_payback *payback) {
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        const struct jb_payback_worth *result = &payback->worths[worth];
        if (request->required[worth] > 0 &&
            !(result->is_known && result->probability >= request->required[worth]))
            return false;
    }
    return true;
}

static int pay_back(const struct jb_cli *cli, const char *path, const struct request *request) {
    struct jb_error error = {0};
    __attribute__((cleanup(project_run_free))) struct project_run run = {0};
    _cleanup_buffer_ struct jb_buffer out = {0};
    enum jb_code code = project_run_make(cli, path, &request->run, &error, &run);
    struct jb_layout layout = jb_layout_of_stdout();
    if (!code)
        code = jb_view_payback(request->form, &layout, &run.model, &run.payback, &error, &out);
    int status = code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
    return status == 0 && !is_reached(request, &run.payback) ? 1 : status;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [DRAWS] = {"--draws", true, NULL},
        [SEED] = {"--seed", true, NULL},
        [THREADS] = {"--threads", true, NULL},
        [REQUIRE] = {"--require", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    const char *operands[1];
    size_t operand_count = 0;
    struct request request;
    int status =
        jb_cli_parse(cli, &jb_verb_payback, options, operands, JB_COUNT(operands), &operand_count, false);
    if (status < 0)
        status = parse_request(cli, options, &request);
    if (status >= 0)
        return status;
    if (operand_count == 0)
        return jb_cli_usage(cli, "say which project: payback PROJECT.ini");
    return pay_back(cli, operands[0], &request);
}

const struct jb_verb jb_verb_payback = {
    .name = "payback",
    .summary = "whether a project saves more energy, carbon and money than it costs",
    .help = "usage: joulebook payback PROJECT [--require LIST] [OPTIONS]\n"
            "\n"
            "Weighs what a project costs over its life against what it saves, in energy, carbon and\n"
            "money, each for itself. Every figure may be a distribution; they are drawn 100,000 times.\n"
            "Says with which probability it pays back, from which day on, which three inputs matter\n"
            "most, and how far each of them would have to go for the answer to be another one.\n"
            "\n"
            "options\n"
            "  --require LIST       exit status 1 unless it pays back with at least that probability:\n"
            "                       carbon=0.9, or several with commas\n"
            "  --draws N            1,000 to 2,000,000; default 100,000\n"
            "  --seed N             of the draws; default 1. The same seed gives the same figures\n"
            "  --threads N          1 to 64; figures do not depend on it\n"
            "  --json, --csv        for machines; CSV has one row for each of energy, carbon, money\n"
            "\n"
            "PROJECT is an INI file; docs/SPEC-payback.md has every key:\n"
            "\n"
            "  [project]\n"
            "  name = Cooling control by a small model\n"
            "  start = 2026-01-01\n"
            "  life = 5 years\n"
            "  currency = EUR\n"
            "  region = KR                       grid intensity by the factor tables\n"
            "  electricity_price = 0.13 EUR/kWh\n"
            "  [input heat]                      what several figures share\n"
            "  value = normal(30, 3) MWh / day\n"
            "  [cost inference]\n"
            "  amount = uniform(60, 140) W       a power, or kWh / month, or once: 900 kWh\n"
            "  [benefit cooling saved]\n"
            "  amount = heat * triangular(2 %, 6 %, 12 %)\n"
            "  attribution = uniform(0.6, 0.9)   how much of it is due to the project\n"
            "  rebound = triangular(0, 5 %, 20 %)\n"
            "\n"
            "What is not said is not taken as zero: where a cost or saving has no carbon, say, nothing\n"
            "is said of carbon, until it has carbon = … or carbon = none.\n"
            "\n"
            "examples\n"
            "  joulebook payback cooling.ini\n"
            "  joulebook payback cooling.ini --require carbon=0.9,money=0.5\n"
            "  joulebook payback cooling.ini --seed 7 --json\n"
            "\n"
            "exit status: 0 done, 1 a probability that is required is not reached, 2 wrong usage,\n"
            "3 bad input (file, line and key are named), 4 could not\n",
    .run = run,
};
