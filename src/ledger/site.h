/* Sites with meters: what these read is kept beside the flows that follow from it, so that the flows can be
 * made anew when hosts of the site are booked, or taken back, after them. */
#ifndef JB_LEDGER_SITE_H
#define JB_LEDGER_SITE_H

#include "ledger/ledger.h"

#define JB_SITE_NAME_SIZE 128
#define JB_SITE_BATCH     "import meter " /* what their batches' identities begin with */

enum jb_site_role {
    JB_SITE_FACILITY,   /* all that comes from the grid */
    JB_SITE_GENERATION, /* an own plant behind the facility meter, which it adds to */
    JB_SITE_IT,
    JB_SITE_OVERHEAD, /* a part that is no IT */
    JB_SITE_ROLE_COUNT,
};

struct jb_site_meter {
    char path[JB_ACCOUNT_SIZE]; /* its own account; of a facility the site's */
    enum jb_site_role role;
    uint32_t uncertainty_ppm;
    /* Of the interval that was summed last: */
    size_t first_step, step_count;
    jb_int128 amount;
    bool is_known; /* its steps cover the interval */
};

struct jb_site_step {
    int64_t start_ns, end_ns;
    jb_int128 amount; /* µJ, ≥ 0 */
    uint32_t meter;   /* index */
};

/* Between times at which no meter is within a step. Its steps stand by meter, each in order of time. */
struct jb_site_interval {
    int64_t start_ns, end_ns;
    jb_int128 host_in, host_out; /* what hosts have booked into the site and out of it */
    size_t first_step, step_count;
};

struct jb_site_readings {
    char name[JB_SITE_NAME_SIZE];
    char grid[JB_ACCOUNT_SIZE]; /* the account that feeds the facility */
    uint64_t revision;          /* 1 …: what is booked anew has another name */
    struct jb_site_meter *meters;
    struct jb_site_step *steps;
    struct jb_site_interval *intervals; /* in order, not overlapping */
    size_t meter_count, meter_capacity, step_count, step_capacity, interval_count, interval_capacity;
};
void jb_site_readings_free(struct jb_site_readings *site); /* NULL-safe; leaves it empty */

enum jb_code jb_site_add_meter(struct jb_site_readings *site, const struct jb_site_meter *meter,
                               struct jb_error *error);
/* Opens an interval; steps are added to the last one. */
enum jb_code jb_site_add_interval(struct jb_site_readings *site, int64_t start_ns, int64_t end_ns,
                                  struct jb_error *error);
enum jb_code jb_site_add_step(struct jb_site_readings *site, const struct jb_site_step *step,
                              struct jb_error *error);
void jb_site_drop_interval(struct jb_site_readings *site); /* the last one, with its steps */

/* Sums over the meters of a role; is_known: all of them are. */
struct jb_site_sum {
    size_t count;
    jb_int128 amount;
    bool is_known, has_ppm;
    double variance; /* (amount · u)², added up */
};
struct jb_site_sums {
    struct jb_site_sum roles[JB_SITE_ROLE_COUNT];
};
/* Also fills what the meters say of the interval. */
void jb_site_sum(struct jb_site_readings *site, size_t interval, struct jb_site_sums *ret_sums);

struct jb_site_flows {
    struct jb_flow *items;
    size_t count, capacity;
    jb_int128 variance_uj; /* by which inner meters exceed the outer one */
    jb_int128 excess_uj;   /* by which hosts, metered on their own, exceed the facility */
};
/* One flow, or several where 64 bits do not hold it; an amount of 0 is booked: it is known. flow.amount is
 * not looked at. */
enum jb_code jb_site_flows_add(struct jb_site_flows *flows, const struct jb_flow *flow, jb_int128 amount,
                               struct jb_error *error);

struct jb_site_accounts {
    jb_account_id site, grid, overhead, unattributed, variance;
    jb_account_id *meters; /* malloc'd */
};
/* ledger NULL: only checks that the paths are valid; the ids are 0. */
enum jb_code jb_site_accounts(const struct jb_site_readings *site, struct jb_ledger *ledger,
                              struct jb_error *error, struct jb_site_accounts *ret_accounts);

/* Adds the flows of one interval. With F what the facility takes from the grid, G what own plants give, I
 * what IT meters read, O other sub-meters, H what hosts have booked themselves (into the site and out of it):
 *   grid → site                 F − H
 *   plant → site                G
 *   site → site/<s>/it/<meter>  I − H, by the meters' readings
 *   site → site/<s>/overhead/<meter>  O
 *   site → site/<s>/overhead    F + G − I − O; where I or O is not known, the rest to site/<s>/unattributed
 * Parts that exceed the whole come from site/<s>/meter-variance. Pure. */
enum jb_code jb_site_make_flows(struct jb_site_readings *site, size_t interval,
                                const struct jb_site_accounts *accounts, struct jb_site_flows *flows,
                                struct jb_error *error);

/* site_document.c: as text, and back (JB_INPUT: it is none). */
enum jb_code jb_site_write(const struct jb_site_readings *site, struct jb_buffer *text,
                           struct jb_error *error);
enum jb_code jb_site_parse(const char *text, size_t length, struct jb_error *error,
                           struct jb_site_readings *ret_site);

/* What the book has of a site's meters. */
struct jb_site_booked {
    char identity[256];
    char sha256[17]; /* of its document: the first digits */
    int64_t start_ns, end_ns;
};
/* Batches that stand (not taken back) and have intervals in [from, to); malloc'd. */
enum jb_code jb_site_find_booked(struct jb_ledger *ledger, const char *name, int64_t from_ns, int64_t to_ns,
                                 struct jb_error *error, struct jb_site_booked **ret_booked,
                                 size_t *ret_count);
/* The readings of a batch. JB_NO_DATA: the book has only flows of it (they were imported from another book).
 */
enum jb_code jb_site_read(struct jb_ledger *ledger, const struct jb_site_booked *booked,
                          struct jb_error *error, struct jb_site_readings *ret_site);

/* Sets host_in and host_out of `count` intervals to all that the book has into and out of the site, without
 * what stays within it. */
enum jb_code jb_site_find_hosts(struct jb_ledger *ledger, struct jb_site_readings *site, size_t first,
                                size_t count, struct jb_error *error);

/* Books the readings and what follows from them, as one batch, in the place of `replaces` (NULL none). Part
 * of a transaction that the caller has begun. */
enum jb_code jb_site_append(struct jb_ledger *ledger, struct jb_site_readings *site,
                            const struct jb_site_flows *flows, const char *replaces, struct jb_error *error);
/* Whether both lie in batches of the same days: an interval within one day has batches by day. */
bool jb_site_is_same_piece(const struct jb_site_interval *a, const struct jb_site_interval *b);

/* Makes the flows of the site's meters anew where hosts have other amounts in [from, to) than they were made
 * with. Part of a transaction that the caller has begun. JB_UNSUPPORTED: single flows of it were dropped by a
 * roll-up. */
enum jb_code jb_site_settle(struct jb_ledger *ledger, const char *name, int64_t from_ns, int64_t to_ns,
                            struct jb_error *error);

JB_DEFINE_CLEANUP(struct jb_site_readings, jb_site_readings_free);

#endif
