/* The ledger over whatever store the book lives in. */
#include "ledger/ledger.h"

enum jb_code jb_ledger_open(const char *url, enum jb_store_mode mode, struct jb_error *error,
                            struct jb_ledger **ret_ledger) {
    (void)mode, (void)ret_ledger;
    return jb_error_set(error, JB_UNSUPPORTED, "no store in this build for %s",
                        url ? url : "the default book");
}
