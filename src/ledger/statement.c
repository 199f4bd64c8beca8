/* Statements: net inflow of the final accounts, by group, with a 95 % interval. */
#include "ledger/statement.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "ledger/consumer.h"
#include "ledger/group.h"
#include "ledger/origin.h"

#include <assert.h>
#include <string.h>

#define GROUP_CEILING ((size_t)1 << 24)

void jb_statement_free(struct jb_statement *statement) {
    if (!statement)
        return;
    for (size_t i = 0; i < statement->row_count; i++)
        free(statement->rows[i].name);
    for (size_t i = 0; i < statement->total_count; i++)
        free(statement->totals[i].name);
    free(statement->rows);
    free(statement->totals);
    free(statement->gaps);
    jb_coverage_free(&statement->coverage);
    *statement = (struct jb_statement){0};
}

/* ---- sums by group ---- */

/* Groups of one commodity while they are added up. */
struct grouping {
    struct jb_ledger *ledger;
    struct jb_grouping *groups;
    struct jb_statement_row *rows; /* by group; their names are set at the end */
    size_t row_capacity;
};

static enum jb_code find_group(struct grouping *grouping, jb_account_id account, struct jb_error *error,
                               uint32_t *ret_group) {
    enum jb_code code = jb_grouping_of(grouping->groups, account, error, ret_group);
    return code ? code
                : jb_array_reserve(&grouping->rows, &grouping->row_capacity, (size_t)*ret_group + 1,
                                   GROUP_CEILING, "groups in a statement", error);
}

static void add_amount(struct jb_statement_row *row, enum jb_method method, jb_int128 amount) {
    row->amount += amount;
    row->by_method[method] += amount;
}

/* Adds one side of a route to its group and to the total. */
static enum jb_code add_side(struct grouping *grouping, struct jb_origins *origins, struct jb_spread *spread,
                             struct jb_spread *total_spread, const struct jb_sum *sum, jb_account_id account,
                             jb_int128 amount, struct jb_error *error, struct jb_statement_row *total) {
    uint32_t group;
    enum jb_code code = find_group(grouping, account, error, &group);
    if (!code)
        code = jb_spread_add(spread, origins, group, sum->from, amount, sum->uncertainty_ppm, error);
    if (!code)
        code = jb_spread_add(total_spread, origins, 0, sum->from, amount, sum->uncertainty_ppm, error);
    if (code)
        return code;
    add_amount(&grouping->rows[group], sum->method, amount);
    add_amount(total, sum->method, amount);
    return JB_OK;
}

static bool is_empty(const struct jb_statement_row *row) {
    bool empty = row->amount == 0;
    for (int m = 0; m < JB_METHOD_COUNT; m++)
        empty = empty && row->by_method[m] == 0;
    return empty;
}

static enum jb_code keep_row(struct jb_statement_row **rows, size_t *count, size_t *capacity,
                             const struct jb_statement_row *row, const char *name, jb_commodity commodity,
                             double standard, struct jb_error *error) {
    enum jb_code code =
        jb_array_reserve(rows, capacity, *count + 1, GROUP_CEILING, "groups in a statement", error);
    char *copy = strdup(name);
    if (code || !copy) {
        free(copy);
        return code ? code : jb_error_set(error, JB_MEMORY, "no memory for a name");
    }
    struct jb_statement_row *kept = &(*rows)[(*count)++];
    *kept = *row;
    kept->name = copy;
    kept->commodity = commodity;
    jb_interval(kept->amount, standard, &kept->low, &kept->high);
    return JB_OK;
}

struct row_capacities {
    size_t rows, totals;
};

