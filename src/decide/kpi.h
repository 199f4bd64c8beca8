/* Key figures of a data centre: PUE, CUE, WUE, REF, ERF and CFE, from what its meters booked. */
#ifndef JB_DECIDE_KPI_H
#define JB_DECIDE_KPI_H

#include "account/setting.h"
#include "account/value.h"
#include "decide/claim.h"
#include "ledger/ledger.h"

enum jb_kpi {
    JB_KPI_PUE, /* power usage effectiveness, ISO/IEC 30134-2: facility / IT */
    JB_KPI_CUE, /* carbon usage effectiveness, ISO/IEC 30134-8: location-based carbon / IT, kg/kWh */
    JB_KPI_WUE, /* water usage effectiveness, ISO/IEC 30134-9 category 1: site water / IT, L/kWh */
    JB_KPI_REF, /* renewable energy factor, ISO/IEC 30134-3: renewable energy by volume / facility, 0 to 1 */
    JB_KPI_ERF, /* energy reuse factor, ISO/IEC 30134-6: reused / facility, 0 to 1 */
    JB_KPI_CFE, /* carbon-free energy matched by the hour: (contracts used in their hour + the rest × the
                   grid's carbon-free share) / facility, 0 to 1 (24/7 Carbon-free Energy, Google 2021) */
    JB_KPI_COUNT,
};
struct jb_kpi_info {
    const char *name, *title, *unit, *standard;
    bool is_at_most;       /* less is better */
    double floor, ceiling; /* no value lies outside */
};
const struct jb_kpi_info *jb_kpi_info(enum jb_kpi kpi);

/* An amount with its standard uncertainty (NaN: not known). */
struct jb_kpi_amount {
    bool is_known;
    double value, sigma;
};

/* What is known of a site over [from, until): meters over the hours in which facility and IT are both metered
 * whole, the rest over the hours with a load. */
struct jb_kpi_facts {
    int64_t from_ns, until_ns;
    int64_t known_ns; /* length of these hours */
    struct jb_kpi_amount facility_kwh, it_kwh, water_l, reused_kwh, carbon_kg;
    struct jb_kpi_amount water_it_kwh; /* IT in the hours whose water is known */
    /* Part of the period for which each is known: */
    double water_known, carbon_known, reused_known;
    enum jb_pue_category category;        /* where IT is metered: 0 not said */
    double consumed_kwh;                  /* drawn, by meter or by PUE; 0: not known */
    double load_known;                    /* part of the period with a load */
    bool is_load_spread;                  /* it is booked for longer than an hour at a time */
    struct jb_kpi_amount renewable_kwh;   /* of it: of contracts and own plants, by volume */
    struct jb_kpi_amount carbon_free_kwh; /* of it: matched by the hour, with the grid's share of the rest */
    double carbon_free_of_kwh;            /* of consumed: where that share is known */
    double carbon_free_known;             /* part of the period for which that is known */
    /* Of contracts alone, of what is carbon-free and of what is renewable; what was bought may be more than
     * consumed. */
    struct jb_kpi_contracts {
        bool is_known; /* there is a load */
        struct jb_kpi_amount bought_kwh, undeliverable_kwh;
        double by_hour_kwh;
    } carbon_free, renewable;
};

struct jb_kpi_figure {
    bool is_known;
    double value;
    double sigma, low, high; /* NaN: not known */
    double coverage;         /* part of the period behind it, 0 to 1 */
    const char *lack; /* is_known false: what is missing, with the mend; else what it is known without */
};

/* The six figures of a period; ratios of sums. Errors of numerator and denominator are independent (other
 * meters): relative standard uncertainties in quadrature (JCGM 100:2008, 5.1.6). Intervals end where no value
 * lies. */
void jb_kpi_figures(const struct jb_kpi_facts *facts, struct jb_kpi_figure ret_figures[static JB_KPI_COUNT]);

/* Energy and water of site/NAME in each period [cuts[i], cuts[i + 1]), from the book's flows: facility is
 * what flows into the site, IT what flows out of it but into overhead, unattributed and water. An hour counts
 * when its overhead is booked, nothing of it is unattributed, and no gap of the site touches it. Carbon and
 * matching are left unknown. facts: period_count of them. JB_NO_DATA: the book has no such site. */
enum jb_code jb_kpi_gather(struct jb_ledger *ledger, const char *site, const int64_t *cuts,
                           size_t period_count, struct jb_error *error, struct jb_kpi_facts *ret_facts);

/* Loads of the setting's sites by the hour over [from, to), with what covers them: once for all sites and
 * periods in it; setting and factors must outlive it. */
enum jb_code jb_kpi_value(struct jb_ledger *ledger, const struct jb_setting *setting,
                          const struct jb_factors *factors, int64_t from_ns, int64_t to_ns,
                          struct jb_error *error, struct jb_valuation **ret_valuation);
/* The same as jb_kpi_gather with carbon, contracts and reused heat. valuation: of jb_kpi_value, NULL when the
 * setting has nothing to say. site NULL: all sites of the setting together (meters of sites err on their own;
 * one grid errs alike for all). */
enum jb_code jb_kpi_make(struct jb_ledger *ledger, const struct jb_setting *setting,
                         struct jb_valuation *valuation, const char *site, const int64_t *cuts,
                         size_t period_count, struct jb_error *error, struct jb_kpi_facts *ret_facts);

/* From the first to the last energy that the query finds in the book; JB_NO_DATA: there is none. */
enum jb_code jb_kpi_period(struct jb_ledger *ledger, const struct jb_query *query, struct jb_error *error,
                           int64_t *ret_from_ns, int64_t *ret_to_ns);
/* Cuts of [from, to) at the beginnings of UTC months, quarters or years (months: 1, 3 or 12; 0: one period);
 * malloc'd. JB_LIMIT: more than a hundred years of months. */
enum jb_code jb_kpi_cuts(int64_t from_ns, int64_t to_ns, unsigned months, struct jb_error *error,
                         int64_t **ret_cuts, size_t *ret_period_count);

#endif
