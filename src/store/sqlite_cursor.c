/* Flows in order of time: three ordered streams (spans within an hour, wider spans, hour rows that stand for
 * dropped flows) merged, on a connection of their own, so that they show the book as it was when opened. */
#include "store/sqlite.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <assert.h>
#include <string.h>

struct stream {
    sqlite3_stmt *statement;
    struct jb_span span;
    char identity[JB_IDENTITY_SIZE];
    bool has_span;
};

struct jb_flow_cursor {
    struct jb_sqlite_store *store;
    sqlite3 *db;
    struct jb_query query;
    bool *asked;
    struct stream streams[2];
    sqlite3_stmt *flows;
    struct stream *current; /* whose flows are being read */
    int64_t flows_left;
    sqlite3_stmt *hours;
    struct jb_rollup_row *rows; /* of one hour, by start */
    size_t row_count, row_next, row_capacity;
    struct jb_rollup_row ahead; /* first row of the hour after */
    bool has_ahead;
};

/* ?1 and ?2 bound the start, ?3 the end. */
#define SPAN_COLUMNS "SELECT s.first_flow, s.flow_count, s.start_ns, s.end_ns, p.text, s.suffix FROM span s "
#define SPAN_ORDER   " AND s.end_ns > ?3 ORDER BY s.start_ns, s.first_flow"
static const char spans_within_hour[] =
    SPAN_COLUMNS "INDEXED BY span_start CROSS JOIN prefix p ON p.id = s.prefix"
                 " WHERE s.start_ns >= ?1 AND s.start_ns < ?2 AND s.width = 0" SPAN_ORDER;
static const char spans_wide[] =
    SPAN_COLUMNS "INDEXED BY span_wide CROSS JOIN prefix p ON p.id = s.prefix"
                 " WHERE s.start_ns >= ?1 AND s.start_ns < ?2 AND s.width > 0" SPAN_ORDER;
static const char hours_in_order[] =
    "SELECT hour, route, amount, flow_count, first_after_ns, last_before_ns FROM hour"
    " WHERE hour >= ?1 AND hour < ?2 ORDER BY hour, route";

static enum jb_code cursor_fail(struct jb_flow_cursor *cursor, struct jb_error *error) {
    return jb_sqlite_fail(cursor->db, cursor->store->path, "read", error);
}

static enum jb_code prepare(struct jb_flow_cursor *cursor, const char *sql, struct jb_error *error,
                            sqlite3_stmt **ret_statement) {
    return sqlite3_prepare_v2(cursor->db, sql, -1, ret_statement, NULL) == SQLITE_OK
               ? JB_OK
               : cursor_fail(cursor, error);
}

/* Next span of a stream, or none. */
static enum jb_code stream_advance(struct jb_flow_cursor *cursor, struct stream *stream,
                                   struct jb_error *error) {
    stream->has_span = false;
    int result = sqlite3_step(stream->statement);
    if (result == SQLITE_DONE)
        return JB_OK;
    if (result != SQLITE_ROW)
        return cursor_fail(cursor, error);
    enum jb_code code = jb_sqlite_span_row(cursor->store, stream->statement, error, &stream->span);
    const char *prefix = (const char *)sqlite3_column_text(stream->statement, 4);
    const char *suffix = (const char *)sqlite3_column_text(stream->statement, 5);
    if (code)
        return code;
    if (!prefix || !suffix || strlen(prefix) + strlen(suffix) >= sizeof stream->identity)
        return jb_sqlite_damaged(cursor->store, "a batch's identity makes no sense", error);
    memcpy(stream->identity, prefix, strlen(prefix));
    memcpy(stream->identity + strlen(prefix), suffix, strlen(suffix) + 1);
    stream->has_span = true;
    return JB_OK;
}

static int compare_rows(const void *left, const void *right) {
    const struct jb_rollup_row *a = left, *b = right;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    return (a->route > b->route) - (a->route < b->route);
}

/* The next row of the hours statement into ahead. */
static enum jb_code read_ahead(struct jb_flow_cursor *cursor, struct jb_error *error) {
    cursor->has_ahead = false;
    if (!cursor->hours)
        return JB_OK;
    int result = sqlite3_step(cursor->hours);
    if (result == SQLITE_DONE) {
        sqlite3_finalize(cursor->hours); /* stepping a finished statement would start it anew */
        cursor->hours = NULL;
        return JB_OK;
    }
    if (result != SQLITE_ROW)
        return cursor_fail(cursor, error);
    enum jb_code code = jb_sqlite_rollup_row(cursor->store, cursor->hours, JB_HOUR_NS, error, &cursor->ahead);
    cursor->has_ahead = code == JB_OK;
    return code;
}

