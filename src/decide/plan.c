/* The cheapest time of a window: exhaustive over the edges of steps, or a weighted selection of steps. */
#include "decide/plan.h"

#include "base/cleanup.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define ROUNDING 1e-12 /* relative, of sums over a window */

void jb_plan_choice_free(struct jb_plan_choice *choice) {
    if (!choice)
        return;
    free(choice->runs);
    *choice = (struct jb_plan_choice){0};
}

double jb_plan_mean(const struct jb_step *steps, size_t count, const struct jb_plan_run *runs,
                    size_t run_count) {
    double sum = 0, length = 0;
    for (size_t i = 0; i < run_count; i++) {
        int64_t covered_ns;
        double mean = jb_steps_mean(steps, count, runs[i].start_ns, runs[i].end_ns, &covered_ns);
        if (covered_ns != runs[i].end_ns - runs[i].start_ns)
            return NAN;
        sum += mean * (double)covered_ns;
        length += (double)covered_ns;
    }
    return length > 0 ? sum / length : NAN;
}

/* The steps that lie in the window, and its edges. */
struct view {
    const struct jb_step *steps;
    size_t count;
    int64_t from_ns, until_ns;
};

static int64_t start_of(const struct view *view, size_t i) {
    return view->steps[i].start_ns > view->from_ns ? view->steps[i].start_ns : view->from_ns;
}

static int64_t end_of(const struct view *view, size_t i) {
    return view->steps[i].end_ns < view->until_ns ? view->steps[i].end_ns : view->until_ns;
}

static struct view look(const struct jb_step *steps, size_t count, const struct jb_plan_task *task) {
    size_t low = jb_steps_after(steps, count, task->from_ns), last = low;
    for (size_t high = count; last < high;) {
        size_t middle = last + (high - last) / 2;
        if (steps[middle].start_ns < task->until_ns)
            last = middle + 1;
        else
            high = middle;
    }
    return (struct view){count ? steps + low : NULL, last - low, task->from_ns, task->until_ns};
}

/* ---- in one go ---- */

struct best {
    double sum; /* of level × ns over the run; INFINITY: none */
    int64_t start_ns;
    double slack; /* what sums that are equal may differ by, being differences of long sums */
};

/* Of equals, the earliest. */
static void judge(struct best *best, double sum, int64_t start_ns) {
    if (sum < best->sum - best->slack || (sum <= best->sum + best->slack && start_ns < best->start_ns)) {
        best->sum = sum;
        best->start_ns = start_ns;
    }
}

/* Steps [first, end) follow each other without a gap. Runs that start where a step starts, then runs that end
 * where a step ends. sums[i]: level × ns of the steps of this span before i. */
static void try_span(const struct view *view, size_t first, size_t end, int64_t duration_ns,
                     const double *sums, struct best *best) {
    int64_t span_start_ns = start_of(view, first), span_end_ns = end_of(view, end - 1);
    for (size_t i = first, k = first; i < end; i++) {
        int64_t start_ns = start_of(view, i), end_ns = start_ns + duration_ns;
        if (end_ns > span_end_ns)
            break;
        while (end_of(view, k) < end_ns)
            k++;
        judge(best, sums[k] - sums[i] + view->steps[k].value * (double)(end_ns - start_of(view, k)),
              start_ns);
    }
    for (size_t i = first, k = first; k < end; k++) {
        int64_t end_ns = end_of(view, k), start_ns = end_ns - duration_ns;
        if (start_ns < span_start_ns)
            continue;
        while (end_of(view, i) <= start_ns)
            i++;
        judge(best, sums[k + 1] - sums[i] - view->steps[i].value * (double)(start_ns - start_of(view, i)),
              start_ns);
    }
}

static enum jb_code best_run(const struct view *view, int64_t duration_ns, struct jb_error *error,
                             struct jb_plan_choice *ret_choice) {
    struct best best = {INFINITY, INT64_MAX, 0};
    double size = 0;
    _cleanup_free_ double *sums = malloc((view->count + 1) * sizeof *sums);
    if (!sums)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", view->count);
    for (size_t first = 0, end; first < view->count; first = end) {
        sums[first] = 0;
        for (end = first; end < view->count && (end == first || start_of(view, end) == end_of(view, end - 1));
             end++) {
            double part = view->steps[end].value * (double)(end_of(view, end) - start_of(view, end));
            sums[end + 1] = sums[end] + part;
            size += fabs(part);
        }
        best.slack = size * ROUNDING;
        try_span(view, first, end, duration_ns, sums, &best);
    }
    if (isinf(best.sum))
        return jb_error_set(error, JB_NO_DATA,
                            "no stretch of the window is known for as long as the task runs");
    struct jb_plan_run *run = malloc(sizeof *run);
    if (!run)
        return jb_error_set(error, JB_MEMORY, "no memory for a run");
    *run = (struct jb_plan_run){best.start_ns, best.start_ns + duration_ns};
    *ret_choice =
        (struct jb_plan_choice){.mean = best.sum / (double)duration_ns, .runs = run, .run_count = 1};
    return JB_OK;
}

/* ---- in pieces ---- */

struct piece {
    double value;
    int64_t length_ns;
};

