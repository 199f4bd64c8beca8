/* The sampler: ties sources, loads, tracker and attribution together, one tick at a time. */
#include "meter/sampler.h"

#include "base/array.h"
#include "load/process_name.h"
#include "types/flow.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

struct namer {
    struct jb_namer namer; /* first: the tracker knows it by this */
    const struct jb_root *root;
};

struct jb_sampler {
    struct jb_sampler_options options;
    struct namer namer;
    struct jb_domains *domains;
    struct jb_load *host_load, *cgroup_load, *process_load;
    struct jb_slots *slots;
    struct jb_tracker *tracker;
    struct jb_attribution *attribution;
    struct jb_sample sample;
    struct jb_tick tick;
    uint64_t *slot_cpu_ns;
    size_t slot_cpu_capacity;
    struct jb_process_tick *processes;
    size_t process_capacity;
    struct jb_use *gpu_uses; /* scratch: of one domain */
    size_t gpu_capacity;
    bool *slot_in_use; /* scratch */
    size_t slot_in_use_capacity;
    struct jb_buffer notes;
    char host[JB_COMPONENT_SIZE], boot_id[JB_BOOT_SIZE];
};

static void name_process(struct jb_namer *namer, const struct jb_process_usage *process, char *ret,
                         size_t size) {
    const struct namer *ours = (const struct namer *)namer;
    jb_process_name(ours->root, process, ret, size);
}

/* The host's name: that of the tree under --root when it has one, else the machine's. */
static void read_identity(struct jb_sampler *sampler) {
    const struct jb_root *root = sampler->options.root;
    char name[256] = "";
    if (jb_root_read_line(root, "/proc/sys/kernel/hostname", name, sizeof name, NULL) || !name[0]) {
        if (gethostname(name, sizeof name - 1) != 0 || !name[0])
            memcpy(name, "localhost", sizeof "localhost");
    }
    jb_account_encode(name, strlen(name), sampler->host);
    if (jb_root_read_line(root, "/proc/sys/kernel/random/boot_id", sampler->boot_id, sizeof sampler->boot_id,
                          NULL) ||
        !sampler->boot_id[0])
        memcpy(sampler->boot_id, "unknown", sizeof "unknown");
}

static enum jb_code open_loads(struct jb_sampler *sampler, struct jb_error *error) {
    const struct jb_load_context context = {.root = sampler->options.root, .clock = sampler->options.clock};
    struct jb_error reason = {0};
    if (jb_load_open(JB_LOAD_HOST, NULL, &context, &sampler->notes, &reason, &sampler->host_load))
        sampler->host_load = NULL;
    if (jb_load_open(JB_LOAD_CGROUP, NULL, &context, &sampler->notes, &reason, &sampler->cgroup_load))
        sampler->cgroup_load = NULL;
    enum jb_code code = jb_load_open(JB_LOAD_PROCESS, sampler->options.process_load, &context,
                                     &sampler->notes, &reason, &sampler->process_load);
    if (code)
        sampler->process_load = NULL;
    if (code && sampler->options.process_load)
        return jb_error_set(error, code, "%s", reason.message);
    struct jb_load *const loads[] = {sampler->host_load, sampler->cgroup_load, sampler->process_load};
    for (size_t i = 0; i < JB_COUNT(loads); i++) {
        if (loads[i])
            jb_buffer_printf(&sampler->notes, "%s: in use\n", loads[i]->ops->name);
    }
    if (!sampler->host_load && !sampler->cgroup_load && !sampler->process_load)
        return jb_error_set(error, JB_NO_DATA, "nothing tells what is running here: %s", reason.message);
    return JB_OK;
}

enum jb_code jb_sampler_open(const struct jb_sampler_options *options, struct jb_error *error,
                             struct jb_sampler **ret_sampler) {
    _cleanup_(jb_sampler_close_cleanup) struct jb_sampler *sampler = calloc(1, sizeof *sampler);
    if (!sampler)
        return jb_error_set(error, JB_MEMORY, "no memory for a sampler");
    sampler->options = *options;
    sampler->namer = (struct namer){.namer.name = name_process, .root = options->root};
    read_identity(sampler);
    const struct jb_source_context context = {
        .root = options->root,
        .clock = options->clock,
        .replay_path = options->replay_path,
        .nvml_library = options->nvml_library,
        .data_path = options->data_path,
    };
    enum jb_code code = jb_domains_open(&context, &sampler->notes, error, &sampler->domains);
    if (!code)
        code = open_loads(sampler, error);
    if (!code)
        code = jb_slots_make(error, &sampler->slots);
    if (!code)
        code = jb_tracker_make(sampler->slots, &sampler->namer.namer, error, &sampler->tracker);
    if (!code)
        code = jb_attribution_make(options->idle, error, &sampler->attribution);
    if (code)
        return code;
    *ret_sampler = JB_TAKE(sampler);
    return JB_OK;
}

