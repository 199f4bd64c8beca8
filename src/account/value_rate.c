/* Rates of a place in one slice of time: what a kilowatt-hour is worth in every column, and how that moves
 * with every input. */
#include "account/value_internal.h"

#include "base/array.h"
#include "base/clock.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define TERM_CEILING 100000
#define REST_FLOOR   1e-12 /* of a load: less is rounding */

/* Index of the term (input, slot) of a place. The first JB_SLOT_COUNT terms are the values themselves. */
static enum jb_code find_term(struct jb_place *place, uint32_t input, uint32_t slot, struct jb_error *error,
                              size_t *ret_index) {
    for (size_t i = JB_SLOT_COUNT; i < place->term_count; i++) {
        if (place->terms[i].input == input && place->terms[i].slot == slot) {
            *ret_index = i;
            return JB_OK;
        }
    }
    enum jb_code code = jb_array_reserve(&place->terms, &place->term_capacity, place->term_count + 1,
                                         TERM_CEILING, "terms of a valuation", error);
    size_t capacity = place->rate_capacity;
    if (!code)
        code = jb_array_reserve(&place->per_it, &capacity, place->term_count + 1, TERM_CEILING,
                                "terms of a valuation", error);
    if (!code)
        code = jb_array_reserve(&place->per_facility, &place->rate_capacity, place->term_count + 1,
                                TERM_CEILING, "terms of a valuation", error);
    if (code)
        return code;
    place->terms[place->term_count] = (struct jb_value_term){input, slot};
    *ret_index = place->term_count++;
    return JB_OK;
}

/* What moves with an input, per kWh at the facility. */
static enum jb_code add_term(struct jb_place *place, uint32_t input, uint32_t slot, double per_kwh,
                             struct jb_error *error) {
    size_t index = 0;
    if (per_kwh == 0)
        return JB_OK;
    enum jb_code code = find_term(place, input, slot, error, &index);
    if (!code)
        place->per_facility[index] += per_kwh;
    return code;
}

/* Carbon by one of the three methods. */
struct basis {
    enum jb_value_column whole, scope2, scope3;
    bool has_scopes; /* hourly has none of its own */
};
static const struct basis bases[] = {
    {JB_COLUMN_LOCATION, JB_COLUMN_SCOPE2_LOCATION, JB_COLUMN_SCOPE3_LOCATION, true},
    {JB_COLUMN_MARKET, JB_COLUMN_SCOPE2_MARKET, JB_COLUMN_SCOPE3_MARKET, true},
    {JB_COLUMN_HOURLY, JB_COLUMN_HOURLY, JB_COLUMN_HOURLY, false},
};

/* Adds `whole` g/kWh, `scope2` of them scope 2, to the columns of a basis: to their values (input
 * JB_VALUE_NONE), or to what moves with an input. */
static enum jb_code emit(struct jb_place *place, const struct basis *basis, uint32_t input, double whole,
                         double scope2, struct jb_error *error) {
    double in_scope2 = place->site->is_provided ? 0 : scope2;
    const struct {
        uint32_t slot;
        double g_per_kwh;
        bool holds;
    } parts[] = {
        {basis->whole, whole, true},
        {JB_COLUMN_SCI, whole, basis->whole == JB_COLUMN_LOCATION},
        {basis->scope2, in_scope2, basis->has_scopes},
        {basis->scope3, whole - in_scope2, basis->has_scopes},
    };
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < JB_COUNT(parts) && !code; i++) {
        double ug = parts[i].g_per_kwh * 1e6;
        if (!parts[i].holds)
            continue;
        if (input == JB_VALUE_NONE)
            place->per_facility[parts[i].slot] += ug;
        else
            code = add_term(place, input, parts[i].slot, ug, error);
    }
    return code;
}

/* Life-cycle and combustion intensity of what no contract covers, and which inputs they are. */
struct mix {
    bool is_known;
    double whole, scope2;
    uint32_t input, scope2_input; /* scope2_input JB_VALUE_NONE: scope 2 is all of it, by the same input */
};

