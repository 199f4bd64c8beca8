/* Values of settings: numbers with unit and uncertainty, lists, dates. */
#include "account/setting_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/time.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LIST_CEILING 10000

static const struct jb_setting_unit intensity_units[] = {
    {"g/kWh", 1},        {"gCO2e/kWh", 1},   {"kg/kWh", 1e3},
    {"kgCO2e/kWh", 1e3}, {"kg/MWh", 1},      {"kgCO2e/MWh", 1},
    {"t/MWh", 1e3},      {"tCO2e/MWh", 1e3}, {NULL, 0}};
static const struct jb_setting_unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct jb_setting_unit water_units[] = {
    {"L/kWh", 1}, {"l/kWh", 1}, {"L/MWh", 1e-3}, {"m3/MWh", 1}, {NULL, 0}};
static const struct jb_setting_unit energy_units[] = {
    {"kWh", 1}, {"MWh", 1e3}, {"GWh", 1e6}, {"TWh", 1e9}, {NULL, 0}};
static const struct jb_setting_unit percent_units[] = {{"%", 0.01}, {NULL, 0}};
static const struct jb_setting_unit mass_units[] = {{"kgCO2e", 1},  {"kg", 1},  {"gCO2e", 1e-3}, {"g", 1e-3},
                                                    {"tCO2e", 1e3}, {"t", 1e3}, {NULL, 0}};
static const struct jb_setting_unit year_units[] = {{"years", 1},         {"year", 1},         {"y", 1},
                                                    {"months", 1.0 / 12}, {"days", 1.0 / 365}, {NULL, 0}};
static const struct jb_setting_unit latency_units[] = {{"ms", 1}, {"s", 1e3}, {NULL, 0}};

const struct jb_setting_range jb_setting_intensity = {intensity_units, 0, 2500};
const struct jb_setting_range jb_setting_ratio = {no_units, 0, 1000};
const struct jb_setting_range jb_setting_pue = {no_units, 1, 5};
const struct jb_setting_range jb_setting_water = {water_units, 0, 100};
const struct jb_setting_range jb_setting_energy = {energy_units, 0, 1e12};
const struct jb_setting_range jb_setting_percent = {percent_units, 0, 1};
const struct jb_setting_range jb_setting_mass = {mass_units, 0, 1e6};
const struct jb_setting_range jb_setting_years = {year_units, 0.01, 100};
const struct jb_setting_range jb_setting_latency = {latency_units, 0, 100000};

enum jb_code jb_setting_fault(const struct jb_setting_place *place, struct jb_error *error,
                              const char *format, ...) {
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return jb_error_set(error, JB_INPUT, "%s, line %" PRIu32 "%s%.64s: %s", place->file, place->line,
                        *place->field ? ", field " : "", place->field, text);
}

static void list_units(const struct jb_setting_unit *units, char *ret, size_t size) {
    size_t length = 0;
    ret[0] = '\0';
    for (; units->name && length < size; units++)
        length += (size_t)snprintf(ret + length, size - length, "%s%s", length ? ", " : "", units->name);
}

/* Finds "+-", "+/-" or "±" and cuts text there. Returns what follows, or NULL. */
static char *cut_uncertainty(char *text) {
    static const char *const marks[] = {"+-", "+/-", "±"};
    for (size_t i = 0; i < JB_COUNT(marks); i++) {
        char *mark = strstr(text, marks[i]);
        if (mark) {
            *mark = '\0';
            return mark + strlen(marks[i]);
        }
    }
    return NULL;
}

static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    return text;
}

/* "12.5 kg" → the number's own text, and the unit. The text is cut. */
static char *split_unit(char *text) {
    size_t digits = strspn(text, "+-0123456789.,eE_");
    char *unit = text + digits;
    if (digits && *unit && *unit != ' ' && *unit != '\t') {
        /* "415g/kWh": the unit begins where the digits end. */
        memmove(unit + 1, unit, strlen(unit) + 1);
        *unit = '\0';
        return trim(unit + 1);
    }
    if (*unit)
        *unit++ = '\0';
    return trim(unit);
}

