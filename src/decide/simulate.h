/* The draws of a project, and the sums over them from which its figures follow; of payback alone. */
#ifndef JB_DECIDE_SIMULATE_H
#define JB_DECIDE_SIMULATE_H

#include "decide/payback.h"
#include "decide/variance.h"

#define JB_BLOCK          1024 /* draws */
#define JB_THREAD_CEILING 64

struct jb_simulation {
    const struct jb_payback_model *model;
    uint32_t draw_count, block_count;
    uint64_t seed;
    double *cumulative; /* [profile][step]: what has come in at each step of the life, and at its end */
    double centre[JB_WORTH_COUNT];
    double *cost[JB_WORTH_COUNT], *benefit[JB_WORTH_COUNT], *net[JB_WORTH_COUNT], *even[JB_WORTH_COUNT];
    struct jb_index_sums *index_sums; /* [block][worth][input] */
    double *item_sums;                /* [block][item][worth] */
};

/* Fills what the arrays of the simulation point to; cost and benefit come zeroed. */
enum jb_code jb_simulation_run(const struct jb_simulation *simulation, unsigned thread_count,
                               struct jb_error *error);

/* Values of every input for one block: a and b (NULL: not needed) are [input][JB_BLOCK]. */
void jb_block_draw(const struct jb_uncertain_list *inputs, uint64_t seed, uint32_t block, double *a,
                   double *b);
/* constant × the product's factors for `count` draws, input `other` (UINT16_MAX: none) from other_inputs. */
void jb_product_values(const struct jb_product *product, double constant, const double *inputs,
                       uint16_t other, const double *other_inputs, size_t count, double *ret_values);
/* The constant of a term over the whole life, negative for a cost. */
double jb_term_constant(const struct jb_simulation *simulation, const struct jb_term *term);

/* The value past which the answer in that worth flips, from the first draws. */
enum jb_code jb_threshold_find(const struct jb_simulation *simulation, enum jb_worth worth, bool pays,
                               struct jb_error *error, struct jb_influence *influence);

#endif
