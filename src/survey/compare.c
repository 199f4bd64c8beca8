/* Uncertainty and sensitivity of a ranking (Saisana, Saltelli and Tarantola 2005, "Uncertainty and
 * sensitivity analysis techniques as tools for the quality assessment of composite indicators"): every draw
 * sets all sources at once; a second setting, taken over one source at a time, gives their Sobol indices. */
#include "survey/compare.h"

#include "base/cleanup.h"
#include "base/random.h"
#include "survey/cholesky.h"
#include "survey/sobol.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void jb_comparison_free(struct jb_comparison *comparison) {
    if (!comparison)
        return;
    free(comparison->score);
    free(comparison->score_low);
    free(comparison->score_high);
    free(comparison->rank_low);
    free(comparison->rank_median);
    free(comparison->rank_high);
    free(comparison->tier);
    free(comparison->above);
    free(comparison->first);
    free(comparison->total);
    *comparison = (struct jb_comparison){0};
}

/* One draw of every source. */
struct setting {
    double *item; /* [group × items], 0 to 100 */
    double weight[JB_INDEX_PILLARS];
    enum jb_aggregation aggregation;
    bool is_turned;
    size_t left_out; /* SIZE_MAX: none */
};

struct run {
    const struct jb_scoring *scoring;
    const struct jb_compare_options *options;
    size_t groups;                   /* that take part */
    size_t block[JB_COMPARE_GROUPS]; /* of the scoring */
    size_t items, figures;           /* items of one group, of all groups */
    double *mean, *root;             /* [figure], [figure²] lower triangle */
    size_t *first;                   /* [row] of root: its first column that is not 0 */
    double *normal;                  /* [figure] */
    float *score;                    /* [group × draws] */
    size_t *twice_rank;              /* [group × 2 groups]: how often twice its rank was this, less one */
    double *above;                   /* [a × groups + b] */
    struct jb_sobol *sobol;          /* [(1 + groups) × sources] */
    double reference[JB_COMPARE_GROUPS]; /* ranks as the plan says */
    struct setting a, b;
    struct jb_random random;
    double shift;
};

/* Ranks from 1 for the highest; equal scores share the mean. */
static void rank_scores(const double *score, size_t count, double *ret_rank) {
    for (size_t i = 0; i < count; i++) {
        size_t higher = 0, equal = 0;
        for (size_t j = 0; j < count; j++) {
            higher += score[j] > score[i];
            equal += score[j] == score[i];
        }
        ret_rank[i] = (double)higher + ((double)equal + 1) / 2;
    }
}

static void score_groups(const struct run *run, const struct setting *items_of,
                         const struct setting *weight_of, enum jb_aggregation aggregation, bool is_turned,
                         size_t left_out, double *ret_score) {
    const struct jb_index *index = run->scoring->index;
    double pillar[JB_INDEX_PILLARS], weight[JB_INDEX_PILLARS];
    for (size_t g = 0; g < run->groups; g++) {
        jb_index_pillar_values(index, items_of->item + g * run->items, left_out, pillar);
        for (size_t p = 0; p < index->pillar_count; p++) {
            /* A pillar whose only item is left out goes, and the others share its weight. */
            weight[p] = isnan(pillar[p]) ? 0 : weight_of->weight[p];
            if (is_turned && index->pillars[p].is_contested)
                pillar[p] = 100 - pillar[p];
        }
        ret_score[g] = jb_index_value(index->pillar_count, pillar, weight, aggregation);
    }
}

