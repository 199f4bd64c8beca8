/* The table of units, and the arithmetic of dimensions. */
#include "decide/measure.h"

#include "base/ini.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NONE (-1)

/* A power is energy per time; every other unit has one dimension. */
static const struct {
    const char *word;
    double size;
    int base; /* NONE: a bare number */
    bool is_per_hour;
} units[] = {
    {"%", 0.01, NONE, false},
    {"thousand", 1e3, NONE, false},
    {"million", 1e6, NONE, false},
    {"billion", 1e9, NONE, false},
    {"J", 1 / 3.6e6, JB_DIMENSION_ENERGY, false},
    {"kJ", 1 / 3.6e3, JB_DIMENSION_ENERGY, false},
    {"MJ", 1 / 3.6, JB_DIMENSION_ENERGY, false},
    {"GJ", 1e3 / 3.6, JB_DIMENSION_ENERGY, false},
    {"TJ", 1e6 / 3.6, JB_DIMENSION_ENERGY, false},
    {"mWh", 1e-6, JB_DIMENSION_ENERGY, false},
    {"Wh", 1e-3, JB_DIMENSION_ENERGY, false},
    {"kWh", 1, JB_DIMENSION_ENERGY, false},
    {"MWh", 1e3, JB_DIMENSION_ENERGY, false},
    {"GWh", 1e6, JB_DIMENSION_ENERGY, false},
    {"TWh", 1e9, JB_DIMENSION_ENERGY, false},
    {"W", 1e-3, JB_DIMENSION_ENERGY, true},
    {"kW", 1, JB_DIMENSION_ENERGY, true},
    {"MW", 1e3, JB_DIMENSION_ENERGY, true},
    {"gCO2e", 1e-3, JB_DIMENSION_CARBON, false},
    {"kgCO2e", 1, JB_DIMENSION_CARBON, false},
    {"tCO2e", 1e3, JB_DIMENSION_CARBON, false},
    {"s", 1 / 3600.0, JB_DIMENSION_TIME, false},
    {"second", 1 / 3600.0, JB_DIMENSION_TIME, false},
    {"min", 1 / 60.0, JB_DIMENSION_TIME, false},
    {"minute", 1 / 60.0, JB_DIMENSION_TIME, false},
    {"h", 1, JB_DIMENSION_TIME, false},
    {"hour", 1, JB_DIMENSION_TIME, false},
    {"day", 24, JB_DIMENSION_TIME, false},
    {"week", 168, JB_DIMENSION_TIME, false},
    {"month", JB_HOURS_PER_YEAR / 12, JB_DIMENSION_TIME, false},
    {"year", JB_HOURS_PER_YEAR, JB_DIMENSION_TIME, false},
    {"g", 1e-3, JB_DIMENSION_MASS, false},
    {"kg", 1, JB_DIMENSION_MASS, false},
    {"t", 1e3, JB_DIMENSION_MASS, false},
    {"tonne", 1e3, JB_DIMENSION_MASS, false},
    {"l", 1, JB_DIMENSION_VOLUME, false},
    {"L", 1, JB_DIMENSION_VOLUME, false},
    {"litre", 1, JB_DIMENSION_VOLUME, false},
    {"liter", 1, JB_DIMENSION_VOLUME, false},
    {"m3", 1e3, JB_DIMENSION_VOLUME, false},
    {"gallon", 3.785411784, JB_DIMENSION_VOLUME, false}, /* of the US */
    {"m", 1e-3, JB_DIMENSION_LENGTH, false},
    {"km", 1, JB_DIMENSION_LENGTH, false},
    {"mile", 1.609344, JB_DIMENSION_LENGTH, false},
};

/* What a service or a firm counts. The hours of people and machines are things too: hours of the calendar
 * would cancel against "per month". */
static const char *const common_nouns[] = {
    "request",     "token",    "image",    "video",       "run",    "query",  "message",
    "call",        "user",     "customer", "employee",    "person", "trip",   "visit",
    "page",        "document", "ticket",   "case",        "order",  "unit",   "item",
    "person-hour", "gpu-hour", "cpu-hour", "server-hour", "gpu",    "server", "site",
    "room",        "vehicle",  "pkm",      "tkm",         "frame",  "part",
};

struct jb_measures jb_measures_make(const char currency[static 4]) {
    struct jb_measures measures = {0};
    memcpy(measures.currency, currency, sizeof measures.currency - 1);
    for (size_t i = 0; i < JB_COUNT(common_nouns); i++)
        (void)snprintf(measures.nouns[measures.noun_count++], JB_NOUN_SIZE, "%s", common_nouns[i]);
    return measures;
}

/* Whether word is the name, or its plural. */
static bool is_word(const char *word, const char *name) {
    size_t length = strlen(name);
    if (strcmp(name, "person") == 0 && strcmp(word, "people") == 0)
        return true;
    if (name[length - 1] == 'y' && strncmp(word, name, length - 1) == 0 &&
        strcmp(word + length - 1, "ies") == 0)
        return true;
    return strncmp(word, name, length) == 0 && (word[length] == '\0' || strcmp(word + length, "s") == 0);
}

