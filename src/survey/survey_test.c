/* What holds of designs, intervals and comparisons by hand, beside the agreement with a peer. */
#include "base/cleanup.h"
#include "base/distribution.h"
#include "base/random.h"
#include "survey/inference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void near(double found, double expected, double relative) {
    if (!(fabs(found - expected) <= relative * fabs(expected)))
        fail_msg("%.17g is not %.17g", found, expected);
}

static void t_of_many_degrees_follows_its_expansion(void **state) {
    (void)state;
    const double ps[] = {0.6, 0.975, 0.999};
    for (size_t i = 0; i < JB_COUNT(ps); i++) {
        double z = jb_normal_quantile(ps[i]), df = 1e6, cube = z * z * z;
        /* Abramowitz and Stegun 26.7.5; the next term is below 1e-17. */
        double t = z + (cube + z) / (4 * df) + (5 * cube * z * z + 16 * cube + 3 * z) / (96 * df * df);
        near(jb_t_quantile(ps[i], df), t, 1e-13);
        near(jb_t_two_sided(t, df), 2 * (1 - ps[i]), 1e-11);
    }
    near(jb_t_quantile(0.975, INFINITY), 1.959963984540054, 1e-15);
}

/* Against R's pt and qt. */
static void t_of_a_thousand_degrees_has_all_digits(void **state) {
    (void)state;
    near(jb_t_two_sided(0.1, 1001.5), 9.2036433900705039e-01, 1e-13);
    near(jb_t_two_sided(1.96, 1001.5), 5.0272769329157613e-02, 1e-13);
    near(jb_t_two_sided(9.9, 1001.5), 4.1459988891797652e-22, 1e-12);
    near(jb_t_two_sided(9.9, 76000), 4.2990272582040271e-23, 1e-12);
    near(jb_t_quantile(0.6, 1001.5), 0.2534144148559474, 1e-13);
    near(jb_t_quantile(0.975, 76000), 1.95999519912385467, 1e-13);
    near(jb_t_quantile(0.99999, 76000), 4.26516002022909202, 1e-13);
    /* The expansion and the fraction meet where one takes over from the other. */
    double a = 500, t = 3.1;
    near(jb_t_two_sided(t, 2 * a), jb_t_two_sided(t, 2 * a * (1 - 1e-13)), 1e-12);
}

static void quantiles_turn_probabilities_round(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(7);
    for (int i = 0; i < 300; i++) {
        double a = exp(12 * jb_random_unit(&random) - 3), b = exp(12 * jb_random_unit(&random) - 3);
        double p = 0.001 + 0.998 * jb_random_unit(&random), x = jb_beta_quantile(p, a, b);
        if (x > 1e-9 && x < 1 - 1e-4)
            near(jb_beta_probability(x, a, b), p, 1e-9);
    }
}

static void nobody_and_everybody_have_clopper_pearson_ends(void **state) {
    (void)state;
    struct jb_proportion none = {.value = 0, .variance = 0, .row_count = 60, .kish = 50, .df = 49};
    double low, high;
    jb_proportion_interval(JB_INTERVAL_XLOGIT, &none, 0.95, &low, &high);
    assert_true(low == 0);
    near(high, 1 - pow(0.025, 1.0 / 50), 1e-12);
    none.value = 1;
    jb_proportion_interval(JB_INTERVAL_BETA, &none, 0.95, &low, &high);
    assert_true(high == 1);
    near(low, pow(0.025, 1.0 / 50), 1e-12);
}

static void wilson_is_the_root_of_its_score(void **state) {
    (void)state;
    struct jb_proportion half = {.value = 0.3, .variance = 0.3 * 0.7 / 120, .row_count = 200, .df = 80};
    double ends[2], t = jb_t_quantile(0.975, 80);
    jb_proportion_interval(JB_INTERVAL_WILSON, &half, 0.95, &ends[0], &ends[1]);
    for (int i = 0; i < 2; i++)
        near(fabs(ends[i] - 0.3) / sqrt(ends[i] * (1 - ends[i]) / 120), t, 1e-12);
}

static void false_discoveries_are_adjusted_as_by_hand(void **state) {
    (void)state;
    double p[] = {0.01, NAN, 0.04, 0.03, 0.5};
    assert_int_equal(jb_adjust_discoveries(p, JB_COUNT(p), NULL), JB_OK);
    near(p[0], 0.04, 1e-15);
    assert_true(isnan(p[1]));
    near(p[2], 0.16 / 3, 1e-15);
    near(p[3], 0.16 / 3, 1e-15);
    near(p[4], 0.5, 1e-15);
}

