/* Which sites' meters have booked the periods of flows that hosts book, and settling them. */
#include "ledger/site_settle.h"

#include "base/array.h"
#include "store/rules.h"

#include <string.h>

#define SITE_CEILING ((size_t)1000000)

void jb_site_touches_free(struct jb_site_touches *touches) {
    if (!touches)
        return;
    free(touches->pending.items);
    free(touches->found.items);
    *touches = (struct jb_site_touches){0};
}

static bool is_site(struct jb_ledger *ledger, jb_account_id account) {
    return jb_account_site(jb_ledger_path(ledger, account)) != NULL;
}

/* What the meters themselves have booked, or is taken back of it. */
static bool is_of_meters(const char *identity) {
    size_t reversal = strlen(JB_REVERSAL_START);
    if (!identity) /* the store will refuse it */
        return true;
    while (strncmp(identity, JB_REVERSAL_START, reversal) == 0)
        identity += reversal;
    return strncmp(identity, JB_SITE_BATCH, strlen(JB_SITE_BATCH)) == 0;
}

bool jb_site_may_touch(struct jb_ledger *ledger, const struct jb_batch *batch) {
    if (is_of_meters(batch->identity))
        return false;
    for (size_t i = 0; i < batch->flow_count; i++) {
        const struct jb_flow *flow = &batch->flows[i];
        if (flow->commodity == JB_ENERGY && (is_site(ledger, flow->from) || is_site(ledger, flow->to)))
            return true;
    }
    return batch->replace_count > 0;
}

static enum jb_code add_touch(struct jb_site_touch_list *list, jb_account_id site, int64_t from_ns,
                              int64_t to_ns, struct jb_error *error) {
    for (size_t i = 0; i < list->count; i++) {
        struct jb_site_touch *touch = &list->items[i];
        if (touch->site != site)
            continue;
        touch->from_ns = from_ns < touch->from_ns ? from_ns : touch->from_ns;
        touch->to_ns = to_ns > touch->to_ns ? to_ns : touch->to_ns;
        return JB_OK;
    }
    enum jb_code code =
        jb_array_reserve(&list->items, &list->capacity, list->count + 1, SITE_CEILING, "sites", error);
    if (!code)
        list->items[list->count++] = (struct jb_site_touch){.site = site, .from_ns = from_ns, .to_ns = to_ns};
    return code;
}

static enum jb_code add_flow(struct jb_site_touch_list *list, struct jb_ledger *ledger,
                             const struct jb_flow *flow, struct jb_error *error) {
    const jb_account_id sides[] = {flow->from, flow->to};
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < JB_COUNT(sides); i++) {
        if (flow->commodity == JB_ENERGY && is_site(ledger, sides[i]))
            code = add_touch(list, sides[i], flow->start_ns, flow->end_ns, error);
    }
    return code;
}

/* The flows of a batch that is in the book, found among all of sites: taking back is rare. */
static enum jb_code add_booked(struct jb_site_touch_list *list, struct jb_ledger *ledger,
                               const char *identity, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(ledger);
    struct jb_query query = JB_QUERY_ALL;
    _cleanup_free_ struct jb_batch_info *infos = NULL;
    struct jb_flow_cursor *cursor = NULL;
    struct jb_flow flow;
    const char *of;
    size_t count = 0;
    if (is_of_meters(identity))
        return JB_OK;
    enum jb_code code = store->ops->batches(store, JB_SITE_BATCH, error, &infos, &count);
    if (code || count == 0)
        return code;
    query.commodity = JB_ENERGY;
    query.account = "site";
    code = store->ops->flows_open(store, &query, error, &cursor);
    while (!code && (code = store->ops->flows_next(cursor, error, &flow, &of)) == JB_OK) {
        if (strcmp(of, identity) == 0)
            code = add_flow(list, ledger, &flow, error);
    }
    store->ops->flows_close(cursor);
    return code == JB_NO_DATA ? JB_OK : code;
}

/* The name of a site from its account. */
static const char *name_of(struct jb_ledger *ledger, jb_account_id site) {
    return jb_account_site(jb_ledger_path(ledger, site));
}

enum jb_code jb_site_touches_find(struct jb_site_touches *touches, struct jb_ledger *ledger,
                                  const struct jb_batch *batch, const char *identity,
                                  struct jb_error *error) {
    struct jb_site_touch_list *found = &touches->found;
    enum jb_code code = JB_OK;
    found->count = 0;
    if (batch && !is_of_meters(batch->identity)) {
        for (size_t i = 0; !code && i < batch->flow_count; i++)
            code = add_flow(found, ledger, &batch->flows[i], error);
        for (size_t i = 0; !code && i < batch->replace_count; i++)
            code = add_booked(found, ledger, batch->replaces[i], error);
    } else if (!batch) {
        code = add_booked(found, ledger, identity, error);
    }
    for (size_t i = 0; !code && i < found->count; i++) {
        const struct jb_site_touch *touch = &found->items[i];
        struct jb_site_booked *booked = NULL;
        size_t count = 0;
        code = jb_site_find_booked(ledger, name_of(ledger, touch->site), touch->from_ns, touch->to_ns, error,
                                   &booked, &count);
        free(booked);
        if (!code && count > 0)
            code = add_touch(&touches->pending, touch->site, touch->from_ns, touch->to_ns, error);
    }
    return code;
}

enum jb_code jb_site_touches_settle(const struct jb_site_touches *touches, struct jb_ledger *ledger,
                                    struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < touches->pending.count; i++) {
        const struct jb_site_touch *touch = &touches->pending.items[i];
        code = jb_site_settle(ledger, name_of(ledger, touch->site), touch->from_ns, touch->to_ns, error);
    }
    return code;
}
