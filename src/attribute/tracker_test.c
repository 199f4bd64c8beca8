/* The tracker on made-up samples: exits, PID reuse, exec, moves, cgroups that come and go, thousands of
 * processes. */
#include "attribute/tracker.h"

#include "base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static void name_by_comm(struct jb_namer *namer, const struct jb_process_usage *process, char *ret,
                         size_t size) {
    (void)namer;
    snprintf(ret, size, "%s", process->comm);
}

struct world {
    struct jb_namer namer;
    struct jb_slots *slots;
    struct jb_tracker *tracker;
    struct jb_sample sample;
    struct jb_cgroup_usage cgroups[1200];
    struct jb_process_usage processes[6000];
};

static int make_world(void **state) {
    struct world *world = calloc(1, sizeof *world);
    world->namer.name = name_by_comm;
    assert_int_equal(jb_slots_make(NULL, &world->slots), JB_OK);
    assert_int_equal(jb_tracker_make(world->slots, &world->namer, NULL, &world->tracker), JB_OK);
    world->sample.cgroups = world->cgroups;
    world->sample.processes = world->processes;
    world->sample.boottime_ns = 100 * 1000000000LL;
    *state = world;
    return 0;
}

static int free_world(void **state) {
    struct world *world = *state;
    jb_tracker_free(world->tracker);
    jb_slots_free(world->slots);
    free(world);
    return 0;
}

static void add_cgroup(struct world *world, uint64_t id, const char *path, uint32_t parent, uint64_t cpu_ns) {
    world->cgroups[world->sample.cgroup_count++] = (struct jb_cgroup_usage){
        .id = id, .path = path, .parent = parent, .serial = (uint32_t)id, .cpu_ns = cpu_ns};
}

static void add_process(struct world *world, int32_t pid, uint64_t start_ns, uint64_t cgroup_id,
                        const char *comm, uint64_t cpu_ns, uint32_t flags) {
    struct jb_process_usage *process = &world->processes[world->sample.process_count++];
    *process = (struct jb_process_usage){
        .pid = pid, .start_ns = start_ns, .cgroup_id = cgroup_id, .cpu_ns = cpu_ns, .flags = flags};
    snprintf(process->comm, sizeof process->comm, "%s", comm);
}

static void tick(struct world *world) {
    assert_int_equal(jb_tracker_update(world->tracker, &world->sample, NULL), JB_OK);
    world->sample.cgroup_count = world->sample.process_count = 0;
    world->sample.boottime_ns += 1000000000LL;
}

/* CPU ns of a leaf in the last tick. */
static uint64_t cpu_of(struct world *world, enum jb_leaf leaf, const char *cgroup, const char *process) {
    const struct jb_tracker_tick *usage = jb_tracker_last(world->tracker);
    for (size_t i = 0; i < usage->cpu_count; i++) {
        struct jb_slot slot = jb_slots_get(world->slots, usage->cpu[i].slot);
        if (slot.leaf == leaf && strcmp(slot.cgroup, cgroup) == 0 && strcmp(slot.process, process) == 0)
            return usage->cpu[i].amount;
    }
    return 0;
}

static void growth_counts_from_the_first_sample(void **state) {
    struct world *world = *state;
    add_process(world, 10, 5 * MS, 0, "old", 900 * MS, 0);
    tick(world);
    assert_int_equal(jb_tracker_last(world->tracker)->cpu_count, 0);
    add_process(world, 10, 5 * MS, 0, "old", 950 * MS, 0);
    add_process(world, 11, 100500 * MS, 0, "new", 30 * MS, 0);
    tick(world);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/", "old"), 50 * MS);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/", "new"), 30 * MS);
}

static void a_reused_pid_is_another_process(void **state) {
    struct world *world = *state;
    add_process(world, 10, 5 * MS, 0, "a", 500 * MS, 0);
    tick(world);
    /* The first ended at 510 ms of CPU, another took its pid and is already further than it ever was. */
    add_process(world, 10, 5 * MS, 0, "a", 510 * MS, JB_PROCESS_EXITED);
    add_process(world, 10, 100300 * MS, 0, "b", 600 * MS, 0);
    tick(world);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/", "a"), 10 * MS);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/", "b"), 600 * MS);
    add_process(world, 10, 100300 * MS, 0, "b", 601 * MS, 0);
    tick(world);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/", "a"), 0);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/", "b"), 1 * MS);
}

static void an_exit_that_comes_late_or_twice_counts_once(void **state) {
    struct world *world = *state;
    add_process(world, 10, 5 * MS, 0, "a", 100 * MS, 0);
    tick(world);
    tick(world);
    tick(world); /* gone from the list, its record is under way */
    add_process(world, 10, 5 * MS, 0, "a", 140 * MS, JB_PROCESS_EXITED);
    add_process(world, 10, 5 * MS, 0, "a", 140 * MS, JB_PROCESS_EXITED);
    tick(world);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/", "a"), 40 * MS);
    tick(world);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/", "a"), 0);
}

