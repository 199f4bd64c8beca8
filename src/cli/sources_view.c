/* What `sources` found, for machines: CSV and JSON. */
#include "cli/sources_view.h"

#include "attribute/delta.h"
#include "report/table.h"
#include "types/flow.h"

#include <math.h>
#include <string.h>

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

bool sources_is_booked(const struct sources_domain *domain) {
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
            if (!sources_is_booked(domain) || !counts)
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

const char *sources_place_word(enum jb_cover_place place) {
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

const char *sources_reading_word(enum jb_reading_state state) {
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

const char *sources_role_word(enum jb_load_role role) {
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
    jb_table_text(table, sources_place_word(domain->place), NULL);
    jb_table_text(table, sources_reading_word(domain->reading.state), NULL);
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
    json_text(json, "place", sources_place_word(domain->place));
    json_text(json, "reason", domain->reason[0] ? domain->reason : NULL);
    json_text(json, "note", of->note[0] ? of->note : NULL);
    json_text(json, "reading_state", sources_reading_word(domain->reading.state));
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
        json_text(&json, "role", sources_role_word(load->ops->role));
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
