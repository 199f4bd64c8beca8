/* The installed C API: the ledger with paths and words in the place of ids and numbers. */
#include <joulebook/joulebook.h>

#include "base/cleanup.h"
#include "ledger/ledger.h"

#include <string.h>

struct joulebook {
    struct jb_ledger *ledger;
};

/* The two sets of names say the same. */
_Static_assert((int)JOULEBOOK_NO_DATA == (int)JB_NO_DATA && (int)JOULEBOOK_INPUT == (int)JB_INPUT &&
                   (int)JOULEBOOK_BUSY == (int)JB_BUSY && (int)JOULEBOOK_INTERNAL == (int)JB_INTERNAL,
               "codes");
_Static_assert((int)JOULEBOOK_READ == (int)JB_STORE_READ && (int)JOULEBOOK_CREATE == (int)JB_STORE_CREATE,
               "modes");
_Static_assert(sizeof(struct joulebook_error) == sizeof(struct jb_error), "errors");
_Static_assert(sizeof((struct joulebook_sum *)0)->amount == JB_INT128_SIZE, "amounts");
_Static_assert(sizeof((struct joulebook_sum *)0)->commodity == JB_COMMODITY_SIZE, "commodities");

static enum joulebook_code give(enum jb_code code, const struct jb_error *ours,
                                struct joulebook_error *error) {
    if (code && error) {
        error->code = (enum joulebook_code)code;
        memcpy(error->message, ours->message, sizeof error->message);
    }
    return (enum joulebook_code)code;
}

const char *joulebook_version(void) {
    return JB_VERSION;
}

enum joulebook_code joulebook_open(const char *url, enum joulebook_mode mode, struct joulebook_error *error,
                                   struct joulebook **ret_book) {
    struct jb_error ours = {0};
    if ((unsigned)mode > JOULEBOOK_CREATE || !ret_book)
        return give(jb_error_set(&ours, JB_USAGE, "joulebook_open: no such mode, or nowhere to put the book"),
                    &ours, error);
    struct joulebook *book = calloc(1, sizeof *book);
    if (!book)
        return give(jb_error_set(&ours, JB_MEMORY, "no memory to open a book"), &ours, error);
    enum jb_code code = jb_ledger_open(url, (enum jb_store_mode)mode, &ours, &book->ledger);
    if (code) {
        free(book);
        return give(code, &ours, error);
    }
    *ret_book = book;
    return JOULEBOOK_OK;
}

void joulebook_close(struct joulebook *book) {
    if (!book)
        return;
    jb_ledger_close(book->ledger);
    free(book);
}

static enum jb_code read_flow(struct jb_ledger *ledger, const struct joulebook_flow *flow,
                              struct jb_error *error, struct jb_flow *ret_flow) {
    *ret_flow = (struct jb_flow){.start_ns = flow->start_ns,
                                 .end_ns = flow->end_ns,
                                 .amount = flow->amount,
                                 .commodity = JB_ENERGY,
                                 .method = JB_DECLARED,
                                 .uncertainty_ppm = flow->uncertainty_ppm};
    enum jb_code code = JB_OK;
    if (!flow->from || !flow->to)
        code = jb_error_set(error, JB_INPUT, "it has no account");
    if (!code)
        code = jb_ledger_account(ledger, flow->from, error, &ret_flow->from);
    if (!code)
        code = jb_ledger_account(ledger, flow->to, error, &ret_flow->to);
    if (!code && flow->commodity)
        code = jb_commodity_parse(flow->commodity, error, &ret_flow->commodity);
    if (!code && flow->method)
        code = jb_method_parse(flow->method, error, &ret_flow->method);
    return code;
}

enum joulebook_code joulebook_append(struct joulebook *book, const char *identity,
                                     const struct joulebook_flow *flows, size_t count,
                                     struct joulebook_error *error, bool *ret_new) {
    struct jb_error ours = {0};
    bool is_new = false;
    _cleanup_free_ struct jb_flow *read = calloc(count + 1, sizeof *read);
    enum jb_code code = read ? JB_OK : jb_error_set(&ours, JB_MEMORY, "no memory for %zu flows", count);
    for (size_t i = 0; !code && i < count; i++) {
        code = read_flow(book->ledger, &flows[i], &ours, &read[i]);
        if (code)
            jb_error_prefix(&ours, "flow %zu", i);
    }
    struct jb_batch batch = {.identity = identity, .flows = read, .flow_count = count};
    if (!code)
        code = jb_ledger_append(book->ledger, &batch, &ours, &is_new);
    if (!code && ret_new)
        *ret_new = is_new;
    return give(code, &ours, error);
}