static void close_load(struct jb_load *load) {
    if (load)
        load->ops->close(load);
}

void jb_sampler_close(struct jb_sampler *sampler) {
    if (!sampler)
        return;
    jb_domains_close(sampler->domains);
    jb_tracker_free(sampler->tracker);
    close_load(sampler->host_load);
    close_load(sampler->cgroup_load);
    close_load(sampler->process_load);
    jb_slots_free(sampler->slots);
    jb_attribution_free(sampler->attribution);
    free(sampler->sample.cgroups);
    free(sampler->sample.processes);
    free(sampler->sample.gpus);
    free(sampler->slot_cpu_ns);
    free(sampler->processes);
    free(sampler->gpu_uses);
    free(sampler->slot_in_use);
    jb_buffer_free(&sampler->notes);
    free(sampler);
}

/* Cgroups are read before processes: what a process uses in between then never looks like time that no
 * process shows. A part that fails is left out of this sample; the other parts still count. */
static void take_sample(struct jb_sampler *sampler) {
    struct jb_sample *sample = &sampler->sample;
    const struct jb_clock *clock = sampler->options.clock;
    sample->cgroup_count = sample->process_count = sample->gpu_count = 0;
    sample->exits_lost = 0;
    sample->host.present = false;
    sample->boottime_ns = clock->boottime_ns(clock);
    sample->realtime_ns = clock->realtime_ns(clock);
    if (sampler->host_load && sampler->host_load->ops->sample(sampler->host_load, sample, NULL))
        sample->host.present = false;
    if (sampler->cgroup_load && sampler->cgroup_load->ops->sample(sampler->cgroup_load, sample, NULL))
        sample->cgroup_count = 0;
    if (sampler->process_load && sampler->process_load->ops->sample(sampler->process_load, sample, NULL))
        sample->process_count = 0;
    jb_domains_processes(sampler->domains, sample);
}

/* Share of the host's CPU time that was used in the tick; NaN when the host does not tell. */
static double utilisation_of(const struct jb_tracker_tick *usage) {
    uint64_t busy_ns = usage->busy_ns + usage->interrupt_ns + usage->steal_ns;
    uint64_t all_ns = busy_ns + usage->idle_ns;
    return all_ns ? (double)busy_ns / (double)all_ns : NAN;
}

static enum jb_code gather_gpu_uses(struct jb_sampler *sampler, uint32_t domain, struct jb_error *error,
                                    size_t *ret_count) {
    const struct jb_sample *sample = &sampler->sample;
    size_t count = 0;
    for (size_t i = 0; i < sample->gpu_count; i++) {
        if (sample->gpus[i].domain != domain)
            continue;
        enum jb_code code = jb_array_reserve(&sampler->gpu_uses, &sampler->gpu_capacity, count + 1,
                                             JB_GPU_CEILING, "GPU processes", error);
        if (code)
            return code;
        uint32_t slot = jb_tracker_slot_of(sampler->tracker, sample->gpus[i].pid);
        size_t at = 0;
        while (at < count && sampler->gpu_uses[at].slot != slot)
            at++;
        if (at == count)
            sampler->gpu_uses[count++] = (struct jb_use){.slot = slot, .group = UINT32_MAX};
        sampler->gpu_uses[at].amount += sample->gpus[i].busy_ns;
    }
    *ret_count = count;
    return JB_OK;
}

static enum jb_code attribute(struct jb_sampler *sampler, struct jb_error *error) {
    const struct jb_tracker_tick *usage = jb_tracker_last(sampler->tracker);
    size_t count;
    struct jb_metered_domain *domains = jb_domains_list(sampler->domains, &count);
    enum jb_code code =
        jb_attribution_begin(sampler->attribution, usage, jb_slots_count(sampler->slots), error);
    for (uint32_t i = 0; !code && i < count; i++) {
        const struct jb_metered_domain *item = &domains[i];
        size_t gpu_count = 0;
        if (item->place != JB_COVER_PART || !item->known)
            continue;
        code = gather_gpu_uses(sampler, i, error, &gpu_count);
        if (!code)
            code = jb_attribution_split(sampler->attribution, i, item->domain.kind, item->energy_uj,
                                        item->idle_uj, sampler->gpu_uses, gpu_count, error);
    }
    return code;
}

