/* From sums by route to figures: amounts by group, their budgets of uncertainty, coverage. */
#include "account/value_internal.h"

#include "base/array.h"
#include "ledger/origin.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define GROUP_CEILING ((size_t)1 << 24)

static struct jb_value_total *total_of(struct jb_valuation *valuation, uint32_t group) {
    return &valuation->totals[group == JB_FIGURE_TOTAL ? 0 : group + 1];
}

/* Notes that a figure moves by `moves` with the relative error of an input. */
static enum jb_code add_part(struct jb_valuation *valuation, uint32_t group, uint32_t slot, uint32_t input,
                             double moves, double uncertainty, struct jb_error *error) {
    const uint32_t figures[] = {jb_figure_id(group, slot), jb_figure_id(JB_FIGURE_TOTAL, slot)};
    enum jb_code code = JB_OK;
    for (size_t f = 0; f < JB_COUNT(figures) && !code && moves != 0; f++) {
        code = jb_budget_add(valuation->budget, figures[f], input, moves * uncertainty, error);
        if (!code && valuation->touch)
            code = jb_budget_add(valuation->touch, figures[f], input, moves, error);
    }
    return code;
}

/* Spreads the error of `amount` that flows out of `from` over the meters behind it, as jb_spread does. */
static enum jb_code add_meters(struct jb_valuation *valuation, struct jb_origins *origins, uint32_t group,
                               uint32_t slot, jb_account_id from, double amount, uint32_t uncertainty_ppm,
                               struct jb_error *error) {
    const struct jb_share *shares;
    size_t count;
    double norm = 0;
    if (amount == 0)
        return JB_OK;
    enum jb_code code = jb_origins_of(origins, from, error, &shares, &count);
    for (size_t i = 0; i < count && !code; i++)
        norm += shares[i].share * shares[i].share;
    double uncertainty = uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN ? NAN : uncertainty_ppm / 1e6 / sqrt(norm);
    for (size_t i = 0; i < count && !code; i++) {
        uint32_t input = 0;
        code = jb_value_meter(valuation, shares[i].origin, error, &input);
        if (!code)
            code = add_part(valuation, group, slot, input, amount * shares[i].share, uncertainty, error);
    }
    return code;
}

/* ---- the error of a site's whole load, by meter ---- */

struct load_part {
    uint32_t input;
    double relative; /* standard uncertainty of the load that this meter brings, part of 1 */
};
struct load {
    struct load_part *parts; /* by meter */
    size_t count, capacity;
    double energy;
};

static enum jb_code add_load(struct jb_valuation *valuation, struct jb_origins *origins,
                             const struct jb_value_route *route, struct jb_error *error, struct load *load) {
    const struct jb_share *shares;
    size_t count;
    double norm = 0, energy = route->energy.drawn_uj;
    enum jb_code code = jb_origins_of(origins, route->sum.from, error, &shares, &count);
    for (size_t i = 0; i < count && !code; i++)
        norm += shares[i].share * shares[i].share;
    double standard = route->sum.uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN
                          ? NAN
                          : energy * route->sum.uncertainty_ppm / 1e6 / sqrt(norm);
    for (size_t i = 0; i < count && !code; i++) {
        uint32_t input = 0;
        size_t at = 0;
        code = jb_value_meter(valuation, shares[i].origin, error, &input);
        while (at < load->count && load->parts[at].input != input)
            at++;
        if (!code && at == load->count) {
            code = jb_array_reserve(&load->parts, &load->capacity, load->count + 1, 1000000, "meters", error);
            if (!code)
                load->parts[load->count++] = (struct load_part){.input = input};
        }
        if (!code)
            load->parts[at].relative += standard * shares[i].share;
    }
    load->energy += energy;
    return code;
}

static enum jb_code make_loads(struct jb_valuation *valuation, struct jb_origins *origins,
                               struct jb_error *error, struct load *loads) {
    enum jb_code code = JB_OK;
    for (size_t r = 0; r < valuation->route_count && !code; r++) {
        const struct jb_value_route *route = &valuation->routes[r];
        if (route->place.place != JB_PLACE_NONE)
            code = add_load(valuation, origins, route, error, &loads[route->place.place]);
    }
    for (size_t p = 0; p < valuation->place_count; p++) {
        for (size_t i = 0; i < loads[p].count; i++)
            loads[p].parts[i].relative =
                loads[p].energy > 0 ? loads[p].parts[i].relative / loads[p].energy : 0;
    }
    return code;
}

/* ---- routes into groups ---- */

