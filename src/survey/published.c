/* Published figures from CSV. Columns are found by their names; others are for people. */
#include "survey/published.h"

#include "base/array.h"
#include "base/csv.h"
#include "base/number.h"
#include "base/strings.h"

#include <math.h>
#include <string.h>

#define FIGURES_CEILING 100000
#define PLACES_CEILING  10000

struct place {
    const char *name, *within;
};

struct jb_published {
    struct jb_strings *texts;
    struct jb_published_figure *figures;
    size_t figure_count, figure_capacity;
    struct place *places;
    size_t place_count, place_capacity;
};

void jb_published_free(struct jb_published *published) {
    if (!published)
        return;
    jb_strings_free(published->texts);
    free(published->figures);
    free(published->places);
    free(published);
}

/* A table being read: which field has which of the wanted columns. */
struct table {
    struct jb_csv_reader *reader;
    const char *name;
    const char *const *columns;
    size_t column_count, fields[8], heading_count;
    const char *const *row;
    struct jb_error *error;
};

static enum jb_code open_table(struct table *table, FILE *file) {
    size_t count;
    enum jb_code code = jb_csv_reader_make(file, table->name, table->error, &table->reader);
    if (!code)
        code = jb_csv_read(table->reader, table->error, &table->row, &table->heading_count);
    if (code == JB_NO_DATA)
        return jb_error_set(table->error, JB_INPUT,
                            "%s: the file is empty; its first line has to name the columns", table->name);
    for (size_t i = 0; i < table->column_count && !code; i++) {
        count = 0;
        for (size_t field = 0; field < table->heading_count; field++) {
            if (strcmp(table->row[field], table->columns[i]) == 0)
                table->fields[i] = field, count++;
        }
        if (count != 1)
            code = jb_error_set(table->error, JB_INPUT, "%s:1: %s column '%s'", table->name,
                                count ? "there is more than one" : "there is no", table->columns[i]);
    }
    return code;
}

static unsigned long long line_of(const struct table *table) {
    return (unsigned long long)jb_csv_line(table->reader);
}

/* JB_NO_DATA at the end. */
static enum jb_code next_row(struct table *table) {
    size_t count;
    enum jb_code code = jb_csv_read(table->reader, table->error, &table->row, &count);
    if (!code && count != table->heading_count)
        code = jb_error_set(table->error, JB_INPUT, "%s:%llu: the row has %zu fields and the heading %zu",
                            table->name, line_of(table), count, table->heading_count);
    return code;
}

static enum jb_code take_text(struct jb_published *published, const struct table *table, size_t column,
                              const char **ret_text) {
    uint32_t id;
    enum jb_code code =
        jb_strings_intern(published->texts, table->row[table->fields[column]], table->error, &id);
    if (!code)
        *ret_text = jb_strings_text(published->texts, id);
    return code;
}

static enum jb_code take_number(const struct table *table, size_t column, double low, double high,
                                double *ret) {
    const char *text = table->row[table->fields[column]];
    if (!jb_number_parse(text, ret) || *ret < low || *ret > high)
        return jb_error_set(table->error, JB_INPUT, "%s:%llu: %s: '%.60s' is no number from %g to %g",
                            table->name, line_of(table), table->columns[column], text, low, high);
    return JB_OK;
}

