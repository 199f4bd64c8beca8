/* Design variances from sums by leaf and domain, stage within stage.
 *
 * V = Σ_h (1 − n_h/N_h) n_h/(n_h−1) Σ_c (z_hc − z̄_h)²; the next stage within each cluster, times n_h/N_h
 * (Särndal, Swensson and Wretman, "Model Assisted Survey Sampling", 1992, result 4.3.1). */
#include "survey/units.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define ROUNDING 1e-14L /* of sums of doubles */

void jb_units_free(struct jb_units *units) {
    if (!units)
        return;
    free(units->of_row);
    free(units->domain);
    free(units->first);
    *units = (struct jb_units){0};
}

enum jb_code jb_units_make(const struct jb_design *design, const uint32_t *domain, size_t domain_count,
                           struct jb_error *error, struct jb_units *ret_units) {
    struct jb_units made = {.domain_count = domain_count};
    _cleanup_free_ uint32_t *pair_of = malloc(domain_count * sizeof(*pair_of));
    size_t capacity = design->leaf_count + domain_count;
    made.of_row = jb_memory_large(design->count * sizeof(*made.of_row));
    made.first = malloc((design->leaf_count + 1) * sizeof(*made.first));
    made.domain = malloc(capacity * sizeof(*made.domain));
    bool failed = !pair_of || !made.of_row || !made.first || !made.domain;
    for (size_t i = 0; i < domain_count && !failed; i++)
        pair_of[i] = UINT32_MAX;
    size_t at = 0;
    for (size_t leaf = 0; leaf < design->leaf_count && !failed; leaf++) {
        uint32_t first = made.pair_count;
        made.first[leaf] = first;
        if (first + domain_count > capacity) {
            capacity = 2 * capacity + domain_count;
            uint32_t *grown = realloc(made.domain, capacity * sizeof(*grown));
            failed = !grown;
            if (failed)
                break;
            made.domain = grown;
        }
        for (size_t end = at + design->leaves[leaf].size; at < end; at++) {
            uint32_t row = design->order[at], of = domain[row];
            if (of == UINT32_MAX) {
                made.of_row[row] = UINT32_MAX;
                continue;
            }
            if (pair_of[of] == UINT32_MAX || pair_of[of] < first) {
                pair_of[of] = made.pair_count;
                made.domain[made.pair_count++] = of;
            }
            made.of_row[row] = pair_of[of];
        }
    }
    if (failed) {
        jb_units_free(&made);
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", design->count);
    }
    made.first[design->leaf_count] = made.pair_count;
    *ret_units = made;
    return JB_OK;
}

/* ---- covariance ---- */

/* Figures of the domains that a cluster or a stratum has somebody in: the rest of total is 0. */
struct sums {
    double *value;     /* [total] */
    uint32_t *touched; /* domains */
    bool *is_touched;  /* [domain] */
    size_t touched_count;
};

struct walk {
    const struct jb_design *design;
    const struct jb_units *units;
    const double *sum, *square; /* square NULL: the leaves' factors are wanted, or taken elsewhere */
    size_t width, total;
    struct sums of_stratum[JB_DESIGN_STAGES], of_cluster;
    long double *covariance; /* total²; blocks of domains a ≤ b */
    long double *gross;      /* [total]: variances before means are taken off */
    double *factor;          /* [leaf]: what the products of its rows count; NULL: not wanted */
    struct jb_error *error;
};

static void free_sums(struct sums *sums) {
    free(sums->value);
    free(sums->touched);
    free(sums->is_touched);
}

static bool make_sums(const struct walk *walk, struct sums *ret_sums) {
    *ret_sums = (struct sums){.value = calloc(walk->total, sizeof(double)),
                              .touched = calloc(walk->units->domain_count, sizeof(uint32_t)),
                              .is_touched = calloc(walk->units->domain_count, sizeof(bool))};
    return ret_sums->value && ret_sums->touched && ret_sums->is_touched;
}

static double *touch(const struct walk *walk, struct sums *sums, uint32_t domain) {
    if (!sums->is_touched[domain]) {
        sums->is_touched[domain] = true;
        sums->touched[sums->touched_count++] = domain;
    }
    return sums->value + domain * walk->width;
}

