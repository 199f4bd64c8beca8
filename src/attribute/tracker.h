/* The tracker: cumulative samples of usage → what each leaf used since the last sample. */
#ifndef JB_ATTRIBUTE_TRACKER_H
#define JB_ATTRIBUTE_TRACKER_H

#include "attribute/slots.h"
#include "types/usage.h"

#define JB_PROCESS_NAME_SIZE 64

/* How processes get the name they are booked by; asked once for each new process and after each exec. */
struct jb_namer {
    void (*name)(struct jb_namer *namer, const struct jb_process_usage *process, char *ret, size_t size);
};

/* An amount of something that one slot used in the tick: CPU ns, or bytes held. */
struct jb_use {
    uint32_t slot;
    uint32_t group; /* the tracker's own: index of its cgroup, UINT32_MAX none */
    uint64_t amount;
};

struct jb_tracked_process {
    int32_t pid, parent_pid;
    uint64_t start_ns;
    uint64_t cpu_ns;      /* cumulative */
    uint64_t tick_cpu_ns; /* in the last tick */
    uint32_t slot;        /* JB_SLOT_CEILING and more: not known yet */
    uint32_t group, group_serial;
    uint64_t cgroup_id;
    uint32_t seen;      /* number of the sample in which it last appeared */
    uint32_t following; /* the entry that came after it in the last sample: a guess that saves a look-up */
    uint32_t flags;     /* jb_process_flags */
    char comm[JB_COMM_SIZE];
    bool used; /* entry in use */
};

struct jb_tracker_tick {
    const struct jb_use *cpu; /* each slot at most once; the CPU time of the tick, ns */
    size_t cpu_count;
    const struct jb_use *memory; /* bytes held, over the slots of each cgroup by their CPU time in the tick */
    size_t memory_count;
    uint64_t memory_unheld_bytes;                      /* of the host's memory, what no cgroup holds */
    uint64_t busy_ns, interrupt_ns, steal_ns, idle_ns; /* of the host */
    uint32_t cpu_count_online;
    uint64_t exits_lost;
};

struct jb_tracker; /* opaque */

/* slots and namer are borrowed. */
enum jb_code jb_tracker_make(struct jb_slots *slots, struct jb_namer *namer, struct jb_error *error,
                             struct jb_tracker **ret_tracker);
void jb_tracker_free(struct jb_tracker *tracker); /* NULL-safe */

/* Takes a sample. The first one is a starting point: what processes used before it is nobody's. Once warm it
 * allocates nothing. */
enum jb_code jb_tracker_update(struct jb_tracker *tracker, const struct jb_sample *sample,
                               struct jb_error *error);
const struct jb_tracker_tick *jb_tracker_last(const struct jb_tracker *tracker);

/* Entries, used or not; those with flag JB_PROCESS_EXITED ended in the last tick. */
const struct jb_tracked_process *jb_tracker_processes(const struct jb_tracker *tracker, size_t *ret_count);

/* Slot of a living process, JB_SLOT_UNATTRIBUTED when there is none of that pid. */
uint32_t jb_tracker_slot_of(const struct jb_tracker *tracker, int32_t pid);

/* Marks (in_use[slot] = true, for slot < count) the slots that entries still refer to. */
void jb_tracker_mark_slots(const struct jb_tracker *tracker, bool *in_use, size_t count);

JB_DEFINE_CLEANUP(struct jb_tracker, jb_tracker_free);

#endif
