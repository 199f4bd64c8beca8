/* A tabulation in the making: what tabulate.c and tabulate_cells.c share. */
#ifndef JB_SURVEY_TABULATE_WORK_H
#define JB_SURVEY_TABULATE_WORK_H

#include "survey/counts.h"
#include "survey/tabulate.h"

struct jb_tabulator {
    const struct jb_answers *answers;
    const struct jb_plan *plan;
    const struct jb_design *design;
    const struct jb_plan_group *group; /* NULL: none */
    struct jb_classes groups;
    size_t group_count; /* at least 1 */
    uint32_t *domain;   /* [row]: its group; UINT32_MAX: it is filtered out, or in no group */
    struct jb_units units;
};

struct jb_tabulate_work {
    const struct jb_tabulator *tabulator;
    const struct jb_question *question;
    size_t rows;
    const uint32_t *domain; /* of those who were asked */
    const struct jb_units *units;
    uint32_t *own_domain; /* where the question has a filter, or several columns */
    struct jb_units own_units;
    struct jb_tabulation made;
    size_t cell_capacity, pair_capacity;
    double t, t_df; /* the t last needed; t_df 0: none yet */
    struct jb_error *error;
};

/* Adds the cells of figure k of every group, and their pairs where groups are compared. answer: its class, or
 * NULL. */
enum jb_code jb_tabulate_add(struct jb_tabulate_work *work, enum jb_measure measure,
                             const struct jb_class *answer, const struct jb_estimates *estimates);
/* The same of quantiles, [group]. counts: estimates of the same rows. */
enum jb_code jb_tabulate_add_quantiles(struct jb_tabulate_work *work, double probability,
                                       const struct jb_estimates *counts,
                                       const struct jb_quantile *quantiles);

#endif
