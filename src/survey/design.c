/* A design made ready: rows sorted by strata and clusters, stage within stage, and cut into leaves. */
#include "survey/design.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "survey/calibration.h"
#include "survey/units.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t stratum_of(const struct jb_design_stage *stage, uint32_t row) {
    return stage->stratum ? stage->stratum[row] : 0;
}

/* Sorts order by key, stably, 11 bits at a time. next, count: space. Returns the sorted one of the two. */
static uint32_t *sort_by(const uint32_t *key, size_t count, uint32_t *order, uint32_t *next) {
    uint32_t greatest = 0;
    bool is_sorted = true;
    for (size_t i = 0; i < count; i++) {
        greatest = key[i] > greatest ? key[i] : greatest;
        is_sorted = is_sorted && (i == 0 || key[order[i - 1]] <= key[order[i]]);
    }
    for (unsigned shift = 0; !is_sorted && shift < 32 && greatest >> shift; shift += 11) {
        size_t start[1 << 11] = {0};
        for (size_t i = 0; i < count; i++)
            start[key[i] >> shift & 0x7ff]++;
        size_t at = 0;
        for (size_t i = 0; i < JB_COUNT(start); i++) {
            size_t here = start[i];
            start[i] = at;
            at += here;
        }
        for (size_t i = 0; i < count; i++)
            next[start[key[order[i]] >> shift & 0x7ff]++] = order[i];
        uint32_t *sorted = next;
        next = order;
        order = sorted;
    }
    return order;
}

static enum jb_code sort_rows(struct jb_design *design, struct jb_error *error) {
    _cleanup_free_ uint32_t *order = jb_memory_large(design->count * sizeof(*order));
    _cleanup_free_ uint32_t *next = jb_memory_large(design->count * sizeof(*next));
    if (!order || !next)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", design->count);
    for (size_t i = 0; i < design->count; i++)
        order[i] = (uint32_t)i;
    for (size_t i = design->stage_count; i-- > 0;) {
        const uint32_t *keys[] = {design->stages[i].cluster, design->stages[i].stratum};
        for (size_t k = 0; k < JB_COUNT(keys); k++) {
            uint32_t *sorted = keys[k] ? sort_by(keys[k], design->count, order, next) : order;
            if (sorted != order) {
                next = order;
                order = sorted;
            }
        }
    }
    design->order = JB_TAKE(order);
    return JB_OK;
}

/* Runs of equal strata or clusters in order[from … to). */
static size_t end_of_stratum(const struct jb_design *design, size_t stage, size_t from, size_t to) {
    const struct jb_design_stage *at = &design->stages[stage];
    uint32_t stratum = stratum_of(at, design->order[from]);
    size_t end = from + 1;
    while (end < to && stratum_of(at, design->order[end]) == stratum)
        end++;
    return end;
}

static size_t end_of_cluster(const struct jb_design *design, size_t stage, size_t from, size_t to) {
    const struct jb_design_stage *at = &design->stages[stage];
    if (!at->cluster)
        return from + 1;
    uint32_t cluster = at->cluster[design->order[from]];
    size_t end = from + 1;
    while (end < to && at->cluster[design->order[end]] == cluster)
        end++;
    return end;
}

static size_t count_clusters(const struct jb_design *design, size_t stage, size_t from, size_t to) {
    size_t count = 0;
    for (; from < to; count++)
        from = end_of_cluster(design, stage, from, to);
    return count;
}

static bool is_fraction(const struct jb_design *design, size_t stage) {
    const double *population = design->stages[stage].population;
    for (size_t i = 0; population && i < design->count; i++) {
        if (population[i] > 1)
            return false;
    }
    return true;
}

static enum jb_code check_weights(const struct jb_design *design, struct jb_error *error) {
    bool any = false;
    for (size_t i = 0; i < design->count; i++) {
        if (!isfinite(design->weight[i]) || design->weight[i] < 0)
            return jb_error_set(error, JB_INPUT,
                                "row %zu: the weight is missing or negative; give every row a weight of 0 or "
                                "more, or take the row out",
                                i + 1);
        any = any || design->weight[i] > 0;
    }
    if (!any)
        return jb_error_set(error, JB_INPUT, "no row has a weight above 0");
    return JB_OK;
}

