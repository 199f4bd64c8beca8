/* Tables of meter readings: one row a reading (time, meter, value), or one column a meter. */
#include "import/meter_internal.h"

#include "base/array.h"
#include "base/csv.h"
#include "base/decimal.h"
#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define NO_COLUMN      SIZE_MAX
#define COLUMN_CEILING 1000

enum dimension { DIMENSION_ENERGY, DIMENSION_POWER, DIMENSION_VOLUME };

/* A millionth of each unit in µJ, µW or µl. */
static const struct unit {
    const char *name;
    enum dimension dimension;
    int64_t size;
} units[] = {
    {"Wh", DIMENSION_ENERGY, 3600},
    {"kWh", DIMENSION_ENERGY, 3600000},
    {"MWh", DIMENSION_ENERGY, 3600000000},
    {"GWh", DIMENSION_ENERGY, 3600000000000},
    {"J", DIMENSION_ENERGY, 1},
    {"kJ", DIMENSION_ENERGY, 1000},
    {"MJ", DIMENSION_ENERGY, 1000000},
    {"GJ", DIMENSION_ENERGY, 1000000000},
    {"W", DIMENSION_POWER, 1},
    {"kW", DIMENSION_POWER, 1000},
    {"MW", DIMENSION_POWER, 1000000},
    {"l", DIMENSION_VOLUME, 1},
    {"L", DIMENSION_VOLUME, 1},
    {"m3", DIMENSION_VOLUME, 1000},
    {"kl", DIMENSION_VOLUME, 1000},
};
#define UNIT_NAMES "Wh, kWh, MWh, GWh, J, kJ, MJ, GJ, W, kW, MW, l or m3"

static const struct unit *unit_of(const char *name) {
    for (size_t i = 0; i < JB_COUNT(units); i++) {
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    }
    return NULL;
}

/* A column of values. */
struct column {
    size_t at;
    char meter[JB_METER_NAME_SIZE]; /* "" when a column names it */
    const struct unit *unit;        /* NULL: the row says it, or --unit */
    enum jb_meter_kind kind;
};

struct table {
    const char *file;
    uint32_t input;
    const struct jb_meter_request *request;
    struct jb_meters *meters;
    size_t time, end, meter, unit, field_count;
    struct column *columns;
    size_t column_count, column_capacity;
    const char **headings; /* kept copies */
    char *heading_bytes;
};

static void table_free(struct table *table) {
    free(table->columns);
    free(table->headings);
    free(table->heading_bytes);
}

static bool is_one_of(const char *text, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(names[i], text) == 0)
            return true;
    }
    return false;
}

/* The unit that a heading ends in ("main_kwh", "main [kWh]", "kWh"), and what stands before it. */
static const struct unit *unit_in_heading(const char *heading, char *ret_rest, size_t size) {
    size_t length = strlen(heading), start;
    char name[8];
    if (length && (heading[length - 1] == ']' || heading[length - 1] == ')'))
        length--;
    for (start = length; start > 0 && !strchr("_ [(", heading[start - 1]); start--)
        continue;
    size_t rest = start;
    while (rest > 0 && strchr("_ [(", heading[rest - 1]))
        rest--;
    snprintf(ret_rest, size, "%.*s", (int)rest, heading);
    if (length - start >= sizeof name)
        return NULL;
    snprintf(name, sizeof name, "%.*s", (int)(length - start), heading + start);
    const struct unit *unit = unit_of(name);
    for (size_t i = 0; !unit && i < JB_COUNT(units); i++) {
        /* In small letters only where no unit of another size is written so. */
        if (strcasecmp(units[i].name, name) == 0 && strcmp(name, "mw") != 0 && strcmp(name, "mj") != 0)
            unit = &units[i];
    }
    return unit;
}

static bool names_register(const char *heading) {
    static const char *const words[] = {"register", "reading", "counter", "index"};
    for (size_t i = 0; i < JB_COUNT(words); i++) {
        if (strcasestr(heading, words[i]))
            return true;
    }
    return false;
}