static int compare_levels(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double middle_of(double a, double b, double c) {
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* The level at which the cheapest pieces are as long as needed: below it all of them, of those at it the
 * rest. Weighted quickselect (Hoare 1961). The pieces are at least as long as needed; their order is lost. */
static double find_threshold(struct piece *pieces, size_t count, int64_t needed_ns, int64_t *ret_rest_ns) {
    size_t low = 0, high = count;
    for (;;) {
        assert(low < high);
        double pivot =
            middle_of(pieces[low].value, pieces[low + (high - low) / 2].value, pieces[high - 1].value);
        size_t less = low, equal = low, greater = high;
        int64_t less_ns = 0, equal_ns = 0;
        /* [low, less) < pivot, [less, equal) = pivot, [greater, high) > pivot */
        while (equal < greater) {
            struct piece piece = pieces[equal];
            if (piece.value < pivot) {
                pieces[equal++] = pieces[less];
                pieces[less++] = piece;
                less_ns += piece.length_ns;
            } else if (piece.value > pivot) {
                pieces[equal] = pieces[--greater];
                pieces[greater] = piece;
            } else {
                equal++;
                equal_ns += piece.length_ns;
            }
        }
        if (needed_ns <= less_ns) {
            high = less;
        } else if (needed_ns <= less_ns + equal_ns) {
            *ret_rest_ns = needed_ns - less_ns;
            return pivot;
        } else {
            needed_ns -= less_ns + equal_ns;
            low = equal;
        }
    }
}

/* Levels between which the threshold almost surely lies, from a sample; −INFINITY and INFINITY where there
 * are too few steps to be worth it. part: of the known time that is needed. */
static void bracket(const struct view *view, double part, double *ret_low, double *ret_high) {
    enum { SAMPLE = 1024 };
    double sample[SAMPLE];
    *ret_low = -INFINITY;
    *ret_high = INFINITY;
    if (view->count < 16 * SAMPLE)
        return;
    for (size_t i = 0; i < SAMPLE; i++)
        sample[i] = view->steps[i * (view->count / SAMPLE)].value;
    qsort(sample, SAMPLE, sizeof *sample, compare_levels);
    /* Five standard deviations of a sample quantile. */
    double margin = 5 * sqrt(part * (1 - part) / SAMPLE) + 4.0 / SAMPLE;
    double low = (part - margin) * SAMPLE, high = (part + margin) * SAMPLE;
    if (low >= 0)
        *ret_low = sample[(size_t)low];
    if (high < SAMPLE)
        *ret_high = sample[(size_t)high];
}

/* The pieces between two levels, and how long those below are. */
static size_t take_between(const struct view *view, double low, double high, struct piece *pieces,
                           int64_t *ret_below_ns, int64_t *ret_between_ns) {
    size_t count = 0;
    int64_t below_ns = 0, between_ns = 0;
    for (size_t i = 0; i < view->count; i++) {
        double value = view->steps[i].value;
        if (value > high)
            continue;
        int64_t length_ns = end_of(view, i) - start_of(view, i);
        if (value < low) {
            below_ns += length_ns;
        } else {
            pieces[count++] = (struct piece){value, length_ns};
            between_ns += length_ns;
        }
    }
    *ret_below_ns = below_ns;
    *ret_between_ns = between_ns;
    return count;
}

/* Runs of what is cheaper than the threshold, and of what is at it while there is a rest. */
static enum jb_code collect(const struct view *view, double threshold, int64_t rest_ns,
                            struct jb_error *error, struct jb_plan_choice *ret_choice) {
    struct jb_plan_run *runs = calloc(view->count + 1, sizeof *runs);
    size_t count = 0;
    double sum = 0, length = 0;
    if (!runs)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu runs", view->count);
    for (size_t i = 0; i < view->count; i++) {
        int64_t start_ns = start_of(view, i), end_ns = end_of(view, i);
        double value = view->steps[i].value;
        if (value > threshold || (!(value < threshold) && rest_ns == 0))
            continue;
        if (!(value < threshold)) {
            end_ns = end_ns - start_ns > rest_ns ? start_ns + rest_ns : end_ns;
            rest_ns -= end_ns - start_ns;
        }
        sum += value * (double)(end_ns - start_ns);
        length += (double)(end_ns - start_ns);
        if (count && runs[count - 1].end_ns == start_ns)
            runs[count - 1].end_ns = end_ns;
        else
            runs[count++] = (struct jb_plan_run){start_ns, end_ns};
    }
    *ret_choice = (struct jb_plan_choice){.mean = sum / length, .runs = runs, .run_count = count};
    return JB_OK;
}

static enum jb_code best_pieces(const struct view *view, int64_t duration_ns, struct jb_error *error,
                                struct jb_plan_choice *ret_choice) {
    int64_t known_ns = 0, below_ns = 0, between_ns = 0, rest_ns = 0;
    double low, high;
    _cleanup_free_ struct piece *pieces = malloc((view->count + 1) * sizeof *pieces);
    if (!pieces)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", view->count);
    for (size_t i = 0; i < view->count; i++)
        known_ns += end_of(view, i) - start_of(view, i);
    if (known_ns < duration_ns)
        return jb_error_set(error, JB_NO_DATA, "less of the window is known than the task takes");
    bracket(view, (double)duration_ns / (double)known_ns, &low, &high);
    size_t count = take_between(view, low, high, pieces, &below_ns, &between_ns);
    if (below_ns >= duration_ns || below_ns + between_ns < duration_ns) /* the sample misled */
        count = take_between(view, -INFINITY, INFINITY, pieces, &below_ns, &between_ns);
    double threshold = find_threshold(pieces, count, duration_ns - below_ns, &rest_ns);
    return collect(view, threshold, rest_ns, error, ret_choice);
}

enum jb_code jb_plan_best(const struct jb_step *steps, size_t count, const struct jb_plan_task *task,
                          struct jb_error *error, struct jb_plan_choice *ret_choice) {
    assert(task->duration_ns > 0 && task->from_ns <= task->until_ns);
    struct view view = look(steps, count, task);
    return task->is_interruptible ? best_pieces(&view, task->duration_ns, error, ret_choice)
                                  : best_run(&view, task->duration_ns, error, ret_choice);
}
