/* Tests of what the cover books of RAPL over stored trees: totals by hand, wraps, restarts, duplicates. */
#include "attribute/cover.h"
#include "attribute/delta.h"
#include "source/fixture_test.h"

#define ENERGY(zone) "/sys/class/powercap/" zone "/energy_uj"

static struct jb_reading before[256], after[256];

/* Energy that the cover books between `before` and `after`; asserts that all of it is known. */
static uint64_t booked_uj(const struct fixture *fixture) {
    const struct jb_domain *domains;
    struct jb_cover_entry entries[256];
    size_t count = fixture->source->ops->domains(fixture->source, &domains);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct jb_cover_entry){.domain = &domains[i], .index = (int32_t)i};
    jb_cover_choose(entries, count);
    uint64_t total_uj = 0, authority_uj = 0;
    bool has_authority = false;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].place != JB_COVER_PART && entries[i].place != JB_COVER_AUTHORITY)
            continue;
        struct jb_delta delta = jb_delta(&domains[i], &before[i], &after[i], 0, JB_MINUTE_NS);
        assert_int_equal(delta.state, JB_DELTA_KNOWN);
        if (entries[i].place == JB_COVER_AUTHORITY) {
            has_authority = true;
            authority_uj = delta.energy_uj;
        }
        total_uj += delta.energy_uj;
    }
    return has_authority ? authority_uj : total_uj;
}

static void step(struct fixture *fixture) {
    jb_clock_fake_advance(&fixture->fake, JB_SECOND_NS);
}

static void read_before(struct fixture *fixture) {
    fixture->source->ops->read(fixture->source, before);
}

static void read_after(struct fixture *fixture) {
    step(fixture);
    fixture->source->ops->read(fixture->source, after);
}

static void test_one_socket(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "one-socket");
    fixture_open(&fixture, &jb_source_rapl);
    const struct jb_domain *domains, *package = fixture_domain(&fixture, "rapl/package-0");
    assert_int_equal(fixture.source->ops->domains(fixture.source, &domains), 4);
    assert_int_equal(package->kind, JB_PACKAGE);
    assert_int_equal(package->wrap_modulus_uj, 262143328851);
    assert_int_equal(package->resolution, 61);
    assert_int_equal(package->power_max_uw, 2 * 156250000);
    assert_string_equal(package->account, "cpu0");
    const struct jb_domain *dram = fixture_domain(&fixture, "rapl/package-0/dram");
    assert_int_equal(dram->parent, -1);
    assert_int_equal(dram->resolution, 15);
    assert_string_equal(dram->account, "dram0");
    assert_int_equal(fixture_domain(&fixture, "rapl/package-0/core")->parent, 0);
    assert_string_equal(fixture_domain(&fixture, "rapl/package-0/core")->account, "cpu0-core");
    read_before(&fixture);
    assert_int_equal(before[0].value, 1000000000);
    assert_int_equal(before[0].boottime_ns, 1000 * JB_SECOND_NS);
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "1040000000\n");
    fixture_write(&fixture, ENERGY("intel-rapl:0:0"), "630000000\n");
    fixture_write(&fixture, ENERGY("intel-rapl:0:2"), "203000000\n");
    read_after(&fixture);
    /* 40 J of the package, 3 J of the memory; the cores are inside. */
    assert_int_equal(booked_uj(&fixture), 43000000);
    assert_false(fixture.source->ops->rescan(fixture.source));
    fixture_end(&fixture);
}

static void test_two_sockets_wrap(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "two-sockets");
    fixture_open(&fixture, &jb_source_rapl);
    read_before(&fixture);
    /* package-0 stood 328,851 below its modulus, dram 999,614 below its own: both wrap. */
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "99671149\n");
    fixture_write(&fixture, ENERGY("intel-rapl:0:0"), "4000386\n");
    fixture_write(&fixture, ENERGY("intel-rapl:1"), "125000000\n");
    fixture_write(&fixture, ENERGY("intel-rapl:1:0"), "9000000\n");
    read_after(&fixture);
    assert_int_equal(booked_uj(&fixture), 100000000 + 5000000 + 120000000 + 2000000);
    /* The next second, from beyond the wrap. */
    memcpy(before, after, sizeof before);
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "99671150\n");
    read_after(&fixture);
    assert_int_equal(booked_uj(&fixture), 1);
    fixture_end(&fixture);
}

static void test_laptop(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "laptop-psys");
    fixture_open(&fixture, &jb_source_rapl);
    assert_int_equal(fixture_domain(&fixture, "rapl/psys")->kind, JB_PSYS);
    assert_string_equal(fixture_domain(&fixture, "rapl/psys")->account, "psys");
    read_before(&fixture);
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "49000000\n");
    fixture_write(&fixture, ENERGY("intel-rapl:1"), "110000000\n");
    read_after(&fixture);
    assert_int_equal(booked_uj(&fixture), 15000000);
    /* A psys that does not count is not a psys of 0 W. */
    fixture_write(&fixture, ENERGY("intel-rapl:1"), "0\n");
    fixture.source->ops->close(fixture.source);
    fixture_open(&fixture, &jb_source_rapl);
    assert_int_equal(fixture_domain(&fixture, "rapl/psys")->state, JB_DOMAIN_DISABLED);
    fixture_write(&fixture, ENERGY("intel-rapl:1"), "17\n");
    assert_true(fixture.source->ops->rescan(fixture.source));
    assert_int_equal(fixture_domain(&fixture, "rapl/psys")->state, JB_DOMAIN_OK);
    fixture_end(&fixture);
}

