/* Amounts of bills, added up before they are rounded: once per account, interval and commodity. */
#ifndef JB_IMPORT_BILL_SUMS_H
#define JB_IMPORT_BILL_SUMS_H

#include "base/decimal.h"
#include "base/strings.h"
#include "import/bill_flows.h"

#define JB_BILL_NO_LANE UINT32_MAX

/* What a group of rows adds. Energy (µJ) and carbon (µg) in millionths of what is booked, with their standard
 * uncertainties (errors of one model add up): whole numbers, so that sums do not depend on the order of rows.
 */
struct jb_bill_amounts {
    jb_int128 energy, energy_standard;
    jb_int128 embodied, embodied_standard;
    jb_int128 money; /* 10^-12 */
};

struct jb_bill_sums; /* opaque */

enum jb_code jb_bill_sums_make(struct jb_error *error, struct jb_bill_sums **ret_sums);
void jb_bill_sums_free(struct jb_bill_sums *sums); /* NULL-safe */

/* Number of what flows from one account to another; accounts by number of their texts. */
enum jb_code jb_bill_sums_lane(struct jb_bill_sums *sums, uint32_t from, uint32_t to, jb_commodity commodity,
                               struct jb_error *error, uint32_t *ret_lane);
/* Number of the lanes that a group's energy, embodied carbon and money take; JB_BILL_NO_LANE: it has none. */
enum jb_code jb_bill_sums_route(struct jb_bill_sums *sums, uint32_t energy, uint32_t embodied, uint32_t money,
                                struct jb_error *error, uint32_t *ret_route);
/* Number of an interval. */
enum jb_code jb_bill_sums_time(struct jb_bill_sums *sums, int64_t start_ns, int64_t end_ns,
                               struct jb_error *error, uint32_t *ret_time);

/* Bills one after the other, when all intervals are known. Adds to the sums of the bill in work. */
enum jb_code jb_bill_sums_add(struct jb_bill_sums *sums, uint32_t route, uint32_t time,
                              const struct jb_bill_amounts *amounts, struct jb_error *error);
/* The sums of the bill in work as its flows, in order of start, end, accounts, commodity; then the next bill
 * begins. texts: of the accounts. ret_flows: room for as many as the routes that were added to have lanes.
 * JB_LIMIT: an amount beyond 64 bits. */
enum jb_code jb_bill_sums_finish(struct jb_bill_sums *sums, const struct jb_strings *texts,
                                 struct jb_error *error, struct jb_bill_flow *ret_flows, size_t *ret_count);

/* Half to even. divisor: above 0. */
jb_int128 jb_bill_round(jb_int128 value, int64_t divisor);
#define JB_BILL_SCALE 1000000 /* of sums, to what is booked */

JB_DEFINE_CLEANUP(struct jb_bill_sums, jb_bill_sums_free);

#endif
