/* Sums over a period: day rows for its whole days, hour rows for whole hours beside them, flows themselves
 * for what is left, for what no bucket holds and for what was not folded yet. */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/time.h"

#include <string.h>

/* How a period is cut. All of [from, to) but the whole hours is edges; the whole days are among the whole
 * hours. */
struct plan {
    int64_t from_ns, to_ns;
    int64_t hours_from_ns, hours_to_ns; /* whole hours; equal when there are none */
    int64_t days_from_ns, days_to_ns;   /* whole days; equal when there are none */
    struct jb_rollup_state state;
    const bool *asked; /* by route */
    struct jb_adder adder;
};

static int64_t ceiling_ns(int64_t ns, int64_t bucket_ns) {
    int64_t floor_ns = jb_time_floor(ns, bucket_ns);
    return floor_ns == ns ? ns : floor_ns + bucket_ns;
}

static struct plan make_plan(const struct jb_query *query) {
    struct plan plan = {.from_ns = query->from_ns, .to_ns = query->to_ns};
    if (plan.from_ns < JB_BOOK_FIRST_NS)
        plan.from_ns = JB_BOOK_FIRST_NS;
    if (plan.to_ns > JB_BOOK_LAST_NS)
        plan.to_ns = JB_BOOK_LAST_NS;
    if (plan.from_ns >= plan.to_ns) {
        plan.to_ns = plan.from_ns = plan.hours_from_ns = plan.hours_to_ns = plan.days_from_ns =
            plan.days_to_ns = JB_BOOK_FIRST_NS;
        return plan;
    }
    plan.hours_from_ns = ceiling_ns(plan.from_ns, JB_HOUR_NS);
    plan.hours_to_ns = jb_time_floor(plan.to_ns, JB_HOUR_NS);
    if (plan.hours_from_ns >= plan.hours_to_ns)
        plan.hours_to_ns = plan.hours_from_ns;
    plan.days_from_ns = ceiling_ns(plan.hours_from_ns, JB_DAY_NS);
    plan.days_to_ns = jb_time_floor(plan.hours_to_ns, JB_DAY_NS);
    if (plan.days_from_ns >= plan.days_to_ns)
        plan.days_from_ns = plan.days_to_ns = plan.hours_from_ns;
    return plan;
}

bool *jb_sqlite_asked_routes(struct jb_sqlite_store *store, const struct jb_query *query) {
    bool *asked = calloc(store->routes.count + 1, sizeof *asked);
    for (size_t i = 0; asked && i < store->routes.count; i++) {
        const struct jb_route *route = &store->routes.items[i];
        asked[i] = (query->commodity == 0 || query->commodity == route->commodity) &&
                   (jb_account_is_within(jb_strings_text(store->accounts, route->from), query->account) ||
                    jb_account_is_within(jb_strings_text(store->accounts, route->to), query->account));
    }
    return asked;
}

/* Adds what of a span's flows lies in [from, to). */
static enum jb_code add_span(struct jb_sqlite_store *store, struct plan *plan, const struct jb_span *span,
                             int64_t from_ns, int64_t to_ns, struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_FLOWS_OF_SPAN, error, &statement);
    if (code)
        return code;
    int64_t count = 0;
    sqlite3_bind_int64(statement, 1, span->first_flow);
    sqlite3_bind_int64(statement, 2, span->first_flow + span->flow_count);
    while (jb_sqlite_row(store, statement, "sum", error, &code)) {
        int64_t route = sqlite3_column_int64(statement, 0), amount = sqlite3_column_int64(statement, 1);
        if (route < 0 || (size_t)route >= store->routes.count) {
            sqlite3_reset(statement);
            return jb_sqlite_damaged(store, "a flow has a route that is not there", error);
        }
        if (plan->asked[route])
            jb_adder_add(&plan->adder, (uint32_t)route, amount, span->start_ns, span->end_ns, from_ns, to_ns,
                         1);
        count++;
    }
    if (!code && count != span->flow_count)
        code = jb_sqlite_damaged(store, "flows of a span are missing", error);
    return code;
}

/* Adds what of the spans that a bound statement gives lies in [from, to). */
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

/* Adds roll-up rows of the buckets [from, to), or what of them lies in [clip_from, clip_to). */
static enum jb_code add_rows(struct jb_sqlite_store *store, struct plan *plan, enum jb_sql which,
                             int64_t from_ns, int64_t to_ns, int64_t clip_from_ns, int64_t clip_to_ns,
                             struct jb_error *error) {
    int64_t bucket_ns = which == JB_SQL_DAYS ? JB_DAY_NS : JB_HOUR_NS;
    sqlite3_stmt *statement = NULL;
    if (from_ns >= to_ns)
        return JB_OK;
    enum jb_code code = jb_sqlite_statement(store, which, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, from_ns / bucket_ns);
    sqlite3_bind_int64(statement, 2, to_ns / bucket_ns);
    while (!code && jb_sqlite_row(store, statement, "sum", error, &code)) {
        struct jb_rollup_row row;
        code = jb_sqlite_rollup_row(store, statement, bucket_ns, error, &row);
        if (!code && plan->asked[row.route])
            jb_adder_add(&plan->adder, row.route, row.amount, row.start_ns, row.end_ns, clip_from_ns,
                         clip_to_ns, row.flow_count);
    }
    sqlite3_reset(statement);
    return code;
}

