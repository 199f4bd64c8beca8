/* `joulebook index report`: one page with plots and tables; or its figures for machines. */
#include "cli/index_scoring.h"
#include "cli/index_tables.h"

#include "cli/progress.h"
#include "report/output.h"
#include "report/page_index.h"
#include "report/view_report.h"
enum { BY, WHERE, LANG, TITLE, OUT, DRAWS, SEED, CONCENTRATION, JSON, CSV };

struct request {
    const struct jb_cli *cli;
    const struct jb_plan_group *by;
    const struct jb_plan_filter *where;
    const struct jb_page_text *text;
    const char *title, *output;
    struct jb_compare_options options;
    enum jb_form form;
};

static enum jb_code put_out(const struct request *request, struct jb_buffer *out, struct jb_error *error) {
    struct jb_output output;
    progress_end(); /* it may be the terminal */
    enum jb_code code = jb_output_open(request->output, error, &output);
    if (code)
        return code;
    code = jb_output_write(&output, out, error);
    if (!code)
        code = jb_output_commit(&output, error);
    jb_output_close(&output);
    return code;
}

static int report(const struct jb_index_survey *survey, const struct request *request) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer out = {0};
    _cleanup_(jb_index_scoring_finish) struct jb_index_scoring everybody = {0}, groups = {0};
    _cleanup_(jb_index_tables_finish) struct jb_index_tables of_everybody = {0}, of_groups = {0};
    struct jb_comparison comparison = {0};
    enum jb_code code = jb_index_score_groups(survey, NULL, request->where, &error, &everybody);
    if (!code)
        code = jb_index_score_groups(survey, request->by, request->where, &error, &groups);
    if (!code && (code = jb_compare(&groups.scoring, &request->options, &error, &comparison)) == JB_INPUT)
        jb_error_prefix(&error, "%s", jb_answers_name(survey->answers));
    if (!code)
        code = jb_index_tables_make(survey, NULL, NULL, request->where, &error, &of_everybody);
    if (!code)
        code = jb_index_tables_make(survey, NULL, request->by, request->where, &error, &of_groups);
    struct jb_index_page page = {.text = request->text,
                                 .title = request->title,
                                 .plan = survey->plan,
                                 .by = request->by,
                                 .classes = &groups.classes,
                                 .everybody = &everybody.scoring,
                                 .scoring = &groups.scoring,
                                 .options = &request->options,
                                 .comparison = &comparison,
                                 .of_everybody = of_everybody.items,
                                 .of_groups = of_groups.items,
                                 .question_count = of_groups.count,
                                 .respondents = code ? 0 : everybody.scoring.items.row_count[0]};
    if (!code)
        code = request->form == JB_FORM_TEXT ? jb_page_index_write(&page, &error, &out)
                                             : jb_view_report(request->form, &page, &error, &out);
    if (!code)
        code = jb_buffer_check(&out, &error);
    if (!code)
        code = put_out(request, &out, &error);
    jb_comparison_free(&comparison);
    return code ? jb_cli_fail(request->cli, code, &error) : 0;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [BY] = {"--by", true, NULL},
        [WHERE] = {"--where", true, NULL},
        [LANG] = {"--lang", true, NULL},
        [TITLE] = {"--title", true, NULL},
        [OUT] = {"--out", true, NULL},
        [DRAWS] = {"--draws", true, NULL},
        [SEED] = {"--seed", true, NULL},
        [CONCENTRATION] = {"--concentration", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    const char *operands[1];
    size_t operand_count = 0;
    struct request request = {.cli = cli};
    _cleanup_(jb_index_survey_finish) struct jb_index_survey survey = {0};
    int status =
        jb_cli_parse(cli, &jb_verb_index, options, operands, JB_COUNT(operands), &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &request.form);
    if (status < 0)
        status = jb_index_draw_options(cli, &options[DRAWS], &options[SEED], &options[CONCENTRATION],
                                       &request.options);
    if (status < 0 && operand_count == 0)
        status = jb_cli_usage(cli, "report needs the PLAN of a survey, such as index.ini");
    if (status >= 0)
        return status;
    request.text = jb_page_text_find(options[LANG].value ? options[LANG].value : "en");
    request.title = options[TITLE].value, request.output = options[OUT].value;
    if (!request.text)
        return jb_cli_usage(cli, "--lang: '%.20s' is none of en, ko", options[LANG].value);
    status = jb_index_read_plan(cli, operands[0], &survey);
    if (status < 0)
        status = jb_index_find_group(cli, survey.plan, "--by", options[BY].value, &request.by);
    if (status < 0 && !request.by && survey.plan->group_count == 0)
        status = jb_cli_usage(cli, "report compares groups, and the plan has no [group NAME]");
    if (status < 0)
        status = jb_index_find_filter(cli, survey.plan, options[WHERE].value, &request.where);
    if (status < 0)
        status = jb_index_read_answers(cli, &survey);
    if (status >= 0)
        return status;
    request.by = request.by ? request.by : &survey.plan->groups[0];
    request.options.confidence = survey.plan->confidence;
    return report(&survey, &request);
}

const struct jb_index_command jb_index_report = {"report", run};
