/* Who used an NVIDIA GPU since the last question, by process. */
#include "source/nvml.h"

#include "base/array.h"

#include <string.h>

/* Far above what a GPU runs; a driver that claims more is cut off. */
#define PROCESS_CEILING ((size_t)4096)
#define MIG_CEILING     64U

static struct jb_nvml_worker *worker_of(struct jb_nvml *nvml, unsigned pid, struct jb_error *error) {
    for (size_t i = 0; i < nvml->worker_count; i++) {
        if (nvml->workers[i].pid == pid)
            return &nvml->workers[i];
    }
    if (jb_array_reserve(&nvml->workers, &nvml->worker_capacity, nvml->worker_count + 1, PROCESS_CEILING,
                         "processes on one GPU", error))
        return NULL;
    struct jb_nvml_worker *worker = &nvml->workers[nvml->worker_count++];
    *worker = (struct jb_nvml_worker){.pid = pid};
    return worker;
}

/* Asks for one of the lists of running processes (0 compute, 1 graphics, 2 MPS), into nvml->processes. */
static unsigned list_processes(struct jb_nvml *nvml, struct jb_nvml_device *device, size_t kind,
                               size_t *ret_count) {
    if (!nvml->api.processes[kind])
        return JB_NVML_FUNCTION_NOT_FOUND;
    unsigned status = JB_NVML_INSUFFICIENT_SIZE;
    for (int attempt = 0; attempt < 4 && status == JB_NVML_INSUFFICIENT_SIZE; attempt++) {
        unsigned count = (unsigned)nvml->process_capacity;
        status = nvml->api.processes[kind](device, &count, nvml->processes);
        if (status == JB_NVML_SUCCESS && count <= nvml->process_capacity) {
            *ret_count = count;
        } else if (status == JB_NVML_SUCCESS) {
            return JB_NVML_UNKNOWN;
        } else if (status == JB_NVML_INSUFFICIENT_SIZE) { /* processes may start between two questions */
            size_t wanted = (size_t)count + 8 < PROCESS_CEILING ? (size_t)count + 8 : PROCESS_CEILING;
            if (jb_array_reserve(&nvml->processes, &nvml->process_capacity, wanted, PROCESS_CEILING,
                                 "processes on one GPU", NULL))
                return JB_NVML_UNKNOWN;
        }
    }
    if (status == JB_NVML_SUCCESS && nvml->api.has_old_processes[kind]) {
        /* widen the shorter records in place, from the last: a longer one never covers one still unread */
        for (size_t i = *ret_count; i-- > 0;) {
            struct jb_nvml_process_v1 old;
            memcpy(&old, (const char *)nvml->processes + i * sizeof old, sizeof old);
            nvml->processes[i] = (struct jb_nvml_process){.pid = old.pid, .memory_bytes = old.memory_bytes};
        }
    }
    return status;
}

/* Adds those that run on device to the workers, with their memory. *ret_count: how many there are. */
static unsigned add_running(struct jb_nvml *nvml, struct jb_nvml_device *device, struct jb_error *error,
                            size_t *ret_count) {
    unsigned first_status = JB_NVML_SUCCESS;
    *ret_count = 0;
    for (size_t kind = 0; kind < 3; kind++) {
        size_t count = 0;
        unsigned status = list_processes(nvml, device, kind, &count);
        if (kind == 0)
            first_status = status;
        for (size_t i = 0; status == JB_NVML_SUCCESS && i < count; i++) {
            struct jb_nvml_worker *worker = worker_of(nvml, nvml->processes[i].pid, error);
            if (!worker)
                return JB_NVML_UNKNOWN;
            uint64_t memory_bytes = nvml->processes[i].memory_bytes;
            if (memory_bytes != JB_NVML_NOT_AVAILABLE && memory_bytes > worker->memory_bytes)
                worker->memory_bytes = memory_bytes; /* one process may be in several lists */
        }
        *ret_count = nvml->worker_count;
    }
    return first_status;
}

static unsigned percent_of(const struct jb_nvml_process_utilization *sample) {
    unsigned percent = sample->sm_percent;
    if (sample->encoder_percent > percent)
        percent = sample->encoder_percent;
    if (sample->decoder_percent > percent)
        percent = sample->decoder_percent;
    return percent > 100 ? 100 : percent;
}

/* Busy time from the driver's samples of process utilization. A process that was idle in a sample period is
 * not in it, so its sum is divided by the number of periods: the most samples that any process has. */
