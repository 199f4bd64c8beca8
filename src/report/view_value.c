/* What a period is worth, as text: by group, in total, and what it rests on. */
#include "report/view.h"

#include "base/cleanup.h"
#include "base/time.h"
#include "report/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COLUMN_CEILING 32

/* Scopes are told with the totals; SCI's own carbon only as SCI. */
static bool is_shown_by_group(const struct jb_figure *total) {
    return total->column == JB_COLUMN_LOCATION || total->column == JB_COLUMN_MARKET ||
           total->column == JB_COLUMN_HOURLY || total->column >= JB_COLUMN_WATER ||
           total->column == JB_COLUMN_EMBODIED;
}

struct heads {
    struct jb_column columns[COLUMN_CEILING];
    char titles[COLUMN_CEILING][80];
    struct jb_figure figures[COLUMN_CEILING]; /* which column and commodity stands there */
    struct jb_unit units[COLUMN_CEILING];
    size_t figure_count;
    struct jb_unit energy;
    size_t count;
    double sci_scale;
    char sci_unit[8];
};

static void add_head(struct heads *heads, const char *title, enum jb_align align, bool is_flexible) {
    snprintf(heads->titles[heads->count], sizeof heads->titles[0], "%s", title);
    heads->columns[heads->count] =
        (struct jb_column){.title = heads->titles[heads->count], .align = align, .is_flexible = is_flexible};
    heads->count++;
}

static void choose_sci(double largest_ug, struct heads *heads) {
    static const struct {
        const char *unit;
        double size;
    } units[] = {{"ng", 1e-3}, {"µg", 1}, {"mg", 1e3}, {"g", 1e6}, {"kg", 1e9}, {"t", 1e12}};
    size_t i = 0;
    while (i + 1 < JB_COUNT(units) && fabs(largest_ug) >= units[i + 1].size)
        i++;
    heads->sci_scale = units[i].size;
    snprintf(heads->sci_unit, sizeof heads->sci_unit, "%s", units[i].unit);
}

static const struct jb_statement_row *energy_of(const struct jb_statement_part *part) {
    for (size_t t = 0; t < part->statement.total_count; t++) {
        if (part->statement.totals[t].commodity == JB_ENERGY)
            return &part->statement.totals[t];
    }
    return NULL;
}

/* Columns: (period,) name, energy, and what the part with the most columns has. */
static void make_heads(const struct jb_statement_view *statement, const struct jb_statement_part *widest,
                       struct heads *heads) {
    const struct jb_statement_request *request = statement->request;
    const struct jb_figure *totals;
    const struct jb_statement_row *energy = energy_of(widest);
    char title[80], by[72];
    size_t count = widest->valuation ? jb_valuation_totals(widest->valuation, &totals) : 0;
    *heads = (struct heads){.energy = jb_unit_choose(JB_ENERGY, energy ? energy->amount : 0)};
    if (statement->every)
        add_head(heads, "From", JB_LEFT, false);
    snprintf(by, sizeof by, "%s",
             request->by == JB_BY_LABEL ? request->label_key : jb_group_by_name(request->by));
    if (by[0] >= 'a' && by[0] <= 'z' && request->by != JB_BY_LABEL)
        by[0] = (char)(by[0] - 'a' + 'A');
    add_head(heads, by, JB_LEFT, true);
    snprintf(title, sizeof title, "Energy (%s)", heads->energy.name);
    add_head(heads, title, JB_POINT, false);
    for (size_t i = 0; i < count && heads->count + 2 < COLUMN_CEILING; i++) {
        if (!is_shown_by_group(&totals[i]))
            continue;
        struct jb_unit *unit = &heads->units[heads->figure_count];
        *unit = jb_unit_choose(totals[i].commodity, totals[i].amount);
        heads->figures[heads->figure_count++] = totals[i];
        snprintf(title, sizeof title, "%s (%s)", jb_column_info(totals[i].column)->title, unit->name);
        add_head(heads, title, JB_POINT, false);
    }
    if (statement->unit && widest->valuation) {
        choose_sci(jb_valuation_sci(widest->valuation, JB_FIGURE_TOTAL).value, heads);
        snprintf(title, sizeof title, "SCI (%s/%.40s)", heads->sci_unit, statement->unit);
        add_head(heads, title, JB_POINT, false);
    }
}

