/* Booking: accumulated energy → one balanced batch. */
#include "meter/booking.h"

#include "attribute/split.h"
#include "base/array.h"
#include "base/time.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FLOW_CEILING     ((size_t)4000000)
#define POSITION_CEILING ((size_t)200000)
#define GAP_CEILING      ((size_t)1024)
/* An interval over more hours than this (a long gap) is booked whole. */
#define PIECE_CEILING 26

struct jb_booking {
    struct jb_ledger *ledger;
    struct jb_booking_place place;
    jb_account_id grid, site, host, rest, variance;
    struct jb_flow *flows;
    size_t flow_count, flow_capacity;
    struct jb_position *positions;
    size_t position_count, position_capacity;
    struct jb_gap *gaps;
    size_t gap_count, gap_capacity;
    uint32_t *touched; /* slots with energy, those of one cgroup together */
    size_t touched_count, touched_capacity;
    uint64_t debt_uj;
    const struct jb_slots *sorting; /* for the comparison, while sorting */
};

static enum jb_code account(struct jb_booking *booking, struct jb_error *error, jb_account_id *ret_id,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));

static enum jb_code account(struct jb_booking *booking, struct jb_error *error, jb_account_id *ret_id,
                            const char *format, ...) {
    char path[JB_ACCOUNT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof path)
        return jb_error_set(error, JB_LIMIT, "account '%.60s…' is too long", path);
    return jb_ledger_account(booking->ledger, path, error, ret_id);
}

enum jb_code jb_booking_make(struct jb_ledger *ledger, const struct jb_booking_place *place,
                             struct jb_error *error, struct jb_booking **ret_booking) {
    _cleanup_(jb_booking_free_cleanup) struct jb_booking *booking = calloc(1, sizeof *booking);
    if (!booking)
        return jb_error_set(error, JB_MEMORY, "no memory for booking");
    booking->ledger = ledger;
    booking->place = *place;
    enum jb_code code = account(booking, error, &booking->grid, "%s", place->grid);
    if (!code)
        code = account(booking, error, &booking->site, "%s", place->site);
    if (!code)
        code = account(booking, error, &booking->host, "host/%s", place->host);
    if (!code)
        code = account(booking, error, &booking->rest, "host/%s/rest", place->host);
    if (!code)
        code = account(booking, error, &booking->variance, "host/%s/meter-variance", place->host);
    if (code)
        return code;
    *ret_booking = JB_TAKE(booking);
    return JB_OK;
}

void jb_booking_free(struct jb_booking *booking) {
    if (!booking)
        return;
    free(booking->flows);
    free(booking->positions);
    free(booking->gaps);
    free(booking->touched);
    free(booking);
}

void jb_booking_set_debt(struct jb_booking *booking, uint64_t debt_uj) {
    booking->debt_uj = debt_uj;
}

/* Uncertainty of a part: that of the whole and that of the split, independent (quadrature, GUM eq. 10). */
static uint32_t part_ppm(uint32_t whole_ppm) {
    if (whole_ppm == JB_UNCERTAINTY_UNKNOWN)
        return JB_UNCERTAINTY_UNKNOWN;
    return jb_uncertainty_coarse(hypot((double)whole_ppm, JB_SPLIT_UNCERTAINTY_PPM));
}

/* A sum of independent amounts with relative uncertainties, as it grows. */
struct combined {
    uint64_t amount;
    double variance; /* of the amount, µJ² */
    bool unknown;
};

static void combine(struct combined *sum, uint64_t amount, uint32_t ppm) {
    double deviation = (double)amount * (double)ppm * 1e-6;
    sum->amount += amount;
    sum->variance += deviation * deviation;
    sum->unknown |= amount > 0 && ppm == JB_UNCERTAINTY_UNKNOWN;
}

static uint32_t combined_ppm(const struct combined *sum) {
    if (sum->unknown)
        return JB_UNCERTAINTY_UNKNOWN;
    return sum->amount ? jb_uncertainty_coarse(sqrt(sum->variance) / (double)sum->amount * 1e6) : 0;
}

