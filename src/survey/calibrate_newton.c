/* Generalised raking: linear, raking and logit calibration, in the steps of R's survey, so that results agree
 * however loose the tolerance. */
#include "base/memory.h"
#include "survey/calibrate_work.h"

#include <string.h>

#define RESCALE_FROM 20.0 /* weights that have to grow by more are scaled first */

/* Auxiliaries: the first of every target with levels is what the intercept leaves. */
enum jb_code jb_calibrate_auxiliaries(const struct jb_targets *targets, struct jb_error *error,
                                      struct jb_calibration **ret_calibration, double **ret_total) {
    size_t rows = targets->row_count, count = 0, at = 0;
    bool has_intercept = targets->plan->calibration.size > 0;
    for (size_t i = 0; i < targets->count; i++) {
        has_intercept = has_intercept || !targets->items[i].number;
        count += targets->items[i].number ? 1 : targets->items[i].classes.count - 1;
    }
    count += has_intercept;
    struct jb_calibration *made = calloc(1, sizeof(*made));
    double *total = calloc(count, sizeof(*total));
    size_t entries = rows * (targets->count + has_intercept);
    if (made) {
        made->first = malloc((rows + 1) * sizeof(*made->first));
        made->auxiliary = jb_memory_large(entries * sizeof(*made->auxiliary));
        made->value = jb_memory_large(entries * sizeof(*made->value));
    }
    if (!made || !total || !made->first || !made->auxiliary || !made->value) {
        jb_calibration_free(made);
        free(total);
        return jb_error_set(error, JB_MEMORY, "no memory for %zu auxiliaries", entries);
    }
    made->row_count = rows, made->auxiliary_count = count;
    for (size_t row = 0; row < rows; row++) {
        uint32_t begin = has_intercept;
        made->first[row] = (uint32_t)at;
        if (has_intercept)
            made->auxiliary[at] = 0, made->value[at++] = 1;
        for (size_t i = 0; i < targets->count; i++) {
            const struct jb_target_rows *item = &targets->items[i];
            if (item->number)
                made->auxiliary[at] = begin, made->value[at++] = item->number[row];
            else if (item->classes.of_row[row] > 0)
                made->auxiliary[at] = begin + item->classes.of_row[row] - 1, made->value[at++] = 1;
            begin += item->number ? 1 : item->classes.count - 1;
        }
    }
    made->first[rows] = (uint32_t)at;
    uint32_t begin = has_intercept;
    total[0] = targets->plan->calibration.size;
    for (size_t i = 0; i < targets->count; i++) {
        const struct jb_target_rows *item = &targets->items[i];
        if (item->number)
            total[begin++] = item->total;
        double sum = item->number ? 0 : item->wanted[0];
        for (uint32_t class = 1; !item->number && class < item->classes.count; class ++) {
            total[begin++] = item->wanted[class];
            sum += item->wanted[class];
        }
        if (!item->number && total[0] == 0)
            total[0] = sum;
    }
    *ret_calibration = made;
    *ret_total = total;
    return JB_OK;
}

struct newton {
    enum jb_calibration_method method;
    double low, high;
    const struct jb_calibration *x;
    const double *total;     /* [auxiliary] */
    double *weight;          /* [row], rescaled */
    double *eta;             /* [auxiliary] */
    double *linear;          /* [row]: x·eta */
    double *sample, *misfit; /* [auxiliary] */
    long double *square, *step;
    bool *is_out;
};

/* New over old weight, less 1. */
static double grow(const struct newton *newton, double u) {
    double low = newton->low, high = newton->high;
    switch (newton->method) {
    case JB_CALIBRATE_LINEAR:
        return fmin(fmax(u + 1, low), high) - 1;
    case JB_CALIBRATE_RAKING:
        return fmin(fmax(exp(u), low), high) - 1;
    default: {
        double a = (high - low) / ((high - 1) * (1 - low)), e = exp(a * u);
        return (low * (high - 1) + high * (1 - low) * e) / (high - 1 + (1 - low) * e) - 1;
    }
    }
}

