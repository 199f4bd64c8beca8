/* The inside of the SQLite store: one connection, its prepared statements, and caches of accounts and routes.
 */
#ifndef JB_STORE_SQLITE_H
#define JB_STORE_SQLITE_H

#include "base/strings.h"
#include "store/rules.h"

#include <sqlite3.h>
#include <sys/stat.h>

#define JB_SQLITE_APPLICATION 0x4a6f756c /* "Joul", in the header of every book */
#define JB_SQLITE_VERSION     4          /* of the schema */

/* Statements that are prepared once, on first use; texts in sqlite_statement.c. */
enum jb_sql {
    JB_SQL_BEGIN_READ,
    JB_SQL_BEGIN_WRITE,
    JB_SQL_DATA_VERSION,
    JB_SQL_COMMIT,
    JB_SQL_ROLLBACK,
    JB_SQL_ACCOUNTS,
    JB_SQL_ACCOUNT_ADD,
    JB_SQL_ROUTES,
    JB_SQL_ROUTE_ADD,
    JB_SQL_NEXT_FLOW,
    JB_SQL_PREFIX_FIND,
    JB_SQL_PREFIX_ADD,
    JB_SQL_BATCH_FIND,
    JB_SQL_BATCH_NAMES,
    JB_SQL_BATCH_ADD,
    JB_SQL_BATCH_LEFT,
    JB_SQL_BATCH_FLOWS,
    JB_SQL_SPAN_ADD,
    JB_SQL_SPANS_WITHIN_HOUR,
    JB_SQL_SPANS_WIDE,
    JB_SQL_SPANS_NEW,
    JB_SQL_FLOW_ADD,
    JB_SQL_FLOWS_OF_SPAN,
    JB_SQL_HOST_SET,
    JB_SQL_HOST_FIND,
    JB_SQL_POSITION_SET,
    JB_SQL_POSITIONS_DROP,
    JB_SQL_POSITIONS,
    JB_SQL_GAP_ADD,
    JB_SQL_GAPS,
    JB_SQL_LABEL_DROP,
    JB_SQL_LABEL_ADD,
    JB_SQL_LABELS,
    JB_SQL_ROLLUP,
    JB_SQL_ROLLUP_SET,
    JB_SQL_HOURS,
    JB_SQL_HOUR_FOLD,
    JB_SQL_DAYS,
    JB_SQL_DAY_FOLD,
    JB_SQL_SPANS_TO_FOLD,
    JB_SQL_FOLD_END,
    JB_SQL_SPANS_TO_PRUNE,
    JB_SQL_FLOWS_DROP,
    JB_SQL_SPAN_DROP,
    JB_SQL_RAW_TOTAL,
    JB_SQL_HOUR_TOTAL,
    JB_SQL_SERIES_FIND,
    JB_SQL_SERIES_ADD,
    JB_SQL_SERIES_SET,
    JB_SQL_SERIES_DROP,
    JB_SQL_SERIES_LIST,
    JB_SQL_BLOCK_LENGTHS,
    JB_SQL_BLOCKS_DROP_ALL,
    JB_SQL_BLOCKS,
    JB_SQL_BLOCKS_DROP,
    JB_SQL_BLOCK_ADD,
    JB_SQL_DOCUMENT_ADD,
    JB_SQL_DOCUMENTS,
    JB_SQL_COUNT,
};

struct jb_sqlite_lock {
    char name[256];
    int descriptor;
};

struct jb_sqlite_store {
    struct jb_store base;
    sqlite3 *db;
    sqlite3_stmt *statements[JB_SQL_COUNT];
    char *path; /* resolved, for messages, locks and more connections */
    enum jb_store_mode mode;
    bool is_immutable;        /* read without the write-ahead log's help: see sqlite_open.c */
    struct stat immutable_is; /* the file then, to notice that somebody writes it after all */

    struct jb_strings *accounts; /* by the ids of this handle */
    uint32_t *stored_account;    /* id of this handle → id in the book, JB_ACCOUNT_NONE while not stored */
    size_t stored_account_capacity;
    uint32_t *handle_account; /* id in the book → id of this handle */
    size_t handle_account_count, handle_account_capacity;
    struct jb_routes routes; /* index = id in the book; accounts by the ids of this handle */
    uint32_t last_route;     /* that was asked for; only a guess at the next */
    bool is_within;          /* a transaction of the caller's, of which all that is done now is a part */
    bool is_refreshed;
    int64_t refreshed_version;         /* of the data, when the caches were refreshed */
    size_t kept_accounts, kept_routes; /* how many the book had when the transaction began */

    struct jb_sqlite_lock *locks;
    size_t lock_count, lock_capacity;
};

static inline struct jb_sqlite_store *jb_sqlite_of(struct jb_store *store) {
    return (struct jb_sqlite_store *)store;
}

/* sqlite_open.c: opens path, which is known to be a book (or is to become one when CREATE), and sets the
 * connection up. */
enum jb_code jb_sqlite_open(const char *location, enum jb_store_mode mode, struct jb_error *error,
                            struct jb_store **ret_store);