static enum jb_code emit_mix(struct jb_place *place, const struct basis *basis, const struct mix *mix,
                             double part, struct jb_error *error) {
    enum jb_code code = emit(place, basis, JB_VALUE_NONE, part * mix->whole, part * mix->scope2, error);
    if (!code && mix->scope2_input == JB_VALUE_NONE)
        return emit(place, basis, mix->input, part * mix->whole, part * mix->whole, error);
    if (!code)
        code = emit(place, basis, mix->input, part * mix->whole, 0, error);
    return code ? code : emit(place, basis, mix->scope2_input, 0, part * mix->scope2, error);
}

/* Marks a basis as not known in this slice. */
static void forget(const struct basis *basis, bool known[static JB_SLOT_COUNT]) {
    known[basis->whole] = false;
    if (basis->has_scopes)
        known[basis->scope2] = known[basis->scope3] = false;
    if (basis->whole == JB_COLUMN_LOCATION)
        known[JB_COLUMN_SCI] = false;
}

/* One basis: contracts cover `shares` of the load (NULL: none), the mix the rest.
 *   F = E·(Σc xc·Ic + r·R)
 * A contract that is used up moves F with its volume, ∂F/∂ln V = x·(Ic − M); one that is not does not. The
 * load moves it by (M − k): more load is served by the margin M, which is the mix, or where nothing is left
 * to it, the last contract that has some to spare. */
static enum jb_code add_basis(struct jb_valuation *valuation, struct jb_place *place,
                              const struct basis *basis, const struct mix *mix, const double *shares,
                              size_t stride, double rest, struct jb_error *error,
                              bool known[static JB_SLOT_COUNT]) {
    double whole = rest * mix->whole, scope2 = rest * mix->scope2;
    double margin = mix->whole, margin_scope2 = mix->scope2;
    enum jb_code code = JB_OK;
    bool any = false;
    if (rest > REST_FLOOR && !mix->is_known) {
        forget(basis, known);
        return JB_OK;
    }
    if (rest > REST_FLOOR)
        code = emit_mix(place, basis, mix, rest, error);
    for (size_t c = 0; shares && c < valuation->supply_count; c++) {
        const struct jb_value_contract *contract = &valuation->contracts[valuation->supply_contracts[c]];
        double share = shares[c * stride];
        if (share <= 0)
            continue;
        any = true;
        whole += share * contract->intensity;
        scope2 += share * contract->intensity_scope2;
        if (rest <= REST_FLOOR) {
            margin = contract->intensity;
            margin_scope2 = contract->intensity_scope2;
        }
    }
    for (size_t c = 0; any && c < valuation->supply_count && !code; c++) {
        const struct jb_value_contract *contract = &valuation->contracts[valuation->supply_contracts[c]];
        double share = shares[c * stride], g = share * contract->intensity,
               g_scope2 = share * contract->intensity_scope2;
        if (share <= 0)
            continue;
        code = emit(place, basis, JB_VALUE_NONE, g, g_scope2, error);
        if (!code)
            code = emit(place, basis, contract->intensity_input, g, g_scope2, error);
        if (!code && contract->volume_input != JB_VALUE_NONE)
            code = emit(place, basis, contract->volume_input, g - share * margin,
                        g_scope2 - share * margin_scope2, error);
    }
    if (!code && any)
        code = emit(place, basis, place->load_input, margin - whole, margin_scope2 - scope2, error);
    return code;
}

/* Shares of on-site generation alone: it feeds the site itself, so it counts in the location-based figure as
 * well. */
static double only_on_site(const struct jb_valuation *valuation, const double *by_hour,
                           const double *by_volume, size_t stride, double *ret_shares) {
    double rest = 1;
    for (size_t c = 0; c < valuation->supply_count; c++) {
        const struct jb_value_contract *contract = &valuation->contracts[valuation->supply_contracts[c]];
        ret_shares[c] = 0;
        if (contract->contract->kind == JB_CONTRACT_ON_SITE)
            ret_shares[c] = (contract->energy_kwh ? by_hour : by_volume)[c * stride];
        rest -= ret_shares[c];
    }
    return fmax(0, rest);
}

