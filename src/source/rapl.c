/* Energy counters of x86 processors (RAPL) through the kernel's powercap tree. */
#include "source/rapl_zone.h"
#include "source/source.h"

#include "base/cleanup.h"
#include "base/strings.h"
#include "source/channel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POWERCAP     "/sys/class/powercap"
#define ZONE_CEILING 256

/* How often two dies are compared before their counters are taken for one. */
#define MIRROR_ROUNDS 5

#define MEND                                                                                                 \
    "run as root, or give the program CAP_DAC_READ_SEARCH, or make energy_uj readable by a udev rule "       \
    "(docs/sources/rapl.md)"

/* One reading of the tree: zones[i] is what domains[i] came from. */
struct rapl_list {
    struct jb_domain domains[ZONE_CEILING];
    struct rapl_zone zones[ZONE_CEILING];
    int descriptors[ZONE_CEILING];
    size_t count;
    bool wants_retry; /* something may be readable later: look again even if the tree stays the same */
};

struct rapl_source {
    struct jb_source base;
    const struct jb_root *root;
    const struct jb_clock *clock;
    struct rapl_list *list, *spare;
    uint64_t tree_hash;
    bool is_amd, went_away;
};

static void list_clear(struct rapl_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->descriptors[i] >= 0)
            close(list->descriptors[i]);
    }
    memset(list->domains, 0, list->count * sizeof list->domains[0]);
    list->count = 0;
    list->wants_retry = false;
}

/* The names of the zones that there are, sorted; their number. A hash of them to *ret_hash. */
static enum jb_code list_zones(const struct jb_root *root, struct rapl_zone *zones, struct jb_error *error,
                               size_t *ret_count, uint64_t *ret_hash) {
    DIR *directory = jb_root_opendir(root, POWERCAP);
    if (!directory) {
        enum jb_code code = jb_error_set_errno(error, errno, "%s" POWERCAP, root->path);
        return code == JB_NO_DATA
                   ? jb_error_set(error, code,
                                  "no %s" POWERCAP ": a virtual machine, a processor without RAPL, "
                                  "or a container that hides it",
                                  root->path)
                   : code;
    }
    size_t count = 0;
    uint64_t hash = 0;
    for (const struct dirent *entry; (entry = readdir(directory));) {
        struct rapl_zone zone;
        if (!jb_rapl_zone_of_directory(entry->d_name, &zone))
            continue;
        if (count >= ZONE_CEILING) {
            closedir(directory);
            return jb_error_set(error, JB_LIMIT, "%s" POWERCAP " has more than %d zones", root->path,
                                ZONE_CEILING);
        }
        hash ^= jb_hash_uint64(jb_hash_bytes(entry->d_name, strlen(entry->d_name)));
        zones[count++] = zone;
    }
    closedir(directory);
    qsort(zones, count, sizeof *zones, jb_rapl_zone_compare);
    *ret_count = count;
    *ret_hash = hash;
    return JB_OK;
}

static bool read_number(const struct jb_root *root, const char *directory, const char *file,
                        uint64_t *ret_value) {
    char path[192];
    snprintf(path, sizeof path, POWERCAP "/%s/%s", directory, file);
    return jb_root_read_uint64(root, path, NULL, ret_value) == JB_OK;
}

/* A ceiling of power: twice the highest limit that the zone knows of (turbo goes above the thermal design
 * power, the limits may be changed), within what a package can take; 0 when it knows none. */
static uint64_t read_power_max_uw(const struct jb_root *root, const char *directory) {
    uint64_t highest_uw = 0, value_uw;
    for (int i = 0; i < 3; i++) {
        char file[48];
        snprintf(file, sizeof file, "constraint_%d_max_power_uw", i);
        if (read_number(root, directory, file, &value_uw) && value_uw > highest_uw)
            highest_uw = value_uw;
        snprintf(file, sizeof file, "constraint_%d_power_limit_uw", i);
        if (read_number(root, directory, file, &value_uw) && value_uw > highest_uw)
            highest_uw = value_uw;
    }
    if (highest_uw == 0)
        return 0;
    const uint64_t least_uw = 20000000, most_uw = 2000000000;
    if (highest_uw > most_uw / 2)
        return most_uw;
    return highest_uw * 2 < least_uw ? least_uw : highest_uw * 2;
}

