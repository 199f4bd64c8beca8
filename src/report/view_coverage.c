/* What of the cost of clouds has no estimate of energy, as text and JSON. */
#include "report/view.h"

#include "base/cleanup.h"
#include "report/number.h"

#include <math.h>
#include <string.h>

static double share_of(const struct jb_coverage *coverage, jb_commodity currency, jb_int128 cost) {
    for (size_t i = 0; i < coverage->total_count; i++) {
        if (coverage->totals[i].currency == currency)
            return coverage->totals[i].used != 0 ? (double)cost / (double)coverage->totals[i].used : NAN;
    }
    return NAN;
}

static struct jb_table *make_totals(const struct jb_coverage *coverage) {
    static const struct jb_column columns[] = {{.key = "currency"},
                                               {.key = "used_cost"},
                                               {.key = "unestimated_cost"},
                                               {.key = "coverage"},
                                               {.key = "embodied_coverage"}};
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < coverage->total_count; i++) {
        const struct jb_coverage_total *total = &coverage->totals[i];
        char currency[JB_COMMODITY_SIZE];
        jb_table_text(table, jb_commodity_format(total->currency, currency), NULL);
        jb_table_amount(table, total->used, NULL);
        jb_table_amount(table, total->unknown, NULL);
        jb_table_number(table, 1 - share_of(coverage, total->currency, total->unknown), NULL);
        jb_table_number(table, 1 - share_of(coverage, total->currency, total->unknown + total->energy_alone),
                        NULL);
    }
    return table;
}

static struct jb_table *make_rows(const struct jb_coverage *coverage) {
    static const struct jb_column columns[] = {
        {.key = "service", .title = "Service", .is_flexible = true},
        {.key = "currency", .title = "Currency"},
        {.key = "cost", .title = "Cost", .align = JB_POINT},
        {.key = "share", .title = "Share", .align = JB_POINT},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < coverage->row_count; i++) {
        const struct jb_coverage_row *row = &coverage->rows[i];
        struct jb_unit unit = jb_unit_choose(row->currency, row->cost);
        char currency[JB_COMMODITY_SIZE], cost[JB_NUMBER_SIZE], share_text[JB_NUMBER_SIZE],
            name[JB_ACCOUNT_SIZE];
        double share = share_of(coverage, row->currency, row->cost);
        jb_table_text(table, row->name, jb_account_decode(row->name, strlen(row->name), name, sizeof name));
        jb_table_text(table, jb_commodity_format(row->currency, currency), NULL);
        jb_table_amount(table, row->cost, jb_amount_format(&unit, row->cost, 2, cost));
        jb_table_number(table, share, jb_share_format(share, share_text));
    }
    return table;
}

/* Transfer has energy, and embodied carbon that nobody knows. */
static void write_embodied(const struct jb_view *view, const struct jb_coverage *coverage) {
    for (size_t i = 0; i < coverage->total_count; i++) {
        const struct jb_coverage_total *total = &coverage->totals[i];
        char currency[JB_COMMODITY_SIZE], share[JB_NUMBER_SIZE];
        if (total->energy_alone != 0)
            jb_buffer_printf(view->out,
                             "\nOf cloud services, embodied carbon of transfer is not known: %s of the cost "
                             "of use in %s.\n",
                             jb_share_format(share_of(coverage, total->currency, total->energy_alone), share),
                             jb_commodity_format(total->currency, currency));
    }
}

enum jb_code jb_view_coverage_text(const struct jb_view *view, const struct jb_coverage *coverage,
                                   bool has_embodied, struct jb_error *error) {
    if (has_embodied)
        write_embodied(view, coverage);
    if (coverage->row_count == 0)
        return JB_OK;
    _cleanup_(jb_table_free_cleanup) struct jb_table *rows = make_rows(coverage);
    enum jb_code code = jb_table_check(rows, error);
    if (code)
        return code;
    jb_buffer_add_string(view->out,
                         "\nCloud services of unknown energy, and their share of the cost of use:\n\n");
    jb_table_write_text(rows, &view->layout, view->out);
    return JB_OK;
}

enum jb_code jb_view_coverage_json(const struct jb_coverage *coverage, struct jb_json *json,
                                   struct jb_error *error) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *totals = make_totals(coverage);
    _cleanup_(jb_table_free_cleanup) struct jb_table *rows = make_rows(coverage);
    enum jb_code code = jb_table_check(totals, error);
    if (!code)
        code = jb_table_check(rows, error);
    if (code)
        return code;
    jb_json_key(json, "coverage");
    jb_table_write_json(totals, json);
    jb_json_key(json, "unestimated");
    jb_table_write_json(rows, json);
    return JB_OK;
}
