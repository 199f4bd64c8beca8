/* Amounts for people. */
#include "report/number.h"

#include "types/flow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From the smallest; each is taken while the largest figure is below `until` of the commodity's own units. */
struct step {
    const char *name;
    double size, until;
};

static const struct step energy_steps[] = {
    {"µJ", 1, 1e3},        {"mJ", 1e3, 1e6},        {"J", 1e6, 1e9},         {"kJ", 1e9, 1e11},
    {"Wh", 3.6e9, 3.6e12}, {"kWh", 3.6e12, 3.6e15}, {"MWh", 3.6e15, 3.6e18}, {"GWh", 3.6e18, INFINITY},
};
static const struct step embodied_steps[] = {
    {"µg CO2e", 1, 1e3},    {"mg CO2e", 1e3, 1e6},      {"g CO2e", 1e6, 1e9},
    {"kg CO2e", 1e9, 1e12}, {"t CO2e", 1e12, INFINITY},
};
static const struct step water_steps[] = {
    {"µl", 1, 1e3},
    {"ml", 1e3, 1e6},
    {"l", 1e6, 1e9},
    {"m3", 1e9, INFINITY},
};

struct jb_unit jb_unit_choose(jb_commodity commodity, jb_int128 largest) {
    struct jb_unit unit = {.size = 1e6, .decimals = 6, .is_money = jb_commodity_is_money(commodity)};
    const struct step *step = commodity == JB_ENERGY     ? energy_steps
                              : commodity == JB_EMBODIED ? embodied_steps
                              : commodity == JB_WATER    ? water_steps
                                                         : NULL;
    if (!step) {
        jb_commodity_format(commodity, unit.name);
        return unit;
    }
    double size = fabs((double)largest);
    while (size >= step->until)
        step++;
    /* Nothing booked reads better as "0 J" than as "0 µJ". */
    if (largest == 0)
        step = commodity == JB_EMBODIED ? &embodied_steps[2]
               : commodity == JB_WATER  ? &water_steps[2]
                                        : &energy_steps[2];
    snprintf(unit.name, sizeof unit.name, "%s", step->name);
    unit.size = step->size;
    /* Never finer than the integers of the book. */
    unit.decimals = step->size > 1 ? (unsigned)ceil(log10(step->size)) : 0;
    return unit;
}

/* Power of ten of the first digit of value; value > 0. */
static int magnitude(double value) {
    return (int)floor(log10(value) + 1e-12);
}

int jb_number_decimals(const struct jb_unit *unit, jb_int128 amount, double low, double high) {
    double value = fabs((double)amount) / unit->size;
    double half_width = (high - low) / 2 / unit->size;
    int decimals;
    /* A low end that was held at zero makes the interval lopsided; its upper part is the true half-width. */
    if (isfinite(half_width) && high / unit->size - (double)amount / unit->size > half_width)
        half_width = high / unit->size - (double)amount / unit->size;
    if (value == 0)
        return 0;
    if (!isfinite(half_width))
        decimals = unit->is_money ? 2 : 2 - magnitude(value);
    else if (half_width <= 0)
        decimals = 5 - magnitude(value);
    else
        /* Two digits of a half-width that begins with 10 to 35, else one: rounding then moves neither end by
         * more than a seventh of it. */
        decimals = (half_width / pow(10, magnitude(half_width)) < 3.55) - magnitude(half_width);
    if (!isfinite(half_width) && decimals < 0)
        decimals = 0; /* "unknown" is no reason to round whole digits away */
    if (decimals < -magnitude(value))
        decimals = -magnitude(value);
    return decimals < (int)unit->decimals ? decimals : (int)unit->decimals;
}

static double rounded(double value, int decimals) {
    double scale = pow(10, abs(decimals));
    double result = decimals >= 0 ? value : nearbyint(value / scale) * scale;
    return result == 0 ? 0 : result; /* no "-0" */
}

char *jb_amount_format(const struct jb_unit *unit, jb_int128 amount, int decimals,
                       char ret[static JB_NUMBER_SIZE]) {
    double value = (double)amount / unit->size;
    if (amount != 0 && decimals < -magnitude(fabs(value)))
        decimals = -magnitude(fabs(value));
    snprintf(ret, JB_NUMBER_SIZE, "%.*f", decimals > 0 ? decimals : 0, rounded(value, decimals));
    return ret;
}

char *jb_interval_format(const struct jb_unit *unit, double low, double high, int decimals,
                         char ret[static JB_NUMBER_SIZE]) {
    if (!isfinite(low) || !isfinite(high)) {
        snprintf(ret, JB_NUMBER_SIZE, "unknown");
        return ret;
    }
    int shown = decimals > 0 ? decimals : 0;
    char from[JB_NUMBER_SIZE / 2 - 4], to[JB_NUMBER_SIZE / 2 - 4];
    snprintf(from, sizeof from, "%.*f", shown, rounded(low / unit->size, decimals));
    snprintf(to, sizeof to, "%.*f", shown, rounded(high / unit->size, decimals));
    snprintf(ret, JB_NUMBER_SIZE, "%s – %s", from, to);
    return ret;
}

char *jb_share_format(double share, char ret[static JB_NUMBER_SIZE]) {
    double percent = share * 100;
    if (!isfinite(percent))
        ret[0] = '\0';
    else if (percent > 0 && percent < 0.1)
        snprintf(ret, JB_NUMBER_SIZE, "<0.1 %%");
    else if (percent < 100 && percent >= 99.95)
        snprintf(ret, JB_NUMBER_SIZE, ">99.9 %%");
    else
        snprintf(ret, JB_NUMBER_SIZE, "%.1f %%", percent == 0 ? 0 : percent);
    return ret;
}

char *jb_amount_alone(jb_commodity commodity, jb_int128 amount, double low, double high,
                      char ret[static JB_NUMBER_SIZE]) {
    struct jb_unit unit = jb_unit_choose(commodity, amount);
    char figure[JB_NUMBER_SIZE];
    jb_amount_format(&unit, amount, jb_number_decimals(&unit, amount, low, high), figure);
    snprintf(ret, JB_NUMBER_SIZE, "%.40s %s", figure, unit.name);
    return ret;
}

char *jb_uncertainty_format(uint32_t uncertainty_ppm, char ret[static JB_NUMBER_SIZE]) {
    double percent = 1.96 * uncertainty_ppm / 1e4;
    if (uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN)
        snprintf(ret, JB_NUMBER_SIZE, "unknown");
    else if (percent < 10)
        snprintf(ret, JB_NUMBER_SIZE, "±%.2g %%", percent);
    else
        snprintf(ret, JB_NUMBER_SIZE, "±%.0f %%", percent);
    return ret;
}
