/* One table, three forms: text for people, JSON and CSV for machines, all from the same columns and cells. */
#ifndef JB_REPORT_TABLE_H
#define JB_REPORT_TABLE_H

#include "base/json.h"
#include "base/text.h"

enum jb_align {
    JB_LEFT,
    JB_RIGHT,
    JB_POINT, /* right, with the decimal points below each other */
};

struct jb_column {
    const char *key;   /* in JSON and CSV; NULL: in text only */
    const char *title; /* in text; NULL: in machine output only */
    enum jb_align align;
    bool is_flexible; /* in text: a name that may be cut in its middle when the terminal is too narrow */
};

struct jb_table; /* opaque */

/* columns must outlive the table; at most 32. NULL when there is no memory. */
struct jb_table *jb_table_make(const struct jb_column *columns, size_t column_count);
void jb_table_free(struct jb_table *table); /* NULL-safe */

/* Cells are added row by row, in the order of the columns; texts are copied. `shown` is what text output
 * prints (NULL: the value itself); it is made safe for a terminal there. A refusal for memory is remembered:
 * see jb_table_check. */
void jb_table_text(struct jb_table *table, const char *value, const char *shown);
void jb_table_amount(struct jb_table *table, jb_int128 value, const char *shown); /* JSON: a decimal string */
void jb_table_integer(struct jb_table *table, int64_t value, const char *shown);  /* |value| < 2^53 */
void jb_table_number(struct jb_table *table, double value, const char *shown); /* not finite: null, empty */
/* Rounded to a whole number; not finite: null, empty. */
void jb_table_whole(struct jb_table *table, double value, const char *shown);
/* ISO 8601; shown NULL: the same to JB_SHOWN_NS, since people do not read nanoseconds. */
void jb_table_time(struct jb_table *table, int64_t value_ns, const char *shown);
#define JB_SHOWN_NS INT64_C(1000000)
void jb_table_boolean(struct jb_table *table, bool value, const char *shown);
void jb_table_null(struct jb_table *table, const char *shown); /* null, empty */

/* The row that was just completed sums up the others: text sets it off with a rule, machine output leaves it
 * out (it has its own place there). */
void jb_table_is_total(struct jb_table *table);

size_t jb_table_row_count(const struct jb_table *table); /* without totals */
enum jb_code jb_table_check(const struct jb_table *table, struct jb_error *error);

/* How text is to be laid out. */
struct jb_layout {
    unsigned width; /* columns of the terminal; 0: no limit (a file, a pipe) */
    bool is_bold;   /* headings stand out */
};
/* For standard output: its width when it is a terminal, and bold unless NO_COLOR is set or TERM is dumb. */
struct jb_layout jb_layout_of_stdout(void);

void jb_table_write_text(const struct jb_table *table, const struct jb_layout *layout, struct jb_buffer *out);
void jb_table_write_json(const struct jb_table *table, struct jb_json *json); /* an array of objects */
/* The cells of one row as members of the object that is open in json. */
void jb_table_write_json_members(const struct jb_table *table, size_t row, struct jb_json *json);
void jb_table_write_csv(const struct jb_table *table, struct jb_buffer *out); /* with its heading */

/* Terminal columns that valid UTF-8 text takes: 0 for combining marks, 2 for East Asian wide ones. */
size_t jb_text_width(const char *text);
/* Cuts text (safe for a terminal) in the middle with … so that it takes at most `width` columns. Returns ret.
 */
char *jb_text_fit(const char *text, size_t width, char *ret, size_t size);

static inline void jb_table_free_cleanup(struct jb_table **table) {
    jb_table_free(*table);
}

#endif
