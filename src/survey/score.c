/* Scores by linearisation: the items are ratios of totals, estimated jointly; pillars and the arithmetic
 * index are linear in them, so their variance is exact in the linearised items; the geometric index takes the
 * delta method on top (Demnati and Rao 2004; Wolter, "Introduction to Variance Estimation", 2007, chapter 6).
 */
#include "survey/score.h"

#include "base/cleanup.h"
#include "base/distribution.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void jb_scoring_free(struct jb_scoring *scoring) {
    if (!scoring)
        return;
    jb_estimates_free(&scoring->items);
    free(scoring->value);
    free(scoring->gradient);
    free(scoring->effective_n);
    free(scoring->row_count);
    *scoring = (struct jb_scoring){0};
}

static enum jb_code estimate_items(const struct jb_design *design, const struct jb_index *index,
                                   const double *values, const uint32_t *block, size_t block_count,
                                   struct jb_error *error, struct jb_estimates *ret_items) {
    size_t count = design->count * index->item_count;
    _cleanup_free_ double *y = calloc(count, sizeof(*y));
    _cleanup_free_ double *answered = calloc(count, sizeof(*answered));
    if (!y || !answered)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows of %zu items", design->count,
                            index->item_count);
    for (size_t i = 0; i < count; i++) {
        answered[i] = !isnan(values[i]);
        y[i] = answered[i] > 0 ? values[i] : 0;
    }
    struct jb_variables variables = {
        .width = index->item_count, .block_count = block_count, .block = block, .y = y, .x = answered};
    return jb_estimate(design, JB_RATIO, &variables, error, ret_items);
}

/* Values and gradients of one block, from its items. */
static void derive(struct jb_scoring *made, size_t block) {
    const struct jb_index *index = made->index;
    size_t items = index->item_count, pillars = index->pillar_count;
    const double *item = made->items.value + block * items;
    double *value = made->value + block * made->figure_count;
    double *gradient = made->gradient + block * made->figure_count * items;
    double weight[JB_INDEX_PILLARS];
    for (size_t p = 0; p < pillars; p++)
        weight[p] = index->pillars[p].weight;
    memcpy(value, item, items * sizeof(*value));
    jb_index_pillar_values(index, item, SIZE_MAX, value + items);
    double arithmetic = jb_index_value(pillars, value + items, weight, JB_ARITHMETIC);
    double geometric = jb_index_value(pillars, value + items, weight, JB_GEOMETRIC);
    value[items + pillars] = arithmetic;
    value[items + pillars + 1] = geometric;
    for (size_t j = 0; j < items; j++) {
        const struct jb_index_item *at = &index->items[j];
        double of_pillar = value[items + at->pillar];
        gradient[j * items + j] = 1;
        gradient[(items + at->pillar) * items + j] = at->weight;
        gradient[(items + pillars) * items + j] = weight[at->pillar] * at->weight;
        gradient[(items + pillars + 1) * items + j] =
            of_pillar > 0 ? geometric * weight[at->pillar] / of_pillar * at->weight : NAN;
    }
}

/* Which items a figure is made of: those with a gradient. */
static bool is_part(const struct jb_scoring *made, size_t at, size_t item) {
    double slope = made->gradient[at * made->index->item_count + item];
    return isnan(slope) || slope != 0;
}

/* How many answered what each figure is made of (of several items, the one with the fewest), and the variance
 * between people of what each adds to the figure. */
static enum jb_code count_people(const struct jb_design *design, const double *values, const uint32_t *block,
                                 struct jb_error *error, struct jb_scoring *made) {
    size_t items = made->index->item_count, figures = made->figure_count;
    size_t cells = made->block_count * figures;
    _cleanup_free_ long double *answered = calloc(made->block_count * items, sizeof(*answered));
    _cleanup_free_ long double *weight = calloc(cells, sizeof(*weight));
    _cleanup_free_ long double *square = calloc(cells, sizeof(*square));
    if (!answered || !weight || !square)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu scores", cells);
    for (size_t row = 0; row < design->count; row++) {
        for (size_t j = 0; block[row] != UINT32_MAX && j < items; j++)
            answered[block[row] * items + j] += isnan(values[row * items + j]) ? 0 : design->weight[row];
    }
    for (size_t row = 0; row < design->count; row++) {
        if (block[row] == UINT32_MAX || !(design->weight[row] > 0))
            continue;
        for (size_t f = 0; f < figures; f++) {
            size_t at = block[row] * figures + f;
            long double adds = 0, total = made->items.weight_sum[block[row]];
            bool any = false;
            for (size_t j = 0; j < items; j++) {
                if (isnan(values[row * items + j]) || !is_part(made, at, j))
                    continue;
                any = true;
                adds += made->gradient[at * items + j] *
                        (values[row * items + j] - made->items.value[block[row] * items + j]) * total /
                        answered[block[row] * items + j];
            }
            if (!any)
                continue;
            made->row_count[at] += f < items;
            weight[at] += design->weight[row];
            square[at] += design->weight[row] * adds * adds;
        }
    }
    for (size_t at = 0; at < cells; at++) {
        const size_t *of_item = made->row_count + at / figures * figures;
        if (at % figures >= items)
            made->row_count[at] = SIZE_MAX;
        for (size_t j = 0; at % figures >= items && j < items; j++) {
            if (is_part(made, at, j) && of_item[j] < made->row_count[at])
                made->row_count[at] = of_item[j];
        }
        double variance = jb_score_covariance(made, at / figures, at % figures, at / figures, at % figures);
        /* Those who left all its items out are no part of the figure's own n. */
        long double total = made->items.weight_sum[at / figures];
        long double between = weight[at] > 0 ? square[at] / total * (weight[at] / total) : 0;
        made->effective_n[at] = isnan(variance) ? NAN
                                : variance > 0  ? (double)(between / variance)
                                                : made->items.kish[at / figures];
    }
    return JB_OK;
}

