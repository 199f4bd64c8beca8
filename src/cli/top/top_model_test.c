/* The rows of `top` from made-up ticks: sums, order, filter, tree, what ended, what is unknown. */
#include "cli/top/top_model.h"

#include "cli/top/top_format.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    SLOT_IDLE,
    SLOT_KERNEL,
    SLOT_INTERRUPT,
    SLOT_STEAL,
    SLOT_LOST,
    SLOT_WEB,
    SLOT_WEB_ENDED,
    SLOT_JOB,
    SLOTS
};

static const char docker[] =
    "/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope";

static const struct jb_slot slots[SLOTS] = {
    {.leaf = JB_LEAF_IDLE, .cgroup = "", .process = ""},
    {.leaf = JB_LEAF_KERNEL, .cgroup = "", .process = ""},
    {.leaf = JB_LEAF_INTERRUPT, .cgroup = "", .process = ""},
    {.leaf = JB_LEAF_STEAL, .cgroup = "", .process = ""},
    {.leaf = JB_LEAF_UNATTRIBUTED, .cgroup = "", .process = ""},
    {.leaf = JB_LEAF_PROCESS, .cgroup = "/system.slice/nginx.service", .process = "nginx"},
    {.leaf = JB_LEAF_EXITED, .cgroup = "/system.slice/nginx.service", .process = ""},
    {.leaf = JB_LEAF_PROCESS, .cgroup = docker, .process = "train"},
};

/* A second of 100 W: 40 idle, 5 kernel, 1 interrupt, 20 nginx, 4 exited there, 20 the container, 10 rest. */
static const uint64_t energy_uj[SLOTS] = {40000000, 5000000, 1000000, 0, 0, 20000000, 4000000, 20000000};
static const uint64_t cpu_ns[SLOTS] = {0, 100000000, 10000000, 0, 0, 400000000, 80000000, 400000000};

static struct jb_process_tick process(int32_t pid, int32_t parent, uint32_t slot, double joules,
                                      uint64_t busy_ns, const char *comm) {
    struct jb_process_tick made = {.pid = pid,
                                   .parent_pid = parent,
                                   .start_ns = (uint64_t)pid * 10,
                                   .slot = slot,
                                   .cpu_ns = busy_ns,
                                   .cpu_total_ns = busy_ns * 2,
                                   .energy_uj = joules * 1e6};
    memcpy(made.comm, comm, strlen(comm) + 1);
    return made;
}

#define PROCESSES 5
static void fill_processes(struct jb_process_tick processes[PROCESSES]) {
    processes[0] = process(1, 0, SLOT_WEB, 0, 0, "init");
    processes[1] = process(2, 0, SLOT_KERNEL, 5, 100000000, "kworker/0:1");
    processes[1].flags = JB_PROCESS_KERNEL;
    processes[2] = process(10, 1, SLOT_WEB, 12, 240000000, "nginx");
    processes[3] = process(11, 10, SLOT_WEB, 8, 160000000, "nginx");
    processes[4] = process(20, 1, SLOT_JOB, 20, 400000000, "train");
}

static struct jb_tick second(const struct jb_process_tick *processes, size_t count, uint64_t number,
                             const struct jb_metered_domain *domains, size_t domain_count) {
    return (struct jb_tick){.number = number,
                            .elapsed_ns = 1000000000,
                            .realtime_ns = INT64_C(1764000000000000000),
                            .domains = domains,
                            .domain_count = domain_count,
                            .processes = processes,
                            .process_count = count,
                            .slot_cpu_ns = cpu_ns,
                            .slot_energy_uj = energy_uj,
                            .slot_count = SLOTS,
                            .busy_ns = 990000000,
                            .idle_ns = 1010000000,
                            .cpu_count = 2,
                            .energy_uj = 100000000,
                            .host_power_w = 100};
}

