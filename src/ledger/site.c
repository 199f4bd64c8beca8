/* A site's meters: their readings by interval, and the flows of one interval after the other, balanced
 * between what comes in, what IT takes, and the rest. */
#include "ledger/site.h"

#include "base/array.h"
#include "store/rules.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define METER_CEILING ((size_t)10000)
#define STEP_CEILING  ((size_t)1 << 28)
#define FLOW_CEILING  ((size_t)1 << 28)

void jb_site_readings_free(struct jb_site_readings *site) {
    if (!site)
        return;
    free(site->meters);
    free(site->steps);
    free(site->intervals);
    *site = (struct jb_site_readings){0};
}

enum jb_code jb_site_add_meter(struct jb_site_readings *site, const struct jb_site_meter *meter,
                               struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&site->meters, &site->meter_capacity, site->meter_count + 1,
                                         METER_CEILING, "meters of one site", error);
    if (!code)
        site->meters[site->meter_count++] = *meter;
    return code;
}

enum jb_code jb_site_add_interval(struct jb_site_readings *site, int64_t start_ns, int64_t end_ns,
                                  struct jb_error *error) {
    assert(start_ns < end_ns);
    enum jb_code code = jb_array_reserve(&site->intervals, &site->interval_capacity, site->interval_count + 1,
                                         STEP_CEILING, "intervals of one site", error);
    if (!code)
        site->intervals[site->interval_count++] =
            (struct jb_site_interval){.start_ns = start_ns, .end_ns = end_ns, .first_step = site->step_count};
    return code;
}

enum jb_code jb_site_add_step(struct jb_site_readings *site, const struct jb_site_step *step,
                              struct jb_error *error) {
    assert(site->interval_count && step->meter < site->meter_count && step->amount >= 0);
    struct jb_site_interval *interval = &site->intervals[site->interval_count - 1];
    assert(step->start_ns >= interval->start_ns && step->end_ns <= interval->end_ns);
    enum jb_code code = jb_array_reserve(&site->steps, &site->step_capacity, site->step_count + 1,
                                         STEP_CEILING, "readings of one site", error);
    if (code)
        return code;
    site->steps[site->step_count++] = *step;
    interval->step_count++;
    return JB_OK;
}

void jb_site_drop_interval(struct jb_site_readings *site) {
    assert(site->interval_count);
    site->step_count = site->intervals[--site->interval_count].first_step;
}

/* ---- sums ---- */

static void add_to_sum(struct jb_site_sum *sum, const struct jb_site_meter *meter) {
    double deviation = (double)meter->amount * meter->uncertainty_ppm / 1e6;
    sum->count++;
    sum->amount += meter->amount;
    sum->is_known = sum->is_known && meter->is_known;
    sum->has_ppm = sum->has_ppm && meter->uncertainty_ppm != JB_UNCERTAINTY_UNKNOWN;
    sum->variance += deviation * deviation;
}

void jb_site_sum(struct jb_site_readings *site, size_t index, struct jb_site_sums *ret_sums) {
    const struct jb_site_interval *interval = &site->intervals[index];
    size_t next = interval->first_step, end = next + interval->step_count;
    for (size_t role = 0; role < JB_SITE_ROLE_COUNT; role++)
        ret_sums->roles[role] = (struct jb_site_sum){.is_known = true, .has_ppm = true};
    for (uint32_t m = 0; m < site->meter_count; m++) {
        struct jb_site_meter *meter = &site->meters[m];
        int64_t covered_ns = 0;
        meter->first_step = next;
        meter->amount = 0;
        for (; next < end && site->steps[next].meter == m; next++) {
            meter->amount += site->steps[next].amount;
            covered_ns += site->steps[next].end_ns - site->steps[next].start_ns;
        }
        meter->step_count = next - meter->first_step;
        meter->is_known = covered_ns == interval->end_ns - interval->start_ns;
        add_to_sum(&ret_sums->roles[meter->role], meter);
    }
    assert(next == end);
}

/* ---- flows ---- */

