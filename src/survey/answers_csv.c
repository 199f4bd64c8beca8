/* CSV by the block: the same language as base/csv.h, read in place, since surveys have a million rows. */
#include "base/array.h"
#include "survey/answers_store.h"

#include <endian.h>
#include <sys/stat.h>

#define BLOCK_SIZE     ((size_t)1 << 18)
#define RECORD_CEILING ((size_t)16 << 20)
#define FIELD_CEILING  65536
#define PADDING        16 /* bytes that may be read behind the last */

struct block_reader {
    struct jb_answers *answers;
    FILE *file;
    struct jb_error *error;
    char *bytes; /* capacity + PADDING */
    size_t capacity, begin, end;
    bool is_at_end;    /* of the file: a last line without a newline has got one */
    uint64_t line;     /* on which the record at begin stands */
    uint64_t newlines; /* inside quotes of the record at hand */
    struct jb_buffer_text {
        char *bytes;
        size_t capacity;
    } unquoted;
};

enum field_end { FIELD_COMMA, FIELD_NEWLINE, FIELD_CUT, FIELD_WRONG };

struct field {
    const char *text; /* PADDING bytes may be read from its end on */
    size_t length;
};

static enum field_end wrong(struct block_reader *reader, size_t number, const char *what) {
    (void)jb_error_set(reader->error, JB_INPUT, "%s:%llu: field %zu: %s", reader->answers->name,
                       (unsigned long long)(reader->line + reader->newlines), number + 1, what);
    return FIELD_WRONG;
}

/* What a field ends with; *at moves behind it. */
static enum field_end take_end(struct block_reader *reader, size_t *at, size_t number) {
    const char *bytes = reader->bytes;
    if (*at == reader->end)
        return FIELD_CUT;
    char c = bytes[(*at)++];
    if (c == ',')
        return FIELD_COMMA;
    if (c == '\n')
        return FIELD_NEWLINE;
    if (c == '\0')
        return wrong(reader, number, "a NUL byte");
    if (c != '\r')
        return wrong(reader, number,
                     c == '"' ? "a quote inside an unquoted field; quote the field and double it"
                              : "text after a closing quote");
    if (*at == reader->end)
        return FIELD_CUT;
    if (bytes[*at] != '\n')
        return wrong(
            reader, number,
            "a carriage return inside an unquoted field; quote the field, or end lines with LF or CRLF");
    (*at)++;
    return FIELD_NEWLINE;
}

/* A quoted field; at: behind its quote. What it says is written without doubled quotes. */
static enum field_end take_quoted(struct block_reader *reader, size_t *at, size_t number,
                                  struct field *ret_field) {
    size_t length = 0;
    for (;;) {
        if (*at == reader->end)
            return FIELD_CUT;
        char c = reader->bytes[(*at)++];
        if (c == '"') {
            if (*at == reader->end)
                return FIELD_CUT;
            if (reader->bytes[*at] != '"')
                break;
            (*at)++;
        }
        if (c == '\0')
            return wrong(reader, number, "a NUL byte");
        reader->newlines += c == '\n';
        if (length + PADDING >= reader->unquoted.capacity) {
            size_t capacity = 2 * reader->unquoted.capacity + 256;
            char *grown = realloc(reader->unquoted.bytes, capacity);
            if (!grown) {
                (void)jb_error_set(reader->error, JB_MEMORY, "%s: no memory for a field",
                                   reader->answers->name);
                return FIELD_WRONG;
            }
            reader->unquoted.bytes = grown;
            reader->unquoted.capacity = capacity;
        }
        reader->unquoted.bytes[length++] = c;
    }
    *ret_field = (struct field){length ? reader->unquoted.bytes : "\0\0\0\0\0\0\0", length};
    return take_end(reader, at, number);
}

