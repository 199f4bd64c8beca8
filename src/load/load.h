/* The seam of usage: one ops struct per kind, each filling its part of a sample. */
#ifndef JB_LOAD_LOAD_H
#define JB_LOAD_LOAD_H

#include "base/clock.h"
#include "base/error.h"
#include "base/root.h"
#include "types/usage.h"

struct jb_load {
    const struct jb_load_ops *ops;
};

struct jb_load_context {
    const struct jb_root *root;
    const struct jb_clock *clock;
};

enum jb_load_role { JB_LOAD_HOST, JB_LOAD_CGROUP, JB_LOAD_PROCESS };

struct jb_load_ops {
    const char *name; /* "process_bpf" */
    const char *summary;
    enum jb_load_role role;

    /* JB_NO_DATA not on this machine, JB_PERMISSION names the capability to grant, JB_UNSUPPORTED kernel or
     * build lacks it. A root that is not "/" makes kernel interfaces JB_UNSUPPORTED. */
    enum jb_code (*open)(const struct jb_load_context *context, struct jb_error *error,
                         struct jb_load **ret_load);

    /* Fills its part of sample (its arrays' counts are 0 on entry). Once warm it allocates nothing. A
     * workload that vanished meanwhile is left out; an error is one that makes the whole part unusable. */
    enum jb_code (*sample)(struct jb_load *load, struct jb_sample *sample, struct jb_error *error);

    void (*close)(struct jb_load *load); /* NULL-safe */
};

/* In order of preference within each role; ends with NULL. */
extern const struct jb_load_ops *const jb_load_table[];

/* Opens the first load of that role that works; the reasons why better ones did not go to *notes
 * ("process_bpf: …\n"), which may be NULL. `only` names one to insist on, NULL for any. */
enum jb_code jb_load_open(enum jb_load_role role, const char *only, const struct jb_load_context *context,
                          struct jb_buffer *notes, struct jb_error *error, struct jb_load **ret_load);

/* What a cgroup is, from its path alone. Pure; fuzzed. */
enum jb_workload_kind {
    JB_WORKLOAD_CGROUP,
    JB_WORKLOAD_CONTAINER,
    JB_WORKLOAD_POD,
    JB_WORKLOAD_UNIT,
    JB_WORKLOAD_JOB,
    JB_WORKLOAD_SESSION
};
struct jb_workload_name {
    enum jb_workload_kind kind;
    char engine[16]; /* "docker", "containerd", "cri-o", "podman", "systemd", "slurm"; "" unknown */
    char name[96];   /* short name for people: unit without suffix, container id cut to 12, "job 17 step 0" */
    char container[68]; /* full container id, "" */
    char pod[40];       /* pod UID with dashes, "" */
    char unit[256];     /* systemd unit, "" */
    char job[32];       /* Slurm job id, "" */
};
void jb_workload_name_parse(const char *cgroup_path, struct jb_workload_name *ret_name);

#endif
