/* Contracts in a valuation: loads of whole accounting years by the hour, and what contracts cover of them. */
#include "account/value_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_HOURS          744
#define CONTEXT_HOUR_CEILING ((size_t)50 * 8784)

static bool list_has(const struct jb_name_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], name) == 0)
            return true;
    }
    return false;
}

/* ---- what a contract supplies ---- */

/* Generation that burns nothing: its scope 2 emissions are 0 (GHG Protocol Scope 2 Guidance, 6.8). */
static bool burns(const char *technology) {
    static const char *const fuels[] = {"coal", "gas", "oil", "bio", "peat", "lignite", "waste"};
    for (size_t i = 0; i < JB_COUNT(fuels); i++) {
        if (strncmp(technology, fuels[i], strlen(fuels[i])) == 0)
            return true;
    }
    return *technology == '\0';
}

static enum jb_code find_intensity(struct jb_valuation *valuation, struct jb_value_contract *kept,
                                   struct jb_error *error) {
    const struct jb_contract *contract = kept->contract;
    char what[160];
    enum jb_code code;
    snprintf(what, sizeof what, "contract %.100s: intensity", contract->name);
    if (jb_declared_is_set(&contract->intensity_g_per_kwh)) {
        kept->intensity = contract->intensity_g_per_kwh.value;
        code = jb_value_declare(valuation, "Ic", what, "g/kWh", &contract->intensity_g_per_kwh, error,
                                &kept->intensity_input);
    } else {
        struct jb_factor_query query = {.quantity = JB_TECHNOLOGY_INTENSITY,
                                        .subject = contract->technology,
                                        .at_ns = valuation->from_ns,
                                        .allows_earlier = true};
        struct jb_factor_answer answer;
        if (jb_factors_find(valuation->request.factors, &query, &answer))
            return jb_error_set(
                error, JB_INPUT,
                "%s, line %u, field technology: there is no factor technology_intensity/%.100s; "
                "`joulebook factors list technology_intensity` lists them, or give intensity",
                valuation->request.setting->file, contract->line, contract->technology);
        kept->intensity = answer.factor->value;
        code = jb_value_factor_input(valuation, "Ic", &answer, error, &kept->intensity_input);
    }
    kept->intensity_scope2 = burns(contract->technology) ? kept->intensity : 0;
    return code;
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}
static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* kW that one of the series' unit is; 0: none. */
static double power_unit(const char *unit) {
    static const struct {
        const char *unit;
        double kw;
    } units[] = {{"W", 1e-3}, {"kW", 1}, {"MW", 1e3}, {"GW", 1e6}};
    for (size_t i = 0; i < JB_COUNT(units); i++) {
        if (strcmp(units[i].unit, unit) == 0)
            return units[i].kw;
    }
    return 0;
}

/* What the steps supply in [from, to), kWh; hours that they do not cover supply nothing that could be shown.
 */
static double energy_of(const struct jb_step *steps, size_t count, double kw, int64_t from_ns,
                        int64_t to_ns) {
    int64_t covered_ns;
    double mean = from_ns < to_ns ? jb_steps_mean(steps, count, from_ns, to_ns, &covered_ns) : NAN;
    return isnan(mean) ? 0 : fmax(0, mean) * kw * (double)covered_ns / JB_HOUR_NS;
}

static enum jb_code fill_series(struct jb_valuation *valuation, struct jb_value_contract *kept,
                                struct jb_error *error) {
    const struct jb_contract *contract = kept->contract;
    struct jb_store *store = jb_ledger_store(valuation->ledger);
    struct jb_series series;
    _cleanup_free_ struct jb_step *steps = NULL;
    size_t count = 0;
    double kw, scale = 1;
    enum jb_code code = store->ops->series_find(store, contract->series, error, &series);
    if (code == JB_NO_DATA || (!code && (kw = power_unit(series.unit)) == 0))
        return jb_error_set(
            error, JB_INPUT,
            "%s, line %u, field profile: %s '%.127s'; a profile is a series of power in the book: "
            "`joulebook factors import FILE --series NAME` with a column power_mw makes power/NAME",
            valuation->request.setting->file, contract->line, code ? "the book has no series" : "no power is",
            contract->series);
    if (!code)
        code = store->ops->series_read(store, contract->series, later(contract->from_ns, 0),
                                       contract->until_ns, error, &steps, &count);
    if (code)
        return code;
    kw = power_unit(series.unit);
    if (jb_declared_is_set(&contract->volume_kwh)) {
        double whole = energy_of(steps, count, kw, later(contract->from_ns, 0), contract->until_ns);
        scale = whole > 0 ? contract->volume_kwh.value / whole : 0;
    } else {
        struct jb_declared volume = {NAN, series.uncertainty, contract->line};
        char what[160];
        snprintf(what, sizeof what, "contract %.60s: series %.80s", contract->name, contract->series);
        code = jb_value_declare(valuation, "V", what, "kWh", &volume, error, &kept->volume_input);
    }
    size_t step = 0;
    for (size_t h = 0; h < valuation->context_hours && !code; h++) {
        int64_t hour_ns = valuation->context_ns + (int64_t)h * JB_HOUR_NS;
        while (step < count && steps[step].end_ns <= hour_ns)
            step++;
        size_t end = step;
        while (end < count && steps[end].start_ns < hour_ns + JB_HOUR_NS)
            end++;
        kept->energy_kwh[h] =
            scale * energy_of(steps + step, end - step, kw, later(hour_ns, contract->from_ns),
                              earlier(hour_ns + JB_HOUR_NS, contract->until_ns));
    }
    return code;
}

