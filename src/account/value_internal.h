/* What the files of the valuation share while it is made: places, inputs, rates and sums. */
#ifndef JB_ACCOUNT_VALUE_INTERNAL_H
#define JB_ACCOUNT_VALUE_INTERNAL_H

#include "account/budget.h"
#include "account/match.h"
#include "account/tariff.h"
#include "account/value.h"
#include "base/strings.h"
#include "ledger/consumer.h"
#include "ledger/group.h"

#define JB_PLACE_NONE     UINT32_MAX
#define JB_VALUE_NONE     UINT32_MAX
#define JB_CURRENCY_COUNT 16
#define JB_KWH_UJ         3.6e12

/* A column of figures; money has one a currency. */
#define JB_SLOT_COUNT (JB_COLUMN_COUNT - 1 + JB_CURRENCY_COUNT)

/* A factor-like number of a place, with the time for which it was found. */
struct jb_value_quantity {
    bool is_known;
    double value;
    uint32_t input;
    int64_t until_ns; /* it holds up to here; INT64_MIN: nothing was looked up yet */
    int64_t from_ns;
};

enum jb_place_quantity {
    JB_OF_INTENSITY,
    JB_OF_DIRECT,
    JB_OF_RESIDUAL,
    JB_OF_PUE,
    JB_OF_WUE,
    JB_OF_GRID_WATER,
    JB_OF_COUNT,
};

struct jb_value_series {
    struct jb_step *steps;
    size_t count;
    uint32_t input;
    int64_t resolution_ns;
};

/* A part of figures that an input moves: ∂F/∂ln x of one kWh of IT energy, by column. */
struct jb_value_term {
    uint32_t input, slot;
};

/* A site as it is valued: one of the setting. */
struct jb_place {
    const struct jb_site *site;
    char grid[JB_COMPONENT_SIZE];               /* of the setting, else of the book's flows; "" unknown */
    uint32_t load_input;                        /* stands for the error of its whole load */
    struct jb_value_series series[JB_OF_COUNT]; /* intensity, direct and residual may have one */
    struct jb_value_quantity quantities[JB_OF_COUNT];
    uint32_t tariff_input, currency; /* JB_VALUE_NONE; index of the currency */
    bool has_booked_water, has_booked_money;
    double *load_kwh; /* by hour of the context: what it draws, PUE included */
    struct jb_value_term *terms;
    size_t term_count, term_capacity;
    double *per_it, *per_facility; /* rates of the current slice by term */
    size_t rate_capacity;
    double pue;                /* of the current slice; 1 where overhead is booked or none is known */
    bool known[JB_SLOT_COUNT]; /* columns whose inputs are known in the current slice */
    bool is_residual_told, is_scope_told, is_overhead_told, is_water_told;
    size_t rated_slice; /* of the chunk under way, for which the rates are; SIZE_MAX none */
};

/* What an account is to the valuation. */
struct jb_place_account {
    uint32_t place;   /* JB_PLACE_NONE */
    uint32_t host;    /* index into hosts; JB_VALUE_NONE: on none that has a server */
    bool is_facility; /* metered at the facility: bears no PUE */
    bool is_known;
};

struct jb_value_host {
    const struct jb_server *server; /* NULL: none */
    bool is_made;
    uint32_t
        fed_by; /* index of the place that feeds it in the book, and one; 0 none, JB_PLACE_NONE several */
    uint32_t embodied_input, lifetime_input;
    double embodied_ug;
    double *energy_kwh; /* by hour of the chunk */
    bool is_booked;     /* its embodied carbon is in the book */
};

/* Sums of one route over the period. */
struct jb_value_route {
    struct jb_sum sum; /* without amount */
    double sign;       /* −1: it flows out of the consumer */
    jb_account_id account;
    struct jb_place_account place;
    struct jb_value_energy energy;
    double embodied_ug;
    double kwh; /* summed as known_kwh is, so that the two are equal where all is known */
    double known_kwh[JB_SLOT_COUNT]; /* energy for which a column's inputs are known */
    double *sums;                    /* by term of its place */
    size_t sum_capacity;
};

struct jb_value_contract {
    const struct jb_contract *contract;
    uint32_t intensity_input, volume_input;
    double intensity, intensity_scope2;
    double *energy_kwh; /* by hour of the context; NULL: no hours */
};

struct jb_value_total { /* of a group, or of all */
    jb_int128 by_method[JB_SLOT_COUNT][JB_METHOD_COUNT];
    double known_kwh[JB_SLOT_COUNT], kwh, host_kwh;
    struct jb_value_energy energy;
    double unit_amount; /* NaN: not stated */
    bool has_booked[JB_SLOT_COUNT];
};

