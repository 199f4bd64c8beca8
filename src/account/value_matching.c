/* How the load of a site was covered: by contracts in their hours and by volume, and by the grid's clean
 * part. */
#include "account/value_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jb_matching_free(struct jb_matching *matching) {
    if (!matching)
        return;
    free(matching->uses);
    *matching = (struct jb_matching){0};
}

/* A figure that rests on several inputs over time: errors of one add up, those of different ones do not. */
struct spread {
    struct {
        uint64_t key;
        double sigma;
    } parts[64];
    size_t count;
};

static void spread_add(struct spread *spread, uint64_t key, double sigma) {
    size_t i = 0;
    while (i < spread->count && spread->parts[i].key != key)
        i++;
    if (i == JB_COUNT(spread->parts))
        i = 0; /* more tables than anybody has: as if they erred together, which is the wider */
    else if (i == spread->count)
        spread->parts[spread->count++].key = key;
    spread->parts[i].sigma += sigma;
}

static double spread_sigma(const struct spread *spread) {
    double square = 0;
    for (size_t i = 0; i < spread->count; i++)
        square += spread->parts[i].sigma * spread->parts[i].sigma;
    return sqrt(square);
}

/* The clean part of a grid, by series or factor. */
struct share {
    enum jb_quantity quantity;
    struct jb_step *steps; /* NULL: by factor */
    size_t count;
    double uncertainty; /* of the series */
    struct spread spread;
};

static enum jb_code share_open(const struct jb_valuation *valuation, const char *grid, int64_t from_ns,
                               int64_t to_ns, struct jb_error *error, struct share *share) {
    struct jb_store *store = jb_ledger_store(valuation->ledger);
    char name[JB_SERIES_NAME_SIZE];
    struct jb_series series;
    if (snprintf(name, sizeof name, "%s/%s", jb_quantity_info(share->quantity)->name, grid) >=
        (int)sizeof name)
        return JB_OK;
    enum jb_code code = store->ops->series_find(store, name, error, &series);
    if (code)
        return code == JB_NO_DATA ? JB_OK : code;
    share->uncertainty = series.uncertainty;
    return store->ops->series_read(store, name, from_ns, to_ns, error, &share->steps, &share->count);
}

/* NaN: not known. key: what errs together. */
static double share_at(const struct jb_valuation *valuation, const char *grid, const struct share *share,
                       int64_t hour_ns, uint64_t *ret_key, double *ret_uncertainty) {
    int64_t covered_ns;
    if (share->steps) {
        size_t step = jb_steps_find(share->steps, share->count, hour_ns), end = step;
        while (end < share->count && share->steps[end].start_ns < hour_ns + JB_HOUR_NS)
            end++;
        double mean = step < share->count ? jb_steps_mean(share->steps + step, end - step, hour_ns,
                                                          hour_ns + JB_HOUR_NS, &covered_ns)
                                          : NAN;
        *ret_key = UINT64_MAX;
        *ret_uncertainty = share->uncertainty;
        return mean / 100;
    }
    struct jb_factor_query query = {
        .quantity = share->quantity, .region = grid, .at_ns = hour_ns, .allows_earlier = true};
    struct jb_factor_answer answer;
    if (jb_factors_find(valuation->request.factors, &query, &answer))
        return NAN;
    *ret_key = (uint64_t)answer.factor->set << 32 | answer.factor->line;
    *ret_uncertainty = answer.factor->uncertainty;
    return answer.factor->value / 100;
}

static void add_share(const struct jb_valuation *valuation, const char *grid, struct share *share,
                      int64_t hour_ns, double rest_kwh, double *clean_kwh, double *known_kwh) {
    uint64_t key;
    double uncertainty, part = share_at(valuation, grid, share, hour_ns, &key, &uncertainty);
    if (isnan(part))
        return;
    *clean_kwh += rest_kwh * part;
    *known_kwh += rest_kwh;
    spread_add(&share->spread, key, rest_kwh * part * uncertainty);
}

static enum jb_code add_carbon(struct jb_valuation *valuation, struct jb_place *place, int64_t hour_ns,
                               double load_kwh, struct spread *spread, struct jb_error *error,
                               struct jb_matching *matching) {
    struct jb_value_quantity intensity = {0};
    enum jb_code code = jb_value_quantity_at(valuation, place, JB_OF_INTENSITY, hour_ns, hour_ns + JB_HOUR_NS,
                                             error, &intensity);
    if (code || !intensity.is_known)
        return code;
    matching->carbon_g += load_kwh * intensity.value;
    matching->intensity_known_kwh += load_kwh;
    spread_add(spread, intensity.input,
               load_kwh * intensity.value * valuation->inputs[intensity.input].uncertainty);
    return JB_OK;
}

static void add_contracts(const struct jb_valuation *valuation, size_t place, size_t hour, double load_kwh,
                          struct jb_matching *matching) {
    const struct jb_match *match = &valuation->match;
    for (size_t s = 0; s < match->supply_count; s++) {
        struct jb_contract_use *use = &matching->uses[valuation->supply_contracts[s]];
        size_t at = jb_match_at(match, s, place, hour);
        use->by_hour_kwh += load_kwh * match->by_hour[at];
        use->by_volume_kwh += load_kwh * match->by_volume[at];
    }
}

