/* Tests of RAPL over stored trees: what comes and goes, is denied, missing or hostile. What is booked of it
 * is in meter/rapl_totals_test.c. */
#include "source/fixture_test.h"
#include "source/rapl_zone.h"

#include <sys/wait.h>
#include <unistd.h>

#define ENERGY(zone) "/sys/class/powercap/" zone "/energy_uj"

static void test_come_and_go(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "one-socket");
    fixture_shell(&fixture, "mv sys/class/powercap/intel-rapl:0:2 dram");
    fixture_open(&fixture, &jb_source_rapl);
    const struct jb_domain *domains;
    assert_int_equal(fixture.source->ops->domains(fixture.source, &domains), 3);
    fixture_shell(&fixture, "mv dram sys/class/powercap/intel-rapl:0:2");
    assert_true(fixture.source->ops->rescan(fixture.source));
    assert_int_equal(fixture.source->ops->domains(fixture.source, &domains), 4);
    assert_int_equal(fixture_read(&fixture, "rapl/package-0/dram").value, 200000000);
    assert_int_equal(fixture_read(&fixture, "rapl/package-0").value, 1000000000);
    /* No data for a moment: no value, and no zero. */
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "");
    assert_int_equal(fixture_read(&fixture, "rapl/package-0").state, JB_READING_NONE);
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "nonsense\n");
    assert_int_equal(fixture_read(&fixture, "rapl/package-0").state, JB_READING_NONE);
    fixture_write(&fixture, ENERGY("intel-rapl:0"), "1000000001\n");
    assert_int_equal(fixture_read(&fixture, "rapl/package-0").value, 1000000001);
    /* The driver is taken away whole, and comes back. */
    fixture_shell(&fixture, "mv sys/class/powercap away");
    assert_true(fixture.source->ops->rescan(fixture.source));
    assert_int_equal(fixture.source->ops->domains(fixture.source, &domains), 0);
    fixture.source->ops->read(fixture.source, NULL);
    assert_false(fixture.source->ops->rescan(fixture.source));
    fixture_shell(&fixture, "mv away sys/class/powercap");
    assert_true(fixture.source->ops->rescan(fixture.source));
    assert_int_equal(fixture_read(&fixture, "rapl/package-0").value, 1000000001);
    fixture_end(&fixture);
}

