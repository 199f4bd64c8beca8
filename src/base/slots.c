/* Moving the slots of an index to more of them. */
#include "base/slots.h"

#include "base/array.h"

#include <stdlib.h>

enum jb_code jb_slots_grow(uint64_t **slots, size_t *slot_count, size_t wanted, const char *what,
                           struct jb_error *error) {
    uint64_t *grown = calloc(wanted, sizeof *grown);
    if (!grown)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu %s", wanted, what);
    jb_memory_expect(grown, wanted * sizeof *grown);
    for (size_t i = 0; i < *slot_count; i++) {
        uint64_t slot = (*slots)[i];
        if (!slot)
            continue;
        size_t at = jb_slots_place(slot, wanted);
        while (grown[at])
            at = (at + 1) & (wanted - 1);
        grown[at] = slot;
    }
    free(*slots);
    *slots = grown;
    *slot_count = wanted;
    return JB_OK;
}
