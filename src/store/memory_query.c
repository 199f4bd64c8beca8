/* What the memory store answers, and how it folds: plain loops over every entry. */
#include "store/memory_book.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <string.h>

struct jb_flow_cursor {
    struct jb_memory_book *book;
    struct jb_entry *entries; /* a copy: later appends do not show */
    size_t count, next;
    jb_int128 left; /* of the current roll-up that does not fit one flow */
};

static bool is_asked(const struct jb_memory_book *book, const struct jb_entry *entry,
                     const struct jb_query *query) {
    const struct jb_route *route = &book->routes.items[entry->route];
    return query->from_ns < query->to_ns && entry->start_ns < query->to_ns &&
           entry->end_ns > query->from_ns &&
           (query->commodity == 0 || query->commodity == route->commodity) &&
           (jb_account_is_within(jb_strings_text(book->accounts, route->from), query->account) ||
            jb_account_is_within(jb_strings_text(book->accounts, route->to), query->account));
}

/* By start; roll-ups before flows, by route; flows as they were booked (the array is in that order, and its
 * addresses tell). */
static int compare_entries(const void *left, const void *right) {
    const struct jb_entry *a = *(const struct jb_entry *const *)left;
    const struct jb_entry *b = *(const struct jb_entry *const *)right;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    bool a_rolled = a->batch == JB_BATCH_NONE, b_rolled = b->batch == JB_BATCH_NONE;
    if (a_rolled != b_rolled)
        return a_rolled ? -1 : 1;
    if (a_rolled && a->route != b->route)
        return a->route < b->route ? -1 : 1;
    return (a > b) - (a < b);
}

enum jb_code jb_memory_flows_open(struct jb_store *store, const struct jb_query *query,
                                  struct jb_error *error, struct jb_flow_cursor **ret_cursor) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    size_t count = 0;
    _cleanup_free_ const struct jb_entry **sorted = calloc(book->entry_count + 1, sizeof *sorted);
    struct jb_flow_cursor *cursor = calloc(1, sizeof *cursor);
    if (cursor)
        cursor->entries = calloc(book->entry_count + 1, sizeof *cursor->entries);
    if (!sorted || !cursor || !cursor->entries) {
        jb_memory_flows_close(cursor);
        return jb_error_set(error, JB_MEMORY, "no memory for %zu flows", book->entry_count);
    }
    for (size_t i = 0; i < book->entry_count; i++) {
        if (is_asked(book, &book->entries[i], query))
            sorted[count++] = &book->entries[i];
    }
    if (count)
        qsort(sorted, count, sizeof(struct jb_entry *), compare_entries);
    for (size_t i = 0; i < count; i++)
        cursor->entries[i] = *sorted[i];
    cursor->book = book;
    cursor->count = count;
    *ret_cursor = cursor;
    return JB_OK;
}

enum jb_code jb_memory_flows_next(struct jb_flow_cursor *cursor, struct jb_error *error,
                                  struct jb_flow *ret_flow, const char **ret_identity) {
    if (cursor->next == cursor->count)
        return jb_error_set(error, JB_NO_DATA, "no more flows");
    const struct jb_entry *entry = &cursor->entries[cursor->next];
    const struct jb_route *route = &cursor->book->routes.items[entry->route];
    if (cursor->left == 0)
        cursor->left = entry->amount;
    int64_t amount = jb_rollup_piece(&cursor->left);
    if (cursor->left == 0)
        cursor->next++;
    *ret_flow = (struct jb_flow){.start_ns = entry->start_ns,
                                 .end_ns = entry->end_ns,
                                 .from = route->from,
                                 .to = route->to,
                                 .amount = amount,
                                 .commodity = route->commodity,
                                 .method = (enum jb_method)route->method,
                                 .uncertainty_ppm = route->uncertainty_ppm};
    *ret_identity = entry->batch == JB_BATCH_NONE ? JB_ROLLUP_IDENTITY
                                                  : jb_strings_text(cursor->book->identities, entry->batch);
    return JB_OK;
}

void jb_memory_flows_close(struct jb_flow_cursor *cursor) {
    if (!cursor)
        return;
    free(cursor->entries);
    free(cursor);
}

