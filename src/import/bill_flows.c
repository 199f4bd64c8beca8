/* Turns sums of bills into flows. */
#include "import/bill_flows_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define TEXT_CEILING ((size_t)1 << 26)
#define UJ_PER_KWH   3.6e12
#define UG_PER_G     1e6
#define KWH_CEILING  1e13 /* of one group of rows, g as well: far beyond a flow, within what is added up */

void jb_bill_flows_free(struct jb_bill_flows *flows) {
    if (!flows)
        return;
    struct jb_strings *const strings[] = {flows->texts, flows->unit_names, flows->use_names,
                                          flows->label_names, flows->unknown_names};
    for (size_t i = 0; i < JB_COUNT(strings); i++)
        jb_strings_free(strings[i]);
    jb_bill_sums_free(flows->sums);
    free(flows->frames);
    free(flows->units);
    free(flows->uses);
    free(flows->labels);
    free(flows->unknowns);
    free(flows->costs);
    free(flows->changes_ns);
    free(flows->items);
    free(flows->starts);
    free(flows->flows);
    free(flows);
}

const char *jb_bill_flows_text(const struct jb_bill_flows *flows, uint32_t id) {
    return jb_strings_text(flows->texts, id);
}

size_t jb_bill_flows_units(const struct jb_bill_flows *flows, const struct jb_bill_unit **ret_units) {
    *ret_units = flows->units;
    return jb_strings_count(flows->unit_names);
}

size_t jb_bill_flows_labels(const struct jb_bill_flows *flows, const struct jb_bill_label **ret_labels) {
    *ret_labels = flows->labels;
    return flows->label_count;
}

size_t jb_bill_flows_unknowns(const struct jb_bill_flows *flows,
                              const struct jb_bill_unknown **ret_unknowns) {
    *ret_unknowns = flows->unknowns;
    return flows->unknown_count;
}

size_t jb_bill_flows_costs(const struct jb_bill_flows *flows, const struct jb_bill_cost **ret_costs) {
    *ret_costs = flows->costs;
    return flows->cost_count;
}

/* ---- ways ---- */

/* The lane between two accounts: "<from>/<what>" and "<base>/<leaf>". */
static enum jb_code find_lane(struct jb_bill_flows *flows, const struct jb_bill_frame *frame,
                              const char *from_root, const char *from_leaf, const char *leaf,
                              jb_commodity commodity, struct jb_error *error, uint32_t *ret_lane) {
    char from[JB_BILL_NAME_SIZE + 16], to[JB_ACCOUNT_SIZE];
    uint32_t from_id, to_id;
    snprintf(from, sizeof from, "%s/%s", from_root, from_leaf);
    snprintf(to, sizeof to, "%.990s/%s", jb_strings_text(flows->texts, frame->base), leaf);
    enum jb_code code = jb_strings_intern(flows->texts, from, error, &from_id);
    if (!code)
        code = jb_strings_intern(flows->texts, to, error, &to_id);
    return code ? code : jb_bill_sums_lane(flows->sums, from_id, to_id, commodity, error, ret_lane);
}

/* What money takes alone, to <base>/<leaf>. *route: number + 1, 0 when it is not known yet. */
static enum jb_code find_money_route(struct jb_bill_flows *flows, const struct jb_bill_frame *frame,
                                     const char *leaf, struct jb_error *error, uint32_t *route) {
    uint32_t money;
    if (*route)
        return JB_OK;
    enum jb_code code = find_lane(flows, frame, "supply", jb_strings_text(flows->texts, frame->provider),
                                  leaf, frame->currency, error, &money);
    if (!code)
        code = jb_bill_sums_route(flows->sums, JB_BILL_NO_LANE, JB_BILL_NO_LANE, money, error, route);
    *route += code == JB_OK;
    return code;
}

/* What a use with an estimate takes. */
static enum jb_code find_route(struct jb_bill_flows *flows, struct jb_bill_frame *frame,
                               struct jb_error *error) {
    const char *leaf = jb_strings_text(flows->texts, frame->leaf),
               *provider = jb_strings_text(flows->texts, frame->provider);
    uint32_t energy, embodied = JB_BILL_NO_LANE, money, route;
    if (frame->route)
        return JB_OK;
    enum jb_code code = find_lane(flows, frame, "grid", frame->place ? frame->place->zone : "unknown", leaf,
                                  JB_ENERGY, error, &energy);
    if (!code && frame->rate.has_embodied)
        code = find_lane(flows, frame, "hardware", provider, leaf, JB_EMBODIED, error, &embodied);
    if (!code)
        code = find_lane(flows, frame, "supply", provider, leaf, frame->currency, error, &money);
    if (!code)
        code = jb_bill_sums_route(flows->sums, energy, embodied, money, error, &route);
    if (!code)
        frame->route = route + 1;
    return code;
}

