/* The time a meter was down: energy since the positions in the book, booked once, to nobody or by cgroup. */
#ifndef JB_METER_GAP_H
#define JB_METER_GAP_H

#include "meter/booking.h"
#include "meter/sampler.h"

/* Compares the positions that the book has of this host with the sampler's first sample; books the energy
 * between, or the gap as unknown, or (no positions yet) only the starting positions. Also takes learned idle
 * power and the debt between meters over. now_*: the moment of the first sample. */
enum jb_code jb_gap_book(struct jb_ledger *ledger, struct jb_booking *booking, struct jb_sampler *sampler,
                         struct jb_error *error);

#endif
