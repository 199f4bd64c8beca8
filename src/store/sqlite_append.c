/* Booking into SQLite: a batch's flows, positions, gaps and identity in one transaction. */
#include "store/sqlite.h"

#include "base/array.h"
#include "base/clock.h"

#include <assert.h>
#include <string.h>

#define FLOW_CEILING (INT64_MAX / 2) /* ids; far beyond any disk */

/* An identity as the book holds it. */
struct key {
    char prefix[JB_IDENTITY_SIZE]; /* up to and with its last space; "" when it has none */
    const char *suffix;
    int64_t prefix_id; /* -1: the book does not have the prefix */
};

static enum jb_code find_key(struct jb_sqlite_store *store, const char *identity, struct jb_error *error,
                             struct key *ret_key) {
    const char *space = strrchr(identity, ' ');
    size_t length = space ? (size_t)(space - identity) + 1 : 0;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_PREFIX_FIND, error, &statement);
    if (code)
        return code;
    memcpy(ret_key->prefix, identity, length);
    ret_key->prefix[length] = '\0';
    ret_key->suffix = identity + length;
    ret_key->prefix_id = -1;
    sqlite3_bind_text(statement, 1, ret_key->prefix, -1, SQLITE_STATIC);
    if (jb_sqlite_row(store, statement, "read", error, &code)) {
        ret_key->prefix_id = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return code;
}

struct found_batch {
    int64_t first_flow, flow_count, booked_ns;
};

/* JB_NO_DATA (without a message) when the book has no such batch. */
static enum jb_code find_batch(struct jb_sqlite_store *store, const struct key *key, struct jb_error *error,
                               struct found_batch *ret_batch) {
    if (key->prefix_id < 0)
        return JB_NO_DATA;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_BATCH_FIND, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, key->prefix_id);
    sqlite3_bind_text(statement, 2, key->suffix, -1, SQLITE_STATIC);
    if (!jb_sqlite_row(store, statement, "read", error, &code))
        return code ? code : JB_NO_DATA;
    *ret_batch = (struct found_batch){.first_flow = sqlite3_column_int64(statement, 0),
                                      .flow_count = sqlite3_column_int64(statement, 1),
                                      .booked_ns = sqlite3_column_int64(statement, 2)};
    sqlite3_reset(statement);
    if (ret_batch->first_flow < 1 || ret_batch->first_flow > FLOW_CEILING || ret_batch->flow_count < 0 ||
        ret_batch->flow_count > (int64_t)JB_BATCH_CEILING)
        return jb_sqlite_damaged(store, "its table of batches makes no sense", error);
    return JB_OK;
}

static enum jb_code add_prefix(struct jb_sqlite_store *store, struct key *key, struct jb_error *error) {
    if (key->prefix_id >= 0)
        return JB_OK;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_PREFIX_ADD, error, &statement);
    if (code)
        return code;
    sqlite3_bind_text(statement, 1, key->prefix, -1, SQLITE_STATIC);
    code = jb_sqlite_run(store, statement, "append to", error);
    if (!code)
        key->prefix_id = sqlite3_last_insert_rowid(store->db);
    return code;
}

static enum jb_code next_flow_id(struct jb_sqlite_store *store, struct jb_error *error, int64_t *ret_id) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_NEXT_FLOW, error, &statement);
    if (code)
        return code;
    if (!jb_sqlite_row(store, statement, "read", error, &code))
        return code ? code : jb_sqlite_damaged(store, "its state is missing", error);
    int64_t id = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    if (id < 1 || id > FLOW_CEILING)
        return jb_sqlite_damaged(store, "its state makes no sense", error);
    *ret_id = id;
    return JB_OK;
}

static enum jb_code add_span(struct jb_sqlite_store *store, const struct key *key, const struct jb_flow *flow,
                             int64_t first_flow, size_t flow_count, struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_SPAN_ADD, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, first_flow);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)flow_count);
    sqlite3_bind_int64(statement, 3, flow->start_ns);
    sqlite3_bind_int64(statement, 4, flow->end_ns);
    sqlite3_bind_int64(statement, 5, key->prefix_id);
    sqlite3_bind_text(statement, 6, key->suffix, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 7, jb_flow_width(flow->start_ns, flow->end_ns));
    return jb_sqlite_run(store, statement, "append to", error);
}

