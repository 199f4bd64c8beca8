/* The user's own evidence of places, from CSV. */
#include "decide/rank_places_internal.h"

#include "base/csv.h"
#include "base/decimal.h"

#include <math.h>
#include <string.h>

enum column { PROVIDER, REGION, CRITERION, VALUE, UNIT, UNCERTAINTY, SOURCE, COUNTRY, COLUMN_COUNT };
static const char *const columns[COLUMN_COUNT] = {"provider", "region",      "criterion", "value",
                                                  "unit",     "uncertainty", "source",    "country"};
#define REQUIRED_COUNT (UNIT + 1)
#define ROW_CEILING    (JB_RANK_CANDIDATE_CEILING * JB_CRITERION_COUNT)
#define SCALE          INT64_C(1000000000)

/* One row, read but not yet taken. */
struct row {
    size_t place;
    enum jb_criterion criterion;
    struct jb_evidence evidence;
};

struct reader {
    struct jb_rank_places *places;
    const char *name;
    struct jb_csv_reader *csv;
    struct jb_error *error;
    size_t at[COLUMN_COUNT]; /* SIZE_MAX: not there */
    size_t field_count;
};

#define WRONG(reader, column, ...)                                                                           \
    (jb_error_set((reader)->error, JB_INPUT, __VA_ARGS__),                                                   \
     jb_error_prefix((reader)->error, "%s, line %llu, field %s", (reader)->name,                             \
                     (unsigned long long)jb_csv_line((reader)->csv), columns[column]))

static enum jb_code read_heading(struct reader *reader) {
    const char *const *fields;
    enum jb_code code = jb_csv_read(reader->csv, reader->error, &fields, &reader->field_count);
    if (code == JB_NO_DATA)
        return jb_error_set(reader->error, JB_INPUT,
                            "%s: empty; a heading provider,region,criterion,value,unit is wanted",
                            reader->name);
    if (code)
        return code;
    for (size_t c = 0; c < COLUMN_COUNT; c++)
        reader->at[c] = SIZE_MAX;
    for (size_t i = 0; i < reader->field_count; i++) {
        size_t c = 0;
        while (c < COLUMN_COUNT && strcmp(fields[i], columns[c]) != 0)
            c++;
        if (c == COLUMN_COUNT || reader->at[c] != SIZE_MAX)
            return jb_error_set(reader->error, JB_INPUT,
                                "%s, line 1: the column '%.60s' %s; columns are provider, region, criterion, "
                                "value, unit, uncertainty, source, country",
                                reader->name, fields[i],
                                c == COLUMN_COUNT ? "is unknown" : "stands there twice");
        reader->at[c] = i;
    }
    for (size_t c = 0; c < REQUIRED_COUNT; c++)
        if (reader->at[c] == SIZE_MAX)
            return jb_error_set(reader->error, JB_INPUT, "%s, line 1: the column '%s' is missing",
                                reader->name, columns[c]);
    return JB_OK;
}

static const char *field(const struct reader *reader, const char *const *fields, enum column column) {
    return reader->at[column] == SIZE_MAX ? "" : fields[reader->at[column]];
}

/* "EUR/kWh": a currency, and per what. */
static bool price_unit_parse(const char *unit, const char **ret_per) {
    for (int i = 0; i < 3; i++)
        if (unit[i] < 'A' || unit[i] > 'Z')
            return false;
    if (unit[3] != '/' || !unit[4])
        return false;
    *ret_per = unit + 4;
    return true;
}

/* How many of `to` one `from` is: per energy, per time; 0 when they do not compare. */
static double per_ratio(const char *from, const char *to) {
    static const struct {
        const char *name;
        int kind;
        double size;
    } pers[] = {{"Wh", 1, 1},         {"kWh", 1, 1e3}, {"MWh", 1, 1e6},
                {"s", 2, 1.0 / 3600}, {"h", 2, 1},     {"d", 2, 24}};
    size_t a = 0, b = 0;
    if (strcmp(from, to) == 0)
        return 1;
    while (a < JB_COUNT(pers) && strcmp(pers[a].name, from) != 0)
        a++;
    while (b < JB_COUNT(pers) && strcmp(pers[b].name, to) != 0)
        b++;
    if (a == JB_COUNT(pers) || b == JB_COUNT(pers) || pers[a].kind != pers[b].kind)
        return 0;
    return pers[b].size / pers[a].size;
}

