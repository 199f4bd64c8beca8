/* What a RAPL zone is, from the name of its folder and the name that it gives itself. */
#include "source/rapl_zone.h"

#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Number at *cursor, moved behind it; -1 when there is none below a million. */
static int32_t take_number(const char **cursor) {
    int32_t value = 0;
    const char *start = *cursor;
    while (**cursor >= '0' && **cursor <= '9') {
        value = value * 10 + (**cursor - '0');
        if (value >= 1000000)
            return -1;
        (*cursor)++;
    }
    return *cursor == start ? -1 : value;
}

static bool take_prefix(const char **cursor, const char *prefix) {
    size_t length = strlen(prefix);
    if (strncmp(*cursor, prefix, length) != 0)
        return false;
    *cursor += length;
    return true;
}

bool jb_rapl_zone_of_directory(const char *directory, struct rapl_zone *ret_zone) {
    struct rapl_zone zone = {.parent = -1, .package = -1, .die = -1};
    const char *cursor = directory;
    if (strlen(directory) >= sizeof zone.directory)
        return false;
    if (take_prefix(&cursor, "intel-rapl-mmio"))
        zone.is_mmio = true;
    else if (!take_prefix(&cursor, "intel-rapl"))
        return false;
    while (*cursor == ':') {
        cursor++;
        int32_t number = take_number(&cursor);
        if (number < 0 || zone.depth == RAPL_DEPTH)
            return false;
        zone.numbers[zone.depth++] = (uint32_t)number;
    }
    if (*cursor || zone.depth == 0)
        return false;
    strcpy(zone.directory, directory);
    *ret_zone = zone;
    return true;
}

int jb_rapl_zone_compare(const void *a, const void *b) {
    const struct rapl_zone *x = a, *y = b;
    if (x->is_mmio != y->is_mmio)
        return x->is_mmio ? 1 : -1;
    for (size_t i = 0; i < x->depth && i < y->depth; i++) {
        if (x->numbers[i] != y->numbers[i])
            return x->numbers[i] < y->numbers[i] ? -1 : 1;
    }
    return (x->depth > y->depth) - (x->depth < y->depth);
}

static int32_t find_parent(const struct rapl_zone *zones, size_t index) {
    const struct rapl_zone *zone = &zones[index];
    for (size_t i = index; i-- > 0;) {
        if (zones[i].is_mmio == zone->is_mmio && zones[i].depth + 1 == zone->depth &&
            memcmp(zones[i].numbers, zone->numbers, zones[i].depth * sizeof zone->numbers[0]) == 0)
            return (int32_t)i;
    }
    return -1;
}

void jb_rapl_zone_classify(struct rapl_zone *zones, size_t index, const char *name) {
    static const struct {
        const char *name;
        enum jb_domain_kind kind;
    } inner[] = {{"core", JB_CORE}, {"uncore", JB_UNCORE}, {"dram", JB_DRAM}};
    struct rapl_zone *zone = &zones[index];
    const char *cursor = name;
    jb_text_display(name, zone->name, sizeof zone->name);
    zone->parent = find_parent(zones, index);
    if (zone->parent >= 0) {
        zone->package = zones[zone->parent].package;
        zone->die = zones[zone->parent].die;
    }
    zone->kind = zone->parent >= 0 ? JB_UNCORE : JB_PACKAGE;
    if (take_prefix(&cursor, "package-")) {
        int32_t die = -1, package = take_number(&cursor);
        if (package >= 0 && take_prefix(&cursor, "-die-"))
            die = take_number(&cursor);
        zone->is_known = package >= 0 && !*cursor;
        zone->kind = JB_PACKAGE;
        zone->package = package;
        zone->die = die;
        return;
    }
    if (take_prefix(&cursor, "psys")) {
        zone->kind = JB_PSYS;
        if (take_prefix(&cursor, "-"))
            zone->package = take_number(&cursor);
        zone->is_known = !*cursor;
        return;
    }
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++) {
        if (strcmp(name, inner[i].name) == 0) {
            zone->kind = inner[i].kind;
            zone->is_known = zone->package >= 0;
        }
    }
}

void jb_rapl_zone_name(const struct rapl_zone *zone, const struct rapl_zone *parent,
                       struct jb_domain *domain) {
    const char *prefix = zone->is_mmio ? "rapl-mmio" : "rapl";
    snprintf(domain->name, sizeof domain->name, "%s", zone->name[0] ? zone->name : zone->directory);
    /* Memory stands beside its package, so its name must say whose it is: "dram 1", "dram 0-die-1". */
    if (zone->is_known && zone->kind == JB_DRAM && parent)
        snprintf(domain->name, sizeof domain->name, "%.40s %.40s", zone->name,
                 strncmp(parent->name, "package-", 8) == 0 ? parent->name + 8 : parent->name);
    if (!zone->is_known)
        snprintf(domain->id, sizeof domain->id, "%s/%s", prefix, zone->directory);
    else if (zone->kind == JB_PACKAGE || zone->kind == JB_PSYS || !parent)
        snprintf(domain->id, sizeof domain->id, "%s/%.80s", prefix, zone->name);
    else
        snprintf(domain->id, sizeof domain->id, "%s/%.40s/%.40s", prefix, parent->name, zone->name);
    char package[24];
    if (zone->die >= 0)
        snprintf(package, sizeof package, "%d-die%d", (int)zone->package, (int)zone->die);
    else
        snprintf(package, sizeof package, "%d", (int)zone->package);
    if (!zone->is_known)
        snprintf(domain->account, sizeof domain->account, "unknown");
    else if (zone->kind == JB_PSYS)
        snprintf(domain->account, sizeof domain->account, "psys%s", zone->package > 0 ? package : "");
    else if (zone->kind == JB_DRAM)
        snprintf(domain->account, sizeof domain->account, "dram%s", package);
    else if (zone->kind == JB_PACKAGE)
        snprintf(domain->account, sizeof domain->account, "cpu%s", package);
    else
        snprintf(domain->account, sizeof domain->account, "cpu%.16s-%s", package,
                 jb_domain_kind_name(zone->kind));
}

bool jb_rapl_zone_is_same_package(const struct rapl_zone *a, const struct rapl_zone *b) {
    return a->is_known && b->is_known && a->kind == b->kind && a->package == b->package;
}

void jb_rapl_zone_drop_die(struct jb_domain *domain) {
    char *die = strstr(domain->account, "-die");
    if (!die)
        return;
    const char *rest = die + strlen("-die");
    while (*rest >= '0' && *rest <= '9')
        rest++;
    memmove(die, rest, strlen(rest) + 1);
}

bool jb_rapl_is_amd(const struct jb_root *root) {
    char text[1024];
    size_t length;
    _cleanup_close_ int descriptor = jb_root_openat(root, "/proc/cpuinfo", O_RDONLY);
    if (descriptor < 0 || jb_descriptor_read(descriptor, text, sizeof text, NULL, &length))
        return false;
    return strstr(text, "AuthenticAMD") || strstr(text, "HygonGenuine");
}
