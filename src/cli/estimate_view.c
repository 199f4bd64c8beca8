/* Estimates as text, JSON or CSV. */
#include "cli/estimate_view.h"

#include "report/number.h"

#include <math.h>
#include <string.h>

#define FIGURE_CEILING 24
#define COMPARED_UNITS 1e6

static const char *const unit_names[] = {"request", "image", "video", "run"};

/* One line of what is told of a model. */
struct line {
    const char *figure, *scope, *unit;
    double value, low, high; /* NaN: not known, or of low and high: has none */
    const char *lacks;       /* why it is not known; "" */
};

struct lines {
    struct line items[FIGURE_CEILING];
    size_t count;
};

static void add(struct lines *lines, const char *figure, const char *scope, const char *unit, double value) {
    if (lines->count < FIGURE_CEILING)
        lines->items[lines->count++] = (struct line){figure, scope, unit, value, NAN, NAN, ""};
}

static void add_figure(struct lines *lines, const char *name, const char *scope, const char *unit,
                       const struct jb_figure *figure) {
    if (lines->count < FIGURE_CEILING)
        lines->items[lines->count++] =
            (struct line){name, scope, unit, figure->value, figure->low, figure->high, figure->lacks};
}

static struct lines lines_of(const struct jb_estimate_view *view, const struct jb_estimated *model) {
    const struct jb_energy *energy = &model->estimate.energy;
    const struct jb_footprint *footprint = &model->footprint;
    struct lines lines = {.count = 0};
    add_figure(&lines, "energy", "gpu", "J", &footprint->accelerator_j);
    add_figure(&lines, "energy", "server", "J", &footprint->server_j);
    add_figure(&lines, "energy", "facility", "J", &footprint->facility_j);
    if (energy->per_token_j > 0) {
        double share = 1 / energy->energy_j * energy->per_token_j;
        add(&lines, "energy_per_token", "gpu", "J", energy->per_token_j);
        lines.items[lines.count - 1].low = energy->low_j * share;
        lines.items[lines.count - 1].high = energy->high_j * share;
    }
    if (model->estimate.kind == JB_TASK_TEXT) {
        add(&lines, "energy_prefill", "gpu", "J", energy->prefill_j);
        add(&lines, "energy_decode", "gpu", "J", energy->decode_j);
    }
    add_figure(&lines, "carbon", "facility", "gCO2e", &footprint->carbon_g);
    add_figure(&lines, "water", "facility", "l", &footprint->water_l);
    if (*view->currency)
        add_figure(&lines, "money", "facility", view->currency, &footprint->money);
    add(&lines, "latency", "gpu", "s", energy->latency_s);
    if (model->estimate.kind == JB_TASK_TEXT) {
        add(&lines, "first_token", "gpu", "s", energy->first_token_s);
        add(&lines, "between_tokens", "gpu", "s", energy->between_tokens_s);
    }
    add(&lines, "throughput", "gpu", "1/s", energy->units_per_s);
    if (energy->tokens_per_s > 0)
        add(&lines, "tokens_per_s", "gpu", "1/s", energy->tokens_per_s);
    add(&lines, "power", "gpu", "W", energy->power_w);
    add(&lines, "gpu_hours", "gpu", "h", model->estimate.accelerator_h);
    add(&lines, "memory_per_gpu", "gpu", "B", energy->memory_bytes);
    return lines;
}

/* ---- text ---- */

/* Three significant digits. Returns ret. */
static char *show(double value, char ret[static JB_NUMBER_SIZE]) {
    double size = fabs(value);
    int decimals = size > 0 ? 2 - (int)floor(log10(size) + 1e-9) : 0;
    if (size != 0 && (size < 1e-4 || size >= 1e7))
        (void)snprintf(ret, JB_NUMBER_SIZE, "%.3g", value);
    else
        (void)snprintf(ret, JB_NUMBER_SIZE, "%.*f", decimals < 0 ? 0 : decimals > 6 ? 6 : decimals, value);
    return ret;
}

