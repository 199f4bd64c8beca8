/* Sums by slice of time: hour rows where whole hours lie in a slice or their flows were dropped, flows
 * elsewhere. */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/time.h"

struct plan {
    const int64_t *cuts;
    size_t slice_count;
    struct jb_rollup_state state;
    const bool *asked; /* by route */
    struct jb_slicer slicer;
};

static enum jb_code add_span(struct jb_sqlite_store *store, struct plan *plan, const struct jb_span *span,
                             int64_t from_ns, int64_t to_ns, struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    int64_t count = 0;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_FLOWS_OF_SPAN, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, span->first_flow);
    sqlite3_bind_int64(statement, 2, span->first_flow + span->flow_count);
    while (!code && jb_sqlite_row(store, statement, "sum", error, &code)) {
        int64_t route = sqlite3_column_int64(statement, 0), amount = sqlite3_column_int64(statement, 1);
        if (route < 0 || (size_t)route >= store->routes.count)
            code = jb_sqlite_damaged(store, "a flow has a route that is not there", error);
        else if (plan->asked[route])
            code = jb_slicer_add(&plan->slicer, (uint32_t)route, amount, span->start_ns, span->end_ns,
                                 from_ns, to_ns, 1, error);
        count++;
    }
    sqlite3_reset(statement);
    if (!code && count != span->flow_count)
        code = jb_sqlite_damaged(store, "flows of a span are missing", error);
    return code;
}

static enum jb_code add_spans(struct jb_sqlite_store *store, struct plan *plan, sqlite3_stmt *statement,
                              int64_t from_ns, int64_t to_ns, struct jb_error *error) {
    enum jb_code code = JB_OK;
    while (!code && jb_sqlite_row(store, statement, "sum", error, &code)) {
        struct jb_span span;
        code = jb_sqlite_span_row(store, statement, error, &span);
        if (!code)
            code = add_span(store, plan, &span, from_ns, to_ns, error);
    }
    sqlite3_reset(statement);
    return code;
}

/* Hour rows of [from, to), both on the hour; what of them lies in the slices. */
static enum jb_code add_hours(struct jb_sqlite_store *store, struct plan *plan, int64_t from_ns,
                              int64_t to_ns, struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    if (from_ns >= to_ns)
        return JB_OK;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_HOURS, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, from_ns / JB_HOUR_NS);
    sqlite3_bind_int64(statement, 2, to_ns / JB_HOUR_NS);
    while (!code && jb_sqlite_row(store, statement, "sum", error, &code)) {
        struct jb_rollup_row row;
        code = jb_sqlite_rollup_row(store, statement, JB_HOUR_NS, error, &row);
        if (!code && plan->asked[row.route])
            code = jb_slicer_add(&plan->slicer, row.route, row.amount, row.start_ns, row.end_ns, INT64_MIN,
                                 INT64_MAX, row.flow_count, error);
    }
    sqlite3_reset(statement);
    return code;
}

/* An hour with a cut inside: its folded flows themselves, while they are there. */
static enum jb_code add_cut_hour(struct jb_sqlite_store *store, struct plan *plan, int64_t hour_ns,
                                 struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    if (hour_ns / JB_HOUR_NS < plan->state.pruned_hour)
        return add_hours(store, plan, hour_ns, hour_ns + JB_HOUR_NS, error);
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_SPANS_WITHIN_HOUR, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, hour_ns);
    sqlite3_bind_int64(statement, 2, hour_ns + JB_HOUR_NS);
    sqlite3_bind_int64(statement, 3, plan->state.next_flow);
    return add_spans(store, plan, statement, INT64_MIN, INT64_MAX, error);
}

/* Flows that no hour row holds: folded ones across hours, and all that are not folded. */
static enum jb_code add_rest(struct jb_sqlite_store *store, struct plan *plan, enum jb_sql which,
                             struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, which, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, plan->cuts[0]);
    sqlite3_bind_int64(statement, 2, plan->cuts[plan->slice_count]);
    sqlite3_bind_int64(statement, 3, plan->state.next_flow);
    if (which == JB_SQL_SPANS_WIDE) { /* no day rows are read here, so none has them */
        sqlite3_bind_int64(statement, 4, 0);
        sqlite3_bind_int64(statement, 5, 0);
    }
    return add_spans(store, plan, statement, INT64_MIN, INT64_MAX, error);
}

static enum jb_code add_all(struct jb_sqlite_store *store, struct plan *plan, struct jb_error *error) {
    enum jb_code code = jb_sqlite_rollup_state(store, error, &plan->state);
    int64_t whole_from_ns = jb_time_floor(plan->cuts[0], JB_HOUR_NS), last_cut_hour_ns = INT64_MIN;
    /* Runs of whole hours between the hours that a cut falls into. */
    for (size_t i = 0; i <= plan->slice_count && !code; i++) {
        int64_t hour_ns = jb_time_floor(plan->cuts[i], JB_HOUR_NS);
        if (hour_ns == plan->cuts[i] || hour_ns == last_cut_hour_ns)
            continue;
        code = add_hours(store, plan, whole_from_ns, hour_ns, error);
        if (!code)
            code = add_cut_hour(store, plan, hour_ns, error);
        last_cut_hour_ns = hour_ns;
        whole_from_ns = hour_ns + JB_HOUR_NS;
    }
    if (!code)
        code = add_hours(store, plan, whole_from_ns, plan->cuts[plan->slice_count], error);
    if (!code)
        code = add_rest(store, plan, JB_SQL_SPANS_WIDE, error);
    return code ? code : add_rest(store, plan, JB_SQL_SPANS_NEW, error);
}

static enum jb_code slices_within(struct jb_sqlite_store *store, struct plan *plan,
                                  const struct jb_query *query, struct jb_error *error,
                                  struct jb_slices *ret_slices) {
    _cleanup_free_ bool *asked = jb_sqlite_asked_routes(store, query);
    if (!asked)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu routes", store->routes.count);
    plan->asked = asked;
    enum jb_code code =
        jb_slicer_make(&plan->slicer, plan->cuts, plan->slice_count, store->routes.count, error);
    if (!code)
        code = add_all(store, plan, error);
    if (!code)
        code = jb_sqlite_check_immutable(store, error);
    if (!code)
        code = jb_slicer_finish(&plan->slicer, &store->routes, error, ret_slices);
    jb_slicer_free(&plan->slicer);
    return code;
}

enum jb_code jb_sqlite_slices(struct jb_store *base, const struct jb_query *query, const int64_t *cuts,
                              size_t slice_count, struct jb_error *error, struct jb_slices *ret_slices) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    struct plan plan = {.cuts = cuts, .slice_count = slice_count};
    struct jb_slices slices = {0};
    enum jb_code code = jb_sqlite_begin(store, false, error);
    if (code)
        return code;
    code = jb_sqlite_end(store, slices_within(store, &plan, query, error, &slices), error);
    if (code) {
        jb_slices_free(&slices);
        return code;
    }
    *ret_slices = slices;
    return JB_OK;
}
