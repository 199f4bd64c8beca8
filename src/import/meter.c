/* The import of meter readings: files in, steps of every meter, and all sites booked in one transaction. */
#include "import/meter_internal.h"

#include <string.h>

/* Not in the table of formats: roles of meters have to be said, so it is never found by a file's first bytes.
 */
static bool probe(const char *bytes, size_t length) {
    (void)bytes;
    (void)length;
    return false;
}
static const struct jb_import_ops meter_format = {.name = "meter", .probe = probe};

void jb_meters_free(struct jb_meters *meters) {
    for (size_t i = 0; i < meters->count; i++) {
        free(meters->items[i].readings);
        free(meters->items[i].steps);
    }
    free(meters->items);
    *meters = (struct jb_meters){0};
}

void jb_meter_result_free(struct jb_meter_result *result) {
    free(result->meters);
    free(result->sites);
    *result = (struct jb_meter_result){0};
}

static enum jb_code read_files(const struct jb_meter_request *request, const struct jb_inputs *inputs,
                               struct jb_meters *meters, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < inputs->count; i++) {
        const struct jb_input *input = &inputs->items[i];
        _cleanup_fclose_ FILE *file = NULL;
        if (!input->format)
            continue; /* empty, or the same bytes as one before */
        code = jb_input_open(input, error, &file);
        if (!code)
            code = jb_meter_read_csv(file, input->name, (uint32_t)i, request, meters, error);
    }
    if (!code && meters->reading_count == 0)
        code = jb_error_set(error, JB_INPUT, "%s: no reading of a meter", inputs->items[0].name);
    return code ? code : jb_meter_make_steps(meters, request, inputs, error);
}

static void summarise(const struct jb_meter *meter, struct jb_meter_summary *ret) {
    struct jb_meter_summary summary = {.role = meter->rule->role,
                                       .reading_count = meter->count,
                                       .wrap_count = meter->wrap_count,
                                       .restart_count = meter->restart_count};
    memcpy(summary.name, meter->name, sizeof summary.name);
    if (meter->rule->role != JB_METER_NONE)
        memcpy(summary.site, meter->rule->site, sizeof summary.site);
    for (size_t i = 0; i < meter->step_count; i++) {
        const struct jb_meter_step *step = &meter->steps[i];
        summary.amount += step->amount;
        if (i && step[-1].end_ns < step->start_ns) {
            summary.gap_count++;
            summary.gap_ns += step->start_ns - step[-1].end_ns;
        }
    }
    if (meter->step_count) {
        summary.first_ns = meter->steps[0].start_ns;
        summary.last_ns = meter->steps[meter->step_count - 1].end_ns;
    }
    *ret = summary;
}

static enum jb_code summarise_all(const struct jb_meters *meters, struct jb_error *error,
                                  struct jb_meter_result *result) {
    result->meters = calloc(meters->count + 1, sizeof *result->meters);
    result->sites = calloc(meters->count + 1, sizeof *result->sites);
    if (!result->meters || !result->sites)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu meters", meters->count);
    for (size_t i = 0; i < meters->count; i++) {
        const struct jb_meter_summary *summary = &result->meters[i];
        summarise(&meters->items[i], &result->meters[result->meter_count++]);
        if (!meters->items[i].step_count)
            continue;
        if (result->first_ns == result->last_ns || summary->first_ns < result->first_ns)
            result->first_ns = summary->first_ns;
        if (summary->last_ns > result->last_ns)
            result->last_ns = summary->last_ns;
    }
    return JB_OK;
}

/* Nobody else may book between what is read of hosts and what is booked beside them. */
static enum jb_code book_sites(struct jb_meters *meters, struct jb_ledger *ledger, bool is_dry_run,
                               struct jb_error *error, struct jb_meter_result *result) {
    struct jb_store *store = is_dry_run ? NULL : jb_ledger_store(ledger);
    enum jb_code code = store ? store->ops->begin(store, error) : JB_OK;
    bool is_begun = store && !code;
    for (size_t i = 0; !code && i < meters->count; i++) {
        const struct jb_meter_rule *rule = meters->items[i].rule;
        bool is_done = rule->role == JB_METER_NONE;
        for (size_t s = 0; s < result->site_count && !is_done; s++)
            is_done = strcmp(result->sites[s].name, rule->site) == 0;
        if (is_done)
            continue;
        code = jb_meter_book_site(meters, rule->site, ledger, is_dry_run, error, result);
    }
    return is_begun ? store->ops->end(store, code, error) : code;
}

/* Without a book: nothing is in it. */
static enum jb_code open_ledger(const struct jb_meter_request *request, struct jb_error *error,
                                struct jb_ledger **ret_ledger) {
    enum jb_code code = jb_ledger_open(request->book, request->is_dry_run ? JB_STORE_READ : JB_STORE_CREATE,
                                       error, ret_ledger);
    return request->is_dry_run && code == JB_NO_DATA ? JB_OK : code;
}

enum jb_code jb_meter_import(const struct jb_meter_request *request, struct jb_error *error,
                             struct jb_meter_result *ret_result) {
    _cleanup_(jb_meters_free) struct jb_meters meters = {0};
    _cleanup_(jb_inputs_free) struct jb_inputs inputs = {0};
    struct jb_meter_result result = {0};
    struct jb_ledger *ledger = NULL;
    enum jb_code code = jb_inputs_open(&meter_format, request->paths, request->path_count, request->files,
                                       request->progress, error, &inputs);
    jb_progress_begin(request->progress, "reading the meters", NULL, 0);
    if (!code)
        code = read_files(request, &inputs, &meters, error);
    if (!code)
        code = summarise_all(&meters, error, &result);
    jb_progress_begin(request->progress, "booking", NULL, 0);
    if (!code)
        code = open_ledger(request, error, &ledger);
    if (!code)
        code = book_sites(&meters, ledger, request->is_dry_run, error, &result);
    jb_ledger_close(ledger);
    if (code) {
        jb_meter_result_free(&result);
        return code;
    }
    *ret_result = result;
    return JB_OK;
}
