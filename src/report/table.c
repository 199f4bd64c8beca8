/* One table, three forms. */
#include "report/table.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/csv.h"
#include "base/time.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>

#define COLUMN_CEILING 32
#define CELL_CEILING   ((size_t)64 << 20)
#define NO_TEXT        SIZE_MAX
#define GAP            "  "

enum cell_kind { CELL_TEXT, CELL_AMOUNT, CELL_INTEGER, CELL_NUMBER, CELL_BOOLEAN, CELL_NULL };

struct cell {
    enum cell_kind kind;
    jb_int128 integer;
    double number;
    size_t value, shown; /* offsets in texts; NO_TEXT */
};

struct jb_table {
    const struct jb_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t cell_count, cell_capacity;
    bool *is_total; /* by row */
    size_t total_capacity, total_count;
    struct jb_buffer texts;
    struct jb_error error; /* the first refusal */
};

struct jb_table *jb_table_make(const struct jb_column *columns, size_t column_count) {
    assert(column_count > 0 && column_count <= COLUMN_CEILING);
    struct jb_table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->columns = columns;
    table->column_count = column_count;
    table->texts.ceiling = (size_t)1 << 30;
    return table;
}

void jb_table_free(struct jb_table *table) {
    if (!table)
        return;
    jb_buffer_free(&table->texts);
    free(table->cells);
    free(table->is_total);
    free(table);
}

static size_t keep(struct jb_table *table, const char *text) {
    if (!text)
        return NO_TEXT;
    size_t offset = table->texts.length;
    jb_buffer_add(&table->texts, text, strlen(text) + 1);
    return offset;
}

static void add(struct jb_table *table, struct cell cell, const char *shown) {
    if (table->error.code)
        return;
    cell.shown = keep(table, shown);
    if (jb_array_reserve(&table->cells, &table->cell_capacity, table->cell_count + 1, CELL_CEILING,
                         "cells in one table", &table->error) ||
        jb_array_reserve(&table->is_total, &table->total_capacity,
                         table->cell_count / table->column_count + 1, CELL_CEILING, "rows in one table",
                         &table->error) ||
        jb_buffer_check(&table->texts, &table->error))
        return;
    table->cells[table->cell_count++] = cell;
}

void jb_table_text(struct jb_table *table, const char *value, const char *shown) {
    add(table, (struct cell){.kind = CELL_TEXT, .value = keep(table, value)}, shown);
}

void jb_table_amount(struct jb_table *table, jb_int128 value, const char *shown) {
    add(table, (struct cell){.kind = CELL_AMOUNT, .integer = value, .value = NO_TEXT}, shown);
}

void jb_table_integer(struct jb_table *table, int64_t value, const char *shown) {
    add(table, (struct cell){.kind = CELL_INTEGER, .integer = value, .value = NO_TEXT}, shown);
}

void jb_table_number(struct jb_table *table, double value, const char *shown) {
    add(table,
        (struct cell){.kind = isfinite(value) ? CELL_NUMBER : CELL_NULL, .number = value, .value = NO_TEXT},
        shown);
}

void jb_table_whole(struct jb_table *table, double value, const char *shown) {
    /* Past 2^53 a double has no digits to round away. */
    if (fabs(value) < 0x1p53)
        jb_table_integer(table, (int64_t)nearbyint(value), shown);
    else
        jb_table_number(table, value, shown);
}

void jb_table_time(struct jb_table *table, int64_t value_ns, const char *shown) {
    char text[JB_TIME_SIZE], rounded[JB_TIME_SIZE];
    jb_table_text(table, jb_time_format(value_ns, text),
                  shown ? shown : jb_time_format(jb_time_floor(value_ns, JB_SHOWN_NS), rounded));
}

void jb_table_boolean(struct jb_table *table, bool value, const char *shown) {
    add(table, (struct cell){.kind = CELL_BOOLEAN, .integer = value, .value = NO_TEXT}, shown);
}

void jb_table_null(struct jb_table *table, const char *shown) {
    add(table, (struct cell){.kind = CELL_NULL, .value = NO_TEXT}, shown);
}

void jb_table_is_total(struct jb_table *table) {
    if (table->error.code)
        return;
    assert(table->cell_count && table->cell_count % table->column_count == 0);
    table->is_total[table->cell_count / table->column_count - 1] = true;
    table->total_count++;
}

static size_t all_rows(const struct jb_table *table) {
    assert(table->column_count > 0);
    return table->cell_count / table->column_count;
}

size_t jb_table_row_count(const struct jb_table *table) {
    return all_rows(table) - table->total_count;
}

