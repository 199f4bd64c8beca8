/* `joulebook index trend`: how scores changed between waves. */
#include "cli/index_scoring.h"

#include "report/view_score.h"
#include "report/view_trend.h"
#include "survey/inference.h"

#include <math.h>
#include <string.h>

enum { BY, WAVE, WHERE, JSON, CSV };

#define PLANS_CEILING 16
#define WAVES_CEILING 64

/* Scores of all waves, however they came. */
struct waves {
    struct jb_index_survey surveys[PLANS_CEILING];
    struct jb_index_scoring made[PLANS_CEILING];
    size_t survey_count;
    const char *name[WAVES_CEILING]; /* of each wave */
    size_t wave_count;
    struct jb_classes of_wave; /* when one survey has all waves */
    const struct jb_plan_group *by;
    struct jb_trend_row *rows;
    size_t row_count;
};

static void finish_waves(struct waves *waves) {
    for (size_t i = 0; i < waves->survey_count; i++) {
        jb_index_scoring_finish(&waves->made[i]);
        jb_index_survey_finish(&waves->surveys[i]);
    }
    jb_classes_free(&waves->of_wave);
    free(waves->rows);
}

static size_t group_count(const struct waves *waves) {
    return waves->by ? waves->made[waves->survey_count - 1].classes.count : 1;
}

/* Where a group of the last wave stands in a wave; block SIZE_MAX: the wave does not have it. */
static struct jb_wave find_wave(const struct waves *waves, size_t wave, size_t group) {
    if (waves->survey_count == 1)
        return (struct jb_wave){&waves->made[0].scoring, group * waves->wave_count + wave};
    struct jb_wave found = {&waves->made[wave].scoring, waves->by ? SIZE_MAX : 0};
    const struct jb_classes *last = &waves->made[waves->survey_count - 1].classes,
                            *here = &waves->made[wave].classes;
    for (size_t i = 0; waves->by && i < here->count; i++) {
        if (strcmp(here->items[i].text, last->items[group].text) == 0)
            found.block = i;
    }
    return found;
}

/* Figures in the order that people read them. */
static size_t figure_at(const struct jb_scoring *scoring, size_t at) {
    const struct jb_index *index = scoring->index;
    if (at < 2)
        return jb_figure_of_index(scoring, at ? JB_GEOMETRIC : JB_ARITHMETIC);
    at -= 2;
    for (size_t p = 0; p < index->pillar_count; p++) {
        if (at-- == 0)
            return jb_figure_of_pillar(scoring, p);
        for (size_t i = 0; i < index->item_count; i++) {
            if (index->items[i].pillar == p && at-- == 0)
                return i;
        }
    }
    return 0;
}

static enum jb_code make_rows(struct waves *waves, double confidence, struct jb_error *error) {
    const struct jb_index_scoring *last = &waves->made[waves->survey_count - 1];
    size_t figures = last->scoring.figure_count, groups = group_count(waves);
    size_t ceiling = (waves->wave_count - 1) * groups * figures;
    waves->rows = calloc(ceiling, sizeof(*waves->rows));
    _cleanup_free_ double *p = calloc(ceiling, sizeof(*p));
    if (!waves->rows || !p)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu changes", ceiling);
    for (size_t wave = 1; wave < waves->wave_count; wave++) {
        for (size_t group = 0; group < groups; group++) {
            struct jb_wave earlier = find_wave(waves, wave - 1, group), later = find_wave(waves, wave, group);
            for (size_t at = 0; at < figures && earlier.block != SIZE_MAX && later.block != SIZE_MAX; at++) {
                struct jb_trend_row *row = &waves->rows[waves->row_count++];
                size_t figure = figure_at(&last->scoring, at);
                *row = (struct jb_trend_row){
                    .group = waves->by ? last->classes.items[group].text : NULL,
                    .group_label = waves->by ? last->classes.items[group].label : NULL,
                    .from = waves->name[wave - 1],
                    .to = waves->name[wave],
                    .figure = figure,
                    .change = jb_change_between(&earlier, &later, figure, confidence),
                };
            }
        }
    }
    if (waves->row_count == 0)
        return jb_error_set(error, JB_INPUT, "the waves have no group in common");
    for (size_t i = 0; i < waves->row_count; i++)
        p[i] = waves->rows[i].change.p;
    enum jb_code code = jb_adjust_discoveries(p, waves->row_count, error);
    for (size_t i = 0; i < waves->row_count; i++)
        waves->rows[i].p_adjusted = p[i];
    return code;
}