static bool has_embodied(uint32_t slot) {
    return slot == JB_COLUMN_EMBODIED || slot == JB_COLUMN_SCI || slot == JB_COLUMN_SCOPE3_LOCATION ||
           slot == JB_COLUMN_SCOPE3_MARKET;
}

static double value_of(const struct jb_valuation *valuation, const struct jb_value_route *route,
                       uint32_t slot) {
    if (slot == JB_COLUMN_SCI && !jb_value_in_unit(valuation, route->account))
        return 0;
    return (slot < route->sum_capacity ? route->sums[slot] : 0) +
           (has_embodied(slot) ? route->embodied_ug : 0);
}

/* Whole micrograms by route: rows then sum to the total exactly, whatever they are grouped by. */
jb_int128 jb_value_route_amount(const struct jb_valuation *valuation, const struct jb_value_route *route,
                                uint32_t slot) {
    return (jb_int128)nearbyint(value_of(valuation, route, slot));
}

static enum jb_code add_slot(struct jb_valuation *valuation, struct jb_origins *origins,
                             const struct jb_value_route *route, uint32_t group, uint32_t slot,
                             struct jb_error *error) {
    double value = value_of(valuation, route, slot);
    jb_int128 amount = jb_value_route_amount(valuation, route, slot);
    total_of(valuation, group)->by_method[slot][route->sum.method] += amount;
    total_of(valuation, JB_FIGURE_TOTAL)->by_method[slot][route->sum.method] += amount;
    /* Embodied carbon is shared by energy; the errors of shares of one meter cancel. */
    if (slot == JB_COLUMN_EMBODIED)
        return JB_OK;
    if (slot == JB_COLUMN_SCI || slot == JB_COLUMN_SCOPE3_LOCATION || slot == JB_COLUMN_SCOPE3_MARKET)
        value -= route->embodied_ug;
    return add_meters(valuation, origins, group, slot, route->sum.from, value, route->sum.uncertainty_ppm,
                      error);
}

static enum jb_code add_embodied(struct jb_valuation *valuation, const struct jb_value_route *route,
                                 uint32_t group, bool is_in_unit, struct jb_error *error) {
    const struct jb_value_host *host = &valuation->hosts[route->place.host];
    enum jb_code code = JB_OK;
    for (uint32_t slot = 0; slot < JB_SLOT_COUNT && !code; slot++) {
        if (!has_embodied(slot) || (slot == JB_COLUMN_SCI && !is_in_unit))
            continue;
        code = add_part(valuation, group, slot, host->embodied_input, route->embodied_ug,
                        valuation->inputs[host->embodied_input].uncertainty, error);
        if (!code)
            code = add_part(valuation, group, slot, host->lifetime_input, -route->embodied_ug,
                            valuation->inputs[host->lifetime_input].uncertainty, error);
    }
    return code;
}

static enum jb_code add_route(struct jb_valuation *valuation, struct jb_origins *origins,
                              const struct load *loads, const struct jb_value_route *route, uint32_t group,
                              struct jb_error *error) {
    struct jb_value_total *totals[] = {total_of(valuation, group), total_of(valuation, JB_FIGURE_TOTAL)};
    const struct jb_place *place =
        route->place.place == JB_PLACE_NONE ? NULL : &valuation->places[route->place.place];
    enum jb_code code = JB_OK;
    bool is_in_unit = jb_value_in_unit(valuation, route->account);
    for (size_t t = 0; t < JB_COUNT(totals); t++) {
        totals[t]->energy.metered_uj += route->energy.metered_uj;
        totals[t]->energy.drawn_uj += route->energy.drawn_uj;
        totals[t]->energy.matched_volume_uj += route->energy.matched_volume_uj;
        totals[t]->energy.matched_hourly_uj += route->energy.matched_hourly_uj;
        totals[t]->kwh += route->kwh;
        totals[t]->host_kwh += route->place.host == JB_VALUE_NONE ? 0 : route->kwh;
        for (size_t s = 0; s < JB_SLOT_COUNT; s++)
            totals[t]->known_kwh[s] += route->known_kwh[s];
    }
    for (uint32_t slot = 0; slot < JB_SLOT_COUNT && !code; slot++) {
        if (slot == JB_COLUMN_SCI && !is_in_unit)
            continue;
        code = add_slot(valuation, origins, route, group, slot, error);
    }
    if (!code && route->embodied_ug != 0)
        code = add_embodied(valuation, route, group, is_in_unit, error);
    for (size_t i = JB_SLOT_COUNT; place && i < place->term_count && i < route->sum_capacity && !code; i++) {
        const struct jb_value_term *term = &place->terms[i];
        if (term->slot == JB_COLUMN_SCI && !is_in_unit)
            continue;
        if (term->input != place->load_input) {
            if (route->sums[i] != 0)
                code = add_part(valuation, group, term->slot, term->input, route->sums[i],
                                valuation->inputs[term->input].uncertainty, error);
            continue;
        }
        const struct load *load = &loads[route->place.place];
        for (size_t l = 0; l < load->count && route->sums[i] != 0 && !code; l++)
            code = add_part(valuation, group, term->slot, load->parts[l].input, route->sums[i],
                            load->parts[l].relative, error);
    }
    return code;
}

