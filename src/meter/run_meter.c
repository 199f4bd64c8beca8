/* The loop of `run`: sample at the start, while the command runs, and right after its end. */
#include "meter/run_meter.h"

#include "base/array.h"
#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#define RESET_EVERY_NS (60 * JB_SECOND_NS)

/* What lives as long as the command. */
struct run {
    const struct jb_run_options *options;
    struct jb_run_result *result;
    struct jb_sampler *sampler; /* NULL: no usage can be read here */
    struct jb_run_group *group; /* NULL: by descent */
    struct jb_run_members *members;
    const bool *is_member; /* of the last tick's processes */
    struct jb_slot *slots;
    size_t slot_capacity;
    bool *slot_held;
    size_t held_capacity;
    int64_t collected_ns; /* boottime of the last collection */
};

static void run_close(struct run *run) {
    jb_sampler_close(run->sampler);
    jb_run_members_free(run->members);
    jb_run_group_free(run->group);
    free(run->slots);
    free(run->slot_held);
}

/* Takes a sample and adds it up. */
static enum jb_code sample(struct run *run, struct jb_error *error) {
    enum jb_code code = jb_sampler_tick(run->sampler, error);
    if (code)
        return code;
    const struct jb_tick *tick = jb_sampler_last(run->sampler);
    code =
        jb_array_reserve(&run->slots, &run->slot_capacity, tick->slot_count, SIZE_MAX / 64, "slots", error);
    if (!code)
        code = jb_array_reserve(&run->slot_held, &run->held_capacity, tick->slot_count, SIZE_MAX / 64,
                                "slots", error);
    if (code)
        return code;
    for (size_t i = 0; i < tick->slot_count; i++) {
        run->slots[i] = jb_sampler_slot_or_none(run->sampler, (uint32_t)i);
        run->slot_held[i] = run->group && run->slots[i].cgroup && *run->slots[i].cgroup &&
                            jb_run_group_holds(run->group, run->slots[i].cgroup);
    }
    if (run->group)
        code = jb_run_members_by_slot(run->members, tick->processes, tick->process_count, run->slot_held,
                                      tick->slot_count, error, &run->is_member);
    else
        code = jb_run_members_by_descent(run->members, tick->processes, tick->process_count, error,
                                         &run->is_member);
    if (code)
        return code;
    struct jb_run_selection selection = {.slot_held = run->group ? run->slot_held : NULL,
                                         .is_member = run->is_member};
    jb_run_energy_add(&run->result->energy, tick, run->slots, selection);
    run->result->end_realtime_ns = tick->realtime_ns;
    run->result->end_boottime_ns = tick->boottime_ns;
    return JB_OK;
}

static void collect(struct run *run) {
    const struct jb_tick *tick = jb_sampler_last(run->sampler);
    jb_run_energy_collect(&run->result->energy, tick->domains, tick->domain_count,
                          jb_sampler_attribution(run->sampler), run->slot_held, tick->slot_count);
    run->collected_ns = tick->boottime_ns;
}

/* In a long run: gives the sampler's unused rows back and looks for devices that came or went. */
static enum jb_code begin_anew(struct run *run, struct jb_error *error) {
    if (jb_sampler_last(run->sampler)->boottime_ns - run->collected_ns < RESET_EVERY_NS)
        return JB_OK;
    collect(run);
    return jb_sampler_reset(run->sampler, error);
}

/* The same where a failure only costs knowledge. */
static void try_sample(struct run *run) {
    struct jb_error why = {0};
    if (run->sampler && (sample(run, &why) || begin_anew(run, &why)) && !run->result->why_no_energy.code)
        run->result->why_no_energy = why;
}

static void open_sampler(struct run *run) {
    struct jb_run_result *result = run->result;
    struct jb_sampler_options options = run->options->sampler;
    options.want_processes = true;
    if (jb_sampler_open(&options, &result->why_no_energy, &run->sampler))
        return;
    snprintf(result->host, sizeof result->host, "%s", jb_sampler_host(run->sampler));
    snprintf(result->boot_id, sizeof result->boot_id, "%s", jb_sampler_boot_id(run->sampler));
    snprintf(result->process_load, sizeof result->process_load, "%s", jb_sampler_process_load(run->sampler));
    snprintf(result->notes, sizeof result->notes, "%s", jb_sampler_notes(run->sampler));
}

