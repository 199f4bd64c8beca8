/* Cgroups as the tracker sees them. */
#include "attribute/groups.h"

#include "base/array.h"
#include "base/strings.h"

#include <string.h>

/* Differences below this are the jitter of reading a group and its processes one after the other. */
#define JITTER_NS 20000

struct jb_groups {
    struct jb_group *items;
    size_t count, capacity;
    uint32_t *of_sample; /* index in the last sample → index in items */
    int64_t *growth_ns;  /* by index in the last sample */
    size_t of_sample_count, of_sample_capacity, growth_capacity;
    uint32_t *by_id; /* open addressing over items of the last sample: index + 1 */
    size_t by_id_size;
};

enum jb_code jb_groups_make(struct jb_error *error, struct jb_groups **ret_groups) {
    struct jb_groups *groups = calloc(1, sizeof *groups);
    if (!groups)
        return jb_error_set(error, JB_MEMORY, "no memory for the table of cgroups");
    *ret_groups = groups;
    return JB_OK;
}

void jb_groups_free(struct jb_groups *groups) {
    if (!groups)
        return;
    free(groups->items);
    free(groups->of_sample);
    free(groups->growth_ns);
    free(groups->by_id);
    free(groups);
}

struct jb_group *jb_groups_get(struct jb_groups *groups, uint32_t index) {
    return &groups->items[index];
}

size_t jb_groups_count(const struct jb_groups *groups) {
    return groups->count;
}

uint32_t jb_groups_find(const struct jb_groups *groups, uint64_t cgroup_id) {
    if (!groups->by_id_size)
        return JB_GROUP_NONE;
    size_t mask = groups->by_id_size - 1;
    for (size_t at = jb_hash_uint64(cgroup_id) & mask; groups->by_id[at]; at = (at + 1) & mask) {
        uint32_t index = groups->by_id[at] - 1;
        if (groups->items[index].id == cgroup_id)
            return index;
    }
    return JB_GROUP_NONE;
}

static bool is_same_set(const struct jb_groups *groups, const struct jb_sample *sample) {
    if (groups->of_sample_count != sample->cgroup_count)
        return false;
    for (size_t i = 0; i < sample->cgroup_count; i++) {
        const struct jb_group *group = &groups->items[groups->of_sample[i]];
        if (!group->used || group->serial != sample->cgroups[i].serial)
            return false;
    }
    return true;
}

static void index_by_id(struct jb_groups *groups) {
    memset(groups->by_id, 0, groups->by_id_size * sizeof *groups->by_id);
    size_t mask = groups->by_id_size - 1;
    for (size_t i = 0; i < groups->of_sample_count; i++) {
        uint32_t index = groups->of_sample[i];
        size_t at = jb_hash_uint64(groups->items[index].id) & mask;
        while (groups->by_id[at])
            at = (at + 1) & mask;
        groups->by_id[at] = index + 1;
    }
}

static enum jb_code reserve(struct jb_groups *groups, size_t count, struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&groups->of_sample, &groups->of_sample_capacity, count,
                                         JB_CGROUP_CEILING, "cgroups", error);
    if (!code)
        code = jb_array_reserve(&groups->growth_ns, &groups->growth_capacity, count, JB_CGROUP_CEILING,
                                "cgroups", error);
    size_t size = groups->by_id_size ? groups->by_id_size : 64;
    while (size < count * 2)
        size *= 2;
    if (!code && size != groups->by_id_size) {
        uint32_t *by_id = calloc(size, sizeof *by_id);
        if (!by_id)
            return jb_error_set(error, JB_MEMORY, "no memory for %zu cgroups", count);
        free(groups->by_id);
        groups->by_id = by_id;
        groups->by_id_size = size;
    }
    return code;
}

/* Index of the group with that serial, or of a fresh entry for it. Linear over entries: only when the set of
 * cgroups changed. `from` is where to look first: the order mostly stays. */
static enum jb_code take_entry(struct jb_groups *groups, const struct jb_cgroup_usage *usage, size_t from,
                               struct jb_error *error, uint32_t *ret_index) {
    size_t free_entry = groups->count;
    for (size_t i = 0; i < groups->count; i++) {
        size_t at = (from + i) % groups->count;
        if (groups->items[at].used && groups->items[at].serial == usage->serial) {
            *ret_index = (uint32_t)at;
            return JB_OK;
        }
        if (!groups->items[at].used)
            free_entry = at;
    }
    if (free_entry == groups->count) {
        enum jb_code code = jb_array_reserve(&groups->items, &groups->capacity, groups->count + 1,
                                             2 * JB_CGROUP_CEILING, "cgroups", error);
        if (code)
            return code;
        groups->count++;
    }
    groups->items[free_entry] =
        (struct jb_group){.used = true, .id = usage->id, .serial = usage->serial, .path = usage->path};
    *ret_index = (uint32_t)free_entry;
    return JB_OK;
}

