/* Energy and embodied carbon of what a line of a cloud bill used. */
#include "estimate/cloud_internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define GB_PER_GIB 1.073741824

double jb_cloud_compute_kwh(double vcpu_hours, double utilisation, double idle_w, double full_w, double pue) {
    return vcpu_hours * (idle_w + utilisation * (full_w - idle_w)) * pue / 1000;
}

double jb_cloud_embodied_g(double hours, double server_share, double server_kg, double lifetime_h) {
    return server_kg * 1000 * (hours / lifetime_h) * server_share;
}

/* A value with its standard uncertainty, absolute. */
struct figure {
    double value, standard;
};

/* Of independent errors (JCGM 100:2008, 5.1.2). */
static struct figure sum(struct figure a, struct figure b) {
    return (struct figure){a.value + b.value, hypot(a.standard, b.standard)};
}

static struct figure product(struct figure a, struct figure b) {
    return (struct figure){a.value * b.value, hypot(a.standard * b.value, b.standard * a.value)};
}

static struct figure constant(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                              const char *name) {
    struct jb_cloud_constant found = jb_cloud_constant(cloud, name, question->provider);
    return (struct figure){found.value, found.value * found.uncertainty};
}

/* The factor, its uncertainty `otherwise` (relative) when the table states none. JB_NO_DATA untouched. */
static enum jb_code factor(const struct jb_cloud_question *question, enum jb_quantity quantity,
                           const char *provider, const char *subject, double otherwise, struct figure *ret) {
    struct jb_factor_query query = {.quantity = quantity,
                                    .provider = provider,
                                    .region = provider && quantity == JB_PUE ? question->region : NULL,
                                    .subject = subject,
                                    .at_ns = question->at_ns,
                                    .allows_earlier = true,
                                    .allows_fleet = true};
    struct jb_factor_answer answer;
    enum jb_code code = jb_factors_find(question->factors, &query, &answer);
    if (code)
        return code;
    double relative = isnan(answer.factor->uncertainty) ? otherwise : answer.factor->uncertainty;
    *ret = (struct figure){answer.factor->value, answer.factor->value * relative};
    return JB_OK;
}

static enum jb_code missing(struct jb_error *error, enum jb_quantity quantity, const char *what) {
    return jb_error_set(error, JB_NO_DATA, "no factor %s of '%.60s'", jb_quantity_info(quantity)->name, what);
}

/* W per vCPU at the utilisation. */
static struct figure vcpu_power(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                                const struct jb_cloud_machine *machine) {
    struct figure idle, full;
    double relative;
    if (*machine->architecture && !factor(question, JB_VCPU_IDLE, NULL, machine->architecture, 0, &idle) &&
        !factor(question, JB_VCPU_FULL, NULL, machine->architecture, 0, &full)) {
        relative =
            hypot(jb_cloud_constant(cloud, "vcpu_uncertainty", "").value, machine->stand_in_uncertainty);
    } else {
        idle = constant(cloud, question, "vcpu_idle_w");
        full = constant(cloud, question, "vcpu_full_w");
        relative = jb_cloud_constant(cloud, "vcpu_full_w", question->provider).uncertainty;
    }
    double power_w = jb_cloud_compute_kwh(1000, question->utilisation, idle.value, full.value, 1);
    return (struct figure){
        power_w, hypot(power_w * relative, (full.value - idle.value) * question->utilisation_uncertainty)};
}

static enum jb_code memory_power(const struct jb_cloud_question *question, double gb, struct jb_error *error,
                                 struct figure *ret_w) {
    struct figure per_gb;
    if (factor(question, JB_MEMORY_POWER, NULL, "memory", 0.5, &per_gb))
        return missing(error, JB_MEMORY_POWER, "memory");
    *ret_w = product(per_gb, (struct figure){gb, 0});
    return JB_OK;
}

static enum jb_code gpu_power(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                              const char *gpu, double count, struct jb_error *error, struct figure *ret_w) {
    struct figure tdp;
    if (factor(question, JB_TDP, NULL, gpu, 0, &tdp))
        return missing(error, JB_TDP, gpu);
    struct figure idle = constant(cloud, question, "gpu_idle_share"),
                  full = constant(cloud, question, "gpu_full_share");
    double share = idle.value + question->utilisation * (full.value - idle.value);
    double relative = jb_cloud_constant(cloud, "gpu_full_share", "").uncertainty;
    struct figure load = {
        share, hypot(share * relative, (full.value - idle.value) * question->utilisation_uncertainty)};
    *ret_w = product(product(tdp, load), (struct figure){count, 0});
    return JB_OK;
}

