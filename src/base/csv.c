/* CSV after RFC 4180. */
#include "base/csv.h"

#include "base/array.h"

#include <string.h>

#define RECORD_CEILING ((size_t)16 << 20)
#define FIELD_CEILING  4096

struct jb_csv_reader {
    FILE *file;
    char *name;
    struct jb_buffer record; /* fields, each NUL-terminated */
    size_t *offsets;
    const char **fields;
    size_t offsets_capacity, fields_capacity, count;
    uint64_t line, record_line;
    unsigned char ahead[3]; /* the first bytes of the file, looked at for a mark */
    size_t ahead_at, ahead_count;
    bool started;
};

enum jb_code jb_csv_reader_make(FILE *file, const char *name, struct jb_error *error,
                                struct jb_csv_reader **ret_reader) {
    struct jb_csv_reader *reader = calloc(1, sizeof *reader);
    char *copy = strdup(name);
    if (!reader || !copy) {
        free(reader);
        free(copy);
        return jb_error_set(error, JB_MEMORY, "no memory to read %s", name);
    }
    reader->file = file;
    reader->name = copy;
    reader->line = 1;
    reader->record.ceiling = RECORD_CEILING;
    *ret_reader = reader;
    return JB_OK;
}

void jb_csv_reader_free(struct jb_csv_reader *reader) {
    if (!reader)
        return;
    jb_buffer_free(&reader->record);
    free(reader->offsets);
    free(reader->fields);
    free(reader->name);
    free(reader);
}

uint64_t jb_csv_line(const struct jb_csv_reader *reader) {
    return reader->record_line;
}

static enum jb_code begin_field(struct jb_csv_reader *reader, struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&reader->offsets, &reader->offsets_capacity, reader->count + 1,
                                         FIELD_CEILING, "fields in one row", error);
    if (code) {
        jb_error_prefix(error, "%s, line %llu", reader->name, (unsigned long long)reader->record_line);
        return code;
    }
    reader->offsets[reader->count++] = reader->record.length;
    return JB_OK;
}

static enum jb_code complain(struct jb_csv_reader *reader, struct jb_error *error, enum jb_code code,
                             const char *what) {
    return jb_error_set(error, code, "%s, line %llu, field %zu: %s", reader->name,
                        (unsigned long long)reader->line, reader->count, what);
}

/* The next byte, or EOF. What was looked at too far at the start of the file comes first. */
static int next_byte(struct jb_csv_reader *reader) {
    if (reader->ahead_at < reader->ahead_count)
        return reader->ahead[reader->ahead_at++];
    return getc_unlocked(reader->file);
}

/* The bytes that a file may open with: a UTF-8 mark is skipped, UTF-16 is refused. */
static enum jb_code skip_mark(struct jb_csv_reader *reader, struct jb_error *error) {
    reader->started = true;
    while (reader->ahead_count < JB_COUNT(reader->ahead)) {
        int c = getc_unlocked(reader->file);
        if (c == EOF)
            break;
        reader->ahead[reader->ahead_count++] = (unsigned char)c;
    }
    const unsigned char *ahead = reader->ahead;
    if (reader->ahead_count >= 2 &&
        ((ahead[0] == 0xff && ahead[1] == 0xfe) || (ahead[0] == 0xfe && ahead[1] == 0xff)))
        return complain(reader, error, JB_INPUT,
                        "UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)");
    if (reader->ahead_count == 3 && ahead[0] == 0xef && ahead[1] == 0xbb && ahead[2] == 0xbf)
        reader->ahead_at = 3;
    return JB_OK;
}

/* What follows a carriage return: it ends the line together with a newline, or the file. */
static enum jb_code take_newline(struct jb_csv_reader *reader, struct jb_error *error, int *ret_c) {
    int next = next_byte(reader);
    if (next != '\n' && next != EOF)
        return complain(
            reader, error, JB_INPUT,
            "a carriage return inside an unquoted field; quote the field, or end lines with LF or CRLF");
    *ret_c = next;
    return JB_OK;
}

static enum jb_code finish(struct jb_csv_reader *reader, struct jb_error *error,
                           const char *const **ret_fields, size_t *ret_count) {
    jb_buffer_add_char(&reader->record, '\0');
    enum jb_code code = jb_buffer_check(&reader->record, error);
    if (!code)
        code = jb_array_reserve(&reader->fields, &reader->fields_capacity, reader->count, FIELD_CEILING,
                                "fields in one row", error);
    if (code) {
        jb_error_prefix(error, "%s, line %llu", reader->name, (unsigned long long)reader->record_line);
        return code;
    }
    for (size_t i = 0; i < reader->count; i++)
        reader->fields[i] = reader->record.bytes + reader->offsets[i];
    *ret_fields = reader->fields;
    *ret_count = reader->count;
    return JB_OK;
}

