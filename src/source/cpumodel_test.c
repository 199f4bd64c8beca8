/* The CPU model: what it takes a CPU for, and its energy against figures worked out by hand. */
#include "source/source.h"

#include "base/cleanup.h"
#include "source/cpumodel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char turin[] = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\n"
                            "model name\t: AMD EPYC\nstepping\t: 1\nphysical id\t: 0\n"
                            "flags\t\t: fpu vme hypervisor lahf_lm\n\nprocessor\t: 1\n"
                            "vendor_id\t: AuthenticAMD\nmodel\t\t: 99\nphysical id\t: 0\n";
static const char laptop[] = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 140\n"
                             "model name\t: 11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz\n"
                             "stepping\t: 1\nphysical id\t: 0\nflags\t\t: fpu vme\n";
static const char server[] = "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n"
                             "model name\t: Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz\nstepping\t: 7\n"
                             "physical id\t: 0\nflags\t\t: fpu\n\nphysical id\t: 1\n\nphysical id\t: 0\n";
static const char graviton[] = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\n"
                               "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x1\n"
                               "CPU part\t: 0xd40\nCPU revision\t: 1\n";

static struct jb_cpu_identity identity_of(const char *text) {
    struct jb_cpu_identity identity;
    jb_cpu_identity_parse(text, strlen(text), &identity);
    return identity;
}

static const char *data_path(void) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/data", getenv("JB_SOURCE_ROOT"));
    return path;
}

static void test_identity(void **state) {
    (void)state;
    struct jb_cpu_identity identity = identity_of(turin);
    assert_string_equal(identity.vendor, "AuthenticAMD");
    assert_int_equal(identity.family, 26);
    assert_int_equal(identity.model, 2);
    assert_int_equal(identity.stepping, 1);
    assert_true(identity.is_virtual);
    assert_int_equal(identity.socket_count, 1);

    identity = identity_of(server);
    assert_false(identity.is_virtual);
    assert_int_equal(identity.socket_count, 2);

    identity = identity_of(graviton);
    assert_string_equal(identity.vendor, "arm/0x41");
    assert_int_equal(identity.family, 8);
    assert_int_equal(identity.model, 0xd40);

    identity = identity_of("");
    assert_string_equal(identity.vendor, "");
    assert_int_equal(identity.socket_count, 1);
    identity = identity_of("vendor_id\nmodel: 99999999999999999999\n: \nphysical id: 4294967295\nflags:");
    assert_int_equal(identity.model, 0);
    assert_int_equal(identity.socket_count, 1);
}

static void test_names(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz", "intel xeon gold 6230"},
        {"Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", "intel xeon e5-2680 v4"},
        {"11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", "intel core i7-1165g7"},
        {"AMD Ryzen 7 5800X 8-Core Processor", "amd ryzen 7 5800x"},
        {"AMD EPYC 7742 64-Core Processor                ", "amd epyc 7742"},
        {"AMD Ryzen 7 PRO 4750U with Radeon Graphics", "amd ryzen 7 pro 4750u"},
        {"Intel(R) N100", "intel n100"},
        {"   ", ""},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        char name[96];
        assert_string_equal(jb_cpu_name_normalise(cases[i][0], name, sizeof name), cases[i][1]);
    }
    char small[8];
    assert_string_equal(jb_cpu_name_normalise("abcdefghijkl", small, sizeof small), "abcdefg");
}

static enum jb_code stat_of(const char *text, struct jb_cpu_stat *ret_stat) {
    struct jb_error error = {0};
    return jb_cpu_stat_parse(text, strlen(text), &error, ret_stat);
}

static void test_stat(void **state) {
    (void)state;
    struct jb_cpu_stat stat;
    assert_int_equal(stat_of("cpu  1 2 4 100 200 8 16 32 64 128\ncpu0 1 2 3 4\ncpu1 1 2 3 4\nintr 5\n"
                             "cpu2 not counted\n",
                             &stat),
                     JB_OK);
    assert_int_equal(stat.busy_ticks, 1 + 2 + 4 + 8 + 16 + 32); /* no idle, iowait; guest is in user */
    assert_int_equal(stat.cpu_count, 2);
    assert_int_equal(stat_of("cpu 1 2 3 4", &stat), JB_OK);
    assert_int_equal(stat.busy_ticks, 6);
    assert_int_equal(stat.cpu_count, 0);
    assert_int_equal(stat_of("", &stat), JB_INPUT);
    assert_int_equal(stat_of("cpu", &stat), JB_INPUT);
    assert_int_equal(stat_of("cpu  x", &stat), JB_INPUT);
    assert_int_equal(stat_of("cpu  1 2 3\n", &stat), JB_INPUT);
    assert_int_equal(stat_of("cpu  99999999999999999999 2 3 4\n", &stat), JB_INPUT);
    assert_int_equal(stat_of("cpu  18446744073709551615 2 3 4\n", &stat), JB_INPUT);
    assert_int_equal(stat_of("cpu0 1 2 3 4\n", &stat), JB_INPUT);
}

