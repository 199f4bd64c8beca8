/* The power sources there are, in the order in which they are looked for. */
#include "source/source.h"

#include <stddef.h>

const struct jb_source_ops *const jb_source_table[] = {
    &jb_source_nvml,
    &jb_source_cpumodel,
    NULL,
};
