/* The three forms of what was read and booked of bills. */
#include "cli/bill_view.h"

#include "base/csv.h"
#include "base/json.h"
#include "base/time.h"
#include "report/number.h"
#include "report/table.h"
#include "report/view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *plural(uint64_t count) {
    return count == 1 ? "" : "s";
}

static double share_of(jb_int128 part, jb_int128 whole) {
    return whole != 0 ? (double)part / (double)whole : NAN;
}

static jb_int128 used_in(const struct jb_bill_flows *flows, jb_commodity currency) {
    const struct jb_bill_cost *costs;
    size_t count = jb_bill_flows_costs(flows, &costs);
    for (size_t i = 0; i < count; i++) {
        if (costs[i].currency == currency)
            return costs[i].used;
    }
    return 0;
}

static struct jb_table *make_costs(const struct jb_bill_flows *flows) {
    static const struct jb_column columns[] = {
        {.key = "currency"}, {.key = "cost"},          {.key = "used_cost"},        {.key = "estimated_cost"},
        {.key = "coverage"}, {.key = "embodied_cost"}, {.key = "embodied_coverage"}};
    const struct jb_bill_cost *costs;
    size_t count = jb_bill_flows_costs(flows, &costs);
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++) {
        char currency[JB_COMMODITY_SIZE];
        jb_table_text(table, jb_commodity_format(costs[i].currency, currency), NULL);
        jb_table_amount(table, costs[i].total, NULL);
        jb_table_amount(table, costs[i].used, NULL);
        jb_table_amount(table, costs[i].estimated, NULL);
        jb_table_number(table, share_of(costs[i].estimated, costs[i].used), NULL);
        jb_table_amount(table, costs[i].embodied, NULL);
        jb_table_number(table, share_of(costs[i].embodied, costs[i].used), NULL);
    }
    return table;
}

static struct jb_table *make_unknowns(const struct jb_bill_flows *flows) {
    static const struct jb_column columns[] = {
        {.key = "provider"},
        {.key = "service", .title = "Service", .is_flexible = true},
        {.key = "currency", .title = "Currency"},
        {.key = "cost", .title = "Cost", .align = JB_POINT},
        {.key = "share", .title = "Share", .align = JB_POINT},
        {.key = "row_count", .title = "Rows", .align = JB_RIGHT},
        {.key = "reason", .title = "Why", .is_flexible = true},
    };
    const struct jb_bill_unknown *unknowns;
    size_t count = jb_bill_flows_unknowns(flows, &unknowns);
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++) {
        const struct jb_bill_unknown *unknown = &unknowns[i];
        struct jb_unit unit = {.size = 1e6, .decimals = 2, .is_money = true};
        char currency[JB_COMMODITY_SIZE], cost[JB_NUMBER_SIZE], share_text[JB_NUMBER_SIZE];
        char service[JB_COMPONENT_SIZE];
        double share = share_of(unknown->cost, used_in(flows, unknown->currency));
        jb_table_text(table, unknown->provider, NULL);
        jb_table_text(table, unknown->service,
                      jb_account_decode(unknown->service, strlen(unknown->service), service, sizeof service));
        jb_table_text(table, jb_commodity_format(unknown->currency, currency), NULL);
        jb_table_amount(table, unknown->cost, jb_amount_format(&unit, unknown->cost, 2, cost));
        jb_table_number(table, share, jb_share_format(share, share_text));
        jb_table_integer(table, (int64_t)unknown->row_count, NULL);
        jb_table_text(table, unknown->reason, NULL);
    }
    return table;
}

/* A sum of nothing that is known is no zero. */
static void put_known(struct jb_table *table, bool is_known, jb_int128 amount) {
    if (is_known)
        jb_table_amount(table, amount, NULL);
    else
        jb_table_null(table, NULL);
}