static const struct jb_metered_domain meters[] = {
    {.domain = {.id = "hwmon/node", .account = "node", .uncertainty_ppm = 10000},
     .place = JB_COVER_AUTHORITY,
     .known = true,
     .energy_uj = 100000000},
    {.domain = {.id = "rapl/package-0", .account = "cpu0", .uncertainty_ppm = 20000},
     .place = JB_COVER_PART,
     .inside_authority = true,
     .known = true,
     .energy_uj = 90000000,
     .idle_uj = 40000000}};

static struct jb_top_model *make(void) {
    struct jb_top_model *model;
    assert_int_equal(jb_top_model_make(NULL, &model), JB_OK);
    return model;
}

static struct jb_top_model *make_with_second(void) {
    struct jb_top_model *model = make();
    struct jb_process_tick processes[PROCESSES];
    fill_processes(processes);
    struct jb_tick tick = second(processes, PROCESSES, 2, meters, JB_COUNT(meters));
    assert_int_equal(jb_top_model_update(model, &tick, slots, NULL), JB_OK);
    return model;
}

static const struct jb_top_row *arrange(struct jb_top_model *model, struct jb_top_settings settings,
                                        size_t *ret_count) {
    assert_int_equal(jb_top_model_arrange(model, &settings, NULL), JB_OK);
    return jb_top_model_rows(model, ret_count);
}

static void assert_near(double actual, double expected) {
    if (fabs(actual - expected) > 1e-6)
        fail_msg("%.9g is not %.9g", actual, expected);
}

static double sum_w(const struct jb_top_row *rows, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += rows[i].power_w;
    return sum;
}

static double sum_j(const struct jb_top_row *rows, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += rows[i].energy_j;
    return sum;
}

static const struct jb_top_row *named(const struct jb_top_row *rows, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    fail_msg("no row '%s'", name);
    return NULL;
}

static bool has_row(const struct jb_top_row *rows, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return true;
    }
    return false;
}

static void test_rows_sum_to_the_host_in_every_view(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make_with_second();
    for (int by = 0; by < JB_TOP_BY_COUNT; by++) {
        for (int flags = 0; flags < 4; flags++) {
            size_t count;
            const struct jb_top_row *rows =
                arrange(model,
                        (struct jb_top_settings){
                            .by = (enum jb_top_by)by, .is_tree = flags & 1, .hides_kernel = flags & 2},
                        &count);
            assert_near(sum_w(rows, count), 100);
            assert_near(sum_j(rows, count), 100);
        }
    }
}

static void test_by_process(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make_with_second();
    size_t count;
    const struct jb_top_row *rows = arrange(model, (struct jb_top_settings){0}, &count);
    /* idle 40, train 20, nginx 12, rest 10, nginx 8, kworker 5, exited 4, interrupt 1, init 0 */
    static const double powers[] = {40, 20, 12, 10, 8, 5, 4, 1, 0};
    assert_int_equal(count, JB_COUNT(powers));
    for (size_t i = 0; i < count; i++)
        assert_near(rows[i].power_w, powers[i]);
    assert_string_equal(rows[1].name, "train");
    assert_string_equal(rows[1].group, "0123456789ab");
    assert_int_equal(rows[1].pid, 20);
    assert_near(rows[1].share, 0.2);
    assert_near(rows[1].cpus, 0.4);
    assert_int_equal(rows[1].time_ns, 800000000);
    assert_string_equal(rows[2].group, "nginx");
    assert_string_equal(rows[3].name, "rest");
    assert_string_equal(rows[6].name, "exited");
    assert_near(rows[6].cpus, 0.08);
}