static void clear(const struct walk *walk, struct sums *sums) {
    for (size_t i = 0; i < sums->touched_count; i++) {
        sums->is_touched[sums->touched[i]] = false;
        memset(sums->value + sums->touched[i] * walk->width, 0, walk->width * sizeof(double));
    }
    sums->touched_count = 0;
}

/* covariance += factor · left rightᵀ for the blocks of two domains, a ≤ b. */
static void add_block(struct walk *walk, uint32_t a, uint32_t b, long double factor, const double *left,
                      const double *right) {
    size_t width = walk->width;
    for (size_t k = 0; k < width; k++) {
        long double *into = walk->covariance + (a * width + k) * walk->total + b * width;
        long double scaled = factor * left[k];
        for (size_t l = 0; l < width; l++)
            into[l] += scaled * right[l];
    }
}

static void add_products(struct walk *walk, const struct sums *sums, long double factor) {
    for (size_t i = 0; i < sums->touched_count; i++) {
        size_t at = sums->touched[i] * walk->width;
        for (size_t k = at; factor > 0 && k < at + walk->width; k++)
            walk->gross[k] += factor * sums->value[k] * sums->value[k];
        for (size_t j = 0; j < sums->touched_count; j++) {
            uint32_t a = sums->touched[i], b = sums->touched[j];
            if (a <= b)
                add_block(walk, a, b, factor, sums->value + a * walk->width, sums->value + b * walk->width);
        }
    }
}

/* Sums of leaves from … to; products of single rows, where the leaves are strata of rows, times factor. */
static void add_leaves(struct walk *walk, size_t from, size_t to, struct sums *sums) {
    for (uint32_t pair = walk->units->first[from]; pair < walk->units->first[to]; pair++) {
        double *into = touch(walk, sums, walk->units->domain[pair]);
        for (size_t k = 0; k < walk->width; k++)
            into[k] += walk->sum[pair * walk->width + k];
    }
}

static void add_squares(struct walk *walk, size_t leaf, long double factor) {
    size_t width = walk->width;
    for (uint32_t pair = walk->units->first[leaf]; pair < walk->units->first[leaf + 1]; pair++) {
        size_t at = walk->units->domain[pair] * width;
        for (size_t k = 0; k < width; k++) {
            walk->gross[at + k] += factor * walk->square[(pair * width + k) * width + k];
            for (size_t l = 0; l < width; l++)
                walk->covariance[(at + k) * walk->total + at + l] +=
                    factor * walk->square[(pair * width + k) * width + l];
        }
    }
}

static uint32_t stratum_of(const struct walk *walk, size_t stage, size_t leaf) {
    const struct jb_design_stage *at = &walk->design->stages[stage];
    return at->stratum ? at->stratum[walk->design->leaves[leaf].row] : 0;
}

/* Runs of equal strata or clusters in leaves from … to. */
static size_t end_of_stratum(const struct walk *walk, size_t stage, size_t from, size_t to) {
    size_t end = from + 1;
    while (end < to && stratum_of(walk, stage, end) == stratum_of(walk, stage, from))
        end++;
    return end;
}

static size_t end_of_cluster(const struct walk *walk, size_t stage, size_t from, size_t to) {
    const struct jb_design *design = walk->design;
    const uint32_t *cluster = design->stages[stage].cluster;
    size_t end = from + 1;
    while (end < to && cluster[design->leaves[end].row] == cluster[design->leaves[from].row])
        end++;
    return end;
}

/* A stratum of a stage: leaves from … to, drawn clusters, those in the population (INFINITY: no correction).
 */
struct stratum {
    size_t from, to, count;
    double population, open; /* 1 − n/N */
    bool is_lonely;
};

static struct stratum find_stratum(const struct walk *walk, size_t stage, size_t from, size_t to) {
    const struct jb_design *design = walk->design;
    const struct jb_design_stage *at = &design->stages[stage];
    struct stratum made = {.from = from, .to = end_of_stratum(walk, stage, from, to), .population = INFINITY};
    if (at->cluster) {
        for (size_t begin = from; begin < made.to; made.count++)
            begin = end_of_cluster(walk, stage, begin, made.to);
    } else {
        made.count = design->leaves[from].size;
    }
    if (at->population) {
        double population = at->population[design->leaves[from].row];
        made.population = design->is_fraction[stage] ? (double)made.count / population : population;
    }
    made.open = isinf(made.population) ? 1 : (made.population - (double)made.count) / made.population;
    made.is_lonely = made.count == 1 && made.open >= 1e-7;
    return made;
}

