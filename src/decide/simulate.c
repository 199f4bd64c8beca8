/* Draws a project many times over: blocks of draws, each from a generator of its own, so that figures are the
 * same whatever thread computes them. */
#include "decide/simulate.h"

#include "base/strings.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One thread's working memory. */
struct scratch {
    double *a, *b;  /* [input][draw of the block] */
    double *terms;  /* [term][draw]: of a, × what the profile makes of it over the life, with its sign */
    double *sums;   /* [worth × profile][draw]: rates or amounts of a, with their sign */
    double *net_b;  /* [worth][draw] */
    double *values; /* [draw] */
};

static void free_scratch(struct scratch *scratch) {
    free(scratch->a);
    free(scratch->b);
    free(scratch->terms);
    free(scratch->sums);
    free(scratch->net_b);
    free(scratch->values);
}

static bool make_scratch(const struct jb_payback_model *model, struct scratch *scratch) {
    size_t inputs = model->project->inputs.count;
    scratch->a = calloc((inputs + 1) * JB_BLOCK, sizeof(double));
    scratch->b = calloc((inputs + 1) * JB_BLOCK, sizeof(double));
    scratch->terms = calloc((model->term_count + 1) * JB_BLOCK, sizeof(double));
    scratch->sums = calloc((model->profile_count + 1) * JB_WORTH_COUNT * JB_BLOCK, sizeof(double));
    scratch->net_b = calloc((size_t)JB_WORTH_COUNT * JB_BLOCK, sizeof(double));
    scratch->values = calloc(JB_BLOCK, sizeof(double));
    return scratch->a && scratch->b && scratch->terms && scratch->sums && scratch->net_b && scratch->values;
}

void jb_block_draw(const struct jb_uncertain_list *inputs, uint64_t seed, uint32_t block, double *a,
                   double *b) {
    struct jb_random random = jb_random_make(jb_hash_uint64(seed) + block);
    for (size_t i = 0; i < inputs->count; i++) {
        for (size_t d = 0; d < JB_BLOCK; d++)
            a[i * JB_BLOCK + d] = jb_distribution_draw(&inputs->items[i].distribution, &random);
    }
    for (size_t i = 0; b && i < inputs->count; i++) {
        for (size_t d = 0; d < JB_BLOCK; d++)
            b[i * JB_BLOCK + d] = jb_distribution_draw(&inputs->items[i].distribution, &random);
    }
}

/* values × x^power. */
static void multiply_power(double *values, const double *x, int power, bool is_complement, size_t count) {
    for (int k = power < 0 ? -power : power; k > 0; k--) {
        for (size_t d = 0; d < count; d++) {
            double factor = is_complement ? 1 - x[d] : x[d];
            values[d] = power < 0 ? values[d] / factor : values[d] * factor;
        }
    }
}

void jb_product_values(const struct jb_product *product, double constant, const double *inputs,
                       uint16_t other, const double *other_inputs, size_t count, double *ret_values) {
    for (size_t d = 0; d < count; d++)
        ret_values[d] = constant;
    for (size_t i = 0; i < product->count; i++) {
        uint16_t input = product->factors[i].input;
        const double *from = (input == other ? other_inputs : inputs) + (size_t)input * JB_BLOCK;
        multiply_power(ret_values, from, product->factors[i].power, false, count);
        multiply_power(ret_values, from, product->factors[i].complement, true, count);
    }
}

/* Constant of a term over the whole life, negative for a cost. */
double jb_term_constant(const struct jb_simulation *simulation, const struct jb_term *term) {
    double whole = simulation->cumulative[term->profile * (JB_PAYBACK_STEPS + 1) + JB_PAYBACK_STEPS];
    return (term->is_benefit ? 1 : -1) * term->product.constant * whole;
}

/* The term's values with the inputs of a, kept; costs, benefits and sums by profile. */
static void evaluate(const struct jb_simulation *simulation, struct scratch *scratch, size_t start,
                     size_t count, double *item_sums) {
    const struct jb_payback_model *model = simulation->model;
    memset(scratch->sums, 0, model->profile_count * JB_WORTH_COUNT * JB_BLOCK * sizeof(double));
    for (size_t t = 0; t < model->term_count; t++) {
        const struct jb_term *term = &model->terms[t];
        double *values = scratch->terms + t * JB_BLOCK, sum = 0;
        double whole = simulation->cumulative[term->profile * (JB_PAYBACK_STEPS + 1) + JB_PAYBACK_STEPS];
        double *sums =
            scratch->sums + ((size_t)term->worth * model->profile_count + term->profile) * JB_BLOCK;
        double *side = (term->is_benefit ? simulation->benefit : simulation->cost)[term->worth] + start;
        double sign = term->is_benefit ? 1 : -1;
        jb_product_values(&term->product, term->product.constant, scratch->a, UINT16_MAX, NULL, count,
                          values);
        for (size_t d = 0; d < count; d++) {
            sums[d] += sign * values[d];
            side[d] += values[d] * whole;
            sum += values[d] * whole;
            values[d] *= sign * whole;
        }
        item_sums[(size_t)term->item * JB_WORTH_COUNT + term->worth] += sum;
    }
}

/* From when on the sum over profiles stays above 0: the last step at which it is not, and between it and the
 * next by a straight line. */
