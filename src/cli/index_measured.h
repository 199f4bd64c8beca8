/* What the book measures of the things that an index asks people whether they fear. */
#ifndef JB_CLI_INDEX_MEASURED_H
#define JB_CLI_INDEX_MEASURED_H

#include "ledger/ledger.h"
#include "report/view_stand.h"

#define JB_MEASURED_COUNT 5

/* ledger NULL: there is no book, as `why` says. What cannot be known from it says why, and the mend. */
enum jb_code jb_index_measure(struct jb_ledger *ledger, const char *why, const struct jb_query *query,
                              struct jb_error *error,
                              struct jb_measured ret_measured[static JB_MEASURED_COUNT]);

#endif
