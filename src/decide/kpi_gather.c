/* What the book's flows say of a site, hour by hour. */
#include "decide/kpi.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KWH_UJ      3.6e12
#define LITRE_UL    1e6
#define PIECE_HOURS ((size_t)2208) /* a quarter: bounds the memory of a look at many routes */

/* IT_OF_WATER: IT in the hours whose water is known. */
enum part { FACILITY, IT, OVERHEAD, UNKNOWN, WATER, IT_OF_WATER, NONE };

/* What a route is to the site. */
static enum part part_of(const char *site, const char *from, const char *to, jb_commodity commodity) {
    char below[JB_ACCOUNT_SIZE];
    snprintf(below, sizeof below, "%s/water", site);
    if (commodity == JB_WATER)
        return jb_account_is_within(to, below) && !jb_account_is_within(from, site) ? WATER : NONE;
    if (commodity != JB_ENERGY)
        return NONE;
    snprintf(below, sizeof below, "%s/unattributed", site);
    if (jb_account_is_within(to, below))
        return UNKNOWN;
    snprintf(below, sizeof below, "%s/meter-variance", site);
    if (jb_account_is_within(from, below))
        return NONE;
    if (strcmp(to, site) == 0)
        return FACILITY;
    if (strcmp(from, site) != 0)
        return NONE;
    snprintf(below, sizeof below, "%s/overhead", site);
    return jb_account_is_within(to, below) ? OVERHEAD : IT;
}

/* What came by one route in the hours of a period that count: its error is the same in all of them. */
struct route {
    jb_account_id from, to;
    uint32_t uncertainty_ppm;
    enum part part;
    double amount;
};
#define ROUTE_CEILING 1000000
#define SPAN_CEILING  ((size_t)1 << 26)

struct gather {
    struct jb_ledger *ledger;
    const char *site; /* account */
    const int64_t *cuts;
    size_t period_count;
    struct jb_kpi_facts *facts;
    struct route *routes; /* of the period under way */
    size_t route_count, route_capacity;
    struct jb_gap *gaps;
    size_t gap_count;
    struct jb_step *water; /* when water meters were read, in order, apart from each other */
    size_t water_count, water_capacity;
};

static bool has_gap(const struct gather *gather, int64_t from_ns, int64_t to_ns) {
    for (size_t i = 0; i < gather->gap_count; i++)
        if (gather->gaps[i].start_ns < to_ns && gather->gaps[i].end_ns > from_ns)
            return true;
    return false;
}

/* An hour without water may be one in which a meter read 0, or none was read. */
static bool has_water(const struct gather *gather, int64_t from_ns, int64_t to_ns) {
    size_t index = jb_steps_find(gather->water, gather->water_count, from_ns);
    return index < gather->water_count && gather->water[index].end_ns >= to_ns;
}

static enum jb_code add_water_span(struct gather *gather, const struct jb_flow *flow,
                                   struct jb_error *error) {
    struct jb_step *last = gather->water_count ? &gather->water[gather->water_count - 1] : NULL;
    if (last && flow->start_ns <= last->end_ns) {
        last->end_ns = flow->end_ns > last->end_ns ? flow->end_ns : last->end_ns;
        return JB_OK;
    }
    enum jb_code code = jb_array_reserve(&gather->water, &gather->water_capacity, gather->water_count + 1,
                                         SPAN_CEILING, "spans of water", error);
    if (!code)
        gather->water[gather->water_count++] =
            (struct jb_step){.start_ns = flow->start_ns, .end_ns = flow->end_ns};
    return code;
}

static enum jb_code find_water(struct gather *gather, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(gather->ledger);
    char account[JB_ACCOUNT_SIZE];
    struct jb_query query = {.from_ns = gather->cuts[0],
                             .to_ns = gather->cuts[gather->period_count],
                             .commodity = JB_WATER,
                             .account = account};
    struct jb_flow_cursor *cursor = NULL;
    struct jb_flow flow;
    const char *identity;
    snprintf(account, sizeof account, "%.200s/water", gather->site);
    enum jb_code code = store->ops->flows_open(store, &query, error, &cursor);
    while (!code && (code = store->ops->flows_next(cursor, error, &flow, &identity)) == JB_OK)
        code = add_water_span(gather, &flow, error);
    store->ops->flows_close(cursor);
    return code == JB_NO_DATA ? JB_OK : code;
}

