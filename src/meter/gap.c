/* The time a meter was down. */
#include "meter/gap.h"

#include "attribute/delta.h"
#include "base/array.h"

#include <math.h>
#include <string.h>

struct past {
    struct jb_position *positions; /* ours; ordered by counter once read */
    size_t count;
    char boot_id[JB_BOOT_SIZE];
};

static void free_past(struct past *past) {
    free(past->positions);
}

static int compare_positions(const void *a, const void *b) {
    return strcmp(((const struct jb_position *)a)->counter, ((const struct jb_position *)b)->counter);
}

static const struct jb_position *find(const struct past *past, const char *counter) {
    struct jb_position key;
    strncpy(key.counter, counter, sizeof key.counter - 1);
    key.counter[sizeof key.counter - 1] = '\0';
    return past->count ? bsearch(&key, past->positions, past->count, sizeof key, compare_positions) : NULL;
}

static void restore_idle(const struct past *past, struct jb_metered_domain *item) {
    double numbers[JB_IDLE_NUMBERS];
    for (unsigned n = 0; n < JB_IDLE_NUMBERS; n++) {
        char counter[JB_COUNTER_SIZE];
        jb_booking_idle_counter(&item->domain, n, counter);
        const struct jb_position *position = find(past, counter);
        if (!position)
            return;
        memcpy(&numbers[n], &position->value, sizeof numbers[n]);
        if (!isfinite(numbers[n]))
            return;
    }
    memcpy(&item->idle, numbers, sizeof item->idle);
}

/* What each cgroup used itself since its position: as slots `unattributed` of that cgroup. */
static enum jb_code cgroup_uses(const struct past *past, const struct jb_sample *sample,
                                struct jb_slots *slots, struct jb_error *error, struct jb_use **ret_uses,
                                size_t *ret_count) {
    size_t count = sample->cgroup_count;
    _cleanup_free_ uint64_t *growth_ns = calloc(count + 1, sizeof *growth_ns);
    _cleanup_free_ int64_t *own_ns = calloc(count + 1, sizeof *own_ns);
    _cleanup_free_ struct jb_use *uses = calloc(count + 1, sizeof *uses);
    if (!growth_ns || !own_ns || !uses)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu cgroups", count);
    for (size_t i = 0; i < count; i++) {
        char counter[JB_COUNTER_SIZE];
        jb_booking_cpu_counter(sample->cgroups[i].path, counter);
        const struct jb_position *position = find(past, counter);
        uint64_t before_ns = position ? position->value : 0;
        /* A counter below its position is that of a cgroup made anew: all of it is growth. */
        growth_ns[i] = sample->cgroups[i].cpu_ns - (before_ns <= sample->cgroups[i].cpu_ns ? before_ns : 0);
        own_ns[i] += (int64_t)growth_ns[i];
        if (sample->cgroups[i].parent != i)
            own_ns[sample->cgroups[i].parent] -= (int64_t)growth_ns[i];
    }
    size_t use_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (own_ns[i] <= 0)
            continue;
        uint32_t slot;
        enum jb_code code =
            jb_slots_intern(slots, JB_LEAF_UNATTRIBUTED, sample->cgroups[i].path, "", error, &slot);
        if (code)
            return code;
        uses[use_count++] = (struct jb_use){.slot = slot, .group = UINT32_MAX, .amount = (uint64_t)own_ns[i]};
    }
    if (!use_count)
        uses[use_count++] = (struct jb_use){.slot = JB_SLOT_UNATTRIBUTED, .group = UINT32_MAX, .amount = 1};
    *ret_uses = JB_TAKE(uses);
    *ret_count = use_count;
    return JB_OK;
}

/* A copy of the domains as they would be had they been read at their positions and now. *ret_known: whether
 * any counter tells the energy between. */
