/* RAPL through the kernel's perf PMU `power`, for machines where powercap is missing or may not be read. */
#include "source/rapl_perf.h"
#include "source/source.h"

#include "base/cleanup.h"
#include "source/rapl_zone.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PMU            "/sys/bus/event_source/devices/power"
#define DOMAIN_CEILING 128
#define CPU_CEILING    64

struct perf_source {
    struct jb_source base;
    const struct jb_clock *clock;
    struct jb_domain domains[DOMAIN_CEILING];
    int descriptors[DOMAIN_CEILING];
    unsigned bits[DOMAIN_CEILING];
    size_t count;
    bool is_amd;
    uint64_t epoch; /* counts begin when the event is opened: boottime of that */
};

static const char *const event_names[] = {"energy-psys", "energy-pkg", "energy-cores", "energy-gpu",
                                          "energy-ram"};

/* Whether powercap has a counter that may be read: it is the better way, since its counters go on over
 * restarts of the program. */
static bool has_powercap(const struct jb_source_context *context) {
    struct jb_source *source = NULL;
    if (jb_source_rapl.open(context, NULL, &source))
        return false;
    jb_source_rapl.close(source);
    return true;
}

static int open_event(uint32_t type, uint64_t config, int cpu) {
    struct perf_event_attr attributes = {.type = type, .size = sizeof attributes, .config = config};
    return (int)syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static int package_of_cpu(const struct jb_root *root, int cpu) {
    char path[96];
    uint64_t package;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/physical_package_id", cpu);
    if (jb_root_read_uint64(root, path, NULL, &package) || package > 10000)
        return -1;
    return (int)package;
}

static void name_domain(struct jb_domain *domain, const char *event, int package, unsigned die,
                        bool has_dies) {
    char number[32];
    if (has_dies)
        snprintf(number, sizeof number, "%d-die%u", package, die);
    else
        snprintf(number, sizeof number, "%d", package);
    snprintf(domain->id, sizeof domain->id, "rapl-perf/package-%s/%s", number, event);
    snprintf(domain->name, sizeof domain->name, "%s of package %s", event, number);
    const char *stem = domain->kind == JB_DRAM ? "dram" : "cpu";
    if (domain->kind == JB_PSYS)
        snprintf(domain->account, sizeof domain->account, package > 0 ? "psys%s" : "psys", number);
    else if (domain->kind == JB_CORE || domain->kind == JB_UNCORE)
        snprintf(domain->account, sizeof domain->account, "cpu%.16s-%s", number,
                 jb_domain_kind_name(domain->kind));
    else
        snprintf(domain->account, sizeof domain->account, "%s%.20s", stem, number);
}

static void perf_read(struct jb_source *base, struct jb_reading *readings) {
    struct perf_source *source = (struct perf_source *)base;
    for (size_t i = 0; i < source->count; i++) {
        uint64_t count;
        readings[i] = (struct jb_reading){.state = JB_READING_GONE, .epoch = source->epoch};
        readings[i].boottime_ns = source->clock->boottime_ns(source->clock);
        if (read(source->descriptors[i], &count, sizeof count) != sizeof count)
            continue;
        readings[i].value = jb_perf_energy_uj(count, source->bits[i]);
        readings[i].state = JB_READING_OK;
    }
}

/* Opens one event on the CPUs of the mask, one of each package (or die). */
static enum jb_code add_event(struct perf_source *source, const struct jb_root *root, uint32_t type,
                              const char *name, const int *cpus, size_t cpu_count, struct jb_error *error) {
    char path[160], text[64];
    uint64_t config;
    unsigned bits, die = 0;
    enum jb_domain_kind kind = JB_PACKAGE;
    snprintf(path, sizeof path, PMU "/events/%s", name);
    if (!jb_perf_event_kind(name, &kind) || jb_root_read_line(root, path, text, sizeof text, NULL))
        return JB_OK; /* this machine has no such event */
    enum jb_code code = jb_perf_event_parse(text, error, &config);
    if (code)
        return jb_error_prefix(error, "%s", path);
    snprintf(path, sizeof path, PMU "/events/%s.scale", name);
    code = jb_root_read_line(root, path, text, sizeof text, error);
    if (!code && (code = jb_perf_scale_parse(text, error, &bits)))
        jb_error_prefix(error, "%s", path);
    if (code)
        return code;
    for (size_t i = 0; i < cpu_count && source->count < DOMAIN_CEILING; i++) {
        int package = package_of_cpu(root, cpus[i]);
        bool has_dies = false;
        die = 0;
        for (size_t j = 0; j < cpu_count; j++) {
            bool is_sibling = j != i && package_of_cpu(root, cpus[j]) == package;
            has_dies = has_dies || is_sibling;
            die += is_sibling && j < i;
        }
        /* All dies of such a package show the counter of the whole. */
        if (source->is_amd && die > 0)
            continue;
        has_dies = has_dies && !source->is_amd;
        int descriptor = open_event(type, config, cpus[i]);
        if (descriptor < 0 && (errno == EACCES || errno == EPERM))
            return jb_error_set(error, JB_PERMISSION,
                                "perf events of the whole CPU are not allowed: run as root, give the program "
                                "CAP_PERFMON, or set kernel.perf_event_paranoid to 0 (docs/sources/rapl.md)");
        if (descriptor < 0)
            continue; /* listed, but this processor does not have it */
        struct jb_domain *domain = &source->domains[source->count];
        *domain = (struct jb_domain){.kind = kind, .parent = -1, .form = JB_COUNTER, .method = JB_MEASURED};
        domain->resolution = 61;
        domain->uncertainty_ppm = kind == JB_PACKAGE ? 50000 : kind == JB_PSYS ? 50000 : 100000;
        snprintf(domain->note, sizeof domain->note,
                 "counts while the program runs: gaps between runs are unknown");
        name_domain(domain, name, package, die, has_dies);
        source->descriptors[source->count] = descriptor;
        source->bits[source->count] = bits;
        source->count++;
    }
    return JB_OK;
}

static void link_parents(struct perf_source *source) {
    for (size_t i = 0; i < source->count; i++) {
        struct jb_domain *domain = &source->domains[i];
        size_t prefix = (size_t)(strrchr(domain->id, '/') - domain->id);
        for (size_t j = 0; j < source->count; j++) {
            if ((domain->kind == JB_CORE || domain->kind == JB_UNCORE) &&
                source->domains[j].kind == JB_PACKAGE &&
                strncmp(domain->id, source->domains[j].id, prefix + 1) == 0)
                domain->parent = (int32_t)j;
        }
    }
}

static void perf_close(struct jb_source *base) {
    struct perf_source *source = (struct perf_source *)base;
    if (!source)
        return;
    for (size_t i = 0; i < source->count; i++)
        close(source->descriptors[i]);
    free(source);
}

static enum jb_code open_whole(struct perf_source *source, const struct jb_root *root,
                               struct jb_error *error) {
    uint64_t type;
    char text[256];
    int cpus[CPU_CEILING];
    size_t cpu_count;
    enum jb_code code = jb_root_read_uint64(root, PMU "/type", error, &type);
    if (code == JB_NO_DATA)
        return jb_error_set(error, code, "no %s" PMU ": this kernel has no perf PMU of RAPL", root->path);
    if (!code)
        code = jb_root_read_line(root, PMU "/cpumask", text, sizeof text, error);
    if (!code)
        code = jb_perf_cpumask_parse(text, CPU_CEILING, error, cpus, &cpu_count);
    for (size_t i = 0; !code && i < JB_COUNT(event_names); i++)
        code = add_event(source, root, (uint32_t)type, event_names[i], cpus, cpu_count, error);
    if (!code && source->count == 0)
        return jb_error_set(error, JB_NO_DATA, "%s" PMU " has no energy event", root->path);
    link_parents(source);
    return code;
}

static enum jb_code perf_open(const struct jb_source_context *context, struct jb_error *error,
                              struct jb_source **ret_source) {
    if (!jb_root_exists(context->root, PMU))
        return jb_error_set(error, JB_NO_DATA, "no %s" PMU ": this kernel has no perf PMU of RAPL",
                            context->root->path);
    if (!context->root->is_real)
        return jb_error_set(error, JB_UNSUPPORTED, "perf events are of the running kernel, not of %s",
                            context->root->path);
    if (has_powercap(context))
        return jb_error_set(error, JB_NO_DATA, "not needed: powercap shows the same counters");
    struct perf_source *source = calloc(1, sizeof *source);
    if (!source)
        return jb_error_set(error, JB_MEMORY, "out of memory");
    source->base.ops = &jb_source_rapl_perf;
    source->clock = context->clock;
    source->is_amd = jb_rapl_is_amd(context->root);
    source->epoch = (uint64_t)context->clock->boottime_ns(context->clock);
    enum jb_code code = open_whole(source, context->root, error);
    if (code) {
        perf_close(&source->base);
        return code;
    }
    *ret_source = &source->base;
    return JB_OK;
}

static size_t perf_domains(const struct jb_source *base, const struct jb_domain **ret_domains) {
    const struct perf_source *source = (const struct perf_source *)base;
    *ret_domains = source->domains;
    return source->count;
}

const struct jb_source_ops jb_source_rapl_perf = {
    .name = "rapl-perf",
    .summary = "the same counters through perf, where powercap is not to be had",
    .open = perf_open,
    .domains = perf_domains,
    .read = perf_read,
    .close = perf_close,
};
