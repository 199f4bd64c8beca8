/* The flows of one site: every interval balanced between what comes in, what IT takes, and the rest. */
#include "import/meter_internal.h"

#include "base/array.h"
#include "base/strings.h"
#include "store/rules.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define FLOW_CEILING ((size_t)1 << 28)
#define GAP_CEILING  ((size_t)1 << 24)

/* One meter of the site. */
struct part {
    const struct jb_meter *meter;
    char path[JB_ACCOUNT_SIZE]; /* its own account; of a facility: the site */
    jb_account_id account;
    size_t first, next; /* its steps within the interval */
    jb_int128 amount;   /* of these */
    bool is_known;      /* they cover the interval */
    size_t last_gap;    /* its latest in the list of gaps; SIZE_MAX none */
};

/* Between times at which no meter is within a step. */
struct interval {
    int64_t start_ns, end_ns;
    jb_int128 host_in, host_out; /* what hosts have booked into the site and out of it */
    int64_t own_flows;           /* that this import has booked before */
};

struct site {
    const char *name;
    char path[JB_ACCOUNT_SIZE];
    jb_account_id account, grid, overhead, unattributed, variance, water;
    struct part *parts;
    size_t part_count;
    struct interval *intervals;
    size_t interval_count;
    struct jb_flow *flows;
    size_t flow_count, flow_capacity;
    struct jb_gap *gaps;
    size_t gap_count, gap_capacity;
    struct jb_ledger *ledger; /* NULL: nothing there yet */
    bool is_dry_run;
};

static void site_free(struct site *site) {
    free(site->parts);
    free(site->intervals);
    free(site->flows);
    free(site->gaps);
}

static bool is_energy(const struct part *part) {
    return part->meter->rule->role != JB_METER_WATER;
}

/* ---- accounts ---- */

static enum jb_code resolve(struct site *site, const char *path, struct jb_error *error,
                            jb_account_id *ret_id) {
    *ret_id = 0;
    return site->is_dry_run ? jb_account_validate(path, error)
                            : jb_ledger_account(site->ledger, path, error, ret_id);
}

static enum jb_code resolve_below(struct site *site, const char *below, struct jb_error *error,
                                  jb_account_id *ret_id) {
    char path[JB_ACCOUNT_SIZE];
    snprintf(path, sizeof path, "site/%s/%s", site->name, below);
    return resolve(site, path, error, ret_id);
}

static void name_part(const struct site *site, struct part *part) {
    char component[JB_COMPONENT_SIZE];
    enum jb_meter_role role = part->meter->rule->role;
    jb_account_encode(part->meter->name, strlen(part->meter->name), component);
    if (role == JB_METER_FACILITY)
        snprintf(part->path, sizeof part->path, "%s", site->path);
    else if (role == JB_METER_GENERATION || role == JB_METER_WATER)
        snprintf(part->path, sizeof part->path, "supply/%s/%s", site->name, component);
    else
        snprintf(part->path, sizeof part->path, "%.200s/%s/%s", site->path,
                 role == JB_METER_OVERHEAD ? "overhead" : "it", component);
}

/* The meters of the site; IT measured at one place only. */
static enum jb_code find_parts(struct site *site, const struct jb_meters *meters, struct jb_error *error) {
    const struct jb_meter *it = NULL;
    const char *grid = NULL;
    site->parts = calloc(meters->count + 1, sizeof *site->parts);
    if (!site->parts)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu meters", meters->count);
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < meters->count; i++) {
        const struct jb_meter *meter = &meters->items[i];
        enum jb_meter_role role = meter->rule->role;
        if (role == JB_METER_NONE || strcmp(meter->rule->site, site->name) != 0)
            continue;
        if (jb_meter_is_it(role) && it && it->rule->role != role)
            return jb_error_set(
                error, JB_INPUT,
                "site '%.80s': meter '%.80s' measures IT at the %s and '%.80s' at the %s, so one "
                "holds the other; give those of one place the role none or overhead",
                site->name, it->name, jb_meter_role_name(it->rule->role), meter->name,
                jb_meter_role_name(role));
        if (jb_meter_is_it(role))
            it = meter;
        if (!grid || role == JB_METER_FACILITY)
            grid = meter->rule->grid;
        struct part *part = &site->parts[site->part_count++];
        *part = (struct part){.meter = meter, .last_gap = SIZE_MAX};
        name_part(site, part);
        code = resolve(site, part->path, error, &part->account);
    }
    if (!code)
        code = resolve(site, site->path, error, &site->account);
    if (!code)
        code = resolve(site, grid ? grid : "grid/unknown", error, &site->grid);
    if (!code)
        code = resolve_below(site, "overhead", error, &site->overhead);
    if (!code)
        code = resolve_below(site, "unattributed", error, &site->unattributed);
    if (!code)
        code = resolve_below(site, "meter-variance", error, &site->variance);
    return code ? code : resolve_below(site, "water", error, &site->water);
}