bool jb_measure_find(const struct jb_measures *measures, const char *word, double *ret_size,
                     struct jb_dimension *ret_dimension) {
    if (strcmp(word, measures->currency) == 0) {
        *ret_size = 1;
        *ret_dimension = jb_dimension_of(JB_DIMENSION_MONEY, 1);
        return true;
    }
    for (size_t i = 0; i < JB_COUNT(units); i++) {
        bool has_plural = strlen(units[i].word) > 2 && units[i].base >= JB_DIMENSION_TIME;
        if (strcmp(word, units[i].word) != 0 && !(has_plural && is_word(word, units[i].word)))
            continue;
        *ret_size = units[i].size;
        *ret_dimension = (struct jb_dimension){0};
        if (units[i].base != NONE)
            *ret_dimension = jb_dimension_of((enum jb_base_dimension)units[i].base, 1);
        if (units[i].is_per_hour)
            ret_dimension->powers[JB_DIMENSION_TIME] = -1;
        return true;
    }
    for (size_t i = 0; i < measures->noun_count; i++) {
        if (is_word(word, measures->nouns[i])) {
            *ret_size = 1;
            *ret_dimension = (struct jb_dimension){0};
            ret_dimension->powers[JB_DIMENSION_NOUNS + i] = 1;
            return true;
        }
    }
    return false;
}

bool jb_measure_is_reserved(const struct jb_measures *measures, const char *word) {
    double size;
    struct jb_dimension dimension;
    if (!jb_measure_find(measures, word, &size, &dimension))
        return false;
    for (size_t i = 0; i < measures->noun_count; i++) {
        if (dimension.powers[JB_DIMENSION_NOUNS + i] && strcmp(word, measures->nouns[i]) != 0)
            return false;
    }
    return true;
}

const char *jb_measure_near(const struct jb_measures *measures, const char *word) {
    const char *names[JB_COUNT(units) + JB_NOUN_CEILING + 1];
    size_t count = 0;
    for (size_t i = 0; i < JB_COUNT(units); i++)
        names[count++] = units[i].word;
    for (size_t i = 0; i < measures->noun_count; i++)
        names[count++] = measures->nouns[i];
    names[count++] = measures->currency;
    return jb_ini_near(word, names, count);
}

enum jb_code jb_measures_add(struct jb_measures *measures, const char *noun, struct jb_error *error) {
    double size;
    struct jb_dimension dimension;
    size_t length = strlen(noun);
    if (length == 0 || length >= JB_NOUN_SIZE || strspn(noun, "abcdefghijklmnopqrstuvwxyz-") != length ||
        noun[0] == '-')
        return jb_error_set(error, JB_INPUT, "'%.40s' is no noun of small letters, at most %d of them", noun,
                            JB_NOUN_SIZE - 1);
    if (jb_measure_find(measures, noun, &size, &dimension))
        return jb_error_set(error, JB_INPUT, "'%s' is a unit already", noun);
    if (measures->noun_count == JB_NOUN_CEILING)
        return jb_error_set(error, JB_INPUT, "more than %zu units of one's own",
                            JB_NOUN_CEILING - JB_COUNT(common_nouns));
    (void)snprintf(measures->nouns[measures->noun_count++], JB_NOUN_SIZE, "%s", noun);
    return JB_OK;
}

struct jb_dimension jb_dimension_of(enum jb_base_dimension base, int power) {
    struct jb_dimension dimension = {0};
    assert(base < JB_DIMENSION_COUNT && power >= -8 && power <= 8);
    dimension.powers[base] = (int8_t)power;
    return dimension;
}

bool jb_dimension_add(struct jb_dimension *to, const struct jb_dimension *from, int power) {
    struct jb_dimension sum = *to;
    for (size_t i = 0; i < JB_DIMENSION_COUNT; i++) {
        int value = sum.powers[i] + power * from->powers[i];
        if (value < -8 || value > 8)
            return false;
        sum.powers[i] = (int8_t)value;
    }
    *to = sum;
    return true;
}

bool jb_dimension_is(const struct jb_dimension *dimension, const struct jb_dimension *other) {
    return memcmp(dimension, other, sizeof *dimension) == 0;
}

char *jb_dimension_format(const struct jb_measures *measures, const struct jb_dimension *dimension,
                          char ret[static JB_DIMENSION_SIZE]) {
    static const char *const names[] = {"kWh", "kgCO2e", NULL, "h", "kg", "l", "km"};
    size_t length = 0;
    ret[0] = '\0';
    for (int sign = 1; sign >= -1; sign -= 2) {
        for (size_t i = 0; i < JB_DIMENSION_COUNT; i++) {
            int power = dimension->powers[i] * sign;
            const char *name = i >= JB_DIMENSION_NOUNS   ? measures->nouns[i - JB_DIMENSION_NOUNS]
                               : i == JB_DIMENSION_MONEY ? measures->currency
                                                         : names[i];
            for (int k = 0; k < power && length + JB_NOUN_SIZE + 4 < JB_DIMENSION_SIZE; k++) {
                const char *joint = sign < 0 ? (length ? "/" : "1/") : (length ? " * " : "");
                length += (size_t)snprintf(ret + length, JB_DIMENSION_SIZE - length, "%s%s", joint, name);
            }
        }
    }
    if (length == 0)
        (void)snprintf(ret, JB_DIMENSION_SIZE, "1");
    return ret;
}
