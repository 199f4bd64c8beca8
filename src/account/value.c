/* Valuations: made in order, asked, and let go. */
#include "account/value_internal.h"

#include "base/clock.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME_CEILING ((size_t)1 << 24)

static void free_places(struct jb_valuation *valuation) {
    for (size_t p = 0; p < valuation->place_count; p++) {
        struct jb_place *place = &valuation->places[p];
        for (int q = 0; q < JB_OF_COUNT; q++)
            free(place->series[q].steps);
        free(place->load_kwh);
        free(place->terms);
        free(place->per_it);
        free(place->per_facility);
    }
    for (size_t c = 0; valuation->contracts && c < valuation->request.setting->contract_count; c++)
        free(valuation->contracts[c].energy_kwh);
    for (size_t h = 0; h < valuation->host_capacity; h++)
        free(valuation->hosts[h].energy_kwh);
    free(valuation->places);
    free(valuation->contracts);
    free(valuation->hosts);
}

void jb_valuation_free(struct jb_valuation *valuation) {
    if (!valuation)
        return;
    free_places(valuation);
    for (size_t r = 0; r < valuation->route_count; r++)
        free(valuation->routes[r].sums);
    jb_grouping_free(valuation->grouping);
    jb_consumers_free(valuation->consumers);
    jb_consumers_free(valuation->asked);
    jb_strings_free(valuation->note_texts);
    jb_strings_free(valuation->input_keys);
    jb_strings_free(valuation->host_names);
    jb_strings_free(valuation->route_keys);
    jb_match_free(&valuation->match);
    jb_value_kept_free(valuation);
    jb_budget_free(valuation->budget);
    jb_budget_free(valuation->touch);
    free(valuation->notes);
    free(valuation->inputs);
    free(valuation->meter_inputs);
    free(valuation->accounts);
    free(valuation->supplies);
    free(valuation->supply_contracts);
    free(valuation->on_site);
    free(valuation->serves);
    free(valuation->routes);
    free(valuation->totals);
    free(valuation->figures);
    free(valuation->figure_totals);
    free(valuation);
}

/* Who consumes, and what of the period asked for the book covers. */
static enum jb_code find_period(struct jb_valuation *valuation, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(valuation->ledger);
    const struct jb_query *asked = &valuation->request.statement.query;
    struct jb_query all = JB_QUERY_ALL, within = *asked;
    _cleanup_free_ struct jb_sum *sums = NULL, *whole = NULL;
    size_t count = 0, whole_count = 0;
    within.account = NULL;
    within.commodity = 0;
    enum jb_code code = store->ops->sums(store, &within, error, &sums, &count);
    if (!code)
        code = store->ops->sums(store, &all, error, &whole, &whole_count);
    if (!code)
        code = jb_consumers_make(valuation->ledger, &all, whole, whole_count, error, &valuation->consumers);
    within.account = asked->account;
    if (!code)
        code = jb_consumers_make(valuation->ledger, &within, sums, count, error, &valuation->asked);
    if (code)
        return code;
    valuation->from_ns = INT64_MAX;
    valuation->to_ns = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        if (sums[i].commodity != JB_ENERGY || (!jb_consumers_have(valuation->asked, sums[i].to, JB_ENERGY) &&
                                               !jb_consumers_have(valuation->asked, sums[i].from, JB_ENERGY)))
            continue;
        if (sums[i].first_ns < valuation->from_ns)
            valuation->from_ns = sums[i].first_ns;
        if (sums[i].last_ns > valuation->to_ns)
            valuation->to_ns = sums[i].last_ns;
    }
    /* The period itself, where it is bounded: amounts of functional units are those of all of it. */
    if (valuation->from_ns < valuation->to_ns) {
        if (asked->from_ns != INT64_MIN && asked->from_ns > JB_BOOK_FIRST_NS)
            valuation->from_ns = asked->from_ns;
        if (asked->to_ns != INT64_MAX && asked->to_ns < JB_BOOK_LAST_NS)
            valuation->to_ns = asked->to_ns;
    }
    return JB_OK;
}

static enum jb_code make_parts(struct jb_valuation *valuation, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(valuation->ledger);
    valuation->account_count = store->ops->account_count(store);
    valuation->meter_inputs = malloc((valuation->account_count + 1) * sizeof *valuation->meter_inputs);
    if (!valuation->meter_inputs)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu accounts", valuation->account_count);
    for (size_t i = 0; i < valuation->account_count; i++)
        valuation->meter_inputs[i] = JB_VALUE_NONE;
    struct jb_strings **const tables[] = {&valuation->note_texts, &valuation->input_keys,
                                          &valuation->host_names, &valuation->route_keys};
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < JB_COUNT(tables) && !code; i++)
        code = jb_strings_make(NAME_CEILING, error, tables[i]);
    if (!code)
        code =
            jb_grouping_make(valuation->ledger, &valuation->request.statement, error, &valuation->grouping);
    if (!code && valuation->request.unit) {
        valuation->unit = jb_setting_unit(valuation->request.setting, valuation->request.unit);
        if (!valuation->unit)
            return jb_error_set(error, JB_INPUT, "%s has no [unit %.60s]; add one, or name one that it has",
                                valuation->request.setting->file, valuation->request.unit);
    }
    return code;
}

