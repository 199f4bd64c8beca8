/* Water meters of a site, booked step by step beside its energy. */
#include "import/meter_desk.h"

#include "base/array.h"

#define FLOW_CEILING ((size_t)1 << 28)

static int compare_steps(const void *left, const void *right) {
    const struct jb_meter_step *a = left, *b = right;
    return (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

/* What the book has of a water meter, ordered. */
static enum jb_code read_water(struct jb_meter_desk *desk, const struct jb_meter_part *part,
                               struct jb_error *error, struct jb_meter_step **ret_steps, size_t *ret_count) {
    _cleanup_free_ struct jb_meter_step *steps = NULL;
    size_t count = 0, capacity = 0;
    const struct jb_meter *meter = part->meter;
    struct jb_query query = {.from_ns = meter->steps[0].start_ns,
                             .to_ns = meter->steps[meter->step_count - 1].end_ns,
                             .commodity = JB_WATER,
                             .account = part->path};
    struct jb_flow_cursor *cursor;
    struct jb_flow flow;
    const char *identity;
    if (!desk->ledger)
        return JB_OK;
    struct jb_store *store = jb_ledger_store(desk->ledger);
    enum jb_code code = store->ops->flows_open(store, &query, error, &cursor);
    if (code)
        return code;
    while ((code = store->ops->flows_next(cursor, error, &flow, &identity)) == JB_OK) {
        code = jb_array_reserve(&steps, &capacity, count + 1, FLOW_CEILING, "flows of water", error);
        if (code)
            break;
        steps[count++] = (struct jb_meter_step){flow.start_ns, flow.end_ns, flow.amount};
    }
    store->ops->flows_close(cursor);
    if (code && code != JB_NO_DATA)
        return code;
    if (count)
        qsort(steps, count, sizeof *steps, compare_steps);
    *ret_steps = JB_TAKE(steps);
    *ret_count = count;
    return JB_OK;
}

enum jb_code jb_meter_book_water(struct jb_meter_desk *desk, struct jb_meter_part *part,
                                 struct jb_error *error) {
    _cleanup_free_ struct jb_meter_step *booked = NULL;
    size_t booked_count = 0, next = 0;
    const struct jb_meter *meter = part->meter;
    if (meter->step_count == 0)
        return JB_OK;
    enum jb_code code = read_water(desk, part, error, &booked, &booked_count);
    for (size_t i = 0; !code && i < meter->step_count; i++) {
        const struct jb_meter_step *step = &meter->steps[i];
        while (next < booked_count && booked[next].end_ns <= step->start_ns)
            next++;
        if (i && step[-1].end_ns < step->start_ns)
            code = jb_meter_add_gap(desk, part, step[-1].end_ns, step->start_ns, error);
        if (!code && !(next < booked_count && booked[next].start_ns < step->end_ns))
            code = jb_site_flows_add(&desk->other,
                                     &(struct jb_flow){.start_ns = step->start_ns,
                                                       .end_ns = step->end_ns,
                                                       .from = part->account,
                                                       .to = desk->water,
                                                       .commodity = JB_WATER,
                                                       .method = JB_MEASURED,
                                                       .uncertainty_ppm = meter->rule->uncertainty_ppm},
                                     step->amount, error);
    }
    return code;
}
