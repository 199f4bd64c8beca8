/* The control groups that `run` makes for one command, so that all its descendants are counted, however they
 * detach themselves. */
#ifndef JB_METER_RUN_GROUP_H
#define JB_METER_RUN_GROUP_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/root.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JB_RUN_HIERARCHY_CEILING 2 /* cgroup v2 and v1 cpuacct: a hybrid machine has both */
#define JB_RUN_CGROUP_PATH_SIZE  4096
#define JB_RUN_PID_CEILING       16 /* pids kept by name of those that stayed */

enum jb_hierarchy { JB_HIERARCHY_V2, JB_HIERARCHY_V1_CPUACCT };

/* Where a process is in one hierarchy. */
struct jb_cgroup_place {
    char mount_point[JB_RUN_CGROUP_PATH_SIZE];
    char path[JB_RUN_CGROUP_PATH_SIZE]; /* of its group below the mount point: "/" or "/a/b" */
};

/* Finds the mount of a hierarchy in the bytes of /proc/self/mountinfo and the path of the process's group,
 * seen from that mount, in the bytes of /proc/self/cgroup. A group outside of what is mounted (another
 * namespace) counts as "/". JB_NO_DATA: not mounted, or not in the second text. Pure. */
enum jb_code jb_cgroup_place_find(const char *mountinfo, const char *self_cgroup, enum jb_hierarchy hierarchy,
                                  struct jb_error *error, struct jb_cgroup_place *ret_place);

struct jb_run_group; /* opaque */

/* Makes "joulebook-run-<n>" with the lowest free n below this process's own group, in each hierarchy that is
 * mounted and allows it. n is held by a lock on the folder, so that what a killed run left behind is used
 * again, and the number of names stays small. JB_NO_DATA no hierarchy, JB_PERMISSION none that may be written
 * (the message has the mend), JB_UNSUPPORTED when root is not the real one. */
enum jb_code jb_run_group_make(const struct jb_root *root, struct jb_error *error,
                               struct jb_run_group **ret_group);

/* Moves what is still inside to the group above and removes the folders; what cannot be removed stays.
 * NULL-safe. */
void jb_run_group_free(struct jb_run_group *group);

/* Hierarchies in use, 1 or 2. */
size_t jb_run_group_count(const struct jb_run_group *group);
/* Path as the loads show it, "/a/joulebook-run-1"; index < count. */
const char *jb_run_group_path(const struct jb_run_group *group, size_t index);
enum jb_hierarchy jb_run_group_hierarchy(const struct jb_run_group *group, size_t index);

/* Whether cgroup (a kernel path) is the run's own or below it, in any of its hierarchies. */
bool jb_run_group_holds(const struct jb_run_group *group, const char *cgroup);

/* In the child, before exec: enters every hierarchy. Async-signal-safe. Bit i of the result is set when
 * hierarchy i was entered. */
unsigned jb_run_group_enter(const struct jb_run_group *group);
/* In the parent: gives up the hierarchies that the child could not enter. False when none is left. */
bool jb_run_group_keep(struct jb_run_group *group, unsigned entered);

/* CPU time used inside since the group was made; user + system need not sum to total (they are sampled by
 * the kernel on some machines, total is exact). */
enum jb_code jb_run_group_cpu(const struct jb_run_group *group, struct jb_error *error,
                              uint64_t *ret_total_ns, uint64_t *ret_user_ns, uint64_t *ret_system_ns);

/* Processes inside now, with those in groups below it; the first JB_RUN_PID_CEILING of them into ret_pids,
 * which may be NULL. */
size_t jb_run_group_members(const struct jb_run_group *group, pid_t ret_pids[JB_RUN_PID_CEILING]);

JB_DEFINE_CLEANUP(struct jb_run_group, jb_run_group_free);

#endif
