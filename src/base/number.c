/* Decimal text to double. */
#include "base/number.h"

#include <math.h>
#include <stdint.h>

bool jb_number_parse(const char *text, double *ret_value) {
    const char *at = text;
    bool is_negative = *at == '-', has_digit = false, is_behind_point = false;
    uint64_t digits = 0;
    int exponent = 0;
    at += *at == '-' || *at == '+';
    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !is_behind_point); at++) {
        if (*at == '.') {
            is_behind_point = true;
            continue;
        }
        has_digit = true;
        if (digits > (UINT64_MAX - 9) / 10) {
            exponent += !is_behind_point; /* a digit past what a double holds */
        } else {
            digits = digits * 10 + (uint64_t)(*at - '0');
            exponent -= is_behind_point;
        }
        if (exponent > 5000 || exponent < -5000)
            return false;
    }
    if (has_digit && (*at == 'e' || *at == 'E')) {
        bool is_small = at[1] == '-';
        int written = 0;
        at += 1 + (at[1] == '-' || at[1] == '+');
        if (*at < '0' || *at > '9')
            return false;
        for (; *at >= '0' && *at <= '9'; at++) {
            if (written > 5000)
                return false;
            written = written * 10 + (*at - '0');
        }
        exponent += is_small ? -written : written;
    }
    if (!has_digit || *at)
        return false;
    /* 10^27 and 19 digits are exact in a long double, so the usual number is rounded once. */
    long double value = (long double)digits;
    if (exponent > 0)
        value *= powl(10, exponent);
    else if (exponent < 0)
        value /= powl(10, -exponent);
    double rounded = (double)value;
    if (!isfinite(rounded))
        return false;
    *ret_value = is_negative ? -rounded : rounded;
    return true;
}
