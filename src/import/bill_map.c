/* A table of any provider, described by an INI file: which column is what, and what it says of all rows. */
#include "import/bill.h"

#include "base/time.h"

#include <stdio.h>
#include <string.h>

#define CHARGE_CEILING 256

struct jb_bill_map {
    struct jb_bill_format format;
    char *text; /* names and values point into it */
    struct jb_bill_column columns[JB_BILL_FIELD_COUNT + 2];
    struct jb_bill_charge charges[CHARGE_CEILING + 1];
    const char *signatures[2][JB_BILL_SIGNATURE_CEILING]; /* start and cost; and the end of the list */
    size_t column_count, charge_count;
    char separator;
};

void jb_bill_map_free(struct jb_bill_map *map) {
    if (!map)
        return;
    free(map->text);
    free(map);
}

const struct jb_bill_format *jb_bill_map_format(const struct jb_bill_map *map) {
    return &map->format;
}

char jb_bill_map_separator(const struct jb_bill_map *map) {
    return map->separator;
}

static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length && strchr(" \t\r", text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* A line of the file, for messages. */
struct place {
    const char *name;
    unsigned line;
};

static enum jb_code wrong(const struct place *place, struct jb_error *error, const char *text,
                          const char *expected) {
    return jb_error_set(error, JB_INPUT, "%s, line %u: '%.60s': %s", place->name, place->line, text,
                        expected);
}

static enum jb_code take_column(struct jb_bill_map *map, const struct place *place, const char *key,
                                const char *value, struct jb_error *error) {
    for (size_t f = 0; f <= JB_BILL_TAGS; f++) {
        if (!*key || strcmp(key, jb_bill_field_name((enum jb_bill_field)f)) != 0)
            continue;
        for (size_t i = 0; i < map->column_count; i++) {
            if (map->columns[i].field == (enum jb_bill_field)f)
                return wrong(place, error, key, "is there twice");
        }
        map->columns[map->column_count++] =
            (struct jb_bill_column){.field = (enum jb_bill_field)f, .heading = value};
        return JB_OK;
    }
    return wrong(
        place, error, key,
        "is none of start, end, month, provider, payer, account, region, service, sku, machine, unit, "
        "charge, status, class, term, term_of, capacity, currency, quantity, cost, credits, tags");
}

static enum jb_code take_table(struct jb_bill_map *map, const struct place *place, const char *key,
                               const char *value, struct jb_error *error) {
    if (strcmp(key, "provider") == 0)
        map->format.provider = value;
    else if (strcmp(key, "currency") == 0)
        map->format.currency = value;
    else if (strcmp(key, "unit") == 0)
        map->format.unit = value;
    else if (strcmp(key, "tag_prefix") == 0)
        map->format.tag_prefix = value;
    else if (strcmp(key, "separator") == 0) {
        map->separator = strcmp(value, "tab") == 0 ? '\t' : value[0];
        if ((strcmp(value, "tab") != 0 && strlen(value) != 1) || map->separator == '"')
            return wrong(place, error, value, "expected one character, or tab");
    } else if (strcmp(key, "zone") == 0) {
        char time[64];
        int64_t ns;
        snprintf(time, sizeof time, "1970-01-01T00:00%.20s", value);
        if (jb_time_parse(time, NULL, &ns))
            return wrong(place, error, value, "expected a zone such as +09:00");
        map->format.zone_ns = -ns;
    } else {
        return wrong(place, error, key, "is none of provider, currency, unit, separator, zone, tag_prefix");
    }
    return JB_OK;
}

/* "refund = Storno, *gutschrift*": globs of the charge column. */
static enum jb_code take_charge(struct jb_bill_map *map, const struct place *place, const char *key,
                                char *value, struct jb_error *error) {
    size_t kind = 0;
    while (kind < JB_BILL_KIND_COUNT && strcmp(key, jb_bill_kind_name((enum jb_bill_kind)kind)) != 0)
        kind++;
    if (kind == JB_BILL_KIND_COUNT)
        return wrong(place, error, key,
                     "is none of usage, unestimated, prepaid, purchase, unused, credit, refund, discount, "
                     "tax, support, "
                     "fee, adjustment");
    for (char *rest = value, *item; (item = strsep(&rest, ","));) {
        if (map->charge_count == CHARGE_CEILING)
            return wrong(place, error, key, "is one charge too many");
        item = trim(item);
        for (char *c = item; *c; c++) {
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c + ('a' - 'A'));
        }
        map->charges[map->charge_count++] =
            (struct jb_bill_charge){.charge = item, .kind = (enum jb_bill_kind)kind};
    }
    return JB_OK;
}

