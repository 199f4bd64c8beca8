/* What a project only names: intensities, factors of fuels and materials, accounts of the book. Of payback
 * alone. */
#ifndef JB_DECIDE_LOOKUP_H
#define JB_DECIDE_LOOKUP_H

#include "decide/payback.h"

#define JB_LOOKUP_CEILING 64

struct jb_lookup {
    struct jb_project *project;
    const struct jb_payback_sources *sources;
    struct jb_payback_model *model; /* takes the notes */
    struct jb_error *error;
    /* Factors that are looked up already: what two items share is one input. */
    struct {
        const struct jb_factor *factor;
        struct jb_product product;
    } known[JB_LOOKUP_CEILING];
    size_t known_count;
};
void jb_lookup_begin(struct jb_lookup *lookup, struct jb_project *project,
                     const struct jb_payback_sources *sources, struct jb_payback_model *model,
                     struct jb_error *error);

/* kgCO2e/kWh of a region ("KR", "gcp/europe-west1"), or what the project states. JB_NO_DATA (no message):
 * neither is given. */
enum jb_code jb_lookup_intensity(struct jb_lookup *lookup, const char *region,
                                 struct jb_product *ret_product);

/* Of a fuel, a way to travel or a material, per unit of the dimension. JB_NO_DATA (no message): it has no
 * such figure; JB_INPUT: there is nothing of that name, with the near ones. */
enum jb_code jb_lookup_activity(struct jb_lookup *lookup, enum jb_quantity quantity, const char *what,
                                const struct jb_dimension *dimension, struct jb_product *ret_product);

/* kgCO2e of making one. */
enum jb_code jb_lookup_embodied(struct jb_lookup *lookup, const char *subject,
                                struct jb_product *ret_product);

/* What an account took per hour over the item's period. */
struct jb_account_rates {
    struct jb_product energy, money, embodied;
    bool has_money, has_embodied;
};
enum jb_code jb_lookup_account(struct jb_lookup *lookup, const struct jb_project_item *item,
                               struct jb_account_rates *ret_rates);

/* What one request, image, video or run of the item's model takes. */
struct jb_task_rates {
    struct jb_product energy; /* kWh of the accelerators */
    struct jb_product host;   /* kWh of the rest of the server */
    double gpu_hours;
};
enum jb_code jb_lookup_task(struct jb_lookup *lookup, const struct jb_project_item *item,
                            struct jb_task_rates *ret_rates);

#endif