static struct jb_kpi_amount *amount_of(struct jb_kpi_facts *facts, enum part part) {
    return part == FACILITY ? &facts->facility_kwh
           : part == IT     ? &facts->it_kwh
           : part == WATER  ? &facts->water_l
                            : &facts->water_it_kwh;
}

static enum jb_code add_route(struct gather *gather, const struct jb_sum *sum, enum part part, double amount,
                              struct jb_error *error) {
    size_t r = 0;
    while (r < gather->route_count &&
           (gather->routes[r].from != sum->from || gather->routes[r].to != sum->to ||
            gather->routes[r].uncertainty_ppm != sum->uncertainty_ppm || gather->routes[r].part != part))
        r++;
    if (r == gather->route_count) {
        enum jb_code code = jb_array_reserve(&gather->routes, &gather->route_capacity, r + 1, ROUTE_CEILING,
                                             "routes of a site", error);
        if (code)
            return code;
        gather->routes[gather->route_count++] =
            (struct route){sum->from, sum->to, sum->uncertainty_ppm, part, 0};
    }
    gather->routes[r].amount += amount;
    return JB_OK;
}

/* Of a route in the hours that count for a part. */
static enum jb_code add_part(struct gather *gather, const struct jb_slices *slices, size_t r, enum part part,
                             const bool *counts, struct jb_error *error) {
    double amount = 0, unit = part == WATER ? LITRE_UL : KWH_UJ;
    for (size_t t = 0; t < slices->slice_count; t++)
        if (counts[t])
            amount += (double)slices->amounts[r][t] / unit;
    return add_route(gather, &slices->sums[r], part, amount, error);
}

/* Adds a piece of one period to it. */
static enum jb_code add_slices(struct gather *gather, const struct jb_slices *slices, const int64_t *cuts,
                               size_t period, struct jb_error *error) {
    struct jb_kpi_facts *facts = &gather->facts[period];
    _cleanup_free_ double *totals = calloc(slices->slice_count * NONE + 1, sizeof *totals);
    _cleanup_free_ bool *counts = calloc(2 * slices->slice_count + 1, sizeof *counts);
    bool *counts_water = counts + slices->slice_count;
    _cleanup_free_ enum part *parts = calloc(slices->count + 1, sizeof *parts);
    if (!totals || !counts || !parts)
        return jb_error_set(error, JB_MEMORY, "no memory for the hours of %s", gather->site);
    for (size_t r = 0; r < slices->count; r++) {
        const struct jb_sum *sum = &slices->sums[r];
        parts[r] = part_of(gather->site, jb_ledger_path(gather->ledger, sum->from),
                           jb_ledger_path(gather->ledger, sum->to), sum->commodity);
        if (parts[r] == NONE)
            continue;
        for (size_t t = 0; t < slices->slice_count; t++)
            totals[t * NONE + parts[r]] += (double)slices->amounts[r][t];
    }
    for (size_t t = 0; t < slices->slice_count; t++) {
        const double *total = &totals[t * NONE];
        counts[t] = total[FACILITY] > 0 && total[OVERHEAD] > 0 && total[UNKNOWN] == 0 && total[IT] > 0 &&
                    !has_gap(gather, cuts[t], cuts[t + 1]);
        if (counts[t])
            facts->known_ns += cuts[t + 1] - cuts[t];
        counts_water[t] = counts[t] && has_water(gather, cuts[t], cuts[t + 1]);
        if (counts_water[t])
            facts->water_known += (double)(cuts[t + 1] - cuts[t]);
    }
    enum jb_code code = JB_OK;
    for (size_t r = 0; !code && r < slices->count; r++) {
        enum part part = parts[r];
        if (part == FACILITY || part == IT || part == WATER)
            code = add_part(gather, slices, r, part, part == WATER ? counts_water : counts, error);
        if (!code && part == IT)
            code = add_part(gather, slices, r, IT_OF_WATER, counts_water, error);
    }
    return code;
}

