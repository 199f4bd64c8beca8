/* A statement as text, JSON or CSV. */
#include "report/view.h"

#include "base/cleanup.h"
#include "report/number.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMN_NAME, COLUMN_COMMODITY, COLUMN_AMOUNT, COLUMN_UNIT, COLUMN_SHARE, COLUMN_INTERVAL };

static const struct jb_column column_models[] = {
    [COLUMN_NAME] = {.key = "name", .is_flexible = true},
    [COLUMN_COMMODITY] = {.key = "commodity"},
    [COLUMN_AMOUNT] = {.key = "amount", .align = JB_POINT},
    [COLUMN_UNIT] = {.key = "unit"},
    [COLUMN_SHARE] = {.key = "share", .title = "Share", .align = JB_POINT},
    [COLUMN_INTERVAL] = {.title = "95 % interval", .align = JB_RIGHT},
    {.key = "low"},
    {.key = "high"},
    {.title = "Method"},
    {.key = "measured"},
    {.key = "apportioned"},
    {.key = "modelled"},
    {.key = "billed"},
    {.key = "declared"},
};

/* The columns of one table with their headings, which name the unit. */
struct headings {
    struct jb_column columns[JB_COUNT(column_models)];
    char amount[80];
    char by[72];
};

static const char *by_name_of(enum jb_group_by by) {
    switch (by) {
    case JB_BY_ACCOUNT:
        return "account";
    case JB_BY_HOST:
        return "host";
    case JB_BY_CGROUP:
        return "cgroup";
    case JB_BY_PROCESS:
        return "process";
    case JB_BY_LABEL:
        return "label";
    }
    assert(false);
    return "";
}

static void set_headings(const struct jb_statement_request *request, jb_commodity commodity,
                         const struct jb_unit *unit, struct headings *ret) {
    char title[JB_COMMODITY_SIZE + 16];
    const char *by = request->by == JB_BY_LABEL ? request->label_key : by_name_of(request->by);
    memcpy(ret->columns, column_models, sizeof column_models);
    snprintf(ret->by, sizeof ret->by, "%s", by);
    if (ret->by[0] >= 'a' && ret->by[0] <= 'z' && request->by != JB_BY_LABEL)
        ret->by[0] = (char)(ret->by[0] - 'a' + 'A');
    if (jb_commodity_is_money(commodity))
        snprintf(ret->amount, sizeof ret->amount, "%s", unit->name);
    else
        snprintf(ret->amount, sizeof ret->amount, "%s (%s)", jb_commodity_title(commodity, title),
                 unit->name);
    ret->columns[COLUMN_NAME].title = ret->by;
    ret->columns[COLUMN_AMOUNT].title = ret->amount;
}

static void add_row(struct jb_table *table, const struct jb_statement_row *row, jb_int128 total,
                    const struct jb_unit *unit) {
    char name[JB_ACCOUNT_SIZE], commodity[JB_COMMODITY_SIZE], own_unit[JB_COMMODITY_SIZE], mix[80];
    char amount[JB_NUMBER_SIZE], share_text[JB_NUMBER_SIZE], interval[JB_NUMBER_SIZE];
    int decimals = jb_number_decimals(unit, row->amount, row->low, row->high);
    double share = total != 0 ? (double)row->amount / (double)total : NAN;
    jb_table_text(table, row->name, jb_account_decode(row->name, strlen(row->name), name, sizeof name));
    jb_table_text(table, jb_commodity_format(row->commodity, commodity), NULL);
    jb_table_amount(table, row->amount, jb_amount_format(unit, row->amount, decimals, amount));
    jb_table_text(table, jb_commodity_unit(row->commodity, own_unit), NULL);
    jb_table_number(table, share, jb_share_format(share, share_text));
    jb_table_null(table, jb_interval_format(unit, row->low, row->high, decimals, interval));
    jb_table_whole(table, row->low, NULL);
    jb_table_whole(table, row->high, NULL);
    jb_table_null(table, jb_method_mix(row->by_method, mix, sizeof mix));
    for (int m = 0; m < JB_METHOD_COUNT; m++)
        jb_table_amount(table, row->by_method[m], NULL);
}

