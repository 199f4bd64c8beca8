/* Slots: the leaves that energy is booked to, (cgroup, what), under small dense numbers. */
#ifndef JB_ATTRIBUTE_SLOTS_H
#define JB_ATTRIBUTE_SLOTS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jb_leaf {
    JB_LEAF_IDLE,
    JB_LEAF_KERNEL,
    JB_LEAF_INTERRUPT,
    JB_LEAF_STEAL,
    JB_LEAF_UNATTRIBUTED, /* of the host ("" cgroup) or of one cgroup */
    JB_LEAF_PROCESS,
    JB_LEAF_EXITED,
};

struct jb_slot {
    enum jb_leaf leaf;
    const char *cgroup;  /* kernel path "/a/b"; "" for leaves of the host */
    const char *process; /* name; "" unless JB_LEAF_PROCESS */
};

/* The host's own leaves have fixed slots, in the order of enum jb_leaf. */
enum { JB_SLOT_IDLE, JB_SLOT_KERNEL, JB_SLOT_INTERRUPT, JB_SLOT_STEAL, JB_SLOT_UNATTRIBUTED, JB_SLOT_FIXED };

#define JB_SLOT_CEILING ((size_t)500000)

struct jb_slots; /* opaque */

enum jb_code jb_slots_make(struct jb_error *error, struct jb_slots **ret_slots);
void jb_slots_free(struct jb_slots *slots); /* NULL-safe */

/* The slot of that leaf; made when new. No allocation when it is known. */
enum jb_code jb_slots_intern(struct jb_slots *slots, enum jb_leaf leaf, const char *cgroup,
                             const char *process, struct jb_error *error, uint32_t *ret_slot);
struct jb_slot jb_slots_get(const struct jb_slots *slots, uint32_t slot);
bool jb_slots_is_live(const struct jb_slots *slots, uint32_t slot);
/* One more than the highest slot ever used: arrays by slot have this length. */
size_t jb_slots_count(const struct jb_slots *slots);
/* Gives a slot back for another leaf; nobody may hold it any more. Fixed slots stay. */
void jb_slots_release(struct jb_slots *slots, uint32_t slot);

JB_DEFINE_CLEANUP(struct jb_slots, jb_slots_free);

#endif
