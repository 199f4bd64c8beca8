/* Scores of an index as text, JSON or CSV. The fields are documented in docs/SPEC-output.md. */
#ifndef JB_REPORT_VIEW_SCORE_H
#define JB_REPORT_VIEW_SCORE_H

#include "report/form.h"
#include "report/table.h"
#include "survey/classes.h"
#include "survey/score.h"

/* classes: what the blocks of the scoring are; NULL: one block, everybody. */
enum jb_code jb_view_scores(enum jb_form form, const struct jb_layout *layout, const struct jb_plan *plan,
                            const struct jb_plan_group *by, const struct jb_classes *classes,
                            const struct jb_scoring *scoring, struct jb_error *error, struct jb_buffer *out);

/* ---- shared by the views of an index ---- */

/* The table of all scores, without rows; and a block's rows of it. table NULL: nothing. */
struct jb_table *jb_score_table_make(void);
void jb_score_add_block(struct jb_table *table, const char *group, const struct jb_scoring *scoring,
                        size_t block, double confidence);

/* "48.9", "–" when it is not known. Returns ret. */
char *jb_score_format(double value, char ret[static 32]);
/* "46.1 – 51.7", "–". Returns ret. */
char *jb_score_interval_format(double low, double high, char ret[static 80]);
/* The plan's note on its data, if it has one, as a line of text and an empty one. */
void jb_view_note(const struct jb_plan *plan, struct jb_buffer *out);
/* What a figure of a scoring is called, in which part of the index it stands ("index", "pillar", "item"), and
 * what it weighs in the whole (NaN: it is the whole). */
void jb_score_describe(const struct jb_index *index, size_t figure, const char **ret_part,
                       const char **ret_name, const char **ret_label, double *ret_weight);
/* "up", "down" for an item; NULL for a part of several. */
const char *jb_score_direction(const struct jb_index *index, size_t figure);
/* Adds the label to the table; people read "(reversed)" where more of what it says is worse. */
void jb_score_add_label(struct jb_table *table, const struct jb_index *index, size_t figure);
const char *jb_group_label(const struct jb_plan_group *group); /* its label, or its name */

#endif
