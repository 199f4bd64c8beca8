/* Tests of hwmon over stored trees: what is known of which chip, channels that are off, and the user's word.
 */
#include "source/fixture_test.h"
#include "source/hwmon_rules.h"

static void expect(const struct fixture *fixture, const char *id, enum jb_domain_kind kind,
                   const char *account, enum jb_domain_state domain_state) {
    const struct jb_domain *domain = fixture_domain(fixture, id);
    assert_int_equal(domain->kind, kind);
    assert_string_equal(domain->account, account);
    assert_int_equal(domain->state, domain_state);
    assert_true(domain_state == JB_DOMAIN_OK || domain->note[0]);
}

static size_t count_of(const struct fixture *fixture) {
    const struct jb_domain *domains;
    return fixture->source->ops->domains(fixture->source, &domains);
}

static void test_server(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "server-node");
    fixture_open(&fixture, &jb_source_hwmon);
    assert_int_equal(count_of(&fixture), 3); /* amdgpu is another source's, coretemp has no power */
    expect(&fixture, "hwmon/power_meter@0/power1", JB_NODE, "node", JB_DOMAIN_OK);
    expect(&fixture, "hwmon/pmbus@0/power1", JB_NODE, "unknown", JB_DOMAIN_DISABLED);
    assert_non_null(strstr(fixture_domain(&fixture, "hwmon/pmbus@0/power1")->note, "hwmon.conf"));
    assert_int_equal(fixture_domain(&fixture, "hwmon/power_meter@0/power1")->form, JB_GAUGE);
    struct jb_reading reading = fixture_read(&fixture, "hwmon/power_meter@0/power1");
    assert_int_equal(reading.state, JB_READING_OK);
    assert_int_equal(reading.value, 412000000);
    assert_int_equal(reading.boottime_ns, 1000 * JB_SECOND_NS);
    assert_int_equal(fixture_read(&fixture, "hwmon/pmbus@0/power1").state, JB_READING_NONE);
    fixture_end(&fixture);
}

static void test_amd_energy(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "amd-energy");
    fixture_open(&fixture, &jb_source_hwmon);
    assert_int_equal(count_of(&fixture), 2); /* the cores lie inside */
    expect(&fixture, "hwmon/amd_energy@0/energy3", JB_PACKAGE, "cpu0", JB_DOMAIN_OK);
    expect(&fixture, "hwmon/amd_energy@0/energy4", JB_PACKAGE, "cpu1", JB_DOMAIN_OK);
    assert_int_equal(fixture_domain(&fixture, "hwmon/amd_energy@0/energy4")->form, JB_COUNTER);
    assert_int_equal(fixture_read(&fixture, "hwmon/amd_energy@0/energy4").value, 95000000);
    fixture_end(&fixture);
}

static void test_power_server(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "power-server");
    fixture_open(&fixture, &jb_source_hwmon);
    /* The system's energy counter is taken, its power gauge is the same once more. */
    expect(&fixture, "hwmon/ibmpowernv@0/energy1", JB_NODE, "node", JB_DOMAIN_OK);
    expect(&fixture, "hwmon/ibmpowernv@0/power1", JB_NODE, "node", JB_DOMAIN_DUPLICATE);
    expect(&fixture, "hwmon/ibmpowernv@0/power2", JB_UNCORE, "rail0", JB_DOMAIN_DISABLED);
    fixture_end(&fixture);
}

static void test_desktop_and_old_layout(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "desktop");
    /* Up to Linux 6.x the files of acpi_power_meter lie with the device, and the device has a name of its
     * own. */
    fixture_shell(&fixture, "mkdir -p sys/devices/ACPI000D:00 sys/class/hwmon/hwmon7 && "
                            "ln -s ../../../devices/ACPI000D:00 sys/class/hwmon/hwmon7/device && "
                            "echo power_meter > sys/devices/ACPI000D:00/name && "
                            "echo 99000000 > sys/devices/ACPI000D:00/power1_average && "
                            "echo 1 > sys/devices/ACPI000D:00/power1_input");
    fixture_open(&fixture, &jb_source_hwmon);
    expect(&fixture, "hwmon/corsairpsu@0/power1", JB_NODE, "node", JB_DOMAIN_OK);
    expect(&fixture, "hwmon/corsairpsu@0/power2", JB_NODE, "rail", JB_DOMAIN_DISABLED);
    expect(&fixture, "hwmon/fam15h_power@0/power1", JB_PACKAGE, "cpu0", JB_DOMAIN_OK);
    expect(&fixture, "hwmon/power_meter@ACPI000D:00/power1", JB_NODE, "node", JB_DOMAIN_OK);
    assert_int_equal(fixture_read(&fixture, "hwmon/power_meter@ACPI000D:00/power1").value, 99000000);
    fixture_end(&fixture);
}

static void test_board(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "board");
    fixture_shell(&fixture, "mkdir -p etc/joulebook && printf '# boards\\n\\nhwmon/ina226@*/power1 node\\n"
                            "hwmon/apm_xgene@*/power2 ignore\\n' > etc/joulebook/hwmon.conf");
    fixture_open(&fixture, &jb_source_hwmon);
    expect(&fixture, "hwmon/ina226@0/power1", JB_NODE, "node", JB_DOMAIN_OK);
    assert_int_equal(fixture_read(&fixture, "hwmon/ina226@0/power1").value, 4500000);
    expect(&fixture, "hwmon/ltc2992@0/power1", JB_NODE, "unknown", JB_DOMAIN_DISABLED);
    assert_non_null(strstr(fixture_domain(&fixture, "hwmon/ltc2992@0/power1")->note, "switched off"));
    expect(&fixture, "hwmon/apm_xgene@0/power1", JB_PACKAGE, "cpu0", JB_DOMAIN_OK);
    assert_int_equal(fixture_domain(&fixture, "hwmon/apm_xgene@0/power2")->state, JB_DOMAIN_DISABLED);
    const struct jb_domain *domains;
    size_t count = fixture.source->ops->domains(fixture.source, &domains);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strcspn(domains[i].id, "\033\007 "), strlen(domains[i].id));
        assert_int_equal(strcspn(domains[i].name, "\033\007"), strlen(domains[i].name));
    }
    fixture_end(&fixture);
}

