/* Reads the constants of the energy model. */
#include "estimate/constants.h"

#include "estimate/energy.h"
#include "estimate/facts.h"

#include <math.h>
#include <string.h>

#define FILE_NAME "estimate/constants.csv"

enum column { NAME, VALUE, START, LEAST, MOST, UNIT, MEANING, COLUMN_COUNT };
static const char *const columns[COLUMN_COUNT] = {"name", "value", "start",  "least",
                                                  "most", "unit",  "meaning"};

void jb_energy_constants_free(struct jb_energy_constants *constants) {
    free(constants);
}

static const struct {
    const char *name;
    size_t offset;
    int group;
} fields[JB_CONSTANT_COUNT] = {
#define JB_TEXT_ROW(name)     {#name, offsetof(struct jb_energy_constants, name), JB_CONSTANT_TEXT},
#define JB_PICTURE_ROW(name)  {#name, offsetof(struct jb_energy_constants, name), JB_CONSTANT_PICTURE},
#define JB_WORK_ROW(name)     {#name, offsetof(struct jb_energy_constants, name), JB_CONSTANT_WORK},
#define JB_INTERVAL_ROW(name) {#name, offsetof(struct jb_energy_constants, name), JB_CONSTANT_INTERVAL},
    JB_TEXT_CONSTANTS(JB_TEXT_ROW) JB_PICTURE_CONSTANTS(JB_PICTURE_ROW) JB_WORK_CONSTANTS(JB_WORK_ROW)
        JB_INTERVAL_CONSTANTS(JB_INTERVAL_ROW)};

/* A row of the table: which constant it is, and its value. */
static enum jb_code read_row(const struct jb_facts *facts, size_t row, struct jb_error *error,
                             struct jb_constant *described, double *values) {
    const char *name = jb_facts_text(facts, row, NAME);
    size_t at = 0;
    while (at < JB_CONSTANT_COUNT && strcmp(name, fields[at].name) != 0)
        at++;
    if (at == JB_CONSTANT_COUNT)
        return jb_facts_fault(facts, row, NAME, "is no constant of this version", error);
    if (described[at].name)
        return jb_facts_fault(facts, row, NAME, "stands there twice", error);
    struct jb_constant made = {
        .name = fields[at].name, .offset = fields[at].offset, .group = (unsigned)fields[at].group};
    enum jb_code code = jb_facts_number(facts, row, LEAST, 0, NAN, error, &made.least);
    if (!code)
        code = jb_facts_number(facts, row, MOST, made.least, NAN, error, &made.most);
    if (!code)
        code = jb_facts_number(facts, row, START, made.least, NAN, error, &made.start);
    if (!code)
        code = jb_facts_number(facts, row, VALUE, made.least, NAN, error, &values[at]);
    if (!code && (values[at] > made.most || made.start > made.most))
        code = jb_facts_fault(facts, row, VALUE, "is above the most that makes sense", error);
    if (!code)
        described[at] = made;
    return code;
}

static enum jb_code read_all(const char *data_path, struct jb_error *error, struct jb_constant *described,
                             double *values) {
    _cleanup_(jb_facts_free_cleanup) struct jb_facts *facts = NULL;
    memset(described, 0, JB_CONSTANT_COUNT * sizeof *described);
    enum jb_code code = jb_facts_read(data_path, FILE_NAME, columns, COLUMN_COUNT, error, &facts);
    for (size_t i = 0; !code && i < jb_facts_count(facts); i++)
        code = read_row(facts, i, error, described, values);
    for (size_t i = 0; !code && i < JB_CONSTANT_COUNT; i++) {
        if (!described[i].name)
            code =
                jb_error_set(error, JB_INPUT, "%s/" FILE_NAME ": %s is missing", data_path, fields[i].name);
    }
    return code;
}

enum jb_code jb_constants_describe(const char *data_path, struct jb_error *error,
                                   struct jb_constant ret_constants[static JB_CONSTANT_COUNT]) {
    struct jb_constant described[JB_CONSTANT_COUNT];
    double values[JB_CONSTANT_COUNT];
    enum jb_code code = read_all(data_path, error, described, values);
    if (!code)
        memcpy(ret_constants, described, sizeof described);
    return code;
}

enum jb_code jb_energy_constants_read(const char *data_path, struct jb_error *error,
                                      struct jb_energy_constants **ret_constants) {
    struct jb_constant described[JB_CONSTANT_COUNT];
    double values[JB_CONSTANT_COUNT];
    enum jb_code code = read_all(data_path, error, described, values);
    if (code)
        return code;
    struct jb_energy_constants *made = calloc(1, sizeof *made);
    if (!made)
        return jb_error_set(error, JB_MEMORY, "no memory for the constants of the energy model");
    for (size_t i = 0; i < JB_CONSTANT_COUNT; i++)
        memcpy((char *)made + described[i].offset, &values[i], sizeof values[i]);
    *ret_constants = made;
    return JB_OK;
}
