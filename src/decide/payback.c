/* From draws to figures: probabilities, spreads, break-even, and what matters most. */
#include "decide/payback.h"

#include "decide/simulate.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void free_simulation(struct jb_simulation *simulation) {
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        free(simulation->cost[worth]);
        free(simulation->benefit[worth]);
        free(simulation->net[worth]);
        free(simulation->even[worth]);
    }
    free(simulation->cumulative);
    free(simulation->index_sums);
    free(simulation->item_sums);
}

static double *make_doubles(size_t count, bool *is_short) {
    double *doubles = calloc(count + 1, sizeof *doubles);
    *is_short = *is_short || !doubles;
    return doubles;
}

/* Net with every input at its median: near the middle of what is drawn. */
static void find_centres(struct jb_simulation *simulation) {
    const struct jb_payback_model *model = simulation->model;
    double medians[JB_INPUT_CEILING];
    for (size_t i = 0; i < model->project->inputs.count; i++)
        medians[i] = jb_distribution_median(&model->project->inputs.items[i].distribution);
    for (size_t t = 0; t < model->term_count; t++) {
        struct jb_product product = model->terms[t].product;
        product.constant = jb_term_constant(simulation, &model->terms[t]);
        double value = jb_product_value(&product, medians);
        simulation->centre[model->terms[t].worth] += isfinite(value) ? value : 0;
    }
}

static enum jb_code make_simulation(const struct jb_payback_model *model,
                                    const struct jb_payback_request *request, struct jb_error *error,
                                    struct jb_simulation *simulation) {
    size_t draws = request->draw_count, inputs = model->project->inputs.count;
    bool is_short = false;
    simulation->model = model;
    simulation->draw_count = request->draw_count;
    simulation->block_count = (request->draw_count + JB_BLOCK - 1) / JB_BLOCK;
    simulation->seed = request->seed;
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        simulation->cost[worth] = make_doubles(draws, &is_short);
        simulation->benefit[worth] = make_doubles(draws, &is_short);
        simulation->net[worth] = make_doubles(draws, &is_short);
        simulation->even[worth] = make_doubles(draws, &is_short);
    }
    simulation->cumulative = make_doubles(model->profile_count * (JB_PAYBACK_STEPS + 1), &is_short);
    simulation->item_sums = make_doubles(
        (size_t)simulation->block_count * model->project->item_count * JB_WORTH_COUNT, &is_short);
    simulation->index_sums = calloc((size_t)simulation->block_count * JB_WORTH_COUNT * (inputs + 1),
                                    sizeof *simulation->index_sums);
    if (is_short || !simulation->index_sums)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu draws", draws);
    for (size_t p = 0; p < model->profile_count; p++) {
        for (int step = 0; step <= JB_PAYBACK_STEPS; step++)
            simulation->cumulative[p * (JB_PAYBACK_STEPS + 1) + (size_t)step] =
                jb_profile_until(&model->profiles[p], model->project->life_h * step / JB_PAYBACK_STEPS);
    }
    find_centres(simulation);
    return JB_OK;
}

/* The value at place k in order; reorders the values (Hoare 1961, median of three). */
static double select_value(double *values, size_t count, size_t k) {
    size_t low = 0, high = count - 1;
    while (low < high) {
        double a = values[low], b = values[low + (high - low) / 2], c = values[high];
        double pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));
        size_t i = low, j = high;
        for (;;) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            double swap = values[i];
            values[i++] = values[j];
            values[j--] = swap;
        }
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
    return values[low];
}

static struct jb_spread spread_of(double *values, size_t count) {
    struct jb_spread spread;
    double sum = 0;
    for (size_t d = 0; d < count; d++)
        sum += values[d];
    spread.mean = sum / (double)count;
    spread.low = select_value(values, count, (size_t)(0.025 * (double)count));
    spread.median = select_value(values, count, (size_t)(0.5 * (double)count));
    spread.high = select_value(values, count, (size_t)(0.975 * (double)count));
    return spread;
}

