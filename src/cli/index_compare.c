/* `joulebook index compare`: how far an order of groups can be trusted. */
#include "cli/index_scoring.h"

#include "report/view_compare.h"
#include "survey/number.h"

#include <math.h>
#include <string.h>

enum { BY, WHERE, DRAWS, SEED, CONCENTRATION, TABLE, JSON, CSV };

struct request {
    const struct jb_plan_group *by;
    const struct jb_plan_filter *where;
    struct jb_compare_options options;
    enum jb_compare_table table;
    enum jb_form form;
};

static int compare(const struct jb_cli *cli, const struct jb_index_survey *survey, struct request *request) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer out = {0};
    _cleanup_(jb_index_scoring_finish) struct jb_index_scoring made = {0};
    struct jb_comparison comparison = {0};
    struct jb_layout layout = jb_layout_of_stdout();
    enum jb_code code = jb_index_score_groups(survey, request->by, request->where, &error, &made);
    request->options.confidence = survey->plan->confidence;
    if (!code && (code = jb_compare(&made.scoring, &request->options, &error, &comparison)) == JB_INPUT)
        jb_error_prefix(&error, "%s", jb_answers_name(survey->answers));
    struct jb_compare_view view = {.plan = survey->plan,
                                   .by = request->by,
                                   .classes = &made.classes,
                                   .scoring = &made.scoring,
                                   .options = &request->options,
                                   .comparison = &comparison};
    if (!code)
        code = jb_view_comparison(request->form, &layout, request->table, &view, &error, &out);
    if (!code)
        code = jb_buffer_check(&out, &error);
    jb_comparison_free(&comparison);
    return code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
}

/* A whole number from low to high; −1 to go on. */
static int read_whole(const struct jb_cli *cli, const struct jb_option *option, double low, double high,
                      uint64_t *ret_value) {
    double value;
    if (!option->value)
        return -1;
    if (!jb_number_parse(option->value, &value) || value < low || value > high || value != floor(value))
        return jb_cli_usage(cli, "%s: '%.40s' is no whole number from %.0f to %.0f", option->name,
                            option->value, low, high);
    *ret_value = (uint64_t)value;
    return -1;
}

static int read_options(const struct jb_cli *cli, const struct jb_option *options, struct request *request) {
    static const char *const tables[] = {"groups", "pairs", "sources"};
    uint64_t draws = JB_COMPARE_DRAWS;
    request->options = (struct jb_compare_options){.seed = 1, .concentration = 4, .separation = 0.95};
    int status =
        read_whole(cli, &options[DRAWS], (double)JB_COMPARE_DRAWS, (double)JB_COMPARE_DRAWS_MOST, &draws);
    if (status < 0)
        status = read_whole(cli, &options[SEED], 0, 0x1p53 - 1, &request->options.seed);
    if (status >= 0)
        return status;
    request->options.draws = (size_t)draws;
    const char *concentration = options[CONCENTRATION].value, *table = options[TABLE].value;
    if (concentration && (!jb_number_parse(concentration, &request->options.concentration) ||
                          request->options.concentration < 0.01 || request->options.concentration > 1e6))
        return jb_cli_usage(cli, "--concentration: '%.40s' is no number from 0.01 to 1000000", concentration);
    if (!table)
        return -1;
    if (request->form != JB_FORM_CSV)
        return jb_cli_usage(cli, "--table goes with --csv; the other forms have all tables");
    for (size_t i = 0; i < JB_COUNT(tables); i++) {
        request->table = (enum jb_compare_table)i;
        if (strcmp(table, tables[i]) == 0)
            return -1;
    }
    return jb_cli_usage(cli, "--table: '%.40s' is none of groups, pairs, sources", table);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [BY] = {"--by", true, NULL},
        [WHERE] = {"--where", true, NULL},
        [DRAWS] = {"--draws", true, NULL},
        [SEED] = {"--seed", true, NULL},
        [TABLE] = {"--table", true, NULL},
        [CONCENTRATION] = {"--concentration", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    const char *operands[1];
    size_t operand_count = 0;
    struct request request = {0};
    _cleanup_(jb_index_survey_finish) struct jb_index_survey survey = {0};
    int status =
        jb_cli_parse(cli, &jb_verb_index, options, operands, JB_COUNT(operands), &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &request.form);
    if (status < 0)
        status = read_options(cli, options, &request);
    if (status < 0 && operand_count == 0)
        status = jb_cli_usage(cli, "compare needs the PLAN of a survey, such as index.ini");
    if (status < 0 && !options[BY].value)
        status = jb_cli_usage(cli, "compare needs the groups that are compared: --by GROUP");
    if (status < 0)
        status = jb_index_read_plan(cli, operands[0], &survey);
    if (status < 0)
        status = jb_index_find_group(cli, survey.plan, "--by", options[BY].value, &request.by);
    if (status < 0)
        status = jb_index_find_filter(cli, survey.plan, options[WHERE].value, &request.where);
    if (status < 0)
        status = jb_index_read_answers(cli, &survey);
    return status < 0 ? compare(cli, &survey, &request) : status;
}

const struct jb_index_command jb_index_compare = {"compare", run};
