/* One question by one group: figures with their design variance, a test, and which groups differ. */
#ifndef JB_SURVEY_TABULATE_H
#define JB_SURVEY_TABULATE_H

#include "survey/classes.h"
#include "survey/survey_design.h"

#define JB_TABULATE_LEAST 30 /* cells of fewer people, or a smaller effective n, are suppressed */
#define JB_LETTERS_SIZE   128

enum jb_measure { JB_MEASURE_SHARE, JB_MEASURE_MEAN, JB_MEASURE_MEDIAN };

struct jb_cell {
    const char *group;  /* NULL: everybody */
    const char *answer; /* of a share; NULL: of the top answers of a scale, or no share */
    enum jb_measure measure;
    size_t row_count;                                               /* who answered, with a weight above 0 */
    double weighted_count, effective_n, value, se, low, high, deff; /* NaN: not known */
    bool is_suppressed;
    char letter[4];              /* of its group, "A"; "" without groups */
    char above[JB_LETTERS_SIZE]; /* letters of the groups that it is significantly above */
};

struct jb_tabulation {
    const struct jb_question *question;
    const char *label;                 /* of the question: the plan's, the file's or its name */
    const struct jb_plan_group *group; /* NULL: none */
    struct jb_cell *cells;             /* answer by answer, group by group */
    size_t cell_count;
    struct jb_classes groups, answers; /* what the cells name */
    bool has_test;                     /* of a single question by a group */
    struct jb_independence test;
};

/* where: a filter, or NULL for all rows. The rest of the sample still counts in the variance. */
enum jb_code jb_tabulate(const struct jb_answers *answers, const struct jb_plan *plan,
                         const struct jb_design *design, const struct jb_question *question,
                         const struct jb_plan_group *group, const struct jb_plan_filter *where,
                         struct jb_error *error, struct jb_tabulation *ret_tabulation);
void jb_tabulation_free(struct jb_tabulation *tabulation); /* NULL-safe */

#endif
