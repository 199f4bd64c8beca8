/* An organisation beside its market: gaps with the market's sampling error, and a percentile among
 * respondents. */
#include "survey/stand.h"

#include "base/cleanup.h"

#include <math.h>
#include <stdlib.h>

void jb_stand_own(const struct jb_index *index, const double *values, size_t rows, double *ret_figures) {
    size_t items = index->item_count, pillars = index->pillar_count;
    double weight[JB_INDEX_PILLARS];
    for (size_t i = 0; i < items; i++) {
        double sum = 0;
        size_t answered = 0;
        for (size_t row = 0; row < rows; row++) {
            if (isnan(values[row * items + i]))
                continue;
            sum += values[row * items + i];
            answered++;
        }
        ret_figures[i] = answered ? sum / (double)answered : NAN;
    }
    for (size_t p = 0; p < pillars; p++) {
        double sum = 0, all = 0;
        weight[p] = index->pillars[p].weight;
        for (size_t i = 0; i < items; i++) {
            if (index->items[i].pillar != p || isnan(ret_figures[i]))
                continue;
            sum += index->items[i].weight * ret_figures[i];
            all += index->items[i].weight;
        }
        ret_figures[items + p] = all > 0 ? sum / all : NAN;
    }
    ret_figures[items + pillars] = jb_index_value(pillars, ret_figures + items, weight, JB_ARITHMETIC);
    ret_figures[items + pillars + 1] = jb_index_value(pillars, ret_figures + items, weight, JB_GEOMETRIC);
}

static void set_gap(struct jb_stand_line *line) {
    line->gap = line->ours - line->market;
    line->gap_low = line->ours - line->high;
    line->gap_high = line->ours - line->low;
}

void jb_stand_against_scoring(const struct jb_scoring *scoring, size_t block, const double *own,
                              double confidence, struct jb_stand_line *ret_lines) {
    for (size_t f = 0; f < scoring->figure_count; f++) {
        struct jb_score_figure market = jb_score_figure(scoring, block, f, confidence);
        ret_lines[f] = (struct jb_stand_line){.figure = f,
                                              .ours = own[f],
                                              .market = market.value,
                                              .low = market.low,
                                              .high = market.high,
                                              .respondents = market.row_count};
        set_gap(&ret_lines[f]);
    }
}

/* ---- published figures ---- */

/* A published share as an item's value with its interval: xlogit of a simple random sample, and the rounding.
 */
static struct jb_stand_line published_item(const struct jb_published *published,
                                           const struct jb_index_item *item, const char *place,
                                           double confidence) {
    struct jb_stand_line line = {.market = NAN, .low = NAN, .high = NAN};
    const struct jb_published_figure *figure =
        item->answer_count == 1 ? jb_published_find(published, item->question, item->answers[0], place)
                                : NULL;
    if (!figure)
        return line;
    double share = figure->value / 100, n = figure->respondents, low, high;
    struct jb_proportion proportion = {.value = share,
                                       .variance = share * (1 - share) / (n - 1),
                                       .row_count = (size_t)n,
                                       .kish = n,
                                       .df = n - 1};
    jb_proportion_interval(JB_INTERVAL_XLOGIT, &proportion, confidence, &low, &high);
    low = fmax(100 * low - figure->rounding, 0), high = fmin(100 * high + figure->rounding, 100);
    line.market = item->is_down ? 100 - figure->value : figure->value;
    line.low = item->is_down ? 100 - high : low;
    line.high = item->is_down ? 100 - low : high;
    line.respondents = (size_t)n;
    line.place = figure->place;
    line.source = figure->source;
    return line;
}

void jb_stand_against_published(const struct jb_published *published, const struct jb_index *index,
                                const char *place, const double *own, double confidence,
                                struct jb_stand_line *ret_lines) {
    size_t items = index->item_count, pillars = index->pillar_count, figures = items + pillars + 2;
    double value[JB_INDEX_ITEMS], low[JB_INDEX_ITEMS], high[JB_INDEX_ITEMS], weight[JB_INDEX_PILLARS];
    double of_value[JB_INDEX_PILLARS], of_low[JB_INDEX_PILLARS], of_high[JB_INDEX_PILLARS];
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i < items; i++) {
        struct jb_stand_line whole = published_item(published, &index->items[i], "", confidence);
        ret_lines[i] = published_item(published, &index->items[i], place, confidence);
        value[i] = whole.market, low[i] = whole.low, high[i] = whole.high;
        fewest = whole.respondents < fewest ? whole.respondents : fewest;
    }
    /* Both means grow with every item: their ends are those of the items. */
    jb_index_pillar_values(index, value, SIZE_MAX, of_value);
    jb_index_pillar_values(index, low, SIZE_MAX, of_low);
    jb_index_pillar_values(index, high, SIZE_MAX, of_high);
    for (size_t p = 0; p < pillars; p++) {
        weight[p] = index->pillars[p].weight;
        ret_lines[items + p] =
            (struct jb_stand_line){.market = of_value[p], .low = of_low[p], .high = of_high[p], .place = ""};
    }
    for (enum jb_aggregation rule = JB_ARITHMETIC; rule <= JB_GEOMETRIC; rule++)
        ret_lines[items + pillars + (rule == JB_GEOMETRIC)] =
            (struct jb_stand_line){.market = jb_index_value(pillars, of_value, weight, rule),
                                   .low = jb_index_value(pillars, of_low, weight, rule),
                                   .high = jb_index_value(pillars, of_high, weight, rule),
                                   .place = ""};
    for (size_t f = 0; f < figures; f++) {
        ret_lines[f].figure = f;
        ret_lines[f].ours = own[f];
        if (f >= items)
            ret_lines[f].respondents = isnan(ret_lines[f].market) ? 0 : fewest;
        set_gap(&ret_lines[f]);
    }
}

/* ---- percentile ---- */

enum jb_code jb_stand_percentile(const struct jb_design *design, const struct jb_index *index,
                                 const double *values, const uint32_t *block, uint32_t at, double ours,
                                 enum jb_interval interval, double confidence, struct jb_error *error,
                                 struct jb_percentile *ret_percentile) {
    struct jb_percentile made = {NAN, NAN, NAN, 0};
    _cleanup_free_ double *below = calloc(design->count, sizeof(*below));
    _cleanup_free_ uint32_t *scored = calloc(design->count, sizeof(*scored));
    if (!below || !scored)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", design->count);
    for (size_t row = 0; row < design->count; row++) {
        double score = block[row] == at ? jb_score_of_row(index, values + row * index->item_count) : NAN;
        scored[row] = isnan(score) ? UINT32_MAX : 0;
        /* Equal but for rounding is equal. */
        below[row] = isnan(score) || score > ours + 1e-9 ? 0 : score < ours - 1e-9 ? 1 : 0.5;
    }
    struct jb_variables variables = {.width = 1, .block_count = 1, .block = scored, .y = below};
    struct jb_estimates share;
    enum jb_code code = isnan(ours) ? JB_OK : jb_estimate(design, JB_MEAN, &variables, error, &share);
    if (code)
        return code;
    if (!isnan(ours)) {
        struct jb_proportion proportion = {share.value[0], share.covariance[0], share.row_count[0],
                                           share.kish[0], share.df[0]};
        made.respondents = share.row_count[0];
        if (share.row_count[0] >= JB_SCORE_LEAST && share.kish[0] >= JB_SCORE_LEAST) {
            made.value = share.value[0];
            jb_proportion_interval(interval, &proportion, confidence, &made.low, &made.high);
        }
        jb_estimates_free(&share);
    }
    *ret_percentile = made;
    return JB_OK;
}