static void draw_setting(struct run *run, struct setting *setting) {
    const struct jb_index *index = run->scoring->index;
    struct jb_random *random = &run->random;
    for (size_t i = 0; i < run->figures; i++)
        run->normal[i] = jb_random_normal(random);
    for (size_t i = 0; i < run->figures; i++) {
        double value = run->mean[i];
        const double *row = run->root + i * run->figures;
        for (size_t j = run->first[i]; j <= i; j++)
            value += row[j] * run->normal[j];
        setting->item[i] = value < 0 ? 0 : value > 100 ? 100 : value;
    }
    double sum = 0;
    for (size_t p = 0; p < index->pillar_count; p++) {
        double parameter =
            run->options->concentration * (double)index->pillar_count * index->pillars[p].weight;
        setting->weight[p] = jb_random_gamma(random, parameter);
        sum += setting->weight[p];
    }
    for (size_t p = 0; p < index->pillar_count; p++)
        setting->weight[p] = sum > 0 ? setting->weight[p] / sum : index->pillars[p].weight;
    setting->aggregation = jb_random_below(random, 2) ? JB_GEOMETRIC : JB_ARITHMETIC;
    setting->is_turned = jb_random_below(random, 2);
    size_t out = index->item_count > 1 ? jb_random_below(random, index->item_count + 1) : index->item_count;
    setting->left_out = out == index->item_count ? SIZE_MAX : out;
}

/* Scores under A with one source from B; JB_SOURCE_COUNT: none. */
static void score_mixed(const struct run *run, enum jb_rank_source from_b, double *ret_score) {
    const struct setting *a = &run->a, *b = &run->b;
    score_groups(run, from_b == JB_SOURCE_SAMPLING ? b : a, from_b == JB_SOURCE_WEIGHTS ? b : a,
                 (from_b == JB_SOURCE_AGGREGATION ? b : a)->aggregation,
                 (from_b == JB_SOURCE_SIGN ? b : a)->is_turned,
                 (from_b == JB_SOURCE_LEFT_OUT ? b : a)->left_out, ret_score);
}

/* ret[0]: the mean shift of ranks; ret[1 + group]: its rank. */
static void find_results(const struct run *run, const double *score, double *ret) {
    rank_scores(score, run->groups, ret + 1);
    ret[0] = 0;
    for (size_t g = 0; g < run->groups; g++)
        ret[0] += fabs(ret[1 + g] - run->reference[g]) / (double)run->groups;
}

static void keep_draw(struct run *run, size_t draw, const double *score, const double *result) {
    size_t groups = run->groups;
    run->shift += (result[0] - run->shift) / (double)(draw + 1);
    for (size_t g = 0; g < groups; g++) {
        run->score[g * run->options->draws + draw] = (float)score[g];
        run->twice_rank[g * 2 * groups + (size_t)lround(2 * result[1 + g]) - 1]++;
        for (size_t h = 0; h < groups; h++)
            run->above[g * groups + h] += score[g] > score[h] ? 1 : score[g] == score[h] ? 0.5 : 0;
    }
}

static void draw_all(struct run *run, const bool *has_source) {
    double score_a[JB_COMPARE_GROUPS], score[JB_COMPARE_GROUPS];
    double of_a[1 + JB_COMPARE_GROUPS], of_b[1 + JB_COMPARE_GROUPS], changed[1 + JB_COMPARE_GROUPS];
    for (size_t draw = 0; draw < run->options->draws; draw++) {
        draw_setting(run, &run->a);
        draw_setting(run, &run->b);
        score_mixed(run, JB_SOURCE_COUNT, score_a);
        find_results(run, score_a, of_a);
        keep_draw(run, draw, score_a, of_a);
        score_groups(run, &run->b, &run->b, run->b.aggregation, run->b.is_turned, run->b.left_out, score);
        find_results(run, score, of_b);
        for (enum jb_rank_source s = 0; s < JB_SOURCE_COUNT; s++) {
            if (!has_source[s])
                continue;
            score_mixed(run, s, score);
            find_results(run, score, changed);
            for (size_t i = 0; i <= run->groups; i++)
                jb_sobol_add(&run->sobol[i * JB_SOURCE_COUNT + s], of_a[i], of_b[i], changed[i]);
        }
    }
}

static int compare_floats(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return a < b ? -1 : a > b;
}

/* The smallest rank that at least this part of the draws is at or below. */
static double rank_quantile(const struct run *run, size_t group, double probability) {
    double below = 0, wanted = probability * (double)run->options->draws;
    for (size_t i = 0; i < 2 * run->groups; i++) {
        below += (double)run->twice_rank[group * 2 * run->groups + i];
        if (below >= wanted - 1e-9)
            return (double)(i + 1) / 2;
    }
    return (double)run->groups;
}