static double break_even(const struct jb_simulation *simulation, const double *sums, double net) {
    const size_t profiles = simulation->model->profile_count;
    double life = simulation->model->project->life_h, after = net;
    if (!(net > 0))
        return INFINITY;
    for (size_t step = JB_PAYBACK_STEPS; step-- > 0;) {
        double value = 0;
        for (size_t p = 0; p < profiles; p++)
            value += sums[p * JB_BLOCK] * simulation->cumulative[p * (JB_PAYBACK_STEPS + 1) + step];
        if (value <= 0)
            return life * ((double)step + (after > value ? -value / (after - value) : 1)) / JB_PAYBACK_STEPS;
        after = value;
    }
    return 0;
}

static void finish_draws(const struct jb_simulation *simulation, const struct scratch *scratch, size_t start,
                         size_t count) {
    const struct jb_payback_model *model = simulation->model;
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        const double *sums = scratch->sums + (size_t)worth * model->profile_count * JB_BLOCK;
        for (size_t d = 0; d < count; d++) {
            double net = simulation->benefit[worth][start + d] - simulation->cost[worth][start + d];
            simulation->net[worth][start + d] = net;
            simulation->even[worth][start + d] = break_even(simulation, sums + d, net);
        }
    }
}

/* Net of the inputs of b. */
static void evaluate_b(const struct jb_simulation *simulation, struct scratch *scratch, size_t count) {
    const struct jb_payback_model *model = simulation->model;
    memset(scratch->net_b, 0, (size_t)JB_WORTH_COUNT * JB_BLOCK * sizeof(double));
    for (size_t t = 0; t < model->term_count; t++) {
        const struct jb_term *term = &model->terms[t];
        double *net = scratch->net_b + (size_t)term->worth * JB_BLOCK;
        jb_product_values(&term->product, jb_term_constant(simulation, term), scratch->b, UINT16_MAX, NULL,
                          count, scratch->values);
        for (size_t d = 0; d < count; d++)
            net[d] += scratch->values[d];
    }
}

static bool has_input(const struct jb_product *product, uint16_t input) {
    for (size_t i = 0; i < product->count; i++) {
        if (product->factors[i].input == input)
            return true;
    }
    return false;
}

/* Sums for the indices of one input in one worth: only terms in which it stands change when it alone is drawn
 * anew. */
static void add_index(const struct jb_simulation *simulation, struct scratch *scratch, enum jb_worth worth,
                      uint16_t input, size_t count, struct jb_index_sums *sums) {
    const struct jb_payback_model *model = simulation->model;
    double change[JB_BLOCK] = {0};
    bool is_used = false;
    for (size_t t = 0; t < model->term_count; t++) {
        const struct jb_term *term = &model->terms[t];
        if (term->worth != worth || !has_input(&term->product, input))
            continue;
        is_used = true;
        jb_product_values(&term->product, jb_term_constant(simulation, term), scratch->a, input, scratch->b,
                          count, scratch->values);
        for (size_t d = 0; d < count; d++)
            change[d] += scratch->values[d] - scratch->terms[t * JB_BLOCK + d];
    }
    if (is_used)
        jb_index_add(sums, scratch->net_b + (size_t)worth * JB_BLOCK, change, count,
                     simulation->centre[worth]);
}

static void run_block(const struct jb_simulation *simulation, struct scratch *scratch, uint32_t block) {
    const struct jb_uncertain_list *inputs = &simulation->model->project->inputs;
    size_t start = (size_t)block * JB_BLOCK;
    size_t count = simulation->draw_count - start < JB_BLOCK ? simulation->draw_count - start : JB_BLOCK;
    jb_block_draw(inputs, simulation->seed, block, scratch->a, scratch->b);
    evaluate(simulation, scratch, start, count,
             simulation->item_sums + (size_t)block * simulation->model->project->item_count * JB_WORTH_COUNT);
    finish_draws(simulation, scratch, start, count);
    evaluate_b(simulation, scratch, count);
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        struct jb_index_sums *sums =
            simulation->index_sums + ((size_t)block * JB_WORTH_COUNT + (size_t)worth) * inputs->count;
        for (size_t i = 0; i < inputs->count; i++)
            add_index(simulation, scratch, (enum jb_worth)worth, (uint16_t)i, count, &sums[i]);
    }
}

struct worker {
    const struct jb_simulation *simulation;
    struct scratch scratch;
    uint32_t first, step;
};

static void *work(void *argument) {
    struct worker *worker = argument;
    for (uint32_t block = worker->first; block < worker->simulation->block_count; block += worker->step)
        run_block(worker->simulation, &worker->scratch, block);
    return NULL;
}

enum jb_code jb_simulation_run(const struct jb_simulation *simulation, unsigned thread_count,
                               struct jb_error *error) {
    struct worker workers[JB_THREAD_CEILING] = {0};
    pthread_t threads[JB_THREAD_CEILING];
    bool is_running[JB_THREAD_CEILING] = {false};
    enum jb_code code = JB_OK;
    for (unsigned i = 0; i < thread_count && !code; i++) {
        workers[i] = (struct worker){.simulation = simulation, .first = i, .step = thread_count};
        if (!make_scratch(simulation->model, &workers[i].scratch))
            code = jb_error_set(error, JB_MEMORY, "no memory for the draws");
    }
    /* Where a thread cannot be had, its share is done here. */
    for (unsigned i = 1; i < thread_count && !code; i++)
        is_running[i] = pthread_create(&threads[i], NULL, work, &workers[i]) == 0;
    for (unsigned i = 0; i < thread_count && !code; i++) {
        if (!is_running[i])
            work(&workers[i]);
    }
    for (unsigned i = 0; i < thread_count; i++) {
        if (is_running[i])
            pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < thread_count; i++)
        free_scratch(&workers[i].scratch);
    return code;
}
