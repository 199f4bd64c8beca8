/* A book in one SQLite file. */
#include "store/sqlite.h"

static void sqlite_close(struct jb_store *base) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    if (!store)
        return;
    jb_sqlite_finalize(store);
    sqlite3_close(store->db);
    jb_sqlite_unlock_all(store);
    jb_strings_free(store->accounts);
    jb_routes_free(&store->routes);
    free(store->stored_account);
    free(store->handle_account);
    free(store->path);
    free(store);
}

const struct jb_store_ops jb_store_sqlite = {
    .scheme = "sqlite",
    .summary = "one SQLite file",
    .open = jb_sqlite_open,
    .close = sqlite_close,
    .account_id = jb_sqlite_account_id,
    .account_path = jb_sqlite_account_path,
    .account_count = jb_sqlite_account_count,
    .begin = jb_sqlite_begin_whole,
    .end = jb_sqlite_end_whole,
    .append = jb_sqlite_append,
    .reverse = jb_sqlite_reverse,
    .batch_info = jb_sqlite_batch_info,
    .batches = jb_sqlite_batches,
    .flows_open = jb_sqlite_flows_open,
    .flows_next = jb_sqlite_flows_next,
    .flows_close = jb_sqlite_flows_close,
    .sums = jb_sqlite_sums,
    .slices = jb_sqlite_slices,
    .positions = jb_sqlite_positions,
    .gaps = jb_sqlite_gaps,
    .label_set = jb_sqlite_label_set,
    .labels = jb_sqlite_labels,
    .rollup = jb_sqlite_rollup,
    .series_put = jb_sqlite_series_put,
    .series_find = jb_sqlite_series_find,
    .series_list = jb_sqlite_series_list,
    .series_read = jb_sqlite_series_read,
    .series_drop = jb_sqlite_series_drop,
    .document_put = jb_sqlite_document_put,
    .document_get = jb_sqlite_document_get,
    .lock = jb_sqlite_lock,
};
