/* Books bills: every bill of one account and month whole, once, and in the place of what it restates. */
#ifndef JB_IMPORT_BILL_IMPORT_H
#define JB_IMPORT_BILL_IMPORT_H

#include "import/bill_flows.h"
#include "ledger/ledger.h"

struct jb_bill_request {
    const char *book; /* as for jb_ledger_open; made when it is not there and something is to be booked */
    struct jb_bill_question question;
    bool is_dry_run;
    bool is_restated; /* the files have all of each bill's month: it replaces one of more days, too */
};

struct jb_bill_result {
    struct jb_bill_scans scans; /* what was read; bad rows are in the tables */
    struct jb_bill_flows *flows;
    uint64_t row_count, bad_count, flow_count;
    uint64_t new_count, new_flow_count;           /* bills that are booked now, and their flows */
    uint64_t replaced_count, replaced_flow_count; /* bills that were taken back for them */
    uint64_t known_count;                         /* bills that the book has as they are */
    jb_int128 energy_uj, embodied_ug;             /* of all bills read */
    bool knows_energy, knows_embodied;            /* of any of them: a sum of nothing is no zero */
    int64_t first_ns, last_ns;                    /* of all flows; equal when there is none */
};

/* A bill is what a provider charges one account for one month. Its batch is "bill <provider> <payer>
 * <account> <month> <first day>..<last day> <hash of its flows>". The same flows again change nothing. Others
 * in the book that are of the same account and month, and whose days it covers, are taken back in the same
 * transaction: so a restated bill replaces the old one, and parts of a month that do not overlap stand beside
 * each other. JB_INPUT when it covers only part of the days of one that is booked, unless is_restated.
 * Checked before anything is booked; all bills are one transaction. Labels that the book does not have are
 * set. */
enum jb_code jb_bill_import(const struct jb_bill_request *request, struct jb_error *error,
                            struct jb_bill_result *ret_result);
void jb_bill_result_free(struct jb_bill_result *result); /* NULL-safe */

#endif
