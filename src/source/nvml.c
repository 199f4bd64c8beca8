/* NVIDIA GPUs: energy counter or power gauge of each, through the driver's management library (NVML). */
#include "source/nvml.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIBRARY  "libnvidia-ml.so.1"
#define ATTEMPT_EVERY_NS (10 * JB_SECOND_NS) /* starting the library anew may take a second */

/* Relative standard uncertainties. Yang et al. 2023 (arXiv 2312.02741) compared the sensors of more than 70
 * GPUs with external meters: the error is a share of the power, ±5 % (taken as a 95 % interval), and the
 * GA100 and Hopper chips are sensed during a quarter of the time only, so a load that changes faster than
 * that is missed: twice as much is taken for these. A gauge read once in an interval misses what changes
 * within it. */
enum { SENSED_PPM = 25000, PART_TIME_PPM = 50000, GAUGE_PPM = 50000 };

bool jb_nvml_is_gone(unsigned status) {
    return status == JB_NVML_UNINITIALIZED || status == JB_NVML_DRIVER_NOT_LOADED ||
           status == JB_NVML_GPU_IS_LOST || status == JB_NVML_RESET_REQUIRED;
}

static struct jb_nvml *of(struct jb_source *source) {
    return (struct jb_nvml *)source;
}

/* Power of the fields that newer drivers have; the average over a second is preferred to the instant. */
static unsigned read_power_field(const struct jb_nvml *nvml, struct jb_nvml_device *device,
                                 uint64_t *ret_mw) {
    if (!nvml->api.field_values)
        return JB_NVML_FUNCTION_NOT_FOUND;
    struct jb_nvml_field fields[] = {{.id = JB_NVML_FIELD_POWER_AVERAGE},
                                     {.id = JB_NVML_FIELD_POWER_INSTANT}};
    unsigned status = nvml->api.field_values(device, 2, fields);
    for (size_t i = 0; status == JB_NVML_SUCCESS && i < 2; i++) {
        if (fields[i].status != JB_NVML_SUCCESS)
            continue;
        switch (fields[i].type) {
        case JB_NVML_TYPE_DOUBLE:
            if (!(fields[i].value.real >= 0 && fields[i].value.real < 1e9))
                continue;
            *ret_mw = (uint64_t)fields[i].value.real;
            return JB_NVML_SUCCESS;
        case JB_NVML_TYPE_UNSIGNED:
            *ret_mw = fields[i].value.whole;
            return JB_NVML_SUCCESS;
        case JB_NVML_TYPE_LONG:
        case JB_NVML_TYPE_LONG_LONG:
            *ret_mw = fields[i].value.wide;
            return JB_NVML_SUCCESS;
        default:
            continue;
        }
    }
    return status == JB_NVML_SUCCESS ? JB_NVML_NOT_SUPPORTED : status;
}

static unsigned read_power_uw(const struct jb_nvml *nvml, struct jb_nvml_device *device, uint64_t *ret_uw) {
    unsigned mw = 0;
    uint64_t wide_mw = 0;
    unsigned status = nvml->api.power_mw ? nvml->api.power_mw(device, &mw) : JB_NVML_FUNCTION_NOT_FOUND;
    if (status == JB_NVML_SUCCESS)
        wide_mw = mw;
    else if (status == JB_NVML_NOT_SUPPORTED || status == JB_NVML_FUNCTION_NOT_FOUND)
        status = read_power_field(nvml, device, &wide_mw);
    if (status == JB_NVML_SUCCESS && __builtin_mul_overflow(wide_mw, UINT64_C(1000), ret_uw))
        return JB_NVML_UNKNOWN;
    return status;
}

static unsigned read_energy_uj(const struct jb_nvml *nvml, struct jb_nvml_device *device, uint64_t *ret_uj) {
    unsigned long long mj = 0;
    if (!nvml->api.energy_mj)
        return JB_NVML_FUNCTION_NOT_FOUND;
    unsigned status = nvml->api.energy_mj(device, &mj);
    if (status == JB_NVML_SUCCESS && __builtin_mul_overflow((uint64_t)mj, UINT64_C(1000), ret_uj))
        return JB_NVML_UNKNOWN;
    return status;
}