/* A figure in the unit that reads best; scale: of the value's own unit. */
struct scale {
    const char *name;
    double size;
};
static struct scale scale_of(const char *unit, double value) {
    static const struct {
        const char *unit, *name;
        double size, until;
    } scales[] = {
        {"J", "J", 1, 100},
        {"J", "Wh", 3.6e3, 3.6e6},
        {"J", "kWh", 3.6e6, 3.6e9},
        {"J", "MWh", 3.6e9, 3.6e12},
        {"J", "GWh", 3.6e12, 1e300},
        {"gCO2e", "mg CO2e", 1e-3, 1},
        {"gCO2e", "g CO2e", 1, 1e3},
        {"gCO2e", "kg CO2e", 1e3, 1e6},
        {"gCO2e", "t CO2e", 1e6, 1e300},
        {"l", "ml", 1e-3, 1},
        {"l", "l", 1, 1e4},
        {"l", "m3", 1e3, 1e300},
        {"s", "ms", 1e-3, 1},
        {"s", "s", 1, 600},
        {"s", "h", 3600, 1e300},
        {"B", "GB", 1e9, 1e300},
        {"W", "W", 1, 1e4},
        {"W", "kW", 1e3, 1e300},
    };
    for (size_t i = 0; i < JB_COUNT(scales); i++) {
        if (strcmp(scales[i].unit, unit) == 0 && value < scales[i].until)
            return (struct scale){scales[i].name, scales[i].size};
    }
    return (struct scale){unit, 1};
}

static const char *title_of(const struct line *line, const char *unit, char *ret, size_t size) {
    static const struct {
        const char *figure, *title;
    } titles[] = {
        {"energy", ""},
        {"energy_per_token", "  a token"},
        {"energy_prefill", "  of it prefill"},
        {"energy_decode", "  of it decode"},
        {"carbon", "Carbon"},
        {"water", "Water"},
        {"money", "Money"},
        {"latency", "Latency"},
        {"first_token", "  to the first token"},
        {"between_tokens", "  from token to token"},
        {"throughput", ""},
        {"tokens_per_s", "Tokens"},
        {"power", "Power"},
        {"gpu_hours", "GPU hours"},
        {"memory_per_gpu", "Memory of each GPU"},
    };
    for (size_t i = 0; i < JB_COUNT(titles); i++) {
        if (strcmp(titles[i].figure, line->figure) != 0)
            continue;
        if (i == 0)
            (void)snprintf(ret, size, "Energy of %s %s", unit[0] == 'i' ? "an" : "a", unit);
        else if (strcmp(line->figure, "throughput") == 0)
            (void)snprintf(ret, size, "%c%ss", unit[0] - 'a' + 'A', unit + 1);
        else
            (void)snprintf(ret, size, "%s", titles[i].title);
    }
    return ret;
}

/* Energies of one table are in one unit, but for that of a token; money of what is cheap is told by the
 * million. */
static struct scale scale_of_line(const struct line *line, double energy_j) {
    if (strcmp(line->figure, "energy_per_token") != 0 && strncmp(line->figure, "energy", 6) == 0)
        return scale_of(line->unit, energy_j);
    return scale_of(line->unit, line->value);
}

static void add_text_line(struct jb_table *table, const struct line *line, const char *unit,
                          double energy_j) {
    char title[64], value[JB_NUMBER_SIZE], low[JB_NUMBER_SIZE], high[JB_NUMBER_SIZE],
        text[3 * JB_NUMBER_SIZE];
    char by_million[32];
    struct scale scale = scale_of_line(line, energy_j);
    bool is_rate = strcmp(line->unit, "1/s") == 0;
    if (strcmp(line->figure, "money") == 0 && line->value < 0.01) {
        (void)snprintf(by_million, sizeof by_million, "%s a million", line->unit);
        scale = (struct scale){by_million, 1e-6};
    }
    jb_table_text(table, title_of(line, unit, title, sizeof title), NULL);
    jb_table_text(table, line->scope, NULL);
    if (isnan(line->value)) {
        (void)snprintf(text, sizeof text, "give %s", line->lacks);
        jb_table_text(table, "", NULL);
        jb_table_text(table, "not known", NULL);
        jb_table_text(table, text, NULL);
        return;
    }
    jb_table_text(table, show(line->value / scale.size, value), NULL);
    jb_table_text(table, is_rate ? "a second" : scale.name, NULL);
    if (isfinite(line->low) && isfinite(line->high))
        (void)snprintf(text, sizeof text, "%s – %s", show(line->low / scale.size, low),
                       show(line->high / scale.size, high));
    else
        (void)snprintf(text, sizeof text, "%s",
                       line->figure[0] == 'c' || line->figure[0] == 'w' ? "unknown" : "");
    jb_table_text(table, text, NULL);
}

