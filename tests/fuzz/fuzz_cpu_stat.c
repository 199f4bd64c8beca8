/* cpu.stat and mountinfo of any bytes. */
#include "load/proc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const char *text = (const char *)bytes;
    struct jb_error error = {0};
    uint64_t ns = 1;
    enum jb_code code = jb_cgroup_cpu_stat_parse(text, size, &error, &ns);
    if (code ? ns != 1 || !error.message[0] : ns % 1000 != 0)
        abort();
    struct jb_mount *mount = calloc(1, sizeof *mount);
    if (!mount)
        return 0;
    const char *cursor = text, *end = text + size;
    while (jb_mountinfo_next(&cursor, end, mount)) {
        if (!mount->root[0] || !mount->point[0] || !mount->type[0] || cursor > end)
            abort();
        (void)jb_list_has(mount->options, strlen(mount->options), "cpuacct");
    }
    if (cursor != end)
        abort();
    free(mount);
    return 0;
}
