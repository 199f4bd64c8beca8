/* The design of a plan: columns turned into strata, clusters, populations and weights. */
#include "survey/survey_design.h"

#include <string.h>

struct owned_design {
    struct jb_design design; /* first: what callers hold */
    double *weight, *population[JB_DESIGN_STAGES];
    uint32_t *stratum[JB_DESIGN_STAGES], *cluster[JB_DESIGN_STAGES];
    double *replicate_weight, *replicate_scale;
};

void jb_survey_design_free(struct jb_design *design) {
    struct owned_design *owned = (struct owned_design *)design;
    if (!owned)
        return;
    jb_design_finish(&owned->design);
    free(owned->weight);
    free(owned->replicate_weight);
    free(owned->replicate_scale);
    for (size_t i = 0; i < JB_DESIGN_STAGES; i++) {
        free(owned->population[i]);
        free(owned->stratum[i]);
        free(owned->cluster[i]);
    }
    free(owned);
}

/* Numbers of a column, none missing or negative. */
static enum jb_code take_numbers(const struct jb_answers *answers, const char *name, const char *use,
                                 struct jb_error *error, double **ret_numbers) {
    const struct jb_answer_column *column = jb_answers_column(answers, name);
    size_t rows = jb_answers_count(answers);
    _cleanup_free_ double *numbers = malloc(rows * sizeof(*numbers));
    if (!numbers)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    for (size_t row = 0; row < rows; row++) {
        numbers[row] = jb_answer_number(column, row);
        if (!(numbers[row] >= 0)) {
            uint32_t code = jb_answer_code(column, row);
            char text[64];
            if (code == JB_ANSWERS_NO_VALUE)
                (void)snprintf(text, sizeof(text), "%.15g", numbers[row]);
            return jb_answers_wrong(answers, row, name, error,
                                    "'%.60s' cannot be a %s; it has to be a number of 0 or more",
                                    code == JB_ANSWERS_NO_VALUE ? text : column->values[code].text, use);
        }
    }
    *ret_numbers = JB_TAKE(numbers);
    return JB_OK;
}

/* Codes of a column of the design, where nobody may be missing. */
static enum jb_code take_codes(const struct jb_answers *answers, const char *name, const char *use,
                               struct jb_error *error, uint32_t **ret_codes) {
    const struct jb_answer_column *column = jb_answers_column(answers, name);
    size_t rows = jb_answers_count(answers);
    _cleanup_free_ uint32_t *codes = malloc(rows * sizeof(*codes));
    if (!codes)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    for (size_t row = 0; row < rows; row++) {
        codes[row] = jb_answer_code(column, row);
        if (column->values[codes[row]].is_missing)
            return jb_answers_wrong(answers, row, name, error, "the %s is missing; fill it in", use);
    }
    *ret_codes = JB_TAKE(codes);
    return JB_OK;
}

/* A stratum of everybody is no stratum: most likely the wrong column was named. */
static enum jb_code check_strata(const struct jb_answers *answers, const char *name, const uint32_t *codes,
                                 struct jb_error *error) {
    size_t rows = jb_answers_count(answers);
    for (size_t row = 1; row < rows; row++) {
        if (codes[row] != codes[0])
            return JB_OK;
    }
    return jb_answers_wrong(
        answers, 0, name, error,
        "every row is in the stratum '%.60s'; take the column out of strata, or name the right "
        "one",
        jb_answers_column(answers, name)->values[codes[0]].text);
}

static enum jb_code take_stages(const struct jb_plan *plan, const struct jb_answers *answers,
                                struct owned_design *owned, struct jb_error *error) {
    struct jb_design *design = &owned->design;
    enum jb_code code = JB_OK;
    design->stage_count = plan->clusters.count ? plan->clusters.count : 1;
    for (size_t i = 0; i < design->stage_count && !code; i++) {
        if (i < plan->clusters.count)
            code = take_codes(answers, plan->clusters.items[i], "cluster", error, &owned->cluster[i]);
        if (!code && i < plan->strata.count)
            code = take_codes(answers, plan->strata.items[i], "stratum", error, &owned->stratum[i]);
        if (!code && i == 0 && plan->strata.count)
            code = check_strata(answers, plan->strata.items[0], owned->stratum[0], error);
        if (!code && i < plan->population.count)
            code =
                take_numbers(answers, plan->population.items[i], "population", error, &owned->population[i]);
        design->stages[i] = (struct jb_design_stage){
            .stratum = owned->stratum[i], .cluster = owned->cluster[i], .population = owned->population[i]};
    }
    return code;
}

enum jb_code jb_survey_design(const struct jb_plan *plan, const struct jb_answers *answers,
                              struct jb_error *error, struct jb_design **ret_design) {
    size_t rows = jb_answers_count(answers);
    _cleanup_(jb_survey_design_free_cleanup) struct jb_design *design =
        calloc(1, sizeof(struct owned_design));
    struct owned_design *owned = (struct owned_design *)design;
    if (!owned)
        return jb_error_set(error, JB_MEMORY, "no memory for the design");
    enum jb_code code = JB_OK;
    if (plan->weight)
        code = take_numbers(answers, plan->weight, "weight", error, &owned->weight);
    else if (!(owned->weight = malloc(rows * sizeof(double))))
        code = jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    for (size_t row = 0; !plan->weight && !code && row < rows; row++)
        owned->weight[row] = 1;
    design->count = rows;
    design->weight = owned->weight;
    design->lonely = plan->lonely;
    if (!code)
        code = take_stages(plan, answers, owned, error);
    if (!code && (code = jb_design_prepare(design, error)))
        jb_error_prefix(error, "%s", jb_answers_name(answers));
    if (!code)
        *ret_design = JB_TAKE(design);
    return code;
}
