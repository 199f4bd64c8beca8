/* Tallies: Σw, Σw² and rows of each unit, domain and class. */
#include "survey/counts.h"

#include "base/cleanup.h"
#include "survey/inference.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct count {
    double weight, square, rows;
};

struct jb_counts {
    const struct jb_design *design;
    const struct jb_units *units;
    const uint32_t *domain;
    const struct jb_answer_column *column;
    uint32_t *class_of; /* [value]; no answer: class_count */
    size_t class_count, stride;
    struct count *by_pair;   /* [pair × stride + class]; only where variances are linearised from it */
    struct count *by_domain; /* [domain × stride + class] */
};

void jb_counts_free(struct jb_counts *counted) {
    if (!counted)
        return;
    free(counted->class_of);
    free(counted->by_pair);
    free(counted->by_domain);
    free(counted);
}

/* Rows from … to, of codes of one size. */
#define ADD_ROWS(codes)                                                                                      \
    for (size_t row = 0; row < count; row++) {                                                               \
        double w = weight[row];                                                                              \
        if (cell[row] == UINT32_MAX)                                                                         \
            continue;                                                                                        \
        struct count *into = &counts[cell[row] * stride + class_of[(codes)[row]]];                           \
        into->weight += w;                                                                                   \
        into->square += w * w;                                                                               \
        into->rows += w != 0;                                                                                \
    }

static void add_rows(const struct jb_counts *counted, const uint32_t *cell, struct count *counts) {
    size_t count = counted->design->count, stride = counted->stride;
    const double *weight = counted->design->weight;
    const uint32_t *class_of = counted->class_of;
    switch (counted->column->code_size) {
    case 1:
        ADD_ROWS(counted->column->rows.one)
        break;
    case 2:
        ADD_ROWS(counted->column->rows.two)
        break;
    default:
        ADD_ROWS(counted->column->rows.four)
    }
}

/* Whether variances come from the counts alone. */
static bool is_plain(const struct jb_counts *counted) {
    return !counted->design->replicate_count && !counted->design->calibration;
}

static void add_pairs(struct jb_counts *counted) {
    for (size_t pair = 0; pair < counted->units->pair_count; pair++) {
        const struct count *from = counted->by_pair + pair * counted->stride;
        struct count *into = counted->by_domain + counted->units->domain[pair] * counted->stride;
        for (size_t k = 0; k < counted->stride; k++) {
            into[k].weight += from[k].weight;
            into[k].square += from[k].square;
            into[k].rows += from[k].rows;
        }
    }
}

enum jb_code jb_counts_make(const struct jb_design *design, const struct jb_units *units,
                            const uint32_t *domain, const struct jb_answer_column *column,
                            const uint32_t *class_of, size_t class_count, struct jb_error *error,
                            struct jb_counts **ret_tally) {
    assert(column->code_size > 0 && class_count > 0);
    _cleanup_(jb_counts_free_cleanup) struct jb_counts *counted = calloc(1, sizeof(*counted));
    if (!counted)
        return jb_error_set(error, JB_MEMORY, "no memory for a counted");
    counted->design = design, counted->units = units, counted->domain = domain, counted->column = column;
    counted->class_count = class_count, counted->stride = class_count + 1;
    counted->class_of = malloc(column->value_count * sizeof(*counted->class_of));
    counted->by_domain = calloc(units->domain_count * counted->stride, sizeof(*counted->by_domain));
    if (is_plain(counted))
        counted->by_pair = calloc((units->pair_count + 1) * counted->stride, sizeof(*counted->by_pair));
    if (!counted->class_of || !counted->by_domain || (is_plain(counted) && !counted->by_pair))
        return jb_error_set(error, JB_MEMORY, "no memory to count %u × %zu", units->pair_count, class_count);
    for (uint32_t i = 0; i < column->value_count; i++)
        counted->class_of[i] = class_of[i] == UINT32_MAX ? (uint32_t)class_count : class_of[i];
    if (is_plain(counted)) {
        add_rows(counted, units->of_row, counted->by_pair);
        add_pairs(counted);
    } else {
        add_rows(counted, domain, counted->by_domain);
    }
    *ret_tally = JB_TAKE(counted);
    return JB_OK;
}

double jb_counts_weight(const struct jb_counts *counted, size_t domain, size_t class) {
    return counted->by_domain[domain * counted->stride + class].weight;
}

