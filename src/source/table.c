/* The power sources there are, in the order in which they are looked for. */
#include "source/source.h"

#include <stddef.h>

/* One line a source. */
/* clang-format off */
const struct jb_source_ops *const jb_source_table[] = {
    &jb_source_replay,
    &jb_source_rapl,
    &jb_source_rapl_perf,
    &jb_source_hwmon,
    &jb_source_nvml,
    &jb_source_amdgpu,
    &jb_source_cpumodel,
    NULL,
};
/* clang-format on */

enum jb_code jb_source_open(const struct jb_source_ops *ops, const struct jb_source_context *context,
                            struct jb_error *error, struct jb_source **ret_source) {
    if (context->replay_path && ops != &jb_source_replay)
        return jb_error_set(error, JB_NO_DATA, "not looked for: a replay stands in for it");
    return ops->open(context, error, ret_source);
}
