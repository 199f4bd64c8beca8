/* What the pieces of a scan share: layout of keys and sums, the kernels that look at bytes, ranges of a file.
 */
#ifndef JB_BASE_SCAN_INTERNAL_H
#define JB_BASE_SCAN_INTERNAL_H

#include "base/scan.h"
#include "base/strings.h"
#include "base/tuples.h"

#include <stdatomic.h>

#define JB_SCAN_BATCH   128            /* most rows taken in one go: their text stays in the first cache */
#define JB_SCAN_SLACK   ((size_t)64)   /* bytes that may be read on either side of the text in a buffer */
#define JB_SCAN_ENDS    ((size_t)8192) /* most field ends found in one go; above the widest row */
#define JB_SCAN_NO_SLOT SIZE_MAX

/* ---- kernels ---------------------------------------------------------------------------------------- */

/* One bit for each of 64 bytes. */
struct jb_scan_masks {
    uint64_t separators, newlines, quotes;
    uint64_t controls; /* below 0x20 */
};

/* Where fields end, by position; the byte there is a separator or a newline. */
struct jb_scan_index {
    uint32_t *ends; /* JB_SCAN_ENDS + 64 */
    size_t count;
    size_t newline_count; /* of them */
    bool has_quotes, has_returns;
    bool is_odd; /* something in here is no good CSV, or has a NUL: to be looked at row by row */
};

/* Rows of the same width, one behind the other: field f of row r is bytes[ends[r * width + f - 1] + 1] up to
 * bytes[ends[r * width + f]]; ends[-1] + 1 is where the first begins. Modulo 2^32. */
struct jb_scan_rows_view {
    const char *bytes;
    const uint32_t *ends;
    size_t width, count;
    bool is_plain; /* there are neither quotes nor carriage returns in them */
};

/* What a short text, as it stands in the file, was found to mean. */
#define JB_SCAN_MEMO_TEXT 60
struct jb_scan_memo_text {
    char text[JB_SCAN_MEMO_TEXT]; /* filled with NUL */
    uint32_t id;
} __attribute__((aligned(64)));

struct jb_scan_memo {
    struct jb_scan_memo_text *texts;
    /* Open addressing: place in texts; texts[0] is like no text, and stands for an empty place. */
    uint16_t *index;
    size_t mask; /* size of the index - 1 */
    size_t count, capacity;
    bool
        is_steady; /* all cells of the last batch were the same: most likely those of the next one are, too */
};
#define JB_SCAN_MEMO_PROBES 8

/* Rows whose cell a kernel leaves to others, in order. */
struct jb_scan_missed {
    uint16_t rows[JB_SCAN_BATCH];
    size_t count;
};

/* The loops over bytes, once for each instruction set. All give the same. */
struct jb_scan_kernel {
    const char *name;
    bool (*is_supported)(void);

    /* bytes begin with a row; so many as fit JB_SCAN_ENDS are looked at, in steps of 64. Reads up to 64 bytes
     * behind length. */
    void (*index)(const char *bytes, size_t length, char separator, struct jb_scan_index *ret_index);

    /* Looks up what stands in the columns first to last, with the separators between them:
     * ids[row * id_stride]. */
    void (*texts)(struct jb_scan_memo *memo, const struct jb_scan_rows_view *rows, size_t first, size_t last,
                  size_t id_stride, uint32_t *ids, struct jb_scan_missed *ret_missed);
    /* Where such a text is to be put; length up to JB_SCAN_MEMO_TEXT. */
    uint64_t (*hash)(const char *text, size_t length);

    /* Numbers of one column in units of 10^-decimals. Takes what has up to 16 digits. */
    void (*decimals)(const struct jb_scan_rows_view *rows, size_t field, unsigned decimals, jb_int128 *values,
                     struct jb_scan_missed *ret_missed);
};

extern const struct jb_scan_kernel jb_scan_kernel_portable, jb_scan_kernel_avx2, jb_scan_kernel_avx512;
/* From the most capable to the portable one; ends with NULL. */
extern const struct jb_scan_kernel *const jb_scan_kernels[];
/* The first that this machine supports. */
const struct jb_scan_kernel *jb_scan_kernel_best(void);

/* ---- keys and sums ---------------------------------------------------------------------------------- */

