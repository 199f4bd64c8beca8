/* Inside of the nvml source: its GPUs, shared by reading them and by asking who uses them. */
#ifndef JB_SOURCE_NVML_H
#define JB_SOURCE_NVML_H

#include "source/nvml_api.h"
#include "source/source.h"

#define JB_NVML_GPU_CEILING ((size_t)256)

struct jb_nvml_gpu {
    struct jb_nvml_device *device; /* NULL: cannot be reached (denied, lost at start) */
    bool has_counter;              /* energy since the driver loaded; else a power gauge */
    bool is_lost;                  /* fell away since; rescan tries to get it back */
    uint64_t epoch;                /* how often it came back */
    uint64_t seen_us;              /* newest sample of process utilization (UTC) */
    int64_t asked_boottime_ns;     /* when processes were asked for last */
};

/* One process on one GPU while the samples of an interval are added up. */
struct jb_nvml_worker {
    unsigned pid;
    unsigned sample_count;
    uint64_t percent_sum;
    uint64_t memory_bytes;
    uint64_t busy_ns;
};

struct jb_nvml {
    struct jb_source source;
    const struct jb_clock *clock;
    struct jb_nvml_api api;
    bool is_initialized;
    int64_t attempt_boottime_ns; /* not before this is the library started anew */
    size_t count;
    struct jb_nvml_gpu gpus[JB_NVML_GPU_CEILING];
    struct jb_domain domains[JB_NVML_GPU_CEILING];
    /* scratch of the processes question; grows to what is needed and stays */
    struct jb_nvml_process_utilization *samples;
    size_t sample_capacity;
    struct jb_nvml_process *processes;
    size_t process_capacity;
    struct jb_nvml_worker *workers;
    size_t worker_count, worker_capacity;
};

/* True for a status that means that the GPU, or the whole driver, went away. */
bool jb_nvml_is_gone(unsigned status);

/* See jb_source_ops.processes. */
enum jb_code jb_nvml_processes(struct jb_source *source, uint32_t domain_base, struct jb_sample *sample,
                               struct jb_error *error);

#endif
