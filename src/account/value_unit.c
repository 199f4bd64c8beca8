/* Amounts of a functional unit by group. */
#include "account/value_internal.h"

#include "base/array.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Amounts for one account glob or label, over the period. */
struct share {
    const char *account, *label;
    double amount;
    uint32_t group; /* that all its accounts belong to; JB_FIGURE_TOTAL: several */
    bool is_met;    /* some account asked for is meant */
};

static double part_in(const struct jb_unit_amount *amount, int64_t from_ns, int64_t to_ns) {
    double from = fmax((double)amount->from_ns, (double)from_ns),
           until = fmin((double)amount->until_ns, (double)to_ns);
    return until > from
               ? amount->amount * (until - from) / ((double)amount->until_ns - (double)amount->from_ns)
               : 0;
}

bool jb_value_in_unit(const struct jb_valuation *valuation, jb_account_id account) {
    return !valuation->unit || !valuation->unit->accounts.count ||
           jb_setting_list_holds(&valuation->unit->accounts, jb_ledger_path(valuation->ledger, account));
}

static bool share_holds(const struct jb_valuation *valuation, const struct share *share,
                        jb_account_id account) {
    char key[64];
    const char *equals = strchr(share->label, '=');
    if (!jb_value_in_unit(valuation, account))
        return false;
    if (*share->account) {
        const struct jb_name_list list = {.items = (const char **)(uintptr_t)&share->account, .count = 1};
        return jb_setting_list_holds(&list, jb_ledger_path(valuation->ledger, account));
    }
    if (!equals)
        return true;
    snprintf(key, sizeof key, "%.*s", (int)(equals - share->label), share->label);
    const char *value = jb_grouping_label(valuation->grouping, key, account);
    return value && strcmp(value, equals + 1) == 0;
}

/* Sums the amounts of the period by whom they are for. */
static enum jb_code gather(const struct jb_valuation *valuation, struct jb_error *error,
                           struct share **ret_shares, size_t *ret_count) {
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *keys = NULL;
    _cleanup_free_ struct share *shares = NULL;
    size_t capacity = 0, count = 0;
    enum jb_code code = jb_strings_make(1000000, error, &keys);
    for (size_t i = 0; i < valuation->unit->amount_count && !code; i++) {
        const struct jb_unit_amount *amount = &valuation->unit->amounts[i];
        double part = part_in(amount, valuation->from_ns, valuation->to_ns);
        char key[2 * JB_ACCOUNT_SIZE];
        uint32_t id;
        if (amount->from_ns >= valuation->to_ns || amount->until_ns <= valuation->from_ns)
            continue;
        snprintf(key, sizeof key, "%.1000s\n%.1000s", amount->account, amount->label);
        code = jb_strings_intern(keys, key, error, &id);
        if (!code)
            code = jb_array_reserve(&shares, &capacity, (size_t)id + 1, 1000000, "amounts of a unit", error);
        if (code)
            break;
        if (id == count)
            shares[count++] =
                (struct share){.account = amount->account, .label = amount->label, .group = JB_FIGURE_TOTAL};
        shares[id].amount += part;
    }
    *ret_shares = JB_TAKE(shares);
    *ret_count = count;
    return code;
}

enum jb_code jb_value_unit(struct jb_valuation *valuation, struct jb_error *error) {
    _cleanup_free_ struct share *shares = NULL;
    _cleanup_free_ bool *is_mixed = NULL;
    size_t count = 0, groups = jb_grouping_count(valuation->grouping);
    if (!valuation->unit)
        return JB_OK;
    enum jb_code code = gather(valuation, error, &shares, &count);
    if (code)
        return code;
    is_mixed = calloc(groups + 1, sizeof *is_mixed);
    if (!is_mixed)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu groups", groups);
    for (size_t g = 0; g <= groups; g++)
        valuation->totals[g].unit_amount = NAN;
    for (size_t i = 0; i < count; i++) {
        struct share *share = &shares[i];
        bool is_several = false;
        for (size_t r = 0; r < valuation->route_count; r++) {
            uint32_t group = 0;
            if (!share_holds(valuation, share, valuation->routes[r].account) ||
                jb_grouping_of(valuation->grouping, valuation->routes[r].account, NULL, &group))
                continue;
            is_several = is_several || (share->is_met && share->group != group);
            share->is_met = true;
            share->group = group;
        }
        for (size_t r = 0; is_several && r < valuation->route_count; r++) {
            uint32_t group = 0;
            if (share_holds(valuation, share, valuation->routes[r].account) &&
                !jb_grouping_of(valuation->grouping, valuation->routes[r].account, NULL, &group))
                is_mixed[group] = true;
        }
        if (!share->is_met)
            continue;
        double *total = &valuation->totals[0].unit_amount,
               *own = &valuation->totals[share->group + 1].unit_amount;
        *total = isnan(*total) ? share->amount : *total + share->amount;
        if (!is_several)
            *own = isnan(*own) ? share->amount : *own + share->amount;
    }
    for (size_t g = 0; g < groups; g++) {
        if (is_mixed[g])
            valuation->totals[g + 1].unit_amount = NAN; /* a part of an amount that nobody split */
    }
    double whole = valuation->totals[0].unit_amount;
    if (!(whole > 0))
        return jb_error_set(
            error, JB_INPUT,
            "%s, line %u: unit %.60s has %s in this period, and SCI divides by it (ISO/IEC 21031); "
            "give its amounts, or another period",
            valuation->request.setting->file, valuation->unit->line, valuation->unit->name,
            isnan(whole) ? "no amount" : "an amount of 0");
    return JB_OK;
}

struct jb_sci jb_valuation_sci(const struct jb_valuation *valuation, uint32_t group) {
    const struct jb_value_total *total = &valuation->totals[group == JB_FIGURE_TOTAL ? 0 : group + 1];
    const struct jb_figure *figure = jb_valuation_figure(valuation, group, JB_COLUMN_SCI);
    struct jb_sci sci = {.amount = total->unit_amount, .value = NAN, .low = NAN, .high = NAN};
    if (!figure || !valuation->unit)
        return (struct jb_sci){NAN, NAN, NAN, NAN};
    if (sci.amount > 0) {
        sci.value = (double)figure->amount / sci.amount;
        sci.low = figure->low / sci.amount;
        sci.high = figure->high / sci.amount;
    }
    return sci;
}