static enum jb_code read_figures(struct jb_published *published, FILE *file, const char *name,
                                 struct jb_error *error) {
    static const char *const columns[] = {"question", "answer",      "place", "value",
                                          "rounding", "respondents", "source"};
    struct table table = {
        .name = name, .columns = columns, .column_count = JB_COUNT(columns), .error = error};
    enum jb_code code = open_table(&table, file);
    while (!code && !(code = next_row(&table))) {
        struct jb_published_figure figure = {0};
        if (!(code = take_text(published, &table, 0, &figure.question)) &&
            !(code = take_text(published, &table, 1, &figure.answer)) &&
            !(code = take_text(published, &table, 2, &figure.place)) &&
            !(code = take_number(&table, 3, 0, 100, &figure.value)) &&
            !(code = take_number(&table, 4, 0, 50, &figure.rounding)) &&
            !(code = take_number(&table, 5, 2, 1e9, &figure.respondents)) &&
            !(code = take_text(published, &table, 6, &figure.source)))
            code = jb_array_reserve(&published->figures, &published->figure_capacity,
                                    published->figure_count + 1, FIGURES_CEILING, "published figures", error);
        for (size_t i = 0; i < published->figure_count && !code; i++) {
            const struct jb_published_figure *other = &published->figures[i];
            /* Interned texts: equal ones are the same. */
            if (other->question == figure.question && other->answer == figure.answer &&
                other->place == figure.place)
                code = jb_error_set(error, JB_INPUT, "%s:%llu: this figure is there already; take one out",
                                    name, line_of(&table));
        }
        if (!code)
            published->figures[published->figure_count++] = figure;
    }
    jb_csv_reader_free(table.reader);
    return code == JB_NO_DATA ? JB_OK : code;
}

static const struct place *find_place(const struct jb_published *published, const char *name) {
    for (size_t i = 0; i < published->place_count; i++) {
        if (strcmp(published->places[i].name, name) == 0)
            return &published->places[i];
    }
    return NULL;
}

static enum jb_code read_places(struct jb_published *published, FILE *file, const char *name,
                                struct jb_error *error) {
    static const char *const columns[] = {"place", "within"};
    struct table table = {
        .name = name, .columns = columns, .column_count = JB_COUNT(columns), .error = error};
    enum jb_code code = open_table(&table, file);
    while (!code && !(code = next_row(&table))) {
        struct place place = {0};
        if (!(code = take_text(published, &table, 0, &place.name)) &&
            !(code = take_text(published, &table, 1, &place.within)))
            code = jb_array_reserve(&published->places, &published->place_capacity,
                                    published->place_count + 1, PLACES_CEILING, "places", error);
        if (!code && (!*place.name || find_place(published, place.name)))
            code = jb_error_set(error, JB_INPUT, "%s:%llu: the place is empty, or is there already", name,
                                line_of(&table));
        if (!code)
            published->places[published->place_count++] = place;
    }
    jb_csv_reader_free(table.reader);
    return code == JB_NO_DATA ? JB_OK : code;
}

enum jb_code jb_published_read(FILE *figures, const char *figures_name, FILE *places, const char *places_name,
                               struct jb_error *error, struct jb_published **ret_published) {
    _cleanup_(jb_published_free_cleanup) struct jb_published *published = calloc(1, sizeof(*published));
    if (!published)
        return jb_error_set(error, JB_MEMORY, "no memory for %s", figures_name);
    enum jb_code code = jb_strings_make(8 * FIGURES_CEILING, error, &published->texts);
    if (!code)
        code = read_figures(published, figures, figures_name, error);
    if (!code)
        code = read_places(published, places, places_name, error);
    if (code)
        return code;
    *ret_published = JB_TAKE(published);
    return JB_OK;
}

bool jb_published_has_place(const struct jb_published *published, const char *place) {
    return find_place(published, place) != NULL;
}

const struct jb_published_figure *jb_published_find(const struct jb_published *published,
                                                    const char *question, const char *answer,
                                                    const char *place) {
    /* Places may lie within each other in a circle: no chain is longer than there are places. */
    for (size_t step = 0; step <= published->place_count; step++) {
        for (size_t i = 0; i < published->figure_count; i++) {
            const struct jb_published_figure *figure = &published->figures[i];
            if (strcmp(figure->question, question) == 0 && strcmp(figure->answer, answer) == 0 &&
                strcmp(figure->place, place) == 0)
                return figure;
        }
        if (!*place)
            return NULL;
        const struct place *around = find_place(published, place);
        place = around ? around->within : "";
    }
    return NULL;
}