enum jb_code jb_site_flows_add(struct jb_site_flows *flows, const struct jb_flow *flow, jb_int128 amount,
                               struct jb_error *error) {
    assert(amount >= 0);
    do {
        enum jb_code code = jb_array_reserve(&flows->items, &flows->capacity, flows->count + 1, FLOW_CEILING,
                                             "flows of one site", error);
        if (code)
            return code;
        flows->items[flows->count] = *flow;
        flows->items[flows->count++].amount = jb_rollup_piece(&amount);
    } while (amount > 0);
    return JB_OK;
}

/* One interval on its way into flows. */
struct making {
    const struct jb_site_readings *site;
    const struct jb_site_interval *interval;
    const struct jb_site_accounts *accounts;
    const struct jb_site_sum *facility, *generation, *it, *overhead;
    struct jb_site_flows *flows;
    struct jb_error *error;
};

static enum jb_code add_energy(const struct making *making, jb_account_id from, jb_account_id to,
                               jb_int128 amount, enum jb_method method, uint32_t ppm) {
    struct jb_flow flow = {.start_ns = making->interval->start_ns,
                           .end_ns = making->interval->end_ns,
                           .from = from,
                           .to = to,
                           .commodity = JB_ENERGY,
                           .method = method,
                           .uncertainty_ppm = ppm};
    return jb_site_flows_add(making->flows, &flow, amount, making->error);
}

/* The steps of a meter, each as it was read. */
static enum jb_code add_steps(const struct making *making, const struct jb_site_meter *meter,
                              jb_account_id from, jb_account_id to) {
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < meter->step_count; i++) {
        const struct jb_site_step *step = &making->site->steps[meter->first_step + i];
        struct jb_flow flow = {.start_ns = step->start_ns,
                               .end_ns = step->end_ns,
                               .from = from,
                               .to = to,
                               .commodity = JB_ENERGY,
                               .method = JB_MEASURED,
                               .uncertainty_ppm = meter->uncertainty_ppm};
        code = jb_site_flows_add(making->flows, &flow, step->amount, making->error);
    }
    return code;
}

/* Relative standard uncertainty of what is left of independent amounts (JCGM 100:2008, 5.1.2). */
static uint32_t rest_ppm(const struct making *making, jb_int128 rest) {
    if (rest <= 0 || !making->facility->has_ppm || !making->generation->has_ppm || !making->it->has_ppm ||
        !making->overhead->has_ppm)
        return JB_UNCERTAINTY_UNKNOWN;
    double ppm = sqrt(making->facility->variance + making->generation->variance + making->it->variance +
                      making->overhead->variance) /
                 (double)rest * 1e6;
    return jb_uncertainty_coarse(ppm);
}

/* What IT meters show beyond what hosts have booked: as it was read, or shared out by the readings. */
static enum jb_code add_it(const struct making *making, jb_int128 rest) {
    const struct jb_site_readings *site = making->site;
    enum jb_code code = JB_OK;
    jb_int128 weight_left = 0;
    int shift = 0;
    while (making->it->amount >> shift > INT32_MAX)
        shift++;
    for (size_t m = 0; m < site->meter_count; m++) {
        if (site->meters[m].role == JB_SITE_IT)
            weight_left += site->meters[m].amount >> shift;
    }
    for (size_t m = 0; !code && m < site->meter_count; m++) {
        const struct jb_site_meter *meter = &site->meters[m];
        jb_account_id to = making->accounts->meters[m];
        if (meter->role != JB_SITE_IT)
            continue;
        if (making->interval->host_out == 0) {
            code = add_steps(making, meter, making->accounts->site, to);
            continue;
        }
        jb_int128 weight = meter->amount >> shift;
        jb_int128 share = weight_left ? rest * weight / weight_left : rest;
        rest -= share;
        weight_left -= weight;
        if (share)
            code =
                add_energy(making, making->accounts->site, to, share, JB_APPORTIONED, meter->uncertainty_ppm);
    }
    return code;
}

