/* What a look at N sleeping processes costs: each load's sample against the bare mechanism, and cgroups by
 * number. `loads [PROCESSES [CGROUPS [TICKS]]]`; the last line has the ratios. */
#include "bare.h"
#include "load/hierarchy.h"
#include "load/table.h"
#include "sleepers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TICKS_MAX = 1000, CGROUPS_MAX = 10000 };

struct subject {
    const char *name;
    struct bare_iter *iter;
    struct bare_clock *clock;
    struct jb_load *load;
    struct jb_sample sample;
    uint64_t cost_ns[TICKS_MAX];
    size_t count, tick;
    double median_us;
};

static int by_value(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static enum jb_code look(struct subject *subject, struct jb_error *error) {
    struct bare_tick tick = {0};
    enum jb_code code;
    uint64_t start_ns = bare_cpu_ns();
    if (subject->iter) {
        code = bare_iter_tick(subject->iter, error, &tick);
    } else if (subject->clock) {
        code = bare_clock_tick(subject->clock, error, &tick);
    } else {
        subject->sample.process_count = subject->sample.cgroup_count = 0;
        code = subject->load->ops->sample(subject->load, &subject->sample, error);
        tick.process_count = subject->sample.process_count + subject->sample.cgroup_count;
    }
    if (subject->tick < TICKS_MAX)
        subject->cost_ns[subject->tick++] = bare_cpu_ns() - start_ns;
    subject->count = tick.process_count;
    return code;
}

/* Rounds in which each subject has its turn, so that a busy moment of the machine falls on all alike; every
 * other round runs backwards, so that none always finds the caches warmed by the one before. */
static int run(struct subject *subjects, size_t count, size_t ticks) {
    struct jb_error error = {0};
    for (size_t tick = 0; tick < ticks; tick++) {
        for (size_t turn = 0; turn < count; turn++) {
            size_t i = tick % 2 ? count - 1 - turn : turn;
            if (look(&subjects[i], &error)) {
                fprintf(stderr, "%s: %s\n", subjects[i].name, error.message);
                return 4;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct subject *subject = &subjects[i];
        qsort(subject->cost_ns, subject->tick, sizeof *subject->cost_ns, by_value);
        subject->median_us = (double)subject->cost_ns[subject->tick / 2] / 1e3;
        printf("%-24s %6zu seen %10.1f us a look %8.3f us each\n", subject->name, subject->count,
               subject->median_us, subject->median_us / (double)(subject->count ? subject->count : 1));
    }
    return 0;
}

static struct jb_load *open_load(const struct jb_load_ops *ops, const struct jb_load_context *context) {
    struct jb_error error = {0};
    struct jb_load *load = NULL;
    if (ops->open(context, &error, &load))
        printf("%s: %s\n", ops->name, error.message);
    return load;
}

/* Empty cgroups below the hierarchy's root, made and removed by the bench; 0 where that is not permitted. */
static size_t make_cgroups(const char *mount, size_t count, bool make) {
    size_t done = 0;
    char path[4200];
    snprintf(path, sizeof path, "%s/joulebook-bench-%d", mount, getpid());
    if (make && mkdir(path, 0755) < 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/joulebook-bench-%d/%zu", mount, getpid(), i);
        if ((make ? mkdir(path, 0755) : rmdir(path)) == 0)
            done++;
    }
    snprintf(path, sizeof path, "%s/joulebook-bench-%d", mount, getpid());
    if (!make)
        rmdir(path);
    return done;
}

static struct subject subjects[8];

static int measure_processes(const struct jb_load_context *context, size_t ticks, double *ret_over_bpf,
                             double *ret_over_clock) {
    struct jb_error error = {0};
    size_t count = 0, iter = 0, bpf = 0, clock = 0, own = 0;
    struct bare_iter *bare = NULL;
    if (!bare_iter_open((size_t)128 << 10, &error, &bare)) {
        subjects[iter = count++] = (struct subject){.name = "bare iter/task", .iter = bare};
        struct jb_load *load = open_load(&jb_load_process_bpf, context);
        if (load)
            subjects[bpf = count++] = (struct subject){.name = "process_bpf sample", .load = load};
    } else {
        printf("bare iter/task: %s\n", error.message);
    }
    struct bare_clock *bare_clock = NULL;
    if (!bare_clock_open(&error, &bare_clock)) {
        subjects[clock = count++] = (struct subject){.name = "bare clocks", .clock = bare_clock};
        struct jb_load *load = open_load(&jb_load_process_clock, context);
        if (load)
            subjects[own = count++] = (struct subject){.name = "process_clock sample", .load = load};
    }
    int status = run(subjects, count, ticks);
    if (!status && bpf)
        *ret_over_bpf = subjects[bpf].median_us / subjects[iter].median_us;
    if (!status && own)
        *ret_over_clock = subjects[own].median_us / subjects[clock].median_us;
    for (size_t i = 0; i < count; i++) {
        bare_iter_close(subjects[i].iter);
        bare_clock_close(subjects[i].clock);
        if (subjects[i].load)
            subjects[i].load->ops->close(subjects[i].load);
        free(subjects[i].sample.processes);
    }
    return status;
}

static int measure_cgroups(const struct jb_load_context *context, size_t wanted, size_t ticks,
                           double *ret_each_us) {
    struct jb_hierarchy hierarchy;
    struct jb_error error = {0};
    if (jb_hierarchy_find(context->root, &error, &hierarchy)) {
        printf("cgroups: %s\n", error.message);
        return 0;
    }
    size_t made = make_cgroups(hierarchy.mount, wanted, true);
    if (made < wanted)
        printf("cgroups: %zu of %zu could be made below %s\n", made, wanted, hierarchy.mount);
    struct jb_load *load = open_load(&jb_load_cgroup, context);
    int status = 0;
    if (load) {
        subjects[0] = (struct subject){.name = hierarchy.unified ? "cgroup v2 sample" : "cgroup v1 sample",
                                       .load = load};
        status = run(subjects, 1, ticks);
        *ret_each_us = subjects[0].median_us / (double)(subjects[0].count ? subjects[0].count : 1);
        load->ops->close(load);
        free(subjects[0].sample.cgroups);
    }
    make_cgroups(hierarchy.mount, wanted, false);
    return status;
}

static size_t argument(int count, char **values, int index, size_t otherwise, size_t most) {
    size_t value = count > index ? strtoul(values[index], NULL, 10) : otherwise;
    return value > most ? most : value;
}

int main(int argument_count, char **arguments) {
    size_t processes = argument(argument_count, arguments, 1, 5000, SLEEPERS_MAX);
    size_t cgroups = argument(argument_count, arguments, 2, 1000, CGROUPS_MAX);
    size_t ticks = argument(argument_count, arguments, 3, 20, TICKS_MAX);
    struct jb_error error = {0};
    struct jb_root root;
    struct sleepers sleepers = {0};
    if (jb_root_open("/", &error, &root) || sleepers_start(processes, &error, &sleepers)) {
        fprintf(stderr, "loads: %s\n", error.message);
        return 4;
    }
    struct jb_load_context context = {.root = &root, .clock = &jb_clock_system};
    double over_bpf = 0, over_clock = 0, cgroup_us = 0;
    int status = measure_processes(&context, ticks ? ticks : 1, &over_bpf, &over_clock);
    sleepers_stop(&sleepers);
    if (!status)
        status = measure_cgroups(&context, cgroups, ticks ? ticks : 1, &cgroup_us);
    jb_root_close(&root);
    if (!status)
        printf("loads: over_bpf=%.2f over_clock=%.2f cgroup_us=%.2f\n", over_bpf, over_clock, cgroup_us);
    return status;
}
