/* Attribution: exact splits of every domain's energy, tick by tick. */
#include "attribute/attribution.h"

#include "attribute/split.h"
#include "base/array.h"

#include <assert.h>
#include <string.h>

struct domain {
    uint64_t *energy_uj; /* by slot, since clear */
    int64_t *carry;      /* by slot */
    size_t energy_capacity, carry_capacity;
    bool any;
};

struct jb_attribution {
    enum jb_idle_policy policy;
    const struct jb_tracker_tick *usage;
    struct domain *domains;
    size_t domain_capacity;
    uint64_t *tick_uj; /* by slot */
    size_t tick_capacity, slot_count;
    struct jb_share *shares; /* scratch */
    uint32_t *share_slots;
    size_t share_count, shares_capacity, share_slots_capacity;
};

enum jb_code jb_attribution_make(enum jb_idle_policy policy, struct jb_error *error,
                                 struct jb_attribution **ret_attribution) {
    struct jb_attribution *attribution = calloc(1, sizeof *attribution);
    if (!attribution)
        return jb_error_set(error, JB_MEMORY, "no memory to attribute energy");
    attribution->policy = policy;
    *ret_attribution = attribution;
    return JB_OK;
}

void jb_attribution_free(struct jb_attribution *attribution) {
    if (!attribution)
        return;
    for (size_t i = 0; i < attribution->domain_capacity; i++) {
        free(attribution->domains[i].energy_uj);
        free(attribution->domains[i].carry);
    }
    free(attribution->domains);
    free(attribution->tick_uj);
    free(attribution->shares);
    free(attribution->share_slots);
    free(attribution);
}

enum jb_code jb_attribution_begin(struct jb_attribution *attribution, const struct jb_tracker_tick *usage,
                                  size_t slot_count, struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&attribution->tick_uj, &attribution->tick_capacity, slot_count,
                                         JB_SLOT_CEILING, "workloads", error);
    if (code)
        return code;
    attribution->usage = usage;
    attribution->slot_count = slot_count;
    memset(attribution->tick_uj, 0, slot_count * sizeof *attribution->tick_uj);
    return JB_OK;
}

static enum jb_code reserve_domain(struct jb_attribution *attribution, uint32_t index,
                                   struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&attribution->domains, &attribution->domain_capacity,
                                         (size_t)index + 1, JB_DOMAIN_CEILING, "power domains", error);
    if (code)
        return code;
    struct domain *domain = &attribution->domains[index];
    code = jb_array_reserve(&domain->energy_uj, &domain->energy_capacity, attribution->slot_count,
                            JB_SLOT_CEILING, "workloads", error);
    if (!code)
        code = jb_array_reserve(&domain->carry, &domain->carry_capacity, attribution->slot_count,
                                JB_SLOT_CEILING, "workloads", error);
    return code;
}

static void put(struct jb_attribution *attribution, struct domain *domain, uint32_t slot,
                uint64_t energy_uj) {
    domain->energy_uj[slot] += energy_uj;
    attribution->tick_uj[slot] += energy_uj;
}

static enum jb_code add_shares(struct jb_attribution *attribution, const struct domain *domain,
                               const struct jb_use *uses, size_t count, struct jb_error *error) {
    size_t needed = attribution->share_count + count;
    enum jb_code code = jb_array_reserve(&attribution->shares, &attribution->shares_capacity, needed,
                                         JB_SLOT_CEILING, "workloads", error);
    if (!code)
        code = jb_array_reserve(&attribution->share_slots, &attribution->share_slots_capacity, needed,
                                JB_SLOT_CEILING, "workloads", error);
    for (size_t i = 0; !code && i < count; i++) {
        assert(uses[i].slot < attribution->slot_count);
        attribution->share_slots[attribution->share_count] = uses[i].slot;
        attribution->shares[attribution->share_count++] =
            (struct jb_share){.weight = uses[i].amount, .carry = domain->carry[uses[i].slot]};
    }
    return code;
}