/* Accounts that no site is known for. */
static void note_homeless(struct jb_valuation *valuation) {
    double kwh = 0;
    jb_account_id example = JB_ACCOUNT_NONE;
    for (size_t r = 0; r < valuation->route_count; r++) {
        const struct jb_value_route *route = &valuation->routes[r];
        if (route->place.place != JB_PLACE_NONE)
            continue;
        kwh += route->energy.metered_uj / JB_KWH_UJ;
        example = route->account;
    }
    if (example != JB_ACCOUNT_NONE)
        jb_value_note(valuation,
                      "%.3g kWh belong to no site, so they are not valued (such as %s); name them in the "
                      "accounts of one",
                      kwh, jb_ledger_path(valuation->ledger, example));
    for (size_t p = 0; p < valuation->place_count; p++) {
        const struct jb_place *place = &valuation->places[p];
        if (place->term_count && !*place->grid && !*place->site->provider &&
            !jb_declared_is_set(&place->site->intensity_g_per_kwh) && !*place->site->intensity_series)
            jb_value_note(valuation,
                          "site %s: no grid is known, so its carbon is not; add grid, such as grid = KR",
                          place->site->name);
    }
}

/* What changes by the hour meets energy of which only the sum over days is known. */
static void note_spread(struct jb_valuation *valuation) {
    bool is_by_hour = valuation->has_match;
    for (size_t p = 0; p < valuation->place_count && !is_by_hour; p++) {
        for (int q = 0; q < JB_OF_COUNT; q++)
            is_by_hour =
                is_by_hour || (valuation->places[p].term_count && valuation->places[p].series[q].steps);
    }
    if (is_by_hour && valuation->longest_ns > JB_HOUR_NS)
        jb_value_note(valuation,
                      "energy is booked for up to %.3g hours at a time and taken as even within; what is "
                      "matched by the hour rests on that",
                      (double)valuation->longest_ns / JB_HOUR_NS);
}

enum jb_code jb_value_make(struct jb_ledger *ledger, const struct jb_value_request *request,
                           struct jb_error *error, struct jb_valuation **ret_valuation) {
    _cleanup_(jb_valuation_free_cleanup) struct jb_valuation *valuation = calloc(1, sizeof *valuation);
    assert(request->setting && request->factors);
    if (!valuation)
        return jb_error_set(error, JB_MEMORY, "no memory for a valuation");
    valuation->ledger = ledger;
    valuation->request = *request;
    enum jb_code code = make_parts(valuation, error);
    if (!code)
        code = find_period(valuation, error);
    bool has_energy = valuation->from_ns < valuation->to_ns;
    if (!code && has_energy)
        code = jb_value_make_places(valuation, error);
    if (!code && has_energy)
        code = jb_value_match(valuation, error);
    if (!code && has_energy)
        code = jb_value_sum(valuation, error);
    if (!code && has_energy)
        note_homeless(valuation);
    if (!code && has_energy)
        note_spread(valuation);
    if (!code)
        code = jb_value_figures(valuation, error);
    if (!code)
        code = jb_value_unit(valuation, error);
    if (!code)
        *ret_valuation = JB_TAKE(valuation);
    return code;
}

size_t jb_valuation_groups(const struct jb_valuation *valuation) {
    return jb_grouping_count(valuation->grouping);
}

const char *jb_valuation_group(const struct jb_valuation *valuation, uint32_t group) {
    return jb_grouping_name(valuation->grouping, group);
}

uint32_t jb_valuation_find_group(const struct jb_valuation *valuation, const char *name) {
    return jb_grouping_find(valuation->grouping, name); /* JB_STRING_NONE is JB_FIGURE_TOTAL */
}

size_t jb_valuation_figures(const struct jb_valuation *valuation, const struct jb_figure **ret_figures) {
    *ret_figures = valuation->figures;
    return valuation->figure_count;
}

size_t jb_valuation_totals(const struct jb_valuation *valuation, const struct jb_figure **ret_totals) {
    *ret_totals = valuation->figure_totals;
    return valuation->figure_total_count;
}

const struct jb_figure *jb_valuation_figure(const struct jb_valuation *valuation, uint32_t group,
                                            enum jb_value_column column) {
    size_t groups = jb_valuation_groups(valuation);
    for (size_t i = 0; i < valuation->figure_total_count; i++) {
        if (valuation->figure_totals[i].column == column)
            return group == JB_FIGURE_TOTAL ? &valuation->figure_totals[i]
                                            : &valuation->figures[i * groups + group];
    }
    return NULL;
}