static enum jb_code need_group(struct jb_valuation *valuation, jb_account_id account, struct jb_error *error,
                               uint32_t *ret_group) {
    enum jb_code code = jb_grouping_of(valuation->grouping, account, error, ret_group);
    return code ? code
                : jb_array_reserve(&valuation->totals, &valuation->total_capacity, (size_t)*ret_group + 2,
                                   GROUP_CEILING, "groups of a valuation", error);
}

/* ---- what is booked in other commodities ---- */

static uint32_t slot_of_commodity(struct jb_valuation *valuation, jb_commodity commodity) {
    if (commodity == JB_WATER)
        return JB_COLUMN_WATER;
    if (commodity == JB_EMBODIED)
        return JB_COLUMN_EMBODIED;
    for (uint32_t c = 0; c < valuation->currency_count; c++) {
        if (valuation->currencies[c] == commodity)
            return jb_slot_of_currency(c);
    }
    if (valuation->currency_count == JB_CURRENCY_COUNT) {
        jb_value_note(valuation, "over %d currencies are booked; the statement has the others by themselves",
                      JB_CURRENCY_COUNT);
        return JB_VALUE_NONE;
    }
    valuation->currencies[valuation->currency_count] = commodity;
    return jb_slot_of_currency(valuation->currency_count++);
}

static enum jb_code add_booked(struct jb_valuation *valuation, jb_commodity commodity,
                               const struct jb_sum *sums, size_t count, struct jb_error *error) {
    _cleanup_(jb_origins_free_cleanup) struct jb_origins *origins = NULL;
    uint32_t own = slot_of_commodity(valuation, commodity);
    enum jb_code code = jb_origins_make(valuation->ledger, sums, count, error, &origins);
    for (size_t i = 0; i < 2 * count && !code && own != JB_VALUE_NONE; i++) {
        const struct jb_sum *sum = &sums[i / 2];
        jb_account_id id = i % 2 ? sum->from : sum->to;
        jb_int128 amount = i % 2 ? -sum->amount : sum->amount;
        uint32_t group = 0;
        if (!jb_consumers_have(valuation->asked, id, commodity))
            continue;
        code = need_group(valuation, id, error, &group);
        for (uint32_t slot = 0; slot < JB_SLOT_COUNT && !code; slot++) {
            if (slot != own && !(commodity == JB_EMBODIED && has_embodied(slot)))
                continue;
            total_of(valuation, group)->by_method[slot][sum->method] += amount;
            total_of(valuation, JB_FIGURE_TOTAL)->by_method[slot][sum->method] += amount;
            total_of(valuation, group)->has_booked[slot] = true;
            total_of(valuation, JB_FIGURE_TOTAL)->has_booked[slot] = true;
            code = add_meters(valuation, origins, group, slot, sum->from, (double)amount,
                              sum->uncertainty_ppm, error);
        }
    }
    return code;
}

static int compare_commodities(const void *left, const void *right) {
    const struct jb_sum *a = left, *b = right;
    if (a->commodity != b->commodity)
        return a->commodity < b->commodity ? -1 : 1;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    if (a->to != b->to)
        return a->to < b->to ? -1 : 1;
    if (a->method != b->method)
        return a->method < b->method ? -1 : 1;
    return (a->uncertainty_ppm > b->uncertainty_ppm) - (a->uncertainty_ppm < b->uncertainty_ppm);
}

/* ---- figures ---- */

