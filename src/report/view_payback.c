/* Whether a project pays back, as text, JSON or CSV. */
#include "report/view_payback.h"

#include "base/time.h"
#include "report/number.h"

#include <math.h>
#include <string.h>

static const struct jb_column worth_columns[] = {
    {.key = "worth"},           {.key = "unit"},        {.key = "pays"},
    {.key = "probability"},     {.key = "cost"},        {.key = "cost_low"},
    {.key = "cost_high"},       {.key = "saved"},       {.key = "saved_low"},
    {.key = "saved_high"},      {.key = "net"},         {.key = "net_low"},
    {.key = "net_high"},        {.key = "break_even"},  {.key = "break_even_low"},
    {.key = "break_even_high"}, {.key = "why_unknown"},
};
static const struct jb_column figure_columns[] = {
    {.title = ""},
    {.title = "Over its life"},
    {.title = "Median", .align = JB_POINT},
    {.title = "95 % interval", .align = JB_RIGHT},
};
static const struct jb_column even_columns[] = {
    {.title = ""},
    {.title = "Pays back", .align = JB_RIGHT},
    {.title = "Break-even"},
    {.title = "95 % interval"},
};
static const struct jb_column influence_columns[] = {
    {.key = "worth", .title = ""},
    {.key = "input", .title = "What matters most", .is_flexible = true},
    {.key = "unit"},
    {.key = "source"},
    {.key = "median"},
    {.key = "low"},
    {.key = "high"},
    {.title = "Value (95 %)", .align = JB_RIGHT},
    {.key = "first", .title = "Alone", .align = JB_POINT},
    {.key = "first_low"},
    {.key = "first_high"},
    {.key = "total", .title = "In all", .align = JB_POINT},
    {.key = "total_low"},
    {.key = "total_high"},
    {.key = "threshold"},
    {.key = "flips_when"},
    {.key = "flip_probability"},
    {.title = "The answer flips"},
};
static const struct jb_column item_columns[] = {
    {.key = "name", .title = "Mean over its life", .is_flexible = true},
    {.key = "side", .title = ""},
    {.key = "energy_kwh"},
    {.title = "Energy", .align = JB_RIGHT},
    {.key = "carbon_kg"},
    {.title = "Carbon", .align = JB_RIGHT},
    {.key = "money"},
    {.title = "Money", .align = JB_RIGHT},
};

/* How many of the ledger's units (µJ, µg, millionths) one kWh, kg or unit of money has. */
static const double ledger_sizes[JB_WORTH_COUNT] = {3.6e12, 1e9, 1e6};

static jb_commodity commodity_of(const struct jb_payback_model *model, enum jb_worth worth) {
    jb_commodity money = 0;
    if (worth == JB_WORTH_ENERGY)
        return JB_ENERGY;
    if (worth == JB_WORTH_CARBON)
        return JB_EMBODIED; /* for its units */
    (void)jb_commodity_parse(model->project->measures.currency, NULL, &money);
    return money;
}

const char *jb_payback_unit(const struct jb_payback_model *model, enum jb_worth worth) {
    return worth == JB_WORTH_ENERGY   ? "kWh"
           : worth == JB_WORTH_CARBON ? "kgCO2e"
                                      : model->project->measures.currency;
}

static jb_int128 in_ledger_units(double value, enum jb_worth worth) {
    return (jb_int128)fmin(fmax(value * ledger_sizes[worth], -1e36), 1e36);
}

/* Three significant digits, without an exponent where that reads well. Returns ret. */
static char *show_number(double value, bool is_percent, char ret[static JB_NUMBER_SIZE]) {
    double shown = is_percent ? 100 * value : value;
    double size = fabs(shown);
    int decimals = size == 0 ? 0 : 2 - (int)floor(log10(size) + 1e-9);
    const char *sign = is_percent ? " %" : "";
    if (size != 0 && (size < 1e-3 || size >= 1e6))
        (void)snprintf(ret, JB_NUMBER_SIZE, "%.3g%s", shown, sign);
    else
        (void)snprintf(ret, JB_NUMBER_SIZE, "%.*f%s", decimals < 0 ? 0 : decimals, shown, sign);
    return ret;
}

