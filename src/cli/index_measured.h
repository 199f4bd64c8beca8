/* What the book measures of the things that an index asks people whether they fear. */
#ifndef JB_CLI_INDEX_MEASURED_H
#define JB_CLI_INDEX_MEASURED_H

#include "cli/cli.h"
#include "report/view_stand.h"

#define JB_MEASURED_COUNT 7

struct jb_measured_request {
    const char *project; /* that is to pay back; NULL: none */
    struct jb_query query;
};

/* ledger NULL: there is no book. What cannot be known says why, and the mend. Returns -1 to go on. */
int jb_index_measure(const struct jb_cli *cli, struct jb_ledger *ledger,
                     const struct jb_measured_request *request,
                     struct jb_measured ret_measured[static JB_MEASURED_COUNT]);

#endif
