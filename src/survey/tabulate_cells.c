/* Cells of a tabulation: intervals, effective n, suppression, letters of groups that differ. */
#include "base/array.h"
#include "base/distribution.h"
#include "survey/tabulate_work.h"

#include <assert.h>
#include <string.h>

#define CELL_CEILING 4000000

/* "A" … "Z", "AA" … "ZZ", "AAA" …: enough for 18,278 groups. */
static void write_letter(size_t index, char ret[static 4]) {
    char reversed[4];
    size_t count = 0;
    for (size_t left = index + 1; left > 0 && count < 3; left = (left - 1) / 26)
        reversed[count++] = (char)('A' + (left - 1) % 26);
    for (size_t i = 0; i < count; i++)
        ret[i] = reversed[count - 1 - i];
    ret[count] = '\0';
}

static enum jb_code new_cell(struct jb_tabulate_work *work, size_t group, enum jb_measure measure,
                             const struct jb_class *answer, struct jb_cell **ret_cell) {
    enum jb_code code = jb_array_reserve(&work->made.cells, &work->cell_capacity, work->made.cell_count + 1,
                                         CELL_CEILING, "cells", work->error);
    if (code)
        return code;
    struct jb_cell *cell = &work->made.cells[work->made.cell_count++];
    *cell = (struct jb_cell){.measure = measure, .effective_n = NAN, .deff = NAN};
    if (answer)
        cell->answer = answer->text, cell->answer_label = answer->label;
    if (work->made.group) {
        cell->group = work->tabulator->groups.items[group].text;
        cell->group_label = work->tabulator->groups.items[group].label;
        write_letter(group, cell->letter);
    }
    *ret_cell = cell;
    return JB_OK;
}

/* Takes the figures out of a cell of too few people. */
static void suppress(struct jb_cell *cell) {
    cell->is_suppressed = cell->row_count < JB_TABULATE_LEAST || !(cell->effective_n >= JB_TABULATE_LEAST);
    if (cell->is_suppressed)
        cell->value = cell->se = cell->low = cell->high = cell->deff = NAN;
}

static void fill_cell(const struct jb_tabulate_work *work, const struct jb_estimates *e, size_t group,
                      struct jb_cell *cell) {
    const struct jb_plan *plan = work->tabulator->plan;
    double variance = e->covariance[group * e->count + group];
    bool is_share = cell->measure == JB_MEASURE_SHARE || cell->measure == JB_MEASURE_TOP;
    cell->row_count = e->row_count[group];
    cell->weighted_count = e->weight_sum[group];
    cell->value = e->value[group];
    cell->se = isnan(cell->value) ? NAN : sqrt(variance);
    cell->low = cell->high = NAN;
    cell->deff = e->deff[group];
    if (is_share) {
        struct jb_proportion proportion = {cell->value, variance, cell->row_count, e->kish[group],
                                           e->df[group]};
        jb_proportion_interval(plan->interval, &proportion, plan->confidence, &cell->low, &cell->high);
        cell->effective_n = variance > 0 ? cell->value * (1 - cell->value) / variance : e->kish[group];
    } else {
        if (e->df[group] > 0) {
            double half = jb_t_quantile(0.5 + plan->confidence / 2, e->df[group]) * cell->se;
            cell->low = cell->value - half, cell->high = cell->value + half;
        }
        /* A total has more to it than its answers: how many are asked varies, too. */
        bool has_deff = cell->deff > 0 && cell->measure != JB_MEASURE_TOTAL;
        cell->effective_n = has_deff ? (double)cell->row_count / cell->deff : e->kish[group];
    }
    suppress(cell);
}

/* t of the confidence; most cells and pairs have the degrees of freedom of the one before. */
static double t_of(struct jb_tabulate_work *work, double df) {
    if (df != work->t_df) {
        work->t_df = df;
        work->t = jb_t_quantile(0.5 + work->tabulator->plan->confidence / 2, df);
    }
    return work->t;
}

