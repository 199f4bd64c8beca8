/* What the files that book a site share: the site under way, with its meters and intervals. */
#ifndef JB_IMPORT_METER_DESK_H
#define JB_IMPORT_METER_DESK_H

#include "import/meter_internal.h"
#include "ledger/site.h"

/* One meter of the site. */
struct jb_meter_part {
    const struct jb_meter *meter;
    char path[JB_ACCOUNT_SIZE]; /* its own account; of a facility: the site */
    jb_account_id account;
    uint32_t index;     /* in site->meters, of a meter of energy */
    size_t first, next; /* its steps within the interval */
    size_t last_gap;    /* its latest in the list of gaps; SIZE_MAX none */
};

struct jb_meter_desk {
    const char *name;
    char path[JB_ACCOUNT_SIZE];
    jb_account_id water;
    struct jb_meter_part *parts;
    size_t part_count;
    struct jb_site_readings site; /* meters of energy, and every interval with what was read in it */
    bool *is_booked;              /* of each interval: the book has it */
    struct jb_site_flows other;   /* of water */
    uint64_t series_count;        /* of reused energy that are new or changed */
    struct jb_gap *gaps;
    size_t gap_count, gap_capacity;
    struct jb_ledger *ledger; /* NULL: nothing there yet */
    bool is_dry_run;
};

/* Energy that is booked: what is used again was booked when it was used first. */
static inline bool jb_meter_is_energy(const struct jb_meter_part *part) {
    return part->meter->rule->role != JB_METER_WATER && part->meter->rule->role != JB_METER_REUSED;
}

/* meter_energy.c. A gap of one meter; one that follows on its latest makes that longer. */
enum jb_code jb_meter_add_gap(struct jb_meter_desk *desk, struct jb_meter_part *part, int64_t start_ns,
                              int64_t end_ns, struct jb_error *error);
/* Fills site.intervals: between times at which no meter is within a step, with the steps in them. */
enum jb_code jb_meter_find_intervals(struct jb_meter_desk *desk, struct jb_error *error);
/* Books the intervals that the book does not have, and finds gaps; result: what they add up to. */
enum jb_code jb_meter_book_energy(struct jb_meter_desk *desk, struct jb_meter_site *result,
                                  uint64_t *flow_count, struct jb_error *error);

/* meter_water.c: the steps of one water meter that the book does not have. */
enum jb_code jb_meter_book_water(struct jb_meter_desk *desk, struct jb_meter_part *part,
                                 struct jb_error *error);

/* meter_reuse.c: the steps of one meter of reused energy, as a series; again changes nothing. */
enum jb_code jb_meter_keep_reuse(const struct jb_meter_desk *desk, const struct jb_meter_part *part,
                                 struct jb_error *error, bool *ret_changed);

#endif
