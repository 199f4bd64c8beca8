/* The three forms of what `sources` found. */
#include "cli/sources_view.h"

#include "attribute/delta.h"
#include "report/number.h"
#include "report/table.h"
#include "types/flow.h"

#include <math.h>
#include <string.h>

#define TEXT_WIDTH 80 /* of notes, where the terminal does not say */
#define MARGIN     2

void sources_view_clear(struct sources_view *view) {
    for (size_t s = 0; s < view->source_count; s++) {
        if (view->sources[s].source)
            view->sources[s].ops->close(view->sources[s].source);
        free(view->sources[s].domains);
    }
    free(view->sources);
    free(view->loads);
    *view = (struct sources_view){0};
}

static bool is_booked(const struct sources_domain *domain) {
    return domain->place == JB_COVER_AUTHORITY || domain->place == JB_COVER_PART;
}

bool sources_view_total_uw(const struct sources_view *view, uint64_t *ret_power_uw) {
    const struct sources_domain *authority = NULL;
    uint64_t total_uw = 0;
    bool is_known = true, any = false;
    for (size_t s = 0; s < view->source_count; s++) {
        for (size_t i = 0; i < view->sources[s].domain_count; i++) {
            if (view->sources[s].domains[i].place == JB_COVER_AUTHORITY)
                authority = &view->sources[s].domains[i];
        }
    }
    for (size_t s = 0; s < view->source_count; s++) {
        for (size_t i = 0; i < view->sources[s].domain_count; i++) {
            const struct sources_domain *domain = &view->sources[s].domains[i];
            bool is_device = domain->domain->kind == JB_GPU || domain->domain->kind == JB_ACCELERATOR;
            /* Beside a psys stand the discrete GPUs; all else is inside it. */
            bool counts =
                domain == authority || !authority || (authority->domain->kind == JB_PSYS && is_device);
            if (!is_booked(domain) || !counts)
                continue;
            any = true;
            is_known = is_known && domain->has_power;
            total_uw += domain->power_uw;
        }
    }
    if (!any || !is_known)
        return false;
    *ret_power_uw = total_uw;
    return true;
}

static const char *place_word(enum jb_cover_place place) {
    switch (place) {
    case JB_COVER_NONE:
        return "no";
    case JB_COVER_AUTHORITY:
        return "total";
    case JB_COVER_PART:
        return "part";
    case JB_COVER_INSIDE:
        return "inside";
    }
    return "?";
}

static const char *domain_state_word(enum jb_domain_state state) {
    switch (state) {
    case JB_DOMAIN_OK:
        return "ok";
    case JB_DOMAIN_DUPLICATE:
        return "duplicate";
    case JB_DOMAIN_DENIED:
        return "denied";
    case JB_DOMAIN_DISABLED:
        return "disabled";
    }
    return "?";
}

static const char *reading_state_word(enum jb_reading_state state) {
    switch (state) {
    case JB_READING_OK:
        return "ok";
    case JB_READING_NONE:
        return "none";
    case JB_READING_DENIED:
        return "denied";
    case JB_READING_GONE:
        return "gone";
    }
    return "?";
}

static const char *code_word(enum jb_code code) {
    switch (code) {
    case JB_OK:
        return "found";
    case JB_NO_DATA:
        return "not found";
    case JB_PERMISSION:
        return "denied";
    case JB_UNSUPPORTED:
        return "unsupported";
    case JB_INPUT:
        return "bad input";
    default:
        return "failed";
    }
}

static const char *role_word(enum jb_load_role role) {
    switch (role) {
    case JB_LOAD_HOST:
        return "host";
    case JB_LOAD_CGROUP:
        return "cgroup";
    case JB_LOAD_PROCESS:
        return "process";
    }
    return "?";
}