/* ---- groups of rows ---- */

/* What one of the frame's use is at that time; worked out anew only where a factor begins or ends. */
static enum jb_code find_rate(const struct jb_bill_question *question, const struct jb_bill_flows *flows,
                              struct jb_bill_frame *frame, int64_t at_ns, struct jb_error *why) {
    if (at_ns >= frame->rate_from_ns && at_ns < frame->rate_until_ns)
        return JB_OK;
    struct jb_cloud_question asked = {.factors = question->factors,
                                      .provider = jb_strings_text(flows->texts, frame->provider),
                                      .region = frame->place ? frame->place->region : "",
                                      .at_ns = at_ns,
                                      .utilisation = question->utilisation,
                                      .utilisation_uncertainty = question->utilisation_uncertainty};
    enum jb_code code =
        jb_cloud_rate_find(question->cloud, &asked, &flows->uses[frame->use].use, why, &frame->rate);
    if (code)
        return code;
    size_t low = 0, high = flows->change_count; /* the first change behind at_ns */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (flows->changes_ns[middle] <= at_ns)
            low = middle + 1;
        else
            high = middle;
    }
    frame->rate_from_ns = low ? flows->changes_ns[low - 1] : INT64_MIN;
    frame->rate_until_ns = low < flows->change_count ? flows->changes_ns[low] : INT64_MAX;
    return JB_OK;
}

static jb_int128 in_millionths(double amount) {
    return (jb_int128)nearbyint(amount * 1e6);
}

/* Energy and embodied carbon of rows of use. JB_NO_DATA: why is the reason, *ret_gap its kind. */
static enum jb_code estimate(const struct jb_bill_question *question, struct jb_bill_flows *flows,
                             const struct jb_bill_row *row, struct jb_bill_frame *frame,
                             struct jb_error *error, struct jb_error *why, enum jb_bill_gap *ret_gap,
                             struct jb_bill_amounts *amounts) {
    const struct jb_bill_use *use = &flows->uses[frame->use];
    *ret_gap = JB_BILL_GAP_USE;
    if (use->code && row->has_quantity) /* a row without a quantity has no unit either */
        return jb_error_set(why, JB_NO_DATA, "%s", jb_strings_text(flows->texts, use->reason));
    if (use->use.resource == JB_CLOUD_INCLUDED)
        return JB_OK;
    *ret_gap = JB_BILL_GAP_NO_QUANTITY;
    if (!row->has_quantity || row->lacks_quantities)
        return jb_error_set(why, JB_NO_DATA, "the bill does not say how much was used");
    *ret_gap = JB_BILL_GAP_BELOW_ZERO;
    if (row->quantity < 0)
        return jb_error_set(why, JB_NO_DATA, "a quantity below 0");
    *ret_gap = JB_BILL_GAP_RATE;
    enum jb_code code = find_rate(question, flows, frame, row->start_ns, why);
    if (code)
        return code;
    struct jb_cloud_answer answer = jb_cloud_rate_times(&frame->rate, (double)row->quantity / 1e12);
    if (!(answer.energy_kwh < KWH_CEILING && answer.embodied_g < KWH_CEILING))
        return jb_error_set(error, JB_LIMIT, "'%.200s': an amount too large for one flow",
                            jb_strings_text(flows->texts, frame->base));
    amounts->energy = in_millionths(answer.energy_kwh * UJ_PER_KWH);
    amounts->energy_standard = in_millionths(answer.energy_kwh * UJ_PER_KWH * answer.energy_uncertainty);
    amounts->embodied = in_millionths(answer.embodied_g * UG_PER_G);
    amounts->embodied_standard = in_millionths(answer.embodied_g * UG_PER_G * answer.embodied_uncertainty);
    return find_route(flows, frame, error);
}

