/* Folding flows into hour and day rows, and dropping those that their hour rows stand for. Flows are only
 * ever appended and never change, so everything past the last folded id is added to the rows, however late it
 * came. Work is cut into transactions of bounded size, each of which conserves exactly, so that a writer
 * waits for moments only and the write-ahead log stays small. */
#include "store/sqlite.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <string.h>

#define CHUNK_FLOWS INT64_C(1000000)
#define CHUNK_SPANS INT64_C(100000)

#define HOUR_FIRST (JB_BOOK_FIRST_NS / JB_HOUR_NS)
#define HOUR_LAST  (JB_BOOK_LAST_NS / JB_HOUR_NS)

enum jb_code jb_sqlite_rollup_state(struct jb_sqlite_store *store, struct jb_error *error,
                                    struct jb_rollup_state *ret_state) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_ROLLUP, error, &statement);
    if (code)
        return code;
    if (!jb_sqlite_row(store, statement, "read", error, &code))
        return code ? code : jb_sqlite_damaged(store, "the state of its roll-ups is missing", error);
    ret_state->next_flow = sqlite3_column_int64(statement, 0);
    ret_state->pruned_hour = sqlite3_column_int64(statement, 1);
    sqlite3_reset(statement);
    if (ret_state->pruned_hour < HOUR_FIRST)
        ret_state->pruned_hour = HOUR_FIRST;
    if (ret_state->next_flow < 1 || ret_state->next_flow > INT64_MAX / 2 ||
        ret_state->pruned_hour > HOUR_LAST)
        return jb_sqlite_damaged(store, "the state of its roll-ups makes no sense", error);
    return JB_OK;
}

static enum jb_code set_state(struct jb_sqlite_store *store, const struct jb_rollup_state *state,
                              struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_ROLLUP_SET, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, state->next_flow);
    sqlite3_bind_int64(statement, 2, state->pruned_hour);
    return jb_sqlite_run(store, statement, "roll up", error);
}

enum jb_code jb_sqlite_span_row(struct jb_sqlite_store *store, sqlite3_stmt *statement,
                                struct jb_error *error, struct jb_span *ret_span) {
    struct jb_span span = {.first_flow = sqlite3_column_int64(statement, 0),
                           .flow_count = sqlite3_column_int64(statement, 1),
                           .start_ns = sqlite3_column_int64(statement, 2),
                           .end_ns = sqlite3_column_int64(statement, 3)};
    if (span.first_flow < 1 || span.first_flow > INT64_MAX / 2 || span.flow_count < 1 ||
        span.flow_count > (int64_t)JB_BATCH_CEILING || span.start_ns >= span.end_ns ||
        span.start_ns < JB_BOOK_FIRST_NS || span.end_ns > JB_BOOK_LAST_NS)
        return jb_sqlite_damaged(store, "a span of flows makes no sense", error);
    *ret_span = span;
    return JB_OK;
}

enum jb_code jb_sqlite_rollup_row(struct jb_sqlite_store *store, sqlite3_stmt *statement, int64_t bucket_ns,
                                  struct jb_error *error, struct jb_rollup_row *ret_row) {
    const jb_int128 amount_ceiling = (jb_int128)1 << 120; /* so that sums of 64 of them stay in 128 bits */
    int64_t bucket = sqlite3_column_int64(statement, 0), route = sqlite3_column_int64(statement, 1);
    int64_t flow_count = sqlite3_column_int64(statement, 3);
    int64_t first_after_ns = sqlite3_column_int64(statement, 4);
    int64_t last_before_ns = sqlite3_column_int64(statement, 5);
    jb_int128 amount;
    if (jb_sqlite_int128(statement, 2, NULL, &amount) != JB_OK || amount > amount_ceiling ||
        amount < -amount_ceiling || route < 0 || (size_t)route >= store->routes.count || flow_count < 1 ||
        bucket < JB_BOOK_FIRST_NS / bucket_ns || bucket >= JB_BOOK_LAST_NS / bucket_ns ||
        first_after_ns < 0 || last_before_ns < 0 || first_after_ns >= bucket_ns ||
        last_before_ns >= bucket_ns - first_after_ns)
        return jb_sqlite_damaged(store, "a roll-up makes no sense", error);
    *ret_row = (struct jb_rollup_row){.bucket = bucket,
                                      .route = (uint32_t)route,
                                      .amount = amount,
                                      .start_ns = bucket * bucket_ns + first_after_ns,
                                      .end_ns = (bucket + 1) * bucket_ns - last_before_ns,
                                      .flow_count = (uint64_t)flow_count};
    return JB_OK;
}

