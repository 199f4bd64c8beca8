/* Sobol indices from sums over blocks of draws. */
#include "decide/variance.h"

#include <assert.h>
#include <math.h>

#define Z95 1.959963984540054

void jb_index_add(struct jb_index_sums *sums, const double *f_b, const double *change, size_t count,
                  double centre) {
    for (size_t d = 0; d < count; d++) {
        sums->first += (f_b[d] - centre) * change[d];
        sums->change += change[d];
        sums->total += change[d] * change[d];
    }
}

static struct jb_index index_of(double sum, double squares, size_t block_count, double scale) {
    double blocks = (double)block_count, mean = sum / blocks;
    double scatter = block_count > 1 ? fmax(0, squares - blocks * mean * mean) / (blocks - 1) : 0;
    double half = Z95 * sqrt(scatter * blocks) * scale, value = sum * scale;
    return (struct jb_index){fmin(1, fmax(0, value)), fmin(1, fmax(0, value - half)),
                             fmin(1, fmax(0, value + half))};
}

void jb_index_finish(const struct jb_index_sums *sums, size_t block_count, size_t stride, size_t draw_count,
                     double centre, double mean, double variance, struct jb_index *ret_first,
                     struct jb_index *ret_total) {
    double first = 0, first_squares = 0, total = 0, total_squares = 0;
    assert(variance > 0 && block_count > 0);
    for (size_t b = 0; b < block_count; b++) {
        const struct jb_index_sums *block = &sums[b * stride];
        double centred = block->first - (mean - centre) * block->change;
        first += centred;
        first_squares += centred * centred;
        total += block->total;
        total_squares += block->total * block->total;
    }
    *ret_first = index_of(first, first_squares, block_count, 1 / (variance * (double)draw_count));
    *ret_total = index_of(total, total_squares, block_count, 1 / (2 * variance * (double)draw_count));
}
