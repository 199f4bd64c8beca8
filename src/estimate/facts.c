/* Reads a small CSV table and hands out its fields. */
#include "estimate/facts.h"

#include "base/array.h"
#include "base/csv.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define ROW_CEILING    65536
#define COLUMN_CEILING 64

struct row {
    char *fields[COLUMN_CEILING];
    uint64_t line;
};

struct jb_facts {
    char *path;
    const char *const *columns;
    size_t column_count;
    struct row *rows;
    size_t count, capacity;
};

void jb_facts_free(struct jb_facts *table) {
    if (!table)
        return;
    for (size_t i = 0; i < table->count; i++) {
        for (size_t j = 0; j < table->column_count; j++)
            free(table->rows[i].fields[j]);
    }
    free(table->rows);
    free(table->path);
    free(table);
}

static enum jb_code add_row(struct jb_facts *table, const char *const *fields, uint64_t line,
                            struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&table->rows, &table->capacity, table->count + 1, ROW_CEILING,
                                         "rows of a table", error);
    if (code)
        return code;
    struct row *row = &table->rows[table->count++];
    row->line = line;
    for (size_t i = 0; i < table->column_count; i++) {
        row->fields[i] = strdup(fields[i]);
        if (!row->fields[i])
            return jb_error_set(error, JB_MEMORY, "no memory for %s", table->path);
    }
    return JB_OK;
}

static enum jb_code read_rows(struct jb_facts *table, struct jb_csv_reader *reader, struct jb_error *error) {
    const char *const *fields;
    size_t count;
    enum jb_code code = jb_csv_read(reader, error, &fields, &count);
    for (size_t i = 0; !code && i < table->column_count; i++) {
        if (count != table->column_count || strcmp(fields[i], table->columns[i]) != 0)
            code = jb_error_set(error, JB_INPUT, "the header is not the one that this version knows");
    }
    while (!code && !(code = jb_csv_read(reader, error, &fields, &count))) {
        if (count != table->column_count)
            code = jb_error_set(error, JB_INPUT, "%zu fields, not %zu", count, table->column_count);
        else
            code = add_row(table, fields, jb_csv_line(reader), error);
    }
    return code == JB_NO_DATA ? JB_OK : code;
}

enum jb_code jb_facts_read(const char *data_path, const char *name, const char *const *columns,
                           size_t column_count, struct jb_error *error, struct jb_facts **ret_table) {
    _cleanup_(jb_facts_free_cleanup) struct jb_facts *table = calloc(1, sizeof *table);
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    if (column_count > COLUMN_CEILING)
        return jb_error_set(error, JB_INTERNAL, "%zu columns", column_count);
    if (!table || asprintf(&table->path, "%s/%s", data_path, name) < 0)
        return jb_error_set(error, JB_MEMORY, "no memory for %s", name);
    table->columns = columns;
    table->column_count = column_count;
    _cleanup_fclose_ FILE *file = fopen(table->path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", table->path);
    enum jb_code code = jb_csv_reader_make(file, table->path, error, &reader);
    if (code)
        return code;
    code = read_rows(table, reader, error);
    if (code) {
        jb_error_prefix(error, "%s, line %llu", table->path, (unsigned long long)jb_csv_line(reader));
        return code;
    }
    *ret_table = JB_TAKE(table);
    return JB_OK;
}

size_t jb_facts_count(const struct jb_facts *table) {
    return table->count;
}

const char *jb_facts_text(const struct jb_facts *table, size_t row, size_t column) {
    return table->rows[row].fields[column];
}

enum jb_code jb_facts_fault(const struct jb_facts *table, size_t row, size_t column, const char *why,
                            struct jb_error *error) {
    return jb_error_set(error, JB_INPUT, "%s, line %llu, %s: '%.40s' %s", table->path,
                        (unsigned long long)table->rows[row].line, table->columns[column],
                        table->rows[row].fields[column], why);
}

enum jb_code jb_fact_number_parse(const char *text, struct jb_error *error, double *ret_number) {
    char *end;
    if (!*text || strspn(text, "+-.0123456789eE") != strlen(text))
        return jb_error_set(error, JB_INPUT, "'%.40s' is no number", text);
    double number = strtod(text, &end);
    if (*end || !isfinite(number))
        return jb_error_set(error, JB_INPUT, "'%.40s' is no number", text);
    *ret_number = number;
    return JB_OK;
}

enum jb_code jb_facts_number(const struct jb_facts *table, size_t row, size_t column, double floor,
                             double empty, struct jb_error *error, double *ret_number) {
    const char *text = jb_facts_text(table, row, column);
    double number = empty;
    if (*text ? jb_fact_number_parse(text, NULL, &number) != JB_OK : isnan(empty))
        return jb_facts_fault(table, row, column, "is no number", error);
    if (*text && number < floor)
        return jb_facts_fault(table, row, column, "is too small", error);
    *ret_number = number;
    return JB_OK;
}

enum jb_code jb_facts_copy(const struct jb_facts *table, size_t row, size_t column, size_t size,
                           struct jb_error *error, char *ret) {
    const char *text = jb_facts_text(table, row, column);
    if (!*text || strlen(text) >= size)
        return jb_facts_fault(table, row, column, "is empty or too long", error);
    strcpy(ret, text);
    return JB_OK;
}