size_t jb_counts_rows(const struct jb_counts *counted, size_t domain, size_t class) {
    return (size_t)counted->by_domain[domain * counted->stride + class].rows;
}

/* ---- estimates ---- */

struct work {
    const struct jb_counts *counted;
    enum jb_estimator estimator;
    size_t width;
    const double *score;
    bool by_domain;
    struct jb_estimates made;
};

static const double *scores_of(const struct work *work, size_t domain, size_t k) {
    return work->score + ((work->by_domain ? domain * work->width : 0) + k) * work->counted->class_count;
}

/* Value and DEFF: the variance over that of a simple random sample with replacement of as many, s²/(n−1) with
 * s² = Σ w (y − ȳ)²/Σ w, of a total times (Σ w)². */
static void find_value(struct work *work, size_t domain, size_t k, double *ret_simple) {
    const struct jb_counts *counted = work->counted;
    const struct count *counts = counted->by_domain + domain * counted->stride;
    const double *score = scores_of(work, domain, k);
    long double sum = 0, weight = 0, spread = 0, rows = 0;
    for (size_t c = 0; c < counted->class_count; c++) {
        sum += (long double)counts[c].weight * score[c];
        weight += counts[c].weight;
        rows += counts[c].rows;
    }
    for (size_t c = 0; c < counted->class_count && weight > 0; c++) {
        long double away = score[c] - sum / weight;
        spread += counts[c].weight * away * away / weight;
    }
    bool is_total = work->estimator == JB_TOTAL;
    work->made.value[domain * work->width + k] = is_total     ? (double)sum
                                                 : weight > 0 ? (double)(sum / weight)
                                                              : NAN;
    *ret_simple = rows > 1 ? (double)(spread / (rows - 1) * (is_total ? weight * weight : 1)) : 0;
}

static void find_counts(struct work *work) {
    const struct jb_counts *counted = work->counted;
    for (size_t domain = 0; domain < work->made.block_count; domain++) {
        const struct count *counts = counted->by_domain + domain * counted->stride;
        double weight = 0, square = 0, rows = 0;
        for (size_t c = 0; c < counted->class_count; c++)
            weight += counts[c].weight, square += counts[c].square, rows += counts[c].rows;
        work->made.row_count[domain] = (size_t)rows;
        work->made.weight_sum[domain] = weight;
        work->made.kish[domain] = square > 0 ? weight * weight / square : 0;
    }
}

/* Korn and Graubard's degrees of freedom, from the counts. */
static void find_degrees(struct work *work, uint32_t *in_psu, uint32_t *in_stratum) {
    const struct jb_counts *counted = work->counted;
    const struct jb_design *design = counted->design;
    const uint32_t *strata = design->stages[0].stratum, *clusters = design->stages[0].cluster;
    uint32_t stratum = 1, psu = 1;
    for (size_t leaf = 0; leaf < design->leaf_count; leaf++) {
        uint32_t row = design->leaves[leaf].row, before = leaf ? design->leaves[leaf - 1].row : row;
        bool begins_stratum = leaf && strata && strata[row] != strata[before];
        stratum += begins_stratum;
        psu += leaf && (begins_stratum || (clusters && clusters[row] != clusters[before]));
        for (uint32_t pair = counted->units->first[leaf]; pair < counted->units->first[leaf + 1]; pair++) {
            const struct count *counts = counted->by_pair + pair * counted->stride;
            uint32_t domain = counted->units->domain[pair];
            double rows = 0;
            for (size_t c = 0; c < counted->class_count; c++)
                rows += counts[c].rows;
            if (rows == 0 || (clusters && in_psu[domain] == psu))
                continue;
            in_psu[domain] = psu;
            work->made.df[domain] += (clusters ? 1 : rows) - (in_stratum[domain] != stratum);
            in_stratum[domain] = stratum;
        }
    }
}

/* Influences of a pair: Σ w z and Σ w² z zᵀ, z = (y − ȳ)/Σ w, of a total y. */
static void add_influences(const struct work *work, size_t pair, double *sum, double *square) {
    const struct jb_counts *counted = work->counted;
    const struct count *counts = counted->by_pair + pair * counted->stride;
    size_t domain = counted->units->domain[pair], width = work->width;
    double weight = work->made.weight_sum[domain];
    const double *value = work->made.value + domain * width;
    bool is_total = work->estimator == JB_TOTAL, has_rows = counted->design->has_row_leaves;
    for (size_t c = 0; c < counted->class_count; c++) {
        if (counts[c].rows == 0 || !(weight > 0))
            continue;
        for (size_t k = 0; k < width; k++) {
            double z = is_total ? scores_of(work, domain, k)[c]
                                : (scores_of(work, domain, k)[c] - value[k]) / weight;
            sum[k] += counts[c].weight * z;
            for (size_t l = 0; has_rows && z != 0 && l < width; l++) {
                double y = scores_of(work, domain, l)[c];
                square[k * width + l] += counts[c].square * z * (is_total ? y : (y - value[l]) / weight);
            }
        }
    }
}

