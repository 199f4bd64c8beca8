/* Adds carbon, contracts and reused heat to what meters say of a site. */
#include "decide/kpi.h"

#include "base/clock.h"
#include "base/time.h"
#include "factor/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KW_MW 1000.0

/* One contract's part of the figures. Its volume's error, where none is said, is not known. */
static void add_contract(const struct jb_contract_use *use, bool counts, struct jb_kpi_contracts *contracts,
                         double *variance, double *undeliverable_variance) {
    const struct jb_declared *volume = &use->contract->volume_kwh;
    double uncertainty = jb_declared_is_set(volume) ? volume->uncertainty : NAN;
    double sigma = use->available_kwh > 0 ? use->available_kwh * uncertainty : 0;
    if (!counts)
        return;
    contracts->bought_kwh.is_known = true;
    contracts->bought_kwh.value += use->available_kwh;
    contracts->by_hour_kwh += use->by_hour_kwh;
    *variance += sigma * sigma;
    if (!use->is_deliverable) {
        contracts->undeliverable_kwh.value += use->available_kwh;
        *undeliverable_variance += sigma * sigma;
    }
}

static void add_contracts(const struct jb_matching *matching, struct jb_kpi_facts *facts) {
    double variances[4] = {0}, by_volume_kwh = 0, by_volume_variance = 0, clean_by_hour_variance = 0;
    facts->carbon_free.is_known = facts->renewable.is_known = true;
    for (size_t i = 0; i < matching->use_count; i++) {
        const struct jb_contract_use *use = &matching->uses[i];
        bool is_renewable = false, is_carbon_free = false;
        jb_technology_class(use->contract->technology, &is_renewable, &is_carbon_free);
        add_contract(use, is_carbon_free, &facts->carbon_free, &variances[0], &variances[1]);
        add_contract(use, is_renewable, &facts->renewable, &variances[2], &variances[3]);
        double uncertainty =
            jb_declared_is_set(&use->contract->volume_kwh) ? use->contract->volume_kwh.uncertainty : NAN;
        double sigma = use->by_volume_kwh > 0 ? use->by_volume_kwh * uncertainty : 0;
        if (is_renewable) {
            by_volume_kwh += use->by_volume_kwh;
            by_volume_variance += sigma * sigma;
        }
        sigma = use->by_hour_kwh > 0 ? use->by_hour_kwh * uncertainty : 0;
        if (is_carbon_free)
            clean_by_hour_variance += sigma * sigma;
    }
    facts->carbon_free.bought_kwh.sigma = sqrt(variances[0]);
    facts->carbon_free.undeliverable_kwh.sigma = sqrt(variances[1]);
    facts->renewable.bought_kwh.sigma = sqrt(variances[2]);
    facts->renewable.undeliverable_kwh.sigma = sqrt(variances[3]);
    facts->renewable_kwh =
        (struct jb_kpi_amount){matching->use_count > 0, by_volume_kwh, sqrt(by_volume_variance)};
    facts->carbon_free_kwh = (struct jb_kpi_amount){
        matching->rest_free_known_kwh > 0 || matching->rest_kwh <= 0,
        facts->carbon_free.by_hour_kwh + matching->rest_free_kwh,
        sqrt(clean_by_hour_variance + matching->rest_free_sigma_kwh * matching->rest_free_sigma_kwh)};
}

/* Carbon of the metered hours: what they drew at the period's mean intensity (a ratio of sums). */
static void add_carbon(const struct jb_matching *matching, struct jb_kpi_facts *facts) {
    if (!(matching->intensity_known_kwh > 0) || !facts->facility_kwh.is_known)
        return;
    double intensity = matching->carbon_g / matching->intensity_known_kwh / 1000;
    double relative = matching->carbon_g > 0 ? matching->carbon_sigma_g / matching->carbon_g : 0;
    double facility = facts->facility_kwh.value;
    facts->carbon_kg = (struct jb_kpi_amount){
        true, facility * intensity,
        facility * intensity * hypot(relative, facility > 0 ? facts->facility_kwh.sigma / facility : 0)};
    facts->carbon_known = (double)facts->known_ns / (double)(facts->until_ns - facts->from_ns) *
                          matching->intensity_known_kwh / matching->consumed_kwh;
}

static enum jb_code add_matching(struct jb_valuation *valuation, const char *site, struct jb_error *error,
                                 struct jb_kpi_facts *facts) {
    struct jb_matching matching;
    enum jb_code code =
        jb_valuation_matching(valuation, site, facts->from_ns, facts->until_ns, error, &matching);
    if (code)
        return code == JB_NO_DATA ? JB_OK : code;
    double length_ns = (double)(facts->until_ns - facts->from_ns);
    facts->consumed_kwh = matching.consumed_kwh;
    facts->load_known = fmin(1, (double)matching.load_ns / length_ns);
    add_contracts(&matching, facts);
    add_carbon(&matching, facts);
    facts->is_load_spread = matching.longest_ns > JB_HOUR_NS;
    double with_share = matching.consumed_kwh - matching.rest_kwh + matching.rest_free_known_kwh;
    facts->carbon_free_of_kwh = with_share;
    facts->carbon_free_known = facts->load_known * with_share / matching.consumed_kwh;
    jb_matching_free(&matching);
    return JB_OK;
}

