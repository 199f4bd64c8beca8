/* Books what bills hold, against what the book has of them already. */
#include "import/bill_import.h"

#include "base/clock.h"
#include "base/strings.h"
#include "base/time.h"
#include "store/rules.h"

#include <stdio.h>
#include <string.h>

/* What to do about one bill. */
struct plan {
    char identity[JB_IDENTITY_SIZE]; /* "": nothing, the book has it */
    const char **replaced;           /* identities; they point into infos */
    size_t replaced_count;
    struct jb_batch_info *infos;
};

struct plans {
    struct plan *items;
    size_t count;
};

static void free_plans(struct plans *plans) {
    for (size_t i = 0; i < plans->count; i++) {
        free(plans->items[i].replaced);
        free(plans->items[i].infos);
    }
    free(plans->items);
}

void jb_bill_result_free(struct jb_bill_result *result) {
    if (!result)
        return;
    jb_bill_scans_free(&result->scans);
    jb_bill_flows_free(result->flows);
    *result = (struct jb_bill_result){0};
}

/* "2026-07-01..2026-08-01" of an identity, which stands behind the unit's own. */
static bool parse_days(const char *text, int64_t *ret_first_ns, int64_t *ret_last_ns) {
    char day[11];
    if (strlen(text) < 22 || strncmp(text + 10, "..", 2) != 0 || text[22] != ' ')
        return false;
    snprintf(day, sizeof day, "%.10s", text);
    if (jb_time_parse(day, NULL, ret_first_ns))
        return false;
    snprintf(day, sizeof day, "%.10s", text + 12);
    return jb_time_parse(day, NULL, ret_last_ns) == JB_OK;
}

/* Looks at one batch of the same account and month. */
static enum jb_code compare(const struct jb_bill_unit *unit, const char *wanted, bool is_restated,
                            const struct jb_batch_info *info, struct jb_error *error, struct plan *plan,
                            unsigned *ret_version, bool *ret_is_known) {
    const char *rest = info->identity + strlen(unit->identity);
    size_t length = strlen(wanted);
    int64_t first_ns, last_ns;
    bool is_same = strncmp(rest, wanted, length) == 0 && (rest[length] == '\0' || rest[length] == '-');
    if (is_same)
        ++*ret_version;
    if (info->reversed || !parse_days(rest, &first_ns, &last_ns))
        return JB_OK;
    if (is_same) {
        *ret_is_known = true;
        return JB_OK;
    }
    if (!is_restated && (last_ns <= unit->first_ns || first_ns >= unit->last_ns))
        return JB_OK;
    if (!is_restated && (first_ns < unit->first_ns || last_ns > unit->last_ns)) {
        char new_first[JB_TIME_SIZE], new_last[JB_TIME_SIZE];
        return jb_error_set(
            error, JB_INPUT,
            "%.*s: use from %.10s to %.10s, but the book has this month from %.10s to %.10s; import "
            "all of the month's files together, or say --restated when these are all",
            (int)strlen(unit->identity) - 1, unit->identity, jb_time_format(unit->first_ns, new_first),
            jb_time_format(unit->last_ns, new_last), rest, rest + 12);
    }
    plan->replaced[plan->replaced_count++] = info->identity;
    return JB_OK;
}

static enum jb_code plan_unit(struct jb_store *store, const struct jb_bill_unit *unit, bool is_restated,
                              struct jb_error *error, struct plan *plan) {
    char wanted[40], first[JB_TIME_SIZE], last[JB_TIME_SIZE];
    size_t count = 0;
    unsigned version = 0;
    bool is_known = false;
    enum jb_code code = JB_OK;
    if (unit->flow_count == 0)
        return JB_OK;
    snprintf(wanted, sizeof wanted, "%.10s..%.10s %016llx", jb_time_format(unit->first_ns, first),
             jb_time_format(unit->last_ns, last), (unsigned long long)unit->digest);
    if (store)
        code = store->ops->batches(store, unit->identity, error, &plan->infos, &count);
    if (!code && !(plan->replaced = calloc(count + 1, sizeof *plan->replaced)))
        code = jb_error_set(error, JB_MEMORY, "no memory for %zu batches", count);
    for (size_t i = 0; !code && i < count; i++)
        code = compare(unit, wanted, is_restated, &plan->infos[i], error, plan, &version, &is_known);
    if (code)
        return code;
    /* The same bill may come back after another one took its place: its name then gets a number. */
    if (is_known)
        plan->replaced_count = 0;
    else if (version == 0)
        snprintf(plan->identity, sizeof plan->identity, "%.208s%.39s", unit->identity, wanted);
    else
        snprintf(plan->identity, sizeof plan->identity, "%.208s%.39s-%u", unit->identity, wanted,
                 (version + 1) % 1000);
    return JB_OK;
}