static double derive(const struct newton *newton, double u) {
    double low = newton->low, high = newton->high;
    bool is_inside = u < high - 1 && u > low - 1; /* for raking, too: so does R's survey */
    switch (newton->method) {
    case JB_CALIBRATE_LINEAR:
        return is_inside;
    case JB_CALIBRATE_RAKING:
        return is_inside ? exp(u) : 0;
    default: {
        double a = (high - low) / ((high - 1) * (1 - low)), e = exp(a * u), below = high - 1 + (1 - low) * e;
        return high * (1 - low) * e * a / below -
               (low * (high - 1) + high * (1 - low) * e) * ((1 - low) * e * a) / (below * below);
    }
    }
}

/* x·eta of every row; false: a weight is not finite. */
static bool set_linear(struct newton *newton) {
    bool is_finite = true;
    for (size_t row = 0; row < newton->x->row_count; row++) {
        double sum = 0;
        for (uint32_t i = newton->x->first[row]; i < newton->x->first[row + 1]; i++)
            sum += newton->x->value[i] * newton->eta[newton->x->auxiliary[i]];
        newton->linear[row] = sum;
        is_finite = is_finite && isfinite(grow(newton, sum)) && isfinite(derive(newton, sum));
    }
    return is_finite;
}

/* What is wanted less what there is; the largest, over 1 + what is wanted. */
static double find_misfit(struct newton *newton) {
    size_t n = newton->x->auxiliary_count;
    double largest = 0;
    for (size_t k = 0; k < n; k++)
        newton->step[k] = (long double)newton->total[k] - newton->sample[k];
    for (size_t row = 0; row < newton->x->row_count; row++) {
        long double more = (long double)newton->weight[row] * grow(newton, newton->linear[row]);
        for (uint32_t i = newton->x->first[row]; i < newton->x->first[row + 1]; i++)
            newton->step[newton->x->auxiliary[i]] -= more * newton->x->value[i];
    }
    for (size_t k = 0; k < n; k++) {
        newton->misfit[k] = (double)newton->step[k];
        largest = fmax(largest, fabs(newton->misfit[k]) / (1 + fabs(newton->total[k])));
    }
    return largest;
}

/* The step that would do if all were straight; into step, which has the misfit. */
static void find_step(struct newton *newton) {
    size_t n = newton->x->auxiliary_count;
    memset(newton->square, 0, n * n * sizeof(*newton->square));
    for (size_t row = 0; row < newton->x->row_count; row++) {
        long double slope = (long double)newton->weight[row] * derive(newton, newton->linear[row]);
        for (uint32_t i = newton->x->first[row]; slope != 0 && i < newton->x->first[row + 1]; i++) {
            long double left = slope * newton->x->value[i];
            for (uint32_t j = newton->x->first[row]; j < newton->x->first[row + 1]; j++)
                newton->square[newton->x->auxiliary[i] * n + newton->x->auxiliary[j]] +=
                    left * newton->x->value[j];
        }
    }
    jb_calibration_solve(newton->square, n, newton->step, 1, newton->is_out);
}

static void iterate(struct newton *newton, const struct jb_plan_calibration *settings,
                    struct jb_calibrated *calibrated) {
    size_t n = newton->x->auxiliary_count;
    bool is_plain =
        newton->method == JB_CALIBRATE_LINEAR && !isfinite(newton->low) && !isfinite(newton->high);
    unsigned turn = 1;
    (void)set_linear(newton);
    (void)find_misfit(newton);
    for (;;) {
        find_step(newton);
        for (size_t k = 0; k < n; k++)
            newton->eta[k] += (double)newton->step[k];
        while (!set_linear(newton) && turn < settings->iterations) { /* too far: half of it */
            turn++;
            for (size_t k = 0; k < n; k++) {
                newton->step[k] /= 2;
                newton->eta[k] -= (double)newton->step[k];
            }
        }
        double misfit = find_misfit(newton);
        calibrated->iterations = turn;
        calibrated->is_converged = misfit < settings->tolerance;
        if (calibrated->is_converged || is_plain || ++turn > settings->iterations)
            return;
    }
}