/* [from, to) lies within one hour: its flows, or its hour row where they were dropped. */
static enum jb_code add_edge(struct jb_sqlite_store *store, struct plan *plan, int64_t from_ns, int64_t to_ns,
                             struct jb_error *error) {
    if (from_ns >= to_ns)
        return JB_OK;
    int64_t hour_ns = jb_time_floor(from_ns, JB_HOUR_NS);
    if (hour_ns / JB_HOUR_NS < plan->state.pruned_hour)
        return add_rows(store, plan, JB_SQL_HOURS, hour_ns, hour_ns + JB_HOUR_NS, from_ns, to_ns, error);
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_SPANS_WITHIN_HOUR, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, hour_ns);
    sqlite3_bind_int64(statement, 2, to_ns);
    sqlite3_bind_int64(statement, 3, plan->state.next_flow);
    return add_spans(store, plan, statement, from_ns, to_ns, error);
}

/* Flows that no bucket of the plan holds: folded ones across hours, and all that are not folded. */
static enum jb_code add_rest(struct jb_sqlite_store *store, struct plan *plan, enum jb_sql which,
                             struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, which, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, plan->from_ns);
    sqlite3_bind_int64(statement, 2, plan->to_ns);
    sqlite3_bind_int64(statement, 3, plan->state.next_flow);
    if (which == JB_SQL_SPANS_WIDE) {
        sqlite3_bind_int64(statement, 4, plan->days_from_ns);
        sqlite3_bind_int64(statement, 5, plan->days_to_ns);
    }
    return add_spans(store, plan, statement, plan->from_ns, plan->to_ns, error);
}

static enum jb_code add_all(struct jb_sqlite_store *store, struct plan *plan, struct jb_error *error) {
    enum jb_code code = jb_sqlite_rollup_state(store, error, &plan->state);
    if (!code)
        code = add_rows(store, plan, JB_SQL_DAYS, plan->days_from_ns, plan->days_to_ns, INT64_MIN, INT64_MAX,
                        error);
    if (!code)
        code = add_rows(store, plan, JB_SQL_HOURS, plan->hours_from_ns, plan->days_from_ns, INT64_MIN,
                        INT64_MAX, error);
    if (!code)
        code = add_rows(store, plan, JB_SQL_HOURS, plan->days_to_ns, plan->hours_to_ns, INT64_MIN, INT64_MAX,
                        error);
    if (!code) /* to is in the same hour as from, or in a later one */
        code = add_edge(store, plan, plan->from_ns,
                        plan->to_ns < plan->hours_from_ns ? plan->to_ns : plan->hours_from_ns, error);
    if (!code && plan->to_ns > plan->hours_from_ns)
        code = add_edge(store, plan, plan->hours_to_ns, plan->to_ns, error);
    if (!code)
        code = add_rest(store, plan, JB_SQL_SPANS_WIDE, error);
    if (!code)
        code = add_rest(store, plan, JB_SQL_SPANS_NEW, error);
    return code;
}

static enum jb_code sums_within(struct jb_sqlite_store *store, const struct jb_query *query,
                                struct jb_error *error, struct jb_sum **ret_sums, size_t *ret_count) {
    struct plan plan = make_plan(query);
    _cleanup_free_ bool *asked = jb_sqlite_asked_routes(store, query);
    if (!asked)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu routes", store->routes.count);
    plan.asked = asked;
    enum jb_code code = jb_adder_make(&plan.adder, store->routes.count, error);
    if (!code && plan.from_ns < plan.to_ns)
        code = add_all(store, &plan, error);
    if (!code)
        code = jb_sqlite_check_immutable(store, error);
    if (!code)
        code = jb_adder_sums(&plan.adder, &store->routes, error, ret_sums, ret_count);
    jb_adder_free(&plan.adder);
    return code;
}

enum jb_code jb_sqlite_sums(struct jb_store *base, const struct jb_query *query, struct jb_error *error,
                            struct jb_sum **ret_sums, size_t *ret_count) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    struct jb_sum *sums = NULL;
    size_t count = 0;
    enum jb_code code = jb_sqlite_begin(store, false, error);
    if (code)
        return code;
    code = jb_sqlite_end(store, sums_within(store, query, error, &sums, &count), error);
    if (code) {
        free(sums);
        return code;
    }
    *ret_sums = sums;
    *ret_count = count;
    return JB_OK;
}