static char *show_probability(double probability, char ret[static JB_NUMBER_SIZE]) {
    if (probability > 0.994)
        (void)snprintf(ret, JB_NUMBER_SIZE, ">0.99");
    else if (probability < 0.006)
        (void)snprintf(ret, JB_NUMBER_SIZE, "<0.01");
    else
        (void)snprintf(ret, JB_NUMBER_SIZE, "%.2f", probability);
    return ret;
}

static int64_t moment_of(const struct jb_payback_model *model, double hours) {
    double ns = (double)model->project->start_ns + hours * 3.6e12;
    return ns >= 9.2e18 ? INT64_MAX : (int64_t)ns;
}

/* The day, or "not in its life". Returns ret. */
static char *show_day(const struct jb_payback_model *model, double hours, char ret[static JB_TIME_SIZE]) {
    if (!isfinite(hours))
        return strcpy(ret, "not in its life");
    jb_time_format(moment_of(model, hours), ret);
    ret[strcspn(ret, "T")] = '\0';
    return ret;
}

static void add_moment(struct jb_table *table, const struct jb_payback_model *model, double hours) {
    /* Whole seconds: break-even is interpolated, and not known better. */
    if (isfinite(hours))
        jb_table_time(table, moment_of(model, hours) / 1000000000 * 1000000000, NULL);
    else
        jb_table_null(table, NULL);
}

static void add_spread(struct jb_table *table, const struct jb_spread *spread) {
    jb_table_number(table, spread->median, NULL);
    jb_table_number(table, spread->low, NULL);
    jb_table_number(table, spread->high, NULL);
}

static void add_worth(struct jb_table *table, const struct jb_payback_model *model,
                      const struct jb_payback *payback, enum jb_worth worth) {
    const struct jb_payback_worth *result = &payback->worths[worth];
    jb_table_text(table, jb_worth_name(worth), NULL);
    jb_table_text(table, jb_payback_unit(model, worth), NULL);
    if (!result->is_known) {
        for (size_t i = 2; i + 1 < JB_COUNT(worth_columns); i++)
            jb_table_null(table, NULL);
        jb_table_text(table, model->unknown[worth], NULL);
        return;
    }
    jb_table_boolean(table, result->pays, NULL);
    jb_table_number(table, result->probability, NULL);
    add_spread(table, &result->cost);
    add_spread(table, &result->benefit);
    add_spread(table, &result->net);
    add_moment(table, model, result->even_h);
    add_moment(table, model, result->even_low_h);
    add_moment(table, model, result->even_high_h);
    jb_table_null(table, NULL);
}

static void add_figures(struct jb_table *table, const struct jb_payback_model *model,
                        const struct jb_payback *payback, enum jb_worth worth) {
    static const char *const names[] = {"cost", "saved", "net"};
    const struct jb_payback_worth *result = &payback->worths[worth];
    const struct jb_spread *const spreads[] = {&result->cost, &result->benefit, &result->net};
    double largest = 0;
    char title[64], amount[JB_NUMBER_SIZE], interval[JB_NUMBER_SIZE];
    if (!result->is_known)
        return;
    for (size_t i = 0; i < JB_COUNT(spreads); i++)
        largest = fmax(largest, fmax(fabs(spreads[i]->low), fabs(spreads[i]->high)));
    struct jb_unit unit = jb_unit_choose(commodity_of(model, worth), in_ledger_units(largest, worth));
    (void)snprintf(title, sizeof title, "%s (%s)", jb_worth_name(worth), unit.name);
    for (size_t i = 0; i < JB_COUNT(spreads); i++) {
        double size = ledger_sizes[worth], low = spreads[i]->low * size, high = spreads[i]->high * size;
        bool is_fixed = !(high > low);
        double slack = is_fixed ? 0.005 * fabs(low) : 0;
        jb_int128 median = in_ledger_units(spreads[i]->median, worth);
        int decimals = jb_number_decimals(&unit, median, low - slack, high + slack);
        jb_table_text(table, i == 0 ? title : "", NULL);
        jb_table_text(table, names[i], NULL);
        jb_table_text(table, jb_amount_format(&unit, median, decimals, amount), NULL);
        jb_table_text(table, is_fixed ? "known" : jb_interval_format(&unit, low, high, decimals, interval),
                      NULL);
    }
}

