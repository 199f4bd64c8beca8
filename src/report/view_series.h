/* What verbs print about series: what they are, how much of the time they cover, and where they have gaps. */
#ifndef JB_REPORT_VIEW_SERIES_H
#define JB_REPORT_VIEW_SERIES_H

#include "report/form.h"
#include "report/table.h"
#include "types/series.h"

struct jb_series_entry {
    struct jb_series series; /* described: first_ns to step_count are filled */
    const struct jb_step *steps;
    size_t count;
    const char *change; /* "new", "changed", "as it was" of an import; NULL: nothing is imported */
};

/* One row a series, and the gaps of all of them (JSON and text; text: the longest GAPS_SHOWN). */
#define JB_GAPS_SHOWN 10
enum jb_code jb_view_series(enum jb_form form, const struct jb_layout *layout,
                            const struct jb_series_entry *entries, size_t count, struct jb_buffer *out,
                            struct jb_error *error);
/* The steps of one. */
enum jb_code jb_view_steps(enum jb_form form, const struct jb_layout *layout,
                           const struct jb_series_entry *entry, struct jb_buffer *out,
                           struct jb_error *error);

/* "15 min", "1 h", "1 d": a length of time with its unit, exact. Returns ret. */
#define JB_LENGTH_SIZE 32
char *jb_length_format(int64_t length_ns, char ret[static JB_LENGTH_SIZE]);

#endif
