/* The verb `index`: a table of what it does; each has a file of its own. */
#include "cli/index.h"

#include "cli/progress.h"

#include <string.h>

static const struct jb_index_command *const commands[] = {
    &jb_index_tabulate, &jb_index_calibrate, &jb_index_score,  &jb_index_compare,
    &jb_index_trend,    &jb_index_stand,     &jb_index_report,
};

static int run(struct jb_cli *cli) {
    struct jb_option none[] = {{NULL, false, NULL}};
    size_t operand_count;
    if (cli->argc < 2 || cli->argv[1][0] == '-') {
        int status = jb_cli_parse(cli, &jb_verb_index, none, NULL, 0, &operand_count, true);
        return status >= 0
                   ? status
                   : jb_cli_usage(
                         cli, "say what to do: tabulate, calibrate, score, compare, trend, stand or report");
    }
    for (size_t i = 0; i < JB_COUNT(commands); i++) {
        if (strcmp(cli->argv[1], commands[i]->name) != 0)
            continue;
        struct jb_cli inner = *cli;
        inner.argc--, inner.argv++;
        inner.argv[0] = cli->argv[0]; /* messages begin with the verb */
        progress_wait("working on the survey");
        return commands[i]->run(&inner);
    }
    return jb_cli_usage(cli, "say what to do: tabulate, calibrate, score, compare, trend, stand or report");
}

