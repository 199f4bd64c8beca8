/* The design of a plan: columns turned into strata, clusters, populations and weights. */
#include "survey/survey_design.h"

#include "survey/calibrate.h"
#include "survey/replicates.h"

#include "base/memory.h"
#include "survey/units.h"

#include <string.h>

struct owned_design {
    struct jb_design design; /* first: what callers hold */
    double *weight, *population[JB_DESIGN_STAGES];
    uint32_t *stratum[JB_DESIGN_STAGES], *cluster[JB_DESIGN_STAGES];
    double *before; /* [row]: weights before calibration, where there was one */
    struct jb_replicates replicates;
    struct jb_calibration *calibration;
};

void jb_survey_design_free(struct jb_design *design) {
    struct owned_design *owned = (struct owned_design *)design;
    if (!owned)
        return;
    jb_design_finish(&owned->design);
    free(owned->weight);
    free(owned->before);
    jb_replicates_free(&owned->replicates);
    jb_calibration_free(owned->calibration);
    for (size_t i = 0; i < JB_DESIGN_STAGES; i++) {
        free(owned->population[i]);
        free(owned->stratum[i]);
        free(owned->cluster[i]);
    }
    free(owned);
}

/* Numbers of a column, none missing or negative. *ret_owned: what is to be freed, where the column does not
 * hold them as they are. */
static enum jb_code take_numbers(const struct jb_answers *answers, const char *name, const char *use,
                                 struct jb_error *error, double **ret_owned, const double **ret_numbers) {
    const struct jb_answer_column *column = jb_answers_column(answers, name);
    size_t rows = jb_answers_count(answers);
    _cleanup_free_ double *owned = column->code_size ? jb_memory_large(rows * sizeof(*owned)) : NULL;
    if (column->code_size && !owned)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    for (size_t row = 0; row < rows; row++) {
        double number = jb_answer_number(column, row);
        if (owned)
            owned[row] = number;
        if (!(number >= 0)) {
            uint32_t code = jb_answer_code(column, row);
            char text[64];
            if (code == JB_ANSWERS_NO_VALUE)
                (void)snprintf(text, sizeof(text), "%.15g", number);
            return jb_answers_wrong(answers, row, name, error,
                                    "'%.60s' cannot be a %s; it has to be a number of 0 or more",
                                    code == JB_ANSWERS_NO_VALUE ? text : column->values[code].text, use);
        }
    }
    *ret_numbers = owned ? owned : column->rows.number;
    *ret_owned = JB_TAKE(owned);
    return JB_OK;
}

enum jb_code jb_survey_weights(const struct jb_plan *plan, const struct jb_answers *answers,
                               struct jb_error *error, double **ret_weight) {
    size_t rows = jb_answers_count(answers);
    _cleanup_free_ double *owned = NULL;
    const double *weight = NULL;
    enum jb_code code =
        plan->weight ? take_numbers(answers, plan->weight, "weight", error, &owned, &weight) : JB_OK;
    if (code)
        return code;
    double *copy = jb_memory_large(rows * sizeof(*copy));
    if (!copy)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    for (size_t row = 0; row < rows; row++)
        copy[row] = weight ? weight[row] : 1;
    *ret_weight = copy;
    return JB_OK;
}

/* Codes of a column of the design, where nobody may be missing. */
static enum jb_code take_codes(const struct jb_answers *answers, const char *name, const char *use,
                               struct jb_error *error, uint32_t **ret_codes) {
    const struct jb_answer_column *column = jb_answers_column(answers, name);
    size_t rows = jb_answers_count(answers);
    _cleanup_free_ uint32_t *codes = jb_memory_large(rows * sizeof(*codes));
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
            code = take_numbers(answers, plan->population.items[i], "population", error,
                                &owned->population[i], &design->stages[i].population);
        design->stages[i].stratum = owned->stratum[i];
        design->stages[i].cluster = owned->cluster[i];
    }
    return code;
}

static enum jb_code take_replicates(const struct jb_plan *plan, const struct jb_answers *answers,
                                    struct owned_design *owned, struct jb_error *error) {
    struct jb_design *design = &owned->design;
    enum jb_code code = jb_replicates_make(plan, answers, design, error, &owned->replicates);
    if (code)
        return code;
    design->replicate_count = owned->replicates.count;
    design->replicate_weight = owned->replicates.weight;
    design->replicate_scale = owned->replicates.own_scale;
    design->scale = owned->replicates.scale;
    design->is_around_estimate = plan->replicates.is_around_estimate;
    return JB_OK;
}

/* Whether degrees of freedom are those of the calibrated replicates. R's survey has it so, but for the
 * methods that it solves in steps. */
