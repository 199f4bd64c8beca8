/* Accounts and routes of the SQLite store: kept in memory, read on from where others have added. */
#include "store/sqlite.h"

#include "base/array.h"

#include <string.h>

#define ACCOUNT_CEILING ((size_t)1 << 24)

/* Gives text an id of this handle and room in the map to ids of the book. */
static enum jb_code intern(struct jb_sqlite_store *store, const char *path, struct jb_error *error,
                           jb_account_id *ret_id) {
    size_t count = jb_strings_count(store->accounts);
    enum jb_code code = jb_array_reserve(&store->stored_account, &store->stored_account_capacity, count + 1,
                                         ACCOUNT_CEILING + 1, "accounts", error);
    if (!code)
        code = jb_strings_intern(store->accounts, path, error, ret_id);
    if (!code && *ret_id == count)
        store->stored_account[count] = JB_ACCOUNT_NONE;
    return code;
}

/* Notes that account `id` of this handle is the next one of the book. */
static enum jb_code map_account(struct jb_sqlite_store *store, jb_account_id id, struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&store->handle_account, &store->handle_account_capacity,
                                         store->handle_account_count + 1, ACCOUNT_CEILING, "accounts", error);
    if (code)
        return code;
    store->stored_account[id] = (uint32_t)store->handle_account_count;
    store->handle_account[store->handle_account_count++] = id;
    return JB_OK;
}

static enum jb_code refresh_accounts(struct jb_sqlite_store *store, struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_ACCOUNTS, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)store->handle_account_count);
    while (jb_sqlite_row(store, statement, "read", error, &code)) {
        const char *path = (const char *)sqlite3_column_text(statement, 1);
        jb_account_id id;
        if (!path || sqlite3_column_int64(statement, 0) != (sqlite3_int64)store->handle_account_count ||
            jb_account_validate(path, NULL) != JB_OK)
            code = jb_sqlite_damaged(store, "its table of accounts makes no sense", error);
        if (!code)
            code = intern(store, path, error, &id);
        if (!code && store->stored_account[id] != JB_ACCOUNT_NONE)
            code = jb_sqlite_damaged(store, "an account is there twice", error);
        if (!code)
            code = map_account(store, id, error);
        if (code) {
            sqlite3_reset(statement);
            return code;
        }
    }
    return code;
}

/* The route of a row, with accounts by the ids of this handle; false when it makes no sense. */
static bool read_route(const struct jb_sqlite_store *store, sqlite3_stmt *statement,
                       struct jb_route *ret_route) {
    int64_t field[6];
    for (int i = 0; i < 6; i++) {
        field[i] = sqlite3_column_int64(statement, i);
        if (field[i] < 0 || field[i] > UINT32_MAX)
            return false;
    }
    if ((size_t)field[0] != store->routes.count || field[1] == field[2] ||
        (size_t)field[1] >= store->handle_account_count || (size_t)field[2] >= store->handle_account_count ||
        field[3] == 0 || field[4] >= JB_METHOD_COUNT)
        return false;
    *ret_route = (struct jb_route){.from = store->handle_account[field[1]],
                                   .to = store->handle_account[field[2]],
                                   .commodity = (jb_commodity)field[3],
                                   .method = (uint32_t)field[4],
                                   .uncertainty_ppm = (uint32_t)field[5]};
    return true;
}

static enum jb_code refresh_routes(struct jb_sqlite_store *store, struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_ROUTES, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)store->routes.count);
    while (jb_sqlite_row(store, statement, "read", error, &code)) {
        struct jb_route route;
        uint32_t index;
        size_t count = store->routes.count;
        if (!read_route(store, statement, &route))
            code = jb_sqlite_damaged(store, "its table of routes makes no sense", error);
        else
            code = jb_routes_intern(&store->routes, &route, error, &index);
        if (!code && index != count)
            code = jb_sqlite_damaged(store, "a route is there twice", error);
        if (code) {
            sqlite3_reset(statement);
            return code;
        }
    }
    return code;
}

