/* The index over factors, what it shows to be wrong between rows, and the look-up. */
#include "factor/factor_internal.h"

#include "base/time.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Eight bytes at a time: a look-up hashes three short names. */
static uint64_t mix(uint64_t hash, const char *text) {
    size_t left = strlen(text);
    hash ^= left + 0x9e3779b97f4a7c15u;
    while (left) {
        uint64_t word = 0;
        size_t step = left < 8 ? left : 8;
        memcpy(&word, text, step);
        unsigned __int128 wide = (unsigned __int128)(hash ^ word) * 0xd6e8feb86659fd93u;
        hash = (uint64_t)wide ^ (uint64_t)(wide >> 64);
        text += step;
        left -= step;
    }
    return hash;
}

static uint64_t hash_of(enum jb_quantity quantity, const char *provider, const char *region,
                        const char *subject) {
    return mix(mix(mix(0x2545f4914f6cdd1du * (quantity + 1), provider), region), subject);
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

static enum jb_code make_slots(struct jb_factors *factors, struct jb_error *error) {
    size_t slot_count = 16;
    while (slot_count < factors->count * 2)
        slot_count *= 2;
    factors->slots = calloc(slot_count, sizeof *factors->slots);
    if (!factors->slots)
        return jb_error_set(error, JB_MEMORY, "no memory for the index of %zu factors", factors->count);
    factors->slot_count = slot_count;
    factors->spans = calloc(factors->count + 1, sizeof *factors->spans);
    if (!factors->spans)
        return jb_error_set(error, JB_MEMORY, "no memory for the index of %zu factors", factors->count);
    return JB_OK;
}

enum jb_code jb_factors_finish(struct jb_factors *factors, struct jb_error *error) {
    assert(!factors->slots);
    enum jb_code code = make_slots(factors, error);
    if (code)
        return code;
    if (factors->count)
        qsort(factors->items, factors->count, sizeof *factors->items, compare);
    for (size_t i = 0; i < factors->count; i++)
        factors->spans[i] = (struct jb_factor_span){factors->items[i].from_ns, factors->items[i].until_ns};
    for (size_t first = 0, count; first < factors->count; first += count) {
        const struct jb_factor *item = &factors->items[first];
        for (count = 1; first + count < factors->count && jb_factor_compare_ids(item, item + count) == 0;
             count++)
            continue;
        judge_series(factors, first, count);
        uint64_t hash = hash_of(item->quantity, item->provider, item->region, item->subject);
        size_t slot = hash & (factors->slot_count - 1);
        while (factors->slots[slot].count)
            slot = (slot + 1) & (factors->slot_count - 1);
        factors->slots[slot] =
            (struct jb_factor_series){.hash = hash, .first = (uint32_t)first, .count = (uint32_t)count};
    }
    return JB_OK;
}

static const struct jb_factor_series *find_series(const struct jb_factors *factors, enum jb_quantity quantity,
                                                  const char *provider, const char *region,
                                                  const char *subject) {
    uint64_t hash = hash_of(quantity, provider, region, subject);
    for (size_t slot = hash & (factors->slot_count - 1); factors->slots[slot].count;
         slot = (slot + 1) & (factors->slot_count - 1)) {
        const struct jb_factor_series *series = &factors->slots[slot];
        const struct jb_factor *item = &factors->items[series->first];
        if (series->hash == hash && item->quantity == quantity && strcmp(item->region, region) == 0 &&
            strcmp(item->provider, provider) == 0 && strcmp(item->subject, subject) == 0)
            return series;
    }
    return NULL;
}

/* The factor of a series for a time: valid then by precedence; else, when allowed, the one that ended last.
 */
static const struct jb_factor *choose(const struct jb_factors *factors, const struct jb_factor_series *series,
                                      int64_t at_ns, bool allows_earlier, bool *ret_is_earlier) {
    const struct jb_factor_span *spans = &factors->spans[series->first];
    uint32_t earlier = series->count;
    for (uint32_t i = 0; i < series->count; i++) {
        if (spans[i].from_ns <= at_ns && at_ns < spans[i].until_ns) {
            *ret_is_earlier = false;
            return &factors->items[series->first + i];
        }
        if (spans[i].until_ns <= at_ns &&
            (earlier == series->count || spans[i].until_ns > spans[earlier].until_ns))
            earlier = i;
    }
    *ret_is_earlier = true;
    return allows_earlier && earlier < series->count ? &factors->items[series->first + earlier] : NULL;
}

enum jb_code jb_factors_find(const struct jb_factors *factors, const struct jb_factor_query *query,
                             struct jb_factor_answer *ret_answer) {
    const char *provider = query->provider ? query->provider : "",
               *region = query->region ? query->region : "", *subject = query->subject ? query->subject : "";
    assert(factors->slots);
    for (int fleet = 0; fleet <= (query->allows_fleet && *provider && *region); fleet++) {
        struct jb_factor_answer answer = {.is_fleet = fleet};
        const struct jb_factor_series *series =
            find_series(factors, query->quantity, provider, fleet ? "" : region, subject);
        if (series)
            answer.factor = choose(factors, series, query->at_ns, query->allows_earlier, &answer.is_earlier);
        if (answer.factor) {
            *ret_answer = answer;
            return JB_OK;
        }
    }
    return JB_NO_DATA;
}