/* ---- intervals ---- */

static int compare_times(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Leaves of the times, which are ordered, those at which no meter is within a step. */
static size_t keep_common(struct site *site, int64_t *times, size_t count) {
    size_t kept = 0;
    for (size_t p = 0; p < site->part_count; p++)
        site->parts[p].next = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_common = true;
        for (size_t p = 0; p < site->part_count; p++) {
            struct part *part = &site->parts[p];
            const struct jb_meter *meter = part->meter;
            if (!is_energy(part))
                continue;
            while (part->next < meter->step_count && meter->steps[part->next].end_ns <= times[i])
                part->next++;
            is_common = is_common &&
                        !(part->next < meter->step_count && meter->steps[part->next].start_ns < times[i]);
        }
        if (is_common && (kept == 0 || times[kept - 1] != times[i]))
            times[kept++] = times[i];
    }
    return kept;
}

static enum jb_code find_intervals(struct site *site, struct jb_error *error) {
    size_t step_count = 0, count = 0;
    for (size_t p = 0; p < site->part_count; p++)
        step_count += is_energy(&site->parts[p]) ? site->parts[p].meter->step_count : 0;
    _cleanup_free_ int64_t *times = calloc(2 * step_count + 1, sizeof *times);
    if (!times)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", step_count);
    for (size_t p = 0; p < site->part_count; p++) {
        const struct jb_meter *meter = site->parts[p].meter;
        for (size_t i = 0; is_energy(&site->parts[p]) && i < meter->step_count; i++) {
            times[count++] = meter->steps[i].start_ns;
            times[count++] = meter->steps[i].end_ns;
        }
    }
    qsort(times, count, sizeof *times, compare_times);
    count = keep_common(site, times, count);
    site->intervals = calloc(count + 1, sizeof *site->intervals);
    if (!site->intervals)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu intervals", count);
    for (size_t i = 0; i + 1 < count; i++)
        site->intervals[site->interval_count++] =
            (struct interval){.start_ns = times[i], .end_ns = times[i + 1]};
    return JB_OK;
}

/* ---- what the book has ---- */