static int compare_names(const void *a, const void *b) {
    const struct jb_statement_row *x = *(const struct jb_statement_row *const *)a;
    const struct jb_statement_row *y = *(const struct jb_statement_row *const *)b;
    return strcmp(x->name, y->name);
}

/* The rows of one commodity as they are to be printed. *others sums up those that the limit cuts off: its
 * interval adds theirs up, so it is at least as wide as it has to be. */
struct selection {
    const struct jb_statement_row **rows; /* malloc'd */
    size_t count;
    struct jb_statement_row others;
    char others_name[48];
    bool has_others;
};

static enum jb_code select_rows(const struct jb_statement *statement, jb_commodity commodity, size_t limit,
                                bool by_name, struct jb_error *error, struct selection *ret) {
    size_t left_out = 0;
    double low = 0, high = 0;
    *ret = (struct selection){.rows = calloc(statement->row_count + 1, sizeof *ret->rows)};
    if (!ret->rows)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", statement->row_count);
    for (size_t i = 0; i < statement->row_count; i++) {
        const struct jb_statement_row *row = &statement->rows[i];
        if (row->commodity != commodity)
            continue;
        if (!limit || ret->count < limit) {
            ret->rows[ret->count++] = row;
            continue;
        }
        left_out++;
        ret->others.amount += row->amount;
        for (int m = 0; m < JB_METHOD_COUNT; m++)
            ret->others.by_method[m] += row->by_method[m];
        low += row->low;
        high += row->high;
    }
    if (by_name && ret->count)
        qsort(ret->rows, ret->count, sizeof(struct jb_statement_row *), compare_names);
    if (left_out) {
        ret->has_others = true;
        snprintf(ret->others_name, sizeof ret->others_name, "(%zu other%s)", left_out,
                 left_out > 1 ? "s" : "");
        ret->others.name = ret->others_name;
        ret->others.commodity = commodity;
        ret->others.low = low;
        ret->others.high = high;
    }
    return JB_OK;
}

/* Adds the rows of one commodity to the table; their total as well when it is for text. */
static enum jb_code add_rows(struct jb_table *table, const struct jb_statement *statement,
                             const struct jb_statement_row *total, const struct jb_unit *unit, size_t limit,
                             bool by_name, bool with_total, struct jb_error *error) {
    struct selection selection;
    enum jb_code code = select_rows(statement, total->commodity, limit, by_name, error, &selection);
    if (code)
        return code;
    for (size_t i = 0; i < selection.count; i++)
        add_row(table, selection.rows[i], total->amount, unit);
    if (selection.has_others)
        add_row(table, &selection.others, total->amount, unit);
    free(selection.rows);
    if (with_total) {
        add_row(table, total, total->amount, unit);
        jb_table_is_total(table);
    }
    return JB_OK;
}

/* All commodities in one table, for machines. */
static enum jb_code make_machine_table(const struct jb_statement *statement, size_t limit, bool by_name,
                                       struct jb_error *error, struct jb_table **ret_table) {
    struct jb_table *table = jb_table_make(column_models, JB_COUNT(column_models));
    enum jb_code code = table ? JB_OK : jb_table_check(table, error);
    for (size_t t = 0; !code && t < statement->total_count; t++) {
        const struct jb_statement_row *total = &statement->totals[t];
        struct jb_unit unit = jb_unit_choose(total->commodity, total->amount);
        code = add_rows(table, statement, total, &unit, limit, by_name, false, error);
    }
    if (!code)
        code = jb_table_check(table, error);
    if (code) {
        jb_table_free(table);
        return code;
    }
    *ret_table = table;
    return JB_OK;
}

