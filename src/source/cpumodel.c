/* Estimates the power of a machine without counters from its kind of CPU, its use and its memory.
 *
 * The energy is a cumulative counter that follows from what the kernel counts since boot alone:
 *     E_cpu    = P_min × vCPUs × T + (P_max − P_min) × busy
 *     E_memory = W per GiB × GiB × T
 * (Cloud Carbon Footprint's linear model, integrated.) T is the monotonic clock, which stands still while the
 * machine is suspended; busy is the time that /proc/stat shows as not idle, over all CPUs. So the counter
 * goes on where it was when the program is started anew within one boot, as RAPL's does, provided that
 * neither the number of CPUs nor the size of memory changed since boot: where they change while the program
 * runs, only the increments from then on use the new number. */
#include "source/source.h"

#include "base/cleanup.h"
#include "base/decimal.h"
#include "base/text.h"
#include "source/cpumodel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define STAT_SIZE ((size_t)512 << 10) /* the lines of 4,096 CPUs; what follows them is not needed */

/* A fall of the busy counter by less than this is the kernel's rounding (steal on a migrated machine): it is
 * waited out. A larger one is a counter that began anew: it is counted on from there. */
#define BUSY_JITTER_NS (10 * JB_SECOND_NS)

enum { CPU_DOMAIN, MEMORY_DOMAIN, DOMAIN_COUNT };

struct cpumodel {
    struct jb_source source;
    const struct jb_root *root;
    const struct jb_clock *clock;
    int stat_descriptor;
    char *stat_text; /* STAT_SIZE bytes */
    uint64_t tick_ns;
    struct jb_cpu_factors factors;
    struct jb_cpu_identity identity;
    uint32_t cpu_count;
    uint64_t memory_mib;
    uint64_t memory_uw;
    int64_t monotonic_ns;              /* at which the sums below stand */
    jb_uint128 idle_uwns, memory_uwns; /* µW × ns = 10^−9 µJ */
    uint64_t busy_ns;                  /* as counted on: never falls */
    int64_t busy_offset_ns;            /* what is added to the kernel's number */
    struct jb_domain domains[DOMAIN_COUNT];
};

static struct cpumodel *of(struct jb_source *source) {
    return (struct cpumodel *)source;
}

static enum jb_code read_stat(const struct cpumodel *model, struct jb_error *error,
                              struct jb_cpu_stat *ret_stat) {
    size_t length = 0;
    enum jb_code code =
        jb_descriptor_read(model->stat_descriptor, model->stat_text, STAT_SIZE, error, &length);
    if (code)
        return jb_error_prefix(error, "%s/proc/stat", model->root->path), code;
    struct jb_cpu_stat stat;
    code = jb_cpu_stat_parse(model->stat_text, length, error, &stat);
    if (code)
        return code;
    if (stat.cpu_count == 0) /* a container's view may leave the lines of single CPUs out */
        stat.cpu_count = model->cpu_count ? model->cpu_count : 1;
    *ret_stat = stat;
    return JB_OK;
}

/* Size of memory from /proc/meminfo; 0 when it cannot be told. */
static uint64_t read_memory_mib(const struct jb_root *root) {
    struct jb_buffer text = {.ceiling = 64 << 10};
    uint64_t kib = 0;
    if (jb_root_read(root, "/proc/meminfo", &text, NULL) == JB_OK) {
        const char *line = strstr(text.bytes, "MemTotal:");
        const char *digits = line ? line + strlen("MemTotal:") : "";
        digits += strspn(digits, " ");
        for (; *digits >= '0' && *digits <= '9' && kib < UINT64_MAX / 1000; digits++)
            kib = kib * 10 + (uint64_t)(*digits - '0');
    }
    jb_buffer_free(&text);
    return kib / 1024;
}

/* Brings the sums up to now. What was counted before keeps the number of CPUs that held then. */
static void advance(struct cpumodel *model, int64_t monotonic_ns, const struct jb_cpu_stat *stat) {
    uint64_t elapsed_ns =
        monotonic_ns > model->monotonic_ns ? (uint64_t)(monotonic_ns - model->monotonic_ns) : 0;
    uint64_t idle_uw = model->factors.min_uw_per_vcpu * model->cpu_count;
    model->idle_uwns += (jb_uint128)idle_uw * elapsed_ns;
    model->memory_uwns += (jb_uint128)model->memory_uw * elapsed_ns;
    model->monotonic_ns += (int64_t)elapsed_ns;

    uint64_t kernel_ns = stat->busy_ticks * model->tick_ns;
    int64_t busy_ns = (int64_t)kernel_ns + model->busy_offset_ns;
    int64_t fall_ns = (int64_t)model->busy_ns - busy_ns;
    if (fall_ns <= 0)
        model->busy_ns = (uint64_t)busy_ns;
    else if (fall_ns > BUSY_JITTER_NS)
        model->busy_offset_ns += fall_ns;
    model->cpu_count = stat->cpu_count;
}