/* What comes in, and what goes to sub-meters that are no IT. */
static enum jb_code add_supply(const struct making *making, jb_int128 from_grid) {
    const struct jb_site_accounts *accounts = making->accounts;
    const struct jb_site_sum *facility = making->facility;
    enum jb_code code = JB_OK;
    bool is_as_read = facility->count && facility->is_known && making->interval->host_in == 0;
    for (size_t m = 0; !code && m < making->site->meter_count; m++) {
        const struct jb_site_meter *meter = &making->site->meters[m];
        if (meter->role == JB_SITE_GENERATION)
            code = add_steps(making, meter, accounts->meters[m], accounts->site);
        else if (meter->role == JB_SITE_FACILITY && is_as_read)
            code = add_steps(making, meter, accounts->grid, accounts->site);
        else if (meter->role == JB_SITE_OVERHEAD)
            code = add_steps(making, meter, accounts->site, accounts->meters[m]);
    }
    if (code || is_as_read || from_grid == 0)
        return code;
    uint32_t ppm = JB_UNCERTAINTY_UNKNOWN;
    if (facility->count && facility->has_ppm && facility->amount > 0 && facility->is_known)
        ppm = jb_uncertainty_coarse(sqrt(facility->variance) / (double)from_grid * 1e6);
    return add_energy(making, accounts->grid, accounts->site, from_grid, JB_MEASURED, ppm);
}

enum jb_code jb_site_make_flows(struct jb_site_readings *site, size_t index,
                                const struct jb_site_accounts *accounts, struct jb_site_flows *flows,
                                struct jb_error *error) {
    const struct jb_site_interval *interval = &site->intervals[index];
    struct jb_site_sums sums;
    jb_site_sum(site, index, &sums);
    const struct making making = {.site = site,
                                  .interval = interval,
                                  .accounts = accounts,
                                  .facility = &sums.roles[JB_SITE_FACILITY],
                                  .generation = &sums.roles[JB_SITE_GENERATION],
                                  .it = &sums.roles[JB_SITE_IT],
                                  .overhead = &sums.roles[JB_SITE_OVERHEAD],
                                  .flows = flows,
                                  .error = error};
    bool has_facility = making.facility->count && making.facility->is_known;
    bool is_it_known = making.it->is_known && (making.it->count || interval->host_out > 0);
    bool is_all_known = is_it_known && making.overhead->is_known && making.generation->is_known;
    jb_int128 it_rest = making.it->amount - interval->host_out;
    if (it_rest < 0) {
        flows->variance_uj += making.it->count && making.it->is_known ? -it_rest : 0;
        it_rest = 0;
    }
    jb_int128 used = interval->host_out + it_rest + making.overhead->amount;
    jb_int128 from_grid = making.facility->amount - interval->host_in;
    if (!has_facility)
        from_grid = used - interval->host_in - making.generation->amount;
    if (from_grid < 0) {
        flows->excess_uj += has_facility ? -from_grid : 0;
        from_grid = 0;
    }
    jb_int128 rest = interval->host_in + from_grid + making.generation->amount - used;
    enum jb_code code = JB_OK;
    if (rest < 0) { /* parts exceed the whole */
        flows->variance_uj += -rest;
        code = add_energy(&making, accounts->variance, accounts->site, -rest, JB_MEASURED,
                          JB_UNCERTAINTY_UNKNOWN);
        rest = 0;
    }
    if (!code)
        code = add_supply(&making, from_grid);
    if (!code)
        code = add_it(&making, it_rest);
    if (code)
        return code;
    /* Overhead is booked even when it is 0: it is known. What is not known has no place of its own. */
    if (has_facility && is_all_known)
        return add_energy(&making, accounts->site, accounts->overhead, rest, JB_MEASURED,
                          rest_ppm(&making, rest));
    return rest ? add_energy(&making, accounts->site, accounts->unattributed, rest, JB_MEASURED,
                             JB_UNCERTAINTY_UNKNOWN)
                : JB_OK;
}
