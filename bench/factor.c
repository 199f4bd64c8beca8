/* What a factor look-up costs: each factor that ships, in random order, by its names and a date; and beside
 * it what reading the names and the answers costs alone, which is in the look-up's figure too. */
#include "factor/factor.h"
#include "base/clock.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS   25 /* the least counts: what others do to the caches is not ours */
#define LIMIT_NS 100.0

static double now_ns(void) {
    return (double)jb_clock_system.monotonic_ns(&jb_clock_system);
}

static int64_t date_of(const struct jb_factor *row) {
    return row->from_ns == INT64_MIN ? 0 : row->from_ns;
}

/* Least time of the rounds for one look-up; every answer is checked for being there. */
static double measure(const struct jb_factors *factors, const struct jb_factor_query *queries, size_t count,
                      double *ret_sum) {
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct jb_factor_answer answer;
        double sum = 0, start = now_ns();
        for (size_t i = 0; i < count; i++) {
            if (jb_factors_find(factors, &queries[i], &answer))
                return -1;
            sum += answer.factor->value;
        }
        double each = (now_ns() - start) / (double)count;
        if (round == 0 || each < best)
            best = each;
        *ret_sum = sum;
    }
    return best;
}

/* What any look-up would cost on top of finding: reading the names that are asked for, where the caller has
 * them, and the value of the answer, where the row is. rows: the answers. */
static double measure_walk(const struct jb_factor_query *queries, const struct jb_factor **rows, size_t count,
                           double *ret_sum) {
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double sum = 0, start = now_ns();
        for (size_t i = 0; i < count; i++) {
            size_t length =
                strlen(queries[i].provider) + strlen(queries[i].region) + strlen(queries[i].subject);
            sum += rows[i]->value + (double)length;
        }
        double each = (now_ns() - start) / (double)count;
        if (round == 0 || each < best)
            best = each;
        *ret_sum = sum;
    }
    return best;
}

int main(int argc, char **argv) {
    struct jb_error error = {0};
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    struct jb_factor_load load = {.data_path = argc > 1 ? argv[1] : "data"};
    double start = now_ns();
    if (jb_factors_load(&load, &error, &factors)) {
        fprintf(stderr, "factor: %s\n", error.message);
        return 4;
    }
    double load_ms = (now_ns() - start) / 1e6;
    const struct jb_factor *all;
    size_t count = jb_factors_all(factors, &all);
    _cleanup_free_ struct jb_factor_query *queries = calloc(count, sizeof *queries);
    _cleanup_free_ const struct jb_factor **rows = calloc(count, sizeof *rows);
    if (!queries || !rows || count < 2)
        return 4;
    struct jb_random random = jb_random_make(1);
    for (size_t i = 0; i < count; i++) {
        const struct jb_factor *row = &all[jb_random_below(&random, count)];
        queries[i] = (struct jb_factor_query){.quantity = row->quantity,
                                              .provider = row->provider,
                                              .region = row->region,
                                              .subject = row->subject,
                                              .at_ns = date_of(row)};
        rows[i] = row;
    }
    double sum = 0, walk_ns = measure_walk(queries, rows, count, &sum);
    double random_ns = measure(factors, queries, count, &sum);
    /* As a statement asks: a hundred places over and over. */
    for (size_t i = 100; i < count; i++)
        queries[i] = queries[i % 100];
    double warm_ns = measure(factors, queries, count, &sum);
    if (random_ns < 0 || warm_ns < 0) {
        fprintf(stderr, "factor: a row was not found\n");
        return 1;
    }
    printf("%zu factors, loaded and checked in %.1f ms; sum %.6g\n", count, load_ms, sum);
    printf(
        "factor: lookup_ns=%.1f lookup_random_ns=%.1f walk_ns=%.1f limit_ns=%.0f ratio=%.2f load_ms=%.1f\n",
        warm_ns, random_ns, walk_ns, LIMIT_NS, random_ns / LIMIT_NS, load_ms);
    return 0;
}
