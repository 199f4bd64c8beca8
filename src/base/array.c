/* Growable arrays with a ceiling. */
#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static _Atomic size_t growths; /* several threads may grow theirs */

void *jb_memory_expect(void *block, size_t size) {
    uintptr_t begin = ((uintptr_t)block + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1),
              end = ((uintptr_t)block + size) & ~(HUGE_PAGE - 1);
    if (block && begin < end)
        madvise((void *)begin, end - begin, MADV_HUGEPAGE);
    return block;
}

enum jb_code jb_array_reserve_raw(void **items, size_t *capacity, size_t needed, size_t size, size_t ceiling,
                                  const char *what, struct jb_error *error) {
    if (needed <= *capacity)
        return JB_OK;
    if (needed > ceiling || needed > SIZE_MAX / 2 / size)
        return jb_error_set(error, JB_LIMIT, "too many %s: %zu wanted, the ceiling is %zu", what, needed,
                            ceiling);
    size_t grown = *capacity + *capacity / 2 + 16;
    if (grown < needed)
        grown = needed;
    if (grown > ceiling)
        grown = ceiling;
    void *moved = realloc(*items, grown * size);
    if (!moved)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu %s", grown, what);
    jb_memory_expect(moved, grown * size);
    memset((char *)moved + *capacity * size, 0, (grown - *capacity) * size);
    growths++;
    *items = moved;
    *capacity = grown;
    return JB_OK;
}

size_t jb_array_growths(void) {
    return growths;
}