/* The summary, one row. */
static struct jb_table *make_summary(const struct jb_bill_result *result, bool is_dry_run) {
    static const struct jb_column columns[] = {{.key = "dry_run"},
                                               {.key = "row_count"},
                                               {.key = "skipped_row_count"},
                                               {.key = "bill_count"},
                                               {.key = "flow_count"},
                                               {.key = "new_bill_count"},
                                               {.key = "new_flow_count"},
                                               {.key = "replaced_bill_count"},
                                               {.key = "replaced_flow_count"},
                                               {.key = "known_bill_count"},
                                               {.key = "energy_uj"},
                                               {.key = "embodied_ugco2e"},
                                               {.key = "first"},
                                               {.key = "last"}};
    const struct jb_bill_unit *units;
    const uint64_t counts[] = {
        result->row_count,      result->bad_count,           jb_bill_flows_units(result->flows, &units),
        result->flow_count,     result->new_count,           result->new_flow_count,
        result->replaced_count, result->replaced_flow_count, result->known_count};
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    if (!table)
        return NULL;
    jb_table_boolean(table, is_dry_run, NULL);
    for (size_t i = 0; i < JB_COUNT(counts); i++)
        jb_table_integer(table, (int64_t)counts[i], NULL);
    put_known(table, result->knows_energy, result->energy_uj);
    put_known(table, result->knows_embodied, result->embodied_ug);
    if (result->flow_count) {
        jb_table_time(table, result->first_ns, NULL);
        jb_table_time(table, result->last_ns, NULL);
    } else {
        jb_table_null(table, NULL);
        jb_table_null(table, NULL);
    }
    return table;
}

static void write_coverage(const struct jb_bill_flows *flows, struct jb_buffer *out) {
    const struct jb_bill_cost *costs;
    size_t count = jb_bill_flows_costs(flows, &costs);
    for (size_t i = 0; i < count; i++) {
        struct jb_unit unit = {.size = 1e6, .decimals = 2, .is_money = true};
        char total[JB_NUMBER_SIZE], used[JB_NUMBER_SIZE], estimated[JB_NUMBER_SIZE], share[JB_NUMBER_SIZE],
            embodied_share[JB_NUMBER_SIZE], currency[JB_COMMODITY_SIZE];
        jb_commodity_format(costs[i].currency, currency);
        jb_buffer_printf(out, "Cost %s %s", jb_amount_format(&unit, costs[i].total, 2, total), currency);
        if (costs[i].used != 0)
            jb_buffer_printf(out,
                             "; of %s %s for use, %s (%s) has an estimate of energy, %s of embodied carbon",
                             jb_amount_format(&unit, costs[i].used, 2, used), currency,
                             jb_amount_format(&unit, costs[i].estimated, 2, estimated),
                             jb_share_format(share_of(costs[i].estimated, costs[i].used), share),
                             jb_share_format(share_of(costs[i].embodied, costs[i].used), embodied_share));
        jb_buffer_add_string(out, "\n");
    }
}

