/* Estimates and their variance: by linearisation, z = w (y − R x) / Σ w x, or from replicates. */
#include "survey/estimate.h"

#include "base/cleanup.h"
#include "base/distribution.h"
#include "base/memory.h"
#include "survey/units.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void jb_estimates_free(struct jb_estimates *estimates) {
    if (!estimates)
        return;
    free(estimates->value);
    free(estimates->covariance);
    free(estimates->deff);
    free(estimates->row_count);
    free(estimates->weight_sum);
    free(estimates->kish);
    free(estimates->df);
    *estimates = (struct jb_estimates){0};
}

enum jb_code jb_estimates_make(size_t width, size_t blocks, struct jb_error *error,
                               struct jb_estimates *made) {
    size_t count = blocks * width;
    if (count > JB_ESTIMATES_CEILING)
        return jb_error_set(error, JB_LIMIT, "%zu figures at once are more than %d; take fewer groups", count,
                            JB_ESTIMATES_CEILING);
    *made = (struct jb_estimates){.width = width, .block_count = blocks, .count = count};
    made->value = calloc(count, sizeof(double));
    made->covariance = calloc(count * count, sizeof(double));
    made->deff = calloc(count, sizeof(double));
    made->row_count = calloc(blocks, sizeof(size_t));
    made->weight_sum = calloc(blocks, sizeof(double));
    made->kish = calloc(blocks, sizeof(double));
    made->df = calloc(blocks, sizeof(double));
    if (made->value && made->covariance && made->deff && made->row_count && made->weight_sum && made->kish &&
        made->df)
        return JB_OK;
    jb_estimates_free(made);
    return jb_error_set(error, JB_MEMORY, "no memory for %zu figures", count);
}

/* Sums under one set of weights. Long doubles, so that a million rows leave no trace. */
struct sums {
    long double *y, *x; /* [figure] */
    long double *weight, *weight_square;
};

static void sum_rows(size_t row_count, const double *weight, const struct jb_variables *variables,
                     struct sums *sums) {
    size_t width = variables->width, count = width * variables->block_count;
    memset(sums->y, 0, count * sizeof(*sums->y));
    memset(sums->x, 0, count * sizeof(*sums->x));
    memset(sums->weight, 0, variables->block_count * sizeof(*sums->weight));
    memset(sums->weight_square, 0, variables->block_count * sizeof(*sums->weight_square));
    for (size_t row = 0; row < row_count; row++) {
        uint32_t block = variables->block[row];
        long double w = weight[row];
        if (block == UINT32_MAX || w == 0)
            continue;
        sums->weight[block] += w;
        sums->weight_square[block] += w * w;
        if (!variables->y)
            sums->y[block * width + variables->chosen[row]] += w;
        for (size_t k = 0; variables->y && k < width; k++) {
            sums->y[block * width + k] += w * variables->y[row * width + k];
            if (variables->x)
                sums->x[block * width + k] += w * variables->x[row * width + k];
        }
    }
}

static double value_of(enum jb_estimator estimator, const struct sums *sums, size_t figure, size_t block) {
    if (estimator == JB_TOTAL)
        return (double)sums->y[figure];
    long double below = estimator == JB_RATIO ? sums->x[figure] : sums->weight[block];
    return below == 0 ? NAN : (double)(sums->y[figure] / below);
}

/* What row adds to the sum whose variance is wanted, without its weight. */
static double residual(enum jb_estimator estimator, const struct jb_variables *variables,
                       const struct sums *sums, const double *value, size_t row, uint32_t block, size_t k) {
    size_t at = row * variables->width + k, figure = block * variables->width + k;
    double y = variables->y ? variables->y[at] : variables->chosen[row] == k;
    if (estimator == JB_TOTAL)
        return y;
    if (isnan(value[figure]))
        return 0;
    if (estimator == JB_RATIO)
        return (double)((y - value[figure] * (long double)variables->x[at]) / sums->x[figure]);
    return (double)((y - (long double)value[figure]) / sums->weight[block]);
}

/* Variance over that of a simple random sample with replacement of as many rows. */
static void find_deff(const struct jb_design *design, enum jb_estimator estimator,
                      const struct jb_variables *variables, const struct sums *sums, long double *mean,
                      long double *square, struct jb_estimates *made) {
    size_t width = made->width;
    memset(mean, 0, made->count * sizeof(*mean));
    memset(square, 0, made->count * sizeof(*square));
    for (int pass = 0; pass < 2; pass++) {
        for (size_t row = 0; row < design->count; row++) {
            uint32_t block = variables->block[row];
            for (size_t k = 0; block != UINT32_MAX && k < width; k++) {
                size_t figure = block * width + k;
                long double z = residual(estimator, variables, sums, made->value, row, block, k);
                if (pass == 0)
                    mean[figure] += design->weight[row] * z / sums->weight[block];
                else
                    square[figure] += design->weight[row] * (z - mean[figure]) * (z - mean[figure]);
            }
        }
    }
    for (size_t figure = 0; figure < made->count; figure++) {
        long double n = (long double)made->row_count[figure / width];
        long double weight = sums->weight[figure / width];
        /* The residuals are per unit of Σw, so a sum of n of them has the variance weight² s² / n. */
        long double simple = n > 1 ? square[figure] / weight * n / (n - 1) * weight * weight / n : 0;
        made->deff[figure] =
            simple > 0 ? (double)(made->covariance[figure * made->count + figure] / simple) : NAN;
    }
}