/* The largest power that the GPU may be set to draw; 0 unknown. */
static uint64_t power_ceiling_uw(const struct jb_nvml *nvml, struct jb_nvml_device *device) {
    unsigned min_mw = 0, max_mw = 0;
    if (nvml->api.power_limits_mw && nvml->api.power_limits_mw(device, &min_mw, &max_mw) == JB_NVML_SUCCESS &&
        max_mw > 0)
        return (uint64_t)max_mw * 1000;
    if (nvml->api.enforced_limit_mw && nvml->api.enforced_limit_mw(device, &max_mw) == JB_NVML_SUCCESS)
        return (uint64_t)max_mw * 1000;
    return 0;
}

static bool is_sensed_part_time(const char *name) {
    static const char *const chips[] = {"A100", "A800", "A30", "H100", "H800", "H200", "H20", "GH200"};
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        for (const char *at = name; (at = strstr(at, chips[i])); at++) {
            if (!isalnum((unsigned char)at[strlen(chips[i])]) &&
                (at == name || !isalnum((unsigned char)at[-1])))
                return true;
        }
    }
    return false;
}

/* Which of the two, counter or gauge, this GPU has; sets form, uncertainty, state and note. */
static void probe_power(const struct jb_nvml *nvml, struct jb_nvml_gpu *gpu, const char *name,
                        struct jb_domain *domain) {
    uint64_t value = 0;
    unsigned status = read_energy_uj(nvml, gpu->device, &value);
    gpu->has_counter = status == JB_NVML_SUCCESS;
    domain->form = gpu->has_counter ? JB_COUNTER : JB_GAUGE;
    domain->resolution = 1000;
    domain->uncertainty_ppm = is_sensed_part_time(name) ? PART_TIME_PPM : SENSED_PPM;
    if (!gpu->has_counter && !jb_nvml_is_gone(status)) {
        if (domain->uncertainty_ppm < GAUGE_PPM)
            domain->uncertainty_ppm = GAUGE_PPM;
        unsigned energy_status = status;
        status = read_power_uw(nvml, gpu->device, &value);
        if (status == JB_NVML_SUCCESS && energy_status != JB_NVML_NO_PERMISSION)
            snprintf(domain->note, sizeof domain->note,
                     "power only, no energy counter (older than Volta): what changes between two readings "
                     "is missed");
    }
    if (status == JB_NVML_NO_PERMISSION) {
        domain->state = JB_DOMAIN_DENIED;
        snprintf(domain->note, sizeof domain->note,
                 "not allowed; grant read and write on /dev/nvidiactl and /dev/nvidia*");
    } else if (jb_nvml_is_gone(status)) {
        gpu->is_lost = true;
    } else if (status != JB_NVML_SUCCESS) {
        domain->state = JB_DOMAIN_DISABLED;
        snprintf(domain->note, sizeof domain->note,
                 "tells neither energy nor power (status %u), as in a virtual machine with a share of a GPU",
                 status);
    }
}

/* A UUID as the id wants it: what is not a letter, digit or '-' becomes '_'. */
static void put_id(const char *uuid, char *ret, size_t size) {
    int length = snprintf(ret, size, "nvml/%.80s", uuid);
    for (int i = 5; i < length && (size_t)i < size - 1; i++) {
        if (!isalnum((unsigned char)ret[i]) && ret[i] != '-')
            ret[i] = '_';
    }
}

static void describe(struct jb_nvml *nvml, size_t index) {
    struct jb_nvml_gpu *gpu = &nvml->gpus[index];
    struct jb_domain *domain = &nvml->domains[index];
    *gpu = (struct jb_nvml_gpu){
        .seen_us = (uint64_t)(nvml->clock->realtime_ns(nvml->clock) / 1000),
        .asked_boottime_ns = nvml->clock->boottime_ns(nvml->clock),
    };
    *domain = (struct jb_domain){.kind = JB_GPU, .parent = -1, .method = JB_MEASURED};
    char uuid[JB_NVML_UUID_SIZE] = "", name[JB_NVML_NAME_SIZE] = "";
    unsigned status = nvml->api.device_by_index((unsigned)index, &gpu->device);
    if (status == JB_NVML_SUCCESS)
        status = nvml->api.device_uuid(gpu->device, uuid, sizeof uuid);
    uuid[sizeof uuid - 1] = '\0';
    if (status != JB_NVML_SUCCESS || uuid[0] == '\0') {
        struct jb_error error = {0};
        enum jb_code code = jb_nvml_error(status, "GPU", &error);
        gpu->device = NULL;
        gpu->is_lost = jb_nvml_is_gone(status);
        domain->state = code == JB_PERMISSION ? JB_DOMAIN_DENIED : JB_DOMAIN_DISABLED;
        snprintf(domain->note, sizeof domain->note, "%.190s", error.message);
        snprintf(domain->id, sizeof domain->id, "nvml/index-%zu", index);
        snprintf(domain->name, sizeof domain->name, "GPU %zu", index);
        return;
    }
    put_id(uuid, domain->id, sizeof domain->id);
    if (!nvml->api.device_name || nvml->api.device_name(gpu->device, name, sizeof name) != JB_NVML_SUCCESS ||
        !name[0])
        snprintf(name, sizeof name, "NVIDIA GPU %zu", index);
    name[sizeof name - 1] = '\0';
    jb_text_display(name, domain->name, sizeof domain->name);
    domain->power_max_uw = power_ceiling_uw(nvml, gpu->device);
    probe_power(nvml, gpu, name, domain);
    if (domain->state == JB_DOMAIN_OK && strstr(name, "GH200"))
        snprintf(domain->note, sizeof domain->note,
                 "may be of the whole module, Grace CPU and its memory within: compare with the CPU's meter");
    else if (domain->state == JB_DOMAIN_OK && !domain->note[0] && is_sensed_part_time(name))
        snprintf(domain->note, sizeof domain->note, "sensed a quarter of the time (arXiv 2312.02741)");
}

