/* Traces amounts to the meters behind them, and combines their uncertainties. */
#include "ledger/origin.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/distribution.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define DEPTH_CEILING 64 /* cgroups within cgroups that are followed */
#define SHARE_CEILING ((size_t)1 << 26)
#define PART_CEILING  ((size_t)1 << 27)

enum state { UNSEEN, UNDER_WAY, DONE };

struct account {
    enum state state;
    size_t first, count; /* in shares */
    size_t inflows;      /* first in by_target; those of the next account follow */
};

struct jb_origins {
    struct jb_ledger *ledger;
    const struct jb_sum *sums;
    size_t *by_target; /* indexes of sums, ordered by where they go */
    size_t sum_count;
    struct account *accounts; /* by id; one more than there are */
    size_t account_count;
    struct jb_share *shares;
    size_t share_count, share_capacity;
};

void jb_origins_free(struct jb_origins *origins) {
    if (!origins)
        return;
    free(origins->by_target);
    free(origins->accounts);
    free(origins->shares);
    free(origins);
}

enum jb_code jb_origins_make(struct jb_ledger *ledger, const struct jb_sum *sums, size_t sum_count,
                             struct jb_error *error, struct jb_origins **ret_origins) {
    struct jb_store *store = jb_ledger_store(ledger);
    _cleanup_(jb_origins_free_cleanup) struct jb_origins *origins = calloc(1, sizeof *origins);
    if (!origins)
        return jb_error_set(error, JB_MEMORY, "no memory to trace amounts");
    *origins = (struct jb_origins){.ledger = ledger,
                                   .sums = sums,
                                   .sum_count = sum_count,
                                   .account_count = store->ops->account_count(store)};
    origins->by_target = calloc(sum_count + 1, sizeof *origins->by_target);
    origins->accounts = calloc(origins->account_count + 2, sizeof *origins->accounts);
    if (!origins->by_target || !origins->accounts)
        return jb_error_set(error, JB_MEMORY, "no memory to trace %zu routes", sum_count);
    /* Counting sort by target. */
    for (size_t i = 0; i < sum_count; i++) {
        assert(sums[i].to < origins->account_count && sums[i].from < origins->account_count);
        origins->accounts[sums[i].to + 2].inflows++;
    }
    for (size_t a = 2; a < origins->account_count + 2; a++)
        origins->accounts[a].inflows += origins->accounts[a - 1].inflows;
    for (size_t i = 0; i < sum_count; i++)
        origins->by_target[origins->accounts[sums[i].to + 1].inflows++] = i;
    *ret_origins = JB_TAKE(origins);
    return JB_OK;
}

static int compare_shares(const void *a, const void *b) {
    const struct jb_share *x = a, *y = b;
    return (x->origin > y->origin) - (x->origin < y->origin);
}

static enum jb_code trace(struct jb_origins *origins, jb_account_id id, unsigned depth,
                          struct jb_error *error);

/* Gathers what flows into a cgroup's account, by origin, into *ret_list (malloc'd). */
static enum jb_code gather(struct jb_origins *origins, jb_account_id id, unsigned depth,
                           struct jb_error *error, struct jb_share **ret_list, size_t *ret_count) {
    _cleanup_free_ struct jb_share *list = NULL;
    size_t count = 0, capacity = 0;
    for (size_t i = origins->accounts[id].inflows; i < origins->accounts[id + 1].inflows; i++) {
        const struct jb_sum *sum = &origins->sums[origins->by_target[i]];
        if (sum->amount <= 0)
            continue;
        enum jb_code code = trace(origins, sum->from, depth + 1, error);
        if (code)
            return code;
        const struct account *from = &origins->accounts[sum->from];
        code = jb_array_reserve(&list, &capacity, count + from->count, SHARE_CEILING, "origins", error);
        if (code)
            return code;
        for (size_t s = 0; s < from->count; s++) {
            list[count] = origins->shares[from->first + s];
            list[count++].share *= (double)sum->amount;
        }
    }
    if (count)
        qsort(list, count, sizeof *list, compare_shares);
    size_t kept = 0;
    double whole = 0;
    for (size_t s = 0; s < count; s++) {
        whole += list[s].share;
        if (kept && list[kept - 1].origin == list[s].origin)
            list[kept - 1].share += list[s].share;
        else
            list[kept++] = list[s];
    }
    for (size_t s = 0; s < kept; s++)
        list[s].share /= whole;
    *ret_list = JB_TAKE(list);
    *ret_count = kept;
    return JB_OK;
}

/* Fills accounts[id].first and .count. An account within a circle, or too deep, is its own origin to those
 * that ask while it is under way. */
