/* Intervals of proportions; Rao–Scott tests; false discovery rates. */
#include "survey/inference.h"

#include "base/cleanup.h"
#include "base/distribution.h"
#include "survey/units.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static void wilson(double p, double n, double t, double *ret_low, double *ret_high) {
    double square = t * t, centre = p + square / (2 * n);
    double half = t * sqrt(p * (1 - p) / n + square / (4 * n * n));
    *ret_low = (centre - half) / (1 + square / n);
    *ret_high = (centre + half) / (1 + square / n);
}

void jb_proportion_interval(enum jb_interval method, const struct jb_proportion *proportion,
                            double confidence, double *ret_low, double *ret_high) {
    double p = proportion->value, alpha = 1 - confidence;
    assert(confidence > 0 && confidence < 1);
    *ret_low = *ret_high = NAN;
    if (isnan(p) || !(proportion->df > 0))
        return;
    if (p <= 0 || p >= 1) {
        double n = proportion->kish;
        *ret_low = p <= 0 ? 0 : jb_beta_quantile(alpha / 2, n, 1);
        *ret_high = p <= 0 ? jb_beta_quantile(1 - alpha / 2, 1, n) : 1;
        return;
    }
    double t = jb_t_quantile(1 - alpha / 2, proportion->df), spread = p * (1 - p);
    double se = sqrt(proportion->variance);
    if (!(se > 0)) { /* everybody was asked */
        *ret_low = *ret_high = p;
        return;
    }
    switch (method) {
    case JB_INTERVAL_XLOGIT: {
        double at = log(p / (1 - p)), half = t * se / spread;
        *ret_low = 1 / (1 + exp(-(at - half)));
        *ret_high = 1 / (1 + exp(-(at + half)));
        return;
    }
    case JB_INTERVAL_BETA: {
        if (proportion->row_count < 2)
            return;
        double simple = jb_t_quantile(1 - alpha / 2, (double)proportion->row_count - 1);
        double n = spread / proportion->variance * (simple / t) * (simple / t);
        *ret_low = jb_beta_quantile(alpha / 2, n * p, n * (1 - p) + 1);
        *ret_high = jb_beta_quantile(1 - alpha / 2, n * p + 1, n * (1 - p));
        return;
    }
    case JB_INTERVAL_WILSON:
        wilson(p, spread / proportion->variance, t, ret_low, ret_high);
        return;
    case JB_INTERVAL_NORMAL:
        *ret_low = p - t * se;
        *ret_high = p + t * se;
        return;
    }
}

/* ---- independence ---- */

/* Solves a · x = b for `columns` right sides in place of b, by elimination with pivots; false: singular. */
static bool solve(double *a, double *b, size_t n, size_t columns) {
    for (size_t i = 0; i < n; i++) {
        size_t pivot = i;
        for (size_t j = i + 1; j < n; j++) {
            if (fabs(a[j * n + i]) > fabs(a[pivot * n + i]))
                pivot = j;
        }
        if (!(fabs(a[pivot * n + i]) > 0))
            return false;
        for (size_t k = 0; pivot != i && k < n; k++) {
            double held = a[i * n + k];
            a[i * n + k] = a[pivot * n + k], a[pivot * n + k] = held;
        }
        for (size_t k = 0; pivot != i && k < columns; k++) {
            double held = b[i * columns + k];
            b[i * columns + k] = b[pivot * columns + k], b[pivot * columns + k] = held;
        }
        for (size_t j = i + 1; j < n; j++) {
            double factor = a[j * n + i] / a[i * n + i];
            for (size_t k = i; k < n; k++)
                a[j * n + k] -= factor * a[i * n + k];
            for (size_t k = 0; k < columns; k++)
                b[j * columns + k] -= factor * b[i * columns + k];
        }
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = 0; k < columns; k++) {
            double value = b[i * columns + k];
            for (size_t j = i + 1; j < n; j++)
                value -= a[i * n + j] * b[j * columns + k];
            b[i * columns + k] = value / a[i * n + i];
        }
    }
    return true;
}

/* Numbers the classes that have somebody in them; returns how many. */
static size_t number_used(const bool *is_used, size_t count, uint32_t *ret_number) {
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        ret_number[i] = is_used[i] ? (uint32_t)used++ : UINT32_MAX;
    return used;
}

/* Contrasts of the interactions, C[cell][k]: doubly centred products, orthogonal to rows and columns. */
static double contrast(size_t rows, size_t columns, size_t cell, size_t k) {
    size_t i = cell / columns, j = cell % columns, at_row = 1 + k / (columns - 1),
           at_column = 1 + k % (columns - 1);
    return ((i == at_row) - 1.0 / (double)rows) * ((j == at_column) - 1.0 / (double)columns);
}

