/* What workloads used: cumulative counters of the host, its cgroups and processes as one sample sees them. */
#ifndef JB_TYPES_USAGE_H
#define JB_TYPES_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole host since boot, from /proc/stat (USER_HZ ticks turned into ns) and /proc/meminfo. */
struct jb_host_usage {
    bool present;
    uint64_t busy_ns;      /* user + nice + system (guest is inside user); without interrupts and steal */
    uint64_t interrupt_ns; /* irq + softirq */
    uint64_t steal_ns;
    uint64_t idle_ns;   /* idle + iowait */
    uint32_t cpu_count; /* CPUs online */
    uint64_t memory_total_bytes, memory_available_bytes;
};

#define JB_CGROUP_ROOT 0 /* index of the root cgroup in every sample */

struct jb_cgroup_usage {
    uint64_t id;           /* inode of its directory = kernel's cgroup id */
    const char *path;      /* "/", "/system.slice/nginx.service"; owned by the load, valid until it closes */
    uint32_t parent;       /* index in this sample's cgroups; of the root: itself */
    uint32_t serial;       /* never reused by the load while it is open; a cgroup made anew gets a new one */
    uint64_t cpu_ns;       /* cumulative, with everything below it */
    uint64_t memory_bytes; /* current, with everything below it; 0 unknown */
    bool approximate;      /* cpu_ns is sampled by the tick (root of cgroup v2), so its difference to exact
                              figures is noise */
};

enum { JB_COMM_SIZE = 16 };

enum jb_process_flags {
    JB_PROCESS_KERNEL = 1, /* a kernel thread */
    JB_PROCESS_EXITED = 2, /* final value: it is gone */
};

struct jb_process_usage {
    int32_t pid;             /* thread-group id in the initial namespace */
    int32_t parent_pid;      /* 0 unknown */
    uint64_t start_ns;       /* boottime at start; with pid the identity of a process */
    uint64_t cgroup_id;      /* 0 unknown */
    uint64_t cpu_ns;         /* cumulative over all its threads, dead ones too; children not included */
    char comm[JB_COMM_SIZE]; /* as the kernel has it, any bytes, NUL-terminated */
    uint32_t flags;
};

/* GPU use of one process on one domain in the interval since the last sample. */
struct jb_gpu_usage {
    uint32_t domain; /* index in the list of all domains */
    int32_t pid;
    uint64_t busy_ns;
    uint64_t memory_bytes;
};

/* One sample; arrays grow and are reused, so a warm sampler allocates nothing. */
struct jb_sample {
    int64_t boottime_ns, realtime_ns;
    struct jb_host_usage host;
    struct jb_cgroup_usage *cgroups;
    size_t cgroup_count, cgroup_capacity;
    struct jb_process_usage *processes; /* alive now, and those that exited since the last sample */
    size_t process_count, process_capacity;
    struct jb_gpu_usage *gpus;
    size_t gpu_count, gpu_capacity;
    uint64_t exits_lost; /* since the last sample: exit records that did not fit; their CPU time shows up as
                            the cgroup's `exited` */
};

#define JB_CGROUP_CEILING  ((size_t)100000)
#define JB_PROCESS_CEILING ((size_t)4000000)
#define JB_GPU_CEILING     ((size_t)100000)

#endif
