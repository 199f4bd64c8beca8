/* The meter: samples at every tick, books at every booking time, and makes up for the time it was down. */
#ifndef JB_METER_METER_H
#define JB_METER_METER_H

#include "ledger/ledger.h"
#include "meter/sampler.h"

struct jb_meter_options {
    struct jb_sampler_options sampler;
    int64_t interval_ns;   /* between ticks */
    int64_t book_every_ns; /* between bookings; these lie on multiples of it in UTC */
    int64_t keep_ns;       /* how long flows are kept before only their roll-ups remain; 0: for good */
    const char *site;      /* account, "site/local" */
    const char *grid;      /* account, "grid/unknown" */
};

struct jb_meter; /* opaque */

/* Takes the lock "meter <host>" (JB_BUSY: another meter has it), opens the sampler, takes the first sample,
 * and books the energy since the positions in the book: to `unattributed`, by cgroup where its CPU counter
 * survived; or, where the counters did not (another boot), the gap as unknown. */
enum jb_code jb_meter_open(struct jb_ledger *ledger, const struct jb_meter_options *options,
                           struct jb_error *error, struct jb_meter **ret_meter);

/* When the next tick is due, ns of CLOCK_MONOTONIC: a multiple of the interval. */
int64_t jb_meter_next_ns(const struct jb_meter *meter);

/* One tick now, and a booking when it is due. A booking that fails keeps everything for the next; the message
 * says why. */
enum jb_code jb_meter_step(struct jb_meter *meter, struct jb_error *error);

/* Samples once more and books what is not booked yet. */
enum jb_code jb_meter_finish(struct jb_meter *meter, struct jb_error *error);
void jb_meter_close(struct jb_meter *meter); /* NULL-safe; does not book */

struct jb_meter_status {
    uint64_t tick_count, batch_count;
    int64_t booked_until_ns; /* UTC; 0 nothing yet */
    uint64_t energy_uj;      /* of the host since the start, as far as it is known */
    bool any_known;
    int64_t elapsed_ns; /* metered so far */
};
struct jb_meter_status jb_meter_status(const struct jb_meter *meter);
struct jb_sampler *jb_meter_sampler(struct jb_meter *meter);

JB_DEFINE_CLEANUP(struct jb_meter, jb_meter_close);

#endif