/* The flows, a span for each run of one interval; ids from first_id on. */
static enum jb_code add_flows(struct jb_sqlite_store *store, const struct key *key,
                              const struct jb_batch *batch, int64_t first_id, struct jb_error *error) {
    _cleanup_free_ size_t *order = NULL;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_batch_order(batch, error, &order);
    if (!code)
        code = jb_sqlite_statement(store, JB_SQL_FLOW_ADD, error, &statement);
    size_t run_start = 0;
    for (size_t i = 0; !code && i < batch->flow_count; i++) {
        const struct jb_flow *flow = &batch->flows[order ? order[i] : i];
        const struct jb_flow *next =
            i + 1 < batch->flow_count ? &batch->flows[order ? order[i + 1] : i + 1] : NULL;
        struct jb_route route = jb_route_of_flow(flow);
        uint32_t index;
        code = jb_sqlite_store_route(store, &route, error, &index);
        if (code)
            break;
        sqlite3_bind_int64(statement, 1, first_id + (int64_t)i);
        sqlite3_bind_int64(statement, 2, index);
        sqlite3_bind_int64(statement, 3, flow->amount);
        code = jb_sqlite_run(store, statement, "append to", error);
        jb_progress_add(batch->progress, 1);
        if (!code && (!next || next->start_ns != flow->start_ns || next->end_ns != flow->end_ns)) {
            code = add_span(store, key, flow, first_id + (int64_t)run_start, i + 1 - run_start, error);
            run_start = i + 1;
        }
    }
    return code;
}

static enum jb_code add_batch(struct jb_sqlite_store *store, const struct key *key,
                              const struct jb_batch *batch, int64_t first_id, struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_BATCH_ADD, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, key->prefix_id);
    sqlite3_bind_text(statement, 2, key->suffix, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, first_id);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)batch->flow_count);
    sqlite3_bind_int64(statement, 5, jb_clock_system.realtime_ns(&jb_clock_system));
    return jb_sqlite_run(store, statement, "append to", error);
}

/* Within a transaction; what it replaces stays. */
static enum jb_code append_alone(struct jb_sqlite_store *store, const struct jb_batch *batch,
                                 struct jb_error *error, bool *ret_new) {
    struct key key;
    struct found_batch found;
    int64_t first_id = 0;
    enum jb_code code = find_key(store, batch->identity, error, &key);
    if (code)
        return code;
    code = find_batch(store, &key, error, &found);
    if (code != JB_NO_DATA) {
        *ret_new = false;
        return code;
    }
    code = next_flow_id(store, error, &first_id);
    if (!code)
        code = add_prefix(store, &key, error);
    if (!code)
        code = add_flows(store, &key, batch, first_id, error);
    if (!code)
        code = jb_sqlite_add_positions(store, batch, error);
    if (!code)
        code = jb_sqlite_add_gaps(store, batch, error);
    if (!code)
        code = add_batch(store, &key, batch, first_id, error);
    *ret_new = true;
    return code;
}

/* The flows of a batch that is whole, with their amounts negated; malloc'd. */
static enum jb_code read_negated(struct jb_sqlite_store *store, const struct found_batch *batch,
                                 struct jb_error *error, struct jb_flow **ret_flows) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_BATCH_FLOWS, error, &statement);
    if (code)
        return code;
    _cleanup_free_ struct jb_flow *flows = calloc((size_t)batch->flow_count + 1, sizeof *flows);
    if (!flows)
        return jb_error_set(error, JB_MEMORY, "no memory for %lld flows", (long long)batch->flow_count);
    int64_t count = 0;
    sqlite3_bind_int64(statement, 1, batch->first_flow);
    sqlite3_bind_int64(statement, 2, batch->first_flow + batch->flow_count);
    while (jb_sqlite_row(store, statement, "read", error, &code)) {
        int64_t route_index = sqlite3_column_int64(statement, 2), amount = sqlite3_column_int64(statement, 3);
        if (count == batch->flow_count || route_index < 0 || (size_t)route_index >= store->routes.count ||
            amount == INT64_MIN) {
            sqlite3_reset(statement);
            return jb_sqlite_damaged(store, "a batch has other flows than it says", error);
        }
        const struct jb_route *route = &store->routes.items[route_index];
        flows[count++] = (struct jb_flow){.start_ns = sqlite3_column_int64(statement, 0),
                                          .end_ns = sqlite3_column_int64(statement, 1),
                                          .from = route->from,
                                          .to = route->to,
                                          .amount = -amount,
                                          .commodity = route->commodity,
                                          .method = (enum jb_method)route->method,
                                          .uncertainty_ppm = route->uncertainty_ppm};
    }
    if (code)
        return code;
    if (count != batch->flow_count)
        return jb_sqlite_damaged(store, "a batch has other flows than it says", error);
    *ret_flows = JB_TAKE(flows);
    return JB_OK;
}