static enum jb_code price_unit(struct reader *reader, const char *unit, double *ret_multiplier) {
    const char *per;
    char *own = reader->places->price_unit;
    if (!price_unit_parse(unit, &per) || strlen(unit) >= sizeof reader->places->price_unit)
        return WRONG(reader, UNIT, "'%.60s' is no price's unit such as EUR/kWh or USD/h", unit);
    if (!*own)
        strcpy(own, unit);
    double ratio = per_ratio(per, own + 4);
    if (strncmp(unit, own, 3) != 0 || ratio == 0)
        return WRONG(reader, UNIT,
                     "%.30s does not compare with %s above; give all prices in one currency and "
                     "per the same",
                     unit, own);
    *ret_multiplier = ratio;
    return JB_OK;
}

static enum jb_code unit_multiplier(struct reader *reader, enum jb_criterion criterion, const char *unit,
                                    double *ret_multiplier) {
    static const enum jb_quantity quantities[JB_CRITERION_COUNT] = {[JB_RANK_RENEWABLE] = JB_CFE,
                                                                    [JB_RANK_EFFICIENCY] = JB_PUE,
                                                                    [JB_RANK_CARBON] = JB_GRID_INTENSITY,
                                                                    [JB_RANK_WATER] = JB_WUE};
    char units[256];
    if (criterion == JB_RANK_PRICE)
        return price_unit(reader, unit, ret_multiplier);
    if (criterion == JB_RANK_LATENCY) {
        *ret_multiplier = strcmp(unit, "ms") == 0 ? 1 : strcmp(unit, "s") == 0 ? 1e3 : 0;
        return *ret_multiplier > 0 ? JB_OK : WRONG(reader, UNIT, "'%.60s' is neither ms nor s", unit);
    }
    if (criterion == JB_RANK_EFFICIENCY && strcmp(unit, "PUE") == 0)
        unit = "1";
    if (!jb_quantity_unit(quantities[criterion], unit, ret_multiplier))
        return WRONG(reader, UNIT, "'%.60s' is none of the units of %s: %s", unit,
                     jb_criterion_info(criterion)->name,
                     jb_quantity_units(quantities[criterion], units, sizeof units));
    return JB_OK;
}

static enum jb_code read_value(struct reader *reader, const char *const *fields, struct row *row) {
    const struct jb_criterion_info *info = jb_criterion_info(row->criterion);
    int64_t scaled;
    double multiplier = 1;
    const char *text = field(reader, fields, VALUE), *uncertainty = field(reader, fields, UNCERTAINTY);
    enum jb_code code = unit_multiplier(reader, row->criterion, field(reader, fields, UNIT), &multiplier);
    if (code)
        return code;
    if (jb_decimal_parse(text, SCALE, NULL, &scaled))
        return WRONG(reader, VALUE, "'%.60s' is no number such as 12.5", text);
    row->evidence.value = (double)scaled / (double)SCALE * multiplier;
    if (row->evidence.value < info->low || row->evidence.value > info->high)
        return WRONG(reader, VALUE, "%.60s %.30s lies outside %g to %g %s", text, field(reader, fields, UNIT),
                     info->low, info->high, info->unit);
    row->evidence.is_assumed = !*uncertainty;
    row->evidence.uncertainty = info->uncertainty;
    if (*uncertainty) {
        if (jb_decimal_parse(uncertainty, SCALE, NULL, &scaled) || scaled < 0 || scaled > SCALE)
            return WRONG(reader, UNCERTAINTY, "'%.60s' is no relative standard uncertainty from 0 to 1",
                         uncertainty);
        row->evidence.uncertainty = (double)scaled / (double)SCALE;
    }
    return JB_OK;
}