/* The first byte from `at` on that may end a field. There is always one before the bytes end: see fill. */
static inline const char *find_end(const char *at) {
    for (;; at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        word = le64toh(word);
        /* All that end a field are below '-', and little else in answers is; the lowest hit is exact. */
        uint64_t low = (word - UINT64_C(0x2d2d2d2d2d2d2d2d)) & ~word & UINT64_C(0x8080808080808080);
        if (!low)
            continue;
        const char *hit = at + __builtin_ctzll(low) / 8;
        if (*hit == ',' || *hit == '\n' || *hit == '"' || *hit == '\r' || *hit == '\0')
            return hit;
        at = hit + 1 - 8;
    }
}

/* The next field of a record; *at moves behind what ends it. */
static inline enum field_end take_field(struct block_reader *reader, size_t *at, size_t number,
                                        struct field *ret_field) {
    const char *from = reader->bytes + *at;
    if (from[1] == ',' && *from > '-') { /* a single character */
        *ret_field = (struct field){from, 1};
        *at += 2;
        return FIELD_COMMA;
    }
    if (*at < reader->end && *from == '"') {
        (*at)++;
        return take_quoted(reader, at, number, ret_field);
    }
    const char *to = find_end(from);
    *ret_field = (struct field){from, (size_t)(to - from)};
    *at = (size_t)(to - reader->bytes);
    if (*at < reader->end && *to == ',') {
        (*at)++;
        return FIELD_COMMA;
    }
    return *at >= reader->end ? FIELD_CUT : take_end(reader, at, number);
}

/* Reads more behind what is left from begin on. JB_NO_DATA: there is no more. Behind the end stands a
 * newline, so that a search for the end of a field ends. */
static enum jb_code fill(struct block_reader *reader) {
    size_t left = reader->end - reader->begin;
    if (reader->is_at_end)
        return JB_NO_DATA;
    if (left > 0 && reader->begin == 0 && reader->end == reader->capacity) {
        if (reader->capacity >= RECORD_CEILING)
            return jb_error_set(
                reader->error, JB_INPUT,
                "%s:%llu: the row is larger than 16 MiB; is a closing quote missing, or is this no "
                "CSV?",
                reader->answers->name, (unsigned long long)reader->line);
        char *grown = realloc(reader->bytes, 2 * reader->capacity + PADDING);
        if (!grown)
            return jb_error_set(reader->error, JB_MEMORY, "%s: no memory for a row", reader->answers->name);
        reader->bytes = grown;
        reader->capacity *= 2;
    }
    memmove(reader->bytes, reader->bytes + reader->begin, left);
    reader->begin = 0;
    size_t got = fread(reader->bytes + left, 1, reader->capacity - left, reader->file);
    reader->end = left + got;
    if (ferror(reader->file))
        return jb_error_set(reader->error, JB_IO, "%s: cannot be read", reader->answers->name);
    reader->is_at_end = reader->end < reader->capacity;
    if (reader->is_at_end && reader->end > 0 && reader->bytes[reader->end - 1] != '\n')
        reader->bytes[reader->end++] = '\n'; /* there is room: the file ended before the capacity */
    memset(reader->bytes + reader->end, '\n', PADDING);
    return got || left ? JB_OK : JB_NO_DATA;
}

/* Skips empty lines and sees to it that a byte of a record is there. JB_NO_DATA: the file is at its end. */
static enum jb_code begin_record(struct block_reader *reader) {
    for (;;) {
        size_t left = reader->end - reader->begin;
        const char *at = reader->bytes + reader->begin;
        if (left >= 1 && at[0] == '\n') {
            reader->begin++;
        } else if (left >= 2 && at[0] == '\r' && at[1] == '\n') {
            reader->begin += 2;
        } else if (left >= 2 || (left == 1 && at[0] != '\r')) {
            reader->newlines = 0;
            return JB_OK;
        } else {
            enum jb_code code = fill(reader);
            if (code)
                return code;
            continue;
        }
        reader->line++;
    }
}

