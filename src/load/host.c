/* The host's load: CPU time by kind from /proc/stat, memory from /proc/meminfo. */
#include "load/table.h"

#include "base/buffer.h"
#include "load/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STAT_BYTES_MAX = 4 * 1024 * 1024 }; /* 90 bytes a CPU and 11 an interrupt: past any machine */

struct host {
    struct jb_load load;
    const struct jb_root *root;
    uint64_t user_hz;
    int stat_descriptor, meminfo_descriptor; /* kept where the root is the real one, else −1 */
    struct jb_buffer text;
    struct jb_host_usage last;
};

/* Whole file through a kept descriptor, or opened anew when there is none. */
static enum jb_code read_file(struct host *host, int descriptor, const char *path, struct jb_error *error) {
    if (descriptor < 0)
        return jb_root_read(host->root, path, &host->text, error);
    jb_buffer_clear(&host->text);
    for (;;) {
        char *room = jb_buffer_room(&host->text, 16384);
        if (!room) {
            enum jb_code code = jb_buffer_check(&host->text, error);
            return jb_error_prefix(error, "%s", path), code;
        }
        ssize_t got = pread(descriptor, room, 16384, (off_t)host->text.length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return jb_error_set_errno(error, errno, "%s", path);
        if (got == 0)
            return JB_OK;
        host->text.length += (size_t)got;
        host->text.bytes[host->text.length] = '\0';
    }
}

/* iowait goes backwards now and then, and so may the rest when a CPU goes offline: what was told once is
 * not taken back. */
static uint64_t not_below(uint64_t value, uint64_t last) {
    return value > last ? value : last;
}

static enum jb_code host_sample(struct jb_load *load, struct jb_sample *sample, struct jb_error *error) {
    struct host *host = (struct host *)load;
    struct jb_host_usage now = {.present = true};
    enum jb_code code = read_file(host, host->stat_descriptor, "/proc/stat", error);
    if (code)
        return code;
    code = jb_proc_stat_parse(host->text.bytes, host->text.length, host->user_hz, error, &now);
    if (code)
        return jb_error_prefix(error, "%s/proc/stat", host->root->path), code;
    now.busy_ns = not_below(now.busy_ns, host->last.busy_ns);
    now.interrupt_ns = not_below(now.interrupt_ns, host->last.interrupt_ns);
    now.steal_ns = not_below(now.steal_ns, host->last.steal_ns);
    now.idle_ns = not_below(now.idle_ns, host->last.idle_ns);
    /* Memory is a refinement: without it the CPU times still stand, and 0 means unknown. */
    if (!read_file(host, host->meminfo_descriptor, "/proc/meminfo", NULL))
        (void)jb_proc_meminfo_parse(host->text.bytes, host->text.length, NULL, &now.memory_total_bytes,
                                    &now.memory_available_bytes);
    host->last = now;
    sample->host = now;
    return JB_OK;
}

static void host_close(struct jb_load *load) {
    struct host *host = (struct host *)load;
    if (!host)
        return;
    if (host->stat_descriptor >= 0)
        close(host->stat_descriptor);
    if (host->meminfo_descriptor >= 0)
        close(host->meminfo_descriptor);
    jb_buffer_free(&host->text);
    free(host);
}

static enum jb_code host_open(const struct jb_load_context *context, struct jb_error *error,
                              struct jb_load **ret_load) {
    struct host *host = calloc(1, sizeof *host);
    if (!host)
        return jb_error_set(error, JB_MEMORY, "no memory for the host's load");
    *host = (struct host){.load = {.ops = &jb_load_host},
                          .root = context->root,
                          .user_hz = (uint64_t)sysconf(_SC_CLK_TCK),
                          .stat_descriptor = -1,
                          .meminfo_descriptor = -1,
                          .text = {.ceiling = STAT_BYTES_MAX}};
    if (context->root->is_real) {
        host->stat_descriptor = jb_root_openat(context->root, "/proc/stat", O_RDONLY);
        host->meminfo_descriptor = jb_root_openat(context->root, "/proc/meminfo", O_RDONLY);
    }
    struct jb_sample trial = {0};
    enum jb_code code = host_sample(&host->load, &trial, error);
    if (code) {
        host_close(&host->load);
        return code;
    }
    *ret_load = &host->load;
    return JB_OK;
}

const struct jb_load_ops jb_load_host = {
    .name = "host",
    .summary = "CPU time and memory of the host, from /proc/stat and /proc/meminfo",
    .role = JB_LOAD_HOST,
    .open = host_open,
    .sample = host_sample,
    .close = host_close,
};
