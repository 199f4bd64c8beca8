/* Takes one account's figure apart: the routes it came by, the meters behind them, the batches that hold it.
 */
#include "ledger/explain.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/strings.h"
#include "ledger/consumer.h"
#include "ledger/explain_rule.h"
#include "ledger/explain_site.h"
#include "ledger/origin.h"
#include "store/rules.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define STEP_CEILING  ((size_t)1000)
#define LEVEL_CEILING 16
#define FLOW_CEILING  ((size_t)100000)
#define BATCH_CEILING ((size_t)1 << 26)

void jb_explanation_free(struct jb_explanation *explanation) {
    for (size_t i = 0; i < explanation->flow_count_kept; i++)
        free(explanation->flows[i].identity);
    for (size_t i = 0; i < explanation->counter_count; i++)
        free(explanation->counters[i].host);
    free(explanation->flows);
    free(explanation->counters);
    free(explanation->meters);
    free(explanation->steps);
    free(explanation->first_batch);
    free(explanation->last_batch);
    free(explanation->labels);
    free(explanation->gaps);
    *explanation = (struct jb_explanation){0};
}

/* What the making of one explanation works on. */
struct work {
    struct jb_ledger *ledger;
    struct jb_store *store;
    const struct jb_explain_request *request;
    struct jb_query query; /* with the commodity that was settled on */
    struct jb_sum *sums;   /* all routes of the period, of that commodity */
    size_t sum_count;
    bool *is_inside; /* by account */
    bool *is_source; /* by account: it, or what lies upstream of it */
    size_t account_count;
    size_t step_capacity, counter_capacity;
    struct jb_explanation *explanation;
};

static const char *path_of(const struct work *work, jb_account_id id) {
    return jb_ledger_path(work->ledger, id);
}

/* ---- the commodity, and the accounts ---- */

static enum jb_code mark_accounts(struct work *work, struct jb_error *error) {
    work->account_count = work->store->ops->account_count(work->store);
    work->is_inside = calloc(work->account_count + 1, sizeof *work->is_inside);
    work->is_source = calloc(work->account_count + 1, sizeof *work->is_source);
    if (!work->is_inside || !work->is_source)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu accounts", work->account_count);
    for (size_t a = 0; a < work->account_count; a++) {
        const char *path = path_of(work, (jb_account_id)a);
        work->is_inside[a] = jb_account_is_within(path, work->explanation->account);
        work->explanation->account_count += work->is_inside[a];
        if (work->is_inside[a] && strcmp(path, work->explanation->account) != 0)
            work->explanation->is_whole = true;
    }
    return JB_OK;
}

/* All sums of the period; keeps those of the commodity asked for, or settles on one. */
static enum jb_code load_sums(struct work *work, struct jb_error *error) {
    struct jb_query query = work->request->query;
    query.account = NULL;
    enum jb_code code = work->store->ops->sums(work->store, &query, error, &work->sums, &work->sum_count);
    if (code)
        return code;
    jb_commodity commodity = query.commodity;
    for (size_t i = 0; !query.commodity && i < work->sum_count; i++) {
        const struct jb_sum *sum = &work->sums[i];
        bool crosses = work->is_inside[sum->from] != work->is_inside[sum->to];
        if (crosses && (!commodity || sum->commodity < commodity))
            commodity = sum->commodity; /* energy has the smallest number */
    }
    work->query = work->request->query;
    work->query.commodity = commodity ? commodity : JB_ENERGY;
    work->explanation->commodity = work->query.commodity;
    size_t kept = 0;
    for (size_t i = 0; i < work->sum_count; i++) {
        if (work->sums[i].commodity == work->query.commodity)
            work->sums[kept++] = work->sums[i];
    }
    work->sum_count = kept;
    return JB_OK;
}

/* ---- the figure ---- */

