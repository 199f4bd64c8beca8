/* The ranking analysis of an index: draws of every source of uncertainty beside the bare random numbers that
 * they need.
 *
 *   ranking [--draws N]
 *
 * 13 groups of 100 respondents, 8 items in 4 pillars. Ours is jb_compare: both settings of each draw, all
 * sources exchanged for the Sobol indices, ranks, pairs and tiers. The bare loop takes the same normal
 * numbers through the same root of the covariance, and the same gammas, and does nothing with them. CPU
 * seconds are the process's. */
#include "base/cleanup.h"
#include "base/random.h"
#include "survey/compare.h"

#include <getopt.h>
#include <string.h>
#include <time.h>

enum { GROUPS = 13, EACH = 100, ITEMS = 8, PILLARS = 4, ROWS = GROUPS * EACH };

static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static double cpu_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct jb_index make_index(void) {
    struct jb_index index = {.pillar_count = PILLARS, .item_count = ITEMS};
    for (size_t p = 0; p < PILLARS; p++)
        index.pillars[p] =
            (struct jb_index_pillar){.name = names[p], .weight = 1.0 / PILLARS, .is_contested = p == 2};
    for (size_t i = 0; i < ITEMS; i++)
        index.items[i] = (struct jb_index_item){
            .name = names[i], .pillar = i * PILLARS / ITEMS, .weight = (double)PILLARS / ITEMS};
    return index;
}

/* Random numbers alone: what two settings a draw take. */
static double bare(size_t draws) {
    enum { FIGURES = GROUPS * ITEMS };
    static double root[ITEMS * ITEMS], normal[FIGURES];
    struct jb_random random = jb_random_make(1);
    double sum = 0;
    for (size_t i = 0; i < ITEMS * ITEMS; i++)
        root[i] = jb_random_unit(&random);
    for (size_t draw = 0; draw < 2 * draws; draw++) {
        for (size_t i = 0; i < FIGURES; i++)
            normal[i] = jb_random_normal(&random);
        for (size_t i = 0; i < FIGURES; i++) {
            for (size_t j = 0; j <= i % ITEMS; j++)
                sum += root[i % ITEMS * ITEMS + j] * normal[i / ITEMS * ITEMS + j];
        }
        for (size_t p = 0; p < PILLARS; p++)
            sum += jb_random_gamma(&random, 4);
    }
    return sum;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"draws", required_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
    static double values[ROWS * ITEMS], weight[ROWS];
    static uint32_t block[ROWS];
    size_t draws = JB_COMPARE_DRAWS;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        draws = option == 'd' ? strtoul(optarg, NULL, 10) : 0;
        if (draws < JB_COMPARE_DRAWS || draws > JB_COMPARE_DRAWS_MOST) {
            fprintf(stderr, "usage: ranking [--draws N], N from %zu to %zu\n", JB_COMPARE_DRAWS,
                    JB_COMPARE_DRAWS_MOST);
            return 2;
        }
    }
    struct jb_index index = make_index();
    struct jb_random random = jb_random_make(2024);
    for (size_t row = 0; row < ROWS; row++) {
        block[row] = (uint32_t)(row / EACH), weight[row] = 1;
        for (size_t i = 0; i < ITEMS; i++)
            values[row * ITEMS + i] = jb_random_unit(&random) < 0.4 + 0.02 * (double)block[row] ? 100 : 0;
    }
    struct jb_design design = {
        .count = ROWS, .weight = weight, .stage_count = 1, .stages = {{.stratum = block}}};
    struct jb_compare_options how = {
        .draws = draws, .seed = 1, .concentration = 4, .confidence = 0.95, .separation = 0.95};
    struct jb_scoring scoring;
    struct jb_comparison comparison;
    struct jb_error error = {0};
    double start = cpu_s();
    if (jb_design_prepare(&design, &error) ||
        jb_score(&design, &index, values, block, GROUPS, &error, &scoring) ||
        jb_compare(&scoring, &how, &error, &comparison)) {
        fprintf(stderr, "ranking: %s\n", error.message);
        return 4;
    }
    double ours = cpu_s() - start;
    start = cpu_s();
    double sum = bare(draws), least = cpu_s() - start;
    printf("ranking: %zu draws of %d groups; mean shift %.2f places (bare sum %.3g)\n", draws, GROUPS,
           comparison.shift, sum);
    printf("ranking: draws=%zu cpu_s=%.3f bare_s=%.3f ours_over_bare=%.2f draws_per_s=%.0f\n", draws, ours,
           least, ours / least, (double)draws / ours);
    jb_comparison_free(&comparison);
    jb_scoring_free(&scoring);
    jb_design_finish(&design);
    return 0;
}