static bool counts_again(const struct jb_plan *plan) {
    const struct jb_plan_calibration *calibration = &plan->calibration;
    bool is_bounded = isfinite(calibration->low) || isfinite(calibration->high);
    return calibration->line && (calibration->method <= JB_CALIBRATE_POSTSTRATIFY ||
                                 (calibration->method == JB_CALIBRATE_LINEAR && !is_bounded));
}

static enum jb_code count_degrees(const struct jb_plan *plan, struct owned_design *owned,
                                  struct jb_error *error) {
    owned->design.replicate_df = plan->replicates.df;
    if (!isnan(plan->replicates.df))
        return JB_OK;
    return jb_replicates_degrees(&owned->replicates, owned->design.count, error, &owned->design.replicate_df);
}

static enum jb_code check_converged(const struct jb_calibrated *calibrated, struct jb_error *error) {
    if (calibrated->is_converged)
        return JB_OK;
    return jb_error_set(
        error, JB_INPUT,
        "the calibration did not converge in %u iterations: a target is missed by %.3g of it; raise "
        "iterations or tolerance in [calibration], or join small levels",
        calibrated->iterations, calibrated->misfit);
}

static enum jb_code calibrate_replicates(const struct jb_targets *targets, struct owned_design *owned,
                                         struct jb_error *error) {
    size_t rows = owned->design.count;
    for (size_t r = 0; r < owned->replicates.count; r++) {
        struct jb_calibrated calibrated;
        double *weight = owned->replicates.weight + r * rows;
        enum jb_code code = jb_calibrate(targets, weight, error, &calibrated);
        if (!code) {
            code = check_converged(&calibrated, error);
            memcpy(weight, calibrated.weight, rows * sizeof(*weight));
            jb_calibrated_free(&calibrated);
        }
        if (code) {
            jb_error_prefix(error, "replicate %zu", r + 1);
            return code;
        }
    }
    return JB_OK;
}

/* Calibrates the weights, and those of the replicates; linearised variances become those of residuals. */
static enum jb_code calibrate(const struct jb_plan *plan, const struct jb_answers *answers,
                              struct owned_design *owned, struct jb_error *error) {
    struct jb_design *design = &owned->design;
    _cleanup_(jb_targets_free_cleanup) struct jb_targets *targets = NULL;
    struct jb_calibrated calibrated = {0};
    enum jb_code code = jb_targets_make(plan, answers, error, &targets);
    if (!code)
        code = jb_calibrate(targets, design->weight, error, &calibrated);
    if (!code)
        code = check_converged(&calibrated, error);
    if (!code && design->replicate_count)
        code = calibrate_replicates(targets, owned, error);
    else if (!code)
        code = jb_calibration_make(targets, design->weight, &calibrated, error, &owned->calibration);
    if (!code) {
        owned->before = owned->weight;
        owned->weight = JB_TAKE(calibrated.weight);
        design->weight = owned->weight;
        design->calibration = owned->calibration;
    }
    jb_calibrated_free(&calibrated);
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
        code = take_numbers(answers, plan->weight, "weight", error, &owned->weight, &design->weight);
    else if (!(owned->weight = jb_memory_large(rows * sizeof(double))))
        code = jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    for (size_t row = 0; !plan->weight && !code && row < rows; row++)
        owned->weight[row] = 1;
    design->count = rows;
    design->weight = plan->weight ? design->weight : owned->weight;
    design->lonely = plan->lonely;
    if (!code)
        code = take_stages(plan, answers, owned, error);
    if (!code && (code = jb_design_prepare(design, error)))
        jb_error_prefix(error, "%s", jb_answers_name(answers));
    if (!code && plan->replicates.type != JB_REPLICATE_NONE)
        code = take_replicates(plan, answers, owned, error);
    size_t row, stage;
    if (!code && !design->replicate_count && design->lonely == JB_LONELY_FAIL &&
        jb_units_find_lonely(design, &row, &stage))
        code = jb_answers_wrong(
            answers, row, stage < plan->strata.count ? plan->strata.items[stage] : NULL, error,
            "its stratum of stage %zu has a single PSU, so it has no variance; join strata, or "
            "choose how it counts: lonely = certainty, adjust or average",
            stage + 1);
    if (!code && design->replicate_count && !counts_again(plan))
        code = count_degrees(plan, owned, error);
    if (!code && plan->calibration.line)
        code = calibrate(plan, answers, owned, error);
    if (!code && design->replicate_count && counts_again(plan))
        code = count_degrees(plan, owned, error);
    if (!code)
        *ret_design = JB_TAKE(design);
    return code;
}