static enum jb_code sum_figure(struct work *work, struct jb_error *error) {
    struct jb_explanation *explanation = work->explanation;
    _cleanup_(jb_origins_free_cleanup) struct jb_origins *origins = NULL;
    _cleanup_(jb_spread_free_cleanup) struct jb_spread *spread = NULL;
    _cleanup_(jb_consumers_free_cleanup) struct jb_consumers *consumers = NULL;
    struct jb_account_parts place = jb_account_split(explanation->account);
    struct jb_query whole = work->query;
    double standard;
    whole.account = NULL;
    enum jb_code code = jb_origins_make(work->ledger, work->sums, work->sum_count, error, &origins);
    if (!code)
        code = jb_spread_make(error, &spread);
    if (!code)
        code = jb_consumers_make(work->ledger, &whole, work->sums, work->sum_count, error, &consumers);
    for (size_t i = 0; !code && i < work->sum_count; i++) {
        const struct jb_sum *sum = &work->sums[i];
        bool into = work->is_inside[sum->to], out_of = work->is_inside[sum->from];
        struct jb_account_parts from = jb_account_split(path_of(work, sum->from));
        struct jb_account_parts to = jb_account_split(path_of(work, sum->to));
        if (jb_consumers_have(consumers, sum->to, sum->commodity))
            explanation->book_total += sum->amount;
        if (jb_consumers_have(consumers, sum->from, sum->commodity))
            explanation->book_total -= sum->amount;
        bool to_host = place.host_length && to.host_length == place.host_length &&
                       memcmp(to.host, place.host, place.host_length) == 0;
        bool from_host = place.host_length && from.host_length == place.host_length &&
                         memcmp(from.host, place.host, place.host_length) == 0;
        if (to_host && !from_host)
            explanation->host_total += sum->amount;
        if (into == out_of)
            continue;
        if (out_of) {
            explanation->outflow += sum->amount;
        } else {
            explanation->inflow += sum->amount;
            explanation->by_method[sum->method] += sum->amount;
            code = jb_spread_add(spread, origins, 0, sum->from, sum->amount, sum->uncertainty_ppm, error);
        }
        if (!explanation->last_ns || sum->first_ns < explanation->first_ns)
            explanation->first_ns = sum->first_ns;
        if (!explanation->last_ns || sum->last_ns > explanation->last_ns)
            explanation->last_ns = sum->last_ns;
    }
    if (code)
        return code;
    jb_spread_finish(spread, 1, &standard);
    jb_interval(explanation->inflow, standard, &explanation->low, &explanation->high);
    return JB_OK;
}

/* ---- the steps ---- */

/* part · amount / whole, rounded down; all ≥ 0, part ≤ whole. *ret_rest orders what was rounded away. */
static jb_int128 share_out(jb_int128 amount, jb_int128 part, jb_int128 whole, double *ret_rest) {
    const jb_int128 limit = (jb_int128)1 << 62;
    /* Sums past 2^62 µJ (1.3 GWh) give up digits of the proportion, never of the amount shared out. */
    while (part >= limit || whole >= limit) {
        part >>= 1;
        whole >>= 1;
    }
    if (whole == 0)
        whole = 1;
    /* amount = high · 2^62 + low, so that no product passes 127 bits. */
    jb_int128 high = amount >> 62, low = amount & (limit - 1);
    jb_int128 from_high = high * part, from_low = low * part;
    jb_int128 result = (from_high / whole) << 62;
    jb_int128 rest = from_high % whole; /* of units of 2^62 */
    for (int bit = 61; bit >= 0; bit--) {
        rest *= 2;
        if (rest >= whole) {
            rest -= whole;
            result += (jb_int128)1 << bit;
        }
    }
    result += from_low / whole;
    rest += from_low % whole;
    if (rest >= whole) {
        rest -= whole;
        result++;
    }
    *ret_rest = (double)rest / (double)whole;
    return result;
}

/* A route into an account that is being shared out. */
struct branch {
    const struct jb_sum *sum;
    jb_int128 amount;
    double rest;
};

static int compare_rests(const void *a, const void *b) {
    const struct branch *x = a, *y = b;
    if (x->rest != y->rest)
        return x->rest > y->rest ? -1 : 1;
    return (x->sum > y->sum) - (x->sum < y->sum);
}

static int compare_amounts(const void *a, const void *b) {
    const struct branch *x = a, *y = b;
    if (x->amount != y->amount)
        return x->amount > y->amount ? -1 : 1;
    return (x->sum > y->sum) - (x->sum < y->sum);
}

/* Shares amount out over the branches in proportion to their sums; the parts sum to it exactly. */
static void split_branches(struct branch *branches, size_t count, jb_int128 amount) {
    jb_int128 whole = 0, left = amount;
    for (size_t i = 0; i < count; i++)
        whole += branches[i].sum->amount;
    for (size_t i = 0; i < count; i++) {
        branches[i].amount = share_out(amount, branches[i].sum->amount, whole, &branches[i].rest);
        left -= branches[i].amount;
    }
    if (count == 0)
        return;
    qsort(branches, count, sizeof *branches, compare_rests);
    for (size_t i = 0; left != 0; i = (i + 1) % count) {
        jb_int128 some = left > 0 ? 1 : -1;
        /* More than one each is left over only where digits of the proportion were given up. */
        if (left > (jb_int128)count || -left > (jb_int128)count)
            some = left / (jb_int128)count;
        branches[i].amount += some;
        left -= some;
    }
}