/* Ranks the inputs by their total index and keeps the first few. */
static void find_leading(const struct jb_simulation *simulation, enum jb_worth worth,
                         struct jb_payback_worth *result) {
    size_t inputs = simulation->model->project->inputs.count;
    double mean = 0, variance = 0;
    for (size_t d = 0; d < simulation->draw_count; d++)
        mean += simulation->net[worth][d] / simulation->draw_count;
    for (size_t d = 0; d < simulation->draw_count; d++) {
        double off = simulation->net[worth][d] - mean;
        variance += off * off / (simulation->draw_count - 1);
    }
    for (size_t i = 0; i < inputs && variance > 0; i++) {
        struct jb_index first, total;
        jb_index_finish(simulation->index_sums + (size_t)worth * inputs + i, simulation->block_count,
                        JB_WORTH_COUNT * inputs, simulation->draw_count, simulation->centre[worth], mean,
                        variance, &first, &total);
        if (!(total.value > 0))
            continue;
        size_t at = result->leading_count;
        while (at > 0 && total.value > result->leading[at - 1].total)
            at--;
        if (at == JB_PAYBACK_LEADING)
            continue;
        if (result->leading_count < JB_PAYBACK_LEADING)
            result->leading_count++;
        for (size_t k = result->leading_count - 1; k > at; k--)
            result->leading[k] = result->leading[k - 1];
        result->leading[at] = (struct jb_influence){.input = (uint16_t)i,
                                                    .first = first.value,
                                                    .first_low = first.low,
                                                    .first_high = first.high,
                                                    .total = total.value,
                                                    .total_low = total.low,
                                                    .total_high = total.high};
    }
}

static enum jb_code finish_worth(const struct jb_simulation *simulation, enum jb_worth worth,
                                 struct jb_error *error, struct jb_payback_worth *ret_worth) {
    struct jb_payback_worth result = {.is_known = true};
    size_t draws = simulation->draw_count, paying = 0;
    enum jb_code code = JB_OK;
    for (size_t d = 0; d < draws; d++) {
        if (!isfinite(simulation->net[worth][d]))
            return jb_error_set(error, JB_INPUT, "%s: the amounts are too large to be added up",
                                simulation->model->project->file);
        paying += simulation->net[worth][d] > 0;
    }
    result.probability = (double)paying / (double)draws;
    result.pays = 2 * paying >= draws;
    find_leading(simulation, worth, &result);
    for (size_t i = 0; i < result.leading_count && !code; i++)
        code = jb_threshold_find(simulation, worth, result.pays, error, &result.leading[i]);
    result.cost = spread_of(simulation->cost[worth], draws);
    result.benefit = spread_of(simulation->benefit[worth], draws);
    result.net = spread_of(simulation->net[worth], draws);
    struct jb_spread even = spread_of(simulation->even[worth], draws);
    result.even_h = even.median;
    result.even_low_h = even.low;
    result.even_high_h = even.high;
    if (!code)
        *ret_worth = result;
    return code;
}

static void sum_items(const struct jb_simulation *simulation, double *means) {
    const struct jb_payback_model *model = simulation->model;
    size_t cells = model->project->item_count * JB_WORTH_COUNT;
    for (size_t cell = 0; cell < cells; cell++) {
        double sum = 0;
        for (size_t block = 0; block < simulation->block_count; block++)
            sum += simulation->item_sums[block * cells + cell];
        bool is_unknown = model->is_item_unknown[cell / JB_WORTH_COUNT][cell % JB_WORTH_COUNT];
        means[cell] = is_unknown ? NAN : sum / simulation->draw_count;
    }
}

