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

#define JB_RUN_CGROUP_SIZE 4096
#define JB_RUN_PID_CEILING 16 /* pids kept by name of those that stayed */

/* Path of a process's own group in the bytes of /proc/self/cgroup: the line that names controller ("" is v2),
 * as seen from a mount that shows only what is below prefix ("" all). A group outside of that (another
 * namespace) counts as "/". JB_NO_DATA: no such line. Pure. */
enum jb_code jb_run_group_own_path(const char *self_cgroup, const char *controller, const char *prefix,
                                   struct jb_error *error, char ret_path[static JB_RUN_CGROUP_SIZE]);

struct jb_run_group; /* opaque */

/* Makes "joulebook-run-<n>" with the lowest free n below this process's own group, in the hierarchy that is
 * metered and in no other: a group in the other one could be taken for a sign that it is in use (see
 * load/hierarchy.h). n is held by a lock on the folder, so that what a killed run left behind is used again,
 * and the number of names stays small. JB_NO_DATA no hierarchy, JB_PERMISSION none that may be written (the
 * message has the mend), JB_UNSUPPORTED when root is not the real one. */
enum jb_code jb_run_group_make(const struct jb_root *root, struct jb_error *error,
                               struct jb_run_group **ret_group);

/* Moves what is still inside to the group above and removes the folder; one that cannot be removed stays.
 * NULL-safe. */
void jb_run_group_free(struct jb_run_group *group);

/* Path as the loads show it, "/a/joulebook-run-1". */
const char *jb_run_group_path(const struct jb_run_group *group);

/* Whether cgroup (a kernel path) is the run's own or below it. */
bool jb_run_group_holds(const struct jb_run_group *group, const char *cgroup);

/* In the child, before exec: enters the group. Async-signal-safe. */
bool jb_run_group_enter(const struct jb_run_group *group);

/* CPU time used inside since the group was made; user + system need not sum to total (they are sampled by
 * the kernel on some machines, total is exact). */
enum jb_code jb_run_group_cpu(const struct jb_run_group *group, struct jb_error *error,
                              uint64_t *ret_total_ns, uint64_t *ret_user_ns, uint64_t *ret_system_ns);

/* Processes inside now, with those in groups below it; the first JB_RUN_PID_CEILING of them into ret_pids,
 * which may be NULL. */
size_t jb_run_group_members(const struct jb_run_group *group, pid_t ret_pids[JB_RUN_PID_CEILING]);

JB_DEFINE_CLEANUP(struct jb_run_group, jb_run_group_free);

#endif
