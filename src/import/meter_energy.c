/* One interval of a site after the other, balanced between what comes in, what IT takes, and the rest. */
#include "import/meter_desk.h"

#include "base/array.h"
#include "store/rules.h"

#include <assert.h>
#include <math.h>

#define FLOW_CEILING ((size_t)1 << 28)
#define GAP_CEILING  ((size_t)1 << 24)

/* ---- flows and gaps ---- */

enum jb_code jb_meter_add_flow(struct jb_meter_desk *site, int64_t start_ns, int64_t end_ns,
                               jb_account_id from, jb_account_id to, jb_int128 amount, enum jb_method method,
                               uint32_t ppm, jb_commodity commodity, struct jb_error *error) {
    assert(amount >= 0);
    do {
        enum jb_code code = jb_array_reserve(&site->flows, &site->flow_capacity, site->flow_count + 1,
                                             FLOW_CEILING, "flows of one site", error);
        if (code)
            return code;
        site->flows[site->flow_count++] = (struct jb_flow){.start_ns = start_ns,
                                                           .end_ns = end_ns,
                                                           .from = from,
                                                           .to = to,
                                                           .amount = jb_rollup_piece(&amount),
                                                           .commodity = commodity,
                                                           .method = method,
                                                           .uncertainty_ppm = ppm};
    } while (amount > 0);
    return JB_OK;
}

static enum jb_code add_energy(struct jb_meter_desk *site, const struct jb_meter_interval *interval,
                               jb_account_id from, jb_account_id to, jb_int128 amount, uint32_t ppm,
                               struct jb_error *error) {
    return jb_meter_add_flow(site, interval->start_ns, interval->end_ns, from, to, amount, JB_MEASURED, ppm,
                             JB_ENERGY, error);
}

/* The steps of a meter within the interval, each as it was read. */
static enum jb_code add_steps(struct jb_meter_desk *site, const struct jb_meter_part *part,
                              jb_account_id from, jb_account_id to, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t i = part->first; !code && i < part->next; i++) {
        const struct jb_meter_step *step = &part->meter->steps[i];
        code = jb_meter_add_flow(site, step->start_ns, step->end_ns, from, to, step->amount, JB_MEASURED,
                                 part->meter->rule->uncertainty_ppm, JB_ENERGY, error);
    }
    return code;
}

enum jb_code jb_meter_add_gap(struct jb_meter_desk *site, struct jb_meter_part *part, int64_t start_ns,
                              int64_t end_ns, struct jb_error *error) {
    struct jb_gap *last = part->last_gap == SIZE_MAX ? NULL : &site->gaps[part->last_gap];
    if (last && last->end_ns == start_ns) {
        last->end_ns = end_ns;
        return JB_OK;
    }
    enum jb_code code = jb_array_reserve(&site->gaps, &site->gap_capacity, site->gap_count + 1, GAP_CEILING,
                                         "gaps of one site", error);
    if (code)
        return code;
    part->last_gap = site->gap_count;
    struct jb_gap *gap = &site->gaps[site->gap_count++];
    *gap = (struct jb_gap){.start_ns = start_ns, .end_ns = end_ns, .account = part->account};
    snprintf(gap->reason, sizeof gap->reason, "no reading of meter '%.90s'", part->meter->name);
    return JB_OK;
}

/* Where a meter's steps leave parts of the interval open. */
static enum jb_code add_gaps(struct jb_meter_desk *site, struct jb_meter_part *part,
                             const struct jb_meter_interval *interval, struct jb_error *error) {
    int64_t at_ns = interval->start_ns;
    enum jb_code code = JB_OK;
    for (size_t i = part->first; !code && i < part->next; i++) {
        if (part->meter->steps[i].start_ns > at_ns)
            code = jb_meter_add_gap(site, part, at_ns, part->meter->steps[i].start_ns, error);
        at_ns = part->meter->steps[i].end_ns;
    }
    return !code && at_ns < interval->end_ns ? jb_meter_add_gap(site, part, at_ns, interval->end_ns, error)
                                             : code;
}

/* ---- one interval ---- */

/* Sums over the meters of some roles; is_known: all of them are. */
struct sum {
    size_t count;
    jb_int128 amount;
    bool is_known, has_ppm;
    double variance; /* (amount · u)², added up */
};

static void add_to_sum(struct sum *sum, const struct jb_meter_part *part) {
    double deviation = (double)part->amount * part->meter->rule->uncertainty_ppm / 1e6;
    sum->count++;
    sum->amount += part->amount;
    sum->is_known = sum->is_known && part->is_known;
    sum->has_ppm = sum->has_ppm && part->meter->rule->uncertainty_ppm != JB_UNCERTAINTY_UNKNOWN;
    sum->variance += deviation * deviation;
}

