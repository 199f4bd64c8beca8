/* Reads one column of a CSV file. */
#include "decide/column.h"

#include "base/array.h"
#include "base/csv.h"
#include "base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum jb_code find_column(struct jb_csv_reader *reader, const char *file, const char *column,
                                struct jb_error *error, size_t *ret_at) {
    const char *const *fields;
    size_t count;
    enum jb_code code = jb_csv_read(reader, error, &fields, &count);
    if (code == JB_NO_DATA)
        return jb_error_set(error, JB_INPUT, "%s: is empty", file);
    for (size_t i = 0; i < count && !code; i++) {
        if (strcmp(fields[i], column) == 0) {
            *ret_at = i;
            return JB_OK;
        }
    }
    return code ? code
                : jb_error_set(error, JB_INPUT, "%s: has no column '%.60s' in its heading", file, column);
}

static enum jb_code read_values(struct jb_csv_reader *reader, const char *file, size_t at,
                                struct jb_error *error, double **values, size_t *ret_count) {
    const char *const *fields;
    size_t field_count, count = 0, capacity = 0;
    enum jb_code code;
    while (!(code = jb_csv_read(reader, error, &fields, &field_count))) {
        unsigned long long line = jb_csv_line(reader);
        if (at >= field_count || !*fields[at])
            continue; /* not known: no value, and not zero */
        code = jb_array_reserve(values, &capacity, count + 1, JB_COLUMN_CEILING, "values", error);
        if (!code && !jb_number_parse(fields[at], &(*values)[count]))
            code =
                jb_error_set(error, JB_INPUT, "%s, line %llu: '%.40s' is no number", file, line, fields[at]);
        if (code)
            return code;
        count++;
    }
    *ret_count = count;
    return code == JB_NO_DATA ? JB_OK : code;
}

static enum jb_code read_column(const struct jb_data_reader *data, const char *file, const char *column,
                                struct jb_error *error, double **ret_values, size_t *ret_count) {
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    _cleanup_free_ double *values = NULL;
    char path[4096];
    size_t at = 0, count = 0;
    int length = snprintf(path, sizeof path, "%s%s", *file == '/' ? "" : data->folder, file);
    if (length < 0 || (size_t)length >= sizeof path)
        return jb_error_set(error, JB_INPUT, "the path of '%.40s' is too long", file);
    _cleanup_fclose_ FILE *stream = fopen(path, "re");
    if (!stream) {
        int errnum = errno;
        return jb_error_set(error, JB_INPUT, "%s: %s", path, strerror(errnum));
    }
    enum jb_code code = jb_csv_reader_make(stream, path, error, &reader);
    if (!code)
        code = find_column(reader, path, column, error, &at);
    if (!code)
        code = read_values(reader, path, at, error, &values, &count);
    if (code)
        return code;
    *ret_values = JB_TAKE(values);
    *ret_count = count;
    return JB_OK;
}

struct jb_data_reader jb_column_reader(const char *folder) {
    return (struct jb_data_reader){.read = read_column, .folder = folder};
}