static enum jb_code write_text(const struct jb_bill_result *result, bool is_dry_run, struct jb_buffer *out,
                               struct jb_error *error) {
    char period[JB_PERIOD_SIZE], energy[JB_NUMBER_SIZE], embodied[JB_NUMBER_SIZE];
    struct jb_layout layout = jb_layout_of_stdout();
    const struct jb_bill_unit *units;
    size_t bill_count = jb_bill_flows_units(result->flows, &units);
    jb_buffer_printf(out, "Read %" PRIu64 " row%s of %zu bill%s", result->row_count,
                     plural(result->row_count), bill_count, plural(bill_count));
    if (result->bad_count)
        jb_buffer_printf(out, "; %" PRIu64 " bad row%s left out", result->bad_count,
                         plural(result->bad_count));
    if (result->flow_count)
        jb_buffer_printf(
            out, ": energy %s, embodied carbon %s",
            result->knows_energy ? jb_amount_alone(JB_ENERGY, result->energy_uj, NAN, NAN, energy)
                                 : "not known",
            result->knows_embodied ? jb_amount_alone(JB_EMBODIED, result->embodied_ug, NAN, NAN, embodied)
                                   : "not known");
    jb_buffer_add_string(out, "\n");
    write_coverage(result->flows, out);
    if (result->new_count)
        jb_buffer_printf(out, "%s %" PRIu64 " flow%s of %" PRIu64 " bill%s, %s\n",
                         is_dry_run ? "Would book" : "Booked", result->new_flow_count,
                         plural(result->new_flow_count), result->new_count, plural(result->new_count),
                         jb_period_format(result->first_ns, result->last_ns, period));
    else
        jb_buffer_add_string(out, result->flow_count ? "Nothing new: every bill is in the book already.\n"
                                                     : "Nothing to book: there is no charge in it.\n");
    if (result->replaced_count)
        jb_buffer_printf(out, "%" PRIu64 " older version%s of them %s taken back, with %" PRIu64 " flow%s.\n",
                         result->replaced_count, plural(result->replaced_count),
                         is_dry_run                    ? "would be"
                         : result->replaced_count == 1 ? "was"
                                                       : "were",
                         result->replaced_flow_count, plural(result->replaced_flow_count));
    if (result->known_count && result->new_count)
        jb_buffer_printf(out, "%" PRIu64 " bill%s in the book already: not booked again.\n",
                         result->known_count, result->known_count == 1 ? " is" : "s are");
    _cleanup_(jb_table_free_cleanup) struct jb_table *unknowns = make_unknowns(result->flows);
    enum jb_code code = jb_table_check(unknowns, error);
    if (code || jb_table_row_count(unknowns) == 0)
        return code;
    jb_buffer_add_string(out, "\nUse of unknown energy, booked as money alone:\n\n");
    jb_table_write_text(unknowns, &layout, out);
    return JB_OK;
}

enum jb_code bill_view(const struct jb_bill_result *result, bool is_dry_run, enum jb_form form,
                       struct jb_buffer *out, struct jb_error *error) {
    if (form == JB_FORM_TEXT)
        return write_text(result, is_dry_run, out, error);
    _cleanup_(jb_table_free_cleanup) struct jb_table *summary = make_summary(result, is_dry_run);
    _cleanup_(jb_table_free_cleanup) struct jb_table *costs = make_costs(result->flows);
    _cleanup_(jb_table_free_cleanup) struct jb_table *unknowns = make_unknowns(result->flows);
    enum jb_code code = jb_table_check(summary, error);
    if (!code)
        code = jb_table_check(costs, error);
    if (!code)
        code = jb_table_check(unknowns, error);
    if (code)
        return code;
    if (form == JB_FORM_CSV) {
        jb_table_write_csv(summary, out);
        return JB_OK;
    }
    struct jb_json json = jb_json_make(out);
    jb_json_object(&json);
    jb_table_write_json_members(summary, 0, &json);
    jb_json_key(&json, "costs");
    jb_table_write_json(costs, &json);
    jb_json_key(&json, "unestimated");
    jb_table_write_json(unknowns, &json);
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
    return JB_OK;
}

void bill_view_skipped(const struct jb_bill_result *result, struct jb_buffer *out) {
    jb_buffer_add_string(out, "file,row,line,offset,length,message\n");
    for (size_t s = 0; s < result->scans.count; s++) {
        const struct jb_bill_scan *scan = &result->scans.items[s];
        for (size_t i = 0; i < jb_scan_bad_count(scan->table); i++) {
            const struct jb_scan_bad *bad = jb_scan_bad(scan->table, i);
            jb_csv_add(out, scan->names[bad->input]);
            jb_buffer_printf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", bad->row, bad->line,
                             bad->offset, bad->length);
            jb_csv_add(out, bad->message);
            jb_buffer_add_char(out, '\n');
        }
    }
}