static void add_amount(struct jb_table *table, const struct jb_unit *unit, jb_int128 amount, double low,
                       double high) {
    char text[JB_NUMBER_SIZE];
    jb_table_null(table, jb_amount_format(unit, amount, jb_number_decimals(unit, amount, low, high), text));
}

static void add_sci_cell(struct jb_table *table, const struct jb_sci *sci, const struct heads *heads) {
    char text[JB_NUMBER_SIZE];
    snprintf(text, sizeof text, "%.3g", sci->value / heads->sci_scale);
    jb_table_null(table, isfinite(sci->value) ? text : sci->amount == 0 ? "none: 0 units" : "");
}

/* The figure of a group that is of the same column and commodity as `like`. */
static const struct jb_figure *find_figure(const struct jb_valuation *valuation, uint32_t group,
                                           const struct jb_figure *like) {
    const struct jb_figure *totals, *figures;
    size_t count = jb_valuation_totals(valuation, &totals), groups = jb_valuation_groups(valuation);
    jb_valuation_figures(valuation, &figures);
    for (size_t i = 0; i < count; i++) {
        if (totals[i].column == like->column && totals[i].commodity == like->commodity)
            return group == JB_FIGURE_TOTAL ? &totals[i] : &figures[i * groups + group];
    }
    return NULL;
}

/* One row: a group, or (row the energy's total) all of them. */
static void add_row(struct jb_table *table, const struct jb_statement_view *statement,
                    const struct jb_statement_part *part, const struct jb_statement_row *row, bool is_total,
                    const struct heads *heads) {
    char name[JB_ACCOUNT_SIZE], when[JB_TIME_SIZE];
    uint32_t group =
        is_total || !part->valuation ? JB_FIGURE_TOTAL : jb_valuation_find_group(part->valuation, row->name);
    size_t shown = 0;
    if (statement->every) {
        jb_time_format(part->from_ns, when);
        jb_table_text(table, strcmp(statement->every, "hour") == 0 ? when : (when[10] = '\0', when), NULL);
        shown++;
    }
    jb_table_text(table, row->name, jb_account_decode(row->name, strlen(row->name), name, sizeof name));
    add_amount(table, &heads->energy, row->amount, row->low, row->high);
    shown += 2;
    for (size_t i = 0; i < heads->figure_count; i++) {
        const struct jb_figure *figure = NULL;
        if (part->valuation && (is_total || group != JB_FIGURE_TOTAL))
            figure = find_figure(part->valuation, group, &heads->figures[i]);
        if (figure)
            add_amount(table, &heads->units[i], figure->amount, figure->low, figure->high);
        else
            jb_table_null(table, "");
        shown++;
    }
    if (statement->unit && part->valuation && shown < heads->count) {
        struct jb_sci sci = {NAN, NAN, NAN, NAN};
        if (is_total || group != JB_FIGURE_TOTAL)
            sci = jb_valuation_sci(part->valuation, group);
        add_sci_cell(table, &sci, heads);
        shown++;
    }
    for (; shown < heads->count; shown++)
        jb_table_null(table, "");
}

/* The energy's rows, largest first (or by name), the limit's others left to the totals. */
static enum jb_code add_rows(struct jb_table *table, const struct jb_statement_view *statement,
                             const struct jb_statement_part *part, const struct heads *heads) {
    size_t shown = 0;
    for (size_t i = 0; i < part->statement.row_count; i++) {
        const struct jb_statement_row *row = &part->statement.rows[i];
        if (row->commodity != JB_ENERGY || (statement->limit && shown == statement->limit))
            continue;
        add_row(table, statement, part, row, false, heads);
        shown++;
    }
    return JB_OK;
}

