/* The model of a composite index: pillars, their items, and what weight and direction each has. */
#ifndef JB_SURVEY_PILLARS_H
#define JB_SURVEY_PILLARS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define JB_INDEX_PILLARS 32
#define JB_INDEX_ITEMS   128

/* What a book may know of a fear that an item asks for. */
enum jb_fear {
    JB_FEAR_NONE,
    JB_FEAR_ENERGY,  /* that AI takes too much energy: its energy, and the overhead and sources of it */
    JB_FEAR_BALANCE, /* that its energy outweighs its benefit: whether it pays back */
};

struct jb_index_item {
    const char *name, *label, *question;
    const char **answers; /* that count: of a single question, or columns of a multiple one */
    size_t answer_count;  /* 0: the top of a scale, or a mean */
    enum jb_fear fear;
    const char *of_pillar; /* its name */
    size_t pillar;
    unsigned line; /* of the plan */
    double weight; /* within its pillar; those of one pillar sum to 1 */
    bool is_down;  /* less of it is better: it counts as 100 less its value */
    bool is_mean;  /* of numbers between low and high; else a share of 0 to 100 % */
    double low, high;
};

struct jb_index_pillar {
    const char *name, *label;
    double weight;     /* all sum to 1 */
    bool is_contested; /* whether more of it is better is in doubt: comparisons try both */
    unsigned line;
};

/* Items stand pillar by pillar. */
struct jb_index {
    struct jb_index_pillar pillars[JB_INDEX_PILLARS];
    struct jb_index_item items[JB_INDEX_ITEMS];
    size_t pillar_count, item_count;
};

enum jb_aggregation {
    JB_ARITHMETIC, /* Σ w_p P_p */
    JB_GEOMETRIC,  /* Π P_p^w_p: a low pillar is not made good by a high one */
};

/* Pillars from the values of the items (0 to 100, more is better), then the index from the pillars. left_out:
 * an item to leave out, with the weight of its pillar where it is the only one; SIZE_MAX: none. NaN where an
 * item that counts is. */
void jb_index_pillar_values(const struct jb_index *index, const double *item, size_t left_out,
                            double *ret_pillar);
double jb_index_value(size_t pillar_count, const double *pillar, const double *weight,
                      enum jb_aggregation aggregation);

#endif