enum jb_code jb_sqlite_connect(const char *path, enum jb_store_mode mode, bool is_immutable,
                               struct jb_error *error, sqlite3 **ret_db);
/* JB_BUSY when the file of an immutable connection has changed since. */
enum jb_code jb_sqlite_check_immutable(struct jb_sqlite_store *store, struct jb_error *error);
extern int jb_sqlite_busy_ms; /* how long another writer is waited for; tests shorten it */

/* sqlite_vfs.c: pages with checksums. An SQLite result code. */
#define JB_SQLITE_VFS       "joulebook"
#define JB_SQLITE_SEAL_SIZE 8 /* bytes at the end of every page */
int jb_sqlite_add_vfs(void);

/* sqlite_schema.c: brings a book to JB_SQLITE_VERSION, or a fresh file to `version`, in one transaction. */
enum jb_code jb_sqlite_migrate(sqlite3 *db, const char *path, int version, struct jb_error *error);
enum jb_code jb_sqlite_pragma_int(sqlite3 *db, const char *sql, const char *path, struct jb_error *error,
                                  int64_t *ret_value);

/* sqlite_statement.c: error from the connection; doing: "append a batch to". */
enum jb_code jb_sqlite_fail(sqlite3 *db, const char *path, const char *doing, struct jb_error *error);
/* For a book that may not be written: JB_IO on a read-only medium, JB_PERMISSION else. */
enum jb_code jb_sqlite_refuse_readonly(const char *path, const char *doing, struct jb_error *error);
enum jb_code jb_sqlite_damaged(const struct jb_sqlite_store *store, const char *what, struct jb_error *error);
#ifdef __clang_analyzer__
/* What these return, where clang's analyzer cannot look: never JB_OK. */
#define jb_sqlite_fail(...)            (jb_sqlite_fail(__VA_ARGS__), JB_IO)
#define jb_sqlite_refuse_readonly(...) (jb_sqlite_refuse_readonly(__VA_ARGS__), JB_IO)
#define jb_sqlite_damaged(...)         (jb_sqlite_damaged(__VA_ARGS__), JB_INPUT)
#endif

/* Ready to bind: prepared, reset. */
enum jb_code jb_sqlite_statement(struct jb_sqlite_store *store, enum jb_sql which, struct jb_error *error,
                                 sqlite3_stmt **ret_statement);
/* Steps once: true with a row. Resets at the end of the rows and on failure, which is *code. */
bool jb_sqlite_row(struct jb_sqlite_store *store, sqlite3_stmt *statement, const char *doing,
                   struct jb_error *error, enum jb_code *code);
/* Runs a statement that gives no rows (bound before). */
enum jb_code jb_sqlite_run(struct jb_sqlite_store *store, sqlite3_stmt *statement, const char *doing,
                           struct jb_error *error);
enum jb_code jb_sqlite_begin(struct jb_sqlite_store *store, bool to_write, struct jb_error *error);
/* The ops of the same name: what begins and ends between them is part of one transaction. */
enum jb_code jb_sqlite_begin_whole(struct jb_store *store, struct jb_error *error);
enum jb_code jb_sqlite_end_whole(struct jb_store *store, enum jb_code code, struct jb_error *error);
/* Commits when code is JB_OK, else rolls back; forgets what the transaction had stored when it is rolled
 * back. Returns code, or why the commit failed. */
enum jb_code jb_sqlite_end(struct jb_sqlite_store *store, enum jb_code code, struct jb_error *error);
void jb_sqlite_finalize(struct jb_sqlite_store *store);
const char *jb_sqlite_sql(enum jb_sql which);

/* sqlite_account.c */
enum jb_code jb_sqlite_refresh(struct jb_sqlite_store *store, struct jb_error *error);
enum jb_code jb_sqlite_store_account(struct jb_sqlite_store *store, jb_account_id id, struct jb_error *error,
                                     uint32_t *ret_stored);
enum jb_code jb_sqlite_store_route(struct jb_sqlite_store *store, const struct jb_route *route,
                                   struct jb_error *error, uint32_t *ret_index);
/* Forgets what was stored since the transaction began. */
void jb_sqlite_forget(struct jb_sqlite_store *store);
enum jb_code jb_sqlite_account_id(struct jb_store *store, const char *path, bool create,
                                  struct jb_error *error, jb_account_id *ret_id);
const char *jb_sqlite_account_path(struct jb_store *store, jb_account_id id);
size_t jb_sqlite_account_count(struct jb_store *store);

/* sqlite_append.c */
enum jb_code jb_sqlite_append(struct jb_store *store, const struct jb_batch *batch, struct jb_error *error,
                              bool *ret_new);
enum jb_code jb_sqlite_reverse(struct jb_store *store, const char *identity, struct jb_error *error,
                               bool *ret_new);
enum jb_code jb_sqlite_batch_info(struct jb_store *store, const char *identity, struct jb_error *error,
                                  struct jb_batch_info *ret_info);
enum jb_code jb_sqlite_batches(struct jb_store *store, const char *prefix, struct jb_error *error,
                               struct jb_batch_info **ret_infos, size_t *ret_count);

