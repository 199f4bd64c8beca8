/* What 100,000 draws of a project cost: probabilities, intervals, break-even, Sobol indices and thresholds,
 * beside the bare loop that only draws the inputs twice and multiplies the terms out once. */
#include "decide/payback.h"
#include "base/strings.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROUNDS  3
#define LIMIT_S 1.0

static double cpu_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A project of `pairs` costs and as many benefits: three uncertain inputs each. */
static size_t write_project(char *text, size_t size, int pairs) {
    size_t length = (size_t)snprintf(text, size,
                                     "[project]\nstart = 2026-01-01\nlife = 5 years\ncurrency = EUR\n"
                                     "grid_intensity = lognormal(400, 1.2) gCO2e/kWh\n"
                                     "electricity_price = normal(0.15, 0.02) EUR/kWh\n"
                                     "pue = triangular(1.1, 1.2, 1.5)\nrebound = uniform(0, 0.2)\n");
    for (int i = 0; i < pairs; i++)
        length +=
            (size_t)snprintf(text + length, size - length,
                             "[cost c%d]\namount = lognormal(%d, 1.4) kWh / month\nscope = it\n"
                             "share = uniform(0.5, 1)\n[benefit b%d]\n"
                             "amount = normal(%d, 9) * triangular(1, 2, 4) kWh / month\nramp = 6 months\n"
                             "attribution = uniform(0.4, 0.9)\n",
                             i, 100 + i, i, 80 + i);
    return length;
}

/* Returns CPU seconds; the sum keeps the loop from being left out. */
static double bare_loop(const struct jb_payback_model *model, uint32_t draws, double *ret_sum) {
    const struct jb_uncertain_list *inputs = &model->project->inputs;
    double values[JB_INPUT_CEILING], start = cpu_s(), sum = 0;
    struct jb_random random = jb_random_make(1);
    for (uint32_t d = 0; d < 2 * draws; d++) {
        for (size_t i = 0; i < inputs->count; i++)
            values[i] = jb_distribution_draw(&inputs->items[i].distribution, &random);
        for (size_t t = 0; d < draws && t < model->term_count; t++)
            sum += jb_product_value(&model->terms[t].product, values);
    }
    *ret_sum = sum;
    return cpu_s() - start;
}

static bool measure(int pairs, double *ret_ours, double *ret_bare, size_t *ret_inputs) {
    static char text[1 << 16];
    struct jb_error error = {0};
    _cleanup_(jb_project_free_cleanup) struct jb_project *project = NULL;
    _cleanup_(jb_payback_model_free) struct jb_payback_model model = {0};
    struct jb_payback_sources sources = {0};
    struct jb_payback_request request = {.draw_count = JB_PAYBACK_DRAWS, .seed = 1, .thread_count = 1};
    size_t length = write_project(text, sizeof text, pairs);
    if (jb_project_parse(text, length, "bench", NULL, &error, &project) ||
        jb_payback_model_make(project, &sources, &error, &model)) {
        fprintf(stderr, "payback: %s\n", error.message);
        return false;
    }
    *ret_inputs = project->inputs.count;
    for (int round = 0; round < ROUNDS; round++) {
        _cleanup_(jb_payback_free) struct jb_payback payback = {0};
        double sum, start = cpu_s();
        if (jb_payback_run(&model, &request, &error, &payback))
            return false;
        double ours = cpu_s() - start, bare = bare_loop(&model, JB_PAYBACK_DRAWS, &sum);
        *ret_ours = round == 0 || ours < *ret_ours ? ours : *ret_ours;
        *ret_bare = round == 0 || bare < *ret_bare ? bare : *ret_bare;
    }
    return true;
}

int main(void) {
    double small, small_bare, large, large_bare;
    size_t small_inputs, large_inputs;
    if (!measure(3, &small, &small_bare, &small_inputs) || !measure(12, &large, &large_bare, &large_inputs))
        return 4;
    printf("%8s %10s %10s %10s\n", "inputs", "CPU s", "bare s", "ratio");
    printf("%8zu %10.3f %10.3f %10.2f\n", small_inputs, small, small_bare, small / small_bare);
    printf("%8zu %10.3f %10.3f %10.2f\n", large_inputs, large, large_bare, large / large_bare);
    printf(
        "payback: draws=%u inputs=%zu seconds=%.3f of_limit=%.2f of_bare=%.2f seconds_of_%zu_inputs=%.3f\n",
        JB_PAYBACK_DRAWS, small_inputs, small, small / LIMIT_S, small / small_bare, large_inputs, large);
    return small < LIMIT_S ? 0 : 1;
}