static void test_mirrored_dies(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "amd-mirrored");
    fixture_open(&fixture, &jb_source_rapl);
    assert_int_equal(fixture_domain(&fixture, "rapl/package-0-die-0")->state, JB_DOMAIN_OK);
    assert_string_equal(fixture_domain(&fixture, "rapl/package-0-die-0")->account, "cpu0");
    const struct jb_domain *mirror = fixture_domain(&fixture, "rapl/package-0-die-1");
    assert_int_equal(mirror->state, JB_DOMAIN_DUPLICATE);
    assert_non_null(strstr(mirror->note, "rapl/package-0-die-0"));
    assert_int_equal(fixture_domain(&fixture, "rapl/package-0-die-1/core")->state, JB_DOMAIN_DUPLICATE);
    assert_int_equal(mirror->uncertainty_ppm, 50000);
    read_before(&fixture);
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "31080000000\n");
    fixture_write(&fixture, ENERGY("intel-rapl:1"), "31080000000\n");
    read_after(&fixture);
    assert_int_equal(booked_uj(&fixture), 80000000);
    fixture_end(&fixture);
}

static void test_real_dies(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "two-dies");
    fixture_open(&fixture, &jb_source_rapl);
    assert_string_equal(fixture_domain(&fixture, "rapl/package-0-die-0")->account, "cpu0-die0");
    assert_string_equal(fixture_domain(&fixture, "rapl/package-0-die-1")->account, "cpu0-die1");
    assert_string_equal(fixture_domain(&fixture, "rapl/package-0-die-1/dram")->account, "dram0-die1");
    read_before(&fixture);
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "31080000000\n");
    fixture_write(&fixture, ENERGY("intel-rapl:1"), "47020000000\n");
    fixture_write(&fixture, ENERGY("intel-rapl:1:0"), "3000000003\n");
    read_after(&fixture);
    assert_int_equal(booked_uj(&fixture), 100000003);
    fixture_end(&fixture);
}

static void test_mmio(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "rapl-mmio");
    fixture_open(&fixture, &jb_source_rapl);
    assert_int_equal(fixture_domain(&fixture, "rapl-mmio/package-0")->state, JB_DOMAIN_DUPLICATE);
    assert_int_equal(fixture_domain(&fixture, "rapl-mmio/package-0/dram")->state, JB_DOMAIN_DUPLICATE);
    read_before(&fixture);
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "9000000100\n");
    fixture_write(&fixture, ENERGY("intel-rapl-mmio:0"), "9000000100\n");
    fixture_write(&fixture, ENERGY("intel-rapl:0:0"), "300000010\n");
    read_after(&fixture);
    assert_int_equal(booked_uj(&fixture), 110);
    /* Alone, it is as good as any. */
    fixture_shell(&fixture, "rm -r sys/class/powercap/intel-rapl:0 sys/class/powercap/intel-rapl:0:0");
    assert_true(fixture.source->ops->rescan(fixture.source));
    assert_int_equal(fixture_domain(&fixture, "rapl-mmio/package-0")->state, JB_DOMAIN_OK);
    fixture_end(&fixture);
}

static void test_dram_absent(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "dram-absent");
    fixture_open(&fixture, &jb_source_rapl);
    assert_int_equal(fixture_domain(&fixture, "rapl/package-0/uncore")->state, JB_DOMAIN_DISABLED);
    read_before(&fixture);
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "5030000000\n");
    read_after(&fixture);
    assert_int_equal(booked_uj(&fixture), 30000000);
    fixture_end(&fixture);
}

static void test_restart(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "dram-absent");
    fixture_open(&fixture, &jb_source_rapl);
    read_before(&fixture);
    /* Back to a little: 257 kJ in a second are no wrap. */
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "1000\n");
    read_after(&fixture);
    struct jb_delta delta =
        jb_delta(fixture_domain(&fixture, "rapl/package-0"), &before[0], &after[0], 0, JB_MINUTE_NS);
    assert_int_equal(delta.state, JB_DELTA_RESTARTED);
    memcpy(before, after, sizeof before);
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "20001000\n");
    read_after(&fixture);
    assert_int_equal(booked_uj(&fixture), 20000000);
    fixture_end(&fixture);
}

static void test_hostile(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "hostile-zone");
    fixture_open(&fixture, &jb_source_rapl);
    read_before(&fixture);
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "3000000\n");
    fixture_write(&fixture, ENERGY("intel-rapl:1"), "9000000\n");
    fixture_write(&fixture, ENERGY("intel-rapl:2"), "8000000\n");
    read_after(&fixture);
    assert_int_equal(booked_uj(&fixture), 5000000); /* psys */
    fixture_end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_socket),  cmocka_unit_test(test_two_sockets_wrap),
        cmocka_unit_test(test_laptop),      cmocka_unit_test(test_mirrored_dies),
        cmocka_unit_test(test_real_dies),   cmocka_unit_test(test_mmio),
        cmocka_unit_test(test_dram_absent), cmocka_unit_test(test_restart),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