size_t jb_valuation_inputs(const struct jb_valuation *valuation, const struct jb_input **ret_inputs) {
    *ret_inputs = valuation->inputs;
    return valuation->input_count;
}

size_t jb_valuation_notes(const struct jb_valuation *valuation, const char *const **ret_notes) {
    *ret_notes = valuation->notes;
    return valuation->note_count;
}

struct jb_value_energy jb_valuation_energy(const struct jb_valuation *valuation, uint32_t group) {
    return valuation->totals[group == JB_FIGURE_TOTAL ? 0 : group + 1].energy;
}

static int compare_contributions(const void *left, const void *right) {
    const struct jb_contribution *a = left, *b = right;
    double x = isnan(a->standard) ? INFINITY : fabs(a->standard),
           y = isnan(b->standard) ? INFINITY : fabs(b->standard);
    if (x != y)
        return x > y ? -1 : 1;
    return (a->input > b->input) - (a->input < b->input);
}

static uint32_t slot_of(const struct jb_valuation *valuation, const struct jb_figure *figure) {
    for (uint32_t c = 0; figure->column == JB_COLUMN_MONEY && c < valuation->currency_count; c++) {
        if (valuation->currencies[c] == figure->commodity)
            return jb_slot_of_currency(c);
    }
    return (uint32_t)figure->column;
}

enum jb_code jb_valuation_contributions(const struct jb_valuation *valuation, const struct jb_figure *figure,
                                        struct jb_error *error, struct jb_contribution **ret_contributions,
                                        size_t *ret_count) {
    uint32_t id = jb_figure_id(figure->group, slot_of(valuation, figure));
    const struct jb_budget_part *touched, *parts;
    assert(valuation->touch);
    size_t count = jb_budget_parts(valuation->touch, id, &touched),
           part_count = jb_budget_parts(valuation->budget, id, &parts), p = 0;
    struct jb_contribution *contributions = calloc(count + 1, sizeof *contributions);
    if (!contributions)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu inputs", count);
    for (size_t i = 0; i < count; i++) {
        contributions[i] = (struct jb_contribution){.input = touched[i].input, .moves = touched[i].standard};
        while (p < part_count && parts[p].input < touched[i].input)
            p++;
        if (p < part_count && parts[p].input == touched[i].input)
            contributions[i].standard = parts[p].standard;
    }
    if (count)
        qsort(contributions, count, sizeof *contributions, compare_contributions);
    *ret_contributions = contributions;
    *ret_count = count;
    return JB_OK;
}

static int compare_accounts(const void *left, const void *right) {
    const struct jb_value_account *a = left, *b = right;
    return (a->account > b->account) - (a->account < b->account);
}

static int compare_account_amounts(const void *left, const void *right) {
    const struct jb_value_account *a = left, *b = right;
    if (a->amount != b->amount)
        return a->amount > b->amount ? -1 : 1;
    if (a->energy_uj != b->energy_uj)
        return a->energy_uj > b->energy_uj ? -1 : 1;
    return compare_accounts(left, right);
}

enum jb_code jb_valuation_accounts(const struct jb_valuation *valuation, const struct jb_figure *figure,
                                   struct jb_error *error, struct jb_value_account **ret_accounts,
                                   size_t *ret_count) {
    struct jb_value_account *accounts = calloc(valuation->route_count + 1, sizeof *accounts);
    uint32_t slot = slot_of(valuation, figure);
    size_t count = 0, kept = 0;
    if (!accounts)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu accounts", valuation->route_count);
    for (size_t r = 0; r < valuation->route_count; r++) {
        const struct jb_value_route *route = &valuation->routes[r];
        uint32_t group = 0;
        if (figure->group != JB_FIGURE_TOTAL &&
            (jb_grouping_of(valuation->grouping, route->account, NULL, &group) || group != figure->group))
            continue;
        bool has_place = route->place.place != JB_PLACE_NONE;
        accounts[count++] = (struct jb_value_account){
            .account = route->account,
            .site = has_place ? valuation->places[route->place.place].site->name : "",
            .energy_uj = route->energy.metered_uj,
            .amount = jb_value_route_amount(valuation, route, slot)};
    }
    if (count)
        qsort(accounts, count, sizeof *accounts, compare_accounts);
    for (size_t i = 0; i < count; i++) {
        if (kept && accounts[kept - 1].account == accounts[i].account) {
            accounts[kept - 1].energy_uj += accounts[i].energy_uj;
            accounts[kept - 1].amount += accounts[i].amount;
        } else {
            accounts[kept++] = accounts[i];
        }
    }
    if (kept)
        qsort(accounts, kept, sizeof *accounts, compare_account_amounts);
    *ret_accounts = accounts;
    *ret_count = kept;
    return JB_OK;
}
