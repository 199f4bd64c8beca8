/* Which cgroup hierarchy is metered: one choice for all loads, since the ids of one mean nothing in another.
 */
#ifndef JB_LOAD_HIERARCHY_H
#define JB_LOAD_HIERARCHY_H

#include "base/error.h"
#include "base/root.h"

#include <stdbool.h>
#include <stdint.h>

struct jb_hierarchy {
    bool unified;            /* cgroup v2, else v1 cpuacct */
    bool kernel;             /* it is the kernel's own file system, not a copy in files */
    char mount[4096];        /* where it is mounted, beneath the root: "/sys/fs/cgroup" */
    char prefix[4096];       /* path within the hierarchy of what is mounted; "" for the whole of it */
    char memory_mount[4096]; /* v1: the memory hierarchy; "" none. v2: "" (same directory) */
};

/* Pure v2: that. v1 only: cpuacct. Both (hybrid): v2 when it has a cgroup below its root, else cpuacct when
 * it has, else cpuacct (its usage is exact for the root too). The real root is asked for its mounts; beneath
 * another root the usual places are looked at. JB_NO_DATA: no hierarchy that tells CPU time. */
enum jb_code jb_hierarchy_find(const struct jb_root *root, struct jb_error *error,
                               struct jb_hierarchy *ret_hierarchy);

/* A descriptor (O_PATH) of the mounted directory, −1 with errno. */
int jb_hierarchy_open(const struct jb_hierarchy *hierarchy, const struct jb_root *root);

/* "" for v2, "cpuacct" for v1: which line of /proc/PID/cgroup counts. */
const char *jb_hierarchy_controller(const struct jb_hierarchy *hierarchy);

/* Id of the cgroup with that path as /proc/PID/cgroup tells it; 0 when it is not there or lies outside of
 * what is mounted. descriptor: of jb_hierarchy_open. */
uint64_t jb_hierarchy_cgroup_id(const struct jb_hierarchy *hierarchy, int descriptor, const char *path);

#endif
