/* The kinds of usage there are, in order of preference, and the choice among them. */
#include "load/table.h"

#include <stddef.h>
#include <string.h>

const struct jb_load_ops *const jb_load_table[] = {
    &jb_load_host, &jb_load_cgroup, &jb_load_process_bpf, &jb_load_process_clock, NULL,
};

enum jb_code jb_load_open(enum jb_load_role role, const char *only, const struct jb_load_context *context,
                          struct jb_buffer *notes, struct jb_error *error, struct jb_load **ret_load) {
    struct jb_error reason = {0};
    enum jb_code code =
        jb_error_set(&reason, JB_UNSUPPORTED, "no such load%s%s", only ? ": " : "", only ? only : "");
    for (size_t i = 0; jb_load_table[i]; i++) {
        const struct jb_load_ops *ops = jb_load_table[i];
        if (ops->role != role || (only && strcmp(only, ops->name) != 0))
            continue;
        code = ops->open(context, &reason, ret_load);
        if (!code)
            return JB_OK;
        if (notes)
            jb_buffer_printf(notes, "%s: %s\n", ops->name, reason.message);
    }
    return jb_error_set(error, code, "%s", reason.message);
}