static void exec_and_moves_change_the_leaf(void **state) {
    struct world *world = *state;
    for (int round = 0; round < 3; round++) {
        add_cgroup(world, 1, "/", 0, 0);
        add_cgroup(world, 2, "/x", 0, 0);
        add_process(world, 10, 5 * MS, round == 2 ? 2 : 1, round ? "after" : "before",
                    (uint64_t)(round + 1) * 10 * MS, 0);
        tick(world);
    }
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/", "after"), 0);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/x", "after"), 10 * MS);
}

static void what_no_process_shows_is_exited_of_the_right_cgroup(void **state) {
    struct world *world = *state;
    uint64_t exited_ns = 0;
    for (uint64_t round = 0; round < 12; round++) {
        /* /a uses 100 ms a tick, of which its one long process shows 30; its child /a/b uses 50, all shown.
         */
        add_cgroup(world, 1, "/", 0, 150 * MS * round);
        add_cgroup(world, 2, "/a", 0, 150 * MS * round);
        add_cgroup(world, 3, "/a/b", 1, 50 * MS * round);
        add_process(world, 10, 5 * MS, 2, "long", 30 * MS * round, 0);
        add_process(world, 11, 5 * MS, 3, "child", 50 * MS * round, 0);
        tick(world);
        exited_ns += cpu_of(world, JB_LEAF_EXITED, "/a", "");
        assert_int_equal(cpu_of(world, JB_LEAF_EXITED, "/", ""), 0);
        assert_int_equal(cpu_of(world, JB_LEAF_EXITED, "/a/b", ""), 0);
        if (round)
            assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/a", "long"), 30 * MS);
    }
    /* 70 ms a tick; the last ones may still be waiting for an exit record. */
    assert_in_range(exited_ns, 70 * MS * 7, 70 * MS * 11);
}

static void exits_that_arrive_are_not_exited_too(void **state) {
    struct world *world = *state;
    uint64_t exited_ns = 0, shown_ns = 0;
    for (uint64_t round = 0; round < 30; round++) {
        add_cgroup(world, 1, "/", 0, 10 * MS * round);
        add_cgroup(world, 2, "/a", 0, 10 * MS * round);
        /* Each tick a process lived and used 10 ms; its record comes two ticks later. */
        if (round > 2)
            add_process(world, (int32_t)(100 + round), (100000 + 1000 * round) * MS, 2, "brief", 10 * MS,
                        JB_PROCESS_EXITED);
        tick(world);
        exited_ns += cpu_of(world, JB_LEAF_EXITED, "/a", "");
        shown_ns += cpu_of(world, JB_LEAF_PROCESS, "/a", "brief");
    }
    assert_int_equal(shown_ns, 27 * 10 * MS);
    assert_true(exited_ns <= 20 * MS);
}

static void a_cgroup_that_goes_leaves_its_use_with_its_parent(void **state) {
    struct world *world = *state;
    add_cgroup(world, 1, "/", 0, 0);
    tick(world);
    add_cgroup(world, 1, "/", 0, 40 * MS);
    add_cgroup(world, 2, "/job", 0, 40 * MS);
    add_process(world, 10, 100500 * MS, 2, "work", 40 * MS, 0);
    tick(world);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/job", "work"), 40 * MS);
    /* The job ends and its cgroup is removed; 5 ms more show in the root's counter and in the exit record. */
    uint64_t exited_ns = 0;
    add_cgroup(world, 1, "/", 0, 45 * MS);
    add_process(world, 10, 100500 * MS, 2, "work", 45 * MS, JB_PROCESS_EXITED);
    tick(world);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/job", "work"), 5 * MS);
    for (int i = 0; i < 10; i++) {
        add_cgroup(world, 1, "/", 0, 45 * MS);
        tick(world);
        exited_ns += cpu_of(world, JB_LEAF_EXITED, "/", "");
    }
    assert_int_equal(exited_ns, 0);
}

static void a_process_in_an_unseen_cgroup_waits_for_it(void **state) {
    struct world *world = *state;
    add_cgroup(world, 1, "/", 0, 0);
    tick(world);
    add_cgroup(world, 1, "/", 0, 10 * MS);
    add_process(world, 10, 100500 * MS, 9, "early", 10 * MS, 0);
    tick(world);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/", "early"), 0);
    add_cgroup(world, 1, "/", 0, 25 * MS);
    add_cgroup(world, 9, "/late", 0, 25 * MS);
    add_process(world, 10, 100500 * MS, 9, "early", 25 * MS, 0);
    tick(world);
    assert_int_equal(cpu_of(world, JB_LEAF_PROCESS, "/late", "early"), 25 * MS);
}