struct jb_scan_memory {
    atomic_size_t used;
    size_t ceiling;
};

#define JB_SCAN_KEY_CEILING (JB_SCAN_SLOT_CEILING + 1) /* keys, and the input where it is one */

struct jb_scan_layout {
    const struct jb_scan_request *request;
    const struct jb_scan_kernel *kernel;
    size_t key_count, sum_count;
    size_t key_slots[JB_SCAN_SLOT_CEILING]; /* the slot of each key */
    size_t sum_slots[JB_SCAN_SLOT_CEILING];
    size_t place[JB_SCAN_SLOT_CEILING]; /* of each slot, among keys or sums */
};

/* Columns side by side that are looked up as one text: what a row has there is one number, equal for all
 * texts that mean the same. */
struct jb_scan_span {
    uint32_t first, last;             /* columns */
    size_t keys[JB_SCAN_KEY_CEILING]; /* in order of columns, then of slots */
    size_t key_count;
    struct jb_tuples
        *tuples;   /* the ids of its keys; NULL: there is one key, and its id is that of the span */
    bool is_apart; /* texts differ too much to be remembered together: its cells are looked up */
    uint64_t row_count, missed_count;
};

/* Of a group, what each of its rows touches: a record is the sums of the columns that are there, as far as
 * they fit 64 bits, and this behind them. */
struct jb_scan_head {
    uint32_t row_count; /* the lower half; 0 where its key is wrong */
    uint32_t ids[];     /* of spans */
};

/* The rest of it. */
struct jb_scan_margin {
    uint64_t first_row; /* of its range, from 0 */
    uint32_t input;
    /* The upper half of row_count; with JB_SCAN_FAULT the number of what its key is wrong by. */
    uint32_t more;
};
#define JB_SCAN_FAULT ((uint32_t)1 << 31)

/* A line of the cache with eight groups that were met lately: those of one day stand close together here,
 * while they are scattered over the index, which has all groups there are. */
#define JB_SCAN_SET_SIZE 8
typedef uint32_t jb_scan_four __attribute__((vector_size(16)));
struct jb_scan_set {
    union {
        uint32_t tags[JB_SCAN_SET_SIZE]; /* lower halves of hashes, each once */
        jb_scan_four tag_fours[JB_SCAN_SET_SIZE / 4];
    };
    union {
        uint32_t numbers[JB_SCAN_SET_SIZE]; /* + 1; 0 none */
        jb_scan_four number_fours[JB_SCAN_SET_SIZE / 4];
    };
} __attribute__((aligned(64)));

struct jb_scan_recent {
    struct jb_scan_set *sets;
    size_t set_count; /* 0 or a power of 2 */
    size_t next;      /* where the next one is put in its set */
    uint64_t row_count, missed_count;
};

#define JB_SCAN_ID_CEILING  (JB_SCAN_SLOT_CEILING + 1)
#define JB_SCAN_NO_SPAN     SIZE_MAX
#define JB_SCAN_MISSING_SUM SIZE_MAX

/* What is wrong with a cell or a row. */
struct jb_scan_fault {
    size_t slot;  /* or JB_SCAN_NO_SLOT */
    size_t field; /* where there is no slot: number from 0, or SIZE_MAX */
    char *what;
};

/* int64 times and their numbers. */
struct jb_scan_times {
    int64_t *values;
    uint32_t *index; /* number + 1 */
    size_t count, capacity, index_size;
};

struct jb_scan_groups {
    const struct jb_scan_layout *layout;
    struct jb_scan_memory *memory;
    struct jb_strings *texts[JB_SCAN_SLOT_CEILING]; /* by key */
    struct jb_scan_times times[JB_SCAN_SLOT_CEILING];
    struct jb_scan_span spans[JB_SCAN_SLOT_CEILING];
    size_t span_count;
    bool is_whole;                         /* all keys are one span, whatever the columns */
    size_t key_spans[JB_SCAN_KEY_CEILING]; /* by key: its span, or JB_SCAN_NO_SPAN: it is a constant */
    size_t key_places[JB_SCAN_KEY_CEILING];
    uint32_t constants[JB_SCAN_KEY_CEILING];
    size_t sum_places[JB_SCAN_SLOT_CEILING]; /* by sum: in a record, or JB_SCAN_MISSING_SUM: no such column */
    size_t place_count;                      /* sums that are in a record */
    size_t head_offset, record_size;
    /* One behind the other, in memory that is reserved and never moves. */
    char *records;
    struct jb_scan_margin *margins;
    uint64_t *absents;  /* rows without a number, for each sum; only touched where there are any */
    jb_int128 *carries; /* what does not fit the sums of records, for each place; the same */
    bool has_absents, has_carries;
    size_t reserved;
    size_t count;
    uint64_t *index; /* upper half of the hash, number + 1 */
    size_t index_size;
    struct jb_scan_recent recent;
    struct jb_scan_fault *faults; /* of keys; number 1 is the first */
    size_t fault_count, fault_capacity;
    size_t accounted; /* bytes of memory->used that are for this */
};

