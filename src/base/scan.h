/* Sums of large tables by group: CSV of any size is read in one pass, on several threads, in memory that
 * depends on the number of groups alone.
 *
 * A scan has slots: what is wanted of each row. A TEXT or a TIME slot is part of the key, a DECIMAL slot is
 * summed. Rows with the same key are one group. Of each group there is the number of its rows, its first row,
 * and the exact sum of each DECIMAL slot in 128 bits. Whatever is linear in a quantity (energy, cost) is the
 * same for the sum as for its rows, so that what a row is worth is worked out once per group.
 *
 * Groups, texts, sums and messages are the same on any number of threads and with any instruction set: groups
 * and texts are numbered in the order of their first row. */
#ifndef JB_BASE_SCAN_H
#define JB_BASE_SCAN_H

#include "base/buffer.h"
#include "base/decimal.h"
#include "base/stream.h"

#define JB_SCAN_SLOT_CEILING  32                /* slots of a scan */
#define JB_SCAN_FIELD_CEILING ((size_t)1 << 20) /* bytes of one field, its quotes counted */
#define JB_SCAN_ROW_CEILING   ((size_t)4 << 20) /* bytes of one row */
#define JB_SCAN_WIDTH_CEILING 4096              /* fields of one row */
#define JB_SCAN_NO_FIELD      UINT32_MAX        /* the table has no such column: as if each cell was empty */
#define JB_SCAN_NO_TIME       INT64_MIN         /* an empty cell of a TIME slot */

enum jb_scan_kind {
    JB_SCAN_TEXT,    /* key: the text as it is */
    JB_SCAN_TIME,    /* key: start of the bucket that holds the time */
    JB_SCAN_DECIMAL, /* summed */
};

/* What is wanted of a row. The functions are pure, and called on several threads at once; they get the slot,
 * so that a larger struct can stand around it. Their JB_INPUT says what was expected ("not a time: …"); file,
 * row and column are put before it. */
struct jb_scan_slot {
    enum jb_scan_kind kind;
    bool is_required;  /* an empty cell is an error. Otherwise it is the text "", JB_SCAN_NO_TIME, or nothing
                          to sum */
    int64_t bucket_ns; /* TIME: 1 or more; times are rounded down to a whole number of these (UTC) */
    unsigned decimals; /* DECIMAL: summed in units of 10^-decimals; 0 to 18 */
    bool may_round;    /* DECIMAL: digits behind that are rounded half to even, not refused */
    /* TEXT: writes what text (NUL-terminated) stands for, such as the labels that matter of all tags; NULL:
     * itself. Called once for each text that the thread does not remember. */
    enum jb_code (*make_text)(const struct jb_scan_slot *slot, const char *text, struct jb_error *error,
                              struct jb_buffer *ret_text);
    /* TIME: NULL: jb_time_parse. */
    enum jb_code (*make_time)(const struct jb_scan_slot *slot, const char *text, struct jb_error *error,
                              int64_t *ret_ns);
};

/* One table: an open stream, and where in its rows the slots are. */
struct jb_scan_source; /* opaque */

/* Takes the stream and reads its heading. separator: ',' or another byte that is no quote, line end or NUL.
 * JB_INPUT: UTF-16, a NUL, a heading that is no CSV; JB_NO_DATA: not one byte. On failure the stream is freed
 * as well. */
enum jb_code jb_scan_source_make(struct jb_stream *stream, char separator, struct jb_error *error,
                                 struct jb_scan_source **ret_source);
void jb_scan_source_free(struct jb_scan_source *source); /* NULL-safe */
size_t jb_scan_source_width(const struct jb_scan_source *source);
/* Heading of a column, 0 to width - 1, unquoted; a mark at the start of the file is not part of it. */
const char *jb_scan_source_heading(const struct jb_scan_source *source, size_t field);
/* The first column with that heading, exactly; JB_SCAN_NO_FIELD when there is none. */
uint32_t jb_scan_source_find(const struct jb_scan_source *source, const char *heading);

/* Rows that somebody else takes apart (JSON lines). Whoever has them puts this struct first in its own. */
struct jb_scan_rows {
    const char *name; /* of the file, for messages */
    /* The next row: a text for each slot, NULL or "" where it has none; valid until the next call.
     * JB_NO_DATA at the end. JB_INPUT: a bad row, which may be skipped; anything else ends the scan. Called
     * on one thread at a time. *ret_line: where it stands, from 1, for a bad row too. */
    enum jb_code (*next)(struct jb_scan_rows *rows, struct jb_error *error, const char *const **ret_texts,
                         uint64_t *ret_line);
};

