/* The seam of storage: where a ledger lives. Every store passes the same contract tests. */
#ifndef JB_STORE_STORE_H
#define JB_STORE_STORE_H

#include "base/buffer.h"
#include "base/decimal.h"
#include "base/error.h"
#include "types/flow.h"
#include "types/series.h"

#include <stdbool.h>

struct jb_store_ops;
struct jb_store {
    const struct jb_store_ops *ops;
};

enum jb_store_mode {
    JB_STORE_READ,   /* must exist; nothing is written */
    JB_STORE_WRITE,  /* must exist */
    JB_STORE_CREATE, /* made when it is not there (its folder too) */
};

/* What to look at. A flow counts to a period by the part of its interval that lies inside: with
 * F(t) = amount · (t − start) / (end − start) rounded toward zero, clamped to the interval, it contributes
 * F(to) − F(from); so splitting a period in two changes no sum, and a reversal takes back exactly what its
 * flow contributed to any period (jb_amount_part). */
struct jb_query {
    int64_t from_ns, to_ns; /* [from, to); INT64_MIN and INT64_MAX leave it open */
    jb_commodity commodity; /* 0: any */
    const char *account;    /* flows whose from or to is this account or lies below it; NULL: all */
};
#define JB_QUERY_ALL ((struct jb_query){.from_ns = INT64_MIN, .to_ns = INT64_MAX})

/* Sum over one route: everything of it that the query covers. Reversals are in the sum. */
struct jb_sum {
    jb_account_id from, to;
    jb_commodity commodity;
    enum jb_method method;
    uint32_t uncertainty_ppm;
    jb_int128 amount;
    int64_t first_ns, last_ns; /* earliest start and latest end of what was summed (clamped to the query) */
    uint64_t flow_count;       /* booked flows behind it; roll-ups count what they folded */
};

/* Sums by route with what of each lies in each slice of a period. */
struct jb_slices {
    struct jb_sum *sums; /* by route, over all slices; those that were touched alone */
    jb_int128 **amounts; /* of each sum: slice_count of them */
    size_t count, slice_count;
    int64_t
        longest_ns; /* of the flows and hours behind them: what is longer than a slice was spread evenly */
};
void jb_slices_free(struct jb_slices *slices); /* NULL-safe; leaves it empty */
#define JB_SLICE_CEILING ((size_t)1 << 28)     /* routes × slices */

struct jb_label {
    char pattern[JB_ACCOUNT_SIZE]; /* glob over account paths; holds for everything below a match as well */
    char key[64], value[128];
};

struct jb_batch_info {
    char identity[256];
    int64_t booked_ns;   /* when it was appended */
    uint64_t flow_count; /* 0 once its flows were pruned into roll-ups */
    bool reversed;       /* a later batch took it back */
};

struct jb_flow_cursor; /* each store's own */

struct jb_store_ops {
    const char *scheme; /* "sqlite" */
    const char *summary;

    /* location: what follows "scheme:" in the URL. JB_INPUT: there is something, but not a book of ours
     * (foreign, truncated, made by a newer version); JB_BUSY locked; JB_IO disk. An older schema is migrated
     * forward in one transaction (not in READ mode: it is then read as it is, or refused with the mend). */
    enum jb_code (*open)(const char *location, enum jb_store_mode mode, struct jb_error *error,
                         struct jb_store **ret_store);
    void (*close)(struct jb_store *store); /* NULL-safe; takes locks back */

    /* Accounts. account_id validates, and makes the account when `create`: its id is good at once for this
     * handle; the book has it with the first batch that names it. JB_NO_DATA when absent and not create (or
     * in READ mode). */
    enum jb_code (*account_id)(struct jb_store *store, const char *path, bool create, struct jb_error *error,
                               jb_account_id *ret_id);
    const char *(*account_path)(struct jb_store *store,
                                jb_account_id id); /* valid until close; NULL unknown */
    size_t (*account_count)(struct jb_store *store);

    /* Between begin and end everything that this handle writes is one transaction: with JB_OK end makes it
     * durable, else nothing of it was done. Others may not write meanwhile. Reads of this handle see it, but
     * for flows_open, which sees what was before. Not nested, and without rollup. end returns code, or why it
     * could not be made durable. */
    enum jb_code (*begin)(struct jb_store *store, struct jb_error *error);
    enum jb_code (*end)(struct jb_store *store, enum jb_code code, struct jb_error *error);

    /* Books a batch whole or not at all: flows, positions, gaps, identity in one transaction. A batch whose
     * identity is there already changes nothing and sets *ret_new false. JB_INPUT for a flow that is not
     * valid (start ≥ end, from = to, unknown account, negative amount). The book is durable when it returns.
     * Batches that it replaces are taken back in the same transaction, as by reverse, which also says what
     * may fail. */
    enum jb_code (*append)(struct jb_store *store, const struct jb_batch *batch, struct jb_error *error,
                           bool *ret_new);

