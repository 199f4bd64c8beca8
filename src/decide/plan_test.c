/* The cheapest time: equal to brute force on random cases; gaps; forecasts and how wrong they were. */
#include "decide/plan_forecast.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"

#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE  JB_MINUTE_NS
#define UNKNOWN INT_MIN
enum { MINUTES = 240 };

/* Steps of random lengths and small whole values, so that ties are common; some time is not known. */
static size_t make_steps(struct jb_random *random, int known[static MINUTES],
                         struct jb_step steps[static MINUTES]) {
    size_t count = 0;
    for (int at = 0; at < MINUTES;) {
        int length = 1 + (int)jb_random_below(random, 40),
            end = at + length < MINUTES ? at + length : MINUTES;
        int value = (int)jb_random_below(random, 12) - 2;
        bool is_known = jb_random_below(random, 9) != 0;
        for (int i = at; i < end; i++)
            known[i] = is_known ? value : UNKNOWN;
        if (is_known)
            steps[count++] = (struct jb_step){at * MINUTE, end * MINUTE, value};
        at = end;
    }
    return count;
}

/* Least sum over any run of `duration` minutes; every edge is a whole minute, so nothing is between them. */
static bool brute_run(const int *known, int from, int until, int duration, int *ret_sum, int *ret_start) {
    bool any = false;
    for (int start = from; start + duration <= until; start++) {
        int sum = 0, i = start;
        while (i < start + duration && known[i] != UNKNOWN)
            sum += known[i++];
        if (i == start + duration && (!any || sum < *ret_sum)) {
            any = true;
            *ret_sum = sum;
            *ret_start = start;
        }
    }
    return any;
}

static bool brute_pieces(const int *known, int from, int until, int duration, int *ret_sum) {
    int taken = 0, sum = 0;
    for (int value = -2; value < 12; value++) {
        for (int i = from; i < until && taken < duration; i++) {
            if (known[i] == value) {
                sum += value;
                taken++;
            }
        }
    }
    *ret_sum = sum;
    return taken == duration;
}

static void check_choice(const struct jb_plan_choice *choice, const struct jb_plan_task *task,
                         const struct jb_step *steps, size_t count, int sum) {
    int64_t length_ns = 0;
    for (size_t i = 0; i < choice->run_count; i++) {
        assert_true(choice->runs[i].start_ns < choice->runs[i].end_ns);
        assert_true(choice->runs[i].start_ns >= task->from_ns && choice->runs[i].end_ns <= task->until_ns);
        assert_true(i == 0 || choice->runs[i - 1].end_ns < choice->runs[i].start_ns);
        length_ns += choice->runs[i].end_ns - choice->runs[i].start_ns;
    }
    assert_int_equal(length_ns, task->duration_ns);
    double minutes = (double)task->duration_ns / (double)MINUTE;
    assert_true(fabs(choice->mean * minutes - sum) < 1e-6);
    /* And what it says is so. */
    assert_true(fabs(jb_plan_mean(steps, count, choice->runs, choice->run_count) * minutes - sum) < 1e-6);
}

static void test_equals_brute_force(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(20261124);
    size_t fitted = 0;
    for (int round = 0; fitted < 10000; round++) {
        int known[MINUTES], sum = 0, start = 0;
        struct jb_step steps[MINUTES];
        size_t count = make_steps(&random, known, steps);
        int from = (int)jb_random_below(&random, MINUTES),
            until = from + (int)jb_random_below(&random, (uint64_t)(MINUTES - from)) + 1;
        int duration = 1 + (int)jb_random_below(&random, 90);
        struct jb_plan_task task = {from * MINUTE, until * MINUTE, duration * MINUTE,
                                    .is_interruptible = round % 2 == 1};
        bool fits = task.is_interruptible ? brute_pieces(known, from, until, duration, &sum)
                                          : brute_run(known, from, until, duration, &sum, &start);
        _cleanup_(jb_plan_choice_free) struct jb_plan_choice choice = {0};
        enum jb_code code = jb_plan_best(steps, count, &task, NULL, &choice);
        assert_int_equal(code, fits ? JB_OK : JB_NO_DATA);
        if (!fits)
            continue;
        fitted++;
        check_choice(&choice, &task, steps, count, sum);
        if (!task.is_interruptible)
            assert_int_equal(choice.runs[0].start_ns, start * MINUTE); /* the earliest of equals */
    }
}

