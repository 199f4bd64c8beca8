/* Records of a scan's groups: found by their key, and added to. */
#include "base/scan_internal.h"

#include "base/array.h"
#include "base/slots.h"

#include <string.h>
#include <sys/mman.h>

#define ACCOUNT_STEP   1024         /* groups that are accounted for at a time */
#define MANY           ACCOUNT_STEP /* groups whose margins are worth huge pages */
#define INDEX_FIRST    4096
#define NUMBER_CEILING ((size_t)UINT32_MAX - 1)
#define NO_GROUP       UINT32_MAX
#define TRIAL          4096 /* rows after which recent groups are judged */
#define WORTH          16   /* rows for each group that was not among them */
#define SETS_FIRST     ((size_t)64)
#define SETS_CEILING   ((size_t)4096)

static inline char *record_at(const struct jb_scan_groups *groups, size_t number) {
    return groups->records + number * groups->record_size;
}

static inline struct jb_scan_head *head_at(const struct jb_scan_groups *groups, size_t number) {
    return (struct jb_scan_head *)(record_at(groups, number) + groups->head_offset);
}

static inline int64_t *sums_at(const struct jb_scan_groups *groups, size_t number) {
    return (int64_t *)record_at(groups, number);
}

struct jb_scan_margin *jb_scan_groups_margin(const struct jb_scan_groups *groups, size_t number) {
    return &groups->margins[number];
}

void jb_scan_groups_prefetch(const struct jb_scan_groups *groups, size_t number) {
    __builtin_prefetch(record_at(groups, number));
    __builtin_prefetch(&groups->margins[number]);
}

uint64_t jb_scan_groups_rows(const struct jb_scan_groups *groups, size_t number) {
    uint32_t more = groups->margins[number].more;
    return more & JB_SCAN_FAULT ? 0 : (uint64_t)more << 32 | head_at(groups, number)->row_count;
}

const uint32_t *jb_scan_groups_ids(const struct jb_scan_groups *groups, size_t number) {
    return head_at(groups, number)->ids;
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
    if (place == JB_SCAN_MISSING_SUM)
        return 0;
    return sums_at(groups, number)[place] +
           (groups->has_carries ? groups->carries[number * groups->place_count + place] : 0);
}

uint64_t jb_scan_groups_absents(const struct jb_scan_groups *groups, size_t number, size_t sum) {
    if (groups->sum_places[sum] == JB_SCAN_MISSING_SUM)
        return jb_scan_groups_rows(groups, number);
    return groups->has_absents ? groups->absents[number * groups->layout->sum_count + sum] : 0;
}

static void add_absents(struct jb_scan_groups *groups, size_t number, size_t sum, uint64_t count) {
    if (count == 0)
        return;
    groups->has_absents = true;
    groups->absents[number * groups->layout->sum_count + sum] += count;
}

static void add_rows(struct jb_scan_groups *groups, size_t number, uint64_t count) {
    uint64_t rows = jb_scan_groups_rows(groups, number) + count;
    head_at(groups, number)->row_count = (uint32_t)rows;
    groups->margins[number].more = (uint32_t)(rows >> 32);
}

/* What does not fit 64 bits. False: the sum is out of range. */
__attribute__((noinline)) static bool add_carry(struct jb_scan_groups *groups, size_t number, size_t place,
                                                jb_int128 value) {
    /* By place: a group is accounted for at least as much anyhow, with its sums and absents, so that there is
     * room when the first of them comes late. */
    jb_int128 *carry = &groups->carries[number * groups->place_count + place];
    groups->has_carries = true;
    /* A sum is what stands in both: a carry must leave room for the other. */
    const jb_int128 most = (jb_int128)(~(jb_uint128)0 >> 1) - INT64_MAX;
    return !__builtin_add_overflow(*carry, value, carry) && *carry <= most && *carry >= -most;
}

