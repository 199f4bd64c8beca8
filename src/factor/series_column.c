/* The columns of a table of levels: known by their headings, or as the user says. */
#include "factor/series_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Headings of tables that are often met, and the quantity and unit that stands below them. */
static const struct {
    const char *heading, *quantity, *unit;
} known[] = {
    {"intensity_direct_gco2_kwh", "grid_intensity_direct", "g/kWh"},
    {"intensity_lca_gco2e_kwh", "grid_intensity", "g/kWh"},
    {"low_carbon_pct", "carbon_free_share", "%"},
    {"renewable_pct", "renewable_share", "%"},
    {"Carbon Intensity gCO₂eq/kWh (direct)", "grid_intensity_direct", "g/kWh"},
    {"Carbon Intensity gCO₂eq/kWh (LCA)", "grid_intensity", "g/kWh"},
    {"Carbon intensity gCO₂eq/kWh (direct)", "grid_intensity_direct", "g/kWh"},
    {"Carbon intensity gCO₂eq/kWh (Life cycle)", "grid_intensity", "g/kWh"},
    {"Low Carbon Percentage", "carbon_free_share", "%"},
    {"Renewable Percentage", "renewable_share", "%"},
    {"Carbon-free energy percentage (CFE%)", "carbon_free_share", "%"},
    {"Renewable energy percentage (RE%)", "renewable_share", "%"},
};
static const char *const time_headings[] = {"time",      "start",     "from",           "datetime",
                                            "timestamp", "start_utc", "Datetime (UTC)", "datetime_utc"};
static const char *const end_headings[] = {"end", "until", "to", "end_utc"};

/* Units of power and energy; megawatts in one of them, or megawatt-hours. */
static const struct {
    const char *name;
    double multiplier;
    bool is_energy;
} power_units[] = {
    {"kW", 1e-3, false}, {"MW", 1, false},   {"GW", 1e3, false}, {"kWh", 1e-3, true}, {"MWh", 1, true},
    {"GWh", 1e3, true},  {"W", 1e-6, false}, {"Wh", 1e-6, true}, {"TWh", 1e6, true},
};

/* Currencies of which a kilowatt-hour never costs tens; a price beyond is one of another unit. */
static const char *const dear_currencies[] = {"EUR", "USD", "GBP", "CHF", "AUD", "CAD", "NZD", "SGD"};

static bool is_currency(const char *text) {
    return isupper((unsigned char)text[0]) && isupper((unsigned char)text[1]) &&
           isupper((unsigned char)text[2]);
}

static bool price_range(const char *unit, double *ret_low, double *ret_high) {
    if (strlen(unit) != strlen("EUR/kWh") || !is_currency(unit) || strcmp(unit + 3, "/kWh") != 0)
        return false;
    double limit = 1e5;
    for (size_t i = 0; i < JB_COUNT(dear_currencies); i++) {
        if (strncmp(unit, dear_currencies[i], 3) == 0)
            limit = 20; /* the highest cap of a market was 9 USD/kWh (ERCOT, 2021) */
    }
    *ret_low = -limit;
    *ret_high = limit;
    return true;
}

/* What is given as power, or as energy over each step. */
static bool is_power(const char *quantity) {
    return strcmp(quantity, "generation") == 0 || strcmp(quantity, "power") == 0 ||
           strcmp(quantity, "reused_heat") == 0;
}

bool jb_series_range(const char *quantity, const char *unit, double *ret_low, double *ret_high) {
    enum jb_quantity which;
    if (strcmp(quantity, "price") == 0)
        return price_range(unit, ret_low, ret_high);
    if (is_power(quantity)) {
        *ret_low = 0;
        *ret_high = 1e7; /* MW: the world's is below 4e6 */
        return strcmp(unit, "MW") == 0;
    }
    if (!jb_quantity_of_name(quantity, &which) || strcmp(unit, jb_quantity_info(which)->unit) != 0)
        return false;
    *ret_low = jb_quantity_info(which)->low;
    *ret_high = jb_quantity_info(which)->high;
    return true;
}

