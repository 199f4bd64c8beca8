/* A balance as text, JSON or CSV. */
#include "report/view.h"

#include "base/cleanup.h"
#include "report/number.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What CSV gives, one figure a row; JSON has the same under names of their own. */
static const struct jb_column figure_columns[] = {
    {.key = "figure"}, {.key = "account"}, {.key = "commodity"}, {.key = "start"},   {.key = "end"},
    {.key = "amount"}, {.key = "unit"},    {.key = "inflow"},    {.key = "outflow"}, {.key = "reason"},
};

static const struct jb_column imbalance_columns[] = {
    {.key = "account", .title = "Account", .is_flexible = true},
    {.key = "commodity"},
    {.key = "start", .title = "From"},
    {.key = "end", .title = "To"},
    {.key = "inflow", .title = "In", .align = JB_RIGHT},
    {.key = "outflow", .title = "Out", .align = JB_RIGHT},
    {.key = "difference", .title = "In − out", .align = JB_RIGHT},
    {.key = "unit", .title = "Unit"},
};

static struct jb_table *make_imbalances(const struct jb_view *view, const struct jb_balance *balance) {
    struct jb_table *table = jb_table_make(imbalance_columns, JB_COUNT(imbalance_columns));
    char text[JB_COMMODITY_SIZE];
    for (size_t i = 0; table && i < balance->imbalance_count; i++) {
        const struct jb_imbalance *imbalance = &balance->imbalances[i];
        jb_table_text(table, jb_ledger_path(view->ledger, imbalance->account), NULL);
        jb_table_text(table, jb_commodity_format(imbalance->commodity, text), NULL);
        jb_table_time(table, imbalance->start_ns, NULL);
        jb_table_time(table, imbalance->end_ns, NULL);
        jb_table_amount(table, imbalance->inflow, NULL);
        jb_table_amount(table, imbalance->outflow, NULL);
        jb_table_amount(table, imbalance->inflow - imbalance->outflow, NULL);
        jb_table_text(table, jb_commodity_unit(imbalance->commodity, text),
                      imbalance->commodity == JB_ENERGY ? "µJ" : NULL);
    }
    return table;
}

static void add_energy(struct jb_table *table, const char *figure, jb_int128 amount_uj) {
    jb_table_text(table, figure, NULL);
    jb_table_null(table, NULL);
    jb_table_text(table, "energy", NULL);
    jb_table_null(table, NULL);
    jb_table_null(table, NULL);
    jb_table_amount(table, amount_uj, NULL);
    jb_table_text(table, "uJ", NULL);
    for (int i = 0; i < 3; i++)
        jb_table_null(table, NULL);
}

static enum jb_code write_csv(const struct jb_view *view, const struct jb_balance *balance,
                              struct jb_error *error) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *table =
        jb_table_make(figure_columns, JB_COUNT(figure_columns));
    char text[JB_COMMODITY_SIZE];
    if (!table)
        return jb_table_check(table, error);
    add_energy(table, "supplied", balance->energy_supplied_uj);
    add_energy(table, "consumed", balance->energy_consumed_uj);
    add_energy(table, "meter-variance", balance->energy_variance_uj);
    add_energy(table, "unattributed", balance->energy_unattributed_uj);
    for (size_t i = 0; i < balance->imbalance_count; i++) {
        const struct jb_imbalance *imbalance = &balance->imbalances[i];
        jb_table_text(table, "imbalance", NULL);
        jb_table_text(table, jb_ledger_path(view->ledger, imbalance->account), NULL);
        jb_table_text(table, jb_commodity_format(imbalance->commodity, text), NULL);
        jb_table_time(table, imbalance->start_ns, NULL);
        jb_table_time(table, imbalance->end_ns, NULL);
        jb_table_amount(table, imbalance->inflow - imbalance->outflow, NULL);
        jb_table_text(table, jb_commodity_unit(imbalance->commodity, text), NULL);
        jb_table_amount(table, imbalance->inflow, NULL);
        jb_table_amount(table, imbalance->outflow, NULL);
        jb_table_null(table, NULL);
    }
    for (size_t i = 0; i < balance->gap_count; i++) {
        jb_table_text(table, "gap", NULL);
        jb_table_text(table, jb_ledger_path(view->ledger, balance->gaps[i].account), NULL);
        jb_table_text(table, "energy", NULL);
        jb_table_time(table, balance->gaps[i].start_ns, NULL);
        jb_table_time(table, balance->gaps[i].end_ns, NULL);
        for (int c = 0; c < 4; c++)
            jb_table_null(table, NULL);
        jb_table_text(table, balance->gaps[i].reason, NULL);
    }
    enum jb_code code = jb_table_check(table, error);
    if (!code)
        jb_table_write_csv(table, view->out);
    return code;
}

