/* Decimal numbers as exact 128-bit integers. */
#include "base/scan_decimal.h"

#include <assert.h>
#include <string.h>

/* Exponents past this are as good as infinite: no text that is taken has so many digits. */
#define EXPONENT_CEILING 10000000

const uint64_t jb_scan_powers_of_ten[20] = {
    1U,
    10U,
    100U,
    1000U,
    10000U,
    100000U,
    1000000U,
    10000000U,
    100000000U,
    1000000000U,
    10000000000U,
    100000000000U,
    1000000000000U,
    10000000000000U,
    100000000000000U,
    1000000000000000U,
    10000000000000000U,
    100000000000000000U,
    1000000000000000000U,
    10000000000000000000U,
};

/* The parts of a number: digits stand in [begin, end), perhaps with a point among them. */
struct parts {
    const char *begin, *end; /* from the first digit that is not 0 */
    int64_t digit_count;     /* digits in there */
    int64_t exponent;        /* of the last digit */
    bool is_negative;
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* "e-05" at cursor: adds it to the exponent; NULL when it is none. */
static const char *take_exponent(const char *cursor, const char *end, struct parts *parts) {
    int64_t exponent = 0;
    bool is_negative = false;
    if (++cursor < end && (*cursor == '-' || *cursor == '+'))
        is_negative = *cursor++ == '-';
    if (cursor == end)
        return NULL;
    for (; cursor < end && is_digit(*cursor); cursor++)
        exponent = exponent < EXPONENT_CEILING ? exponent * 10 + (*cursor - '0') : EXPONENT_CEILING;
    parts->exponent += is_negative ? -exponent : exponent;
    return cursor;
}

static bool take_parts(const char *cursor, const char *end, struct parts *ret_parts) {
    struct parts parts = {.is_negative = cursor < end && *cursor == '-'};
    bool any = false, has_point = false;
    if (cursor < end && (*cursor == '-' || *cursor == '+'))
        cursor++;
    for (; cursor < end; cursor++) {
        if (*cursor == '.') {
            if (has_point)
                return false;
            has_point = true;
            continue;
        }
        if (!is_digit(*cursor))
            break;
        any = true;
        parts.exponent -= has_point;
        if (!parts.begin && *cursor == '0')
            continue;
        if (!parts.begin)
            parts.begin = cursor;
        parts.digit_count++;
    }
    parts.end = cursor;
    if (any && cursor < end && (*cursor == 'e' || *cursor == 'E'))
        cursor = take_exponent(cursor, end, &parts);
    if (!any || cursor != end)
        return false;
    *ret_parts = parts;
    return true;
}

/* The first `kept` digits as an integer; what the rest is worth, in halves of its last digit: 0 nothing, 1
 * less than a half, 2 a half, 3 more. */
static jb_uint128 split_digits(const struct parts *parts, int64_t kept, unsigned *ret_rest) {
    jb_uint128 value = 0;
    unsigned rest = 0;
    int64_t at = 0;
    for (const char *cursor = parts->begin; cursor && cursor < parts->end; cursor++) {
        if (*cursor == '.')
            continue;
        unsigned digit = (unsigned)(*cursor - '0');
        if (at < kept)
            value = value * 10 + digit;
        else if (at == kept && kept >= 0)
            rest = digit == 0 ? 0 : digit < 5 ? 1 : digit == 5 ? 2 : 3;
        else if (digit)
            rest |= 1; /* with kept < 0 the digit there is 0 */
        at++;
    }
    *ret_rest = rest;
    return value;
}

static enum jb_code out_of_range(const char *text, size_t length, struct jb_error *error) {
    return jb_error_set(error, JB_INPUT, "'%.*s' is out of range", (int)(length < 60 ? length : 60), text);
}

enum jb_code jb_scan_decimal_parse(const char *text, size_t length, unsigned decimals, bool may_round,
                                   struct jb_error *error, jb_int128 *ret_value) {
    assert(decimals <= JB_SCAN_DECIMALS_CEILING && length < ((size_t)1 << 21));
    struct parts parts;
    if (!take_parts(text, text + length, &parts))
        return jb_error_set(
            error, JB_INPUT, "'%.*s' is not a decimal number%s", (int)(length < 60 ? length : 60), text,
            memchr(text, ',', length) ? "; expected a point and no commas, such as 1234.5" : "");
    /* The number is its digits times 10^shift units. */
    int64_t shift = parts.exponent + (int64_t)decimals;
    if (parts.digit_count == 0) {
        *ret_value = 0;
        return JB_OK;
    }
    if (parts.digit_count + shift > JB_SCAN_DECIMAL_DIGITS)
        return out_of_range(text, length, error);
    unsigned rest = 0;
    int64_t kept = shift < 0 ? parts.digit_count + shift : parts.digit_count;
    jb_uint128 value = split_digits(&parts, kept, &rest);
    if (rest && !may_round)
        return jb_error_set(error, JB_INPUT, "'%.*s' has more than %u decimals",
                            (int)(length < 60 ? length : 60), text, decimals);
    for (; shift > 0; shift--)
        value *= 10;
    value += rest == 3 || (rest == 2 && (value & 1));
    jb_uint128 limit = (jb_uint128)jb_scan_powers_of_ten[17] * jb_scan_powers_of_ten[17];
    if (value >= limit)
        return out_of_range(text, length, error);
    *ret_value = parts.is_negative ? -(jb_int128)value : (jb_int128)value;
    return JB_OK;
}
