/* The energy of a command from made-up ticks, checked by hand. */
#include "meter/run_energy.h"

#include "types/flow.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct jb_domain domain(const char *id, uint32_t ppm, enum jb_method method) {
    struct jb_domain made = {.uncertainty_ppm = ppm, .method = method};
    snprintf(made.id, sizeof made.id, "%s", id);
    return made;
}

enum { SLOT_IDLE, SLOT_MINE, SLOT_OTHER, SLOT_MINE_EXITED, SLOTS };
static const struct jb_slot slots[SLOTS] = {{.leaf = JB_LEAF_IDLE, .cgroup = "", .process = ""},
                                            {.leaf = JB_LEAF_PROCESS, .cgroup = "/r", .process = "a"},
                                            {.leaf = JB_LEAF_PROCESS, .cgroup = "/o", .process = "b"},
                                            {.leaf = JB_LEAF_EXITED, .cgroup = "/r", .process = ""}};
static const bool held[SLOTS] = {false, true, false, true};

/* One second of 50 J: 20 idle, 12 + 6 of the command, 12 of another. */
static void add_second(struct jb_run_energy *energy, const struct jb_metered_domain *domains, size_t count) {
    const uint64_t cpu_ns[SLOTS] = {0, 400000000, 400000000, 200000000};
    const uint64_t energy_uj[SLOTS] = {20000000, 12000000, 12000000, 6000000};
    uint64_t total_uj = 0;
    bool is_known = false;
    for (size_t i = 0; i < count; i++) {
        is_known = is_known || domains[i].known;
        total_uj += domains[i].inside_authority ? 0 : domains[i].energy_uj;
    }
    struct jb_tick tick = {.elapsed_ns = 1000000000,
                           .energy_uj = total_uj,
                           .host_power_w = is_known ? (double)total_uj / 1e6 : NAN,
                           .domains = domains,
                           .domain_count = count,
                           .slot_cpu_ns = cpu_ns,
                           .slot_energy_uj = energy_uj,
                           .slot_count = SLOTS,
                           .busy_ns = 1000000000,
                           .idle_ns = 1000000000,
                           .cpu_count = 2};
    jb_run_energy_add(energy, &tick, slots, (struct jb_run_selection){.slot_held = held});
}

static void test_by_group_is_the_sum_of_its_slots(void **state) {
    (void)state;
    struct jb_domain package = domain("rapl/package-0", 20000, JB_MEASURED);
    struct jb_metered_domain ticks[] = {{.domain = package,
                                         .place = JB_COVER_PART,
                                         .known = true,
                                         .energy_uj = 50000000,
                                         .idle_uj = 20000000}};
    struct jb_run_energy energy = {0};
    add_second(&energy, ticks, 1);
    add_second(&energy, ticks, 1);
    struct jb_run_figure figure = jb_run_energy_figure(&energy, 1200000000);
    assert_true(figure.is_known);
    assert_int_equal(figure.energy_uj, 36000000);
    assert_int_equal(figure.method, JB_APPORTIONED);
    /* 2 % of the meter and 10 % of the split: √104 %. */
    assert_int_equal(figure.uncertainty_ppm, 101980);
    assert_true(fabs(figure.low_uj - 36e6 * exp(-1.959964 * sqrt(log1p(0.1019804 * 0.1019804)))) < 10);
    assert_true(fabs(figure.high_uj - 36e6 * exp(1.959964 * sqrt(log1p(0.1019804 * 0.1019804)))) < 10);
    assert_int_equal(energy.host_uj, 100000000);
    assert_true(figure.unseen_share == 0);
}

static void test_cpu_time_on_no_row_counts_at_the_mean_rate(void **state) {
    (void)state;
    struct jb_domain package = domain("rapl/package-0", 0, JB_MEASURED);
    struct jb_metered_domain ticks[] = {{.domain = package,
                                         .place = JB_COVER_PART,
                                         .known = true,
                                         .energy_uj = 50000000,
                                         .idle_uj = 20000000}};
    struct jb_run_energy energy = {0};
    add_second(&energy, ticks, 1);
    /* 30 J over 1 s of CPU: 30 J/s; 0.1 s unseen of 0.7 s. */
    struct jb_run_figure figure = jb_run_energy_figure(&energy, 700000000);
    assert_int_equal(figure.energy_uj, 18000000 + 3000000);
    assert_true(fabs(figure.unseen_share - 1.0 / 7) < 1e-9);
    /* Never more than was used at all: idle energy is nobody's. */
    assert_int_equal(jb_run_energy_figure(&energy, UINT64_C(100000000000)).energy_uj, 30000000);
}

