/* The meter end to end on a made-up machine: replayed power, a fake clock, a small /proc and /sys, a book in
 * memory. */
#include "meter/meter.h"

#include "base/array.h"
#include "ledger/statement.h"

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define START_NS INT64_C(1795593570000000000) /* 2026-11-25T08:00:... not on a minute */
#define BOOT_NS  (1000 * JB_SECOND_NS)

struct machine {
    char path[64];
    struct jb_root root;
    struct jb_clock_fake clock;
    struct jb_ledger *ledger;
    struct jb_meter *meter;
    struct jb_meter_options options;
    uint64_t busy_ticks, idle_ticks; /* USER_HZ */
};

static void write_file(const struct machine *machine, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void write_file(const struct machine *machine, const char *path, const char *format, ...) {
    char full[512];
    snprintf(full, sizeof full, "%s/%s", machine->path, path);
    for (char *slash = full + strlen(machine->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    assert_int_equal(fclose(file), 0);
}

/* Two processes in /a: pid 50 takes `first` ticks of CPU in all, pid 51 `second`; the host's line to match.
 */
static void write_use(struct machine *machine, uint64_t first, uint64_t second) {
    static const char stat[] = "%d (%s) S 1 1 1 0 -1 0 0 0 0 0 %llu 0 0 0 20 0 1 0 %d 0 0\n";
    machine->busy_ticks = first + second;
    write_file(machine, "proc/stat", "cpu %llu 0 0 %llu 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n",
               (unsigned long long)machine->busy_ticks, (unsigned long long)machine->idle_ticks);
    write_file(machine, "proc/50/stat", stat, 50, "big", (unsigned long long)first, 900);
    write_file(machine, "proc/51/stat", stat, 51, "small", (unsigned long long)second, 901);
    unsigned long long usage_us = machine->busy_ticks * 10000ULL;
    write_file(machine, "sys/fs/cgroup/cpu.stat", "usage_usec %llu\nuser_usec 0\nsystem_usec 0\n", usage_us);
    write_file(machine, "sys/fs/cgroup/a/cpu.stat", "usage_usec %llu\nuser_usec 0\nsystem_usec 0\n",
               usage_us);
}

static void write_replay(struct machine *machine, const char *text) {
    write_file(machine, "replay", "joulebook-replay 1\n%s", text);
}

static int make_machine(void **state) {
    struct machine *machine = calloc(1, sizeof *machine);
    snprintf(machine->path, sizeof machine->path, "/tmp/joulebook-meter-XXXXXX");
    assert_non_null(mkdtemp(machine->path));
    write_file(machine, "proc/sys/kernel/hostname", "h1\n");
    write_file(machine, "proc/sys/kernel/random/boot_id", "11111111-1111-1111-1111-111111111111\n");
    write_file(machine, "proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 500 kB\n");
    write_file(machine, "sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
    write_file(machine, "sys/fs/cgroup/cgroup.procs", "\n");
    write_file(machine, "sys/fs/cgroup/a/cgroup.procs", "50\n51\n");
    write_file(machine, "proc/50/cgroup", "0::/a\n");
    write_file(machine, "proc/51/cgroup", "0::/a\n");
    write_use(machine, 100, 100);
    write_replay(machine, "domain package-0 kind=package rate_uw=50000000\n");
    machine->clock = jb_clock_fake_make(START_NS, BOOT_NS);
    assert_int_equal(jb_root_open(machine->path, NULL, &machine->root), JB_OK);
    assert_int_equal(jb_ledger_open("memory:", JB_STORE_CREATE, NULL, &machine->ledger), JB_OK);
    static char replay[512];
    snprintf(replay, sizeof replay, "%s/replay", machine->path);
    machine->options = (struct jb_meter_options){
        .sampler = {.root = &machine->root, .clock = &machine->clock.clock, .replay_path = replay},
        .interval_ns = JB_SECOND_NS,
        .book_every_ns = JB_MINUTE_NS,
        .site = "site/lab",
        .grid = "grid/KR",
    };
    *state = machine;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *walk) {
    (void)status, (void)flag, (void)walk;
    return remove(path);
}

static int free_machine(void **state) {
    struct machine *machine = *state;
    jb_meter_close(machine->meter);
    jb_ledger_close(machine->ledger);
    jb_root_close(&machine->root);
    nftw(machine->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(machine);
    return 0;
}

static void open_meter(struct machine *machine) {
    struct jb_error error = {0};
    enum jb_code code = jb_meter_open(machine->ledger, &machine->options, &error, &machine->meter);
    if (code)
        print_error("%s\n", error.message);
    assert_int_equal(code, JB_OK);
}

static void close_meter(struct machine *machine) {
    jb_meter_close(machine->meter);
    machine->meter = NULL;
}

/* A second passes in which pid 50 takes `first` more ticks and pid 51 `second` (of 100). */
static void second(struct machine *machine, uint64_t *first, uint64_t *rest, uint64_t first_more,
                   uint64_t rest_more) {
    struct jb_error error = {0};
    *first += first_more;
    *rest += rest_more;
    machine->idle_ticks += 100 - first_more - rest_more;
    write_use(machine, *first, *rest);
    jb_clock_fake_advance(&machine->clock, JB_SECOND_NS);
    enum jb_code code = jb_meter_step(machine->meter, &error);
    if (code)
        print_error("%s\n", error.message);
    assert_int_equal(code, JB_OK);
}

static void seconds(struct machine *machine, unsigned count) {
    static uint64_t first = 100, rest = 100;
    if (machine->busy_ticks == 200)
        first = rest = 100;
    for (unsigned i = 0; i < count; i++)
        second(machine, &first, &rest, 30, 10);
}

static struct jb_balance balance_of(struct machine *machine) {
    struct jb_balance balance;
    const struct jb_query all = JB_QUERY_ALL;
    assert_int_equal(jb_ledger_balance(machine->ledger, &all, NULL, &balance), JB_OK);
    for (size_t i = 0; i < balance.imbalance_count; i++) {
        char in[JB_INT128_SIZE], out[JB_INT128_SIZE];
        print_error("%s: in %s out %s\n", jb_ledger_path(machine->ledger, balance.imbalances[i].account),
                    jb_int128_format(balance.imbalances[i].inflow, in),
                    jb_int128_format(balance.imbalances[i].outflow, out));
    }
    assert_int_equal(balance.imbalance_total, 0);
    return balance;
}

/* Sum of flows into (sign 1) an account of that path. */
static int64_t into(struct machine *machine, const char *path) {
    struct jb_store *store = jb_ledger_store(machine->ledger);
    const struct jb_query all = JB_QUERY_ALL;
    struct jb_sum *sums;
    size_t count;
    int64_t total = 0;
    assert_int_equal(store->ops->sums(store, &all, NULL, &sums, &count), JB_OK);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(jb_ledger_path(machine->ledger, sums[i].to), path) == 0)
            total += (int64_t)sums[i].amount;
    }
    free(sums);
    return total;
}

static void books_what_the_counter_saw(void **state) {
    struct machine *machine = *state;
    open_meter(machine);
    seconds(machine, 150);
    jb_clock_fake_advance(&machine->clock, JB_SECOND_NS / 2);
    assert_int_equal(jb_meter_finish(machine->meter, NULL), JB_OK);
    struct jb_balance balance = balance_of(machine);
    /* 150.5 s × 50 W */
    assert_true(balance.energy_supplied_uj == 7525000000LL);
    assert_true(balance.energy_consumed_uj == 7525000000LL);
    assert_int_equal(balance.energy_unattributed_uj, 0);
    assert_int_equal(balance.gap_count, 0);
    assert_int_equal(into(machine, "host/h1"), 7525000000LL);
    assert_int_equal(into(machine, "host/h1/cpu0"), 7525000000LL);
    int64_t big = into(machine, "host/h1/cgroup/a/process/big"),
            small = into(machine, "host/h1/cgroup/a/process/small");
    assert_true(big > 0 && small > 0);
    /* 30 against 10 ticks in every second: a quarter, to within a microjoule a tick. */
    assert_true(llabs(big - 3 * small) < 1000);
    assert_int_equal(big + small, into(machine, "host/h1/cgroup/a"));
    assert_int_equal(big + small + into(machine, "host/h1/idle"), 7525000000LL);
    jb_balance_free(&balance);
}

static void wall_clock_steps_lose_and_double_nothing(void **state) {
    struct machine *machine = *state;
    static const int64_t steps_ns[] = {JB_HOUR_NS,     -JB_HOUR_NS,  -JB_HOUR_NS,
                                       2 * JB_HOUR_NS, 17 * 1000000, -3 * JB_SECOND_NS};
    open_meter(machine);
    for (size_t i = 0; i < JB_COUNT(steps_ns); i++) {
        seconds(machine, 45);
        jb_clock_fake_step_realtime(&machine->clock, steps_ns[i]);
    }
    seconds(machine, 10);
    assert_int_equal(jb_meter_finish(machine->meter, NULL), JB_OK);
    struct jb_balance balance = balance_of(machine);
    assert_true(balance.energy_supplied_uj == (jb_int128)(6 * 45 + 10) * 50000000);
    assert_true(balance.energy_consumed_uj == balance.energy_supplied_uj);
    jb_balance_free(&balance);
}

static void suspend_is_metered_by_boottime(void **state) {
    struct machine *machine = *state;
    open_meter(machine);
    seconds(machine, 5);
    jb_clock_fake_suspend(&machine->clock, 3 * JB_HOUR_NS);
    seconds(machine, 5);
    assert_int_equal(jb_meter_finish(machine->meter, NULL), JB_OK);
    struct jb_balance balance = balance_of(machine);
    assert_true(balance.energy_supplied_uj == (jb_int128)(10 + 3 * 3600) * 50000000);
    assert_true(balance.last_ns - balance.first_ns == 10 * JB_SECOND_NS + 3 * JB_HOUR_NS);
    jb_balance_free(&balance);
}

static void a_killed_meter_books_the_gap_once(void **state) {
    struct machine *machine = *state;
    open_meter(machine);
    seconds(machine, 70); /* booked once at the full minute, then killed */
    close_meter(machine);
    jb_clock_fake_advance(&machine->clock, 100 * JB_SECOND_NS);
    for (int restart = 0; restart < 3; restart++) {
        open_meter(machine);
        close_meter(machine);
    }
    open_meter(machine);
    seconds(machine, 30);
    assert_int_equal(jb_meter_finish(machine->meter, NULL), JB_OK);
    struct jb_balance balance = balance_of(machine);
    assert_true(balance.energy_supplied_uj == (jb_int128)200 * 50000000);
    /* The cgroup's CPU counter survived: its part of the gap is its own, not everybody's. */
    assert_true(into(machine, "host/h1/cgroup/a/unattributed") > 0);
    assert_true(balance.energy_unattributed_uj > 0);
    assert_int_equal(balance.gap_count, 0);
    jb_balance_free(&balance);
}

static void another_boot_makes_the_gap_unknown(void **state) {
    struct machine *machine = *state;
    open_meter(machine);
    seconds(machine, 60);
    assert_int_equal(jb_meter_finish(machine->meter, NULL), JB_OK);
    close_meter(machine);
    write_file(machine, "proc/sys/kernel/random/boot_id", "22222222-2222-2222-2222-222222222222\n");
    machine->clock = jb_clock_fake_make(START_NS + 300 * JB_SECOND_NS, 20 * JB_SECOND_NS);
    open_meter(machine);
    seconds(machine, 10);
    assert_int_equal(jb_meter_finish(machine->meter, NULL), JB_OK);
    struct jb_balance balance = balance_of(machine);
    assert_true(balance.energy_supplied_uj == (jb_int128)70 * 50000000);
    assert_int_equal(balance.gap_count, 1);
    assert_true(balance.gaps[0].end_ns - balance.gaps[0].start_ns == 240 * JB_SECOND_NS);
    assert_non_null(strstr(balance.gaps[0].reason, "restarted"));
    jb_balance_free(&balance);
}

/* A book in a file in place of the one in memory. */
static void use_file(struct machine *machine) {
    char book[128];
    snprintf(book, sizeof book, "%s/book.db", machine->path);
    jb_ledger_close(machine->ledger);
    assert_int_equal(jb_ledger_open(book, JB_STORE_CREATE, NULL, &machine->ledger), JB_OK);
}

static void a_second_meter_is_refused(void **state) {
    struct machine *machine = *state;
    struct jb_error error = {0};
    struct jb_meter *other = NULL;
    struct jb_ledger *again;
    use_file(machine);
    open_meter(machine);
    assert_int_equal(jb_ledger_open(jb_ledger_url(machine->ledger), JB_STORE_WRITE, NULL, &again), JB_OK);
    assert_int_equal(jb_meter_open(again, &machine->options, &error, &other), JB_BUSY);
    assert_non_null(strstr(error.message, "another meter"));
    assert_null(other);
    /* When the first ends, another may begin. */
    close_meter(machine);
    jb_ledger_close(machine->ledger);
    machine->ledger = NULL;
    assert_int_equal(jb_meter_open(again, &machine->options, &error, &other), JB_OK);
    jb_meter_close(other);
    jb_ledger_close(again);
}

static void the_outer_meter_is_the_authority(void **state) {
    struct machine *machine = *state;
    write_replay(machine, "domain psys kind=psys rate_uw=80000000\n"
                          "domain package-0 kind=package rate_uw=50000000\n"
                          "domain core kind=core parent=package-0 rate_uw=20000000\n"
                          "domain dram kind=dram rate_uw=10000000\n");
    open_meter(machine);
    seconds(machine, 120);
    assert_int_equal(jb_meter_finish(machine->meter, NULL), JB_OK);
    struct jb_balance balance = balance_of(machine);
    assert_int_equal(into(machine, "host/h1"), 120 * 80000000LL);
    assert_int_equal(into(machine, "host/h1/cpu0"), 120 * 50000000LL);
    assert_int_equal(into(machine, "host/h1/dram0"), 120 * 10000000LL);
    assert_int_equal(into(machine, "host/h1/rest"), 120 * 20000000LL);
    assert_true(balance.energy_variance_uj == 0);
    jb_balance_free(&balance);
}

static void inner_meters_beyond_the_outer_one_are_variance(void **state) {
    struct machine *machine = *state;
    write_replay(machine, "domain psys kind=psys rate_uw=30000000 uncertainty_ppm=10000\n"
                          "domain package-0 kind=package rate_uw=50000000 uncertainty_ppm=10000\n");
    open_meter(machine);
    seconds(machine, 120);
    assert_int_equal(jb_meter_finish(machine->meter, NULL), JB_OK);
    struct jb_balance balance = balance_of(machine);
    assert_true(balance.energy_variance_uj == (jb_int128)120 * 20000000);
    assert_int_equal(into(machine, "site/lab"), 120 * 30000000LL);
    assert_int_equal(into(machine, "host/h1/cpu0"), 120 * 50000000LL);
    jb_balance_free(&balance);
}

static void jitter_between_meters_is_settled_with_the_next_interval(void **state) {
    struct machine *machine = *state;
    /* The outer meter lags: it shows 60 s of energy late, within its uncertainty over a minute. */
    write_replay(machine, "domain psys kind=psys uncertainty_ppm=100000\n"
                          "domain package-0 kind=package rate_uw=50000000 uncertainty_ppm=1000\n"
                          "time,domain,value\n"
                          "0,psys,0\n"
                          "1000,psys,0\n"
                          "1060,psys,2950000000\n"
                          "1200,psys,10050000000\n");
    open_meter(machine);
    seconds(machine, 200);
    assert_int_equal(jb_meter_finish(machine->meter, NULL), JB_OK);
    struct jb_balance balance = balance_of(machine);
    assert_true(balance.energy_variance_uj == 0);
    /* In the end the outer meter's total is what was supplied. */
    assert_true(balance.energy_supplied_uj == 10050000000LL);
    assert_int_equal(into(machine, "host/h1/cpu0"), 10000000000LL);
    assert_int_equal(into(machine, "host/h1/rest"), 50000000LL);
    jb_balance_free(&balance);
}

static void a_counter_that_restarts_is_a_gap_not_zero(void **state) {
    struct machine *machine = *state;
    write_replay(machine, "domain package-0 kind=package\n"
                          "time,domain,value,epoch\n"
                          "1000,package-0,5000000000\n"
                          "1030,package-0,6000000000\n"
                          "1031,package-0,0,1\n"
                          "1100,package-0,690000000,1\n");
    open_meter(machine);
    seconds(machine, 90);
    assert_int_equal(jb_meter_finish(machine->meter, NULL), JB_OK);
    struct jb_balance balance = balance_of(machine);
    assert_int_equal(balance.gap_count, 1);
    assert_true(balance.gaps[0].end_ns - balance.gaps[0].start_ns == JB_SECOND_NS);
    jb_balance_free(&balance);
}

static void a_replay_that_makes_no_sense_is_refused(void **state) {
    struct machine *machine = *state;
    struct jb_error error = {0};
    write_replay(machine, "domain package-0 kind=cheese\n");
    assert_int_equal(jb_meter_open(machine->ledger, &machine->options, &error, &machine->meter), JB_INPUT);
    assert_non_null(strstr(error.message, "cheese"));
    machine->options.sampler.replay_path = "/nonexistent/replay";
    assert_int_equal(jb_meter_open(machine->ledger, &machine->options, &error, &machine->meter), JB_NO_DATA);
    assert_non_null(strstr(error.message, "/nonexistent/replay"));
}

static void no_power_source_is_unknown_not_zero(void **state) {
    struct machine *machine = *state;
    machine->options.sampler.replay_path = NULL;
    open_meter(machine);
    seconds(machine, 60);
    assert_int_equal(jb_meter_finish(machine->meter, NULL), JB_OK);
    struct jb_balance balance = balance_of(machine);
    assert_int_equal(balance.flow_count, 0);
    assert_true(balance.gap_count >= 1);
    assert_non_null(strstr(balance.gaps[0].reason, "no power source"));
    jb_balance_free(&balance);
}

static void a_warm_meter_allocates_nothing_per_tick(void **state) {
    struct machine *machine = *state;
    use_file(machine); /* one in memory grows, of course */
    open_meter(machine);
    seconds(machine, 130);
    size_t growths = jb_array_growths();
    seconds(machine, 600);
    assert_int_equal(jb_array_growths(), growths);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_machine, free_machine)
    const struct CMUnitTest tests[] = {
        TEST(books_what_the_counter_saw),
        TEST(wall_clock_steps_lose_and_double_nothing),
        TEST(suspend_is_metered_by_boottime),
        TEST(a_killed_meter_books_the_gap_once),
        TEST(another_boot_makes_the_gap_unknown),
        TEST(a_second_meter_is_refused),
        TEST(the_outer_meter_is_the_authority),
        TEST(inner_meters_beyond_the_outer_one_are_variance),
        TEST(jitter_between_meters_is_settled_with_the_next_interval),
        TEST(a_counter_that_restarts_is_a_gap_not_zero),
        TEST(a_replay_that_makes_no_sense_is_refused),
        TEST(no_power_source_is_unknown_not_zero),
        TEST(a_warm_meter_allocates_nothing_per_tick),
    };
    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
