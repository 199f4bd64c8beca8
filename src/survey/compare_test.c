/* Sobol indices, the root of a covariance, tiers, and rankings whose answer is known. */
#include "base/random.h"
#include "survey/cholesky.h"
#include "survey/compare.h"
#include "survey/sobol.h"

#include "base/cleanup.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Ishigami's function, whose indices are known (Saltelli and others 2008, "Global Sensitivity
 * Analysis", 4.5). */
static double ishigami(const double *x) {
    return sin(x[0]) + 7 * sin(x[1]) * sin(x[1]) + 0.1 * x[2] * x[2] * x[2] * x[2] * sin(x[0]);
}

static void sobol_indices_of_ishigami_are_found(void **state) {
    (void)state;
    const double first[] = {0.3139, 0.4424, 0}, total[] = {0.5576, 0.4424, 0.2437};
    struct jb_random random = jb_random_make(5);
    struct jb_sobol sobol[3] = {0}, still = {0};
    for (size_t draw = 0; draw < 100000; draw++) {
        double a[3], b[3];
        for (size_t i = 0; i < 3; i++) {
            a[i] = M_PI * (2 * jb_random_unit(&random) - 1);
            b[i] = M_PI * (2 * jb_random_unit(&random) - 1);
        }
        for (size_t i = 0; i < 3; i++) {
            double changed[] = {a[0], a[1], a[2]};
            changed[i] = b[i];
            jb_sobol_add(&sobol[i], ishigami(a), ishigami(b), ishigami(changed));
        }
        jb_sobol_add(&still, 3, 3, 3);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_true(fabs(jb_sobol_first(&sobol[i]) - first[i]) < 0.02);
        assert_true(fabs(jb_sobol_total(&sobol[i]) - total[i]) < 0.02);
    }
    assert_true(isnan(jb_sobol_first(&still)) && isnan(jb_sobol_total(&still)));
}

static void a_singular_covariance_has_a_root(void **state) {
    (void)state;
    /* Two blocks; in the first the third figure is the sum of the other two, in the second nothing varies
     * once. */
    enum { N = 5 };
    const double matrix[N * N] = {4, 1, 5, 0, 0, 1, 2, 3, 0, 0, 5, 3, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
    double root[N * N];
    size_t first[N];
    memcpy(root, matrix, sizeof(root));
    jb_cholesky_factor(root, N, first);
    assert_int_equal(first[4], 4);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k <= j; k++)
                sum += root[i * N + k] * root[j * N + k];
            assert_true(fabs(sum - matrix[i * N + j]) < 1e-12);
        }
    }
}

static void tiers_part_where_the_leader_is_surely_above(void **state) {
    (void)state;
    const double score[] = {50, 60, NAN, 59, 40, 41};
    double above[36];
    unsigned tier[6];
    for (size_t i = 0; i < 36; i++)
        above[i] = 0.5;
    above[1 * 6 + 0] = 0.96; /* 60 over 50 is sure, over 59 it is not */
    above[1 * 6 + 4] = above[1 * 6 + 5] = 1;
    above[0 * 6 + 4] = 0.94, above[0 * 6 + 5] = 0.97;
    jb_compare_tiers(6, score, above, 0.95, tier);
    const unsigned expected[] = {2, 1, 0, 1, 2, 3};
    assert_memory_equal(tier, expected, sizeof(tier));
}

/* ---- rankings ---- */

enum { GROUPS = 4, N = 200, ITEMS = 3 };

static const struct jb_index model = {
    .pillar_count = 2,
    .item_count = ITEMS,
    .pillars = {{.name = "p", .weight = 0.5}, {.name = "q", .weight = 0.5, .is_contested = true}},
    .items = {{.name = "a", .pillar = 0, .weight = 1},
              {.name = "b", .pillar = 1, .weight = 0.5},
              {.name = "c", .pillar = 1, .weight = 0.5}},
};

