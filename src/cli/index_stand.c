/* `joulebook index stand`: an organisation's own answers beside its market, and what it measures beside what
 * it fears. */
#include "cli/index_measured.h"
#include "cli/index_scoring.h"

#include "survey/index_values.h"
#include "survey/published.h"
#include "survey/stand.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { PLAN, BY, MARKET, PROJECT, FROM, TO, JSON, CSV };

struct stand {
    const struct jb_cli *cli;
    const char *answers_path, *market;
    const struct jb_plan_group *by;
    struct jb_index_survey survey;   /* that we are held against, or whose questions were published */
    struct jb_wanted_column *wanted; /* of our answers: those of the plan, all optional */
    struct jb_answers *own;
    double *own_values, own_figures[JB_INDEX_ITEMS + JB_INDEX_PILLARS + 2];
    struct jb_published *published; /* NULL: held against the survey */
    struct jb_stand_line lines[JB_INDEX_ITEMS + JB_INDEX_PILLARS + 2];
    struct jb_percentile percentile;
    struct jb_measured measured[JB_MEASURED_COUNT];
};

static void finish_stand(struct stand *stand) {
    jb_published_free(stand->published);
    free(stand->own_values);
    jb_answers_free(stand->own);
    free(stand->wanted);
    jb_index_survey_finish(&stand->survey);
}

static enum jb_code read_own(struct stand *stand, struct jb_error *error) {
    size_t count;
    enum jb_code code = jb_plan_wanted(stand->survey.plan, error, &stand->wanted, &count);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++)
        stand->wanted[i].is_optional = true;
    _cleanup_fclose_ FILE *file = fopen(stand->answers_path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", stand->answers_path);
    return jb_answers_read(stand->wanted, count, file, stand->answers_path, error, &stand->own);
}

/* An answer that nobody in the survey gave is a slip ("Yes" for "yes"), not a no. */
static enum jb_code check_column(const struct stand *stand, const char *name, bool *ret_has_any,
                                 struct jb_error *error) {
    const struct jb_answer_column *own = jb_answers_column(stand->own, name);
    const struct jb_answer_column *theirs = jb_answers_column(stand->survey.answers, name);
    for (size_t row = 0; own && row < jb_answers_count(stand->own); row++) {
        uint32_t code = jb_answer_code(own, row);
        char known[160] = "";
        bool is_known = false;
        if (code == JB_ANSWERS_NO_VALUE || own->values[code].is_missing)
            continue;
        *ret_has_any = true;
        for (uint32_t i = 0; i < theirs->value_count && !is_known; i++) {
            size_t used = strlen(known);
            is_known =
                !theirs->values[i].is_missing && strcmp(theirs->values[i].text, own->values[code].text) == 0;
            if (!theirs->values[i].is_missing)
                (void)snprintf(known + used, sizeof(known) - used, "%s%.30s", used ? ", " : "",
                               theirs->values[i].text);
        }
        if (!is_known)
            return jb_answers_wrong(stand->own, row, name, error,
                                    "'%.60s' is no answer that the survey knows; it has %s",
                                    own->values[code].text, known);
    }
    return JB_OK;
}

static enum jb_code check_own(const struct stand *stand, struct jb_error *error) {
    const struct jb_plan *plan = stand->survey.plan;
    bool has_any = false;
    for (size_t i = 0; i < plan->index.item_count; i++) {
        const struct jb_question *question = jb_plan_question(plan, plan->index.items[i].question);
        bool is_number = question->type == JB_QUESTION_NUMBER;
        for (size_t k = 0; k < question->columns.count; k++) {
            const struct jb_answer_column *own = jb_answers_column(stand->own, question->columns.items[k]);
            has_any = has_any || (own && is_number);
            enum jb_code code =
                is_number ? JB_OK : check_column(stand, question->columns.items[k], &has_any, error);
            if (code)
                return code;
        }
    }
    if (!has_any)
        return jb_error_set(error, JB_INPUT,
                            "%s: it has no answer to a question of the index; columns are named as in the "
                            "plan's data, such as '%.60s'",
                            stand->answers_path,
                            jb_plan_question(plan, plan->index.items[0].question)->columns.items[0]);
    return JB_OK;
}

