/* The unit of book-keeping: one amount from one account to another over an interval, and the batch it came
 * in. */
#ifndef JB_TYPES_FLOW_H
#define JB_TYPES_FLOW_H

#include "base/decimal.h"
#include "base/progress.h"
#include "types/account.h"
#include "types/commodity.h"
#include "types/method.h"

#include <stddef.h>
#include <stdint.h>

/* Relative standard uncertainty (1 σ / value) in millionths, GUM (JCGM 100) 5.1.6. */
#define JB_UNCERTAINTY_UNKNOWN UINT32_MAX
/* One that was worked out (millionths, ≥ 0), rounded up to two figures of a coarse scale, so that the number
 * of routes stays small. */
uint32_t jb_uncertainty_coarse(double ppm);

struct jb_flow {
    int64_t start_ns, end_ns; /* [start, end), UTC ns since 1970; start < end */
    jb_account_id from, to;   /* ids of the ledger that it is booked into; different */
    int64_t amount;           /* in the commodity's unit; ≥ 0, negative only in a reversal */
    jb_commodity commodity;
    enum jb_method method;
    uint32_t uncertainty_ppm;
};

/* Times that a book takes: whole days within what int64 ns can hold (1677 to 2262). */
#define JB_BOOK_FIRST_NS (INT64_C(-106750) * 86400 * 1000000000)
#define JB_BOOK_LAST_NS  (INT64_C(106750) * 86400 * 1000000000)

/* What of an amount spread evenly over [start, end) lies in [from, to): F(to) − F(from) with
 * F(t) = amount · (t − start) / (end − start), rounded toward zero, t clamped to the interval. Pieces of any
 * partition add up to the amount exactly, and the pieces of −amount are the negated ones. start < end. */
jb_int128 jb_amount_part(jb_int128 amount, int64_t start_ns, int64_t end_ns, int64_t from_ns, int64_t to_ns);

#define JB_HOST_SIZE    64
#define JB_BOOT_SIZE    40
#define JB_COUNTER_SIZE 768

/* Where a cumulative counter stood when a batch was booked: the next reading continues from here. */
struct jb_position {
    char counter[JB_COUNTER_SIZE]; /* "energy:rapl/package-0" (µJ) or "cpu:/system.slice/x" (ns), "state:…" */
    uint64_t value;
    int64_t realtime_ns, boottime_ns; /* when it was read */
};

/* A stretch of which the energy is not known: never booked as zero, shown by balance and statement. */
struct jb_gap {
    int64_t start_ns, end_ns;
    jb_account_id account; /* what was not seen: host/h1, host/h1/cpu0 */
    char reason[128];
};

/* What is booked in one transaction, or not at all. */
struct jb_batch {
    const char *identity; /* unique: "meter h1 <boot id> <start boottime>-<end boottime>"; 1 to 255 bytes */
    const char *host;     /* whose positions these are; NULL when there are none */
    const char *boot_id;
    const struct jb_flow *flows;
    size_t flow_count;
    const struct jb_position *positions; /* replace the host's earlier ones of the same counter name; the
                                            host's other positions are dropped when replace_positions */
    size_t position_count;
    const struct jb_gap *gaps;
    size_t gap_count;
    bool replace_positions;
    const char *const *replaces; /* identities of batches whose place it takes: they are taken back with it */
    size_t replace_count;
    struct jb_progress *progress; /* gets each flow that is written as done; NULL */
};

#endif
