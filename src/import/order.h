/* In which order to book batches so that flows which start together stay in the order of the file. */
#ifndef JB_IMPORT_ORDER_H
#define JB_IMPORT_ORDER_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Batch `before` has to be booked before batch `after`. */
struct jb_order_edge {
    uint32_t before, after;
};

/* An order of the batches 0 … batch_count−1 that keeps every edge, batches with the smaller number first
 * where the edges leave it open (Kahn 1962). Edges that contradict each other cannot all be kept: the
 * smallest batch that is left then goes first. Sorts edges in place. *ret_order is malloc'd, batch_count
 * long. */
enum jb_code jb_order_make(size_t batch_count, struct jb_order_edge *edges, size_t edge_count,
                           struct jb_error *error, uint32_t **ret_order);

#endif