/* One stretch of the interval (all of it, or the part within one hour), as fractions of the whole. */
struct piece {
    int64_t start_ns, end_ns;
    uint64_t begin, finish, length; /* of amounts: prorate(finish) − prorate(begin) */
};

static uint64_t of_piece(uint64_t amount, const struct piece *piece) {
    return jb_prorate(amount, piece->finish, piece->length) - jb_prorate(amount, piece->begin, piece->length);
}

static enum jb_code add_flow(struct jb_booking *booking, const struct piece *piece, jb_account_id from,
                             jb_account_id to, uint64_t amount, enum jb_method method, uint32_t ppm,
                             struct jb_error *error) {
    if (amount == 0)
        return JB_OK;
    if (amount > INT64_MAX)
        return jb_error_set(error, JB_LIMIT, "more energy in one interval than a flow can hold");
    enum jb_code code = jb_array_reserve(&booking->flows, &booking->flow_capacity, booking->flow_count + 1,
                                         FLOW_CEILING, "flows in one batch", error);
    if (code)
        return code;
    booking->flows[booking->flow_count++] = (struct jb_flow){
        .start_ns = piece->start_ns,
        .end_ns = piece->end_ns,
        .from = from,
        .to = to,
        .amount = (int64_t)amount,
        .commodity = JB_ENERGY,
        .method = method,
        .uncertainty_ppm = ppm,
    };
    return JB_OK;
}

static uint64_t energy_of(const struct jb_booking_input *input, uint32_t domain, uint32_t slot) {
    size_t count;
    const uint64_t *energy_uj = jb_attribution_of(input->attribution, domain, &count);
    return energy_uj && slot < count ? energy_uj[slot] : 0;
}

static int compare_slots(const void *a, const void *b, void *argument) {
    const struct jb_booking *booking = argument;
    struct jb_slot left = jb_slots_get(booking->sorting, *(const uint32_t *)a);
    struct jb_slot right = jb_slots_get(booking->sorting, *(const uint32_t *)b);
    int order = strcmp(left.cgroup, right.cgroup);
    if (order == 0)
        order = (int)left.leaf - (int)right.leaf;
    return order ? order : strcmp(left.process, right.process);
}

/* The slots that have energy, ordered by cgroup. */
static enum jb_code touch_slots(struct jb_booking *booking, const struct jb_booking_input *input,
                                struct jb_error *error) {
    booking->touched_count = 0;
    for (uint32_t slot = 0; slot < jb_slots_count(input->slots); slot++) {
        bool any = false;
        for (uint32_t d = 0; !any && d < input->domain_count; d++)
            any = energy_of(input, d, slot) != 0;
        if (!any)
            continue;
        enum jb_code code = jb_array_reserve(&booking->touched, &booking->touched_capacity,
                                             booking->touched_count + 1, JB_SLOT_CEILING, "workloads", error);
        if (code)
            return code;
        booking->touched[booking->touched_count++] = slot;
    }
    booking->sorting = input->slots;
    if (booking->touched_count)
        qsort_r(booking->touched, booking->touched_count, sizeof *booking->touched, compare_slots, booking);
    return JB_OK;
}

static enum jb_code leaf_account(struct jb_booking *booking, const struct jb_slot *slot,
                                 struct jb_error *error, jb_account_id *ret_id) {
    static const char *const names[] = {
        [JB_LEAF_IDLE] = "idle",
        [JB_LEAF_KERNEL] = "kernel",
        [JB_LEAF_INTERRUPT] = "interrupt",
        [JB_LEAF_STEAL] = "steal",
        [JB_LEAF_UNATTRIBUTED] = "unattributed",
        [JB_LEAF_PROCESS] = "process",
        [JB_LEAF_EXITED] = "exited",
    };
    if (!slot->cgroup[0])
        return account(booking, error, ret_id, "host/%s/%s", booking->place.host, names[slot->leaf]);
    char path[JB_ACCOUNT_SIZE], name[JB_COMPONENT_SIZE];
    jb_account_of_cgroup(booking->place.host, slot->cgroup, path);
    if (slot->leaf != JB_LEAF_PROCESS)
        return account(booking, error, ret_id, "%s/%s", path, names[slot->leaf]);
    jb_account_encode(slot->process, strlen(slot->process), name);
    return account(booking, error, ret_id, "%s/process/%s", path, name);
}

