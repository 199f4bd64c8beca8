/* One question by one group: figures with their design variance, a test, and which groups differ. */
#ifndef JB_SURVEY_TABULATE_H
#define JB_SURVEY_TABULATE_H

#include "survey/classes.h"
#include "survey/survey_design.h"

#define JB_TABULATE_LEAST 30 /* cells of fewer people, or a smaller effective n, are suppressed */
#define JB_LETTERS_SIZE   128

enum jb_measure {
    JB_MEASURE_SHARE,
    JB_MEASURE_TOP,
    JB_MEASURE_MEAN,
    JB_MEASURE_RATIO,
    JB_MEASURE_TOTAL,
    JB_MEASURE_QUANTILE
};

struct jb_cell {
    const char *group, *group_label;   /* NULL: everybody */
    const char *answer, *answer_label; /* of a share or a count of people; else NULL */
    enum jb_measure measure;
    double probability;                                             /* of a quantile */
    size_t row_count;                                               /* who answered, with a weight above 0 */
    double weighted_count, effective_n, value, se, low, high, deff; /* NaN: not known */
    bool is_suppressed;
    char letter[4];              /* of its group, "A"; "" without groups */
    char above[JB_LETTERS_SIZE]; /* letters of the groups that it is significantly above */
};

/* Two groups' cells of the same figure: first − second. */
struct jb_pair {
    size_t first, second; /* in cells */
    double difference, se, low, high, df, p, adjusted_p;
};

/* Why people have no answer. */
struct jb_absence {
    const char *text, *label; /* "": empty */
    size_t row_count;
};

struct jb_tabulation {
    const struct jb_question *question;
    const char *label;                 /* of the question: the plan's, the file's or its name */
    const struct jb_plan_group *group; /* NULL: none */
    struct jb_cell *cells;             /* answer by answer, group by group */
    size_t cell_count;
    struct jb_pair *pairs;
    size_t pair_count;
    struct jb_absence *absences; /* of a question of one column */
    size_t absence_count;
    struct jb_classes answers; /* what the cells name */
    bool has_test;             /* of a single question by a group */
    struct jb_independence test;
};

struct jb_tabulator; /* opaque: a survey cut into groups, for many questions */

/* where: filters that all hold, of rows that count; the rest of the sample still counts in the variance.
 * group may be NULL. All outlives the tabulator. */
enum jb_code jb_tabulator_make(const struct jb_answers *answers, const struct jb_plan *plan,
                               const struct jb_design *design, const struct jb_plan_group *group,
                               const struct jb_plan_filter *const *where, size_t where_count,
                               struct jb_error *error, struct jb_tabulator **ret_tabulator);
void jb_tabulator_free(struct jb_tabulator *tabulator); /* NULL-safe */

/* The tabulation points into the tabulator. */
enum jb_code jb_tabulate(const struct jb_tabulator *tabulator, const struct jb_question *question,
                         struct jb_error *error, struct jb_tabulation *ret_tabulation);
void jb_tabulation_free(struct jb_tabulation *tabulation); /* NULL-safe */

JB_DEFINE_CLEANUP(struct jb_tabulator, jb_tabulator_free);

#endif