static void wrong_designs_are_named_with_their_row(void **state) {
    (void)state;
    double weight[] = {1, 2, -1, 1}, size[] = {1.5, 1.5, 1.5, 1.5}, fine[] = {1, 2, 1, 1}, y[] = {1, 2, 3, 4};
    uint32_t stratum[] = {0, 0, 0, 1}, block[] = {0, 0, 0, 0};
    struct jb_design design = {.count = 4, .weight = weight, .stage_count = 1};
    struct jb_error error = {0};
    assert_int_equal(jb_design_prepare(&design, &error), JB_INPUT);
    assert_non_null(strstr(error.message, "row 3"));
    weight[2] = NAN;
    assert_int_equal(jb_design_prepare(&design, &error), JB_INPUT);
    design.weight = fine;
    design.stages[0].population = size;
    assert_int_equal(jb_design_prepare(&design, &error), JB_INPUT);
    assert_non_null(strstr(error.message, "smaller than the 4"));
    design.stages[0] = (struct jb_design_stage){.stratum = stratum};
    assert_int_equal(jb_design_prepare(&design, &error), JB_OK);
    struct jb_variables variables = {.width = 1, .block_count = 1, .block = block, .y = y};
    struct jb_estimates estimates;
    assert_int_equal(jb_estimate(&design, JB_MEAN, &variables, &error, &estimates), JB_INPUT);
    assert_non_null(strstr(error.message, "row 4"));
    assert_non_null(strstr(error.message, "single PSU"));
    jb_design_finish(&design);
}

/* Simulated simple random samples: how often xlogit's 95 % interval holds the truth. */
static void xlogit_intervals_hold_what_they_promise(void **state) {
    (void)state;
    static const double truths[] = {0.05, 0.2, 0.5, 0.95};
    static const size_t sizes[] = {100, 400, 1300};
    struct jb_random random = jb_random_make(2024);
    for (size_t i = 0; i < JB_COUNT(truths) * JB_COUNT(sizes); i++) {
        double truth = truths[i / JB_COUNT(sizes)];
        size_t n = sizes[i % JB_COUNT(sizes)], held = 0, runs = 4000;
        for (size_t run = 0; run < runs; run++) {
            size_t yes = 0;
            for (size_t k = 0; k < n; k++)
                yes += jb_random_unit(&random) < truth;
            double p = (double)yes / (double)n, low, high;
            struct jb_proportion proportion = {.value = p,
                                               .variance = p * (1 - p) / (double)(n - 1),
                                               .row_count = n,
                                               .kish = (double)n,
                                               .df = (double)(n - 1)};
            jb_proportion_interval(JB_INTERVAL_XLOGIT, &proportion, 0.95, &low, &high);
            held += low <= truth && truth <= high;
        }
        double share = (double)held / (double)runs;
        if (share < 0.93 || share > 0.97)
            fail_msg("p %g, n %zu: %g", truth, n, share);
    }
}

/* The same of a weighted, stratified sample, from its rows: markets of their own level and weight, of which
 * one is looked at, and all. */
static void xlogit_intervals_hold_in_weighted_strata(void **state) {
    (void)state;
    static const double truths[] = {0.05, 0.3, 0.5, 0.8, 0.95};
    static const size_t sizes[] = {100, 1300};
    enum { RUNS = 1500, STRATA = 5, MOST = 1300 };
    struct jb_random random = jb_random_make(2025);
    static uint32_t stratum[MOST], block[MOST];
    static double weight[MOST], y[MOST];
    for (size_t i = 0; i < JB_COUNT(truths) * JB_COUNT(sizes); i++) {
        double truth = truths[i / JB_COUNT(sizes)];
        size_t n = sizes[i % JB_COUNT(sizes)], held = 0;
        struct jb_design design = {
            .count = n, .weight = weight, .stages = {{.stratum = stratum}}, .stage_count = 1};
        for (size_t row = 0; row < n; row++) {
            stratum[row] = (uint32_t)(row % STRATA);
            weight[row] = 1 + 0.25 * (double)stratum[row];
            block[row] = 0;
        }
        assert_int_equal(jb_design_prepare(&design, NULL), JB_OK);
        for (size_t run = 0; run < RUNS; run++) {
            struct jb_estimates e;
            struct jb_variables variables = {.width = 1, .block_count = 1, .block = block, .y = y};
            for (size_t row = 0; row < n; row++) {
                /* Levels differ by the stratum, and weigh out to the truth: weights 1, 1.25 … 2 around 1.5.
                 */
                double away = 0.4 * truth * (1 - truth) * ((double)stratum[row] - 2 - 1.0 / 3);
                y[row] = jb_random_unit(&random) < truth + away;
            }
            assert_int_equal(jb_estimate(&design, JB_MEAN, &variables, NULL, &e), JB_OK);
            struct jb_proportion proportion = {e.value[0], e.covariance[0], n, e.kish[0], e.df[0]};
            double low, high;
            jb_proportion_interval(JB_INTERVAL_XLOGIT, &proportion, 0.95, &low, &high);
            held += low <= truth && truth <= high;
            jb_estimates_free(&e);
        }
        jb_design_finish(&design);
        double share = (double)held / RUNS;
        if (share < 0.93 || share > 0.97)
            fail_msg("p %g, n %zu: %g", truth, n, share);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xlogit_intervals_hold_in_weighted_strata),
        cmocka_unit_test(t_of_many_degrees_follows_its_expansion),
        cmocka_unit_test(t_of_a_thousand_degrees_has_all_digits),
        cmocka_unit_test(quantiles_turn_probabilities_round),
        cmocka_unit_test(nobody_and_everybody_have_clopper_pearson_ends),
        cmocka_unit_test(wilson_is_the_root_of_its_score),
        cmocka_unit_test(false_discoveries_are_adjusted_as_by_hand),
        cmocka_unit_test(wrong_designs_are_named_with_their_row),
        cmocka_unit_test(xlogit_intervals_hold_what_they_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