static enum jb_code make_contract(struct jb_valuation *valuation, size_t index, struct jb_error *error) {
    struct jb_value_contract *kept = &valuation->contracts[index];
    const struct jb_contract *contract = kept->contract = &valuation->request.setting->contracts[index];
    char what[160];
    kept->volume_input = JB_VALUE_NONE;
    enum jb_code code = find_intensity(valuation, kept, error);
    snprintf(what, sizeof what, "contract %.100s: volume", contract->name);
    if (!code && jb_declared_is_set(&contract->volume_kwh))
        code =
            jb_value_declare(valuation, "V", what, "kWh", &contract->volume_kwh, error, &kept->volume_input);
    if (code)
        return code;
    if (!jb_contract_has_hours(contract)) {
        jb_value_note(valuation, "contract %s has no profile, so it counts for nothing by the hour",
                      contract->name);
        return JB_OK;
    }
    kept->energy_kwh = calloc(valuation->context_hours + 1, sizeof *kept->energy_kwh);
    if (!kept->energy_kwh)
        return jb_error_set(error, JB_MEMORY, "no memory for the hours of a contract");
    if (*contract->series)
        return fill_series(valuation, kept, error);
    double power_kw =
        contract->volume_kwh.value / ((double)(contract->until_ns - contract->from_ns) / JB_HOUR_NS);
    for (size_t h = 0; h < valuation->context_hours; h++) {
        int64_t hour_ns = valuation->context_ns + (int64_t)h * JB_HOUR_NS;
        int64_t from_ns = later(hour_ns, contract->from_ns),
                to_ns = earlier(hour_ns + JB_HOUR_NS, contract->until_ns);
        kept->energy_kwh[h] = from_ns < to_ns ? power_kw * (double)(to_ns - from_ns) / JB_HOUR_NS : 0;
    }
    return JB_OK;
}

static void find_served(struct jb_valuation *valuation, size_t index) {
    const struct jb_contract *contract = &valuation->request.setting->contracts[index];
    bool *by_hour = &valuation->serves[2 * index * valuation->place_count],
         *by_volume = by_hour + valuation->place_count;
    for (size_t p = 0; p < valuation->place_count; p++) {
        const struct jb_place *place = &valuation->places[p];
        bool is_meant = !contract->sites.count || list_has(&contract->sites, place->site->name);
        bool is_on_site = contract->kind == JB_CONTRACT_ON_SITE;
        by_hour[p] = is_meant && (is_on_site || list_has(&contract->deliverable, place->grid));
        by_volume[p] = is_meant && (by_hour[p] || list_has(&contract->market, place->grid));
        if (is_meant && contract->sites.count && !by_volume[p])
            jb_value_note(valuation,
                          "contract %s is not deliverable to grid %s of site %s, so it does not count there",
                          contract->name, *place->grid ? place->grid : "(unknown)", place->site->name);
    }
}

/* ---- loads ---- */

static enum jb_code add_loads(struct jb_valuation *valuation, const struct jb_slices *slices,
                              size_t first_hour, struct jb_error *error) {
    _cleanup_free_ size_t *hours = calloc(slices->slice_count + 1, sizeof *hours);
    _cleanup_free_ bool *overhead = NULL;
    if (!hours)
        return jb_error_set(error, JB_MEMORY, "no memory for the hours of a year");
    for (size_t t = 0; t < slices->slice_count; t++)
        hours[t] = t;
    enum jb_code code = jb_value_overhead(valuation, slices, hours, slices->slice_count, error, &overhead);
    for (size_t r = 0; r < slices->count && !code; r++) {
        const struct jb_sum *sum = &slices->sums[r];
        for (int side = 0; side < 2 && !code; side++) {
            jb_account_id id = side ? sum->from : sum->to;
            struct jb_place_account account;
            if (!jb_consumers_have(valuation->consumers, id, JB_ENERGY))
                continue;
            code = jb_value_account(valuation, id, error, &account);
            if (code || account.place == JB_PLACE_NONE)
                continue;
            struct jb_place *place = &valuation->places[account.place];
            for (size_t t = 0; t < slices->slice_count && !code; t++) {
                double energy_kwh = (double)slices->amounts[r][t] / JB_KWH_UJ;
                struct jb_value_quantity pue = {.value = 1};
                int64_t hour_ns = valuation->context_ns + (int64_t)(first_hour + t) * JB_HOUR_NS;
                if (energy_kwh == 0)
                    continue;
                if (!account.is_facility && !overhead[account.place * slices->slice_count + t])
                    code = jb_value_quantity_at(valuation, place, JB_OF_PUE, hour_ns, hour_ns + JB_HOUR_NS,
                                                error, &pue);
                place->load_kwh[first_hour + t] +=
                    (side ? -1 : 1) * energy_kwh * (pue.is_known ? pue.value : 1);
            }
        }
    }
    return code;
}

