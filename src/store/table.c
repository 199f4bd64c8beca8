/* The kinds of store there are; the first is what a plain path names. */
#include "store/rules.h"

#include <stddef.h>

const struct jb_store_ops *const jb_store_table[] = {
    &jb_store_sqlite,
    &jb_store_memory,
    NULL,
};
