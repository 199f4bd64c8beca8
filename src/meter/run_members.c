/* Keeps the members of the last tick in a hash set, and follows parents within a tick. */
#include "meter/run_members.h"

#include "base/array.h"
#include "base/strings.h"

#include <string.h>

/* Ticks for which a member that is neither alive nor reported as ended is remembered: exit records come late,
 * and then stand for a process that was counted already. */
#define PATIENCE 64

struct identity {
    uint64_t start_ns;
    int32_t pid; /* 0: the place is free */
    uint16_t missing_ticks;
    bool is_over; /* its end was reported: forgotten at the next tick */
};

/* Open addressing, a power of two of places, at most half full. */
struct set {
    struct identity *places;
    size_t capacity, size; /* places allocated; places in use by this tick (the mask is size - 1) */
};

enum verdict { UNKNOWN, ON_THE_WAY, OUTSIDE, MEMBER };

struct jb_run_members {
    int32_t own_pid;
    struct set last, next; /* members as of the last tick; scratch */
    uint32_t *by_pid;      /* open addressing: index + 1 into the tick's processes, 0 free */
    size_t by_pid_capacity, by_pid_size;
    unsigned char *verdicts;
    size_t verdict_capacity;
    uint32_t *chain;
    size_t chain_capacity;
    bool *is_member;
    size_t is_member_capacity;
    uint64_t seen;
};

static size_t places_for(size_t count) {
    size_t size = 16;
    while (size < 2 * count)
        size *= 2;
    return size;
}

static uint64_t identity_hash(int32_t pid, uint64_t start_ns) {
    return jb_hash_uint64((uint64_t)(uint32_t)pid ^ jb_hash_uint64(start_ns));
}

static bool set_has(const struct set *set, int32_t pid, uint64_t start_ns) {
    if (set->size == 0)
        return false;
    for (size_t at = identity_hash(pid, start_ns) & (set->size - 1);; at = (at + 1) & (set->size - 1)) {
        if (set->places[at].pid == 0)
            return false;
        if (set->places[at].pid == pid && set->places[at].start_ns == start_ns)
            return true;
    }
}

static void set_add(struct set *set, struct identity identity) {
    size_t at = identity_hash(identity.pid, identity.start_ns) & (set->size - 1);
    while (set->places[at].pid != 0)
        at = (at + 1) & (set->size - 1);
    set->places[at] = identity;
}

enum jb_code jb_run_members_make(int32_t own_pid, struct jb_error *error,
                                 struct jb_run_members **ret_members) {
    struct jb_run_members *members = calloc(1, sizeof *members);
    if (!members)
        return jb_error_set(error, JB_MEMORY, "members of the run: out of memory");
    members->own_pid = own_pid;
    *ret_members = members;
    return JB_OK;
}

void jb_run_members_free(struct jb_run_members *members) {
    if (!members)
        return;
    free(members->last.places);
    free(members->next.places);
    free(members->by_pid);
    free(members->verdicts);
    free(members->chain);
    free(members->is_member);
    free(members);
}

/* Counts the members that are new, and remembers them all; those that are missing for a while. */
static enum jb_code remember(struct jb_run_members *members, const struct jb_process_tick *processes,
                             size_t count, struct jb_error *error) {
    struct set *last = &members->last, *next = &members->next;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += members->is_member[i];
    for (size_t i = 0; i < last->size; i++)
        kept += last->places[i].pid != 0;
    next->size = places_for(kept);
    enum jb_code code = jb_array_reserve(&next->places, &next->capacity, next->size,
                                         2 * places_for(JB_PROCESS_CEILING), "members of the run", error);
    if (code)
        return code;
    memset(next->places, 0, next->size * sizeof *next->places);
    for (size_t i = 0; i < count; i++) {
        const struct jb_process_tick *process = &processes[i];
        if (!members->is_member[i] || set_has(next, process->pid, process->start_ns))
            continue;
        members->seen += !set_has(last, process->pid, process->start_ns);
        set_add(next, (struct identity){.pid = process->pid,
                                        .start_ns = process->start_ns,
                                        .is_over = process->flags & JB_PROCESS_EXITED});
    }
    for (size_t i = 0; i < last->size; i++) {
        struct identity old = last->places[i];
        if (old.pid == 0 || old.is_over || ++old.missing_ticks > PATIENCE ||
            set_has(next, old.pid, old.start_ns))
            continue;
        set_add(next, old);
    }
    struct set swap = *last;
    *last = *next;
    *next = swap;
    return JB_OK;
}

