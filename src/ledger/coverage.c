/* Adds up what the use of clouds cost, with and without an estimate of its energy. */
#include "ledger/coverage.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/strings.h"

#include <stdio.h>
#include <string.h>

#define ROW_CEILING ((size_t)1 << 24)

void jb_coverage_free(struct jb_coverage *coverage) {
    if (!coverage)
        return;
    for (size_t i = 0; i < coverage->row_count; i++)
        free(coverage->rows[i].name);
    free(coverage->rows);
    free(coverage->totals);
    *coverage = (struct jb_coverage){0};
}

struct adding {
    struct jb_coverage *coverage;
    struct jb_strings *names; /* "<currency> <name>": index of rows */
    size_t row_capacity, total_capacity;
};

static enum jb_code add_total(struct adding *adding, jb_commodity currency, jb_int128 cost,
                              enum jb_billed_use use, struct jb_error *error) {
    struct jb_coverage *coverage = adding->coverage;
    size_t i = 0;
    while (i < coverage->total_count && coverage->totals[i].currency != currency)
        i++;
    enum jb_code code =
        jb_array_reserve(&coverage->totals, &adding->total_capacity, i + 1, ROW_CEILING, "currencies", error);
    if (code)
        return code;
    if (i == coverage->total_count)
        coverage->totals[coverage->total_count++] = (struct jb_coverage_total){.currency = currency};
    coverage->totals[i].used += cost;
    coverage->totals[i].unknown += use == JB_USE_UNKNOWN ? cost : 0;
    coverage->totals[i].energy_alone += use == JB_USE_ENERGY ? cost : 0;
    return JB_OK;
}

/* Provider and service of "cloud/<provider>/<region>/<service>/…". */
static void name_of(const char *path, char ret[static JB_ACCOUNT_SIZE]) {
    const char *provider = path + strcspn(path, "/"), *region, *service;
    provider += *provider == '/';
    region = provider + strcspn(provider, "/");
    service = *region ? region + 1 + strcspn(region + 1, "/") : region;
    service += *service == '/';
    snprintf(ret, JB_ACCOUNT_SIZE, "%.*s/%.*s", (int)strcspn(provider, "/"), provider,
             (int)strcspn(service, "/"), service);
}

static enum jb_code add_row(struct adding *adding, const char *path, jb_commodity currency, jb_int128 cost,
                            struct jb_error *error) {
    struct jb_coverage *coverage = adding->coverage;
    char name[JB_ACCOUNT_SIZE], key[JB_ACCOUNT_SIZE + 16];
    uint32_t id;
    name_of(path, name);
    snprintf(key, sizeof key, "%u %s", (unsigned)currency, name);
    enum jb_code code = jb_strings_intern(adding->names, key, error, &id);
    if (!code)
        code = jb_array_reserve(&coverage->rows, &adding->row_capacity, (size_t)id + 1, ROW_CEILING,
                                "services", error);
    if (code)
        return code;
    if (id == coverage->row_count) {
        char *copy = strdup(name);
        if (!copy)
            return jb_error_set(error, JB_MEMORY, "no memory for a name");
        coverage->rows[coverage->row_count++] = (struct jb_coverage_row){.name = copy, .currency = currency};
    }
    coverage->rows[id].cost += cost;
    return JB_OK;
}

static enum jb_code add_side(struct adding *adding, struct jb_ledger *ledger, const struct jb_query *query,
                             jb_account_id account, jb_commodity currency, jb_int128 cost,
                             struct jb_error *error) {
    const char *path = jb_ledger_path(ledger, account);
    enum jb_billed_use use = jb_account_use(path);
    if (use == JB_USE_NONE || !jb_account_is_within(path, query->account))
        return JB_OK;
    enum jb_code code = add_total(adding, currency, cost, use, error);
    if (!code && use == JB_USE_UNKNOWN)
        code = add_row(adding, path, currency, cost, error);
    return code;
}

static int compare_rows(const void *left, const void *right) {
    const struct jb_coverage_row *a = left, *b = right;
    if (a->currency != b->currency)
        return a->currency < b->currency ? -1 : 1;
    if (a->cost != b->cost)
        return a->cost > b->cost ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int compare_totals(const void *left, const void *right) {
    const struct jb_coverage_total *a = left, *b = right;
    return (a->currency > b->currency) - (a->currency < b->currency);
}

enum jb_code jb_coverage_make(struct jb_ledger *ledger, const struct jb_query *query, struct jb_error *error,
                              struct jb_coverage *ret_coverage) {
    struct jb_store *store = jb_ledger_store(ledger);
    struct jb_query money = *query;
    _cleanup_free_ struct jb_sum *sums = NULL;
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *names = NULL;
    __attribute__((cleanup(jb_coverage_free))) struct jb_coverage coverage = {0};
    size_t count = 0;
    if (!jb_commodity_is_money(query->commodity))
        money.commodity = 0;
    enum jb_code code = store->ops->sums(store, &money, error, &sums, &count);
    if (!code)
        code = jb_strings_make(ROW_CEILING, error, &names);
    struct adding adding = {.coverage = &coverage, .names = names};
    for (size_t i = 0; !code && i < count; i++) {
        if (!jb_commodity_is_money(sums[i].commodity))
            continue;
        code = add_side(&adding, ledger, query, sums[i].to, sums[i].commodity, sums[i].amount, error);
        if (!code)
            code = add_side(&adding, ledger, query, sums[i].from, sums[i].commodity, -sums[i].amount, error);
    }
    if (code)
        return code;
    if (coverage.row_count)
        qsort(coverage.rows, coverage.row_count, sizeof *coverage.rows, compare_rows);
    if (coverage.total_count)
        qsort(coverage.totals, coverage.total_count, sizeof *coverage.totals, compare_totals);
    *ret_coverage = coverage;
    coverage = (struct jb_coverage){0};
    return JB_OK;
}