char *jb_payback_worth_format(const struct jb_payback_model *model, const struct jb_payback *payback,
                              enum jb_worth worth, char ret[static 256]) {
    const struct jb_payback_worth *result = &payback->worths[worth];
    const struct jb_spread *net = &result->net;
    double size = ledger_sizes[worth], low = net->low * size, high = net->high * size;
    double largest = fmax(fabs(net->median), fmax(fabs(net->low), fabs(net->high)));
    bool is_fixed = !(high > low);
    double slack = is_fixed ? 0.005 * fabs(low) : 0;
    jb_int128 median = in_ledger_units(net->median, worth);
    struct jb_unit unit = jb_unit_choose(commodity_of(model, worth), in_ledger_units(largest, worth));
    char probability[JB_NUMBER_SIZE], amount[JB_NUMBER_SIZE], interval[JB_NUMBER_SIZE], day[JB_TIME_SIZE];
    int decimals = jb_number_decimals(&unit, median, low - slack, high + slack);
    (void)snprintf(ret, 256, "probability %s; saved less cost over its life %s %s (%s); break-even %s",
                   show_probability(result->probability, probability),
                   jb_amount_format(&unit, median, decimals, amount), unit.name,
                   is_fixed ? "known" : jb_interval_format(&unit, low, high, decimals, interval),
                   show_day(model, result->even_h, day));
    return ret;
}

static void add_even(struct jb_table *table, const struct jb_payback_model *model,
                     const struct jb_payback *payback, enum jb_worth worth) {
    const struct jb_payback_worth *result = &payback->worths[worth];
    char text[JB_NUMBER_SIZE], day[JB_TIME_SIZE], last[JB_TIME_SIZE], interval[2 * JB_TIME_SIZE + 8];
    jb_table_text(table, jb_worth_name(worth), NULL);
    if (!result->is_known) {
        jb_table_text(table, "not known", NULL);
        jb_table_text(table, "", NULL);
        jb_table_text(table, "", NULL);
        return;
    }
    jb_table_text(table, show_probability(result->probability, text), NULL);
    jb_table_text(table, show_day(model, result->even_h, day), NULL);
    show_day(model, result->even_low_h, day);
    show_day(model, result->even_high_h, last);
    if (strcmp(day, last) == 0)
        (void)snprintf(interval, sizeof interval, "%s", day);
    else
        (void)snprintf(interval, sizeof interval, "%s – %s", day, last);
    jb_table_text(table, interval, NULL);
}

static void show_flip(const struct jb_influence *influence, const struct jb_uncertain *input, char *ret,
                      size_t size) {
    char threshold[JB_NUMBER_SIZE], probability[JB_NUMBER_SIZE];
    if (influence->has_threshold)
        (void)snprintf(ret, size, "%s %s%s%s (probability %s)", influence->is_above ? "above" : "below",
                       show_number(influence->threshold, input->is_percent, threshold),
                       *input->unit ? " " : "", input->unit,
                       show_probability(influence->probability, probability));
    else
        (void)snprintf(ret, size, "at no value of it alone");
}

