/* Runs one command under the sampler and says what it took: the engine of the verb `run`. */
#ifndef JB_METER_RUN_METER_H
#define JB_METER_RUN_METER_H

#include "meter/run_child.h"
#include "meter/run_energy.h"
#include "types/flow.h"

struct jb_run_options {
    struct jb_sampler_options sampler;
    int64_t interval_ns; /* between samples, > 0 */
    bool wait_all;       /* count until the last descendant ended, not only the command */
    bool without_group;  /* count by descent even where a group is permitted */
    bool restore_pipe;   /* SIGPIPE back to its default for the command */
    char *const *argv;   /* the command, ends with NULL */
};

struct jb_run_result {
    struct jb_run_energy energy;
    struct jb_run_figure figure;
    int64_t start_realtime_ns, end_realtime_ns; /* wall clock, of the first and last sample */
    int64_t start_boottime_ns, end_boottime_ns;
    int64_t wall_ns; /* of the command (or of all, with wait_all) */
    uint64_t cpu_ns, user_ns, system_ns;
    uint64_t seen;                /* processes */
    char host[JB_COMPONENT_SIZE]; /* encoded; "" when the sampler could not be opened */
    char boot_id[JB_BOOT_SIZE];
    char process_load[32];
    char cgroup[JB_RUN_CGROUP_SIZE + 32]; /* the group it was counted by; "" by descent */
    struct jb_error why_no_group;         /* code 0 when there was one */
    struct jb_error why_no_energy; /* the sampler could not be opened or failed; code 0 when it worked */
    char notes[2048];              /* of the sampler: what sources were found, or why not */
    size_t left_count;             /* processes still alive when counting ended */
    pid_t left_pids[JB_RUN_PID_CEILING];
    struct jb_run_child
        child; /* how it ended; close it when the report is out, signals are held until then */
};

/* Runs the command to its end. What keeps it from being executed is an error (see jb_run_child_go); what
 * keeps its energy from being known is not: the result then says so. */
enum jb_code jb_run_measure(const struct jb_run_options *options, struct jb_error *error,
                            struct jb_run_result *ret_result);

#endif
