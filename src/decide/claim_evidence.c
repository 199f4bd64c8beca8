/* Looks for what meters, contracts and providers say of a claim. */
#include "decide/claim.h"

#include "base/distribution.h"
#include "base/time.h"
#include "decide/kpi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A year of which less is known does not set a course. */
#define COURSE_COVERAGE 0.5

void jb_claim_evidence_free(struct jb_claim_evidence *evidence) {
    if (!evidence)
        return;
    free(evidence->points);
    *evidence = (struct jb_claim_evidence){0};
}

static struct jb_claim_figure figure_of(const struct jb_kpi_figure *figure) {
    return (struct jb_claim_figure){figure->is_known, figure->value, figure->low, figure->high,
                                    figure->coverage};
}

static struct jb_claim_figure share(double amount_kwh, double sigma_kwh, double consumed_kwh,
                                    double coverage) {
    struct jb_claim_figure figure = {.is_known = true, .coverage = coverage};
    figure.value = fmin(1, amount_kwh / consumed_kwh);
    jb_interval_95(amount_kwh / consumed_kwh, sigma_kwh / consumed_kwh, &figure.low, &figure.high);
    figure.low = fmax(0, fmin(1, figure.low));
    figure.high = fmin(1, figure.high);
    if (isnan(sigma_kwh))
        figure.low = figure.high = NAN;
    return figure;
}

/* Of clean and renewable claims: what was bought by volume, what of it was used in its hour, and on what the
 * difference rests. Contracts alone count: a grid's own clean part is nobody's claim. */
static void add_contracts(const struct jb_kpi_facts *facts, const struct jb_kpi_contracts *contracts,
                          struct jb_claim_evidence *evidence) {
    if (!(facts->consumed_kwh > 0) || !contracts->is_known)
        return;
    double consumed = facts->consumed_kwh, bought = contracts->bought_kwh.value;
    double relative = bought > 0 ? contracts->bought_kwh.sigma / bought : 0;
    double reaching = fmin(consumed, bought - contracts->undeliverable_kwh.value);
    evidence->consumed_kwh = consumed;
    evidence->volume_kwh = bought;
    evidence->annual = share(bought, contracts->bought_kwh.sigma, consumed, facts->load_known);
    evidence->hourly =
        share(contracts->by_hour_kwh, contracts->by_hour_kwh * relative, consumed, facts->load_known);
    evidence->other_hours_kwh = fmax(0, reaching - contracts->by_hour_kwh);
    evidence->undeliverable_kwh = fmax(0, fmin(consumed, bought) - reaching);
}

/* The figure of a claim's kind in a period. */
static struct jb_claim_figure metered_of(const struct jb_claim *claim, const struct jb_kpi_facts *facts,
                                         struct jb_claim_evidence *evidence) {
    static const enum jb_kpi kpis[JB_CLAIM_KIND_COUNT] = {[JB_CLAIM_PUE] = JB_KPI_PUE,
                                                          [JB_CLAIM_WUE] = JB_KPI_WUE,
                                                          [JB_CLAIM_CUE] = JB_KPI_CUE,
                                                          [JB_CLAIM_REUSE] = JB_KPI_ERF};
    struct jb_kpi_figure figures[JB_KPI_COUNT];
    jb_kpi_figures(facts, figures);
    if (claim->kind != JB_CLAIM_CLEAN && claim->kind != JB_CLAIM_RENEWABLE)
        return figure_of(&figures[kpis[claim->kind]]);
    add_contracts(facts, claim->kind == JB_CLAIM_CLEAN ? &facts->carbon_free : &facts->renewable, evidence);
    return claim->is_hourly ? evidence->hourly : evidence->annual;
}

static bool book_has_site(struct jb_ledger *ledger, const char *site) {
    char component[JB_COMPONENT_SIZE], path[JB_ACCOUNT_SIZE];
    jb_account_id id;
    struct jb_store *store = jb_ledger_store(ledger);
    jb_account_encode(site, strlen(site), component);
    snprintf(path, sizeof path, "site/%s", component);
    return store->ops->account_id(store, path, false, NULL, &id) == JB_OK;
}

static enum jb_code make_facts(struct jb_ledger *ledger, const struct jb_setting *setting,
                               const struct jb_factors *factors, const struct jb_claim *claim,
                               const int64_t *cuts, size_t periods, struct jb_error *error,
                               struct jb_kpi_facts *facts) {
    _cleanup_(jb_valuation_free_cleanup) struct jb_valuation *valuation = NULL;
    enum jb_code code = setting->site_count ? jb_kpi_value(ledger, setting, factors, cuts[0], cuts[periods],
                                                           error, &valuation)
                                            : JB_OK;
    return code ? code
                : jb_kpi_make(ledger, setting, valuation, *claim->site ? claim->site : NULL, cuts, periods,
                              error, facts);
}

/* Figures by year from the first energy in the book up to now. */
static enum jb_code look_at_years(struct jb_ledger *ledger, const struct jb_setting *setting,
                                  const struct jb_factors *factors, const struct jb_claim *claim,
                                  int64_t now_ns, struct jb_error *error,
                                  struct jb_claim_evidence *evidence) {
    struct jb_query query = {.from_ns = INT64_MIN, .to_ns = now_ns};
    _cleanup_free_ int64_t *cuts = NULL;
    size_t periods = 0;
    int64_t first_ns, last_ns;
    enum jb_code code = jb_kpi_period(ledger, &query, error, &first_ns, &last_ns);
    if (code)
        return code == JB_NO_DATA ? JB_OK : code;
    code = jb_kpi_cuts(first_ns, last_ns, 12, error, &cuts, &periods);
    if (code)
        return code;
    _cleanup_free_ struct jb_kpi_facts *facts = calloc(periods, sizeof *facts);
    evidence->points = calloc(periods, sizeof *evidence->points);
    if (!facts || !evidence->points)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu years", periods);
    code = make_facts(ledger, setting, factors, claim, cuts, periods, error, facts);
    for (size_t i = 0; !code && i < periods; i++) {
        struct jb_claim_figure figure = metered_of(claim, &facts[i], evidence);
        if (figure.is_known && figure.coverage >= COURSE_COVERAGE)
            evidence->points[evidence->point_count++] = (struct jb_course_point){
                cuts[i], cuts[i + 1], figure.value, jb_interval_95_standard(figure.low, figure.high)};
        evidence->metered = figure.is_known ? figure : evidence->metered; /* the last one known is shown */
    }
    return code;
}

