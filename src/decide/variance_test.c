/* Sobol indices against closed forms. */
#include "decide/variance.h"

#include "base/cleanup.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>

#define assert_near(value, wanted, error) assert_true(fabs((value) - (wanted)) <= (error))

#define BLOCK     1000
#define BLOCKS    60
#define DIMENSION 8

/* A figure of several uniform inputs on [0, 1), and its indices by theory. */
struct figure {
    double (*value)(const double *x);
    size_t count;
    double first[DIMENSION], total[DIMENSION];
};

/* Ishigami and Homma 1990, a = 7, b = 0.1. */
static double ishigami(const double *x) {
    double z[3];
    for (int i = 0; i < 3; i++)
        z[i] = M_PI * (2 * x[i] - 1);
    return sin(z[0]) + 7 * sin(z[1]) * sin(z[1]) + 0.1 * pow(z[2], 4) * sin(z[0]);
}

/* Sobol's g-function. */
static const double g_weights[DIMENSION] = {0, 1, 4.5, 9, 99, 99, 99, 99};
static double g_function(const double *x) {
    double value = 1;
    for (int i = 0; i < DIMENSION; i++)
        value *= (fabs(4 * x[i] - 2) + g_weights[i]) / (1 + g_weights[i]);
    return value;
}

static void indices_hold(const struct figure *figure) {
    static struct jb_index_sums sums[BLOCKS][DIMENSION];
    struct jb_random random = jb_random_make(11);
    double a[DIMENSION], b[DIMENSION], total = 0, squares = 0,
                                       centre = figure->value((double[DIMENSION]){0.5});
    for (size_t i = 0; i < BLOCKS; i++) {
        for (size_t k = 0; k < DIMENSION; k++)
            sums[i][k] = (struct jb_index_sums){0};
        for (size_t d = 0; d < BLOCK; d++) {
            for (size_t k = 0; k < figure->count; k++)
                a[k] = jb_random_unit(&random);
            for (size_t k = 0; k < figure->count; k++)
                b[k] = jb_random_unit(&random);
            double f_a = figure->value(a), f_b = figure->value(b);
            total += f_a;
            squares += f_a * f_a;
            for (size_t k = 0; k < figure->count; k++) {
                double kept = a[k];
                a[k] = b[k];
                double change = figure->value(a) - f_a;
                a[k] = kept;
                jb_index_add(&sums[i][k], &f_b, &change, 1, centre);
            }
        }
    }
    double n = (double)BLOCK * BLOCKS, mean = total / n, variance = squares / n - mean * mean;
    for (size_t k = 0; k < figure->count; k++) {
        struct jb_index first, whole;
        jb_index_finish(&sums[0][k], BLOCKS, DIMENSION, BLOCK * BLOCKS, centre, mean, variance, &first,
                        &whole);
        assert_near(first.value, figure->first[k], 0.02);
        assert_near(whole.value, figure->total[k], 0.02);
        /* Twice the interval: it holds 95 %, and 22 of them are looked at. */
        assert_true(fabs(first.value - figure->first[k]) <=
                    2 * fmax(first.high - first.value, first.value - first.low) + 1e-3);
        assert_true(fabs(whole.value - figure->total[k]) <= 2 * (whole.high - whole.value) + 1e-3);
        assert_true(first.high - first.low < 0.05 && whole.high - whole.low < 0.05);
    }
}

static void ishigami_has_its_indices(void **state) {
    (void)state;
    double a = 7, b = 0.1, pi4 = pow(M_PI, 4), pi8 = pi4 * pi4;
    double variance = a * a / 8 + b * pi4 / 5 + b * b * pi8 / 18 + 0.5;
    double first1 = 0.5 * pow(1 + b * pi4 / 5, 2), first2 = a * a / 8,
           both = b * b * pi8 * (1.0 / 18 - 1.0 / 50);
    struct figure figure = {.value = ishigami,
                            .count = 3,
                            .first = {first1 / variance, first2 / variance, 0},
                            .total = {(first1 + both) / variance, first2 / variance, both / variance}};
    indices_hold(&figure);
}

static void the_g_function_has_its_indices(void **state) {
    (void)state;
    struct figure figure = {.value = g_function, .count = DIMENSION};
    double parts[DIMENSION], whole = 1;
    for (int i = 0; i < DIMENSION; i++) {
        parts[i] = 1 / (3 * pow(1 + g_weights[i], 2));
        whole *= 1 + parts[i];
    }
    for (int i = 0; i < DIMENSION; i++) {
        figure.first[i] = parts[i] / (whole - 1);
        figure.total[i] = parts[i] * whole / (1 + parts[i]) / (whole - 1);
    }
    indices_hold(&figure);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ishigami_has_its_indices),
        cmocka_unit_test(the_g_function_has_its_indices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
