/* Groups of a scan: their memory, their layout, and the numbers of texts and times. */
#include "base/scan_internal.h"

#include "base/array.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#define RESERVE_STEP   ((size_t)2 << 20) /* a huge page */
#define TEXT_OVERHEAD  64                /* bytes that a text takes besides itself */
#define TUPLE_OVERHEAD 16                /* the same of a tuple */
#define JOINED_CEILING 56                /* bytes; what a memo takes, less a little for rows to come */

/* Counts bytes against the ceiling of the whole scan. */
enum jb_code jb_scan_groups_account(struct jb_scan_groups *groups, size_t size, struct jb_error *error) {
    size_t used = atomic_fetch_add_explicit(&groups->memory->used, size, memory_order_relaxed);
    groups->accounted += size;
    if (used + size > groups->memory->ceiling)
        return jb_error_set(
            error, JB_LIMIT,
            "too many different keys: their texts and sums need more than %zu MiB; take fewer columns "
            "or longer periods, or fewer rows at a time",
            groups->memory->ceiling >> 20);
    return JB_OK;
}

static char *reserve(size_t size) {
    void *pages =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    return pages;
}

enum jb_code jb_scan_groups_make(const struct jb_scan_layout *layout, struct jb_scan_memory *memory,
                                 struct jb_error *error, struct jb_scan_groups **ret_groups) {
    _cleanup_(jb_scan_groups_free_cleanup) struct jb_scan_groups *groups = calloc(1, sizeof *groups);
    if (!groups)
        return jb_error_set(error, JB_MEMORY, "no memory for groups");
    groups->layout = layout;
    groups->memory = memory;
    for (size_t key = 0; key < layout->key_count; key++) {
        const struct jb_scan_slot *slot = layout->request->slots[layout->key_slots[key]];
        enum jb_code code =
            slot->kind == JB_SCAN_TEXT ? jb_strings_make(UINT32_MAX, error, &groups->texts[key]) : JB_OK;
        if (code)
            return code;
    }
    /* Room for as many as there may be: what is not touched costs nothing, and nothing ever moves. */
    groups->reserved = (memory->ceiling + RESERVE_STEP) / RESERVE_STEP * RESERVE_STEP;
    groups->records = reserve(groups->reserved);
    groups->margins = (struct jb_scan_margin *)reserve(groups->reserved);
    groups->absents = (uint64_t *)reserve(groups->reserved);
    groups->carries = (jb_int128 *)reserve(groups->reserved);
    if (!groups->records || !groups->margins || !groups->absents || !groups->carries)
        return jb_error_set(error, JB_MEMORY, "no memory for groups");
    *ret_groups = JB_TAKE(groups);
    return JB_OK;
}

void jb_scan_groups_free(struct jb_scan_groups *groups) {
    if (!groups)
        return;
    for (size_t key = 0; key < JB_SCAN_SLOT_CEILING; key++) {
        jb_strings_free(groups->texts[key]);
        free(groups->times[key].values);
        free(groups->times[key].index);
    }
    if (groups->records)
        munmap(groups->records, groups->reserved);
    if (groups->margins)
        munmap(groups->margins, groups->reserved);
    if (groups->absents)
        munmap(groups->absents, groups->reserved);
    if (groups->carries)
        munmap(groups->carries, groups->reserved);
    free(groups->recent.sets);
    for (size_t span = 0; span < groups->span_count; span++)
        jb_tuples_free(groups->spans[span].tuples);
    for (size_t i = 0; i < groups->fault_count; i++)
        free(groups->faults[i].what);
    free(groups->index);
    free(groups->faults);
    atomic_fetch_sub_explicit(&groups->memory->used, groups->accounted, memory_order_relaxed);
    free(groups);
}

/* ---- layout ----------------------------------------------------------------------------------------- */

/* Whether what stands in the columns first to last is short enough to be remembered as one text. */
static bool may_join(const struct jb_scan_rows_view *rows, uint32_t first, uint32_t last) {
    uint32_t longest = 0;
    for (size_t row = 0; row < rows->count; row++) {
        const uint32_t *ends = rows->ends + row * rows->width + first;
        uint32_t length = ends[last - first] - ends[-1] - 1;
        longest = length > longest ? length : longest;
    }
    return longest <= JOINED_CEILING;
}

/* Adds a key to the last span, or opens one. */
static void add_key(struct jb_scan_groups *groups, size_t key, uint32_t field, bool is_joined) {
    struct jb_scan_span *span = &groups->spans[groups->span_count - is_joined];
    if (!is_joined) {
        span->first = field;
        groups->span_count++;
    }
    span->last = field;
    groups->key_spans[key] = (size_t)(span - groups->spans);
    groups->key_places[key] = span->key_count;
    span->keys[span->key_count++] = key;
}