static enum jb_code linearise(const struct jb_design *design, enum jb_estimator estimator,
                              const struct jb_variables *variables, const struct sums *sums,
                              struct jb_error *error, struct jb_estimates *made) {
    size_t width = made->width;
    _cleanup_free_ double *influence = calloc(design->count * width, sizeof(*influence));
    if (!influence)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows of %zu figures", design->count, width);
    for (size_t row = 0; row < design->count; row++) {
        uint32_t block = variables->block[row];
        for (size_t k = 0; block != UINT32_MAX && k < width; k++)
            influence[row * width + k] =
                design->weight[row] * residual(estimator, variables, sums, made->value, row, block, k);
    }
    return jb_design_covariance(design, influence, variables->block, width, made->block_count, error,
                                made->covariance);
}

static enum jb_code replicate(const struct jb_design *design, enum jb_estimator estimator,
                              const struct jb_variables *variables, struct sums *sums, struct jb_error *error,
                              struct jb_estimates *made) {
    size_t count = made->count, replicates = design->replicate_count;
    _cleanup_free_ double *theta = calloc(replicates * count, sizeof(*theta));
    _cleanup_free_ double *centre = calloc(count, sizeof(*centre));
    _cleanup_free_ double *used = calloc(count, sizeof(*used));
    if (!theta || !centre || !used)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu replicates of %zu figures", replicates,
                            count);
    for (size_t r = 0; r < replicates; r++) {
        sum_rows(design->count, design->replicate_weight + r * design->count, variables, sums);
        double scale = design->replicate_scale ? design->replicate_scale[r] : 1;
        for (size_t figure = 0; figure < count; figure++) {
            double value = value_of(estimator, sums, figure, figure / made->width);
            theta[r * count + figure] = value; /* NaN: the replicate has nobody there, and is left out */
            centre[figure] += scale > 0 && !isnan(value) ? value : 0;
            used[figure] += scale > 0 && !isnan(value);
        }
    }
    for (size_t figure = 0; figure < count; figure++)
        centre[figure] = design->is_around_estimate ? made->value[figure]
                                                    : centre[figure] / (used[figure] > 0 ? used[figure] : 1);
    for (size_t r = 0; r < replicates; r++) {
        double scale = design->scale * (design->replicate_scale ? design->replicate_scale[r] : 1);
        for (size_t a = 0; a < count; a++) {
            double left = scale * (theta[r * count + a] - centre[a]);
            for (size_t b = 0; !isnan(left) && b < count; b++) {
                double right = theta[r * count + b] - centre[b];
                made->covariance[a * count + b] += isnan(right) ? 0 : left * right;
            }
        }
    }
    return JB_OK;
}

static enum jb_code estimate(const struct jb_design *design, enum jb_estimator estimator,
                             const struct jb_variables *variables, struct sums *sums, long double *space,
                             struct jb_error *error, struct jb_estimates *made) {
    sum_rows(design->count, design->weight, variables, sums);
    for (size_t row = 0; row < design->count; row++) {
        if (variables->block[row] != UINT32_MAX && design->weight[row] != 0)
            made->row_count[variables->block[row]]++;
    }
    for (size_t block = 0; block < made->block_count; block++) {
        long double weight = sums->weight[block], square = sums->weight_square[block];
        made->weight_sum[block] = (double)weight;
        made->kish[block] = square > 0 ? (double)(weight * weight / square) : 0;
    }
    for (size_t figure = 0; figure < made->count; figure++)
        made->value[figure] = value_of(estimator, sums, figure, figure / made->width);
    enum jb_code code = jb_units_degrees(design, variables->block, variables->block_count, error, made->df);
    if (!code && !design->replicate_count)
        code = linearise(design, estimator, variables, sums, error, made);
    if (!code && design->replicate_count) {
        code = replicate(design, estimator, variables, sums, error, made);
        sum_rows(design->count, design->weight, variables, sums);
    }
    if (!code)
        find_deff(design, estimator, variables, sums, space, space + made->count, made);
    return code;
}

enum jb_code jb_estimate(const struct jb_design *design, enum jb_estimator estimator,
                         const struct jb_variables *variables, struct jb_error *error,
                         struct jb_estimates *ret_estimates) {
    assert(variables->width > 0 && variables->block_count > 0 &&
           (estimator == JB_RATIO) == (variables->x != NULL));
    struct jb_estimates made;
    enum jb_code code = jb_estimates_make(variables->width, variables->block_count, error, &made);
    if (code)
        return code;
    _cleanup_free_ long double *space = calloc(4 * made.count + 2 * made.block_count, sizeof(*space));
    if (space) {
        struct sums sums = {.y = space,
                            .x = space + made.count,
                            .weight = space + 4 * made.count,
                            .weight_square = space + 4 * made.count + made.block_count};
        code = estimate(design, estimator, variables, &sums, space + 2 * made.count, error, &made);
    } else {
        code = jb_error_set(error, JB_MEMORY, "no memory for %zu figures", made.count);
    }
    if (code)
        jb_estimates_free(&made);
    else
        *ret_estimates = made;
    return code;
}