enum jb_code jb_table_check(const struct jb_table *table, struct jb_error *error) {
    if (!table)
        return jb_error_set(error, JB_MEMORY, "no memory for a table");
    if (table->error.code)
        return jb_error_set(error, table->error.code, "%s", table->error.message);
    assert(table->cell_count % table->column_count == 0);
    return JB_OK;
}

/* What a cell says in machine output, as text; "" for null. */
static const char *plain_text(const struct jb_table *table, const struct cell *cell,
                              struct jb_buffer *scratch) {
    char digits[JB_INT128_SIZE];
    jb_buffer_clear(scratch);
    if (cell->kind == CELL_TEXT && cell->value != NO_TEXT) {
        return table->texts.bytes + cell->value;
    } else if (cell->kind == CELL_AMOUNT || cell->kind == CELL_INTEGER) {
        jb_buffer_add_string(scratch, jb_int128_format(cell->integer, digits));
    } else if (cell->kind == CELL_NUMBER) {
        struct jb_json json = jb_json_make(scratch);
        jb_json_number(&json, cell->number);
    } else if (cell->kind == CELL_BOOLEAN) {
        jb_buffer_add_string(scratch, cell->integer ? "true" : "false");
    }
    return scratch->bytes ? scratch->bytes : "";
}

void jb_table_write_csv(const struct jb_table *table, struct jb_buffer *out) {
    _cleanup_buffer_ struct jb_buffer scratch = {0};
    bool any = false;
    for (size_t c = 0; c < table->column_count; c++) {
        if (!table->columns[c].key)
            continue;
        jb_buffer_add_string(out, any ? "," : "");
        jb_csv_add(out, table->columns[c].key);
        any = true;
    }
    jb_buffer_add_char(out, '\n');
    for (size_t r = 0; r < all_rows(table); r++) {
        if (table->is_total[r])
            continue;
        any = false;
        for (size_t c = 0; c < table->column_count; c++) {
            if (!table->columns[c].key)
                continue;
            jb_buffer_add_string(out, any ? "," : "");
            jb_csv_add(out, plain_text(table, &table->cells[r * table->column_count + c], &scratch));
            any = true;
        }
        jb_buffer_add_char(out, '\n');
    }
}

static void write_json_value(const struct jb_table *table, const struct cell *cell, struct jb_json *json) {
    switch (cell->kind) {
    case CELL_TEXT:
        jb_json_string(json, cell->value == NO_TEXT ? NULL : table->texts.bytes + cell->value);
        return;
    case CELL_AMOUNT:
        jb_json_amount(json, cell->integer);
        return;
    case CELL_INTEGER:
        jb_json_integer(json, (int64_t)cell->integer);
        return;
    case CELL_NUMBER:
        jb_json_number(json, cell->number);
        return;
    case CELL_BOOLEAN:
        jb_json_boolean(json, cell->integer != 0);
        return;
    case CELL_NULL:
        jb_json_null(json);
        return;
    }
}

void jb_table_write_json_members(const struct jb_table *table, size_t row, struct jb_json *json) {
    assert(row < all_rows(table));
    for (size_t c = 0; c < table->column_count; c++) {
        if (!table->columns[c].key)
            continue;
        jb_json_key(json, table->columns[c].key);
        write_json_value(table, &table->cells[row * table->column_count + c], json);
    }
}

void jb_table_write_json(const struct jb_table *table, struct jb_json *json) {
    jb_json_array(json);
    for (size_t r = 0; r < all_rows(table); r++) {
        if (table->is_total[r])
            continue;
        jb_json_object(json);
        jb_table_write_json_members(table, r, json);
        jb_json_end(json, '}');
    }
    jb_json_end(json, ']');
}

struct jb_layout jb_layout_of_stdout(void) {
    struct jb_layout layout = {0};
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return layout;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        layout.width = size.ws_col;
    const char *plain = getenv("NO_COLOR"), *terminal = getenv("TERM");
    layout.is_bold = !(plain && *plain) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
    return layout;
}

/* ---- text ---- */

/* Measures of one column: whole width, and for JB_POINT the widths before and behind the point. */
struct measure {
    size_t width, before, behind;
};

static const char *shown_text(const struct jb_table *table, const struct cell *cell,
                              struct jb_buffer *scratch) {
    if (cell->shown != NO_TEXT)
        return table->texts.bytes + cell->shown;
    return plain_text(table, cell, scratch);
}

/* Columns of a figure up to where its point stands or would stand. */
static size_t width_before_point(const char *text) {
    return strspn(text, "-<>0123456789");
}