enum jb_code jb_score(const struct jb_design *design, const struct jb_index *index, const double *values,
                      const uint32_t *block, size_t block_count, struct jb_error *error,
                      struct jb_scoring *ret_scoring) {
    assert(index->pillar_count > 0 && index->item_count >= index->pillar_count && block_count > 0);
    struct jb_scoring made = {.index = index,
                              .block_count = block_count,
                              .figure_count = index->item_count + index->pillar_count + 2};
    size_t cells = block_count * made.figure_count;
    enum jb_code code = estimate_items(design, index, values, block, block_count, error, &made.items);
    if (code)
        return code;
    made.value = calloc(cells, sizeof(*made.value));
    made.gradient = calloc(cells * index->item_count, sizeof(*made.gradient));
    made.effective_n = calloc(cells, sizeof(*made.effective_n));
    made.row_count = calloc(cells, sizeof(*made.row_count));
    if (!made.value || !made.gradient || !made.effective_n || !made.row_count)
        code = jb_error_set(error, JB_MEMORY, "no memory for %zu scores", cells);
    for (size_t b = 0; b < block_count && !code; b++)
        derive(&made, b);
    if (!code)
        code = count_people(design, values, block, error, &made);
    if (code)
        jb_scoring_free(&made);
    else
        *ret_scoring = made;
    return code;
}

double jb_score_covariance(const struct jb_scoring *scoring, size_t block_a, size_t figure_a, size_t block_b,
                           size_t figure_b) {
    size_t items = scoring->index->item_count, count = scoring->items.count;
    const double *a = scoring->gradient + (block_a * scoring->figure_count + figure_a) * items;
    const double *b = scoring->gradient + (block_b * scoring->figure_count + figure_b) * items;
    long double sum = 0;
    for (size_t i = 0; i < items; i++) {
        const double *row = scoring->items.covariance + (block_a * items + i) * count + block_b * items;
        long double inner = 0;
        for (size_t j = 0; j < items; j++)
            inner += (long double)row[j] * b[j];
        sum += a[i] * inner;
    }
    return (double)sum;
}

struct jb_score_figure jb_score_figure(const struct jb_scoring *scoring, size_t block, size_t figure,
                                       double confidence) {
    size_t at = block * scoring->figure_count + figure;
    struct jb_score_figure made = {.value = scoring->value[at],
                                   .low = NAN,
                                   .high = NAN,
                                   .effective_n = scoring->effective_n[at],
                                   .row_count = scoring->row_count[at]};
    double variance = jb_score_covariance(scoring, block, figure, block, figure);
    made.se = isnan(made.value) || isnan(variance) ? NAN : sqrt(fmax(variance, 0));
    made.is_suppressed = made.row_count < JB_SCORE_LEAST || made.effective_n < JB_SCORE_LEAST;
    if (made.is_suppressed) {
        made.value = made.se = NAN;
    } else if (scoring->items.df[block] > 0) {
        double half = jb_t_quantile(0.5 + confidence / 2, scoring->items.df[block]) * made.se;
        made.low = made.value - half, made.high = made.value + half;
    }
    return made;
}

double jb_score_of_row(const struct jb_index *index, const double *values) {
    double sum[JB_INDEX_PILLARS] = {0}, weight[JB_INDEX_PILLARS] = {0}, score = 0;
    for (size_t j = 0; j < index->item_count; j++) {
        if (isnan(values[j]))
            continue;
        sum[index->items[j].pillar] += index->items[j].weight * values[j];
        weight[index->items[j].pillar] += index->items[j].weight;
    }
    for (size_t p = 0; p < index->pillar_count; p++)
        score += weight[p] > 0 ? index->pillars[p].weight * sum[p] / weight[p] : NAN;
    return score;
}