/* Loads that a valuation of a longer period has read already. */
static bool copy_loads(struct jb_valuation *valuation) {
    const struct jb_valuation *whole = valuation->request.whole;
    if (!whole || !whole->has_match || whole->place_count != valuation->place_count ||
        whole->context_ns > valuation->context_ns)
        return false;
    size_t first = (size_t)((valuation->context_ns - whole->context_ns) / JB_HOUR_NS);
    if (first + valuation->context_hours > whole->context_hours)
        return false;
    for (size_t p = 0; p < valuation->place_count; p++)
        memcpy(valuation->places[p].load_kwh, whole->places[p].load_kwh + first,
               valuation->context_hours * sizeof(double));
    return true;
}

/* Takes over slices that the period needs again. */
static enum jb_code keep(struct jb_valuation *valuation, int64_t start_ns, struct jb_slices *slices,
                         struct jb_error *error) {
    int64_t end_ns = start_ns + (int64_t)slices->slice_count * JB_HOUR_NS;
    size_t cells = slices->count * slices->slice_count;
    if (start_ns >= valuation->to_ns || end_ns <= valuation->from_ns ||
        valuation->kept_cells + cells > JB_VALUE_KEPT_CEILING)
        return JB_OK;
    enum jb_code code = jb_array_reserve(&valuation->kept, &valuation->kept_capacity,
                                         valuation->kept_count + 1, 1000000, "periods of a valuation", error);
    if (code)
        return code;
    valuation->kept[valuation->kept_count++] = (struct jb_value_kept){start_ns, *slices};
    valuation->kept_cells += cells;
    *slices = (struct jb_slices){0};
    return JB_OK;
}

static enum jb_code read_loads(struct jb_valuation *valuation, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(valuation->ledger);
    struct jb_query query = JB_QUERY_ALL;
    int64_t cuts[CHUNK_HOURS + 1];
    enum jb_code code = JB_OK;
    query.commodity = JB_ENERGY;
    for (size_t p = 0; p < valuation->place_count; p++) {
        valuation->places[p].load_kwh = calloc(valuation->context_hours + 1, sizeof(double));
        if (!valuation->places[p].load_kwh)
            return jb_error_set(error, JB_MEMORY, "no memory for the load of a site");
    }
    if (copy_loads(valuation))
        return JB_OK;
    for (size_t first = 0; first < valuation->context_hours && !code; first += CHUNK_HOURS) {
        struct jb_slices slices = {0};
        size_t count =
            valuation->context_hours - first < CHUNK_HOURS ? valuation->context_hours - first : CHUNK_HOURS;
        for (size_t i = 0; i <= count; i++)
            cuts[i] = valuation->context_ns + (int64_t)(first + i) * JB_HOUR_NS;
        code = store->ops->slices(store, &query, cuts, count, error, &slices);
        if (!code)
            code = add_loads(valuation, &slices, first, error);
        if (!code)
            code = keep(valuation, cuts[0], &slices, error);
        jb_slices_free(&slices);
    }
    return code;
}

/* ---- accounting years ---- */

static int64_t year_start(int64_t year) {
    return jb_days_from_civil(year, 1, 1) * JB_DAY_NS;
}

static int64_t year_of(int64_t ns) {
    int64_t year;
    unsigned month, day;
    jb_civil_from_days(jb_time_floor(ns, JB_DAY_NS) / JB_DAY_NS, &year, &month, &day);
    return year;
}

static size_t hour_index(const struct jb_valuation *valuation, int64_t ns) {
    if (ns <= valuation->context_ns)
        return 0;
    size_t hour = (size_t)((ns - valuation->context_ns) / JB_HOUR_NS);
    return hour < valuation->context_hours ? hour : valuation->context_hours;
}