static void test_changes(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "server-node");
    fixture_write(&fixture, "/sys/class/hwmon/hwmon1/power1_average", "");
    fixture_open(&fixture, &jb_source_hwmon);
    const char *meter = "hwmon/power_meter@0/power1";
    expect(&fixture, meter, JB_NODE, "node", JB_DOMAIN_DISABLED);
    fixture_write(&fixture, "/sys/class/hwmon/hwmon1/power1_average", "400000000\n");
    assert_true(fixture.source->ops->rescan(fixture.source));
    expect(&fixture, meter, JB_NODE, "node", JB_DOMAIN_OK);
    /* Once it worked, a moment without data does not cost it its place. */
    fixture_write(&fixture, "/sys/class/hwmon/hwmon1/power1_average", "");
    assert_int_equal(fixture_read(&fixture, meter).state, JB_READING_NONE);
    assert_false(fixture.source->ops->rescan(fixture.source));
    expect(&fixture, meter, JB_NODE, "node", JB_DOMAIN_OK);
    fixture_shell(&fixture, "rm -r sys/class/hwmon/hwmon1");
    assert_true(fixture.source->ops->rescan(fixture.source));
    assert_int_equal(count_of(&fixture), 2);
    fixture_end(&fixture);
}

static void test_grace(void **state) {
    (void)state;
    static const struct {
        const char *label;
        enum jb_domain_kind kind;
        const char *account;
        enum jb_domain_state domain_state;
    } wanted[] = {
        {"Module Power Socket 1", JB_PSYS, "module", JB_DOMAIN_DISABLED},
        {"Grace Power Socket 1", JB_PACKAGE, "cpu1", JB_DOMAIN_OK},
        {"CPU Power Socket 1", JB_CORE, "cpu-rail1", JB_DOMAIN_OK},
        {"SysIO Power Socket 0", JB_UNCORE, "sysio-rail0", JB_DOMAIN_OK},
        {"anything", JB_NODE, "node", JB_DOMAIN_OK},
    };
    for (size_t i = 0; i < JB_COUNT(wanted); i++) {
        struct jb_hwmon_channel channel = {.driver = "power_meter", .label = wanted[i].label, .number = 1};
        struct jb_domain domain = {0};
        assert_true(jb_hwmon_judge(&channel, &domain));
        assert_int_equal(domain.kind, wanted[i].kind);
        assert_string_equal(domain.account, wanted[i].account);
        assert_int_equal(domain.state, wanted[i].domain_state);
    }
}

static void test_declarations(void **state) {
    (void)state;
    struct jb_hwmon_declaration declarations[JB_HWMON_DECLARATION_CEILING];
    struct jb_error error = {0};
    size_t count = 99;
    assert_int_equal(jb_hwmon_declarations_parse("", "f", &error, declarations, &count), JB_OK);
    assert_int_equal(count, 0);
    assert_int_equal(
        jb_hwmon_declarations_parse("  \n# x\r\na/b\tgpu gpu7\r\n", "f", &error, declarations, &count),
        JB_OK);
    assert_int_equal(count, 1);
    assert_string_equal(declarations[0].account, "gpu7");
    assert_int_equal(declarations[0].kind, JB_GPU);
    static const char *const bad[] = {"a",         "a gpu b c",  "a cpu",
                                      "a gpu x/y", "\na gpu ..", "a gpu b c d e f"};
    for (size_t i = 0; i < JB_COUNT(bad); i++) {
        assert_int_equal(jb_hwmon_declarations_parse(bad[i], "f", &error, declarations, &count), JB_INPUT);
        assert_non_null(strstr(error.message, bad[i][0] == '\n' ? "f:2: " : "f:1: "));
    }
}

static void test_nothing(void **state) {
    (void)state;
    struct fixture fixture;
    struct jb_error error = {0};
    fixture_make(&fixture, NULL);
    assert_int_equal(jb_source_open(&jb_source_hwmon, &fixture.context, &error, &fixture.source), JB_NO_DATA);
    fixture_shell(&fixture, "mkdir -p sys/class/hwmon/hwmon0 && echo coretemp > sys/class/hwmon/hwmon0/name");
    assert_int_equal(jb_source_open(&jb_source_hwmon, &fixture.context, &error, &fixture.source), JB_NO_DATA);
    assert_non_null(strstr(error.message, "power or energy channel"));
    fixture_shell(&fixture, "mkdir -p etc/joulebook && echo wrong > etc/joulebook/hwmon.conf");
    assert_int_equal(jb_source_open(&jb_source_hwmon, &fixture.context, &error, &fixture.source), JB_INPUT);
    assert_non_null(strstr(error.message, "/etc/joulebook/hwmon.conf:1: "));
    fixture_end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server),       cmocka_unit_test(test_amd_energy),
        cmocka_unit_test(test_power_server), cmocka_unit_test(test_desktop_and_old_layout),
        cmocka_unit_test(test_board),        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_grace),        cmocka_unit_test(test_declarations),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
