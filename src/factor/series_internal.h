/* What the files of the series reader share: the columns of a table. */
#ifndef JB_FACTOR_SERIES_INTERNAL_H
#define JB_FACTOR_SERIES_INTERNAL_H

#include "factor/series.h"

struct jb_series_column {
    size_t at; /* in the heading */
    char quantity[JB_SERIES_TEXT_SIZE], subject[JB_SERIES_TEXT_SIZE], unit[JB_SERIES_TEXT_SIZE];
    double multiplier; /* of the file's unit to ours */
    bool is_energy;    /* an amount over the step: to be divided by its hours */
    double low, high;  /* in our unit */
};

#define JB_SERIES_NO_COLUMN SIZE_MAX

struct jb_series_columns {
    struct jb_series_column items[JB_SERIES_COLUMN_CEILING];
    size_t count;
    size_t time, end; /* JB_SERIES_NO_COLUMN: end is not there */
    size_t field_count;
    char ignored[512];
};

/* What a heading's fields are. JB_INPUT names the file and the field. */
enum jb_code jb_series_columns_find(const char *const *fields, size_t count, const char *file,
                                    const char *said, struct jb_error *error,
                                    struct jb_series_columns *ret_columns);

#endif