/* The market that all of our rows name, when none was asked for. */
static void take_market(struct stand *stand) {
    const struct jb_answer_column *column = stand->by && stand->by->columns.count == 1
                                                ? jb_answers_column(stand->own, stand->by->columns.items[0])
                                                : NULL;
    if (stand->market || !column)
        return;
    uint32_t first = jb_answer_code(column, 0);
    for (size_t row = 0; row < jb_answers_count(stand->own); row++) {
        if (jb_answer_code(column, row) != first)
            return;
    }
    if (first != JB_ANSWERS_NO_VALUE && !column->values[first].is_missing)
        stand->market = column->values[first].text;
}

static enum jb_code read_published(struct stand *stand, struct jb_error *error) {
    char figures_path[PATH_MAX], places_path[PATH_MAX];
    const char *folder = jb_cli_data_path(stand->cli);
    if (snprintf(figures_path, sizeof(figures_path), "%s/index-2024/published.csv", folder) >= PATH_MAX ||
        snprintf(places_path, sizeof(places_path), "%s/index-2024/places.csv", folder) >= PATH_MAX)
        return jb_error_set(error, JB_INPUT, "%s: the path is too long", folder);
    _cleanup_fclose_ FILE *figures = fopen(figures_path, "re");
    if (!figures)
        return jb_error_set_errno(error, errno, "%s", figures_path);
    _cleanup_fclose_ FILE *places = fopen(places_path, "re");
    if (!places)
        return jb_error_set_errno(error, errno, "%s", places_path);
    return jb_published_read(figures, figures_path, places, places_path, error, &stand->published);
}

static enum jb_code stand_against_published(struct stand *stand, struct jb_error *error) {
    const struct jb_plan *plan = stand->survey.plan;
    stand->percentile = (struct jb_percentile){NAN, NAN, NAN, 0};
    if (stand->market && !jb_published_has_place(stand->published, stand->market))
        return jb_error_set(error, JB_USAGE,
                            "--market: no figure is published of '%.60s'; places are those of %s",
                            stand->market, "data/index-2024/places.csv, such as South Korea");
    jb_stand_against_published(stand->published, &plan->index, stand->market ? stand->market : "",
                               stand->own_figures, plan->confidence, stand->lines);
    return JB_OK;
}

static enum jb_code stand_against_survey(struct stand *stand, struct jb_error *error) {
    const struct jb_index_survey *survey = &stand->survey;
    const struct jb_plan *plan = survey->plan;
    struct jb_index_scoring made;
    size_t block = 0;
    enum jb_code code = jb_index_score_groups(survey, stand->market ? stand->by : NULL, NULL, error, &made);
    if (code)
        return code;
    while (stand->market && block < made.classes.count &&
           strcmp(made.classes.items[block].text, stand->market) != 0)
        block++;
    if (stand->market && block == made.classes.count)
        code = jb_error_set(error, JB_USAGE, "--market: nobody in %s has '%.60s' as %s",
                            jb_answers_name(survey->answers), stand->market, stand->by->name);
    if (!code) {
        jb_stand_against_scoring(&made.scoring, block, stand->own_figures, plan->confidence, stand->lines);
        double ours = stand->own_figures[jb_figure_of_index(&made.scoring, JB_ARITHMETIC)];
        code = jb_stand_percentile(survey->design, &plan->index, made.values, made.block, (uint32_t)block,
                                   ours, plan->interval, plan->confidence, error, &stand->percentile);
    }
    jb_index_scoring_finish(&made);
    return code;
}

