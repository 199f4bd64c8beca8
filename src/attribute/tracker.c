/* The tracker: processes by (pid, start), their growth by leaf, and what of a cgroup no process shows. */
#include "attribute/tracker.h"

#include "attribute/groups.h"
#include "base/array.h"
#include "base/strings.h"

#include <assert.h>
#include <string.h>

#define NO_SLOT  UINT32_MAX
#define NO_ENTRY UINT32_MAX
/* Samples that a process may be missing from before its entry goes: its exit record may be under way. */
#define PATIENCE 5
/* Start times from /proc are cut to a clock tick of 10 ms. */
#define START_GRAIN_NS UINT64_C(10000000)

struct uses {
    struct jb_use *items;
    size_t count, capacity;
    uint32_t *position; /* by slot: index in items + 1 */
    size_t position_capacity;
};

struct jb_tracker {
    struct jb_slots *slots;
    struct jb_namer *namer;
    struct jb_groups *groups;
    struct jb_tracked_process *entries;
    size_t count, capacity;
    uint32_t *free_entries;
    size_t free_count, free_capacity;
    uint32_t *table; /* open addressing by (pid, start): entry + 1 */
    size_t table_size, table_used, live;
    struct uses cpu, memory;
    struct jb_tracker_tick tick;
    struct jb_host_usage host;
    uint64_t opened_ns; /* boottime of the first sample */
    uint32_t number;
    bool has_groups;
};

enum jb_code jb_tracker_make(struct jb_slots *slots, struct jb_namer *namer, struct jb_error *error,
                             struct jb_tracker **ret_tracker) {
    _cleanup_(jb_tracker_free_cleanup) struct jb_tracker *tracker = calloc(1, sizeof *tracker);
    if (!tracker)
        return jb_error_set(error, JB_MEMORY, "no memory to track processes");
    enum jb_code code = jb_groups_make(error, &tracker->groups);
    if (code)
        return code;
    tracker->slots = slots;
    tracker->namer = namer;
    *ret_tracker = JB_TAKE(tracker);
    return JB_OK;
}

void jb_tracker_free(struct jb_tracker *tracker) {
    if (!tracker)
        return;
    jb_groups_free(tracker->groups);
    free(tracker->entries);
    free(tracker->free_entries);
    free(tracker->table);
    free(tracker->cpu.items);
    free(tracker->cpu.position);
    free(tracker->memory.items);
    free(tracker->memory.position);
    free(tracker);
}

const struct jb_tracker_tick *jb_tracker_last(const struct jb_tracker *tracker) {
    return &tracker->tick;
}

const struct jb_tracked_process *jb_tracker_processes(const struct jb_tracker *tracker, size_t *ret_count) {
    *ret_count = tracker->count;
    return tracker->entries;
}

static enum jb_code add_use(struct uses *uses, uint32_t slot, uint32_t group, uint64_t amount,
                            struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&uses->position, &uses->position_capacity, (size_t)slot + 1,
                                         JB_SLOT_CEILING, "workloads", error);
    if (!code)
        code = jb_array_reserve(&uses->items, &uses->capacity, uses->count + 1, JB_SLOT_CEILING, "workloads",
                                error);
    if (code)
        return code;
    if (uses->position[slot]) {
        uses->items[uses->position[slot] - 1].amount += amount;
        return JB_OK;
    }
    uses->items[uses->count++] = (struct jb_use){.slot = slot, .group = group, .amount = amount};
    uses->position[slot] = (uint32_t)uses->count;
    return JB_OK;
}

static void clear_uses(struct uses *uses) {
    for (size_t i = 0; i < uses->count; i++)
        uses->position[uses->items[i].slot] = 0;
    uses->count = 0;
}

static uint64_t hash_of(int32_t pid, uint64_t start_ns) {
    return jb_hash_uint64(start_ns * 0x9e3779b97f4a7c15ULL ^ (uint32_t)pid);
}

static bool is_entry(const struct jb_tracked_process *entry, int32_t pid, uint64_t start_ns) {
    return entry->used && entry->pid == pid && entry->start_ns == start_ns;
}

static uint32_t find_entry(const struct jb_tracker *tracker, int32_t pid, uint64_t start_ns) {
    if (!tracker->table_size)
        return NO_ENTRY;
    size_t mask = tracker->table_size - 1;
    for (size_t at = hash_of(pid, start_ns) & mask; tracker->table[at]; at = (at + 1) & mask) {
        uint32_t index = tracker->table[at] - 1;
        if (is_entry(&tracker->entries[index], pid, start_ns))
            return index;
    }
    return NO_ENTRY;
}

