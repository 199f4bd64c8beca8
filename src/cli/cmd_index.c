/* The verb `index`: a table of what it does; each has a file of its own. */
#include "cli/index.h"

#include <string.h>

static const struct jb_index_command *const commands[] = {
    &jb_index_calibrate,
    &jb_index_tabulate,
};

static int run(struct jb_cli *cli) {
    struct jb_option none[] = {{NULL, false, NULL}};
    size_t operand_count;
    if (cli->argc < 2 || cli->argv[1][0] == '-') {
        int status = jb_cli_parse(cli, &jb_verb_index, none, NULL, 0, &operand_count, true);
        return status >= 0 ? status : jb_cli_usage(cli, "say what to do: tabulate PLAN or calibrate PLAN");
    }
    for (size_t i = 0; i < JB_COUNT(commands); i++) {
        if (strcmp(cli->argv[1], commands[i]->name) != 0)
            continue;
        struct jb_cli inner = *cli;
        inner.argc--, inner.argv++;
        inner.argv[0] = cli->argv[0]; /* messages begin with the verb */
        return commands[i]->run(&inner);
    }
    return jb_cli_usage(cli, "say what to do: tabulate PLAN or calibrate PLAN");
}

const struct jb_verb jb_verb_index = {
    .name = "index",
    .summary = "what a survey's answers say, with intervals that its design supports",
    .help =
        "usage: joulebook index tabulate PLAN [--question NAME] [--by GROUP] [OPTIONS]\n"
        "       joulebook index calibrate PLAN [--out FILE] [OPTIONS]\n"
        "\n"
        "tabulate shows the answers to a survey, question by question: shares, means, totals, ratios\n"
        "and quantiles, with standard errors and intervals from its strata, clusters and weights, or\n"
        "from replicate weights. Figures of fewer than 30 people, or of an effective n below 30, are\n"
        "not shown. calibrate makes weights under which the sample agrees with the population, and\n"
        "shows each target before and after; tabulate uses them where the plan has targets.\n"
        "\n"
        "options\n"
        "  --question NAME      only this question of the plan\n"
        "  --by GROUP           apart for each value of this group; several with commas are crossed\n"
        "  --where WHO          only who fulfils 'market = KR, JP and size >= 250' (columns or groups);\n"
        "                       the others still count in the variance\n"
        "  --pairs              every two groups compared: difference, interval, p; --csv has them alone\n"
        "  --out FILE           calibrate: the weights as CSV, all or nothing; - is standard output\n"
        "  --json, --csv        for machines: shares from 0 to 1, all digits\n"
        "\n"
        "PLAN says how the survey was drawn and what was asked (docs/SPEC-index.md has all of it):\n"
        "\n"
        "  [survey]\n"
        "  data = answers.csv       CSV with a heading, SPSS .sav or Stata .dta, beside the plan\n"
        "  weight = w               without it everybody counts the same\n"
        "  strata = market          a column a stage, with commas; and so for the next two\n"
        "  clusters = firm\n"
        "  population = firms       clusters in the stratum, or the fraction drawn\n"
        "  missing = 99             texts that are no answer; empty is none either\n"
        "  lonely = fail            a stratum of one PSU: fail, certainty, adjust, average\n"
        "  interval = xlogit        of shares: xlogit, beta, wilson, normal\n"
        "  confidence = 0.95\n"
        "  [question believe]\n"
        "  label = AI and cloud can serve sustainability\n"
        "  type = scale             single, multiple, scale, number, ratio\n"
        "  column = q1              columns = a, b for multiple; over = c for ratio\n"
        "  top = 4, 5               of a scale: the answers that are counted\n"
        "  chosen = 1               of multiple: what stands in a column that was chosen\n"
        "  show = top, mean, p25    of share, top, mean, total, median, percentiles\n"
        "  filter = users           who was asked\n"
        "  [group market]\n"
        "  column = market          columns = a, b are crossed\n"
        "  [filter users]\n"
        "  where = uses = 1 and size >= 250\n"
        "  [replicates]\n"
        "  type = JK1               JK1, JKn, BRR, Fay, bootstrap, subbootstrap, other\n"
        "  weights = rw1..rw80      without them they are made from strata and clusters\n"
        "  [calibration]\n"
        "  method = rake            rake, poststratify, linear, raking, logit\n"
        "  trim_high = 8            and trim_low: weights are cut there\n"
        "  [target market]\n"
        "  KR = 51780               how many the population has of each value; total = of a number\n"
        "\n"
        "With --by, a letter marks each group, and Above lists the groups that it is significantly\n"
        "above: false discoveries among all pairs are held to 1 - confidence (Benjamini, Hochberg).\n"
        "\n"
        "examples\n"
        "  joulebook index tabulate index.ini\n"
        "  joulebook index tabulate index.ini --question believe --by market --csv\n"
        "  joulebook index tabulate index.ini --by market,size --where 'market = KR, JP'\n"
        "  joulebook index calibrate index.ini --out weights.csv\n"
        "\n"
        "exit status: 0 done, 1 the calibration did not converge (nothing is written), 2 wrong usage,\n"
        "3 bad input (file, line and column are named), 4 could not\n",
    .run = run,
};
