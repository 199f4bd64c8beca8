/* What the files that book a site share: the site under way, with its meters and intervals. */
#ifndef JB_IMPORT_METER_DESK_H
#define JB_IMPORT_METER_DESK_H

#include "import/meter_internal.h"

/* One meter of the site. */
struct jb_meter_part {
    const struct jb_meter *meter;
    char path[JB_ACCOUNT_SIZE]; /* its own account; of a facility: the site */
    jb_account_id account;
    size_t first, next; /* its steps within the interval */
    jb_int128 amount;   /* of these */
    bool is_known;      /* they cover the interval */
    size_t last_gap;    /* its latest in the list of gaps; SIZE_MAX none */
};

/* Between times at which no meter is within a step. */
struct jb_meter_interval {
    int64_t start_ns, end_ns;
    jb_int128 host_in, host_out; /* what hosts have booked into the site and out of it */
    int64_t own_flows;           /* that this import has booked before */
};

struct jb_meter_desk {
    const char *name;
    char path[JB_ACCOUNT_SIZE];
    jb_account_id account, grid, overhead, unattributed, variance, water;
    struct jb_meter_part *parts;
    size_t part_count;
    struct jb_meter_interval *intervals;
    size_t interval_count;
    struct jb_flow *flows;
    size_t flow_count, flow_capacity;
    struct jb_gap *gaps;
    size_t gap_count, gap_capacity;
    struct jb_ledger *ledger; /* NULL: nothing there yet */
    bool is_dry_run;
};

static inline bool jb_meter_is_energy(const struct jb_meter_part *part) {
    return part->meter->rule->role != JB_METER_WATER;
}

/* meter_energy.c. One flow, or several where 64 bits do not hold it; an amount of 0 is booked: it is known.
 */
enum jb_code jb_meter_add_flow(struct jb_meter_desk *site, int64_t start_ns, int64_t end_ns,
                               jb_account_id from, jb_account_id to, jb_int128 amount, enum jb_method method,
                               uint32_t ppm, jb_commodity commodity, struct jb_error *error);
/* A gap of one meter; one that follows on its latest makes that longer. */
enum jb_code jb_meter_add_gap(struct jb_meter_desk *site, struct jb_meter_part *part, int64_t start_ns,
                              int64_t end_ns, struct jb_error *error);
/* Flows and gaps of every interval that the book does not have; result: what they add up to. */
enum jb_code jb_meter_book_energy(struct jb_meter_desk *site, struct jb_meter_site *result,
                                  struct jb_error *error);

/* meter_water.c: the steps of one water meter that the book does not have. */
enum jb_code jb_meter_book_water(struct jb_meter_desk *site, struct jb_meter_part *part,
                                 struct jb_error *error);

#endif
