/* Slots of an index with open addressing. One keeps the upper half of a hash, by which its place goes, so
 * that it can move without what it stands for, and below it the number of that plus 1; 0 is empty. */
#ifndef JB_BASE_SLOTS_H
#define JB_BASE_SLOTS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* slot_count: a power of 2, and so below. */
static inline size_t jb_slots_place(uint64_t hash, size_t slot_count) {
    return (hash >> 32) & (slot_count - 1);
}

/* Moves them to `wanted` slots, more than *slot_count; *slots is malloc'd, NULL with 0 of them. JB_MEMORY
 * names `what`. */
enum jb_code jb_slots_grow(uint64_t **slots, size_t *slot_count, size_t wanted, const char *what,
                           struct jb_error *error);

#endif
