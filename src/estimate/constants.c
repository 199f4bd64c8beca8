/* Reads the constants of the energy model. */
#include "estimate/constants.h"

#include "estimate/energy.h"
#include "estimate/facts.h"

#include <math.h>
#include <string.h>

#define FILE_NAME "estimate/constants.csv"

enum column { NAME, VALUE, LEAST, MOST, UNIT, MEANING, COLUMN_COUNT };
static const char *const columns[COLUMN_COUNT] = {"name", "value", "least", "most", "unit", "meaning"};

void jb_energy_constants_free(struct jb_energy_constants *constants) {
    free(constants);
}

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
#define JB_ROW(name) {#name, offsetof(struct jb_energy_constants, name)},
    JB_TEXT_CONSTANTS(JB_ROW) JB_PICTURE_CONSTANTS(JB_ROW) JB_INTERVAL_CONSTANTS(JB_ROW)
#undef JB_ROW
};

static enum jb_code read_row(const struct jb_facts *table, size_t row, struct jb_error *error,
                             struct jb_energy_constants *constants, bool *is_set) {
    const char *name = jb_facts_text(table, row, NAME);
    size_t at = 0;
    while (at < JB_COUNT(fields) && strcmp(name, fields[at].name) != 0)
        at++;
    if (at == JB_COUNT(fields))
        return jb_facts_fault(table, row, NAME, "is no constant of this version", error);
    if (is_set[at])
        return jb_facts_fault(table, row, NAME, "stands there twice", error);
    double least = 0, most = 0, value = 0;
    enum jb_code code = jb_facts_number(table, row, LEAST, 0, NAN, error, &least);
    if (!code)
        code = jb_facts_number(table, row, MOST, least, NAN, error, &most);
    if (!code)
        code = jb_facts_number(table, row, VALUE, least, NAN, error, &value);
    if (!code && value > most)
        code = jb_facts_fault(table, row, VALUE, "is above the most that makes sense", error);
    if (code)
        return code;
    memcpy((char *)constants + fields[at].offset, &value, sizeof value);
    is_set[at] = true;
    return JB_OK;
}

enum jb_code jb_energy_constants_read(const char *data_path, struct jb_error *error,
                                      struct jb_energy_constants **ret_constants) {
    _cleanup_(jb_facts_free_cleanup) struct jb_facts *table = NULL;
    bool is_set[JB_COUNT(fields)] = {false};
    enum jb_code code = jb_facts_read(data_path, FILE_NAME, columns, COLUMN_COUNT, error, &table);
    if (code)
        return code;
    _cleanup_(jb_energy_constants_free_cleanup) struct jb_energy_constants *made = calloc(1, sizeof *made);
    if (!made)
        return jb_error_set(error, JB_MEMORY, "no memory for the constants of the energy model");
    for (size_t i = 0; !code && i < jb_facts_count(table); i++)
        code = read_row(table, i, error, made, is_set);
    for (size_t i = 0; !code && i < JB_COUNT(fields); i++) {
        if (!is_set[i])
            code =
                jb_error_set(error, JB_INPUT, "%s/" FILE_NAME ": %s is missing", data_path, fields[i].name);
    }
    if (!code)
        *ret_constants = JB_TAKE(made);
    return code;
}