static void describe(const struct jb_estimated *model, struct jb_buffer *out) {
    const struct jb_task_estimate *estimate = &model->estimate;
    char a[JB_NUMBER_SIZE], shown[JB_NAME_SIZE];
    jb_buffer_printf(out, "%s: ", jb_text_display(estimate->model, shown, sizeof shown));
    switch (estimate->kind) {
    case JB_TASK_TEXT:
        jb_buffer_printf(out, "%.0f tokens in", estimate->input_tokens);
        if (estimate->vision_tokens > 0)
            jb_buffer_printf(out, " and %.0f of what it sees", estimate->vision_tokens);
        jb_buffer_printf(out, ", %.0f out; %s requests in flight\n", estimate->output_tokens,
                         show(estimate->energy.concurrency, a));
        if (estimate->attention_share < 1)
            jb_buffer_printf(out, "Sparse attention: %s %% of what full attention computes in prefill\n",
                             show(100 * estimate->attention_share, a));
        break;
    case JB_TASK_IMAGE:
    case JB_TASK_VIDEO:
        jb_buffer_printf(out, "%ux%u", estimate->width, estimate->height);
        if (estimate->kind == JB_TASK_VIDEO)
            jb_buffer_printf(out, ", %u frames", estimate->frames);
        jb_buffer_printf(out, ", %u steps of %.0f tokens\n", estimate->steps, estimate->picture_tokens);
        break;
    case JB_TASK_TRAINING:
        jb_buffer_printf(out, "training\n");
        break;
    }
    jb_buffer_printf(out, "%.3f B parameters", estimate->parameters / 1e9);
    if (estimate->kind == JB_TASK_TEXT && estimate->active_parameters > 0 &&
        estimate->active_parameters < 0.999 * estimate->parameters)
        jb_buffer_printf(out, ", %.3f B active", estimate->active_parameters / 1e9);
    if (estimate->kv_bytes_per_token > 0)
        jb_buffer_printf(out, ", %s kB of KV cache a token", show(estimate->kv_bytes_per_token / 1e3, a));
    jb_buffer_printf(out, "; %u %s in %s", estimate->accelerator_count, estimate->accelerator->name,
                     jb_precision_name(estimate->precision));
    jb_buffer_printf(out, "%s\n\n",
                     estimate->fewest > 1 && estimate->fewest == estimate->accelerator_count
                         ? ", the fewest on which it fits"
                         : "");
}

static void write_sources(const struct jb_estimate_view *view, const struct jb_estimated *model,
                          struct jb_buffer *out) {
    const struct jb_factor_set *sets;
    (void)jb_factors_sets(view->factors, &sets);
    for (size_t i = 0; i < model->footprint.factor_count; i++) {
        const struct jb_factor *factor = model->footprint.factors[i];
        char id[JB_FACTOR_ID_SIZE], shown[JB_FACTOR_ID_SIZE];
        const char *unit = jb_quantity_info(factor->quantity)->unit;
        bool has_unit = strcmp(unit, "1") != 0;
        jb_buffer_printf(out, "%s%s: %.6g%s%s (%s)%s\n", i == 0 ? "\nTaken from\n  " : "  ",
                         jb_text_display(jb_factor_id(factor, id), shown, sizeof shown), factor->value,
                         has_unit ? " " : "", has_unit ? unit : "", sets[factor->set].name,
                         model->footprint.is_earlier[i] ? "; the last one before that date" : "");
    }
}