static enum jb_code add_steps(struct work *work, struct branch *branches, size_t count, unsigned level,
                              struct jb_error *error);

static enum jb_code add_upstream(struct work *work, jb_account_id account, jb_int128 amount, unsigned level,
                                 struct jb_error *error) {
    _cleanup_free_ struct branch *branches = NULL;
    size_t count = 0, capacity = 0;
    for (size_t i = 0; i < work->sum_count; i++) {
        const struct jb_sum *sum = &work->sums[i];
        if (sum->to != account || sum->amount <= 0 || work->is_inside[sum->from])
            continue;
        enum jb_code code =
            jb_array_reserve(&branches, &capacity, count + 1, SIZE_MAX / 1024, "routes", error);
        if (code)
            return code;
        branches[count++] = (struct branch){.sum = sum};
    }
    split_branches(branches, count, amount);
    return add_steps(work, branches, count, level, error);
}

static enum jb_code add_steps(struct work *work, struct branch *branches, size_t count, unsigned level,
                              struct jb_error *error) {
    struct jb_explanation *explanation = work->explanation;
    if (count)
        qsort(branches, count, sizeof *branches, compare_amounts);
    for (size_t i = 0; i < count; i++) {
        const struct jb_sum *sum = branches[i].sum;
        work->is_source[sum->from] = true;
        if (branches[i].amount == 0)
            continue;
        if (explanation->step_count >= STEP_CEILING || level >= LEVEL_CEILING) {
            explanation->is_cut = true;
            return JB_OK;
        }
        enum jb_code code = jb_array_reserve(&explanation->steps, &work->step_capacity,
                                             explanation->step_count + 1, STEP_CEILING, "steps", error);
        if (code)
            return code;
        explanation->steps[explanation->step_count++] = (struct jb_explain_step){
            .level = level,
            .from = sum->from,
            .to = sum->to,
            .amount = branches[i].amount,
            .method = sum->method,
            .uncertainty_ppm = sum->uncertainty_ppm,
            .rule = jb_rule_of(path_of(work, sum->from), path_of(work, sum->to), sum->method),
            .flow_count = sum->flow_count,
            .first_ns = sum->first_ns,
            .last_ns = sum->last_ns,
        };
        if (branches[i].amount > 0)
            code = add_upstream(work, sum->from, branches[i].amount, level + 1, error);
        if (code)
            return code;
    }
    return JB_OK;
}

static enum jb_code trace_steps(struct work *work, struct jb_error *error) {
    _cleanup_free_ struct branch *branches = NULL;
    size_t count = 0, capacity = 0;
    for (size_t i = 0; i < work->sum_count; i++) {
        const struct jb_sum *sum = &work->sums[i];
        if (!work->is_inside[sum->to] || work->is_inside[sum->from])
            continue;
        enum jb_code code =
            jb_array_reserve(&branches, &capacity, count + 1, SIZE_MAX / 1024, "routes", error);
        if (code)
            return code;
        branches[count++] = (struct branch){.sum = sum, .amount = sum->amount};
    }
    return add_steps(work, branches, count, 0, error);
}

/* ---- batches and flows ---- */

static jb_int128 size_of(const struct jb_flow *flow) {
    return flow->amount < 0 ? -(jb_int128)flow->amount : flow->amount;
}

/* Keeps the largest flows, in a heap with the smallest of them on top. */
static enum jb_code keep_flow(struct jb_explanation *explanation, size_t wanted, const struct jb_flow *flow,
                              const char *identity, struct jb_error *error) {
    struct jb_explain_flow *flows = explanation->flows;
    size_t at;
    if (wanted == 0 || (explanation->flow_count_kept == wanted && size_of(flow) <= size_of(&flows[0].flow)))
        return JB_OK;
    char *copy = strdup(identity);
    if (!copy)
        return jb_error_set(error, JB_MEMORY, "no memory for a batch's name");
    struct jb_explain_flow kept = {.flow = *flow, .identity = copy};
    if (explanation->flow_count_kept < wanted) {
        at = explanation->flow_count_kept++;
        for (; at > 0 && size_of(&flows[(at - 1) / 2].flow) > size_of(flow); at = (at - 1) / 2)
            flows[at] = flows[(at - 1) / 2];
    } else {
        free(flows[0].identity);
        for (at = 0;;) {
            size_t child = 2 * at + 1;
            if (child + 1 < wanted && size_of(&flows[child + 1].flow) < size_of(&flows[child].flow))
                child++;
            if (child >= wanted || size_of(&flows[child].flow) >= size_of(flow))
                break;
            flows[at] = flows[child];
            at = child;
        }
    }
    flows[at] = kept;
    return JB_OK;
}