static enum jb_code fill_slots(struct jb_sampler *sampler, struct jb_error *error) {
    const struct jb_tracker_tick *usage = jb_tracker_last(sampler->tracker);
    size_t slot_count = jb_slots_count(sampler->slots);
    enum jb_code code = jb_array_reserve(&sampler->slot_cpu_ns, &sampler->slot_cpu_capacity, slot_count,
                                         JB_SLOT_CEILING, "workloads", error);
    if (code)
        return code;
    memset(sampler->slot_cpu_ns, 0, slot_count * sizeof *sampler->slot_cpu_ns);
    for (size_t i = 0; i < usage->cpu_count; i++)
        sampler->slot_cpu_ns[usage->cpu[i].slot] = usage->cpu[i].amount;
    sampler->tick.slot_cpu_ns = sampler->slot_cpu_ns;
    sampler->tick.slot_energy_uj = jb_attribution_tick(sampler->attribution);
    sampler->tick.slot_count = slot_count;
    return JB_OK;
}

static enum jb_code fill_processes(struct jb_sampler *sampler, struct jb_error *error) {
    struct jb_tick *tick = &sampler->tick;
    size_t count;
    const struct jb_tracked_process *tracked = jb_tracker_processes(sampler->tracker, &count);
    enum jb_code code = jb_array_reserve(&sampler->processes, &sampler->process_capacity, count,
                                         JB_PROCESS_CEILING, "processes", error);
    if (code)
        return code;
    tick->process_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct jb_tracked_process *from = &tracked[i];
        if (!from->used)
            continue;
        bool is_placed = from->slot < tick->slot_count;
        uint32_t slot = is_placed ? from->slot : JB_SLOT_UNATTRIBUTED;
        uint64_t slot_cpu_ns = tick->slot_cpu_ns[slot];
        double share = is_placed && slot_cpu_ns ? (double)from->tick_cpu_ns / (double)slot_cpu_ns : 0;
        struct jb_process_tick *to = &sampler->processes[tick->process_count++];
        *to = (struct jb_process_tick){
            .pid = from->pid,
            .parent_pid = from->parent_pid,
            .start_ns = from->start_ns,
            .slot = slot,
            .flags = from->flags,
            .cpu_ns = from->tick_cpu_ns,
            .cpu_total_ns = from->cpu_ns,
            .energy_uj = share * (double)tick->slot_energy_uj[slot],
        };
        memcpy(to->comm, from->comm, JB_COMM_SIZE);
    }
    tick->processes = sampler->processes;
    return JB_OK;
}

enum jb_code jb_sampler_tick(struct jb_sampler *sampler, struct jb_error *error) {
    struct jb_tick *tick = &sampler->tick;
    bool is_first = tick->number == 0;
    jb_domains_read(sampler->domains, is_first);
    take_sample(sampler);
    enum jb_code code = jb_tracker_update(sampler->tracker, &sampler->sample, error);
    const struct jb_tracker_tick *usage = jb_tracker_last(sampler->tracker);
    int64_t previous_ns = tick->boottime_ns;
    *tick = (struct jb_tick){
        .number = tick->number + 1,
        .boottime_ns = sampler->sample.boottime_ns,
        .realtime_ns = sampler->sample.realtime_ns,
        .elapsed_ns = is_first ? 0 : sampler->sample.boottime_ns - previous_ns,
        .busy_ns = usage->busy_ns + usage->interrupt_ns + usage->steal_ns,
        .idle_ns = usage->idle_ns,
        .cpu_count = usage->cpu_count_online,
        .host_power_w = NAN,
    };
    tick->domains = jb_domains_list(sampler->domains, &tick->domain_count);
    if (!is_first && tick->elapsed_ns > 0)
        jb_domains_learn(sampler->domains, &sampler->sample, utilisation_of(usage), tick->elapsed_ns);
    /* Whatever went wrong with usage, energy that was read is attributed: to whom is known, or to nobody. */
    enum jb_code attributed = attribute(sampler, code ? NULL : error);
    if (!code)
        code = attributed;
    if (!code)
        code = fill_slots(sampler, error);
    if (!code && sampler->options.want_processes)
        code = fill_processes(sampler, error);
    if (!is_first && jb_domains_tick_total(sampler->domains, &tick->energy_uj) && tick->elapsed_ns > 0)
        tick->host_power_w = (double)tick->energy_uj / ((double)tick->elapsed_ns / 1e9) / 1e6;
    return code;
}