/* Relative standard uncertainties; the studies and how they were turned into these are in
 * docs/sources/rapl.md. */
static uint32_t uncertainty_ppm(enum jb_domain_kind kind, bool is_amd) {
    switch (kind) {
    case JB_PACKAGE:
        return is_amd ? 50000 : 30000;
    case JB_PSYS:
        return 50000;
    default:
        return 100000;
    }
}

/* Whether the domain was usable before this scan: it then keeps its place while it has no data for a moment.
 */
static bool was_usable(const struct rapl_source *source, const struct rapl_list *list, const char *id) {
    for (size_t i = 0; list != source->list && i < source->list->count; i++) {
        if (strcmp(source->list->domains[i].id, id) == 0)
            return source->list->domains[i].state == JB_DOMAIN_OK;
    }
    return false;
}

/* Opens the counter and looks whether it counts: state and note of the domain. */
static void probe_counter(struct rapl_source *source, struct rapl_list *list, size_t index) {
    struct jb_domain *domain = &list->domains[index];
    char path[192];
    struct jb_reading reading = {0};
    snprintf(path, sizeof path, POWERCAP "/%s/energy_uj", list->zones[index].directory);
    enum jb_code code = jb_channel_open(source->root, path, NULL, &list->descriptors[index]);
    if (!code)
        jb_channel_read(list->descriptors[index], 1, &reading);
    if (code == JB_PERMISSION || (!code && reading.state == JB_READING_DENIED)) {
        domain->state = JB_DOMAIN_DENIED;
        snprintf(domain->note, sizeof domain->note, "%s", MEND);
        list->wants_retry = true;
    } else if (!code && reading.state == JB_READING_NONE && was_usable(source, list, domain->id)) {
        return;
    } else if (code || reading.state != JB_READING_OK) {
        domain->state = JB_DOMAIN_DISABLED;
        snprintf(domain->note, sizeof domain->note, code ? "it has no energy counter" : "it gives no data");
        list->wants_retry = true;
    } else if (reading.value == 0) {
        domain->state = JB_DOMAIN_DISABLED;
        snprintf(domain->note, sizeof domain->note,
                 "its counter stands at 0: this platform does not count it");
        list->wants_retry = true;
    }
}

static void fill_domain(struct rapl_source *source, struct rapl_list *list, size_t index) {
    struct jb_domain *domain = &list->domains[index];
    const struct rapl_zone *zone = &list->zones[index];
    uint64_t range_uj = 0;
    list->descriptors[index] = -1;
    domain->kind = zone->kind;
    domain->form = JB_COUNTER;
    domain->method = JB_MEASURED;
    domain->parent = -1;
    domain->uncertainty_ppm = uncertainty_ppm(zone->kind, source->is_amd);
    domain->power_max_uw = read_power_max_uw(source->root, zone->directory);
    bool inside = zone->kind == JB_CORE || zone->kind == JB_UNCORE;
    if (inside && zone->parent >= 0) {
        domain->parent = zone->parent;
        if (domain->power_max_uw == 0)
            domain->power_max_uw = list->domains[zone->parent].power_max_uw;
    }
    if (zone->kind == JB_DRAM && zone->parent >= 0)
        snprintf(domain->note, sizeof domain->note, "beside the package, though RAPL nests it there");
    jb_rapl_zone_name(zone, zone->parent >= 0 ? &list->zones[zone->parent] : NULL, domain);
    for (size_t i = 0; i < index; i++) {
        if (strcmp(list->domains[i].id, domain->id) == 0)
            snprintf(domain->id, sizeof domain->id, "rapl/%s", zone->directory);
    }
    if (!zone->is_known) {
        domain->state = JB_DOMAIN_DISABLED;
        snprintf(domain->note, sizeof domain->note, "no zone of this name is known");
        return;
    }
    /* The counter is 32 bits of units of 2^-ESU J (or 15.3 µJ, or 1 J): range = (2^32 - 1) units. */
    if (read_number(source->root, zone->directory, "max_energy_range_uj", &range_uj) && range_uj > 0 &&
        range_uj < UINT64_MAX) {
        domain->wrap_modulus_uj = range_uj + 1;
        domain->resolution = (range_uj + UINT32_MAX / 2) / UINT32_MAX;
        if (domain->resolution == 0)
            domain->resolution = 1;
    }
    probe_counter(source, list, index);
}

