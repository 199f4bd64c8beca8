/* Times as other people's tables write them: brought into ISO 8601, then to UTC. */
#include "base/stamp.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/time.h"

#include <string.h>
#include <strings.h>

static const char *const order_names[] = {"iso", "ymd", "dmy", "mdy", "unix"};

bool jb_stamp_order_parse(const char *name, enum jb_stamp_order *ret_order) {
    for (size_t i = 0; i < JB_COUNT(order_names); i++) {
        if (strcmp(order_names[i], name) == 0) {
            *ret_order = (enum jb_stamp_order)i;
            return true;
        }
    }
    return false;
}

/* Digits, at most four. */
static bool read_number(const char **cursor, int *ret_value, int *ret_digits) {
    int value = 0, digits = 0;
    for (; **cursor >= '0' && **cursor <= '9' && digits < 5; (*cursor)++, digits++)
        value = value * 10 + (**cursor - '0');
    *ret_value = value;
    *ret_digits = digits;
    return digits >= 1 && digits <= 4;
}

/* Three numbers with one separator, in the order said; the year has four digits. */
static bool read_date(const char **cursor, enum jb_stamp_order order, int *ret_year, int *ret_month,
                      int *ret_day) {
    int values[3], digits[3];
    char separator = '\0';
    for (int i = 0; i < 3; i++) {
        if (!read_number(cursor, &values[i], &digits[i]))
            return false;
        if (i == 0)
            separator = **cursor;
        if (i < 2 && (!separator || !strchr("./-", separator) || *(*cursor)++ != separator))
            return false;
    }
    int year = order == JB_STAMP_YMD ? 0 : 2, month = order == JB_STAMP_MDY ? 0 : 1;
    int day = 3 - year - month;
    if (digits[year] != 4 || digits[month] > 2 || digits[day] > 2)
        return false;
    *ret_year = values[year];
    *ret_month = values[month];
    *ret_day = values[day];
    return true;
}

/* Takes "AM" or "PM" off the end of what follows the hour, and the hour from there to that of the day. */
static bool take_half(char *rest, int *hour) {
    size_t length = strlen(rest);
    if (length < 2)
        return true;
    bool is_pm = strcasecmp(rest + length - 2, "pm") == 0;
    if (!is_pm && strcasecmp(rest + length - 2, "am") != 0)
        return true;
    length -= 2;
    while (length && rest[length - 1] == ' ')
        length--;
    rest[length] = '\0';
    bool is_good = *hour >= 1 && *hour <= 12;
    *hour = *hour % 12 + (is_pm ? 12 : 0);
    return is_good;
}

/* Brings any order of date into ISO. */
static bool to_iso(enum jb_stamp_order order, const char *text, char *ret, size_t size) {
    int year, month, day, hour = 0, digits;
    char rest[40] = ":00";
    if (!read_date(&text, order, &year, &month, &day))
        return false;
    if (*text) {
        if (*text == ',')
            text++;
        if (*text != 'T' && *text != ' ')
            return false;
        text++;
        if (!read_number(&text, &hour, &digits) || digits > 2 || *text != ':' || strlen(text) >= sizeof rest)
            return false;
        memcpy(rest, text, strlen(text) + 1);
        if (!take_half(rest, &hour))
            return false;
    }
    int length = snprintf(ret, size, "%04d-%02d-%02dT%02d%s", year, month, day, hour, rest);
    return length > 0 && (size_t)length < size;
}

/* Without blanks about it. */
static bool trim(const char *text, char *ret, size_t size) {
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    if (length >= size)
        return false;
    memcpy(ret, text, length);
    ret[length] = '\0';
    return true;
}

static enum jb_code refuse(enum jb_stamp_order order, const char *text, struct jb_error *error) {
    static const char *const examples[] = {"2026-11-24T08:00", "2026/11/24 08:00", "24.11.2026 08:00",
                                           "11/24/2026 8:00 AM", "1795507200"};
    int numbers[3], digits;
    const char *cursor = text;
    bool has_date = false;
    for (int i = 0; i < 3 && read_number(&cursor, &numbers[i], &digits); i++) {
        has_date = i == 2;
        cursor += *cursor != '\0';
    }
    if (order == JB_STAMP_ISO && has_date)
        return jb_error_set(error, JB_INPUT,
                            "'%.40s' is not written as %s; say how with --dates dmy (day first), mdy or ymd; "
                            "one file has one style",
                            text, examples[order]);
    return jb_error_set(error, JB_INPUT,
                        "'%.40s' is no time written as %s (--dates %s); one file has one style", text,
                        examples[order], order_names[order]);
}

enum jb_code jb_stamp_parse(enum jb_stamp_order order, const char *text, struct jb_error *error,
                            int64_t *ret_ns, bool *ret_has_offset) {
    char trimmed[64], iso[64];
    if (!trim(text, trimmed, sizeof trimmed) || !trimmed[0])
        return text[0] ? refuse(order, text, error)
                       : jb_error_set(error, JB_INPUT, "empty; every row needs one");
    if (order == JB_STAMP_UNIX) {
        int64_t ns;
        if (jb_decimal_parse(trimmed, JB_SECOND_NS, NULL, &ns))
            return refuse(order, text, error);
        *ret_ns = ns;
        *ret_has_offset = true;
        return JB_OK;
    }
    if (order == JB_STAMP_ISO)
        memcpy(iso, trimmed, sizeof iso);
    else if (!to_iso(order, trimmed, iso, sizeof iso))
        return refuse(order, text, error);
    /* 24:00 is the end of the day (ISO 8601:2004, 4.2.3). */
    int64_t more_ns = 0, ns;
    if (strlen(iso) >= 16 && strncmp(iso + 11, "24:00", 5) == 0 &&
        (iso[16] != ':' || strncmp(iso + 16, ":00", 3) == 0)) {
        memcpy(iso + 11, "00", 2);
        more_ns = JB_DAY_NS;
    }
    if (jb_time_parse(iso, NULL, &ns) || __builtin_add_overflow(ns, more_ns, &ns))
        return refuse(order, text, error);
    *ret_ns = ns;
    *ret_has_offset = strlen(iso) > 10 && strpbrk(iso + 10, "Zz+-") != NULL;
    return JB_OK;
}

enum jb_code jb_stamp_read(const struct jb_stamp_style *style, const char *text, struct jb_stamp_state *state,
                           struct jb_error *error, int64_t *ret_ns) {
    int64_t local_ns = 0, ns[2] = {0};
    bool has_offset = false;
    enum jb_code code = jb_stamp_parse(style->order, text, error, &local_ns, &has_offset);
    if (code)
        return code;
    size_t count = 1;
    if (has_offset || !style->zone)
        ns[0] = local_ns;
    else
        count = jb_zone_to_utc(style->zone, local_ns, ns);
    if (count == 0)
        return jb_error_set(
            error, JB_INPUT,
            "'%.40s' was no time there: clocks were put forward over it; give times in UTC or "
            "with an offset, or leave the row out",
            text);
    int64_t chosen_ns = count == 2 && ns[0] <= state->previous_ns ? ns[1] : ns[0];
    if (state->twin_ns != INT64_MIN && chosen_ns > state->twin_ns)
        return jb_error_set(
            error, JB_INPUT,
            "before '%.40s' clocks were put back and showed an hour twice, but the file has it "
            "once; give times in UTC or with an offset, or both hours",
            text);
    state->twin_ns = count == 2 && chosen_ns == ns[0] ? ns[1] : INT64_MIN;
    state->previous_ns = chosen_ns;
    *ret_ns = chosen_ns;
    return JB_OK;
}
