/* What a book in SQLite holds beside flows: counter positions, gaps and labels. */
#include "store/sqlite.h"

#include "base/array.h"

#include <string.h>

#define ROW_CEILING ((size_t)1 << 24)

static enum jb_code set_host(struct jb_sqlite_store *store, const struct jb_batch *batch,
                             struct jb_error *error, int64_t *ret_host) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_HOST_SET, error, &statement);
    if (code)
        return code;
    sqlite3_bind_text(statement, 1, batch->host, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, batch->boot_id ? batch->boot_id : "", -1, SQLITE_STATIC);
    if (!jb_sqlite_row(store, statement, "append to", error, &code))
        return code ? code : jb_sqlite_damaged(store, "a host cannot be set", error);
    *ret_host = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return JB_OK;
}

enum jb_code jb_sqlite_add_positions(struct jb_sqlite_store *store, const struct jb_batch *batch,
                                     struct jb_error *error) {
    if (!batch->host)
        return JB_OK;
    int64_t host = 0;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = set_host(store, batch, error, &host);
    if (!code && batch->replace_positions) {
        code = jb_sqlite_statement(store, JB_SQL_POSITIONS_DROP, error, &statement);
        if (!code) {
            sqlite3_bind_int64(statement, 1, host);
            code = jb_sqlite_run(store, statement, "append to", error);
        }
    }
    if (!code)
        code = jb_sqlite_statement(store, JB_SQL_POSITION_SET, error, &statement);
    for (size_t i = 0; !code && i < batch->position_count; i++) {
        const struct jb_position *position = &batch->positions[i];
        sqlite3_bind_int64(statement, 1, host);
        sqlite3_bind_text(statement, 2, position->counter, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 3, (int64_t)position->value);
        sqlite3_bind_int64(statement, 4, position->realtime_ns);
        sqlite3_bind_int64(statement, 5, position->boottime_ns);
        code = jb_sqlite_run(store, statement, "append to", error);
    }
    return code;
}

enum jb_code jb_sqlite_add_gaps(struct jb_sqlite_store *store, const struct jb_batch *batch,
                                struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < batch->gap_count; i++) {
        const struct jb_gap *gap = &batch->gaps[i];
        uint32_t account;
        code = jb_sqlite_store_account(store, gap->account, error, &account);
        if (!code)
            code = jb_sqlite_statement(store, JB_SQL_GAP_ADD, error, &statement);
        if (code)
            break;
        sqlite3_bind_int64(statement, 1, gap->start_ns);
        sqlite3_bind_int64(statement, 2, gap->end_ns);
        sqlite3_bind_int64(statement, 3, account);
        sqlite3_bind_text(statement, 4, gap->reason, -1, SQLITE_STATIC);
        code = jb_sqlite_run(store, statement, "append to", error);
    }
    return code;
}

/* Copies a text column into a buffer of ours; false when it does not fit. */
bool jb_sqlite_copy_text(sqlite3_stmt *statement, int column, char *ret, size_t size) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    size_t length = text ? strnlen(text, size) : 0;
    if (length >= size)
        return false;
    if (length)
        memcpy(ret, text, length);
    ret[length] = '\0';
    return true;
}

static enum jb_code read_positions(struct jb_sqlite_store *store, int64_t host, struct jb_error *error,
                                   struct jb_position **ret_positions, size_t *ret_count) {
    _cleanup_free_ struct jb_position *positions = NULL;
    size_t count = 0, capacity = 0;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_POSITIONS, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, host);
    while (!code && jb_sqlite_row(store, statement, "read", error, &code)) {
        code = jb_array_reserve(&positions, &capacity, count + 1, ROW_CEILING, "positions", error);
        if (code)
            break;
        struct jb_position *position = &positions[count++];
        if (!jb_sqlite_copy_text(statement, 0, position->counter, sizeof position->counter))
            code = jb_sqlite_damaged(store, "a counter position makes no sense", error);
        position->value = (uint64_t)sqlite3_column_int64(statement, 1);
        position->realtime_ns = sqlite3_column_int64(statement, 2);
        position->boottime_ns = sqlite3_column_int64(statement, 3);
    }
    sqlite3_reset(statement);
    if (code)
        return code;
    *ret_positions = JB_TAKE(positions);
    *ret_count = count;
    return JB_OK;
}

static enum jb_code positions_within(struct jb_sqlite_store *store, const char *host, struct jb_error *error,
                                     struct jb_position **ret_positions, size_t *ret_count,
                                     char ret_boot_id[static JB_BOOT_SIZE]) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_HOST_FIND, error, &statement);
    if (code)
        return code;
    sqlite3_bind_text(statement, 1, host, -1, SQLITE_STATIC);
    if (!jb_sqlite_row(store, statement, "read", error, &code))
        return code ? code
                    : jb_error_set(error, JB_NO_DATA, "the book %s has no counter positions of host '%.63s'",
                                   store->path, host);
    int64_t id = sqlite3_column_int64(statement, 0);
    char boot_id[JB_BOOT_SIZE] = {0};
    bool fits = jb_sqlite_copy_text(statement, 1, boot_id, sizeof boot_id);
    sqlite3_reset(statement);
    if (!fits)
        return jb_sqlite_damaged(store, "a boot id makes no sense", error);
    struct jb_position *positions = NULL;
    size_t count = 0;
    code = read_positions(store, id, error, &positions, &count);
    if (code)
        return code;
    if (!count)
        return jb_error_set(error, JB_NO_DATA, "the book %s has no counter positions of host '%.63s'",
                            store->path, host);
    memcpy(ret_boot_id, boot_id, JB_BOOT_SIZE);
    *ret_positions = positions;
    *ret_count = count;
    return JB_OK;
}

