/* Interned tuples of numbers. */
#include "base/tuples.h"

#include "base/array.h"
#include "base/slots.h"
#include "base/strings.h"

#include <assert.h>
#include <string.h>

#define SLOTS_FIRST 64

struct jb_tuples {
    uint32_t *items; /* one behind the other */
    size_t width, count, items_capacity, ceiling;
    const char *what;
    uint64_t *slots; /* by id */
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

enum jb_code jb_tuples_intern(struct jb_tuples *tuples, const uint32_t *tuple, struct jb_error *error,
                              uint32_t *ret_id) {
    const size_t size = tuples->width * sizeof *tuple;
    if ((tuples->count + 1) * 2 > tuples->slot_count) {
        enum jb_code code =
            jb_slots_grow(&tuples->slots, &tuples->slot_count,
                          tuples->slot_count ? tuples->slot_count * 2 : SLOTS_FIRST, tuples->what, error);
        if (code)
            return code;
    }
    uint64_t hash = jb_hash_numbers(tuple, tuples->width);
    size_t at = jb_slots_place(hash, tuples->slot_count);
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
