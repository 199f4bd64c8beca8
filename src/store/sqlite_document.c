/* Documents in a book in SQLite. */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/sha256.h"

#include <string.h>

static enum jb_code put_within(struct jb_sqlite_store *store, const void *bytes, size_t length,
                               const char *sha256, struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_DOCUMENT_ADD, error, &statement);
    if (code)
        return code;
    sqlite3_bind_text(statement, 1, sha256, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, jb_clock_system.realtime_ns(&jb_clock_system));
    sqlite3_bind_blob64(statement, 3, length ? bytes : "", length, SQLITE_STATIC);
    code = jb_sqlite_run(store, statement, "write", error);
    sqlite3_clear_bindings(statement);
    return code;
}

enum jb_code jb_sqlite_document_put(struct jb_store *base, const void *bytes, size_t length,
                                    struct jb_error *error) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    char sha256[JB_SHA256_SIZE];
    enum jb_code code = jb_document_check(length, error);
    if (!code)
        code = jb_sqlite_begin(store, true, error);
    if (code)
        return code;
    jb_sha256(bytes, length, sha256);
    return jb_sqlite_end(store, put_within(store, bytes, length, sha256, error), error);
}

static enum jb_code get_within(struct jb_sqlite_store *store, const char *prefix, struct jb_error *error,
                               struct jb_buffer *bytes) {
    sqlite3_stmt *statement = NULL;
    char above[JB_SHA256_SIZE + 1], found[JB_SHA256_SIZE] = "", actual[JB_SHA256_SIZE];
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_DOCUMENTS, error, &statement);
    if (code)
        return code;
    snprintf(above, sizeof above, "%sg", prefix); /* behind every digit */
    sqlite3_bind_text(statement, 1, prefix, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, above, -1, SQLITE_STATIC);
    size_t count = 0;
    jb_buffer_clear(bytes);
    while (!code && jb_sqlite_row(store, statement, "read", error, &code)) {
        if (++count > 1)
            break;
        if (!jb_sqlite_copy_text(statement, 0, found, sizeof found))
            code = jb_sqlite_damaged(store, "a document has no digest", error);
        else
            jb_buffer_add(bytes, sqlite3_column_blob(statement, 1),
                          (size_t)sqlite3_column_bytes(statement, 1));
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (code)
        return code;
    if (count != 1)
        return jb_document_missing(prefix, count, error);
    code = jb_buffer_check(bytes, error);
    if (!code && strcmp(jb_sha256(bytes->bytes, bytes->length, actual), found) != 0)
        code = jb_sqlite_damaged(store, "a document is not what its digest says", error);
    return code;
}

enum jb_code jb_sqlite_document_get(struct jb_store *base, const char *prefix, struct jb_error *error,
                                    struct jb_buffer *bytes) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    enum jb_code code = jb_document_check_prefix(prefix, error);
    if (!code)
        code = jb_sqlite_begin(store, false, error);
    return code ? code : jb_sqlite_end(store, get_within(store, prefix, error, bytes), error);
}