/* Loads the rows of the next hour that has any that were asked for. */
static enum jb_code load_hour(struct jb_flow_cursor *cursor, struct jb_error *error) {
    enum jb_code code = JB_OK;
    cursor->row_count = cursor->row_next = 0;
    while (!code && cursor->has_ahead && cursor->row_count == 0) {
        int64_t hour = cursor->ahead.bucket;
        while (!code && cursor->has_ahead && cursor->ahead.bucket == hour) {
            const struct jb_rollup_row *row = &cursor->ahead;
            if (cursor->asked[row->route] && row->start_ns < cursor->query.to_ns &&
                row->end_ns > cursor->query.from_ns) {
                code = jb_array_reserve(&cursor->rows, &cursor->row_capacity, cursor->row_count + 1,
                                        JB_ROUTE_CEILING, "roll-ups", error);
                if (code)
                    break;
                cursor->rows[cursor->row_count++] = *row;
            }
            code = read_ahead(cursor, error);
        }
    }
    if (!code && cursor->row_count)
        qsort(cursor->rows, cursor->row_count, sizeof *cursor->rows, compare_rows);
    return code;
}

static enum jb_code start_streams(struct jb_flow_cursor *cursor, struct jb_error *error) {
    int64_t from_ns = cursor->query.from_ns > JB_BOOK_FIRST_NS ? cursor->query.from_ns : JB_BOOK_FIRST_NS;
    int64_t to_ns = cursor->query.to_ns < JB_BOOK_LAST_NS ? cursor->query.to_ns : JB_BOOK_LAST_NS;
    int64_t hour_ns = jb_time_floor(from_ns < JB_BOOK_LAST_NS ? from_ns : JB_BOOK_LAST_NS, JB_HOUR_NS);
    struct jb_rollup_state state;
    if (cursor->query.from_ns >= cursor->query.to_ns)
        to_ns = JB_BOOK_FIRST_NS; /* nothing lies in it, though long flows lie around it */
    enum jb_code code = jb_sqlite_pragma_int(cursor->db, "SELECT next_flow FROM rollup", cursor->store->path,
                                             error, &state.next_flow);
    if (!code)
        code = jb_sqlite_pragma_int(cursor->db, "SELECT pruned_hour FROM rollup", cursor->store->path, error,
                                    &state.pruned_hour);
    /* The snapshot is taken; now the caches know at least all that it does. */
    if (!code)
        code = jb_sqlite_begin(cursor->store, false, error);
    if (!code)
        code = jb_sqlite_end(cursor->store, JB_OK, error);
    if (!code && !(cursor->asked = jb_sqlite_asked_routes(cursor->store, &cursor->query)))
        code = jb_error_set(error, JB_MEMORY, "no memory for %zu routes", cursor->store->routes.count);
    for (int i = 0; !code && i < 2; i++) {
        struct stream *stream = &cursor->streams[i];
        code = prepare(cursor, i ? spans_wide : spans_within_hour, error, &stream->statement);
        if (code)
            return code;
        sqlite3_bind_int64(stream->statement, 1, i ? JB_BOOK_FIRST_NS : hour_ns);
        sqlite3_bind_int64(stream->statement, 2, to_ns);
        sqlite3_bind_int64(stream->statement, 3, from_ns);
        code = stream_advance(cursor, stream, error);
    }
    if (!code)
        code = prepare(cursor, jb_sqlite_sql(JB_SQL_FLOWS_OF_SPAN), error, &cursor->flows);
    if (!code)
        code = prepare(cursor, hours_in_order, error, &cursor->hours);
    if (code)
        return code;
    int64_t hour_end = jb_time_floor(to_ns - 1, JB_HOUR_NS) / JB_HOUR_NS + 1;
    sqlite3_bind_int64(cursor->hours, 1, hour_ns / JB_HOUR_NS);
    sqlite3_bind_int64(cursor->hours, 2, hour_end < state.pruned_hour ? hour_end : state.pruned_hour);
    code = read_ahead(cursor, error);
    return code ? code : load_hour(cursor, error);
}

