/* Energy of a site: the intervals that its meters have in common, their gaps, and one batch after the other.
 */
#include "import/meter_desk.h"

#include "base/array.h"
#include "store/rules.h"

#include <assert.h>

#define GAP_CEILING   ((size_t)1 << 24)
#define STEPS_A_BATCH ((size_t)1 << 20) /* so that what is kept of them stays one document */

/* ---- intervals ---- */

static int compare_times(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void start_over(struct jb_meter_desk *desk) {
    for (size_t p = 0; p < desk->part_count; p++)
        desk->parts[p].first = desk->parts[p].next = 0;
}

/* Leaves of the times, which are ordered, those at which no meter is within a step. */
static size_t keep_common(struct jb_meter_desk *desk, int64_t *times, size_t count) {
    size_t kept = 0;
    start_over(desk);
    for (size_t i = 0; i < count; i++) {
        bool is_common = true;
        for (size_t p = 0; p < desk->part_count; p++) {
            struct jb_meter_part *part = &desk->parts[p];
            const struct jb_meter *meter = part->meter;
            if (!jb_meter_is_energy(part))
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

/* The next of a meter's steps that lie in the interval. */
static void advance(struct jb_meter_part *part, const struct jb_site_interval *interval) {
    const struct jb_meter *meter = part->meter;
    part->first = part->next;
    while (part->next < meter->step_count && meter->steps[part->next].start_ns < interval->end_ns)
        part->next++;
}

static enum jb_code add_interval(struct jb_meter_desk *desk, int64_t start_ns, int64_t end_ns,
                                 struct jb_error *error) {
    enum jb_code code = jb_site_add_interval(&desk->site, start_ns, end_ns, error);
    for (size_t p = 0; !code && p < desk->part_count; p++) {
        struct jb_meter_part *part = &desk->parts[p];
        if (!jb_meter_is_energy(part))
            continue;
        advance(part, &desk->site.intervals[desk->site.interval_count - 1]);
        for (size_t i = part->first; !code && i < part->next; i++) {
            const struct jb_meter_step *step = &part->meter->steps[i];
            code = jb_site_add_step(&desk->site,
                                    &(struct jb_site_step){.start_ns = step->start_ns,
                                                           .end_ns = step->end_ns,
                                                           .amount = step->amount,
                                                           .meter = part->index},
                                    error);
        }
    }
    return code;
}

enum jb_code jb_meter_find_intervals(struct jb_meter_desk *desk, struct jb_error *error) {
    size_t step_count = 0, count = 0;
    for (size_t p = 0; p < desk->part_count; p++)
        step_count += jb_meter_is_energy(&desk->parts[p]) ? desk->parts[p].meter->step_count : 0;
    _cleanup_free_ int64_t *times = calloc(2 * step_count + 1, sizeof *times);
    if (!times)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", step_count);
    for (size_t p = 0; p < desk->part_count; p++) {
        const struct jb_meter *meter = desk->parts[p].meter;
        for (size_t i = 0; jb_meter_is_energy(&desk->parts[p]) && i < meter->step_count; i++) {
            times[count++] = meter->steps[i].start_ns;
            times[count++] = meter->steps[i].end_ns;
        }
    }
    qsort(times, count, sizeof *times, compare_times);
    count = keep_common(desk, times, count);
    start_over(desk);
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i + 1 < count; i++)
        code = add_interval(desk, times[i], times[i + 1], error);
    return code;
}

/* ---- gaps ---- */

enum jb_code jb_meter_add_gap(struct jb_meter_desk *desk, struct jb_meter_part *part, int64_t start_ns,
                              int64_t end_ns, struct jb_error *error) {
    struct jb_gap *last = part->last_gap == SIZE_MAX ? NULL : &desk->gaps[part->last_gap];
    if (last && last->end_ns == start_ns) {
        last->end_ns = end_ns;
        return JB_OK;
    }
    enum jb_code code = jb_array_reserve(&desk->gaps, &desk->gap_capacity, desk->gap_count + 1, GAP_CEILING,
                                         "gaps of one site", error);
    if (code)
        return code;
    part->last_gap = desk->gap_count;
    struct jb_gap *gap = &desk->gaps[desk->gap_count++];
    *gap = (struct jb_gap){.start_ns = start_ns, .end_ns = end_ns, .account = part->account};
    snprintf(gap->reason, sizeof gap->reason, "no reading of meter '%.90s'", part->meter->name);
    return JB_OK;
}

/* Where a meter's steps leave parts of the interval open. */
static enum jb_code add_gaps(struct jb_meter_desk *desk, struct jb_meter_part *part,
                             const struct jb_site_interval *interval, struct jb_error *error) {
    int64_t at_ns = interval->start_ns;
    enum jb_code code = JB_OK;
    for (size_t i = part->first; !code && i < part->next; i++) {
        if (part->meter->steps[i].start_ns > at_ns)
            code = jb_meter_add_gap(desk, part, at_ns, part->meter->steps[i].start_ns, error);
        at_ns = part->meter->steps[i].end_ns;
    }
    return !code && at_ns < interval->end_ns ? jb_meter_add_gap(desk, part, at_ns, interval->end_ns, error)
                                             : code;
}

static enum jb_code gaps_of_interval(struct jb_meter_desk *desk, const struct jb_site_interval *interval,
                                     bool has_facility, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t p = 0; !code && p < desk->part_count; p++) {
        struct jb_meter_part *part = &desk->parts[p];
        /* Where no meter was read, one gap says so: the facility's, or the first's. */
        bool is_said = interval->step_count > 0 ||
                       (has_facility ? part->meter->rule->role == JB_METER_FACILITY : p == 0);
        if (jb_meter_is_energy(part) && is_said && !desk->site.meters[part->index].is_known)
            code = add_gaps(desk, part, interval, error);
    }
    return code;
}

/* ---- booking ---- */

static void add_to_result(struct jb_meter_site *result, const struct jb_site_interval *interval,
                          const struct jb_site_sums *sums) {
    const struct jb_site_sum *facility = &sums->roles[JB_SITE_FACILITY],
                             *generation = &sums->roles[JB_SITE_GENERATION], *it = &sums->roles[JB_SITE_IT];
    int64_t length_ns = interval->end_ns - interval->start_ns;
    bool is_it_known = it->is_known && (it->count || interval->host_out > 0);
    result->period_ns += length_ns;
    result->interval_count += interval->step_count > 0;
    if (facility->count && facility->is_known && is_it_known && generation->is_known) {
        result->known_ns += length_ns;
        result->facility_uj += facility->amount + generation->amount;
        result->it_uj += it->count ? it->amount : interval->host_out;
    }
}

static enum jb_code copy_interval(const struct jb_meter_desk *desk, size_t index,
                                  struct jb_site_readings *piece, struct jb_error *error) {
    const struct jb_site_interval *interval = &desk->site.intervals[index];
    enum jb_code code = jb_site_add_interval(piece, interval->start_ns, interval->end_ns, error);
    for (size_t i = 0; !code && i < interval->step_count; i++)
        code = jb_site_add_step(piece, &desk->site.steps[interval->first_step + i], error);
    if (code)
        return code;
    piece->intervals[piece->interval_count - 1].host_in = interval->host_in;
    piece->intervals[piece->interval_count - 1].host_out = interval->host_out;
    return JB_OK;
}

/* Takes in intervals from *next on, as far as they make one batch. */
static enum jb_code fill_piece(const struct jb_meter_desk *desk, size_t *next, struct jb_site_readings *piece,
                               struct jb_error *error) {
    const struct jb_site_readings *site = &desk->site;
    enum jb_code code = JB_OK;
    snprintf(piece->name, sizeof piece->name, "%s", site->name);
    snprintf(piece->grid, sizeof piece->grid, "%s", site->grid);
    for (size_t m = 0; !code && m < site->meter_count; m++)
        code = jb_site_add_meter(piece, &site->meters[m], error);
    for (; !code && *next < site->interval_count; (*next)++) {
        const struct jb_site_interval *interval = &site->intervals[*next];
        if (desk->is_booked[*next] || interval->step_count == 0)
            continue;
        if (piece->interval_count && (!jb_site_is_same_piece(&piece->intervals[0], interval) ||
                                      piece->step_count + interval->step_count > STEPS_A_BATCH))
            break;
        code = copy_interval(desk, *next, piece, error);
    }
    return code;
}

static enum jb_code book_piece(const struct jb_meter_desk *desk, struct jb_site_readings *piece,
                               const struct jb_site_accounts *accounts, struct jb_meter_site *result,
                               uint64_t *flow_count, struct jb_error *error) {
    struct jb_site_flows flows = {0};
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < piece->interval_count; i++)
        code = jb_site_make_flows(piece, i, accounts, &flows, error);
    if (!code && !desk->is_dry_run)
        code = jb_site_append(desk->ledger, piece, &flows, NULL, error);
    result->variance_uj += flows.variance_uj;
    result->excess_uj += flows.excess_uj;
    *flow_count += flows.count;
    free(flows.items);
    return code;
}

static enum jb_code book_pieces(const struct jb_meter_desk *desk, struct jb_meter_site *result,
                                uint64_t *flow_count, struct jb_error *error) {
    struct jb_site_accounts accounts = {0};
    enum jb_code code =
        jb_site_accounts(&desk->site, desk->is_dry_run ? NULL : desk->ledger, error, &accounts);
    for (size_t next = 0; !code && next < desk->site.interval_count;) {
        _cleanup_(jb_site_readings_free) struct jb_site_readings piece = {0};
        code = fill_piece(desk, &next, &piece, error);
        if (!code && piece.interval_count)
            code = book_piece(desk, &piece, &accounts, result, flow_count, error);
    }
    free(accounts.meters);
    return code;
}

enum jb_code jb_meter_book_energy(struct jb_meter_desk *desk, struct jb_meter_site *result,
                                  uint64_t *flow_count, struct jb_error *error) {
    enum jb_code code = JB_OK;
    start_over(desk);
    for (size_t i = 0; !code && i < desk->site.interval_count; i++) {
        const struct jb_site_interval *interval = &desk->site.intervals[i];
        struct jb_site_sums sums;
        jb_site_sum(&desk->site, i, &sums);
        for (size_t p = 0; p < desk->part_count; p++)
            advance(&desk->parts[p], interval);
        add_to_result(result, interval, &sums);
        result->booked_count += desk->is_booked[i];
        if (!desk->is_booked[i])
            code = gaps_of_interval(desk, interval, sums.roles[JB_SITE_FACILITY].count > 0, error);
    }
    return code ? code : book_pieces(desk, result, flow_count, error);
}
