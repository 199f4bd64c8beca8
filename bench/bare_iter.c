/* The bare BPF iterator: create, read to the end, add up. */
#include "bare.h"

#ifdef JB_HAVE_BPF

#include "base/cleanup.h"
#include "bpf/process.skel.h"
#include "bpf/process_record.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

struct bare_iter {
    struct jb_process *skeleton;
    struct bpf_link *link;
    char *buffer;
    size_t buffer_bytes;
};

void bare_iter_close(struct bare_iter *iter) {
    if (!iter)
        return;
    bpf_link__destroy(iter->link);
    jb_process__destroy(iter->skeleton);
    free(iter->buffer);
    free(iter);
}

enum jb_code bare_iter_open(size_t buffer_bytes, struct jb_error *error, struct bare_iter **ret_iter) {
    struct bare_iter *iter = calloc(1, sizeof *iter);
    if (!iter)
        return jb_error_set(error, JB_MEMORY, "no memory");
    iter->buffer_bytes = buffer_bytes;
    iter->buffer = malloc(buffer_bytes);
    libbpf_set_print(NULL);
    iter->skeleton = iter->buffer ? jb_process__open_and_load() : NULL;
    iter->link = iter->skeleton ? bpf_program__attach_iter(iter->skeleton->progs.on_task, NULL) : NULL;
    if (!iter->link) {
        enum jb_code code = jb_error_set_errno(error, errno, "BPF iterator over tasks");
        bare_iter_close(iter);
        return code;
    }
    *ret_iter = iter;
    return JB_OK;
}

enum jb_code bare_iter_tick(struct bare_iter *iter, struct jb_error *error, struct bare_tick *ret_tick) {
    _cleanup_close_ int descriptor = bpf_iter_create(bpf_link__fd(iter->link));
    if (descriptor < 0)
        return jb_error_set_errno(error, errno, "BPF iterator over tasks");
    struct bare_tick tick = {0};
    size_t held = 0; /* a read may end within a record */
    for (;;) {
        ssize_t got = read(descriptor, iter->buffer + held, iter->buffer_bytes - held);
        if (got < 0)
            return jb_error_set_errno(error, errno, "BPF iterator over tasks");
        if (got == 0)
            break;
        size_t bytes = held + (size_t)got, whole = bytes / sizeof(struct process_record);
        const struct process_record *records = (const struct process_record *)iter->buffer;
        for (size_t i = 0; i < whole; i++)
            tick.checksum += records[i].cpu_ns;
        tick.process_count += whole;
        held = bytes - whole * sizeof *records;
        memmove(iter->buffer, records + whole, held);
    }
    *ret_tick = tick;
    return JB_OK;
}

#else

enum jb_code bare_iter_open(size_t buffer_bytes, struct jb_error *error, struct bare_iter **ret_iter) {
    (void)buffer_bytes, (void)ret_iter;
    return jb_error_set(error, JB_UNSUPPORTED, "built without BPF");
}

enum jb_code bare_iter_tick(struct bare_iter *iter, struct jb_error *error, struct bare_tick *ret_tick) {
    (void)iter, (void)ret_tick;
    return jb_error_set(error, JB_UNSUPPORTED, "built without BPF");
}

void bare_iter_close(struct bare_iter *iter) {
    (void)iter;
}

#endif
