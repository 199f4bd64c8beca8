/* How much of what the use of clouds cost has an estimate of its energy, and what has none. */
#ifndef JB_LEDGER_COVERAGE_H
#define JB_LEDGER_COVERAGE_H

#include "ledger/ledger.h"

/* A service whose use has no estimate. */
struct jb_coverage_row {
    char *name; /* "aws/AmazonS3": provider and service as in the account path */
    jb_commodity currency;
    jb_int128 cost;
};
struct jb_coverage_total {
    jb_commodity currency;
    jb_int128 used, unknown; /* what use cost, and the part of it without an estimate */
    jb_int128 energy_alone;  /* the part of it with an estimate of energy and none of embodied carbon */
};

struct jb_coverage {
    struct jb_coverage_row *rows; /* by currency, then cost, largest first */
    size_t row_count;
    struct jb_coverage_total *totals; /* by currency */
    size_t total_count;
};

/* Of the query's period and account, in any currency, or in the query's commodity when that is one. */
enum jb_code jb_coverage_make(struct jb_ledger *ledger, const struct jb_query *query, struct jb_error *error,
                              struct jb_coverage *ret_coverage);
void jb_coverage_free(struct jb_coverage *coverage); /* NULL-safe */

#endif