static enum jb_code check_text(struct reader *reader, const char *const *fields, enum column column,
                               size_t low, size_t high) {
    const char *text = field(reader, fields, column);
    size_t length = strlen(text);
    if (length < low || length > high || strpbrk(text, column == SOURCE ? "\n" : "/,*?[\\\n"))
        return WRONG(reader, column, "'%.60s' is not %zu to %zu bytes without / , * ? [", text, low, high);
    return JB_OK;
}

static enum jb_code read_row(struct reader *reader, const char *const *fields, struct row *row) {
    char text[400];
    const char *criterion = field(reader, fields, CRITERION), *source = field(reader, fields, SOURCE);
    enum jb_code code = check_text(reader, fields, PROVIDER, 1, 31);
    if (!code)
        code = check_text(reader, fields, REGION, 0, 63);
    if (!code)
        code = check_text(reader, fields, COUNTRY, 0, 2);
    if (!code)
        code = check_text(reader, fields, SOURCE, 0, 300);
    if (code)
        return code;
    if (!jb_criterion_parse(criterion, strlen(criterion), &row->criterion))
        return WRONG(reader, CRITERION,
                     "'%.60s' is none of renewable, efficiency, carbon, water, price, latency", criterion);
    code = read_value(reader, fields, row);
    if (!code)
        code = jb_rank_places_index(reader->places, field(reader, fields, PROVIDER),
                                    field(reader, fields, REGION), field(reader, fields, COUNTRY),
                                    reader->error, &row->place);
    if (code)
        return code;
    row->evidence.is_known = true;
    row->evidence.basis = "given";
    snprintf(text, sizeof text, "%s %s", criterion, reader->places->items[row->place].name);
    code = jb_rank_places_text(reader->places, text, reader->error, &row->evidence.error_id);
    if (!code)
        code = jb_rank_places_text(reader->places, *source ? source : reader->name, reader->error,
                                   &row->evidence.source);
    return code;
}

static enum jb_code read_rows(struct reader *reader, struct row *rows, size_t *ret_count) {
    const char *const *fields;
    size_t count = 0, field_count;
    enum jb_code code;
    while (!(code = jb_csv_read(reader->csv, reader->error, &fields, &field_count))) {
        if (field_count != reader->field_count)
            return jb_error_set(
                reader->error, JB_INPUT, "%s, line %llu: %zu fields where the heading has %zu", reader->name,
                (unsigned long long)jb_csv_line(reader->csv), field_count, reader->field_count);
        if (count == ROW_CEILING)
            return jb_error_set(reader->error, JB_LIMIT, "%s: more than %d rows", reader->name,
                                (int)ROW_CEILING);
        code = read_row(reader, fields, &rows[count]);
        if (code)
            return code;
        for (size_t i = 0; i < count; i++)
            if (rows[i].place == rows[count].place && rows[i].criterion == rows[count].criterion)
                return WRONG(reader, CRITERION, "%s of %s was given above",
                             jb_criterion_info(rows[i].criterion)->name,
                             reader->places->items[rows[i].place].name);
        count++;
    }
    *ret_count = count;
    return code == JB_NO_DATA ? JB_OK : code;
}

enum jb_code jb_rank_places_add(struct jb_rank_places *places, FILE *file, const char *name,
                                struct jb_error *error) {
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *csv = NULL;
    size_t before = places->count, count = 0;
    char price_unit_before[sizeof places->price_unit];
    strcpy(price_unit_before, places->price_unit);
    enum jb_code code = jb_csv_reader_make(file, name, error, &csv);
    if (code)
        return code;
    struct reader reader = {.places = places, .name = name, .csv = csv, .error = error};
    _cleanup_free_ struct row *rows = calloc(ROW_CEILING, sizeof *rows);
    if (!rows)
        return jb_error_set(error, JB_MEMORY, "no memory to read %s", name);
    code = read_heading(&reader);
    if (!code)
        code = read_rows(&reader, rows, &count);
    if (code) {
        places->count = before;
        strcpy(places->price_unit, price_unit_before);
        return code;
    }
    for (size_t i = 0; i < count; i++)
        places->items[rows[i].place].evidence[rows[i].criterion] = rows[i].evidence;
    return JB_OK;
}