/* A record that was cut: reads on, so that it can be taken again from its start. */
static enum jb_code go_on(struct block_reader *reader) {
    enum jb_code code = fill(reader);
    if (code != JB_NO_DATA)
        return code;
    return jb_error_set(reader->error, JB_INPUT,
                        "%s:%llu: the file ends inside a quoted field of the row that begins here",
                        reader->answers->name, (unsigned long long)reader->line);
}

static void end_record(struct block_reader *reader, size_t at) {
    reader->begin = at;
    reader->line += reader->newlines + 1;
}

struct heading {
    struct jb_answer_builder **columns; /* [field]; NULL: not wanted */
    size_t capacity, count;
};

static enum jb_code take_heading(struct block_reader *reader, struct heading *heading, size_t *at) {
    enum field_end end = FIELD_COMMA;
    while (end == FIELD_COMMA) {
        struct field field;
        char name[512];
        end = take_field(reader, at, heading->count, &field);
        if (end == FIELD_WRONG)
            return JB_INPUT;
        if (end == FIELD_CUT)
            return JB_NO_DATA;
        enum jb_code code = jb_array_reserve(&heading->columns, &heading->capacity, heading->count + 1,
                                             FIELD_CEILING, "columns", reader->error);
        struct jb_answer_builder *column = NULL;
        if (!code && field.length < sizeof(name)) {
            memcpy(name, field.text, field.length);
            name[field.length] = '\0';
            code = jb_store_find(reader->answers, name, reader->error, &column);
        }
        if (code)
            return code;
        heading->columns[heading->count++] = column;
    }
    return JB_OK;
}

static enum jb_code read_heading(struct block_reader *reader, struct heading *heading) {
    enum jb_code code;
    size_t at = 0;
    do {
        for (size_t i = 0; i < heading->count; i++) {
            if (heading->columns[i])
                heading->columns[i]->is_found = false;
        }
        at = reader->begin;
        reader->newlines = 0;
        heading->count = 0;
        code = take_heading(reader, heading, &at);
    } while (code == JB_NO_DATA && !(code = go_on(reader)));
    if (!code)
        code = jb_store_check_found(reader->answers, reader->error);
    if (!code)
        end_record(reader, at);
    return code;
}

/* Four fields of a single character each, the most frequent ones in surveys, where they are known answers of
 * columns of one-byte codes: what their last one ends with. Else, with nothing done, FIELD_CUT. */
static inline enum field_end take_four(const struct block_reader *reader, const struct heading *heading,
                                       size_t at, size_t number) {
    uint64_t word;
    uint8_t values[4];
    if (at + sizeof(word) > reader->end || number + 4 > heading->count)
        return FIELD_CUT;
    memcpy(&word, reader->bytes + at, sizeof(word));
    word = le64toh(word);
    /* Commas behind three of them, and no character below '.', where all are that end a field or quote it. */
    if ((word & UINT64_C(0x0000ff00ff00ff00)) != UINT64_C(0x00002c002c002c00) ||
        ((((word & UINT64_C(0x00ff00ff00ff00ff)) + UINT64_C(0x00d200d200d200d2)) &
          UINT64_C(0x0100010001000100)) != UINT64_C(0x0100010001000100)))
        return FIELD_CUT;
    char last = reader->bytes[at + 7];
    if (last != ',' && last != '\n')
        return FIELD_CUT;
    struct jb_answer_builder *const *columns = heading->columns + number;
    for (unsigned i = 0; i < 4; i++) {
        if (!columns[i] || columns[i]->column.code_size != 1)
            return FIELD_CUT;
        values[i] = columns[i]->of_byte[(uint8_t)(word >> 16 * i)];
        if (values[i] == JB_BYTE_UNKNOWN)
            return FIELD_CUT;
    }
    for (unsigned i = 0; i < 4; i++)
        jb_store_set_code(reader->answers, columns[i], values[i]);
    return last == ',' ? FIELD_COMMA : FIELD_NEWLINE;
}

