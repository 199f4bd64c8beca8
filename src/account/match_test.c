/* Matching: by the hour never more than by volume; nothing carries over by the hour; nothing is matched
 * twice. */
#include "account/match.h"

#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* cmocka compares floats; these are doubles. */
#define assert_near(a, b, allowed) assert_true(fabs((double)(a) - (double)(b)) <= (allowed))

static void surplus_never_carries_over(void **state) {
    (void)state;
    static const double load[] = {10, 10, 10, 10}, solar[] = {0, 25, 5, 0};
    static const bool serves[] = {true};
    const struct jb_supply supply = {solar, 30, 0, 4, serves, serves};
    const struct jb_match_input input = {load, 1, 4, &supply, 1};
    _cleanup_(jb_match_free) struct jb_match match = {0};
    assert_int_equal(jb_match_make(&input, NULL, &match), JB_OK);
    static const double by_hour[] = {0, 1, 0.5, 0};
    for (size_t h = 0; h < 4; h++) {
        assert_near(match.by_hour[h], by_hour[h], 1e-15);
        assert_near(match.rest_by_hour[h], 1 - by_hour[h], 1e-15);
    }
    /* By volume 30 of 40, the surplus of 15 over what is left. */
    double matched = 0;
    for (size_t h = 0; h < 4; h++)
        matched += match.by_volume[h] * load[h];
    assert_near(matched, 30, 1e-12);
    assert_near(match.by_volume[0], 0.6, 1e-15);
}

static void a_volume_without_hours_counts_by_volume_alone(void **state) {
    (void)state;
    static const double load[] = {10, 30};
    static const bool serves[] = {true};
    const struct jb_supply supply = {NULL, 20, 0, 2, serves, serves};
    const struct jb_match_input input = {load, 1, 2, &supply, 1};
    _cleanup_(jb_match_free) struct jb_match match = {0};
    assert_int_equal(jb_match_make(&input, NULL, &match), JB_OK);
    assert_near(match.by_hour[0] + match.by_hour[1], 0, 0);
    assert_near(match.by_volume[0], 0.5, 1e-15);
    assert_near(match.by_volume[1], 0.5, 1e-15);
}

enum { SITES = 3, HOURS = 30, SUPPLIES = 4 };

struct world {
    double load[SITES * HOURS], energy[SUPPLIES][HOURS];
    bool by_hour[SUPPLIES][SITES], by_volume[SUPPLIES][SITES];
    struct jb_supply supplies[SUPPLIES];
};

static void make_world(struct jb_random *random, struct world *world) {
    for (size_t i = 0; i < SITES * HOURS; i++)
        world->load[i] = jb_random_below(random, 4) ? jb_random_unit(random) * 100 : 0;
    for (size_t c = 0; c < SUPPLIES; c++) {
        struct jb_supply *supply = &world->supplies[c];
        *supply = (struct jb_supply){.first_hour = (size_t)jb_random_below(random, HOURS),
                                     .serves_by_hour = world->by_hour[c],
                                     .serves_by_volume = world->by_volume[c]};
        supply->hour_end =
            supply->first_hour + (size_t)jb_random_below(random, HOURS - supply->first_hour) + 1;
        for (size_t s = 0; s < SITES; s++) {
            world->by_hour[c][s] = jb_random_below(random, 2);
            world->by_volume[c][s] = world->by_hour[c][s] || jb_random_below(random, 2);
        }
        for (size_t h = 0; h < HOURS; h++)
            world->energy[c][h] = jb_random_below(random, 3) ? jb_random_unit(random) * 200 : 0;
        if (jb_random_below(random, 4)) {
            supply->energy_kwh = world->energy[c];
            for (size_t h = supply->first_hour; h < supply->hour_end; h++)
                supply->volume_kwh += world->energy[c][h];
        } else {
            supply->volume_kwh = jb_random_unit(random) * 1000;
        }
    }
}

static void matching_by_the_hour_is_never_more_than_by_volume(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(20261124);
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    for (int round = 0; round < 2000; round++) {
        _cleanup_(jb_match_free) struct jb_match match = {0};
        make_world(&random, world);
        const struct jb_match_input input = {world->load, SITES, HOURS, world->supplies, SUPPLIES};
        assert_int_equal(jb_match_make(&input, NULL, &match), JB_OK);
        for (size_t i = 0; i < SITES * HOURS; i++) {
            double hourly = match.rest_by_hour[i], volume = match.rest_by_volume[i];
            assert_true(volume <= hourly + 1e-12 && volume >= 0 && hourly <= 1);
            for (size_t c = 0; c < SUPPLIES; c++) {
                size_t at = c * SITES * HOURS + i;
                assert_true(match.by_hour[at] >= 0 && match.by_hour[at] <= match.by_volume[at]);
                hourly += match.by_hour[at];
                volume += match.by_volume[at];
            }
            /* Shares and the rest are the whole. */
            assert_near(hourly, 1, 1e-12);
            assert_near(volume, 1, 1e-12);
        }
        for (size_t c = 0; c < SUPPLIES; c++) {
            const struct jb_supply *supply = &world->supplies[c];
            double used = 0;
            for (size_t h = 0; h < HOURS; h++) {
                double in_hour = 0;
                for (size_t s = 0; s < SITES; s++) {
                    size_t at = jb_match_at(&match, c, s, h);
                    in_hour += match.by_hour[at] * world->load[s * HOURS + h];
                    used += match.by_volume[at] * world->load[s * HOURS + h];
                    if (!world->by_hour[c][s])
                        assert_true(match.by_hour[at] == 0);
                    if (!world->by_volume[c][s] || h < supply->first_hour || h >= supply->hour_end)
                        assert_true(match.by_volume[at] == 0);
                }
                /* No more than was generated in the hour: what is over is lost. */
                assert_true(in_hour <= (supply->energy_kwh ? supply->energy_kwh[h] : 0) * (1 + 1e-12));
            }
            assert_true(used <= supply->volume_kwh * (1 + 1e-12) + 1e-9);
        }
    }
    free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(surplus_never_carries_over),
        cmocka_unit_test(a_volume_without_hours_counts_by_volume_alone),
        cmocka_unit_test(matching_by_the_hour_is_never_more_than_by_volume),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