static enum jb_code write_json(const struct jb_view *view, const struct jb_balance *balance,
                               struct jb_error *error) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *imbalances = make_imbalances(view, balance);
    _cleanup_(jb_table_free_cleanup) struct jb_table *gaps =
        jb_gap_table(view, balance->gaps, balance->gap_count);
    const struct {
        const char *key;
        jb_int128 amount;
    } figures[] = {{"energy_supplied_uj", balance->energy_supplied_uj},
                   {"energy_consumed_uj", balance->energy_consumed_uj},
                   {"energy_variance_uj", balance->energy_variance_uj},
                   {"energy_unattributed_uj", balance->energy_unattributed_uj}};
    const struct {
        const char *key;
        uint64_t count;
    } counts[] = {{"flow_count", balance->flow_count},
                  {"account_count", balance->account_count},
                  {"stretch_count", balance->stretch_count},
                  {"imbalance_count", balance->imbalance_total}};
    bool is_empty = balance->flow_count == 0;
    enum jb_code code = jb_table_check(imbalances, error);
    if (!code)
        code = jb_table_check(gaps, error);
    if (code)
        return code;
    struct jb_json json = jb_json_make(view->out);
    jb_json_object(&json);
    jb_json_key(&json, "balances");
    jb_json_boolean(&json, jb_balance_is_good(balance));
    jb_json_key(&json, "from");
    jb_json_time(&json, view->query.from_ns);
    jb_json_key(&json, "to");
    jb_json_time(&json, view->query.to_ns);
    jb_json_key(&json, "first");
    jb_json_time(&json, is_empty ? INT64_MIN : balance->first_ns);
    jb_json_key(&json, "last");
    jb_json_time(&json, is_empty ? INT64_MAX : balance->last_ns);
    for (size_t i = 0; i < JB_COUNT(counts); i++) {
        jb_json_key(&json, counts[i].key);
        jb_json_integer(&json, (int64_t)counts[i].count);
    }
    for (size_t i = 0; i < JB_COUNT(figures); i++) {
        jb_json_key(&json, figures[i].key);
        jb_json_amount(&json, figures[i].amount);
    }
    jb_json_key(&json, "imbalances");
    jb_table_write_json(imbalances, &json);
    jb_json_key(&json, "gaps");
    jb_table_write_json(gaps, &json);
    jb_json_end(&json, '}');
    jb_buffer_add_char(view->out, '\n');
    return JB_OK;
}

/* Exact figures, one below the other: a balance is no place for rounding. */
static enum jb_code write_figures(const struct jb_view *view, const struct jb_balance *balance,
                                  struct jb_error *error) {
    struct jb_unit unit = jb_unit_choose(JB_ENERGY, balance->energy_supplied_uj > balance->energy_consumed_uj
                                                        ? balance->energy_supplied_uj
                                                        : balance->energy_consumed_uj);
    const struct jb_column columns[] = {
        {.title = "Energy"},
        {.title = unit.name, .align = JB_POINT},
        {.title = "µJ, exact", .align = JB_RIGHT},
    };
    const struct {
        const char *name;
        jb_int128 amount;
    } figures[] = {{"supplied", balance->energy_supplied_uj},
                   {"consumed", balance->energy_consumed_uj},
                   {"  of it unattributed", balance->energy_unattributed_uj},
                   {"inner meters above the outer one", balance->energy_variance_uj}};
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    char text[JB_NUMBER_SIZE];
    for (size_t i = 0; table && i < JB_COUNT(figures); i++) {
        jb_table_text(table, figures[i].name, NULL);
        jb_table_null(table, jb_amount_format(&unit, figures[i].amount,
                                              jb_number_decimals(&unit, figures[i].amount, NAN, NAN), text));
        jb_table_amount(table, figures[i].amount, NULL);
    }
    enum jb_code code = jb_table_check(table, error);
    if (!code)
        jb_table_write_text(table, &view->layout, view->out);
    return code;
}

static enum jb_code write_text(const struct jb_view *view, const struct jb_balance *balance,
                               struct jb_error *error) {
    char period[JB_PERIOD_SIZE];
    if (balance->flow_count == 0) {
        jb_view_nothing(view, "");
        return jb_view_gaps_text(view, balance->gaps, balance->gap_count, error);
    }
    if (jb_balance_is_good(balance))
        jb_buffer_add_string(view->out,
                             "The book balances: in every account, what came in went out again.\n");
    else
        jb_buffer_printf(view->out, "The book does NOT balance: %" PRIu64 " imbalance%s.\n",
                         balance->imbalance_total, balance->imbalance_total > 1 ? "s" : "");
    jb_buffer_printf(view->out,
                     "\nChecked  %" PRIu64 " flow%s, %" PRIu64 " account%s, %" PRIu64 " stretch%s of time\n",
                     balance->flow_count, balance->flow_count == 1 ? "" : "s", balance->account_count,
                     balance->account_count == 1 ? "" : "s", balance->stretch_count,
                     balance->stretch_count == 1 ? "" : "es");
    jb_buffer_printf(view->out, "Period   %s\n\n",
                     jb_period_format(balance->first_ns, balance->last_ns, period));
    enum jb_code code = write_figures(view, balance, error);
    if (!code && balance->imbalance_count) {
        _cleanup_(jb_table_free_cleanup) struct jb_table *table = make_imbalances(view, balance);
        code = jb_table_check(table, error);
        if (code)
            return code;
        jb_buffer_add_string(view->out, "\nWhere it does not balance, the largest first:\n");
        jb_table_write_text(table, &view->layout, view->out);
        if (balance->imbalance_total > balance->imbalance_count)
            jb_buffer_printf(view->out, "… and %" PRIu64 " more\n",
                             balance->imbalance_total - balance->imbalance_count);
    }
    return code ? code : jb_view_gaps_text(view, balance->gaps, balance->gap_count, error);
}

enum jb_code jb_view_balance(const struct jb_view *view, const struct jb_balance *balance,
                             struct jb_error *error) {
    if (view->form == JB_FORM_JSON)
        return write_json(view, balance, error);
    return view->form == JB_FORM_CSV ? write_csv(view, balance, error) : write_text(view, balance, error);
}