/* false: `fault` says why the unit cannot be that of the column's quantity. */
static bool take_unit(struct jb_series_column *column, const char *unit, char *fault, size_t fault_size) {
    enum jb_quantity quantity;
    char units[256];
    column->multiplier = 1;
    if (strcmp(column->quantity, "price") == 0) {
        bool is_mwh = strlen(unit) == 7 && strcmp(unit + 3, "/MWh") == 0;
        if (strlen(unit) != 7 || !is_currency(unit) || (!is_mwh && strcmp(unit + 3, "/kWh") != 0)) {
            snprintf(fault, fault_size, "'%.40s' is no unit of a price; write EUR/kWh or EUR/MWh", unit);
            return false;
        }
        column->multiplier = is_mwh ? 1e-3 : 1;
        snprintf(column->unit, sizeof column->unit, "%.3s/kWh", unit);
        return true;
    }
    if (is_power(column->quantity)) {
        for (size_t i = 0; i < JB_COUNT(power_units); i++) {
            if (strcmp(power_units[i].name, unit) == 0) {
                column->multiplier = power_units[i].multiplier;
                column->is_energy = power_units[i].is_energy;
                snprintf(column->unit, sizeof column->unit, "MW");
                return true;
            }
        }
        snprintf(fault, fault_size, "'%.40s' is no unit of %s; write MW, MWh, kW, kWh, GW or GWh", unit,
                 column->quantity);
        return false;
    }
    if (!jb_quantity_of_name(column->quantity, &quantity)) {
        snprintf(
            fault, fault_size,
            "'%.40s' is no quantity; write grid_intensity, renewable_share, price, generation/wind, power, "
            "reused_heat or another of `joulebook factors list`",
            column->quantity);
        return false;
    }
    if (!jb_quantity_unit(quantity, unit, &column->multiplier)) {
        snprintf(fault, fault_size, "'%.40s' is no unit of %s; write %s", unit, column->quantity,
                 jb_quantity_units(quantity, units, sizeof units));
        return false;
    }
    snprintf(column->unit, sizeof column->unit, "%s", jb_quantity_info(quantity)->unit);
    return true;
}

