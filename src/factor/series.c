/* Rows of a table of levels: times in order, steps without overlap, values in range. */
#include "factor/series_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/csv.h"
#include "base/decimal.h"
#include "base/time.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct row {
    int64_t start_ns, end_ns; /* end INT64_MIN: not known yet */
    uint64_t line;
    size_t values; /* index of its first value */
};

struct reading {
    const char *file;
    const struct jb_series_request *request;
    struct jb_series_columns columns;
    struct row *rows;
    double *values; /* NaN: empty */
    size_t row_count, row_capacity, value_count, value_capacity;
    struct jb_stamp_state start_state, end_state;
};

void jb_series_set_free(struct jb_series_set *set) {
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++)
        free(set->items[i].steps);
    free(set->items);
    *set = (struct jb_series_set){0};
}

static void reading_free(struct reading *reading) {
    free(reading->rows);
    free(reading->values);
}

/* A number as tables write it; JB_INPUT with the mend. */
static enum jb_code parse_number(const char *text, struct jb_error *error, double *ret_value) {
    int64_t scaled;
    const char *digits = text + (*text == '-' || *text == '+');
    if (digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9')
        return jb_error_set(error, JB_INPUT, "'%.60s' opens with zeros: was a decimal point lost?", text);
    if (strchr(text, ','))
        return jb_error_set(error, JB_INPUT, "'%.60s' has a comma; write a decimal point and no grouping",
                            text);
    if (jb_decimal_parse(text, JB_SECOND_NS, NULL, &scaled) == JB_OK)
        *ret_value = (double)scaled / 1e9;
    else if (jb_decimal_parse(text, 1000, NULL, &scaled) == JB_OK)
        *ret_value = (double)scaled / 1e3;
    else
        return jb_error_set(error, JB_INPUT,
                            "'%.60s' is no number; write digits with a decimal point, or nothing where it is "
                            "not known",
                            text);
    return JB_OK;
}

static enum jb_code check_range(const struct jb_series_column *column, double value, const char *text,
                                struct jb_error *error) {
    if (value >= column->low && value <= column->high)
        return JB_OK;
    bool is_negative = value < 0 && column->low >= 0;
    return jb_error_set(error, JB_INPUT, "'%.60s' is %s: %s lies between %.10g and %.10g %s%s", text,
                        is_negative ? "negative" : "out of range", column->quantity, column->low,
                        column->high, column->unit,
                        is_negative && column->subject[0] ? "; what is consumed (pumping) is no generation: "
                                                            "write 0 or nothing"
                                                          : "; is the unit another one?");
}

static enum jb_code take_value(struct reading *reading, const struct jb_series_column *column,
                               const char *text, struct jb_error *error) {
    double value = NAN;
    while (*text == ' ')
        text++;
    if (*text) {
        enum jb_code code = parse_number(text, error, &value);
        value *= column->multiplier;
        /* Energy is judged when the step's length is known. */
        if (!code && !(column->is_energy && value >= 0))
            code = check_range(column, value, text, error);
        if (code)
            return code;
    }
    enum jb_code code = jb_array_reserve(&reading->values, &reading->value_capacity, reading->value_count + 1,
                                         JB_SERIES_ROW_CEILING * JB_SERIES_COLUMN_CEILING, "values", error);
    if (!code)
        reading->values[reading->value_count++] = value;
    return code;
}

static bool is_empty_row(const struct reading *reading, const char *const *fields) {
    for (size_t i = 0; i < reading->columns.count; i++) {
        const char *field = fields[reading->columns.items[i].at];
        if (field[strspn(field, " ")])
            return false;
    }
    return true;
}

/* The place of what is wrong, before what is wrong with it. */
static enum jb_code blame(const struct reading *reading, uint64_t line, const char *field,
                          struct jb_error *error) {
    return jb_error_prefix(error, "%s, line %" PRIu64 ", field '%.80s'", reading->file, line, field);
}

static enum jb_code take_row(struct reading *reading, const char *const *fields, const char *const *headings,
                             uint64_t line, struct jb_error *error) {
    const struct jb_series_columns *columns = &reading->columns;
    struct row row = {.end_ns = INT64_MIN, .line = line, .values = reading->value_count};
    for (size_t i = 0; i < columns->field_count; i++) {
        if (strlen(fields[i]) > JB_SERIES_FIELD_CEILING)
            return jb_error_set(error, JB_INPUT,
                                "%s, line %" PRIu64 ", field '%.80s': %zu bytes long; is a quote missing?",
                                reading->file, line, headings[i], strlen(fields[i]));
    }
    if (is_empty_row(reading, fields))
        return JB_OK; /* a gap */
    enum jb_code code = jb_stamp_read(&reading->request->style, fields[columns->time], &reading->start_state,
                                      error, &row.start_ns);
    if (code)
        return blame(reading, line, headings[columns->time], error);
    if (columns->end != JB_SERIES_NO_COLUMN) {
        code = jb_stamp_read(&reading->request->style, fields[columns->end], &reading->end_state, error,
                             &row.end_ns);
        if (!code && row.end_ns <= row.start_ns)
            code = jb_error_set(error, JB_INPUT, "'%.40s' is not after the start", fields[columns->end]);
        if (code)
            return blame(reading, line, headings[columns->end], error);
    }
    if (row.start_ns < 0)
        return jb_error_set(error, JB_INPUT, "%s, line %" PRIu64 ", field '%.80s': before 1970",
                            reading->file, line, headings[columns->time]);
    for (size_t i = 0; i < columns->count; i++) {
        code = take_value(reading, &columns->items[i], fields[columns->items[i].at], error);
        if (code == JB_INPUT)
            return blame(reading, line, headings[columns->items[i].at], error);
        if (code)
            return code;
    }
    code = jb_array_reserve(&reading->rows, &reading->row_capacity, reading->row_count + 1,
                            JB_SERIES_ROW_CEILING, "rows", error);
    if (!code)
        reading->rows[reading->row_count++] = row;
    return code;
}

static int compare_rows(const void *left, const void *right) {
    const struct row *a = left, *b = right;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

static enum jb_code sort_rows(struct reading *reading, const char *const *headings, struct jb_error *error) {
    char time[JB_TIME_SIZE];
    bool is_ordered = true;
    for (size_t i = 1; i < reading->row_count && is_ordered; i++)
        is_ordered = reading->rows[i - 1].start_ns < reading->rows[i].start_ns;
    if (!is_ordered)
        qsort(reading->rows, reading->row_count, sizeof *reading->rows, compare_rows);
    for (size_t i = 1; i < reading->row_count; i++) {
        const struct row *row = &reading->rows[i];
        if (row->start_ns == row[-1].start_ns)
            return jb_error_set(error, JB_INPUT,
                                "%s, line %" PRIu64 ", field '%.80s': %s stands on line %" PRIu64
                                " already; keep one of them%s",
                                reading->file, row->line, headings[reading->columns.time],
                                jb_time_format(row->start_ns, time), row[-1].line,
                                reading->request->style.zone ? ""
                                                             : " (if clocks were put back there, name the "
                                                               "zone of the times with --zone)");
    }
    return JB_OK;
}

/* Start of the next day, month or year in local time, in UTC. */
static int64_t calendar_end(const struct jb_stamp_style *style, enum jb_series_step step, int64_t start_ns) {
    int64_t offset_ns =
        style->zone ? jb_zone_offset_s(style->zone, start_ns / JB_SECOND_NS) * JB_SECOND_NS : 0;
    int64_t local_ns = start_ns + offset_ns, day_ns = jb_time_floor(local_ns, JB_DAY_NS), year, ns[2];
    unsigned month, day;
    jb_civil_from_days(day_ns / JB_DAY_NS, &year, &month, &day);
    if (step == JB_STEP_DAY)
        local_ns += JB_DAY_NS;
    else if (step == JB_STEP_MONTH)
        local_ns += (jb_days_from_civil(year + (month == 12), month == 12 ? 1 : month + 1, day) -
                     jb_days_from_civil(year, month, day)) *
                    JB_DAY_NS;
    else
        local_ns +=
            (jb_days_from_civil(year + 1, month, day) - jb_days_from_civil(year, month, day)) * JB_DAY_NS;
    if (!style->zone)
        return local_ns;
    size_t count = jb_zone_to_utc(style->zone, local_ns, ns);
    return count ? ns[0] : local_ns - offset_ns;
}

/* How long the steps are: what the user says, else the shortest distance of two rows. */
static enum jb_code find_step(const struct reading *reading, struct jb_error *error,
                              enum jb_series_step *ret_step, int64_t *ret_step_ns) {
    const struct jb_series_request *request = reading->request;
    if (request->step != JB_STEP_FOUND) {
        *ret_step = request->step;
        *ret_step_ns = request->step_ns;
        return JB_OK;
    }
    if (reading->row_count < 2)
        return jb_error_set(
            error, JB_INPUT,
            "%s: one row does not say how long its step is; give --step 1h, or a column 'end'",
            reading->file);
    int64_t least_ns = INT64_MAX;
    for (size_t i = 1; i < reading->row_count; i++) {
        int64_t distance_ns = reading->rows[i].start_ns - reading->rows[i - 1].start_ns;
        if (distance_ns < least_ns)
            least_ns = distance_ns;
    }
    *ret_step_ns = least_ns;
    *ret_step = least_ns >= 365 * JB_DAY_NS                                  ? JB_STEP_YEAR
                : least_ns >= 28 * JB_DAY_NS                                 ? JB_STEP_MONTH
                : least_ns >= 23 * JB_HOUR_NS && least_ns <= 25 * JB_HOUR_NS ? JB_STEP_DAY
                                                                             : JB_STEP_FIXED;
    return JB_OK;
}

static enum jb_code end_rows(struct reading *reading, const char *const *headings, struct jb_error *error) {
    enum jb_series_step step = JB_STEP_FIXED;
    int64_t step_ns = 0;
    bool has_end = reading->columns.end != JB_SERIES_NO_COLUMN;
    enum jb_code code = has_end ? JB_OK : find_step(reading, error, &step, &step_ns);
    for (size_t i = 0; !code && i < reading->row_count; i++) {
        struct row *row = &reading->rows[i];
        const struct row *before = i ? row - 1 : NULL;
        if (!has_end)
            row->end_ns = step == JB_STEP_FIXED ? row->start_ns + step_ns
                                                : calendar_end(&reading->request->style, step, row->start_ns);
        bool is_off =
            before && (has_end || step != JB_STEP_FIXED ? row->start_ns < before->end_ns
                                                        : (row->start_ns - before->start_ns) % step_ns != 0);
        if (is_off)
            code = jb_error_set(error, JB_INPUT,
                                "%s, line %" PRIu64 ", field '%.80s': comes %" PRId64 " s after line %" PRIu64
                                ", but its step has %" PRId64 " s; give a column 'end' where steps differ",
                                reading->file, row->line, headings[reading->columns.time],
                                (row->start_ns - before->start_ns) / JB_SECOND_NS, before->line,
                                (before->end_ns - before->start_ns) / JB_SECOND_NS);
        else if (row->end_ns > INT64_C(9223200000000000000))
            code =
                jb_error_set(error, JB_INPUT, "%s, line %" PRIu64 ": after 2261", reading->file, row->line);
    }
    return code;
}

/* The name of a series: quantity, region (or what stands for it), subject. */
static bool name_series(const struct jb_series_request *request, struct jb_series *series) {
    const char *place = request->name ? request->name : request->region;
    int length = snprintf(series->name, sizeof series->name, "%s/%s%s%s", series->quantity, place,
                          series->subject[0] ? "/" : "", series->subject);
    return length > 0 && (size_t)length < sizeof series->name;
}

static enum jb_code make_series(const struct reading *reading, size_t c, const char *const *headings,
                                struct jb_error *error, struct jb_series_data *ret_data) {
    const struct jb_series_column *column = &reading->columns.items[c];
    struct jb_series_data data = {.series = {.uncertainty = reading->request->uncertainty}};
    struct jb_series *series = &data.series;
    const char *slash = strrchr(reading->file, '/');
    snprintf(series->quantity, sizeof series->quantity, "%s", column->quantity);
    snprintf(series->subject, sizeof series->subject, "%s", column->subject);
    snprintf(series->unit, sizeof series->unit, "%s", column->unit);
    snprintf(series->region, sizeof series->region, "%s", reading->request->region);
    snprintf(series->source, sizeof series->source, "%.500s", reading->request->source);
    snprintf(series->licence, sizeof series->licence, "%.120s", reading->request->licence);
    snprintf(series->note, sizeof series->note, "column '%.80s' of %.200s", headings[column->at],
             slash ? slash + 1 : reading->file);
    if (!name_series(reading->request, series))
        return jb_error_set(error, JB_INPUT, "the name of series %s/… is longer than %d bytes",
                            column->quantity, JB_SERIES_NAME_SIZE - 1);
    data.steps = calloc(reading->row_count + 1, sizeof *data.steps);
    if (!data.steps)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", reading->row_count);
    for (size_t i = 0; i < reading->row_count; i++) {
        const struct row *row = &reading->rows[i];
        double value = reading->values[row->values + c];
        if (isnan(value))
            continue;
        if (column->is_energy) {
            char text[40];
            value /= (double)(row->end_ns - row->start_ns) / (double)JB_HOUR_NS;
            snprintf(text, sizeof text, "%.10g MW", value);
            if (check_range(column, value, text, error)) {
                free(data.steps);
                return blame(reading, row->line, headings[column->at], error);
            }
        }
        data.steps[data.count++] = (struct jb_step){row->start_ns, row->end_ns, value};
    }
    *ret_data = data;
    return JB_OK;
}

static enum jb_code make_set(const struct reading *reading, const char *const *headings,
                             struct jb_error *error, struct jb_series_set *ret_set) {
    /* Room for the three series that a mix gives. */
    struct jb_series_set set = {.items = calloc(reading->columns.count + 3, sizeof *set.items),
                                .row_count = reading->row_count};
    enum jb_code code = set.items ? JB_OK : jb_error_set(error, JB_MEMORY, "no memory for the series");
    for (size_t c = 0; !code && c < reading->columns.count; c++) {
        code = make_series(reading, c, headings, error, &set.items[set.count]);
        set.count += code == JB_OK;
    }
    if (code) {
        jb_series_set_free(&set);
        return code;
    }
    memcpy(set.ignored, reading->columns.ignored, sizeof set.ignored);
    *ret_set = set;
    return JB_OK;
}

/* The heading, kept while rows are read. */
struct heading {
    char *bytes;
    const char **fields;
};
static void heading_free(struct heading *heading) {
    free(heading->bytes);
    free(heading->fields);
}

static enum jb_code keep_heading(const char *const *fields, size_t count, struct jb_error *error,
                                 struct heading *heading) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += strlen(fields[i]) + 1;
    heading->bytes = malloc(size + 1);
    heading->fields = calloc(count + 1, sizeof *heading->fields);
    if (!heading->bytes || !heading->fields)
        return jb_error_set(error, JB_MEMORY, "no memory for a heading");
    char *at = heading->bytes;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(fields[i]);
        memcpy(at, fields[i], length + 1);
        while (length && at[length - 1] == ' ')
            at[--length] = '\0';
        heading->fields[i] = at + strspn(at, " ");
        at += strlen(fields[i]) + 1;
    }
    return JB_OK;
}

