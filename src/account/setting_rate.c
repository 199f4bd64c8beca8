/* Rates of tariffs, and amounts of functional units, from their lines. */
#include "account/setting_internal.h"

#include "base/decimal.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};

static int index_of(const char *text, const char *const *names, int count) {
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], text) == 0)
            return i;
    }
    return -1;
}

/* "mon-fri", "sat": bits of names; a range may go over the end of the week or year. 0: it is none. */
static unsigned parse_range(const char *text, const char *const *names, int count) {
    char first[16], last[16];
    if (sscanf(text, "%15[a-z]-%15[a-z]", first, last) != 2)
        snprintf(last, sizeof last, "%.15s", text), snprintf(first, sizeof first, "%.15s", text);
    char again[40];
    snprintf(again, sizeof again, "%s-%s", first, last);
    if (strcmp(again, text) != 0 && strcmp(first, text) != 0)
        return 0;
    int from = index_of(first, names, count), to = index_of(last, names, count);
    unsigned bits = 0;
    if (from < 0 || to < 0)
        return 0;
    for (int i = from;; i = (i + 1) % count) {
        bits |= 1u << i;
        if (i == to)
            return bits;
    }
}

/* "08:00-20:00" */
static bool parse_hours(const char *text, struct jb_rate *rate) {
    unsigned from_hour, from_minute, to_hour, to_minute;
    int end = 0;
    if (strspn(text, "0123456789:-") != strlen(text) ||
        sscanf(text, "%2u:%2u-%2u:%2u%n", &from_hour, &from_minute, &to_hour, &to_minute, &end) != 4 ||
        text[end] || from_hour > 23 || from_minute > 59 || to_minute > 59 ||
        to_hour * 60 + to_minute > 1440 || (from_hour == to_hour && from_minute == to_minute))
        return false;
    rate->minute_from = (uint16_t)(from_hour * 60 + from_minute);
    rate->minute_until = (uint16_t)(to_hour * 60 + to_minute);
    return true;
}

/* "mon-fri,sun", "jun-aug" or hours. */
static bool parse_condition(char *text, struct jb_rate *rate) {
    if (strchr(text, ':'))
        return parse_hours(text, rate);
    unsigned weekdays = 0, of_year = 0;
    char *rest = NULL;
    for (char *item = strtok_r(text, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        unsigned week = parse_range(item, days, JB_COUNT(days)),
                 year = parse_range(item, months, JB_COUNT(months));
        if (!week && !year)
            return false;
        weekdays |= week;
        of_year |= year;
    }
    if (!weekdays == !of_year)
        return false;
    if (weekdays)
        rate->weekdays = (uint8_t)weekdays;
    else
        rate->months = (uint16_t)of_year;
    return true;
}

/* Cuts the price "0.31 EUR/kWh +- 2 %" off the front of text and returns what follows it. */
static char *cut_price(char *text) {
    char *at = text + strcspn(text, " \t");
    at += strspn(at, " \t");
    at += strcspn(at, " \t"); /* behind the unit */
    char *mark = at + strspn(at, " \t");
    if (strncmp(mark, "+-", 2) == 0 || strncmp(mark, "+/-", 3) == 0 || strncmp(mark, "±", 2) == 0) {
        char *percent = strchr(mark, '%');
        at = percent ? percent + 1 : mark + strlen(mark);
    }
    if (*at)
        *at++ = '\0';
    return at;
}

enum jb_code jb_setting_rate(const char *text, jb_commodity currency, const struct jb_setting_place *place,
                             struct jb_error *error, struct jb_rate *ret_rate) {
    char copy[200], name[JB_COMMODITY_SIZE], kwh[JB_COMMODITY_SIZE + 8], mwh[JB_COMMODITY_SIZE + 8];
    struct jb_rate rate = {.weekdays = 0x7f, .months = 0xfff, .minute_until = 1440};
    jb_commodity_format(currency, name);
    snprintf(kwh, sizeof kwh, "%s/kWh", name);
    snprintf(mwh, sizeof mwh, "%s/MWh", name);
    const struct jb_setting_unit units[] = {{kwh, 1}, {mwh, 1e-3}, {NULL, 0}};
    const struct jb_setting_range range = {units, 0, 1e6};
    if (strlen(text) >= sizeof copy)
        return jb_setting_fault(place, error, "'%.30s…' is too long for a rate", text);
    snprintf(copy, sizeof copy, "%s", text);
    char *conditions = cut_price(copy), *rest = NULL;
    enum jb_code code = jb_setting_number(copy, &range, place, error, &rate.price_per_kwh);
    if (code)
        return code;
    for (char *word = strtok_r(conditions, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        char shown[64];
        snprintf(shown, sizeof shown, "%s", word);
        if (!parse_condition(word, &rate))
            return jb_setting_fault(
                place, error,
                "'%.40s' is no time of a rate; write days (mon-fri), hours (08:00-20:00) or "
                "months (jun-aug)",
                shown);
    }
    *ret_rate = rate;
    return JB_OK;
}

enum jb_code jb_setting_amount(struct jb_strings *texts, const char *text,
                               const struct jb_setting_place *place, struct jb_error *error,
                               struct jb_unit_amount *ret_amount) {
    _cleanup_free_ char *copy = strdup(text);
    struct jb_unit_amount amount = {.account = "", .label = ""};
    char *rest = NULL;
    if (!copy)
        return jb_error_set(error, JB_MEMORY, "no memory for an amount");
    char *from = strtok_r(copy, " \t", &rest), *until = strtok_r(NULL, " \t", &rest),
         *number = strtok_r(NULL, " \t", &rest), *whom = strtok_r(NULL, "", &rest);
    if (!number)
        return jb_setting_fault(place, error,
                                "'%.60s' is no amount; write FROM UNTIL AMOUNT, such as "
                                "2026-01-01 2026-02-01 120000",
                                text);
    int64_t millionths;
    enum jb_code code = jb_setting_time(from, false, place, error, &amount.from_ns);
    if (!code)
        code = jb_setting_time(until, false, place, error, &amount.until_ns);
    if (!code && amount.from_ns >= amount.until_ns)
        return jb_setting_fault(place, error, "%.30s is not before %.30s", from, until);
    if (!code && (jb_decimal_parse(number, 1000000, NULL, &millionths) || millionths < 0))
        return jb_setting_fault(place, error, "'%.40s' is no amount of 0 or more", number);
    if (code)
        return code;
    amount.amount = (double)millionths / 1e6;
    if (whom) {
        whom += strspn(whom, " \t");
        bool is_label = strncmp(whom, "label:", 6) == 0;
        if (is_label && !strchr(whom, '='))
            return jb_setting_fault(place, error, "'%.60s' names no value; write label:KEY=VALUE", whom);
        code = jb_setting_text(texts, is_label ? whom + 6 : whom, error,
                               is_label ? &amount.label : &amount.account);
    }
    if (!code)
        *ret_amount = amount;
    return code;
}