static enum jb_code check_populations(const struct jb_design *design, size_t stage, size_t from, size_t to,
                                      struct jb_error *error) {
    const struct jb_design_stage *at = &design->stages[stage];
    bool fraction = design->is_fraction[stage];
    for (size_t end; from < to; from = end) {
        end = end_of_stratum(design, stage, from, to);
        size_t count = count_clusters(design, stage, from, end);
        for (size_t i = from; at->population && i < end; i++) {
            uint32_t row = design->order[i];
            double size = at->population[row];
            if (!isfinite(size) || size <= 0)
                return jb_error_set(error, JB_INPUT,
                                    "row %zu: the finite population of stage %zu is missing or not above 0",
                                    (size_t)row + 1, stage + 1);
            if (size != at->population[design->order[from]])
                return jb_error_set(error, JB_INPUT,
                                    "row %zu: the finite population of stage %zu differs within its stratum",
                                    (size_t)row + 1, stage + 1);
            if (!fraction && size < (double)count)
                return jb_error_set(
                    error, JB_INPUT,
                    "row %zu: the finite population of stage %zu, %.15g, is smaller than the %zu drawn from "
                    "it",
                    (size_t)row + 1, stage + 1, size, count);
        }
        for (size_t begin = from, last; stage + 1 < design->stage_count && begin < end; begin = last) {
            last = end_of_cluster(design, stage, begin, end);
            enum jb_code code = check_populations(design, stage + 1, begin, last, error);
            if (code)
                return code;
        }
    }
    return JB_OK;
}

/* Rows of order[from … to) by the leaves of a stage and those below it. */
static enum jb_code cut_leaves(struct jb_design *design, size_t stage, size_t from, size_t to,
                               size_t *capacity, struct jb_error *error) {
    bool is_last = stage + 1 == design->depth;
    for (size_t end; from < to; from = end) {
        end = end_of_stratum(design, stage, from, to);
        for (size_t begin = from, last; begin < end; begin = last) {
            last = is_last && design->has_row_leaves ? end : end_of_cluster(design, stage, begin, end);
            enum jb_code code = is_last ? jb_array_reserve(&design->leaves, capacity, design->leaf_count + 1,
                                                           UINT32_MAX, "clusters", error)
                                        : cut_leaves(design, stage + 1, begin, last, capacity, error);
            if (code)
                return code;
            if (is_last)
                design->leaves[design->leaf_count++] =
                    (struct jb_design_leaf){design->order[begin], (uint32_t)(last - begin)};
        }
    }
    return JB_OK;
}

enum jb_code jb_design_prepare(struct jb_design *design, struct jb_error *error) {
    assert(design->stage_count >= 1 && design->stage_count <= JB_DESIGN_STAGES && !design->order);
    if (design->count == 0)
        return jb_error_set(error, JB_INPUT, "the survey has no row");
    if (design->count >= UINT32_MAX)
        return jb_error_set(error, JB_LIMIT, "the survey has more than %u rows", UINT32_MAX - 1);
    enum jb_code code = check_weights(design, error);
    if (!code)
        code = sort_rows(design, error);
    design->depth = 1;
    while (design->depth < design->stage_count && design->stages[design->depth - 1].population &&
           design->stages[design->depth - 1].cluster)
        design->depth++;
    design->has_row_leaves = !design->stages[design->depth - 1].cluster;
    for (size_t i = 0; i < design->stage_count; i++)
        design->is_fraction[i] = is_fraction(design, i);
    if (!code)
        code = check_populations(design, 0, 0, design->count, error);
    size_t capacity = 0;
    design->leaf_count = 0;
    if (!code)
        code = cut_leaves(design, 0, 0, design->count, &capacity, error);
    if (code)
        jb_design_finish(design);
    return code;
}

void jb_design_finish(struct jb_design *design) {
    if (!design)
        return;
    free(design->order);
    free(design->leaves);
    design->order = NULL;
    design->leaves = NULL;
}

/* Sums of the influences by leaf and block. */
static void add_rows(const struct jb_design *design, const struct jb_units *units, const double *influence,
                     size_t width, double *sum, double *square) {
    for (size_t row = 0; row < design->count; row++) {
        uint32_t pair = units->of_row[row];
        const double *z = influence + row * width;
        if (pair == UINT32_MAX)
            continue;
        for (size_t k = 0; k < width; k++) {
            sum[pair * width + k] += z[k];
            double *into = design->has_row_leaves ? square + (pair * width + k) * width : NULL;
            for (size_t l = 0; into && z[k] != 0 && l < width; l++)
                into[l] += z[k] * z[l];
        }
    }
}

enum jb_code jb_design_covariance(const struct jb_design *design, const double *influence,
                                  const uint32_t *block, size_t width, size_t block_count,
                                  struct jb_error *error, double *ret_covariance) {
    assert(design->order && width > 0 && block_count > 0);
    if (design->calibration)
        return jb_calibration_covariance(design, influence, block, width, block_count, error, ret_covariance);
    struct jb_units units = {0};
    enum jb_code code = jb_units_make(design, block, block_count, error, &units);
    if (code)
        return code;
    size_t figures = units.pair_count * width;
    _cleanup_free_ double *sum = calloc(figures ? figures : 1, sizeof(*sum));
    _cleanup_free_ double *square =
        calloc(design->has_row_leaves && figures ? figures * width : 1, sizeof(*square));
    if (sum && square) {
        add_rows(design, &units, influence, width, sum, square);
        code = jb_units_covariance(design, &units, width, sum, square, error, ret_covariance, NULL);
    } else {
        code = jb_error_set(error, JB_MEMORY, "no memory for the covariance of %zu figures", figures);
    }
    jb_units_free(&units);
    return code;
}