static struct jb_cpu_factors factors_of(const char *cpuinfo, uint32_t vcpu_count) {
    struct jb_cpu_identity identity = identity_of(cpuinfo);
    struct jb_cpu_factors factors;
    struct jb_error error = {0};
    if (jb_cpu_factors_load(data_path(), &identity, vcpu_count, &error, &factors))
        fail_msg("%s", error.message);
    return factors;
}

static void test_factors(void **state) {
    (void)state;
    /* a Zen 5 guest: the nearest generation, with a wider interval than that generation's own */
    struct jb_cpu_factors zen5 = factors_of(turin, 2);
    assert_string_equal(zen5.basis, "Zen 5 taken as EPYC 4th Gen");
    assert_int_equal(zen5.min_uw_per_vcpu, 739100);
    assert_int_equal(zen5.max_uw_per_vcpu, 2239000);
    struct jb_cpu_factors zen4 =
        factors_of("vendor_id : AuthenticAMD\ncpu family : 25\nmodel : 17\nflags : hypervisor\n", 2);
    assert_string_equal(zen4.basis, "Zen 4");
    assert_int_equal(zen4.max_uw_per_vcpu, zen5.max_uw_per_vcpu);
    assert_true(zen5.uncertainty_ppm > zen4.uncertainty_ppm);
    assert_int_equal(zen4.memory_included_mib_per_vcpu, 1024);

    /* steppings tell Skylake from Cascade Lake */
    assert_string_equal(
        factors_of("vendor_id : GenuineIntel\ncpu family : 6\nmodel : 85\nstepping : 4\n", 4).basis,
        "Skylake");
    assert_string_equal(
        factors_of("vendor_id : GenuineIntel\ncpu family : 6\nmodel : 85\nstepping : 7\n", 4).basis,
        "Cascade Lake");
    assert_string_equal(factors_of(graviton, 4).basis, "Neoverse V1 (Graviton3) taken as EPYC 2nd Gen");

    /* bare metal: 28 W of TDP over 8 threads; 2 × 125 W over 80 */
    struct jb_cpu_factors i7 = factors_of(laptop, 8);
    assert_int_equal(i7.min_uw_per_vcpu, 28000000 / 8 * 12 / 100);
    assert_int_equal(i7.max_uw_per_vcpu, 28000000 / 8 * 102 / 100);
    assert_int_equal(i7.memory_included_mib_per_vcpu, 0);
    struct jb_cpu_factors gold = factors_of(server, 80);
    assert_int_equal(gold.max_uw_per_vcpu, 250000000ULL * 102 / 100 / 80);
    assert_string_equal(gold.basis, "2 x TDP 125 W");

    /* nothing known: the mean of all, less sure than any */
    struct jb_cpu_factors unknown = factors_of("vendor_id : IBM/S390\n", 4);
    assert_non_null(strstr(unknown.basis, "unknown CPU"));
    assert_true(unknown.uncertainty_ppm > zen5.uncertainty_ppm);
    assert_in_range(unknown.min_uw_per_vcpu, 450000, 2300000);
    assert_in_range(unknown.max_uw_per_vcpu, 1600000, 8700000);
}

static void test_no_tables(void **state) {
    (void)state;
    struct jb_cpu_identity identity = identity_of(turin);
    struct jb_cpu_factors factors;
    struct jb_error error = {0};
    assert_int_equal(jb_cpu_factors_load(NULL, &identity, 2, &error, &factors), JB_NO_DATA);
    assert_non_null(strstr(error.message, "JOULEBOOK_DATA"));
    assert_int_equal(jb_cpu_factors_load("/nonexistent", &identity, 2, &error, &factors), JB_NO_DATA);
    assert_non_null(strstr(error.message, "/nonexistent/cpu/memory.csv"));
    assert_non_null(strstr(error.message, "JOULEBOOK_DATA"));
}