/* Groups 0 and 1 say the same, 2 says yes to more of everything, 3 has too few people. */
static struct jb_comparison compare(const struct jb_index *index, uint64_t seed) {
    double values[GROUPS * N * ITEMS], weight[GROUPS * N];
    uint32_t block[GROUPS * N];
    for (size_t row = 0; row < GROUPS * N; row++) {
        size_t group = row / N, i = row % N;
        block[row] = group == 3 && i >= 20 ? UINT32_MAX : (uint32_t)group;
        weight[row] = 1;
        for (size_t j = 0; j < ITEMS; j++)
            values[row * ITEMS + j] = (i * 7 + j * 31) % N < (group == 2 ? 190 : 90) ? 100 : 0;
    }
    struct jb_design design = {.count = GROUPS * N, .weight = weight, .stage_count = 1};
    struct jb_scoring scoring;
    struct jb_comparison made;
    struct jb_compare_options options = {
        .draws = JB_COMPARE_DRAWS, .seed = seed, .concentration = 4, .confidence = 0.95, .separation = 0.95};
    assert_int_equal(jb_design_prepare(&design, NULL), JB_OK);
    assert_int_equal(jb_score(&design, index, values, block, GROUPS, NULL, &scoring), JB_OK);
    assert_int_equal(jb_compare(&scoring, &options, NULL, &made), JB_OK);
    jb_scoring_free(&scoring);
    jb_design_finish(&design);
    return made;
}

static void equal_groups_share_a_tier_and_a_surely_higher_one_does_not(void **state) {
    (void)state;
    struct jb_index settled = model;
    settled.pillars[1].is_contested = false;
    struct jb_comparison made = compare(&settled, 1);
    assert_true(fabs(made.above[0 * GROUPS + 1] - 0.5) < 0.02);
    assert_true(fabs(made.above[0 * GROUPS + 1] + made.above[1 * GROUPS + 0] - 1) < 1e-12);
    assert_true(made.above[2 * GROUPS + 0] > 0.999 && isnan(made.above[2 * GROUPS + 3]));
    assert_int_equal(made.tier[2], 1);
    assert_int_equal(made.tier[0], 2);
    assert_int_equal(made.tier[1], 2);
    assert_int_equal(made.tier[3], 0);
    assert_true(made.rank_low[2] == 1 && made.rank_high[2] == 1 && made.rank_low[0] == 2 &&
                made.rank_high[0] == 3);
    assert_true(isnan(made.score[3]) && isnan(made.rank_low[3]));
    assert_false(made.has_source[JB_SOURCE_SIGN]);
    assert_true(isnan(made.first[0][JB_SOURCE_SIGN]));
    /* Group 2 never moves; whether 0 is above 1 hangs on sampling more than on anything else. */
    assert_true(isnan(made.total[1 + 2][JB_SOURCE_SAMPLING]));
    assert_true(made.total[1 + 0][JB_SOURCE_SAMPLING] > 0.9);
    jb_comparison_free(&made);
}

static void a_contested_sign_turns_the_order(void **state) {
    (void)state;
    struct jb_comparison made = compare(&model, 1);
    /* Turned round, what is high in both pillars is in the middle: nobody is surely above any more. */
    assert_true(made.has_source[JB_SOURCE_SIGN]);
    assert_true(made.above[2 * GROUPS + 0] < 0.9);
    assert_int_equal(made.tier[0], 1);
    assert_true(made.total[1 + 2][JB_SOURCE_SIGN] > 0.3);
    assert_true(made.total[1 + 2][JB_SOURCE_SIGN] >= made.first[1 + 2][JB_SOURCE_SIGN]);
    jb_comparison_free(&made);
}

static void a_seed_gives_the_same_draws(void **state) {
    (void)state;
    struct jb_comparison one = compare(&model, 7), same = compare(&model, 7), other = compare(&model, 8);
    assert_memory_equal(one.above, same.above, 3 * sizeof(double));
    assert_true(one.above[1] != other.above[1]);
    assert_true(fabs(one.above[1] - other.above[1]) < 0.03);
    jb_comparison_free(&one);
    jb_comparison_free(&same);
    jb_comparison_free(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sobol_indices_of_ishigami_are_found),
        cmocka_unit_test(a_singular_covariance_has_a_root),
        cmocka_unit_test(tiers_part_where_the_leader_is_surely_above),
        cmocka_unit_test(equal_groups_share_a_tier_and_a_surely_higher_one_does_not),
        cmocka_unit_test(a_contested_sign_turns_the_order),
        cmocka_unit_test(a_seed_gives_the_same_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
