/* What a scan has to find, the slow and obvious way: one byte at a time, one row at a time, every group
 * looked for from the first on. Nothing of it is the scan's own. */
#ifndef JB_BASE_SCAN_REFERENCE_TEST_H
#define JB_BASE_SCAN_REFERENCE_TEST_H

#include "base/buffer.h"
#include "base/scan.h"
#include "base/time.h"

#include <string.h>

#define REFERENCE_FIELDS 64

struct reference_row {
    char *fields[REFERENCE_FIELDS]; /* unquoted */
    size_t count;
    size_t next; /* where the next row begins */
    bool is_bad, is_empty;
};

static inline void reference_row_free(struct reference_row *row) {
    for (size_t i = 0; i < row->count && i < REFERENCE_FIELDS; i++)
        free(row->fields[i]);
}

static inline size_t reference_line_end(const char *bytes, size_t length, size_t at) {
    while (at < length && bytes[at] != '\n')
        at++;
    return at < length ? at + 1 : length;
}

static inline void reference_bad(struct reference_row *row, const char *bytes, size_t length, size_t at) {
    row->is_bad = true;
    row->next = reference_line_end(bytes, length, at);
}

/* Whether the row ends at `at`; *ret_next is behind its line end. */
static inline bool reference_at_end(const char *bytes, size_t length, size_t at, size_t *ret_next) {
    if (at == length) {
        *ret_next = length;
        return true;
    }
    if (bytes[at] == '\r' && at + 1 == length) {
        *ret_next = length;
        return true;
    }
    if (bytes[at] == '\r' && bytes[at + 1] == '\n') {
        *ret_next = at + 2;
        return true;
    }
    *ret_next = at + 1;
    return bytes[at] == '\n';
}

/* The field at *at; false: the row is bad. */
static inline bool reference_field(const char *bytes, size_t length, char separator, size_t row_begin,
                                   size_t *at, struct reference_row *row, struct jb_buffer *field) {
    size_t next;
    jb_buffer_clear(field);
    jb_buffer_add(field, "", 0);
    if (*at < length && bytes[*at] == '"') {
        size_t piece = ++*at;
        for (;;) {
            if (*at == length) {
                reference_bad(row, bytes, length, row_begin);
                return false;
            }
            if (bytes[*at] == '\0') {
                reference_bad(row, bytes, length, piece);
                return false;
            }
            if (bytes[*at] == '"') {
                ++*at;
                if (*at == length || bytes[*at] != '"')
                    break;
                piece = *at + 1;
            }
            jb_buffer_add_char(field, bytes[(*at)++]);
        }
        if (reference_at_end(bytes, length, *at, &next) || bytes[*at] == separator)
            return true;
        reference_bad(row, bytes, length, *at);
        return false;
    }
    while (!reference_at_end(bytes, length, *at, &next) && bytes[*at] != separator) {
        if (strchr("\"\r", bytes[*at])) { /* NUL as well */
            reference_bad(row, bytes, length, *at);
            return false;
        }
        jb_buffer_add_char(field, bytes[(*at)++]);
    }
    return true;
}

/* The row at `at` < length. */
static inline struct reference_row reference_take(const char *bytes, size_t length, char separator,
                                                  size_t at) {
    struct reference_row row = {.next = length};
    _cleanup_buffer_ struct jb_buffer field = {0};
    const size_t begin = at;
    if (reference_at_end(bytes, length, at, &row.next)) {
        row.is_empty = true;
        return row;
    }
    while (reference_field(bytes, length, separator, begin, &at, &row, &field)) {
        if (row.count < REFERENCE_FIELDS)
            row.fields[row.count] = strdup(field.bytes);
        row.count++;
        if (reference_at_end(bytes, length, at, &row.next))
            break;
        at++;
    }
    return row;
}

/* A decimal number in units of 10^-decimals, by moving the digits about as text. */
static inline bool reference_decimal(const char *text, unsigned decimals, bool may_round,
                                     jb_int128 *ret_value) {
    char digits[512] = "";
    size_t count = 0;
    long point = -1, exponent = 0;
    const char *at = text;
    bool is_negative = *at == '-';
    at += *at == '-' || *at == '+';
    for (; (*at >= '0' && *at <= '9') || *at == '.'; at++) {
        if (*at == '.' && point >= 0)
            return false;
        if (*at == '.')
            point = (long)count;
        else if (count < sizeof digits)
            digits[count++] = *at;
    }
    if (count == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        bool is_below = *++at == '-';
        at += *at == '-' || *at == '+';
        if (!*at)
            return false;
        for (; *at >= '0' && *at <= '9'; at++)
            exponent = exponent > 100000 ? exponent : exponent * 10 + (*at - '0');
        exponent = is_below ? -exponent : exponent;
    }
    if (*at)
        return false;
    /* Digit i stands for 10^(whole - 1 - i) units. */
    long whole = (point < 0 ? (long)count : point) + exponent + (long)decimals;
    jb_int128 value = 0, limit = 1;
    for (int i = 0; i < 34; i++)
        limit *= 10;
    bool above = false, below_half = true, any = false;
    for (long i = 0; i < whole || i < (long)count; i++) {
        int digit = i < (long)count ? digits[i] - '0' : 0;
        if (i < whole) {
            value = value * 10 + digit;
            if (value >= limit)
                return false;
            if (i > (long)count && value == 0)
                break;
        } else if (i == whole && whole >= 0) {
            below_half = digit < 5;
            above = digit > 5;
            any |= digit > 0;
        } else {
            any |= digit > 0;
            above |= digit > 0 && !below_half;
        }
    }
    if (any && !may_round)
        return false;
    if (above || (!below_half && any && (value & 1)))
        value++;
    if (value >= limit)
        return false;
    *ret_value = is_negative ? -value : value;
    return true;
}

#endif
