/* What planning costs: a year of 5-minute steps of 100 regions, in one go and in pieces, and the same tasks
 * by trying every start, which must find the same. */
#include "decide/plan.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define STEP_NS  (5 * JB_MINUTE_NS)
#define LIMIT_MS 500.0

static double cpu_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* A day's shape, a week's and noise, as grids have them. */
static void fill(struct jb_step *steps, size_t count, struct jb_random *random) {
    double shift = jb_random_unit(random) * 6.28, noise = 0;
    for (size_t i = 0; i < count; i++) {
        double hours = (double)i / 12;
        noise = 0.98 * noise + 4 * (jb_random_unit(random) - 0.5);
        steps[i] = (struct jb_step){(int64_t)i * STEP_NS, (int64_t)(i + 1) * STEP_NS,
                                    300 + 90 * cos(hours / 24 * 6.2832 + shift) +
                                        20 * cos(hours / 168 * 6.2832) + noise};
    }
}

/* Every start at an edge of a step, each summed anew from prefix sums. */
static double by_trying(const struct jb_step *steps, size_t count, size_t run) {
    double best = INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += steps[i].value;
        if (i >= run)
            sum -= steps[i - run].value;
        if (i + 1 >= run && sum < best)
            best = sum;
    }
    return best / (double)run;
}

int main(int argc, char **argv) {
    size_t regions = argc > 1 ? strtoul(argv[1], NULL, 10) : 100, count = 365 * 288, run = 72;
    struct jb_random random = jb_random_make(1);
    _cleanup_free_ struct jb_step *steps = calloc(regions * count + 1, sizeof *steps);
    if (!steps || regions == 0)
        return 4;
    for (size_t r = 0; r < regions; r++)
        fill(steps + r * count, count, &random);
    double milliseconds[2] = {0}, tried_ms = 0, worst = 0;
    for (int mode = 0; mode < 2; mode++) {
        struct jb_plan_task task = {.until_ns = (int64_t)count * STEP_NS,
                                    .duration_ns = (int64_t)run * STEP_NS,
                                    .is_interruptible = mode == 1};
        for (size_t r = 0; r < regions; r++) {
            _cleanup_(jb_plan_choice_free) struct jb_plan_choice choice = {0};
            double start = cpu_ms();
            if (jb_plan_best(steps + r * count, count, &task, NULL, &choice))
                return 4;
            milliseconds[mode] += cpu_ms() - start;
            if (mode == 0) {
                start = cpu_ms();
                double tried = by_trying(steps + r * count, count, run);
                tried_ms += cpu_ms() - start;
                worst = fmax(worst, fabs(tried - choice.mean));
            }
        }
    }
    printf("%zu regions of a year in 5-minute steps (%zu steps), a task of 6 h; CPU time of one core\n",
           regions, regions * count);
    printf("  in one go            %8.1f ms (limit %.0f ms)\n", milliseconds[0], LIMIT_MS);
    printf("  in pieces            %8.1f ms (limit %.0f ms)\n", milliseconds[1], LIMIT_MS);
    printf("  a sliding sum alone  %8.1f ms; largest difference %.1e\n", tried_ms, worst);
    printf("plan: run_ms=%.1f pieces_ms=%.1f bare_ms=%.1f ratio=%.2f difference=%.1e limit_ms=%.0f\n",
           milliseconds[0], milliseconds[1], tried_ms, milliseconds[0] / tried_ms, worst, LIMIT_MS);
    return worst < 1e-6 ? 0 : 1;
}