static uint64_t cpu_energy_uj(const struct cpumodel *model) {
    uint64_t active_uw = model->factors.max_uw_per_vcpu - model->factors.min_uw_per_vcpu;
    return (uint64_t)((model->idle_uwns + (jb_uint128)active_uw * model->busy_ns) / JB_SECOND_NS);
}

static void describe_cpu(struct cpumodel *model) {
    const struct jb_cpu_factors *factors = &model->factors;
    struct jb_domain *domain = &model->domains[CPU_DOMAIN];
    char name[64];
    jb_text_display(model->identity.model_name[0] ? model->identity.model_name : "CPU", name, sizeof name);
    *domain = (struct jb_domain){
        .kind = JB_PACKAGE,
        .parent = -1,
        .form = JB_COUNTER,
        .method = JB_MODELLED,
        .resolution = 1,
        .idle_uw = factors->min_uw_per_vcpu * model->cpu_count,
        .power_max_uw = factors->max_uw_per_vcpu * model->cpu_count,
        .uncertainty_ppm = factors->uncertainty_ppm,
    };
    snprintf(domain->id, sizeof domain->id, "cpumodel/cpu");
    snprintf(domain->account, sizeof domain->account, "cpu0");
    snprintf(domain->name, sizeof domain->name, "%s, %u vCPU", name, model->cpu_count);
    snprintf(domain->note, sizeof domain->note, "%.100s: %.3g to %.3g W per vCPU; a model, good to +-%u %%",
             factors->basis, (double)factors->min_uw_per_vcpu / 1e6, (double)factors->max_uw_per_vcpu / 1e6,
             (unsigned)((double)factors->uncertainty_ppm * 1.96 / 1e4 + 0.5));
}

static void describe_memory(struct cpumodel *model) {
    const struct jb_cpu_factors *factors = &model->factors;
    uint64_t included_mib = factors->memory_included_mib_per_vcpu * model->cpu_count;
    uint64_t extra_mib = model->memory_mib > included_mib ? model->memory_mib - included_mib : 0;
    model->memory_uw = (uint64_t)((jb_uint128)factors->memory_uw_per_gib * extra_mib / 1024);
    struct jb_domain *domain = &model->domains[MEMORY_DOMAIN];
    *domain = (struct jb_domain){
        .kind = JB_DRAM,
        .parent = -1,
        .form = JB_COUNTER,
        .method = JB_MODELLED,
        .resolution = 1,
        .idle_uw = model->memory_uw,
        .power_max_uw = model->memory_uw,
        .uncertainty_ppm = factors->memory_uncertainty_ppm,
    };
    snprintf(domain->id, sizeof domain->id, "cpumodel/memory");
    snprintf(domain->account, sizeof domain->account, "dram0");
    snprintf(domain->name, sizeof domain->name, "memory, %.1f GiB", (double)model->memory_mib / 1024);
    if (model->memory_mib == 0) {
        domain->state = JB_DOMAIN_DISABLED;
        snprintf(domain->note, sizeof domain->note, "/proc/meminfo does not tell the size of memory");
    } else if (model->memory_uw == 0) {
        domain->state = JB_DOMAIN_DISABLED;
        snprintf(domain->note, sizeof domain->note, "%.3g GiB per vCPU are in the figure of the CPU already",
                 (double)factors->memory_included_mib_per_vcpu / 1024);
    } else {
        snprintf(domain->note, sizeof domain->note,
                 "%.3g W per GiB for the %.1f GiB that the figure of the CPU leaves out; a model, good to "
                 "+-%u %%",
                 (double)factors->memory_uw_per_gib / 1e6, (double)extra_mib / 1024,
                 (unsigned)((double)factors->memory_uncertainty_ppm * 1.96 / 1e4 + 0.5));
    }
}

static void cpumodel_close(struct jb_source *source) {
    if (!source)
        return;
    struct cpumodel *model = of(source);
    if (model->stat_descriptor >= 0)
        close(model->stat_descriptor);
    free(model->stat_text);
    free(model);
}

/* What the CPU is: /proc/cpuinfo, and on Arm, where a kernel leaves the part out, the register itself. */
static void identify(struct cpumodel *model) {
    struct jb_buffer text = {.ceiling = 16 << 20};
    if (jb_root_read(model->root, "/proc/cpuinfo", &text, NULL) == JB_OK)
        jb_cpu_identity_parse(text.bytes, text.length, &model->identity);
    else
        jb_cpu_identity_parse("", 0, &model->identity);
    jb_buffer_free(&text);
    if (jb_root_exists(model->root, "/sys/hypervisor/type"))
        model->identity.is_virtual = true;
    char midr[32];
    if (!model->identity.vendor[0] &&
        jb_root_read_line(model->root, "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", midr,
                          sizeof midr, NULL) == JB_OK) {
        unsigned long long value = strtoull(midr, NULL, 16); /* "0x00000000413fd0c1" */
        /* MIDR_EL1 (Arm ARM D19.2): implementer 31:24, part 15:4, revision 3:0 */
        snprintf(model->identity.vendor, sizeof model->identity.vendor, "arm/0x%02x",
                 (unsigned)(value >> 24 & 0xff));
        model->identity.family = 8;
        model->identity.model = (uint32_t)(value >> 4 & 0xfff);
        model->identity.stepping = (uint32_t)(value & 0xf);
    }
}