/* Entries that were given back stay in the table, unmatched, until it is rebuilt. */
static enum jb_code rebuild_table(struct jb_tracker *tracker, struct jb_error *error) {
    size_t size = 256;
    while (size < (tracker->live + 1) * 4)
        size *= 2;
    if (size > tracker->table_size) {
        uint32_t *table = calloc(size, sizeof *table);
        if (!table)
            return jb_error_set(error, JB_MEMORY, "no memory to track %zu processes", tracker->live);
        free(tracker->table);
        tracker->table = table;
        tracker->table_size = size;
    } else {
        memset(tracker->table, 0, tracker->table_size * sizeof *tracker->table);
    }
    tracker->table_used = 0;
    size_t mask = tracker->table_size - 1;
    for (size_t i = 0; i < tracker->count; i++) {
        if (!tracker->entries[i].used)
            continue;
        size_t at = hash_of(tracker->entries[i].pid, tracker->entries[i].start_ns) & mask;
        while (tracker->table[at])
            at = (at + 1) & mask;
        tracker->table[at] = (uint32_t)i + 1;
        tracker->table_used++;
    }
    return JB_OK;
}

static enum jb_code add_entry(struct jb_tracker *tracker, const struct jb_process_usage *process,
                              struct jb_error *error, uint32_t *ret_index) {
    enum jb_code code = JB_OK;
    if ((tracker->table_used + 1) * 2 > tracker->table_size)
        code = rebuild_table(tracker, error);
    if (!code && !tracker->free_count)
        code = jb_array_reserve(&tracker->entries, &tracker->capacity, tracker->count + 1, JB_PROCESS_CEILING,
                                "processes", error);
    if (!code)
        code = jb_array_reserve(&tracker->free_entries, &tracker->free_capacity, tracker->capacity,
                                JB_PROCESS_CEILING, "processes", error);
    if (code)
        return code;
    uint32_t index =
        tracker->free_count ? tracker->free_entries[--tracker->free_count] : (uint32_t)tracker->count++;
    tracker->entries[index] = (struct jb_tracked_process){
        .used = true,
        .pid = process->pid,
        .start_ns = process->start_ns,
        .slot = NO_SLOT,
        .group = JB_GROUP_NONE,
        .following = NO_ENTRY,
    };
    /* What it used before the first sample is nobody's; one that started later is seen from its beginning. */
    if (tracker->number == 1 || process->start_ns + START_GRAIN_NS < tracker->opened_ns)
        tracker->entries[index].cpu_ns = process->cpu_ns;
    size_t mask = tracker->table_size - 1, at = hash_of(process->pid, process->start_ns) & mask;
    while (tracker->table[at])
        at = (at + 1) & mask;
    tracker->table[at] = index + 1;
    tracker->table_used++;
    tracker->live++;
    *ret_index = index;
    return JB_OK;
}

static void drop_entry(struct jb_tracker *tracker, uint32_t index) {
    tracker->entries[index].used = false;
    tracker->free_entries[tracker->free_count++] = index;
    tracker->live--;
}

/* Finds the group and slot of a process that is new, moved to another cgroup, or called exec. A cgroup that
 * is not in the sample (made or removed meanwhile) leaves the slot unknown for now. */
static enum jb_code place(struct jb_tracker *tracker, struct jb_tracked_process *entry,
                          const struct jb_process_usage *process, struct jb_error *error) {
    const char *path = "/";
    uint32_t group = JB_GROUP_NONE;
    entry->cgroup_id = process->cgroup_id;
    memcpy(entry->comm, process->comm, JB_COMM_SIZE);
    if (tracker->has_groups) {
        group = process->cgroup_id ? jb_groups_find(tracker->groups, process->cgroup_id) : JB_GROUP_NONE;
        if (group == JB_GROUP_NONE) {
            entry->slot = NO_SLOT;
            entry->group = JB_GROUP_NONE;
            return JB_OK;
        }
        entry->group_serial = jb_groups_get(tracker->groups, group)->serial;
        path = jb_groups_get(tracker->groups, group)->path;
    }
    entry->group = group;
    if (process->flags & JB_PROCESS_KERNEL) {
        entry->slot = JB_SLOT_KERNEL;
        return JB_OK;
    }
    char name[JB_PROCESS_NAME_SIZE];
    tracker->namer->name(tracker->namer, process, name, sizeof name);
    return jb_slots_intern(tracker->slots, JB_LEAF_PROCESS, path, name, error, &entry->slot);
}