/* W of a machine: its vCPUs with the memory that servers of the benchmark have, memory beyond that, GPUs. */
static enum jb_code machine_power(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                                  const struct jb_cloud_machine *machine, struct jb_error *error,
                                  struct figure *ret_w) {
    struct figure power = product(vcpu_power(cloud, question, machine), (struct figure){machine->vcpus, 0});
    struct figure more;
    double included = jb_cloud_constant(cloud, "memory_included_gib_per_vcpu", "").value * machine->vcpus;
    enum jb_code code = JB_OK;
    if (machine->memory_gib > included) {
        code = memory_power(question, (machine->memory_gib - included) * GB_PER_GIB, error, &more);
        if (!code)
            power = sum(power, more);
    }
    if (!code && machine->gpus > 0) {
        code = gpu_power(cloud, question, machine->gpu, machine->gpus, error, &more);
        if (!code)
            power = sum(power, more);
    }
    if (!code)
        *ret_w = power;
    return code;
}

/* W of a vCPU without the memory that servers of the benchmark have for it. */
static enum jb_code core_power(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                               const struct jb_cloud_machine *machine, struct jb_error *error,
                               struct figure *ret_w) {
    struct figure vcpu = vcpu_power(cloud, question, machine), memory = {0};
    double included = jb_cloud_constant(cloud, "memory_included_gib_per_vcpu", "").value;
    enum jb_code code = memory_power(question, included * GB_PER_GIB, error, &memory);
    if (!code)
        *ret_w = (struct figure){fmax(vcpu.value - memory.value, 0), vcpu.standard};
    return code;
}

/* g CO2e for one hour of the machine: of its own server when a table has it, else of a usual one. */
static struct figure machine_embodied(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                                      const struct jb_cloud_machine *machine) {
    struct figure server, vcpus = constant(cloud, question, "server_vcpus");
    if (machine->server_vcpus > 0)
        vcpus = (struct figure){machine->server_vcpus, 0};
    if (!*machine->name ||
        factor(question, JB_EMBODIED_FACTOR, question->provider, machine->name, 0.5, &server)) {
        struct figure gpu = constant(cloud, question, "gpu_kgco2e");
        double gpus = machine->gpus * vcpus.value / machine->vcpus;
        server = sum(constant(cloud, question, "server_kgco2e"), product(gpu, (struct figure){gpus, 0}));
    }
    double share = fmin(machine->vcpus / vcpus.value, 1);
    double lifetime_h = jb_cloud_constant(cloud, "server_lifetime_h", "").value;
    double grams = jb_cloud_embodied_g(1, share, server.value, lifetime_h);
    double relative =
        server.value > 0 ? hypot(server.standard / server.value, vcpus.standard / vcpus.value) : 0;
    return (struct figure){grams, grams * relative};
}

/* g CO2e for one hour of a part of a server, its whole given in kg. */
static struct figure part_embodied(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                                   const char *kg, const char *lifetime_h) {
    struct figure whole = constant(cloud, question, kg);
    double grams = jb_cloud_embodied_g(1, 1, whole.value, jb_cloud_constant(cloud, lifetime_h, "").value);
    return (struct figure){grams, whole.value > 0 ? grams * whole.standard / whole.value : 0};
}

/* g CO2e for one GB-hour on drives, with the racks that hold them. */
static struct figure storage_embodied(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                                      bool is_ssd) {
    struct figure tb = part_embodied(cloud, question, is_ssd ? "ssd_kgco2e_per_tb" : "hdd_kgco2e_per_tb",
                                     "drive_lifetime_h");
    double share = jb_cloud_constant(cloud, is_ssd ? "ssd_rack_share" : "hdd_rack_share", "").value;
    return product(tb, (struct figure){0.001 / share, 0});
}

/* Per unit of the resource: W·h (before PUE) and g CO2e embodied, where that is known. */
static enum jb_code estimate_unit(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                                  const struct jb_cloud_use *use, struct jb_error *error,
                                  struct figure *ret_wh, struct figure *ret_embodied_g) {
    struct figure wh = {0, 0}, more;
    enum jb_code code = JB_OK;
    switch (use->resource) {
    case JB_CLOUD_MACHINE:
        code = machine_power(cloud, question, &use->machine, error, &wh);
        if (!code)
            *ret_embodied_g = machine_embodied(cloud, question, &use->machine);
        break;
    case JB_CLOUD_VCPU:
        wh = vcpu_power(cloud, question, &use->machine);
        *ret_embodied_g = machine_embodied(cloud, question, &use->machine);
        break;
    case JB_CLOUD_CORE:
        code = core_power(cloud, question, &use->machine, error, &wh);
        *ret_embodied_g = machine_embodied(cloud, question, &use->machine);
        break;
    case JB_CLOUD_MEMORY:
        code = memory_power(question, 1, error, &wh);
        *ret_embodied_g = part_embodied(cloud, question, "memory_kgco2e_per_gb", "server_lifetime_h");
        break;
    case JB_CLOUD_SERVERLESS: {
        struct figure vcpus = {1 / jb_cloud_constant(cloud, "serverless_gb_per_vcpu", "").value, 0};
        code = core_power(cloud, question, &use->machine, error, &wh);
        if (!code)
            code = memory_power(question, 1, error, &more);
        if (!code)
            wh = sum(product(wh, vcpus), more);
        *ret_embodied_g = sum(product(machine_embodied(cloud, question, &use->machine), vcpus),
                              part_embodied(cloud, question, "memory_kgco2e_per_gb", "server_lifetime_h"));
        break;
    }
    case JB_CLOUD_SSD:
    case JB_CLOUD_HDD: {
        const char *subject = use->resource == JB_CLOUD_SSD ? "ssd" : "hdd";
        if (factor(question, JB_STORAGE_POWER, NULL, subject, 0.5, &more))
            return missing(error, JB_STORAGE_POWER, subject);
        wh = product(more, (struct figure){0.001, 0});
        *ret_embodied_g = storage_embodied(cloud, question, use->resource == JB_CLOUD_SSD);
        break;
    }
    case JB_CLOUD_NETWORK:
        wh = product(constant(cloud, question, "network_kwh_per_gb"), (struct figure){1000, 0});
        break;
    case JB_CLOUD_GPU:
        code = gpu_power(cloud, question, use->gpu, 1, error, &wh);
        *ret_embodied_g = part_embodied(cloud, question, "gpu_kgco2e", "server_lifetime_h");
        break;
    case JB_CLOUD_INCLUDED:
        break;
    }
    if (!code)
        *ret_wh = wh;
    return code;
}