/* What is scanned: exactly one of source and rows. A source can be scanned once. */
struct jb_scan_input {
    struct jb_scan_source *source;
    const uint32_t *fields; /* of source: for each slot the column, or JB_SCAN_NO_FIELD */
    struct jb_scan_rows *rows;
    const char *const *names; /* for each slot what messages call it; NULL: the heading of its column */
};

/* A key that has not been seen on this thread: what a key can be wrong by is asked once for all its rows.
 * Whoever checks puts this struct first in its own. */
struct jb_scan_check {
    uint32_t slots; /* a bit for each that is looked at; 0: all */
    /* texts and times_ns by slot (of other kinds: NULL and JB_SCAN_NO_TIME), input: number of the table.
     * JB_INPUT makes every row of that key a bad one, with the slot that messages name. Pure; on several
     * threads at once. */
    enum jb_code (*check)(const struct jb_scan_check *check, size_t input, const char *const *texts,
                          const int64_t *times_ns, struct jb_error *error, size_t *ret_slot);
};

struct jb_scan_kernel;

struct jb_scan_request {
    const struct jb_scan_slot *const *slots;
    size_t slot_count;
    const struct jb_scan_input *inputs;
    size_t input_count;
    bool by_input;                     /* rows of different inputs are never of one group */
    const struct jb_scan_check *check; /* NULL: every key is good */
    uint64_t bad_ceiling;              /* so many bad rows are left out and listed; one more is JB_INPUT */
    unsigned thread_count;             /* 0: as many as there are processors, up to 8 */
    size_t memory_ceiling;             /* bytes for keys and sums; 0: 160 MiB. JB_LIMIT past it */
    /* What changes nothing but the time it takes. */
    const struct jb_scan_kernel *kernel; /* instruction set; NULL: the best there is */
    size_t block_size;                   /* bytes read at a time, 256 or more; 0: 256 KiB */
    uint64_t range_floor;                /* bytes of a file that are worth a thread; 0: 4 MiB */
};

/* A row that was left out. */
struct jb_scan_bad {
    size_t input;
    uint64_t row, line;      /* from 1, the heading is row 1; a row of several lines has the first one's */
    uint64_t offset, length; /* its bytes in the unpacked file; 0 and 0 for jb_scan_rows */
    const char *message;     /* "FILE, row 12, column \"Cost\": what was expected"; the row alone where its
                                columns are not known */
};

struct jb_scan_table; /* opaque: what a scan found */

/* Reads all inputs to their ends. JB_INPUT: more bad rows than may be; the message is that of the first one
 * too many, in the order of inputs and rows. The inputs stay the caller's. */
enum jb_code jb_scan_run(const struct jb_scan_request *request, struct jb_error *error,
                         struct jb_scan_table **ret_table);
void jb_scan_table_free(struct jb_scan_table *table); /* NULL-safe */

uint64_t jb_scan_row_count(const struct jb_scan_table *table); /* without bad ones */
size_t jb_scan_group_count(const struct jb_scan_table *table);
size_t jb_scan_bad_count(const struct jb_scan_table *table);
const struct jb_scan_bad *jb_scan_bad(const struct jb_scan_table *table, size_t number);

/* Of group 0 to count - 1. */
struct jb_scan_group {
    size_t input;       /* of its first row */
    uint64_t first_row; /* from 1, the heading is row 1 */
    uint64_t row_count;
};
struct jb_scan_group jb_scan_group(const struct jb_scan_table *table, size_t group);
/* Groups of one kind differ in times alone, and in nothing else of their keys. Kinds are numbered in order of
 * appearance. */
uint32_t jb_scan_kind(const struct jb_scan_table *table, size_t group);
size_t jb_scan_kind_count(const struct jb_scan_table *table);
/* Asks for what is kept of a group, which is looked at soon. */
void jb_scan_prefetch(const struct jb_scan_table *table, size_t group);
/* TEXT: number of the text among those of the slot, in order of first appearance, and the text. */
uint32_t jb_scan_text_id(const struct jb_scan_table *table, size_t group, size_t slot);
size_t jb_scan_text_count(const struct jb_scan_table *table, size_t slot);
const char *jb_scan_text(const struct jb_scan_table *table, size_t slot, uint32_t id);
/* TIME: start of the bucket, or JB_SCAN_NO_TIME. */
int64_t jb_scan_time_ns(const struct jb_scan_table *table, size_t group, size_t slot);
/* DECIMAL: the sum in units of 10^-decimals, and how many rows had a number. */
jb_int128 jb_scan_sum(const struct jb_scan_table *table, size_t group, size_t slot);
uint64_t jb_scan_number_count(const struct jb_scan_table *table, size_t group, size_t slot);

JB_DEFINE_CLEANUP(struct jb_scan_source, jb_scan_source_free);
JB_DEFINE_CLEANUP(struct jb_scan_table, jb_scan_table_free);

#endif