static bool is_subject(const char *text) {
    return *text && strlen(text) < JB_SERIES_TEXT_SIZE &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

/* "generation/wind:MWh" → a column; false: fault says why not. */
static bool take_meaning(const char *meaning, struct jb_series_column *column, char *fault,
                         size_t fault_size) {
    char text[200];
    if (strlen(meaning) >= sizeof text) {
        snprintf(fault, fault_size, "is said to be something longer than %zu bytes", sizeof text - 1);
        return false;
    }
    snprintf(text, sizeof text, "%s", meaning);
    char *unit = strchr(text, ':'), *subject = strchr(text, '/');
    if (unit)
        *unit++ = '\0';
    if (subject && unit && subject > unit)
        subject = NULL;
    if (subject)
        *subject++ = '\0';
    if (strlen(text) >= sizeof column->quantity) {
        snprintf(fault, fault_size, "'%.40s' is no quantity", text);
        return false;
    }
    snprintf(column->quantity, sizeof column->quantity, "%s", text);
    bool is_generation = strcmp(text, "generation") == 0;
    if (is_generation && (!subject || !is_subject(subject))) {
        snprintf(fault, fault_size,
                 "generation needs its technology in small letters, digits and '-': generation/wind:MW");
        return false;
    }
    if (!is_generation && subject) {
        snprintf(fault, fault_size, "only generation has a technology behind '/'");
        return false;
    }
    if (is_generation)
        snprintf(column->subject, sizeof column->subject, "%s", subject);
    enum jb_quantity quantity;
    if (!unit && jb_quantity_of_name(text, &quantity))
        unit = (char *)(uintptr_t)jb_quantity_info(quantity)->unit;
    if (!unit) {
        snprintf(fault, fault_size, "needs a unit behind ':', as in %s",
                 is_generation    ? "generation/wind:MW"
                 : is_power(text) ? "power:MW"
                                  : "price:EUR/kWh");
        return false;
    }
    return take_unit(column, unit, fault, fault_size) &&
           jb_series_range(column->quantity, column->unit, &column->low, &column->high);
}

/* "generation_wind_mwh", "power_mw", "price_eur_per_mwh" → what they mean; false: none of them. */
static bool split_heading(const char *heading, char *ret, size_t size) {
    char currency[4] = "", per[4] = "";
    int end = 0;
    if (sscanf(heading, "price_%3[a-z]_per_%3[a-z]%n", currency, per, &end) == 2 && heading[end] == '\0' &&
        strlen(currency) == 3) {
        for (int i = 0; i < 3; i++)
            currency[i] = (char)toupper((unsigned char)currency[i]);
        snprintf(ret, size, "price:%s/%s", currency, strcmp(per, "mwh") == 0 ? "MWh" : "kWh");
        return strcmp(per, "mwh") == 0 || strcmp(per, "kwh") == 0;
    }
    const char *unit = strrchr(heading, '_');
    size_t i = 0;
    while (unit && i < JB_COUNT(power_units) && strcasecmp(power_units[i].name, unit + 1) != 0)
        i++;
    if (!unit || i == JB_COUNT(power_units))
        return false;
    char quantity[64];
    snprintf(quantity, sizeof quantity, "%.*s", (int)(unit - heading), heading);
    if (strncmp(quantity, "generation_", strlen("generation_")) == 0) {
        quantity[strlen("generation")] = '/';
        for (char *c = strchr(quantity, '/'); *c; c++)
            *c = *c == '_' ? '-' : *c;
    } else if (!is_power(quantity) || strcmp(quantity, "generation") == 0) {
        return false;
    }
    int length = snprintf(ret, size, "%s:%s", quantity, power_units[i].name);
    return length > 0 && (size_t)length < size;
}

static bool is_one_of(const char *text, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], text) == 0)
            return true;
    }
    return false;
}

/* What a heading means by itself; "" when nothing. */
static void meaning_of(const char *heading, char *ret, size_t size) {
    enum jb_quantity quantity;
    ret[0] = '\0';
    if (is_one_of(heading, time_headings, JB_COUNT(time_headings)))
        snprintf(ret, size, "time");
    else if (is_one_of(heading, end_headings, JB_COUNT(end_headings)))
        snprintf(ret, size, "end");
    else if (jb_quantity_of_column(heading, &quantity))
        snprintf(ret, size, "%s", jb_quantity_info(quantity)->name);
    else if (!split_heading(heading, ret, size))
        ret[0] = '\0';
    for (size_t i = 0; !ret[0] && i < JB_COUNT(known); i++) {
        if (strcmp(known[i].heading, heading) == 0)
            snprintf(ret, size, "%s:%s", known[i].quantity, known[i].unit);
    }
}

/* One "HEADING=MEANING" of what the user says; its end, or NULL when it has no '='. */
static const char *next_said(const char *said, char heading[static 256], char meaning[static 256]) {
    size_t length = strcspn(said, ",");
    const char *equals = memrchr(said, '=', length);
    if (!equals || (size_t)(equals - said) >= 256 || said + length - equals > 256 || equals == said)
        return NULL;
    snprintf(heading, 256, "%.*s", (int)(equals - said), said);
    snprintf(meaning, 256, "%.*s", (int)(said + length - equals - 1), equals + 1);
    return said + length + (said[length] == ',');
}

/* What the user says of a heading; false: nothing. */
static bool said_of(const char *said, const char *heading, char ret_meaning[static 256]) {
    char name[256], meaning[256];
    while (said && *said && (said = next_said(said, name, meaning))) {
        if (strcmp(name, heading) == 0) {
            memcpy(ret_meaning, meaning, sizeof meaning);
            return true;
        }
    }
    return false;
}

