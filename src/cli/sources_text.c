/* What `sources` found, for people: one table of domains, notes, what is missing, and the loads. */
#include "cli/sources_view.h"

#include "attribute/delta.h"
#include "report/number.h"
#include "report/table.h"

#include <string.h>

#define TEXT_WIDTH 80 /* of notes, where the terminal does not say */
#define MARGIN     2

/* "61 µJ", "1.25 kJ": three digits, from an amount in millionths. */
static char *format_si(uint64_t micro, const char *unit, char ret[static JB_NUMBER_SIZE]) {
    static const char *const prefixes[] = {"µ", "m", "", "k", "M", "G", "T"};
    size_t prefix = 0;
    double value = (double)micro;
    while (value >= 999.5 && prefix + 1 < JB_COUNT(prefixes)) {
        value /= 1000;
        prefix++;
    }
    if (micro == 0)
        snprintf(ret, JB_NUMBER_SIZE, "0 %s", unit);
    else
        snprintf(ret, JB_NUMBER_SIZE, "%.*f %s%s",
                 prefix == 0 || value >= 99.95 ? 0
                 : value >= 9.995              ? 1
                                               : 2,
                 value, prefixes[prefix], unit);
    return ret;
}

static char *format_span(int64_t span_ns, char ret[static JB_NUMBER_SIZE]) {
    double seconds = (double)span_ns / 1e9;
    if (span_ns == 0)
        snprintf(ret, JB_NUMBER_SIZE, "never");
    else if (seconds < 100)
        snprintf(ret, JB_NUMBER_SIZE, "%.3g s", seconds);
    else if (seconds < 6000)
        snprintf(ret, JB_NUMBER_SIZE, "%.0f min", seconds / 60);
    else if (seconds < 100 * 3600)
        snprintf(ret, JB_NUMBER_SIZE, "%.0f h", seconds / 3600);
    else
        snprintf(ret, JB_NUMBER_SIZE, "%.0f d", seconds / 86400);
    return ret;
}

/* Appends text in lines of at most `width` columns, broken at spaces, each with that indent. The first line
 * begins at column `at`. */
static void add_wrapped(struct jb_buffer *out, const char *text, size_t at, size_t indent, size_t width) {
    char clean[sizeof((struct jb_error *)0)->message];
    jb_text_display(text, clean, sizeof clean);
    bool is_first = true;
    char *rest = clean;
    for (char *word; (word = strsep(&rest, " "));) {
        size_t columns = jb_text_width(word);
        if (!*word)
            continue;
        if (!is_first && at + 1 + columns > width) {
            jb_buffer_printf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!is_first) {
            jb_buffer_add_char(out, ' ');
            at++;
        }
        jb_buffer_add_string(out, word);
        at += columns;
        is_first = false;
    }
    jb_buffer_add_char(out, '\n');
}

/* A line of two parts: a name at the margin, and wrapped text behind it. */
static void add_line(struct jb_buffer *out, const char *name, const char *text, size_t column, size_t width) {
    char clean[JB_DOMAIN_ID_SIZE * 2];
    jb_text_display(name, clean, sizeof clean);
    size_t used = MARGIN + jb_text_width(clean);
    jb_buffer_printf(out, "%*s%s", MARGIN, "", clean);
    if (used + 1 >= column) {
        jb_buffer_printf(out, "\n%*s", (int)column, "");
        used = column;
    }
    jb_buffer_printf(out, "%*s", (int)(column - used), "");
    add_wrapped(out, text, column, column, width);
}

static void add_domain_row(struct jb_table *table, const struct sources_domain *domain, unsigned depth) {
    char name[JB_DOMAIN_ID_SIZE + 64], reading[JB_NUMBER_SIZE], power[JB_NUMBER_SIZE], step[JB_NUMBER_SIZE],
        wraps[JB_NUMBER_SIZE], uncertainty[JB_NUMBER_SIZE];
    const struct jb_domain *of = domain->domain;
    bool is_counter = of->form == JB_COUNTER;
    bool has_reading = domain->reading.state == JB_READING_OK;
    snprintf(name, sizeof name, "%*s%s", (int)(2 + depth * 2), "", of->name);
    jb_table_text(table, of->id, name);
    jb_table_text(table, jb_domain_kind_name(of->kind), NULL);
    jb_table_text(table, sources_place_word(domain->place), NULL);
    jb_table_text(table, "",
                  has_reading ? format_si(domain->reading.value, is_counter ? "J" : "W", reading)
                              : sources_reading_word(domain->reading.state));
    jb_table_text(table, "", domain->has_power ? format_si(domain->power_uw, "W", power) : "-");
    jb_table_text(table, "", of->resolution ? format_si(of->resolution, is_counter ? "J" : "W", step) : "-");
    jb_table_text(table, "",
                  is_counter && of->state != JB_DOMAIN_DISABLED ? format_span(jb_delta_wrap_ns(of), wraps)
                                                                : "-");
    jb_table_text(table, "", jb_uncertainty_format(of->uncertainty_ppm, uncertainty));
}

/* The domains below `parent` (-1: the outermost), and theirs. Depth bounds a ring of parents. */
static void add_tree(struct jb_table *table, const struct sources_source *source, int32_t parent,
                     unsigned depth) {
    for (size_t i = 0; i < source->domain_count && depth < 8; i++) {
        int32_t above = source->domains[i].domain->parent;
        if (above >= 0 && (size_t)above >= source->domain_count)
            above = -1;
        if (above != parent)
            continue;
        add_domain_row(table, &source->domains[i], depth);
        add_tree(table, source, (int32_t)i, depth + 1);
    }
}

