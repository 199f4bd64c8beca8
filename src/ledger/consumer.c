/* Which accounts consume. */
#include "ledger/consumer.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "store/rules.h"

#include <assert.h>
#include <string.h>

bool jb_label_holds(const struct jb_label *label, const char *path) {
    if (jb_text_matches(label->pattern, path))
        return true;
    char above[JB_ACCOUNT_SIZE];
    size_t length = strnlen(path, sizeof above - 1);
    memcpy(above, path, length);
    above[length] = '\0';
    for (char *slash = strrchr(above, '/'); slash; slash = strrchr(above, '/')) {
        *slash = '\0';
        if (jb_text_matches(label->pattern, above))
            return true;
    }
    return false;
}

/* An account without a role that has outflow of a commodity. */
struct passer {
    jb_account_id account;
    jb_commodity commodity;
};

struct jb_consumers {
    enum jb_role *roles; /* by account */
    size_t account_count;
    struct passer *passers; /* ordered */
    size_t passer_count;
};

void jb_consumers_free(struct jb_consumers *consumers) {
    if (!consumers)
        return;
    free(consumers->roles);
    free(consumers->passers);
    free(consumers);
}

static int compare_passers(const void *a, const void *b) {
    const struct passer *x = a, *y = b;
    if (x->account != y->account)
        return x->account < y->account ? -1 : 1;
    return (x->commodity > y->commodity) - (x->commodity < y->commodity);
}

/* A route whose sum is zero was taken back: nothing flows out by it. */
static enum jb_code find_passers(struct jb_consumers *consumers, const struct jb_sum *sums, size_t sum_count,
                                 struct jb_error *error) {
    consumers->passers = calloc(sum_count + 1, sizeof *consumers->passers);
    if (!consumers->passers)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu routes", sum_count);
    for (size_t i = 0; i < sum_count; i++) {
        if (sums[i].amount != 0 && consumers->roles[sums[i].from] == JB_OTHER)
            consumers->passers[consumers->passer_count++] =
                (struct passer){.account = sums[i].from, .commodity = sums[i].commodity};
    }
    if (consumers->passer_count)
        qsort(consumers->passers, consumers->passer_count, sizeof *consumers->passers, compare_passers);
    return JB_OK;
}

enum jb_code jb_consumers_make(struct jb_ledger *ledger, const struct jb_query *query,
                               const struct jb_sum *sums, size_t sum_count, struct jb_error *error,
                               struct jb_consumers **ret_consumers) {
    struct jb_store *store = jb_ledger_store(ledger);
    _cleanup_(jb_consumers_free_cleanup) struct jb_consumers *consumers = calloc(1, sizeof *consumers);
    _cleanup_free_ struct jb_sum *whole = NULL;
    size_t whole_count = 0;
    bool has_other = false;
    if (!consumers)
        return jb_error_set(error, JB_MEMORY, "no memory for the accounts");
    consumers->account_count = store->ops->account_count(store);
    consumers->roles = calloc(consumers->account_count + 1, sizeof *consumers->roles);
    if (!consumers->roles)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu accounts", consumers->account_count);
    for (size_t a = 0; a < consumers->account_count; a++) {
        const char *path = jb_ledger_path(ledger, (jb_account_id)a);
        consumers->roles[a] = jb_account_role(path);
        /* Out of what was asked for: as good as a supply. */
        if (query->account && !jb_account_is_within(path, query->account))
            consumers->roles[a] = JB_SUPPLY;
    }
    for (size_t i = 0; i < sum_count; i++) {
        assert(sums[i].to < consumers->account_count && sums[i].from < consumers->account_count);
        has_other = has_other || consumers->roles[sums[i].to] == JB_OTHER;
    }
    enum jb_code code = JB_OK;
    if (has_other && (query->from_ns != INT64_MIN || query->to_ns != INT64_MAX)) {
        struct jb_query all = JB_QUERY_ALL;
        all.commodity = query->commodity;
        code = store->ops->sums(store, &all, error, &whole, &whole_count);
        sums = whole;
        sum_count = whole_count;
    }
    if (!code)
        code = find_passers(consumers, sums, sum_count, error);
    if (!code)
        *ret_consumers = JB_TAKE(consumers);
    return code;
}

bool jb_consumers_have(const struct jb_consumers *consumers, jb_account_id account, jb_commodity commodity) {
    assert(account < consumers->account_count);
    struct passer wanted = {.account = account, .commodity = commodity};
    if (consumers->roles[account] == JB_FINAL)
        return true;
    return consumers->roles[account] == JB_OTHER &&
           !(consumers->passer_count &&
             bsearch(&wanted, consumers->passers, consumers->passer_count, sizeof wanted, compare_passers));
}
