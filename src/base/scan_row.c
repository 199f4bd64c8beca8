/* Takes one row of CSV apart, byte by byte and strictly: what the kernels find odd comes here. */
#include "base/scan_internal.h"

#include <string.h>

/* How a row is looked at. */
struct look {
    const char *bytes;
    size_t length; /* bytes that may be looked at */
    size_t at;
    bool is_cut; /* more may come behind length */
    char separator;
    struct jb_scan_row *row;
};

static void set_what(struct jb_scan_row *row, enum jb_scan_row_kind kind, const char *what) {
    row->kind = kind;
    snprintf(row->what, sizeof row->what, "%s", what);
}

/* The row is bad and ends with the first newline from `from` on. */
static void end_bad(struct look *look, size_t from, size_t field, const char *what) {
    struct jb_scan_row *row = look->row;
    const char *newline = from < look->length ? memchr(look->bytes + from, '\n', look->length - from) : NULL;
    set_what(row, JB_SCAN_ROW_BAD, what);
    row->field = field;
    if (newline)
        row->length = (size_t)(newline - look->bytes) + 1;
    else if (look->is_cut && look->length < JB_SCAN_ROW_CEILING)
        row->kind = JB_SCAN_ROW_CUT;
    else
        set_what(row, JB_SCAN_ROW_HUGE, "no line end within 4 MiB; is this a table of text?");
}

/* The bytes give out in the middle of a field that begins at `begin`. */
static void end_short(struct look *look, size_t field, bool is_quoted) {
    if (look->length >= JB_SCAN_ROW_CEILING)
        end_bad(look, 0, SIZE_MAX, "a row of more than 4 MiB; is a closing quote missing?");
    else if (look->is_cut)
        look->row->kind = JB_SCAN_ROW_CUT;
    else if (is_quoted)
        end_bad(look, 0, field, "the file ends inside the quotes of this field");
    else
        end_bad(look, 0, field, "the file ends inside this field");
}

/* Past the closing quote of the field that opens at `at`; false: the row has ended. */
static bool pass_quoted(struct look *look, size_t field) {
    size_t begin = look->at++;
    for (;;) {
        size_t reach = begin + JB_SCAN_FIELD_CEILING;
        size_t end = look->length < reach ? look->length : reach;
        const char *quote = look->at < end ? memchr(look->bytes + look->at, '"', end - look->at) : NULL;
        size_t seen = quote ? (size_t)(quote - look->bytes) : end > look->at ? end : look->at;
        if (memchr(look->bytes + look->at, '\0', seen - look->at)) {
            end_bad(look, look->at, field, "a NUL byte; this is no text");
            return false;
        }
        if (!quote && end == reach) {
            end_bad(look, 0, field, "a field of more than 1 MiB; is a closing quote missing?");
            return false;
        }
        if (!quote || seen + 1 >= look->length) {
            end_short(look, field, true);
            return false;
        }
        look->at = seen + 1;
        if (look->bytes[look->at] != '"')
            return true;
        look->at++;
    }
}

/* Past an unquoted field. */
static bool pass_plain(struct look *look, size_t field) {
    size_t begin = look->at;
    for (;; look->at++) {
        if (look->at >= look->length) {
            end_short(look, field, false);
            return false;
        }
        char c = look->bytes[look->at];
        if (c == look->separator || c == '\n' || c == '\r')
            return true;
        if (look->at - begin >= JB_SCAN_FIELD_CEILING) {
            end_bad(look, 0, field, "a field of more than 1 MiB");
            return false;
        }
        if (c == '"') {
            end_bad(look, look->at, field, "a quote inside an unquoted field; quote the field and double it");
            return false;
        }
        if (c == '\0') {
            end_bad(look, look->at, field, "a NUL byte; this is no text");
            return false;
        }
    }
}

/* At what stands behind a field: true when it is a separator or a newline, with `at` on it. */
static bool pass_end(struct look *look, size_t field, bool was_quoted) {
    char c = look->bytes[look->at];
    if (c == look->separator || c == '\n')
        return true;
    if (c == '\r' && look->at + 1 >= look->length) {
        end_short(look, field, false);
        return false;
    }
    if (c == '\r' && look->bytes[look->at + 1] == '\n') {
        look->at++;
        return true;
    }
    if (c == '\r')
        end_bad(look, look->at, field,
                "a carriage return inside an unquoted field; quote the field, or end lines with LF or CRLF");
    else
        end_bad(look, look->at, field, was_quoted ? "text after a closing quote" : "not a field");
    return false;
}

static bool is_empty_line(const struct look *look) {
    return look->bytes[0] == '\n' || (look->length > 1 && look->bytes[0] == '\r' && look->bytes[1] == '\n');
}

void jb_scan_row_take(const char *bytes, size_t length, bool is_last, char separator, size_t width,
                      struct jb_scan_row *row) {
    struct look look = {.bytes = bytes,
                        .length = length < JB_SCAN_ROW_CEILING ? length : JB_SCAN_ROW_CEILING,
                        .is_cut = !is_last || length > JB_SCAN_ROW_CEILING,
                        .separator = separator,
                        .row = row};
    row->field = SIZE_MAX;
    row->field_count = 0;
    row->kind = JB_SCAN_ROW_CUT;
    if (look.length == 0)
        return;
    if (is_empty_line(&look)) {
        row->kind = JB_SCAN_ROW_EMPTY;
        row->length = bytes[0] == '\n' ? 1 : 2;
        return;
    }
    for (size_t field = 0;; field++, look.at++) {
        bool is_quoted = look.at < look.length && bytes[look.at] == '"';
        if (!(is_quoted ? pass_quoted(&look, field) : pass_plain(&look, field)))
            return;
        if (!pass_end(&look, field, is_quoted))
            return;
        if (field < JB_SCAN_WIDTH_CEILING)
            row->ends[field] = (uint32_t)look.at;
        row->field_count = field + 1;
        if (bytes[look.at] == '\n')
            break;
    }
    row->kind = JB_SCAN_ROW_GOOD;
    row->length = look.at + 1;
    if (width && row->field_count != width) {
        char what[sizeof row->what];
        snprintf(what, sizeof what, "%zu field%s where the heading has %zu", row->field_count,
                 row->field_count == 1 ? "" : "s", width);
        set_what(row, JB_SCAN_ROW_BAD, what);
    }
}

void jb_scan_unquote(const char *bytes, size_t length, struct jb_buffer *ret_text) {
    if (length && bytes[length - 1] == '\r')
        length--; /* of the line end: inside quotes a quote stands behind it */
    jb_buffer_clear(ret_text);
    jb_buffer_add(ret_text, "", 0); /* there is a text, even an empty one */
    if (length < 2 || bytes[0] != '"') {
        jb_buffer_add(ret_text, bytes, length);
        return;
    }
    const char *cursor = bytes + 1, *end = bytes + length - 1;
    while (cursor < end) {
        const char *quote = memchr(cursor, '"', (size_t)(end - cursor));
        size_t run = (size_t)((quote ? quote : end) - cursor) + (quote != NULL);
        jb_buffer_add(ret_text, cursor, run);
        cursor += run + (quote != NULL);
    }
}
