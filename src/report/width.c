/* How wide text is on a terminal, and how it is cut to fit. */
#include "report/table.h"

#include <stdint.h>
#include <string.h>

struct range {
    uint32_t first, last;
};

/* Marks that take no column (Unicode general categories Mn, Me and Cf, the blocks that names meet). */
static const struct range zero_width[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489},   {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
    {0x0900, 0x0902}, {0x093c, 0x093c},   {0x0941, 0x0948}, {0x094d, 0x094d}, {0x0e31, 0x0e31},
    {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},
    {0x202a, 0x202e}, {0x2060, 0x2064},   {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
    {0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
};
/* East Asian Width W and F (Unicode Annex 11), and emoji that terminals draw wide. */
static const struct range double_width[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
    {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
    {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
    {0x20000, 0x2fffd}, {0x30000, 0x3fffd},
};

static bool is_in(const struct range *ranges, size_t count, uint32_t point) {
    for (size_t i = 0; i < count && ranges[i].first <= point; i++) {
        if (point <= ranges[i].last)
            return true;
    }
    return false;
}

/* Bytes of the sequence at text; *ret_width its columns. Invalid bytes count as one column. */
static size_t measure(const char *text, size_t left, size_t *ret_width) {
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = jb_utf8_length(text, left);
    *ret_width = 1;
    if (length < 2)
        return 1;
    uint32_t point = bytes[0] & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++)
        point = point << 6 | (bytes[i] & 0x3fU);
    if (is_in(zero_width, sizeof zero_width / sizeof zero_width[0], point))
        *ret_width = 0;
    else if (is_in(double_width, sizeof double_width / sizeof double_width[0], point))
        *ret_width = 2;
    return length;
}

size_t jb_text_width(const char *text) {
    size_t total = 0, left = strlen(text);
    while (left) {
        size_t width, length = measure(text, left, &width);
        total += width;
        text += length;
        left -= length;
    }
    return total;
}

char *jb_text_fit(const char *text, size_t width, char *ret, size_t size) {
    size_t whole = jb_text_width(text);
    size_t length = strlen(text);
    if (whole <= width && length < size) {
        memcpy(ret, text, length + 1);
        return ret;
    }
    /* The end of a path tells more than its beginning: it gets the larger half. */
    size_t head = width ? (width - 1) / 3 : 0, tail = width ? width - 1 - head : 0;
    size_t out = 0, at = 0, used = 0;
    while (at < length) {
        size_t columns, bytes = measure(text + at, length - at, &columns);
        if (used + columns > head || out + bytes + 4 > size)
            break;
        memcpy(ret + out, text + at, bytes);
        out += bytes;
        at += bytes;
        used += columns;
    }
    if (width && out + 4 <= size) {
        memcpy(ret + out, "…", strlen("…"));
        out += strlen("…");
    }
    /* Skip from the front until what is left fits. */
    size_t rest = whole - used;
    while (at < length && (rest > tail || out + (length - at) + 1 > size)) {
        size_t columns, bytes = measure(text + at, length - at, &columns);
        rest -= columns;
        at += bytes;
    }
    /* A combining mark whose letter was skipped would sit on the ellipsis. */
    while (at < length) {
        size_t columns, bytes = measure(text + at, length - at, &columns);
        if (columns > 0)
            break;
        at += bytes;
    }
    memcpy(ret + out, text + at, length - at);
    ret[out + length - at] = '\0';
    return ret;
}