enum jb_code jb_memory_sums(struct jb_store *store, const struct jb_query *query, struct jb_error *error,
                            struct jb_sum **ret_sums, size_t *ret_count) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    _cleanup_(jb_adder_free) struct jb_adder adder = {0};
    enum jb_code code = jb_adder_make(&adder, book->routes.count, error);
    if (code)
        return code;
    for (size_t i = 0; i < book->entry_count; i++) {
        const struct jb_entry *entry = &book->entries[i];
        if (is_asked(book, entry, query))
            jb_adder_add(&adder, entry->route, entry->amount, entry->start_ns, entry->end_ns, query->from_ns,
                         query->to_ns, entry->count);
    }
    return jb_adder_sums(&adder, &book->routes, error, ret_sums, ret_count);
}

enum jb_code jb_memory_slices(struct jb_store *store, const struct jb_query *asked, const int64_t *cuts,
                              size_t slice_count, struct jb_error *error, struct jb_slices *ret_slices) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    struct jb_query query = *asked;
    _cleanup_(jb_slicer_free) struct jb_slicer slicer = {0};
    query.from_ns = cuts[0];
    query.to_ns = cuts[slice_count];
    enum jb_code code = jb_slicer_make(&slicer, cuts, slice_count, book->routes.count, error);
    for (size_t i = 0; i < book->entry_count && !code; i++) {
        const struct jb_entry *entry = &book->entries[i];
        if (is_asked(book, entry, &query))
            code = jb_slicer_add(&slicer, entry->route, entry->amount, entry->start_ns, entry->end_ns,
                                 INT64_MIN, INT64_MAX, entry->count, error);
    }
    return code ? code : jb_slicer_finish(&slicer, &book->routes, error, ret_slices);
}

/* Roll-ups of one route and hour stand together, and before what is to be folded into them. */
static int compare_hours(const void *left, const void *right) {
    const struct jb_entry *a = left, *b = right;
    int64_t a_hour = jb_time_floor(a->start_ns, JB_HOUR_NS), b_hour = jb_time_floor(b->start_ns, JB_HOUR_NS);
    if (a_hour != b_hour)
        return a_hour < b_hour ? -1 : 1;
    return (a->route > b->route) - (a->route < b->route);
}

enum jb_code jb_memory_rollup(struct jb_store *store, int64_t keep_from_ns, struct jb_error *error) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    enum jb_code code = jb_memory_refuse_write(store, error);
    if (code)
        return code;
    if (keep_from_ns > JB_BOOK_FIRST_NS) {
        int64_t pruned_ns =
            jb_time_floor(keep_from_ns < JB_BOOK_LAST_NS ? keep_from_ns : JB_BOOK_LAST_NS, JB_HOUR_NS);
        if (pruned_ns > book->pruned_ns)
            book->pruned_ns = pruned_ns;
    }
    _cleanup_free_ struct jb_entry *folded = calloc(book->entry_count + 1, sizeof *folded);
    if (!folded)
        return jb_error_set(error, JB_MEMORY, "no memory to fold %zu flows", book->entry_count);
    size_t folded_count = 0, kept = 0;
    for (size_t i = 0; i < book->entry_count; i++) {
        struct jb_entry entry = book->entries[i];
        bool goes = entry.start_ns < book->pruned_ns && jb_flow_width(entry.start_ns, entry.end_ns) == 0;
        if (!goes) {
            book->entries[kept++] = entry;
            continue;
        }
        if (entry.batch != JB_BATCH_NONE)
            book->batches[entry.batch].left_count--;
        entry.batch = JB_BATCH_NONE;
        folded[folded_count++] = entry;
    }
    if (folded_count)
        qsort(folded, folded_count, sizeof *folded, compare_hours);
    for (size_t i = 0; i < folded_count; i++) {
        struct jb_entry *last = i ? &book->entries[kept - 1] : NULL;
        if (!last || compare_hours(last, &folded[i]) != 0) {
            book->entries[kept++] = folded[i];
            continue;
        }
        last->amount += folded[i].amount;
        last->count += folded[i].count;
        if (folded[i].start_ns < last->start_ns)
            last->start_ns = folded[i].start_ns;
        if (folded[i].end_ns > last->end_ns)
            last->end_ns = folded[i].end_ns;
    }
    book->entry_count = kept;
    return JB_OK;
}
