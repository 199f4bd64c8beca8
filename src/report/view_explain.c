/* An explanation as text, JSON or CSV. */
#include "report/view.h"

#include "base/cleanup.h"
#include "base/time.h"
#include "report/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static double share_of(jb_int128 part, jb_int128 whole) {
    return whole != 0 ? (double)part / (double)whole : NAN;
}

static const char *role_name(enum jb_role role) {
    static const char *const names[] = {
        [JB_SUPPLY] = "supply",     [JB_THROUGH] = "through", [JB_FINAL] = "final",
        [JB_VARIANCE] = "variance", [JB_OTHER] = "other",
    };
    return names[role];
}

/* ---- tables ---- */

static const struct jb_column step_columns[] = {
    {.key = "level"},
    {.key = "from", .title = "From account", .is_flexible = true},
    {.key = "to"},
    {.key = "amount", .title = "", .align = JB_POINT}, /* the unit is set */
    {.key = "unit"},
    {.key = "share", .title = "Share", .align = JB_POINT},
    {.key = "uncertainty_ppm", .title = "95 %", .align = JB_RIGHT},
    {.key = "method", .title = "Method"},
    {.key = "rule", .title = "Rule"},
    {.key = "flow_count"},
    {.key = "start"},
    {.key = "end"},
};
enum { STEP_AMOUNT = 3 };

static void set_step_columns(const char *unit_name, struct jb_column ret[static JB_COUNT(step_columns)]) {
    memcpy(ret, step_columns, sizeof step_columns);
    ret[STEP_AMOUNT].title = unit_name;
}

static struct jb_table *make_steps(const struct jb_view *view, const struct jb_explanation *explanation,
                                   const struct jb_unit *unit, const struct jb_column *columns) {
    struct jb_table *table = jb_table_make(columns, JB_COUNT(step_columns));
    char own_unit[JB_COMMODITY_SIZE], text[JB_NUMBER_SIZE];
    jb_commodity_unit(explanation->commodity, own_unit);
    for (size_t i = 0; table && i < explanation->step_count; i++) {
        const struct jb_explain_step *step = &explanation->steps[i];
        const char *from = jb_ledger_path(view->ledger, step->from);
        char shown[JB_ACCOUNT_SIZE + 64];
        double standard = step->uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN
                              ? NAN
                              : fabs((double)step->amount) * step->uncertainty_ppm / 1e6;
        double share = share_of(step->amount, explanation->inflow);
        int decimals = jb_number_decimals(unit, step->amount, (double)step->amount - 1.96 * standard,
                                          (double)step->amount + 1.96 * standard);
        snprintf(shown, sizeof shown, "%*s%s", (int)(2 * step->level), "", from);
        jb_table_integer(table, step->level, NULL);
        jb_table_text(table, from, shown);
        jb_table_text(table, jb_ledger_path(view->ledger, step->to), NULL);
        jb_table_amount(table, step->amount, jb_amount_format(unit, step->amount, decimals, text));
        jb_table_text(table, own_unit, NULL);
        jb_table_number(table, share, jb_share_format(share, text));
        jb_uncertainty_format(step->uncertainty_ppm, text);
        if (step->uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN)
            jb_table_null(table, text);
        else
            jb_table_integer(table, step->uncertainty_ppm, text);
        jb_table_text(table, jb_method_name(step->method), NULL);
        jb_table_text(table, jb_rule_name(step->rule), NULL);
        jb_table_integer(table, (int64_t)step->flow_count, NULL);
        jb_table_time(table, step->first_ns, NULL);
        jb_table_time(table, step->last_ns, NULL);
    }
    return table;
}