/* A supply for each contract and calendar year, within the hours of which the book has a load: a year that is
 * not over, or of which the first part was not metered, has the volume of its known part. */
static void make_supplies(struct jb_valuation *valuation, const double *load_kwh) {
    size_t hours = valuation->context_hours, first_load = hours, load_end = 0;
    for (size_t i = 0; i < hours * valuation->place_count; i++) {
        if (load_kwh[i] == 0)
            continue;
        first_load = i % hours < first_load ? i % hours : first_load;
        load_end = i % hours + 1 > load_end ? i % hours + 1 : load_end;
    }
    for (size_t c = 0; c < valuation->request.setting->contract_count; c++) {
        const struct jb_value_contract *kept = &valuation->contracts[c];
        for (int64_t year = year_of(valuation->context_ns); hour_index(valuation, year_start(year)) < hours;
             year++) {
            size_t first = hour_index(valuation, later(kept->contract->from_ns, year_start(year)));
            size_t end = hour_index(valuation, earlier(kept->contract->until_ns, year_start(year + 1)));
            first = first < first_load ? first_load : first;
            end = end > load_end ? load_end : end;
            if (first >= end)
                continue;
            struct jb_supply supply = {.energy_kwh = kept->energy_kwh,
                                       .first_hour = first,
                                       .hour_end = end,
                                       .serves_by_hour = &valuation->serves[2 * c * valuation->place_count],
                                       .serves_by_volume =
                                           &valuation->serves[(2 * c + 1) * valuation->place_count]};
            for (size_t h = first; kept->energy_kwh && h < end; h++)
                supply.volume_kwh += kept->energy_kwh[h];
            if (!kept->energy_kwh)
                supply.volume_kwh =
                    kept->contract->volume_kwh.value * (double)(end - first) /
                    ((double)(kept->contract->until_ns - kept->contract->from_ns) / JB_HOUR_NS);
            valuation->supplies[valuation->supply_count] = supply;
            valuation->supply_contracts[valuation->supply_count++] = (uint32_t)c;
        }
    }
}

static enum jb_code match(struct jb_valuation *valuation, int64_t years, struct jb_error *error) {
    size_t contracts = valuation->request.setting->contract_count, hours = valuation->context_hours;
    _cleanup_free_ double *load_kwh = calloc(valuation->place_count * hours + 1, sizeof *load_kwh);
    valuation->supplies = calloc(contracts * (size_t)years + 1, sizeof *valuation->supplies);
    valuation->supply_contracts = calloc(contracts * (size_t)years + 1, sizeof *valuation->supply_contracts);
    if (!load_kwh || !valuation->supplies || !valuation->supply_contracts)
        return jb_error_set(error, JB_MEMORY, "no memory to match contracts");
    for (size_t p = 0; p < valuation->place_count; p++) {
        for (size_t h = 0; h < hours; h++)
            load_kwh[p * hours + h] = fmax(0, valuation->places[p].load_kwh[h]);
    }
    make_supplies(valuation, load_kwh);
    valuation->on_site = calloc(valuation->supply_count + 1, sizeof *valuation->on_site);
    if (!valuation->on_site)
        return jb_error_set(error, JB_MEMORY, "no memory to match contracts");
    struct jb_match_input input = {.load_kwh = load_kwh,
                                   .site_count = valuation->place_count,
                                   .hour_count = hours,
                                   .supplies = valuation->supplies,
                                   .supply_count = valuation->supply_count};
    enum jb_code code = jb_match_make(&input, error, &valuation->match);
    valuation->has_match = !code;
    return code;
}

enum jb_code jb_value_match(struct jb_valuation *valuation, struct jb_error *error) {
    size_t contracts = valuation->request.setting->contract_count;
    int64_t first_year = year_of(valuation->from_ns), last_year = year_of(valuation->to_ns - 1);
    if (!valuation->place_count || (!contracts && !valuation->request.wants_hours))
        return JB_OK;
    valuation->context_ns = year_start(first_year);
    valuation->context_hours = (size_t)((year_start(last_year + 1) - valuation->context_ns) / JB_HOUR_NS);
    if (valuation->context_hours > CONTEXT_HOUR_CEILING)
        return jb_error_set(error, JB_LIMIT, "the period spans over 50 years; give --from and --to");
    valuation->contracts = calloc(contracts + 1, sizeof *valuation->contracts);
    valuation->serves = calloc(contracts * 2 * valuation->place_count + 1, sizeof *valuation->serves);
    if (!valuation->contracts || !valuation->serves)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu contracts", contracts);
    enum jb_code code = read_loads(valuation, error);
    for (size_t c = 0; c < contracts && !code; c++) {
        code = make_contract(valuation, c, error);
        find_served(valuation, c);
    }
    return code ? code : match(valuation, last_year - first_year + 1, error);
}
