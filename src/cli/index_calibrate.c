/* `joulebook index calibrate`: weights that agree with the population, and how they came about. */
#include "cli/index.h"

#include "base/csv.h"
#include "cli/progress.h"
#include "report/output.h"
#include "report/view_calibrate.h"

#include <string.h>

enum { OUT, JSON, CSV };

#define CHUNK ((size_t)1 << 20)

/* The weights, a row a respondent, with their id where the plan has one. */
static enum jb_code write_weights(const struct jb_index_survey *survey, const double *weight,
                                  const char *path, struct jb_error *error) {
    const struct jb_answer_column *id =
        survey->plan->id ? jb_answers_column(survey->answers, survey->plan->id) : NULL;
    _cleanup_(jb_output_close) struct jb_output output = {.descriptor = -1};
    _cleanup_buffer_ struct jb_buffer text = {0};
    progress_end(); /* it may be the terminal */
    enum jb_code code = jb_output_open(path, error, &output);
    jb_csv_add(&text, id ? id->name : "row");
    jb_buffer_add_string(&text, ",weight\n");
    for (size_t row = 0; row < jb_answers_count(survey->answers) && !code; row++) {
        if (id)
            jb_csv_add(&text, id->values[jb_answer_code(id, row)].text);
        else
            jb_buffer_printf(&text, "%zu", row + 1);
        jb_buffer_printf(&text, ",%.17g\n", weight[row]);
        if (text.length >= CHUNK)
            code = jb_output_write(&output, &text, error);
    }
    if (!code)
        code = jb_buffer_check(&text, error);
    if (!code)
        code = jb_output_write(&output, &text, error);
    return code ? code : jb_output_commit(&output, error);
}

static int calibrate(const struct jb_cli *cli, const struct jb_index_survey *survey, const char *path,
                     enum jb_form form) {
    struct jb_error error = {0};
    _cleanup_(jb_targets_free_cleanup) struct jb_targets *targets = NULL;
    _cleanup_(jb_calibrated_free) struct jb_calibrated calibrated = {0};
    _cleanup_free_ double *before = NULL;
    _cleanup_free_ struct jb_margin *margins = NULL;
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_calibration_report report = {
        .plan = survey->plan, .calibrated = &calibrated, .row_count = jb_answers_count(survey->answers)};
    struct jb_layout layout = jb_layout_of_stdout();
    enum jb_code code = jb_survey_weights(survey->plan, survey->answers, &error, &before);
    if (!code)
        code = jb_targets_make(survey->plan, survey->answers, &error, &targets);
    if (!code)
        code = jb_calibrate(targets, before, &error, &calibrated);
    if (!code)
        code = jb_targets_compare(targets, before, calibrated.weight, &error, &margins, &report.margin_count);
    report.before = before, report.margins = margins;
    if (!code)
        code = jb_view_calibration(form, &layout, &report, &error, &out);
    if (!code && path && calibrated.is_converged)
        code = write_weights(survey, calibrated.weight, path, &error);
    if (code)
        return jb_cli_fail(cli, code, &error);
    bool is_piped =
        path && strcmp(path, "-") == 0 && calibrated.is_converged; /* the weights are what is printed */
    int status = is_piped ? 0 : jb_cli_print(cli, &out);
    return status ? status : !calibrated.is_converged;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [OUT] = {"--out", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    const char *operands[1];
    size_t operand_count = 0;
    enum jb_form form = JB_FORM_TEXT;
    _cleanup_(jb_index_survey_finish) struct jb_index_survey survey = {0};
    int status =
        jb_cli_parse(cli, &jb_verb_index, options, operands, JB_COUNT(operands), &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status < 0 && operand_count == 0)
        status = jb_cli_usage(cli, "calibrate needs the PLAN of a survey, such as index.ini");
    if (status < 0)
        status = jb_index_read_plan(cli, operands[0], &survey);
    if (status < 0 && !survey.plan->calibration.line)
        status = jb_cli_usage(cli, "%s has no section [calibration]", operands[0]);
    if (status < 0)
        status = jb_index_read_rows(cli, &survey);
    return status < 0 ? calibrate(cli, &survey, options[OUT].value, form) : status;
}

const struct jb_index_command jb_index_calibrate = {"calibrate", run};