/* Rows taken apart. */
struct jb_scan_batch {
    size_t count;
    uint32_t *ids;      /* [row * span_count + span] */
    jb_int128 *values;  /* [sum * JB_SCAN_BATCH + row] */
    uint8_t *is_absent; /* the same */
    bool has_absent[JB_SCAN_SLOT_CEILING];
    uint64_t first_row; /* of its range */
    uint32_t input;
    size_t fault_count;
    struct jb_scan_fault faults[JB_SCAN_BATCH]; /* what == NULL: the row is good */
};

enum jb_code jb_scan_groups_make(const struct jb_scan_layout *layout, struct jb_scan_memory *memory,
                                 struct jb_error *error, struct jb_scan_groups **ret_groups);
void jb_scan_groups_free(struct jb_scan_groups *groups); /* NULL-safe */
/* Counts bytes against the ceiling of the whole scan. */
enum jb_code jb_scan_groups_account(struct jb_scan_groups *groups, size_t size, struct jb_error *error);
/* Before the first group is added, and after the constants. fields: the column of each slot; columns side by
 * side become one span where the rows' texts are short enough together. NULL (and no rows): all keys are one
 * span, and all sums are there. */
enum jb_code jb_scan_groups_lay_out(struct jb_scan_groups *groups, const uint32_t *fields,
                                    const struct jb_scan_rows_view *rows, struct jb_error *error);
void jb_scan_groups_prefetch(const struct jb_scan_groups *groups, size_t number);
uint64_t jb_scan_groups_rows(const struct jb_scan_groups *groups, size_t number);
struct jb_scan_margin *jb_scan_groups_margin(const struct jb_scan_groups *groups, size_t number);
const uint32_t *jb_scan_groups_ids(const struct jb_scan_groups *groups, size_t number); /* of its spans */
uint32_t jb_scan_groups_id(const struct jb_scan_groups *groups, size_t number, size_t key);
jb_int128 jb_scan_groups_sum(const struct jb_scan_groups *groups, size_t number, size_t sum);
uint64_t jb_scan_groups_absents(const struct jb_scan_groups *groups, size_t number, size_t sum);
/* Adds to the group what another one has. */
enum jb_code jb_scan_groups_add_group(struct jb_scan_groups *groups, size_t number,
                                      const struct jb_scan_groups *from, size_t from_number,
                                      struct jb_error *error);
/* The number that a span has for the ids of its keys, in the order of its keys. */
enum jb_code jb_scan_groups_intern(struct jb_scan_groups *groups, struct jb_scan_span *span,
                                   const uint32_t *ids, struct jb_error *error, uint32_t *ret_id);
/* The group with these ids of spans, which is made when there is none. */
enum jb_code jb_scan_groups_find(struct jb_scan_groups *groups, const uint32_t *ids, uint64_t first_row,
                                 uint32_t input, struct jb_error *error, size_t *ret_number);

enum jb_code jb_scan_groups_text(struct jb_scan_groups *groups, size_t key, const char *text,
                                 struct jb_error *error, uint32_t *ret_id);
enum jb_code jb_scan_groups_time(struct jb_scan_groups *groups, size_t key, int64_t time_ns,
                                 struct jb_error *error, uint32_t *ret_id);
/* Adds the rows without fault. Rows of a key that is wrong get a fault. */
enum jb_code jb_scan_groups_add(struct jb_scan_groups *groups, struct jb_scan_batch *batch,
                                struct jb_error *error);