/* Levels of which sums are not exact: every day is like the first. */
static void test_the_earliest_of_equals(void **state) {
    (void)state;
    static struct jb_step steps[24 * 60];
    for (int i = 0; i < (int)JB_COUNT(steps); i++)
        steps[i] = (struct jb_step){i * 60 * MINUTE, (i + 1) * 60 * MINUTE,
                                    420.1 + 80.3 * cos(i % 24 * 0.2617993877991494)};
    struct jb_plan_task task = {7 * 60 * MINUTE, (int64_t)JB_COUNT(steps) * 60 * MINUTE, 300 * MINUTE, false};
    _cleanup_(jb_plan_choice_free) struct jb_plan_choice choice = {0};
    assert_int_equal(jb_plan_best(steps, JB_COUNT(steps), &task, NULL, &choice), JB_OK);
    assert_int_equal(choice.runs[0].start_ns, 10 * 60 * MINUTE);
}

static void test_starts_within_a_step(void **state) {
    (void)state;
    /* 90 minutes end best with the cheap hour: they start half past the one before it. */
    const struct jb_step steps[] = {
        {0, 60 * MINUTE, 50}, {60 * MINUTE, 120 * MINUTE, 10}, {120 * MINUTE, 180 * MINUTE, 90}};
    struct jb_plan_task task = {0, 180 * MINUTE, 90 * MINUTE, false};
    _cleanup_(jb_plan_choice_free) struct jb_plan_choice choice = {0}, pieces = {0};
    assert_int_equal(jb_plan_best(steps, 3, &task, NULL, &choice), JB_OK);
    assert_int_equal(choice.runs[0].start_ns, 30 * MINUTE);
    assert_true(fabs(choice.mean - (30 * 50 + 60 * 10) / 90.0) < 1e-12);
    /* In pieces the last step is taken in part. */
    const struct jb_step apart[] = {
        {0, 60 * MINUTE, 10}, {60 * MINUTE, 120 * MINUTE, 90}, {120 * MINUTE, 180 * MINUTE, 20}};
    task.is_interruptible = true;
    assert_int_equal(jb_plan_best(apart, 3, &task, NULL, &pieces), JB_OK);
    assert_int_equal(pieces.run_count, 2);
    assert_int_equal(pieces.runs[1].start_ns, 120 * MINUTE);
    assert_int_equal(pieces.runs[1].end_ns, 150 * MINUTE);
}

/* Long series are narrowed down by a sample first: level by level, against a sum by counting. */
static void test_many_steps_in_pieces(void **state) {
    (void)state;
    enum { STEPS = 40000, LEVELS = 500 };
    struct jb_step *steps = calloc(STEPS, sizeof *steps);
    struct jb_random random = jb_random_make(9);
    assert_non_null(steps);
    for (int shape = 0; shape < 3; shape++) {
        int64_t at_level[LEVELS] = {0};
        for (int64_t i = 0; i < STEPS; i++) {
            /* Noise; sorted, so that a sample sees all; in blocks as long as the sample's stride, so that it
             * is misled. */
            int level = shape == 0 ? (int)jb_random_below(&random, LEVELS)
                        : shape == 1
                            ? (int)(i * LEVELS / STEPS)
                            : (i % (STEPS / 1024) == 0 ? LEVELS - 1 : (int)jb_random_below(&random, 9));
            steps[i] = (struct jb_step){i * MINUTE, (i + 1) * MINUTE, level};
            at_level[level]++;
        }
        static const int64_t durations[] = {1, 72, 777, 20000, 39000, STEPS};
        for (size_t d = 0; d < JB_COUNT(durations); d++) {
            struct jb_plan_task task = {0, STEPS * MINUTE, durations[d] * MINUTE, true};
            _cleanup_(jb_plan_choice_free) struct jb_plan_choice choice = {0};
            int64_t left = durations[d], sum = 0;
            for (int level = 0; level < LEVELS && left; level++) {
                int64_t taken = at_level[level] < left ? at_level[level] : left;
                sum += taken * level;
                left -= taken;
            }
            assert_int_equal(jb_plan_best(steps, STEPS, &task, NULL, &choice), JB_OK);
            assert_true(fabs(choice.mean * (double)durations[d] - (double)sum) < 1e-3);
        }
    }
    free(steps);
}