/* One survey: a block for each group and wave, so that their covariance is known. */
static enum jb_code score_one(struct waves *waves, const struct jb_plan_group *wave,
                              const struct jb_plan_filter *where, struct jb_error *error) {
    struct jb_index_survey *survey = &waves->surveys[0];
    struct jb_index_scoring *made = &waves->made[0];
    enum jb_code code = jb_classes_make(survey->answers, &wave->columns, error, &waves->of_wave);
    if (code)
        return code;
    waves->wave_count = waves->of_wave.count;
    if (waves->wave_count < 2 || waves->wave_count > WAVES_CEILING)
        return jb_error_set(error, JB_INPUT,
                            "%s: the group '%.60s' has %zu value%s; a trend takes 2 to %d waves",
                            jb_answers_name(survey->answers), wave->name, waves->wave_count,
                            waves->wave_count == 1 ? "" : "s", WAVES_CEILING);
    for (size_t i = 0; i < waves->wave_count; i++)
        waves->name[i] = waves->of_wave.items[i].label;
    code = jb_index_prepare_groups(survey, waves->by, where, error, made);
    for (size_t row = 0; row < jb_answers_count(survey->answers) && !code; row++) {
        uint32_t of_wave = waves->of_wave.of_row[row];
        if (made->block[row] != JB_CLASS_NONE)
            made->block[row] = of_wave == JB_CLASS_NONE
                                   ? JB_CLASS_NONE
                                   : made->block[row] * (uint32_t)waves->wave_count + of_wave;
    }
    return code ? code
                : jb_score(survey->design, &survey->plan->index, made->values, made->block,
                           group_count(waves) * waves->wave_count, error, &made->scoring);
}

static enum jb_code score_each(struct waves *waves, const char *by, const struct jb_plan_filter *const *where,
                               struct jb_error *error) {
    waves->wave_count = waves->survey_count;
    for (size_t i = 0; i < waves->survey_count; i++) {
        const struct jb_index_survey *survey = &waves->surveys[i];
        const struct jb_plan_group *group = by ? jb_plan_group(survey->plan, by) : NULL;
        waves->name[i] = survey->plan_path;
        enum jb_code code =
            i ? jb_index_check_same(&waves->surveys[i - 1].plan->index, &survey->plan->index, error) : JB_OK;
        if (code) {
            jb_error_prefix(error, "%s", survey->plan_path);
            return code;
        }
        code = jb_index_score_groups(survey, group, where[i], error, &waves->made[i]);
        if (code)
            return code;
    }
    return JB_OK;
}

static int print_trend(const struct jb_cli *cli, struct waves *waves, const char *by,
                       const struct jb_plan_group *wave, const struct jb_plan_filter *const *where,
                       enum jb_form form) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_layout layout = jb_layout_of_stdout();
    const struct jb_plan *plan = waves->surveys[waves->survey_count - 1].plan;
    enum jb_code code =
        wave ? score_one(waves, wave, where[0], &error) : score_each(waves, by, where, &error);
    if (!code)
        code = make_rows(waves, plan->confidence, &error);
    struct jb_trend_view view = {.plan = plan,
                                 .index = &plan->index,
                                 .by = waves->by,
                                 .is_independent = !wave,
                                 .rows = waves->rows,
                                 .row_count = waves->row_count};
    if (!code)
        code = jb_view_trend(form, &layout, &view, &error, &out);
    if (!code)
        code = jb_buffer_check(&out, &error);
    return code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [BY] = {"--by", true, NULL},      [WAVE] = {"--wave", true, NULL}, [WHERE] = {"--where", true, NULL},
        [JSON] = {"--json", false, NULL}, [CSV] = {"--csv", false, NULL},  {NULL, false, NULL},
    };
    const char *operands[PLANS_CEILING];
    const struct jb_plan_filter *where[PLANS_CEILING];
    const struct jb_plan_group *wave = NULL;
    size_t operand_count = 0;
    enum jb_form form;
    _cleanup_(finish_waves) struct waves waves = {0};
    int status =
        jb_cli_parse(cli, &jb_verb_index, options, operands, JB_COUNT(operands), &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status < 0 && operand_count == 0)
        status = jb_cli_usage(cli, "trend needs a PLAN and --wave GROUP, or the PLANs of several waves");
    if (status < 0 && operand_count == 1 && !options[WAVE].value)
        status = jb_cli_usage(cli, "trend needs two waves: --wave GROUP of this plan, or another PLAN");
    if (status < 0 && operand_count > 1 && options[WAVE].value)
        status = jb_cli_usage(cli, "--wave goes with one PLAN; several PLANs are a wave each");
    for (size_t i = 0; i < operand_count && status < 0; i++) {
        waves.survey_count = i + 1;
        status = jb_index_read_plan(cli, operands[i], &waves.surveys[i]);
        if (status < 0)
            status = jb_index_find_group(cli, waves.surveys[i].plan, "--by", options[BY].value, &waves.by);
        if (status < 0)
            status = jb_index_find_filter(cli, waves.surveys[i].plan, options[WHERE].value, &where[i]);
        if (status < 0 && options[WAVE].value)
            status = jb_index_find_group(cli, waves.surveys[i].plan, "--wave", options[WAVE].value, &wave);
        if (status < 0)
            status = jb_index_read_answers(cli, &waves.surveys[i]);
    }
    return status < 0 ? print_trend(cli, &waves, options[BY].value, wave, where, form) : status;
}

const struct jb_index_command jb_index_trend = {"trend", run};