static enum jb_code write_one(const struct jb_estimate_view *view, const struct jb_estimated *model,
                              struct jb_error *error, struct jb_buffer *out) {
    static const struct jb_column columns[] = {
        {.title = ""},
        {.title = "Scope"},
        {.title = "Estimate", .align = JB_RIGHT},
        {.title = ""},
        {.title = "95 % interval", .align = JB_RIGHT},
    };
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    struct lines lines = lines_of(view, model);
    for (size_t i = 0; table && i < lines.count; i++)
        add_text_line(table, &lines.items[i], unit_names[model->estimate.energy.unit],
                      model->estimate.energy.energy_j);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    describe(model, out);
    jb_table_write_text(table, &view->layout, out);
    write_sources(view, model, out);
    return JB_OK;
}

/* ---- side by side ---- */

static void add_compared(struct jb_table *table, const struct jb_figure *figure, double size,
                         const char *what) {
    char value[JB_NUMBER_SIZE], low[JB_NUMBER_SIZE], high[JB_NUMBER_SIZE], text[3 * JB_NUMBER_SIZE];
    if (!figure->is_known) {
        jb_table_text(table, what, NULL);
        jb_table_text(table, "", NULL);
        return;
    }
    jb_table_text(table, show(figure->value * COMPARED_UNITS / size, value), NULL);
    if (isfinite(figure->low))
        (void)snprintf(text, sizeof text, "%s – %s", show(figure->low * COMPARED_UNITS / size, low),
                       show(figure->high * COMPARED_UNITS / size, high));
    else
        (void)snprintf(text, sizeof text, "unknown");
    jb_table_text(table, text, NULL);
}

/* The widest scope that is known of every model. */
static const struct jb_figure *energy_of(const struct jb_estimated *model, bool has_facility) {
    return has_facility ? &model->footprint.facility_j : &model->footprint.server_j;
}

static void add_compared_row(const struct jb_estimate_view *view, struct jb_table *table,
                             const struct jb_estimated *model, bool has_facility) {
    char text[JB_NAME_SIZE + 8], number[JB_NUMBER_SIZE];
    const struct jb_task_estimate *estimate = &model->estimate;
    if (*model->refusal) {
        jb_table_text(table, model->name, NULL);
        for (int i = 0; i < 9; i++)
            jb_table_text(table, i == 1 ? "none" : "", NULL);
        return;
    }
    (void)snprintf(text, sizeof text, "%s%s", estimate->model, model->is_least ? " *" : "");
    jb_table_text(table, text, NULL);
    (void)snprintf(text, sizeof text, "%u", estimate->accelerator_count);
    jb_table_text(table, text, NULL);
    add_compared(table, energy_of(model, has_facility), 3.6e6, "not known");
    jb_table_text(table,
                  model->footprint.carbon_g.is_known
                      ? show(model->footprint.carbon_g.value * COMPARED_UNITS / 1e3, number)
                      : "–",
                  NULL);
    jb_table_text(table,
                  model->footprint.money.is_known && *view->currency
                      ? show(model->footprint.money.value * COMPARED_UNITS, number)
                      : "–",
                  NULL);
    jb_table_text(table, show(estimate->energy.latency_s, number), NULL);
    jb_table_text(table, show(estimate->energy.units_per_s, number), NULL);
    jb_table_text(table, show(estimate->accelerator_h * COMPARED_UNITS, number), NULL);
    jb_table_text(table, model->has_score ? show(model->score, number) : "–", NULL);
}

