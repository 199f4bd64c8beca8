/* Whether a project pays back: its costs and savings over its life, drawn many times over. */
#ifndef JB_DECIDE_PAYBACK_H
#define JB_DECIDE_PAYBACK_H

#include "decide/project.h"
#include "factor/factor.h"
#include "ledger/ledger.h"

#define JB_PAYBACK_DRAWS         100000U
#define JB_PAYBACK_DRAWS_CEILING 2000000U
#define JB_PAYBACK_DRAWS_FLOOR   1000U
#define JB_PAYBACK_STEPS         256 /* of a project's life: break-even is told to one of them, interpolated */
#define JB_PAYBACK_LEADING       3   /* inputs that are told of */

/* How an amount comes in over the life: once, or at a rate between from and until that rises from nothing
 * over `ramp` and changes by growth (as a logarithm, per hour) since `from`, and by trend since the start. */
struct jb_profile {
    bool is_rate;
    double from_h, until_h, ramp_h, growth, trend;
};
/* What has come in until t, of an amount of 1 (once) or 1 per hour; 0 <= t_h. */
double jb_profile_until(const struct jb_profile *profile, double t_h);

/* One product of inputs that counts as cost or benefit in energy (kWh), carbon (kg) or money. */
struct jb_term {
    enum jb_worth worth;
    bool is_benefit;
    uint16_t item, profile;
    struct jb_product product;
};

#define JB_NOTE_CEILING 64

/* A project with everything looked up: what is drawn. */
struct jb_payback_model {
    const struct jb_project *project; /* its inputs belong to the model too */
    struct jb_term *terms;
    size_t term_count, term_capacity;
    struct jb_profile *profiles;
    size_t profile_count, profile_capacity;
    /* Why nothing can be said of a worth: the item, and what it lacks. "" when it can. */
    char unknown[JB_WORTH_COUNT][256];
    bool is_item_unknown[JB_PROJECT_ITEM_CEILING][JB_WORTH_COUNT];
    char notes[JB_NOTE_CEILING]
              [512]; /* what a reader should know: factors used, uncertainties that are missing */
    size_t note_count;
};
void jb_payback_model_free(struct jb_payback_model *model); /* NULL-safe; leaves it empty */

/* Where figures come from that the project only names. Each may be NULL: JB_INPUT then when it is needed. */
struct jb_payback_sources {
    const struct jb_factors *factors;
    struct jb_ledger *ledger;
    const struct jb_task_tables *tables;
};
/* Adds inputs to the project (intensities, estimates, accounts of the book). Once for each project. */
enum jb_code jb_payback_model_make(struct jb_project *project, const struct jb_payback_sources *sources,
                                   struct jb_error *error, struct jb_payback_model *ret_model);

struct jb_spread {
    double mean, median, low, high; /* the central 95 % */
};

/* How an input moves the net of a worth: shares of its variance (Sobol 2001): alone, and with all that it
 * does together with others; each with its 95 % interval from the scatter between blocks of draws. */
struct jb_influence {
    uint16_t input;
    double first, first_low, first_high;
    double total, total_low, total_high;
    /* The value past which the answer is another one, all others being as uncertain as they are. */
    bool has_threshold;
    bool is_above; /* the answer flips above it, else below it */
    double threshold;
    double probability; /* that the input lies beyond it */
};

struct jb_payback_worth {
    bool is_known;
    bool pays;          /* probability >= 0.5 */
    double probability; /* of benefit > cost over the whole life */
    struct jb_spread cost, benefit, net;
    /* Hours since the start from which on the benefit stays ahead; INFINITY: not within the life. */
    double even_h, even_low_h, even_high_h;
    struct jb_influence leading[JB_PAYBACK_LEADING]; /* by total index, largest first */
    size_t leading_count;
};

struct jb_payback {
    uint32_t draw_count;
    uint64_t seed;
    struct jb_payback_worth worths[JB_WORTH_COUNT];
    double *item_means; /* [item][worth], over the life; NaN: unknown. malloc'd */
    size_t item_count;
};

struct jb_payback_request {
    uint32_t draw_count; /* JB_PAYBACK_DRAWS_FLOOR to _CEILING */
    uint64_t seed;
    unsigned thread_count; /* 1 to 64; figures do not depend on it */
};
enum jb_code jb_payback_run(const struct jb_payback_model *model, const struct jb_payback_request *request,
                            struct jb_error *error, struct jb_payback *ret_payback);
void jb_payback_free(struct jb_payback *payback); /* NULL-safe; leaves it empty */

/* "Pays back in carbon with probability 0.83; not in energy (0.12)." Returns ret. */
#define JB_VERDICT_SIZE 512
char *jb_payback_verdict(const struct jb_payback *payback, char ret[static JB_VERDICT_SIZE]);

#endif
