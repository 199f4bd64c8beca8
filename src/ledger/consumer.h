/* Which accounts consume: final ones, and those without a role that pass nothing on; and who a label is for.
 */
#ifndef JB_LEDGER_CONSUMER_H
#define JB_LEDGER_CONSUMER_H

#include "base/cleanup.h"
#include "ledger/ledger.h"

struct jb_consumers; /* opaque */

/* sums: of query's period, all accounts. An account without a role of its own (cloud/…) consumes when nothing
 * flows out of it in the whole book: so the answer is the same for every period. With query->account only
 * accounts at or below it count. */
enum jb_code jb_consumers_make(struct jb_ledger *ledger, const struct jb_query *query,
                               const struct jb_sum *sums, size_t sum_count, struct jb_error *error,
                               struct jb_consumers **ret_consumers);
void jb_consumers_free(struct jb_consumers *consumers); /* NULL-safe */
bool jb_consumers_have(const struct jb_consumers *consumers, jb_account_id account, jb_commodity commodity);

/* Whether the label's pattern matches the path or one that it lies below. */
bool jb_label_holds(const struct jb_label *label, const char *path);

JB_DEFINE_CLEANUP(struct jb_consumers, jb_consumers_free);

#endif
