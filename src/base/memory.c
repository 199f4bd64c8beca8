/* Memory in large pages. */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LARGE_PAGE ((size_t)2 << 20)

void *jb_memory_large(size_t size) {
    if (size < LARGE_PAGE || size > SIZE_MAX - LARGE_PAGE)
        return malloc(size ? size : 1);
    size_t whole = (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    void *memory = aligned_alloc(LARGE_PAGE, whole);
    if (memory)
        (void)madvise(memory, whole, MADV_HUGEPAGE); /* where it is refused, small ones do */
    return memory;
}
