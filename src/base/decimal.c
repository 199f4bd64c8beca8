/* Exact decimal text for integers and fixed-point numbers. */
#include "base/decimal.h"

#include <assert.h>
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
    bool huge = false;
    for (; is_digit(*cursor); cursor++) {
        unsigned digit = (unsigned)(*cursor - '0');
        huge = huge || value > (limit - digit) / 10;
        value = huge ? value : value * 10 + digit;
    }
    if (*cursor)
        return jb_error_set(error, JB_INPUT, "'%.60s' is not a whole number", text);
    if (huge)
        return jb_error_set(error, JB_INPUT, "'%.60s' is out of range", text);
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

/* Compares 0.<digits> with numerator / denominator, both sides exactly: the sign of the difference. */
static int compare_fraction(const char *digits, jb_uint128 numerator, jb_uint128 denominator) {
    if (numerator >= denominator)
        return -1;
    for (; is_digit(*digits); digits++) {
        numerator *= 10;
        int theirs = (int)(numerator / denominator), ours = *digits - '0';
        numerator %= denominator;
        if (ours != theirs)
            return ours - theirs;
    }
    return numerator ? -1 : 0;
}

/* 0.<digits> times unit, rounded half to even together with the `whole` units that stand before the point. */
static jb_uint128 round_fraction(const char *digits, jb_uint128 unit, jb_uint128 whole) {
    jb_uint128 numerator = 0, denominator = 1;
    for (int i = 0; i < 18 && is_digit(digits[i]); i++) {
        numerator = numerator * 10 + (unsigned)(digits[i] - '0');
        denominator *= 10;
    }
    /* The first 18 digits give it to within two; all of them decide. */
    jb_uint128 rounded = numerator * unit / denominator;
    for (;;) {
        int side = compare_fraction(digits, 2 * rounded + 1, 2 * unit);
        if (side < 0 || (side == 0 && ((whole + rounded) & 1) == 0))
            return rounded;
        rounded++;
    }
}

enum jb_code jb_decimal_parse(const char *text, int64_t scale, struct jb_error *error, int64_t *ret_value) {
    assert(scale >= 1 && scale <= INT64_C(1000000000000000000));
    const char *cursor = text;
    bool negative = *cursor == '-', any = false, huge = false;
    if (*cursor == '-' || *cursor == '+')
        cursor++;
    const jb_uint128 ceiling = (jb_uint128)INT64_MAX + (negative ? 1 : 0);
    jb_uint128 value = 0;
    for (; is_digit(*cursor); cursor++, any = true) {
        value = huge ? value : value * 10 + (unsigned)(*cursor - '0');
        huge = huge || value > ceiling;
    }
    const char *fraction = "";
    if (*cursor == '.') {
        fraction = ++cursor;
        for (; is_digit(*cursor); cursor++)
            any = true;
    }
    if (!any || *cursor)
        return jb_error_set(error, JB_INPUT, "'%.60s' is not a decimal number", text);
    const jb_uint128 unit = (jb_uint128)scale;
    if (!huge) {
        value = value * unit;
        value = value + round_fraction(fraction, unit, value);
    }
    if (huge || value > ceiling)
        return jb_error_set(error, JB_INPUT, "'%.60s' is out of range", text);
    *ret_value = negative ? (int64_t)-value : (int64_t)value;
    return JB_OK;
}

bool jb_share_parse(const char *text, uint32_t *ret_ppm) {
    char number[64];
    int64_t value;
    size_t length = strlen(text);
    bool is_percent = length && text[length - 1] == '%';
    length -= is_percent;
    while (is_percent && length && text[length - 1] == ' ')
        length--;
    if (length >= sizeof number)
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    if (jb_decimal_parse(number, is_percent ? 10000 : 1000000, NULL, &value) || value < 0 || value > 1000000)
        return false;
    *ret_ppm = (uint32_t)value;
    return true;
}
