/* Records of a scan's groups: found by their key, and added to. */
#include "base/scan_internal.h"

#include "base/array.h"
#include "base/slots.h"

#include <string.h>
#include <sys/mman.h>

#define ACCOUNT_STEP   1024         /* groups that are accounted for at a time */
#define MANY           ACCOUNT_STEP /* groups whose margins are worth huge pages */
#define INDEX_FIRST    4096
#define INDEX_SMALL    ((size_t)1 << 18)
#define NUMBER_CEILING ((size_t)UINT32_MAX - 1)
#define NO_GROUP       UINT32_MAX

static inline char *record_at(const struct jb_scan_groups *groups, size_t number) {
    return groups->records + number * groups->record_size;
}

static inline struct jb_scan_head *head_at(const struct jb_scan_groups *groups, size_t number) {
    return (struct jb_scan_head *)(record_at(groups, number) + groups->head_offset);
}

jb_int128 *jb_scan_groups_sums(const struct jb_scan_groups *groups, size_t number) {
    return (jb_int128 *)record_at(groups, number);
}

struct jb_scan_head *jb_scan_groups_head(const struct jb_scan_groups *groups, size_t number) {
    return head_at(groups, number);
}

struct jb_scan_margin *jb_scan_groups_margin(const struct jb_scan_groups *groups, size_t number) {
    return &groups->margins[number];
}

uint32_t jb_scan_groups_id(const struct jb_scan_groups *groups, size_t number, size_t key) {
    size_t span = groups->key_spans[key];
    if (span == JB_SCAN_NO_SPAN)
        return groups->constants[key];
    uint32_t id = head_at(groups, number)->ids[span];
    const struct jb_tuples *tuples = groups->spans[span].tuples;
    return tuples ? jb_tuples_at(tuples, id)[groups->key_places[key]] : id;
}

jb_int128 jb_scan_groups_sum(const struct jb_scan_groups *groups, size_t number, size_t sum) {
    size_t place = groups->sum_places[sum];
    return place == JB_SCAN_MISSING_SUM ? 0 : jb_scan_groups_sums(groups, number)[place];
}

uint64_t jb_scan_groups_absents(const struct jb_scan_groups *groups, size_t number, size_t sum) {
    if (groups->sum_places[sum] == JB_SCAN_MISSING_SUM)
        return head_at(groups, number)->row_count;
    return groups->has_absents ? groups->absents[number * groups->layout->sum_count + sum] : 0;
}

void jb_scan_groups_add_absents(struct jb_scan_groups *groups, size_t number, size_t sum, uint64_t count) {
    if (count == 0)
        return;
    groups->has_absents = true;
    groups->absents[number * groups->layout->sum_count + sum] += count;
}

enum jb_code jb_scan_sum_overflow(struct jb_error *error) {
    return jb_error_set(error, JB_LIMIT, "a sum is out of range (128 bits)");
}

/* ---- index ------------------------------------------------------------------------------------------ */

/* A small index is kept three quarters empty: a second look at it costs more than its memory. */
static bool is_small(const struct jb_scan_groups *groups) {
    return groups->index_size <= INDEX_SMALL;
}

static enum jb_code grow_index(struct jb_scan_groups *groups, struct jb_error *error) {
    size_t size = groups->index_size ? groups->index_size * (is_small(groups) ? 4 : 2) : INDEX_FIRST;
    enum jb_code code =
        jb_scan_groups_account(groups, (size - groups->index_size) * sizeof *groups->index, error);
    if (code)
        return code;
    return jb_slots_grow(&groups->index, &groups->index_size, size, "groups", error);
}

static enum jb_code make_room(struct jb_scan_groups *groups, size_t more, struct jb_error *error) {
    while ((groups->count + more) * (is_small(groups) ? 4 : 2) > groups->index_size) {
        enum jb_code code = grow_index(groups, error);
        if (code)
            return code;
    }
    return JB_OK;
}

static inline bool is_same_key(size_t id_count, const uint32_t *a, const uint32_t *b) {
    uint64_t different = 0;
    if (__builtin_expect(id_count == 4, 1)) {
        uint64_t ours[2], theirs[2];
        memcpy(ours, a, sizeof ours);
        memcpy(theirs, b, sizeof theirs);
        return ((ours[0] ^ theirs[0]) | (ours[1] ^ theirs[1])) == 0;
    }
    for (size_t i = 0; i < id_count; i += 4) {
        uint64_t ours[2], theirs[2];
        memcpy(ours, a + i, sizeof ours);
        memcpy(theirs, b + i, sizeof theirs);
        different |= (ours[0] ^ theirs[0]) | (ours[1] ^ theirs[1]);
    }
    return different == 0;
}

