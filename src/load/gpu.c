/* Gathers the use of GPUs by process from the sources that tell it. */
#include "load/gpu.h"

#include <stdlib.h>

static int compare_rows(const void *a, const void *b) {
    const struct jb_gpu_usage *x = a, *y = b;
    if (x->domain != y->domain)
        return x->domain < y->domain ? -1 : 1;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static uint64_t add_saturated(uint64_t a, uint64_t b) {
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* Keeps, of the rows from `first` on, those that make sense; domains are moved from the source's list to all.
 */
static void clean(struct jb_sample *sample, size_t first, uint32_t base, uint32_t domain_count) {
    size_t kept = first;
    for (size_t i = first; i < sample->gpu_count; i++) {
        struct jb_gpu_usage row = sample->gpus[i];
        if (row.pid < 1 || row.domain >= domain_count || (row.busy_ns == 0 && row.memory_bytes == 0))
            continue;
        row.domain += base;
        sample->gpus[kept++] = row;
    }
    sample->gpu_count = kept;
}

static void merge(struct jb_sample *sample) {
    if (sample->gpu_count == 0)
        return;
    qsort(sample->gpus, sample->gpu_count, sizeof *sample->gpus, compare_rows);
    size_t last = 0;
    for (size_t i = 1; i < sample->gpu_count; i++) {
        const struct jb_gpu_usage *row = &sample->gpus[i];
        struct jb_gpu_usage *to = &sample->gpus[last];
        if (to->domain == row->domain && to->pid == row->pid) {
            to->busy_ns = add_saturated(to->busy_ns, row->busy_ns);
            to->memory_bytes = add_saturated(to->memory_bytes, row->memory_bytes);
        } else {
            sample->gpus[++last] = *row;
        }
    }
    sample->gpu_count = last + 1;
}

enum jb_code jb_gpu_sample(struct jb_source *const *sources, const uint32_t *domain_bases,
                           const uint32_t *domain_counts, size_t count, struct jb_sample *sample,
                           struct jb_buffer *notes, struct jb_error *error) {
    sample->gpu_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!sources[i] || !sources[i]->ops->processes)
            continue;
        struct jb_error reason = {0};
        size_t first = sample->gpu_count;
        enum jb_code code = sources[i]->ops->processes(sources[i], 0, sample, &reason);
        if (code == JB_MEMORY || code == JB_LIMIT)
            return jb_error_set(error, code, "%s: %s", sources[i]->ops->name, reason.message);
        if (code && notes)
            jb_buffer_printf(notes, "%s: %s\n", sources[i]->ops->name, reason.message);
        clean(sample, first, domain_bases[i], domain_counts[i]);
    }
    merge(sample);
    return JB_OK;
}