static struct jb_table *make_flows(const struct jb_view *view, const struct jb_explanation *explanation,
                                   const struct jb_unit *unit) {
    static const struct jb_column columns[] = {
        {.key = "start", .title = "Start"},
        {.key = "end"},
        {.key = "from", .title = "From account", .is_flexible = true},
        {.key = "to", .title = "To account", .is_flexible = true},
        {.key = "amount", .title = "Amount", .align = JB_RIGHT},
        {.key = "unit"},
        {.key = "method"},
        {.key = "uncertainty_ppm"},
        {.key = "batch", .title = "Batch", .is_flexible = true},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    char own_unit[JB_COMMODITY_SIZE], amount[JB_NUMBER_SIZE], shown[2 * JB_NUMBER_SIZE];
    for (size_t i = 0; table && i < explanation->flow_count_kept; i++) {
        const struct jb_flow *flow = &explanation->flows[i].flow;
        jb_amount_format(unit, flow->amount, jb_number_decimals(unit, flow->amount, NAN, NAN), amount);
        snprintf(shown, sizeof shown, "%s %s", amount, unit->name);
        jb_table_time(table, flow->start_ns, NULL);
        jb_table_time(table, flow->end_ns, NULL);
        jb_table_text(table, jb_ledger_path(view->ledger, flow->from), NULL);
        jb_table_text(table, jb_ledger_path(view->ledger, flow->to), NULL);
        jb_table_amount(table, flow->amount, shown);
        jb_table_text(table, jb_commodity_unit(flow->commodity, own_unit), NULL);
        jb_table_text(table, jb_method_name(flow->method), NULL);
        if (flow->uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN)
            jb_table_null(table, NULL);
        else
            jb_table_integer(table, flow->uncertainty_ppm, NULL);
        jb_table_text(table, explanation->flows[i].identity, NULL);
    }
    return table;
}

static struct jb_table *make_counters(const struct jb_explanation *explanation) {
    static const struct jb_column columns[] = {
        {.key = "host", .title = "Host", .is_flexible = true},
        {.key = "counter", .title = "Domain", .is_flexible = true},
        {.key = "value", .title = "µJ", .align = JB_RIGHT},
        {.key = "unit"},
        {.key = "read", .title = "Last read"},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < explanation->counter_count; i++) {
        const struct jb_position *position = &explanation->counters[i].position;
        /* "energy:rapl/package-0#1f": the domain, and which run of its counter. */
        char domain[JB_COUNTER_SIZE];
        snprintf(domain, sizeof domain, "%s", strchr(position->counter, ':') + 1);
        domain[strcspn(domain, "#")] = '\0';
        jb_table_text(table, explanation->counters[i].host, NULL);
        jb_table_text(table, position->counter, domain);
        jb_table_amount(table, position->value, NULL);
        jb_table_text(table, "uJ", NULL);
        jb_table_time(table, position->realtime_ns, NULL);
    }
    return table;
}

static const struct jb_column meter_columns[] = {
    {.key = "account", .title = "Account", .is_flexible = true},
    {.key = "role", .title = "Meter of"},
    {.key = "amount", .align = JB_RIGHT},
    {.key = "unit"},
    {.key = "readings", .title = "Readings", .align = JB_RIGHT},
    {.key = "from", .title = "From"},
    {.key = "to", .title = "To"},
    {.key = "uncertainty_ppm"},
};

static struct jb_table *make_meters(const struct jb_explanation *explanation, const struct jb_unit *unit,
                                    const struct jb_column *columns) {
    struct jb_table *table = jb_table_make(columns, JB_COUNT(meter_columns));
    for (size_t i = 0; table && i < explanation->meter_count; i++) {
        const struct jb_explain_meter *meter = &explanation->meters[i];
        char shown[JB_NUMBER_SIZE];
        int decimals = jb_number_decimals(unit, meter->amount, NAN, NAN);
        jb_table_text(table, meter->path, NULL);
        jb_table_text(table, jb_explain_role_name(meter), NULL);
        jb_table_amount(table, meter->amount, jb_amount_format(unit, meter->amount, decimals, shown));
        jb_table_text(table, "uJ", NULL);
        jb_table_integer(table, (int64_t)meter->reading_count, NULL);
        jb_table_time(table, meter->first_ns, NULL);
        jb_table_time(table, meter->last_ns, NULL);
        if (meter->uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN)
            jb_table_null(table, NULL);
        else
            jb_table_integer(table, meter->uncertainty_ppm, NULL);
    }
    return table;
}

static struct jb_table *make_labels(const struct jb_explanation *explanation) {
    static const struct jb_column columns[] = {{.key = "key"}, {.key = "value"}, {.key = "pattern"}};
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < explanation->label_count; i++) {
        jb_table_text(table, explanation->labels[i].key, NULL);
        jb_table_text(table, explanation->labels[i].value, NULL);
        jb_table_text(table, explanation->labels[i].pattern, NULL);
    }
    return table;
}

