/* Variances after calibration: influences less what the auxiliaries explain of them. */
#include "survey/calibrate_work.h"

#include "base/cleanup.h"
#include "survey/units.h"

#include <math.h>
#include <string.h>

#define RAKING_SWEEPS 10 /* as many as R's survey takes */

void jb_calibration_free(struct jb_calibration *calibration) {
    if (!calibration)
        return;
    free(calibration->first);
    free(calibration->auxiliary);
    free(calibration->value);
    free(calibration->scale);
    free(calibration->weight);
    free(calibration);
}

/* Solves a x = b for columns right sides, in place of b; a: positive semidefinite, destroyed. Auxiliaries
 * that others explain get 0. */
void jb_calibration_solve(long double *a, size_t n, long double *b, size_t columns, bool *is_out) {
    for (size_t i = 0; i < n; i++) {
        long double pivot = a[i * n + i];
        for (size_t k = 0; k < i; k++)
            pivot -= is_out[k] ? 0 : a[i * n + k] * a[i * n + k];
        is_out[i] = !(pivot > 1e-12L * a[i * n + i]);
        long double root = is_out[i] ? 0 : sqrtl(pivot);
        for (size_t j = i + 1; j < n; j++) {
            long double value = a[j * n + i];
            for (size_t k = 0; k < i; k++)
                value -= is_out[k] ? 0 : a[i * n + k] * a[j * n + k];
            a[j * n + i] = is_out[i] ? 0 : value / root;
        }
        a[i * n + i] = root;
    }
    for (size_t c = 0; c < columns; c++) {
        for (size_t i = 0; i < n; i++) {
            long double value = b[i * columns + c];
            for (size_t k = 0; k < i; k++)
                value -= a[i * n + k] * b[k * columns + c];
            b[i * columns + c] = is_out[i] ? 0 : value / a[i * n + i];
        }
        for (size_t i = n; i-- > 0;) {
            long double value = b[i * columns + c];
            for (size_t k = i + 1; k < n; k++)
                value -= a[k * n + i] * b[k * columns + c];
            b[i * columns + c] = is_out[i] ? 0 : value / a[i * n + i];
        }
    }
}

/* The same of raking: as many sweeps over the margins as R's survey takes, each one the means of a margin. */
static void sweep(const struct jb_calibration *calibration, const long double *a, const long double *right,
                  size_t columns, long double *ret_x) {
    size_t n = calibration->auxiliary_count;
    memset(ret_x, 0, n * columns * sizeof(*ret_x));
    for (unsigned turn = 0; turn < RAKING_SWEEPS; turn++) {
        for (size_t i = 0; i < n; i++) {
            for (size_t c = 0; c < columns && a[i * n + i] > 0; c++) {
                long double value = right[i * columns + c];
                for (size_t k = 0; k < n; k++)
                    value -= a[i * n + k] * ret_x[k * columns + c];
                ret_x[i * columns + c] += value / a[i * n + i];
            }
        }
    }
}

struct regression {
    const struct jb_calibration *calibration;
    const double *influence;
    const uint32_t *block;
    size_t width, total;
    long double *beta; /* [auxiliary × total + figure] */
};

/* x'x and x'z/c, weighted. */
static void add_moments(const struct regression *regression, long double *square, long double *right) {
    const struct jb_calibration *calibration = regression->calibration;
    size_t n = calibration->auxiliary_count, width = regression->width;
    for (size_t row = 0; row < calibration->row_count; row++) {
        double weight = calibration->weight[row], scale = calibration->scale[row];
        uint32_t block = regression->block[row];
        for (uint32_t i = calibration->first[row]; i < calibration->first[row + 1]; i++) {
            uint32_t at = calibration->auxiliary[i];
            long double x = (long double)weight * calibration->value[i];
            for (uint32_t j = calibration->first[row]; j < calibration->first[row + 1]; j++)
                square[at * n + calibration->auxiliary[j]] += x * calibration->value[j];
            for (size_t k = 0; scale != 0 && block != UINT32_MAX && k < width; k++)
                right[at * regression->total + block * width + k] +=
                    x * regression->influence[row * width + k] / scale;
        }
    }
}