enum joulebook_code joulebook_reverse(struct joulebook *book, const char *identity,
                                      struct joulebook_error *error, bool *ret_new) {
    struct jb_error ours = {0};
    bool is_new = false;
    enum jb_code code = identity ? jb_ledger_reverse(book->ledger, identity, &ours, &is_new)
                                 : jb_error_set(&ours, JB_USAGE, "joulebook_reverse: no batch was named");
    if (!code && ret_new)
        *ret_new = is_new;
    return give(code, &ours, error);
}

static enum jb_code read_query(const struct joulebook_query *query, struct jb_error *error,
                               struct jb_query *ret_query) {
    *ret_query = JB_QUERY_ALL;
    if (!query)
        return JB_OK;
    ret_query->from_ns = query->from_ns;
    ret_query->to_ns = query->to_ns;
    ret_query->account = query->account;
    enum jb_code code = query->account ? jb_account_validate(query->account, error) : JB_OK;
    if (!code && query->commodity)
        code = jb_commodity_parse(query->commodity, error, &ret_query->commodity);
    return code;
}

enum joulebook_code joulebook_sums(struct joulebook *book, const struct joulebook_query *query,
                                   struct joulebook_error *error, struct joulebook_sum **ret_sums,
                                   size_t *ret_count) {
    struct jb_error ours = {0};
    struct jb_query asked;
    struct jb_store *store = jb_ledger_store(book->ledger);
    _cleanup_free_ struct jb_sum *sums = NULL;
    size_t count = 0;
    enum jb_code code = read_query(query, &ours, &asked);
    if (!code)
        code = store->ops->sums(store, &asked, &ours, &sums, &count);
    if (code)
        return give(code, &ours, error);
    struct joulebook_sum *given = calloc(count + 1, sizeof *given);
    if (!given)
        return give(jb_error_set(&ours, JB_MEMORY, "no memory for %zu sums", count), &ours, error);
    for (size_t i = 0; i < count; i++) {
        given[i].from = jb_ledger_path(book->ledger, sums[i].from);
        given[i].to = jb_ledger_path(book->ledger, sums[i].to);
        given[i].method = jb_method_name(sums[i].method);
        jb_commodity_format(sums[i].commodity, given[i].commodity);
        jb_int128_format(sums[i].amount, given[i].amount);
        given[i].uncertainty_ppm = sums[i].uncertainty_ppm;
        given[i].first_ns = sums[i].first_ns;
        given[i].last_ns = sums[i].last_ns;
        given[i].flow_count = sums[i].flow_count;
    }
    *ret_sums = given;
    *ret_count = count;
    return JOULEBOOK_OK;
}

void joulebook_sums_free(struct joulebook_sum *sums) {
    free(sums);
}

enum joulebook_code joulebook_balance(struct joulebook *book, const struct joulebook_query *query,
                                      struct joulebook_error *error, struct joulebook_balance *ret_balance) {
    struct jb_error ours = {0};
    struct jb_query asked;
    struct jb_balance balance = {0};
    enum jb_code code = read_query(query, &ours, &asked);
    if (!code)
        code = jb_ledger_balance(book->ledger, &asked, &ours, &balance);
    if (code)
        return give(code, &ours, error);
    *ret_balance = (struct joulebook_balance){.is_good = jb_balance_is_good(&balance),
                                              .imbalance_count = balance.imbalance_total,
                                              .stretch_count = balance.stretch_count,
                                              .account_count = balance.account_count,
                                              .flow_count = balance.flow_count};
    jb_int128_format(balance.energy_supplied_uj, ret_balance->energy_supplied_uj);
    jb_int128_format(balance.energy_consumed_uj, ret_balance->energy_consumed_uj);
    jb_int128_format(balance.energy_unattributed_uj, ret_balance->energy_unattributed_uj);
    jb_balance_free(&balance);
    return JOULEBOOK_OK;
}
