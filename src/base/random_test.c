/* The generator: reference values, no bias, the same stream everywhere. */
#include "base/random.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

/* xoshiro256** from state {1, 2, 3, 4}; the first outputs are those of the authors' reference code. */
static void follows_the_reference(void **state) {
    (void)state;
    struct jb_random random = {.state = {1, 2, 3, 4}};
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};
    for (int i = 0; i < 4; i++)
        assert_true(jb_random_uint64(&random) == expected[i]);
}

/* splitmix64 from 0 opens with this value in every implementation. */
static void is_seeded_by_splitmix(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(0), same = jb_random_make(0), other = jb_random_make(1);
    assert_true(random.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    uint64_t first = jb_random_uint64(&random);
    assert_true(first == jb_random_uint64(&same));
    assert_true(first != jb_random_uint64(&other));
}

static void below_is_fair(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(5);
    int seen[6] = {0};
    for (int i = 0; i < 60000; i++) {
        uint64_t value = jb_random_below(&random, 6);
        assert_true(value < 6);
        seen[value]++;
    }
    for (int i = 0; i < 6; i++)
        assert_in_range(seen[i], 9500, 10500); /* five standard deviations */
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(jb_random_below(&random, 1), 0);
        assert_true(jb_random_below(&random, UINT64_MAX) < UINT64_MAX);
    }
}

static void unit_lies_in_its_interval(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(6);
    double sum = 0;
    for (int i = 0; i < 100000; i++) {
        double value = jb_random_unit(&random);
        assert_true(value >= 0 && value < 1);
        sum += value;
    }
    assert_true(sum > 49500 && sum < 50500);
}

/* First two moments over 200,000 draws; the bands are six standard errors of each. */
static void normals_have_their_moments(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(11);
    double sum = 0, square = 0;
    int beyond = 0, count = 200000;
    for (int i = 0; i < count; i++) {
        double x = jb_random_normal(&random);
        sum += x;
        square += x * x;
        beyond += x > 1.959964 || x < -1.959964;
    }
    assert_true(fabs(sum / count) < 0.0135);
    assert_true(fabs(square / count - 1) < 0.019);
    assert_in_range(beyond, 9415, 10585); /* 5 % */
}

static void gammas_have_their_moments(void **state) {
    (void)state;
    static const double shapes[] = {0.3, 1, 2.5, 40};
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        struct jb_random random = jb_random_make(12 + k);
        double sum = 0, square = 0, shape = shapes[k];
        int count = 100000;
        for (int i = 0; i < count; i++) {
            double x = jb_random_gamma(&random, shape);
            assert_true(x >= 0);
            sum += x;
            square += x * x;
        }
        double mean = sum / count, variance = square / count - mean * mean;
        assert_true(fabs(mean - shape) < 6 * sqrt(shape / count));
        /* Var(s²) ≈ (μ₄ − σ⁴)/n with μ₄ = 3k² + 6k */
        assert_true(fabs(variance - shape) < 6 * sqrt((2 * shape * shape + 6 * shape) / count));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_reference),
        cmocka_unit_test(is_seeded_by_splitmix),
        cmocka_unit_test(below_is_fair),
        cmocka_unit_test(normals_have_their_moments),
        cmocka_unit_test(gammas_have_their_moments),
        cmocka_unit_test(unit_lies_in_its_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
