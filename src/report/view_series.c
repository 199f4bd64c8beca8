/* Series as text, JSON or CSV. */
#include "report/view_series.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/time.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define GAP_CEILING 100000 /* that are listed */

struct gap {
    size_t entry;
    int64_t start_ns, end_ns;
};

char *jb_length_format(int64_t length_ns, char ret[static JB_LENGTH_SIZE]) {
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = {{JB_DAY_NS, "d"}, {JB_HOUR_NS, "h"}, {JB_MINUTE_NS, "min"}, {JB_SECOND_NS, "s"}, {1, "ns"}};
    size_t i = 0;
    while (i + 1 < JB_COUNT(units) && length_ns % units[i].ns != 0)
        i++;
    snprintf(ret, JB_LENGTH_SIZE, "%" PRId64 " %s", length_ns / units[i].ns, units[i].name);
    return ret;
}

static enum jb_code find_gaps(const struct jb_series_entry *entries, size_t count, struct jb_error *error,
                              struct gap **ret_gaps, size_t *ret_count) {
    _cleanup_free_ struct gap *gaps = NULL;
    size_t gap_count = 0, capacity = 0;
    for (size_t e = 0; e < count; e++) {
        for (size_t i = 1; i < entries[e].count; i++) {
            const struct jb_step *step = &entries[e].steps[i];
            if (step->start_ns == step[-1].end_ns || gap_count == GAP_CEILING)
                continue;
            enum jb_code code = jb_array_reserve(&gaps, &capacity, gap_count + 1, GAP_CEILING, "gaps", error);
            if (code)
                return code;
            gaps[gap_count++] = (struct gap){e, step[-1].end_ns, step->start_ns};
        }
    }
    *ret_gaps = JB_TAKE(gaps);
    *ret_count = gap_count;
    return JB_OK;
}

static void add_entry(struct jb_table *table, const struct jb_series_entry *entry) {
    const struct jb_series *series = &entry->series;
    int64_t span_ns = series->last_ns - series->first_ns, covered_ns;
    double mean = jb_steps_mean(entry->steps, entry->count, series->first_ns, series->last_ns, &covered_ns);
    double low = INFINITY, high = -INFINITY,
           coverage = span_ns ? (double)series->covered_ns / (double)span_ns : 0;
    char text[64], length[JB_LENGTH_SIZE];
    for (size_t i = 0; i < entry->count; i++) {
        low = fmin(low, entry->steps[i].value);
        high = fmax(high, entry->steps[i].value);
    }
    jb_table_text(table, series->name, NULL);
    jb_table_text(table, series->quantity, NULL);
    jb_table_text(table, series->region, NULL);
    jb_table_text(table, series->subject, NULL);
    if (series->step_count) {
        jb_table_time(table, series->first_ns, NULL);
        jb_table_time(table, series->last_ns, NULL);
        jb_table_integer(table, series->resolution_ns / JB_SECOND_NS,
                         jb_length_format(series->resolution_ns, length));
    } else {
        for (int i = 0; i < 3; i++)
            jb_table_null(table, NULL);
    }
    jb_table_integer(table, (int64_t)series->step_count, NULL);
    /* A gap must not be rounded away. */
    snprintf(text, sizeof text, "%.2f %%", floor(coverage * 1e4) / 1e2);
    jb_table_number(table, coverage * 100, text);
    snprintf(text, sizeof text, "%.4g", mean);
    jb_table_number(table, mean, text);
    snprintf(text, sizeof text, "%.4g", low);
    jb_table_number(table, low, text);
    snprintf(text, sizeof text, "%.4g", high);
    jb_table_number(table, high, text);
    jb_table_text(table, series->unit, NULL);
    snprintf(text, sizeof text, "±%.2g %%", series->uncertainty * 196);
    if (isnan(series->uncertainty))
        jb_table_null(table, "unknown");
    else
        jb_table_integer(table, (int64_t)llround(series->uncertainty * 1e6), text);
    jb_table_text(table, series->source, NULL);
    jb_table_text(table, series->licence, NULL);
    jb_table_text(table, series->note, NULL);
    jb_table_text(table, entry->change ? entry->change : "", NULL);
}

static struct jb_table *make_gap_table(const struct jb_series_entry *entries, const struct gap *gaps,
                                       size_t count) {
    static const struct jb_column columns[] = {
        {.key = "series", .title = "Series", .is_flexible = true},
        {.key = "start", .title = "From"},
        {.key = "end", .title = "To"},
        {.title = "Length", .align = JB_RIGHT},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++) {
        char length[JB_LENGTH_SIZE];
        jb_table_text(table, entries[gaps[i].entry].series.name, NULL);
        jb_table_time(table, gaps[i].start_ns, NULL);
        jb_table_time(table, gaps[i].end_ns, NULL);
        jb_table_text(table, "", jb_length_format(gaps[i].end_ns - gaps[i].start_ns, length));
    }
    return table;
}

