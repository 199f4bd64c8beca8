/* Design variances: rows are walked in the order of strata and clusters, stage within stage.
 *
 * V = Σ_h (1 − n_h/N_h) n_h/(n_h−1) Σ_c (z_hc − z̄_h)²; the next stage within each cluster, times n_h/N_h
 * (Särndal, Swensson and Wretman, "Model Assisted Survey Sampling", 1992, result 4.3.1). */
#include "survey/design.h"

#include "base/cleanup.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t stratum_of(const struct jb_design_stage *stage, uint32_t row) {
    return stage->stratum ? stage->stratum[row] : 0;
}

static uint32_t cluster_of(const struct jb_design_stage *stage, uint32_t row) {
    return stage->cluster ? stage->cluster[row] : row;
}

static int compare_rows(const void *left, const void *right, void *context) {
    const struct jb_design *design = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    for (size_t i = 0; i < design->stage_count; i++) {
        const struct jb_design_stage *stage = &design->stages[i];
        uint32_t of_a = stratum_of(stage, a), of_b = stratum_of(stage, b);
        if (of_a != of_b)
            return of_a < of_b ? -1 : 1;
        of_a = cluster_of(stage, a), of_b = cluster_of(stage, b);
        if (of_a != of_b)
            return of_a < of_b ? -1 : 1;
    }
    return a < b ? -1 : a > b;
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

/* Clusters in the population of a stratum that begins at `row`; INFINITY without correction. */
static double population_of(const struct jb_design_stage *stage, bool is_fraction, uint32_t row,
                            size_t cluster_count) {
    if (!stage->population)
        return INFINITY;
    return is_fraction ? (double)cluster_count / stage->population[row] : stage->population[row];
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
    bool fraction = is_fraction(design, stage);
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

enum jb_code jb_design_prepare(struct jb_design *design, struct jb_error *error) {
    assert(design->stage_count >= 1 && design->stage_count <= JB_DESIGN_STAGES && !design->order);
    if (design->count == 0)
        return jb_error_set(error, JB_INPUT, "the survey has no row");
    if (design->count >= UINT32_MAX)
        return jb_error_set(error, JB_LIMIT, "the survey has more than %u rows", UINT32_MAX - 1);
    enum jb_code code = check_weights(design, error);
    if (code)
        return code;
    design->order = malloc(design->count * sizeof(*design->order));
    if (!design->order)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", design->count);
    bool is_ordered = true;
    for (size_t i = 0; i < design->count; i++) {
        design->order[i] = (uint32_t)i;
        is_ordered =
            is_ordered && (i == 0 || compare_rows(&design->order[i - 1], &design->order[i], design) < 0);
    }
    if (!is_ordered)
        qsort_r(design->order, design->count, sizeof(*design->order), compare_rows, design);
    code = check_populations(design, 0, 0, design->count, error);
    if (code)
        jb_design_finish(design);
    return code;
}

void jb_design_finish(struct jb_design *design) {
    if (!design)
        return;
    free(design->order);
    design->order = NULL;
}

/* What one walk needs. Sums are long doubles: a stratum's mean is taken off after its squares are summed. */
struct walk {
    const struct jb_design *design;
    const double *influence;
    const uint32_t *block;
    size_t width, total;
    long double *covariance; /* total², upper triangle by blocks */
    long double *cluster;    /* of the cluster at hand; 0 outside touched blocks */
    uint32_t *touched;       /* blocks that it has a row in */
    bool *is_touched;
    bool fraction[JB_DESIGN_STAGES];
    struct jb_error *error;
};

static size_t add_cluster(struct walk *walk, size_t from, size_t to) {
    size_t touched_count = 0;
    for (size_t i = from; i < to; i++) {
        uint32_t row = walk->design->order[i], block = walk->block[row];
        if (block == UINT32_MAX)
            continue;
        if (!walk->is_touched[block]) {
            walk->is_touched[block] = true;
            walk->touched[touched_count++] = block;
        }
        for (size_t k = 0; k < walk->width; k++)
            walk->cluster[block * walk->width + k] += walk->influence[row * walk->width + k];
    }
    return touched_count;
}

/* covariance += factor · cluster clusterᵀ, sum += cluster; the cluster is zero again after it. */
static void fold_cluster(struct walk *walk, size_t touched_count, long double factor, long double *sum) {
    size_t width = walk->width;
    for (size_t i = 0; i < touched_count; i++) {
        for (size_t j = 0; j < touched_count; j++) {
            if (walk->touched[j] < walk->touched[i])
                continue;
            for (size_t a = walk->touched[i] * width; a < (walk->touched[i] + 1) * width; a++) {
                long double left = factor * walk->cluster[a];
                long double *into = walk->covariance + a * walk->total + walk->touched[j] * width;
                const long double *right = walk->cluster + walk->touched[j] * width;
                for (size_t b = 0; b < width; b++)
                    into[b] += left * right[b];
            }
        }
    }
    for (size_t i = 0; i < touched_count; i++) {
        walk->is_touched[walk->touched[i]] = false;
        for (size_t a = walk->touched[i] * width; a < (walk->touched[i] + 1) * width; a++) {
            sum[a] += walk->cluster[a];
            walk->cluster[a] = 0;
        }
    }
}

static enum jb_code walk_stage(struct walk *walk, size_t stage, size_t from, size_t to,
                               long double multiplier);

/* One stratum whose rows are order[from … to). */
static enum jb_code walk_stratum(struct walk *walk, size_t stage, size_t from, size_t to,
                                 long double multiplier, long double average) {
    const struct jb_design *design = walk->design;
    const struct jb_design_stage *at = &design->stages[stage];
    size_t count = count_clusters(design, stage, from, to);
    double population = population_of(at, walk->fraction[stage], design->order[from], count);
    double open = isinf(population) ? 1 : (population - (double)count) / population;
    bool is_lonely = count == 1 && open >= 1e-7;
    if (is_lonely && design->lonely == JB_LONELY_FAIL)
        return jb_error_set(walk->error, JB_INPUT,
                            "row %zu: its stratum of stage %zu has a single PSU, so it has no variance; join "
                            "strata, or choose how it counts: certainty, adjust or average",
                            (size_t)design->order[from] + 1, stage + 1);
    bool counts = open >= 1e-7 && (count > 1 || design->lonely == JB_LONELY_ADJUST);
    long double factor = multiplier * average * open * (count > 1 ? count / (count - 1.0L) : 1);
    _cleanup_free_ long double *sum = calloc(walk->total, sizeof(*sum));
    if (!sum)
        return jb_error_set(walk->error, JB_MEMORY, "no memory for %zu figures", walk->total);
    bool goes_on = at->population && stage + 1 < design->stage_count;
    for (size_t begin = from, end; begin < to; begin = end) {
        end = end_of_cluster(design, stage, begin, to);
        if (counts)
            fold_cluster(walk, add_cluster(walk, begin, end), factor, sum);
        if (!goes_on)
            continue;
        enum jb_code code =
            walk_stage(walk, stage + 1, begin, end, multiplier * (long double)count / population);
        if (code)
            return code;
    }
    if (count == 1)
        return JB_OK; /* not centred: its distance from 0, the mean of all influences */
    for (size_t a = 0; counts && a < walk->total; a++) {
        if (sum[a] == 0)
            continue;
        long double mean = factor * sum[a] / count;
        for (size_t b = a; b < walk->total; b++)
            walk->covariance[a * walk->total + b] -= mean * sum[b];
    }
    return JB_OK;
}

static enum jb_code walk_stage(struct walk *walk, size_t stage, size_t from, size_t to,
                               long double multiplier) {
    const struct jb_design *design = walk->design;
    long double average = 1;
    if (design->lonely == JB_LONELY_AVERAGE) {
        size_t all = 0, lonely = 0;
        for (size_t begin = from, end; begin < to; begin = end) {
            end = end_of_stratum(design, stage, begin, to);
            size_t count = count_clusters(design, stage, begin, end);
            double population =
                population_of(&design->stages[stage], walk->fraction[stage], design->order[begin], count);
            all++;
            lonely += count == 1 && !(population - 1 < 1e-7 * population);
        }
        if (all == lonely)
            return jb_error_set(walk->error, JB_INPUT,
                                "row %zu: every stratum of stage %zu has a single PSU; there is nothing to "
                                "average over; join strata",
                                (size_t)design->order[from] + 1, stage + 1);
        average = (long double)all / (long double)(all - lonely);
    }
    for (size_t begin = from, end; begin < to; begin = end) {
        end = end_of_stratum(design, stage, begin, to);
        /* The average stands for this stage only; what lies below is not scaled. */
        enum jb_code code = walk_stratum(walk, stage, begin, end, multiplier, average);
        if (code)
            return code;
    }
    return JB_OK;
}

enum jb_code jb_design_covariance(const struct jb_design *design, const double *influence,
                                  const uint32_t *block, size_t width, size_t block_count,
                                  struct jb_error *error, double *ret_covariance) {
    assert(design->order && width > 0 && block_count > 0);
    size_t total = width * block_count;
    if (total > JB_ESTIMATES_CEILING)
        return jb_error_set(error, JB_LIMIT, "%zu figures at once are more than %d; take fewer groups", total,
                            JB_ESTIMATES_CEILING);
    _cleanup_free_ long double *covariance = calloc(total * total, sizeof(*covariance));
    _cleanup_free_ long double *cluster = calloc(total, sizeof(*cluster));
    _cleanup_free_ uint32_t *touched = calloc(block_count, sizeof(*touched));
    _cleanup_free_ bool *is_touched = calloc(block_count, sizeof(*is_touched));
    if (!covariance || !cluster || !touched || !is_touched)
        return jb_error_set(error, JB_MEMORY, "no memory for the covariance of %zu figures", total);
    struct walk walk = {.design = design,
                        .influence = influence,
                        .block = block,
                        .width = width,
                        .total = total,
                        .covariance = covariance,
                        .cluster = cluster,
                        .touched = touched,
                        .is_touched = is_touched,
                        .error = error};
    for (size_t i = 0; i < design->stage_count; i++)
        walk.fraction[i] = is_fraction(design, i);
    enum jb_code code = walk_stage(&walk, 0, 0, design->count, 1);
    if (code)
        return code;
    for (size_t a = 0; a < total; a++) {
        for (size_t b = a; b < total; b++) {
            double value = (double)covariance[a * total + b];
            if (a == b && value < 0)
                value = 0; /* rounding of a variance that is 0 */
            ret_covariance[a * total + b] = ret_covariance[b * total + a] = value;
        }
    }
    return JB_OK;
}

enum jb_code jb_design_degrees(const struct jb_design *design, const uint32_t *block, size_t block_count,
                               struct jb_error *error, double *ret_df) {
    if (design->replicate_count) {
        for (size_t i = 0; i < block_count; i++)
            ret_df[i] = design->replicate_df;
        return JB_OK;
    }
    /* The cluster and stratum in which each block was seen last, from 1. */
    _cleanup_free_ size_t *in_cluster = calloc(block_count, sizeof(*in_cluster));
    _cleanup_free_ size_t *in_stratum = calloc(block_count, sizeof(*in_stratum));
    if (!in_cluster || !in_stratum)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu groups", block_count);
    memset(ret_df, 0, block_count * sizeof(*ret_df));
    size_t stratum = 0, cluster = 0;
    for (size_t from = 0, to; from < design->count; from = to) {
        to = end_of_stratum(design, 0, from, design->count);
        stratum++;
        for (size_t begin = from, end; begin < to; begin = end) {
            end = end_of_cluster(design, 0, begin, to);
            cluster++;
            for (size_t i = begin; i < end; i++) {
                uint32_t row = design->order[i], at = block[row];
                if (at == UINT32_MAX || !(design->weight[row] > 0) || in_cluster[at] == cluster)
                    continue;
                in_cluster[at] = cluster;
                ret_df[at] += in_stratum[at] == stratum ? 1 : 0;
                in_stratum[at] = stratum;
            }
        }
    }
    return JB_OK;
}