static enum jb_code look_at_meters(struct jb_ledger *ledger, const struct jb_setting *setting,
                                   const struct jb_factors *factors, const struct jb_claim *claim,
                                   int64_t now_ns, struct jb_error *error,
                                   struct jb_claim_evidence *evidence) {
    if (claim->is_goal)
        return look_at_years(ledger, setting, factors, claim, now_ns, error, evidence);
    struct jb_kpi_facts facts = {0};
    int64_t cuts[] = {claim->from_ns, claim->until_ns};
    enum jb_code code = make_facts(ledger, setting, factors, claim, cuts, 1, error, &facts);
    if (!code)
        evidence->metered = metered_of(claim, &facts, evidence);
    return code;
}

/* The provider's own figure at the middle of the period, or the last before now. */
static void look_at_provider(const struct jb_factors *factors, const struct jb_claim *claim, int64_t now_ns,
                             struct jb_claim_evidence *evidence) {
    static const struct {
        enum jb_quantity quantity;
        double scale;
    } quantities[JB_CLAIM_KIND_COUNT][2] = {
        [JB_CLAIM_PUE] = {{JB_PUE, 1}},
        [JB_CLAIM_WUE] = {{JB_WUE, 1}},
        [JB_CLAIM_CLEAN] = {{JB_CLEAN_SHARE, 0.01}, {JB_CFE, 0.01}},
        [JB_CLAIM_RENEWABLE] = {{JB_CLEAN_SHARE, 0.01}},
    };
    const struct jb_factor_set *sets;
    struct jb_factor_query query = {
        .provider = claim->provider,
        .region = claim->region,
        .at_ns = claim->is_goal ? now_ns : claim->from_ns + (claim->until_ns - claim->from_ns) / 2,
        .allows_earlier = claim->is_goal,
        .allows_fleet = true};
    jb_factors_sets(factors, &sets);
    for (size_t i = 0; *claim->provider && i < 2 && quantities[claim->kind][i].scale > 0; i++) {
        struct jb_factor_answer answer;
        char from[JB_TIME_SIZE] = "";
        query.quantity = quantities[claim->kind][i].quantity;
        if (jb_factors_find(factors, &query, &answer))
            continue;
        const struct jb_factor *factor = answer.factor;
        if (factor->from_ns != INT64_MIN)
            jb_time_format(factor->from_ns, from);
        evidence->declared =
            (struct jb_claim_figure){.is_known = true,
                                     .value = factor->value * quantities[claim->kind][i].scale,
                                     .low = NAN,
                                     .high = NAN};
        snprintf(evidence->declared_source, sizeof evidence->declared_source, "%.300s%s%.10s",
                 *factor->source ? factor->source : sets[factor->set].source, *from ? ", from " : "", from);
        return;
    }
}

/* The sites that the claim is about: the one it names; else those of its provider and region, for one's own
 * meters say nothing of somebody else's data centres; else all. */
static size_t pick_sites(const struct jb_setting *setting, const struct jb_claim *claim,
                         struct jb_site *ret) {
    size_t count = 0;
    for (size_t i = 0; i < setting->site_count; i++) {
        const struct jb_site *site = &setting->sites[i];
        bool is_named = *claim->site && strcmp(claim->site, site->name) == 0;
        bool is_providers = strcmp(claim->provider, site->provider) == 0 &&
                            (!*claim->region || strcmp(claim->region, site->region) == 0);
        if (*claim->site ? is_named : !*claim->provider || is_providers)
            ret[count++] = *site;
    }
    return count;
}

enum jb_code jb_claim_look(struct jb_ledger *ledger, const struct jb_setting *setting,
                           const struct jb_factors *factors, const struct jb_claim *claim, const char *file,
                           int64_t now_ns, struct jb_error *error, struct jb_claim_evidence *ret_evidence) {
    struct jb_claim_evidence evidence = {0};
    enum jb_code code = JB_OK;
    if (*claim->site && !jb_setting_site(setting, claim->site) &&
        !(ledger && book_has_site(ledger, claim->site)))
        return jb_error_set(
            error, JB_INPUT,
            "%s, line %u: neither the setting nor the book has a site '%.60s'; take it out where "
            "there is no meter of yours",
            file, claim->line, claim->site);
    look_at_provider(factors, claim, now_ns, &evidence);
    _cleanup_free_ struct jb_site *sites = calloc(setting->site_count + 1, sizeof *sites);
    if (!sites)
        return jb_error_set(error, JB_MEMORY, "no memory for the sites");
    struct jb_setting meant = *setting;
    meant.sites = sites;
    meant.site_count = pick_sites(setting, claim, sites);
    if (ledger && (*claim->site || meant.site_count))
        code = look_at_meters(ledger, &meant, factors, claim, now_ns, error, &evidence);
    if (code)
        jb_claim_evidence_free(&evidence);
    else
        *ret_evidence = evidence;
    return code;
}
