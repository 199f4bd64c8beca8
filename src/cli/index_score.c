/* `joulebook index score`: the index, its pillars and items, with their design variance. */
#include "cli/index_scoring.h"

#include "report/view_score.h"

enum { BY, WHERE, JSON, CSV };

static int score(const struct jb_cli *cli, const struct jb_index_survey *survey,
                 const struct jb_plan_group *by, const struct jb_plan_filter *where, enum jb_form form) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer out = {0};
    _cleanup_(jb_index_scoring_finish) struct jb_index_scoring made = {0};
    struct jb_layout layout = jb_layout_of_stdout();
    enum jb_code code = jb_index_score_groups(survey, by, where, &error, &made);
    if (!code)
        code = jb_view_scores(form, &layout, survey->plan, by, by ? &made.classes : NULL, &made.scoring,
                              &error, &out);
    if (!code)
        code = jb_buffer_check(&out, &error);
    return code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [BY] = {"--by", true, NULL},
        [WHERE] = {"--where", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    const char *operands[1];
    size_t operand_count = 0;
    enum jb_form form;
    const struct jb_plan_group *by;
    const struct jb_plan_filter *where;
    _cleanup_(jb_index_survey_finish) struct jb_index_survey survey = {0};
    int status =
        jb_cli_parse(cli, &jb_verb_index, options, operands, JB_COUNT(operands), &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status < 0 && operand_count == 0)
        status = jb_cli_usage(cli, "score needs the PLAN of a survey, such as index.ini");
    if (status < 0)
        status = jb_index_read_plan(cli, operands[0], &survey);
    if (status < 0)
        status = jb_index_find_group(cli, survey.plan, "--by", options[BY].value, &by);
    if (status < 0)
        status = jb_index_find_filter(cli, survey.plan, options[WHERE].value, &where);
    if (status < 0)
        status = jb_index_read_answers(cli, &survey);
    return status < 0 ? score(cli, &survey, by, where, form) : status;
}

const struct jb_index_command jb_index_score = {"score", run};
