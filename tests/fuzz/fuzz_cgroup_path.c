/* Cgroup paths of any bytes: what is told is bounded, ended, and safe to show. */
#include "load/load.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const char *text, size_t size, int is_shown) {
    size_t length = strnlen(text, size);
    if (length == size)
        abort();
    for (size_t i = 0; is_shown && i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char *path = malloc(size + 1);
    if (!path)
        return 0;
    memcpy(path, bytes, size);
    path[size] = '\0';
    struct jb_workload_name name;
    memset(&name, 0xaa, sizeof name);
    jb_workload_name_parse(path, &name);
    if (name.kind > JB_WORKLOAD_SESSION || !name.name[0])
        abort();
    check(name.name, sizeof name.name, 1);
    check(name.engine, sizeof name.engine, 1);
    check(name.container, sizeof name.container, 0);
    check(name.pod, sizeof name.pod, 1);
    check(name.unit, sizeof name.unit, 0);
    check(name.job, sizeof name.job, 1);
    if ((name.kind == JB_WORKLOAD_CONTAINER && !name.container[0]) ||
        (name.kind == JB_WORKLOAD_POD && !name.pod[0]) || (name.kind == JB_WORKLOAD_JOB && !name.job[0]))
        abort();
    free(path);
    return 0;
}
