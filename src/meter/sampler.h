/* The sampler: one tick reads every source and load, splits the energy since the last tick over who used it.
 */
#ifndef JB_METER_SAMPLER_H
#define JB_METER_SAMPLER_H

#include "attribute/attribution.h"
#include "load/load.h"
#include "meter/domains.h"

struct jb_sampler_options {
    const struct jb_root *root;
    const struct jb_clock *clock;
    enum jb_idle_policy idle;
    const char *replay_path, *nvml_library, *data_path;
    const char *process_load; /* insist on "process_bpf" or "process_clock"; NULL: the best that works */
    bool want_processes;      /* fill jb_tick.processes (top, run) */
};

/* What one process did in the tick. */
struct jb_process_tick {
    int32_t pid, parent_pid;
    uint64_t start_ns;
    uint32_t slot;         /* JB_SLOT_UNATTRIBUTED when its cgroup is not known yet */
    uint32_t flags;        /* jb_process_flags; JB_PROCESS_EXITED: it ended in the tick */
    uint64_t cpu_ns;       /* in this tick */
    uint64_t cpu_total_ns; /* cumulative */
    double energy_uj;      /* its share of the slot's energy in this tick, for display */
    char comm[JB_COMM_SIZE];
};

struct jb_tick {
    int64_t boottime_ns, elapsed_ns; /* end of the tick; its length (0 on the first) */
    int64_t realtime_ns;
    uint64_t number; /* 1 is the first */
    const struct jb_metered_domain *domains;
    size_t domain_count;
    const struct jb_process_tick *processes; /* those alive, and those that ended in the tick */
    size_t process_count;
    const uint64_t *slot_cpu_ns;    /* by slot: used in this tick */
    const uint64_t *slot_energy_uj; /* by slot: energy of this tick over all booked domains */
    size_t slot_count;
    uint64_t busy_ns, idle_ns; /* of the host in this tick, all CPUs; busy with interrupts and steal */
    uint32_t cpu_count;
    uint64_t energy_uj;  /* of the host in this tick; 0 when not known */
    double host_power_w; /* NaN unknown */
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
/* The raw sample behind the last tick. */
const struct jb_sample *jb_sampler_sample(const struct jb_sampler *sampler);
struct jb_slot jb_sampler_slot(const struct jb_sampler *sampler, uint32_t slot);
/* The same for any slot < slot_count of a tick: one that was given back is an unattributed one of the host
 * (and has neither energy nor CPU time). */
struct jb_slot jb_sampler_slot_or_none(const struct jb_sampler *sampler, uint32_t slot);

/* What was accumulated since the last reset, for booking. */
struct jb_domains *jb_sampler_domains(struct jb_sampler *sampler);
const struct jb_attribution *jb_sampler_attribution(const struct jb_sampler *sampler);
const struct jb_slots *jb_sampler_slots(const struct jb_sampler *sampler);
/* Begins a new interval: forgets what was accumulated, gives back slots that nobody uses any more, and looks
 * for devices that came or went. */
enum jb_code jb_sampler_reset(struct jb_sampler *sampler, struct jb_error *error);

/* One line a source or load: "rapl: 2 domains", "process_bpf: in use", "nvml: not found …". */
const char *jb_sampler_notes(const struct jb_sampler *sampler);
const char *jb_sampler_process_load(const struct jb_sampler *sampler); /* name, "" none */
const char *jb_sampler_host(const struct jb_sampler *sampler);         /* encoded host name */
const char *
jb_sampler_boot_id(const struct jb_sampler *sampler); /* "unknown" when the kernel does not tell */

JB_DEFINE_CLEANUP(struct jb_sampler, jb_sampler_close);

#endif
