/* The SQL that the store speaks, errors of SQLite in our words, and transactions. */
#include "store/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *const texts[JB_SQL_COUNT] = {
    [JB_SQL_BEGIN_READ] = "BEGIN",
    [JB_SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [JB_SQL_DATA_VERSION] = "PRAGMA data_version",
    [JB_SQL_COMMIT] = "COMMIT",
    [JB_SQL_ROLLBACK] = "ROLLBACK",
    [JB_SQL_ACCOUNTS] = "SELECT id, path FROM account WHERE id >= ?1 ORDER BY id",
    [JB_SQL_ACCOUNT_ADD] = "INSERT INTO account (id, path) VALUES (?1, ?2)",
    [JB_SQL_ROUTES] = "SELECT id, source, target, commodity, method, uncertainty_ppm FROM route"
                      " WHERE id >= ?1 ORDER BY id",
    [JB_SQL_ROUTE_ADD] = "INSERT INTO route VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [JB_SQL_NEXT_FLOW] = "SELECT max(next_flow, coalesce((SELECT first_flow + flow_count FROM span"
                         " ORDER BY first_flow DESC LIMIT 1), 1)) FROM rollup WHERE id = 0",
    [JB_SQL_PREFIX_FIND] = "SELECT id FROM prefix WHERE text = ?1",
    [JB_SQL_PREFIX_ADD] = "INSERT INTO prefix (text) VALUES (?1)",
    [JB_SQL_BATCH_FIND] =
        "SELECT first_flow, flow_count, booked_ns FROM batch WHERE prefix = ?1 AND suffix = ?2",
    [JB_SQL_BATCH_NAMES] = "SELECT p.text || b.suffix FROM prefix p JOIN batch b ON b.prefix = p.id"
                           " WHERE p.text >= ?1 AND p.text < ?2 ORDER BY 1",
    [JB_SQL_BATCH_ADD] = "INSERT INTO batch (prefix, suffix, first_flow, flow_count, booked_ns)"
                         " VALUES (?1, ?2, ?3, ?4, ?5)",
    [JB_SQL_BATCH_LEFT] = "SELECT coalesce(sum(flow_count), 0) FROM span"
                          " WHERE first_flow >= ?1 AND first_flow < ?2",
    [JB_SQL_BATCH_FLOWS] = "SELECT s.start_ns, s.end_ns, f.route, f.amount FROM span s JOIN flow f"
                           " ON f.id BETWEEN s.first_flow AND s.first_flow + s.flow_count - 1"
                           " WHERE s.first_flow >= ?1 AND s.first_flow < ?2 ORDER BY f.id",
    [JB_SQL_SPAN_ADD] = "INSERT INTO span (first_flow, flow_count, start_ns, end_ns, prefix, suffix, width)"
                        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    /* Folded spans within one hour that begin in [?1, ?2). */
    [JB_SQL_SPANS_WITHIN_HOUR] =
        "SELECT first_flow, flow_count, start_ns, end_ns FROM span INDEXED BY span_start"
        " WHERE start_ns >= ?1 AND start_ns < ?2 AND width = 0 AND first_flow < ?3",
    /* Folded wide spans that overlap [?1, ?2), but those whose whole day [?4, ?5) a day row has. */
    [JB_SQL_SPANS_WIDE] = "SELECT first_flow, flow_count, start_ns, end_ns FROM span INDEXED BY span_wide"
                          " WHERE width > 0 AND start_ns < ?2 AND end_ns > ?1 AND first_flow < ?3"
                          " AND NOT (width = 1 AND start_ns >= ?4 AND start_ns < ?5)",
    [JB_SQL_SPANS_NEW] = "SELECT first_flow, flow_count, start_ns, end_ns FROM span"
                         " NOT INDEXED WHERE first_flow >= ?3 AND start_ns < ?2 AND end_ns > ?1",
    [JB_SQL_FLOW_ADD] = "INSERT INTO flow (id, route, amount) VALUES (?1, ?2, ?3)",
    [JB_SQL_FLOWS_OF_SPAN] = "SELECT route, amount FROM flow WHERE id >= ?1 AND id < ?2",
    [JB_SQL_HOST_SET] = "INSERT INTO host (name, boot_id) VALUES (?1, ?2)"
                        " ON CONFLICT (name) DO UPDATE SET boot_id = excluded.boot_id RETURNING id",
    [JB_SQL_HOST_FIND] = "SELECT id, boot_id FROM host WHERE name = ?1",
    [JB_SQL_POSITION_SET] = "REPLACE INTO position (host, counter, value, realtime_ns, boottime_ns)"
                            " VALUES (?1, ?2, ?3, ?4, ?5)",
    [JB_SQL_POSITIONS_DROP] = "DELETE FROM position WHERE host = ?1",
    [JB_SQL_POSITIONS] = "SELECT counter, value, realtime_ns, boottime_ns FROM position WHERE host = ?1"
                         " ORDER BY counter",
    [JB_SQL_GAP_ADD] = "INSERT INTO gap (start_ns, end_ns, account, reason) VALUES (?1, ?2, ?3, ?4)",
    [JB_SQL_GAPS] = "SELECT start_ns, end_ns, account, reason FROM gap WHERE start_ns < ?2 AND end_ns > ?1",
    [JB_SQL_LABEL_DROP] = "DELETE FROM label WHERE pattern = ?1 AND key = ?2",
    [JB_SQL_LABEL_ADD] = "INSERT INTO label (id, pattern, key, value)"
                         " VALUES ((SELECT coalesce(max(id), 0) + 1 FROM label), ?1, ?2, ?3)",
    [JB_SQL_LABELS] = "SELECT pattern, key, value FROM label ORDER BY id",
    [JB_SQL_ROLLUP] = "SELECT next_flow, pruned_hour FROM rollup WHERE id = 0",
    [JB_SQL_ROLLUP_SET] = "UPDATE rollup SET next_flow = ?1, pruned_hour = ?2 WHERE id = 0",
    [JB_SQL_HOURS] = "SELECT hour, route, amount, flow_count, first_after_ns, last_before_ns FROM hour"
                     " WHERE hour >= ?1 AND hour < ?2",
    [JB_SQL_HOUR_FOLD] =
        "INSERT INTO hour VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (hour, route) DO UPDATE"
        " SET amount = jb_add128(amount, excluded.amount),"
        " flow_count = flow_count + excluded.flow_count,"
        " first_after_ns = min(first_after_ns, excluded.first_after_ns),"
        " last_before_ns = min(last_before_ns, excluded.last_before_ns)",
    [JB_SQL_DAYS] = "SELECT day, route, amount, flow_count, first_after_ns, last_before_ns FROM day"
                    " WHERE day >= ?1 AND day < ?2",
    [JB_SQL_DAY_FOLD] = "INSERT INTO day VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (day, route) DO UPDATE"
                        " SET amount = jb_add128(amount, excluded.amount),"
                        " flow_count = flow_count + excluded.flow_count,"
                        " first_after_ns = min(first_after_ns, excluded.first_after_ns),"
                        " last_before_ns = min(last_before_ns, excluded.last_before_ns)",
    /* In order of time, so that every bucket is written once a fold. */
    [JB_SQL_SPANS_TO_FOLD] = "SELECT first_flow, flow_count, start_ns, end_ns FROM span NOT INDEXED"
                             " WHERE first_flow >= ?1 AND first_flow < ?2 ORDER BY start_ns",
    [JB_SQL_FOLD_END] = "SELECT first_flow + flow_count FROM span WHERE first_flow >= ?1 AND first_flow < ?2"
                        " ORDER BY first_flow DESC LIMIT 1",
    [JB_SQL_SPANS_TO_PRUNE] =
        "SELECT first_flow, flow_count, start_ns, end_ns FROM span INDEXED BY span_start"
        " WHERE start_ns < ?1 AND width = 0 AND first_flow < ?2 ORDER BY start_ns",
    [JB_SQL_FLOWS_DROP] = "DELETE FROM flow WHERE id >= ?1 AND id < ?2",
    [JB_SQL_SPAN_DROP] = "DELETE FROM span WHERE first_flow = ?1",
    [JB_SQL_RAW_TOTAL] = "SELECT jb_sum128(f.amount), count(*) FROM span s INDEXED BY span_start JOIN flow f"
                         " ON f.id BETWEEN s.first_flow AND s.first_flow + s.flow_count - 1"
                         " WHERE s.start_ns >= ?1 AND s.start_ns < ?2 AND s.width = 0 AND s.first_flow < ?3",
    [JB_SQL_SERIES_FIND] = "SELECT id, name, quantity, unit, region, subject, source, licence, note,"
                           " uncertainty, changed_ns FROM series WHERE name = ?1",
    [JB_SQL_SERIES_ADD] = "INSERT INTO series (name, quantity, unit, region, subject, source, licence, note,"
                          " uncertainty, changed_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [JB_SQL_SERIES_SET] = "UPDATE series SET source = ?6, licence = ?7, note = ?8, uncertainty = ?9,"
                          " changed_ns = ?10 WHERE name = ?1",
    [JB_SQL_SERIES_DROP] = "DELETE FROM series WHERE id = ?1",
    [JB_SQL_SERIES_LIST] = "SELECT id, name, quantity, unit, region, subject, source, licence, note,"
                           " uncertainty, changed_ns FROM series ORDER BY name",
    [JB_SQL_BLOCK_LENGTHS] = "SELECT step_ns, sum(step_count), min(start_ns), max(start_ns + step_ns *"
                             " step_count) FROM block WHERE series = ?1 GROUP BY step_ns",
    [JB_SQL_BLOCKS_DROP_ALL] = "DELETE FROM block WHERE series = ?1",
    /* Those that overlap or touch [?2, ?3): from the last one on that begins no later than ?2. */
    [JB_SQL_BLOCKS] =
        "SELECT start_ns, step_ns, step_count, levels FROM block WHERE series = ?1 AND start_ns <= ?3"
        " AND start_ns >= coalesce((SELECT max(start_ns) FROM block WHERE series = ?1 AND start_ns <= ?2),"
        " ?2) ORDER BY start_ns",
    [JB_SQL_BLOCKS_DROP] = "DELETE FROM block WHERE series = ?1 AND start_ns >= ?2 AND start_ns <= ?3",
    [JB_SQL_BLOCK_ADD] = "INSERT INTO block (series, start_ns, step_ns, step_count, levels)"
                         " VALUES (?1, ?2, ?3, ?4, ?5)",
    [JB_SQL_DOCUMENT_ADD] = "INSERT INTO document (sha256, kept_ns, bytes) VALUES (?1, ?2, ?3)"
                            " ON CONFLICT (sha256) DO NOTHING",
    [JB_SQL_DOCUMENTS] = "SELECT sha256, bytes FROM document WHERE sha256 >= ?1 AND sha256 < ?2 LIMIT 2",
    [JB_SQL_HOUR_TOTAL] = "SELECT jb_sum128(amount), coalesce(sum(flow_count), 0) FROM hour"
                          " WHERE hour >= ?1 AND hour < ?2",
};

const char *jb_sqlite_sql(enum jb_sql which) {
    return texts[which];
}

enum jb_code(jb_sqlite_damaged)(const struct jb_sqlite_store *store, const char *what,
                                struct jb_error *error) {
    return jb_error_set(error, JB_INPUT, "the book %s is damaged: %s; restore it from a copy", store->path,
                        what);
}

enum jb_code(jb_sqlite_refuse_readonly)(const char *path, const char *doing, struct jb_error *error) {
    if (access(path, W_OK) != 0 && errno == EROFS)
        return jb_error_set(error, JB_IO, "could not %s the book %s: it is on a read-only medium", doing,
                            path);
    return jb_error_set(error, JB_PERMISSION,
                        "could not %s the book %s: grant write permission on it and on its folder", doing,
                        path);
}

enum jb_code(jb_sqlite_fail)(sqlite3 *db, const char *path, const char *doing, struct jb_error *error) {
    int result = sqlite3_extended_errcode(db);
    const char *reason = sqlite3_errmsg(db);
    int errnum = sqlite3_system_errno(db);
    if (result == SQLITE_IOERR_DATA)
        return jb_error_set(
            error, JB_INPUT,
            "could not %s the book %s: a page fails its checksum, so the file is damaged or was "
            "changed by another program; restore it from a copy",
            doing, path);
    switch (result & 0xff) {
    case SQLITE_FULL:
        return jb_error_set(error, JB_IO, "could not %s the book %s: the disk is full; make room", doing,
                            path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return jb_error_set(
            error, JB_BUSY,
            "could not %s the book %s: another process is writing it and did not finish in %d "
            "ms; try again",
            doing, path, jb_sqlite_busy_ms);
    case SQLITE_READONLY:
        return jb_sqlite_refuse_readonly(path, doing, error);
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return jb_error_set(error, JB_PERMISSION, "could not %s the book %s: not permitted", doing, path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_FORMAT:
    case SQLITE_ERROR: /* a table or column that should be there is not, or a value that is no number */
        return jb_error_set(error, JB_INPUT,
                            "could not %s the book %s: it is damaged (%s); restore it from a copy", doing,
                            path, reason);
    case SQLITE_NOMEM:
        return jb_error_set(error, JB_MEMORY, "could not %s the book %s: no memory", doing, path);
    case SQLITE_CANTOPEN:
        if (access(path, F_OK) == 0 && access(path, W_OK) != 0)
            return jb_sqlite_refuse_readonly(path, doing, error);
        if (errnum == EACCES || errnum == EPERM || errnum == EROFS)
            return jb_error_set(error, errnum == EROFS ? JB_IO : JB_PERMISSION,
                                "could not %s the book %s: %s", doing, path, strerror(errnum));
        break;
    default:
        break;
    }
    return jb_error_set(error, JB_IO, "could not %s the book %s: %s%s%s", doing, path, reason,
                        errnum ? ": " : "", errnum ? strerror(errnum) : "");
}

enum jb_code jb_sqlite_statement(struct jb_sqlite_store *store, enum jb_sql which, struct jb_error *error,
                                 sqlite3_stmt **ret_statement) {
    if (!store->statements[which] &&
        sqlite3_prepare_v3(store->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[which],
                           NULL) != SQLITE_OK)
        return jb_sqlite_fail(store->db, store->path, "read", error);
    *ret_statement = store->statements[which];
    return JB_OK;
}

bool jb_sqlite_row(struct jb_sqlite_store *store, sqlite3_stmt *statement, const char *doing,
                   struct jb_error *error, enum jb_code *code) {
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        return true;
    if (result != SQLITE_DONE)
        *code = jb_sqlite_fail(store->db, store->path, doing, error);
    sqlite3_reset(statement);
    return false;
}

enum jb_code jb_sqlite_run(struct jb_sqlite_store *store, sqlite3_stmt *statement, const char *doing,
                           struct jb_error *error) {
    enum jb_code code = JB_OK;
    if (sqlite3_step(statement) != SQLITE_DONE)
        code = jb_sqlite_fail(store->db, store->path, doing, error);
    sqlite3_reset(statement);
    return code;
}

static enum jb_code run_plain(struct jb_sqlite_store *store, enum jb_sql which, const char *doing,
                              struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, which, error, &statement);
    return code ? code : jb_sqlite_run(store, statement, doing, error);
}

enum jb_code jb_sqlite_begin(struct jb_sqlite_store *store, bool to_write, struct jb_error *error) {
    if (to_write && store->mode == JB_STORE_READ)
        return jb_error_set(error, JB_PERMISSION, "the book %s was opened for reading only", store->path);
    if (store->is_within)
        return JB_OK;
    enum jb_code code = run_plain(store, to_write ? JB_SQL_BEGIN_WRITE : JB_SQL_BEGIN_READ,
                                  to_write ? "write" : "read", error);
    if (code)
        return code;
    /* The caches are good while nobody else has written. Asking takes the snapshot that is read from: before
     * that, SQLite only knows what it saw last. */
    int64_t version = 0;
    sqlite3_stmt *statement = NULL;
    code = jb_sqlite_statement(store, JB_SQL_DATA_VERSION, error, &statement);
    if (!code && jb_sqlite_row(store, statement, "read", error, &code)) {
        version = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    if (!code && (!store->is_refreshed || version != store->refreshed_version))
        code = jb_sqlite_refresh(store, error);
    if (code)
        return jb_sqlite_end(store, code, error);
    store->is_refreshed = true;
    store->refreshed_version = version;
    store->kept_accounts = store->handle_account_count;
    store->kept_routes = store->routes.count;
    return JB_OK;
}

enum jb_code jb_sqlite_end(struct jb_sqlite_store *store, enum jb_code code, struct jb_error *error) {
    if (store->is_within)
        return code;
    if (!code)
        code = run_plain(store, JB_SQL_COMMIT, "write", error);
    if (code && !sqlite3_get_autocommit(store->db)) {
        for (size_t i = 0; i < JB_SQL_COUNT; i++)
            sqlite3_reset(store->statements[i]);
        run_plain(store, JB_SQL_ROLLBACK, "roll back", NULL);
    }
    if (code)
        jb_sqlite_forget(store);
    return code;
}

enum jb_code jb_sqlite_begin_whole(struct jb_store *base, struct jb_error *error) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    assert(!store->is_within);
    enum jb_code code = jb_sqlite_begin(store, true, error);
    store->is_within = code == JB_OK;
    return code;
}

enum jb_code jb_sqlite_end_whole(struct jb_store *base, enum jb_code code, struct jb_error *error) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    assert(store->is_within);
    store->is_within = false;
    return jb_sqlite_end(store, code, error);
}

void jb_sqlite_finalize(struct jb_sqlite_store *store) {
    for (size_t i = 0; i < JB_SQL_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
}