/* Sums of the bucket that is being gathered, by route. */
struct gatherer {
    enum jb_sql fold;
    int64_t bucket_ns, start_ns;
    bool is_open;
    struct jb_adder adder;
    uint32_t *touched;
    size_t touched_count;
};

static enum jb_code gatherer_make(struct gatherer *gatherer, size_t route_count, struct jb_error *error) {
    enum jb_code code = jb_adder_make(&gatherer->adder, route_count, error);
    if (code)
        return code;
    gatherer->touched = calloc(route_count + 1, sizeof *gatherer->touched);
    return gatherer->touched ? JB_OK : jb_error_set(error, JB_MEMORY, "no memory for %zu sums", route_count);
}

static void gatherer_free(struct gatherer *gatherer) {
    jb_adder_free(&gatherer->adder);
    free(gatherer->touched);
}

/* Adds what was gathered to the bucket's rows. */
static enum jb_code gatherer_flush(struct gatherer *gatherer, struct jb_sqlite_store *store,
                                   struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, gatherer->fold, error, &statement);
    for (size_t i = 0; !code && i < gatherer->touched_count; i++) {
        struct jb_adder_row *row = &gatherer->adder.rows[gatherer->touched[i]];
        char text[JB_INT128_SIZE];
        sqlite3_bind_int64(statement, 1,
                           jb_time_floor(gatherer->start_ns, gatherer->bucket_ns) / gatherer->bucket_ns);
        sqlite3_bind_int64(statement, 2, gatherer->touched[i]);
        if (row->amount >= INT64_MIN && row->amount <= INT64_MAX)
            sqlite3_bind_int64(statement, 3, (int64_t)row->amount);
        else
            sqlite3_bind_text(statement, 3, jb_int128_format(row->amount, text), -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 4, (int64_t)row->flow_count);
        sqlite3_bind_int64(statement, 5, row->first_ns - gatherer->start_ns);
        sqlite3_bind_int64(statement, 6, gatherer->start_ns + gatherer->bucket_ns - row->last_ns);
        code = jb_sqlite_run(store, statement, "roll up", error);
        *row = (struct jb_adder_row){0};
    }
    gatherer->touched_count = 0;
    gatherer->is_open = false;
    return code;
}

/* Makes the bucket that holds span the open one. */
static enum jb_code gatherer_turn(struct gatherer *gatherer, struct jb_sqlite_store *store,
                                  const struct jb_span *span, struct jb_error *error) {
    int64_t start_ns = jb_time_floor(span->start_ns, gatherer->bucket_ns);
    if (gatherer->is_open && gatherer->start_ns == start_ns)
        return JB_OK;
    enum jb_code code = gatherer_flush(gatherer, store, error);
    gatherer->start_ns = start_ns;
    gatherer->is_open = true;
    return code;
}

static void gatherer_add(struct gatherer *gatherer, uint32_t route, int64_t amount,
                         const struct jb_span *span) {
    if (gatherer->adder.rows[route].flow_count == 0)
        gatherer->touched[gatherer->touched_count++] = route;
    jb_adder_add(&gatherer->adder, route, amount, span->start_ns, span->end_ns, span->start_ns, span->end_ns,
                 1);
}

/* Reads the flows of one span into the open hour (where it lies in one) and day. */
static enum jb_code gather_span(struct jb_sqlite_store *store, const struct jb_span *span,
                                struct gatherer *hour, struct gatherer *day, struct jb_error *error) {
    int width = jb_flow_width(span->start_ns, span->end_ns);
    sqlite3_stmt *statement = NULL;
    enum jb_code code = JB_OK;
    if (width == 2)
        return JB_OK;
    if (width == 0)
        code = gatherer_turn(hour, store, span, error);
    if (!code)
        code = gatherer_turn(day, store, span, error);
    if (!code)
        code = jb_sqlite_statement(store, JB_SQL_FLOWS_OF_SPAN, error, &statement);
    if (code)
        return code;
    int64_t count = 0;
    sqlite3_bind_int64(statement, 1, span->first_flow);
    sqlite3_bind_int64(statement, 2, span->first_flow + span->flow_count);
    while (jb_sqlite_row(store, statement, "roll up", error, &code)) {
        int64_t route = sqlite3_column_int64(statement, 0), amount = sqlite3_column_int64(statement, 1);
        if (route < 0 || (size_t)route >= store->routes.count) {
            sqlite3_reset(statement);
            return jb_sqlite_damaged(store, "a flow has a route that is not there", error);
        }
        if (width == 0)
            gatherer_add(hour, (uint32_t)route, amount, span);
        gatherer_add(day, (uint32_t)route, amount, span);
        count++;
    }
    if (!code && count != span->flow_count)
        code = jb_sqlite_damaged(store, "flows of a span are missing", error);
    return code;
}

