/* What is asked of the steps of a series: the one that holds a time, and their mean over a period. */
#include "types/series.h"

#include "base/cleanup.h"

#include <assert.h>
#include <math.h>

size_t jb_steps_after(const struct jb_step *steps, size_t count, int64_t at_ns) {
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
    size_t index = jb_steps_after(steps, count, at_ns);
    return index < count && steps[index].start_ns <= at_ns ? index : count;
}

double jb_steps_mean(const struct jb_step *steps, size_t count, int64_t from_ns, int64_t to_ns,
                     int64_t *ret_covered_ns) {
    int64_t covered_ns = 0;
    double sum = 0;
    assert(from_ns <= to_ns);
    for (size_t i = jb_steps_after(steps, count, from_ns); i < count && steps[i].start_ns < to_ns; i++) {
        int64_t start_ns = steps[i].start_ns > from_ns ? steps[i].start_ns : from_ns;
        int64_t end_ns = steps[i].end_ns < to_ns ? steps[i].end_ns : to_ns;
        covered_ns += end_ns - start_ns;
        sum += steps[i].value * (double)(end_ns - start_ns);
    }
    *ret_covered_ns = covered_ns;
    return covered_ns ? sum / (double)covered_ns : NAN;
}

static int compare_lengths(const void *left, const void *right) {
    const struct jb_step_length *a = left, *b = right;
    return (a->length_ns > b->length_ns) - (a->length_ns < b->length_ns);
}

int64_t jb_step_lengths_most(struct jb_step_length *lengths, size_t count) {
    int64_t most_ns = 0;
    uint64_t most = 0;
    if (count)
        qsort(lengths, count, sizeof *lengths, compare_lengths);
    for (size_t i = 0, next; i < count; i = next) {
        uint64_t sum = 0;
        for (next = i; next < count && lengths[next].length_ns == lengths[i].length_ns; next++)
            sum += lengths[next].count;
        if (sum > most) {
            most = sum;
            most_ns = lengths[i].length_ns;
        }
    }
    return most_ns;
}

enum jb_code jb_series_describe(const struct jb_step *steps, size_t count, struct jb_error *error,
                                struct jb_series *series) {
    _cleanup_free_ struct jb_step_length *lengths = calloc(count + 1, sizeof *lengths);
    if (!lengths)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", count);
    series->step_count = count;
    series->covered_ns = 0;
    series->first_ns = count ? steps[0].start_ns : 0;
    series->last_ns = count ? steps[count - 1].end_ns : 0;
    for (size_t i = 0; i < count; i++) {
        int64_t length_ns = steps[i].end_ns - steps[i].start_ns;
        lengths[i] = (struct jb_step_length){length_ns, 1};
        series->covered_ns += length_ns;
    }
    series->resolution_ns = jb_step_lengths_most(lengths, count);
    return JB_OK;
}
