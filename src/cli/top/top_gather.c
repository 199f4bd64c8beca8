/* Makes the rows that the tables hold: by process, cgroup or container, and what belongs to no workload. */
#include "base/array.h"
#include "cli/top/top_model_internal.h"

#include <math.h>

/* Keys of different kinds of things never meet: the upper two bits say which kind. */
#define KEY_GROUP     (UINT64_C(1) << 62)
#define KEY_CONTAINER (UINT64_C(2) << 62)
#define KEY_HOST      (UINT64_C(3) << 62)
#define HOST_EXITED   ((uint64_t)JB_TOP_PART_COUNT)

static enum jb_code add_row(struct jb_top_model *model, struct jb_error *error,
                            struct jb_top_candidate **ret_row) {
    enum jb_code code = jb_array_reserve(&model->candidates, &model->candidate_capacity,
                                         model->candidate_count + 1, JB_TOP_ROW_CEILING, "rows", error);
    if (code)
        return code;
    *ret_row = &model->candidates[model->candidate_count++];
    **ret_row = (struct jb_top_candidate){.parent = JB_TOP_NO_ROW, .row.group = ""};
    return JB_OK;
}

static void set_use(const struct jb_top_model *model, struct jb_top_row *row, double tick_uj, double total_uj,
                    uint64_t tick_cpu_ns, uint64_t time_ns) {
    double seconds = (double)model->elapsed_ns / 1e9;
    bool is_known = model->is_known && seconds > 0;
    row->power_w = is_known ? tick_uj / 1e6 / seconds : NAN;
    row->energy_j = model->was_ever_known ? total_uj / 1e6 : NAN;
    row->share = is_known && model->summary.power_w > 0 ? row->power_w / model->summary.power_w : NAN;
    row->cpus = model->elapsed_ns > 0 ? (double)tick_cpu_ns / (double)model->elapsed_ns : 0;
    row->time_ns = time_ns;
}

static enum jb_code add_host_row(struct jb_top_model *model, uint64_t number, const char *name,
                                 const struct jb_top_use *use, struct jb_error *error) {
    if (use->tick_uj == 0 && use->total_uj == 0 && use->tick_cpu_ns == 0 && use->total_cpu_ns == 0)
        return JB_OK;
    struct jb_top_candidate *added;
    enum jb_code code;
    if ((code = add_row(model, error, &added)))
        return code;
    added->row.key = KEY_HOST | number;
    added->row.kind = JB_TOP_HOST;
    added->row.name = name;
    set_use(model, &added->row, use->tick_uj, use->total_uj, use->tick_cpu_ns, use->total_cpu_ns);
    return JB_OK;
}

/* What belongs to nobody who is alive. Differences of sums of doubles may leave dust: less than 1 µJ is none.
 */
static struct jb_top_use difference(struct jb_top_use whole, double tick_uj, double total_uj,
                                    uint64_t tick_cpu_ns) {
    whole.tick_uj -= tick_uj;
    whole.total_uj -= total_uj;
    if (fabs(whole.tick_uj) < 1)
        whole.tick_uj = 0;
    if (fabs(whole.total_uj) < 1)
        whole.total_uj = 0;
    whole.tick_cpu_ns = whole.tick_cpu_ns > tick_cpu_ns ? whole.tick_cpu_ns - tick_cpu_ns : 0;
    whole.total_cpu_ns = whole.tick_cpu_ns;
    return whole;
}

static enum jb_code add_host_rows(struct jb_top_model *model, struct jb_top_use ended, bool has_kernel_rows,
                                  const struct jb_top_use *kernel, struct jb_error *error) {
    static const char *const names[JB_TOP_PART_COUNT] = {"idle",         "interrupt", "steal",
                                                         "unattributed", "rest",      "kernel"};
    const struct jb_top_use *parts = model->tables.parts;
    if (model->settings.hides_host)
        return JB_OK;
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < JB_TOP_PART_KERNEL; i++) {
        bool is_over = i == JB_TOP_PART_REST && parts[i].total_uj < 0;
        code = add_host_row(model, i, is_over ? "meter-variance" : names[i], &parts[i], error);
    }
    if (!code && !has_kernel_rows)
        code = add_host_row(model, JB_TOP_PART_KERNEL, names[JB_TOP_PART_KERNEL], kernel, error);
    if (!code)
        code = add_host_row(model, HOST_EXITED, "exited", &ended, error);
    return code;
}