/* The first byte of the next record, past empty lines; EOF where there is none. */
static enum jb_code begin_record(struct jb_csv_reader *reader, struct jb_error *error, int *ret_c) {
    enum jb_code code = reader->started ? JB_OK : skip_mark(reader, error);
    int c = EOF;
    reader->count = 0;
    while (!code) {
        c = next_byte(reader);
        if (c == '\r')
            code = take_newline(reader, error, &c);
        if (c != '\n')
            break;
        reader->line++;
    }
    if (code)
        return code;
    if (c == EOF && ferror(reader->file))
        return jb_error_set(error, JB_IO, "%s: cannot be read", reader->name);
    if (c == EOF)
        return JB_NO_DATA;
    jb_buffer_clear(&reader->record);
    reader->record_line = reader->line;
    *ret_c = c;
    return begin_field(reader, error);
}

/* Where in a field the reader stands; after a closing quote only a separator, the end of the line or a second
 * quote may follow. */
enum field_state { FIELD_START, FIELD_PLAIN, FIELD_QUOTED, FIELD_QUOTE_SEEN };

/* One byte inside quotes. */
static enum jb_code take_quoted(struct jb_csv_reader *reader, int c, struct jb_error *error,
                                enum field_state *state) {
    if (c == EOF) {
        reader->line = reader->record_line;
        return complain(reader, error, JB_INPUT,
                        "the file ends inside a quoted field of the row that begins here");
    }
    if (c == '"') {
        *state = FIELD_QUOTE_SEEN;
        return JB_OK;
    }
    reader->line += c == '\n';
    jb_buffer_add_char(&reader->record, (char)c);
    return JB_OK;
}

/* One byte that is neither inside quotes nor the end of the line. */
static enum jb_code take_plain(struct jb_csv_reader *reader, int c, struct jb_error *error,
                               enum field_state *state) {
    if (c == ',') {
        jb_buffer_add_char(&reader->record, '\0');
        *state = FIELD_START;
        return begin_field(reader, error);
    }
    if (c == '"' && *state == FIELD_PLAIN)
        return complain(reader, error, JB_INPUT,
                        "a quote inside an unquoted field; quote the field and double it");
    if (c != '"' && *state == FIELD_QUOTE_SEEN)
        return complain(reader, error, JB_INPUT, "text after a closing quote");
    if (c == '"' && *state == FIELD_START) {
        *state = FIELD_QUOTED;
        return JB_OK;
    }
    jb_buffer_add_char(&reader->record, (char)c);
    *state = c == '"' ? FIELD_QUOTED : FIELD_PLAIN;
    return JB_OK;
}

enum jb_code jb_csv_read(struct jb_csv_reader *reader, struct jb_error *error, const char *const **ret_fields,
                         size_t *ret_count) {
    int c = EOF;
    enum jb_code code = begin_record(reader, error, &c);
    enum field_state state = FIELD_START;
    while (!code) {
        if (c == '\0')
            return complain(reader, error, JB_INPUT, "a NUL byte");
        if (reader->record.failed)
            return complain(reader, error, JB_LIMIT,
                            "the row is larger than 16 MiB; is a closing quote missing?");
        if (c == EOF && ferror(reader->file))
            return jb_error_set(error, JB_IO, "%s: cannot be read", reader->name);
        if (state == FIELD_QUOTED) {
            code = take_quoted(reader, c, error, &state);
        } else {
            if (c == '\r')
                code = take_newline(reader, error, &c);
            if (!code && (c == '\n' || c == EOF)) {
                reader->line += c == '\n';
                return finish(reader, error, ret_fields, ret_count);
            }
            if (!code)
                code = take_plain(reader, c, error, &state);
        }
        if (!code)
            c = next_byte(reader);
    }
    return code;
}

void jb_csv_add(struct jb_buffer *buffer, const char *field) {
    /* A field that opens with a byte of a mark would, as the first of a file, be taken for one. */
    unsigned char first = (unsigned char)*field;
    bool like_mark = first == 0xef || first == 0xfe || first == 0xff;
    if (!like_mark && !strpbrk(field, ",\"\r\n")) {
        jb_buffer_add_string(buffer, field);
        return;
    }
    jb_buffer_add_char(buffer, '"');
    for (; *field; field++) {
        if (*field == '"')
            jb_buffer_add_char(buffer, '"');
        jb_buffer_add_char(buffer, *field);
    }
    jb_buffer_add_char(buffer, '"');
}
