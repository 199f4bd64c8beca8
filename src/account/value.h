/* Valuation: what the energy of a period is worth in carbon, water and money, by group, with intervals and
 * with what each input adds to them. */
#ifndef JB_ACCOUNT_VALUE_H
#define JB_ACCOUNT_VALUE_H

#include "account/setting.h"
#include "factor/factor.h"
#include "ledger/statement.h"

enum jb_value_column {
    JB_COLUMN_LOCATION,        /* operational carbon, location-based */
    JB_COLUMN_MARKET,          /* operational carbon, market-based */
    JB_COLUMN_HOURLY,          /* operational carbon, matched by the hour */
    JB_COLUMN_SCOPE2_LOCATION, /* of location: from generation, bought by the user */
    JB_COLUMN_SCOPE2_MARKET,
    JB_COLUMN_SCOPE3_LOCATION, /* upstream of the electricity, what providers run, and embodied */
    JB_COLUMN_SCOPE3_MARKET,
    JB_COLUMN_EMBODIED,
    JB_COLUMN_SCI, /* E·I + M: location and embodied */
    JB_COLUMN_WATER,
    JB_COLUMN_MONEY, /* one figure a currency */
    JB_COLUMN_COUNT,
};

struct jb_column_info {
    const char *name;    /* "carbon_location" */
    const char *title;   /* for people */
    const char *formula; /* symbols as jb_input.symbol has them */
    const char *standard;
};
const struct jb_column_info *jb_column_info(enum jb_value_column column);
bool jb_column_of_name(const char *name, enum jb_value_column *ret_column);

enum jb_input_kind {
    JB_INPUT_FACTOR,   /* a row of a factor table */
    JB_INPUT_DECLARED, /* a line of the setting */
    JB_INPUT_SERIES,   /* a series in the book */
    JB_INPUT_METER,    /* energy, or what else was booked, of one meter's account */
};

/* What a figure rests on. */
struct jb_input {
    enum jb_input_kind kind;
    char symbol[8]; /* in formulas: "I", "PUE", "V" */
    char name[192]; /* "grid_intensity/KR", "site seoul1: pue", "meter host/h1/cpu0" */
    char unit[24];
    double value;              /* NaN for a series and a meter, which have many */
    double uncertainty;        /* relative standard; NaN: not known */
    int64_t from_ns, until_ns; /* validity; INT64_MIN, INT64_MAX: open */
    char source[512];          /* citation, file and line, or name of the book's account */
    char set[JB_FACTOR_NAME_SIZE], version[JB_FACTOR_NAME_SIZE];
    uint32_t line;
    bool is_earlier; /* none was valid at the time: the last one before it */
    bool is_fleet;   /* none for the region: the provider's own */
};

/* One figure of one group. */
struct jb_figure {
    uint32_t group; /* of the valuation; JB_FIGURE_TOTAL: all of them */
    enum jb_value_column column;
    jb_commodity commodity; /* unit of the amount: JB_EMBODIED (µg CO2e), JB_WATER, or a currency */
    jb_int128 amount;       /* what is known; rows sum to the total exactly */
    jb_int128 by_method[JB_METHOD_COUNT]; /* of the energy behind it */
    double standard, low, high;           /* 95 % interval; NaN: not known */
    double coverage; /* part of the energy (for embodied, of the hosts' energy) for which the inputs are
                        known: 0 to 1; what is not covered is not in the amount */
};
#define JB_FIGURE_TOTAL UINT32_MAX

/* What one input adds to a figure. */
struct jb_contribution {
    uint32_t input; /* index into inputs */
    double moves; /* ∂F/∂ln x: what of the figure goes with the input; all of it where it is proportional to
                     it */
    double standard; /* signed: moves × relative standard uncertainty; NaN: not known */
};

/* A final account of a group, and what of the figure is its own. */
struct jb_value_account {
    jb_account_id account;
    const char *site; /* "" none */
    double energy_uj;
    jb_int128 amount;
};

struct jb_valuation; /* opaque */

struct jb_value_request {
    struct jb_statement_request statement;
    const struct jb_setting *setting;
    const struct jb_factors *factors;
    const char *unit;                 /* functional unit that SCI is stated per; NULL: none */
    bool wants_hours;                 /* for jb_valuation_matching */
    bool with_touch;                  /* figures will be explained: keep what every input moves */
    const struct jb_valuation *whole; /* of the same book and setting over a period that holds this one, whose
                                         loads of accounting years are then not read again; NULL: none */
};

/* Values the final accounts of a period. The energy of a slice of time (the hour, or the step of the finest
 * intensity series, from a minute on) is multiplied with what holds for it. JB_INPUT: the setting names a
 * factor, a series or a unit that is not there, or a functional unit's amount is 0. */