static void test_energy_of_the_ended_stays_in_the_total(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make_with_second();
    struct jb_process_tick processes[PROCESSES];
    fill_processes(processes);
    processes[4].flags = JB_PROCESS_EXITED;
    struct jb_tick tick = second(processes, PROCESSES, 3, meters, JB_COUNT(meters));
    assert_int_equal(jb_top_model_update(model, &tick, slots, NULL), JB_OK);
    size_t count;
    const struct jb_top_row *rows = arrange(model, (struct jb_top_settings){0}, &count);
    assert_false(has_row(rows, count, "train"));
    /* 4 + 4 of the group's exited, 20 + 20 of the one that ended now. */
    assert_near(named(rows, count, "exited")->energy_j, 48);
    assert_near(named(rows, count, "exited")->power_w, 24);
    assert_near(sum_j(rows, count), 200);
    assert_near(jb_top_model_summary(model)->energy_j, 200);
    rows = arrange(model, (struct jb_top_settings){.by = JB_TOP_BY_CGROUP}, &count);
    assert_near(sum_j(rows, count), 200);
}

static void test_a_group_that_is_gone_counts_as_exited(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make_with_second();
    struct jb_process_tick processes[PROCESSES];
    fill_processes(processes);
    struct jb_slot fewer[SLOTS];
    memcpy(fewer, slots, sizeof fewer);
    fewer[SLOT_JOB] = slots[SLOT_WEB]; /* the slot was given to another */
    fewer[SLOT_JOB].process = "php";
    struct jb_tick tick = second(processes, PROCESSES - 1, 3, meters, JB_COUNT(meters));
    assert_int_equal(jb_top_model_update(model, &tick, fewer, NULL), JB_OK);
    size_t count;
    const struct jb_top_row *rows =
        arrange(model, (struct jb_top_settings){.by = JB_TOP_BY_CONTAINER}, &count);
    assert_false(has_row(rows, count, "0123456789ab"));
    assert_near(named(rows, count, "exited")->energy_j, 20);
    assert_near(named(rows, count, "nginx")->power_w, 44);
    assert_near(sum_j(rows, count), 200);
}

static void test_order(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make_with_second();
    size_t count;
    struct jb_top_settings settings = {.hides_host = true};
    const struct jb_top_row *rows = arrange(model, settings, &count);
    assert_int_equal(count, PROCESSES);
    static const int32_t by_sort[JB_TOP_SORT_COUNT][PROCESSES] = {
        [JB_TOP_SORT_POWER] = {20, 10, 11, 2, 1}, [JB_TOP_SORT_ENERGY] = {20, 10, 11, 2, 1},
        [JB_TOP_SORT_CPU] = {20, 10, 11, 2, 1},   [JB_TOP_SORT_TIME] = {20, 10, 11, 2, 1},
        [JB_TOP_SORT_PID] = {1, 2, 10, 11, 20},   [JB_TOP_SORT_GROUP] = {2, 20, 10, 11, 1},
        [JB_TOP_SORT_NAME] = {1, 2, 10, 11, 20},
    };
    for (int sort = 0; sort < JB_TOP_SORT_COUNT; sort++) {
        settings.sort = (enum jb_top_sort)sort;
        rows = arrange(model, settings, &count);
        for (size_t i = 0; i < PROCESSES; i++)
            assert_int_equal(rows[i].pid, by_sort[sort][i]);
    }
    settings = (struct jb_top_settings){.hides_host = true, .is_reversed = true};
    rows = arrange(model, settings, &count);
    assert_int_equal(rows[0].pid, 1);
    assert_int_equal(rows[4].pid, 20);
}

static void test_filter_and_hiding(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make_with_second();
    static const struct {
        struct jb_top_settings settings;
        size_t count;
    } cases[] = {
        {{.filter = "NGINX"}, 3}, /* two, and init, which runs in nginx.service */
        {{.filter = "train|kworker"}, 2}, {{.filter = "|"}, 0},        {{.filter = "11"}, 1},
        {{.filter = "nothing"}, 0},       {{.hides_kernel = true}, 9}, {{.hides_quiet = true}, 8},
        {{.hides_host = true}, 5},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        size_t count;
        arrange(model, cases[i].settings, &count);
        assert_int_equal(count, cases[i].count);
    }
    struct jb_top_settings settings = {.filter = "train|kworker"};
    size_t count;
    arrange(model, settings, &count);
    assert_near(jb_top_model_summary(model)->shown_power_w, 25);
    assert_int_equal(jb_top_model_summary(model)->shown_count, 2);
}

