/* Attribution: each domain's energy of a tick over the leaves that used it, exactly, accumulated until
 * booked. */
#ifndef JB_ATTRIBUTE_ATTRIBUTION_H
#define JB_ATTRIBUTE_ATTRIBUTION_H

#include "attribute/tracker.h"
#include "types/domain.h"

enum jb_idle_policy {
    JB_IDLE_SEPARATE,       /* idle energy stays on host/<h>/idle */
    JB_IDLE_BY_USE,         /* shared like the active energy */
    JB_IDLE_BY_RESERVATION, /* shared by memory held; what of the memory no cgroup holds stays idle */
};

#define JB_DOMAIN_CEILING ((size_t)256)

struct jb_attribution; /* opaque */

enum jb_code jb_attribution_make(enum jb_idle_policy policy, struct jb_error *error,
                                 struct jb_attribution **ret_attribution);
void jb_attribution_free(struct jb_attribution *attribution); /* NULL-safe */

/* Begins a tick: `usage` is valid until the next; slot_count bounds every slot in it. */
enum jb_code jb_attribution_begin(struct jb_attribution *attribution, const struct jb_tracker_tick *usage,
                                  size_t slot_count, struct jb_error *error);

/* Splits energy_uj of a domain, idle_uj (at most all of it) of that idle. CPU domains by CPU time; DRAM by
 * memory held (by CPU time where no cgroup tells its memory); GPUs and accelerators by `gpu` (busy ns by
 * slot). Active energy that nobody used goes to the idle slot, on GPUs to the unattributed one. Σ over slots
 * = energy_uj. */
enum jb_code jb_attribution_split(struct jb_attribution *attribution, uint32_t domain,
                                  enum jb_domain_kind kind, uint64_t energy_uj, uint64_t idle_uj,
                                  const struct jb_use *gpu, size_t gpu_count, struct jb_error *error);

/* Energy of this tick by slot, over all domains split since begin. */
const uint64_t *jb_attribution_tick(const struct jb_attribution *attribution);
/* Energy by slot accumulated for a domain since clear, and how many slots that covers; NULL when there was
 * none. */
const uint64_t *jb_attribution_of(const struct jb_attribution *attribution, uint32_t domain,
                                  size_t *ret_count);
/* Forgets what was accumulated (it was booked); carried remainders stay. */
void jb_attribution_clear(struct jb_attribution *attribution);
/* Forgets the remainders owed to a slot that is given back. Nothing may be accumulated on it. */
void jb_attribution_forget(struct jb_attribution *attribution, uint32_t slot);

JB_DEFINE_CLEANUP(struct jb_attribution, jb_attribution_free);

#endif