static enum jb_code walk_stage(struct walk *walk, size_t stage, size_t from, size_t to,
                               long double multiplier);

/* average: what strata that are not lonely stand for. */
static enum jb_code walk_stratum(struct walk *walk, size_t stage, const struct stratum *stratum,
                                 long double multiplier, long double average) {
    const struct jb_design *design = walk->design;
    size_t count = stratum->count;
    bool has_rows = !design->stages[stage].cluster, goes_on = stage + 1 < design->depth;
    bool counts = stratum->open >= 1e-7 && (count > 1 || design->lonely == JB_LONELY_ADJUST);
    long double factor = multiplier * average * stratum->open * (count > 1 ? count / (count - 1.0L) : 1);
    struct sums *of_stratum = &walk->of_stratum[stage], *of_cluster = &walk->of_cluster;
    enum jb_code code = JB_OK;
    if (counts && has_rows && walk->factor)
        walk->factor[stratum->from] = (double)factor;
    if (counts && has_rows && walk->square)
        add_squares(walk, stratum->from, factor);
    if (counts)
        add_leaves(walk, stratum->from, stratum->to, of_stratum);
    for (size_t begin = stratum->from, end; !has_rows && begin < stratum->to && !code; begin = end) {
        end = end_of_cluster(walk, stage, begin, stratum->to);
        if (counts) {
            add_leaves(walk, begin, end, of_cluster);
            add_products(walk, of_cluster, factor);
            clear(walk, of_cluster);
        }
        if (goes_on)
            code = walk_stage(walk, stage + 1, begin, end,
                              multiplier * (long double)count / stratum->population);
    }
    /* A lonely one is not centred: its distance is from 0, the mean of all influences. */
    if (!code && counts && count > 1)
        add_products(walk, of_stratum, -factor / (long double)count);
    clear(walk, of_stratum);
    return code;
}

static enum jb_code check_lonely(const struct walk *walk, size_t stage, size_t from, size_t to,
                                 long double *ret_average) {
    size_t all = 0, lonely = 0;
    *ret_average = 1;
    for (size_t begin = from; begin < to;) {
        struct stratum stratum = find_stratum(walk, stage, begin, to);
        if (stratum.is_lonely && walk->design->lonely == JB_LONELY_FAIL)
            return jb_error_set(
                walk->error, JB_INPUT,
                "row %zu: its stratum of stage %zu has a single PSU, so it has no variance; join "
                "strata, or choose how it counts: certainty, adjust or average",
                (size_t)walk->design->leaves[begin].row + 1, stage + 1);
        all++;
        lonely += stratum.is_lonely;
        begin = stratum.to;
    }
    if (walk->design->lonely != JB_LONELY_AVERAGE)
        return JB_OK;
    if (all == lonely)
        return jb_error_set(walk->error, JB_INPUT,
                            "row %zu: every stratum of stage %zu has a single PSU; there is nothing to "
                            "average over; join strata",
                            (size_t)walk->design->leaves[from].row + 1, stage + 1);
    *ret_average = (long double)all / (long double)(all - lonely);
    return JB_OK;
}

static bool find_lonely(const struct walk *walk, size_t stage, size_t from, size_t to, size_t *ret_row,
                        size_t *ret_stage) {
    for (size_t begin = from; begin < to;) {
        struct stratum stratum = find_stratum(walk, stage, begin, to);
        if (stratum.is_lonely) {
            *ret_row = walk->design->leaves[begin].row;
            *ret_stage = stage;
            return true;
        }
        for (size_t first = begin, end; stage + 1 < walk->design->depth && first < stratum.to; first = end) {
            end = end_of_cluster(walk, stage, first, stratum.to);
            if (find_lonely(walk, stage + 1, first, end, ret_row, ret_stage))
                return true;
        }
        begin = stratum.to;
    }
    return false;
}

