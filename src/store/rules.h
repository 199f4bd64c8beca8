/* What every store holds to when it books: which batches are valid, their order, and which routes there are.
 */
#ifndef JB_STORE_RULES_H
#define JB_STORE_RULES_H

#include "base/cleanup.h"
#include "store/store.h"

#define JB_IDENTITY_SIZE  256
#define JB_REVERSAL_START "reversal of "
#define JB_BATCH_CEILING  ((size_t)100000000) /* flows */

/* JB_INPUT for what may not be booked: the message names the batch, the flow by its number (from 0) and what
 * is wrong with it. account_count: ids below it are known. */
enum jb_code jb_batch_check(const struct jb_batch *batch, size_t account_count, struct jb_error *error);

/* The order in which a batch's flows are booked: by start, then end, then as given; so flows of one interval
 * stand together. *ret_order is malloc'd, or NULL when they already are in order. */
enum jb_code jb_batch_order(const struct jb_batch *batch, struct jb_error *error, size_t **ret_order);

/* "reversal of <identity>", 1 to 255 bytes; the end of an identity too long for that becomes a hash. */
void jb_reversal_identity(const char *identity, char ret[static JB_IDENTITY_SIZE]);

enum jb_code jb_label_check(const struct jb_label *label, struct jb_error *error);

/* Orders sums by (from, to, commodity, method, uncertainty). */
void jb_sums_sort(struct jb_sum *sums, size_t count);

/* Gaps that a query sees: those that overlap its period, of accounts at, below or above its account. */
bool jb_gap_is_seen(const struct jb_gap *gap, const char *path, const struct jb_query *query);
void jb_gaps_sort(struct jb_gap *gaps, size_t count); /* by start, end, account, reason */

/* How a flow lies to the UTC calendar: 0 within one hour (its hour row can stand for it), 1 within one day
 * (its day row has it), 2 wider (it is always read itself). */
int jb_flow_width(int64_t start_ns, int64_t end_ns);

/* Roll-ups show as flows of this identity; amounts past 64 bits as several flows. jb_rollup_piece takes the
 * next piece off *left. */
#define JB_ROLLUP_IDENTITY "rollup"
int64_t jb_rollup_piece(jb_int128 *left);

/* Everything about a flow but its time and amount. */
struct jb_route {
    jb_account_id from, to;
    jb_commodity commodity;
    uint32_t method; /* enum jb_method */
    uint32_t uncertainty_ppm;
};

/* A set of routes: equal ones get one dense index. */
struct jb_routes {
    struct jb_route *items;
    size_t count, capacity;
    uint32_t *slots; /* open addressing, index + 1, 0 is empty */
    size_t slot_count;
};
#define JB_ROUTE_CEILING ((size_t)64 << 20)
#define JB_ROUTE_NONE    UINT32_MAX

struct jb_route jb_route_of_flow(const struct jb_flow *flow);
enum jb_code jb_routes_intern(struct jb_routes *routes, const struct jb_route *route, struct jb_error *error,
                              uint32_t *ret_index);
uint32_t jb_routes_find(const struct jb_routes *routes, const struct jb_route *route); /* JB_ROUTE_NONE */
void jb_routes_truncate(struct jb_routes *routes, size_t count); /* forgets those from count on */
void jb_routes_free(struct jb_routes *routes);                   /* NULL-safe */

/* Sums by route index, growing while a query is answered. */
struct jb_adder_row {
    jb_int128 amount;
    uint64_t flow_count;
    int64_t first_ns, last_ns;
};
struct jb_adder {
    struct jb_adder_row *rows;
    size_t count;
};
enum jb_code jb_adder_make(struct jb_adder *adder, size_t route_count, struct jb_error *error);
void jb_adder_free(struct jb_adder *adder);
/* Adds what of [start, end) lies in [from, to), if anything does; route < the count it was made with. */
void jb_adder_add(struct jb_adder *adder, uint32_t route, jb_int128 amount, int64_t start_ns, int64_t end_ns,
                  int64_t from_ns, int64_t to_ns, uint64_t flow_count);
/* The rows that were added to, as jb_store_ops.sums gives them. */
enum jb_code jb_adder_sums(const struct jb_adder *adder, const struct jb_routes *routes,
                           struct jb_error *error, struct jb_sum **ret_sums, size_t *ret_count);

#define JB_SERIES_CEILING ((size_t)100000)
#define JB_STEP_CEILING   ((size_t)1 << 26) /* of one series */

/* JB_INPUT for a series or steps that may not be stored. */
enum jb_code jb_series_check(const struct jb_series *series, const struct jb_step *steps, size_t count,
                             struct jb_error *error);
/* JB_INPUT when `series` may not be put over `stored`, of the same name: it is another quantity, say. */
enum jb_code jb_series_check_same(const struct jb_series *series, const struct jb_series *stored,
                                  struct jb_error *error);
/* Whether both say the same of themselves (what is filled when read is not looked at). */
bool jb_series_is_same(const struct jb_series *a, const struct jb_series *b);
/* The steps of `old` with those of `new` in place of what they cover; malloc'd. Neighbours are not joined. */
enum jb_code jb_steps_merge(const struct jb_step *old, size_t old_count, const struct jb_step *new,
                            size_t new_count, struct jb_error *error, struct jb_step **ret_steps,
                            size_t *ret_count);
/* Cuts steps, in their array, to what lies in [from, to). Returns how many are left. */
size_t jb_steps_cut(struct jb_step *steps, size_t count, int64_t from_ns, int64_t to_ns);
bool jb_steps_are_same(const struct jb_step *a, size_t a_count, const struct jb_step *b, size_t b_count);

#define JB_DOCUMENT_CEILING ((size_t)64 << 20) /* bytes */
enum jb_code jb_document_check(size_t length, struct jb_error *error);
/* 8 to 64 lower-case hex digits. */
enum jb_code jb_document_check_prefix(const char *prefix, struct jb_error *error);
/* What `count` documents, none or several, of a prefix are. */
enum jb_code jb_document_missing(const char *prefix, size_t count, struct jb_error *error);

/* Slices while they are added up; rules_slices.c. */
struct jb_slicer {
    const int64_t *cuts;
    size_t slice_count, touched;
    size_t last; /* slice that was found last: what is read comes mostly in order of time */
    int64_t longest_ns;
    struct jb_adder adder;
    jb_int128 **cells; /* by route; NULL: not touched */
};
enum jb_code jb_slicer_make(struct jb_slicer *slicer, const int64_t *cuts, size_t slice_count,
                            size_t route_count, struct jb_error *error);
void jb_slicer_free(struct jb_slicer *slicer);
/* Adds what of [start, end) lies in the slices; nothing outside [clip_from, clip_to). */
enum jb_code jb_slicer_add(struct jb_slicer *slicer, uint32_t route, jb_int128 amount, int64_t start_ns,
                           int64_t end_ns, int64_t clip_from_ns, int64_t clip_to_ns, uint64_t flow_count,
                           struct jb_error *error);
/* Hands the sums over, by index of the route. */
enum jb_code jb_slicer_finish(struct jb_slicer *slicer, const struct jb_routes *routes,
                              struct jb_error *error, struct jb_slices *ret_slices);

/* The stores; each stands in jb_store_table. */
extern const struct jb_store_ops jb_store_memory, jb_store_sqlite;

#endif
