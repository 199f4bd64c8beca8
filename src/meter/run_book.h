/* Books the energy of one command, where no meter books it already. */
#ifndef JB_METER_RUN_BOOK_H
#define JB_METER_RUN_BOOK_H

#include "ledger/ledger.h"
#include "meter/run_meter.h"

struct jb_run_booking {
    bool is_booked;
    char identity[256]; /* of the batch */
    char account[JB_ACCOUNT_SIZE];
    char why_not[512]; /* one line; "" when it is booked */
};

/* Flows grid → site → host → domains → the command's cgroup → its process, over the time of the run,
 * balanced. Not booked (JB_OK, why_not says it) when the energy is not known or 0, when a meter of this host
 * holds the book, or when the book has counter positions of this boot: a meter has then booked this time, or
 * will, as the time in which it was down. command: its name. outer_url: of the book that a run around this
 * one books into, NULL none. */
enum jb_code jb_run_book(struct jb_ledger *ledger, const struct jb_run_result *result, const char *command,
                         const char *outer_url, struct jb_error *error, struct jb_run_booking *ret_booking);

#endif
