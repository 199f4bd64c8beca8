/* Cgroups as the tracker sees them: what each used itself, and how much of that no process row shows. */
#ifndef JB_ATTRIBUTE_GROUPS_H
#define JB_ATTRIBUTE_GROUPS_H

#include "base/cleanup.h"
#include "base/error.h"
#include "types/usage.h"

#define JB_GROUP_NONE UINT32_MAX

/* Samples for which CPU time that no process row shows must have been missing before it is called exited:
 * exit records come some time after a process left the process list. */
#define JB_GROUP_PATIENCE 4

struct jb_group {
    uint64_t id;
    uint32_t serial;
    uint32_t parent; /* index of a group; of the root: itself */
    const char *path;
    uint64_t last_cpu_ns; /* cumulative, with everything below */
    int64_t missing_ns; /* used by the group itself, and on no process or exited row yet; may dip below 0 when
                           processes were read a moment after their group */
    int64_t recent_ns[JB_GROUP_PATIENCE]; /* missing_ns at the last samples */
    uint64_t memory_bytes;                /* held by itself, without what is below */
    uint64_t tick_cpu_ns;                 /* on its rows in this sample */
    uint32_t quiet_ticks;                 /* samples since it was last there */
    bool used;                            /* entry in use */
    bool approximate;
};

struct jb_groups; /* opaque */

enum jb_code jb_groups_make(struct jb_error *error, struct jb_groups **ret_groups);
void jb_groups_free(struct jb_groups *groups); /* NULL-safe */

/* Takes a sample's cgroups over: own use since the last sample goes to missing_ns. Groups that vanished stay
 * for JB_GROUP_PATIENCE samples. is_first: a starting point only. */
enum jb_code jb_groups_update(struct jb_groups *groups, const struct jb_sample *sample, bool is_first,
                              struct jb_error *error);

/* Index of the group with that kernel id among those of the last sample; JB_GROUP_NONE. */
uint32_t jb_groups_find(const struct jb_groups *groups, uint64_t cgroup_id);
struct jb_group *jb_groups_get(struct jb_groups *groups, uint32_t index);
size_t jb_groups_count(const struct jb_groups *groups); /* entries, used or not */

/* CPU time of the group that a process row shows. Of a group that is gone, whose last use is in the counter
 * of the ancestor that remains, it is taken off there. */
void jb_groups_charge(struct jb_groups *groups, uint32_t index, uint64_t cpu_ns);

/* What of missing_ns has been missing long enough; it is taken off. Call once a sample for each used group.
 */
uint64_t jb_groups_settle(struct jb_groups *groups, uint32_t index);

JB_DEFINE_CLEANUP(struct jb_groups, jb_groups_free);

#endif