static void test_tree_of_processes(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make_with_second();
    struct jb_top_settings settings = {.is_tree = true, .hides_host = true};
    size_t count;
    const struct jb_top_row *rows = arrange(model, settings, &count);
    static const int32_t pids[] = {2, 1, 20, 10, 11};
    static const unsigned depths[] = {0, 0, 1, 1, 2};
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].pid, pids[i]);
        assert_int_equal(rows[i].depth, depths[i]);
    }
    assert_false(rows[2].is_last);
    assert_true(rows[3].is_last);
    char prefix[64];
    assert_string_equal(jb_top_tree_prefix(&rows[2], false, prefix, sizeof prefix), "|- ");
    assert_string_equal(jb_top_tree_prefix(&rows[4], false, prefix, sizeof prefix), "   `- ");
    /* Folded, a row has the figures of all below it. */
    assert_int_equal(jb_top_model_collapse(model, rows[1].key, true, NULL), JB_OK);
    rows = arrange(model, settings, &count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[1].pid, 1);
    assert_near(rows[1].power_w, 40);
    assert_int_equal(rows[1].process_count, 4);
    assert_int_equal(jb_top_model_collapse(model, rows[1].key, false, NULL), JB_OK);
    arrange(model, settings, &count);
    assert_int_equal(count, 5);
    /* A filter keeps what leads to a match. */
    memcpy(settings.filter, "11", 3);
    rows = arrange(model, settings, &count);
    assert_int_equal(count, 3);
    assert_int_equal(rows[2].pid, 11);
    assert_int_equal(jb_top_model_summary(model)->shown_count, 1);
}

static void test_tree_of_cgroups_has_those_between(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make_with_second();
    size_t count;
    const struct jb_top_row *rows = arrange(
        model, (struct jb_top_settings){.by = JB_TOP_BY_CGROUP, .is_tree = true, .hides_host = true}, &count);
    assert_int_equal(count, 4);
    assert_string_equal(rows[0].name, "/");
    assert_string_equal(rows[1].name, "/system.slice");
    assert_int_equal(rows[1].depth, 1);
    assert_int_equal(rows[2].depth, 2);
    assert_near(rows[0].power_w, 0); /* its own: never a joule twice */
    assert_near(sum_w(rows, count), 44);
}

static void test_a_ring_of_parents_is_cut(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make();
    struct jb_process_tick ring[] = {process(5, 7, SLOT_WEB, 1, 1, "a"), process(6, 5, SLOT_WEB, 1, 1, "b"),
                                     process(7, 6, SLOT_WEB, 1, 1, "c"), process(8, 8, SLOT_WEB, 1, 1, "d")};
    struct jb_tick tick = second(ring, 4, 2, meters, JB_COUNT(meters));
    assert_int_equal(jb_top_model_update(model, &tick, slots, NULL), JB_OK);
    size_t count;
    arrange(model, (struct jb_top_settings){.is_tree = true, .hides_host = true}, &count);
    assert_int_equal(count, 4);
}

