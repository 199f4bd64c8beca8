/* The heading of a table that is to be scanned. */
#include "base/scan_internal.h"

#include <assert.h>
#include <string.h>

void jb_scan_source_free(struct jb_scan_source *source) {
    if (!source)
        return;
    jb_stream_free(source->stream);
    free(source->heading_bytes);
    free(source->headings);
    free(source);
}

static const char *name_of(const struct jb_scan_source *source) {
    return jb_stream_name(source->stream);
}

/* Bytes of a mark that says UTF-8; other marks are refused. */
static enum jb_code check_mark(const struct jb_scan_source *source, const char *bytes, size_t length,
                               struct jb_error *error, size_t *ret_length) {
    if (length >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0))
        return jb_error_set(error, JB_INPUT,
                            "%s: UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)",
                            name_of(source));
    *ret_length = length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return JB_OK;
}

/* The first row of bytes that is not an empty line. */
static void take_heading(const char *bytes, size_t length, bool is_last, char separator, size_t *ret_begin,
                         uint64_t *ret_lines, struct jb_scan_row *row) {
    size_t begin = *ret_begin;
    *ret_lines = 0;
    for (;;) {
        jb_scan_row_take(bytes + begin, length - begin, is_last, separator, 0, row);
        if (row->kind != JB_SCAN_ROW_EMPTY)
            break;
        begin += row->length;
        ++*ret_lines;
    }
    *ret_begin = begin;
    for (size_t i = 0; row->kind == JB_SCAN_ROW_GOOD && i < row->length; i++)
        *ret_lines += bytes[begin + i] == '\n';
}

/* Keeps the fields of the row, unquoted and each ended by NUL. */
static enum jb_code keep_headings(struct jb_scan_source *source, const char *bytes,
                                  const struct jb_scan_row *row, struct jb_error *error) {
    _cleanup_buffer_ struct jb_buffer cell = {0};
    if (row->field_count > JB_SCAN_WIDTH_CEILING)
        return jb_error_set(error, JB_LIMIT, "%s: %zu columns; the ceiling is %d", name_of(source),
                            row->field_count, JB_SCAN_WIDTH_CEILING);
    source->width = row->field_count;
    source->heading_bytes = malloc(row->length + row->field_count);
    source->headings = calloc(row->field_count, sizeof *source->headings);
    if (!source->heading_bytes || !source->headings)
        return jb_error_set(error, JB_MEMORY, "%s: no memory for its heading", name_of(source));
    char *to = source->heading_bytes;
    size_t begin = 0;
    for (size_t field = 0; field < row->field_count; field++) {
        jb_scan_unquote(bytes + begin, row->ends[field] - begin, &cell);
        enum jb_code code = jb_buffer_check(&cell, error);
        if (code)
            return code;
        source->headings[field] = memcpy(to, cell.bytes, cell.length + 1);
        to += cell.length + 1;
        begin = row->ends[field] + 1;
    }
    return JB_OK;
}

static enum jb_code read_heading(struct jb_scan_source *source, struct jb_error *error) {
    _cleanup_free_ uint32_t *ends = calloc(JB_SCAN_WIDTH_CEILING, sizeof *ends);
    _cleanup_free_ char *copy = NULL;
    struct jb_scan_row row = {.ends = ends};
    size_t length, begin = 0;
    uint64_t lines = 0;
    bool is_last = false;
    if (!ends)
        return jb_error_set(error, JB_MEMORY, "%s: no memory for its heading", name_of(source));
    for (size_t wanted = (size_t)64 << 10;; wanted = JB_STREAM_PEEK) {
        const char *bytes;
        enum jb_code code = jb_stream_peek(source->stream, wanted, error, &bytes, &length);
        if (!code)
            code = check_mark(source, bytes, length, error, &begin);
        if (code)
            return code;
        char *moved = realloc(copy, length + 1);
        if (!moved)
            return jb_error_set(error, JB_MEMORY, "%s: no memory for its heading", name_of(source));
        copy = moved;
        is_last = length < wanted;
        memcpy(copy, bytes, length);
        if (is_last)
            copy[length] = '\n'; /* as if the last line had an end */
        take_heading(copy, length + is_last, is_last, source->separator, &begin, &lines, &row);
        if (row.kind != JB_SCAN_ROW_CUT || is_last || wanted == JB_STREAM_PEEK)
            break;
    }
    if (row.kind == JB_SCAN_ROW_CUT && is_last)
        return jb_error_set(error, JB_NO_DATA, "%s: nothing in it", name_of(source));
    if (row.kind == JB_SCAN_ROW_CUT)
        return jb_error_set(error, JB_INPUT, "%s: no line end within the first MiB; is this a table of text?",
                            name_of(source));
    if (row.kind != JB_SCAN_ROW_GOOD)
        return jb_error_set(error, JB_INPUT, "%s, heading: %s", name_of(source), row.what);
    source->heading_lines = lines;
    source->heading_length = begin + row.length;
    size_t taken = source->heading_length < length ? source->heading_length : length, got;
    enum jb_code code = keep_headings(source, copy + begin, &row, error);
    return code ? code : jb_stream_read(source->stream, copy, taken, error, &got);
}

enum jb_code jb_scan_source_make(struct jb_stream *stream, char separator, struct jb_error *error,
                                 struct jb_scan_source **ret_source) {
    assert(separator && !strchr("\"\r\n", separator));
    struct jb_scan_source *made = calloc(1, sizeof *made);
    if (!made) {
        jb_stream_free(stream);
        return jb_error_set(error, JB_MEMORY, "no memory for a table");
    }
    _cleanup_(jb_scan_source_free_cleanup) struct jb_scan_source *source = made;
    source->stream = stream;
    source->separator = separator;
    enum jb_code code = read_heading(source, error);
    if (!code)
        *ret_source = JB_TAKE(source);
    return code;
}

size_t jb_scan_source_width(const struct jb_scan_source *source) {
    return source->width;
}

const char *jb_scan_source_heading(const struct jb_scan_source *source, size_t field) {
    assert(field < source->width);
    return source->headings[field];
}

uint32_t jb_scan_source_find(const struct jb_scan_source *source, const char *heading) {
    for (size_t field = 0; field < source->width; field++) {
        if (strcmp(source->headings[field], heading) == 0)
            return (uint32_t)field;
    }
    return JB_SCAN_NO_FIELD;
}