static int compare_gaps(const void *left, const void *right) {
    const struct gap *a = left, *b = right;
    int64_t a_ns = a->end_ns - a->start_ns, b_ns = b->end_ns - b->start_ns;
    if (a_ns != b_ns)
        return a_ns > b_ns ? -1 : 1;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    return (a->entry > b->entry) - (a->entry < b->entry);
}

static enum jb_code write_gaps(const struct jb_series_entry *entries, struct gap *gaps, size_t count,
                               const struct jb_layout *layout, struct jb_buffer *out,
                               struct jb_error *error) {
    if (count == 0)
        return JB_OK;
    qsort(gaps, count, sizeof *gaps, compare_gaps);
    size_t shown = count < JB_GAPS_SHOWN ? count : JB_GAPS_SHOWN;
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = make_gap_table(entries, gaps, shown);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    jb_buffer_add_string(out, "\nNot known, and not filled:\n");
    jb_table_write_text(table, layout, out);
    if (count > shown)
        jb_buffer_printf(out, "and %zu shorter gaps\n", count - shown);
    return JB_OK;
}

enum jb_code jb_view_series(enum jb_form form, const struct jb_layout *layout,
                            const struct jb_series_entry *entries, size_t count, struct jb_buffer *out,
                            struct jb_error *error) {
    bool is_import = count && entries[0].change;
    const struct jb_column columns[] = {
        {.key = "name", .title = "Series", .is_flexible = true},
        {.key = "quantity"},
        {.key = "region"},
        {.key = "subject"},
        {.key = "first", .title = "From"},
        {.key = "last", .title = "To"},
        {.key = "resolution_s", .title = "Step", .align = JB_RIGHT},
        {.key = "step_count", .title = "Steps", .align = JB_RIGHT},
        {.key = "coverage_percent", .title = "Covered", .align = JB_RIGHT},
        {.key = "mean", .title = "Mean", .align = JB_RIGHT},
        {.key = "low", .title = "Low", .align = JB_RIGHT},
        {.key = "high", .title = "High", .align = JB_RIGHT},
        {.key = "unit", .title = "Unit"},
        {.key = "uncertainty_ppm", .title = is_import ? NULL : "95 %"},
        {.key = "source", .title = is_import ? NULL : "Source", .is_flexible = true},
        {.key = "licence", .title = is_import ? NULL : "Licence"},
        {.key = "note"},
        {.key = "change", .title = is_import ? "" : NULL},
    };
    _cleanup_free_ struct gap *gaps = NULL;
    size_t gap_count = 0;
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++)
        add_entry(table, &entries[i]);
    enum jb_code code = jb_table_check(table, error);
    if (!code)
        code = find_gaps(entries, count, error, &gaps, &gap_count);
    if (code)
        return code;
    if (form == JB_FORM_CSV) {
        jb_table_write_csv(table, out);
        return JB_OK;
    }
    if (form == JB_FORM_TEXT) {
        jb_table_write_text(table, layout, out);
        return write_gaps(entries, gaps, gap_count, layout, out, error);
    }
    _cleanup_(jb_table_free_cleanup) struct jb_table *gap_table = make_gap_table(entries, gaps, gap_count);
    code = jb_table_check(gap_table, error);
    if (code)
        return code;
    struct jb_json json = jb_json_make(out);
    jb_json_object(&json);
    jb_json_key(&json, "series");
    jb_table_write_json(table, &json);
    jb_json_key(&json, "gaps");
    jb_table_write_json(gap_table, &json);
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
    return JB_OK;
}

enum jb_code jb_view_steps(enum jb_form form, const struct jb_layout *layout,
                           const struct jb_series_entry *entry, struct jb_buffer *out,
                           struct jb_error *error) {
    const struct jb_column columns[] = {
        {.key = "start", .title = "From"},
        {.key = "end", .title = "To"},
        {.key = "value", .title = entry->series.unit, .align = JB_POINT},
    };
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < entry->count; i++) {
        char text[40];
        snprintf(text, sizeof text, "%.6g", entry->steps[i].value);
        jb_table_time(table, entry->steps[i].start_ns, NULL);
        jb_table_time(table, entry->steps[i].end_ns, NULL);
        jb_table_number(table, entry->steps[i].value, text);
    }
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    if (form == JB_FORM_CSV) {
        jb_table_write_csv(table, out);
    } else if (form == JB_FORM_TEXT) {
        jb_table_write_text(table, layout, out);
    } else {
        struct jb_json json = jb_json_make(out);
        jb_json_object(&json);
        jb_json_key(&json, "name");
        jb_json_string(&json, entry->series.name);
        jb_json_key(&json, "unit");
        jb_json_string(&json, entry->series.unit);
        jb_json_key(&json, "steps");
        jb_table_write_json(table, &json);
        jb_json_end(&json, '}');
        jb_buffer_add_char(out, '\n');
    }
    return JB_OK;
}