static enum jb_code cgroup_account(struct jb_booking *booking, const char *cgroup, struct jb_error *error,
                                   jb_account_id *ret_id) {
    char path[JB_ACCOUNT_SIZE];
    jb_account_of_cgroup(booking->place.host, cgroup, path);
    return account(booking, error, ret_id, "%s", path);
}

/* domain → leaves of the host, and domain → cgroups. *ret_sum: all that left the domain. */
static enum jb_code domain_to_groups(struct jb_booking *booking, const struct jb_booking_input *input,
                                     uint32_t domain, const struct piece *piece, jb_account_id from,
                                     struct jb_error *error, uint64_t *ret_sum) {
    enum jb_method method = jb_method_of_part(input->domains[domain].domain.method);
    uint32_t ppm = part_ppm(input->domains[domain].domain.uncertainty_ppm);
    uint64_t sum_uj = 0;
    for (size_t i = 0; i < booking->touched_count;) {
        struct jb_slot first = jb_slots_get(input->slots, booking->touched[i]);
        uint64_t amount_uj = 0;
        jb_account_id to;
        enum jb_code code;
        if (!first.cgroup[0]) {
            amount_uj = of_piece(energy_of(input, domain, booking->touched[i++]), piece);
            code = leaf_account(booking, &first, error, &to);
        } else {
            for (; i < booking->touched_count; i++) {
                if (strcmp(jb_slots_get(input->slots, booking->touched[i]).cgroup, first.cgroup) != 0)
                    break;
                amount_uj += of_piece(energy_of(input, domain, booking->touched[i]), piece);
            }
            code = cgroup_account(booking, first.cgroup, error, &to);
        }
        if (!code)
            code = add_flow(booking, piece, from, to, amount_uj, method, ppm, error);
        if (code)
            return code;
        sum_uj += amount_uj;
    }
    *ret_sum = sum_uj;
    return JB_OK;
}

/* cgroup → its processes and other leaves: what all domains gave them, by method. */
static enum jb_code groups_to_leaves(struct jb_booking *booking, const struct jb_booking_input *input,
                                     const struct piece *piece, struct jb_error *error) {
    for (size_t i = 0; i < booking->touched_count; i++) {
        struct jb_slot slot = jb_slots_get(input->slots, booking->touched[i]);
        if (!slot.cgroup[0])
            continue;
        struct combined by_method[JB_METHOD_COUNT] = {0};
        for (uint32_t d = 0; d < input->domain_count; d++) {
            const struct jb_domain *domain = &input->domains[d].domain;
            combine(&by_method[jb_method_of_part(domain->method)],
                    of_piece(energy_of(input, d, booking->touched[i]), piece),
                    part_ppm(domain->uncertainty_ppm));
        }
        jb_account_id from, to;
        enum jb_code code = cgroup_account(booking, slot.cgroup, error, &from);
        if (!code)
            code = leaf_account(booking, &slot, error, &to);
        for (int m = 0; !code && m < JB_METHOD_COUNT; m++)
            code = add_flow(booking, piece, from, to, by_method[m].amount, (enum jb_method)m,
                            combined_ppm(&by_method[m]), error);
        if (code)
            return code;
    }
    return JB_OK;
}

/* How the outermost meter's figure and those of the parts inside it fit together. */
struct fit {
    uint64_t rest_uj;     /* what no inner meter saw */
    uint64_t variance_uj; /* what inner meters saw beyond the outer one, past their uncertainty */
    uint64_t debt_uj;     /* the same within their uncertainty: taken from the next interval's outer figure */
};

