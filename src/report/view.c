/* What the views share. */
#include "report/view.h"

#include "base/cleanup.h"
#include "base/time.h"

#include <stdio.h>
#include <string.h>

struct jb_table *jb_gap_table(const struct jb_view *view, const struct jb_gap *gaps, size_t count) {
    static const struct jb_column columns[] = {
        {.key = "account", .title = "Account", .is_flexible = true},
        {.key = "start", .title = "From"},
        {.key = "end", .title = "To"},
        {.key = "reason", .title = "Why", .is_flexible = true},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++) {
        jb_table_text(table, jb_ledger_path(view->ledger, gaps[i].account), NULL);
        jb_table_time(table, gaps[i].start_ns, NULL);
        jb_table_time(table, gaps[i].end_ns, NULL);
        jb_table_text(table, gaps[i].reason, NULL);
    }
    return table;
}

enum jb_code jb_view_gaps_text(const struct jb_view *view, const struct jb_gap *gaps, size_t count,
                               struct jb_error *error) {
    if (count == 0)
        return JB_OK;
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_gap_table(view, gaps, count);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    jb_buffer_add_string(view->out, "\nNot known, and not in the figures above:\n");
    jb_table_write_text(table, &view->layout, view->out);
    return JB_OK;
}

char *jb_period_format(int64_t from_ns, int64_t to_ns, char ret[static JB_PERIOD_SIZE]) {
    char from[JB_TIME_SIZE], to[JB_TIME_SIZE];
    snprintf(ret, JB_PERIOD_SIZE, "%s – %s", jb_time_format(jb_time_floor(from_ns, JB_SHOWN_NS), from),
             jb_time_format(jb_time_floor(to_ns, JB_SHOWN_NS), to));
    return ret;
}

void jb_view_nothing(const struct jb_view *view, const char *what) {
    char text[JB_PERIOD_SIZE];
    int64_t from_ns = view->query.from_ns, to_ns = view->query.to_ns;
    jb_buffer_printf(view->out, "Nothing is booked%s", what);
    if (from_ns != INT64_MIN && to_ns != INT64_MAX)
        jb_buffer_printf(view->out, " for %s", jb_period_format(from_ns, to_ns, text));
    else if (from_ns != INT64_MIN)
        jb_buffer_printf(view->out, " since %s", jb_time_format(from_ns, text));
    else if (to_ns != INT64_MAX)
        jb_buffer_printf(view->out, " before %s", jb_time_format(to_ns, text));
    jb_buffer_add_string(view->out, ".\n");
}

void jb_json_time(struct jb_json *json, int64_t ns) {
    char text[JB_TIME_SIZE];
    jb_json_string(json, ns == INT64_MIN || ns == INT64_MAX ? NULL : jb_time_format(ns, text));
}

char *jb_method_mix(const jb_int128 by_method[static JB_METHOD_COUNT], char *ret, size_t size) {
    bool is_told[JB_METHOD_COUNT] = {false};
    size_t length = 0;
    ret[0] = '\0';
    for (;;) {
        int largest = -1;
        for (int m = 0; m < JB_METHOD_COUNT; m++) {
            if (!is_told[m] && by_method[m] != 0 && (largest < 0 || by_method[m] > by_method[largest]))
                largest = m;
        }
        if (largest < 0)
            return ret;
        is_told[largest] = true;
        int added = snprintf(ret + length, size - length, "%s%s", length ? ", " : "",
                             jb_method_name((enum jb_method)largest));
        if (added < 0 || (size_t)added >= size - length)
            return ret;
        length += (size_t)added;
    }
}

const char *jb_commodity_title(jb_commodity commodity, char ret[static JB_COMMODITY_SIZE + 16]) {
    char name[JB_COMMODITY_SIZE];
    if (commodity == JB_ENERGY)
        return "Energy";
    if (commodity == JB_EMBODIED)
        return "Embodied carbon";
    if (commodity == JB_WATER)
        return "Water";
    snprintf(ret, JB_COMMODITY_SIZE + 16, "Money %s", jb_commodity_format(commodity, name));
    return ret;
}
