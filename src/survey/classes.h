/* Rows sorted into classes by one column or by several crossed; and rows picked by a filter. */
#ifndef JB_SURVEY_CLASSES_H
#define JB_SURVEY_CLASSES_H

#include "survey/plan.h"

#define JB_CLASSES_CEILING 4096
#define JB_CLASS_NONE      UINT32_MAX

struct jb_class {
    const char *text;  /* its value; of crossed columns their values with " | " between */
    const char *label; /* the same of value labels; text where there is none */
};

struct jb_classes {
    uint32_t *of_row; /* [row]: its class; JB_CLASS_NONE: an answer is missing */
    struct jb_class *items;
    uint32_t count;
    char **owned; /* texts of crossed classes */
    size_t owned_count;
};

/* In the order of numbers, then of texts; only classes that a row has. JB_INPUT when there are more than the
 * ceiling. */
enum jb_code jb_classes_make(const struct jb_answers *answers, const struct jb_plan_list *columns,
                             struct jb_error *error, struct jb_classes *ret_classes);
/* The same of one column's values, without of_row: class_of[value] is its class, or JB_CLASS_NONE. */
enum jb_code jb_classes_of_values(const struct jb_answers *answers, const struct jb_answer_column *column,
                                  struct jb_error *error, struct jb_classes *ret_classes,
                                  uint32_t *ret_class_of);
void jb_classes_free(struct jb_classes *classes); /* NULL-safe */

/* Clears keep[row] where a condition of the filter does not hold. */
enum jb_code jb_filter_apply(const struct jb_answers *answers, const struct jb_plan_filter *filter,
                             struct jb_error *error, bool *keep);

#endif
