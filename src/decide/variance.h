/* Indices of global sensitivity: which part of a figure's variance each input makes. */
#ifndef JB_DECIDE_VARIANCE_H
#define JB_DECIDE_VARIANCE_H

#include <stddef.h>
#include <stdint.h>

/* Sums over a block of draws for one input. A and B are independent draws of all inputs, AB is A with this
 * input from B, c a value near the mean of f: Σ (f(B) − c)(f(AB) − f(A)), Σ (f(AB) − f(A)),
 * Σ (f(AB) − f(A))². */
struct jb_index_sums {
    double first, change, total;
};
/* change: f(AB) − f(A). */
void jb_index_add(struct jb_index_sums *sums, const double *f_b, const double *change, size_t count,
                  double centre);

struct jb_index {
    double value, low, high; /* with its 95 % interval, all within 0 … 1 */
};
/* First-order index by Saltelli et al. 2010 (Comput. Phys. Commun. 181, 259, table 2 b) and total index by
 * Jansen 1999 (table 2 f). sums: of each block, `stride` apart. mean and variance: of f over all draws;
 * variance > 0. The intervals are from the scatter between the blocks. */
void jb_index_finish(const struct jb_index_sums *sums, size_t block_count, size_t stride, size_t draw_count,
                     double centre, double mean, double variance, struct jb_index *ret_first,
                     struct jb_index *ret_total);

#endif
