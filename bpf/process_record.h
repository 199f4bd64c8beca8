/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the programs tell about one process: laid out as struct jb_process_usage, so that the records can be
 * read straight into a sample. */
#ifndef JB_BPF_PROCESS_RECORD_H
#define JB_BPF_PROCESS_RECORD_H

enum {
    PROCESS_RECORD_KERNEL = 1,
    PROCESS_RECORD_EXITED = 2,
    /* cpu_ns is not whole: too many threads, or they kept changing while being summed. */
    PROCESS_RECORD_PARTIAL = 1 << 30,
};

struct process_record {
    int pid, parent_pid;
    unsigned long long start_ns;
    unsigned long long cgroup_id;
    unsigned long long cpu_ns;
    char comm[16];
    unsigned int flags;
    unsigned int padding;
};

#endif