/* The first interval that ends after a time. */
static size_t interval_after(const struct site *site, int64_t at_ns) {
    size_t low = 0, high = site->interval_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (site->intervals[middle].end_ns > at_ns)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void add_booked(struct site *site, const struct jb_flow *flow, bool is_reversal, const char *from,
                       const char *to) {
    bool goes_out = strcmp(from, site->path) == 0, comes_in = strcmp(to, site->path) == 0;
    bool is_own = goes_out && jb_account_is_within(to, site->path);
    if (!goes_out && !comes_in)
        return;
    for (size_t i = interval_after(site, flow->start_ns);
         i < site->interval_count && site->intervals[i].start_ns < flow->end_ns; i++) {
        struct interval *interval = &site->intervals[i];
        jb_int128 amount =
            jb_amount_part(flow->amount, flow->start_ns, flow->end_ns, interval->start_ns, interval->end_ns);
        if (is_own)
            interval->own_flows += is_reversal ? -1 : 1;
        else if (goes_out)
            interval->host_out += amount;
        else
            interval->host_in += amount;
    }
}

static enum jb_code read_booked(struct site *site, struct jb_error *error) {
    if (!site->ledger || site->interval_count == 0)
        return JB_OK;
    struct jb_store *store = jb_ledger_store(site->ledger);
    struct jb_query query = {.from_ns = site->intervals[0].start_ns,
                             .to_ns = site->intervals[site->interval_count - 1].end_ns,
                             .commodity = JB_ENERGY,
                             .account = site->path};
    struct jb_flow_cursor *cursor;
    struct jb_flow flow;
    const char *identity;
    enum jb_code code = store->ops->flows_open(store, &query, error, &cursor);
    if (code)
        return code;
    while ((code = store->ops->flows_next(cursor, error, &flow, &identity)) == JB_OK)
        add_booked(site, &flow, strncmp(identity, JB_REVERSAL_START, strlen(JB_REVERSAL_START)) == 0,
                   jb_ledger_path(site->ledger, flow.from), jb_ledger_path(site->ledger, flow.to));
    store->ops->flows_close(cursor);
    return code == JB_NO_DATA ? JB_OK : code;
}

/* ---- flows and gaps ---- */

/* One flow, or several where 64 bits do not hold it. An amount of 0 is booked: it is known. */
static enum jb_code add_flow(struct site *site, int64_t start_ns, int64_t end_ns, jb_account_id from,
                             jb_account_id to, jb_int128 amount, enum jb_method method, uint32_t ppm,
                             jb_commodity commodity, struct jb_error *error) {
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

static enum jb_code add_energy(struct site *site, const struct interval *interval, jb_account_id from,
                               jb_account_id to, jb_int128 amount, uint32_t ppm, struct jb_error *error) {
    return add_flow(site, interval->start_ns, interval->end_ns, from, to, amount, JB_MEASURED, ppm, JB_ENERGY,
                    error);
}

/* The steps of a meter within the interval, each as it was read. */
static enum jb_code add_steps(struct site *site, const struct part *part, jb_account_id from,
                              jb_account_id to, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t i = part->first; !code && i < part->next; i++) {
        const struct jb_meter_step *step = &part->meter->steps[i];
        code = add_flow(site, step->start_ns, step->end_ns, from, to, step->amount, JB_MEASURED,
                        part->meter->rule->uncertainty_ppm, JB_ENERGY, error);
    }
    return code;
}

static enum jb_code add_gap(struct site *site, struct part *part, int64_t start_ns, int64_t end_ns,
                            struct jb_error *error) {
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
static enum jb_code add_gaps(struct site *site, struct part *part, const struct interval *interval,
                             struct jb_error *error) {
    int64_t at_ns = interval->start_ns;
    enum jb_code code = JB_OK;
    for (size_t i = part->first; !code && i < part->next; i++) {
        if (part->meter->steps[i].start_ns > at_ns)
            code = add_gap(site, part, at_ns, part->meter->steps[i].start_ns, error);
        at_ns = part->meter->steps[i].end_ns;
    }
    return !code && at_ns < interval->end_ns ? add_gap(site, part, at_ns, interval->end_ns, error) : code;
}

/* ---- one interval ---- */

/* Sums over the meters of some roles; is_known: all of them are. */
struct sum {
    size_t count;
    jb_int128 amount;
    bool is_known, has_ppm;
    double variance; /* (amount · u)², added up */
};

static void add_to_sum(struct sum *sum, const struct part *part) {
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
static bool sum_interval(struct site *site, const struct interval *interval, struct sums *ret_sums) {
    const struct sum none = {.is_known = true, .has_ppm = true};
    bool any = false;
    *ret_sums = (struct sums){none, none, none, none};
    for (size_t p = 0; p < site->part_count; p++) {
        struct part *part = &site->parts[p];
        const struct jb_meter *meter = part->meter;
        int64_t covered_ns = 0;
        if (!is_energy(part))
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
static enum jb_code book_it(struct site *site, const struct interval *interval, const struct sums *sums,
                            jb_int128 rest, struct jb_error *error) {
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
        struct part *part = &site->parts[p];
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
            code = add_flow(site, interval->start_ns, interval->end_ns, site->account, part->account, share,
                            JB_APPORTIONED, part->meter->rule->uncertainty_ppm, JB_ENERGY, error);
    }
    return code;
}

/* What comes in. total: with what hosts have booked already. */
static enum jb_code book_supply(struct site *site, const struct interval *interval, const struct sums *sums,
                                jb_int128 from_grid, struct jb_error *error) {
    enum jb_code code = JB_OK;
    bool is_as_read = sums->facility.count && sums->facility.is_known && interval->host_in == 0;
    for (size_t p = 0; !code && p < site->part_count; p++) {
        struct part *part = &site->parts[p];
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

static enum jb_code book_interval(struct site *site, const struct interval *interval, const struct sums *sums,
                                  struct jb_meter_site *result, struct jb_error *error) {
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

static enum jb_code gaps_of_interval(struct site *site, const struct interval *interval,
                                     const struct sums *sums, bool any, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t p = 0; !code && p < site->part_count; p++) {
        struct part *part = &site->parts[p];
        /* Where no meter was read, one gap says so: the facility's, or the first's. */
        bool is_said = any || (sums->facility.count ? part->meter->rule->role == JB_METER_FACILITY : p == 0);
        if (is_energy(part) && !part->is_known && is_said)
            code = add_gaps(site, part, interval, error);
    }
    return code;
}

static enum jb_code build(struct site *site, struct jb_meter_site *result, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t p = 0; p < site->part_count; p++)
        site->parts[p].next = 0;
    for (size_t i = 0; !code && i < site->interval_count; i++) {
        const struct interval *interval = &site->intervals[i];
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

/* ---- water ---- */

static int compare_steps(const void *left, const void *right) {
    const struct jb_meter_step *a = left, *b = right;
    return (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

/* What the book has of a water meter, ordered. */
static enum jb_code read_water(struct site *site, const struct part *part, struct jb_error *error,
                               struct jb_meter_step **ret_steps, size_t *ret_count) {
    _cleanup_free_ struct jb_meter_step *steps = NULL;
    size_t count = 0, capacity = 0;
    const struct jb_meter *meter = part->meter;
    struct jb_query query = {.from_ns = meter->steps[0].start_ns,
                             .to_ns = meter->steps[meter->step_count - 1].end_ns,
                             .commodity = JB_WATER,
                             .account = part->path};
    struct jb_flow_cursor *cursor;
    struct jb_flow flow;
    const char *identity;
    if (!site->ledger)
        return JB_OK;
    struct jb_store *store = jb_ledger_store(site->ledger);
    enum jb_code code = store->ops->flows_open(store, &query, error, &cursor);
    if (code)
        return code;
    while ((code = store->ops->flows_next(cursor, error, &flow, &identity)) == JB_OK) {
        code = jb_array_reserve(&steps, &capacity, count + 1, FLOW_CEILING, "flows of water", error);
        if (code)
            break;
        steps[count++] = (struct jb_meter_step){flow.start_ns, flow.end_ns, flow.amount};
    }
    store->ops->flows_close(cursor);
    if (code && code != JB_NO_DATA)
        return code;
    if (count)
        qsort(steps, count, sizeof *steps, compare_steps);
    *ret_steps = JB_TAKE(steps);
    *ret_count = count;
    return JB_OK;
}

static enum jb_code book_water(struct site *site, struct part *part, struct jb_error *error) {
    _cleanup_free_ struct jb_meter_step *booked = NULL;
    size_t booked_count = 0, next = 0;
    const struct jb_meter *meter = part->meter;
    if (meter->step_count == 0)
        return JB_OK;
    enum jb_code code = read_water(site, part, error, &booked, &booked_count);
    for (size_t i = 0; !code && i < meter->step_count; i++) {
        const struct jb_meter_step *step = &meter->steps[i];
        while (next < booked_count && booked[next].end_ns <= step->start_ns)
            next++;
        if (i && step[-1].end_ns < step->start_ns)
            code = add_gap(site, part, step[-1].end_ns, step->start_ns, error);
        if (!code && !(next < booked_count && booked[next].start_ns < step->end_ns))
            code = add_flow(site, step->start_ns, step->end_ns, part->account, site->water, step->amount,
                            JB_MEASURED, meter->rule->uncertainty_ppm, JB_WATER, error);
    }
    return code;
}

/* ---- the batch ---- */

/* Leaves out gaps that the book has. */
static enum jb_code drop_known_gaps(struct site *site, struct jb_error *error) {
    _cleanup_free_ struct jb_gap *known = NULL;
    size_t known_count = 0, kept = 0;
    struct jb_query query = JB_QUERY_ALL;
    struct jb_store *store = site->ledger ? jb_ledger_store(site->ledger) : NULL;
    if (!store || site->gap_count == 0 || site->is_dry_run)
        return JB_OK;
    enum jb_code code = store->ops->gaps(store, &query, error, &known, &known_count);
    for (size_t i = 0; !code && i < site->gap_count; i++) {
        const struct jb_gap *gap = &site->gaps[i];
        bool is_known = false;
        for (size_t k = 0; k < known_count && !is_known; k++)
            is_known = known[k].account == gap->account && known[k].start_ns <= gap->start_ns &&
                       known[k].end_ns >= gap->end_ns;
        if (!is_known)
            site->gaps[kept++] = *gap;
    }
    if (!code)
        site->gap_count = kept;
    return code;
}

/* Where the site's IT is measured, for whoever states its PUE. */
static enum jb_code label_category(struct site *site, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(site->ledger);
    for (size_t p = 0; p < site->part_count; p++) {
        enum jb_meter_role role = site->parts[p].meter->rule->role;
        struct jb_label label = {.key = "pue-category"};
        if (!jb_meter_is_it(role))
            continue;
        snprintf(label.pattern, sizeof label.pattern, "%s", site->path);
        snprintf(label.value, sizeof label.value, "%d",
                 role == JB_METER_UPS   ? 1
                 : role == JB_METER_PDU ? 2
                                        : 3);
        return store->ops->label_set(store, &label, error);
    }
    return JB_OK;
}

/* The batch is named after what is in it: the same file can have more to book when its meters got other
 * roles.
 */
static void name_batch(const struct site *site, char ret[static JB_IDENTITY_SIZE]) {
    uint64_t hash = site->flow_count;
    for (size_t i = 0; i < site->flow_count; i++) {
        const struct jb_flow *flow = &site->flows[i];
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->start_ns);
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->end_ns);
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->amount);
    }
    for (size_t i = 0; i < site->gap_count; i++)
        hash = jb_hash_uint64(hash ^ (uint64_t)site->gaps[i].start_ns);
    snprintf(ret, JB_IDENTITY_SIZE, "import meter %.127s %016" PRIx64, site->name, hash);
}

static enum jb_code append(struct site *site, struct jb_error *error, bool *ret_new) {
    char identity[JB_IDENTITY_SIZE];
    *ret_new = site->flow_count > 0 || site->gap_count > 0;
    if (site->is_dry_run || !*ret_new)
        return JB_OK;
    name_batch(site, identity);
    struct jb_batch batch = {.identity = identity,
                             .flows = site->flows,
                             .flow_count = site->flow_count,
                             .gaps = site->gaps,
                             .gap_count = site->gap_count};
    enum jb_code code = jb_ledger_append(site->ledger, &batch, error, ret_new);
    return code ? code : label_category(site, error);
}

enum jb_code jb_meter_book_site(struct jb_meters *meters, const char *name, struct jb_ledger *ledger,
                                bool is_dry_run, struct jb_error *error, struct jb_meter_result *result) {
    _cleanup_(site_free) struct site site = {.name = name, .ledger = ledger, .is_dry_run = is_dry_run};
    struct jb_meter_site *summary = &result->sites[result->site_count];
    *summary = (struct jb_meter_site){0};
    snprintf(summary->name, sizeof summary->name, "%s", name);
    snprintf(site.path, sizeof site.path, "site/%s", name);
    enum jb_code code = find_parts(&site, meters, error);
    if (!code)
        code = find_intervals(&site, error);
    if (!code)
        code = read_booked(&site, error);
    if (!code)
        code = build(&site, summary, error);
    for (size_t p = 0; !code && p < site.part_count; p++) {
        if (!is_energy(&site.parts[p]))
            code = book_water(&site, &site.parts[p], error);
    }
    if (!code)
        code = drop_known_gaps(&site, error);
    bool is_new = false;
    if (!code)
        code = append(&site, error, &is_new);
    if (code)
        return code;
    result->site_count++;
    result->new_flow_count += is_new ? site.flow_count : 0;
    result->new_gap_count += is_new ? site.gap_count : 0;
    return JB_OK;
}
