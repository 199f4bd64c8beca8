/* /proc/stat and /proc/meminfo of any bytes: refused with a message, or times that do not depend on what
 * follows. */
#include "load/proc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const char *text = (const char *)bytes;
    struct jb_error error = {0};
    struct jb_host_usage usage = {.busy_ns = 77};
    enum jb_code code = jb_proc_stat_parse(text, size, 100, &error, &usage);
    if (code && (!error.message[0] || usage.busy_ns != 77))
        abort();
    if (!code && usage.busy_ns % 10000000 != 0 && usage.busy_ns != UINT64_MAX)
        abort();
    uint64_t total = 1, available = 2;
    code = jb_proc_meminfo_parse(text, size, &error, &total, &available);
    if (code ? total != 1 || available != 2 : available > total)
        abort();
    return 0;
}