static enum jb_code add_place(struct jb_valuation *valuation, size_t index, size_t first, size_t end,
                              struct jb_error *error, struct jb_matching *matching) {
    struct jb_place *place = &valuation->places[index];
    struct share free_share = {.quantity = JB_CARBON_FREE_SHARE},
                 renewable = {.quantity = JB_RENEWABLE_SHARE};
    struct spread carbon = {0};
    int64_t load_ns = 0;
    int64_t from_ns = valuation->context_ns + (int64_t)first * JB_HOUR_NS,
            to_ns = valuation->context_ns + (int64_t)end * JB_HOUR_NS;
    enum jb_code code = share_open(valuation, place->grid, from_ns, to_ns, error, &free_share);
    if (!code)
        code = share_open(valuation, place->grid, from_ns, to_ns, error, &renewable);
    for (size_t h = first; h < end && !code; h++) {
        int64_t hour_ns = valuation->context_ns + (int64_t)h * JB_HOUR_NS;
        double load_kwh = fmax(0, place->load_kwh[h]);
        if (load_kwh <= 0)
            continue;
        double rest_kwh = load_kwh * valuation->match.rest_by_hour[index * valuation->match.hour_count + h];
        load_ns += JB_HOUR_NS;
        matching->consumed_kwh += load_kwh;
        matching->rest_kwh += rest_kwh;
        add_contracts(valuation, index, h, load_kwh, matching);
        code = add_carbon(valuation, place, hour_ns, load_kwh, &carbon, error, matching);
        add_share(valuation, place->grid, &free_share, hour_ns, rest_kwh, &matching->rest_free_kwh,
                  &matching->rest_free_known_kwh);
        add_share(valuation, place->grid, &renewable, hour_ns, rest_kwh, &matching->rest_renewable_kwh,
                  &matching->rest_renewable_known_kwh);
    }
    matching->load_ns = load_ns > matching->load_ns ? load_ns : matching->load_ns;
    /* Sites on one grid share its errors; adding sigmas of sites is the wider. */
    matching->carbon_sigma_g += spread_sigma(&carbon);
    matching->rest_free_sigma_kwh += spread_sigma(&free_share.spread);
    matching->rest_renewable_sigma_kwh += spread_sigma(&renewable.spread);
    free(free_share.steps);
    free(renewable.steps);
    return code;
}

/* What a contract brought in the hours, whoever used it. */
static void add_available(const struct jb_valuation *valuation, size_t first, size_t end, const char *site,
                          struct jb_matching *matching) {
    for (size_t s = 0; s < valuation->supply_count; s++) {
        const struct jb_supply *supply = &valuation->supplies[s];
        struct jb_contract_use *use = &matching->uses[valuation->supply_contracts[s]];
        size_t from = supply->first_hour > first ? supply->first_hour : first;
        size_t to = supply->hour_end < end ? supply->hour_end : end;
        for (size_t h = from; supply->energy_kwh && h < to; h++)
            use->available_kwh += supply->energy_kwh[h];
        if (!supply->energy_kwh && from < to)
            use->available_kwh +=
                supply->volume_kwh * (double)(to - from) / (double)(supply->hour_end - supply->first_hour);
        for (size_t p = 0; p < valuation->place_count; p++)
            use->is_deliverable =
                use->is_deliverable ||
                (supply->serves_by_hour[p] && (!site || strcmp(valuation->places[p].site->name, site) == 0));
    }
}

static size_t hour_of(const struct jb_valuation *valuation, int64_t ns) {
    int64_t hour = (jb_time_floor(ns, JB_HOUR_NS) - valuation->context_ns) / JB_HOUR_NS;
    return hour < 0 ? 0 : (size_t)hour < valuation->context_hours ? (size_t)hour : valuation->context_hours;
}

enum jb_code jb_valuation_matching(struct jb_valuation *valuation, const char *site, int64_t from_ns,
                                   int64_t to_ns, struct jb_error *error, struct jb_matching *ret_matching) {
    size_t contracts = valuation->request.setting->contract_count;
    struct jb_matching matching = {.use_count = contracts, .longest_ns = valuation->longest_ns};
    assert(valuation->request.wants_hours && from_ns < to_ns);
    if (!valuation->has_match)
        return jb_error_set(error, JB_NO_DATA, "the book has no energy of a site in the period");
    matching.uses = calloc(contracts + 1, sizeof *matching.uses);
    if (!matching.uses)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu contracts", contracts);
    for (size_t c = 0; c < contracts; c++)
        matching.uses[c].contract = &valuation->request.setting->contracts[c];
    size_t first = hour_of(valuation, from_ns), end = hour_of(valuation, to_ns);
    enum jb_code code = JB_OK;
    for (size_t p = 0; p < valuation->place_count && !code; p++)
        if (!site || strcmp(valuation->places[p].site->name, site) == 0)
            code = add_place(valuation, p, first, end, error, &matching);
    add_available(valuation, first, end, site, &matching);
    if (!code && !(matching.consumed_kwh > 0))
        code = jb_error_set(error, JB_NO_DATA, "nothing of %s%s is booked in the period",
                            site ? "site " : "the sites", site ? site : "");
    if (code)
        jb_matching_free(&matching);
    else
        *ret_matching = matching;
    return code;
}