/* The CPU time that a record adds to its process and its slot. */
static enum jb_code grow(struct jb_tracker *tracker, struct jb_tracked_process *entry,
                         const struct jb_process_usage *process, struct jb_error *error) {
    bool gone = entry->group != JB_GROUP_NONE &&
                jb_groups_get(tracker->groups, entry->group)->serial != entry->group_serial;
    if (entry->slot == NO_SLOT || gone) {
        /* Counted by the cgroup's ancestor as exited, since no row can show it; until then it waits. */
        if (process->flags & JB_PROCESS_EXITED || gone)
            entry->cpu_ns = process->cpu_ns;
        return JB_OK;
    }
    if (process->cpu_ns <= entry->cpu_ns)
        return JB_OK;
    uint64_t grown_ns = process->cpu_ns - entry->cpu_ns;
    entry->cpu_ns = process->cpu_ns;
    entry->tick_cpu_ns += grown_ns;
    if (entry->group != JB_GROUP_NONE)
        jb_groups_charge(tracker->groups, entry->group, grown_ns);
    return add_use(&tracker->cpu, entry->slot, entry->group, grown_ns, error);
}

static enum jb_code take_processes(struct jb_tracker *tracker, const struct jb_sample *sample,
                                   struct jb_error *error) {
    uint32_t previous = NO_ENTRY;
    for (size_t i = 0; i < sample->process_count; i++) {
        const struct jb_process_usage *process = &sample->processes[i];
        uint32_t index = previous == NO_ENTRY ? NO_ENTRY : tracker->entries[previous].following;
        if (index == NO_ENTRY || !is_entry(&tracker->entries[index], process->pid, process->start_ns))
            index = find_entry(tracker, process->pid, process->start_ns);
        enum jb_code code = JB_OK;
        if (index == NO_ENTRY)
            code = add_entry(tracker, process, error, &index);
        if (code)
            return code;
        if (previous != NO_ENTRY)
            tracker->entries[previous].following = index;
        struct jb_tracked_process *entry = &tracker->entries[index];
        if (entry->flags & JB_PROCESS_EXITED)
            continue; /* a second record of the same end */
        bool is_new = entry->seen == 0;
        bool is_changed = entry->slot == NO_SLOT || entry->cgroup_id != process->cgroup_id ||
                          memcmp(entry->comm, process->comm, JB_COMM_SIZE) != 0;
        if (is_new || (is_changed && (entry->slot == NO_SLOT || !(process->flags & JB_PROCESS_EXITED))))
            code = place(tracker, entry, process, error);
        if (code)
            return code;
        if (entry->seen != tracker->number)
            entry->tick_cpu_ns = 0;
        entry->seen = tracker->number;
        entry->parent_pid = process->parent_pid ? process->parent_pid : entry->parent_pid;
        entry->flags = process->flags;
        code = grow(tracker, entry, process, error);
        if (code)
            return code;
        if (!(process->flags & JB_PROCESS_EXITED))
            previous = index;
    }
    return JB_OK;
}

/* Entries that ended in the last tick, or were not seen for a while, go. */
static void sweep(struct jb_tracker *tracker) {
    for (size_t i = 0; i < tracker->count; i++) {
        struct jb_tracked_process *entry = &tracker->entries[i];
        if (!entry->used)
            continue;
        if ((entry->flags & JB_PROCESS_EXITED) || tracker->number - entry->seen > PATIENCE)
            drop_entry(tracker, (uint32_t)i);
        else if (entry->seen != tracker->number)
            entry->tick_cpu_ns = 0;
    }
}

/* What each cgroup used and no process showed becomes its `exited` leaf. */
static enum jb_code settle_groups(struct jb_tracker *tracker, struct jb_error *error) {
    for (uint32_t i = 0; i < jb_groups_count(tracker->groups); i++) {
        struct jb_group *group = jb_groups_get(tracker->groups, i);
        if (!group->used)
            continue;
        uint64_t exited_ns = jb_groups_settle(tracker->groups, i);
        if (!exited_ns)
            continue;
        uint32_t slot;
        enum jb_code code = jb_slots_intern(tracker->slots, JB_LEAF_EXITED, group->path, "", error, &slot);
        if (!code)
            code = add_use(&tracker->cpu, slot, i, exited_ns, error);
        if (code)
            return code;
        group->tick_cpu_ns += exited_ns;
    }
    return JB_OK;
}

/* Memory held by each cgroup, over its leaves of this tick by their CPU time; what a cgroup without any holds
 * is its own `unattributed`. */