static enum jb_code add_column(struct table *table, size_t at, struct jb_error *error) {
    struct column column = {.at = at};
    char rest[JB_METER_NAME_SIZE];
    const char *heading = table->headings[at];
    bool is_long = table->meter != NO_COLUMN;
    if (strlen(heading) >= JB_METER_NAME_SIZE)
        return jb_error_set(error, JB_INPUT, "%s, line 1, field %zu: a heading of over %d bytes", table->file,
                            at + 1, JB_METER_NAME_SIZE - 1);
    column.unit = unit_in_heading(heading, rest, sizeof rest);
    bool is_value =
        column.unit || is_one_of(heading, (const char *const[]){"value", "register", "reading"}, 3);
    if (is_long && !is_value)
        return JB_OK; /* a remark */
    if (is_long && table->column_count)
        return jb_error_set(error, JB_INPUT,
                            "%s, line 1, field '%.80s': a second column of values beside '%.80s'; keep one",
                            table->file, heading, table->headings[table->columns[0].at]);
    if (is_long && names_register(heading))
        column.kind = JB_METER_REGISTER;
    if (!is_long)
        snprintf(column.meter, sizeof column.meter, "%s", column.unit ? rest : heading);
    if (!is_long && !column.meter[0])
        return jb_error_set(
            error, JB_INPUT,
            "%s, line 1, field '%.80s': names no meter; write NAME_kWh, or add a column 'meter'", table->file,
            heading);
    enum jb_code code = jb_array_reserve(&table->columns, &table->column_capacity, table->column_count + 1,
                                         COLUMN_CEILING, "columns of meters", error);
    if (!code)
        table->columns[table->column_count++] = column;
    return code;
}

static enum jb_code take_place(struct table *table, size_t *place, size_t at, struct jb_error *error) {
    if (*place != NO_COLUMN)
        return jb_error_set(error, JB_INPUT,
                            "%s, line 1, field '%.80s': means the same as field '%.80s'; keep one",
                            table->file, table->headings[at], table->headings[*place]);
    *place = at;
    return JB_OK;
}

static enum jb_code find_columns(struct table *table, struct jb_error *error) {
    static const char *const times[] = {"time", "start", "from", "timestamp", "datetime", "date"};
    static const char *const ends[] = {"end", "to", "until"};
    static const char *const meters[] = {"meter", "meter_id", "device", "sensor"};
    enum jb_code code = JB_OK;
    table->time = table->end = table->meter = table->unit = NO_COLUMN;
    for (size_t i = 0; !code && i < table->field_count; i++) {
        const char *heading = table->headings[i];
        size_t *place = is_one_of(heading, times, JB_COUNT(times))     ? &table->time
                        : is_one_of(heading, ends, JB_COUNT(ends))     ? &table->end
                        : is_one_of(heading, meters, JB_COUNT(meters)) ? &table->meter
                        : strcasecmp(heading, "unit") == 0             ? &table->unit
                                                                       : NULL;
        if (place)
            code = take_place(table, place, i, error);
    }
    if (!code && table->time == NO_COLUMN)
        code = jb_error_set(error, JB_INPUT, "%s, line 1: no column of times; call it 'time'", table->file);
    for (size_t i = 0; !code && i < table->field_count; i++) {
        if (i != table->time && i != table->end && i != table->meter && i != table->unit)
            code = add_column(table, i, error);
    }
    if (!code && table->column_count == 0)
        code = jb_error_set(
            error, JB_INPUT,
            "%s, line 1: no column of values; call it kWh (an amount a step), register_kWh (what "
            "the counter shows) or kW",
            table->file);
    return code;
}

static enum jb_code keep_headings(struct table *table, const char *const *fields, size_t count,
                                  struct jb_error *error) {
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(fields[i]) + 1;
    table->heading_bytes = malloc(size);
    table->headings = calloc(count + 1, sizeof *table->headings);
    if (!table->heading_bytes || !table->headings)
        return jb_error_set(error, JB_MEMORY, "no memory for a heading");
    char *at = table->heading_bytes;
    for (size_t i = 0; i < count; i++) {
        const char *field = fields[i] + strspn(fields[i], " ");
        size_t length = strlen(field);
        while (length && field[length - 1] == ' ')
            length--;
        memcpy(at, field, length);
        at[length] = '\0';
        table->headings[i] = at;
        at += length + 1;
    }
    table->field_count = count;
    return JB_OK;
}

/* A meter that is known by this name; NULL: none. Rows come in an order that repeats, so the one behind the
 * last is tried first. */
static struct jb_meter *known_meter(struct jb_meters *meters, const char *name) {
    for (size_t i = 0; i < meters->count; i++) {
        size_t at = (meters->last + 1 + i) % meters->count;
        if (strcmp(meters->items[at].name, name) == 0) {
            meters->last = at;
            return &meters->items[at];
        }
    }
    return NULL;
}