struct sums {
    struct sum facility, generation, it, overhead;
};

static struct sum *sum_of_role(struct sums *sums, enum jb_meter_role role) {
    return role == JB_METER_FACILITY     ? &sums->facility
           : role == JB_METER_GENERATION ? &sums->generation
           : role == JB_METER_OVERHEAD   ? &sums->overhead
                                         : &sums->it;
}

/* Brings every meter to the interval and adds them up. Returns whether any has a step in it. */
static bool sum_interval(struct jb_meter_desk *site, const struct jb_meter_interval *interval,
                         struct sums *ret_sums) {
    const struct sum none = {.is_known = true, .has_ppm = true};
    bool any = false;
    *ret_sums = (struct sums){none, none, none, none};
    for (size_t p = 0; p < site->part_count; p++) {
        struct jb_meter_part *part = &site->parts[p];
        const struct jb_meter *meter = part->meter;
        int64_t covered_ns = 0;
        if (!jb_meter_is_energy(part))
            continue;
        part->first = part->next;
        part->amount = 0;
        for (; part->next < meter->step_count && meter->steps[part->next].start_ns < interval->end_ns;
             part->next++) {
            const struct jb_meter_step *step = &meter->steps[part->next];
            assert(step->start_ns >= interval->start_ns && step->end_ns <= interval->end_ns);
            part->amount += step->amount;
            covered_ns += step->end_ns - step->start_ns;
        }
        part->is_known = covered_ns == interval->end_ns - interval->start_ns;
        any = any || part->next > part->first;
        add_to_sum(sum_of_role(ret_sums, meter->rule->role), part);
    }
    return any;
}

/* Relative standard uncertainty of what is left of independent amounts (JCGM 100:2008, 5.1.2). */
static uint32_t rest_ppm(const struct sums *sums, jb_int128 rest) {
    if (rest <= 0 || !sums->facility.has_ppm || !sums->generation.has_ppm || !sums->it.has_ppm ||
        !sums->overhead.has_ppm)
        return JB_UNCERTAINTY_UNKNOWN;
    double ppm = sqrt(sums->facility.variance + sums->generation.variance + sums->it.variance +
                      sums->overhead.variance) /
                 (double)rest * 1e6;
    return ppm < 4e9 ? (uint32_t)(ppm + 0.5) : JB_UNCERTAINTY_UNKNOWN;
}

/* What IT meters show beyond what hosts have booked: as it was read, or shared out by the readings. */
static enum jb_code book_it(struct jb_meter_desk *site, const struct jb_meter_interval *interval,
                            const struct sums *sums, jb_int128 rest, struct jb_error *error) {
    enum jb_code code = JB_OK;
    jb_int128 weight_left = 0;
    int shift = 0;
    while (sums->it.amount >> shift > INT32_MAX)
        shift++;
    for (size_t p = 0; p < site->part_count; p++) {
        if (jb_meter_is_it(site->parts[p].meter->rule->role))
            weight_left += site->parts[p].amount >> shift;
    }
    for (size_t p = 0; !code && p < site->part_count; p++) {
        struct jb_meter_part *part = &site->parts[p];
        if (!jb_meter_is_it(part->meter->rule->role))
            continue;
        if (interval->host_out == 0) {
            code = add_steps(site, part, site->account, part->account, error);
            continue;
        }
        jb_int128 weight = part->amount >> shift;
        jb_int128 share = weight_left ? rest * weight / weight_left : rest;
        rest -= share;
        weight_left -= weight;
        if (share)
            code = jb_meter_add_flow(site, interval->start_ns, interval->end_ns, site->account, part->account,
                                     share, JB_APPORTIONED, part->meter->rule->uncertainty_ppm, JB_ENERGY,
                                     error);
    }
    return code;
}

