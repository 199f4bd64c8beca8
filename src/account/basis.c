/* Bases: told by a short text, kept as documents of the book. */
#include "account/basis.h"

#include "base/decimal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FIRST_LINE    "joulebook basis 1"
#define LINE_FIELDS   8
#define FILES_CEILING 2000

void jb_basis_free(struct jb_basis *basis) {
    if (!basis)
        return;
    free(basis->sets);
    jb_buffer_free(&basis->text);
    *basis = (struct jb_basis){0};
}

/* Fields of a line are apart by tabs; a tab within one would be two. */
static void add_field(struct jb_buffer *text, const char *field) {
    jb_buffer_add_char(text, '\t');
    for (; *field; field++)
        jb_buffer_add_char(text, *field == '\t' || *field == '\n' ? ' ' : *field);
}

enum jb_code jb_basis_make(const struct jb_factors *factors, const struct jb_setting *setting,
                           struct jb_error *error, struct jb_basis *ret_basis) {
    const struct jb_factor_set *sets;
    struct jb_basis basis = {.set_count = jb_factors_sets(factors, &sets)};
    basis.sets = calloc(basis.set_count + 1, sizeof *basis.sets);
    if (!basis.sets)
        return jb_error_set(error, JB_MEMORY, "no memory for the names of the factor tables");
    jb_buffer_add_string(&basis.text, FIRST_LINE "\n");
    for (size_t i = 0; i < basis.set_count; i++) {
        const struct jb_factor_set *set = &sets[i];
        char uncertainty[32] = "";
        struct jb_basis_set *kept = &basis.sets[i];
        memcpy(kept->name, set->name, sizeof kept->name);
        memcpy(kept->version, set->version, sizeof kept->version);
        memcpy(kept->licence, set->licence, sizeof kept->licence);
        memcpy(kept->sha256, set->sha256, sizeof kept->sha256);
        memcpy(kept->source, set->source, sizeof kept->source);
        if (!isnan(set->uncertainty))
            snprintf(uncertainty, sizeof uncertainty, "%.6f", set->uncertainty);
        jb_buffer_add_string(&basis.text, "table");
        add_field(&basis.text, set->sha256);
        add_field(&basis.text, set->name);
        add_field(&basis.text, set->version);
        add_field(&basis.text, set->licence);
        add_field(&basis.text, uncertainty);
        jb_buffer_printf(&basis.text, "\t%s%s", set->is_own ? "own" : "shipped",
                         jb_factor_file_is_ini(jb_factors_file(factors, (uint32_t)i)) ? " ini" : "");
        add_field(&basis.text, set->source);
        jb_buffer_add_char(&basis.text, '\n');
    }
    char sha256[JB_SHA256_SIZE];
    jb_buffer_printf(&basis.text, "setting\t%s\t%s\n", jb_sha256(setting->text, setting->text_length, sha256),
                     setting->file);
    for (size_t i = 0; i < setting->unit_count; i++) {
        const struct jb_functional_unit *unit = &setting->units[i];
        if (unit->csv)
            jb_buffer_printf(&basis.text, "unit\t%s\t%zu\n", jb_sha256(unit->csv, unit->csv_length, sha256),
                             i);
    }
    enum jb_code code = jb_buffer_check(&basis.text, error);
    if (code) {
        jb_basis_free(&basis);
        return code;
    }
    jb_sha256(basis.text.bytes, basis.text.length, basis.sha256);
    jb_factors_sha256(factors, basis.factors_sha256);
    memcpy(basis.setting_sha256, setting->sha256, sizeof basis.setting_sha256);
    memcpy(basis.setting_file, setting->file, sizeof basis.setting_file);
    *ret_basis = basis;
    return JB_OK;
}

enum jb_code jb_basis_is_kept(struct jb_store *store, const struct jb_basis *basis, struct jb_error *error,
                              bool *ret_kept) {
    _cleanup_buffer_ struct jb_buffer text = {0};
    enum jb_code code = store->ops->document_get(store, basis->sha256, error, &text);
    if (code && code != JB_NO_DATA)
        return code;
    *ret_kept = !code;
    return JB_OK;
}

enum jb_code jb_basis_keep(struct jb_store *store, const struct jb_basis *basis,
                           const struct jb_factors *factors, const struct jb_setting *setting,
                           struct jb_error *error) {
    _cleanup_buffer_ struct jb_buffer text = {0};
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < basis->set_count && !code; i++) {
        const char *path = jb_factors_file(factors, (uint32_t)i);
        char sha256[JB_SHA256_SIZE];
        code = jb_factor_file_read(path, &text, error);
        if (!code && strcmp(jb_sha256(text.bytes, text.length, sha256), basis->sets[i].sha256) != 0)
            code = jb_error_set(error, JB_IO, "%s changed while it was used; try again", path);
        if (!code)
            code = store->ops->document_put(store, text.bytes, text.length, error);
    }
    if (!code)
        code = store->ops->document_put(store, setting->text, setting->text_length, error);
    for (size_t i = 0; i < setting->unit_count && !code; i++) {
        if (setting->units[i].csv)
            code =
                store->ops->document_put(store, setting->units[i].csv, setting->units[i].csv_length, error);
    }
    /* Last, so that what is there is whole. */
    return code ? code : store->ops->document_put(store, basis->text.bytes, basis->text.length, error);
}