static void test_unknown_power_is_not_zero(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make();
    struct jb_process_tick processes[PROCESSES];
    static const uint64_t nothing[SLOTS] = {0};
    fill_processes(processes);
    for (size_t i = 0; i < PROCESSES; i++)
        processes[i].energy_uj = 0;
    struct jb_metered_domain blind[] = {meters[0]};
    blind[0].known = false;
    blind[0].unknown_reason = "permission denied";
    struct jb_tick tick = second(processes, PROCESSES, 2, blind, 1);
    tick.slot_energy_uj = nothing;
    tick.energy_uj = 0;
    tick.host_power_w = NAN;
    assert_int_equal(jb_top_model_update(model, &tick, slots, NULL), JB_OK);
    size_t count;
    const struct jb_top_row *rows = arrange(model, (struct jb_top_settings){.hides_host = true}, &count);
    assert_true(isnan(rows[0].power_w) && isnan(rows[0].energy_j) && isnan(rows[0].share));
    assert_int_equal(rows[0].pid, 20); /* by CPU time then */
    assert_true(isnan(jb_top_model_summary(model)->power_w));
    char cell[JB_TOP_CELL_SIZE];
    assert_string_equal(jb_top_cell(&rows[0], JB_TOP_COLUMN_POWER, cell), "-");
    _cleanup_buffer_ struct jb_buffer line = {0};
    jb_top_power_line(jb_top_model_summary(model), &line);
    assert_string_equal(line.bytes, "Power unknown: node: permission denied");
    /* And no source at all. */
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *bare = make();
    tick.domain_count = 0;
    assert_int_equal(jb_top_model_update(bare, &tick, slots, NULL), JB_OK);
    jb_buffer_clear(&line);
    jb_top_power_line(jb_top_model_summary(bare), &line);
    assert_string_equal(line.bytes, "Power unknown: no power source here; see joulebook sources");
}

static void test_header(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make_with_second();
    const struct jb_top_summary *summary = jb_top_model_summary(model);
    assert_near(summary->power_w, 100);
    assert_near(summary->uncertainty, 0.01);
    assert_near(summary->idle_power_w, 40);
    assert_int_equal(summary->segment_count, 2);
    assert_string_equal(summary->segments[0].name, "cpu0");
    assert_near(summary->segments[0].power_w, 90);
    assert_string_equal(summary->segments[1].name, "rest");
    assert_near(summary->segments[1].power_w, 10);
    assert_near(summary->utilisation, 0.495);
    jb_top_model_reset(model);
    size_t count;
    const struct jb_top_row *rows = arrange(model, (struct jb_top_settings){0}, &count);
    assert_near(sum_j(rows, count), 0);
    assert_near(sum_w(rows, count), 100);
}

static void test_search_and_find(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make_with_second();
    size_t count;
    const struct jb_top_row *rows =
        arrange(model, (struct jb_top_settings){.hides_host = true, .sort = JB_TOP_SORT_PID}, &count);
    /* init, kworker, nginx, nginx, train */
    assert_int_equal(jb_top_model_search(model, "KWORKER", 0, false), 1);
    assert_int_equal(jb_top_model_search(model, "kworker", 2, false), 1); /* around */
    assert_int_equal(jb_top_model_search(model, "nginx", 4, true), 3);
    assert_int_equal(jb_top_model_search(model, "nosuch", 0, false), count);
    assert_int_equal(jb_top_model_search(model, "", 0, false), count);
    assert_int_equal(jb_top_model_find(model, rows[3].key), 3);
    assert_int_equal(jb_top_model_find(model, 12345), count);
}

static void test_commands(void **state) {
    (void)state;
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make_with_second();
    size_t count;
    struct jb_top_settings settings = {.hides_host = true};
    const struct jb_top_row *rows = arrange(model, settings, &count);
    assert_true(jb_top_model_needs_command(model, &rows[0]));
    assert_int_equal(jb_top_model_set_command(model, rows[0].key, "train --epochs 3", NULL), JB_OK);
    assert_string_equal(rows[0].name, "train --epochs 3");
    assert_false(jb_top_model_needs_command(model, &rows[0]));
    uint64_t key = rows[0].key;
    /* Kept over ticks, asked for again after exec. */
    struct jb_process_tick processes[PROCESSES];
    fill_processes(processes);
    struct jb_tick tick = second(processes, PROCESSES, 3, meters, JB_COUNT(meters));
    assert_int_equal(jb_top_model_update(model, &tick, slots, NULL), JB_OK);
    rows = arrange(model, settings, &count);
    assert_int_equal(rows[0].key, key);
    assert_string_equal(rows[0].name, "train --epochs 3");
    memcpy(processes[4].comm, "other", 6);
    assert_int_equal(jb_top_model_update(model, &tick, slots, NULL), JB_OK);
    rows = arrange(model, settings, &count);
    assert_int_equal(rows[0].key, key);
    assert_true(jb_top_model_needs_command(model, &rows[0]));
    assert_string_equal(rows[0].name, "other");
}