static bool make_newton(struct newton *newton, const double *weight) {
    size_t n = newton->x->auxiliary_count, rows = newton->x->row_count;
    newton->weight = jb_memory_large(rows * sizeof(double));
    newton->linear = jb_memory_large(rows * sizeof(double));
    newton->eta = calloc(n, sizeof(double));
    newton->sample = calloc(n, sizeof(double));
    newton->misfit = calloc(n, sizeof(double));
    newton->square = calloc(n * n, sizeof(long double));
    newton->step = calloc(n, sizeof(long double));
    newton->is_out = calloc(n, sizeof(bool));
    if (!newton->weight || !newton->linear || !newton->eta || !newton->sample || !newton->misfit ||
        !newton->square || !newton->step || !newton->is_out)
        return false;
    for (size_t row = 0; row < rows; row++) {
        newton->weight[row] = weight[row];
        for (uint32_t i = newton->x->first[row]; i < newton->x->first[row + 1]; i++)
            newton->step[newton->x->auxiliary[i]] += (long double)weight[row] * newton->x->value[i];
    }
    for (size_t k = 0; k < n; k++)
        newton->sample[k] = (double)newton->step[k];
    return true;
}

/* Weights that all have to grow a lot are scaled first, since a first step from 1 would go astray. */
static double rescale(struct newton *newton) {
    size_t n = newton->x->auxiliary_count;
    double least = INFINITY, sum = 0;
    for (size_t k = 0; k < n; k++) {
        double scale = newton->total[k] / newton->sample[k];
        least = fmin(least, scale);
        sum += scale;
    }
    bool is_plain =
        newton->method == JB_CALIBRATE_LINEAR && !isfinite(newton->low) && !isfinite(newton->high);
    if (is_plain || !(least > RESCALE_FROM) || !isfinite(sum))
        return 1;
    double scale = sum / (double)n;
    for (size_t row = 0; row < newton->x->row_count; row++)
        newton->weight[row] *= scale;
    for (size_t k = 0; k < n; k++)
        newton->sample[k] *= scale;
    return scale;
}

enum jb_code jb_calibrate_newton(const struct jb_targets *targets, const double *weight,
                                 struct jb_error *error, double *ret_factor,
                                 struct jb_calibrated *calibrated) {
    const struct jb_plan_calibration *settings = &targets->plan->calibration;
    struct jb_calibration *x = NULL;
    _cleanup_free_ double *total = NULL;
    enum jb_code code = jb_calibrate_auxiliaries(targets, error, &x, &total);
    if (code)
        return code;
    struct newton newton = {
        .method = settings->method, .low = settings->low, .high = settings->high, .x = x, .total = total};
    if (make_newton(&newton, weight)) {
        double scale = rescale(&newton);
        iterate(&newton, settings, calibrated);
        for (size_t row = 0; row < x->row_count; row++)
            ret_factor[row] = scale * (1 + grow(&newton, newton.linear[row]));
    } else {
        code = jb_error_set(error, JB_MEMORY, "no memory for %zu rows", x->row_count);
    }
    for (size_t row = 0; row < x->row_count && !code; row++) {
        if (!isfinite(ret_factor[row]))
            code = jb_error_set(error, JB_INPUT,
                                "%s: the calibration runs away; widen low and high, or join levels",
                                jb_answers_name(targets->answers));
    }
    jb_calibration_free(x);
    free(newton.weight);
    free(newton.linear);
    free(newton.eta);
    free(newton.sample);
    free(newton.misfit);
    free(newton.square);
    free(newton.step);
    free(newton.is_out);
    return code;
}