static enum jb_code add_carbon(struct jb_valuation *valuation, struct jb_place *place, int64_t from_ns,
                               int64_t to_ns, struct jb_error *error, bool known[static JB_SLOT_COUNT]) {
    struct jb_value_quantity whole, direct, residual;
    enum jb_code code =
        jb_value_quantity_at(valuation, place, JB_OF_INTENSITY, from_ns, to_ns, error, &whole);
    if (!code)
        code = jb_value_quantity_at(valuation, place, JB_OF_DIRECT, from_ns, to_ns, error, &direct);
    if (!code)
        code = jb_value_quantity_at(valuation, place, JB_OF_RESIDUAL, from_ns, to_ns, error, &residual);
    if (code)
        return code;
    struct mix grid = {.is_known = whole.is_known || direct.is_known,
                       .whole = whole.is_known ? whole.value : direct.value,
                       .input = whole.is_known ? whole.input : direct.input,
                       .scope2_input = JB_VALUE_NONE};
    grid.scope2 = grid.whole;
    if (whole.is_known && direct.is_known && direct.value < whole.value) {
        grid.scope2 = direct.value;
        grid.scope2_input = direct.input;
    }
    if (!grid.is_known)
        grid.whole = grid.scope2 = 0;
    struct mix rest_mix = grid;
    if (residual.is_known)
        rest_mix = (struct mix){true, residual.value, residual.value, residual.input, JB_VALUE_NONE};
    else if (jb_declared_is_set(&place->site->residual_g_per_kwh) || place->series[JB_OF_RESIDUAL].steps)
        rest_mix = (struct mix){.scope2_input = JB_VALUE_NONE}; /* a gap of the series */
    else if (grid.is_known && !place->is_residual_told) {
        place->is_residual_told = true;
        jb_value_note(valuation,
                      "site %s: no residual mix is known, so the grid's average stands in for it in the "
                      "market-based and hourly figures",
                      place->site->name);
    }
    if (whole.is_known && !direct.is_known && !place->is_scope_told) {
        place->is_scope_told = true;
        jb_value_note(valuation,
                      "site %s: no combustion-only intensity is known, so what scope 3 has of the grid is "
                      "stated in scope 2",
                      place->site->name);
    }
    if (!valuation->has_match) {
        for (size_t b = 0; b < JB_COUNT(bases) && !code; b++)
            code = add_basis(valuation, place, &bases[b], b ? &rest_mix : &grid, NULL, 0, 1, error, known);
        return code;
    }
    const struct jb_match *match = &valuation->match;
    size_t index = (size_t)(place - valuation->places);
    size_t hour = (size_t)((from_ns - valuation->context_ns) / JB_HOUR_NS);
    size_t stride = match->site_count * match->hour_count, at = index * match->hour_count + hour;
    const double *by_hour = &match->by_hour[at], *by_volume = &match->by_volume[at];
    assert(hour < match->hour_count);
    double rest = only_on_site(valuation, by_hour, by_volume, stride, valuation->on_site);
    code = add_basis(valuation, place, &bases[0], &grid, valuation->on_site, 1, rest, error, known);
    if (!code)
        code = add_basis(valuation, place, &bases[1], &rest_mix, by_volume, stride, match->rest_by_volume[at],
                         error, known);
    return code ? code
                : add_basis(valuation, place, &bases[2], &rest_mix, by_hour, stride, match->rest_by_hour[at],
                            error, known);
}

