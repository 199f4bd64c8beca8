/* Text helpers: globs and safe display. */
#include "base/text.h"

#include <fnmatch.h>
#include <string.h>

bool jb_text_matches(const char *pattern, const char *text) {
    return fnmatch(pattern, text, 0) == 0;
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

char *jb_text_display(const char *text, char *ret, size_t size) {
    size_t out = 0, left = strlen(text);
    while (left && out + 1 < size) {
        size_t length = jb_utf8_length(text, left);
        unsigned char first = (unsigned char)text[0];
        /* C0, DEL, and C1 (U+0080 to U+009F, which some terminals obey). */
        bool control =
            first < 0x20 || first == 0x7f || (first == 0xc2 && length == 2 && (unsigned char)text[1] < 0xa0);
        if (length == 0 || control) {
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
