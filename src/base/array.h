/* Growable arrays with a ceiling: one function, so that every queue of the program grows by the same rule. */
#ifndef JB_BASE_ARRAY_H
#define JB_BASE_ARRAY_H

#include "base/error.h"

#include <stddef.h>

/* Makes room for `needed` elements of `size` bytes in *items (a malloc'd array, or NULL with *capacity 0),
 * growing by half, never past `ceiling` elements (JB_LIMIT, `what` named) nor memory (JB_MEMORY).
 * New elements are zeroed. Untouched on failure. */
enum jb_code jb_array_reserve_raw(void **items, size_t *capacity, size_t needed, size_t size, size_t ceiling,
                                  const char *what, struct jb_error *error);

/* Typed front: jb_array_reserve(&table->rows, &table->capacity, n, CEILING, "rows", error). */
#define jb_array_reserve(items, capacity, needed, ceiling, what, error)                                      \
    jb_array_reserve_raw((void **)(items), (capacity), (needed), sizeof(**(items)), (ceiling), (what),       \
                         (error))

/* Says of a block from malloc that it will be used whole: a large one then gets huge pages, where the system
 * has them, and a fault for each 2 MiB of it instead of each 4 KiB. Changes nothing else. Returns block. */
void *jb_memory_expect(void *block, size_t size);

/* How often the program allocated through this function since it started; tests show that a warm sampling
 * loop does not. */
size_t jb_array_growths(void);

#endif