/* Money, and the grid's water. */
static enum jb_code add_rest(struct jb_valuation *valuation, struct jb_place *place, int64_t from_ns,
                             int64_t to_ns, struct jb_error *error, bool known[static JB_SLOT_COUNT],
                             struct jb_value_quantity *ret_wue) {
    struct jb_value_quantity water;
    enum jb_code code =
        jb_value_quantity_at(valuation, place, JB_OF_GRID_WATER, from_ns, to_ns, error, &water);
    if (!code)
        code = jb_value_quantity_at(valuation, place, JB_OF_WUE, from_ns, to_ns, error, ret_wue);
    if (code)
        return code;
    if (place->has_booked_water) {
        ret_wue->is_known = false;
    } else {
        known[JB_COLUMN_WATER] = water.is_known || ret_wue->is_known;
        if (water.is_known != ret_wue->is_known && !place->is_water_told) {
            place->is_water_told = true;
            jb_value_note(valuation, "site %s: no %s is known, so the water %s is not in the figure",
                          place->site->name, water.is_known ? "WUE" : "water intensity of its grid",
                          water.is_known ? "of the site" : "of generation");
        }
        if (water.is_known) {
            place->per_facility[JB_COLUMN_WATER] += water.value * 1e6;
            code = add_term(place, water.input, JB_COLUMN_WATER, water.value * 1e6, error);
        }
    }
    if (!code && place->tariff_input != JB_VALUE_NONE && !place->has_booked_money) {
        const struct jb_tariff *tariff = jb_setting_tariff(valuation->request.setting, place->site->tariff);
        double price = jb_tariff_mean(tariff, from_ns, to_ns) * 1e6;
        uint32_t slot = jb_slot_of_currency(place->currency);
        known[slot] = true;
        place->per_facility[slot] += price;
        code = add_term(place, place->tariff_input, slot, price, error);
    }
    return code;
}

enum jb_code jb_value_rates(struct jb_valuation *valuation, struct jb_place *place, bool has_overhead,
                            int64_t from_ns, int64_t to_ns, struct jb_error *error) {
    struct jb_value_quantity pue = {.value = 1}, wue;
    enum jb_code code = JB_OK;
    while (place->term_count < JB_SLOT_COUNT && !code) {
        size_t index;
        code = find_term(place, JB_VALUE_NONE, (uint32_t)place->term_count, error, &index);
    }
    if (code)
        return code;
    memset(place->per_it, 0, place->term_count * sizeof *place->per_it);
    memset(place->per_facility, 0, place->term_count * sizeof *place->per_facility);
    for (int s = 0; s < JB_SLOT_COUNT; s++)
        place->known[s] = s < JB_COLUMN_MONEY && s != JB_COLUMN_EMBODIED && s != JB_COLUMN_WATER;
    code = add_carbon(valuation, place, from_ns, to_ns, error, place->known);
    if (!code)
        code = add_rest(valuation, place, from_ns, to_ns, error, place->known, &wue);
    if (!code && !has_overhead)
        code = jb_value_quantity_at(valuation, place, JB_OF_PUE, from_ns, to_ns, error, &pue);
    if (code)
        return code;
    if (!has_overhead && !pue.is_known) {
        pue.value = 1;
        if (!place->is_overhead_told)
            jb_value_note(valuation,
                          "site %s: no PUE is known and no overhead is booked, so overhead is not in the "
                          "figures",
                          place->site->name);
        place->is_overhead_told = true;
    }
    place->pue = pue.value;
    /* IT energy bears the overhead; its error moves what is drawn, and with it what contracts leave over. */
    size_t terms = place->term_count;
    for (size_t i = 0; i < terms; i++)
        place->per_it[i] = pue.value * place->per_facility[i];
    for (uint32_t s = 0; pue.is_known && s < JB_SLOT_COUNT && !code; s++) {
        double drawn = place->per_it[s];
        size_t index = 0;
        for (size_t i = JB_SLOT_COUNT; i < terms; i++) {
            if (place->terms[i].input == place->load_input && place->terms[i].slot == s)
                drawn += place->per_it[i];
        }
        if (drawn == 0)
            continue;
        code = find_term(place, pue.input, s, error, &index);
        if (!code)
            place->per_it[index] += drawn;
    }
    /* Water of the site is stated per kWh of IT energy: no overhead upon it. */
    if (!code && wue.is_known) {
        size_t index = 0;
        place->per_it[JB_COLUMN_WATER] += wue.value * 1e6;
        code = find_term(place, wue.input, JB_COLUMN_WATER, error, &index);
        if (!code)
            place->per_it[index] += wue.value * 1e6;
    }
    return code;
}
