/* Scores of a survey by groups, as the commands score, compare, trend, stand and report take them. */
#ifndef JB_CLI_INDEX_SCORING_H
#define JB_CLI_INDEX_SCORING_H

#include "cli/index.h"
#include "survey/classes.h"
#include "survey/compare.h"

struct jb_index_scoring {
    const struct jb_plan_group *by; /* NULL: everybody is one group */
    double *values;                 /* [row × item] */
    uint32_t *block;                /* [row] */
    struct jb_classes classes;      /* of by; empty without */
    struct jb_scoring scoring;
};

/* What --by (or another option) names: a group of the plan, --by also several that are crossed; NULL for
 * none. Before the answers are read. Prints and returns an exit status, or −1 to go on. */
int jb_index_find_group(const struct jb_cli *cli, struct jb_plan *plan, const char *option, const char *names,
                        const struct jb_plan_group **ret_group);
/* What --where says; NULL for everybody. The same. Before the answers are read. */
int jb_index_find_filter(const struct jb_cli *cli, struct jb_plan *plan, const char *where,
                         const struct jb_plan_filter **ret_filter);
/* What --draws, --seed and --concentration say, else their defaults; confidence is left to the plan. The
 * same. */
int jb_index_draw_options(const struct jb_cli *cli, const struct jb_option *draws,
                          const struct jb_option *seed, const struct jb_option *concentration,
                          struct jb_compare_options *ret_options);
/* Rows that the filter leaves out are in no group, but count in the variance. */
enum jb_code jb_index_score_groups(const struct jb_index_survey *survey, const struct jb_plan_group *by,
                                   const struct jb_plan_filter *where, struct jb_error *error,
                                   struct jb_index_scoring *ret_scoring);
/* The same without the scores: values, blocks and classes. */
enum jb_code jb_index_prepare_groups(const struct jb_index_survey *survey, const struct jb_plan_group *by,
                                     const struct jb_plan_filter *where, struct jb_error *error,
                                     struct jb_index_scoring *ret_scoring);
void jb_index_scoring_finish(struct jb_index_scoring *scoring);

#endif
