/* A figure of a statement taken apart: formula, inputs with their sources, and what each adds to its
 * uncertainty. */
#include "report/view.h"

#include "base/cleanup.h"
#include "base/time.h"
#include "report/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ACCOUNT_CEILING 100 /* that are listed */

static const char *const kind_names[] = {[JB_INPUT_FACTOR] = "factor",
                                         [JB_INPUT_DECLARED] = "declared",
                                         [JB_INPUT_SERIES] = "series",
                                         [JB_INPUT_METER] = "meter"};

/* "2025-01-01 – 2025-12-31", "" where it is open. */
static void format_validity(const struct jb_input *input, char *ret, size_t size) {
    char from[JB_TIME_SIZE] = "", until[JB_TIME_SIZE] = "";
    if (input->from_ns != INT64_MIN)
        jb_time_format(input->from_ns, from);
    if (input->until_ns != INT64_MAX)
        jb_time_format(input->until_ns, until);
    snprintf(ret, size, "%.10s%s%.10s", from, *from || *until ? " – " : "", until);
}

static void add_input(struct jb_table *table, const struct jb_input *input,
                      const struct jb_contribution *part, double variance, const struct jb_unit *unit) {
    char value[64] = "", uncertainty[32] = "", source[700], moves[JB_NUMBER_SIZE], adds[JB_NUMBER_SIZE + 8],
         share[JB_NUMBER_SIZE], validity[64];
    double of_variance = variance > 0 ? part->standard * part->standard / variance : NAN;
    bool is_ratio = strcmp(input->unit, "1") == 0;
    if (isfinite(input->value))
        snprintf(value, sizeof value, "%.6g%s%s", input->value, is_ratio ? "" : " ",
                 is_ratio ? "" : input->unit);
    else if (input->kind != JB_INPUT_METER)
        snprintf(value, sizeof value, "varies");
    if (isfinite(input->uncertainty))
        snprintf(uncertainty, sizeof uncertainty, "%.2g %%", input->uncertainty * 100);
    else if (input->kind != JB_INPUT_METER)
        snprintf(uncertainty, sizeof uncertainty, "unknown");
    snprintf(source, sizeof source, "%s%s%s%s%s%s", input->source, *input->set ? " (" : "", input->set,
             *input->version ? " " : "", input->version, *input->set ? ")" : "");
    snprintf(moves, sizeof moves, "%.4g", part->moves / unit->size);
    if (isnan(part->standard))
        snprintf(adds, sizeof adds, "unknown");
    else
        snprintf(adds, sizeof adds, "±%.2g", fabs(part->standard) / unit->size);
    format_validity(input, validity, sizeof validity);
    jb_table_text(table, kind_names[input->kind], NULL);
    jb_table_text(table, input->symbol, NULL);
    jb_table_text(table, input->name, NULL);
    jb_table_number(table, input->value, value);
    jb_table_text(table, input->unit, NULL);
    jb_table_number(table, input->uncertainty, uncertainty);
    jb_table_whole(table, part->moves, moves);
    jb_table_whole(table, fabs(part->standard), adds);
    jb_table_number(table, of_variance, jb_share_format(of_variance, share));
    for (int end = 0; end < 2; end++) {
        int64_t ns = end ? input->until_ns : input->from_ns;
        if (ns == INT64_MIN || ns == INT64_MAX)
            jb_table_null(table, NULL);
        else
            jb_table_time(table, ns, NULL);
    }
    jb_table_null(table, validity);
    jb_table_text(table, input->set, NULL);
    jb_table_text(table, input->version, NULL);
    jb_table_integer(table, input->line, NULL);
    jb_table_text(table, input->source, source);
    jb_table_boolean(table, input->is_earlier, NULL);
    jb_table_boolean(table, input->is_fleet, NULL);
}

