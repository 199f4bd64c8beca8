/* What the model of `top` keeps between ticks: processes, groups, containers and parts of the host, with what
 * each used in the last tick and since start. */
#ifndef JB_CLI_TOP_TABLES_H
#define JB_CLI_TOP_TABLES_H

#include "base/strings.h"
#include "cli/top/top_model.h"

#define JB_TOP_GROUP_CEILING ((size_t)200000)

struct jb_top_use {
    double tick_uj, total_uj;
    uint64_t tick_cpu_ns, total_cpu_ns;
};

struct jb_top_process {
    struct jb_process_tick tick; /* as it was last seen */
    uint32_t group;              /* index in groups; JB_STRING_NONE: none */
    double total_uj;
    char *command; /* NULL: not read yet */
};

/* A cgroup, or what stands for several of them: a container, pod, unit, job, session. */
struct jb_top_group {
    uint32_t parent;    /* index in the same table; JB_STRING_NONE: none */
    uint32_t container; /* of a cgroup: index in containers */
    uint32_t process_count;
    bool is_alive; /* it has processes or used something in the last tick */
    struct jb_top_use use;
    char name[96]; /* of a container; cgroups are named by their path */
    char what[48]; /* of a container: "docker container" */
};

enum jb_top_part {
    JB_TOP_PART_IDLE,
    JB_TOP_PART_INTERRUPT,
    JB_TOP_PART_STEAL,
    JB_TOP_PART_UNATTRIBUTED,
    JB_TOP_PART_REST, /* what the outermost meter sees and no inner one; below 0: meter-variance */
    JB_TOP_PART_KERNEL,
    JB_TOP_PART_COUNT
};

struct jb_top_tables {
    struct jb_top_process *processes; /* alive at the end of the last tick */
    size_t process_count, process_capacity;
    struct jb_top_process *earlier; /* scratch: those of the tick before */
    size_t earlier_count, earlier_capacity;
    uint32_t *index; /* open addressing over processes by (pid, start): position + 1; 0 free */
    size_t index_capacity, index_size;

    struct jb_strings *paths; /* ids are indexes of groups */
    struct jb_top_group *groups;
    size_t group_capacity;
    struct jb_strings *container_keys; /* ids are indexes of containers */
    struct jb_top_group *containers;
    size_t container_capacity;

    struct jb_top_use parts[JB_TOP_PART_COUNT];
    struct jb_top_use workloads; /* all processes, exited ones, kernel threads */
    struct jb_top_use living;    /* the part of it that rows of living processes show */
};

enum jb_code jb_top_tables_make(struct jb_top_tables *tables, struct jb_error *error);
void jb_top_tables_free(struct jb_top_tables *tables);
enum jb_code jb_top_tables_update(struct jb_top_tables *tables, const struct jb_tick *tick,
                                  const struct jb_slot *slots, struct jb_error *error);
void jb_top_tables_reset(struct jb_top_tables *tables);

uint64_t jb_top_process_key(int32_t pid, uint64_t start_ns);
/* NULL: there is none with that key. */
struct jb_top_process *jb_top_tables_process(const struct jb_top_tables *tables, uint64_t key);

#endif