/* Numbers the GPUs: one that was there before keeps its account, a new one takes the lowest that is free. */
static void number(struct jb_nvml *nvml, const struct jb_nvml *before) {
    bool is_taken[JB_NVML_GPU_CEILING] = {false};
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < nvml->count; i++) {
            struct jb_domain *domain = &nvml->domains[i];
            for (size_t k = 0; pass == 0 && before && k < before->count; k++) {
                if (strcmp(before->domains[k].id, domain->id) != 0)
                    continue;
                memcpy(domain->account, before->domains[k].account, sizeof domain->account);
                unsigned long taken = strtoul(domain->account + strlen("gpu"), NULL, 10);
                is_taken[taken % JB_NVML_GPU_CEILING] = true;
                nvml->gpus[i].epoch = before->gpus[k].epoch + (before->gpus[k].is_lost ? 1 : 0);
                nvml->gpus[i].seen_us = before->gpus[k].seen_us;
                nvml->gpus[i].asked_boottime_ns = before->gpus[k].asked_boottime_ns;
            }
            if (pass == 1 && !domain->account[0]) {
                size_t free_number = 0;
                while (is_taken[free_number])
                    free_number++;
                is_taken[free_number] = true;
                snprintf(domain->account, sizeof domain->account, "gpu%zu", free_number);
            }
        }
    }
}

/* Starts the library and lists its GPUs. before: the list that it replaces, or NULL. */
static enum jb_code attach(struct jb_nvml *nvml, const struct jb_nvml *before, struct jb_error *error) {
    unsigned status = nvml->api.init();
    if (status != JB_NVML_SUCCESS)
        return jb_nvml_error(status, "NVML", error);
    nvml->is_initialized = true;
    unsigned count = 0;
    status = nvml->api.device_count(&count);
    if (status != JB_NVML_SUCCESS)
        return jb_nvml_error(status, "NVML", error);
    if (count == 0)
        return jb_error_set(error, JB_NO_DATA, "the NVIDIA driver is loaded, but found no GPU");
    nvml->count = count < JB_NVML_GPU_CEILING ? count : JB_NVML_GPU_CEILING;
    size_t denied_count = 0;
    for (size_t i = 0; i < nvml->count; i++) {
        describe(nvml, i);
        denied_count += nvml->domains[i].state == JB_DOMAIN_DENIED;
    }
    number(nvml, before);
    if (denied_count == nvml->count)
        return jb_nvml_error(JB_NVML_NO_PERMISSION, "NVIDIA GPUs", error);
    return JB_OK;
}

static void detach(struct jb_nvml *nvml) {
    if (nvml->is_initialized)
        nvml->api.shutdown();
    nvml->is_initialized = false;
}

static void nvml_close(struct jb_source *source) {
    if (!source)
        return;
    struct jb_nvml *nvml = of(source);
    detach(nvml);
    jb_nvml_api_close(&nvml->api);
    free(nvml->samples);
    free(nvml->processes);
    free(nvml->workers);
    free(nvml);
}

