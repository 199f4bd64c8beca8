/* AMD GPUs in recorded trees: power, sleep, graphics of a processor, and who used the engines. */
#include "source/amdgpu.h"
#include "source/source.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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

static bool parse(const char *text, struct jb_drm_client *client) {
    return jb_drm_fdinfo_parse(text, strlen(text), client);
}

static void test_fdinfo(void **state) {
    (void)state;
    struct jb_drm_client client;
    assert_true(parse("pos:\t0\nflags:\t02100002\nmnt_id:\t26\nino:\t588\n"
                      "drm-driver:\tamdgpu\ndrm-client-id:\t42\ndrm-pdev:\t0000:03:00.0\npasid:\t32771\n"
                      "drm-total-cpu:\t0\ndrm-memory-vram:\t7 KiB\ndrm-memory-gtt: \t4224 KiB\n"
                      "drm-resident-vram:\t71256 KiB\ndrm-resident-gtt:\t5 MiB\namd-evicted-vram:\t0 KiB\n"
                      "drm-engine-gfx:\t1234567 ns\ndrm-engine-compute:\t1000 ns\ndrm-engine-enc_1:\t33 ns\n"
                      "drm-engine-capacity-compute:\t4\n",
                      &client));
    assert_string_equal(client.driver, "amdgpu");
    assert_string_equal(client.device, "0000:03:00.0");
    assert_int_equal(client.id, 42);
    assert_int_equal(client.busy_ns, 1234567 + 1000 + 33);
    assert_int_equal(client.memory_bytes, 71256 * 1024); /* resident is preferred; gtt is the host's */

    /* an older amdgpu, and another driver */
    assert_true(parse("drm-driver: amdgpu\ndrm-client-id: 1\ndrm-memory-vram: 3 MiB\n", &client));
    assert_int_equal(client.memory_bytes, 3 << 20);
    assert_string_equal(client.device, "");
    assert_true(
        parse("drm-driver: xe\ndrm-client-id: 9\ndrm-resident-vram0: 4096\ndrm-resident-vram1: 1 KiB\n"
              "drm-cycles-rcs: 100\ndrm-engine-render: 7 ns",
              &client));
    assert_int_equal(client.memory_bytes, 4096 + 1024);
    assert_int_equal(client.busy_ns, 7);
}

static void test_fdinfo_hostile(void **state) {
    (void)state;
    struct jb_drm_client client = {.id = 77};
    assert_false(parse("", &client));
    assert_false(parse("pos: 0\nflags: 1\n", &client));
    assert_false(parse("drm-driver: amdgpu\n", &client)); /* no id: cannot be told from its copies */
    assert_false(parse("drm-client-id: 4\n", &client));
    assert_false(parse("drm-driver: am\033gpu\ndrm-client-id: 4\n", &client));
    assert_false(parse("drm-driver: a-name-that-is-too-long-for-a-driver\ndrm-client-id: 4\n", &client));
    assert_false(parse("drm-driver: amdgpu\ndrm-client-id: 99999999999999999999\n", &client));
    assert_int_equal(client.id, 77); /* untouched */
    assert_true(parse("drm-driver: amdgpu\ndrm-client-id: 4\ndrm-engine-gfx: 18446744073709551615 ns\n"
                      "drm-engine-x: 5 ns\ndrm-engine-y: 5 s\ndrm-engine-z: -1 ns\ndrm-resident-vram: 1 GB\n"
                      "drm-pdev: ../../../etc\n",
                      &client));
    assert_int_equal(client.busy_ns, UINT64_MAX);
    assert_int_equal(client.memory_bytes, 0);
    assert_string_equal(client.device, "");
}

struct rig {
    char path[64];
    struct jb_root root;
    struct jb_clock_fake clock;
    struct jb_source *source;
    struct jb_sample sample;
    struct jb_reading readings[8];
};

