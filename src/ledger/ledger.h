/* The ledger: append, reverse, sum, balance and explain over whatever store the book lives in. */
#ifndef JB_LEDGER_LEDGER_H
#define JB_LEDGER_LEDGER_H

#include "store/store.h"

struct jb_ledger; /* opaque */

/* url: a path, "sqlite:PATH", or "memory:". NULL: the default book, $JOULEBOOK_BOOK, else
 * $XDG_DATA_HOME/joulebook/book.db (~/.local/share/…), and /var/lib/joulebook/book.db for root. */
enum jb_code jb_ledger_open(const char *url, enum jb_store_mode mode, struct jb_error *error,
                            struct jb_ledger **ret_ledger);
void jb_ledger_close(struct jb_ledger *ledger); /* NULL-safe */
const char *jb_ledger_url(const struct jb_ledger *ledger);
/* The store beneath, for what needs no rule of the ledger (positions, gaps, labels, locks, roll-ups). */
struct jb_store *jb_ledger_store(struct jb_ledger *ledger);

/* Id of a path, made when new; the path is validated. Cached: no query when it is known. */
enum jb_code jb_ledger_account(struct jb_ledger *ledger, const char *path, struct jb_error *error,
                               jb_account_id *ret_id);
const char *jb_ledger_path(struct jb_ledger *ledger, jb_account_id id); /* "" unknown */

/* See jb_store_ops.append and .reverse. Where the meters of a site have booked a period, and now hosts of it
 * are booked there, or taken back, what the meters book beside them is made anew (site.h) in the same
 * transaction: so it does not matter who is booked first. */
enum jb_code jb_ledger_append(struct jb_ledger *ledger, const struct jb_batch *batch, struct jb_error *error,
                              bool *ret_new);
enum jb_code jb_ledger_reverse(struct jb_ledger *ledger, const char *identity, struct jb_error *error,
                               bool *ret_new);

/* What is appended and reversed until release is settled with meters of sites once, at the end; from the
 * first flow on that meters have to be settled with, it is one transaction. release takes how it went (JB_OK,
 * or all of that transaction is undone) and returns it, or why it could not be settled. */
void jb_ledger_hold(struct jb_ledger *ledger);
/* The same, but one transaction from here on, whatever is in it: all of it is booked, or nothing. */
enum jb_code jb_ledger_begin(struct jb_ledger *ledger, struct jb_error *error);
enum jb_code jb_ledger_release(struct jb_ledger *ledger, enum jb_code code, struct jb_error *error);

/* Where the book does not balance: an account that is neither supply nor final and whose inflow and outflow
 * differ over a stretch of time (flows of that account that overlap in time make one stretch). */
struct jb_imbalance {
    jb_account_id account;
    jb_commodity commodity;
    int64_t start_ns, end_ns;
    jb_int128 inflow, outflow;
};
struct jb_balance {
    uint64_t flow_count, stretch_count, account_count; /* what was checked */
    jb_int128 energy_supplied_uj, energy_consumed_uj;  /* out of supplies and variance; into final accounts */
    jb_int128 energy_variance_uj;                      /* out of meter-variance accounts */
    jb_int128 energy_unattributed_uj;                  /* into `unattributed` accounts */
    struct jb_imbalance *imbalances;                   /* ordered by size, at most 1000 kept */
    size_t imbalance_count;                            /* kept */
    uint64_t imbalance_total;                          /* found */
    struct jb_gap *gaps;
    size_t gap_count;
    int64_t first_ns, last_ns;
};
enum jb_code jb_ledger_balance(struct jb_ledger *ledger, const struct jb_query *query, struct jb_error *error,
                               struct jb_balance *ret_balance);
void jb_balance_free(struct jb_balance *balance);
_Bool jb_balance_is_good(const struct jb_balance *balance); /* no imbalance */

#endif
