/* How far an input must go for the answer to be another one. */
#include "decide/simulate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_CEILING 20 /* draws that are looked at: 20,480 tell a probability of one half to ±0.7 % */
#define FORM_CEILING   8
#define PLACE_CEILING  96
#define BISECTIONS     40

/* Terms in which the input has the same powers move together: coefficient × x^power × (1 − x)^complement. */
struct form {
    int8_t power, complement;
    double *coefficients; /* [draw] */
};

struct slice {
    size_t draw_count;
    double *rest; /* [draw]: terms without the input */
    struct form forms[FORM_CEILING];
    size_t form_count;
    double *values; /* [draw]: of the input itself */
};

static void free_slice(struct slice *slice) {
    for (size_t i = 0; i < slice->form_count; i++)
        free(slice->forms[i].coefficients);
    free(slice->rest);
    free(slice->values);
}

/* Where the values of a term without the input are summed up; NULL when there is no memory. *ret_product: the
 * term without it. */
static double *place_of(struct slice *slice, const struct jb_product *product, uint16_t input,
                        struct jb_product *ret_product) {
    int8_t power = 0, complement = 0;
    *ret_product = *product;
    for (size_t i = 0; i < ret_product->count; i++) {
        if (ret_product->factors[i].input != input)
            continue;
        power = ret_product->factors[i].power;
        complement = ret_product->factors[i].complement;
        ret_product->factors[i] = ret_product->factors[--ret_product->count];
    }
    if (power == 0 && complement == 0)
        return slice->rest;
    size_t at = 0;
    while (at < slice->form_count &&
           (slice->forms[at].power != power || slice->forms[at].complement != complement))
        at++;
    if (at == FORM_CEILING)
        return NULL;
    if (at == slice->form_count) {
        double *coefficients = calloc(slice->draw_count, sizeof *coefficients);
        if (!coefficients)
            return NULL;
        slice->forms[slice->form_count++] =
            (struct form){.power = power, .complement = complement, .coefficients = coefficients};
    }
    return slice->forms[at].coefficients;
}

static bool add_block(const struct jb_simulation *simulation, enum jb_worth worth, uint16_t input,
                      uint32_t block, double *inputs, struct slice *slice) {
    const struct jb_payback_model *model = simulation->model;
    double values[JB_BLOCK];
    size_t start = (size_t)block * JB_BLOCK;
    size_t count = slice->draw_count - start < JB_BLOCK ? slice->draw_count - start : JB_BLOCK;
    jb_block_draw(&model->project->inputs, simulation->seed, block, inputs, NULL);
    memcpy(slice->values + start, inputs + (size_t)input * JB_BLOCK, count * sizeof(double));
    for (size_t t = 0; t < model->term_count; t++) {
        const struct jb_term *term = &model->terms[t];
        struct jb_product product;
        if (term->worth != worth)
            continue;
        double *place = place_of(slice, &term->product, input, &product);
        if (!place)
            return false;
        jb_product_values(&product, jb_term_constant(simulation, term), inputs, UINT16_MAX, NULL, count,
                          values);
        for (size_t d = 0; d < count; d++)
            place[start + d] += values[d];
    }
    return true;
}

static double raise(double x, int power) {
    double value = 1;
    for (int i = power < 0 ? -power : power; i > 0; i--)
        value *= x;
    return power < 0 ? 1 / value : value;
}

/* Whether the project pays with the input at x. */
static bool pays_at(const struct slice *slice, double x) {
    size_t paying = 0;
    double scales[FORM_CEILING];
    for (size_t i = 0; i < slice->form_count; i++)
        scales[i] = raise(x, slice->forms[i].power) * raise(1 - x, slice->forms[i].complement);
    for (size_t d = 0; d < slice->draw_count; d++) {
        double net = slice->rest[d];
        for (size_t i = 0; i < slice->form_count; i++)
            net += slice->forms[i].coefficients[d] * scales[i];
        paying += net > 0;
    }
    return 2 * paying >= slice->draw_count;
}

