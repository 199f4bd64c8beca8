/* Series: a level that is known step by step over time (intensity, price, power by technology), and its
 * steps.
 */
#ifndef JB_TYPES_SERIES_H
#define JB_TYPES_SERIES_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define JB_SERIES_NAME_SIZE 128
#define JB_SERIES_TEXT_SIZE 64

#define JB_REUSED_HEAT                                                                                       \
    "reused_heat" /* quantity, and how names of its series begin: "reused_heat/SITE", with                   \
                     "/METER" where there are several; MW */

/* [start, end) → value: the mean level over the step, never an amount, so that a step may be cut anywhere. */
struct jb_step {
    int64_t start_ns, end_ns; /* UTC ns, 1970 to 2261, so that no difference overflows; start < end */
    double value;             /* in the series' unit; finite. What is not known has no step */
};

struct jb_series {
    char name[JB_SERIES_NAME_SIZE];     /* unique in its book: "grid_intensity/KR" */
    char quantity[JB_SERIES_TEXT_SIZE]; /* "grid_intensity", "renewable_share", "price", "generation" */
    char unit[JB_SERIES_TEXT_SIZE];     /* "g/kWh", "%", "EUR/kWh", "MW" */
    char region[JB_SERIES_TEXT_SIZE];   /* "KR"; "" when it is of no grid */
    char subject[JB_SERIES_TEXT_SIZE];  /* of generation: the technology, "wind"; else "" */
    char source[512], licence[128];     /* who says so, and under which terms; "" unknown */
    char note[512];                     /* how the values came to be: file, factors they were valued with */
    double uncertainty;                 /* relative standard uncertainty; NaN: not known */

    /* Filled when read; a store ignores them when it is written. */
    int64_t first_ns, last_ns; /* start of the first step, end of the last; equal when there is none */
    int64_t resolution_ns;     /* how long most steps are; 0 when there is none */
    int64_t covered_ns;        /* sum over the steps: less than last − first where there are gaps */
    uint64_t step_count;
    int64_t changed_ns; /* when it was last written */
};

/* The mean of steps over [from, to), each weighted by the time that it covers of it (a ratio of sums), and
 * how much of the period they cover (ns). Steps: ordered, not overlapping. Value NaN when they cover none.
 */
double jb_steps_mean(const struct jb_step *steps, size_t count, int64_t from_ns, int64_t to_ns,
                     int64_t *ret_covered_ns);

/* Index of the first step that ends after at_ns, by bisection; count when none does. */
size_t jb_steps_after(const struct jb_step *steps, size_t count, int64_t at_ns);
/* Index of the step that holds at_ns, by bisection; count when none does. */
size_t jb_steps_find(const struct jb_step *steps, size_t count, int64_t at_ns);

/* Fills what a series says of its steps (first_ns to step_count) from them. JB_MEMORY. */
enum jb_code jb_series_describe(const struct jb_step *steps, size_t count, struct jb_error *error,
                                struct jb_series *series);

/* How long most of the steps are: `lengths` (ordered here) with the number of steps of each; the shortest of
 * several. 0 when there is none. */
struct jb_step_length {
    int64_t length_ns;
    uint64_t count;
};
int64_t jb_step_lengths_most(struct jb_step_length *lengths, size_t count);

#endif