static inline bool add_value(struct jb_scan_groups *groups, size_t number, size_t place, jb_int128 value) {
    int64_t *to = &sums_at(groups, number)[place], low = (int64_t)value, sum;
    if (__builtin_expect(low != value || __builtin_add_overflow(*to, low, &sum), 0))
        return add_carry(groups, number, place, value);
    *to = sum;
    return true;
}

static enum jb_code fail_overflow(struct jb_error *error) {
    return jb_error_set(error, JB_LIMIT, "a sum is out of range (128 bits)");
}

enum jb_code jb_scan_groups_add_group(struct jb_scan_groups *groups, size_t number,
                                      const struct jb_scan_groups *from, size_t from_number,
                                      struct jb_error *error) {
    const struct jb_scan_layout *layout = groups->layout;
    add_rows(groups, number, jb_scan_groups_rows(from, from_number));
    for (size_t sum = 0; sum < layout->sum_count; sum++) {
        size_t place = groups->sum_places[sum];
        if (place == JB_SCAN_MISSING_SUM) /* and so in both */
            continue;
        add_absents(groups, number, sum, jb_scan_groups_absents(from, from_number, sum));
        if (!add_value(groups, number, place, jb_scan_groups_sum(from, from_number, sum)))
            return fail_overflow(error);
    }
    return JB_OK;
}

/* ---- index ------------------------------------------------------------------------------------------ */

static enum jb_code grow_index(struct jb_scan_groups *groups, struct jb_error *error) {
    size_t size = groups->index_size ? groups->index_size * 2 : INDEX_FIRST;
    enum jb_code code =
        jb_scan_groups_account(groups, (size - groups->index_size) * sizeof *groups->index, error);
    if (code)
        return code;
    return jb_slots_grow(&groups->index, &groups->index_size, size, "groups", error);
}

static enum jb_code make_room(struct jb_scan_groups *groups, size_t more, struct jb_error *error) {
    while ((groups->count + more) * 2 > groups->index_size) {
        enum jb_code code = grow_index(groups, error);
        if (code)
            return code;
    }
    return JB_OK;
}

static inline uint64_t two_ids(const uint32_t *ids) {
    uint64_t word;
    memcpy(&word, ids, sizeof word);
    return word;
}

__attribute__((always_inline)) static inline bool is_same_key(size_t count, const uint32_t *a,
                                                              const uint32_t *b) {
    uint64_t different = count & 1 ? a[count - 1] ^ b[count - 1] : 0;
    for (size_t i = 0; i + 1 < count; i += 2)
        different |= two_ids(a + i) ^ two_ids(b + i);
    return different == 0;
}