static enum jb_code make_inputs(const struct jb_figure_view *view, const struct jb_unit *unit,
                                struct jb_error *error, struct jb_table **ret_table) {
    static const struct jb_column columns[] = {
        {.key = "kind"},
        {.key = "symbol", .title = "Symbol"},
        {.key = "name", .title = "Input", .is_flexible = true},
        {.key = "value", .title = "Value", .align = JB_RIGHT},
        {.key = "unit"},
        {.key = "uncertainty", .title = "1 σ", .align = JB_RIGHT},
        {.key = "moves", .title = "Moves", .align = JB_RIGHT},
        {.key = "standard", .title = "Adds", .align = JB_RIGHT},
        {.key = "variance_share", .title = "Of variance", .align = JB_RIGHT},
        {.key = "from"},
        {.key = "until"},
        {.title = "Valid"},
        {.key = "set"},
        {.key = "version"},
        {.key = "line"},
        {.key = "source", .title = "Source", .is_flexible = true},
        {.key = "earlier"},
        {.key = "fleet"},
    };
    _cleanup_free_ struct jb_contribution *parts = NULL;
    size_t count = 0;
    const struct jb_input *inputs;
    double variance = view->figure->standard * view->figure->standard;
    enum jb_code code = jb_valuation_contributions(view->valuation, view->figure, error, &parts, &count);
    if (code)
        return code;
    jb_valuation_inputs(view->valuation, &inputs);
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++)
        add_input(table, &inputs[parts[i].input], &parts[i], variance, unit);
    code = jb_table_check(table, error);
    if (!code)
        *ret_table = JB_TAKE(table);
    return code;
}

static enum jb_code make_accounts(const struct jb_view *view, const struct jb_figure_view *figure,
                                  const struct jb_unit *unit, struct jb_error *error,
                                  struct jb_table **ret_table) {
    static const struct jb_column columns[] = {
        {.key = "account", .title = "Made of", .is_flexible = true},
        {.key = "site", .title = "Site"},
        {.key = "energy_uj", .title = "Energy", .align = JB_RIGHT},
        {.key = "amount", .title = "Amount", .align = JB_RIGHT},
        {.key = "share", .title = "Share", .align = JB_POINT},
    };
    _cleanup_free_ struct jb_value_account *accounts = NULL;
    size_t count = 0;
    enum jb_code code = jb_valuation_accounts(figure->valuation, figure->figure, error, &accounts, &count);
    if (code)
        return code;
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count && i < ACCOUNT_CEILING; i++) {
        const struct jb_value_account *account = &accounts[i];
        char energy[JB_NUMBER_SIZE], amount[JB_NUMBER_SIZE], shown[JB_NUMBER_SIZE + 24],
            share_text[JB_NUMBER_SIZE];
        double share =
            figure->figure->amount != 0 ? (double)account->amount / (double)figure->figure->amount : NAN;
        jb_int128 energy_uj = (jb_int128)nearbyint(account->energy_uj);
        jb_amount_format(unit, account->amount, jb_number_decimals(unit, account->amount, NAN, NAN), amount);
        snprintf(shown, sizeof shown, "%s %s", amount, unit->name);
        jb_table_text(table, jb_ledger_path(view->ledger, account->account), NULL);
        jb_table_text(table, account->site, NULL);
        jb_table_amount(table, energy_uj, jb_amount_alone(JB_ENERGY, energy_uj, NAN, NAN, energy));
        jb_table_amount(table, account->amount, shown);
        jb_table_number(table, share, jb_share_format(share, share_text));
    }
    code = jb_table_check(table, error);
    if (!code)
        *ret_table = JB_TAKE(table);
    return code;
}

static void write_notes(const struct jb_figure_view *figure, struct jb_json *json) {
    const char *const *notes;
    size_t count = jb_valuation_notes(figure->valuation, &notes);
    jb_json_key(json, "notes");
    jb_json_array(json);
    for (size_t i = 0; i < count; i++)
        jb_json_string(json, notes[i]);
    jb_json_end(json, ']');
}

static void write_number(struct jb_json *json, const char *key, double value) {
    jb_json_key(json, key);
    jb_json_number(json, value);
}