enum jb_code jb_payback_run(const struct jb_payback_model *model, const struct jb_payback_request *request,
                            struct jb_error *error, struct jb_payback *ret_payback) {
    _cleanup_(free_simulation) struct jb_simulation simulation = {0};
    struct jb_payback payback = {.draw_count = request->draw_count, .seed = request->seed};
    if (request->draw_count < JB_PAYBACK_DRAWS_FLOOR || request->draw_count > JB_PAYBACK_DRAWS_CEILING)
        return jb_error_set(error, JB_USAGE, "%u draws: %u to %u can be made", request->draw_count,
                            JB_PAYBACK_DRAWS_FLOOR, JB_PAYBACK_DRAWS_CEILING);
    assert(request->thread_count >= 1 && request->thread_count <= JB_THREAD_CEILING);
    enum jb_code code = make_simulation(model, request, error, &simulation);
    if (!code)
        code = jb_simulation_run(&simulation, request->thread_count, error);
    for (int worth = 0; worth < JB_WORTH_COUNT && !code; worth++) {
        if (!model->unknown[worth][0])
            code = finish_worth(&simulation, (enum jb_worth)worth, error, &payback.worths[worth]);
    }
    if (code)
        return code;
    payback.item_count = model->project->item_count;
    payback.item_means = calloc(payback.item_count * JB_WORTH_COUNT + 1, sizeof *payback.item_means);
    if (!payback.item_means)
        return jb_error_set(error, JB_MEMORY, "no memory for the items");
    sum_items(&simulation, payback.item_means);
    *ret_payback = payback;
    return JB_OK;
}

void jb_payback_free(struct jb_payback *payback) {
    if (!payback)
        return;
    free(payback->item_means);
    *payback = (struct jb_payback){0};
}

/* "0.83", but never 0 or 1 of what draws cannot rule out. */
static void add_probability(char *text, size_t size, const char *opening, double probability,
                            const char *close) {
    size_t length = strlen(text);
    if (probability > 0.994)
        (void)snprintf(text + length, size - length, "%s>0.99%s", opening, close);
    else if (probability < 0.006)
        (void)snprintf(text + length, size - length, "%s<0.01%s", opening, close);
    else
        (void)snprintf(text + length, size - length, "%s%.2f%s", opening, probability, close);
}

/* The worths of one kind, joined by commas and "and". Returns how many. */
static size_t add_worths(const struct jb_payback *payback, int kind, char *text) {
    size_t count = 0, seen = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
            const struct jb_payback_worth *result = &payback->worths[worth];
            size_t length = strlen(text);
            if ((result->is_known ? result->pays : 2) != kind)
                continue;
            if (pass == 0) {
                count++;
                continue;
            }
            (void)snprintf(text + length, JB_VERDICT_SIZE - length, "%s%s",
                           seen == 0           ? ""
                           : seen + 1 == count ? " and "
                                               : ", ",
                           jb_worth_name((enum jb_worth)worth));
            if (kind == 1)
                add_probability(text, JB_VERDICT_SIZE, seen == 0 ? " with probability " : " with ",
                                result->probability, "");
            else if (kind == 0)
                add_probability(text, JB_VERDICT_SIZE, " (", result->probability, ")");
            seen++;
        }
    }
    return count;
}

char *jb_payback_verdict(const struct jb_payback *payback, char ret[static JB_VERDICT_SIZE]) {
    size_t counts[3] = {0};
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++)
        counts[payback->worths[worth].is_known ? payback->worths[worth].pays : 2]++;
    (void)snprintf(ret, JB_VERDICT_SIZE, "%s",
                   counts[1]   ? "Pays back in "
                   : counts[0] ? "Does not pay back in "
                               : "");
    add_worths(payback, 1, ret);
    if (counts[1] && counts[0])
        (void)strcat(ret, "; not in ");
    add_worths(payback, 0, ret);
    if (counts[2]) {
        (void)strcat(ret, counts[0] + counts[1] ? "; not known in " : "Not known in ");
        add_worths(payback, 2, ret);
    }
    return strcat(ret, ".");
}
