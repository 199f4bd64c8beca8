/* Inputs of a valuation: where each number comes from, looked up for a place and a time. */
#include "account/value_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOTE_CEILING  1000
#define INPUT_CEILING 1000000

void jb_value_note(struct jb_valuation *valuation, const char *format, ...) {
    struct jb_error clean = {0};
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    jb_error_set(&clean, JB_OK, "%s", text); /* makes texts from outside safe to show */
    uint32_t id;
    size_t known = jb_strings_count(valuation->note_texts);
    if (jb_strings_intern(valuation->note_texts, clean.message, NULL, &id) || id < known ||
        jb_array_reserve(&valuation->notes, &valuation->note_capacity, valuation->note_count + 1,
                         NOTE_CEILING, "notes", NULL))
        return; /* a thousand are enough to know the setting by */
    valuation->notes[valuation->note_count++] = jb_strings_text(valuation->note_texts, id);
}

enum jb_code jb_value_add_input(struct jb_valuation *valuation, const char *key, const struct jb_input *input,
                                struct jb_error *error, uint32_t *ret_index) {
    uint32_t id;
    enum jb_code code = jb_strings_intern(valuation->input_keys, key, error, &id);
    if (!code && id == valuation->input_count) {
        code = jb_array_reserve(&valuation->inputs, &valuation->input_capacity, valuation->input_count + 1,
                                INPUT_CEILING, "inputs of a valuation", error);
        if (!code)
            valuation->inputs[valuation->input_count++] = *input;
    }
    if (!code)
        *ret_index = id;
    return code;
}

enum jb_code jb_value_declare(struct jb_valuation *valuation, const char *symbol, const char *what,
                              const char *unit, const struct jb_declared *declared, struct jb_error *error,
                              uint32_t *ret_input) {
    char key[300];
    struct jb_input input = {.kind = JB_INPUT_DECLARED,
                             .value = declared->value,
                             .uncertainty = declared->uncertainty,
                             .from_ns = INT64_MIN,
                             .until_ns = INT64_MAX,
                             .line = declared->line};
    snprintf(input.symbol, sizeof input.symbol, "%s", symbol);
    snprintf(input.name, sizeof input.name, "%s", what);
    snprintf(input.unit, sizeof input.unit, "%s", unit);
    snprintf(input.source, sizeof input.source, "%s, line %" PRIu32, valuation->request.setting->file,
             declared->line);
    snprintf(key, sizeof key, "declared %s", what);
    if (isnan(input.uncertainty))
        jb_value_note(valuation,
                      "%s, line %" PRIu32 ": %s has no uncertainty, so intervals that rest on it are not "
                      "known; add one, such as '+- 5 %%'",
                      valuation->request.setting->file, declared->line, what);
    return jb_value_add_input(valuation, key, &input, error, ret_input);
}

enum jb_code jb_value_factor_input(struct jb_valuation *valuation, const char *symbol,
                                   const struct jb_factor_answer *answer, struct jb_error *error,
                                   uint32_t *ret_input) {
    const struct jb_factor *factor = answer->factor;
    const struct jb_factor_set *sets;
    char id[JB_FACTOR_ID_SIZE], key[80];
    jb_factors_sets(valuation->request.factors, &sets);
    const struct jb_factor_set *set = &sets[factor->set];
    struct jb_input input = {.kind = JB_INPUT_FACTOR,
                             .value = factor->value,
                             .uncertainty = factor->uncertainty,
                             .from_ns = factor->from_ns,
                             .until_ns = factor->until_ns,
                             .line = factor->line,
                             .is_earlier = answer->is_earlier,
                             .is_fleet = answer->is_fleet};
    snprintf(input.symbol, sizeof input.symbol, "%s", symbol);
    snprintf(input.name, sizeof input.name, "%.190s", jb_factor_id(factor, id));
    snprintf(input.unit, sizeof input.unit, "%s", jb_quantity_info(factor->quantity)->unit);
    snprintf(input.source, sizeof input.source, "%s", *factor->source ? factor->source : set->source);
    snprintf(input.set, sizeof input.set, "%s", set->name);
    snprintf(input.version, sizeof input.version, "%s", set->version);
    snprintf(key, sizeof key, "factor %" PRIu32 " %" PRIu32 " %u", factor->set, factor->line,
             (unsigned)factor->quantity);
    if (isnan(factor->uncertainty))
        jb_value_note(valuation, "%s of %s states no uncertainty, so intervals that rest on it are not known",
                      input.name, set->name);
    if (answer->is_earlier)
        jb_value_note(valuation, "no %s is valid throughout the period; the last one before stands in",
                      input.name);
    if (answer->is_fleet)
        jb_value_note(valuation, "%s, of the provider's whole fleet, stands in for its region", input.name);
    return jb_value_add_input(valuation, key, &input, error, ret_input);
}

enum jb_code jb_value_meter(struct jb_valuation *valuation, jb_account_id account, struct jb_error *error,
                            uint32_t *ret_input) {
    assert(account < valuation->account_count);
    if (valuation->meter_inputs[account] == JB_VALUE_NONE) {
        const char *path = jb_ledger_path(valuation->ledger, account);
        char key[JB_ACCOUNT_SIZE + 16];
        struct jb_input input = {.kind = JB_INPUT_METER,
                                 .symbol = "E",
                                 .value = NAN,
                                 .uncertainty = NAN,
                                 .from_ns = INT64_MIN,
                                 .until_ns = INT64_MAX};
        snprintf(input.name, sizeof input.name, "booked: %.180s", path);
        snprintf(input.source, sizeof input.source, "%.500s", path);
        snprintf(key, sizeof key, "meter %s", path);
        enum jb_code code =
            jb_value_add_input(valuation, key, &input, error, &valuation->meter_inputs[account]);
        if (code)
            return code;
    }
    *ret_input = valuation->meter_inputs[account];
    return JB_OK;
}