/* A tree with /proc/cpuinfo, /proc/stat and /proc/meminfo, and a clock that obeys. */
struct machine {
    char path[64];
    struct jb_root root;
    struct jb_clock_fake clock;
    struct jb_source *source;
};

static void put(const struct machine *machine, const char *name, const char *text) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", machine->path, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void put_stat(const struct machine *machine, unsigned cpu_count, uint64_t busy_ticks) {
    char text[1024];
    int length =
        snprintf(text, sizeof text, "cpu  %llu 0 0 500 0 0 0 0 0 0\n", (unsigned long long)busy_ticks);
    for (unsigned i = 0; i < cpu_count; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, "cpu%u 0 0 0 0\n", i);
    put(machine, "proc/stat", text);
}

static void put_memory(const struct machine *machine, unsigned gib) {
    char text[64];
    snprintf(text, sizeof text, "MemTotal:       %u kB\nMemFree: 5 kB\n", gib << 20);
    put(machine, "proc/meminfo", text);
}

static void start(struct machine *machine, const char *data) {
    struct jb_source_context context = {
        .root = &machine->root, .clock = &machine->clock.clock, .data_path = data};
    struct jb_error error = {0};
    if (jb_source_cpumodel.open(&context, &error, &machine->source))
        fail_msg("%s", error.message);
}

static int make_machine(void **state) {
    struct machine *machine = calloc(1, sizeof *machine);
    snprintf(machine->path, sizeof machine->path, "/tmp/joulebook-cpumodel-XXXXXX");
    assert_non_null(mkdtemp(machine->path));
    char path[96];
    snprintf(path, sizeof path, "%s/proc", machine->path);
    assert_int_equal(mkdir(path, 0755), 0);
    put(machine, "proc/cpuinfo", turin);
    put_stat(machine, 2, 1000);
    put_memory(machine, 6);
    assert_int_equal(jb_root_open(machine->path, NULL, &machine->root), JB_OK);
    machine->clock = jb_clock_fake_make(0, 100 * JB_SECOND_NS);
    start(machine, data_path());
    *state = machine;
    return 0;
}

static int drop_machine(void **state) {
    struct machine *machine = *state;
    jb_source_cpumodel.close(machine->source);
    jb_root_close(&machine->root);
    static const char *const names[] = {"proc/cpuinfo", "proc/stat", "proc/meminfo", "proc", ""};
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/%s", machine->path, names[i]);
        remove(path);
    }
    free(machine);
    return 0;
}

static uint64_t energy_uj(struct machine *machine, size_t domain) {
    struct jb_reading readings[2];
    jb_source_cpumodel.read(machine->source, readings);
    assert_int_equal(readings[domain].state, JB_READING_OK);
    assert_int_equal(readings[domain].epoch, 0);
    assert_int_equal(readings[domain].boottime_ns, machine->clock.boottime_ns);
    return readings[domain].value;
}

/* Zen 5 as above: 0.7391 W idle and 2.239 W busy per vCPU. */
enum { IDLE_UW = 739100, ACTIVE_UW = 2239000 - 739100 };

static void test_energy(void **state) {
    struct machine *machine = *state;
    const struct jb_domain *domains;
    assert_int_equal(jb_source_cpumodel.domains(machine->source, &domains), 2);
    assert_string_equal(domains[0].id, "cpumodel/cpu");
    assert_int_equal(domains[0].kind, JB_PACKAGE);
    assert_int_equal(domains[0].method, JB_MODELLED);
    assert_int_equal(domains[0].idle_uw, 2 * IDLE_UW);
    assert_string_equal(domains[1].id, "cpumodel/memory");
    assert_int_equal(domains[1].kind, JB_DRAM);
    assert_int_equal(domains[1].idle_uw, 392000 * (6 - 2)); /* 1 GiB per vCPU is in the CPU's figure */
    assert_int_equal(domains[1].state, JB_DOMAIN_OK);

    /* since boot: 100 s with 2 CPUs, of which 10 s busy */
    uint64_t expected_uj = 100ULL * 2 * IDLE_UW + 10ULL * ACTIVE_UW;
    assert_int_equal(energy_uj(machine, 0), expected_uj);
    assert_int_equal(energy_uj(machine, 1), 100ULL * 4 * 392000);

    jb_clock_fake_advance(&machine->clock, 3 * JB_SECOND_NS / 2); /* 1.5 s, of which 0.25 s busy */
    put_stat(machine, 2, 1025);
    expected_uj += 3 * IDLE_UW + ACTIVE_UW / 4;
    assert_int_equal(energy_uj(machine, 0), expected_uj);

    /* started anew, it goes on from the same figure to the last microjoule */
    jb_source_cpumodel.close(machine->source);
    start(machine, data_path());
    assert_int_equal(energy_uj(machine, 0), expected_uj);
    assert_int_equal(energy_uj(machine, 1), 203ULL * 2 * 392000);
}

