/* ISO 8601 in UTC: parsing, formatting and calendar arithmetic. */
#include "base/time.h"

#include "base/clock.h"
#include "base/decimal.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int64_t jb_days_from_civil(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void jb_civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *ret_day = (unsigned)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *ret_month = (unsigned)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

int64_t jb_time_floor(int64_t ns, int64_t bucket_ns) {
    int64_t remainder = ns % bucket_ns, floor_ns;
    if (remainder < 0)
        remainder += bucket_ns;
    return __builtin_sub_overflow(ns, remainder, &floor_ns) ? INT64_MIN : floor_ns;
}

/* Reads exactly `digits` digits. */
static bool read_digits(const char **cursor, int digits, unsigned *ret) {
    unsigned value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*cursor)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (unsigned)(c - '0');
    }
    *cursor += digits;
    *ret = value;
    return true;
}

static bool read_char(const char **cursor, char c) {
    if (**cursor != c)
        return false;
    (*cursor)++;
    return true;
}

static unsigned days_in_month(unsigned year, unsigned month) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1U : 0U);
}

/* [:SS[.fraction]] */
static bool read_seconds(const char **cursor, unsigned *ret_second, int64_t *ret_fraction_ns) {
    if (**cursor != ':')
        return true;
    (*cursor)++;
    if (!read_digits(cursor, 2, ret_second))
        return false;
    if (**cursor != '.' && **cursor != ',')
        return true;
    (*cursor)++;
    int64_t scale = JB_SECOND_NS;
    int digits = 0;
    for (; **cursor >= '0' && **cursor <= '9'; (*cursor)++, digits++) {
        scale /= 10;
        *ret_fraction_ns += (**cursor - '0') * scale;
    }
    return digits > 0;
}

/* Z, ±HH:MM, ±HHMM, ±HH or nothing (UTC). */
static bool read_zone(const char **cursor, int64_t *ret_offset_ns) {
    if (read_char(cursor, 'Z') || read_char(cursor, 'z') || **cursor == '\0')
        return true;
    int sign = **cursor == '+' ? 1 : **cursor == '-' ? -1 : 0;
    unsigned hours, minutes = 0;
    if (!sign)
        return false;
    (*cursor)++;
    if (!read_digits(cursor, 2, &hours))
        return false;
    bool colon = read_char(cursor, ':');
    if ((colon || **cursor != '\0') && !read_digits(cursor, 2, &minutes))
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    *ret_offset_ns = sign * ((int64_t)hours * JB_HOUR_NS + (int64_t)minutes * JB_MINUTE_NS);
    return true;
}

enum jb_code jb_time_parse(const char *text, struct jb_error *error, int64_t *ret_ns) {
    const char *cursor = text;
    unsigned year, month, day, hour = 0, minute = 0, second = 0;
    int64_t fraction_ns = 0, offset_ns = 0;
    if (!read_digits(&cursor, 4, &year) || !read_char(&cursor, '-') || !read_digits(&cursor, 2, &month) ||
        !read_char(&cursor, '-') || !read_digits(&cursor, 2, &day))
        goto malformed;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return jb_error_set(error, JB_INPUT, "'%.60s' is not a date of the calendar", text);
    if (*cursor) {
        if (!read_char(&cursor, 'T') && !read_char(&cursor, 't') && !read_char(&cursor, ' '))
            goto malformed;
        if (!read_digits(&cursor, 2, &hour) || !read_char(&cursor, ':') ||
            !read_digits(&cursor, 2, &minute) || !read_seconds(&cursor, &second, &fraction_ns) ||
            !read_zone(&cursor, &offset_ns) || *cursor)
            goto malformed;
        if (hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute || second || fraction_ns)))
            return jb_error_set(error, JB_INPUT, "'%.60s' is not a time of day", text);
    }
    int64_t seconds = jb_days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
                      offset_ns / JB_SECOND_NS;
    /* The instant, not the digits, must lie in these years: an offset may carry it into the next. */
    if (seconds < jb_days_from_civil(1678, 1, 1) * 86400 || seconds >= jb_days_from_civil(2262, 1, 1) * 86400)
        return jb_error_set(error, JB_INPUT, "'%.60s': the year must lie in 1678 to 2261", text);
    *ret_ns = seconds * JB_SECOND_NS + fraction_ns;
    return JB_OK;
malformed:
    return jb_error_set(error, JB_INPUT,
                        "'%.60s' is not a time; expected ISO 8601 such as 2026-11-24 or 2026-11-24T08:00:00Z",
                        text);
}

char *jb_time_format(int64_t ns, char ret[static JB_TIME_SIZE]) {
    int64_t days = ns / JB_DAY_NS, within = ns % JB_DAY_NS, year;
    unsigned month, day;
    if (within < 0) {
        within += JB_DAY_NS;
        days--;
    }
    jb_civil_from_days(days, &year, &month, &day);
    int64_t second = within / JB_SECOND_NS;
    int64_t fraction = within % JB_SECOND_NS;
    char decimals[12] = "";
    if (fraction) {
        snprintf(decimals, sizeof decimals, ".%09lld", (long long)fraction);
        if (fraction % 1000000 == 0)
            decimals[4] = '\0';
        else if (fraction % 1000 == 0)
            decimals[7] = '\0';
    }
    snprintf(ret, JB_TIME_SIZE, "%04lld-%02u-%02uT%02d:%02d:%02d%sZ", (long long)year, month, day,
             (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60), decimals);
    return ret;
}

enum jb_code jb_duration_parse(const char *text, struct jb_error *error, int64_t *ret_ns) {
    static const struct {
        const char *unit;
        int64_t unit_ns;
    } units[] = {{"", JB_SECOND_NS},  {"ns", 1},           {"us", 1000},          {"ms", 1000000},
                 {"s", JB_SECOND_NS}, {"m", JB_MINUTE_NS}, {"min", JB_MINUTE_NS}, {"h", JB_HOUR_NS},
                 {"d", JB_DAY_NS},    {"w", 7 * JB_DAY_NS}};
    char number[32];
    size_t length = strspn(text, "0123456789.");
    if (length > 0 && length < sizeof number) {
        memcpy(number, text, length);
        number[length] = '\0';
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
            int64_t value_ns;
            if (strcmp(text + length, units[i].unit) != 0)
                continue;
            if (jb_decimal_parse(number, units[i].unit_ns, NULL, &value_ns) == JB_OK && value_ns > 0) {
                *ret_ns = value_ns;
                return JB_OK;
            }
        }
    }
    return jb_error_set(error, JB_INPUT,
                        "'%.60s' is not a duration; expected such as 500ms, 1s, 10m, 24h or 7d", text);
}

enum jb_code jb_time_parse_relative(const char *text, int64_t now_ns, struct jb_error *error,
                                    int64_t *ret_ns) {
    if (strncmp(text, "last ", 5) != 0)
        return jb_time_parse(text, error, ret_ns);
    int64_t duration_ns;
    enum jb_code code = jb_duration_parse(text + 5, error, &duration_ns);
    if (code)
        return code;
    if (duration_ns > now_ns)
        return jb_error_set(error, JB_INPUT, "'%.60s' reaches back before 1970", text);
    *ret_ns = now_ns - duration_ns;
    return JB_OK;
}
