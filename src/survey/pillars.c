/* From items to pillars to one index. Arithmetic within pillars; between them by either mean (OECD and JRC,
 * "Handbook on Constructing Composite Indicators", 2008, step 6). */
#include "survey/pillars.h"

#include <assert.h>
#include <math.h>

void jb_index_pillar_values(const struct jb_index *index, const double *item, size_t left_out,
                            double *ret_pillar) {
    double weight[JB_INDEX_PILLARS] = {0};
    for (size_t p = 0; p < index->pillar_count; p++)
        ret_pillar[p] = 0;
    for (size_t j = 0; j < index->item_count; j++) {
        const struct jb_index_item *at = &index->items[j];
        assert(at->pillar < index->pillar_count);
        if (j == left_out)
            continue;
        ret_pillar[at->pillar] += at->weight * item[j];
        weight[at->pillar] += at->weight;
    }
    for (size_t p = 0; p < index->pillar_count; p++)
        ret_pillar[p] = weight[p] > 0 ? ret_pillar[p] / weight[p] : NAN;
}

double jb_index_value(size_t pillar_count, const double *pillar, const double *weight,
                      enum jb_aggregation aggregation) {
    double sum = 0, all = 0;
    for (size_t p = 0; p < pillar_count; p++) {
        if (weight[p] <= 0)
            continue;
        all += weight[p];
        if (aggregation == JB_ARITHMETIC)
            sum += weight[p] * pillar[p];
        else
            sum += pillar[p] > 0 ? weight[p] * log(pillar[p]) : isnan(pillar[p]) ? NAN : -INFINITY;
    }
    if (!(all > 0))
        return NAN;
    return aggregation == JB_ARITHMETIC ? sum / all : exp(sum / all);
}