static enum jb_code write_json(const struct jb_view *view, const struct jb_statement_request *request,
                               const struct jb_statement *statement, const struct jb_table *table,
                               struct jb_error *error) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *totals =
        jb_table_make(column_models, JB_COUNT(column_models));
    _cleanup_(jb_table_free_cleanup) struct jb_table *gaps =
        jb_gap_table(view, statement->gaps, statement->gap_count);
    for (size_t t = 0; totals && t < statement->total_count; t++) {
        const struct jb_statement_row *total = &statement->totals[t];
        struct jb_unit unit = jb_unit_choose(total->commodity, total->amount);
        add_row(totals, total, total->amount, &unit);
    }
    enum jb_code code = jb_table_check(totals, error);
    if (!code)
        code = jb_table_check(gaps, error);
    if (code)
        return code;
    bool is_empty = statement->total_count == 0;
    struct jb_json json = jb_json_make(view->out);
    jb_json_object(&json);
    jb_json_key(&json, "from");
    jb_json_time(&json, view->query.from_ns);
    jb_json_key(&json, "to");
    jb_json_time(&json, view->query.to_ns);
    jb_json_key(&json, "first");
    jb_json_time(&json, is_empty ? INT64_MIN : statement->first_ns);
    jb_json_key(&json, "last");
    jb_json_time(&json, is_empty ? INT64_MAX : statement->last_ns);
    jb_json_key(&json, "by");
    jb_json_string(&json, by_name_of(request->by));
    jb_json_key(&json, "label");
    jb_json_string(&json, request->by == JB_BY_LABEL ? request->label_key : NULL);
    jb_json_key(&json, "rows");
    jb_table_write_json(table, &json);
    jb_json_key(&json, "totals");
    jb_table_write_json(totals, &json);
    jb_json_key(&json, "gaps");
    jb_table_write_json(gaps, &json);
    code = jb_view_coverage_json(&statement->coverage, &json, error);
    if (code)
        return code;
    jb_json_end(&json, '}');
    jb_buffer_add_char(view->out, '\n');
    return JB_OK;
}

static enum jb_code write_text(const struct jb_view *view, const struct jb_statement_request *request,
                               const struct jb_statement *statement, size_t limit, bool by_name,
                               struct jb_error *error) {
    char period[JB_PERIOD_SIZE], title[JB_COMMODITY_SIZE + 16];
    enum jb_code code = JB_OK;
    if (statement->total_count == 0)
        jb_view_nothing(view, "");
    for (size_t t = 0; !code && t < statement->total_count; t++) {
        const struct jb_statement_row *total = &statement->totals[t];
        struct jb_unit unit = jb_unit_choose(total->commodity, total->amount);
        struct headings headings;
        set_headings(request, total->commodity, &unit, &headings);
        _cleanup_(jb_table_free_cleanup) struct jb_table *table =
            jb_table_make(headings.columns, JB_COUNT(headings.columns));
        code = table ? add_rows(table, statement, total, &unit, limit, by_name, true, error) : JB_OK;
        if (!code)
            code = jb_table_check(table, error);
        if (code)
            break;
        jb_buffer_printf(view->out, "%s%s by %s%s, %s\n\n", t ? "\n" : "",
                         jb_commodity_title(total->commodity, title),
                         request->by == JB_BY_LABEL ? "label " : by_name_of(request->by),
                         request->by == JB_BY_LABEL ? request->label_key : "",
                         jb_period_format(statement->first_ns, statement->last_ns, period));
        jb_table_write_text(table, &view->layout, view->out);
    }
    if (!code)
        code = jb_view_coverage_text(view, &statement->coverage, error);
    return code ? code : jb_view_gaps_text(view, statement->gaps, statement->gap_count, error);
}

enum jb_code jb_view_statement(const struct jb_view *view, const struct jb_statement_request *request,
                               const struct jb_statement *statement, size_t limit, bool by_name,
                               struct jb_error *error) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = NULL;
    if (view->form == JB_FORM_TEXT)
        return write_text(view, request, statement, limit, by_name, error);
    enum jb_code code = make_machine_table(statement, limit, by_name, error, &table);
    if (code)
        return code;
    if (view->form == JB_FORM_JSON)
        return write_json(view, request, statement, table, error);
    jb_table_write_csv(table, view->out);
    return JB_OK;
}