/* ---- JSON ---- */

static void write_whole(struct jb_json *json, double value) {
    if (fabs(value) < 0x1p53)
        jb_json_integer(json, (int64_t)nearbyint(value));
    else
        jb_json_number(json, value);
}

static void write_facts(const struct jb_view *view, const struct jb_explanation *explanation,
                        struct jb_json *json) {
    char text[JB_COMMODITY_SIZE];
    bool is_empty = explanation->flow_count == 0;
    jb_json_key(json, "account");
    jb_json_string(json, explanation->account);
    jb_json_key(json, "role");
    jb_json_string(json, role_name(explanation->role));
    jb_json_key(json, "account_count");
    jb_json_integer(json, (int64_t)explanation->account_count);
    jb_json_key(json, "from");
    jb_json_time(json, view->query.from_ns);
    jb_json_key(json, "to");
    jb_json_time(json, view->query.to_ns);
    jb_json_key(json, "first");
    jb_json_time(json, is_empty ? INT64_MIN : explanation->first_ns);
    jb_json_key(json, "last");
    jb_json_time(json, is_empty ? INT64_MAX : explanation->last_ns);
    jb_json_key(json, "commodity");
    jb_json_string(json, jb_commodity_format(explanation->commodity, text));
    jb_json_key(json, "unit");
    jb_json_string(json, jb_commodity_unit(explanation->commodity, text));
    jb_json_key(json, "inflow");
    jb_json_amount(json, explanation->inflow);
    jb_json_key(json, "outflow");
    jb_json_amount(json, explanation->outflow);
    jb_json_key(json, "low");
    write_whole(json, explanation->low);
    jb_json_key(json, "high");
    write_whole(json, explanation->high);
    for (int m = 0; m < JB_METHOD_COUNT; m++) {
        jb_json_key(json, jb_method_name((enum jb_method)m));
        jb_json_amount(json, explanation->by_method[m]);
    }
    jb_json_key(json, "share_of_host");
    jb_json_number(json, share_of(explanation->inflow, explanation->host_total));
    jb_json_key(json, "share_of_book");
    jb_json_number(json, share_of(explanation->inflow, explanation->book_total));
    jb_json_key(json, "flow_count");
    jb_json_integer(json, (int64_t)explanation->flow_count);
    jb_json_key(json, "batch_count");
    jb_json_integer(json, (int64_t)explanation->batch_count);
    jb_json_key(json, "first_batch");
    jb_json_string(json, explanation->first_batch);
    jb_json_key(json, "last_batch");
    jb_json_string(json, explanation->last_batch);
}