static void measure_domains(const struct past *past, struct jb_metered_domain *items, size_t count,
                            struct jb_domain_totals *ret_totals, bool *ret_known) {
    struct jb_domain_totals totals = {0};
    bool authority_known = false;
    *ret_known = false;
    for (size_t i = 0; i < count; i++) {
        struct jb_metered_domain *item = &items[i];
        item->interval_uj = 0;
        item->known = false;
        item->unknown_from_ns = item->unknown_until_ns = 0;
        item->interval_reason = "";
        if (item->place != JB_COVER_PART && item->place != JB_COVER_AUTHORITY)
            continue;
        char counter[JB_COUNTER_SIZE];
        jb_booking_energy_counter(&item->domain, &item->reading, counter);
        const struct jb_position *position =
            item->domain.form == JB_COUNTER && item->reading.state == JB_READING_OK ? find(past, counter)
                                                                                    : NULL;
        const struct jb_reading before = {.value = position ? position->value : 0,
                                          .boottime_ns = position ? position->boottime_ns : 0,
                                          .epoch = item->reading.epoch};
        struct jb_delta delta = {.state = JB_DELTA_NO_READING};
        if (position)
            delta = jb_delta(&item->domain, &before, &item->reading, 0, 0);
        item->known = delta.state == JB_DELTA_KNOWN;
        item->interval_uj = delta.energy_uj;
        if (!item->known) {
            item->unknown_from_ns = 1; /* the whole interval: cut to it when it is booked */
            item->unknown_until_ns = item->reading.boottime_ns ? item->reading.boottime_ns : INT64_MAX;
            item->interval_reason = position ? jb_delta_reason(delta.state) : "the meter was down";
        }
        *ret_known |= item->known;
        if (item->place == JB_COVER_AUTHORITY && item->known) {
            totals.authority_uj = item->interval_uj;
            authority_known = true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i].place != JB_COVER_PART || !items[i].known)
            continue;
        if (items[i].inside_authority && authority_known)
            totals.inside_uj += items[i].interval_uj;
        else
            totals.other_uj += items[i].interval_uj;
    }
    totals.any_known = *ret_known;
    *ret_totals = totals;
}

static enum jb_code attribute_gap(struct jb_attribution *attribution, const struct jb_slots *slots,
                                  const struct jb_use *uses, size_t use_count,
                                  struct jb_metered_domain *items, size_t count, double elapsed_s,
                                  struct jb_error *error) {
    const struct jb_tracker_tick usage = {.cpu = uses, .cpu_count = use_count};
    const struct jb_use nobody = {.slot = JB_SLOT_UNATTRIBUTED, .group = UINT32_MAX, .amount = 1};
    enum jb_code code = jb_attribution_begin(attribution, &usage, jb_slots_count(slots), error);
    for (uint32_t i = 0; !code && i < count; i++) {
        struct jb_metered_domain *item = &items[i];
        if (item->place != JB_COVER_PART || !item->known)
            continue;
        double idle_w =
            item->domain.idle_uw ? (double)item->domain.idle_uw / 1e6 : jb_idle_power_w(&item->idle);
        double idle_uj = idle_w * elapsed_s * 1e6;
        uint64_t idle = idle_uj > 0 ? (uint64_t)fmin(idle_uj, (double)item->interval_uj) : 0;
        if (idle > item->interval_uj)
            idle = item->interval_uj;
        code = jb_attribution_split(attribution, i, item->domain.kind, item->interval_uj, idle, &nobody, 1,
                                    error);
    }
    return code;
}

