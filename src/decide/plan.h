/* When to run a task: the cheapest time of a window by a level that is known step by step (intensity, price).
 */
#ifndef JB_DECIDE_PLAN_H
#define JB_DECIDE_PLAN_H

#include "base/error.h"
#include "types/series.h"

#include <stdbool.h>

/* A task of constant power that may run in [from, until). */
struct jb_plan_task {
    int64_t from_ns, until_ns;
    int64_t duration_ns; /* > 0 */
    bool is_interruptible;
};

struct jb_plan_run {
    int64_t start_ns, end_ns;
};

struct jb_plan_choice {
    double mean;              /* of the level over the runs, by time */
    struct jb_plan_run *runs; /* ordered; together as long as the task */
    size_t run_count;
};
void jb_plan_choice_free(struct jb_plan_choice *choice); /* NULL-safe; leaves it empty */

/* The runs of least mean: the earliest of those that are equal. Exact, not by trying a grid: the mean of a
 * step function over [s, s + d) is linear in s between the points where s or s + d meets an edge, so one of
 * these is the best; what may be interrupted takes the cheapest steps whole, the last one in part. Time that
 * no step covers is never used. steps: ordered, not overlapping. Linear in the number of steps. JB_NO_DATA:
 * the task does not fit into what is known of the window. */
enum jb_code jb_plan_best(const struct jb_step *steps, size_t count, const struct jb_plan_task *task,
                          struct jb_error *error, struct jb_plan_choice *ret_choice);

/* The mean over the runs; NaN where a part of them is not known. */
double jb_plan_mean(const struct jb_step *steps, size_t count, const struct jb_plan_run *runs,
                    size_t run_count);

#endif