enum jb_code jb_sqlite_refresh(struct jb_sqlite_store *store, struct jb_error *error) {
    enum jb_code code = refresh_accounts(store, error);
    return code ? code : refresh_routes(store, error);
}

enum jb_code jb_sqlite_store_account(struct jb_sqlite_store *store, jb_account_id id, struct jb_error *error,
                                     uint32_t *ret_stored) {
    if (store->stored_account[id] == JB_ACCOUNT_NONE) {
        sqlite3_stmt *statement;
        enum jb_code code = jb_sqlite_statement(store, JB_SQL_ACCOUNT_ADD, error, &statement);
        if (code)
            return code;
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)store->handle_account_count);
        sqlite3_bind_text(statement, 2, jb_strings_text(store->accounts, id), -1, SQLITE_STATIC);
        code = jb_sqlite_run(store, statement, "add an account to", error);
        if (!code)
            code = map_account(store, id, error);
        if (code)
            return code;
    }
    *ret_stored = store->stored_account[id];
    return JB_OK;
}

enum jb_code jb_sqlite_store_route(struct jb_sqlite_store *store, const struct jb_route *route,
                                   struct jb_error *error, uint32_t *ret_index) {
    /* Batches name their routes in much the same order. */
    uint32_t next = store->last_route + 1;
    if (next < store->routes.count && memcmp(&store->routes.items[next], route, sizeof *route) == 0)
        *ret_index = next;
    else
        *ret_index = jb_routes_find(&store->routes, route);
    store->last_route = *ret_index; /* JB_ROUTE_NONE makes the next guess the first */
    if (*ret_index != JB_ROUTE_NONE)
        return JB_OK;
    uint32_t from, to;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_store_account(store, route->from, error, &from);
    if (!code)
        code = jb_sqlite_store_account(store, route->to, error, &to);
    if (!code)
        code = jb_sqlite_statement(store, JB_SQL_ROUTE_ADD, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)store->routes.count);
    sqlite3_bind_int64(statement, 2, from);
    sqlite3_bind_int64(statement, 3, to);
    sqlite3_bind_int64(statement, 4, route->commodity);
    sqlite3_bind_int64(statement, 5, route->method);
    sqlite3_bind_int64(statement, 6, route->uncertainty_ppm);
    code = jb_sqlite_run(store, statement, "add a route to", error);
    return code ? code : jb_routes_intern(&store->routes, route, error, ret_index);
}

void jb_sqlite_forget(struct jb_sqlite_store *store) {
    while (store->handle_account_count > store->kept_accounts)
        store->stored_account[store->handle_account[--store->handle_account_count]] = JB_ACCOUNT_NONE;
    jb_routes_truncate(&store->routes, store->kept_routes);
}

enum jb_code jb_sqlite_account_id(struct jb_store *base, const char *path, bool create,
                                  struct jb_error *error, jb_account_id *ret_id) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    uint32_t known = jb_strings_find(store->accounts, path);
    if (known != JB_STRING_NONE) {
        *ret_id = known;
        return JB_OK;
    }
    enum jb_code code = jb_account_validate(path, error);
    if (code)
        return code;
    if (create && store->mode != JB_STORE_READ)
        return intern(store, path, error, ret_id);
    /* Somebody else may have added it since. */
    code = jb_sqlite_begin(store, false, error);
    if (!code)
        code = jb_sqlite_end(store, JB_OK, error);
    if (code)
        return code;
    known = jb_strings_find(store->accounts, path);
    if (known == JB_STRING_NONE)
        return jb_error_set(error, JB_NO_DATA, "there is no account '%s' in the book %s", path, store->path);
    *ret_id = known;
    return JB_OK;
}

const char *jb_sqlite_account_path(struct jb_store *base, jb_account_id id) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    return id < jb_strings_count(store->accounts) ? jb_strings_text(store->accounts, id) : NULL;
}

size_t jb_sqlite_account_count(struct jb_store *base) {
    return jb_strings_count(jb_sqlite_of(base)->accounts);
}