static const struct {
    const char *symbol, *key, *unit;
} quantities[JB_OF_COUNT] = {
    [JB_OF_INTENSITY] = {"I", "intensity", "g/kWh"},
    [JB_OF_DIRECT] = {"Id", "intensity-direct", "g/kWh"},
    [JB_OF_RESIDUAL] = {"R", "residual-intensity", "g/kWh"},
    [JB_OF_PUE] = {"PUE", "pue", "1"},
    [JB_OF_WUE] = {"WUE", "wue", "L/kWh"},
    [JB_OF_GRID_WATER] = {"W", "grid-water", "L/kWh"},
};

static const struct jb_declared *declared_of(const struct jb_site *site, enum jb_place_quantity which) {
    const struct jb_declared *const all[JB_OF_COUNT] = {[JB_OF_INTENSITY] = &site->intensity_g_per_kwh,
                                                        [JB_OF_DIRECT] = &site->intensity_direct_g_per_kwh,
                                                        [JB_OF_RESIDUAL] = &site->residual_g_per_kwh,
                                                        [JB_OF_PUE] = &site->pue,
                                                        [JB_OF_WUE] = &site->wue_l_per_kwh,
                                                        [JB_OF_GRID_WATER] = &site->grid_water_l_per_kwh};
    return all[which];
}

/* The factor of a place: its cloud region's, else its grid's. */
static enum jb_code find_factor(const struct jb_valuation *valuation, const struct jb_place *place,
                                enum jb_place_quantity which, int64_t at_ns, struct jb_factor_answer *ret) {
    static const struct {
        enum jb_quantity quantity;
        bool of_cloud, of_grid, of_fleet;
    } ways[JB_OF_COUNT] = {
        [JB_OF_INTENSITY] = {JB_GRID_INTENSITY, true, true, false},
        [JB_OF_DIRECT] = {JB_GRID_INTENSITY_DIRECT, true, true, false},
        [JB_OF_RESIDUAL] = {JB_GRID_INTENSITY, false, false, false},
        [JB_OF_PUE] = {JB_PUE, true, false, true},
        [JB_OF_WUE] = {JB_WUE, true, false, true},
        [JB_OF_GRID_WATER] = {JB_GRID_WATER, false, true, false},
    };
    struct jb_factor_query query = {.quantity = ways[which].quantity, .at_ns = at_ns, .allows_earlier = true};
    enum jb_code code = JB_NO_DATA;
    if (ways[which].of_cloud && *place->site->provider) {
        query.provider = place->site->provider;
        query.region = place->site->region;
        query.allows_fleet = ways[which].of_fleet;
        code = jb_factors_find(valuation->request.factors, &query, ret);
    }
    if (code && ways[which].of_grid && *place->grid) {
        query.provider = NULL;
        query.region = place->grid;
        code = jb_factors_find(valuation->request.factors, &query, ret);
    }
    return code;
}

enum jb_code jb_value_quantity_at(struct jb_valuation *valuation, struct jb_place *place,
                                  enum jb_place_quantity which, int64_t from_ns, int64_t to_ns,
                                  struct jb_error *error, struct jb_value_quantity *ret_quantity) {
    struct jb_value_quantity *known = &place->quantities[which];
    const struct jb_value_series *series = &place->series[which];
    const struct jb_declared *declared = declared_of(place->site, which);
    if (series->steps) {
        int64_t covered_ns;
        double mean = jb_steps_mean(series->steps, series->count, from_ns, to_ns, &covered_ns);
        *ret_quantity = (struct jb_value_quantity){
            .is_known = covered_ns == to_ns - from_ns, .value = mean, .input = series->input};
        return JB_OK;
    }
    if (known->until_ns > from_ns && known->from_ns <= from_ns) {
        *ret_quantity = *known;
        return JB_OK;
    }
    struct jb_value_quantity found = {.from_ns = from_ns,
                                      .until_ns = jb_time_floor(from_ns, JB_DAY_NS) + JB_DAY_NS};
    struct jb_factor_answer answer;
    enum jb_code code = JB_OK;
    if (jb_declared_is_set(declared)) {
        char what[160];
        snprintf(what, sizeof what, "site %.100s: %s", place->site->name, quantities[which].key);
        found.is_known = true;
        found.value = declared->value;
        found.until_ns = INT64_MAX;
        code = jb_value_declare(valuation, quantities[which].symbol, what, quantities[which].unit, declared,
                                error, &found.input);
    } else if (!find_factor(valuation, place, which, from_ns, &answer)) {
        found.is_known = true;
        found.value = answer.factor->value;
        /* A table that takes precedence may begin on any day. */
        if (answer.factor->until_ns > from_ns && answer.factor->until_ns < found.until_ns)
            found.until_ns = answer.factor->until_ns;
        code = jb_value_factor_input(valuation, quantities[which].symbol, &answer, error, &found.input);
    }
    if (code)
        return code;
    *known = found;
    *ret_quantity = found;
    return JB_OK;
}
