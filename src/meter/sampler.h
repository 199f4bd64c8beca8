/* The sampler: one tick reads every source and load, splits the energy since the last tick over who used it.
 */
#ifndef JB_METER_SAMPLER_H
#define JB_METER_SAMPLER_H

#include "attribute/cover.h"
#include "load/load.h"
#include "source/source.h"

enum jb_idle_policy {
    JB_IDLE_SEPARATE,       /* idle energy stays on host/<h>/idle */
    JB_IDLE_BY_USE,         /* shared like the active energy */
    JB_IDLE_BY_RESERVATION, /* shared by memory held (cgroup memory.current), what none holds stays idle */
};

struct jb_sampler_options {
    const struct jb_root *root;
    const struct jb_clock *clock;
    enum jb_idle_policy idle;
    const char *replay_path, *nvml_library, *data_path;
    const char *process_load; /* insist on "process_bpf" or "process_clock"; NULL: the best that works */
};

/* A leaf that energy is booked to: (cgroup, what). Slots are dense, bounded and never move while open. */
enum jb_leaf {
    JB_LEAF_PROCESS,
    JB_LEAF_EXITED,
    JB_LEAF_KERNEL,
    JB_LEAF_INTERRUPT,
    JB_LEAF_STEAL,
    JB_LEAF_IDLE
};
struct jb_slot {
    enum jb_leaf leaf;
    const char *cgroup;  /* kernel path "/a/b"; "" for leaves of the host */
    const char *process; /* name; "" unless JB_LEAF_PROCESS */
};

/* What one process did in the tick (top, run). */
struct jb_process_tick {
    int32_t pid, parent_pid;
    uint64_t start_ns;
    uint32_t slot;
    uint32_t flags;        /* jb_process_flags */
    uint64_t cpu_ns;       /* in this tick */
    uint64_t cpu_total_ns; /* cumulative */
    double energy_uj;      /* its share of the slot's energy in this tick, for display */
    char comm[JB_COMM_SIZE];
};

struct jb_domain_tick {
    const struct jb_domain *domain;
    uint32_t source; /* index in jb_source_table order, for names */
    enum jb_cover_place place;
    bool known;         /* energy_uj is a value (else unknown, not zero) */
    uint64_t energy_uj; /* since the last tick */
    uint64_t idle_uj;   /* the part of it that is idle */
};

struct jb_tick {
    int64_t boottime_ns, elapsed_ns; /* end of the tick; its length (0 on the first) */
    int64_t realtime_ns;
    uint64_t number;
    const struct jb_domain_tick *domains;
    size_t domain_count;
    const struct jb_process_tick *processes; /* those alive, and those that ended in the tick */
    size_t process_count;
    const uint64_t *slot_cpu_ns;    /* by slot: used in this tick */
    const uint64_t *slot_energy_uj; /* by slot: energy of this tick over all booked domains */
    size_t slot_count;
    uint64_t busy_ns, idle_ns; /* of the host in this tick, all CPUs */
    uint32_t cpu_count;
    double host_power_w; /* of the cover; NaN unknown */
};

struct jb_sampler; /* opaque */

/* Opens every source and the best loads. Works when there is no power source at all (energy is then unknown).
 * JB_NO_DATA only when there is no usage either. */
enum jb_code jb_sampler_open(const struct jb_sampler_options *options, struct jb_error *error,
                             struct jb_sampler **ret_sampler);
void jb_sampler_close(struct jb_sampler *sampler); /* NULL-safe */

/* Takes a sample now. The first one only sets the starting point. */
enum jb_code jb_sampler_tick(struct jb_sampler *sampler, struct jb_error *error);
const struct jb_tick *jb_sampler_last(const struct jb_sampler *sampler);
struct jb_slot jb_sampler_slot(const struct jb_sampler *sampler, uint32_t slot);

/* For headers and `sources`: one line a source or load: "rapl: 2 domains", "process_bpf", "nvml: not found
 * …". */
const char *jb_sampler_notes(const struct jb_sampler *sampler);
const char *jb_sampler_process_load(const struct jb_sampler *sampler); /* name, "" none */
const char *jb_sampler_host(const struct jb_sampler *sampler);         /* encoded host name */

#endif
