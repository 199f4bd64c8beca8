/* A level that is not known yet, taken to repeat its last day or week; and how wrong that would have been. */
#ifndef JB_DECIDE_PLAN_FORECAST_H
#define JB_DECIDE_PLAN_FORECAST_H

#include "decide/plan.h"

/* What is known of one place up to the end of its last step. */
struct jb_plan_place {
    const struct jb_step *steps;
    size_t count;
};

/* Seasonal naive: steps of [from, until) where what was known before `from` repeats with a period of
 * season_ns (Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 5.2). What was not known in the
 * last season is not known in the forecast. *ret_steps is malloc'd. */
enum jb_code jb_forecast_make(const struct jb_plan_place *place, int64_t from_ns, int64_t until_ns,
                              int64_t season_ns, struct jb_error *error, struct jb_step **ret_steps,
                              size_t *ret_count);

#define JB_BACKTEST_ORIGINS 90 /* most that are tried, a day apart */
#define JB_BACKTEST_LEAST   20 /* fewer do not give an interval */

struct jb_backtest {
    size_t origin_count;            /* forecasts that could be compared with what came */
    double error_mean, error_mae;   /* of the level, forecast − what came; NaN: nothing to compare */
    double level_mean;              /* of what came, to set these beside */
    double saving_low, saving_high; /* 95 % of (what a plan saved − what it had promised) lay between, by unit
                                       of level; NaN: too few */
};

/* Plans the task at the same time of each of the days before, each time knowing only what came before, and
 * sets what the plan promised against what it would have saved over starting at once in places[0]. Every
 * place is forecast with season_ns. */
enum jb_code jb_plan_backtest(const struct jb_plan_place *places, size_t place_count,
                              const struct jb_plan_task *task, int64_t season_ns, struct jb_error *error,
                              struct jb_backtest *ret_backtest);

#endif