/* sqlite_position.c: what belongs to a batch beside flows. */
enum jb_code jb_sqlite_add_positions(struct jb_sqlite_store *store, const struct jb_batch *batch,
                                     struct jb_error *error);
enum jb_code jb_sqlite_add_gaps(struct jb_sqlite_store *store, const struct jb_batch *batch,
                                struct jb_error *error);
enum jb_code jb_sqlite_positions(struct jb_store *store, const char *host, struct jb_error *error,
                                 struct jb_position **ret_positions, size_t *ret_count,
                                 char ret_boot_id[static JB_BOOT_SIZE]);
enum jb_code jb_sqlite_gaps(struct jb_store *store, const struct jb_query *query, struct jb_error *error,
                            struct jb_gap **ret_gaps, size_t *ret_count);
enum jb_code jb_sqlite_label_set(struct jb_store *store, const struct jb_label *label,
                                 struct jb_error *error);
enum jb_code jb_sqlite_labels(struct jb_store *store, struct jb_error *error, struct jb_label **ret_labels,
                              size_t *ret_count);

bool jb_sqlite_copy_text(sqlite3_stmt *statement, int column, char *ret, size_t size); /* false: too long */

/* sqlite_series.c */
enum jb_code jb_sqlite_series_put(struct jb_store *store, const struct jb_series *series,
                                  const struct jb_step *steps, size_t count, struct jb_error *error,
                                  bool *ret_changed);
enum jb_code jb_sqlite_series_find(struct jb_store *store, const char *name, struct jb_error *error,
                                   struct jb_series *ret_series);
enum jb_code jb_sqlite_series_list(struct jb_store *store, struct jb_error *error,
                                   struct jb_series **ret_series, size_t *ret_count);
enum jb_code jb_sqlite_series_read(struct jb_store *store, const char *name, int64_t from_ns, int64_t to_ns,
                                   struct jb_error *error, struct jb_step **ret_steps, size_t *ret_count);
enum jb_code jb_sqlite_series_drop(struct jb_store *store, const char *name, struct jb_error *error);

/* sqlite_rollup.c */
struct jb_rollup_state {
    int64_t next_flow;   /* flows below it are folded */
    int64_t pruned_hour; /* hours below it have no flows within one hour any more, but for unfolded ones */
};
enum jb_code jb_sqlite_rollup_state(struct jb_sqlite_store *store, struct jb_error *error,
                                    struct jb_rollup_state *ret_state);
enum jb_code jb_sqlite_rollup(struct jb_store *store, int64_t keep_from_ns, struct jb_error *error);

/* One row of hour or day, checked. */
struct jb_rollup_row {
    int64_t bucket;
    uint32_t route;
    jb_int128 amount;
    int64_t start_ns, end_ns;
    uint64_t flow_count;
};
enum jb_code jb_sqlite_rollup_row(struct jb_sqlite_store *store, sqlite3_stmt *statement, int64_t bucket_ns,
                                  struct jb_error *error, struct jb_rollup_row *ret_row);

/* A span as columns 0 to 3 of a row have it, checked. */
struct jb_span {
    int64_t first_flow, flow_count, start_ns, end_ns;
};
enum jb_code jb_sqlite_span_row(struct jb_sqlite_store *store, sqlite3_stmt *statement,
                                struct jb_error *error, struct jb_span *ret_span);

/* sqlite_query.c, sqlite_cursor.c */
bool *jb_sqlite_asked_routes(struct jb_sqlite_store *store, const struct jb_query *query); /* NULL: memory */
enum jb_code jb_sqlite_sums(struct jb_store *store, const struct jb_query *query, struct jb_error *error,
                            struct jb_sum **ret_sums, size_t *ret_count);
enum jb_code jb_sqlite_document_put(struct jb_store *store, const void *bytes, size_t length,
                                    struct jb_error *error);
enum jb_code jb_sqlite_document_get(struct jb_store *store, const char *prefix, struct jb_error *error,
                                    struct jb_buffer *bytes);
enum jb_code jb_sqlite_slices(struct jb_store *store, const struct jb_query *query, const int64_t *cuts,
                              size_t slice_count, struct jb_error *error, struct jb_slices *ret_slices);
enum jb_code jb_sqlite_flows_open(struct jb_store *store, const struct jb_query *query,
                                  struct jb_error *error, struct jb_flow_cursor **ret_cursor);
enum jb_code jb_sqlite_flows_next(struct jb_flow_cursor *cursor, struct jb_error *error,
                                  struct jb_flow *ret_flow, const char **ret_identity);
void jb_sqlite_flows_close(struct jb_flow_cursor *cursor);

/* sqlite_lock.c */
enum jb_code jb_sqlite_lock(struct jb_store *store, const char *name, struct jb_error *error);
void jb_sqlite_unlock_all(struct jb_sqlite_store *store);

/* sqlite_function.c: jb_sum128(x), jb_add128(x, y): exact sums past 64 bits, as an integer where it fits,
 * else as decimal text. */
int jb_sqlite_add_functions(sqlite3 *db);
enum jb_code jb_sqlite_int128(sqlite3_stmt *statement, int column, struct jb_error *error,
                              jb_int128 *ret_value);

#endif