static struct jb_figure make_figure(const struct jb_valuation *valuation, uint32_t group, uint32_t slot) {
    const struct jb_value_total *total = &valuation->totals[group == JB_FIGURE_TOTAL ? 0 : group + 1];
    struct jb_figure figure = {
        .group = group,
        .column = slot < JB_COLUMN_MONEY ? (enum jb_value_column)slot : JB_COLUMN_MONEY,
        .commodity = slot >= JB_COLUMN_MONEY   ? valuation->currencies[slot - JB_COLUMN_MONEY]
                     : slot == JB_COLUMN_WATER ? JB_WATER
                                               : JB_EMBODIED};
    double whole = slot == JB_COLUMN_EMBODIED ? total->host_kwh : total->kwh;
    for (int m = 0; m < JB_METHOD_COUNT; m++) {
        figure.by_method[m] = total->by_method[slot][m];
        figure.amount += figure.by_method[m];
    }
    figure.standard = jb_budget_standard(valuation->budget, jb_figure_id(group, slot));
    jb_interval(figure.amount, figure.standard, &figure.low, &figure.high);
    figure.coverage = total->has_booked[slot] || whole == 0 ? NAN : total->known_kwh[slot] / whole;
    /* What cancels leaves rounding behind. */
    if (figure.coverage > 1)
        figure.coverage = 1;
    return figure;
}

/* Whether a column has anything to say at all. */
static bool slot_is_used(const struct jb_valuation *valuation, uint32_t slot) {
    const struct jb_value_total *total = &valuation->totals[0];
    return total->known_kwh[slot] != 0 || total->has_booked[slot];
}

static enum jb_code make_figures(struct jb_valuation *valuation, struct jb_error *error) {
    size_t groups = jb_grouping_count(valuation->grouping), slots = 0;
    uint32_t end = jb_slot_of_currency(valuation->currency_count);
    jb_budget_finish(valuation->budget);
    if (valuation->touch)
        jb_budget_finish(valuation->touch);
    for (uint32_t slot = 0; slot < end; slot++)
        slots += slot_is_used(valuation, slot);
    valuation->figures = calloc(slots * groups + 1, sizeof *valuation->figures);
    valuation->figure_totals = calloc(slots + 1, sizeof *valuation->figure_totals);
    if (!valuation->figures || !valuation->figure_totals)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu figures", slots * groups);
    for (uint32_t slot = 0; slot < end; slot++) {
        if (!slot_is_used(valuation, slot))
            continue;
        valuation->figure_totals[valuation->figure_total_count++] =
            make_figure(valuation, JB_FIGURE_TOTAL, slot);
        for (uint32_t g = 0; g < groups; g++)
            valuation->figures[valuation->figure_count++] = make_figure(valuation, g, slot);
    }
    return JB_OK;
}

static enum jb_code add_energy_routes(struct jb_valuation *valuation, const struct jb_sum *sums, size_t count,
                                      struct jb_error *error) {
    _cleanup_(jb_origins_free_cleanup) struct jb_origins *origins = NULL;
    struct load *loads = calloc(valuation->place_count + 1, sizeof *loads);
    if (!loads)
        return jb_error_set(error, JB_MEMORY, "no memory for the loads of sites");
    enum jb_code code = jb_origins_make(valuation->ledger, sums, count, error, &origins);
    if (!code)
        code = make_loads(valuation, origins, error, loads);
    for (size_t r = 0; r < valuation->route_count && !code; r++) {
        const struct jb_value_route *route = &valuation->routes[r];
        uint32_t group = 0;
        code = need_group(valuation, route->account, error, &group);
        if (!code)
            code = add_route(valuation, origins, loads, route, group, error);
    }
    for (size_t p = 0; p < valuation->place_count; p++)
        free(loads[p].parts);
    free(loads);
    return code;
}

enum jb_code jb_value_figures(struct jb_valuation *valuation, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(valuation->ledger);
    struct jb_query query = valuation->request.statement.query;
    _cleanup_free_ struct jb_sum *sums = NULL;
    size_t count = 0;
    query.account = NULL;
    query.commodity = 0;
    enum jb_code code = jb_budget_make(error, &valuation->budget);
    if (!code && valuation->request.with_touch)
        code = jb_budget_make(error, &valuation->touch);
    if (!code)
        code = jb_array_reserve(&valuation->totals, &valuation->total_capacity, 1, GROUP_CEILING,
                                "groups of a valuation", error);
    if (!code)
        code = store->ops->sums(store, &query, error, &sums, &count);
    if (!code && count)
        qsort(sums, count, sizeof *sums, compare_commodities);
    for (size_t i = 0, end; i < count && !code; i = end) {
        for (end = i; end < count && sums[end].commodity == sums[i].commodity;)
            end++;
        code = sums[i].commodity == JB_ENERGY
                   ? add_energy_routes(valuation, sums + i, end - i, error)
                   : add_booked(valuation, sums[i].commodity, sums + i, end - i, error);
    }
    return code ? code : make_figures(valuation, error);
}
