/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Two programs: one record for each living process when an iterator is read, one for each that ended. */
#include "bpf/kernel.h"
#include "bpf/process_record.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define PF_KTHREAD  0x00200000
#define THREADS_MAX 1024 /* summed here; groups with more are left to the reader */
#define ATTEMPTS    3

/* Set by the loader: which hierarchy's cgroup a process is told to be in. */
const volatile bool is_unified = 1;

unsigned long long exits_lost = 0;    /* records that did not fit into the ring */
unsigned long long partial_count = 0; /* records told with PROCESS_RECORD_PARTIAL */

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 2 * 1024 * 1024); /* 32,768 ends between two samples */
} exits SEC(".maps");

/* Where a field of another type than declared is. The barrier keeps the compiler from merging the offset into
 * the load, which would be checked against the declared type. */
#define FIELD(structure, field)                                                                              \
    ({                                                                                                       \
        __u64 offset_ = bpf_core_field_offset((structure)->field);                                           \
        barrier_var(offset_);                                                                                \
        (void *)(structure) + offset_;                                                                       \
    })

static __always_inline __u64 cgroup_of(struct task_struct *task) {
    struct css_set *set = task->cgroups;
    if (is_unified)
        return set->dfl_cgrp->kn->id;
    if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, cpuacct_cgrp_id))
        return 0;
    struct cgroup_subsys_state **states = FIELD(set, subsys);
    return states[bpf_core_enum_value(enum cgroup_subsys_id, cpuacct_cgrp_id)]->cgroup->kn->id;
}

/* The kernel's seqlock around a thread's release, which moves its time from the thread to the group. */
static __always_inline __u32 sequence_of(struct signal_struct *signal) {
    return *(volatile __u32 *)FIELD(signal, stats_lock);
}

/* Time of the threads that are in the group's list. The list is safe to walk: an iterator runs inside an RCU
 * read section. */
static __noinline int sum_threads(struct signal_struct *signal, __u64 *ret_ns) {
    void *head = FIELD(signal, thread_head);
    struct list_head *next = signal->thread_head.next;
    __u64 sum = 0;
    for (int i = 0; i < THREADS_MAX; i++) {
        if (next == head) {
            *ret_ns = sum;
            return 1;
        }
        struct task_struct *thread = (void *)next - bpf_core_field_offset(struct task_struct, thread_node);
        sum += BPF_CORE_READ(thread, se.sum_exec_runtime);
        next = BPF_CORE_READ(thread, thread_node.next);
    }
    return 0;
}

/* CPU time of the whole process, dead threads too: what was released plus what lives, with no release in
 * between. */
static __always_inline bool sum_process(struct task_struct *task, __u64 *ret_ns) {
    struct signal_struct *signal = task->signal;
    for (int i = 0; i < ATTEMPTS; i++) {
        __u32 sequence = sequence_of(signal);
        if (sequence & 1)
            continue;
        barrier();
        __u64 living = 0;
        if (signal->nr_threads <= 1)
            living = task->se.sum_exec_runtime;
        else if (!sum_threads(signal, &living))
            return 0;
        __u64 released = signal->sum_sched_runtime;
        barrier();
        if (sequence_of(signal) == sequence) {
            *ret_ns = released + living;
            return 1;
        }
    }
    return 0;
}

static __always_inline void copy_name(struct process_record *record, struct task_struct *task) {
    __builtin_memcpy(record->comm, task->comm, sizeof record->comm);
}

SEC("iter/task")
int on_task(struct bpf_iter__task *context) {
    struct task_struct *task = context->task;
    if (!task || task->pid != task->tgid)
        return 0;
    struct process_record record = {
        .pid = task->tgid,
        .parent_pid = task->real_parent->tgid,
        .start_ns = task->start_boottime,
        .cgroup_id = cgroup_of(task),
        .flags = task->flags & PF_KTHREAD ? PROCESS_RECORD_KERNEL : 0,
    };
    if (!sum_process(task, &record.cpu_ns)) {
        record.flags |= PROCESS_RECORD_PARTIAL;
        __sync_fetch_and_add(&partial_count, 1);
    }
    copy_name(&record, task);
    bpf_seq_write(context->meta->seq, &record, sizeof record);
    return 0;
}

/* The end of a process: its last thread is released, switched away from, and out of every reader's sight. By
 * then all its threads' time has come together in the group, the leader's own included. */
SEC("tp_btf/sched_process_free")
int on_free(__u64 *context) {
    struct task_struct *task = (void *)context[0];
    if (task->pid != task->tgid)
        return 0; /* a thread, or the leader that an exec in another thread replaced */
    struct process_record *record = bpf_ringbuf_reserve(&exits, sizeof *record, 0);
    if (!record) {
        __sync_fetch_and_add(&exits_lost, 1);
        return 0;
    }
    __u64 group_ns = task->signal->sum_sched_runtime, leader_ns = task->se.sum_exec_runtime;
    record->pid = task->tgid;
    /* A parent that ended since is still in memory, but for the rarest of cases, where this may be wrong. */
    record->parent_pid = task->real_parent->tgid;
    record->start_ns = task->start_boottime;
    record->cgroup_id = cgroup_of(task);
    /* Its last moments after the release are only in its own counter. */
    record->cpu_ns = group_ns > leader_ns ? group_ns : leader_ns;
    copy_name(record, task);
    record->flags = PROCESS_RECORD_EXITED | (task->flags & PF_KTHREAD ? PROCESS_RECORD_KERNEL : 0);
    record->padding = 0;
    bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
    return 0;
}
