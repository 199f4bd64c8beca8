/* From a survey to scores by groups. */
#include "cli/index_scoring.h"

#include "base/number.h"
#include "survey/index_values.h"

#include <math.h>
#include <string.h>

int jb_index_find_group(const struct jb_cli *cli, struct jb_plan *plan, const char *option, const char *names,
                        const struct jb_plan_group **ret_group) {
    struct jb_error error = {0};
    *ret_group = NULL;
    if (names && strcmp(option, "--by") == 0)
        return jb_plan_add_group(plan, names, &error, ret_group) ? jb_cli_usage(cli, "%s", error.message)
                                                                 : -1;
    if (names && !(*ret_group = jb_plan_group(plan, names)))
        return jb_cli_usage(cli, "%s: the plan has no [group %.60s]", option, names);
    return -1;
}

int jb_index_find_filter(const struct jb_cli *cli, struct jb_plan *plan, const char *where,
                         const struct jb_plan_filter **ret_filter) {
    struct jb_error error = {0};
    *ret_filter = NULL;
    if (where && jb_plan_add_filter(plan, where, &error, ret_filter))
        return jb_cli_usage(cli, "%s", error.message);
    return -1;
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

int jb_index_draw_options(const struct jb_cli *cli, const struct jb_option *draws,
                          const struct jb_option *seed, const struct jb_option *concentration,
                          struct jb_compare_options *ret_options) {
    struct jb_compare_options options = {.seed = 1, .concentration = 4, .separation = 0.95};
    uint64_t count = JB_COMPARE_DRAWS;
    int status = read_whole(cli, draws, (double)JB_COMPARE_DRAWS, (double)JB_COMPARE_DRAWS_MOST, &count);
    if (status < 0)
        status = read_whole(cli, seed, 0, 0x1p53 - 1, &options.seed);
    if (status >= 0)
        return status;
    options.draws = (size_t)count;
    if (concentration->value && (!jb_number_parse(concentration->value, &options.concentration) ||
                                 options.concentration < 0.01 || options.concentration > 1e6))
        return jb_cli_usage(cli, "%s: '%.40s' is no number from 0.01 to 1000000", concentration->name,
                            concentration->value);
    *ret_options = options;
    return -1;
}

static enum jb_code make_blocks(const struct jb_index_survey *survey, const struct jb_plan_filter *where,
                                struct jb_error *error, struct jb_index_scoring *made) {
    size_t rows = jb_answers_count(survey->answers), left = 0;
    _cleanup_free_ bool *keep = malloc(rows * sizeof(*keep));
    made->block = malloc(rows * sizeof(*made->block));
    if (!keep || !made->block)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    memset(keep, true, rows);
    enum jb_code code =
        made->by ? jb_classes_make(survey->answers, &made->by->columns, error, &made->classes) : JB_OK;
    if (!code && where)
        code = jb_filter_apply(survey->answers, where, error, keep);
    if (code)
        return code;
    for (size_t row = 0; row < rows; row++) {
        made->block[row] = !keep[row] ? JB_CLASS_NONE : made->by ? made->classes.of_row[row] : 0;
        left += made->block[row] != JB_CLASS_NONE;
    }
    if (left == 0)
        return jb_error_set(error, JB_USAGE, "%s: no row is left by the filter and the group",
                            jb_answers_name(survey->answers));
    return JB_OK;
}

enum jb_code jb_index_prepare_groups(const struct jb_index_survey *survey, const struct jb_plan_group *by,
                                     const struct jb_plan_filter *where, struct jb_error *error,
                                     struct jb_index_scoring *ret_scoring) {
    struct jb_index_scoring made = {.by = by};
    enum jb_code code = jb_index_values(survey->plan, survey->answers, error, &made.values);
    if (code == JB_INPUT && survey->plan->index.item_count == 0)
        jb_error_prefix(error, "%s", survey->plan_path);
    if (!code)
        code = make_blocks(survey, where, error, &made);
    if (code)
        jb_index_scoring_finish(&made);
    else
        *ret_scoring = made;
    return code;
}

enum jb_code jb_index_score_groups(const struct jb_index_survey *survey, const struct jb_plan_group *by,
                                   const struct jb_plan_filter *where, struct jb_error *error,
                                   struct jb_index_scoring *ret_scoring) {
    struct jb_index_scoring made;
    enum jb_code code = jb_index_prepare_groups(survey, by, where, error, &made);
    if (code)
        return code;
    code = jb_score(survey->design, &survey->plan->index, made.values, made.block,
                    by ? made.classes.count : 1, error, &made.scoring);
    if (code)
        jb_index_scoring_finish(&made);
    else
        *ret_scoring = made;
    return code;
}

void jb_index_scoring_finish(struct jb_index_scoring *scoring) {
    jb_scoring_free(&scoring->scoring);
    jb_classes_free(&scoring->classes);
    free(scoring->values);
    free(scoring->block);
    *scoring = (struct jb_index_scoring){0};
}