static void add_influence(struct jb_table *table, const struct jb_payback_model *model, enum jb_worth worth,
                          const struct jb_influence *influence, bool is_first) {
    const struct jb_uncertain *input = &model->project->inputs.items[influence->input];
    char low_text[JB_NUMBER_SIZE], high_text[JB_NUMBER_SIZE], text[512];
    double low, high;
    jb_distribution_interval(&input->distribution, &low, &high);
    jb_table_text(table, jb_worth_name(worth), is_first ? NULL : "");
    jb_table_text(table, input->name, NULL);
    jb_table_text(table, input->unit, NULL);
    jb_table_text(table, input->source, NULL);
    jb_table_number(table, jb_distribution_median(&input->distribution), NULL);
    jb_table_number(table, low, NULL);
    jb_table_number(table, high, NULL);
    (void)snprintf(text, sizeof text, "%s – %s%s%s", show_number(low, input->is_percent, low_text),
                   show_number(high, input->is_percent, high_text), *input->unit ? " " : "", input->unit);
    jb_table_null(table, text);
    jb_table_number(table, influence->first, show_probability(influence->first, low_text));
    jb_table_number(table, influence->first_low, NULL);
    jb_table_number(table, influence->first_high, NULL);
    jb_table_number(table, influence->total, show_probability(influence->total, low_text));
    jb_table_number(table, influence->total_low, NULL);
    jb_table_number(table, influence->total_high, NULL);
    show_flip(influence, input, text, sizeof text);
    if (influence->has_threshold) {
        jb_table_number(table, influence->threshold, NULL);
        jb_table_text(table, influence->is_above ? "above" : "below", NULL);
        jb_table_number(table, influence->probability, NULL);
    } else {
        for (int i = 0; i < 3; i++)
            jb_table_null(table, NULL);
    }
    jb_table_null(table, text);
}

static void add_item(struct jb_table *table, const struct jb_payback_model *model,
                     const struct jb_payback *payback, size_t item) {
    const struct jb_project_item *stated = &model->project->items[item];
    jb_table_text(table, stated->name, NULL);
    jb_table_text(table, stated->is_benefit ? "saved" : "cost", NULL);
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        char text[JB_NUMBER_SIZE];
        double mean = payback->item_means[item * JB_WORTH_COUNT + (size_t)worth], size = ledger_sizes[worth];
        jb_table_number(table, mean, NULL);
        if (isnan(mean))
            jb_table_null(table, "not known");
        else if (mean == 0)
            jb_table_null(table, "–");
        else
            jb_table_null(table, jb_amount_alone(commodity_of(model, (enum jb_worth)worth),
                                                 in_ledger_units(mean, (enum jb_worth)worth),
                                                 mean * size - 0.005 * fabs(mean) * size,
                                                 mean * size + 0.005 * fabs(mean) * size, text));
    }
}

struct tables {
    struct jb_table *worths, *figures, *evens, *influences, *items;
};

static void free_tables(struct tables *tables) {
    jb_table_free(tables->worths);
    jb_table_free(tables->figures);
    jb_table_free(tables->evens);
    jb_table_free(tables->influences);
    jb_table_free(tables->items);
}

static enum jb_code fill_tables(const struct jb_payback_model *model, const struct jb_payback *payback,
                                struct jb_error *error, struct tables *tables) {
    tables->worths = jb_table_make(worth_columns, JB_COUNT(worth_columns));
    tables->figures = jb_table_make(figure_columns, JB_COUNT(figure_columns));
    tables->evens = jb_table_make(even_columns, JB_COUNT(even_columns));
    tables->influences = jb_table_make(influence_columns, JB_COUNT(influence_columns));
    tables->items = jb_table_make(item_columns, JB_COUNT(item_columns));
    if (!tables->worths || !tables->figures || !tables->evens || !tables->influences || !tables->items)
        return jb_error_set(error, JB_MEMORY, "no memory for the tables");
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        const struct jb_payback_worth *result = &payback->worths[worth];
        add_worth(tables->worths, model, payback, (enum jb_worth)worth);
        add_figures(tables->figures, model, payback, (enum jb_worth)worth);
        add_even(tables->evens, model, payback, (enum jb_worth)worth);
        for (size_t i = 0; i < result->leading_count; i++)
            add_influence(tables->influences, model, (enum jb_worth)worth, &result->leading[i], i == 0);
    }
    for (size_t i = 0; i < payback->item_count; i++)
        add_item(tables->items, model, payback, i);
    struct jb_table *const all[] = {tables->worths, tables->figures, tables->evens, tables->influences,
                                    tables->items};
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < JB_COUNT(all) && !code; i++)
        code = jb_table_check(all[i], error);
    return code;
}