static enum jb_code write_comparison(const struct jb_estimate_view *view, const struct jb_estimated *models,
                                     size_t count, struct jb_error *error, struct jb_buffer *out) {
    bool has_facility = true;
    const struct jb_estimated *first = NULL, *least = NULL;
    char energy[64], money[32], shown[512];
    for (size_t i = 0; i < count; i++) {
        has_facility = has_facility && (*models[i].refusal || models[i].footprint.facility_j.is_known);
        first = first || *models[i].refusal ? first : &models[i];
        least = models[i].is_least ? &models[i] : least;
    }
    const char *unit = first ? unit_names[first->estimate.energy.unit] : "request";
    (void)snprintf(energy, sizeof energy, "kWh (%s)", has_facility ? "facility" : "server");
    (void)snprintf(money, sizeof money, "%s", *view->currency ? view->currency : "Money");
    const struct jb_column columns[] = {
        {.title = "Model", .is_flexible = true},     {.title = "GPUs", .align = JB_RIGHT},
        {.title = energy, .align = JB_RIGHT},        {.title = "95 % interval", .align = JB_RIGHT},
        {.title = "kg CO2e", .align = JB_RIGHT},     {.title = money, .align = JB_RIGHT},
        {.title = "Latency (s)", .align = JB_RIGHT}, {.title = "A second", .align = JB_RIGHT},
        {.title = "GPU hours", .align = JB_RIGHT},   {.title = "Score", .align = JB_RIGHT},
    };
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++)
        add_compared_row(view, table, &models[i], has_facility);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    jb_buffer_printf(out, "For 1,000,000 %ss\n\n", unit);
    jb_table_write_text(table, &view->layout, out);
    for (size_t i = 0; i < count; i++) {
        if (*models[i].refusal)
            jb_buffer_printf(out, "%s: %s\n", models[i].name,
                             jb_text_display(models[i].refusal, shown, sizeof shown));
    }
    if (view->has_floor && least)
        jb_buffer_printf(out, "\n* the least energy with a score of at least %g: %s\n", view->floor,
                         jb_text_display(least->estimate.model, shown, sizeof shown));
    else if (view->has_floor)
        jb_buffer_printf(out, "\nNone has a score of at least %g.\n", view->floor);
    else if (least)
        jb_buffer_printf(out, "\n* the least energy\n");
    return JB_OK;
}

/* ---- machines ---- */

static const struct jb_column line_columns[] = {
    {.key = "model"}, {.key = "figure"}, {.key = "scope"}, {.key = "unit"},  {.key = "per"},
    {.key = "value"}, {.key = "low"},    {.key = "high"},  {.key = "lacks"},
};

/* Energy, carbon, water, money and GPU hours are of one request, image, video or run. */
static const char *per_of(const struct line *line, const char *unit) {
    if (strcmp(line->figure, "energy_per_token") == 0)
        return "token";
    return strncmp(line->figure, "energy", 6) == 0 || strcmp(line->figure, "carbon") == 0 ||
                   strcmp(line->figure, "water") == 0 || strcmp(line->figure, "money") == 0 ||
                   strcmp(line->figure, "gpu_hours") == 0
               ? unit
               : NULL;
}

static struct jb_table *machine_table(const struct jb_estimate_view *view, const struct jb_estimated *models,
                                      size_t count, const struct jb_column *columns, size_t column_count) {
    struct jb_table *table = jb_table_make(columns, column_count);
    for (size_t i = 0; table && i < count; i++) {
        struct lines lines = lines_of(view, &models[i]);
        for (size_t k = 0; !*models[i].refusal && k < lines.count; k++) {
            const struct line *line = &lines.items[k];
            const char *per = per_of(line, unit_names[models[i].estimate.energy.unit]);
            if (column_count == JB_COUNT(line_columns))
                jb_table_text(table, models[i].estimate.model, NULL);
            jb_table_text(table, line->figure, NULL);
            jb_table_text(table, line->scope, NULL);
            jb_table_text(table, line->unit, NULL);
            if (per)
                jb_table_text(table, per, NULL);
            else
                jb_table_null(table, NULL);
            jb_table_number(table, line->value, NULL);
            jb_table_number(table, line->low, NULL);
            jb_table_number(table, line->high, NULL);
            if (*line->lacks)
                jb_table_text(table, line->lacks, NULL);
            else
                jb_table_null(table, NULL);
        }
    }
    return table;
}

static void write_number(struct jb_json *json, const char *key, double value, bool is_there) {
    jb_json_key(json, key);
    jb_json_number(json, is_there ? value : NAN);
}

