/* The model of `top`: takes ticks in, sums the header up, and answers what the screen asks. */
#include "cli/top/top_model.h"

#include "base/array.h"
#include "cli/top/top_model_internal.h"
#include "meter/run_energy.h"

#include <math.h>
#include <string.h>

#define COLLAPSED_CEILING 10000

enum jb_code jb_top_model_make(struct jb_error *error, struct jb_top_model **ret_model) {
    struct jb_top_model *model = calloc(1, sizeof *model);
    if (!model)
        return jb_error_set(error, JB_MEMORY, "no memory for the table");
    enum jb_code code = jb_top_tables_make(&model->tables, error);
    if (code) {
        jb_top_model_free(model);
        return code;
    }
    model->summary.energy_j = model->summary.power_w = model->summary.idle_power_w = NAN;
    *ret_model = model;
    return JB_OK;
}

void jb_top_model_free(struct jb_top_model *model) {
    if (!model)
        return;
    jb_top_tables_free(&model->tables);
    free(model->candidates);
    free(model->order);
    free(model->first_child);
    free(model->group_row);
    free(model->rows);
    free(model->collapsed);
    free(model);
}

/* --- the header --- */

static void add_text(char *text, size_t size, const char *separator, const char *more) {
    size_t length = strlen(text);
    if (!strstr(text, more) && length + strlen(separator) + strlen(more) + 1 < size)
        snprintf(text + length, size - length, "%s%s", length ? separator : "", more);
}

static const char *source_name(uint32_t source) {
    for (uint32_t i = 0; jb_source_table[i]; i++) {
        if (i == source)
            return jb_source_table[i]->name;
    }
    return "?";
}

static void add_segment(struct jb_top_summary *summary, const char *name, bool is_known, double power_w) {
    if (summary->segment_count == JB_TOP_SEGMENT_COUNT)
        return;
    struct jb_top_segment *segment = &summary->segments[summary->segment_count++];
    *segment = (struct jb_top_segment){.is_known = is_known, .power_w = is_known ? power_w : NAN};
    snprintf(segment->name, sizeof segment->name, "%s", name);
}

static void summarise_domains(struct jb_top_summary *summary, const struct jb_tick *tick, double seconds) {
    double idle_uj = 0;
    bool has_authority = false, idle_is_known = false;
    for (size_t i = 0; i < tick->domain_count; i++) {
        const struct jb_metered_domain *one = &tick->domains[i];
        if (one->place != JB_COVER_AUTHORITY && one->place != JB_COVER_PART)
            continue;
        bool is_known = one->known && seconds > 0;
        has_authority = has_authority || one->place == JB_COVER_AUTHORITY;
        add_text(summary->sources, sizeof summary->sources, ", ", source_name(one->source));
        if (one->place == JB_COVER_PART) {
            add_segment(summary, one->domain.account, is_known,
                        is_known ? (double)one->energy_uj / 1e6 / seconds : NAN);
            idle_is_known = idle_is_known || is_known;
            idle_uj += is_known ? (double)one->idle_uj : 0;
        }
        if (!is_known && seconds > 0) {
            char reason[128];
            snprintf(reason, sizeof reason, "%s: %s", one->domain.account,
                     one->unknown_reason && one->unknown_reason[0] ? one->unknown_reason : "no value");
            add_text(summary->unknown, sizeof summary->unknown, "; ", reason);
        }
    }
    summary->idle_power_w = idle_is_known && seconds > 0 ? idle_uj / 1e6 / seconds : NAN;
    summary->has_authority = has_authority;
}

/* Uncertainty and method of the total, by the same rule as for `run`. */
static enum jb_code summarise_evidence(struct jb_top_summary *summary, const struct jb_tick *tick,
                                       const struct jb_slot *slots, struct jb_error *error) {
    _cleanup_free_ struct jb_run_energy *energy = calloc(1, sizeof *energy);
    if (!energy)
        return jb_error_set(error, JB_MEMORY, "no memory for the table");
    jb_run_energy_add(energy, tick, slots, (struct jb_run_selection){0});
    summary->uncertainty = jb_run_energy_uncertainty(energy, false);
    summary->method = jb_run_energy_method(energy, false);
    return JB_OK;
}

