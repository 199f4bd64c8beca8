/* The three forms of what `factors` found. */
#include "cli/factors_view.h"

#include "base/json.h"
#include "base/time.h"
#include "report/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool factors_row_holds(const struct jb_factors *factors, const struct jb_factor *row, int64_t at_ns,
                       bool *ret_is_earlier) {
    struct jb_factor_query query = {.quantity = row->quantity,
                                    .provider = row->provider,
                                    .region = row->region,
                                    .subject = row->subject,
                                    .at_ns = at_ns,
                                    .allows_earlier = true};
    struct jb_factor_answer answer;
    if (jb_factors_find(factors, &query, &answer) || answer.factor != row)
        return false;
    *ret_is_earlier = answer.is_earlier;
    return true;
}

enum jb_code factors_view_sets(const struct jb_factors *factors, enum jb_form form, struct jb_buffer *out,
                               struct jb_error *error) {
    static const struct jb_column columns[] = {
        {.key = "set", .title = "Table"},
        {.key = "version", .title = "Version"},
        {.key = "licence", .title = "Licence"},
        {.key = "factor_count", .title = "Factors", .align = JB_RIGHT},
        {.key = "own"},
        {.key = "source", .title = "Source", .is_flexible = true},
        {.key = "sha256"},
    };
    const struct jb_factor_set *sets;
    size_t count = jb_factors_sets(factors, &sets);
    char sha256[JB_SHA256_SIZE];
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++) {
        jb_table_text(table, sets[i].name, NULL);
        jb_table_text(table, sets[i].version, NULL);
        jb_table_text(table, sets[i].licence, NULL);
        jb_table_integer(table, sets[i].factor_count, NULL);
        jb_table_boolean(table, sets[i].is_own, NULL);
        jb_table_text(table, sets[i].source, NULL);
        jb_table_text(table, sets[i].sha256, NULL);
    }
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    if (form == JB_FORM_CSV) {
        jb_table_write_csv(table, out);
    } else if (form == JB_FORM_JSON) {
        struct jb_json json = jb_json_make(out);
        jb_json_object(&json);
        jb_json_key(&json, "sets");
        jb_table_write_json(table, &json);
        jb_json_key(&json, "sha256");
        jb_json_string(&json, jb_factors_sha256(factors, sha256));
        jb_json_end(&json, '}');
        jb_buffer_add_char(out, '\n');
    } else {
        struct jb_layout layout = jb_layout_of_stdout();
        jb_table_write_text(table, &layout, out);
        jb_buffer_printf(out, "\nsha256 of all  %s\n", jb_factors_sha256(factors, sha256));
    }
    return JB_OK;
}

/* A date where it falls on midnight, else a time; "" when the period is open. */
static const char *date_format(int64_t ns, char ret[static JB_TIME_SIZE]) {
    if (ns == INT64_MIN || ns == INT64_MAX)
        return strcpy(ret, "");
    jb_time_format(ns, ret);
    if (strcmp(ret + 10, "T00:00:00Z") == 0)
        ret[10] = '\0';
    return ret;
}

static void add_end(struct jb_table *table, int64_t ns) {
    char date[JB_TIME_SIZE];
    if (ns == INT64_MIN || ns == INT64_MAX)
        jb_table_null(table, "open");
    else
        jb_table_time(table, ns, date_format(ns, date));
}

static void add_row(struct jb_table *table, const struct jb_factors *factors, const struct jb_factor *row,
                    int64_t at_ns) {
    const struct jb_factor_set *sets;
    char id[JB_FACTOR_ID_SIZE], text[64];
    bool is_earlier = false, holds = factors_row_holds(factors, row, at_ns, &is_earlier);
    double low = NAN, high = NAN;
    jb_factors_sets(factors, &sets);
    bool is_known = jb_factor_interval(row, &low, &high);
    jb_table_text(table, jb_factor_id(row, id), NULL);
    snprintf(text, sizeof text, "%.6g", row->value);
    jb_table_number(table, row->value, text);
    jb_table_text(table, jb_quantity_info(row->quantity)->unit, NULL);
    if (is_known)
        jb_table_integer(table, (int64_t)lround(row->uncertainty * 1e6), NULL);
    else
        jb_table_null(table, NULL);
    if (is_known)
        snprintf(text, sizeof text, "%.3g – %.3g", low, high);
    jb_table_text(table, "", is_known ? text : "unknown");
    jb_table_number(table, low, NULL);
    jb_table_number(table, high, NULL);
    add_end(table, row->from_ns);
    add_end(table, row->until_ns);
    jb_table_boolean(table, holds, !holds ? "" : is_earlier ? "earlier" : "yes");
    jb_table_boolean(table, is_earlier, NULL);
    jb_table_text(table, sets[row->set].name, NULL);
    jb_table_text(table, sets[row->set].version, NULL);
    jb_table_text(table, sets[row->set].licence, NULL);
    jb_table_text(table, *row->source ? row->source : sets[row->set].source, NULL);
    jb_table_text(table, row->note, NULL);
    jb_table_integer(table, row->line, NULL);
}