/* One record into the row at row_count. JB_NO_DATA: it is cut. */
static inline enum jb_code take_record(struct block_reader *reader, const struct heading *heading,
                                       size_t *ret_at) {
    size_t at = reader->begin, number = 0;
    enum field_end end;
    do {
        struct field field;
        end = take_four(reader, heading, at, number);
        if (end != FIELD_CUT) {
            at += 8, number += 4;
            continue;
        }
        end = take_field(reader, &at, number, &field);
        if (end >= FIELD_CUT)
            return end == FIELD_CUT ? JB_NO_DATA : JB_INPUT;
        struct jb_answer_builder *column = number < heading->count ? heading->columns[number] : NULL;
        if (column) {
            enum jb_code code =
                jb_store_text(reader->answers, column, field.text, field.length, reader->error);
            if (code)
                return code;
        }
        number++;
    } while (end == FIELD_COMMA);
    if (number != heading->count)
        return jb_error_set(reader->error, JB_INPUT, "%s:%llu: the row has %zu fields and the heading %zu",
                            reader->answers->name, (unsigned long long)reader->line, number, heading->count);
    *ret_at = at;
    return JB_OK;
}

/* How many rows the file may have, from its size and the first rows: so that columns grow once. */
static size_t guess_rows(const struct block_reader *reader) {
    struct stat status;
    if (fstat(fileno(reader->file), &status) || !S_ISREG(status.st_mode) || status.st_size <= 0)
        return 0;
    size_t rows = 1;
    for (size_t i = reader->begin; i < reader->end; i++)
        rows += reader->bytes[i] == '\n';
    double size = (double)(reader->end - reader->begin) / (double)rows;
    double guess = 1.02 * (double)status.st_size / (size > 1 ? size : 1);
    return guess < (double)JB_ANSWERS_ROWS / 2 ? (size_t)guess : 0;
}

static enum jb_code read_rows(struct block_reader *reader, const struct heading *heading) {
    struct jb_answers *answers = reader->answers;
    enum jb_code code = jb_store_reserve(answers, guess_rows(reader) + 1, reader->error);
    while (!code && !(code = begin_record(reader))) {
        size_t at = 0;
        code = jb_store_line(answers, reader->line, reader->error);
        while (!code && (code = take_record(reader, heading, &at)) == JB_NO_DATA) {
            code = go_on(reader);
            reader->newlines = 0;
        }
        if (code)
            return code;
        code = jb_store_end_row(answers, reader->error);
        end_record(reader, at);
    }
    return code == JB_NO_DATA ? JB_OK : code;
}

enum jb_code jb_answers_read_csv(struct jb_answers *answers, const unsigned char *first, size_t first_count,
                                 FILE *file, struct jb_error *error) {
    struct block_reader reader = {
        .answers = answers, .file = file, .error = error, .capacity = BLOCK_SIZE, .line = 1};
    struct heading heading = {0};
    if (first_count >= 2 &&
        ((first[0] == 0xff && first[1] == 0xfe) || (first[0] == 0xfe && first[1] == 0xff)))
        return jb_error_set(error, JB_INPUT,
                            "%s:1: UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)",
                            answers->name);
    if (!(reader.bytes = malloc(reader.capacity + PADDING)))
        return jb_error_set(error, JB_MEMORY, "no memory for %s", answers->name);
    bool has_mark = first_count >= 3 && first[0] == 0xef && first[1] == 0xbb && first[2] == 0xbf;
    size_t skipped = has_mark ? 3 : 0;
    memcpy(reader.bytes, first + skipped, first_count - skipped);
    reader.end = first_count - skipped;
    memset(reader.bytes + reader.end, '\n', PADDING);
    enum jb_code code = fill(&reader);
    if (!code || code == JB_NO_DATA)
        code = begin_record(&reader);
    if (code == JB_NO_DATA)
        code = jb_error_set(error, JB_INPUT, "%s: the file is empty; its first line has to name the columns",
                            answers->name);
    if (!code)
        code = read_heading(&reader, &heading);
    if (!code)
        code = read_rows(&reader, &heading);
    free(reader.bytes);
    free(reader.unquoted.bytes);
    free(heading.columns);
    return code;
}
