/* The versions of the schema, and the way from each to the next. */
#include "store/sqlite.h"

#include <assert.h>
#include <stdio.h>

static const char schema_1[] =
#include "store/schema_1.inc"
    ;
static const char schema_2[] =
#include "store/schema_2.inc"
    ;
static const char schema_3[] =
#include "store/schema_3.inc"
    ;
/* steps[n] leads from version n to n + 1. */
static const char *const steps[JB_SQLITE_VERSION] = {schema_1, schema_2, schema_3};

enum jb_code jb_sqlite_pragma_int(sqlite3 *db, const char *sql, const char *path, struct jb_error *error,
                                  int64_t *ret_value) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = JB_OK;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        code = jb_sqlite_fail(db, path, "open", error);
    else
        *ret_value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return code;
}

static enum jb_code execute(sqlite3 *db, const char *sql, const char *path, struct jb_error *error) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? JB_OK
                                                                : jb_sqlite_fail(db, path, "set up", error);
}

static enum jb_code migrate_within(sqlite3 *db, const char *path, int version, struct jb_error *error) {
    int64_t present = 0, application = 0, tables = 0;
    enum jb_code code = jb_sqlite_pragma_int(db, "PRAGMA user_version", path, error, &present);
    if (!code)
        code = jb_sqlite_pragma_int(db, "PRAGMA application_id", path, error, &application);
    if (!code)
        code = jb_sqlite_pragma_int(db, "SELECT count(*) FROM sqlite_schema", path, error, &tables);
    if (code)
        return code;
    /* Asked again under the lock: another process may have made a database of it in the meantime. */
    if (application != JB_SQLITE_APPLICATION && (application != 0 || present != 0 || tables != 0))
        return jb_error_set(error, JB_INPUT,
                            "%s is an SQLite database of another program; name another file as the book",
                            path);
    if (present < 0 || (present == 0 && tables != 0))
        return jb_error_set(error, JB_INPUT, "the book %s is damaged: it has no version", path);
    assert(version <= JB_SQLITE_VERSION);
    for (; !code && present < version; present++)
        code = execute(db, steps[present], path, error);
    if (code)
        return code;
    char sql[120];
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d", JB_SQLITE_APPLICATION,
             (int)present);
    return execute(db, sql, path, error);
}

enum jb_code jb_sqlite_migrate(sqlite3 *db, const char *path, int version, struct jb_error *error) {
    enum jb_code code = execute(db, "BEGIN IMMEDIATE", path, error);
    if (code)
        return code;
    code = migrate_within(db, path, version, error);
    if (!code)
        code = execute(db, "COMMIT", path, error);
    if (code)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}
