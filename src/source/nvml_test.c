/* NVIDIA GPUs, played by the stand-in library of tests/fixtures/nvml from scenarios written here. */
#include "source/source.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define UTC_US  UINT64_C(1700000000000000)
#define CEILING 128

struct rig {
    char path[64]; /* of the scenario */
    struct jb_root root;
    struct jb_clock_fake clock;
    struct jb_source *source;
    struct jb_sample sample;
    struct jb_reading readings[CEILING];
};

static void play(const struct rig *rig, const char *scenario) {
    FILE *file = fopen(rig->path, "we");
    assert_non_null(file);
    assert_true(fputs(scenario, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static enum jb_code try_open(struct rig *rig, struct jb_error *error) {
    struct jb_source_context context = {
        .root = &rig->root, .clock = &rig->clock.clock, .nvml_library = getenv("JB_NVML_STANDIN")};
    return jb_source_nvml.open(&context, error, &rig->source);
}

/* Opens the source on a scenario and returns its domains. */
static const struct jb_domain *open_on(struct rig *rig, const char *scenario, size_t count) {
    struct jb_error error = {0};
    const struct jb_domain *domains = NULL;
    play(rig, scenario);
    if (try_open(rig, &error))
        fail_msg("%s", error.message);
    assert_int_equal(jb_source_nvml.domains(rig->source, &domains), count);
    return domains;
}

static const struct jb_reading *readings_of(struct rig *rig) {
    size_t before = jb_array_growths();
    jb_source_nvml.read(rig->source, rig->readings);
    assert_int_equal(jb_array_growths(), before);
    return rig->readings;
}

static enum jb_code ask(struct rig *rig, struct jb_error *error) {
    rig->sample.gpu_count = 0;
    return jb_source_nvml.processes(rig->source, 10, &rig->sample, error);
}

static const struct jb_gpu_usage *use_of(const struct rig *rig, int32_t pid) {
    const struct jb_gpu_usage *found = NULL;
    for (size_t i = 0; i < rig->sample.gpu_count; i++) {
        if (rig->sample.gpus[i].pid == pid) {
            assert_null(found);
            found = &rig->sample.gpus[i];
        }
    }
    assert_non_null(found);
    return found;
}

static int make_rig(void **state) {
    struct rig *rig = calloc(1, sizeof *rig);
    snprintf(rig->path, sizeof rig->path, "/tmp/joulebook-nvml-XXXXXX");
    int descriptor = mkstemp(rig->path);
    assert_true(descriptor >= 0);
    close(descriptor);
    setenv("JB_NVML_SCENARIO", rig->path, 1);
    assert_int_equal(jb_root_open(NULL, NULL, &rig->root), JB_OK);
    rig->clock = jb_clock_fake_make((int64_t)UTC_US * 1000, 50 * JB_SECOND_NS);
    *state = rig;
    return 0;
}

static int drop_rig(void **state) {
    struct rig *rig = *state;
    jb_source_nvml.close(rig->source);
    jb_root_close(&rig->root);
    free(rig->sample.gpus);
    unlink(rig->path);
    free(rig);
    return 0;
}

static void test_whole_gpu(void **state) {
    struct rig *rig = *state;
    const struct jb_domain *domains =
        open_on(rig,
                "count 1\ngpu 0 uuid GPU-8f2a-11\ngpu 0 name NVIDIA L40S\ngpu 0 energy_mj 5000\n"
                "gpu 0 limit_mw 350000\n",
                1);
    assert_string_equal(domains[0].id, "nvml/GPU-8f2a-11");
    assert_string_equal(domains[0].name, "NVIDIA L40S");
    assert_string_equal(domains[0].account, "gpu0");
    assert_int_equal(domains[0].kind, JB_GPU);
    assert_int_equal(domains[0].form, JB_COUNTER);
    assert_int_equal(domains[0].method, JB_MEASURED);
    assert_int_equal(domains[0].state, JB_DOMAIN_OK);
    assert_int_equal(domains[0].power_max_uw, 350000000);
    assert_int_equal(domains[0].uncertainty_ppm, 25000);
    const struct jb_reading *readings = readings_of(rig);
    assert_int_equal(readings[0].state, JB_READING_OK);
    assert_int_equal(readings[0].value, 5000000); /* mJ → µJ */
    assert_int_equal(readings[0].boottime_ns, 50 * JB_SECOND_NS);
    assert_false(jb_source_nvml.rescan(rig->source));
}

static void test_sensed_part_time(void **state) {
    struct rig *rig = *state;
    const struct jb_domain *domains = open_on(rig,
                                              "count 4\ngpu 0 name NVIDIA H100 80GB HBM3\ngpu 0 energy_mj 1\n"
                                              "gpu 1 name NVIDIA A100-SXM4-40GB\ngpu 1 energy_mj 1\n"
                                              "gpu 2 name NVIDIA RTX A1000\ngpu 2 energy_mj 1\n"
                                              "gpu 3 name NVIDIA GH200 480GB\ngpu 3 energy_mj 1\n",
                                              4);
    assert_int_equal(domains[0].uncertainty_ppm, 50000);
    assert_int_equal(domains[1].uncertainty_ppm, 50000);
    assert_non_null(strstr(domains[1].note, "quarter"));
    assert_int_equal(domains[2].uncertainty_ppm, 25000);
    assert_string_equal(domains[2].note, "");
    assert_int_equal(domains[3].uncertainty_ppm, 50000);
    assert_non_null(strstr(domains[3].note, "module"));
}

static void test_no_counter(void **state) {
    struct rig *rig = *state;
    const struct jb_domain *domains = open_on(rig,
                                              "count 3\ngpu 0 energy_mj unsupported\ngpu 0 power_mw 45123\n"
                                              "gpu 1 field_mw 70000\n",
                                              3);
    assert_int_equal(domains[0].form, JB_GAUGE);
    assert_int_equal(domains[0].state, JB_DOMAIN_OK);
    assert_non_null(strstr(domains[0].note, "no energy counter"));
    assert_true(domains[0].uncertainty_ppm > 25000);
    assert_int_equal(domains[1].form, JB_GAUGE); /* by the newer fields */
    assert_int_equal(domains[2].state, JB_DOMAIN_DISABLED);
    const struct jb_reading *readings = readings_of(rig);
    assert_int_equal(readings[0].value, 45123000);
    assert_int_equal(readings[1].value, 70000000);
    assert_int_equal(readings[2].state, JB_READING_NONE);
}

static void test_two_processes(void **state) {
    struct rig *rig = *state;
    char scenario[1024];
    open_on(rig, "count 1\ngpu 0 energy_mj 1\n", 1);
    snprintf(scenario, sizeof scenario,
             "count 1\ngpu 0 energy_mj 2\ngpu 0 percent 80\n"
             "gpu 0 process 100 4096\ngpu 0 process 200 8192\ngpu 0 graphics 200 9000\n"
             "gpu 0 graphics 300 18446744073709551615\ngpu 0 graphics 400 77\n"
             "gpu 0 busy 100 %llu 60 0\ngpu 0 busy 200 %llu 20 0\ngpu 0 busy 100 %llu 40 0\n"
             "gpu 0 busy 300 %llu 0 10\ngpu 0 busy 100 %llu 99 0\n",
             (unsigned long long)UTC_US + 1, (unsigned long long)UTC_US + 2, (unsigned long long)UTC_US + 3,
             (unsigned long long)UTC_US + 4, (unsigned long long)UTC_US - 5 /* before the interval */);
    play(rig, scenario);
    jb_clock_fake_advance(&rig->clock, JB_SECOND_NS);
    struct jb_error error = {0};
    assert_int_equal(ask(rig, &error), JB_OK);
    assert_int_equal(rig->sample.gpu_count, 4);
    /* two periods: 60 and 40 %, 20 and none, 10 (encoder) and none */
    assert_int_equal(use_of(rig, 100)->busy_ns, JB_SECOND_NS / 2);
    assert_int_equal(use_of(rig, 200)->busy_ns, JB_SECOND_NS / 10);
    assert_int_equal(use_of(rig, 300)->busy_ns, JB_SECOND_NS / 20);
    assert_int_equal(use_of(rig, 400)->busy_ns, 0);
    assert_int_equal(use_of(rig, 100)->memory_bytes, 4096);
    assert_int_equal(use_of(rig, 200)->memory_bytes, 9000); /* in two lists, counted once */
    assert_int_equal(use_of(rig, 300)->memory_bytes, 0);    /* not available is unknown */
    assert_int_equal(use_of(rig, 100)->domain, 10);

    /* the samples were seen: nothing is counted twice, and the warm question allocates nothing */
    play(rig, "count 1\ngpu 0 energy_mj 2\ngpu 0 percent 0\ngpu 0 process 100 4096\n");
    jb_clock_fake_advance(&rig->clock, JB_SECOND_NS);
    size_t before = jb_array_growths();
    assert_int_equal(ask(rig, &error), JB_OK);
    assert_int_equal(jb_array_growths(), before);
    assert_int_equal(use_of(rig, 100)->busy_ns, 0);

    /* the clock steps back an hour: samples of the old time are taken again */
    jb_clock_fake_step_realtime(&rig->clock, -JB_HOUR_NS);
    jb_clock_fake_advance(&rig->clock, JB_SECOND_NS);
    snprintf(scenario, sizeof scenario, "count 1\ngpu 0 energy_mj 2\ngpu 0 busy 100 %llu 50 0\n",
             (unsigned long long)(rig->clock.realtime_ns / 1000 - 10));
    play(rig, scenario);
    assert_int_equal(ask(rig, &error), JB_OK);
    assert_int_equal(use_of(rig, 100)->busy_ns, JB_SECOND_NS / 2);
}

static void test_even_share(void **state) {
    struct rig *rig = *state;
    open_on(rig,
            "count 1\ngpu 0 energy_mj 1\ngpu 0 utilization unsupported\ngpu 0 percent 60\n"
            "gpu 0 process 7 1\ngpu 0 process 8 1\n",
            1);
    jb_clock_fake_advance(&rig->clock, JB_SECOND_NS);
    struct jb_error error = {0};
    assert_int_equal(ask(rig, &error), JB_OK);
    assert_int_equal(use_of(rig, 7)->busy_ns, 300000000);
    assert_int_equal(use_of(rig, 8)->busy_ns, 300000000);
}

static void test_mig(void **state) {
    struct rig *rig = *state;
    const struct jb_domain *domains =
        open_on(rig,
                "count 1\ngpu 0 name NVIDIA A100\ngpu 0 energy_mj 900\ngpu 0 mig\n"
                "gpu 0 instance 0 4\ngpu 0 instance 2 2\ngpu 0 instance 5 1\n"
                "gpu 0 inside 0 50 1000\ngpu 0 inside 2 60 10\ngpu 0 inside 2 61 20\n",
                1);
    assert_string_equal(domains[0].account, "gpu0"); /* one domain: the power is of the whole GPU */
    jb_clock_fake_advance(&rig->clock, 7 * JB_SECOND_NS);
    struct jb_error error = {0};
    assert_int_equal(ask(rig, &error), JB_OK);
    assert_int_equal(rig->sample.gpu_count, 3);
    assert_int_equal(use_of(rig, 50)->busy_ns, 4 * JB_SECOND_NS);
    assert_int_equal(use_of(rig, 60)->busy_ns, JB_SECOND_NS);
    assert_int_equal(use_of(rig, 61)->busy_ns, JB_SECOND_NS);
    assert_int_equal(use_of(rig, 61)->memory_bytes, 20);
    assert_int_equal(readings_of(rig)[0].value, 900000);
}

static void test_driver_goes_and_returns(void **state) {
    struct rig *rig = *state;
    static const char two[] = "count 2\ngpu 0 energy_mj 700\ngpu 1 energy_mj 900\n";
    open_on(rig, two, 2);
    assert_int_equal(readings_of(rig)[1].epoch, 0);
    play(rig, "driver unloaded\n");
    const struct jb_reading *readings = readings_of(rig);
    assert_int_equal(readings[0].state, JB_READING_GONE);
    assert_int_equal(readings[1].state, JB_READING_GONE);
    struct jb_error error = {0};
    assert_int_equal(ask(rig, &error), JB_OK);
    assert_int_equal(rig->sample.gpu_count, 0);
    jb_clock_fake_advance(&rig->clock, JB_MINUTE_NS);
    assert_false(jb_source_nvml.rescan(rig->source)); /* still listed */
    assert_int_equal(readings_of(rig)[0].state, JB_READING_GONE);

    play(rig, "count 2\ngpu 0 energy_mj 5\ngpu 1 energy_mj 6\n"); /* loaded again, from zero */
    assert_int_equal(readings_of(rig)[0].state, JB_READING_GONE);
    assert_false(jb_source_nvml.rescan(rig->source)); /* not tried more often than every ten seconds */
    jb_clock_fake_advance(&rig->clock, JB_MINUTE_NS);
    assert_false(jb_source_nvml.rescan(rig->source)); /* the same list */
    readings = readings_of(rig);
    assert_int_equal(readings[0].state, JB_READING_OK);
    assert_int_equal(readings[0].value, 5000);
    assert_int_equal(readings[0].epoch, 1);
    assert_int_equal(readings[1].epoch, 1);
}

static void test_one_gpu_is_lost(void **state) {
    struct rig *rig = *state;
    static const char both[] =
        "count 2\ngpu 0 uuid GPU-a\ngpu 0 energy_mj 1\ngpu 1 uuid GPU-b\ngpu 1 energy_mj 2\n";
    open_on(rig, both, 2);
    play(rig, "count 2\ngpu 0 uuid GPU-a\ngpu 0 energy_mj lost\ngpu 1 uuid GPU-b\ngpu 1 energy_mj 3\n");
    const struct jb_reading *readings = readings_of(rig);
    assert_int_equal(readings[0].state, JB_READING_GONE);
    assert_int_equal(readings[1].state, JB_READING_OK);
    /* the driver drops it: the other one keeps its id, account and epoch */
    play(rig, "count 1\ngpu 0 uuid GPU-b\ngpu 0 energy_mj 4\n");
    jb_clock_fake_advance(&rig->clock, JB_MINUTE_NS);
    assert_true(jb_source_nvml.rescan(rig->source));
    const struct jb_domain *domains;
    assert_int_equal(jb_source_nvml.domains(rig->source, &domains), 1);
    assert_string_equal(domains[0].id, "nvml/GPU-b");
    assert_string_equal(domains[0].account, "gpu1");
    readings = readings_of(rig);
    assert_int_equal(readings[0].value, 4000);
    assert_int_equal(readings[0].epoch, 0);
    /* and it comes back */
    play(rig, both);
    jb_clock_fake_advance(&rig->clock, JB_MINUTE_NS);
    assert_true(jb_source_nvml.rescan(rig->source));
    assert_int_equal(jb_source_nvml.domains(rig->source, &domains), 2);
    assert_string_equal(domains[0].account, "gpu0");
    assert_string_equal(domains[1].account, "gpu1");
}

static void test_no_permission(void **state) {
    struct rig *rig = *state;
    struct jb_error error = {0};
    play(rig, "driver denied\n");
    assert_int_equal(try_open(rig, &error), JB_PERMISSION);
    assert_non_null(strstr(error.message, "/dev/nvidia"));
    play(rig, "count 1\ngpu 0 handle denied\n");
    assert_int_equal(try_open(rig, &error), JB_PERMISSION);
    assert_null(rig->source);
    const struct jb_domain *domains = open_on(rig,
                                              "count 3\ngpu 0 handle denied\ngpu 1 energy_mj denied\n"
                                              "gpu 1 power_mw denied\ngpu 2 energy_mj 8\n",
                                              3);
    assert_int_equal(domains[0].state, JB_DOMAIN_DENIED);
    assert_string_equal(domains[0].id, "nvml/index-0");
    assert_int_equal(domains[1].state, JB_DOMAIN_DENIED);
    assert_int_equal(domains[2].state, JB_DOMAIN_OK);
    const struct jb_reading *readings = readings_of(rig);
    assert_int_equal(readings[0].state, JB_READING_DENIED);
    assert_int_equal(readings[1].state, JB_READING_DENIED);
    assert_int_equal(readings[2].value, 8000);
}

static void test_permission_is_taken(void **state) {
    struct rig *rig = *state;
    open_on(rig, "count 1\ngpu 0 energy_mj 8\n", 1);
    play(rig, "count 1\ngpu 0 energy_mj denied\n");
    assert_int_equal(readings_of(rig)[0].state, JB_READING_DENIED);
    play(rig, "count 1\ngpu 0 energy_mj 9\n");
    assert_int_equal(readings_of(rig)[0].value, 9000);
}

static void test_hundred_gpus(void **state) {
    struct rig *rig = *state;
    char *scenario = malloc(100 * 64 + 64);
    int length = snprintf(scenario, 64, "count 100\n");
    for (int i = 0; i < 100; i++)
        length += snprintf(scenario + length, 128, "gpu %d energy_mj %d\ngpu %d process %d 10\n", i, i + 1, i,
                           1000 + i);
    const struct jb_domain *domains = open_on(rig, scenario, 100);
    free(scenario);
    assert_string_equal(domains[99].account, "gpu99");
    const struct jb_reading *readings = readings_of(rig);
    struct jb_error error = {0};
    assert_int_equal(ask(rig, &error), JB_OK);
    assert_int_equal(rig->sample.gpu_count, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(readings[i].value, (i + 1) * 1000);
        assert_int_equal(use_of(rig, 1000 + i)->domain, 10 + i);
    }
}

static void test_not_there(void **state) {
    struct rig *rig = *state;
    struct jb_error error = {0};
    play(rig, "driver unloaded\n");
    assert_int_equal(try_open(rig, &error), JB_NO_DATA);
    assert_non_null(strstr(error.message, "modprobe"));
    play(rig, "driver mismatch\n");
    assert_int_equal(try_open(rig, &error), JB_IO);
    assert_non_null(strstr(error.message, "reboot"));
    play(rig, "count 0\n");
    assert_int_equal(try_open(rig, &error), JB_NO_DATA);

    struct jb_source_context context = {
        .root = &rig->root, .clock = &rig->clock.clock, .nvml_library = "/nonexistent/libnvidia-ml.so.1"};
    assert_int_equal(jb_source_nvml.open(&context, &error, &rig->source), JB_NO_DATA);
    context.nvml_library = "libc.so.6"; /* a library, but not this one */
    assert_int_equal(jb_source_nvml.open(&context, &error, &rig->source), JB_UNSUPPORTED);
    struct jb_root other = {.is_real = false};
    context = (struct jb_source_context){.root = &other, .clock = &rig->clock.clock};
    assert_int_equal(jb_source_nvml.open(&context, &error, &rig->source), JB_NO_DATA);
    assert_null(rig->source);
}

static void test_hostile(void **state) {
    struct rig *rig = *state;
    char scenario[512];
    snprintf(
        scenario, sizeof scenario,
        "count 2\ngpu 0 uuid GPU/../\033[2Jx\ngpu 0 name \033[31mred\ngpu 0 energy_mj 18446744073709551615\n"
        "gpu 1 energy_mj 1\ngpu 1 process 0 5\ngpu 1 process 4294967295 5\n"
        "gpu 1 busy 9 %llu 4000000000 0\n",
        (unsigned long long)UTC_US + 1);
    const struct jb_domain *domains = open_on(rig, scenario, 2);
    assert_string_equal(domains[0].id, "nvml/GPU______2Jx");
    assert_null(strchr(domains[0].name, '\033'));
    assert_int_equal(readings_of(rig)[0].state, JB_READING_NONE); /* µJ would not fit */
    jb_clock_fake_advance(&rig->clock, JB_SECOND_NS);
    struct jb_error error = {0};
    assert_int_equal(ask(rig, &error), JB_OK);
    assert_int_equal(rig->sample.gpu_count, 1);
    assert_int_equal(use_of(rig, 9)->busy_ns, JB_SECOND_NS); /* 100 % at most */
}

int main(void) {
    if (!getenv("JB_NVML_STANDIN")) {
        fprintf(stderr, "JB_NVML_STANDIN must name the stand-in library\n");
        return 1;
    }
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_rig, drop_rig)
    const struct CMUnitTest tests[] = {
        TEST(test_whole_gpu),
        TEST(test_sensed_part_time),
        TEST(test_no_counter),
        TEST(test_two_processes),
        TEST(test_even_share),
        TEST(test_mig),
        TEST(test_driver_goes_and_returns),
        TEST(test_one_gpu_is_lost),
        TEST(test_no_permission),
        TEST(test_permission_is_taken),
        TEST(test_hundred_gpus),
        TEST(test_not_there),
        TEST(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
