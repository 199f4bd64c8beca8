/* Groups of a scan: their memory, the numbers of texts and times, and how two tables of groups become one. */
#include "base/scan_internal.h"

#include "base/array.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#define RESERVE_STEP  ((size_t)2 << 20) /* a huge page */
#define TEXT_OVERHEAD 64                /* bytes that a text takes besides itself */

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
    groups->margins = reserve(groups->reserved);
    if (!groups->records || !groups->margins)
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
    for (size_t i = 0; i < groups->fault_count; i++)
        free(groups->faults[i].what);
    free(groups->index);
    free(groups->faults);
    atomic_fetch_sub_explicit(&groups->memory->used, groups->accounted, memory_order_relaxed);
    free(groups);
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

/* ---- merging ---------------------------------------------------------------------------------------- */

/* For each key the ids of `from` in terms of `to`. */
struct translation {
    uint32_t *ids[JB_SCAN_SLOT_CEILING];
};

static void translation_free(struct translation *translation) {
    for (size_t key = 0; key < JB_SCAN_SLOT_CEILING; key++)
        free(translation->ids[key]);
}

static enum jb_code translate(struct jb_scan_groups *to, const struct jb_scan_groups *from,
                              struct translation *translation, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t key = 0; key < to->layout->key_count; key++) {
        bool is_text = to->texts[key] != NULL;
        size_t count = is_text ? jb_strings_count(from->texts[key]) : from->times[key].count;
        uint32_t *ids = translation->ids[key] = calloc(count + 1, sizeof *ids);
        if (!ids)
            return jb_error_set(error, JB_MEMORY, "no memory for %zu texts", count);
        for (size_t id = 0; !code && id < count; id++)
            code = is_text ? jb_scan_groups_text(to, key, jb_strings_text(from->texts[key], (uint32_t)id),
                                                 error, &ids[id])
                           : jb_scan_groups_time(to, key, from->times[key].values[id], error, &ids[id]);
        if (code)
            return code;
    }
    return JB_OK;
}

static enum jb_code merge_group(struct jb_scan_groups *to, const struct jb_scan_groups *from, size_t number,
                                const struct translation *translation, uint64_t first_row,
                                struct jb_error *error) {
    const struct jb_scan_layout *layout = to->layout;
    const struct jb_scan_record *theirs = jb_scan_groups_record(from, number);
    const struct jb_scan_margin *margin = jb_scan_groups_margin(from, number);
    uint32_t ids[JB_SCAN_ID_CEILING] __attribute__((aligned(16)));
    memcpy(ids, jb_scan_record_ids(layout, theirs), layout->id_count * sizeof *ids);
    for (size_t key = 0; key < layout->key_count; key++)
        ids[key] = translation->ids[key][ids[key]];
    size_t ours_number;
    enum jb_code code = jb_scan_groups_find(to, ids, first_row + margin->first_row, (uint32_t)margin->input,
                                            error, &ours_number);
    if (code)
        return code;
    struct jb_scan_record *ours = jb_scan_groups_record(to, ours_number);
    uint64_t *absents = jb_scan_groups_margin(to, ours_number)->absents;
    ours->row_count += theirs->row_count;
    for (size_t sum = 0; sum < layout->sum_count; sum++) {
        absents[sum] += margin->absents[sum];
        if (__builtin_add_overflow(ours->sums[sum], theirs->sums[sum], &ours->sums[sum]))
            return jb_scan_sum_overflow(error);
    }
    return JB_OK;
}

enum jb_code jb_scan_groups_merge(struct jb_scan_groups *to, const struct jb_scan_groups *from,
                                  uint64_t first_row, struct jb_error *error) {
    _cleanup_(translation_free) struct translation translation = {{NULL}};
    enum jb_code code = translate(to, from, &translation, error);
    for (size_t number = 0; !code && number < from->count; number++) {
        if (jb_scan_groups_record(from, number)->row_count) /* otherwise its key is wrong */
            code = merge_group(to, from, number, &translation, first_row, error);
    }
    return code;
}