static const char *parent_id(const struct sources_source *source, const struct jb_domain *domain) {
    if (domain->parent < 0 || (size_t)domain->parent >= source->domain_count)
        return NULL;
    return source->domains[domain->parent].domain->id;
}

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
    jb_table_text(table, place_word(domain->place), NULL);
    jb_table_text(table, "",
                  has_reading ? format_si(domain->reading.value, is_counter ? "J" : "W", reading)
                              : reading_state_word(domain->reading.state));
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
            snprintf(text, sizeof text, "%s: not usable: %s", role_word(load->ops->role),
                     load->error.message);
        else
            snprintf(text, sizeof text, "%s: %s%s", role_word(load->ops->role), load->ops->summary,
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
            any = any || is_booked(&view->sources[s].domains[i]);
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

static void add_unsigned(struct jb_table *table, uint64_t value, bool is_known) {
    if (is_known)
        jb_table_amount(table, (jb_int128)value, NULL);
    else
        jb_table_null(table, NULL);
}

static void add_csv_row(struct jb_table *table, const struct sources_source *source,
                        const struct sources_domain *domain) {
    const struct jb_domain *of = domain->domain;
    bool is_counter = of->form == JB_COUNTER;
    const char *parent = parent_id(source, of);
    jb_table_text(table, source->ops->name, NULL);
    jb_table_text(table, code_word(source->code), NULL);
    jb_table_text(table, of->id, NULL);
    jb_table_text(table, of->name, NULL);
    jb_table_text(table, jb_domain_kind_name(of->kind), NULL);
    jb_table_text(table, parent ? parent : "", NULL);
    jb_table_text(table, of->account, NULL);
    jb_table_text(table, is_counter ? "counter" : "gauge", NULL);
    jb_table_text(table, jb_method_name(of->method), NULL);
    jb_table_text(table, domain_state_word(of->state), NULL);
    jb_table_text(table, place_word(domain->place), NULL);
    jb_table_text(table, reading_state_word(domain->reading.state), NULL);
    add_unsigned(table, domain->reading.value, domain->reading.state == JB_READING_OK);
    jb_table_text(table, is_counter ? "uJ" : "uW", NULL);
    add_unsigned(table, domain->power_uw, domain->has_power);
    add_unsigned(table, of->resolution, of->resolution != 0);
    add_unsigned(table, of->wrap_modulus_uj, of->wrap_modulus_uj != 0);
    jb_table_number(table, jb_delta_wrap_ns(of) ? (double)jb_delta_wrap_ns(of) / 1e9 : NAN, NULL);
    add_unsigned(table, of->uncertainty_ppm, of->uncertainty_ppm != JB_UNCERTAINTY_UNKNOWN);
    jb_table_text(table, domain->reason, NULL);
    jb_table_text(table, of->note, NULL);
}

enum jb_code sources_view_csv(const struct sources_view *view, struct jb_buffer *out,
                              struct jb_error *error) {
    static const struct jb_column columns[] = {
        {.key = "source"},
        {.key = "found"},
        {.key = "domain"},
        {.key = "name"},
        {.key = "kind"},
        {.key = "parent"},
        {.key = "account"},
        {.key = "form"},
        {.key = "method"},
        {.key = "state"},
        {.key = "place"},
        {.key = "reading_state"},
        {.key = "reading"},
        {.key = "reading_unit"},
        {.key = "power_uw"},
        {.key = "resolution"},
        {.key = "wrap_modulus_uj"},
        {.key = "wrap_s"},
        {.key = "uncertainty_ppm"},
        {.key = "reason"},
        {.key = "note"},
    };
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    if (!table)
        return jb_error_set(error, JB_MEMORY, "out of memory");
    for (size_t s = 0; s < view->source_count; s++) {
        const struct sources_source *source = &view->sources[s];
        for (size_t i = 0; i < source->domain_count; i++)
            add_csv_row(table, source, &source->domains[i]);
        if (!source->code)
            continue;
        jb_table_text(table, source->ops->name, NULL);
        jb_table_text(table, code_word(source->code), NULL);
        for (size_t c = 2; c + 1 < JB_COUNT(columns); c++)
            jb_table_null(table, NULL);
        jb_table_text(table, source->error.message, NULL);
    }
    enum jb_code code = jb_table_check(table, error);
    if (!code)
        jb_table_write_csv(table, out);
    return code;
}

static void json_text(struct jb_json *json, const char *key, const char *text) {
    jb_json_key(json, key);
    jb_json_string(json, text);
}

static void json_unsigned(struct jb_json *json, const char *key, uint64_t value, bool is_known) {
    jb_json_key(json, key);
    if (is_known)
        jb_json_amount(json, (jb_int128)value);
    else
        jb_json_null(json);
}

static void json_domain(struct jb_json *json, const struct sources_source *source,
                        const struct sources_domain *domain) {
    const struct jb_domain *of = domain->domain;
    bool is_counter = of->form == JB_COUNTER;
    jb_json_object(json);
    json_text(json, "id", of->id);
    json_text(json, "name", of->name);
    json_text(json, "kind", jb_domain_kind_name(of->kind));
    json_text(json, "parent", parent_id(source, of));
    json_text(json, "account", of->account);
    json_text(json, "form", is_counter ? "counter" : "gauge");
    json_text(json, "method", jb_method_name(of->method));
    json_text(json, "state", domain_state_word(of->state));
    json_text(json, "place", place_word(domain->place));
    json_text(json, "reason", domain->reason[0] ? domain->reason : NULL);
    json_text(json, "note", of->note[0] ? of->note : NULL);
    json_text(json, "reading_state", reading_state_word(domain->reading.state));
    json_unsigned(json, is_counter ? "energy_uj" : "gauge_uw", domain->reading.value,
                  domain->reading.state == JB_READING_OK);
    json_unsigned(json, "power_uw", domain->power_uw, domain->has_power);
    json_unsigned(json, is_counter ? "resolution_uj" : "resolution_uw", of->resolution, of->resolution != 0);
    json_unsigned(json, "wrap_modulus_uj", of->wrap_modulus_uj, of->wrap_modulus_uj != 0);
    jb_json_key(json, "wrap_s");
    jb_json_number(json, jb_delta_wrap_ns(of) ? (double)jb_delta_wrap_ns(of) / 1e9 : NAN);
    json_unsigned(json, "power_max_uw", of->power_max_uw, of->power_max_uw != 0);
    json_unsigned(json, "idle_uw", of->idle_uw, of->idle_uw != 0);
    jb_json_key(json, "uncertainty_ppm");
    if (of->uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN)
        jb_json_null(json);
    else
        jb_json_integer(json, of->uncertainty_ppm);
    jb_json_end(json, '}');
}

void sources_view_json(const struct sources_view *view, struct jb_buffer *out) {
    struct jb_json json = jb_json_make(out);
    uint64_t power_uw = 0;
    jb_json_object(&json);
    jb_json_key(&json, "sources");
    jb_json_array(&json);
    for (size_t s = 0; s < view->source_count; s++) {
        const struct sources_source *source = &view->sources[s];
        jb_json_object(&json);
        json_text(&json, "name", source->ops->name);
        json_text(&json, "summary", source->ops->summary);
        json_text(&json, "found", code_word(source->code));
        json_text(&json, "reason", source->code ? source->error.message : NULL);
        jb_json_key(&json, "domains");
        jb_json_array(&json);
        for (size_t i = 0; i < source->domain_count; i++)
            json_domain(&json, source, &source->domains[i]);
        jb_json_end(&json, ']');
        jb_json_end(&json, '}');
    }
    jb_json_end(&json, ']');
    bool is_known = sources_view_total_uw(view, &power_uw);
    json_unsigned(&json, "host_power_uw", power_uw, is_known);
    jb_json_key(&json, "loads");
    jb_json_array(&json);
    for (size_t i = 0; i < view->load_count; i++) {
        const struct sources_load *load = &view->loads[i];
        jb_json_object(&json);
        json_text(&json, "name", load->ops->name);
        json_text(&json, "summary", load->ops->summary);
        json_text(&json, "role", role_word(load->ops->role));
        jb_json_key(&json, "used");
        jb_json_boolean(&json, load->is_used);
        json_text(&json, "found", code_word(load->code));
        json_text(&json, "reason", load->code ? load->error.message : NULL);
        jb_json_end(&json, '}');
    }
    jb_json_end(&json, ']');
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
}