/* Standard deviation of the figures inside the authority and of its own, µJ. */
static double fit_deviation(const struct jb_booking_input *input) {
    double variance = 0;
    for (size_t d = 0; d < input->domain_count; d++) {
        const struct jb_metered_domain *item = &input->domains[d];
        if (item->place != JB_COVER_AUTHORITY && !item->inside_authority)
            continue;
        double ppm =
            item->domain.uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN ? 0 : item->domain.uncertainty_ppm;
        variance += pow((double)item->interval_uj * ppm * 1e-6, 2);
    }
    return sqrt(variance);
}

static struct fit fit_meters(const struct jb_booking *booking, const struct jb_booking_input *input) {
    const struct jb_domain_totals *totals = &input->totals;
    uint64_t owed_uj = totals->inside_uj + booking->debt_uj;
    if (totals->authority_uj == 0 && totals->inside_uj == 0)
        return (struct fit){.debt_uj = booking->debt_uj};
    if (totals->authority_uj >= owed_uj)
        return (struct fit){.rest_uj = totals->authority_uj - owed_uj};
    uint64_t short_uj = owed_uj - totals->authority_uj;
    if ((double)short_uj <= 2 * fit_deviation(input))
        return (struct fit){.debt_uj = short_uj};
    return (struct fit){.variance_uj = short_uj};
}

/* All flows of one piece, from the leaves up, so that every account in between balances by construction. */
static enum jb_code build_piece(struct jb_booking *booking, const struct jb_booking_input *input,
                                const struct fit *fit, const struct piece *piece, struct jb_error *error) {
    const struct jb_metered_domain *authority = NULL;
    struct combined supplied[JB_METHOD_COUNT] = {0};
    enum jb_code code = groups_to_leaves(booking, input, piece, error);
    for (size_t d = 0; d < input->domain_count; d++) {
        if (input->domains[d].place == JB_COVER_AUTHORITY)
            authority = &input->domains[d];
    }
    for (uint32_t d = 0; !code && d < input->domain_count; d++) {
        const struct jb_domain *domain = &input->domains[d].domain;
        jb_account_id meter;
        uint64_t sum_uj = 0;
        if (input->domains[d].interval_uj == 0)
            continue;
        size_t unused;
        if (!jb_attribution_of(input->attribution, d, &unused))
            continue; /* the authority, and what is shown only */
        code = account(booking, error, &meter, "host/%s/%s", booking->place.host, domain->account);
        if (!code)
            code = domain_to_groups(booking, input, d, piece, meter, error, &sum_uj);
        if (!code)
            code = add_flow(booking, piece, booking->host, meter, sum_uj, domain->method,
                            domain->uncertainty_ppm, error);
        combine(&supplied[domain->method], sum_uj, domain->uncertainty_ppm);
    }
    if (code)
        return code;
    if (authority) {
        uint64_t rest_uj = of_piece(fit->rest_uj, piece), variance_uj = of_piece(fit->variance_uj, piece);
        enum jb_method method = authority->domain.method;
        uint32_t ppm = authority->domain.uncertainty_ppm;
        code = add_flow(booking, piece, booking->host, booking->rest, rest_uj, method, ppm, error);
        if (!code)
            code =
                add_flow(booking, piece, booking->variance, booking->host, variance_uj, method, ppm, error);
        /* The supply is the authority's figure: parts + rest − variance. */
        combine(&supplied[method], rest_uj, ppm);
        for (int m = 0; variance_uj && m < JB_METHOD_COUNT; m++) {
            uint64_t taken = supplied[m].amount < variance_uj ? supplied[m].amount : variance_uj;
            supplied[m].amount -= taken;
            variance_uj -= taken;
        }
    }
    for (int m = 0; !code && m < JB_METHOD_COUNT; m++) {
        uint32_t ppm = combined_ppm(&supplied[m]);
        code = add_flow(booking, piece, booking->grid, booking->site, supplied[m].amount, (enum jb_method)m,
                        ppm, error);
        if (!code)
            code = add_flow(booking, piece, booking->site, booking->host, supplied[m].amount,
                            (enum jb_method)m, ppm, error);
    }
    return code;
}

