/* Takes ticks into the tables of `top`. */
#include "cli/top/top_tables.h"

#include "base/array.h"

#include <math.h>
#include <string.h>

enum jb_code jb_top_tables_make(struct jb_top_tables *tables, struct jb_error *error) {
    *tables = (struct jb_top_tables){0};
    enum jb_code code = jb_strings_make(JB_TOP_GROUP_CEILING, error, &tables->paths);
    if (!code)
        code = jb_strings_make(JB_TOP_GROUP_CEILING, error, &tables->container_keys);
    return code;
}

static void free_commands(struct jb_top_process *processes, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(processes[i].command);
}

void jb_top_tables_free(struct jb_top_tables *tables) {
    free_commands(tables->processes, tables->process_count);
    free(tables->processes);
    free(tables->earlier);
    free(tables->index);
    jb_strings_free(tables->paths);
    free(tables->groups);
    jb_strings_free(tables->container_keys);
    free(tables->containers);
}

/* The last tick stays. */
static void use_forget(struct jb_top_use *use) {
    use->total_uj = 0;
    use->total_cpu_ns = 0;
}

void jb_top_tables_reset(struct jb_top_tables *tables) {
    for (size_t i = 0; i < tables->process_count; i++)
        tables->processes[i].total_uj = 0;
    for (size_t i = 0; i < jb_strings_count(tables->paths); i++)
        use_forget(&tables->groups[i].use);
    for (size_t i = 0; i < jb_strings_count(tables->container_keys); i++)
        use_forget(&tables->containers[i].use);
    for (size_t i = 0; i < JB_TOP_PART_COUNT; i++)
        use_forget(&tables->parts[i]);
    use_forget(&tables->workloads);
    use_forget(&tables->living);
}

/* --- groups --- */

static const char *kind_name(enum jb_workload_kind kind) {
    switch (kind) {
    case JB_WORKLOAD_CGROUP:
        return "cgroup";
    case JB_WORKLOAD_CONTAINER:
        return "container";
    case JB_WORKLOAD_POD:
        return "pod";
    case JB_WORKLOAD_UNIT:
        return "unit";
    case JB_WORKLOAD_JOB:
        return "job";
    case JB_WORKLOAD_SESSION:
        return "session";
    }
    return "cgroup";
}

static void key_of_workload(const struct jb_workload_name *name, const char *path, char *ret, size_t size) {
    if (name->kind == JB_WORKLOAD_CONTAINER && name->container[0])
        snprintf(ret, size, "container/%s", name->container);
    else if (name->kind == JB_WORKLOAD_POD && name->pod[0])
        snprintf(ret, size, "pod/%s", name->pod);
    else if (name->kind == JB_WORKLOAD_JOB && name->job[0])
        snprintf(ret, size, "job/%s/%s", name->job, name->name);
    else if (name->kind == JB_WORKLOAD_CGROUP || !name->name[0])
        snprintf(ret, size, "cgroup/%s", path);
    else
        snprintf(ret, size, "%s/%s/%s", kind_name(name->kind), name->unit, name->name);
}

/* The container that a cgroup belongs to; a cgroup that is nothing more stands for itself. */
static enum jb_code intern_container(struct jb_top_tables *tables, const char *path, struct jb_error *error,
                                     uint32_t *ret_container) {
    struct jb_workload_name name;
    char key[4096 + 16];
    uint32_t id;
    jb_workload_name_parse(path, &name);
    key_of_workload(&name, path, key, sizeof key);
    size_t known = jb_strings_count(tables->container_keys);
    enum jb_code code = jb_array_reserve(&tables->containers, &tables->container_capacity, known + 1,
                                         JB_TOP_GROUP_CEILING + 1, "containers", error);
    if (!code)
        code = jb_strings_intern(tables->container_keys, key, error, &id);
    if (code)
        return code;
    if (id == known) {
        struct jb_top_group *made = &tables->containers[id];
        *made = (struct jb_top_group){.parent = JB_STRING_NONE, .container = id};
        bool is_plain = name.kind == JB_WORKLOAD_CGROUP || !name.name[0];
        snprintf(made->name, sizeof made->name, "%.*s", (int)sizeof made->name - 1,
                 is_plain ? path : name.name);
        snprintf(made->what, sizeof made->what, "%s%s%s", is_plain ? "" : name.engine,
                 is_plain || !name.engine[0] ? "" : " ",
                 kind_name(is_plain ? JB_WORKLOAD_CGROUP : name.kind));
    }
    *ret_container = id;
    return JB_OK;
}