static enum jb_code reserve_members(struct jb_run_members *members, size_t count, struct jb_error *error) {
    return jb_array_reserve(&members->is_member, &members->is_member_capacity, count, JB_PROCESS_CEILING,
                            "processes", error);
}

enum jb_code jb_run_members_by_slot(struct jb_run_members *members, const struct jb_process_tick *processes,
                                    size_t count, const bool *slot_held, size_t slot_count,
                                    struct jb_error *error, const bool **ret_is_member) {
    enum jb_code code = reserve_members(members, count, error);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++)
        members->is_member[i] = processes[i].slot < slot_count && slot_held[processes[i].slot];
    code = remember(members, processes, count, error);
    if (!code)
        *ret_is_member = members->is_member;
    return code;
}

/* Index of the process with this pid, −1 when the tick has none. A live one comes before one that ended. */
static int64_t find_pid(const struct jb_run_members *members, const struct jb_process_tick *processes,
                        int32_t pid) {
    size_t mask = members->by_pid_size - 1;
    int64_t found = -1;
    for (size_t at = jb_hash_uint64((uint32_t)pid) & mask; members->by_pid[at]; at = (at + 1) & mask) {
        uint32_t index = members->by_pid[at] - 1;
        if (processes[index].pid != pid)
            continue;
        found = index;
        if (!(processes[index].flags & JB_PROCESS_EXITED))
            break;
    }
    return found;
}

static enum jb_code index_pids(struct jb_run_members *members, const struct jb_process_tick *processes,
                               size_t count, struct jb_error *error) {
    members->by_pid_size = places_for(count);
    enum jb_code code = jb_array_reserve(&members->by_pid, &members->by_pid_capacity, members->by_pid_size,
                                         2 * places_for(JB_PROCESS_CEILING), "processes", error);
    if (code)
        return code;
    memset(members->by_pid, 0, members->by_pid_size * sizeof *members->by_pid);
    size_t mask = members->by_pid_size - 1;
    for (size_t i = 0; i < count; i++) {
        size_t at = jb_hash_uint64((uint32_t)processes[i].pid) & mask;
        while (members->by_pid[at])
            at = (at + 1) & mask;
        members->by_pid[at] = (uint32_t)i + 1;
    }
    return JB_OK;
}

/* Follows the parents of processes[first] until one is decided, then decides all on the way alike. */
static void decide(struct jb_run_members *members, const struct jb_process_tick *processes, size_t first) {
    size_t length = 0;
    uint32_t at = (uint32_t)first;
    enum verdict verdict;
    for (;;) {
        const struct jb_process_tick *process = &processes[at];
        if (members->verdicts[at] != UNKNOWN) {
            /* A ring of parents is possible where a pid was used again: nobody in it is ours. */
            verdict = members->verdicts[at] == ON_THE_WAY ? OUTSIDE : (enum verdict)members->verdicts[at];
            break;
        }
        members->verdicts[at] = ON_THE_WAY;
        members->chain[length++] = at;
        if (process->pid == members->own_pid) {
            verdict = OUTSIDE;
            break;
        }
        if (process->parent_pid == members->own_pid ||
            set_has(&members->last, process->pid, process->start_ns)) {
            verdict = MEMBER;
            break;
        }
        int64_t parent = process->parent_pid > 0 ? find_pid(members, processes, process->parent_pid) : -1;
        if (parent < 0) {
            verdict = OUTSIDE;
            break;
        }
        at = (uint32_t)parent;
    }
    while (length > 0)
        members->verdicts[members->chain[--length]] = (unsigned char)verdict;
}

enum jb_code jb_run_members_by_descent(struct jb_run_members *members,
                                       const struct jb_process_tick *processes, size_t count,
                                       struct jb_error *error, const bool **ret_is_member) {
    enum jb_code code = reserve_members(members, count, error);
    if (!code)
        code = jb_array_reserve(&members->verdicts, &members->verdict_capacity, count, JB_PROCESS_CEILING,
                                "processes", error);
    if (!code)
        code = jb_array_reserve(&members->chain, &members->chain_capacity, count, JB_PROCESS_CEILING,
                                "processes", error);
    if (!code)
        code = index_pids(members, processes, count, error);
    if (code)
        return code;
    if (count > 0)
        memset(members->verdicts, UNKNOWN, count);
    for (size_t i = 0; i < count; i++) {
        if (members->verdicts[i] == UNKNOWN)
            decide(members, processes, i);
        members->is_member[i] = members->verdicts[i] == MEMBER;
    }
    code = remember(members, processes, count, error);
    if (!code)
        *ret_is_member = members->is_member;
    return code;
}

uint64_t jb_run_members_seen(const struct jb_run_members *members) {
    return members->seen;
}