static enum jb_code open_model(struct cpumodel *model, const char *data_path, struct jb_error *error) {
    model->stat_descriptor = jb_root_openat(model->root, "/proc/stat", O_RDONLY);
    if (model->stat_descriptor < 0)
        return jb_error_set_errno(error, errno, "%s/proc/stat", model->root->path);
    model->stat_text = malloc(STAT_SIZE);
    if (!model->stat_text)
        return jb_error_set(error, JB_MEMORY, "no memory to read /proc/stat");
    struct jb_cpu_stat stat;
    enum jb_code code = read_stat(model, error, &stat);
    if (code)
        return code;
    identify(model);
    code = jb_cpu_factors_load(data_path, &model->identity, stat.cpu_count, error, &model->factors);
    if (code)
        return code;
    assert(model->factors.min_uw_per_vcpu <= model->factors.max_uw_per_vcpu);
    model->cpu_count = stat.cpu_count;
    model->memory_mib = read_memory_mib(model->root);
    describe_cpu(model);
    describe_memory(model);
    advance(model, model->clock->monotonic_ns(model->clock), &stat); /* from boot, where all stood at 0 */
    return JB_OK;
}

static enum jb_code cpumodel_open(const struct jb_source_context *context, struct jb_error *error,
                                  struct jb_source **ret_source) {
    struct cpumodel *model = calloc(1, sizeof *model);
    if (!model)
        return jb_error_set(error, JB_MEMORY, "no memory for the CPU model");
    *model = (struct cpumodel){
        .source.ops = &jb_source_cpumodel,
        .root = context->root,
        .clock = context->clock,
        .stat_descriptor = -1,
        .tick_ns = (uint64_t)(JB_SECOND_NS / sysconf(_SC_CLK_TCK)),
    };
    enum jb_code code = open_model(model, context->data_path, error);
    if (code) {
        cpumodel_close(&model->source);
        return code;
    }
    *ret_source = &model->source;
    return JB_OK;
}

static size_t cpumodel_domains(const struct jb_source *source, const struct jb_domain **ret_domains) {
    *ret_domains = ((const struct cpumodel *)source)->domains;
    return DOMAIN_COUNT;
}

static void cpumodel_read(struct jb_source *source, struct jb_reading *readings) {
    struct cpumodel *model = of(source);
    int64_t monotonic_ns = model->clock->monotonic_ns(model->clock);
    int64_t boottime_ns = model->clock->boottime_ns(model->clock);
    struct jb_cpu_stat stat;
    enum jb_reading_state state = JB_READING_NONE;
    if (read_stat(model, NULL, &stat) == JB_OK) {
        advance(model, monotonic_ns, &stat);
        state = JB_READING_OK;
    }
    readings[CPU_DOMAIN] = (struct jb_reading){
        .value = cpu_energy_uj(model),
        .boottime_ns = boottime_ns,
        .state = state,
    };
    readings[MEMORY_DOMAIN] = (struct jb_reading){
        .value = (uint64_t)(model->memory_uwns / JB_SECOND_NS),
        .boottime_ns = boottime_ns,
        .state = model->domains[MEMORY_DOMAIN].state == JB_DOMAIN_OK ? state : JB_READING_NONE,
    };
}

/* CPUs and memory may be plugged and unplugged: the idle power changes with them. */
static bool cpumodel_rescan(struct jb_source *source) {
    struct cpumodel *model = of(source);
    struct jb_cpu_stat stat;
    if (read_stat(model, NULL, &stat))
        return false;
    advance(model, model->clock->monotonic_ns(model->clock), &stat);
    uint64_t memory_mib = read_memory_mib(model->root);
    uint64_t idle_uw = model->factors.min_uw_per_vcpu * model->cpu_count;
    if (idle_uw == model->domains[CPU_DOMAIN].idle_uw && memory_mib == model->memory_mib)
        return false;
    model->memory_mib = memory_mib;
    describe_cpu(model);
    describe_memory(model);
    return true;
}

const struct jb_source_ops jb_source_cpumodel = {
    .name = "cpumodel",
    .summary = "a model of CPU and memory, for machines without a power meter",
    .open = cpumodel_open,
    .domains = cpumodel_domains,
    .read = cpumodel_read,
    .rescan = cpumodel_rescan,
    .close = cpumodel_close,
};