/* ---- made again ---- */

struct restore {
    struct jb_store *store;
    struct jb_factors *factors;
    struct jb_setting *setting;
};

static enum jb_code damaged(struct jb_error *error) {
    return jb_error_set(error, JB_INPUT,
                        "the basis that the book keeps is damaged; restore the book from a copy");
}

static enum jb_code restore_table(struct restore *restore, char *const *fields, size_t count,
                                  struct jb_error *error) {
    _cleanup_buffer_ struct jb_buffer text = {0};
    struct jb_factor_set set = {.uncertainty = NAN};
    int64_t millionths;
    if (count != LINE_FIELDS)
        return damaged(error);
    enum jb_code code = restore->store->ops->document_get(restore->store, fields[1], error, &text);
    if (code)
        return code == JB_NO_DATA ? damaged(error) : code;
    snprintf(set.name, sizeof set.name, "%s", fields[2]);
    snprintf(set.version, sizeof set.version, "%s", fields[3]);
    snprintf(set.licence, sizeof set.licence, "%s", fields[4]);
    if (*fields[5]) {
        if (jb_decimal_parse(fields[5], 1000000, error, &millionths))
            return damaged(error);
        set.uncertainty = (double)millionths / 1e6;
    }
    set.is_own = strncmp(fields[6], "own", 3) == 0;
    snprintf(set.source, sizeof set.source, "%s", fields[7]);
    bool is_ini = strstr(fields[6], " ini") != NULL;
    char name[JB_FACTOR_NAME_SIZE + 8];
    snprintf(name, sizeof name, "%s.%s", set.name, is_ini ? "ini" : "csv");
    return jb_factors_add(restore->factors, &set, text.bytes ? text.bytes : "", text.length, name, is_ini,
                          error);
}

static enum jb_code restore_line(struct restore *restore, char *line, struct jb_error *error) {
    char *fields[LINE_FIELDS], *rest = line;
    size_t count = 0;
    uint64_t unit;
    while (rest && count < LINE_FIELDS)
        fields[count++] = strsep(&rest, "\t");
    if (rest || count < 3)
        return damaged(error);
    if (strcmp(fields[0], "table") == 0)
        return restore_table(restore, fields, count, error);
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = JB_SETTING_FILE_CEILING};
    enum jb_code code = restore->store->ops->document_get(restore->store, fields[1], error, &text);
    if (code)
        return code == JB_NO_DATA ? damaged(error) : code;
    if (strcmp(fields[0], "setting") == 0 && !restore->setting)
        return jb_setting_parse(text.bytes ? text.bytes : "", text.length, fields[2], error,
                                &restore->setting);
    if (strcmp(fields[0], "unit") != 0 || !restore->setting || jb_uint64_parse(fields[2], NULL, &unit) ||
        unit >= restore->setting->unit_count)
        return damaged(error);
    return jb_setting_take_file(restore->setting, (size_t)unit, text.bytes ? text.bytes : "", text.length,
                                restore->setting->units[unit].file, error);
}

enum jb_code jb_basis_restore(struct jb_store *store, const char *sha256, struct jb_error *error,
                              struct jb_factors **ret_factors, struct jb_setting **ret_setting) {
    _cleanup_buffer_ struct jb_buffer text = {0};
    struct restore restore = {.store = store};
    enum jb_code code = store->ops->document_get(store, sha256, error, &text);
    if (code == JB_NO_DATA)
        return jb_error_set(error, JB_NO_DATA,
                            "the book keeps no basis %.70s; `joulebook statement --json` names those it used",
                            sha256);
    if (code)
        return code;
    size_t first = strlen(FIRST_LINE "\n");
    if (text.length < first || memcmp(text.bytes, FIRST_LINE "\n", first) != 0)
        return jb_error_set(error, JB_NO_DATA,
                            "%.70s is no basis of a statement but one of the tables of one", sha256);
    code = jb_factors_make(error, &restore.factors);
    for (char *line = text.bytes + first, *end; !code && *line; line = end + 1) {
        end = strchr(line, '\n');
        if (!end) {
            code = damaged(error);
            break;
        }
        *end = '\0';
        code = restore_line(&restore, line, error);
    }
    if (!code)
        code = jb_factors_finish(restore.factors, error);
    if (!code && !restore.setting)
        code = damaged(error);
    if (code) {
        jb_factors_free(restore.factors);
        jb_setting_free(restore.setting);
        return code;
    }
    *ret_factors = restore.factors;
    *ret_setting = restore.setting;
    return JB_OK;
}
