/* Statements: what final accounts consumed in a period, grouped by a level of the account path or a label. */
#ifndef JB_LEDGER_STATEMENT_H
#define JB_LEDGER_STATEMENT_H

#include "ledger/coverage.h"

enum jb_group_by {
    JB_BY_ACCOUNT, /* the path, cut to `depth` components (0: whole) */
    JB_BY_HOST,
    JB_BY_CGROUP,  /* cgroup path; parts of a host outside any cgroup as "(idle)", "(rest)", "(kernel)" … */
    JB_BY_PROCESS, /* process name over all cgroups; what is no process as "(idle)", "(exited)" … */
    JB_BY_LABEL,   /* value of label `label_key`; "(no team)" where there is none */
};

struct jb_statement_row {
    char *name; /* encoded as in the account path */
    jb_commodity commodity;
    jb_int128 amount;                     /* consumed: net inflow of the final accounts of the group */
    jb_int128 by_method[JB_METHOD_COUNT]; /* the same, split; sums to amount exactly */
    double low, high;                     /* 95 % interval; both NaN when an uncertainty is unknown */
};

struct jb_statement {
    struct jb_statement_row *rows; /* ordered by commodity, then amount descending, then name */
    size_t row_count;
    struct jb_statement_row *totals; /* one per commodity, name "total"; the same whatever the grouping */
    size_t total_count;
    int64_t first_ns, last_ns; /* what the flows cover */
    struct jb_gap *gaps;
    size_t gap_count;
    struct jb_coverage coverage; /* of what clouds billed */
};

struct jb_statement_request {
    struct jb_query query;
    enum jb_group_by by;
    unsigned depth;
    const char *label_key;
};

enum jb_code jb_statement_make(struct jb_ledger *ledger, const struct jb_statement_request *request,
                               struct jb_error *error, struct jb_statement *ret_statement);
void jb_statement_free(struct jb_statement *statement); /* NULL-safe */

#endif
