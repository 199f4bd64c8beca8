/* Answers: the columns of a table that a plan names, as texts by number. */
#ifndef JB_SURVEY_ANSWERS_H
#define JB_SURVEY_ANSWERS_H

#include "base/strings.h"
#include "survey/plan.h"

#include <stdio.h>

struct jb_answers; /* opaque */

/* Reads the CSV (heading first) in file; every column that the plan names has to be there. JB_INPUT names
 * line, column and mend. name is for messages. */
enum jb_code jb_answers_read(const struct jb_plan *plan, FILE *file, const char *name, struct jb_error *error,
                             struct jb_answers **ret_answers);
void jb_answers_free(struct jb_answers *answers); /* NULL-safe */

size_t jb_answers_count(const struct jb_answers *answers);
/* Number of each row's text in the column, JB_STRING_NONE when it is missing; NULL: no such column. */
const uint32_t *jb_answers_column(const struct jb_answers *answers, const char *column);
const char *jb_answers_text(const struct jb_answers *answers, uint32_t text);
/* The value of a text: NaN when it is missing or no number. */
double jb_answers_number(const struct jb_answers *answers, uint32_t text);
/* JB_INPUT, with line and column, when a text of the column is neither missing nor a number. */
enum jb_code jb_answers_check_numbers(const struct jb_answers *answers, const char *column,
                                      struct jb_error *error);

/* The design that the plan describes, over these answers, which must outlive it. Frees with
 * jb_answers_design_free. */
enum jb_code jb_answers_design(const struct jb_answers *answers, struct jb_error *error,
                               struct jb_design **ret_design);
void jb_answers_design_free(struct jb_design *design); /* NULL-safe */

JB_DEFINE_CLEANUP(struct jb_answers, jb_answers_free);
JB_DEFINE_CLEANUP(struct jb_design, jb_answers_design_free);

#endif