/* What comes in. total: with what hosts have booked already. */
static enum jb_code book_supply(struct jb_meter_desk *site, const struct jb_meter_interval *interval,
                                const struct sums *sums, jb_int128 from_grid, struct jb_error *error) {
    enum jb_code code = JB_OK;
    bool is_as_read = sums->facility.count && sums->facility.is_known && interval->host_in == 0;
    for (size_t p = 0; !code && p < site->part_count; p++) {
        struct jb_meter_part *part = &site->parts[p];
        enum jb_meter_role role = part->meter->rule->role;
        if (role == JB_METER_GENERATION)
            code = add_steps(site, part, part->account, site->account, error);
        else if (role == JB_METER_FACILITY && is_as_read)
            code = add_steps(site, part, site->grid, site->account, error);
        else if (role == JB_METER_OVERHEAD)
            code = add_steps(site, part, site->account, part->account, error);
    }
    if (code || is_as_read || from_grid == 0)
        return code;
    uint32_t ppm = JB_UNCERTAINTY_UNKNOWN;
    if (sums->facility.count && sums->facility.has_ppm && sums->facility.amount > 0 &&
        sums->facility.is_known)
        ppm = (uint32_t)fmin(4e9, sqrt(sums->facility.variance) / (double)from_grid * 1e6);
    return add_energy(site, interval, site->grid, site->account, from_grid, ppm, error);
}

static enum jb_code book_interval(struct jb_meter_desk *site, const struct jb_meter_interval *interval,
                                  const struct sums *sums, struct jb_meter_site *result,
                                  struct jb_error *error) {
    bool has_facility = sums->facility.count && sums->facility.is_known;
    bool is_it_known = sums->it.is_known && (sums->it.count || interval->host_out > 0);
    bool is_all_known = is_it_known && sums->overhead.is_known && sums->generation.is_known;
    jb_int128 it_rest = sums->it.amount - interval->host_out, variance = 0;
    if (it_rest < 0) {
        variance = sums->it.count && sums->it.is_known ? -it_rest : 0;
        it_rest = 0;
    }
    jb_int128 used = interval->host_out + it_rest + sums->overhead.amount;
    jb_int128 from_grid = sums->facility.amount - interval->host_in, rest;
    if (!has_facility)
        from_grid = used - interval->host_in - sums->generation.amount;
    if (from_grid < 0) {
        result->excess_uj += has_facility ? -from_grid : 0;
        from_grid = 0;
    }
    rest = interval->host_in + from_grid + sums->generation.amount - used;
    if (rest < 0) {
        variance += -rest; /* parts exceed the whole */
        enum jb_code code =
            add_energy(site, interval, site->variance, site->account, -rest, JB_UNCERTAINTY_UNKNOWN, error);
        if (code)
            return code;
        rest = 0;
    }
    result->variance_uj += variance;
    enum jb_code code = book_supply(site, interval, sums, from_grid, error);
    if (!code)
        code = book_it(site, interval, sums, it_rest, error);
    if (code)
        return code;
    /* Overhead is booked even when it is 0: it is known. What is not known has no place of its own. */
    if (has_facility && is_all_known)
        return add_energy(site, interval, site->account, site->overhead, rest, rest_ppm(sums, rest), error);
    return rest ? add_energy(site, interval, site->account, site->unattributed, rest, JB_UNCERTAINTY_UNKNOWN,
                             error)
                : JB_OK;
}

static enum jb_code gaps_of_interval(struct jb_meter_desk *site, const struct jb_meter_interval *interval,
                                     const struct sums *sums, bool any, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t p = 0; !code && p < site->part_count; p++) {
        struct jb_meter_part *part = &site->parts[p];
        /* Where no meter was read, one gap says so: the facility's, or the first's. */
        bool is_said = any || (sums->facility.count ? part->meter->rule->role == JB_METER_FACILITY : p == 0);
        if (jb_meter_is_energy(part) && !part->is_known && is_said)
            code = add_gaps(site, part, interval, error);
    }
    return code;
}

enum jb_code jb_meter_book_energy(struct jb_meter_desk *site, struct jb_meter_site *result,
                                  struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t p = 0; p < site->part_count; p++)
        site->parts[p].next = 0;
    for (size_t i = 0; !code && i < site->interval_count; i++) {
        const struct jb_meter_interval *interval = &site->intervals[i];
        struct sums sums;
        bool any = sum_interval(site, interval, &sums);
        int64_t length_ns = interval->end_ns - interval->start_ns;
        bool is_it_known = sums.it.is_known && (sums.it.count || interval->host_out > 0);
        result->period_ns += length_ns;
        result->interval_count += any;
        if (sums.facility.count && sums.facility.is_known && is_it_known && sums.generation.is_known) {
            result->known_ns += length_ns;
            result->facility_uj += sums.facility.amount + sums.generation.amount;
            result->it_uj += sums.it.count ? sums.it.amount : interval->host_out;
        }
        if (interval->own_flows > 0) {
            result->booked_count++;
            continue;
        }
        if (any)
            code = book_interval(site, interval, &sums, result, error);
        if (!code)
            code = gaps_of_interval(site, interval, &sums, any, error);
    }
    return code;
}
