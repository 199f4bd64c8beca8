/* The index over factors, what it shows to be wrong between rows, and the look-up. */
#include "factor/factor_internal.h"

#include "base/strings.h"
#include "base/time.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The names of an id with their lengths, the ending zeros among them, and the hash over all. */
struct key {
    enum jb_quantity quantity;
    const char *names[3]; /* region, provider, subject */
    size_t sizes[3];
    uint64_t hash;
};

static uint64_t load(const char *text, size_t size) {
    uint64_t word = 0;
    memcpy(&word, text, size);
    return word;
}

/* Eight bytes at a time, the last ones again where they are fewer: no step for each byte. */
static uint64_t mix(uint64_t hash, const char *text, size_t length) {
    hash ^= length + 0x9e3779b97f4a7c15u;
    if (length >= 8) {
        for (size_t at = 0; at + 8 < length; at += 8)
            hash = jb_hash_fold(hash, load(text + at, 8));
        return jb_hash_fold(hash, load(text + length - 8, 8));
    }
    if (length >= 4)
        return jb_hash_fold(hash, load(text, 4) << 32 | load(text + length - 4, 4));
    return jb_hash_fold(hash,
                        load(text, 1) << 16 | load(text + length / 2, 1) << 8 | load(text + length - 1, 1));
}

static struct key key_of(enum jb_quantity quantity, const char *provider, const char *region,
                         const char *subject) {
    struct key key = {.quantity = quantity,
                      .names = {region, provider, subject},
                      .hash = 0x2545f4914f6cdd1du * (quantity + 1)};
    for (size_t i = 0; i < JB_COUNT(key.names); i++) {
        size_t length = *key.names[i] ? strlen(key.names[i]) : 0;
        key.sizes[i] = length + 1;
        key.hash = length ? mix(key.hash, key.names[i], length) : key.hash + i + 1;
    }
    key.hash = jb_hash_fold(key.hash, 0);
    return key;
}

/* Interned texts are mostly the same one. */
static int compare_texts(const char *a, const char *b) {
    return a == b ? 0 : strcmp(a, b);
}

int jb_factor_compare_ids(const struct jb_factor *a, const struct jb_factor *b) {
    int order = (a->quantity > b->quantity) - (a->quantity < b->quantity);
    if (!order)
        order = compare_texts(a->provider, b->provider);
    if (!order)
        order = compare_texts(a->region, b->region);
    return order ? order : compare_texts(a->subject, b->subject);
}