static enum jb_code write_json(const struct jb_view *view, const struct jb_explanation *explanation,
                               const struct jb_unit *unit, struct jb_error *error) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *steps =
        make_steps(view, explanation, unit, step_columns);
    _cleanup_(jb_table_free_cleanup) struct jb_table *flows = make_flows(view, explanation, unit);
    _cleanup_(jb_table_free_cleanup) struct jb_table *counters = make_counters(explanation);
    _cleanup_(jb_table_free_cleanup) struct jb_table *meters = make_meters(explanation, unit, meter_columns);
    _cleanup_(jb_table_free_cleanup) struct jb_table *labels = make_labels(explanation);
    _cleanup_(jb_table_free_cleanup) struct jb_table *gaps =
        jb_gap_table(view, explanation->gaps, explanation->gap_count);
    const struct {
        const char *key;
        const struct jb_table *table;
    } tables[] = {{"steps", steps},   {"flows", flows},   {"counters", counters},
                  {"meters", meters}, {"labels", labels}, {"gaps", gaps}};
    struct jb_json json = jb_json_make(view->out);
    jb_json_object(&json);
    write_facts(view, explanation, &json);
    for (size_t i = 0; i < JB_COUNT(tables); i++) {
        enum jb_code code = jb_table_check(tables[i].table, error);
        if (code)
            return code;
        jb_json_key(&json, tables[i].key);
        jb_table_write_json(tables[i].table, &json);
    }
    jb_json_key(&json, "steps_cut");
    jb_json_boolean(&json, explanation->is_cut);
    jb_json_end(&json, '}');
    jb_buffer_add_char(view->out, '\n');
    return JB_OK;
}

/* ---- text ---- */

static enum jb_code write_table(const struct jb_view *view, const char *heading, struct jb_table *table,
                                struct jb_error *error) {
    enum jb_code code = jb_table_check(table, error);
    if (!code && jb_table_row_count(table)) {
        jb_buffer_printf(view->out, "\n%s%s", heading ? heading : "", heading ? "\n" : "");
        jb_table_write_text(table, &view->layout, view->out);
    }
    jb_table_free(table);
    return code;
}

static void write_labels(const struct jb_view *view, const struct jb_explanation *explanation) {
    for (size_t i = 0; i < explanation->label_count; i++) {
        char key[64], value[128];
        jb_buffer_printf(view->out, "%s%s=%s", i ? " " : "Labels   ",
                         jb_text_display(explanation->labels[i].key, key, sizeof key),
                         jb_text_display(explanation->labels[i].value, value, sizeof value));
    }
    jb_buffer_add_string(view->out, explanation->label_count ? "\n" : "");
}

/* The account, its figure, and what that is a share of. */
static void write_head(const struct jb_view *view, const struct jb_explanation *explanation,
                       const struct jb_unit *unit) {
    char account[JB_ACCOUNT_SIZE], figure[JB_NUMBER_SIZE], interval[JB_NUMBER_SIZE], mix[80];
    char share[JB_NUMBER_SIZE], period[JB_PERIOD_SIZE];
    int decimals = jb_number_decimals(unit, explanation->inflow, explanation->low, explanation->high);
    jb_buffer_printf(view->out, "%s%s\n\n", jb_text_display(explanation->account, account, sizeof account),
                     explanation->is_whole ? ", with everything below it" : "");
    if (explanation->role == JB_SUPPLY) {
        jb_buffer_printf(view->out, "Supplied %s\n",
                         jb_amount_alone(explanation->commodity, explanation->outflow, NAN, NAN, figure));
    } else {
        jb_buffer_printf(view->out, "Amount   %s %s, %s\n",
                         jb_amount_format(unit, explanation->inflow, decimals, figure), unit->name,
                         jb_method_mix(explanation->by_method, mix, sizeof mix));
        jb_interval_format(unit, explanation->low, explanation->high, decimals, interval);
        jb_buffer_printf(view->out, "95 %%     %s%s%s\n", interval, isfinite(explanation->low) ? " " : "",
                         isfinite(explanation->low) ? unit->name : "");
    }
    if (explanation->outflow && explanation->role != JB_SUPPLY)
        jb_buffer_printf(view->out, "Went on  %s\n",
                         jb_amount_alone(explanation->commodity, explanation->outflow, NAN, NAN, figure));
    double of_host = share_of(explanation->inflow, explanation->host_total);
    double of_book = share_of(explanation->inflow, explanation->book_total);
    if (isfinite(of_host) && explanation->inflow != explanation->host_total)
        jb_buffer_printf(view->out, "Share    %s of its host, ", jb_share_format(of_host, share));
    else if (isfinite(of_book) && explanation->role != JB_SUPPLY)
        jb_buffer_add_string(view->out, "Share    ");
    if (isfinite(of_book) && explanation->role != JB_SUPPLY)
        jb_buffer_printf(view->out, "%s of all that the book has consumed\n",
                         jb_share_format(of_book, share));
    jb_buffer_printf(view->out, "Period   %s\n",
                     jb_period_format(explanation->first_ns, explanation->last_ns, period));
    jb_buffer_printf(view->out, "Booked   in %" PRIu64 " flow%s of %" PRIu64 " batch%s\n",
                     explanation->flow_count, explanation->flow_count == 1 ? "" : "s",
                     explanation->batch_count, explanation->batch_count == 1 ? "" : "es");
    char batch[256];
    jb_buffer_printf(view->out, "  first  %s\n",
                     jb_text_display(explanation->first_batch, batch, sizeof batch));
    if (strcmp(explanation->first_batch, explanation->last_batch) != 0)
        jb_buffer_printf(view->out, "  last   %s\n",
                         jb_text_display(explanation->last_batch, batch, sizeof batch));
    write_labels(view, explanation);
}