/* Adds the rows and the total of one commodity. sums are of that commodity alone. */
static enum jb_code add_commodity(struct grouping *grouping, const struct jb_consumers *consumers,
                                  const struct jb_sum *sums, size_t sum_count, struct jb_error *error,
                                  struct jb_statement *statement, struct row_capacities *capacities) {
    _cleanup_(jb_origins_free_cleanup) struct jb_origins *origins = NULL;
    _cleanup_(jb_spread_free_cleanup) struct jb_spread *spread = NULL, *total_spread = NULL;
    _cleanup_free_ double *standards = NULL;
    struct jb_statement_row total = {0};
    double total_standard;
    bool any = false;
    enum jb_code code = jb_origins_make(grouping->ledger, sums, sum_count, error, &origins);
    if (!code)
        code = jb_spread_make(error, &spread);
    if (!code)
        code = jb_spread_make(error, &total_spread);
    for (size_t i = 0; !code && i < sum_count; i++) {
        const struct jb_sum *sum = &sums[i];
        bool into = jb_consumers_have(consumers, sum->to, sum->commodity);
        bool out_of = jb_consumers_have(consumers, sum->from, sum->commodity);
        if (into)
            code =
                add_side(grouping, origins, spread, total_spread, sum, sum->to, sum->amount, error, &total);
        if (!code && out_of)
            code = add_side(grouping, origins, spread, total_spread, sum, sum->from, -sum->amount, error,
                            &total);
        if (!into && !out_of)
            continue;
        any = true;
        if (sum->first_ns < statement->first_ns)
            statement->first_ns = sum->first_ns;
        if (sum->last_ns > statement->last_ns)
            statement->last_ns = sum->last_ns;
    }
    if (code || !any)
        return code;
    size_t group_count = jb_grouping_count(grouping->groups);
    standards = calloc(group_count + 1, sizeof *standards);
    if (!standards)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu groups", group_count);
    jb_spread_finish(spread, group_count, standards);
    jb_spread_finish(total_spread, 1, &total_standard);
    for (uint32_t g = 0; !code && g < group_count; g++) {
        if (!is_empty(&grouping->rows[g]))
            code = keep_row(&statement->rows, &statement->row_count, &capacities->rows, &grouping->rows[g],
                            jb_grouping_name(grouping->groups, g), sums[0].commodity, standards[g], error);
        grouping->rows[g] = (struct jb_statement_row){0};
    }
    if (!code)
        code = keep_row(&statement->totals, &statement->total_count, &capacities->totals, &total, "total",
                        sums[0].commodity, total_standard, error);
    return code;
}

static int compare_rows(const void *a, const void *b) {
    const struct jb_statement_row *x = a, *y = b;
    if (x->commodity != y->commodity)
        return x->commodity < y->commodity ? -1 : 1;
    if (x->amount != y->amount)
        return x->amount > y->amount ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_sums_by_commodity(const void *a, const void *b) {
    const struct jb_sum *x = a, *y = b;
    if (x->commodity != y->commodity)
        return x->commodity < y->commodity ? -1 : 1;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    if (x->to != y->to)
        return x->to < y->to ? -1 : 1;
    if (x->method != y->method)
        return x->method < y->method ? -1 : 1;
    return (x->uncertainty_ppm > y->uncertainty_ppm) - (x->uncertainty_ppm < y->uncertainty_ppm);
}

static enum jb_code fill(struct grouping *grouping, const struct jb_consumers *consumers, struct jb_sum *sums,
                         size_t sum_count, struct jb_error *error, struct jb_statement *statement) {
    struct row_capacities capacities = {0};
    enum jb_code code = JB_OK;
    statement->first_ns = INT64_MAX;
    statement->last_ns = INT64_MIN;
    if (sum_count)
        qsort(sums, sum_count, sizeof *sums, compare_sums_by_commodity);
    for (size_t i = 0, end; !code && i < sum_count; i = end) {
        for (end = i; end < sum_count && sums[end].commodity == sums[i].commodity;)
            end++;
        code = add_commodity(grouping, consumers, sums + i, end - i, error, statement, &capacities);
    }
    if (code)
        return code;
    if (statement->total_count == 0)
        statement->first_ns = statement->last_ns = 0;
    if (statement->row_count)
        qsort(statement->rows, statement->row_count, sizeof *statement->rows, compare_rows);
    return JB_OK;
}

enum jb_code jb_statement_make(struct jb_ledger *ledger, const struct jb_statement_request *request,
                               struct jb_error *error, struct jb_statement *ret_statement) {
    struct jb_store *store = jb_ledger_store(ledger);
    _cleanup_free_ struct jb_sum *sums = NULL;
    _cleanup_(jb_consumers_free_cleanup) struct jb_consumers *consumers = NULL;
    _cleanup_(jb_grouping_free_cleanup) struct jb_grouping *groups = NULL;
    size_t sum_count = 0;
    struct jb_query query = request->query;
    struct jb_statement statement = {0};
    /* Everything is summed, also when one account is asked for: uncertainties are traced upstream. */
    query.account = NULL;
    enum jb_code code = store->ops->sums(store, &query, error, &sums, &sum_count);
    if (!code)
        code = jb_consumers_make(ledger, &request->query, sums, sum_count, error, &consumers);
    if (!code)
        code = jb_grouping_make(ledger, request, error, &groups);
    if (code)
        return code;
    struct grouping grouping = {.ledger = ledger, .groups = groups};
    code = fill(&grouping, consumers, sums, sum_count, error, &statement);
    if (!code)
        code = store->ops->gaps(store, &request->query, error, &statement.gaps, &statement.gap_count);
    if (!code)
        code = jb_coverage_make(ledger, &request->query, error, &statement.coverage);
    free(grouping.rows);
    if (code) {
        jb_statement_free(&statement);
        return code;
    }
    *ret_statement = statement;
    return JB_OK;
}
