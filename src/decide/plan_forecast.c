/* The seasonal-naive forecast, and its backtest by rolling origins. */
#include "decide/plan_forecast.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <assert.h>
#include <math.h>

#define STEP_CEILING ((size_t)1 << 24)

enum jb_code jb_forecast_make(const struct jb_plan_place *place, int64_t from_ns, int64_t until_ns,
                              int64_t season_ns, struct jb_error *error, struct jb_step **ret_steps,
                              size_t *ret_count) {
    _cleanup_free_ struct jb_step *steps = NULL;
    size_t count = 0, capacity = 0;
    assert(season_ns > 0 && from_ns <= until_ns);
    enum jb_code code = jb_array_reserve(&steps, &capacity, 1, STEP_CEILING, "steps of a forecast", error);
    size_t first = jb_steps_after(place->steps, place->count, from_ns - season_ns);
    for (int64_t shift_ns = season_ns; !code && from_ns - season_ns + shift_ns < until_ns;
         shift_ns += season_ns) {
        for (size_t i = first; !code && i < place->count && place->steps[i].start_ns < from_ns; i++) {
            struct jb_step step = place->steps[i];
            /* What of it lies in the last season, moved on, and in the window. */
            int64_t start_ns = step.start_ns < from_ns - season_ns ? from_ns - season_ns : step.start_ns;
            int64_t end_ns = step.end_ns > from_ns ? from_ns : step.end_ns;
            step.start_ns = start_ns + shift_ns;
            step.end_ns = end_ns + shift_ns < until_ns ? end_ns + shift_ns : until_ns;
            if (step.start_ns >= until_ns)
                break;
            code = jb_array_reserve(&steps, &capacity, count + 1, STEP_CEILING, "steps of a forecast", error);
            if (!code)
                steps[count++] = step;
        }
    }
    if (code)
        return code;
    *ret_steps = JB_TAKE(steps);
    *ret_count = count;
    return JB_OK;
}

/* What the comparison of one origin adds to. */
struct tally {
    double error_sum, absolute_sum, level_sum, length;
    double misses[JB_BACKTEST_ORIGINS]; /* saved − promised */
    size_t count;
};

/* |forecast − actual| over what both know. */
static void compare(const struct jb_step *forecast, size_t count, const struct jb_plan_place *actual,
                    struct tally *tally) {
    for (size_t i = 0; i < count; i++) {
        int64_t covered_ns;
        double mean = jb_steps_mean(actual->steps, actual->count, forecast[i].start_ns, forecast[i].end_ns,
                                    &covered_ns);
        if (covered_ns == 0)
            continue;
        double length = (double)covered_ns;
        tally->error_sum += (forecast[i].value - mean) * length;
        tally->absolute_sum += fabs(forecast[i].value - mean) * length;
        tally->level_sum += mean * length;
        tally->length += length;
    }
}

/* Plans at one origin; nothing is added where the plan or what came of it is not known. */
static enum jb_code try_origin(const struct jb_plan_place *places, size_t place_count,
                               const struct jb_plan_task *task, int64_t season_ns, struct jb_error *error,
                               struct tally *tally) {
    struct jb_plan_choice best = {0};
    struct jb_plan_run at_once = {task->from_ns, task->from_ns + task->duration_ns};
    double promised_now = NAN;
    size_t best_place = 0;
    enum jb_code code = JB_OK;
    for (size_t p = 0; !code && p < place_count; p++) {
        _cleanup_free_ struct jb_step *forecast = NULL;
        _cleanup_(jb_plan_choice_free) struct jb_plan_choice choice = {0};
        size_t count = 0;
        code =
            jb_forecast_make(&places[p], task->from_ns, task->until_ns, season_ns, error, &forecast, &count);
        if (code)
            break;
        compare(forecast, count, &places[p], tally);
        if (p == 0)
            promised_now = jb_plan_mean(forecast, count, &at_once, 1);
        code = jb_plan_best(forecast, count, task, NULL, &choice);
        if (code == JB_NO_DATA) {
            code = JB_OK;
            continue;
        }
        if (!code && (!best.runs || choice.mean < best.mean)) {
            jb_plan_choice_free(&best);
            best = choice;
            choice = (struct jb_plan_choice){0};
            best_place = p;
        }
    }
    if (!code && best.runs) {
        double saved =
            jb_plan_mean(places[0].steps, places[0].count, &at_once, 1) -
            jb_plan_mean(places[best_place].steps, places[best_place].count, best.runs, best.run_count);
        double miss = saved - (promised_now - best.mean);
        if (isfinite(miss))
            tally->misses[tally->count++] = miss;
    }
    jb_plan_choice_free(&best);
    return code;
}

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Linear between order statistics (Hyndman & Fan 1996, type 7). */
static double quantile(const double *sorted, size_t count, double part) {
    double at = part * (double)(count - 1);
    size_t low = (size_t)at;
    return low + 1 < count ? sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]) : sorted[low];
}

enum jb_code jb_plan_backtest(const struct jb_plan_place *places, size_t place_count,
                              const struct jb_plan_task *task, int64_t season_ns, struct jb_error *error,
                              struct jb_backtest *ret_backtest) {
    struct jb_backtest backtest = {
        .error_mean = NAN, .error_mae = NAN, .level_mean = NAN, .saving_low = NAN, .saving_high = NAN};
    struct tally tally = {0};
    int64_t last_ns = INT64_MAX, first_ns = INT64_MIN, window_ns = task->until_ns - task->from_ns;
    for (size_t p = 0; p < place_count; p++) {
        if (places[p].count == 0) {
            *ret_backtest = backtest;
            return JB_OK;
        }
        int64_t end_ns = places[p].steps[places[p].count - 1].end_ns;
        last_ns = end_ns < last_ns ? end_ns : last_ns;
        first_ns = places[p].steps[0].start_ns > first_ns ? places[p].steps[0].start_ns : first_ns;
    }
    /* The latest origin, at the same time of day, whose window had come to its end when the task is planned.
     */
    int64_t known_ns = last_ns < task->from_ns ? last_ns : task->from_ns;
    int64_t behind_ns = task->from_ns - (known_ns - window_ns);
    int64_t origin_ns = task->from_ns - (behind_ns + JB_DAY_NS - 1) / JB_DAY_NS * JB_DAY_NS;
    enum jb_code code = JB_OK;
    for (int i = 0; !code && i < JB_BACKTEST_ORIGINS && origin_ns - season_ns >= first_ns;
         i++, origin_ns -= JB_DAY_NS) {
        struct jb_plan_task then = *task;
        then.from_ns = origin_ns;
        then.until_ns = origin_ns + window_ns;
        code = try_origin(places, place_count, &then, season_ns, error, &tally);
    }
    if (code)
        return code;
    backtest.origin_count = tally.count;
    if (tally.length > 0) {
        backtest.error_mean = tally.error_sum / tally.length;
        backtest.error_mae = tally.absolute_sum / tally.length;
        backtest.level_mean = tally.level_sum / tally.length;
    }
    if (tally.count >= JB_BACKTEST_LEAST) {
        qsort(tally.misses, tally.count, sizeof *tally.misses, compare_doubles);
        backtest.saving_low = quantile(tally.misses, tally.count, 0.025);
        backtest.saving_high = quantile(tally.misses, tally.count, 0.975);
    }
    *ret_backtest = backtest;
    return JB_OK;
}