/* Cuts the interval at full hours, so that roll-ups by hour and day hold whole flows. */
static enum jb_code build_flows(struct jb_booking *booking, const struct jb_booking_input *input,
                                const struct fit *fit, struct jb_error *error) {
    const struct jb_interval *interval = &input->interval;
    uint64_t length = (uint64_t)(interval->end_ns - interval->start_ns);
    bool cut = length / (uint64_t)JB_HOUR_NS < PIECE_CEILING;
    booking->flow_count = 0;
    int64_t start_ns = interval->start_ns;
    while (start_ns < interval->end_ns) {
        int64_t end_ns = cut ? jb_time_floor(start_ns, JB_HOUR_NS) + JB_HOUR_NS : interval->end_ns;
        if (end_ns > interval->end_ns)
            end_ns = interval->end_ns;
        const struct piece piece = {
            .start_ns = start_ns,
            .end_ns = end_ns,
            .begin = (uint64_t)(start_ns - interval->start_ns),
            .finish = (uint64_t)(end_ns - interval->start_ns),
            .length = length,
        };
        enum jb_code code = build_piece(booking, input, fit, &piece, error);
        if (code)
            return code;
        start_ns = end_ns;
    }
    return JB_OK;
}

void jb_booking_energy_counter(const struct jb_domain *domain, const struct jb_reading *reading,
                               char ret[static JB_COUNTER_SIZE]) {
    snprintf(ret, JB_COUNTER_SIZE, "energy:%s#%llx", domain->id, (unsigned long long)reading->epoch);
}

void jb_booking_cpu_counter(const char *cgroup_path, char ret[static JB_COUNTER_SIZE]) {
    char path[JB_ACCOUNT_SIZE];
    jb_account_of_cgroup("-", cgroup_path, path);
    snprintf(ret, JB_COUNTER_SIZE, "cpu:%.760s", path + strlen("host/-/cgroup/"));
}

void jb_booking_idle_counter(const struct jb_domain *domain, unsigned number,
                             char ret[static JB_COUNTER_SIZE]) {
    snprintf(ret, JB_COUNTER_SIZE, "idle:%s:%u", domain->id, number);
}

static enum jb_code add_position(struct jb_booking *booking, const struct jb_interval *interval,
                                 const char *counter, uint64_t value, int64_t boottime_ns,
                                 struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&booking->positions, &booking->position_capacity,
                                         booking->position_count + 1, POSITION_CEILING, "positions", error);
    if (code)
        return code;
    struct jb_position *position = &booking->positions[booking->position_count++];
    snprintf(position->counter, sizeof position->counter, "%s", counter);
    position->value = value;
    position->boottime_ns = boottime_ns;
    position->realtime_ns = interval->end_ns - (interval->end_boottime_ns - boottime_ns);
    return JB_OK;
}

static enum jb_code build_positions(struct jb_booking *booking, const struct jb_booking_input *input,
                                    uint64_t debt_uj, struct jb_error *error) {
    char counter[JB_COUNTER_SIZE];
    const struct jb_interval *interval = &input->interval;
    booking->position_count = 0;
    enum jb_code code =
        add_position(booking, interval, JB_BOOKING_DEBT_COUNTER, debt_uj, interval->end_boottime_ns, error);
    for (size_t d = 0; !code && d < input->domain_count; d++) {
        const struct jb_metered_domain *item = &input->domains[d];
        if (item->place != JB_COVER_PART && item->place != JB_COVER_AUTHORITY)
            continue;
        if (item->reading.state == JB_READING_OK && item->domain.form == JB_COUNTER) {
            jb_booking_energy_counter(&item->domain, &item->reading, counter);
            code = add_position(booking, interval, counter, item->reading.value, item->reading.boottime_ns,
                                error);
        }
        double numbers[JB_IDLE_NUMBERS];
        static_assert(sizeof numbers == sizeof item->idle, "an idle line is its numbers");
        memcpy(numbers, &item->idle, sizeof numbers);
        for (unsigned n = 0; !code && item->idle.weight > 0 && n < JB_IDLE_NUMBERS; n++) {
            uint64_t bits;
            memcpy(&bits, &numbers[n], sizeof bits);
            jb_booking_idle_counter(&item->domain, n, counter);
            code = add_position(booking, interval, counter, bits, interval->end_boottime_ns, error);
        }
    }
    for (size_t i = 0; !code && i < input->sample->cgroup_count; i++) {
        jb_booking_cpu_counter(input->sample->cgroups[i].path, counter);
        code = add_position(booking, interval, counter, input->sample->cgroups[i].cpu_ns,
                            interval->end_boottime_ns, error);
    }
    return code;
}