static enum jb_code match(struct jb_groups *groups, const struct jb_sample *sample, struct jb_error *error) {
    enum jb_code code = reserve(groups, sample->cgroup_count, error);
    groups->of_sample_count = 0;
    size_t hint = 0;
    for (size_t i = 0; !code && i < sample->cgroup_count; i++) {
        uint32_t index = 0;
        code = take_entry(groups, &sample->cgroups[i], hint, error, &index);
        if (code)
            return code;
        groups->of_sample[groups->of_sample_count++] = index;
        hint = index + 1;
    }
    for (size_t i = 0; !code && i < sample->cgroup_count; i++)
        groups->items[groups->of_sample[i]].parent = groups->of_sample[sample->cgroups[i].parent];
    if (!code)
        index_by_id(groups);
    return code;
}

enum jb_code jb_groups_update(struct jb_groups *groups, const struct jb_sample *sample, bool is_first,
                              struct jb_error *error) {
    if (!is_same_set(groups, sample)) {
        enum jb_code code = match(groups, sample, error);
        if (code)
            return code;
    }
    for (size_t i = 0; i < groups->count; i++) {
        groups->items[i].tick_cpu_ns = 0;
        groups->items[i].quiet_ticks++;
    }
    /* Own use = growth of the group's counter − growth of its children's. A group seen for the first time
     * after the first sample was made since: its whole counter is growth (last_cpu_ns is 0). */
    for (size_t i = 0; i < sample->cgroup_count; i++) {
        struct jb_group *group = &groups->items[groups->of_sample[i]];
        const struct jb_cgroup_usage *usage = &sample->cgroups[i];
        uint64_t now_ns = usage->cpu_ns > group->last_cpu_ns ? usage->cpu_ns : group->last_cpu_ns;
        groups->growth_ns[i] = is_first ? 0 : (int64_t)(now_ns - group->last_cpu_ns);
        group->last_cpu_ns = now_ns;
        group->memory_bytes = usage->memory_bytes;
        group->approximate = usage->approximate;
        group->quiet_ticks = 0;
        group->path = usage->path;
    }
    for (size_t i = 0; i < sample->cgroup_count; i++) {
        uint32_t parent = sample->cgroups[i].parent;
        if (parent == i)
            continue;
        struct jb_group *above = &groups->items[groups->of_sample[parent]];
        uint64_t memory_bytes = sample->cgroups[i].memory_bytes;
        above->memory_bytes -= memory_bytes < above->memory_bytes ? memory_bytes : above->memory_bytes;
        above->missing_ns -= groups->growth_ns[i];
    }
    for (size_t i = 0; i < sample->cgroup_count; i++)
        groups->items[groups->of_sample[i]].missing_ns += groups->growth_ns[i];
    for (size_t i = 0; i < groups->count; i++) {
        struct jb_group *group = &groups->items[i];
        if (group->used && group->quiet_ticks > JB_GROUP_PATIENCE)
            group->used = false;
    }
    return JB_OK;
}

void jb_groups_charge(struct jb_groups *groups, uint32_t index, uint64_t cpu_ns) {
    groups->items[index].tick_cpu_ns += cpu_ns;
    uint32_t payer = index;
    while (groups->items[payer].quiet_ticks && groups->items[payer].parent != payer)
        payer = groups->items[payer].parent;
    groups->items[payer].missing_ns -= (int64_t)cpu_ns;
}

uint64_t jb_groups_settle(struct jb_groups *groups, uint32_t index) {
    struct jb_group *group = &groups->items[index];
    int64_t settled_ns = group->missing_ns;
    for (size_t i = 0; i < JB_GROUP_PATIENCE; i++) {
        if (group->recent_ns[i] < settled_ns)
            settled_ns = group->recent_ns[i];
    }
    if (group->approximate)
        group->missing_ns = settled_ns = 0;
    if (settled_ns < JITTER_NS)
        settled_ns = 0;
    group->missing_ns -= settled_ns;
    for (size_t i = 0; i + 1 < JB_GROUP_PATIENCE; i++)
        group->recent_ns[i] = group->recent_ns[i + 1] - settled_ns;
    group->recent_ns[JB_GROUP_PATIENCE - 1] = group->missing_ns;
    return (uint64_t)settled_ns;
}
