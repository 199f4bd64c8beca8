/* Text helpers: globs and safe display. */
#include "base/text.h"

#include <assert.h>
#include <string.h>

/* The end of a set that opens at pattern ('['), or NULL when it is never closed. */
static const char *set_end(const char *pattern) {
    const char *cursor = pattern + 1;
    if (*cursor == '!' || *cursor == '^')
        cursor++;
    for (const char *first = cursor; *cursor; cursor++) {
        if (*cursor == ']' && cursor > first)
            return cursor;
        if (*cursor == '\\' && cursor[1])
            cursor++;
    }
    return NULL;
}

static unsigned char take_escaped(const char **cursor, const char *end) {
    if (**cursor == '\\' && *cursor + 1 < end)
        (*cursor)++;
    return (unsigned char)*(*cursor)++;
}

static bool set_holds(const char *pattern, const char *end, unsigned char c) {
    const char *cursor = pattern + 1;
    bool inverted = *cursor == '!' || *cursor == '^', found = false;
    cursor += inverted;
    while (cursor < end) {
        unsigned char low = take_escaped(&cursor, end), high = low;
        if (cursor + 1 < end && *cursor == '-') {
            cursor++;
            high = take_escaped(&cursor, end);
        }
        found = found || (low <= c && c <= high);
    }
    return found != inverted;
}

/* Whether one byte of text (not a '*') is matched by what opens pattern; *ret_next is what follows it there.
 */
static bool matches_one(const char *pattern, unsigned char c, const char **ret_next) {
    const char *end = *pattern == '[' ? set_end(pattern) : NULL;
    if (end) {
        *ret_next = end + 1;
        return set_holds(pattern, end, c);
    }
    if (*pattern == '\\' && pattern[1])
        pattern++;
    else if (*pattern == '?')
        c = '?';
    *ret_next = pattern + 1;
    return (unsigned char)*pattern == c;
}

/* Our own and not fnmatch(3): the same in every locale, and never slower than pattern times text. Only the
 * last
 * '*' is ever reconsidered, since whatever an earlier one could take the later one can take as well. */
bool jb_text_matches(const char *pattern, const char *text) {
    const char *star = NULL, *star_text = NULL, *next;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            star_text = text;
        } else if (*pattern && matches_one(pattern, (unsigned char)*text, &next)) {
            pattern = next;
            text++;
        } else if (star) {
            pattern = star;
            text = ++star_text;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

size_t jb_utf8_length(const char *bytes, size_t available) {
    const unsigned char *b = (const unsigned char *)bytes;
    if (available < 1)
        return 0;
    if (b[0] < 0x80)
        return 1;
    if (b[0] >= 0xc2 && b[0] <= 0xdf)
        return available >= 2 && (b[1] & 0xc0) == 0x80 ? 2 : 0;
    if (b[0] >= 0xe0 && b[0] <= 0xef) {
        if (available < 3 || (b[1] & 0xc0) != 0x80 || (b[2] & 0xc0) != 0x80)
            return 0;
        if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] >= 0xa0))
            return 0;
        return 3;
    }
    if (b[0] >= 0xf0 && b[0] <= 0xf4) {
        if (available < 4 || (b[1] & 0xc0) != 0x80 || (b[2] & 0xc0) != 0x80 || (b[3] & 0xc0) != 0x80)
            return 0;
        if ((b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] >= 0x90))
            return 0;
        return 4;
    }
    return 0;
}

size_t jb_control_length(const char *bytes, size_t available) {
    const unsigned char *b = (const unsigned char *)bytes;
    if (available < 1)
        return 0;
    if (b[0] < 0x20 || b[0] == 0x7f)
        return 1;
    return b[0] == 0xc2 && available >= 2 && b[1] >= 0x80 && b[1] < 0xa0 ? 2 : 0;
}

char *jb_text_display(const char *text, char *ret, size_t size) {
    assert(size > 0);
    size_t out = 0, left = strlen(text);
    while (left && out + 1 < size) {
        size_t length = jb_utf8_length(text, left);
        if (length == 0 || jb_control_length(text, left)) {
            ret[out++] = '?';
            length = length ? length : 1;
        } else {
            if (out + length + 1 > size)
                break;
            memcpy(ret + out, text, length);
            out += length;
        }
        text += length;
        left -= length;
    }
    ret[out] = '\0';
    return ret;
}
