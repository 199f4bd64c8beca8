/* Factor tables as CSV: a heading, and a row for each factor or for several of one place and time. */
#include "factor/factor_internal.h"

#include "base/csv.h"

#include <stdio.h>
#include <string.h>

#define COLUMN_CEILING 64

/* Copies of a heading, which the reader forgets with the next row. */
struct heading {
    char *names[COLUMN_CEILING];
    size_t count;
};

static void heading_clear(struct heading *heading) {
    for (size_t i = 0; i < heading->count; i++)
        free(heading->names[i]);
}

static enum jb_code heading_copy(struct jb_factors *factors, const char *file, const char *const *fields,
                                 size_t count, struct jb_error *error, struct heading *heading) {
    if (count > COLUMN_CEILING) {
        jb_factor_find_fault(factors, true, file, 1, "", "the heading has %zu fields; at most %d", count,
                             COLUMN_CEILING);
        return JB_INPUT;
    }
    for (size_t i = 0; i < count; i++) {
        heading->names[i] = strdup(fields[i]);
        if (!heading->names[i])
            return jb_error_set(error, JB_MEMORY, "no memory to read %s", file);
        heading->count++;
    }
    return JB_OK;
}

/* What the CSV reader refuses ("FILE, line N, field M: what") as a finding, so that it stands beside the
 * others. */
static void note_refusal(struct jb_factors *factors, const char *file, struct jb_csv_reader *reader,
                         const struct heading *heading, const struct jb_error *error) {
    unsigned long long line = jb_csv_line(reader);
    size_t field = 0;
    const char *rest = error->message;
    if (strncmp(rest, file, strlen(file)) == 0) {
        sscanf(rest + strlen(file), ", line %llu, field %zu", &line, &field);
        const char *colon = strstr(rest + strlen(file), ": ");
        rest = colon ? colon + 2 : rest;
    }
    jb_factor_find_fault(factors, true, file, (uint32_t)line,
                         field > 0 && field <= heading->count ? heading->names[field - 1] : "", "%s%s", rest,
                         strcmp(rest, "a NUL byte") == 0 ? "; save the file as plain text" : "");
}

/* A row of more or fewer fields than the heading: refused. Those that it has are still looked at, for the
 * field that slipped is often not the only one that is wrong. */
static enum jb_code note_shape(struct jb_factors *factors, uint32_t set, const char *file,
                               const struct jb_factor_columns *columns, struct jb_factor_row *row,
                               size_t expected, struct jb_error *error) {
    size_t count = factors->count;
    uint32_t of_set = factors->sets[set].factor_count;
    jb_factor_find_fault(
        factors, true, file, row->line, "",
        "%zu fields where the heading has %zu; is a comma missing or too many, or a field with one "
        "unquoted?",
        row->count, expected);
    if (row->count < expected)
        return JB_OK;
    row->count = expected;
    enum jb_code code = jb_factor_row_take(factors, set, file, columns, row, error);
    factors->count = count;
    factors->sets[set].factor_count = of_set;
    return code;
}

static enum jb_code read_rows(struct jb_factors *factors, uint32_t set, const char *file,
                              struct jb_csv_reader *reader, struct heading *heading, struct jb_error *error) {
    struct jb_factor_columns columns = {0};
    struct jb_error refusal = {0};
    const char *const *fields;
    size_t count;
    enum jb_code code;
    while (!(code = jb_csv_read(reader, &refusal, &fields, &count))) {
        struct jb_factor_row row = {.names = (const char *const *)heading->names,
                                    .values = fields,
                                    .count = count,
                                    .line = (uint32_t)jb_csv_line(reader)};
        if (heading->count == 0) {
            code = heading_copy(factors, file, fields, count, error, heading);
            if (code)
                return code == JB_INPUT ? JB_OK : code;
            if (!jb_factor_columns_of(factors, &row, file, &columns))
                return JB_OK; /* without a heading nothing below it can be told */
            continue;
        }
        if (count != heading->count) {
            code = note_shape(factors, set, file, &columns, &row, heading->count, error);
            if (code)
                return code;
            continue;
        }
        code = jb_factor_row_take(factors, set, file, &columns, &row, error);
        if (code)
            return code;
    }
    if (code != JB_NO_DATA && code != JB_INPUT && code != JB_LIMIT) {
        if (error)
            *error = refusal;
        return code;
    }
    if (code != JB_NO_DATA)
        note_refusal(factors, file, reader, heading, &refusal);
    else if (heading->count == 0)
        jb_factor_find_fault(factors, true, file, 1, "", "is empty; the first line names the fields");
    return JB_OK;
}

enum jb_code jb_factor_csv_read(struct jb_factors *factors, uint32_t set, const char *file, const char *text,
                                size_t length, struct jb_error *error) {
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    if (length == 0) {
        jb_factor_find_fault(factors, true, file, 1, "", "is empty; the first line names the fields");
        return JB_OK;
    }
    _cleanup_fclose_ FILE *stream = fmemopen((void *)(uintptr_t)text, length, "r");
    if (!stream)
        return jb_error_set(error, JB_MEMORY, "no memory to read %s", file);
    enum jb_code code = jb_csv_reader_make(stream, file, error, &reader);
    if (code)
        return code;
    _cleanup_(heading_clear) struct heading heading = {0};
    return read_rows(factors, set, file, reader, &heading, error);
}