/* delta = (CᵀD⁻¹C/n)⁻¹ CᵀD⁻¹VD⁻¹C over the cells. */
static bool make_delta(const struct jb_estimates *cells, size_t rows, size_t columns, size_t row_count,
                       double *below, double *scaled, double *ret_delta) {
    size_t count = rows * columns, rank = (rows - 1) * (columns - 1);
    for (size_t k = 0; k < rank; k++) {
        for (size_t cell = 0; cell < count; cell++)
            scaled[k * count + cell] =
                cells->value[cell] > 0 ? contrast(rows, columns, cell, k) / cells->value[cell] : 0;
    }
    for (size_t k = 0; k < rank; k++) {
        for (size_t l = 0; l < rank; l++) {
            long double first = 0, second = 0;
            for (size_t a = 0; a < count; a++) {
                first += (long double)scaled[k * count + a] * contrast(rows, columns, a, l);
                long double inner = 0;
                for (size_t b = 0; b < count; b++)
                    inner += (long double)cells->covariance[a * count + b] * scaled[l * count + b];
                second += scaled[k * count + a] * inner;
            }
            below[k * rank + l] = (double)(first / (long double)row_count);
            ret_delta[k * rank + l] = (double)second;
        }
    }
    return solve(below, ret_delta, rank, rank);
}

static double pearson(const double *share, size_t rows, size_t columns, size_t row_count) {
    long double sum = 0;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            long double of_row = 0, of_column = 0;
            for (size_t k = 0; k < columns; k++)
                of_row += share[i * columns + k];
            for (size_t k = 0; k < rows; k++)
                of_column += share[k * columns + j];
            long double off = share[i * columns + j] - of_row * of_column;
            sum += off * off / (of_row * of_column);
        }
    }
    return (double)(sum * (long double)row_count);
}

static enum jb_code test_cells(const struct jb_estimates *cells, size_t rows, size_t columns,
                               struct jb_error *error, struct jb_independence *ret_test) {
    size_t rank = (rows - 1) * (columns - 1), count = rows * columns;
    _cleanup_free_ double *delta = calloc(rank * rank, sizeof(*delta));
    _cleanup_free_ double *below = calloc(rank * rank, sizeof(*below));
    _cleanup_free_ double *scaled = calloc(rank * count, sizeof(*scaled));
    if (!delta || !below || !scaled)
        return jb_error_set(error, JB_MEMORY, "no memory for a table of %zu × %zu", rows, columns);
    if (!make_delta(cells, rows, columns, cells->row_count[0], below, scaled, delta))
        return jb_error_set(error, JB_NO_DATA, "the table is too empty for a test");
    double trace = 0, square = 0;
    for (size_t k = 0; k < rank; k++) {
        trace += delta[k * rank + k];
        for (size_t l = 0; l < rank; l++)
            square += delta[k * rank + l] * delta[l * rank + k];
    }
    if (!(trace > 0) || !(cells->df[0] > 0))
        return jb_error_set(error, JB_NO_DATA, "the design leaves no degree of freedom for a test");
    struct jb_independence test = {.chi_square = pearson(cells->value, rows, columns, cells->row_count[0])};
    test.df1 = trace * trace / square;
    test.df2 = test.df1 * cells->df[0];
    test.f = test.chi_square / trace;
    test.p = jb_f_upper(test.f, test.df1, test.df2);
    *ret_test = test;
    return JB_OK;
}

/* Shares of the cells with their covariance. Linearised it is that of the cells' totals, which a row adds to
 * one of only, turned into that of shares: V(p) = (V − p 1ᵀV − V1 pᵀ + p pᵀ 1ᵀV1)/(Σw)². */
