/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The few fields of kernel structures that the programs read; libbpf finds where they are in the running
 * kernel (CO-RE), so neither order nor the rest of a structure matters. */
#ifndef JB_BPF_KERNEL_H
#define JB_BPF_KERNEL_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef _Bool bool;

/* From the user interface of the kernel (linux/bpf.h). */
enum { BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_RB_NO_WAKEUP = 1 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
    struct list_head *next, *prev;
};

/* First in it, at every nesting that kernels have had, is the sequence number: odd while being written. */
typedef struct {
    unsigned int first;
} seqlock_t;

struct signal_struct {
    int nr_threads;
    struct list_head thread_head;
    seqlock_t stats_lock;
    unsigned long long sum_sched_runtime; /* of threads that were released */
};

struct sched_entity {
    __u64 sum_exec_runtime;
};

struct kernfs_node {
    __u64 id;
};

struct cgroup {
    struct kernfs_node *kn;
};

struct cgroup_subsys_state {
    struct cgroup *cgroup;
};

struct css_set {
    struct cgroup_subsys_state *subsys[1]; /* by enum cgroup_subsys_id, whose values differ between kernels */
    struct cgroup *dfl_cgrp;               /* of cgroup v2 */
};

enum cgroup_subsys_id { cpuacct_cgrp_id = 2 };

struct task_struct {
    unsigned int flags;
    int pid, tgid;
    struct task_struct *real_parent;
    struct sched_entity se;
    __u64 start_boottime;
    struct signal_struct *signal;
    struct list_head thread_node;
    struct css_set *cgroups;
    char comm[16];
};

struct seq_file;

struct bpf_iter_meta {
    struct seq_file *seq;
};

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
};

#pragma clang attribute pop

#endif