static int compare_flows(const void *a, const void *b) {
    const struct jb_explain_flow *x = a, *y = b;
    if (size_of(&x->flow) != size_of(&y->flow))
        return size_of(&x->flow) > size_of(&y->flow) ? -1 : 1;
    if (x->flow.start_ns != y->flow.start_ns)
        return x->flow.start_ns < y->flow.start_ns ? -1 : 1;
    return strcmp(x->identity, y->identity);
}

static enum jb_code note_batch(struct jb_explanation *explanation, struct jb_strings *identities,
                               const char *identity, struct jb_error *error) {
    uint32_t id;
    enum jb_code code = jb_strings_intern(identities, identity, error, &id);
    if (code)
        return code;
    if (!explanation->first_batch)
        explanation->first_batch = strdup(identity);
    if (!explanation->last_batch || strcmp(explanation->last_batch, identity) != 0) {
        free(explanation->last_batch);
        explanation->last_batch = strdup(identity);
    }
    if (!explanation->first_batch || !explanation->last_batch)
        return jb_error_set(error, JB_MEMORY, "no memory for a batch's name");
    return JB_OK;
}

static enum jb_code scan_flows(struct work *work, struct jb_error *error) {
    struct jb_explanation *explanation = work->explanation;
    size_t wanted = work->request->flows_wanted < FLOW_CEILING ? work->request->flows_wanted : FLOW_CEILING;
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *identities = NULL;
    struct jb_flow_cursor *cursor = NULL;
    struct jb_query query = work->query;
    struct jb_flow flow;
    const char *identity;
    query.account = explanation->account;
    explanation->flows = calloc(wanted + 1, sizeof *explanation->flows);
    if (!explanation->flows)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu flows", wanted);
    enum jb_code code = jb_strings_make(BATCH_CEILING, error, &identities);
    if (!code)
        code = work->store->ops->flows_open(work->store, &query, error, &cursor);
    if (code)
        return code;
    while (!code && (code = work->store->ops->flows_next(cursor, error, &flow, &identity)) == JB_OK) {
        if (work->is_inside[flow.from] == work->is_inside[flow.to])
            continue;
        explanation->flow_count++;
        code = note_batch(explanation, identities, identity, error);
        if (!code)
            code = keep_flow(explanation, wanted, &flow, identity, error);
    }
    work->store->ops->flows_close(cursor);
    if (code != JB_NO_DATA)
        return code;
    explanation->batch_count = jb_strings_count(identities);
    if (explanation->flow_count_kept)
        qsort(explanation->flows, explanation->flow_count_kept, sizeof *explanation->flows, compare_flows);
    return JB_OK;
}

/* ---- counters, labels and gaps ---- */

static enum jb_code add_counters(struct work *work, const char *host, struct jb_error *error) {
    struct jb_explanation *explanation = work->explanation;
    _cleanup_free_ struct jb_position *positions = NULL;
    size_t count = 0;
    char boot_id[JB_BOOT_SIZE];
    enum jb_code code = work->store->ops->positions(work->store, host, error, &positions, &count, boot_id);
    if (code == JB_NO_DATA)
        return JB_OK;
    for (size_t i = 0; !code && i < count; i++) {
        if (strncmp(positions[i].counter, "energy:", strlen("energy:")) != 0)
            continue;
        code = jb_array_reserve(&explanation->counters, &work->counter_capacity,
                                explanation->counter_count + 1, (size_t)1 << 24, "counters", error);
        char *copy = code ? NULL : strdup(host);
        if (!code && !copy)
            code = jb_error_set(error, JB_MEMORY, "no memory for a host's name");
        if (!code)
            explanation->counters[explanation->counter_count++] =
                (struct jb_explain_counter){.host = copy, .position = positions[i]};
    }
    return code;
}

