/* The setting as a whole: from its file, looked up, and let go. */
#include "account/setting_internal.h"

#include "base/array.h"
#include "base/buffer.h"
#include "base/csv.h"
#include "base/decimal.h"
#include "base/text.h"
#include "factor/factor.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

void jb_setting_free(struct jb_setting *setting) {
    if (!setting)
        return;
    for (size_t i = 0; i < setting->site_count; i++)
        free(setting->sites[i].accounts.items);
    for (size_t i = 0; i < setting->contract_count; i++) {
        free(setting->contracts[i].sites.items);
        free(setting->contracts[i].deliverable.items);
        free(setting->contracts[i].market.items);
    }
    for (size_t i = 0; i < setting->tariff_count; i++)
        free(setting->tariffs[i].rates);
    for (size_t i = 0; i < setting->server_count; i++)
        free(setting->servers[i].hosts.items);
    for (size_t i = 0; i < setting->unit_count; i++) {
        free(setting->units[i].accounts.items);
        free(setting->units[i].amounts);
    }
    free(setting->sites);
    free(setting->contracts);
    free(setting->tariffs);
    free(setting->servers);
    free(setting->units);
    free(setting->targets);
    jb_strings_free(setting->texts);
    free(setting);
}

/* ---- looking up ---- */

const struct jb_site *jb_setting_site(const struct jb_setting *setting, const char *name) {
    for (size_t i = 0; i < setting->site_count; i++) {
        if (strcmp(setting->sites[i].name, name) == 0)
            return &setting->sites[i];
    }
    return NULL;
}

const struct jb_tariff *jb_setting_tariff(const struct jb_setting *setting, const char *name) {
    for (size_t i = 0; i < setting->tariff_count; i++) {
        if (strcmp(setting->tariffs[i].name, name) == 0)
            return &setting->tariffs[i];
    }
    return NULL;
}

const struct jb_functional_unit *jb_setting_unit(const struct jb_setting *setting, const char *name) {
    for (size_t i = 0; i < setting->unit_count; i++) {
        if (strcmp(setting->units[i].name, name) == 0)
            return &setting->units[i];
    }
    return NULL;
}

bool jb_setting_list_holds(const struct jb_name_list *globs, const char *account) {
    char part[JB_ACCOUNT_SIZE];
    for (size_t i = 0; i < globs->count; i++) {
        if (jb_text_matches(globs->items[i], account))
            return true;
        /* What lies below a match belongs to it. */
        size_t length = strlen(account);
        if (length >= sizeof part)
            continue;
        memcpy(part, account, length + 1);
        while (length > 0) {
            if (part[--length] != '/')
                continue;
            part[length] = '\0';
            if (jb_text_matches(globs->items[i], part))
                return true;
        }
    }
    return false;
}

const struct jb_site *jb_setting_site_of(const struct jb_setting *setting, const char *account) {
    for (size_t i = 0; i < setting->site_count; i++) {
        if (jb_setting_list_holds(&setting->sites[i].accounts, account))
            return &setting->sites[i];
    }
    return NULL;
}

const struct jb_server *jb_setting_server_of(const struct jb_setting *setting, const char *host) {
    for (size_t i = 0; i < setting->server_count; i++) {
        for (size_t j = 0; j < setting->servers[i].hosts.count; j++) {
            if (jb_text_matches(setting->servers[i].hosts.items[j], host))
                return &setting->servers[i];
        }
    }
    return NULL;
}

/* ---- amounts of functional units from CSV ---- */

enum { FROM, UNTIL, AMOUNT, ACCOUNT, LABEL, COLUMN_COUNT };
static const char *const column_names[COLUMN_COUNT] = {"from", "until", "amount", "account", "label"};

static enum jb_code read_heading(const char *const *fields, size_t count, struct jb_setting_place *place,
                                 struct jb_error *error, int ret_columns[static COLUMN_COUNT]) {
    for (size_t c = 0; c < COLUMN_COUNT; c++)
        ret_columns[c] = -1;
    for (size_t i = 0; i < count; i++) {
        int column = -1;
        for (int c = 0; c < COLUMN_COUNT; c++) {
            if (strcmp(fields[i], column_names[c]) == 0 || (c == UNTIL && strcmp(fields[i], "to") == 0))
                column = c;
        }
        place->field = fields[i];
        if (column < 0)
            return jb_setting_fault(place, error,
                                    "no such column; there are from, until, amount, account, label");
        if (ret_columns[column] >= 0)
            return jb_setting_fault(place, error, "the column is there twice; keep one");
        ret_columns[column] = (int)i;
    }
    place->field = "";
    for (int c = FROM; c <= AMOUNT; c++) {
        if (ret_columns[c] < 0)
            return jb_setting_fault(place, error,
                                    "the column '%s' is missing; the first line names the columns",
                                    column_names[c]);
    }
    return JB_OK;
}