static enum jb_code find_meter(struct table *table, const char *name, struct jb_error *error,
                               struct jb_meter **ret_meter) {
    struct jb_meters *meters = table->meters;
    struct jb_meter *known = known_meter(meters, name);
    if (known) {
        *ret_meter = known;
        return JB_OK;
    }
    size_t length = strlen(name);
    if (length == 0 || length >= JB_METER_NAME_SIZE)
        return jb_error_set(error, JB_INPUT, "a meter's name has 1 to %d bytes", JB_METER_NAME_SIZE - 1);
    for (size_t i = 0; i < length;) {
        size_t width = jb_utf8_length(name + i, length - i);
        if (width == 0 || jb_control_length(name + i, length - i))
            return jb_error_set(error, JB_INPUT, "'%.80s' has a control character or is not UTF-8", name);
        i += width;
    }
    const struct jb_meter_rule *rule = NULL;
    for (size_t i = 0; !rule && i < table->request->rules->count; i++) {
        if (jb_text_matches(table->request->rules->items[i].pattern, name))
            rule = &table->request->rules->items[i];
    }
    if (!rule)
        return jb_error_set(
            error, JB_INPUT,
            "meter '%.80s' has no role; name it in --meters, or in a section [meter %.80s] of the "
            "setting (role none passes it over)",
            name, name);
    enum jb_code code = jb_array_reserve(&meters->items, &meters->capacity, meters->count + 1,
                                         JB_METER_CEILING, "meters", error);
    if (code)
        return code;
    meters->last = meters->count;
    struct jb_meter *meter = &meters->items[meters->count++];
    *meter = (struct jb_meter){.rule = rule, .start_state = JB_STAMP_START, .end_state = JB_STAMP_START};
    memcpy(meter->name, name, length + 1);
    *ret_meter = meter;
    return JB_OK;
}

/* The unit of a value: of the meter's rule, the row, the heading, or --unit. */
static enum jb_code find_unit(const struct table *table, const struct column *column,
                              const struct jb_meter *meter, const char *in_row, struct jb_error *error,
                              const struct unit **ret_unit) {
    const char *name = meter->rule->unit[0]   ? meter->rule->unit
                       : in_row && *in_row    ? in_row
                       : column->unit         ? column->unit->name
                       : table->request->unit ? table->request->unit
                                              : NULL;
    if (!name)
        return jb_error_set(error, JB_INPUT,
                            "has no unit; put it into the heading (kWh), a column 'unit', or say --unit kWh");
    const struct unit *unit = unit_of(name);
    if (!unit)
        return jb_error_set(error, JB_INPUT, "'%.40s' is no unit of a meter; write " UNIT_NAMES, name);
    bool is_water = meter->rule->role == JB_METER_WATER;
    if ((unit->dimension == DIMENSION_VOLUME) != is_water)
        return jb_error_set(error, JB_INPUT, "'%.40s' is no unit of meter '%.80s', which is one of %s", name,
                            meter->name, is_water ? "water: write l or m3" : "energy: write kWh or kW");
    *ret_unit = unit;
    return JB_OK;
}

static enum jb_code find_kind(const struct table *table, const struct column *column, struct jb_meter *meter,
                              const struct unit *unit, struct jb_error *error) {
    enum jb_meter_kind kind = meter->rule->kind;
    if (unit->dimension == DIMENSION_POWER)
        kind = JB_METER_POWER;
    else if (!kind)
        kind = column->kind ? column->kind : table->request->kind ? table->request->kind : JB_METER_INTERVAL;
    if (kind == JB_METER_POWER && unit->dimension != DIMENSION_POWER)
        return jb_error_set(error, JB_INPUT, "'%s' is no unit of power; write W, kW or MW", unit->name);
    if (meter->kind && meter->kind != kind)
        return jb_error_set(error, JB_INPUT,
                            "meter '%.80s' is read as power here and as energy elsewhere; keep to one",
                            meter->name);
    if (meter->kind == JB_METER_REGISTER && meter->unit_size != unit->size)
        return jb_error_set(error, JB_INPUT, "the register of meter '%.80s' changes its unit; keep to one",
                            meter->name);
    meter->kind = kind;
    meter->unit_size = unit->size;
    return JB_OK;
}

static enum jb_code parse_value(const char *text, const struct jb_meter *meter, const struct unit *unit,
                                struct jb_error *error, jb_int128 *ret_value) {
    int64_t millionths;
    if (strchr(text, ','))
        return jb_error_set(error, JB_INPUT, "'%.60s' has a comma; write a decimal point and no grouping",
                            text);
    if (jb_decimal_parse(text, 1000000, NULL, &millionths))
        return jb_error_set(
            error, JB_INPUT,
            "'%.60s' is no number up to 9 trillion; write digits with a decimal point, or nothing "
            "where it is not known",
            text);
    if (millionths < 0)
        return jb_error_set(
            error, JB_INPUT, "'%.60s' is negative: meter '%.80s' %s; leave it empty where it is not known",
            text, meter->name,
            meter->kind == JB_METER_REGISTER ? "shows what has passed through it"
                                             : "gives nothing back (a plant of your own is a meter "
                                               "with role generation)");
    *ret_value = (jb_int128)millionths * unit->size;
    return JB_OK;
}