/* The pairs of a figure's cells, which begin at first. */
static enum jb_code add_pairs(struct jb_tabulate_work *work, const struct jb_estimates *e, size_t first) {
    const struct jb_cell *cells = work->made.cells + first;
    for (size_t a = 0; a < e->block_count; a++) {
        for (size_t b = a + 1; b < e->block_count; b++) {
            double df = fmin(e->df[a], e->df[b]), se = sqrt(jb_difference_variance(e, a, b));
            if (cells[a].is_suppressed || cells[b].is_suppressed || !(df > 0) || !(se > 0))
                continue;
            enum jb_code code =
                jb_array_reserve(&work->made.pairs, &work->pair_capacity, work->made.pair_count + 1,
                                 CELL_CEILING, "pairs of groups", work->error);
            if (code)
                return code;
            double difference = cells[a].value - cells[b].value, half = t_of(work, df) * se;
            work->made.pairs[work->made.pair_count++] =
                (struct jb_pair){.first = first + a,
                                 .second = first + b,
                                 .difference = difference,
                                 .se = se,
                                 .low = difference - half,
                                 .high = difference + half,
                                 .df = df,
                                 .p = jb_t_two_sided(difference / se, df)};
        }
    }
    return JB_OK;
}

static void add_letter(struct jb_cell *cell, const char *letter) {
    size_t used = strlen(cell->above);
    if (used + 5 < sizeof(cell->above))
        (void)snprintf(cell->above + used, sizeof(cell->above) - used, "%s%s", used ? " " : "", letter);
    else if (cell->above[used - 1] != '+')
        memcpy(cell->above + used, "+", 2); /* and more */
}

/* Letters of the groups that each cell is above, false discoveries among the figure's pairs held down. */
static enum jb_code compare_groups(struct jb_tabulate_work *work, size_t first_pair) {
    size_t count = work->made.pair_count - first_pair;
    if (count == 0)
        return JB_OK;
    struct jb_pair *pairs = work->made.pairs + first_pair;
    _cleanup_free_ double *p = calloc(count, sizeof(*p));
    if (!p)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %zu pairs", count);
    for (size_t i = 0; i < count; i++)
        p[i] = pairs[i].p;
    enum jb_code code = jb_adjust_discoveries(p, count, work->error);
    for (size_t i = 0; i < count && !code; i++) {
        struct jb_cell *first = &work->made.cells[pairs[i].first],
                       *second = &work->made.cells[pairs[i].second];
        pairs[i].adjusted_p = p[i];
        if (p[i] < 1 - work->tabulator->plan->confidence)
            add_letter(pairs[i].difference > 0 ? first : second,
                       pairs[i].difference > 0 ? second->letter : first->letter);
    }
    return code;
}

enum jb_code jb_tabulate_add(struct jb_tabulate_work *work, enum jb_measure measure,
                             const struct jb_class *answer, const struct jb_estimates *estimates) {
    size_t first = work->made.cell_count, first_pair = work->made.pair_count;
    enum jb_code code = JB_OK;
    assert(estimates->width == 1 && estimates->block_count == work->tabulator->group_count);
    for (size_t group = 0; group < estimates->block_count && !code; group++) {
        struct jb_cell *cell;
        code = new_cell(work, group, measure, answer, &cell);
        if (!code)
            fill_cell(work, estimates, group, cell);
    }
    if (code || measure == JB_MEASURE_TOTAL)
        return code;
    code = add_pairs(work, estimates, first);
    return code ? code : compare_groups(work, first_pair);
}

enum jb_code jb_tabulate_add_quantiles(struct jb_tabulate_work *work, double probability,
                                       const struct jb_estimates *counts,
                                       const struct jb_quantile *quantiles) {
    enum jb_code code = JB_OK;
    for (size_t group = 0; group < counts->block_count && !code; group++) {
        struct jb_cell *cell;
        code = new_cell(work, group, JB_MEASURE_QUANTILE, NULL, &cell);
        if (code)
            break;
        cell->probability = probability;
        cell->row_count = counts->row_count[group], cell->weighted_count = counts->weight_sum[group];
        cell->effective_n =
            counts->deff[group] > 0 ? (double)cell->row_count / counts->deff[group] : counts->kish[group];
        cell->value = quantiles[group].value, cell->se = quantiles[group].se;
        cell->low = quantiles[group].low, cell->high = quantiles[group].high;
        suppress(cell);
    }
    return code;
}