static void add_columns(struct jb_scan_groups *groups, const uint32_t *fields,
                        const struct jb_scan_rows_view *rows) {
    const struct jb_scan_layout *layout = groups->layout;
    size_t keys[JB_SCAN_SLOT_CEILING], count = 0;
    for (size_t key = 0; key < layout->key_count; key++) {
        uint32_t field = fields[layout->key_slots[key]];
        size_t at = count;
        groups->key_spans[key] = JB_SCAN_NO_SPAN;
        if (field == JB_SCAN_NO_FIELD)
            continue;
        for (; at && fields[layout->key_slots[keys[at - 1]]] > field; at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
        count++;
    }
    groups->key_spans[layout->key_count] = JB_SCAN_NO_SPAN; /* the input of a range is one */
    for (size_t i = 0; i < count; i++) {
        const struct jb_scan_span *last = i ? &groups->spans[groups->span_count - 1] : NULL;
        uint32_t field = fields[layout->key_slots[keys[i]]];
        bool is_joined =
            last && field <= last->last + 1 && (field == last->last || may_join(rows, last->first, field));
        add_key(groups, keys[i], field, is_joined);
    }
}

enum jb_code jb_scan_groups_lay_out(struct jb_scan_groups *groups, const uint32_t *fields,
                                    const struct jb_scan_rows_view *rows, struct jb_error *error) {
    const struct jb_scan_layout *layout = groups->layout;
    size_t all_keys = layout->key_count + layout->request->by_input, sum_count = 0;
    assert(groups->count == 0 && groups->span_count == 0);
    if (fields)
        add_columns(groups, fields, rows);
    groups->is_whole = !fields;
    for (size_t key = 0; !fields && key < all_keys; key++)
        add_key(groups, key, 0, key > 0);
    for (size_t i = 0; i < groups->span_count; i++) {
        struct jb_scan_span *span = &groups->spans[i];
        enum jb_code code = span->key_count < 2
                                ? JB_OK
                                : jb_tuples_make(span->key_count, SIZE_MAX, "keys", error, &span->tuples);
        if (code)
            return code;
    }
    for (size_t sum = 0; sum < layout->sum_count; sum++) {
        bool is_there = !fields || fields[layout->sum_slots[sum]] != JB_SCAN_NO_FIELD;
        groups->sum_places[sum] = is_there ? sum_count++ : JB_SCAN_MISSING_SUM;
    }
    groups->place_count = sum_count;
    groups->head_offset = sum_count * sizeof(int64_t);
    size_t size =
        groups->head_offset + offsetof(struct jb_scan_head, ids) + groups->span_count * sizeof(uint32_t);
    size = (size + 7) / 8 * 8;
    size_t by_line = (size + 63) / 64 * 64; /* of the cache, or half of one, where little is lost by it */
    groups->record_size = size <= 32 ? 32 : by_line - size <= 16 ? by_line : size;
    return JB_OK;
}

size_t jb_scan_span_count(const struct jb_scan_groups *groups, const struct jb_scan_span *span) {
    size_t key = span->keys[0];
    return span->tuples                                       ? jb_tuples_count(span->tuples)
           : key < JB_SCAN_SLOT_CEILING && groups->texts[key] ? jb_strings_count(groups->texts[key])
           : key < groups->layout->key_count                  ? groups->times[key].count
                                                              : (size_t)groups->constants[key] + 1;
}

enum jb_code jb_scan_groups_intern(struct jb_scan_groups *groups, struct jb_scan_span *span,
                                   const uint32_t *ids, struct jb_error *error, uint32_t *ret_id) {
    if (!span->tuples) {
        *ret_id = ids[0];
        return JB_OK;
    }
    size_t count = jb_tuples_count(span->tuples);
    enum jb_code code = jb_tuples_intern(span->tuples, ids, error, ret_id);
    if (!code && jb_tuples_count(span->tuples) > count)
        code = jb_scan_groups_account(groups, span->key_count * sizeof *ids + TUPLE_OVERHEAD, error);
    return code;
}

/* ---- ids -------------------------------------------------------------------------------------------- */

enum jb_code jb_scan_groups_text(struct jb_scan_groups *groups, size_t key, const char *text,
                                 struct jb_error *error, uint32_t *ret_id) {
    struct jb_strings *texts = groups->texts[key];
    size_t count = jb_strings_count(texts);
    uint32_t id;
    enum jb_code code = jb_strings_intern(texts, text, error, &id);
    if (!code && jb_strings_count(texts) > count)
        code = jb_scan_groups_account(groups, strlen(text) + TEXT_OVERHEAD, error);
    if (!code)
        *ret_id = id;
    return code;
}

static size_t find_time(const struct jb_scan_times *times, int64_t time_ns) {
    size_t at = jb_hash_uint64((uint64_t)time_ns) & (times->index_size - 1);
    while (times->index[at] && times->values[times->index[at] - 1] != time_ns)
        at = (at + 1) & (times->index_size - 1);
    return at;
}

static enum jb_code grow_times(struct jb_scan_times *times, struct jb_error *error) {
    size_t size = times->index_size ? times->index_size * 2 : 64;
    uint32_t *index = calloc(size, sizeof *index);
    if (!index)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu times", size);
    free(times->index);
    times->index = index;
    times->index_size = size;
    for (size_t i = 0; i < times->count; i++)
        index[find_time(times, times->values[i])] = (uint32_t)i + 1;
    return JB_OK;
}

enum jb_code jb_scan_groups_time(struct jb_scan_groups *groups, size_t key, int64_t time_ns,
                                 struct jb_error *error, uint32_t *ret_id) {
    struct jb_scan_times *times = &groups->times[key];
    if (times->index_size) {
        uint32_t found = times->index[find_time(times, time_ns)];
        if (found) {
            *ret_id = found - 1;
            return JB_OK;
        }
    }
    enum jb_code code = jb_scan_groups_account(groups, sizeof time_ns + 2 * sizeof *times->index, error);
    if (!code)
        code = jb_array_reserve(&times->values, &times->capacity, times->count + 1, UINT32_MAX - 1, "times",
                                error);
    if (!code && (times->count + 1) * 2 > times->index_size)
        code = grow_times(times, error);
    if (code)
        return code;
    times->values[times->count] = time_ns;
    times->index[find_time(times, time_ns)] = (uint32_t)times->count + 1;
    *ret_id = (uint32_t)times->count++;
    return JB_OK;
}
