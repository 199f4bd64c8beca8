/* Which sites' meters have booked the periods of flows that hosts book, and settling them. */
#ifndef JB_LEDGER_SITE_SETTLE_H
#define JB_LEDGER_SITE_SETTLE_H

#include "ledger/site.h"

/* From when to when flows go into a site or out of it. */
struct jb_site_touch {
    jb_account_id site;
    int64_t from_ns, to_ns;
};
struct jb_site_touch_list {
    struct jb_site_touch *items; /* one a site */
    size_t count, capacity;
};
struct jb_site_touches {
    struct jb_site_touch_list pending; /* to be settled */
    struct jb_site_touch_list found;   /* of one batch; kept, so that a warm meter allocates nothing */
};
void jb_site_touches_free(struct jb_site_touches *touches); /* NULL-safe; leaves it empty */

/* Whether a batch can have to do with the meters of a site: from its flows alone. */
bool jb_site_may_touch(struct jb_ledger *ledger, const struct jb_batch *batch);
/* Adds the sites that a batch (with what it replaces), or when it is NULL the reversal of `identity`, touches
 * where their meters have booked. ret_met: there is any. Part of a transaction, before it is booked. */
enum jb_code jb_site_touches_find(struct jb_site_touches *touches, struct jb_ledger *ledger,
                                  const struct jb_batch *batch, const char *identity, struct jb_error *error);
/* jb_site_settle of each that is pending. */
enum jb_code jb_site_touches_settle(const struct jb_site_touches *touches, struct jb_ledger *ledger,
                                    struct jb_error *error);

#endif
