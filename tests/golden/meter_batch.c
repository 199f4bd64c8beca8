/* Books what only a meter books, for the sessions of tests/golden: counter positions, and a stretch of which
 * nothing is known. usage: meter-batch BOOK */
#include "base/cleanup.h"
#include "base/clock.h"
#include "ledger/ledger.h"

#include <stdio.h>

#define START_NS (INT64_C(1785492180) * JB_SECOND_NS) /* 2026-07-31T10:03:00Z */

int main(int argc, char **argv) {
    struct jb_ledger *ledger;
    struct jb_error error = {0};
    struct jb_position positions[] = {
        {.counter = "energy:rapl/package-0#0", .value = UINT64_C(262143328850), .realtime_ns = START_NS},
        {.counter = "energy:nvml/GPU-7#1f", .value = UINT64_C(99000000), .realtime_ns = START_NS},
        {.counter = "cpu:system.slice", .value = 5, .realtime_ns = START_NS},
    };
    struct jb_gap gap = {
        .start_ns = START_NS, .end_ns = START_NS + 90 * JB_SECOND_NS, .reason = "gpu0: driver gone"};
    struct jb_batch batch = {.identity = "meter h1 6f1a 180-270",
                             .host = "h1",
                             .boot_id = "6f1a",
                             .positions = positions,
                             .position_count = JB_COUNT(positions),
                             .gaps = &gap,
                             .gap_count = 1};
    bool is_new;
    if (argc != 2) {
        fputs("usage: meter-batch BOOK\n", stderr);
        return 2;
    }
    enum jb_code code = jb_ledger_open(argv[1], JB_STORE_CREATE, &error, &ledger);
    if (!code)
        code = jb_ledger_account(ledger, "host/h1/gpu0", &error, &gap.account);
    if (!code)
        code = jb_ledger_append(ledger, &batch, &error, &is_new);
    if (code)
        fprintf(stderr, "meter-batch: %s\n", error.message);
    else
        jb_ledger_close(ledger);
    return code ? 4 : 0;
}