static void host_time_has_leaves_of_its_own(void **state) {
    struct world *world = *state;
    world->sample.host =
        (struct jb_host_usage){.present = true, .interrupt_ns = 50 * MS, .steal_ns = 70 * MS};
    add_process(world, 2, 0, 0, "kthreadd", 5 * MS, JB_PROCESS_KERNEL);
    tick(world);
    world->sample.host.interrupt_ns += 3 * MS;
    world->sample.host.steal_ns += 4 * MS;
    add_process(world, 2, 0, 0, "kthreadd", 11 * MS, JB_PROCESS_KERNEL);
    tick(world);
    assert_int_equal(cpu_of(world, JB_LEAF_INTERRUPT, "", ""), 3 * MS);
    assert_int_equal(cpu_of(world, JB_LEAF_STEAL, "", ""), 4 * MS);
    assert_int_equal(cpu_of(world, JB_LEAF_KERNEL, "", ""), 6 * MS);
}

static void memory_is_shared_by_cpu_time_within_its_cgroup(void **state) {
    struct world *world = *state;
    for (uint64_t round = 0; round < 2; round++) {
        add_cgroup(world, 1, "/", 0, 0);
        add_cgroup(world, 2, "/a", 0, 0);
        add_cgroup(world, 3, "/asleep", 0, 0);
        world->cgroups[1].memory_bytes = 400;
        world->cgroups[2].memory_bytes = 100;
        world->sample.host.memory_total_bytes = 1000;
        add_process(world, 10, 5 * MS, 2, "three", 30 * MS * round, 0);
        add_process(world, 11, 5 * MS, 2, "one", 10 * MS * round, 0);
        tick(world);
    }
    const struct jb_tracker_tick *usage = jb_tracker_last(world->tracker);
    assert_int_equal(usage->memory_unheld_bytes, 500);
    assert_int_equal(usage->memory_count, 3);
    for (size_t i = 0; i < usage->memory_count; i++) {
        struct jb_slot slot = jb_slots_get(world->slots, usage->memory[i].slot);
        uint64_t expected = slot.leaf == JB_LEAF_UNATTRIBUTED    ? 100
                            : strcmp(slot.process, "three") == 0 ? 300
                                                                 : 100;
        assert_int_equal(usage->memory[i].amount, expected);
    }
}

/* 5,000 processes in 1,000 cgroups: exact, and once warm nothing is allocated. */
static void thousands_are_exact_and_warm_ticks_allocate_nothing(void **state) {
    struct world *world = *state;
    static char paths[1000][32];
    size_t growths = 0;
    for (uint64_t round = 0; round < 8; round++) {
        add_cgroup(world, 1, "/", 0, 5000 * MS * round);
        for (uint32_t i = 1; i < 1000; i++) {
            snprintf(paths[i], sizeof paths[i], "/group%u", i);
            add_cgroup(world, i + 1, paths[i], 0, 5 * MS * round);
        }
        for (int32_t i = 0; i < 5000; i++)
            add_process(world, 100 + i, 5 * MS, (uint64_t)(i % 1000) + 1, "worker", 1 * MS * round, 0);
        tick(world);
        uint64_t sum_ns = 0;
        const struct jb_tracker_tick *usage = jb_tracker_last(world->tracker);
        for (size_t i = 0; i < usage->cpu_count; i++)
            sum_ns += usage->cpu[i].amount;
        assert_int_equal(sum_ns, round ? 5000 * MS : 0);
        if (round == 3)
            growths = jb_array_growths();
    }
    assert_int_equal(jb_array_growths(), growths);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(growth_counts_from_the_first_sample, make_world, free_world),
        cmocka_unit_test_setup_teardown(a_reused_pid_is_another_process, make_world, free_world),
        cmocka_unit_test_setup_teardown(an_exit_that_comes_late_or_twice_counts_once, make_world, free_world),
        cmocka_unit_test_setup_teardown(exec_and_moves_change_the_leaf, make_world, free_world),
        cmocka_unit_test_setup_teardown(what_no_process_shows_is_exited_of_the_right_cgroup, make_world,
                                        free_world),
        cmocka_unit_test_setup_teardown(exits_that_arrive_are_not_exited_too, make_world, free_world),
        cmocka_unit_test_setup_teardown(a_cgroup_that_goes_leaves_its_use_with_its_parent, make_world,
                                        free_world),
        cmocka_unit_test_setup_teardown(a_process_in_an_unseen_cgroup_waits_for_it, make_world, free_world),
        cmocka_unit_test_setup_teardown(host_time_has_leaves_of_its_own, make_world, free_world),
        cmocka_unit_test_setup_teardown(memory_is_shared_by_cpu_time_within_its_cgroup, make_world,
                                        free_world),
        cmocka_unit_test_setup_teardown(thousands_are_exact_and_warm_ticks_allocate_nothing, make_world,
                                        free_world),
    };
    return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
