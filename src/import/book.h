/* Books what files hold: all of it is checked before anything is booked, and each batch is booked whole. */
#ifndef JB_IMPORT_BOOK_H
#define JB_IMPORT_BOOK_H

#include "import/import.h"
#include "ledger/ledger.h"

struct jb_import_request {
    const char *book; /* as for jb_ledger_open; made when it is not there and something is to be booked */
    const struct jb_import_ops *format; /* NULL: found by the first bytes of each file */
    const char *const *paths;           /* "-" is standard input; pipes are first copied to a nameless file */
    size_t path_count;
    FILE *const *files;           /* see jb_inputs_open */
    bool is_dry_run;              /* check and count, book nothing */
    struct jb_progress *progress; /* NULL; its places are the paths */
};

struct jb_import_result {
    uint64_t flow_count, batch_count;         /* in the files */
    uint64_t new_flow_count, new_batch_count; /* of them not in the book before */
    uint64_t rest_flow_count;                 /* in batches of which the book has more flows than the files */
    int64_t first_ns, last_ns;                /* from the earliest start to the latest end */
};

/* Imports files into a book. Flows that name no batch form one, "import
 * <format> <hash of the file's bytes>", so that the same file is never booked twice. Batches are booked in an
 * order that keeps flows with the same start in the order of the files. A batch "reversal of X" must take
 * back exactly what X booked; other negative amounts are JB_INPUT. When a batch is in the book already,
 * nothing of it changes; JB_INPUT when the files have more flows of it than the book. On any JB_INPUT nothing
 * is booked. A failure in between (disk full) leaves whole batches: importing the same files again completes
 * it. */
enum jb_code jb_import_book(const struct jb_import_request *request, struct jb_error *error,
                            struct jb_import_result *ret_result);

#endif