struct jb_valuation {
    struct jb_ledger *ledger;
    struct jb_value_request request;
    struct jb_grouping *grouping;
    struct jb_consumers *consumers, *asked;     /* of the whole book; of the account asked for */
    struct jb_strings *note_texts, *input_keys; /* an input's index is its key's id */
    const char **notes;
    size_t note_count, note_capacity;
    struct jb_input *inputs;
    size_t input_count, input_capacity;
    uint32_t *meter_inputs; /* by account; JB_VALUE_NONE */
    struct jb_place *places;
    size_t place_count;
    struct jb_place_account *accounts; /* by id */
    size_t account_count;
    struct jb_value_host *hosts;
    struct jb_strings *host_names;
    size_t host_capacity;
    const struct jb_functional_unit *unit; /* NULL: none is asked for */
    jb_commodity currencies[JB_CURRENCY_COUNT];
    uint32_t currency_count;
    struct jb_value_contract *contracts;
    int64_t from_ns, to_ns; /* the period, as flows and request bound it */
    int64_t context_ns;     /* first hour of the context */
    size_t context_hours;
    struct jb_supply *supplies; /* contract × year */
    uint32_t *supply_contracts;
    size_t supply_count;
    bool *serves; /* [contract × 2 × place]: by the hour, by volume */
    struct jb_match match;
    bool has_match;
    int64_t longest_ns;         /* of the flows of energy in the period */
    struct jb_value_kept *kept; /* slices of the context that the period needs again, in order */
    size_t kept_count, kept_capacity, kept_cells;
    double *on_site; /* room for a share of each supply */
    struct jb_value_route *routes;
    size_t route_count, route_capacity;
    struct jb_strings *route_keys;
    struct jb_budget *budget;
    struct jb_budget *touch;       /* what each input moves; NULL: not asked for */
    struct jb_value_total *totals; /* by group + 1; 0: all */
    size_t total_capacity;
    struct jb_figure *figures, *figure_totals;
    size_t figure_count, figure_total_count;
};

/* Hours of the book that were read for the loads, and lie in the period: read once, while memory allows. */
struct jb_value_kept {
    int64_t start_ns; /* of the first hour */
    struct jb_slices slices;
};
#define JB_VALUE_KEPT_CEILING ((size_t)1 << 24) /* amounts, of 16 bytes */

static inline uint32_t jb_slot_of_currency(uint32_t currency) {
    return (uint32_t)JB_COLUMN_MONEY + currency;
}
/* Id of a figure in the budget: total is 0. */
static inline uint32_t jb_figure_id(uint32_t group, uint32_t slot) {
    return (group == JB_FIGURE_TOTAL ? 0 : group + 1) * (uint32_t)JB_SLOT_COUNT + slot;
}

/* value_input.c */
__attribute__((format(printf, 2, 3))) void jb_value_note(struct jb_valuation *valuation, const char *format,
                                                         ...);
/* key: what is the same input has the same. */
enum jb_code jb_value_add_input(struct jb_valuation *valuation, const char *key, const struct jb_input *input,
                                struct jb_error *error, uint32_t *ret_index);
/* The meter behind an account, as an input. */
enum jb_code jb_value_meter(struct jb_valuation *valuation, jb_account_id account, struct jb_error *error,
                            uint32_t *ret_input);
enum jb_code jb_value_declare(struct jb_valuation *valuation, const char *symbol, const char *what,
                              const char *unit, const struct jb_declared *declared, struct jb_error *error,
                              uint32_t *ret_input);
enum jb_code jb_value_factor_input(struct jb_valuation *valuation, const char *symbol,
                                   const struct jb_factor_answer *answer, struct jb_error *error,
                                   uint32_t *ret_input);
/* A quantity of a place at a slice [from, to): declared, by series (mean over the slice), by factor. is_known
 * false: there is none then. */
enum jb_code jb_value_quantity_at(struct jb_valuation *valuation, struct jb_place *place,
                                  enum jb_place_quantity which, int64_t from_ns, int64_t to_ns,
                                  struct jb_error *error, struct jb_value_quantity *ret_quantity);
/* value_place.c */
enum jb_code jb_value_make_places(struct jb_valuation *valuation, struct jb_error *error);
enum jb_code jb_value_account(struct jb_valuation *valuation, jb_account_id id, struct jb_error *error,
                              struct jb_place_account *ret_account);
/* value_contract.c: loads of whole accounting years, and what contracts cover of them. */
enum jb_code jb_value_match(struct jb_valuation *valuation, struct jb_error *error);
/* value_rate.c: rates of all places for a slice. overhead: by place, whether its overhead is booked. */
enum jb_code jb_value_rates(struct jb_valuation *valuation, struct jb_place *place, bool has_overhead,
                            int64_t from_ns, int64_t to_ns, struct jb_error *error);
/* value_sum.c */
void jb_value_kept_free(struct jb_valuation *valuation);
enum jb_code jb_value_sum(struct jb_valuation *valuation, struct jb_error *error);
/* Which places have facility flows in an hour of a chunk: [place × hours + hour]. */
enum jb_code jb_value_overhead(struct jb_valuation *valuation, const struct jb_slices *slices,
                               const size_t *hour_of_slice, size_t hour_count, struct jb_error *error,
                               bool **ret_overhead);
/* value_unit.c */
bool jb_value_in_unit(const struct jb_valuation *valuation, jb_account_id account);
enum jb_code jb_value_unit(struct jb_valuation *valuation, struct jb_error *error);
/* value_figure.c */
/* What of a column is one route's. */
jb_int128 jb_value_route_amount(const struct jb_valuation *valuation, const struct jb_value_route *route,
                                uint32_t slot);
enum jb_code jb_value_figures(struct jb_valuation *valuation, struct jb_error *error);

#endif