/* Places to look at from the median on in one direction (-1, 1), ever farther; returns how many. */
static size_t make_places(const struct jb_uncertain *input, int direction, double *places) {
    double low, high, least, most, median = jb_distribution_median(&input->distribution);
    size_t count = 0;
    jb_distribution_support(&input->distribution, &least, &most);
    jb_distribution_interval(&input->distribution, &low, &high);
    /* What is hardly ever negative is not looked for below 0: four standard deviations of a normal. */
    least = fmax(least >= 0 || low - (high - low) / 2 >= 0 ? 0 : -INFINITY, input->least);
    most = input->most;
    double step = fmax((high - low) / 16, fabs(median) * 1e-3);
    double end = direction < 0 ? least : most;
    for (double at = median; count < PLACE_CEILING - 1; at += direction * step) {
        if (direction * (at - end) >= 0)
            break;
        places[count++] = at;
        if (count > 16)
            step *= 1.25;
    }
    if (isfinite(end))
        places[count++] = end;
    return count;
}

/* False when the answer changes at the very end of what makes sense, where nothing costs or saves anything.
 */
static bool bisect(const struct slice *slice, bool pays, double inside, double beyond,
                   double *ret_threshold) {
    double end = beyond, width = fabs(beyond - inside);
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = inside + (beyond - inside) / 2;
        if (pays_at(slice, middle) == pays)
            inside = middle;
        else
            beyond = middle;
    }
    *ret_threshold = inside + (beyond - inside) / 2;
    return fabs(*ret_threshold - end) > 1e-6 * width;
}

static void find_crossing(const struct slice *slice, const struct jb_uncertain *input, bool pays,
                          struct jb_influence *influence) {
    double places[2][PLACE_CEILING];
    size_t counts[2] = {make_places(input, -1, places[0]), make_places(input, 1, places[1])};
    bool before[2] = {true, true};
    for (size_t i = 0; i < PLACE_CEILING && !influence->has_threshold; i++) {
        for (int side = 0; side < 2 && !influence->has_threshold; side++) {
            if (i >= counts[side])
                continue;
            bool is_same = pays_at(slice, places[side][i]) == pays;
            /* At the median itself the answer may be the other one: then the way out of it is looked for. */
            if (i > 0 && is_same != before[side])
                influence->has_threshold = bisect(slice, pays, places[side][is_same ? i : i - 1],
                                                  places[side][is_same ? i - 1 : i], &influence->threshold);
            if (influence->has_threshold)
                influence->is_above = (side == 1) != is_same;
            before[side] = is_same;
        }
    }
    size_t beyond = 0;
    for (size_t d = 0; d < slice->draw_count; d++)
        beyond += influence->is_above ? slice->values[d] > influence->threshold
                                      : slice->values[d] < influence->threshold;
    influence->probability = influence->has_threshold ? (double)beyond / (double)slice->draw_count : 0;
}

enum jb_code jb_threshold_find(const struct jb_simulation *simulation, enum jb_worth worth, bool pays,
                               struct jb_error *error, struct jb_influence *influence) {
    const struct jb_uncertain_list *inputs = &simulation->model->project->inputs;
    uint32_t blocks = simulation->block_count < BLOCKS_CEILING ? simulation->block_count : BLOCKS_CEILING;
    _cleanup_(free_slice) struct slice slice = {.draw_count = (size_t)blocks * JB_BLOCK};
    if (slice.draw_count > simulation->draw_count)
        slice.draw_count = simulation->draw_count;
    _cleanup_free_ double *drawn = calloc(inputs->count * JB_BLOCK, sizeof *drawn);
    slice.rest = calloc(slice.draw_count, sizeof *slice.rest);
    slice.values = calloc(slice.draw_count, sizeof *slice.values);
    bool is_good = drawn && slice.rest && slice.values;
    for (uint32_t block = 0; block < blocks && is_good; block++)
        is_good = add_block(simulation, worth, influence->input, block, drawn, &slice);
    if (!is_good)
        return jb_error_set(error, JB_MEMORY, "no memory to look for thresholds");
    find_crossing(&slice, &inputs->items[influence->input], pays, influence);
    return JB_OK;
}