const struct jb_tick *jb_sampler_last(const struct jb_sampler *sampler) {
    return &sampler->tick;
}

const struct jb_sample *jb_sampler_sample(const struct jb_sampler *sampler) {
    return &sampler->sample;
}

struct jb_slot jb_sampler_slot(const struct jb_sampler *sampler, uint32_t slot) {
    return jb_slots_get(sampler->slots, slot);
}

struct jb_slot jb_sampler_slot_or_none(const struct jb_sampler *sampler, uint32_t slot) {
    static const struct jb_slot none = {.leaf = JB_LEAF_UNATTRIBUTED, .cgroup = "", .process = ""};
    return jb_slots_is_live(sampler->slots, slot) ? jb_slots_get(sampler->slots, slot) : none;
}

struct jb_domains *jb_sampler_domains(struct jb_sampler *sampler) {
    return sampler->domains;
}

const struct jb_attribution *jb_sampler_attribution(const struct jb_sampler *sampler) {
    return sampler->attribution;
}

const struct jb_slots *jb_sampler_slots(const struct jb_sampler *sampler) {
    return sampler->slots;
}

/* A slot is given back when it took nothing in the interval and no process refers to it. */
static enum jb_code release_slots(struct jb_sampler *sampler, struct jb_error *error) {
    size_t slot_count = jb_slots_count(sampler->slots), domain_count;
    jb_domains_list(sampler->domains, &domain_count);
    enum jb_code code = jb_array_reserve(&sampler->slot_in_use, &sampler->slot_in_use_capacity, slot_count,
                                         JB_SLOT_CEILING, "workloads", error);
    if (code)
        return code;
    memset(sampler->slot_in_use, 0, slot_count * sizeof *sampler->slot_in_use);
    jb_tracker_mark_slots(sampler->tracker, sampler->slot_in_use, slot_count);
    for (uint32_t d = 0; d < domain_count; d++) {
        size_t count;
        const uint64_t *energy_uj = jb_attribution_of(sampler->attribution, d, &count);
        for (size_t i = 0; energy_uj && i < count && i < slot_count; i++)
            sampler->slot_in_use[i] |= energy_uj[i] != 0;
    }
    const struct jb_tracker_tick *usage = jb_tracker_last(sampler->tracker);
    for (size_t i = 0; i < usage->cpu_count; i++)
        sampler->slot_in_use[usage->cpu[i].slot] = true;
    for (size_t i = 0; i < usage->memory_count; i++)
        sampler->slot_in_use[usage->memory[i].slot] = true;
    for (uint32_t i = JB_SLOT_FIXED; i < slot_count; i++) {
        if (!sampler->slot_in_use[i] && jb_slots_is_live(sampler->slots, i)) {
            jb_attribution_forget(sampler->attribution, i);
            jb_slots_release(sampler->slots, i);
        }
    }
    return JB_OK;
}

enum jb_code jb_sampler_reset(struct jb_sampler *sampler, struct jb_error *error) {
    enum jb_code code = release_slots(sampler, error);
    jb_attribution_clear(sampler->attribution);
    jb_domains_reset(sampler->domains);
    bool changed;
    if (!code)
        code = jb_domains_rescan(sampler->domains, error, &changed);
    sampler->tick.domains = jb_domains_list(sampler->domains, &sampler->tick.domain_count);
    return code;
}

const char *jb_sampler_notes(const struct jb_sampler *sampler) {
    return sampler->notes.bytes ? sampler->notes.bytes : "";
}

const char *jb_sampler_process_load(const struct jb_sampler *sampler) {
    return sampler->process_load ? sampler->process_load->ops->name : "";
}

const char *jb_sampler_host(const struct jb_sampler *sampler) {
    return sampler->host;
}

const char *jb_sampler_boot_id(const struct jb_sampler *sampler) {
    return sampler->boot_id;
}