static enum jb_code take_line(struct jb_bill_map *map, const struct place *place, char *line, char *section,
                              size_t section_size, struct jb_error *error) {
    char *text = trim(line);
    if (*text == '\0' || *text == ';' || *text == '#')
        return JB_OK;
    if (*text == '[') {
        char *end = strchr(text, ']');
        if (!end || end[1] || snprintf(section, section_size, "%.*s", (int)(end - text - 1), text + 1) < 0 ||
            (strcmp(section, "columns") != 0 && strcmp(section, "table") != 0 &&
             strcmp(section, "charges") != 0))
            return wrong(place, error, text, "expected [columns], [table] or [charges]");
        return JB_OK;
    }
    char *equals = strchr(text, '=');
    if (!equals || !*section)
        return wrong(place, error, text, "expected [columns], and 'field = heading' below it");
    *equals = '\0';
    char *key = trim(text), *value = trim(equals + 1);
    if (!*value)
        return wrong(place, error, key, "has no value");
    if (strcmp(section, "columns") == 0)
        return take_column(map, place, key, value, error);
    return strcmp(section, "table") == 0 ? take_table(map, place, key, value, error)
                                         : take_charge(map, place, key, value, error);
}

/* NULL: it is not there. */
static const char *find_heading(const struct jb_bill_map *map, enum jb_bill_field field) {
    for (size_t i = 0; i < map->column_count; i++) {
        if (map->columns[i].field == field)
            return map->columns[i].heading;
    }
    return NULL;
}

enum jb_code jb_bill_map_parse(const char *text, const char *name, struct jb_error *error,
                               struct jb_bill_map **ret_map) {
    static const enum jb_bill_field needed[] = {JB_BILL_START, JB_BILL_COST};
    _cleanup_(jb_bill_map_free_cleanup) struct jb_bill_map *map = calloc(1, sizeof *map);
    char section[16] = "";
    struct place place = {.name = name};
    if (!map || !(map->text = strdup(text)))
        return jb_error_set(error, JB_MEMORY, "no memory for %s", name);
    map->format = (struct jb_bill_format){.name = "map",
                                          .summary = "a table that --map describes",
                                          .provider = "",
                                          .signatures = map->signatures,
                                          .columns = map->columns,
                                          .charges = map->charges,
                                          .currency = "",
                                          .unit = ""};
    enum jb_code code = JB_OK;
    for (char *rest = map->text, *line; !code && (line = strsep(&rest, "\n"));) {
        place.line++;
        code = take_line(map, &place, line, section, sizeof section, error);
    }
    for (size_t i = 0; !code && i < JB_COUNT(needed); i++) {
        map->signatures[0][i] = find_heading(map, needed[i]);
        if (!map->signatures[0][i])
            return jb_error_set(error, JB_INPUT, "%s: [columns] has no %s; name the heading of that column",
                                name, jb_bill_field_name(needed[i]));
    }
    if (code)
        return code;
    /* Without a list of charges every row is of use. */
    map->charges[map->charge_count].kind =
        find_heading(map, JB_BILL_CHARGE) && map->charge_count ? JB_BILL_UNKNOWN : JB_BILL_USAGE;
    map->columns[map->column_count].heading = NULL;
    *ret_map = JB_TAKE(map);
    return JB_OK;
}