enum jb_code jb_sqlite_positions(struct jb_store *base, const char *host, struct jb_error *error,
                                 struct jb_position **ret_positions, size_t *ret_count,
                                 char ret_boot_id[static JB_BOOT_SIZE]) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    enum jb_code code = jb_sqlite_begin(store, false, error);
    return code ? code
                : jb_sqlite_end(store,
                                positions_within(store, host, error, ret_positions, ret_count, ret_boot_id),
                                error);
}

static enum jb_code gaps_within(struct jb_sqlite_store *store, const struct jb_query *query,
                                struct jb_error *error, struct jb_gap **ret_gaps, size_t *ret_count) {
    _cleanup_free_ struct jb_gap *gaps = calloc(1, sizeof *gaps);
    size_t count = 0, capacity = gaps ? 1 : 0;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_GAPS, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, query->from_ns);
    sqlite3_bind_int64(statement, 2, query->to_ns);
    while (!code && jb_sqlite_row(store, statement, "read", error, &code)) {
        code = jb_array_reserve(&gaps, &capacity, count + 1, ROW_CEILING, "gaps", error);
        if (code)
            break;
        struct jb_gap *gap = &gaps[count];
        int64_t account = sqlite3_column_int64(statement, 2);
        gap->start_ns = sqlite3_column_int64(statement, 0);
        gap->end_ns = sqlite3_column_int64(statement, 1);
        if (account < 0 || (size_t)account >= store->handle_account_count || gap->start_ns >= gap->end_ns ||
            !jb_sqlite_copy_text(statement, 3, gap->reason, sizeof gap->reason)) {
            code = jb_sqlite_damaged(store, "a gap makes no sense", error);
            break;
        }
        gap->account = store->handle_account[account];
        if (jb_gap_is_seen(gap, jb_strings_text(store->accounts, gap->account), query))
            count++;
    }
    sqlite3_reset(statement);
    if (code)
        return code;
    jb_gaps_sort(gaps, count);
    *ret_gaps = JB_TAKE(gaps);
    *ret_count = count;
    return JB_OK;
}

enum jb_code jb_sqlite_gaps(struct jb_store *base, const struct jb_query *query, struct jb_error *error,
                            struct jb_gap **ret_gaps, size_t *ret_count) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    enum jb_code code = jb_sqlite_begin(store, false, error);
    return code ? code : jb_sqlite_end(store, gaps_within(store, query, error, ret_gaps, ret_count), error);
}

static enum jb_code label_within(struct jb_sqlite_store *store, const struct jb_label *label,
                                 struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_LABEL_DROP, error, &statement);
    if (code)
        return code;
    sqlite3_bind_text(statement, 1, label->pattern, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, label->key, -1, SQLITE_STATIC);
    code = jb_sqlite_run(store, statement, "label", error);
    if (code || !label->value[0])
        return code;
    code = jb_sqlite_statement(store, JB_SQL_LABEL_ADD, error, &statement);
    if (code)
        return code;
    sqlite3_bind_text(statement, 1, label->pattern, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, label->key, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, label->value, -1, SQLITE_STATIC);
    return jb_sqlite_run(store, statement, "label", error);
}

enum jb_code jb_sqlite_label_set(struct jb_store *base, const struct jb_label *label,
                                 struct jb_error *error) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    enum jb_code code = jb_label_check(label, error);
    if (!code)
        code = jb_sqlite_begin(store, true, error);
    return code ? code : jb_sqlite_end(store, label_within(store, label, error), error);
}

static enum jb_code labels_within(struct jb_sqlite_store *store, struct jb_error *error,
                                  struct jb_label **ret_labels, size_t *ret_count) {
    _cleanup_free_ struct jb_label *labels = calloc(1, sizeof *labels);
    size_t count = 0, capacity = labels ? 1 : 0;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_LABELS, error, &statement);
    while (!code && jb_sqlite_row(store, statement, "read", error, &code)) {
        code = jb_array_reserve(&labels, &capacity, count + 1, ROW_CEILING, "labels", error);
        if (code)
            break;
        struct jb_label *label = &labels[count++];
        if (!jb_sqlite_copy_text(statement, 0, label->pattern, sizeof label->pattern) ||
            !jb_sqlite_copy_text(statement, 1, label->key, sizeof label->key) ||
            !jb_sqlite_copy_text(statement, 2, label->value, sizeof label->value) ||
            jb_label_check(label, NULL))
            code = jb_sqlite_damaged(store, "a label makes no sense", error);
    }
    sqlite3_reset(statement);
    if (code)
        return code;
    *ret_labels = JB_TAKE(labels);
    *ret_count = count;
    return JB_OK;
}

enum jb_code jb_sqlite_labels(struct jb_store *base, struct jb_error *error, struct jb_label **ret_labels,
                              size_t *ret_count) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    enum jb_code code = jb_sqlite_begin(store, false, error);
    return code ? code : jb_sqlite_end(store, labels_within(store, error, ret_labels, ret_count), error);
}