/* Every rule that the steps name, said once. */
static struct jb_table *make_rules(const struct jb_explanation *explanation) {
    static const struct jb_column columns[] = {{.title = "Rule"}, {.title = "How the amount came about"}};
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    bool is_told[JB_RULE_BOOKED + 1] = {false};
    for (size_t i = 0; table && i < explanation->step_count; i++) {
        enum jb_rule rule = explanation->steps[i].rule;
        if (is_told[rule])
            continue;
        is_told[rule] = true;
        jb_table_text(table, jb_rule_name(rule), NULL);
        jb_table_text(table, jb_rule_sentence(rule), NULL);
    }
    return table;
}

static enum jb_code write_text(const struct jb_view *view, const struct jb_explanation *explanation,
                               const struct jb_unit *unit, struct jb_error *error) {
    struct jb_column columns[JB_COUNT(step_columns)], columns_of_meters[JB_COUNT(meter_columns)];
    char account[JB_ACCOUNT_SIZE];
    if (explanation->flow_count == 0) {
        jb_buffer_printf(view->out, "%s\n\n", jb_text_display(explanation->account, account, sizeof account));
        jb_view_nothing(view, " to it");
        write_labels(view, explanation);
        return jb_view_gaps_text(view, explanation->gaps, explanation->gap_count, error);
    }
    write_head(view, explanation, unit);
    set_step_columns(unit->name, columns);
    memcpy(columns_of_meters, meter_columns, sizeof meter_columns);
    columns_of_meters[2].title = unit->name;
    enum jb_code code = write_table(view, "Where it came from, up to the supply",
                                    make_steps(view, explanation, unit, columns), error);
    if (code)
        return code;
    if (explanation->is_cut)
        jb_buffer_add_string(view->out, "… and more, too small to list; name an account below this one\n");
    code = write_table(view, NULL, make_rules(explanation), error);
    if (!code)
        code = write_table(view, "Meters of its host, where they stood when last booked",
                           make_counters(explanation), error);
    if (!code)
        code = write_table(view, "Meters of its site, what they read",
                           make_meters(explanation, unit, columns_of_meters), error);
    if (!code)
        code = write_table(view, "Largest flows", make_flows(view, explanation, unit), error);
    return code ? code : jb_view_gaps_text(view, explanation->gaps, explanation->gap_count, error);
}

enum jb_code jb_view_explanation(const struct jb_view *view, const struct jb_explanation *explanation,
                                 struct jb_error *error) {
    struct jb_unit unit = jb_unit_choose(explanation->commodity, explanation->inflow);
    if (view->form == JB_FORM_TEXT)
        return write_text(view, explanation, &unit, error);
    if (view->form == JB_FORM_JSON)
        return write_json(view, explanation, &unit, error);
    _cleanup_(jb_table_free_cleanup) struct jb_table *steps =
        make_steps(view, explanation, &unit, step_columns);
    enum jb_code code = jb_table_check(steps, error);
    if (!code)
        jb_table_write_csv(steps, view->out);
    return code;
}