static unsigned add_utilization(struct jb_nvml *nvml, struct jb_nvml_gpu *gpu, uint64_t elapsed_ns,
                                struct jb_error *error) {
    if (!nvml->api.process_utilization)
        return JB_NVML_FUNCTION_NOT_FOUND;
    uint64_t now_us = (uint64_t)(nvml->clock->realtime_ns(nvml->clock) / 1000);
    if (gpu->seen_us > now_us + 2000000) /* the wall clock stepped back: its samples are old again */
        gpu->seen_us = now_us > elapsed_ns / 1000 ? now_us - elapsed_ns / 1000 : 0;
    unsigned count = 0, status = JB_NVML_INSUFFICIENT_SIZE;
    for (int attempt = 0; attempt < 4 && status == JB_NVML_INSUFFICIENT_SIZE; attempt++) {
        count = (unsigned)nvml->sample_capacity;
        status = nvml->api.process_utilization(gpu->device, nvml->sample_capacity ? nvml->samples : NULL,
                                               &count, gpu->seen_us);
        if (status == JB_NVML_SUCCESS && count > nvml->sample_capacity)
            status = JB_NVML_INSUFFICIENT_SIZE; /* asked for the size only */
        if (status == JB_NVML_INSUFFICIENT_SIZE) {
            size_t wanted = (size_t)count + 8 < PROCESS_CEILING ? (size_t)count + 8 : PROCESS_CEILING;
            if (jb_array_reserve(&nvml->samples, &nvml->sample_capacity, wanted, PROCESS_CEILING,
                                 "samples of one GPU", error))
                return JB_NVML_UNKNOWN;
        }
    }
    if (status == JB_NVML_NOT_FOUND) /* nobody was busy */
        return JB_NVML_SUCCESS;
    unsigned period_count = 0;
    uint64_t seen_us = gpu->seen_us;
    for (size_t i = 0; status == JB_NVML_SUCCESS && i < count; i++) {
        const struct jb_nvml_process_utilization *sample = &nvml->samples[i];
        if (sample->pid == 0 || sample->time_us <= gpu->seen_us)
            continue;
        struct jb_nvml_worker *worker = worker_of(nvml, sample->pid, error);
        if (!worker)
            return JB_NVML_UNKNOWN;
        worker->percent_sum += percent_of(sample);
        worker->sample_count++;
        period_count = worker->sample_count > period_count ? worker->sample_count : period_count;
        seen_us = sample->time_us > seen_us ? sample->time_us : seen_us;
    }
    gpu->seen_us = seen_us;
    for (size_t i = 0; i < nvml->worker_count; i++) {
        struct jb_nvml_worker *worker = &nvml->workers[i];
        if (worker->percent_sum > 0 && period_count > 0)
            worker->busy_ns = elapsed_ns / 100 * worker->percent_sum / period_count;
    }
    return status;
}

/* Where the driver does not tell who was busy (MPS, old GPUs), all that run on the GPU share its time. */
static void share_evenly(struct jb_nvml *nvml, const struct jb_nvml_gpu *gpu, uint64_t elapsed_ns) {
    struct jb_nvml_utilization utilization = {0};
    for (size_t i = 0; i < nvml->worker_count; i++) {
        if (nvml->workers[i].busy_ns > 0)
            return;
    }
    if (nvml->worker_count == 0 || !nvml->api.utilization ||
        nvml->api.utilization(gpu->device, &utilization) != JB_NVML_SUCCESS)
        return;
    unsigned percent = utilization.gpu_percent > 100 ? 100 : utilization.gpu_percent;
    for (size_t i = 0; i < nvml->worker_count; i++)
        nvml->workers[i].busy_ns = elapsed_ns / 100 * percent / nvml->worker_count;
}

static enum jb_code append(struct jb_nvml *nvml, uint32_t domain, struct jb_sample *sample,
                           struct jb_error *error) {
    enum jb_code code =
        jb_array_reserve(&sample->gpus, &sample->gpu_capacity, sample->gpu_count + nvml->worker_count,
                         JB_GPU_CEILING, "processes on GPUs", error);
    for (size_t i = 0; !code && i < nvml->worker_count; i++) {
        const struct jb_nvml_worker *worker = &nvml->workers[i];
        if (worker->pid == 0 || worker->pid > INT32_MAX || (!worker->busy_ns && !worker->memory_bytes))
            continue;
        sample->gpus[sample->gpu_count++] = (struct jb_gpu_usage){
            .domain = domain,
            .pid = (int32_t)worker->pid,
            .busy_ns = worker->busy_ns,
            .memory_bytes = worker->memory_bytes,
        };
    }
    return code;
}

static unsigned slices_of(const struct jb_nvml *nvml, struct jb_nvml_device *instance) {
    struct jb_nvml_attributes attributes = {0};
    if (!nvml->api.attributes || nvml->api.attributes(instance, &attributes) != JB_NVML_SUCCESS)
        return 1;
    /* several compute instances may split one GPU instance */
    unsigned slices = attributes.compute_slices ? attributes.compute_slices : attributes.gpu_slices;
    return slices ? slices : 1;
}