static enum jb_code write_totals(const struct jb_view *view, const struct jb_statement_part *part,
                                 struct jb_error *error) {
    static const struct jb_column columns[] = {
        {.title = "Figure"},
        {.title = "Total", .align = JB_RIGHT},
        {.title = "95 % interval", .align = JB_RIGHT},
        {.title = "Energy covered", .align = JB_RIGHT},
        {.title = "Method"},
    };
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    const struct jb_figure *totals;
    size_t count = jb_valuation_totals(part->valuation, &totals);
    for (size_t i = 0; table && i < count; i++) {
        const struct jb_figure *total = &totals[i];
        char figure[JB_NUMBER_SIZE + 24], interval[JB_NUMBER_SIZE], share[JB_NUMBER_SIZE], mix[80];
        char amount[JB_NUMBER_SIZE];
        struct jb_unit unit = jb_unit_choose(total->commodity, total->amount);
        int decimals = jb_number_decimals(&unit, total->amount, total->low, total->high);
        if (total->column == JB_COLUMN_SCI)
            continue;
        snprintf(figure, sizeof figure, "%s %s", jb_amount_format(&unit, total->amount, decimals, amount),
                 unit.name);
        jb_table_text(table, jb_column_info(total->column)->title, NULL);
        jb_table_text(table, figure, NULL);
        jb_table_text(table, jb_interval_format(&unit, total->low, total->high, decimals, interval), NULL);
        jb_table_text(table, jb_share_format(total->coverage, share), NULL);
        jb_table_text(table, jb_method_mix(total->by_method, mix, sizeof mix), NULL);
    }
    enum jb_code code = jb_table_check(table, error);
    if (!code) {
        jb_buffer_add_char(view->out, '\n');
        jb_table_write_text(table, &view->layout, view->out);
    }
    return code;
}

enum jb_code jb_view_values_text(const struct jb_view *view, const struct jb_statement_view *statement,
                                 const struct jb_statement_part *part, struct jb_error *error) {
    const struct jb_statement_row *energy = energy_of(part);
    struct heads heads;
    if (!energy)
        return JB_OK;
    make_heads(statement, part, &heads);
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(heads.columns, heads.count);
    enum jb_code code = table ? add_rows(table, statement, part, &heads) : JB_OK;
    if (table) {
        add_row(table, statement, part, energy, true, &heads);
        jb_table_is_total(table);
    }
    if (!code)
        code = jb_table_check(table, error);
    if (code)
        return code;
    jb_buffer_add_string(view->out, "\nWhat it is worth\n\n");
    jb_table_write_text(table, &view->layout, view->out);
    if (statement->unit) {
        struct jb_sci sci = jb_valuation_sci(part->valuation, JB_FIGURE_TOTAL);
        jb_buffer_printf(view->out, "\nSCI %.3g %s CO2e per %s (ISO/IEC 21031)", sci.value / heads.sci_scale,
                         heads.sci_unit, statement->unit);
        if (isfinite(sci.low))
            jb_buffer_printf(view->out, ", 95 %% %.3g – %.3g", sci.low / heads.sci_scale,
                             sci.high / heads.sci_scale);
        jb_buffer_printf(view->out, ", over %.10g\n", sci.amount);
    }
    return write_totals(view, part, error);
}

enum jb_code jb_view_periods_text(const struct jb_view *view, const struct jb_statement_view *statement,
                                  struct jb_error *error) {
    const struct jb_statement_part *widest = &statement->parts[0];
    struct heads heads;
    const struct jb_figure *totals;
    bool any = false;
    for (size_t p = 0; p < statement->part_count; p++) {
        const struct jb_statement_part *part = &statement->parts[p];
        size_t most = widest->valuation ? jb_valuation_totals(widest->valuation, &totals) : 0;
        any = any || energy_of(part);
        if (part->valuation && jb_valuation_totals(part->valuation, &totals) > most)
            widest = part;
    }
    if (!any) {
        jb_view_nothing(view, " to a consumer");
        return JB_OK;
    }
    make_heads(statement, widest, &heads);
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(heads.columns, heads.count);
    enum jb_code code = JB_OK;
    for (size_t p = 0; table && !code && p < statement->part_count; p++) {
        if (energy_of(&statement->parts[p]))
            code = add_rows(table, statement, &statement->parts[p], &heads);
    }
    if (!code)
        code = jb_table_check(table, error);
    if (!code)
        jb_table_write_text(table, &view->layout, view->out);
    return code;
}