/* A product of 128 bits, folded, mixes all bits of two ids at a time. */
static inline uint64_t hash_ids(const uint32_t *ids, size_t id_count) {
    uint64_t hash = 0x9e3779b97f4a7c15U;
    for (size_t i = 0; i < id_count; i += 4) {
        uint64_t words[2];
        memcpy(words, ids + i, sizeof words);
        jb_uint128 product = (jb_uint128)(words[0] ^ hash) * (words[1] ^ 0xd6e8feb86659fd93U);
        hash = (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    return hash * 0xbf58476d1ce4e5b9U;
}

/* The number of the group with this key; count when there is none, and the place in the index for it. */
__attribute__((always_inline)) static inline size_t
find_group(const struct jb_scan_groups *groups, uint64_t hash, const uint32_t *ids, size_t *ret_at) {
    const size_t mask = groups->index_size - 1;
    size_t at = jb_slots_place(hash, groups->index_size);
    for (;; at = (at + 1) & mask) {
        uint64_t entry = groups->index[at];
        if (entry == 0)
            break;
        if ((entry ^ hash) >> 32)
            continue;
        size_t number = (uint32_t)entry - 1;
        if (is_same_key(groups->id_count, head_at(groups, number)->ids, ids))
            return number;
    }
    *ret_at = at;
    return groups->count;
}

/* ---- groups ----------------------------------------------------------------------------------------- */

/* Asks whether the key of a new group is good; what it is wrong by is kept with it. */
static enum jb_code check_key(struct jb_scan_groups *groups, size_t number, struct jb_error *error) {
    const struct jb_scan_layout *layout = groups->layout;
    const struct jb_scan_request *request = layout->request;
    const char *texts[JB_SCAN_SLOT_CEILING] = {NULL};
    int64_t times_ns[JB_SCAN_SLOT_CEILING];
    if (!request->check)
        return JB_OK;
    for (size_t slot = 0; slot < request->slot_count; slot++) {
        size_t key = layout->place[slot];
        times_ns[slot] = JB_SCAN_NO_TIME;
        if (request->slots[slot]->kind == JB_SCAN_TEXT)
            texts[slot] = jb_strings_text(groups->texts[key], jb_scan_groups_id(groups, number, key));
        else if (request->slots[slot]->kind == JB_SCAN_TIME)
            times_ns[slot] = groups->times[key].values[jb_scan_groups_id(groups, number, key)];
    }
    size_t slot = JB_SCAN_NO_SLOT;
    struct jb_error why = {0};
    enum jb_code code = request->check->check(request->check, jb_scan_groups_margin(groups, number)->input,
                                              texts, times_ns, &why, &slot);
    if (code != JB_INPUT) {
        if (code && error)
            *error = why;
        return code;
    }
    code = jb_array_reserve(&groups->faults, &groups->fault_capacity, groups->fault_count + 1, UINT32_MAX,
                            "wrong keys", error);
    if (!code)
        code = jb_scan_groups_account(groups, sizeof *groups->faults + strlen(why.message), error);
    char *what = code ? NULL : strdup(why.message);
    if (!what)
        return code ? code : jb_error_set(error, JB_MEMORY, "no memory for a message");
    groups->faults[groups->fault_count++] =
        (struct jb_scan_fault){.slot = slot, .field = SIZE_MAX, .what = what};
    head_at(groups, number)->fault = (uint32_t)groups->fault_count;
    return JB_OK;
}

static enum jb_code add_group(struct jb_scan_groups *groups, size_t at, uint64_t hash, const uint32_t *ids,
                              uint64_t first_row, uint32_t input, struct jb_error *error) {
    const struct jb_scan_layout *layout = groups->layout;
    size_t number = groups->count;
    if (number % ACCOUNT_STEP == 0) {
        /* Below the ceiling there is room: it was reserved. */
        enum jb_code code =
            number >= NUMBER_CEILING
                ? jb_error_set(error, JB_LIMIT, "more than %zu groups", number)
                : jb_scan_groups_account(groups,
                                         ACCOUNT_STEP * (groups->record_size + sizeof *groups->margins +
                                                         layout->sum_count * sizeof *groups->absents),
                                         error);
        if (code)
            return code;
        /* Pages that are huge from the start are worth their size: fewer faults and misses. */
        if (number == 0)
            madvise(groups->records, groups->reserved, MADV_HUGEPAGE);
        if (number == MANY)
            madvise(groups->margins, groups->reserved, MADV_HUGEPAGE);
    }
    *jb_scan_groups_margin(groups, number) = (struct jb_scan_margin){.first_row = first_row, .input = input};
    memcpy(head_at(groups, number)->ids, ids, groups->id_count * sizeof *ids);
    groups->index[at] = (hash >> 32 << 32) | (number + 1);
    groups->count++;
    return JB_OK;
}

enum jb_code jb_scan_groups_find(struct jb_scan_groups *groups, const uint32_t *ids, uint64_t first_row,
                                 uint32_t input, struct jb_error *error, size_t *ret_number) {
    enum jb_code code = make_room(groups, 1, error);
    if (code)
        return code;
    uint64_t hash = hash_ids(ids, groups->id_count);
    size_t at = 0, number = find_group(groups, hash, ids, &at);
    if (number == groups->count)
        code = add_group(groups, at, hash, ids, first_row, input, error);
    if (!code)
        *ret_number = number;
    return code;
}

static enum jb_code fault_row(const struct jb_scan_groups *groups, uint32_t number,
                              struct jb_scan_fault *fault, struct jb_error *error) {
    *fault = groups->faults[number - 1];
    fault->what = strdup(fault->what);
    return fault->what ? JB_OK : jb_error_set(error, JB_MEMORY, "no memory for a message");
}

/* The group of one good row, or of one that only looked good: *ret_number is then NO_GROUP. */
static inline enum jb_code count_row(struct jb_scan_groups *groups, struct jb_scan_batch *batch, size_t row,
                                     struct jb_error *error, uint32_t *ret_number) {
    const uint32_t *ids = batch->ids + row * groups->id_count;
    const uint64_t hash = hash_ids(ids, groups->id_count);
    size_t at = 0, number = find_group(groups, hash, ids, &at);
    if (__builtin_expect(number == groups->count, 0)) {
        enum jb_code code = add_group(groups, at, hash, ids, batch->first_row + row, batch->input, error);
        if (!code)
            code = check_key(groups, number, error);
        if (code)
            return code;
    }
    struct jb_scan_head *head = head_at(groups, number);
    if (__builtin_expect(head->fault != 0, 0)) {
        batch->fault_count++;
        *ret_number = NO_GROUP;
        return fault_row(groups, head->fault, &batch->faults[row], error);
    }
    head->row_count++;
    *ret_number = (uint32_t)number;
    return JB_OK;
}

/* One column of numbers, added to the groups of their rows. False: a sum is out of range. */
static bool add_column(struct jb_scan_groups *groups, const struct jb_scan_batch *batch,
                       const uint32_t *numbers, size_t sum) {
    const jb_int128 *values = batch->values + sum * JB_SCAN_BATCH;
    const uint8_t *is_absent = batch->is_absent + sum * JB_SCAN_BATCH;
    const size_t size = groups->record_size, count = batch->count;
    char *sums = groups->records + groups->sum_places[sum] * sizeof(jb_int128);
    bool is_over = false;
    if (__builtin_expect(!batch->has_absent[sum] && batch->fault_count == 0, 1)) {
        for (size_t row = 0; row < count; row++) {
            jb_int128 *to = (jb_int128 *)(sums + numbers[row] * size);
            is_over |= __builtin_add_overflow(*to, values[row], to);
        }
        return !is_over;
    }
    for (size_t row = 0; row < count; row++) {
        jb_int128 *to = (jb_int128 *)(sums + numbers[row] * size);
        if (numbers[row] == NO_GROUP)
            continue;
        if (is_absent[row])
            jb_scan_groups_add_absents(groups, numbers[row], sum, 1);
        else
            is_over |= __builtin_add_overflow(*to, values[row], to);
    }
    return !is_over;
}

enum jb_code jb_scan_groups_add(struct jb_scan_groups *groups, struct jb_scan_batch *batch,
                                struct jb_error *error) {
    enum jb_code code = make_room(groups, batch->count, error);
    if (code)
        return code;
    uint32_t numbers[JB_SCAN_BATCH];
    bool is_good = batch->fault_count == 0;
    for (size_t row = 0; !code && row < batch->count; row++) {
        numbers[row] = NO_GROUP;
        if (is_good || !batch->faults[row].what)
            code = count_row(groups, batch, row, error, &numbers[row]);
    }
    for (size_t sum = 0; !code && sum < groups->layout->sum_count; sum++) {
        if (groups->sum_places[sum] != JB_SCAN_MISSING_SUM && !add_column(groups, batch, numbers, sum))
            code = jb_scan_sum_overflow(error);
    }
    return code;
}
