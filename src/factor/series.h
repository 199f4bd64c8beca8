/* Tables of other people that give intensity, price or generation step by step: read into series. */
#ifndef JB_FACTOR_SERIES_H
#define JB_FACTOR_SERIES_H

#include "base/stamp.h"
#include "factor/factor.h"
#include "types/series.h"

#define JB_SERIES_ROW_CEILING    ((size_t)1 << 22) /* rows of one table: 40 years of 5 minutes */
#define JB_SERIES_COLUMN_CEILING 64                /* levels of one table */
#define JB_SERIES_FIELD_CEILING  1000              /* bytes of one field */

enum jb_series_step { JB_STEP_FOUND, JB_STEP_FIXED, JB_STEP_DAY, JB_STEP_MONTH, JB_STEP_YEAR };

struct jb_series_request {
    const char *region; /* of all of them */
    const char *name;   /* stands in their names in place of the region; NULL: the region */
    /* What the columns are, "HEADING=QUANTITY[/SUBJECT][:UNIT],…"; QUANTITY is a factor's, price, generation,
     * time or end. NULL: by their headings. */
    const char *columns;
    struct jb_stamp_style style;
    enum jb_series_step step; /* how long a row's step is where there is no column end; FOUND: by the rows */
    int64_t step_ns;          /* of FIXED */
    const char *source, *licence;
    double uncertainty; /* relative standard; NaN not known */
};

struct jb_series_data {
    struct jb_series series;
    struct jb_step *steps; /* ordered */
    size_t count;
};
struct jb_series_set {
    struct jb_series_data *items;
    size_t count;
    size_t row_count;
    char ignored[512]; /* headings that were not read, for people: "estimated, zone"; "" none */
};
void jb_series_set_free(struct jb_series_set *set); /* NULL-safe; leaves it empty */

/* Reads a CSV table (seekable or not) to its end. Each column of levels becomes a series, each row a step;
 * empty cells and rows that are missing are gaps. JB_INPUT with file, line, field and mend: a row of another
 * time style, times that stand twice, steps that do not fit, values out of range or negative where that
 * cannot be, units that are unknown. name is for messages. */
enum jb_code jb_series_read_csv(FILE *file, const char *name, const struct jb_series_request *request,
                                struct jb_error *error, struct jb_series_set *ret_set);

/* Adds what follows from generation by technology: grid_intensity (life cycle, of what is generated in the
 * region: imports are not in it), renewable_share and carbon_free_share, in every step in which each of the
 * technologies is known and something is generated. Σ Eᵢ·fᵢ / Σ Eᵢ with fᵢ of technology_intensity at the
 * start of the step, or the last before it. Does nothing when the set has no generation, and leaves out what
 * the table gives itself. JB_INPUT: a technology without factor. */
enum jb_code jb_series_value_mix(struct jb_series_set *set, const struct jb_series_request *request,
                                 const struct jb_factors *factors, struct jb_error *error);

/* Whether a way of generation counts as renewable, as carbon-free (renewable or nuclear). By name: "wind",
 * "gas-ngcc"; false: it is not known which. */
bool jb_technology_class(const char *technology, bool *ret_is_renewable, bool *ret_is_carbon_free);

/* The range that values of a quantity lie in, in its unit; false: no such quantity of series. */
bool jb_series_range(const char *quantity, const char *unit, double *ret_low, double *ret_high);

#endif