static enum jb_code read_row(struct jb_setting *setting, const char *const *fields,
                             const int columns[static COLUMN_COUNT], struct jb_setting_place *place,
                             struct jb_error *error, struct jb_unit_amount *ret_amount) {
    struct jb_unit_amount amount = {.account = "", .label = ""};
    int64_t millionths;
    place->field = "from";
    enum jb_code code = jb_setting_time(fields[columns[FROM]], false, place, error, &amount.from_ns);
    place->field = "until";
    if (!code)
        code = jb_setting_time(fields[columns[UNTIL]], false, place, error, &amount.until_ns);
    if (!code && amount.from_ns >= amount.until_ns)
        return jb_setting_fault(place, error, "it is not behind from; mend one of them");
    place->field = "amount";
    if (!code && (jb_decimal_parse(fields[columns[AMOUNT]], 1000000, NULL, &millionths) || millionths < 0))
        return jb_setting_fault(place, error, "'%.40s' is no amount of 0 or more", fields[columns[AMOUNT]]);
    if (code)
        return code;
    amount.amount = (double)millionths / 1e6;
    if (columns[ACCOUNT] >= 0)
        code = jb_setting_text(setting->texts, fields[columns[ACCOUNT]], error, &amount.account);
    place->field = "label";
    if (!code && columns[LABEL] >= 0) {
        const char *label = fields[columns[LABEL]];
        if (*label && !strchr(label, '='))
            return jb_setting_fault(place, error, "'%.60s' names no value; write KEY=VALUE", label);
        code = jb_setting_text(setting->texts, label, error, &amount.label);
    }
    if (!code)
        *ret_amount = amount;
    return code;
}

enum jb_code jb_setting_add_amounts(struct jb_setting *setting, size_t unit_index, const char *text,
                                    size_t length, const char *file, struct jb_error *error) {
    struct jb_functional_unit *unit = &setting->units[unit_index];
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    struct jb_setting_place place = {.file = file, .line = 1, .field = ""};
    if (length == 0)
        return jb_setting_fault(&place, error, "the file is empty; its first line names the columns");
    _cleanup_fclose_ FILE *stream = fmemopen((void *)(uintptr_t)text, length, "r");
    if (!stream)
        return jb_error_set(error, JB_MEMORY, "no memory to read %s", file);
    enum jb_code code = jb_csv_reader_make(stream, file, error, &reader);
    const char *const *fields;
    size_t count, heading_count = 0, capacity = unit->amount_count;
    int columns[COLUMN_COUNT];
    while (!code && !(code = jb_csv_read(reader, error, &fields, &count))) {
        place.line = (uint32_t)jb_csv_line(reader);
        place.field = "";
        if (!heading_count) {
            heading_count = count;
            code = read_heading(fields, count, &place, error, columns);
            continue;
        }
        if (count != heading_count)
            return jb_setting_fault(&place, error, "%zu fields where the heading has %zu", count,
                                    heading_count);
        struct jb_unit_amount amount;
        code = read_row(setting, fields, columns, &place, error, &amount);
        if (!code)
            code = jb_array_reserve(&unit->amounts, &capacity, unit->amount_count + 1, JB_UNIT_AMOUNT_CEILING,
                                    "amounts of a unit", error);
        if (!code)
            unit->amounts[unit->amount_count++] = amount;
    }
    return code == JB_NO_DATA ? JB_OK : code;
}

/* ---- from files ---- */

/* The amounts that stand in files of their own; their bytes count to the digest. */
static enum jb_code read_units(struct jb_setting *setting, const char *path, struct jb_error *error) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = JB_SETTING_FILE_CEILING}, digests = {0};
    const char *slash = strrchr(path, '/');
    bool any = false;
    jb_buffer_add_string(&digests, setting->sha256);
    for (size_t i = 0; i < setting->unit_count; i++) {
        const char *name = setting->units[i].file;
        char beside[PATH_MAX], sha256[JB_SHA256_SIZE];
        if (!*name)
            continue;
        if (snprintf(beside, sizeof beside, "%.*s%s", *name == '/' || !slash ? 0 : (int)(slash + 1 - path),
                     path, name) >= (int)sizeof beside)
            return jb_error_set(error, JB_INPUT, "%s, line %u, field file: the path is too long", path,
                                setting->units[i].line);
        enum jb_code code = jb_factor_file_read(beside, &text, error);
        if (code == JB_NO_DATA)
            return jb_error_set(error, JB_INPUT, "%s, line %u, field file: there is no file %s", path,
                                setting->units[i].line, beside);
        if (!code)
            code =
                jb_setting_add_amounts(setting, i, text.bytes ? text.bytes : "", text.length, beside, error);
        if (code)
            return code;
        jb_buffer_printf(&digests, " %s", jb_sha256(text.bytes, text.length, sha256));
        any = true;
    }
    if (any)
        jb_sha256(digests.bytes, digests.length, setting->sha256);
    return jb_buffer_check(&digests, error);
}

enum jb_code jb_setting_load(const char *path, struct jb_error *error, struct jb_setting **ret_setting) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = JB_SETTING_FILE_CEILING};
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting = NULL;
    enum jb_code code = jb_factor_file_read(path, &text, error);
    if (!code)
        code = jb_setting_parse(text.bytes ? text.bytes : "", text.length, path, error, &setting);
    if (!code)
        code = read_units(setting, path, error);
    if (!code)
        *ret_setting = JB_TAKE(setting);
    return code;
}