static enum jb_code nvml_open(const struct jb_source_context *context, struct jb_error *error,
                              struct jb_source **ret_source) {
    if (!context->root->is_real && !context->nvml_library)
        return jb_error_set(error, JB_NO_DATA, "not looked for under another root");
    struct jb_nvml *nvml = calloc(1, sizeof *nvml);
    if (!nvml)
        return jb_error_set(error, JB_MEMORY, "no memory for the NVIDIA GPUs");
    nvml->source.ops = &jb_source_nvml;
    nvml->clock = context->clock;
    const char *library = context->nvml_library ? context->nvml_library : DEFAULT_LIBRARY;
    enum jb_code code = jb_nvml_api_open(library, error, &nvml->api);
    if (!code)
        code = attach(nvml, NULL, error);
    if (code) {
        nvml_close(&nvml->source);
        return code;
    }
    *ret_source = &nvml->source;
    return JB_OK;
}

static size_t nvml_domains(const struct jb_source *source, const struct jb_domain **ret_domains) {
    const struct jb_nvml *nvml = (const struct jb_nvml *)source;
    *ret_domains = nvml->domains;
    return nvml->count;
}

static void nvml_read(struct jb_source *source, struct jb_reading *readings) {
    struct jb_nvml *nvml = of(source);
    for (size_t i = 0; i < nvml->count; i++) {
        struct jb_nvml_gpu *gpu = &nvml->gpus[i];
        struct jb_reading *reading = &readings[i];
        uint64_t value = 0;
        unsigned status = JB_NVML_NOT_SUPPORTED;
        if (gpu->device && !gpu->is_lost && nvml->domains[i].state == JB_DOMAIN_OK)
            status = gpu->has_counter ? read_energy_uj(nvml, gpu->device, &value)
                                      : read_power_uw(nvml, gpu->device, &value);
        if (jb_nvml_is_gone(status))
            gpu->is_lost = true;
        *reading = (struct jb_reading){
            .boottime_ns = nvml->clock->boottime_ns(nvml->clock), /* a call may take milliseconds */
            .epoch = gpu->epoch,
            .state = JB_READING_NONE,
        };
        if (gpu->is_lost) {
            reading->state = JB_READING_GONE;
        } else if (status == JB_NVML_SUCCESS) {
            reading->value = value;
            reading->state = JB_READING_OK;
        } else if (status == JB_NVML_NO_PERMISSION || nvml->domains[i].state == JB_DOMAIN_DENIED) {
            reading->state = JB_READING_DENIED;
        }
    }
}

static bool is_same_list(const struct jb_nvml *a, const struct jb_nvml *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct jb_domain *x = &a->domains[i], *y = &b->domains[i];
        if (strcmp(x->id, y->id) != 0 || strcmp(x->account, y->account) != 0 || x->state != y->state ||
            x->form != y->form || x->power_max_uw != y->power_max_uw || strcmp(x->note, y->note) != 0)
            return false;
    }
    return true;
}

/* Nothing to do while all GPUs answer and their number stays. Otherwise the library is started anew: that is
 * how a driver that was loaded again, or a GPU that came back, is seen. */
static bool nvml_rescan(struct jb_source *source) {
    struct jb_nvml *nvml = of(source);
    bool is_whole = nvml->is_initialized;
    unsigned count = 0;
    for (size_t i = 0; i < nvml->count; i++)
        is_whole = is_whole && !nvml->gpus[i].is_lost;
    if (is_whole && nvml->api.device_count(&count) == JB_NVML_SUCCESS &&
        (count < JB_NVML_GPU_CEILING ? count : JB_NVML_GPU_CEILING) == nvml->count)
        return false;
    int64_t now_ns = nvml->clock->boottime_ns(nvml->clock);
    if (now_ns < nvml->attempt_boottime_ns)
        return false;
    nvml->attempt_boottime_ns = now_ns + ATTEMPT_EVERY_NS;
    struct jb_nvml *fresh = malloc(sizeof *fresh);
    if (!fresh)
        return false;
    *fresh = *nvml;
    detach(fresh);
    enum jb_code code = attach(fresh, nvml, NULL);
    bool is_changed = false;
    if (code) { /* still away: what was there stays listed as gone */
        detach(fresh);
        nvml->is_initialized = false;
        for (size_t i = 0; i < nvml->count; i++)
            nvml->gpus[i].is_lost = true;
    } else {
        is_changed = !is_same_list(nvml, fresh);
        *nvml = *fresh;
    }
    free(fresh);
    return is_changed;
}

const struct jb_source_ops jb_source_nvml = {
    .name = "nvml",
    .summary = "NVIDIA GPUs, through the driver's management library",
    .open = nvml_open,
    .domains = nvml_domains,
    .read = nvml_read,
    .rescan = nvml_rescan,
    .processes = jb_nvml_processes,
    .close = nvml_close,
};
