/* Series in the memory store: one array of steps each. */
#include "store/memory_book.h"

#include "base/array.h"
#include "base/clock.h"

#include <string.h>

/* Where a series of that name stands, or would stand. */
static size_t find_place(const struct jb_memory_book *book, const char *name, bool *ret_is_there) {
    size_t low = 0, high = book->series_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(book->series[middle].series.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_is_there = low < book->series_count && strcmp(book->series[low].series.name, name) == 0;
    return low;
}

static enum jb_code find(const struct jb_memory_book *book, const char *name, struct jb_error *error,
                         size_t *ret_index) {
    bool is_there = false;
    size_t index = find_place(book, name, &is_there);
    if (!is_there)
        return jb_error_set(error, JB_NO_DATA, "there is no series '%.127s' in the book", name);
    *ret_index = index;
    return JB_OK;
}

enum jb_code jb_memory_series_put(struct jb_store *store, const struct jb_series *series,
                                  const struct jb_step *steps, size_t count, struct jb_error *error,
                                  bool *ret_changed) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    bool is_there = false;
    enum jb_code code = jb_series_check(series, steps, count, error);
    if (!code)
        code = jb_memory_refuse_write(store, error);
    if (code)
        return code;
    size_t index = find_place(book, series->name, &is_there);
    struct jb_memory_series none = {0}, *stored = is_there ? &book->series[index] : &none;
    if (is_there)
        code = jb_series_check_same(series, &stored->series, error);
    if (!code && stored->count + count > JB_STEP_CEILING)
        code = jb_error_set(error, JB_LIMIT, "series '%s' would have over %zu steps", series->name,
                            JB_STEP_CEILING);
    _cleanup_free_ struct jb_step *merged = NULL;
    size_t merged_count = 0;
    if (!code)
        code = jb_steps_merge(stored->steps, stored->count, steps, count, error, &merged, &merged_count);
    if (!code && !is_there)
        code = jb_array_reserve(&book->series, &book->series_capacity, book->series_count + 1,
                                JB_SERIES_CEILING, "series", error);
    if (code)
        return code;
    if (is_there && jb_series_is_same(series, &stored->series) &&
        jb_steps_are_same(stored->steps, stored->count, merged, merged_count)) {
        *ret_changed = false;
        return JB_OK;
    }
    struct jb_memory_series *place = &book->series[index];
    if (is_there) {
        free(place->steps);
    } else {
        memmove(place + 1, place, (book->series_count - index) * sizeof *place);
        book->series_count++;
    }
    *place = (struct jb_memory_series){.series = *series, .steps = JB_TAKE(merged), .count = merged_count};
    place->series.changed_ns = jb_clock_system.realtime_ns(&jb_clock_system);
    *ret_changed = true;
    return JB_OK;
}

/* The series with what is known of its steps. */
static enum jb_code describe(const struct jb_memory_series *stored, struct jb_error *error,
                             struct jb_series *ret_series) {
    struct jb_series series = stored->series;
    enum jb_code code = jb_series_describe(stored->steps, stored->count, error, &series);
    if (!code)
        *ret_series = series;
    return code;
}

enum jb_code jb_memory_series_find(struct jb_store *store, const char *name, struct jb_error *error,
                                   struct jb_series *ret_series) {
    const struct jb_memory_book *book = jb_memory_book_of(store);
    size_t index = 0;
    enum jb_code code = find(book, name, error, &index);
    return code ? code : describe(&book->series[index], error, ret_series);
}

enum jb_code jb_memory_series_list(struct jb_store *store, struct jb_error *error,
                                   struct jb_series **ret_series, size_t *ret_count) {
    const struct jb_memory_book *book = jb_memory_book_of(store);
    _cleanup_free_ struct jb_series *list = calloc(book->series_count + 1, sizeof *list);
    if (!list)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu series", book->series_count);
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < book->series_count; i++)
        code = describe(&book->series[i], error, &list[i]);
    if (code)
        return code;
    *ret_series = JB_TAKE(list);
    *ret_count = book->series_count;
    return JB_OK;
}

enum jb_code jb_memory_series_read(struct jb_store *store, const char *name, int64_t from_ns, int64_t to_ns,
                                   struct jb_error *error, struct jb_step **ret_steps, size_t *ret_count) {
    const struct jb_memory_book *book = jb_memory_book_of(store);
    size_t index = 0;
    enum jb_code code = find(book, name, error, &index);
    if (code)
        return code;
    const struct jb_memory_series *stored = &book->series[index];
    struct jb_step *steps = calloc(stored->count + 1, sizeof *steps);
    if (!steps)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", stored->count);
    if (stored->count)
        memcpy(steps, stored->steps, stored->count * sizeof *steps);
    *ret_count = jb_steps_cut(steps, stored->count, from_ns, to_ns);
    *ret_steps = steps;
    return JB_OK;
}

enum jb_code jb_memory_series_drop(struct jb_store *store, const char *name, struct jb_error *error) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    size_t index = 0;
    enum jb_code code = jb_memory_refuse_write(store, error);
    if (!code)
        code = find(book, name, error, &index);
    if (code)
        return code;
    free(book->series[index].steps);
    book->series_count--;
    memmove(&book->series[index], &book->series[index + 1],
            (book->series_count - index) * sizeof *book->series);
    return JB_OK;
}