/* Splits over the shares gathered; what has no taker goes to `otherwise`. */
static void split_shares(struct jb_attribution *attribution, struct domain *domain, uint64_t energy_uj,
                         uint32_t otherwise) {
    if (energy_uj && !jb_split(energy_uj, attribution->shares, attribution->share_count)) {
        put(attribution, domain, otherwise, energy_uj);
    } else if (energy_uj) {
        for (size_t i = 0; i < attribution->share_count; i++) {
            put(attribution, domain, attribution->share_slots[i], attribution->shares[i].part);
            domain->carry[attribution->share_slots[i]] = attribution->shares[i].carry;
        }
    }
    attribution->share_count = 0;
}

/* The idle part: on its own slot, or by reservation over those who hold memory. */
static enum jb_code split_idle(struct jb_attribution *attribution, struct domain *domain, uint64_t idle_uj,
                               struct jb_error *error) {
    const struct jb_tracker_tick *usage = attribution->usage;
    const struct jb_use unheld = {.slot = JB_SLOT_IDLE, .amount = usage->memory_unheld_bytes};
    enum jb_code code = JB_OK;
    if (attribution->policy == JB_IDLE_BY_RESERVATION && usage->memory_count) {
        code = add_shares(attribution, domain, usage->memory, usage->memory_count, error);
        if (!code)
            code = add_shares(attribution, domain, &unheld, 1, error);
        if (code)
            attribution->share_count = 0;
    }
    split_shares(attribution, domain, idle_uj, JB_SLOT_IDLE);
    return code;
}

static enum jb_code gather_users(struct jb_attribution *attribution, const struct domain *domain,
                                 enum jb_domain_kind kind, const struct jb_use *gpu, size_t gpu_count,
                                 struct jb_error *error) {
    const struct jb_tracker_tick *usage = attribution->usage;
    if (kind == JB_GPU || kind == JB_ACCELERATOR)
        return add_shares(attribution, domain, gpu, gpu_count, error);
    if (kind == JB_DRAM && usage->memory_count)
        return add_shares(attribution, domain, usage->memory, usage->memory_count, error);
    return add_shares(attribution, domain, usage->cpu, usage->cpu_count, error);
}

enum jb_code jb_attribution_split(struct jb_attribution *attribution, uint32_t index,
                                  enum jb_domain_kind kind, uint64_t energy_uj, uint64_t idle_uj,
                                  const struct jb_use *gpu, size_t gpu_count, struct jb_error *error) {
    assert(idle_uj <= energy_uj);
    enum jb_code code = reserve_domain(attribution, index, error);
    if (code)
        return code;
    struct domain *domain = &attribution->domains[index];
    domain->any = true;
    attribution->share_count = 0;
    if (attribution->policy == JB_IDLE_BY_USE)
        idle_uj = 0;
    uint64_t active_uj = energy_uj - idle_uj;
    code = split_idle(attribution, domain, idle_uj, error);
    if (!code)
        code = gather_users(attribution, domain, kind, gpu, gpu_count, error);
    if (code)
        attribution->share_count = 0; /* the whole is still placed: the book must balance */
    bool is_gpu = kind == JB_GPU || kind == JB_ACCELERATOR;
    split_shares(attribution, domain, active_uj, is_gpu || code ? JB_SLOT_UNATTRIBUTED : JB_SLOT_IDLE);
    return code;
}

const uint64_t *jb_attribution_tick(const struct jb_attribution *attribution) {
    return attribution->tick_uj;
}

const uint64_t *jb_attribution_of(const struct jb_attribution *attribution, uint32_t index,
                                  size_t *ret_count) {
    if (index >= attribution->domain_capacity || !attribution->domains[index].any)
        return NULL;
    *ret_count = attribution->domains[index].energy_capacity;
    return attribution->domains[index].energy_uj;
}

void jb_attribution_clear(struct jb_attribution *attribution) {
    for (size_t i = 0; i < attribution->domain_capacity; i++) {
        struct domain *domain = &attribution->domains[i];
        if (domain->energy_uj)
            memset(domain->energy_uj, 0, domain->energy_capacity * sizeof *domain->energy_uj);
        domain->any = false;
    }
}

void jb_attribution_forget(struct jb_attribution *attribution, uint32_t slot) {
    for (size_t i = 0; i < attribution->domain_capacity; i++) {
        if (slot < attribution->domains[i].carry_capacity)
            attribution->domains[i].carry[slot] = 0;
    }
}