void jb_compare_tiers(size_t count, const double *score, const double *above, double separation,
                      unsigned *ret_tier) {
    memset(ret_tier, 0, count * sizeof(*ret_tier));
    for (unsigned tier = 1;; tier++) {
        size_t leader = SIZE_MAX;
        for (size_t i = 0; i < count; i++) {
            if (!isnan(score[i]) && !ret_tier[i] && (leader == SIZE_MAX || score[i] > score[leader]))
                leader = i;
        }
        if (leader == SIZE_MAX)
            return;
        for (size_t i = 0; i < count; i++) {
            if (!isnan(score[i]) && !ret_tier[i] && (i == leader || above[leader * count + i] < separation))
                ret_tier[i] = tier;
        }
    }
}

static void summarise(struct run *run, struct jb_comparison *made) {
    size_t draws = run->options->draws, count = made->group_count;
    double tail = (1 - run->options->confidence) / 2;
    for (size_t g = 0; g < run->groups; g++) {
        size_t at = run->block[g];
        float *score = run->score + g * draws;
        qsort(score, draws, sizeof(*score), compare_floats);
        made->score_low[at] = (double)score[(size_t)(tail * (double)(draws - 1))];
        made->score_high[at] = (double)score[(size_t)ceil((1 - tail) * (double)(draws - 1))];
        made->rank_low[at] = rank_quantile(run, g, tail);
        made->rank_median[at] = rank_quantile(run, g, 0.5);
        made->rank_high[at] = rank_quantile(run, g, 1 - tail);
        for (size_t h = 0; h < run->groups; h++) {
            if (h != g)
                made->above[at * count + run->block[h]] = run->above[g * run->groups + h] / (double)draws;
        }
    }
    for (size_t i = 0; i <= run->groups; i++) {
        size_t at = i == 0 ? 0 : 1 + run->block[i - 1];
        for (size_t s = 0; s < JB_SOURCE_COUNT; s++) {
            if (!made->has_source[s])
                continue;
            made->first[at][s] = jb_sobol_first(&run->sobol[i * JB_SOURCE_COUNT + s]);
            made->total[at][s] = jb_sobol_total(&run->sobol[i * JB_SOURCE_COUNT + s]);
        }
    }
    made->shift = run->shift;
    jb_compare_tiers(count, made->score, made->above, run->options->separation, made->tier);
}

static void fill_unknown(double *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = NAN;
}

static bool make_comparison(size_t groups, struct jb_comparison *made) {
    double **lists[] = {&made->score,    &made->score_low,   &made->score_high,
                        &made->rank_low, &made->rank_median, &made->rank_high};
    made->group_count = groups;
    bool all = true;
    for (size_t i = 0; i < JB_COUNT(lists); i++) {
        *lists[i] = calloc(groups, sizeof(double));
        all = all && *lists[i];
        if (*lists[i])
            fill_unknown(*lists[i], groups);
    }
    made->tier = calloc(groups, sizeof(*made->tier));
    made->above = calloc(groups * groups, sizeof(*made->above));
    made->first = calloc(1 + groups, sizeof(*made->first));
    made->total = calloc(1 + groups, sizeof(*made->total));
    if (!all || !made->tier || !made->above || !made->first || !made->total)
        return false;
    fill_unknown(made->above, groups * groups);
    fill_unknown(&made->first[0][0], (1 + groups) * JB_SOURCE_COUNT);
    fill_unknown(&made->total[0][0], (1 + groups) * JB_SOURCE_COUNT);
    return true;
}

