/* Fits the constants of the energy model to measured runs; shared by the benchmark and tools/fit-energy. */
#ifndef JB_BENCH_ENERGY_FIT_H
#define JB_BENCH_ENERGY_FIT_H

#include "estimate/constants.h"
#include "estimate/rows.h"

#include <stdbool.h>

/* A measured run. */
struct jb_sample {
    struct jb_job job;
    char task[48], gpu[48], family[48];
    double energy_j; /* per output token, image or video */
    double time_s;   /* of a step, or of a batch of pictures */
    double batch, active_b;
    bool is_old; /* of the older table */
};

struct jb_samples {
    struct jb_sample *items;
    size_t count, capacity;
};
void jb_samples_free(struct jb_samples *samples);

/* Adds all rows of a table that have a measured energy. */
enum jb_code jb_samples_read(struct jb_job_maker *maker, const char *path, struct jb_error *error,
                             struct jb_samples *samples);

/* Energy as in the sample, and time. */
enum jb_code jb_sample_predict(const struct jb_energy_constants *constants, const struct jb_sample *sample,
                               struct jb_error *error, double *ret_energy_j, double *ret_time_s);

/* Moves the constants of the text or the picture model (with those of the work) to where they explain the
 * samples best that are of no family `left_out` (NULL: all), starting from what is in them. Gauss-Newton with
 * Levenberg's damping in the logarithms, residuals of energies and times weighed down where they are large,
 * and constants drawn to their start. */
enum jb_code jb_fit(const struct jb_samples *samples, bool is_picture, const char *left_out,
                    const struct jb_constant *described, int iterations, struct jb_error *error,
                    struct jb_energy_constants *constants);

#endif