enum jb_code factors_view_rows(const struct jb_factors *factors, const struct jb_factor *const *rows,
                               size_t count, int64_t at_ns, bool is_whole, enum jb_form form,
                               struct jb_buffer *out, struct jb_error *error) {
    const struct jb_column columns[] = {
        {.key = "id", .title = is_whole ? NULL : "Factor", .is_flexible = true},
        {.key = "value", .title = "Value", .align = JB_POINT},
        {.key = "unit", .title = "Unit"},
        {.key = "uncertainty_ppm"},
        {.title = "95 % interval"},
        {.key = "low"},
        {.key = "high"},
        {.key = "from", .title = "From"},
        {.key = "until", .title = "Until"},
        {.key = "holds", .title = is_whole ? "Holds" : NULL},
        {.key = "is_earlier"},
        {.key = "set", .title = "Table"},
        {.key = "version", .title = is_whole ? "Version" : NULL},
        {.key = "licence", .title = is_whole ? "Licence" : NULL},
        {.key = "source", .title = is_whole ? "Source" : NULL, .is_flexible = true},
        {.key = "note", .title = is_whole ? "Note" : NULL, .is_flexible = true},
        {.key = "line"},
    };
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++)
        add_row(table, factors, rows[i], at_ns);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    if (form == JB_FORM_CSV) {
        jb_table_write_csv(table, out);
    } else if (form == JB_FORM_JSON) {
        struct jb_json json = jb_json_make(out);
        jb_json_object(&json);
        jb_json_key(&json, "factors");
        jb_table_write_json(table, &json);
        jb_json_end(&json, '}');
        jb_buffer_add_char(out, '\n');
    } else {
        struct jb_layout layout = jb_layout_of_stdout();
        char id[JB_FACTOR_ID_SIZE], shown[JB_FACTOR_ID_SIZE];
        if (is_whole)
            jb_buffer_printf(out, "%s: %s\n\n",
                             jb_text_display(jb_factor_id(rows[0], id), shown, sizeof shown),
                             jb_quantity_info(rows[0]->quantity)->meaning);
        jb_table_write_text(table, &layout, out);
    }
    return JB_OK;
}

enum jb_code factors_view_findings(const struct jb_factors *factors, const struct jb_factor_finding *more,
                                   size_t more_count, enum jb_form form, struct jb_buffer *out,
                                   struct jb_error *error) {
    static const struct jb_column columns[] = {
        {.key = "severity"}, {.key = "file"}, {.key = "line"}, {.key = "field"}, {.key = "message"},
    };
    const struct jb_factor_finding *findings;
    const struct jb_factor *all;
    size_t own_count = jb_factors_findings(factors, &findings), factor_count = jb_factors_all(factors, &all),
           wrong = 0, count = own_count + more_count;
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++) {
        const struct jb_factor_finding *finding = i < own_count ? &findings[i] : &more[i - own_count];
        char line[24] = "";
        wrong += finding->is_error;
        jb_table_text(table, finding->is_error ? "error" : "warning", NULL);
        jb_table_text(table, finding->file, NULL);
        if (finding->line)
            jb_table_integer(table, finding->line, NULL);
        else
            jb_table_null(table, NULL);
        jb_table_text(table, finding->field, NULL);
        jb_table_text(table, finding->message, NULL);
        if (finding->line)
            snprintf(line, sizeof line, ", line %u", finding->line);
        if (form == JB_FORM_TEXT)
            jb_buffer_printf(out, "%s: %s%s%s%s: %s\n", finding->is_error ? "error" : "warning",
                             finding->file, line, finding->field[0] ? ", field " : "", finding->field,
                             finding->message);
    }
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    if (form == JB_FORM_CSV) {
        jb_table_write_csv(table, out);
    } else if (form == JB_FORM_JSON) {
        struct jb_json json = jb_json_make(out);
        jb_json_object(&json);
        jb_json_key(&json, "factor_count");
        jb_json_integer(&json, (int64_t)factor_count);
        jb_json_key(&json, "findings");
        jb_table_write_json(table, &json);
        jb_json_end(&json, '}');
        jb_buffer_add_char(out, '\n');
    } else {
        jb_buffer_printf(out, "%zu factor%s good, %zu error%s, %zu warning%s\n", factor_count,
                         factor_count == 1 ? "" : "s", wrong, wrong == 1 ? "" : "s", count - wrong,
                         count - wrong == 1 ? "" : "s");
    }
    return JB_OK;
}