static enum jb_code trace(struct jb_origins *origins, jb_account_id id, unsigned depth,
                          struct jb_error *error) {
    struct account *account = &origins->accounts[id];
    if (account->state == DONE)
        return JB_OK;
    _cleanup_free_ struct jb_share *list = NULL;
    size_t count = 0;
    bool is_cgroup = jb_account_split(jb_ledger_path(origins->ledger, id)).cgroup_length > 0;
    if (is_cgroup && account->state == UNSEEN && depth < DEPTH_CEILING) {
        account->state = UNDER_WAY;
        enum jb_code code = gather(origins, id, depth, error, &list, &count);
        if (code)
            return code;
    }
    enum jb_code code = jb_array_reserve(&origins->shares, &origins->share_capacity,
                                         origins->share_count + count + 1, SHARE_CEILING, "origins", error);
    if (code)
        return code;
    account->first = origins->share_count;
    account->count = count ? count : 1;
    account->state = DONE;
    if (count)
        memcpy(&origins->shares[account->first], list, count * sizeof *list);
    else
        origins->shares[account->first] = (struct jb_share){.origin = id, .share = 1};
    origins->share_count += account->count;
    return JB_OK;
}

enum jb_code jb_origins_of(struct jb_origins *origins, jb_account_id account, struct jb_error *error,
                           const struct jb_share **ret_shares, size_t *ret_count) {
    assert(account < origins->account_count);
    enum jb_code code = trace(origins, account, 0, error);
    if (code)
        return code;
    *ret_shares = &origins->shares[origins->accounts[account].first];
    *ret_count = origins->accounts[account].count;
    return JB_OK;
}

/* ---- combining ---- */

/* What one origin adds to the standard uncertainty of one group; value NaN: not known. */
struct part {
    uint32_t group;
    jb_account_id origin;
    size_t sequence; /* sums of doubles then do not depend on the sort */
    double value;
};

struct jb_spread {
    struct part *parts;
    size_t count, capacity;
};

enum jb_code jb_spread_make(struct jb_error *error, struct jb_spread **ret_spread) {
    struct jb_spread *spread = calloc(1, sizeof *spread);
    if (!spread)
        return jb_error_set(error, JB_MEMORY, "no memory to combine uncertainties");
    *ret_spread = spread;
    return JB_OK;
}

void jb_spread_free(struct jb_spread *spread) {
    if (spread)
        free(spread->parts);
    free(spread);
}

enum jb_code jb_spread_add(struct jb_spread *spread, struct jb_origins *origins, uint32_t group,
                           jb_account_id from, jb_int128 amount, uint32_t uncertainty_ppm,
                           struct jb_error *error) {
    const struct jb_share *shares;
    size_t count;
    double norm = 0;
    if (amount == 0)
        return JB_OK;
    enum jb_code code = jb_origins_of(origins, from, error, &shares, &count);
    if (!code)
        code = jb_array_reserve(&spread->parts, &spread->capacity, spread->count + count, PART_CEILING,
                                "parts of an uncertainty", error);
    if (code)
        return code;
    for (size_t s = 0; s < count; s++)
        norm += shares[s].share * shares[s].share;
    double standard = uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN
                          ? NAN
                          : (double)amount * ((double)uncertainty_ppm / 1e6) / sqrt(norm);
    for (size_t s = 0; s < count; s++) {
        spread->parts[spread->count] = (struct part){.group = group,
                                                     .origin = shares[s].origin,
                                                     .sequence = spread->count,
                                                     .value = standard * shares[s].share};
        spread->count++;
    }
    return JB_OK;
}

static int compare_parts(const void *a, const void *b) {
    const struct part *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    if (x->origin != y->origin)
        return x->origin < y->origin ? -1 : 1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

void jb_spread_finish(struct jb_spread *spread, size_t group_count, double *ret_standard) {
    const struct part *parts = spread->parts;
    for (size_t g = 0; g < group_count; g++)
        ret_standard[g] = 0;
    if (spread->count)
        qsort(spread->parts, spread->count, sizeof *spread->parts, compare_parts);
    for (size_t i = 0; i < spread->count;) {
        size_t first = i;
        double of_origin = 0;
        for (; i < spread->count && parts[i].group == parts[first].group &&
               parts[i].origin == parts[first].origin;
             i++)
            of_origin += parts[i].value;
        assert(parts[first].group < group_count);
        ret_standard[parts[first].group] += of_origin * of_origin;
    }
    for (size_t g = 0; g < group_count; g++)
        ret_standard[g] = sqrt(ret_standard[g]);
}

void jb_interval(jb_int128 amount, double standard, double *ret_low, double *ret_high) {
    jb_interval_95((double)amount, standard, ret_low, ret_high);
    if (amount == 0 && *ret_low < 0)
        *ret_low = 0;
}