static void test_suspend(void **state) {
    struct machine *machine = *state;
    uint64_t before_uj = energy_uj(machine, 0);
    jb_clock_fake_suspend(&machine->clock, JB_HOUR_NS);
    assert_int_equal(energy_uj(machine, 0), before_uj);
    jb_clock_fake_step_realtime(&machine->clock, -JB_HOUR_NS);
    assert_int_equal(energy_uj(machine, 0), before_uj);
    jb_clock_fake_advance(&machine->clock, JB_SECOND_NS);
    assert_int_equal(energy_uj(machine, 0), before_uj + 2 * IDLE_UW);
}

static void test_busy_falls(void **state) {
    struct machine *machine = *state;
    uint64_t before_uj = energy_uj(machine, 0);
    put_stat(machine, 2, 990); /* 0.1 s less: rounding, waited out */
    assert_int_equal(energy_uj(machine, 0), before_uj);
    put_stat(machine, 2, 1001);
    assert_int_equal(energy_uj(machine, 0), before_uj + ACTIVE_UW / 100);
    put_stat(machine, 2, 0); /* 10.01 s less: began anew, counted on from here */
    assert_int_equal(energy_uj(machine, 0), before_uj + ACTIVE_UW / 100);
    put_stat(machine, 2, 100);
    assert_int_equal(energy_uj(machine, 0), before_uj + ACTIVE_UW / 100 + ACTIVE_UW);
}

static void test_hotplug(void **state) {
    struct machine *machine = *state;
    uint64_t before_uj = energy_uj(machine, 0);
    put_stat(machine, 4, 1000);
    jb_clock_fake_advance(&machine->clock, JB_SECOND_NS);
    /* the second that passed had 2 CPUs, as far as was known; no jump back to boot */
    assert_int_equal(energy_uj(machine, 0), before_uj + 2 * IDLE_UW);
    jb_clock_fake_advance(&machine->clock, JB_SECOND_NS);
    assert_int_equal(energy_uj(machine, 0), before_uj + 6 * IDLE_UW);
    put_memory(machine, 12);
    uint64_t memory_uj = energy_uj(machine, 1);
    assert_true(jb_source_cpumodel.rescan(machine->source));
    assert_int_equal(energy_uj(machine, 1), memory_uj);
    const struct jb_domain *domains;
    jb_source_cpumodel.domains(machine->source, &domains);
    assert_int_equal(domains[0].idle_uw, 4 * IDLE_UW);
    assert_int_equal(domains[1].idle_uw, 392000 * (12 - 4));
    assert_false(jb_source_cpumodel.rescan(machine->source));
}

static void test_small_memory(void **state) {
    struct machine *machine = *state;
    put_memory(machine, 1);
    jb_source_cpumodel.close(machine->source);
    start(machine, data_path());
    const struct jb_domain *domains;
    jb_source_cpumodel.domains(machine->source, &domains);
    assert_int_equal(domains[1].state, JB_DOMAIN_DISABLED);
    struct jb_reading readings[2];
    jb_source_cpumodel.read(machine->source, readings);
    assert_int_equal(readings[0].state, JB_READING_OK);
    assert_int_equal(readings[1].state, JB_READING_NONE);
}