static enum jb_code regress(struct regression *regression, struct jb_error *error) {
    const struct jb_calibration *calibration = regression->calibration;
    size_t n = calibration->auxiliary_count, total = regression->total;
    _cleanup_free_ long double *square = calloc(n * n, sizeof(*square));
    _cleanup_free_ long double *right = calloc(n * total, sizeof(*right));
    _cleanup_free_ bool *is_out = calloc(n, sizeof(*is_out));
    regression->beta = calloc(n * total, sizeof(*regression->beta));
    if (!square || !right || !is_out || !regression->beta)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu auxiliaries of %zu figures", n, total);
    add_moments(regression, square, right);
    if (calibration->is_swept) {
        sweep(calibration, square, right, total, regression->beta);
    } else {
        jb_calibration_solve(square, n, right, total, is_out);
        memcpy(regression->beta, right, n * total * sizeof(*right));
    }
    return JB_OK;
}

static void residuals_of(const struct regression *regression, size_t row, double *ret_z) {
    const struct jb_calibration *calibration = regression->calibration;
    size_t total = regression->total, width = regression->width;
    uint32_t block = regression->block[row];
    memset(ret_z, 0, total * sizeof(*ret_z));
    for (size_t k = 0; block != UINT32_MAX && k < width; k++)
        ret_z[block * width + k] = regression->influence[row * width + k];
    for (uint32_t i = calibration->first[row]; i < calibration->first[row + 1]; i++) {
        const long double *beta = regression->beta + calibration->auxiliary[i] * total;
        long double x = (long double)calibration->scale[row] * calibration->value[i];
        for (size_t figure = 0; figure < total; figure++)
            ret_z[figure] -= (double)(x * beta[figure]);
    }
}

/* factor z zᵀ of every row, upper triangle; the whole is made even after it. */
static void add_rows(const struct regression *regression, const struct jb_design *design,
                     const double *factor, double *z, double *covariance) {
    size_t total = regression->total, at = 0;
    for (size_t leaf = 0; leaf < design->leaf_count; leaf++) {
        for (size_t end = at + design->leaves[leaf].size; at < end; at++) {
            if (factor[leaf] == 0)
                continue;
            residuals_of(regression, design->order[at], z);
            for (size_t a = 0; a < total; a++) {
                double left = factor[leaf] * z[a];
                for (size_t b = a; left != 0 && b < total; b++)
                    covariance[a * total + b] += left * z[b];
            }
        }
    }
    for (size_t a = 0; a < total; a++) {
        if (covariance[a * total + a] < 0)
            covariance[a * total + a] = 0; /* rounding of a variance that is 0 */
        for (size_t b = 0; b < a; b++)
            covariance[a * total + b] = covariance[b * total + a];
    }
}

enum jb_code jb_calibration_covariance(const struct jb_design *design, const double *influence,
                                       const uint32_t *block, size_t width, size_t block_count,
                                       struct jb_error *error, double *ret_covariance) {
    struct regression regression = {.calibration = design->calibration,
                                    .influence = influence,
                                    .block = block,
                                    .width = width,
                                    .total = width * block_count};
    size_t total = regression.total;
    struct jb_units units = {0};
    _cleanup_free_ uint32_t *everybody = calloc(design->count, sizeof(*everybody));
    _cleanup_free_ double *z = calloc(total, sizeof(*z));
    _cleanup_free_ double *sum = calloc(design->leaf_count * total, sizeof(*sum));
    _cleanup_free_ double *factor = calloc(design->leaf_count, sizeof(*factor));
    enum jb_code code = everybody && z && sum && factor
                            ? jb_units_make(design, everybody, 1, error, &units)
                            : jb_error_set(error, JB_MEMORY, "no memory for %zu figures", total);
    if (!code)
        code = regress(&regression, error);
    for (size_t row = 0; row < design->count && !code; row++) {
        residuals_of(&regression, row, z);
        for (size_t figure = 0; figure < total; figure++)
            sum[units.of_row[row] * total + figure] += z[figure];
    }
    if (!code)
        code = jb_units_covariance(design, &units, total, sum, NULL, error, ret_covariance, factor);
    if (!code && design->has_row_leaves)
        add_rows(&regression, design, factor, z, ret_covariance);
    free(regression.beta);
    jb_units_free(&units);
    return code;
}