/* With MIG the driver tells who runs on which instance, not how busy: each instance weighs as many slices as
 * it has, shared evenly by those that run on it. */
static unsigned ask_mig(struct jb_nvml *nvml, const struct jb_nvml_gpu *gpu, uint64_t elapsed_ns,
                        uint32_t domain, struct jb_sample *sample, struct jb_error *error,
                        enum jb_code *ret_code) {
    struct jb_nvml_device *instances[MIG_CEILING];
    unsigned slices[MIG_CEILING], instance_count = 0, slice_count = 0, ceiling = 0;
    if (!nvml->api.mig_ceiling || !nvml->api.mig_device)
        return JB_NVML_FUNCTION_NOT_FOUND;
    unsigned status = nvml->api.mig_ceiling(gpu->device, &ceiling);
    if (status != JB_NVML_SUCCESS)
        return status;
    for (unsigned i = 0; i < ceiling && i < MIG_CEILING; i++) {
        if (nvml->api.mig_device(gpu->device, i, &instances[instance_count]) != JB_NVML_SUCCESS)
            continue; /* no instance in this place */
        slices[instance_count] = slices_of(nvml, instances[instance_count]);
        slice_count += slices[instance_count++];
    }
    for (unsigned i = 0; i < instance_count && !*ret_code; i++) {
        size_t running_count = 0;
        nvml->worker_count = 0;
        status = add_running(nvml, instances[i], error, &running_count);
        if (status != JB_NVML_SUCCESS)
            return status;
        for (size_t k = 0; k < running_count; k++)
            nvml->workers[k].busy_ns = elapsed_ns / slice_count * slices[i] / running_count;
        *ret_code = append(nvml, domain, sample, error);
    }
    return JB_NVML_SUCCESS;
}

static bool has_mig(const struct jb_nvml *nvml, const struct jb_nvml_gpu *gpu) {
    unsigned current = 0, pending = 0;
    return nvml->api.mig_mode && nvml->api.mig_mode(gpu->device, &current, &pending) == JB_NVML_SUCCESS &&
           current == 1;
}

/* What one GPU tells: JB_NVML_SUCCESS when at least who runs on it is known. */
static unsigned ask_gpu(struct jb_nvml *nvml, struct jb_nvml_gpu *gpu, uint32_t domain,
                        struct jb_sample *sample, struct jb_error *error, enum jb_code *ret_code) {
    int64_t now_ns = nvml->clock->boottime_ns(nvml->clock);
    uint64_t elapsed_ns = now_ns > gpu->asked_boottime_ns ? (uint64_t)(now_ns - gpu->asked_boottime_ns) : 0;
    gpu->asked_boottime_ns = now_ns;
    if (has_mig(nvml, gpu))
        return ask_mig(nvml, gpu, elapsed_ns, domain, sample, error, ret_code);
    size_t running_count = 0;
    nvml->worker_count = 0;
    unsigned running_status = add_running(nvml, gpu->device, error, &running_count);
    unsigned busy_status = add_utilization(nvml, gpu, elapsed_ns, error);
    share_evenly(nvml, gpu, elapsed_ns);
    *ret_code = append(nvml, domain, sample, error);
    return busy_status == JB_NVML_SUCCESS ? busy_status : running_status;
}

enum jb_code jb_nvml_processes(struct jb_source *source, uint32_t domain_base, struct jb_sample *sample,
                               struct jb_error *error) {
    struct jb_nvml *nvml = (struct jb_nvml *)source;
    unsigned worst = JB_NVML_SUCCESS;
    size_t told_count = 0, asked_count = 0;
    for (size_t i = 0; i < nvml->count; i++) {
        struct jb_nvml_gpu *gpu = &nvml->gpus[i];
        if (!gpu->device || gpu->is_lost)
            continue;
        enum jb_code code = JB_OK;
        unsigned status = ask_gpu(nvml, gpu, domain_base + (uint32_t)i, sample, error, &code);
        if (code)
            return code;
        asked_count++;
        told_count += status == JB_NVML_SUCCESS;
        if (jb_nvml_is_gone(status))
            gpu->is_lost = true;
        else if (status != JB_NVML_SUCCESS)
            worst = status;
    }
    if (asked_count > 0 && told_count == 0 && worst != JB_NVML_SUCCESS)
        return jb_nvml_error(worst == JB_NVML_NO_PERMISSION ? worst : JB_NVML_NOT_SUPPORTED,
                             "processes on NVIDIA GPUs", error);
    return JB_OK;
}
