/* Turns rows and the summary of `top` into text. */
#include "cli/top/top_format.h"

#include "base/text.h"
#include "base/time.h"
#include "types/account.h"

#include <math.h>
#include <string.h>

void jb_top_layout(unsigned width, unsigned widths[JB_TOP_COLUMN_COUNT]) {
    /* In the order in which columns go when the terminal is narrow: the last first. */
    static const struct {
        enum jb_top_column column;
        unsigned width, least; /* of the terminal */
    } columns[] = {
        {JB_TOP_COLUMN_POWER, 7, 0},    {JB_TOP_COLUMN_PID, 7, 30},   {JB_TOP_COLUMN_CPU, 6, 38},
        {JB_TOP_COLUMN_ENERGY, 8, 52},  {JB_TOP_COLUMN_SHARE, 6, 60}, {JB_TOP_COLUMN_TIME, 9, 72},
        {JB_TOP_COLUMN_GROUP, 18, 100},
    };
    unsigned used = 0;
    for (size_t i = 0; i < JB_TOP_COLUMN_COUNT; i++)
        widths[i] = 0;
    for (size_t i = 0; i < JB_COUNT(columns); i++) {
        if (width >= columns[i].least) {
            widths[columns[i].column] = columns[i].width;
            used += columns[i].width + 1;
        }
    }
    widths[JB_TOP_COLUMN_NAME] = width > used ? width - used : 0;
}

const char *jb_top_column_title(enum jb_top_by by, enum jb_top_column column) {
    static const char *const names[JB_TOP_BY_COUNT] = {"COMMAND", "CGROUP", "CONTAINER"};
    switch (column) {
    case JB_TOP_COLUMN_PID:
        return by == JB_TOP_BY_PROCESS ? "PID" : "PROCS";
    case JB_TOP_COLUMN_POWER:
        return "W";
    case JB_TOP_COLUMN_ENERGY:
        return "J";
    case JB_TOP_COLUMN_SHARE:
        return "SHARE%";
    case JB_TOP_COLUMN_CPU:
        return "CPU%";
    case JB_TOP_COLUMN_TIME:
        return "TIME+";
    case JB_TOP_COLUMN_GROUP:
        return by == JB_TOP_BY_PROCESS ? "GROUP" : "KIND";
    case JB_TOP_COLUMN_NAME:
        return names[by];
    case JB_TOP_COLUMN_COUNT:
        break;
    }
    return "";
}

enum jb_top_column jb_top_column_of_sort(enum jb_top_sort sort) {
    static const enum jb_top_column columns[JB_TOP_SORT_COUNT] = {
        [JB_TOP_SORT_POWER] = JB_TOP_COLUMN_POWER, [JB_TOP_SORT_ENERGY] = JB_TOP_COLUMN_ENERGY,
        [JB_TOP_SORT_CPU] = JB_TOP_COLUMN_CPU,     [JB_TOP_SORT_TIME] = JB_TOP_COLUMN_TIME,
        [JB_TOP_SORT_PID] = JB_TOP_COLUMN_PID,     [JB_TOP_SORT_GROUP] = JB_TOP_COLUMN_GROUP,
        [JB_TOP_SORT_NAME] = JB_TOP_COLUMN_NAME,
    };
    return columns[sort];
}

/* --- figures --- */

/* At most 7 columns. */
static char *format_figure(double value, const char *suffix, char ret[static JB_TOP_CELL_SIZE]) {
    static const char units[] = " kMGTPE";
    size_t unit = 0;
    if (isnan(value)) {
        snprintf(ret, JB_TOP_CELL_SIZE, "-");
        return ret;
    }
    while (fabs(value) >= 9999.5 && unit + 2 < sizeof units) {
        value /= 1000;
        unit++;
    }
    int decimals = fabs(value) < 99.995 ? 2 : fabs(value) < 999.95 ? 1 : 0;
    snprintf(ret, JB_TOP_CELL_SIZE, "%.*f%.*s%s", decimals, value, unit > 0, &units[unit], suffix);
    return ret;
}

static char *format_percent(double share, char ret[static JB_TOP_CELL_SIZE]) {
    if (isnan(share))
        snprintf(ret, JB_TOP_CELL_SIZE, "-");
    else
        snprintf(ret, JB_TOP_CELL_SIZE, "%.1f", share * 100);
    return ret;
}

/* As in htop: "0:01.25", "12:34.56", "3h12:34", "5d07h12". */
static char *format_time(uint64_t time_ns, char ret[static JB_TOP_CELL_SIZE]) {
    uint64_t hundredths = time_ns / 10000000, seconds = hundredths / 100, minutes = seconds / 60;
    unsigned long long hours = minutes / 60, days = hours / 24;
    if (hours == 0)
        snprintf(ret, JB_TOP_CELL_SIZE, "%llu:%02llu.%02llu", (unsigned long long)minutes,
                 (unsigned long long)(seconds % 60), (unsigned long long)(hundredths % 100));
    else if (days == 0)
        snprintf(ret, JB_TOP_CELL_SIZE, "%lluh%02llu:%02llu", hours, (unsigned long long)(minutes % 60),
                 (unsigned long long)(seconds % 60));
    else
        snprintf(ret, JB_TOP_CELL_SIZE, "%llud%02lluh%02llu", days, hours % 24,
                 (unsigned long long)(minutes % 60));
    return ret;
}