static enum jb_code book_unit(struct jb_ledger *ledger, struct jb_bill_flows *flows, size_t number,
                              const struct plan *plan, struct jb_progress *progress, struct jb_error *error) {
    const struct jb_bill_unit *units;
    const struct jb_bill_flow *all;
    jb_bill_flows_units(flows, &units);
    size_t count = units[number].flow_count;
    _cleanup_free_ struct jb_flow *booked = calloc(count + 1, sizeof *booked);
    bool is_new;
    if (!booked)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu flows", count);
    enum jb_code code = jb_bill_flows_of(flows, number, error, &all);
    for (size_t i = 0; !code && i < count; i++) {
        const struct jb_bill_flow *flow = &all[i];
        booked[i] = (struct jb_flow){.start_ns = flow->start_ns,
                                     .end_ns = flow->end_ns,
                                     .amount = flow->amount,
                                     .commodity = flow->commodity,
                                     .method = flow->method,
                                     .uncertainty_ppm = flow->uncertainty_ppm};
        code = jb_ledger_account(ledger, jb_bill_flows_text(flows, flow->from), error, &booked[i].from);
        if (!code)
            code = jb_ledger_account(ledger, jb_bill_flows_text(flows, flow->to), error, &booked[i].to);
    }
    if (code)
        return code;
    struct jb_batch batch = {.identity = plan->identity,
                             .flows = booked,
                             .flow_count = count,
                             .replaces = plan->replaced,
                             .replace_count = plan->replaced_count,
                             .progress = progress};
    return jb_ledger_append(ledger, &batch, error, &is_new);
}

/* Labels that are there already stay as they are: they may be the user's own. */
static enum jb_code set_labels(struct jb_ledger *ledger, const struct jb_bill_flows *flows,
                               struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(ledger);
    const struct jb_bill_label *labels;
    _cleanup_free_ struct jb_label *there = NULL;
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *names = NULL;
    size_t there_count = 0, count = jb_bill_flows_labels(flows, &labels);
    char name[2 * JB_ACCOUNT_SIZE];
    uint32_t id;
    enum jb_code code = jb_strings_make((size_t)1 << 26, error, &names);
    if (!code)
        code = store->ops->labels(store, error, &there, &there_count);
    for (size_t i = 0; !code && i < there_count; i++) {
        snprintf(name, sizeof name, "%s %s", there[i].key, there[i].pattern);
        code = jb_strings_intern(names, name, error, &id);
    }
    for (size_t i = 0; !code && i < count; i++) {
        struct jb_label label;
        snprintf(name, sizeof name, "%s %s", labels[i].key, labels[i].pattern);
        if (jb_strings_find(names, name) != JB_STRING_NONE)
            continue;
        snprintf(label.pattern, sizeof label.pattern, "%s", labels[i].pattern);
        snprintf(label.key, sizeof label.key, "%s", labels[i].key);
        snprintf(label.value, sizeof label.value, "%s", labels[i].value);
        code = store->ops->label_set(store, &label, error);
    }
    return code;
}