static enum jb_code linearise(struct work *work, struct jb_error *error) {
    const struct jb_counts *counted = work->counted;
    const struct jb_units *units = counted->units;
    size_t width = work->width, blocks = work->made.block_count;
    size_t squares = counted->design->has_row_leaves ? width * width : 1;
    _cleanup_free_ double *sum = calloc((units->pair_count + 1) * width, sizeof(*sum));
    _cleanup_free_ double *square = calloc((units->pair_count + 1) * squares, sizeof(*square));
    _cleanup_free_ uint32_t *seen = calloc(2 * blocks, sizeof(*seen));
    if (!sum || !square || !seen)
        return jb_error_set(error, JB_MEMORY, "no memory for %u × %zu figures", units->pair_count, width);
    find_degrees(work, seen, seen + blocks);
    for (size_t pair = 0; pair < units->pair_count; pair++)
        add_influences(work, pair, sum + pair * width,
                       square + (counted->design->has_row_leaves ? pair * squares : 0));
    return jb_units_covariance(counted->design, units, width, sum, square, error, work->made.covariance,
                               NULL);
}

/* Replicates and calibration want the rows themselves. */
static enum jb_code estimate_rows(const struct work *work, struct jb_error *error, struct jb_estimates *ret) {
    const struct jb_counts *counted = work->counted;
    size_t count = counted->design->count, width = work->width;
    _cleanup_free_ uint32_t *block = malloc(count * sizeof(*block));
    _cleanup_free_ double *y = calloc(count * width, sizeof(*y));
    if (!block || !y)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows of %zu figures", count, width);
    for (size_t row = 0; row < count; row++) {
        uint32_t class = counted->class_of[jb_answer_code(counted->column, row)];
        block[row] = class == counted->class_count ? UINT32_MAX : counted->domain[row];
        for (size_t k = 0; block[row] != UINT32_MAX && k < width; k++)
            y[row * width + k] = scores_of(work, block[row], k)[class];
    }
    struct jb_variables variables = {
        .width = width, .block_count = counted->units->domain_count, .block = block, .y = y};
    return jb_estimate(counted->design, work->estimator, &variables, error, ret);
}

enum jb_code jb_counts_estimate(const struct jb_counts *counted, enum jb_estimator estimator, size_t width,
                                const double *score, bool by_domain, struct jb_error *error,
                                struct jb_estimates *ret_estimates) {
    struct work work = {
        .counted = counted, .estimator = estimator, .width = width, .score = score, .by_domain = by_domain};
    assert(estimator != JB_RATIO);
    if (!is_plain(counted))
        return estimate_rows(&work, error, ret_estimates);
    enum jb_code code = jb_estimates_make(width, counted->units->domain_count, error, &work.made);
    if (code)
        return code;
    find_counts(&work);
    for (size_t figure = 0; figure < work.made.count; figure++)
        find_value(&work, figure / width, figure % width, &work.made.deff[figure]);
    code = linearise(&work, error);
    for (size_t figure = 0; figure < work.made.count && !code; figure++) {
        double simple = work.made.deff[figure];
        work.made.deff[figure] =
            simple > 0 ? work.made.covariance[figure * work.made.count + figure] / simple : NAN;
    }
    if (code)
        jb_estimates_free(&work.made);
    else
        *ret_estimates = work.made;
    return code;
}

enum jb_code jb_counts_test(const struct jb_counts *counted, struct jb_error *error,
                            struct jb_independence *ret_test) {
    size_t count = counted->design->count;
    _cleanup_free_ uint32_t *class = malloc(count * sizeof(*class));
    if (!class)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", count);
    for (size_t row = 0; row < count; row++) {
        class[row] = counted->class_of[jb_answer_code(counted->column, row)];
        if (class[row] == counted->class_count)
            class[row] = UINT32_MAX;
    }
    return jb_independence_test(counted->design, counted->domain, counted->units->domain_count, class,
                                counted->class_count, error, ret_test);
}