bool jb_units_find_lonely(const struct jb_design *design, size_t *ret_row, size_t *ret_stage) {
    struct walk walk = {.design = design};
    return find_lonely(&walk, 0, 0, design->leaf_count, ret_row, ret_stage);
}

static enum jb_code walk_stage(struct walk *walk, size_t stage, size_t from, size_t to,
                               long double multiplier) {
    long double average;
    enum jb_code code = check_lonely(walk, stage, from, to, &average);
    for (size_t begin = from; begin < to && !code;) {
        struct stratum stratum = find_stratum(walk, stage, begin, to);
        /* The average stands for this stage only; what lies below is not scaled. */
        code = walk_stratum(walk, stage, &stratum, multiplier, average);
        begin = stratum.to;
    }
    return code;
}

enum jb_code jb_units_covariance(const struct jb_design *design, const struct jb_units *units, size_t width,
                                 const double *sum, const double *square, struct jb_error *error,
                                 double *ret_covariance, double *ret_factor) {
    size_t total = width * units->domain_count;
    assert(design->leaves && total > 0);
    if (total > JB_ESTIMATES_CEILING)
        return jb_error_set(error, JB_LIMIT, "%zu figures at once are more than %d; take fewer groups", total,
                            JB_ESTIMATES_CEILING);
    struct walk walk = {.design = design,
                        .units = units,
                        .sum = sum,
                        .square = square,
                        .width = width,
                        .total = total,
                        .factor = ret_factor,
                        .error = error};
    _cleanup_free_ long double *covariance = walk.covariance = calloc(total * total, sizeof(*covariance));
    _cleanup_free_ long double *gross = walk.gross = calloc(total, sizeof(*gross));
    bool failed = !covariance || !gross || !make_sums(&walk, &walk.of_cluster);
    for (size_t i = 0; i < design->depth; i++)
        failed = !make_sums(&walk, &walk.of_stratum[i]) || failed;
    enum jb_code code =
        failed ? jb_error_set(error, JB_MEMORY, "no memory for the covariance of %zu figures", total)
               : walk_stage(&walk, 0, 0, design->leaf_count, 1);
    free_sums(&walk.of_cluster);
    for (size_t i = 0; i < design->depth; i++)
        free_sums(&walk.of_stratum[i]);
    if (code)
        return code;
    for (size_t a = 0; a < total; a++) {
        for (size_t b = a; b < total; b++) {
            double value = (double)covariance[a * total + b];
            if (a == b && covariance[a * total + a] < ROUNDING * gross[a] && !ret_factor)
                value = 0; /* what rounding left of one that is 0, such as the share of a stratum */
            ret_covariance[a * total + b] = ret_covariance[b * total + a] = value;
        }
    }
    return JB_OK;
}

enum jb_code jb_units_degrees(const struct jb_design *design, const uint32_t *domain, size_t domain_count,
                              struct jb_error *error, double *ret_df) {
    if (design->replicate_count) {
        for (size_t i = 0; i < domain_count; i++)
            ret_df[i] = design->replicate_df;
        return JB_OK;
    }
    /* The cluster and stratum in which each domain was seen last, from 1. */
    _cleanup_free_ uint32_t *in_cluster = calloc(domain_count, sizeof(*in_cluster));
    _cleanup_free_ uint32_t *in_stratum = calloc(domain_count, sizeof(*in_stratum));
    if (!in_cluster || !in_stratum)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu groups", domain_count);
    const uint32_t *strata = design->stages[0].stratum, *clusters = design->stages[0].cluster;
    memset(ret_df, 0, domain_count * sizeof(*ret_df));
    uint32_t stratum = 0, cluster = 0, before = 0;
    for (size_t i = 0; i < design->count; i++) {
        uint32_t row = design->order[i], of = domain[row];
        bool begins_stratum = i == 0 || (strata && strata[row] != strata[before]);
        stratum += begins_stratum;
        cluster += begins_stratum || !clusters || clusters[row] != clusters[before];
        before = row;
        if (of == UINT32_MAX || !(design->weight[row] != 0) || in_cluster[of] == cluster)
            continue;
        in_cluster[of] = cluster;
        ret_df[of] += in_stratum[of] == stratum ? 1 : 0;
        in_stratum[of] = stratum;
    }
    return JB_OK;
}