static void test_hostile(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "hostile-zone");
    fixture_open(&fixture, &jb_source_rapl);
    const struct jb_domain *domains;
    size_t count = fixture.source->ops->domains(fixture.source, &domains);
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++) {
        assert_true(strspn(domains[i].id, "abcdefghijklmnopqrstuvwxyz0123456789/:-~") ==
                    strlen(domains[i].id));
        for (const char *c = domains[i].name; *c; c++)
            assert_true((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(domains[i].id, domains[j].id);
    }
    /* The first line is the name: this one is psys. The others are known by their folder, and not booked. */
    assert_int_equal(fixture_domain(&fixture, "rapl/psys")->state, JB_DOMAIN_OK);
    assert_int_equal(fixture_domain(&fixture, "rapl/intel-rapl:1")->state, JB_DOMAIN_DISABLED);
    assert_string_equal(fixture_domain(&fixture, "rapl/intel-rapl:1")->name, "package-1?[2J?]0;owned?");
    assert_int_equal(fixture_domain(&fixture, "rapl/intel-rapl:3")->state, JB_DOMAIN_DISABLED);
    assert_int_equal(fixture_domain(&fixture, "rapl/intel-rapl:4")->state, JB_DOMAIN_DISABLED);
    assert_int_equal(fixture_domain(&fixture, "rapl/intel-rapl:5")->state, JB_DOMAIN_DISABLED);
    assert_int_equal(fixture_domain(&fixture, "rapl/package-6")->state, JB_DOMAIN_DISABLED);
    assert_int_equal(fixture_domain(&fixture, "rapl/package-8")->state, JB_DOMAIN_DISABLED);
    fixture_end(&fixture);
}

static enum jb_code open_code(const char *tree, struct jb_error *error) {
    struct fixture fixture;
    fixture_make(&fixture, tree);
    enum jb_code code = jb_source_open(&jb_source_rapl, &fixture.context, error, &fixture.source);
    fixture_end(&fixture);
    return code;
}

static void test_nothing(void **state) {
    (void)state;
    struct jb_error error = {0};
    assert_int_equal(open_code(NULL, &error), JB_NO_DATA);
    assert_non_null(strstr(error.message, "/sys/class/powercap"));
    assert_int_equal(open_code("virtual-machine", &error), JB_NO_DATA);
    assert_non_null(strstr(error.message, "modprobe intel_rapl_msr"));
    assert_int_equal(open_code("container", &error), JB_NO_DATA);
    assert_non_null(strstr(error.message, "hidden by a container"));
    /* A replay stands in for it. */
    struct fixture fixture;
    fixture_make(&fixture, "one-socket");
    fixture.context.replay_path = "/nonexistent";
    assert_int_equal(jb_source_open(&jb_source_rapl, &fixture.context, &error, &fixture.source), JB_NO_DATA);
    fixture_end(&fixture);
}

/* Exit status of check in a child that is not root: 0 is good. */
static int as_nobody(int (*check)(struct fixture *), struct fixture *fixture) {
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
            _exit(100);
        _exit(check(fixture));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int check_some_denied(struct fixture *fixture) {
    struct jb_error error = {0};
    if (jb_source_open(&jb_source_rapl, &fixture->context, &error, &fixture->source))
        return 1;
    if (fixture_domain(fixture, "rapl/package-0")->state != JB_DOMAIN_DENIED ||
        !strstr(fixture_domain(fixture, "rapl/package-0")->note, "CAP_DAC_READ_SEARCH"))
        return 2;
    struct jb_reading denied = fixture_read(fixture, "rapl/package-0");
    if (denied.state != JB_READING_DENIED || denied.value != 0)
        return 3;
    if (fixture_read(fixture, "rapl/package-1").state != JB_READING_OK)
        return 4;
    /* Nothing changed: the list stays as it is, and what may be read is read. */
    if (fixture->source->ops->rescan(fixture->source) ||
        fixture_read(fixture, "rapl/package-1").state != JB_READING_OK)
        return 5;
    return 0;
}

static int check_all_denied(struct fixture *fixture) {
    struct jb_error error = {0};
    enum jb_code code = jb_source_open(&jb_source_rapl, &fixture->context, &error, &fixture->source);
    return code != JB_PERMISSION || !strstr(error.message, "run as root") ||
           !strstr(error.message, "CAP_DAC_READ_SEARCH");
}

static void test_denied(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "two-sockets");
    fixture_shell(&fixture, "chmod 000 sys/class/powercap/intel-rapl:0/energy_uj");
    assert_int_equal(as_nobody(check_some_denied, &fixture), 0);
    fixture_shell(&fixture, "chmod 000 sys/class/powercap/*/energy_uj");
    assert_int_equal(as_nobody(check_all_denied, &fixture), 0);
    fixture_end(&fixture);
}

static void test_zone_names(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",          "intel-rapl",        "intel-rapl:",         "intel-rapl:x",
        "dtpm:0",    "intel-rapl:0:",     "intel-rapl:0:0:0:0",  "intel-rapl:0 ",
        "intel-rap", "intel-rapl-mmio",   "intel-rapl:99999999", "intel-rapl:-1",
        "..",        "intel-rapl-tpmi:0", "intel-rapl:0/../.."};
    struct rapl_zone zone;
    for (size_t i = 0; i < JB_COUNT(bad); i++)
        assert_false(jb_rapl_zone_of_directory(bad[i], &zone));
    assert_true(jb_rapl_zone_of_directory("intel-rapl:12:3", &zone));
    assert_int_equal(zone.depth, 2);
    assert_int_equal(zone.numbers[0], 12);
    assert_true(jb_rapl_zone_of_directory("intel-rapl-mmio:0", &zone));
    assert_true(zone.is_mmio);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_come_and_go), cmocka_unit_test(test_hostile),    cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_denied),      cmocka_unit_test(test_zone_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