/* Whether two counters are one: read in turn, the second always lies between two readings of the first. */
static bool is_mirror(int first, int second) {
    for (int round = 0; round < MIRROR_ROUNDS; round++) {
        struct jb_reading before = {0}, between = {0}, after = {0};
        jb_channel_read(first, 1, &before);
        jb_channel_read(second, 1, &between);
        jb_channel_read(first, 1, &after);
        if (before.state || between.state || after.state)
            return false;
        bool wrapped = after.value < before.value;
        if (!wrapped && (between.value < before.value || between.value > after.value))
            return false;
    }
    return true;
}

static void set_duplicate(struct jb_domain *domain, const struct jb_domain *original) {
    domain->state = JB_DOMAIN_DUPLICATE;
    snprintf(domain->note, sizeof domain->note, "shows the same energy as %s", original->id);
}

/* intel-rapl-mmio shows what intel-rapl does; dies of some AMD parts mirror one counter. */
static void find_duplicates(struct rapl_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        struct jb_domain *domain = &list->domains[i];
        const struct rapl_zone *zone = &list->zones[i];
        if (domain->state != JB_DOMAIN_OK)
            continue;
        for (size_t j = 0; j < i && domain->state == JB_DOMAIN_OK; j++) {
            const struct rapl_zone *other = &list->zones[j];
            if (list->domains[j].state != JB_DOMAIN_OK || !jb_rapl_zone_is_same_package(zone, other))
                continue;
            bool is_same_die = zone->die == other->die || zone->is_mmio != other->is_mmio;
            if (is_same_die || is_mirror(list->descriptors[j], list->descriptors[i]))
                set_duplicate(domain, &list->domains[j]);
        }
    }
    /* Where all dies of a package mirror the first, that one is the package. */
    for (size_t i = 0; i < list->count; i++) {
        bool has_sibling = false;
        for (size_t j = 0; j < list->count; j++)
            has_sibling = has_sibling || (j != i && list->domains[j].state != JB_DOMAIN_DUPLICATE &&
                                          list->zones[j].die != list->zones[i].die &&
                                          jb_rapl_zone_is_same_package(&list->zones[i], &list->zones[j]));
        if (list->domains[i].state == JB_DOMAIN_OK && !has_sibling)
            jb_rapl_zone_drop_die(&list->domains[i]);
    }
}

/* Reads the whole tree into list, which is empty. */
static enum jb_code scan(struct rapl_source *source, struct rapl_list *list, struct jb_error *error) {
    enum jb_code code = list_zones(source->root, list->zones, error, &list->count, &source->tree_hash);
    if (code)
        return code;
    for (size_t i = 0; i < list->count; i++) {
        char path[192], name[JB_DOMAIN_ID_SIZE] = "";
        snprintf(path, sizeof path, POWERCAP "/%s/name", list->zones[i].directory);
        jb_root_read_line(source->root, path, name, sizeof name, NULL);
        jb_rapl_zone_classify(list->zones, i, name);
        fill_domain(source, list, i);
    }
    find_duplicates(list);
    return JB_OK;
}