/* How many of a batch's flows were not pruned. */
static enum jb_code count_left(struct jb_sqlite_store *store, const struct found_batch *batch,
                               struct jb_error *error, int64_t *ret_count) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_BATCH_LEFT, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, batch->first_flow);
    sqlite3_bind_int64(statement, 2, batch->first_flow + batch->flow_count);
    if (!jb_sqlite_row(store, statement, "read", error, &code))
        return code ? code : jb_sqlite_damaged(store, "its spans cannot be counted", error);
    *ret_count = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return JB_OK;
}

static enum jb_code reverse_within(struct jb_sqlite_store *store, const char *identity,
                                   struct jb_error *error, bool *ret_new) {
    struct key key;
    struct found_batch found;
    char reversal[JB_IDENTITY_SIZE];
    jb_reversal_identity(identity, reversal);
    enum jb_code code = find_key(store, reversal, error, &key);
    if (!code)
        code = find_batch(store, &key, error, &found);
    if (code != JB_NO_DATA) {
        *ret_new = false;
        return code;
    }
    code = find_key(store, identity, error, &key);
    if (!code)
        code = find_batch(store, &key, error, &found);
    if (code == JB_NO_DATA)
        return jb_error_set(error, code, "there is no batch '%.255s' in the book %s", identity, store->path);
    int64_t left = 0;
    if (!code)
        code = count_left(store, &found, error, &left);
    if (code)
        return code;
    if (left != found.flow_count)
        return jb_error_set(error, JB_UNSUPPORTED,
                            "batch '%.255s' cannot be taken back: its flows were rolled up and dropped",
                            identity);
    _cleanup_free_ struct jb_flow *flows = NULL;
    code = read_negated(store, &found, error, &flows);
    if (code)
        return code;
    struct jb_batch batch = {.identity = reversal, .flows = flows, .flow_count = (size_t)found.flow_count};
    if (jb_batch_check(&batch, jb_strings_count(store->accounts), NULL) != JB_OK)
        return jb_sqlite_damaged(store, "a batch has flows that make no sense", error);
    return append_alone(store, &batch, error, ret_new);
}

/* Within a transaction. */
static enum jb_code append_within(struct jb_sqlite_store *store, const struct jb_batch *batch,
                                  struct jb_error *error, bool *ret_new) {
    bool is_reversal_new;
    enum jb_code code = append_alone(store, batch, error, ret_new);
    for (size_t i = 0; !code && *ret_new && i < batch->replace_count; i++)
        code = reverse_within(store, batch->replaces[i], error, &is_reversal_new);
    return code;
}

enum jb_code jb_sqlite_append(struct jb_store *base, const struct jb_batch *batch, struct jb_error *error,
                              bool *ret_new) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    bool is_new = false;
    enum jb_code code = jb_batch_check(batch, jb_strings_count(store->accounts), error);
    if (!code)
        code = jb_sqlite_begin(store, true, error);
    if (code)
        return code;
    code = jb_sqlite_end(store, append_within(store, batch, error, &is_new), error);
    if (!code)
        *ret_new = is_new;
    return code;
}

static bool is_identity(const char *identity) {
    size_t length = strnlen(identity, JB_IDENTITY_SIZE);
    return length > 0 && length < JB_IDENTITY_SIZE;
}

