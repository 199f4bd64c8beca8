/* /proc/PID/stat and /proc/PID/cgroup of any bytes. */
#include "load/proc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const char *text = (const char *)bytes;
    struct jb_error error = {0};
    struct jb_proc_pid_stat stat;
    memset(&stat, 0xaa, sizeof stat);
    enum jb_code code = jb_proc_pid_stat_parse(text, size, &error, &stat);
    if (code ? !error.message[0]
             : strnlen(stat.comm, sizeof stat.comm) == sizeof stat.comm || stat.parent_pid < 0)
        abort();
    static const char *const controllers[] = {"", "cpuacct"};
    for (size_t i = 0; i < 2; i++) {
        char path[64] = "kept";
        code = jb_proc_pid_cgroup_parse(text, size, controllers[i], path, sizeof path, &error);
        if (code ? strcmp(path, "kept") != 0 : path[0] != '/' || strlen(path) >= sizeof path)
            abort();
    }
    return 0;
}