/* How many ids a span has. */
size_t jb_scan_span_count(const struct jb_scan_groups *groups, const struct jb_scan_span *span);
/* Whether both have the same spans. */
bool jb_scan_groups_are_alike(const struct jb_scan_groups *a, const struct jb_scan_groups *b);
/* Adds all of `from`, whose rows come behind those of `to` and are counted from first_row. Either they are
 * alike, of the same input, or `to` has one span for all keys. */
enum jb_code jb_scan_groups_merge(struct jb_scan_groups *to, const struct jb_scan_groups *from,
                                  uint64_t first_row, struct jb_error *error);

/* Numbers the groups, in that order (NULL: as they are), by what their keys say besides times, from 0 on.
 * ret_kinds: zeroes, one for each. */
enum jb_code jb_scan_groups_kinds(const struct jb_scan_groups *groups, const uint32_t *order, size_t count,
                                  struct jb_error *error, uint32_t *ret_kinds, size_t *ret_kind_count);

/* ---- rows, one by one ------------------------------------------------------------------------------- */

enum jb_scan_row_kind {
    JB_SCAN_ROW_GOOD,
    JB_SCAN_ROW_EMPTY, /* a line end and nothing before it */
    JB_SCAN_ROW_BAD,
    JB_SCAN_ROW_CUT,  /* more bytes are needed */
    JB_SCAN_ROW_HUGE, /* no line end within JB_SCAN_ROW_CEILING: nothing behind it can be read either */
};

struct jb_scan_row {
    enum jb_scan_row_kind kind;
    size_t length;  /* where the next row begins */
    size_t field;   /* BAD: number of the field, from 0; or SIZE_MAX */
    char what[160]; /* BAD, HUGE: what was expected */
    size_t field_count;
    uint32_t *ends; /* the caller's, for JB_SCAN_WIDTH_CEILING; as in an index */
};

/* The row at the beginning of bytes: strict RFC 4180, LF or CRLF; is_last: nothing comes behind length.
 * width: fields it must have; 0: any number. */
void jb_scan_row_take(const char *bytes, size_t length, bool is_last, char separator, size_t width,
                      struct jb_scan_row *row);
/* A field without its quotes, doubled ones as one, and without the carriage return of a line end. */
void jb_scan_unquote(const char *bytes, size_t length, struct jb_buffer *ret_text);

/* ---- ranges of a file ------------------------------------------------------------------------------- */

struct jb_scan_source {
    struct jb_stream *stream;
    char *heading_bytes;
    const char **headings;
    size_t width;
    char separator;
    uint64_t heading_length; /* bytes up to the first row, the mark included */
    uint64_t heading_lines;
    bool was_scanned;
};

/* A row left out, counted in its range. */
struct jb_scan_left_out {
    uint64_t row, line; /* from 0 */
    uint64_t offset, length;
    struct jb_scan_fault fault;
};

/* Rows of one input that begin in [begin, end) of the file; of a stream, all. */
struct jb_scan_range {
    size_t input;
    uint64_t begin, end;
    bool is_first; /* begin is where a row begins; otherwise the first row behind it is guessed */
    bool is_done;
    uint64_t start; /* where its first row begins, as far as it knows; UINT64_MAX: no idea */
    uint64_t stop;  /* where the first row behind it begins */
    uint64_t row_count, line_count;
    struct jb_scan_left_out *bad;
    size_t bad_count, bad_capacity;
    struct jb_scan_groups *groups;
    enum jb_code code; /* what ended it early */
    struct jb_error error;
};

struct jb_scan_worker; /* opaque: buffers and memos of one thread */

enum jb_code jb_scan_worker_make(const struct jb_scan_layout *layout, struct jb_scan_memory *memory,
                                 const atomic_bool *is_stopped, struct jb_error *error,
                                 struct jb_scan_worker **ret_worker);
void jb_scan_worker_free(struct jb_scan_worker *worker); /* NULL-safe */
/* Scans the range; what it found, and what went wrong, stands in it. It ends behind more bad rows than may
 * be. */
void jb_scan_worker_scan(struct jb_scan_worker *worker, struct jb_scan_range *range);
void jb_scan_range_clear(struct jb_scan_range *range); /* what it found */

JB_DEFINE_CLEANUP(struct jb_scan_groups, jb_scan_groups_free);
JB_DEFINE_CLEANUP(struct jb_scan_worker, jb_scan_worker_free);

#endif