enum jb_code jb_cloud_rate_find(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                                const struct jb_cloud_use *use, struct jb_error *error,
                                struct jb_cloud_rate *ret_rate) {
    struct figure wh, embodied = {0, 0}, pue;
    struct jb_cloud_question asked = *question;
    assert(question->utilisation >= 0 && question->utilisation <= 1);
    double otherwise = jb_cloud_constant(cloud, "pue_uncertainty", "").value;
    if (factor(question, JB_PUE, question->provider, NULL, otherwise, &pue))
        return missing(error, JB_PUE, question->provider);
    if (use->is_idle)
        asked.utilisation = asked.utilisation_uncertainty = 0;
    enum jb_code code = estimate_unit(cloud, &asked, use, error, &wh, &embodied);
    if (code)
        return code;
    wh = product(wh, pue);
    *ret_rate = (struct jb_cloud_rate){
        .amount = use->amount,
        .wh = wh.value,
        .energy_uncertainty = wh.value > 0 ? wh.standard / wh.value : 0,
        .embodied_g = embodied.value,
        .embodied_uncertainty = embodied.value > 0 ? embodied.standard / embodied.value : 0,
        /* Of networks no figure is known that holds from one to the next. */
        .has_embodied = use->resource != JB_CLOUD_NETWORK && use->resource != JB_CLOUD_INCLUDED};
    return JB_OK;
}

struct jb_cloud_answer jb_cloud_rate_times(const struct jb_cloud_rate *rate, double quantity) {
    assert(quantity >= 0);
    double amount = rate->amount * quantity;
    return (struct jb_cloud_answer){.energy_kwh = rate->wh * amount / 1000,
                                    .energy_uncertainty = rate->energy_uncertainty,
                                    .embodied_g = rate->embodied_g * amount,
                                    .embodied_uncertainty = rate->embodied_uncertainty,
                                    .has_embodied = rate->has_embodied};
}

enum jb_code jb_cloud_estimate(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                               const struct jb_cloud_use *use, double quantity, struct jb_error *error,
                               struct jb_cloud_answer *ret_answer) {
    struct jb_cloud_rate rate;
    enum jb_code code = jb_cloud_rate_find(cloud, question, use, error, &rate);
    if (!code)
        *ret_answer = jb_cloud_rate_times(&rate, quantity);
    return code;
}

/* ---- when rates change ---- */

static int compare_times(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

enum jb_code jb_cloud_changes(const struct jb_factors *factors, struct jb_error *error,
                              int64_t **ret_times_ns, size_t *ret_count) {
    const struct jb_factor *all;
    size_t all_count = jb_factors_all(factors, &all), count = 0, kept = 0;
    _cleanup_free_ int64_t *times_ns = calloc(2 * all_count + 1, sizeof *times_ns);
    if (!times_ns)
        return jb_error_set(error, JB_MEMORY, "no memory for the times of %zu factors", all_count);
    for (size_t i = 0; i < all_count; i++) {
        switch (all[i].quantity) {
        case JB_PUE:
        case JB_VCPU_IDLE:
        case JB_VCPU_FULL:
        case JB_MEMORY_POWER:
        case JB_STORAGE_POWER:
        case JB_EMBODIED_FACTOR:
        case JB_TDP:
            times_ns[count++] = all[i].from_ns;
            times_ns[count++] = all[i].until_ns;
            break;
        default:
            break;
        }
    }
    qsort(times_ns, count, sizeof *times_ns, compare_times);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || times_ns[i] != times_ns[kept - 1])
            times_ns[kept++] = times_ns[i];
    }
    *ret_times_ns = JB_TAKE(times_ns);
    *ret_count = kept;
    return JB_OK;
}
