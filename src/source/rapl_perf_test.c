/* Tests of the perf PMU of RAPL: its parsers, exact conversion, and that it yields to powercap. */
#include "source/fixture_test.h"
#include "source/rapl_perf.h"

static void test_event(void **state) {
    (void)state;
    uint64_t config = 0;
    assert_int_equal(jb_perf_event_parse("event=0x02", NULL, &config), JB_OK);
    assert_int_equal(config, 2);
    assert_int_equal(jb_perf_event_parse("event=0xfF\n", NULL, &config), JB_OK);
    assert_int_equal(config, 255);
    static const char *const bad[] = {
        "",           "event=2",   "event=0x", "event=0x1,umask=0x2", "event=0x11111111111111111",
        "config=0x2", "event=0x-1"};
    for (size_t i = 0; i < JB_COUNT(bad); i++)
        assert_int_equal(jb_perf_event_parse(bad[i], NULL, &config), JB_INPUT);
}

static void test_scale(void **state) {
    (void)state;
    unsigned bits = 0;
    assert_int_equal(jb_perf_scale_parse("2.3283064365386962890625e-10\n", NULL, &bits), JB_OK);
    assert_int_equal(bits, 32);
    assert_int_equal(jb_perf_scale_parse("1", NULL, &bits), JB_OK);
    assert_int_equal(bits, 0);
    assert_int_equal(jb_perf_scale_parse("0.5", NULL, &bits), JB_OK);
    assert_int_equal(bits, 1);
    static const char *const bad[] = {"",    "0",   "2",  "0.3", "1e-3", "nan",     "inf",
                                      "0x1", "1 J", "-1", "1e",  "e",    "1e-9999", "5e-324"};
    for (size_t i = 0; i < JB_COUNT(bad); i++)
        assert_int_equal(jb_perf_scale_parse(bad[i], NULL, &bits), JB_INPUT);
}

static void test_cpumask(void **state) {
    (void)state;
    int cpus[4];
    size_t count = 0;
    assert_int_equal(jb_perf_cpumask_parse("0,18\n", 4, NULL, cpus, &count), JB_OK);
    assert_int_equal(count, 2);
    assert_int_equal(cpus[1], 18);
    assert_int_equal(jb_perf_cpumask_parse("2-4", 4, NULL, cpus, &count), JB_OK);
    assert_int_equal(count, 3);
    assert_int_equal(cpus[2], 4);
    assert_int_equal(jb_perf_cpumask_parse("0-4", 4, NULL, cpus, &count), JB_LIMIT);
    static const char *const bad[] = {"", "\n", "a", "1,", "1-", "3-1", "1 2", "-1", "9999999"};
    for (size_t i = 0; i < JB_COUNT(bad); i++)
        assert_int_equal(jb_perf_cpumask_parse(bad[i], 4, NULL, cpus, &count), JB_INPUT);
}

static void test_energy(void **state) {
    (void)state;
    assert_int_equal(jb_perf_energy_uj(UINT64_C(1) << 32, 32), 1000000);
    assert_int_equal(jb_perf_energy_uj((UINT64_C(1) << 32) - 1, 32), 999999);
    assert_int_equal(jb_perf_energy_uj(UINT64_C(1) << 18, 32), 61); /* one unit of 61.035 µJ */
    assert_int_equal(jb_perf_energy_uj(UINT64_MAX, 32), 4294967295999999);
    assert_int_equal(jb_perf_energy_uj(UINT64_MAX, 0), UINT64_MAX);
    enum jb_domain_kind kind;
    assert_true(jb_perf_event_kind("energy-ram", &kind));
    assert_int_equal(kind, JB_DRAM);
    assert_false(jb_perf_event_kind("energy-pkg.scale", &kind));
}

static void test_not_here(void **state) {
    (void)state;
    struct fixture fixture;
    struct jb_error error = {0};
    fixture_make(&fixture, "perf-power");
    assert_int_equal(jb_source_open(&jb_source_rapl_perf, &fixture.context, &error, &fixture.source),
                     JB_UNSUPPORTED);
    fixture_shell(&fixture, "rm -r sys/bus");
    assert_int_equal(jb_source_open(&jb_source_rapl_perf, &fixture.context, &error, &fixture.source),
                     JB_NO_DATA);
    fixture_end(&fixture);
}

/* On a machine that has the PMU, and not powercap: it counts on. */
static void test_real(void **state) {
    (void)state;
    struct jb_error error = {0};
    struct jb_root root;
    struct jb_source *source = NULL;
    assert_int_equal(jb_root_open(NULL, &error, &root), JB_OK);
    struct jb_source_context context = {.root = &root, .clock = &jb_clock_system};
    if (jb_source_open(&jb_source_rapl_perf, &context, &error, &source)) {
        jb_root_close(&root);
        print_message("SKIP: %s\n", error.message);
        skip();
    }
    struct jb_reading before[128], after[128];
    source->ops->read(source, before);
    source->ops->read(source, after);
    assert_int_equal(before[0].epoch, after[0].epoch);
    assert_true(after[0].value >= before[0].value);
    source->ops->close(source);
    jb_root_close(&root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event),  cmocka_unit_test(test_scale),    cmocka_unit_test(test_cpumask),
        cmocka_unit_test(test_energy), cmocka_unit_test(test_not_here), cmocka_unit_test(test_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
