/* Plain tables, JSON and CSV of `top`, for scripts. */
#include "base/csv.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/top/top_format.h"
#include "report/table.h"

#include <math.h>
#include <string.h>

static size_t limited(const struct jb_top_model *model, size_t limit, const struct jb_top_row **ret_rows) {
    size_t count;
    *ret_rows = jb_top_model_rows(model, &count);
    return limit > 0 && limit < count ? limit : count;
}

void jb_top_write_text(const struct jb_top_about *about, const struct jb_top_model *model,
                       const struct jb_top_settings *settings, size_t limit, struct jb_buffer *out) {
    const struct jb_top_summary *summary = jb_top_model_summary(model);
    const struct jb_top_row *rows;
    size_t count = limited(model, limit, &rows);
    unsigned widths[JB_TOP_COLUMN_COUNT];
    char cell[JB_TOP_CELL_SIZE], prefix[128], clean[4 * JB_TOP_COMMAND_SIZE], group[256];
    jb_top_layout(132, widths);
    jb_top_title_line(about, summary, out);
    jb_buffer_add_char(out, '\n');
    jb_top_power_line(summary, out);
    jb_buffer_add_char(out, '\n');
    jb_top_parts_line(summary, out);
    jb_buffer_add_string(out, "\n\n");
    for (int c = 0; c < JB_TOP_COLUMN_GROUP; c++)
        jb_buffer_printf(out, "%*s ", (int)widths[c],
                         jb_top_column_title(settings->by, (enum jb_top_column)c));
    jb_buffer_printf(out, "%-*s %s\n", (int)widths[JB_TOP_COLUMN_GROUP],
                     jb_top_column_title(settings->by, JB_TOP_COLUMN_GROUP),
                     jb_top_column_title(settings->by, JB_TOP_COLUMN_NAME));
    for (size_t i = 0; i < count; i++) {
        for (int c = 0; c < JB_TOP_COLUMN_GROUP; c++)
            jb_buffer_printf(out, "%*s ", (int)widths[c], jb_top_cell(&rows[i], (enum jb_top_column)c, cell));
        jb_text_fit(jb_text_display(rows[i].group, clean, sizeof clean), widths[JB_TOP_COLUMN_GROUP], group,
                    sizeof group);
        jb_buffer_printf(out, "%s%*s ", group, (int)(widths[JB_TOP_COLUMN_GROUP] - jb_text_width(group)), "");
        jb_buffer_printf(out, "%s%s\n", jb_top_tree_prefix(&rows[i], true, prefix, sizeof prefix),
                         jb_text_display(rows[i].name, clean, sizeof clean));
    }
    jb_buffer_add_char(out, '\n');
}

static const char *kind_name(enum jb_top_kind kind) {
    switch (kind) {
    case JB_TOP_PROCESS:
        return "process";
    case JB_TOP_KERNEL_THREAD:
        return "kernel";
    case JB_TOP_GROUP:
        return "group";
    case JB_TOP_HOST:
        return "host";
    }
    return "";
}

static void add_number(struct jb_json *json, const char *key, double value) {
    jb_json_key(json, key);
    jb_json_number(json, value);
}

static void add_string(struct jb_json *json, const char *key, const char *text) {
    jb_json_key(json, key);
    jb_json_string(json, *text ? text : NULL);
}

static void add_row(struct jb_json *json, const struct jb_top_row *row) {
    bool is_process = row->pid > 0;
    jb_json_object(json);
    add_string(json, "kind", kind_name(row->kind));
    jb_json_key(json, "pid");
    if (is_process)
        jb_json_integer(json, row->pid);
    else
        jb_json_null(json);
    jb_json_key(json, "processes");
    jb_json_integer(json, row->process_count);
    add_number(json, "power_w", row->power_w);
    add_number(json, "energy_j", row->energy_j);
    add_number(json, "share", row->share);
    add_number(json, "cpus", row->cpus);
    jb_json_key(json, "cpu_time_ns");
    jb_json_amount(json, row->time_ns);
    add_string(json, "group", row->group);
    jb_json_key(json, "name");
    jb_json_string(json, row->name);
    jb_json_key(json, "depth");
    jb_json_integer(json, row->depth);
    jb_json_end(json, '}');
}