/* Writes a file of the tree, with the folders above it. */
static void put_bytes(const struct rig *rig, const char *name, const void *bytes, size_t length) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", rig->path, name);
    for (char *slash = strchr(path + strlen(rig->path) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void put(const struct rig *rig, const char *name, const char *text) {
    put_bytes(rig, name, text, strlen(text));
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void drop(const struct rig *rig, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", rig->path, name);
    assert_int_equal(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void put_card(const struct rig *rig, unsigned number, const char *driver, const char *device) {
    char name[96], text[160];
    snprintf(name, sizeof name, "sys/class/drm/card%u/device/uevent", number);
    snprintf(text, sizeof text, "DRIVER=%s\nPCI_CLASS=30000\nPCI_ID=1002:744C\nPCI_SLOT_NAME=%s\n", driver,
             device);
    put(rig, name, text);
}

static int make_rig(void **state) {
    struct rig *rig = calloc(1, sizeof *rig);
    snprintf(rig->path, sizeof rig->path, "/tmp/joulebook-amdgpu-XXXXXX");
    assert_non_null(mkdtemp(rig->path));
    put(rig, "proc/version", "Linux\n");
    put(rig, "sys/class/drm/version", "drm 1.1.0\n");
    put(rig, "sys/class/drm/card1-DP-1/status", "connected\n");
    assert_int_equal(jb_root_open(rig->path, NULL, &rig->root), JB_OK);
    rig->clock = jb_clock_fake_make(0, 100 * JB_SECOND_NS);
    *state = rig;
    return 0;
}

static int drop_rig(void **state) {
    struct rig *rig = *state;
    jb_source_amdgpu.close(rig->source);
    jb_root_close(&rig->root);
    free(rig->sample.gpus);
    drop(rig, "");
    free(rig);
    return 0;
}

static enum jb_code try_open(struct rig *rig, struct jb_error *error) {
    struct jb_source_context context = {.root = &rig->root, .clock = &rig->clock.clock};
    return jb_source_amdgpu.open(&context, error, &rig->source);
}

static const struct jb_domain *open_rig(struct rig *rig, size_t count) {
    struct jb_error error = {0};
    if (try_open(rig, &error))
        fail_msg("%s", error.message);
    const struct jb_domain *domains;
    assert_int_equal(jb_source_amdgpu.domains(rig->source, &domains), count);
    return domains;
}

static void test_power(void **state) {
    struct rig *rig = *state;
    put_card(rig, 0, "i915", "0000:00:02.0");
    put_card(rig, 1, "amdgpu", "0000:03:00.0");
    put(rig, "sys/class/drm/card1/device/product_name", "AMD Instinct MI210\n");
    put(rig, "sys/class/drm/card1/device/hwmon/hwmon4/power1_average", "43000000\n");
    put(rig, "sys/class/drm/card1/device/hwmon/hwmon4/power1_cap_max", "300000000\n");
    put_card(rig, 2, "amdgpu", "0000:43:00.0");
    put(rig, "sys/class/drm/card2/device/hwmon/hwmon5/power1_input", "9000000\n");
    put_card(rig, 10, "amdgpu", "0000:83:00.0");
    const struct jb_domain *domains = open_rig(rig, 3);
    assert_string_equal(domains[0].id, "amdgpu/0000:03:00.0");
    assert_string_equal(domains[0].name, "AMD Instinct MI210");
    assert_string_equal(domains[0].account, "amdgpu1");
    assert_int_equal(domains[0].kind, JB_GPU);
    assert_int_equal(domains[0].form, JB_GAUGE);
    assert_int_equal(domains[0].power_max_uw, 300000000);
    assert_string_equal(domains[1].name, "AMD GPU 1002:744C");
    assert_string_equal(domains[2].account, "amdgpu10");
    assert_int_equal(domains[2].state, JB_DOMAIN_DISABLED);
    size_t before = jb_array_growths();
    jb_source_amdgpu.read(rig->source, rig->readings);
    assert_int_equal(jb_array_growths(), before);
    assert_int_equal(rig->readings[0].value, 43000000);
    assert_int_equal(rig->readings[0].state, JB_READING_OK);
    assert_int_equal(rig->readings[0].boottime_ns, 100 * JB_SECOND_NS);
    assert_int_equal(rig->readings[1].value, 9000000);
    assert_int_equal(rig->readings[2].state, JB_READING_NONE);

    assert_false(jb_source_amdgpu.rescan(rig->source));
    drop(rig, "sys/class/drm/card1");
    assert_true(jb_source_amdgpu.rescan(rig->source));
    assert_int_equal(jb_source_amdgpu.domains(rig->source, &domains), 2);
    assert_string_equal(domains[0].account, "amdgpu2");
    jb_source_amdgpu.read(rig->source, rig->readings);
    assert_int_equal(rig->readings[0].value, 9000000);
}

static void test_counter_and_nonsense(void **state) {
    struct rig *rig = *state;
    put_card(rig, 0, "amdgpu", "0000:03:00.0");
    put(rig, "sys/class/drm/card0/device/hwmon/hwmon4/energy1_input", "123456789\n");
    put(rig, "sys/class/drm/card0/device/hwmon/hwmon4/power1_average", "1\n");
    put(rig, "sys/class/drm/card0/device/product_name", "\033]0;x\nsecond line");
    const struct jb_domain *domains = open_rig(rig, 1);
    assert_int_equal(domains[0].form, JB_COUNTER);
    assert_null(strchr(domains[0].name, '\033'));
    jb_source_amdgpu.read(rig->source, rig->readings);
    assert_int_equal(rig->readings[0].value, 123456789);
    put(rig, "sys/class/drm/card0/device/hwmon/hwmon4/energy1_input", "-5\n");
    jb_source_amdgpu.read(rig->source, rig->readings);
    assert_int_equal(rig->readings[0].state, JB_READING_NONE);
}

static void test_asleep(void **state) {
    struct rig *rig = *state;
    put_card(rig, 0, "amdgpu", "0000:03:00.0");
    put(rig, "sys/class/drm/card0/device/hwmon/hwmon4/power1_average", "8000000\n");
    put(rig, "sys/class/drm/card0/device/power/runtime_status", "suspended\n");
    open_rig(rig, 1);
    jb_source_amdgpu.read(rig->source, rig->readings);
    assert_int_equal(rig->readings[0].state, JB_READING_OK);
    assert_int_equal(rig->readings[0].value, 0);
    put(rig, "sys/class/drm/card0/device/power/runtime_status", "active\n");
    jb_source_amdgpu.read(rig->source, rig->readings);
    assert_int_equal(rig->readings[0].value, 8000000);
}

static void test_in_processor(void **state) {
    struct rig *rig = *state;
    put_card(rig, 0, "amdgpu", "0000:c1:00.0");
    put(rig, "sys/class/drm/card0/device/hwmon/hwmon4/power1_average", "15000000\n");
    put_bytes(rig, "sys/class/drm/card0/device/gpu_metrics", "\x78\0\x02\x02", 4);
    put_card(rig, 1, "amdgpu", "0000:03:00.0");
    put(rig, "sys/class/drm/card1/device/hwmon/hwmon5/power1_average", "95000000\n");
    put_bytes(rig, "sys/class/drm/card1/device/gpu_metrics", "\x78\0\x01\x03", 4);
    const struct jb_domain *domains = open_rig(rig, 2);
    assert_int_equal(domains[0].kind, JB_PACKAGE);
    assert_string_equal(domains[0].account, "cpu0");
    assert_non_null(strstr(domains[0].note, "whole package"));
    assert_int_equal(domains[1].kind, JB_GPU);
    assert_true(domains[0].uncertainty_ppm > domains[1].uncertainty_ppm);
}

static void test_not_there(void **state) {
    struct rig *rig = *state;
    struct jb_error error = {0};
    assert_int_equal(try_open(rig, &error), JB_NO_DATA);
    put_card(rig, 0, "nouveau", "0000:03:00.0");
    assert_int_equal(try_open(rig, &error), JB_NO_DATA);
    assert_non_null(strstr(error.message, rig->path));
    assert_null(rig->source);
}

static void put_client(const struct rig *rig, int pid, int descriptor, const char *device, unsigned id,
                       uint64_t busy_ns, unsigned kib) {
    char name[64], text[256];
    snprintf(name, sizeof name, "proc/%d/fdinfo/%d", pid, descriptor);
    snprintf(text, sizeof text,
             "pos:\t0\ndrm-driver:\tamdgpu\ndrm-pdev:\t%s\ndrm-client-id:\t%u\ndrm-engine-gfx:\t%llu ns\n"
             "drm-resident-vram:\t%u KiB\n",
             device, id, (unsigned long long)busy_ns, kib);
    put(rig, name, text);
}

static void ask(struct rig *rig) {
    struct jb_error error = {0};
    rig->sample.gpu_count = 0;
    if (jb_source_amdgpu.processes(rig->source, 5, &rig->sample, &error))
        fail_msg("%s", error.message);
}

static const struct jb_gpu_usage *use_of(const struct rig *rig, int32_t pid) {
    for (size_t i = 0; i < rig->sample.gpu_count; i++) {
        if (rig->sample.gpus[i].pid == pid)
            return &rig->sample.gpus[i];
    }
    return NULL;
}

static void open_two_cards(struct rig *rig) {
    put_card(rig, 0, "amdgpu", "0000:03:00.0");
    put_card(rig, 1, "amdgpu", "0000:43:00.0");
    open_rig(rig, 2);
}

static void test_processes(void **state) {
    struct rig *rig = *state;
    static const char first[] = "0000:03:00.0", second[] = "0000:43:00.0";
    put_client(rig, 10, 5, first, 1, 7000000000, 100);
    put_client(rig, 10, 6, first, 1, 7000000000, 100); /* the same client again */
    put_client(rig, 11, 3, first, 1, 7000000000, 100); /* and handed to another process */
    put_client(rig, 20, 4, second, 1, 1000, 50);       /* the same number, but of another card */
    put_client(rig, 20, 9, "0000:99:00.0", 8, 5, 5);   /* a card that is not ours */
    put(rig, "proc/30/fdinfo/1", "pos:\t0\nflags:\t01\n");
    put(rig, "proc/30/fdinfo/2", "drm-driver: i915\ndrm-client-id: 3\ndrm-pdev: 0000:03:00.0\n");
    open_two_cards(rig);
    ask(rig); /* where it starts: seven seconds of use before us are not charged */
    assert_int_equal(rig->sample.gpu_count, 2);
    assert_int_equal(use_of(rig, 10)->busy_ns, 0);
    assert_int_equal(use_of(rig, 10)->domain, 5);
    assert_int_equal(use_of(rig, 10)->memory_bytes, 102400);
    assert_int_equal(use_of(rig, 20)->domain, 6);
    assert_null(use_of(rig, 11));

    jb_clock_fake_advance(&rig->clock, JB_SECOND_NS);
    put_client(rig, 10, 5, first, 1, 7300000000, 100);
    put_client(rig, 10, 6, first, 1, 7300000000, 100);
    put_client(rig, 11, 3, first, 1, 7300000000, 100);
    put_client(rig, 20, 4, second, 1, 900, 50); /* a counter that falls is no negative time */
    size_t before = jb_array_growths();
    ask(rig);
    assert_int_equal(jb_array_growths(), before);
    assert_int_equal(use_of(rig, 10)->busy_ns, 300000000);
    assert_int_equal(use_of(rig, 20)->busy_ns, 0);

    /* the first owner ends; who still has the client is charged from here on */
    jb_clock_fake_advance(&rig->clock, JB_SECOND_NS);
    drop(rig, "proc/10");
    put_client(rig, 11, 3, first, 1, 7400000000, 100);
    ask(rig);
    assert_null(use_of(rig, 10));
    assert_int_equal(use_of(rig, 11)->busy_ns, 100000000);
}

static void test_new_processes(void **state) {
    struct rig *rig = *state;
    open_two_cards(rig);
    ask(rig);
    assert_int_equal(rig->sample.gpu_count, 0);
    put(rig, "proc/40/fdinfo/0", "pos: 0\n"); /* started, has not opened the device yet */
    jb_clock_fake_advance(&rig->clock, 2 * JB_SECOND_NS);
    ask(rig);
    assert_int_equal(rig->sample.gpu_count, 0);
    put_client(rig, 40, 7, "0000:03:00.0", 2, 600000000, 1);
    put_client(rig, 41, 7, "0000:03:00.0", 3, 99000000000, 1);
    jb_clock_fake_advance(&rig->clock, 2 * JB_SECOND_NS);
    ask(rig);
    assert_int_equal(use_of(rig, 40)->busy_ns, 600000000);
    /* no more than could be done since the last question */
    assert_int_equal(use_of(rig, 41)->busy_ns, 2 * JB_SECOND_NS);
    drop(rig, "proc/40/fdinfo/7"); /* closed */
    jb_clock_fake_advance(&rig->clock, JB_SECOND_NS);
    ask(rig);
    assert_null(use_of(rig, 40));
}

/* Long-lived processes that open the device late are found in turn. */
static void test_late_opener(void **state) {
    struct rig *rig = *state;
    char name[64];
    for (int pid = 100; pid < 300; pid++) {
        snprintf(name, sizeof name, "proc/%d/fdinfo/0", pid);
        put(rig, name, "pos: 0\n");
    }
    open_two_cards(rig);
    ask(rig);
    put_client(rig, 217, 3, "0000:03:00.0", 2, 5, 1);
    int rounds = 0;
    while (!use_of(rig, 217) && rounds++ < 10) {
        jb_clock_fake_advance(&rig->clock, 2 * JB_SECOND_NS);
        ask(rig);
    }
    assert_in_range(rounds, 1, 5); /* 200 processes, 64 in a turn */
}

/* Programs that open devices without end do not crowd out the others. */
static void test_flood(void **state) {
    struct rig *rig = *state;
    char name[64], from[128], to[128];
    open_two_cards(rig);
    ask(rig);
    put(rig, "proc/flood", "drm-driver: i915\ndrm-client-id: 1\n");
    for (unsigned i = 0; i < 4500; i++) { /* above what is followed at all, links to one file */
        snprintf(name, sizeof name, "proc/%u/fdinfo/0", 50 + i / 900);
        if (i % 900 == 0)
            put(rig, name, "pos: 0\n");
        snprintf(from, sizeof from, "%s/proc/flood", rig->path);
        snprintf(to, sizeof to, "%s/proc/%u/fdinfo/%u", rig->path, 50 + i / 900, i + 1);
        assert_int_equal(link(from, to), 0);
    }
    jb_clock_fake_advance(&rig->clock, 2 * JB_SECOND_NS);
    put_client(rig, 70, 1, "0000:03:00.0", 1, 5, 1);
    jb_clock_fake_advance(&rig->clock, 2 * JB_SECOND_NS);
    ask(rig);
    assert_non_null(use_of(rig, 70));
}

/* The way of a real machine: descriptors are found by their links. */
static void test_this_machine(void **state) {
    (void)state;
    struct jb_root root;
    struct jb_drm_watch *watch = NULL;
    struct jb_error error = {0};
    const struct jb_drm_use *uses;
    size_t count = 0;
    assert_int_equal(jb_root_open(NULL, NULL, &root), JB_OK);
    assert_int_equal(jb_drm_watch_make(&root, &jb_clock_system, "amdgpu", &error, &watch), JB_OK);
    enum jb_code code = jb_drm_watch_ask(watch, &error, &uses, &count);
    assert_true(code == JB_OK || code == JB_PERMISSION);
    jb_drm_watch_free(watch);
    jb_root_close(&root);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_rig, drop_rig)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fdinfo),
        cmocka_unit_test(test_fdinfo_hostile),
        TEST(test_power),
        TEST(test_counter_and_nonsense),
        TEST(test_asleep),
        TEST(test_in_processor),
        TEST(test_not_there),
        TEST(test_processes),
        TEST(test_new_processes),
        TEST(test_late_opener),
        TEST(test_flood),
        cmocka_unit_test(test_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