static bool is_over(struct run *run) {
    struct jb_run_child *child = &run->result->child;
    if (!child->ended)
        return false;
    if (!run->options->wait_all || child->asked_to_end)
        return true;
    return run->group ? jb_run_group_members(run->group, NULL) == 0 : !jb_run_child_has_more(child);
}

/* Rows may carry the pids of another namespace than ours (BPF inside a container): then our own pid there is
 * somebody else, and descent by rows would count strangers. The waiting child shows which it is. */
static enum jb_code check_descent(struct run *run, struct jb_error *error) {
    const struct jb_tick *tick = run->sampler ? jb_sampler_last(run->sampler) : NULL;
    for (size_t i = 0; tick && i < tick->process_count; i++) {
        if (tick->processes[i].pid == run->result->child.pid && tick->processes[i].parent_pid == getpid())
            return JB_OK;
    }
    struct jb_run_members *nobody;
    enum jb_code code = jb_run_members_make(-1, error, &nobody);
    if (code)
        return code;
    jb_run_members_free(run->members);
    run->members = nobody;
    run->is_member = NULL;
    return JB_OK;
}

/* Waits for the end, with a sample each interval. */
static void run_loop(struct run *run) {
    const struct jb_clock *clock = run->options->sampler.clock;
    int64_t interval_ns = run->options->interval_ns;
    int64_t due_ns = clock->boottime_ns(clock) + interval_ns;
    while (!is_over(run)) {
        int64_t now_ns = clock->boottime_ns(clock);
        if (now_ns >= due_ns) {
            try_sample(run);
            now_ns = clock->boottime_ns(clock);
            /* After a stop (Ctrl-Z) or a slow sample the beat starts anew instead of catching up. */
            due_ns += interval_ns;
            if (due_ns <= now_ns)
                due_ns = now_ns + interval_ns;
        }
        int64_t wait_ms = (due_ns - now_ns + 999999) / 1000000;
        jb_run_child_wait(&run->result->child, wait_ms > 60000 ? 60000 : (int)wait_ms);
    }
}

/* A row may still stand for a process whose end was not reported yet. */
static bool is_alive(const struct jb_process_tick *process) {
    return !(process->flags & JB_PROCESS_EXITED) && (kill(process->pid, 0) == 0 || errno == EPERM);
}

static uint64_t timeval_ns(struct timeval time) {
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_usec * 1000;
}

/* Divides total between user and system as `user` and `system` stand to each other. */
static void divide_cpu(struct jb_run_result *result, uint64_t user_ns, uint64_t system_ns) {
    uint64_t sum_ns = user_ns + system_ns;
    if (sum_ns == 0)
        return;
    result->user_ns = (uint64_t)((double)result->cpu_ns * ((double)user_ns / (double)sum_ns));
    result->system_ns = result->cpu_ns - result->user_ns;
}

/* CPU time as the kernel counted it: of the group, else of all that were waited for and the rest alive. */
static void settle_cpu(struct run *run) {
    struct jb_run_result *result = run->result;
    uint64_t user_ns = timeval_ns(result->child.usage.ru_utime);
    uint64_t system_ns = timeval_ns(result->child.usage.ru_stime);
    uint64_t waited_ns = user_ns + system_ns;
    if (run->group &&
        !jb_run_group_cpu(run->group, NULL, &result->cpu_ns, &result->user_ns, &result->system_ns) &&
        result->cpu_ns > 0) {
        /* cgroup v1 samples user and system at ticks, which says little of a short command; what was waited
         * for says more where it is nearly all. */
        if ((double)waited_ns > 0.9 * (double)result->cpu_ns)
            divide_cpu(result, user_ns, system_ns);
        else
            divide_cpu(result, result->user_ns, result->system_ns);
        return;
    }
    result->cpu_ns = waited_ns;
    const struct jb_tick *tick = run->sampler ? jb_sampler_last(run->sampler) : NULL;
    for (size_t i = 0; tick && run->is_member && i < tick->process_count; i++) {
        if (run->is_member[i] && is_alive(&tick->processes[i]))
            result->cpu_ns += tick->processes[i].cpu_total_ns;
    }
    /* Children that nobody waits for are in no rusage, but on rows. */
    if (result->energy.member_cpu_ns > result->cpu_ns)
        result->cpu_ns = result->energy.member_cpu_ns;
    divide_cpu(result, user_ns, system_ns);
}

