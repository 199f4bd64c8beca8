/* Sums by route and slice of time, as every store adds them up. */
#include "store/rules.h"

#include <assert.h>

void jb_slices_free(struct jb_slices *slices) {
    if (!slices)
        return;
    for (size_t i = 0; i < slices->count; i++)
        free(slices->amounts[i]);
    free(slices->amounts);
    free(slices->sums);
    *slices = (struct jb_slices){0};
}

enum jb_code jb_slicer_make(struct jb_slicer *slicer, const int64_t *cuts, size_t slice_count,
                            size_t route_count, struct jb_error *error) {
    assert(slice_count > 0 && cuts[0] < cuts[slice_count]);
    *slicer = (struct jb_slicer){.cuts = cuts, .slice_count = slice_count};
    enum jb_code code = jb_adder_make(&slicer->adder, route_count, error);
    if (code)
        return code;
    slicer->cells = calloc(route_count + 1, sizeof *slicer->cells);
    return slicer->cells ? JB_OK : jb_error_set(error, JB_MEMORY, "no memory for %zu routes", route_count);
}

void jb_slicer_free(struct jb_slicer *slicer) {
    for (size_t i = 0; slicer->cells && i < slicer->adder.count; i++)
        free(slicer->cells[i]);
    free(slicer->cells);
    jb_adder_free(&slicer->adder);
    *slicer = (struct jb_slicer){0};
}

/* The slice that holds ns; before the first: 0. */
static size_t find_slice(struct jb_slicer *slicer, int64_t ns) {
    size_t low = 0, high = slicer->slice_count;
    if (slicer->cuts[slicer->last] <= ns && ns < slicer->cuts[slicer->last + 1])
        return slicer->last;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (slicer->cuts[middle] <= ns)
            low = middle;
        else
            high = middle;
    }
    slicer->last = low;
    return low;
}

enum jb_code jb_slicer_add(struct jb_slicer *slicer, uint32_t route, jb_int128 amount, int64_t start_ns,
                           int64_t end_ns, int64_t clip_from_ns, int64_t clip_to_ns, uint64_t flow_count,
                           struct jb_error *error) {
    int64_t from_ns = clip_from_ns > slicer->cuts[0] ? clip_from_ns : slicer->cuts[0];
    int64_t to_ns =
        clip_to_ns < slicer->cuts[slicer->slice_count] ? clip_to_ns : slicer->cuts[slicer->slice_count];
    if (start_ns >= to_ns || end_ns <= from_ns || from_ns >= to_ns)
        return JB_OK;
    if (end_ns - start_ns > slicer->longest_ns)
        slicer->longest_ns = end_ns - start_ns;
    if (!slicer->cells[route]) {
        if ((slicer->touched + 1) * slicer->slice_count > JB_SLICE_CEILING)
            return jb_error_set(error, JB_LIMIT,
                                "over %zu sums by route and slice of time; ask for a shorter period",
                                JB_SLICE_CEILING);
        slicer->cells[route] = calloc(slicer->slice_count, sizeof **slicer->cells);
        if (!slicer->cells[route])
            return jb_error_set(error, JB_MEMORY, "no memory for %zu slices", slicer->slice_count);
        slicer->touched++;
    }
    jb_adder_add(&slicer->adder, route, amount, start_ns, end_ns, from_ns, to_ns, flow_count);
    for (size_t i = find_slice(slicer, start_ns > from_ns ? start_ns : from_ns);
         i < slicer->slice_count && slicer->cuts[i] < end_ns && slicer->cuts[i] < to_ns; i++) {
        int64_t piece_from_ns = slicer->cuts[i] > from_ns ? slicer->cuts[i] : from_ns;
        int64_t piece_to_ns = slicer->cuts[i + 1] < to_ns ? slicer->cuts[i + 1] : to_ns;
        slicer->cells[route][i] += jb_amount_part(amount, start_ns, end_ns, piece_from_ns, piece_to_ns);
    }
    return JB_OK;
}

enum jb_code jb_slicer_finish(struct jb_slicer *slicer, const struct jb_routes *routes,
                              struct jb_error *error, struct jb_slices *ret_slices) {
    struct jb_slices slices = {.slice_count = slicer->slice_count, .longest_ns = slicer->longest_ns};
    slices.sums = calloc(slicer->touched + 1, sizeof *slices.sums);
    slices.amounts = calloc(slicer->touched + 1, sizeof *slices.amounts);
    if (!slices.sums || !slices.amounts) {
        jb_slices_free(&slices);
        return jb_error_set(error, JB_MEMORY, "no memory for %zu sums", slicer->touched);
    }
    for (size_t r = 0; r < slicer->adder.count; r++) {
        const struct jb_adder_row *row = &slicer->adder.rows[r];
        const struct jb_route *route = &routes->items[r];
        if (!slicer->cells[r])
            continue;
        slices.sums[slices.count] = (struct jb_sum){.from = route->from,
                                                    .to = route->to,
                                                    .commodity = route->commodity,
                                                    .method = (enum jb_method)route->method,
                                                    .uncertainty_ppm = route->uncertainty_ppm,
                                                    .amount = row->amount,
                                                    .first_ns = row->first_ns,
                                                    .last_ns = row->last_ns,
                                                    .flow_count = row->flow_count};
        slices.amounts[slices.count++] = slicer->cells[r];
        slicer->cells[r] = NULL;
    }
    *ret_slices = slices;
    return JB_OK;
}
