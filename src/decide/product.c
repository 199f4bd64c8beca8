/* Products of uncertain inputs. */
#include "base/array.h"
#include "decide/formula.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void jb_uncertain_free(struct jb_uncertain_list *inputs) {
    if (!inputs)
        return;
    for (size_t i = 0; i < inputs->count; i++)
        free(inputs->items[i].distribution.values);
    free(inputs->items);
    *inputs = (struct jb_uncertain_list){0};
}

enum jb_code jb_uncertain_add(struct jb_uncertain_list *inputs, const struct jb_uncertain *input,
                              struct jb_error *error, uint16_t *ret_index) {
    enum jb_code code = jb_array_reserve(&inputs->items, &inputs->capacity, inputs->count + 1,
                                         JB_INPUT_CEILING, "uncertain inputs", error);
    if (code)
        return code;
    inputs->items[inputs->count] = *input;
    *ret_index = (uint16_t)inputs->count++;
    return JB_OK;
}

struct jb_product jb_product_of(double constant) {
    return (struct jb_product){.constant = constant};
}

/* Adds powers of one input to what is there. */
static enum jb_code add_factor(struct jb_product *product, uint16_t input, int power, int complement,
                               struct jb_error *error) {
    size_t i = 0;
    while (i < product->count && product->factors[i].input != input)
        i++;
    if (i == JB_PRODUCT_FACTORS)
        return jb_error_set(error, JB_INPUT, "more than %d uncertain inputs in one product",
                            JB_PRODUCT_FACTORS);
    if (i == product->count) {
        product->factors[i].input = input;
        product->factors[i].power = product->factors[i].complement = 0;
        product->count++;
    }
    power += product->factors[i].power;
    complement += product->factors[i].complement;
    if (power < -4 || power > 4 || complement < -4 || complement > 4)
        return jb_error_set(error, JB_INPUT, "an input stands in one product more than 4 times");
    product->factors[i].power = (int8_t)power;
    product->factors[i].complement = (int8_t)complement;
    return JB_OK;
}

enum jb_code jb_product_multiply(struct jb_product *to, const struct jb_product *by, int power,
                                 struct jb_error *error) {
    struct jb_product result = *to;
    enum jb_code code = JB_OK;
    if (power < 0 && by->constant == 0)
        return jb_error_set(error, JB_INPUT, "a division by zero");
    result.constant = power < 0 ? to->constant / by->constant : to->constant * by->constant;
    if (!isfinite(result.constant))
        return jb_error_set(error, JB_INPUT, "the product is too large a number");
    if (!jb_dimension_add(&result.dimension, &by->dimension, power))
        return jb_error_set(error, JB_INPUT, "a unit's power is beyond 8");
    for (size_t i = 0; i < by->count && !code; i++)
        code = add_factor(&result, by->factors[i].input, power * by->factors[i].power,
                          power * by->factors[i].complement, error);
    if (!code)
        *to = result;
    return code;
}

enum jb_code jb_product_multiply_complement(struct jb_product *to, const struct jb_product *by,
                                            struct jb_error *error) {
    if (by->count == 0) {
        to->constant *= 1 - by->constant;
        return JB_OK;
    }
    if (by->count > 1 || by->constant != 1 || by->factors[0].power != 1 || by->factors[0].complement != 0)
        return jb_error_set(error, JB_INPUT,
                            "must be one number or one distribution, such as triangular(5 %%, 10 %%, 20 %%)");
    return add_factor(to, by->factors[0].input, 0, 1, error);
}

static double power_of(double x, int power) {
    double value = 1;
    for (int i = power < 0 ? -power : power; i > 0; i--)
        value *= x;
    return power < 0 ? 1 / value : value;
}

double jb_product_value(const struct jb_product *product, const double *values) {
    double value = product->constant;
    for (size_t i = 0; i < product->count; i++) {
        double x = values[product->factors[i].input];
        if (product->factors[i].power)
            value *= power_of(x, product->factors[i].power);
        if (product->factors[i].complement)
            value *= power_of(1 - x, product->factors[i].complement);
    }
    return value;
}

/* [*low, *high] × [a, b], with 0 × infinity = 0. */
static void multiply_interval(double *low, double *high, double a, double b) {
    const double ends[] = {*low == 0 || a == 0 ? 0 : *low * a, *low == 0 || b == 0 ? 0 : *low * b,
                           *high == 0 || a == 0 ? 0 : *high * a, *high == 0 || b == 0 ? 0 : *high * b};
    *low = fmin(fmin(ends[0], ends[1]), fmin(ends[2], ends[3]));
    *high = fmax(fmax(ends[0], ends[1]), fmax(ends[2], ends[3]));
}

static void raise_interval(double *low, double *high, double a, double b, int power) {
    if (power < 0) { /* who divides sees to it that a > 0; an end of 0 of a lognormal makes infinity */
        double inverse = a > 0 ? 1 / a : INFINITY;
        a = 1 / b;
        b = inverse;
        power = -power;
    }
    for (; power > 0; power--)
        multiply_interval(low, high, a, b);
}

void jb_product_support(const struct jb_product *product, const struct jb_uncertain_list *inputs,
                        double *ret_low, double *ret_high) {
    double low = product->constant, high = product->constant;
    for (size_t i = 0; i < product->count; i++) {
        double a, b;
        jb_distribution_support(&inputs->items[product->factors[i].input].distribution, &a, &b);
        raise_interval(&low, &high, a, b, product->factors[i].power);
        raise_interval(&low, &high, 1 - b, 1 - a, product->factors[i].complement);
    }
    *ret_low = low;
    *ret_high = high;
}
