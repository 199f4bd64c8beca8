/* Published figures of a survey whose microdata nobody has: what an organisation can still be held against.
 */
#ifndef JB_SURVEY_PUBLISHED_H
#define JB_SURVEY_PUBLISHED_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct jb_published_figure {
    const char *question, *answer, *place; /* place "": all */
    double value, rounding;                /* per cent, and how far the truth may lie from it */
    double respondents;
    const char *source;
};

struct jb_published; /* opaque */

/* figures: CSV with the columns question, answer, place, value, rounding, respondents, source. places: CSV
 * with the columns place, within; a place lies within another, or, empty, within all. JB_INPUT names line and
 * column. */
enum jb_code jb_published_read(FILE *figures, const char *figures_name, FILE *places, const char *places_name,
                               struct jb_error *error, struct jb_published **ret_published);
void jb_published_free(struct jb_published *published); /* NULL-safe */

bool jb_published_has_place(const struct jb_published *published, const char *place);
/* The figure of the place, or of the smallest one around it that has one; NULL: nothing is published. */
const struct jb_published_figure *jb_published_find(const struct jb_published *published,
                                                    const char *question, const char *answer,
                                                    const char *place);

JB_DEFINE_CLEANUP(struct jb_published, jb_published_free);

#endif