static void write_string(struct jb_json *json, const char *key, const char *text) {
    jb_json_key(json, key);
    jb_json_string(json, text);
}

static void write_json(const struct jb_view *view, const struct jb_figure_view *figure,
                       const struct jb_table *inputs, const struct jb_table *accounts) {
    const struct jb_figure *it = figure->figure;
    const struct jb_column_info *info = jb_column_info(it->column);
    struct jb_value_energy energy = jb_valuation_energy(figure->valuation, it->group);
    struct jb_sci sci = jb_valuation_sci(figure->valuation, it->group);
    char unit[JB_COMMODITY_SIZE];
    struct jb_json json = jb_json_make(view->out);
    jb_json_object(&json);
    write_string(&json, "figure", info->name);
    write_string(&json, "of", figure->of);
    jb_json_key(&json, "from");
    jb_json_time(&json, view->query.from_ns);
    jb_json_key(&json, "to");
    jb_json_time(&json, view->query.to_ns);
    jb_json_key(&json, "amount");
    jb_json_amount(&json, it->amount);
    write_string(&json, "amount_unit", jb_commodity_unit(it->commodity, unit));
    write_number(&json, "low", nearbyint(it->low));
    write_number(&json, "high", nearbyint(it->high));
    write_number(&json, "coverage", it->coverage);
    for (int m = 0; m < JB_METHOD_COUNT; m++) {
        jb_json_key(&json, jb_method_name((enum jb_method)m));
        jb_json_amount(&json, it->by_method[m]);
    }
    write_string(&json, "formula", info->formula);
    write_string(&json, "standard", info->standard);
    write_number(&json, "energy_metered_uj", nearbyint(energy.metered_uj));
    write_number(&json, "energy_drawn_uj", nearbyint(energy.drawn_uj));
    write_number(&json, "matched_by_volume_uj", nearbyint(energy.matched_volume_uj));
    write_number(&json, "matched_by_hour_uj", nearbyint(energy.matched_hourly_uj));
    write_string(&json, "unit", figure->unit);
    write_number(&json, "units", figure->unit ? sci.amount : NAN);
    write_number(&json, "sci_ug", figure->unit ? sci.value : NAN);
    jb_json_key(&json, "inputs");
    jb_table_write_json(inputs, &json);
    jb_json_key(&json, "accounts");
    jb_table_write_json(accounts, &json);
    write_notes(figure, &json);
    write_string(&json, "basis", figure->basis->sha256);
    jb_json_end(&json, '}');
    jb_buffer_add_char(view->out, '\n');
}