static void test_what_is_unknown_is_not_used(void **state) {
    (void)state;
    const struct jb_step steps[] = {{0, 60 * MINUTE, 50}, {90 * MINUTE, 150 * MINUTE, 60}};
    struct jb_plan_task task = {0, 150 * MINUTE, 61 * MINUTE, false};
    struct jb_plan_choice choice = {0};
    struct jb_error error = {0};
    assert_int_equal(jb_plan_best(steps, 2, &task, &error, &choice), JB_NO_DATA);
    task.is_interruptible = true;
    assert_int_equal(jb_plan_best(steps, 2, &task, &error, &choice), JB_OK);
    assert_int_equal(choice.run_count, 2);
    jb_plan_choice_free(&choice);
    const struct jb_plan_run over_gap = {30 * MINUTE, 100 * MINUTE};
    assert_true(isnan(jb_plan_mean(steps, 2, &over_gap, 1)));
    assert_int_equal(jb_plan_best(NULL, 0, &task, &error, &choice), JB_NO_DATA);
}

static void test_forecast_repeats(void **state) {
    (void)state;
    /* Known until 10 h, with a gap; a season of 4 hours. */
    const struct jb_step known[] = {
        {0, 7 * JB_HOUR_NS, 1}, {7 * JB_HOUR_NS, 8 * JB_HOUR_NS, 2}, {9 * JB_HOUR_NS, 10 * JB_HOUR_NS, 3}};
    const struct jb_plan_place place = {known, 3};
    struct jb_step *steps = NULL;
    size_t count = 0;
    assert_int_equal(
        jb_forecast_make(&place, 10 * JB_HOUR_NS, 15 * JB_HOUR_NS, 4 * JB_HOUR_NS, NULL, &steps, &count),
        JB_OK);
    const struct jb_step expected[] = {{10 * JB_HOUR_NS, 11 * JB_HOUR_NS, 1},
                                       {11 * JB_HOUR_NS, 12 * JB_HOUR_NS, 2},
                                       {13 * JB_HOUR_NS, 14 * JB_HOUR_NS, 3},
                                       {14 * JB_HOUR_NS, 15 * JB_HOUR_NS, 1}};
    assert_int_equal(count, JB_COUNT(expected));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(steps[i].start_ns, expected[i].start_ns);
        assert_int_equal(steps[i].end_ns, expected[i].end_ns);
        assert_true(steps[i].value == expected[i].value);
    }
    free(steps);
}

/* A level that repeats every day is forecast without error; noise shows as such, and the interval covers. */
static void test_backtest(void **state) {
    (void)state;
    enum { DAYS = 130, HOURS = DAYS * 24 };
    static struct jb_step steps[HOURS];
    struct jb_random random = jb_random_make(5);
    struct jb_plan_place place = {steps, HOURS};
    struct jb_backtest backtest;
    struct jb_plan_task task = {DAYS * JB_DAY_NS, (DAYS + 1) * JB_DAY_NS, 3 * JB_HOUR_NS, false};
    for (int i = 0; i < HOURS; i++)
        steps[i] =
            (struct jb_step){i * JB_HOUR_NS, (i + 1) * JB_HOUR_NS, 300 + 100 * cos(i % 24 * M_PI / 12)};
    assert_int_equal(jb_plan_backtest(&place, 1, &task, JB_DAY_NS, NULL, &backtest), JB_OK);
    assert_int_equal(backtest.origin_count, JB_BACKTEST_ORIGINS);
    assert_true(backtest.error_mae < 1e-9 && fabs(backtest.saving_low) < 1e-9 &&
                fabs(backtest.saving_high) < 1e-9);
    for (int i = 0; i < HOURS; i++)
        steps[i].value += 20 * jb_random_normal(&random);
    assert_int_equal(jb_plan_backtest(&place, 1, &task, JB_DAY_NS, NULL, &backtest), JB_OK);
    /* The error is a difference of two draws: σ√2, whose mean absolute value is 2σ/√π = 22.6. */
    assert_true(fabs(backtest.error_mae - 22.57) < 1.5);
    assert_true(fabs(backtest.error_mean) < 2 && fabs(backtest.level_mean - 300) < 3);
    assert_true(backtest.saving_low < -10 && backtest.saving_low > -80 && backtest.saving_high < 40);
    assert_true(backtest.saving_low < backtest.saving_high);
    /* A plan is chosen for what noise made look good: it saves less than it promised, and the interval says
     * so. */
    assert_true(backtest.saving_low + backtest.saving_high < 0);
    place.count = 40;
    assert_int_equal(jb_plan_backtest(&place, 1, &task, JB_DAY_NS, NULL, &backtest), JB_OK);
    assert_true(isnan(backtest.saving_low));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_brute_force),
        cmocka_unit_test(test_the_earliest_of_equals),
        cmocka_unit_test(test_starts_within_a_step),
        cmocka_unit_test(test_many_steps_in_pieces),
        cmocka_unit_test(test_what_is_unknown_is_not_used),
        cmocka_unit_test(test_forecast_repeats),
        cmocka_unit_test(test_backtest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