/* A machine that is paid ahead runs for its term. */
static void set_term(const struct jb_bill_frame *frame, struct jb_bill_row *row) {
    jb_bill_frame_times(frame, &row->start_ns, &row->end_ns);
    row->quantity = (jb_int128)(frame->term_h * 1e6) * 1000000 * (jb_int128)row->row_count;
    row->has_quantity = true;
    row->lacks_quantities = false;
}

/* Number of a kind of use that has no estimate. */
static enum jb_code find_unknown(struct jb_bill_flows *flows, const struct jb_bill_frame *frame,
                                 const char *reason, struct jb_error *error, uint32_t *ret_unknown) {
    char key[1536];
    uint32_t id, text;
    const char *provider = jb_strings_text(flows->texts, frame->provider),
               *service = jb_strings_text(flows->texts, frame->service);
    snprintf(key, sizeof key, "%u %s %s %s", (unsigned)frame->currency, provider, service, reason);
    size_t known = jb_strings_count(flows->unknown_names);
    enum jb_code code = jb_strings_intern(flows->unknown_names, key, error, &id);
    if (!code)
        code = jb_array_reserve(&flows->unknowns, &flows->unknown_capacity, (size_t)id + 1,
                                JB_BILL_LIST_CEILING, "kinds of use", error);
    if (!code)
        code = jb_strings_intern(flows->texts, reason, error, &text);
    if (code)
        return code;
    if (id >= known)
        flows->unknowns[flows->unknown_count++] =
            (struct jb_bill_unknown){.provider = provider,
                                     .service = service,
                                     .reason = jb_strings_text(flows->texts, text),
                                     .currency = frame->currency};
    *ret_unknown = id;
    return JB_OK;
}

/* Rows of use without an estimate are money alone, and listed. */
static enum jb_code add_unknown(struct jb_bill_flows *flows, const struct jb_bill_row *row,
                                struct jb_bill_frame *frame, enum jb_bill_gap gap, const char *reason,
                                struct jb_error *error) {
    uint32_t id;
    enum jb_code code = JB_OK;
    /* The reason of a missing factor may change with time. */
    if (!frame->gaps[gap] || gap == JB_BILL_GAP_RATE) {
        code = find_unknown(flows, frame, reason, error, &id);
        if (code)
            return code;
        frame->gaps[gap] = id + 1;
    }
    if (!flows->is_counted) {
        struct jb_bill_unknown *unknown = &flows->unknowns[frame->gaps[gap] - 1];
        unknown->cost += row->cost;
        unknown->row_count += row->row_count;
    }
    return find_money_route(flows, frame, jb_bill_kind_name(JB_BILL_UNKNOWN), error, &frame->unknown_route);
}

enum jb_code jb_bill_flows_add(struct jb_bill_flows *flows, const struct jb_bill_scan *scan, size_t group,
                               struct jb_bill_frame *frame, uint32_t time, struct jb_error *error) {
    const struct jb_bill_question *question = flows->question;
    struct jb_bill_row row;
    struct jb_error why = {0};
    enum jb_bill_gap gap = JB_BILL_GAP_USE;
    uint32_t route = 0;
    enum jb_code code = JB_OK;
    jb_bill_row_amounts(question->files, scan, group, &row);
    if (frame->term_h > 0)
        set_term(frame, &row);
    struct jb_bill_amounts amounts = {.money = row.cost};
    if (frame->kind == JB_BILL_USAGE)
        code = estimate(question, flows, &row, frame, error, &why, &gap, &amounts);
    else if (frame->kind == JB_BILL_UNKNOWN)
        code = jb_error_set(&why, JB_NO_DATA, "%s", jb_strings_text(flows->texts, frame->reason));
    bool is_unknown = code == JB_NO_DATA;
    if (is_unknown) {
        code = add_unknown(flows, &row, frame, gap, why.message, error);
        route = frame->unknown_route;
    } else if (!code && frame->kind == JB_BILL_USAGE &&
               flows->uses[frame->use].use.resource != JB_CLOUD_INCLUDED) {
        route = frame->route;
    } else if (!code) {
        code = find_money_route(flows, frame, jb_strings_text(flows->texts, frame->leaf), error,
                                &frame->money_route);
        route = frame->money_route;
    }
    if (!code)
        code = jb_bill_sums_add(flows->sums, route - 1, time, &amounts, error);
    if (!code && row.credits) {
        struct jb_bill_amounts credits = {.money = row.credits};
        code = find_money_route(flows, frame, jb_bill_kind_name(JB_BILL_CREDIT), error, &frame->credit_route);
        if (!code)
            code = jb_bill_sums_add(flows->sums, frame->credit_route - 1, time, &credits, error);
    }
    if (flows->is_counted)
        return code;
    struct jb_bill_cost *cost = &flows->costs[frame->cost];
    cost->total += row.cost + row.credits;
    cost->used += jb_bill_frame_is_use(frame) ? row.cost : 0;
    if (jb_bill_frame_is_use(frame) && !is_unknown) {
        /* What is included is counted whole by another row. */
        bool is_included = flows->uses[frame->use].use.resource == JB_CLOUD_INCLUDED;
        cost->estimated += row.cost;
        cost->embodied += is_included || frame->rate.has_embodied ? row.cost : 0;
    }
    return code;
}