static enum jb_code read_rows(struct jb_csv_reader *reader, struct reading *reading,
                              const char *const *headings, struct jb_error *error) {
    const char *const *fields;
    size_t count;
    enum jb_code code;
    while ((code = jb_csv_read(reader, error, &fields, &count)) == JB_OK) {
        if (count != reading->columns.field_count)
            return jb_error_set(error, JB_INPUT, "%s, line %" PRIu64 ": %zu fields, but the heading has %zu",
                                reading->file, jb_csv_line(reader), count, reading->columns.field_count);
        code = take_row(reading, fields, headings, jb_csv_line(reader), error);
        if (code)
            return code;
    }
    return code == JB_NO_DATA ? JB_OK : code;
}

enum jb_code jb_series_read_csv(FILE *file, const char *name, const struct jb_series_request *request,
                                struct jb_error *error, struct jb_series_set *ret_set) {
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    _cleanup_(reading_free) struct reading reading = {
        .file = name, .request = request, .start_state = JB_STAMP_START, .end_state = JB_STAMP_START};
    _cleanup_(heading_free) struct heading heading = {0};
    const char *const *fields;
    size_t count;
    enum jb_code code = jb_csv_reader_make(file, name, error, &reader);
    if (!code)
        code = jb_csv_read(reader, error, &fields, &count);
    if (code == JB_NO_DATA)
        return jb_error_set(error, JB_INPUT, "%s: empty; it needs a heading and a row a step", name);
    if (!code)
        code = keep_heading(fields, count, error, &heading);
    if (!code)
        code = jb_series_columns_find(heading.fields, count, name, request->columns, error, &reading.columns);
    if (!code)
        code = read_rows(reader, &reading, heading.fields, error);
    if (!code && reading.row_count == 0)
        code = jb_error_set(error, JB_INPUT, "%s: a heading, but no value", name);
    if (!code)
        code = sort_rows(&reading, heading.fields, error);
    if (!code)
        code = end_rows(&reading, heading.fields, error);
    return code ? code : make_set(&reading, heading.fields, error, ret_set);
}