struct jb_table *jb_input_table(const struct jb_valuation *valuation) {
    static const char *const kinds[] = {[JB_INPUT_FACTOR] = "factor",
                                        [JB_INPUT_DECLARED] = "declared",
                                        [JB_INPUT_SERIES] = "series",
                                        [JB_INPUT_METER] = "meter"};
    static const struct jb_column columns[] = {
        {.key = "kind"},
        {.key = "symbol", .title = "Symbol"},
        {.key = "name", .title = "Rests on", .is_flexible = true},
        {.key = "value", .title = "Value", .align = JB_RIGHT},
        {.key = "unit"},
        {.key = "uncertainty", .title = "1 σ", .align = JB_RIGHT},
        {.key = "from"},
        {.key = "until"},
        {.key = "set"},
        {.key = "version"},
        {.key = "line"},
        {.key = "source", .title = "Source", .is_flexible = true},
        {.key = "earlier"},
        {.key = "fleet"},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    const struct jb_input *inputs;
    size_t count = jb_valuation_inputs(valuation, &inputs);
    for (size_t i = 0; table && i < count; i++) {
        const struct jb_input *input = &inputs[i];
        char value[64], uncertainty[32], source[700];
        if (input->kind == JB_INPUT_METER)
            continue;
        snprintf(value, sizeof value, "%.6g%s%s", input->value, strcmp(input->unit, "1") == 0 ? "" : " ",
                 strcmp(input->unit, "1") == 0 ? "" : input->unit);
        snprintf(uncertainty, sizeof uncertainty, "%.2g %%", input->uncertainty * 100);
        snprintf(source, sizeof source, "%s%s%s%s%s", input->source, *input->set ? " (" : "", input->set,
                 *input->version ? " " : "", input->version);
        snprintf(source + strlen(source), sizeof source - strlen(source), "%s", *input->set ? ")" : "");
        jb_table_text(table, kinds[input->kind], NULL);
        jb_table_text(table, input->symbol, NULL);
        jb_table_text(table, input->name, NULL);
        jb_table_number(table, input->value, isfinite(input->value) ? value : "varies");
        jb_table_text(table, input->unit, NULL);
        jb_table_number(table, input->uncertainty, isfinite(input->uncertainty) ? uncertainty : "unknown");
        for (int end = 0; end < 2; end++) {
            int64_t ns = end ? input->until_ns : input->from_ns;
            if (ns == INT64_MIN || ns == INT64_MAX)
                jb_table_null(table, NULL);
            else
                jb_table_time(table, ns, NULL);
        }
        jb_table_text(table, input->set, NULL);
        jb_table_text(table, input->version, NULL);
        jb_table_integer(table, input->line, NULL);
        jb_table_text(table, input->source, source);
        jb_table_boolean(table, input->is_earlier, NULL);
        jb_table_boolean(table, input->is_fleet, NULL);
    }
    return table;
}

enum jb_code jb_view_grounds_text(const struct jb_view *view, const struct jb_statement_view *statement,
                                  struct jb_error *error) {
    const struct jb_valuation *valuation = statement->parts[statement->part_count - 1].valuation;
    const char *const *notes;
    if (!valuation) {
        if (statement->lacks)
            jb_buffer_printf(view->out, "\nNot valued: %s\n", statement->lacks);
        return JB_OK;
    }
    _cleanup_(jb_table_free_cleanup) struct jb_table *inputs = jb_input_table(valuation);
    enum jb_code code = jb_table_check(inputs, error);
    if (code)
        return code;
    if (jb_table_row_count(inputs)) {
        jb_buffer_add_char(view->out, '\n');
        jb_table_write_text(inputs, &view->layout, view->out);
    }
    size_t count = jb_valuation_notes(valuation, &notes);
    for (size_t i = 0; i < count; i++)
        jb_buffer_printf(view->out, "%s- %s\n", i ? "" : "\nTo be known beside the figures\n", notes[i]);
    if (statement->basis)
        jb_buffer_printf(view->out, "\nBasis %.12s: %zu factor tables (%.12s) and %s (%.12s)\n",
                         statement->basis->sha256, statement->basis->set_count,
                         statement->basis->factors_sha256, statement->basis->setting_file,
                         statement->basis->setting_sha256);
    return JB_OK;
}