/* Takes the blanks off the ends of lines, which empty cells of a table leave. */
static void trim_lines(struct jb_buffer *out) {
    size_t kept = 0, line_end = 0;
    for (size_t i = 0; i < out->length; i++) {
        if (out->bytes[i] == '\n')
            kept = line_end;
        out->bytes[kept++] = out->bytes[i];
        if (out->bytes[i] != ' ')
            line_end = kept;
    }
    if (out->bytes)
        out->bytes[kept] = '\0';
    out->length = kept;
}

static enum jb_code add_domains(const struct sources_view *view, struct jb_buffer *out,
                                struct jb_error *error) {
    static const struct jb_column columns[] = {
        {.title = "DOMAIN", .is_flexible = true},
        {.title = "KIND"},
        {.title = "BOOKED"},
        {.title = "READING", .align = JB_RIGHT},
        {.title = "POWER", .align = JB_RIGHT},
        {.title = "STEP", .align = JB_RIGHT},
        {.title = "WRAPS", .align = JB_RIGHT},
        {.title = "±95 %", .align = JB_RIGHT},
    };
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    if (!table)
        return jb_error_set(error, JB_MEMORY, "out of memory");
    for (size_t s = 0; s < view->source_count; s++) {
        if (!view->sources[s].source)
            continue;
        jb_table_text(table, view->sources[s].ops->name, NULL);
        for (size_t c = 1; c < JB_COUNT(columns); c++)
            jb_table_text(table, "", NULL);
        add_tree(table, &view->sources[s], -1, 0);
    }
    struct jb_layout layout = jb_layout_of_stdout();
    if (layout.width == 0)
        layout.width = TEXT_WIDTH;
    enum jb_code code = jb_table_check(table, error);
    if (!code && jb_table_row_count(table))
        jb_table_write_text(table, &layout, out);
    trim_lines(out);
    return code;
}

/* Why domains are not booked, what to mend, and caveats. */
static void add_notes(const struct sources_view *view, struct jb_buffer *out, size_t width) {
    bool any = false;
    for (size_t s = 0; s < view->source_count; s++) {
        for (size_t i = 0; i < view->sources[s].domain_count; i++) {
            const struct sources_domain *domain = &view->sources[s].domains[i];
            const char *note = domain->domain->note, *reason = domain->reason;
            char text[JB_DOMAIN_NOTE_SIZE + 128];
            if (domain->place == JB_COVER_INSIDE)
                reason = "";
            /* The note of a domain that is not usable says the same, and more. */
            if (domain->domain->state != JB_DOMAIN_OK && note[0])
                reason = "";
            if (!note[0] && !reason[0])
                continue;
            jb_buffer_add_string(out, any ? "" : "\nnotes\n");
            any = true;
            snprintf(text, sizeof text, "%s%s%s%s", reason[0] ? "not booked: " : "", reason,
                     reason[0] && note[0] ? "; " : "", note);
            add_line(out, domain->domain->id, text, 26, width);
        }
    }
}

static void add_missing(const struct sources_view *view, struct jb_buffer *out, size_t width) {
    bool any = false;
    for (size_t s = 0; s < view->source_count; s++) {
        const struct sources_source *source = &view->sources[s];
        if (!source->code)
            continue;
        jb_buffer_add_string(out, any ? "" : "\nnot there\n");
        any = true;
        add_line(out, source->ops->name, source->error.message, 14, width);
    }
}

static void add_loads(const struct sources_view *view, struct jb_buffer *out, size_t width) {
    jb_buffer_add_string(out, "\nwho used it\n");
    for (size_t i = 0; i < view->load_count; i++) {
        const struct sources_load *load = &view->loads[i];
        char text[sizeof load->error.message + 64];
        if (load->code)
            snprintf(text, sizeof text, "%s: not usable: %s", sources_role_word(load->ops->role),
                     load->error.message);
        else
            snprintf(text, sizeof text, "%s: %s%s", sources_role_word(load->ops->role), load->ops->summary,
                     load->is_used ? "" : " (works too, not needed)");
        add_line(out, load->ops->name, text, 18, width);
    }
    if (!view->load_count)
        add_line(out, "none", "nothing tells who used the machine", 18, width);
}

static void add_total(const struct sources_view *view, struct jb_buffer *out, size_t width) {
    uint64_t power_uw;
    char power[JB_NUMBER_SIZE];
    bool any = false;
    for (size_t s = 0; s < view->source_count; s++) {
        for (size_t i = 0; i < view->sources[s].domain_count; i++)
            any = any || sources_is_booked(&view->sources[s].domains[i]);
    }
    if (!any)
        add_wrapped(
            out,
            "No power source here can be booked: energy is unknown, not zero. Below is why, and what to "
            "do; on a machine without meters the cpumodel estimates it, and --replay FILE plays "
            "recorded readings.",
            0, 0, width);
    else if (sources_view_total_uw(view, &power_uw))
        jb_buffer_printf(out, "The host takes %s now.\n", format_si(power_uw, "W", power));
    else
        jb_buffer_add_string(out, "What the host takes now is not known: a part could not be read.\n");
}

enum jb_code sources_view_text(const struct sources_view *view, struct jb_buffer *out,
                               struct jb_error *error) {
    size_t width = jb_layout_of_stdout().width;
    if (width < 40)
        width = TEXT_WIDTH;
    enum jb_code code = add_domains(view, out, error);
    if (code)
        return code;
    if (out->length)
        jb_buffer_add_char(out, '\n');
    add_total(view, out, width);
    add_notes(view, out, width);
    add_missing(view, out, width);
    add_loads(view, out, width);
    return JB_OK;
}
