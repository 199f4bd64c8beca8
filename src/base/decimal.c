/* Exact decimal text for integers and fixed-point numbers. */
#include "base/decimal.h"

#include <stdbool.h>
#include <string.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

enum jb_code jb_int128_parse(const char *text, struct jb_error *error, jb_int128 *ret_value) {
    const char *cursor = text;
    bool negative = *cursor == '-';
    if (*cursor == '-' || *cursor == '+')
        cursor++;
    if (!is_digit(*cursor))
        return jb_error_set(error, JB_INPUT, "'%.60s' is not a whole number", text);
    const jb_uint128 limit = ((jb_uint128)1 << 127) - (negative ? 0 : 1);
    jb_uint128 value = 0;
    for (; is_digit(*cursor); cursor++) {
        unsigned digit = (unsigned)(*cursor - '0');
        if (value > (limit - digit) / 10)
            return jb_error_set(error, JB_INPUT, "'%.60s' is out of range", text);
        value = value * 10 + digit;
    }
    if (*cursor)
        return jb_error_set(error, JB_INPUT, "'%.60s' is not a whole number", text);
    *ret_value = negative ? (jb_int128)(-value) : (jb_int128)value;
    return JB_OK;
}

enum jb_code jb_int64_parse(const char *text, struct jb_error *error, int64_t *ret_value) {
    jb_int128 value;
    enum jb_code code = jb_int128_parse(text, error, &value);
    if (code)
        return code;
    if (value < INT64_MIN || value > INT64_MAX)
        return jb_error_set(error, JB_INPUT, "'%.60s' is out of range for 64 bits", text);
    *ret_value = (int64_t)value;
    return JB_OK;
}

enum jb_code jb_uint64_parse(const char *text, struct jb_error *error, uint64_t *ret_value) {
    jb_int128 value;
    enum jb_code code = jb_int128_parse(text, error, &value);
    if (code)
        return code;
    if (value < 0 || value > UINT64_MAX)
        return jb_error_set(error, JB_INPUT, "'%.60s' is out of range for 64 bits without sign", text);
    *ret_value = (uint64_t)value;
    return JB_OK;
}

char *jb_int128_format(jb_int128 value, char ret[static JB_INT128_SIZE]) {
    char reversed[JB_INT128_SIZE];
    size_t length = 0, out = 0;
    jb_uint128 rest = value < 0 ? -(jb_uint128)value : (jb_uint128)value;
    do {
        reversed[length++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest);
    if (value < 0)
        ret[out++] = '-';
    while (length)
        ret[out++] = reversed[--length];
    ret[out] = '\0';
    return ret;
}

enum jb_code jb_decimal_parse(const char *text, int64_t scale, struct jb_error *error, int64_t *ret_value) {
    const char *cursor = text;
    bool negative = *cursor == '-', any = false;
    if (*cursor == '-' || *cursor == '+')
        cursor++;
    const jb_uint128 ceiling = (jb_uint128)INT64_MAX + 1;
    jb_uint128 value = 0;
    for (; is_digit(*cursor); cursor++, any = true) {
        value = value * 10 + (unsigned)(*cursor - '0');
        if (value > ceiling)
            return jb_error_set(error, JB_INPUT, "'%.60s' is out of range", text);
    }
    const jb_uint128 unit = (jb_uint128)scale;
    value = value * unit;
    if (*cursor == '.') {
        cursor++;
        /* fraction / 10^digits of the scale, kept as numerator and denominator; 18 digits decide, later ones
         * only break a tie. */
        jb_uint128 numerator = 0, denominator = 1;
        bool beyond = false;
        for (; is_digit(*cursor); cursor++, any = true) {
            if (denominator < (jb_uint128)1000000000000000000ULL) {
                numerator = numerator * 10 + (unsigned)(*cursor - '0');
                denominator *= 10;
            } else if (*cursor != '0') {
                beyond = true;
            }
        }
        jb_uint128 product = numerator * unit;
        jb_uint128 whole = product / denominator, rest = product % denominator;
        value += whole;
        if (rest * 2 > denominator || (rest * 2 == denominator && (beyond || (value & 1))))
            value++;
    }
    if (!any || *cursor)
        return jb_error_set(error, JB_INPUT, "'%.60s' is not a decimal number", text);
    if (value > ceiling - (negative ? 0 : 1))
        return jb_error_set(error, JB_INPUT, "'%.60s' is out of range", text);
    *ret_value = negative ? (int64_t)-value : (int64_t)value;
    return JB_OK;
}