    /* Books a batch "reversal of <identity>" that takes back every flow of that one. JB_NO_DATA: no such
     * batch. Twice changes nothing (*ret_new false). JB_UNSUPPORTED when its flows were pruned into roll-ups.
     */
    enum jb_code (*reverse)(struct jb_store *store, const char *identity, struct jb_error *error,
                            bool *ret_new);
    enum jb_code (*batch_info)(struct jb_store *store, const char *identity, struct jb_error *error,
                               struct jb_batch_info *ret_info);
    /* Batches whose identity begins with prefix, which ends with a space, in order of identity; malloc'd. */
    enum jb_code (*batches)(struct jb_store *store, const char *prefix, struct jb_error *error,
                            struct jb_batch_info **ret_infos, size_t *ret_count);

    /* Flows in order of start, then of booking. Roll-up rows stand for flows that were pruned. Close with
     * flows_close. flows_next: JB_NO_DATA at the end. */
    enum jb_code (*flows_open)(struct jb_store *store, const struct jb_query *query, struct jb_error *error,
                               struct jb_flow_cursor **ret_cursor);
    enum jb_code (*flows_next)(struct jb_flow_cursor *cursor, struct jb_error *error,
                               struct jb_flow *ret_flow, const char **ret_identity);
    void (*flows_close)(struct jb_flow_cursor *cursor); /* NULL-safe */

    /* Sums by route, from roll-ups where the period allows; *ret_sums is malloc'd, ordered by (from, to,
     * commodity, method, uncertainty). */
    enum jb_code (*sums)(struct jb_store *store, const struct jb_query *query, struct jb_error *error,
                         struct jb_sum **ret_sums, size_t *ret_count);

    /* The same by slice: slice i is [cuts[i], cuts[i + 1]), cuts ascending, slice_count + 1 of them; the
     * query's own period is not looked at. What was pruned into an hour lies evenly in it. */
    enum jb_code (*slices)(struct jb_store *store, const struct jb_query *query, const int64_t *cuts,
                           size_t slice_count, struct jb_error *error, struct jb_slices *ret_slices);

    /* Positions of a host as the last batch left them, and the boot they belong to; malloc'd. JB_NO_DATA:
     * none. */
    enum jb_code (*positions)(struct jb_store *store, const char *host, struct jb_error *error,
                              struct jb_position **ret_positions, size_t *ret_count,
                              char ret_boot_id[static JB_BOOT_SIZE]);

    enum jb_code (*gaps)(struct jb_store *store, const struct jb_query *query, struct jb_error *error,
                         struct jb_gap **ret_gaps, size_t *ret_count);

    /* Labels in the order in which they were set; setting the same pattern and key again replaces the value
     * and moves it last; an empty value removes it. */
    enum jb_code (*label_set)(struct jb_store *store, const struct jb_label *label, struct jb_error *error);
    enum jb_code (*labels)(struct jb_store *store, struct jb_error *error, struct jb_label **ret_labels,
                           size_t *ret_count);

    /* Documents: bytes that a statement rests on (factor tables, settings), each kept once, named by the
     * SHA-256 of its bytes in hex. document_get takes the first 8 digits or more; JB_NO_DATA: there is none,
     * JB_USAGE: several begin so or it is no digest. bytes is cleared first. */
    enum jb_code (*document_put)(struct jb_store *store, const void *bytes, size_t length,
                                 struct jb_error *error);
    enum jb_code (*document_get)(struct jb_store *store, const char *sha256, struct jb_error *error,
                                 struct jb_buffer *bytes);

    /* Folds what was appended since the last fold into hour and day roll-ups; and drops flows that ended
     * before keep_from_ns, whose hours then stand for them. INT64_MIN keeps all. Conserves exactly. */
    enum jb_code (*rollup)(struct jb_store *store, int64_t keep_from_ns, struct jb_error *error);

    /* Series. series_put makes the series, or replaces what it says of the periods of the steps (one that is
     * covered in part is cut) and of itself; the rest of it stays. So putting the same again changes nothing,
     * and *ret_changed is false. steps: ordered, not overlapping, gaps as they are. JB_INPUT for a step or
     * text that is not valid, and for a quantity, unit, region or subject that is another than in the book.
     */
    enum jb_code (*series_put)(struct jb_store *store, const struct jb_series *series,
                               const struct jb_step *steps, size_t count, struct jb_error *error,
                               bool *ret_changed);
    /* By name; JB_NO_DATA: there is none. */
    enum jb_code (*series_find)(struct jb_store *store, const char *name, struct jb_error *error,
                                struct jb_series *ret_series);
    /* All, ordered by name; malloc'd. */
    enum jb_code (*series_list)(struct jb_store *store, struct jb_error *error, struct jb_series **ret_series,
                                size_t *ret_count);
    /* What of its steps lies in [from, to), the outer ones cut to it; malloc'd. No step is no error
     * (*ret_count 0); JB_NO_DATA: there is no such series. */
    enum jb_code (*series_read)(struct jb_store *store, const char *name, int64_t from_ns, int64_t to_ns,
                                struct jb_error *error, struct jb_step **ret_steps, size_t *ret_count);
    /* JB_NO_DATA: there is none. */
    enum jb_code (*series_drop)(struct jb_store *store, const char *name, struct jb_error *error);

    /* Takes the lock `name` ("meter h1") for the life of this process; JB_BUSY when another has it, the
     * message with its pid. It goes when the process dies, however it dies. */
    enum jb_code (*lock)(struct jb_store *store, const char *name, struct jb_error *error);
};

extern const struct jb_store_ops *const jb_store_table[]; /* ends with NULL */

#endif