void jb_top_write_json(const struct jb_top_about *about, const struct jb_top_model *model,
                       const struct jb_top_settings *settings, size_t limit, struct jb_buffer *out) {
    const struct jb_top_summary *summary = jb_top_model_summary(model);
    const struct jb_top_row *rows;
    size_t count = limited(model, limit, &rows);
    struct jb_json json = jb_json_make(out);
    char time[JB_TIME_SIZE];
    jb_json_object(&json);
    add_string(&json, "time", jb_time_format(summary->realtime_ns, time));
    add_string(&json, "host", about->host);
    add_string(&json, "by", jb_top_by_name(settings->by));
    add_number(&json, "power_w", summary->power_w);
    add_number(&json, "energy_j", summary->energy_j);
    jb_json_key(&json, "since_ns");
    jb_json_amount(&json, summary->since_ns);
    add_string(&json, "method", isnan(summary->power_w) ? "" : jb_method_name(summary->method));
    add_number(&json, "uncertainty", summary->uncertainty);
    add_string(&json, "sources", summary->sources);
    add_string(&json, "unknown", summary->unknown);
    add_string(&json, "process_load", about->process_load);
    jb_json_key(&json, "processes");
    jb_json_integer(&json, summary->process_count);
    jb_json_key(&json, "cpus");
    jb_json_integer(&json, summary->cpu_count);
    add_number(&json, "utilisation", summary->utilisation);
    add_number(&json, "idle_power_w", summary->idle_power_w);
    jb_json_key(&json, "parts");
    jb_json_array(&json);
    for (size_t i = 0; i < summary->segment_count; i++) {
        jb_json_object(&json);
        add_string(&json, "name", summary->segments[i].name);
        add_number(&json, "power_w", summary->segments[i].power_w);
        jb_json_end(&json, '}');
    }
    jb_json_end(&json, ']');
    jb_json_key(&json, "rows");
    jb_json_array(&json);
    for (size_t i = 0; i < count; i++)
        add_row(&json, &rows[i]);
    jb_json_end(&json, ']');
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
}

static void add_csv_number(struct jb_buffer *out, double value) {
    if (!isnan(value))
        jb_buffer_printf(out, "%.9g", value);
    jb_buffer_add_char(out, ',');
}

void jb_top_write_csv(const struct jb_top_model *model, const struct jb_top_settings *settings, size_t limit,
                      bool with_heading, struct jb_buffer *out) {
    const struct jb_top_row *rows;
    size_t count = limited(model, limit, &rows);
    char time[JB_TIME_SIZE], clean[4 * JB_TOP_COMMAND_SIZE];
    if (with_heading)
        jb_buffer_add_string(
            out, "time,by,kind,pid,processes,power_w,energy_j,share,cpus,cpu_time_ns,group,name\n");
    jb_time_format(jb_top_model_summary(model)->realtime_ns, time);
    for (size_t i = 0; i < count; i++) {
        const struct jb_top_row *row = &rows[i];
        jb_buffer_printf(out, "%s,%s,%s,", time, jb_top_by_name(settings->by), kind_name(row->kind));
        if (row->pid > 0)
            jb_buffer_printf(out, "%d", row->pid);
        jb_buffer_printf(out, ",%u,", row->process_count);
        add_csv_number(out, row->power_w);
        add_csv_number(out, row->energy_j);
        add_csv_number(out, row->share);
        add_csv_number(out, row->cpus);
        jb_buffer_printf(out, "%llu,", (unsigned long long)row->time_ns);
        jb_csv_add(out, jb_text_display(row->group, clean, sizeof clean));
        jb_buffer_add_char(out, ',');
        jb_csv_add(out, jb_text_display(row->name, clean, sizeof clean));
        jb_buffer_add_char(out, '\n');
    }
}