static void test_bad_machine(void **state) {
    struct machine *machine = *state;
    struct jb_source_context context = {
        .root = &machine->root, .clock = &machine->clock.clock, .data_path = data_path()};
    struct jb_source *source = NULL;
    struct jb_error error = {0};
    put(machine, "proc/stat", "nonsense\n");
    assert_int_equal(jb_source_cpumodel.open(&context, &error, &source), JB_INPUT);
    struct jb_reading readings[2];
    jb_source_cpumodel.read(machine->source, readings); /* a file that went bad is no value, not zero */
    assert_int_equal(readings[0].state, JB_READING_NONE);
    char path[96];
    snprintf(path, sizeof path, "%s/proc/stat", machine->path);
    remove(path);
    assert_int_equal(jb_source_cpumodel.open(&context, &error, &source), JB_NO_DATA);
    put_stat(machine, 2, 1000);
    context.data_path = machine->path;
    assert_int_equal(jb_source_cpumodel.open(&context, &error, &source), JB_NO_DATA);
    assert_non_null(strstr(error.message, "JOULEBOOK_DATA"));
    assert_null(source);
}

static void test_hostile_name(void **state) {
    struct machine *machine = *state;
    char text[8192] = "vendor_id : AuthenticAMD\nmodel name\t: \033[31mred";
    size_t length = strlen(text);
    memset(text + length, 'x', sizeof text - length - 1);
    put(machine, "proc/cpuinfo", text);
    jb_source_cpumodel.close(machine->source);
    start(machine, data_path());
    const struct jb_domain *domains;
    jb_source_cpumodel.domains(machine->source, &domains);
    assert_null(strchr(domains[0].name, '\033'));
    assert_non_null(strstr(domains[0].note, "unknown CPU"));
}

/* An Arm kernel that leaves the part out of /proc/cpuinfo: the register tells. */
static void test_arm_register(void **state) {
    struct machine *machine = *state;
    static const char *const folders[] = {"sys",
                                          "sys/devices",
                                          "sys/devices/system",
                                          "sys/devices/system/cpu",
                                          "sys/devices/system/cpu/cpu0",
                                          "sys/devices/system/cpu/cpu0/regs",
                                          "sys/devices/system/cpu/cpu0/regs/identification"};
    char path[128];
    for (size_t i = 0; i < JB_COUNT(folders); i++) {
        snprintf(path, sizeof path, "%s/%s", machine->path, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    put(machine, "proc/cpuinfo", "processor : 0\n");
    put(machine, "sys/devices/system/cpu/cpu0/regs/identification/midr_el1", "0x00000000413fd0c1\n");
    jb_source_cpumodel.close(machine->source);
    start(machine, data_path());
    const struct jb_domain *domains;
    jb_source_cpumodel.domains(machine->source, &domains);
    assert_non_null(strstr(domains[0].note, "Neoverse N1"));
    snprintf(path, sizeof path, "%s/%s/midr_el1", machine->path, folders[6]);
    remove(path);
    for (size_t i = JB_COUNT(folders); i-- > 0;) {
        snprintf(path, sizeof path, "%s/%s", machine->path, folders[i]);
        remove(path);
    }
}

static void test_this_machine(void **state) {
    (void)state;
    struct jb_root root;
    assert_int_equal(jb_root_open(NULL, NULL, &root), JB_OK);
    struct jb_source_context context = {.root = &root, .clock = &jb_clock_system, .data_path = data_path()};
    struct jb_source *source = NULL;
    struct jb_error error = {0};
    if (jb_source_cpumodel.open(&context, &error, &source))
        fail_msg("%s", error.message);
    struct jb_reading first[2], second[2];
    jb_source_cpumodel.read(source, first);
    jb_source_cpumodel.read(source, second);
    assert_int_equal(first[0].state, JB_READING_OK);
    assert_true(first[0].value > 0);
    assert_true(second[0].value >= first[0].value);
    jb_source_cpumodel.close(source);
    jb_root_close(&root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_stat),
        cmocka_unit_test(test_factors),
        cmocka_unit_test(test_no_tables),
        cmocka_unit_test_setup_teardown(test_energy, make_machine, drop_machine),
        cmocka_unit_test_setup_teardown(test_suspend, make_machine, drop_machine),
        cmocka_unit_test_setup_teardown(test_busy_falls, make_machine, drop_machine),
        cmocka_unit_test_setup_teardown(test_hotplug, make_machine, drop_machine),
        cmocka_unit_test_setup_teardown(test_small_memory, make_machine, drop_machine),
        cmocka_unit_test_setup_teardown(test_bad_machine, make_machine, drop_machine),
        cmocka_unit_test_setup_teardown(test_hostile_name, make_machine, drop_machine),
        cmocka_unit_test_setup_teardown(test_arm_register, make_machine, drop_machine),
        cmocka_unit_test(test_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
