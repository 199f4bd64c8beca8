/* Groups of a scan: keys as tuples of ids, and exact sums, in records that never move. */
#include "base/scan_internal.h"

#include "base/array.h"

#include <assert.h>
#include <string.h>

#define SEGMENT_RECORDS ((size_t)1024)
#define TEXT_OVERHEAD   64 /* bytes that a text takes besides itself */

/* Counts bytes against the ceiling of the whole scan. */
static enum jb_code account(struct jb_scan_groups *groups, size_t size, struct jb_error *error) {
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
    for (size_t i = 0; i < groups->segment_count; i++)
        free(groups->segments[i]);
    for (size_t i = 0; i < groups->fault_count; i++)
        free(groups->faults[i].what);
    free(groups->segments);
    free(groups->index);
    free(groups->faults);
    atomic_fetch_sub_explicit(&groups->memory->used, groups->accounted, memory_order_relaxed);
    free(groups);
}

/* ---- records ---------------------------------------------------------------------------------------- */

struct jb_scan_record *jb_scan_groups_record(const struct jb_scan_groups *groups, size_t number) {
    char *segment = groups->segments[number / SEGMENT_RECORDS];
    return (struct jb_scan_record *)(segment + number % SEGMENT_RECORDS * groups->layout->record_size);
}

jb_int128 *jb_scan_record_sums(const struct jb_scan_layout *layout, struct jb_scan_record *record) {
    (void)layout;
    return (jb_int128 *)(record + 1);
}

uint64_t *jb_scan_record_absents(const struct jb_scan_layout *layout, struct jb_scan_record *record) {
    return (uint64_t *)(jb_scan_record_sums(layout, record) + layout->sum_count);
}

uint32_t *jb_scan_record_ids(const struct jb_scan_layout *layout, struct jb_scan_record *record) {
    return (uint32_t *)(jb_scan_record_absents(layout, record) + layout->sum_count);
}

/* ---- ids -------------------------------------------------------------------------------------------- */