static bool is_reuse_of(const struct jb_series *series, const char *site) {
    char name[JB_SERIES_NAME_SIZE];
    size_t length = (size_t)snprintf(name, sizeof name, JB_REUSED_HEAT "/%.100s", site);
    return strcmp(series->unit, "MW") == 0 && strncmp(series->name, name, length) == 0 &&
           (series->name[length] == '\0' || series->name[length] == '/');
}

/* One series of reused heat, in the metered hours, as its mean over what it covers of the period. One that
 * begins after the period or ends before it has no part in it. */
static enum jb_code add_reuse_series(struct jb_store *store, const struct jb_series *series,
                                     struct jb_kpi_facts *facts, double *covered, struct jb_error *error) {
    _cleanup_free_ struct jb_step *steps = NULL;
    size_t count = 0;
    int64_t covered_ns = 0;
    if (series->first_ns >= facts->until_ns || series->last_ns <= facts->from_ns)
        return JB_OK;
    enum jb_code code =
        store->ops->series_read(store, series->name, facts->from_ns, facts->until_ns, error, &steps, &count);
    if (code)
        return code;
    double mean = jb_steps_mean(steps, count, facts->from_ns, facts->until_ns, &covered_ns);
    double kwh = isnan(mean) ? 0 : mean * KW_MW * ((double)facts->known_ns / JB_HOUR_NS);
    double sigma = kwh > 0 ? kwh * series->uncertainty : 0;
    facts->reused_kwh.value += kwh;
    facts->reused_kwh.sigma = hypot(facts->reused_kwh.sigma, sigma);
    *covered = fmin(*covered, (double)covered_ns / (double)(facts->until_ns - facts->from_ns));
    facts->reused_kwh.is_known = true;
    return JB_OK;
}

/* Reused heat: the series reused_heat/SITE and reused_heat/SITE/METER (MW), else what the setting declares a
 * year (site NULL: it does not have the site). */
static enum jb_code add_reuse(struct jb_ledger *ledger, const char *name, const struct jb_site *site,
                              struct jb_error *error, struct jb_kpi_facts *facts) {
    struct jb_store *store = jb_ledger_store(ledger);
    _cleanup_free_ struct jb_series *series = NULL;
    size_t count = 0;
    double covered = 1, known = (double)facts->known_ns / (double)(facts->until_ns - facts->from_ns);
    enum jb_code code = store->ops->series_list(store, error, &series, &count);
    for (size_t i = 0; !code && i < count; i++) {
        if (is_reuse_of(&series[i], name))
            code = add_reuse_series(store, &series[i], facts, &covered, error);
    }
    if (code)
        return code;
    facts->reused_kwh.is_known = facts->reused_kwh.is_known && covered > 0;
    if (!facts->reused_kwh.is_known) {
        facts->reused_kwh = (struct jb_kpi_amount){0};
        covered = 1;
    }
    if (!facts->reused_kwh.is_known && site && jb_declared_is_set(&site->reused_energy_kwh_per_year)) {
        const struct jb_declared *declared = &site->reused_energy_kwh_per_year;
        double kwh = declared->value * (double)facts->known_ns / (double)JB_YEAR_NS;
        facts->reused_kwh = (struct jb_kpi_amount){true, kwh, kwh * declared->uncertainty};
    }
    facts->reused_known = facts->reused_kwh.is_known ? fmin(known, covered) : 0;
    return JB_OK;
}

enum jb_code jb_kpi_value(struct jb_ledger *ledger, const struct jb_setting *setting,
                          const struct jb_factors *factors, int64_t from_ns, int64_t to_ns,
                          struct jb_error *error, struct jb_valuation **ret_valuation) {
    struct jb_value_request request = {.setting = setting, .factors = factors, .wants_hours = true};
    request.statement.query.from_ns = from_ns;
    request.statement.query.to_ns = to_ns;
    request.statement.by = JB_BY_HOST;
    return jb_value_make(ledger, &request, error, ret_valuation);
}

static void add_amount(struct jb_kpi_amount *sum, const struct jb_kpi_amount *amount) {
    sum->is_known = sum->is_known || amount->is_known;
    if (amount->is_known) {
        sum->value += amount->value;
        sum->sigma = hypot(sum->sigma, amount->sigma);
    }
}

/* All sites together: an hour counts for the sites that are metered in it, and coverage is theirs on average.
 */
static void add_site(struct jb_kpi_facts *sum, const struct jb_kpi_facts *site, double part) {
    add_amount(&sum->facility_kwh, &site->facility_kwh);
    add_amount(&sum->it_kwh, &site->it_kwh);
    add_amount(&sum->water_l, &site->water_l);
    add_amount(&sum->water_it_kwh, &site->water_it_kwh);
    add_amount(&sum->reused_kwh, &site->reused_kwh);
    sum->known_ns += (int64_t)((double)site->known_ns * part);
    sum->water_known += site->water_known * part;
    sum->reused_known += site->reused_known * part;
    sum->category = sum->category && sum->category != site->category ? JB_PUE_CATEGORY_NONE : site->category;
}