static void write_head(const struct jb_view *view, const struct jb_figure_view *figure,
                       const struct jb_unit *unit) {
    const struct jb_figure *it = figure->figure;
    const struct jb_column_info *info = jb_column_info(it->column);
    struct jb_value_energy energy = jb_valuation_energy(figure->valuation, it->group);
    char amount[JB_NUMBER_SIZE], interval[JB_NUMBER_SIZE], share[JB_NUMBER_SIZE], drawn[JB_NUMBER_SIZE],
        name[JB_ACCOUNT_SIZE];
    int decimals = jb_number_decimals(unit, it->amount, it->low, it->high);
    jb_buffer_printf(view->out, "%s of %s\n\n", info->name, jb_text_display(figure->of, name, sizeof name));
    jb_buffer_printf(view->out, "Amount   %s %s\n", jb_amount_format(unit, it->amount, decimals, amount),
                     unit->name);
    jb_interval_format(unit, it->low, it->high, decimals, interval);
    jb_buffer_printf(view->out, "95 %%     %s%s%s\n", interval, isfinite(it->low) ? " " : "",
                     isfinite(it->low) ? unit->name : "");
    jb_buffer_add_string(view->out, "Method  ");
    for (int m = 0; m < JB_METHOD_COUNT; m++) {
        if (it->by_method[m] != 0 && it->amount != 0)
            jb_buffer_printf(view->out, " %s %s", jb_method_name((enum jb_method)m),
                             jb_share_format((double)it->by_method[m] / (double)it->amount, share));
    }
    jb_buffer_printf(view->out, "\nFormula  %s\nStandard %s\n", info->formula, info->standard);
    jb_buffer_printf(view->out, "Energy   E %s metered",
                     jb_amount_alone(JB_ENERGY, (jb_int128)nearbyint(energy.metered_uj), NAN, NAN, amount));
    jb_buffer_printf(view->out, ", %s drawn with overhead",
                     jb_amount_alone(JB_ENERGY, (jb_int128)nearbyint(energy.drawn_uj), NAN, NAN, drawn));
    if (isfinite(it->coverage))
        jb_buffer_printf(view->out, "; the inputs are known for %s of it",
                         jb_share_format(it->coverage, share));
    jb_buffer_add_char(view->out, '\n');
    if (energy.drawn_uj > 0 && energy.matched_volume_uj > 0)
        jb_buffer_printf(view->out, "Matched  x %s by volume within the year, %s within the hour\n",
                         jb_share_format(energy.matched_volume_uj / energy.drawn_uj, share),
                         jb_share_format(energy.matched_hourly_uj / energy.drawn_uj, drawn));
    if (figure->unit) {
        struct jb_sci sci = jb_valuation_sci(figure->valuation, it->group);
        jb_buffer_printf(view->out, "SCI      %.4g g CO2e per %s: (E·I + M) ÷ R with R = %.10g\n",
                         sci.value / 1e6, figure->unit, sci.amount);
    }
}

static enum jb_code write_text(const struct jb_view *view, const struct jb_figure_view *figure,
                               const struct jb_unit *unit, const struct jb_table *inputs,
                               const struct jb_table *accounts, struct jb_error *error) {
    const char *const *notes;
    write_head(view, figure, unit);
    if (jb_table_row_count(inputs)) {
        jb_buffer_printf(view->out,
                         "\nInputs; Moves and Adds in %s: what of the figure goes with it, and one standard "
                         "uncertainty\n",
                         unit->name);
        jb_table_write_text(inputs, &view->layout, view->out);
    }
    if (jb_table_row_count(accounts)) {
        jb_buffer_add_char(view->out, '\n');
        jb_table_write_text(accounts, &view->layout, view->out);
    }
    size_t count = jb_valuation_notes(figure->valuation, &notes);
    for (size_t i = 0; i < count; i++)
        jb_buffer_printf(view->out, "%s- %s\n", i ? "" : "\nTo be known beside the figure\n", notes[i]);
    jb_buffer_printf(view->out, "\nBasis %.12s: %zu factor tables (%.12s) and %s (%.12s)\n",
                     figure->basis->sha256, figure->basis->set_count, figure->basis->factors_sha256,
                     figure->basis->setting_file, figure->basis->setting_sha256);
    if (!figure->energy) {
        jb_buffer_add_string(
            view->out,
            "`joulebook explain ACCOUNT` takes the energy of an account apart to meter readings.\n");
        return JB_OK;
    }
    jb_buffer_add_string(view->out, "\nIts energy: ");
    return jb_view_explanation(view, figure->energy, error);
}

enum jb_code jb_view_figure(const struct jb_view *view, const struct jb_figure_view *figure,
                            struct jb_error *error) {
    struct jb_unit unit = jb_unit_choose(figure->figure->commodity, figure->figure->amount);
    _cleanup_(jb_table_free_cleanup) struct jb_table *inputs = NULL, *accounts = NULL;
    enum jb_code code = make_inputs(figure, &unit, error, &inputs);
    if (!code)
        code = make_accounts(view, figure, &unit, error, &accounts);
    if (code)
        return code;
    if (view->form == JB_FORM_TEXT)
        return write_text(view, figure, &unit, inputs, accounts, error);
    if (view->form == JB_FORM_JSON)
        write_json(view, figure, inputs, accounts);
    else
        jb_table_write_csv(inputs, view->out);
    return JB_OK;
}