enum jb_code jb_sqlite_reverse(struct jb_store *base, const char *identity, struct jb_error *error,
                               bool *ret_new) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    bool is_new = false;
    if (!is_identity(identity))
        return jb_error_set(error, JB_NO_DATA, "there is no batch '%.80s' in the book", identity);
    enum jb_code code = jb_sqlite_begin(store, true, error);
    if (code)
        return code;
    code = jb_sqlite_end(store, reverse_within(store, identity, error, &is_new), error);
    if (!code)
        *ret_new = is_new;
    return code;
}

static enum jb_code info_within(struct jb_sqlite_store *store, const char *identity, struct jb_error *error,
                                struct jb_batch_info *ret_info) {
    struct key key;
    struct found_batch found, reversal_found;
    char reversal[JB_IDENTITY_SIZE];
    enum jb_code code = find_key(store, identity, error, &key);
    if (!code)
        code = find_batch(store, &key, error, &found);
    if (code == JB_NO_DATA)
        return jb_error_set(error, code, "there is no batch '%.255s' in the book %s", identity, store->path);
    int64_t left = 0;
    if (!code)
        code = count_left(store, &found, error, &left);
    jb_reversal_identity(identity, reversal);
    if (!code)
        code = find_key(store, reversal, error, &key);
    if (code)
        return code;
    code = find_batch(store, &key, error, &reversal_found);
    if (code && code != JB_NO_DATA)
        return code;
    *ret_info = (struct jb_batch_info){
        .booked_ns = found.booked_ns, .flow_count = (uint64_t)left, .reversed = code == JB_OK};
    memcpy(ret_info->identity, identity, strlen(identity) + 1);
    return JB_OK;
}

enum jb_code jb_sqlite_batch_info(struct jb_store *base, const char *identity, struct jb_error *error,
                                  struct jb_batch_info *ret_info) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    if (!is_identity(identity))
        return jb_error_set(error, JB_NO_DATA, "there is no batch '%.80s' in the book", identity);
    enum jb_code code = jb_sqlite_begin(store, false, error);
    return code ? code : jb_sqlite_end(store, info_within(store, identity, error, ret_info), error);
}

static enum jb_code batches_within(struct jb_sqlite_store *store, const char *prefix, struct jb_error *error,
                                   struct jb_batch_info **ret_infos, size_t *ret_count) {
    char behind[JB_IDENTITY_SIZE];
    size_t length = strnlen(prefix, sizeof behind), count = 0, capacity = 0;
    _cleanup_free_ struct jb_batch_info *infos = NULL;
    sqlite3_stmt *statement = NULL;
    assert(length > 0 && length < sizeof behind && prefix[length - 1] == ' ');
    /* The identity's own prefix runs up to its last space: it begins with this one. */
    memcpy(behind, prefix, length + 1);
    behind[length - 1] = ' ' + 1;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_BATCH_NAMES, error, &statement);
    if (code)
        return code;
    sqlite3_bind_text(statement, 1, prefix, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, behind, -1, SQLITE_STATIC);
    while (jb_sqlite_row(store, statement, "read", error, &code)) {
        const char *identity = (const char *)sqlite3_column_text(statement, 0);
        code = identity && is_identity(identity) ? JB_OK
                                                 : jb_sqlite_damaged(store, "a batch has no name", error);
        if (!code)
            code = jb_array_reserve(&infos, &capacity, count + 1, JB_BATCH_CEILING, "batches", error);
        if (code)
            break;
        snprintf(infos[count++].identity, sizeof infos->identity, "%s", identity);
    }
    sqlite3_reset(statement);
    for (size_t i = 0; !code && i < count; i++) {
        struct jb_batch_info info;
        code = info_within(store, infos[i].identity, error, &info);
        if (!code)
            infos[i] = info;
    }
    if (code)
        return code;
    *ret_infos = JB_TAKE(infos);
    *ret_count = count;
    return JB_OK;
}

enum jb_code jb_sqlite_batches(struct jb_store *base, const char *prefix, struct jb_error *error,
                               struct jb_batch_info **ret_infos, size_t *ret_count) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    enum jb_code code = jb_sqlite_begin(store, false, error);
    return code ? code
                : jb_sqlite_end(store, batches_within(store, prefix, error, ret_infos, ret_count), error);
}