static struct jb_interval gap_interval(const struct past *past, const struct jb_tick *tick, bool same_boot) {
    struct jb_interval interval = {.end_ns = tick->realtime_ns, .end_boottime_ns = tick->boottime_ns};
    const struct jb_position *mark = find(past, JB_BOOKING_DEBT_COUNTER);
    if (!mark) {
        interval.start_ns = interval.end_ns - 1;
        interval.start_boottime_ns = interval.end_boottime_ns;
    } else if (same_boot) {
        interval.start_boottime_ns = mark->boottime_ns;
        interval.start_ns = interval.end_ns - (interval.end_boottime_ns - mark->boottime_ns);
        /* Where the wall clock did not step meanwhile, the interval joins the last one without a seam. */
        if (llabs(interval.start_ns - mark->realtime_ns) < JB_SECOND_NS &&
            mark->realtime_ns < interval.end_ns)
            interval.start_ns = mark->realtime_ns;
    } else {
        interval.start_boottime_ns = 0;
        interval.start_ns = mark->realtime_ns < interval.end_ns ? mark->realtime_ns : interval.end_ns - 1;
    }
    if (interval.start_ns >= interval.end_ns)
        interval.start_ns = interval.end_ns - 1;
    return interval;
}

enum jb_code jb_gap_book(struct jb_ledger *ledger, struct jb_booking *booking, struct jb_sampler *sampler,
                         struct jb_error *error) {
    _cleanup_(free_past) struct past past = {0};
    struct jb_store *store = jb_ledger_store(ledger);
    enum jb_code code = store->ops->positions(store, jb_sampler_host(sampler), error, &past.positions,
                                              &past.count, past.boot_id);
    if (code && code != JB_NO_DATA)
        return code;
    if (past.count)
        qsort(past.positions, past.count, sizeof *past.positions, compare_positions);
    bool same_boot = past.count && strcmp(past.boot_id, jb_sampler_boot_id(sampler)) == 0;

    size_t count;
    struct jb_metered_domain *domains = jb_domains_list(jb_sampler_domains(sampler), &count);
    for (size_t i = 0; i < count; i++)
        restore_idle(&past, &domains[i]);
    const struct jb_position *debt = same_boot ? find(&past, JB_BOOKING_DEBT_COUNTER) : NULL;
    jb_booking_set_debt(booking, debt ? debt->value : 0);

    _cleanup_free_ struct jb_metered_domain *copies = calloc(count + 1, sizeof *copies);
    if (!copies)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu power domains", count);
    if (count)
        memcpy(copies, domains, count * sizeof *copies);
    const struct jb_tick *tick = jb_sampler_last(sampler);
    const struct jb_sample *sample = jb_sampler_sample(sampler);
    const struct past nothing = {0};
    struct jb_booking_input input = {.interval = gap_interval(&past, tick, same_boot),
                                     .domains = copies,
                                     .domain_count = count,
                                     .sample = sample};
    if (same_boot && input.interval.end_boottime_ns <= input.interval.start_boottime_ns)
        return JB_OK; /* nothing lies between */
    bool known;
    measure_domains(same_boot ? &past : &nothing, copies, count, &input.totals, &known);
    if (past.count && !same_boot)
        input.gap_reason = "the machine was restarted";
    else if (past.count && !known)
        input.gap_reason = "the meter was down";
    for (size_t i = 0; i < count && (!past.count || input.gap_reason); i++)
        copies[i].unknown_from_ns = 0;

    _cleanup_(jb_slots_free_cleanup) struct jb_slots *slots = NULL;
    _cleanup_(jb_attribution_free_cleanup) struct jb_attribution *attribution = NULL;
    _cleanup_free_ struct jb_use *uses = NULL;
    size_t use_count = 0;
    code = jb_slots_make(error, &slots);
    if (!code)
        code = jb_attribution_make(JB_IDLE_SEPARATE, error, &attribution);
    if (!code)
        code = cgroup_uses(same_boot ? &past : &nothing, sample, slots, error, &uses, &use_count);
    double elapsed_s = (double)(input.interval.end_boottime_ns - input.interval.start_boottime_ns) / 1e9;
    if (!code)
        code = attribute_gap(attribution, slots, uses, use_count, copies, count, elapsed_s, error);
    input.slots = slots;
    input.attribution = attribution;
    bool is_new;
    return code ? code : jb_booking_book(booking, &input, error, &is_new);
}