enum jb_code jb_sqlite_flows_open(struct jb_store *base, const struct jb_query *query, struct jb_error *error,
                                  struct jb_flow_cursor **ret_cursor) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    struct jb_flow_cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        return jb_error_set(error, JB_MEMORY, "no memory to read flows");
    cursor->store = store;
    cursor->query = *query;
    enum jb_code code =
        jb_sqlite_connect(store->path, JB_STORE_READ, store->is_immutable, error, &cursor->db);
    if (!code && sqlite3_exec(cursor->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        code = cursor_fail(cursor, error);
    if (!code)
        code = start_streams(cursor, error);
    cursor->query.account = NULL; /* the caller's text; what it asked for is in `asked` */
    if (code) {
        jb_sqlite_flows_close(cursor);
        return code;
    }
    *ret_cursor = cursor;
    return JB_OK;
}

static struct jb_flow make_flow(const struct jb_flow_cursor *cursor, uint32_t route_index, int64_t start_ns,
                                int64_t end_ns, int64_t amount) {
    const struct jb_route *route = &cursor->store->routes.items[route_index];
    return (struct jb_flow){.start_ns = start_ns,
                            .end_ns = end_ns,
                            .from = route->from,
                            .to = route->to,
                            .amount = amount,
                            .commodity = route->commodity,
                            .method = (enum jb_method)route->method,
                            .uncertainty_ppm = route->uncertainty_ppm};
}

/* The next flow of the current span that was asked for; JB_NO_DATA without a message when it has no more. */
static enum jb_code next_of_span(struct jb_flow_cursor *cursor, struct jb_error *error,
                                 struct jb_flow *ret_flow) {
    for (;;) {
        int result = sqlite3_step(cursor->flows);
        if (result == SQLITE_DONE) {
            sqlite3_reset(cursor->flows);
            return cursor->flows_left == 0
                       ? JB_NO_DATA
                       : jb_sqlite_damaged(cursor->store, "flows of a span are missing", error);
        }
        if (result != SQLITE_ROW)
            return cursor_fail(cursor, error);
        int64_t route = sqlite3_column_int64(cursor->flows, 0);
        if (route < 0 || (size_t)route >= cursor->store->routes.count || cursor->flows_left == 0)
            return jb_sqlite_damaged(cursor->store, "a flow has a route that is not there", error);
        cursor->flows_left--;
        if (!cursor->asked[route])
            continue;
        *ret_flow = make_flow(cursor, (uint32_t)route, cursor->current->span.start_ns,
                              cursor->current->span.end_ns, sqlite3_column_int64(cursor->flows, 1));
        return JB_OK;
    }
}

/* The stream whose span comes next in time (of equal ones, the one booked first); NULL: none has any. */
static struct stream *first_stream(struct jb_flow_cursor *cursor) {
    struct stream *a = &cursor->streams[0], *b = &cursor->streams[1];
    if (!a->has_span || !b->has_span)
        return a->has_span ? a : b->has_span ? b : NULL;
    if (a->span.start_ns != b->span.start_ns)
        return a->span.start_ns < b->span.start_ns ? a : b;
    return a->span.first_flow < b->span.first_flow ? a : b;
}

static enum jb_code next_of_hour(struct jb_flow_cursor *cursor, struct jb_error *error,
                                 struct jb_flow *ret_flow) {
    struct jb_rollup_row *row = &cursor->rows[cursor->row_next];
    int64_t piece = jb_rollup_piece(&row->amount);
    *ret_flow = make_flow(cursor, row->route, row->start_ns, row->end_ns, piece);
    if (row->amount == 0)
        cursor->row_next++;
    return cursor->row_next == cursor->row_count ? load_hour(cursor, error) : JB_OK;
}

enum jb_code jb_sqlite_flows_next(struct jb_flow_cursor *cursor, struct jb_error *error,
                                  struct jb_flow *ret_flow, const char **ret_identity) {
    for (;;) {
        if (cursor->current) {
            enum jb_code code = next_of_span(cursor, error, ret_flow);
            if (code == JB_OK)
                *ret_identity = cursor->current->identity;
            if (code != JB_NO_DATA)
                return code;
            code = stream_advance(cursor, cursor->current, error);
            cursor->current = NULL;
            if (code)
                return code;
        }
        struct stream *stream = first_stream(cursor);
        bool has_row = cursor->row_next < cursor->row_count;
        if (has_row && (!stream || cursor->rows[cursor->row_next].start_ns <= stream->span.start_ns)) {
            *ret_identity = JB_ROLLUP_IDENTITY;
            return next_of_hour(cursor, error, ret_flow);
        }
        if (!stream) {
            enum jb_code code = jb_sqlite_check_immutable(cursor->store, error);
            return code ? code : jb_error_set(error, JB_NO_DATA, "no more flows");
        }
        cursor->current = stream;
        cursor->flows_left = stream->span.flow_count;
        sqlite3_bind_int64(cursor->flows, 1, stream->span.first_flow);
        sqlite3_bind_int64(cursor->flows, 2, stream->span.first_flow + stream->span.flow_count);
    }
}

void jb_sqlite_flows_close(struct jb_flow_cursor *cursor) {
    if (!cursor)
        return;
    for (int i = 0; i < 2; i++)
        sqlite3_finalize(cursor->streams[i].statement);
    sqlite3_finalize(cursor->flows);
    sqlite3_finalize(cursor->hours);
    sqlite3_close(cursor->db);
    free(cursor->rows);
    free(cursor->asked);
    free(cursor);
}
