/* Slots: an intern table of leaves whose entries can be given back. */
#include "attribute/slots.h"

#include "base/array.h"
#include "base/strings.h"

#include <assert.h>
#include <string.h>

struct entry {
    char *text; /* cgroup NUL process NUL, one allocation; NULL when free */
    const char *process;
    uint64_t hash;
    enum jb_leaf leaf;
};

struct jb_slots {
    struct entry *entries;
    size_t count, capacity;
    uint32_t *free_slots;
    size_t free_count, free_capacity;
    uint32_t *table; /* open addressing: slot + 1, 0 empty, TOMBSTONE given back */
    size_t table_size, table_used;
};

#define TOMBSTONE UINT32_MAX

static uint64_t hash_of(enum jb_leaf leaf, const char *cgroup, const char *process) {
    uint64_t hash = jb_hash_bytes(cgroup, strlen(cgroup));
    return jb_hash_uint64(hash ^ jb_hash_bytes(process, strlen(process)) * 3 ^ (uint64_t)leaf);
}

static bool is_entry(const struct entry *entry, uint64_t hash, enum jb_leaf leaf, const char *cgroup,
                     const char *process) {
    return entry->hash == hash && entry->leaf == leaf && strcmp(entry->text, cgroup) == 0 &&
           strcmp(entry->process, process) == 0;
}

/* Rebuilds the table without tombstones, at most a third full. */
static enum jb_code rebuild(struct jb_slots *slots, struct jb_error *error) {
    size_t size = 64;
    while (size < (slots->count + 1) * 3)
        size *= 2;
    uint32_t *table = calloc(size, sizeof *table);
    if (!table)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu workloads", slots->count);
    free(slots->table);
    slots->table = table;
    slots->table_size = size;
    slots->table_used = 0;
    for (size_t i = 0; i < slots->count; i++) {
        if (!slots->entries[i].text)
            continue;
        size_t at = slots->entries[i].hash & (size - 1);
        while (table[at])
            at = (at + 1) & (size - 1);
        table[at] = (uint32_t)i + 1;
        slots->table_used++;
    }
    return JB_OK;
}

static enum jb_code add(struct jb_slots *slots, enum jb_leaf leaf, const char *cgroup, const char *process,
                        uint64_t hash, struct jb_error *error, uint32_t *ret_slot) {
    enum jb_code code = jb_array_reserve(&slots->entries, &slots->capacity, slots->count + 1, JB_SLOT_CEILING,
                                         "workloads", error);
    /* Room to give every slot back without allocating. */
    if (!code)
        code = jb_array_reserve(&slots->free_slots, &slots->free_capacity, slots->capacity, JB_SLOT_CEILING,
                                "workloads", error);
    if (!code && (slots->table_used + 1) * 2 > slots->table_size)
        code = rebuild(slots, error);
    if (code)
        return code;
    size_t cgroup_size = strlen(cgroup) + 1, process_size = strlen(process) + 1;
    char *text = malloc(cgroup_size + process_size);
    if (!text)
        return jb_error_set(error, JB_MEMORY, "no memory for the name of a workload");
    memcpy(text, cgroup, cgroup_size);
    memcpy(text + cgroup_size, process, process_size);
    uint32_t slot = slots->free_count ? slots->free_slots[--slots->free_count] : (uint32_t)slots->count++;
    slots->entries[slot] =
        (struct entry){.text = text, .process = text + cgroup_size, .hash = hash, .leaf = leaf};
    size_t at = hash & (slots->table_size - 1);
    while (slots->table[at])
        at = (at + 1) & (slots->table_size - 1);
    slots->table[at] = slot + 1;
    slots->table_used++;
    *ret_slot = slot;
    return JB_OK;
}

enum jb_code jb_slots_make(struct jb_error *error, struct jb_slots **ret_slots) {
    _cleanup_(jb_slots_free_cleanup) struct jb_slots *slots = calloc(1, sizeof *slots);
    if (!slots)
        return jb_error_set(error, JB_MEMORY, "no memory for the table of workloads");
    for (uint32_t i = 0; i < JB_SLOT_FIXED; i++) {
        uint32_t slot;
        enum jb_code code =
            add(slots, (enum jb_leaf)i, "", "", hash_of((enum jb_leaf)i, "", ""), error, &slot);
        if (code)
            return code;
        assert(slot == i);
    }
    *ret_slots = JB_TAKE(slots);
    return JB_OK;
}

void jb_slots_free(struct jb_slots *slots) {
    if (!slots)
        return;
    for (size_t i = 0; i < slots->count; i++)
        free(slots->entries[i].text);
    free(slots->entries);
    free(slots->free_slots);
    free(slots->table);
    free(slots);
}

enum jb_code jb_slots_intern(struct jb_slots *slots, enum jb_leaf leaf, const char *cgroup,
                             const char *process, struct jb_error *error, uint32_t *ret_slot) {
    uint64_t hash = hash_of(leaf, cgroup, process);
    size_t mask = slots->table_size - 1;
    for (size_t at = hash & mask; slots->table[at]; at = (at + 1) & mask) {
        uint32_t stored = slots->table[at];
        if (stored != TOMBSTONE && is_entry(&slots->entries[stored - 1], hash, leaf, cgroup, process)) {
            *ret_slot = stored - 1;
            return JB_OK;
        }
    }
    return add(slots, leaf, cgroup, process, hash, error, ret_slot);
}

struct jb_slot jb_slots_get(const struct jb_slots *slots, uint32_t slot) {
    assert(slot < slots->count && slots->entries[slot].text);
    const struct entry *entry = &slots->entries[slot];
    return (struct jb_slot){.leaf = entry->leaf, .cgroup = entry->text, .process = entry->process};
}

bool jb_slots_is_live(const struct jb_slots *slots, uint32_t slot) {
    return slot < slots->count && slots->entries[slot].text;
}

size_t jb_slots_count(const struct jb_slots *slots) {
    return slots->count;
}

void jb_slots_release(struct jb_slots *slots, uint32_t slot) {
    assert(slot >= JB_SLOT_FIXED && jb_slots_is_live(slots, slot));
    struct entry *entry = &slots->entries[slot];
    size_t mask = slots->table_size - 1, at = entry->hash & mask;
    while (slots->table[at] != slot + 1)
        at = (at + 1) & mask;
    slots->table[at] = TOMBSTONE;
    free(entry->text);
    *entry = (struct entry){0};
    slots->free_slots[slots->free_count++] = slot;
}
