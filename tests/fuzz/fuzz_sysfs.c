/* What the kernel's files may say, as any bytes: numbers, zone names, folders, labels, perf's words,
 * settings. */
#include "base/cleanup.h"
#include "base/root.h"
#include "source/channel.h"
#include "source/hwmon_rules.h"
#include "source/rapl_perf.h"
#include "source/rapl_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void try_number(const char *bytes, size_t size) {
    uint64_t value = 7;
    if (jb_sysfs_uint64(bytes, size, NULL, &value)) {
        require(value == 7);
        return;
    }
    char printed[32];
    snprintf(printed, sizeof printed, "%llu", (unsigned long long)value);
    require(size > 0 && bytes[0] >= '0' && bytes[0] <= '9');
    uint64_t again;
    require(jb_sysfs_uint64(printed, strlen(printed), NULL, &again) == JB_OK && again == value);
}

static void require_clean(const char *text, bool is_id) {
    for (; *text; text++) {
        require((unsigned char)*text >= 0x20 && *text != 0x7f);
        require(!is_id || ((unsigned char)*text < 0x80 && !strchr(" \"'\\*?", *text)));
    }
}

static void try_zone(const char *text) {
    struct rapl_zone zones[2];
    struct jb_domain domain = {0};
    if (jb_rapl_zone_of_directory(text, &zones[0]))
        require(zones[0].depth > 0 && zones[0].depth <= RAPL_DEPTH && strcmp(zones[0].directory, text) == 0);
    require(jb_rapl_zone_of_directory("intel-rapl:0", &zones[0]));
    require(jb_rapl_zone_of_directory("intel-rapl:0:0", &zones[1]));
    jb_rapl_zone_classify(zones, 0, text);
    jb_rapl_zone_classify(zones, 1, text);
    for (int i = 0; i < 2; i++) {
        jb_rapl_zone_name(&zones[i], i ? &zones[0] : NULL, &domain);
        require_clean(domain.id, true);
        require_clean(domain.name, false);
        require_clean(domain.account, true);
        require(domain.account[0] && !strchr(domain.account, '/'));
        jb_rapl_zone_drop_die(&domain);
        require(domain.account[0] && !strstr(domain.account, "-die"));
    }
}

static void try_hwmon(const char *text) {
    static const char *const drivers[] = {"power_meter", "ibmpowernv", "amd_energy", "corsairpsu", "xe"};
    static struct jb_hwmon_declaration declarations[JB_HWMON_DECLARATION_CEILING];
    size_t count = 0;
    for (size_t i = 0; i <= JB_COUNT(drivers); i++) {
        struct jb_hwmon_channel channel = {.driver = i < JB_COUNT(drivers) ? drivers[i] : text,
                                           .label = text};
        struct jb_domain domain = {.id = "hwmon/x@0/power1"};
        if (jb_hwmon_judge(&channel, &domain))
            require_clean(domain.account, true);
    }
    if (jb_hwmon_declarations_parse(text, "input", NULL, declarations, &count) == JB_OK) {
        struct jb_domain domain = {.id = "hwmon/x@0/power1"};
        require(count <= JB_HWMON_DECLARATION_CEILING);
        jb_hwmon_declare(declarations, count, &domain);
    }
}

static void try_perf(const char *text) {
    uint64_t config;
    unsigned bits;
    int cpus[8];
    size_t count;
    enum jb_domain_kind kind;
    (void)jb_perf_event_parse(text, NULL, &config);
    if (jb_perf_scale_parse(text, NULL, &bits) == JB_OK)
        require(bits <= 63 && jb_perf_energy_uj(1, bits) <= 1000000);
    if (jb_perf_cpumask_parse(text, JB_COUNT(cpus), NULL, cpus, &count) == JB_OK)
        require(count >= 1 && count <= JB_COUNT(cpus));
    (void)jb_perf_event_kind(text, &kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    try_number((const char *)bytes, size);
    char *text = malloc(size + 1), id[40];
    require(text != NULL);
    memcpy(text, bytes, size);
    text[size] = '\0';
    jb_channel_id(text, id, sizeof id);
    require(id[0] && strlen(id) < sizeof id && !strchr(id, '/'));
    require_clean(id, true);
    try_zone(text);
    try_hwmon(text);
    try_perf(text);
    free(text);
    return 0;
}