static enum jb_code add_gap(struct jb_booking *booking, jb_account_id account_id, int64_t start_ns,
                            int64_t end_ns, const char *reason, struct jb_error *error) {
    if (start_ns >= end_ns)
        return JB_OK;
    enum jb_code code = jb_array_reserve(&booking->gaps, &booking->gap_capacity, booking->gap_count + 1,
                                         GAP_CEILING, "gaps in one batch", error);
    if (code)
        return code;
    struct jb_gap *gap = &booking->gaps[booking->gap_count++];
    *gap = (struct jb_gap){.start_ns = start_ns, .end_ns = end_ns, .account = account_id};
    snprintf(gap->reason, sizeof gap->reason, "%s", reason);
    return JB_OK;
}

/* The moment of that boottime on the wall clock, held within the interval. */
static int64_t wall_of(const struct jb_interval *interval, int64_t boottime_ns) {
    if (boottime_ns <= interval->start_boottime_ns)
        return interval->start_ns;
    if (boottime_ns >= interval->end_boottime_ns)
        return interval->end_ns;
    int64_t wall_ns = interval->end_ns - (interval->end_boottime_ns - boottime_ns);
    return wall_ns > interval->start_ns ? wall_ns : interval->start_ns;
}

static enum jb_code build_gaps(struct jb_booking *booking, const struct jb_booking_input *input,
                               struct jb_error *error) {
    booking->gap_count = 0;
    if (input->gap_reason)
        return add_gap(booking, booking->host, input->interval.start_ns, input->interval.end_ns,
                       input->gap_reason, error);
    for (size_t d = 0; d < input->domain_count; d++) {
        const struct jb_metered_domain *item = &input->domains[d];
        if (!item->unknown_from_ns || (item->place != JB_COVER_PART && item->place != JB_COVER_AUTHORITY))
            continue;
        jb_account_id meter;
        enum jb_code code =
            account(booking, error, &meter, "host/%s/%s", booking->place.host, item->domain.account);
        if (!code)
            code = add_gap(booking, meter, wall_of(&input->interval, item->unknown_from_ns),
                           wall_of(&input->interval, item->unknown_until_ns), item->interval_reason, error);
        if (code)
            return code;
    }
    return JB_OK;
}

enum jb_code jb_booking_book(struct jb_booking *booking, const struct jb_booking_input *input,
                             struct jb_error *error, bool *ret_new) {
    assert(input->interval.start_ns < input->interval.end_ns);
    char identity[256];
    snprintf(identity, sizeof identity, "meter %s %s %lld-%lld", booking->place.host, booking->place.boot_id,
             (long long)input->interval.start_boottime_ns, (long long)input->interval.end_boottime_ns);
    struct fit fit = fit_meters(booking, input);
    enum jb_code code = touch_slots(booking, input, error);
    if (!code)
        code = build_flows(booking, input, &fit, error);
    if (!code)
        code = build_positions(booking, input, fit.debt_uj, error);
    if (!code)
        code = build_gaps(booking, input, error);
    if (code)
        return code;
    const struct jb_batch batch = {
        .identity = identity,
        .host = booking->place.host,
        .boot_id = booking->place.boot_id,
        .flows = booking->flows,
        .flow_count = booking->flow_count,
        .positions = booking->positions,
        .position_count = booking->position_count,
        .gaps = booking->gaps,
        .gap_count = booking->gap_count,
        .replace_positions = true,
    };
    code = jb_ledger_append(booking->ledger, &batch, error, ret_new);
    if (!code)
        booking->debt_uj = fit.debt_uj;
    return code;
}
