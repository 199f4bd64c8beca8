/* Distributions of uncertain inputs. */
#include "decide/formula.h"

#include <assert.h>
#include <math.h>

#define Z95 1.959963984540054 /* the 0.975 quantile of the standard normal */

double jb_distribution_draw(const struct jb_distribution *d, struct jb_random *random) {
    switch (d->kind) {
    case JB_NORMAL:
        return d->a + d->b * jb_random_normal(random);
    case JB_LOGNORMAL:
        return d->a * exp(log(d->b) * jb_random_normal(random));
    case JB_TRIANGULAR:
    case JB_UNIFORM:
        break;
    case JB_DATA:
        return d->values[jb_random_below(random, d->value_count)];
    }
    double u = jb_random_unit(random);
    if (d->kind == JB_UNIFORM)
        return d->a + (d->b - d->a) * u;
    /* By the inverse of its distribution function. */
    double whole = d->c - d->a, rise = (d->b - d->a) / whole;
    return u < rise ? d->a + whole * sqrt(u * rise) : d->c - whole * sqrt((1 - u) * (1 - rise));
}

static double quantile(const struct jb_distribution *d, double p, double z) {
    switch (d->kind) {
    case JB_NORMAL:
        return d->a + d->b * z;
    case JB_LOGNORMAL:
        return d->a * pow(d->b, z);
    case JB_UNIFORM:
        return d->a + (d->b - d->a) * p;
    case JB_TRIANGULAR:
        break;
    case JB_DATA:
        return d->values[(size_t)fmin(floor(p * (double)d->value_count), (double)(d->value_count - 1))];
    }
    double whole = d->c - d->a, rise = (d->b - d->a) / whole;
    return p < rise ? d->a + whole * sqrt(p * rise) : d->c - whole * sqrt((1 - p) * (1 - rise));
}

double jb_distribution_median(const struct jb_distribution *distribution) {
    return quantile(distribution, 0.5, 0);
}

void jb_distribution_interval(const struct jb_distribution *distribution, double *ret_low, double *ret_high) {
    *ret_low = quantile(distribution, 0.025, -Z95);
    *ret_high = quantile(distribution, 0.975, Z95);
}

void jb_distribution_support(const struct jb_distribution *d, double *ret_low, double *ret_high) {
    *ret_low = d->kind == JB_NORMAL      ? -INFINITY
               : d->kind == JB_LOGNORMAL ? 0
               : d->kind == JB_DATA      ? d->values[0]
                                         : d->a;
    *ret_high = d->kind == JB_TRIANGULAR ? d->c
                : d->kind == JB_UNIFORM  ? d->b
                : d->kind == JB_DATA     ? d->values[d->value_count - 1]
                                         : INFINITY;
}

enum jb_code jb_distribution_check(const struct jb_distribution *d, struct jb_error *error) {
    switch (d->kind) {
    case JB_NORMAL:
        if (!(d->b > 0))
            return jb_error_set(error, JB_INPUT, "normal(mean, sd): the standard deviation is not above 0");
        break;
    case JB_LOGNORMAL:
        if (!(d->a > 0) || !(d->b > 1) || d->b > 1000)
            return jb_error_set(error, JB_INPUT,
                                "lognormal(median, gsd): the median is above 0, and the geometric standard "
                                "deviation above 1 (1.5: two of three values lie within a factor of 1.5)");
        break;
    case JB_TRIANGULAR:
        if (!(d->a <= d->b) || !(d->b <= d->c) || !(d->a < d->c))
            return jb_error_set(error, JB_INPUT,
                                "triangular(least, most likely, most): they are not in that order");
        break;
    case JB_UNIFORM:
        if (!(d->a < d->b))
            return jb_error_set(error, JB_INPUT, "uniform(least, most): they are not in that order");
        break;
    case JB_DATA:
        if (d->value_count == 0)
            return jb_error_set(error, JB_INPUT, "data(file, column): the column has no value");
        break;
    }
    return JB_OK;
}

struct jb_distribution jb_distribution_of_interval(double low, double high) {
    assert(low > 0 && low < high);
    return (struct jb_distribution){
        .kind = JB_LOGNORMAL, .a = sqrt(low * high), .b = exp(log(high / low) / (2 * Z95))};
}