static enum jb_code blame(const struct table *table, uint64_t line, size_t at, struct jb_error *error) {
    return jb_error_prefix(error, "%s, line %" PRIu64 ", field '%.80s'", table->file, line,
                           table->headings[at]);
}

/* One value of a row. */
static enum jb_code take_reading(struct table *table, const struct column *column, const char *const *fields,
                                 uint64_t line, struct jb_error *error) {
    const char *text = fields[column->at] + strspn(fields[column->at], " ");
    struct jb_meter_reading reading = {.end_ns = INT64_MIN, .line = line, .input = table->input};
    struct jb_meter *meter = NULL;
    const struct unit *unit = NULL;
    if (!*text)
        return JB_OK; /* not known: a gap */
    enum jb_code code =
        find_meter(table, column->meter[0] ? column->meter : fields[table->meter], error, &meter);
    if (code)
        return blame(table, line, column->meter[0] ? column->at : table->meter, error);
    if (meter->rule->role == JB_METER_NONE)
        return JB_OK;
    meter->is_column = column->meter[0] != '\0';
    code =
        find_unit(table, column, meter, table->unit == NO_COLUMN ? NULL : fields[table->unit], error, &unit);
    if (code)
        return blame(table, line, table->unit == NO_COLUMN ? column->at : table->unit, error);
    code = find_kind(table, column, meter, unit, error);
    if (!code)
        code = parse_value(text, meter, unit, error, &reading.value);
    if (code)
        return blame(table, line, column->at, error);
    code = jb_stamp_read(&table->request->style, fields[table->time], &meter->start_state, error,
                         &reading.time_ns);
    if (code)
        return blame(table, line, table->time, error);
    if (table->end != NO_COLUMN) {
        code = jb_stamp_read(&table->request->style, fields[table->end], &meter->end_state, error,
                             &reading.end_ns);
        if (!code && reading.end_ns <= reading.time_ns)
            code = jb_error_set(error, JB_INPUT, "'%.40s' is not after the start", fields[table->end]);
        if (code)
            return blame(table, line, table->end, error);
    }
    if (reading.time_ns < 0 || reading.end_ns > JB_BOOK_LAST_NS) {
        jb_error_set(error, JB_INPUT, "'%.40s' is not between 1970 and 2261", fields[table->time]);
        return blame(table, line, table->time, error);
    }
    if (++table->meters->reading_count > JB_METER_READING_CEILING)
        return jb_error_set(error, JB_LIMIT, "over %zu readings in one import; import less at a time",
                            JB_METER_READING_CEILING);
    code = jb_array_reserve(&meter->readings, &meter->capacity, meter->count + 1, JB_METER_READING_CEILING,
                            "readings of a meter", error);
    if (!code)
        meter->readings[meter->count++] = reading;
    return code;
}

static enum jb_code take_row(struct table *table, const char *const *fields, size_t count, uint64_t line,
                             struct jb_error *error) {
    if (count != table->field_count)
        return jb_error_set(error, JB_INPUT, "%s, line %" PRIu64 ": %zu fields, but the heading has %zu",
                            table->file, line, count, table->field_count);
    for (size_t i = 0; i < count; i++) {
        if (strlen(fields[i]) > JB_METER_FIELD_CEILING) {
            jb_error_set(error, JB_INPUT, "%zu bytes long; is a quote missing?", strlen(fields[i]));
            return blame(table, line, i, error);
        }
    }
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < table->column_count; i++)
        code = take_reading(table, &table->columns[i], fields, line, error);
    return code;
}

enum jb_code jb_meter_read_csv(FILE *file, const char *name, uint32_t input,
                               const struct jb_meter_request *request, struct jb_meters *meters,
                               struct jb_error *error) {
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    _cleanup_(table_free) struct table table = {
        .file = name, .input = input, .request = request, .meters = meters};
    const char *const *fields;
    size_t count;
    /* A column of times is read anew by every file. */
    for (size_t i = 0; i < meters->count; i++)
        meters->items[i].start_state = meters->items[i].end_state = JB_STAMP_START;
    enum jb_code code = jb_csv_reader_make(file, name, error, &reader);
    if (!code)
        code = jb_csv_read(reader, error, &fields, &count);
    if (code == JB_NO_DATA)
        return jb_error_set(error, JB_INPUT, "%s: empty; it needs a heading and a row a reading", name);
    if (!code)
        code = keep_headings(&table, fields, count, error);
    if (!code)
        code = find_columns(&table, error);
    while (!code && (code = jb_csv_read(reader, error, &fields, &count)) == JB_OK)
        code = take_row(&table, fields, count, jb_csv_line(reader), error);
    return code == JB_NO_DATA ? JB_OK : code;
}
