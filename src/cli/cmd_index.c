/* The verb `index`. */
#include "cli/cli.h"

#include "report/view_index.h"

#include <errno.h>
#include <string.h>

enum { QUESTION, BY, WHERE, JSON, CSV };

#define PLAN_CEILING ((size_t)4 << 20)

static enum jb_code read_plan(const char *path, struct jb_error *error, struct jb_plan **ret_plan) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = PLAN_CEILING + 1};
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    for (;;) {
        char chunk[8192];
        size_t got = fread(chunk, 1, sizeof(chunk), file);
        jb_buffer_add(&text, chunk, got);
        if (got < sizeof(chunk))
            break;
    }
    if (ferror(file))
        return jb_error_set_errno(error, errno, "%s", path);
    if (text.failed || (text.bytes && strlen(text.bytes) != text.length))
        return jb_error_set(error, JB_INPUT, "%s: this is no settings file (longer than 4 MiB, or not text)",
                            path);
    return jb_plan_parse(text.bytes ? text.bytes : "", path, error, ret_plan);
}

/* The data's path is relative to the folder of the plan. */
static enum jb_code read_answers(const struct jb_plan *plan, const char *plan_path, struct jb_error *error,
                                 struct jb_wanted_column **ret_wanted, struct jb_answers **ret_answers) {
    char path[4096];
    size_t wanted_count;
    enum jb_code code = jb_plan_wanted(plan, error, ret_wanted, &wanted_count);
    if (code)
        return code;
    const char *slash = strrchr(plan_path, '/');
    int folder = slash && plan->data[0] != '/' ? (int)(slash + 1 - plan_path) : 0;
    int length = snprintf(path, sizeof(path), "%.*s%s", folder, plan_path, plan->data);
    if (length < 0 || (size_t)length >= sizeof(path))
        return jb_error_set(error, JB_INPUT, "%s: the path of the data is too long", plan_path);
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    return jb_answers_read(*ret_wanted, wanted_count, file, path, error, ret_answers);
}

/* What --question, --by and --where name in the plan. */
struct request {
    const struct jb_question *question; /* NULL: all */
    const struct jb_plan_group *by;
    const struct jb_plan_filter *where;
};

static int find_names(const struct jb_cli *cli, const struct jb_option *options, struct jb_plan *plan,
                      struct request *ret_request) {
    struct request request = {0};
    struct jb_error error = {0};
    const char *question = options[QUESTION].value, *by = options[BY].value, *where = options[WHERE].value;
    if (where && jb_plan_add_filter(plan, where, &error, &request.where))
        return jb_cli_usage(cli, "%s", error.message);
    if (question && !(request.question = jb_plan_question(plan, question)))
        return jb_cli_usage(cli, "--question: the plan has no [question %.60s]", question);
    if (by && !(request.by = jb_plan_group(plan, by)))
        return jb_cli_usage(cli, "--by: the plan has no [group %.60s]", by);
    *ret_request = request;
    return -1;
}

static int tabulate(const struct jb_cli *cli, const struct jb_plan *plan, const struct jb_answers *answers,
                    const struct request *request, enum jb_form form) {
    struct jb_error error = {0};
    _cleanup_(jb_survey_design_free_cleanup) struct jb_design *design = NULL;
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    _cleanup_free_ struct jb_tabulation *made = calloc(plan->question_count, sizeof(*made));
    size_t count = 0;
    if (!made)
        return jb_cli_fail(cli, JB_MEMORY, &error);
    enum jb_code code = jb_survey_design(plan, answers, &error, &design);
    for (size_t i = 0; i < plan->question_count && !code; i++) {
        if (request->question && request->question != &plan->questions[i])
            continue;
        code = jb_tabulate(answers, plan, design, &plan->questions[i], request->by, request->where, &error,
                           &made[count]);
        count += code == JB_OK;
    }
    struct jb_layout layout = jb_layout_of_stdout();
    if (!code)
        code = jb_view_tabulations(form, &layout, plan, made, count, &error, &out);
    int status = code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
    for (size_t i = 0; i < count; i++)
        jb_tabulation_free(&made[i]);
    return status;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [QUESTION] = {"--question", true, NULL}, [BY] = {"--by", true, NULL},
        [WHERE] = {"--where", true, NULL},       [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},          {NULL, false, NULL},
    };
    const char *operands[2];
    size_t operand_count = 0;
    enum jb_form form;
    struct jb_error error = {0};
    struct request request = {0};
    _cleanup_(jb_plan_free_cleanup) struct jb_plan *plan = NULL;
    _cleanup_free_ struct jb_wanted_column *wanted = NULL;
    _cleanup_(jb_answers_free_cleanup) struct jb_answers *answers = NULL;
    int status =
        jb_cli_parse(cli, &jb_verb_index, options, operands, JB_COUNT(operands), &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status >= 0)
        return status;
    if (operand_count == 0 || strcmp(operands[0], "tabulate") != 0)
        return jb_cli_usage(cli, "say what to do: tabulate PLAN");
    if (operand_count < 2)
        return jb_cli_usage(cli, "tabulate needs the PLAN of a survey, such as index.ini");
    enum jb_code code = read_plan(operands[1], &error, &plan);
    if (code)
        return jb_cli_fail(cli, code, &error);
    status = find_names(cli, options, plan, &request);
    if (status >= 0)
        return status;
    code = read_answers(plan, operands[1], &error, &wanted, &answers);
    return code ? jb_cli_fail(cli, code, &error) : tabulate(cli, plan, answers, &request, form);
}

const struct jb_verb jb_verb_index = {
    .name = "index",
    .summary = "what a survey's answers say, with intervals that its design supports",
    .help = "usage: joulebook index tabulate PLAN [--question NAME] [--by GROUP] [OPTIONS]\n"
            "\n"
            "Tabulates the answers to a survey, question by question: shares, means and medians with\n"
            "standard errors and intervals from its strata, clusters and weights. Figures of fewer than\n"
            "30 people, or of an effective n below 30, are not shown.\n"
            "\n"
            "options\n"
            "  --question NAME      only this question of the plan\n"
            "  --by GROUP           apart for each value of this group of the plan\n"
            "  --where WHO          only who has this: GROUP=VALUE; the others count in the variance\n"
            "  --json, --csv        for machines: shares from 0 to 1, all digits\n"
            "\n"
            "PLAN says how the survey was drawn and what was asked; # begins a comment:\n"
            "\n"
            "  [survey]\n"
            "  data = answers.csv       CSV with a heading, beside the plan\n"
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
            "  type = scale             single, multiple, scale, number\n"
            "  column = q1              columns = a, b for multiple\n"
            "  top = 4, 5               of a scale: the answers that are counted\n"
            "  chosen = 1               of multiple: what stands in a column that was chosen\n"
            "  [group market]\n"
            "  column = market\n"
            "\n"
            "With --by, a letter marks each group, and Above lists the groups that it is significantly\n"
            "above: false discoveries among all pairs are held to 1 - confidence (Benjamini, Hochberg).\n"
            "\n"
            "examples\n"
            "  joulebook index tabulate index.ini\n"
            "  joulebook index tabulate index.ini --question believe --by market --csv\n"
            "  joulebook index tabulate index.ini --by size --where market=KR\n"
            "\n"
            "exit status: 0 done, 2 wrong usage, 3 bad input (file, line and column are named),\n"
            "4 could not\n",
    .run = run,
};