static void test_unknown_is_not_zero(void **state) {
    (void)state;
    struct jb_domain package = domain("rapl/package-0", 0, JB_MEASURED);
    struct jb_metered_domain ticks[] = {{.domain = package, .place = JB_COVER_PART, .known = false}};
    struct jb_run_energy energy = {0};
    add_second(&energy, ticks, 1);
    assert_false(jb_run_energy_figure(&energy, 1).is_known);
    assert_int_equal(energy.domains[0].unknown_ns, 1000000000);
    struct jb_run_energy none = {0};
    add_second(&none, ticks, 0);
    assert_false(jb_run_energy_figure(&none, 1).is_known);
}

static void test_uncertainties_of_one_source_add_and_of_two_combine(void **state) {
    (void)state;
    struct jb_domain one = domain("rapl/0", 30000, JB_MEASURED), two = domain("rapl/1", 30000, JB_MEASURED),
                     three = domain("nvml/0", 80000, JB_MODELLED);
    struct jb_metered_domain ticks[] = {
        {.domain = one, .source = 0, .place = JB_COVER_PART, .known = true, .energy_uj = 20000000},
        {.domain = two, .source = 0, .place = JB_COVER_PART, .known = true, .energy_uj = 20000000},
        {.domain = three, .source = 1, .place = JB_COVER_PART, .known = true, .energy_uj = 20000000}};
    struct jb_run_energy energy = {0};
    add_second(&energy, ticks, 3);
    double expected = sqrt(0.6 * 0.6 + 0.6 * 0.6 + 2 * 0.6 * 0.6 + 1.6 * 1.6) / 60;
    assert_true(fabs(jb_run_energy_uncertainty(&energy, false) - expected) < 1e-9);
    assert_int_equal(jb_run_energy_method(&energy, false), JB_MODELLED);
    /* With an authority only that one counts. */
    ticks[0].place = JB_COVER_AUTHORITY;
    ticks[1].inside_authority = ticks[2].inside_authority = true;
    struct jb_run_energy with_authority = {0};
    add_second(&with_authority, ticks, 3);
    assert_int_equal(with_authority.host_uj, 20000000);
    assert_true(fabs(jb_run_energy_uncertainty(&with_authority, false) - 0.03) < 1e-9);
    assert_int_equal(jb_run_energy_method(&with_authority, false), JB_MEASURED);
    ticks[1].domain.uncertainty_ppm = JB_UNCERTAINTY_UNKNOWN;
    struct jb_run_energy unknown = {0};
    ticks[0].place = JB_COVER_PART;
    ticks[1].inside_authority = ticks[2].inside_authority = false;
    add_second(&unknown, ticks, 3);
    assert_true(isnan(jb_run_energy_uncertainty(&unknown, false)));
    assert_true(isnan(jb_run_energy_figure(&unknown, 0).low_uj));
}

static void test_a_meter_of_the_whole_alone_cannot_be_split(void **state) {
    (void)state;
    struct jb_domain node = domain("hwmon/node", 10000, JB_MEASURED);
    struct jb_metered_domain ticks[] = {
        {.domain = node, .place = JB_COVER_AUTHORITY, .known = true, .energy_uj = 50000000}};
    struct jb_run_energy energy = {0};
    add_second(&energy, ticks, 1);
    assert_true(energy.is_known);
    assert_false(jb_run_energy_figure(&energy, 1).is_known);
}

static void test_by_process(void **state) {
    (void)state;
    struct jb_domain package = domain("rapl/package-0", 0, JB_MEASURED);
    struct jb_metered_domain domains[] = {
        {.domain = package, .place = JB_COVER_PART, .known = true, .energy_uj = 50000000}};
    struct jb_process_tick processes[] = {{.pid = 1, .energy_uj = 1.5e6, .cpu_ns = 10},
                                          {.pid = 2, .energy_uj = 2.25e6, .cpu_ns = 20}};
    const bool is_member[] = {false, true};
    struct jb_tick tick = {.elapsed_ns = 1000000000,
                           .energy_uj = 50000000,
                           .host_power_w = 50,
                           .domains = domains,
                           .domain_count = 1,
                           .processes = processes,
                           .process_count = 2};
    struct jb_run_energy energy = {0};
    jb_run_energy_add(&energy, &tick, NULL, (struct jb_run_selection){.is_member = is_member});
    assert_int_equal(jb_run_energy_figure(&energy, 20).energy_uj, 2250000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_group_is_the_sum_of_its_slots),
        cmocka_unit_test(test_cpu_time_on_no_row_counts_at_the_mean_rate),
        cmocka_unit_test(test_unknown_is_not_zero),
        cmocka_unit_test(test_uncertainties_of_one_source_add_and_of_two_combine),
        cmocka_unit_test(test_a_meter_of_the_whole_alone_cannot_be_split),
        cmocka_unit_test(test_by_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