/* Whether anything can be read, and if not, why not. */
static enum jb_code judge(const struct rapl_source *source, struct jb_error *error) {
    const struct rapl_list *list = source->list;
    size_t denied = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->domains[i].state == JB_DOMAIN_OK)
            return JB_OK;
        denied += list->domains[i].state == JB_DOMAIN_DENIED;
    }
    if (denied)
        return jb_error_set(error, JB_PERMISSION, "%zu energy counters that may not be read: %s", denied,
                            MEND);
    if (list->count)
        return jb_error_set(
            error, JB_NO_DATA,
            "%zu zones in %s" POWERCAP ", but no energy counter that counts: hidden by a container "
            "(mount the host's /sys/devices/virtual/powercap), or not built into this machine",
            list->count, source->root->path);
    return jb_error_set(error, JB_NO_DATA,
                        "no intel-rapl zone in %s" POWERCAP
                        ": on bare metal try 'modprobe intel_rapl_msr'; a virtual machine has none",
                        source->root->path);
}

static void rapl_close(struct jb_source *base) {
    struct rapl_source *source = (struct rapl_source *)base;
    if (!source)
        return;
    if (source->list)
        list_clear(source->list);
    free(source->list);
    free(source->spare);
    free(source);
}

static enum jb_code rapl_open(const struct jb_source_context *context, struct jb_error *error,
                              struct jb_source **ret_source) {
    struct rapl_source *source = calloc(1, sizeof *source);
    if (!source)
        return jb_error_set(error, JB_MEMORY, "out of memory");
    source->base.ops = &jb_source_rapl;
    source->root = context->root;
    source->clock = context->clock;
    source->is_amd = jb_rapl_is_amd(context->root);
    source->list = calloc(1, sizeof *source->list);
    source->spare = calloc(1, sizeof *source->spare);
    enum jb_code code = source->list && source->spare ? scan(source, source->list, error)
                                                      : jb_error_set(error, JB_MEMORY, "out of memory");
    if (!code)
        code = judge(source, error);
    if (code) {
        rapl_close(&source->base);
        return code;
    }
    *ret_source = &source->base;
    return JB_OK;
}

static size_t rapl_domains(const struct jb_source *base, const struct jb_domain **ret_domains) {
    const struct rapl_source *source = (const struct rapl_source *)base;
    *ret_domains = source->list->domains;
    return source->list->count;
}

static void rapl_read(struct jb_source *base, struct jb_reading *readings) {
    struct rapl_source *source = (struct rapl_source *)base;
    const struct rapl_list *list = source->list;
    for (size_t i = 0; i < list->count; i++) {
        enum jb_domain_state state = list->domains[i].state;
        readings[i] = (struct jb_reading){.state = JB_READING_NONE};
        readings[i].boottime_ns = source->clock->boottime_ns(source->clock);
        if (state == JB_DOMAIN_DENIED)
            readings[i].state = JB_READING_DENIED;
        else if (list->descriptors[i] >= 0 && state != JB_DOMAIN_DISABLED)
            jb_channel_read(list->descriptors[i], 1, &readings[i]);
        source->went_away = source->went_away || readings[i].state == JB_READING_GONE;
    }
}

static bool rapl_rescan(struct jb_source *base) {
    struct rapl_source *source = (struct rapl_source *)base;
    struct rapl_list *fresh = source->spare, *old = source->list;
    size_t count;
    uint64_t hash;
    if (!old->wants_retry && !source->went_away) {
        enum jb_code code = list_zones(source->root, fresh->zones, NULL, &count, &hash);
        if (!code && hash == source->tree_hash)
            return false;
    }
    /* A tree that is gone altogether leaves an empty list; what it had is found again when it comes back. */
    if (scan(source, fresh, NULL)) {
        list_clear(fresh);
        source->tree_hash = 0;
    }
    source->went_away = false;
    bool changed = fresh->count != old->count;
    for (size_t i = 0; i < fresh->count && !changed; i++)
        changed = memcmp(&fresh->domains[i], &old->domains[i], sizeof fresh->domains[i]) != 0;
    source->list = fresh;
    source->spare = old;
    list_clear(old);
    return changed;
}

const struct jb_source_ops jb_source_rapl = {
    .name = "rapl",
    .summary = "energy counters of x86 processors (powercap)",
    .open = rapl_open,
    .domains = rapl_domains,
    .read = rapl_read,
    .rescan = rapl_rescan,
    .close = rapl_close,
};