static void settle_left(struct run *run) {
    struct jb_run_result *result = run->result;
    if (run->group) {
        result->left_count = jb_run_group_members(run->group, result->left_pids);
        return;
    }
    const struct jb_tick *tick = run->sampler ? jb_sampler_last(run->sampler) : NULL;
    for (size_t i = 0; tick && run->is_member && i < tick->process_count; i++) {
        const struct jb_process_tick *process = &tick->processes[i];
        if (!run->is_member[i] || process->pid == result->child.pid || !is_alive(process))
            continue;
        if (result->left_count < JB_RUN_PID_CEILING)
            result->left_pids[result->left_count] = process->pid;
        result->left_count++;
    }
}

static void name_group(struct run *run) {
    struct jb_run_result *result = run->result;
    if (!run->group) {
        if (!result->why_no_group.code)
            jb_error_set(&result->why_no_group, JB_PERMISSION,
                         "the command could not enter the control group made for it");
        return;
    }
    snprintf(result->cgroup, sizeof result->cgroup, "%s", jb_run_group_path(run->group));
}

static enum jb_code measure(struct run *run, struct jb_error *error) {
    const struct jb_run_options *options = run->options;
    struct jb_run_result *result = run->result;
    const struct jb_clock *clock = options->sampler.clock;
    if (options->without_group)
        jb_error_set(&result->why_no_group, JB_USAGE, "asked for with --no-cgroup");
    else
        (void)jb_run_group_make(options->sampler.root, &result->why_no_group, &run->group);
    enum jb_code code = jb_run_members_make(getpid(), error, &run->members);
    /* The child waits in its group while the starting point is sampled, so nothing of it is missed. It is
     * forked before the sampler opens anything that it could inherit. */
    if (!code)
        code = jb_run_child_start(options->argv, &run->group, options->restore_pipe, error, &result->child);
    if (code)
        return code;
    name_group(run);
    open_sampler(run);
    result->start_realtime_ns = clock->realtime_ns(clock);
    result->start_boottime_ns = clock->boottime_ns(clock);
    try_sample(run);
    if (run->sampler && !result->why_no_energy.code) {
        run->collected_ns = result->end_boottime_ns;
        result->start_realtime_ns = result->end_realtime_ns;
        result->start_boottime_ns = result->end_boottime_ns;
    }
    if (!run->group && (code = check_descent(run, error)))
        return code;
    int64_t began_ns = clock->boottime_ns(clock);
    code = jb_run_child_go(&result->child, options->argv[0], error);
    if (code)
        return code;
    run_loop(run);
    result->wall_ns = clock->boottime_ns(clock) - began_ns;
    try_sample(run);
    if (result->end_boottime_ns <= result->start_boottime_ns) {
        result->end_boottime_ns = result->start_boottime_ns + result->wall_ns;
        result->end_realtime_ns = result->start_realtime_ns + result->wall_ns;
    }
    if (run->sampler && run->group && run->slot_held)
        collect(run);
    settle_cpu(run);
    settle_left(run);
    result->seen = jb_run_members_seen(run->members);
    result->figure = jb_run_energy_figure(&result->energy, result->cpu_ns);
    return JB_OK;
}

enum jb_code jb_run_measure(const struct jb_run_options *options, struct jb_error *error,
                            struct jb_run_result *ret_result) {
    assert(options->interval_ns > 0 && options->argv[0]);
    _cleanup_free_ struct jb_run_result *result = calloc(1, sizeof *result);
    if (!result)
        return jb_error_set(error, JB_MEMORY, "run: out of memory");
    result->child =
        (struct jb_run_child){.go_descriptor = -1, .fail_descriptor = -1, .signal_descriptor = -1};
    struct run run = {.options = options, .result = result};
    enum jb_code code = measure(&run, error);
    run_close(&run);
    if (code)
        jb_run_child_close(&result->child);
    else
        *ret_result = *result;
    return code;
}