static enum jb_code share_memory(struct jb_tracker *tracker, const struct jb_sample *sample,
                                 struct jb_error *error) {
    uint64_t held_bytes = 0;
    enum jb_code code = JB_OK;
    for (uint32_t i = 0; !code && i < jb_groups_count(tracker->groups); i++) {
        const struct jb_group *group = jb_groups_get(tracker->groups, i);
        if (!group->used || group->quiet_ticks || group->memory_bytes == 0)
            continue;
        held_bytes += group->memory_bytes;
        if (group->tick_cpu_ns)
            continue;
        uint32_t slot;
        code = jb_slots_intern(tracker->slots, JB_LEAF_UNATTRIBUTED, group->path, "", error, &slot);
        if (!code)
            code = add_use(&tracker->memory, slot, i, group->memory_bytes, error);
    }
    for (size_t i = 0; !code && i < tracker->cpu.count; i++) {
        const struct jb_use *use = &tracker->cpu.items[i];
        if (use->group == JB_GROUP_NONE)
            continue;
        const struct jb_group *group = jb_groups_get(tracker->groups, use->group);
        if (!group->memory_bytes || !group->tick_cpu_ns)
            continue;
        double share = (double)use->amount / (double)group->tick_cpu_ns;
        code = add_use(&tracker->memory, use->slot, use->group,
                       (uint64_t)((double)group->memory_bytes * share), error);
    }
    tracker->tick.memory_unheld_bytes =
        sample->host.memory_total_bytes > held_bytes ? sample->host.memory_total_bytes - held_bytes : 0;
    return code;
}

static uint64_t growth(uint64_t *last, uint64_t now) {
    uint64_t grown = now > *last ? now - *last : 0;
    if (now > *last)
        *last = now;
    return grown;
}

static enum jb_code take_host(struct jb_tracker *tracker, const struct jb_sample *sample,
                              struct jb_error *error) {
    const struct jb_host_usage *now = &sample->host;
    struct jb_tracker_tick *tick = &tracker->tick;
    if (!now->present)
        return JB_OK;
    tick->busy_ns = growth(&tracker->host.busy_ns, now->busy_ns);
    tick->interrupt_ns = growth(&tracker->host.interrupt_ns, now->interrupt_ns);
    tick->steal_ns = growth(&tracker->host.steal_ns, now->steal_ns);
    tick->idle_ns = growth(&tracker->host.idle_ns, now->idle_ns);
    tick->cpu_count_online = now->cpu_count;
    if (tracker->number == 1) {
        tick->busy_ns = tick->interrupt_ns = tick->steal_ns = tick->idle_ns = 0;
        return JB_OK;
    }
    enum jb_code code = JB_OK;
    if (tick->interrupt_ns)
        code = add_use(&tracker->cpu, JB_SLOT_INTERRUPT, JB_GROUP_NONE, tick->interrupt_ns, error);
    if (!code && tick->steal_ns)
        code = add_use(&tracker->cpu, JB_SLOT_STEAL, JB_GROUP_NONE, tick->steal_ns, error);
    return code;
}

enum jb_code jb_tracker_update(struct jb_tracker *tracker, const struct jb_sample *sample,
                               struct jb_error *error) {
    sweep(tracker);
    clear_uses(&tracker->cpu);
    clear_uses(&tracker->memory);
    tracker->tick = (struct jb_tracker_tick){.exits_lost = sample->exits_lost};
    if (++tracker->number == 1)
        tracker->opened_ns = (uint64_t)sample->boottime_ns;
    tracker->has_groups = sample->cgroup_count > 0;
    enum jb_code code = jb_groups_update(tracker->groups, sample, tracker->number == 1, error);
    if (!code)
        code = take_processes(tracker, sample, error);
    if (!code)
        code = settle_groups(tracker, error);
    if (!code)
        code = take_host(tracker, sample, error);
    if (!code)
        code = share_memory(tracker, sample, error);
    tracker->tick.cpu = tracker->cpu.items;
    tracker->tick.cpu_count = tracker->cpu.count;
    tracker->tick.memory = tracker->memory.items;
    tracker->tick.memory_count = tracker->memory.count;
    return code;
}

uint32_t jb_tracker_slot_of(const struct jb_tracker *tracker, int32_t pid) {
    for (size_t i = 0; i < tracker->count; i++) {
        const struct jb_tracked_process *entry = &tracker->entries[i];
        if (entry->used && entry->pid == pid && !(entry->flags & JB_PROCESS_EXITED) && entry->slot != NO_SLOT)
            return entry->slot;
    }
    return JB_SLOT_UNATTRIBUTED;
}

void jb_tracker_mark_slots(const struct jb_tracker *tracker, bool *in_use, size_t count) {
    for (size_t i = 0; i < tracker->count; i++) {
        if (tracker->entries[i].used && tracker->entries[i].slot < count)
            in_use[tracker->entries[i].slot] = true;
    }
}