static int compare(const void *left, const void *right) {
    const struct jb_factor *a = left, *b = right;
    int order = jb_factor_compare_ids(a, b);
    if (!order)
        order = (a->set > b->set) - (a->set < b->set);
    if (!order)
        order = (a->from_ns > b->from_ns) - (a->from_ns < b->from_ns);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

/* Two rows of one id: of the same table, or of two own tables (between which no order is set), they must not
 * overlap. */
static void judge_overlap(struct jb_factors *factors, const struct jb_factor *a, const struct jb_factor *b) {
    bool is_same_set = a->set == b->set;
    char id[JB_FACTOR_ID_SIZE];
    if (!is_same_set && !(factors->sets[a->set].is_own && factors->sets[b->set].is_own))
        return;
    if (a->until_ns <= b->from_ns || b->until_ns <= a->from_ns)
        return;
    const char *file = factors->files[b->set], *other = factors->files[a->set];
    const char *slash = strrchr(other, '/');
    char where[192];
    if (is_same_set)
        snprintf(where, sizeof where, "line %" PRIu32, a->line);
    else
        snprintf(where, sizeof where, "%.120s, line %" PRIu32, slash ? slash + 1 : other, a->line);
    if (a->from_ns == b->from_ns && a->until_ns == b->until_ns)
        jb_factor_find_fault(factors, true, file, b->line, "",
                             "%.200s stands for the same period on %s; keep one", jb_factor_id(b, id), where);
    else
        jb_factor_find_fault(factors, true, file, b->line, b->from_ns == INT64_MIN ? "" : "from",
                             "the period of %.200s overlaps that on %s; end one where the other begins",
                             jb_factor_id(b, id), where);
}

static void judge_gap(struct jb_factors *factors, const struct jb_factor *a, const struct jb_factor *b) {
    char from[JB_TIME_SIZE], until[JB_TIME_SIZE], id[JB_FACTOR_ID_SIZE];
    if (a->set != b->set || a->until_ns >= b->from_ns)
        return;
    jb_factor_find_fault(factors, false, factors->files[b->set], b->line, "",
                         "%.200s has no value from %.10s to %.10s", jb_factor_id(b, id),
                         jb_time_format(a->until_ns, from), jb_time_format(b->from_ns, until));
}

/* The rows of one id, ordered by table and start. */
static void judge_series(struct jb_factors *factors, size_t first, size_t count) {
    const struct jb_factor *items = factors->items + first;
    for (size_t i = 1; i < count; i++) {
        judge_gap(factors, &items[i - 1], &items[i]);
        /* Ordered by start, an overlap within a table shows between neighbours; own tables may interleave. */
        for (size_t j = factors->sets[items[i].set].is_own ? 0 : i - 1; j < i; j++)
            judge_overlap(factors, &items[j], &items[i]);
    }
}

static enum jb_code make_room(struct jb_factors *factors, size_t series_count, struct jb_error *error) {
    size_t slot_count = 16;
    while (slot_count < series_count * 2)
        slot_count *= 2;
    factors->slots = aligned_alloc(64, slot_count * sizeof *factors->slots);
    factors->spans = calloc(factors->count + 1, sizeof *factors->spans);
    if (!factors->slots || !factors->spans)
        return jb_error_set(error, JB_MEMORY, "no memory for the index of %zu factors", factors->count);
    memset(factors->slots, 0, slot_count * sizeof *factors->slots);
    factors->slot_count = slot_count;
    factors->keys.ceiling = (size_t)1 << 30; /* so that 32 bits say where */
    return JB_OK;
}

/* How many rows from the first on are of its id. */
static size_t count_series(const struct jb_factors *factors, size_t first) {
    const struct jb_factor *item = &factors->items[first];
    size_t count = 1;
    while (first + count < factors->count && jb_factor_compare_ids(item, item + count) == 0)
        count++;
    return count;
}

static enum jb_code add_series(struct jb_factors *factors, size_t first, size_t count,
                               struct jb_error *error) {
    const struct jb_factor *items = &factors->items[first];
    struct key key = key_of(items->quantity, items->provider, items->region, items->subject);
    struct jb_factor_series series = {.hash = (uint32_t)(key.hash >> 32),
                                      .key = (uint32_t)factors->keys.length,
                                      .first = (uint32_t)first,
                                      .count = count & INT32_MAX,
                                      .is_linear = true,
                                      .from_ns = items->from_ns,
                                      .until_ns = items->until_ns};
    for (size_t i = 1; i < count; i++)
        series.is_linear = series.is_linear && items[i - 1].until_ns <= items[i].from_ns;
    uint8_t quantity = (uint8_t)key.quantity;
    static_assert(JB_QUANTITY_COUNT <= UINT8_MAX, "a byte of the key");
    jb_buffer_add(&factors->keys, &quantity, 1);
    for (size_t i = 0; i < JB_COUNT(key.names); i++)
        jb_buffer_add(&factors->keys, key.names[i], key.sizes[i]);
    enum jb_code code = jb_buffer_check(&factors->keys, error);
    if (code)
        return code;
    size_t slot = key.hash & (factors->slot_count - 1);
    while (factors->slots[slot].count)
        slot = (slot + 1) & (factors->slot_count - 1);
    factors->slots[slot] = series;
    return JB_OK;
}

enum jb_code jb_factors_finish(struct jb_factors *factors, struct jb_error *error) {
    assert(!factors->slots);
    size_t series_count = 0;
    if (factors->count)
        qsort(factors->items, factors->count, sizeof *factors->items, compare);
    for (size_t first = 0; first < factors->count; first += count_series(factors, first))
        series_count++;
    enum jb_code code = make_room(factors, series_count, error);
    for (size_t i = 0; !code && i < factors->count; i++)
        factors->spans[i] = (struct jb_factor_span){factors->items[i].from_ns, factors->items[i].until_ns};
    for (size_t first = 0, count; !code && first < factors->count; first += count) {
        count = count_series(factors, first);
        judge_series(factors, first, count);
        code = add_series(factors, first, count, error);
    }
    return code;
}

static bool has_key(const struct jb_factors *factors, const struct jb_factor_series *series,
                    const struct key *key) {
    const char *at = factors->keys.bytes + series->key;
    const char *end = factors->keys.bytes + factors->keys.length;
    if (*at++ != (char)key->quantity)
        return false;
    for (size_t i = 0; i < JB_COUNT(key->names); i++) {
        size_t size = key->sizes[i];
        if (size > (size_t)(end - at) || (size == 1 ? *at != 0 : memcmp(at, key->names[i], size) != 0))
            return false;
        at += size;
    }
    return true;
}

static const struct jb_factor_series *find_series(const struct jb_factors *factors, const struct key *key) {
    for (size_t slot = key->hash & (factors->slot_count - 1); factors->slots[slot].count;
         slot = (slot + 1) & (factors->slot_count - 1)) {
        const struct jb_factor_series *series = &factors->slots[slot];
        if (series->hash == (uint32_t)(key->hash >> 32) && has_key(factors, series, key))
            return series;
    }
    return NULL;
}

static bool holds(const struct jb_factor_span *span, int64_t at_ns) {
    return span->from_ns <= at_ns && at_ns < span->until_ns;
}

/* Which row holds, of a series whose rows follow each other, if any does: rows are mostly of one length
 * (years), so it is where that length says or the next. It is never taken without looking. */
static uint32_t guess(const struct jb_factor_series *series, const struct jb_factor_span *spans,
                      int64_t at_ns) {
    uint64_t since_ns = (uint64_t)at_ns - (uint64_t)series->from_ns;
    uint64_t length_ns = (uint64_t)series->until_ns - (uint64_t)series->from_ns;
    uint64_t index = at_ns < series->until_ns || !length_ns ? 0 : since_ns / length_ns;
    uint32_t last = series->count - 1u, row = index < last ? (uint32_t)index : last;
    return row + (row < last && at_ns >= spans[row].until_ns);
}

/* The row that is valid, by precedence; count: none is. */
static uint32_t find_valid(const struct jb_factor_series *series, const struct jb_factor_span *spans,
                           int64_t at_ns) {
    uint32_t i = series->is_linear ? guess(series, spans, at_ns) : 0;
    if (holds(&spans[i], at_ns))
        return i;
    for (i = 0; i < series->count && !holds(&spans[i], at_ns);)
        i++;
    return i;
}

/* The factor of a series for a time: valid then by precedence; else, when allowed, the one that ended last.
 */
static const struct jb_factor *choose(const struct jb_factors *factors, const struct jb_factor_series *series,
                                      int64_t at_ns, bool allows_earlier, bool *ret_is_earlier) {
    const struct jb_factor_span *spans = &factors->spans[series->first];
    uint32_t valid = find_valid(series, spans, at_ns), earlier = series->count;
    *ret_is_earlier = valid == series->count;
    if (valid < series->count)
        return &factors->items[series->first + valid];
    for (uint32_t i = 0; allows_earlier && i < series->count; i++) {
        if (spans[i].until_ns <= at_ns &&
            (earlier == series->count || spans[i].until_ns > spans[earlier].until_ns))
            earlier = i;
    }
    return earlier < series->count ? &factors->items[series->first + earlier] : NULL;
}

enum jb_code jb_factors_find(const struct jb_factors *factors, const struct jb_factor_query *query,
                             struct jb_factor_answer *ret_answer) {
    const char *provider = query->provider ? query->provider : "",
               *region = query->region ? query->region : "", *subject = query->subject ? query->subject : "";
    assert(factors->slots);
    for (int fleet = 0; fleet <= (query->allows_fleet && *provider && *region); fleet++) {
        struct jb_factor_answer answer = {.is_fleet = fleet};
        struct key key = key_of(query->quantity, provider, fleet ? "" : region, subject);
        const struct jb_factor_series *series = find_series(factors, &key);
        if (series)
            answer.factor = choose(factors, series, query->at_ns, query->allows_earlier, &answer.is_earlier);
        if (answer.factor) {
            *ret_answer = answer;
            return JB_OK;
        }
    }
    return JB_NO_DATA;
}
