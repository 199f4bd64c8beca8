/* The kinds of store there are. */
#include "store/store.h"

#include <stddef.h>

const struct jb_store_ops *const jb_store_table[] = {
    NULL,
};