static enum jb_code add_processes(struct jb_top_model *model, struct jb_error *error) {
    const struct jb_top_tables *tables = &model->tables;
    bool hides_kernel = model->settings.hides_kernel;
    struct jb_top_use kernel = {0};
    enum jb_code code;
    for (size_t i = 0; i < tables->process_count; i++) {
        const struct jb_top_process *process = &tables->processes[i];
        bool is_kernel = process->tick.flags & JB_PROCESS_KERNEL;
        if (is_kernel && hides_kernel) {
            kernel.tick_uj += process->tick.energy_uj;
            kernel.total_uj += process->total_uj;
            kernel.tick_cpu_ns += process->tick.cpu_ns;
            kernel.total_cpu_ns += process->tick.cpu_total_ns;
            continue;
        }
        struct jb_top_candidate *added;
        if ((code = add_row(model, error, &added)))
            return code;
        struct jb_top_row *row = &added->row;
        row->key = jb_top_process_key(process->tick.pid, process->tick.start_ns);
        row->kind = is_kernel ? JB_TOP_KERNEL_THREAD : JB_TOP_PROCESS;
        row->pid = process->tick.pid;
        row->start_ns = process->tick.start_ns;
        row->process_count = 1;
        row->name = process->command && process->command[0] ? process->command : process->tick.comm;
        if (process->group != JB_STRING_NONE)
            row->group = tables->containers[tables->groups[process->group].container].name;
        added->parent = (uint32_t)process->tick.parent_pid; /* a pid for now: see link_processes */
        set_use(model, row, process->tick.energy_uj, process->total_uj, process->tick.cpu_ns,
                process->tick.cpu_total_ns);
    }
    struct jb_top_use ended = difference(tables->workloads, tables->living.tick_uj, tables->living.total_uj,
                                         tables->living.tick_cpu_ns);
    return add_host_rows(model, ended, !hides_kernel, &kernel, error);
}

static enum jb_code add_groups(struct jb_top_model *model, const struct jb_top_group *groups, size_t count,
                               const struct jb_strings *paths, struct jb_error *error) {
    const struct jb_top_tables *tables = &model->tables;
    enum jb_code code = jb_array_reserve(&model->group_row, &model->group_row_capacity, count,
                                         JB_TOP_GROUP_CEILING + 1, "rows", error);
    if (code)
        return code;
    double tick_uj = 0, total_uj = 0;
    uint64_t tick_cpu_ns = 0;
    size_t first = model->candidate_count;
    for (size_t i = 0; i < count; i++)
        model->group_row[i] = JB_TOP_NO_ROW;
    for (size_t i = 0; i < count; i++) {
        /* Without a load of processes nobody knows which groups have some. */
        if (!groups[i].is_alive && model->has_processes)
            continue;
        for (uint32_t at = (uint32_t)i; at != JB_STRING_NONE && model->group_row[at] == JB_TOP_NO_ROW;) {
            const struct jb_top_group *group = &groups[at];
            struct jb_top_candidate *added;
            if ((code = add_row(model, error, &added)))
                return code;
            model->group_row[at] = (uint32_t)(model->candidate_count - 1);
            const char *name = paths ? jb_strings_text(paths, at) : group->name;
            added->row = (struct jb_top_row){.kind = JB_TOP_GROUP,
                                             .key = (paths ? KEY_GROUP : KEY_CONTAINER) | at,
                                             .process_count = group->process_count,
                                             .name = name,
                                             .group = tables->containers[group->container].what};
            added->parent = group->parent; /* a group for now */
            set_use(model, &added->row, group->use.tick_uj, group->use.total_uj, group->use.tick_cpu_ns,
                    group->use.total_cpu_ns);
            tick_uj += group->use.tick_uj;
            total_uj += group->use.total_uj;
            tick_cpu_ns += group->use.tick_cpu_ns;
            /* In a tree the groups above must stand, alive themselves or not. */
            at = model->settings.is_tree ? group->parent : JB_STRING_NONE;
        }
    }
    for (size_t i = first; i < model->candidate_count; i++) {
        uint32_t parent = model->candidates[i].parent;
        model->candidates[i].parent = parent == JB_STRING_NONE ? JB_TOP_NO_ROW : model->group_row[parent];
    }
    const struct jb_top_use *kernel = &tables->parts[JB_TOP_PART_KERNEL];
    struct jb_top_use ended = difference(tables->workloads, tick_uj + kernel->tick_uj,
                                         total_uj + kernel->total_uj, tick_cpu_ns + kernel->tick_cpu_ns);
    return add_host_rows(model, ended, false, kernel, error);
}

enum jb_code jb_top_model_gather(struct jb_top_model *model, struct jb_error *error) {
    const struct jb_top_tables *tables = &model->tables;
    model->candidate_count = 0;
    switch (model->settings.by) {
    case JB_TOP_BY_CGROUP:
        return add_groups(model, tables->groups, jb_strings_count(tables->paths), tables->paths, error);
    case JB_TOP_BY_CONTAINER:
        return add_groups(model, tables->containers, jb_strings_count(tables->container_keys), NULL, error);
    default:
        return add_processes(model, error);
    }
}