static enum jb_code parse_uncertainty(const char *text, const struct jb_setting_place *place,
                                      struct jb_error *error, double *ret) {
    char copy[64] = ""; /* too long a text is no uncertainty; split_unit wants room for one byte more */
    int64_t millionths;
    if (strlen(text) + 2 <= sizeof copy)
        snprintf(copy, sizeof copy, "%s", text);
    char *number = trim(copy), *unit = split_unit(number);
    if (strcmp(unit, "%") != 0 || jb_decimal_parse(number, 1000000, NULL, &millionths) || millionths < 0 ||
        millionths > 1000000000)
        return jb_setting_fault(
            place, error,
            "'+-%.30s' is no uncertainty; write one standard deviation in percent, such as "
            "'+- 5 %%'",
            text);
    *ret = (double)millionths / 1e8;
    return JB_OK;
}

enum jb_code jb_setting_number(const char *text, const struct jb_setting_range *range,
                               const struct jb_setting_place *place, struct jb_error *error,
                               struct jb_declared *ret_number) {
    char copy[200], units[200];
    struct jb_declared number = {.uncertainty = NAN, .line = place->line};
    list_units(range->units, units, sizeof units);
    if (strlen(text) + 2 > sizeof copy)
        return jb_setting_fault(place, error, "'%.30s…' is too long for a number", text);
    snprintf(copy, sizeof copy, "%s", text);
    char *uncertainty = cut_uncertainty(copy);
    char *digits = trim(copy), *unit = split_unit(digits);
    int64_t millionths;
    double multiplier = NAN;
    if (jb_decimal_parse(digits, 1000000, NULL, &millionths))
        return jb_setting_fault(place, error, "'%.60s' is no number; write it like 12.5%s%s", text,
                                *units ? " " : "", range->units[0].name);
    for (const struct jb_setting_unit *known = range->units; known->name; known++) {
        if (strcmp(known->name, unit) == 0)
            multiplier = known->multiplier;
    }
    if (isnan(multiplier) && !*unit)
        return jb_setting_fault(place, error, "'%.60s' has no unit; add one of %s", text, units);
    if (isnan(multiplier) && !*units)
        return jb_setting_fault(place, error, "'%.30s' is a unit where there is none; write the number alone",
                                unit);
    if (isnan(multiplier))
        return jb_setting_fault(place, error, "'%.30s' is none of its units; write one of %s", unit, units);
    number.value = (double)millionths / 1e6 * multiplier;
    if (!(number.value >= range->low && number.value <= range->high))
        return jb_setting_fault(
            place, error, "%.60s is not within %g to %g%s%s", text, range->low / range->units[0].multiplier,
            range->high / range->units[0].multiplier, *units ? " " : "", range->units[0].name);
    enum jb_code code =
        uncertainty ? parse_uncertainty(uncertainty, place, error, &number.uncertainty) : JB_OK;
    if (!code)
        *ret_number = number;
    return code;
}

enum jb_code jb_setting_text(struct jb_strings *texts, const char *text, struct jb_error *error,
                             const char **ret_text) {
    uint32_t id;
    enum jb_code code = jb_strings_intern(texts, text, error, &id);
    if (!code)
        *ret_text = jb_strings_text(texts, id);
    return code;
}

enum jb_code jb_setting_list(struct jb_strings *texts, const char *text, const struct jb_setting_place *place,
                             struct jb_error *error, struct jb_name_list *ret_list) {
    _cleanup_free_ char *copy = strdup(text);
    _cleanup_free_ const char **items = NULL;
    size_t count = 0, capacity = 0;
    enum jb_code code = copy ? JB_OK : jb_error_set(error, JB_MEMORY, "no memory for a list");
    for (char *at = copy; at && !code;) {
        char *comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        char *item = trim(at);
        if (!*item)
            return jb_setting_fault(place, error, "'%.60s' has an empty name; write a, b, c", text);
        code = jb_array_reserve(&items, &capacity, count + 1, LIST_CEILING, "names in a list", error);
        if (!code)
            code = jb_setting_text(texts, item, error, &items[count++]);
        at = comma ? comma + 1 : NULL;
    }
    if (!code)
        *ret_list = (struct jb_name_list){.items = JB_TAKE(items), .count = count};
    return code;
}

enum jb_code jb_setting_time(const char *text, bool is_end, const struct jb_setting_place *place,
                             struct jb_error *error, int64_t *ret_ns) {
    struct jb_error why = {0};
    uint64_t year;
    if (strlen(text) == 4 && !jb_uint64_parse(text, NULL, &year) && year >= 1900 && year < 2200) {
        *ret_ns = jb_days_from_civil((int64_t)year + is_end, 1, 1) * JB_DAY_NS;
        return JB_OK;
    }
    if (jb_time_parse(text, &why, ret_ns))
        return jb_setting_fault(place, error, "%s", why.message);
    return JB_OK;
}