static enum jb_code book(const struct jb_bill_request *request, struct jb_ledger *ledger,
                         const struct plans *plans, struct jb_bill_result *result, struct jb_error *error) {
    const struct jb_bill_unit *units;
    struct jb_progress *progress = request->question.files->progress;
    uint64_t total = 0;
    jb_bill_flows_units(result->flows, &units);
    for (size_t u = 0; u < plans->count; u++)
        total += *plans->items[u].identity ? units[u].flow_count : 0;
    jb_progress_begin(progress, "booking", "flows", total);
    enum jb_code code = JB_OK;
    for (size_t u = 0; u < plans->count; u++) {
        const struct plan *plan = &plans->items[u];
        if (!*plan->identity) {
            result->known_count++;
            continue;
        }
        result->new_count++;
        result->new_flow_count += units[u].flow_count;
        result->replaced_count += plan->replaced_count;
        for (size_t i = 0, r = 0; r < plan->replaced_count; i++) {
            if (plan->replaced[r] == plan->infos[i].identity) {
                result->replaced_flow_count += plan->infos[i].flow_count;
                r++;
            }
        }
        if (!request->is_dry_run)
            code = book_unit(ledger, result->flows, u, plan, progress, error);
        if (code)
            return code;
    }
    return request->is_dry_run ? JB_OK : set_labels(ledger, result->flows, error);
}

static void sum_up(struct jb_bill_result *result) {
    const struct jb_bill_unit *units;
    size_t count = jb_bill_flows_units(result->flows, &units);
    for (size_t u = 0; u < count; u++) {
        if (units[u].flow_count == 0)
            continue;
        if (result->flow_count == 0 || units[u].first_start_ns < result->first_ns)
            result->first_ns = units[u].first_start_ns;
        if (result->flow_count == 0 || units[u].last_end_ns > result->last_ns)
            result->last_ns = units[u].last_end_ns;
        result->flow_count += units[u].flow_count;
        result->knows_energy |= units[u].energy_count > 0;
        result->knows_embodied |= units[u].embodied_count > 0;
        result->energy_uj += units[u].energy_uj;
        result->embodied_ug += units[u].embodied_ug;
    }
    for (size_t i = 0; i < result->scans.count; i++) {
        result->row_count += jb_scan_row_count(result->scans.items[i].table);
        result->bad_count += jb_scan_bad_count(result->scans.items[i].table);
    }
}

static enum jb_code import(const struct jb_bill_request *request, struct jb_error *error,
                           struct jb_bill_result *result) {
    __attribute__((cleanup(free_plans))) struct plans plans = {0};
    struct jb_ledger *ledger = NULL;
    const struct jb_bill_unit *units;
    enum jb_code code = jb_bill_scan(request->question.files, error, &result->scans);
    if (!code)
        code = jb_bill_flows_make(&request->question, &result->scans, error, &result->flows);
    if (code)
        return code;
    sum_up(result);
    size_t count = jb_bill_flows_units(result->flows, &units);
    plans.items = calloc(count + 1, sizeof *plans.items);
    if (!plans.items)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu bills", count);
    code =
        jb_ledger_open(request->book, request->is_dry_run ? JB_STORE_READ : JB_STORE_WRITE, error, &ledger);
    if (code == JB_NO_DATA) { /* no book yet: like an empty one */
        code = request->is_dry_run || count == 0
                   ? JB_OK
                   : jb_ledger_open(request->book, JB_STORE_CREATE, error, &ledger);
    }
    /* Nobody else books between what is compared with the book and what is booked for it. */
    bool is_begun = !code && ledger && !request->is_dry_run;
    if (is_begun)
        code = jb_ledger_begin(ledger, error);
    is_begun = is_begun && !code;
    for (; !code && plans.count < count; plans.count++)
        code = plan_unit(ledger ? jb_ledger_store(ledger) : NULL, &units[plans.count], request->is_restated,
                         error, &plans.items[plans.count]);
    if (!code && count)
        code = book(request, ledger, &plans, result, error);
    if (is_begun)
        code = jb_ledger_release(ledger, code, error);
    jb_ledger_close(ledger);
    return code;
}

enum jb_code jb_bill_import(const struct jb_bill_request *request, struct jb_error *error,
                            struct jb_bill_result *ret_result) {
    struct jb_bill_result result = {0};
    enum jb_code code = import(request, error, &result);
    if (code) {
        jb_bill_result_free(&result);
        return code;
    }
    *ret_result = result;
    return JB_OK;
}
