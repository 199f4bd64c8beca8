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

static enum jb_code complain(struct jb_csv_reader *reader, struct jb_error *error, const char *what) {
    return jb_error_set(error, JB_INPUT, "%s, line %llu, field %zu: %s", reader->name,
                        (unsigned long long)reader->line, reader->count, what);
}

/* The bytes that a file may open with: a UTF-8 mark is skipped, UTF-16 is refused. */
static enum jb_code skip_mark(struct jb_csv_reader *reader, struct jb_error *error) {
    reader->started = true;
    int first = getc_unlocked(reader->file);
    if (first == 0xff || first == 0xfe)
        return complain(reader, error, "UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)");
    if (first != 0xef) {
        if (first != EOF)
            ungetc(first, reader->file);
        return JB_OK;
    }
    if (getc_unlocked(reader->file) != 0xbb || getc_unlocked(reader->file) != 0xbf)
        return complain(reader, error, "bytes that are not UTF-8");
    return JB_OK;
}

/* After a closing quote: what may follow is a separator, the end of the line, or a second quote. */
enum field_state { FIELD_START, FIELD_PLAIN, FIELD_QUOTED, FIELD_QUOTE_SEEN };

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

enum jb_code jb_csv_read(struct jb_csv_reader *reader, struct jb_error *error, const char *const **ret_fields,
                         size_t *ret_count) {
    enum jb_code code = reader->started ? JB_OK : skip_mark(reader, error);
    if (code)
        return code;
    int c = getc_unlocked(reader->file);
    while (c == '\n' || c == '\r') {
        reader->line += c == '\n';
        c = getc_unlocked(reader->file);
    }
    if (c == EOF) {
        if (ferror(reader->file))
            return jb_error_set(error, JB_IO, "%s: cannot be read", reader->name);
        return JB_NO_DATA;
    }
    jb_buffer_clear(&reader->record);
    reader->count = 0;
    reader->record_line = reader->line;
    code = begin_field(reader, error);
    enum field_state state = FIELD_START;
    for (; !code; c = getc_unlocked(reader->file)) {
        if (c == '\0')
            return complain(reader, error, "a NUL byte");
        if (reader->record.failed)
            return complain(reader, error, "the row is larger than 16 MiB; is a closing quote missing?");
        if (state == FIELD_QUOTED) {
            if (c == EOF)
                return complain(reader, error, "the file ends inside a quoted field");
            if (c == '"') {
                state = FIELD_QUOTE_SEEN;
            } else {
                reader->line += c == '\n';
                jb_buffer_add_char(&reader->record, (char)c);
            }
            continue;
        }
        if (c == '"' && state == FIELD_START) {
            state = FIELD_QUOTED;
        } else if (c == '"' && state == FIELD_QUOTE_SEEN) {
            jb_buffer_add_char(&reader->record, '"');
            state = FIELD_QUOTED;
        } else if (c == ',') {
            jb_buffer_add_char(&reader->record, '\0');
            code = begin_field(reader, error);
            state = FIELD_START;
        } else if (c == '\n' || c == EOF) {
            reader->line += c == '\n';
            return finish(reader, error, ret_fields, ret_count);
        } else if (c == '\r') {
            int next = getc_unlocked(reader->file);
            if (next == '\n' || next == EOF) {
                ungetc(next, reader->file);
                continue;
            }
            return complain(reader, error, "a carriage return inside an unquoted field");
        } else if (state == FIELD_QUOTE_SEEN) {
            return complain(reader, error, "text after a closing quote");
        } else if (c == '"') {
            return complain(reader, error, "a quote inside an unquoted field; quote the field and double it");
        } else {
            jb_buffer_add_char(&reader->record, (char)c);
            state = FIELD_PLAIN;
        }
    }
    return code;
}

void jb_csv_add(struct jb_buffer *buffer, const char *field) {
    if (!strpbrk(field, ",\"\r\n")) {
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