/* The number of the group with this key; count when there is none, and the place in the index for it. */
static size_t find_group(const struct jb_scan_groups *groups, uint64_t hash, const uint32_t *ids,
                         size_t *ret_at) {
    const size_t mask = groups->index_size - 1;
    size_t at = jb_slots_place(hash, groups->index_size);
    for (;; at = (at + 1) & mask) {
        uint64_t entry = groups->index[at];
        if (entry == 0)
            break;
        if ((entry ^ hash) >> 32)
            continue;
        size_t number = (uint32_t)entry - 1;
        if (is_same_key(groups->span_count, head_at(groups, number)->ids, ids))
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
        if (request->check->slots && !(request->check->slots >> slot & 1))
            continue;
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
    code = jb_array_reserve(&groups->faults, &groups->fault_capacity, groups->fault_count + 1, JB_SCAN_FAULT,
                            "wrong keys", error);
    if (!code)
        code = jb_scan_groups_account(groups, sizeof *groups->faults + strlen(why.message), error);
    char *what = code ? NULL : strdup(why.message);
    if (!what)
        return code ? code : jb_error_set(error, JB_MEMORY, "no memory for a message");
    groups->faults[groups->fault_count++] =
        (struct jb_scan_fault){.slot = slot, .field = SIZE_MAX, .what = what};
    groups->margins[number].more = JB_SCAN_FAULT | (uint32_t)(groups->fault_count - 1);
    return JB_OK;
}

static enum jb_code add_group(struct jb_scan_groups *groups, size_t at, uint64_t hash, const uint32_t *ids,
                              uint64_t first_row, uint32_t input, struct jb_error *error) {
    const struct jb_scan_layout *layout = groups->layout;
    size_t number = groups->count;
    if (number % ACCOUNT_STEP == 0) {
        size_t size = groups->record_size + sizeof *groups->margins +
                      layout->sum_count * sizeof *groups->absents +
                      (groups->has_carries ? groups->place_count * sizeof *groups->carries : 0);
        /* Below the ceiling there is room: it was reserved. */
        enum jb_code code = number >= NUMBER_CEILING
                                ? jb_error_set(error, JB_LIMIT, "more than %zu groups", number)
                                : jb_scan_groups_account(groups, ACCOUNT_STEP * size, error);
        if (code)
            return code;
        /* Pages that are huge from the start are worth their size: fewer faults and misses. */
        if (number == 0)
            madvise(groups->records, groups->reserved, MADV_HUGEPAGE);
        if (number == MANY)
            madvise(groups->margins, groups->reserved, MADV_HUGEPAGE);
    }
    *jb_scan_groups_margin(groups, number) = (struct jb_scan_margin){.first_row = first_row, .input = input};
    memcpy(head_at(groups, number)->ids, ids, groups->span_count * sizeof *ids);
    groups->index[at] = (hash >> 32 << 32) | (number + 1);
    groups->count++;
    return JB_OK;
}

/* The group with that key, made when there is none; there is room in the index. */
static enum jb_code find_or_add(struct jb_scan_groups *groups, uint64_t hash, const uint32_t *ids,
                                uint64_t first_row, uint32_t input, struct jb_error *error,
                                size_t *ret_number, bool *ret_is_new) {
    size_t at = 0, number = find_group(groups, hash, ids, &at);
    *ret_is_new = number == groups->count;
    enum jb_code code = *ret_is_new ? add_group(groups, at, hash, ids, first_row, input, error) : JB_OK;
    if (!code)
        *ret_number = number;
    return code;
}

enum jb_code jb_scan_groups_find(struct jb_scan_groups *groups, const uint32_t *ids, uint64_t first_row,
                                 uint32_t input, struct jb_error *error, size_t *ret_number) {
    enum jb_code code = make_room(groups, 1, error);
    bool is_new;
    return code ? code
                : find_or_add(groups, jb_hash_numbers(ids, groups->span_count), ids, first_row, input, error,
                              ret_number, &is_new);
}

static enum jb_code fault_row(const struct jb_scan_groups *groups, uint32_t number,
                              struct jb_scan_fault *fault, struct jb_error *error) {
    *fault = groups->faults[number];
    fault->what = strdup(fault->what);
    return fault->what ? JB_OK : jb_error_set(error, JB_MEMORY, "no memory for a message");
}

/* ---- recent groups ---------------------------------------------------------------------------------- */

static inline struct jb_scan_set *set_at(const struct jb_scan_recent *recent, uint64_t hash) {
    return &recent->sets[(hash >> 32) & (recent->set_count - 1)];
}

/* A set may take more of them as long as they fall out of it too early. */
static enum jb_code judge_recent(struct jb_scan_groups *groups, struct jb_error *error) {
    struct jb_scan_recent *recent = &groups->recent;
    bool is_short = recent->missed_count > recent->row_count / WORTH;
    recent->row_count = recent->missed_count = 0;
    if (!is_short || recent->set_count == SETS_CEILING)
        return JB_OK;
    size_t set_count = recent->set_count ? recent->set_count * 4 : SETS_FIRST;
    enum jb_code code =
        jb_scan_groups_account(groups, (set_count - recent->set_count) * sizeof *recent->sets, error);
    struct jb_scan_set *sets = code ? NULL : aligned_alloc(sizeof *sets, set_count * sizeof *sets);
    if (!sets)
        return code ? code : jb_error_set(error, JB_MEMORY, "no memory for %zu groups", set_count);
    memset(sets, 0, set_count * sizeof *sets);
    free(recent->sets);
    recent->sets = sets;
    recent->set_count = set_count;
    return JB_OK;
}

/* The loops over ids are compiled for each usual number of spans. */
#define WITH_SPANS(count, ...)                                                                               \
    switch (count) {                                                                                         \
    case 1:                                                                                                  \
        __VA_ARGS__(1);                                                                                      \
        break;                                                                                               \
    case 2:                                                                                                  \
        __VA_ARGS__(2);                                                                                      \
        break;                                                                                               \
    case 3:                                                                                                  \
        __VA_ARGS__(3);                                                                                      \
        break;                                                                                               \
    case 4:                                                                                                  \
        __VA_ARGS__(4);                                                                                      \
        break;                                                                                               \
    default:                                                                                                 \
        __VA_ARGS__(count);                                                                                  \
    }

/* The group of each row with that hash, or NO_GROUP; its record, or place in the index, is asked for, to be
 * there when the key is compared. */
static void guess(const struct jb_scan_groups *groups, size_t count, const uint64_t *hashes,
                  uint32_t *numbers) {
    for (size_t row = 0; row < count; row++) {
        const struct jb_scan_set *set = set_at(&groups->recent, hashes[row]);
        const uint32_t tag = (uint32_t)hashes[row];
        const jb_scan_four tags = {tag, tag, tag, tag};
        jb_scan_four found = ((jb_scan_four)(set->tag_fours[0] == tags) & set->number_fours[0]) |
                             ((jb_scan_four)(set->tag_fours[1] == tags) & set->number_fours[1]);
        uint32_t number = (found[0] | found[1]) | (found[2] | found[3]);
        numbers[row] = number - 1;
        if (__builtin_expect(number != 0, 1))
            __builtin_prefetch(record_at(groups, number - 1), 1);
        else
            __builtin_prefetch(&groups->index[jb_slots_place(hashes[row], groups->index_size)], 1);
    }
}

/* Of rows with another key the group is not known. */
static void confirm(const struct jb_scan_groups *groups, const struct jb_scan_batch *batch,
                    uint32_t *numbers) {
#define CONFIRM(count_)                                                                                      \
    for (size_t row = 0; row < batch->count; row++) {                                                        \
        bool is_known = numbers[row] != NO_GROUP;                                                            \
        const uint32_t *theirs = head_at(groups, is_known ? numbers[row] : 0)->ids;                          \
        bool is_same = is_same_key(count_, theirs, batch->ids + row * (count_));                             \
        numbers[row] = is_known && is_same ? numbers[row] : NO_GROUP;                                        \
    }
    WITH_SPANS(groups->span_count, CONFIRM)
}

static void hash_rows(const struct jb_scan_groups *groups, const struct jb_scan_batch *batch,
                      uint64_t *hashes) {
#define HASH(count_)                                                                                         \
    for (size_t row = 0; row < batch->count; row++)                                                          \
    hashes[row] = jb_hash_numbers(batch->ids + row * (count_), count_)
    WITH_SPANS(groups->span_count, HASH)
}

static void remember(struct jb_scan_recent *recent, uint64_t hash, size_t number) {
    struct jb_scan_set *set = set_at(recent, hash);
    size_t at = recent->next++ % JB_SCAN_SET_SIZE;
    for (size_t i = 0; i < JB_SCAN_SET_SIZE; i++)
        at = set->tags[i] == (uint32_t)hash ? i : at;
    set->tags[at] = (uint32_t)hash;
    set->numbers[at] = (uint32_t)number + 1;
}

/* Looks for the group of a row in the index, and makes it when it is not there. */
__attribute__((noinline)) static enum jb_code find_row(struct jb_scan_groups *groups,
                                                       const struct jb_scan_batch *batch, size_t row,
                                                       uint64_t hash, struct jb_error *error,
                                                       uint32_t *ret_number) {
    size_t number = 0;
    bool is_new;
    enum jb_code code = find_or_add(groups, hash, batch->ids + row * groups->span_count,
                                    batch->first_row + row, batch->input, error, &number, &is_new);
    if (!code && is_new)
        code = check_key(groups, number, error);
    if (code)
        return code;
    groups->recent.missed_count += !is_new;
    if (groups->recent.set_count)
        remember(&groups->recent, hash, number);
    *ret_number = (uint32_t)number;
    return JB_OK;
}

/* The group of one good row, or of one that only looked good: *number is then NO_GROUP. *number comes with a
 * guess, or NO_GROUP. */
static inline enum jb_code count_row(struct jb_scan_groups *groups, struct jb_scan_batch *batch, size_t row,
                                     uint64_t hash, struct jb_error *error, uint32_t *number) {
    if (__builtin_expect(*number == NO_GROUP, 0)) {
        enum jb_code code = find_row(groups, batch, row, hash, error, number);
        if (code)
            return code;
    }
    struct jb_scan_head *head = head_at(groups, *number);
    struct jb_scan_margin *margin = &groups->margins[*number];
    if (__builtin_expect(head->row_count == 0, 0) && margin->more & JB_SCAN_FAULT) {
        *number = NO_GROUP;
        batch->fault_count++;
        return fault_row(groups, margin->more & ~JB_SCAN_FAULT, &batch->faults[row], error);
    }
    if (__builtin_expect(++head->row_count == 0, 0))
        margin->more++;
    return JB_OK;
}

/* One column of numbers, added to the groups of their rows. False: a sum is out of range. */
static bool add_column(struct jb_scan_groups *groups, const struct jb_scan_batch *batch,
                       const uint32_t *numbers, size_t sum) {
    const jb_int128 *values = batch->values + sum * JB_SCAN_BATCH;
    const uint8_t *is_absent = batch->is_absent + sum * JB_SCAN_BATCH;
    const size_t place = groups->sum_places[sum];
    bool is_good = true;
    if (__builtin_expect(!batch->has_absent[sum] && batch->fault_count == 0, 1)) {
        for (size_t row = 0; row < batch->count; row++)
            is_good &= add_value(groups, numbers[row], place, values[row]);
        return is_good;
    }
    for (size_t row = 0; row < batch->count; row++) {
        if (numbers[row] == NO_GROUP)
            continue;
        if (is_absent[row])
            add_absents(groups, numbers[row], sum, 1);
        else
            is_good &= add_value(groups, numbers[row], place, values[row]);
    }
    return is_good;
}

enum jb_code jb_scan_groups_add(struct jb_scan_groups *groups, struct jb_scan_batch *batch,
                                struct jb_error *error) {
    enum jb_code code = make_room(groups, batch->count, error);
    if (!code && groups->recent.row_count >= TRIAL)
        code = judge_recent(groups, error);
    if (code)
        return code;
    uint64_t hashes[JB_SCAN_BATCH];
    uint32_t numbers[JB_SCAN_BATCH];
    hash_rows(groups, batch, hashes);
    if (groups->recent.set_count) {
        guess(groups, batch->count, hashes, numbers);
        confirm(groups, batch, numbers);
    } else {
        memset(numbers, 0xff, batch->count * sizeof *numbers);
    }
    groups->recent.row_count += batch->count;
    bool is_good = batch->fault_count == 0;
    for (size_t row = 0; !code && row < batch->count; row++) {
        if (is_good || !batch->faults[row].what)
            code = count_row(groups, batch, row, hashes[row], error, &numbers[row]);
        else
            numbers[row] = NO_GROUP;
    }
    for (size_t sum = 0; !code && sum < groups->layout->sum_count; sum++) {
        if (groups->sum_places[sum] != JB_SCAN_MISSING_SUM && !add_column(groups, batch, numbers, sum))
            code = fail_overflow(error);
    }
    return code;
}
