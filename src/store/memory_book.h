/* The inside of the memory store: the book that handles of one name share. */
#ifndef JB_STORE_MEMORY_BOOK_H
#define JB_STORE_MEMORY_BOOK_H

#include "base/sha256.h"
#include "base/strings.h"
#include "store/rules.h"

#define JB_BATCH_NONE UINT32_MAX

/* One booked flow, or what stands for the pruned ones of a route in one hour. */
struct jb_entry {
    int64_t start_ns, end_ns;
    jb_int128 amount;
    uint64_t count; /* booked flows behind it */
    uint32_t route;
    uint32_t batch; /* index of its batch; JB_BATCH_NONE for a roll-up */
};

struct jb_memory_batch {
    int64_t booked_ns;
    uint64_t flow_count; /* as booked */
    uint64_t left_count; /* not pruned yet */
};

struct jb_memory_host {
    char host[JB_HOST_SIZE], boot_id[JB_BOOT_SIZE];
    struct jb_position *positions; /* ordered by counter */
    size_t count;
};

struct jb_memory_series {
    struct jb_series series; /* what is filled when read: only changed_ns */
    struct jb_step *steps;
    size_t count;
};

struct jb_memory_document {
    char sha256[JB_SHA256_SIZE];
    char *bytes;
    size_t length;
};

struct jb_memory_lock {
    char name[256];
    const struct jb_store *holder;
};

struct jb_memory_book {
    struct jb_memory_book *next;
    char *name; /* "" is never shared */
    unsigned handles;
    struct jb_strings *accounts, *identities; /* identity id = batch index */
    struct jb_routes routes;
    struct jb_entry *entries;
    size_t entry_count, entry_capacity;
    struct jb_memory_batch *batches;
    size_t batch_count, batch_capacity;
    struct jb_memory_host *hosts;
    size_t host_count, host_capacity;
    struct jb_gap *gaps;
    size_t gap_count, gap_capacity;
    struct jb_label *labels;
    size_t label_count, label_capacity;
    struct jb_memory_series *series; /* ordered by name */
    size_t series_count, series_capacity;
    struct jb_memory_document *documents;
    size_t document_count, document_capacity;
    struct jb_memory_lock *locks;
    size_t lock_count, lock_capacity;
    int64_t pruned_ns; /* flows within one hour that began before are roll-ups */
};

/* How a book was when a transaction began. Logs only grow, so their lengths are enough. */
struct jb_memory_mark {
    size_t entry_count, batch_count, route_count, gap_count, document_count, host_count, label_count;
    struct jb_memory_host *hosts; /* copies */
    struct jb_label *labels;
};

struct jb_memory_store {
    struct jb_store base;
    enum jb_store_mode mode;
    struct jb_memory_book *book;
    struct jb_memory_mark mark;
    bool is_within; /* a transaction */
};

static inline struct jb_memory_book *jb_memory_book_of(struct jb_store *store) {
    return ((struct jb_memory_store *)store)->book;
}

/* memory.c: JB_PERMISSION in READ mode */
enum jb_code jb_memory_refuse_write(struct jb_store *store, struct jb_error *error);

/* memory_document.c */
enum jb_code jb_memory_document_put(struct jb_store *store, const void *bytes, size_t length,
                                    struct jb_error *error);
enum jb_code jb_memory_document_get(struct jb_store *store, const char *prefix, struct jb_error *error,
                                    struct jb_buffer *bytes);

/* memory_series.c */
enum jb_code jb_memory_series_put(struct jb_store *store, const struct jb_series *series,
                                  const struct jb_step *steps, size_t count, struct jb_error *error,
                                  bool *ret_changed);
enum jb_code jb_memory_series_find(struct jb_store *store, const char *name, struct jb_error *error,
                                   struct jb_series *ret_series);
enum jb_code jb_memory_series_list(struct jb_store *store, struct jb_error *error,
                                   struct jb_series **ret_series, size_t *ret_count);
enum jb_code jb_memory_series_read(struct jb_store *store, const char *name, int64_t from_ns, int64_t to_ns,
                                   struct jb_error *error, struct jb_step **ret_steps, size_t *ret_count);
enum jb_code jb_memory_series_drop(struct jb_store *store, const char *name, struct jb_error *error);

/* memory_query.c */
enum jb_code jb_memory_flows_open(struct jb_store *store, const struct jb_query *query,
                                  struct jb_error *error, struct jb_flow_cursor **ret_cursor);
enum jb_code jb_memory_flows_next(struct jb_flow_cursor *cursor, struct jb_error *error,
                                  struct jb_flow *ret_flow, const char **ret_identity);
void jb_memory_flows_close(struct jb_flow_cursor *cursor);
enum jb_code jb_memory_slices(struct jb_store *store, const struct jb_query *query, const int64_t *cuts,
                              size_t slice_count, struct jb_error *error, struct jb_slices *ret_slices);
enum jb_code jb_memory_sums(struct jb_store *store, const struct jb_query *query, struct jb_error *error,
                            struct jb_sum **ret_sums, size_t *ret_count);
enum jb_code jb_memory_rollup(struct jb_store *store, int64_t keep_from_ns, struct jb_error *error);

#endif