static void measure_columns(const struct jb_table *table, struct measure *measures) {
    _cleanup_buffer_ struct jb_buffer scratch = {0};
    for (size_t c = 0; c < table->column_count; c++) {
        const struct jb_column *column = &table->columns[c];
        struct measure *measure = &measures[c];
        if (!column->title)
            continue;
        for (size_t r = 0; r < all_rows(table); r++) {
            const char *text = shown_text(table, &table->cells[r * table->column_count + c], &scratch);
            size_t width = jb_text_width(text);
            if (column->align == JB_POINT && width_before_point(text) > 0) {
                size_t before = width_before_point(text);
                measure->before = before > measure->before ? before : measure->before;
                measure->behind = width - before > measure->behind ? width - before : measure->behind;
            } else {
                measure->width = width > measure->width ? width : measure->width;
            }
        }
        if (measure->before + measure->behind > measure->width)
            measure->width = measure->before + measure->behind;
        if (jb_text_width(column->title) > measure->width)
            measure->width = jb_text_width(column->title);
    }
}

/* Takes what is too much from the flexible columns, the widest first, down to 12 columns each. */
static void fit_columns(const struct jb_table *table, unsigned width, struct measure *measures) {
    size_t total = 0;
    bool any = false;
    for (size_t c = 0; c < table->column_count; c++) {
        if (!table->columns[c].title)
            continue;
        total += measures[c].width + (any ? strlen(GAP) : 0);
        any = true;
    }
    while (width && total > width) {
        struct measure *widest = NULL;
        for (size_t c = 0; c < table->column_count; c++) {
            if (table->columns[c].title && table->columns[c].is_flexible && measures[c].width > 12 &&
                (!widest || measures[c].width > widest->width))
                widest = &measures[c];
        }
        if (!widest)
            return;
        widest->width--;
        total--;
    }
}

static void write_spaces(struct jb_buffer *out, size_t count) {
    while (count--)
        jb_buffer_add_char(out, ' ');
}

static void write_cell(struct jb_buffer *out, const struct jb_column *column, const struct measure *measure,
                       const char *text, bool is_last) {
    char safe[4096], fitted[4096];
    jb_text_display(text, safe, sizeof safe);
    jb_text_fit(safe, measure->width, fitted, sizeof fitted);
    size_t width = jb_text_width(fitted), left = 0;
    size_t pad = measure->width > width ? measure->width - width : 0;
    if (column->align == JB_RIGHT)
        left = pad;
    if (column->align == JB_POINT) {
        size_t before = width_before_point(fitted), behind = width - before;
        left = before && behind <= measure->behind && measure->behind - behind <= pad
                   ? pad - (measure->behind - behind)
                   : pad;
    }
    write_spaces(out, left);
    jb_buffer_add_string(out, fitted);
    if (!is_last)
        write_spaces(out, pad - left);
}

void jb_table_write_text(const struct jb_table *table, const struct jb_layout *layout,
                         struct jb_buffer *out) {
    _cleanup_buffer_ struct jb_buffer scratch = {0};
    struct measure measures[COLUMN_CEILING] = {0};
    size_t last = 0, width = 0;
    measure_columns(table, measures);
    fit_columns(table, layout->width, measures);
    for (size_t c = 0; c < table->column_count; c++) {
        if (!table->columns[c].title)
            continue;
        width += measures[c].width + (width ? strlen(GAP) : 0);
        last = c;
    }
    jb_buffer_add_string(out, layout->is_bold ? "\033[1m" : "");
    for (size_t c = 0; c <= last; c++) {
        if (!table->columns[c].title)
            continue;
        struct jb_column heading = table->columns[c];
        heading.align = heading.align == JB_LEFT ? JB_LEFT : JB_RIGHT;
        write_cell(out, &heading, &measures[c], heading.title, c == last);
        jb_buffer_add_string(out, c < last ? GAP : "");
    }
    jb_buffer_add_string(out, layout->is_bold ? "\033[0m\n" : "\n");
    bool in_totals = false;
    for (size_t r = 0; r < all_rows(table); r++) {
        if (table->is_total[r] && !in_totals) {
            for (size_t i = 0; i < width; i++)
                jb_buffer_add_string(out, "─");
            jb_buffer_add_char(out, '\n');
        }
        in_totals = table->is_total[r];
        for (size_t c = 0; c <= last; c++) {
            if (!table->columns[c].title)
                continue;
            const char *text = shown_text(table, &table->cells[r * table->column_count + c], &scratch);
            write_cell(out, &table->columns[c], &measures[c], text, c == last);
            jb_buffer_add_string(out, c < last ? GAP : "");
        }
        while (!out->failed && out->length && out->bytes[out->length - 1] == ' ')
            out->bytes[--out->length] = '\0';
        jb_buffer_add_char(out, '\n');
    }
}
