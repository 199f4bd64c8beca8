/* What is asked of the steps of a series: the one that holds a time, and their mean over a period. */
#include "types/series.h"

#include <assert.h>
#include <math.h>

/* The first step that ends after at_ns; count when none does. */
static size_t first_after(const struct jb_step *steps, size_t count, int64_t at_ns) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (steps[middle].end_ns > at_ns)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

size_t jb_steps_find(const struct jb_step *steps, size_t count, int64_t at_ns) {
    size_t index = first_after(steps, count, at_ns);
    return index < count && steps[index].start_ns <= at_ns ? index : count;
}

double jb_steps_mean(const struct jb_step *steps, size_t count, int64_t from_ns, int64_t to_ns,
                     int64_t *ret_covered_ns) {
    int64_t covered_ns = 0;
    double sum = 0;
    assert(from_ns <= to_ns);
    for (size_t i = first_after(steps, count, from_ns); i < count && steps[i].start_ns < to_ns; i++) {
        int64_t start_ns = steps[i].start_ns > from_ns ? steps[i].start_ns : from_ns;
        int64_t end_ns = steps[i].end_ns < to_ns ? steps[i].end_ns : to_ns;
        covered_ns += end_ns - start_ns;
        sum += steps[i].value * (double)(end_ns - start_ns);
    }
    *ret_covered_ns = covered_ns;
    return covered_ns ? sum / (double)covered_ns : NAN;
}
