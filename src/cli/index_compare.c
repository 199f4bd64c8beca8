/* `joulebook index compare`: how far an order of groups can be trusted. */
#include "cli/index_scoring.h"

#include "report/view_compare.h"

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

static int read_options(const struct jb_cli *cli, const struct jb_option *options, struct request *request) {
    static const char *const tables[] = {"groups", "pairs", "sources"};
    const char *table = options[TABLE].value;
    int status = jb_index_draw_options(cli, &options[DRAWS], &options[SEED], &options[CONCENTRATION],
                                       &request->options);
    if (status >= 0 || !table)
        return status;
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