/* Folds the spans whose ids are in [first, end). */
static enum jb_code fold_spans(struct jb_sqlite_store *store, int64_t first, int64_t end,
                               struct jb_error *error) {
    struct gatherer hour = {.fold = JB_SQL_HOUR_FOLD, .bucket_ns = JB_HOUR_NS};
    struct gatherer day = {.fold = JB_SQL_DAY_FOLD, .bucket_ns = JB_DAY_NS};
    sqlite3_stmt *statement = NULL;
    enum jb_code code = gatherer_make(&hour, store->routes.count, error);
    if (!code)
        code = gatherer_make(&day, store->routes.count, error);
    if (!code)
        code = jb_sqlite_statement(store, JB_SQL_SPANS_TO_FOLD, error, &statement);
    if (!code) {
        sqlite3_bind_int64(statement, 1, first);
        sqlite3_bind_int64(statement, 2, end);
    }
    while (!code && jb_sqlite_row(store, statement, "roll up", error, &code)) {
        struct jb_span span;
        code = jb_sqlite_span_row(store, statement, error, &span);
        if (!code)
            code = gather_span(store, &span, &hour, &day, error);
    }
    sqlite3_reset(statement);
    if (!code)
        code = gatherer_flush(&hour, store, error);
    if (!code)
        code = gatherer_flush(&day, store, error);
    gatherer_free(&hour);
    gatherer_free(&day);
    return code;
}

static enum jb_code drop_span(struct jb_sqlite_store *store, const struct jb_span *span,
                              struct jb_error *error) {
    sqlite3_stmt *flows, *spans;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_FLOWS_DROP, error, &flows);
    if (!code)
        code = jb_sqlite_statement(store, JB_SQL_SPAN_DROP, error, &spans);
    if (code)
        return code;
    sqlite3_bind_int64(flows, 1, span->first_flow);
    sqlite3_bind_int64(flows, 2, span->first_flow + span->flow_count);
    code = jb_sqlite_run(store, flows, "roll up", error);
    if (code)
        return code;
    sqlite3_bind_int64(spans, 1, span->first_flow);
    return jb_sqlite_run(store, spans, "roll up", error);
}

/* Which spans go: folded ones within one hour that begins before `hour`, as many as one transaction takes.
 * The hour of the last is finished even past that. *ret_hour: everything before it is in the list. */
struct doomed {
    struct jb_span *spans;
    size_t count, capacity;
    int64_t hour;
    bool is_all;
};

static enum jb_code find_doomed(struct jb_sqlite_store *store, int64_t hour, int64_t next_flow,
                                struct jb_error *error, struct doomed *doomed) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_SPANS_TO_PRUNE, error, &statement);
    if (code)
        return code;
    int64_t flows = 0, last_hour = INT64_MIN;
    doomed->is_all = true;
    doomed->hour = hour;
    sqlite3_bind_int64(statement, 1, hour * JB_HOUR_NS);
    sqlite3_bind_int64(statement, 2, next_flow);
    while (!code && jb_sqlite_row(store, statement, "roll up", error, &code)) {
        struct jb_span span;
        code = jb_sqlite_span_row(store, statement, error, &span);
        if (code)
            break;
        int64_t its_hour = jb_time_floor(span.start_ns, JB_HOUR_NS) / JB_HOUR_NS;
        if (its_hour != last_hour && (flows > CHUNK_FLOWS || (int64_t)doomed->count > CHUNK_SPANS)) {
            doomed->is_all = false;
            doomed->hour = its_hour;
            break;
        }
        last_hour = its_hour;
        flows += span.flow_count;
        code = jb_array_reserve(&doomed->spans, &doomed->capacity, doomed->count + 1, (size_t)1 << 28,
                                "spans", error);
        if (!code)
            doomed->spans[doomed->count++] = span;
    }
    sqlite3_reset(statement);
    return code;
}

static enum jb_code read_total(struct jb_sqlite_store *store, enum jb_sql which, int64_t from, int64_t to,
                               int64_t next_flow, struct jb_error *error, jb_int128 *ret_amount,
                               int64_t *ret_count) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, which, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, from);
    sqlite3_bind_int64(statement, 2, to);
    if (which == JB_SQL_RAW_TOTAL)
        sqlite3_bind_int64(statement, 3, next_flow);
    if (!jb_sqlite_row(store, statement, "roll up", error, &code))
        return code ? code : jb_sqlite_damaged(store, "its sums cannot be read", error);
    code = jb_sqlite_int128(statement, 0, error, ret_amount);
    *ret_count = sqlite3_column_int64(statement, 1);
    sqlite3_reset(statement);
    return code;
}