static enum jb_code gather_site(struct jb_ledger *ledger, const struct jb_setting *setting, const char *name,
                                const int64_t *cuts, size_t count, struct jb_error *error,
                                struct jb_kpi_facts *facts) {
    const struct jb_site *site = setting ? jb_setting_site(setting, name) : NULL;
    enum jb_code code = jb_kpi_gather(ledger, name, cuts, count, error, facts);
    if (code == JB_NO_DATA && site) {
        /* Without meters of its own it may still have hosts, and so a load. */
        for (size_t i = 0; i < count; i++)
            facts[i] = (struct jb_kpi_facts){.from_ns = cuts[i], .until_ns = cuts[i + 1]};
        code = JB_OK;
    }
    for (size_t i = 0; i < count && !code; i++) {
        if (!facts[i].category && site)
            facts[i].category = site->pue_category;
        code = add_reuse(ledger, name, site, error, &facts[i]);
    }
    return code;
}

static enum jb_code gather_all(struct jb_ledger *ledger, const struct jb_setting *setting,
                               const int64_t *cuts, size_t count, struct jb_error *error,
                               struct jb_kpi_facts *sums) {
    _cleanup_free_ struct jb_kpi_facts *facts = calloc(count, sizeof *facts);
    enum jb_code code = facts ? JB_OK : jb_error_set(error, JB_MEMORY, "no memory for %zu periods", count);
    for (size_t i = 0; i < count && !code; i++)
        sums[i] = (struct jb_kpi_facts){.from_ns = cuts[i], .until_ns = cuts[i + 1]};
    for (size_t s = 0; s < setting->site_count && !code; s++) {
        code = gather_site(ledger, setting, setting->sites[s].name, cuts, count, error, facts);
        for (size_t i = 0; i < count && !code; i++)
            add_site(&sums[i], &facts[i], 1 / (double)setting->site_count);
    }
    return code;
}

enum jb_code jb_kpi_make(struct jb_ledger *ledger, const struct jb_setting *setting,
                         struct jb_valuation *valuation, const char *site, const int64_t *cuts,
                         size_t period_count, struct jb_error *error, struct jb_kpi_facts *ret_facts) {
    enum jb_code code = site ? gather_site(ledger, setting, site, cuts, period_count, error, ret_facts)
                             : gather_all(ledger, setting, cuts, period_count, error, ret_facts);
    for (size_t i = 0; valuation && i < period_count && !code; i++)
        code = add_matching(valuation, site, error, &ret_facts[i]);
    return code;
}

enum jb_code jb_kpi_period(struct jb_ledger *ledger, const struct jb_query *query, struct jb_error *error,
                           int64_t *ret_from_ns, int64_t *ret_to_ns) {
    struct jb_store *store = jb_ledger_store(ledger);
    struct jb_query energy = *query;
    _cleanup_free_ struct jb_sum *sums = NULL;
    size_t count = 0;
    int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
    energy.commodity = JB_ENERGY;
    enum jb_code code = store->ops->sums(store, &energy, error, &sums, &count);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++) {
        first_ns = sums[i].first_ns < first_ns ? sums[i].first_ns : first_ns;
        last_ns = sums[i].last_ns > last_ns ? sums[i].last_ns : last_ns;
    }
    if (first_ns >= last_ns)
        return jb_error_set(error, JB_NO_DATA, "the book has no energy in the period");
    *ret_from_ns = first_ns;
    *ret_to_ns = last_ns;
    return JB_OK;
}

#define PERIOD_CEILING 1200

enum jb_code jb_kpi_cuts(int64_t from_ns, int64_t to_ns, unsigned months, struct jb_error *error,
                         int64_t **ret_cuts, size_t *ret_period_count) {
    _cleanup_free_ int64_t *cuts = calloc(PERIOD_CEILING + 2, sizeof *cuts);
    size_t count = 0;
    int64_t year;
    unsigned month, day;
    if (!cuts)
        return jb_error_set(error, JB_MEMORY, "no memory for the periods");
    jb_civil_from_days(jb_time_floor(from_ns, JB_DAY_NS) / JB_DAY_NS, &year, &month, &day);
    month = months ? (month - 1) / months * months + 1 : month;
    cuts[count++] = from_ns;
    while (months) {
        month += months;
        year += (month - 1) / 12;
        month = (month - 1) % 12 + 1;
        int64_t cut_ns = jb_days_from_civil(year, month, 1) * JB_DAY_NS;
        if (cut_ns >= to_ns)
            break;
        if (count > PERIOD_CEILING)
            return jb_error_set(error, JB_LIMIT, "more than %d periods; give --from and --to",
                                PERIOD_CEILING);
        cuts[count++] = cut_ns;
    }
    cuts[count] = to_ns;
    *ret_cuts = JB_TAKE(cuts);
    *ret_period_count = count;
    return JB_OK;
}
