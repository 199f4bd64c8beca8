/* Interned tuples of numbers. */
#include "base/tuples.h"

#include "base/array.h"

#include <assert.h>
#include <string.h>

#define SLOTS_FIRST 64

struct jb_tuples {
    uint32_t *items; /* one behind the other */
    size_t width, count, items_capacity, ceiling;
    const char *what;
    uint64_t *slots; /* open addressing: upper half of the hash, id + 1; 0 is empty */
    size_t slot_count;
};

enum jb_code jb_tuples_make(size_t width, size_t ceiling, const char *what, struct jb_error *error,
                            struct jb_tuples **ret_tuples) {
    assert(width);
    struct jb_tuples *tuples = calloc(1, sizeof *tuples);
    if (!tuples)
        return jb_error_set(error, JB_MEMORY, "no memory for %s", what);
    tuples->width = width;
    tuples->what = what;
    tuples->ceiling = ceiling < UINT32_MAX ? ceiling : UINT32_MAX - 1;
    *ret_tuples = tuples;
    return JB_OK;
}

void jb_tuples_free(struct jb_tuples *tuples) {
    if (!tuples)
        return;
    free(tuples->items);
    free(tuples->slots);
    free(tuples);
}

/* A product of 128 bits, folded, mixes two numbers at a time. */
static uint64_t hash_of(const uint32_t *tuple, size_t width) {
    uint64_t hash = 0x9e3779b97f4a7c15U;
    for (size_t i = 0; i < width; i += 2) {
        uint64_t word = (uint64_t)tuple[i] << 32 | (i + 1 < width ? tuple[i + 1] : 0);
        unsigned __int128 wide = (unsigned __int128)(hash ^ word) * 0xd6e8feb86659fd93U;
        hash = (uint64_t)wide ^ (uint64_t)(wide >> 64);
    }
    return hash * 0xbf58476d1ce4e5b9U;
}

/* An entry keeps the upper half of its hash, by which its place goes: so that it can move without its tuple.
 */
static size_t place_of(uint64_t hash, size_t slot_count) {
    return (hash >> 32) & (slot_count - 1);
}

static enum jb_code grow_slots(struct jb_tuples *tuples, size_t slot_count, struct jb_error *error) {
    uint64_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu %s", slot_count, tuples->what);
    jb_memory_expect(slots, slot_count * sizeof *slots);
    for (size_t i = 0; i < tuples->slot_count; i++) {
        if (!tuples->slots[i])
            continue;
        size_t at = place_of(tuples->slots[i], slot_count);
        while (slots[at])
            at = (at + 1) & (slot_count - 1);
        slots[at] = tuples->slots[i];
    }
    free(tuples->slots);
    tuples->slots = slots;
    tuples->slot_count = slot_count;
    return JB_OK;
}

enum jb_code jb_tuples_expect(struct jb_tuples *tuples, size_t count, struct jb_error *error) {
    size_t slot_count = SLOTS_FIRST;
    assert(tuples->count == 0 && !tuples->items);
    while (slot_count < count / 2) /* enough for a quarter of them */
        slot_count *= 2;
    tuples->items = calloc(count + 1, tuples->width * sizeof *tuples->items);
    if (!tuples->items)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu %s", count, tuples->what);
    tuples->items_capacity = (count + 1) * tuples->width;
    jb_memory_expect(tuples->items, tuples->items_capacity * sizeof *tuples->items);
    return grow_slots(tuples, slot_count, error);
}

enum jb_code jb_tuples_intern(struct jb_tuples *tuples, const uint32_t *tuple, struct jb_error *error,
                              uint32_t *ret_id) {
    const size_t size = tuples->width * sizeof *tuple;
    if ((tuples->count + 1) * 2 > tuples->slot_count) {
        enum jb_code code =
            grow_slots(tuples, tuples->slot_count ? tuples->slot_count * 2 : SLOTS_FIRST, error);
        if (code)
            return code;
    }
    uint64_t hash = hash_of(tuple, tuples->width);
    size_t at = place_of(hash, tuples->slot_count);
    for (; tuples->slots[at]; at = (at + 1) & (tuples->slot_count - 1)) {
        uint64_t slot = tuples->slots[at];
        uint32_t id = (uint32_t)slot - 1;
        if ((slot ^ hash) >> 32 == 0 && memcmp(tuples->items + id * tuples->width, tuple, size) == 0) {
            *ret_id = id;
            return JB_OK;
        }
    }
    if (tuples->count >= tuples->ceiling)
        return jb_error_set(error, JB_LIMIT, "more than %zu %s", tuples->ceiling, tuples->what);
    enum jb_code code =
        jb_array_reserve(&tuples->items, &tuples->items_capacity, (tuples->count + 1) * tuples->width,
                         SIZE_MAX / sizeof *tuple, tuples->what, error);
    if (code)
        return code;
    memcpy(tuples->items + tuples->count * tuples->width, tuple, size);
    tuples->slots[at] = (hash >> 32 << 32) | (tuples->count + 1);
    *ret_id = (uint32_t)tuples->count++;
    return JB_OK;
}

const uint32_t *jb_tuples_at(const struct jb_tuples *tuples, uint32_t id) {
    assert(id < tuples->count);
    return tuples->items + id * tuples->width;
}

size_t jb_tuples_count(const struct jb_tuples *tuples) {
    return tuples->count;
}
