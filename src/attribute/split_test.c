/* Properties of exact splits: conservation, no negative part, determinism, no starvation. */
#include "attribute/split.h"

#include "base/cleanup.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t total(const struct jb_share *shares, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += shares[i].part;
    return sum;
}

static uint64_t random_magnitude(struct jb_random *random, unsigned bits) {
    unsigned width = (unsigned)jb_random_below(random, bits + 1);
    return width == 0 ? 0 : jb_random_uint64(random) >> (64 - width);
}

static void parts_sum_to_the_whole(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(1);
    enum { CEILING = 40 };
    for (int round = 0; round < 120000; round++) {
        struct jb_share shares[CEILING];
        size_t count = 1 + jb_random_below(&random, CEILING);
        uint64_t any = 0;
        for (size_t i = 0; i < count; i++) {
            shares[i] = (struct jb_share){
                .weight = random_magnitude(&random, 64),
                .carry = (int64_t)jb_random_below(&random, (UINT64_C(2) << 32) + 1) - (INT64_C(1) << 32),
            };
            any |= shares[i].weight;
        }
        uint64_t whole = random_magnitude(&random, 63);
        bool done = jb_split(whole, shares, count);
        /* Weights that vanish beside others that fill 64 bits may all shift to nothing only if all are 0. */
        assert_int_equal(done, any != 0);
        if (!done)
            continue;
        assert_true(total(shares, count) == whole);
        for (size_t i = 0; i < count; i++) {
            assert_true(shares[i].part <= whole);
            assert_true(shares[i].carry <= INT64_C(1) << 32 && shares[i].carry >= -(INT64_C(1) << 32));
        }
    }
}

static void each_part_is_within_one_unit_of_its_due(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(2);
    for (int round = 0; round < 20000; round++) {
        struct jb_share shares[8] = {0};
        uint64_t sum = 0, whole = random_magnitude(&random, 40);
        for (size_t i = 0; i < 8; i++) {
            shares[i].weight = jb_random_below(&random, 1000000);
            sum += shares[i].weight;
        }
        if (!jb_split(whole, shares, 8))
            continue;
        for (size_t i = 0; i < 8; i++) {
            long double due = (long double)whole * shares[i].weight / sum;
            assert_true(fabsl((long double)shares[i].part - due) < 1.0L);
        }
    }
}

static void small_users_are_not_starved(void **state) {
    (void)state;
    /* 1/10,000 of the use, and wholes so small that its due is 1/1000 of a unit each time. */
    struct jb_share shares[2] = {{.weight = 9999}, {.weight = 1}};
    uint64_t got = 0, given = 0;
    for (int round = 0; round < 1000000; round++) {
        assert_true(jb_split(10, shares, 2));
        got += shares[1].part;
        given += 10;
    }
    assert_in_range(got, given / 10000 - 1, given / 10000 + 1);
}

static void many_small_users_each_get_their_due_over_time(void **state) {
    (void)state;
    enum { USERS = 1000 };
    struct jb_share shares[USERS];
    uint64_t got[USERS] = {0};
    struct jb_random random = jb_random_make(3);
    memset(shares, 0, sizeof shares);
    for (size_t i = 0; i < USERS; i++)
        shares[i].weight = 1 + jb_random_below(&random, 3);
    uint64_t sum = 0;
    for (size_t i = 0; i < USERS; i++)
        sum += shares[i].weight;
    enum { ROUNDS = 3000 };
    for (int round = 0; round < ROUNDS; round++) {
        assert_true(jb_split(137, shares, USERS));
        for (size_t i = 0; i < USERS; i++)
            got[i] += shares[i].part;
    }
    for (size_t i = 0; i < USERS; i++) {
        double due = 137.0 * ROUNDS * (double)shares[i].weight / (double)sum;
        assert_true(fabs((double)got[i] - due) < 2.0);
    }
}

static void all_weights_zero_is_left_to_the_caller(void **state) {
    (void)state;
    struct jb_share shares[2] = {{.carry = 5}, {.part = 7}};
    assert_false(jb_split(100, shares, 2));
    assert_int_equal(shares[0].carry, 5);
    assert_int_equal(shares[1].part, 7);
    assert_false(jb_split(100, shares, 0));
}

static void the_largest_remainders_come_first(void **state) {
    (void)state;
    /* Dues 0.6, 0.9, 0.8, 0.7: three units go to the 0.9, 0.8 and 0.7. */
    struct jb_share shares[4] = {{.weight = 6}, {.weight = 9}, {.weight = 8}, {.weight = 7}};
    assert_true(jb_split(3, shares, 4));
    assert_int_equal(shares[0].part, 0);
    assert_int_equal(shares[1].part, 1);
    assert_int_equal(shares[2].part, 1);
    assert_int_equal(shares[3].part, 1);
}

static void ties_go_to_the_first(void **state) {
    (void)state;
    struct jb_share shares[3] = {{.weight = 1}, {.weight = 1}, {.weight = 1}};
    assert_true(jb_split(2, shares, 3));
    assert_int_equal(shares[0].part, 1);
    assert_int_equal(shares[1].part, 1);
    assert_int_equal(shares[2].part, 0);
    assert_true(jb_split(1, shares, 3));
    assert_int_equal(shares[2].part, 1);
}

static void prorating_is_additive(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(4);
    for (int round = 0; round < 10000; round++) {
        uint64_t amount = random_magnitude(&random, 63), length = 1 + random_magnitude(&random, 60);
        uint64_t cut = jb_random_below(&random, length + 1);
        uint64_t first = jb_prorate(amount, cut, length);
        assert_true(first <= amount);
        assert_true(jb_prorate(amount, length, length) - first + first == amount);
    }
    assert_int_equal(jb_prorate(10, 1, 3), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_sum_to_the_whole),
        cmocka_unit_test(each_part_is_within_one_unit_of_its_due),
        cmocka_unit_test(small_users_are_not_starved),
        cmocka_unit_test(many_small_users_each_get_their_due_over_time),
        cmocka_unit_test(all_weights_zero_is_left_to_the_caller),
        cmocka_unit_test(the_largest_remainders_come_first),
        cmocka_unit_test(ties_go_to_the_first),
        cmocka_unit_test(prorating_is_additive),
    };
    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