static enum jb_code gather_period(struct gather *gather, size_t period, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(gather->ledger);
    struct jb_query query = JB_QUERY_ALL;
    query.account = gather->site;
    int64_t end_ns = gather->cuts[period + 1];
    enum jb_code code = JB_OK;
    for (int64_t at_ns = gather->cuts[period]; at_ns < end_ns && !code;) {
        int64_t cuts[PIECE_HOURS + 1];
        size_t count = 0;
        cuts[0] = at_ns;
        while (count < PIECE_HOURS && cuts[count] < end_ns) {
            int64_t next_ns = jb_time_floor(cuts[count], JB_HOUR_NS) + JB_HOUR_NS;
            cuts[++count] = next_ns < end_ns ? next_ns : end_ns;
        }
        struct jb_slices slices = {0};
        code = store->ops->slices(store, &query, cuts, count, error, &slices);
        if (!code)
            code = add_slices(gather, &slices, cuts, period, error);
        jb_slices_free(&slices);
        at_ns = cuts[count];
    }
    return code;
}

/* Meters err on their own: their sigmas combine in quadrature. */
static void finish(struct gather *gather, size_t period) {
    struct jb_kpi_facts *facts = &gather->facts[period];
    double variances[NONE] = {0};
    for (size_t r = 0; r < gather->route_count; r++) {
        const struct route *route = &gather->routes[r];
        double relative =
            route->uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN ? NAN : route->uncertainty_ppm / 1e6;
        double sigma = route->amount == 0 ? 0 : route->amount * relative;
        variances[route->part] += sigma * sigma;
        amount_of(facts, route->part)->value += route->amount;
    }
    gather->route_count = 0;
    facts->water_known /= (double)(facts->until_ns - facts->from_ns);
    facts->facility_kwh.sigma = sqrt(variances[FACILITY]);
    facts->it_kwh.sigma = sqrt(variances[IT]);
    facts->water_l.sigma = sqrt(variances[WATER]);
    facts->facility_kwh.is_known = facts->it_kwh.is_known = facts->known_ns > 0;
    facts->water_it_kwh.sigma = sqrt(variances[IT_OF_WATER]);
    facts->water_l.is_known = facts->water_it_kwh.is_known = facts->water_known > 0;
}

/* "1", "2" or "3" of the label pue-category that holds for the site last. */
static enum jb_code find_category(struct jb_ledger *ledger, const char *site, struct jb_error *error,
                                  enum jb_pue_category *ret_category) {
    struct jb_store *store = jb_ledger_store(ledger);
    _cleanup_free_ struct jb_label *labels = NULL;
    size_t count;
    enum jb_code code = store->ops->labels(store, error, &labels, &count);
    for (size_t i = 0; !code && i < count; i++)
        if (strcmp(labels[i].key, "pue-category") == 0 && strcmp(labels[i].pattern, site) == 0 &&
            labels[i].value[0] >= '1' && labels[i].value[0] <= '3' && !labels[i].value[1])
            *ret_category = (enum jb_pue_category)(labels[i].value[0] - '0');
    return code;
}

enum jb_code jb_kpi_gather(struct jb_ledger *ledger, const char *site, const int64_t *cuts,
                           size_t period_count, struct jb_error *error, struct jb_kpi_facts *ret_facts) {
    char account[JB_ACCOUNT_SIZE], component[JB_COMPONENT_SIZE];
    struct jb_store *store = jb_ledger_store(ledger);
    enum jb_pue_category category = JB_PUE_CATEGORY_NONE;
    jb_account_id id;
    jb_account_encode(site, strlen(site), component);
    snprintf(account, sizeof account, "site/%s", component);
    enum jb_code code = store->ops->account_id(store, account, false, error, &id);
    if (code == JB_NO_DATA)
        return jb_error_set(error, JB_NO_DATA, "nothing of %s is booked", account);
    if (!code)
        code = find_category(ledger, account, error, &category);
    if (code)
        return code;
    struct gather gather = {
        .ledger = ledger, .site = account, .cuts = cuts, .period_count = period_count, .facts = ret_facts};
    struct jb_query query = {.from_ns = cuts[0], .to_ns = cuts[period_count], .account = account};
    code = store->ops->gaps(store, &query, error, &gather.gaps, &gather.gap_count);
    if (!code)
        code = find_water(&gather, error);
    for (size_t i = 0; !code && i < period_count; i++) {
        assert(cuts[i] < cuts[i + 1]);
        ret_facts[i] =
            (struct jb_kpi_facts){.from_ns = cuts[i], .until_ns = cuts[i + 1], .category = category};
        code = gather_period(&gather, i, error);
        if (!code)
            finish(&gather, i);
    }
    free(gather.water);
    free(gather.gaps);
    free(gather.routes);
    return code;
}