static enum jb_code intern_one_group(struct jb_top_tables *tables, const char *path, uint32_t parent,
                                     struct jb_error *error, uint32_t *ret_group) {
    uint32_t id, container;
    size_t known = jb_strings_count(tables->paths);
    enum jb_code code = jb_array_reserve(&tables->groups, &tables->group_capacity, known + 1,
                                         JB_TOP_GROUP_CEILING + 1, "cgroups", error);
    if (!code)
        code = intern_container(tables, path, error, &container);
    if (!code)
        code = jb_strings_intern(tables->paths, path, error, &id);
    if (code)
        return code;
    if (id == known) {
        tables->groups[id] = (struct jb_top_group){.parent = parent, .container = container};
        uint32_t above = parent == JB_STRING_NONE ? parent : tables->groups[parent].container;
        if (above != container && tables->containers[container].parent == JB_STRING_NONE && above < container)
            tables->containers[container].parent = above; /* above < container: no rings */
    }
    *ret_group = id;
    return JB_OK;
}

/* The group and all that hold it. */
static enum jb_code intern_group(struct jb_top_tables *tables, const char *path, struct jb_error *error,
                                 uint32_t *ret_group) {
    uint32_t id = jb_strings_find(tables->paths, path);
    if (id != JB_STRING_NONE) {
        *ret_group = id;
        return JB_OK;
    }
    char part[4096];
    size_t length = strlen(path);
    if (length >= sizeof part)
        length = sizeof part - 1;
    enum jb_code code = intern_one_group(tables, "/", JB_STRING_NONE, error, &id);
    for (size_t i = 1; !code && i <= length; i++) {
        if ((i < length && path[i] != '/') || path[i - 1] == '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        code = intern_one_group(tables, part, id, error, &id);
    }
    if (!code)
        *ret_group = id;
    return code;
}

/* --- processes --- */

uint64_t jb_top_process_key(int32_t pid, uint64_t start_ns) {
    return jb_hash_uint64(jb_hash_uint64(start_ns) + (uint64_t)(uint32_t)pid) >> 2;
}

static size_t find_process(const struct jb_top_tables *tables, const struct jb_top_process *in,
                           uint64_t key) {
    if (tables->index_size == 0)
        return SIZE_MAX;
    size_t mask = tables->index_size - 1;
    for (size_t at = key & mask; tables->index[at]; at = (at + 1) & mask) {
        const struct jb_process_tick *tick = &in[tables->index[at] - 1].tick;
        if (jb_top_process_key(tick->pid, tick->start_ns) == key)
            return tables->index[at] - 1;
    }
    return SIZE_MAX;
}

struct jb_top_process *jb_top_tables_process(const struct jb_top_tables *tables, uint64_t key) {
    size_t at = find_process(tables, tables->processes, key);
    return at == SIZE_MAX ? NULL : &tables->processes[at];
}

static enum jb_code index_processes(struct jb_top_tables *tables, struct jb_error *error) {
    size_t size = 64;
    while (size < 2 * tables->process_count)
        size *= 2;
    enum jb_code code = jb_array_reserve(&tables->index, &tables->index_capacity, size,
                                         4 * JB_PROCESS_CEILING, "processes", error);
    if (code)
        return code;
    tables->index_size = size;
    memset(tables->index, 0, size * sizeof *tables->index);
    for (size_t i = 0; i < tables->process_count; i++) {
        const struct jb_process_tick *tick = &tables->processes[i].tick;
        size_t at = jb_top_process_key(tick->pid, tick->start_ns) & (size - 1);
        while (tables->index[at])
            at = (at + 1) & (size - 1);
        tables->index[at] = (uint32_t)i + 1;
    }
    return JB_OK;
}

/* Those alive go into a new array and take what was kept of them along; the rest of the old one is forgotten.
 */
static enum jb_code update_processes(struct jb_top_tables *tables, const struct jb_tick *tick,
                                     const uint32_t *group_of_slot, struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&tables->earlier, &tables->earlier_capacity, tick->process_count,
                                         JB_PROCESS_CEILING, "processes", error);
    if (code)
        return code;
    size_t count = 0;
    double total_uj = 0, tick_uj = 0;
    uint64_t tick_cpu_ns = 0;
    for (size_t i = 0; i < tick->process_count; i++) {
        const struct jb_process_tick *from = &tick->processes[i];
        if (from->flags & JB_PROCESS_EXITED)
            continue;
        size_t at = find_process(tables, tables->processes, jb_top_process_key(from->pid, from->start_ns));
        struct jb_top_process *to = &tables->earlier[count++];
        *to = (struct jb_top_process){.tick = *from,
                                      .group = from->slot < tick->slot_count ? group_of_slot[from->slot]
                                                                             : JB_STRING_NONE};
        if (at != SIZE_MAX) {
            struct jb_top_process *before = &tables->processes[at];
            to->total_uj = before->total_uj;
            if (memcmp(before->tick.comm, from->comm, sizeof from->comm) == 0)
                to->command = JB_TAKE(before->command); /* else it executed something new */
        }
        to->total_uj += from->energy_uj;
        total_uj += to->total_uj;
        tick_uj += from->energy_uj;
        tick_cpu_ns += from->cpu_ns;
    }
    free_commands(tables->processes, tables->process_count);
    struct jb_top_process *swap = tables->processes;
    size_t swap_capacity = tables->process_capacity;
    tables->processes = tables->earlier;
    tables->process_capacity = tables->earlier_capacity;
    tables->process_count = count;
    tables->earlier = swap;
    tables->earlier_capacity = swap_capacity;
    tables->living.tick_uj = tick_uj;
    tables->living.total_uj = total_uj;
    tables->living.tick_cpu_ns = tick_cpu_ns;
    return index_processes(tables, error);
}