const struct jb_verb jb_verb_index = {
    .name = "index",
    .summary = "what a survey's answers say, with intervals that its design supports",
    .brief =
        "usage: joulebook index COMMAND PLAN [OPTIONS]\n"
        "\n"
        "What a survey says, with standard errors and intervals from its strata, clusters and weights.\n"
        "PLAN is an INI file that says how it was drawn and what was asked.\n"
        "\n"
        "  joulebook index tabulate plan.ini --by market    questions: shares, means, quantiles\n"
        "  joulebook index score plan.ini --by market       the index from 0 to 100, and its pillars\n"
        "  joulebook index stand answers.csv                our answers against the market's, and the book\n"
        "  joulebook index report plan.ini --out page.html  all of it as one page\n"
        "\n"
        "commands\n"
        "  tabulate   question by question       compare  how far an order of groups can be trusted\n"
        "  calibrate  weights to population      trend    between waves\n"
        "  score      the index                  stand    where an organisation stands\n"
        "  report     the page\n"
        "\n"
        "options\n"
        "  --by GROUP         apart for each value of this group\n"
        "  --where WHO        only who fulfils 'market = KR, JP and size >= 250'\n"
        "  --question NAME    only this question\n"
        "  --out FILE         calibrate, report: where to\n"
        "  --json, --csv      for machines\n"
        "\n"
        "`joulebook help index` says all of it: every option, and how a plan is written.\n",
    .help =
        "usage: joulebook index tabulate PLAN [--question NAME] [--by GROUP] [OPTIONS]\n"
        "       joulebook index calibrate PLAN [--out FILE] [OPTIONS]\n"
        "       joulebook index score PLAN [--by GROUP] [--where WHO] [--json | --csv]\n"
        "       joulebook index compare PLAN --by GROUP [--draws N] [--seed N] [OPTIONS]\n"
        "       joulebook index trend PLAN --wave GROUP [--by GROUP] [--where WHO] [--json | --csv]\n"
        "       joulebook index trend EARLIER-PLAN LATER-PLAN... [--by GROUP] [OPTIONS]\n"
        "       joulebook index stand ANSWERS [--plan PLAN] [--market VALUE] [--project PROJECT] [OPTIONS]\n"
        "       joulebook index report PLAN [--by GROUP] [--lang en|ko] [--out FILE] [OPTIONS]\n"
        "\n"
        "What a survey says, with standard errors and intervals from its strata, clusters and weights,\n"
        "or from replicate weights. Figures of fewer than 30 people, or of an effective n below 30, are\n"
        "not shown.\n"
        "\n"
        "  tabulate PLAN   question by question: shares, means, totals, ratios and quantiles\n"
        "  calibrate PLAN  weights under which the sample agrees with the population, and each target\n"
        "                  before and after; all others use them where the plan has targets\n"
        "  score PLAN      the index from 0 to 100, by both means, its pillars and items\n"
        "  compare PLAN    how far an order of groups can be trusted: tiers, intervals of places, and\n"
        "                  what moves them, over draws of sampling error, weights of pillars,\n"
        "                  aggregation, the sign of contested pillars, and items left out\n"
        "  trend           how scores changed: between waves that one survey holds, with their\n"
        "                  covariance (of a panel, let whom it asks again be its clusters), or between\n"
        "                  plans, a wave each, drawn independently\n"
        "  stand ANSWERS   an organisation's own answers, a CSV with a column a question and a row a\n"
        "                  respondent, scored the same way: the gap to its market, its percentile,\n"
        "                  and beside each fear what is measured of it: energy of AI from the book,\n"
        "                  PUE and carbon-free share of its sites (with the setting, as kpi has them),\n"
        "                  what a project pays back. Without --plan it is held against the published\n"
        "                  figures of the index of 2024\n"
        "  report PLAN     all of it as one HTML page with plots and tables that needs nothing else;\n"
        "                  --json and --csv give its figures\n"
        "\n"
        "options\n"
        "  --question NAME      only this question of the plan\n"
        "  --by GROUP           apart for each value of this group; several with commas are crossed\n"
        "  --where WHO          only who fulfils 'market = KR, JP and size >= 250' (columns or groups);\n"
        "                       the others still count in the variance\n"
        "  --pairs              of tabulate: every two groups compared: difference, interval, p; --csv\n"
        "                       has them alone\n"
        "  --out FILE           of calibrate, the weights as CSV, of report, the page: written there all or\n"
        "                       nothing; - is standard output\n"
        "  --lang LANGUAGE      of report: en or ko; the plan's [text ko] translates its own words\n"
        "  --title TEXT         of report: its heading\n"
        "  --plan PLAN          of stand: the survey that we are held against\n"
        "  --market VALUE       of stand: our market; default what our answers say in its column\n"
        "  --project PROJECT    of stand: a project of AI, as payback takes it\n"
        "  --from TIME          of stand: from when on the book is looked at; --to TIME: until when\n"
        "  --wave GROUP         of trend: the group whose values are the waves\n"
        "  --draws N            of compare, report: 10000 (the default and the least) to 1000000\n"
        "  --seed N             of compare, report: the same seed, the same draws; default 1\n"
        "  --concentration C    of compare, report: how close drawn weights keep to the plan's; default 4,\n"
        "                       with 1 they may be nearly anything\n"
        "  --table NAME         of compare --csv: groups (the default), pairs or sources\n"
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
        "  note = A pilot           printed with every result\n"
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
        "  [pillar capability]      of the index; without any, those of the index of 2024 are taken\n"
        "  label = Capability       when the plan has their questions\n"
        "  weight = 1               beside those of the other pillars\n"
        "  contested = no           yes: whether more of it is better is in doubt\n"
        "  [item lag]\n"
        "  pillar = capability\n"
        "  question = lag           without it the item's own name\n"
        "  answer = yes             of single questions; columns of multiple ones\n"
        "  direction = down         less of it is better; else up\n"
        "  weight = 1               beside those of the other items of its pillar\n"
        "  measured = energy        what stand looks for in the book beside it: energy or balance\n"
        "  low = 1                  low and high: the mean of a scale or number between them counts,\n"
        "  high = 5                 0 and 100 at the ends, not the share of the top answers\n"
        "  [text ko]                translations of labels and answers: TEXT = TRANSLATION\n"
        "  Capability = 역량\n"
        "\n"
        "With --by, a letter marks each group, and Above lists the groups that it is significantly\n"
        "above: false discoveries among all pairs are held to 1 - confidence (Benjamini, Hochberg).\n"
        "\n"
        "examples\n"
        "  joulebook index tabulate index.ini\n"
        "  joulebook index tabulate index.ini --question believe --by market --csv\n"
        "  joulebook index tabulate index.ini --by market,size --where 'market = KR, JP'\n"
        "  joulebook index calibrate index.ini --out weights.csv\n"
        "  joulebook index score index.ini --by market\n"
        "  joulebook index trend 2024.ini 2026.ini --by market\n"
        "  joulebook index stand our-answers.csv --market Germany\n"
        "  joulebook index stand our-answers.csv --project cooling.ini --from 2026-01-01\n"
        "  joulebook index report index.ini --lang ko --out index.html\n"
        "  joulebook index compare index.ini --by market --draws 100000 --seed 7\n"
        "\n"
        "exit status: 0 done, 1 the calibration did not converge (nothing is written), 2 wrong usage,\n"
        "3 bad input (file, line and column are named), 4 could not\n",
    .run = run,
};