enum jb_code jb_scan_groups_text(struct jb_scan_groups *groups, size_t key, const char *text,
                                 struct jb_error *error, uint32_t *ret_id) {
    struct jb_strings *texts = groups->texts[key];
    size_t count = jb_strings_count(texts);
    uint32_t id;
    enum jb_code code = jb_strings_intern(texts, text, error, &id);
    if (!code && jb_strings_count(texts) > count)
        code = account(groups, strlen(text) + TEXT_OVERHEAD, error);
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
    enum jb_code code = account(groups, sizeof time_ns + 2 * sizeof *times->index, error);
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

/* ---- groups ----------------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct jb_scan_layout *layout, const uint32_t *ids) {
    return layout->kernel->hash_ids(ids, layout->id_count);
}

static inline bool is_same_key(const struct jb_scan_layout *layout, const uint32_t *a, const uint32_t *b) {
    uint64_t different = 0;
    for (size_t i = 0; i < layout->id_count; i += 4) {
        uint64_t ours[2], theirs[2];
        memcpy(ours, a + i, sizeof ours);
        memcpy(theirs, b + i, sizeof theirs);
        different |= (ours[0] ^ theirs[0]) | (ours[1] ^ theirs[1]);
    }
    return different == 0;
}

static enum jb_code grow_index(struct jb_scan_groups *groups, struct jb_error *error) {
    size_t size = groups->index_size ? groups->index_size * 2 : 1024;
    enum jb_code code = account(groups, (size - groups->index_size) * sizeof *groups->index, error);
    if (code)
        return code;
    uint64_t *index = calloc(size, sizeof *index);
    if (!index)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu groups", size);
    for (size_t number = 0; number < groups->count; number++) {
        uint64_t hash = hash_of(groups->layout,
                                jb_scan_record_ids(groups->layout, jb_scan_groups_record(groups, number)));
        size_t at = hash & (size - 1);
        while (index[at])
            at = (at + 1) & (size - 1);
        index[at] = (hash >> 32 << 32) | (number + 1);
    }
    free(groups->index);
    groups->index = index;
    groups->index_size = size;
    return JB_OK;
}

/* Asks whether the key of a new group is good; what it is wrong by is kept with it. */
static enum jb_code check_key(struct jb_scan_groups *groups, struct jb_scan_record *record,
                              struct jb_error *error) {
    const struct jb_scan_layout *layout = groups->layout;
    const struct jb_scan_request *request = layout->request;
    const char *texts[JB_SCAN_SLOT_CEILING] = {NULL};
    int64_t times_ns[JB_SCAN_SLOT_CEILING];
    const uint32_t *ids = jb_scan_record_ids(layout, record);
    if (!request->check)
        return JB_OK;
    for (size_t slot = 0; slot < request->slot_count; slot++) {
        size_t key = layout->place[slot];
        times_ns[slot] = JB_SCAN_NO_TIME;
        if (request->slots[slot]->kind == JB_SCAN_TEXT)
            texts[slot] = jb_strings_text(groups->texts[key], ids[key]);
        else if (request->slots[slot]->kind == JB_SCAN_TIME)
            times_ns[slot] = groups->times[key].values[ids[key]];
    }
    size_t slot = JB_SCAN_NO_SLOT;
    struct jb_error why = {0};
    enum jb_code code = request->check->check(request->check, record->input, texts, times_ns, &why, &slot);
    if (code != JB_INPUT) {
        if (code && error)
            *error = why;
        return code;
    }
    code = jb_array_reserve(&groups->faults, &groups->fault_capacity, groups->fault_count + 1, UINT32_MAX,
                            "wrong keys", error);
    if (!code)
        code = account(groups, sizeof *groups->faults + strlen(why.message) + TEXT_OVERHEAD, error);
    char *what = code ? NULL : strdup(why.message);
    if (!what)
        return code ? code : jb_error_set(error, JB_MEMORY, "no memory for a message");
    groups->faults[groups->fault_count++] =
        (struct jb_scan_fault){.slot = slot, .field = SIZE_MAX, .what = what};
    record->fault = (uint32_t)groups->fault_count;
    return JB_OK;
}

static enum jb_code add_group(struct jb_scan_groups *groups, size_t at, uint64_t hash, const uint32_t *ids,
                              uint64_t first_row, uint32_t input, struct jb_error *error) {
    const struct jb_scan_layout *layout = groups->layout;
    size_t number = groups->count;
    if (number >= UINT32_MAX - 1)
        return jb_error_set(error, JB_LIMIT, "more than %zu groups", number);
    if (number / SEGMENT_RECORDS == groups->segment_count) {
        size_t size = SEGMENT_RECORDS * layout->record_size;
        enum jb_code code = account(groups, size, error);
        if (!code)
            code = jb_array_reserve(&groups->segments, &groups->segment_capacity, groups->segment_count + 1,
                                    UINT32_MAX, "groups", error);
        char *segment = code ? NULL : aligned_alloc(64, size);
        if (!segment)
            return code ? code : jb_error_set(error, JB_MEMORY, "no memory for %zu groups", number);
        memset(segment, 0, size);
        groups->segments[groups->segment_count++] = segment;
    }
    struct jb_scan_record *record = jb_scan_groups_record(groups, number);
    record->first_row = first_row;
    record->input = input;
    memcpy(jb_scan_record_ids(layout, record), ids, layout->id_count * sizeof *ids);
    groups->index[at] = (hash >> 32 << 32) | (number + 1);
    groups->count++;
    return JB_OK;
}

/* The number of the group with this key; count when there is none, and the place in the index for it. */
static size_t find_group(const struct jb_scan_groups *groups, uint64_t hash, const uint32_t *ids,
                         size_t *ret_at) {
    size_t at = hash & (groups->index_size - 1);
    for (; groups->index[at]; at = (at + 1) & (groups->index_size - 1)) {
        if (groups->index[at] >> 32 != hash >> 32)
            continue;
        size_t number = (uint32_t)groups->index[at] - 1;
        const struct jb_scan_layout *layout = groups->layout;
        if (is_same_key(layout, jb_scan_record_ids(layout, jb_scan_groups_record(groups, number)), ids)) {
            *ret_at = at;
            return number;
        }
    }
    *ret_at = at;
    return groups->count;
}

static enum jb_code make_room(struct jb_scan_groups *groups, size_t more, struct jb_error *error) {
    while ((groups->count + more) * 2 > groups->index_size) {
        enum jb_code code = grow_index(groups, error);
        if (code)
            return code;
    }
    return JB_OK;
}

static enum jb_code add_sum(jb_int128 *sum, jb_int128 value, struct jb_error *error) {
    if (__builtin_add_overflow(*sum, value, sum))
        return jb_error_set(error, JB_LIMIT, "a sum is out of range (128 bits)");
    return JB_OK;
}

/* One good row, or one that only looked good. */
static enum jb_code add_row(struct jb_scan_groups *groups, struct jb_scan_batch *batch, size_t row,
                            struct jb_error *error) {
    const struct jb_scan_layout *layout = groups->layout;
    const uint32_t *ids = batch->ids + row * layout->id_count;
    uint64_t hash = batch->hashes[row];
    size_t at, number = find_group(groups, hash, ids, &at);
    if (number == groups->count) {
        enum jb_code code = add_group(groups, at, hash, ids, batch->first_row + row, batch->input, error);
        if (!code)
            code = check_key(groups, jb_scan_groups_record(groups, number), error);
        if (code)
            return code;
    }
    struct jb_scan_record *record = jb_scan_groups_record(groups, number);
    if (record->fault) {
        const struct jb_scan_fault *fault = &groups->faults[record->fault - 1];
        batch->faults[row] = *fault;
        batch->faults[row].what = strdup(fault->what);
        batch->fault_count++;
        return batch->faults[row].what ? JB_OK : jb_error_set(error, JB_MEMORY, "no memory for a message");
    }
    jb_int128 *sums = jb_scan_record_sums(layout, record);
    uint64_t *absents = jb_scan_record_absents(layout, record);
    record->row_count++;
    enum jb_code code = JB_OK;
    for (size_t sum = 0; !code && sum < layout->sum_count; sum++) {
        absents[sum] += batch->is_absent[sum * JB_SCAN_BATCH + row];
        code = add_sum(&sums[sum], batch->values[sum * JB_SCAN_BATCH + row], error);
    }
    return code;
}

enum jb_code jb_scan_groups_add(struct jb_scan_groups *groups, struct jb_scan_batch *batch,
                                struct jb_error *error) {
    enum jb_code code = make_room(groups, batch->count, error);
    if (code)
        return code;
    /* The index and the records may lie anywhere in memory: ask for all of them before the first is needed.
     */
    const size_t mask = groups->index_size - 1, stride = groups->layout->id_count;
    for (size_t row = 0; row < batch->count; row++) {
        batch->hashes[row] = groups->layout->kernel->hash_ids(batch->ids + row * stride, stride);
        __builtin_prefetch(&groups->index[batch->hashes[row] & mask]);
    }
    for (size_t row = 0; row < batch->count; row++) {
        uint64_t entry = groups->index[batch->hashes[row] & mask];
        if (entry) {
            const char *record = (const char *)jb_scan_groups_record(groups, (uint32_t)entry - 1);
            __builtin_prefetch(record);
            __builtin_prefetch(record + 64);
        }
    }
    for (size_t row = 0; !code && row < batch->count; row++) {
        if (!batch->faults[row].what)
            code = add_row(groups, batch, row, error);
    }
    return code;
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
    struct jb_scan_record *theirs = jb_scan_groups_record(from, number);
    uint32_t ids[JB_SCAN_SLOT_CEILING + 4] __attribute__((aligned(16)));
    memcpy(ids, jb_scan_record_ids(layout, theirs), layout->id_count * sizeof *ids);
    for (size_t key = 0; key < layout->key_count; key++)
        ids[key] = translation->ids[key][ids[key]];
    uint64_t hash = hash_of(layout, ids);
    size_t at, ours_number = find_group(to, hash, ids, &at);
    if (ours_number == to->count) {
        enum jb_code code = add_group(to, at, hash, ids, first_row + theirs->first_row, theirs->input, error);
        if (code)
            return code;
    }
    struct jb_scan_record *ours = jb_scan_groups_record(to, ours_number);
    ours->row_count += theirs->row_count;
    for (size_t sum = 0; sum < layout->sum_count; sum++) {
        enum jb_code code =
            add_sum(&jb_scan_record_sums(layout, ours)[sum], jb_scan_record_sums(layout, theirs)[sum], error);
        if (code)
            return code;
        jb_scan_record_absents(layout, ours)[sum] += jb_scan_record_absents(layout, theirs)[sum];
    }
    return JB_OK;
}

enum jb_code jb_scan_groups_merge(struct jb_scan_groups *to, const struct jb_scan_groups *from,
                                  uint64_t first_row, struct jb_error *error) {
    _cleanup_(translation_free) struct translation translation = {{NULL}};
    enum jb_code code = translate(to, from, &translation, error);
    for (size_t number = 0; !code && number < from->count; number++) {
        if (jb_scan_groups_record(from, number)->row_count == 0)
            continue; /* its key is wrong: all its rows were left out */
        code = make_room(to, 1, error);
        if (!code)
            code = merge_group(to, from, number, &translation, first_row, error);
    }
    return code;
}
