/* `joulebook index tabulate`: figures of each question, by groups. */
#include "cli/index_tables.h"

#include "report/view_index.h"

#include <string.h>

enum { QUESTION, BY, WHERE, PAIRS, JSON, CSV };

/* What --question, --by and --where name in the plan. */
struct request {
    const struct jb_question *question; /* NULL: all */
    const struct jb_plan_group *by;
    const struct jb_plan_filter *where;
    enum jb_form form;
    bool has_pairs;
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
    if (by && jb_plan_add_group(plan, by, &error, &request.by))
        return jb_cli_usage(cli, "%s", error.message);
    request.has_pairs = options[PAIRS].value != NULL;
    if (request.has_pairs && !by)
        return jb_cli_usage(cli, "--pairs compares groups; say which by --by GROUP");
    *ret_request = request;
    return -1;
}

static int tabulate(const struct jb_cli *cli, const struct jb_index_survey *survey,
                    const struct request *request) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    _cleanup_(jb_index_tables_finish) struct jb_index_tables tables = {0};
    struct jb_layout layout = jb_layout_of_stdout();
    enum jb_code code =
        jb_index_tables_make(survey, request->question, request->by, request->where, &error, &tables);
    if (!code)
        code = jb_view_tabulations(request->form, &layout, survey->plan, tables.items, tables.count,
                                   request->has_pairs, &error, &out);
    return code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [QUESTION] = {"--question", true, NULL},
        [BY] = {"--by", true, NULL},
        [WHERE] = {"--where", true, NULL},
        [PAIRS] = {"--pairs", false, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    const char *operands[1];
    size_t operand_count = 0;
    enum jb_form form = JB_FORM_TEXT;
    struct request request = {0};
    _cleanup_(jb_index_survey_finish) struct jb_index_survey survey = {0};
    int status =
        jb_cli_parse(cli, &jb_verb_index, options, operands, JB_COUNT(operands), &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status < 0 && operand_count == 0)
        status = jb_cli_usage(cli, "tabulate needs the PLAN of a survey, such as index.ini");
    if (status < 0)
        status = jb_index_read_plan(cli, operands[0], &survey);
    if (status < 0)
        status = find_names(cli, options, survey.plan, &request);
    if (status < 0)
        status = jb_index_read_answers(cli, &survey);
    request.form = form;
    return status < 0 ? tabulate(cli, &survey, &request) : status;
}

const struct jb_index_command jb_index_tabulate = {"tabulate", run};