/* Counters of every host that the account, or what feeds it, lies on. */
static enum jb_code find_counters(struct work *work, struct jb_error *error) {
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *hosts = NULL;
    enum jb_code code = jb_strings_make((size_t)1 << 20, error, &hosts);
    for (size_t a = 0; !code && a < work->account_count; a++) {
        struct jb_account_parts parts = jb_account_split(path_of(work, (jb_account_id)a));
        char host[JB_COMPONENT_SIZE];
        uint32_t id;
        if (!parts.host_length || !(work->is_inside[a] || work->is_source[a]))
            continue;
        snprintf(host, sizeof host, "%.*s", (int)parts.host_length, parts.host);
        code = jb_strings_intern(hosts, host, error, &id);
    }
    for (uint32_t h = 0; !code && h < jb_strings_count(hosts); h++)
        code = add_counters(work, jb_strings_text(hosts, h), error);
    return code;
}

/* Meters of every site that the account, or what feeds it, lies in. */
static enum jb_code find_meters(struct work *work, struct jb_error *error) {
    struct jb_explanation *explanation = work->explanation;
    enum jb_code code = JB_OK;
    if (explanation->commodity != JB_ENERGY || explanation->first_ns >= explanation->last_ns)
        return JB_OK;
    for (size_t a = 0; !code && a < work->account_count; a++) {
        const char *site = jb_account_site(path_of(work, (jb_account_id)a));
        if (site && (work->is_inside[a] || work->is_source[a]))
            code = jb_explain_site(work->ledger, site, explanation->first_ns, explanation->last_ns, error,
                                   explanation);
    }
    return code;
}

static enum jb_code find_labels(struct work *work, struct jb_error *error) {
    struct jb_explanation *explanation = work->explanation;
    enum jb_code code =
        work->store->ops->labels(work->store, error, &explanation->labels, &explanation->label_count);
    size_t kept = 0;
    for (size_t i = 0; !code && i < explanation->label_count; i++) {
        if (!jb_label_holds(&explanation->labels[i], explanation->account))
            continue;
        /* The one that was set last holds. */
        for (size_t k = 0; k < kept; k++) {
            if (strcmp(explanation->labels[k].key, explanation->labels[i].key) == 0) {
                memmove(&explanation->labels[k], &explanation->labels[k + 1],
                        (kept - k - 1) * sizeof *explanation->labels);
                kept--;
            }
        }
        explanation->labels[kept++] = explanation->labels[i];
    }
    explanation->label_count = kept;
    return code;
}

static enum jb_code find_gaps(struct work *work, struct jb_error *error) {
    struct jb_explanation *explanation = work->explanation;
    struct jb_query query = work->query;
    query.account = NULL;
    enum jb_code code =
        work->store->ops->gaps(work->store, &query, error, &explanation->gaps, &explanation->gap_count);
    size_t kept = 0;
    for (size_t i = 0; !code && i < explanation->gap_count; i++) {
        jb_account_id account = explanation->gaps[i].account;
        /* What is not known of a host is not known of anything on it. */
        if (work->is_inside[account] || work->is_source[account] ||
            jb_account_is_within(explanation->account, path_of(work, account)))
            explanation->gaps[kept++] = explanation->gaps[i];
    }
    explanation->gap_count = code ? 0 : kept;
    return code;
}

enum jb_code jb_explain_make(struct jb_ledger *ledger, const struct jb_explain_request *request,
                             struct jb_error *error, struct jb_explanation *ret_explanation) {
    struct jb_explanation explanation = {0};
    struct work work = {
        .ledger = ledger, .store = jb_ledger_store(ledger), .request = request, .explanation = &explanation};
    enum jb_code code = jb_explain_resolve(ledger, request->account, error, explanation.account);
    explanation.role = code ? JB_OTHER : jb_account_role(explanation.account);
    if (!code)
        code = mark_accounts(&work, error);
    if (!code)
        code = load_sums(&work, error);
    if (!code)
        code = sum_figure(&work, error);
    if (!code)
        code = trace_steps(&work, error);
    if (!code)
        code = scan_flows(&work, error);
    if (!code)
        code = find_counters(&work, error);
    if (!code)
        code = find_meters(&work, error);
    if (!code)
        code = find_labels(&work, error);
    if (!code)
        code = find_gaps(&work, error);
    free(work.sums);
    free(work.is_inside);
    free(work.is_source);
    if (code) {
        jb_explanation_free(&explanation);
        return code;
    }
    *ret_explanation = explanation;
    return JB_OK;
}