/* Nothing is dropped unless the hour rows that stand for it from then on hold the same total: the last moment
 * at which a fault could still be noticed. */
static enum jb_code check_conserved(struct jb_sqlite_store *store, const struct jb_rollup_state *state,
                                    int64_t hour, struct jb_error *error) {
    jb_int128 raw = 0, rolled = 0;
    int64_t raw_count = 0, rolled_count = 0;
    if (hour <= state->pruned_hour)
        return JB_OK;
    enum jb_code code = read_total(store, JB_SQL_RAW_TOTAL, state->pruned_hour * JB_HOUR_NS,
                                   hour * JB_HOUR_NS, state->next_flow, error, &raw, &raw_count);
    if (!code)
        code =
            read_total(store, JB_SQL_HOUR_TOTAL, state->pruned_hour, hour, 0, error, &rolled, &rolled_count);
    if (!code && (raw != rolled || raw_count != rolled_count))
        code = jb_sqlite_damaged(store, "its hour rows do not hold what its flows do; nothing was dropped",
                                 error);
    return code;
}

/* One transaction's worth of dropping; *ret_done when there is no more. */
static enum jb_code prune_within(struct jb_sqlite_store *store, struct jb_rollup_state *state, int64_t hour,
                                 struct jb_error *error, bool *ret_done) {
    struct doomed doomed = {0};
    enum jb_code code = find_doomed(store, hour, state->next_flow, error, &doomed);
    if (!code)
        code = check_conserved(store, state, doomed.hour, error);
    for (size_t i = 0; !code && i < doomed.count; i++)
        code = drop_span(store, &doomed.spans[i], error);
    if (!code && doomed.hour > state->pruned_hour)
        state->pruned_hour = doomed.hour;
    free(doomed.spans);
    *ret_done = doomed.is_all;
    return code;
}

/* One transaction's worth of folding; spans of hours that were pruned before go at once. */
static enum jb_code fold_within(struct jb_sqlite_store *store, struct jb_rollup_state *state,
                                struct jb_error *error, bool *ret_done) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_FOLD_END, error, &statement);
    if (code)
        return code;
    int64_t first = state->next_flow, end = first;
    /* At least one span, so that a batch of any size goes forward. */
    for (int64_t reach = first + CHUNK_FLOWS; !code && end == first; reach = INT64_MAX) {
        sqlite3_bind_int64(statement, 1, first);
        sqlite3_bind_int64(statement, 2, reach);
        if (jb_sqlite_row(store, statement, "roll up", error, &code)) {
            end = sqlite3_column_int64(statement, 0);
            sqlite3_reset(statement);
            if (end <= first)
                return jb_sqlite_damaged(store, "a span of flows makes no sense", error);
        } else if (reach == INT64_MAX) {
            break;
        }
    }
    *ret_done = end == first;
    if (code || *ret_done)
        return code;
    code = fold_spans(store, first, end, error);
    state->next_flow = end;
    bool all_dropped = false;
    while (!code && !all_dropped)
        code = prune_within(store, state, state->pruned_hour, error, &all_dropped);
    return code;
}

/* Folds or prunes one chunk in a transaction of its own. */
static enum jb_code step(struct jb_sqlite_store *store, bool fold, int64_t keep_hour, struct jb_error *error,
                         bool *ret_done) {
    struct jb_rollup_state state;
    bool done = false;
    enum jb_code code = jb_sqlite_begin(store, true, error);
    if (code)
        return code;
    code = jb_sqlite_rollup_state(store, error, &state);
    if (!code && fold)
        code = fold_within(store, &state, error, &done);
    else if (!code && keep_hour > state.pruned_hour)
        code = prune_within(store, &state, keep_hour, error, &done);
    else
        done = true;
    if (!code)
        code = set_state(store, &state, error);
    code = jb_sqlite_end(store, code, error);
    *ret_done = done;
    return code;
}

enum jb_code jb_sqlite_rollup(struct jb_store *base, int64_t keep_from_ns, struct jb_error *error) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    enum jb_code code = JB_OK;
    for (bool done = false; !code && !done;)
        code = step(store, true, 0, error, &done);
    if (keep_from_ns > JB_BOOK_LAST_NS)
        keep_from_ns = JB_BOOK_LAST_NS;
    int64_t keep_hour =
        keep_from_ns <= JB_BOOK_FIRST_NS ? HOUR_FIRST : jb_time_floor(keep_from_ns, JB_HOUR_NS) / JB_HOUR_NS;
    for (bool done = false; !code && !done;)
        code = step(store, false, keep_hour, error, &done);
    return code;
}