double jb_difference_variance(const struct jb_estimates *estimates, size_t a, size_t b) {
    const double *v = estimates->covariance;
    size_t n = estimates->count;
    double variance = v[a * n + a] + v[b * n + b] - 2 * v[a * n + b];
    return variance > 0 ? variance : 0;
}

/* ---- quantiles ---- */

struct weighted {
    double value, weight;
    uint32_t block, row;
};

static int compare_weighted(const void *left, const void *right) {
    const struct weighted *a = left, *b = right;
    if (a->block != b->block)
        return a->block < b->block ? -1 : 1;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* The smallest value with at least this part of the weight at or below it. Where a value ends just there, it
 * is rounding that decides; sums and comparisons are those of R's survey (qrule_math), so that it decides
 * alike. */
static double find_quantile(const struct weighted *items, size_t count, double total, double probability) {
    long double below = 0;
    for (size_t i = 0; i < count; i++) {
        double before = (double)below;
        below += items[i].weight;
        if ((double)below > probability * total)
            return i > 0 && probability - before / total == 0 ? items[i - 1].value : items[i].value;
    }
    return items[count - 1].value;
}

/* Rows of the blocks with a weight, by block and value; bounds[block] … bounds[block + 1] are a block's. */
static size_t sort_weighted(const struct jb_design *design, const double *y, const uint32_t *block,
                            size_t block_count, struct weighted *items, size_t *bounds, double *total) {
    size_t count = 0;
    for (size_t row = 0; row < design->count; row++) {
        if (block[row] != UINT32_MAX && design->weight[row] != 0)
            items[count++] =
                (struct weighted){y[row], 1 / (1 / design->weight[row]), block[row], (uint32_t)row};
    }
    qsort(items, count, sizeof(*items), compare_weighted);
    for (size_t i = 0; i < count; i++)
        bounds[items[i].block + 1]++;
    for (size_t i = 0; i < block_count; i++) {
        long double sum = 0;
        bounds[i + 1] += bounds[i];
        for (size_t k = bounds[i]; k < bounds[i + 1]; k++)
            sum += items[k].weight;
        total[i] = (double)sum;
    }
    return count;
}

enum jb_code jb_quantiles_estimate(const struct jb_design *design, const double *y, const uint32_t *block,
                                   size_t block_count, double probability, double confidence,
                                   struct jb_error *error, struct jb_quantile *ret_quantiles) {
    assert(probability > 0 && probability < 1 && confidence > 0 && confidence < 1);
    _cleanup_free_ struct weighted *items = jb_memory_large(design->count * sizeof(*items));
    _cleanup_free_ double *below = calloc(design->count, sizeof(*below));
    _cleanup_free_ size_t *bounds = calloc(block_count + 1, sizeof(*bounds));
    _cleanup_free_ double *total = calloc(block_count, sizeof(*total));
    _cleanup_free_ double *value = calloc(block_count, sizeof(*value));
    if (!items || !below || !bounds || !total || !value)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", design->count);
    (void)sort_weighted(design, y, block, block_count, items, bounds, total);
    for (size_t i = 0; i < block_count; i++)
        value[i] = bounds[i] == bounds[i + 1]
                       ? NAN
                       : find_quantile(items + bounds[i], bounds[i + 1] - bounds[i], total[i], probability);
    for (size_t row = 0; row < design->count; row++)
        below[row] = block[row] != UINT32_MAX && y[row] <= value[block[row]];
    struct jb_estimates share;
    struct jb_variables variables = {.width = 1, .block_count = block_count, .block = block, .y = below};
    enum jb_code code = jb_estimate(design, JB_MEAN, &variables, error, &share);
    for (size_t i = 0; i < block_count && !code; i++) {
        struct jb_quantile made = {value[i], NAN, NAN, NAN};
        const struct weighted *own = items + bounds[i];
        size_t count = bounds[i + 1] - bounds[i];
        if (share.df[i] > 0 && count > 0) {
            double t = jb_t_quantile(0.5 + confidence / 2, share.df[i]);
            double half = t * sqrt(share.covariance[i * share.count + i]);
            double from = share.value[i] - half, to = share.value[i] + half;
            made.low = from < 0 ? NAN : find_quantile(own, count, total[i], from);
            made.high = to > 1 ? NAN : find_quantile(own, count, total[i], to);
            made.se = (made.high - made.low) / (2 * t);
        }
        ret_quantiles[i] = made;
    }
    if (!code)
        jb_estimates_free(&share);
    return code;
}