/* Every heading that the user names must be there. */
static enum jb_code check_said(const char *said, const char *const *fields, size_t count, const char *file,
                               struct jb_error *error) {
    char name[256], meaning[256];
    for (const char *at = said; at && *at;) {
        at = next_said(at, name, meaning);
        if (!at)
            return jb_error_set(error, JB_USAGE,
                                "--columns: '%.80s' is not HEADING=QUANTITY[/TECHNOLOGY][:UNIT], with commas "
                                "between them",
                                said);
        bool is_there = false;
        for (size_t i = 0; i < count && !is_there; i++)
            is_there = strcmp(fields[i], name) == 0;
        if (!is_there)
            return jb_error_set(error, JB_INPUT, "%s, line 1: there is no column '%.80s'", file, name);
    }
    return JB_OK;
}

static enum jb_code take_level(const char *heading, const char *meaning, size_t at, const char *file,
                               struct jb_series_columns *columns, struct jb_error *error) {
    char fault[400] = "";
    if (columns->count == JB_SERIES_COLUMN_CEILING)
        return jb_error_set(error, JB_LIMIT, "%s: over %d columns of levels", file, JB_SERIES_COLUMN_CEILING);
    struct jb_series_column *column = &columns->items[columns->count];
    *column = (struct jb_series_column){.at = at};
    if (!take_meaning(meaning, column, fault, sizeof fault))
        return jb_error_set(error, JB_INPUT, "%s, line 1, field '%.80s': %s", file, heading, fault);
    for (size_t i = 0; i < columns->count; i++) {
        if (strcmp(columns->items[i].quantity, column->quantity) == 0 &&
            strcmp(columns->items[i].subject, column->subject) == 0)
            return jb_error_set(error, JB_INPUT, "%s, line 1, field '%.80s': there are two columns of %s%s%s",
                                file, heading, column->quantity, column->subject[0] ? "/" : "",
                                column->subject);
    }
    columns->count++;
    return JB_OK;
}

enum jb_code jb_series_columns_find(const char *const *fields, size_t count, const char *file,
                                    const char *said, struct jb_error *error,
                                    struct jb_series_columns *ret_columns) {
    struct jb_series_columns columns = {
        .time = JB_SERIES_NO_COLUMN, .end = JB_SERIES_NO_COLUMN, .field_count = count};
    size_t ignored = 0;
    enum jb_code code = check_said(said, fields, count, file, error);
    for (size_t i = 0; !code && i < count; i++) {
        char meaning[256];
        if (!said_of(said, fields[i], meaning))
            meaning_of(fields[i], meaning, sizeof meaning);
        size_t *place = strcmp(meaning, "time") == 0  ? &columns.time
                        : strcmp(meaning, "end") == 0 ? &columns.end
                                                      : NULL;
        if (place && *place != JB_SERIES_NO_COLUMN)
            code = jb_error_set(error, JB_INPUT,
                                "%s, line 1, field '%.80s': there are two columns of times; say with "
                                "--columns which is time and which is end",
                                file, fields[i]);
        else if (place)
            *place = i;
        else if (meaning[0])
            code = take_level(fields[i], meaning, i, file, &columns, error);
        else if (ignored < sizeof columns.ignored - 1)
            ignored += (size_t)snprintf(columns.ignored + ignored, sizeof columns.ignored - ignored,
                                        "%s%.60s", ignored ? ", " : "", fields[i]);
    }
    if (!code && columns.time == JB_SERIES_NO_COLUMN)
        code = jb_error_set(error, JB_INPUT,
                            "%s, line 1: no column of times; call it 'time', or say --columns HEADING=time",
                            file);
    if (!code && columns.count == 0)
        code = jb_error_set(error, JB_INPUT,
                            "%s, line 1: no column is known; call one grid_intensity_g_per_kwh, "
                            "price_eur_per_kwh or generation_wind_mwh, or say --columns "
                            "HEADING=grid_intensity:g/kWh",
                            file);
    if (!code)
        *ret_columns = columns;
    return code;
}