static void test_figures(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *power, *cell;
    } cases[] = {{0, "0.00 W", "0.00"},      {9.995, "9.99 W", "9.99"},    {99.996, "100.0 W", "100.0"},
                 {1234.4, "1234 W", "1234"}, {12345, "12.35kW", "12.35k"}, {NAN, "unknown", "-"},
                 {3.5e9, "3500MW", "3500M"}};
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        char text[JB_TOP_CELL_SIZE];
        struct jb_top_row row = {.power_w = cases[i].value};
        assert_string_equal(jb_top_power(cases[i].value, text), cases[i].power);
        assert_string_equal(jb_top_cell(&row, JB_TOP_COLUMN_POWER, text), cases[i].cell);
    }
    static const struct {
        uint64_t ns;
        const char *text;
    } times[] = {
        {0, "0:00.00"}, {61230000000, "1:01.23"}, {3723000000000, "1h02:03"}, {90000000000000, "1d01h00"}};
    for (size_t i = 0; i < JB_COUNT(times); i++) {
        char text[JB_TOP_CELL_SIZE];
        struct jb_top_row row = {.time_ns = times[i].ns};
        assert_string_equal(jb_top_cell(&row, JB_TOP_COLUMN_TIME, text), times[i].text);
    }
}

static void test_layout_fits_every_width(void **state) {
    (void)state;
    for (unsigned width = 1; width <= 300; width++) {
        unsigned widths[JB_TOP_COLUMN_COUNT], sum = 0;
        jb_top_layout(width, widths);
        for (int i = 0; i < JB_TOP_COLUMN_NAME; i++)
            sum += widths[i] ? widths[i] + 1 : 0;
        if (width >= 10)
            assert_int_equal(sum + widths[JB_TOP_COLUMN_NAME], width);
        if (width >= 40)
            assert_true(widths[JB_TOP_COLUMN_NAME] >= 12 && widths[JB_TOP_COLUMN_PID] &&
                        widths[JB_TOP_COLUMN_CPU]);
    }
}

static void test_thousands_of_processes(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    _cleanup_(jb_top_model_free_cleanup) struct jb_top_model *model = make();
    _cleanup_free_ struct jb_process_tick *processes = calloc(COUNT, sizeof *processes);
    for (int32_t i = 0; i < COUNT; i++)
        processes[i] = process(100 + i, 99 + i / 2, SLOT_WEB, 20.0 / COUNT, 80000, "worker");
    for (uint64_t number = 2; number < 5; number++) {
        struct jb_tick tick = second(processes, COUNT, number, meters, JB_COUNT(meters));
        assert_int_equal(jb_top_model_update(model, &tick, slots, NULL), JB_OK);
        for (int tree = 0; tree < 2; tree++) {
            size_t count;
            const struct jb_top_row *rows =
                arrange(model, (struct jb_top_settings){.is_tree = tree, .sort = JB_TOP_SORT_PID}, &count);
            assert_true(count > COUNT);
            assert_near(sum_w(rows, count), 100);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_sum_to_the_host_in_every_view),
        cmocka_unit_test(test_by_process),
        cmocka_unit_test(test_energy_of_the_ended_stays_in_the_total),
        cmocka_unit_test(test_a_group_that_is_gone_counts_as_exited),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_filter_and_hiding),
        cmocka_unit_test(test_tree_of_processes),
        cmocka_unit_test(test_tree_of_cgroups_has_those_between),
        cmocka_unit_test(test_a_ring_of_parents_is_cut),
        cmocka_unit_test(test_unknown_power_is_not_zero),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_search_and_find),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_layout_fits_every_width),
        cmocka_unit_test(test_thousands_of_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
