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
    {.key = "coverage"},
    {.key = "start"},
    {.key = "end"},
};

/* The columns of one table with their headings, which name the unit. */
struct headings {
    struct jb_column columns[JB_COUNT(column_models)];
    char amount[80];
    char by[72];
};

const char *jb_group_by_name(enum jb_group_by by) {
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
    const char *by = request->by == JB_BY_LABEL ? request->label_key : jb_group_by_name(request->by);
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

static void add_time(struct jb_table *table, int64_t ns) {
    if (ns == INT64_MIN || ns == INT64_MAX)
        jb_table_null(table, NULL);
    else
        jb_table_time(table, ns, NULL);
}

/* What is behind the amounts in every row: by method, coverage, period. */
static void add_ends(struct jb_table *table, const jb_int128 by_method[static JB_METHOD_COUNT],
                     double coverage, const struct jb_statement_part *part) {
    for (int m = 0; m < JB_METHOD_COUNT; m++)
        jb_table_amount(table, by_method[m], NULL);
    jb_table_number(table, coverage, NULL);
    add_time(table, part->from_ns);
    add_time(table, part->to_ns);
}

static void add_row(struct jb_table *table, const struct jb_statement_part *part,
                    const struct jb_statement_row *row, jb_int128 total, const struct jb_unit *unit) {
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
    add_ends(table, row->by_method, NAN, part);
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
static enum jb_code add_rows(struct jb_table *table, const struct jb_statement_part *part,
                             const struct jb_statement_row *total, const struct jb_unit *unit, size_t limit,
                             bool by_name, bool with_total, struct jb_error *error) {
    struct selection selection;
    enum jb_code code = select_rows(&part->statement, total->commodity, limit, by_name, error, &selection);
    if (code)
        return code;
    for (size_t i = 0; i < selection.count; i++)
        add_row(table, part, selection.rows[i], total->amount, unit);
    if (selection.has_others)
        add_row(table, part, &selection.others, total->amount, unit);
    free(selection.rows);
    if (with_total) {
        add_row(table, part, total, total->amount, unit);
        jb_table_is_total(table);
    }
    return JB_OK;
}

/* ---- what it is worth, for machines ---- */

/* A figure in the columns of a row: the column of the valuation stands as its commodity. */
static void add_figure(struct jb_table *table, const struct jb_statement_part *part, const char *name,
                       const struct jb_figure *figure, jb_int128 total) {
    char unit[JB_COMMODITY_SIZE];
    jb_table_text(table, name, NULL);
    jb_table_text(table, jb_column_info(figure->column)->name, NULL);
    jb_table_amount(table, figure->amount, NULL);
    jb_table_text(table, jb_commodity_unit(figure->commodity, unit), NULL);
    jb_table_number(table, total != 0 ? (double)figure->amount / (double)total : NAN, NULL);
    jb_table_null(table, NULL);
    jb_table_whole(table, figure->low, NULL);
    jb_table_whole(table, figure->high, NULL);
    jb_table_null(table, NULL);
    add_ends(table, figure->by_method, figure->coverage, part);
}

/* SCI in nanograms a unit, and the amount of the unit in millionths. */
static void add_sci(struct jb_table *table, const struct jb_statement_part *part, const char *name,
                    const struct jb_sci *sci, const char *unit) {
    static const jb_int128 none[JB_METHOD_COUNT] = {0};
    char text[128];
    for (int row = 0; row < 2; row++) {
        double value = row ? sci->amount * 1e6 : sci->value * 1e3;
        jb_table_text(table, name, NULL);
        jb_table_text(table, row ? "units" : "sci", NULL);
        if (isfinite(value) && fabs(value) < 1e37)
            jb_table_amount(table, (jb_int128)nearbyint(value), NULL);
        else
            jb_table_null(table, NULL);
        snprintf(text, sizeof text, row ? "u%.100s" : "ngCO2e/%.100s", unit);
        jb_table_text(table, text, NULL);
        jb_table_null(table, NULL);
        jb_table_null(table, NULL);
        jb_table_whole(table, row ? NAN : sci->low * 1e3, NULL);
        jb_table_whole(table, row ? NAN : sci->high * 1e3, NULL);
        jb_table_null(table, NULL);
        add_ends(table, none, NAN, part);
    }
}

struct named {
    const struct jb_figure *figure;
    const char *name;
};

static int compare_named_names(const void *left, const void *right) {
    const struct named *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static int compare_named(const void *left, const void *right) {
    const struct named *a = left, *b = right;
    if (a->figure->amount != b->figure->amount)
        return a->figure->amount > b->figure->amount ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* The figures of one column: the largest by themselves, the others as one row. */
static enum jb_code add_column(struct jb_table *table, const struct jb_statement_view *statement,
                               const struct jb_statement_part *part, const struct jb_figure *figures,
                               const struct jb_figure *total, struct jb_error *error) {
    size_t groups = jb_valuation_groups(part->valuation), kept = groups;
    _cleanup_free_ struct named *order = calloc(groups + 1, sizeof *order);
    if (!order)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", groups);
    for (size_t g = 0; g < groups; g++)
        order[g] = (struct named){&figures[g], jb_valuation_group(part->valuation, figures[g].group)};
    if (groups)
        qsort(order, groups, sizeof *order, compare_named);
    if (statement->limit && statement->limit < groups)
        kept = statement->limit;
    if (statement->by_name && kept)
        qsort(order, kept, sizeof *order, compare_named_names);
    for (size_t g = 0; g < kept; g++)
        add_figure(table, part, order[g].name, order[g].figure, total->amount);
    if (kept == groups)
        return JB_OK;
    struct jb_figure others = {.column = total->column, .commodity = total->commodity, .coverage = NAN};
    char name[48];
    for (size_t g = kept; g < groups; g++) {
        others.amount += order[g].figure->amount;
        others.low += order[g].figure->low;
        others.high += order[g].figure->high;
        for (int m = 0; m < JB_METHOD_COUNT; m++)
            others.by_method[m] += order[g].figure->by_method[m];
    }
    snprintf(name, sizeof name, "(%zu other%s)", groups - kept, groups - kept > 1 ? "s" : "");
    add_figure(table, part, name, &others, total->amount);
    return JB_OK;
}

static enum jb_code add_values(struct jb_table *table, const struct jb_statement_view *statement,
                               const struct jb_statement_part *part, bool is_totals, struct jb_error *error) {
    const struct jb_figure *totals, *figures;
    if (!part->valuation)
        return JB_OK;
    size_t count = jb_valuation_totals(part->valuation, &totals),
           groups = jb_valuation_groups(part->valuation);
    enum jb_code code = JB_OK;
    jb_valuation_figures(part->valuation, &figures);
    for (size_t i = 0; i < count && !code; i++) {
        if (is_totals)
            add_figure(table, part, "total", &totals[i], totals[i].amount);
        else
            code = add_column(table, statement, part, &figures[i * groups], &totals[i], error);
    }
    for (size_t g = 0; statement->unit && !is_totals && g < groups; g++) {
        struct jb_sci sci = jb_valuation_sci(part->valuation, (uint32_t)g);
        add_sci(table, part, jb_valuation_group(part->valuation, (uint32_t)g), &sci, statement->unit);
    }
    if (statement->unit && is_totals) {
        struct jb_sci sci = jb_valuation_sci(part->valuation, JB_FIGURE_TOTAL);
        add_sci(table, part, "total", &sci, statement->unit);
    }
    return code;
}

/* ---- machine output ---- */

/* All commodities and columns of all periods in one table; or their totals. */
static enum jb_code make_machine_table(const struct jb_statement_view *statement, bool is_totals,
                                       struct jb_error *error, struct jb_table **ret_table) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *table =
        jb_table_make(column_models, JB_COUNT(column_models));
    enum jb_code code = table ? JB_OK : jb_table_check(table, error);
    for (size_t p = 0; !code && p < statement->part_count; p++) {
        const struct jb_statement_part *part = &statement->parts[p];
        for (size_t t = 0; !code && t < part->statement.total_count; t++) {
            const struct jb_statement_row *total = &part->statement.totals[t];
            struct jb_unit unit = jb_unit_choose(total->commodity, total->amount);
            if (is_totals)
                add_row(table, part, total, total->amount, &unit);
            else
                code =
                    add_rows(table, part, total, &unit, statement->limit, statement->by_name, false, error);
        }
        if (!code)
            code = add_values(table, statement, part, is_totals, error);
    }
    if (!code)
        code = jb_table_check(table, error);
    if (!code)
        *ret_table = JB_TAKE(table);
    return code;
}

static void write_string(struct jb_json *json, const char *key, const char *text) {
    jb_json_key(json, key);
    jb_json_string(json, text);
}

/* What the figures rest on. */
static enum jb_code write_grounds(const struct jb_statement_view *statement, struct jb_json *json,
                                  struct jb_error *error) {
    const struct jb_basis *basis = statement->basis;
    const struct jb_valuation *valuation =
        statement->part_count ? statement->parts[statement->part_count - 1].valuation : NULL;
    write_string(json, "every", statement->every);
    write_string(json, "unit", statement->unit);
    write_string(json, "basis", basis ? basis->sha256 : NULL);
    write_string(json, "factors_sha256", basis ? basis->factors_sha256 : NULL);
    write_string(json, "setting", basis ? basis->setting_file : NULL);
    write_string(json, "setting_sha256", basis ? basis->setting_sha256 : NULL);
    jb_json_key(json, "factor_sets");
    jb_json_array(json);
    for (size_t i = 0; basis && i < basis->set_count; i++) {
        jb_json_object(json);
        write_string(json, "name", basis->sets[i].name);
        write_string(json, "version", basis->sets[i].version);
        write_string(json, "licence", basis->sets[i].licence);
        write_string(json, "sha256", basis->sets[i].sha256);
        write_string(json, "source", basis->sets[i].source);
        jb_json_end(json, '}');
    }
    jb_json_end(json, ']');
    jb_json_key(json, "inputs");
    if (valuation) {
        _cleanup_(jb_table_free_cleanup) struct jb_table *inputs = jb_input_table(valuation);
        enum jb_code code = jb_table_check(inputs, error);
        if (code)
            return code;
        jb_table_write_json(inputs, json);
    } else {
        jb_json_array(json);
        jb_json_end(json, ']');
    }
    jb_json_key(json, "notes");
    jb_json_array(json);
    const char *const *notes;
    size_t count = valuation ? jb_valuation_notes(valuation, &notes) : 0;
    for (size_t i = 0; i < count; i++)
        jb_json_string(json, notes[i]);
    if (statement->lacks)
        jb_json_string(json, statement->lacks);
    jb_json_end(json, ']');
    return JB_OK;
}

static enum jb_code write_json(const struct jb_view *view, const struct jb_statement_view *statement,
                               const struct jb_table *table, struct jb_error *error) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *totals = NULL, *gaps = NULL;
    const struct jb_statement_request *request = statement->request;
    int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
    size_t gap_count = 0;
    enum jb_code code = make_machine_table(statement, true, error, &totals);
    if (code)
        return code;
    for (size_t p = 0; p < statement->part_count; p++) {
        const struct jb_statement *part = &statement->parts[p].statement;
        if (part->total_count) {
            first_ns = part->first_ns < first_ns ? part->first_ns : first_ns;
            last_ns = part->last_ns > last_ns ? part->last_ns : last_ns;
        }
        gap_count += part->gap_count;
    }
    struct jb_gap *all = calloc(gap_count + 1, sizeof *all);
    if (!all)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu gaps", gap_count);
    gap_count = 0;
    for (size_t p = 0; p < statement->part_count; p++) {
        const struct jb_statement *part = &statement->parts[p].statement;
        for (size_t i = 0; i < part->gap_count; i++) /* one that spans periods is told once */
            if (p == 0 || part->gaps[i].start_ns >= statement->parts[p].from_ns)
                all[gap_count++] = part->gaps[i];
    }
    gaps = jb_gap_table(view, all, gap_count);
    free(all);
    code = jb_table_check(gaps, error);
    if (code)
        return code;
    struct jb_json json = jb_json_make(view->out);
    jb_json_object(&json);
    jb_json_key(&json, "from");
    jb_json_time(&json, view->query.from_ns);
    jb_json_key(&json, "to");
    jb_json_time(&json, view->query.to_ns);
    jb_json_key(&json, "first");
    jb_json_time(&json, first_ns == INT64_MAX ? INT64_MIN : first_ns);
    jb_json_key(&json, "last");
    jb_json_time(&json, last_ns == INT64_MIN ? INT64_MAX : last_ns);
    write_string(&json, "by", jb_group_by_name(request->by));
    write_string(&json, "label", request->by == JB_BY_LABEL ? request->label_key : NULL);
    jb_json_key(&json, "rows");
    jb_table_write_json(table, &json);
    jb_json_key(&json, "totals");
    jb_table_write_json(totals, &json);
    jb_json_key(&json, "gaps");
    jb_table_write_json(gaps, &json);
    if (!statement->every)
        code = jb_view_coverage_json(&statement->parts[0].statement.coverage, &json, error);
    if (!code)
        code = write_grounds(statement, &json, error);
    jb_json_end(&json, '}');
    jb_buffer_add_char(view->out, '\n');
    return code;
}

/* ---- text ---- */

static enum jb_code write_commodity(const struct jb_view *view, const struct jb_statement_view *statement,
                                    const struct jb_statement_part *part,
                                    const struct jb_statement_row *total, struct jb_error *error) {
    const struct jb_statement_request *request = statement->request;
    char period[JB_PERIOD_SIZE], title[JB_COMMODITY_SIZE + 16];
    struct jb_unit unit = jb_unit_choose(total->commodity, total->amount);
    struct headings headings;
    set_headings(request, total->commodity, &unit, &headings);
    _cleanup_(jb_table_free_cleanup) struct jb_table *table =
        jb_table_make(headings.columns, JB_COUNT(headings.columns));
    enum jb_code code =
        table ? add_rows(table, part, total, &unit, statement->limit, statement->by_name, true, error)
              : JB_OK;
    if (!code)
        code = jb_table_check(table, error);
    if (code)
        return code;
    jb_buffer_printf(view->out, "%s by %s%s, %s\n\n", jb_commodity_title(total->commodity, title),
                     request->by == JB_BY_LABEL ? "label " : jb_group_by_name(request->by),
                     request->by == JB_BY_LABEL ? request->label_key : "",
                     jb_period_format(part->statement.first_ns, part->statement.last_ns, period));
    jb_table_write_text(table, &view->layout, view->out);
    return JB_OK;
}

static enum jb_code write_text(const struct jb_view *view, const struct jb_statement_view *statement,
                               struct jb_error *error) {
    const struct jb_statement_part *part = &statement->parts[0];
    enum jb_code code = JB_OK;
    if (statement->every) {
        code = jb_view_periods_text(view, statement, error);
        return code ? code : jb_view_grounds_text(view, statement, error);
    }
    bool has_embodied = part->valuation != NULL;
    if (part->statement.total_count == 0)
        jb_view_nothing(view, " to a consumer");
    for (size_t t = 0; !code && t < part->statement.total_count; t++) {
        has_embodied = has_embodied || part->statement.totals[t].commodity == JB_EMBODIED;
        if (t)
            jb_buffer_add_char(view->out, '\n');
        code = write_commodity(view, statement, part, &part->statement.totals[t], error);
    }
    if (!code && part->valuation)
        code = jb_view_values_text(view, statement, part, error);
    if (!code)
        code = jb_view_coverage_text(view, &part->statement.coverage, has_embodied, error);
    if (!code)
        code = jb_view_gaps_text(view, part->statement.gaps, part->statement.gap_count, error);
    return code ? code : jb_view_grounds_text(view, statement, error);
}

enum jb_code jb_view_statement(const struct jb_view *view, const struct jb_statement_view *statement,
                               struct jb_error *error) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = NULL;
    assert(statement->part_count > 0);
    if (view->form == JB_FORM_TEXT)
        return write_text(view, statement, error);
    enum jb_code code = make_machine_table(statement, false, error, &table);
    if (code)
        return code;
    if (view->form == JB_FORM_JSON)
        return write_json(view, statement, table, error);
    jb_table_write_csv(table, view->out);
    return JB_OK;
}