/* --- slots --- */

static void use_add(struct jb_top_use *use, uint64_t energy_uj, uint64_t cpu_ns) {
    use->tick_uj += (double)energy_uj;
    use->total_uj += (double)energy_uj;
    use->tick_cpu_ns += cpu_ns;
    use->total_cpu_ns += cpu_ns;
}

static void use_begin(struct jb_top_use *use) {
    use->tick_uj = 0;
    use->tick_cpu_ns = 0;
}

static void begin_tick(struct jb_top_tables *tables) {
    for (size_t i = 0; i < jb_strings_count(tables->paths); i++) {
        use_begin(&tables->groups[i].use);
        tables->groups[i].process_count = 0;
        tables->groups[i].is_alive = false;
    }
    for (size_t i = 0; i < jb_strings_count(tables->container_keys); i++) {
        use_begin(&tables->containers[i].use);
        tables->containers[i].process_count = 0;
        tables->containers[i].is_alive = false;
    }
    for (size_t i = 0; i < JB_TOP_PART_COUNT; i++)
        use_begin(&tables->parts[i]);
    use_begin(&tables->workloads);
}

static enum jb_top_part part_of_leaf(enum jb_leaf leaf) {
    switch (leaf) {
    case JB_LEAF_IDLE:
        return JB_TOP_PART_IDLE;
    case JB_LEAF_INTERRUPT:
        return JB_TOP_PART_INTERRUPT;
    case JB_LEAF_STEAL:
        return JB_TOP_PART_STEAL;
    case JB_LEAF_KERNEL:
        return JB_TOP_PART_KERNEL;
    default:
        return JB_TOP_PART_UNATTRIBUTED;
    }
}

/* Adds each slot to its group, its container, or its part of the host. */
static enum jb_code update_slots(struct jb_top_tables *tables, const struct jb_tick *tick,
                                 const struct jb_slot *slots, uint32_t *group_of_slot,
                                 struct jb_error *error) {
    double all_uj = 0;
    for (size_t i = 0; i < tick->slot_count; i++) {
        uint64_t energy_uj = tick->slot_energy_uj[i], cpu_ns = tick->slot_cpu_ns[i];
        const char *cgroup = slots[i].cgroup;
        group_of_slot[i] = JB_STRING_NONE;
        all_uj += (double)energy_uj;
        if (!cgroup || !*cgroup) {
            use_add(&tables->parts[part_of_leaf(slots[i].leaf)], energy_uj, cpu_ns);
            if (slots[i].leaf == JB_LEAF_KERNEL)
                use_add(&tables->workloads, energy_uj, cpu_ns);
            continue;
        }
        uint32_t group;
        enum jb_code code = intern_group(tables, cgroup, error, &group);
        if (code)
            return code;
        struct jb_top_group *container = &tables->containers[tables->groups[group].container];
        use_add(&tables->groups[group].use, energy_uj, cpu_ns);
        use_add(&container->use, energy_uj, cpu_ns);
        use_add(&tables->workloads, energy_uj, cpu_ns);
        if (energy_uj || cpu_ns)
            tables->groups[group].is_alive = container->is_alive = true;
        group_of_slot[i] = group;
    }
    double rest_uj = (double)tick->energy_uj - all_uj;
    if (!isnan(tick->host_power_w)) {
        tables->parts[JB_TOP_PART_REST].tick_uj = rest_uj;
        tables->parts[JB_TOP_PART_REST].total_uj += rest_uj;
    }
    /* Idle has no CPU time on its slot. */
    tables->parts[JB_TOP_PART_IDLE].tick_cpu_ns = tick->idle_ns;
    tables->parts[JB_TOP_PART_IDLE].total_cpu_ns += tick->idle_ns;
    return JB_OK;
}

static void count_processes(struct jb_top_tables *tables) {
    for (size_t i = 0; i < tables->process_count; i++) {
        uint32_t group = tables->processes[i].group;
        if (group == JB_STRING_NONE)
            continue;
        struct jb_top_group *container = &tables->containers[tables->groups[group].container];
        tables->groups[group].process_count++;
        container->process_count++;
        tables->groups[group].is_alive = container->is_alive = true;
    }
}

enum jb_code jb_top_tables_update(struct jb_top_tables *tables, const struct jb_tick *tick,
                                  const struct jb_slot *slots, struct jb_error *error) {
    _cleanup_free_ uint32_t *group_of_slot = malloc((tick->slot_count + 1) * sizeof *group_of_slot);
    if (!group_of_slot)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu workloads", tick->slot_count);
    begin_tick(tables);
    enum jb_code code = update_slots(tables, tick, slots, group_of_slot, error);
    if (!code)
        code = update_processes(tables, tick, group_of_slot, error);
    if (!code)
        count_processes(tables);
    return code;
}