/* ---- order ---- */

static int compare_numbers(int64_t left, int64_t right) {
    return (left > right) - (left < right);
}

static int compare_unknowns(const void *left, const void *right) {
    const struct jb_bill_unknown *a = left, *b = right;
    int order = compare_numbers(a->currency, b->currency);
    if (!order)
        order = (b->cost > a->cost) - (b->cost < a->cost);
    if (!order)
        order = strcmp(a->service, b->service);
    return order ? order : strcmp(a->reason, b->reason);
}

static int compare_costs(const void *left, const void *right) {
    const struct jb_bill_cost *a = left, *b = right;
    return compare_numbers(a->currency, b->currency);
}

static void finish_costs(struct jb_bill_flows *flows) {
    for (size_t i = 0; i < flows->unknown_count; i++)
        flows->unknowns[i].cost = jb_bill_round(flows->unknowns[i].cost, JB_BILL_SCALE);
    for (size_t i = 0; i < flows->cost_count; i++) {
        struct jb_bill_cost *cost = &flows->costs[i];
        jb_int128 *const sums[] = {&cost->total, &cost->used, &cost->estimated, &cost->embodied};
        for (size_t s = 0; s < JB_COUNT(sums); s++)
            *sums[s] = jb_bill_round(*sums[s], JB_BILL_SCALE);
    }
    if (flows->unknown_count)
        qsort(flows->unknowns, flows->unknown_count, sizeof *flows->unknowns, compare_unknowns);
    if (flows->cost_count)
        qsort(flows->costs, flows->cost_count, sizeof *flows->costs, compare_costs);
}

/* ---- all ---- */

static enum jb_code open_flows(const struct jb_bill_question *question, struct jb_error *error,
                               struct jb_bill_flows *flows) {
    struct jb_strings **const strings[] = {&flows->texts, &flows->unit_names, &flows->use_names,
                                           &flows->label_names, &flows->unknown_names};
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < JB_COUNT(strings); i++)
        code = jb_strings_make(TEXT_CEILING, error, strings[i]);
    if (!code)
        code = jb_bill_sums_make(error, &flows->sums);
    return code ? code : jb_cloud_changes(question->factors, error, &flows->changes_ns, &flows->change_count);
}

enum jb_code jb_bill_flows_make(const struct jb_bill_question *question, const struct jb_bill_scans *scans,
                                struct jb_error *error, struct jb_bill_flows **ret_flows) {
    _cleanup_(jb_bill_flows_free_cleanup) struct jb_bill_flows *flows = calloc(1, sizeof *flows);
    assert(question->files->label_count <= JB_BILL_LABEL_CEILING);
    if (!flows)
        return jb_error_set(error, JB_MEMORY, "no memory for flows of bills");
    flows->question = question;
    flows->scans = scans;
    for (size_t s = 0; s < scans->count; s++)
        flows->group_count += jb_scan_group_count(scans->items[s].table);
    enum jb_code code = flows->group_count > UINT32_MAX
                            ? jb_error_set(error, JB_LIMIT, "more than %u groups of rows", UINT32_MAX)
                            : open_flows(question, error, flows);
    jb_progress_begin(question->files->progress, "estimating", NULL, 0);
    if (!code)
        code = jb_bill_units_make(flows, error);
    if (code)
        return code;
    finish_costs(flows);
    flows->is_counted = true;
    *ret_flows = JB_TAKE(flows);
    return JB_OK;
}
