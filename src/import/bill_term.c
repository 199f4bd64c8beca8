/* Terms that machines are paid ahead for: cells of bills, and the hours that they stand for. */
#include "import/bill.h"

#include "base/clock.h"
#include "base/time.h"

#include <stdio.h>
#include <string.h>

#define MONTH_CEILING 120 /* 10 years */
#define DAY_CEILING   3660
#define LAST_DAY      84000 /* 2199: with the longest term well within what a book takes */
#define MONTH_H       730   /* as units of GB-months */

void jb_bill_term_parse(const char *text, bool is_end, int64_t zone_ns, struct jb_buffer *ret_term) {
    struct jb_error ignored = {0};
    int64_t ns, year;
    unsigned month, day;
    size_t digits = strspn(text, "0123456789");
    if (digits < 4 || jb_bill_time_parse(text, zone_ns, &ignored, &ns)) {
        jb_buffer_add_string(ret_term, text);
        return;
    }
    /* A day without a time is that day; others are days where the bill is at home. */
    if (strchr(text, ':') && __builtin_add_overflow(ns, zone_ns, &ns))
        return;
    if (is_end && ns != jb_time_floor(ns, JB_DAY_NS))
        return;
    jb_civil_from_days(jb_time_floor(ns, JB_DAY_NS) / JB_DAY_NS, &year, &month, &day);
    jb_buffer_printf(ret_term, "%04d-%02u-%02u", (int)year, month, day);
}

/* "2026-07-01", as jb_bill_term_parse writes it. */
static bool take_day(const char *text, int64_t *ret_days) {
    int64_t ns;
    if (strlen(text) != 10 || text[4] != '-' || jb_time_parse(text, NULL, &ns))
        return false;
    *ret_days = ns / JB_DAY_NS;
    return true;
}

/* Whether days are whole months on, give or take the one on which the term began: it runs until the midnight
 * behind the same day of a later month. */
static bool are_whole_months(int64_t from_days, int64_t to_days) {
    int64_t from_year, to_year;
    unsigned from_month, to_month, from_day, to_day;
    jb_civil_from_days(from_days, &from_year, &from_month, &from_day);
    jb_civil_from_days(to_days, &to_year, &to_month, &to_day);
    if (to_days - from_days < 28)
        return false;
    for (int64_t more = 0; more <= 1; more++) { /* the same day, or the one behind it */
        jb_civil_from_days(to_days - more, &to_year, &to_month, &to_day);
        int64_t next = to_month == 12 ? jb_days_from_civil(to_year + 1, 1, 1)
                                      : jb_days_from_civil(to_year, to_month + 1, 1);
        bool is_last = to_days - more + 1 == next;
        if (to_day == from_day || (is_last && from_day > to_day))
            return true;
    }
    return false;
}

static bool is_one_of(const char *text, const char *const *list) {
    for (; *list; list++) {
        if (strcasecmp(text, *list) == 0)
            return true;
    }
    return false;
}

enum jb_code jb_bill_term_find(const char *term, const char *of, struct jb_error *error, int64_t *ret_from_ns,
                               double *ret_hours) {
    static const char *const months[] = {"month", "months", "月", "个月", NULL}, *const years[] = {
                                                                                     "year", "years", "年",
                                                                                     NULL};
    int64_t from_days, to_days;
    if (take_day(term, &to_days)) {
        if (!take_day(of, &from_days))
            return jb_error_set(error, JB_NO_DATA, "the bill does not say when the term begins");
        if (from_days < 0 || to_days > LAST_DAY || to_days - from_days > DAY_CEILING)
            return jb_error_set(error, JB_NO_DATA, "paid for more than 10 years, or not in these times");
        if (!are_whole_months(from_days, to_days))
            return jb_error_set(error, JB_NO_DATA,
                                "paid for a part of a month, whose hours another order has");
        *ret_from_ns = from_days * JB_DAY_NS;
        *ret_hours = 24.0 * (double)(to_days - from_days);
        return JB_OK;
    }
    size_t digits = strspn(term, "0123456789");
    unsigned number = 0;
    for (size_t i = 0; i < digits && number <= MONTH_CEILING; i++)
        number = 10 * number + (unsigned)(term[i] - '0');
    const char *unit = term + digits;
    unit += strspn(unit, " ");
    unit = *unit ? unit : of;
    bool is_year = is_one_of(unit, years);
    if (!*term || !*unit)
        return jb_error_set(error, JB_NO_DATA, "the bill does not say for how long it is paid");
    if (number == 0 || number * (is_year ? 12 : 1) > MONTH_CEILING || !(is_year || is_one_of(unit, months)))
        return jb_error_set(error, JB_NO_DATA, "paid for '%.20s %.20s', not for months or years", term, of);
    *ret_from_ns = JB_BILL_NO_TIME;
    *ret_hours = (double)number * (is_year ? 12 : 1) * MONTH_H;
    return JB_OK;
}