char *jb_top_cell(const struct jb_top_row *row, enum jb_top_column column,
                  char ret[static JB_TOP_CELL_SIZE]) {
    ret[0] = '\0';
    switch (column) {
    case JB_TOP_COLUMN_PID:
        if (row->kind == JB_TOP_GROUP)
            snprintf(ret, JB_TOP_CELL_SIZE, "%u", row->process_count);
        else if (row->pid > 0)
            snprintf(ret, JB_TOP_CELL_SIZE, "%d", row->pid);
        break;
    case JB_TOP_COLUMN_POWER:
        return format_figure(row->power_w, "", ret);
    case JB_TOP_COLUMN_ENERGY:
        return format_figure(row->energy_j, "", ret);
    case JB_TOP_COLUMN_SHARE:
        return format_percent(row->share, ret);
    case JB_TOP_COLUMN_CPU:
        return format_percent(row->cpus, ret);
    case JB_TOP_COLUMN_TIME:
        return format_time(row->time_ns, ret);
    case JB_TOP_COLUMN_GROUP:
    case JB_TOP_COLUMN_NAME:
    case JB_TOP_COLUMN_COUNT:
        break;
    }
    return ret;
}

char *jb_top_power(double power_w, char ret[static JB_TOP_CELL_SIZE]) {
    if (isnan(power_w))
        snprintf(ret, JB_TOP_CELL_SIZE, "unknown");
    else
        format_figure(power_w, power_w >= 9999.5 ? "W" : " W", ret);
    return ret;
}

char *jb_top_energy(double energy_j, char ret[static JB_TOP_CELL_SIZE]) {
    if (isnan(energy_j))
        snprintf(ret, JB_TOP_CELL_SIZE, "unknown");
    else
        format_figure(energy_j, energy_j >= 9999.5 ? "J" : " J", ret);
    return ret;
}

char *jb_top_tree_prefix(const struct jb_top_row *row, bool is_utf8, char *ret, size_t size) {
    const char *open = is_utf8 ? "│  " : "|  ", *closed = "   ";
    const char *branch = is_utf8 ? "├─ " : "|- ", *last = is_utf8 ? "└─ " : "`- ";
    size_t length = 0;
    ret[0] = '\0';
    for (unsigned level = 1; level <= row->depth && level <= 20; level++) {
        const char *part = (row->open_levels >> level) & 1 ? open : closed;
        if (level == row->depth || level == 20)
            part = row->is_last ? last : branch;
        int wrote = snprintf(ret + length, size - length, "%s", part);
        if (wrote < 0 || (size_t)wrote >= size - length)
            break;
        length += (size_t)wrote;
    }
    if (row->is_collapsed)
        snprintf(ret + length, size - length, "+ ");
    return ret;
}

/* --- header --- */

static const char *load_name(const char *load) {
    if (!*load)
        return "no processes";
    return strncmp(load, "process_", 8) == 0 ? load + 8 : load;
}

void jb_top_title_line(const struct jb_top_about *about, const struct jb_top_summary *summary,
                       struct jb_buffer *out) {
    char host[256], clean[256], time[JB_TIME_SIZE];
    jb_account_decode(about->host, strlen(about->host), host, sizeof host);
    jb_time_format(summary->realtime_ns / JB_SECOND_NS * JB_SECOND_NS, time);
    /* "2026-11-24T08:00:01Z": the clock is enough. */
    jb_buffer_printf(out, "joulebook top - %s  %.9s  %u processes (%s)",
                     jb_text_display(host, clean, sizeof clean), strlen(time) > 11 ? time + 11 : time,
                     summary->process_count, load_name(about->process_load));
}

static void add_evidence(const struct jb_top_summary *summary, struct jb_buffer *out) {
    if (!isnan(summary->uncertainty))
        jb_buffer_printf(out, " ±%.2g %%", summary->uncertainty * 1.959964 * 100);
    jb_buffer_printf(out, "  %s (%s)", jb_method_name(summary->method), summary->sources);
}

void jb_top_power_line(const struct jb_top_summary *summary, struct jb_buffer *out) {
    char power[JB_TOP_CELL_SIZE], energy[JB_TOP_CELL_SIZE];
    int64_t seconds = summary->since_ns / JB_SECOND_NS;
    if (summary->is_first)
        jb_buffer_add_string(out, "Power: the first interval is being measured");
    else if (isnan(summary->power_w) && !summary->sources[0])
        jb_buffer_add_string(out, "Power unknown: no power source here; see joulebook sources");
    else if (isnan(summary->power_w))
        jb_buffer_printf(out, "Power unknown: %s", summary->unknown);
    else
        jb_buffer_printf(out, "Power %s", jb_top_power(summary->power_w, power));
    if (!summary->is_first && !isnan(summary->power_w))
        add_evidence(summary, out);
    if (!isnan(summary->energy_j))
        jb_buffer_printf(out, "  %s in %lld:%02lld:%02lld", jb_top_energy(summary->energy_j, energy),
                         (long long)(seconds / 3600), (long long)(seconds / 60 % 60),
                         (long long)(seconds % 60));
}

void jb_top_parts_line(const struct jb_top_summary *summary, struct jb_buffer *out) {
    char power[JB_TOP_CELL_SIZE];
    for (size_t i = 0; i < summary->segment_count; i++)
        jb_buffer_printf(out, "%s%s %s", i ? "  " : "", summary->segments[i].name,
                         jb_top_power(summary->segments[i].power_w, power));
    if (!isnan(summary->idle_power_w))
        jb_buffer_printf(out, "  idle %s of it", jb_top_power(summary->idle_power_w, power));
    if (summary->unknown[0] && !isnan(summary->power_w))
        jb_buffer_printf(out, "  (%s)", summary->unknown);
}