static enum jb_code estimate_cells(const struct jb_design *design, const uint32_t *block, uint32_t *cell,
                                   size_t cells, struct jb_error *error, struct jb_estimates *ret_estimates) {
    if (design->replicate_count) {
        for (size_t i = 0; i < design->count; i++)
            cell[i] = cell[i] == UINT32_MAX ? 0 : cell[i]; /* without weight, or in no block */
        struct jb_variables variables = {.width = cells, .block_count = 1, .block = block, .chosen = cell};
        return jb_estimate(design, JB_MEAN, &variables, error, ret_estimates);
    }
    struct jb_estimates made;
    enum jb_code code = jb_estimates_make(cells, 1, error, &made);
    _cleanup_free_ long double *total = calloc(cells + 1, sizeof(*total));
    long double weight = 0, all = 0;
    if (!code && !total)
        code = jb_error_set(error, JB_MEMORY, "no memory for %zu cells", cells);
    if (!code)
        code = jb_design_covariance(design, design->weight, cell, 1, cells, error, made.covariance);
    if (!code)
        code = jb_units_degrees(design, block, 1, error, made.df);
    for (size_t i = 0; i < design->count && !code; i++) {
        if (cell[i] == UINT32_MAX)
            continue;
        made.row_count[0]++;
        total[cell[i]] += design->weight[i];
        weight += design->weight[i];
    }
    for (size_t a = 0; a < cells && !code; a++)
        made.value[a] = (double)(total[a] / weight);
    for (size_t a = 0; a < cells && !code; a++) {
        total[a] = 0; /* from here on the sum of the row of V */
        for (size_t b = 0; b < cells; b++)
            total[a] += made.covariance[a * cells + b];
        all += total[a];
    }
    for (size_t a = 0; a < cells && !code; a++) {
        for (size_t b = 0; b < cells; b++) {
            long double p = made.value[a], q = made.value[b], v = made.covariance[a * cells + b];
            made.covariance[a * cells + b] =
                (double)((v - p * total[b] - total[a] * q + p * q * all) / weight / weight);
        }
    }
    if (code)
        jb_estimates_free(&made);
    else
        *ret_estimates = made;
    return code;
}

enum jb_code jb_independence_test(const struct jb_design *design, const uint32_t *row, size_t row_count,
                                  const uint32_t *column, size_t column_count, struct jb_error *error,
                                  struct jb_independence *ret_test) {
    _cleanup_free_ bool *used = calloc(row_count + column_count, sizeof(*used));
    _cleanup_free_ uint32_t *number = calloc(row_count + column_count, sizeof(*number));
    _cleanup_free_ uint32_t *block = calloc(design->count, sizeof(*block));
    _cleanup_free_ uint32_t *cell = calloc(design->count, sizeof(*cell));
    if (!used || !number || !block || !cell)
        return jb_error_set(error, JB_MEMORY, "no memory for a table of %zu × %zu", row_count, column_count);
    for (size_t i = 0; i < design->count; i++) {
        block[i] = row[i] == UINT32_MAX || column[i] == UINT32_MAX ? UINT32_MAX : 0;
        if (block[i] == 0 && design->weight[i] != 0)
            used[row[i]] = used[row_count + column[i]] = true;
    }
    size_t rows = number_used(used, row_count, number);
    size_t columns = number_used(used + row_count, column_count, number + row_count);
    if (rows < 2 || columns < 2)
        return jb_error_set(error, JB_NO_DATA, "fewer than two rows or columns have anybody in them");
    size_t cells = rows * columns;
    if (cells > JB_ESTIMATES_CEILING)
        return jb_error_set(error, JB_LIMIT, "a table of %zu cells is more than %d", cells,
                            JB_ESTIMATES_CEILING);
    for (size_t i = 0; i < design->count; i++)
        cell[i] = block[i] == 0 && design->weight[i] != 0
                      ? (uint32_t)(number[row[i]] * columns + number[row_count + column[i]])
                      : UINT32_MAX;
    struct jb_estimates estimates = {0};
    enum jb_code code = estimate_cells(design, block, cell, cells, error, &estimates);
    if (!code)
        code = test_cells(&estimates, rows, columns, error, ret_test);
    jb_estimates_free(&estimates);
    return code;
}

/* ---- many comparisons ---- */

struct ranked {
    double p;
    size_t index;
};

static int compare_ranked(const void *left, const void *right) {
    double a = ((const struct ranked *)left)->p, b = ((const struct ranked *)right)->p;
    return a < b ? -1 : a > b;
}

enum jb_code jb_adjust_discoveries(double *p, size_t count, struct jb_error *error) {
    _cleanup_free_ struct ranked *ranked = calloc(count ? count : 1, sizeof(*ranked));
    if (!ranked)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu comparisons", count);
    size_t tests = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isnan(p[i]))
            ranked[tests++] = (struct ranked){p[i], i};
    }
    qsort(ranked, tests, sizeof(*ranked), compare_ranked);
    double least = 1;
    for (size_t i = tests; i-- > 0;) {
        least = fmin(least, ranked[i].p * (double)tests / (double)(i + 1));
        p[ranked[i].index] = least;
    }
    return JB_OK;
}