enum jb_code jb_top_model_update(struct jb_top_model *model, const struct jb_tick *tick,
                                 const struct jb_slot *slots, struct jb_error *error) {
    struct jb_top_summary *summary = &model->summary;
    double seconds = (double)tick->elapsed_ns / 1e9;
    enum jb_code code = jb_top_tables_update(&model->tables, tick, slots, error);
    if (code)
        return code;
    model->elapsed_ns = tick->elapsed_ns;
    model->is_known = !isnan(tick->host_power_w);
    model->was_ever_known = model->was_ever_known || model->is_known;
    model->has_processes = tick->process_count > 0;
    double energy_j = model->is_known ? (double)tick->energy_uj / 1e6 : 0;
    *summary = (struct jb_top_summary){
        .realtime_ns = tick->realtime_ns,
        .since_ns = summary->since_ns + tick->elapsed_ns,
        .is_first = tick->elapsed_ns == 0,
        .power_w = tick->host_power_w,
        .energy_j = isnan(summary->energy_j) && !model->is_known
                        ? NAN
                        : (isnan(summary->energy_j) ? 0 : summary->energy_j) + energy_j,
        .process_count = (uint32_t)model->tables.process_count,
        .cpu_count = tick->cpu_count,
        .utilisation = tick->busy_ns + tick->idle_ns > 0
                           ? (double)tick->busy_ns / (double)(tick->busy_ns + tick->idle_ns)
                           : NAN,
    };
    summarise_domains(summary, tick, seconds);
    if (summary->has_authority && model->is_known && seconds > 0)
        add_segment(summary, "rest", true, model->tables.parts[JB_TOP_PART_REST].tick_uj / 1e6 / seconds);
    return summarise_evidence(summary, tick, slots, error);
}

void jb_top_model_reset(struct jb_top_model *model) {
    jb_top_tables_reset(&model->tables);
    model->summary.since_ns = 0;
    model->summary.energy_j = model->was_ever_known ? 0 : NAN;
}

const struct jb_top_summary *jb_top_model_summary(const struct jb_top_model *model) {
    return &model->summary;
}

/* --- what the screen asks for --- */

size_t jb_top_model_find(const struct jb_top_model *model, uint64_t key) {
    size_t at = 0;
    while (at < model->row_count && model->rows[at].key != key)
        at++;
    return at;
}

size_t jb_top_model_search(const struct jb_top_model *model, const char *text, size_t from,
                           bool is_backward) {
    size_t count = model->row_count, length = strlen(text);
    for (size_t step = 0; length > 0 && step < count; step++) {
        size_t at = is_backward ? (from + count - step) % count : (from + step) % count;
        if (jb_top_row_has(&model->rows[at], text, length))
            return at;
    }
    return count;
}

enum jb_code jb_top_model_collapse(struct jb_top_model *model, uint64_t key, bool is_wanted_collapsed,
                                   struct jb_error *error) {
    for (size_t i = 0; i < model->collapsed_count; i++) {
        if (model->collapsed[i] != key)
            continue;
        if (!is_wanted_collapsed)
            model->collapsed[i] = model->collapsed[--model->collapsed_count];
        return JB_OK;
    }
    if (!is_wanted_collapsed)
        return JB_OK;
    enum jb_code code = jb_array_reserve(&model->collapsed, &model->collapsed_capacity,
                                         model->collapsed_count + 1, COLLAPSED_CEILING, "folded rows", error);
    if (!code)
        model->collapsed[model->collapsed_count++] = key;
    return code;
}

bool jb_top_model_needs_command(const struct jb_top_model *model, const struct jb_top_row *row) {
    if (row->kind != JB_TOP_PROCESS)
        return false;
    const struct jb_top_process *process = jb_top_tables_process(&model->tables, row->key);
    return process && !process->command;
}

enum jb_code jb_top_model_set_command(struct jb_top_model *model, uint64_t key, const char *command,
                                      struct jb_error *error) {
    struct jb_top_process *process = jb_top_tables_process(&model->tables, key);
    if (!process)
        return JB_OK;
    char *copy = strndup(command, JB_TOP_COMMAND_SIZE - 1);
    if (!copy)
        return jb_error_set(error, JB_MEMORY, "no memory for a command line");
    free(process->command);
    process->command = copy;
    size_t at = jb_top_model_find(model, key);
    if (at < model->row_count)
        model->rows[at].name = copy[0] ? copy : process->tick.comm;
    return JB_OK;
}

static const char *const sort_names[JB_TOP_SORT_COUNT] = {"power", "energy", "cpu", "time",
                                                          "pid",   "group",  "name"};
static const char *const by_names[JB_TOP_BY_COUNT] = {"process", "cgroup", "container"};

const char *jb_top_sort_name(enum jb_top_sort sort) {
    return sort_names[sort];
}

const char *jb_top_by_name(enum jb_top_by by) {
    return by_names[by];
}

bool jb_top_sort_parse(const char *text, enum jb_top_sort *ret_sort) {
    for (int i = 0; i < JB_TOP_SORT_COUNT; i++) {
        if (strcmp(text, sort_names[i]) == 0) {
            *ret_sort = (enum jb_top_sort)i;
            return true;
        }
    }
    return false;
}

bool jb_top_by_parse(const char *text, enum jb_top_by *ret_by) {
    for (int i = 0; i < JB_TOP_BY_COUNT; i++) {
        if (strcmp(text, by_names[i]) == 0) {
            *ret_by = (enum jb_top_by)i;
            return true;
        }
    }
    return false;
}