/* A book that is named has to be there; without a name, none need be. */
static int measure(struct stand *stand, const struct jb_measured_request *request) {
    struct jb_error error = {0};
    struct jb_ledger *ledger = NULL;
    enum jb_code code = jb_ledger_open(stand->cli->book, JB_STORE_READ, &error, &ledger);
    if (code && (stand->cli->book || code != JB_NO_DATA))
        return jb_cli_fail(stand->cli, code, &error);
    int status = jb_index_measure(stand->cli, ledger, request, stand->measured);
    jb_ledger_close(ledger);
    return status;
}

static int print_stand(struct stand *stand, const struct jb_measured_request *request, enum jb_form form) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_layout layout = jb_layout_of_stdout();
    const struct jb_plan *plan = stand->survey.plan;
    enum jb_code code = read_own(stand, &error);
    if (!code && plan->index.item_count)
        code = check_own(stand, &error);
    if (!code)
        code = jb_index_values(plan, stand->own, &error, &stand->own_values);
    if (code)
        return jb_cli_fail(stand->cli, code, &error);
    jb_stand_own(&plan->index, stand->own_values, jb_answers_count(stand->own), stand->own_figures);
    take_market(stand);
    code = stand->published ? stand_against_published(stand, &error) : stand_against_survey(stand, &error);
    if (code)
        return jb_cli_fail(stand->cli, code, &error);
    int status = measure(stand, request);
    if (status >= 0)
        return status;
    struct jb_stand_view view = {.plan = plan,
                                 .answers_name = stand->answers_path,
                                 .answer_count = jb_answers_count(stand->own),
                                 .is_published = stand->published != NULL,
                                 .place = stand->market,
                                 .lines = stand->lines,
                                 .percentile = &stand->percentile,
                                 .measured = stand->measured,
                                 .measured_count = JB_MEASURED_COUNT};
    code = jb_view_stand(form, &layout, &view, &error, &out);
    if (!code)
        code = jb_buffer_check(&out, &error);
    return code ? jb_cli_fail(stand->cli, code, &error) : jb_cli_print(stand->cli, &out);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [PLAN] = {"--plan", true, NULL},
        [BY] = {"--by", true, NULL},
        [MARKET] = {"--market", true, NULL},
        [PROJECT] = {"--project", true, NULL},
        [FROM] = {"--from", true, NULL},
        [TO] = {"--to", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    char shipped[PATH_MAX];
    const char *operands[1];
    size_t operand_count = 0;
    enum jb_form form;
    struct jb_measured_request request = {0};
    struct jb_error error = {0};
    _cleanup_(finish_stand) struct stand stand = {.cli = cli};
    int status =
        jb_cli_parse(cli, &jb_verb_index, options, operands, JB_COUNT(operands), &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status < 0 && operand_count == 0)
        status =
            jb_cli_usage(cli, "stand needs the ANSWERS of your organisation, a CSV with a column a question");
    if (status < 0)
        status = jb_cli_period(cli, options[FROM].value, options[TO].value, &request.query);
    if (status >= 0)
        return status;
    stand.answers_path = operands[0];
    stand.market = options[MARKET].value;
    request.project = options[PROJECT].value;
    (void)snprintf(shipped, sizeof(shipped), "%s/index-2024/index.ini", jb_cli_data_path(cli));
    status = jb_index_read_plan(cli, options[PLAN].value ? options[PLAN].value : shipped, &stand.survey);
    if (status < 0)
        status = jb_index_find_group(cli, stand.survey.plan, "--by", options[BY].value, &stand.by);
    if (status < 0 && !stand.by)
        stand.by = jb_plan_group(stand.survey.plan, "market");
    if (status < 0 && stand.market && !stand.by)
        status = jb_cli_usage(cli, "--market: the plan has no [group market]; name its group with --by");
    if (status < 0)
        status = jb_index_read_answers(cli, &stand.survey);
    if (status < 0 && !options[PLAN].value && read_published(&stand, &error))
        status = jb_cli_fail(cli, error.code, &error);
    return status < 0 ? print_stand(&stand, &request, form) : status;
}

const struct jb_index_command jb_index_stand = {"stand", run};