/* Which groups take part, their items' means and the root of their covariance. */
static enum jb_code take_groups(struct run *run, struct jb_comparison *made, struct jb_error *error) {
    const struct jb_scoring *scoring = run->scoring;
    size_t index = jb_figure_of_index(scoring, JB_ARITHMETIC), all = scoring->items.count;
    for (size_t b = 0; b < scoring->block_count; b++) {
        made->score[b] = jb_score_figure(scoring, b, index, 0.95).value;
        if (!isnan(made->score[b]))
            run->block[run->groups++] = b;
    }
    if (run->groups < 2)
        return jb_error_set(
            error, JB_INPUT,
            "fewer than two groups have the %d people (and an effective n of %d) that a score needs; "
            "compare larger groups",
            JB_SCORE_LEAST, JB_SCORE_LEAST);
    run->items = scoring->index->item_count;
    run->figures = run->groups * run->items;
    run->mean = calloc(run->figures, sizeof(*run->mean));
    run->normal = calloc(run->figures, sizeof(*run->normal));
    run->root = calloc(run->figures * run->figures, sizeof(*run->root));
    run->first = calloc(run->figures, sizeof(*run->first));
    run->a.item = calloc(run->figures, sizeof(*run->a.item));
    run->b.item = calloc(run->figures, sizeof(*run->b.item));
    if (!run->mean || !run->normal || !run->root || !run->first || !run->a.item || !run->b.item)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu figures", run->figures);
    for (size_t i = 0; i < run->figures; i++) {
        size_t from = run->block[i / run->items] * run->items + i % run->items;
        run->mean[i] = scoring->items.value[from];
        for (size_t j = 0; j <= i; j++) {
            size_t other = run->block[j / run->items] * run->items + j % run->items;
            run->root[i * run->figures + j] = scoring->items.covariance[from * all + other];
        }
    }
    jb_cholesky_factor(run->root, run->figures, run->first);
    return JB_OK;
}

static enum jb_code compare(struct run *run, struct jb_comparison *made, struct jb_error *error) {
    const struct jb_index *index = run->scoring->index;
    enum jb_code code = take_groups(run, made, error);
    if (code)
        return code;
    size_t groups = run->groups;
    run->score = calloc(groups * run->options->draws, sizeof(*run->score));
    run->twice_rank = calloc(2 * groups * groups, sizeof(*run->twice_rank));
    run->above = calloc(groups * groups, sizeof(*run->above));
    run->sobol = calloc((1 + groups) * JB_SOURCE_COUNT, sizeof(*run->sobol));
    if (!run->score || !run->twice_rank || !run->above || !run->sobol)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu draws of %zu groups", run->options->draws,
                            groups);
    double score[JB_COMPARE_GROUPS];
    for (size_t g = 0; g < groups; g++)
        score[g] = made->score[run->block[g]];
    rank_scores(score, groups, run->reference);
    bool is_contested = false;
    for (size_t p = 0; p < index->pillar_count; p++)
        is_contested = is_contested || index->pillars[p].is_contested;
    made->has_source[JB_SOURCE_SAMPLING] = true;
    made->has_source[JB_SOURCE_WEIGHTS] = made->has_source[JB_SOURCE_AGGREGATION] = index->pillar_count > 1;
    made->has_source[JB_SOURCE_SIGN] = is_contested;
    made->has_source[JB_SOURCE_LEFT_OUT] = index->item_count > 1;
    draw_all(run, made->has_source);
    summarise(run, made);
    return JB_OK;
}

enum jb_code jb_compare(const struct jb_scoring *scoring, const struct jb_compare_options *options,
                        struct jb_error *error, struct jb_comparison *ret_comparison) {
    assert(options->draws >= JB_COMPARE_DRAWS && options->draws <= JB_COMPARE_DRAWS_MOST);
    assert(options->concentration > 0 && options->confidence > 0 && options->confidence < 1);
    if (scoring->block_count > JB_COMPARE_GROUPS)
        return jb_error_set(error, JB_LIMIT, "%zu groups are more than %d", scoring->block_count,
                            JB_COMPARE_GROUPS);
    struct jb_comparison made = {0};
    struct run run = {.scoring = scoring, .options = options, .random = jb_random_make(options->seed)};
    enum jb_code code =
        make_comparison(scoring->block_count, &made)
            ? compare(&run, &made, error)
            : jb_error_set(error, JB_MEMORY, "no memory for %zu groups", scoring->block_count);
    free(run.mean);
    free(run.root);
    free(run.first);
    free(run.normal);
    free(run.score);
    free(run.twice_rank);
    free(run.above);
    free(run.sobol);
    free(run.a.item);
    free(run.b.item);
    if (code)
        jb_comparison_free(&made);
    else
        *ret_comparison = made;
    return code;
}