static void write_model(const struct jb_estimated *model, const struct jb_table *figures,
                        struct jb_json *json) {
    static const char *const kinds[] = {"text", "image", "video", "training"};
    const struct jb_task_estimate *estimate = &model->estimate;
    bool is_good = !*model->refusal, is_text = is_good && estimate->kind == JB_TASK_TEXT;
    bool is_picture = is_good && (estimate->kind == JB_TASK_IMAGE || estimate->kind == JB_TASK_VIDEO);
    jb_json_object(json);
    jb_json_key(json, "asked");
    jb_json_string(json, model->name);
    jb_json_key(json, "model");
    jb_json_string(json, is_good ? estimate->model : NULL);
    jb_json_key(json, "refusal");
    jb_json_string(json, is_good ? NULL : model->refusal);
    jb_json_key(json, "task");
    jb_json_string(json, is_good ? kinds[estimate->kind] : NULL);
    jb_json_key(json, "gpu");
    jb_json_string(json, is_good ? estimate->accelerator->name : NULL);
    write_number(json, "gpus", estimate->accelerator_count, is_good);
    write_number(json, "fewest_gpus", estimate->fewest, is_good);
    jb_json_key(json, "precision");
    jb_json_string(json, is_good ? jb_precision_name(estimate->precision) : NULL);
    write_number(json, "parameters", estimate->parameters, is_good);
    write_number(json, "active_parameters", estimate->active_parameters,
                 is_good && estimate->active_parameters > 0);
    write_number(json, "kv_bytes_per_token", estimate->kv_bytes_per_token,
                 is_good && estimate->kv_bytes_per_token > 0);
    write_number(json, "input_tokens", estimate->input_tokens, is_text);
    write_number(json, "vision_tokens", estimate->vision_tokens, is_text);
    write_number(json, "output_tokens", estimate->output_tokens, is_text);
    write_number(json, "attention_share", estimate->attention_share, is_text);
    write_number(json, "in_flight", estimate->energy.concurrency, is_text);
    write_number(json, "width", estimate->width, is_picture);
    write_number(json, "height", estimate->height, is_picture);
    write_number(json, "frames", estimate->frames, is_picture);
    write_number(json, "steps", estimate->steps, is_picture);
    write_number(json, "picture_tokens", estimate->picture_tokens, is_picture);
    write_number(json, "score", model->score, model->has_score);
    jb_json_key(json, "is_least");
    jb_json_boolean(json, model->is_least);
    jb_json_key(json, "figures");
    jb_table_write_json(figures, json);
    jb_json_key(json, "factors");
    jb_json_array(json);
    for (size_t i = 0; is_good && i < model->footprint.factor_count; i++) {
        char id[JB_FACTOR_ID_SIZE];
        jb_json_string(json, jb_factor_id(model->footprint.factors[i], id));
    }
    jb_json_end(json, ']');
    jb_json_end(json, '}');
}

static enum jb_code write_json(const struct jb_estimate_view *view, const struct jb_estimated *models,
                               size_t count, struct jb_error *error, struct jb_buffer *out) {
    struct jb_json json = jb_json_make(out);
    jb_json_object(&json);
    jb_json_key(&json, "models");
    jb_json_array(&json);
    for (size_t i = 0; i < count; i++) {
        _cleanup_(jb_table_free_cleanup) struct jb_table *figures =
            machine_table(view, &models[i], 1, line_columns + 1, JB_COUNT(line_columns) - 1);
        enum jb_code code = jb_table_check(figures, error);
        if (code)
            return code;
        write_model(&models[i], figures, &json);
    }
    jb_json_end(&json, ']');
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
    return JB_OK;
}

enum jb_code estimate_view_print(const struct jb_estimate_view *view, const struct jb_estimated *models,
                                 size_t count, struct jb_error *error, struct jb_buffer *out) {
    enum jb_code code;
    if (view->form == JB_FORM_JSON) {
        code = write_json(view, models, count, error, out);
    } else if (view->form == JB_FORM_CSV) {
        _cleanup_(jb_table_free_cleanup) struct jb_table *table =
            machine_table(view, models, count, line_columns, JB_COUNT(line_columns));
        code = jb_table_check(table, error);
        if (!code)
            jb_table_write_csv(table, out);
    } else if (view->is_comparison) {
        code = write_comparison(view, models, count, error, out);
    } else {
        code = write_one(view, &models[0], error, out);
    }
    return code ? code : jb_buffer_check(out, error);
}
