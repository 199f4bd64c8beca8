/* From the energy of accelerators to that of the server and the facility, and to carbon, water and money. */
#ifndef JB_ESTIMATE_FOOTPRINT_H
#define JB_ESTIMATE_FOOTPRINT_H

#include "estimate/task.h"
#include "factor/factor.h"

/* A figure with its 95 % interval, or why there is none. */
struct jb_figure {
    bool is_known;
    double value, low, high;
    const char *lacks; /* what must be given; "" when known */
};

/* What the factors do not say, or is to be taken in their place. NaN: not given. */
struct jb_footprint_request {
    const char *region; /* "KR", "gcp/europe-west1"; NULL: none */
    int64_t at_ns;
    double pue, wue_l_per_kwh;
    double price_per_kwh, price_per_accelerator_h; /* of accelerators: in place of that of electricity */
};

#define JB_FOOTPRINT_FACTORS 6

struct jb_footprint {
    struct jb_figure accelerator_j, server_j, facility_j; /* per request, image, video or run */
    struct jb_figure carbon_g;                            /* facility × grid intensity, where it runs */
    struct jb_figure
        water_l; /* server × WUE + facility × water of the grid (Li et al. 2023, arXiv 2304.03271) */
    struct jb_figure money;
    const struct jb_factor *factors[JB_FOOTPRINT_FACTORS]; /* those that were used */
    bool is_earlier[JB_FOOTPRINT_FACTORS];                 /* nothing held then; it is the last one before */
    size_t factor_count;
};

/* JB_USAGE: there is no such region. What is not known is told in the figures. */
enum jb_code jb_footprint_make(const struct jb_task_estimate *estimate, const struct jb_factors *factors,
                               const struct jb_footprint_request *request, struct jb_error *error,
                               struct jb_footprint *ret_footprint);

#endif