enum jb_code jb_value_make(struct jb_ledger *ledger, const struct jb_value_request *request,
                           struct jb_error *error, struct jb_valuation **ret_valuation);
void jb_valuation_free(struct jb_valuation *valuation); /* NULL-safe */

size_t jb_valuation_groups(const struct jb_valuation *valuation);
const char *jb_valuation_group(const struct jb_valuation *valuation, uint32_t group); /* its name */
uint32_t jb_valuation_find_group(const struct jb_valuation *valuation,
                                 const char *name); /* JB_FIGURE_TOTAL: none */
/* Figures of all groups: by column, currency, then group; those of columns that have nothing to say are left
 * out. Totals stand apart. */
size_t jb_valuation_figures(const struct jb_valuation *valuation, const struct jb_figure **ret_figures);
size_t jb_valuation_totals(const struct jb_valuation *valuation, const struct jb_figure **ret_totals);
/* The figure of a group (JB_FIGURE_TOTAL) and column; of money the first currency. NULL: it has none. */
const struct jb_figure *jb_valuation_figure(const struct jb_valuation *valuation, uint32_t group,
                                            enum jb_value_column column);
size_t jb_valuation_inputs(const struct jb_valuation *valuation, const struct jb_input **ret_inputs);
/* What the inputs add to a figure, largest first; malloc'd. The valuation was asked for with_touch. */
enum jb_code jb_valuation_contributions(const struct jb_valuation *valuation, const struct jb_figure *figure,
                                        struct jb_error *error, struct jb_contribution **ret_contributions,
                                        size_t *ret_count);
/* The accounts that a figure is made of, largest first; malloc'd. What is booked as water, money or embodied
 * carbon is not in it. */
enum jb_code jb_valuation_accounts(const struct jb_valuation *valuation, const struct jb_figure *figure,
                                   struct jb_error *error, struct jb_value_account **ret_accounts,
                                   size_t *ret_count);
/* What has to be said beside the figures: what is missing, and what stands in for it. */
size_t jb_valuation_notes(const struct jb_valuation *valuation, const char *const **ret_notes);

/* Energy of a group as the meters and (with PUE) the grid have it, µJ; JB_FIGURE_TOTAL: all. */
struct jb_value_energy {
    double metered_uj, drawn_uj;
    double matched_volume_uj, matched_hourly_uj; /* of drawn: covered by contracts */
};
struct jb_value_energy jb_valuation_energy(const struct jb_valuation *valuation, uint32_t group);

/* SCI (ISO/IEC 21031:2024, 5): (E·I + M) / R, location-based, as ratio of sums, µg CO2e per unit. */
struct jb_sci {
    double amount; /* R in the period; NaN: not stated for this group */
    double value;  /* NaN: R is not stated, or 0 */
    double low, high;
};
struct jb_sci jb_valuation_sci(const struct jb_valuation *valuation, uint32_t group);

/* What one contract supplied of a site's load, or of all. */
struct jb_contract_use {
    const struct jb_contract *contract;
    double available_kwh;              /* generated or bought in the period, for whomever */
    double by_hour_kwh, by_volume_kwh; /* used in the hour of generation; used at all (never less) */
    bool is_deliverable;               /* its grid reaches the site (for all: one of them) */
};
/* How a load was covered in [from, to), whole hours. Sums of ratios' parts, so that ratios of sums can be
 * made. */
struct jb_matching {
    double consumed_kwh;             /* drawn, PUE included */
    int64_t load_ns;                 /* length of the hours with a load, of the site that has most */
    double carbon_g, carbon_sigma_g; /* location-based, of what `intensity_known_kwh` is drawn in */
    double intensity_known_kwh;
    double rest_kwh;                           /* of consumed: covered by no contract in its hour */
    double rest_free_kwh, rest_free_sigma_kwh; /* of rest: the grid's carbon-free part */
    double rest_renewable_kwh, rest_renewable_sigma_kwh;
    double rest_free_known_kwh, rest_renewable_known_kwh; /* of rest: with a known share */
    struct jb_contract_use *uses;                         /* one a contract of the setting */
    size_t use_count;
    int64_t longest_ns; /* of the flows of energy: what is longer than an hour is taken as even */
};
/* site NULL: all of the setting. The grid's shares are those of the series carbon_free_share/GRID and
 * renewable_share/GRID in the book, else of the factors. The valuation was made with wants_hours, and for a
 * period that holds [from, to). JB_NO_DATA: no such site, or no load. */
enum jb_code jb_valuation_matching(struct jb_valuation *valuation, const char *site, int64_t from_ns,
                                   int64_t to_ns, struct jb_error *error, struct jb_matching *ret_matching);
void jb_matching_free(struct jb_matching *matching); /* NULL-safe */

JB_DEFINE_CLEANUP(struct jb_valuation, jb_valuation_free);

#endif
