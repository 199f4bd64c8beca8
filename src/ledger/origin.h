/* Origins: which meters stand behind an account, so that errors they share are added and not averaged away.
 */
#ifndef JB_LEDGER_ORIGIN_H
#define JB_LEDGER_ORIGIN_H

#include "base/cleanup.h"
#include "ledger/ledger.h"

/* An account's inflow traced up through cgroup accounts to the accounts that one meter feeds (host/h/cpu0):
 * the share of each of these origins. Accounts that are no cgroup's are their own origin. */
struct jb_share {
    jb_account_id origin;
    double share; /* of the account's inflow; the shares of one account sum to 1 */
};

struct jb_origins; /* opaque */

/* sums: of one commodity, by route; must outlive the result. */
enum jb_code jb_origins_make(struct jb_ledger *ledger, const struct jb_sum *sums, size_t sum_count,
                             struct jb_error *error, struct jb_origins **ret_origins);
void jb_origins_free(struct jb_origins *origins); /* NULL-safe */

/* Origins of what flows out of `account`, ordered by id; valid until free. At least one. */
enum jb_code jb_origins_of(struct jb_origins *origins, jb_account_id account, struct jb_error *error,
                           const struct jb_share **ret_shares, size_t *ret_count);

/* Adds up standard uncertainties. Amounts that come from the same origins share their errors, others do not:
 *   u² = Σi Σj r(i,j) ui uj            (JCGM 100:2008, 5.2.2, eq. 13 and 16)
 * with ui = amount × relative uncertainty, and r(i,j) the cosine between the vectors of shares of i and j: 1
 * when both come from the same origins in the same proportion (they add), 0 when they have none in common
 * (quadrature). Each ui is therefore spread over its origins as ui·w, |w| = 1; the parts of one origin add,
 * the origins are combined in quadrature. */
struct jb_spread;
enum jb_code jb_spread_make(struct jb_error *error, struct jb_spread **ret_spread);
void jb_spread_free(struct jb_spread *spread); /* NULL-safe */
/* Notes that `group` holds `amount` of what flows out of `from`. Groups are any small integers. */
enum jb_code jb_spread_add(struct jb_spread *spread, struct jb_origins *origins, uint32_t group,
                           jb_account_id from, jb_int128 amount, uint32_t uncertainty_ppm,
                           struct jb_error *error);
/* Combined standard uncertainty by group into ret_standard[0 … group_count−1], in the amount's unit: 0 for a
 * group to which nothing was added, NaN when one of its uncertainties is not known. */
void jb_spread_finish(struct jb_spread *spread, size_t group_count, double *ret_standard);

/* 95 % interval about amount (jb_interval_95), not below 0 where the amount is 0. */
void jb_interval(jb_int128 amount, double standard, double *ret_low, double *ret_high);

JB_DEFINE_CLEANUP(struct jb_origins, jb_origins_free);
JB_DEFINE_CLEANUP(struct jb_spread, jb_spread_free);

#endif
