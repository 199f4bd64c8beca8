/* Attribution over random domains, intervals, weights and policies: the parts sum to the whole, always. */
#include "attribute/attribution.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 60, DOMAINS = 5 };

static uint64_t sum_of(const struct jb_attribution *attribution, uint32_t domain) {
    size_t count;
    uint64_t sum_uj = 0;
    const uint64_t *energy_uj = jb_attribution_of(attribution, domain, &count);
    for (size_t i = 0; energy_uj && i < count; i++)
        sum_uj += energy_uj[i];
    return sum_uj;
}

static size_t random_uses(struct jb_random *random, struct jb_use *uses) {
    size_t count = 0;
    for (uint32_t slot = JB_SLOT_KERNEL; slot < SLOTS; slot++) {
        if (jb_random_below(random, 4) == 0)
            uses[count++] =
                (struct jb_use){.slot = slot,
                                .amount = jb_random_below(random, 10)
                                              ? jb_random_uint64(random) >> jb_random_below(random, 64)
                                              : 0};
    }
    return count;
}

static void parts_sum_to_the_whole_under_every_policy(void **state) {
    (void)state;
    static const enum jb_domain_kind kinds[DOMAINS] = {JB_PACKAGE, JB_PACKAGE, JB_DRAM, JB_GPU,
                                                       JB_ACCELERATOR};
    struct jb_random random = jb_random_make(11);
    uint64_t cases = 0;
    for (int policy = JB_IDLE_SEPARATE; policy <= JB_IDLE_BY_RESERVATION; policy++) {
        struct jb_attribution *attribution;
        uint64_t expected_uj[DOMAINS] = {0};
        assert_int_equal(jb_attribution_make((enum jb_idle_policy)policy, NULL, &attribution), JB_OK);
        for (int tick = 0; tick < 9000; tick++) {
            struct jb_use cpu[SLOTS], memory[SLOTS], gpu[SLOTS];
            struct jb_tracker_tick usage = {.cpu = cpu, .memory = memory};
            usage.cpu_count = random_uses(&random, cpu);
            usage.memory_count = jb_random_below(&random, 2) ? random_uses(&random, memory) : 0;
            usage.memory_unheld_bytes = jb_random_uint64(&random) >> jb_random_below(&random, 64);
            size_t gpu_count = random_uses(&random, gpu);
            assert_int_equal(jb_attribution_begin(attribution, &usage, SLOTS, NULL), JB_OK);
            uint64_t tick_uj = 0;
            for (uint32_t d = 0; d < DOMAINS; d++) {
                uint64_t energy_uj = jb_random_uint64(&random) >> (20 + jb_random_below(&random, 44));
                uint64_t idle_uj = energy_uj ? jb_random_below(&random, energy_uj + 1) : 0;
                assert_int_equal(
                    jb_attribution_split(attribution, d, kinds[d], energy_uj, idle_uj, gpu, gpu_count, NULL),
                    JB_OK);
                expected_uj[d] += energy_uj;
                tick_uj += energy_uj;
                cases++;
            }
            uint64_t shown_uj = 0;
            for (size_t i = 0; i < SLOTS; i++)
                shown_uj += jb_attribution_tick(attribution)[i];
            assert_true(shown_uj == tick_uj);
            if (tick % 100 == 99) {
                for (uint32_t d = 0; d < DOMAINS; d++) {
                    assert_true(sum_of(attribution, d) == expected_uj[d]);
                    expected_uj[d] = 0;
                }
                jb_attribution_clear(attribution);
            }
        }
        jb_attribution_free(attribution);
    }
    assert_true(cases >= 100000);
}

static void idle_goes_where_the_policy_says(void **state) {
    (void)state;
    const struct jb_use cpu[] = {{.slot = 10, .amount = 3}, {.slot = 11, .amount = 1}};
    const struct jb_use memory[] = {{.slot = 10, .amount = 100}, {.slot = 11, .amount = 300}};
    const struct jb_tracker_tick usage = {
        .cpu = cpu, .cpu_count = 2, .memory = memory, .memory_count = 2, .memory_unheld_bytes = 600};
    static const uint64_t expected_uj[3][3] = {
        /* idle slot, slot 10, slot 11 of 1000 µJ, 400 of them idle */
        [JB_IDLE_SEPARATE] = {400, 450, 150},
        [JB_IDLE_BY_USE] = {0, 750, 250},
        [JB_IDLE_BY_RESERVATION] = {240, 450 + 40, 150 + 120},
    };
    for (int policy = 0; policy < 3; policy++) {
        struct jb_attribution *attribution;
        size_t count;
        assert_int_equal(jb_attribution_make((enum jb_idle_policy)policy, NULL, &attribution), JB_OK);
        assert_int_equal(jb_attribution_begin(attribution, &usage, 12, NULL), JB_OK);
        assert_int_equal(jb_attribution_split(attribution, 0, JB_PACKAGE, 1000, 400, NULL, 0, NULL), JB_OK);
        const uint64_t *energy_uj = jb_attribution_of(attribution, 0, &count);
        assert_true(count >= 12);
        assert_int_equal(energy_uj[JB_SLOT_IDLE], expected_uj[policy][0]);
        assert_int_equal(energy_uj[10], expected_uj[policy][1]);
        assert_int_equal(energy_uj[11], expected_uj[policy][2]);
        jb_attribution_free(attribution);
    }
}

static void energy_that_nobody_used_is_not_lost(void **state) {
    (void)state;
    const struct jb_tracker_tick usage = {0};
    struct jb_attribution *attribution;
    assert_int_equal(jb_attribution_make(JB_IDLE_SEPARATE, NULL, &attribution), JB_OK);
    assert_int_equal(jb_attribution_begin(attribution, &usage, JB_SLOT_FIXED, NULL), JB_OK);
    assert_int_equal(jb_attribution_split(attribution, 0, JB_PACKAGE, 70, 20, NULL, 0, NULL), JB_OK);
    assert_int_equal(jb_attribution_split(attribution, 1, JB_GPU, 90, 20, NULL, 0, NULL), JB_OK);
    assert_int_equal(jb_attribution_tick(attribution)[JB_SLOT_IDLE], 90);
    assert_int_equal(jb_attribution_tick(attribution)[JB_SLOT_UNATTRIBUTED], 70);
    jb_attribution_free(attribution);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_sum_to_the_whole_under_every_policy),
        cmocka_unit_test(idle_goes_where_the_policy_says),
        cmocka_unit_test(energy_that_nobody_used_is_not_lost),
    };
    return cmocka_run_group_tests_name("attribution", tests, NULL, NULL);
}