static const char *project_name(const struct jb_payback_model *model) {
    return model->project->name ? model->project->name : model->project->file;
}

static void write_text(const struct jb_layout *layout, const struct jb_payback_model *model,
                       const struct jb_payback *payback, const struct tables *tables, struct jb_buffer *out) {
    char verdict[JB_VERDICT_SIZE], from[JB_TIME_SIZE], to[JB_TIME_SIZE], shown[512];
    jb_buffer_printf(out, "%s\n%s – %s, %u draws, seed %llu\n\n%s\n\n",
                     jb_text_display(project_name(model), shown, sizeof shown), show_day(model, 0, from),
                     show_day(model, model->project->life_h, to), payback->draw_count,
                     (unsigned long long)payback->seed, jb_payback_verdict(payback, verdict));
    jb_table_write_text(tables->evens, layout, out);
    if (jb_table_row_count(tables->figures)) {
        jb_buffer_add_char(out, '\n');
        jb_table_write_text(tables->figures, layout, out);
    }
    if (jb_table_row_count(tables->influences)) {
        jb_buffer_add_char(out, '\n');
        jb_table_write_text(tables->influences, layout, out);
    }
    jb_buffer_add_char(out, '\n');
    jb_table_write_text(tables->items, layout, out);
    bool is_first = true;
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        if (!*model->unknown[worth])
            continue;
        jb_buffer_printf(out, "%sNot known in %s: %s\n", is_first ? "\n" : "",
                         jb_worth_name((enum jb_worth)worth),
                         jb_text_display(model->unknown[worth], shown, sizeof shown));
        is_first = false;
    }
    for (size_t i = 0; i < model->note_count; i++)
        jb_buffer_printf(out, "%s%s\n", i == 0 ? "\nTaken from\n  " : "  ",
                         jb_text_display(model->notes[i], shown, sizeof shown));
}

static void write_json(const struct jb_payback_model *model, const struct jb_payback *payback,
                       const struct tables *tables, struct jb_buffer *out) {
    char verdict[JB_VERDICT_SIZE], from[JB_TIME_SIZE], to[JB_TIME_SIZE];
    struct jb_json json = jb_json_make(out);
    jb_json_object(&json);
    jb_json_key(&json, "project");
    jb_json_string(&json, project_name(model));
    jb_json_key(&json, "from");
    jb_json_string(&json, jb_time_format(model->project->start_ns, from));
    jb_json_key(&json, "to");
    jb_json_string(&json, jb_time_format(moment_of(model, model->project->life_h), to));
    jb_json_key(&json, "currency");
    jb_json_string(&json, model->project->measures.currency);
    jb_json_key(&json, "draws");
    jb_json_integer(&json, payback->draw_count);
    jb_json_key(&json, "seed");
    jb_json_amount(&json, (jb_int128)payback->seed);
    jb_json_key(&json, "verdict");
    jb_json_string(&json, jb_payback_verdict(payback, verdict));
    jb_json_key(&json, "worths");
    jb_table_write_json(tables->worths, &json);
    jb_json_key(&json, "leading");
    jb_table_write_json(tables->influences, &json);
    jb_json_key(&json, "items");
    jb_table_write_json(tables->items, &json);
    jb_json_key(&json, "notes");
    jb_json_array(&json);
    for (size_t i = 0; i < model->note_count; i++)
        jb_json_string(&json, model->notes[i]);
    jb_json_end(&json, ']');
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
}

enum jb_code jb_view_payback(enum jb_form form, const struct jb_layout *layout,
                             const struct jb_payback_model *model, const struct jb_payback *payback,
                             struct jb_error *error, struct jb_buffer *out) {
    _cleanup_(free_tables) struct tables tables = {0};
    enum jb_code code = fill_tables(model, payback, error, &tables);
    if (code)
        return code;
    if (form == JB_FORM_CSV)
        jb_table_write_csv(tables.worths, out);
    else if (form == JB_FORM_JSON)
        write_json(model, payback, &tables, out);
    else
        write_text(layout, model, payback, &tables, out);
    return jb_buffer_check(out, error);
}
